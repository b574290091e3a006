// SPDX-License-Identifier: Apache-2.0
// A clamp (ReLU, ReLU6, Clip) moves into the operator before it, if that can clamp: convolutions,
// dense, add, or another clamp. Clamps that limit nothing go.
//
//   y = clamp(conv2d(x, w, b)) lo=0 hi=6   ->   y = conv2d(x, w, b) clamp_lo=0 clamp_hi=6
#include "passes/passes.h"

static float limited(float x, float lo, float hi) { return x < lo ? lo : x > hi ? hi : x; }

static bool same_quantization(const mite_ir_value *a, const mite_ir_value *b) {
    return a->dtype == b->dtype && a->scale == b->scale && a->zero_point == b->zero_point;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    float lo, hi, before_lo, before_hi;
    (void)g, (void)context;
    if (!mite_ir_is(node, "clamp") || !mite_clamp_of(node, &lo, &hi)) return false;
    if (!same_quantization(node->inputs[0], node->output)) return false;
    if (mite_is_unclamped(node)) {
        mite_ir_replace(node->output, node->inputs[0]);
        mite_ir_kill(node);
        return true;
    }
    mite_ir_node *before = mite_ir_sole_producer(node->inputs[0]);
    if (!before || !mite_clamp_of(before, &before_lo, &before_hi)) return false;
    // clamp(clamp(x, a, b), lo, hi) = clamp(x, a limited to [lo, hi], b limited to [lo, hi])
    mite_set_clamp(before, limited(before_lo, lo, hi), limited(before_hi, lo, hi));
    mite_ir_absorb(before, node);
    return true;
}

bool mite_pass_fuse_activation(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
