// SPDX-License-Identifier: Apache-2.0
// Bodies of control flow: building one while the graph around it waits, and letting it go.
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

void mite_ir_begin_body(mite_ir_graph *g) {
    mite_ir_outside *o = mite_ir_alloc(g, 1, sizeof *o);
    if (!o) return;
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
    if (o->depth > MITE_MAX_BODY_DEPTH)
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED, "bodies of control flow lie in more than %d others",
                     MITE_MAX_BODY_DEPTH);
}

// An output that hands something through, or twice the same, becomes a value of the body's own.
static void own_outputs(mite_ir_graph *g) {
    bool folds = g->folds;
    g->folds = false; // a constant, too, needs a node
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
    more[g->body_count] = (mite_ir_body){g->nodes,      g->inputs,      g->outputs,
                                         g->node_count, g->input_count, g->output_count};
    come_out(g);
    return (int32_t)g->body_count++;
}

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
