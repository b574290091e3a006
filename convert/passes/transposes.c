// SPDX-License-Identifier: Apache-2.0
// Importers put every picture operator between a transpose to NHWC and one back. Here a transpose
// moves behind the operator that reads it, wherever that operator can just as well work on the
// other order, until it meets its inverse and both go, or it arrives at an output.
//
//   y = clamp(transpose(x))   ->   y = transpose(clamp(x))
#include "passes/passes.h"

#include <string.h>

#define RANK MITE_MAX_RANK

static const int32_t *perm_of(const mite_ir_node *node) {
    size_t count;
    return mite_ir_attr_words(node, "perm", &count);
}

// A transpose may also reverse as many dimensions as a run finds: then its perm is all zero.
static bool is_transpose(const mite_ir_node *node) {
    return mite_ir_is(node, "transpose") &&
           (node->output->rank < 2 || perm_of(node)[0] || perm_of(node)[1]);
}

// The transpose that makes `v`, or NULL.
static mite_ir_node *transpose_of(const mite_ir_value *v) {
    return v && is_transpose(v->producer) ? v->producer : NULL;
}

static mite_ir_value *emit_transpose(mite_ir_graph *g, const mite_ir_node *for_node,
                                     mite_ir_value *x, const int32_t *perm) {
    return MITE_IR_EMIT(g, .op = "transpose", .name = for_node->name, .inputs = {x},
                        .attrs = {{"perm", .list = perm, .list_count = x ? (size_t)x->rank : 0}},
                        .scale = x ? x->scale : 0, .zero_point = x ? x->zero_point : 0);
}

static bool is_identity(const int32_t *perm, int32_t rank) {
    int32_t i = 0;
    while (i < rank && perm[i] == i) i++;
    return i == rank;
}

// `node` is done anew as `y`, of which `perm` is still to be taken.
static bool finish(mite_ir_graph *g, mite_ir_node *node, mite_ir_value *y, const int32_t *perm) {
    if (y && !is_identity(perm, y->rank)) y = emit_transpose(g, node, y, perm);
    if (!y) return false;
    mite_ir_absorb(y->producer, node);
    return true;
}

// --- Transposes after transposes -----------------------------------------------------------------

static bool merge(mite_ir_graph *g, mite_ir_node *node) {
    const mite_ir_node *before = transpose_of(node->inputs[0]);
    int32_t perm[RANK] = {0};
    for (int32_t i = 0; i < node->output->rank; i++) {
        int32_t from = perm_of(node)[i];
        perm[i] = before ? perm_of(before)[from] : from;
    }
    mite_ir_value *x = before ? before->inputs[0] : node->inputs[0];
    if (is_identity(perm, node->output->rank)) {
        mite_ir_replace(node->output, x);
        mite_ir_kill(node);
        return true;
    }
    // Moving only dimensions of 1 about is a reshape.
    int32_t last = -1;
    bool ordered = true;
    for (int32_t i = 0; i < node->output->rank; i++) {
        if (node->output->shape[i] == 1) continue;
        ordered = ordered && perm[i] > last;
        last = perm[i];
    }
    if (ordered && mite_ir_is_fixed(x)) {
        const mite_ir_value *out = node->output;
        mite_ir_value *r =
            MITE_IR_EMIT(g, .op = "reshape", .name = node->name, .inputs = {x},
                         .attrs = {{"rank", .word = out->rank},
                                   {"shape", .list = out->shape, .list_count = (size_t)out->rank}},
                         .scale = x->scale, .zero_point = x->zero_point);
        if (!r) return false;
        mite_ir_absorb(r->producer, node);
        return true;
    }
    if (!before) return false;
    mite_ir_value *t = emit_transpose(g, node, x, perm);
    if (!t) return false;
    mite_ir_absorb(t->producer, node);
    return true;
}

// --- Operators with one picture ------------------------------------------------------------------

