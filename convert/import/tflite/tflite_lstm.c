// SPDX-License-Identifier: Apache-2.0
// LSTM, UNIDIRECTIONAL_SEQUENCE_LSTM and BIDIRECTIONAL_SEQUENCE_LSTM of real numbers. Those without
// projections, clips, layer normalization and quantized weights are one node (recurrent); the others are
// taken step by step (scan), products of x for all steps at once before.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_recurrent.h"

#include <math.h>

// Inputs, in blocks of the gates input, forget, cell, output: weights of x, weights of the last output, of the
// cell (input, forget, output), biases; a projection and its bias; coefficients of layer normalization.
// Without those of the input gate that gate is one less the forget gate.
typedef struct lstm {
    size_t w, r, cell, bias, projection, norm; // norm SIZE_MAX: none
    bool coupled, time_major, symmetric, backwards;
    int32_t activation;
    float cell_clip, projection_clip;
    size_t in, hidden, outputs;
    mite_ir_value *of_h, *of_output; // weights, while steps are made
} lstm;

enum { INPUT, FORGET, CELL, OUTPUT, GATES };

// --- One node -------------------------------------------------------------------------------------

// Their gates in the order in which recurrent has them: input, output, forget, cell.
static const size_t gate_order[GATES] = {INPUT, OUTPUT, FORGET, CELL};

// Gate `theirs` of a block of four inputs; the coupled input gate is sigmoid(-x) = 1 - sigmoid(x) of
// the forget gate.
static bool put_gate(tfl_import *c, float *to, size_t block, size_t theirs, size_t count,
                     bool coupled) {
    bool copies = coupled && theirs == INPUT;
    return tfl_copy_floats(c, to, block + (copies ? FORGET : theirs), count, copies);
}

static mite_ir_value *peepholes_of(tfl_import *c, const lstm *l) {
    mite_ir_value *p = tfl_floats(c, 1, 3, l->hidden);
    static const size_t from[3] = {0, 2, 1}; // input, output, forget
    for (size_t i = 0; p && i < 3; i++) {
        bool copies = l->coupled && i == 0;
        size_t k = l->cell + (copies ? 1 : from[i]);
        if (!tfl_copy_floats(c, (float *)p->data + i * l->hidden, k, l->hidden, copies))
            return NULL;
    }
    return p;
}

static mite_ir_value *emit_recurrent(tfl_import *c, const lstm *l, mite_ir_value *x) {
    size_t hidden = l->hidden, in = l->in;
    mite_ir_value *w = tfl_floats(c, 1, GATES * hidden, in);
    mite_ir_value *r = tfl_floats(c, 1, GATES * hidden, hidden);
    mite_ir_value *bias = tfl_floats(c, 1, 1, 8 * hidden), *peepholes = NULL;
    int32_t activation = tfl_recurrent_activation(l->activation);
    if (!w || !r || !bias) return NULL;
    for (size_t i = 0; i < GATES; i++) {
        size_t gate = gate_order[i];
        if (!put_gate(c, (float *)w->data + i * hidden * in, l->w, gate, hidden * in, l->coupled) ||
            !put_gate(c, (float *)r->data + i * hidden * hidden, l->r, gate, hidden * hidden,
                      l->coupled) ||
            !put_gate(c, (float *)bias->data + i * hidden, l->bias, gate, hidden, l->coupled)) {
            return NULL;
        }
    }
    if (tfl_has(c, l->cell + 1) && !(peepholes = peepholes_of(c, l))) return NULL;
    const int32_t activations[3] = {TFL_ACT_SIGMOID, activation, activation};
    mite_ir_value *y = MITE_IR_EMIT(
        c->g, .op = "recurrent", .name = tfl_name(c),
        .inputs = {x, w, r, bias, NULL, NULL, NULL, peepholes},
        .attrs = {{"mode", .word = TFL_MODE_LSTM},
                  {"hidden", .word = (int32_t)hidden},
                  {"direction", .word = l->backwards},
                  {"layout", .word = !l->time_major},
                  {"input_forget", .word = l->coupled},
                  {"activations", .list = activations, .list_count = 3},
                  {"alpha", .list = (const int32_t[]){0, mite_ir_bits(1), mite_ir_bits(1)},
                   .list_count = 3}});
    return tfl_one_direction(c, y, x, hidden);
}

// --- Step by step ---------------------------------------------------------------------------------

