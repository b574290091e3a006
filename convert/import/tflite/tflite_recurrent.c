// SPDX-License-Identifier: Apache-2.0
// Recurrent operators of real numbers. Their state tensors are variables: TensorFlow Lite keeps them
// from one run to the next until they are reset. Here every run begins with zeros, which is said in a
// warning.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_nodes.h"

#include <math.h>
#include <string.h>

// Activations as recurrent numbers them.
enum { ACT_RELU, ACT_TANH, ACT_SIGMOID, ACT_AFFINE };
enum { RNN = 0, LSTM = 2 }; // modes

// Input k: constant real numbers, `count` of them; NULL (failed) where it is not so.
static const float *constant(tfl_import *c, size_t k, size_t count) {
    const mite_ir_value *v = tfl_real(c, k);
    if (v && v->data && mite_ir_elements(v) == count) return v->data;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input %z must be %z constant numbers", k, count);
    return NULL;
}

// The activation of an option as recurrent's; -1 (failed) where there is none.
static int32_t activation_of(tfl_import *c, int32_t activation) {
    static const int32_t known[] = {ACT_AFFINE, ACT_RELU, -1, -1, ACT_TANH};
    if (activation >= 0 && activation <= 4 && known[activation] >= 0) return known[activation];
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its activation %d is not supported", activation);
    return -1;
}

static mite_ir_value *floats(tfl_import *c, size_t a, size_t b, size_t d) {
    if (a > INT32_MAX || b > INT32_MAX || d > INT32_MAX) return NULL;
    return mite_ir_constant(c->g, tfl_name(c), MITE_F32, 3,
                            (const int32_t[]){(int32_t)a, (int32_t)b, (int32_t)d});
}

// [T,D,B,H] or [B,T,D,H] with one direction -> the file's [T,B,H] or [B,T,H].
static void set_sequence(tfl_import *c, mite_ir_value *y, const mite_ir_value *x, int32_t hidden) {
    tfl_set(c, 0, tfl_reshape(c, y, 3, (const int32_t[]){tfl_dim(x, 0), tfl_dim(x, 1), hidden}));
}

static mite_ir_value *sequence_input(tfl_import *c) {
    mite_ir_value *x = tfl_real(c, 0);
    if (!x || !tfl_has_rank(c, x)) return NULL;
    if (x->rank == 3 && mite_ir_elements(x)) return x;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "its input has shape %T, wanted are time, batch and "
                 "features",
                 (size_t)x->rank, x->shape);
    return NULL;
}

// --- UNIDIRECTIONAL_SEQUENCE_LSTM -----------------------------------------------------------------

// Inputs: x; weights of x (input, forget, cell, output); of the last output; of the cell (input,
// forget, output); biases; a projection; states; layer normalization. Without those of the input
// gate that gate is one less the forget gate.
enum { OF_X = 1, OF_H = 5, OF_CELL = 9, BIASES = 12, PROJECTION = 16, NORMS = 20 };
enum { LSTM_ACTIVATION, CELL_CLIP, PROJECTION_CLIP, TIME_MAJOR };

// Their gates in the order in which recurrent has them: input, output, forget, cell.
static const size_t gate_order[4] = {0, 3, 1, 2};

// Copies `rows` x `length` numbers of input k, each negated where the gate is minus another one.
static bool copy_gate(tfl_import *c, float *to, size_t k, size_t count, bool negated) {
    const float *from = constant(c, k, count);
    for (size_t i = 0; from && i < count; i++) to[i] = negated ? -from[i] : from[i];
    return from != NULL;
}

// Gate `theirs` of a block of four inputs; the coupled input gate is sigmoid(-x) = 1 - sigmoid(x) of
// the forget gate.
static bool put_gate(tfl_import *c, float *to, size_t block, size_t theirs, size_t count,
                     bool coupled) {
    bool copies = coupled && theirs == 0;
    return copy_gate(c, to, block + (copies ? 1 : theirs), count, copies);
}

