// SPDX-License-Identifier: Apache-2.0
// Products of two f32 activations by the fast operator, which also exchanges the last dimensions of
// its operands and multiplies by a number.
//
//   y = div(matmul_nd(q, transpose(k)), 8)   ->   y = matmul(q, k) transpose_b=1 scale=0.125
#include "passes/match.h"

#include <string.h>

static bool is_matrix(const mite_ir_value *v) { return v->dtype == MITE_F32 && v->rank >= 2; }

static mite_ir_value *emit(mite_ir_graph *g, const mite_ir_node *from, mite_ir_value *a,
                           mite_ir_value *b, bool turn_a, bool turn_b, double scale) {
    return MITE_IR_EMIT(g, .op = "matmul", .name = from->name, .inputs = {a, b},
                        .attrs = {{"transpose_a", .word = turn_a},
                                  {"transpose_b", .word = turn_b},
                                  {"scale", .word = mite_ir_bits((float)scale)}});
}

// A transpose that moves the last dimension to the one before: v without that exchange, by another
// transpose where there is more to it. NULL where it does something else.
static mite_ir_value *turned_back(mite_ir_graph *g, mite_ir_value *v) {
    mite_ir_node *by = mite_made_by(v, "transpose");
    size_t count, rank = (size_t)v->rank, moved = 0;
    int32_t perm[MITE_MAX_RANK];
    if (!by) return NULL;
    memcpy(perm, mite_ir_attr_words(by, "perm", &count), rank * sizeof *perm);
    if (perm[rank - 2] != (int32_t)rank - 1) return NULL;
    perm[rank - 2] = perm[rank - 1];
    perm[rank - 1] = (int32_t)rank - 1;
    for (size_t i = 0; i < rank; i++) moved += perm[i] != (int32_t)i;
    if (!moved) return mite_operand(by, 0);
    return MITE_IR_EMIT(g, .op = "transpose", .name = by->name, .inputs = {by->inputs[0]},
                        .attrs = {{"perm", .list = perm, .list_count = rank}});
}

// One operand further back: past an exchange of its last dimensions or a number. False where there is
// neither.
static bool step_back(mite_ir_graph *g, mite_ir_value **v, bool *turned, double *scale) {
    double number;
    mite_ir_node *by;
    mite_ir_value *back = turned_back(g, *v);
    if (back) {
        *turned = !*turned;
        *v = back;
        return true;
    }
    bool divides = mite_made_by(*v, "div") != NULL;
    by = divides ? mite_made_by(*v, "div") : mite_made_by(*v, "mul");
    mite_ir_value *other = by ? mite_with_number(by, &number) : NULL;
    if (!other || !mite_ir_same_shape(other, *v)) return false;
    *v = other;
    *scale = divides ? *scale / number : *scale * number;
    return true;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    double scale = 1, number;
    bool general = mite_ir_is(node, "matmul_nd"), product = general || mite_ir_is(node, "matmul");
    if (product) {
        if (node->input_count != 2 || !is_matrix(node->inputs[0]) || !is_matrix(node->inputs[1]))
            return false;
        mite_ir_value *v[2] = {node->inputs[0], node->inputs[1]};
        bool turned[2] = {!general && mite_ir_int(node, "transpose_a"),
                          !general && mite_ir_int(node, "transpose_b")};
        bool changed = general;
        if (!general) scale = (double)mite_ir_float(node, "scale");
        for (size_t k = 0; k < 2; k++)
            while (step_back(g, &v[k], &turned[k], &scale)) changed = true;
        mite_ir_value *y = changed ? emit(g, node, v[0], v[1], turned[0], turned[1], scale) : NULL;
        if (!y) return false;
        mite_ir_absorb(y->producer, node);
        return true;
    }
    bool divides = mite_ir_is(node, "div");
    if (!divides && !mite_ir_is(node, "mul")) return false;
    mite_ir_value *v = mite_with_number(node, &number);
    mite_ir_node *before = v ? mite_ir_sole_producer(v) : NULL;
    if (!before || !mite_ir_is(before, "matmul") || !mite_ir_same_shape(v, node->output))
        return false;
    scale = (double)mite_ir_float(before, "scale");
    mite_ir_set_float(before, "scale", (float)(divides ? scale / number : scale * number));
    mite_ir_absorb(before, node);
    return true;
}

bool mite_pass_fuse_products(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
