// SPDX-License-Identifier: Apache-2.0
// Every version of every kernel, and which of them this build has. One line a family and version:
// kernels.c picks from here, and nothing else names them but their own files.
#ifndef MITE_KERNELS_VERSIONS_H
#define MITE_KERNELS_VERSIONS_H

#include "kernels.h"

// Natively the vector kernels are built through SIMDe, to run under sanitizers: MITE_NATIVE_SIMD.
#if defined(__wasm_simd128__) || defined(MITE_NATIVE_SIMD)
#define MITE_HAVE_SIMD128 1
#else
#define MITE_HAVE_SIMD128 0
#endif
#if defined(__wasm_relaxed_simd__)
#define MITE_HAVE_RELAXED 1
#else
#define MITE_HAVE_RELAXED 0
#endif
// Whether versions that a better one always replaces are linked: tests want them, pages do not.
#if defined(MITE_KEEP_PLAIN) || !MITE_HAVE_SIMD128
#define MITE_HAVE_PLAIN 1
#else
#define MITE_HAVE_PLAIN 0
#endif

mite_conv_fn mite_conv_f32_plain, mite_conv_f32_simd128, mite_conv_f32_relaxed;
mite_conv_scratch_fn mite_conv_f32_scratch; // of both vector versions

mite_conv_fn mite_conv_u8_plain, mite_conv_u8_f32_plain;
mite_conv_fn mite_conv_u8_simd128, mite_conv_u8_f32_simd128;
// One pair for each relaxed dot product there may be; docs/kernels.md, "The probe".
mite_conv_fn mite_conv_u8_pairs, mite_conv_u8_f32_pairs;
mite_conv_fn mite_conv_u8_unsigned, mite_conv_u8_f32_unsigned;
mite_conv_scratch_fn mite_conv_u8_scratch; // of all vector versions

mite_winograd_fn mite_winograd_f32_plain, mite_winograd_f32_simd128;
mite_winograd_weights_fn mite_winograd_weights_plain, mite_winograd_weights_simd128;
mite_winograd_scratch_fn mite_winograd_scratch; // of both

mite_depthwise_fn mite_depthwise_f32_plain, mite_depthwise_f32_simd128, mite_depthwise_f32_relaxed;
mite_depthwise_fn mite_depthwise_u8_plain, mite_depthwise_u8_simd128, mite_depthwise_u8_unsigned;

mite_pool_fn mite_max_pool_f32_plain, mite_max_pool_f32_simd128;
mite_pool_fn mite_max_pool_u8_plain, mite_max_pool_u8_simd128;
mite_pool_fn mite_average_pool_f32_plain, mite_average_pool_f32_simd128;
mite_pool_fn mite_average_pool_u8_plain, mite_average_pool_u8_simd128;

mite_add_f32_fn mite_add_f32_plain, mite_add_f32_simd128;
mite_add_u8_fn mite_add_u8_plain, mite_add_u8_simd128;
mite_clamp_f32_fn mite_clamp_f32_plain, mite_clamp_f32_simd128;
mite_quantize_fn mite_quantize_plain, mite_quantize_simd128;
mite_dequantize_fn mite_dequantize_plain, mite_dequantize_simd128;
mite_range_f32_fn mite_range_f32_plain, mite_range_f32_simd128;
mite_lookup_u8_fn mite_lookup_u8_plain;
mite_softmax_f32_fn mite_softmax_f32_plain, mite_softmax_f32_simd128;
mite_quantize_row_fn mite_quantize_row_plain, mite_quantize_row_simd128;
mite_quantize_columns_fn mite_quantize_columns_plain, mite_quantize_columns_simd128;
mite_softmax_u8_fn mite_softmax_u8_plain, mite_softmax_u8_simd128;
mite_layer_norm_f32_fn mite_layer_norm_f32_plain, mite_layer_norm_f32_simd128;
mite_gelu_f32_fn mite_gelu_f32_plain, mite_gelu_f32_simd128;
mite_expand_f32_fn mite_expand_f32_plain, mite_expand_f32_simd128;

// What the relaxed dot product does with the second operand of an instruction here.
typedef enum mite_dot {
    MITE_DOT_UNKNOWN = 0,   // signed, or something new: the 16-bit kernels stay
    MITE_DOT_SATURATES = 1, // unsigned, neighbouring products added with i16 saturation
    MITE_DOT_UNSIGNED = 2,  // unsigned, exact
} mite_dot;
mite_dot mite_probe_dot(void); // conv_u8_unsigned_relaxed.c
// Puts the kernels for that dot product into a table that has those of simd128.
void mite_kernels_use_dot(mite_kernels *k, mite_dot dot);

// The constants of rounding.h, from memory: V8 rebuilds a vector constant at each use in a loop.
extern const float mite_rounding_f32;
extern const int32_t mite_rounding_bits;

#endif
