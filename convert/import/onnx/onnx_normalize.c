// SPDX-License-Identifier: Apache-2.0
// Normalizations, taken apart into means, differences and products.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <math.h>
#include <string.h>

// --- Building blocks ----------------------------------------------------------------------------

mite_ir_value *onnx_optional(onnx_import *c, size_t k) {
    return onnx_has_input(c, k) ? onnx_in(c, k) : NULL;
}

mite_ir_value *onnx_emit_sub(onnx_import *c, mite_ir_value *a, mite_ir_value *b) {
    if (onnx_is_core(a) && onnx_is_core(b)) return onnx_emit_binary(c, "sub", a, b);
    return onnx_emit_general_binary(c, MITE_BINARY_SUB, a, b);
}

mite_ir_value *onnx_emit_div(onnx_import *c, mite_ir_value *a, mite_ir_value *b) {
    if (onnx_is_core(a) && onnx_is_core(b)) return onnx_emit_binary(c, "div", a, b);
    return onnx_emit_general_binary(c, MITE_BINARY_DIV, a, b);
}

mite_ir_value *onnx_emit_sqrt(onnx_import *c, mite_ir_value *x) {
    if (!x || x->dtype != MITE_F32) return x ? onnx_emit_unary(c, MITE_UNARY_SQRT, x, 0, 0) : NULL;
    return MITE_IR_EMIT(c->g, .op = "sqrt", .name = onnx_name(c), .inputs = {x});
}

mite_ir_value *onnx_scaled(onnx_import *c, mite_ir_value *x, double factor) {
    return !x || factor == 1 ? x : onnx_emit_mul(c, x, onnx_scalar(c, x->dtype, factor));
}

mite_ir_value *onnx_shifted(onnx_import *c, mite_ir_value *x, double addend) {
    return !x || addend == 0 ? x : onnx_emit_add(c, x, onnx_scalar(c, x->dtype, addend));
}

mite_ir_value *onnx_emit_mean(onnx_import *c, mite_ir_value *x, const int64_t *axes, size_t count) {
    int32_t list[MITE_MAX_RANK];
    if (!x) return NULL;
    for (size_t i = 0; i < count; i++) list[i] = (int32_t)axes[i];
    if (x->dtype != MITE_F32 || !mite_ir_is_fixed(x) || !mite_ir_elements(x))
        return onnx_emit_reduce(c, MITE_REDUCE_MEAN, x, onnx_integers(c, axes, count), true, true);
    return MITE_IR_EMIT(c->g, .op = "mean", .name = onnx_name(c), .inputs = {x},
                        .attrs = {{"axis_count", .word = (int32_t)count},
                                  {"axes", .list = list, .list_count = count},
                                  {"keep_dims", .word = 1}});
}

// What a normalization over axes finds.
typedef struct normalized {
    mite_ir_value *y, *mean, *inverse; // (x - mean) * inverse; mean NULL: not taken off
} normalized;

static normalized normalize(onnx_import *c, mite_ir_value *x, const int64_t *axes, size_t count,
                            double epsilon, bool center) {
    normalized n = {.y = x};
    if (center) {
        n.mean = onnx_emit_mean(c, x, axes, count);
        n.y = onnx_emit_sub(c, x, n.mean);
    }
    mite_ir_value *square = onnx_emit_mean(c, onnx_emit_mul(c, n.y, n.y), axes, count);
    mite_ir_value *deviation = onnx_emit_sqrt(c, onnx_shifted(c, square, epsilon));
    n.inverse = deviation ? onnx_emit_div(c, onnx_scalar(c, deviation->dtype, 1), deviation) : NULL;
    n.y = onnx_emit_mul(c, n.y, n.inverse);
    return n;
}

