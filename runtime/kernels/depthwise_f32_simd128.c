// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution in f32 with a multiplication and an addition, rounded each.
#include "versions.h"

#if MITE_HAVE_SIMD128

#define MADD(x, y, sum) wasm_f32x4_add(sum, wasm_f32x4_mul(x, y))
#define DEPTHWISE mite_depthwise_f32_simd128
#include "depthwise_f32_vector.h"

#endif
