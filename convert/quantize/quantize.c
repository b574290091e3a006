// SPDX-License-Identifier: Apache-2.0
// Writes the decisions of calibration into the graph the way quantized models from elsewhere spell
// them: quantize -> dequantize on every value that is to be u8, and weights that remember the
// integers they stand for. The pass fuse_qdq then makes integer operators of it, as it does for
// any such model.
#include "quantize/quantize.h"

#include "passes/passes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- Which values become u8 ---------------------------------------------------------------------

// Operators that only move numbers: what comes out is as quantized as what goes in.
static bool moves(const mite_ir_node *node) {
    return mite_ir_is(node, "reshape") || mite_ir_is(node, "transpose") ||
           mite_ir_is(node, "max_pool2d") ||
           (mite_ir_is(node, "pad") && mite_ir_float(node, "value") == 0.0f) ||
           (mite_ir_is(node, "resize") && mite_ir_int(node, "mode") == 0);
}

static bool is_global_mean(const mite_ir_node *node) {
    size_t count;
    const int32_t *axes = mite_ir_attr_words(node, "axes", &count);
    return mite_ir_is(node, "mean") && node->inputs[0]->rank == 4 &&
           mite_ir_int(node, "axis_count") == 2 && axes[0] + axes[1] == 3 && axes[0] * axes[1] == 2;
}

// Operators without weights that lose little in u8.
static bool suits_u8(const mite_ir_node *node) {
    static const char *const names[] = {"add",        "mul",  "average_pool2d", "concat",
                                        "clamp",      "tanh", "sigmoid",        "hard_sigmoid",
                                        "hard_swish", "silu", "leaky_relu"};
    return MITE_IR_IS_ONE_OF(node, names) || is_global_mean(node);
}

static bool has_constant_weights(const mite_ir_node *node) {
    return mite_has_weights(node) && !mite_quantizes_rows(node) &&
           mite_ir_is_constant(node->inputs[MITE_IN_WEIGHTS]) &&
           mite_ir_is_constant(node->inputs[MITE_IN_BIAS]) && node->output->dtype == MITE_F32;
}

typedef struct quantizer {
    mite_calibration c;
    uint8_t *wanted; // [value_count]: an integer operator reads this value
    mite_ir_value **real; // [value_count]: the value after quantize and dequantize, once made
    size_t at;            // index of the node being rewritten
} quantizer;

// Convolutions and dense layers can give real numbers, so they need no integer reader; the others
// are worth it only between integer operators.
static bool is_quantized(const quantizer *q, const mite_ir_node *node) {
    bool wanted = q->wanted[node->output->mark];
    if (has_constant_weights(node)) return wanted || !mite_ir_is(node, "depthwise_conv2d");
    return wanted && (suits_u8(node) || moves(node));
}

static void find_wanted(quantizer *q) {
    for (size_t i = q->c.g->node_count; i-- > 0;) {
        const mite_ir_node *node = q->c.g->nodes[i];
        if (!is_quantized(q, node)) continue;
        size_t inputs = has_constant_weights(node) ? 1 : node->input_count;
        for (size_t k = 0; k < inputs; k++)
            if (node->inputs[k] && node->inputs[k]->dtype == MITE_F32)
                q->wanted[node->inputs[k]->mark] = 1;
    }
}

// --- Weights ------------------------------------------------------------------------------------

// Between OHWI or [1,KH,KW,C] and rows of one output channel each.
static size_t element_of(const mite_ir_node *node, size_t row, size_t k, size_t depth) {
    if (mite_ir_is(node, "depthwise_conv2d")) return k * (size_t)mite_columns(node) + row;
    return row * depth + k;
}

typedef struct rows {
    size_t count, depth;
    float *w;      // [count][depth]
    int8_t *q;     // the same, rounded
    float *scales; // [count]
} rows;

// Sums are i32 in units of input scale times weight scale. A channel of next to no weights but with
// a bias (there are such, pruned by training) needs a scale in which its bias fits.
#define LARGEST_BIAS 268435456.0f // 2^28

