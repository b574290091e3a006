// SPDX-License-Identifier: Apache-2.0
// What recurrent operators share; the plain recurrent ones, and SVDF.
#include "import/tflite/tflite_recurrent.h"
#include "import/tflite/tflite_handlers.h"

#include "base/sizes.h"

#include <string.h>

const float *tfl_constant_floats(tfl_import *c, size_t k, size_t count) {
    const mite_ir_value *v = tfl_real(c, k);
    if (v && v->data && mite_ir_elements(v) == count) return v->data;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input %z must be %z constant numbers", k, count);
    return NULL;
}

bool tfl_copy_floats(tfl_import *c, float *to, size_t k, size_t count, bool negated) {
    const float *from = tfl_constant_floats(c, k, count);
    for (size_t i = 0; from && i < count; i++) to[i] = negated ? -from[i] : from[i];
    return from != NULL;
}

int32_t tfl_recurrent_activation(int32_t activation) {
    static const int32_t known[] = {TFL_ACT_AFFINE, TFL_ACT_RELU, -1, -1, TFL_ACT_TANH};
    return activation >= 0 && activation <= 4 ? known[activation] : -1;
}

mite_ir_value *tfl_floats(tfl_import *c, size_t a, size_t b, size_t d) {
    if (a > INT32_MAX || b > INT32_MAX || d > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its weights are too large");
        return NULL;
    }
    return mite_ir_constant(c->g, tfl_name(c), MITE_F32, 3,
                            (const int32_t[]){(int32_t)a, (int32_t)b, (int32_t)d});
}

mite_ir_value *tfl_one_direction(tfl_import *c, mite_ir_value *y, const mite_ir_value *x,
                                 size_t hidden) {
    if (!y) return NULL;
    return tfl_reshape(c, y, 3, (const int32_t[]){tfl_dim(x, 0), tfl_dim(x, 1), (int32_t)hidden});
}

mite_ir_value *tfl_sequence(tfl_import *c, size_t k) {
    mite_ir_value *x = tfl_real(c, k);
    if (!x || !tfl_has_rank(c, x)) return NULL;
    if (x->rank == 3 && mite_ir_elements(x)) return x;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "its input has shape %T, wanted are time, batch and features", (size_t)x->rank,
                 x->shape);
    return NULL;
}

bool tfl_weights_shape(tfl_import *c, size_t k, size_t *rows, size_t *columns) {
    const tfl_tensor *t = tfl_input(c, k);
    const int32_t most = 1 << 20;
    if (!t || t->bad || t->rank != 2 || t->dims[0] < 1 || t->dims[1] < 1 || t->dims[0] > most ||
        t->dims[1] > most) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %z must be weights of two dimensions", k);
        return false;
    }
    *rows = (size_t)t->dims[0];
    *columns = (size_t)t->dims[1];
    return true;
}

mite_ir_value *tfl_swap_time(tfl_import *c, mite_ir_value *v) {
    return v ? tfl_transpose(c, v, (const int32_t[]){1, 0, 2}) : NULL;
}

mite_ir_value *tfl_all_rows(tfl_import *c, mite_ir_value *x) {
    if (!x) return NULL;
    int64_t rows = (int64_t)x->shape[0] * x->shape[1];
    if (rows <= INT32_MAX)
        return tfl_reshape(c, x, 2, (const int32_t[]){(int32_t)rows, x->shape[2]});
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input has %D rows, which are too many", rows);
    return NULL;
}

// --- Products -------------------------------------------------------------------------------------

static bool is_symmetric(const mite_ir_value *w) {
    const mite_ir_value *q = w->origin;
    return q && q->dtype == MITE_I8 && q->quant_count == 1 && !q->zero_points[0];
}

mite_ir_value *tfl_stacked(tfl_import *c, size_t k, size_t count, size_t rows, size_t columns) {
    const int32_t each[4] = {(int32_t)rows, 1, 1, (int32_t)columns};
    const int32_t all[4] = {(int32_t)(count * rows), 1, 1, (int32_t)columns};
    mite_ir_value *w = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 4, all);
    mite_ir_value *q = mite_ir_constant(c->g, tfl_name(c), MITE_I8, 4, all);
    float *scales = mite_ir_alloc(c->g, count * rows, sizeof *scales);
    int32_t *zeros = mite_ir_alloc(c->g, count * rows, sizeof *zeros);
    if (!w || !q || !scales || !zeros) return NULL;
    size_t size = rows * columns;
    bool integers = true;
    for (size_t i = 0; i < count; i++) {
        const mite_ir_value *part = tfl_weights(c, k + i, 4, each);
        if (!part) return NULL;
        memcpy((float *)w->data + i * size, part->data, size * sizeof(float));
        integers = integers && is_symmetric(part);
        if (!integers) continue;
        memcpy((int8_t *)q->data + i * size, part->origin->data, size);
        for (size_t n = 0; n < rows; n++) scales[i * rows + n] = part->origin->scales[0];
    }
    if (integers) {
        mite_ir_set_quant(c->g, q, count * rows, 0, scales, zeros);
        w->origin = q;
    }
    return w;
}

