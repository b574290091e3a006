// SPDX-License-Identifier: Apache-2.0
// quantize_linear and dequantize_linear: numbers and quanta of every type, with scales that are
// tensors of the graph: one; one for each index along `axis`; or, with block_size, one for each
// block along it (the scale then has x's other dimensions). The zero point, where given, has the
// scale's shape.
//   quantize    y = saturate(round_half_even(x / scale) + zero point), the quotient rounded to f32,
//               or to f16 where the scale is f16
//   dequantize  y = (x - zero point) * scale; x may be real, as weights of 8-bit floats become
#include "elements.h"

#include "../common.h"

#include <math.h>

enum { AXIS, BLOCK_SIZE }; // attribute words
enum { X, SCALE, ZERO, INPUTS };

static const mite_attr attrs[] = {
    [AXIS] = {"axis", 'i', 1, 1},
    [BLOCK_SIZE] = {"block_size", 'i', 1, 0},
};

// Rows of neighbours in x for which the scale stays or moves on by one.
typedef struct rows {
    size_t count, length; // of rows; of a row but the last of every `cut` ones, 0: all alike
    size_t cut, last_length;
    size_t axis, block, blocks; // row r has scale r % axis / block + r / axis * blocks …
    size_t scale_length; // … times this
    ptrdiff_t step; // scales along a row: 0 or 1
} rows;

static mite_status set_up(mite_step *s, rows *r) {
    const mite_view *x = s->inputs[X], *scale = s->inputs[SCALE];
    const mite_view *zero = mite_step_input(s, ZERO);
    int32_t block = mite_attr_int(s, BLOCK_SIZE), axis = mite_attr_int(s, AXIS);
    *r = (rows){
        .count = 1, .length = x->elements, .axis = 1, .block = 1, .blocks = 1, .scale_length = 1};
    bool fits = block >= 0 && (!zero || zero->elements == scale->elements);
    if (fits && (scale->elements != 1 || block)) {
        fits = axis >= -x->rank && axis < x->rank;
        size_t outer = 1, inner = 1, a = (size_t)(axis < 0 ? axis + x->rank : axis);
        for (size_t i = 0; fits && i < a; i++) outer *= (size_t)x->shape[i];
        for (size_t i = a + 1; fits && i < (size_t)x->rank; i++) inner *= (size_t)x->shape[i];
        size_t count = fits ? (size_t)x->shape[a] : 0;
        size_t blocks = block ? count / (size_t)block + (count % (size_t)block != 0) : count;
        fits = fits && scale->elements == (block ? outer * blocks * inner : count);
        r->count = outer * count;
        r->length = r->scale_length = inner;
        r->axis = count ? count : 1;
        if (block) r->block = (size_t)block, r->blocks = blocks, r->step = 1;
        else r->blocks = 0, r->scale_length = 1; // the same scales in every outer index
        if (inner == 1 && !block) {
            r->count = outer, r->length = count, r->axis = 1, r->step = 1;
        } else if (inner == 1) { // a row is a block
            r->count = outer * blocks, r->length = (size_t)block, r->axis = blocks ? blocks : 1;
            r->block = 1, r->step = 0;
            r->cut = r->axis, r->last_length = count - (r->axis - 1) * (size_t)block;
        }
    }
    if (fits) return MITE_OK;
    return mite_step_fail(s, MITE_ERR_FORMAT,
                          "scale %T%s does not fit x %T along axis %d in blocks of %d",
                          (size_t)scale->rank, scale->shape, zero ? " (and zero point)" : "",
                          (size_t)x->rank, x->shape, axis, block);
}

