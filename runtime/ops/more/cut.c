// SPDX-License-Identifier: Apache-2.0
// slice, split, center_crop_pad, pad_by: parts of a value, and what stands around it (picks.h).
// Any type; begins, sizes and axes are in inputs, so that a run may settle them.
#include "../common.h"
#include "axes.h"
#include "picks.h"

#include <stdlib.h>

static mite_status plan(mite_step *s) {
    for (size_t k = 0; k < s->node->output_count; k++)
        s->scratch_bytes = mite_max_size(s->scratch_bytes, mite_picks_scratch(s->outputs[k]));
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_picks *p = s->state;
    size_t first, last;
    mite_part_range(mite_picks_rows(p), 1, part, part_count, &first, &last);
    mite_picks_copy(p, s->outputs[0]->data, s->inputs[0]->data,
                    mite_dtype_bytes(s->inputs[0]->dtype), first, last, scratch);
    return MITE_OK;
}

// --- slice ----------------------------------------------------------------------------------------

enum { STARTS = 1, ENDS, SLICE_AXES, STEPS }; // inputs of slice

static int64_t clamp(int64_t x, int64_t low, int64_t high) {
    return x < low ? low : x > high ? high : x;
}

// One dimension: as Python's slices, with both ends clamped to it.
static int32_t place_slice(int64_t size, int64_t *start, int64_t end, int64_t step) {
    *start += *start < 0 ? size : 0;
    end += end < 0 ? size : 0;
    *start = clamp(*start, 0, step > 0 ? size : size - 1);
    end = clamp(end, step > 0 ? 0 : -1, step > 0 ? size : size - 1);
    int64_t length = step > 0 ? end - *start : *start - end;
    if (length <= 0) return 0;
    // A step beyond the dimension takes one element.
    uint64_t stride = step > 0 ? (uint64_t)step : -(uint64_t)step;
    return (int32_t)(((uint64_t)length - 1) / stride + 1);
}

static mite_status place_slices(mite_step *s, int64_t *begin, int64_t *step, int32_t *shape) {
    const mite_view *x = s->inputs[0];
    int64_t starts[MITE_MAX_RANK], ends[MITE_MAX_RANK], steps[MITE_MAX_RANK];
    size_t axes[MITE_MAX_RANK], count, end_count, axis_count, step_count;
    mite_step_expect_rank(s, 0, (size_t)x->rank);
    mite_status status = mite_step_integers(s, STARTS, starts, MITE_MAX_RANK, &count);
    if (!status) status = mite_step_integers(s, ENDS, ends, MITE_MAX_RANK, &end_count);
    if (!status) status = mite_step_axis_list(s, SLICE_AXES, (size_t)x->rank, axes, &axis_count);
    for (step_count = 0; step_count < MITE_MAX_RANK; step_count++) steps[step_count] = 1;
    if (!status && mite_step_input(s, STEPS))
        status = mite_step_integers(s, STEPS, steps, MITE_MAX_RANK, &step_count);
    if (status) return status;
    if (end_count != count || axis_count < count || step_count < count)
        return mite_step_fail(s, MITE_ERR_FORMAT, "%z starts, %z ends and %z axes do not agree",
                              count, end_count, axis_count);
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        begin[i] = 0;
        step[i] = 1;
        shape[i] = x->shape[i];
    }
    for (size_t i = 0; i < count; i++) {
        size_t axis = axes[i];
        if (!steps[i]) return mite_step_fail(s, MITE_ERR_FORMAT, "step %z is 0", i);
        shape[axis] = place_slice(x->shape[axis], &starts[i], ends[i], steps[i]);
        begin[axis] = starts[i];
        step[axis] = shape[axis] > 1 ? steps[i] : 1;
    }
    return MITE_OK;
}

static mite_status infer_slice(mite_step *s) {
    int64_t begin[MITE_MAX_RANK], step[MITE_MAX_RANK];
    int32_t shape[MITE_MAX_RANK];
    mite_status status = mite_step_need_same_elements(s);
    if (!status) status = place_slices(s, begin, step, shape);
    return status ? status : mite_step_set_shape(s, 0, (size_t)s->inputs[0]->rank, shape);
}

static mite_status prepare_slice(mite_step *s) {
    mite_picks *p = s->state;
    int32_t shape[MITE_MAX_RANK];
    mite_picks_start(p, s->inputs[0], s->outputs[0]);
    mite_status status = place_slices(s, p->begin, p->step, shape);
    s->max_parts = mite_picks_rows(p);
    return status;
}

const mite_op mite_op_slice = {
    .name = "slice",
    .min_inputs = 3,
    .max_inputs = 5,
    .output_count = 1,
    .state_bytes = sizeof(mite_picks),
    .infer = infer_slice,
    .plan = plan,
    .prepare = prepare_slice,
    .run = run,
};

