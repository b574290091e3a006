// SPDX-License-Identifier: Apache-2.0
// The import of an ONNX model from its first byte to the last output: missing operators, inputs,
// nodes one after another, those of functions in their callers' place, bodies of control flow.
#include "import/onnx/onnx_stand_ins.h"
#include "import/onnx/onnx_values.h"

#include <string.h>

#define MAX_OPSET 28
#define MAX_MISSING 32 // operators named in one sentence
#define MAX_CALLS 32 // functions that call one another
#define MAX_NODES 4000000u // with those of functions at every call

// --- Functions and opsets -----------------------------------------------------------------------

// What names a function: "domain.name:overload".
static bool function_key(char *out, size_t room, const char *domain, const char *name,
                         const char *overload) {
    size_t length = strlen(domain) + strlen(name) + strlen(overload) + 3;
    if (length > room) return false;
    mite_format(out, room, "%s.%s:%s", domain, name, overload);
    return true;
}

static bool list_functions(onnx_import *c) {
    char key[512];
    for (size_t i = 0; i < c->model.function_count && mite_ir_ok(c->g); i++) {
        const onnx_function *f = &c->model.functions[i];
        if (!function_key(key, sizeof key, f->domain, f->name, f->overload) ||
            !mite_names_add(c->g, &c->functions, mite_ir_text(c->g, key, strlen(key)),
                            (uint32_t)i)) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "two of the model's functions are called %q",
                         f->name);
        }
    }
    return mite_ir_ok(c->g);
}

// The model's own function that the node calls; NULL if there is none.
static onnx_function *function_of(const onnx_import *c, const onnx_node *n) {
    char key[512];
    uint32_t index;
    if (!c->model.function_count ||
        !function_key(key, sizeof key, n->domain, n->op_type, n->overload) ||
        !mite_names_find(&c->functions, key, &index)) {
        return NULL;
    }
    return &c->model.functions[index];
}

static int64_t opset_of(const onnx_import *c, const char *domain) {
    const onnx_function *f = c->scope->call ? c->scope->call->function : NULL;
    const onnx_opset *list = f && f->opset_count ? f->opsets : c->model.opsets;
    size_t count = f && f->opset_count ? f->opset_count : c->model.opset_count;
    for (size_t i = 0; i < count; i++)
        if (!strcmp(list[i].domain, domain)) return list[i].version;
    return *domain ? 1 : c->model.opset;
}

// --- Missing operators --------------------------------------------------------------------------

typedef struct missing {
    const onnx_node *nodes[MAX_MISSING];
    size_t count;
} missing;

static void list_missing(missing *m, const onnx_node *n) {
    for (size_t k = 0; k < m->count; k++) {
        if (!strcmp(m->nodes[k]->op_type, n->op_type) && !strcmp(m->nodes[k]->domain, n->domain))
            return;
    }
    if (m->count < MAX_MISSING) m->nodes[m->count++] = n;
}

// NOLINTNEXTLINE(misc-no-recursion): each function once, bodies no deeper than ONNX_MAX_DEPTH
static void look_for_missing(onnx_import *c, missing *m, const onnx_node *nodes, size_t count,
                             size_t depth) {
    for (size_t i = 0; i < count && mite_ir_ok(c->g); i++) {
        const onnx_node *n = &nodes[i];
        onnx_function *f = function_of(c, n);
        if (f && !f->checked) {
            f->checked = true;
            if (depth == MAX_CALLS * 2) {
                mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                             "the model's functions call one another too deep");
                return;
            }
            look_for_missing(c, m, f->nodes, f->node_count, depth + 1);
        }
        if (!f && !onnx_op_find(n->domain, n->op_type)) list_missing(m, n);
        for (size_t k = 0; k < n->attr_count; k++) {
            const onnx_graph *body = n->attrs[k].graph;
            if (body) look_for_missing(c, m, body->nodes, body->node_count, depth);
        }
    }
}