// Input `k` as a vector, NULL where it is absent.
static mite_ir_value *vector(tfl_import *c, size_t k, size_t count) {
    const int32_t dim = (int32_t)count;
    mite_ir_value *v = tfl_has(c, k) ? tfl_real(c, k) : NULL;
    if (!v || (v->data && mite_ir_elements(v) == count))
        return v ? tfl_reshape(c, v, 1, &dim) : NULL;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input %z must be %z constant numbers", k, count);
    return NULL;
}

static mite_ir_value *limited(tfl_import *c, mite_ir_value *v, float clip) {
    if (!v || !(clip > 0)) return v;
    return MITE_IR_EMIT(
        c->g, .op = "clamp", .name = tfl_name(c), .inputs = {v},
        .attrs = {{"lo", .word = mite_ir_bits(-clip)}, {"hi", .word = mite_ir_bits(clip)}});
}

// A gate before its function: its part of the sums, what it sees of the cell, normalized.
static mite_ir_value *gate_of(tfl_import *c, const lstm *l, size_t gate, mite_ir_value *sums,
                              mite_ir_value *cell) {
    const int64_t begin[2] = {0, (int64_t)((gate - (l->coupled ? 1 : 0)) * l->hidden)};
    if (!sums) return NULL;
    mite_ir_value *v =
        tfl_emit_slice(c, sums, begin, (const int64_t[]){sums->shape[0], (int64_t)l->hidden});
    size_t peephole = l->cell + (gate == OUTPUT ? 2 : gate);
    if (cell && tfl_has(c, peephole))
        v = tfl_emit_binary(c, "add", v,
                            tfl_emit_binary(c, "mul", cell, vector(c, peephole, l->hidden)));
    if (l->norm == SIZE_MAX || !v) return v;
    mite_ir_value *scale = vector(c, l->norm + gate, l->hidden);
    mite_ir_value *shift = vector(c, l->bias + gate, l->hidden);
    if (!scale || !shift) return NULL;
    return MITE_IR_EMIT(c->g, .op = "layer_norm", .name = tfl_name(c), .inputs = {v, scale, shift},
                        .attrs = {{"epsilon", .word = mite_ir_bits(1e-8f)}});
}

static bool lstm_step(tfl_import *c, const void *of, mite_ir_value *row, mite_ir_value **states) {
    const lstm *l = of;
    mite_ir_value *cell = states[1], *in = NULL;
    mite_ir_value *sums =
        tfl_emit_binary(c, "add", row, tfl_rows_product(c, states[0], l->of_h, l->symmetric));
    mite_ir_value *forget = tfl_emit_unary(c, "sigmoid", gate_of(c, l, FORGET, sums, cell));
    if (!l->coupled) in = tfl_emit_unary(c, "sigmoid", gate_of(c, l, INPUT, sums, cell));
    else in = tfl_emit_binary(c, "sub", tfl_scalar(c, 1), forget);
    mite_ir_value *news = tfl_activate(c, gate_of(c, l, CELL, sums, NULL), l->activation);
    cell = tfl_emit_binary(c, "add", tfl_emit_binary(c, "mul", forget, cell),
                           tfl_emit_binary(c, "mul", in, news));
    cell = limited(c, cell, l->cell_clip);
    mite_ir_value *out = tfl_emit_unary(c, "sigmoid", gate_of(c, l, OUTPUT, sums, cell));
    out = tfl_emit_binary(c, "mul", out, tfl_activate(c, cell, l->activation));
    if (l->of_output) {
        mite_ir_value *bias = vector(c, l->projection + 1, l->outputs);
        out = tfl_rows_product(c, out, l->of_output, l->symmetric);
        if (bias) out = tfl_emit_binary(c, "add", out, bias);
        out = limited(c, out, l->projection_clip);
    }
    states[0] = out;
    states[1] = cell;
    return out && cell;
}

// The biases of all gates, one behind the other.
static mite_ir_value *biases_of(tfl_import *c, const lstm *l) {
    mite_ir_value *list[GATES];
    size_t count = 0;
    for (size_t gate = l->coupled ? 1 : 0; gate < GATES; gate++) {
        list[count] = vector(c, l->bias + gate, l->hidden);
        if (!list[count++]) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its gates need biases");
            return NULL;
        }
    }
    return tfl_concat(c, list, count, 0);
}

