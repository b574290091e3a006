// SPDX-License-Identifier: Apache-2.0
// Rows of what transformers do between products, four values at a time.
#include "functions_f32.h"
#include "simd.h"

#include <math.h>

#if MITE_HAVE_SIMD128

INLINE vec add(vec a, vec b) { return wasm_f32x4_add(a, b); }
INLINE vec sub(vec a, vec b) { return wasm_f32x4_sub(a, b); }
INLINE vec mul(vec a, vec b) { return wasm_f32x4_mul(a, b); }

// e^x: x = n ln 2 + r with |r| <= ln 2 / 2, the polynomial of least relative error (9.1e-8) for e^r,
// and n into the exponent. 0 below -87.3, 1.7e38 above 88, NaN for NaN.
INLINE vec exp_f32(vec x) {
    const float *c = opaque(mite_exp_constants);
    vec lo = splat_f32(c), magic = splat_f32(c + 3), below = wasm_f32x4_lt(x, lo);
    x = clamp_f32(x, lo, splat_f32(c + 1));
    vec shifted = add(mul(x, splat_f32(c + 2)), magic), n = sub(shifted, magic);
    vec r = add(sub(x, mul(n, splat_f32(c + 4))), mul(n, splat_f32(c + 5)));
    vec sum = add(mul(splat_f32(c + 6), r), splat_f32(c + 7));
    sum = add(mul(sum, r), splat_f32(c + 8));
    sum = add(mul(sum, r), splat_f32(c + 9));
    sum = add(mul(sum, r), splat_f32(c + 10));
    sum = add(mul(sum, r), splat_f32(c + 11));
    // Bits of `shifted` above those of n are shifted out.
    sum = wasm_i32x4_add(sum, wasm_i32x4_shl(shifted, 23));
    return wasm_v128_andnot(sum, below);
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

INLINE vec gelu(vec x) {
    const float *c = opaque(mite_gelu_constants);
    vec lo = splat_f32(c + 12), inside = clamp_f32(x, lo, splat_f32(c + 13));
    vec square = mul(inside, inside);
    vec p = add(mul(splat_f32(c), square), splat_f32(c + 2));
    vec q = add(mul(splat_f32(c + 1), square), splat_f32(c + 3));
    p = add(mul(p, square), splat_f32(c + 4));
    q = add(mul(q, square), splat_f32(c + 5));
    p = add(mul(p, square), splat_f32(c + 6));
    q = add(mul(q, square), splat_f32(c + 7));
    p = add(mul(p, square), splat_f32(c + 8));
    q = add(mul(q, square), splat_f32(c + 9));
    p = add(mul(p, square), splat_f32(c + 10));
    q = add(mul(q, square), splat_f32(c + 11));
    vec share = add(wasm_f32x4_div(mul(inside, p), q), splat_f32(c + 14));
    return mul(wasm_f32x4_pmax(x, lo), share);
}

INLINE vec gelu_by_tanh(vec x) {
    const float *c = opaque(mite_tanh_constants);
    // (1 + tanh(y)) / 2 = 1 / (1 + e^(-2y))
    vec y = mul(x, add(splat_f32(c), mul(mul(x, x), splat_f32(c + 1))));
    return wasm_f32x4_div(wasm_f32x4_pmax(x, splat_f32(c + 2)), add(splat_f32(c + 3), exp_f32(y)));
}

INLINE vec gelu_rough(vec x, const float *constants) {
    const float *c = opaque(constants);
    vec lo = splat_f32(c + 7), inside = clamp_f32(x, lo, splat_f32(c + 8));
    vec square = mul(inside, inside);
    vec p = add(mul(splat_f32(c + 1), square), splat_f32(c + 3));
    vec q = add(mul(splat_f32(c), square), splat_f32(c + 2));
    p = add(mul(p, square), splat_f32(c + 5));
    q = add(mul(q, square), splat_f32(c + 4));
    q = add(mul(q, square), splat_f32(c + 6));
    vec share = add(wasm_f32x4_div(mul(inside, p), q), splat_f32(c + 9));
    return mul(wasm_f32x4_pmax(x, lo), share);
}

// NOLINTNEXTLINE(misc-no-recursion): one level
void mite_gelu_f32_simd128(float *out, const float *in, size_t count, mite_gelu_kind kind) {
    const float *rough = mite_rough_constants[kind == MITE_GELU_ROUGH_BY_TANH];
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        vec x = load(in + i);
        if (kind == MITE_GELU) x = gelu(x);
        else if (kind == MITE_GELU_BY_TANH) x = gelu_by_tanh(x);
        else x = gelu_rough(x, rough);
        store(out + i, x);
    }
    if (i == count) return;
    float rest[4] = {0};
    memcpy(rest, in + i, (count - i) * sizeof *in);
    mite_gelu_f32_simd128(rest, rest, 4, kind); // once: four are whole
    memcpy(out + i, rest, (count - i) * sizeof *out);
}

#endif
