// SPDX-License-Identifier: Apache-2.0
// Operators whose quanta TensorFlow Lite's reference kernels compute in fixed point, and mite as they do:
// those of int16, DIV of bytes, REDUCE_PROD. Factors are worked out as there, partly in f32.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_nodes.h"

#include <math.h>

// Is it a tensor of one scale and such a type?
static bool is_quantized_as(const tfl_tensor *t, int32_t type) {
    return t && t->type == type && tfl_is_quantized(t) && t->scales.count == 1;
}

static float scale_of(tfl_import *c, const tfl_tensor *t) {
    float scale = 0;
    int32_t zero;
    return tfl_stored_quantization(c, t, &scale, &zero) ? scale : 0;
}

// --- Factors --------------------------------------------------------------------------------------

typedef struct factor {
    int32_t multiplier, shift, left;
} factor;

// False (failed) where it is too large.
static bool find_factor(tfl_import *c, double real, int32_t bits, factor *f) {
    *f = (factor){0};
    if (real < 0x1p14) { // far beyond what any model has
        tfl_fixed_factor(real, bits, &f->multiplier, &f->shift);
        return true;
    }
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "the scales of its inputs are too large for that of its output");
    return false;
}

// v times the factor; limited to lo and hi.
static mite_ir_value *rescaled(tfl_import *c, mite_ir_value *v, const factor *f, int32_t lo,
                               int32_t hi, mite_dtype dtype, float scale, int32_t zero) {
    if (!v || !mite_ir_ok(c->g)) return NULL;
    return MITE_IR_EMIT(c->g, .op = "rescale", .name = tfl_name(c), .inputs = {v}, .dtype = dtype,
                        .scale = scale, .zero_point = zero,
                        .attrs = {{"multiplier", .word = f->multiplier},
                                  {"shift", .word = f->shift},
                                  {"left", .word = f->left},
                                  {"lo", .word = lo},
                                  {"hi", .word = hi}});
}

// Integers v, whose unit is `real` times that of output 0, as that.
static mite_ir_value *as_output(tfl_import *c, mite_ir_value *v, double real, int32_t activation) {
    const tfl_tensor *y = tfl_output(c, 0);
    float scale;
    int32_t zero, lo, hi;
    factor f;
    if (!tfl_stored_quantization(c, y, &scale, &zero) ||
        !tfl_activation_quanta(c, activation, &lo, &hi) ||
        !find_factor(c, real, v && v->dtype == MITE_I64 ? 15 : 31, &f))
        return NULL;
    return rescaled(c, v, &f, lo, hi, tfl_stored_dtype(y), scale, zero);
}

// --- Two numbers ----------------------------------------------------------------------------------

// Both in 2^-15 of twice the coarser unit, which leaves room for their sum.
static mite_ir_value *sum(tfl_import *c, mite_binary which, int32_t activation) {
    const double unit = 0x1p-15;
    float scales[2] = {scale_of(c, tfl_input(c, 0)), scale_of(c, tfl_input(c, 1))};
    double coarse = 2 * (double)fmaxf(scales[0], scales[1]);
    mite_ir_value *v[2] = {NULL, NULL};
    for (size_t k = 0; k < 2; k++) {
        factor f;
        if (!mite_ir_ok(c->g) || !find_factor(c, (double)scales[k] / coarse, 31, &f)) return NULL;
        f.left = 15;
        v[k] = rescaled(c, tfl_in(c, k), &f, INT32_MIN, INT32_MAX, MITE_I32, 0, 0);
    }
    double out = (double)scale_of(c, tfl_output(c, 0));
    return as_output(c, tfl_emit_general_binary(c, which, v[0], v[1]), coarse * unit / out,
                     activation);
}

static mite_ir_value *product(tfl_import *c, int32_t activation) {
    float a = scale_of(c, tfl_input(c, 0)), b = scale_of(c, tfl_input(c, 1));
    float real = a * b / scale_of(c, tfl_output(c, 0));
    mite_ir_value *v =
        tfl_emit_general_binary(c, MITE_BINARY_MUL, tfl_emit_cast(c, tfl_in(c, 0), MITE_I32),
                                tfl_emit_cast(c, tfl_in(c, 1), MITE_I32));
    return as_output(c, v, (double)real, activation);
}

