// SPDX-License-Identifier: Apache-2.0
// Convolutions of TensorFlow Lite whose sums are integers, but whose input is not u8. x [N,H,W,C],
// weights i8 [M,KH,KW,C/groups], symmetric, with a scale for each output channel; NHWC, any number of
// groups. Plain loops; conv2d and depthwise_conv2d are the fast ones for u8.
//
// conv2d_i16: x and the output i16, zero points 0. bias i64 [M] (absent: 0), multiplier i32 [2,M]:
// a factor q of `factor_bits` bits and a shift e for each channel: 15 in convolutions, 31 in dense layers there.
//   y = clamp((sum * q + 2^(bits-1-e)) >> (bits-e))        (MultiplyByQuantizedMultiplier there)
//
// conv2d_dynamic: x and the output f32. Each image is quantized by itself as it comes, to 8 bits:
// between its extremes and 0, or with `symmetric` evenly around 0 (AsymmetricQuantizeFloats and
// SymmetricQuantizeFloats there). bias f32 [M] (absent: 0), scales of the weights f32 [M].
//   y = clamp(sum * (scale of x * scale of w) + bias)
#include "../conv.h"
#include "dynamic.h"
#include "fixed.h"

#include <math.h>

enum {
    GROUPS = MITE_CONV_WINDOW_WORDS,
    LO,
    HI,
    FACTOR_BITS,
    SYMMETRIC = FACTOR_BITS
}; // attribute words
enum { X, WEIGHTS, BIAS, FACTORS };

static const mite_attr i16_attrs[] = {
    MITE_CONV_WINDOW_ATTRS,           [GROUPS] = {"groups", 'i', 1, 1},
    [LO] = {"lo", 'i', 1, INT16_MIN}, // quanta
    [HI] = {"hi", 'i', 1, INT16_MAX}, [FACTOR_BITS] = {"factor_bits", 'i', 1, 15},
};

static const mite_attr dynamic_attrs[] = {
    MITE_CONV_WINDOW_ATTRS,
    [GROUPS] = {"groups", 'i', 1, 1},
    [LO] = {"clamp_lo", 'f', 1, MITE_BITS_NEG_INF},
    [HI] = {"clamp_hi", 'f', 1, MITE_BITS_INF},
    [SYMMETRIC] = {"symmetric", 'i', 1, 0},
};

typedef struct state {
    mite_window window;
    size_t group_in, group_out; // channels of a group
} state;

static mite_status check_vector(mite_step *s, size_t k, const char *what, mite_dtype dtype,
                                size_t elements) {
    const mite_view *v = mite_step_input(s, k);
    if (!v) return MITE_OK;
    if (v->elements != elements)
        return mite_step_fail(s, MITE_ERR_FORMAT, "its %s has %z elements, wanted are %z", what,
                              v->elements, elements);
    return mite_step_need_type(s, what, v, dtype);
}

static mite_status set_up(mite_step *s, state *st) {
    const mite_view *x = s->inputs[X], *w = s->inputs[WEIGHTS];
    int32_t groups = mite_attr_int(s, GROUPS);
    bool fits = x->rank == 4 && w->rank == 4 && groups >= 1 && w->shape[0] >= 1 &&
                w->shape[0] % groups == 0 && w->shape[3] >= 1 &&
                (int64_t)w->shape[3] * groups == x->shape[3];
    if (!fits)
        return mite_step_fail(s, MITE_ERR_FORMAT, "weights %T in %d groups do not fit the input %T",
                              (size_t)w->rank, w->shape, groups, (size_t)x->rank, x->shape);
    mite_status status = mite_step_need_type(s, "weights", w, MITE_I8);
    if (!status) status = mite_conv_window(s, &st->window);
    if (status) return status;
    st->group_in = (size_t)w->shape[3];
    st->group_out = (size_t)(w->shape[0] / groups);
    int32_t shape[4] = {x->shape[0], st->window.out_h, st->window.out_w, w->shape[0]};
    status = mite_step_set_shape(s, 0, 4, shape);
    s->macs = (uint64_t)s->outputs[0]->elements * st->group_in * (size_t)w->shape[1] *
              (size_t)w->shape[2];
    return status;
}

// Products below 2^23: so many of them fit 32 bits.
#define RUN 256

static int64_t dot(const int16_t *x, const int8_t *w, size_t count) {
    int64_t sum = 0;
    while (count) {
        size_t run = count < RUN ? count : RUN;
        int32_t part = 0;
        for (size_t i = 0; i < run; i++) part += x[i] * w[i];
        sum += part;
        x += run, w += run, count -= run;
    }
    return sum;
}

