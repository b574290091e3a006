// SPDX-License-Identifier: Apache-2.0
// ModelProto and everything below it, down to tensors whose numbers stay in the file.
#include "import/onnx/onnx_model.h"

#include "base/sizes.h"

#include <string.h>

#define MAX_ITEMS 10000000u // nodes, tensors, list entries: far above any model

static bool damage(mite_ir_graph *g, const char *where, const char *what) {
    mite_ir_fail(g, MITE_ERR_FORMAT, "not a sound ONNX file: in %s, %s", where, what);
    return false;
}

// After the loop over a message: was it read to its end?
static bool finished(mite_ir_graph *g, const mite_pb *r, const char *where) {
    if (r->bad) return damage(g, where, r->bad);
    return mite_ir_ok(g);
}

static const char *text(mite_ir_graph *g, const mite_pb_field *f) {
    if (f->wire != MITE_PB_BYTES || (f->span.bytes && memchr(f->span.data, 0, f->span.bytes))) {
        mite_ir_fail(g, MITE_ERR_FORMAT,
                     "not a sound ONNX file: a name is no text or holds a NUL byte");
        return "";
    }
    return mite_ir_text(g, f->span.data ? (const char *)f->span.data : "", f->span.bytes);
}

// A nested message's bytes; empty (and the graph failed) where the field is something else.
static mite_span nested(mite_ir_graph *g, const mite_pb_field *f) {
    if (f->wire != MITE_PB_BYTES) damage(g, "a message", "a field is of the wrong wire type");
    return f->span;
}

// Room for all fields `number` of a message.
static void *list_for(mite_ir_graph *g, mite_span message, uint32_t number, size_t item_bytes) {
    size_t count = mite_pb_count(message, number);
    if (count > MAX_ITEMS) {
        damage(g, "a list", "a message is damaged or has too many fields");
        return NULL;
    }
    return mite_ir_alloc(g, count, item_bytes);
}

// Appends the numbers of one field of a repeated number, packed or single, to `out` (NULL: only
// counts). Returns false on damage.
static bool read_numbers(mite_ir_graph *g, const mite_pb_field *f, mite_pb_wire wire, uint64_t *out,
                         size_t *count) {
    if (f->wire == wire) {
        if (out) out[*count] = f->value;
        (*count)++;
        return true;
    }
    if (f->wire != MITE_PB_BYTES) return damage(g, "a list", "a number has the wrong wire type");
    mite_pb r = mite_pb_open(f->span);
    uint64_t value;
    if (wire == MITE_PB_FIXED32) {
        if (f->span.bytes % 4) return damage(g, "a list", "a number is cut off");
        for (; r.at < r.end; r.at += 4, (*count)++) {
            uint32_t word;
            memcpy(&word, r.at, 4);
            if (out) out[*count] = word;
        }
        return true;
    }
    while (mite_pb_varint(&r, &value)) {
        if (out) out[*count] = value;
        (*count)++;
    }
    return r.bad ? damage(g, "a list", r.bad) : true;
}

// All numbers of the repeated field `number`, as 64-bit words in the graph's memory.
static uint64_t *list_numbers(mite_ir_graph *g, mite_span message, uint32_t number,
                              mite_pb_wire wire, size_t *count) {
    mite_pb_field f;
    uint64_t *out = NULL;
    for (int pass = 0; pass < 2 && mite_ir_ok(g); pass++) {
        mite_pb r = mite_pb_open(message);
        if (pass && !(out = mite_ir_alloc(g, *count, sizeof *out))) return NULL;
        *count = 0;
        while (mite_pb_next(&r, &f)) {
            if (f.number == number && !read_numbers(g, &f, wire, out, count)) return NULL;
        }
    }
    return out;
}

// --- Tensors ------------------------------------------------------------------------------------

