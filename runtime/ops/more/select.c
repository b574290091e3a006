// SPDX-License-Identifier: Apache-2.0
// Operators whose shape depends on numbers, not only on shapes: non_zero (the places of all elements
// that are not 0, one column each; i64), compress (the slices along an axis, or elements of all,
// whose condition is true), one_hot (a new dimension of `depth`, `on` at the index and `off` elsewhere;
// inputs: indices, depth, [off, on]).
#include "index.h"

// --- non_zero ------------------------------------------------------------------------------------

static bool is_zero(const mite_view *v, const void *data, size_t at) {
    const char *element = (const char *)data + at * mite_dtype_bytes(v->dtype);
    if (mite_is_real(v->dtype)) {
        double x;
        mite_load_reals(&x, element, v->dtype, 1, 1);
        return x == 0;
    }
    int64_t q;
    mite_load_integers(&q, element, v->dtype, 1, 1);
    return q == 0;
}

static mite_status infer_non_zero(mite_step *s) {
    const mite_view *x = s->inputs[0];
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], MITE_I64);
    if (status) return status;
    mite_step_expect_rank(s, 0, 2);
    if (!x->known) return mite_step_wait(s, 0);
    size_t count = 0;
    for (size_t i = 0; i < x->elements; i++) count += !is_zero(x, x->known, i);
    int32_t shape[2] = {x->rank, count > INT32_MAX ? -1 : (int32_t)count};
    return mite_step_set_shape(s, 0, 2, shape);
}

static mite_status run_non_zero(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0];
    (void)part, (void)part_count, (void)scratch;
    int64_t *out = s->outputs[0]->data;
    size_t columns = (size_t)s->outputs[0]->shape[1], column = 0;
    int32_t place[MITE_MAX_RANK] = {0};
    for (size_t i = 0; i < x->elements && column < columns; i++) {
        if (!is_zero(x, x->data, i)) {
            for (size_t k = 0; k < (size_t)x->rank; k++) out[k * columns + column] = place[k];
            column++;
        }
        mite_next_place(place, x);
    }
    return MITE_OK;
}

const mite_op mite_op_non_zero = {
    .name = "non_zero",
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer_non_zero,
    .run = run_non_zero,
};

// --- compress ------------------------------------------------------------------------------------

enum { HAS_AXIS, AXIS };

static const mite_attr compress_attrs[] = {
    [HAS_AXIS] = {"has_axis", 'i', 1, 0}, // 0: of all elements, in their order
    [AXIS] = {"axis", 'i', 1, 0},
};

// Dimensions before the axis, along it, behind it.
static mite_status compress_extents(mite_step *s, size_t extents[3], size_t *axis) {
    const mite_view *x = s->inputs[0];
    *axis = 0;
    extents[0] = extents[2] = 1;
    extents[1] = x->elements;
    if (!mite_attr_int(s, HAS_AXIS)) return MITE_OK;
    if (mite_step_axis(s, AXIS, x->rank, axis)) return s->error->status;
    extents[0] = mite_extent(x, 0, *axis);
    extents[1] = (size_t)x->shape[*axis];
    extents[2] = mite_extent(x, *axis + 1, (size_t)x->rank);
    return MITE_OK;
}

static mite_status infer_compress(mite_step *s) {
    const mite_view *x = s->inputs[0], *condition = s->inputs[1];
    size_t extents[3], axis, count = 0;
    mite_status status = mite_step_need_type(s, "condition", condition, MITE_BOOL);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status) status = compress_extents(s, extents, &axis);
    if (status) return status;
    if (condition->rank != 1 || condition->elements > extents[1])
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "the condition has shape %T, wanted is a vector of at most %z",
                              (size_t)condition->rank, condition->shape, extents[1]);
    mite_step_expect_rank(s, 0, mite_attr_int(s, HAS_AXIS) ? (size_t)x->rank : 1);
    if (!condition->known) return mite_step_wait(s, 1);
    for (size_t i = 0; i < condition->elements; i++)
        count += ((const uint8_t *)condition->known)[i] != 0;
    int32_t shape[MITE_MAX_RANK];
    bool has_axis = mite_attr_int(s, HAS_AXIS) != 0;
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] = count > INT32_MAX ? -1 : (int32_t)count;
    return mite_step_set_shape(s, 0, has_axis ? (size_t)x->rank : 1, shape);
}

