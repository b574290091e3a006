// SPDX-License-Identifier: Apache-2.0
// Quantized models. QuantizeLinear and DequantizeLinear of activations become our quantize and
// dequantize; a dequantized constant becomes its f32 numbers and remembers the integers (origin),
// so that passes/fuse_qdq.c can go back to them. QLinear operators are taken apart into
// dequantize, the f32 operator, and quantize: fuse_qdq.c puts them together again.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <math.h>
#include <string.h>

// Scales and zero points, one or several, known at import; their lists live in the graph.
typedef struct scales {
    size_t count;
    float *scale;
    int32_t *zero_point;
    int32_t type; // of the quantized numbers
} scales;

// False, and no failure, where they are not known, in blocks, or not f32: that is for the general
// operators.
static bool read_scales(onnx_import *c, size_t k_scale, size_t k_zero, int32_t type, scales *s) {
    const onnx_known *scale = onnx_numbers(c, k_scale);
    const onnx_known *zero = onnx_has_input(c, k_zero) ? onnx_numbers(c, k_zero) : NULL;
    *s = (scales){.type = zero ? zero->type : type};
    if (!mite_ir_ok(c->g) || !scale || scale->type != ONNX_FLOAT || !scale->count ||
        scale->rank > 1 || (onnx_has_input(c, k_zero) && !zero) ||
        (zero && (zero->count != scale->count || onnx_type_is_real(zero->type))))
        return false;
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

// Of a type that dequantize_constant reads.
static bool is_foldable(const mite_ir_value *v) {
    return v->dtype == MITE_I8 || v->dtype == MITE_U8 || v->dtype == MITE_I32;
}

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

static bool is_one_byte_scale(const mite_ir_value *x, const scales *s) {
    return s->count == 1 && is_byte(s->type) && x->dtype == MITE_F32;
}

static mite_ir_value *quantize(onnx_import *c, mite_ir_value *x, const scales *s) {
    return MITE_IR_EMIT(c->g, .op = "quantize", .name = onnx_name(c), .inputs = {x},
                        .dtype = MITE_U8, .scale = s->scale[0],
                        .zero_point = s->zero_point[0] + (s->type == ONNX_INT8 ? 128 : 0));
}

// The core's dequantize; NULL where x is not quantized so.
static mite_ir_value *dequantize(onnx_import *c, mite_ir_value *x, const scales *s) {
    if (s->count != 1 || !is_byte(s->type) || (x->dtype != MITE_U8 && x->dtype != MITE_I8))
        return NULL;
    if (!x->producer && x->scale == 0) { // a graph input
        x->scale = s->scale[0];
        x->zero_point = s->zero_point[0];
    }
    if (x->dtype == MITE_I8 && x->scale > 0)
        x = MITE_IR_EMIT(c->g, .op = "quantize", .name = onnx_name(c), .inputs = {x},
                         .dtype = MITE_U8, .scale = x->scale, .zero_point = x->zero_point + 128);
    int32_t zero_point = s->zero_point[0] + (s->type == ONNX_INT8 ? 128 : 0);
    if (!x || x->scale != s->scale[0] || x->zero_point != zero_point) return NULL;
    return MITE_IR_EMIT(c->g, .op = "dequantize", .name = onnx_name(c), .inputs = {x},
                        .dtype = MITE_F32);
}

// --- Any activations ----------------------------------------------------------------------------

mite_ir_value *onnx_emit_quantize(onnx_import *c, mite_ir_value *x, mite_ir_value *scale,
                                  mite_ir_value *zero, mite_dtype to, int64_t axis, int64_t block) {
    if (!x || !scale) return NULL;
    return MITE_IR_EMIT(
        c->g, .op = "quantize_linear", .name = onnx_name(c), .inputs = {x, scale, zero},
        .dtype = to,
        .attrs = {{"axis", .word = (int32_t)axis}, {"block_size", .word = (int32_t)block}});
}

mite_ir_value *onnx_emit_dequantize(onnx_import *c, mite_ir_value *x, mite_ir_value *scale,
                                    mite_ir_value *zero, mite_dtype to, int64_t axis,
                                    int64_t block) {
    if (!x || !scale) return NULL;
    return MITE_IR_EMIT(
        c->g, .op = "dequantize_linear", .name = onnx_name(c), .inputs = {x, scale, zero},
        .dtype = to,
        .attrs = {{"axis", .word = (int32_t)axis}, {"block_size", .word = (int32_t)block}});
}

// The ONNX type of input k, which other inputs must agree with; 0 where there is none.
static int32_t type_of_input(onnx_import *c, size_t k) {
    int32_t type, dims[MITE_MAX_RANK];
    size_t rank;
    return onnx_has_input(c, k) && onnx_shape(c, k, &type, &rank, dims) ? type : 0;
}

mite_ir_value *onnx_real_input(onnx_import *c, size_t k, int64_t axis) {
    return onnx_real_of(c, k, k + 1, k + 2, axis);
}

mite_ir_value *onnx_real_of(onnx_import *c, size_t k, size_t k_scale, size_t k_zero, int64_t axis) {
    scales s;
    int32_t type = type_of_input(c, k_zero);
    if (!type) type = type_of_input(c, k);
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, k, &shifted), *y = NULL;
    if (!x) return NULL;
    if (read_scales(c, k_scale, k_zero, type, &s))
        y = mite_ir_is_constant(x) && is_foldable(x) ? dequantize_constant(c, x, &s, axis)
                                                     : dequantize(c, x, &s);
    if (y || !mite_ir_ok(c->g)) return y;
    mite_ir_value *scale = onnx_in(c, k_scale);
    return onnx_emit_dequantize(c, onnx_in(c, k), scale, onnx_optional(c, k_zero),
                                scale ? scale->dtype : MITE_F32, axis, 0);
}

