// SPDX-License-Identifier: Apache-2.0
// softmax along one axis: exp(x - max) / sum. f32; u8 by way of f32.
#include "common.h"

#include <math.h>

static const mite_attr attrs[] = {{"axis", 'i', 1, -1}};

typedef struct lanes {
    size_t outer, axis, inner; // the value as [outer][axis][inner]
} lanes;

static lanes lanes_of(const mite_step *s) {
    const mite_view *x = s->inputs[0];
    int32_t value = mite_attr_int(s, 0);
    size_t axis = (size_t)(value < 0 ? value + x->rank : value);
    lanes l = {1, (size_t)x->shape[axis], 1};
    for (size_t i = 0; i < axis; i++) l.outer *= (size_t)x->shape[i];
    for (size_t i = axis + 1; i < (size_t)x->rank; i++) l.inner *= (size_t)x->shape[i];
    return l;
}

static mite_status infer(mite_step *s) {
    size_t axis;
    mite_status status = mite_step_need_real(s);
    if (!status) status = mite_step_axis(s, 0, s->inputs[0]->rank, &axis);
    return status ? status : mite_step_same_shape(s);
}

static mite_status plan(mite_step *s) {
    s->in_place = 0;
    if (!mite_size_mul(&s->scratch_bytes, lanes_of(s).axis, sizeof(float)))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "its axis is too long");
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    lanes l = lanes_of(s);
    s->max_parts = mite_max_size(1, l.outer * l.inner);
    return MITE_OK;
}

static void softmax(float *row, size_t count) {
    float most = -INFINITY, sum = 0.0f;
    for (size_t i = 0; i < count; i++) most = row[i] > most ? row[i] : most;
    for (size_t i = 0; i < count; i++) sum += row[i] = expf(row[i] - most);
    for (size_t i = 0; i < count; i++) row[i] /= sum;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    lanes l = lanes_of(s);
    float *row = scratch;
    size_t first, last;
    mite_part_range(l.outer * l.inner, 1, part, part_count, &first, &last);
    for (size_t lane = first; lane < last; lane++) {
        size_t at = lane / l.inner * l.axis * l.inner + lane % l.inner;
        for (size_t i = 0; i < l.axis; i++) {
            size_t from = at + i * l.inner;
            if (x->dtype == MITE_F32) row[i] = ((const float *)x->data)[from];
            else row[i] = (float)(((const uint8_t *)x->data)[from] - x->zero_point) * x->scale;
        }
        softmax(row, l.axis);
        for (size_t i = 0; i < l.axis; i++) {
            size_t to = at + i * l.inner;
            if (out->dtype == MITE_F32) ((float *)out->data)[to] = row[i];
            else ((uint8_t *)out->data)[to] = mite_quantize_u8(row[i], out->scale, out->zero_point);
        }
    }
    return MITE_OK;
}

const mite_op mite_op_softmax = {
    .name = "softmax",
    .attrs = attrs,
    .attr_count = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
