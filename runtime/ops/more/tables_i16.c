// SPDX-License-Identifier: Apache-2.0
// Functions of i16 by tables of 513 numbers, with straight lines between them, as TensorFlow Lite
// computes them (LUTPopulate and LUTLookup for int16 there).
//
// lookup_i16: x i16, table i16 [513]: y = table[256 + (x >> 7)] + (slope * (x & 127) + 64 >> 7).
// softmax_i16: over the last dimension, output scale 2^-15. e^d by a table over [-10, 0], 1/(1+x) by
// one over [0, 1]; x's steps are scaled to the first one's by the attributes multiplier and shift.
#include "../common.h"
#include "../walk.h"
#include "elementary.h"
#include "fixed.h"

#include <math.h>

#define STEPS 512

static int32_t limited(int64_t x) {
    return (int32_t)(x < INT16_MIN ? INT16_MIN : x > INT16_MAX ? INT16_MAX : x);
}

static int32_t between(const int16_t *table, int32_t x) {
    const int16_t *at = table + 256 + (x >> 7);
    return at[0] + (((at[1] - at[0]) * (x & 127) + 64) >> 7);
}

static mite_status need_i16(mite_step *s) {
    mite_status status = mite_step_need_type(s, "x", s->inputs[0], MITE_I16);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_I16);
    return status ? status : mite_step_same_shape(s);
}

// --- lookup_i16 -----------------------------------------------------------------------------------

static mite_status infer_lookup(mite_step *s) {
    const mite_view *table = s->inputs[1];
    mite_status status = mite_step_need_type(s, "table", table, MITE_I16);
    if (!status && table->elements != STEPS + 1)
        status = mite_step_fail(s, MITE_ERR_FORMAT, "its table has %z numbers, wanted are 513",
                                table->elements);
    return status ? status : need_i16(s);
}

static mite_status run_lookup(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const int16_t *in = s->inputs[0]->data, *table = s->inputs[1]->data;
    int16_t *out = s->outputs[0]->data;
    (void)part, (void)part_count, (void)scratch;
    for (size_t i = 0; i < s->outputs[0]->elements; i++) {
        out[i] = (int16_t)limited(between(table, in[i]));
    }
    return MITE_OK;
}

const mite_op mite_op_lookup_i16 = {
    .name = "lookup_i16",
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .infer = infer_lookup,
    .run = run_lookup,
};

// --- softmax_i16 ----------------------------------------------------------------------------------

enum { MULTIPLIER, SHIFT }; // attribute words

static const mite_attr softmax_attrs[] = {
    [MULTIPLIER] = {"multiplier", 'i', 1, 1 << 30},
    [SHIFT] = {"shift", 'i', 1, 0}, // factor: multiplier * 2^(shift - 31)
};

typedef struct state {
    int16_t exp[STEPS + 1], reciprocal[STEPS + 1];
} state;

static double reciprocal(double x) { return 1 / (1 + x); }

// Half away from zero.
static double rounded(double x) { return x < 0 ? -floor(0.5 - x) : floor(x + 0.5); }

// The numbers of f over [low, low + width] in units of 2^-15, moved by half of what the middle of a
// step would be off.
static void fill(int16_t *table, double (*f)(double), double low, double width) {
    const double unit = 32768, step = width / STEPS;
    for (size_t i = 0; i < STEPS; i++) {
        double x = low + (double)i * step, at = rounded(f(x) * unit);
        double line = rounded((f(x + step) * unit + at) / 2);
        double off = line - rounded(f(x + step / 2) * unit);
        table[i] = (int16_t)limited((int64_t)(at - rounded(off / 2)));
    }
    table[STEPS] = (int16_t)limited((int64_t)rounded(f(low + width) * unit));
}

static mite_status infer_softmax(mite_step *s) {
    int32_t multiplier = mite_attr_int(s, MULTIPLIER), shift = mite_attr_int(s, SHIFT);
    const mite_view *x = s->inputs[0];
    if (x->rank < 1 || multiplier < 0 || shift < -31 || shift > 30)
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "x is a single number, or its scale out of range");
    return need_i16(s);
}

static mite_status prepare_softmax(mite_step *s) {
    state *st = s->state;
    fill(st->exp, mite_f64_exp, -10, 10);
    fill(st->reciprocal, reciprocal, 0, 1);
    return MITE_OK;
}

static void run_row(const mite_step *s, int16_t *out, const int16_t *in, size_t count) {
    const state *st = s->state;
    int32_t most = INT16_MIN, leading = 0;
    int64_t sum = 0;
    for (size_t i = 0; i < count; i++) most = in[i] > most ? in[i] : most;
    for (size_t i = 0; i < count; i++) {
        int64_t d =
            mite_fixed_scaled(in[i] - most, mite_attr_int(s, MULTIPLIER), mite_attr_int(s, SHIFT));
        out[i] = (int16_t)between(st->exp, limited(d + INT16_MAX));
        sum += out[i];
    }
    if (sum < 2) sum = 2;
    if (sum > INT32_MAX) sum = INT32_MAX;
    while (!(sum >> (31 - leading) & 1)) leading++; // zeros of 32 bits
    // The sum as 1 + x, x in [0, 1) in units of 2^-16; then centred.
    int64_t x = ((sum << (leading - 1)) + (1 << 13)) >> 14;
    int64_t inverse = between(st->reciprocal, limited(x - (1 << 15) - (1 << 16)));
    int32_t shift = 31 - leading;
    for (size_t i = 0; i < count; i++) {
        int64_t y = (out[i] * inverse + ((int64_t)1 << (shift - 1))) >> shift;
        out[i] = (int16_t)(y < 0 ? 0 : limited(y));
    }
}

static mite_status run_softmax(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0];
    size_t count = (size_t)x->shape[x->rank - 1];
    (void)part, (void)part_count, (void)scratch;
    for (size_t at = 0; at < x->elements; at += count) {
        run_row(s, (int16_t *)s->outputs[0]->data + at, (const int16_t *)x->data + at, count);
    }
    return MITE_OK;
}

const mite_op mite_op_softmax_i16 = {
    .name = "softmax_i16",
    .attrs = softmax_attrs,
    .attr_count = sizeof softmax_attrs / sizeof *softmax_attrs,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer_softmax,
    .prepare = prepare_softmax,
    .run = run_softmax,
};
