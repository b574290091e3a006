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
    mite_dtype *types = mite_ir_alloc(t, node->output_count, sizeof *types);
    for (size_t i = 1; types && i < node->output_count; i++) types[i - 1] = node->outputs[i]->dtype;
    mite_ir_value *first =
        MITE_IR_EMIT(t, .op = node->op->name, .name = node->name, .input_list = in,
                     .input_count = node->input_count, .copy_attrs = node,
                     .dtype = node->output->dtype, .scale = node->output->scale,
                     .zero_point = node->output->zero_point, .more_dtypes = types,
                     .more_outputs = node->output_count - 1);
    for (size_t i = 0; i < node->output_count; i++)
        mite_ir_output(t, node->name, mite_ir_output_at(first, i));
    return t;
}

// Runs the graph on the node's constants and copies the results to `out`.
static bool run(mite_ir_graph *t, const mite_ir_node *node, mite_ir_value *const *out) {
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
        done = mite_run(s) == MITE_OK;
        for (size_t i = 0; done && i < node->output_count; i++) {
            const mite_tensor *result = mite_session_output(s, i);
            done = result->bytes == out[i]->bytes;
            if (done) memcpy(out[i]->data, result->data, result->bytes);
        }
    }
    mite_session_free(s);
    mite_lowered_free(&lowered);
    return done;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    if (mite_has_weights(node)) return false;
    for (size_t i = 0; i < node->output_count; i++) {
        if (mite_ir_elements(node->outputs[i]) > MAX_BYTES / 8) return false;
    }
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] && !mite_ir_is_constant(node->inputs[i])) return false;
    }
    mite_ir_value **results = mite_ir_alloc(g, node->output_count, sizeof(mite_ir_value *));
    for (size_t i = 0; results && i < node->output_count; i++) {
        const mite_ir_value *out = node->outputs[i];
        results[i] = mite_ir_constant(g, out->name, out->dtype, (size_t)out->rank, out->shape);
        if (!results[i]) return false;
        results[i]->scale = out->scale;
        results[i]->zero_point = out->zero_point;
    }
    mite_ir_graph *t = results ? alone(node, g->max_bytes) : NULL;
    bool done = t && mite_ir_ok(t) && run(t, node, results);
    mite_ir_free(t);
    if (!done) return false;
    for (size_t i = 0; i < node->output_count; i++) mite_ir_replace(node->outputs[i], results[i]);
    mite_ir_kill(node);
    return true;
}

bool mite_pass_fold_constants(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
