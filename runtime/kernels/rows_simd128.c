// SPDX-License-Identifier: Apache-2.0
// Rows of values, a vector at a time; the plain twins do what is left.
#include "rounding.h"
#include "simd.h"

#if MITE_HAVE_SIMD128

void mite_add_f32_simd128(float *out, const float *a, const float *b, size_t count, float lo,
                          float hi) {
    size_t i = 0;
    vec low = splat_f32(&lo), high = splat_f32(&hi);
    for (; i + 4 <= count; i += 4)
        store(out + i, clamp_f32(wasm_f32x4_add(load(a + i), load(b + i)), low, high));
    mite_add_f32_plain(out + i, a + i, b + i, count - i, lo, hi);
}

void mite_add_u8_simd128(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t count,
                         const mite_add_u8_args *args) {
    size_t i = 0;
    rounding to = rounding_to(NULL);
    vec a_scale = splat_f32(&args->a_scale), b_scale = splat_f32(&args->b_scale);
    vec offset = splat_f32(&args->offset);
    vec lo = wasm_v128_load8_splat(&args->lo), hi = wasm_v128_load8_splat(&args->hi);
    for (; i + 8 <= count; i += 8) {
        vec x = wasm_v128_load64_zero(a + i), y = wasm_v128_load64_zero(b + i);
        vec low = wasm_f32x4_add(wasm_f32x4_mul(floats_low(y), b_scale), offset);
        vec high = wasm_f32x4_add(wasm_f32x4_mul(floats_high(y), b_scale), offset);
        low = wasm_f32x4_add(wasm_f32x4_mul(floats_low(x), a_scale), low);
        high = wasm_f32x4_add(wasm_f32x4_mul(floats_high(x), a_scale), high);
        vec q = narrow_u8(round_f32(low, &to), round_f32(high, &to));
        q = wasm_u8x16_min(wasm_u8x16_max(q, lo), hi);
        wasm_v128_store64_lane(out + i, q, 0);
    }
    mite_add_u8_plain(out + i, a + i, b + i, count - i, args);
}

void mite_clamp_f32_simd128(float *out, const float *in, size_t count, float lo, float hi) {
    size_t i = 0;
    vec low = splat_f32(&lo), high = splat_f32(&hi);
    for (; i + 4 <= count; i += 4) store(out + i, clamp_f32(load(in + i), low, high));
    mite_clamp_f32_plain(out + i, in + i, count - i, lo, hi);
}

INLINE vec limited(const float *in, vec scale, vec lo, vec hi) {
    vec r = wasm_f32x4_div(load(in), scale);
    r = wasm_f32x4_pmax(lo, r); // lo < r ? r : lo, so that NaN ends at lo
    return wasm_f32x4_pmin(r, hi);
}

void mite_quantize_simd128(uint8_t *out, const float *in, size_t count, float scale,
                           int32_t zero_point) {
    size_t i = 0;
    const float limits[2] = {MITE_QUANTIZE_MIN, MITE_QUANTIZE_MAX};
    rounding to = rounding_to(&zero_point);
    vec divisor = splat_f32(&scale), lo = splat_f32(limits), hi = splat_f32(limits + 1);
    for (; i + 8 <= count; i += 8) {
        vec low = limited(in + i, divisor, lo, hi), high = limited(in + i + 4, divisor, lo, hi);
        wasm_v128_store64_lane(out + i, narrow_u8(round_f32(low, &to), round_f32(high, &to)), 0);
    }
    mite_quantize_plain(out + i, in + i, count - i, scale, zero_point);
}

void mite_dequantize_simd128(float *out, const uint8_t *in, size_t count, float scale,
                             int32_t zero_point) {
    size_t i = 0;
    vec factor = splat_f32(&scale), zero = splat_i32(&zero_point);
    for (; i + 8 <= count; i += 8) {
        vec wide = wasm_u16x8_load8x8(in + i);
        vec low = wasm_i32x4_sub(wasm_u32x4_extend_low_u16x8(wide), zero);
        vec high = wasm_i32x4_sub(wasm_u32x4_extend_high_u16x8(wide), zero);
        store(out + i, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(low), factor));
        store(out + i + 4, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(high), factor));
    }
    mite_dequantize_plain(out + i, in + i, count - i, scale, zero_point);
}

void mite_range_f32_simd128(const float *in, size_t count, float range[2]) {
    size_t i = 0;
    vec lo = splat_f32(range), hi = splat_f32(range + 1);
    for (; i + 4 <= count; i += 4) { // NaN is passed over
        vec x = load(in + i);
        lo = wasm_f32x4_pmin(lo, x);
        hi = wasm_f32x4_pmax(hi, x);
    }
    float ends[8];
    store(ends, lo);
    store(ends + 4, hi);
    mite_range_f32_plain(ends, 8, range);
    mite_range_f32_plain(in + i, count - i, range);
}

#endif
