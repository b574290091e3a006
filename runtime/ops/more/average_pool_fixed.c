// SPDX-License-Identifier: Apache-2.0
// average_pool_fixed: averages of quanta (u8, i16) over NHWC as TensorFlow Lite's kernels have them:
// of what lies within the picture, rounded half away from the number that `offset` stands for (128
// where u8 quanta are i8 ones with the sign bit flipped). average_pool2d rounds half to even.
#include "../common.h"
#include "elements.h"
#include "fixed.h"

enum { // attribute words
    KERNEL_H,
    KERNEL_W,
    STRIDE_H,
    STRIDE_W,
    PAD_TOP,
    PAD_LEFT,
    PAD_BOTTOM,
    PAD_RIGHT,
    OFFSET,
    LO,
    HI,
};

static const mite_attr attrs[] = {
    [KERNEL_H] = {"kernel_h", 'i', 1, 1},     [KERNEL_W] = {"kernel_w", 'i', 1, 1},
    [STRIDE_H] = {"stride_h", 'i', 1, 1},     [STRIDE_W] = {"stride_w", 'i', 1, 1},
    [PAD_TOP] = {"pad_top", 'i', 1, 0},       [PAD_LEFT] = {"pad_left", 'i', 1, 0},
    [PAD_BOTTOM] = {"pad_bottom", 'i', 1, 0}, [PAD_RIGHT] = {"pad_right", 'i', 1, 0},
    [OFFSET] = {"offset", 'i', 1, 0},         [LO] = {"lo", 'i', 1, INT16_MIN}, // quanta
    [HI] = {"hi", 'i', 1, INT16_MAX},
};

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
    if (!status && (w->pad.top >= w->kernel_h || w->pad.left >= w->kernel_w ||
                    w->reach.bottom >= w->kernel_h || w->reach.right >= w->kernel_w))
        status = mite_step_fail(s, MITE_ERR_FORMAT, "a window %dx%d lies wholly in the padding",
                                w->kernel_h, w->kernel_w);
    return status;
}

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    mite_window w;
    if (x->dtype != MITE_U8 && x->dtype != MITE_I16)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "x is %s, supported are u8 and i16",
                              mite_dtype_name(x->dtype));
    mite_status status = mite_step_need_type(s, "output", out, x->dtype);
    if (!status) status = measure(s, &w);
    if (status) return status;
    return mite_step_set_shape(s, 0, 4, (int32_t[]){x->shape[0], w.out_h, w.out_w, x->shape[3]});
}

static mite_status prepare(mite_step *s) {
    const mite_view *out = s->outputs[0];
    s->max_parts = mite_max_size(1, (size_t)out->shape[0] * (size_t)out->shape[1]);
    return measure(s, s->state);
}

// The quanta of a window's pixels, added up for `count` channels from `channel` on; how many pixels.
static int64_t add_up(const mite_step *s, int64_t *sum, size_t image, int64_t top, int64_t left,
                      size_t channel, size_t count) {
    const mite_window *w = s->state;
    const mite_view *x = s->inputs[0];
    int64_t height = x->shape[1], width = x->shape[2], pixels = 0, quanta[MITE_RUN];
    for (int64_t i = top < 0 ? 0 : top; i < height && i < top + w->kernel_h; i++) {
        for (int64_t k = left < 0 ? 0 : left; k < width && k < left + w->kernel_w; k++, pixels++) {
            size_t at = (image * (size_t)height + (size_t)i) * (size_t)width + (size_t)k;
            at = (at * (size_t)x->shape[3] + channel) * mite_dtype_bytes(x->dtype);
            mite_load_integers(quanta, (const char *)x->data + at, x->dtype, 1, count);
            for (size_t n = 0; n < count; n++) sum[n] += quanta[n];
        }
    }
    return pixels;
}

static void run_pixel(const mite_step *s, size_t row, size_t column) {
    const mite_window *w = s->state;
    const mite_view *out = s->outputs[0];
    size_t height = (size_t)out->shape[1], channels = (size_t)out->shape[3];
    int64_t top = (int64_t)(row % height) * w->stride_h - w->pad.top;
    int64_t left = (int64_t)column * w->stride_w - w->pad.left, offset = mite_attr_int(s, OFFSET);
    size_t to = (row * (size_t)out->shape[2] + column) * channels;
    for (size_t c = 0; c < channels; c += MITE_RUN) {
        size_t count = mite_min_size(MITE_RUN, channels - c);
        int64_t sum[MITE_RUN] = {0}, lo, hi;
        int64_t pixels = add_up(s, sum, row / height, top, left, c, count);
        mite_integer_range(out->dtype, &lo, &hi);
        lo = mite_fixed_limited(mite_attr_int(s, LO), lo, hi);
        hi = mite_fixed_limited(mite_attr_int(s, HI), lo, hi);
        for (size_t n = 0; n < count; n++) {
            int64_t y = sum[n] - offset * pixels;
            sum[n] =
                mite_fixed_limited((y + (y > 0 ? pixels : -pixels) / 2) / pixels + offset, lo, hi);
        }
        mite_store_integers((char *)out->data + (to + c) * mite_dtype_bytes(out->dtype), out->dtype,
                            1, sum, count);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *out = s->outputs[0];
    size_t first, last;
    (void)scratch;
    mite_part_range((size_t)out->shape[0] * (size_t)out->shape[1], 1, part, part_count, &first,
                    &last);
    for (size_t row = first; row < last; row++) {
        for (size_t column = 0; column < (size_t)out->shape[2]; column++) run_pixel(s, row, column);
    }
    return MITE_OK;
}

const mite_op mite_op_average_pool_fixed = {
    .name = "average_pool_fixed",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof *attrs,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .state_bytes = sizeof(mite_window),
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
