// SPDX-License-Identifier: Apache-2.0
// The handlers that the table in onnx_ops.c names, by the file they are in.
#ifndef MITE_IMPORT_ONNX_HANDLERS_H
#define MITE_IMPORT_ONNX_HANDLERS_H

#include "import/onnx/onnx.h"

// onnx_conv.c
onnx_handler onnx_conv, onnx_fused_conv, onnx_nhwc_conv, onnx_conv_integer, onnx_conv_transpose,
    onnx_deform_conv, onnx_col2im, onnx_causal_conv_with_state;
// onnx_pool.c
onnx_handler onnx_average_pool, onnx_max_pool, onnx_lp_pool, onnx_max_unpool,
    onnx_global_average_pool, onnx_global_max_pool, onnx_global_lp_pool;
// onnx_matmul.c, onnx_einsum.c
onnx_handler onnx_mat_mul, onnx_mat_mul_integer, onnx_gemm, onnx_fused_mat_mul, onnx_det,
    onnx_mat_mul_n_bits, onnx_fused_gemm, onnx_einsum;
// onnx_normalize.c
onnx_handler onnx_batch_normalization, onnx_instance_normalization, onnx_group_normalization,
    onnx_layer_normalization, onnx_rms_normalization, onnx_skip_layer_normalization,
    onnx_skip_simplified_layer_normalization, onnx_embed_layer_normalization, onnx_ms_group_norm,
    onnx_skip_group_norm, onnx_gated_rms_norm, onnx_q_embed_layer_normalization,
    onnx_lp_normalization, onnx_mean_variance_normalization, onnx_lrn;
// onnx_resize.c
onnx_handler onnx_resize, onnx_grid_sample, onnx_affine_grid;
// onnx_recurrent.c
onnx_handler onnx_rnn, onnx_gru, onnx_lstm, onnx_dynamic_quantize_lstm;
// onnx_signal.c
onnx_handler onnx_dft, onnx_stft, onnx_hann_window, onnx_hamming_window, onnx_blackman_window,
    onnx_mel_weight_matrix;
// onnx_attention.c
onnx_handler onnx_attention, onnx_linear_attention, onnx_rotary_embedding, onnx_ms_rotary_embedding,
    onnx_m_rotary_embedding, onnx_ms_attention, onnx_q_attention, onnx_multi_head_attention,
    onnx_group_query_attention;
// onnx_relative.c
onnx_handler onnx_relative_position_bias, onnx_gated_relative_position_bias;
// onnx_flex.c
onnx_handler onnx_flex_attention;
// onnx_gated.c
onnx_handler onnx_swiglu, onnx_fast_gelu, onnx_bias_gelu, onnx_quick_gelu, onnx_bias_add,
    onnx_bias_split_gelu, onnx_linear_attention_gate;
// onnx_integer.c
onnx_handler onnx_dynamic_quantize_linear, onnx_dynamic_quantize_mat_mul,
    onnx_mat_mul_integer_to_float, onnx_q_linear_add, onnx_q_linear_mul, onnx_q_linear_concat,
    onnx_q_linear_sigmoid, onnx_q_linear_leaky_relu, onnx_q_linear_global_average_pool,
    onnx_q_linear_average_pool, onnx_q_linear_softmax, onnx_q_linear_where,
    onnx_q_linear_reduce_mean, onnx_q_gemm, onnx_nhwc_max_pool;
// onnx_sequence.c
onnx_handler onnx_optional_has_element, onnx_sequence_empty, onnx_sequence_construct,
    onnx_sequence_at, onnx_sequence_length, onnx_sequence_insert, onnx_sequence_erase,
    onnx_split_to_sequence, onnx_concat_from_sequence;
// onnx_loss.c
onnx_handler onnx_negative_log_likelihood_loss, onnx_softmax_cross_entropy_loss;
// onnx_blocked.c
onnx_handler onnx_gather_block_quantized, onnx_mat_mul_bnb4;
// onnx_experts.c
onnx_handler onnx_moe, onnx_q_moe;
// onnx_early.c
onnx_handler onnx_affine, onnx_scale, onnx_scaled_tanh, onnx_parametric_softplus, onnx_image_scaler,
    onnx_crop;
// onnx_random.c
onnx_handler onnx_random, onnx_bernoulli;
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
    onnx_top_k, onnx_arg_extreme, onnx_reverse_sequence, onnx_non_max_suppression, onnx_roi_align,
    onnx_max_roi_pool;
// onnx_control.c
onnx_handler onnx_if, onnx_loop, onnx_scan;

#endif
