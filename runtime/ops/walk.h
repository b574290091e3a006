// SPDX-License-Identifier: Apache-2.0
// Walking over values element by element, whatever their shapes and strides: broadcasting is a
// stride of 0, a permuted, cut or haloed value one with other strides. Dimensions that lie
// without gaps in all operands are merged, so that the common cases become one long run.
#ifndef MITE_OPS_WALK_H
#define MITE_OPS_WALK_H

#include "op.h"

#define MITE_WALK_OPERANDS 4

typedef struct mite_walk {
    size_t rank; // what is left after merging, at least 1
    size_t dims[MITE_MAX_RANK];
    ptrdiff_t strides[MITE_WALK_OPERANDS][MITE_MAX_RANK]; // in elements
    size_t runs, length; // runs of `length` elements along the last dimension
} mite_walk;

// Strides of a view as it lies; known only after planning.
void mite_view_strides(ptrdiff_t strides[MITE_MAX_RANK], const mite_view *v);

// The same, as seen under `rank` dimensions of `shape`, to which the view broadcasts.
void mite_broadcast_strides(ptrdiff_t strides[MITE_MAX_RANK], const mite_view *v, size_t rank,
                            const int32_t *shape);

// The common shape of values under numpy's broadcasting, one value more at a time: `shape` has room
// for MITE_MAX_RANK; start with a rank of 0. False where they do not broadcast.
bool mite_broadcast_shape(size_t *rank, int32_t shape[MITE_MAX_RANK], const mite_view *v);

// Takes w->strides of the first `operands` operands as filled by the caller, for `shape`.
void mite_walk_merge(mite_walk *w, size_t operands, size_t rank, const int32_t *shape);

// Splits runs along which an operand steps by more than one element, as a column of pixels with
// one channel does between halos: after it, runs are contiguous (or stay, for broadcasting).
void mite_walk_contiguous(mite_walk *w, size_t operands);

// One value and another of its shape, in contiguous runs.
void mite_walk_pair(mite_walk *w, const mite_view *out, const mite_view *in);

// The share of a part: runs [first, last), and of each of them elements [begin, end).
typedef struct mite_walk_share {
    size_t first, last, begin, end;
} mite_walk_share;

size_t mite_walk_parts(const mite_walk *w);
mite_walk_share mite_walk_share_of(const mite_walk *w, size_t part, size_t part_count);

// Offset of element `at` of run `run` in an operand.
ptrdiff_t mite_walk_offset(const mite_walk *w, size_t operand, size_t run, size_t at);

// Copies operand 1 to operand 0, elements of `item` bytes (1, 2, 4 or 8), runs [first, last).
void mite_walk_copy(const mite_walk *w, void *out, const void *in, size_t item, size_t first,
                    size_t last);

#endif
