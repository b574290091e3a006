// SPDX-License-Identifier: Apache-2.0
// pool_nd: pooling over any number of spatial dimensions, channels first, of any type.
//   0 max      the largest (NaN wins); output 1, where wanted: its index in x, i64, counted over
//              the whole of x, and with column_major as if each plane lay by columns
//   1 average  sum / count of what lies inside x, or with count_padding inside the padding too
//   2 lp       (sum |x|^p)^(1/p)
// Sums are in f64.
#include "elements.h"
#include "spatial.h"

#include <math.h>

enum {
    KERNEL = MITE_SPATIAL_WORDS,
    MODE = KERNEL + MITE_SPATIAL_MAX,
    CEIL,
    COUNT_PADDING,
    COLUMN_MAJOR,
    POWER
}; // attribute words
enum { MAX, AVERAGE, LP, MODES };

static const mite_attr attrs[] = {
    MITE_SPATIAL_ATTRS,  {"kernel", 'i', MITE_SPATIAL_MAX, 1}, {"mode", 'i', 1, MAX},
    {"ceil", 'i', 1, 0}, {"count_padding", 'i', 1, 0},         {"column_major", 'i', 1, 0},
    {"p", 'i', 1, 2},
};

static mite_status set_up(mite_step *s, mite_spatial *w) {
    const mite_view *x = s->inputs[0];
    int32_t mode = mite_attr_int(s, MODE), kernel[MITE_SPATIAL_MAX];
    bool indices = s->node->output_count > 1;
    for (size_t i = 0; i < MITE_SPATIAL_MAX; i++) kernel[i] = mite_attr_int(s, KERNEL + i);
    if (mode < 0 || mode >= MODES || (indices && mode != MAX) || mite_attr_int(s, POWER) < 1)
        return mite_step_fail(s, MITE_ERR_FORMAT, "mode %d with p %d and %u outputs is unknown",
                              mode, mite_attr_int(s, POWER), s->node->output_count);
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status && indices) status = mite_step_need_type(s, "output 1", s->outputs[1], MITE_I64);
    if (!status && x->rank < 3)
        status = mite_step_fail(s, MITE_ERR_FORMAT, "x has shape %T, wanted is [N,C,..]",
                                (size_t)x->rank, x->shape);
    if (!status) status = mite_spatial_read(s, w, x, kernel);
    if (!status) status = mite_spatial_place(s, w, mite_attr_int(s, CEIL) != 0);
    if (!status) status = mite_spatial_set_shape(s, 0, w, x->shape[1]);
    if (!status && indices) status = mite_spatial_set_shape(s, 1, w, x->shape[1]);
    return status;
}

static mite_status infer(mite_step *s) {
    mite_spatial w;
    return set_up(s, &w);
}

// A row's results, its inputs of one tap, and for each output a count or the winner's index.
static mite_status plan(mite_step *s) {
    mite_spatial *w = s->state;
    if (set_up(s, w)) return s->error->status;
    if (!mite_size_mul(&s->scratch_bytes, (size_t)w->out[w->rank - 1],
                       2 * sizeof(double) + sizeof(int64_t)))
        return mite_step_fail(s, MITE_ERR_MEMORY, "its rows are too long");
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    const mite_spatial *w = s->state;
    s->max_parts = mite_max_size(1, s->outputs[0]->elements / (size_t)w->out[w->rank - 1]);
    return MITE_OK;
}

static void take(const mite_step *s, double *out, int64_t *extra, const double *in,
                 const mite_tap *tap, size_t stride) {
    int32_t mode = mite_attr_int(s, MODE);
    double p = mite_attr_int(s, POWER);
    for (size_t i = tap->lo; i < tap->hi; i++) {
        double x = in[i - tap->lo];
        if (mode == AVERAGE) {
            out[i] += x;
        } else if (mode == LP) {
            out[i] += p == 1 ? fabs(x) : p == 2 ? x * x : pow(fabs(x), p);
        } else if (extra[i] < 0 || x > out[i] || (x != x && out[i] == out[i])) {
            out[i] = x;
            extra[i] = (int64_t)(tap->from + (i - tap->lo) * stride);
        }
    }
}

// The index within a plane as if the plane lay by columns, the first spatial dimension fastest.
static int64_t by_columns(const mite_spatial *w, int64_t at) {
    int64_t out = 0, step = (int64_t)w->in_plane;
    for (size_t i = w->rank; i-- > 0;) {
        step /= w->in[i];
        out += at % w->in[i] * step;
        at /= w->in[i];
    }
    return out;
}

static void row(const mite_step *s, size_t plane, size_t number, void *scratch) {
    const mite_spatial *w = s->state;
    const mite_view *x = s->inputs[0], *y = s->outputs[0];
    size_t length = (size_t)w->out[w->rank - 1], item = mite_dtype_bytes(x->dtype);
    ptrdiff_t stride = w->stride[w->rank - 1];
    double *out = scratch, *in = out + length;
    int64_t *extra = (int64_t *)(in + length);
    int32_t mode = mite_attr_int(s, MODE);
    for (size_t i = 0; i < length; i++) out[i] = 0, extra[i] = mode == MAX ? -1 : 0;
    for (size_t k = 0; k < w->taps; k++) {
        mite_tap tap;
        bool inside = mite_spatial_tap(w, number, k, &tap);
        if (mode == AVERAGE) {
            bool all = mite_attr_int(s, COUNT_PADDING) != 0;
            size_t from = all ? tap.padded_lo : tap.lo, to = all ? tap.padded_hi : tap.hi;
            for (size_t i = from; i < to && (all || inside); i++) extra[i]++;
        }
        if (!inside) continue;
        mite_load_reals(in, (const char *)x->data + (plane * w->in_plane + tap.from) * item,
                        x->dtype, stride, tap.hi - tap.lo);
        take(s, out, extra, in, &tap, (size_t)stride);
    }
    for (size_t i = 0; i < length; i++) {
        if (mode == AVERAGE) out[i] /= extra[i] ? (double)extra[i] : 1;
        if (mode == LP) out[i] = pow(out[i], 1.0 / mite_attr_int(s, POWER));
    }
    size_t at = plane * w->out_plane + number * length;
    mite_store_reals((char *)y->data + at * item, y->dtype, 1, out, length);
    for (size_t i = 0; i < length && s->node->output_count > 1; i++) {
        int64_t index = extra[i] < 0 ? 0 : extra[i];
        if (mite_attr_int(s, COLUMN_MAJOR)) index = by_columns(w, index);
        ((int64_t *)s->outputs[1]->data)[at + i] = (int64_t)(plane * w->in_plane) + index;
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_spatial *w = s->state;
    size_t length = (size_t)w->out[w->rank - 1], begin, end;
    if (!s->outputs[0]->elements) return MITE_OK;
    size_t rows = w->out_plane / length;
    mite_part_range(s->outputs[0]->elements / length, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) row(s, i / rows, i % rows, scratch);
    return MITE_OK;
}

const mite_op mite_op_pool_nd = {
    .name = "pool_nd",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .max_outputs = 2,
    .state_bytes = sizeof(mite_spatial),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