static void read_dims(mite_ir_graph *g, onnx_tensor *t, mite_span message) {
    size_t count;
    const uint64_t *dims = list_numbers(g, message, 1, MITE_PB_VARINT, &count);
    if (!dims) return;
    if (count > MITE_MAX_RANK) {
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED, "tensor %q has %z dimensions, at most 8 are read",
                     t->name, count);
        return;
    }
    t->rank = count;
    for (size_t i = 0; i < count; i++) {
        if (dims[i] > INT32_MAX) {
            mite_ir_fail(g, MITE_ERR_FORMAT, "tensor %q: dimension %z is %D", t->name, i,
                         (int64_t)dims[i]);
            return;
        }
        t->dims[i] = (int32_t)dims[i];
    }
    if (!mite_shape_elements(&t->elements, t->rank, t->dims) || t->elements > SIZE_MAX / 16) {
        mite_ir_fail(g, MITE_ERR_FORMAT, "tensor %q: shape %T is too large", t->name, t->rank,
                     t->dims);
    }
}

static bool read_tensor(mite_ir_graph *g, mite_span message, onnx_tensor *t) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    *t = (onnx_tensor){.name = "", .message = message};
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        switch (f.number) {
        case 2: t->type = f.value > 64 ? 64 : (int32_t)f.value; break;
        case 8: t->name = text(g, &f); break;
        case 9:
            t->raw = nested(g, &f);
            t->has_raw = true;
            break;
        case 13: t->external = true; break;
        case 14: t->external = t->external || f.value == 1; break;
        default: break;
        }
    }
    if (!finished(g, &r, "a tensor")) return false;
    read_dims(g, t, message);
    return mite_ir_ok(g);
}

// --- Nodes --------------------------------------------------------------------------------------

static bool read_attr_lists(mite_ir_graph *g, mite_span message, onnx_attr *a) {
    uint64_t *ints = list_numbers(g, message, 8, MITE_PB_VARINT, &a->int_count);
    uint64_t *words = list_numbers(g, message, 7, MITE_PB_FIXED32, &a->float_count);
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

static bool read_attr(mite_ir_graph *g, mite_span message, onnx_attr *a) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    *a = (onnx_attr){.name = "", .s = ""};
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        switch (f.number) {
        case 1: a->name = text(g, &f); break;
        case 2: {
            uint32_t word = (uint32_t)f.value;
            memcpy(&a->f, &word, 4);
            break;
        }
        case 3: a->i = (int64_t)f.value; break;
        case 4:
            // Byte strings with NUL occur in custom operators, whose attributes nobody reads.
            if (f.wire == MITE_PB_BYTES && f.span.bytes && memchr(f.span.data, 0, f.span.bytes)) {
                break;
            }
            a->s = text(g, &f);
            break;
        case 5: {
            onnx_tensor *t = mite_ir_alloc(g, 1, sizeof *t);
            if (t && read_tensor(g, nested(g, &f), t)) a->t = t;
            break;
        }
        case 6:
        case 11: a->has_graph = true; break;
        case 20: a->type = f.value > 64 ? 64 : (int32_t)f.value; break;
        default: break;
        }
    }
    return finished(g, &r, "an attribute") && read_attr_lists(g, message, a);
}

static bool read_node(mite_ir_graph *g, mite_span message, onnx_node *n) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    *n = (onnx_node){.name = "", .op_type = "", .domain = ""};
    n->inputs = list_for(g, message, 1, sizeof *n->inputs);
    n->outputs = list_for(g, message, 2, sizeof *n->outputs);
    n->attrs = list_for(g, message, 5, sizeof *n->attrs);
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        switch (f.number) {
        case 1: n->inputs[n->input_count++] = text(g, &f); break;
        case 2: n->outputs[n->output_count++] = text(g, &f); break;
        case 3: n->name = text(g, &f); break;
        case 4: n->op_type = text(g, &f); break;
        case 5: read_attr(g, nested(g, &f), &n->attrs[n->attr_count++]); break;
        case 7: n->domain = text(g, &f); break;
        default: break;
        }
    }
    // A node without a name is known by what it computes.
    if (!*n->name && n->output_count) n->name = n->outputs[0];
    return finished(g, &r, "a node");
}

