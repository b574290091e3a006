// SPDX-License-Identifier: Apache-2.0
// divide_u8: quotients of u8 quanta as TensorFlow Lite's kernel has them, to the bit: by a reciprocal
// in fixed point, with shifts that count modulo the width, as processors do. So small negative
// quotients may come out as the lowest quantum. A divisor of 0, which is an error there, gives the
// extreme of a's sign.
//   y = clamp((a - zero point) / (b - zero point) * multiplier * 2^(shift - 31) + zero point of y)
#include "../common.h"
#include "broadcast.h"
#include "fixed.h"

enum { MULTIPLIER, SHIFT, LO, HI }; // attribute words

static const mite_attr attrs[] = {
    [MULTIPLIER] = {"multiplier", 'i', 1, 0},
    [SHIFT] = {"shift", 'i', 1, 0},
    [LO] = {"lo", 'i', 1, 0}, // quanta
    [HI] = {"hi", 'i', 1, 255},
};

typedef struct state {
    mite_walk walk; // operands: output, a, b
    int32_t reciprocals[256]; // of |b| moved to [1, 2), but 0
} state;

static mite_status infer(mite_step *s) {
    int32_t multiplier = mite_attr_int(s, MULTIPLIER), shift = mite_attr_int(s, SHIFT);
    int32_t lo = mite_attr_int(s, LO), hi = mite_attr_int(s, HI);
    mite_status status = mite_step_need_type(s, "a", s->inputs[0], MITE_U8);
    if (!status) status = mite_step_need_type(s, "b", s->inputs[1], MITE_U8);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_U8);
    if (!status && (multiplier < 0 || shift < -31 || shift > 30 || lo < 0 || hi > 255 || lo > hi))
        status = mite_step_fail(s, MITE_ERR_FORMAT,
                                "multiplier %d, shift %d or limits %d and %d are out of range",
                                multiplier, shift, lo, hi);
    return status ? status : mite_step_broadcast(s);
}

// --- Reciprocals ----------------------------------------------------------------------------------

static int32_t bits_of(uint32_t x) {
    int32_t bits = 0;
    for (; x; x >>= 1) bits++;
    return bits;
}

// 1 / (1 + x) in units of 2^-31, by three steps of Newton's from 48/17 - 32/17 * half, in units of 2^-29.
static int32_t one_over_one_plus(int64_t x) {
    const int64_t most = INT32_MAX, start = 1515870810, slope = -1010580540;
    int64_t sum = x + most, half = (sum + (sum < 0 ? -1 : 1)) / 2;
    int32_t y = (int32_t)(start + mite_fixed_scaled(half, slope, 0));
    for (int i = 0; i < 3; i++) {
        int32_t off = (int32_t)((1 << 29) - mite_fixed_scaled(half, y, 0));
        y = (int32_t)(y + mite_fixed_limited(mite_fixed_scaled(y, off, 0) * 4, INT32_MIN, most));
    }
    return (int32_t)mite_fixed_limited((int64_t)y * 2, INT32_MIN, most);
}

static mite_status prepare(mite_step *s) {
    state *st = s->state;
    mite_walk_broadcast(&st->walk, s);
    s->max_parts = mite_walk_parts(&st->walk);
    for (uint32_t b = 1; b < 256; b++) {
        int64_t normal = (int64_t)b << (32 - bits_of(b)); // in units of 2^-31
        st->reciprocals[b] = one_over_one_plus(normal - ((int64_t)1 << 31));
    }
    return MITE_OK;
}

// --- Quotients ------------------------------------------------------------------------------------

static int64_t quotient(const mite_step *s, int32_t a, int32_t b) {
    const state *st = s->state;
    if (b == 0) return a < 0 ? INT16_MIN : a > 0 ? INT16_MAX : 0;
    if (b < 0) {
        a = -a;
        b = -b;
    }
    int32_t room = 31 - bits_of((uint32_t)(a < 0 ? ~a : a)); // of a's 32 bits
    int64_t y = mite_fixed_scaled(a * ((int64_t)1 << room), st->reciprocals[b], 0);
    int32_t right = bits_of((uint32_t)b) - 1 + room - mite_attr_int(s, SHIFT);
    int32_t scaled = (int32_t)mite_fixed_scaled(y, mite_attr_int(s, MULTIPLIER), 0);
    int32_t mask = (int32_t)(((uint64_t)1 << (right & 63)) - 1), rest = scaled & mask;
    return (scaled >> (right & 31)) + (rest > (mask >> 1) + (scaled < 0));
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_walk *w = &((const state *)s->state)->walk;
    const mite_view *a = s->inputs[0], *b = s->inputs[1], *out = s->outputs[0];
    mite_walk_share share = mite_walk_share_of(w, part, part_count);
    ptrdiff_t a_step = w->strides[1][w->rank - 1], b_step = w->strides[2][w->rank - 1];
    ptrdiff_t step = w->strides[0][w->rank - 1];
    (void)scratch;
    for (size_t i = share.first; i < share.last; i++) {
        const uint8_t *x = mite_walk_at(w, 1, a, i, share.begin);
        const uint8_t *y = mite_walk_at(w, 2, b, i, share.begin);
        uint8_t *to = mite_walk_at(w, 0, out, i, share.begin);
        for (size_t k = share.begin; k < share.end; k++, x += a_step, y += b_step, to += step) {
            int64_t q = quotient(s, *x - a->zero_point, *y - b->zero_point) + out->zero_point;
            *to = (uint8_t)mite_fixed_limited(q, mite_attr_int(s, LO), mite_attr_int(s, HI));
        }
    }
    return MITE_OK;
}

const mite_op mite_op_divide_u8 = {
    .name = "divide_u8",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof *attrs,
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .state_bytes = sizeof(state),
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
