// SPDX-License-Identifier: Apache-2.0
// Operators that change nothing go: identity, a cast to the type that is there or there and back
// without loss, a concat of one, an expand to the shape that is there, a pad by nothing, a factor or
// divisor of one, a clamp without limits.
#include "passes/passes.h"

#include <math.h>
#include <string.h>

// Does every number of type `a` have the same value in type `b`?
static bool is_lossless(mite_dtype a, mite_dtype b) {
    static const struct {
        uint8_t bits; // of whole numbers that are exact
        bool is_signed, is_real;
    } types[] = {
        [MITE_BOOL] = {1, false, false}, [MITE_U8] = {8, false, false},
        [MITE_I8] = {7, true, false},    [MITE_U16] = {16, false, false},
        [MITE_I16] = {15, true, false},  [MITE_U32] = {32, false, false},
        [MITE_I32] = {31, true, false},  [MITE_U64] = {64, false, false},
        [MITE_I64] = {63, true, false},  [MITE_F16] = {11, true, true},
        [MITE_F32] = {24, true, true},   [MITE_F64] = {53, true, true},
    };
    bool fits = types[a].bits <= types[b].bits && (!types[a].is_signed || types[b].is_signed);
    return fits && (!types[a].is_real || types[b].is_real) && b != MITE_BOOL;
}

static bool is_plain(const mite_ir_value *v) { return v->scale == 0; }

// What the cast of `x` to `dtype` can be read from instead.
static mite_ir_value *source_of_cast(mite_ir_value *x, mite_dtype dtype) {
    if (x->dtype == dtype) return x;
    if (!mite_ir_is(x->producer, "cast")) return NULL;
    mite_ir_value *before = mite_ir_resolve(x->producer->inputs[0]);
    return before->dtype == dtype && is_plain(before) && is_lossless(dtype, x->dtype) ? before
                                                                                      : NULL;
}

static bool is_one(const mite_ir_value *v) {
    if (!v || v->dtype != MITE_F32 || !v->data || !mite_ir_elements(v)) return false;
    for (size_t i = 0; i < mite_ir_elements(v); i++)
        if (((const float *)v->data)[i] != 1.0f) return false;
    return true;
}

static bool pads_nothing(const mite_ir_node *node) {
    static const char *const names[] = {"before", "after"};
    for (size_t k = 0; k < 2; k++) {
        size_t count;
        const int32_t *words = mite_ir_attr_words(node, names[k], &count);
        for (size_t i = 0; i < count; i++)
            if (words[i]) return false;
    }
    return true;
}

static bool keeps_shape(const mite_ir_node *node) {
    return mite_ir_is_fixed(node->inputs[0]) && mite_ir_is_fixed(node->output) &&
           mite_ir_same_shape(node->inputs[0], node->output);
}

// The input that the node's output is equal to, or NULL.
static mite_ir_value *same_as(const mite_ir_node *node) {
    mite_ir_value *x = node->input_count ? node->inputs[0] : NULL;
    if (!x) return NULL;
    if (mite_ir_is(node, "identity")) return x;
    if (mite_ir_is(node, "cast") && is_plain(x)) return source_of_cast(x, node->output->dtype);
    if (mite_ir_is(node, "concat") && node->input_count == 1) return x;
    if (mite_ir_is(node, "expand") && keeps_shape(node)) return x;
    if (mite_ir_is(node, "pad") && pads_nothing(node)) return x;
    if (mite_ir_is(node, "clamp") && mite_is_unclamped(node)) return x;
    bool mul = mite_ir_is(node, "mul"), div = mite_ir_is(node, "div");
    if ((!mul && !div) || !mite_is_unclamped(node) || node->output->dtype != MITE_F32) return NULL;
    if (is_one(node->inputs[1]) && keeps_shape(node)) return x;
    if (!mul || !is_one(x)) return NULL;
    mite_ir_value *y = node->inputs[1];
    bool same = mite_ir_is_fixed(y) && mite_ir_is_fixed(node->output) &&
                mite_ir_same_shape(y, node->output);
    return same ? y : NULL;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)g, (void)context;
    mite_ir_value *same = node->output_count == 1 ? same_as(node) : NULL;
    bool alike = same && same->scale == node->output->scale &&
                 same->zero_point == node->output->zero_point && same->dtype == node->output->dtype;
    if (!alike) return false;
    mite_ir_replace(node->output, same);
    mite_ir_kill(node);
    return true;
}

bool mite_pass_identities(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
