// SPDX-License-Identifier: Apache-2.0
// The order of the passes, and what they share.
#include "passes/passes.h"

#include <math.h>
#include <string.h>

// Transposes first: afterwards constants per channel lie along the last dimension, where the
// folds look for them. Activations before quantization, so that a clamp is part of the operator
// that is quantized; padding and residuals also after it.
static mite_pass_fn *const order[] = {
    mite_pass_fold_constants,  mite_pass_identities,     mite_pass_common_nodes,
    mite_pass_volumes,         mite_pass_transposes,     mite_pass_reshapes,
    mite_pass_fold_batch_norm, mite_pass_fuse_products,  mite_pass_fuse_layer_norm,
    mite_pass_fuse_gelu,       mite_pass_fuse_attention, mite_pass_fold_pad,
    mite_pass_fuse_activation, mite_pass_fuse_qdq,       mite_pass_fuse_integer,
    mite_pass_fuse_rows,       mite_pass_fold_pad,       mite_pass_fuse_residual,
    mite_pass_dead_code,
};

#define MAX_ROUNDS 8 // real models settle in two or three

static void settle(mite_ir_graph *g, bool fuse_residuals) {
    for (size_t round = 0; round < MAX_ROUNDS && mite_ir_ok(g); round++) {
        bool changed = false;
        for (size_t i = 0; i < sizeof order / sizeof *order && mite_ir_ok(g); i++) {
            if (order[i] == mite_pass_fuse_residual && !fuse_residuals) continue;
            if (order[i](g)) changed = true;
        }
        if (!changed) return;
    }
}

// The graph, or a body in its place.
static void simplify(mite_ir_graph *g, void *context) {
    bool fuse_residuals = *(const bool *)context;
    settle(g, fuse_residuals);
    if (mite_ir_ok(g) && mite_pass_real_results(g)) settle(g, fuse_residuals);
    // Quantization after training wants plain weights.
    if (mite_ir_ok(g) && fuse_residuals) mite_pass_keep_quantized(g);
}

void mite_passes_run(mite_ir_graph *g, bool fuse_residuals) {
    mite_ir_each_scope(g, simplify, &fuse_residuals);
    mite_passes_finish(g);
}

void mite_passes_finish(mite_ir_graph *g) {
    if (mite_ir_ok(g)) mite_pass_dead_code(g);
    if (mite_ir_ok(g)) mite_pass_ports(g);
}

// --- Shared -------------------------------------------------------------------------------------

static const char *const clamp_names[][2] = {{"clamp_lo", "clamp_hi"}, {"lo", "hi"}};

static size_t clamp_name(const mite_ir_node *node) {
    size_t count;
    if (mite_ir_attr_words(node, clamp_names[0][0], &count)) return 0;
    return mite_ir_is(node, "clamp") ? 1 : 2;
}

bool mite_clamp_of(const mite_ir_node *node, float *lo, float *hi) {
    size_t k = clamp_name(node);
    *lo = k < 2 ? mite_ir_float(node, clamp_names[k][0]) : -INFINITY;
    *hi = k < 2 ? mite_ir_float(node, clamp_names[k][1]) : INFINITY;
    return k < 2;
}

void mite_set_clamp(mite_ir_node *node, float lo, float hi) {
    size_t k = clamp_name(node);
    if (k == 2) return;
    mite_ir_set_float(node, clamp_names[k][0], lo);
    mite_ir_set_float(node, clamp_names[k][1], hi);
}

bool mite_is_unclamped(const mite_ir_node *node) {
    float lo, hi;
    mite_clamp_of(node, &lo, &hi);
    const mite_ir_value *out = node->output;
    if (out->dtype == MITE_U8 && out->scale > 0) {
        // Limits that the type keeps anyway.
        return mite_quantize_u8(lo, out->scale, out->zero_point) == 0 &&
               mite_quantize_u8(hi, out->scale, out->zero_point) == 255;
    }
    return lo == -INFINITY && hi == INFINITY;
}

bool mite_has_weights(const mite_ir_node *node) {
    return mite_ir_is(node, "conv2d") || mite_ir_is(node, "depthwise_conv2d") ||
           mite_ir_is(node, "dense");
}

mite_ir_value *mite_ir_input_of(const mite_ir_node *node, size_t index) {
    return index < node->input_count ? node->inputs[index] : NULL;
}

int32_t mite_columns(const mite_ir_node *node) {
    return node->inputs[MITE_IN_WEIGHTS]->shape[mite_ir_is(node, "depthwise_conv2d") ? 3 : 0];
}

size_t mite_column_of(const mite_ir_node *node, size_t element) {
    const mite_ir_value *w = node->inputs[MITE_IN_WEIGHTS];
    size_t columns = (size_t)mite_columns(node);
    if (mite_ir_is(node, "depthwise_conv2d")) return element % columns;
    return element / (mite_ir_elements(w) / columns);
}

bool mite_is_unary(const mite_ir_node *node) {
    static const char *const names[] = {
        "clamp", "sigmoid", "hard_sigmoid", "hard_swish", "silu",       "leaky_relu", "tanh",
        "exp",   "sqrt",    "neg",          "abs",        "reciprocal", "quantize",   "dequantize"};
    return MITE_IR_IS_ONE_OF(node, names);
}

bool mite_is_binary(const mite_ir_node *node) {
    static const char *const names[] = {"add", "sub", "mul", "div", "min", "max", "prelu"};
    return MITE_IR_IS_ONE_OF(node, names);
}
