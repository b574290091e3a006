// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution of u8 activations and i8 weights: the plain twin, which also does the
// channels that are left over by the vector versions.
#include "rounding.h"
#include "versions.h"

void mite_depthwise_u8_plain(const mite_depthwise_args *a, size_t y0, size_t y1) {
    size_t row_pairs = (a->kernel_h + 1) / 2;
    const int32_t *bias = a->bias;
    for (size_t y = y0; y < y1; y++) {
        for (size_t x = 0; x < a->out_width; x++) {
            const uint8_t *input = (const uint8_t *)a->input + y * a->in_row + x * a->in_pixel;
            uint8_t *output = (uint8_t *)a->output + y * a->out_row + x * a->out_pixel;
            for (size_t c = 0; c < a->channels; c++) {
                // [C/8][ceil(KH/2)][KW][8][2]
                const int8_t *panel =
                    (const int8_t *)a->weights + c / 8 * row_pairs * a->kernel_w * 16 + c % 8 * 2;
                uint32_t sum = (uint32_t)bias[c];
                for (size_t i = 0; i < a->kernel_h; i++) {
                    for (size_t j = 0; j < a->kernel_w; j++) {
                        int32_t w = panel[(i / 2 * a->kernel_w + j) * 16 + i % 2];
                        sum += (uint32_t)(input[i * a->tap_row + j * a->tap_pixel + c] * w);
                    }
                }
                int32_t q = mite_round((float)(int32_t)sum * a->scale[c], a->zero_point);
                output[c] = mite_saturate_u8(q, a->q_lo, a->q_hi);
            }
        }
    }
}
