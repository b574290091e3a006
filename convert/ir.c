// SPDX-License-Identifier: Apache-2.0
// The graph's memory, its lists, and the walk that passes are made of. Values: ir_value.c.
#include "ir_private.h"

#include "base/sizes.h"

#include <stdlib.h>
#include <string.h>

// Small things come from blocks like this one; larger requests get a block of their own.
#define BLOCK_BYTES 65536u

typedef struct mite_ir_block {
    struct mite_ir_block *next;
    size_t used, room;
    max_align_t data[];
} mite_ir_block;

mite_ir_graph *mite_ir_new(size_t max_bytes) {
    mite_ir_graph *g = calloc(1, sizeof *g);
    uint64_t limit = max_bytes ? max_bytes : UINT64_C(1) << 32;
    if (g) g->max_bytes = limit > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)limit;
    return g;
}

void mite_ir_free(mite_ir_graph *g) {
    if (!g) return;
    mite_ir_free_bodies(g); // whose notes lie in the blocks
    for (size_t i = 0; i < g->value_count; i++) free(g->values[i]->data);
    while (g->blocks) {
        mite_ir_block *next = g->blocks->next;
        free(g->blocks);
        g->blocks = next;
    }
    free(g->nodes);
    free(g->values);
    free(g->inputs);
    free(g->outputs);
    free(g);
}

bool mite_ir_first_failure(mite_ir_graph *g, mite_status status) {
    if (g->error.status) return false;
    g->error.status = status;
    return true;
}

bool mite_ir_take_bytes(mite_ir_graph *g, size_t bytes) {
    if (bytes <= g->max_bytes - g->used_bytes) {
        g->used_bytes += bytes;
        return true;
    }
    mite_ir_fail(g, MITE_ERR_MEMORY,
                 "the model wants more than the %z bytes that conversion may use; allow more with "
                 "--max-bytes, or convert a smaller model",
                 g->max_bytes);
    return false;
}

static bool new_block(mite_ir_graph *g, size_t bytes) {
    size_t room = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES, total;
    if (!mite_size_add(&total, sizeof(mite_ir_block), room)) total = SIZE_MAX;
    if (!mite_ir_take_bytes(g, total)) return false;
    mite_ir_block *block = calloc(1, total);
    if (!block) {
        mite_ir_fail(g, MITE_ERR_MEMORY, "no memory for %z bytes of the model's graph", total);
        return false;
    }
    block->room = room;
    block->next = g->blocks;
    g->blocks = block;
    return true;
}

void *mite_ir_alloc(mite_ir_graph *g, size_t count, size_t item_bytes) {
    size_t bytes;
    if (!mite_ir_ok(g)) return NULL;
    if (!mite_size_mul(&bytes, count, item_bytes) ||
        !mite_size_align(&bytes, bytes, sizeof(max_align_t))) {
        bytes = SIZE_MAX / 2;
    }
    if ((!g->blocks || g->blocks->room - g->blocks->used < bytes) && !new_block(g, bytes)) {
        return NULL;
    }
    void *at = (uint8_t *)g->blocks->data + g->blocks->used;
    g->blocks->used += bytes;
    return at;
}

const char *mite_ir_text(mite_ir_graph *g, const char *text, size_t length) {
    char *copy = mite_ir_alloc(g, length + 1, 1);
    if (!copy) return "";
    memcpy(copy, text, length);
    return copy;
}

bool mite_ir_grow(mite_ir_graph *g, void **items, size_t count, size_t *room, size_t item_bytes) {
    if (!mite_ir_ok(g)) return false;
    if (count < *room) return true;
    size_t more = *room ? *room * 2 : 16;
    if (!mite_ir_take_bytes(g, (more - *room) * item_bytes)) return false;
    void *list = realloc(*items, more * item_bytes);
    if (!list) {
        mite_ir_fail(g, MITE_ERR_MEMORY, "no memory for a list of %z graph items", more);
        return false;
    }
    *items = list;
    *room = more;
    return true;
}

