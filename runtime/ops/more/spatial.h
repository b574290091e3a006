// SPDX-License-Identifier: Apache-2.0
// Windows that slide over any number of spatial dimensions, channels first: x is [N,C,D1..Dr].
// What conv_nd, conv_transpose and pool_nd share: their attributes, and which inputs a window
// position touches. Work goes by rows, the outputs along the last dimension: for each tap of the
// window the outputs [lo, hi) of the row read inputs that lie a stride apart.
#ifndef MITE_OPS_MORE_SPATIAL_H
#define MITE_OPS_MORE_SPATIAL_H

#include "../common.h"

#define MITE_SPATIAL_MAX (MITE_MAX_RANK - 2)

// The first rows of an operator's attributes, and how many words they take. auto_pad is a
// mite_auto_pad; where it is not EXPLICIT, the pads are worked out from the sizes of the run.
#define MITE_SPATIAL_ATTRS                                                                \
    {"strides", 'i', MITE_SPATIAL_MAX, 1}, {"dilations", 'i', MITE_SPATIAL_MAX, 1},       \
        {"pads_begin", 'i', MITE_SPATIAL_MAX, 0}, {"pads_end", 'i', MITE_SPATIAL_MAX, 0}, \
        {"auto_pad", 'i', 1, 0}
#define MITE_SPATIAL_ROWS 5
#define MITE_SPATIAL_WORDS (4 * MITE_SPATIAL_MAX + 1)

typedef enum mite_auto_pad {
    MITE_PAD_EXPLICIT,
    MITE_PAD_SAME_UPPER, // ceil(in / stride) outputs; the odd pad at the end
    MITE_PAD_SAME_LOWER, // at the beginning
} mite_auto_pad;

typedef struct mite_spatial {
    size_t rank;
    int32_t in[MITE_SPATIAL_MAX], out[MITE_SPATIAL_MAX], kernel[MITE_SPATIAL_MAX];
    int32_t stride[MITE_SPATIAL_MAX], dilation[MITE_SPATIAL_MAX];
    int32_t begin[MITE_SPATIAL_MAX], end[MITE_SPATIAL_MAX]; // padding
    size_t in_plane, out_plane, taps; // products of in, out, kernel
} mite_spatial;

// Reads attributes and sizes; fails on what is impossible. Leaves out and out_plane.
mite_status mite_spatial_read(mite_step *s, mite_spatial *w, const mite_view *x,
                              const int32_t *kernel);
// The outputs of a convolution or pool. `ceil`: also a last window that begins inside the input
// (or the padding before it) but ends beyond all padding.
mite_status mite_spatial_place(mite_step *s, mite_spatial *w, bool ceil);

// [N, channels, out..] as shape of output `index`.
mite_status mite_spatial_set_shape(mite_step *s, size_t index, const mite_spatial *w,
                                   int32_t channels);

// One tap of the windows of one output row.
typedef struct mite_tap {
    size_t lo, hi; // the outputs of the row that it serves
    size_t from; // the input element of output `lo`, from the beginning of its plane
    size_t padded_lo, padded_hi; // the outputs for which it lies inside the padded input
} mite_tap;

// Tap `index` (row-major over the kernel) of output row `row` (row-major over all but the last
// dimension). False if it serves no output there; the padded limits are set all the same.
bool mite_spatial_tap(const mite_spatial *w, size_t row, size_t index, mite_tap *tap);

#endif
