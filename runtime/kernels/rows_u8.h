// SPDX-License-Identifier: Apache-2.0
// Quantization of rows as they come, for one value at a time: the plain twins, and the ends of rows
// that do not fill a vector.
#ifndef MITE_KERNELS_ROWS_U8_H
#define MITE_KERNELS_ROWS_U8_H

#include "rounding.h"
#include "versions.h"

#include <math.h>

typedef struct mite_row_rounding {
    mite_row_quanta quanta;
    float inverse;
} mite_row_rounding;

// Rows of smaller numbers are zeros: the inverse would not be finite.
#define MITE_ROW_NOTHING 1e-36f

static inline mite_row_rounding mite_row_rounding_of(const float range[2], int32_t symmetric) {
    mite_row_rounding r;
    float span = range[1] - range[0], steps = 255.0f, step = 1.0f / 255;
    if (symmetric) {
        span = range[1] > -range[0] ? range[1] : -range[0];
        steps = 127.0f;
        step = 1.0f / 127;
    }
    r.inverse = span > MITE_ROW_NOTHING ? steps / span : 0;
    r.quanta.scale = span * step;
    r.quanta.zero_point = symmetric ? 128 : mite_round(-range[0] * r.inverse, 0);
    return r;
}

// Below any quotient of a row; NaN ends there.
#define MITE_ROW_LEAST (-512.0f)

static inline void mite_quantize_some(uint8_t *out, const float *in, size_t count,
                                      const mite_row_rounding *r) {
    for (size_t i = 0; i < count; i++) {
        float x = in[i] * r->inverse;
        x = MITE_ROW_LEAST < x ? x : MITE_ROW_LEAST;
        out[i] = mite_saturate_u8(mite_round(x, r->quanta.zero_point), 0, 255);
    }
}

// 254 times the polynomial of degree 3 of least relative error (7.5e-5) for 2^x, |x| <= 1/2, from the
// highest power on; the exponent that is as good as -infinity; 1.5 * 2^23.
static const float mite_softmax_u8_constants[] = {
    0.0551716425f * 254, 0.242611125f * 254, 0.693260968f * 254, 0.999928057f * 254, -40.0f,
    MITE_ROUNDING_F32,
};

// The next `count` values, where in[i] - most is rounded beside left[i % 8].
static inline int32_t mite_softmax_u8_some(uint8_t *out, const float *in, size_t count, float most,
                                           float left[8]) {
    const float *c = mite_softmax_u8_constants;
    int32_t sum = 0;
    for (size_t i = 0; i < count; i++) {
        float x = in[i] - most;
        x = c[4] < x ? x : c[4];
        float shifted = x + c[5], f = x - (shifted - c[5]);
        float power = ((c[0] * f + c[1]) * f + c[2]) * f + c[3];
        uint32_t bits, exponent;
        memcpy(&bits, &power, sizeof bits);
        memcpy(&exponent, &shifted, sizeof exponent);
        bits += exponent << 23; // what lies above the number is shifted out
        memcpy(&power, &bits, sizeof power);
        power += left[i % 8];
        shifted = power + c[5];
        left[i % 8] = power - (shifted - c[5]);
        int32_t q = mite_round(power, 0);
        sum += q;
        out[i] = (uint8_t)q;
    }
    return sum;
}

#endif
