// SPDX-License-Identifier: Apache-2.0
// Convolutions. Those that the core's operators can do (f32 pictures and sequences, constant weights)
// are given to them; all others to the general ones.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <math.h>
#include <string.h>

// --- Conv ---------------------------------------------------------------------------------------

mite_ir_value *onnx_zeros(onnx_import *c, int32_t count) {
    return mite_ir_constant(c->g, onnx_name(c), MITE_F32, 1, &count);
}

// x [N,H,W,C] and constant weights [M,C/groups,KH,KW].
static mite_ir_value *emit_core(onnx_import *c, mite_ir_value *x, mite_ir_value *w,
                                mite_ir_value *bias, const onnx_window *window, int32_t groups) {
    bool depthwise = groups > 1 && w->shape[1] == 1 && groups == w->shape[0];
    mite_ir_value *packed = mite_ir_transposed(
        c->g, w, depthwise ? (const int32_t[]){1, 2, 3, 0} : (const int32_t[]){0, 2, 3, 1});
    if (!bias) bias = onnx_zeros(c, w->shape[0]);
    if (!x || !packed || !bias) return NULL;
    return MITE_IR_EMIT(c->g, .op = depthwise ? "depthwise_conv2d" : "conv2d", .name = onnx_name(c),
                        .inputs = {x, packed, bias},
                        .attrs = {ONNX_WINDOW_ATTRS(window),
                                  {"dilation_h", .word = window->dilation[0]},
                                  {"dilation_w", .word = window->dilation[1]},
                                  {depthwise ? NULL : "groups", .word = groups}});
}

static bool is_core(const mite_ir_value *x, const mite_ir_value *w, const mite_ir_value *bias) {
    for (size_t i = 0; i < (size_t)x->rank; i++)
        if (!x->shape[i] && !(x->open >> i & 1)) return false;
    return x->dtype == MITE_F32 && mite_ir_is_constant(w) && w->dtype == MITE_F32 &&
           mite_ir_elements(w) && (!bias || (mite_ir_is_constant(bias) && bias->dtype == MITE_F32));
}

mite_ir_value *onnx_emit_conv(onnx_import *c, mite_ir_value *x, mite_ir_value *w,
                              mite_ir_value *bias, const onnx_spatial *spatial, int64_t groups) {
    onnx_window window;
    if (!x || !w) return NULL;
    int64_t channels = w->shape[1] * groups; // not x's, which may be open
    bool known = !x->unknown && !x->open;
    if (groups < 1 || groups > INT32_MAX || w->shape[0] % groups || (known && x->rank < 2) ||
        (known && x->shape[1] != channels)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "weights %T in %D groups do not fit the %d channels of its input %T",
                     (size_t)w->rank, w->shape, groups, known && x->rank > 1 ? x->shape[1] : 0,
                     (size_t)x->rank, x->shape);
        return NULL;
    }
    if (bias && mite_ir_is_fixed(bias) && mite_ir_elements(bias) != (size_t)w->shape[0]) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its bias has shape %T, wanted is [%d]",
                     (size_t)bias->rank, bias->shape, w->shape[0]);
        return NULL;
    }
    if (!is_core(x, w, bias) || !onnx_window_of(x, spatial, &window))
        return MITE_IR_EMIT(
            c->g, .op = "conv_nd", .name = onnx_name(c), .inputs = {x, w, bias},
            .attrs = {ONNX_SPATIAL_ATTRS(spatial), {"groups", .word = (int32_t)groups}});
    if (spatial->rank == 1)
        w = onnx_reshape(c, w, 4, (const int32_t[]){w->shape[0], w->shape[1], 1, w->shape[2]});
    if (!w) return NULL;
    if (bias && bias->rank != 1) bias = mite_ir_reshaped(c->g, bias, 1, &w->shape[0]);
    mite_ir_value *y =
        emit_core(c, onnx_picture(c, x, spatial->rank), w, bias, &window, (int32_t)groups);
    return onnx_from_picture(c, y, spatial->rank);
}

