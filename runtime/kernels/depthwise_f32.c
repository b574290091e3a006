// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution in f32: the plain twin, which also does the channels that are left over
// by the vector versions.
#include "rounding.h"
#include "versions.h"

void mite_depthwise_f32_plain(const mite_depthwise_args *a, size_t y0, size_t y1) {
    size_t taps = a->kernel_h * a->kernel_w;
    const float *bias = a->bias;
    for (size_t y = y0; y < y1; y++) {
        for (size_t x = 0; x < a->out_width; x++) {
            const float *input = (const float *)a->input + y * a->in_row + x * a->in_pixel;
            float *output = (float *)a->output + y * a->out_row + x * a->out_pixel;
            for (size_t c = 0; c < a->channels; c++) {
                // [C/4][KH*KW][4]
                const float *w = (const float *)a->weights + c / 4 * taps * 4 + c % 4;
                float sum = bias[c];
                for (size_t i = 0; i < a->kernel_h; i++) {
                    for (size_t j = 0; j < a->kernel_w; j++, w += 4) {
                        sum += input[i * a->tap_row + j * a->tap_pixel + c] * *w;
                    }
                }
                output[c] = mite_clamp(sum, a->lo, a->hi);
            }
        }
    }
}