// Quanta of a type of less than 8 bits, which are carried in bytes, saturate at its own ends.
static mite_ir_value *within(onnx_import *c, mite_ir_value *q, int32_t type) {
    size_t bits = onnx_type_bits(type);
    if (!q || bits == 8) return q;
    double least = q->dtype == MITE_I8 ? -(double)(1u << (bits - 1)) : 0;
    double most = least + (double)((1u << bits) - 1);
    q = onnx_emit_general_binary(c, MITE_BINARY_MAX, q, onnx_scalar(c, q->dtype, least));
    return q ? onnx_emit_general_binary(c, MITE_BINARY_MIN, q, onnx_scalar(c, q->dtype, most)) : q;
}

void onnx_set_quantized(onnx_import *c, mite_ir_value *y, size_t k, int32_t type, int64_t axis) {
    scales s;
    if (!y) return;
    if (read_scales(c, k, k + 1, type, &s) && is_one_byte_scale(y, &s)) {
        onnx_set_carried(c, 0, quantize(c, y, &s), s.type == ONNX_INT8);
        return;
    }
    mite_ir_value *scale = onnx_in(c, k), *zero = onnx_optional(c, k + 1);
    mite_dtype to = zero ? zero->dtype : onnx_dtype(type);
    if (!to)
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it quantizes to %s, which is not supported",
                     onnx_type_name(type));
    if (zero) type = type_of_input(c, k + 1);
    if (mite_ir_ok(c->g))
        onnx_set(c, 0, within(c, onnx_emit_quantize(c, y, scale, zero, to, axis, 0), type));
}

// --- QuantizeLinear, DequantizeLinear -----------------------------------------------------------

