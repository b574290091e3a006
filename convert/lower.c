// SPDX-License-Identifier: Apache-2.0
#include "lower.h"

#include "base/sizes.h"

#include <stdlib.h>
#include <string.h>

enum { WEIGHTS = 1, BIAS = 2, MULTIPLIER = 3 }; // inputs of conv2d, depthwise_conv2d and dense

bool mite_packing_of(mite_packing *p, const mite_ir_node *node, size_t index) {
    const mite_ir_value *v = node->inputs[index];
    bool conv = mite_ir_is(node, "conv2d"), depthwise = mite_ir_is(node, "depthwise_conv2d");
    bool packs = conv || depthwise || mite_ir_is(node, "dense");
    bool i8 = v->dtype == MITE_I8;
    *p = (mite_packing){.groups = 1, .elements = mite_ir_elements(v)};
    if (packs && index == WEIGHTS) {
        p->layout = depthwise ? (i8 ? MITE_LAYOUT_DEPTHWISE_I8 : MITE_LAYOUT_DEPTHWISE_F32)
                              : (i8 ? MITE_LAYOUT_CONV_I8 : MITE_LAYOUT_CONV_F32);
        if (conv && mite_ir_int(node, "groups") > 0) {
            p->groups = (size_t)mite_ir_int(node, "groups");
        }
    } else if (packs && (index == BIAS || index == MULTIPLIER)) {
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
    mite_node *nodes;
    uint32_t *edges, *ports; // of all nodes one after another; inputs, then outputs
    void **packed;
    size_t value_count, value_room, packed_count, edge_count;
    mite_error *error;
} mite_lowered_memory;

static bool no_memory(mite_lowered_memory *m) {
    mite_fail(m->error, MITE_ERR_MEMORY, "no memory to lay out the model");
    return false;
}

static mite_value *add_value(mite_lowered_memory *m, const mite_ir_value *v, const char *name) {
    if (m->value_count == m->value_room) {
        size_t room = m->value_room ? m->value_room * 2 : 64;
        mite_value *more = realloc(m->values, room * sizeof *more);
        void **packed = realloc(m->packed, room * sizeof *packed);
        if (more) m->values = more;
        if (packed) m->packed = packed;
        if (!more || !packed) {
            no_memory(m);
            return NULL;
        }
        m->value_room = room;
    }
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
    mite_value *out = add_value(m, v, name);
    if (!out) return NULL;
    out->flags = MITE_VALUE_CONSTANT;
    out->bytes = v->bytes;
    out->data = v->data;
    v->mark = (uint32_t)m->value_count;
    return out;
}

static mite_value *add_constant(mite_lowered_memory *m, const mite_ir_node *node, size_t index) {
    const mite_ir_value *v = node->inputs[index];
    mite_packing p;
    if (!mite_packing_of(&p, node, index)) {
        mite_fail(m->error, MITE_ERR_FORMAT, "%s %q: constant %q cannot be packed", node->op->name,
                  node->name, v->name);
        return NULL;
    }
    mite_value *out = add_value(m, v, v->name);
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

// Values are marked with their index plus one; packed constants get a new one at every use.
static bool index_of(mite_lowered_memory *m, const mite_ir_node *node, size_t index,
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
    return true;
}

static bool lower_node(mite_lowered_memory *m, mite_node *to, const mite_ir_node *node) {
    uint32_t *edges = m->edges + m->edge_count;
    for (size_t i = 0; i < node->input_count; i++) {
        if (!index_of(m, node, i, &edges[i])) return false;
    }
    for (size_t i = 0; i < node->output_count; i++) {
        if (!add_value(m, node->outputs[i], node->outputs[i]->name)) return false;
        edges[node->input_count + i] = (uint32_t)m->value_count - 1;
        node->outputs[i]->mark = (uint32_t)m->value_count;
    }
    m->edge_count += (size_t)node->input_count + node->output_count;
    *to = (mite_node){
        .op = node->op,
        .name = node->name,
        .inputs = edges,
        .outputs = edges + node->input_count,
        .input_count = node->input_count,
        .output_count = node->output_count,
        .attrs = node->attrs,
    };
    return true;
}

static bool allocate(mite_lowered_memory *m, const mite_ir_graph *g) {
    size_t edges = 0;
    for (size_t i = 0; i < g->node_count; i++) {
        edges += (size_t)g->nodes[i]->input_count + g->nodes[i]->output_count;
    }
    m->nodes = calloc(g->node_count + 1, sizeof *m->nodes);
    m->edges = calloc(edges + 1, sizeof *m->edges);
    m->ports = calloc(g->input_count + g->output_count + 1, sizeof *m->ports);
    return (m->nodes && m->edges && m->ports) || no_memory(m);
}

static bool lower(mite_lowered_memory *m, const mite_ir_graph *g) {
    if (!allocate(m, g)) return false;
    for (size_t i = 0; i < g->value_count; i++) g->values[i]->mark = 0;
    for (size_t i = 0; i < g->input_count; i++) {
        if (!add_value(m, g->inputs[i].value, g->inputs[i].name)) return false;
        g->inputs[i].value->mark = (uint32_t)m->value_count;
        m->ports[i] = (uint32_t)m->value_count - 1;
    }
    for (size_t i = 0; i < g->node_count; i++) {
        if (!lower_node(m, &m->nodes[i], g->nodes[i])) return false;
    }
    for (size_t i = 0; i < g->output_count; i++) {
        const mite_ir_port *port = &g->outputs[i];
        if (!port->value->mark && mite_ir_is_constant(port->value) &&
            !add_result(m, port->value, port->name)) {
            return false;
        }
        if (!port->value->mark) {
            mite_fail(m->error, MITE_ERR_FORMAT, "output %q is computed nowhere", port->name);
            return false;
        }
        m->ports[g->input_count + i] = port->value->mark - 1;
        m->values[port->value->mark - 1].name = port->name;
    }
    return true;
}

mite_status mite_lower(mite_lowered *out, mite_ir_graph *g, mite_error *error) {
    mite_lowered_memory *m = calloc(1, sizeof *m);
    *out = (mite_lowered){.memory = m};
    if (!m) return mite_fail(error, MITE_ERR_MEMORY, "no memory to lay out the model");
    m->error = error;
    if (!lower(m, g)) {
        mite_lowered_free(out);
        return error->status;
    }
    out->graph = (mite_graph){
        .values = m->values,
        .nodes = m->nodes,
        .inputs = m->ports,
        .outputs = m->ports + g->input_count,
        .value_count = m->value_count,
        .node_count = g->node_count,
        .input_count = g->input_count,
        .output_count = g->output_count,
    };
    return MITE_OK;
}

void mite_lowered_free(mite_lowered *lowered) {
    mite_lowered_memory *m = lowered->memory;
    if (m) {
        for (size_t i = 0; i < m->packed_count; i++) free(m->packed[i]);
        free(m->packed);
        free(m->values);
        free(m->nodes);
        free(m->edges);
        free(m->ports);
        free(m);
    }
    *lowered = (mite_lowered){.memory = NULL};
}
