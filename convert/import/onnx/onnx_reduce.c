// SPDX-License-Identifier: Apache-2.0
// Operators that make one number of many along axes, and those along one axis.
#include "import/onnx/onnx_emit.h"
#include "import/onnx/onnx_handlers.h"

#include <string.h>

static mite_reduce function_of(const char *name) {
    static const char *const names[] = {
        [MITE_REDUCE_SUM] = "ReduceSum",
        [MITE_REDUCE_MEAN] = "ReduceMean",
        [MITE_REDUCE_MAX] = "ReduceMax",
        [MITE_REDUCE_MIN] = "ReduceMin",
        [MITE_REDUCE_PROD] = "ReduceProd",
        [MITE_REDUCE_L1] = "ReduceL1",
        [MITE_REDUCE_SUM_SQUARE] = "ReduceSumSquare",
        [MITE_REDUCE_L2] = "ReduceL2",
        [MITE_REDUCE_LOG_SUM] = "ReduceLogSum",
        [MITE_REDUCE_LOG_SUM_EXP] = "ReduceLogSumExp",
    };
    int32_t i = 0;
    while (i + 1 < MITE_REDUCE_COUNT && strcmp(names[i], name)) i++;
    return (mite_reduce)i;
}

// Axes were an attribute before opset 18 (of ReduceSum: 13), and are an input since.
void onnx_reduce(onnx_import *c) {
    bool keep_dims = onnx_int(c, "keepdims", 1) != 0;
    bool keep_all = onnx_int(c, "noop_with_empty_axes", 0) != 0;
    mite_ir_value *x = onnx_in(c, 0), *axes = onnx_list_in(c, "axes", 1);
    onnx_set(c, 0,
             onnx_emit_reduce(c, function_of(c->node->op_type), x, axes, keep_dims, keep_all));
}

// The core's operator: real numbers, known axes of known size.
static bool core_mean_axes(const mite_ir_value *x, const mite_ir_value *axes, int32_t *out,
                           size_t *count) {
    if (!onnx_is_core(x) || x->unknown) return false;
    *count = axes ? mite_ir_elements(axes) : 0;
    if (axes && (!axes->data || axes->dtype != MITE_I64 || *count > MITE_MAX_RANK)) return false;
    for (size_t i = 0; i < *count; i++) {
        int64_t axis = ((const int64_t *)axes->data)[i];
        if (axis < -MITE_MAX_RANK || axis >= MITE_MAX_RANK) return false;
        out[i] = (int32_t)axis;
    }
    if (!*count)
        for (; *count < (size_t)x->rank; ++*count) out[*count] = (int32_t)*count;
    for (size_t i = 0; i < (size_t)x->rank; i++)
        if (!x->shape[i] || x->open >> i & 1) return false; // means of nothing are NaN
    return true;
}

void onnx_reduce_mean(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *axes = onnx_list_in(c, "axes", 1);
    int32_t list[MITE_MAX_RANK];
    size_t count;
    if (!x || !mite_ir_ok(c->g)) return;
    bool none = (!axes || (axes->data && !mite_ir_elements(axes))) &&
                onnx_int(c, "noop_with_empty_axes", 0);
    if (none) {
        onnx_set(c, 0, x);
    } else if (core_mean_axes(x, axes, list, &count)) {
        onnx_set(c, 0,
                 MITE_IR_EMIT(c->g, .op = "mean", .name = onnx_name(c), .inputs = {x},
                              .attrs = {{"axis_count", .word = (int32_t)count},
                                        {"axes", .list = list, .list_count = count},
                                        {"keep_dims", .word = onnx_int(c, "keepdims", 1) != 0}},
                              .scale = x->scale, .zero_point = x->zero_point));
    } else {
        onnx_reduce(c);
    }
}

// --- Along one axis -------------------------------------------------------------------------------

