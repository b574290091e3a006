// SPDX-License-Identifier: Apache-2.0
// Nodes that handlers emit.
#include "import/tflite/tflite_nodes.h"

#include <math.h>
#include <string.h>

mite_ir_value *tfl_emit_unary(tfl_import *c, const char *op, mite_ir_value *x) {
    if (!x) return NULL;
    return MITE_IR_EMIT(c->g, .op = op, .name = tfl_name(c), .inputs = {x}, .scale = x->scale,
                        .zero_point = x->zero_point);
}

mite_ir_value *tfl_emit_binary(tfl_import *c, const char *op, mite_ir_value *a, mite_ir_value *b) {
    if (!a || !b) return NULL;
    return MITE_IR_EMIT(c->g, .op = op, .name = tfl_name(c), .inputs = {a, b});
}

mite_ir_value *tfl_emit_general_unary(tfl_import *c, mite_unary which, mite_ir_value *x) {
    if (!x) return NULL;
    return MITE_IR_EMIT(c->g, .op = "unary", .name = tfl_name(c), .inputs = {x},
                        .attrs = {{"function", .word = (int32_t)which}});
}

mite_ir_value *tfl_emit_general_binary(tfl_import *c, mite_binary which, mite_ir_value *a,
                                       mite_ir_value *b) {
    if (!a || !b) return NULL;
    return MITE_IR_EMIT(c->g, .op = "binary", .name = tfl_name(c), .inputs = {a, b},
                        .attrs = {{"function", .word = (int32_t)which}},
                        .dtype = which >= MITE_BINARY_EQUAL ? MITE_BOOL : a->dtype);
}

mite_ir_value *tfl_emit_reduce(tfl_import *c, mite_reduce which, mite_ir_value *x, int64_t axis,
                               bool keep_dims) {
    mite_ir_value *axes = tfl_integers(c, &axis, 1);
    if (!x || !axes) return NULL;
    return MITE_IR_EMIT(
        c->g, .op = "reduce", .name = tfl_name(c), .inputs = {x, axes},
        .attrs = {{"function", .word = (int32_t)which}, {"keep_dims", .word = keep_dims}});
}

mite_ir_value *tfl_emit_cast(tfl_import *c, mite_ir_value *v, mite_dtype dtype) {
    if (!v || v->dtype == dtype) return v;
    return MITE_IR_EMIT(c->g, .op = "cast", .name = tfl_name(c), .inputs = {v}, .dtype = dtype);
}

mite_ir_value *tfl_emit_where(tfl_import *c, mite_ir_value *condition, mite_ir_value *yes,
                              mite_ir_value *no) {
    if (!condition || !yes || !no) return NULL;
    return MITE_IR_EMIT(c->g, .op = "where", .name = tfl_name(c), .inputs = {condition, yes, no},
                        .dtype = yes->dtype);
}

bool tfl_activation_limits(tfl_import *c, int32_t activation, float *lo, float *hi) {
    *lo = activation == TFL_NONE ? -INFINITY : activation == TFL_RELU_N1_TO_1 ? -1.0f : 0.0f;
    *hi = activation == TFL_RELU_N1_TO_1 ? 1.0f : activation == TFL_RELU6 ? 6.0f : INFINITY;
    if (activation >= TFL_NONE && activation <= TFL_RELU6) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its activation %d is not supported", activation);
    return false;
}

bool tfl_activation_quanta(tfl_import *c, int32_t activation, int32_t *lo, int32_t *hi) {
    const tfl_tensor *y = tfl_output(c, 0);
    bool wide = y->type == TFL_INT16;
    double least = wide ? INT16_MIN : 0, most = wide ? INT16_MAX : UINT8_MAX;
    float low, high, scale;
    int32_t zero;
    if (!tfl_stored_quantization(c, y, &scale, &zero) ||
        !tfl_activation_limits(c, activation, &low, &high))
        return false;
    *lo = (int32_t)fmax(least, fmin(most, zero + round((double)low / (double)scale)));
    *hi = (int32_t)fmax(least, fmin(most, zero + round((double)high / (double)scale)));
    return true;
}

