// SPDX-License-Identifier: Apache-2.0
// The import of a TFLite model from its first byte to the last output: tensors by number, missing
// operators, nodes one after another.
#include "import/tflite/tflite_nodes.h"

#include <string.h>

#define MAX_MISSING 32 // operators named in one sentence

// --- Operators and inputs -----------------------------------------------------------------------

static bool same_operator(const tfl_node *a, const tfl_node *b) {
    return a->code == b->code && !strcmp(a->custom, b->custom);
}

static void add_name(mite_text *list, const tfl_node *n) {
    const tfl_op *op = tfl_op_of(n);
    if (*n->custom) mite_text_format(list, "custom operator %q", n->custom);
    else if (op) mite_text_format(list, "%s", op->name);
    else mite_text_format(list, "builtin %d", n->code);
}

enum { CALL = 31, IF = 118, WHILE = 119, CALL_ONCE = 129 };
enum { STABLEHLO_WHILE = 200, COMPOSITE = 206, CASE = 209 };

int32_t tfl_graph_of(const tfl_node *n, size_t k) {
    mite_flat_list branches;
    switch (*n->custom ? -1 : n->code) {
    case IF:
    case WHILE:
    case STABLEHLO_WHILE: return k < 2 ? mite_flat_i32(&n->options, k, 0) : -1;
    case CALL_ONCE:
    case CALL: return k < 1 ? mite_flat_i32(&n->options, 0, 0) : -1;
    case COMPOSITE: return k < 1 ? mite_flat_i32(&n->options, 1, 0) : -1;
    case CASE:
        branches = mite_flat_items(&n->options, 0, 4);
        return k < branches.count ? mite_flat_i32_at(&branches, k) : -1;
    default: return -1;
    }
}

// What the model needs and the table lacks: the first node of each operator.
typedef struct missing {
    const tfl_node *nodes[MAX_MISSING];
    size_t at[MAX_MISSING], count;
} missing;

static void look_for_missing(const tfl_graph *graph, missing *m) {
    for (size_t i = 0; i < graph->node_count && m->count < MAX_MISSING; i++) {
        const tfl_node *n = &graph->nodes[i];
        const tfl_op *op = tfl_op_of(n);
        if (op && op->handle) continue;
        size_t k = 0;
        while (k < m->count && !same_operator(m->nodes[k], n)) k++;
        if (k < m->count) continue;
        m->nodes[k] = n;
        m->at[m->count++] = i;
    }
}

// Looks at the main graph and all that its nodes lead to: a file may have others, for training.
static bool look_at_graphs(tfl_import *c, missing *m) {
    size_t count = c->model.graph_count, next = 0, found = 1;
    size_t *order = mite_ir_alloc(c->g, count, sizeof *order);
    uint8_t *seen = mite_ir_alloc(c->g, count, 1);
    if (!order || !seen) return false;
    seen[0] = 1;
    for (; next < found; next++) {
        const tfl_graph *graph = &c->model.graphs[order[next]];
        look_for_missing(graph, m);
        for (size_t i = 0; i < graph->node_count; i++) {
            int32_t index;
            for (size_t k = 0; (index = tfl_graph_of(&graph->nodes[i], k)) >= 0; k++) {
                if ((size_t)index >= count || seen[index]) continue;
                order[found++] = (size_t)index;
                seen[index] = 1;
            }
        }
    }
    return true;
}

// One sentence for all operators that are missing, each with its first node.
static bool check_operators(tfl_import *c) {
    missing m = {.count = 0};
    if (!look_at_graphs(c, &m) || !m.count) return mite_ir_ok(c->g);
    mite_text list = {0};
    for (size_t i = 0; i < m.count; i++) {
        const tfl_op *op = tfl_op_of(m.nodes[i]);
        if (i) mite_text_format(&list, "%s", ", ");
        add_name(&list, m.nodes[i]);
        mite_text_format(&list, " (first at node %z)", m.at[i]);
        if (op && op->reason) mite_text_format(&list, ": %s", op->reason);
    }
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "the converter lacks %z operator%s of this TFLite model: %s", m.count,
                 m.count > 1 ? "s" : "", list.data ? list.data : "");
    mite_text_free(&list);
    return false;
}