mite_ir_value *tfl_rows_product(tfl_import *c, mite_ir_value *x, mite_ir_value *weights,
                                bool symmetric) {
    if (!x || !weights) return NULL;
    const int32_t rows = x->shape[0], depth = weights->shape[3], columns = weights->shape[0];
    if (x->rank != 2 || x->shape[1] != depth) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights [%d,%d] do not fit rows of shape %T",
                     columns, depth, (size_t)x->rank, x->shape);
        return NULL;
    }
    if (!weights->origin) {
        mite_ir_value *zeros = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 1, &columns);
        return MITE_IR_EMIT(c->g, .op = "dense", .name = tfl_name(c),
                            .inputs = {x, weights, zeros});
    }
    const tfl_product p = {.bias = SIZE_MAX,
                           .weights = weights,
                           .window = {.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}},
                           .groups = 1,
                           .symmetric = symmetric};
    x = tfl_reshape(c, x, 4, (const int32_t[]){rows, 1, 1, depth});
    return tfl_reshape(c, tfl_emit_integer_conv(c, x, &p), 2, (const int32_t[]){rows, columns});
}

// --- Step by step ---------------------------------------------------------------------------------

static int32_t body_of(tfl_import *c, const tfl_steps *s, const mite_ir_value *rows) {
    mite_ir_value *states[TFL_MAX_STATES];
    const int32_t batch = rows->shape[1];
    mite_ir_begin_body(c->g);
    for (size_t k = 0; k < s->count; k++)
        states[k] = mite_ir_input(c->g, "state", MITE_F32, 2,
                                  (const int32_t[]){batch, (int32_t)s->sizes[k]});
    mite_ir_value *row =
        mite_ir_input(c->g, "row", MITE_F32, 2, (const int32_t[]){batch, rows->shape[2]});
    if (row && s->step(c, s->of, row, states)) {
        for (size_t k = 0; k < s->count; k++) mite_ir_output(c->g, tfl_name(c), states[k]);
        mite_ir_output(c->g, tfl_name(c), states[0]);
    }
    return mite_ir_end_body(c->g);
}

mite_ir_value *tfl_scan(tfl_import *c, const tfl_steps *s, mite_ir_value *rows) {
    static const mite_dtype more[TFL_MAX_STATES] = {MITE_F32, MITE_F32};
    mite_ir_value *inputs[TFL_MAX_STATES + 1];
    if (!rows || !tfl_is_fixed(c, rows)) return NULL;
    for (size_t k = 0; k < s->count; k++) {
        const int32_t shape[2] = {rows->shape[1], (int32_t)s->sizes[k]};
        inputs[k] = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 2, shape);
    }
    inputs[s->count] = rows;
    int32_t body = body_of(c, s, rows);
    if (body < 0) return NULL;
    mite_ir_value *first = MITE_IR_EMIT(
        c->g, .op = "scan", .name = tfl_name(c), .input_list = inputs, .input_count = s->count + 1,
        .dtype = MITE_F32, .more_dtypes = more, .more_outputs = s->count,
        .attrs = {{"body", .word = body},
                  {"carried", .word = (int32_t)s->count},
                  {"scanned", .word = 1},
                  {"reversed_in", .word = s->backwards},
                  {"reversed_out", .word = s->backwards}});
    const int32_t shape[3] = {rows->shape[0], rows->shape[1], (int32_t)s->sizes[0]};
    return first ? tfl_stated_shape(c, mite_ir_output_at(first, s->count), 3, shape) : NULL;
}

// --- RNN, UNIDIRECTIONAL_SEQUENCE_RNN, BIDIRECTIONAL_SEQUENCE_RNN ---------------------------------

typedef struct rnn {
    size_t first; // input: weights of x [H,I], of the last output [H,H], bias [H]
    size_t hidden, in;
    int32_t activation;
    bool time_major, symmetric, backwards;
    mite_ir_value *r; // while steps are made
} rnn;

static bool rnn_step(tfl_import *c, const void *of, mite_ir_value *row, mite_ir_value **states) {
    const rnn *n = of;
    mite_ir_value *of_h = tfl_rows_product(c, states[0], n->r, n->symmetric);
    states[0] = tfl_activate(c, tfl_emit_binary(c, "add", row, of_h), n->activation);
    return states[0] != NULL;
}