// The sum of output (y, x, n) over the image; what lies outside of it counts nothing.
static int64_t sum_at(const mite_step *s, const state *st, const int16_t *image, size_t y, size_t x,
                      size_t n) {
    const mite_window *w = &st->window;
    const int32_t *in = s->inputs[X]->shape;
    size_t taps = (size_t)w->kernel_h * (size_t)w->kernel_w, channels = (size_t)in[3];
    const int8_t *weights = (const int8_t *)s->inputs[WEIGHTS]->data + n * taps * st->group_in;
    int64_t top = (int64_t)y * w->stride_h - w->pad.top, sum = 0;
    int64_t left = (int64_t)x * w->stride_w - w->pad.left;
    image += n / st->group_out * st->group_in;
    for (int32_t i = 0; i < w->kernel_h; i++) {
        int64_t row = top + (int64_t)i * w->dilation_h;
        for (int32_t k = 0; k < w->kernel_w; k++, weights += st->group_in) {
            int64_t column = left + (int64_t)k * w->dilation_w;
            if (row < 0 || row >= in[1] || column < 0 || column >= in[2]) continue;
            size_t pixel = (size_t)row * (size_t)in[2] + (size_t)column;
            sum += dot(image + pixel * channels, weights, st->group_in);
        }
    }
    return sum;
}

// --- conv2d_i16 -----------------------------------------------------------------------------------

// Shifts by 1 to 62 bits.
static bool check_factors(const mite_step *s, size_t columns) {
    const int32_t *factors = s->inputs[FACTORS]->data, bits = mite_attr_int(s, FACTOR_BITS);
    for (size_t n = 0; factors && n < columns; n++) {
        if (factors[n] < 0 || factors[n] >> (bits - 1) > 1) return false;
        if (factors[columns + n] > 14 || factors[columns + n] < bits - 62) return false;
    }
    return true;
}

static mite_status infer_i16(mite_step *s) {
    state st;
    mite_status status = mite_step_need_type(s, "x", s->inputs[X], MITE_I16);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_I16);
    if (!status) status = set_up(s, &st);
    if (status) return status;
    size_t columns = (size_t)s->outputs[0]->shape[3];
    status = check_vector(s, BIAS, "bias", MITE_I64, columns);
    if (!status) status = check_vector(s, FACTORS, "multiplier", MITE_I32, 2 * columns);
    if (status) return status;
    int32_t lo = mite_attr_int(s, LO), hi = mite_attr_int(s, HI);
    if (lo < INT16_MIN || hi > INT16_MAX || lo > hi)
        return mite_step_fail(s, MITE_ERR_FORMAT, "its limits %d and %d are crossed or too large",
                              lo, hi);
    int32_t bits = mite_attr_int(s, FACTOR_BITS);
    if (bits != 15 && bits != 31)
        return mite_step_fail(s, MITE_ERR_FORMAT, "its factors have %d bits, not 15 or 31", bits);
    return MITE_OK;
}

static mite_status prepare_i16(mite_step *s) {
    const mite_view *out = s->outputs[0];
    s->max_parts = mite_max_size(1, (size_t)out->shape[0] * (size_t)out->shape[1]);
    if (!check_factors(s, (size_t)out->shape[3]))
        return mite_step_fail(s, MITE_ERR_FORMAT, "its multipliers are outside of their range");
    return set_up(s, s->state);
}

static mite_status run_i16(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *x = s->inputs[X], *out = s->outputs[0], *bias = mite_step_input(s, BIAS);
    size_t height = (size_t)out->shape[1], width = (size_t)out->shape[2], row0, row1;
    size_t columns = (size_t)out->shape[3], image = x->elements / (size_t)x->shape[0];
    const int32_t *factors = s->inputs[FACTORS]->data;
    int32_t lo = mite_attr_int(s, LO), hi = mite_attr_int(s, HI);
    int32_t bits = mite_attr_int(s, FACTOR_BITS);
    (void)scratch;
    mite_part_range((size_t)out->shape[0] * height, 1, part, part_count, &row0, &row1);
    int16_t *to = (int16_t *)out->data + row0 * width * columns;
    for (size_t row = row0; row < row1; row++) {
        const int16_t *from = (const int16_t *)x->data + row / height * image;
        for (size_t i = 0; i < width * columns; i++) {
            size_t n = i % columns;
            int64_t sum = sum_at(s, st, from, row % height, i / columns, n);
            if (bias) sum = (int64_t)((uint64_t)sum + (uint64_t)((const int64_t *)bias->data)[n]);
            int64_t y = mite_fixed_product(sum, factors[n], bits - factors[columns + n]);
            *to++ = (int16_t)(y < lo ? lo : y > hi ? hi : y);
        }
    }
    return MITE_OK;
}

// --- conv2d_dynamic -------------------------------------------------------------------------------

static mite_status infer_dynamic(mite_step *s) {
    state st;
    mite_status status = mite_step_need_type(s, "x", s->inputs[X], MITE_F32);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_F32);
    if (!status) status = set_up(s, &st);
    if (status) return status;
    size_t columns = (size_t)s->outputs[0]->shape[3];
    status = check_vector(s, BIAS, "bias", MITE_F32, columns);
    if (!status) status = check_vector(s, FACTORS, "scales", MITE_F32, columns);
    return status;
}