// What to do about operators that are lacking on purpose.
static const char *advice(const missing *m) {
    static const char *const searches[] = {"BeamSearch", "GreedySearch", "Sampling",
                                           "WhisperBeamSearch"};
    for (size_t i = 0; i < m->count; i++) {
        const onnx_node *n = m->nodes[i];
        if (!strcmp(n->domain, "com.microsoft.nchwc"))
            return "; ONNX Runtime has fitted this model to one processor: save it at level "
                   "ORT_ENABLE_EXTENDED, or convert the model it was made of";
        if (!strcmp(n->domain, "ai.onnx.ml"))
            return "; ai.onnx.ml, with the trees, labels and scalers of scikit-learn and LightGBM, "
                   "is "
                   "not read: mite runs neural networks";
        if (!strncmp(n->op_type, "String", 6) || !strcmp(n->op_type, "TfIdfVectorizer") ||
            !strcmp(n->op_type, "RegexFullMatch"))
            return "; text becomes numbers outside of the model: export it without its tokenizer";
        for (size_t k = 0; k < sizeof searches / sizeof *searches; k++)
            if (!strcmp(n->op_type, searches[k]))
                return "; the search for words is the caller's: export encoder and decoder by "
                       "themselves";
    }
    return "";
}

// One sentence for all operators that are missing, each with its first node.
static bool check_operators(onnx_import *c) {
    missing m = {.count = 0};
    look_for_missing(c, &m, c->model.graph.nodes, c->model.graph.node_count, 0);
    if (!m.count || !mite_ir_ok(c->g)) return mite_ir_ok(c->g);
    mite_text list = {0};
    for (size_t i = 0; i < m.count; i++) {
        const onnx_node *n = m.nodes[i];
        mite_text_format(&list, "%s%s%s%s (first at node %q)", i ? ", " : "", n->domain,
                         *n->domain ? "." : "", n->op_type, n->name);
    }
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "the converter lacks %z operator%s of this model, ONNX opset %D: %s%s", m.count,
                 m.count > 1 ? "s" : "", c->model.opset, list.data ? list.data : "", advice(&m));
    mite_text_free(&list);
    return false;
}

// --- Inputs -------------------------------------------------------------------------------------

static const mite_import_shape *stated_shape(const onnx_import *c, const char *name) {
    for (size_t i = 0; i < c->options->shape_count; i++) {
        if (!strcmp(c->options->shapes[i].name, name)) return &c->options->shapes[i];
    }
    return NULL;
}

static bool add_tensors(onnx_import *c, const onnx_graph *graph) {
    bool is_model = graph == &c->model.graph;
    for (size_t i = 0; i < graph->tensor_count; i++) {
        const onnx_tensor *t = &graph->tensors[i];
        // Old files list initializers as inputs, too; one whose shape is stated is meant as such.
        if (is_model && c->options->shape_count && stated_shape(c, t->name)) continue;
        onnx_value *v = onnx_new_value(c, t->name);
        if (v) v->tensor = t;
    }
    for (size_t i = 0; i < graph->sparse_count; i++) {
        onnx_value *v = onnx_new_value(c, graph->sparse[i].values.name);
        if (v) v->sparse = &graph->sparse[i];
    }
    return mite_ir_ok(c->g);
}

static bool fits(const onnx_port *p, const mite_import_shape *s) {
    if (p->has_shape && p->rank != s->rank) return false;
    for (size_t i = 0; i < s->rank; i++) {
        if (s->dims[i] < 0 || (p->has_shape && p->dims[i] >= 0 && p->dims[i] != s->dims[i])) {
            return false;
        }
    }
    return true;
}

// The shape of a graph input: stated, or the file's, with 1 for what it leaves open.
static bool input_shape(onnx_import *c, const onnx_port *p, int32_t *dims, size_t *rank) {
    const mite_import_shape *stated = stated_shape(c, p->name);
    if (stated && !fits(p, stated)) {
        mite_ir_fail(c->g, MITE_ERR_ARGUMENT,
                     "the shape %T given for input %q does not fit the model's own", stated->rank,
                     stated->dims, p->name);
        return false;
    }
    if (!stated && !p->has_shape) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "input %q has no shape in the file; state one, as in --input-shape "
                     "%s=1,3,224,224",
                     p->name, p->name);
        return false;
    }
    *rank = stated ? stated->rank : p->rank;
    bool open = false;
    for (size_t i = 0; i < *rank; i++) {
        int64_t dim = stated ? stated->dims[i] : p->dims[i];
        if (dim > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "input %q: dimension %z is %D", p->name, i, dim);
            return false;
        }
        if (dim < 0 && i > 0) open = true;
        dims[i] = dim < 0 ? 1 : (int32_t)dim;
    }
    if (open && c->options->fix_open) {
        mite_text_format(c->warnings,
                         "input %q leaves dimensions open; they were taken as 1, giving %T "
                         "(state others with --input-shape)\n",
                         p->name, *rank, dims);
    }
    return true;
}

