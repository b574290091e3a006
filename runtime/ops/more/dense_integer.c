// SPDX-License-Identifier: Apache-2.0
// Products of u8 activations that are quantized as they come and constant i8 weights, as
// transformers have them after dynamic quantization (ONNX DynamicQuantizeLinear and MatMulInteger).
//
// dynamic_quantize: x f32 -> y u8 of its shape, scale f32 [], zero_point u8 []:
//   lo = min(0, least x), hi = max(0, greatest x), scale = (hi - lo) / 255 (1 where that is 0)
//   zero_point = round_half_even(-lo / scale), limited to [0, 255]
//   y = saturate(round_half_even(x / scale) + zero_point)
//   with half_away as TensorFlow Lite's (dynamic.h): the same but at halves
// dense_integer: x u8 [..,K], weights i8 [N,1,1,K] packed, sums i32 [N] of each row of them,
// multiplier f32 [N], scale f32 [], zero_point u8 [] or none (0), bias f32 [N] or none:
//   acc = sum over k of (x - zero_point) * weight, wrapping
//   y   = (float)acc * (scale * multiplier) + bias, each operation rounded, then clamped
#include "../conv.h"
#include "dynamic.h"

#include <math.h>

enum { Y, SCALE_OUT, ZERO_OUT }; // outputs of dynamic_quantize

static mite_status infer_quantize(mite_step *s) {
    const mite_view *x = s->inputs[0];
    mite_status status = mite_step_need_type(s, "x", x, MITE_F32);
    if (!status) status = mite_step_need_type(s, "y", s->outputs[Y], MITE_U8);
    if (!status) status = mite_step_need_type(s, "scale", s->outputs[SCALE_OUT], MITE_F32);
    if (!status) status = mite_step_need_type(s, "zero_point", s->outputs[ZERO_OUT], MITE_U8);
    if (!status) status = mite_step_set_shape(s, Y, (size_t)x->rank, x->shape);
    if (!status) status = mite_step_set_shape(s, SCALE_OUT, 0, NULL);
    return status ? status : mite_step_set_shape(s, ZERO_OUT, 0, NULL);
}

static const mite_attr quantize_attrs[] = {{"half_away", 'i', 1, 0}};

#define PART_UNIT 1024 // elements

static mite_status prepare_quantize(mite_step *s) {
    s->max_parts = mite_max_size(1, s->inputs[0]->elements / (4 * PART_UNIT));
    return MITE_OK;
}

// Every part looks at all of x: that costs less than to wait for each other.
static mite_status run_quantize(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0];
    float range[2] = {0, 0}, scale;
    size_t begin, end;
    (void)scratch;
    s->kernels->range_f32(x->data, x->elements, range);
    mite_part_range(x->elements, PART_UNIT, part, part_count, &begin, &end);
    if (mite_attr_int(s, 0)) {
        mite_dynamic d = mite_dynamic_of(range[0], range[1], false);
        const float *in = x->data;
        uint8_t *out = s->outputs[Y]->data;
        for (size_t i = begin; i < end; i++)
            out[i] = (uint8_t)(mite_dynamic_quantum(&d, in[i]) + 128);
        if (part) return MITE_OK;
        *(float *)s->outputs[SCALE_OUT]->data = d.scale;
        *(uint8_t *)s->outputs[ZERO_OUT]->data = (uint8_t)(d.offset + 128);
        return MITE_OK;
    }
    scale = (range[1] - range[0]) / 255.0f;
    if (!(scale > 0)) scale = 1.0f;
    float zero = nearbyintf(-range[0] / scale);
    uint8_t zero_point = (uint8_t)(zero > 0 ? fminf(zero, 255.0f) : 0.0f);
    s->kernels->quantize((uint8_t *)s->outputs[Y]->data + begin, (const float *)x->data + begin,
                         end - begin, scale, zero_point);
    if (part) return MITE_OK;
    *(float *)s->outputs[SCALE_OUT]->data = scale;
    *(uint8_t *)s->outputs[ZERO_OUT]->data = zero_point;
    return MITE_OK;
}

const mite_op mite_op_dynamic_quantize = {
    .name = "dynamic_quantize",
    .attrs = quantize_attrs,
    .attr_count = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 3,
    .infer = infer_quantize,
    .prepare = prepare_quantize,
    .run = run_quantize,
};

// --- dense_integer -------------------------------------------------------------------------------

enum { X, WEIGHTS, SUMS, MULTIPLIER, SCALE, ZERO_POINT, BIAS }; // inputs
enum { CLAMP_LO, CLAMP_HI }; // attribute words

static const mite_attr attrs[] = {
    [CLAMP_LO] = {"clamp_lo", 'f', 1, MITE_BITS_NEG_INF},
    [CLAMP_HI] = {"clamp_hi", 'f', 1, MITE_BITS_INF},
};

