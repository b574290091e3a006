// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution in f32 by tiles of 7 output pixels of a row x 4 channels: 7 divides the
// widths of the usual networks, and its sums, one input and one weight fit V8's registers. Included
// by the files that define MADD(x, y, sum) and DEPTHWISE, the kernel's name.
#include "rounding.h"
#include "simd.h"

#define TILE 7

INLINE void finish(const mite_depthwise_args *a, float *output, vec s0, vec s1, vec s2, vec s3,
                   vec s4, vec s5, vec s6) {
    const size_t step = a->out_pixel;
    vec lo = splat_f32(&a->lo), hi = splat_f32(&a->hi);
    store(output, clamp_f32(s0, lo, hi));
    store(output + step, clamp_f32(s1, lo, hi));
    store(output + 2 * step, clamp_f32(s2, lo, hi));
    store(output + 3 * step, clamp_f32(s3, lo, hi));
    store(output + 4 * step, clamp_f32(s4, lo, hi));
    store(output + 5 * step, clamp_f32(s5, lo, hi));
    store(output + 6 * step, clamp_f32(s6, lo, hi));
}

// One column of a kernel row: its input meets each weight at another sum. Weights and sums are named
// scalars, as arrays end up in memory; the loop over kernel rows is a real one, as unrolled its loads
// are moved together and spill.
#define SUM(t, column)                                                \
    if ((column) >= (t) * stride && (column) - (t) * stride < kernel) \
        s##t = MADD(x, PICK((column) - (t) * stride), s##t);
#define PICK(j) ((j) == 0 ? w0 : (j) == 1 ? w1 : (j) == 2 ? w2 : (j) == 3 ? w3 : w4)
#define COLUMN(column)                             \
    if ((column) < (TILE - 1) * stride + kernel) { \
        vec x = load(from);                        \
        from += step;                              \
        SUM(0, column)                             \
        SUM(1, column)                             \
        SUM(2, column)                             \
        SUM(3, column)                             \
        SUM(4, column)                             \
        SUM(5, column)                             \
        SUM(6, column)                             \
        KEEP_ORDER();                              \
    }

// Seven pixels of a row from `input` and `output` on, all whole fours of channels.
INLINE void tile(const size_t kernel, const size_t stride, const mite_depthwise_args *a,
                 const float *input, float *output) {
    const float *w = a->weights, *bias = a->bias;
    const size_t step = a->tap_pixel, down = a->tap_row - ((TILE - 1) * stride + kernel) * step;
    for (size_t c = a->channels / 4; c; c--) {
        const float *from = input;
        vec s0 = load(bias), s1 = s0, s2 = s0, s3 = s0, s4 = s0, s5 = s0, s6 = s0;
        NO_UNROLL for (size_t i = kernel; i; i--) {
            vec w0 = load(w), w1 = load(w + 4), w2 = load(w + 8), w3 = w0, w4 = w0;
            if (kernel == 5) w3 = load(w + 12), w4 = load(w + 16);
            // clang-format off
            COLUMN(0) COLUMN(1) COLUMN(2) COLUMN(3) COLUMN(4) COLUMN(5) COLUMN(6) COLUMN(7)
            COLUMN(8) COLUMN(9) COLUMN(10) COLUMN(11) COLUMN(12) COLUMN(13) COLUMN(14)
            COLUMN(15) COLUMN(16)
                // clang-format on
                from += down;
            w += kernel * 4;
        }
        finish(a, output, s0, s1, s2, s3, s4, s5, s6);
        input += 4;
        output += 4;
        bias += 4;
    }
}

typedef void tile_fn(const mite_depthwise_args *a, const float *input, float *output);

#define TILE_OF(kernel, stride)                                                             \
    NOINLINE void tile_##kernel##x##kernel##_s##stride(const mite_depthwise_args *a,        \
                                                       const float *input, float *output) { \
        tile(kernel, stride, a, input, output);                                             \
    }
TILE_OF(3, 1)
TILE_OF(3, 2)
TILE_OF(5, 1)
TILE_OF(5, 2)

// The tile for this window, or NULL where it has none.
static tile_fn *tile_for(const mite_depthwise_args *a) {
    if (a->kernel_h != a->kernel_w || a->in_pixel != a->stride_w * a->tap_pixel) return NULL;
    switch (a->kernel_h * 10 + a->stride_w) {
    case 31: return tile_3x3_s1;
    case 32: return tile_3x3_s2;
    case 51: return tile_5x5_s1;
    case 52: return tile_5x5_s2;
    default: return NULL;
    }
}

// Any window: one pixel, `count` <= 4 channels.
NOINLINE void one_pixel(const mite_depthwise_args *a, const float *input, const float *weights,
                        const float *bias, float *output, size_t count) {
    vec sum = load(bias);
    for (size_t i = 0; i < a->kernel_h; i++) {
        for (size_t j = 0; j < a->kernel_w; j++, weights += 4) {
            const float *x = input + i * a->tap_row + j * a->tap_pixel;
            sum = MADD(count == 4 ? load(x) : load_some_f32(x, count), load(weights), sum);
        }
    }
    store_some(output, clamp_f32(sum, splat_f32(&a->lo), splat_f32(&a->hi)), count * sizeof(float));
}

void DEPTHWISE(const mite_depthwise_args *a, size_t y0, size_t y1) {
    const float *weights = a->weights, *bias = a->bias;
    size_t taps = a->kernel_h * a->kernel_w, whole = a->channels / 4 * 4;
    tile_fn *run_tile = a->out_width >= TILE ? tile_for(a) : NULL;
    for (size_t y = y0; y < y1; y++) {
        const float *in_row = (const float *)a->input + y * a->in_row;
        float *out_row = (float *)a->output + y * a->out_row;
        for (size_t x = 0; run_tile && x < a->out_width; x += TILE) {
            // The last tile of a row overlaps the one before it and computes the same again.
            if (x + TILE > a->out_width) x = a->out_width - TILE;
            run_tile(a, in_row + x * a->in_pixel, out_row + x * a->out_pixel);
        }
        for (size_t x = 0; x < a->out_width; x++) {
            for (size_t c = run_tile ? whole : 0; c < a->channels; c += 4)
                one_pixel(a, in_row + x * a->in_pixel + c, weights + c * taps, bias + c,
                          out_row + x * a->out_pixel + c,
                          a->channels - c < 4 ? a->channels - c : 4);
        }
    }
}
