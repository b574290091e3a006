// SPDX-License-Identifier: Apache-2.0
// Quantized models spell an integer operator as dequantize -> f32 operator -> quantize. Here the
// three become one u8 operator, wherever the runtime has it; what has no u8 form stays as it is.
//
//   y = quantize(conv2d(dequantize(x), w, b))   ->   y = conv2d(x, w', b', m)        u8
//
// w' are the integers behind w, b' = b/(sx*sw) - zx*sum(w') and m = sx*sw/sy, in f32 as ONNX
// Runtime computes it, so that results have its bits. Operators that only move numbers (reshape,
// transpose, slice, max_pool2d …) are done on u8, and the dequantize moves behind them.
#include "passes/passes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// What `v` was dequantized from; NULL if it was not. A constant gives its integers where they are
// u8 of one scale.
static mite_ir_value *quantized(const mite_ir_value *v) {
    if (!v) return NULL;
    if (v->producer && mite_ir_is(v->producer, "dequantize")) {
        mite_ir_value *q = mite_ir_resolve(v->producer->inputs[0]);
        return q->dtype == MITE_U8 ? q : NULL;
    }
    mite_ir_value *q = v->data ? v->origin : NULL;
    if (!q || !q->data || q->dtype != MITE_U8 || q->quant_count != 1) return NULL;
    q->scale = q->scales[0];
    q->zero_point = q->zero_points[0];
    return q;
}

static bool same_quantization(const mite_ir_value *a, const mite_ir_value *b) {
    return a->dtype == b->dtype && a->scale == b->scale && a->zero_point == b->zero_point;
}

// --- Operators with weights ---------------------------------------------------------------------

// The i8 integers of the weights, if they are symmetric, with one scale or one for each column.
static mite_ir_value *integer_weights(const mite_ir_node *node) {
    const mite_ir_value *w = node->inputs[MITE_IN_WEIGHTS];
    mite_ir_value *q = w->data ? w->origin : NULL;
    int32_t axis = mite_ir_is(node, "depthwise_conv2d") ? 3 : 0;
    if (!q || !q->data || q->dtype != MITE_I8 || !q->quant_count) return NULL;
    if (q->quant_count > 1 && (q->axis != axis || q->quant_count != (size_t)mite_columns(node))) {
        return NULL;
    }
    for (size_t i = 0; i < q->quant_count; i++) {
        if (q->zero_points[i]) return NULL;
    }
    return q;
}

static float weight_scale(const mite_ir_value *q, size_t column) {
    return q->scales[q->quant_count > 1 ? column : 0];
}

// Was the bias stored as integers of the scale that sums have here?
static bool has_scale(const mite_ir_value *b, size_t column, double scale) {
    const mite_ir_value *q = b->origin;
    if (!q || !q->data || q->dtype != MITE_I32 || !q->quant_count) return false;
    double s = (double)q->scales[q->quant_count > 1 ? column : 0];
    return q->zero_points[q->quant_count > 1 ? column : 0] == 0 && fabs(s - scale) <= 1e-4 * scale;
}

// i32 bias with the input's zero point taken off; NULL where it does not fit.
static mite_ir_value *integer_bias(mite_ir_graph *g, const mite_ir_node *node,
                                   const mite_ir_value *x, const mite_ir_value *w) {
    const mite_ir_value *b = node->inputs[MITE_IN_BIAS];
    int32_t columns = mite_columns(node);
    if (!mite_ir_is_constant(b) || b->dtype != MITE_F32) return NULL;
    mite_ir_value *out = mite_ir_constant(g, b->name, MITE_I32, 1, &columns);
    int64_t *sums = mite_ir_alloc(g, (size_t)columns, sizeof *sums);
    if (!out || !sums) return NULL;
    for (size_t i = 0; i < mite_ir_elements(w); i++) {
        sums[mite_column_of(node, i)] += ((const int8_t *)w->data)[i];
    }
    for (size_t n = 0; n < (size_t)columns; n++) {
        double scale = (double)x->scale * (double)weight_scale(w, n);
        double real = has_scale(b, n, scale)
                          ? (double)((const int32_t *)b->origin->data)[n]
                          : nearbyint((double)((const float *)b->data)[n] / scale);
        double whole = real - (double)x->zero_point * (double)sums[n];
        if (!(fabs(whole) <= INT32_MAX)) return NULL;
        ((int32_t *)out->data)[n] = (int32_t)whole;
    }
    return out;
}

