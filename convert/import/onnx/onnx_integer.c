// SPDX-License-Identifier: Apache-2.0
// Numbers quantized in the run, and com.microsoft's quantized operators, which are taken apart into
// dequantize, the operator on real numbers, and quantize; passes/fuse_qdq.c makes integer operators
// of those.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <string.h>

// --- Quantized in the run -----------------------------------------------------------------------

typedef struct dynamic {
    mite_ir_value *q, *scale, *zero;
} dynamic;

// ONNX DynamicQuantizeLinear: u8 over the range of x, widened to hold 0.
static dynamic quantize_now(onnx_import *c, mite_ir_value *x) {
    dynamic d = {NULL, NULL, NULL};
    if (!x) return d;
    d.q = MITE_IR_EMIT(c->g, .op = "dynamic_quantize", .name = onnx_name(c), .inputs = {x},
                       .dtype = MITE_U8, .more_dtypes = (const mite_dtype[]){MITE_F32, MITE_U8},
                       .more_outputs = 2);
    d.scale = mite_ir_output_at(d.q, 1);
    d.zero = mite_ir_output_at(d.q, 2);
    return d;
}

void onnx_dynamic_quantize_linear(onnx_import *c) {
    dynamic d = quantize_now(c, onnx_in(c, 0));
    onnx_set(c, 0, d.q);
    onnx_set(c, 1, d.scale);
    onnx_set(c, 2, d.zero);
}

// Sums under the product of two scales, with a bias.
static void set_sums(onnx_import *c, mite_ir_value *sums, mite_ir_value *a, mite_ir_value *b,
                     mite_ir_value *bias) {
    mite_ir_value *y = onnx_emit_cast(c, sums, MITE_F32);
    y = onnx_emit_mul(c, y, onnx_emit_mul(c, a, b));
    onnx_set(c, 0, bias ? onnx_emit_add(c, y, bias) : y);
}

void onnx_dynamic_quantize_mat_mul(onnx_import *c) {
    dynamic d = quantize_now(c, onnx_in(c, 0));
    mite_ir_value *sums =
        onnx_emit_mat_mul_integer(c, d.q, onnx_in(c, 1), d.zero, onnx_optional(c, 3));
    set_sums(c, sums, d.scale, onnx_in(c, 2), onnx_optional(c, 4));
}

void onnx_mat_mul_integer_to_float(onnx_import *c) {
    mite_ir_value *sums = onnx_emit_mat_mul_integer(c, onnx_in(c, 0), onnx_in(c, 1),
                                                    onnx_optional(c, 4), onnx_optional(c, 5));
    set_sums(c, sums, onnx_in(c, 2), onnx_in(c, 3), onnx_optional(c, 6));
}

// --- Quantized operators ------------------------------------------------------------------------

static mite_ir_value *emit_one(onnx_import *c, const char *op, mite_ir_value *x,
                               mite_ir_attr attr) {
    if (!x) return NULL;
    return MITE_IR_EMIT(c->g, .op = op, .name = onnx_name(c), .inputs = {x}, .attrs = {attr});
}

// The type of operand `k`, whose scale and zero point follow it.
static int32_t type_of(onnx_import *c, size_t k) {
    int32_t type = ONNX_UINT8, dims[MITE_MAX_RANK];
    size_t rank;
    return onnx_shape(c, k, &type, &rank, dims) ? type : ONNX_UINT8;
}

static void set(onnx_import *c, mite_ir_value *y, size_t k) {
    onnx_set_quantized(c, y, k, type_of(c, 0), 0);
}

void onnx_q_linear_add(onnx_import *c) {
    set(c, onnx_emit_add(c, onnx_real_input(c, 0, 0), onnx_real_input(c, 3, 0)), 6);
}

void onnx_q_linear_mul(onnx_import *c) {
    set(c, onnx_emit_mul(c, onnx_real_input(c, 0, 0), onnx_real_input(c, 3, 0)), 6);
}

void onnx_q_linear_where(onnx_import *c) {
    mite_ir_value *condition = onnx_in(c, 0);
    mite_ir_value *x = onnx_real_input(c, 1, 0), *y = onnx_real_input(c, 4, 0);
    onnx_set_quantized(c, onnx_emit_where(c, condition, x, y), 7, type_of(c, 1), 0);
}

void onnx_q_linear_reduce_mean(onnx_import *c) {
    mite_ir_value *x = onnx_real_input(c, 0, 0);
    mite_ir_value *axes = onnx_list_in(c, "axes", SIZE_MAX);
    if (!x) return;
    set(c, onnx_emit_reduce(c, MITE_REDUCE_MEAN, x, axes, onnx_int(c, "keepdims", 1) != 0, !axes),
        3);
}

void onnx_q_linear_sigmoid(onnx_import *c) {
    set(c, emit_one(c, "sigmoid", onnx_real_input(c, 0, 0), (mite_ir_attr){.name = NULL}), 3);
}

