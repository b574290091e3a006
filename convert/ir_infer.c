// SPDX-License-Identifier: Apache-2.0
// Shapes by the runtime's own rules: an operator's infer is called on a step made up for the
// purpose, whose constants look as lower.c will pack them.
#include "ir_private.h"
#include "lower.h"

#include "base/sizes.h"

#include <stdlib.h>
#include <string.h>

static void fill_view(mite_view *view, mite_value *value, const mite_ir_value *v) {
    value->name = v->name;
    value->dtype = v->dtype;
    value->rank = v->rank;
    memcpy(value->shape, v->shape, sizeof value->shape);
    value->scale = v->scale;
    value->zero_point = v->zero_point;
    view->value = value;
    view->dtype = v->dtype;
    view->rank = v->rank;
    memcpy(view->shape, v->shape, sizeof view->shape);
    view->scale = v->scale;
    view->zero_point = v->zero_point;
    view->elements = mite_ir_elements(v);
}

static mite_status look_packed(mite_error *error, const mite_ir_node *node, size_t index,
                               mite_value *value) {
    mite_packing p;
    if (!mite_packing_of(&p, node, index)) {
        return mite_fail(error, MITE_ERR_FORMAT, "%s %q: constant %q of shape %T cannot be packed",
                         node->op->name, node->name, value->name, (size_t)value->rank,
                         value->shape);
    }
    value->layout = p.layout;
    value->bytes = p.bytes;
    value->data = node->inputs[index]->data;
    value->flags = MITE_VALUE_CONSTANT;
    if (p.layout == MITE_LAYOUT_DENSE && p.elements > mite_ir_elements(node->inputs[index])) {
        value->shape[0] = (int32_t)p.elements;
    }
    return MITE_OK;
}

// The made-up step's views and values, the outputs' last; all in one block.
typedef struct rehearsal {
    mite_view **inputs, **outputs, *views;
    mite_value *values;
    void *block;
} rehearsal;

static bool set_up(rehearsal *r, size_t inputs, size_t outputs) {
    size_t count = inputs + outputs;
    size_t each = sizeof(mite_view *) + sizeof(mite_view) + sizeof(mite_value), bytes;
    if (!mite_size_mul(&bytes, count, each)) return false;
    r->block = calloc(1, bytes);
    if (!r->block) return false;
    r->views = r->block;
    r->values = (mite_value *)(r->views + count);
    r->inputs = (mite_view **)(r->values + count);
    r->outputs = r->inputs + inputs;
    return true;
}

static mite_status rehearse(mite_error *error, mite_ir_node *node, rehearsal *r) {
    size_t count = node->input_count;
    for (size_t i = 0; i < count; i++) {
        const mite_ir_value *v = node->inputs[i];
        if (!v) continue;
        fill_view(&r->views[i], &r->values[i], v);
        if (v->data && look_packed(error, node, i, &r->values[i])) return error->status;
        // What will be padded when it is packed must not be read as if it were.
        bool as_it_is = !v->data || r->values[i].bytes == v->bytes;
        r->views[i].data = as_it_is ? v->data : NULL;
        r->views[i].known = r->views[i].data ? r->views[i].data : v->guess;
        memcpy(r->views[i].shape, r->values[i].shape, sizeof r->values[i].shape);
        r->inputs[i] = &r->views[i];
    }
    for (size_t i = 0; i < node->output_count; i++) {
        fill_view(&r->views[count + i], &r->values[count + i], node->outputs[i]);
        r->values[count + i].rank = -1; // not known yet
        r->outputs[i] = &r->views[count + i];
    }
    uint32_t none = 0;
    mite_node flat = {
        .op = node->op,
        .name = node->name,
        .inputs = &none,
        .outputs = &none,
        .input_count = node->input_count,
        .output_count = node->output_count,
        .attrs = node->attrs,
    };
    mite_step step = {
        .node = &flat,
        .inputs = r->inputs,
        .outputs = r->outputs,
        .error = error,
        .in_place = -1,
        .max_parts = 1,
    };
    mite_status status = node->op->infer(&step);
    if (status == MITE_MORE) return status;
    if (status) {
        return mite_fail(error, MITE_ERR_FORMAT, "%s %q: refused", node->op->name, node->name);
    }
    for (size_t i = 0; i < node->output_count; i++) {
        node->outputs[i]->unknown = false;
        node->outputs[i]->rank = r->outputs[i]->rank;
        memcpy(node->outputs[i]->shape, r->outputs[i]->shape, sizeof r->outputs[i]->shape);
    }
    node->macs = step.macs;
    return MITE_OK;
}

