// SPDX-License-Identifier: Apache-2.0
// The same elements in the same order under another shape, for shapes that a run settles:
// reshape_to (the shape is an input), squeeze, unsqueeze (the axes are), flatten. No work where
// the planner lets both share memory.
#include "../common.h"
#include "axes.h"

static mite_status set_shape(mite_step *s, size_t rank, const int32_t *shape) {
    mite_status status = mite_step_need_same_elements(s);
    return status ? status : mite_step_set_shape(s, 0, rank, shape);
}

static mite_status plan(mite_step *s) {
    s->alias = true;
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    (void)part, (void)part_count, (void)scratch;
    const mite_view *x = s->inputs[0];
    if (x->elements) memcpy(s->outputs[0]->data, x->data, x->elements * mite_dtype_bytes(x->dtype));
    return MITE_OK;
}

// --- reshape_to -----------------------------------------------------------------------------------

static const mite_attr reshape_attrs[] = {{"allow_zero", 'i', 1, 0}}; // else 0 copies from x

static mite_status infer_reshape(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int64_t wanted[MITE_MAX_RANK];
    int32_t shape[MITE_MAX_RANK];
    size_t rank, rest = SIZE_MAX, known = 0;
    mite_step_expect_rank(s, 0, s->inputs[1]->elements);
    mite_status status = mite_step_integers(s, 1, wanted, MITE_MAX_RANK, &rank);
    if (status) return status;
    bool possible = true;
    for (size_t i = 0; i < rank; i++) {
        if (wanted[i] == 0 && !mite_attr_int(s, 0)) {
            possible = possible && i < (size_t)x->rank;
            wanted[i] = possible ? x->shape[i] : 0;
        }
        if (wanted[i] == -1) {
            possible = possible && rest == SIZE_MAX;
            rest = i;
            wanted[i] = 1;
        }
        possible = possible && wanted[i] >= 0 && wanted[i] <= INT32_MAX;
        shape[i] = possible ? (int32_t)wanted[i] : 0;
    }
    possible = possible && mite_shape_elements(&known, rank, shape);
    bool any = rest != SIZE_MAX && !known; // with no elements, what is left could be any number
    if (possible && rest != SIZE_MAX && known && x->elements / known <= INT32_MAX) {
        shape[rest] = (int32_t)(x->elements / known);
        known *= x->elements / known; // at most x->elements
    }
    if (!possible || known != x->elements || any)
        return mite_step_fail(s, MITE_ERR_FORMAT, "x of shape %T does not fill the wanted shape",
                              (size_t)x->rank, x->shape);
    return set_shape(s, rank, shape);
}

const mite_op mite_op_reshape_to = {
    .name = "reshape_to",
    .attrs = reshape_attrs,
    .attr_count = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .infer = infer_reshape,
    .plan = plan,
    .run = run,
};

// --- squeeze, unsqueeze ---------------------------------------------------------------------------

static mite_status infer_squeeze(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int32_t shape[MITE_MAX_RANK];
    bool chosen[MITE_MAX_RANK];
    size_t rank = 0;
    bool all = !mite_step_input(s, 1); // all that are 1
    mite_status status = all ? MITE_OK : mite_step_axes(s, 1, (size_t)x->rank, chosen);
    if (status) return status;
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        if (all ? x->shape[i] != 1 : !chosen[i]) shape[rank++] = x->shape[i];
        else if (x->shape[i] != 1)
            return mite_step_fail(s, MITE_ERR_FORMAT, "axis %z of shape %T is not 1", i,
                                  (size_t)x->rank, x->shape);
    }
    return set_shape(s, rank, shape);
}

static mite_status infer_unsqueeze(mite_step *s) {
    const mite_view *x = s->inputs[0], *axes = s->inputs[1];
    int32_t shape[MITE_MAX_RANK];
    bool chosen[MITE_MAX_RANK];
    if (axes->elements > (size_t)(MITE_MAX_RANK - x->rank))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "%z axes more than the %d of x are too many",
                              axes->elements, x->rank);
    size_t rank = (size_t)x->rank + axes->elements, from = 0;
    mite_status status = mite_step_axes(s, 1, rank, chosen);
    if (status) return status;
    for (size_t i = 0; i < rank; i++) shape[i] = chosen[i] ? 1 : x->shape[from++];
    return set_shape(s, rank, shape);
}

const mite_op mite_op_squeeze = {
    .name = "squeeze",
    .min_inputs = 1,
    .max_inputs = 2,
    .output_count = 1,
    .infer = infer_squeeze,
    .plan = plan,
    .run = run,
};

const mite_op mite_op_unsqueeze = {
    .name = "unsqueeze",
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .infer = infer_unsqueeze,
    .plan = plan,
    .run = run,
};

// --- flatten --------------------------------------------------------------------------------------

// Counts from the end where negative; may be the rank itself.
static const mite_attr flatten_attrs[] = {{"axis", 'i', 1, 1}};

static mite_status infer_flatten(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int32_t axis = mite_attr_int(s, 0), shape[2];
    size_t rows, columns;
    if (axis < -x->rank || axis > x->rank)
        return mite_step_fail(s, MITE_ERR_FORMAT, "axis %d is outside the rank %d of its input",
                              axis, x->rank);
    axis += axis < 0 ? x->rank : 0;
    if (!mite_shape_elements(&rows, (size_t)axis, x->shape) ||
        !mite_shape_elements(&columns, (size_t)(x->rank - axis), x->shape + axis) ||
        rows > INT32_MAX || columns > INT32_MAX)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "shape %T is too large to be flattened",
                              (size_t)x->rank, x->shape);
    shape[0] = (int32_t)rows;
    shape[1] = (int32_t)columns;
    return set_shape(s, 2, shape);
}

const mite_op mite_op_flatten = {
    .name = "flatten",
    .attrs = flatten_attrs,
    .attr_count = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer_flatten,
    .plan = plan,
    .run = run,
};
