// SPDX-License-Identifier: Apache-2.0
// Multiplying or adding a constant per channel after a convolution or a dense layer goes into its
// weights and bias. This is what batch normalization looks like after import; where there is no
// convolution before it, mul and add stay.
//
//   y = add(mul(conv2d(x, w, b), s), t)   ->   y = conv2d(x, w * s, b * s + t)
#include "passes/passes.h"

#include <string.h>

// Is `c` one number, or one for each channel along the last dimension of y?
static bool is_per_channel(const mite_ir_value *c, const mite_ir_value *y) {
    if (!mite_ir_is_constant(c) || c->dtype != MITE_F32 || c->rank > y->rank) return false;
    size_t elements = mite_ir_elements(c);
    if (elements == 1) return true;
    return c->rank && c->shape[c->rank - 1] == y->shape[y->rank - 1] &&
           elements == (size_t)y->shape[y->rank - 1];
}

static double at(const mite_ir_value *c, size_t column) {
    return (double)((const float *)c->data)[mite_ir_elements(c) == 1 ? 0 : column];
}

// A constant of its own to change: others may read the old one.
static mite_ir_value *own_constant(mite_ir_graph *g, mite_ir_node *node, size_t index) {
    const mite_ir_value *old = node->inputs[index];
    mite_ir_value *v = mite_ir_constant(g, old->name, MITE_F32, (size_t)old->rank, old->shape);
    if (!v) return NULL;
    memcpy(v->data, old->data, old->bytes);
    mite_ir_set_input(g, node, index, v);
    return v;
}

static bool scale(mite_ir_graph *g, mite_ir_node *conv, const mite_ir_value *c, bool divide) {
    mite_ir_value *w = own_constant(g, conv, MITE_IN_WEIGHTS);
    mite_ir_value *b = own_constant(g, conv, MITE_IN_BIAS);
    if (!w || !b) return false;
    float *weights = w->data, *bias = b->data;
    for (size_t i = 0; i < mite_ir_elements(w); i++) {
        double s = at(c, mite_column_of(conv, i));
        weights[i] = (float)(divide ? (double)weights[i] / s : (double)weights[i] * s);
    }
    for (size_t i = 0; i < mite_ir_elements(b); i++) {
        bias[i] = (float)(divide ? (double)bias[i] / at(c, i) : (double)bias[i] * at(c, i));
    }
    return true;
}

static bool shift(mite_ir_graph *g, mite_ir_node *conv, const mite_ir_value *c, double sign) {
    mite_ir_value *b = own_constant(g, conv, MITE_IN_BIAS);
    if (!b) return false;
    float *bias = b->data;
    for (size_t i = 0; i < mite_ir_elements(b); i++) {
        bias[i] = (float)((double)bias[i] + sign * at(c, i));
    }
    return true;
}

static bool takes(const mite_ir_node *conv) {
    return conv && mite_has_weights(conv) && conv->output->dtype == MITE_F32 &&
           conv->inputs[MITE_IN_X]->dtype == MITE_F32 && mite_is_unclamped(conv) &&
           !mite_ir_input_of(conv, MITE_IN_RESIDUAL);
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    bool add = mite_ir_is(node, "add"), sub = mite_ir_is(node, "sub");
    bool mul = mite_ir_is(node, "mul"), div = mite_ir_is(node, "div");
    float lo, hi;
    (void)context;
    if (!add && !sub && !mul && !div) return false;
    size_t k = (add || mul) && mite_ir_is_constant(node->inputs[0]) ? 1 : 0; // the other: constant
    mite_ir_node *conv = mite_ir_sole_producer(node->inputs[k]);
    const mite_ir_value *c = node->inputs[1 - k];
    if (!takes(conv) || !is_per_channel(c, conv->output) ||
        !mite_ir_same_shape(conv->output, node->output)) {
        return false;
    }
    bool done = mul || div ? scale(g, conv, c, div) : shift(g, conv, c, sub ? -1.0 : 1.0);
    if (!done) return false;
    if (mite_clamp_of(node, &lo, &hi)) mite_set_clamp(conv, lo, hi);
    mite_ir_absorb(conv, node);
    return true;
}

bool mite_pass_fold_batch_norm(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
