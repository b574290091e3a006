// SPDX-License-Identifier: Apache-2.0
#include "lower.h"

#include "base/sizes.h"

#include <stdlib.h>
#include <string.h>

enum {
    WEIGHTS = 1,
    BIAS = 2,
    MULTIPLIER = 3,
    SHIFT = 4, // dense_rows
}; // inputs of conv2d, depthwise_conv2d, dense, dense_integer and dense_rows (sums at BIAS)

bool mite_packing_of(mite_packing *p, const mite_ir_node *node, size_t index) {
    const mite_ir_value *v = node->inputs[index];
    bool conv = mite_ir_is(node, "conv2d"), depthwise = mite_ir_is(node, "depthwise_conv2d");
    bool rows = mite_ir_is(node, "dense_rows");
    bool packs =
        conv || depthwise || rows || mite_ir_is(node, "dense") || mite_ir_is(node, "dense_integer");
    bool i8 = v->dtype == MITE_I8;
    *p = (mite_packing){.groups = 1, .elements = mite_ir_elements(v)};
    if (packs && index == WEIGHTS) {
        p->layout = depthwise ? (i8 ? MITE_LAYOUT_DEPTHWISE_I8 : MITE_LAYOUT_DEPTHWISE_F32)
                              : (i8 ? MITE_LAYOUT_CONV_I8 : MITE_LAYOUT_CONV_F32);
        if (conv && mite_ir_int(node, "groups") > 0) {
            p->groups = (size_t)mite_ir_int(node, "groups");
        }
    } else if (packs && (index == BIAS || index == MULTIPLIER || (rows && index == SHIFT))) {
        // Kernels load these eight at a time; each group begins at a multiple of eight.
        if (conv && mite_ir_int(node, "groups") > 0) {
            p->groups = (size_t)mite_ir_int(node, "groups");
        }
        p->elements = p->groups * mite_round_up(p->elements / p->groups, 8);
        return mite_size_mul(&p->bytes, p->elements, mite_dtype_bytes(v->dtype));
    }
    return mite_layout_bytes(&p->bytes, p->layout, v->dtype, (size_t)v->rank, v->shape, p->groups);
}

// Everything that mite_lowered owns, in lists that grow.
typedef struct mite_lowered_memory {
    mite_value *values;
    uint32_t
        *scopes; // by value: the body that it belongs to, by the order they were begun; 0: none
    mite_node *nodes; // those of the graph, then those of bodies
    mite_graph *bodies;
    void **packed;    // constants made anew
    void **lists;     // of nodes and bodies: edges, attributes, ports
    size_t value_count, value_room, packed_count, node_count, body_count, list_count, list_room;
    uint32_t scope_count;
    const mite_ir_graph *ir;
    mite_error *error;
} mite_lowered_memory;

// The graph or body being lowered.
typedef struct scope {
    struct scope *around; // NULL for the graph
    uint32_t number;
    uint32_t *inputs; // of a body: its own, then what it reads of the graphs around it
    size_t input_count, input_room;
} scope;

static bool no_memory(mite_lowered_memory *m) {
    mite_fail(m->error, MITE_ERR_MEMORY, "no memory to lay out the model");
    return false;
}

// A list of the lowered graph's own, zeroed.
static void *new_list(mite_lowered_memory *m, size_t count, size_t item_bytes) {
    if (m->list_count == m->list_room) {
        size_t room = m->list_room ? m->list_room * 2 : 64;
        void **more = realloc(m->lists, room * sizeof *more);
        if (more) m->lists = more;
        if (more) m->list_room = room;
    }
    void *list = m->list_count < m->list_room ? calloc(count + 1, item_bytes) : NULL;
    if (!list) no_memory(m);
    else m->lists[m->list_count++] = list;
    return list;
}

