// SPDX-License-Identifier: Apache-2.0
// What operators that take indices share.
#ifndef MITE_OPS_MORE_INDEX_H
#define MITE_OPS_MORE_INDEX_H

#include "../common.h"
#include "elements.h"

// Fails unless the view is a tensor of i32 or i64.
mite_status mite_need_indices(mite_step *s, const char *what, const mite_view *v);

// Element `at` of a tensor of indices, as one into a dimension of `size`: negative ones count from
// the end. Fails where it is outside.
mite_status mite_index_at(const mite_step *s, const mite_view *indices, size_t at, int32_t size,
                          size_t *out);

// Attribute `word` of a prepared step, a dimension of its first input, from the front.
size_t mite_axis_of(const mite_step *s, size_t word);

// The next place, in running order, of a value of this shape.
void mite_next_place(int32_t *place, const mite_view *v);

// Products of the dimensions [begin, end) of a view.
size_t mite_extent(const mite_view *v, size_t begin, size_t end);

// One element combined with another: what scatters do with two that meet.
typedef enum mite_combine {
    MITE_COMBINE_REPLACE,
    MITE_COMBINE_ADD,
    MITE_COMBINE_MUL,
    MITE_COMBINE_MAX,
    MITE_COMBINE_MIN,
} mite_combine;

// to[i] = to[i] op from[i], `count` contiguous elements.
void mite_combine_elements(void *to, const void *from, mite_dtype dtype, size_t count,
                           mite_combine op);

#endif