// Weights [M,C/groups,K..], whose rank must be known.
static mite_ir_value *weights_in(onnx_import *c, size_t k) {
    mite_ir_value *w = onnx_in(c, k);
    if (w && !w->unknown && w->rank >= 2) return w;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights are missing, or of no known shape [M,C,..]");
    return NULL;
}

// The node's convolution of x [N,C,..].
static mite_ir_value *conv(onnx_import *c, mite_ir_value *x) {
    onnx_spatial window;
    mite_ir_value *w = weights_in(c, 1);
    mite_ir_value *bias = onnx_has_input(c, 2) ? onnx_in(c, 2) : NULL;
    if (!x || !w || !onnx_read_spatial(c, &window, (size_t)w->rank - 2, w->shape + 2)) return NULL;
    return onnx_emit_conv(c, x, w, bias, &window, onnx_int(c, "group", 1));
}

void onnx_conv(onnx_import *c) {
    onnx_set(c, 0, conv(c, onnx_in(c, 0)));
    onnx_let_go(c, 1);
}

// com.microsoft: with an addend and an activation behind.
static void set_fused(onnx_import *c, mite_ir_value *y) {
    if (onnx_has_input(c, 3)) y = onnx_emit_add(c, y, onnx_in(c, 3));
    onnx_set(c, 0, onnx_emit_activation(c, y, onnx_string(c, "activation", "")));
    onnx_let_go(c, 1);
}

void onnx_fused_conv(onnx_import *c) { set_fused(c, conv(c, onnx_in(c, 0))); }

// The same of pictures with channels last; weights are as ever.
void onnx_nhwc_conv(onnx_import *c) {
    set_fused(c, onnx_to_nhwc(c, conv(c, onnx_to_nchw(c, onnx_in(c, 0)))));
}

mite_ir_value *onnx_emit_activation(onnx_import *c, mite_ir_value *x, const char *name) {
    static const struct {
        const char *name;
        mite_unary function;
        float alpha, beta;
    } known[] = {
        {"Relu", MITE_UNARY_RELU, 0, 0},
        {"Tanh", MITE_UNARY_TANH, 0, 0},
        {"Sigmoid", MITE_UNARY_SIGMOID, 0, 0},
        {"LeakyRelu", MITE_UNARY_LEAKY_RELU, 0.01f, 0},
        {"HardSigmoid", MITE_UNARY_HARD_SIGMOID, 0.2f, 0.5f},
        {"HardSwish", MITE_UNARY_HARD_SWISH, 0, 0},
    };
    const onnx_attr *a = onnx_attribute(c, "activation_params");
    size_t count = a ? a->float_count : 0;
    if (!x || !*name) return x;
    bool clip = !strcmp(name, "Clip");
    if (clip || (!strcmp(name, "Relu") && x->dtype == MITE_F32)) {
        float lo = clip && count > 0 ? a->floats[0] : clip ? -INFINITY : 0;
        float hi = clip && count > 1 ? a->floats[1] : INFINITY;
        return MITE_IR_EMIT(
            c->g, .op = "clamp", .name = onnx_name(c), .inputs = {x},
            .attrs = {{"lo", .word = mite_ir_bits(lo)}, {"hi", .word = mite_ir_bits(hi)}});
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(known[i].name, name)) continue;
        float alpha = onnx_float(c, "activation_alpha", known[i].alpha); // of FusedGemm
        float beta = onnx_float(c, "activation_beta", known[i].beta);
        return onnx_emit_unary(c, known[i].function, x, count > 0 ? a->floats[0] : alpha,
                               count > 1 ? a->floats[1] : beta);
    }
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its activation %q is not supported", name);
    return NULL;
}