// A vector with an element for each channel, to go with [N,C,..] of this rank.
static mite_ir_value *by_channel(onnx_import *c, mite_ir_value *v, size_t rank, mite_dtype dtype) {
    int64_t shape[MITE_MAX_RANK] = {-1};
    v = onnx_emit_cast(c, v, dtype);
    if (!v || rank < 3) return v;
    for (size_t i = 1; i < rank - 1; i++) shape[i] = 1;
    if (!mite_ir_is_fixed(v))
        return onnx_reshape_to(c, v, onnx_integers(c, shape, rank - 1), false);
    int32_t dims[MITE_MAX_RANK] = {(int32_t)mite_ir_elements(v)};
    for (size_t i = 1; i < rank - 1; i++) dims[i] = 1;
    return onnx_reshape(c, v, rank - 1, dims);
}

static bool need_rank(onnx_import *c, const mite_ir_value *x, int32_t least) {
    if (x && !x->unknown && x->rank >= least) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input is missing, or of unknown or too low rank");
    return false;
}

// f16 in f32, as its squares and sums need.
static mite_ir_value *widened(onnx_import *c, mite_ir_value *x) {
    return x && x->dtype == MITE_F16 ? onnx_emit_cast(c, x, MITE_F32) : x;
}

// --- BatchNormalization -------------------------------------------------------------------------

// y = x * s + b with s = scale / sqrt(var + epsilon), b = bias - mean * s, in double.
static bool fold_batch(onnx_import *c, const mite_ir_value *x, mite_ir_value *const p[4],
                       mite_ir_value *out[2]) {
    size_t channels = mite_ir_elements(p[0]);
    for (size_t i = 0; i < 4; i++)
        if (!mite_ir_is_constant(p[i]) || p[i]->dtype != MITE_F32 ||
            mite_ir_elements(p[i]) != channels)
            return false;
    if (x->dtype != MITE_F32) return false;
    int32_t shape[MITE_MAX_RANK] = {(int32_t)channels};
    size_t rank = x->rank > 2 ? (size_t)x->rank - 1 : 1;
    for (size_t i = 1; i < rank; i++) shape[i] = 1;
    out[0] = mite_ir_constant(c->g, p[0]->name, MITE_F32, rank, shape);
    out[1] = mite_ir_constant(c->g, p[1]->name, MITE_F32, rank, shape);
    double epsilon = (double)onnx_float(c, "epsilon", 1e-5f);
    for (size_t i = 0; out[0] && out[1] && i < channels; i++) {
        double at[4];
        for (size_t k = 0; k < 4; k++) at[k] = (double)((const float *)p[k]->data)[i];
        double s = at[0] / sqrt(at[3] + epsilon);
        ((float *)out[0]->data)[i] = (float)s;
        ((float *)out[1]->data)[i] = (float)(at[1] - at[2] * s);
    }
    return out[0] && out[1];
}

// Mean and variance of the batch, each [C]; of every element where not `spatial`.
static void batch_statistics(onnx_import *c, mite_ir_value *x, bool spatial,
                             mite_ir_value *out[2]) {
    int64_t axes[MITE_MAX_RANK] = {0};
    size_t count = 1;
    for (int32_t i = 2; spatial && i < x->rank; i++) axes[count++] = i;
    mite_ir_value *mean = onnx_emit_mean(c, x, axes, count);
    mite_ir_value *rest = onnx_emit_sub(c, x, mean), *list = onnx_integers(c, axes, count);
    mite_ir_value *variance = onnx_emit_mean(c, onnx_emit_mul(c, rest, rest), axes, count);
    out[0] = out[1] = NULL;
    if (!mean || !variance || !list) return;
    out[0] = MITE_IR_EMIT(c->g, .op = "squeeze", .name = onnx_name(c), .inputs = {mean, list});
    out[1] = MITE_IR_EMIT(c->g, .op = "squeeze", .name = onnx_name(c), .inputs = {variance, list});
}

