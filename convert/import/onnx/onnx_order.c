// SPDX-License-Identifier: Apache-2.0
// Nodes in an order that computes every value before its use. The standard wants them so, and
// importing relies on it; some tools that edit models do not care. A graph in order is left alone;
// else nodes keep their order as far as it goes. Bodies count as reading what any of their nodes
// names.
#include "import/onnx/onnx_values.h"

#include <string.h>

#define NONE UINT32_MAX

typedef struct order {
    mite_ir_graph *g;
    mite_names outputs; // to the indices of their nodes
    onnx_node *nodes;
    size_t count;
    // Which node each one waits for next, depth first.
    uint32_t *edges; // of all nodes, one list after another, each ended by NONE
    size_t *first; // of each node's list
    size_t edge_count, edge_room;
} order;

static bool add_edge(order *o, uint32_t to) {
    if (o->edge_count == o->edge_room) {
        size_t room = o->edge_room ? o->edge_room * 2 : 256;
        uint32_t *more = mite_ir_alloc(o->g, room, sizeof *more);
        if (!more) return false;
        if (o->edge_count) memcpy(more, o->edges, o->edge_count * sizeof *more);
        o->edges = more;
        o->edge_room = room;
    }
    o->edges[o->edge_count++] = to;
    return true;
}

static bool add_name(order *o, const char *name, uint32_t reader, bool *late) {
    uint32_t by;
    if (!*name || !mite_names_find(&o->outputs, name, &by) || by == reader) return true;
    if (by > reader) *late = true;
    return add_edge(o, by);
}

// NOLINTNEXTLINE(misc-no-recursion): graphs in attributes, no deeper than ONNX_MAX_DEPTH
static bool add_reads(order *o, const onnx_node *n, uint32_t reader, bool *late) {
    for (size_t k = 0; k < n->input_count; k++)
        if (!add_name(o, n->inputs[k], reader, late)) return false;
    for (size_t k = 0; k < n->attr_count; k++) {
        const onnx_graph *body = n->attrs[k].graph;
        for (size_t i = 0; body && i < body->node_count; i++)
            if (!add_reads(o, &body->nodes[i], reader, late)) return false;
        for (size_t i = 0; body && i < body->output_count; i++)
            if (!add_name(o, body->outputs[i].name, reader, late)) return false;
    }
    return true;
}

// All edges; *late where a node reads what a later one computes.
static bool list_edges(order *o, bool *late) {
    for (size_t i = 0; i < o->count; i++)
        for (size_t k = 0; k < o->nodes[i].output_count; k++)
            if (*o->nodes[i].outputs[k]) // a name given twice is refused where it is made
                mite_names_add(o->g, &o->outputs, o->nodes[i].outputs[k], (uint32_t)i);
    o->first = mite_ir_alloc(o->g, o->count, sizeof *o->first);
    if (!o->first) return false;
    for (size_t i = 0; i < o->count; i++) {
        o->first[i] = o->edge_count;
        if (!add_reads(o, &o->nodes[i], (uint32_t)i, late) || !add_edge(o, NONE)) return false;
    }
    return true;
}

enum { NEW, WAITS, DONE };

// Depth first, by a stack of nodes that wait; next[i] is where node i goes on in its list.
static bool sort(order *o) {
    onnx_node *sorted = mite_ir_alloc(o->g, o->count, sizeof *sorted);
    uint32_t *stack = mite_ir_alloc(o->g, o->count, sizeof *stack);
    uint8_t *state = mite_ir_alloc(o->g, o->count, 1);
    size_t have = 0, depth = 0;
    if (!sorted || !stack || !state) return false;
    for (size_t i = 0; i < o->count; i++) {
        if (state[i] == NEW) stack[depth++] = (uint32_t)i;
        while (depth) {
            uint32_t at = stack[depth - 1], to = o->edges[o->first[at]];
            state[at] = WAITS;
            if (to == NONE) {
                state[at] = DONE;
                sorted[have++] = o->nodes[at];
                depth--;
            } else if (o->first[at]++, state[to] == NEW) {
                stack[depth++] = to;
            } else if (state[to] == WAITS) {
                mite_ir_fail(
                    o->g, MITE_ERR_FORMAT,
                    "the nodes form a cycle: what %q (%s) reads of %q (%s) is computed by no "
                    "earlier node but from its own result",
                    o->nodes[at].name, o->nodes[at].op_type, o->nodes[to].name,
                    o->nodes[to].op_type);
                return false;
            }
        }
    }
    memcpy(o->nodes, sorted, o->count * sizeof *sorted);
    return true;
}

// NOLINTNEXTLINE(misc-no-recursion): see add_reads
static bool sort_nodes(mite_ir_graph *g, onnx_node *nodes, size_t count) {
    order o = {.g = g, .nodes = nodes, .count = count};
    bool late = false;
    if (count >= NONE) return true; // too many to be imported, either
    if (!list_edges(&o, &late) || (late && !sort(&o))) return false;
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < nodes[i].attr_count; k++) {
            onnx_graph *body = nodes[i].attrs[k].graph;
            if (body && !sort_nodes(g, body->nodes, body->node_count)) return false;
        }
    return true;
}

bool onnx_sort_model(mite_ir_graph *g, onnx_model *m) {
    if (!sort_nodes(g, m->graph.nodes, m->graph.node_count)) return false;
    for (size_t i = 0; i < m->function_count; i++)
        if (!sort_nodes(g, m->functions[i].nodes, m->functions[i].node_count)) return false;
    return true;
}
