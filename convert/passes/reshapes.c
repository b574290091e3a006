// SPDX-License-Identifier: Apache-2.0
// A reshape of a reshape needs only the last shape; one to the shape that is there does nothing.
// Operators that work the same shape out in a run become reshapes where it is known already: those
// the core has, the others only mite-more.wasm.
#include "passes/passes.h"

static bool visit_general(mite_ir_graph *g, mite_ir_node *node) {
    if (!mite_ir_is(node, "reshape_to") && !mite_ir_is(node, "squeeze") &&
        !mite_ir_is(node, "unsqueeze") && !mite_ir_is(node, "flatten"))
        return false;
    mite_ir_value *x = node->inputs[0];
    const mite_ir_value *out = node->output;
    if (!mite_ir_is_fixed(x) || !mite_ir_is_fixed(out)) return false;
    mite_ir_value *r =
        MITE_IR_EMIT(g, .op = "reshape", .name = node->name, .inputs = {x},
                     .attrs = {{"rank", .word = out->rank},
                               {"shape", .list = out->shape, .list_count = (size_t)out->rank}},
                     .scale = x->scale, .zero_point = x->zero_point);
    if (!r) return false;
    mite_ir_absorb(r->producer, node);
    return true;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    if (!mite_ir_is(node, "reshape")) return visit_general(g, node);
    mite_ir_node *before = node->inputs[0]->producer;
    bool changed = false;
    if (before && mite_ir_is(before, "reshape")) {
        mite_ir_set_input(g, node, 0, before->inputs[0]);
        changed = true;
    }
    if (!mite_ir_is_fixed(node->inputs[0]) || !mite_ir_same_shape(node->inputs[0], node->output))
        return changed;
    mite_ir_replace(node->output, node->inputs[0]);
    mite_ir_kill(node);
    return true;
}

bool mite_pass_reshapes(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
