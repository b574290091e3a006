// SPDX-License-Identifier: Apache-2.0
// mean over any axes. Over both spatial axes of NHWC (global average pooling) by the pooling
// kernels, f32 and u8; over others in f32.
#include "common.h"
#include "walk.h"

enum { AXIS_COUNT, AXES, KEEP_DIMS = AXES + MITE_MAX_RANK }; // attribute words

static const mite_attr attrs[] = {
    {"axis_count", 'i', 1, 0},
    {"axes", 'i', MITE_MAX_RANK, 0}, // the first axis_count words
    {"keep_dims", 'i', 1, 1},
};

static mite_status read_axes(mite_step *s, bool reduced[MITE_MAX_RANK]) {
    const mite_view *x = s->inputs[0];
    int32_t count = mite_attr_int(s, AXIS_COUNT);
    memset(reduced, 0, MITE_MAX_RANK * sizeof *reduced);
    if (count < 0 || count > x->rank)
        return mite_step_fail(s, MITE_ERR_FORMAT, "%d axes of a value of rank %d", count, x->rank);
    for (size_t i = 0; i < (size_t)count; i++) {
        size_t axis;
        mite_status status = mite_step_axis(s, AXES + i, x->rank, &axis);
        if (status) return status;
        if (reduced[axis]) return mite_step_fail(s, MITE_ERR_FORMAT, "axis %z stands twice", axis);
        reduced[axis] = true;
    }
    return MITE_OK;
}

static bool is_global_pool(const mite_view *x, const bool *reduced) {
    return x->rank == 4 && !reduced[0] && reduced[1] && reduced[2] && !reduced[3];
}

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0];
    bool reduced[MITE_MAX_RANK];
    mite_status status = mite_step_need_real(s);
    if (!status) status = read_axes(s, reduced);
    if (status) return status;
    int32_t shape[MITE_MAX_RANK] = {0}, rank = 0;
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        if (reduced[i] && x->shape[i] == 0)
            return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "the mean over nothing, x is %T",
                                  (size_t)x->rank, x->shape);
        if (reduced[i] && mite_attr_int(s, KEEP_DIMS)) shape[rank++] = 1;
        if (!reduced[i]) shape[rank++] = x->shape[i];
    }
    if (x->dtype == MITE_U8) {
        if (!is_global_pool(x, reduced))
            return mite_step_fail(s, MITE_ERR_UNSUPPORTED,
                                  "u8 is supported over axes 1 and 2 of rank 4 only");
        if ((int64_t)x->shape[1] * x->shape[2] > 1 << 16)
            return mite_step_fail(s, MITE_ERR_UNSUPPORTED,
                                  "a picture of %dx%d is too large for a u8 mean", x->shape[1],
                                  x->shape[2]);
    }
    return mite_step_set_shape(s, 0, (size_t)rank, shape);
}

typedef struct state {
    bool pools;
    mite_pool_fn *pool;
    mite_pool_args args; // of the first image
    mite_walk walk;      // operands: output (stride 0 along reduced axes), input
    float count;
} state;

static void prepare_pool(mite_step *s, state *st) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    st->pools = true;
    st->pool = x->dtype == MITE_U8 ? s->kernels->average_pool_u8 : s->kernels->average_pool_f32;
    st->args = (mite_pool_args){
        .channels = (size_t)x->shape[3],
        .in_height = (size_t)x->shape[1],
        .in_width = (size_t)x->shape[2],
        .out_width = 1,
        .kernel_h = (size_t)x->shape[1],
        .kernel_w = (size_t)x->shape[2],
        .stride_h = 1,
        .stride_w = 1,
        .in_row = x->row_stride,
        .in_pixel = (size_t)x->shape[3],
        .out_pixel = (size_t)x->shape[3],
        .ratio = x->dtype == MITE_U8 ? x->scale / out->scale : 0.0f,
        .in_zero_point = x->zero_point,
        .out_zero_point = out->zero_point,
    };
}

static mite_status prepare(mite_step *s) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    state *st = s->state;
    bool reduced[MITE_MAX_RANK];
    mite_status status = read_axes(s, reduced);
    if (status) return status;
    if (is_global_pool(x, reduced)) {
        prepare_pool(s, st);
        return MITE_OK;
    }
    size_t stride = out->elements;
    st->count = 1.0f;
    mite_view_strides(st->walk.strides[1], x);
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        if (reduced[i]) st->count *= (float)x->shape[i];
        else if (x->shape[i]) stride /= (size_t)x->shape[i];
        st->walk.strides[0][i] = reduced[i] ? 0 : (ptrdiff_t)stride;
    }
    mite_walk_merge(&st->walk, 2, (size_t)x->rank, x->shape);
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    (void)part, (void)part_count, (void)scratch;
    if (st->pools) {
        size_t item = mite_dtype_bytes(x->dtype);
        mite_pool_args a = st->args;
        for (size_t n = 0; n < (size_t)x->shape[0]; n++) {
            a.input = (const char *)x->data + n * x->image_stride * item;
            a.output = (char *)out->data + n * a.channels * item;
            st->pool(&a, 0, 1);
        }
        return MITE_OK;
    }
    float *to = out->data;
    const mite_walk *w = &st->walk;
    memset(to, 0, out->elements * sizeof(float));
    for (size_t i = 0; x->elements && i < w->runs; i++) {
        ptrdiff_t at = mite_walk_offset(w, 0, i, 0), step = w->strides[0][w->rank - 1];
        const float *from = (const float *)x->data + mite_walk_offset(w, 1, i, 0);
        ptrdiff_t from_step = w->strides[1][w->rank - 1];
        for (size_t k = 0; k < w->length; k++, at += step, from += from_step) to[at] += *from;
    }
    for (size_t i = 0; i < out->elements; i++) to[i] /= st->count;
    return MITE_OK;
}

const mite_op mite_op_mean = {
    .name = "mean",
    .attrs = attrs,
    .attr_count = 3,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
