// SPDX-License-Identifier: Apache-2.0
// CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, BATCH_MATMUL.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_window.h"

#include <string.h>

// --- Windows ------------------------------------------------------------------------------------

bool tfl_place_window(tfl_import *c, tfl_window *w, const int32_t *dims, int32_t padding) {
    enum { SAME, VALID };
    for (size_t i = 0; i < 2; i++) {
        int64_t size = dims[1 + i], stride = w->stride[i];
        if (stride < 1 || w->dilation[i] < 1 || w->kernel[i] < 1 || size < 1) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT,
                         "kernel %d, stride %d, dilation %d and picture size %d must be at least 1",
                         w->kernel[i], w->stride[i], w->dilation[i], dims[1 + i]);
            return false;
        }
        int64_t windows = (size - 1) / stride + 1;
        int64_t extent = ((int64_t)w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t total = padding == VALID ? 0 : (windows - 1) * stride + extent - size;
        if (total < 0) total = 0;
        if ((padding != SAME && padding != VALID) || total > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its padding %d is unknown, or too large", padding);
            return false;
        }
        w->pad[i] = (int32_t)(total / 2);
        w->pad[2 + i] = (int32_t)total - w->pad[i];
    }
    return true;
}

mite_ir_value *tfl_picture(tfl_import *c, size_t k) {
    mite_ir_value *x = tfl_real(c, k);
    if (!x || !tfl_is_fixed(c, x)) return NULL;
    if (x->rank == 4) return x;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input has shape %T, wanted is [N,H,W,C]",
                 (size_t)x->rank, x->shape);
    return NULL;
}

// --- Weights and biases -------------------------------------------------------------------------

static float scale_of(const mite_ir_value *weights, size_t column) {
    const mite_ir_value *q = weights->origin;
    return q->scales[q->quant_count > 1 ? column : 0];
}

// The scale that stands in the file beside the bias is ignored, as TFLite does: sums have that of
// x times that of the weights.
static void note_bias_scale(tfl_import *c, mite_ir_value *bias, const mite_ir_value *integers,
                            float x_scale, const mite_ir_value *weights) {
    size_t count = mite_ir_elements(bias);
    float *scales = mite_ir_alloc(c->g, count, sizeof *scales);
    int32_t *zeros = mite_ir_alloc(c->g, count, sizeof *zeros);
    mite_ir_value *origin = mite_ir_constant(c->g, bias->name, MITE_I32, 1, bias->shape);
    if (!scales || !zeros || !origin) return;
    for (size_t i = 0; i < count; i++) {
        bool wide = integers->dtype == MITE_I64;
        int64_t n =
            wide ? ((const int64_t *)integers->data)[i] : ((const int32_t *)integers->data)[i];
        scales[i] = x_scale * scale_of(weights, i);
        ((float *)bias->data)[i] = (float)((double)n * (double)scales[i]);
        if (n < INT32_MIN || n > INT32_MAX) origin = NULL;
        if (origin) ((int32_t *)origin->data)[i] = (int32_t)n;
        else break;
    }
    for (size_t i = 0; !origin && i < count; i++) {
        ((float *)bias->data)[i] = (float)((double)((const int64_t *)integers->data)[i] *
                                           (double)(x_scale * scale_of(weights, i)));
    }
    if (origin) mite_ir_set_quant(c->g, origin, count, 0, scales, zeros);
    bias->origin = origin;
}

