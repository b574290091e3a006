// SPDX-License-Identifier: Apache-2.0
// A copy of x with some elements replaced by updates, or combined with them, in the order of the
// indices. scatter_elements: an update for every index, which says its place along one axis (ONNX
// ScatterElements, Scatter); scatter_nd: a slice for every row of indices (ScatterND); scatter_rows:
// a sequence of updates from a given position on in each batch (TensorScatter). Any type.
#include "index.h"

enum { REDUCTION, AXIS }; // attribute words of the first two; reduction is a mite_combine

static const mite_attr attrs[] = {
    [REDUCTION] = {"reduction", 'i', 1, 0},
    [AXIS] = {"axis", 'i', 1, 0},
};

static mite_status same_as_x(mite_step *s) {
    const mite_view *x = s->inputs[0], *updates = mite_step_input(s, s->node->op->min_inputs - 1u);
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status) status = mite_step_need_type(s, "updates", updates, x->dtype);
    return status ? status : mite_step_same_shape(s);
}

static mite_status start(const mite_step *s) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    if (out->data != x->data && x->elements)
        memcpy(out->data, x->data, x->elements * mite_dtype_bytes(x->dtype));
    return MITE_OK;
}

static mite_status check(mite_step *s) {
    mite_status status = mite_need_indices(s, "indices", s->inputs[1]);
    if (!status &&
        (mite_attr_int(s, REDUCTION) < 0 || mite_attr_int(s, REDUCTION) > MITE_COMBINE_MIN))
        status = mite_step_fail(s, MITE_ERR_FORMAT, "reduction %d is none", mite_attr_int(s, 0));
    return status ? status : same_as_x(s);
}

// --- scatter_elements ----------------------------------------------------------------------------

static mite_status infer_elements(mite_step *s) {
    const mite_view *x = s->inputs[0], *indices = s->inputs[1], *updates = s->inputs[2];
    size_t axis = 0;
    mite_status status = check(s);
    if (!status) status = mite_step_axis(s, AXIS, x->rank, &axis);
    if (status) return status;
    bool fits = x->rank == indices->rank && mite_same_shape(indices, updates);
    for (size_t i = 0; fits && i < (size_t)x->rank; i++)
        fits = i == axis || indices->shape[i] <= x->shape[i];
    if (fits) return MITE_OK;
    return mite_step_fail(s, MITE_ERR_FORMAT,
                          "indices of shape %T and updates of shape %T do not fit x of shape %T",
                          (size_t)indices->rank, indices->shape, (size_t)updates->rank,
                          updates->shape, (size_t)x->rank, x->shape);
}

static mite_status run_elements(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *indices = s->inputs[1], *updates = s->inputs[2];
    (void)part, (void)part_count, (void)scratch;
    size_t rank = (size_t)x->rank, item = mite_dtype_bytes(x->dtype);
    size_t axis = mite_axis_of(s, AXIS);
    mite_combine op = (mite_combine)mite_attr_int(s, REDUCTION);
    int32_t place[MITE_MAX_RANK] = {0};
    const char *from = updates->data;
    start(s);
    for (size_t k = 0; k < indices->elements; k++, from += item) {
        size_t at, to = 0;
        if (mite_index_at(s, indices, k, x->shape[axis], &at)) return s->error->status;
        for (size_t i = 0; i < rank; i++)
            to = to * (size_t)x->shape[i] + (i == axis ? at : (size_t)place[i]);
        mite_combine_elements((char *)s->outputs[0]->data + to * item, from, x->dtype, 1, op);
        mite_next_place(place, indices);
    }
    return MITE_OK;
}

// --- scatter_nd ----------------------------------------------------------------------------------

static mite_status infer_nd(mite_step *s) {
    const mite_view *x = s->inputs[0], *indices = s->inputs[1], *updates = s->inputs[2];
    mite_status status = check(s);
    if (status) return status;
    int32_t depth = indices->rank ? indices->shape[indices->rank - 1] : 0;
    bool fits = indices->rank > 0 && depth <= x->rank &&
                updates->rank == indices->rank - 1 + x->rank - depth;
    for (int32_t i = 0; fits && i < updates->rank; i++)
        fits =
            updates->shape[i] ==
            (i + 1 < indices->rank ? indices->shape[i] : x->shape[i + 1 - indices->rank + depth]);
    if (fits) return MITE_OK;
    return mite_step_fail(s, MITE_ERR_FORMAT,
                          "indices of shape %T and updates of shape %T do not fit x of shape %T",
                          (size_t)indices->rank, indices->shape, (size_t)updates->rank,
                          updates->shape, (size_t)x->rank, x->shape);
}

