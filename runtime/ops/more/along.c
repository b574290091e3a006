// SPDX-License-Identifier: Apache-2.0
// Along one axis: distribution (softmax, log_softmax, hardmax) and cumulate (running sums and
// products), for elements of every type.
#include "../common.h"
#include "elementary.h"
#include "elements.h"
#include "functions.h"

#include <math.h>

// Lines along an axis: `count` elements, `stride` apart, from line_begin on.
typedef struct lines {
    size_t number, count;
    ptrdiff_t stride;
} lines;

static lines lines_of(const mite_view *x, size_t axis) {
    lines l = {.count = (size_t)x->shape[axis], .stride = 1};
    for (size_t i = axis + 1; i < (size_t)x->rank; i++) l.stride *= x->shape[i];
    l.number = l.count ? x->elements / l.count : 0;
    return l;
}

static size_t line_begin(const lines *l, size_t line) {
    size_t stride = (size_t)l->stride;
    return line / stride * stride * l->count + line % stride;
}

static void *element(const mite_view *v, const lines *l, size_t line, size_t at) {
    size_t offset = line_begin(l, line) + at * (size_t)l->stride;
    return (char *)v->data + offset * mite_dtype_bytes(v->dtype);
}

// --- distribution ---------------------------------------------------------------------------------

enum { FUNCTION, AXIS }; // attribute words

static const mite_attr distribution_attrs[] = {
    [FUNCTION] = {"function", 'i', 1, 0}, // mite_distribution
    [AXIS] = {"axis", 'i', 1, -1},
};

static mite_status infer_distribution(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int32_t function = mite_attr_int(s, FUNCTION);
    size_t axis;
    if (function < 0 || function >= MITE_DISTRIBUTION_COUNT)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "there is no function %d", function);
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status) status = mite_step_axis(s, AXIS, x->rank, &axis);
    return status ? status : mite_step_same_shape(s);
}

static mite_status prepare_distribution(mite_step *s) {
    size_t axis;
    mite_status status = mite_step_axis(s, AXIS, s->inputs[0]->rank, &axis);
    if (status) return status;
    lines *l = s->state;
    *l = lines_of(s->inputs[0], axis);
    s->max_parts = mite_max_size(1, l->number);
    return MITE_OK;
}

// The largest of a line and where it first stands; the sum of e^(x - largest).
typedef struct summary {
    double largest, sum;
    size_t at;
} summary;

static summary look_at(const mite_view *x, const lines *l, size_t line, bool adds) {
    summary m = {.largest = -INFINITY};
    double row[MITE_RUN];
    for (int pass = 0; pass < (adds ? 2 : 1); pass++) {
        for (size_t at = 0; at < l->count; at += MITE_RUN) {
            size_t count = mite_min_size(MITE_RUN, l->count - at);
            mite_load_reals(row, element(x, l, line, at), x->dtype, l->stride, count);
            for (size_t i = 0; i < count; i++) {
                if (pass) m.sum += mite_f64_exp(row[i] - m.largest);
                else if (row[i] > m.largest) m.largest = row[i], m.at = at + i;
            }
        }
    }
    return m;
}

static mite_status run_distribution(const mite_step *s, size_t part, size_t part_count,
                                    void *scratch) {
    const lines *l = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    int32_t function = mite_attr_int(s, FUNCTION);
    size_t first, last;
    double row[MITE_RUN];
    (void)scratch;
    mite_part_range(l->number, 1, part, part_count, &first, &last);
    for (size_t line = first; line < last; line++) {
        summary m = look_at(x, l, line, function != MITE_DISTRIBUTION_HARDMAX);
        double log_sum = mite_f64_log(m.sum);
        for (size_t at = 0; at < l->count; at += MITE_RUN) {
            size_t count = mite_min_size(MITE_RUN, l->count - at);
            mite_load_reals(row, element(x, l, line, at), x->dtype, l->stride, count);
            for (size_t i = 0; i < count; i++) {
                double shifted = row[i] - m.largest;
                row[i] = function == MITE_DISTRIBUTION_HARDMAX ? at + i == m.at
                         : function == MITE_DISTRIBUTION_LOG_SOFTMAX
                             ? shifted - log_sum
                             : mite_f64_exp(shifted) / m.sum;
            }
            mite_store_reals(element(out, l, line, at), out->dtype, l->stride, row, count);
        }
    }
    return MITE_OK;
}