void onnx_conv_integer(onnx_import *c) {
    onnx_spatial window;
    mite_ir_value *x = onnx_in(c, 0), *w = weights_in(c, 1);
    mite_ir_value *x_zero = onnx_has_input(c, 2) ? onnx_in(c, 2) : NULL;
    mite_ir_value *w_zero = onnx_has_input(c, 3) ? onnx_in(c, 3) : NULL;
    if (!x || !w || !onnx_read_spatial(c, &window, (size_t)w->rank - 2, w->shape + 2)) return;
    onnx_set(c, 0, onnx_emit_conv_integer(c, x, w, x_zero, w_zero, NULL, &window));
}

mite_ir_value *onnx_emit_conv_integer(onnx_import *c, mite_ir_value *x, mite_ir_value *w,
                                      mite_ir_value *x_zero, mite_ir_value *w_zero,
                                      mite_ir_value *bias, const onnx_spatial *window) {
    return MITE_IR_EMIT(c->g, .op = "conv_nd", .name = onnx_name(c),
                        .inputs = {x, w, bias, x_zero, w_zero}, .dtype = MITE_I32,
                        .attrs = {ONNX_SPATIAL_ATTRS(window),
                                  {"groups", .word = (int32_t)onnx_int(c, "group", 1)}});
}

// --- ConvTranspose ------------------------------------------------------------------------------

typedef struct transposed {
    onnx_spatial window;
    int32_t more[MITE_SPATIAL_MAX], sizes[MITE_SPATIAL_MAX]; // output_padding, output_shape
    bool has_sizes;
} transposed;

static bool read_transposed(onnx_import *c, const mite_ir_value *w, transposed *t) {
    int64_t list[MITE_MAX_RANK];
    size_t count, rank = (size_t)w->rank - 2;
    *t = (transposed){.has_sizes = false};
    if (!onnx_read_spatial(c, &t->window, rank, w->shape + 2)) return false;
    for (int k = 0; k < 2; k++) {
        const char *name = k ? "output_shape" : "output_padding";
        if (!onnx_list(c, name, SIZE_MAX, list, MITE_MAX_RANK, &count)) continue;
        if (k && count == rank + 2) { // some files give the whole shape
            memmove(list, list + 2, rank * sizeof *list);
            count = rank;
        }
        for (size_t i = 0; i < count && i < rank; i++) {
            int32_t n = list[i] < 0 || list[i] > INT32_MAX ? -1 : (int32_t)list[i];
            if (n < 0) count = 0; // refused below
            if (k) t->sizes[i] = n;
            else t->more[i] = n;
        }
        if (count != rank) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its %s makes no sense", name);
        if (k) t->has_sizes = true;
    }
    return mite_ir_ok(c->g);
}

