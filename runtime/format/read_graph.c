// SPDX-License-Identifier: Apache-2.0
// The graph section of a .mite file -> mite_graph. The bytes are those the writer wrote (their
// digest was right), but the writer may have been hostile: every offset, count and order is
// checked here, once, so that nothing behind this file needs to.
#include "reader.h"

#include "../base/sizes.h"
#include "../ops/op.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// The planner is quadratic in these; real networks have hundreds.
#define MAX_VALUES 65536u
#define MAX_NODES 32768u
#define MAX_BODIES 1024u
#define BODY_WORDS 4 // before the inputs and outputs of a body

typedef struct section {
    const uint8_t *bytes;
    const mite_file_graph *head;
    const mite_file_value *values;
    const mite_file_node *nodes;
    const uint32_t *words;
    const char *strings;
    size_t weights_bytes;
    const uint8_t *weights;
    // By value: 1 + the number of the graph (0: the whole one, k: body k - 1) in which the value was
    // last seen to be there: as an input, or computed by an earlier node. ALWAYS for constants.
    uint32_t *ready;
    uint8_t *depth; // by body: how deep bodies lie in it, itself included
    mite_error *error;
} section;

#define ALWAYS UINT32_MAX

static mite_status refuse(const section *s, const char *what, const char *name) {
    return mite_fail(s->error, MITE_ERR_FORMAT,
                     "the graph of this .mite file is malformed: %s, at %q; convert it again", what,
                     name);
}

// --- The section's own tables --------------------------------------------------------------------

static bool table_fits(size_t section_bytes, uint32_t offset, uint32_t count, size_t item) {
    size_t bytes;
    return offset % 8 == 0 && offset <= section_bytes && mite_size_mul(&bytes, count, item) &&
           bytes <= section_bytes - offset;
}

static mite_status open_section(section *s, size_t bytes) {
    const mite_file_graph *h = s->head = (const mite_file_graph *)(const void *)s->bytes;
    if (bytes < sizeof *h || !table_fits(bytes, h->values_offset, h->value_count, 64) ||
        !table_fits(bytes, h->nodes_offset, h->node_count, 24) ||
        !table_fits(bytes, h->words_offset, h->word_count, 4) ||
        !table_fits(bytes, h->strings_offset, h->string_bytes, 1))
        return refuse(s, "a table leaves its section", "header");
    if (h->value_count > MAX_VALUES || h->node_count > MAX_NODES || h->body_count > MAX_BODIES)
        return refuse(s, "it has more than 65536 values, 32768 nodes or 1024 bodies", "header");
    s->values = (const mite_file_value *)(const void *)(s->bytes + h->values_offset);
    s->nodes = (const mite_file_node *)(const void *)(s->bytes + h->nodes_offset);
    s->words = (const uint32_t *)(const void *)(s->bytes + h->words_offset);
    s->strings = (const char *)(s->bytes + h->strings_offset);
    // With a NUL at the very end, every offset inside begins a string that ends inside.
    if (!h->string_bytes || s->strings[h->string_bytes - 1])
        return refuse(s, "its strings do not end", "header");
    return MITE_OK;
}

static const char *string_at(const section *s, uint32_t offset) {
    return offset < s->head->string_bytes ? s->strings + offset : NULL;
}

static bool words_fit(const section *s, uint32_t first, size_t count) {
    return first <= s->head->word_count && count <= s->head->word_count - first;
}

// --- Values --------------------------------------------------------------------------------------

static bool quantization_is_legal(const mite_file_value *from) {
    if (!isfinite(from->scale) || from->scale < 0.0f) return false;
    if (from->scale == 0.0f) return from->zero_point == 0;
    switch (from->dtype) {
    case MITE_U8: return from->zero_point >= 0 && from->zero_point <= 255;
    case MITE_I8: return from->zero_point >= -128 && from->zero_point <= 127;
    case MITE_I16:
    case MITE_I32: return from->zero_point == 0;
    default: return false;
    }
}

static mite_status read_constant(const section *s, mite_value *to, const mite_file_value *from) {
    size_t least;
    if (from->data_offset % MITE_ALIGN || from->data_offset > s->weights_bytes ||
        from->data_bytes > s->weights_bytes - from->data_offset)
        return refuse(s, "a constant lies outside the weights", to->name);
    // Packed layouts are padded for each group; the operator, which knows the groups, checks the
    // rest (mite_step_need_constant).
    bool halves = (to->flags & MITE_VALUE_HALVES) != 0;
    if (halves && (to->dtype != MITE_F32 || from->data_bytes % 2))
        return refuse(s, "a constant of halves is not f32", to->name);
    if (!mite_layout_bytes(&least, to->layout, to->dtype, (size_t)to->rank, to->shape, 1) ||
        (to->layout == MITE_LAYOUT_DENSE ? from->data_bytes != least >> halves
                                         : from->data_bytes < least >> halves))
        return refuse(s, "a constant's size does not match its shape", to->name);
    to->data = s->weights + from->data_offset;
    to->bytes = (size_t)from->data_bytes;
    return MITE_OK;
}