bool mite_ir_list_value(mite_ir_graph *g, mite_ir_value *v) {
    if (!v ||
        !mite_ir_grow(g, (void **)&g->values, g->value_count, &g->value_room, sizeof *g->values)) {
        return false;
    }
    g->values[g->value_count++] = v;
    return true;
}

bool mite_ir_list_node(mite_ir_graph *g, mite_ir_node *node) {
    if (!mite_ir_grow(g, (void **)&g->nodes, g->node_count, &g->node_room, sizeof *g->nodes))
        return false;
    g->nodes[g->node_count++] = node;
    return true;
}

// Ports are few: one reallocation each.
bool mite_ir_list_port(mite_ir_graph *g, mite_ir_port **list, size_t *count, const char *name,
                       mite_ir_value *v) {
    size_t room = *count;
    if (!v || !mite_ir_ok(g) || !mite_ir_take_bytes(g, sizeof **list)) return false;
    mite_ir_port *more = realloc(*list, (room + 1) * sizeof *more);
    if (!more) {
        mite_ir_fail(g, MITE_ERR_MEMORY, "no memory for the model's inputs and outputs");
        return false;
    }
    *list = more;
    more[(*count)++] = (mite_ir_port){name, v};
    return true;
}

// --- Making nodes ------------------------------------------------------------------------------

static size_t attr_offset(const mite_op *op, const char *name, const mite_attr **attr) {
    size_t at = 0;
    for (size_t i = 0; i < op->attr_count; i++) {
        if (!strcmp(op->attrs[i].name, name)) {
            *attr = &op->attrs[i];
            return at;
        }
        at += op->attrs[i].count;
    }
    *attr = NULL;
    return 0;
}

int32_t *mite_ir_attr_words(const mite_ir_node *node, const char *name, size_t *count) {
    const mite_attr *attr;
    size_t at = attr_offset(node->op, name, &attr);
    *count = attr ? attr->count : 0;
    return attr ? node->attrs + at : NULL;
}

int32_t mite_ir_int(const mite_ir_node *node, const char *name) {
    size_t count;
    const int32_t *words = mite_ir_attr_words(node, name, &count);
    return words ? *words : 0;
}

float mite_ir_float(const mite_ir_node *node, const char *name) {
    union {
        int32_t i;
        float f;
    } u = {mite_ir_int(node, name)};
    return u.f;
}

void mite_ir_set_int(mite_ir_node *node, const char *name, int32_t word) {
    size_t count;
    int32_t *words = mite_ir_attr_words(node, name, &count);
    if (words) *words = word;
}

void mite_ir_set_float(mite_ir_node *node, const char *name, float value) {
    mite_ir_set_int(node, name, mite_ir_bits(value));
}

static void set_defaults(mite_ir_node *node) {
    size_t at = 0;
    for (size_t i = 0; i < node->op->attr_count; i++) {
        for (size_t k = 0; k < node->op->attrs[i].count; k++) {
            node->attrs[at++] = node->op->attrs[i].def;
        }
    }
}

static bool set_attrs(mite_ir_graph *g, mite_ir_node *node, const mite_ir_make *make) {
    for (size_t i = 0; i < sizeof make->attrs / sizeof *make->attrs; i++) {
        const mite_ir_attr *a = &make->attrs[i];
        size_t room, count = a->list ? a->list_count : 1;
        if (!a->name) break;
        int32_t *words = mite_ir_attr_words(node, a->name, &room);
        if (!words || count > room) {
            mite_ir_fail(g, MITE_ERR_UNSUPPORTED,
                         "%s %q: this build's operator has no room for attribute %s[%z]", make->op,
                         make->name, a->name, count);
            return false;
        }
        memcpy(words, a->list ? a->list : &a->word, count * sizeof *words);
    }
    return true;
}

