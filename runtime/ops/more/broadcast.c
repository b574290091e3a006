// SPDX-License-Identifier: Apache-2.0
#include "broadcast.h"

mite_status mite_step_broadcast(mite_step *s) {
    int32_t shape[MITE_MAX_RANK];
    size_t rank = 0;
    for (size_t k = 0; k < s->node->input_count; k++) {
        const mite_view *v = s->inputs[k];
        if (!v) return mite_step_fail(s, MITE_ERR_FORMAT, "input %z is missing", k);
        if (!mite_broadcast_shape(&rank, shape, v))
            return mite_step_fail(s, MITE_ERR_FORMAT,
                                  "input %z, of shape %T, does not broadcast "
                                  "with those before it, %T",
                                  k, (size_t)v->rank, v->shape, rank, shape);
    }
    return mite_step_set_shape(s, 0, rank, shape);
}

void mite_walk_broadcast(mite_walk *w, const mite_step *s) {
    const mite_view *out = s->outputs[0];
    size_t rank = (size_t)out->rank, operands = 1 + s->node->input_count;
    mite_view_strides(w->strides[0], out);
    for (size_t k = 1; k < operands; k++)
        mite_broadcast_strides(w->strides[k], s->inputs[k - 1], rank, out->shape);
    mite_walk_merge(w, operands, rank, out->shape);
}

void *mite_walk_at(const mite_walk *w, size_t operand, const mite_view *v, size_t run, size_t at) {
    return (char *)v->data +
           mite_walk_offset(w, operand, run, at) * (ptrdiff_t)mite_dtype_bytes(v->dtype);
}
