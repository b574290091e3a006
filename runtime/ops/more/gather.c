// SPDX-License-Identifier: Apache-2.0
// gather: slices of x along an axis, one for each index (ONNX Gather); gather_elements: for every
// index one element, which lies elsewhere along the axis only (GatherElements); gather_nd: the last
// dimension of the indices says where a slice begins (GatherND). Inputs: x of any type, indices.
#include "index.h"

static const mite_attr axis_attrs[] = {{"axis", 'i', 1, 0}};
static const mite_attr nd_attrs[] = {{"batch_dims", 'i', 1, 0}};

static mite_status check(mite_step *s) {
    mite_status status = mite_need_indices(s, "indices", s->inputs[1]);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], s->inputs[0]->dtype);
    return status;
}

static const char *element(const mite_view *v, size_t at) {
    return (const char *)v->data + at * mite_dtype_bytes(v->dtype);
}

// --- gather --------------------------------------------------------------------------------------

static mite_status infer_gather(mite_step *s) {
    const mite_view *x = s->inputs[0], *indices = s->inputs[1];
    int32_t shape[2 * MITE_MAX_RANK];
    size_t axis = 0, rank = (size_t)x->rank + (size_t)indices->rank - 1, k = 0;
    mite_status status = check(s);
    if (!status) status = mite_step_axis(s, 0, x->rank, &axis);
    if (status) return status;
    for (size_t i = 0; i < axis; i++) shape[k++] = x->shape[i];
    for (size_t i = 0; i < (size_t)indices->rank; i++) shape[k++] = indices->shape[i];
    for (size_t i = axis + 1; i < (size_t)x->rank; i++) shape[k++] = x->shape[i];
    return mite_step_set_shape(s, 0, rank, shape);
}

static mite_status run_gather(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *indices = s->inputs[1];
    (void)part, (void)part_count, (void)scratch;
    size_t axis = mite_axis_of(s, 0);
    size_t outer = mite_extent(x, 0, axis), inner = mite_extent(x, axis + 1, (size_t)x->rank);
    size_t bytes = inner * mite_dtype_bytes(x->dtype), rows = (size_t)x->shape[axis];
    char *out = s->outputs[0]->data;
    for (size_t i = 0; i < outer && s->outputs[0]->elements; i++) {
        for (size_t k = 0; k < indices->elements; k++, out += bytes) {
            size_t at;
            if (mite_index_at(s, indices, k, x->shape[axis], &at)) return s->error->status;
            memcpy(out, element(x, (i * rows + at) * inner), bytes);
        }
    }
    return MITE_OK;
}

// --- gather_elements -----------------------------------------------------------------------------

static mite_status infer_elements(mite_step *s) {
    const mite_view *x = s->inputs[0], *indices = s->inputs[1];
    size_t axis = 0;
    mite_status status = check(s);
    if (!status) status = mite_step_axis(s, 0, x->rank, &axis);
    if (status) return status;
    bool fits = x->rank == indices->rank;
    for (size_t i = 0; fits && i < (size_t)x->rank; i++)
        fits = i == axis || indices->shape[i] <= x->shape[i];
    if (!fits)
        return mite_step_fail(s, MITE_ERR_FORMAT, "indices of shape %T do not fit x of shape %T",
                              (size_t)indices->rank, indices->shape, (size_t)x->rank, x->shape);
    return mite_step_set_shape(s, 0, (size_t)x->rank, indices->shape);
}

static mite_status run_elements(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *indices = s->inputs[1];
    (void)part, (void)part_count, (void)scratch;
    size_t rank = (size_t)x->rank, item = mite_dtype_bytes(x->dtype);
    size_t axis = mite_axis_of(s, 0);
    int32_t place[MITE_MAX_RANK] = {0};
    char *out = s->outputs[0]->data;
    for (size_t k = 0; k < indices->elements; k++, out += item) {
        size_t at, from = 0;
        if (mite_index_at(s, indices, k, x->shape[axis], &at)) return s->error->status;
        for (size_t i = 0; i < rank; i++)
            from = from * (size_t)x->shape[i] + (i == axis ? at : (size_t)place[i]);
        memcpy(out, element(x, from), item);
        mite_next_place(place, indices);
    }
    return MITE_OK;
}

// --- gather_nd -----------------------------------------------------------------------------------

static mite_status infer_nd(mite_step *s) {
    const mite_view *x = s->inputs[0], *indices = s->inputs[1];
    int32_t shape[2 * MITE_MAX_RANK], batch = mite_attr_int(s, 0);
    mite_status status = check(s);
    if (status) return status;
    int32_t depth = indices->rank ? indices->shape[indices->rank - 1] : 0;
    bool fits = batch >= 0 && batch < indices->rank && batch < x->rank && depth >= 0 &&
                depth <= x->rank - batch;
    for (int32_t i = 0; fits && i < batch; i++) fits = x->shape[i] == indices->shape[i];
    if (!fits)
        return mite_step_fail(
            s, MITE_ERR_FORMAT, "indices of shape %T do not fit x of shape %T with batch_dims %d",
            (size_t)indices->rank, indices->shape, (size_t)x->rank, x->shape, batch);
    size_t k = 0;
    for (int32_t i = 0; i + 1 < indices->rank; i++) shape[k++] = indices->shape[i];
    for (int32_t i = batch + depth; i < x->rank; i++) shape[k++] = x->shape[i];
    return mite_step_set_shape(s, 0, k, shape);
}

static mite_status run_nd(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *indices = s->inputs[1];
    (void)part, (void)part_count, (void)scratch;
    size_t batch = (size_t)mite_attr_int(s, 0), depth = (size_t)indices->shape[indices->rank - 1];
    size_t batches = mite_extent(x, 0, batch);
    size_t slices = mite_extent(indices, batch, (size_t)indices->rank - 1);
    size_t inner = mite_extent(x, batch + depth, (size_t)x->rank);
    size_t bytes = inner * mite_dtype_bytes(x->dtype), k = 0;
    char *out = s->outputs[0]->data;
    if (!s->outputs[0]->elements) return MITE_OK;
    for (size_t i = 0; i < batches; i++) {
        for (size_t j = 0; j < slices; j++, out += bytes) {
            size_t from = i;
            for (size_t d = 0; d < depth; d++, k++) {
                size_t at;
                int32_t size = x->shape[batch + d];
                if (mite_index_at(s, indices, k, size, &at)) return s->error->status;
                from = from * (size_t)size + at;
            }
            memcpy(out, element(x, from * inner), bytes);
        }
    }
    return MITE_OK;
}

// clang-format off
#define GATHER(NAME, ATTRS, INFER, RUN) \
    const mite_op mite_op_##NAME = { \
        .name = #NAME, \
        .attrs = ATTRS, \
        .attr_count = 1, \
        .min_inputs = 2, \
        .max_inputs = 2, \
        .output_count = 1, \
        .infer = INFER, \
        .run = RUN, \
    }
// clang-format on

GATHER(gather, axis_attrs, infer_gather, run_gather);
GATHER(gather_elements, axis_attrs, infer_elements, run_elements);
GATHER(gather_nd, nd_attrs, infer_nd, run_nd);
