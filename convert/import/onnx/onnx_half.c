// SPDX-License-Identifier: Apache-2.0
// Networks in half precision. A model that stores its weights as f16 means a small file, not sums of
// eleven bits: it is read as if it were in f32 throughout. Tensors become f32, attributes that name
// f16 as a type name f32, so that handlers choose the fast operators; only inputs and outputs stay
// f16, with a cast behind or before each. Nothing is rounded to f16 in between, which ONNX Runtime
// does not do either where it computes f16 in f32. Weights that nothing was multiplied into are
// halves again in the .mite file (lower.c).
//
// f16 in a model without such weights is left as it is: every node then rounds to f16, as the
// standard says.
#include "import/onnx/onnx_model.h"

#include <string.h>

#define LEAST_WEIGHTS 1024 // numbers: less are constants of formulas

typedef struct census {
    size_t halves; // numbers in f16 tensors
    bool takes_bits; // of f16, which must then be there
} census;

// What is done to every tensor, attribute and node.
typedef struct visitor {
    census *count; // NULL: widen
} visitor;

static void visit_tensor(const visitor *v, onnx_tensor *t) {
    if (t->type != ONNX_FLOAT16) return;
    if (!v->count) t->widened = true;
    else if (t->elements > SIZE_MAX - v->count->halves) v->count->halves = SIZE_MAX;
    else v->count->halves += t->elements;
}

static bool names_type(const onnx_attr *a) {
    static const char *const names[] = {"to",           "dtype",      "output_datatype",
                                        "output_dtype", "stash_type", "softmax_precision"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (!strcmp(a->name, names[i])) return true;
    return false;
}

static void visit_nodes(const visitor *v, onnx_node *nodes, size_t count);

// NOLINTNEXTLINE(misc-no-recursion): graphs in attributes, no deeper than ONNX_MAX_DEPTH
static void visit_graph(const visitor *v, onnx_graph *g) {
    for (size_t i = 0; i < g->tensor_count; i++) visit_tensor(v, &g->tensors[i]);
    for (size_t i = 0; i < g->sparse_count; i++) visit_tensor(v, &g->sparse[i].values);
    visit_nodes(v, g->nodes, g->node_count);
}

// NOLINTNEXTLINE(misc-no-recursion): see visit_graph
static void visit_attrs(const visitor *v, onnx_attr *attrs, size_t count) {
    for (size_t i = 0; i < count; i++) {
        onnx_attr *a = &attrs[i];
        if (a->t) visit_tensor(v, a->t);
        if (a->sparse) visit_tensor(v, &a->sparse->values);
        if (a->graph) visit_graph(v, a->graph);
        if (!v->count && a->i == ONNX_FLOAT16 && names_type(a)) a->i = ONNX_FLOAT;
    }
}

// NOLINTNEXTLINE(misc-no-recursion): see visit_graph
static void visit_nodes(const visitor *v, onnx_node *nodes, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (v->count && !strcmp(nodes[i].op_type, "BitCast")) v->count->takes_bits = true;
        visit_attrs(v, nodes[i].attrs, nodes[i].attr_count);
    }
}

static void visit_model(const visitor *v, onnx_model *m) {
    visit_graph(v, &m->graph);
    for (size_t i = 0; i < m->function_count; i++) {
        visit_nodes(v, m->functions[i].nodes, m->functions[i].node_count);
        visit_attrs(v, m->functions[i].defaults, m->functions[i].default_count);
    }
}

void onnx_widen_halves(onnx_model *m) {
    census count = {0, false};
    visit_model(&(visitor){&count}, m);
    m->widened = count.halves >= LEAST_WEIGHTS && !count.takes_bits;
    if (m->widened) visit_model(&(visitor){NULL}, m);
}
