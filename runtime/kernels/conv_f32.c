// SPDX-License-Identifier: Apache-2.0
// Convolution and matrix product in f32: the plain twin.
#include "rounding.h"
#include "versions.h"

// The f32 sums of eight columns at one output pixel. weights: [K][8].
static void sum_panel(const mite_conv_args *a, const float *input, const float *weights,
                      const float *bias, float sum[8]) {
    for (size_t c = 0; c < 8; c++) sum[c] = bias[c];
    for (size_t s = 0; s < a->segment_count; s++) {
        const float *taps = input + a->segments[s];
        for (size_t k = 0; k < a->segment_length; k++, weights += 8) {
            for (size_t c = 0; c < 8; c++) sum[c] += taps[k] * weights[c];
        }
    }
}

void mite_conv_f32_plain(const mite_conv_args *a, size_t row0, size_t row1, size_t column0,
                         size_t column1) {
    size_t depth = a->segment_count * a->segment_length;
    for (size_t m = row0; m < row1; m++) {
        size_t y = m / a->out_width, x = m % a->out_width;
        const float *input = (const float *)a->input + y * a->in_row + x * a->in_pixel;
        float *output = (float *)a->output + y * a->out_row + x * a->out_pixel;
        const float *residual = a->residual;
        if (residual) residual += y * a->residual_row + x * a->residual_pixel;
        for (size_t n = column0; n < column1; n += 8) {
            float sum[8];
            sum_panel(a, input, (const float *)a->weights + n * depth, (const float *)a->bias + n,
                      sum);
            for (size_t c = n; c < n + 8 && c < column1; c++) {
                float value = residual ? sum[c - n] + residual[c] : sum[c - n];
                output[c] = mite_clamp(value, a->lo, a->hi);
            }
        }
    }
}
