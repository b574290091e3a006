// SPDX-License-Identifier: Apache-2.0
// range, eye_like, trilu: numbers in order, the unit matrix, a triangle of a matrix. Any type.
#include "../common.h"
#include "elements.h"

#include <math.h>

// --- range ----------------------------------------------------------------------------------------

// Start, limit and delta of one type: start + i delta, up to the limit and without it.
static mite_status infer_range(mite_step *s) {
    double reals[3];
    int64_t integers[3];
    mite_dtype dtype = s->outputs[0]->dtype;
    for (size_t k = 0; k < 3; k++) {
        const mite_view *v = s->inputs[k];
        mite_status status = mite_step_need_type(s, "input", v, dtype);
        if (status) return status;
        if (v->elements != 1)
            return mite_step_fail(s, MITE_ERR_FORMAT, "input %z has %z elements, wanted is one", k,
                                  v->elements);
        mite_step_expect_rank(s, 0, 1);
        if (!v->known) return mite_step_wait(s, k);
        mite_load_reals(&reals[k], v->known, dtype, 1, 1);
        mite_load_integers(&integers[k], v->known, dtype, 1, 1);
    }
    double count = ceil((reals[1] - reals[0]) / reals[2]);
    if (!mite_is_real(dtype) && integers[2]) { // exactly: the difference may take 64 bits
        bool up = reals[2] > 0, any = up ? reals[1] > reals[0] : reals[1] < reals[0];
        uint64_t length = (uint64_t)integers[1] - (uint64_t)integers[0];
        uint64_t delta = (uint64_t)integers[2];
        uint64_t steps = up ? (length - 1) / delta : (-length - 1) / -delta;
        count = any ? (double)steps + 1 : 0;
    }
    if (!(count <= INT32_MAX))
        return mite_step_fail(s, MITE_ERR_FORMAT, "its start, limit and delta make no finite list");
    int32_t size = count > 0 ? (int32_t)count : 0;
    return mite_step_set_shape(s, 0, 1, &size);
}

static mite_status run_range(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    (void)part, (void)part_count, (void)scratch;
    const mite_view *out = s->outputs[0];
    double start, delta;
    int64_t first, step;
    mite_load_reals(&start, s->inputs[0]->data, out->dtype, 1, 1);
    mite_load_reals(&delta, s->inputs[2]->data, out->dtype, 1, 1);
    mite_load_integers(&first, s->inputs[0]->data, out->dtype, 1, 1);
    mite_load_integers(&step, s->inputs[2]->data, out->dtype, 1, 1);
    for (size_t i = 0; i < out->elements; i++) {
        void *to = (char *)out->data + i * mite_dtype_bytes(out->dtype);
        double real = start + (double)i * delta;
        int64_t integer = (int64_t)((uint64_t)first + (uint64_t)i * (uint64_t)step);
        if (mite_is_real(out->dtype)) mite_store_reals(to, out->dtype, 1, &real, 1);
        else mite_store_integers(to, out->dtype, 1, &integer, 1);
    }
    return MITE_OK;
}

const mite_op mite_op_range = {
    .name = "range",
    .min_inputs = 3,
    .max_inputs = 3,
    .output_count = 1,
    .infer = infer_range,
    .run = run_range,
};

// --- eye_like -------------------------------------------------------------------------------------

static const mite_attr eye_attrs[] = {{"k", 'i', 1, 0}}; // diagonal, above the main one

static mite_status infer_eye(mite_step *s) {
    if (s->inputs[0]->rank != 2)
        return mite_step_fail(s, MITE_ERR_FORMAT, "x of rank %d is no matrix", s->inputs[0]->rank);
    return mite_step_same_shape(s);
}

static mite_status run_eye(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    (void)part, (void)part_count, (void)scratch;
    const mite_view *out = s->outputs[0];
    size_t item = mite_dtype_bytes(out->dtype);
    const double one = 1;
    if (out->elements) memset(out->data, 0, out->elements * item);
    for (int64_t i = 0; i < out->shape[0]; i++) {
        int64_t column = i + mite_attr_int(s, 0);
        if (column < 0 || column >= out->shape[1]) continue;
        mite_store_reals((char *)out->data + (size_t)(i * out->shape[1] + column) * item,
                         out->dtype, 1, &one, 1);
    }
    return MITE_OK;
}

const mite_op mite_op_eye_like = {
    .name = "eye_like",
    .attrs = eye_attrs,
    .attr_count = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .needs_only_shapes = true,
    .infer = infer_eye,
    .run = run_eye,
};

// --- trilu ----------------------------------------------------------------------------------------

// The elements on one side of diagonal k (input 1, a single integer; absent: 0), zeros elsewhere.
static const mite_attr trilu_attrs[] = {{"upper", 'i', 1, 1}};

static mite_status infer_trilu(mite_step *s) {
    const mite_view *x = s->inputs[0], *k = mite_step_input(s, 1);
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status && k) status = mite_step_need_type(s, "k", k, MITE_I64);
    if (status) return status;
    if (x->rank < 2 || (k && k->elements != 1))
        return mite_step_fail(s, MITE_ERR_FORMAT, "x has %d dimensions and k is no single number",
                              x->rank);
    return mite_step_same_shape(s);
}

static mite_status run_trilu(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    (void)part, (void)part_count, (void)scratch;
    const mite_view *x = s->inputs[0], *k = mite_step_input(s, 1);
    int64_t diagonal = k ? *(const int64_t *)k->data : 0, columns = x->shape[x->rank - 1];
    int64_t rows = x->shape[x->rank - 2];
    size_t item = mite_dtype_bytes(x->dtype), bytes = (size_t)columns * item;
    bool upper = mite_attr_int(s, 0) != 0;
    // Beyond the matrix one diagonal is like another.
    if (diagonal > columns) diagonal = columns;
    if (diagonal < -rows - 1) diagonal = -rows - 1;
    for (size_t row = 0; row * bytes < x->elements * item; row++) {
        // Elements before `border` are below the diagonal: those from it on are the upper ones.
        int64_t border = (int64_t)(row % (size_t)rows) + diagonal + (upper ? 0 : 1);
        size_t below = (size_t)(border < 0 ? 0 : border > columns ? columns : border) * item;
        char *to = (char *)s->outputs[0]->data + row * bytes;
        if (to != (const char *)x->data + row * bytes)
            memcpy(to, (const char *)x->data + row * bytes, bytes);
        if (upper) memset(to, 0, below);
        else memset(to + below, 0, bytes - below);
    }
    return MITE_OK;
}

const mite_op mite_op_trilu = {
    .name = "trilu",
    .attrs = trilu_attrs,
    .attr_count = 1,
    .min_inputs = 1,
    .max_inputs = 2,
    .output_count = 1,
    .infer = infer_trilu,
    .plan = mite_step_plan_in_place,
    .run = run_trilu,
};
