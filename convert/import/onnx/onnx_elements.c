// SPDX-License-Identifier: Apache-2.0
// Operators that treat every element alike, and Softmax.
#include "import/onnx/onnx_handlers.h"

#include <math.h>
#include <string.h>

mite_ir_value *onnx_emit_binary(onnx_import *c, const char *op, mite_ir_value *a,
                                mite_ir_value *b) {
    if (!a || !b) return NULL;
    return MITE_IR_EMIT(c->g, .op = op, .name = onnx_name(c), .inputs = {a, b});
}

// Their name -> ours, for operators without attributes.
static const char *op_for(const char *name) {
    static const char *const names[][2] = {
        {"Abs", "abs"},         {"Exp", "exp"},   {"HardSwish", "hard_swish"},
        {"Neg", "neg"},         {"Sqrt", "sqrt"}, {"Tanh", "tanh"},
        {"Sigmoid", "sigmoid"}, {"Add", "add"},   {"Sub", "sub"},
        {"Mul", "mul"},         {"Div", "div"},   {"Max", "max"},
        {"Min", "min"},         {"Sum", "add"},   {"Reciprocal", "reciprocal"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(names[i][0], name)) return names[i][1];
    }
    return name;
}

static void emit_unary(onnx_import *c, const char *op, const mite_ir_attr *a,
                       const mite_ir_attr *b) {
    mite_ir_value *x = onnx_in(c, 0);
    mite_ir_attr none = {.name = NULL};
    if (!x) return;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = op, .name = onnx_name(c), .inputs = {x},
                          .attrs = {a ? *a : none, b ? *b : none}, .scale = x->scale,
                          .zero_point = x->zero_point));
}

void onnx_unary(onnx_import *c) { emit_unary(c, op_for(c->node->op_type), NULL, NULL); }

void onnx_binary(onnx_import *c) {
    mite_ir_value *a = onnx_in(c, 0), *b = onnx_in(c, 1);
    onnx_set(c, 0, onnx_emit_binary(c, op_for(c->node->op_type), a, b));
}

void onnx_variadic(onnx_import *c) {
    mite_ir_value *v = onnx_in(c, 0);
    for (size_t k = 1; v && k < c->node->input_count; k++) {
        v = onnx_emit_binary(c, op_for(c->node->op_type), v, onnx_in(c, k));
    }
    onnx_set(c, 0, v);
}

static void emit_clamp(onnx_import *c, float lo, float hi) {
    emit_unary(c, "clamp", &(mite_ir_attr){"lo", .word = mite_ir_bits(lo)},
               &(mite_ir_attr){"hi", .word = mite_ir_bits(hi)});
}

void onnx_relu(onnx_import *c) { emit_clamp(c, 0.0f, INFINITY); }

// A limit of Clip: attribute before opset 11, input since.
static float limit(onnx_import *c, const char *name, size_t k, float otherwise) {
    if (c->model.opset < 11) return onnx_float(c, name, otherwise);
    if (!onnx_has_input(c, k)) return otherwise;
    const onnx_known *known = onnx_need_numbers(c, k, name);
    if (!known || known->count != 1 || !onnx_type_is_real(known->type)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its %s is no single real number", name);
        return otherwise;
    }
    return (float)known->at[0].f;
}

void onnx_clip(onnx_import *c) {
    float lo = limit(c, "min", 1, -INFINITY), hi = limit(c, "max", 2, INFINITY);
    // ONNX: where the limits are crossed, everything becomes max.
    emit_clamp(c, lo > hi ? hi : lo, hi);
}

void onnx_hard_sigmoid(onnx_import *c) {
    emit_unary(c, "hard_sigmoid",
               &(mite_ir_attr){"alpha", .word = mite_ir_bits(onnx_float(c, "alpha", 0.2f))},
               &(mite_ir_attr){"beta", .word = mite_ir_bits(onnx_float(c, "beta", 0.5f))});
}

void onnx_leaky_relu(onnx_import *c) {
    emit_unary(c, "leaky_relu",
               &(mite_ir_attr){"alpha", .word = mite_ir_bits(onnx_float(c, "alpha", 0.01f))}, NULL);
}

void onnx_softmax(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    bool old = c->model.opset < 13;
    size_t axis, before = 1, after = 1;
    if (!x || !onnx_axis(c, onnx_int(c, "axis", old ? 1 : -1), (size_t)x->rank, &axis)) return;
    if (!old || axis + 1 == (size_t)x->rank) {
        emit_unary(c, "softmax", &(mite_ir_attr){"axis", .word = (int32_t)axis}, NULL);
        return;
    }
    // Before opset 13 all dimensions from the axis on were one.
    for (size_t i = 0; i < axis; i++) before *= (size_t)x->shape[i];
    for (size_t i = axis; i < (size_t)x->rank; i++) after *= (size_t)x->shape[i];
    if (before > INT32_MAX || after > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "shape %T is too large", (size_t)x->rank,
                     x->shape);
        return;
    }
    mite_ir_value *flat = onnx_reshape(c, x, 2, (int32_t[]){(int32_t)before, (int32_t)after});
    mite_ir_value *y = MITE_IR_EMIT(c->g, .op = "softmax", .name = onnx_name(c), .inputs = {flat},
                                    .attrs = {{"axis", .word = 1}});
    onnx_set(c, 0, onnx_reshape(c, y, (size_t)x->rank, x->shape));
}

void onnx_pow(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    const onnx_known *known = onnx_need_numbers(c, 1, "exponent");
    if (!x || !known) return;
    double exponent = known->count != 1                ? 0
                      : onnx_type_is_real(known->type) ? known->at[0].f
                                                       : (double)known->at[0].i;
    if (exponent == 1) onnx_set(c, 0, x);
    else if (exponent == 2) onnx_set(c, 0, onnx_emit_binary(c, "mul", x, x));
    else if (exponent == 0.5) emit_unary(c, "sqrt", NULL, NULL);
    else mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "only the exponents 1, 2 and 0.5 are supported");
}

void onnx_cast(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    int64_t to = onnx_int(c, "to", 0);
    if (!x) return;
    bool real = to == ONNX_FLOAT || to == ONNX_FLOAT16 || to == ONNX_DOUBLE;
    if (x->dtype == MITE_F32 && real) {
        onnx_set(c, 0, x);
        return;
    }
    if (x->dtype == MITE_U8 && real && !x->producer && !x->data) { // bytes of a graph input
        if (x->scale == 0) x->scale = 1;
        if (x->scale == 1 && x->zero_point == 0) {
            onnx_set(c, 0,
                     MITE_IR_EMIT(c->g, .op = "dequantize", .name = onnx_name(c), .inputs = {x},
                                  .dtype = MITE_F32));
            return;
        }
    }
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "a cast from %s to %s is not supported",
                 mite_ir_dtype_name(x->dtype),
                 onnx_type_name(to >= 0 && to < 64 ? (int32_t)to : 64));
}

// Identity, and Dropout, which does nothing outside of training. Old exporters give it a second
// output, the mask, that nothing reads; a reader would find it undefined.
void onnx_identity(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    if (!x) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input is missing");
    onnx_set(c, 0, x);
}