mite_ir_value *tfl_bias(tfl_import *c, size_t k, size_t x_index, const mite_ir_value *weights,
                        int32_t columns) {
    float x_scale;
    int32_t x_zero;
    if (!weights) return NULL;
    if (!tfl_has(c, k)) return mite_ir_constant(c->g, tfl_name(c), MITE_F32, 1, &columns);
    const tfl_tensor *t = tfl_input(c, k), *x = tfl_input(c, x_index);
    if (!tfl_is_constant(c, k)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its bias %q is computed; only constants are "
                     "supported",
                     t->name);
        return NULL;
    }
    bool integer = t->type == TFL_INT32 || t->type == TFL_INT64;
    mite_ir_value *b = integer ? tfl_in(c, k) : tfl_real(c, k);
    if (!b) return NULL;
    if (mite_ir_elements(b) != (size_t)columns) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its bias has shape %T, wanted is [%d]",
                     (size_t)b->rank, b->shape, columns);
        return NULL;
    }
    if (!integer) return tfl_reshape(c, b, 1, &columns);
    if (!weights->origin || !tfl_is_quantized(x)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its bias is integer, but not x and weights");
        return NULL;
    }
    if (!tfl_stored_quantization(c, x, &x_scale, &x_zero)) return NULL;
    mite_ir_value *real = mite_ir_constant(c->g, t->name, MITE_F32, 1, &columns);
    if (real) note_bias_scale(c, real, b, x_scale, weights);
    return mite_ir_ok(c->g) ? real : NULL;
}

mite_ir_value *tfl_weights(tfl_import *c, size_t k, size_t rank, const int32_t *shape) {
    if (tfl_is_constant(c, k)) return tfl_weights_constant(c, tfl_input(c, k), rank, shape);
    mite_ir_value *w = tfl_real(c, k);
    if (w && mite_ir_is_constant(w)) return tfl_reshape(c, w, rank, shape);
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "its weights %q are computed; only constants are "
                 "supported",
                 tfl_has(c, k) ? tfl_input(c, k)->name : "");
    return NULL;
}

// Weights of rank 4 as the file has them.
static mite_ir_value *picture_weights(tfl_import *c, size_t k) {
    const tfl_tensor *t = tfl_input(c, k);
    if (!t || t->rank != 4) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its weights must have four dimensions");
        return NULL;
    }
    mite_ir_value *w = tfl_weights(c, k, 4, t->dims);
    if (!w || mite_ir_elements(w)) return w;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights %q are empty", t->name);
    return NULL;
}

// --- Convolutions -------------------------------------------------------------------------------

mite_ir_value *tfl_emit_conv(tfl_import *c, mite_ir_value *x, mite_ir_value *weights,
                             mite_ir_value *bias, const tfl_window *w) {
    if (!x || !weights || !bias) return NULL;
    int32_t channels = x->shape[3], in = weights->shape[3];
    if (channels < 1 || channels % in || weights->shape[0] % (channels / in)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "weights %T do not fit the %d channels of its input",
                     (size_t)4, weights->shape, channels);
        return NULL;
    }
    return MITE_IR_EMIT(c->g, .op = "conv2d", .name = tfl_name(c), .inputs = {x, weights, bias},
                        .attrs = {TFL_WINDOW_ATTRS(w),
                                  {"dilation_h", .word = w->dilation[0]},
                                  {"dilation_w", .word = w->dilation[1]},
                                  {"groups", .word = channels / in}});
}

// Weights as OHWI in groups; sets output 0.
static void set_conv(tfl_import *c, mite_ir_value *x, mite_ir_value *weights, const tfl_window *w,
                     int32_t activation) {
    tfl_product p = {.x = 0,
                     .bias = 2,
                     .weights = weights,
                     .window = *w,
                     .groups = x->shape[3] / weights->shape[3],
                     .activation = activation};
    if (tfl_arithmetic_of(c, 0, weights) != TFL_REAL) {
        tfl_set(c, 0, tfl_emit_integer_conv(c, tfl_in(c, 0), &p));
        return;
    }
    mite_ir_value *bias = tfl_bias(c, 2, 0, weights, weights->shape[0]);
    tfl_set(c, 0, tfl_activate(c, tfl_emit_conv(c, x, weights, bias, w), activation));
}

