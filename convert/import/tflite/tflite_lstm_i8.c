// SPDX-License-Identifier: Apache-2.0
// UNIDIRECTIONAL_SEQUENCE_LSTM of 8-bit numbers with a 16-bit cell: lstm_i8, whose factors are worked out here as
// TensorFlow Lite's kernel does (in f32, then QuantizeMultiplier).
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_recurrent.h"

#include <math.h>
#include <string.h>

enum { OF_X = 1, OF_H = 5, OF_CELL = 9, BIASES = 12, PROJECTION = 16, STATE = 18, CELL_STATE = 19 };
enum { NORMS = 20, HIDDEN = 4 }; // HIDDEN: of the intermediate tensors
enum { CELL_CLIP = 1, PROJECTION_CLIP, TIME_MAJOR };
enum { GATES = 4, FACTORS = 13, FACTOR_OF_H = 4, FACTOR_OF_CELL = 8, FACTOR_HIDDEN = 11 };

typedef struct integer_lstm {
    size_t in, hidden, outputs;
    float x_scale, state_scale, hidden_scale;
    int32_t state_zero, hidden_zero, cell_shift;
    mite_ir_value *w, *r, *bias, *factors, *peepholes, *projection, *projection_bias;
} integer_lstm;

static bool put_factor(tfl_import *c, const integer_lstm *l, size_t k, double factor) {
    int32_t *multiplier = (int32_t *)l->factors->data + k, *shift = multiplier + FACTORS;
    tfl_fixed_factor(factor, 31, multiplier, shift);
    if (*shift <= 30) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its scales are too far apart");
    return false;
}

static bool scale_of(tfl_import *c, size_t k, float *scale) {
    int32_t zero;
    const tfl_tensor *t = tfl_input(c, k);
    *scale = 1;
    return !t || tfl_stored_quantization(c, t, scale, &zero);
}

// Weights [rows,columns] of i8 with one scale, behind one another from element `at` on.
static bool put_weights(tfl_import *c, mite_ir_value *to, size_t at, size_t k, size_t rows,
                        size_t columns, float *scale) {
    const int32_t shape[4] = {(int32_t)rows, 1, 1, (int32_t)columns};
    const mite_ir_value *w = tfl_weights(c, k, 4, shape), *q = w ? w->origin : NULL;
    if (!w || !to) return false;
    if (!q || q->dtype != MITE_I8 || q->quant_count != 1 || q->zero_points[0]) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its weights %q must be int8 with one scale and the zero point 0", w->name);
        return false;
    }
    memcpy((int8_t *)to->data + at, q->data, rows * columns);
    *scale = q->scales[0];
    return true;
}

static bool put_integers(tfl_import *c, mite_ir_value *to, size_t at, size_t k, size_t count) {
    const mite_ir_value *v = tfl_in(c, k);
    if (!v || !to) return false;
    if (!v->data || v->dtype != to->dtype || mite_ir_elements(v) != count) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input %z must be %z constant %s", k, count,
                     mite_ir_dtype_name(to->dtype));
        return false;
    }
    size_t bytes = mite_dtype_bytes(to->dtype);
    memcpy((uint8_t *)to->data + at * bytes, v->data, count * bytes);
    return true;
}

static mite_ir_value *zeros(tfl_import *c, mite_dtype dtype, size_t a, size_t b, size_t d) {
    return mite_ir_constant(c->g, tfl_name(c), dtype, 3,
                            (const int32_t[]){(int32_t)a, (int32_t)b, (int32_t)d});
}

static bool read_gates(tfl_import *c, integer_lstm *l) {
    const float unit = 0x1p-12f;
    const size_t h = l->hidden;
    l->w = zeros(c, MITE_I8, GATES, h, l->in);
    l->r = zeros(c, MITE_I8, GATES, h, l->outputs);
    l->bias = zeros(c, MITE_I32, 1, GATES, h);
    for (size_t gate = tfl_has(c, OF_X) ? 0 : 1; gate < GATES; gate++) {
        float of_x, of_h;
        if (!put_weights(c, l->w, gate * h * l->in, OF_X + gate, h, l->in, &of_x) ||
            !put_weights(c, l->r, gate * h * l->outputs, OF_H + gate, h, l->outputs, &of_h) ||
            !put_factor(c, l, gate, (double)(of_x * l->x_scale / unit)) ||
            !put_factor(c, l, FACTOR_OF_H + gate, (double)(of_h * l->state_scale / unit)) ||
            (tfl_has(c, BIASES + gate) && !put_integers(c, l->bias, gate * h, BIASES + gate, h)))
            return false;
    }
    return mite_ir_ok(c->g);
}

static bool read_peepholes(tfl_import *c, integer_lstm *l) {
    if (!tfl_has(c, OF_CELL + 1)) return true;
    l->peepholes = zeros(c, MITE_I16, 1, 3, l->hidden);
    for (size_t i = 0; i < 3; i++) {
        float scale;
        if (!tfl_has(c, OF_CELL + i)) continue;
        if (!put_integers(c, l->peepholes, i * l->hidden, OF_CELL + i, l->hidden) ||
            !scale_of(c, OF_CELL + i, &scale) ||
            !put_factor(c, l, FACTOR_OF_CELL + i,
                        (double)(float)(ldexp(1, l->cell_shift) * (double)scale / 0x1p-12)))
            return false;
    }
    return true;
}

