// SPDX-License-Identifier: Apache-2.0
// resize_nd: ONNX Resize whole, of any type and along any dimensions. Inputs x, roi, scales, sizes
// as there; absent or empty ones count as not given. Each resized dimension is a table of taps:
// nearest gathers by the tables, linear and cubic go dimension by dimension in f64. resize is the
// fast one for pictures.
#include "elements.h"

#include "../common.h"

#include <math.h>

enum {
    MODE,
    COORDINATES,
    ROUNDING,
    EXCLUDE_OUTSIDE,
    ANTIALIAS,
    POLICY,
    CUBIC_A,
    EXTRAPOLATION,
    AXIS_COUNT,
    AXES
}; // attribute words
enum { NEAREST, LINEAR, CUBIC };
enum {
    HALF_PIXEL,
    ASYMMETRIC,
    ALIGN_CORNERS,
    PYTORCH_HALF_PIXEL,
    HALF_PIXEL_SYMMETRIC,
    TF_HALF_PIXEL_FOR_NN,
    TF_CROP_AND_RESIZE
};
enum {
    PREFER_FLOOR,
    PREFER_CEIL,
    FLOOR,
    CEIL,
    INWARD
}; // INWARD: ceil where it shrinks, else floor
enum { STRETCH, NOT_LARGER, NOT_SMALLER };
enum { X, ROI, SCALES, SIZES, INPUTS };

static const mite_attr attrs[] = {
    {"mode", 'i', 1, NEAREST},          {"coordinates", 'i', 1, HALF_PIXEL},
    {"rounding", 'i', 1, PREFER_FLOOR}, {"exclude_outside", 'i', 1, 0},
    {"antialias", 'i', 1, 0},           {"policy", 'i', 1, STRETCH},
    {"cubic_a", 'f', 1, -0x40C00000}, // -0.75
    {"extrapolation", 'f', 1, 0},       {"axis_count", 'i', 1, 0}, // 0: all
    {"axes", 'i', MITE_MAX_RANK, 0},
};

// One dimension of the work.
typedef struct side {
    double scale, roi_begin, roi_end;
    size_t in, out, taps; // taps of one output
    bool resized;
} side;

typedef struct state {
    size_t rank, tap_count, elements; // of all tables; of the largest stage in between
    side sides[MITE_MAX_RANK];
} state;

// Numbers of an optional real input; NULL where it is not given. *waits where not known yet.
static const void *numbers(mite_step *s, size_t k, size_t count, bool *waits) {
    const mite_view *v = mite_step_input(s, k);
    if (!v || !v->elements) return NULL;
    if (!mite_is_real(v->dtype) || v->elements != count) {
        mite_step_fail(s, MITE_ERR_FORMAT, "input %z has shape %T of %s, wanted are %z numbers", k,
                       (size_t)v->rank, v->shape, mite_dtype_name(v->dtype), count);
        return NULL;
    }
    if (!v->known) *waits = true;
    return v->known;
}

static double number(const mite_step *s, size_t k, const void *data, size_t i) {
    double x;
    mite_dtype dtype = s->inputs[k]->dtype;
    mite_load_reals(&x, (const char *)data + i * mite_dtype_bytes(dtype), dtype, 1, 1);
    return x;
}

static mite_status read_axes(mite_step *s, size_t *axes, size_t *count) {
    int32_t rank = s->inputs[X]->rank, given = mite_attr_int(s, AXIS_COUNT);
    bool taken[MITE_MAX_RANK] = {false};
    *count = given > 0 && given <= rank ? (size_t)given : (size_t)rank;
    for (size_t i = 0; i < *count; i++) {
        axes[i] = i;
        mite_status status = given ? mite_step_axis(s, AXES + i, rank, &axes[i]) : MITE_OK;
        if (!status && taken[axes[i]])
            status = mite_step_fail(s, MITE_ERR_FORMAT, "axis %z is named twice", axes[i]);
        if (status) return status;
        taken[axes[i]] = true;
    }
    return MITE_OK;
}

