// SPDX-License-Identifier: Apache-2.0
// Products of integers that were quantized in the run, brought back to real numbers:
//
//   y = mul(cast(matmul_nd(x, w, x_zero, w_zero)), mul(x_scale, w_scale))
//     -> y = dense_integer(x, w - w_zero, sums, w_scale, x_scale, x_zero)
//   y = add(dense_integer(x, …), b)   ->   y = dense_integer(x, …, b)
//
// with constant w, w_zero, w_scale and b, where w - w_zero fits i8. The same operations are rounded
// as before, so results keep their bits.
#include "passes/passes.h"

#include <string.h>

enum { A, B, A_ZERO, B_ZERO }; // inputs of matmul_nd
enum { X, WEIGHTS, SUMS, MULTIPLIER, SCALE, ZERO_POINT, BIAS, INPUTS }; // of dense_integer

static bool is_one(const mite_ir_value *v, mite_dtype dtype) {
    return mite_ir_is_fixed(v) && v->dtype == dtype && mite_ir_elements(v) == 1;
}

// One number, or one for each of the last dimension's `columns`.
static bool is_row(const mite_ir_value *v, mite_dtype dtype, size_t columns) {
    if (!mite_ir_is_constant(v) || v->dtype != dtype) return false;
    size_t elements = mite_ir_elements(v);
    return elements == 1 ||
           (elements == columns && v->rank > 0 && (size_t)v->shape[v->rank - 1] == columns);
}

static int32_t integer_at(const mite_ir_value *v, size_t i) {
    return v->dtype == MITE_U8 ? ((const uint8_t *)v->data)[i] : ((const int8_t *)v->data)[i];
}

// w - w_zero as [N,1,1,K] and the sums of its rows; false where it does not fit.
static bool weights_of(mite_ir_graph *g, const mite_ir_value *w, const mite_ir_value *zero,
                       mite_ir_value **weights, mite_ir_value **sums) {
    int32_t columns = w->shape[1], depth = w->shape[0];
    const int32_t shape[] = {columns, 1, 1, depth};
    size_t zeros = zero ? mite_ir_elements(zero) : 1;
    *weights = mite_ir_constant(g, w->name, MITE_I8, 4, shape);
    *sums = mite_ir_constant(g, w->name, MITE_I32, 1, &columns);
    if (!*weights || !*sums) return false;
    for (size_t n = 0; n < (size_t)columns; n++) {
        int32_t offset = zero ? integer_at(zero, zeros > 1 ? n : 0) : 0;
        uint32_t sum = 0;
        for (size_t k = 0; k < (size_t)depth; k++) {
            int32_t q = integer_at(w, k * (size_t)columns + n) - offset;
            if (q < INT8_MIN || q > INT8_MAX) return false;
            ((int8_t *)(*weights)->data)[n * (size_t)depth + k] = (int8_t)q;
            sum += (uint32_t)q;
        }
        ((int32_t *)(*sums)->data)[n] = (int32_t)sum;
    }
    return true;
}

// The constant factor of `scales`, which is that times a single number `x_scale`.
static const mite_ir_value *factor_of(const mite_ir_value *scales, size_t columns,
                                      mite_ir_value **x_scale) {
    const mite_ir_node *mul = scales->producer;
    if (!mite_ir_is(mul, "mul") || !mite_is_unclamped(mul)) return NULL;
    for (size_t i = 0; i < 2; i++) {
        mite_ir_value *x = mite_ir_resolve(mul->inputs[1 - i]),
                      *w = mite_ir_resolve(mul->inputs[i]);
        if (!is_one(x, MITE_F32) || !is_row(w, MITE_F32, columns)) continue;
        *x_scale = x;
        return w;
    }
    return NULL;
}