static bool read_projection(tfl_import *c, integer_lstm *l) {
    float scale;
    if (!tfl_has(c, PROJECTION)) return true;
    l->projection = zeros(c, MITE_I8, 1, l->outputs, l->hidden);
    if (!put_weights(c, l->projection, 0, PROJECTION, l->outputs, l->hidden, &scale) ||
        !put_factor(c, l, FACTOR_HIDDEN + 1, (double)(scale * l->hidden_scale / l->state_scale)))
        return false;
    if (!tfl_has(c, PROJECTION + 1)) return true;
    l->projection_bias = zeros(c, MITE_I32, 1, 1, l->outputs);
    return put_integers(c, l->projection_bias, 0, PROJECTION + 1, l->outputs);
}

// The cell's scale is a power of two.
static bool read_cell(tfl_import *c, integer_lstm *l) {
    float scale;
    int e;
    if (!scale_of(c, CELL_STATE, &scale)) return false;
    bool power = frexp((double)scale, &e) == 0.5;
    l->cell_shift = e - 1;
    if (power && l->cell_shift >= -15 && l->cell_shift <= -9) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "the scale of its cell is no power of two from 2^-15 to 2^-9");
    return false;
}

static bool read_scales(tfl_import *c, integer_lstm *l) {
    int32_t zero;
    const tfl_node *n = c->node;
    int32_t which = n->intermediate_count > HIDDEN ? n->intermediates[HIDDEN] : -1;
    const tfl_tensor *hidden = which < 0 ? NULL : &c->graph->tensors[which];
    bool normalizes = tfl_has(c, NORMS + 1);
    if (!tfl_has(c, STATE) || !tfl_has(c, CELL_STATE) || normalizes || !hidden ||
        n->intermediate_count != HIDDEN + 1 || tfl_input(c, CELL_STATE)->type != TFL_INT16 ||
        tfl_input(c, STATE)->type != TFL_INT8) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "of integer arithmetic only that of 8-bit states and 16-bit cells without "
                     "layer normalization is supported");
        return false;
    }
    return tfl_stored_quantization(c, tfl_input(c, 0), &l->x_scale, &zero) &&
           tfl_stored_quantization(c, tfl_input(c, STATE), &l->state_scale, &l->state_zero) &&
           tfl_stored_quantization(c, hidden, &l->hidden_scale, &l->hidden_zero) && read_cell(c, l);
}

static bool read_shapes(tfl_import *c, integer_lstm *l, const mite_ir_value *x) {
    size_t hidden;
    if (!tfl_weights_shape(c, OF_X + 1, &l->hidden, &l->in) ||
        !tfl_weights_shape(c, OF_H + 1, &hidden, &l->outputs))
        return false;
    if (x->rank == 3 && hidden == l->hidden) return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %T and weights [%z,.] and [%z,.] do not fit",
                 (size_t)x->rank, x->shape, l->hidden, hidden);
    return false;
}

static int32_t quanta_of(tfl_import *c, size_t option, float scale, float most) {
    float clip = tfl_option_float(c, option);
    return clip > 0 ? (int32_t)fminf(clip / scale, most) : 0;
}

bool tfl_set_integer_lstm(tfl_import *c) {
    const tfl_tensor *t = tfl_input(c, 0);
    integer_lstm l = {.w = NULL};
    if (!t || t->type != TFL_INT8 || !tfl_is_quantized(t)) return false;
    mite_ir_value *x = tfl_in(c, 0);
    l.factors = mite_ir_constant(c->g, tfl_name(c), MITE_I32, 2, (const int32_t[]){2, FACTORS});
    if (!x || !l.factors || !tfl_has_rank(c, x) || !read_shapes(c, &l, x) || !read_scales(c, &l) ||
        !put_factor(c, &l, FACTOR_HIDDEN,
                    (double)(float)(0x1p-15 / (double)l.hidden_scale * 0x1p-15)) ||
        !read_gates(c, &l) || !read_peepholes(c, &l) || !read_projection(c, &l))
        return true; // failed
    mite_ir_value *y = MITE_IR_EMIT(
        c->g, .op = "lstm_i8", .name = tfl_name(c),
        .inputs = {x, l.w, l.r, l.bias, l.factors, l.peepholes, l.projection, l.projection_bias},
        .attrs = {{"layout", .word = !tfl_option_byte(c, TIME_MAJOR)},
                  {"coupled", .word = !tfl_has(c, OF_X)},
                  {"cell_shift", .word = l.cell_shift},
                  {"cell_clip",
                   .word = quanta_of(c, CELL_CLIP, ldexpf(1, l.cell_shift), INT16_MAX)},
                  {"projection_clip",
                   .word = quanta_of(c, PROJECTION_CLIP, l.state_scale, INT8_MAX)},
                  // What is projected is limited as if its zero point were on the other side of 0.
                  {"hidden_zero", .word = l.projection ? 256 - l.hidden_zero : l.hidden_zero}},
        .dtype = MITE_U8, .scale = l.state_scale, .zero_point = l.state_zero);
    tfl_warn_of_state(c);
    tfl_set(c, 0, y);
    return true;
}
