// SPDX-License-Identifier: Apache-2.0
// Activations of transformers and diffusion models: SwiGLU, and com.microsoft's forms of GELU with
// what they fuse.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

void onnx_swiglu(onnx_import *c) {
    mite_ir_value *gate = onnx_in(c, 0), *value = onnx_in(c, 1);
    float alpha = onnx_float(c, "alpha", 1.0f);
    if (!gate || !value) return;
    gate =
        alpha == 1 ? onnx_emit_silu(c, gate) : onnx_emit_unary(c, MITE_UNARY_SWISH, gate, alpha, 0);
    onnx_set(c, 0, onnx_emit_mul(c, gate, value));
}

static mite_ir_value *emit_gelu(onnx_import *c, mite_ir_value *x, mite_unary function) {
    if (!x || x->dtype != MITE_F32) return x ? onnx_emit_unary(c, function, x, 0, 0) : NULL;
    return MITE_IR_EMIT(c->g, .op = "gelu", .name = onnx_name(c), .inputs = {x},
                        .attrs = {{"by_tanh", .word = function == MITE_UNARY_GELU_TANH}});
}

static mite_ir_value *with_bias(onnx_import *c) {
    return onnx_has_input(c, 1) ? onnx_emit_add(c, onnx_in(c, 0), onnx_in(c, 1)) : onnx_in(c, 0);
}

void onnx_fast_gelu(onnx_import *c) {
    onnx_set(c, 0, emit_gelu(c, with_bias(c), MITE_UNARY_GELU_TANH));
}
void onnx_bias_gelu(onnx_import *c) { onnx_set(c, 0, emit_gelu(c, with_bias(c), MITE_UNARY_GELU)); }

void onnx_quick_gelu(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    float alpha = onnx_float(c, "alpha", 1.702f);
    if (x) onnx_set(c, 0, onnx_emit_unary(c, MITE_UNARY_SWISH, x, alpha, 0));
}

// (x + bias) + skip
void onnx_bias_add(onnx_import *c) {
    onnx_set(c, 0, onnx_emit_add(c, onnx_emit_add(c, onnx_in(c, 0), onnx_in(c, 1)), onnx_in(c, 2)));
}

// The left half of x + bias times GELU of the right one.
void onnx_bias_split_gelu(onnx_import *c) {
    mite_ir_value *x = onnx_emit_add(c, onnx_in(c, 0), onnx_in(c, 1));
    if (!x) return;
    mite_ir_value *left =
        MITE_IR_EMIT(c->g, .op = "split", .name = onnx_name(c), .inputs = {x},
                     .attrs = {{"axis", .word = -1}}, .more_outputs = 1, .more_dtypes = &x->dtype);
    mite_ir_value *right = emit_gelu(c, mite_ir_output_at(left, 1), MITE_UNARY_GELU);
    onnx_set(c, 0, onnx_emit_mul(c, left, right));
}

// What LinearAttention wants: decay = scale * softplus(a + bias), rate = sigmoid(b), both in f32.
void onnx_linear_attention_gate(onnx_import *c) {
    mite_ir_value *a = onnx_in(c, 0), *b = onnx_optional(c, 3);
    if (!a) return;
    mite_ir_value *x = onnx_emit_add(c, onnx_emit_cast(c, a, MITE_F32), onnx_in(c, 1));
    x = onnx_emit_unary(c, MITE_UNARY_SOFTPLUS, x, 0, 0);
    onnx_set(c, 0, onnx_emit_cast(c, onnx_emit_mul(c, x, onnx_in(c, 2)), a->dtype));
    if (b) onnx_set(c, 1, onnx_emit_unary(c, MITE_UNARY_SIGMOID, b, 0, 0));
}
