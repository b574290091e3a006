// SPDX-License-Identifier: Apache-2.0
// Order along an axis. top_k: the k largest or smallest elements and where they were (ONNX TopK;
// inputs x, k); arg_extreme: where the largest or smallest one is (ArgMax, ArgMin). Of equal elements
// the one with the lower index comes first; NaN counts as larger than all else.
#include "index.h"

#include <stdlib.h>

enum { AXIS, LARGEST, KEEP_DIMS, LAST }; // attribute words; top_k has the first two

static const mite_attr attrs[] = {
    [AXIS] = {"axis", 'i', 1, -1},
    [LARGEST] = {"largest", 'i', 1, 1},
    [KEEP_DIMS] = {"keep_dims", 'i', 1, 1},
    [LAST] = {"last", 'i', 1, 0}, // 1: of equal elements the last one
};

// An element and its index; what orders them.
typedef struct item {
    double real;
    int64_t integer;
    uint64_t natural;
    size_t at;
} item;

static item item_at(const mite_view *x, size_t offset, size_t at) {
    item it = {.at = at};
    const char *from = (const char *)x->data + offset * mite_dtype_bytes(x->dtype);
    if (mite_is_real(x->dtype)) {
        mite_load_reals(&it.real, from, x->dtype, 1, 1);
    } else {
        mite_load_integers(&it.integer, from, x->dtype, 1, 1);
        it.natural = (uint64_t)it.integer;
        if (mite_is_unsigned(x->dtype)) it.integer = 0;
        else it.natural = 0;
    }
    return it;
}

// Below 0 if a is smaller than b.
static int compare_elements(const item *a, const item *b) {
    if (a->real != b->real) {
        bool a_nan = a->real != a->real, b_nan = b->real != b->real;
        if (a_nan || b_nan) return a_nan - b_nan;
        return a->real < b->real ? -1 : 1;
    }
    if (a->integer != b->integer) return a->integer < b->integer ? -1 : 1;
    if (a->natural != b->natural) return a->natural < b->natural ? -1 : 1;
    return 0;
}

static int smallest_first(const void *a, const void *b) {
    const item *x = a, *y = b;
    int order = compare_elements(x, y);
    return order ? order : x->at < y->at ? -1 : 1;
}

static int largest_first(const void *a, const void *b) {
    const item *x = a, *y = b;
    int order = compare_elements(y, x);
    return order ? order : x->at < y->at ? -1 : 1;
}

static size_t axis_of(const mite_step *s) { return mite_axis_of(s, AXIS); }

// --- top_k ---------------------------------------------------------------------------------------

static mite_status infer_top_k(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int64_t k = 0;
    size_t count, axis;
    int32_t shape[MITE_MAX_RANK];
    mite_status status = mite_step_axis(s, AXIS, x->rank, &axis);
    if (!status) status = mite_step_need_type(s, "values", s->outputs[0], x->dtype);
    if (!status) status = mite_step_need_type(s, "indices", s->outputs[1], MITE_I64);
    for (size_t i = 0; i < 2; i++) mite_step_expect_rank(s, i, (size_t)x->rank);
    if (!status) status = mite_step_integers(s, 1, &k, 1, &count);
    if (status) return status;
    if (count != 1 || k < 0 || k > x->shape[axis])
        return mite_step_fail(s, MITE_ERR_FORMAT, "k is %D, wanted is one number of 0 to %d", k,
                              x->shape[axis]);
    memcpy(shape, x->shape, sizeof shape);
    shape[axis] = (int32_t)k;
    status = mite_step_set_shape(s, 0, (size_t)x->rank, shape);
    return status ? status : mite_step_set_shape(s, 1, (size_t)x->rank, shape);
}

static mite_status plan_top_k(mite_step *s) {
    s->scratch_bytes = (size_t)s->inputs[0]->shape[axis_of(s)] * sizeof(item);
    return MITE_OK;
}

static mite_status run_top_k(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *values = s->outputs[0];
    (void)part, (void)part_count;
    size_t axis = axis_of(s), rows = (size_t)x->shape[axis], k = (size_t)values->shape[axis];
    size_t outer = mite_extent(x, 0, axis), inner = mite_extent(x, axis + 1, (size_t)x->rank);
    size_t bytes = mite_dtype_bytes(x->dtype);
    item *items = scratch;
    for (size_t i = 0; i < outer * inner && k; i++) {
        size_t from = i / inner * rows * inner + i % inner, to = i / inner * k * inner + i % inner;
        for (size_t r = 0; r < rows; r++) items[r] = item_at(x, from + r * inner, r);
        qsort(items, rows, sizeof *items,
              mite_attr_int(s, LARGEST) ? largest_first : smallest_first);
        for (size_t r = 0; r < k; r++) {
            memcpy((char *)values->data + (to + r * inner) * bytes,
                   (const char *)x->data + (from + items[r].at * inner) * bytes, bytes);
            ((int64_t *)s->outputs[1]->data)[to + r * inner] = (int64_t)items[r].at;
        }
    }
    return MITE_OK;
}

const mite_op mite_op_top_k = {
    .name = "top_k",
    .attrs = attrs,
    .attr_count = 2,
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 2,
    .infer = infer_top_k,
    .plan = plan_top_k,
    .run = run_top_k,
};

// --- arg_extreme ---------------------------------------------------------------------------------

static mite_status infer_arg(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int32_t shape[MITE_MAX_RANK];
    size_t axis, rank = 0;
    mite_status status = mite_step_axis(s, AXIS, x->rank, &axis);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_I64);
    if (status) return status;
    if (!x->shape[axis] && x->elements == 0 && mite_extent(x, 0, axis) &&
        mite_extent(x, axis + 1, (size_t)x->rank))
        return mite_step_fail(s, MITE_ERR_FORMAT, "there are no elements along axis %z", axis);
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        if (i != axis) shape[rank++] = x->shape[i];
        else if (mite_attr_int(s, KEEP_DIMS)) shape[rank++] = 1;
    }
    return mite_step_set_shape(s, 0, rank, shape);
}

static mite_status run_arg(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0];
    (void)part, (void)part_count, (void)scratch;
    size_t axis = axis_of(s), rows = (size_t)x->shape[axis];
    size_t outer = mite_extent(x, 0, axis), inner = mite_extent(x, axis + 1, (size_t)x->rank);
    bool largest = mite_attr_int(s, LARGEST) != 0, last = mite_attr_int(s, LAST) != 0;
    int64_t *out = s->outputs[0]->data;
    for (size_t i = 0; i < outer * inner && x->elements; i++) {
        size_t from = i / inner * rows * inner + i % inner;
        item best = item_at(x, from, 0);
        for (size_t r = 1; r < rows; r++) {
            item next = item_at(x, from + r * inner, r);
            int order = largest ? compare_elements(&next, &best) : compare_elements(&best, &next);
            if (order > 0 || (order == 0 && last)) best = next;
        }
        out[i] = (int64_t)best.at;
    }
    return MITE_OK;
}

const mite_op mite_op_arg_extreme = {
    .name = "arg_extreme",
    .attrs = attrs,
    .attr_count = 4,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer_arg,
    .run = run_arg,
};
