// SPDX-License-Identifier: Apache-2.0
#include "elementary.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define LN2 0.693147180559945309417
#define LOG2_E 1.44269504088896340736
#define HALF_PI 1.57079632679489661923
#define TWO_BY_SQRT_PI 1.12837916709551257390

// --- e^x ----------------------------------------------------------------------------------------

// 1/k!
static const double coefficients[] = {
    1,
    1,
    1.0 / 2,
    1.0 / 6,
    1.0 / 24,
    1.0 / 120,
    1.0 / 720,
    1.0 / 5040,
    1.0 / 40320,
    1.0 / 362880,
    1.0 / 3628800,
    1.0 / 39916800,
    1.0 / 479001600,
    1.0 / 6227020800,
    1.0 / 87178291200,
    1.0 / 1307674368000,
    1.0 / 20922789888000,
    1.0 / 355687428096000,
};

// Taylor's series of e^x - 1 for |x| < 0.5; the next term is below 1e-17.
static double expm1_near_0(double x) {
    double sum = 0;
    for (size_t k = 14; k > 0; k--) sum = sum * x + coefficients[k];
    return x * sum;
}

static double power_of_two(int64_t exponent) {
    uint64_t bits = (uint64_t)(exponent + 1023) << 52;
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

double mite_f64_exp(double x) {
    if (x != x) return x;
    x = x > 720 ? 720 : x < -760 ? -760 : x;
    // x = n ln 2 + r with |r| <= ln 2 / 2; n times the first piece of ln 2 is exact.
    double n = rint(x * LOG2_E);
    double r = (x - n * 0x1.62e42fee00000p-1) - n * 0x1.a39ef35793c76p-33;
    // 2^n in two factors, as it may lie outside the normal numbers.
    int64_t half = (int64_t)n / 2;
    return (1 + expm1_near_0(r)) * power_of_two(half) * power_of_two((int64_t)n - half);
}

double mite_f64_expm1(double x) { return fabs(x) < 0.5 ? expm1_near_0(x) : mite_f64_exp(x) - 1; }

// --- Logarithms and inverse tangents --------------------------------------------------------------

// s + sign s^3/3 + s^5/5 + ... for |s| < 0.18: atan (sign -1) or atanh (sign 1).
static double inverse_tangent_near_0(double s, double sign) {
    double square = sign * s * s, sum = 0;
    for (int k = 25; k > 0; k -= 2) sum = sum * square + 1.0 / k;
    return s * sum;
}

double mite_f64_log(double x) {
    if (!(x > 0) || x == INFINITY) return x == 0 ? -INFINITY : x < 0 ? NAN : x;
    double scaled = x < 0x1p-1022 ? x * 0x1p54 : x;
    uint64_t bits;
    memcpy(&bits, &scaled, sizeof bits);
    // x = 2^n m with m from about sqrt(1/2) to sqrt(2).
    int64_t n = (int64_t)(bits - 0x3fe6a09e00000000u) >> 52;
    bits -= (uint64_t)n << 52;
    double m;
    memcpy(&m, &bits, sizeof m);
    if (scaled != x) n -= 54;
    return (double)n * LN2 + 2 * inverse_tangent_near_0((m - 1) / (m + 1), 1);
}

double mite_f64_log1p(double x) {
    return fabs(x) < 0.3 ? 2 * inverse_tangent_near_0(x / (2 + x), 1) : mite_f64_log(1 + x);
}

double mite_f64_atan(double x) {
    double a = fabs(x), s = a > 1 ? 1 / a : a;
    for (int halvings = 0; halvings < 3; halvings++) s = s / (1 + sqrt(1 + s * s));
    double angle = 8 * inverse_tangent_near_0(s, -1);
    return copysign(a > 1 ? HALF_PI - angle : angle, x);
}

double mite_f64_asin(double x) { return mite_f64_atan(x / sqrt((1 - x) * (1 + x))); }
double mite_f64_acos(double x) { return 2 * mite_f64_atan(sqrt((1 - x) / (1 + x))); }

// --- Power ----------------------------------------------------------------------------------------

// By squaring: products of small integers are exact.
static double integer_power(double x, double y) {
    double result = 1;
    for (uint32_t n = (uint32_t)fabs(y); n; n >>= 1, x *= x)
        if (n & 1) result *= x;
    return y < 0 ? 1 / result : result;
}

double mite_f64_pow(double x, double y) {
    if (y == 0 || x == 1) return 1;
    double whole = floor(y);
    if (fabs(y) <= 1024 && y == whole) return integer_power(x, y);
    if (fabs(y) <= 1024 && y == whole + 0.5 && x >= 0 && x < INFINITY && (x > 0 || y > 0))
        return integer_power(x, whole) * sqrt(x);
    if (x < 0 && x != -INFINITY && y != whole) return NAN;
    if (x == -1 && fabs(y) == INFINITY) return 1;
    double size = mite_f64_exp(y * mite_f64_log(fabs(x)));
    return signbit(x) && fabs(fmod(y, 2)) == 1 ? -size : size;
}

// --- Sine and cosine ------------------------------------------------------------------------------

// Taylor's series for |r| <= pi/4: the sine's (start 1) or the cosine's (start 0).
static double circle_near_0(double r, size_t start) {
    double sum = 0, square = r * r;
    for (size_t k = 18 + start; k > start;) sum = coefficients[k -= 2] - sum * square;
    return start ? r * sum : sum;
}

// sin(x + quarters pi/2)
static double sine(double x, double quarters) {
    // pi/2 in pieces of 21 bits or fewer: n times a piece is exact for n < 2^31.
    static const double pieces[] = {0x1.921fbp+0, 0x1.5110bp-22, 0x1.18469p-44, 0x1.13198p-65,
                                    0x1.45c06p-86};
    if (!(fabs(x) < INFINITY)) return NAN;
    if (fabs(x) > 3e9) x = fmod(x, 4 * HALF_PI);
    double n = rint(x / HALF_PI);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) x -= n * pieces[i];
    uint32_t quadrant = (uint32_t)(int64_t)(n + quarters) & 3;
    double value = circle_near_0(x, quadrant & 1 ? 0 : 1);
    return quadrant & 2 ? -value : value;
}

