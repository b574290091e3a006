// SPDX-License-Identifier: Apache-2.0
// Names for the 128-bit vector instructions, and what V8 needs to compile loops over them well
// (docs/kernels.md). Natively the same code runs through SIMDe, under sanitizers.
#ifndef MITE_KERNELS_SIMD_H
#define MITE_KERNELS_SIMD_H

#ifdef __wasm_simd128__
#include <wasm_simd128.h>
#else
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/wasm/simd128.h>
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "versions.h"

typedef v128_t vec;

#define INLINE static inline __attribute__((always_inline))
#define NOINLINE static __attribute__((noinline))
#define UNROLL _Pragma("clang loop unroll(full)")
#define NO_UNROLL _Pragma("clang loop unroll(disable)")

// Keeps the compiler from moving loads across: it would hold more values than there are registers.
#define KEEP_ORDER() __asm__ volatile("" ::: "memory")

// Weights that only a few tiles use come from memory, and WebAssembly has no instruction that asks for
// them early. So these tiles read, beside their own work, a little of the next panel a step: in a straight
// line, and so slowly that the processor, which fetches ahead of such a reader, is always in time.
// volatile, since nobody wants them.
#define TOUCH(next, bytes) ((void)*(next), (next) += (bytes))
typedef const volatile uint8_t touched;

// The compiler does not know what is there, so that vectors of constants are loaded: V8 builds
// literals anew at every use.
INLINE const float *opaque(const float *p) {
    __asm__("" : "+r"(p));
    return p;
}

INLINE vec load(const void *p) { return wasm_v128_load(p); }
INLINE void store(void *p, vec x) { wasm_v128_store(p, x); }
INLINE vec splat_f32(const float *p) { return wasm_v128_load32_splat(p); }
INLINE vec splat_i32(const void *p) { return wasm_v128_load32_splat(p); }

// The first `count` < 4 floats, the others 0; touches no more memory than that.
INLINE vec load_some_f32(const float *p, size_t count) {
    float values[4] = {0};
    memcpy(values, p, count * sizeof *p);
    return load(values);
}

INLINE void store_some(void *p, vec x, size_t bytes) {
    uint8_t values[16];
    store(values, x);
    memcpy(p, values, bytes);
}

// NaN passes through, as in mite_clamp.
INLINE vec clamp_f32(vec x, vec lo, vec hi) { return wasm_f32x4_pmin(wasm_f32x4_pmax(x, lo), hi); }

// The constants of rounding.h, for one output zero point.
typedef struct rounding {
    vec shift, bits;
} rounding;

INLINE rounding rounding_to(const int32_t *zero_point) {
    rounding r;
    r.shift = splat_f32(&mite_rounding_f32);
    r.bits = splat_i32(&mite_rounding_bits);
    if (zero_point) r.bits = wasm_i32x4_sub(r.bits, splat_i32(zero_point));
    return r;
}

// mite_round on four values.
INLINE vec round_f32(vec r, const rounding *to) {
    return wasm_i32x4_sub(wasm_f32x4_add(r, to->shift), to->bits);
}

// mite_round((float)sum * scale)
INLINE vec round_scaled(vec sum, vec scale, const rounding *to) {
    return round_f32(wasm_f32x4_mul(wasm_f32x4_convert_i32x4(sum), scale), to);
}

// Eight i32 -> eight u8 in the low half, saturating.
INLINE vec narrow_u8(vec low, vec high) {
    vec narrow = wasm_i16x8_narrow_i32x4(low, high);
    return wasm_u8x16_narrow_i16x8(narrow, narrow);
}

// Eight u8 in the low half -> floats.
INLINE vec floats_low(vec u8x8) {
    return wasm_f32x4_convert_i32x4(wasm_u32x4_extend_low_u16x8(wasm_u16x8_extend_low_u8x16(u8x8)));
}

INLINE vec floats_high(vec u8x8) {
    return wasm_f32x4_convert_i32x4(
        wasm_u32x4_extend_high_u16x8(wasm_u16x8_extend_low_u8x16(u8x8)));
}

#endif
