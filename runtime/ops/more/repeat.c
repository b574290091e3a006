// SPDX-License-Identifier: Apache-2.0
// expand, tile: a value repeated along its dimensions (picks.h). Any type; the shape, or how often,
// is an input.
#include "../common.h"
#include "../walk.h"
#include "axes.h"
#include "picks.h"

// Broadcasts with the wanted shape, as numpy would.
static mite_status infer_expand(mite_step *s) {
    int64_t wanted[MITE_MAX_RANK];
    mite_view other = {.rank = 0};
    int32_t shape[MITE_MAX_RANK];
    size_t rank = 0, count;
    mite_status status = mite_step_need_same_elements(s);
    mite_step_expect_rank(s, 0, mite_max_size((size_t)s->inputs[0]->rank, s->inputs[1]->elements));
    if (!status) status = mite_step_integers(s, 1, wanted, MITE_MAX_RANK, &count);
    if (status) return status;
    for (size_t i = 0; i < count; i++) {
        if (wanted[i] < 0 || wanted[i] > INT32_MAX)
            return mite_step_fail(s, MITE_ERR_FORMAT, "a dimension of %D is impossible", wanted[i]);
        other.shape[i] = (int32_t)wanted[i];
    }
    other.rank = (int32_t)count;
    if (!mite_broadcast_shape(&rank, shape, s->inputs[0]) ||
        !mite_broadcast_shape(&rank, shape, &other))
        return mite_step_fail(s, MITE_ERR_FORMAT, "x of shape %T does not expand to %T",
                              (size_t)s->inputs[0]->rank, s->inputs[0]->shape, count, other.shape);
    return mite_step_set_shape(s, 0, rank, shape);
}

static mite_status infer_tile(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int64_t times[MITE_MAX_RANK];
    int32_t shape[MITE_MAX_RANK];
    size_t count;
    mite_status status = mite_step_need_same_elements(s);
    mite_step_expect_rank(s, 0, (size_t)x->rank);
    if (!status) status = mite_step_integers(s, 1, times, MITE_MAX_RANK, &count);
    if (status) return status;
    if (count != (size_t)x->rank)
        return mite_step_fail(s, MITE_ERR_FORMAT, "%z repeats for %d dimensions", count, x->rank);
    for (size_t i = 0; i < count; i++) {
        int64_t size;
        if (times[i] < 0 || __builtin_mul_overflow(times[i], (int64_t)x->shape[i], &size) ||
            size > INT32_MAX)
            return mite_step_fail(s, MITE_ERR_FORMAT, "%D repeats of a dimension of %d", times[i],
                                  x->shape[i]);
        shape[i] = (int32_t)size;
    }
    return mite_step_set_shape(s, 0, count, shape);
}

static mite_status plan(mite_step *s) {
    s->scratch_bytes = mite_picks_scratch(s->outputs[0]);
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    mite_picks_start(s->state, s->inputs[0], s->outputs[0]); // wraps around
    s->max_parts = mite_picks_rows(s->state);
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    size_t first, last;
    mite_part_range(mite_picks_rows(s->state), 1, part, part_count, &first, &last);
    mite_picks_copy(s->state, s->outputs[0]->data, s->inputs[0]->data,
                    mite_dtype_bytes(s->inputs[0]->dtype), first, last, scratch);
    return MITE_OK;
}

const mite_op mite_op_expand = {
    .name = "expand",
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .state_bytes = sizeof(mite_picks),
    .infer = infer_expand,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};

const mite_op mite_op_tile = {
    .name = "tile",
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .state_bytes = sizeof(mite_picks),
    .infer = infer_tile,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
