// SPDX-License-Identifier: Apache-2.0
// ModelProto and everything below it, down to tensors whose numbers stay in the file.
#include "import/onnx/onnx_model.h"

#include <string.h>

typedef struct reader {
    mite_ir_graph *g;
    const mite_import_options *options;
} reader;

static bool read_graph(reader *r, mite_span message, onnx_graph *out, int depth);

// --- Tensors ------------------------------------------------------------------------------------

static bool read_tensor(reader *r, mite_span message, onnx_tensor *t) {
    bool done = onnx_read_tensor(r->g, message, t);
    t->options = r->options;
    return done;
}

static bool read_sparse(reader *r, mite_span message, onnx_sparse *s) {
    mite_pb at = mite_pb_open(message);
    mite_pb_field f;
    size_t count;
    *s = (onnx_sparse){.values = {.name = ""}, .indices = {.name = ""}};
    while (mite_ir_ok(r->g) && mite_pb_next(&at, &f)) {
        if (f.number == 1) read_tensor(r, onnx_nested(r->g, &f), &s->values);
        if (f.number == 2) read_tensor(r, onnx_nested(r->g, &f), &s->indices);
    }
    if (!onnx_finished(r->g, &at, "a sparse tensor")) return false;
    const uint64_t *dims = onnx_list_numbers(r->g, message, 3, MITE_PB_VARINT, &count);
    return onnx_read_dims(r->g, s->values.name, dims, count, &s->rank, s->dims);
}

// --- Attributes and nodes -----------------------------------------------------------------------

static bool read_attr_lists(mite_ir_graph *g, mite_span message, onnx_attr *a) {
    uint64_t *ints = onnx_list_numbers(g, message, 8, MITE_PB_VARINT, &a->int_count);
    uint64_t *words = onnx_list_numbers(g, message, 7, MITE_PB_FIXED32, &a->float_count);
    if (!ints || !words) return false;
    float *floats = mite_ir_alloc(g, a->float_count, sizeof *floats);
    if (!floats) return false;
    for (size_t i = 0; i < a->float_count; i++) {
        uint32_t word = (uint32_t)words[i];
        memcpy(&floats[i], &word, 4);
    }
    a->ints = (const int64_t *)ints;
    a->floats = floats;
    return true;
}

// Byte strings with NUL occur in custom operators, whose attributes nobody reads.
static const char *text_or_bytes(mite_ir_graph *g, const mite_pb_field *f) {
    bool bytes =
        f->wire == MITE_PB_BYTES && f->span.bytes && memchr(f->span.data, 0, f->span.bytes);
    return bytes ? "" : onnx_text(g, f);
}

// NOLINTNEXTLINE(misc-no-recursion): graphs in attributes, no deeper than ONNX_MAX_DEPTH
static onnx_graph *read_body(reader *r, mite_span message, int depth) {
    onnx_graph *body = mite_ir_alloc(r->g, 1, sizeof *body);
    if (depth == ONNX_MAX_DEPTH) {
        mite_ir_fail(r->g, MITE_ERR_UNSUPPORTED, "graphs lie within graphs more than %d deep",
                     ONNX_MAX_DEPTH);
        return NULL;
    }
    return body && read_graph(r, message, body, depth + 1) ? body : NULL;
}

// NOLINTNEXTLINE(misc-no-recursion): see read_body
static bool read_attr(reader *r, mite_span message, onnx_attr *a, int depth) {
    mite_ir_graph *g = r->g;
    mite_pb at = mite_pb_open(message);
    mite_pb_field f;
    *a = (onnx_attr){.name = "", .s = "", .reference = ""};
    a->strings = onnx_list_for(g, message, 9, sizeof *a->strings);
    while (mite_ir_ok(g) && mite_pb_next(&at, &f)) {
        uint32_t word = (uint32_t)f.value;
        switch (f.number) {
        case 1: a->name = onnx_text(g, &f); break;
        case 2: memcpy(&a->f, &word, 4); break;
        case 3: a->i = (int64_t)f.value; break;
        case 4: a->s = text_or_bytes(g, &f); break;
        case 5: {
            onnx_tensor *t = mite_ir_alloc(g, 1, sizeof *t);
            if (t && read_tensor(r, onnx_nested(g, &f), t)) a->t = t;
            break;
        }
        case 6: a->graph = read_body(r, onnx_nested(g, &f), depth); break;
        case 9: a->strings[a->string_count++] = text_or_bytes(g, &f); break;
        case 20: a->type = f.value > 64 ? 64 : (int32_t)f.value; break;
        case 21: a->reference = onnx_text(g, &f); break;
        case 22: {
            onnx_sparse *t = mite_ir_alloc(g, 1, sizeof *t);
            if (t && read_sparse(r, onnx_nested(g, &f), t)) a->sparse = t;
            break;
        }
        default: break;
        }
    }
    return onnx_finished(g, &at, "an attribute") && read_attr_lists(g, message, a);
}

