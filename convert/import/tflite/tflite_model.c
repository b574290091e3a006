// SPDX-License-Identifier: Apache-2.0
#include "import/tflite/tflite_model.h"

#include <string.h>

enum { MODEL_OPERATOR_CODES = 1, MODEL_SUBGRAPHS = 2, MODEL_BUFFERS = 4, MODEL_SIGNATURES = 7 };
enum { SIGNATURE_INPUTS, SIGNATURE_OUTPUTS, SIGNATURE_GRAPH = 4 };
enum { MAP_NAME, MAP_TENSOR };
enum { CODE_DEPRECATED, CODE_CUSTOM, CODE_VERSION, CODE_BUILTIN };
enum { GRAPH_TENSORS, GRAPH_INPUTS, GRAPH_OUTPUTS, GRAPH_NODES };
enum { TENSOR_SHAPE, TENSOR_TYPE, TENSOR_BUFFER, TENSOR_NAME, TENSOR_QUANTIZATION };
enum { TENSOR_SPARSITY = 6, TENSOR_SIGNATURE = 7, TENSOR_EXTERNAL = 10 };
enum { QUANTIZATION_SCALE = 2, QUANTIZATION_ZERO_POINT = 3, QUANTIZATION_AXIS = 6 };
enum { QUANTIZATION_DETAILS_TYPE = 4, BLOCKWISE = 2 };
enum { NODE_CODE, NODE_INPUTS, NODE_OUTPUTS, NODE_OPTIONS = 4, NODE_CUSTOM = 5 };
enum { NODE_INTERMEDIATES = 8, NODE_OPTIONS_2 = 12 };
enum { BUFFER_DATA, BUFFER_OFFSET, BUFFER_SIZE };

#define CUSTOM_CODE 32    // BuiltinOperator_CUSTOM
#define MAX_NAME 1000     // bytes kept of a name

const char *tfl_type_name(int32_t type) {
    static const char *const names[] = {
        "float32", "float16",   "int32",  "uint8",   "int64",      "string", "bool",
        "int16",   "complex64", "int8",   "float64", "complex128", "uint64", "resource",
        "variant", "uint32",    "uint16", "int4",    "bfloat16",   "int2",   "uint4"};
    return type >= 0 && type < (int32_t)(sizeof names / sizeof *names) ? names[type]
                                                                       : "an unknown type";
}

size_t tfl_type_bytes(int32_t type) {
    switch (type) {
    case TFL_UINT8:
    case TFL_INT8:
    case TFL_BOOL: return 1;
    case TFL_FLOAT16:
    case TFL_BFLOAT16:
    case TFL_INT16:
    case TFL_UINT16: return 2;
    case TFL_FLOAT32:
    case TFL_INT32:
    case TFL_UINT32: return 4;
    case TFL_INT64:
    case TFL_FLOAT64:
    case TFL_UINT64: return 8;
    default: return 0;
    }
}

size_t tfl_type_bits(int32_t type) { return type == TFL_INT4 ? 4 : type == TFL_INT2 ? 2 : 0; }

static const char *text_of(mite_ir_graph *g, mite_span span) {
    return mite_ir_text(g, (const char *)span.data, span.bytes < MAX_NAME ? span.bytes : MAX_NAME);
}

static int32_t *integers(mite_ir_graph *g, const mite_flat_table *t, size_t field, size_t *count) {
    mite_flat_list list = mite_flat_items(t, field, 4);
    int32_t *out = mite_ir_alloc(g, list.count + 1, sizeof *out);
    *count = out ? list.count : 0;
    for (size_t i = 0; i < *count; i++) out[i] = mite_flat_i32_at(&list, i);
    return out;
}

// Contents lie in the buffer's own list or, in files above 2 GB, anywhere in the file.
static mite_span contents(tfl_model *m, const mite_flat_list *buffers, uint32_t index) {
    mite_span none = {(const uint8_t *)"", 0};
    if (index >= buffers->count) return none;
    mite_flat_table buffer = mite_flat_table_at(buffers, index);
    uint64_t offset = mite_flat_u64(&buffer, BUFFER_OFFSET, 0);
    uint64_t size = mite_flat_u64(&buffer, BUFFER_SIZE, 0);
    if (offset <= 1) return mite_flat_bytes(&buffer, BUFFER_DATA);
    if (offset > m->flat.span.bytes || size > m->flat.span.bytes - offset) {
        if (!m->flat.bad) m->flat.bad = "a buffer reaches out of the file";
        return none;
    }
    return (mite_span){m->flat.span.data + offset, (size_t)size};
}