// How many inputs make one output, and whether the dimension is touched at all.
static void choose_taps(const mite_step *s, side *d) {
    int32_t mode = mite_attr_int(s, MODE);
    double stretch = mite_attr_int(s, ANTIALIAS) && d->scale < 1 ? d->scale : 1;
    double reach = ceil((double)mode / stretch); // to either side: 1, 2 or more
    d->taps = mode == NEAREST ? 1 : reach < 1e6 ? 2 * (size_t)reach : 2000000;
    d->resized = d->in != d->out || d->scale != 1 ||
                 mite_attr_int(s, COORDINATES) == TF_CROP_AND_RESIZE ||
                 mite_attr_int(s, COORDINATES) == TF_HALF_PIXEL_FOR_NN;
}

static mite_status set_up(mite_step *s, state *st) {
    const mite_view *x = s->inputs[X];
    size_t axes[MITE_MAX_RANK], count, size_count = 0;
    int64_t sizes[MITE_MAX_RANK];
    bool waits = false;
    int32_t shape[MITE_MAX_RANK] = {0}, policy = mite_attr_int(s, POLICY);
    mite_step_expect_rank(s, 0, (size_t)x->rank);
    mite_status status = read_axes(s, axes, &count);
    if (status) return status;
    bool crop = mite_attr_int(s, COORDINATES) == TF_CROP_AND_RESIZE;
    const void *roi = crop ? numbers(s, ROI, 2 * count, &waits) : NULL;
    const void *scales = numbers(s, SCALES, count, &waits);
    if (s->error->status) return s->error->status;
    if (waits) return mite_step_wait(s, scales ? ROI : SCALES);
    if (!scales && mite_step_input(s, SIZES))
        status = mite_step_integers(s, SIZES, sizes, MITE_MAX_RANK, &size_count);
    if (status) return status;
    if (!scales && size_count != count)
        return mite_step_fail(s, MITE_ERR_FORMAT, "it needs scales or sizes for %z axes", count);

    *st = (state){.rank = (size_t)x->rank};
    for (size_t i = 0; i < st->rank; i++) {
        shape[i] = x->shape[i];
        st->sides[i] = (side){.scale = 1, .roi_end = 1, .in = (size_t)shape[i]};
    }
    double common = policy == NOT_SMALLER ? 0 : HUGE_VAL;
    for (size_t i = 0; i < count && !scales; i++) {
        double scale = (double)sizes[i] / x->shape[axes[i]];
        common = policy == NOT_SMALLER ? fmax(common, scale) : fmin(common, scale);
    }
    for (size_t i = 0; i < count; i++) {
        side *d = &st->sides[axes[i]];
        double size = x->shape[axes[i]], out;
        if (roi) d->roi_begin = number(s, ROI, roi, i), d->roi_end = number(s, ROI, roi, count + i);
        if (scales) {
            d->scale = number(s, SCALES, scales, i);
            out = floor(size * (d->roi_end - d->roi_begin) * d->scale);
        } else {
            d->scale = policy == STRETCH ? (double)sizes[i] / size : common;
            out = policy == STRETCH ? (double)sizes[i] : floor(d->scale * size + 0.5);
        }
        if (!(out >= 0) || out > INT32_MAX || !(d->scale > 0) || (out > 0 && d->in == 0))
            return mite_step_fail(s, MITE_ERR_FORMAT, "axis %z of %T cannot be resized so", axes[i],
                                  st->rank, x->shape);
        shape[axes[i]] = (int32_t)out;
    }
    status = mite_step_set_shape(s, 0, st->rank, shape);
    if (status) return status;
    size_t now = x->elements, taps;
    st->elements = now;
    for (size_t i = 0; i < st->rank; i++) {
        side *d = &st->sides[i];
        d->out = (size_t)shape[i];
        choose_taps(s, d);
        now = d->in ? now / d->in : 0;
        if (!mite_size_mul(&now, now, d->out) || !mite_size_mul(&taps, d->out, d->taps) ||
            !mite_size_add(&st->tap_count, st->tap_count, taps))
            return mite_step_fail(s, MITE_ERR_FORMAT, "the result is too large");
        st->elements = mite_max_size(st->elements, now);
    }
    return MITE_OK;
}