// In training the batch's own statistics are used, and go into the running ones.
static void train(onnx_import *c, mite_ir_value *x, bool spatial, mite_ir_value *p[4]) {
    mite_ir_value *batch[2];
    double momentum = (double)onnx_float(c, "momentum", 0.9f);
    batch_statistics(c, x, spatial, batch);
    for (size_t k = 0; k < 2; k++) {
        mite_ir_value *running =
            onnx_emit_add(c, onnx_scaled(c, onnx_emit_cast(c, p[2 + k], x->dtype), momentum),
                          onnx_scaled(c, batch[k], 1 - momentum));
        if (p[2 + k]) onnx_set(c, 1 + k, onnx_emit_cast(c, running, p[2 + k]->dtype));
        onnx_set(c, 3 + k, batch[k]);
        p[2 + k] = batch[k];
    }
}

void onnx_batch_normalization(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *p[4], *line[2];
    if (!need_rank(c, x, 1)) return;
    mite_dtype dtype = x->dtype;
    x = widened(c, x);
    // Before opset 14 who wanted statistics trained; before 9 there might be one scale an element.
    bool trains = c->opset < 14 ? onnx_has_output(c, 1) && !onnx_int(c, "is_test", 0)
                                : onnx_int(c, "training_mode", 0) != 0;
    bool spatial = onnx_int(c, "spatial", 1) != 0;
    for (size_t i = 0; i < 4; i++) {
        p[i] = onnx_in(c, i + 1);
        if (p[i]) continue;
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %z is missing", i + 1);
        return;
    }
    if (trains) train(c, x, spatial, p);
    if (!mite_ir_ok(c->g)) return;
    if (!spatial || !fold_batch(c, x, p, line)) {
        for (size_t i = 0; i < 4; i++)
            p[i] = by_channel(c, p[i], spatial ? (size_t)x->rank : 1, x->dtype);
        mite_ir_value *variance = onnx_shifted(c, p[3], (double)onnx_float(c, "epsilon", 1e-5f));
        line[0] = onnx_emit_div(c, p[0], onnx_emit_sqrt(c, variance));
        x = onnx_emit_sub(c, x, p[2]);
        line[1] = p[1];
    }
    onnx_set(c, 0,
             onnx_emit_cast(c, onnx_emit_add(c, onnx_emit_mul(c, x, line[0]), line[1]), dtype));
}

// --- Over the elements of a channel or a group --------------------------------------------------

void onnx_instance_normalization(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *scale = onnx_in(c, 1), *bias = onnx_in(c, 2);
    int64_t axes[MITE_MAX_RANK];
    if (!need_rank(c, x, 3)) return;
    size_t rank = (size_t)x->rank;
    mite_dtype dtype = x->dtype;
    x = widened(c, x);
    if (!x) return;
    for (size_t i = 2; i < rank; i++) axes[i - 2] = (int64_t)i;
    mite_ir_value *y =
        normalize(c, x, axes, rank - 2, (double)onnx_float(c, "epsilon", 1e-5f), true).y;
    y = onnx_emit_mul(c, y, by_channel(c, scale, rank, x->dtype));
    y = onnx_emit_add(c, y, by_channel(c, bias, rank, x->dtype));
    onnx_set(c, 0, onnx_emit_cast(c, y, dtype));
}

// x as [N,groups,rest], each group normalized.
static mite_ir_value *by_group(onnx_import *c, mite_ir_value *x, int64_t groups) {
    x = onnx_reshape_to(c, x, onnx_integers(c, (int64_t[]){0, groups, -1}, 3), false);
    return normalize(c, x, (int64_t[]){2}, 1, (double)onnx_float(c, "epsilon", 1e-5f), true).y;
}

