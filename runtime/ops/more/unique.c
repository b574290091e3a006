// SPDX-License-Identifier: Apache-2.0
// unique: the different slices of x along an axis, or the different elements of all (ONNX Unique), sorted
// or in the order in which they first occur. Outputs: the slices; and, i64 vectors, where each one
// occurs first, which one each of the old slices is, and how often each one occurs.
#include "index.h"

#include <stdlib.h>

enum { HAS_AXIS, AXIS, SORTED }; // attribute words

static const mite_attr attrs[] = {
    [HAS_AXIS] = {"has_axis", 'i', 1, 0},
    [AXIS] = {"axis", 'i', 1, 0},
    [SORTED] = {"sorted", 'i', 1, 1},
};

// One slice of x; qsort needs to find everything from an item.
typedef struct slice {
    const struct state *of;
    size_t at; // among the slices of x
    size_t group; // among the different ones, once they are known
} slice;

typedef struct state {
    const mite_view *x;
    const void *data;
    size_t outer, rows, inner; // x as [outer, rows, inner]; a slice is one row
    slice *slices; // owned
    size_t *first; // owned: of each group, the slice that occurs first
    size_t group_count;
} state;

static int compare_at(const state *st, size_t a, size_t b) {
    const mite_view *x = st->x;
    size_t item = mite_dtype_bytes(x->dtype);
    const char *p = (const char *)st->data + a * item, *q = (const char *)st->data + b * item;
    if (mite_is_real(x->dtype)) {
        double u, v;
        mite_load_reals(&u, p, x->dtype, 1, 1);
        mite_load_reals(&v, q, x->dtype, 1, 1);
        if (u == v) return 0;
        bool u_nan = u != u, v_nan = v != v; // NaNs are all different, as in numpy, and last
        if (u_nan || v_nan) return u_nan && v_nan ? (a < b ? -1 : 1) : u_nan - v_nan;
        return u < v ? -1 : 1;
    }
    int64_t u, v;
    mite_load_integers(&u, p, x->dtype, 1, 1);
    mite_load_integers(&v, q, x->dtype, 1, 1);
    if (u == v) return 0;
    bool less = mite_is_unsigned(x->dtype) ? (uint64_t)u < (uint64_t)v : u < v;
    return less ? -1 : 1;
}

static int compare_slices(const slice *a, const slice *b) {
    const state *st = a->of;
    for (size_t o = 0; o < st->outer && a->at != b->at; o++) {
        for (size_t i = 0; i < st->inner; i++) {
            int order = compare_at(st, (o * st->rows + a->at) * st->inner + i,
                                   (o * st->rows + b->at) * st->inner + i);
            if (order) return order;
        }
    }
    return 0;
}