double mite_f64_sin(double x) { return sine(x, 0); }
double mite_f64_cos(double x) { return sine(x, 1); }

// --- Hyperbolic functions -------------------------------------------------------------------------

double mite_f64_sinh(double x) {
    double a = fabs(x), e = mite_f64_expm1(a), half = mite_f64_exp(a / 2);
    return copysign(a > 40 ? half * (half / 2) : (e + e / (e + 1)) / 2, x);
}

double mite_f64_cosh(double x) {
    double half = mite_f64_exp(fabs(x) / 2), e = half * half;
    return half * (half / 2) + 1 / e / 2;
}

double mite_f64_tanh(double x) {
    double e = mite_f64_expm1(2 * fabs(x));
    return copysign(fabs(x) > 20 ? 1 : e / (e + 2), x);
}

double mite_f64_asinh(double x) {
    double a = fabs(x);
    if (a > 1e9) return copysign(mite_f64_log(a) + LN2, x);
    return copysign(mite_f64_log1p(a + a * a / (1 + sqrt(a * a + 1))), x);
}

double mite_f64_acosh(double x) {
    double t = x - 1;
    if (!(x >= 1)) return NAN;
    return x > 1e9 ? mite_f64_log(x) + LN2 : mite_f64_log1p(t + sqrt(t * (t + 2)));
}

double mite_f64_atanh(double x) {
    double a = fabs(x);
    return copysign(mite_f64_log1p(2 * a / (1 - a)) / 2, x);
}

// --- Error function -------------------------------------------------------------------------------

// 2/sqrt(pi) e^-x^2 sum of 2^k x^(2k+1) / (2k+1)!!, whose terms are all of one sign
// (Abramowitz and Stegun, 7.1.6).
double mite_f64_erf(double x) {
    double a = fabs(x), term = a, sum = a;
    if (!(a < 6)) return x != x ? x : copysign(1, x);
    for (int k = 3; term > 1e-17 * sum; k += 2) {
        term *= 2 * a * a / k;
        sum += term;
    }
    return copysign(TWO_BY_SQRT_PI * mite_f64_exp(-a * a) * sum, x);
}