// Opset 18 gives a scale for each group, 21 for each channel.
void onnx_group_normalization(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *scale = onnx_in(c, 1), *bias = onnx_in(c, 2);
    int64_t groups = onnx_int(c, "num_groups", 0);
    if (!need_rank(c, x, 2)) return;
    mite_dtype dtype = x->dtype;
    bool whole_groups = c->opset < 21;
    mite_ir_value *shape = onnx_shape_of(c, x), *y = x;
    if (onnx_int(c, "stash_type", 1) == ONNX_FLOAT) y = onnx_emit_cast(c, y, MITE_F32);
    y = onnx_emit_cast(c, by_group(c, y, groups), dtype);
    if (!whole_groups) y = onnx_reshape_to(c, y, shape, false);
    size_t rank = whole_groups ? 3 : (size_t)x->rank;
    y = onnx_emit_mul(c, y, by_channel(c, scale, rank, dtype));
    y = onnx_emit_add(c, y, by_channel(c, bias, rank, dtype));
    if (whole_groups) y = onnx_reshape_to(c, y, shape, false);
    onnx_set(c, 0, y);
}

// com.microsoft: of pictures, most often with channels last, and SiLU behind where wanted.
static void group_picture(onnx_import *c, mite_ir_value *x) {
    bool last = onnx_int(c, "channels_last", 1) != 0;
    if (last) x = onnx_to_nchw(c, x);
    if (!need_rank(c, x, 3)) return;
    mite_dtype dtype = x->dtype;
    mite_ir_value *y = by_group(c, widened(c, x), onnx_int(c, "groups", 0));
    y = onnx_reshape_to(c, y, onnx_shape_of(c, x), false);
    y = onnx_emit_mul(c, y, by_channel(c, onnx_in(c, 1), (size_t)x->rank, y ? y->dtype : dtype));
    y = onnx_emit_add(c, y, by_channel(c, onnx_in(c, 2), (size_t)x->rank, y ? y->dtype : dtype));
    if (onnx_int(c, "activation", 0)) y = onnx_emit_silu(c, y);
    y = onnx_emit_cast(c, y, dtype);
    onnx_set(c, 0, last ? onnx_to_nhwc(c, y) : y);
}

void onnx_ms_group_norm(onnx_import *c) { group_picture(c, onnx_in(c, 0)); }

// Of x + skip + bias, which is output 1; skip may be [N,C].
void onnx_skip_group_norm(onnx_import *c) {
    bool last = onnx_int(c, "channels_last", 1) != 0;
    mite_ir_value *skip = onnx_in(c, 3), *bias = onnx_optional(c, 4);
    if (skip && skip->rank == 2)
        skip = onnx_emit_unsqueeze(c, skip,
                                   onnx_integers(c, (int64_t[]){last ? 1 : 2, last ? 2 : 3}, 2));
    mite_ir_value *sum = onnx_emit_add(c, onnx_in(c, 0), skip);
    if (bias) sum = onnx_emit_add(c, sum, last ? bias : by_channel(c, bias, 4, bias->dtype));
    group_picture(c, sum);
    onnx_set(c, 1, sum);
}

// --- Over the last dimensions -------------------------------------------------------------------

// One for each element of the last `count` dimensions of x.
static bool is_whole(const mite_ir_value *v, const mite_ir_value *x, size_t count) {
    if (!v || !mite_ir_is_fixed(v) || v->dtype != MITE_F32 || (size_t)v->rank != count)
        return false;
    for (size_t i = 0; i < count && !x->unknown; i++) // one for several
        if (v->shape[i] == 1 && x->shape[(size_t)x->rank - count + i] != 1) return false;
    return mite_ir_elements(v) != 0;
}