// Of what is not constant, dimensions (-1) or the whole shape may be open.
static bool shape_is_legal(const mite_value *v) {
    int32_t shape[MITE_MAX_RANK];
    size_t elements, rank = v->rank < 0 ? 0 : (size_t)v->rank;
    bool constant = v->flags & MITE_VALUE_CONSTANT;
    if (rank > MITE_MAX_RANK || (constant && v->rank < 0)) return false;
    for (size_t i = 0; i < rank; i++) shape[i] = v->shape[i] == -1 && !constant ? 1 : v->shape[i];
    return mite_shape_elements(&elements, rank, shape);
}

static mite_status read_value(const section *s, mite_value *to, const mite_file_value *from) {
    to->name = string_at(s, from->name);
    if (!to->name) return refuse(s, "a name lies outside the strings", "values");
    to->dtype = (mite_dtype)from->dtype;
    to->layout = (mite_layout)from->layout;
    to->flags = from->flags;
    if (!(to->flags & MITE_VALUE_CONSTANT)) to->flags &= ~(uint32_t)MITE_VALUE_HALVES;
    to->rank = from->rank == MITE_FILE_ANY_RANK ? -1 : from->rank;
    to->scale = from->scale;
    to->zero_point = from->zero_point;
    memcpy(to->shape, from->shape, sizeof to->shape);
    if (!mite_dtype_bytes(to->dtype)) return refuse(s, "a data type is unknown", to->name);
    if (!shape_is_legal(to)) return refuse(s, "a shape is impossible", to->name);
    if (!quantization_is_legal(from))
        return refuse(s, "a scale or zero point is impossible", to->name);
    if (to->flags & MITE_VALUE_CONSTANT) return read_constant(s, to, from);
    if (to->layout != MITE_LAYOUT_DENSE)
        return refuse(s, "an activation has a packed layout", to->name);
    return MITE_OK;
}

// --- Nodes ---------------------------------------------------------------------------------------

static bool is_ready(const section *s, uint32_t v, uint32_t stamp) {
    return s->ready[v] == stamp || s->ready[v] == ALWAYS;
}

static mite_status check_edges(const section *s, const mite_node *node, uint32_t stamp) {
    for (uint32_t i = 0; i < node->input_count; i++) {
        uint32_t v = node->inputs[i];
        if (v == MITE_NO_VALUE) continue;
        if (v >= s->head->value_count) return refuse(s, "an input does not exist", node->name);
        if (!is_ready(s, v, stamp))
            return refuse(s, "an input is used before it is computed", node->name);
    }
    for (uint32_t i = 0; i < node->output_count; i++) {
        uint32_t v = node->outputs[i];
        if (v >= s->head->value_count) return refuse(s, "an output does not exist", node->name);
        if (is_ready(s, v, stamp)) return refuse(s, "an output is written twice", node->name);
        s->ready[v] = stamp;
    }
    return MITE_OK;
}

static void read_attrs(int32_t *to, const mite_op *op, const uint32_t *from, size_t from_words) {
    size_t at = 0;
    for (size_t i = 0; i < op->attr_count; i++)
        for (size_t k = 0; k < op->attrs[i].count; k++, at++)
            to[at] = at < from_words ? (int32_t)from[at] : op->attrs[i].def;
}

static mite_status read_node(const section *s, mite_node *to, const mite_file_node *from,
                             int32_t *attrs) {
    const mite_op *op = to->op;
    size_t words = (size_t)from->input_count + from->output_count + from->attr_words;
    if (!words_fit(s, from->first_word, words))
        return refuse(s, "a list leaves its table", to->name);
    if (from->input_count < op->min_inputs ||
        (op->max_inputs != 255 && from->input_count > op->max_inputs) ||
        from->output_count < op->output_count || from->output_count > mite_op_max_outputs(op))
        return refuse(s, "a node has the wrong number of inputs or outputs", to->name);
    if (from->attr_words > mite_op_attr_words(op))
        return mite_fail(s->error, MITE_ERR_UNSUPPORTED,
                         "%s %q has attributes that this runtime does not know; update mite",
                         op->name, to->name);
    to->inputs = s->words + from->first_word;
    to->outputs = to->inputs + from->input_count;
    to->input_count = from->input_count;
    to->output_count = from->output_count;
    to->attrs = attrs;
    read_attrs(attrs, op, to->outputs + from->output_count, from->attr_words);
    return MITE_OK;
}