static mite_status run_compress(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *condition = s->inputs[1];
    (void)part, (void)part_count, (void)scratch;
    int32_t axis = mite_attr_int(s, AXIS);
    size_t at = (size_t)(axis < 0 ? axis + x->rank : axis), outer = 1, rows = x->elements;
    size_t bytes = mite_dtype_bytes(x->dtype);
    if (mite_attr_int(s, HAS_AXIS)) {
        outer = mite_extent(x, 0, at);
        rows = (size_t)x->shape[at];
        bytes *= mite_extent(x, at + 1, (size_t)x->rank);
    }
    char *out = s->outputs[0]->data;
    for (size_t i = 0; i < outer && bytes; i++) {
        for (size_t k = 0; k < condition->elements; k++) {
            if (!((const uint8_t *)condition->data)[k]) continue;
            memcpy(out, (const char *)x->data + (i * rows + k) * bytes, bytes);
            out += bytes;
        }
    }
    return MITE_OK;
}

const mite_op mite_op_compress = {
    .name = "compress",
    .attrs = compress_attrs,
    .attr_count = 2,
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .infer = infer_compress,
    .run = run_compress,
};

// --- one_hot -------------------------------------------------------------------------------------

static const mite_attr one_hot_attrs[] = {{"axis", 'i', 1, -1}};

static mite_status infer_one_hot(mite_step *s) {
    const mite_view *x = s->inputs[0], *depth = s->inputs[1], *values = s->inputs[2];
    int32_t shape[MITE_MAX_RANK + 1], axis = mite_attr_int(s, 0);
    int64_t size;
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], values->dtype);
    if (status) return status;
    if (depth->elements != 1 || values->elements != 2)
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "wanted are one depth and two values, given %z and %z",
                              depth->elements, values->elements);
    mite_step_expect_rank(s, 0, (size_t)x->rank + 1);
    if (!depth->known) return mite_step_wait(s, 1);
    mite_load_integers(&size, depth->known, depth->dtype, 1, 1);
    if (size < 0 || size > INT32_MAX)
        return mite_step_fail(s, MITE_ERR_FORMAT, "depth %D is impossible", size);
    if (axis < -x->rank - 1 || axis > x->rank || x->rank == MITE_MAX_RANK)
        return mite_step_fail(s, MITE_ERR_FORMAT, "axis %d does not exist in %d dimensions", axis,
                              x->rank + 1);
    size_t at = (size_t)(axis < 0 ? axis + x->rank + 1 : axis);
    for (size_t i = 0; i <= (size_t)x->rank; i++)
        shape[i] = i < at ? x->shape[i] : i == at ? (int32_t)size : x->shape[i - 1];
    return mite_step_set_shape(s, 0, (size_t)x->rank + 1, shape);
}

static mite_status run_one_hot(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *values = s->inputs[2], *out = s->outputs[0];
    (void)part, (void)part_count, (void)scratch;
    int32_t axis = mite_attr_int(s, 0);
    size_t at = (size_t)(axis < 0 ? axis + x->rank + 1 : axis), item = mite_dtype_bytes(out->dtype);
    size_t inner = mite_extent(x, at, (size_t)x->rank), depth = (size_t)out->shape[at];
    for (size_t i = 0; i < out->elements; i++)
        memcpy((char *)out->data + i * item, values->data, item);
    for (size_t i = 0; i < x->elements; i++) {
        int64_t index;
        mite_load_integers(&index, (const char *)x->data + i * mite_dtype_bytes(x->dtype), x->dtype,
                           1, 1);
        if (index < 0) index += (int64_t)depth;
        if (index < 0 || index >= (int64_t)depth) continue; // all off, as ONNX has it
        size_t to = (i / inner * depth + (size_t)index) * inner + i % inner;
        memcpy((char *)out->data + to * item, (const char *)values->data + item, item);
    }
    return MITE_OK;
}

const mite_op mite_op_one_hot = {
    .name = "one_hot",
    .attrs = one_hot_attrs,
    .attr_count = 1,
    .min_inputs = 3,
    .max_inputs = 3,
    .output_count = 1,
    .infer = infer_one_hot,
    .run = run_one_hot,
};
