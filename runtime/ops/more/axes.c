// SPDX-License-Identifier: Apache-2.0
#include "axes.h"

#include "../common.h"

mite_status mite_step_axis_list(mite_step *s, size_t index, size_t rank, size_t axes[MITE_MAX_RANK],
                                size_t *count) {
    int64_t list[MITE_MAX_RANK];
    bool chosen[MITE_MAX_RANK] = {false};
    if (!mite_step_input(s, index)) {
        for (*count = 0; *count < rank; ++*count) axes[*count] = *count;
        return MITE_OK;
    }
    mite_status status = mite_step_integers(s, index, list, MITE_MAX_RANK, count);
    if (status) return status;
    for (size_t i = 0; i < *count; i++) {
        int64_t axis = list[i] < 0 ? list[i] + (int64_t)rank : list[i];
        if (axis < 0 || axis >= (int64_t)rank || chosen[axis])
            return mite_step_fail(s, MITE_ERR_FORMAT,
                                  "axis %D is named twice or does not exist in %z dimensions",
                                  list[i], rank);
        chosen[axis] = true;
        axes[i] = (size_t)axis;
    }
    return MITE_OK;
}

mite_status mite_step_axes(mite_step *s, size_t index, size_t rank, bool chosen[MITE_MAX_RANK]) {
    size_t axes[MITE_MAX_RANK], count;
    mite_status status = mite_step_axis_list(s, index, rank, axes, &count);
    memset(chosen, 0, MITE_MAX_RANK * sizeof *chosen);
    for (size_t i = 0; !status && i < count; i++) chosen[axes[i]] = true;
    return status;
}

mite_status mite_step_need_same_elements(mite_step *s) {
    const mite_view *x = s->inputs[0];
    for (size_t k = 0; k < s->node->output_count; k++) {
        const mite_view *out = s->outputs[k];
        if (x->dtype != out->dtype || !mite_same_quantization(x, out))
            return mite_step_fail(s, MITE_ERR_FORMAT, "x and output %z differ in type or scale", k);
    }
    return MITE_OK;
}
