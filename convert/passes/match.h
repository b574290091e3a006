// SPDX-License-Identifier: Apache-2.0
// What the passes share that recognise an operator written out in smaller ones.
#ifndef MITE_PASSES_MATCH_H
#define MITE_PASSES_MATCH_H

#include "passes/passes.h"

// The node `op` that computes f32 value `v`, whoever else reads v; NULL if another does.
static inline mite_ir_node *mite_made_by(mite_ir_value *v, const char *op) {
    mite_ir_node *node = v ? mite_ir_resolve(v)->producer : NULL;
    return node && !node->dead && node->output->dtype == MITE_F32 && mite_ir_is(node, op) ? node
                                                                                          : NULL;
}

static inline mite_ir_value *mite_operand(const mite_ir_node *node, size_t index) {
    mite_ir_value *v = mite_ir_input_of(node, index);
    return v ? mite_ir_resolve(v) : NULL;
}

// Is `v` one constant f32 number?
static inline bool mite_number(const mite_ir_value *v, double *number) {
    if (!mite_ir_is_constant(v) || v->dtype != MITE_F32 || mite_ir_elements(v) != 1) return false;
    *number = (double)*(const float *)v->data;
    return true;
}

// Of a node with two operands: the number that one of them is, and the other. Of "sub" and "div"
// only the second may be the number.
static inline mite_ir_value *mite_with_number(const mite_ir_node *node, double *number) {
    bool either = mite_ir_is(node, "add") || mite_ir_is(node, "mul");
    if (!mite_is_unclamped(node)) return NULL;
    for (size_t k = 2; k-- > (either ? 0 : 1);)
        if (mite_number(mite_operand(node, k), number)) return mite_operand(node, 1 - k);
    return NULL;
}

#endif
