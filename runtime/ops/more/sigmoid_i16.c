// SPDX-License-Identifier: Apache-2.0
// sigmoid_i16: the logistic function, or the hyperbolic tangent, of i16 as TensorFlow Lite has them:
// by a table of 256 numbers between 0 and 10.7, with straight lines between them. That is up to 2
// units off the functions themselves; results here are its own, to the bit.
//
//   u = |x * multiplier + rounding| >> shift       in units of 1/(3*4096)
//   logistic: the table's step is 2^9 of u; tanh(u) = 2 logistic(2u) - 1: it is 2^8
#include "../common.h"
#include "../walk.h"
#include "elementary.h"

#include <math.h>

enum { MULTIPLIER, SHIFT, TANH }; // attribute words

static const mite_attr attrs[] = {
    [MULTIPLIER] = {"multiplier", 'i', 1, 3},
    [SHIFT] = {"shift", 'i', 1, 0},
    [TANH] = {"tanh", 'i', 1, 0}, // else logistic
};

#define ENTRIES 256

typedef struct state {
    mite_walk walk;
    uint16_t table[ENTRIES];
} state;

static double logistic(double i) { return 65536 / (1 + mite_f64_exp(-i / 24)); }

static mite_status infer(mite_step *s) {
    int32_t shift = mite_attr_int(s, SHIFT), multiplier = mite_attr_int(s, MULTIPLIER);
    mite_status status = mite_step_need_type(s, "x", s->inputs[0], MITE_I16);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_I16);
    if (!status && (shift < 0 || shift > 31 || multiplier < 0 || multiplier >= 1 << 17))
        status = mite_step_fail(s, MITE_ERR_FORMAT, "multiplier %d or shift %d is out of range",
                                multiplier, shift);
    return status ? status : mite_step_same_shape(s);
}

static mite_status prepare(mite_step *s) {
    state *st = s->state;
    mite_walk_pair(&st->walk, s->outputs[0], s->inputs[0]);
    s->max_parts = mite_walk_parts(&st->walk);
    for (size_t i = 0; i < ENTRIES - 1; i++) {
        // Moved by half of what the line to the next one is off in its middle.
        double at = (double)i, y = logistic(at);
        y += (logistic(at + 0.5) - (y + logistic(at + 1)) / 2) / 2;
        st->table[i] = (uint16_t)rint(y);
    }
    st->table[ENTRIES - 1] = UINT16_MAX; // as beyond it
    return MITE_OK;
}

// The table at u, in units of 2^-bits of its own.
static int32_t between(const state *st, uint32_t u, int bits, int32_t beyond) {
    uint32_t at = u >> bits, rest = u & ((1u << bits) - 1);
    if (at >= ENTRIES - 1) return beyond;
    uint32_t a = st->table[at], b = st->table[at + 1];
    return (int32_t)((a << bits) + rest * (b - a));
}

static int16_t sigmoid(const state *st, int64_t x) {
    int32_t y = between(st, (uint32_t)(x < 0 ? -x : x), 9, 0x7fff << 10);
    y = x >= 0 ? y + (1 << 9) : (1 << 25) - y + (1 << 9) - 1;
    return (int16_t)(y >> 10);
}

static int16_t tangent(const state *st, int64_t x) {
    int32_t y = between(st, (uint32_t)(x < 0 ? -x : x), 8, 0xffff << 8);
    y = x >= 0 ? y - (1 << 23) + (1 << 7) : -y + (1 << 23) + (1 << 7) - 1;
    return (int16_t)(y >> 8);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    int64_t multiplier = mite_attr_int(s, MULTIPLIER);
    int32_t shift = mite_attr_int(s, SHIFT);
    int64_t rounding = shift > 0 ? (int64_t)1 << (shift - 1) : 0;
    mite_walk_share share = mite_walk_share_of(&st->walk, part, part_count);
    (void)scratch;
    for (size_t i = share.first; i < share.last; i++) {
        const int16_t *in =
            (const int16_t *)s->inputs[0]->data + mite_walk_offset(&st->walk, 1, i, share.begin);
        int16_t *out =
            (int16_t *)s->outputs[0]->data + mite_walk_offset(&st->walk, 0, i, share.begin);
        for (size_t k = 0; k < share.end - share.begin; k++) {
            int64_t u = (in[k] * multiplier + rounding) >> shift;
            out[k] = mite_attr_int(s, TANH) ? tangent(st, u) : sigmoid(st, u);
        }
    }
    return MITE_OK;
}

const mite_op mite_op_sigmoid_i16 = {
    .name = "sigmoid_i16",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof *attrs,
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
