// SPDX-License-Identifier: Apache-2.0
// mean over any dimensions. Reduced dimensions that lie together with others after them, such as
// the pixels of an NHWC picture, are an average-pooling window of that kernel; the rest is a
// loop. u8: the pooling formula, whatever the dimensions.
#include "common.h"
#include "walk.h"

enum { AXIS_COUNT, AXES, KEEP_DIMS = AXES + MITE_MAX_RANK }; // attribute words

static const mite_attr attrs[] = {
    {"axis_count", 'i', 1, 0},
    {"axes", 'i', MITE_MAX_RANK, 0}, // the first axis_count words
    {"keep_dims", 'i', 1, 1},
};

// Sums of so many bytes stay far from 2^31.
#define MAX_COUNT (1 << 22)

typedef struct reduction {
    bool reduced[MITE_MAX_RANK];
    size_t count; // values in one mean
} reduction;

static mite_status measure(mite_step *s, reduction *r) {
    const mite_view *x = s->inputs[0];
    int32_t axes = mite_attr_int(s, AXIS_COUNT);
    *r = (reduction){.count = 1};
    if (axes < 0 || axes > MITE_MAX_RANK) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "%d axes, at most %d are possible", axes,
                              MITE_MAX_RANK);
    }
    for (size_t i = 0; i < (size_t)axes; i++) {
        size_t axis;
        mite_status status = mite_step_axis(s, AXES + i, x->rank, &axis);
        if (status) return status;
        if (r->reduced[axis])
            return mite_step_fail(s, MITE_ERR_FORMAT, "axis %z stands twice", axis);
        r->reduced[axis] = true;
        r->count *= (size_t)x->shape[axis];
    }
    if (!r->count || (x->dtype == MITE_U8 && r->count > MAX_COUNT)) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "a mean of %z values is not possible",
                              r->count);
    }
    return MITE_OK;
}

static mite_status infer(mite_step *s) {
    reduction r;
    mite_status status = mite_step_need_real(s);
    if (!status) status = measure(s, &r);
    if (status) return status;
    const mite_view *x = s->inputs[0];
    int32_t shape[MITE_MAX_RANK] = {0};
    size_t rank = 0;
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        if (!r.reduced[i]) shape[rank++] = x->shape[i];
        else if (mite_attr_int(s, KEEP_DIMS)) shape[rank++] = 1;
    }
    return mite_step_set_shape(s, 0, rank, shape);
}

typedef struct state {
    size_t count;
    // Pooling: x is [outer][count][inner], inner > 1.
    mite_pool_args pool;
    mite_pool_fn *run_pool;
    size_t inner;
    // Otherwise: where each mean begins in operand 1, and its values.
    mite_walk means, values;
    float ratio;
} state;

// The values after the last reduced dimension, if the reduced ones lie together; else 0.
static size_t inner_size(const mite_view *x, const reduction *r) {
    size_t inner = 1, groups = 0;
    bool in_group = false;
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        if (x->shape[i] == 1) continue;
        if (r->reduced[i] && !in_group) groups++, inner = 1;
        if (!r->reduced[i]) inner *= (size_t)x->shape[i];
        in_group = r->reduced[i];
    }
    return groups == 1 ? inner : 0;
}

static void fill_pool(const mite_step *s, state *st) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    st->run_pool =
        x->dtype == MITE_F32 ? s->kernels->average_pool_f32 : s->kernels->average_pool_u8;
    st->pool = (mite_pool_args){
        .in_height = 1,
        .in_width = st->count,
        .out_width = 1,
        .kernel_h = 1,
        .kernel_w = st->count,
        .stride_h = 1,
        .stride_w = 1,
        .in_row = st->count * st->inner,
        .in_pixel = st->inner,
        .out_row = st->inner,
        .out_pixel = st->inner,
        .ratio = st->ratio,
        .in_zero_point = x->zero_point,
        .out_zero_point = out->zero_point,
    };
}

static mite_status prepare(mite_step *s) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    state *st = s->state;
    reduction r;
    mite_status status = measure(s, &r);
    if (status) return status;
    st->count = r.count;
    st->ratio = x->dtype == MITE_U8 ? x->scale / out->scale : 0.0f;
    s->max_parts = mite_max_size(1, x->elements / 4096);
    st->inner = inner_size(x, &r);
    if (st->inner > 1) {
        fill_pool(s, st);
        return MITE_OK;
    }
    // The output as the kept dimensions of x: reduced ones have size 1 and no step.
    int32_t kept[MITE_MAX_RANK], summed[MITE_MAX_RANK];
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        kept[i] = r.reduced[i] ? 1 : x->shape[i];
        summed[i] = r.reduced[i] ? x->shape[i] : 1;
    }
    mite_view_strides(st->means.strides[0], x);
    mite_view_strides(st->values.strides[0], x);
    mite_walk_merge(&st->means, 1, (size_t)x->rank, kept);
    mite_walk_merge(&st->values, 1, (size_t)x->rank, summed);
    return MITE_OK;
}

// Means [begin, end) by pooling, counted through [outer][inner].
static void run_pool(const mite_step *s, size_t begin, size_t end) {
    const state *st = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    mite_pool_args a = st->pool;
    size_t item = mite_dtype_bytes(x->dtype);
    while (begin < end) {
        size_t outer = begin / st->inner, c = begin % st->inner;
        a.channels = mite_min_size(st->inner - c, end - begin);
        a.input = (const char *)x->data + (outer * st->count * st->inner + c) * item;
        a.output = (char *)out->data + begin * item;
        st->run_pool(&a, 0, 1);
        begin += a.channels;
    }
}

static void mean_f32(const state *st, float *out, const float *x) {
    const mite_walk *w = &st->values;
    double sum = 0;
    for (size_t run = 0; run < w->runs; run++) {
        const float *row = x + mite_walk_offset(w, 0, run, 0);
        ptrdiff_t stride = w->strides[0][w->rank - 1];
        for (size_t i = 0; i < w->length; i++) sum += (double)row[(ptrdiff_t)i * stride];
    }
    *out = (float)(sum / (double)st->count);
}

static void mean_u8(const mite_step *s, uint8_t *out, const uint8_t *x) {
    const state *st = s->state;
    const mite_walk *w = &st->values;
    int32_t sum = 0, zero = (int32_t)st->count * s->inputs[0]->zero_point;
    for (size_t run = 0; run < w->runs; run++) {
        const uint8_t *row = x + mite_walk_offset(w, 0, run, 0);
        ptrdiff_t stride = w->strides[0][w->rank - 1];
        for (size_t i = 0; i < w->length; i++) sum += row[(ptrdiff_t)i * stride];
    }
    float centred = (float)sum - (float)zero, scale = st->ratio / (float)st->count;
    *out = mite_quantize_u8(centred * scale, 1.0f, s->outputs[0]->zero_point);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    size_t begin, end;
    (void)scratch;
    mite_part_range(out->elements, 16, part, part_count, &begin, &end);
    if (st->inner > 1) {
        run_pool(s, begin, end);
        return MITE_OK;
    }
    for (size_t i = begin; i < end; i++) {
        const mite_walk *w = &st->means;
        ptrdiff_t at = mite_walk_offset(w, 0, i / w->length, i % w->length);
        if (x->dtype == MITE_F32) mean_f32(st, (float *)out->data + i, (const float *)x->data + at);
        else mean_u8(s, (uint8_t *)out->data + i, (const uint8_t *)x->data + at);
    }
    return MITE_OK;
}

const mite_op mite_op_mean = {
    .name = "mean",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