// Softmax or LogSoftmax by the nodes of its function body in the standard, each rounded to f16.
static mite_ir_value *distribution_by_nodes(onnx_import *c, mite_ir_value *x, int32_t axis,
                                            bool logarithm) {
    mite_ir_value *axes = onnx_integers(c, (const int64_t[]){axis}, 1);
    mite_ir_value *most = onnx_emit_reduce(c, MITE_REDUCE_MAX, x, axes, true, false);
    mite_ir_value *less = onnx_emit_general_binary(c, MITE_BINARY_SUB, x, most);
    mite_ir_value *exp = less ? onnx_emit_unary(c, MITE_UNARY_EXP, less, 0, 0) : NULL;
    mite_ir_value *sum = exp ? onnx_emit_reduce(c, MITE_REDUCE_SUM, exp, axes, true, false) : NULL;
    if (!sum) return NULL;
    if (!logarithm) return onnx_emit_general_binary(c, MITE_BINARY_DIV, exp, sum);
    return onnx_emit_general_binary(c, MITE_BINARY_SUB, less,
                                    onnx_emit_unary(c, MITE_UNARY_LOG, sum, 0, 0));
}

static mite_ir_value *distribution(onnx_import *c, mite_ir_value *x, int32_t axis) {
    const char *name = c->node->op_type;
    int32_t function = !strcmp(name, "Softmax")      ? MITE_DISTRIBUTION_SOFTMAX
                       : !strcmp(name, "LogSoftmax") ? MITE_DISTRIBUTION_LOG_SOFTMAX
                                                     : MITE_DISTRIBUTION_HARDMAX;
    if (!x) return NULL;
    if (x->dtype == MITE_F16 && function != MITE_DISTRIBUTION_HARDMAX)
        return distribution_by_nodes(c, x, axis, function == MITE_DISTRIBUTION_LOG_SOFTMAX);
    if (function == MITE_DISTRIBUTION_SOFTMAX && onnx_is_core(x))
        return MITE_IR_EMIT(c->g, .op = "softmax", .name = onnx_name(c), .inputs = {x},
                            .attrs = {{"axis", .word = axis}}, .scale = x->scale,
                            .zero_point = x->zero_point);
    return MITE_IR_EMIT(c->g, .op = "distribution", .name = onnx_name(c), .inputs = {x},
                        .attrs = {{"function", .word = function}, {"axis", .word = axis}});
}

// Before opset 13 all dimensions from the axis on were one.
void onnx_softmax(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    bool old = c->opset < 13;
    int64_t axis = onnx_int(c, "axis", old ? 1 : -1);
    size_t at;
    if (!x) return;
    if (!x->unknown && x->rank == 0) { // one number is a distribution by itself
        bool logarithm = !strcmp(c->node->op_type, "LogSoftmax");
        onnx_set(
            c, 0,
            onnx_expand_to(c, onnx_scalar(c, x->dtype, logarithm ? 0 : 1), onnx_shape_of(c, x)));
        return;
    }
    if (!x->unknown) {
        if (!onnx_axis(c, axis, (size_t)x->rank, &at)) return;
        axis = (int64_t)at;
    } else if (axis < -MITE_MAX_RANK || axis >= MITE_MAX_RANK) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "axis %D does not exist", axis);
        return;
    }
    if (!old || axis == -1 || (!x->unknown && axis + 1 == x->rank)) {
        onnx_set(c, 0, distribution(c, x, (int32_t)axis));
        return;
    }
    mite_ir_value *flat = MITE_IR_EMIT(c->g, .op = "flatten", .name = onnx_name(c), .inputs = {x},
                                       .attrs = {{"axis", .word = (int32_t)axis}},
                                       .scale = x->scale, .zero_point = x->zero_point);
    onnx_set(c, 0, onnx_reshape_to(c, distribution(c, flat, 1), onnx_shape_of(c, x), true));
}

static void cumulate(onnx_import *c, bool product) {
    mite_ir_value *x = onnx_in(c, 0), *axis = onnx_in(c, 1);
    if (!x || !axis) return;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "cumulate", .name = onnx_name(c), .inputs = {x, axis},
                          .attrs = {{"product", .word = product},
                                    {"exclusive", .word = onnx_int(c, "exclusive", 0) != 0},
                                    {"reverse", .word = onnx_int(c, "reverse", 0) != 0}}));
}

void onnx_cum_sum(onnx_import *c) { cumulate(c, false); }
void onnx_cum_prod(onnx_import *c) { cumulate(c, true); }