static const mite_import_shape *stated_shape(const tfl_import *c, const char *name) {
    for (size_t i = 0; i < c->options->shape_count; i++) {
        if (!strcmp(c->options->shapes[i].name, name)) return &c->options->shapes[i];
    }
    return NULL;
}

// All different, but first dimensions are batches, which inputs have in common.
static void open_dimensions(const tfl_import *c, const tfl_tensor *t, size_t input,
                            mite_ir_value *v) {
    for (size_t i = 0; i < t->rank; i++) {
        int32_t number = i ? (int32_t)(1 + (input * MITE_MAX_RANK + i) % 1000) : 0;
        int32_t one = 64 * (number + 1);
        if (t->open >> i & 1)
            mite_ir_open(v, i, one, mite_import_other(c->options->stand_ins, one + 32));
    }
}

// Is there an operator of real inputs and quantized weights? Those are quantized image by image, for
// which a single one has fast kernels.
static bool is_dynamic_range(const tfl_graph *graph) {
    enum { CONV = 3, DEPTHWISE = 4, FULLY_CONNECTED = 9 };
    for (size_t i = 0; i < graph->node_count; i++) {
        const tfl_node *n = &graph->nodes[i];
        bool product = n->code == CONV || n->code == DEPTHWISE || n->code == FULLY_CONNECTED;
        if (!product || n->input_count < 2 || n->inputs[0] < 0 || n->inputs[1] < 0) continue;
        if (graph->tensors[n->inputs[0]].type == TFL_FLOAT32 &&
            graph->tensors[n->inputs[1]].type == TFL_INT8)
            return true;
    }
    return false;
}

static void warn_of_fixed(tfl_import *c, const tfl_tensor *t, const int32_t *dims) {
    for (size_t i = 0; i < t->rank; i++) {
        if (!(t->open >> i & 1)) continue;
        mite_text_format(c->warnings, "input %q: its open dimension %z is taken as %d\n", t->name,
                         i, dims[i]);
    }
}

// The file's shape is what its dimensions are, or were when it was converted where they are open.
static bool input_shape(tfl_import *c, const tfl_tensor *t, int32_t *dims) {
    const mite_import_shape *stated = stated_shape(c, t->name);
    bool fits = !stated || stated->rank == t->rank;
    for (size_t i = 0; i < t->rank; i++) {
        dims[i] = t->dims[i];
        if (!stated || !fits) continue;
        fits = stated->dims[i] >= 1 && (t->open >> i & 1 || stated->dims[i] == t->dims[i]);
        dims[i] = stated->dims[i];
    }
    if (!fits) {
        mite_ir_fail(c->g, MITE_ERR_ARGUMENT,
                     "the shape %T given for input %q does not fit the model's own %T",
                     stated->rank, stated->dims, t->name, t->rank, t->dims);
    }
    return fits;
}

static bool add_input(tfl_import *c, size_t k) {
    int32_t index = c->graph->inputs[k];
    const tfl_tensor *t = &c->graph->tensors[index];
    tfl_value *v = &c->values[index];
    int32_t dims[MITE_MAX_RANK];
    mite_dtype dtype = tfl_stored_dtype(t);
    if (t->bad || !dtype || t->type == TFL_FLOAT16 || t->type == TFL_BFLOAT16 ||
        tfl_type_bits(t->type)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "input %q of type %s is not supported%s%s",
                     t->name, tfl_type_name(t->type), t->bad ? ": " : "", t->bad ? t->bad : "");
        return false;
    }
    if (v->computed) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "input %q is there twice", t->name);
        return false;
    }
    v->computed = true;
    if (!input_shape(c, t, dims)) return false;
    bool as_u8 = t->type == TFL_INT8 && dtype == MITE_U8;
    v->stored = mite_ir_input(c->g, t->name, as_u8 ? MITE_I8 : dtype, t->rank, dims);
    if (!v->stored) return false;
    if (t->open && !stated_shape(c, t->name)) {
        if (c->fixes_open) warn_of_fixed(c, t, dims);
        else open_dimensions(c, t, k, v->stored);
    }
    if (!tfl_is_quantized(t)) return true;
    float scale;
    int32_t zero_point;
    if (!tfl_stored_quantization(c, t, &scale, &zero_point)) return false;
    v->stored->scale = scale;
    v->stored->zero_point = zero_point - (as_u8 ? 128 : 0);
    if (as_u8) {
        v->stored = MITE_IR_EMIT(c->g, .op = "quantize", .name = t->name, .inputs = {v->stored},
                                 .dtype = MITE_U8, .scale = scale, .zero_point = zero_point);
    }
    return v->stored != NULL;
}

