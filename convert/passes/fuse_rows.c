// SPDX-License-Identifier: Apache-2.0
// GELU before a layer that rounds its rows as they come is part of the rounding, as its results are
// read nowhere else:
//
//   y = dense_rows(gelu(x), …)   ->   y = dense_rows(x, …) gelu=1
#include "passes/match.h"

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    if (!mite_ir_is(node, "dense_rows") || mite_ir_int(node, "gelu")) return false;
    mite_ir_node *gelu = mite_ir_sole_producer(node->inputs[0]);
    if (!mite_ir_is(gelu, "gelu") || gelu->output->dtype != MITE_F32) return false;
    mite_ir_set_int(node, "gelu", mite_ir_int(gelu, "by_tanh") ? 2 : 1);
    mite_ir_set_input(g, node, 0, gelu->inputs[0]);
    return true;
}

bool mite_pass_fuse_rows(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
