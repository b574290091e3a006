// SPDX-License-Identifier: Apache-2.0
// Conv, Gemm, MatMul, BatchNormalization: operators with weights.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_window.h"

#include <math.h>
#include <string.h>

// --- Windows ------------------------------------------------------------------------------------

// A list attribute of `wanted` entries into the last places of `out`.
static bool read_pairs(onnx_import *c, const char *name, size_t wanted, size_t room, int32_t *out) {
    int64_t list[4];
    size_t count;
    if (!onnx_list(c, name, SIZE_MAX, list, room, &count)) return mite_ir_ok(c->g);
    if (count != wanted) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its %s has %z numbers, wanted are %z", name, count,
                     wanted);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (list[i] < -INT32_MAX || list[i] > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its %s holds %D", name, list[i]);
            return false;
        }
        out[room - count + i] = (int32_t)list[i];
    }
    return true;
}

// SAME: as many windows as strides fit, padding shared by both ends, the odd one at the end
// (UPPER) or at the beginning (LOWER).
static bool pad_same(onnx_import *c, onnx_window *w, const int32_t *dims, bool lower) {
    for (size_t i = 0; i < 2; i++) {
        int64_t size = dims[2 + i], stride = w->stride[i];
        if (stride < 1 || w->dilation[i] < 1 || w->kernel[i] < 1) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "kernel, stride and dilation must be at least 1");
            return false;
        }
        int64_t windows = (size + stride - 1) / stride;
        int64_t extent = ((int64_t)w->kernel[i] - 1) * w->dilation[i] + 1;
        int64_t total = (windows - 1) * stride + extent - size;
        if (total < 0) total = 0;
        if (total > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its padding would be %D", total);
            return false;
        }
        w->pad[i] = (int32_t)(lower ? total - total / 2 : total / 2);
        w->pad[2 + i] = (int32_t)total - w->pad[i];
    }
    return true;
}

bool onnx_read_window(onnx_import *c, onnx_window *w, size_t spatial, const int32_t *dims,
                      const int32_t *kernel) {
    int32_t pads[4] = {0};
    *w = (onnx_window){.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}};
    if (!read_pairs(c, "kernel_shape", spatial, 2, w->kernel) ||
        !read_pairs(c, "strides", spatial, 2, w->stride) ||
        !read_pairs(c, "dilations", spatial, 2, w->dilation) ||
        !read_pairs(c, "pads", 2 * spatial, 4, pads)) {
        return false;
    }
    if (!kernel && !onnx_attribute(c, "kernel_shape")) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its kernel_shape is missing");
        return false;
    }
    if (kernel) {
        if (onnx_attribute(c, "kernel_shape") &&
            (w->kernel[0] != kernel[0] || w->kernel[1] != kernel[1])) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT,
                         "its kernel_shape says %dx%d, its weights are %dx%d", w->kernel[0],
                         w->kernel[1], kernel[0], kernel[1]);
            return false;
        }
        memcpy(w->kernel, kernel, sizeof w->kernel);
    }
    if (spatial == 2) memcpy(w->pad, pads, sizeof pads);
    else w->pad[1] = pads[2], w->pad[3] = pads[3]; // two numbers, written to the last places
    const char *mode = onnx_string(c, "auto_pad", "NOTSET");
    if (!strcmp(mode, "SAME_UPPER")) return pad_same(c, w, dims, false);
    if (!strcmp(mode, "SAME_LOWER")) return pad_same(c, w, dims, true);
    if (!strcmp(mode, "VALID")) memset(w->pad, 0, sizeof w->pad);
    else if (strcmp(mode, "NOTSET") && *mode) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its auto_pad %q is unknown", mode);
        return false;
    }
    return true;
}

mite_ir_value *onnx_picture(onnx_import *c, size_t k, size_t *spatial) {
    mite_ir_value *x = onnx_in(c, k);
    if (!x) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %z is missing", k);
        return NULL;
    }
    if (x->rank != 3 && x->rank != 4) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its input has shape %T; sequences [N,C,L] and pictures [N,C,H,W] are "
                     "supported",
                     (size_t)x->rank, x->shape);
        return NULL;
    }
    *spatial = (size_t)x->rank - 2;
    if (x->rank == 4) return x;
    return onnx_reshape(c, x, 4, (const int32_t[]){x->shape[0], x->shape[1], 1, x->shape[2]});
}

void onnx_set_picture(onnx_import *c, mite_ir_value *v, size_t spatial) {
    if (v && spatial == 1) {
        v = onnx_reshape(c, v, 3, (const int32_t[]){v->shape[0], v->shape[1], v->shape[3]});
    }
    onnx_set(c, 0, v);
}

// --- Conv ---------------------------------------------------------------------------------------

static mite_ir_value *zero_bias(onnx_import *c, int32_t count) {
    return mite_ir_constant(c->g, onnx_name(c), MITE_F32, 1, &count);
}