static bool set_inputs(mite_ir_graph *g, mite_ir_node *node, const mite_ir_make *make) {
    mite_ir_value *const *list = make->input_list ? make->input_list : make->inputs;
    size_t count =
        make->input_list ? make->input_count : sizeof make->inputs / sizeof make->inputs[0];
    while (!make->input_list && count && !list[count - 1]) count--;
    if (count < node->op->min_inputs || count > node->op->max_inputs) {
        if (node->op->max_inputs < 255 || count < node->op->min_inputs) {
            mite_ir_fail(g, MITE_ERR_FORMAT, "%s %q: has %z inputs, wants %u to %u", make->op,
                         make->name, count, (uint32_t)node->op->min_inputs,
                         (uint32_t)node->op->max_inputs);
            return false;
        }
    }
    node->inputs = mite_ir_alloc(g, count, sizeof *node->inputs);
    if (!node->inputs) return false;
    node->input_count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        if (!list[i]) continue;
        node->inputs[i] = mite_ir_resolve(list[i]);
        node->inputs[i]->uses++;
    }
    return true;
}

static bool set_outputs(mite_ir_graph *g, mite_ir_node *node, const mite_ir_make *make) {
    size_t count = make->more_outputs + 1;
    if (count < node->op->output_count || count > mite_op_max_outputs(node->op)) {
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED, "%s %q: cannot have %z outputs", make->op, make->name,
                     count);
        return false;
    }
    node->outputs = mite_ir_alloc(g, count, sizeof(mite_ir_value *));
    mite_ir_value *values = mite_ir_alloc(g, count, sizeof *values);
    if (!node->outputs || !values) return false;
    for (size_t i = 0; i < count; i++) {
        mite_ir_value *v = node->outputs[i] = &values[i];
        if (!mite_ir_list_value(g, v)) return false;
        v->name = node->name;
        v->dtype = i ? make->more_dtypes[i - 1] : make->dtype;
        if (!v->dtype) v->dtype = node->inputs[0]->dtype;
        if (v->dtype == values[0].dtype) { // parts of one quantized value
            v->scale = make->scale;
            v->zero_point = make->zero_point;
        }
        v->producer = node;
    }
    node->output_count = (uint32_t)count;
    node->output = values;
    return true;
}

mite_ir_value *mite_ir_output_at(mite_ir_value *first, size_t index) {
    if (!index) return first; // a constant where the graph folds
    if (!first || !first->producer || index >= first->producer->output_count) return NULL;
    return first->producer->outputs[index];
}

static bool all_constant(const mite_ir_node *node) {
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] && !node->inputs[i]->data) return false;
    return true;
}

#define MAX_FOLDED ((size_t)64 << 20) // bytes; more is computed in the run

// What a node that is in no list yet computes, as a constant, if that is the same in every run; NULL
// where it is not (or would take too much memory, for itself and for its computation).
static mite_ir_value *fold(mite_ir_graph *g, mite_ir_node *node) {
    const mite_ir_value *out = node->output;
    bool settled = out->guess && !out->guess_open;
    size_t left = g->max_bytes - g->used_bytes, item = mite_dtype_bytes(out->dtype);
    if (node->output_count != 1 || node->op->body_attrs || !mite_ir_is_fixed(out) ||
        !(settled || all_constant(node)) || mite_ir_elements(out) > left / 2 / item ||
        mite_ir_elements(out) > MAX_FOLDED / item) {
        return NULL;
    }
    mite_ir_value *v = mite_ir_constant(g, out->name, out->dtype, (size_t)out->rank, out->shape);
    if (!v) return NULL;
    if (settled && v->bytes) memcpy(v->data, out->guess, v->bytes);
    if (!settled && !mite_ir_run_node(g, node, false, &v->data)) {
        mite_ir_release(g, v);
        return NULL;
    }
    v->scale = out->scale;
    v->zero_point = out->zero_point;
    mite_ir_keep_origin(g, node, v);
    mite_ir_kill(node);
    return v;
}

