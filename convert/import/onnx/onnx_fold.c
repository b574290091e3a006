// SPDX-License-Identifier: Apache-2.0
// Nodes whose result is known at import: the little programs that exporters write around Reshape,
// Resize and Slice (Shape -> Gather -> Mul -> Concat …). Integers are 64-bit and checked; reals
// round to float after every step, as they would at run time. Element-wise work is here, what
// moves elements about in onnx_fold_shape.c.
#include "import/onnx/onnx_fold.h"

#include <math.h>
#include <string.h>

// --- Element-wise -------------------------------------------------------------------------------

typedef struct operands {
    onnx_number a, b, c;
    bool real;
} operands;

typedef enum function {
    NEG,
    ABS,
    FLOOR,
    CEIL,
    ROUND,
    SQRT,
    RECIPROCAL,
    NOT,
    SAME,
    ADD,
    SUB,
    MUL,
    DIV,
    MOD,
    MIN,
    MAX,
    POW,
    EQUAL,
    GREATER,
    LESS,
    GREATER_EQUAL,
    LESS_EQUAL,
    AND,
    OR,
    WHERE,
} function;

static bool real_result(function f, const operands *x, double *out) {
    double a = x->a.f, b = x->b.f;
    switch (f) {
    case NEG: *out = -a; break;
    case ABS: *out = fabs(a); break;
    case FLOOR: *out = floor(a); break;
    case CEIL: *out = ceil(a); break;
    case ROUND: *out = nearbyint(a); break;
    case SQRT: *out = sqrt(a); break;
    case RECIPROCAL: *out = 1.0 / a; break;
    case SAME: *out = a; break;
    case ADD: *out = a + b; break;
    case SUB: *out = a - b; break;
    case MUL: *out = a * b; break;
    case DIV: *out = a / b; break;
    case MOD: *out = fmod(a, b); break;
    case MIN: *out = b < a ? b : a; break;
    case MAX: *out = b > a ? b : a; break;
    case POW: *out = pow(a, b); break;
    default: return false;
    }
    return true;
}

// Integer division of ONNX truncates; Mod takes the sign of the divisor.
static bool divide(function f, int64_t a, int64_t b, int64_t *out) {
    if (b == 0 || (a == INT64_MIN && b == -1)) return false;
    *out = f == DIV ? a / b : a % b;
    if (f == MOD && *out && (*out < 0) != (b < 0)) *out += b;
    return true;
}

static bool integer_result(function f, const operands *x, int64_t *out) {
    int64_t a = x->a.i, b = x->b.i;
    switch (f) {
    case NEG: return !__builtin_sub_overflow((int64_t)0, a, out);
    case ABS: return a >= 0 ? (*out = a, true) : !__builtin_sub_overflow((int64_t)0, a, out);
    case FLOOR:
    case CEIL:
    case ROUND:
    case SAME: *out = a; return true;
    case NOT: *out = !a; return true;
    case ADD: return !__builtin_add_overflow(a, b, out);
    case SUB: return !__builtin_sub_overflow(a, b, out);
    case MUL: return !__builtin_mul_overflow(a, b, out);
    case DIV:
    case MOD: return divide(f, a, b, out);
    case MIN: *out = b < a ? b : a; return true;
    case MAX: *out = b > a ? b : a; return true;
    case AND: *out = a && b; return true;
    case OR: *out = a || b; return true;
    default: return false;
    }
}

static bool compare(function f, const operands *x, int64_t *out) {
    int order =
        x->real ? (x->a.f > x->b.f) - (x->a.f < x->b.f) : (x->a.i > x->b.i) - (x->a.i < x->b.i);
    switch (f) {
    case EQUAL: *out = order == 0; return true;
    case GREATER: *out = order > 0; return true;
    case LESS: *out = order < 0; return true;
    case GREATER_EQUAL: *out = order >= 0; return true;
    case LESS_EQUAL: *out = order <= 0; return true;
    default: return false;
    }
}