// Finds every node's operator; if some are missing, one sentence names them all.
static mite_status find_operators(const section *s, mite_node *nodes, size_t *attr_words) {
    char missing[160] = "";
    size_t length = 0;
    *attr_words = 0;
    for (uint32_t i = 0; i < s->head->node_count; i++) {
        const char *op_name = string_at(s, s->nodes[i].op);
        nodes[i].name = string_at(s, s->nodes[i].name);
        if (!op_name || !nodes[i].name)
            return refuse(s, "a name lies outside the strings", "nodes");
        nodes[i].op = mite_op_find(op_name);
        if (nodes[i].op) {
            *attr_words += mite_op_attr_words(nodes[i].op);
            continue;
        }
        char quoted[64];
        mite_format(quoted, sizeof quoted, "%q", op_name);
        if (strstr(missing, quoted)) continue;
        length += mite_format(missing + length, sizeof missing - length, "%s%s", length ? ", " : "",
                              quoted);
    }
    if (!length) return MITE_OK;
    return mite_fail(s->error, MITE_ERR_UNSUPPORTED,
                     "this runtime lacks operators that the model needs: %s; update mite", missing);
}

// --- The whole -----------------------------------------------------------------------------------

// Nodes name bodies below `body_limit`; *depth becomes that of the deepest one, plus one.
static mite_status check_bodies(const section *s, const mite_node *node, uint32_t body_limit,
                                uint8_t *depth) {
    for (size_t i = 0; i < node->op->body_attrs; i++) {
        if (node->attrs[i] < 0 || (uint32_t)node->attrs[i] >= body_limit)
            return refuse(s, "a node names a body that does not exist", node->name);
        uint8_t inner = s->depth[node->attrs[i]];
        if (inner >= *depth) *depth = (uint8_t)(inner + 1);
    }
    return MITE_OK;
}

// The graph or a body of it: inputs first, then nodes in their order, then outputs.
static mite_status check_flow(const section *s, const mite_graph *g, uint32_t stamp,
                              uint32_t body_limit, uint8_t *depth) {
    for (size_t i = 0; i < g->input_count + g->output_count; i++)
        if ((i < g->input_count ? g->inputs[i] : g->outputs[i - g->input_count]) >=
            s->head->value_count)
            return refuse(s, "an input or output does not exist", "graph");
    for (size_t i = 0; i < g->input_count; i++) {
        if (is_ready(s, g->inputs[i], stamp))
            return refuse(s, "an input is constant or doubled", "graph");
        s->ready[g->inputs[i]] = stamp;
    }
    for (size_t i = 0; i < g->node_count; i++) {
        const mite_node *node = &g->nodes[i];
        if (check_edges(s, node, stamp) || check_bodies(s, node, body_limit, depth))
            return s->error->status;
    }
    for (size_t i = 0; i < g->output_count; i++)
        if (!is_ready(s, g->outputs[i], stamp))
            return refuse(s, "an output is never computed", g->values[g->outputs[i]].name);
    return MITE_OK;
}

// Sets body `index` by its words, which begin at *word, and moves on to those of the next.
static mite_status read_body(const section *s, const mite_graph *g, mite_graph *bodies,
                             uint32_t index, size_t *word) {
    if (!words_fit(s, (uint32_t)*word, BODY_WORDS))
        return refuse(s, "a body leaves its table", "bodies");
    const uint32_t *w = s->words + *word;
    size_t ports = (size_t)w[2] + w[3], all = s->head->node_count;
    if (w[2] > MAX_VALUES || w[3] > MAX_VALUES ||
        !words_fit(s, (uint32_t)*word + BODY_WORDS, ports) || w[0] < g->node_count || w[0] > all ||
        w[1] > all - w[0])
        return refuse(s, "a body leaves its table", "bodies");
    bodies[index] = (mite_graph){
        .values = g->values,
        .nodes = g->nodes + w[0],
        .inputs = w + BODY_WORDS,
        .outputs = w + BODY_WORDS + w[2],
        .value_count = g->value_count,
        .node_count = w[1],
        .input_count = w[2],
        .output_count = w[3],
    };
    *word += BODY_WORDS + ports;
    uint8_t depth = 1;
    if (check_flow(s, &bodies[index], index + 2, index, &depth)) return s->error->status;
    if (depth > MITE_MAX_BODY_DEPTH)
        return refuse(s, "its bodies lie in one another too deeply", "bodies");
    s->depth[index] = depth;
    return MITE_OK;
}

