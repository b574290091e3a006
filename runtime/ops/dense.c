// SPDX-License-Identifier: Apache-2.0
// dense: the last dimension of x times a constant matrix, with bias, residual and clamp. It is a
// 1x1 convolution over a picture of one row, M pixels wide, where M is the product of the other
// dimensions of x.
#include "strassen.h"

enum { CLAMP_LO, CLAMP_HI, INNER_SCALE, INNER_ZERO_POINT }; // attribute words

static const mite_attr attrs[] = {
    [CLAMP_LO] = {"clamp_lo", 'f', 1, MITE_BITS_NEG_INF},
    [CLAMP_HI] = {"clamp_hi", 'f', 1, MITE_BITS_INF},
    [INNER_SCALE] = {"inner_scale", 'f', 1, 0},
    [INNER_ZERO_POINT] = {"inner_zero_point", 'i', 1, 0},
};

static const int32_t one_segment[1] = {0};

static mite_status check_weights(mite_step *s) {
    const mite_view *x = s->inputs[MITE_CONV_X], *w = s->inputs[MITE_CONV_WEIGHTS];
    mite_status status = mite_conv_check_matrix(s);
    if (status) return status;
    mite_layout layout = x->dtype == MITE_U8 ? MITE_LAYOUT_CONV_I8 : MITE_LAYOUT_CONV_F32;
    status = mite_conv_need_weights(s, layout, 1);
    return status ? status : mite_conv_check_columns(s, mite_round_up((size_t)w->shape[0], 8));
}

static mite_status infer(mite_step *s) {
    mite_status status = mite_conv_check_types(s, CLAMP_LO);
    if (!status) status = check_weights(s);
    if (status) return status;
    const mite_view *x = s->inputs[MITE_CONV_X];
    int32_t shape[MITE_MAX_RANK];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->rank - 1] = s->inputs[MITE_CONV_WEIGHTS]->shape[0];
    status = mite_step_set_shape(s, 0, (size_t)x->rank, shape);
    if (!status) status = mite_conv_check_residual(s);
    s->macs = (uint64_t)x->elements * (uint64_t)shape[x->rank - 1];
    return status;
}

static bool by_strassen(const mite_step *s) {
    const mite_view *x = s->inputs[MITE_CONV_X];
    size_t depth = (size_t)x->shape[x->rank - 1];
    return x->dtype == MITE_F32 &&
           mite_strassen_suits(x->elements / depth, depth,
                               (size_t)s->inputs[MITE_CONV_WEIGHTS]->shape[0]);
}

static mite_status plan(mite_step *s) {
    const mite_view *x = s->inputs[MITE_CONV_X];
    size_t depth = (size_t)x->shape[x->rank - 1];
    s->scratch_bytes = mite_conv_scratch(s, x->elements / depth, 1, depth);
    if (mite_step_input(s, MITE_CONV_RESIDUAL)) s->in_place = MITE_CONV_RESIDUAL;
    if (by_strassen(s) && !mite_strassen_scratch(s, x->elements / depth, depth, &s->scratch_bytes))
        return mite_step_fail(s, MITE_ERR_MEMORY, "its matrices are too large");
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    const mite_view *x = s->inputs[MITE_CONV_X], *out = s->outputs[0];
    mite_conv_state *c = s->state;
    mite_conv_args *a = &c->args;
    size_t depth = (size_t)x->shape[x->rank - 1], columns = (size_t)out->shape[out->rank - 1];
    mite_conv_fill(s, c, CLAMP_LO, columns);
    c->rows = x->elements / depth;
    c->images = c->groups = 1;
    a->segments = one_segment;
    a->segment_count = 1;
    a->segment_length = depth;
    a->out_width = mite_max_size(1, c->rows);
    a->in_pixel = depth;
    a->out_pixel = columns;
    a->residual_pixel = a->residual ? columns : 0;
    // Of the one row; the kernel multiplies them by 0.
    a->in_row = a->out_width * a->in_pixel;
    a->out_row = a->out_width * a->out_pixel;
    a->residual_row = a->out_width * a->residual_pixel;
    s->max_parts = mite_max_size(1, by_strassen(s) ? mite_strassen_parts(c) : mite_conv_parts(c));
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_conv_state *c = s->state;
    if (by_strassen(s)) {
        mite_strassen_run(c, part, part_count, scratch);
        return MITE_OK;
    }
    mite_conv_args a = c->args;
    a.scratch = scratch;
    mite_conv_run_share(c, a, mite_conv_share_of(c, part, part_count));
    return MITE_OK;
}

const mite_op mite_op_dense = {
    .name = "dense",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 3,
    .max_inputs = 5,
    .output_count = 1,
    .state_bytes = sizeof(mite_conv_state),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
