// SPDX-License-Identifier: Apache-2.0
// Checked size arithmetic. Every size that comes from a file passes through here.
#ifndef MITE_BASE_SIZES_H
#define MITE_BASE_SIZES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MITE_ALIGN 64

// False where the result does not fit; *out is then unspecified.
static inline bool mite_size_add(size_t *out, size_t a, size_t b) {
    return !__builtin_add_overflow(a, b, out);
}

static inline bool mite_size_mul(size_t *out, size_t a, size_t b) {
    return !__builtin_mul_overflow(a, b, out);
}

// `a` rounded up to a multiple of `unit`, a power of two.
static inline bool mite_size_align(size_t *out, size_t a, size_t unit) {
    if (!mite_size_add(out, a, unit - 1)) return false;
    *out &= ~(unit - 1);
    return true;
}

// For sizes already known to be far from the limit (channel counts, rows of a checked tensor).
static inline size_t mite_round_up(size_t a, size_t unit) { return (a + unit - 1) / unit * unit; }

static inline size_t mite_min_size(size_t a, size_t b) { return a < b ? a : b; }
static inline size_t mite_max_size(size_t a, size_t b) { return a > b ? a : b; }

#endif