// The kernels round exactly where |sum * multiplier| < 2^22, and a sum must fit 32 bits, whatever
// inputs of 0 to 255 are met. A bias at the very end of its type (quantizers give it to channels
// whose weights are almost nothing) moves in by what the weights can add; false where that would
// be more than a thousandth of it.
static bool fit_sums(mite_ir_graph *g, const mite_ir_node *node, const mite_ir_value *w,
                     mite_ir_value *bias, const mite_ir_value *multiplier, bool rounds) {
    size_t columns = mite_ir_elements(bias);
    int64_t *low = mite_ir_alloc(g, columns, sizeof *low);
    int64_t *high = mite_ir_alloc(g, columns, sizeof *high);
    if (!low || !high) return false;
    for (size_t i = 0; i < mite_ir_elements(w); i++) {
        int64_t q = ((const int8_t *)w->data)[i];
        *(q < 0 ? &low[mite_column_of(node, i)] : &high[mite_column_of(node, i)]) += 255 * q;
    }
    for (size_t n = 0; n < columns; n++) {
        int64_t b = ((const int32_t *)bias->data)[n], moved = b;
        double m = (double)((const float *)multiplier->data)[n];
        if (moved < INT32_MIN - low[n]) moved = INT32_MIN - low[n];
        if (moved > INT32_MAX - high[n]) moved = INT32_MAX - high[n];
        if (llabs(moved - b) > llabs(b) / 1000) return false;
        double most = fmax(fabs((double)(moved + low[n])), fabs((double)(moved + high[n])));
        // Written so that an infinite multiplier fails too.
        if (!(m < INFINITY) || (rounds && !(most * m < 0x1p22))) return false;
        ((int32_t *)bias->data)[n] = (int32_t)moved;
    }
    return true;
}

// `out` NULL: f32 output. Returns the new operator's output.
static mite_ir_value *emit_integer(mite_ir_graph *g, const mite_ir_node *node,
                                   const mite_ir_value *out) {
    mite_ir_value *x = quantized(node->inputs[MITE_IN_X]), *w = integer_weights(node);
    int32_t columns = mite_columns(node);
    if (!x || mite_ir_is_constant(x) || !w || mite_ir_input_of(node, MITE_IN_RESIDUAL)) {
        return NULL;
    }
    mite_ir_value *bias = integer_bias(g, node, x, w);
    if (!bias) return NULL;
    mite_ir_value *multiplier = mite_ir_constant(g, node->name, MITE_F32, 1, &columns);
    for (size_t n = 0; multiplier && n < (size_t)columns; n++) {
        float m = x->scale * weight_scale(w, n);
        ((float *)multiplier->data)[n] = out ? m / out->scale : m;
    }
    if (!multiplier || !fit_sums(g, node, w, bias, multiplier, out != NULL)) return NULL;
    return MITE_IR_EMIT(g, .op = node->op->name, .name = node->name,
                        .inputs = {x, w, bias, multiplier}, .copy_attrs = node,
                        .dtype = out ? MITE_U8 : MITE_F32, .scale = out ? out->scale : 0,
                        .zero_point = out ? out->zero_point : 0);
}

// --- Operators without ---------------------------------------------------------------------------

