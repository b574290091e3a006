// SPDX-License-Identifier: Apache-2.0
#include "conv.h"

#include <math.h>

mite_status mite_conv_window(mite_step *s, mite_window *w) {
    const int32_t *weights = s->inputs[MITE_CONV_WEIGHTS]->shape; // [..,KH,KW,..]
    *w = (mite_window){
        .kernel_h = weights[1],
        .kernel_w = weights[2],
        .stride_h = mite_attr_int(s, MITE_CONV_STRIDE_H),
        .stride_w = mite_attr_int(s, MITE_CONV_STRIDE_W),
        .dilation_h = mite_attr_int(s, MITE_CONV_DILATION_H),
        .dilation_w = mite_attr_int(s, MITE_CONV_DILATION_W),
        .pad = {mite_attr_int(s, MITE_CONV_PAD_TOP), mite_attr_int(s, MITE_CONV_PAD_LEFT),
                mite_attr_int(s, MITE_CONV_PAD_BOTTOM), mite_attr_int(s, MITE_CONV_PAD_RIGHT)},
    };
    return mite_window_place(s, w, s->inputs[MITE_CONV_X]);
}

bool mite_padded_size(const mite_view *x, const mite_window *w, size_t *row_elements,
                      size_t *bytes) {
    size_t width, height;
    return mite_size_add(&width, (size_t)x->shape[2], (size_t)w->reach.left) &&
           mite_size_add(&width, width, (size_t)w->reach.right) &&
           mite_size_add(&height, (size_t)x->shape[1], (size_t)w->reach.top) &&
           mite_size_add(&height, height, (size_t)w->reach.bottom) &&
           mite_size_mul(row_elements, width, (size_t)x->shape[3]) &&
           mite_size_mul(bytes, *row_elements, mite_dtype_bytes(x->dtype)) &&
           mite_size_mul(bytes, *bytes, height);
}

void mite_padded_copy(const mite_view *x, const mite_window *w, size_t n, char *padded, size_t y0,
                      size_t y1) {
    size_t item = mite_dtype_bytes(x->dtype), unit = (size_t)x->shape[3] * item;
    size_t left = (size_t)w->reach.left * unit, right = (size_t)w->reach.right * unit;
    size_t middle = (size_t)x->shape[2] * unit, row = left + middle + right;
    size_t first = y0 * (size_t)w->stride_h;
    size_t last =
        (y1 - 1) * (size_t)w->stride_h + (size_t)(w->kernel_h - 1) * (size_t)w->dilation_h + 1;
    size_t top = (size_t)w->reach.top, bottom = top + (size_t)x->shape[1];
    const char *image = (const char *)x->data + n * x->image_stride * item;
    int zero = x->dtype == MITE_U8 ? x->zero_point : 0;
    for (size_t y = first; y < last; y++) {
        char *to = padded + y * row;
        if (y < top || y >= bottom) {
            memset(to, zero, row);
            continue;
        }
        memset(to, zero, left);
        memcpy(to + left, image + (y - top) * x->row_stride * item, middle);
        memset(to + left + middle, zero, right);
    }
}

mite_status mite_conv_check_types(mite_step *s, size_t clamp) {
    const mite_view *x = s->inputs[MITE_CONV_X], *out = s->outputs[0];
    const mite_view *residual = mite_step_input(s, MITE_CONV_RESIDUAL);
    if (x->dtype != MITE_F32 && x->dtype != MITE_U8) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "x (%q) is %s, supported are f32 and u8",
                              x->value->name, mite_dtype_name(x->dtype));
    }
    if (out->dtype != MITE_F32 && !(out->dtype == MITE_U8 && x->dtype == MITE_U8)) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "%s input cannot give %s output",
                              mite_dtype_name(x->dtype), mite_dtype_name(out->dtype));
    }
    float lo = mite_attr_float(s, clamp), hi = mite_attr_float(s, clamp + 1);
    if (!(lo <= hi)) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "clamp_lo must be a number below clamp_hi");
    }
    mite_status status = MITE_OK;
    if (x->dtype == MITE_U8) status = mite_step_need_quantized(s, "x", x);
    if (!status && out->dtype == MITE_U8) status = mite_step_need_quantized(s, "output", out);
    if (status || !residual) return status;
    if (x->dtype != out->dtype) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "a residual needs x and output of one type");
    }
    status = mite_step_need_type(s, "residual", residual, out->dtype);
    if (status || out->dtype == MITE_F32) return status;
    float inner_scale = mite_attr_float(s, clamp + 2);
    int32_t inner_zero_point = mite_attr_int(s, clamp + 3);
    if (!(inner_scale > 0) || !isfinite(inner_scale) || inner_zero_point < 0 ||
        inner_zero_point > 255) {
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "a u8 residual needs a positive inner_scale and an "
                              "inner_zero_point in [0,255], which is %d",
                              inner_zero_point);
    }
    return mite_step_need_quantized(s, "residual", residual);
}