static int by_elements(const void *a, const void *b) {
    const slice *x = a, *y = b;
    int order = compare_slices(x, y);
    return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

static int by_place(const void *a, const void *b) {
    const size_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static void clear(mite_step *s) {
    state *st = s->state;
    free(st->slices);
    free(st->first);
    *st = (state){.x = NULL};
}

// Sorts the slices, numbers the groups of equal ones, and finds where each occurs first.
static mite_status group(mite_step *s) {
    state *st = s->state;
    free(st->slices);
    free(st->first);
    size_t bytes;
    bool fits = mite_size_mul(&bytes, st->rows + 1, sizeof *st->slices);
    st->slices = fits ? malloc(bytes) : NULL;
    st->first = fits ? malloc((st->rows + 1) * sizeof *st->first) : NULL;
    if (!st->slices || !st->first)
        return mite_step_fail(s, MITE_ERR_MEMORY, "not enough memory to sort %z slices", st->rows);
    for (size_t i = 0; i < st->rows; i++) st->slices[i] = (slice){st, i, 0};
    qsort(st->slices, st->rows, sizeof *st->slices, by_elements);
    st->group_count = 0;
    for (size_t i = 0; i < st->rows; i++) {
        bool same = i && compare_slices(&st->slices[i - 1], &st->slices[i]) == 0;
        if (!same) st->first[st->group_count++] = st->slices[i].at; // the lowest comes first
        st->slices[i].group = st->group_count - 1;
    }
    if (mite_attr_int(s, SORTED)) return MITE_OK;
    // In the order of first occurrence: a group's number is the rank of its first slice.
    size_t *sorted = malloc((st->rows + 1) * sizeof *sorted);
    if (!sorted) return mite_step_fail(s, MITE_ERR_MEMORY, "not enough memory to sort slices");
    for (size_t i = 0; i < st->group_count; i++) sorted[i] = st->first[i];
    qsort(sorted, st->group_count, sizeof *sorted, by_place);
    for (size_t i = 0; i < st->rows; i++) {
        const size_t *at = bsearch(&st->first[st->slices[i].group], sorted, st->group_count,
                                   sizeof *sorted, by_place);
        st->slices[i].group = (size_t)(at - sorted);
    }
    free(st->first);
    st->first = sorted;
    return MITE_OK;
}

static mite_status infer(mite_step *s) {
    state *st = s->state;
    const mite_view *x = s->inputs[0];
    size_t axis = 0, rank = mite_attr_int(s, HAS_AXIS) ? (size_t)x->rank : 1;
    int32_t shape[MITE_MAX_RANK];
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status && mite_attr_int(s, HAS_AXIS)) status = mite_step_axis(s, AXIS, x->rank, &axis);
    for (size_t i = 1; i < s->node->output_count && !status; i++)
        status = mite_step_need_type(s, "indices", s->outputs[i], MITE_I64);
    if (status) return status;
    for (size_t i = 0; i < s->node->output_count; i++) mite_step_expect_rank(s, i, i ? 1 : rank);
    if (!x->known) return mite_step_wait(s, 0);
    st->x = x;
    st->data = x->known;
    st->outer = st->inner = 1;
    st->rows = x->elements;
    memcpy(shape, x->shape, sizeof shape);
    if (mite_attr_int(s, HAS_AXIS)) {
        st->outer = mite_extent(x, 0, axis);
        st->rows = (size_t)x->shape[axis];
        st->inner = mite_extent(x, axis + 1, (size_t)x->rank);
    }
    if (st->rows > INT32_MAX)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "%z elements are too many", st->rows);
    if (group(s)) return s->error->status;
    shape[axis] = (int32_t)st->group_count;
    int32_t groups = shape[axis], rows = (int32_t)st->rows;
    status = mite_step_set_shape(s, 0, rank, shape);
    for (size_t i = 1; i < s->node->output_count && !status; i++)
        status = mite_step_set_shape(s, i, 1, i == 2 ? &rows : &groups);
    return status;
}

static void put_slices(const mite_step *s) {
    const state *st = s->state;
    size_t bytes = st->inner * mite_dtype_bytes(st->x->dtype);
    char *out = s->outputs[0]->data;
    for (size_t o = 0; o < st->outer && bytes; o++) {
        for (size_t g = 0; g < st->group_count; g++, out += bytes)
            memcpy(out, (const char *)st->x->data + (o * st->rows + st->first[g]) * bytes, bytes);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    (void)part, (void)part_count, (void)scratch;
    int64_t *lists[4] = {NULL};
    for (size_t i = 1; i < s->node->output_count; i++) lists[i] = s->outputs[i]->data;
    put_slices(s);
    for (size_t g = 0; g < st->group_count; g++) {
        if (lists[1]) lists[1][g] = (int64_t)st->first[g];
        if (lists[3]) lists[3][g] = 0;
    }
    for (size_t i = 0; i < st->rows; i++) {
        if (lists[2]) lists[2][st->slices[i].at] = (int64_t)st->slices[i].group;
        if (lists[3]) lists[3][st->slices[i].group]++;
    }
    return MITE_OK;
}

const mite_op mite_op_unique = {
    .name = "unique",
    .attrs = attrs,
    .attr_count = 3,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .max_outputs = 4,
    .state_bytes = sizeof(state),
    .infer = infer,
    .run = run,
    .clear = clear,
};