// --- pad_by ---------------------------------------------------------------------------------------

enum { PADS = 1, VALUE, PAD_AXES }; // inputs of pad_by

static const mite_attr pad_attrs[] = {{"beyond", 'i', 1, 0}}; // mite_beyond

static mite_status place_pads(mite_step *s, int64_t *begin, int32_t *shape) {
    const mite_view *x = s->inputs[0];
    int64_t pads[2 * MITE_MAX_RANK];
    size_t axes[MITE_MAX_RANK], axis_count, count;
    mite_step_expect_rank(s, 0, (size_t)x->rank);
    mite_status status = mite_step_axis_list(s, PAD_AXES, (size_t)x->rank, axes, &axis_count);
    if (!status) status = mite_step_integers(s, PADS, pads, 2 * MITE_MAX_RANK, &count);
    if (status) return status;
    if (count != 2 * axis_count)
        return mite_step_fail(s, MITE_ERR_FORMAT, "%z pads for %z axes, wanted are two an axis",
                              count, axis_count);
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        begin[i] = 0;
        shape[i] = x->shape[i];
    }
    for (size_t i = 0; i < axis_count; i++) {
        int64_t before = pads[i], after = pads[axis_count + i];
        bool sane =
            before > -INT32_MAX && before < INT32_MAX && after > -INT32_MAX && after < INT32_MAX;
        int64_t size = sane ? shape[axes[i]] + before + after : -1;
        if (size < 0 || size > INT32_MAX)
            return mite_step_fail(s, MITE_ERR_FORMAT,
                                  "pads %D and %D do not suit a dimension of %d", before, after,
                                  shape[axes[i]]);
        if (size && !shape[axes[i]] && mite_attr_int(s, 0) != MITE_BEYOND_CONSTANT)
            return mite_step_fail(s, MITE_ERR_FORMAT, "an empty dimension has nothing to repeat");
        begin[axes[i]] = -before;
        shape[axes[i]] = (int32_t)size;
    }
    return MITE_OK;
}

static mite_status infer_pad(mite_step *s) {
    const mite_view *value = mite_step_input(s, VALUE);
    int32_t beyond = mite_attr_int(s, 0), shape[MITE_MAX_RANK];
    int64_t begin[MITE_MAX_RANK];
    if (beyond < 0 || beyond >= MITE_BEYOND_COUNT)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "there is no mode %d", beyond);
    mite_status status = mite_step_need_same_elements(s);
    if (!status && value) {
        status = mite_step_need_type(s, "value", value, s->inputs[0]->dtype);
        if (!status && value->elements != 1)
            status = mite_step_fail(s, MITE_ERR_FORMAT, "its value has %z elements, wanted is one",
                                    value->elements);
    }
    if (!status) status = place_pads(s, begin, shape);
    return status ? status : mite_step_set_shape(s, 0, (size_t)s->inputs[0]->rank, shape);
}

static mite_status prepare_pad(mite_step *s) {
    mite_picks *p = s->state;
    int32_t shape[MITE_MAX_RANK];
    mite_picks_start(p, s->inputs[0], s->outputs[0]);
    p->beyond = (mite_beyond)mite_attr_int(s, 0);
    mite_status status = place_pads(s, p->begin, shape);
    s->max_parts = mite_picks_rows(p);
    return status;
}

static mite_status run_pad(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *value = mite_step_input(s, VALUE);
    mite_picks p = *(const mite_picks *)s->state;
    mite_step with_value = *s;
    if (value) memcpy(&p.fill, value->data, mite_dtype_bytes(value->dtype));
    with_value.state = &p;
    return run(&with_value, part, part_count, scratch);
}

const mite_op mite_op_pad_by = {
    .name = "pad_by",
    .attrs = pad_attrs,
    .attr_count = 1,
    .min_inputs = 2,
    .max_inputs = 4,
    .output_count = 1,
    .state_bytes = sizeof(mite_picks),
    .infer = infer_pad,
    .plan = plan,
    .prepare = prepare_pad,
    .run = run_pad,
};

// --- center_crop_pad ------------------------------------------------------------------------------

enum { SIZES = 1, CROP_AXES }; // inputs of center_crop_pad

