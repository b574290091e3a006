// SPDX-License-Identifier: Apache-2.0
// CONV_3D, CONV_3D_TRANSPOSE, and convolutions whose weights are computed.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_window.h"

#include <string.h>

// --- In general ---------------------------------------------------------------------------------

// [N,D..,C] <-> [N,C,D..]
static mite_ir_value *channels_first(tfl_import *c, mite_ir_value *v) {
    int32_t perm[MITE_MAX_RANK] = {0};
    if (!v) return NULL;
    perm[1] = v->rank - 1;
    for (int32_t i = 2; i < v->rank; i++) perm[i] = i - 1;
    return tfl_transpose(c, v, perm);
}

static mite_ir_value *channels_last(tfl_import *c, mite_ir_value *v) {
    int32_t perm[MITE_MAX_RANK] = {0};
    if (!v) return NULL;
    for (int32_t i = 1; i < v->rank; i++) perm[i] = i + 1;
    perm[v->rank - 1] = 1;
    return tfl_transpose(c, v, perm);
}

// Bias (input k, where given) and activation on top of y.
static mite_ir_value *finished(tfl_import *c, mite_ir_value *y, size_t k, int32_t activation) {
    if (tfl_has(c, k)) y = tfl_emit_binary(c, "add", y, tfl_real(c, k));
    return tfl_activate(c, y, activation);
}

mite_ir_value *tfl_emit_computed_conv(tfl_import *c, mite_ir_value *x, mite_ir_value *w,
                                      const tfl_window *window, int32_t groups) {
    if (!x || !w) return NULL;
    mite_ir_value *y = MITE_IR_EMIT(
        c->g, .op = "conv_nd", .name = tfl_name(c), .inputs = {channels_first(c, x), w},
        .attrs = {{"strides", .list = window->stride, .list_count = 2},
                  {"dilations", .list = window->dilation, .list_count = 2},
                  {"pads_begin", .list = window->pad, .list_count = 2},
                  {"pads_end", .list = window->pad + 2, .list_count = 2},
                  {"groups", .word = groups}});
    return channels_last(c, y);
}

// --- Three dimensions ---------------------------------------------------------------------------

typedef struct volume {
    mite_ir_value *x;
    int32_t kernel[3], stride[3], dilation[3]; // depth, height, width
    int32_t begin[3], end[3];
    int32_t padding, activation;
} volume;

// The options that both operators begin with, and weights [KD,KH,KW,..] (input 1).
static bool read_volume(tfl_import *c, volume *v) {
    enum { PADDING, STRIDE_D, STRIDE_W, STRIDE_H, ACTIVATION, DILATION_D, DILATION_W, DILATION_H };
    const mite_flat_table *o = &c->node->options;
    const tfl_tensor *w = tfl_input(c, 1);
    *v = (volume){
        .stride = {tfl_option(c, STRIDE_D), tfl_option(c, STRIDE_H), tfl_option(c, STRIDE_W)},
        .dilation = {mite_flat_i32(o, DILATION_D, 1), mite_flat_i32(o, DILATION_H, 1),
                     mite_flat_i32(o, DILATION_W, 1)},
        .padding = tfl_option_byte(c, PADDING),
        .activation = tfl_option_byte(c, ACTIVATION),
    };
    bool good = w && !w->bad && w->rank == 5;
    for (size_t i = 0; i < 3 && good; i++) {
        v->kernel[i] = w->dims[i];
        good = w->dims[i] >= 1 && v->stride[i] >= 1 && v->dilation[i] >= 1;
    }
    if (!good)
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "its weights must have five dimensions, strides and dilations be at least 1");
    return good;
}

static bool take_volume(tfl_import *c, size_t k, volume *v) {
    v->x = tfl_real(c, k);
    if (!v->x || !tfl_is_fixed(c, v->x)) return false;
    if (v->x->rank == 5 && mite_ir_elements(v->x)) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input has shape %T, wanted is [N,D,H,W,C]",
                 (size_t)v->x->rank, v->x->shape);
    return false;
}