// The general operator's rules (conv_transpose.c) for fixed sizes: what is written where. False where
// some outputs would be out of reach of col2im.
static bool settle_transposed(const mite_ir_value *x, transposed *t) {
    onnx_spatial *w = &t->window;
    for (size_t i = 0; i < w->rank; i++) {
        int64_t extent = ((int64_t)w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t whole = ((int64_t)x->shape[i + 2] - 1) * w->stride[i] + extent + t->more[i];
        int64_t size = t->has_sizes  ? t->sizes[i]
                       : w->auto_pad ? (int64_t)x->shape[i + 2] * w->stride[i]
                                     : whole - w->begin[i] - w->end[i];
        int64_t total = whole - size;
        if (size < 1 || size > INT32_MAX || total < 0) return false;
        if (w->auto_pad || t->has_sizes) {
            w->begin[i] =
                (int32_t)(w->auto_pad == MITE_PAD_SAME_UPPER ? total / 2 : total - total / 2);
            w->end[i] = (int32_t)total - w->begin[i];
        }
        t->sizes[i] = (int32_t)size;
        if ((size + w->begin[i] + w->end[i] - extent) / w->stride[i] + 1 != x->shape[i + 2])
            return false;
    }
    w->auto_pad = MITE_PAD_EXPLICIT;
    return true;
}

static mite_ir_value *dimensions(onnx_import *c, const int32_t *list, size_t count) {
    int64_t out[MITE_MAX_RANK];
    for (size_t i = 0; i < count; i++) out[i] = list[i];
    return onnx_integers(c, out, count);
}

// All products by one matrix product, a picture of 1x1 windows; then col2im adds them up.
static mite_ir_value *by_columns(onnx_import *c, mite_ir_value *x, mite_ir_value *w,
                                 mite_ir_value *bias, const transposed *t) {
    int32_t taps = 1, plane = 1, columns = w->shape[1];
    for (size_t i = 0; i < t->window.rank; i++) {
        taps *= t->window.kernel[i];
        plane *= x->shape[i + 2];
    }
    int32_t channels = x->shape[1], rows = columns * taps;
    w = mite_ir_reshaped(c->g, w, 2, (const int32_t[]){channels, rows});
    w = w ? mite_ir_transposed(c->g, w, (const int32_t[]){1, 0}) : NULL;
    w = w ? mite_ir_reshaped(c->g, w, 4, (const int32_t[]){rows, channels, 1, 1}) : NULL;
    x = onnx_reshape(c, x, 4, (const int32_t[]){x->shape[0], channels, 1, plane});
    if (!w || !x) return NULL;
    onnx_window point = {.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    mite_ir_value *y = onnx_to_nchw(c, emit_core(c, onnx_to_nhwc(c, x), w, NULL, &point, 1));
    y = onnx_reshape(c, y, 3, (const int32_t[]){x->shape[0], rows, plane});
    y = MITE_IR_EMIT(c->g, .op = "col2im", .name = onnx_name(c),
                     .inputs = {y, dimensions(c, t->sizes, t->window.rank),
                                dimensions(c, t->window.kernel, t->window.rank)},
                     .attrs = {ONNX_SPATIAL_ATTRS(&t->window)});
    if (!bias || !y) return y;
    int32_t shape[MITE_MAX_RANK] = {columns};
    for (size_t i = 0; i < t->window.rank; i++) shape[i + 1] = 1;
    return onnx_emit_add(c, y, mite_ir_reshaped(c->g, bias, t->window.rank + 1, shape));
}

void onnx_conv_transpose(onnx_import *c) {
    transposed t, fixed;
    mite_ir_value *x = onnx_in(c, 0), *w = weights_in(c, 1);
    mite_ir_value *bias = onnx_has_input(c, 2) ? onnx_in(c, 2) : NULL;
    int64_t groups = onnx_int(c, "group", 1);
    if (!x || !w || !read_transposed(c, w, &t)) return;
    fixed = t;
    if (groups == 1 && is_core(x, w, bias) && mite_ir_is_fixed(x) && x->rank == w->rank &&
        x->shape[1] == w->shape[0] && x->rank > 2 && settle_transposed(x, &fixed) &&
        (!bias || mite_ir_elements(bias) == (size_t)w->shape[1]) &&
        mite_ir_elements(w) / (size_t)w->shape[0] * mite_ir_elements(x) / (size_t)x->shape[1] <
            (1 << 26)) {
        onnx_set(c, 0, by_columns(c, x, w, bias, &fixed));
        onnx_let_go(c, 1);
        return;
    }
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "conv_transpose", .name = onnx_name(c),
                          .inputs = {x, w, bias},
                          .attrs = {ONNX_SPATIAL_ATTRS(&t.window),
                                    {"groups", .word = groups < INT32_MAX ? (int32_t)groups : 0},
                                    {"output_padding", .list = t.more, .list_count = t.window.rank},
                                    {"has_sizes", .word = t.has_sizes},
                                    {"sizes", .list = t.sizes, .list_count = t.window.rank}}));
}

// --- DeformConv, Col2Im, CausalConvWithState ------------------------------------------------------

