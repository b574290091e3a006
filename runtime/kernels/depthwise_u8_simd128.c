// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution of u8 and i8 by 16-bit products, exact for all of them: two rows a product.
#include "versions.h"

#if MITE_HAVE_SIMD128

#define ROWS 2
#define DOT(sum, w, x) wasm_i32x4_add(sum, wasm_i32x4_dot_i16x8(w, x))
#define WIDE 1
#define DEPTHWISE_U8 mite_depthwise_u8_simd128
#define OTHER_WINDOWS other_windows
static void other_windows(const mite_depthwise_args *a, size_t y0, size_t y1);
#include "depthwise_u8_vector.h"

// Any window, one pixel of 16 channels after another. With an odd kernel the last row stands in for
// its partner, whose weights are zero.
static void other_windows(const mite_depthwise_args *a, size_t y0, size_t y1) {
    size_t taps = (a->kernel_h + 1) / 2 * a->kernel_w * 2;
    lane l = {.a = a};
    room r;
    for (size_t y = y0; y < y1; y++) {
        for (size_t x = 0; x < a->out_width; x++) {
            const uint8_t *input = (const uint8_t *)a->input + y * a->in_row + x * a->in_pixel;
            uint8_t *output = (uint8_t *)a->output + y * a->out_row + x * a->out_pixel;
            for (l.c = 0; l.c < a->channels; l.c += 8) {
                const int8_t *w = (const int8_t *)a->weights + l.c * taps;
                const int32_t *bias = (const int32_t *)a->bias + l.c;
                vec low = load(bias), high = load(bias + 4);
                l.width = a->channels - l.c < 8 ? a->channels - l.c : 8;
                for (size_t i = 0; i < a->kernel_h; i += 2) {
                    const uint8_t *first = input + i * a->tap_row + l.c;
                    const uint8_t *second = i + 1 < a->kernel_h ? first + a->tap_row : first;
                    for (size_t j = 0; j < a->kernel_w; j++, w += 16) {
                        vec pairs = ZIP_LOW(load_channels(first + j * a->tap_pixel, l.width),
                                            load_channels(second + j * a->tap_pixel, l.width));
                        vec taps8 = load(w);
                        low = DOT(low, wasm_i16x8_extend_low_i8x16(taps8),
                                  wasm_u16x8_extend_low_u8x16(pairs));
                        high = DOT(high, wasm_i16x8_extend_high_i8x16(taps8),
                                   wasm_u16x8_extend_high_u8x16(pairs));
                    }
                }
                store(r.sums, low);
                store(r.sums + 4, high);
                memcpy(r.scale, a->scale + l.c, 8 * sizeof *r.scale);
                finish_row(&l, &r, output + l.c, 1);
            }
        }
    }
}

#endif