static mite_ir_value *lstm_peepholes(tfl_import *c, size_t hidden, bool coupled) {
    mite_ir_value *p = floats(c, 1, 3, hidden);
    static const size_t from[3] = {0, 2, 1}; // input, output, forget
    for (size_t i = 0; p && i < 3; i++) {
        bool copies = coupled && i == 0;
        size_t k = OF_CELL + (copies ? 1 : from[i]);
        if (!copy_gate(c, (float *)p->data + i * hidden, k, hidden, copies)) return NULL;
    }
    return p;
}

static bool check_lstm(tfl_import *c) {
    bool more = tfl_has(c, PROJECTION) || tfl_has(c, PROJECTION + 1);
    for (size_t k = NORMS; k < NORMS + 4; k++) more = more || tfl_has(c, k);
    const tfl_tensor *y = tfl_output(c, 0);
    if (more || tfl_option_float(c, CELL_CLIP) != 0 || tfl_option_float(c, PROJECTION_CLIP) != 0 ||
        !y || tfl_is_quantized(y)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "projections, clips, layer normalization and integer arithmetic of LSTM are "
                     "not supported");
        return false;
    }
    return true;
}

void tfl_lstm(tfl_import *c) {
    mite_ir_value *x = sequence_input(c);
    const tfl_tensor *first = tfl_input(c, OF_X + 1);
    if (!x || !check_lstm(c)) return;
    if (!first || first->rank != 2 || first->dims[0] < 1 || first->dims[0] > 1 << 20) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its forget gate has no weights");
        return;
    }
    bool coupled = !tfl_has(c, OF_X), time_major = tfl_option_byte(c, TIME_MAJOR) != 0;
    size_t hidden = (size_t)first->dims[0], in = (size_t)x->shape[2];
    mite_ir_value *w = floats(c, 1, 4 * hidden, in), *r = floats(c, 1, 4 * hidden, hidden);
    mite_ir_value *bias = floats(c, 1, 1, 8 * hidden), *peepholes = NULL;
    int32_t activation = activation_of(c, tfl_option_byte(c, LSTM_ACTIVATION));
    if (!w || !r || !bias || activation < 0) return;
    for (size_t i = 0; i < 4; i++) {
        size_t gate = gate_order[i];
        if (!put_gate(c, (float *)w->data + i * hidden * in, OF_X, gate, hidden * in, coupled) ||
            !put_gate(c, (float *)r->data + i * hidden * hidden, OF_H, gate, hidden * hidden,
                      coupled) ||
            !put_gate(c, (float *)bias->data + i * hidden, BIASES, gate, hidden, coupled)) {
            return;
        }
    }
    if (tfl_has(c, OF_CELL + 1) && !(peepholes = lstm_peepholes(c, hidden, coupled))) return;
    const int32_t activations[3] = {ACT_SIGMOID, activation, activation};
    mite_ir_value *y = MITE_IR_EMIT(
        c->g, .op = "recurrent", .name = tfl_name(c),
        .inputs = {x, w, r, bias, NULL, NULL, NULL, peepholes},
        .attrs = {{"mode", .word = LSTM},
                  {"hidden", .word = (int32_t)hidden},
                  {"layout", .word = !time_major},
                  {"input_forget", .word = coupled},
                  {"activations", .list = activations, .list_count = 3},
                  {"alpha", .list = (const int32_t[]){0, mite_ir_bits(1), mite_ir_bits(1)},
                   .list_count = 3}});
    tfl_warn_of_state(c);
    set_sequence(c, y, x, (int32_t)hidden);
}

// --- UNIDIRECTIONAL_SEQUENCE_RNN ------------------------------------------------------------------