static void read_shape(tfl_tensor *t, const mite_flat_table *table) {
    mite_flat_list shape = mite_flat_items(table, TENSOR_SHAPE, 4);
    mite_flat_list signature = mite_flat_items(table, TENSOR_SIGNATURE, 4);
    if (shape.count > MITE_MAX_RANK) {
        t->bad = "it has more than 8 dimensions";
        return;
    }
    t->rank = shape.count;
    for (size_t i = 0; i < t->rank; i++) {
        t->dims[i] = mite_flat_i32_at(&shape, i);
        bool open = signature.count == t->rank && mite_flat_i32_at(&signature, i) == -1;
        if (t->dims[i] == -1) t->dims[i] = 1, open = true;
        if (t->dims[i] < 0) t->bad = "it has a negative dimension";
        if (open) t->open |= (uint8_t)(1u << i);
    }
}

static void read_tensor(mite_ir_graph *g, tfl_model *m, const mite_flat_list *buffers,
                        const mite_flat_table *table, tfl_tensor *t) {
    *t = (tfl_tensor){.name = text_of(g, mite_flat_bytes(table, TENSOR_NAME))};
    t->type = mite_flat_i8(table, TENSOR_TYPE, 0);
    read_shape(t, table);
    uint32_t buffer = mite_flat_u32(table, TENSOR_BUFFER, 0);
    if (buffer) t->data = contents(m, buffers, buffer);
    mite_flat_table quantization = mite_flat_child(table, TENSOR_QUANTIZATION);
    t->scales = mite_flat_items(&quantization, QUANTIZATION_SCALE, 4);
    t->zero_points = mite_flat_items(&quantization, QUANTIZATION_ZERO_POINT, 8);
    t->axis = mite_flat_i32(&quantization, QUANTIZATION_AXIS, 0);
    if (mite_flat_u32(table, TENSOR_EXTERNAL, 0))
        t->bad = "its numbers lie in another file, which is not supported";
    if (mite_flat_u8(&quantization, QUANTIZATION_DETAILS_TYPE, 0) == BLOCKWISE)
        t->bad = "it has scales for blocks, which is not supported";
    t->sparsity = mite_flat_child(table, TENSOR_SPARSITY);
}

// Old files have only the one-byte code, new ones both; the larger is meant.
static bool read_code(mite_ir_graph *g, const mite_flat_list *codes, uint32_t index, tfl_node *n) {
    if (index >= codes->count) {
        mite_ir_fail(g, MITE_ERR_FORMAT,
                     "this TFLite file is damaged: a node names operator %u of %z", index,
                     codes->count);
        return false;
    }
    mite_flat_table code = mite_flat_table_at(codes, index);
    int32_t old = mite_flat_i8(&code, CODE_DEPRECATED, 0);
    int32_t builtin = mite_flat_i32(&code, CODE_BUILTIN, 0);
    n->code = old > builtin ? old : builtin;
    n->version = mite_flat_i32(&code, CODE_VERSION, 1);
    n->custom = n->code == CUSTOM_CODE ? text_of(g, mite_flat_bytes(&code, CODE_CUSTOM)) : "";
    return n->custom != NULL;
}

static bool read_node(mite_ir_graph *g, const mite_flat_list *codes, const mite_flat_table *table,
                      tfl_node *n) {
    n->inputs = integers(g, table, NODE_INPUTS, &n->input_count);
    n->outputs = integers(g, table, NODE_OUTPUTS, &n->output_count);
    n->intermediates = integers(g, table, NODE_INTERMEDIATES, &n->intermediate_count);
    n->options = mite_flat_child(table, NODE_OPTIONS);
    if (!n->options.flat) n->options = mite_flat_child(table, NODE_OPTIONS_2);
    n->custom_options = mite_flat_bytes(table, NODE_CUSTOM);
    return read_code(g, codes, mite_flat_u32(table, NODE_CODE, 0), n);
}

static bool check_damage(mite_ir_graph *g, const tfl_model *m) {
    if (m->flat.bad) {
        mite_ir_fail(g, MITE_ERR_FORMAT, "this TFLite file is damaged: %s (at byte %z)",
                     m->flat.bad, m->flat.bad_at);
    }
    return mite_ir_ok(g);
}

// Every index of a list must name a tensor; -1 may stand for an absent one.
static bool check_indices(mite_ir_graph *g, const tfl_graph *of, const int32_t *list, size_t count,
                          int32_t least) {
    for (size_t i = 0; i < count; i++) {
        if (list[i] >= least && (list[i] < 0 || (size_t)list[i] < of->tensor_count)) continue;
        mite_ir_fail(g, MITE_ERR_FORMAT, "this TFLite file is damaged: it names tensor %d of %z",
                     list[i], of->tensor_count);
        return false;
    }
    return true;
}

static bool check_node(mite_ir_graph *g, const tfl_graph *of, const tfl_node *n) {
    return check_indices(g, of, n->inputs, n->input_count, -1) &&
           check_indices(g, of, n->outputs, n->output_count, 0) &&
           check_indices(g, of, n->intermediates, n->intermediate_count, -1);
}

