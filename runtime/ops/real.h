// SPDX-License-Identifier: Apache-2.0
// Elementary functions in f32, inline so that loops over rows become vector code. They use
// nothing but additions, multiplications and bits, so tables of quanta made with them are the
// same in every build.
#ifndef MITE_OPS_REAL_H
#define MITE_OPS_REAL_H

#include <stdint.h>
#include <string.h>

static inline float mite_power_of_two(uint32_t exponent_bits) {
    uint32_t bits = exponent_bits << 23;
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

// e^x, within 2 units in the last place; 0 and infinity at the ends, NaN for NaN.
static inline float mite_exp(float x) {
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    // x = n ln 2 + r with |r| <= ln 2 / 2. Adding 1.5 * 2^23 rounds to the integer n.
    float shifted = x * 1.44269504f + 12582912.0f;
    float n = shifted - 12582912.0f;
    uint32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    bits -= 0x4B400000u;
    // ln 2 in two pieces; n times the first is exact.
    float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    // Taylor's series; its next term is below 6e-9.
    float sum = 1.0f / 5040;
    sum = sum * r + 1.0f / 720;
    sum = sum * r + 1.0f / 120;
    sum = sum * r + 1.0f / 24;
    sum = sum * r + 1.0f / 6;
    sum = sum * r + 0.5f;
    sum = sum * r + 1.0f;
    sum = sum * r + 1.0f;
    // 2^n in two factors, as n reaches from -150 to 128.
    uint32_t half = (uint32_t)((int32_t)bits >> 1);
    return sum * mite_power_of_two(half + 127) * mite_power_of_two(bits - half + 127);
}

static inline float mite_sigmoid(float x) { return 1.0f / (1.0f + mite_exp(-x)); }

static inline float mite_tanh(float x) {
    float square = x * x;
    // Lambert's continued fraction, exact to f32 near 0 where the other form cancels.
    float near =
        x * ((square + 105.0f) * square + 945.0f) / ((15.0f * square + 420.0f) * square + 945.0f);
    float far = 1.0f - 2.0f / (mite_exp(2.0f * x) + 1.0f);
    return square < 0.4f ? near : far;
}

#endif