static bool is_mover(const mite_ir_node *node) {
    return mite_ir_is(node, "reshape") || mite_ir_is(node, "transpose") ||
           mite_ir_is(node, "max_pool2d") || mite_ir_is(node, "concat") ||
           (mite_ir_is(node, "pad") && mite_ir_float(node, "value") == 0) ||
           (mite_ir_is(node, "resize") && mite_ir_int(node, "mode") == 0);
}

// The same of the first input alone; the others say what is moved.
static bool moves_first(const mite_ir_node *node) {
    static const char *const names[] = {"slice",           "split",     "gather",
                                        "gather_elements", "gather_nd", "reshape_to",
                                        "squeeze",         "unsqueeze", "flatten"};
    return MITE_IR_IS_ONE_OF(node, names);
}

static bool is_global_pool(const mite_ir_node *node) {
    size_t count;
    const int32_t *axes = mite_ir_attr_words(node, "axes", &count);
    const mite_ir_value *x = node->inputs[0];
    return mite_ir_is(node, "mean") && x->rank == 4 && mite_ir_int(node, "axis_count") == 2 &&
           axes[0] + axes[1] == 3 && axes[0] * axes[1] == 2 &&
           (int64_t)x->shape[1] * x->shape[2] <= 1 << 16;
}

// Has the runtime this operator for u8 with any quantization of input and output?
static bool has_u8_form(const mite_ir_node *node) {
    bool unary =
        mite_is_unary(node) && !mite_ir_is(node, "quantize") && !mite_ir_is(node, "dequantize");
    return unary || mite_is_binary(node) || is_global_pool(node) ||
           mite_ir_is(node, "average_pool2d") || mite_ir_is(node, "softmax") ||
           mite_ir_is(node, "concat");
}

// The same operator on the integers of all its inputs; NULL where one has none.
static mite_ir_value *emit_on_u8(mite_ir_graph *g, const mite_ir_node *node,
                                 const mite_ir_value *out) {
    mite_ir_value **in = mite_ir_alloc(g, node->input_count, sizeof *in);
    bool all_constant = true;
    for (size_t i = 0; in && i < node->input_count; i++) {
        in[i] = quantized(node->inputs[i]);
        // A far larger scale would leave the range in which the kernels round exactly.
        if (!in[i] || !(in[i]->scale / out->scale < 8192)) return NULL;
        all_constant = all_constant && mite_ir_is_constant(in[i]);
    }
    if (!in || all_constant) return NULL;
    return MITE_IR_EMIT(g, .op = node->op->name, .name = node->name, .input_list = in,
                        .input_count = node->input_count, .copy_attrs = node, .dtype = MITE_U8,
                        .scale = out->scale, .zero_point = out->zero_point);
}

static bool absorb_if(mite_ir_value *made, mite_ir_node *after) {
    if (!made) return false;
    mite_ir_absorb(made->producer, after);
    return true;
}

// quantize(reshape(x)) -> reshape(quantize(x)): what computes x may then give u8.
static bool quantize_before(mite_ir_graph *g, mite_ir_node *node, const mite_ir_node *reshape) {
    mite_ir_value *out = node->output;
    mite_ir_value *q =
        MITE_IR_EMIT(g, .op = "quantize", .name = node->name, .inputs = {reshape->inputs[0]},
                     .dtype = MITE_U8, .scale = out->scale, .zero_point = out->zero_point);
    return absorb_if(MITE_IR_EMIT(g, .op = "reshape", .name = reshape->name, .inputs = {q},
                                  .copy_attrs = reshape, .dtype = MITE_U8, .scale = out->scale,
                                  .zero_point = out->zero_point),
                     node);
}