mite_ir_value *tfl_activate(tfl_import *c, mite_ir_value *v, int32_t activation) {
    float lo, hi;
    if (!v || activation == TFL_NONE) return v;
    if (activation == TFL_TANH) return tfl_emit_unary(c, "tanh", v);
    if (!tfl_activation_limits(c, activation, &lo, &hi)) return NULL;
    return MITE_IR_EMIT(
        c->g, .op = "clamp", .name = tfl_name(c), .inputs = {v},
        .attrs = {{"lo", .word = mite_ir_bits(lo)}, {"hi", .word = mite_ir_bits(hi)}});
}

mite_ir_value *tfl_stated_shape(tfl_import *c, mite_ir_value *v, size_t rank,
                                const int32_t *shape) {
    if (!v) return NULL;
    return MITE_IR_EMIT(
        c->g, .op = "reshape", .name = tfl_name(c), .inputs = {v},
        .attrs = {{"rank", .word = (int32_t)rank}, {"shape", .list = shape, .list_count = rank}},
        .scale = v->scale, .zero_point = v->zero_point);
}

mite_ir_value *tfl_reshape(tfl_import *c, mite_ir_value *v, size_t rank, const int32_t *shape) {
    if (!v || !tfl_has_rank(c, v)) return NULL;
    size_t open = 0;
    bool same = (size_t)v->rank == rank;
    for (size_t i = 0; i < rank; i++) {
        same = same && shape[i] == tfl_dim(v, i);
        open += shape[i] < 0;
    }
    if (same) return v;
    if (open > 1) {
        tfl_is_fixed(c, v);
        return NULL;
    }
    if (mite_ir_is_constant(v) && v->scale == 0) return mite_ir_reshaped(c->g, v, rank, shape);
    return tfl_stated_shape(c, v, rank, shape);
}

mite_ir_value *tfl_transpose(tfl_import *c, mite_ir_value *v, const int32_t *perm) {
    if (!v || !tfl_has_rank(c, v)) return NULL;
    if (mite_ir_is_constant(v) && v->scale == 0) return mite_ir_transposed(c->g, v, perm);
    return MITE_IR_EMIT(c->g, .op = "transpose", .name = tfl_name(c), .inputs = {v},
                        .attrs = {{"perm", .list = perm, .list_count = (size_t)v->rank}},
                        .scale = v->scale, .zero_point = v->zero_point);
}

mite_ir_value *tfl_concat(tfl_import *c, mite_ir_value **list, size_t count, size_t axis) {
    if (!mite_ir_ok(c->g) || !count || !list[0]) return NULL;
    return MITE_IR_EMIT(c->g, .op = "concat", .name = tfl_name(c), .input_list = list,
                        .input_count = count, .attrs = {{"axis", .word = (int32_t)axis}},
                        .scale = list[0]->scale, .zero_point = list[0]->zero_point);
}

mite_ir_value *tfl_scalar(tfl_import *c, float value) {
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 0, NULL);
    if (v) *(float *)v->data = value;
    return v;
}

mite_ir_value *tfl_integers(tfl_import *c, const int64_t *data, size_t count) {
    int32_t dim = (int32_t)count;
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 1, &dim);
    if (v && count) memcpy(v->data, data, v->bytes);
    return v;
}

// --- Parts and places ---------------------------------------------------------------------------

mite_ir_value *tfl_emit_moved(tfl_import *c, const char *op, mite_ir_value *x, mite_ir_value *a,
                              mite_ir_value *b, mite_ir_value *d, mite_ir_value *e) {
    if (!x || !mite_ir_ok(c->g)) return NULL;
    return MITE_IR_EMIT(c->g, .op = op, .name = tfl_name(c), .inputs = {x, a, b, d, e},
                        .scale = x->scale, .zero_point = x->zero_point);
}

mite_ir_value *tfl_emit_slice(tfl_import *c, mite_ir_value *v, const int64_t *begin,
                              const int64_t *size) {
    int64_t end[MITE_MAX_RANK];
    if (!v || !tfl_has_rank(c, v)) return NULL;
    size_t rank = (size_t)v->rank;
    bool all = true;
    for (size_t i = 0; i < rank; i++) {
        bool whole = begin[i] == 0 && size[i] == v->shape[i];
        end[i] = begin[i] + size[i];
        all = all && whole;
        if (v->open >> i & 1) {
            if (!whole && !tfl_is_fixed(c, v)) return NULL;
            end[i] = (int64_t)1 << 40; // whatever there is
            continue;
        }
        if (begin[i] >= 0 && size[i] >= 0 && end[i] <= v->shape[i]) continue;
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "elements %D to %D are outside of dimension %z of %T",
                     begin[i], end[i], i, rank, v->shape);
        return NULL;
    }
    if (all) return v;
    return tfl_emit_moved(c, "slice", v, tfl_integers(c, begin, rank), tfl_integers(c, end, rank),
                          NULL, NULL);
}

