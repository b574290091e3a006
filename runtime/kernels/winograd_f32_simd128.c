// SPDX-License-Identifier: Apache-2.0
// Winograd's convolution in f32: transforms of four channels at a time; the products in between are
// those of conv_f32, whatever version.
#include "rounding.h"
#include "simd.h"
#include "winograd_f32.h"

#include <math.h>

#if MITE_HAVE_SIMD128

static const float constants[] = {
    WINOGRAD_A, WINOGRAD_B, WINOGRAD_AA, WINOGRAD_BB, WINOGRAD_SUM, WINOGRAD_FOR_A, WINOGRAD_FOR_B,
};
#define CONSTANT(i) splat_f32(opaque(constants) + (i))

INLINE vec add(vec a, vec b) { return wasm_f32x4_add(a, b); }
INLINE vec sub(vec a, vec b) { return wasm_f32x4_sub(a, b); }
INLINE vec mul(vec a, vec b) { return wasm_f32x4_mul(a, b); }

// Each of these transforms one line of vectors, `step` floats apart, to another.

NOINLINE void input_line(float *to, size_t to_step, const float *from, size_t step) {
    vec a = CONSTANT(0), b = CONSTANT(1), aa = CONSTANT(2), bb = CONSTANT(3), sum = CONSTANT(4);
    vec d0 = load(from), d1 = load(from + step), d2 = load(from + 2 * step);
    vec d3 = load(from + 3 * step), d4 = load(from + 4 * step), d5 = load(from + 5 * step);
    vec even = sub(d4, mul(bb, d2)), odd = mul(a, sub(d3, mul(bb, d1)));
    store(to, add(sub(d0, mul(sum, d2)), d4));
    store(to + to_step, add(even, odd));
    store(to + 2 * to_step, sub(even, odd));
    even = sub(d4, mul(aa, d2));
    odd = mul(b, sub(d3, mul(aa, d1)));
    store(to + 3 * to_step, add(even, odd));
    store(to + 4 * to_step, sub(even, odd));
    store(to + 5 * to_step, add(sub(d1, mul(sum, d3)), d5));
}

NOINLINE void weights_line(float *to, size_t to_step, const float *from, size_t step) {
    vec a = CONSTANT(0), b = CONSTANT(1), aa = CONSTANT(2), bb = CONSTANT(3);
    vec for_a = CONSTANT(5), for_b = CONSTANT(6);
    vec g0 = load(from), g1 = load(from + step), g2 = load(from + 2 * step);
    vec even = mul(for_a, add(g0, mul(aa, g2))), odd = mul(for_a, mul(a, g1));
    store(to, g0);
    store(to + to_step, add(even, odd));
    store(to + 2 * to_step, sub(even, odd));
    even = mul(for_b, add(g0, mul(bb, g2)));
    odd = mul(for_b, mul(b, g1));
    store(to + 3 * to_step, add(even, odd));
    store(to + 4 * to_step, sub(even, odd));
    store(to + 5 * to_step, g2);
}

NOINLINE void output_line(float *to, size_t to_step, const float *from, size_t step) {
    vec a = CONSTANT(0), b = CONSTANT(1), aa = CONSTANT(2), bb = CONSTANT(3);
    vec m1 = load(from + step), m2 = load(from + 2 * step), m3 = load(from + 3 * step);
    vec m4 = load(from + 4 * step);
    vec even_a = add(m1, m2), odd_a = mul(a, sub(m1, m2));
    vec even_b = add(m3, m4), odd_b = mul(b, sub(m3, m4));
    store(to, add(load(from), add(even_a, even_b)));
    store(to + to_step, add(odd_a, odd_b));
    store(to + 2 * to_step, add(mul(aa, even_a), mul(bb, even_b)));
    store(to + 3 * to_step, add(add(mul(aa, odd_a), mul(bb, odd_b)), load(from + 5 * step)));
}