const mite_op mite_op_distribution = {
    .name = "distribution",
    .attrs = distribution_attrs,
    .attr_count = sizeof distribution_attrs / sizeof distribution_attrs[0],
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .state_bytes = sizeof(lines),
    .infer = infer_distribution,
    .plan = mite_step_plan_in_place,
    .prepare = prepare_distribution,
    .run = run_distribution,
};

// --- cumulate -------------------------------------------------------------------------------------

enum { PRODUCT, EXCLUSIVE, REVERSE }; // attribute words

static const mite_attr cumulate_attrs[] = {
    [PRODUCT] = {"product", 'i', 1, 0}, // else the sum
    [EXCLUSIVE] = {"exclusive", 'i', 1, 0}, // without the element itself
    [REVERSE] = {"reverse", 'i', 1, 0}, // from the end
};

// Input 1, the axis, decides nothing about shapes: it may be known only in the run. False where
// it does not exist.
static bool cumulate_axis(const mite_step *s, const void *numbers, size_t *axis) {
    int64_t value, rank = s->inputs[0]->rank;
    mite_load_integers(&value, numbers, s->inputs[1]->dtype, 1, 1);
    *axis = (size_t)(value < 0 ? value + rank : value);
    return value >= -rank && value < rank;
}

static mite_status infer_cumulate(mite_step *s) {
    const mite_view *x = s->inputs[0], *axis = s->inputs[1];
    size_t at;
    if ((axis->dtype != MITE_I32 && axis->dtype != MITE_I64) || axis->elements != 1 ||
        (axis->known && !cumulate_axis(s, axis->known, &at)))
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "its axis is no single i32 or i64 that names one "
                              "of %d dimensions",
                              x->rank);
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    return status ? status : mite_step_same_shape(s);
}

static void cumulate_line(const mite_step *s, const lines *l, size_t line) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    bool product = mite_attr_int(s, PRODUCT), exclusive = mite_attr_int(s, EXCLUSIVE);
    bool real = mite_is_real(x->dtype);
    double sum = product, value = 0;
    uint64_t total = product;
    int64_t integer = 0, result;
    for (size_t i = 0; i < l->count; i++) {
        size_t at = mite_attr_int(s, REVERSE) ? l->count - 1 - i : i;
        const void *in = element(x, l, line, at);
        void *to = element(out, l, line, at);
        double before = sum;
        result = (int64_t)total;
        if (real) {
            mite_load_reals(&value, in, x->dtype, 1, 1);
            sum = product ? sum * value : sum + value;
            mite_store_reals(to, out->dtype, 1, exclusive ? &before : &sum, 1);
        } else {
            mite_load_integers(&integer, in, x->dtype, 1, 1);
            total = product ? total * (uint64_t)integer : total + (uint64_t)integer;
            if (!exclusive) result = (int64_t)total;
            mite_store_integers(to, out->dtype, 1, &result, 1);
        }
    }
}

static mite_status run_cumulate(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0];
    size_t axis, first, last;
    (void)scratch;
    if (!cumulate_axis(s, s->inputs[1]->data, &axis)) return MITE_ERR_FORMAT;
    lines l = lines_of(x, axis);
    mite_part_range(l.number, 1, part, part_count, &first, &last);
    for (size_t line = first; line < last; line++) cumulate_line(s, &l, line);
    return MITE_OK;
}

const mite_op mite_op_cumulate = {
    .name = "cumulate",
    .attrs = cumulate_attrs,
    .attr_count = sizeof cumulate_attrs / sizeof cumulate_attrs[0],
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .infer = infer_cumulate,
    .plan = mite_step_plan_in_place,
    .run = run_cumulate,
};
