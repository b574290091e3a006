// SPDX-License-Identifier: Apache-2.0
// Quantization of f32 while a model runs, as TensorFlow Lite does it: to i8, halves away from zero.
#ifndef MITE_OPS_MORE_DYNAMIC_H
#define MITE_OPS_MORE_DYNAMIC_H

#include <stdbool.h>

typedef struct mite_dynamic {
    float scale, inverse; // inverse 0: everything is 0
    float offset, lo; // the quantum of 0; the least one
} mite_dynamic;

// Of numbers from `least` (0 or below) to `most` (0 or above); `symmetric`: 0 is the quantum of 0.
mite_dynamic mite_dynamic_of(float least, float most, bool symmetric);
float mite_dynamic_quantum(const mite_dynamic *d, float x); // a whole number

#endif
