// SPDX-License-Identifier: Apache-2.0
// Copies whose every output dimension takes from the same dimension of the input by a rule of its
// own: element i comes from begin + i * step, and where that lies outside, from where `beyond`
// says. slice, pad_by, tile, expand, split and center_crop_pad are such copies.
#ifndef MITE_OPS_MORE_PICKS_H
#define MITE_OPS_MORE_PICKS_H

#include "../op.h"
#include "functions.h"

typedef struct mite_picks {
    size_t rank;
    int32_t in[MITE_MAX_RANK], out[MITE_MAX_RANK]; // sizes
    int64_t begin[MITE_MAX_RANK], step[MITE_MAX_RANK];
    mite_beyond beyond; // outside; CONSTANT: `fill`
    uint64_t fill;      // the element's bits
} mite_picks;

// Every dimension as it is: `x` with the rank of `out` (ones in front), of size `out`.
void mite_picks_start(mite_picks *p, const mite_view *x, const mite_view *out);

// Bytes of scratch that mite_picks_copy needs for a result of this shape.
size_t mite_picks_scratch(const mite_view *out);

// Copies elements of `item` bytes between dense values; rows [first, last) of mite_picks_rows,
// which lie along the last dimension that does not come whole.
size_t mite_picks_rows(const mite_picks *p);
void mite_picks_copy(const mite_picks *p, void *out, const void *in, size_t item, size_t first,
                     size_t last, void *scratch);

#endif
