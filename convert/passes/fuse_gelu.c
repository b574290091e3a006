// SPDX-License-Identifier: Apache-2.0
// GELU written out, in whatever order of its sums and products:
//
//   y = mul(mul(x, add(erf(div(x, 1.414)), 1)), 0.5)   ->   y = gelu(x)
//   and with tanh(0.798 (x + 0.0447 x^3)) for erf(…)   ->   y = gelu(x) by_tanh=1
//
// Both sides are expanded to polynomials in x, and y to one times 1 and one times the function.
#include "passes/match.h"

#include <math.h>

#include "ops/more/functions.h"

#define DEGREES 4   // x^0 to x^3
#define MAX_DEPTH 8 // of nodes from y down to x

// plain(x) + times(x) * function
typedef struct expansion {
    double plain[DEGREES], times[DEGREES];
} expansion;

// Both are known while an expansion is made; function may be NULL.
typedef struct unknowns {
    const mite_ir_value *x, *function;
} unknowns;

static bool multiply(double out[DEGREES], const double a[DEGREES], const double b[DEGREES]) {
    for (size_t i = 0; i < DEGREES; i++) {
        for (size_t k = 0; k < DEGREES; k++) {
            if (a[i] == 0 || b[k] == 0) continue;
            if (i + k >= DEGREES) return false;
            out[i + k] += a[i] * b[k];
        }
    }
    return true;
}

static bool holds_function(const expansion *e) {
    for (size_t i = 0; i < DEGREES; i++)
        if (e->times[i] != 0) return true;
    return false;
}

static bool product(expansion *out, const expansion *a, const expansion *b) {
    *out = (expansion){0};
    if (holds_function(a) && holds_function(b)) return false; // its square
    return multiply(out->plain, a->plain, b->plain) && multiply(out->times, a->times, b->plain) &&
           multiply(out->times, a->plain, b->times);
}

static bool power(expansion *out, const expansion *a, double exponent) {
    expansion square;
    if (exponent == 2) return product(out, a, a);
    return exponent == 3 && product(&square, a, a) && product(out, &square, a);
}

// NOLINTNEXTLINE(misc-no-recursion): at most MAX_DEPTH deep
static bool expand(expansion *out, mite_ir_value *v, const unknowns *u, size_t depth) {
    expansion a, b;
    double number;
    *out = (expansion){0};
    v = mite_ir_resolve(v);
    if (v == u->x) return out->plain[1] = 1, true;
    if (v == u->function) return out->times[0] = 1, true;
    if (mite_number(v, &number)) return out->plain[0] = number, true;
    mite_ir_node *node = v->producer;
    if (!node || node->dead || !depth || node->input_count != 2) return false;
    bool pow = mite_ir_is(node, "binary") && mite_ir_int(node, "function") == MITE_BINARY_POW;
    if (pow)
        return mite_number(mite_operand(node, 1), &number) &&
               expand(&a, node->inputs[0], u, depth - 1) && power(out, &a, number);
    if (!mite_is_binary(node) || !mite_is_unclamped(node)) return false;
    if (mite_ir_is(node, "div")) {
        if (!mite_number(mite_operand(node, 1), &number) || number == 0) return false;
        if (!expand(&a, node->inputs[0], u, depth - 1)) return false;
        b = (expansion){.plain = {1 / number}};
        return product(out, &a, &b);
    }
    if (!expand(&a, node->inputs[0], u, depth - 1) || !expand(&b, node->inputs[1], u, depth - 1))
        return false;
    if (mite_ir_is(node, "mul")) return product(out, &a, &b);
    double sign = mite_ir_is(node, "sub") ? -1 : 1;
    if (sign > 0 && !mite_ir_is(node, "add")) return false;
    for (size_t i = 0; i < DEGREES; i++) {
        out->plain[i] = a.plain[i] + sign * b.plain[i];
        out->times[i] = a.times[i] + sign * b.times[i];
    }
    return true;
}

static bool is_near(const double *a, double linear, double cubic) {
    double wanted[DEGREES] = {0, linear, 0, cubic};
    for (size_t i = 0; i < DEGREES; i++)
        if (!(fabs(a[i] - wanted[i]) <= 2e-3 * fabs(wanted[i]))) return false;
    return true;
}

static bool is_erf(const mite_ir_node *node) {
    return mite_ir_is(node, "unary") && mite_ir_int(node, "function") == MITE_UNARY_ERF;
}

// The nearest erf or tanh that y is made of.
// NOLINTNEXTLINE(misc-no-recursion): at most MAX_DEPTH deep
static mite_ir_node *find_function(mite_ir_value *v, size_t depth) {
    mite_ir_node *node = mite_ir_resolve(v)->producer, *found = NULL;
    if (!node || node->dead || !depth) return NULL;
    if (is_erf(node) || mite_ir_is(node, "tanh")) return node;
    if (!mite_ir_is(node, "add") && !mite_ir_is(node, "mul") && !mite_ir_is(node, "div"))
        return NULL;
    for (size_t i = 0; i < 2 && !found; i++) found = find_function(node->inputs[i], depth - 1);
    return found;
}

// Whether y = x/2 + x/2 function(x), for this x.
static bool is_gelu(const mite_ir_node *y, const mite_ir_node *function, const mite_ir_value *x) {
    unknowns inner = {x, NULL}, outer = {x, function->output};
    expansion argument, whole;
    if (!expand(&argument, function->inputs[0], &inner, MAX_DEPTH) ||
        !expand(&whole, y->output, &outer, MAX_DEPTH))
        return false;
    const double k = 0.79788456080286535588; // sqrt(2 / pi)
    return is_near(whole.plain, 0.5, 0) && is_near(whole.times, 0.5, 0) &&
           (is_erf(function) ? is_near(argument.plain, 0.70710678118654752440, 0)
                             : is_near(argument.plain, k, k * 0.044715));
}

// Looks for x among what the function's argument is made of.
// NOLINTNEXTLINE(misc-no-recursion): at most MAX_DEPTH deep
static mite_ir_value *find_x(const mite_ir_node *y, const mite_ir_node *function, mite_ir_value *v,
                             size_t depth) {
    v = mite_ir_resolve(v);
    if (mite_ir_is_constant(v)) return NULL;
    if (mite_ir_same_shape(v, y->output) && is_gelu(y, function, v)) return v;
    const mite_ir_node *node = v->producer;
    mite_ir_value *found = NULL;
    if (!node || node->dead || !depth) return NULL;
    for (size_t i = 0; i < node->input_count && i < 2 && !found; i++)
        if (node->inputs[i]) found = find_x(y, function, node->inputs[i], depth - 1);
    return found;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    if ((!mite_ir_is(node, "mul") && !mite_ir_is(node, "div") && !mite_ir_is(node, "add")) ||
        node->output->dtype != MITE_F32)
        return false;
    mite_ir_node *function = find_function(node->output, 5);
    mite_ir_value *x = function ? find_x(node, function, function->inputs[0], 5) : NULL;
    if (!x) return false;
    mite_ir_value *y = MITE_IR_EMIT(g, .op = "gelu", .name = node->name, .inputs = {x},
                                    .attrs = {{"by_tanh", .word = !is_erf(function)}});
    if (!y) return false;
    mite_ir_absorb(y->producer, node);
    return true;
}

bool mite_pass_fuse_gelu(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
