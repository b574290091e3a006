// SPDX-License-Identifier: Apache-2.0
#include "spatial.h"

enum {
    STRIDES,
    DILATIONS = MITE_SPATIAL_MAX,
    BEGIN = 2 * MITE_SPATIAL_MAX,
    END = 3 * MITE_SPATIAL_MAX,
    AUTO_PAD = 4 * MITE_SPATIAL_MAX
};

// One dimension of auto_pad.
static void pad_same(mite_spatial *w, size_t i, bool lower) {
    int64_t stride = w->stride[i], size = w->in[i];
    int64_t windows = (size + stride - 1) / stride;
    int64_t total =
        (windows - 1) * stride + (w->kernel[i] - 1) * (int64_t)w->dilation[i] + 1 - size;
    if (total < 0 || size == 0) total = 0;
    if (total > INT32_MAX) total = INT32_MAX; // refused when placed: no such picture fits
    w->begin[i] = (int32_t)(lower ? total - total / 2 : total / 2);
    w->end[i] = (int32_t)total - w->begin[i];
}

mite_status mite_spatial_read(mite_step *s, mite_spatial *w, const mite_view *x,
                              const int32_t *kernel) {
    if (x->rank < 2)
        return mite_step_fail(s, MITE_ERR_FORMAT, "x has shape %T, wanted is [N,C,..]",
                              (size_t)x->rank, x->shape);
    *w = (mite_spatial){.rank = (size_t)x->rank - 2, .in_plane = 1, .taps = 1};
    int32_t mode = mite_attr_int(s, AUTO_PAD);
    for (size_t i = 0; i < w->rank; i++) {
        w->in[i] = x->shape[i + 2];
        w->kernel[i] = kernel[i];
        w->stride[i] = mite_attr_int(s, STRIDES + i);
        w->dilation[i] = mite_attr_int(s, DILATIONS + i);
        w->begin[i] = mite_attr_int(s, BEGIN + i);
        w->end[i] = mite_attr_int(s, END + i);
        if (w->kernel[i] < 1 || w->stride[i] < 1 || w->dilation[i] < 1 || w->begin[i] < 0 ||
            w->end[i] < 0)
            return mite_step_fail(
                s, MITE_ERR_FORMAT,
                "kernel %d, stride %d, dilation %d, padding %d and %d in spatial dimension %z: "
                "kernel, stride and dilation must be at least 1, padding at least 0",
                w->kernel[i], w->stride[i], w->dilation[i], w->begin[i], w->end[i], i);
        if (mode != MITE_PAD_EXPLICIT) pad_same(w, i, mode == MITE_PAD_SAME_LOWER);
        w->in_plane *= (size_t)w->in[i]; // a part of x->elements, unless that is 0
        if (!mite_size_mul(&w->taps, w->taps, (size_t)kernel[i]))
            return mite_step_fail(s, MITE_ERR_FORMAT, "its kernel is too large");
    }
    return MITE_OK;
}

mite_status mite_spatial_place(mite_step *s, mite_spatial *w, bool ceil) {
    w->out_plane = 1;
    for (size_t i = 0; i < w->rank; i++) {
        int64_t extent = (w->kernel[i] - 1) * (int64_t)w->dilation[i] + 1, stride = w->stride[i];
        int64_t room = (int64_t)w->in[i] + w->begin[i] + w->end[i] - extent;
        if (room < 0)
            return mite_step_fail(
                s, MITE_ERR_FORMAT,
                "a window of %D does not fit the padded %D elements of spatial dimension %z",
                extent, room + extent, i);
        int64_t last = room / stride;
        if (ceil && room % stride && (last + 1) * stride < (int64_t)w->in[i] + w->begin[i]) last++;
        if (last >= INT32_MAX)
            return mite_step_fail(s, MITE_ERR_FORMAT, "spatial dimension %z would have %D outputs",
                                  i, last + 1);
        w->out[i] = (int32_t)last + 1;
        if (!mite_size_mul(&w->out_plane, w->out_plane, (size_t)w->out[i]))
            return mite_step_fail(s, MITE_ERR_FORMAT, "its output is too large");
    }
    return MITE_OK;
}

mite_status mite_spatial_set_shape(mite_step *s, size_t index, const mite_spatial *w,
                                   int32_t channels) {
    int32_t shape[MITE_MAX_RANK] = {s->inputs[0]->shape[0], channels};
    for (size_t i = 0; i < w->rank; i++) shape[i + 2] = w->out[i];
    return mite_step_set_shape(s, index, w->rank + 2, shape);
}

// The outputs o of [0, out) with 0 <= o * stride + offset < size.
static void limits(int64_t out, int64_t stride, int64_t offset, int64_t size, size_t *lo,
                   size_t *hi) {
    int64_t from = offset >= 0 ? 0 : (stride - 1 - offset) / stride;
    int64_t to = offset < size ? (size - 1 - offset) / stride + 1 : 0;
    if (to > out) to = out;
    *lo = (size_t)(from < to ? from : to);
    *hi = (size_t)to;
}

bool mite_spatial_tap(const mite_spatial *w, size_t row, size_t index, mite_tap *tap) {
    *tap = (mite_tap){.hi = 1, .padded_hi = 1};
    bool inside = true, padded = true;
    size_t step = 1; // elements between neighbours along dimension i
    for (size_t i = w->rank; i-- > 0;) {
        int64_t k = (int64_t)(index % (size_t)w->kernel[i]);
        int64_t offset = k * w->dilation[i] - w->begin[i];
        int64_t whole = (int64_t)w->in[i] + w->begin[i] + w->end[i];
        index /= (size_t)w->kernel[i];
        if (i == w->rank - 1) {
            limits(w->out[i], w->stride[i], offset, w->in[i], &tap->lo, &tap->hi);
            limits(w->out[i], w->stride[i], offset + w->begin[i], whole, &tap->padded_lo,
                   &tap->padded_hi);
            if (tap->lo == tap->hi) inside = false;
            else tap->from = (size_t)((int64_t)tap->lo * w->stride[i] + offset);
        } else {
            int64_t at = (int64_t)(row % (size_t)w->out[i]) * w->stride[i] + offset;
            row /= (size_t)w->out[i];
            if (at + w->begin[i] >= whole) padded = false;
            if (at < 0 || at >= w->in[i]) inside = false;
            else tap->from += (size_t)at * step;
        }
        step *= (size_t)w->in[i];
    }
    if (!padded) tap->padded_lo = tap->padded_hi = 0;
    return inside;
}
