// SPDX-License-Identifier: Apache-2.0
// Running one node on numbers known at conversion.
#include "ir_private.h"

#include "exec/session.h"
#include "lower.h"

#include <string.h>

// A graph of the one node and its constants.
static mite_ir_graph *alone(const mite_ir_node *node, bool other, size_t max_bytes) {
    mite_ir_graph *t = mite_ir_new(max_bytes);
    if (!t) return NULL;
    t->trial = true;
    mite_ir_value **in = mite_ir_alloc(t, node->input_count, sizeof *in);
    for (size_t i = 0; in && i < node->input_count; i++) {
        const mite_ir_value *v = node->inputs[i];
        if (!v) continue;
        in[i] =
            mite_ir_constant(t, v->name, v->dtype, (size_t)v->rank, other ? v->other : v->shape);
        if (!in[i]) continue;
        memcpy(in[i]->data, v->data ? v->data : mite_ir_guess(v, other), in[i]->bytes);
        in[i]->scale = v->scale;
        in[i]->zero_point = v->zero_point;
    }
    mite_dtype *types = mite_ir_alloc(t, node->output_count, sizeof *types);
    for (size_t i = 1; types && i < node->output_count; i++) types[i - 1] = node->outputs[i]->dtype;
    mite_ir_value *first = MITE_IR_EMIT(
        t, .op = node->op->name, .name = node->name, .input_list = in,
        .input_count = node->input_count, .copy_attrs = node, .dtype = node->output->dtype,
        .scale = node->output->scale, .zero_point = node->output->zero_point, .more_dtypes = types,
        .more_outputs = node->output_count - 1);
    for (size_t i = 0; i < node->output_count; i++)
        mite_ir_output(t, node->name, mite_ir_output_at(first, i));
    return t;
}

static bool run(mite_ir_graph *t, const mite_ir_node *node, bool other, void *const *out) {
    mite_error error = {MITE_OK, ""};
    mite_lowered lowered;
    mite_session *s = NULL;
    if (!mite_ir_ok(t) || mite_lower(&lowered, t, &error)) return false;
    mite_session_options options = {.max_memory_bytes = t->max_bytes};
    bool done =
        mite_session_new_graph(&s, &lowered.graph, &options) == MITE_OK && mite_run(s) == MITE_OK;
    for (size_t i = 0; done && i < node->output_count; i++) {
        const mite_tensor *result = mite_session_output(s, i);
        size_t bytes =
            mite_ir_elements_of(node->outputs[i], other) * mite_dtype_bytes(result->dtype);
        done = result->bytes == bytes;
        if (done && bytes) memcpy(out[i], result->data, bytes);
    }
    mite_session_free(s);
    mite_lowered_free(&lowered);
    return done;
}

static mite_view view_of(const mite_ir_value *v, bool other, void *data) {
    mite_view view = {.dtype = v->dtype, .rank = v->rank, .data = data};
    memcpy(view.shape, other ? v->other : v->shape, sizeof view.shape);
    view.elements = mite_ir_elements_of(v, other);
    return view;
}

// Operators that read no elements have one input, which may be a picture batch of gigabytes where
// stand-ins give its shape: nothing is set aside for it.
static bool run_on_shape(const mite_ir_node *node, bool other, void *out) {
    mite_view x = view_of(node->inputs[0], other, NULL), y = view_of(node->output, other, out);
    mite_node flat = {.op = node->op, .name = node->name, .attrs = node->attrs};
    mite_step step = {.node = &flat, .inputs = &(mite_view *){&x}, .outputs = &(mite_view *){&y}};
    return node->op->run(&step, 0, 1, NULL) == MITE_OK;
}

bool mite_ir_run_node(const mite_ir_graph *g, const mite_ir_node *node, bool other,
                      void *const *out) {
    if (node->op->needs_only_shapes) return run_on_shape(node, other, out[0]);
    mite_ir_graph *t = alone(node, other, g->max_bytes);
    bool done = t && run(t, node, other, out);
    mite_ir_free(t);
    return done;
}
