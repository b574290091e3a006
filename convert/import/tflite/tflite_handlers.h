// SPDX-License-Identifier: Apache-2.0
// The handlers that tflite_ops.c names, by the file they are in.
#ifndef MITE_IMPORT_TFLITE_HANDLERS_H
#define MITE_IMPORT_TFLITE_HANDLERS_H

#include "import/tflite/tflite_nodes.h"

// tflite_conv.c
tfl_handler tfl_conv, tfl_depthwise_conv, tfl_fully_connected, tfl_batch_matmul;
// tflite_transpose_conv.c
tfl_handler tfl_transpose_conv, tfl_transpose_conv_bias;
// tflite_elements.c
tfl_handler tfl_unary, tfl_binary, tfl_compare, tfl_add_n, tfl_square, tfl_squared_difference,
    tfl_rsqrt, tfl_relu, tfl_leaky_relu, tfl_elu, tfl_gelu, tfl_prelu, tfl_softmax, tfl_log_softmax,
    tfl_select, tfl_cast, tfl_quantize, tfl_dequantize, tfl_fake_quant;
// tflite_shapes.c
tfl_handler tfl_reshape_node, tfl_squeeze, tfl_expand_dims, tfl_transpose_node, tfl_concatenation,
    tfl_pack, tfl_tile, tfl_broadcast_to, tfl_reverse, tfl_shape, tfl_rank, tfl_fill,
    tfl_zeros_like, tfl_range;
// tflite_slices.c
tfl_handler tfl_unpack, tfl_split, tfl_split_v, tfl_slice_node, tfl_strided_slice;
// tflite_picture.c
tfl_handler tfl_pool, tfl_l2_pool, tfl_resize, tfl_pad, tfl_mirror_pad, tfl_depth_to_space,
    tfl_space_to_depth, tfl_space_to_batch, tfl_batch_to_space;
// tflite_reduce.c
tfl_handler tfl_mean, tfl_reduce, tfl_reduce_bool, tfl_cumsum, tfl_l2_normalization,
    tfl_local_response;
// tflite_index.c
tfl_handler tfl_gather, tfl_gather_nd, tfl_embedding_lookup, tfl_scatter_nd, tfl_sparse_to_dense,
    tfl_one_hot, tfl_top_k, tfl_arg, tfl_reverse_sequence, tfl_where, tfl_unique,
    tfl_non_max_suppression, tfl_hashtable_lookup, tfl_embedding_lookup_sparse;
// tflite_random.c
tfl_handler tfl_random, tfl_multinomial, tfl_rng_bit_generator;
// tflite_spectrum.c
tfl_handler tfl_rfft2d, tfl_real_part, tfl_imaginary_part, tfl_complex_abs;
// Does a RESHAPE of complex numbers; false where they are others.
bool tfl_reshape_complex(tfl_import *c);
// tflite_volume.c
tfl_handler tfl_conv_3d, tfl_conv_3d_transpose;
// tflite_scatter.c
tfl_handler tfl_segment_sum, tfl_unsorted_segments, tfl_bucketize, tfl_matrix_diag,
    tfl_matrix_set_diag, tfl_dynamic_update_slice, tfl_broadcast_args, tfl_bitcast, tfl_atan2;
// tflite_recurrent.c
tfl_handler tfl_rnn, tfl_rnn_cell, tfl_bidirectional_rnn, tfl_svdf;
// Says that no state is kept; outputs 0 and 1 or, where it merges them, 0: both side by side.
void tfl_set_directions(tfl_import *c, mite_ir_value *forward, mite_ir_value *backward,
                        bool merges);
// tflite_lstm.c
tfl_handler tfl_lstm, tfl_lstm_cell, tfl_bidirectional_lstm;
// tflite_stablehlo.c
tfl_handler tfl_stablehlo_reshape, tfl_stablehlo_transpose, tfl_stablehlo_broadcast,
    tfl_stablehlo_slice, tfl_stablehlo_pad, tfl_stablehlo_compare, tfl_stablehlo_clamp,
    tfl_stablehlo_iota, tfl_stablehlo_cbrt;
// tflite_stablehlo_index.c
tfl_handler tfl_stablehlo_gather, tfl_stablehlo_scatter, tfl_stablehlo_dynamic_slice,
    tfl_stablehlo_sort;
// tflite_stablehlo_reduce.c
tfl_handler tfl_stablehlo_reduce, tfl_stablehlo_reduce_window, tfl_reduce_window, tfl_dilate;
// tflite_stablehlo_product.c
tfl_handler tfl_stablehlo_dot_general, tfl_stablehlo_convolution;
// tflite_mediapipe.c
tfl_handler tfl_max_pool_with_argmax, tfl_max_unpool, tfl_landmarks_to_matrix, tfl_transform_tensor,
    tfl_transform_landmarks;
// tflite_detection.c
tfl_handler tfl_detection_post_process;
// tflite_control.c
tfl_handler tfl_call, tfl_if, tfl_stablehlo_case, tfl_while, tfl_call_once, tfl_var_handle,
    tfl_read_variable, tfl_assign_variable;
// Says once that a run leaves no state behind.
void tfl_warn_of_state(tfl_import *c);

#endif
