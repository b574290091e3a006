// SPDX-License-Identifier: Apache-2.0
// Functions of two numbers and more, broadcast element by element.
#include "import/onnx/onnx_emit.h"
#include "import/onnx/onnx_handlers.h"

#include <math.h>
#include <string.h>

mite_ir_value *onnx_emit_binary(onnx_import *c, const char *op, mite_ir_value *a,
                                mite_ir_value *b) {
    if (!a || !b) return NULL;
    return MITE_IR_EMIT(c->g, .op = op, .name = onnx_name(c), .inputs = {a, b});
}

// Their name -> ours: the core's operator, if it has one, and the general one's function.
typedef struct pair_row {
    const char *name, *core;
    mite_binary function;
    bool swapped; // f(b, a)
} pair_row;

static const pair_row pairs[] = {
    {"Add", "add", MITE_BINARY_ADD, false},
    {"And", NULL, MITE_BINARY_AND, false},
    {"BitwiseAnd", NULL, MITE_BINARY_AND, false},
    {"BitwiseOr", NULL, MITE_BINARY_OR, false},
    {"BitwiseXor", NULL, MITE_BINARY_XOR, false},
    {"Div", "div", MITE_BINARY_DIV, false},
    {"Equal", NULL, MITE_BINARY_EQUAL, false},
    {"Greater", NULL, MITE_BINARY_LESS, true},
    {"GreaterOrEqual", NULL, MITE_BINARY_LESS_OR_EQUAL, true},
    {"Less", NULL, MITE_BINARY_LESS, false},
    {"LessOrEqual", NULL, MITE_BINARY_LESS_OR_EQUAL, false},
    {"Max", "max", MITE_BINARY_MAX, false},
    {"Mean", "add", MITE_BINARY_ADD, false},
    {"Min", "min", MITE_BINARY_MIN, false},
    {"Mul", "mul", MITE_BINARY_MUL, false},
    {"Or", NULL, MITE_BINARY_OR, false},
    {"Sub", "sub", MITE_BINARY_SUB, false},
    {"Sum", "add", MITE_BINARY_ADD, false},
    {"Xor", NULL, MITE_BINARY_XOR, false},
};

static mite_ir_value *emit_pair(onnx_import *c, mite_ir_value *a, mite_ir_value *b) {
    size_t i = 0;
    while (i + 1 < sizeof pairs / sizeof *pairs && strcmp(pairs[i].name, c->node->op_type)) i++;
    const pair_row *row = &pairs[i];
    if (row->core && onnx_is_core(a) && onnx_is_core(b))
        return onnx_emit_binary(c, row->core, a, b);
    return onnx_emit_general_binary(c, row->function, row->swapped ? b : a, row->swapped ? a : b);
}

// b with as many ones behind it that its dimensions begin at dimension `axis` of a.
static mite_ir_value *aligned(onnx_import *c, const mite_ir_value *a, mite_ir_value *b,
                              int64_t axis) {
    int64_t axes[MITE_MAX_RANK];
    if (axis < 0) axis += a->rank;
    int64_t behind = a->rank - axis - b->rank;
    if (axis < 0 || axis > a->rank || behind < 0) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "%d dimensions from axis %D on do not lie within the %d of the other operand",
                     b->rank, axis, a->rank);
        return NULL;
    }
    for (int64_t i = 0; i < behind; i++) axes[i] = b->rank + i;
    return behind ? onnx_emit_unsqueeze(c, b, onnx_integers(c, axes, (size_t)behind)) : b;
}

// The second operand. Before opset 7 an attribute said at which axis of the first it began.
static mite_ir_value *second(onnx_import *c, mite_ir_value *a) {
    mite_ir_value *b = onnx_in(c, 1);
    if (!a || !b || c->opset >= 7 || !onnx_int(c, "broadcast", 0)) return b;
    const onnx_attr *axis = onnx_attribute(c, "axis");
    return axis && b->rank ? aligned(c, a, b, axis->i) : b;
}