// The same operator on another input, with attributes to change afterwards by `set`.
static mite_ir_value *redo(mite_ir_graph *g, const mite_ir_node *node, mite_ir_value *x,
                           const mite_ir_attr *attrs, size_t attr_count) {
    mite_ir_make make = {
        .op = node->op->name,
        .name = node->name,
        .inputs = {x},
        .dtype = node->output->dtype,
        .scale = node->output->scale,
        .zero_point = node->output->zero_point,
        .copy_attrs = node,
    };
    for (size_t i = 0; i < attr_count; i++) make.attrs[i] = attrs[i];
    return mite_ir_emit(g, &make);
}

static bool push_unary(mite_ir_graph *g, mite_ir_node *node) {
    const mite_ir_node *t = transpose_of(node->inputs[0]);
    return t && finish(g, node, redo(g, node, t->inputs[0], NULL, 0), perm_of(t));
}

static bool push_softmax(mite_ir_graph *g, mite_ir_node *node) {
    const mite_ir_node *t = transpose_of(node->inputs[0]);
    if (!t) return false;
    int32_t axis = mite_ir_int(node, "axis"), rank = node->output->rank;
    mite_ir_attr a = {.name = "axis", .word = perm_of(t)[axis < 0 ? axis + rank : axis]};
    return finish(g, node, redo(g, node, t->inputs[0], &a, 1), perm_of(t));
}

static bool push_pad(mite_ir_graph *g, mite_ir_node *node) {
    const mite_ir_node *t = transpose_of(node->inputs[0]);
    size_t count, rank = (size_t)node->output->rank;
    if (!t) return false;
    const int32_t *before = mite_ir_attr_words(node, "before", &count);
    const int32_t *after = mite_ir_attr_words(node, "after", &count);
    int32_t b[RANK] = {0}, a[RANK] = {0};
    for (size_t i = 0; i < rank; i++) {
        b[perm_of(t)[i]] = before[i];
        a[perm_of(t)[i]] = after[i];
    }
    mite_ir_attr attrs[] = {{.name = "before", .list = b, .list_count = rank},
                            {.name = "after", .list = a, .list_count = rank}};
    return finish(g, node, redo(g, node, t->inputs[0], attrs, 2), perm_of(t));
}

static bool push_mean(mite_ir_graph *g, mite_ir_node *node) {
    const mite_ir_node *t = transpose_of(node->inputs[0]);
    size_t words, count = (size_t)mite_ir_int(node, "axis_count");
    if (!t) return false;
    const int32_t *axes = mite_ir_attr_words(node, "axes", &words);
    const int32_t *perm = perm_of(t);
    int32_t moved[RANK], rank = t->output->rank, rest[RANK], perm_of_rest[RANK], kept = 0;
    bool gone[RANK] = {false};
    for (size_t i = 0; i < count; i++) {
        moved[i] = perm[axes[i] < 0 ? axes[i] + rank : axes[i]];
        gone[moved[i]] = true;
    }
    mite_ir_attr a = {.name = "axes", .list = moved, .list_count = count};
    mite_ir_value *y = redo(g, node, t->inputs[0], &a, 1);
    if (mite_ir_int(node, "keep_dims")) return finish(g, node, y, perm);
    // Of the dimensions that are left, in their places after the reduction.
    for (int32_t i = 0, place = 0; i < rank; i++) rest[i] = gone[i] ? -1 : place++;
    for (int32_t i = 0; i < rank; i++) {
        if (rest[perm[i]] >= 0) perm_of_rest[kept++] = rest[perm[i]];
    }
    return finish(g, node, y, perm_of_rest);
}

// --- Operators with several inputs ---------------------------------------------------------------

