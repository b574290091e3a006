// SPDX-License-Identifier: Apache-2.0
// rescale: quanta under another scale as TensorFlow Lite's reference kernels do it, to the bit. x of
// any integer type, or integers in f32; the output i16, u8, or i32 for sums of several:
//   y = clamp((x - zero point of x) * 2^left * multiplier * 2^(shift - 31) + zero point of y)
// rounded twice (fixed.h). Sums in i64: multiplier * 2^(shift - 15), rounded once.
#include "../common.h"
#include "broadcast.h"
#include "elements.h"
#include "fixed.h"

enum { MULTIPLIER, SHIFT, LEFT, LO, HI }; // attribute words

static const mite_attr attrs[] = {
    [MULTIPLIER] = {"multiplier", 'i', 1, 0},
    [SHIFT] = {"shift", 'i', 1, 0},
    [LEFT] = {"left", 'i', 1, 0},
    [LO] = {"lo", 'i', 1, INT32_MIN},
    [HI] = {"hi", 'i', 1, INT32_MAX}, // quanta
};

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    int32_t multiplier = mite_attr_int(s, MULTIPLIER), shift = mite_attr_int(s, SHIFT);
    int32_t left = mite_attr_int(s, LEFT);
    bool wide = x->dtype == MITE_I64;
    if (x->dtype == MITE_F16 || x->dtype == MITE_F64 || x->dtype == MITE_U32 ||
        x->dtype == MITE_U64 ||
        (out->dtype != MITE_I16 && out->dtype != MITE_U8 && out->dtype != MITE_I32))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "cannot rescale %s to %s",
                              mite_dtype_name(x->dtype), mite_dtype_name(out->dtype));
    if (multiplier < 0 || (wide && multiplier > INT16_MAX) || shift < -31 ||
        shift > (wide ? 14 : 30) || left < 0 || left > (wide ? 0 : 15))
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "multiplier %d, shift %d or left %d is out of range", multiplier,
                              shift, left);
    return mite_step_same_shape(s);
}

static mite_status prepare(mite_step *s) {
    mite_walk_pair(s->state, s->outputs[0], s->inputs[0]);
    s->max_parts = mite_walk_parts(s->state);
    return MITE_OK;
}

static void rescale(const mite_step *s, int64_t *q, size_t count) {
    int32_t multiplier = mite_attr_int(s, MULTIPLIER), shift = mite_attr_int(s, SHIFT);
    int64_t unit = (int64_t)1 << mite_attr_int(s, LEFT), lo, hi;
    int64_t from = s->inputs[0]->zero_point, to = s->outputs[0]->zero_point;
    bool wide = s->inputs[0]->dtype == MITE_I64;
    mite_integer_range(s->outputs[0]->dtype, &lo, &hi);
    lo = mite_fixed_limited(mite_attr_int(s, LO), lo, hi);
    hi = mite_fixed_limited(mite_attr_int(s, HI), lo, hi);
    for (size_t i = 0; i < count; i++) {
        int64_t y;
        if (wide) {
            y = mite_fixed_product(q[i], multiplier, 15 - shift);
        } else {
            int64_t x = mite_fixed_limited((q[i] - from) * unit, INT32_MIN, INT32_MAX);
            y = mite_fixed_scaled(x, multiplier, shift);
        }
        q[i] = mite_fixed_limited(y + to, lo, hi);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_walk *w = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    mite_walk_share share = mite_walk_share_of(w, part, part_count);
    (void)scratch;
    for (size_t i = share.first; i < share.last; i++) {
        for (size_t at = share.begin; at < share.end; at += MITE_RUN) {
            int64_t q[MITE_RUN];
            size_t count = mite_min_size(MITE_RUN, share.end - at);
            mite_load_integers(q, mite_walk_at(w, 1, x, i, at), x->dtype, 1, count);
            rescale(s, q, count);
            mite_store_integers(mite_walk_at(w, 0, out, i, at), out->dtype, 1, q, count);
        }
    }
    return MITE_OK;
}

const mite_op mite_op_rescale = {
    .name = "rescale",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof *attrs,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .state_bytes = sizeof(mite_walk),
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