void onnx_deform_conv(onnx_import *c) {
    onnx_spatial window;
    mite_ir_value *x = onnx_in(c, 0), *w = weights_in(c, 1), *offset = onnx_in(c, 2);
    mite_ir_value *bias = onnx_has_input(c, 3) ? onnx_in(c, 3) : NULL;
    mite_ir_value *mask = onnx_has_input(c, 4) ? onnx_in(c, 4) : NULL;
    if (!x || !w || !offset || !onnx_read_spatial(c, &window, (size_t)w->rank - 2, w->shape + 2))
        return;
    onnx_set(c, 0,
             MITE_IR_EMIT(
                 c->g, .op = "deform_conv", .name = onnx_name(c),
                 .inputs = {x, w, offset, bias, mask},
                 .attrs = {ONNX_SPATIAL_ATTRS(&window),
                           {"groups", .word = (int32_t)onnx_int(c, "group", 1)},
                           {"offset_groups", .word = (int32_t)onnx_int(c, "offset_group", 1)}}));
}

void onnx_col2im(onnx_import *c) {
    onnx_spatial window;
    mite_ir_value *x = onnx_in(c, 0), *image = onnx_in(c, 1), *block = onnx_in(c, 2);
    int32_t ones[MITE_SPATIAL_MAX];
    if (!x || !image || !block) return;
    size_t rank =
        image->unknown ? block->unknown ? 0 : mite_ir_elements(block) : mite_ir_elements(image);
    for (size_t i = 0; i < MITE_SPATIAL_MAX; i++) ones[i] = 1; // what it is follows in the run
    if (!onnx_read_spatial(c, &window, rank, ones)) return;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "col2im", .name = onnx_name(c), .inputs = {x, image, block},
                          .attrs = {ONNX_SPATIAL_ATTRS(&window)}));
}

void onnx_causal_conv_with_state(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *w = weights_in(c, 1);
    mite_ir_value *bias = onnx_has_input(c, 2) ? onnx_in(c, 2) : NULL, *all;
    const char *activation = onnx_string(c, "activation", "none");
    if (!x || !w) return;
    int64_t dilation = onnx_int(c, "dilation", 1); // this one and those below: com.microsoft
    if (w->rank != 3 || dilation < 1 || dilation > INT32_MAX || onnx_int(c, "state_window", 0) ||
        onnx_int(c, "channels_last", 0)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "weights of shape %T, state_window or channels_last are not supported",
                     (size_t)w->rank, w->shape);
        return;
    }
    int64_t before = ((int64_t)w->shape[2] - 1) * dilation, from = before ? -before : INT64_MAX;
    if (onnx_has_input(c, 3)) {
        all = MITE_IR_EMIT(c->g, .op = "concat", .name = onnx_name(c), .inputs = {onnx_in(c, 3), x},
                           .attrs = {{"axis", .word = 2}});
    } else {
        all = MITE_IR_EMIT(c->g, .op = "pad_by", .name = onnx_name(c),
                           .inputs = {x, onnx_integers(c, (int64_t[]){0, 0, before, 0, 0, 0}, 6)});
    }
    onnx_spatial window = {
        .rank = 1, .kernel = {w->shape[2]}, .stride = {1}, .dilation = {(int32_t)dilation}};
    mite_ir_value *y = onnx_emit_conv(c, all, w, bias, &window, w->shape[0]);
    if (!strcmp(activation, "silu") || !strcmp(activation, "swish")) y = onnx_emit_silu(c, y);
    else if (strcmp(activation, "none"))
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its activation %q is unknown", activation);
    onnx_set(c, 0, y);
    if (!onnx_has_output(c, 1)) return;
    onnx_set(c, 1,
             MITE_IR_EMIT(c->g, .op = "slice", .name = onnx_name(c),
                          .inputs = {all, onnx_integers(c, &from, 1),
                                     onnx_integers(c, (int64_t[]){INT64_MAX}, 1),
                                     onnx_integers(c, (int64_t[]){2}, 1)}));
}

mite_ir_value *onnx_emit_silu(onnx_import *c, mite_ir_value *x) {
    if (!x || x->dtype != MITE_F32) return x ? onnx_emit_unary(c, MITE_UNARY_SWISH, x, 1, 0) : NULL;
    return MITE_IR_EMIT(c->g, .op = "silu", .name = onnx_name(c), .inputs = {x});
}
