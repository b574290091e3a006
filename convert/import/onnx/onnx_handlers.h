// SPDX-License-Identifier: Apache-2.0
// The handlers that the table in onnx_ops.c names, by the file they are in.
#ifndef MITE_IMPORT_ONNX_HANDLERS_H
#define MITE_IMPORT_ONNX_HANDLERS_H

#include "import/onnx/onnx.h"

// onnx_conv.c
onnx_handler onnx_conv, onnx_gemm, onnx_mat_mul, onnx_batch_normalization;
// onnx_picture.c
onnx_handler onnx_average_pool, onnx_max_pool, onnx_global_average_pool, onnx_resize;
// onnx_elements.c
onnx_handler onnx_unary, onnx_is_inf, onnx_gelu, onnx_relu, onnx_clip, onnx_cast, onnx_cast_like,
    onnx_bit_cast, onnx_identity, onnx_dropout;
// onnx_binary.c
onnx_handler onnx_binary, onnx_variadic, onnx_mod, onnx_bit_shift, onnx_where, onnx_pow, onnx_prelu;
// onnx_reduce.c
onnx_handler onnx_reduce, onnx_reduce_mean, onnx_softmax, onnx_cum_sum, onnx_cum_prod;
// onnx_move.c
onnx_handler onnx_expand, onnx_tile, onnx_slice, onnx_split, onnx_pad, onnx_center_crop_pad,
    onnx_depth_to_space, onnx_space_to_depth, onnx_range, onnx_eye_like, onnx_trilu;
// onnx_shapes.c
onnx_handler onnx_reshape_node, onnx_flatten, onnx_squeeze, onnx_unsqueeze, onnx_transpose,
    onnx_concat, onnx_constant, onnx_constant_of_shape, onnx_shape_node, onnx_size;
// onnx_quantize.c
onnx_handler onnx_quantize_linear, onnx_dequantize_linear, onnx_q_linear_conv,
    onnx_q_linear_mat_mul;
// onnx_index.c
onnx_handler onnx_gather, onnx_gather_elements, onnx_gather_nd, onnx_scatter_elements,
    onnx_scatter_nd, onnx_tensor_scatter, onnx_non_zero, onnx_compress, onnx_one_hot, onnx_unique,
    onnx_top_k, onnx_arg_extreme, onnx_reverse_sequence, onnx_non_max_suppression, onnx_roi_align;
// onnx_control.c
onnx_handler onnx_if, onnx_loop, onnx_scan;

#endif
