// SPDX-License-Identifier: Apache-2.0
// CONV_2D, DEPTHWISE_CONV_2D, FULLY_CONNECTED, BATCH_MATMUL.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_window.h"

#include "base/sizes.h"

#include <string.h>

// --- Windows ------------------------------------------------------------------------------------

bool tfl_place_window(tfl_import *c, tfl_window *w, const mite_ir_value *x, int32_t padding) {
    enum { SAME, VALID };
    for (size_t i = 0; i < 2; i++) {
        int64_t size = x->shape[1 + i], stride = w->stride[i];
        bool open = x->open >> (1 + i) & 1; // then with a stride of 1 alone the pads are the same
        if (open && padding == SAME && stride != 1 && !tfl_is_fixed(c, x)) return false;
        if (stride < 1 || w->dilation[i] < 1 || w->kernel[i] < 1 || size < 1) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT,
                         "kernel %d, stride %d, dilation %d and picture size %d must be at least 1",
                         w->kernel[i], w->stride[i], w->dilation[i], x->shape[1 + i]);
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
    if (!x || !tfl_has_rank(c, x)) return NULL;
    if (x->rank == 4 && x->open >> 3 & 1 && !tfl_is_fixed(c, x)) return NULL;
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
    if (!tfl_is_settled(c, k)) {
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

bool tfl_is_settled(tfl_import *c, size_t k) {
    if (tfl_is_constant(c, k)) return true;
    mite_ir_value *v = tfl_plain(c, k);
    return v && mite_ir_is_constant(v);
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
    bool adds = tfl_has(c, 2) && !tfl_is_settled(c, 2);
    mite_ir_value *bias = tfl_bias(c, adds ? SIZE_MAX : 2, 0, weights, weights->shape[0]);
    mite_ir_value *y = tfl_emit_conv(c, x, weights, bias, w);
    if (adds) y = tfl_emit_binary(c, "add", y, tfl_real(c, 2));
    tfl_set(c, 0, tfl_activate(c, y, activation));
}

// With weights [M,KH,KW,C/g] or, of a depthwise one, [1,KH,KW,M] that a run computes.
static void set_computed_conv(tfl_import *c, mite_ir_value *x, tfl_window *w, bool depthwise) {
    enum { PADDING, ACTIVATION = 3 };
    mite_ir_value *weights = tfl_real(c, 1);
    if (!x || !weights || !tfl_is_fixed(c, weights)) return;
    int32_t channels = x->shape[3], in = depthwise ? 1 : weights->shape[3];
    if (weights->rank != 4 || in < 1 || channels % in) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "weights %T do not fit the %d channels of its input",
                     (size_t)weights->rank, weights->shape, channels);
        return;
    }
    w->kernel[0] = weights->shape[1];
    w->kernel[1] = weights->shape[2];
    if (!tfl_place_window(c, w, x, tfl_option_byte(c, PADDING))) return;
    weights = tfl_transpose(
        c, weights, depthwise ? (const int32_t[]){3, 0, 1, 2} : (const int32_t[]){0, 3, 1, 2});
    mite_ir_value *y = tfl_emit_computed_conv(c, x, weights, w, channels / in);
    if (tfl_has(c, 2)) y = tfl_emit_binary(c, "add", y, tfl_real(c, 2));
    tfl_set(c, 0, tfl_activate(c, y, tfl_option_byte(c, ACTIVATION + depthwise)));
}

static tfl_window read_window(const tfl_import *c, bool depthwise) {
    enum { STRIDE_W = 1, STRIDE_H, DILATION_W = 4, DILATION_H };
    const mite_flat_table *o = &c->node->options;
    return (tfl_window){
        .stride = {tfl_option(c, STRIDE_H), tfl_option(c, STRIDE_W)},
        .dilation = {mite_flat_i32(o, DILATION_H + depthwise, 1),
                     mite_flat_i32(o, DILATION_W + depthwise, 1)},
    };
}

void tfl_conv(tfl_import *c) {
    enum { PADDING, ACTIVATION = 3 };
    mite_ir_value *x = tfl_picture(c, 0);
    tfl_window w = read_window(c, false);
    if (x && !tfl_is_settled(c, 1)) {
        set_computed_conv(c, x, &w, false);
        return;
    }
    mite_ir_value *weights = x ? picture_weights(c, 1) : NULL;
    if (!weights) return;
    w.kernel[0] = weights->shape[1];
    w.kernel[1] = weights->shape[2];
    if (!tfl_place_window(c, &w, x, tfl_option_byte(c, PADDING))) return;
    set_conv(c, x, weights, &w, tfl_option_byte(c, ACTIVATION));
}