static mite_status infer(mite_step *s) {
    state st;
    const mite_view *x = s->inputs[X];
    int32_t mode = mite_attr_int(s, MODE), coordinates = mite_attr_int(s, COORDINATES);
    int32_t rounding = mite_attr_int(s, ROUNDING), policy = mite_attr_int(s, POLICY);
    if (mode < 0 || mode > CUBIC || coordinates < 0 || coordinates > TF_CROP_AND_RESIZE ||
        rounding < 0 || rounding > INWARD || policy < 0 || policy > NOT_SMALLER)
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "mode %d, coordinates %d, rounding %d or policy %d is unknown", mode,
                              coordinates, rounding, policy);
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    return status ? status : set_up(s, &st);
}

// The tables (weights, then sources), and two stages.
static mite_status plan(mite_step *s) {
    state *st = s->state;
    size_t tables, stages = 0;
    mite_status status = set_up(s, st);
    if (status) return status;
    bool fits = mite_size_mul(&tables, st->tap_count, 2 * sizeof(double));
    if (mite_attr_int(s, MODE) != NEAREST)
        fits = fits && mite_size_mul(&stages, st->elements, 2 * sizeof(double));
    if (!fits || !mite_size_add(&s->scratch_bytes, tables, stages))
        return mite_step_fail(s, MITE_ERR_MEMORY, "the result is too large");
    return MITE_OK;
}

// --- Tables --------------------------------------------------------------------------------------

#define OUTSIDE SIZE_MAX // source of an output that is the extrapolation value

// Where output `at` lies in the input, in f32 as other runtimes have it: ties of nearest depend on
// it. `wide` is the output's width before rounding.
static double source(const mite_step *s, const side *d, size_t at) {
    float x = (float)at, scale = (float)d->scale, in = (float)d->in, last = in - 1;
    float wide = scale * in, roi = (float)(d->roi_end - d->roi_begin), out = (float)d->out;
    switch (mite_attr_int(s, COORDINATES)) {
    case ASYMMETRIC: return (double)(x / scale);
    case ALIGN_CORNERS: return wide == 1 || at == 0 ? 0 : (double)(x * last / (wide - 1));
    case PYTORCH_HALF_PIXEL: return d->out > 1 ? (double)((x + 0.5f) / scale - 0.5f) : 0;
    case HALF_PIXEL_SYMMETRIC:
        return (double)(in / 2 * (1 - out / wide) + (x + 0.5f) / scale - 0.5f);
    case TF_HALF_PIXEL_FOR_NN: return (double)((x + 0.5f) / scale);
    case TF_CROP_AND_RESIZE:
        return (double)((d->out > 1 ? x * roi * last / (out - 1) : roi * last * 0.5f) +
                        (float)d->roi_begin * last);
    default: return (double)((x + 0.5f) / scale - 0.5f);
    }
}

static double nearest(const mite_step *s, double x, double scale) {
    double low = floor(x), rest = x - low;
    switch (mite_attr_int(s, ROUNDING)) {
    case PREFER_FLOOR: return rest <= 0.5 ? low : low + 1;
    case PREFER_CEIL: return rest < 0.5 ? low : low + 1;
    case FLOOR: return low;
    case INWARD: return scale < 1 ? ceil(x) : low;
    default: return ceil(x);
    }
}

