// SPDX-License-Identifier: Apache-2.0
// conv2d: dense and grouped convolution over NHWC, with bias, residual and clamp in one pass.
// A window is a list of segments of contiguous input values: one for each row of the kernel, or
// for each tap where dilation or groups break the row up.
#include "winograd.h"

enum { // attribute words
    GROUPS = MITE_CONV_WINDOW_WORDS,
    CLAMP_LO,
    CLAMP_HI,
    INNER_SCALE,
    INNER_ZERO_POINT,
};

static const mite_attr attrs[] = {
    MITE_CONV_WINDOW_ATTRS,
    [GROUPS] = {"groups", 'i', 1, 1},
    [CLAMP_LO] = {"clamp_lo", 'f', 1, MITE_BITS_NEG_INF},
    [CLAMP_HI] = {"clamp_hi", 'f', 1, MITE_BITS_INF},
    [INNER_SCALE] = {"inner_scale", 'f', 1, 0},
    [INNER_ZERO_POINT] = {"inner_zero_point", 'i', 1, 0},
};

// The call's geometry; derived anew in each phase from attributes and shapes.
typedef struct geometry {
    mite_window window;
    size_t groups, group_in, group_out; // channels of one group
    size_t rows;                        // output pixels of one image
    size_t segments, segment_length;
    bool whole_rows; // a segment is a row of the kernel, not a tap
} geometry;

static mite_status measure(mite_step *s, geometry *g) {
    const int32_t *w = s->inputs[MITE_CONV_WEIGHTS]->shape; // [N,KH,KW,C/groups]
    mite_status status = mite_conv_window(s, &g->window);
    if (status) return status;
    g->groups = (size_t)mite_attr_int(s, GROUPS);
    g->group_in = (size_t)w[3];
    g->group_out = (size_t)w[0] / g->groups;
    g->rows = (size_t)g->window.out_h * (size_t)g->window.out_w;
    g->whole_rows = g->groups == 1 && (g->window.dilation_w == 1 || w[2] == 1);
    g->segments = (size_t)w[1] * (g->whole_rows ? 1 : (size_t)w[2]);
    g->segment_length = g->group_in * (g->whole_rows ? (size_t)w[2] : 1);
    return MITE_OK;
}

static mite_status check_weights(mite_step *s) {
    const mite_view *x = s->inputs[MITE_CONV_X], *w = s->inputs[MITE_CONV_WEIGHTS];
    int32_t groups = mite_attr_int(s, GROUPS);
    if (!w || w->rank != 4 || x->rank != 4) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "x and weights must have rank 4");
    }
    if (w->shape[0] < 1 || w->shape[1] < 1 || w->shape[2] < 1 || w->shape[3] < 1) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "weights have the empty shape %T", (size_t)4,
                              w->shape);
    }
    if (groups < 1 || w->shape[0] % groups) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "%d output channels do not split into %d groups",
                              w->shape[0], groups);
    }
    if ((int64_t)w->shape[3] * groups != x->shape[3]) {
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "filter wants %d input channels in each of %d groups, x has %d",
                              w->shape[3], groups, x->shape[3]);
    }
    bool quantized = x->dtype == MITE_U8;
    mite_layout layout = quantized ? MITE_LAYOUT_CONV_I8 : MITE_LAYOUT_CONV_F32;
    mite_status status = mite_conv_need_weights(s, layout, (size_t)groups);
    if (status) return status;
    size_t columns = mite_round_up((size_t)(w->shape[0] / groups), 8);
    return mite_conv_check_columns(s, columns * (size_t)groups);
}

static mite_status infer(mite_step *s) {
    geometry g;
    mite_status status = mite_conv_check_types(s, CLAMP_LO);
    if (!status) status = check_weights(s);
    if (!status) status = measure(s, &g);
    if (status) return status;
    const mite_view *x = s->inputs[MITE_CONV_X];
    int32_t columns = s->inputs[MITE_CONV_WEIGHTS]->shape[0];
    int32_t shape[4] = {x->shape[0], g.window.out_h, g.window.out_w, columns};
    status = mite_step_set_shape(s, 0, 4, shape);
    if (!status) status = mite_conv_check_residual(s);
    s->macs = (uint64_t)s->outputs[0]->elements * g.segments * g.segment_length;
    return status;
}