static mite_status need_scalar(mite_step *s, size_t index, const char *what, mite_dtype dtype) {
    const mite_view *v = mite_step_input(s, index);
    if (!v) return mite_step_fail(s, MITE_ERR_FORMAT, "%s is missing", what);
    if (v->elements != 1) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "%s has %z elements, supported is one", what,
                              v->elements);
    }
    return mite_step_need_type(s, what, v, dtype);
}

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[X], *w = s->inputs[WEIGHTS];
    mite_status status = mite_step_need_type(s, "x", x, MITE_U8);
    if (!status) status = mite_step_need_type(s, "y", s->outputs[0], MITE_F32);
    if (!status) status = mite_conv_check_matrix(s);
    if (status) return status;
    size_t columns = (size_t)w->shape[0], padded = mite_round_up(columns, 8);
    status = mite_conv_need_weights(s, MITE_LAYOUT_CONV_I8, 1);
    if (!status) status = mite_step_need_constant(s, SUMS, MITE_I32, MITE_LAYOUT_DENSE, padded);
    if (!status)
        status = mite_step_need_constant(s, MULTIPLIER, MITE_F32, MITE_LAYOUT_DENSE, padded);
    if (!status) status = need_scalar(s, SCALE, "scale", MITE_F32);
    if (!status && mite_step_input(s, ZERO_POINT))
        status = need_scalar(s, ZERO_POINT, "zero_point", MITE_U8);
    if (!status && mite_step_input(s, BIAS))
        status = mite_step_need_constant(s, BIAS, MITE_F32, MITE_LAYOUT_DENSE, columns);
    if (!status && !(mite_attr_float(s, CLAMP_LO) <= mite_attr_float(s, CLAMP_HI)))
        status = mite_step_fail(s, MITE_ERR_FORMAT, "clamp_lo must be a number below clamp_hi");
    if (status) return status;
    int32_t shape[MITE_MAX_RANK];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->rank - 1] = w->shape[0];
    s->macs = (uint64_t)x->elements * columns;
    return mite_step_set_shape(s, 0, (size_t)x->rank, shape);
}

static size_t columns_of(const mite_step *s) { return (size_t)s->inputs[WEIGHTS]->shape[0]; }

// Bias and multiplier of a run come before what the kernel wants. The file holds as much for them.
static size_t constant_bytes(const mite_step *s) {
    return mite_round_up(mite_round_up(columns_of(s), 8) * (sizeof(int32_t) + sizeof(float)), 64);
}

static mite_status plan(mite_step *s) {
    const mite_view *x = s->inputs[X];
    size_t depth = (size_t)x->shape[x->rank - 1], rows = x->elements / depth;
    s->scratch_bytes = constant_bytes(s) + s->kernels->conv_u8_f32.scratch_bytes(rows, 1, depth);
    return MITE_OK;
}

static const int32_t one_segment[1] = {0};

static mite_status prepare(mite_step *s) {
    const mite_view *x = s->inputs[X], *w = s->inputs[WEIGHTS];
    mite_conv_state *c = s->state;
    mite_conv_args *a = &c->args;
    size_t depth = (size_t)x->shape[x->rank - 1];
    c->rows = x->elements / depth;
    c->images = c->groups = 1;
    a->input = x->data;
    a->output = s->outputs[0]->data;
    a->weights = w->data;
    a->columns = columns_of(s);
    a->lo = mite_attr_float(s, CLAMP_LO);
    a->hi = mite_attr_float(s, CLAMP_HI);
    a->pair_safe = (w->value->flags & MITE_VALUE_PAIR_SAFE) != 0;
    a->segments = one_segment;
    a->segment_count = 1;
    a->segment_length = depth;
    a->out_width = mite_max_size(1, c->rows);
    a->in_pixel = depth;
    a->out_pixel = a->columns;
    a->in_row = a->out_width * a->in_pixel;
    a->out_row = a->out_width * a->out_pixel;
    if (mite_step_input(s, BIAS)) a->residual = s->inputs[BIAS]->data; // of every row: no strides
    c->run = s->kernels->conv_u8_f32.run;
    s->kernel = s->kernels->conv_u8_f32.name;
    s->max_parts = mite_max_size(1, mite_conv_parts(c));
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_conv_state *c = s->state;
    const mite_view *zero_view = mite_step_input(s, ZERO_POINT);
    const int32_t *sums = s->inputs[SUMS]->data;
    int32_t zero = zero_view ? *(const uint8_t *)zero_view->data : 0;
    mite_conv_args a = c->args;
    size_t padded = mite_round_up(a.columns, 8);
    int32_t *bias = scratch;
    float *scale = (float *)(void *)(bias + padded),
          x_scale = *(const float *)s->inputs[SCALE]->data;
    const float *multiplier = s->inputs[MULTIPLIER]->data;
    for (size_t n = 0; n < padded; n++) {
        bias[n] = (int32_t)(0U - (uint32_t)zero * (uint32_t)sums[n]);
        scale[n] = x_scale * multiplier[n];
    }
    a.bias = bias;
    a.scale = scale;
    a.scratch = (char *)scratch + constant_bytes(s);
    mite_conv_run_share(c, a, mite_conv_share_of(c, part, part_count));
    return MITE_OK;
}

const mite_op mite_op_dense_integer = {
    .name = "dense_integer",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 5,
    .max_inputs = 7,
    .output_count = 1,
    .state_bytes = sizeof(mite_conv_state),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