// LayerNormalization, RMSNormalization and kin of x, with optional scale and bias. Mean and inverse
// only where `stats`.
static normalized layer(onnx_import *c, mite_ir_value *x, int64_t axis_given, mite_ir_value *scale,
                        mite_ir_value *bias, bool center, bool stats) {
    normalized n = {NULL, NULL, NULL};
    int64_t axes[MITE_MAX_RANK];
    size_t axis, count = 0;
    float epsilon = onnx_float(c, "epsilon", 1e-5f);
    bool from_end = x && x->unknown && axis_given < 0 && axis_given >= -MITE_MAX_RANK;
    if (!from_end && (!need_rank(c, x, 1) || !onnx_axis(c, axis_given, (size_t)x->rank, &axis)))
        return n;
    int64_t first = from_end ? axis_given : (int64_t)axis, end = from_end ? 0 : x->rank;
    for (int64_t i = first; i < end; i++) axes[count++] = i;
    mite_dtype dtype = x->dtype;
    bool narrow = dtype == MITE_F16 && onnx_int(c, "stash_type", 1) == ONNX_FLOAT;
    if (narrow) x = onnx_emit_cast(c, x, MITE_F32);
    if (x && x->dtype == MITE_F32 && center && !stats && is_whole(scale, x, count) &&
        (!bias || is_whole(bias, x, count)) && epsilon >= 0) {
        n.y =
            MITE_IR_EMIT(c->g, .op = "layer_norm", .name = onnx_name(c), .inputs = {x, scale, bias},
                         .attrs = {{"axis", .word = (int32_t)first},
                                   {"epsilon", .word = mite_ir_bits(epsilon)}});
        n.y = onnx_emit_cast(c, n.y, dtype);
        return n;
    }
    n = normalize(c, x, axes, count, (double)epsilon, center);
    n.y = onnx_emit_cast(c, n.y, dtype);
    if (scale) n.y = onnx_emit_mul(c, n.y, onnx_emit_cast(c, scale, dtype));
    if (bias) n.y = onnx_emit_add(c, n.y, onnx_emit_cast(c, bias, dtype));
    return n;
}

// com.microsoft: each group of as many numbers as there are scales, times an activation of the gate.
void onnx_gated_rms_norm(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *scale = onnx_in(c, 1), *gate = onnx_in(c, 2);
    bool sigmoid = !strcmp(onnx_string(c, "activation", "silu"), "sigmoid");
    if (!x || !gate || !scale || scale->unknown || scale->rank != 1) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input, scale or gate is missing");
        return;
    }
    mite_dtype dtype = x->dtype;
    mite_ir_value *shape = onnx_shape_of(c, x);
    mite_ir_value *rows = onnx_integers(c, (int64_t[]){-1, scale->shape[0]}, 2);
    gate = onnx_emit_cast(c, gate, MITE_F32);
    gate = sigmoid ? onnx_emit_unary(c, MITE_UNARY_SIGMOID, gate, 0, 0) : onnx_emit_silu(c, gate);
    x = onnx_reshape_to(c, onnx_emit_cast(c, x, MITE_F32), rows, false);
    x = layer(c, x, -1, scale, NULL, false, false).y;
    x = onnx_emit_mul(c, onnx_reshape_to(c, x, shape, false), gate);
    onnx_set(c, 0, onnx_emit_cast(c, x, dtype));
}

static bool wants_stats(const onnx_import *c) {
    return onnx_has_output(c, 1) || onnx_has_output(c, 2);
}

void onnx_layer_normalization(onnx_import *c) {
    normalized n = layer(c, onnx_in(c, 0), onnx_int(c, "axis", -1), onnx_optional(c, 1),
                         onnx_optional(c, 2), true, wants_stats(c));
    // Statistics are of the type they are computed in by the standard, also for f64.
    bool single = onnx_int(c, "stash_type", 1) == ONNX_FLOAT;
    onnx_set(c, 0, n.y);
    onnx_set(c, 1, single ? onnx_emit_cast(c, n.mean, MITE_F32) : n.mean);
    onnx_set(c, 2, single ? onnx_emit_cast(c, n.inverse, MITE_F32) : n.inverse);
}

// Also SimplifiedLayerNormalization, whose second output is the inverse deviation.
void onnx_rms_normalization(onnx_import *c) {
    normalized n =
        layer(c, onnx_in(c, 0), onnx_int(c, "axis", -1), onnx_optional(c, 1), NULL, false, true);
    onnx_set(c, 0, n.y);
    onnx_set(c, 1, n.inverse);
}