static mite_status run_nd(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *indices = s->inputs[1];
    (void)part, (void)part_count, (void)scratch;
    size_t depth = (size_t)indices->shape[indices->rank - 1];
    size_t slices = mite_extent(indices, 0, (size_t)indices->rank - 1);
    size_t inner = mite_extent(x, depth, (size_t)x->rank);
    size_t bytes = inner * mite_dtype_bytes(x->dtype);
    const char *from = s->inputs[2]->data;
    start(s);
    for (size_t j = 0; j < slices && bytes; j++, from += bytes) {
        size_t to = 0;
        for (size_t d = 0; d < depth; d++) {
            size_t at;
            if (mite_index_at(s, indices, j * depth + d, x->shape[d], &at)) return s->error->status;
            to = to * (size_t)x->shape[d] + at;
        }
        mite_combine_elements((char *)s->outputs[0]->data + to * bytes, from, x->dtype, inner,
                              (mite_combine)mite_attr_int(s, REDUCTION));
    }
    return MITE_OK;
}

// --- scatter_rows --------------------------------------------------------------------------------

enum { ROWS_AXIS, CIRCULAR };

static const mite_attr rows_attrs[] = {
    [ROWS_AXIS] = {"axis", 'i', 1, -2},
    [CIRCULAR] = {"circular", 'i', 1, 0}, // 1: positions past the end begin again at 0
};

// Inputs: x [batch, …, rows, …], updates of the same shape but for the axis, and the position of the
// first one in each batch (absent: 0).
static mite_status infer_rows(mite_step *s) {
    const mite_view *x = s->inputs[0], *updates = s->inputs[1], *first = mite_step_input(s, 2);
    size_t axis = 0;
    mite_status status = same_as_x(s);
    if (!status && first) status = mite_need_indices(s, "positions", first);
    if (!status) status = mite_step_axis(s, ROWS_AXIS, x->rank, &axis);
    if (status) return status;
    bool fits = x->rank == updates->rank && axis > 0 && updates->shape[axis] <= x->shape[axis] &&
                (!first || first->elements == (size_t)x->shape[0]);
    for (size_t i = 0; fits && i < (size_t)x->rank; i++)
        fits = i == axis || x->shape[i] == updates->shape[i];
    if (fits) return MITE_OK;
    return mite_step_fail(s, MITE_ERR_FORMAT, "updates of shape %T do not fit x of shape %T",
                          (size_t)updates->rank, updates->shape, (size_t)x->rank, x->shape);
}

static mite_status run_rows(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *updates = s->inputs[1], *first = mite_step_input(s, 2);
    (void)part, (void)part_count, (void)scratch;
    size_t axis = mite_axis_of(s, ROWS_AXIS);
    size_t rows = (size_t)x->shape[axis], some = (size_t)updates->shape[axis];
    size_t middle = mite_extent(x, 1, axis), inner = mite_extent(x, axis + 1, (size_t)x->rank);
    size_t bytes = inner * mite_dtype_bytes(x->dtype);
    const char *from = updates->data;
    start(s);
    if (!updates->elements) return MITE_OK;
    for (size_t batch = 0; batch < (size_t)x->shape[0]; batch++) {
        size_t at = 0;
        bool circular = mite_attr_int(s, CIRCULAR) != 0;
        if (first && mite_index_at(s, first, batch, x->shape[axis], &at)) return s->error->status;
        if (!circular && some > rows - at)
            return mite_step_fail(s, MITE_ERR_FORMAT, "%z rows from position %z on leave the %z",
                                  some, at, rows);
        for (size_t i = 0; i < middle; i++) {
            char *to = (char *)s->outputs[0]->data + (batch * middle + i) * rows * bytes;
            for (size_t k = 0; k < some; k++, from += bytes)
                memcpy(to + (at + k) % rows * bytes, from, bytes);
        }
    }
    return MITE_OK;
}

// clang-format off
#define SCATTER(NAME, ATTRS, COUNT, LEAST, INFER, RUN) \
    const mite_op mite_op_##NAME = { \
        .name = #NAME, \
        .attrs = ATTRS, \
        .attr_count = COUNT, \
        .min_inputs = LEAST, \
        .max_inputs = 3, \
        .output_count = 1, \
        .infer = INFER, \
        .plan = mite_step_plan_in_place, \
        .run = RUN, \
    }
// clang-format on

SCATTER(scatter_elements, attrs, 2, 3, infer_elements, run_elements);
SCATTER(scatter_nd, attrs, 1, 3, infer_nd, run_nd);
SCATTER(scatter_rows, rows_attrs, 2, 2, infer_rows, run_rows);