// How many nodes are the graph's own: those before its bodies'.
static bool count_own_nodes(const section *s, size_t *own) {
    size_t word = s->head->first_body_word;
    *own = s->head->node_count;
    for (uint32_t i = 0; i < s->head->body_count; i++) {
        if (word > UINT32_MAX || !words_fit(s, (uint32_t)word, BODY_WORDS)) return false;
        const uint32_t *w = s->words + word;
        if (w[1] > *own) return false;
        *own -= w[1];
        word += BODY_WORDS + (size_t)w[2] + w[3];
    }
    return true;
}

static mite_status fill_graph(const section *s, mite_graph *g, mite_graph *bodies, int32_t *attrs) {
    for (size_t i = 0; i < g->value_count; i++) {
        if (read_value(s, &g->values[i], &s->values[i])) return s->error->status;
        s->ready[i] = g->values[i].flags & MITE_VALUE_CONSTANT ? ALWAYS : 0;
    }
    for (size_t i = 0; i < s->head->node_count; i++) {
        if (read_node(s, &g->nodes[i], &s->nodes[i], attrs)) return s->error->status;
        attrs += mite_op_attr_words(g->nodes[i].op);
    }
    size_t word = s->head->first_body_word;
    for (uint32_t i = 0; i < s->head->body_count; i++)
        if (read_body(s, g, bodies, i, &word)) return s->error->status;
    uint8_t depth = 0;
    return check_flow(s, g, 1, s->head->body_count, &depth);
}

mite_status mite_read_graph(mite_graph *graph, void **memory, const uint8_t *bytes,
                            size_t section_bytes, const uint8_t *weights, size_t weights_bytes,
                            mite_error *error) {
    section s = {
        .bytes = bytes, .weights = weights, .weights_bytes = weights_bytes, .error = error};
    *memory = NULL;
    if (open_section(&s, section_bytes)) return error->status;
    const mite_file_graph *h = s.head;
    size_t port_count;
    if (!mite_size_add(&port_count, h->input_count, h->output_count) ||
        !words_fit(&s, h->first_word, port_count))
        return refuse(&s, "the list of inputs and outputs leaves its table", "graph");

    // One block: nodes, values, bodies, attribute words; `ready` and `depth` are only needed here.
    mite_node *nodes = calloc((size_t)h->node_count + 1, sizeof *nodes);
    if (!nodes) return mite_fail(error, MITE_ERR_MEMORY, "not enough memory for the graph");
    size_t attr_words, own_nodes;
    if (find_operators(&s, nodes, &attr_words)) {
        free(nodes);
        return error->status;
    }
    size_t node_bytes = sizeof *nodes * h->node_count;
    size_t value_bytes = sizeof(mite_value) * h->value_count;
    size_t body_bytes = sizeof(mite_graph) * h->body_count;
    uint8_t *block = calloc(node_bytes + value_bytes + body_bytes + 4 * attr_words + 1, 1);
    s.ready = calloc((size_t)h->value_count + 1, sizeof *s.ready);
    s.depth = calloc((size_t)h->body_count + 1, 1);
    mite_status status = MITE_ERR_MEMORY;
    if (!block || !s.ready || !s.depth) {
        mite_fail(error, MITE_ERR_MEMORY, "not enough memory for the graph");
    } else if (!count_own_nodes(&s, &own_nodes)) {
        status = refuse(&s, "a body leaves its table", "bodies");
    } else {
        memcpy(block, nodes, node_bytes);
        mite_graph *bodies = (mite_graph *)(void *)(block + node_bytes + value_bytes);
        *graph = (mite_graph){
            .nodes = (mite_node *)(void *)block,
            .values = (mite_value *)(void *)(block + node_bytes),
            .inputs = s.words + h->first_word,
            .outputs = s.words + h->first_word + h->input_count,
            .node_count = own_nodes,
            .value_count = h->value_count,
            .input_count = h->input_count,
            .output_count = h->output_count,
            .bodies = bodies,
            .body_count = h->body_count,
        };
        status = fill_graph(&s, graph, bodies,
                            (int32_t *)(void *)(block + node_bytes + value_bytes + body_bytes));
    }
    free(nodes);
    free(s.ready);
    free(s.depth);
    if (status) free(block);
    else *memory = block;
    return status;
}