void onnx_binary(onnx_import *c) {
    mite_ir_value *a = onnx_in(c, 0), *b = second(c, a);
    onnx_set(c, 0, a && b ? emit_pair(c, a, b) : NULL);
}

void onnx_variadic(onnx_import *c) {
    mite_ir_value *v = onnx_in(c, 0);
    for (size_t k = 1; v && k < c->node->input_count; k++) {
        mite_ir_value *next = onnx_in(c, k);
        v = next ? emit_pair(c, v, next) : NULL;
    }
    if (v && !strcmp(c->node->op_type, "Mean") && c->node->input_count > 1) {
        mite_ir_value *count = onnx_scalar(c, v->dtype, (double)c->node->input_count);
        v = v->dtype == MITE_F32 ? onnx_emit_binary(c, "div", v, count)
                                 : onnx_emit_general_binary(c, MITE_BINARY_DIV, v, count);
    }
    onnx_set(c, 0, v);
}

void onnx_mod(onnx_import *c) {
    onnx_set(c, 0,
             onnx_emit_general_binary(c,
                                      onnx_int(c, "fmod", 0) ? MITE_BINARY_FMOD : MITE_BINARY_MOD,
                                      onnx_in(c, 0), onnx_in(c, 1)));
}

void onnx_bit_shift(onnx_import *c) {
    bool left = !strcmp(onnx_string(c, "direction", "LEFT"), "LEFT");
    onnx_set(c, 0,
             onnx_emit_general_binary(c, left ? MITE_BINARY_SHIFT_LEFT : MITE_BINARY_SHIFT_RIGHT,
                                      onnx_in(c, 0), onnx_in(c, 1)));
}

void onnx_where(onnx_import *c) {
    bool shifted, other;
    mite_ir_value *condition = onnx_in(c, 0), *x = onnx_in_carried(c, 1, &shifted);
    mite_ir_value *y = onnx_in_carried(c, 2, &other);
    if (!condition || !x || !y) return;
    if (shifted != other || x->scale != y->scale || x->zero_point != y->zero_point)
        x = onnx_in(c, 1), y = onnx_in(c, 2), shifted = false;
    if (!x || !y) return;
    onnx_set_carried(c, 0,
                     MITE_IR_EMIT(c->g, .op = "where", .name = onnx_name(c),
                                  .inputs = {condition, x, y}, .dtype = x->dtype, .scale = x->scale,
                                  .zero_point = x->zero_point),
                     shifted);
}

void onnx_pow(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *y = second(c, x);
    if (!x || !y) return;
    bool plain = onnx_is_core(x) && y->data && y->dtype == MITE_F32 && mite_ir_elements(y) == 1 &&
                 y->rank <= x->rank && !x->unknown;
    float exponent = plain ? *(const float *)y->data : 0;
    if (exponent == 1) onnx_set(c, 0, x);
    else if (exponent == 2) onnx_set(c, 0, onnx_emit_binary(c, "mul", x, x));
    else if (exponent == 0.5f)
        onnx_set(c, 0,
                 MITE_IR_EMIT(c->g, .op = "sqrt", .name = onnx_name(c), .inputs = {x},
                              .scale = x->scale, .zero_point = x->zero_point));
    else onnx_set(c, 0, onnx_emit_general_binary(c, MITE_BINARY_POW, x, y));
}

void onnx_prelu(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *slope = onnx_in(c, 1);
    if (!x || !slope) return;
    // Before opset 7 a vector was one slope a channel.
    if (c->opset < 7 && slope->rank == 1 && x->rank > 1 && slope->shape[0] != 1)
        slope = aligned(c, x, slope, 1);
    if (!slope) return;
    if (x->dtype != MITE_F32 || slope->dtype != MITE_F32) {
        onnx_set(c, 0, onnx_emit_general_binary(c, MITE_BINARY_PRELU, x, slope));
        return;
    }
    onnx_set(c, 0, onnx_emit_binary(c, "prelu", x, slope));
}