// Rows quantized as they come, or an activation that recurrent lacks.
static mite_ir_value *rnn_by_steps(tfl_import *c, rnn *n, mite_ir_value *x, mite_ir_value *w) {
    if (!tfl_is_fixed(c, x)) return NULL;
    if (!n->time_major) x = tfl_swap_time(c, x);
    n->r = tfl_stacked(c, n->first + 1, 1, n->hidden, n->hidden);
    mite_ir_value *bias = tfl_real(c, n->first + 2), *y;
    if (!x || !n->r || !bias) return NULL;
    const int32_t time = x->shape[0], batch = x->shape[1], hidden = (int32_t)n->hidden;
    y = tfl_all_rows(c, x);
    y = tfl_emit_binary(c, "add", tfl_rows_product(c, y, w, n->symmetric), bias);
    y = tfl_reshape(c, y, 3, (const int32_t[]){time, batch, hidden});
    y = tfl_scan(
        c,
        &(tfl_steps){
            .step = rnn_step, .of = n, .count = 1, .sizes = {n->hidden}, .backwards = n->backwards},
        y);
    return n->time_major ? y : tfl_swap_time(c, y);
}

static mite_ir_value *emit_rnn(tfl_import *c, rnn *n, mite_ir_value *x) {
    size_t hidden, last;
    if (!x || !tfl_weights_shape(c, n->first, &n->hidden, &n->in) ||
        !tfl_weights_shape(c, n->first + 1, &hidden, &last))
        return NULL;
    if (hidden != n->hidden || last != hidden || n->in != (size_t)x->shape[2]) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights [%z,%z] and [%z,%z] do not fit", n->hidden,
                     n->in, hidden, last);
        return NULL;
    }
    int32_t activation = tfl_recurrent_activation(n->activation);
    mite_ir_value *w = tfl_stacked(c, n->first, 1, hidden, n->in);
    if (!w) return NULL;
    if (w->origin || activation < 0) return rnn_by_steps(c, n, x, w);
    mite_ir_value *r = tfl_floats(c, 1, hidden, hidden), *bias = tfl_floats(c, 1, 1, 2 * hidden);
    w = tfl_reshape(c, w, 3, (const int32_t[]){1, (int32_t)hidden, (int32_t)n->in});
    if (!w || !r || !bias || !tfl_copy_floats(c, r->data, n->first + 1, hidden * hidden, false) ||
        !tfl_copy_floats(c, bias->data, n->first + 2, hidden, false))
        return NULL;
    bias = tfl_reshape(c, bias, 2, (const int32_t[]){1, (int32_t)(2 * hidden)});
    const int32_t one = mite_ir_bits(1);
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "recurrent", .name = tfl_name(c), .inputs = {x, w, r, bias},
                     .attrs = {{"mode", .word = TFL_MODE_RNN},
                               {"hidden", .word = (int32_t)hidden},
                               {"direction", .word = n->backwards},
                               {"layout", .word = !n->time_major},
                               {"activations", .list = &activation, .list_count = 1},
                               {"alpha", .list = &one, .list_count = 1}});
    return tfl_one_direction(c, y, x, hidden);
}

void tfl_rnn(tfl_import *c) {
    enum { RNN_TIME_MAJOR, RNN_ACTIVATION, RNN_ASYMMETRIC };
    rnn n = {.first = 1,
             .activation = tfl_option_byte(c, RNN_ACTIVATION),
             .time_major = tfl_option_byte(c, RNN_TIME_MAJOR) != 0,
             .symmetric = !tfl_option_byte(c, RNN_ASYMMETRIC)};
    mite_ir_value *y = emit_rnn(c, &n, tfl_sequence(c, 0));
    tfl_warn_of_state(c);
    tfl_set(c, 0, y);
}

// One step: x [B,I].
void tfl_rnn_cell(tfl_import *c) {
    enum { CELL_ACTIVATION, CELL_ASYMMETRIC };
    mite_ir_value *x = tfl_real(c, 0);
    rnn n = {.first = 1,
             .activation = tfl_option_byte(c, CELL_ACTIVATION),
             .time_major = true,
             .symmetric = !tfl_option_byte(c, CELL_ASYMMETRIC)};
    if (!x || !tfl_has_rank(c, x)) return;
    if (x->rank != 2) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input has shape %T, wanted is [B,I]",
                     (size_t)x->rank, x->shape);
        return;
    }
    const int32_t batch = tfl_dim(x, 0);
    x = tfl_reshape(c, x, 3, (const int32_t[]){1, batch, x->shape[1]});
    mite_ir_value *y = emit_rnn(c, &n, x);
    tfl_warn_of_state(c);
    tfl_set(c, 0, tfl_reshape(c, y, 2, (const int32_t[]){batch, (int32_t)n.hidden}));
}