void tfl_conv(tfl_import *c) {
    enum { PADDING, STRIDE_W, STRIDE_H, ACTIVATION, DILATION_W, DILATION_H };
    mite_ir_value *x = tfl_picture(c, 0), *weights = x ? picture_weights(c, 1) : NULL;
    if (!weights) return;
    const mite_flat_table *o = &c->node->options;
    tfl_window w = {
        .kernel = {weights->shape[1], weights->shape[2]},
        .stride = {tfl_option(c, STRIDE_H), tfl_option(c, STRIDE_W)},
        .dilation = {mite_flat_i32(o, DILATION_H, 1), mite_flat_i32(o, DILATION_W, 1)},
    };
    if (!tfl_place_window(c, &w, x->shape, tfl_option_byte(c, PADDING))) return;
    set_conv(c, x, weights, &w, tfl_option_byte(c, ACTIVATION));
}

void tfl_depthwise_conv(tfl_import *c) {
    enum { PADDING, STRIDE_W, STRIDE_H, ACTIVATION = 4, DILATION_W, DILATION_H };
    mite_ir_value *x = tfl_picture(c, 0), *weights = x ? picture_weights(c, 1) : NULL;
    if (!weights) return;
    const mite_flat_table *o = &c->node->options;
    tfl_window w = {
        .kernel = {weights->shape[1], weights->shape[2]},
        .stride = {tfl_option(c, STRIDE_H), tfl_option(c, STRIDE_W)},
        .dilation = {mite_flat_i32(o, DILATION_H, 1), mite_flat_i32(o, DILATION_W, 1)},
    };
    int32_t columns = weights->shape[3], activation = tfl_option_byte(c, ACTIVATION);
    if (!tfl_place_window(c, &w, x->shape, tfl_option_byte(c, PADDING))) return;
    if (weights->shape[0] != 1) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights have shape %T, wanted is [1,KH,KW,C]",
                     (size_t)4, weights->shape);
        return;
    }
    mite_ir_value *turned = mite_ir_transposed(c->g, weights, (const int32_t[]){3, 1, 2, 0});
    if (!turned) return;
    if (columns != x->shape[3] || tfl_arithmetic_of(c, 0, turned) != TFL_REAL) {
        set_conv(c, x, turned, &w, activation); // groups of one channel
        return;
    }
    mite_ir_value *bias = tfl_bias(c, 2, 0, weights, columns);
    if (!bias) return;
    mite_ir_value *y = MITE_IR_EMIT(c->g, .op = "depthwise_conv2d", .name = tfl_name(c),
                                    .inputs = {x, weights, bias},
                                    .attrs = {TFL_WINDOW_ATTRS(&w),
                                              {"dilation_h", .word = w.dilation[0]},
                                              {"dilation_w", .word = w.dilation[1]}});
    tfl_set(c, 0, tfl_activate(c, y, activation));
}

// --- Matrix products ----------------------------------------------------------------------------

// x [..,K] (input 0, perhaps under another shape) times constant weights [N,K] transposed. Gives real
// numbers or, of int16 input, quanta.
static mite_ir_value *emit_dense(tfl_import *c, mite_ir_value *x, size_t bias, int32_t activation,
                                 bool symmetric) {
    const tfl_tensor *t = tfl_input(c, 1);
    int32_t n = t->dims[0], depth = t->dims[1], shape[MITE_MAX_RANK];
    mite_ir_value *weights = tfl_weights(c, 1, 4, (const int32_t[]){n, 1, 1, depth});
    if (!weights || !x) return NULL;
    tfl_arithmetic arithmetic = tfl_arithmetic_of(c, 0, weights);
    if (arithmetic == TFL_REAL) {
        mite_ir_value *b = tfl_bias(c, bias, 0, weights, n);
        if (!b) return NULL;
        return tfl_activate(
            c, MITE_IR_EMIT(c->g, .op = "dense", .name = tfl_name(c), .inputs = {x, weights, b}),
            activation);
    }
    if (x->rank < 1 || x->shape[x->rank - 1] != depth) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights [%d,%d] do not fit the input %T", n, depth,
                     (size_t)x->rank, x->shape);
        return NULL;
    }
    // Every row is an image of one pixel.
    memcpy(shape, x->shape, sizeof shape);
    size_t rank = (size_t)x->rank, rows = mite_ir_elements(x) / (size_t)depth;
    shape[rank - 1] = n;
    tfl_product p = {.x = 0,
                     .bias = bias,
                     .weights = weights,
                     .window = {.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}},
                     .groups = 1,
                     .activation = activation,
                     .symmetric = symmetric};
    if (rows > INT32_MAX) rows = INT32_MAX; // refused by the reshape
    x = arithmetic == TFL_I16 ? tfl_in(c, 0) : x;
    x = tfl_reshape(c, x, 4, (const int32_t[]){(int32_t)rows, 1, 1, depth});
    return tfl_reshape(c, tfl_emit_integer_conv(c, x, &p), rank, shape);
}

