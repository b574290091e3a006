// SPDX-License-Identifier: Apache-2.0
// A node whose inputs are all constant is run once, here, by the runtime itself.
#include "passes/passes.h"

#define MAX_BYTES ((size_t)64 << 20) // of a result; above it the node stays

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    if (mite_has_weights(node)) return false;
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i]->unknown || mite_ir_elements(node->outputs[i]) > MAX_BYTES / 8)
            return false;
    }
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] && !mite_ir_is_constant(node->inputs[i])) return false;
    }
    mite_ir_value **results = mite_ir_alloc(g, node->output_count, sizeof(mite_ir_value *));
    void **data = mite_ir_alloc(g, node->output_count, sizeof(void *));
    for (size_t i = 0; results && data && i < node->output_count; i++) {
        const mite_ir_value *out = node->outputs[i];
        results[i] = mite_ir_constant(g, out->name, out->dtype, (size_t)out->rank, out->shape);
        if (!results[i]) return false;
        results[i]->scale = out->scale;
        results[i]->zero_point = out->zero_point;
        data[i] = results[i]->data;
    }
    if (!results || !data || !mite_ir_run_node(g, node, false, data)) return false;
    mite_ir_keep_origin(g, node, results[0]);
    for (size_t i = 0; i < node->output_count; i++) mite_ir_replace(node->outputs[i], results[i]);
    mite_ir_kill(node);
    return true;
}

bool mite_pass_fold_constants(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