void tfl_depthwise_conv(tfl_import *c) {
    enum { PADDING, ACTIVATION = 4 };
    mite_ir_value *x = tfl_picture(c, 0);
    tfl_window w = read_window(c, true);
    if (x && !tfl_is_settled(c, 1)) {
        set_computed_conv(c, x, &w, true);
        return;
    }
    mite_ir_value *weights = x ? picture_weights(c, 1) : NULL;
    if (!weights) return;
    w.kernel[0] = weights->shape[1];
    w.kernel[1] = weights->shape[2];
    int32_t columns = weights->shape[3], activation = tfl_option_byte(c, ACTIVATION);
    if (!tfl_place_window(c, &w, x, tfl_option_byte(c, PADDING))) return;
    if (weights->shape[0] != 1) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights have shape %T, wanted is [1,KH,KW,C]",
                     (size_t)4, weights->shape);
        return;
    }
    bool computed_bias = tfl_has(c, 2) && !tfl_is_settled(c, 2);
    mite_ir_value *turned = mite_ir_transposed(c->g, weights, (const int32_t[]){3, 1, 2, 0});
    if (!turned) return;
    if (columns != x->shape[3] || computed_bias || tfl_arithmetic_of(c, 0, turned) != TFL_REAL) {
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
        bool adds = tfl_has(c, bias) && !tfl_is_settled(c, bias);
        mite_ir_value *b = tfl_bias(c, adds ? SIZE_MAX : bias, 0, weights, n);
        if (!b) return NULL;
        mite_ir_value *y =
            MITE_IR_EMIT(c->g, .op = "dense", .name = tfl_name(c), .inputs = {x, weights, b});
        if (adds) y = tfl_emit_binary(c, "add", y, tfl_real(c, bias));
        return tfl_activate(c, y, activation);
    }
    if (x->rank < 1 || x->shape[x->rank - 1] != depth) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights [%d,%d] do not fit the input %T", n, depth,
                     (size_t)x->rank, x->shape);
        return NULL;
    }
    // Every row is an image of one pixel.
    size_t rank = (size_t)x->rank, rows = mite_ir_elements(x) / (size_t)depth;
    for (size_t i = 0; i < rank; i++) shape[i] = tfl_dim(x, i);
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
    x = tfl_reshape(c, x, 4, (const int32_t[]){x->open ? -1 : (int32_t)rows, 1, 1, depth});
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
    // Of int8 it rounds once, as a dequantized one does.
    bool quanta = tfl_is_fixed_product(c) && tfl_input(c, 0)->type == TFL_INT16 && !tfl_has(c, 2);
    mite_ir_value *x = quanta ? tfl_in(c, 0) : tfl_real(c, 0);
    if (!x || !tfl_has_rank(c, x)) return;
    if (!t || t->rank != 2 || t->dims[1] < 1 || tfl_option_byte(c, WEIGHTS_FORMAT)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its weights must be a plain matrix [N,K]");
        return;
    }
    int32_t depth = t->dims[1];
    if (!tfl_option_byte(c, KEEP_NUM_DIMS) || x->rank < 1) {
        size_t rows = mite_ir_elements(x) / (size_t)depth;
        if (rows > INT32_MAX) rows = INT32_MAX; // then it does not fit
        x = tfl_reshape(c, x, 2, (const int32_t[]){x->open ? -1 : (int32_t)rows, depth});
    }
    int32_t activation = tfl_option_byte(c, ACTIVATION);
    if (quanta) {
        mite_ir_value *w = swap_last(c, tfl_in(c, 1));
        tfl_set(c, 0, tfl_emit_fixed_product(c, x, w, activation));
        return;
    }
    if (tfl_is_settled(c, 1)) {
        tfl_set(c, 0, emit_dense(c, x, 2, activation, !tfl_option_byte(c, ASYMMETRIC)));
        return;
    }
    mite_ir_value *y = tfl_emit_binary(c, "matmul_nd", x, swap_last(c, tfl_real(c, 1)));
    if (tfl_has(c, 2)) y = tfl_emit_binary(c, "add", y, tfl_real(c, 2));
    tfl_set(c, 0, tfl_activate(c, y, activation));
}

// Matrix k of weights [count,N,K], as [N,1,1,K].
static mite_ir_value *matrix(tfl_import *c, const mite_ir_value *w, size_t k) {
    const int32_t shape[4] = {w->shape[1], 1, 1, w->shape[2]};
    size_t size = (size_t)w->shape[1] * (size_t)w->shape[2];
    mite_ir_value *out = mite_ir_constant(c->g, w->name, MITE_F32, 4, shape);
    mite_ir_value *integers = mite_ir_constant(c->g, w->name, w->origin->dtype, 4, shape);
    if (!out || !integers) return NULL;
    memcpy(out->data, (const float *)w->data + k * size, size * sizeof(float));
    memcpy(integers->data, (const uint8_t *)w->origin->data + k * size, size);
    mite_ir_set_quant(c->g, integers, 1, 0, w->origin->scales, w->origin->zero_points);
    out->origin = integers;
    return out;
}

