// SPDX-License-Identifier: Apache-2.0
// Convolution of u8 and i8 by 16-bit products, exact for all of them: two taps a step.
#include "versions.h"

#if MITE_HAVE_SIMD128

#define STEP 2
#define DOT(sum, w, x) wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(w, x))
#define WIDE 1
#define CONV_U8 mite_conv_u8_simd128
#define CONV_U8_F32 mite_conv_u8_f32_simd128
#include "conv_u8_vector.h"

// Enough for all vector versions: the block, one widened panel, the block's rows.
size_t mite_conv_u8_scratch(size_t rows, size_t segment_count, size_t segment_length) {
    size_t depth = round_up(segment_count * segment_length, 4);
    size_t most = block_rows(rows, depth);
    return round_up(sizeof(block), 16) + (depth * 8 + most * depth) * sizeof(tap);
}

#endif
