// SPDX-License-Identifier: Apache-2.0
// Where a pooling window lies after it has been cut at the picture; shared by all versions.
#ifndef MITE_KERNELS_POOL_WINDOW_H
#define MITE_KERNELS_POOL_WINDOW_H

#include "kernels.h"

typedef struct pool_window {
    size_t offset;        // of its first pixel in the input, in elements
    size_t height, width; // what is left of it; 0 where it lies outside
    float count;          // divisor of an average, at least 1
} pool_window;

// The part of [position*stride - pad, + kernel) that lies in [0, extent).
static inline void pool_cut(size_t position, size_t stride, size_t pad, size_t kernel,
                            size_t extent, size_t *first, size_t *length) {
    size_t begin = position * stride, end = begin + kernel;
    begin = begin < pad ? 0 : begin - pad;
    end = end < pad ? 0 : end - pad;
    end = end > extent ? extent : end;
    *first = begin < end ? begin : 0;
    *length = begin < end ? end - begin : 0;
}

static inline pool_window pool_window_at(const mite_pool_args *a, size_t y, size_t x) {
    pool_window w;
    size_t top, left;
    pool_cut(y, a->stride_h, a->pad_top, a->kernel_h, a->in_height, &top, &w.height);
    pool_cut(x, a->stride_w, a->pad_left, a->kernel_w, a->in_width, &left, &w.width);
    w.offset = top * a->in_row + left * a->in_pixel;
    size_t count = a->count_padding ? a->kernel_h * a->kernel_w : w.height * w.width;
    w.count = count ? (float)count : 1.0f;
    return w;
}

// What the zero point adds to the sum of a window.
static inline float pool_zero_sum(const mite_pool_args *a, const pool_window *w) {
    return (float)(int32_t)((uint32_t)(w->height * w->width) * (uint32_t)a->in_zero_point);
}

#endif
