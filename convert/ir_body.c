// SPDX-License-Identifier: Apache-2.0
// Bodies of control flow: building one while the graph around it waits, going over all of them, and
// letting them go.
#include "ir_private.h"

#include <stdlib.h>
#include <string.h>

// What the graph holds of the one around the body that is being built.
typedef struct mite_ir_outside {
    struct mite_ir_outside *next; // further out
    mite_ir_node **nodes;
    size_t node_count, node_room, depth;
    mite_ir_port *inputs, *outputs;
    size_t input_count, output_count;
} mite_ir_outside;

// The graph is now an empty body; false (and the graph failed) where it is not.
static bool go_in(mite_ir_graph *g) {
    mite_ir_outside *o = mite_ir_alloc(g, 1, sizeof *o);
    if (!o) return false;
    *o = (mite_ir_outside){
        .next = g->outside,
        .depth = g->outside ? g->outside->depth + 1 : 1,
        .nodes = g->nodes,
        .node_count = g->node_count,
        .node_room = g->node_room,
        .inputs = g->inputs,
        .outputs = g->outputs,
        .input_count = g->input_count,
        .output_count = g->output_count,
    };
    g->outside = o;
    g->nodes = NULL;
    g->inputs = g->outputs = NULL;
    g->node_count = g->node_room = g->input_count = g->output_count = 0;
    return true;
}

void mite_ir_begin_body(mite_ir_graph *g) {
    if (go_in(g) && g->outside->depth > MITE_MAX_BODY_DEPTH)
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED, "bodies of control flow lie in more than %d others",
                     MITE_MAX_BODY_DEPTH);
}

// An output that hands something through, or twice the same, becomes a value of the body's own.
static void own_outputs(mite_ir_graph *g) {
    bool folds = g->folds;
    g->folds = false; // a constant, too, needs a node
    for (size_t i = 0; i < g->output_count; i++) {
        g->outputs[i].value = mite_ir_resolve(g->outputs[i].value);
        g->outputs[i].value->mark = 0;
    }
    for (size_t i = 0; i < g->node_count; i++)
        for (size_t k = 0; k < g->nodes[i]->output_count; k++) g->nodes[i]->outputs[k]->mark = 1;
    for (size_t i = 0; i < g->output_count && mite_ir_ok(g); i++) {
        mite_ir_value *v = g->outputs[i].value;
        if (v->mark != 1) {
            mite_ir_value *copy =
                MITE_IR_EMIT(g, .op = "identity", .name = g->outputs[i].name, .inputs = {v},
                             .scale = v->scale, .zero_point = v->zero_point);
            if (!copy) break;
            v->uses--;
            copy->uses++;
            g->outputs[i].value = copy;
        }
        v->mark = 0;
    }
    for (size_t i = 0; i < g->node_count; i++)
        for (size_t k = 0; k < g->nodes[i]->output_count; k++) g->nodes[i]->outputs[k]->mark = 0;
    g->folds = folds;
}

// The graph is again that around the body.
static void come_out(mite_ir_graph *g) {
    mite_ir_outside *o = g->outside;
    g->outside = o->next;
    g->nodes = o->nodes;
    g->node_count = o->node_count;
    g->node_room = o->node_room;
    g->inputs = o->inputs;
    g->outputs = o->outputs;
    g->input_count = o->input_count;
    g->output_count = o->output_count;
}

// The graph is a body no longer, which is kept as it is.
static void keep(mite_ir_graph *g, mite_ir_body *body) {
    *body = (mite_ir_body){.nodes = g->nodes,
                           .inputs = g->inputs,
                           .outputs = g->outputs,
                           .node_count = g->node_count,
                           .node_room = g->node_room,
                           .input_count = g->input_count,
                           .output_count = g->output_count};
    come_out(g);
}

