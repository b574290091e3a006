// SPDX-License-Identifier: Apache-2.0
// Rows of what transformers do between products: the plain twins; and the choice of those that are
// not in the table.
#include "../base/status.h"
#include "functions_f32.h"
#include "versions.h"

#include <math.h>

#if MITE_HAVE_PLAIN
// Sums have four lanes, added up at the end, and a rest: those of the vector versions.
typedef struct lanes {
    float sum[4];
    size_t whole; // of `count`, in lanes
} lanes;

static float total(const lanes *l) { return (l->sum[0] + l->sum[1]) + (l->sum[2] + l->sum[3]); }

void mite_softmax_f32_plain(float *out, const float *in, size_t count) {
    lanes l = {.whole = count / 4 * 4};
    float most = -INFINITY;
    for (size_t i = 0; i < count; i++) most = in[i] > most ? in[i] : most;
    for (size_t i = 0; i < count; i++) out[i] = mite_exp_f32(in[i] - most);
    for (size_t i = 0; i < l.whole; i++) l.sum[i % 4] += out[i];
    float all = total(&l);
    for (size_t i = l.whole; i < count; i++) all += out[i];
    all = 1 / all;
    for (size_t i = 0; i < count; i++) out[i] *= all;
}

void mite_layer_norm_f32_plain(float *out, const float *in, size_t count, float epsilon,
                               const float *scale, const float *shift) {
    lanes sum = {.whole = count / 4 * 4}, squares = sum;
    for (size_t i = 0; i < sum.whole; i++) sum.sum[i % 4] += in[i];
    float mean = total(&sum);
    for (size_t i = sum.whole; i < count; i++) mean += in[i];
    mean /= (float)count;
    for (size_t i = 0; i < sum.whole; i++) squares.sum[i % 4] += (in[i] - mean) * (in[i] - mean);
    float factor = total(&squares);
    for (size_t i = sum.whole; i < count; i++) factor += (in[i] - mean) * (in[i] - mean);
    factor = 1 / sqrtf(factor / (float)count + epsilon);
    for (size_t i = 0; i < count; i++) {
        float x = (in[i] - mean) * factor;
        if (scale) x *= scale[i];
        out[i] = shift ? x + shift[i] : x;
    }
}

void mite_gelu_f32_plain(float *out, const float *in, size_t count, mite_gelu_kind kind) {
    for (size_t i = 0; i < count; i++) {
        if (kind == MITE_GELU) out[i] = mite_gelu_f32(in[i]);
        else if (kind == MITE_GELU_BY_TANH) out[i] = mite_gelu_f32_by_tanh(in[i]);
        else out[i] = mite_gelu_f32_rough(in[i], mite_rough_constants[kind - MITE_GELU_ROUGH]);
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
