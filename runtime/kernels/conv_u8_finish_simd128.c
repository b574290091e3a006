// SPDX-License-Identifier: Apache-2.0
#include "conv_u8_finish.h"

#include <math.h>

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

INLINE vec finish_row(const int32_t *sums, vec zero, vec scale, const vec column[3]) {
    vec x = wasm_i32x4_sub(load(sums), wasm_i32x4_mul(zero, column[1]));
    x = wasm_f32x4_mul(wasm_f32x4_convert_i32x4(x), wasm_f32x4_mul(scale, column[0]));
    return wasm_f32x4_add(x, column[2]);
}

// `out` and `residual` (or NULL) are at the first pixel, their steps in floats.
INLINE void finish_panel(const mite_finished *f, const vec low[3], const vec high[3], float *out,
                         size_t step, const float *residual, size_t residual_step) {
    const float *row_scale = f->a->row_scale + f->row;
    const int32_t *row_zero = f->a->row_zero + f->row, *sums = f->sums;
    for (size_t m = f->count; m; m--, sums += 8, out += step) {
        vec zero = splat_i32(row_zero++), scale = splat_f32(row_scale++);
        vec x = finish_row(sums, zero, scale, low), y = finish_row(sums + 4, zero, scale, high);
        if (residual) {
            x = wasm_f32x4_add(x, load(residual));
            y = wasm_f32x4_add(y, load(residual + 4));
            residual += residual_step;
        }
        store(out, x);
        store(out + 4, y);
    }
}

NOINLINE void finish_plain(const mite_finished *f, const vec *c, float *out, size_t step) {
    finish_panel(f, c, c + 3, out, step, NULL, 0);
}

NOINLINE void finish_added(const mite_finished *f, const vec *c, float *out, size_t step,
                           const float *residual, size_t residual_step) {
    finish_panel(f, c, c + 3, out, step, residual, residual_step);
}

// The rows of a matrix, so their pixels have one distance. Narrower panels through a copy.
void mite_finish_rows(const mite_finished *f) {
    const mite_conv_args *a = f->a;
    float out[MITE_FINISH_ROWS * 8], residual[MITE_FINISH_ROWS * 8];
    float *to = (float *)a->output + f->output[0] + f->n, *at = to;
    const float *other = a->residual;
    size_t step = a->out_pixel, residual_step = a->residual_pixel;
    vec none = wasm_i32x4_splat(0);
    vec c[6] = {load(a->scale + f->n),     load(a->sums + f->n),     none,
                load(a->scale + f->n + 4), load(a->sums + f->n + 4), none};
    if (a->shift) c[2] = load(a->shift + f->n), c[5] = load(a->shift + f->n + 4);
    if (other) other += f->residual[0] + f->n;
    if (f->width < 8) {
        at = out;
        step = 8;
        for (size_t m = 0; other && m < f->count; m++)
            memcpy(residual + m * 8, other + m * residual_step, f->width * sizeof *out);
        if (other) other = residual, residual_step = 8;
    }
    if (other) finish_added(f, c, at, step, other, residual_step);
    else finish_plain(f, c, at, step);
    vec lo = splat_f32(&a->lo), hi = splat_f32(&a->hi);
    for (size_t m = 0; (a->lo > -INFINITY || a->hi < INFINITY) && m < f->count; m++)
        for (float *x = at + m * step, *end = x + 8; x < end; x += 4)
            store(x, clamp_f32(load(x), lo, hi));
    for (size_t m = 0; f->width < 8 && m < f->count; m++)
        memcpy(to + m * a->out_pixel, out + m * 8, f->width * sizeof *out);
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