// Dimensions of the same name are of the same size. Without names, those at the same place of
// different inputs most often are, such as the batch.
static bool symbol_number(onnx_import *c, const onnx_port *p, size_t index, uint32_t *number) {
    char place[8];
    const char *key = p->symbols[index];
    if (!*key) {
        size_t length = mite_format(place, sizeof place, "\n%z", index);
        key = mite_ir_text(c->g, place, length);
    }
    if (mite_names_find(&c->symbols, key, number)) return true;
    *number = c->symbol_count++;
    return mite_names_add(c->g, &c->symbols, key, *number);
}

static bool open_dimensions(onnx_import *c, const onnx_port *p, mite_ir_value *v) {
    if (stated_shape(c, p->name) || c->options->fix_open) return true;
    for (size_t i = 0; v && i < p->rank; i++) {
        uint32_t number;
        if (p->dims[i] >= 0) continue;
        if (!symbol_number(c, p, i, &number)) return false;
        int32_t one = onnx_stand_in(c, number, false), other = onnx_stand_in(c, number, true);
        if (one == other) v->shape[i] = v->other[i] = one;
        else mite_ir_open(v, i, one, other);
    }
    return true;
}

static bool add_inputs(onnx_import *c) {
    const onnx_graph *graph = &c->model.graph;
    for (size_t i = 0; i < graph->input_count && mite_ir_ok(c->g); i++) {
        const onnx_port *p = &graph->inputs[i];
        int32_t dims[MITE_MAX_RANK];
        size_t rank;
        const onnx_value *known = onnx_find_value(c, p->name);
        if (known && (known->tensor || known->sparse)) continue;
        if (!onnx_dtype(p->type)) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                         "input %q is of type %s, which is not supported", p->name,
                         p->type ? onnx_type_name(p->type) : "sequence, map or optional");
            return false;
        }
        if (!input_shape(c, p, dims, &rank)) return false;
        onnx_value *v = onnx_new_value(c, p->name);
        if (!v) return false;
        v->ir = mite_ir_input(c->g, p->name, onnx_dtype(p->type), rank, dims);
        if (onnx_type_bits(p->type) < 8) v->narrow = p->type;
        if (!open_dimensions(c, p, v->ir)) return false;
        if (c->model.widened && p->type == ONNX_FLOAT16)
            v->ir = MITE_IR_EMIT(c->g, .op = "cast", .name = p->name, .inputs = {v->ir},
                                 .dtype = MITE_F32);
    }
    for (size_t i = 0; i < c->options->shape_count; i++) {
        const onnx_value *v = onnx_find_value(c, c->options->shapes[i].name);
        if (!v || !v->ir) {
            mite_ir_fail(c->g, MITE_ERR_ARGUMENT, "a shape is given for %q, which is no input",
                         c->options->shapes[i].name);
        }
    }
    return mite_ir_ok(c->g);
}

// --- Nodes --------------------------------------------------------------------------------------

// Puts the node in front of a sentence that a handler or the graph has written, unless the node of
// an inner graph stands there already. Not inlined: its text would burden the stack of all levels.
__attribute__((noinline)) static void say_where(onnx_import *c) {
    mite_ir_error *e = &c->g->error;
    char sentence[sizeof e->text];
    if (!strncmp(e->text, "ONNX node ", 10)) return;
    memcpy(sentence, e->text, sizeof sentence);
    mite_format(e->text, sizeof e->text, "ONNX node %q (%s%s%s, opset %D): %s", c->node->name,
                c->node->domain, *c->node->domain ? "." : "", c->node->op_type, c->opset, sentence);
}

static void call_function(onnx_import *c, const onnx_function *f);

// NOLINTNEXTLINE(misc-no-recursion): functions no deeper than MAX_CALLS, bodies than ONNX_MAX_DEPTH
static bool import_nodes(onnx_import *c, const onnx_node *nodes, size_t count) {
    const onnx_node *around = c->node;
    int64_t opset = c->opset;
    for (size_t i = 0; i < count; i++) {
        c->node = &nodes[i];
        c->opset = opset_of(c, c->node->domain);
        const onnx_function *f = function_of(c, c->node);
        if (++c->imported > MAX_NODES) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "the model has more than %u nodes", MAX_NODES);
        } else if (f) {
            call_function(c, f);
        } else {
            onnx_op_find(c->node->domain, c->node->op_type)->handle(c);
        }
        if (!mite_ir_ok(c->g)) {
            say_where(c);
            return false;
        }
    }
    c->node = around;
    c->opset = opset;
    return true;
}

