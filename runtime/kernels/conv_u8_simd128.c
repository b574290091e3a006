// SPDX-License-Identifier: Apache-2.0
// Convolution of u8 and i8 by 16-bit products, exact for all of them: two taps a step.
#include "versions.h"

#if MITE_HAVE_SIMD128

#define STEP 2
#define DOT(sum, w, x) wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(w, x))
#define TILE_ROWS 4
#define WIDE 1
#define CONV_U8 mite_conv_u8_simd128
#define CONV_U8_F32 mite_conv_u8_f32_simd128
#include "conv_u8_vector.h"

static size_t rows_bytes(size_t rows, size_t row_bytes) {
    size_t most = most_rows(row_bytes);
    return (rows < most ? rows : most) * row_bytes;
}

// Enough for all vector versions and any share of the rows: the block, one widened panel, and the
// block's rows, widened or not. A share may be cut into taller blocks than the whole would be.
size_t mite_conv_u8_scratch(size_t rows, size_t segment_count, size_t segment_length) {
    size_t depth = round_up(segment_count * segment_length, 4);
    size_t narrow = rows_bytes(rows, depth), wide = rows_bytes(rows, depth * sizeof(tap));
    size_t panel_bytes = depth * 8 * sizeof(tap);
    return round_up(sizeof(block), 16) + panel_bytes + (narrow > wide ? narrow : wide);
}

#endif