// Quantized weights [..,K,N] of as many matrices as x has, or of one, that x's rows are quantized for
// while the model runs: matrix after matrix. NULL where it is not so.
static mite_ir_value *dynamic_products(tfl_import *c, mite_ir_value *x, bool adjoint,
                                       bool symmetric) {
    const tfl_tensor *t = tfl_input(c, 1), *from = tfl_input(c, 0);
    if (!tfl_is_constant(c, 1) || !tfl_is_quantized(t) || t->bad || t->type != TFL_INT8 ||
        t->scales.count != 1 || from->type != TFL_FLOAT32 || t->rank < 2 || x->rank < 2 || x->open)
        return NULL;
    size_t rank = (size_t)x->rank, elements;
    int32_t rows = x->shape[rank - 2], depth = x->shape[rank - 1];
    int32_t columns = t->dims[t->rank - (adjoint ? 2 : 1)];
    if (!mite_shape_elements(&elements, t->rank, t->dims) || depth < 1 || columns < 1 ||
        t->dims[t->rank - (adjoint ? 1 : 2)] != depth)
        return NULL;
    size_t count = elements / (size_t)depth / (size_t)columns, all = mite_ir_elements(x);
    size_t matrices = all / (size_t)depth / (size_t)(rows ? rows : 1);
    if (count < 1 || count > 64 || (count > 1 && (count != matrices || t->rank != rank)) || !all ||
        all / (size_t)depth > INT32_MAX)
        return NULL;
    const int32_t shape[3] = {(int32_t)count, adjoint ? columns : depth, adjoint ? depth : columns};
    mite_ir_value *w = tfl_weights_constant(c, t, 3, shape);
    if (w && !adjoint) w = mite_ir_transposed(c->g, w, (const int32_t[]){0, 2, 1});
    const int32_t each = (int32_t)(all / (size_t)depth / count);
    x = tfl_reshape(c, x, 4, (const int32_t[]){(int32_t)count * each, 1, 1, depth});
    mite_ir_value *list[64];
    for (size_t k = 0; k < count && w && x; k++) {
        const int64_t begin[4] = {(int64_t)k * each}, size[4] = {each, 1, 1, depth};
        mite_ir_value *part = matrix(c, w, k);
        tfl_product p = {.x = 0,
                         .bias = SIZE_MAX,
                         .weights = part,
                         .window = {.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}},
                         .groups = 1,
                         .symmetric = symmetric};
        list[k] = part ? tfl_emit_integer_conv(c, tfl_emit_slice(c, x, begin, size), &p) : NULL;
        if (!list[k]) return NULL;
    }
    if (!w || !x) return NULL;
    int32_t out[MITE_MAX_RANK];
    mite_ir_value *y = count > 1 ? tfl_concat(c, list, count, 0) : list[0];
    memcpy(out, tfl_real(c, 0)->shape, sizeof out);
    out[rank - 1] = columns;
    out[rank - 2] = rows;
    return tfl_reshape(c, y, rank, out);
}

void tfl_batch_matmul(tfl_import *c) {
    enum { ADJOINT_X, ADJOINT_Y, ASYMMETRIC };
    bool adjoint = tfl_option_byte(c, ADJOINT_Y) != 0, quanta = tfl_is_fixed_product(c);
    mite_ir_value *x = quanta ? tfl_in(c, 0) : tfl_real(c, 0), *y;
    const tfl_tensor *t = tfl_input(c, 1);
    if (!x || !tfl_has_rank(c, x)) return;
    if (tfl_option_byte(c, ADJOINT_X)) x = swap_last(c, x);
    if (quanta) {
        y = tfl_in(c, 1);
        tfl_set(c, 0, tfl_emit_fixed_product(c, x, adjoint ? swap_last(c, y) : y, 0));
        return;
    }
    if (tfl_is_constant(c, 1) && t->rank == 2 && t->dims[1] >= 1 && adjoint &&
        !tfl_option_byte(c, ADJOINT_X)) {
        tfl_set(c, 0, emit_dense(c, x, SIZE_MAX, 0, !tfl_option_byte(c, ASYMMETRIC)));
        return;
    }
    y = dynamic_products(c, x, adjoint, !tfl_option_byte(c, ASYMMETRIC));
    if (y || !mite_ir_ok(c->g)) {
        tfl_set(c, 0, y);
        return;
    }
    y = tfl_real(c, 1);
    if (!y || !tfl_has_rank(c, y)) return;
    tfl_set(c, 0, tfl_emit_binary(c, "matmul_nd", x, adjoint ? swap_last(c, y) : y));
}
