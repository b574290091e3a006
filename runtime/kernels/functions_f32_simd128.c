// SPDX-License-Identifier: Apache-2.0
// Rows of what transformers do between products, four values at a time.
#include "rounding.h"
#include "simd.h"

#include <math.h>

#if MITE_HAVE_SIMD128

INLINE vec add(vec a, vec b) { return wasm_f32x4_add(a, b); }
INLINE vec sub(vec a, vec b) { return wasm_f32x4_sub(a, b); }
INLINE vec mul(vec a, vec b) { return wasm_f32x4_mul(a, b); }

static const float exp_constants[] = {
    -104.0f,    89.0f,      1.44269504f, 12582912.0f, 0.693359375f, 2.12194440e-4f, 1.0f / 5040,
    1.0f / 720, 1.0f / 120, 1.0f / 24,   1.0f / 6,    0.5f,         1.0f,
};

// e^x as ops/real.h has it: x = n ln 2 + r with |r| <= ln 2 / 2, Taylor's series of e^r, and 2^n in
// two factors. 0 and infinity at the ends, NaN for NaN.
INLINE vec exp_f32(vec x) {
    const float *c = opaque(exp_constants);
    x = clamp_f32(x, splat_f32(c), splat_f32(c + 1));
    vec magic = splat_f32(c + 3), shifted = add(mul(x, splat_f32(c + 2)), magic);
    vec n = sub(shifted, magic), bits = wasm_i32x4_sub(shifted, magic);
    vec r = add(sub(x, mul(n, splat_f32(c + 4))), mul(n, splat_f32(c + 5)));
    vec one = splat_f32(c + 12), sum = splat_f32(c + 6);
    sum = add(mul(sum, r), splat_f32(c + 7));
    sum = add(mul(sum, r), splat_f32(c + 8));
    sum = add(mul(sum, r), splat_f32(c + 9));
    sum = add(mul(sum, r), splat_f32(c + 10));
    sum = add(mul(sum, r), splat_f32(c + 11));
    sum = add(mul(sum, r), one);
    sum = add(mul(sum, r), one);
    // The bits of 1 are those of the exponent's bias.
    vec half = wasm_i32x4_shr(bits, 1);
    vec low = wasm_i32x4_add(wasm_i32x4_shl(half, 23), one);
    vec high = wasm_i32x4_add(wasm_i32x4_shl(wasm_i32x4_sub(bits, half), 23), one);
    return mul(mul(sum, low), high);
}

INLINE float total(vec x) {
    return (wasm_f32x4_extract_lane(x, 0) + wasm_f32x4_extract_lane(x, 1)) +
           (wasm_f32x4_extract_lane(x, 2) + wasm_f32x4_extract_lane(x, 3));
}

void mite_softmax_f32_simd128(float *out, const float *in, size_t count) {
    float first = -INFINITY, lanes[4];
    vec most = splat_f32(&first), sum = wasm_i32x4_splat(0);
    size_t whole = count / 4 * 4, rest = count - whole;
    for (size_t i = 0; i < whole; i += 4) most = wasm_f32x4_pmax(most, load(in + i));
    store(lanes, most);
    for (size_t i = 0; i < 4; i++) first = lanes[i] > first ? lanes[i] : first;
    for (size_t i = whole; i < count; i++) first = in[i] > first ? in[i] : first;
    most = splat_f32(&first);
    for (size_t i = 0; i < whole; i += 4) {
        vec e = exp_f32(sub(load(in + i), most));
        store(out + i, e);
        sum = add(sum, e);
    }
    float all = total(sum);
    if (rest) {
        store(lanes, exp_f32(sub(load_some_f32(in + whole, rest), most)));
        for (size_t i = 0; i < rest; i++) all += out[whole + i] = lanes[i];
    }
    all = 1 / all;
    sum = splat_f32(&all);
    for (size_t i = 0; i < whole; i += 4) store(out + i, mul(load(out + i), sum));
    for (size_t i = whole; i < count; i++) out[i] *= all;
}