static void set_least_scales(const quantizer *q, const mite_ir_node *node, rows *r) {
    const float *bias = node->inputs[MITE_IN_BIAS]->data;
    bool real_bias = mite_quantizes_rows(node);
    for (size_t i = 0; i < r->count; i++) {
        float least = 0;
        if (!real_bias)
            least =
                fabsf(bias[i]) / (q->c.ranges[node->inputs[MITE_IN_X]->mark].scale * LARGEST_BIAS);
        r->scales[i] = least > 1e-12f ? least : 1e-12f;
    }
}

static bool round_rows(const quantizer *q, const mite_ir_node *node, const mite_moments *m,
                       rows *r) {
    bool pair_safe = !q->c.options->full_range_weights;
    set_least_scales(q, node, r);
    if (!mite_ir_is(node, "depthwise_conv2d"))
        return mite_round_weights(r->q, r->scales, r->w, r->count, r->depth, m, 0, pair_safe);
    for (size_t i = 0; i < r->count; i++) {
        // Depthwise kernels multiply in 16 bits and need no pairs to be safe.
        if (!mite_round_weights(r->q + i * r->depth, r->scales + i, r->w + i * r->depth, 1,
                                r->depth, m, i, false))
            return false;
    }
    return true;
}

// What rounding weights and inputs adds to the mean of each output is taken off its bias.
static void correct_bias(float *bias, const mite_moments *m, const rows *r) {
    for (size_t i = 0; m && i < r->count; i++) {
        const double *mean_f = m->mean_f + (m->sets > 1 ? i * m->depth : 0);
        const double *mean_q = m->mean_q + (m->sets > 1 ? i * m->depth : 0);
        double sum = 0.0;
        for (size_t k = 0; k < r->depth; k++) {
            double exact = (double)r->w[i * r->depth + k] * mean_f[k];
            sum += exact - (double)r->q[i * r->depth + k] * (double)r->scales[i] * mean_q[k];
        }
        bias[i] = (float)((double)bias[i] + sum);
    }
}

static void set_constants(quantizer *q, mite_ir_node *node, const mite_moments *m, const rows *r) {
    mite_ir_graph *g = q->c.g;
    const mite_ir_value *w = node->inputs[MITE_IN_WEIGHTS], *b = node->inputs[MITE_IN_BIAS];
    mite_ir_value *whole = mite_ir_constant(g, w->name, MITE_I8, (size_t)w->rank, w->shape);
    mite_ir_value *real = mite_ir_constant(g, w->name, MITE_F32, (size_t)w->rank, w->shape);
    mite_ir_value *bias = mite_ir_floats(g, b->name, b->data, r->count);
    int32_t *zeros = mite_ir_alloc(g, r->count, sizeof *zeros);
    if (!whole || !real || !bias || !zeros) return;
    for (size_t i = 0; i < r->count; i++) {
        for (size_t k = 0; k < r->depth; k++) {
            size_t to = element_of(node, i, k, r->depth);
            ((int8_t *)whole->data)[to] = r->q[i * r->depth + k];
            ((float *)real->data)[to] = (float)r->q[i * r->depth + k] * r->scales[i];
        }
    }
    int32_t axis = mite_ir_is(node, "depthwise_conv2d") ? 3 : 0;
    mite_ir_set_quant(g, whole, r->count, axis, r->scales, zeros);
    real->origin = whole;
    correct_bias(bias->data, m, r);
    mite_ir_set_input(g, node, MITE_IN_WEIGHTS, real);
    mite_ir_set_input(g, node, MITE_IN_BIAS, bias);
}

static void set_rows(quantizer *q, mite_ir_node *node, const mite_moments *m, const rows *r) {
    const mite_ir_value *b = node->inputs[MITE_IN_BIAS];
    mite_ir_value *bias = mite_ir_floats(q->c.g, b->name, b->data, r->count);
    if (bias) correct_bias(bias->data, m, r);
    mite_ir_value *y = mite_rows_of(q->c.g, node, r->q, r->scales, bias);
    if (y) mite_ir_absorb(y->producer, node);
}

