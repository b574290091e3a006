// SPDX-License-Identifier: Apache-2.0
// binary: a function of two numbers, broadcast as in numpy, for elements of every type
// (functions.h). where: one of two elements. The core's operators are the faster ones for f32 and
// quantized u8, where they have the function.
#include "../common.h"
#include "broadcast.h"
#include "elementary.h"
#include "elements.h"
#include "functions.h"

#include <math.h>

static const mite_attr attrs[] = {{"function", 'i', 1, 0}}; // mite_binary

typedef struct state {
    mite_walk walk; // operands: output, a, b
    mite_binary function;
    bool reals;
} state;

// --- The functions --------------------------------------------------------------------------------

static double apply(mite_binary function, double a, double b) {
    double rest;
    switch (function) {
    case MITE_BINARY_ADD: return a + b;
    case MITE_BINARY_SUB: return a - b;
    case MITE_BINARY_MUL: return a * b;
    case MITE_BINARY_DIV: return a / b;
    case MITE_BINARY_FLOOR_DIV: return floor(a / b);
    case MITE_BINARY_MOD:
        rest = fmod(a, b);
        return rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest;
    case MITE_BINARY_FMOD: return fmod(a, b);
    case MITE_BINARY_POW: return mite_f64_pow(a, b);
    case MITE_BINARY_MIN: return b < a || b != b ? b : a;
    case MITE_BINARY_MAX: return a < b || b != b ? b : a;
    case MITE_BINARY_PRELU: return a < 0 ? a * b : a;
    case MITE_BINARY_EQUAL: return a == b;
    case MITE_BINARY_LESS: return a < b;
    default: return a <= b;
    }
}

// a / b toward zero; 0 where b is. Wraps for the lowest number by -1.
static int64_t divide(int64_t a, int64_t b, bool is_unsigned) {
    if (b == 0) return 0;
    if (is_unsigned) return (int64_t)((uint64_t)a / (uint64_t)b);
    return b == -1 ? (int64_t)-(uint64_t)a : a / b;
}

static int64_t power(int64_t a, int64_t b, bool is_unsigned) {
    if (b < 0 && !is_unsigned) return a == 1 ? 1 : a != -1 ? 0 : b % 2 ? -1 : 1;
    uint64_t result = 1, base = (uint64_t)a;
    for (uint64_t n = (uint64_t)b; n; n >>= 1, base *= base)
        if (n & 1) result *= base;
    return (int64_t)result;
}

static int64_t shift_right(int64_t a, int64_t b, bool is_unsigned) {
    if (b < 0 || b > 63) return a < 0 && !is_unsigned ? -1 : 0;
    return is_unsigned ? (int64_t)((uint64_t)a >> b) : a >> b;
}

static int64_t apply_integer(mite_binary function, int64_t a, int64_t b, bool is_unsigned) {
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    bool less = is_unsigned ? x < y : a < b;
    int64_t quotient, rest;
    switch (function) {
    case MITE_BINARY_ADD: return (int64_t)(x + y);
    case MITE_BINARY_SUB: return (int64_t)(x - y);
    case MITE_BINARY_MUL: return (int64_t)(x * y);
    case MITE_BINARY_DIV: return divide(a, b, is_unsigned);
    case MITE_BINARY_FLOOR_DIV:
    case MITE_BINARY_MOD:
    case MITE_BINARY_FMOD:
        quotient = divide(a, b, is_unsigned);
        rest = b ? (int64_t)(x - (uint64_t)quotient * y) : 0;
        // Other signs: the quotient was rounded up.
        if (function != MITE_BINARY_FMOD && !is_unsigned && rest && (rest ^ b) < 0)
            quotient--, rest += b;
        return function == MITE_BINARY_FLOOR_DIV ? quotient : rest;
    case MITE_BINARY_POW: return power(a, b, is_unsigned);
    case MITE_BINARY_MIN: return less ? a : b;
    case MITE_BINARY_MAX: return less ? b : a;
    case MITE_BINARY_PRELU: return a < 0 && !is_unsigned ? (int64_t)(x * y) : a;
    case MITE_BINARY_AND: return a & b;
    case MITE_BINARY_OR: return a | b;
    case MITE_BINARY_XOR: return a ^ b;
    case MITE_BINARY_SHIFT_LEFT: return b < 0 || b > 63 ? 0 : (int64_t)(x << b);
    case MITE_BINARY_SHIFT_RIGHT: return shift_right(a, b, is_unsigned);
    case MITE_BINARY_EQUAL: return a == b;
    case MITE_BINARY_LESS: return less;
    default: return less || a == b;
    }
}

// --- The operator ---------------------------------------------------------------------------------

static mite_status infer(mite_step *s) {
    const mite_view *a = s->inputs[0], *b = s->inputs[1];
    int32_t function = mite_attr_int(s, 0);
    if (function < 0 || function >= MITE_BINARY_COUNT)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "there is no function %d", function);
    bool bits = function >= MITE_BINARY_AND && function <= MITE_BINARY_SHIFT_RIGHT;
    if (bits && mite_is_real(a->dtype))
        return mite_step_fail(s, MITE_ERR_FORMAT, "%s has no bits to combine",
                              mite_dtype_name(a->dtype));
    mite_status status = MITE_OK;
    if (function != MITE_BINARY_POW) status = mite_step_need_type(s, "b", b, a->dtype);
    mite_dtype dtype = function >= MITE_BINARY_EQUAL ? MITE_BOOL : a->dtype;
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], dtype);
    return status ? status : mite_step_broadcast(s);
}