// Without weights of its own the second sequence is that of the way back alone.
mite_ir_value *tfl_second_sequence(tfl_import *c, mite_ir_value *x, size_t k) {
    if (!tfl_has(c, k)) return x;
    if (!tfl_has(c, k + 1) && !tfl_has(c, k + 2)) return tfl_sequence(c, k);
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "a second sequence with weights is not supported");
    return NULL;
}

void tfl_set_directions(tfl_import *c, mite_ir_value *forward, mite_ir_value *backward,
                        bool merges) {
    mite_ir_value *both[2] = {forward, backward};
    tfl_warn_of_state(c);
    if (!forward || !backward) return;
    if (merges) {
        tfl_set(c, 0, tfl_concat(c, both, 2, 2));
        return;
    }
    tfl_set(c, 0, forward);
    tfl_set(c, 1, backward);
}

void tfl_bidirectional_rnn(tfl_import *c) {
    enum { BI_TIME_MAJOR, BI_ACTIVATION, BI_MERGE, BI_ASYMMETRIC };
    enum { BACKWARD = 5, AUXILIARY = 9 };
    mite_ir_value *x = tfl_sequence(c, 0), *of_back = tfl_second_sequence(c, x, AUXILIARY);
    rnn forward = {.first = 1,
                   .activation = tfl_option_byte(c, BI_ACTIVATION),
                   .time_major = tfl_option_byte(c, BI_TIME_MAJOR) != 0,
                   .symmetric = !tfl_option_byte(c, BI_ASYMMETRIC)};
    rnn backward = forward;
    backward.first = BACKWARD;
    backward.backwards = true;
    mite_ir_value *there = emit_rnn(c, &forward, x), *back = emit_rnn(c, &backward, of_back);
    tfl_set_directions(c, there, back, tfl_option_byte(c, BI_MERGE) != 0);
}

// --- SVDF -----------------------------------------------------------------------------------------

// x [B,I], weights of features [F,I], of time [F,M], bias [F/rank], state [B,M*F]. From a state of zeros
// only the newest of the M moments counts: y[u] = sum over the rank: wt[f, M-1] * (wf[f] . x), a matrix
// product whose rows are sums. Integers are taken as the real numbers they stand for.
void tfl_svdf(tfl_import *c) {
    enum { SVDF_RANK, SVDF_ACTIVATION };
    mite_ir_value *x = tfl_real(c, 0);
    int32_t rank = tfl_option(c, SVDF_RANK);
    size_t filters, in, rows, moments;
    if (!x || !tfl_has_rank(c, x) || !tfl_weights_shape(c, 1, &filters, &in) ||
        !tfl_weights_shape(c, 2, &rows, &moments))
        return;
    if (rank < 1 || filters % (size_t)rank || rows != filters) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its weights do not fit its rank %d", rank);
        return;
    }
    int32_t units = (int32_t)filters / rank;
    const float *wf = tfl_constant_floats(c, 1, filters * in);
    const float *wt = tfl_constant_floats(c, 2, filters * moments);
    mite_ir_value *w = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 4,
                                        (const int32_t[]){units, 1, 1, (int32_t)in});
    mite_ir_value *bias = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 1, &units);
    if (!wf || !wt || !w || !bias) return;
    for (size_t f = 0; f < filters; f++) {
        float *row = (float *)w->data + f / (size_t)rank * in;
        for (size_t i = 0; i < in; i++) row[i] += wt[(f + 1) * moments - 1] * wf[f * in + i];
    }
    const tfl_tensor *b = tfl_input(c, 3);
    bool integers =
        b && b->type == TFL_INT32; // then its kernel limits to what the output can hold alone
    if (integers) {
        // Its scale is that of the state times that of the weights of time: sums of those products.
        const mite_ir_value *q = tfl_in(c, 3);
        const tfl_tensor *state = tfl_input(c, 4), *times = tfl_input(c, 2);
        float scale, of_times;
        int32_t zero;
        if (!q || !state || !tfl_stored_quantization(c, state, &scale, &zero) ||
            !tfl_stored_quantization(c, times, &of_times, &zero))
            return;
        if (!q->data || mite_ir_elements(q) != (size_t)units) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its bias must be %d constant integers", units);
            return;
        }
        for (size_t i = 0; i < (size_t)units; i++)
            ((float *)bias->data)[i] = (float)((const int32_t *)q->data)[i] * (scale * of_times);
    } else if (b && !tfl_copy_floats(c, bias->data, 3, (size_t)units, false)) {
        return;
    }
    mite_ir_value *out =
        MITE_IR_EMIT(c->g, .op = "dense", .name = tfl_name(c), .inputs = {x, w, bias});
    tfl_warn_of_state(c);
    tfl_set(c, 0, tfl_activate(c, out, integers ? 0 : tfl_option_byte(c, SVDF_ACTIVATION)));
}
