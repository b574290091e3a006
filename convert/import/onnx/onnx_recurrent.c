// SPDX-License-Identifier: Apache-2.0
// RNN, GRU and LSTM.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <math.h>
#include <string.h>

enum { RNN, GRU, LSTM }; // recurrent's modes
#define FUNCTIONS 6 // at most

// Their names in the order of recurrent's numbers, with their defaults for alpha and beta.
static const struct {
    const char *name;
    float alpha, beta;
} functions[] = {
    {"Relu", 0, 0},          {"Tanh", 0, 0},
    {"Sigmoid", 0, 0},       {"Affine", 1, 0},
    {"LeakyRelu", 0.01f, 0}, {"ThresholdedRelu", 1, 0},
    {"ScaledTanh", 1, 1},    {"HardSigmoid", 0.2f, 0.5f},
    {"Elu", 1, 0},           {"Softsign", 0, 0},
    {"Softplus", 0, 0},
};

typedef struct activations {
    int32_t kind[FUNCTIONS], alpha[FUNCTIONS], beta[FUNCTIONS]; // floats as bits
} activations;

static bool same_word(const char *a, const char *b) { // whatever the case
    for (; *a && (*a | 32) == (*b | 32); a++, b++) {
    }
    return !*a && !*b;
}

// Alphas and betas are listed for those functions only that have one, in their order.
static bool takes(size_t kind, bool beta) {
    return beta ? kind == 3 || kind == 6 || kind == 7 : kind >= 3 && kind <= 8;
}

static bool read_activations(onnx_import *c, int32_t mode, size_t directions, activations *out) {
    static const char *const otherwise[][3] = {
        {"Tanh"}, {"Sigmoid", "Tanh"}, {"Sigmoid", "Tanh", "Tanh"}};
    const onnx_attr *names = onnx_attribute(c, "activations");
    const onnx_attr *alphas = onnx_attribute(c, "activation_alpha");
    const onnx_attr *betas = onnx_attribute(c, "activation_beta");
    size_t each = (size_t)mode + 1, alpha = 0, beta = 0;
    *out = (activations){.kind = {0}};
    if (names && names->string_count && names->string_count != each * directions) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %z activations, wanted are %z",
                     names->string_count, each * directions);
        return false;
    }
    for (size_t i = 0; i < each * directions; i++) {
        const char *name =
            names && names->string_count ? names->strings[i] : otherwise[mode][i % each];
        size_t kind = 0, count = sizeof functions / sizeof *functions;
        while (kind < count && !same_word(functions[kind].name, name)) kind++;
        if (kind == count) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its activation %q is unknown", name);
            return false;
        }
        float a = functions[kind].alpha, b = functions[kind].beta;
        if (takes(kind, false) && alphas && alpha < alphas->float_count)
            a = alphas->floats[alpha++];
        if (takes(kind, true) && betas && beta < betas->float_count) b = betas->floats[beta++];
        out->kind[i] = (int32_t)kind;
        out->alpha[i] = mite_ir_bits(a);
        out->beta[i] = mite_ir_bits(b);
    }
    return true;
}

// x, w, r, bias, lengths, the initial h and c, peepholes
static void recurrent(onnx_import *c, int32_t mode, mite_ir_value *const in[8]) {
    activations f;
    const char *direction = onnx_string(c, "direction", "forward");
    bool both = !strcmp(direction, "bidirectional"), reverse = !strcmp(direction, "reverse");
    if (!both && !reverse && strcmp(direction, "forward")) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its direction %q is unknown", direction);
        return;
    }
    if (!in[0] || !in[1] || !in[2] || !read_activations(c, mode, both ? 2 : 1, &f)) return;
    int64_t hidden = onnx_int(c, "hidden_size", 0);
    if (!hidden && !in[2]->unknown && in[2]->rank == 3) hidden = in[2]->shape[2];
    mite_dtype dtype = in[0]->dtype;
    mite_ir_value *y = MITE_IR_EMIT(
        c->g, .op = "recurrent", .name = onnx_name(c),
        .inputs = {in[0], in[1], in[2], in[3], in[4], in[5], in[6], in[7]},
        .attrs = {{"mode", .word = mode},
                  {"hidden", .word = hidden > 0 && hidden < INT32_MAX ? (int32_t)hidden : 0},
                  {"direction", .word = both ? 2 : reverse},
                  {"layout", .word = onnx_int(c, "layout", 0) != 0},
                  {"linear_before_reset", .word = onnx_int(c, "linear_before_reset", 0) != 0},
                  {"input_forget", .word = onnx_int(c, "input_forget", 0) != 0},
                  {"clip", .word = mite_ir_bits(onnx_float(c, "clip", INFINITY))},
                  {"activations", .list = f.kind, .list_count = FUNCTIONS},
                  {"alpha", .list = f.alpha, .list_count = FUNCTIONS},
                  {"beta", .list = f.beta, .list_count = FUNCTIONS}},
        .more_dtypes = (const mite_dtype[]){dtype, dtype}, .more_outputs = mode == LSTM ? 2 : 1);
    onnx_set(c, 0, y);
    if (y) onnx_set(c, 1, mite_ir_output_at(y, 1));
    if (y && mode == LSTM) onnx_set(c, 2, mite_ir_output_at(y, 2));
}

static void as_given(onnx_import *c, int32_t mode) {
    mite_ir_value *in[8];
    for (size_t k = 0; k < 8; k++) in[k] = onnx_optional(c, k);
    recurrent(c, mode, in);
}

void onnx_rnn(onnx_import *c) { as_given(c, RNN); }
void onnx_gru(onnx_import *c) { as_given(c, GRU); }
void onnx_lstm(onnx_import *c) { as_given(c, LSTM); }

// Weights [D,inputs,4*H] of one scale a direction, as real numbers the other way round.
static mite_ir_value *turned_weights(onnx_import *c, size_t k, size_t scale) {
    mite_ir_value *w = onnx_in(c, k), *s = onnx_in(c, scale);
    if (!w || !s) return NULL;
    if (s->unknown || s->rank > 1) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "scales for every column are not supported");
        return NULL;
    }
    w = onnx_emit_dequantize(c, w, s, onnx_optional(c, scale + 1), MITE_F32, 0, 0);
    return onnx_transposed(c, w, 3, (const int32_t[]){0, 2, 1});
}

// com.microsoft.DynamicQuantizeLSTM, computed on real numbers.
void onnx_dynamic_quantize_lstm(onnx_import *c) {
    mite_ir_value *in[8];
    for (size_t k = 0; k < 8; k++)
        in[k] = k == 1 || k == 2 ? turned_weights(c, k, k == 1 ? 8 : 10) : onnx_optional(c, k);
    recurrent(c, LSTM, in);
}
