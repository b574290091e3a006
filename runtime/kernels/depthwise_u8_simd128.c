// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution of u8 activations and i8 weights by tiles of 4 output pixels of a row x 8
// channels. Two kernel rows are interleaved, so that one 16-bit product pair sums both.
#include "rounding.h"
#include "simd.h"

#if MITE_HAVE_SIMD128

#define TILE 4
#define MAX_TAPS 32      // row pairs x kernel columns that fit the widened weights: 7x7 and less
#define BAND_BYTES 32768 // of input that is walked again for every 8 channels

// Weights of 8 channels, widened once a band: [row pairs][KW][8][2].
typedef struct wide_weights {
    int16_t taps[MAX_TAPS * 16];
} wide_weights;

static void widen(wide_weights *to, const int8_t *from, size_t taps) {
    for (size_t i = 0; i < taps; i++) {
        vec w = load(from + i * 16);
        store(to->taps + i * 16, wasm_i16x8_extend_low_i8x16(w));
        store(to->taps + i * 16 + 8, wasm_i16x8_extend_high_i8x16(w));
    }
}

INLINE void finish(const mite_depthwise_args *a, const float *scale, uint8_t *output, vec low,
                   vec high) {
    rounding to = rounding_to(&a->zero_point);
    vec q =
        narrow_u8(round_scaled(low, load(scale), &to), round_scaled(high, load(scale + 4), &to));
    q = wasm_u8x16_min(wasm_u8x16_max(q, wasm_v128_load8_splat(&a->q_lo)),
                       wasm_v128_load8_splat(&a->q_hi));
    wasm_v128_store64_lane(output, q, 0);
}

// Pixels `first` and `second`, one from each of two kernel rows, as pairs of 16 bits.
#define PAIRS(first, second)                                                    \
    vec upper = wasm_u16x8_load8x8(first), lower = wasm_u16x8_load8x8(second);  \
    vec pairs_low = wasm_i16x8_shuffle(upper, lower, 0, 8, 1, 9, 2, 10, 3, 11); \
    vec pairs_high = wasm_i16x8_shuffle(upper, lower, 4, 12, 5, 13, 6, 14, 7, 15);

#define ADD_PRODUCTS(low, high, w)                                       \
    low = wasm_i32x4_add(low, wasm_i32x4_dot_i16x8(pairs_low, load(w))); \
    high = wasm_i32x4_add(high, wasm_i32x4_dot_i16x8(pairs_high, load((w) + 8)));

// With an odd kernel the last pair has one row; its partner's weights are zero, and the row itself
// stands in for it so that nothing outside the window is read.
INLINE void tile(const size_t kernel, const size_t stride, const mite_depthwise_args *a,
                 const uint8_t *input, const int16_t *weights, size_t c, uint8_t *output) {
    const int32_t *bias = (const int32_t *)a->bias + c;
    vec low[TILE], high[TILE];
    UNROLL for (size_t t = 0; t < TILE; t++) low[t] = load(bias), high[t] = load(bias + 4);
    NO_UNROLL for (size_t i = 0; i < kernel; i += 2) {
        const uint8_t *next = i + 1 < kernel ? input + a->tap_row : input;
        UNROLL for (size_t column = 0; column < (TILE - 1) * stride + kernel; column++) {
            PAIRS(input + column * a->tap_pixel, next + column * a->tap_pixel)
            UNROLL for (size_t t = 0; t < TILE; t++) {
                if (column >= t * stride && column - t * stride < kernel) {
                    const int16_t *w = weights + (column - t * stride) * 16;
                    ADD_PRODUCTS(low[t], high[t], w)
                }
            }
            KEEP_ORDER();
        }
        input += 2 * a->tap_row;
        weights += kernel * 16;
    }
    UNROLL for (size_t t = 0; t < TILE; t++)
        finish(a, a->scale + c, output + t * a->out_pixel, low[t], high[t]);
}

