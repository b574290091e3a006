// SPDX-License-Identifier: Apache-2.0
// IEEE 754 binary16 ("half") as bits.
#ifndef MITE_BASE_HALF_H
#define MITE_BASE_HALF_H

#include <stdint.h>

// To f32 and back, to nearest even; NaN stays NaN.
float mite_f32_of_f16(uint16_t half);
uint16_t mite_f16_of_f32(float single);

#endif
