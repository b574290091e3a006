// SPDX-License-Identifier: Apache-2.0
// TRANSPOSE_CONV as an ordinary convolution. Along one dimension, with stride s, kernel w of k
// taps, J = ceil(k / s) and p outputs cut off at the beginning:
//
//   y[u - p] = sum over i: x[i] w[u - s i] = sum over j < J: x[Q - j] w[R + s j],  u = s Q + R
//
// so every phase R is a convolution of x with J taps, and the s phases side by side are the pixels
// of u. In two dimensions: a convolution to s*s*M channels, whose channels then become pixels.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_nodes.h"
#include "import/tflite/tflite_window.h"

#include <string.h>

typedef struct transposed {
    tfl_window w;      // kernel and stride of the transposed convolution
    int32_t taps[2];   // J
    int32_t before[2]; // p
    int32_t out[2];
} transposed;

// Column (R_h, R_w, m), tap (a, b): the tap w[m, R + s (J - 1 - a), …] or 0 beyond the kernel.
// Copies elements of `item` bytes.
static void split_phases(const transposed *t, const mite_ir_value *from, mite_ir_value *to,
                         size_t item) {
    size_t depth = (size_t)from->shape[3] * item, columns = (size_t)from->shape[0];
    size_t sh = (size_t)t->w.stride[0], sw = (size_t)t->w.stride[1];
    size_t jh = (size_t)t->taps[0], jw = (size_t)t->taps[1];
    size_t kh = (size_t)t->w.kernel[0], kw = (size_t)t->w.kernel[1];
    uint8_t *out = to->data;
    for (size_t n = 0; n < sh * sw * columns; n++) {
        for (size_t tap = 0; tap < jh * jw; tap++, out += depth) {
            size_t y = n / columns / sw + sh * (jh - 1 - tap / jw);
            size_t x = n / columns % sw + sw * (jw - 1 - tap % jw);
            if (y >= kh || x >= kw) continue; // stays 0
            size_t at = (n % columns * kh + y) * kw + x;
            memcpy(out, (const uint8_t *)from->data + at * depth, depth);
        }
    }
}

// Scales of the columns, repeated for every phase.
static void repeat_scales(tfl_import *c, const mite_ir_value *from, mite_ir_value *to) {
    size_t count = from->quant_count, columns = (size_t)to->shape[0];
    if (count == 1) {
        mite_ir_set_quant(c->g, to, 1, 0, from->scales, from->zero_points);
        return;
    }
    float *scales = mite_ir_alloc(c->g, columns, sizeof *scales);
    int32_t *zeros = mite_ir_alloc(c->g, columns, sizeof *zeros);
    for (size_t i = 0; scales && zeros && i < columns; i++) {
        scales[i] = from->scales[i % count];
        zeros[i] = from->zero_points[i % count];
    }
    if (scales && zeros) mite_ir_set_quant(c->g, to, columns, 0, scales, zeros);
}

static mite_ir_value *phase_weights(tfl_import *c, const transposed *t, const mite_ir_value *w) {
    int64_t columns = (int64_t)w->shape[0] * t->w.stride[0] * t->w.stride[1];
    if (columns > 1 << 20) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its stride %dx%d is too large", t->w.stride[0],
                     t->w.stride[1]);
        return NULL;
    }
    const int32_t shape[4] = {(int32_t)columns, t->taps[0], t->taps[1], w->shape[3]};
    mite_ir_value *out = mite_ir_constant(c->g, w->name, MITE_F32, 4, shape);
    if (!out) return NULL;
    split_phases(t, w, out, sizeof(float));
    const mite_ir_value *q = w->origin;
    bool usable = q && q->dtype == MITE_I8 && (q->quant_count == 1 || q->axis == 0);
    if (!usable) return out;
    mite_ir_value *origin = mite_ir_constant(c->g, w->name, q->dtype, 4, shape);
    if (!origin) return NULL;
    split_phases(t, q, origin, 1);
    repeat_scales(c, q, origin);
    out->origin = origin;
    return out;
}

mite_ir_value *tfl_repeated_bias(tfl_import *c, mite_ir_value *bias, int32_t columns) {
    if (!bias || mite_ir_elements(bias) == (size_t)columns) return bias;
    size_t count = mite_ir_elements(bias);
    mite_ir_value *out = mite_ir_constant(c->g, bias->name, MITE_F32, 1, &columns);
    mite_ir_value *q =
        bias->origin && out ? mite_ir_constant(c->g, bias->name, MITE_I32, 1, &columns) : NULL;
    for (size_t i = 0; out && i < (size_t)columns; i++) {
        ((float *)out->data)[i] = ((const float *)bias->data)[i % count];
        if (q) ((int32_t *)q->data)[i] = ((const int32_t *)bias->origin->data)[i % count];
    }
    if (q) {
        repeat_scales(c, bias->origin, q);
        out->origin = q;
    }
    return out;
}

// The phases side by side. Quantized right behind the convolution, so that the two become one integer
// operator; pixels are then moved as quanta.
static mite_ir_value *convolve_phases(tfl_import *c, mite_ir_value *x, const tfl_product *p) {
    if (tfl_arithmetic_of(c, p->x, p->weights) != TFL_REAL)
        return tfl_emit_integer_conv(c, tfl_in(c, p->x), p);
    int32_t columns = p->weights->shape[0];
    mite_ir_value *bias = tfl_bias(c, p->bias, p->x, p->weights, columns / p->phases);
    bias = tfl_repeated_bias(c, bias, columns);
    mite_ir_value *y = tfl_emit_conv(c, x, p->weights, bias, &p->window);
    return tfl_quantized(c, 0, tfl_activate(c, y, p->activation));
}

