// SPDX-License-Identifier: Apache-2.0
// Takes out nodes that nobody reads, and lets the data of constants go that nothing needs.
#include "passes/passes.h"

static bool is_used(const mite_ir_node *node) {
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i]->uses) return true;
    }
    return false;
}

static bool drop_nothing(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)g, (void)node, (void)context;
    return false;
}

bool mite_pass_dead_code(mite_ir_graph *g) {
    bool whole = !g->outside; // not a body in the graph's place
    bool changed = whole && mite_ir_sweep_bodies(g);
    for (size_t i = g->node_count; i-- > 0;) { // backwards: a dead node frees those before it
        mite_ir_node *node = g->nodes[i];
        if (node->dead || is_used(node)) continue;
        mite_ir_kill(node);
        changed = true;
    }
    mite_ir_rewrite(g, drop_nothing, NULL); // the list without the dead ones
    if (!whole) return changed;
    for (size_t i = 0; i < g->value_count; i++) g->values[i]->mark = 0;
    for (size_t i = 0; i < g->value_count; i++) {
        const mite_ir_value *v = g->values[i];
        if (!v->uses || !v->origin) continue;
        v->origin->mark = 1;
        if (v->origin->block_scales) v->origin->block_scales->mark = 1;
        if (v->origin->block_zeros) v->origin->block_zeros->mark = 1;
    }
    for (size_t i = 0; i < g->value_count; i++) {
        if (!g->values[i]->uses && !g->values[i]->mark) mite_ir_release(g, g->values[i]);
    }
    return changed;
}
