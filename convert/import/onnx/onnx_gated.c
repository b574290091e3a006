// SPDX-License-Identifier: Apache-2.0
// Activations of transformers: SwiGLU, and com.microsoft's forms of GELU with what they fuse.
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

static void gelu(onnx_import *c, mite_unary function, float alpha) {
    mite_ir_value *x = onnx_in(c, 0);
    if (onnx_has_input(c, 1)) x = onnx_emit_add(c, x, onnx_in(c, 1));
    if (!x) return;
    if (x->dtype != MITE_F32 || function == MITE_UNARY_SWISH) {
        onnx_set(c, 0, onnx_emit_unary(c, function, x, alpha, 0));
        return;
    }
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "gelu", .name = onnx_name(c), .inputs = {x},
                          .attrs = {{"by_tanh", .word = function == MITE_UNARY_GELU_TANH}}));
}

void onnx_fast_gelu(onnx_import *c) { gelu(c, MITE_UNARY_GELU_TANH, 0); }
void onnx_bias_gelu(onnx_import *c) { gelu(c, MITE_UNARY_GELU, 0); }

void onnx_quick_gelu(onnx_import *c) { gelu(c, MITE_UNARY_SWISH, onnx_float(c, "alpha", 1.702f)); }
