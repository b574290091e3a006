// SPDX-License-Identifier: Apache-2.0
// Functions of one number, element by element.
#include "import/onnx/onnx_emit.h"
#include "import/onnx/onnx_handlers.h"

#include <math.h>
#include <string.h>

// Their name -> ours: the core's operator, if it has one, and the general one's function. Attributes
// alpha and beta by their names there.
typedef struct function_row {
    const char *name, *core;
    mite_unary function;
    const char *alpha, *beta;
    float alpha_default, beta_default;
} function_row;

static const function_row functions[] = {
    {"Abs", "abs", MITE_UNARY_ABS, NULL, NULL, 0, 0},
    {"Acos", NULL, MITE_UNARY_ACOS, NULL, NULL, 0, 0},
    {"Acosh", NULL, MITE_UNARY_ACOSH, NULL, NULL, 0, 0},
    {"Asin", NULL, MITE_UNARY_ASIN, NULL, NULL, 0, 0},
    {"Asinh", NULL, MITE_UNARY_ASINH, NULL, NULL, 0, 0},
    {"Atan", NULL, MITE_UNARY_ATAN, NULL, NULL, 0, 0},
    {"Atanh", NULL, MITE_UNARY_ATANH, NULL, NULL, 0, 0},
    {"BitwiseNot", NULL, MITE_UNARY_BIT_NOT, NULL, NULL, 0, 0},
    {"Ceil", NULL, MITE_UNARY_CEIL, NULL, NULL, 0, 0},
    {"Celu", NULL, MITE_UNARY_CELU, "alpha", NULL, 1, 0},
    {"Cos", NULL, MITE_UNARY_COS, NULL, NULL, 0, 0},
    {"Cosh", NULL, MITE_UNARY_COSH, NULL, NULL, 0, 0},
    {"Elu", NULL, MITE_UNARY_ELU, "alpha", NULL, 1, 0},
    {"Erf", NULL, MITE_UNARY_ERF, NULL, NULL, 0, 0},
    {"Exp", "exp", MITE_UNARY_EXP, NULL, NULL, 0, 0},
    {"Floor", NULL, MITE_UNARY_FLOOR, NULL, NULL, 0, 0},
    {"HardSigmoid", "hard_sigmoid", MITE_UNARY_HARD_SIGMOID, "alpha", "beta", 0.2f, 0.5f},
    {"HardSwish", "hard_swish", MITE_UNARY_HARD_SWISH, NULL, NULL, 0, 0},
    {"IsNaN", NULL, MITE_UNARY_IS_NAN, NULL, NULL, 0, 0},
    {"LeakyRelu", "leaky_relu", MITE_UNARY_LEAKY_RELU, "alpha", NULL, 0.01f, 0},
    {"Log", NULL, MITE_UNARY_LOG, NULL, NULL, 0, 0},
    {"Mish", NULL, MITE_UNARY_MISH, NULL, NULL, 0, 0},
    {"Neg", "neg", MITE_UNARY_NEG, NULL, NULL, 0, 0},
    {"Not", NULL, MITE_UNARY_NOT, NULL, NULL, 0, 0},
    {"Reciprocal", "reciprocal", MITE_UNARY_RECIPROCAL, NULL, NULL, 0, 0},
    {"Round", NULL, MITE_UNARY_ROUND, NULL, NULL, 0, 0},
    {"Selu", NULL, MITE_UNARY_SELU, "alpha", "gamma", 1.67326319f, 1.05070102f},
    {"Shrink", NULL, MITE_UNARY_SHRINK, "lambd", "bias", 0.5f, 0},
    {"Sigmoid", "sigmoid", MITE_UNARY_SIGMOID, NULL, NULL, 0, 0},
    {"Sign", NULL, MITE_UNARY_SIGN, NULL, NULL, 0, 0},
    {"Sin", NULL, MITE_UNARY_SIN, NULL, NULL, 0, 0},
    {"Sinh", NULL, MITE_UNARY_SINH, NULL, NULL, 0, 0},
    {"Softplus", NULL, MITE_UNARY_SOFTPLUS, NULL, NULL, 0, 0},
    {"Softsign", NULL, MITE_UNARY_SOFTSIGN, NULL, NULL, 0, 0},
    {"Sqrt", "sqrt", MITE_UNARY_SQRT, NULL, NULL, 0, 0},
    {"Swish", NULL, MITE_UNARY_SWISH, "alpha", NULL, 1, 0},
    {"Tan", NULL, MITE_UNARY_TAN, NULL, NULL, 0, 0},
    {"Tanh", "tanh", MITE_UNARY_TANH, NULL, NULL, 0, 0},
    {"ThresholdedRelu", NULL, MITE_UNARY_THRESHOLDED_RELU, "alpha", NULL, 1, 0},
};

