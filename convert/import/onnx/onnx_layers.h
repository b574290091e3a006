// SPDX-License-Identifier: Apache-2.0
// What the handlers of network layers (convolutions, products, normalizations, attention, their
// quantized and com.microsoft forms) share. All of it takes NULL and gives NULL once the graph failed.
#ifndef MITE_IMPORT_ONNX_LAYERS_H
#define MITE_IMPORT_ONNX_LAYERS_H

#include "import/onnx/onnx_emit.h"
#include "import/onnx/onnx_window.h"

// Input `k`, or NULL where it is not given.
mite_ir_value *onnx_optional(onnx_import *c, size_t k);

// a op b: the core's operator of that name where the types fit, else the general one's function.
mite_ir_value *onnx_emit_sub(onnx_import *c, mite_ir_value *a, mite_ir_value *b);
mite_ir_value *onnx_emit_div(onnx_import *c, mite_ir_value *a, mite_ir_value *b);
mite_ir_value *onnx_emit_sqrt(onnx_import *c, mite_ir_value *x);
mite_ir_value *onnx_emit_silu(onnx_import *c, mite_ir_value *x);
// x op number, of x's type.
mite_ir_value *onnx_scaled(onnx_import *c, mite_ir_value *x, double factor); // itself for 1
mite_ir_value *onnx_shifted(onnx_import *c, mite_ir_value *x, double addend);
// "Relu", "Clip" … as com.microsoft names it, with its activation_params; "" is none.
mite_ir_value *onnx_emit_activation(onnx_import *c, mite_ir_value *x, const char *name);
// Means over `count` axes, which stay as ones.
mite_ir_value *onnx_emit_mean(onnx_import *c, mite_ir_value *x, const int64_t *axes, size_t count);

// x over the root of the mean of its squares along the last dimension, times `scale`.
mite_ir_value *onnx_emit_rms_norm(onnx_import *c, mite_ir_value *x, mite_ir_value *scale,
                                  double epsilon);

mite_ir_value *onnx_zeros(onnx_import *c, int32_t count); // a vector of f32

// Matrix product as numpy.matmul, by the fastest operator that can do it.
mite_ir_value *onnx_emit_mat_mul(onnx_import *c, mite_ir_value *a, mite_ir_value *b);
// a b * scale, either of whose last two dimensions may be meant the other way round.
mite_ir_value *onnx_emit_product(onnx_import *c, mite_ir_value *a, mite_ir_value *b, bool turn_a,
                                 bool turn_b, float scale);
// The last two dimensions exchanged.
mite_ir_value *onnx_matrix_transposed(onnx_import *c, mite_ir_value *v);

// i32 sums of integers less their zero points (NULL: none).
mite_ir_value *onnx_emit_conv_integer(onnx_import *c, mite_ir_value *x, mite_ir_value *w,
                                      mite_ir_value *x_zero, mite_ir_value *w_zero,
                                      mite_ir_value *bias, const onnx_spatial *window);
mite_ir_value *onnx_emit_mat_mul_integer(onnx_import *c, mite_ir_value *a, mite_ir_value *b,
                                         mite_ir_value *a_zero, mite_ir_value *b_zero);
// The general quantize_linear and dequantize_linear; zero may be NULL.
mite_ir_value *onnx_emit_quantize(onnx_import *c, mite_ir_value *x, mite_ir_value *scale,
                                  mite_ir_value *zero, mite_dtype to, int64_t axis, int64_t block);
mite_ir_value *onnx_emit_dequantize(onnx_import *c, mite_ir_value *x, mite_ir_value *scale,
                                    mite_ir_value *zero, mite_dtype to, int64_t axis,
                                    int64_t block);
// The real numbers of quantized input `k`, whose scale and zero point follow it.
mite_ir_value *onnx_real_input(onnx_import *c, size_t k, int64_t axis);
mite_ir_value *onnx_real_of(onnx_import *c, size_t k, size_t k_scale, size_t k_zero, int64_t axis);
// Output 0 is y quantized by the scale in input `k` and the zero point after it; `type` where that is
// absent.
void onnx_set_quantized(onnx_import *c, mite_ir_value *y, size_t k, int32_t type, int64_t axis);

// Two numbers of four bits in each byte, the even one low, as bytes; `count` of them along the last
// dimension. (onnx_blocked.c)
mite_ir_value *onnx_halves(onnx_import *c, mite_ir_value *packed, int64_t count);

// The node's pool on x.
mite_ir_value *onnx_emit_average_pool(onnx_import *c, mite_ir_value *x);
mite_ir_value *onnx_emit_max_pool(onnx_import *c, mite_ir_value *x);

#endif