mite_ir_value *onnx_emit_rms_norm(onnx_import *c, mite_ir_value *x, mite_ir_value *scale,
                                  double epsilon) {
    if (!x || !scale) return NULL;
    normalized n = normalize(c, widened(c, x), (int64_t[]){-1}, 1, epsilon, false);
    return onnx_emit_mul(c, onnx_emit_cast(c, n.y, x->dtype), onnx_emit_cast(c, scale, x->dtype));
}

// com.microsoft: (x + skip + bias) normalized; outputs 1 and 2 as above, 3 the sum.
static void skip_layer(onnx_import *c, bool center) {
    mite_ir_value *sum = onnx_emit_add(c, onnx_in(c, 0), onnx_in(c, 1));
    size_t bias = center ? 4 : 3;
    if (onnx_has_input(c, bias)) sum = onnx_emit_add(c, sum, onnx_in(c, bias));
    normalized n = layer(c, sum, -1, onnx_optional(c, 2), center ? onnx_optional(c, 3) : NULL,
                         center, wants_stats(c));
    onnx_set(c, 0, n.y);
    onnx_set(c, 1, n.mean);
    onnx_set(c, 2, n.inverse);
    onnx_set(c, 3, sum);
}

void onnx_skip_layer_normalization(onnx_import *c) { skip_layer(c, true); }
void onnx_skip_simplified_layer_normalization(onnx_import *c) { skip_layer(c, false); }

// The inputs of EmbedLayerNormalization: input ids, segment ids, word, position and segment embeddings,
// gamma, beta, mask, positions.
static void embed(onnx_import *c, mite_ir_value *const in[9]) {
    mite_ir_value *ids = in[0], *positions = in[3], *at = in[8], *mask = in[7];
    if (!ids || !in[2] || !positions) return;
    mite_ir_value *sum = onnx_emit_gather(c, in[2], ids, 0),
                  *zero = onnx_integers(c, (int64_t[]){0}, 1);
    if (at) at = onnx_emit_gather(c, positions, at, 0);
    else at = onnx_emit_slice(c, positions, zero, onnx_dimension(c, ids, 1, 1, 1), 0);
    sum = onnx_emit_add(c, sum, at);
    if (in[1] && in[4]) sum = onnx_emit_add(c, sum, onnx_emit_gather(c, in[4], in[1], 0));
    onnx_set(c, 0, layer(c, sum, -1, in[5], in[6], true, false).y);
    onnx_set(c, 2, sum);
    if (!onnx_has_output(c, 1)) return;
    if (mask) { // its sums, the length of each sequence
        mask = onnx_emit_reduce(c, MITE_REDUCE_SUM, mask, onnx_integers(c, (int64_t[]){1}, 1),
                                false, false);
        onnx_set(c, 1, onnx_emit_cast(c, mask, MITE_I32));
        return;
    }
    onnx_set(c, 1, onnx_expand_to(c, onnx_scalar(c, MITE_I32, 0), onnx_dimension(c, ids, 0, 1, 1)));
}

void onnx_embed_layer_normalization(onnx_import *c) {
    mite_ir_value *in[9];
    for (size_t k = 0; k < 9; k++) in[k] = onnx_optional(c, k);
    embed(c, in);
}

// The same with tables, gamma and beta quantized, five scales and five zero points behind.
void onnx_q_embed_layer_normalization(onnx_import *c) {
    mite_ir_value *in[9] = {onnx_optional(c, 0), onnx_optional(c, 1)};
    for (size_t k = 2; k < 7; k++)
        in[k] = onnx_has_input(c, k) ? onnx_real_of(c, k, k + 6, k + 11, 0) : NULL;
    in[7] = onnx_optional(c, 7);
    embed(c, in);
}

// --- Others -------------------------------------------------------------------------------------