// --- Graph inputs and outputs --------------------------------------------------------------------

static bool read_dim(mite_ir_graph *g, mite_span message, int64_t *dim) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    *dim = -1;
    while (mite_pb_next(&r, &f)) {
        if (f.number == 1) *dim = (int64_t)f.value > 0 ? (int64_t)f.value : -1;
    }
    return finished(g, &r, "a dimension");
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
        read_dim(g, nested(g, &f), &p->dims[p->rank++]);
    }
    return finished(g, &r, "a shape");
}

// NOLINTNEXTLINE(misc-no-recursion): one level deep, from a type to the tensor type in it
static bool read_type(mite_ir_graph *g, mite_span message, onnx_port *p, bool in_tensor) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    mite_span tensor = {NULL, 0};
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        if (in_tensor && f.number == 1) p->type = f.value > 64 ? 64 : (int32_t)f.value;
        if (in_tensor && f.number == 2) read_shape(g, nested(g, &f), p);
        if (!in_tensor && f.number == 1) tensor = nested(g, &f);
    }
    if (!finished(g, &r, "a type")) return false;
    return in_tensor || !tensor.data || read_type(g, tensor, p, true);
}

static bool read_port(mite_ir_graph *g, mite_span message, onnx_port *p) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    mite_span type = {NULL, 0};
    *p = (onnx_port){.name = ""};
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        if (f.number == 1) p->name = text(g, &f);
        if (f.number == 2) type = nested(g, &f);
    }
    if (!finished(g, &r, "an input or output")) return false;
    return !type.data || read_type(g, type, p, false);
}

// --- Graph and model -----------------------------------------------------------------------------

static bool read_graph(mite_ir_graph *g, mite_span message, onnx_model *m) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    m->nodes = list_for(g, message, 1, sizeof *m->nodes);
    m->tensors = list_for(g, message, 5, sizeof *m->tensors);
    m->inputs = list_for(g, message, 11, sizeof *m->inputs);
    m->outputs = list_for(g, message, 12, sizeof *m->outputs);
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        switch (f.number) {
        case 1: read_node(g, nested(g, &f), &m->nodes[m->node_count++]); break;
        case 5: read_tensor(g, nested(g, &f), &m->tensors[m->tensor_count++]); break;
        case 11: read_port(g, nested(g, &f), &m->inputs[m->input_count++]); break;
        case 12: read_port(g, nested(g, &f), &m->outputs[m->output_count++]); break;
        case 15: m->has_sparse = true; break;
        default: break;
        }
    }
    return finished(g, &r, "the graph");
}

static bool read_opset(mite_ir_graph *g, mite_span message, onnx_model *m) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    const char *domain = "";
    int64_t version = 0;
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        if (f.number == 1) domain = text(g, &f);
        if (f.number == 2) version = (int64_t)f.value;
    }
    if (!*domain || !strcmp(domain, "ai.onnx")) m->opset = version;
    return finished(g, &r, "an opset");
}

bool onnx_read_model(mite_ir_graph *g, mite_span file, onnx_model *m) {
    mite_pb r = mite_pb_open(file);
    mite_pb_field f;
    mite_span graph = {NULL, 0};
    *m = (onnx_model){.producer = ""};
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        switch (f.number) {
        case 1: m->ir_version = (int64_t)f.value; break;
        case 2: m->producer = text(g, &f); break;
        case 7: graph = nested(g, &f); break;
        case 8: read_opset(g, nested(g, &f), m); break;
        default: break;
        }
    }
    if (!finished(g, &r, "the model")) return false;
    if (!graph.data) return damage(g, "the model", "there is no graph");
    return read_graph(g, graph, m);
}