void onnx_quantize_linear(onnx_import *c) {
    scales s;
    int64_t type = onnx_int(c, "output_dtype", 0), axis = onnx_int(c, "axis", 1);
    int64_t block = onnx_int(c, "block_size", 0);
    mite_ir_value *x = onnx_in(c, 0);
    if (!x) return;
    if (type <= 0 || type > 64) type = ONNX_UINT8;
    if (!block && mite_ir_is_constant(x) && x->dtype == MITE_F32 &&
        read_scales(c, 1, 2, (int32_t)type, &s) && is_byte(s.type)) {
        onnx_set(c, 0, quantize_constant(c, x, &s, axis));
        return;
    }
    if (!block) {
        onnx_set_quantized(c, x, 1, (int32_t)type, axis);
        return;
    }
    mite_ir_value *zero = onnx_optional(c, 2);
    mite_dtype to = zero ? zero->dtype : onnx_dtype((int32_t)type);
    if (!to) mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its output_dtype %D is not supported", type);
    if (zero) type = type_of_input(c, 2);
    if (!mite_ir_ok(c->g)) return;
    x = onnx_emit_quantize(c, x, onnx_in(c, 1), zero, to, axis, block);
    onnx_set(c, 0, within(c, x, (int32_t)type));
}

// The numbers that were dequantized to constant `y` in blocks stay beside it: a dense layer may want them.
static void remember_blocks(onnx_import *c, mite_ir_value *y, mite_ir_value *q,
                            mite_ir_value *scales, mite_ir_value *zeros, int64_t block) {
    static const int32_t same[] = {0, 1};
    if (!mite_ir_is_constant(y) || y->dtype != MITE_F32 || y->rank != 2 || !q || !q->data ||
        !scales || !scales->data || scales->dtype != MITE_F32 || scales->rank != 2 ||
        (zeros && !zeros->data) || !mite_ir_elements(y) || block > INT32_MAX)
        return;
    q = mite_ir_transposed(c->g, q, same); // which may be used elsewhere, with other scales
    if (!q) return;
    q->scales = NULL;
    q->quant_count = 0;
    q->block = (int32_t)block;
    q->block_scales = mite_ir_transposed(c->g, scales, same);
    q->block_zeros = mite_ir_transposed(c->g, zeros, same);
    if (q->block_scales) y->origin = q;
}

void onnx_dequantize_linear(onnx_import *c) {
    int64_t block = onnx_int(c, "block_size", 0), axis = onnx_int(c, "axis", 1);
    int64_t type = onnx_int(c, "output_dtype", 0);
    mite_ir_value *scale = onnx_in(c, 1), *y;
    mite_dtype to = type > 0 && type < 64 ? onnx_dtype((int32_t)type) : scale ? scale->dtype : 0;
    if (block || (to && scale && to != scale->dtype)) {
        mite_ir_value *q = onnx_in(c, 0), *zero = onnx_optional(c, 2);
        y = onnx_emit_dequantize(c, q, scale, zero, to, axis, block);
        if (block > 0 && q && q->dtype != MITE_F32) remember_blocks(c, y, q, scale, zero, block);
    } else {
        y = onnx_real_input(c, 0, axis);
    }
    if (!y) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input is missing");
    onnx_set(c, 0, y);
}

// --- QLinearConv and QLinearMatMul --------------------------------------------------------------

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

// Known scales of byte activations, constant weights: what the core can do.
static bool has_core_form(onnx_import *c, size_t weights) {
    scales s;
    int32_t x_type = type_of_input(c, 0), w_type = type_of_input(c, weights);
    bool shifted;
    const mite_ir_value *x = onnx_in_carried(c, 0, &shifted), *w = onnx_in(c, weights);
    if (!x || !w || !mite_ir_is_constant(w) || !is_foldable(w) || mite_ir_is_constant(x))
        return false;
    if (x->producer && !(x->scale > 0)) return false; // plain integers
    return read_scales(c, 1, 2, x_type, &s) && s.count == 1 && is_byte(s.type) &&
           read_scales(c, weights + 1, weights + 2, w_type, &s) && is_byte(s.type) &&
           read_scales(c, 6, 7, ONNX_UINT8, &s) && s.count == 1 && is_byte(s.type);
}

