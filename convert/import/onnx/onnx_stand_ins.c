// SPDX-License-Identifier: Apache-2.0
// Stand-ins of open dimensions (ir.h), by the symbols of the model's inputs. The first ones are all
// different. Where an operator then refuses two values, the model itself says more of its symbols: one
// is at most as long as a table that goes with it (the 77 positions of a text encoder), or as long as
// two others together (a mask over what is new and what was). That is kept, and the model is read again.
//
// A symbol that an operator takes at one size alone (the length of a cache's heads) is no open dimension:
// then both stand-ins are that size.
//
// An addition may also stretch a batch of one, so nothing follows of two first dimensions there.
#include "import/onnx/onnx_stand_ins.h"

#include <string.h>

// All different.
int32_t onnx_stand_in(const onnx_import *c, uint32_t symbol, bool other) {
    const mite_import_stand_ins *s = c->options->stand_ins;
    if (s && symbol < MITE_IMPORT_SYMBOLS && s->at[symbol][0]) return s->at[symbol][other];
    int32_t one = 64 * ((int32_t)(symbol % 1024) + 1);
    return other ? mite_import_other(s, one + 32) : one;
}

// The symbol whose stand-ins dimension `d` of v has; false where it follows from several, or from none.
static bool symbol_at(const onnx_import *c, const mite_ir_value *v, int32_t d, uint32_t *symbol) {
    if (!(v->open >> d & 1)) return false;
    for (uint32_t i = 0; i < c->symbol_count && i < MITE_IMPORT_SYMBOLS; i++)
        if (v->shape[d] == onnx_stand_in(c, i, false) && v->other[d] == onnx_stand_in(c, i, true)) {
            *symbol = i;
            return true;
        }
    return false;
}

static bool settle(onnx_import *c, uint32_t symbol, int32_t one, int32_t other) {
    mite_import_stand_ins *s = c->options->stand_ins;
    if (s->at[symbol][0] || one < 1 || other < 1) return false; // said once
    s->at[symbol][0] = one;
    s->at[symbol][1] = other;
    s->changed = true;
    return true;
}

// Dimension `i` of a and `k` of b ought to be of one size, and are not.
static bool learn(onnx_import *c, const mite_ir_value *a, int32_t i, const mite_ir_value *b,
                  int32_t k) {
    uint32_t symbol, second;
    if (!symbol_at(c, a, i, &symbol)) return false;
    int32_t one = b->shape[k], other = b->other[k], offset = (int32_t)symbol % 4;
    if ((b->open >> k & 1) && one != other) {
        if (symbol_at(c, b, k, &second) && second > symbol) return false; // that one changes
        return settle(c, symbol, one, other);
    }
    // A number: no longer than that.
    return one >= 16 && a->shape[i] > one &&
           settle(c, symbol, one / 2 - offset, one - one / 4 - offset);
}

static bool differ(const mite_ir_value *a, int32_t i, const mite_ir_value *b, int32_t k) {
    return a->shape[i] != b->shape[k] || a->other[i] != b->other[k];
}

static bool compare(onnx_import *c, const mite_ir_value *a, int32_t i, const mite_ir_value *b,
                    int32_t k) {
    return differ(a, i, b, k) && (learn(c, a, i, b, k) || learn(c, b, k, a, i));
}

// Dimensions from the last to the first, as they are stretched to each other; those before `skipped` of
// the last ones alone. Ones may be stretched.
static bool compare_stretched(onnx_import *c, const mite_ir_value *a, const mite_ir_value *b,
                              int32_t skipped) {
    for (int32_t back = 1 + skipped; back <= a->rank && back <= b->rank; back++) {
        int32_t i = a->rank - back, k = b->rank - back;
        bool is_one =
            (!(a->open >> i & 1) && a->shape[i] == 1) || (!(b->open >> k & 1) && b->shape[k] == 1);
        bool both_first = i == 0 && k == 0 && a->rank > 1;
        if (!is_one && !both_first && compare(c, a, i, b, k)) return true;
    }
    return false;
}

static bool compare_beside(onnx_import *c, const mite_ir_value *a, const mite_ir_value *b,
                           int32_t axis) {
    for (int32_t i = 0; i < a->rank && i < b->rank; i++)
        if (i != axis && compare(c, a, i, b, i)) return true;
    return false;
}

static bool is_stretching(const mite_ir_node *node) {
    static const char *const names[] = {"add", "sub", "mul",    "div",
                                        "min", "max", "binary", "where"};
    return MITE_IR_IS_ONE_OF(node, names);
}

void onnx_expect_size(onnx_import *c, const mite_ir_value *v, int32_t d, int32_t size) {
    uint32_t symbol;
    if (c->options->stand_ins && symbol_at(c, v, d, &symbol)) settle(c, symbol, size, size);
}

void onnx_learn_from_refusal(void *context, const mite_ir_node *node) {
    onnx_import *c = context;
    bool joins = mite_ir_is(node, "concat"), stretches = is_stretching(node);
    bool multiplies = mite_ir_is(node, "matmul") || mite_ir_is(node, "matmul_nd");
    int32_t axis = joins ? mite_ir_int(node, "axis") : 0;
    if (!joins && !stretches && !multiplies) return;
    for (size_t i = 1; i < node->input_count; i++) {
        const mite_ir_value *a = node->inputs[0], *b = node->inputs[i];
        if (multiplies && i > 1) return; // zero points
        if (stretches && i == 2) { // where: all three
            if (compare_stretched(c, node->inputs[1], b, 0)) return;
        }
        if (!a || !b || a->unknown || b->unknown || a->rank < 1 || b->rank < 1) continue;
        if (joins && compare_beside(c, a, b, axis < 0 ? axis + a->rank : axis)) return;
        if (stretches && compare_stretched(c, a, b, 0)) return;
        if (!multiplies || a->rank < 2 || b->rank < 2) continue;
        bool turned = mite_ir_int(node, "transpose_b") != 0;
        if (!mite_ir_int(node, "transpose_a") &&
            compare(c, a, a->rank - 1, b, b->rank - (turned ? 1 : 2)))
            return;
        if (compare_stretched(c, a, b, 2)) return;
    }
}