static bool visit_quantize(mite_ir_graph *g, mite_ir_node *node) {
    mite_ir_value *x = quantized(node->inputs[0]), *out = node->output;
    if (out->dtype != MITE_U8) return false;
    if (x && !mite_ir_is_constant(x)) { // quantize(dequantize(x))
        if (same_quantization(x, out)) {
            mite_ir_replace(out, x);
            mite_ir_kill(node);
        } else {
            mite_ir_set_input(g, node, 0, x);
        }
        return true;
    }
    const mite_ir_node *before = mite_ir_sole_producer(node->inputs[0]);
    if (!before || before->output->dtype != MITE_F32) return false;
    if (mite_has_weights(before)) return absorb_if(emit_integer(g, before, out), node);
    if (has_u8_form(before)) return absorb_if(emit_on_u8(g, before, out), node);
    if (mite_ir_is(before, "reshape")) return quantize_before(g, node, before);
    if (mite_ir_is(before, "resize") && quantized(before->inputs[0]) &&
        same_quantization(quantized(before->inputs[0]), out)) {
        return absorb_if(emit_on_u8(g, before, out), node);
    }
    return false;
}

// Moves the dequantize behind an operator that only moves numbers.
static bool visit_mover(mite_ir_graph *g, mite_ir_node *node) {
    const mite_ir_value *first = quantized(node->inputs[0]);
    if (!first || node->output->dtype != MITE_F32) return false;
    for (size_t i = 1; i < node->input_count; i++) {
        const mite_ir_value *x = quantized(node->inputs[i]);
        if (!x || !same_quantization(x, first)) return false;
    }
    mite_ir_value *y = emit_on_u8(g, node, first);
    if (!y) return false;
    mite_ir_value *real =
        MITE_IR_EMIT(g, .op = "dequantize", .name = node->name, .inputs = {y}, .dtype = MITE_F32);
    return absorb_if(real, node);
}

static bool visit_first_mover(mite_ir_graph *g, mite_ir_node *node) {
    mite_ir_value *x = quantized(node->inputs[0]);
    if (!x || mite_ir_is_constant(x)) return false;
    mite_ir_value **in = mite_ir_alloc(g, node->input_count, sizeof *in);
    mite_dtype *types = mite_ir_alloc(g, node->output_count, sizeof *types);
    if (!in || !types) return false;
    memcpy(in, node->inputs, node->input_count * sizeof *in);
    in[0] = x;
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i]->dtype != MITE_F32) return false;
        types[i] = MITE_U8;
    }
    mite_ir_value *y =
        MITE_IR_EMIT(g, .op = node->op->name, .name = node->name, .input_list = in,
                     .input_count = node->input_count, .copy_attrs = node, .dtype = MITE_U8,
                     .more_dtypes = types, .more_outputs = node->output_count - 1,
                     .scale = x->scale, .zero_point = x->zero_point);
    for (size_t i = 0; y && i < node->output_count; i++) {
        mite_ir_value *real = MITE_IR_EMIT(g, .op = "dequantize", .name = node->name,
                                           .inputs = {mite_ir_output_at(y, i)}, .dtype = MITE_F32);
        if (!real) return false;
        mite_ir_replace(node->outputs[i], real);
    }
    if (y) mite_ir_kill(node);
    return y != NULL;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    if (mite_ir_is(node, "quantize")) return visit_quantize(g, node);
    if (moves_first(node)) return visit_first_mover(g, node);
    return is_mover(node) && visit_mover(g, node);
}

// Results that stay real, such as logits. Only once nothing else changes: until then the quantize
// that makes a result u8 may still stand behind a transpose or a clamp.
static bool visit_last(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    if (!mite_ir_is(node, "conv2d") && !mite_ir_is(node, "dense")) return false;
    if (node->inputs[MITE_IN_X]->dtype != MITE_F32) return false;
    return absorb_if(emit_integer(g, node, NULL), node);
}

bool mite_pass_fuse_qdq(mite_ir_graph *g) {
    bool changed = false;
    for (int round = 0; round < 16 && mite_ir_rewrite(g, visit, NULL); round++) changed = true;
    return changed;
}

bool mite_pass_real_results(mite_ir_graph *g) { return mite_ir_rewrite(g, visit_last, NULL); }
