// SPDX-License-Identifier: Apache-2.0
// Rows of activations that are quantized as they come, many values at a time.
#include "rows_u8.h"
#include "simd.h"

#if MITE_HAVE_SIMD128

static const float least = MITE_ROW_LEAST;

// Four values' quanta as i32.
INLINE vec quanta(const float *in, vec inverse, vec lo, const rounding *to) {
    return round_f32(wasm_f32x4_pmax(lo, wasm_f32x4_mul(load(in), inverse)), to);
}

// Widens the range by four values.
INLINE void widen(const float *in, vec *lo, vec *hi) {
    vec x = load(in);
    *lo = wasm_f32x4_pmin(*lo, x); // NaN is passed over
    *hi = wasm_f32x4_pmax(*hi, x);
}

mite_row_quanta mite_quantize_row_simd128(uint8_t *out, const float *in, size_t count,
                                          int32_t symmetric) {
    float range[2] = {0, 0}, ends[4];
    vec lo0 = wasm_i32x4_splat(0), hi0 = lo0, lo1 = lo0, hi1 = lo0;
    size_t k = 0;
    for (; k + 8 <= count; k += 8) {
        widen(in + k, &lo0, &hi0);
        widen(in + k + 4, &lo1, &hi1);
    }
    lo0 = wasm_f32x4_pmin(lo0, lo1);
    hi0 = wasm_f32x4_pmax(hi0, hi1);
    // Of the lanes; both ends in one vector.
    vec low = wasm_i32x4_shuffle(lo0, hi0, 0, 1, 4, 5),
        high = wasm_i32x4_shuffle(lo0, hi0, 2, 3, 6, 7);
    vec least_two = wasm_f32x4_pmin(low, high), most_two = wasm_f32x4_pmax(low, high);
    store(ends, wasm_i32x4_shuffle(least_two, most_two, 0, 1, 6, 7));
    range[0] = ends[1] < ends[0] ? ends[1] : ends[0];
    range[1] = ends[3] > ends[2] ? ends[3] : ends[2];
    for (; k < count; k++) {
        range[0] = in[k] < range[0] ? in[k] : range[0];
        range[1] = in[k] > range[1] ? in[k] : range[1];
    }
    mite_row_rounding r = mite_row_rounding_of(range, symmetric);
    rounding to = rounding_to(&r.quanta.zero_point);
    vec inverse = splat_f32(&r.inverse), lo = splat_f32(&least);
    size_t i = 0;
    for (; i + 16 <= count; i += 16) {
        vec a = quanta(in + i, inverse, lo, &to), b = quanta(in + i + 4, inverse, lo, &to);
        vec c = quanta(in + i + 8, inverse, lo, &to), d = quanta(in + i + 12, inverse, lo, &to);
        a = wasm_i16x8_narrow_i32x4(a, b);
        store(out + i, wasm_u8x16_narrow_i16x8(a, wasm_i16x8_narrow_i32x4(c, d)));
    }
    mite_quantize_some(out + i, in + i, count - i, &r);
    return r.quanta;
}

