// SPDX-License-Identifier: Apache-2.0
// Operators that treat every element alike, and softmax.
#include "import/tflite/tflite_handlers.h"

#include "ops/more/fixed.h"

#include <math.h>
#include <string.h>

// --- One number ---------------------------------------------------------------------------------

static mite_ir_value *function(tfl_import *c, mite_unary which, mite_ir_value *x, float alpha) {
    if (!x) return NULL;
    return MITE_IR_EMIT(
        c->g, .op = "unary", .name = tfl_name(c), .inputs = {x},
        .attrs = {{"function", .word = (int32_t)which}, {"alpha", .word = mite_ir_bits(alpha)}});
}

// NEG of int8 turns the quanta's signs, whatever the zero points, and -128 stays what it is: so do u8
// quanta modulo 256.
static mite_ir_value *negated_quanta(tfl_import *c, const tfl_tensor *out) {
    float scale;
    int32_t zero_point;
    mite_ir_value *x = tfl_in(c, 0);
    if (!x || !tfl_stored_quantization(c, out, &scale, &zero_point)) return NULL;
    return MITE_IR_EMIT(c->g, .op = "unary", .name = tfl_name(c), .inputs = {x},
                        .attrs = {{"function", .word = MITE_UNARY_NEG}}, .scale = scale,
                        .zero_point = zero_point);
}

void tfl_unary(tfl_import *c) {
    const tfl_op *op = tfl_op_of(c->node);
    const tfl_tensor *in = tfl_input(c, 0), *out = tfl_output(c, 0);
    if (op->function == MITE_UNARY_NEG && in && out && in->type == TFL_INT8 &&
        tfl_is_quantized(in) && out->type == TFL_INT8 && tfl_is_quantized(out)) {
        tfl_set(c, 0, negated_quanta(c, out));
        return;
    }
    if (tfl_set_i16_function(c)) return;
    mite_ir_value *x = tfl_plain(c, 0);
    if (!x) return;
    if (x->dtype == MITE_F32 && op->op) tfl_set(c, 0, tfl_emit_unary(c, op->op, x));
    else tfl_set(c, 0, function(c, (mite_unary)op->function, x, 0));
}

void tfl_relu(tfl_import *c) {
    int32_t activation = tfl_op_of(c->node)->function;
    mite_ir_value *x = tfl_real(c, 0);
    if (activation) tfl_set(c, 0, tfl_activate(c, x, activation));
    else if (x) // RELU_0_TO_1
        tfl_set(c, 0,
                MITE_IR_EMIT(
                    c->g, .op = "clamp", .name = tfl_name(c), .inputs = {x},
                    .attrs = {{"lo", .word = mite_ir_bits(0)}, {"hi", .word = mite_ir_bits(1)}}));
}

void tfl_leaky_relu(tfl_import *c) {
    mite_ir_value *x = tfl_real(c, 0);
    if (!x) return;
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "leaky_relu", .name = tfl_name(c), .inputs = {x},
                         .attrs = {{"alpha", .word = mite_ir_bits(tfl_option_float(c, 0))}}));
}

void tfl_elu(tfl_import *c) { tfl_set(c, 0, function(c, MITE_UNARY_ELU, tfl_real(c, 0), 1)); }

void tfl_gelu(tfl_import *c) {
    if (tfl_set_i16_function(c)) return;
    mite_unary which = tfl_option_byte(c, 0) ? MITE_UNARY_GELU_TANH : MITE_UNARY_GELU;
    tfl_set(c, 0, function(c, which, tfl_real(c, 0), 0));
}

void tfl_rsqrt(tfl_import *c) {
    if (tfl_set_i16_function(c)) return;
    mite_ir_value *x = tfl_emit_unary(c, "sqrt", tfl_real(c, 0));
    tfl_set(c, 0, tfl_emit_unary(c, "reciprocal", x));
}

// --- Several numbers ----------------------------------------------------------------------------

static mite_ir_value *binary(tfl_import *c, const char *core, mite_binary which, mite_ir_value *a,
                             mite_ir_value *b) {
    if (!a || !b) return NULL;
    if (core && a->dtype == MITE_F32 && b->dtype == MITE_F32) return tfl_emit_binary(c, core, a, b);
    return tfl_emit_general_binary(c, which, a, b);
}