static void quantize_weights(quantizer *q, mite_ir_node *node) {
    static const mite_moments none = {0};
    const mite_ir_value *w = node->inputs[MITE_IN_WEIGHTS];
    const mite_moments *m = q->c.moments ? &q->c.moments[q->at] : &none;
    size_t elements = mite_ir_elements(w);
    rows r = {.count = (size_t)mite_columns(node)};
    r.depth = elements / r.count;
    r.w = malloc(elements * sizeof *r.w + 1);
    r.q = malloc(elements + 1);
    r.scales = malloc(r.count * sizeof *r.scales);
    bool ok = r.w && r.q && r.scales;
    for (size_t i = 0; ok && i < r.count; i++)
        for (size_t k = 0; k < r.depth; k++)
            r.w[i * r.depth + k] = ((const float *)w->data)[element_of(node, i, k, r.depth)];
    if (!m->mean_f) m = NULL;
    if (ok && round_rows(q, node, m, &r))
        (mite_quantizes_rows(node) ? set_rows : set_constants)(q, node, m, &r);
    else mite_ir_fail(q->c.g, MITE_ERR_MEMORY, "not enough memory to quantize %q", node->name);
    free(r.w);
    free(r.q);
    free(r.scales);
}

// --- Values -------------------------------------------------------------------------------------

// The value as it is after quantize and dequantize. What a mover gives is quantized already.
static mite_ir_value *quantized_value(quantizer *q, mite_ir_value *v) {
    uint32_t index = v->mark;
    if (v->dtype != MITE_F32 || mite_ir_is_constant(v) || !q->wanted[index]) return v;
    if (v->producer && moves(v->producer)) return v;
    if (q->real[index]) return q->real[index];
    const mite_range *r = &q->c.ranges[index];
    mite_ir_value *whole =
        MITE_IR_EMIT(q->c.g, .op = "quantize", .name = v->name, .inputs = {v}, .dtype = MITE_U8,
                     .scale = r->scale, .zero_point = r->zero_point);
    mite_ir_value *real = MITE_IR_EMIT(q->c.g, .op = "dequantize", .name = v->name,
                                       .inputs = {whole}, .dtype = MITE_F32);
    if (!real) return v;
    whole->mark = real->mark = index; // both are the value
    return q->real[index] = real;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    quantizer *q = context;
    if (mite_quantizes_rows(node)) {
        quantize_weights(q, node);
    } else if (mite_ir_is(node, "dense_attention")) {
        mite_ir_value *y = mite_attention_in_integers(g, node);
        if (y) mite_ir_absorb(y->producer, node);
    } else if (q->wanted && is_quantized(q, node)) {
        bool weights = has_constant_weights(node);
        for (size_t k = 0; k < (weights ? 1 : node->input_count); k++)
            if (node->inputs[k]) mite_ir_set_input(g, node, k, quantized_value(q, node->inputs[k]));
        if (weights) quantize_weights(q, node);
    }
    q->at++;
    return true;
}

void mite_quantize(mite_ir_graph *g, const mite_quantize_options *options) {
    quantizer q = {.c = {.g = g, .options = options}};
    if (!mite_ir_ok(g)) return;
    if (!options->sample_count) {
        bool any = false;
        for (size_t i = 0; i < g->node_count; i++)
            any = any || mite_quantizes_rows(g->nodes[i]) ||
                  mite_ir_is(g->nodes[i], "dense_attention");
        if (any) mite_ir_rewrite(g, visit, &q);
        else
            mite_ir_fail(
                g, MITE_ERR_ARGUMENT,
                "quantization needs at least one example input (examples; --calibrate DIR)");
        return;
    }
    for (size_t k = 0; k < g->input_count; k++) {
        if (g->inputs[k].value->dtype == MITE_F32) continue;
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED, "input %q is not f32: only f32 models are quantized",
                     g->inputs[k].name);
        return;
    }
    if (mite_calibrate(&q.c)) {
        q.wanted = calloc(q.c.value_count + 1, sizeof *q.wanted);
        q.real = calloc(q.c.value_count + 1, sizeof *q.real);
        if (q.wanted && q.real) {
            find_wanted(&q);
            mite_ir_rewrite(g, visit, &q);
        } else {
            mite_ir_fail(g, MITE_ERR_MEMORY, "not enough memory to quantize the model");
        }
    }
    free(q.wanted);
    free(q.real);
    mite_calibration_free(&q.c);
}