// An image at a time, whose quanta lie in scratch.
static mite_status plan_dynamic(mite_step *s) {
    const mite_view *x = s->inputs[X];
    size_t images = (size_t)x->shape[0];
    if (!mite_size_mul(&s->scratch_bytes, images ? x->elements / images : 0, sizeof(int16_t)))
        return mite_step_fail(s, MITE_ERR_MEMORY, "its images are too large");
    return MITE_OK;
}

static mite_status prepare_dynamic(mite_step *s) {
    s->max_parts = mite_max_size(1, (size_t)s->outputs[0]->shape[0]);
    return set_up(s, s->state);
}

static float limited(float x, float lo, float hi) { return x < lo ? lo : x > hi ? hi : x; }

// Half away from zero. What is no number counts as 0.
static float rounded(float x) { return x != x ? 0.0f : truncf(x + (x < 0 ? -0.5f : 0.5f)); }

mite_dynamic mite_dynamic_of(float least, float most, bool symmetric) {
    mite_dynamic d = {.lo = symmetric ? -127 : -128};
    double scale = symmetric ? (double)(most > -least ? most : -least) / 127
                             : ((double)most - (double)least) / 255;
    if (!symmetric && scale > 0) {
        // The end whose quantum is known better decides where zero lies.
        double by_least = -128 - (double)least / scale, by_most = 127 - (double)most / scale;
        bool first = 128 + fabs((double)least / scale) < 127 + fabs((double)most / scale);
        d.offset = limited(rounded((float)(first ? by_least : by_most)), -128, 127);
    }
    d.scale = (float)scale;
    d.inverse = 1.0f / d.scale;
    // All zeros, or so large or small that no scale stands for them.
    if (d.scale > 0 && d.inverse > 0 && d.inverse < INFINITY) return d;
    d.scale = 1;
    d.inverse = 0;
    return d;
}

float mite_dynamic_quantum(const mite_dynamic *d, float x) {
    float product = d->inverse > 0 ? x * d->inverse : 0;
    return limited(rounded(d->offset + product), d->lo, 127);
}

// The quanta of an image less their zero point, and their scale.
static float quantize(int16_t *out, const float *x, size_t count, bool symmetric) {
    float least = 0, most = 0;
    for (size_t i = 0; i < count; i++) {
        if (x[i] < least) least = x[i];
        if (x[i] > most) most = x[i];
    }
    mite_dynamic d = mite_dynamic_of(least, most, symmetric);
    for (size_t i = 0; i < count; i++)
        out[i] = (int16_t)(mite_dynamic_quantum(&d, x[i]) - d.offset);
    return d.scale;
}

static void run_image(const mite_step *s, size_t image, int16_t *quanta) {
    const state *st = s->state;
    const mite_view *x = s->inputs[X], *out = s->outputs[0], *bias = mite_step_input(s, BIAS);
    size_t width = (size_t)out->shape[2], columns = (size_t)out->shape[3];
    size_t elements = x->elements / (size_t)x->shape[0];
    const float *scales = s->inputs[FACTORS]->data;
    float lo = mite_attr_float(s, LO), hi = mite_attr_float(s, HI);
    float *to = (float *)out->data + image * (out->elements / (size_t)out->shape[0]);
    float scale = quantize(quanta, (const float *)x->data + image * elements, elements,
                           mite_attr_int(s, SYMMETRIC) != 0);
    for (size_t i = 0; i < (size_t)out->shape[1] * width * columns; i++) {
        size_t n = i % columns, pixel = i / columns;
        float y = (float)sum_at(s, st, quanta, pixel / width, pixel % width, n);
        y = y * (scale * scales[n]);
        if (bias) y = y + ((const float *)bias->data)[n];
        to[i] = limited(y, lo, hi);
    }
}

static mite_status run_dynamic(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    size_t begin, end;
    mite_part_range((size_t)s->outputs[0]->shape[0], 1, part, part_count, &begin, &end);
    for (size_t image = begin; image < end; image++) run_image(s, image, scratch);
    return MITE_OK;
}

const mite_op mite_op_conv2d_i16 = {
    .name = "conv2d_i16",
    .attrs = i16_attrs,
    .attr_count = sizeof i16_attrs / sizeof *i16_attrs,
    .min_inputs = 4,
    .max_inputs = 4,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer_i16,
    .prepare = prepare_i16,
    .run = run_i16,
};

const mite_op mite_op_conv2d_dynamic = {
    .name = "conv2d_dynamic",
    .attrs = dynamic_attrs,
    .attr_count = sizeof dynamic_attrs / sizeof *dynamic_attrs,
    .min_inputs = 4,
    .max_inputs = 4,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer_dynamic,
    .plan = plan_dynamic,
    .prepare = prepare_dynamic,
    .run = run_dynamic,
};