static bool read_graph(mite_ir_graph *g, tfl_model *m, const mite_flat_table *model,
                       const mite_flat_table *from, tfl_graph *out) {
    mite_flat_list buffers = mite_flat_items(model, MODEL_BUFFERS, 4);
    mite_flat_list codes = mite_flat_items(model, MODEL_OPERATOR_CODES, 4);
    mite_flat_list tensors = mite_flat_items(from, GRAPH_TENSORS, 4);
    mite_flat_list nodes = mite_flat_items(from, GRAPH_NODES, 4);
    out->inputs = integers(g, from, GRAPH_INPUTS, &out->input_count);
    out->outputs = integers(g, from, GRAPH_OUTPUTS, &out->output_count);
    out->tensors = mite_ir_alloc(g, tensors.count + 1, sizeof *out->tensors);
    out->nodes = mite_ir_alloc(g, nodes.count + 1, sizeof *out->nodes);
    if (!out->tensors || !out->nodes || !check_damage(g, m)) return false;
    for (; out->tensor_count < tensors.count; out->tensor_count++) {
        mite_flat_table table = mite_flat_table_at(&tensors, out->tensor_count);
        read_tensor(g, m, &buffers, &table, &out->tensors[out->tensor_count]);
        if (!check_damage(g, m)) return false;
    }
    if (!check_indices(g, out, out->inputs, out->input_count, 0) ||
        !check_indices(g, out, out->outputs, out->output_count, 0)) {
        return false;
    }
    for (; out->node_count < nodes.count; out->node_count++) {
        tfl_node *n = &out->nodes[out->node_count];
        mite_flat_table table = mite_flat_table_at(&nodes, out->node_count);
        if (!check_damage(g, m) || !read_node(g, &codes, &table, n) || !check_damage(g, m) ||
            !check_node(g, out, n)) {
            return false;
        }
    }
    return true;
}

// The name that a signature has for a tensor of the main graph; empty where there is none.
static mite_span signature_name(const mite_flat_list *signatures, int32_t tensor, size_t field) {
    for (size_t i = 0; i < signatures->count; i++) {
        mite_flat_table signature = mite_flat_table_at(signatures, i);
        mite_flat_list maps = mite_flat_items(&signature, field, 4);
        if (mite_flat_u32(&signature, SIGNATURE_GRAPH, 0)) continue;
        for (size_t k = 0; k < maps.count; k++) {
            mite_flat_table map = mite_flat_table_at(&maps, k);
            if (mite_flat_u32(&map, MAP_TENSOR, 0) == (uint32_t)tensor)
                return mite_flat_bytes(&map, MAP_NAME);
        }
    }
    return (mite_span){(const uint8_t *)"", 0};
}

// Inputs and outputs without a name, or with that of an earlier one, are called as a signature calls them,
// or by their places.
static void name_ports(mite_ir_graph *g, const mite_flat_list *signatures, tfl_graph *graph,
                       bool outputs) {
    const int32_t *list = outputs ? graph->outputs : graph->inputs;
    size_t count = outputs ? graph->output_count : graph->input_count;
    for (size_t i = 0; i < count; i++) {
        tfl_tensor *t = &graph->tensors[list[i]];
        bool named = *t->name != 0;
        for (size_t k = 0; k < i && named; k++)
            named = list[k] == list[i] || strcmp(graph->tensors[list[k]].name, t->name) != 0;
        if (named) continue;
        char place[40];
        mite_span name =
            signature_name(signatures, list[i], outputs ? SIGNATURE_OUTPUTS : SIGNATURE_INPUTS);
        mite_format(place, sizeof place, outputs ? "output_%z" : "input_%z", i);
        const char *text = name.bytes ? text_of(g, name) : mite_ir_text(g, place, strlen(place));
        if (text) t->name = text;
    }
}

static void read_signatures(mite_ir_graph *g, tfl_model *m, const mite_flat_table *model) {
    mite_flat_list signatures = mite_flat_items(model, MODEL_SIGNATURES, 4);
    m->signature_count = signatures.count;
    name_ports(g, &signatures, &m->graphs[0], false);
    name_ports(g, &signatures, &m->graphs[0], true);
}

bool tfl_read_model(mite_ir_graph *g, mite_span file, tfl_model *m) {
    *m = (tfl_model){.flat = mite_flat_open(file)};
    mite_flat_table model = mite_flat_root(&m->flat);
    mite_flat_list graphs = mite_flat_items(&model, MODEL_SUBGRAPHS, 4);
    if (!check_damage(g, m)) return false;
    if (!graphs.count) {
        mite_ir_fail(g, MITE_ERR_FORMAT, "this TFLite file has no graph");
        return false;
    }
    m->graphs = mite_ir_alloc(g, graphs.count, sizeof *m->graphs);
    for (; m->graphs && m->graph_count < graphs.count; m->graph_count++) {
        mite_flat_table graph = mite_flat_table_at(&graphs, m->graph_count);
        if (!check_damage(g, m) || !read_graph(g, m, &model, &graph, &m->graphs[m->graph_count]))
            return false;
    }
    if (m->graphs) read_signatures(g, m, &model);
    return m->graphs && check_damage(g, m);
}
