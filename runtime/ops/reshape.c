// SPDX-License-Identifier: Apache-2.0
// reshape: the same elements in the same order under another shape; no work where the planner
// lets both share memory.
#include "common.h"

enum { RANK, SHAPE }; // attribute words

static const mite_attr attrs[] = {
    [RANK] = {"rank", 'i', 1, 0},
    [SHAPE] = {"shape", 'i', MITE_MAX_RANK, 1}, // the first `rank` words; one may be -1: the rest
};

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int32_t rank = mite_attr_int(s, RANK), shape[MITE_MAX_RANK] = {0};
    if (rank < 0 || rank > MITE_MAX_RANK) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "rank %d is outside [0,%d]", rank, MITE_MAX_RANK);
    }
    size_t unknown = MITE_MAX_RANK, known;
    for (size_t i = 0; i < (size_t)rank; i++) {
        shape[i] = mite_attr_int(s, SHAPE + i);
        if (shape[i] != -1 || unknown != MITE_MAX_RANK) continue;
        unknown = i;
        shape[i] = 1;
    }
    bool possible = mite_shape_elements(&known, (size_t)rank, shape);
    if (possible && unknown != MITE_MAX_RANK && known && x->elements / known <= INT32_MAX) {
        shape[unknown] = (int32_t)(x->elements / known);
        known *= x->elements / known; // at most x->elements
    }
    if (!possible || known != x->elements) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "x of shape %T does not fill the shape %T",
                              (size_t)x->rank, x->shape, (size_t)rank, &s->node->attrs[SHAPE]);
    }
    if (x->dtype != s->outputs[0]->dtype) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "x is %s, the output %s",
                              mite_dtype_name(x->dtype), mite_dtype_name(s->outputs[0]->dtype));
    }
    if (!mite_same_quantization(x, s->outputs[0])) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "x and the output differ in quantization");
    }
    return mite_step_set_shape(s, 0, (size_t)rank, shape);
}

static mite_status plan(mite_step *s) {
    s->alias = true;
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    (void)part, (void)part_count, (void)scratch;
    const mite_view *x = s->inputs[0];
    memcpy(s->outputs[0]->data, x->data, x->elements * mite_dtype_bytes(x->dtype));
    return MITE_OK;
}

const mite_op mite_op_reshape = {
    .name = "reshape",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer,
    .plan = plan,
    .run = run,
};