static mite_ir_value *quotient(tfl_import *c, int32_t activation) {
    const tfl_tensor *y = tfl_output(c, 0);
    mite_ir_value *a = tfl_in(c, 0), *b = tfl_in(c, 1);
    float scale;
    int32_t zero, lo, hi;
    factor f;
    if (!a || !b || !tfl_stored_quantization(c, y, &scale, &zero) ||
        !tfl_activation_quanta(c, activation, &lo, &hi))
        return NULL;
    float real = scale_of(c, tfl_input(c, 0)) / (scale_of(c, tfl_input(c, 1)) * scale);
    if (!find_factor(c, (double)real, 31, &f)) return NULL;
    return MITE_IR_EMIT(c->g, .op = "divide_u8", .name = tfl_name(c), .inputs = {a, b},
                        .scale = scale, .zero_point = zero,
                        .attrs = {{"multiplier", .word = f.multiplier},
                                  {"shift", .word = f.shift},
                                  {"lo", .word = lo},
                                  {"hi", .word = hi}});
}

bool tfl_set_fixed_binary(tfl_import *c) {
    mite_binary which = (mite_binary)tfl_op_of(c->node)->function;
    const tfl_tensor *y = tfl_output(c, 0);
    int32_t type = y ? y->type : 0, activation = tfl_option_byte(c, 0);
    bool divides = which == MITE_BINARY_DIV;
    if (which > MITE_BINARY_DIV || activation < 0 || activation > TFL_RELU6 ||
        !(divides ? type == TFL_INT8 || type == TFL_UINT8 : type == TFL_INT16) ||
        !is_quantized_as(y, type) || !is_quantized_as(tfl_input(c, 0), type) ||
        !is_quantized_as(tfl_input(c, 1), type))
        return false;
    if (divides) tfl_set(c, 0, quotient(c, activation));
    else if (which == MITE_BINARY_MUL) tfl_set(c, 0, product(c, activation));
    else tfl_set(c, 0, sum(c, which, activation));
    return true;
}

// --- Many numbers ---------------------------------------------------------------------------------

// How many numbers of input 0 become one, where the file says so.
static bool count_reduced(tfl_import *c, size_t *count) {
    const mite_ir_value *x = tfl_in(c, 0);
    int64_t axes[MITE_MAX_RANK];
    bool seen[MITE_MAX_RANK] = {false};
    size_t n, axis;
    *count = 1;
    if (!x || x->unknown || !tfl_has_numbers(c, 1) || mite_ir_elements(x) == 0 ||
        !tfl_numbers(c, 1, "axes", axes, MITE_MAX_RANK, &n))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!tfl_axis(c, axes[i], (size_t)x->rank, &axis)) return false;
        if (x->open >> axis & 1 && !tfl_is_fixed(c, x)) return false;
        if (!seen[axis]) *count *= (size_t)x->shape[axis];
        seen[axis] = true;
    }
    return true;
}

static mite_ir_value *reduced(tfl_import *c, mite_reduce which, mite_ir_value *x, const factor *f,
                              float scale, int32_t zero) {
    mite_ir_value *axes = tfl_in(c, 1);
    if (!x || !axes) return NULL;
    return MITE_IR_EMIT(c->g, .op = "reduce", .name = tfl_name(c), .inputs = {x, axes},
                        .scale = scale, .zero_point = zero,
                        .attrs = {{"function", .word = (int32_t)which},
                                  {"keep_dims", .word = tfl_option_byte(c, 0) != 0},
                                  {"keep_all", .word = 1},
                                  {"multiplier", .word = f->multiplier},
                                  {"shift", .word = f->shift}});
}

