// SPDX-License-Identifier: Apache-2.0
#include "half.h"

#include <string.h>

static float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

float mite_f32_of_f16(uint16_t half) {
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16, rest = half & 0x7fffu;
    if (rest >= 0x7c00u) return float_of(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
    if (rest >= 0x400u) return float_of(sign | ((rest << 13) + ((127u - 15u) << 23)));
    float small = (float)rest * 0x1p-24f; // subnormal, exact
    return sign ? -small : small;
}

uint16_t mite_f16_of_f32(float single) {
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    uint32_t sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);
    if (rest >= 0x47800000u) return (uint16_t)(sign | 0x7c00u); // 2^16 and above
    if (rest < 0x38800000u) { // below 2^-14: subnormal or 0
        // Adding 0.5 leaves units of 2^-24, rounded by the addition.
        float shifted = float_of(rest) + 0.5f;
        memcpy(&rest, &shifted, sizeof rest);
        return (uint16_t)(sign | (rest - 0x3f000000u));
    }
    rest += 0xfffu + (rest >> 13 & 1u); // may carry into infinity, as it should
    return (uint16_t)(sign | ((rest >> 13) - ((127u - 15u) << 10)));
}
