// SPDX-License-Identifier: Apache-2.0
// Pooling over a vector of channels at a time; the plain twins do the channels that are left.
#include "pool_window.h"
#include "simd.h"

#if MITE_HAVE_SIMD128

typedef void pixel_fn(const mite_pool_args *a, const pool_window *w, size_t x, size_t y,
                      size_t whole);

// Runs `pixel` for the first `whole` channels everywhere and `plain` for the others.
INLINE void pool(const mite_pool_args *a, size_t y0, size_t y1, size_t whole, size_t item,
                 pixel_fn *pixel, mite_pool_fn *plain) {
    for (size_t y = y0; y < y1; y++) {
        for (size_t x = 0; x < a->out_width; x++) {
            pool_window w = pool_window_at(a, y, x);
            pixel(a, &w, x, y, whole);
        }
    }
    if (whole == a->channels) return;
    mite_pool_args rest = *a;
    rest.channels -= whole;
    rest.input = (const uint8_t *)a->input + whole * item;
    rest.output = (uint8_t *)a->output + whole * item;
    plain(&rest, y0, y1);
}

#define FOR_WINDOW(w)                        \
    for (size_t i = 0; i < (w)->height; i++) \
        for (size_t j = 0; j < (w)->width; j++)

static void max_pixel_f32(const mite_pool_args *a, const pool_window *w, size_t x, size_t y,
                          size_t whole) {
    const float *input = (const float *)a->input + w->offset;
    float *output = (float *)a->output + y * a->out_row + x * a->out_pixel;
    for (size_t c = 0; c < whole; c += 4) {
        vec best = w->height && w->width ? load(input + c) : wasm_i32x4_splat(0);
        FOR_WINDOW(w)
        best = wasm_f32x4_pmax(best, load(input + i * a->in_row + j * a->in_pixel + c));
        store(output + c, best);
    }
}

static void average_pixel_f32(const mite_pool_args *a, const pool_window *w, size_t x, size_t y,
                              size_t whole) {
    const float *input = (const float *)a->input + w->offset;
    float *output = (float *)a->output + y * a->out_row + x * a->out_pixel;
    for (size_t c = 0; c < whole; c += 4) {
        vec sum = wasm_i32x4_splat(0);
        FOR_WINDOW(w) sum = wasm_f32x4_add(sum, load(input + i * a->in_row + j * a->in_pixel + c));
        store(output + c, wasm_f32x4_div(sum, splat_f32(&w->count)));
    }
}

static void max_pixel_u8(const mite_pool_args *a, const pool_window *w, size_t x, size_t y,
                         size_t whole) {
    const uint8_t *input = (const uint8_t *)a->input + w->offset;
    uint8_t *output = (uint8_t *)a->output + y * a->out_row + x * a->out_pixel;
    for (size_t c = 0; c < whole; c += 16) {
        vec best = wasm_i32x4_splat(0);
        FOR_WINDOW(w)
        best = wasm_u8x16_max(best, load(input + i * a->in_row + j * a->in_pixel + c));
        store(output + c, best);
    }
}

static void average_pixel_u8(const mite_pool_args *a, const pool_window *w, size_t x, size_t y,
                             size_t whole) {
    const uint8_t *input = (const uint8_t *)a->input + w->offset;
    uint8_t *output = (uint8_t *)a->output + y * a->out_row + x * a->out_pixel;
    float zero = pool_zero_sum(a, w), ratio = a->ratio / w->count;
    rounding to = rounding_to(&a->out_zero_point);
    for (size_t c = 0; c < whole; c += 8) {
        vec low = wasm_i32x4_splat(0), high = low;
        FOR_WINDOW(w) {
            vec wide = wasm_u16x8_load8x8(input + i * a->in_row + j * a->in_pixel + c);
            low = wasm_i32x4_add(low, wasm_u32x4_extend_low_u16x8(wide));
            high = wasm_i32x4_add(high, wasm_u32x4_extend_high_u16x8(wide));
        }
        low = wasm_f32x4_sub(wasm_f32x4_convert_i32x4(low), splat_f32(&zero));
        high = wasm_f32x4_sub(wasm_f32x4_convert_i32x4(high), splat_f32(&zero));
        low = round_f32(wasm_f32x4_mul(low, splat_f32(&ratio)), &to);
        high = round_f32(wasm_f32x4_mul(high, splat_f32(&ratio)), &to);
        wasm_v128_store64_lane(output + c, narrow_u8(low, high), 0);
    }
}

void mite_max_pool_f32_simd128(const mite_pool_args *a, size_t y0, size_t y1) {
    pool(a, y0, y1, a->channels / 4 * 4, sizeof(float), max_pixel_f32, mite_max_pool_f32_plain);
}

void mite_max_pool_u8_simd128(const mite_pool_args *a, size_t y0, size_t y1) {
    pool(a, y0, y1, a->channels / 16 * 16, 1, max_pixel_u8, mite_max_pool_u8_plain);
}

void mite_average_pool_f32_simd128(const mite_pool_args *a, size_t y0, size_t y1) {
    pool(a, y0, y1, a->channels / 4 * 4, sizeof(float), average_pixel_f32,
         mite_average_pool_f32_plain);
}

void mite_average_pool_u8_simd128(const mite_pool_args *a, size_t y0, size_t y1) {
    pool(a, y0, y1, a->channels / 8 * 8, 1, average_pixel_u8, mite_average_pool_u8_plain);
}

#endif