// A panel of eight columns, of which `width` exist; narrower ones through a copy of each row.
void mite_quantize_columns_simd128(int8_t *out, float *scale, const float *in, size_t rows,
                                   size_t columns, size_t step) {
    const int32_t none = 0;
    rounding to = rounding_to(&none);
    vec lo = splat_f32(&least), zero = wasm_i32x4_splat(0);
    for (size_t n = 0; n < columns; n += 8, scale += 8) {
        size_t width = columns - n < 8 ? columns - n : 8;
        float row[32] = {0}, inverse[8];
        vec most[2] = {zero, zero};
        for (size_t i = 0; i < rows; i++) {
            const float *from = in + i * step + n;
            if (width < 8) from = memcpy(row, from, width * sizeof *row);
            most[0] = wasm_f32x4_pmax(most[0], wasm_f32x4_abs(load(from)));
            most[1] = wasm_f32x4_pmax(most[1], wasm_f32x4_abs(load(from + 4)));
        }
        store(scale, most[0]);
        store(scale + 4, most[1]);
        for (size_t c = 0; c < 8; c++) {
            float range[2] = {0, scale[c]};
            mite_row_rounding r = mite_row_rounding_of(range, 1);
            scale[c] = r.quanta.scale;
            inverse[c] = r.inverse;
        }
        vec low = load(inverse), high = load(inverse + 4);
        for (size_t i = 0; i < rows; i += 4, out += 32) {
            const float *from = in + i * step + n;
            size_t count = rows - i < 4 ? rows - i : 4, next = step;
            if (width < 8 || count < 4) {
                memset(row, 0, sizeof row);
                for (size_t k = 0; k < count; k++)
                    memcpy(row + k * 8, from + k * step, width * sizeof *row);
                from = row;
                next = 8;
            }
            // Rows 0 and 1, and 2 and 3, as bytes; then the four of each column side by side.
            vec pairs[2];
            for (size_t k = 0; k < 2; k++, from += 2 * next) {
                vec a = wasm_i16x8_narrow_i32x4(quanta(from, low, lo, &to),
                                                quanta(from + 4, high, lo, &to));
                vec b = wasm_i16x8_narrow_i32x4(quanta(from + next, low, lo, &to),
                                                quanta(from + next + 4, high, lo, &to));
                pairs[k] = wasm_i8x16_narrow_i16x8(a, b);
            }
            store(out, wasm_i8x16_shuffle(pairs[0], pairs[1], 0, 8, 16, 24, 1, 9, 17, 25, 2, 10, 18,
                                          26, 3, 11, 19, 27));
            store(out + 16, wasm_i8x16_shuffle(pairs[0], pairs[1], 4, 12, 20, 28, 5, 13, 21, 29, 6,
                                               14, 22, 30, 7, 15, 23, 31));
        }
    }
}

typedef struct powers {
    vec most, c0, c1, c2, c3, lo, magic, bits;
} powers;

// Four more values, as i32; `left` is what rounding left over eight values before.
INLINE vec power(const float *in, vec *left, const powers *p) {
    vec x = wasm_f32x4_pmax(p->lo, wasm_f32x4_sub(load(in), p->most));
    vec shifted = wasm_f32x4_add(x, p->magic);
    vec f = wasm_f32x4_sub(x, wasm_f32x4_sub(shifted, p->magic));
    vec y = wasm_f32x4_add(wasm_f32x4_mul(p->c0, f), p->c1);
    y = wasm_f32x4_add(wasm_f32x4_mul(y, f), p->c2);
    y = wasm_f32x4_add(wasm_f32x4_mul(y, f), p->c3);
    y = wasm_f32x4_add(wasm_i32x4_add(y, wasm_i32x4_shl(shifted, 23)), *left);
    shifted = wasm_f32x4_add(y, p->magic);
    *left = wasm_f32x4_sub(y, wasm_f32x4_sub(shifted, p->magic));
    return wasm_i32x4_sub(shifted, p->bits);
}

int32_t mite_softmax_u8_simd128(uint8_t *out, const float *in, size_t count) {
    float most = -INFINITY, lanes[8];
    int32_t sums[4];
    vec a = splat_f32(&most), sum = wasm_i32x4_splat(0), l0 = sum, l1 = sum;
    size_t i = 0;
    for (; i + 4 <= count; i += 4) a = wasm_f32x4_pmax(a, load(in + i));
    store(lanes, a);
    for (size_t k = 0; k < 4; k++) most = lanes[k] > most ? lanes[k] : most;
    for (; i < count; i++) most = in[i] > most ? in[i] : most;
    const float *c = mite_softmax_u8_constants;
    powers p = {
        splat_f32(&most), splat_f32(c),     splat_f32(c + 1), splat_f32(c + 2),
        splat_f32(c + 3), splat_f32(c + 4), splat_f32(c + 5), splat_i32(&mite_rounding_bits)};
    for (i = 0; i + 8 <= count; i += 8) {
        vec q0 = power(in + i, &l0, &p), q1 = power(in + i + 4, &l1, &p);
        sum = wasm_i32x4_add(sum, wasm_i32x4_add(q0, q1));
        wasm_v128_store64_lane(out + i, narrow_u8(q0, q1), 0);
    }
    store(sums, sum);
    store(lanes, l0), store(lanes + 4, l1);
    int32_t all = mite_softmax_u8_some(out + i, in + i, count - i, most, lanes);
    return all + sums[0] + sums[1] + sums[2] + sums[3];
}

#endif
