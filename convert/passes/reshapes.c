// SPDX-License-Identifier: Apache-2.0
// A reshape of a reshape needs only the last shape; one to the shape that is there does nothing.
#include "passes/passes.h"

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    if (!mite_ir_is(node, "reshape")) return false;
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
