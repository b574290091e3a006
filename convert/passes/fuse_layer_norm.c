// SPDX-License-Identifier: Apache-2.0
// Layer normalization over the last dimension, written out:
//
//   d = sub(x, mean(x)); y = div(d, sqrt(add(mean(mul(d, d)), e)))   ->   y = layer_norm(x)
//   mul(layer_norm(x), s), add(layer_norm(x, s), t)                  ->   layer_norm(x, s, t)
//
// d may also be multiplied by the reciprocal of the root.
#include "passes/match.h"

enum { X, SCALE, SHIFT };

static bool is_mean_of_last(const mite_ir_node *node) {
    size_t count;
    const mite_ir_value *x = node->inputs[0];
    const int32_t *axes = mite_ir_attr_words(node, "axes", &count);
    return mite_ir_int(node, "axis_count") == 1 && mite_ir_int(node, "keep_dims") &&
           (axes[0] == -1 || axes[0] == x->rank - 1);
}

static mite_ir_node *mean_of_last(mite_ir_value *v) {
    mite_ir_node *node = mite_made_by(v, "mean");
    return node && is_mean_of_last(node) ? node : NULL;
}

// x, where v = x - mean(x).
static mite_ir_value *centered(mite_ir_value *v) {
    mite_ir_node *sub = mite_made_by(v, "sub");
    mite_ir_node *mean = sub && mite_is_unclamped(sub) ? mean_of_last(sub->inputs[1]) : NULL;
    mite_ir_value *x = sub ? mite_operand(sub, 0) : NULL;
    return mean && mite_operand(mean, 0) == x ? x : NULL;
}

// Whether v = sqrt(variance of x + epsilon).
static bool is_deviation(mite_ir_value *v, const mite_ir_value *x, double *epsilon) {
    mite_ir_node *root = mite_made_by(v, "sqrt");
    mite_ir_node *add = root ? mite_made_by(root->inputs[0], "add") : NULL;
    mite_ir_value *variance = add ? mite_with_number(add, epsilon) : NULL;
    mite_ir_node *mean = variance ? mean_of_last(variance) : NULL;
    mite_ir_node *square = mean ? mite_made_by(mean->inputs[0], "mul") : NULL;
    return square && mite_is_unclamped(square) && centered(square->inputs[0]) == x &&
           centered(square->inputs[1]) == x && *epsilon >= 0;
}

// Whether v = 1 / deviation.
static bool is_inverse_deviation(mite_ir_value *v, const mite_ir_value *x, double *epsilon) {
    double one;
    mite_ir_node *by = mite_made_by(v, "reciprocal");
    if (by) return is_deviation(by->inputs[0], x, epsilon);
    by = mite_made_by(v, "div");
    return by && mite_number(mite_operand(by, 0), &one) && one == 1 &&
           is_deviation(by->inputs[1], x, epsilon);
}

static mite_ir_value *normalized(mite_ir_graph *g, const mite_ir_node *node) {
    double epsilon;
    for (size_t k = 0; k < 2; k++) {
        mite_ir_value *x = centered(node->inputs[k]);
        if (!x || !mite_ir_same_shape(x, node->output)) continue;
        if (mite_ir_is(node, "div") ? k == 0 && is_deviation(node->inputs[1], x, &epsilon)
                                    : is_inverse_deviation(node->inputs[1 - k], x, &epsilon))
            return MITE_IR_EMIT(g, .op = "layer_norm", .name = node->name, .inputs = {x},
                                .attrs = {{"epsilon", .word = mite_ir_bits((float)epsilon)}});
    }
    return NULL;
}

// One number for each place along the last dimension.
static bool is_row(const mite_ir_value *v, const mite_ir_value *x) {
    return v->dtype == MITE_F32 && v->rank >= 1 && v->rank <= x->rank &&
           v->shape[v->rank - 1] == x->shape[x->rank - 1] &&
           mite_ir_elements(v) == (size_t)x->shape[x->rank - 1];
}

// Takes a scale or a shift into the layer_norm before it.
static mite_ir_value *extended(mite_ir_graph *g, const mite_ir_node *node) {
    bool adds = mite_ir_is(node, "add");
    for (size_t k = 0; k < 2; k++) {
        mite_ir_value *row = mite_operand(node, 1 - k);
        mite_ir_node *norm = mite_made_by(node->inputs[k], "layer_norm");
        if (!norm || !mite_ir_sole_producer(norm->output) || mite_ir_input_of(norm, SHIFT) ||
            (!adds && mite_ir_input_of(norm, SCALE)) || !is_row(row, norm->output) ||
            !mite_ir_same_shape(norm->output, node->output))
            continue;
        mite_ir_value *scale = adds ? mite_ir_input_of(norm, SCALE) : row;
        return MITE_IR_EMIT(g, .op = "layer_norm", .name = norm->name,
                            .inputs = {norm->inputs[X], scale, adds ? row : NULL},
                            .copy_attrs = norm);
    }
    return NULL;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    bool mul = mite_ir_is(node, "mul"), div = mite_ir_is(node, "div");
    if ((!mul && !div && !mite_ir_is(node, "add")) || node->output->dtype != MITE_F32 ||
        node->output->rank < 1 || !mite_is_unclamped(node))
        return false;
    mite_ir_value *y = mul || div ? normalized(g, node) : NULL;
    if (!y && !div && mite_ir_ok(g)) y = extended(g, node);
    if (!y) return false;
    mite_ir_absorb(y->producer, node);
    return true;
}

bool mite_pass_fuse_layer_norm(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
