// SPDX-License-Identifier: Apache-2.0
// An add of two values of one shape, of which one is the result of a convolution or a dense layer
// that nothing else reads, becomes that operator's residual. It then runs where the add ran.
//
//   t = conv2d(x, w, b); y = add(t, r)   ->   y = conv2d(x, w, b, -, r)
//
// With u8 values the convolution still rounds to its own quantization first (inner_scale,
// inner_zero_point), as the two operators did: the result has the same bits.
#include "passes/passes.h"

// dense_rows has one input more before it.
static size_t residual_of(const mite_ir_node *node) {
    return mite_ir_is(node, "dense_rows") ? MITE_IN_RESIDUAL + 1 : MITE_IN_RESIDUAL;
}

static bool can_take_residual(const mite_ir_node *node) {
    bool rows = mite_ir_is(node, "dense_rows");
    if (!rows && !mite_ir_is(node, "conv2d") && !mite_ir_is(node, "dense")) return false;
    return !mite_ir_input_of(node, residual_of(node)) && mite_is_unclamped(node) &&
           node->inputs[MITE_IN_X]->dtype == node->output->dtype;
}

// The operand whose producer takes the other one as residual; the later one of two. What nodes of this
// walk compute is marked with its time.
static int choose(const mite_ir_node *add) {
    const mite_ir_node *a = mite_ir_sole_producer(add->inputs[0]);
    const mite_ir_node *b = mite_ir_sole_producer(add->inputs[1]);
    if (!can_take_residual(a)) a = NULL;
    if (!can_take_residual(b)) b = NULL;
    if (a && b) return add->inputs[0]->mark > add->inputs[1]->mark ? 0 : 1;
    return a ? 0 : b ? 1 : -1;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    uint32_t *time = context;
    node->output->mark = ++*time; // when it is computed
    if (!mite_ir_is(node, "add") || node->inputs[0] == node->inputs[1] ||
        !mite_ir_same_shape(node->inputs[0], node->inputs[1]) ||
        node->inputs[0]->dtype != node->output->dtype) {
        return false;
    }
    int which = choose(node);
    if (which < 0) return false;
    mite_ir_value *other = node->inputs[1 - which];
    mite_ir_node *conv = node->inputs[which]->producer;
    if (mite_ir_is_constant(other)) return false; // a bias, see fold_batch_norm
    float lo, hi;
    mite_clamp_of(node, &lo, &hi);
    mite_ir_make make = {
        .op = conv->op->name,
        .name = conv->name,
        .dtype = node->output->dtype,
        .scale = node->output->scale,
        .zero_point = node->output->zero_point,
        .copy_attrs = conv,
        .attrs = {{"clamp_lo", .word = mite_ir_bits(lo)}, {"clamp_hi", .word = mite_ir_bits(hi)}},
    };
    for (size_t i = 0; i < conv->input_count; i++) make.inputs[i] = conv->inputs[i];
    make.inputs[residual_of(conv)] = other;
    if (!mite_ir_is(conv, "dense_rows")) {
        make.attrs[2].name = "inner_scale";
        make.attrs[2].word = mite_ir_bits(conv->output->scale);
        make.attrs[3].name = "inner_zero_point";
        make.attrs[3].word = conv->output->zero_point;
    }
    mite_ir_value *y = mite_ir_emit(g, &make);
    if (!y) return false;
    mite_ir_kill(conv);
    mite_ir_absorb(y->producer, node);
    return true;
}

bool mite_pass_fuse_residual(mite_ir_graph *g) {
    uint32_t time = 0;
    return mite_ir_rewrite(g, visit, &time);
}
