// SPDX-License-Identifier: Apache-2.0
// Convolution in f32 with a multiplication and an addition, rounded each.
#include "versions.h"

#if MITE_HAVE_SIMD128

#define MADD(x, y, sum) wasm_f32x4_add(sum, wasm_f32x4_mul(x, y))
#define TILE_ROWS 4
#define CONV mite_conv_f32_simd128
#include "conv_f32_vector.h"

// Of both vector versions.
size_t mite_conv_f32_scratch(size_t rows, size_t segment_count, size_t segment_length) {
    (void)rows, (void)segment_count, (void)segment_length;
    return sizeof(offsets);
}

#endif
