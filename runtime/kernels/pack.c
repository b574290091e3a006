// SPDX-License-Identifier: Apache-2.0
// From rows of weights to the panels that the kernels read, and back (docs/kernels.md draws them).
// One walk over a layout serves both ways: `at` says where element (row, column) lies.
#include "kernels.h"

#include <string.h>

static size_t conv_f32_at(size_t n, size_t k, size_t depth) {
    return (n / 8 * depth + k) * 8 + n % 8; // [N/8][K][8]
}

static size_t conv_i8_at(size_t n, size_t k, size_t depth) {
    size_t quads = (depth + 3) / 4;
    return ((n / 8 * quads + k / 4) * 8 + n % 8) * 4 + k % 4; // [N/8][K/4][8][4]
}

static size_t depthwise_f32_at(size_t tap, size_t c, size_t taps) {
    return (c / 4 * taps + tap) * 4 + c % 4; // [C/4][KH*KW][4]
}

static size_t depthwise_i8_at(size_t i, size_t j, size_t c, size_t kh, size_t kw) {
    size_t row_pairs = (kh + 1) / 2;
    return (((c / 8 * row_pairs + i / 2) * kw + j) * 8 + c % 8) * 2 + i % 2;
}

void mite_pack_conv_f32(float *out, const float *w, size_t n, size_t k) {
    memset(out, 0, (n + 7) / 8 * 8 * k * sizeof *out);
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < k; j++) out[conv_f32_at(i, j, k)] = w[i * k + j];
    }
}

void mite_unpack_conv_f32(float *w, const float *packed, size_t n, size_t k) {
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < k; j++) w[i * k + j] = packed[conv_f32_at(i, j, k)];
    }
}

void mite_pack_conv_i8(int8_t *out, const int8_t *w, size_t n, size_t k) {
    memset(out, 0, (n + 7) / 8 * 8 * ((k + 3) / 4 * 4));
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < k; j++) out[conv_i8_at(i, j, k)] = w[i * k + j];
    }
}

void mite_unpack_conv_i8(int8_t *w, const int8_t *packed, size_t n, size_t k) {
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < k; j++) w[i * k + j] = packed[conv_i8_at(i, j, k)];
    }
}

void mite_pack_depthwise_f32(float *out, const float *w, size_t kh, size_t kw, size_t c) {
    size_t taps = kh * kw;
    memset(out, 0, (c + 3) / 4 * 4 * taps * sizeof *out);
    for (size_t t = 0; t < taps; t++) {
        for (size_t i = 0; i < c; i++) out[depthwise_f32_at(t, i, taps)] = w[t * c + i];
    }
}

void mite_unpack_depthwise_f32(float *w, const float *packed, size_t kh, size_t kw, size_t c) {
    size_t taps = kh * kw;
    for (size_t t = 0; t < taps; t++) {
        for (size_t i = 0; i < c; i++) w[t * c + i] = packed[depthwise_f32_at(t, i, taps)];
    }
}

void mite_pack_depthwise_i8(int8_t *out, const int8_t *w, size_t kh, size_t kw, size_t c) {
    memset(out, 0, (c + 7) / 8 * 8 * ((kh + 1) / 2 * 2) * kw);
    for (size_t i = 0; i < kh; i++) {
        for (size_t j = 0; j < kw; j++) {
            const int8_t *row = w + (i * kw + j) * c;
            for (size_t n = 0; n < c; n++) out[depthwise_i8_at(i, j, n, kh, kw)] = row[n];
        }
    }
}

void mite_unpack_depthwise_i8(int8_t *w, const int8_t *packed, size_t kh, size_t kw, size_t c) {
    for (size_t i = 0; i < kh; i++) {
        for (size_t j = 0; j < kw; j++) {
            int8_t *row = w + (i * kw + j) * c;
            for (size_t n = 0; n < c; n++) row[n] = packed[depthwise_i8_at(i, j, n, kh, kw)];
        }
    }
}