// The padding of a convolution.
static bool place(tfl_import *c, volume *v) {
    enum { SAME, VALID };
    for (size_t i = 0; i < 3; i++) {
        int64_t size = v->x->shape[1 + i],
                extent = ((int64_t)v->kernel[i] - 1) * v->dilation[i] + 1;
        int64_t windows = (size - 1) / v->stride[i] + 1;
        int64_t total = v->padding == SAME ? (windows - 1) * v->stride[i] + extent - size : 0;
        if (total < 0) total = 0;
        int64_t room = size + total - extent;
        if (v->padding < SAME || v->padding > VALID || room < 0 || total > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its kernel of %D does not fit the size %D", extent,
                         size);
            return false;
        }
        v->begin[i] = (int32_t)(total / 2);
        v->end[i] = (int32_t)(total - total / 2);
    }
    return true;
}

void tfl_conv_3d(tfl_import *c) {
    volume v;
    if (!read_volume(c, &v) || !take_volume(c, 0, &v) || !place(c, &v)) return;
    mite_ir_value *w = tfl_real(c, 1);
    int32_t channels = v.x->shape[4];
    if (!w) return;
    if (w->shape[3] < 1 || channels % w->shape[3]) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "weights %T do not fit the %d channels of its input",
                     (size_t)5, w->shape, channels);
        return;
    }
    int32_t groups = channels / w->shape[3];
    w = tfl_transpose(c, w, (const int32_t[]){4, 3, 0, 1, 2});
    if (!w) return;
    mite_ir_value *y = MITE_IR_EMIT(c->g, .op = "conv_nd", .name = tfl_name(c),
                                    .inputs = {channels_first(c, v.x), w},
                                    .attrs = {{"strides", .list = v.stride, .list_count = 3},
                                              {"dilations", .list = v.dilation, .list_count = 3},
                                              {"pads_begin", .list = v.begin, .list_count = 3},
                                              {"pads_end", .list = v.end, .list_count = 3},
                                              {"groups", .word = groups}});
    tfl_set(c, 0, finished(c, channels_last(c, y), 2, v.activation));
}

// Inputs: the output's shape, weights [KD,KH,KW,O,I], x, [bias].
void tfl_conv_3d_transpose(tfl_import *c) {
    volume v;
    int64_t shape[5];
    size_t count;
    int32_t more[3];
    if (!read_volume(c, &v) || !take_volume(c, 2, &v) ||
        !tfl_numbers(c, 0, "output shape", shape, 5, &count)) {
        return;
    }
    bool good = count == 5;
    for (size_t i = 0; i < 3 && good; i++) {
        int64_t whole = (v.x->shape[1 + i] - (int64_t)1) * v.stride[i] +
                        (v.kernel[i] - (int64_t)1) * v.dilation[i] + 1;
        int64_t total = whole - shape[1 + i];
        good = shape[1 + i] >= 1 && shape[1 + i] <= INT32_MAX && whole <= INT32_MAX;
        v.begin[i] = good && total > 0 ? (int32_t)(total / 2) : 0;
        v.end[i] = good && total > 0 ? (int32_t)(total - total / 2) : 0;
        more[i] = good && total < 0 ? (int32_t)-total : 0;
    }
    mite_ir_value *w = tfl_real(c, 1);
    if (!good || !w || w->shape[4] != v.x->shape[4]) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights, input and output do not fit one another");
        return;
    }
    w = tfl_transpose(c, w, (const int32_t[]){4, 3, 0, 1, 2});
    if (!w) return;
    mite_ir_value *y = MITE_IR_EMIT(c->g, .op = "conv_transpose", .name = tfl_name(c),
                                    .inputs = {channels_first(c, v.x), w},
                                    .attrs = {{"strides", .list = v.stride, .list_count = 3},
                                              {"dilations", .list = v.dilation, .list_count = 3},
                                              {"pads_begin", .list = v.begin, .list_count = 3},
                                              {"pads_end", .list = v.end, .list_count = 3},
                                              {"output_padding", .list = more, .list_count = 3}});
    tfl_set(c, 0, finished(c, channels_last(c, y), 3, v.activation));
}