// x, weights of x [H,I], of the last output [H,H], bias [H], state.
void tfl_rnn(tfl_import *c) {
    enum { RNN_TIME_MAJOR, RNN_ACTIVATION };
    mite_ir_value *x = sequence_input(c);
    const tfl_tensor *first = tfl_input(c, 1);
    if (!x) return;
    if (!first || first->rank != 2 || first->dims[0] < 1 || first->dims[0] > 1 << 20) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has no weights");
        return;
    }
    size_t hidden = (size_t)first->dims[0], in = (size_t)x->shape[2];
    mite_ir_value *w = floats(c, 1, hidden, in), *r = floats(c, 1, hidden, hidden);
    mite_ir_value *bias = floats(c, 1, 1, 2 * hidden);
    int32_t activation = activation_of(c, tfl_option_byte(c, RNN_ACTIVATION));
    if (!w || !r || !bias || activation < 0 || !copy_gate(c, w->data, 1, hidden * in, false) ||
        !copy_gate(c, r->data, 2, hidden * hidden, false) ||
        !copy_gate(c, bias->data, 3, hidden, false)) {
        return;
    }
    const int32_t one = mite_ir_bits(1);
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "recurrent", .name = tfl_name(c), .inputs = {x, w, r, bias},
                     .attrs = {{"mode", .word = RNN},
                               {"hidden", .word = (int32_t)hidden},
                               {"layout", .word = !tfl_option_byte(c, RNN_TIME_MAJOR)},
                               {"activations", .list = &activation, .list_count = 1},
                               {"alpha", .list = &one, .list_count = 1}});
    tfl_warn_of_state(c);
    set_sequence(c, y, x, (int32_t)hidden);
}

// --- SVDF -----------------------------------------------------------------------------------------

// x [B,I], weights of features [F,I], of time [F,M], bias [F/rank], state [B,M*F]. From a state of zeros
// only the newest of the M moments counts: y[u] = sum over the rank: wt[f, M-1] * (wf[f] . x), a matrix
// product whose rows are sums.
void tfl_svdf(tfl_import *c) {
    enum { SVDF_RANK, SVDF_ACTIVATION };
    mite_ir_value *x = tfl_real(c, 0);
    const tfl_tensor *features = tfl_input(c, 1), *times = tfl_input(c, 2), *y = tfl_output(c, 0);
    int32_t rank = tfl_option(c, SVDF_RANK);
    if (!x || !tfl_has_rank(c, x)) return;
    if (!features || !times || features->rank != 2 || times->rank != 2 || rank < 1 ||
        features->dims[0] < 1 || features->dims[0] % rank || times->dims[0] != features->dims[0] ||
        times->dims[1] < 1 || features->dims[1] < 1 || !y || tfl_is_quantized(y)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its weights do not fit its rank %d, or it computes with integers", rank);
        return;
    }
    size_t filters = (size_t)features->dims[0], in = (size_t)features->dims[1];
    size_t moments = (size_t)times->dims[1];
    int32_t units = features->dims[0] / rank;
    size_t elements;
    if (!mite_shape_elements(&elements, 2, features->dims) ||
        !mite_shape_elements(&elements, 2, times->dims)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights are too large");
        return;
    }
    const float *wf = constant(c, 1, filters * in), *wt = constant(c, 2, filters * moments);
    mite_ir_value *w = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 4,
                                        (const int32_t[]){units, 1, 1, features->dims[1]});
    mite_ir_value *bias = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 1, &units);
    if (!wf || !wt || !w || !bias) return;
    for (size_t f = 0; f < filters; f++) {
        float *row = (float *)w->data + f / (size_t)rank * in;
        for (size_t i = 0; i < in; i++) row[i] += wt[(f + 1) * moments - 1] * wf[f * in + i];
    }
    if (tfl_has(c, 3) && !copy_gate(c, bias->data, 3, (size_t)units, false)) return;
    mite_ir_value *out =
        MITE_IR_EMIT(c->g, .op = "dense", .name = tfl_name(c), .inputs = {x, w, bias});
    tfl_warn_of_state(c);
    tfl_set(c, 0, tfl_activate(c, out, tfl_option_byte(c, SVDF_ACTIVATION)));
}
