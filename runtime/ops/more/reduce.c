// SPDX-License-Identifier: Apache-2.0
// reduce: one number of all along some axes (functions.h), for elements of every type. Sums are
// made in f64 or in 64-bit integers that wrap, and rounded once. Axes are an input that may be
// absent or settled by a run.
//
// With a multiplier, products of quanta (u8 or i16) as TensorFlow Lite's reference kernel has them, to
// the bit: rounded behind every factor, which is the scale of x over the root of that of the result
// (`multiplier` of 15 bits, times 2^(shift - 15)).
#include "../common.h"
#include "../walk.h"
#include "axes.h"
#include "elementary.h"
#include "elements.h"
#include "fixed.h"
#include "functions.h"

#include <math.h>

enum { FUNCTION, KEEP_DIMS, KEEP_ALL, MULTIPLIER, SHIFT }; // attribute words

static const mite_attr attrs[] = {
    [FUNCTION] = {"function", 'i', 1, 0}, // mite_reduce
    [KEEP_DIMS] = {"keep_dims", 'i', 1, 1},
    [KEEP_ALL] = {"keep_all", 'i', 1, 0}, // without axes none is reduced, else all are
    [MULTIPLIER] = {"multiplier", 'i', 1, 0},
    [SHIFT] = {"shift", 'i', 1, 0},
};

typedef struct state {
    mite_walk results, values; // where each result begins in x; its values from there
    mite_reduce function;
    bool integers;
} state;

static mite_status find_axes(mite_step *s, bool reduced[MITE_MAX_RANK]) {
    const mite_view *axes = mite_step_input(s, 1);
    size_t rank = (size_t)s->inputs[0]->rank;
    for (size_t i = 0; i < rank; i++) reduced[i] = !mite_attr_int(s, KEEP_ALL);
    return axes && axes->elements ? mite_step_axes(s, 1, rank, reduced) : MITE_OK;
}

static mite_status check_factor(mite_step *s) {
    int32_t multiplier = mite_attr_int(s, MULTIPLIER), shift = mite_attr_int(s, SHIFT);
    mite_dtype dtype = s->inputs[0]->dtype;
    bool fits = mite_attr_int(s, FUNCTION) == MITE_REDUCE_PROD && multiplier >= 0 &&
                multiplier <= 1 << 15 && shift >= -31 && shift <= 14 &&
                (dtype == MITE_U8 || dtype == MITE_I16);
    if (!multiplier || fits) return MITE_OK;
    return mite_step_fail(s, MITE_ERR_FORMAT,
                          "multiplier %d and shift %d are out of range, or not for %s", multiplier,
                          shift, mite_dtype_name(dtype));
}

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int32_t function = mite_attr_int(s, FUNCTION), shape[MITE_MAX_RANK];
    bool reduced[MITE_MAX_RANK];
    size_t rank = 0;
    if (function < 0 || function >= MITE_REDUCE_COUNT)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "there is no function %d", function);
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status) status = check_factor(s);
    if (!status) status = find_axes(s, reduced);
    if (status) return status;
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        if (!reduced[i]) shape[rank++] = x->shape[i];
        else if (mite_attr_int(s, KEEP_DIMS)) shape[rank++] = 1;
    }
    return mite_step_set_shape(s, 0, rank, shape);
}

// Walks over the dimensions of x that are reduced, or over the others.
static void walk_some(mite_walk *w, const mite_view *x, const bool *reduced, bool which) {
    ptrdiff_t strides[MITE_MAX_RANK];
    int32_t shape[MITE_MAX_RANK];
    size_t rank = 0;
    mite_view_strides(strides, x);
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        if (reduced[i] != which) continue;
        w->strides[0][rank] = strides[i];
        shape[rank++] = x->shape[i];
    }
    mite_walk_merge(w, 1, rank, shape);
}

static mite_status prepare(mite_step *s) {
    state *st = s->state;
    const mite_view *x = s->inputs[0];
    bool reduced[MITE_MAX_RANK];
    mite_status status = find_axes(s, reduced);
    if (status) return status;
    walk_some(&st->results, x, reduced, false);
    walk_some(&st->values, x, reduced, true);
    st->function = (mite_reduce)mite_attr_int(s, FUNCTION);
    st->integers = !mite_is_real(x->dtype) && st->function <= MITE_REDUCE_SUM_SQUARE;
    s->max_parts = mite_max_size(1, s->outputs[0]->elements);
    return MITE_OK;
}

// --- One result -----------------------------------------------------------------------------------

typedef struct total {
    double real;
    int64_t integer;
    bool begun;
} total;

static void add_reals(mite_reduce function, total *t, const double *x, size_t count, double shift) {
    double sum = t->real;
    for (size_t i = 0; i < count; i++) {
        switch (function) {
        case MITE_REDUCE_MAX: sum = sum < x[i] || x[i] != x[i] ? x[i] : sum; break;
        case MITE_REDUCE_MIN: sum = sum > x[i] || x[i] != x[i] ? x[i] : sum; break;
        case MITE_REDUCE_PROD: sum *= x[i]; break;
        case MITE_REDUCE_L1: sum += fabs(x[i]); break;
        case MITE_REDUCE_SUM_SQUARE:
        case MITE_REDUCE_L2: sum += x[i] * x[i]; break;
        case MITE_REDUCE_LOG_SUM_EXP: sum += mite_f64_exp(x[i] - shift); break;
        default: sum += x[i];
        }
    }
    t->real = sum;
}