static bool add_inputs(tfl_import *c) {
    for (size_t i = 0; i < c->graph->input_count; i++) {
        if (!add_input(c, i)) return false;
    }
    for (size_t i = 0; i < c->options->shape_count; i++) {
        const char *name = c->options->shapes[i].name;
        size_t k = 0;
        while (k < c->g->input_count && strcmp(c->g->inputs[k].name, name)) k++;
        if (k < c->g->input_count) continue;
        mite_ir_fail(c->g, MITE_ERR_ARGUMENT, "a shape is given for %q, which is no input", name);
    }
    return mite_ir_ok(c->g);
}

// Puts the node in front of a sentence that a handler or the graph has written.
static void say_where(tfl_import *c) {
    mite_ir_error *e = &c->g->error;
    char sentence[sizeof e->text], where[40] = "";
    size_t graph = (size_t)(c->graph - c->model.graphs);
    memcpy(sentence, e->text, sizeof sentence);
    if (graph) mite_format(where, sizeof where, " of graph %z", graph);
    mite_format(e->text, sizeof e->text, "TFLite node %z%s (%s, output %q): %s",
                (size_t)(c->node - c->graph->nodes), where, tfl_op_of(c->node)->name, tfl_name(c),
                sentence);
}

// Handlers of nodes that run graphs come back here, as deep as MAX_DEPTH allows.
// NOLINTNEXTLINE(misc-no-recursion)
static bool import_nodes(tfl_import *c) {
    for (size_t i = 0; i < c->graph->node_count; i++) {
        c->node = &c->graph->nodes[i];
        if (!c->node_budget--) {
            c->node_budget = 0;
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                         "the graphs of this file are run from too many places");
        }
        if (mite_ir_ok(c->g)) tfl_op_of(c->node)->handle(c);
        if (mite_ir_ok(c->g) && c->model.flat.bad) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "the file is damaged here: %s (at byte %z)",
                         c->model.flat.bad, c->model.flat.bad_at);
        }
        for (size_t k = 0; mite_ir_ok(c->g) && k < c->node->output_count; k++) {
            int32_t index = c->node->outputs[k];
            if (c->values[index].computed || tfl_is_constant_tensor(c, index)) continue;
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "it cannot have an output %z (%q)", k,
                         tfl_output(c, k)->name);
        }
        if (!mite_ir_ok(c->g)) {
            say_where(c);
            return false;
        }
    }
    return true;
}

static tfl_value *output_value(tfl_import *c, int32_t index) {
    const tfl_tensor *t = &c->graph->tensors[index];
    tfl_value *v = &c->values[index];
    if (!v->computed && !tfl_is_constant_tensor(c, index)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "output %q is computed by no node", t->name);
        return NULL;
    }
    if (!v->stored && !v->variable) v->stored = tfl_stored_constant(c, t);
    return v;
}

// --- Graphs that nodes run ----------------------------------------------------------------------

#define MAX_DEPTH 16 // graphs that run one another

// Input `to` of the graph is `v`; or the constant `from`, which handlers then find as such.
static void bind_input(tfl_import *c, int32_t to, const tfl_value *v, const tfl_tensor *from) {
    tfl_tensor *t = &c->graph->tensors[to];
    const char *name = t->name;
    if (from) {
        *t = *from;
        t->name = name;
        return;
    }
    t->data = (mite_span){(const uint8_t *)"", 0};
    t->sparsity = (mite_flat_table){.flat = NULL};
    c->values[to] = *v;
    c->values[to].computed = true;
}

static bool can_run(tfl_import *c, size_t index, size_t count, size_t output_count) {
    if (!mite_ir_ok(c->g)) return false;
    const tfl_graph *graph = index < c->model.graph_count ? &c->model.graphs[index] : NULL;
    if (!graph || index == 0) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it runs graph %z of %z", index, c->model.graph_count);
    } else if (graph->input_count != count || graph->output_count != output_count) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "it runs graph %z, which has %z inputs and %z outputs, with %z and %z", index,
                     graph->input_count, graph->output_count, count, output_count);
    } else if (c->depth == MAX_DEPTH) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "graphs run one another %d deep", MAX_DEPTH);
    }
    return mite_ir_ok(c->g);
}

