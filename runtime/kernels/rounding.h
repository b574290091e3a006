// SPDX-License-Identifier: Apache-2.0
// The one way from int32 to u8 (kernels.h, head), for one value. Everything wraps and nothing is
// undefined: sums of extreme weights and scales must give the same byte in every version.
#ifndef MITE_KERNELS_ROUNDING_H
#define MITE_KERNELS_ROUNDING_H

#include <stdint.h>
#include <string.h>

// 1.5 * 2^23: adding it leaves the rounded integer in the low bits of the float.
#define MITE_ROUNDING_F32 12582912.0f
#define MITE_ROUNDING_BITS 0x4B400000u

// What a quantizer limits its quotients to.
#define MITE_QUANTIZE_MIN (-2097152.0f)
#define MITE_QUANTIZE_MAX 2097152.0f

// round_half_even(r) + zero_point for |r| < 2^22.
static inline int32_t mite_round(float r, int32_t zero_point) {
    float shifted = r + MITE_ROUNDING_F32;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    return (int32_t)(bits - MITE_ROUNDING_BITS + (uint32_t)zero_point);
}

static inline uint8_t mite_saturate_u8(int32_t q, uint8_t lo, uint8_t hi) {
    uint8_t u = (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
    u = u < lo ? lo : u;
    return u > hi ? hi : u;
}

// The quantized sum of two quantized values.
static inline int32_t mite_round_sum(uint8_t a, uint8_t b, float a_scale, float b_scale,
                                     float offset) {
    float scaled_b = (float)b * b_scale + offset;
    float scaled_a = (float)a * a_scale;
    return mite_round(scaled_a + scaled_b, 0);
}

// NaN passes through.
static inline float mite_clamp(float x, float lo, float hi) {
    x = x < lo ? lo : x;
    return hi < x ? hi : x;
}

#endif