static mite_value *add_value(mite_lowered_memory *m, const mite_ir_value *v, const char *name,
                             uint32_t scope_number) {
    if (m->value_count == m->value_room) {
        size_t room = m->value_room ? m->value_room * 2 : 64;
        mite_value *more = realloc(m->values, room * sizeof *more);
        void **packed = realloc(m->packed, room * sizeof *packed);
        uint32_t *scopes = realloc(m->scopes, room * sizeof *scopes);
        if (more) m->values = more;
        if (packed) m->packed = packed;
        if (scopes) m->scopes = scopes;
        if (!more || !packed || !scopes) {
            no_memory(m);
            return NULL;
        }
        m->value_room = room;
    }
    m->scopes[m->value_count] = scope_number;
    mite_value *out = &m->values[m->value_count++];
    *out = (mite_value){
        .name = name,
        .dtype = v->dtype,
        .rank = v->rank,
        .scale = v->scale,
        .zero_point = v->zero_point,
    };
    memcpy(out->shape, v->shape, sizeof out->shape);
    if (v->unknown) out->rank = -1;
    for (size_t i = 0; !v->unknown && i < (size_t)v->rank; i++)
        if (v->open >> i & 1) out->shape[i] = -1;
    return out;
}

// --- Constants ----------------------------------------------------------------------------------

static void pack_conv(void *out, const mite_ir_value *v, const mite_packing *p) {
    size_t n = (size_t)v->shape[0] / p->groups;
    size_t k = (size_t)v->shape[1] * (size_t)v->shape[2] * (size_t)v->shape[3];
    size_t item = mite_dtype_bytes(v->dtype), step = p->bytes / p->groups;
    for (size_t g = 0; g < p->groups; g++) {
        uint8_t *to = (uint8_t *)out + g * step;
        const uint8_t *from = (const uint8_t *)v->data + g * n * k * item;
        if (p->layout == MITE_LAYOUT_CONV_F32) {
            mite_pack_conv_f32((float *)(void *)to, (const float *)(const void *)from, n, k);
        } else {
            mite_pack_conv_i8((int8_t *)to, (const int8_t *)from, n, k);
        }
    }
}

static void pack_rows(void *out, const mite_ir_value *v, const mite_packing *p) {
    size_t item = mite_dtype_bytes(v->dtype), row = v->bytes / p->groups;
    size_t step = p->elements / p->groups * item;
    memset(out, 0, p->bytes);
    for (size_t g = 0; g < p->groups; g++) {
        memcpy((uint8_t *)out + g * step, (const uint8_t *)v->data + g * row, row);
    }
}

static void pack(void *out, const mite_ir_value *v, const mite_packing *p) {
    size_t kh = (size_t)v->shape[1], kw = (size_t)v->shape[2], c = (size_t)v->shape[3];
    switch (p->layout) {
    case MITE_LAYOUT_DENSE: pack_rows(out, v, p); break;
    case MITE_LAYOUT_CONV_F32:
    case MITE_LAYOUT_CONV_I8: pack_conv(out, v, p); break;
    case MITE_LAYOUT_DEPTHWISE_F32: mite_pack_depthwise_f32(out, v->data, kh, kw, c); break;
    case MITE_LAYOUT_DEPTHWISE_I8: mite_pack_depthwise_i8(out, v->data, kh, kw, c); break;
    }
}

// Does MITE_VALUE_PAIR_SAFE hold for rows of `k` weights? Seen from the numbers, so that the flag
// is true whoever made them.
static bool is_pair_safe(const mite_ir_value *v) {
    const int8_t *w = v->data;
    size_t k = v->bytes / (size_t)v->shape[0];
    for (size_t n = 0; n < (size_t)v->shape[0]; n++, w += k) {
        for (size_t i = 0; i < k; i += 2) {
            int a = w[i], b = i + 1 < k ? w[i + 1] : 0;
            // A pair of both signs cannot saturate; -128 alone is the limit itself.
            if ((a < 0) == (b < 0) && abs(a) + abs(b) > 128) return false;
        }
    }
    return true;
}

