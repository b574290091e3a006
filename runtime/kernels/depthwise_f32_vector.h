// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution in f32 by tiles of 7 output pixels of a row x 4 channels: 7 divides the
// widths of the usual networks, and its sums, one input and one weight fit V8's registers. Included
// by the files that define MADD(x, y, sum) and DEPTHWISE, the kernel's name.
#include "rounding.h"
#include "simd.h"

#define TILE 7

// `input`, `output`, `bias` at the tile's first channel; weights [kernel*kernel][4]. The loop over
// kernel rows is a real one: unrolled, its loads are moved together and spill.
INLINE void tile(const size_t kernel, const size_t stride, const mite_depthwise_args *a,
                 const float *input, const float *weights, const float *bias, float *output) {
    vec sum[TILE];
    UNROLL for (size_t t = 0; t < TILE; t++) sum[t] = load(bias);
    NO_UNROLL for (size_t i = 0; i < kernel; i++) {
        UNROLL for (size_t column = 0; column < (TILE - 1) * stride + kernel; column++) {
            vec x = load(input + column * a->tap_pixel);
            UNROLL for (size_t t = 0; t < TILE; t++) {
                if (column >= t * stride && column - t * stride < kernel)
                    sum[t] = MADD(x, load(weights + (column - t * stride) * 4), sum[t]);
            }
            KEEP_ORDER();
        }
        input += a->tap_row;
        weights += kernel * 4;
    }
    vec lo = splat_f32(&a->lo), hi = splat_f32(&a->hi);
    UNROLL for (size_t t = 0; t < TILE; t++)
        store(output + t * a->out_pixel, clamp_f32(sum[t], lo, hi));
}

typedef void tile_fn(const mite_depthwise_args *a, const float *input, const float *weights,
                     const float *bias, float *output);

#define TILE_OF(kernel, stride)                                                                  \
    NOINLINE void tile_##kernel##x##kernel##_s##stride(const mite_depthwise_args *a,             \
                                                       const float *input, const float *weights, \
                                                       const float *bias, float *output) {       \
        tile(kernel, stride, a, input, weights, bias, output);                                   \
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
            for (size_t c = 0; c < whole; c += 4)
                run_tile(a, in_row + x * a->in_pixel + c, weights + c * taps, bias + c,
                         out_row + x * a->out_pixel + c);
        }
        for (size_t x = 0; x < a->out_width; x++) {
            for (size_t c = run_tile ? whole : 0; c < a->channels; c += 4)
                one_pixel(a, in_row + x * a->in_pixel + c, weights + c * taps, bias + c,
                          out_row + x * a->out_pixel + c,
                          a->channels - c < 4 ? a->channels - c : 4);
        }
    }
}
