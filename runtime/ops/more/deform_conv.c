// SPDX-License-Identifier: Apache-2.0
// deform_conv: a convolution each of whose taps is moved by an offset of its own and read by linear
// interpolation, zero outside. x [N,C,D..], w [M,C/groups,K..], offset [N,G*taps*r,O..] for r
// spatial dimensions and G offset groups, bias [M], mask [N,G*taps,O..]. Real types, in f64.
#include "elements.h"
#include "spatial.h"

#include <math.h>

enum { GROUPS = MITE_SPATIAL_WORDS, OFFSET_GROUPS }; // attribute words
enum { X, W, OFFSET, BIAS, MASK, INPUTS };

static const mite_attr attrs[] = {
    MITE_SPATIAL_ATTRS,
    {"groups", 'i', 1, 1},
    {"offset_groups", 'i', 1, 1},
};

// [N, channels, O..]
static bool fits(const mite_view *v, const mite_view *x, const mite_spatial *w, size_t channels) {
    bool good = v->rank == x->rank && v->shape[0] == x->shape[0] && (size_t)v->shape[1] == channels;
    for (size_t i = 0; i < w->rank && good; i++) good = v->shape[i + 2] == w->out[i];
    return good;
}

static mite_status set_up(mite_step *s, mite_spatial *place) {
    const mite_view *x = s->inputs[X], *w = s->inputs[W];
    const mite_view *bias = mite_step_input(s, BIAS), *mask = mite_step_input(s, MASK);
    int32_t groups = mite_attr_int(s, GROUPS), sets = mite_attr_int(s, OFFSET_GROUPS);
    mite_status status = MITE_OK;
    for (size_t k = 0; k < INPUTS && !status; k++)
        if (mite_step_input(s, k))
            status = mite_step_need_type(s, "input", s->inputs[k], s->outputs[0]->dtype);
    if (status) return status;
    bool good = mite_is_real(x->dtype) && x->rank > 2 && w->rank == x->rank && groups > 0 &&
                sets > 0 && x->shape[1] % groups == 0 && w->shape[0] % groups == 0 &&
                w->shape[1] == x->shape[1] / groups && x->shape[1] % sets == 0 &&
                (!bias || bias->elements == (size_t)w->shape[0]);
    if (good) status = mite_spatial_read(s, place, x, w->shape + 2);
    if (good && !status) status = mite_spatial_place(s, place, false);
    if (status) return status;
    if (!good || !fits(s->inputs[OFFSET], x, place, (size_t)sets * place->taps * place->rank) ||
        (mask && !fits(mask, x, place, (size_t)sets * place->taps)))
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "weights %T, offsets or mask do not fit x %T in %d groups of %d "
                              "offset groups",
                              (size_t)w->rank, w->shape, (size_t)x->rank, x->shape, groups, sets);
    return mite_spatial_set_shape(s, 0, place, w->shape[0]);
}

static mite_status infer(mite_step *s) {
    mite_spatial w;
    mite_status status = set_up(s, &w);
    if (!status)
        s->macs = (uint64_t)s->outputs[0]->elements * (size_t)s->inputs[W]->shape[1] * w.taps;
    return status;
}

static mite_status plan(mite_step *s) {
    mite_status status = set_up(s, s->state);
    s->scratch_bytes = (size_t)s->inputs[W]->shape[0] * sizeof(double);
    return status;
}

static mite_status prepare(mite_step *s) {
    const mite_spatial *w = s->state;
    s->max_parts = mite_max_size(1, (size_t)s->outputs[0]->shape[0] * w->out_plane);
    return MITE_OK;
}

static double number(const mite_view *v, size_t at) {
    double x;
    mite_load_reals(&x, (const char *)v->data + at * mite_dtype_bytes(v->dtype), v->dtype, 1, 1);
    return x;
}

#define CORNERS (1 << MITE_SPATIAL_MAX)

// The corners around a position and their weights; how many lie inside.
static size_t corners(const mite_spatial *w, const double *at, size_t *from, double *weight) {
    size_t count = 0;
    for (size_t corner = 0; corner < (size_t)1 << w->rank; corner++) {
        double share = 1;
        size_t element = 0;
        bool inside = true;
        for (size_t i = 0; i < w->rank && inside; i++) {
            double low = floor(at[i]), rest = at[i] - low;
            bool upper = corner >> i & 1;
            double position = upper ? low + 1 : low;
            share *= upper ? rest : 1 - rest;
            inside = position >= 0 && position < w->in[i];
            if (inside) element = element * (size_t)w->in[i] + (size_t)position;
        }
        if (!inside || share == 0) continue;
        from[count] = element;
        weight[count++] = share;
    }
    return count;
}

// One tap of one offset group at output `out` of image `n`, added to all sums.
static void add_tap(const mite_step *s, size_t n, size_t out, size_t set, size_t tap, double *sum) {
    const mite_spatial *w = s->state;
    const mite_view *x = s->inputs[X], *weights = s->inputs[W], *mask = mite_step_input(s, MASK);
    size_t sets = (size_t)mite_attr_int(s, OFFSET_GROUPS), channels = (size_t)x->shape[1];
    size_t group_in = (size_t)weights->shape[1];
    size_t group_out = (size_t)(weights->shape[0] / mite_attr_int(s, GROUPS));
    size_t row = (n * sets + set) * w->taps + tap, from[CORNERS];
    double at[MITE_SPATIAL_MAX], weight[CORNERS];
    for (size_t i = w->rank, o = out, k = tap; i-- > 0;) {
        double start = (double)(o % (size_t)w->out[i]) * w->stride[i] - w->begin[i] +
                       (double)(k % (size_t)w->kernel[i]) * w->dilation[i];
        o /= (size_t)w->out[i];
        k /= (size_t)w->kernel[i];
        at[i] = start + number(s->inputs[OFFSET], (row * w->rank + i) * w->out_plane + out);
    }
    size_t count = corners(w, at, from, weight);
    double scale = mask ? number(mask, row * w->out_plane + out) : 1;
    for (size_t c = channels / sets * set; c < channels / sets * (set + 1); c++) {
        double value = 0;
        for (size_t i = 0; i < count; i++)
            value += weight[i] * number(x, (n * channels + c) * w->in_plane + from[i]);
        for (size_t m = c / group_in * group_out; m < (c / group_in + 1) * group_out; m++)
            sum[m] +=
                value * scale * number(weights, (m * group_in + c % group_in) * w->taps + tap);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_spatial *w = s->state;
    const mite_view *y = s->outputs[0], *bias = mite_step_input(s, BIAS);
    size_t columns = (size_t)y->shape[1], begin, end;
    double *sum = scratch;
    if (!y->elements) return MITE_OK;
    mite_part_range((size_t)y->shape[0] * w->out_plane, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        size_t n = i / w->out_plane, out = i % w->out_plane;
        for (size_t m = 0; m < columns; m++) sum[m] = bias ? number(bias, m) : 0;
        for (size_t set = 0; set < (size_t)mite_attr_int(s, OFFSET_GROUPS); set++)
            for (size_t tap = 0; tap < w->taps; tap++) add_tap(s, n, out, set, tap, sum);
        for (size_t m = 0; m < columns; m++)
            mite_store_reals((char *)y->data + ((n * columns + m) * w->out_plane + out) *
                                                   mite_dtype_bytes(y->dtype),
                             y->dtype, 1, &sum[m], 1);
    }
    return MITE_OK;
}

const mite_op mite_op_deform_conv = {
    .name = "deform_conv",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 3,
    .max_inputs = INPUTS,
    .output_count = 1,
    .state_bytes = sizeof(mite_spatial),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