// A constant that is an output of the graph, as it is.
static mite_value *add_result(mite_lowered_memory *m, mite_ir_value *v, const char *name) {
    mite_value *out = add_value(m, v, name, 0);
    if (!out) return NULL;
    out->flags = MITE_VALUE_CONSTANT;
    out->bytes = v->bytes;
    out->data = v->data;
    v->mark = (uint32_t)m->value_count;
    return out;
}

static mite_value *add_constant(mite_lowered_memory *m, const mite_ir_node *node, size_t index) {
    const mite_ir_value *v = node->inputs[index]; // resolved
    mite_packing p;
    if (!mite_packing_of(&p, node, index)) {
        mite_fail(m->error, MITE_ERR_FORMAT, "%s %q: constant %q cannot be packed", node->op->name,
                  node->name, v->name);
        return NULL;
    }
    mite_value *out = add_value(m, v, v->name, 0);
    if (!out) return NULL;
    out->layout = p.layout;
    out->flags = MITE_VALUE_CONSTANT;
    if (p.layout == MITE_LAYOUT_CONV_I8 && is_pair_safe(v)) out->flags |= MITE_VALUE_PAIR_SAFE;
    out->bytes = p.bytes;
    out->data = v->data;
    if (p.layout == MITE_LAYOUT_DENSE && p.bytes == v->bytes) return out;
    void *data = malloc(p.bytes ? p.bytes : 1);
    if (!data) {
        no_memory(m);
        return NULL;
    }
    pack(data, v, &p);
    m->packed[m->packed_count++] = data;
    out->data = data;
    if (p.layout == MITE_LAYOUT_DENSE) out->shape[0] = (int32_t)p.elements;
    return out;
}

// --- The graph ----------------------------------------------------------------------------------

// A body reads a value of a graph around it: an input more, and of the bodies in between, too.
static bool capture(mite_lowered_memory *m, scope *at, uint32_t v) {
    for (; at && at->around && m->scopes[v] != at->number; at = at->around) {
        bool known = false;
        for (size_t i = 0; i < at->input_count && !known; i++) known = at->inputs[i] == v;
        if (known) return true;
        if (at->input_count == at->input_room) {
            size_t room = at->input_room * 2 + 8;
            uint32_t *more = realloc(at->inputs, room * sizeof *more);
            if (!more) return no_memory(m);
            at->inputs = more;
            at->input_room = room;
        }
        at->inputs[at->input_count++] = v;
    }
    return true;
}

// Values are marked with their index plus one; packed constants get a new one at every use.
static bool index_of(mite_lowered_memory *m, scope *at, const mite_ir_node *node, size_t index,
                     uint32_t *out) {
    mite_ir_value *v = node->inputs[index];
    *out = MITE_NO_VALUE;
    if (!v) return true;
    if (!v->mark) {
        if (!mite_ir_is_constant(v)) {
            mite_fail(m->error, MITE_ERR_FORMAT, "%s %q: its input %q is computed nowhere",
                      node->op->name, node->name, v->name);
            return false;
        }
        mite_value *c = add_constant(m, node, index);
        if (!c) return false;
        *out = (uint32_t)m->value_count - 1;
        if (c->data == v->data) v->mark = *out + 1;
        return true;
    }
    *out = v->mark - 1;
    return (m->values[*out].flags & MITE_VALUE_CONSTANT) || capture(m, at, *out);
}

// Bodies lie in one another at most MITE_MAX_BODY_DEPTH deep (mite_ir_begin_body).
// NOLINTBEGIN(misc-no-recursion)
static bool lower_body(mite_lowered_memory *m, scope *around, const mite_ir_body *body);