static bool fuse_product(mite_ir_graph *g, mite_ir_node *mul, size_t which) {
    mite_ir_node *cast = mite_ir_sole_producer(mul->inputs[which]), *product;
    if (!mite_ir_is(cast, "cast") || cast->output->dtype != MITE_F32) return false;
    product = mite_ir_sole_producer(cast->inputs[0]);
    if (!mite_ir_is(product, "matmul_nd") || product->output->dtype != MITE_I32) return false;
    mite_ir_value *x = mite_ir_resolve(product->inputs[A]),
                  *w = mite_ir_resolve(product->inputs[B]);
    mite_ir_value *x_zero = mite_ir_input_of(product, A_ZERO), *x_scale, *weights, *sums;
    const mite_ir_value *w_zero = mite_ir_input_of(product, B_ZERO), *factor;
    if (x->dtype != MITE_U8 || x->unknown || x->rank < 1 || !mite_ir_is_constant(w) ||
        w->rank != 2 || !mite_ir_elements(w) || (w->dtype != MITE_U8 && w->dtype != MITE_I8) ||
        (x_zero && !is_one(x_zero, MITE_U8)) ||
        (w_zero && !is_row(w_zero, w->dtype, (size_t)w->shape[1])))
        return false;
    int32_t columns = w->shape[1];
    factor = factor_of(mite_ir_resolve(mul->inputs[1 - which]), (size_t)columns, &x_scale);
    if (!factor || !weights_of(g, w, w_zero, &weights, &sums)) return false;
    mite_ir_value *multiplier = mite_ir_constant(g, factor->name, MITE_F32, 1, &columns);
    for (size_t n = 0; multiplier && n < (size_t)columns; n++)
        ((float *)multiplier->data)[n] =
            ((const float *)factor->data)[mite_ir_elements(factor) > 1 ? n : 0];
    float lo, hi;
    mite_clamp_of(mul, &lo, &hi);
    mite_ir_value *y = MITE_IR_EMIT(
        g, .op = "dense_integer", .name = product->name,
        .inputs = {x, weights, sums, multiplier, x_scale, x_zero}, .dtype = MITE_F32,
        .attrs = {{"clamp_lo", .word = mite_ir_bits(lo)}, {"clamp_hi", .word = mite_ir_bits(hi)}});
    if (!y) return false;
    mite_ir_absorb(y->producer, mul);
    return true;
}

static bool fuse_bias(mite_ir_graph *g, mite_ir_node *add, size_t which) {
    mite_ir_node *dense = mite_ir_sole_producer(add->inputs[which]);
    mite_ir_value *b = add->inputs[1 - which];
    if (!mite_ir_is(dense, "dense_integer") || mite_ir_input_of(dense, BIAS) ||
        !mite_is_unclamped(dense) || !mite_ir_is_constant(b) || b->dtype != MITE_F32)
        return false;
    int32_t columns = dense->inputs[WEIGHTS]->shape[0];
    if (!is_row(b, MITE_F32, (size_t)columns) || mite_ir_elements(b) != (size_t)columns ||
        b->rank > dense->output->rank)
        return false;
    if (b->rank != 1) b = mite_ir_reshaped(g, b, 1, &columns);
    if (!b) return false;
    float lo, hi;
    mite_clamp_of(add, &lo, &hi);
    mite_ir_make make = {
        .op = "dense_integer",
        .name = dense->name,
        .dtype = MITE_F32,
        .attrs = {{"clamp_lo", .word = mite_ir_bits(lo)}, {"clamp_hi", .word = mite_ir_bits(hi)}},
    };
    for (size_t i = 0; i < BIAS; i++) make.inputs[i] = mite_ir_input_of(dense, i);
    make.inputs[BIAS] = b;
    mite_ir_value *y = mite_ir_emit(g, &make);
    if (!y) return false;
    mite_ir_kill(dense);
    mite_ir_absorb(y->producer, add);
    return true;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    bool mul = mite_ir_is(node, "mul");
    if ((!mul && !mite_ir_is(node, "add")) || node->output->dtype != MITE_F32) return false;
    for (size_t which = 0; which < 2; which++) {
        if (mul ? fuse_product(g, node, which) : fuse_bias(g, node, which)) return true;
    }
    return false;
}

bool mite_pass_fuse_integer(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