int32_t mite_ir_end_body(mite_ir_graph *g) {
    if (!mite_ir_ok(g) || !g->outside) return -1;
    own_outputs(g);
    // Grown by one: bodies are few.
    mite_ir_body *more = g->body_count < INT32_MAX / 2 && mite_ir_ok(g)
                             ? realloc(g->bodies, (g->body_count + 1) * sizeof *more)
                             : NULL;
    if (!more) {
        mite_ir_fail(g, MITE_ERR_MEMORY, "no memory for a body of control flow");
        return -1;
    }
    g->bodies = more;
    keep(g, &more[g->body_count]);
    return (int32_t)g->body_count++;
}

// --- Going over all ------------------------------------------------------------------------------

// Whether what these nodes compute looks like an input to passes, or like what it is.
static void hide(mite_ir_node *const *nodes, size_t count, bool hidden) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; !nodes[i]->dead && k < nodes[i]->output_count; k++)
            nodes[i]->outputs[k]->producer = hidden ? NULL : nodes[i];
}

static void visit_body(mite_ir_graph *g, int32_t index, mite_ir_scope_visit *visit, void *context);

// NOLINTBEGIN(misc-no-recursion): bodies lie in one another at most MITE_MAX_BODY_DEPTH deep
void mite_ir_each_scope(mite_ir_graph *g, mite_ir_scope_visit *visit, void *context) {
    visit(g, context);
    size_t count = g->node_count;
    mite_ir_node **nodes = g->nodes;
    if (!g->body_count || !mite_ir_ok(g)) return;
    hide(nodes, count, true);
    for (size_t i = 0; i < count && mite_ir_ok(g); i++)
        for (size_t k = 0; !nodes[i]->dead && k < nodes[i]->op->body_attrs; k++)
            visit_body(g, nodes[i]->attrs[k], visit, context);
    hide(nodes, count, false);
}

static void visit_body(mite_ir_graph *g, int32_t index, mite_ir_scope_visit *visit, void *context) {
    if (index < 0 || (size_t)index >= g->body_count || !go_in(g)) return;
    const mite_ir_body body = g->bodies[index];
    g->nodes = body.nodes;
    g->node_count = body.node_count;
    g->node_room = body.node_room;
    g->inputs = body.inputs;
    g->outputs = body.outputs;
    g->input_count = body.input_count;
    g->output_count = body.output_count;
    mite_ir_each_scope(g, visit, context);
    own_outputs(g);
    keep(g, &g->bodies[index]);
}
// NOLINTEND(misc-no-recursion)

// --- Letting go ----------------------------------------------------------------------------------

static void free_lists(mite_ir_node **nodes, mite_ir_port *inputs, mite_ir_port *outputs) {
    free(nodes);
    free(inputs);
    free(outputs);
}

void mite_ir_free_bodies(mite_ir_graph *g) {
    while (g->outside) { // a body was being built when the graph failed
        free_lists(g->nodes, g->inputs, g->outputs);
        come_out(g);
    }
    for (size_t i = 0; i < g->body_count; i++)
        free_lists(g->bodies[i].nodes, g->bodies[i].inputs, g->bodies[i].outputs);
    free(g->bodies);
}

// --- Sweeping ------------------------------------------------------------------------------------

static void name_bodies(uint8_t *named, mite_ir_node *const *nodes, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; !nodes[i]->dead && k < nodes[i]->op->body_attrs; k++)
            if (nodes[i]->attrs[k] >= 0) named[nodes[i]->attrs[k]] = 1;
}

bool mite_ir_sweep_bodies(mite_ir_graph *g) {
    bool changed = false;
    uint8_t *named = g->body_count ? mite_ir_alloc(g, g->body_count, 1) : NULL;
    if (!named) return false;
    name_bodies(named, g->nodes, g->node_count);
    // A body's nodes name only bodies before it.
    for (size_t i = g->body_count; i-- > 0;) {
        mite_ir_body *body = &g->bodies[i];
        if (named[i]) {
            name_bodies(named, body->nodes, body->node_count);
            continue;
        }
        changed = changed || body->node_count;
        for (size_t k = 0; k < body->node_count; k++) mite_ir_kill(body->nodes[k]);
        for (size_t k = 0; k < body->output_count; k++)
            mite_ir_resolve(body->outputs[k].value)->uses--;
        body->node_count = body->output_count = 0;
    }
    return changed;
}