mite_status mite_conv_check_columns(mite_step *s, size_t columns) {
    bool quantized = s->inputs[MITE_CONV_X]->dtype == MITE_U8;
    mite_status status = mite_step_need_constant(s, MITE_CONV_BIAS, quantized ? MITE_I32 : MITE_F32,
                                                 MITE_LAYOUT_DENSE, columns);
    if (status) return status;
    if (!quantized) {
        if (!mite_step_input(s, MITE_CONV_MULTIPLIER)) return MITE_OK;
        return mite_step_fail(s, MITE_ERR_FORMAT, "a multiplier belongs to u8 input, x is f32");
    }
    status = mite_step_need_constant(s, MITE_CONV_MULTIPLIER, MITE_F32, MITE_LAYOUT_DENSE, columns);
    if (status) return status;
    // The converter asks before constants are packed, and then without their data.
    const float *multiplier = s->inputs[MITE_CONV_MULTIPLIER]->data;
    for (size_t i = 0; multiplier && i < columns; i++) {
        if (!(multiplier[i] >= 0) || !isfinite(multiplier[i])) {
            return mite_step_fail(s, MITE_ERR_FORMAT,
                                  "multiplier %z of %z is negative or not finite", i, columns);
        }
    }
    return MITE_OK;
}

mite_status mite_conv_need_weights(mite_step *s, mite_layout layout, size_t groups) {
    const mite_view *w = s->inputs[MITE_CONV_WEIGHTS];
    bool i8 = layout == MITE_LAYOUT_CONV_I8 || layout == MITE_LAYOUT_DEPTHWISE_I8;
    mite_dtype dtype = i8 ? MITE_I8 : MITE_F32;
    size_t bytes;
    if (!mite_layout_bytes(&bytes, layout, dtype, (size_t)w->rank, w->shape, groups)) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "weights of shape %T are too large",
                              (size_t)w->rank, w->shape);
    }
    return mite_step_need_constant(s, MITE_CONV_WEIGHTS, dtype, layout,
                                   bytes / mite_dtype_bytes(dtype));
}

mite_status mite_conv_check_matrix(mite_step *s) {
    const mite_view *x = s->inputs[MITE_CONV_X], *w = s->inputs[MITE_CONV_WEIGHTS];
    if (!w || w->rank != 4 || w->shape[0] < 1 || w->shape[1] != 1 || w->shape[2] != 1) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "weights must have shape [N,1,1,K]");
    }
    if (x->rank < 1 || x->shape[x->rank - 1] < 1 || x->shape[x->rank - 1] != w->shape[3]) {
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "weights want %d values along the last dimension, x has shape %T",
                              w->shape[3], (size_t)x->rank, x->shape);
    }
    return MITE_OK;
}

mite_status mite_conv_check_residual(mite_step *s) {
    const mite_view *residual = mite_step_input(s, MITE_CONV_RESIDUAL), *out = s->outputs[0];
    if (!residual || mite_same_shape(residual, out)) return MITE_OK;
    return mite_step_fail(s, MITE_ERR_FORMAT, "residual has shape %T, the output %T",
                          (size_t)residual->rank, residual->shape, (size_t)out->rank, out->shape);
}

// r = inner*(si/so) + (residual*(sr/so) + offset), offset = zo - (si/so*zi + sr/so*zr): the
// constants of ONNX Runtime's QLinearAdd, each operation rounded to f32.
static void fill_residual(const mite_step *s, mite_conv_args *a, size_t clamp) {
    const mite_view *residual = s->inputs[MITE_CONV_RESIDUAL], *out = s->outputs[0];
    float inner_zero_point = (float)mite_attr_int(s, clamp + 3);
    float residual_zero_point = (float)residual->zero_point;
    a->zero_point = mite_attr_int(s, clamp + 3);
    a->inner_scale = mite_attr_float(s, clamp + 2) / out->scale;
    a->residual_scale = residual->scale / out->scale;
    a->offset = (float)out->zero_point -
                (a->inner_scale * inner_zero_point + a->residual_scale * residual_zero_point);
}

