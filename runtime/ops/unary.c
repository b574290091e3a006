// SPDX-License-Identifier: Apache-2.0
// Functions of one number, element by element: clamp (ReLU, ReLU6), sigmoid and its piecewise
// relatives, and the elementary functions. f32 directly; u8 by a table of its 256 values, which
// makes every one of them exact up to the rounding of the result.
#include "common.h"
#include "real.h"
#include "walk.h"

#include <math.h>

// --- The functions; formulas as in the ONNX operator of the same name ----------------------------

static void row_clamp(const mite_step *s, float *out, const float *in, size_t count) {
    s->kernels->clamp_f32(out, in, count, mite_attr_float(s, 0), mite_attr_float(s, 1));
}

static void row_sigmoid(const mite_step *s, float *out, const float *in, size_t count) {
    (void)s;
    for (size_t i = 0; i < count; i++) out[i] = mite_sigmoid(in[i]);
}

// max(0, min(1, x)); NaN passes through.
static inline float unit(float x) {
    x = x < 0.0f ? 0.0f : x;
    return x > 1.0f ? 1.0f : x;
}

// unit(alpha*x + beta)
static void row_hard_sigmoid(const mite_step *s, float *out, const float *in, size_t count) {
    float alpha = mite_attr_float(s, 0), beta = mite_attr_float(s, 1);
    for (size_t i = 0; i < count; i++) out[i] = unit(alpha * in[i] + beta);
}

// x * unit(x/6 + 1/2)
static void row_hard_swish(const mite_step *s, float *out, const float *in, size_t count) {
    (void)s;
    for (size_t i = 0; i < count; i++) out[i] = in[i] * unit(in[i] * (1.0f / 6.0f) + 0.5f);
}

// x * sigmoid(x)
static void row_silu(const mite_step *s, float *out, const float *in, size_t count) {
    (void)s;
    for (size_t i = 0; i < count; i++) out[i] = in[i] * mite_sigmoid(in[i]);
}

static void row_leaky_relu(const mite_step *s, float *out, const float *in, size_t count) {
    float alpha = mite_attr_float(s, 0);
    for (size_t i = 0; i < count; i++) out[i] = in[i] < 0.0f ? alpha * in[i] : in[i];
}

#define ROW(NAME, expression)                                                               \
    static void row_##NAME(const mite_step *s, float *out, const float *in, size_t count) { \
        (void)s;                                                                            \
        for (size_t i = 0; i < count; i++) {                                                \
            float x = in[i];                                                                \
            out[i] = expression;                                                            \
        }                                                                                   \
    }
ROW(tanh, mite_tanh(x))
ROW(exp, mite_exp(x))
ROW(sqrt, sqrtf(x))
ROW(neg, -x)
ROW(abs, fabsf(x))
ROW(reciprocal, 1.0f / x)

// --- What they share -----------------------------------------------------------------------------

typedef struct state {
    mite_walk walk;
    mite_row_fn *row;
    uint8_t table[256]; // u8 only
} state;

static mite_status infer(mite_step *s) {
    mite_status status = mite_step_need_real(s);
    return status ? status : mite_step_same_shape(s);
}

static mite_status infer_clamp(mite_step *s) {
    float lo = mite_attr_float(s, 0), hi = mite_attr_float(s, 1);
    if (!(lo <= hi)) return mite_step_fail(s, MITE_ERR_FORMAT, "its limits lo and hi are crossed");
    return infer(s);
}

static mite_status prepare(mite_step *s, mite_row_fn *row) {
    state *st = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    mite_walk_pair(&st->walk, out, x);
    s->max_parts = mite_walk_parts(&st->walk);
    st->row = row;
    if (x->dtype == MITE_U8) mite_table_fill(st->table, s, x, out, row);
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    mite_walk_share share = mite_walk_share_of(&st->walk, part, part_count);
    size_t count = share.end - share.begin;
    (void)scratch;
    for (size_t i = share.first; i < share.last; i++) {
        ptrdiff_t to = mite_walk_offset(&st->walk, 0, i, share.begin);
        ptrdiff_t from = mite_walk_offset(&st->walk, 1, i, share.begin);
        if (x->dtype == MITE_U8) {
            s->kernels->lookup_u8((uint8_t *)out->data + to, (const uint8_t *)x->data + from, count,
                                  st->table);
        } else {
            st->row(s, (float *)out->data + to, (const float *)x->data + from, count);
        }
    }
    return MITE_OK;
}

// clang-format off
#define UNARY(NAME, INFER, ...) \
    static mite_status prepare_##NAME(mite_step *s) { return prepare(s, row_##NAME); } \
    const mite_op mite_op_##NAME = { \
        .name = #NAME, \
        .min_inputs = 1, \
        .max_inputs = 1, \
        .output_count = 1, \
        .reads_halo = true, \
        .writes_halo = true, \
        .state_bytes = sizeof(state), \
        .infer = INFER, \
        .plan = mite_step_plan_in_place, \
        .prepare = prepare_##NAME, \
        .run = run, \
        __VA_ARGS__ \
    }
// clang-format on

static const mite_attr limits[] = {
    {"lo", 'f', 1, MITE_BITS_NEG_INF},
    {"hi", 'f', 1, MITE_BITS_INF},
};
static const mite_attr line[] = {
    {"alpha", 'f', 1, 0x3e4ccccd}, // 0.2
    {"beta", 'f', 1, 0x3f000000}, // 0.5
};
static const mite_attr slope[] = {{"alpha", 'f', 1, 0x3c23d70a}}; // 0.01

UNARY(clamp, infer_clamp, .attrs = limits, .attr_count = 2);
UNARY(hard_sigmoid, infer, .attrs = line, .attr_count = 2);
UNARY(leaky_relu, infer, .attrs = slope, .attr_count = 1);
UNARY(sigmoid, infer, .attrs = NULL);
UNARY(hard_swish, infer, .attrs = NULL);
UNARY(silu, infer, .attrs = NULL);
UNARY(tanh, infer, .attrs = NULL);
UNARY(exp, infer, .attrs = NULL);
UNARY(sqrt, infer, .attrs = NULL);
UNARY(neg, infer, .attrs = NULL);
UNARY(abs, infer, .attrs = NULL);
UNARY(reciprocal, infer, .attrs = NULL);
