// SPDX-License-Identifier: Apache-2.0
// unary: a function of one number, for elements of every type (functions.h). The core's operators
// are the faster ones for f32 and quantized u8, where they have the function.
#include "../common.h"
#include "broadcast.h"
#include "elementary.h"
#include "elements.h"
#include "functions.h"

#include <math.h>

enum { FUNCTION, ALPHA, BETA }; // attribute words

static const mite_attr attrs[] = {
    [FUNCTION] = {"function", 'i', 1, 0}, // mite_unary
    [ALPHA] = {"alpha", 'f', 1, 0},
    [BETA] = {"beta", 'f', 1, 0},
};

typedef struct state {
    mite_walk walk;
    mite_unary function;
    double alpha, beta;
    bool integers;
} state;

// --- The functions --------------------------------------------------------------------------------

static double sigmoid(double x) { return 1 / (1 + mite_f64_exp(-x)); }

static double softplus(double x) {
    return (x > 0 ? x : 0) + mite_f64_log1p(mite_f64_exp(-fabs(x)));
}

// tanh(softplus(x)), where e^x + 1 squared is n + 1.
static double tanh_softplus(double x) {
    double e = mite_f64_exp(x), n = e * (e + 2);
    return x > 20 ? 1 : n / (n + 2);
}

// max(0, min(1, x)); NaN passes through.
static double unit(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }

static double apply(mite_unary function, double x, double a, double b) {
    switch (function) {
    case MITE_UNARY_ABS: return fabs(x);
    case MITE_UNARY_NEG: return -x;
    case MITE_UNARY_SIGN: return x > 0 ? 1 : x < 0 ? -1 : x;
    case MITE_UNARY_NOT: return x == 0;
    case MITE_UNARY_RELU: return x < 0 ? 0 : x;
    case MITE_UNARY_CEIL: return ceil(x);
    case MITE_UNARY_FLOOR: return floor(x);
    case MITE_UNARY_ROUND: return rint(x);
    case MITE_UNARY_SQRT: return sqrt(x);
    case MITE_UNARY_RECIPROCAL: return 1 / x;
    case MITE_UNARY_EXP: return mite_f64_exp(x);
    case MITE_UNARY_LOG: return mite_f64_log(x);
    case MITE_UNARY_SIN: return mite_f64_sin(x);
    case MITE_UNARY_COS: return mite_f64_cos(x);
    case MITE_UNARY_TAN: return mite_f64_sin(x) / mite_f64_cos(x);
    case MITE_UNARY_ASIN: return mite_f64_asin(x);
    case MITE_UNARY_ACOS: return mite_f64_acos(x);
    case MITE_UNARY_ATAN: return mite_f64_atan(x);
    case MITE_UNARY_SINH: return mite_f64_sinh(x);
    case MITE_UNARY_COSH: return mite_f64_cosh(x);
    case MITE_UNARY_TANH: return mite_f64_tanh(x);
    case MITE_UNARY_ASINH: return mite_f64_asinh(x);
    case MITE_UNARY_ACOSH: return mite_f64_acosh(x);
    case MITE_UNARY_ATANH: return mite_f64_atanh(x);
    case MITE_UNARY_ERF: return mite_f64_erf(x);
    case MITE_UNARY_SIGMOID: return sigmoid(x);
    case MITE_UNARY_SOFTPLUS: return softplus(x);
    case MITE_UNARY_SOFTSIGN: return x / (1 + fabs(x));
    case MITE_UNARY_MISH: return x * tanh_softplus(x);
    case MITE_UNARY_SWISH: return x * sigmoid(a * x);
    case MITE_UNARY_GELU: return x * (1 + mite_f64_erf(x * 0.70710678118654752440)) / 2;
    case MITE_UNARY_GELU_TANH:
        return x * sigmoid(1.59576912160573071176 * (x + 0.044715 * x * x * x));
    case MITE_UNARY_LEAKY_RELU: return x < 0 ? a * x : x;
    case MITE_UNARY_ELU: return x < 0 ? a * mite_f64_expm1(x) : x;
    case MITE_UNARY_SELU: return b * (x > 0 ? x : a * mite_f64_expm1(x));
    case MITE_UNARY_CELU: return x < 0 ? a * mite_f64_expm1(x / a) : x;
    case MITE_UNARY_SHRINK: return x < -a ? x + b : x > a ? x - b : 0;
    case MITE_UNARY_THRESHOLDED_RELU: return x > a ? x : 0;
    case MITE_UNARY_HARD_SIGMOID: return unit(a * x + b);
    case MITE_UNARY_HARD_SWISH: return x * unit(x / 6 + 0.5);
    case MITE_UNARY_IS_NAN: return x != x;
    case MITE_UNARY_IS_INF: return (x == -INFINITY && a != 0) || (x == INFINITY && b != 0);
    default: return x;
    }
}

