// SPDX-License-Identifier: Apache-2.0
// Pooling: the plain twins, which also do the channels left over by the vector versions.
#include "pool_window.h"
#include "rounding.h"
#include "versions.h"

void mite_max_pool_f32_plain(const mite_pool_args *a, size_t y0, size_t y1) {
    for (size_t y = y0; y < y1; y++) {
        for (size_t x = 0; x < a->out_width; x++) {
            pool_window w = pool_window_at(a, y, x);
            const float *input = (const float *)a->input + w.offset;
            float *output = (float *)a->output + y * a->out_row + x * a->out_pixel;
            for (size_t c = 0; c < a->channels; c++) {
                float best = w.height && w.width ? input[c] : 0.0f;
                for (size_t i = 0; i < w.height; i++) {
                    for (size_t j = 0; j < w.width; j++) {
                        float value = input[i * a->in_row + j * a->in_pixel + c];
                        best = best < value ? value : best;
                    }
                }
                output[c] = best;
            }
        }
    }
}

void mite_max_pool_u8_plain(const mite_pool_args *a, size_t y0, size_t y1) {
    for (size_t y = y0; y < y1; y++) {
        for (size_t x = 0; x < a->out_width; x++) {
            pool_window w = pool_window_at(a, y, x);
            const uint8_t *input = (const uint8_t *)a->input + w.offset;
            uint8_t *output = (uint8_t *)a->output + y * a->out_row + x * a->out_pixel;
            for (size_t c = 0; c < a->channels; c++) {
                uint8_t best = 0;
                for (size_t i = 0; i < w.height; i++) {
                    for (size_t j = 0; j < w.width; j++) {
                        uint8_t value = input[i * a->in_row + j * a->in_pixel + c];
                        best = best < value ? value : best;
                    }
                }
                output[c] = best;
            }
        }
    }
}

void mite_average_pool_f32_plain(const mite_pool_args *a, size_t y0, size_t y1) {
    for (size_t y = y0; y < y1; y++) {
        for (size_t x = 0; x < a->out_width; x++) {
            pool_window w = pool_window_at(a, y, x);
            const float *input = (const float *)a->input + w.offset;
            float *output = (float *)a->output + y * a->out_row + x * a->out_pixel;
            for (size_t c = 0; c < a->channels; c++) {
                float sum = 0.0f;
                for (size_t i = 0; i < w.height; i++) {
                    for (size_t j = 0; j < w.width; j++) {
                        sum += input[i * a->in_row + j * a->in_pixel + c];
                    }
                }
                output[c] = sum / w.count;
            }
        }
    }
}

void mite_average_pool_u8_plain(const mite_pool_args *a, size_t y0, size_t y1) {
    for (size_t y = y0; y < y1; y++) {
        for (size_t x = 0; x < a->out_width; x++) {
            pool_window w = pool_window_at(a, y, x);
            float zero = pool_zero_sum(a, &w), scale = a->ratio / w.count;
            const uint8_t *input = (const uint8_t *)a->input + w.offset;
            uint8_t *output = (uint8_t *)a->output + y * a->out_row + x * a->out_pixel;
            for (size_t c = 0; c < a->channels; c++) {
                uint32_t sum = 0;
                for (size_t i = 0; i < w.height; i++) {
                    for (size_t j = 0; j < w.width; j++) {
                        sum += input[i * a->in_row + j * a->in_pixel + c];
                    }
                }
                float centred = (float)(int32_t)sum - zero;
                int32_t q = mite_round(centred * scale, a->out_zero_point);
                output[c] = mite_saturate_u8(q, 0, 255);
            }
        }
    }
}
