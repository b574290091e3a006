// SPDX-License-Identifier: Apache-2.0
// cast: numbers of one type as numbers of another, that of the output. Integers to narrower ones
// keep their low bits; reals to integers truncate toward zero and saturate, NaN giving 0; to bool:
// whether the number is not 0. bit_cast: the same bits as a type of the same width.
#include "../common.h"
#include "broadcast.h"
#include "elements.h"

static mite_status prepare(mite_step *s) {
    mite_walk_pair(s->state, s->outputs[0], s->inputs[0]);
    s->max_parts = mite_walk_parts(s->state);
    return MITE_OK;
}

// At the edges of networks in half precision, where pictures come in.
static void widen(float *out, const uint16_t *in, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = mite_f32_of_f16(in[i]);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_walk *w = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    mite_walk_share share = mite_walk_share_of(w, part, part_count);
    bool real = mite_is_real(x->dtype);
    (void)scratch;
    for (size_t i = share.first; i < share.last; i++) {
        for (size_t at = share.begin; at < share.end; at += MITE_RUN) {
            size_t count = mite_min_size(MITE_RUN, share.end - at);
            const void *from = mite_walk_at(w, 1, x, i, at);
            void *to = mite_walk_at(w, 0, out, i, at);
            double reals[MITE_RUN];
            int64_t integers[MITE_RUN];
            if (x->dtype == MITE_F16 && out->dtype == MITE_F32) {
                widen(to, from, count);
            } else if (real || mite_is_real(out->dtype)) {
                mite_load_reals(reals, from, x->dtype, 1, count);
                mite_store_reals(to, out->dtype, 1, reals, count);
            } else {
                mite_load_integers(integers, from, x->dtype, 1, count);
                mite_store_integers(to, out->dtype, 1, integers, count);
            }
        }
    }
    return MITE_OK;
}

const mite_op mite_op_cast = {
    .name = "cast",
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .state_bytes = sizeof(mite_walk),
    .infer = mite_step_same_shape,
    .plan = mite_step_plan_in_place,
    .prepare = prepare,
    .run = run,
};

// --- bit_cast -------------------------------------------------------------------------------------

static mite_status infer_bits(mite_step *s) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    if (mite_dtype_bytes(x->dtype) != mite_dtype_bytes(out->dtype))
        return mite_step_fail(s, MITE_ERR_FORMAT, "%s and %s differ in width",
                              mite_dtype_name(x->dtype), mite_dtype_name(out->dtype));
    return mite_step_same_shape(s);
}

static mite_status plan_bits(mite_step *s) {
    s->alias = true;
    return MITE_OK;
}

static mite_status run_bits(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    (void)part, (void)part_count, (void)scratch;
    const mite_view *x = s->inputs[0];
    if (x->elements) memcpy(s->outputs[0]->data, x->data, x->elements * mite_dtype_bytes(x->dtype));
    return MITE_OK;
}

const mite_op mite_op_bit_cast = {
    .name = "bit_cast",
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer_bits,
    .plan = plan_bits,
    .run = run_bits,
};