void onnx_lp_normalization(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    int64_t axis = onnx_int(c, "axis", -1), p = onnx_int(c, "p", 2);
    if (!x) return;
    if (p != 1 && p != 2) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "p is %D, supported are 1 and 2", p);
        return;
    }
    mite_dtype dtype = x->dtype;
    x = widened(c, x);
    if (!x) return;
    mite_ir_value *norm = onnx_emit_reduce(c, p == 1 ? MITE_REDUCE_L1 : MITE_REDUCE_L2, x,
                                           onnx_integers(c, &axis, 1), true, true);
    // What is nothing but zeros stays so.
    mite_ir_value *one = onnx_scalar(c, x->dtype, 1), *zero = onnx_scalar(c, x->dtype, 0);
    mite_ir_value *empty = onnx_emit_general_binary(c, MITE_BINARY_EQUAL, norm, zero);
    norm = onnx_emit_where(c, empty, one, norm);
    onnx_set(c, 0, onnx_emit_cast(c, onnx_emit_div(c, x, norm), dtype));
}

void onnx_mean_variance_normalization(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    int64_t axes[MITE_MAX_RANK];
    size_t count;
    if (!onnx_list(c, "axes", SIZE_MAX, axes, MITE_MAX_RANK, &count)) {
        memcpy(axes, (const int64_t[]){0, 2, 3}, 3 * sizeof *axes);
        count = 3;
        if (x && !x->unknown && x->rank < 4) count = x->rank < 3 ? 1 : 2;
    }
    if (!x || !mite_ir_ok(c->g)) return;
    mite_dtype dtype = x->dtype;
    x = widened(c, x);
    mite_ir_value *centered = onnx_emit_sub(c, x, onnx_emit_mean(c, x, axes, count));
    mite_ir_value *square = onnx_emit_mean(c, onnx_emit_mul(c, centered, centered), axes, count);
    mite_ir_value *deviation = onnx_shifted(c, onnx_emit_sqrt(c, square), 1e-9);
    onnx_set(c, 0, onnx_emit_cast(c, onnx_emit_div(c, centered, deviation), dtype));
}

// Neighbours along the channels are an average-pooling window over [N,1,C,rest].
void onnx_lrn(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    int64_t size = onnx_int(c, "size", 1);
    if (!need_rank(c, x, 2)) return;
    if (size < 1 || size > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its size is %D", size);
        return;
    }
    mite_dtype dtype = x->dtype;
    x = widened(c, x);
    mite_ir_value *shape = onnx_shape_of(c, x), *sum = onnx_emit_mul(c, x, x);
    mite_ir_value *parts[] = {onnx_dimension(c, x, 0, 1, 1), onnx_integers(c, (int64_t[]){1}, 1),
                              onnx_dimension(c, x, 1, 1, 1), onnx_integers(c, (int64_t[]){-1}, 1)};
    sum = onnx_reshape_to(c, sum, onnx_join(c, parts, 4), false);
    if (!sum) return;
    int32_t before = (int32_t)((size - 1) / 2);
    sum = MITE_IR_EMIT(c->g, .op = "pool_nd", .name = onnx_name(c), .inputs = {sum},
                       .attrs = {{"kernel", .word = (int32_t)size},
                                 {"mode", .word = 1},
                                 {"count_padding", .word = 1},
                                 {"pads_begin", .word = before},
                                 {"pads_end", .word = (int32_t)size - 1 - before}});
    sum = onnx_scaled(c, onnx_reshape_to(c, sum, shape, false),
                      (double)onnx_float(c, "alpha", 1e-4f));
    sum = onnx_shifted(c, sum, (double)onnx_float(c, "bias", 1.0f));
    double beta = (double)onnx_float(c, "beta", 0.75f);
    mite_ir_value *power =
        onnx_emit_general_binary(c, MITE_BINARY_POW, sum, onnx_scalar(c, x->dtype, beta));
    onnx_set(c, 0, onnx_emit_cast(c, onnx_emit_div(c, x, power), dtype));
}
