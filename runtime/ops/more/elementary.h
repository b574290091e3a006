// SPDX-License-Identifier: Apache-2.0
// Elementary functions in f64, for results of every real type: a few primitives (the series of
// e^x, of the arctangent and its hyperbolic sister, of sine and cosine) and everything else by
// identities that do not cancel. Written out here because the C library's would be several times
// as large in the module. They use additions, multiplications, divisions, square roots and bits
// alone, so that results are the same in every build.
//
// Relative errors are below 1e-14 (power: 1e-12; sine, cosine: absolute). Sines of arguments above
// 3e9 lose digits.
#ifndef MITE_OPS_MORE_ELEMENTARY_H
#define MITE_OPS_MORE_ELEMENTARY_H

double mite_f64_exp(double x);
double mite_f64_expm1(double x); // e^x - 1
double mite_f64_log(double x);
double mite_f64_log1p(double x); // log(1 + x)
double mite_f64_pow(double x, double y); // as C's; exact for small integers

double mite_f64_sin(double x);
double mite_f64_cos(double x);
double mite_f64_asin(double x);
double mite_f64_acos(double x);
double mite_f64_atan(double x);

double mite_f64_sinh(double x);
double mite_f64_cosh(double x);
double mite_f64_tanh(double x);
double mite_f64_asinh(double x);
double mite_f64_acosh(double x);
double mite_f64_atanh(double x);

double mite_f64_erf(double x);

#endif
