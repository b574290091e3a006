// SPDX-License-Identifier: Apache-2.0
// Rows of what transformers do between products: the plain twins; and the choice of those that are
// not in the table.
#include "../base/status.h"
#include "versions.h"

#include <math.h>

#if MITE_HAVE_PLAIN
void mite_softmax_f32_plain(float *out, const float *in, size_t count) {
    float most = -INFINITY, sum = 0;
    for (size_t i = 0; i < count; i++) most = in[i] > most ? in[i] : most;
    for (size_t i = 0; i < count; i++) sum += out[i] = expf(in[i] - most);
    for (size_t i = 0; i < count; i++) out[i] /= sum;
}

void mite_layer_norm_f32_plain(float *out, const float *in, size_t count, float epsilon,
                               const float *scale, const float *shift) {
    double sum = 0, squares = 0;
    for (size_t i = 0; i < count; i++) sum += (double)in[i];
    double mean = sum / (double)count;
    for (size_t i = 0; i < count; i++) {
        double x = (double)in[i] - mean;
        squares += x * x;
    }
    double factor = 1 / sqrt(squares / (double)count + (double)epsilon);
    for (size_t i = 0; i < count; i++) {
        float x = (float)(((double)in[i] - mean) * factor);
        if (scale) x *= scale[i];
        out[i] = shift ? x + shift[i] : x;
    }
}

void mite_gelu_f32_plain(float *out, const float *in, size_t count, int32_t by_tanh) {
    for (size_t i = 0; i < count; i++) {
        double x = (double)in[i];
        double y = by_tanh ? tanh(0.79788456080286535588 * (x + 0.044715 * x * x * x))
                           : erf(x * 0.70710678118654752440);
        out[i] = (float)(0.5 * x * (1 + y));
    }
}
#endif

mite_layer_norm_f32_fn *mite_layer_norm_f32_for(int32_t isa) {
    (void)isa; // where the build has one version only
#if MITE_HAVE_PLAIN
    if (isa == MITE_ISA_PLAIN || !MITE_HAVE_SIMD128) return mite_layer_norm_f32_plain;
#endif
#if MITE_HAVE_SIMD128
    return mite_layer_norm_f32_simd128;
#endif
}

mite_gelu_f32_fn *mite_gelu_f32_for(int32_t isa) {
    (void)isa;
#if MITE_HAVE_PLAIN
    if (isa == MITE_ISA_PLAIN || !MITE_HAVE_SIMD128) return mite_gelu_f32_plain;
#endif
#if MITE_HAVE_SIMD128
    return mite_gelu_f32_simd128;
#endif
}

void mite_pack_product_f32(float *out, const float *b, size_t n, size_t k, size_t n_step,
                           size_t k_step, float scale) {
    for (size_t column = 0; column < n; column += 8) {
        size_t width = n - column < 8 ? n - column : 8;
        for (size_t i = 0; i < k; i++, out += 8) {
            const float *from = b + column * n_step + i * k_step;
            if (width == 8 && n_step == 1) {
                for (size_t c = 0; c < 8; c++) out[c] = from[c] * scale;
                continue;
            }
            for (size_t c = 0; c < 8; c++) out[c] = c < width ? from[c * n_step] * scale : 0;
        }
    }
}