static bool apply(function f, const operands *x, int32_t type, onnx_number *out) {
    if (f == WHERE) {
        *out = x->a.i ? x->b : x->c;
        return true;
    }
    if (f >= EQUAL && f <= LESS_EQUAL) return compare(f, x, &out->i);
    if (!x->real) return integer_result(f, x, &out->i);
    if (!real_result(f, x, &out->f)) return false;
    if (type != ONNX_DOUBLE) out->f = (double)(float)out->f;
    return true;
}

// Elements to step in each output dimension; 0 where the input is stretched.
static void broadcast_steps(const onnx_known *in, const onnx_known *out, size_t *steps) {
    size_t step = 1;
    for (size_t i = out->rank; i-- > 0;) {
        size_t behind = out->rank - 1 - i;
        steps[i] = 0;
        if (behind >= in->rank) continue;
        int32_t dim = in->dims[in->rank - 1 - behind];
        if (dim != 1) steps[i] = step;
        step *= (size_t)dim;
    }
}

static size_t broadcast_index(const onnx_known *out, const size_t *steps, size_t index) {
    size_t at = 0;
    for (size_t i = out->rank; i-- > 0;) {
        size_t dim = (size_t)out->dims[i];
        at += index % dim * steps[i];
        index /= dim;
    }
    return at;
}

// The shape that all inputs stretch to; false where they do not match.
static bool broadcast_shape(const onnx_known *const *in, size_t count, size_t *rank,
                            int32_t *dims) {
    *rank = 0;
    for (size_t k = 0; k < count; k++) {
        if (in[k]->rank > *rank) *rank = in[k]->rank;
    }
    for (size_t i = 0; i < *rank; i++) dims[i] = 1;
    for (size_t k = 0; k < count; k++) {
        for (size_t i = 0; i < in[k]->rank; i++) {
            int32_t *dim = &dims[*rank - in[k]->rank + i];
            if (in[k]->dims[i] == 1) continue;
            if (*dim != 1 && *dim != in[k]->dims[i]) return false;
            *dim = in[k]->dims[i];
        }
    }
    return true;
}

static const onnx_known *element_wise(onnx_import *c, function f, const onnx_known *const *in,
                                      size_t count) {
    size_t rank, steps[3][MITE_MAX_RANK];
    int32_t dims[MITE_MAX_RANK], type = in[f == WHERE ? 1 : 0]->type;
    if (f >= EQUAL && f <= OR) type = ONNX_BOOL;
    if (f == WHERE && count != 3) return NULL;
    for (size_t k = 1; k < count; k++) {
        bool same = onnx_type_is_real(in[k]->type) == onnx_type_is_real(in[k - 1]->type);
        if (!same && !(f == WHERE && k == 1)) return NULL;
    }
    if (count > 3 || !broadcast_shape(in, count, &rank, dims)) return NULL;
    onnx_known *out = onnx_new_known(c, type, rank, dims);
    if (!out) return NULL;
    for (size_t k = 0; k < count; k++) broadcast_steps(in[k], out, steps[k]);
    for (size_t i = 0; i < out->count; i++) {
        operands x = {.real = onnx_type_is_real(in[0]->type)};
        x.a = in[0]->at[broadcast_index(out, steps[0], i)];
        if (count > 1) x.b = in[1]->at[broadcast_index(out, steps[1], i)];
        if (count > 2) x.c = in[2]->at[broadcast_index(out, steps[2], i)];
        if (apply(f, &x, type, &out->at[i])) continue;
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its result is not a number of its type");
        return NULL;
    }
    return out;
}