static mite_status infer(mite_step *s, bool quantize) {
    rows r;
    const mite_view *x = s->inputs[X], *y = s->outputs[0], *zero = mite_step_input(s, ZERO);
    const mite_view *quanta = quantize ? y : x, *reals = quantize ? x : y;
    if ((quantize && mite_is_real(quanta->dtype)) || quanta->dtype == MITE_BOOL ||
        (!mite_is_real(reals->dtype) && (!quantize || reals->dtype != MITE_I32)) ||
        !mite_is_real(s->inputs[SCALE]->dtype))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "from %s to %s with %s scales",
                              mite_dtype_name(x->dtype), mite_dtype_name(y->dtype),
                              mite_dtype_name(s->inputs[SCALE]->dtype));
    mite_status status = zero ? mite_step_need_type(s, "zero point", zero, quanta->dtype) : MITE_OK;
    if (!status) status = set_up(s, &r);
    return status ? status : mite_step_same_shape(s);
}

static mite_status infer_quantize(mite_step *s) { return infer(s, true); }
static mite_status infer_dequantize(mite_step *s) { return infer(s, false); }

static mite_status prepare(mite_step *s) {
    rows *r = s->state;
    mite_status status = set_up(s, r);
    s->max_parts = mite_max_size(1, mite_min_size(r->count, s->outputs[0]->elements / 1024));
    return status;
}

static void load(const mite_view *v, double *out, size_t at, ptrdiff_t step, size_t count) {
    mite_load_reals(out, (const char *)v->data + at * mite_dtype_bytes(v->dtype), v->dtype, step,
                    count);
}

static double quantum(double x, double scale, bool half) {
    float quotient = (float)(x / scale);
    if (half) quotient = mite_f32_of_f16(mite_f16_of_f32(quotient));
    return rint((double)quotient);
}

static void piece(const mite_step *s, size_t at, size_t scale_at, ptrdiff_t step, size_t count) {
    double x[MITE_RUN], scale[MITE_RUN], zero[MITE_RUN];
    const mite_view *y = s->outputs[0], *zeros = mite_step_input(s, ZERO);
    load(s->inputs[X], x, at, 1, count);
    load(s->inputs[SCALE], scale, scale_at, step, count);
    if (zeros) load(zeros, zero, scale_at, step, count);
    else memset(zero, 0, sizeof zero);
    bool half = s->inputs[SCALE]->dtype == MITE_F16;
    if (mite_is_real(y->dtype))
        for (size_t i = 0; i < count; i++) x[i] = (x[i] - zero[i]) * scale[i];
    else
        for (size_t i = 0; i < count; i++) x[i] = quantum(x[i], scale[i], half) + zero[i];
    mite_store_reals((char *)y->data + at * mite_dtype_bytes(y->dtype), y->dtype, 1, x, count);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const rows *r = s->state;
    size_t begin, end;
    (void)scratch;
    if (!s->outputs[0]->elements) return MITE_OK;
    mite_part_range(r->count, 1, part, part_count, &begin, &end);
    size_t whole = r->cut ? (r->cut - 1) * r->length + r->last_length : 0; // of `cut` rows
    for (size_t i = begin; i < end; i++) {
        size_t at = r->cut ? i / r->cut * whole + i % r->cut * r->length : i * r->length;
        size_t length = r->cut && i % r->cut == r->cut - 1 ? r->last_length : r->length;
        size_t scale_at = (i % r->axis / r->block + i / r->axis * r->blocks) * r->scale_length;
        if (s->inputs[SCALE]->elements == 1) scale_at = 0;
        for (size_t k = 0; k < length; k += MITE_RUN)
            piece(s, at + k, scale_at + (r->step ? k : 0), r->step,
                  mite_min_size(MITE_RUN, length - k));
    }
    return MITE_OK;
}

#define OPERATOR(NAME)                                \
    const mite_op mite_op_##NAME##_linear = {         \
        .name = #NAME "_linear",                      \
        .attrs = attrs,                               \
        .attr_count = sizeof attrs / sizeof attrs[0], \
        .min_inputs = 2,                              \
        .max_inputs = INPUTS,                         \
        .output_count = 1,                            \
        .state_bytes = sizeof(rows),                  \
        .infer = infer_##NAME,                        \
        .prepare = prepare,                           \
        .run = run,                                   \
    }
OPERATOR(quantize);
OPERATOR(dequantize);
