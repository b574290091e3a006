// SPDX-License-Identifier: Apache-2.0
// Rows of activations that are quantized as they come: the plain twins, and the choice.
#include "../base/status.h"
#include "rows_u8.h"

#if MITE_HAVE_PLAIN

mite_row_quanta mite_quantize_row_plain(uint8_t *out, const float *in, size_t count,
                                        int32_t symmetric) {
    float range[2] = {0, 0};
    mite_range_f32_plain(in, count, range);
    mite_row_rounding r = mite_row_rounding_of(range, symmetric);
    mite_quantize_some(out, in, count, &r);
    return r.quanta;
}

void mite_quantize_columns_plain(int8_t *out, float *scale, const float *in, size_t rows,
                                 size_t columns, size_t step) {
    size_t depth = (rows + 3) / 4 * 4;
    for (size_t n = 0; n < (columns + 7) / 8 * 8; n++) {
        float range[2] = {0, 0};
        if (n < columns)
            for (size_t i = 0; i < rows; i++) mite_range_f32_plain(in + i * step + n, 1, range);
        mite_row_rounding r = mite_row_rounding_of(range, 1);
        scale[n] = r.quanta.scale;
        for (size_t i = 0; i < depth; i++) {
            uint8_t q = 128;
            if (n < columns && i < rows) mite_quantize_some(&q, in + i * step + n, 1, &r);
            out[(n / 8 * depth + i / 4 * 4) * 8 + n % 8 * 4 + i % 4] = (int8_t)(q ^ 0x80);
        }
    }
}

int32_t mite_softmax_u8_plain(uint8_t *out, const float *in, size_t count) {
    float most = -INFINITY, left[8] = {0};
    for (size_t i = 0; i < count; i++) most = in[i] > most ? in[i] : most;
    return mite_softmax_u8_some(out, in, count, most, left);
}

#endif

void mite_row_kernels_fill(mite_row_kernels *k, int32_t isa) {
    (void)isa; // where the build has one version only
#if MITE_HAVE_SIMD128
    *k = (mite_row_kernels){mite_quantize_row_simd128, mite_quantize_columns_simd128,
                            mite_softmax_u8_simd128};
#endif
#if MITE_HAVE_PLAIN
    if (isa == MITE_ISA_PLAIN || !MITE_HAVE_SIMD128)
        *k = (mite_row_kernels){mite_quantize_row_plain, mite_quantize_columns_plain,
                                mite_softmax_u8_plain};
#endif
}
