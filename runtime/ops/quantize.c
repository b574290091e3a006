// SPDX-License-Identifier: Apache-2.0
// quantize: f32, u8 or i8 to the u8 or i8 quanta of the output. dequantize: u8 or i8 to f32.
// An i8 value is the u8 value with the sign bit flipped and the zero point 128 lower, so the u8
// kernels do both; what is left is one pass over bytes.
#include "common.h"
#include "walk.h"

static mite_status check_bytes(mite_step *s, const char *what, const mite_view *v) {
    if (v->dtype != MITE_U8 && v->dtype != MITE_I8) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "%s (%q) is %s, supported are u8 and i8",
                              what, v->value->name, mite_dtype_name(v->dtype));
    }
    return mite_step_need_quantized(s, what, v);
}

static mite_status infer_quantize(mite_step *s) {
    const mite_view *x = s->inputs[0];
    mite_status status = check_bytes(s, "output", s->outputs[0]);
    if (!status && x->dtype != MITE_F32) status = check_bytes(s, "x", x);
    return status ? status : mite_step_same_shape(s);
}

static mite_status infer_dequantize(mite_step *s) {
    mite_status status = check_bytes(s, "x", s->inputs[0]);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_F32);
    return status ? status : mite_step_same_shape(s);
}

typedef struct state {
    mite_walk walk;
    uint8_t table[256]; // bytes in, bytes out
} state;

// The view as if its bytes were u8.
static mite_view as_u8(const mite_view *v) {
    mite_view u = *v;
    if (v->dtype == MITE_I8) u.zero_point += 128;
    return u;
}

static uint8_t flip_of(const mite_view *v) { return v->dtype == MITE_I8 ? 0x80 : 0; }

static mite_status prepare(mite_step *s) {
    const mite_view *views[] = {s->inputs[0], s->outputs[0]};
    state *st = s->state;
    mite_walk_pair(&st->walk, views[1], views[0]);
    s->max_parts = mite_walk_parts(&st->walk);
    if (views[0]->dtype == MITE_F32 || views[1]->dtype == MITE_F32) return MITE_OK;
    mite_view in = as_u8(views[0]), out = as_u8(views[1]);
    uint8_t table[256];
    mite_table_fill(table, s, &in, &out, NULL);
    for (size_t q = 0; q < 256; q++) {
        st->table[q] = table[q ^ flip_of(views[0])] ^ flip_of(views[1]);
    }
    return MITE_OK;
}

static mite_status run_quantize(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    mite_view quanta = as_u8(out);
    mite_walk_share share = mite_walk_share_of(&st->walk, part, part_count);
    size_t count = share.end - share.begin;
    (void)scratch;
    for (size_t i = share.first; i < share.last; i++) {
        ptrdiff_t from = mite_walk_offset(&st->walk, 1, i, share.begin);
        uint8_t *to = (uint8_t *)out->data + mite_walk_offset(&st->walk, 0, i, share.begin);
        if (x->dtype != MITE_F32) {
            s->kernels->lookup_u8(to, (const uint8_t *)x->data + from, count, st->table);
            continue;
        }
        s->kernels->quantize(to, (const float *)x->data + from, count, quanta.scale,
                             quanta.zero_point);
        if (!flip_of(out)) continue;
        for (size_t k = 0; k < count; k++) to[k] ^= 0x80;
    }
    return MITE_OK;
}

static mite_status run_dequantize(const mite_step *s, size_t part, size_t part_count,
                                  void *scratch) {
    const state *st = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    mite_walk_share share = mite_walk_share_of(&st->walk, part, part_count);
    size_t count = share.end - share.begin;
    (void)scratch;
    for (size_t i = share.first; i < share.last; i++) {
        ptrdiff_t from = mite_walk_offset(&st->walk, 1, i, share.begin);
        float *to = (float *)out->data + mite_walk_offset(&st->walk, 0, i, share.begin);
        if (x->dtype == MITE_U8) {
            s->kernels->dequantize(to, (const uint8_t *)x->data + from, count, x->scale,
                                   x->zero_point);
            continue;
        }
        const int8_t *q = (const int8_t *)x->data + from;
        for (size_t k = 0; k < count; k++) to[k] = (float)(q[k] - x->zero_point) * x->scale;
    }
    return MITE_OK;
}

// clang-format off
#define QUANTIZER(NAME) \
    const mite_op mite_op_##NAME = { \
        .name = #NAME, \
        .min_inputs = 1, \
        .max_inputs = 1, \
        .output_count = 1, \
        .reads_halo = true, \
        .writes_halo = true, \
        .state_bytes = sizeof(state), \
        .infer = infer_##NAME, \
        .plan = mite_step_plan_in_place, \
        .prepare = prepare, \
        .run = run_##NAME, \
    }
// clang-format on

QUANTIZER(quantize);
QUANTIZER(dequantize);