// --- What only a run settles ---------------------------------------------------------------------

#define MAX_GUESSED 4096 // elements

static bool leave_unknown(const mite_ir_node *node) {
    for (size_t i = 0; i < node->output_count; i++) {
        node->outputs[i]->unknown = true;
        node->outputs[i]->rank = 0;
        node->outputs[i]->open = 0;
        node->outputs[i]->guess = NULL;
    }
    return true;
}

static bool reads_unknown(const mite_ir_node *node) {
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] && node->inputs[i]->unknown) return true;
    }
    return false;
}

static void guess(mite_ir_graph *g, mite_ir_node *node, bool open) {
    void **data = mite_ir_alloc(g, node->output_count, sizeof(void *));
    size_t elements = 0;
    for (size_t i = 0; data && i < node->output_count; i++) {
        const mite_ir_value *v = node->outputs[i];
        if (mite_ir_elements(v) > MAX_GUESSED - elements) return;
        elements += mite_ir_elements(v);
        data[i] = mite_ir_alloc(g, mite_ir_elements(v) + 1, mite_dtype_bytes(v->dtype));
    }
    if (!mite_ir_ok(g) || !data || !mite_ir_run_node(g, node, data)) return;
    for (size_t i = 0; i < node->output_count; i++) {
        node->outputs[i]->guess = data[i];
        node->outputs[i]->guess_open = open;
    }
}

// Outputs are as open as what they are made of; small ones of known numbers are computed at once, so
// that the shapes which depend on them can be worked out.
static void follow_inputs(mite_ir_graph *g, mite_ir_node *node) {
    bool open = false, open_numbers = false, known = true;
    for (size_t i = 0; i < node->input_count; i++) {
        const mite_ir_value *v = node->inputs[i];
        if (!v) continue;
        if (v->open) open = true;
        if (v->guess && v->guess_open) open_numbers = true;
        if (!v->data && !v->guess) known = false;
    }
    bool by_shape = node->op->needs_only_shapes;
    for (size_t i = 0; i < node->output_count; i++) {
        bool follows = (open || open_numbers) && !by_shape;
        node->outputs[i]->open = follows ? 0xff : 0;
        node->outputs[i]->guess = NULL;
    }
    if ((known || by_shape) && !g->trial) guess(g, node, open || open_numbers);
}

mite_status mite_ir_infer(mite_ir_graph *g, mite_ir_node *node, bool quiet) {
    mite_error error = {MITE_OK, ""};
    rehearsal r = {0};
    if (!mite_ir_ok(g)) return g->error.status;
    if (reads_unknown(node) && leave_unknown(node)) return MITE_OK;
    if (!set_up(&r, node->input_count, node->output_count)) {
        mite_fail(&error, MITE_ERR_MEMORY, "no memory to work out shapes");
    } else if (rehearse(&error, node, &r) == MITE_MORE) {
        leave_unknown(node);
        free(r.block);
        return MITE_OK;
    }
    free(r.block);
    if (!error.status) follow_inputs(g, node);
    // A body may be of a branch that the model's own shapes never take: only a run tells.
    if (error.status && error.status != MITE_ERR_MEMORY && g->outside && leave_unknown(node))
        return MITE_OK;
    // What a pass merely tries may fail, but not for want of memory.
    if (error.status && (!quiet || error.status == MITE_ERR_MEMORY)) {
        mite_ir_fail(g, error.status, "%s", error.text);
    }
    return error.status;
}