// Sums of products of integers, under the product of both scales, as the node's quantized result.
static void set_sums(onnx_import *c, mite_ir_value *sums, mite_ir_value *x_scale,
                     mite_ir_value *w_scale) {
    mite_ir_value *scale = onnx_emit_mul(c, onnx_emit_cast(c, x_scale, MITE_F32),
                                         onnx_emit_cast(c, w_scale, MITE_F32));
    mite_ir_value *y = onnx_emit_mul(c, onnx_emit_cast(c, sums, MITE_F32), scale);
    mite_ir_value *zero = onnx_in(c, 7);
    if (zero)
        onnx_set(c, 0,
                 onnx_emit_quantize(c, y, onnx_emit_cast(c, onnx_in(c, 6), MITE_F32), zero,
                                    zero->dtype, 0, 0));
}

void onnx_q_linear_conv(onnx_import *c) {
    onnx_spatial window;
    mite_ir_value *x, *w, *bias = NULL;
    bool last = onnx_int(c, "channels_last", 0) != 0; // com.microsoft
    if (has_core_form(c, 3) && (!onnx_has_input(c, 8) || mite_ir_is_constant(onnx_in(c, 8)))) {
        x = onnx_real_input(c, 0, 1), w = onnx_real_input(c, 3, 0);
        if (!x || !w || w->rank < 2 || !w->origin) return;
        if (onnx_has_input(c, 8) && !(bias = real_bias(c, 8, x->producer->inputs[0], w))) return;
        if (!onnx_read_spatial(c, &window, (size_t)w->rank - 2, w->shape + 2)) return;
        if (last) x = onnx_to_nchw(c, x);
        mite_ir_value *y = onnx_emit_conv(c, x, w, bias, &window, onnx_int(c, "group", 1));
        onnx_set_quantized(c, last ? onnx_to_nhwc(c, y) : y, 6, ONNX_UINT8, 0);
        return;
    }
    x = onnx_in(c, 0), w = onnx_in(c, 3);
    if (!x || !w || w->unknown || w->rank < 2) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights have no known shape");
        return;
    }
    if (!onnx_read_spatial(c, &window, (size_t)w->rank - 2, w->shape + 2)) return;
    bias = onnx_optional(c, 8);
    if (last) x = onnx_to_nchw(c, x);
    mite_ir_value *sums =
        onnx_emit_conv_integer(c, x, w, onnx_in(c, 2), onnx_in(c, 5), bias, &window);
    mite_ir_value *w_scale = onnx_in(c, 4);
    if (last) sums = onnx_to_nhwc(c, sums);
    else if (w_scale && (w_scale->unknown || w_scale->rank > 0)) { // by channel: [M,1,..]
        int64_t shape[MITE_MAX_RANK] = {-1};
        for (size_t i = 0; i < window.rank; i++) shape[i + 1] = 1;
        w_scale = onnx_reshape_to(c, w_scale, onnx_integers(c, shape, window.rank + 1), false);
    }
    set_sums(c, sums, onnx_in(c, 1), w_scale);
}

void onnx_q_linear_mat_mul(onnx_import *c) {
    const mite_ir_value *b = onnx_in(c, 3);
    if (b && b->rank == 2 && has_core_form(c, 3)) {
        mite_ir_value *x = onnx_real_input(c, 0, 1), *w = onnx_real_input(c, 3, 1);
        onnx_set_quantized(c, onnx_emit_dense(c, x, w, false, NULL), 6, ONNX_UINT8, 0);
        return;
    }
    mite_ir_value *x = onnx_in(c, 0), *w = onnx_in(c, 3);
    mite_ir_value *sums = onnx_emit_mat_mul_integer(c, x, w, onnx_in(c, 2), onnx_in(c, 5));
    mite_ir_value *x_scale = onnx_in(c, 1);
    if (x_scale && x_scale->rank == 1) // by row
        x_scale = onnx_reshape_to(c, x_scale, onnx_integers(c, (int64_t[]){-1, 1}, 2), false);
    set_sums(c, sums, x_scale, onnx_in(c, 4));
}