mite_ir_value *onnx_emit_conv(onnx_import *c, mite_ir_value *x, mite_ir_value *w,
                              mite_ir_value *bias, const onnx_window *window, int64_t groups) {
    if (!x || !w) return NULL;
    int32_t channels = x->shape[3], columns = w->shape[0];
    if (groups < 1 || groups > channels || channels % groups || columns % groups ||
        w->shape[1] != channels / groups) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "weights %T in %D groups do not fit the %d channels of its input", (size_t)4,
                     w->shape, groups, channels);
        return NULL;
    }
    if (!bias) bias = zero_bias(c, columns);
    if (bias && mite_ir_elements(bias) != (size_t)columns) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its bias has shape %T, wanted is [%d]",
                     (size_t)bias->rank, bias->shape, columns);
        return NULL;
    }
    bool depthwise = groups > 1 && groups == channels && columns == channels;
    mite_ir_value *packed = mite_ir_transposed(
        c->g, w, depthwise ? (const int32_t[]){1, 2, 3, 0} : (const int32_t[]){0, 2, 3, 1});
    mite_ir_make make = {
        .op = depthwise ? "depthwise_conv2d" : "conv2d",
        .name = onnx_name(c),
        .inputs = {x, packed, bias},
        .attrs = {ONNX_WINDOW_ATTRS(window),
                  {"dilation_h", .word = window->dilation[0]},
                  {"dilation_w", .word = window->dilation[1]},
                  {depthwise ? NULL : "groups", .word = (int32_t)groups}},
    };
    return packed && bias ? mite_ir_emit(c->g, &make) : NULL;
}

// Weights of rank 3 (sequences) become those of pictures of height 1.
static mite_ir_value *conv_weights(onnx_import *c, size_t spatial) {
    mite_ir_value *w = onnx_constant_in(c, 1, "weights");
    if (!w) return NULL;
    if (w->dtype != MITE_F32 || (size_t)w->rank != spatial + 2 || !mite_ir_elements(w)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights %q have shape %T of %s", w->name,
                     (size_t)w->rank, w->shape, mite_ir_dtype_name(w->dtype));
        return NULL;
    }
    if (spatial == 2) return w;
    return onnx_reshape(c, w, 4, (const int32_t[]){w->shape[0], w->shape[1], 1, w->shape[2]});
}

void onnx_conv(onnx_import *c) {
    size_t spatial;
    onnx_window window;
    mite_ir_value *x = onnx_picture(c, 0, &spatial);
    mite_ir_value *w = x ? conv_weights(c, spatial) : NULL;
    mite_ir_value *bias = onnx_has_input(c, 2) ? onnx_constant_in(c, 2, "bias") : NULL;
    if (!w || !onnx_read_window(c, &window, spatial, x->shape, w->shape + 2)) return;
    mite_ir_value *y =
        onnx_emit_conv(c, onnx_to_nhwc(c, x), w, bias, &window, onnx_int(c, "group", 1));
    onnx_set_picture(c, onnx_to_nchw(c, y), spatial);
    onnx_let_go(c, 1);
}

// --- Gemm and MatMul ----------------------------------------------------------------------------

// Multiplies a constant by a factor; the quantized numbers behind it are lost.
static mite_ir_value *scaled(onnx_import *c, mite_ir_value *v, float factor) {
    if (!v || factor == 1.0f) return v;
    mite_ir_value *out = mite_ir_constant(c->g, v->name, MITE_F32, (size_t)v->rank, v->shape);
    for (size_t i = 0; out && i < mite_ir_elements(v); i++) {
        ((float *)out->data)[i] = ((const float *)v->data)[i] * factor;
    }
    return out;
}

mite_ir_value *onnx_emit_dense(onnx_import *c, mite_ir_value *x, mite_ir_value *w,
                               bool rows_are_outputs, mite_ir_value *bias) {
    if (!x || !w) return NULL;
    if (!mite_ir_is_constant(w) || w->dtype != MITE_F32 || w->rank != 2 || x->rank < 1) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its matrix %q has shape %T of %s; supported are constant float matrices",
                     w->name, (size_t)w->rank, w->shape, mite_ir_dtype_name(w->dtype));
        return NULL;
    }
    if (!rows_are_outputs) w = mite_ir_transposed(c->g, w, (const int32_t[]){1, 0});
    if (!w) return NULL;
    if (!bias) bias = zero_bias(c, w->shape[0]);
    w = mite_ir_reshaped(c->g, w, 4, (const int32_t[]){w->shape[0], 1, 1, w->shape[1]});
    if (!w || !bias) return NULL;
    return MITE_IR_EMIT(c->g, .op = "dense", .name = onnx_name(c), .inputs = {x, w, bias});
}

