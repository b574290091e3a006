// SPDX-License-Identifier: Apache-2.0
// Losses, which a model keeps that was exported with its training or its evaluation.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <string.h>

// Minus the logarithm [N,C,..] of the probability of each target [N,..], input 1, times the weight of
// its class, input 2; targets of ignore_index count for nothing.
static mite_ir_value *likelihood_loss(onnx_import *c, mite_ir_value *logs) {
    const char *reduction = onnx_string(c, "reduction", "mean");
    mite_ir_value *target = onnx_emit_cast(c, onnx_in(c, 1), MITE_I64), *ignored = NULL;
    mite_ir_value *axis = onnx_integers(c, (int64_t[]){1}, 1), *weight = onnx_optional(c, 2);
    if (onnx_attribute(c, "ignore_index")) {
        ignored = onnx_scalar(c, MITE_I64, (double)onnx_int(c, "ignore_index", 0));
        ignored = onnx_emit_general_binary(c, MITE_BINARY_EQUAL, target, ignored);
        target = onnx_emit_where(c, ignored, onnx_scalar(c, MITE_I64, 0), target);
    }
    mite_ir_value *index = onnx_emit_unsqueeze(c, target, axis);
    if (!logs || !index) return NULL;
    mite_ir_value *loss = MITE_IR_EMIT(c->g, .op = "gather_elements", .name = onnx_name(c),
                                       .inputs = {logs, index}, .attrs = {{"axis", .word = 1}});
    if (!loss) return NULL;
    loss = MITE_IR_EMIT(c->g, .op = "squeeze", .name = onnx_name(c), .inputs = {loss, axis});
    loss = onnx_scaled(c, loss, -1);
    if (weight) weight = onnx_emit_gather(c, weight, target, 0);
    if (ignored) {
        if (!weight) weight = onnx_scalar(c, logs->dtype, 1);
        weight = onnx_emit_where(c, ignored, onnx_scalar(c, logs->dtype, 0), weight);
    }
    if (weight) loss = onnx_emit_mul(c, loss, weight);
    if (!loss || !strcmp(reduction, "none")) return loss;
    mite_reduce all = weight || !strcmp(reduction, "sum") ? MITE_REDUCE_SUM : MITE_REDUCE_MEAN;
    loss = onnx_emit_reduce(c, all, loss, NULL, false, false);
    if (!weight || !strcmp(reduction, "sum")) return loss;
    return onnx_emit_div(c, loss, onnx_emit_reduce(c, all, weight, NULL, false, false));
}

void onnx_negative_log_likelihood_loss(onnx_import *c) {
    onnx_set(c, 0, likelihood_loss(c, onnx_in(c, 0)));
}

void onnx_softmax_cross_entropy_loss(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    if (!x) return;
    x = MITE_IR_EMIT(
        c->g, .op = "distribution", .name = onnx_name(c), .inputs = {x},
        .attrs = {{"function", .word = MITE_DISTRIBUTION_LOG_SOFTMAX}, {"axis", .word = 1}});
    onnx_set(c, 0, likelihood_loss(c, x));
    onnx_set(c, 1, x);
}