// Scratch of a part: the segment table, then the kernel's, then where x has no halo a copy of an
// image that has.
typedef struct layout {
    size_t kernel, image, bytes; // offsets, and the whole
    size_t row_elements;         // of the copy
} layout;

static mite_status lay_out(mite_step *s, const geometry *g, layout *l) {
    size_t kernel = mite_conv_scratch(s, g->rows, g->segments, g->segment_length), copy = 0;
    if (mite_winograd_suits(s, &g->window, g->groups))
        kernel = mite_max_size(kernel, mite_winograd_step_scratch(s, &g->window));
    l->row_elements = 0;
    if (!mite_size_mul(&l->kernel, g->segments, sizeof(int32_t)) ||
        !mite_size_align(&l->kernel, l->kernel, MITE_ALIGN) ||
        !mite_size_add(&l->image, l->kernel, kernel) ||
        !mite_size_align(&l->image, l->image, MITE_ALIGN) ||
        (!mite_step_has_halo(s) &&
         !mite_padded_size(s->inputs[MITE_CONV_X], &g->window, &l->row_elements, &copy)) ||
        !mite_size_add(&l->bytes, l->image, copy)) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "the padded input is too large");
    }
    return MITE_OK;
}

static mite_status plan(mite_step *s) {
    geometry g;
    layout l;
    mite_status status = measure(s, &g);
    if (status) return status;
    s->wants_halo = g.window.reach;
    status = lay_out(s, &g, &l);
    s->scratch_bytes = l.bytes;
    if (mite_step_input(s, MITE_CONV_RESIDUAL)) s->in_place = MITE_CONV_RESIDUAL;
    return status;
}

typedef struct state {
    mite_conv_state conv;
    mite_winograd_state winograd;
    geometry geometry;
    layout layout;
    bool copies;
    size_t row, channels; // elements of an input row as the kernel sees it, and of a pixel
} state;

static void fill_strides(mite_step *s, state *st) {
    const mite_view *x = s->inputs[MITE_CONV_X], *out = s->outputs[0];
    const mite_view *residual = mite_step_input(s, MITE_CONV_RESIDUAL);
    const geometry *g = &st->geometry;
    mite_conv_state *c = &st->conv;
    mite_conv_args *a = &c->args;
    size_t in_bytes = mite_dtype_bytes(x->dtype), out_bytes = mite_dtype_bytes(out->dtype);
    size_t taps = g->segments * g->segment_length, columns = mite_round_up(g->group_out, 8);
    c->rows = g->rows;
    c->images = (size_t)x->shape[0];
    c->groups = g->groups;
    a->segment_count = g->segments;
    a->segment_length = g->segment_length;
    a->out_width = (size_t)g->window.out_w;
    a->in_row = st->row * (size_t)g->window.stride_h;
    a->in_pixel = st->channels * (size_t)g->window.stride_w;
    a->out_row = out->row_stride;
    a->out_pixel = (size_t)out->shape[3];
    a->residual_row = residual ? residual->row_stride : 0;
    a->residual_pixel = residual ? a->out_pixel : 0;
    c->out_image = out->image_stride * out_bytes;
    c->residual_image = residual ? residual->image_stride * out_bytes : 0;
    c->in_group = g->group_in * in_bytes;
    c->out_group = g->group_out * out_bytes;
    c->column_group = columns;
    c->weights_group =
        x->dtype == MITE_U8 ? columns * mite_round_up(taps, 4) : columns * taps * sizeof(float);
    // Rows that follow one another without a gap are one long row to the kernel.
    if (a->in_row == a->in_pixel * a->out_width && a->out_row == a->out_pixel * a->out_width &&
        a->residual_row == a->residual_pixel * a->out_width) {
        a->out_width = g->rows;
    }
}