// ADD, SUB, MUL and DIV have an activation as their first option; the others none.
void tfl_binary(tfl_import *c) {
    if (tfl_set_fixed_binary(c)) return;
    const tfl_op *op = tfl_op_of(c->node);
    mite_binary which = (mite_binary)op->function;
    mite_ir_value *a = tfl_plain(c, 0), *b = tfl_plain(c, 1);
    int32_t activation = which <= MITE_BINARY_DIV ? tfl_option_byte(c, 0) : 0;
    tfl_set(c, 0, tfl_activate(c, binary(c, op->op, which, a, b), activation));
}

// Quantized bytes are compared as TensorFlow Lite does: in units of 2^-8, so that neighbours may be equal.
// NULL where input k is none, or its scale is beyond what that is for.
static mite_ir_value *in_fixed_point(tfl_import *c, size_t k) {
    const tfl_tensor *t = tfl_input(c, k);
    const int32_t count = 256;
    float scale;
    int32_t zero, multiplier, shift;
    if (!t || (t->type != TFL_INT8 && t->type != TFL_UINT8) || !tfl_is_quantized(t) ||
        !tfl_stored_quantization(c, t, &scale, &zero) || scale >= 1)
        return NULL;
    tfl_fixed_factor((double)scale, 31, &multiplier, &shift);
    mite_ir_value *x = tfl_in(c, k);
    mite_ir_value *table = mite_ir_constant(c->g, tfl_name(c), MITE_I32, 1, &count);
    for (int32_t q = 0; table && q < count; q++)
        ((int32_t *)table->data)[q] =
            (int32_t)mite_fixed_scaled((q - zero) * 256, multiplier, shift);
    return tfl_emit_moved(c, "gather", table, tfl_emit_cast(c, x, MITE_I32), NULL, NULL, NULL);
}

// a > b is b < a; a != b is not (a == b).
void tfl_compare(tfl_import *c) {
    const char *name = tfl_op_of(c->node)->name;
    bool turned = !strncmp(name, "GREATER", 7);
    mite_ir_value *a = in_fixed_point(c, 0), *b = in_fixed_point(c, 1);
    if (!a || !b) {
        a = tfl_plain(c, 0);
        b = tfl_plain(c, 1);
    }
    mite_binary which = (mite_binary)tfl_op_of(c->node)->function;
    mite_ir_value *y = tfl_emit_general_binary(c, which, turned ? b : a, turned ? a : b);
    if (!strcmp(name, "NOT_EQUAL")) y = function(c, MITE_UNARY_NOT, y, 0);
    tfl_set(c, 0, y);
}

void tfl_add_n(tfl_import *c) {
    mite_ir_value *sum = tfl_plain(c, 0);
    for (size_t k = 1; sum && k < c->node->input_count; k++) {
        sum = binary(c, "add", MITE_BINARY_ADD, sum, tfl_plain(c, k));
    }
    tfl_set(c, 0, sum);
}

void tfl_square(tfl_import *c) {
    mite_ir_value *x = tfl_plain(c, 0);
    tfl_set(c, 0, binary(c, "mul", MITE_BINARY_MUL, x, x));
}

void tfl_squared_difference(tfl_import *c) {
    mite_ir_value *a = tfl_plain(c, 0), *b = tfl_plain(c, 1);
    mite_ir_value *d = binary(c, "sub", MITE_BINARY_SUB, a, b);
    tfl_set(c, 0, binary(c, "mul", MITE_BINARY_MUL, d, d));
}

void tfl_prelu(tfl_import *c) {
    tfl_set(c, 0, tfl_emit_binary(c, "prelu", tfl_real(c, 0), tfl_real(c, 1)));
}

// SELECT's condition may be a vector that goes along the first dimension.
void tfl_select(tfl_import *c) {
    mite_ir_value *condition = tfl_in(c, 0), *a, *b;
    bool quanta = tfl_same_quantization(c, 1) && tfl_same_quantization(c, 2);
    a = quanta ? tfl_in(c, 1) : tfl_plain(c, 1);
    b = quanta ? tfl_in(c, 2) : tfl_plain(c, 2);
    if (!condition || !a || !b || !tfl_has_rank(c, condition) || !tfl_has_rank(c, a)) return;
    if (!strcmp(tfl_op_of(c->node)->name, "SELECT") && condition->rank == 1 && a->rank > 1) {
        int32_t shape[MITE_MAX_RANK] = {tfl_dim(condition, 0), 1, 1, 1, 1, 1, 1, 1};
        condition = tfl_reshape(c, condition, (size_t)a->rank, shape);
    }
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "where", .name = tfl_name(c), .inputs = {condition, a, b},
                         .dtype = a->dtype, .scale = a->scale, .zero_point = a->zero_point));
}