static const function_row *row_of(const char *name) {
    size_t i = 0;
    while (i + 1 < sizeof functions / sizeof *functions && strcmp(functions[i].name, name)) i++;
    return &functions[i];
}

static mite_ir_value *emit_core(onnx_import *c, const char *op, mite_ir_value *x,
                                const mite_ir_attr *a, const mite_ir_attr *b) {
    mite_ir_attr none = {.name = NULL};
    return MITE_IR_EMIT(c->g, .op = op, .name = onnx_name(c), .inputs = {x},
                        .attrs = {a ? *a : none, b ? *b : none}, .scale = x->scale,
                        .zero_point = x->zero_point);
}

void onnx_unary(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    const function_row *row = row_of(c->node->op_type);
    float alpha = row->alpha ? onnx_float(c, row->alpha, row->alpha_default) : 0;
    float beta = row->beta ? onnx_float(c, row->beta, row->beta_default) : 0;
    const char *core = row->core;
    if (!x) return;
    if (row->function == MITE_UNARY_SWISH && alpha == 1) core = "silu";
    if (!core || !onnx_is_core(x)) {
        onnx_set(c, 0, onnx_emit_unary(c, row->function, x, alpha, beta));
        return;
    }
    mite_ir_attr a = {"alpha", .word = mite_ir_bits(alpha)};
    mite_ir_attr b = {"beta", .word = mite_ir_bits(beta)};
    bool has_alpha = row->alpha && row->function != MITE_UNARY_SWISH;
    onnx_set(c, 0, emit_core(c, core, x, has_alpha ? &a : NULL, row->beta ? &b : NULL));
}

void onnx_is_inf(onnx_import *c) {
    onnx_set(c, 0,
             onnx_emit_unary(c, MITE_UNARY_IS_INF, onnx_in(c, 0),
                             onnx_int(c, "detect_negative", 1) ? 1 : 0,
                             onnx_int(c, "detect_positive", 1) ? 1 : 0));
}

void onnx_gelu(onnx_import *c) {
    bool by_tanh = !strcmp(onnx_string(c, "approximate", "none"), "tanh");
    mite_ir_value *x = onnx_in(c, 0);
    mite_unary general = by_tanh ? MITE_UNARY_GELU_TANH : MITE_UNARY_GELU;
    if (!x) return;
    onnx_set(c, 0,
             x->dtype == MITE_F32
                 ? MITE_IR_EMIT(c->g, .op = "gelu", .name = onnx_name(c), .inputs = {x},
                                .attrs = {{"by_tanh", .word = by_tanh}})
                 : onnx_emit_unary(c, general, x, 0, 0));
}

// --- Clamps ---------------------------------------------------------------------------------------

static mite_ir_value *emit_clamp(onnx_import *c, mite_ir_value *x, float lo, float hi) {
    return emit_core(c, "clamp", x, &(mite_ir_attr){"lo", .word = mite_ir_bits(lo)},
                     &(mite_ir_attr){"hi", .word = mite_ir_bits(hi)});
}

void onnx_relu(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    if (!x) return;
    onnx_set(c, 0,
             onnx_is_core(x) ? emit_clamp(c, x, 0.0f, INFINITY)
                             : onnx_emit_unary(c, MITE_UNARY_RELU, x, 0, 0));
}

// A limit of Clip: attribute before opset 11, input since. NULL where there is none.
static mite_ir_value *limit(onnx_import *c, const char *name, size_t k, mite_dtype dtype) {
    if (c->opset >= 11) return onnx_has_input(c, k) ? onnx_in(c, k) : NULL;
    const onnx_attr *a = onnx_attribute(c, name);
    return a ? onnx_scalar(c, dtype, (double)a->f) : NULL;
}

static bool is_plain_limit(const mite_ir_value *v) {
    return !v || (v->data && v->dtype == MITE_F32 && mite_ir_elements(v) == 1);
}

void onnx_clip(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    if (!x) return;
    mite_ir_value *min = limit(c, "min", 1, x->dtype), *max = limit(c, "max", 2, x->dtype);
    if (onnx_is_core(x) && is_plain_limit(min) && is_plain_limit(max)) {
        float lo = min ? *(const float *)min->data : -INFINITY;
        float hi = max ? *(const float *)max->data : INFINITY;
        // ONNX: where the limits are crossed, everything becomes max.
        onnx_set(c, 0, emit_clamp(c, x, lo > hi ? hi : lo, hi));
        return;
    }
    if (min) x = onnx_emit_general_binary(c, MITE_BINARY_MAX, x, min);
    if (max) x = onnx_emit_general_binary(c, MITE_BINARY_MIN, x, max);
    onnx_set(c, 0, x);
}

