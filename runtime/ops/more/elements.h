// SPDX-License-Identifier: Apache-2.0
// Elements of every type, a run at a time, as f64 or as i64: what lets one piece of code serve all
// of them. An operator of more/ loads a run of each operand, computes, and stores; u64 keep their
// bits in i64, so that sums and products wrap rightly, and only what depends on the sign
// (division, comparison, conversion) has to ask mite_is_unsigned.
//
// f32 results of +, -, *, / and square root are the same as in f32 arithmetic: rounding f64 results
// of f32 operands once more changes nothing (Figueroa, When is double rounding innocuous?, 1995).
#ifndef MITE_OPS_MORE_ELEMENTS_H
#define MITE_OPS_MORE_ELEMENTS_H

#include "../../base/half.h"
#include "../op.h"

#define MITE_RUN 256 // elements an operator takes at a time, on its stack

bool mite_is_real(mite_dtype dtype); // f16, f32, f64
bool mite_is_unsigned(mite_dtype dtype); // u8, u16, u32, u64, bool

// The unsigned type of this width (1, 2, 4 or 8 bytes), to move elements of any type as bits.
mite_dtype mite_bits_of_width(size_t bytes);
// The range of an integer type, u64's cut at INT64_MAX; bool: 0 and 1.
void mite_integer_range(mite_dtype dtype, int64_t *low, int64_t *high);

// `stride` in elements, 0 to repeat one. Integers become the nearest f64, bools 0 or 1.
void mite_load_reals(double *out, const void *in, mite_dtype dtype, ptrdiff_t stride, size_t count);
// Real types round to nearest even (f64 to f16 by way of f32); integer types truncate toward zero
// and saturate, NaN giving 0; bool is whether the number is not 0.
void mite_store_reals(void *out, mite_dtype dtype, ptrdiff_t stride, const double *in,
                      size_t count);
// Real numbers truncate toward zero and saturate, NaN giving 0.
void mite_load_integers(int64_t *out, const void *in, mite_dtype dtype, ptrdiff_t stride,
                        size_t count);
// Integer types keep the low bits; bool is whether the number is not 0; real types round.
void mite_store_integers(void *out, mite_dtype dtype, ptrdiff_t stride, const int64_t *in,
                         size_t count);

#endif