void mite_winograd_weights_simd128(float *out, const float *packed, size_t channels,
                                   size_t columns) {
    size_t panel = channels * 8, next = channels * columns;
    float half[18 * 4]; // [6][3][4]
    for (size_t at = 0; at < next; at += 4) {
        const float *from = packed + at / panel * panel * 9 + at % panel;
        for (size_t j = 0; j < 3; j++) weights_line(half + j * 4, 12, from + j * panel, 3 * panel);
        for (size_t i = 0; i < 6; i++)
            weights_line(out + i * 6 * next + at, next, half + i * 12, 4);
    }
}

// Tile `index` of a block, whose taps lie `next` floats apart.
static void transform_input(const mite_winograd_args *w, winograd_tile t, float *to, size_t next) {
    const mite_conv_args *a = &w->conv;
    const float *from = (const float *)a->input + t.y * a->in_row + t.x * a->in_pixel;
    float half[36 * 4]; // [6][6][4]
    for (size_t c = 0; c < a->segment_length; c += 4) {
        for (size_t i = 0; i < 6; i++)
            input_line(half + i * 24, 4, from + i * a->in_row + c, a->in_pixel);
        for (size_t j = 0; j < 6; j++) input_line(to + j * next + c, 6 * next, half + j * 4, 24);
    }
}

static void transform_output(const mite_winograd_args *w, winograd_tile t, const float *from,
                             size_t next, size_t column0, size_t column1) {
    const mite_conv_args *a = &w->conv;
    float *to = (float *)a->output + t.y * a->out_row + t.x * a->out_pixel;
    const float *residual = a->residual;
    if (residual) residual += t.y * a->residual_row + t.x * a->residual_pixel;
    float half[24 * 4], out[16 * 4]; // [4][6][4], [4][4][4]
    for (size_t n = column0; n < column1; n += 4) {
        for (size_t j = 0; j < 6; j++) output_line(half + j * 4, 24, from + j * next + n, 6 * next);
        for (size_t i = t.skip_y; i < 4; i++) {
            output_line(out + i * 16, 4, half + i * 24, 4);
            for (size_t j = t.skip_x; j < 4; j++) {
                vec value = add(load(out + i * 16 + j * 4), load((const float *)a->bias + n));
                if (residual)
                    value = add(value,
                                load(residual + i * a->residual_row + j * a->residual_pixel + n));
                store(to + i * a->out_row + j * a->out_pixel + n,
                      clamp_f32(value, splat_f32(&a->lo), splat_f32(&a->hi)));
            }
        }
    }
}

void mite_winograd_f32_simd128(const mite_winograd_args *w, size_t tile0, size_t tile1,
                               size_t column0, size_t column1) {
    static const int32_t one_segment[1] = {0};
    const mite_conv_args *a = &w->conv;
    size_t channels = a->segment_length, columns = (a->columns + 7) / 8 * 8;
    size_t block = mite_winograd_block(tile1 - tile0, channels, columns);
    float *zeros = a->scratch, *inputs = zeros + columns;
    size_t in_plane = block * channels + WINOGRAD_APART,
           out_plane = block * columns + WINOGRAD_APART;
    float *outputs = inputs + WINOGRAD_TAPS * in_plane;
    mite_conv_args product = {
        .bias = zeros,
        .segments = one_segment,
        .segment_count = 1,
        .segment_length = channels,
        .out_width = block,
        .columns = a->columns,
        .in_pixel = channels,
        .out_pixel = columns,
        .scratch = outputs + WINOGRAD_TAPS * out_plane,
        .lo = -INFINITY,
        .hi = INFINITY,
    };
    memset(zeros, 0, columns * sizeof *zeros);
    for (size_t first = tile0; first < tile1; first += block) {
        size_t count = tile1 - first < block ? tile1 - first : block;
        for (size_t i = 0; i < count; i++)
            transform_input(w, winograd_tile_at(w, first + i), inputs + i * channels, in_plane);
        for (size_t e = 0; e < WINOGRAD_TAPS; e++) {
            product.input = inputs + e * in_plane;
            product.output = outputs + e * out_plane;
            product.weights = (const float *)a->weights + e * channels * columns;
            w->multiply(&product, 0, count, column0, column1);
        }
        for (size_t i = 0; i < count; i++)
            transform_output(w, winograd_tile_at(w, first + i), outputs + i * columns, out_plane,
                             column0, column1);
    }
}

#endif
