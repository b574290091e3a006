// SPDX-License-Identifier: Apache-2.0
#include "../base/status.h"
#include "versions.h"

#if MITE_HAVE_PLAIN
void mite_expand_f32_plain(float *out, const uint8_t *q, size_t depth, int32_t bits,
                           const float *scale, const uint8_t *zero) {
    for (size_t k = 0; k < depth; k++) {
        for (size_t c = 0; c < 8; c++) {
            int32_t number = bits == 4 ? q[k / 2 * 8 + c] >> (k % 2 * 4) & 15 : q[k * 8 + c];
            out[k * 8 + c] = (float)(number - zero[c]) * scale[c];
        }
    }
}
#endif

mite_expand_f32_fn *mite_expand_f32_for(int32_t isa) {
    (void)isa;
#if MITE_HAVE_PLAIN
    if (isa == MITE_ISA_PLAIN || !MITE_HAVE_SIMD128) return mite_expand_f32_plain;
#endif
#if MITE_HAVE_SIMD128
    return mite_expand_f32_simd128;
#endif
}
