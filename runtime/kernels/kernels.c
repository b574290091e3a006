// SPDX-License-Identifier: Apache-2.0
// Fills the kernel table, level by level: what a better level has replaces what a lower one put.
#include "kernels.h"

#include "../base/status.h"
#include "rounding.h"
#include "versions.h"

const float mite_rounding_f32 = MITE_ROUNDING_F32;
const int32_t mite_rounding_bits = (int32_t)MITE_ROUNDING_BITS;

#if MITE_HAVE_SIMD128
static void fill_simd128(mite_kernels *k) {
    k->isa = MITE_ISA_SIMD128;
#if MITE_HAVE_PLAIN || !MITE_HAVE_RELAXED
    k->conv_f32.run = mite_conv_f32_simd128;
    k->conv_f32.scratch_bytes = mite_conv_f32_scratch;
    k->conv_f32.name = "conv_f32_simd128";
    k->depthwise_f32.run = mite_depthwise_f32_simd128;
    k->depthwise_f32.name = "depthwise_f32_simd128";
#endif
    k->conv_u8.run = mite_conv_u8_simd128;
    k->conv_u8.scratch_bytes = mite_conv_u8_scratch;
    k->conv_u8.name = "conv_u8_simd128";
    k->conv_u8_f32.run = mite_conv_u8_f32_simd128;
    k->conv_u8_f32.scratch_bytes = mite_conv_u8_scratch;
    k->conv_u8_f32.name = "conv_u8_f32_simd128";
    k->winograd_f32.run = mite_winograd_f32_simd128;
    k->winograd_f32.scratch_bytes = mite_winograd_scratch;
    k->winograd_f32.weights = mite_winograd_weights_simd128;
    k->winograd_f32.name = "winograd_f32_simd128";
    k->depthwise_u8.run = mite_depthwise_u8_simd128;
    k->depthwise_u8.name = "depthwise_u8_simd128";
    k->max_pool_f32 = mite_max_pool_f32_simd128;
    k->max_pool_u8 = mite_max_pool_u8_simd128;
    k->average_pool_f32 = mite_average_pool_f32_simd128;
    k->average_pool_u8 = mite_average_pool_u8_simd128;
    k->add_f32 = mite_add_f32_simd128;
    k->add_u8 = mite_add_u8_simd128;
    k->clamp_f32 = mite_clamp_f32_simd128;
    k->quantize = mite_quantize_simd128;
    k->dequantize = mite_dequantize_simd128;
    k->range_f32 = mite_range_f32_simd128;
    k->lookup_u8 = mite_lookup_u8_plain;
    k->softmax_f32 = mite_softmax_f32_simd128;
}
#endif

#if MITE_HAVE_RELAXED
static void fill_relaxed(mite_kernels *k) {
    k->isa = MITE_ISA_RELAXED;
    k->conv_f32.run = mite_conv_f32_relaxed;
    k->conv_f32.scratch_bytes = mite_conv_f32_scratch;
    k->conv_f32.name = "conv_f32_relaxed";
    k->depthwise_f32.run = mite_depthwise_f32_relaxed;
    k->depthwise_f32.name = "depthwise_f32_relaxed";
}

void mite_kernels_use_dot(mite_kernels *k, mite_dot dot) {
    switch (dot) {
    case MITE_DOT_SATURATES:
        k->conv_u8.run = mite_conv_u8_pairs;
        k->conv_u8.name = "conv_u8_relaxed_pairs";
        k->conv_u8_f32.run = mite_conv_u8_f32_pairs;
        k->conv_u8_f32.name = "conv_u8_f32_relaxed_pairs";
        break;
    case MITE_DOT_UNSIGNED:
        k->conv_u8.run = mite_conv_u8_unsigned;
        k->conv_u8.name = "conv_u8_relaxed_unsigned";
        k->conv_u8_f32.run = mite_conv_u8_f32_unsigned;
        k->conv_u8_f32.name = "conv_u8_f32_relaxed_unsigned";
        k->depthwise_u8.run = mite_depthwise_u8_unsigned;
        k->depthwise_u8.name = "depthwise_u8_relaxed_unsigned";
        break;
    case MITE_DOT_UNKNOWN: break;
    }
}
#endif

void mite_kernels_fill(mite_kernels *k, int32_t isa) {
    (void)isa; // where the build has one level only
#if MITE_HAVE_PLAIN
    mite_kernels_fill_plain(k);
    if (isa == MITE_ISA_PLAIN) return;
#endif
#if MITE_HAVE_SIMD128
    fill_simd128(k);
#endif
#if MITE_HAVE_RELAXED
    if (MITE_HAVE_PLAIN && isa != MITE_ISA_BEST && isa < MITE_ISA_RELAXED) return;
    fill_relaxed(k);
    if (isa == MITE_ISA_BEST || isa >= MITE_ISA_RELAXED) mite_kernels_use_dot(k, mite_probe_dot());
#endif
}
