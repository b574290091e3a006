// SPDX-License-Identifier: Apache-2.0
// Quantized models. QuantizeLinear and DequantizeLinear of activations become our quantize and
// dequantize; a dequantized constant becomes its f32 numbers and remembers the integers (origin),
// so that passes/fuse_qdq.c can go back to them. QLinear operators are taken apart into
// dequantize, the f32 operator, and quantize: fuse_qdq.c puts them together again.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_window.h"

#include <math.h>
#include <string.h>

// Scales and zero points, one or several; their lists live in the graph.
typedef struct scales {
    size_t count;
    float *scale;
    int32_t *zero_point;
    int32_t type; // of the quantized numbers
} scales;

static bool read_scales(onnx_import *c, size_t k_scale, size_t k_zero, int32_t type, scales *s) {
    const onnx_known *scale = onnx_need_numbers(c, k_scale, "scale");
    const onnx_known *zero =
        onnx_has_input(c, k_zero) ? onnx_need_numbers(c, k_zero, "zero point") : NULL;
    *s = (scales){.type = zero ? zero->type : type};
    if (!mite_ir_ok(c->g)) return false;
    if (!onnx_type_is_real(scale->type) || !scale->count || scale->rank > 1 ||
        (zero && (zero->count != scale->count || onnx_type_is_real(zero->type)))) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its scales and zero points are not alike, or in blocks");
        return false;
    }
    s->count = scale->count;
    s->scale = mite_ir_alloc(c->g, s->count, sizeof *s->scale);
    s->zero_point = mite_ir_alloc(c->g, s->count, sizeof *s->zero_point);
    for (size_t i = 0; s->scale && s->zero_point && i < s->count; i++) {
        s->scale[i] = (float)scale->at[i].f;
        s->zero_point[i] = zero ? (int32_t)zero->at[i].i : 0;
        if (!(s->scale[i] > 0) || !isfinite(s->scale[i])) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "scale %z is not a positive number", i);
            return false;
        }
    }
    return mite_ir_ok(c->g);
}

// The axis that several scales run along; fails where they do not fit.
static bool scale_axis(onnx_import *c, const mite_ir_value *x, const scales *s, int64_t axis,
                       size_t *out) {
    *out = 0;
    if (s->count == 1) return true;
    if (!onnx_axis(c, axis, (size_t)x->rank, out)) return false;
    if ((size_t)x->shape[*out] == s->count) return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %z scales for the %d of axis %z", s->count,
                 x->shape[*out], *out);
    return false;
}

// Which scale element `i` has.
static size_t scale_of(const mite_ir_value *v, size_t count, size_t axis, size_t i) {
    size_t inner = 1;
    if (count == 1) return 0;
    for (size_t d = axis + 1; d < (size_t)v->rank; d++) inner *= (size_t)v->shape[d];
    return i / inner % count;
}

// --- Constants ----------------------------------------------------------------------------------

static int32_t integer_at(const mite_ir_value *v, size_t i) {
    switch (v->dtype) {
    case MITE_I8: return ((const int8_t *)v->data)[i];
    case MITE_U8: return ((const uint8_t *)v->data)[i];
    default: return ((const int32_t *)v->data)[i];
    }
}

// u8 numbers around 128 are i8 numbers around 0.
static mite_ir_value *as_i8(onnx_import *c, mite_ir_value *q, scales *s) {
    for (size_t i = 0; i < s->count; i++) {
        if (q->dtype != MITE_U8 || s->zero_point[i] != 128) return q;
    }
    mite_ir_value *out = mite_ir_constant(c->g, q->name, MITE_I8, (size_t)q->rank, q->shape);
    if (!out) return NULL;
    for (size_t i = 0; i < q->bytes; i++) {
        ((uint8_t *)out->data)[i] = ((const uint8_t *)q->data)[i] ^ 0x80;
    }
    for (size_t i = 0; i < s->count; i++) s->zero_point[i] = 0;
    return out;
}