// NOLINTNEXTLINE(misc-no-recursion): see import_nodes
bool tfl_run_graph(tfl_import *c, size_t index, const tfl_value *inputs, const int32_t *tensors,
                   size_t count, tfl_value *outputs, size_t output_count) {
    if (!can_run(c, index, count, output_count)) return false;
    tfl_graph *around = c->graph;
    tfl_value *values = c->values;
    const tfl_node *node = c->node;
    const tfl_tensor *from[TFL_MAX_CARRIED];
    for (size_t k = 0; k < count && k < TFL_MAX_CARRIED; k++) {
        bool constant = tensors && tensors[k] >= 0 && tfl_is_constant_tensor(c, tensors[k]);
        from[k] = constant ? &c->graph->tensors[tensors[k]] : NULL;
    }
    if (count > TFL_MAX_CARRIED) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it takes %z inputs, at most %d are supported",
                     count, TFL_MAX_CARRIED);
        return false;
    }
    c->graph = &c->model.graphs[index];
    c->values = mite_ir_alloc(c->g, c->graph->tensor_count + 1, sizeof *c->values);
    c->depth++;
    for (size_t k = 0; c->values && k < count; k++)
        bind_input(c, c->graph->inputs[k], &inputs[k], from[k]);
    if (c->values && import_nodes(c)) {
        for (size_t k = 0; k < output_count && mite_ir_ok(c->g); k++) {
            const tfl_value *v = output_value(c, c->graph->outputs[k]);
            if (v) outputs[k] = *v;
        }
    }
    c->depth--;
    c->graph = around;
    c->values = values;
    c->node = node;
    return mite_ir_ok(c->g);
}

// --- From the first byte to the last output ------------------------------------------------------

static bool add_outputs(tfl_import *c) {
    for (size_t i = 0; i < c->graph->output_count && mite_ir_ok(c->g); i++) {
        int32_t index = c->graph->outputs[i];
        const tfl_tensor *t = &c->graph->tensors[index];
        const tfl_value *v = output_value(c, index);
        mite_ir_value *result = v ? v->stored : NULL;
        if (v && v->variable) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "output %q is a variable", t->name);
        }
        // int8 was taken as u8 inside; outside it stays what it was.
        if (result && t->type == TFL_INT8 && result->dtype == MITE_U8) {
            result = MITE_IR_EMIT(c->g, .op = "quantize", .name = t->name, .inputs = {result},
                                  .dtype = MITE_I8, .scale = result->scale,
                                  .zero_point = result->zero_point - 128);
        }
        if (result && t->type == TFL_COMPLEX64) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "output %q is of type complex64", t->name);
        }
        mite_ir_output(c->g, t->name, result);
    }
    if (!c->graph->output_count) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "the model has no output");
    }
    return mite_ir_ok(c->g);
}

bool mite_import_tflite(mite_ir_graph *g, const uint8_t *bytes, size_t byte_count,
                        const mite_import_options *options, mite_text *warnings) {
    tfl_import c = {.g = g, .options = options, .warnings = warnings};
    if (!tfl_read_model(g, (mite_span){bytes, byte_count}, &c.model)) return false;
    // Sparse and half-precision weights grow; a small file must not become a giant.
    size_t most = SIZE_MAX / 2 - (256u << 20);
    c.constant_bytes = (256u << 20) + (byte_count < most / 16 ? 16 * byte_count : most);
    c.node_budget = byte_count < most ? 100000 + byte_count : most;
    c.graph = &c.model.graphs[0];
    c.values = mite_ir_alloc(g, c.graph->tensor_count + 1, sizeof *c.values);
    if (!c.values || !check_operators(&c)) return false;
    c.fixes_open = options->fix_open || is_dynamic_range(c.graph);
    if (c.model.signature_count > 1)
        mite_text_format(warnings,
                         "the file has %z signatures; its main graph is converted, which is one "
                         "of them\n",
                         c.model.signature_count);
    g->folds = true; // what is computed of constants is one
    bool done = add_inputs(&c) && import_nodes(&c) && add_outputs(&c);
    g->folds = false;
    return done;
}
