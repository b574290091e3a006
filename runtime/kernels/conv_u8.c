// SPDX-License-Identifier: Apache-2.0
// Convolution and matrix product of u8 activations and i8 weights: the plain twins.
#include "rounding.h"
#include "versions.h"

// The i32 sums, wrapping, of eight columns at one output pixel. weights: [K/4][8][4].
static void sum_panel(const mite_conv_args *a, const uint8_t *input, const int8_t *weights,
                      const int32_t *bias, int32_t sum[8]) {
    uint32_t total[8];
    for (size_t c = 0; c < 8; c++) total[c] = (uint32_t)bias[c];
    size_t depth = 0;
    for (size_t s = 0; s < a->segment_count; s++) {
        const uint8_t *taps = input + a->segments[s];
        for (size_t k = 0; k < a->segment_length; k++, depth++) {
            const int8_t *w = weights + depth / 4 * 32 + depth % 4;
            for (size_t c = 0; c < 8; c++) total[c] += (uint32_t)(taps[k] * w[c * 4]);
        }
    }
    for (size_t c = 0; c < 8; c++) sum[c] = (int32_t)total[c];
}

// `row` is the output pixel.
typedef void finish_fn(const mite_conv_args *a, void *output, const void *residual, size_t row,
                       size_t column, int32_t sum);

static void finish_u8(const mite_conv_args *a, void *output, const void *residual, size_t row,
                      size_t column, int32_t sum) {
    (void)row;
    int32_t q = mite_round((float)sum * a->scale[column], a->zero_point);
    if (residual) {
        uint8_t inner = mite_saturate_u8(q, 0, 255);
        q = mite_round_sum(inner, ((const uint8_t *)residual)[column], a->inner_scale,
                           a->residual_scale, a->offset);
    }
    ((uint8_t *)output)[column] = mite_saturate_u8(q, a->q_lo, a->q_hi);
}

static void finish_f32(const mite_conv_args *a, void *output, const void *residual, size_t row,
                       size_t column, int32_t sum) {
    float scale = a->scale[column];
    if (a->row_scale) {
        scale *= a->row_scale[row];
        sum = (int32_t)((uint32_t)sum - (uint32_t)a->row_zero[row] * (uint32_t)a->sums[column]);
    }
    float value = (float)sum * scale;
    if (a->row_scale && a->shift) value += a->shift[column];
    if (residual) value += ((const float *)residual)[column];
    ((float *)output)[column] = mite_clamp(value, a->lo, a->hi);
}

static void conv(const mite_conv_args *a, size_t row0, size_t row1, size_t column0, size_t column1,
                 finish_fn *finish, size_t out_bytes) {
    size_t depth = (a->segment_count * a->segment_length + 3) / 4 * 4;
    for (size_t m = row0; m < row1; m++) {
        size_t y = m / a->out_width, x = m % a->out_width;
        const uint8_t *input = (const uint8_t *)a->input + y * a->in_row + x * a->in_pixel;
        char *output = (char *)a->output + (y * a->out_row + x * a->out_pixel) * out_bytes;
        const char *residual = a->residual;
        if (residual) residual += (y * a->residual_row + x * a->residual_pixel) * out_bytes;
        for (size_t n = column0; n < column1; n += 8) {
            int32_t sum[8];
            sum_panel(a, input, (const int8_t *)a->weights + n * depth,
                      (const int32_t *)a->bias + n, sum);
            for (size_t c = n; c < n + 8 && c < column1; c++) {
                finish(a, output, residual, m, c, sum[c - n]);
            }
        }
    }
}

void mite_conv_u8_plain(const mite_conv_args *a, size_t row0, size_t row1, size_t column0,
                        size_t column1) {
    conv(a, row0, row1, column0, column1, finish_u8, sizeof(uint8_t));
}

void mite_conv_u8_f32_plain(const mite_conv_args *a, size_t row0, size_t row1, size_t column0,
                            size_t column1) {
    conv(a, row0, row1, column0, column1, finish_f32, sizeof(float));
}
