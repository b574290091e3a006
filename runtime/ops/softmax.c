// SPDX-License-Identifier: Apache-2.0
// softmax along one axis: e^(x - max) / sum. u8: the exponentials come from a table over
// max - q, so each value is exp((q - max) * scale) / sum in f32, then quantized.
#include "common.h"
#include "real.h"

static const mite_attr attrs[] = {{"axis", 'i', 1, -1}};

static mite_status infer(mite_step *s) {
    size_t axis;
    mite_status status = mite_step_need_real(s);
    if (!status) status = mite_step_axis(s, 0, s->inputs[0]->rank, &axis);
    return status ? status : mite_step_same_shape(s);
}

typedef struct state {
    size_t outer, count, inner; // x is [outer][count][inner]
    float table[256];           // u8: e^(-d * scale) for d = max - q
} state;

static mite_status prepare(mite_step *s) {
    const mite_view *x = s->inputs[0];
    state *st = s->state;
    size_t axis;
    mite_status status = mite_step_axis(s, 0, x->rank, &axis);
    if (status) return status;
    st->outer = st->inner = 1;
    st->count = (size_t)x->shape[axis];
    for (size_t i = 0; i < axis; i++) st->outer *= (size_t)x->shape[i];
    for (size_t i = axis + 1; i < (size_t)x->rank; i++) st->inner *= (size_t)x->shape[i];
    for (size_t d = 0; d < 256; d++) st->table[d] = mite_exp(-(float)d * x->scale);
    s->max_parts = mite_max_size(1, mite_min_size(st->outer * st->inner, x->elements / 1024));
    return MITE_OK;
}

// One row of `count` values, `step` apart. NaN anywhere makes the whole row NaN.
static void softmax_f32(float *out, const float *in, size_t count, size_t step) {
    float most = in[0], sum = 0.0f;
    for (size_t i = 0; i < count; i++) most = in[i * step] > most ? in[i * step] : most;
    for (size_t i = 0; i < count; i++) out[i * step] = mite_exp(in[i * step] - most);
    for (size_t i = 0; i < count; i++) sum += out[i * step];
    float scale = 1.0f / sum;
    for (size_t i = 0; i < count; i++) out[i * step] *= scale;
}

static void softmax_u8(const mite_step *s, uint8_t *out, const uint8_t *in) {
    const state *st = s->state;
    const mite_view *y = s->outputs[0];
    size_t step = st->inner;
    uint8_t most = 0;
    float sum = 0.0f;
    for (size_t i = 0; i < st->count; i++) most = in[i * step] > most ? in[i * step] : most;
    for (size_t i = 0; i < st->count; i++) sum += st->table[most - in[i * step]];
    for (size_t i = 0; i < st->count; i++) {
        float probability = st->table[most - in[i * step]] / sum;
        out[i * step] = mite_quantize_u8(probability, y->scale, y->zero_point);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    size_t begin, end;
    (void)scratch;
    if (!st->count) return MITE_OK;
    mite_part_range(st->outer * st->inner, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        size_t at = i / st->inner * st->count * st->inner + i % st->inner;
        if (x->dtype == MITE_U8) {
            softmax_u8(s, (uint8_t *)out->data + at, (const uint8_t *)x->data + at);
        } else if (st->inner == 1) {
            s->kernels->softmax_f32((float *)out->data + at, (const float *)x->data + at,
                                    st->count);
        } else {
            softmax_f32((float *)out->data + at, (const float *)x->data + at, st->count, st->inner);
        }
    }
    return MITE_OK;
}

const mite_op mite_op_softmax = {
    .name = "softmax",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer,
    .plan = mite_step_plan_in_place,
    .prepare = prepare,
    .run = run,
};