// NOLINTNEXTLINE(misc-no-recursion): see read_body
static bool read_node(reader *r, mite_span message, onnx_node *n, int depth) {
    mite_ir_graph *g = r->g;
    mite_pb at = mite_pb_open(message);
    mite_pb_field f;
    *n = (onnx_node){.name = "", .op_type = "", .domain = "", .overload = ""};
    n->inputs = onnx_list_for(g, message, 1, sizeof *n->inputs);
    n->outputs = onnx_list_for(g, message, 2, sizeof *n->outputs);
    n->attrs = onnx_list_for(g, message, 5, sizeof *n->attrs);
    while (mite_ir_ok(g) && mite_pb_next(&at, &f)) {
        switch (f.number) {
        case 1: n->inputs[n->input_count++] = onnx_text(g, &f); break;
        case 2: n->outputs[n->output_count++] = onnx_text(g, &f); break;
        case 3: n->name = onnx_text(g, &f); break;
        case 4: n->op_type = onnx_text(g, &f); break;
        case 5: read_attr(r, onnx_nested(g, &f), &n->attrs[n->attr_count++], depth); break;
        case 7: n->domain = onnx_text(g, &f); break;
        case 8: n->overload = onnx_text(g, &f); break;
        default: break;
        }
    }
    if (!strcmp(n->domain, "ai.onnx")) n->domain = "";
    // A node without a name is known by what it computes.
    for (size_t k = 0; !*n->name && k < n->output_count; k++) n->name = n->outputs[k];
    return onnx_finished(g, &at, "a node");
}

// --- Graph inputs and outputs --------------------------------------------------------------------

static bool read_dim(mite_ir_graph *g, mite_span message, int64_t *dim, const char **symbol) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    *dim = -1;
    *symbol = "";
    while (mite_pb_next(&r, &f)) {
        if (f.number == 1) *dim = (int64_t)f.value >= 0 ? (int64_t)f.value : -1;
        if (f.number == 2) *symbol = onnx_text(g, &f);
    }
    return onnx_finished(g, &r, "a dimension");
}

static bool read_shape(mite_ir_graph *g, mite_span message, onnx_port *p) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    p->has_shape = true;
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        if (f.number != 1) continue;
        if (p->rank == MITE_MAX_RANK) {
            mite_ir_fail(g, MITE_ERR_UNSUPPORTED, "%q has more than 8 dimensions", p->name);
            return false;
        }
        read_dim(g, onnx_nested(g, &f), &p->dims[p->rank], &p->symbols[p->rank]);
        p->rank++;
    }
    return onnx_finished(g, &r, "a shape");
}

// NOLINTNEXTLINE(misc-no-recursion): one level deep, from a type to the tensor type in it
static bool read_type(mite_ir_graph *g, mite_span message, onnx_port *p, bool in_tensor) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    mite_span tensor = {NULL, 0};
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        if (in_tensor && f.number == 1) p->type = f.value > 64 ? 64 : (int32_t)f.value;
        if (in_tensor && f.number == 2) read_shape(g, onnx_nested(g, &f), p);
        if (!in_tensor && f.number == 1) tensor = onnx_nested(g, &f);
    }
    if (!onnx_finished(g, &r, "a type")) return false;
    return in_tensor || !tensor.data || read_type(g, tensor, p, true);
}

static bool read_port(mite_ir_graph *g, mite_span message, onnx_port *p) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    mite_span type = {NULL, 0};
    *p = (onnx_port){.name = ""};
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        if (f.number == 1) p->name = onnx_text(g, &f);
        if (f.number == 2) type = onnx_nested(g, &f);
    }
    if (!onnx_finished(g, &r, "an input or output")) return false;
    return !type.data || read_type(g, type, p, false);
}

// --- Graph, function, model -----------------------------------------------------------------------

