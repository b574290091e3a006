// SPDX-License-Identifier: Apache-2.0
// The table of plain kernels, apart from the others: the converter links it beside a runtime that has
// none, to compare with.
#include "kernels.h"

#include "../base/status.h"
#include "versions.h"

#if MITE_HAVE_PLAIN
static size_t no_scratch(size_t rows, size_t segment_count, size_t segment_length) {
    (void)rows, (void)segment_count, (void)segment_length;
    return 0;
}

void mite_kernels_fill_plain(mite_kernels *k) {
    k->isa = MITE_ISA_PLAIN;
    k->conv_f32.run = mite_conv_f32_plain;
    k->conv_f32.scratch_bytes = no_scratch;
    k->conv_f32.name = "conv_f32_plain";
    k->conv_u8.run = mite_conv_u8_plain;
    k->conv_u8.scratch_bytes = no_scratch;
    k->conv_u8.name = "conv_u8_plain";
    k->conv_u8_f32.run = mite_conv_u8_f32_plain;
    k->conv_u8_f32.scratch_bytes = no_scratch;
    k->conv_u8_f32.name = "conv_u8_f32_plain";
    k->depthwise_f32.run = mite_depthwise_f32_plain;
    k->depthwise_f32.name = "depthwise_f32_plain";
    k->winograd_f32.run = mite_winograd_f32_plain;
    k->winograd_f32.scratch_bytes = mite_winograd_scratch;
    k->winograd_f32.weights = mite_winograd_weights_plain;
    k->winograd_f32.name = "winograd_f32_plain";
    k->depthwise_u8.run = mite_depthwise_u8_plain;
    k->depthwise_u8.name = "depthwise_u8_plain";
    k->max_pool_f32 = mite_max_pool_f32_plain;
    k->max_pool_u8 = mite_max_pool_u8_plain;
    k->average_pool_f32 = mite_average_pool_f32_plain;
    k->average_pool_u8 = mite_average_pool_u8_plain;
    k->add_f32 = mite_add_f32_plain;
    k->add_u8 = mite_add_u8_plain;
    k->clamp_f32 = mite_clamp_f32_plain;
    k->quantize = mite_quantize_plain;
    k->dequantize = mite_dequantize_plain;
    k->range_f32 = mite_range_f32_plain;
    k->lookup_u8 = mite_lookup_u8_plain;
    k->softmax_f32 = mite_softmax_f32_plain;
}
#endif
