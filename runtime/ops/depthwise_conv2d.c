// SPDX-License-Identifier: Apache-2.0
// depthwise_conv2d: every channel convolved with its own filter (multiplier 1), over NHWC, with
// bias and clamp.
#include "conv.h"

enum { CLAMP_LO = MITE_CONV_WINDOW_WORDS, CLAMP_HI }; // attribute words

static const mite_attr attrs[] = {
    MITE_CONV_WINDOW_ATTRS,
    [CLAMP_LO] = {"clamp_lo", 'f', 1, MITE_BITS_NEG_INF},
    [CLAMP_HI] = {"clamp_hi", 'f', 1, MITE_BITS_INF},
};

static mite_status check_weights(mite_step *s) {
    const mite_view *x = s->inputs[MITE_CONV_X], *w = s->inputs[MITE_CONV_WEIGHTS];
    bool quantized = x->dtype == MITE_U8;
    if (!w || w->rank != 4 || x->rank != 4) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "x and weights must have rank 4");
    }
    if (w->shape[0] != 1 || w->shape[1] < 1 || w->shape[2] < 1 || w->shape[3] != x->shape[3]) {
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "weights have shape %T, wanted is [1,KH,KW,%d] for the channels of x",
                              (size_t)4, w->shape, x->shape[3]);
    }
    if (s->outputs[0]->dtype != x->dtype) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "x and the output must have one type");
    }
    mite_status status = mite_conv_need_weights(
        s, quantized ? MITE_LAYOUT_DEPTHWISE_I8 : MITE_LAYOUT_DEPTHWISE_F32, 1);
    if (status) return status;
    return mite_conv_check_columns(s, mite_round_up((size_t)x->shape[3], quantized ? 8 : 4));
}

static mite_status infer(mite_step *s) {
    mite_window w;
    mite_status status = mite_conv_check_types(s, CLAMP_LO);
    if (!status) status = check_weights(s);
    if (!status) status = mite_conv_window(s, &w);
    if (status) return status;
    const mite_view *x = s->inputs[MITE_CONV_X];
    int32_t shape[4] = {x->shape[0], w.out_h, w.out_w, x->shape[3]};
    status = mite_step_set_shape(s, 0, 4, shape);
    s->macs = (uint64_t)s->outputs[0]->elements * (uint64_t)w.kernel_h * (uint64_t)w.kernel_w;
    return status;
}

static mite_status plan(mite_step *s) {
    mite_window w;
    size_t row_elements;
    mite_status status = mite_conv_window(s, &w);
    if (status) return status;
    s->wants_halo = w.reach;
    if (mite_step_has_halo(s)) return MITE_OK;
    if (!mite_padded_size(s->inputs[MITE_CONV_X], &w, &row_elements, &s->scratch_bytes)) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "the padded input is too large");
    }
    return MITE_OK;
}

typedef struct state {
    mite_depthwise_args args; // of the first image
    mite_depthwise_fn *run;
    mite_window window;
    bool copies;
} state;

static void choose_kernel(mite_step *s, state *st) {
    const mite_view *x = s->inputs[MITE_CONV_X], *out = s->outputs[0];
    mite_depthwise_args *a = &st->args;
    a->weights = s->inputs[MITE_CONV_WEIGHTS]->data;
    a->bias = s->inputs[MITE_CONV_BIAS]->data;
    a->lo = mite_attr_float(s, CLAMP_LO);
    a->hi = mite_attr_float(s, CLAMP_HI);
    if (x->dtype == MITE_F32) {
        st->run = s->kernels->depthwise_f32.run;
        s->kernel = s->kernels->depthwise_f32.name;
        return;
    }
    st->run = s->kernels->depthwise_u8.run;
    s->kernel = s->kernels->depthwise_u8.name;
    a->scale = s->inputs[MITE_CONV_MULTIPLIER]->data;
    a->zero_point = out->zero_point;
    a->q_lo = mite_quantize_u8(a->lo, out->scale, out->zero_point);
    a->q_hi = mite_quantize_u8(a->hi, out->scale, out->zero_point);
}

static mite_status prepare(mite_step *s) {
    const mite_view *x = s->inputs[MITE_CONV_X], *out = s->outputs[0];
    state *st = s->state;
    mite_window *w = &st->window;
    mite_depthwise_args *a = &st->args;
    mite_status status = mite_conv_window(s, w);
    if (status) return status;
    st->copies = !mite_step_has_halo(s);
    size_t row = x->row_stride, channels = (size_t)x->shape[3], bytes;
    if (st->copies && !mite_padded_size(x, w, &row, &bytes)) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "the padded input is too large");
    }
    choose_kernel(s, st);
    a->channels = channels;
    a->out_width = (size_t)w->out_w;
    a->kernel_h = (size_t)w->kernel_h;
    a->kernel_w = (size_t)w->kernel_w;
    a->stride_w = (size_t)w->stride_w;
    a->in_row = row * (size_t)w->stride_h;
    a->in_pixel = channels * (size_t)w->stride_w;
    a->tap_row = row * (size_t)w->dilation_h;
    a->tap_pixel = channels * (size_t)w->dilation_w;
    a->out_row = out->row_stride;
    a->out_pixel = channels;
    s->max_parts = (size_t)w->out_h;
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *x = s->inputs[MITE_CONV_X], *out = s->outputs[0];
    const mite_window *w = &st->window;
    mite_depthwise_args a = st->args;
    size_t y0, y1, item = mite_dtype_bytes(x->dtype);
    mite_part_range((size_t)w->out_h, 1, part, part_count, &y0, &y1);
    if (y0 == y1) return MITE_OK;
    size_t corner =
        (size_t)w->reach.top * x->row_stride + (size_t)w->reach.left * (size_t)x->shape[3];
    for (size_t n = 0; n < (size_t)x->shape[0]; n++) {
        a.input = (const char *)x->data + n * x->image_stride * item - corner * item;
        if (st->copies) {
            mite_padded_copy(x, w, n, scratch, y0, y1);
            a.input = scratch;
        }
        a.output = (char *)out->data + n * out->image_stride * item;
        st->run(&a, y0, y1);
    }
    return MITE_OK;
}

const mite_op mite_op_depthwise_conv2d = {
    .name = "depthwise_conv2d",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 3,
    .max_inputs = 4,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .state_bytes = sizeof(state),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
