// SPDX-License-Identifier: Apache-2.0
// Rows of values: the plain twins, which also do the last values that do not fill a vector.
#include "rounding.h"
#include "versions.h"

void mite_add_f32_plain(float *out, const float *a, const float *b, size_t count, float lo,
                        float hi) {
    for (size_t i = 0; i < count; i++) out[i] = mite_clamp(a[i] + b[i], lo, hi);
}

void mite_add_u8_plain(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t count,
                       const mite_add_u8_args *args) {
    for (size_t i = 0; i < count; i++) {
        int32_t q = mite_round_sum(a[i], b[i], args->a_scale, args->b_scale, args->offset);
        out[i] = mite_saturate_u8(q, args->lo, args->hi);
    }
}

void mite_clamp_f32_plain(float *out, const float *in, size_t count, float lo, float hi) {
    for (size_t i = 0; i < count; i++) out[i] = mite_clamp(in[i], lo, hi);
}

void mite_quantize_plain(uint8_t *out, const float *in, size_t count, float scale,
                         int32_t zero_point) {
    for (size_t i = 0; i < count; i++) {
        float r = in[i] / scale;
        r = MITE_QUANTIZE_MIN < r ? r : MITE_QUANTIZE_MIN; // NaN ends here
        r = MITE_QUANTIZE_MAX < r ? MITE_QUANTIZE_MAX : r;
        out[i] = mite_saturate_u8(mite_round(r, zero_point), 0, 255);
    }
}

void mite_dequantize_plain(float *out, const uint8_t *in, size_t count, float scale,
                           int32_t zero_point) {
    for (size_t i = 0; i < count; i++) {
        out[i] = (float)(int32_t)(in[i] - (uint32_t)zero_point) * scale;
    }
}

void mite_range_f32_plain(const float *in, size_t count, float range[2]) {
    for (size_t i = 0; i < count; i++) {
        range[0] = in[i] < range[0] ? in[i] : range[0];
        range[1] = range[1] < in[i] ? in[i] : range[1];
    }
}

// The only version: sixteen table vectors and as many swizzles are no faster than loads.
void mite_lookup_u8_plain(uint8_t *out, const uint8_t *in, size_t count, const uint8_t table[256]) {
    for (size_t i = 0; i < count; i++) out[i] = table[in[i]];
}
