// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution of u8 and i8 by the relaxed dot product where it is exact with unsigned
// activations.
#include "versions.h"

#if MITE_HAVE_RELAXED

#define ROWS 4
#define DOT(sum, w, x) wasm_i32x4_relaxed_dot_i8x16_i7x16_add(w, x, sum)
#define WIDE 0
#define DEPTHWISE_U8 mite_depthwise_u8_unsigned
#define OTHER_WINDOWS mite_depthwise_u8_simd128
#include "depthwise_u8_vector.h"

#endif
