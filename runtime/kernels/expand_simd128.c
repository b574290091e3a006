// SPDX-License-Identifier: Apache-2.0
#include "simd.h"

#if MITE_HAVE_SIMD128

// Two halves of a row: floats of 8 bytes, less the zero points, times the scales.
typedef struct columns {
    vec zero_low, zero_high, scale_low, scale_high;
} columns;

INLINE void expand_row(float *out, vec bytes, const columns *c) {
    store(out, wasm_f32x4_mul(wasm_f32x4_sub(floats_low(bytes), c->zero_low), c->scale_low));
    store(out + 4, wasm_f32x4_mul(wasm_f32x4_sub(floats_high(bytes), c->zero_high), c->scale_high));
}

void mite_expand_f32_simd128(float *out, const uint8_t *q, size_t depth, int32_t bits,
                             const float *scale, const uint8_t *zero) {
    vec zeros = wasm_v128_load64_zero(zero), low_half = wasm_i8x16_splat(15);
    columns c = {floats_low(zeros), floats_high(zeros), load(scale), load(scale + 4)};
    if (bits == 8) {
        for (size_t k = 0; k < depth; k++)
            expand_row(out + k * 8, wasm_v128_load64_zero(q + k * 8), &c);
        return;
    }
    for (size_t k = 0; k < depth; k += 2, q += 8) {
        vec pair = wasm_v128_load64_zero(q);
        expand_row(out + k * 8, wasm_v128_and(pair, low_half), &c);
        if (k + 1 < depth) expand_row(out + k * 8 + 8, wasm_u8x16_shr(pair, 4), &c);
    }
}

#endif