void mite_layer_norm_f32_simd128(float *out, const float *in, size_t count, float epsilon,
                                 const float *scale, const float *shift) {
    vec sum = wasm_i32x4_splat(0), squares = sum;
    size_t whole = count / 4 * 4;
    for (size_t i = 0; i < whole; i += 4) sum = add(sum, load(in + i));
    float mean = total(sum), factor;
    for (size_t i = whole; i < count; i++) mean += in[i];
    mean /= (float)count;
    vec means = splat_f32(&mean);
    for (size_t i = 0; i < whole; i += 4) {
        vec x = sub(load(in + i), means);
        squares = add(squares, mul(x, x));
    }
    factor = total(squares);
    for (size_t i = whole; i < count; i++) factor += (in[i] - mean) * (in[i] - mean);
    factor = 1 / sqrtf(factor / (float)count + epsilon);
    vec factors = splat_f32(&factor);
    for (size_t i = 0; i < whole; i += 4) {
        vec x = mul(sub(load(in + i), means), factors);
        if (scale) x = mul(x, load(scale + i));
        store(out + i, shift ? add(x, load(shift + i)) : x);
    }
    for (size_t i = whole; i < count; i++) {
        float x = (in[i] - mean) * factor;
        if (scale) x *= scale[i];
        out[i] = shift ? x + shift[i] : x;
    }
}

// erf(|x| / sqrt 2) = 1 - t (a1 + t (a2 + ...)) e^(-x^2/2), t = 1 / (1 + p |x| / sqrt 2), by
// Abramowitz and Stegun 7.1.26, within 1.5e-7.
static const float gelu_constants[] = {
    0.5f,
    1.0f,
    0.3275911f * 0.70710678f,
    1.061405429f,
    -1.453152027f,
    1.421413741f,
    -0.284496736f,
    0.254829592f,
    // -2 sqrt(2/pi) and the same times 0.044715
    -1.59576912f,
    -0.0713548163f,
    -16.0f, // from where on x or 0 is the result
    16.0f,
};

INLINE vec gelu(vec x, int32_t by_tanh) {
    const float *c = opaque(gelu_constants);
    vec half = splat_f32(c), one = splat_f32(c + 1);
    if (by_tanh) {
        // (1 + tanh(y)) / 2 = 1 / (1 + e^(-2y))
        vec y = mul(x, add(splat_f32(c + 8), mul(mul(x, x), splat_f32(c + 9))));
        return wasm_f32x4_div(x, add(one, exp_f32(y)));
    }
    vec inside = clamp_f32(x, splat_f32(c + 10), splat_f32(c + 11)), size = wasm_f32x4_abs(inside);
    vec t = wasm_f32x4_div(one, add(one, mul(size, splat_f32(c + 2)))), sum = splat_f32(c + 3);
    sum = add(mul(sum, t), splat_f32(c + 4));
    sum = add(mul(sum, t), splat_f32(c + 5));
    sum = add(mul(sum, t), splat_f32(c + 6));
    sum = add(mul(sum, t), splat_f32(c + 7));
    // What lies beyond |x|: x/2 (1 - erf) = x tail; for positive x the rest, x - x tail.
    vec tail = mul(mul(mul(sum, t), half), exp_f32(mul(mul(inside, inside), wasm_f32x4_neg(half))));
    vec low = mul(inside, tail), positive = wasm_f32x4_gt(x, wasm_i32x4_splat(0));
    return wasm_v128_bitselect(sub(x, low), low, positive);
}

void mite_gelu_f32_simd128(float *out, const float *in, size_t count, int32_t by_tanh) {
    size_t i = 0;
    for (; i + 4 <= count; i += 4) store(out + i, gelu(load(in + i), by_tanh));
    if (i < count)
        store_some(out + i, gelu(load_some_f32(in + i, count - i), by_tanh),
                   (count - i) * sizeof *out);
}

#endif