// Those that are exact for integers of 64 bits.
static int64_t apply_integer(mite_unary function, int64_t x, bool is_unsigned) {
    bool negative = x < 0 && !is_unsigned;
    switch (function) {
    case MITE_UNARY_NEG: return (int64_t)-(uint64_t)x;
    case MITE_UNARY_SIGN: return negative ? -1 : x != 0;
    case MITE_UNARY_NOT: return x == 0;
    case MITE_UNARY_BIT_NOT: return ~x;
    case MITE_UNARY_RELU: return negative ? 0 : x;
    default: return negative ? (int64_t)-(uint64_t)x : x; // abs
    }
}

// --- The operator ---------------------------------------------------------------------------------

static bool gives_bool(int32_t function) {
    return function == MITE_UNARY_IS_NAN || function == MITE_UNARY_IS_INF;
}

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int32_t function = mite_attr_int(s, FUNCTION);
    if (function < 0 || function >= MITE_UNARY_COUNT)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "there is no function %d", function);
    if (function == MITE_UNARY_BIT_NOT && mite_is_real(x->dtype))
        return mite_step_fail(s, MITE_ERR_FORMAT, "%s has no bits to invert",
                              mite_dtype_name(x->dtype));
    mite_dtype dtype = gives_bool(function) ? MITE_BOOL : x->dtype;
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], dtype);
    return status ? status : mite_step_same_shape(s);
}

static mite_status prepare(mite_step *s) {
    state *st = s->state;
    mite_walk_pair(&st->walk, s->outputs[0], s->inputs[0]);
    s->max_parts = mite_walk_parts(&st->walk);
    st->function = (mite_unary)mite_attr_int(s, FUNCTION);
    st->alpha = (double)mite_attr_float(s, ALPHA);
    st->beta = (double)mite_attr_float(s, BETA);
    st->integers = !mite_is_real(s->inputs[0]->dtype) && st->function <= MITE_UNARY_RELU;
    return MITE_OK;
}

static void run_of(const state *st, void *out, mite_dtype to, const void *in, mite_dtype from,
                   size_t count) {
    if (st->integers) {
        int64_t row[MITE_RUN];
        mite_load_integers(row, in, from, 1, count);
        for (size_t i = 0; i < count; i++)
            row[i] = apply_integer(st->function, row[i], mite_is_unsigned(from));
        mite_store_integers(out, to, 1, row, count);
    } else {
        double row[MITE_RUN];
        mite_load_reals(row, in, from, 1, count);
        for (size_t i = 0; i < count; i++)
            row[i] = apply(st->function, row[i], st->alpha, st->beta);
        // Of integers, as if computed in f32: a result that is next to 1 is 1 before it is cut off.
        for (size_t i = 0; i < count && !mite_is_real(to); i++) row[i] = (double)(float)row[i];
        mite_store_reals(out, to, 1, row, count);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    mite_walk_share share = mite_walk_share_of(&st->walk, part, part_count);
    (void)scratch;
    for (size_t i = share.first; i < share.last; i++) {
        for (size_t at = share.begin; at < share.end; at += MITE_RUN) {
            run_of(st, mite_walk_at(&st->walk, 0, out, i, at), out->dtype,
                   mite_walk_at(&st->walk, 1, x, i, at), x->dtype,
                   mite_min_size(MITE_RUN, share.end - at));
        }
    }
    return MITE_OK;
}

const mite_op mite_op_unary = {
    .name = "unary",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .state_bytes = sizeof(state),
    .infer = infer,
    .plan = mite_step_plan_in_place,
    .prepare = prepare,
    .run = run,
};