static void add_integers(mite_reduce function, total *t, const int64_t *x, size_t count,
                         bool is_unsigned) {
    uint64_t sum = (uint64_t)t->integer;
    for (size_t i = 0; i < count; i++) {
        uint64_t value = (uint64_t)x[i];
        bool less = is_unsigned ? value < sum : x[i] < (int64_t)sum;
        switch (function) {
        case MITE_REDUCE_MAX: sum = less ? sum : value; break;
        case MITE_REDUCE_MIN: sum = less ? value : sum; break;
        case MITE_REDUCE_PROD: sum *= value; break;
        case MITE_REDUCE_L1: sum += x[i] < 0 && !is_unsigned ? -value : value; break;
        case MITE_REDUCE_SUM_SQUARE: sum += value * value; break;
        default: sum += value;
        }
    }
    t->integer = (int64_t)sum;
}

static int32_t scaled(const mite_step *s, int64_t product) {
    int32_t right = 15 - mite_attr_int(s, SHIFT);
    return (int32_t)mite_fixed_product(product, mite_attr_int(s, MULTIPLIER), right);
}

static void multiply_quanta(const mite_step *s, total *t, const int64_t *q, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int64_t x = q[i] - s->inputs[0]->zero_point;
        t->integer = t->begun ? scaled(s, t->integer * x) : x;
        t->begun = true;
    }
}

// What a result is of no values.
static total nothing(const state *st, mite_reduce function, mite_dtype dtype) {
    total t = {0};
    int64_t low, high;
    if (st->integers) {
        mite_integer_range(dtype, &low, &high);
        if (dtype == MITE_U64) high = -1; // all bits
        t.integer = function == MITE_REDUCE_MAX    ? low
                    : function == MITE_REDUCE_MIN  ? high
                    : function == MITE_REDUCE_PROD ? 1
                                                   : 0;
    } else {
        t.real = function == MITE_REDUCE_MAX    ? -INFINITY
                 : function == MITE_REDUCE_MIN  ? INFINITY
                 : function == MITE_REDUCE_PROD ? 1
                                                : 0;
    }
    return t;
}

static total sum_up(const mite_step *s, mite_reduce function, ptrdiff_t from, double shift) {
    const state *st = s->state;
    const mite_view *x = s->inputs[0];
    const mite_walk *w = &st->values;
    size_t item = mite_dtype_bytes(x->dtype);
    total t = nothing(st, function, x->dtype);
    for (size_t run = 0; run < w->runs; run++) {
        for (size_t at = 0; at < w->length; at += MITE_RUN) {
            double reals[MITE_RUN];
            int64_t integers[MITE_RUN];
            size_t count = mite_min_size(MITE_RUN, w->length - at);
            ptrdiff_t offset = from + mite_walk_offset(w, 0, run, at);
            const void *in = (const char *)x->data + offset * (ptrdiff_t)item;
            if (st->integers) {
                mite_load_integers(integers, in, x->dtype, w->strides[0][w->rank - 1], count);
                if (mite_attr_int(s, MULTIPLIER)) multiply_quanta(s, &t, integers, count);
                else add_integers(function, &t, integers, count, mite_is_unsigned(x->dtype));
            } else {
                mite_load_reals(reals, in, x->dtype, w->strides[0][w->rank - 1], count);
                add_reals(function, &t, reals, count, shift);
            }
        }
    }
    return t;
}

static int64_t integer_mean(int64_t sum, size_t count, bool is_unsigned) {
    if (!count) return 0;
    return is_unsigned ? (int64_t)((uint64_t)sum / count) : sum / (int64_t)count;
}

static int64_t quantum(const mite_step *s, int64_t product) {
    int64_t q = (int64_t)scaled(s, product) + s->outputs[0]->zero_point, low, high;
    mite_integer_range(s->outputs[0]->dtype, &low, &high);
    return q < low ? low : q > high ? high : q;
}

static total result_at(const mite_step *s, ptrdiff_t from) {
    const state *st = s->state;
    const mite_view *x = s->inputs[0];
    size_t count = st->values.runs * st->values.length;
    double shift = 0;
    if (st->function == MITE_REDUCE_LOG_SUM_EXP) {
        shift = sum_up(s, MITE_REDUCE_MAX, from, 0).real;
        if (fabs(shift) == INFINITY) shift = 0; // inf - inf is no number
    }
    total t = sum_up(s, st->function, from, shift);
    switch (st->function) {
    case MITE_REDUCE_MEAN:
        t.real /= (double)count;
        t.integer = integer_mean(t.integer, count, mite_is_unsigned(x->dtype));
        break;
    case MITE_REDUCE_L2: t.real = sqrt(t.real); break;
    case MITE_REDUCE_LOG_SUM:
    case MITE_REDUCE_LOG_SUM_EXP: t.real = mite_f64_log(t.real) + shift; break;
    case MITE_REDUCE_PROD:
        if (mite_attr_int(s, MULTIPLIER)) t.integer = quantum(s, t.integer);
        break;
    default: break;
    }
    return t;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *out = s->outputs[0];
    size_t first, last;
    (void)scratch;
    mite_part_range(out->elements, 1, part, part_count, &first, &last);
    for (size_t i = first; i < last; i++) {
        const mite_walk *w = &st->results;
        void *to = (char *)out->data + i * mite_dtype_bytes(out->dtype);
        total t = result_at(s, mite_walk_offset(w, 0, i / w->length, i % w->length));
        if (st->integers) mite_store_integers(to, out->dtype, 1, &t.integer, 1);
        else mite_store_reals(to, out->dtype, 1, &t.real, 1);
    }
    return MITE_OK;
}

const mite_op mite_op_reduce = {
    .name = "reduce",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 1,
    .max_inputs = 2,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
