// SPDX-License-Identifier: Apache-2.0
// transpose: output dimension i is input dimension perm[i]. Any type; reads and writes halos, so
// NCHW pictures go straight into the padded NHWC input of a convolution. Where perm is all zero, the
// order of the dimensions is reversed, however many there are.
#include "common.h"
#include "walk.h"

static const mite_attr attrs[] = {
    {"perm", 'i', MITE_MAX_RANK, 0}, // the first `rank` words
};

static int32_t source_of(const mite_step *s, size_t i) {
    size_t rank = (size_t)s->inputs[0]->rank;
    for (size_t k = 0; k < rank; k++)
        if (s->node->attrs[k]) return mite_attr_int(s, i);
    return (int32_t)(rank - 1 - i);
}

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int32_t shape[MITE_MAX_RANK] = {0};
    bool taken[MITE_MAX_RANK] = {false};
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        int32_t from = source_of(s, i);
        if (from < 0 || from >= x->rank || taken[from]) {
            return mite_step_fail(s, MITE_ERR_FORMAT, "%T is no permutation of %d dimensions",
                                  (size_t)x->rank, s->node->attrs, x->rank);
        }
        taken[from] = true;
        shape[i] = x->shape[from];
    }
    if (x->dtype != s->outputs[0]->dtype || !mite_same_quantization(x, s->outputs[0]))
        return mite_step_fail(s, MITE_ERR_FORMAT, "x and the output differ in type or scale");
    return mite_step_set_shape(s, 0, (size_t)x->rank, shape);
}

static mite_status prepare(mite_step *s) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    mite_walk *w = s->state;
    ptrdiff_t strides[MITE_MAX_RANK];
    mite_view_strides(strides, x);
    mite_view_strides(w->strides[0], out);
    for (size_t i = 0; i < (size_t)x->rank; i++) w->strides[1][i] = strides[source_of(s, i)];
    mite_walk_merge(w, 2, (size_t)out->rank, out->shape);
    s->max_parts = mite_max_size(1, w->runs);
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_walk *w = s->state;
    size_t first, last;
    (void)scratch;
    mite_part_range(w->runs, 1, part, part_count, &first, &last);
    mite_walk_copy(w, s->outputs[0]->data, s->inputs[0]->data,
                   mite_dtype_bytes(s->outputs[0]->dtype), first, last);
    return MITE_OK;
}

const mite_op mite_op_transpose = {
    .name = "transpose",
    .attrs = attrs,
    .attr_count = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .state_bytes = sizeof(mite_walk),
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
