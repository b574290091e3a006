// SPDX-License-Identifier: Apache-2.0
// layer_norm: (x - mean) / sqrt(variance + epsilon) * scale + shift over the dimensions from `axis`
// on, in f32 (Ba, Kiros & Hinton 2016). gelu: x times the normal distribution's function of x, or
// the usual form of it by tanh (Hendrycks & Gimpel 2016).
#include "common.h"

#include <math.h>

enum { AXIS, EPSILON }; // attribute words of layer_norm
enum { BY_TANH }; // of gelu
enum { X, LAYER_SCALE, LAYER_SHIFT };

static const mite_attr layer_attrs[] = {
    [AXIS] = {"axis", 'i', 1, -1}, [EPSILON] = {"epsilon", 'f', 1, 0x3727c5ac}, // 1e-5
};
static const mite_attr gelu_attrs[] = {[BY_TANH] = {"by_tanh", 'i', 1, 0}};

typedef struct layer_state {
    mite_layer_norm_f32_fn *run;
    size_t rows, count;
} layer_state;

static mite_status measure(mite_step *s, size_t *rows, size_t *count) {
    const mite_view *x = s->inputs[X];
    size_t axis;
    mite_status status = mite_step_axis(s, AXIS, x->rank, &axis);
    *rows = *count = 1;
    for (size_t i = 0; i < (size_t)x->rank && !status; i++)
        *(i < axis ? rows : count) *= (size_t)x->shape[i];
    return status;
}

static mite_status layer_infer(mite_step *s) {
    size_t rows, count;
    mite_status status = mite_step_need_type(s, "x", s->inputs[X], MITE_F32);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_F32);
    if (!status) status = measure(s, &rows, &count);
    if (!status && !(mite_attr_float(s, EPSILON) >= 0))
        status = mite_step_fail(s, MITE_ERR_FORMAT, "epsilon must be a number from 0 on");
    for (size_t k = LAYER_SCALE; k <= LAYER_SHIFT && !status; k++) {
        const mite_view *v = mite_step_input(s, k);
        if (!v) continue;
        status = mite_step_need_type(s, "scale or shift", v, MITE_F32);
        if (!status && v->elements != count)
            status = mite_step_fail(s, MITE_ERR_FORMAT,
                                    "scale or shift has shape %T, rows have %z values",
                                    (size_t)v->rank, v->shape, count);
    }
    return status ? status : mite_step_same_shape(s);
}

static mite_status layer_prepare(mite_step *s) {
    layer_state *st = s->state;
    mite_status status = measure(s, &st->rows, &st->count);
    st->run = mite_layer_norm_f32_for(s->kernels->isa);
    s->max_parts = mite_max_size(1, mite_min_size(st->rows, s->inputs[X]->elements / 4096));
    return status;
}

static mite_status layer_run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const layer_state *st = s->state;
    const mite_view *scale = mite_step_input(s, LAYER_SCALE);
    const mite_view *shift = mite_step_input(s, LAYER_SHIFT);
    size_t begin, end;
    (void)scratch;
    mite_part_range(st->rows, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++)
        st->run((float *)s->outputs[0]->data + i * st->count,
                (const float *)s->inputs[X]->data + i * st->count, st->count,
                mite_attr_float(s, EPSILON), scale ? scale->data : NULL,
                shift ? shift->data : NULL);
    return MITE_OK;
}

const mite_op mite_op_layer_norm = {
    .name = "layer_norm",
    .attrs = layer_attrs,
    .attr_count = sizeof layer_attrs / sizeof layer_attrs[0],
    .min_inputs = 1,
    .max_inputs = 3,
    .output_count = 1,
    .state_bytes = sizeof(layer_state),
    .infer = layer_infer,
    .plan = mite_step_plan_in_place,
    .prepare = layer_prepare,
    .run = layer_run,
};

static mite_status gelu_infer(mite_step *s) {
    mite_status status = mite_step_need_type(s, "x", s->inputs[X], MITE_F32);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_F32);
    return status ? status : mite_step_same_shape(s);
}

static mite_status gelu_prepare(mite_step *s) {
    s->max_parts = mite_max_size(1, s->inputs[X]->elements / 4096);
    return MITE_OK;
}

static mite_status gelu_run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    size_t begin, end;
    (void)scratch;
    mite_part_range(s->inputs[X]->elements, 64, part, part_count, &begin, &end);
    mite_gelu_f32_for(s->kernels->isa)((float *)s->outputs[0]->data + begin,
                                       (const float *)s->inputs[X]->data + begin, end - begin,
                                       mite_attr_int(s, BY_TANH) ? MITE_GELU_BY_TANH : MITE_GELU);
    return MITE_OK;
}

const mite_op mite_op_gelu = {
    .name = "gelu",
    .attrs = gelu_attrs,
    .attr_count = sizeof gelu_attrs / sizeof gelu_attrs[0],
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = gelu_infer,
    .plan = mite_step_plan_in_place,
    .prepare = gelu_prepare,
    .run = gelu_run,
};