void onnx_q_linear_leaky_relu(onnx_import *c) {
    mite_ir_attr alpha = {"alpha", .word = mite_ir_bits(onnx_float(c, "alpha", 0.01f))};
    set(c, emit_one(c, "leaky_relu", onnx_real_input(c, 0, 0), alpha), 3);
}

// Before opset 13 all dimensions from the axis on are one.
void onnx_q_linear_softmax(onnx_import *c) {
    mite_ir_value *x = onnx_real_input(c, 0, 0);
    int64_t axis = onnx_int(c, "axis", -1);
    size_t at;
    if (!x || x->unknown || !onnx_axis(c, axis, (size_t)x->rank, &at)) return;
    if (onnx_int(c, "opset", 13) < 13 && at + 1 < (size_t)x->rank) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "axes from %z on as one are not supported", at);
        return;
    }
    set(c, emit_one(c, "softmax", x, (mite_ir_attr){"axis", .word = (int32_t)at}), 3);
}

void onnx_q_linear_concat(onnx_import *c) {
    size_t count = c->node->input_count / 3, axis;
    mite_ir_value **list = mite_ir_alloc(c->g, count, sizeof *list);
    for (size_t i = 0; list && i + 1 < count + (count == 0); i++) {
        list[i] = onnx_real_input(c, 2 + 3 * i, 0);
        if (!list[i]) return;
    }
    if (!list || c->node->input_count % 3 != 2 || count < 1) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %z inputs", c->node->input_count);
        return;
    }
    list[count - 1] = onnx_real_input(c, 2 + 3 * (count - 1), 0);
    if (!list[count - 1] || list[0]->unknown ||
        !onnx_axis(c, onnx_int(c, "axis", 0), (size_t)list[0]->rank, &axis))
        return;
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "concat", .name = onnx_name(c), .input_list = list,
                     .input_count = count, .attrs = {{"axis", .word = (int32_t)axis}});
    onnx_set_quantized(c, y, 0, type_of(c, 2), 0);
}

static mite_ir_value *mean(onnx_import *c, mite_ir_value *x, const int32_t *axes) {
    if (!x) return NULL;
    return MITE_IR_EMIT(c->g, .op = "mean", .name = onnx_name(c), .inputs = {x},
                        .attrs = {{"axis_count", .word = 2},
                                  {"axes", .list = axes, .list_count = 2},
                                  {"keep_dims", .word = 1}});
}

void onnx_q_linear_global_average_pool(onnx_import *c) {
    mite_ir_value *x = onnx_real_input(c, 0, 0);
    const int32_t pixels[] = {1, 2};
    if (!x) return;
    if (x->unknown || x->rank != 4) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input has shape %T, wanted is a picture",
                     (size_t)x->rank, x->shape);
        return;
    }
    if (onnx_int(c, "channels_last", 0)) set(c, mean(c, x, pixels), 3);
    else set(c, onnx_to_nchw(c, mean(c, onnx_to_nhwc(c, x), pixels)), 3);
}

void onnx_q_linear_average_pool(onnx_import *c) {
    mite_ir_value *x = onnx_real_input(c, 0, 0);
    bool last = onnx_int(c, "channels_last", 0) != 0;
    mite_ir_value *y = onnx_emit_average_pool(c, last ? onnx_to_nchw(c, x) : x);
    set(c, last ? onnx_to_nhwc(c, y) : y, 3);
}

void onnx_nhwc_max_pool(onnx_import *c) {
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted);
    onnx_set_carried(c, 0, onnx_to_nhwc(c, onnx_emit_max_pool(c, onnx_to_nchw(c, x))), shifted);
}

void onnx_q_gemm(onnx_import *c) {
    // A, its scale and zero point, B, its own, C (i32), those of Y
    mite_ir_value *a = onnx_real_input(c, 0, 0), *b, *y, *bias = onnx_optional(c, 6);
    bool rows_are_outputs = onnx_int(c, "transB", 0) != 0;
    b = onnx_real_input(c, 3, rows_are_outputs ? 0 : 1);
    if (!a || !b) return;
    if (onnx_int(c, "transA", 0)) a = onnx_matrix_transposed(c, a);
    if (rows_are_outputs) b = onnx_matrix_transposed(c, b);
    y = onnx_emit_mat_mul(c, a, b);
    if (bias) { // under the product of both scales
        mite_ir_value *scale = onnx_emit_mul(c, onnx_in(c, 1), onnx_in(c, 4));
        y = onnx_emit_add(c, y, onnx_emit_mul(c, onnx_emit_cast(c, bias, MITE_F32), scale));
    }
    y = onnx_scaled(c, y, (double)onnx_float(c, "alpha", 1.0f));
    if (onnx_has_input(c, 7)) set(c, y, 7);
    else onnx_set(c, 0, y);
}