// --- Types ----------------------------------------------------------------------------------------

// Quantized numbers as the integers that they are in the file, not what they stand for.
static mite_ir_value *plain_integers(onnx_import *c, mite_ir_value *x) {
    if (!x || !(x->scale > 0) || (x->scale == 1 && x->zero_point == 0)) return x;
    return MITE_IR_EMIT(c->g, .op = "bit_cast", .name = onnx_name(c), .inputs = {x},
                        .dtype = x->dtype);
}

static void cast_to(onnx_import *c, mite_ir_value *x, int64_t type) {
    mite_dtype to = type > 0 && type < 64 ? onnx_dtype((int32_t)type) : (mite_dtype)0;
    if (!x) return;
    if (!to) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "a cast from %s to %s is not supported",
                     mite_ir_dtype_name(x->dtype),
                     onnx_type_name(type > 0 && type < 64 ? (int32_t)type : 64));
        return;
    }
    // Bytes that a model gets and takes as they are: such an input is quantized already.
    if (x->dtype == MITE_U8 && to == MITE_F32 && !x->producer && !x->data && !x->uses) x->scale = 1;
    x = plain_integers(c, x);
    size_t bits = onnx_type_bits((int32_t)type);
    if (bits < 8) { // keeps its low bits
        mite_ir_value *rest = onnx_scalar(c, MITE_I32, (double)(32 - bits));
        x = onnx_emit_cast(c, x, MITE_I32);
        x = onnx_emit_general_binary(c, MITE_BINARY_SHIFT_LEFT, x, rest);
        if (to == MITE_U8)
            x = onnx_emit_cast(c, x, MITE_U32), rest = onnx_emit_cast(c, rest, MITE_U32);
        x = onnx_emit_general_binary(c, MITE_BINARY_SHIFT_RIGHT, x, rest);
    }
    onnx_set(c, 0, onnx_emit_cast(c, x, to));
}

void onnx_cast(onnx_import *c) { cast_to(c, onnx_in(c, 0), onnx_int(c, "to", 0)); }

void onnx_cast_like(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *like = onnx_in(c, 1);
    int32_t type, dims[MITE_MAX_RANK];
    size_t rank;
    if (!x || !like || !onnx_shape(c, 1, &type, &rank, dims)) return;
    if (onnx_type_bits(type) < 8 || !onnx_dtype(type)) cast_to(c, x, type);
    else onnx_set(c, 0, onnx_emit_cast(c, plain_integers(c, x), like->dtype));
}

void onnx_bit_cast(onnx_import *c) {
    int64_t type = onnx_int(c, "to", 0);
    mite_ir_value *x = onnx_in(c, 0);
    mite_dtype to = type > 0 && type < 64 ? onnx_dtype((int32_t)type) : (mite_dtype)0;
    if (!to) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "bits cannot be taken as type %D", type);
        return;
    }
    onnx_set(
        c, 0,
        MITE_IR_EMIT(c->g, .op = "bit_cast", .name = onnx_name(c), .inputs = {x}, .dtype = to));
}

// --- Identity and Dropout -------------------------------------------------------------------------

void onnx_identity(onnx_import *c) {
    bool shifted;
    if (onnx_is_sequence(c, 0)) {
        onnx_set_sequence(c, 0, onnx_sequence_in(c, 0));
        return;
    }
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted);
    if (!x) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input is missing");
    onnx_set_carried(c, 0, x, shifted);
}

// Outside of training it does nothing, and its mask keeps everything.
void onnx_dropout(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    if (!x) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input is missing");
    if (onnx_has_input(c, 2)) {
        const onnx_known *trains = onnx_need_numbers(c, 2, "training_mode");
        const onnx_known *ratio = onnx_numbers(c, 1);
        bool drops = trains && trains->count && trains->at[0].i;
        if (drops && !(ratio && ratio->count && ratio->at[0].f == 0))
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                         "it drops elements at random, as in training; export the model for "
                         "inference");
    }
    onnx_set(c, 0, x);
    if (!x || !onnx_has_output(c, 1)) return;
    // Before opset 10 the mask was of the type of x.
    mite_dtype type = c->opset < 10 ? x->dtype : MITE_BOOL;
    onnx_set(c, 1, onnx_expand_to(c, onnx_scalar(c, type, 1), onnx_shape_of(c, x)));
}
