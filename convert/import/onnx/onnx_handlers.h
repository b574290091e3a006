// SPDX-License-Identifier: Apache-2.0
// The handlers that the table in onnx_ops.c names, by the file they are in.
#ifndef MITE_IMPORT_ONNX_HANDLERS_H
#define MITE_IMPORT_ONNX_HANDLERS_H

#include "import/onnx/onnx.h"

// onnx_conv.c
onnx_handler onnx_conv, onnx_gemm, onnx_mat_mul, onnx_batch_normalization;
// onnx_picture.c
onnx_handler onnx_average_pool, onnx_max_pool, onnx_global_average_pool, onnx_reduce_mean, onnx_pad,
    onnx_resize;
// onnx_elements.c
onnx_handler onnx_unary, onnx_binary, onnx_variadic, onnx_relu, onnx_clip, onnx_hard_sigmoid,
    onnx_leaky_relu, onnx_softmax, onnx_pow, onnx_cast, onnx_identity;
// onnx_shapes.c
onnx_handler onnx_reshape_node, onnx_flatten, onnx_squeeze, onnx_unsqueeze, onnx_transpose,
    onnx_concat, onnx_constant, onnx_constant_of_shape, onnx_only_numbers;
// onnx_quantize.c
onnx_handler onnx_quantize_linear, onnx_dequantize_linear, onnx_q_linear_conv,
    onnx_q_linear_mat_mul;
// onnx_index.c
onnx_handler onnx_gather, onnx_gather_elements, onnx_gather_nd, onnx_scatter_elements,
    onnx_scatter_nd, onnx_tensor_scatter, onnx_non_zero, onnx_compress, onnx_one_hot, onnx_unique,
    onnx_top_k, onnx_arg_extreme, onnx_reverse_sequence, onnx_non_max_suppression, onnx_roi_align;

#endif
