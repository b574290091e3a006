// SPDX-License-Identifier: Apache-2.0
// A node whose inputs are all constant is run once, here, by the runtime itself.
#include "passes/passes.h"

#include "exec/session.h"
#include "lower.h"

#include <string.h>

#define MAX_BYTES ((size_t)64 << 20) // of a result; above it the node stays

// A graph of the one node, whose constants are inputs.
static mite_ir_graph *alone(const mite_ir_node *node, size_t max_bytes) {
    mite_ir_graph *t = mite_ir_new(max_bytes);
    if (!t) return NULL;
    mite_ir_value **in = mite_ir_alloc(t, node->input_count, sizeof *in);
    for (size_t i = 0; in && i < node->input_count; i++) {
        const mite_ir_value *v = node->inputs[i];
        if (!v) continue;
        in[i] = mite_ir_input(t, v->name, v->dtype, (size_t)v->rank, v->shape);
        if (!in[i]) continue;
        in[i]->scale = v->scale;
        in[i]->zero_point = v->zero_point;
    }
    mite_ir_output(t, node->name,
                   MITE_IR_EMIT(t, .op = node->op->name, .name = node->name, .input_list = in,
                                .input_count = node->input_count, .copy_attrs = node,
                                .dtype = node->output->dtype, .scale = node->output->scale,
                                .zero_point = node->output->zero_point));
    return t;
}

// Runs the graph on the node's constants and copies the result to `out`.
static bool run(mite_ir_graph *t, const mite_ir_node *node, mite_ir_value *out) {
    mite_error error = {MITE_OK, ""};
    mite_lowered lowered;
    mite_session *s = NULL;
    bool done = false;
    if (mite_lower(&lowered, t, &error)) return false;
    mite_session_options options = {.max_memory_bytes = t->max_bytes};
    if (mite_session_new_graph(&s, &lowered.graph, &options) == MITE_OK) {
        size_t at = 0;
        for (size_t i = 0; i < node->input_count; i++) {
            if (!node->inputs[i]) continue;
            memcpy(mite_session_input(s, at)->data, node->inputs[i]->data, node->inputs[i]->bytes);
            at++;
        }
        done = mite_run(s) == MITE_OK && mite_session_output(s, 0)->bytes == out->bytes;
        if (done) memcpy(out->data, mite_session_output(s, 0)->data, out->bytes);
    }
    mite_session_free(s);
    mite_lowered_free(&lowered);
    return done;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    const mite_ir_value *out = node->output;
    (void)context;
    if (mite_has_weights(node) || mite_ir_elements(out) > MAX_BYTES / 8) return false;
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] && !mite_ir_is_constant(node->inputs[i])) return false;
    }
    mite_ir_value *v = mite_ir_constant(g, node->name, out->dtype, (size_t)out->rank, out->shape);
    mite_ir_graph *t = v ? alone(node, g->max_bytes) : NULL;
    bool done = t && mite_ir_ok(t) && run(t, node, v);
    mite_ir_free(t);
    if (!done) return false;
    v->scale = out->scale;
    v->zero_point = out->zero_point;
    mite_ir_replace(node->output, v);
    mite_ir_kill(node);
    return true;
}

bool mite_pass_fold_constants(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
