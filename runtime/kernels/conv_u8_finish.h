// SPDX-License-Identifier: Apache-2.0
// From the i32 sums of 8 columns to results, for all vector versions of conv_u8.
#ifndef MITE_KERNELS_CONV_U8_FINISH_H
#define MITE_KERNELS_CONV_U8_FINISH_H

#include "rounding.h"
#include "simd.h"

#define MITE_FINISH_ROWS 60 // at most, of one call: a multiple of all tile heights

// `count` pixels of a panel.
typedef struct mite_finished {
    const mite_conv_args *a;
    const int32_t *sums; // [count][8]
    const size_t *output, *residual; // elements from pixel (0,0) to each pixel
    size_t row, count, n, width; // first output pixel and column; how many of the 8 exist
} mite_finished;

typedef void mite_finish_fn(const mite_finished *f);
mite_finish_fn mite_finish_u8, mite_finish_f32, mite_finish_rows;

#endif
