// SPDX-License-Identifier: Apache-2.0
// max_pool2d and average_pool2d over NHWC, f32 and u8. Windows are cut at the picture; padding
// only decides where they lie and, with count_padding, what an average divides by.
#include "common.h"

enum { // attribute words
    KERNEL_H,
    KERNEL_W,
    STRIDE_H,
    STRIDE_W,
    PAD_TOP,
    PAD_LEFT,
    PAD_BOTTOM,
    PAD_RIGHT,
    COUNT_PADDING, // average_pool2d only
};

static const mite_attr attrs[] = {
    [KERNEL_H] = {"kernel_h", 'i', 1, 1},
    [KERNEL_W] = {"kernel_w", 'i', 1, 1},
    [STRIDE_H] = {"stride_h", 'i', 1, 1},
    [STRIDE_W] = {"stride_w", 'i', 1, 1},
    [PAD_TOP] = {"pad_top", 'i', 1, 0},
    [PAD_LEFT] = {"pad_left", 'i', 1, 0},
    [PAD_BOTTOM] = {"pad_bottom", 'i', 1, 0},
    [PAD_RIGHT] = {"pad_right", 'i', 1, 0},
    [COUNT_PADDING] = {"count_padding", 'i', 1, 0},
};

// Sums of bytes and products of counts stay exact in f32 and far from 2^31 below this.
#define MAX_WINDOW (1 << 16)

static mite_status measure(mite_step *s, mite_window *w) {
    *w = (mite_window){
        .kernel_h = mite_attr_int(s, KERNEL_H),
        .kernel_w = mite_attr_int(s, KERNEL_W),
        .stride_h = mite_attr_int(s, STRIDE_H),
        .stride_w = mite_attr_int(s, STRIDE_W),
        .dilation_h = 1,
        .dilation_w = 1,
        .pad = {mite_attr_int(s, PAD_TOP), mite_attr_int(s, PAD_LEFT), mite_attr_int(s, PAD_BOTTOM),
                mite_attr_int(s, PAD_RIGHT)},
    };
    mite_status status = mite_window_place(s, w, s->inputs[0]);
    if (status) return status;
    if ((int64_t)w->kernel_h * w->kernel_w > MAX_WINDOW) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED,
                              "window %dx%d is above the %d values supported", w->kernel_h,
                              w->kernel_w, MAX_WINDOW);
    }
    if (w->pad.top >= w->kernel_h || w->pad.left >= w->kernel_w || w->reach.bottom >= w->kernel_h ||
        w->reach.right >= w->kernel_w) {
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "a window %dx%d lies wholly in the padding %d,%d,%d,%d", w->kernel_h,
                              w->kernel_w, w->pad.top, w->pad.left, w->pad.bottom, w->pad.right);
    }
    return MITE_OK;
}

static mite_status infer(mite_step *s) {
    mite_window w;
    mite_status status = mite_step_need_real(s);
    if (!status) status = measure(s, &w);
    if (status) return status;
    const int32_t *x = s->inputs[0]->shape;
    int32_t shape[4] = {x[0], w.out_h, w.out_w, x[3]};
    return mite_step_set_shape(s, 0, 4, shape);
}

static mite_status infer_max(mite_step *s) {
    mite_status status = infer(s);
    if (status || s->outputs[0]->dtype == MITE_F32 ||
        mite_same_quantization(s->inputs[0], s->outputs[0])) {
        return status;
    }
    return mite_step_fail(s, MITE_ERR_UNSUPPORTED,
                          "input %q and output %q must have one scale and zero point",
                          s->inputs[0]->value->name, s->outputs[0]->value->name);
}

typedef struct state {
    mite_pool_args args; // of the first image
    mite_pool_fn *run;
} state;

static mite_status prepare(mite_step *s, mite_pool_fn *f32, mite_pool_fn *u8, bool count_padding) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    state *st = s->state;
    mite_window w;
    mite_status status = measure(s, &w);
    if (status) return status;
    st->run = x->dtype == MITE_F32 ? f32 : u8;
    st->args = (mite_pool_args){
        .channels = (size_t)x->shape[3],
        .in_height = (size_t)x->shape[1],
        .in_width = (size_t)x->shape[2],
        .out_width = (size_t)w.out_w,
        .kernel_h = (size_t)w.kernel_h,
        .kernel_w = (size_t)w.kernel_w,
        .stride_h = (size_t)w.stride_h,
        .stride_w = (size_t)w.stride_w,
        .pad_top = (size_t)w.pad.top,
        .pad_left = (size_t)w.pad.left,
        .in_row = x->row_stride,
        .in_pixel = (size_t)x->shape[3],
        .out_row = out->row_stride,
        .out_pixel = (size_t)out->shape[3],
        .count_padding = count_padding,
        .ratio = x->dtype == MITE_U8 ? x->scale / out->scale : 0.0f,
        .in_zero_point = x->zero_point,
        .out_zero_point = out->zero_point,
    };
    s->max_parts = (size_t)w.out_h;
    return MITE_OK;
}

static mite_status prepare_max(mite_step *s) {
    return prepare(s, s->kernels->max_pool_f32, s->kernels->max_pool_u8, false);
}

static mite_status prepare_average(mite_step *s) {
    return prepare(s, s->kernels->average_pool_f32, s->kernels->average_pool_u8,
                   mite_attr_int(s, COUNT_PADDING) != 0);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    mite_pool_args a = st->args;
    size_t y0, y1, item = mite_dtype_bytes(x->dtype);
    (void)scratch;
    mite_part_range((size_t)out->shape[1], 1, part, part_count, &y0, &y1);
    for (size_t n = 0; n < (size_t)x->shape[0]; n++) {
        a.input = (const char *)x->data + n * x->image_stride * item;
        a.output = (char *)out->data + n * out->image_stride * item;
        st->run(&a, y0, y1);
    }
    return MITE_OK;
}

const mite_op mite_op_max_pool2d = {
    .name = "max_pool2d",
    .attrs = attrs,
    .attr_count = COUNT_PADDING,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .state_bytes = sizeof(state),
    .infer = infer_max,
    .prepare = prepare_max,
    .run = run,
};

const mite_op mite_op_average_pool2d = {
    .name = "average_pool2d",
    .attrs = attrs,
    .attr_count = COUNT_PADDING + 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .state_bytes = sizeof(state),
    .infer = infer,
    .prepare = prepare_average,
    .run = run,
};