static mite_ir_value *emit_steps(tfl_import *c, lstm *l, mite_ir_value *x) {
    size_t gates = l->coupled ? 3 : GATES, first = l->coupled ? 1 : 0;
    if (!tfl_is_fixed(c, x)) return NULL;
    if (!l->time_major) x = tfl_swap_time(c, x);
    mite_ir_value *w = tfl_stacked(c, l->w + first, gates, l->hidden, l->in);
    l->of_h = tfl_stacked(c, l->r + first, gates, l->hidden, l->outputs);
    if (tfl_has(c, l->projection))
        l->of_output = tfl_stacked(c, l->projection, 1, l->outputs, l->hidden);
    if (!x || !w || !l->of_h) return NULL;
    const int32_t time = x->shape[0], batch = x->shape[1];
    mite_ir_value *rows = tfl_all_rows(c, x);
    rows = tfl_rows_product(c, rows, w, l->symmetric);
    if (l->norm == SIZE_MAX) rows = tfl_emit_binary(c, "add", rows, biases_of(c, l));
    rows = tfl_reshape(c, rows, 3, (const int32_t[]){time, batch, (int32_t)(gates * l->hidden)});
    mite_ir_value *y = tfl_scan(c,
                                &(tfl_steps){.step = lstm_step,
                                             .of = l,
                                             .count = 2,
                                             .sizes = {l->outputs, l->hidden},
                                             .backwards = l->backwards},
                                rows);
    return l->time_major ? y : tfl_swap_time(c, y);
}

// --- Which of them --------------------------------------------------------------------------------

static bool is_quantized(const tfl_import *c, size_t k) {
    const tfl_tensor *t = tfl_input(c, k);
    return t && tfl_is_quantized(t);
}

static bool check_weights(tfl_import *c, lstm *l, const mite_ir_value *x) {
    size_t hidden;
    if (!tfl_weights_shape(c, l->w + FORGET, &l->hidden, &l->in) ||
        !tfl_weights_shape(c, l->r + FORGET, &hidden, &l->outputs))
        return false;
    l->coupled = !tfl_has(c, l->w);
    if (hidden == l->hidden && l->in == (size_t)x->shape[2] &&
        (tfl_has(c, l->projection) || l->outputs == hidden))
        return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights [%z,%z] and [%z,%z] do not fit", l->hidden,
                 l->in, hidden, l->outputs);
    return false;
}

// x [T,B,I] or [B,T,I]; y in the same order.
static mite_ir_value *emit_lstm(tfl_import *c, lstm *l, mite_ir_value *x) {
    if (!x || !check_weights(c, l, x)) return NULL;
    if (l->norm != SIZE_MAX && !tfl_has(c, l->norm + FORGET)) l->norm = SIZE_MAX;
    bool plain = !tfl_has(c, l->projection) && l->norm == SIZE_MAX && !(l->cell_clip > 0) &&
                 !is_quantized(c, l->w + FORGET) && tfl_recurrent_activation(l->activation) >= 0;
    return plain ? emit_recurrent(c, l, x) : emit_steps(c, l, x);
}

enum { ACTIVATION, CELL_CLIP, PROJECTION_CLIP }; // first options of all of them

static lstm forward_lstm(const tfl_import *c) {
    return (lstm){.w = 1,
                  .r = 5,
                  .cell = 9,
                  .bias = 12,
                  .projection = 16,
                  .norm = 20,
                  .time_major = true,
                  .activation = tfl_option_byte(c, ACTIVATION),
                  .cell_clip = tfl_option_float(c, CELL_CLIP),
                  .projection_clip = tfl_option_float(c, PROJECTION_CLIP)};
}

void tfl_lstm(tfl_import *c) {
    enum { TIME_MAJOR = 3, ASYMMETRIC, DIAGONAL };
    if (tfl_option_byte(c, DIAGONAL)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "recurrent weights that are diagonals are not "
                     "supported");
        return;
    }
    if (tfl_set_integer_lstm(c)) return;
    lstm l = forward_lstm(c);
    l.time_major = tfl_option_byte(c, TIME_MAJOR) != 0;
    l.symmetric = !tfl_option_byte(c, ASYMMETRIC);
    mite_ir_value *y = emit_lstm(c, &l, tfl_sequence(c, 0));
    tfl_warn_of_state(c);
    tfl_set(c, 0, y);
}