// --- Types --------------------------------------------------------------------------------------

// A cast takes quanta for plain integers. What becomes f16 is rounded to it, and carried in f32.
void tfl_cast(tfl_import *c) {
    const tfl_tensor *from = tfl_input(c, 0), *to = tfl_output(c, 0);
    mite_ir_value *x = tfl_in(c, 0);
    mite_dtype dtype = to ? tfl_stored_dtype(to) : (mite_dtype)0;
    if (!x || !from || !dtype) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "a cast to %s is not supported",
                     to ? tfl_type_name(to->type) : "nothing");
        return;
    }
    if (tfl_is_quantized(from) || tfl_is_quantized(to)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "casts of quantized tensors are not supported");
    }
    if (to->type == TFL_FLOAT16) x = tfl_emit_cast(c, x, MITE_F16);
    tfl_set(c, 0, tfl_emit_cast(c, x, dtype));
}

void tfl_quantize(tfl_import *c) {
    if (!tfl_set_requantized(c)) tfl_set(c, 0, tfl_real(c, 0));
}

// DEQUANTIZE and DENSIFY. Half-precision and sparse constants are unpacked by whoever uses them, so
// that weights are known as such.
void tfl_dequantize(tfl_import *c) {
    if (!tfl_pass_constant(c)) tfl_set(c, 0, tfl_real(c, 0));
}

// Rounds to the steps of a quantization over [min, max], nudged so that 0 is one of them.
void tfl_fake_quant(tfl_import *c) {
    enum { LEAST, MOST, BITS, NARROW };
    float least = tfl_option_float(c, LEAST), most = tfl_option_float(c, MOST);
    int32_t bits = tfl_option(c, BITS), narrow = tfl_option_byte(c, NARROW) != 0;
    mite_ir_value *x = tfl_real(c, 0);
    if (!x) return;
    if (!(least <= 0) || !(most >= 0) || !(most > least) || !isfinite(most - least) || bits < 2 ||
        bits > 16) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its range is no range around 0, or has %d bits", bits);
        return;
    }
    float lo = (float)narrow, hi = (float)((1 << bits) - 1), scale = (most - least) / (hi - lo);
    float zero = fminf(fmaxf(roundf(lo - least / scale), lo), hi);
    least = (lo - zero) * scale;
    most = (hi - zero) * scale;
    x = MITE_IR_EMIT(
        c->g, .op = "clamp", .name = tfl_name(c), .inputs = {x},
        .attrs = {{"lo", .word = mite_ir_bits(least)}, {"hi", .word = mite_ir_bits(most)}});
    x = tfl_emit_binary(c, "sub", x, tfl_scalar(c, least));
    x = tfl_emit_binary(c, "mul", x, tfl_scalar(c, 1 / scale));
    x = function(c, MITE_UNARY_FLOOR, tfl_emit_binary(c, "add", x, tfl_scalar(c, 0.5f)), 0);
    x = tfl_emit_binary(c, "mul", x, tfl_scalar(c, scale));
    tfl_set(c, 0, tfl_emit_binary(c, "add", x, tfl_scalar(c, least)));
}

// --- Softmax ------------------------------------------------------------------------------------

void tfl_softmax(tfl_import *c) {
    if (tfl_set_i16_function(c)) return;
    mite_ir_value *x = tfl_real(c, 0);
    float beta = tfl_option_float(c, 0);
    if (!x || !tfl_has_rank(c, x)) return;
    if (beta != 1.0f) x = tfl_emit_binary(c, "mul", x, tfl_scalar(c, beta));
    if (x)
        tfl_set(c, 0,
                MITE_IR_EMIT(c->g, .op = "softmax", .name = tfl_name(c), .inputs = {x},
                             .attrs = {{"axis", .word = x->rank - 1}}));
}

void tfl_log_softmax(tfl_import *c) {
    mite_ir_value *x = tfl_real(c, 0);
    if (!x || !tfl_has_rank(c, x)) return;
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "distribution", .name = tfl_name(c), .inputs = {x},
                         .attrs = {{"function", .word = MITE_DISTRIBUTION_LOG_SOFTMAX},
                                   {"axis", .word = x->rank - 1}}));
}