// NOLINTNEXTLINE(misc-no-recursion): see read_body
static bool read_graph(reader *r, mite_span message, onnx_graph *m, int depth) {
    mite_ir_graph *g = r->g;
    mite_pb at = mite_pb_open(message);
    mite_pb_field f;
    *m = (onnx_graph){.name = ""};
    m->nodes = onnx_list_for(g, message, 1, sizeof *m->nodes);
    m->tensors = onnx_list_for(g, message, 5, sizeof *m->tensors);
    m->inputs = onnx_list_for(g, message, 11, sizeof *m->inputs);
    m->outputs = onnx_list_for(g, message, 12, sizeof *m->outputs);
    m->sparse = onnx_list_for(g, message, 15, sizeof *m->sparse);
    while (mite_ir_ok(g) && mite_pb_next(&at, &f)) {
        switch (f.number) {
        case 1: read_node(r, onnx_nested(g, &f), &m->nodes[m->node_count++], depth); break;
        case 2: m->name = onnx_text(g, &f); break;
        case 5: read_tensor(r, onnx_nested(g, &f), &m->tensors[m->tensor_count++]); break;
        case 11: read_port(g, onnx_nested(g, &f), &m->inputs[m->input_count++]); break;
        case 12: read_port(g, onnx_nested(g, &f), &m->outputs[m->output_count++]); break;
        case 15: read_sparse(r, onnx_nested(g, &f), &m->sparse[m->sparse_count++]); break;
        default: break;
        }
    }
    return onnx_finished(g, &at, "the graph");
}

static bool read_opset(mite_ir_graph *g, mite_span message, onnx_opset *out) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    *out = (onnx_opset){.domain = ""};
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        if (f.number == 1) out->domain = onnx_text(g, &f);
        if (f.number == 2) out->version = (int64_t)f.value;
    }
    if (!strcmp(out->domain, "ai.onnx")) out->domain = "";
    return onnx_finished(g, &r, "an opset");
}

static bool read_function(reader *r, mite_span message, onnx_function *m) {
    mite_ir_graph *g = r->g;
    mite_pb at = mite_pb_open(message);
    mite_pb_field f;
    *m = (onnx_function){.name = "", .domain = "", .overload = ""};
    m->inputs = onnx_list_for(g, message, 4, sizeof *m->inputs);
    m->outputs = onnx_list_for(g, message, 5, sizeof *m->outputs);
    m->nodes = onnx_list_for(g, message, 7, sizeof *m->nodes);
    m->opsets = onnx_list_for(g, message, 9, sizeof *m->opsets);
    m->defaults = onnx_list_for(g, message, 11, sizeof *m->defaults);
    while (mite_ir_ok(g) && mite_pb_next(&at, &f)) {
        switch (f.number) {
        case 1: m->name = onnx_text(g, &f); break;
        case 4: m->inputs[m->input_count++] = onnx_text(g, &f); break;
        case 5: m->outputs[m->output_count++] = onnx_text(g, &f); break;
        case 7: read_node(r, onnx_nested(g, &f), &m->nodes[m->node_count++], 0); break;
        case 9: read_opset(g, onnx_nested(g, &f), &m->opsets[m->opset_count++]); break;
        case 10: m->domain = onnx_text(g, &f); break;
        case 11: read_attr(r, onnx_nested(g, &f), &m->defaults[m->default_count++], 0); break;
        case 13: m->overload = onnx_text(g, &f); break;
        default: break;
        }
    }
    if (!strcmp(m->domain, "ai.onnx")) m->domain = "";
    return onnx_finished(g, &at, "a function");
}

bool onnx_read_model(mite_ir_graph *g, mite_span file, const mite_import_options *options,
                     onnx_model *m) {
    mite_pb r = mite_pb_open(file);
    mite_pb_field f;
    mite_span graph = {NULL, 0};
    reader reading = {g, options};
    *m = (onnx_model){.producer = ""};
    m->opsets = onnx_list_for(g, file, 8, sizeof *m->opsets);
    m->functions = onnx_list_for(g, file, 25, sizeof *m->functions);
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        switch (f.number) {
        case 1: m->ir_version = (int64_t)f.value; break;
        case 2: m->producer = onnx_text(g, &f); break;
        case 7: graph = onnx_nested(g, &f); break;
        case 8: read_opset(g, onnx_nested(g, &f), &m->opsets[m->opset_count++]); break;
        case 25:
            read_function(&reading, onnx_nested(g, &f), &m->functions[m->function_count++]);
            break;
        default: break;
        }
    }
    if (!onnx_finished(g, &r, "the model")) return false;
    if (!graph.data) return onnx_damage(g, "the model", "there is no graph");
    m->opset = m->opset_count ? 0 : 1; // the first files had no opsets
    for (size_t i = 0; i < m->opset_count; i++)
        if (!*m->opsets[i].domain) m->opset = m->opsets[i].version;
    return read_graph(&reading, graph, &m->graph, 0);
}