// Lowers the bodies that the node names, and makes inputs of what they read of this graph. Its
// attributes become a copy that numbers the bodies as they were lowered.
static bool lower_bodies(mite_lowered_memory *m, scope *at, mite_node *to,
                         const mite_ir_node *node) {
    size_t words = mite_op_attr_words(node->op), count = node->input_count;
    int32_t *attrs = new_list(m, words, sizeof *attrs);
    if (!attrs) return false;
    memcpy(attrs, node->attrs, words * sizeof *attrs);
    for (size_t i = 0; i < node->op->body_attrs; i++) {
        if (attrs[i] < 0 || (size_t)attrs[i] >= m->ir->body_count) {
            mite_fail(m->error, MITE_ERR_FORMAT, "%s %q: its body is missing", node->op->name,
                      node->name);
            return false;
        }
        if (!lower_body(m, at, &m->ir->bodies[attrs[i]])) return false;
        attrs[i] = (int32_t)m->body_count - 1;
    }
    // The first inputs of a body are its own; the rest was captured.
    size_t room = count;
    for (size_t i = 0; i < node->op->body_attrs; i++) room += m->bodies[attrs[i]].input_count;
    uint32_t *inputs = new_list(m, room, sizeof *inputs);
    if (!inputs) return false;
    memcpy(inputs, to->inputs, count * sizeof *inputs);
    for (size_t i = 0; i < node->op->body_attrs; i++) {
        const mite_graph *body = &m->bodies[attrs[i]];
        for (size_t k = m->ir->bodies[node->attrs[i]].input_count; k < body->input_count; k++)
            inputs[count++] = body->inputs[k];
    }
    to->inputs = inputs;
    to->input_count = (uint32_t)count;
    to->attrs = attrs;
    return true;
}

static bool lower_node(mite_lowered_memory *m, scope *at, mite_node *to, mite_ir_node *node) {
    uint32_t *edges = new_list(m, (size_t)node->input_count + node->output_count, sizeof *edges);
    if (!edges) return false;
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i]) node->inputs[i] = mite_ir_resolve(node->inputs[i]);
        if (!index_of(m, at, node, i, &edges[i])) return false;
    }
    *to = (mite_node){
        .op = node->op,
        .name = node->name,
        .inputs = edges,
        .outputs = edges + node->input_count,
        .input_count = node->input_count,
        .output_count = node->output_count,
        .attrs = node->attrs,
    };
    if (node->op->body_attrs && !lower_bodies(m, at, to, node)) return false;
    for (size_t i = 0; i < node->output_count; i++) {
        if (!add_value(m, node->outputs[i], node->outputs[i]->name, at->number)) return false;
        edges[node->input_count + i] = (uint32_t)m->value_count - 1;
        node->outputs[i]->mark = (uint32_t)m->value_count;
    }
    return true;
}

// Nodes and ports of the graph or of a body; `ports` receives the outputs.
static bool lower_list(mite_lowered_memory *m, scope *at, mite_node *to, mite_ir_node *const *nodes,
                       size_t node_count, const mite_ir_port *outputs, size_t output_count,
                       uint32_t *ports) {
    for (size_t i = 0; i < node_count; i++) {
        if (!lower_node(m, at, &to[i], nodes[i])) return false;
    }
    for (size_t i = 0; i < output_count; i++) {
        const mite_ir_port *port = &outputs[i];
        mite_ir_value *v = mite_ir_resolve(port->value);
        if (!v->mark && mite_ir_is_constant(v) && !add_result(m, v, port->name)) return false;
        if (!v->mark) {
            mite_fail(m->error, MITE_ERR_FORMAT, "output %q is computed nowhere", port->name);
            return false;
        }
        ports[i] = v->mark - 1;
        m->values[ports[i]].name = port->name;
    }
    return true;
}

static bool add_inputs(mite_lowered_memory *m, uint32_t number, const mite_ir_port *inputs,
                       size_t count, uint32_t *ports) {
    for (size_t i = 0; i < count; i++) {
        if (!add_value(m, inputs[i].value, inputs[i].name, number)) return false;
        inputs[i].value->mark = (uint32_t)m->value_count;
        ports[i] = (uint32_t)m->value_count - 1;
    }
    return true;
}