void tfl_bidirectional_lstm(tfl_import *c) {
    enum { MERGE = 3, TIME_MAJOR, ASYMMETRIC };
    enum { W = 18, R = 22, PEEPHOLES = 26, BIASES = 29, PROJECTION = 33, AUXILIARY = 39 };
    lstm forward = forward_lstm(c);
    forward.norm = SIZE_MAX;
    forward.time_major = mite_flat_i8(&c->node->options, TIME_MAJOR, 1) != 0;
    forward.symmetric = !tfl_option_byte(c, ASYMMETRIC);
    lstm backward = forward;
    backward.w = W;
    backward.r = R;
    backward.cell = PEEPHOLES;
    backward.bias = BIASES;
    backward.projection = PROJECTION;
    backward.backwards = true;
    mite_ir_value *x = tfl_sequence(c, 0), *of_back = tfl_second_sequence(c, x, AUXILIARY);
    mite_ir_value *there = emit_lstm(c, &forward, x), *back = emit_lstm(c, &backward, of_back);
    tfl_set_directions(c, there, back, tfl_option_byte(c, MERGE) != 0);
}

// --- LSTM: one step -------------------------------------------------------------------------------

// The basic form: x [B,I], the last output [B,O], weights [4O,I+O], biases [4O], the last cell [B,O]. Outputs: the
// output, the cell, x beside the last output, the gates (input, cell, forget, output) before their functions.
static void basic_cell(tfl_import *c) {
    mite_ir_value *x[2] = {tfl_real(c, 0), tfl_real(c, 1)}, *cell = tfl_real(c, 4), *gate[GATES];
    size_t rows, depth;
    if (!x[0] || !x[1] || !cell || !tfl_is_fixed(c, x[1]) ||
        !tfl_weights_shape(c, 2, &rows, &depth))
        return;
    if (x[0]->rank != 2 || x[1]->rank != 2 || cell->rank != 2 || rows % 4) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its inputs %T and %T do not fit %z gates",
                     (size_t)x[0]->rank, x[0]->shape, (size_t)x[1]->rank, x[1]->shape, rows);
        return;
    }
    mite_ir_value *both = tfl_concat(c, x, 2, 1), *bias = vector(c, 3, rows);
    mite_ir_value *w = tfl_stacked(c, 2, 1, rows, depth);
    if (!w || !bias) return;
    w->origin = NULL; // this kernel has no quantized rows
    mite_ir_value *sums = tfl_emit_binary(c, "add", tfl_rows_product(c, both, w, false), bias);
    if (!sums) return;
    for (size_t k = 0; k < GATES; k++) {
        const int64_t begin[2] = {0, (int64_t)(k * rows / 4)};
        const int64_t size[2] = {sums->shape[0], (int64_t)rows / 4};
        gate[k] =
            tfl_emit_unary(c, k == 1 ? "tanh" : "sigmoid", tfl_emit_slice(c, sums, begin, size));
    }
    cell = tfl_emit_binary(c, "add", tfl_emit_binary(c, "mul", gate[0], gate[1]),
                           tfl_emit_binary(c, "mul", gate[2], cell));
    tfl_set(c, 0, tfl_emit_binary(c, "mul", gate[3], tfl_emit_unary(c, "tanh", cell)));
    tfl_set(c, 1, cell);
    tfl_set(c, 2, both);
    tfl_set(c, 3, sums);
}

void tfl_lstm_cell(tfl_import *c) {
    enum { KERNEL = 3, ASYMMETRIC };
    if (tfl_option_byte(c, KERNEL)) {
        basic_cell(c);
        return;
    }
    mite_ir_value *x = tfl_real(c, 0);
    lstm l = forward_lstm(c);
    l.symmetric = !tfl_option_byte(c, ASYMMETRIC);
    if (!x || !tfl_has_rank(c, x)) return;
    if (x->rank != 2 || c->node->output_count != 1) {
        mite_ir_fail(
            c->g, MITE_ERR_UNSUPPORTED,
            "its input has shape %T, wanted is [B,I], and it has %z outputs, wanted is one",
            (size_t)x->rank, x->shape, c->node->output_count);
        return;
    }
    const int32_t batch = tfl_dim(x, 0);
    x = tfl_reshape(c, x, 3, (const int32_t[]){1, batch, x->shape[1]});
    mite_ir_value *y = emit_lstm(c, &l, x);
    tfl_warn_of_state(c);
    tfl_set(c, 0, tfl_reshape(c, y, 2, (const int32_t[]){batch, (int32_t)l.outputs}));
}