mite_ir_value *tfl_channels_to_pixels(tfl_import *c, mite_ir_value *v, int32_t bh, int32_t bw,
                                      int32_t channels) {
    if (!v) return NULL;
    int32_t n = tfl_dim(v, 0), h = tfl_dim(v, 1), w = tfl_dim(v, 2);
    int64_t tall = h < 0 ? -1 : (int64_t)h * bh, wide = w < 0 ? -1 : (int64_t)w * bw;
    if (tall > INT32_MAX || wide > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its output would have %Dx%D pixels", tall, wide);
        return NULL;
    }
    v = tfl_reshape(c, v, 6, (const int32_t[]){n, h, w, bh, bw, channels});
    v = tfl_transpose(c, v, (const int32_t[]){0, 1, 3, 2, 4, 5});
    return tfl_reshape(c, v, 4, (const int32_t[]){n, (int32_t)tall, (int32_t)wide, channels});
}

mite_ir_value *tfl_pixels_to_channels(tfl_import *c, mite_ir_value *v, int32_t bh, int32_t bw) {
    if (!v) return NULL;
    int32_t n = tfl_dim(v, 0), h = v->shape[1] / bh, w = v->shape[2] / bw, channels = v->shape[3];
    int64_t all = (int64_t)channels * bh * bw;
    if (all > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its output would have %D channels", all);
        return NULL;
    }
    v = tfl_reshape(c, v, 6, (const int32_t[]){n, h, bh, w, bw, channels});
    v = tfl_transpose(c, v, (const int32_t[]){0, 1, 3, 2, 4, 5});
    return tfl_reshape(c, v, 4, (const int32_t[]){n, h, w, (int32_t)all});
}

mite_ir_value *tfl_emit_gather(tfl_import *c, mite_ir_value *v, size_t axis, const int64_t *indices,
                               size_t count) {
    mite_ir_value *list = tfl_integers(c, indices, count);
    if (!v || !list) return NULL;
    return MITE_IR_EMIT(c->g, .op = "gather", .name = tfl_name(c), .inputs = {v, list},
                        .attrs = {{"axis", .word = (int32_t)axis}}, .scale = v->scale,
                        .zero_point = v->zero_point);
}

mite_ir_value *tfl_emit_row_mean(tfl_import *c, mite_ir_value *v) {
    if (!v) return NULL;
    const int32_t axis = v->rank - 1;
    return MITE_IR_EMIT(
        c->g, .op = "mean", .name = tfl_name(c), .inputs = {v},
        .attrs = {{"axis_count", .word = 1}, {"axes", .list = &axis, .list_count = 1}});
}

mite_ir_value *tfl_emit_pad_integers(tfl_import *c, mite_ir_value *x, const int32_t *before,
                                     const int32_t *after, mite_ir_value *value) {
    int64_t pads[2 * MITE_MAX_RANK];
    if (!x) return NULL;
    size_t rank = (size_t)x->rank;
    for (size_t i = 0; i < rank; i++) {
        pads[i] = before[i];
        pads[rank + i] = after[i];
    }
    return tfl_emit_moved(c, "pad_by", x, tfl_integers(c, pads, 2 * rank), value, NULL, NULL);
}

void tfl_fixed_factor(double factor, int32_t bits, int32_t *multiplier, int32_t *shift) {
    int e = 0;
    int64_t q = factor > 0 ? (int64_t)llround(frexp(factor, &e) * 0x1p31) : 0;
    if (q == (int64_t)1 << 31) {
        q /= 2;
        e++;
    }
    if (e < -31) q = e = 0;
    if (bits == 15) q = q < 0x7FFF0000 ? (q + (1 << 15)) >> 16 : 0x7FFF;
    *multiplier = (int32_t)q;
    *shift = e;
}