// What a body captured is known only when its nodes are lowered; only then is it listed, behind the
// bodies in it.
static bool lower_body(mite_lowered_memory *m, scope *around, const mite_ir_body *body) {
    scope in = {.around = around, .number = ++m->scope_count, .input_room = body->input_count + 8};
    mite_node *nodes = &m->nodes[m->node_count];
    uint32_t *outputs = new_list(m, body->output_count, sizeof *outputs);
    m->node_count += body->node_count;
    in.inputs = calloc(in.input_room, sizeof *in.inputs);
    in.input_count = body->input_count;
    bool done = in.inputs ? outputs != NULL : no_memory(m);
    done = done && add_inputs(m, in.number, body->inputs, body->input_count, in.inputs) &&
           lower_list(m, &in, nodes, body->nodes, body->node_count, body->outputs,
                      body->output_count, outputs);
    uint32_t *inputs = done ? new_list(m, in.input_count, sizeof *inputs) : NULL;
    if (inputs) {
        memcpy(inputs, in.inputs, in.input_count * sizeof *inputs);
        m->bodies[m->body_count++] = (mite_graph){
            .nodes = nodes,
            .inputs = inputs,
            .outputs = outputs,
            .node_count = body->node_count,
            .input_count = in.input_count,
            .output_count = body->output_count,
        };
    }
    free(in.inputs);
    return inputs != NULL;
}
// NOLINTEND(misc-no-recursion)

static bool lower(mite_lowered_memory *m, const mite_ir_graph *g, mite_graph *out) {
    size_t all_nodes = g->node_count;
    for (size_t i = 0; i < g->body_count; i++) all_nodes += g->bodies[i].node_count;
    m->nodes = new_list(m, all_nodes, sizeof *m->nodes);
    m->bodies = new_list(m, g->body_count, sizeof *m->bodies);
    uint32_t *ports = new_list(m, g->input_count + g->output_count, sizeof *ports);
    if (!m->nodes || !m->bodies || !ports) return false;
    for (size_t i = 0; i < g->value_count; i++) g->values[i]->mark = 0;
    scope whole = {.around = NULL};
    m->node_count = g->node_count;
    if (!add_inputs(m, 0, g->inputs, g->input_count, ports) ||
        !lower_list(m, &whole, m->nodes, g->nodes, g->node_count, g->outputs, g->output_count,
                    ports + g->input_count)) {
        return false;
    }
    *out = (mite_graph){
        .values = m->values,
        .nodes = m->nodes,
        .inputs = ports,
        .outputs = ports + g->input_count,
        .value_count = m->value_count,
        .node_count = g->node_count,
        .input_count = g->input_count,
        .output_count = g->output_count,
        .bodies = m->bodies,
        .body_count = m->body_count,
    };
    for (size_t i = 0; i < m->body_count; i++) {
        m->bodies[i].values = m->values; // which has moved while it grew
        m->bodies[i].value_count = m->value_count;
    }
    return true;
}

mite_status mite_lower(mite_lowered *out, mite_ir_graph *g, mite_error *error) {
    mite_lowered_memory *m = calloc(1, sizeof *m);
    *out = (mite_lowered){.memory = m};
    if (!m) return mite_fail(error, MITE_ERR_MEMORY, "no memory to lay out the model");
    m->error = error;
    m->ir = g;
    if (lower(m, g, &out->graph)) return MITE_OK;
    mite_lowered_free(out);
    return error->status;
}

void mite_lowered_free(mite_lowered *lowered) {
    mite_lowered_memory *m = lowered->memory;
    if (m) {
        for (size_t i = 0; i < m->packed_count; i++) free(m->packed[i]);
        for (size_t i = 0; i < m->list_count; i++) free(m->lists[i]);
        free(m->packed);
        free(m->lists);
        free(m->values);
        free(m->scopes);
        free(m);
    }
    *lowered = (mite_lowered){.memory = NULL};
}