// Gemm's third operand as bias [N]; NULL where it is none of that form.
static mite_ir_value *gemm_bias(onnx_import *c, mite_ir_value *b, int32_t columns, float beta) {
    size_t elements = mite_ir_elements(b);
    if (!mite_ir_is_constant(b) || b->dtype != MITE_F32) return NULL;
    bool row = b->rank >= 1 && b->rank <= 2 && b->shape[b->rank - 1] == columns &&
               elements == (size_t)columns;
    if (!row && elements != 1) return NULL;
    b = scaled(c, b, beta);
    if (row) return b && b->rank == 2 ? mite_ir_reshaped(c->g, b, 1, &columns) : b;
    mite_ir_value *spread = zero_bias(c, columns);
    for (int32_t i = 0; b && spread && i < columns; i++) {
        ((float *)spread->data)[i] = *(const float *)b->data;
    }
    return spread;
}

void onnx_gemm(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *w = onnx_constant_in(c, 1, "matrix");
    mite_ir_value *addend = onnx_has_input(c, 2) ? onnx_in(c, 2) : NULL, *bias = NULL;
    bool rows_are_outputs = onnx_int(c, "transB", 0) != 0;
    float alpha = onnx_float(c, "alpha", 1.0f), beta = onnx_float(c, "beta", 1.0f);
    if (!x || !w) return;
    if (x->rank != 2 || w->rank != 2 || w->dtype != MITE_F32) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it wants two float matrices, not %T and %T of %s",
                     (size_t)x->rank, x->shape, (size_t)w->rank, w->shape,
                     mite_ir_dtype_name(w->dtype));
        return;
    }
    if (onnx_int(c, "transA", 0)) {
        x = MITE_IR_EMIT(c->g, .op = "transpose", .name = onnx_name(c), .inputs = {x},
                         .attrs = {{"perm", .list = (const int32_t[]){1, 0}, .list_count = 2}});
    }
    if (addend) bias = gemm_bias(c, addend, w->shape[rows_are_outputs ? 0 : 1], beta);
    mite_ir_value *y = onnx_emit_dense(c, x, scaled(c, w, alpha), rows_are_outputs, bias);
    if (y && addend && !bias) {
        if (beta != 1.0f) {
            mite_ir_value *factor = mite_ir_floats(c->g, "beta", &beta, 1);
            addend = onnx_emit_binary(c, "mul", addend, factor);
        }
        y = onnx_emit_binary(c, "add", y, addend);
    }
    onnx_set(c, 0, y);
    onnx_let_go(c, 1);
}

void onnx_mat_mul(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *w = onnx_in(c, 1);
    onnx_set(c, 0, onnx_emit_dense(c, x, w, false, NULL));
    if (w) onnx_let_go(c, 1);
}

// --- BatchNormalization -------------------------------------------------------------------------

// y = x * s + b with s = scale / sqrt(var + epsilon), b = bias - mean * s, in double.
void onnx_batch_normalization(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *p[4] = {NULL};
    static const char *const what[] = {"scale", "bias", "mean", "variance"};
    if (!x) return;
    if (x->rank < 2 || onnx_int(c, "training_mode", 0)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "shape %T or training mode is not supported; export the model for inference",
                     (size_t)x->rank, x->shape);
        return;
    }
    int32_t channels = x->shape[1];
    for (size_t i = 0; i < 4; i++) {
        p[i] = onnx_constant_in(c, i + 1, what[i]);
        if (!p[i]) return;
        if (p[i]->dtype != MITE_F32 || mite_ir_elements(p[i]) != (size_t)channels) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its %s has shape %T, wanted is [%d]", what[i],
                         (size_t)p[i]->rank, p[i]->shape, channels);
            return;
        }
    }
    // Along axis 1 of x: [C,1,1] for pictures.
    int32_t shape[MITE_MAX_RANK] = {channels};
    for (size_t i = 1; i < (size_t)x->rank - 1; i++) shape[i] = 1;
    mite_ir_value *scale = mite_ir_constant(c->g, p[0]->name, MITE_F32, (size_t)x->rank - 1, shape);
    mite_ir_value *shift = mite_ir_constant(c->g, p[1]->name, MITE_F32, (size_t)x->rank - 1, shape);
    double epsilon = (double)onnx_float(c, "epsilon", 1e-5f);
    for (int32_t i = 0; scale && shift && i < channels; i++) {
        const float *at[4];
        for (size_t k = 0; k < 4; k++) at[k] = (const float *)p[k]->data + i;
        double s = (double)*at[0] / sqrt((double)*at[3] + epsilon);
        ((float *)scale->data)[i] = (float)s;
        ((float *)shift->data)[i] = (float)((double)*at[1] - (double)*at[2] * s);
    }
    mite_ir_value *y = onnx_emit_binary(c, "mul", x, scale);
    onnx_set(c, 0, onnx_emit_binary(c, "add", y, shift));
}