static mite_ir_value *dequantize_constant(onnx_import *c, mite_ir_value *q, scales *s,
                                          int64_t axis_given) {
    size_t axis;
    if (q->dtype != MITE_I8 && q->dtype != MITE_U8 && q->dtype != MITE_I32) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "quantized constants of type %s are not supported",
                     mite_ir_dtype_name(q->dtype));
        return NULL;
    }
    if (!scale_axis(c, q, s, axis_given, &axis) || !(q = as_i8(c, q, s))) return NULL;
    mite_ir_value *f = mite_ir_constant(c->g, q->name, MITE_F32, (size_t)q->rank, q->shape);
    if (!f) return NULL;
    for (size_t i = 0; i < mite_ir_elements(q); i++) {
        size_t k = scale_of(q, s->count, axis, i);
        int64_t n = (int64_t)integer_at(q, i) - s->zero_point[k];
        ((float *)f->data)[i] = (float)n * s->scale[k];
    }
    // A second use of the same integers under other scales must not change the first.
    if (q->scales) {
        q = mite_ir_transposed(c->g, q, (const int32_t[]){0, 1, 2, 3, 4, 5, 6, 7});
        if (!q) return NULL;
    }
    mite_ir_set_quant(c->g, q, s->count, (int32_t)axis, s->scale, s->zero_point);
    f->origin = q;
    return f;
}

static mite_ir_value *quantize_constant(onnx_import *c, const mite_ir_value *x, const scales *s,
                                        int64_t axis_given) {
    mite_dtype dtype = onnx_dtype(s->type);
    int32_t low = dtype == MITE_I8 ? -128 : 0;
    size_t axis;
    if (!scale_axis(c, x, s, axis_given, &axis)) return NULL;
    mite_ir_value *q = mite_ir_constant(c->g, x->name, dtype, (size_t)x->rank, x->shape);
    for (size_t i = 0; q && i < mite_ir_elements(x); i++) {
        size_t k = scale_of(x, s->count, axis, i);
        float r = nearbyintf(((const float *)x->data)[i] / s->scale[k]);
        float n = r + (float)s->zero_point[k];
        n = n > (float)low ? n : (float)low; // NaN becomes the lower end
        n = n < (float)(low + 255) ? n : (float)(low + 255);
        ((uint8_t *)q->data)[i] = (uint8_t)(int32_t)n;
    }
    return q;
}

// --- Activations --------------------------------------------------------------------------------

static bool is_byte(int32_t type) { return type == ONNX_UINT8 || type == ONNX_INT8; }

static mite_ir_value *quantize(onnx_import *c, mite_ir_value *x, const scales *s) {
    if (!x || !mite_ir_ok(c->g)) return NULL;
    if (s->count != 1 || !is_byte(s->type)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "activations are quantized to uint8 or int8 with one scale here, not to %s "
                     "with %z",
                     onnx_type_name(s->type), s->count);
        return NULL;
    }
    return MITE_IR_EMIT(c->g, .op = "quantize", .name = onnx_name(c), .inputs = {x},
                        .dtype = MITE_U8, .scale = s->scale[0],
                        .zero_point = s->zero_point[0] + (s->type == ONNX_INT8 ? 128 : 0));
}

// Output 0, of the type that the scales say.
static void set_quantized(onnx_import *c, mite_ir_value *q, const scales *s) {
    onnx_set_carried(c, 0, q, q && q->dtype == MITE_U8 && s->type == ONNX_INT8);
}

static mite_ir_value *dequantize(onnx_import *c, mite_ir_value *x, const scales *s) {
    if (!x || !mite_ir_ok(c->g)) return NULL;
    if (s->count != 1 || (x->dtype != MITE_U8 && x->dtype != MITE_I8)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "activations are dequantized from uint8 or int8 with one scale here");
        return NULL;
    }
    if (x->scale == 0) { // a graph input
        x->scale = s->scale[0];
        x->zero_point = s->zero_point[0];
    }
    if (x->dtype == MITE_I8) {
        x = MITE_IR_EMIT(c->g, .op = "quantize", .name = onnx_name(c), .inputs = {x},
                         .dtype = MITE_U8, .scale = x->scale, .zero_point = x->zero_point + 128);
        if (!x) return NULL;
    }
    int32_t zero_point = s->zero_point[0] + (s->type == ONNX_INT8 ? 128 : 0);
    if (x->scale != s->scale[0] || x->zero_point != zero_point) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "it reads %q under another scale than it was quantized with", x->name);
        return NULL;
    }
    return MITE_IR_EMIT(c->g, .op = "dequantize", .name = onnx_name(c), .inputs = {x},
                        .dtype = MITE_F32);
}

