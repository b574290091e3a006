// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution in f32 with multiply-add in one instruction, where the machine has it.
#include "versions.h"

#if MITE_HAVE_RELAXED

#define MADD(x, y, sum) wasm_f32x4_relaxed_madd(x, y, sum)
#define DEPTHWISE mite_depthwise_f32_relaxed
#include "depthwise_f32_vector.h"

#endif