// A value as it is before `perm`: what t reads, a constant transposed back, or (a value with at
// most one dimension above 1, or a scalar) a reshape. NULL where it would cost a transpose.
static mite_ir_value *before_perm(mite_ir_graph *g, const mite_ir_node *node, mite_ir_value *v,
                                  const int32_t *perm, int32_t rank) {
    const mite_ir_node *t = transpose_of(v);
    int32_t full[RANK], shape[RANK], inverse[RANK], large = 0;
    if (t && v->rank == rank && !memcmp(perm_of(t), perm, (size_t)rank * sizeof *perm)) {
        return t->inputs[0];
    }
    if (!mite_ir_is_fixed(v)) return NULL;
    if (mite_ir_elements(v) == 1) return v->rank <= 1 ? v : NULL;
    for (int32_t i = 0; i < rank; i++) {
        int32_t own = i - (rank - v->rank);
        full[i] = own < 0 ? 1 : v->shape[own];
        if (full[i] != 1) large++;
    }
    for (int32_t i = 0; i < rank; i++) {
        inverse[perm[i]] = i;
        shape[perm[i]] = full[i];
    }
    if (mite_ir_is_constant(v)) {
        mite_ir_value *c = mite_ir_reshaped(g, v, (size_t)rank, full);
        return mite_ir_transposed(g, c, inverse);
    }
    if (large > 1) return NULL;
    return MITE_IR_EMIT(
        g, .op = "reshape", .name = node->name, .inputs = {v},
        .attrs = {{"rank", .word = rank}, {"shape", .list = shape, .list_count = (size_t)rank}},
        .scale = v->scale, .zero_point = v->zero_point);
}

static bool push_binary(mite_ir_graph *g, mite_ir_node *node) {
    const mite_ir_node *t = transpose_of(node->inputs[0]);
    if (!t || t->output->rank != node->output->rank) t = transpose_of(node->inputs[1]);
    if (!t || t->output->rank != node->output->rank) return false;
    const int32_t *perm = perm_of(t);
    mite_ir_value *in[2];
    for (size_t k = 0; k < 2; k++) {
        in[k] = before_perm(g, node, node->inputs[k], perm, node->output->rank);
        if (!in[k]) return false;
    }
    mite_ir_value *y =
        MITE_IR_EMIT(g, .op = node->op->name, .name = node->name, .inputs = {in[0], in[1]},
                     .copy_attrs = node, .dtype = node->output->dtype, .scale = node->output->scale,
                     .zero_point = node->output->zero_point);
    return finish(g, node, y, perm);
}

static bool push_concat(mite_ir_graph *g, mite_ir_node *node) {
    const mite_ir_node *t = NULL;
    int32_t axis = mite_ir_int(node, "axis"), rank = node->output->rank;
    for (size_t k = 0; k < node->input_count && !t; k++) t = transpose_of(node->inputs[k]);
    if (!t) return false;
    mite_ir_value **in = mite_ir_alloc(g, node->input_count, sizeof *in);
    for (size_t k = 0; in && k < node->input_count; k++) {
        in[k] = before_perm(g, node, node->inputs[k], perm_of(t), rank);
        if (!in[k] || in[k]->rank != rank) return false;
    }
    if (!in) return false;
    mite_ir_value *y = MITE_IR_EMIT(
        g, .op = "concat", .name = node->name, .input_list = in, .input_count = node->input_count,
        .attrs = {{"axis", .word = perm_of(t)[axis < 0 ? axis + rank : axis]}},
        .dtype = node->output->dtype, .scale = node->output->scale,
        .zero_point = node->output->zero_point);
    return finish(g, node, y, perm_of(t));
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    if (is_transpose(node)) return merge(g, node);
    if (mite_is_unary(node)) return push_unary(g, node);
    if (mite_is_binary(node)) return push_binary(g, node);
    if (mite_ir_is(node, "concat")) return push_concat(g, node);
    if (mite_ir_is(node, "mean")) return push_mean(g, node);
    if (mite_ir_is(node, "pad")) return push_pad(g, node);
    if (mite_ir_is(node, "softmax")) return push_softmax(g, node);
    return false;
}

bool mite_pass_transposes(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