// The real numbers of quantized input `k`, whose scales follow it.
static mite_ir_value *real_input(onnx_import *c, size_t k, int64_t axis) {
    scales s;
    int32_t type, dims[MITE_MAX_RANK];
    size_t rank;
    if (!onnx_shape(c, k, &type, &rank, dims) || !read_scales(c, k + 1, k + 2, type, &s)) {
        return NULL;
    }
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, k, &shifted);
    if (!x) return NULL;
    return mite_ir_is_constant(x) ? dequantize_constant(c, x, &s, axis) : dequantize(c, x, &s);
}

static bool in_blocks(onnx_import *c) {
    if (!onnx_int(c, "block_size", 0)) return false;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "scales for blocks are not supported");
    return true;
}

void onnx_quantize_linear(onnx_import *c) {
    scales s;
    int64_t type = onnx_int(c, "output_dtype", 0), axis = onnx_int(c, "axis", 1);
    mite_ir_value *x = onnx_in(c, 0);
    if (!x || in_blocks(c)) return;
    if (type <= 0 || type > 64) type = ONNX_UINT8;
    if (!read_scales(c, 1, 2, (int32_t)type, &s)) return;
    if (mite_ir_is_constant(x) && x->dtype == MITE_F32 && is_byte(s.type)) {
        onnx_set(c, 0, quantize_constant(c, x, &s, axis));
    } else {
        set_quantized(c, quantize(c, x, &s), &s);
    }
}

void onnx_dequantize_linear(onnx_import *c) {
    if (in_blocks(c)) return;
    mite_ir_value *y = real_input(c, 0, onnx_int(c, "axis", 1));
    if (!y) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input is missing");
    onnx_set(c, 0, y);
}

// --- QLinear operators --------------------------------------------------------------------------

// The i32 bias of QLinearConv: its scale is that of x times that of the weights.
static mite_ir_value *real_bias(onnx_import *c, size_t k, const mite_ir_value *x,
                                const mite_ir_value *w) {
    const mite_ir_value *q = w->origin;
    scales s = {.count = q->quant_count};
    mite_ir_value *b = onnx_constant_in(c, k, "bias");
    s.scale = mite_ir_alloc(c->g, s.count, sizeof *s.scale);
    s.zero_point = mite_ir_alloc(c->g, s.count, sizeof *s.zero_point);
    if (!b || !s.scale || !s.zero_point) return NULL;
    for (size_t i = 0; i < s.count; i++) s.scale[i] = x->scale * q->scales[i];
    return dequantize_constant(c, b, &s, 0);
}

void onnx_q_linear_conv(onnx_import *c) {
    onnx_window window;
    scales out;
    mite_ir_value *x = real_input(c, 0, 1), *w = real_input(c, 3, 0), *bias = NULL;
    if (!x || !w || !read_scales(c, 6, 7, ONNX_UINT8, &out)) return;
    if (x->rank != 4 || !w->origin || w->rank != 4 || !mite_ir_elements(w)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "only pictures and constant weights are supported");
        return;
    }
    if (onnx_has_input(c, 8) && !(bias = real_bias(c, 8, x->producer->inputs[0], w))) return;
    if (!onnx_read_window(c, &window, 2, x->shape, w->shape + 2)) return;
    mite_ir_value *y =
        onnx_emit_conv(c, onnx_to_nhwc(c, x), w, bias, &window, onnx_int(c, "group", 1));
    set_quantized(c, quantize(c, onnx_to_nchw(c, y), &out), &out);
}

void onnx_q_linear_mat_mul(onnx_import *c) {
    scales out;
    mite_ir_value *x = real_input(c, 0, 1), *w = real_input(c, 3, 1);
    if (!x || !w || !read_scales(c, 6, 7, ONNX_UINT8, &out)) return;
    set_quantized(c, quantize(c, onnx_emit_dense(c, x, w, false, NULL), &out), &out);
}
