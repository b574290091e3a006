// SPDX-License-Identifier: Apache-2.0
// Convolution of u8 and i8 by the relaxed dot product where it takes the activations as unsigned
// and adds neighbouring products with 16-bit saturation (pmaddubsw). Exact for pair-safe weights,
// the others go to the 16-bit kernel.
#include "versions.h"

#if MITE_HAVE_RELAXED

#define STEP 4
#define DOT(sum, w, x) \
    wasm_i32x4_add(sum, wasm_i32x4_extadd_pairwise_i16x8(wasm_i16x8_relaxed_dot_i8x16_i7x16(w, x)))
#define TILE_ROWS 4
#define WIDE 0
#define CONV_U8 pairs_u8
#define CONV_U8_F32 pairs_u8_f32
static mite_conv_fn pairs_u8, pairs_u8_f32;
#include "conv_u8_vector.h"

void mite_conv_u8_pairs(const mite_conv_args *a, size_t row0, size_t row1, size_t column0,
                        size_t column1) {
    (a->pair_safe ? pairs_u8 : mite_conv_u8_simd128)(a, row0, row1, column0, column1);
}

void mite_conv_u8_f32_pairs(const mite_conv_args *a, size_t row0, size_t row1, size_t column0,
                            size_t column1) {
    (a->pair_safe ? pairs_u8_f32 : mite_conv_u8_f32_simd128)(a, row0, row1, column0, column1);
}

#endif