const onnx_known *onnx_fold_cast(onnx_import *c, const onnx_known *in, int32_t type) {
    onnx_known *out = onnx_new_known(c, type, in->rank, in->dims);
    bool from_real = onnx_type_is_real(in->type), to_real = onnx_type_is_real(type);
    for (size_t i = 0; out && i < out->count; i++) {
        double f = from_real ? in->at[i].f : (double)in->at[i].i;
        // Out of range (and NaN) has no meaning in ONNX; 0 is as good as any.
        int64_t n = !from_real ? in->at[i].i : fabs(f) < 9.2e18 ? (int64_t)f : 0;
        if (to_real) out->at[i].f = type == ONNX_DOUBLE ? f : (double)(float)f;
        else if (type == ONNX_BOOL) out->at[i].i = from_real ? f != 0 : n != 0;
        else out->at[i].i = type == ONNX_INT32 ? (int32_t)(uint32_t)(uint64_t)n : n;
    }
    return out;
}

// --- The table ----------------------------------------------------------------------------------

static const struct {
    const char *name;
    function f;
    size_t inputs;
} functions[] = {
    {"Neg", NEG, 1},
    {"Abs", ABS, 1},
    {"Floor", FLOOR, 1},
    {"Ceil", CEIL, 1},
    {"Round", ROUND, 1},
    {"Sqrt", SQRT, 1},
    {"Reciprocal", RECIPROCAL, 1},
    {"Not", NOT, 1},
    {"Identity", SAME, 1},
    {"Add", ADD, 2},
    {"Sub", SUB, 2},
    {"Mul", MUL, 2},
    {"Div", DIV, 2},
    {"Mod", MOD, 2},
    {"Min", MIN, 2},
    {"Max", MAX, 2},
    {"Pow", POW, 2},
    {"Equal", EQUAL, 2},
    {"Greater", GREATER, 2},
    {"Less", LESS, 2},
    {"GreaterOrEqual", GREATER_EQUAL, 2},
    {"LessOrEqual", LESS_EQUAL, 2},
    {"And", AND, 2},
    {"Or", OR, 2},
    {"Where", WHERE, 3},
};

static const struct {
    const char *name;
    onnx_fold_fn *fold;
} movers[] = {
    {"Cast", onnx_fold_cast_node},
    {"Concat", onnx_fold_concat},
    {"ConstantOfShape", onnx_fold_constant_of_shape},
    {"Expand", onnx_fold_expand},
    {"Flatten", onnx_fold_flatten},
    {"Gather", onnx_fold_gather},
    {"Range", onnx_fold_range},
    {"ReduceProd", onnx_fold_reduce_prod},
    {"Reshape", onnx_fold_reshape},
    {"Slice", onnx_fold_slice},
    {"Squeeze", onnx_fold_squeeze},
    {"Unsqueeze", onnx_fold_unsqueeze},
};

bool onnx_fold_knows(const char *op) {
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (!strcmp(functions[i].name, op)) return true;
    }
    for (size_t i = 0; i < sizeof movers / sizeof *movers; i++) {
        if (!strcmp(movers[i].name, op)) return true;
    }
    return false;
}

#define MAX_INPUTS 16

bool onnx_fold(onnx_import *c) {
    const onnx_known *in[MAX_INPUTS] = {NULL}, *result = NULL;
    size_t count = c->node->input_count;
    if (!strcmp(c->node->op_type, "Shape") || !strcmp(c->node->op_type, "Size")) {
        onnx_fold_shape(c);
        return true;
    }
    if (!count || count > MAX_INPUTS || !onnx_fold_knows(c->node->op_type)) return false;
    for (size_t k = 0; k < count; k++) {
        if (!onnx_has_input(c, k)) continue;
        in[k] = onnx_numbers(c, k);
        if (!in[k]) return !mite_ir_ok(c->g);
    }
    if (!in[0]) return false;
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        if (!strcmp(functions[i].name, c->node->op_type) && functions[i].inputs == count) {
            result = count > 1 && !in[1] ? NULL : element_wise(c, functions[i].f, in, count);
        }
    }
    for (size_t i = 0; i < sizeof movers / sizeof *movers; i++) {
        if (!strcmp(movers[i].name, c->node->op_type)) result = movers[i].fold(c, in, count);
    }
    onnx_set_known(c, 0, result);
    return result || !mite_ir_ok(c->g);
}
