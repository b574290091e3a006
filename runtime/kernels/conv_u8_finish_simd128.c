// SPDX-License-Identifier: Apache-2.0
#include "conv_u8_finish.h"

#if MITE_HAVE_SIMD128

// What stays in registers over a panel.
typedef struct constants {
    vec scale_low, scale_high, lo, hi;
    rounding to;
} constants;

// Eight sums -> eight i16.
INLINE vec round_sums(const int32_t *sums, const constants *c) {
    return wasm_i16x8_narrow_i32x4(round_scaled(load(sums), c->scale_low, &c->to),
                                   round_scaled(load(sums + 4), c->scale_high, &c->to));
}

// Two pixels at a time, whose bytes are narrowed (and clamped) sixteen together; of an odd count the
// last two are the last but one, again, and the last.
INLINE void finish_pairs(const mite_finished *f, uint8_t *output, const size_t *at, bool clamps) {
    const mite_conv_args *a = f->a;
    const int32_t *sums = f->sums;
    constants c = {.scale_low = load(a->scale + f->n),
                   .scale_high = load(a->scale + f->n + 4),
                   .lo = wasm_v128_load8_splat(&a->q_lo),
                   .hi = wasm_v128_load8_splat(&a->q_hi),
                   .to = rounding_to(&a->zero_point)};
    size_t pairs = f->count / 2, odd = f->count % 2;
    for (;;) {
        NO_UNROLL for (; pairs; pairs--, sums += 16, at += 2) {
            vec q = wasm_u8x16_narrow_i16x8(round_sums(sums, &c), round_sums(sums + 8, &c));
            if (clamps) q = wasm_u8x16_min(wasm_u8x16_max(q, c.lo), c.hi);
            wasm_v128_store64_lane(output + at[0], q, 0);
            wasm_v128_store64_lane(output + at[1], q, 1);
        }
        if (!odd) break;
        odd = 0, pairs = 1;
        sums -= 8, at--;
    }
}

NOINLINE void finish_clamping(const mite_finished *f, uint8_t *output, const size_t *at) {
    finish_pairs(f, output, at, true);
}

// Most outputs may be any byte.
NOINLINE void finish_any(const mite_finished *f, uint8_t *output, const size_t *at) {
    finish_pairs(f, output, at, false);
}

static void finish(const mite_finished *f, uint8_t *output, const size_t *at) {
    int32_t sums[16];
    const size_t twice[2] = {at[0], at[0]};
    mite_finished pair = *f;
    if (f->count == 1) {
        memcpy(sums, f->sums, 8 * sizeof *sums);
        memcpy(sums + 8, f->sums, 8 * sizeof *sums);
        pair.sums = sums, pair.count = 2, at = twice;
    }
    if (f->a->q_lo > 0 || f->a->q_hi < 255) finish_clamping(&pair, output, at);
    else finish_any(&pair, output, at);
}

NOINLINE void finish_with_residual(const mite_finished *f, uint8_t *output, const size_t *at,
                                   const uint8_t *residual, const size_t *residual_at) {
    const mite_conv_args *a = f->a;
    const int32_t *sums = f->sums;
    vec inner_scale = splat_f32(&a->inner_scale), scale = splat_f32(&a->residual_scale);
    vec offset = splat_f32(&a->offset);
    rounding plain = rounding_to(NULL);
    constants c = {.scale_low = load(a->scale + f->n),
                   .scale_high = load(a->scale + f->n + 4),
                   .to = rounding_to(&a->zero_point)};
    for (size_t m = 0; m < f->count; m++, sums += 8) {
        vec q = round_sums(sums, &c), other = wasm_v128_load64_zero(residual + residual_at[m]);
        q = wasm_u8x16_narrow_i16x8(q, q);
        vec low = wasm_f32x4_add(wasm_f32x4_mul(floats_low(other), scale), offset);
        vec high = wasm_f32x4_add(wasm_f32x4_mul(floats_high(other), scale), offset);
        low = wasm_f32x4_add(wasm_f32x4_mul(floats_low(q), inner_scale), low);
        high = wasm_f32x4_add(wasm_f32x4_mul(floats_high(q), inner_scale), high);
        q = narrow_u8(round_f32(low, &plain), round_f32(high, &plain));
        q = wasm_u8x16_min(wasm_u8x16_max(q, wasm_v128_load8_splat(&a->q_lo)),
                           wasm_v128_load8_splat(&a->q_hi));
        wasm_v128_store64_lane(output + at[m], q, 0);
    }
}

// Whole panels in place; narrower ones through a copy of what they touch.
void mite_finish_u8(const mite_finished *f) {
    uint8_t output[MITE_FINISH_ROWS * 8], residual[MITE_FINISH_ROWS * 8];
    size_t at[MITE_FINISH_ROWS];
    uint8_t *to = (uint8_t *)f->a->output + f->n;
    const uint8_t *from = f->a->residual;
    if (from) from += f->n;
    if (f->width == 8) {
        if (from) finish_with_residual(f, to, f->output, from, f->residual);
        else finish(f, to, f->output);
        return;
    }
    for (size_t m = 0; m < f->count; m++) {
        at[m] = m * 8;
        if (from) memcpy(residual + m * 8, from + f->residual[m], f->width);
    }
    if (from) finish_with_residual(f, output, at, residual, at);
    else finish(f, output, at);
    for (size_t m = 0; m < f->count; m++) memcpy(to + f->output[m], output + m * 8, f->width);
}

void mite_finish_f32(const mite_finished *f) {
    const mite_conv_args *a = f->a;
    const float *residual = a->residual;
    vec scale_low = load(a->scale + f->n), scale_high = load(a->scale + f->n + 4);
    vec lo = splat_f32(&a->lo), hi = splat_f32(&a->hi);
    for (size_t m = 0; m < f->count; m++) {
        float *out = (float *)a->output + f->output[m] + f->n, some[8] = {0};
        const float *other = residual ? residual + f->residual[m] + f->n : NULL;
        const int32_t *sums = f->sums + m * 8;
        vec low = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(load(sums)), scale_low);
        vec high = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(load(sums + 4)), scale_high);
        if (other && f->width < 8) other = memcpy(some, other, f->width * sizeof *some);
        if (other) {
            low = wasm_f32x4_add(low, load(other));
            high = wasm_f32x4_add(high, load(other + 4));
        }
        float *to = f->width < 8 ? some : out;
        store(to, clamp_f32(low, lo, hi));
        store(to + 4, clamp_f32(high, lo, hi));
        if (f->width < 8) memcpy(out, some, f->width * sizeof *some);
    }
}

#endif