mite_ir_value *mite_ir_emit(mite_ir_graph *g, const mite_ir_make *make) {
    mite_ir_value *first = make->input_list ? make->input_list[0] : make->inputs[0];
    if (!mite_ir_ok(g) || !first) return NULL;
    mite_ir_node *node = mite_ir_alloc(g, 1, sizeof *node);
    if (!node) return NULL;
    node->op = mite_op_find(make->op);
    node->name = make->name ? make->name : "";
    if (!node->op) {
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED, "%q: this build has no operator %s", node->name,
                     make->op);
        return NULL;
    }
    node->attrs = mite_ir_alloc(g, mite_op_attr_words(node->op), sizeof *node->attrs);
    if (!node->attrs) return NULL;
    if (make->copy_attrs) {
        memcpy(node->attrs, make->copy_attrs->attrs,
               mite_op_attr_words(node->op) * sizeof *node->attrs);
    } else {
        set_defaults(node);
    }
    if (!set_attrs(g, node, make) || !set_inputs(g, node, make)) return NULL;
    if (!set_outputs(g, node, make)) return NULL;
    if (mite_ir_infer(g, node, false)) return NULL;
    mite_ir_value *result = g->folds ? fold(g, node) : NULL;
    if (result || !mite_ir_ok(g)) return result;
    return mite_ir_list_node(g, node) ? node->output : NULL;
}

// --- Changing nodes -----------------------------------------------------------------------------

void mite_ir_set_input(mite_ir_graph *g, mite_ir_node *node, size_t index, mite_ir_value *v) {
    if (index >= node->input_count) {
        mite_ir_value **more = mite_ir_alloc(g, index + 1, sizeof *more);
        if (!more) return;
        memcpy(more, node->inputs, node->input_count * sizeof *more);
        node->inputs = more;
        node->input_count = (uint32_t)index + 1;
    }
    if (v) v = mite_ir_resolve(v);
    if (v) v->uses++;
    if (node->inputs[index]) mite_ir_resolve(node->inputs[index])->uses--;
    node->inputs[index] = v;
}

void mite_ir_kill(mite_ir_node *node) {
    if (node->dead) return;
    node->dead = true;
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i]) mite_ir_resolve(node->inputs[i])->uses--;
    }
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i]->producer == node) node->outputs[i]->producer = NULL;
    }
}

void mite_ir_take_back(mite_ir_graph *g, mite_ir_node *node) {
    mite_ir_kill(node);
    if (g->node_count && g->nodes[g->node_count - 1] == node) g->node_count--;
}

void mite_ir_absorb(mite_ir_node *node, mite_ir_node *after) {
    mite_ir_value *out = after->output;
    mite_ir_kill(after);
    node->output->producer = NULL;
    node->output = node->outputs[0] = out;
    out->producer = node;
}

bool mite_ir_is_one_of(const mite_ir_node *node, const char *const *ops, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (mite_ir_is(node, ops[i])) return true;
    return false;
}

mite_ir_node *mite_ir_sole_producer(const mite_ir_value *v) {
    return v && v->uses == 1 && v->producer && !v->producer->dead ? v->producer : NULL;
}

// Passes look at shapes, which nodes of unknown values do not have.
static bool is_known(const mite_ir_node *node) {
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] && node->inputs[i]->unknown) return false;
    }
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i]->unknown) return false;
    }
    return true;
}

static void resolve_inputs(mite_ir_node *node) {
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i]) node->inputs[i] = mite_ir_resolve(node->inputs[i]);
    }
}

bool mite_ir_rewrite(mite_ir_graph *g, mite_ir_visit *visit, void *context) {
    mite_ir_node **old = g->nodes;
    size_t old_count = g->node_count;
    bool changed = false;
    if (!mite_ir_ok(g) || !old_count) return false;
    g->nodes = NULL;
    g->node_count = 0;
    g->used_bytes -= g->node_room * sizeof *g->nodes;
    g->node_room = 0;
    for (size_t i = 0; i < old_count && mite_ir_ok(g); i++) {
        if (old[i]->dead) continue;
        resolve_inputs(old[i]);
        if (is_known(old[i]) && visit(g, old[i], context)) changed = true;
        if (!old[i]->dead) mite_ir_list_node(g, old[i]);
    }
    free(old);
    size_t kept = 0;
    for (size_t i = 0; i < g->node_count; i++) {
        if (!g->nodes[i]->dead) g->nodes[kept++] = g->nodes[i];
    }
    g->node_count = kept;
    for (size_t i = 0; i < g->node_count; i++) resolve_inputs(g->nodes[i]);
    for (size_t i = 0; i < g->output_count; i++) {
        g->outputs[i].value = mite_ir_resolve(g->outputs[i].value);
    }
    return changed;
}
