// SPDX-License-Identifier: Apache-2.0
// Fixed-point arithmetic as TensorFlow Lite's reference kernels have it.
#ifndef MITE_OPS_MORE_FIXED_H
#define MITE_OPS_MORE_FIXED_H

#include <stdint.h>

static inline int64_t mite_fixed_limited(int64_t x, int64_t lo, int64_t hi) {
    return x < lo ? lo : x > hi ? hi : x;
}

// x / 2^right, half away from zero.
static inline int64_t mite_fixed_shifted(int64_t x, int32_t right) {
    int64_t mask = ((int64_t)1 << right) - 1, rest = x & mask;
    return (x >> right) + (rest > (mask >> 1) + (x < 0));
}

// x * multiplier * 2^(shift - 31), rounded twice (MultiplyByQuantizedMultiplier); x fits 32 bits,
// what does not once it is shifted to the left is limited to them. shift is -31 to 30.
static inline int64_t mite_fixed_scaled(int64_t x, int64_t multiplier, int32_t shift) {
    int64_t left = shift > 0 ? shift : 0;
    x = mite_fixed_limited(x * ((int64_t)1 << left), INT32_MIN, INT32_MAX);
    x = (x * multiplier + (1 << 30)) >> 31;
    return mite_fixed_shifted(x, shift < 0 ? -shift : 0);
}

// x * factor / 2^right, a half up: one rounding, for sums of more than 32 bits (the same function there,
// with factors of 15 bits). In two parts, since sums have up to 48 bits; more, which no model's has,
// wrap. right is 1 to 62.
static inline int64_t mite_fixed_product(int64_t x, int32_t factor, int32_t right) {
    uint64_t low = (uint64_t)(x & 0xffff) * (uint64_t)factor + ((uint64_t)1 << (right - 1));
    uint64_t high = (uint64_t)(x >> 16) * (uint64_t)factor;
    if (right < 16) return (int64_t)((high << 16) + low) >> right;
    return (int64_t)(high + (low >> 16)) >> (right - 16);
}

#endif
