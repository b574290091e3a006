// SPDX-License-Identifier: Apache-2.0
// The constants of e^x and GELU, and the same for one value: what the vector versions compute, in
// the same order, so that rows between integer products have the same bits in every build.
#ifndef MITE_KERNELS_FUNCTIONS_F32_H
#define MITE_KERNELS_FUNCTIONS_F32_H

#include "rounding.h"

// e^x: x = n ln 2 + r with |r| <= ln 2 / 2, the polynomial of least relative error (9.1e-8) for e^r,
// and n into the exponent. 0 below -87.3, 1.7e38 above 88, NaN for NaN.
static const float mite_exp_constants[] = {
    -87.3f,         88.0f,         1.44269504f,  12582912.0f,  0.693359375f, 2.12194440e-4f,
    0.00829031318f, 0.0418979302f, 0.166676357f, 0.499991506f, 0.999999702f, 1.0f,
};

// x P(x^2) / Q(x^2) = erf(x / sqrt 2) / 2 within 7.3e-9 for |x| <= 5.5, where it is 1/2 to f32: a fit
// of least largest error, made by iterated weights.
static const float mite_gelu_constants[] = {
    // of P and Q in turn, from the highest power on; that of Q is 1 at 0
    2.27491910e-8f, 1.19749234e-6f, 6.35203332e-6f, 7.36462389e-5f, 1.68822895e-4f,
    1.88443030e-3f, 4.67724446e-3f, 2.86457445e-2f, 3.38524394e-2f, 2.51521409e-1f,
    3.98942232e-1f, 1.0f,           -5.5f,          5.5f,           0.5f,
};

static const float mite_tanh_constants[] = {
    // -2 sqrt(2/pi) and the same times 0.044715; from where on 0 is the result
    -1.59576912f,
    -0.0713548163f,
    -16.0f,
    1.0f,
};

// The same as mite_gelu_constants with fewer powers, for |x| <= 4.3; and for tanh instead of erf.
static const float mite_rough_constants[2][10] = {
    {0.000443498342f, 0.00294179143f, 0.0295680407f, 0.0432576798f, 0.272789180f, 0.398533493f,
     1.0f, -4.3f, 4.3f, 0.5f},
    {0.000401995785f, 0.00265159062f, 0.0263694320f, 0.0390430242f, 0.263760269f, 0.398639917f,
     1.0f, -4.3f, 4.3f, 0.5f},
};

static inline float mite_exp_f32(float x) {
    const float *c = mite_exp_constants;
    if (x < c[0]) return 0;
    x = mite_clamp(x, c[0], c[1]);
    float shifted = x * c[2] + c[3], n = shifted - c[3];
    float r = (x - n * c[4]) + n * c[5], sum = c[6];
    for (int i = 7; i < 12; i++) sum = sum * r + c[i];
    uint32_t bits, power;
    memcpy(&bits, &sum, sizeof bits);
    memcpy(&power, &shifted, sizeof power);
    bits += power << 23; // what lies above n is shifted out
    memcpy(&sum, &bits, sizeof sum);
    return sum;
}

static inline float mite_gelu_f32(float x) {
    const float *c = mite_gelu_constants;
    float inside = mite_clamp(x, c[12], c[13]), square = inside * inside, p = c[0], q = c[1];
    for (int i = 2; i < 12; i += 2) {
        p = p * square + c[i];
        q = q * square + c[i + 1];
    }
    return (x < c[12] ? c[12] : x) * (inside * p / q + c[14]);
}

static inline float mite_gelu_f32_by_tanh(float x) {
    const float *c = mite_tanh_constants;
    float y = x * (c[0] + x * x * c[1]); // (1 + tanh(z)) / 2 = 1 / (1 + e^(-2z))
    return (x < c[2] ? c[2] : x) / (c[3] + mite_exp_f32(y));
}

static inline float mite_gelu_f32_rough(float x, const float c[10]) {
    float inside = mite_clamp(x, c[7], c[8]), square = inside * inside;
    float p = c[1] * square + c[3], q = c[0] * square + c[2];
    p = p * square + c[5];
    q = q * square + c[4];
    q = q * square + c[6];
    return (x < c[7] ? c[7] : x) * (inside * p / q + c[9]);
}

#endif