void mite_conv_fill(mite_step *s, mite_conv_state *c, size_t clamp, size_t columns) {
    const mite_view *x = s->inputs[MITE_CONV_X], *out = s->outputs[0];
    const mite_view *weights = s->inputs[MITE_CONV_WEIGHTS];
    const mite_view *residual = mite_step_input(s, MITE_CONV_RESIDUAL);
    mite_conv_args *a = &c->args;
    a->input = x->data;
    a->output = out->data;
    a->weights = weights->data;
    a->bias = s->inputs[MITE_CONV_BIAS]->data;
    a->columns = columns;
    a->lo = mite_attr_float(s, clamp);
    a->hi = mite_attr_float(s, clamp + 1);
    a->pair_safe = (weights->value->flags & MITE_VALUE_PAIR_SAFE) != 0;
    if (residual) a->residual = residual->data;
    if (x->dtype == MITE_F32) {
        c->run = s->kernels->conv_f32.run;
        s->kernel = s->kernels->conv_f32.name;
        return;
    }
    a->scale = s->inputs[MITE_CONV_MULTIPLIER]->data;
    if (out->dtype == MITE_F32) {
        c->run = s->kernels->conv_u8_f32.run;
        s->kernel = s->kernels->conv_u8_f32.name;
        return;
    }
    c->run = s->kernels->conv_u8.run;
    s->kernel = s->kernels->conv_u8.name;
    a->zero_point = out->zero_point;
    a->q_lo = mite_quantize_u8(a->lo, out->scale, out->zero_point);
    a->q_hi = mite_quantize_u8(a->hi, out->scale, out->zero_point);
    if (residual) fill_residual(s, a, clamp);
}

size_t mite_conv_scratch(const mite_step *s, size_t rows, size_t segments, size_t length) {
    if (s->inputs[MITE_CONV_X]->dtype == MITE_F32) {
        return s->kernels->conv_f32.scratch_bytes(rows, segments, length);
    }
    if (s->outputs[0]->dtype == MITE_F32) {
        return s->kernels->conv_u8_f32.scratch_bytes(rows, segments, length);
    }
    return s->kernels->conv_u8.scratch_bytes(rows, segments, length);
}

#define SPLIT_ROWS 64 // fewer output pixels than this are split by columns
#define ROW_UNIT 12   // a multiple of the kernels' tile heights

static size_t block_count(const mite_conv_state *c) {
    return c->groups * (mite_round_up(c->args.columns, 8) / 8);
}

size_t mite_conv_parts(const mite_conv_state *c) {
    return c->rows >= SPLIT_ROWS ? c->rows / ROW_UNIT : block_count(c);
}

mite_conv_share mite_conv_share_of(const mite_conv_state *c, size_t part, size_t part_count) {
    mite_conv_share share = {0, c->rows, 0, block_count(c)};
    if (c->rows >= SPLIT_ROWS) {
        mite_part_range(c->rows, ROW_UNIT, part, part_count, &share.row0, &share.row1);
    } else {
        mite_part_range(share.block1, 1, part, part_count, &share.block0, &share.block1);
    }
    return share;
}

void mite_conv_run_share(const mite_conv_state *c, mite_conv_args a, mite_conv_share share) {
    if (share.row0 == share.row1) return;
    mite_conv_args first = a;
    size_t blocks = mite_round_up(a.columns, 8) / 8;
    for (size_t block = share.block0; block < share.block1;) {
        size_t group = block / blocks, begin = block % blocks;
        size_t end = mite_min_size(blocks, begin + share.block1 - block);
        a.input = (const char *)first.input + group * c->in_group;
        a.output = (char *)first.output + group * c->out_group;
        a.weights = (const char *)first.weights + group * c->weights_group;
        a.bias = (const char *)first.bias + group * c->column_group * sizeof(float);
        if (first.residual) a.residual = (const char *)first.residual + group * c->out_group;
        if (first.scale) a.scale = first.scale + group * c->column_group;
        c->run(&a, share.row0, share.row1, begin * 8, mite_min_size(end * 8, a.columns));
        block += end - begin;
    }
}