// The multiplier has as many bits more as the count has, so that dividing it by that loses none.
static mite_ir_value *mean(tfl_import *c, size_t count) {
    const factor none = {0};
    double in = (double)scale_of(c, tfl_input(c, 0)), out = (double)scale_of(c, tfl_output(c, 0));
    factor f;
    int32_t more = 0, lo, hi;
    if (!tfl_activation_quanta(c, 0, &lo, &hi) || !find_factor(c, in / out, 31, &f)) return NULL;
    while ((uint64_t)count >> (more + 1) && more < 32 && more < 31 + f.shift) more++;
    f.multiplier = (int32_t)(((int64_t)f.multiplier << more) / (int64_t)count);
    f.shift -= more;
    mite_ir_value *x = tfl_emit_cast(c, tfl_in(c, 0), MITE_I32);
    return rescaled(c, reduced(c, MITE_REDUCE_SUM, x, &none, 0, 0), &f, lo, hi, MITE_I16,
                    (float)out, 0);
}

static mite_ir_value *power_product(tfl_import *c, size_t count) {
    double in = (double)scale_of(c, tfl_input(c, 0));
    float out;
    int32_t zero;
    factor f;
    if (!tfl_stored_quantization(c, tfl_output(c, 0), &out, &zero) ||
        !find_factor(c, in / pow((double)out, 1.0 / (double)count), 15, &f))
        return NULL;
    return reduced(c, MITE_REDUCE_PROD, tfl_in(c, 0), &f, out, zero);
}

bool tfl_set_fixed_reduction(tfl_import *c) {
    mite_reduce which = (mite_reduce)tfl_op_of(c->node)->function;
    const tfl_tensor *x = tfl_input(c, 0), *y = tfl_output(c, 0);
    size_t count;
    bool is_mean = which == MITE_REDUCE_MEAN;
    if (!x || !is_quantized_as(y, x->type) || !is_quantized_as(x, x->type) ||
        !(which == MITE_REDUCE_PROD || (is_mean && x->type == TFL_INT16)))
        return false;
    if (!count_reduced(c, &count)) return !mite_ir_ok(c->g);
    tfl_set(c, 0, is_mean ? mean(c, count) : power_product(c, count));
    return true;
}

// --- The rest of int16 ----------------------------------------------------------------------------

bool tfl_set_requantized(tfl_import *c) {
    const tfl_tensor *x = tfl_input(c, 0), *y = tfl_output(c, 0);
    if (!x || !y || (x->type != TFL_INT16 && y->type != TFL_INT16) ||
        !is_quantized_as(x, x->type) || !is_quantized_as(y, y->type))
        return false;
    double factor = (double)scale_of(c, x) / (double)scale_of(c, y);
    tfl_set(c, 0, as_output(c, tfl_in(c, 0), factor, 0));
    return true;
}

// --- Products -------------------------------------------------------------------------------------

bool tfl_is_fixed_product(const tfl_import *c) {
    const tfl_tensor *y = tfl_output(c, 0);
    return y && (y->type == TFL_INT16 || (y->type == TFL_INT8 && !tfl_is_constant(c, 1))) &&
           is_quantized_as(y, y->type) && is_quantized_as(tfl_input(c, 0), y->type) &&
           is_quantized_as(tfl_input(c, 1), y->type);
}

// Quanta of bytes less their zero point, as f32: that has the fast kernel, and sums of 256 products are
// exact in it, so the bits are the same in every build.
static mite_ir_value *in_units(tfl_import *c, mite_ir_value *q) {
    mite_ir_value *zero = q ? mite_ir_constant(c->g, tfl_name(c), MITE_U8, 0, NULL) : NULL;
    if (!zero) return NULL;
    *(uint8_t *)zero->data = (uint8_t)q->zero_point;
    return MITE_IR_EMIT(c->g, .op = "dequantize_linear", .name = tfl_name(c),
                        .inputs = {q, tfl_scalar(c, 1), zero}, .dtype = MITE_F32);
}

mite_ir_value *tfl_emit_fixed_product(tfl_import *c, mite_ir_value *a, mite_ir_value *b,
                                      int32_t activation) {
    bool wide = a && a->dtype == MITE_I16;
    float scales = scale_of(c, tfl_input(c, 0)) * scale_of(c, tfl_input(c, 1));
    double factor = (double)scales / (double)scale_of(c, tfl_output(c, 0));
    a = wide ? tfl_emit_cast(c, a, MITE_I64) : in_units(c, a);
    mite_ir_value *v = tfl_emit_binary(c, "matmul_nd", a, wide ? b : in_units(c, b));
    return as_output(c, v, factor, activation);
}
