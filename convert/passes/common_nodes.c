// SPDX-License-Identifier: Apache-2.0
// Of nodes that compute the same from the same, the first one serves all. Constants of the same type,
// shape and bytes count as the same value.
//
//   a = sigmoid(x); b = sigmoid(x); y = a + b   ->   a = sigmoid(x); y = a + a
#include "passes/passes.h"

#include <stdlib.h>
#include <string.h>

typedef struct table {
    mite_ir_node **slots; // open addressing; a power of two, at most half full
    size_t room;
} table;

static uint64_t mix(uint64_t hash, uint64_t more) {
    hash = (hash ^ more) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 29;
}

#define HASHED_BYTES 64 // of a constant's beginning

static uint64_t hash_value(const mite_ir_value *v) {
    if (!v) return 1;
    if (!v->data) return (uint64_t)(uintptr_t)v;
    uint64_t hash = mix((uint64_t)v->dtype, v->bytes);
    for (size_t i = 0; i < v->bytes && i < HASHED_BYTES; i++)
        hash = mix(hash, ((const uint8_t *)v->data)[i]);
    return hash;
}

static uint64_t hash_node(const mite_ir_node *node) {
    uint64_t hash = (uint64_t)(uintptr_t)node->op;
    size_t words = mite_op_attr_words(node->op);
    for (size_t i = 0; i < words; i++) hash = mix(hash, (uint32_t)node->attrs[i]);
    for (size_t i = 0; i < node->input_count; i++) hash = mix(hash, hash_value(node->inputs[i]));
    return hash;
}

static bool same_type(const mite_ir_value *a, const mite_ir_value *b) {
    return a->dtype == b->dtype && a->scale == b->scale && a->zero_point == b->zero_point;
}

static bool same_value(const mite_ir_value *a, const mite_ir_value *b) {
    if (a == b) return true;
    // What a constant was dequantized from matters to other passes.
    return a && b && a->data && b->data && !a->origin && !b->origin && same_type(a, b) &&
           !a->scales && !b->scales && mite_ir_same_shape(a, b) && a->bytes == b->bytes &&
           memcmp(a->data, b->data, a->bytes) == 0;
}

static bool same_node(const mite_ir_node *a, const mite_ir_node *b) {
    if (a->op != b->op || a->input_count != b->input_count || a->output_count != b->output_count ||
        memcmp(a->attrs, b->attrs, mite_op_attr_words(a->op) * sizeof *a->attrs) != 0)
        return false;
    for (size_t i = 0; i < a->input_count; i++)
        if (!same_value(a->inputs[i], b->inputs[i])) return false;
    for (size_t i = 0; i < a->output_count; i++)
        if (!same_type(a->outputs[i], b->outputs[i])) return false;
    return true;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    const table *t = context;
    (void)g;
    if (node->op->body_attrs) return false;
    size_t at = (size_t)hash_node(node) & (t->room - 1);
    for (; t->slots[at]; at = (at + 1) & (t->room - 1)) {
        const mite_ir_node *first = t->slots[at];
        if (!same_node(first, node)) continue;
        for (size_t i = 0; i < node->output_count; i++)
            mite_ir_replace(node->outputs[i], first->outputs[i]);
        mite_ir_kill(node);
        return true;
    }
    t->slots[at] = node;
    return false;
}

bool mite_pass_common_nodes(mite_ir_graph *g) {
    table t = {.room = 16};
    while (t.room < 2 * g->node_count) t.room *= 2;
    t.slots = calloc(t.room, sizeof *t.slots);
    if (!t.slots) return false; // nothing is wrong with the graph as it is
    bool changed = mite_ir_rewrite(g, visit, &t);
    free(t.slots);
    return changed;
}