static mite_status plan(mite_step *s) {
    const mite_view *out = s->outputs[0];
    for (int32_t k = 1; k >= 0; k--) {
        const mite_view *v = s->inputs[k];
        bool same_width = mite_dtype_bytes(v->dtype) == mite_dtype_bytes(out->dtype);
        // A constant's memory is not to be had.
        if (same_width && mite_same_shape(v, out) && !v->value->data) s->in_place = k;
    }
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    state *st = s->state;
    mite_walk_broadcast(&st->walk, s);
    s->max_parts = mite_walk_parts(&st->walk);
    st->function = (mite_binary)mite_attr_int(s, 0);
    st->reals = mite_is_real(s->inputs[0]->dtype) || mite_is_real(s->inputs[1]->dtype);
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    (void)scratch;
    const state *st = s->state;
    const mite_walk *w = &st->walk;
    const mite_view *a = s->inputs[0], *b = s->inputs[1], *out = s->outputs[0];
    mite_walk_share share = mite_walk_share_of(w, part, part_count);
    bool is_unsigned = mite_is_unsigned(a->dtype);
    for (size_t i = share.first; i < share.last; i++) {
        for (size_t at = share.begin; at < share.end; at += MITE_RUN) {
            union {
                double real[MITE_RUN];
                int64_t integer[MITE_RUN];
            } x, y;
            size_t count = mite_min_size(MITE_RUN, share.end - at);
            const void *from_a = mite_walk_at(w, 1, a, i, at),
                       *from_b = mite_walk_at(w, 2, b, i, at);
            void *to = mite_walk_at(w, 0, out, i, at);
            ptrdiff_t a_step = w->strides[1][w->rank - 1], b_step = w->strides[2][w->rank - 1];
            if (st->reals) {
                mite_load_reals(x.real, from_a, a->dtype, a_step, count);
                mite_load_reals(y.real, from_b, b->dtype, b_step, count);
                for (size_t k = 0; k < count; k++)
                    x.real[k] = apply(st->function, x.real[k], y.real[k]);
                mite_store_reals(to, out->dtype, w->strides[0][w->rank - 1], x.real, count);
            } else {
                mite_load_integers(x.integer, from_a, a->dtype, a_step, count);
                mite_load_integers(y.integer, from_b, b->dtype, b_step, count);
                for (size_t k = 0; k < count; k++)
                    x.integer[k] =
                        apply_integer(st->function, x.integer[k], y.integer[k], is_unsigned);
                mite_store_integers(to, out->dtype, w->strides[0][w->rank - 1], x.integer, count);
            }
        }
    }
    return MITE_OK;
}

const mite_op mite_op_binary = {
    .name = "binary",
    .attrs = attrs,
    .attr_count = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .state_bytes = sizeof(state),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};

// --- where ----------------------------------------------------------------------------------------

static mite_status infer_where(mite_step *s) {
    const mite_view *x = s->inputs[1];
    mite_status status = mite_step_need_type(s, "condition", s->inputs[0], MITE_BOOL);
    if (!status) status = mite_step_need_type(s, "y", s->inputs[2], x->dtype);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    return status ? status : mite_step_broadcast(s);
}

static mite_status prepare_where(mite_step *s) {
    mite_walk_broadcast(s->state, s);
    s->max_parts = mite_walk_parts(s->state);
    return MITE_OK;
}

static mite_status run_where(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    (void)scratch;
    const mite_walk *w = s->state;
    mite_walk_share share = mite_walk_share_of(w, part, part_count);
    mite_dtype bits = mite_bits_of_width(mite_dtype_bytes(s->outputs[0]->dtype));
    int64_t row[3][MITE_RUN];
    for (size_t i = share.first; i < share.last; i++) {
        for (size_t at = share.begin; at < share.end; at += MITE_RUN) {
            size_t count = mite_min_size(MITE_RUN, share.end - at);
            for (size_t k = 0; k < 3; k++)
                mite_load_integers(row[k], mite_walk_at(w, k + 1, s->inputs[k], i, at),
                                   k ? bits : MITE_BOOL, w->strides[k + 1][w->rank - 1], count);
            for (size_t k = 0; k < count; k++) row[0][k] = row[row[0][k] ? 1 : 2][k];
            mite_store_integers(mite_walk_at(w, 0, s->outputs[0], i, at), bits,
                                w->strides[0][w->rank - 1], row[0], count);
        }
    }
    return MITE_OK;
}

const mite_op mite_op_where = {
    .name = "where",
    .min_inputs = 3,
    .max_inputs = 3,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .state_bytes = sizeof(mite_walk),
    .infer = infer_where,
    .prepare = prepare_where,
    .run = run_where,
};