// The inputs of a function are values of its caller under other names; one that the caller leaves
// out is a value that is not there.
static bool bind_inputs(onnx_import *c, onnx_scope *inside, const onnx_function *f) {
    onnx_scope *caller = c->scope;
    if (c->node->input_count > f->input_count) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %z inputs, the model's function %q takes %z",
                     c->node->input_count, f->name, f->input_count);
    }
    for (size_t k = 0; k < f->input_count && mite_ir_ok(c->g); k++) {
        const char *name = k < c->node->input_count ? c->node->inputs[k] : "";
        const onnx_value *v = *name ? onnx_find_value(c, name) : NULL;
        if (*name && !v) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %q is computed by no earlier node",
                         name);
        } else if (v && !mite_names_add(c->g, &inside->names, f->inputs[k], v->index)) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "the model's function %q has two inputs %q",
                         f->name, f->inputs[k]);
        } else if (!v) {
            c->scope = inside;
            onnx_new_value(c, f->inputs[k]);
            c->scope = caller;
        }
    }
    return mite_ir_ok(c->g);
}

// NOLINTNEXTLINE(misc-no-recursion): see import_nodes
static void call_function(onnx_import *c, const onnx_function *f) {
    onnx_scope *caller = c->scope;
    onnx_call call = {f, c->node, caller->call, caller->call ? caller->call->depth + 1 : 1};
    onnx_scope inside = {.call = &call};
    if (call.depth > MAX_CALLS) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "the model's functions call one another (or themselves) more than %d deep",
                     MAX_CALLS);
    }
    if (!mite_ir_ok(c->g) || !bind_inputs(c, &inside, f)) return;
    c->scope = &inside;
    bool done = import_nodes(c, f->nodes, f->node_count);
    for (size_t k = 0; done && k < f->output_count && k < c->node->output_count; k++) {
        const char *name = c->node->outputs[k];
        const onnx_value *v = *name ? onnx_find_value(c, f->outputs[k]) : NULL;
        if (*name && !v) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "the model's function %q computes no %q", f->name,
                         f->outputs[k]);
        } else if (v && !mite_names_add(c->g, &caller->names, name, v->index)) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "the name %q is given to two values", name);
        }
    }
    c->scope = caller;
}

// --- Bodies -------------------------------------------------------------------------------------

// An output of the model that is f16 in the file.
static mite_ir_value *as_declared(onnx_import *c, const onnx_port *p, mite_ir_value *v) {
    if (!c->model.widened || c->g->outside || !v || v->dtype != MITE_F32 || p->type != ONNX_FLOAT16)
        return v;
    return MITE_IR_EMIT(c->g, .op = "cast", .name = p->name, .inputs = {v}, .dtype = MITE_F16);
}

static void add_outputs(onnx_import *c, const onnx_graph *graph) {
    for (size_t i = 0; i < graph->output_count && mite_ir_ok(c->g); i++) {
        const char *name = graph->outputs[i].name;
        onnx_value *v = onnx_find_value(c, name);
        if (!v) mite_ir_fail(c->g, MITE_ERR_FORMAT, "output %q is computed by no node", name);
        else mite_ir_output(c->g, name, as_declared(c, &graph->outputs[i], onnx_meant(c, v)));
    }
}

static void add_body_inputs(onnx_import *c, const onnx_graph *body, const mite_ir_value *like) {
    for (size_t i = 0; i < body->input_count && mite_ir_ok(c->g); i++) {
        const onnx_port *p = &body->inputs[i];
        bool by_file = like[i].unknown && p->has_shape; // its rank at least
        int32_t dims[MITE_MAX_RANK];
        for (size_t k = 0; k < MITE_MAX_RANK; k++) dims[k] = by_file ? 1 : like[i].shape[k];
        onnx_value *v = onnx_new_value(c, p->name);
        mite_ir_value *ir = mite_ir_input(c->g, p->name, like[i].dtype,
                                          by_file ? p->rank : (size_t)like[i].rank, dims);
        if (!v || !ir) return;
        ir->scale = like[i].scale;
        ir->zero_point = like[i].zero_point;
        ir->unknown = like[i].unknown && !by_file;
        if (by_file) mite_ir_open_all(ir);
        else ir->open = like[i].open, memcpy(ir->other, like[i].other, sizeof ir->other);
        v->ir = ir;
    }
}