static mite_status infer_crop(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int64_t sizes[MITE_MAX_RANK];
    int32_t shape[MITE_MAX_RANK];
    size_t axes[MITE_MAX_RANK], axis_count, count;
    mite_status status = mite_step_need_same_elements(s);
    mite_step_expect_rank(s, 0, (size_t)x->rank);
    if (!status) status = mite_step_axis_list(s, CROP_AXES, (size_t)x->rank, axes, &axis_count);
    if (!status) status = mite_step_integers(s, SIZES, sizes, MITE_MAX_RANK, &count);
    if (status) return status;
    memcpy(shape, x->shape, sizeof shape);
    for (size_t i = 0; i < count; i++) {
        if (count != axis_count || sizes[i] < 0 || sizes[i] > INT32_MAX)
            return mite_step_fail(s, MITE_ERR_FORMAT, "%z sizes, the first %D, for %z axes", count,
                                  sizes[0], axis_count);
        shape[axes[i]] = (int32_t)sizes[i];
    }
    return mite_step_set_shape(s, 0, (size_t)x->rank, shape);
}

static mite_status prepare_crop(mite_step *s) {
    mite_picks *p = s->state;
    mite_picks_start(p, s->inputs[0], s->outputs[0]);
    p->beyond = MITE_BEYOND_CONSTANT;
    // Toward zero: of an odd difference the end takes the larger part.
    for (size_t i = 0; i < p->rank; i++) p->begin[i] = ((int64_t)p->in[i] - p->out[i]) / 2;
    s->max_parts = mite_picks_rows(p);
    return MITE_OK;
}

const mite_op mite_op_center_crop_pad = {
    .name = "center_crop_pad",
    .min_inputs = 2,
    .max_inputs = 3,
    .output_count = 1,
    .state_bytes = sizeof(mite_picks),
    .infer = infer_crop,
    .plan = plan,
    .prepare = prepare_crop,
    .run = run,
};

// --- split ----------------------------------------------------------------------------------------

static const mite_attr split_attrs[] = {{"axis", 'i', 1, 0}};

// Without sizes all but the last are of one size, rounded up.
static mite_status infer_split(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int32_t shape[MITE_MAX_RANK];
    size_t axis, count;
    int64_t sum = 0;
    mite_status status = mite_step_need_same_elements(s);
    if (!status) status = mite_step_axis(s, 0, x->rank, &axis);
    if (status) return status;
    for (size_t k = 0; k < s->node->output_count; k++) mite_step_expect_rank(s, k, (size_t)x->rank);
    int64_t outputs = s->node->output_count, size = x->shape[axis];
    int64_t *sizes = (int64_t *)calloc((size_t)outputs, sizeof *sizes);
    if (!sizes) return mite_step_fail(s, MITE_ERR_MEMORY, "not enough memory to split");
    for (size_t i = 0; i < s->node->output_count; i++) mite_step_expect_rank(s, i, (size_t)x->rank);
    if (mite_step_input(s, 1)) {
        status = mite_step_integers(s, 1, sizes, (size_t)outputs, &count);
    } else {
        int64_t each = (size + outputs - 1) / outputs;
        for (count = 0; count < (size_t)outputs; count++) {
            sizes[count] = size - sum < each ? size - sum : each;
            sum += sizes[count];
        }
    }
    memcpy(shape, x->shape, sizeof shape);
    sum = 0;
    for (size_t i = 0; i < (size_t)outputs && !status; i++) {
        bool fits = sizes[i] >= 0 && sizes[i] <= size - sum;
        sum += fits ? sizes[i] : 0;
        if (!fits || (i + 1 == (size_t)outputs && sum != size))
            status =
                mite_step_fail(s, MITE_ERR_FORMAT, "the sizes of its parts do not sum to %D", size);
        shape[axis] = (int32_t)sizes[i];
        if (!status) status = mite_step_set_shape(s, i, (size_t)x->rank, shape);
    }
    free(sizes);
    return status;
}

static mite_status prepare_split(mite_step *s) {
    s->max_parts = s->node->output_count;
    return MITE_OK;
}

static mite_status run_split(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0];
    int32_t axis = mite_attr_int(s, 0); // checked by infer
    axis += axis < 0 ? x->rank : 0;
    size_t first, last;
    mite_part_range(s->node->output_count, 1, part, part_count, &first, &last);
    int64_t begin = 0;
    for (size_t k = 0; k < last; k++) {
        mite_picks p;
        mite_picks_start(&p, x, s->outputs[k]);
        p.begin[axis] = begin;
        begin += p.out[axis];
        if (k >= first)
            mite_picks_copy(&p, s->outputs[k]->data, x->data, mite_dtype_bytes(x->dtype), 0,
                            mite_picks_rows(&p), scratch);
    }
    return MITE_OK;
}

const mite_op mite_op_split = {
    .name = "split",
    .attrs = split_attrs,
    .attr_count = 1,
    .min_inputs = 1,
    .max_inputs = 2,
    .output_count = 1,
    .max_outputs = 255,
    .infer = infer_split,
    .plan = plan,
    .prepare = prepare_split,
    .run = run_split,
};