static mite_ir_value *emit(tfl_import *c, const transposed *t, mite_ir_value *x, mite_ir_value *w,
                           tfl_product *p) {
    int32_t sh = t->w.stride[0], sw = t->w.stride[1];
    p->weights = phase_weights(c, t, w);
    if (!p->weights) return NULL;
    p->phases = sh * sw;
    p->groups = 1;
    p->window = (tfl_window){
        .kernel = {t->taps[0], t->taps[1]},
        .stride = {1, 1},
        .dilation = {1, 1},
        .pad = {t->taps[0] - 1, t->taps[1] - 1, t->taps[0] - 1, t->taps[1] - 1},
    };
    mite_ir_value *y = convolve_phases(c, x, p);
    y = tfl_channels_to_pixels(c, y, sh, sw, w->shape[0]);
    if (!y) return NULL;
    int64_t begin[4] = {0, t->before[0], t->before[1], 0},
            size[4] = {y->shape[0], t->out[0], t->out[1], y->shape[3]};
    return tfl_emit_slice(c, y, begin, size);
}

// SAME or VALID with the size of the output given.
static bool place(tfl_import *c, transposed *t, const mite_ir_value *x, bool same) {
    for (size_t i = 0; i < 2; i++) {
        int64_t k = t->w.kernel[i], s = t->w.stride[i], in = x->shape[1 + i], out = t->out[i];
        if (s < 1 || k < 1 || in < 1 || out < 1) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT,
                         "kernel %D, stride %D, input %D and output %D must be at least 1", k, s,
                         in, out);
            return false;
        }
        int64_t whole = (in - 1) * s + k, cut = same && whole > out ? (whole - out) / 2 : 0;
        t->taps[i] = (int32_t)((k + s - 1) / s);
        t->before[i] = (int32_t)cut;
        if (cut + out > s * (in + t->taps[i] - 1)) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                         "%D inputs with kernel %D and stride %D cannot give %D outputs", in, k, s,
                         out);
            return false;
        }
    }
    return true;
}

// Output sizes are in t; x, bias and activation in p.
static void convolve(tfl_import *c, transposed *t, size_t w_index, bool same, tfl_product *p) {
    const tfl_tensor *weights = tfl_input(c, w_index);
    mite_ir_value *x = tfl_picture(c, p->x);
    if (!x) return;
    if (!weights || !tfl_is_settled(c, w_index) || weights->rank != 4 ||
        weights->dims[3] != x->shape[3] || weights->dims[0] < 1) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its weights must be a constant [M,KH,KW,%d] that is not empty", x->shape[3]);
        return;
    }
    t->w.kernel[0] = weights->dims[1];
    t->w.kernel[1] = weights->dims[2];
    if (t->out[0] == 0) { // not stated
        for (size_t i = 0; i < 2; i++) {
            int64_t in = x->shape[1 + i], s = t->w.stride[i], k = t->w.kernel[i];
            int64_t out = same ? in * s : (in - 1) * s + k;
            t->out[i] = out > 0 && out <= INT32_MAX ? (int32_t)out : -1;
        }
    }
    if (x->open & ~1 && !tfl_is_fixed(c, x)) return;
    if (!place(c, t, x, same)) return;
    mite_ir_value *w = tfl_weights(c, w_index, 4, weights->dims);
    if (w) tfl_set(c, 0, emit(c, t, x, w, p));
}

void tfl_transpose_conv(tfl_import *c) {
    enum { PADDING, STRIDE_W, STRIDE_H, ACTIVATION };
    int64_t shape[4];
    size_t count;
    if (!tfl_some_numbers(c, 0, "output shape", shape, 4, &count)) return;
    transposed t = {.w = {.stride = {tfl_option(c, STRIDE_H), tfl_option(c, STRIDE_W)}}};
    for (size_t i = 0; i < 2; i++) {
        if (count != 4 || shape[1 + i] < 1 || shape[1 + i] > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its output shape is none of a picture");
            return;
        }
        t.out[i] = (int32_t)shape[1 + i];
    }
    tfl_product p = {.x = 2, .bias = 3, .activation = tfl_option_byte(c, ACTIVATION)};
    convolve(c, &t, 1, tfl_option_byte(c, PADDING) == 0, &p);
}

// MediaPipe's custom operator: x, weights, bias; options are three words, as C lays out
// TfLiteTransposeConvParams: padding (1 same, 2 valid), stride of the width, of the height.
void tfl_transpose_conv_bias(tfl_import *c) {
    int32_t words[3] = {0};
    if (c->node->custom_options.bytes < sizeof words) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its options have %z bytes, wanted are 12",
                     c->node->custom_options.bytes);
        return;
    }
    memcpy(words, c->node->custom_options.data, sizeof words);
    if (words[0] != 1 && words[0] != 2) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its padding %d is unknown", words[0]);
        return;
    }
    transposed t = {.w = {.stride = {words[2], words[1]}}};
    convolve(c, &t, 1, words[0] == 1, &(tfl_product){.x = 0, .bias = 2});
}