// NOLINTNEXTLINE(misc-no-recursion): see import_nodes
int32_t onnx_import_body(onnx_import *c, const onnx_graph *body, const mite_ir_value *like,
                         size_t count) {
    onnx_scope inside = {.outer = c->scope, .call = c->scope->call};
    if (mite_ir_ok(c->g) && body->input_count != count) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its body %q has %z inputs, wanted are %z", body->name,
                     body->input_count, count);
    }
    if (!mite_ir_ok(c->g)) return -1;
    mite_ir_begin_body(c->g);
    c->scope = &inside;
    add_body_inputs(c, body, like);
    if (add_tensors(c, body) && import_nodes(c, body->nodes, body->node_count))
        add_outputs(c, body);
    c->scope = inside.outer;
    return mite_ir_end_body(c->g);
}

// NOLINTNEXTLINE(misc-no-recursion): see import_nodes
void onnx_import_inline(onnx_import *c, const onnx_graph *body) {
    onnx_scope inside = {.outer = c->scope, .call = c->scope->call};
    onnx_scope *around = c->scope;
    c->scope = &inside;
    bool done = add_tensors(c, body) && import_nodes(c, body->nodes, body->node_count);
    for (size_t k = 0; done && k < c->node->output_count; k++) {
        const char *name = c->node->outputs[k];
        const onnx_value *v =
            k < body->output_count ? onnx_find_value(c, body->outputs[k].name) : NULL;
        if (!*name) continue;
        if (!v) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its body %q computes no output %z", body->name, k);
        } else if (!mite_names_add(c->g, &around->names, name, v->index)) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "the name %q is given to two values", name);
        }
    }
    c->scope = around;
}

// NOLINTNEXTLINE(misc-no-recursion): see import_nodes
mite_ir_value *onnx_import_applied(onnx_import *c, const onnx_graph *body, mite_ir_value *x) {
    onnx_scope inside = {.outer = c->scope, .call = c->scope->call}, *around = c->scope;
    onnx_value *in = NULL, *out = NULL;
    c->scope = &inside;
    if (body->input_count == 1 && body->output_count == 1)
        in = onnx_new_value(c, body->inputs[0].name);
    if (in) in->ir = x;
    if (in && add_tensors(c, body) && import_nodes(c, body->nodes, body->node_count))
        out = onnx_find_value(c, body->outputs[0].name);
    mite_ir_value *y = out ? onnx_meant(c, out) : NULL;
    c->scope = around;
    if (!y)
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its body %q computes not one output of one input",
                     body->name);
    return y;
}

// --- The model ----------------------------------------------------------------------------------

bool mite_import_onnx(mite_ir_graph *g, const uint8_t *bytes, size_t byte_count,
                      const mite_import_options *options, mite_text *warnings) {
    onnx_scope scope = {.outer = NULL};
    onnx_import c = {.g = g, .options = options, .warnings = warnings, .scope = &scope};
    if (!onnx_read_model(g, (mite_span){bytes, byte_count}, options, &c.model)) return false;
    if (c.model.opset < 0 || c.model.opset > MAX_OPSET) {
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED,
                     "the model is of ONNX opset %D; opsets 1 to %d are read", c.model.opset,
                     MAX_OPSET);
        return false;
    }
    onnx_widen_halves(&c.model);
    c.opset = c.model.opset;
    g->folds = true;
    if (options->stand_ins) {
        g->refused = onnx_learn_from_refusal;
        g->refused_context = &c;
    }
    if (!c.model.graph.output_count) mite_ir_fail(g, MITE_ERR_FORMAT, "the model has no output");
    if (mite_ir_ok(g) && onnx_sort_model(g, &c.model) && list_functions(&c) &&
        check_operators(&c) && add_tensors(&c, &c.model.graph) && add_inputs(&c) &&
        import_nodes(&c, c.model.graph.nodes, c.model.graph.node_count)) {
        add_outputs(&c, &c.model.graph);
    }
    g->folds = false;
    g->refused = NULL;
    return mite_ir_ok(g);
}
