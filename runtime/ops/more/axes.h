// SPDX-License-Identifier: Apache-2.0
// Axes, sizes and counts that stand in an input.
#ifndef MITE_OPS_MORE_AXES_H
#define MITE_OPS_MORE_AXES_H

#include "../op.h"

// chosen[i]: does input `index` (i32 or i64; negative numbers count from the end) name axis i of
// `rank`? MITE_MORE where its numbers are not known yet; fails on axes outside or named twice.
mite_status mite_step_axes(mite_step *s, size_t index, size_t rank, bool chosen[MITE_MAX_RANK]);

// The same with the order of the axes: axes[0] to axes[count - 1]. An absent input names all.
mite_status mite_step_axis_list(mite_step *s, size_t index, size_t rank, size_t axes[MITE_MAX_RANK],
                                size_t *count);

// Fails unless x and every output have one type and quantization: for what only moves elements.
mite_status mite_step_need_same_elements(mite_step *s);

#endif