static mite_ir_value *swap_last(tfl_import *c, mite_ir_value *v) {
    int32_t perm[MITE_MAX_RANK] = {0};
    if (!v || v->rank < 2) return v;
    for (int32_t i = 0; i < v->rank; i++) perm[i] = i;
    perm[v->rank - 1] = v->rank - 2;
    perm[v->rank - 2] = v->rank - 1;
    return tfl_transpose(c, v, perm);
}

void tfl_fully_connected(tfl_import *c) {
    enum { ACTIVATION, WEIGHTS_FORMAT, KEEP_NUM_DIMS, ASYMMETRIC };
    const tfl_tensor *t = tfl_input(c, 1);
    mite_ir_value *x = tfl_real(c, 0);
    if (!x || !tfl_is_fixed(c, x)) return;
    if (!t || t->rank != 2 || t->dims[1] < 1 || tfl_option_byte(c, WEIGHTS_FORMAT)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its weights must be a plain matrix [N,K]");
        return;
    }
    int32_t depth = t->dims[1];
    if (!tfl_option_byte(c, KEEP_NUM_DIMS) || x->rank < 1) {
        size_t rows = mite_ir_elements(x) / (size_t)depth;
        if (rows > INT32_MAX) rows = INT32_MAX; // then it does not fit
        x = tfl_reshape(c, x, 2, (const int32_t[]){(int32_t)rows, depth});
    }
    int32_t activation = tfl_option_byte(c, ACTIVATION);
    bool constant = tfl_is_constant(c, 1);
    if (!constant) {
        mite_ir_value *w = tfl_real(c, 1);
        constant = w && mite_ir_is_constant(w);
    }
    if (constant) {
        tfl_set(c, 0, emit_dense(c, x, 2, activation, !tfl_option_byte(c, ASYMMETRIC)));
        return;
    }
    mite_ir_value *y = tfl_emit_binary(c, "matmul_nd", x, swap_last(c, tfl_real(c, 1)));
    if (tfl_has(c, 2)) y = tfl_emit_binary(c, "add", y, tfl_real(c, 2));
    tfl_set(c, 0, tfl_activate(c, y, activation));
}

void tfl_batch_matmul(tfl_import *c) {
    enum { ADJOINT_X, ADJOINT_Y, ASYMMETRIC };
    mite_ir_value *x = tfl_real(c, 0), *y;
    bool adjoint = tfl_option_byte(c, ADJOINT_Y) != 0;
    const tfl_tensor *t = tfl_input(c, 1);
    if (!x || !tfl_is_fixed(c, x)) return;
    if (tfl_option_byte(c, ADJOINT_X)) x = swap_last(c, x);
    if (tfl_is_constant(c, 1) && t->rank == 2 && t->dims[1] >= 1 && adjoint &&
        !tfl_option_byte(c, ADJOINT_X)) {
        tfl_set(c, 0, emit_dense(c, x, SIZE_MAX, 0, !tfl_option_byte(c, ASYMMETRIC)));
        return;
    }
    y = tfl_real(c, 1);
    if (!y || !tfl_is_fixed(c, y)) return;
    tfl_set(c, 0, tfl_emit_binary(c, "matmul_nd", x, adjoint ? swap_last(c, y) : y));
}