typedef void tile_fn(const mite_depthwise_args *a, const uint8_t *input, const int16_t *weights,
                     size_t c, uint8_t *output);

#define TILE_OF(kernel, stride)                                                               \
    NOINLINE void tile_##kernel##x##kernel##_s##stride(                                       \
        const mite_depthwise_args *a, const uint8_t *input, const int16_t *weights, size_t c, \
        uint8_t *output) {                                                                    \
        tile(kernel, stride, a, input, weights, c, output);                                   \
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

// Any window with at most MAX_TAPS taps: one pixel.
NOINLINE void one_pixel(const mite_depthwise_args *a, const uint8_t *input, const int16_t *weights,
                        size_t c, uint8_t *output) {
    const int32_t *bias = (const int32_t *)a->bias + c;
    vec low = load(bias), high = load(bias + 4);
    for (size_t i = 0; i < a->kernel_h; i += 2) {
        const uint8_t *first = input + i * a->tap_row;
        const uint8_t *second = i + 1 < a->kernel_h ? first + a->tap_row : first;
        for (size_t j = 0; j < a->kernel_w; j++, weights += 16) {
            PAIRS(first + j * a->tap_pixel, second + j * a->tap_pixel)
            ADD_PRODUCTS(low, high, weights)
        }
    }
    finish(a, a->scale + c, output, low, high);
}

static void eight_channels(const mite_depthwise_args *a, const wide_weights *w, tile_fn *run_tile,
                           size_t c, size_t y0, size_t y1) {
    for (size_t y = y0; y < y1; y++) {
        const uint8_t *in_row = (const uint8_t *)a->input + y * a->in_row + c;
        uint8_t *out_row = (uint8_t *)a->output + y * a->out_row + c;
        for (size_t x = 0; x < a->out_width; x += run_tile ? TILE : 1) {
            if (!run_tile) {
                one_pixel(a, in_row + x * a->in_pixel, w->taps, c, out_row + x * a->out_pixel);
                continue;
            }
            // The last tile of a row overlaps the one before it and computes the same again.
            if (x + TILE > a->out_width) x = a->out_width - TILE;
            run_tile(a, in_row + x * a->in_pixel, w->taps, c, out_row + x * a->out_pixel);
        }
    }
}

// Channels from `whole` on: those that do not fill a vector, or all of an unusually large window.
static void other_channels(const mite_depthwise_args *a, size_t whole, size_t y0, size_t y1) {
    mite_depthwise_args rest = *a;
    size_t row_pairs = (a->kernel_h + 1) / 2;
    rest.channels -= whole;
    rest.input = (const uint8_t *)a->input + whole;
    rest.output = (uint8_t *)a->output + whole;
    rest.weights = (const int8_t *)a->weights + whole * row_pairs * a->kernel_w * 2;
    rest.bias = (const int32_t *)a->bias + whole;
    rest.scale = a->scale + whole;
    mite_depthwise_u8_plain(&rest, y0, y1);
}

void mite_depthwise_u8_simd128(const mite_depthwise_args *a, size_t y0, size_t y1) {
    size_t taps = (a->kernel_h + 1) / 2 * a->kernel_w;
    size_t whole = taps <= MAX_TAPS ? a->channels / 8 * 8 : 0;
    tile_fn *run_tile = a->out_width >= TILE ? tile_for(a) : NULL;
    size_t band = a->in_row ? BAND_BYTES / a->in_row : y1 - y0;
    band = band ? band : 1;
    for (size_t y = y0; y < y1; y += band) {
        size_t end = y1 - y < band ? y1 : y + band;
        for (size_t c = 0; c < whole; c += 8) {
            wide_weights w;
            widen(&w, (const int8_t *)a->weights + c * taps * 2, taps);
            eight_channels(a, &w, run_tile, c, y, end);
        }
    }
    if (whole < a->channels) other_channels(a, whole, y0, y1);
}

#endif