static double weight(const mite_step *s, double x) {
    double a = (double)mite_attr_float(s, CUBIC_A);
    x = fabs(x);
    if (mite_attr_int(s, MODE) == LINEAR) return x < 1 ? 1 - x : 0;
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

static void fill_side(const mite_step *s, const side *d, double *weights, size_t *from) {
    double last = (double)d->in - 1;
    bool crop = mite_attr_int(s, COORDINATES) == TF_CROP_AND_RESIZE;
    double stretch = mite_attr_int(s, ANTIALIAS) && d->scale < 1 ? d->scale : 1;
    for (size_t i = 0; i < d->out; i++, weights += d->taps, from += d->taps) {
        double x = source(s, d, i), sum = 0;
        bool outside = crop && !(x >= 0 && x <= last);
        bool is_nearest = mite_attr_int(s, MODE) == NEAREST;
        // Whole positions count as the right end of the gap before them.
        double first = is_nearest ? nearest(s, x, d->scale) : ceil(x) - 0.5 * (double)d->taps;
        for (size_t k = 0; k < d->taps; k++) {
            double at = first + (double)k;
            bool lost = mite_attr_int(s, EXCLUDE_OUTSIDE) && !(at >= 0 && at <= last);
            from[k] = outside ? OUTSIDE : (size_t)fmin(fmax(at, 0), last);
            weights[k] = is_nearest ? 1 : lost ? 0 : weight(s, (at - x) * stretch);
            sum += weights[k];
        }
        // The weights add up to 1 but where some are left out or the kernel is stretched.
        bool uneven = mite_attr_int(s, EXCLUDE_OUTSIDE) || stretch != 1;
        for (size_t k = 0; k < d->taps && uneven && sum != 0; k++) weights[k] /= sum;
    }
}

// --- Gathering and weighing ----------------------------------------------------------------------

static void gather(const mite_step *s, const size_t *const *from) {
    const state *st = s->state;
    const mite_view *x = s->inputs[X], *y = s->outputs[0];
    size_t item = mite_dtype_bytes(x->dtype);
    double extrapolation = (double)mite_attr_float(s, EXTRAPOLATION);
    for (size_t i = 0; i < y->elements; i++) {
        size_t at = 0, step = 1;
        bool outside = false;
        for (size_t d = st->rank, rest = i; d-- > 0; rest /= st->sides[d].out) {
            size_t position = rest % st->sides[d].out;
            if (st->sides[d].resized) position = from[d][position];
            if (position == OUTSIDE) outside = true;
            else at += position * step;
            step *= st->sides[d].in;
        }
        char *to = (char *)y->data + i * item;
        if (outside) mite_store_reals(to, y->dtype, 1, &extrapolation, 1);
        else memcpy(to, (const char *)x->data + at * item, item);
    }
}

// in [outer][d->in][inner] -> out [outer][d->out][inner]
static void weigh(const mite_step *s, const side *d, const double *weights, const size_t *from,
                  const double *in, double *out, size_t outer, size_t inner) {
    double extrapolation = (double)mite_attr_float(s, EXTRAPOLATION);
    for (size_t o = 0; o < outer * d->out; o++, out += inner) {
        size_t at = o % d->out * d->taps;
        for (size_t i = 0; i < inner; i++) out[i] = from[at] == OUTSIDE ? extrapolation : 0;
        for (size_t k = 0; k < d->taps && from[at] != OUTSIDE; k++) {
            const double *row = in + (o / d->out * d->in + from[at + k]) * inner;
            double w = weights[at + k];
            for (size_t i = 0; i < inner && w != 0; i++) out[i] += row[i] * w;
        }
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *x = s->inputs[X], *y = s->outputs[0];
    double *weights[MITE_MAX_RANK], *now = scratch;
    const size_t *from[MITE_MAX_RANK];
    (void)part, (void)part_count;
    if (!y->elements) return MITE_OK;
    for (size_t d = 0; d < st->rank; d++) {
        size_t count = st->sides[d].out * st->sides[d].taps;
        weights[d] = now;
        from[d] = (size_t *)(now + count);
        fill_side(s, &st->sides[d], weights[d], (size_t *)(now + count));
        now += 2 * count;
    }
    if (mite_attr_int(s, MODE) == NEAREST) {
        gather(s, from);
        return MITE_OK;
    }
    size_t inner = x->elements, outer = 1;
    double *next = now + st->elements;
    mite_load_reals(now, x->data, x->dtype, 1, x->elements);
    for (size_t i = 0; i < st->rank; i++) {
        const side *d = &st->sides[i];
        inner /= d->in;
        if (d->resized) {
            weigh(s, d, weights[i], from[i], now, next, outer, inner);
            double *swap = now;
            now = next, next = swap;
        }
        outer *= d->out;
    }
    mite_store_reals(y->data, y->dtype, 1, now, y->elements);
    return MITE_OK;
}

const mite_op mite_op_resize_nd = {
    .name = "resize_nd",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 1,
    .max_inputs = INPUTS,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer,
    .plan = plan,
    .run = run,
};