static mite_status prepare(mite_step *s) {
    const mite_view *x = s->inputs[MITE_CONV_X];
    state *st = s->state;
    geometry *g = &st->geometry;
    mite_status status = measure(s, g);
    if (!status) status = lay_out(s, g, &st->layout);
    if (status) return status;
    st->copies = !mite_step_has_halo(s);
    st->row = st->copies ? st->layout.row_elements : x->row_stride;
    st->channels = (size_t)x->shape[3];
    size_t span = st->row * (size_t)g->window.dilation_h * (size_t)(g->window.kernel_h - 1) +
                  st->channels * (size_t)g->window.dilation_w * (size_t)(g->window.kernel_w - 1);
    if (span > INT32_MAX) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "a window spans %z values, 2^31 or more",
                              span);
    }
    mite_conv_fill(s, &st->conv, CLAMP_LO, g->group_out);
    fill_strides(s, st);
    s->max_parts = mite_conv_parts(&st->conv);
    st->winograd.tiles = 0;
    if (mite_winograd_suits(s, &g->window, g->groups)) {
        // Its tiles go by rows of the picture.
        st->conv.args.out_width = (size_t)g->window.out_w;
        mite_winograd_prepare(s, &st->winograd, &g->window);
    }
    if (st->winograd.tiles) s->max_parts = mite_winograd_parts(&st->winograd, g->group_out);
    s->owned_bytes = st->winograd.weight_bytes;
    return MITE_OK;
}

static void clear(mite_step *s) {
    state *st = s->state;
    mite_winograd_clear(&st->winograd);
}

static void fill_segments(const state *st, int32_t *segments) {
    const mite_window *w = &st->geometry.window;
    size_t taps = st->geometry.whole_rows ? 1 : (size_t)w->kernel_w;
    for (size_t i = 0; i < st->geometry.segments; i++) {
        segments[i] = (int32_t)(i / taps * (size_t)w->dilation_h * st->row +
                                i % taps * (size_t)w->dilation_w * st->channels);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_conv_state *c = &st->conv;
    const mite_view *x = s->inputs[MITE_CONV_X];
    const mite_window *w = &st->geometry.window;
    const mite_winograd_state *tiled = st->winograd.tiles ? &st->winograd : NULL;
    mite_conv_share share = tiled ? mite_winograd_share_of(tiled, c->args.columns, part, part_count)
                                  : mite_conv_share_of(c, part, part_count);
    if (share.row0 == share.row1 || share.block0 == share.block1) return MITE_OK;
    mite_conv_args a = c->args;
    fill_segments(st, scratch);
    a.segments = scratch;
    a.scratch = (char *)scratch + st->layout.kernel;
    char *copy = (char *)scratch + st->layout.image;
    size_t item = mite_dtype_bytes(x->dtype), width = (size_t)w->out_w;
    size_t y0 = share.row0 / width, y1 = (share.row1 - 1) / width + 1;
    if (tiled) mite_winograd_rows_of(tiled, share, &y0, &y1);
    size_t corner = (size_t)w->reach.top * st->row + (size_t)w->reach.left * st->channels;
    for (size_t n = 0; n < c->images; n++) {
        a.input = (const char *)x->data + n * x->image_stride * item - corner * item;
        if (st->copies) {
            mite_padded_copy(x, w, n, copy, y0, y1);
            a.input = copy;
        }
        a.output = (char *)c->args.output + n * c->out_image;
        if (a.residual) a.residual = (const char *)c->args.residual + n * c->residual_image;
        if (tiled) mite_winograd_run_share(s, tiled, a, share);
        else mite_conv_run_share(c, a, share);
    }
    return MITE_OK;
}

const mite_op mite_op_conv2d = {
    .name = "conv2d",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 3,
    .max_inputs = 5,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .state_bytes = sizeof(state),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
    .clear = clear,
};
