// SPDX-License-Identifier: Apache-2.0
// grid_sample: x [N,C,D..] read at the positions of a grid [N,O..,r], r spatial dimensions whose
// last comes first in the grid; -1 and 1 are the ends of the picture. Real types, in f64.
// affine_grid: such a grid [N,O..,r] from theta [N,r,r+1] and size [N,C,O..].
#include "elements.h"

#include "../common.h"

#include <math.h>

enum { MODE, PADDING, ALIGN }; // attribute words
enum { LINEAR, NEAREST, CUBIC, MODES };
enum { ZEROS, BORDER, REFLECTION, PADDINGS };
enum { X, GRID };

static const mite_attr attrs[] = {
    [MODE] = {"mode", 'i', 1, LINEAR},
    [PADDING] = {"padding", 'i', 1, ZEROS},
    [ALIGN] = {"align_corners", 'i', 1, 0},
};

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[X], *grid = s->inputs[GRID];
    int32_t shape[MITE_MAX_RANK], mode = mite_attr_int(s, MODE), pad = mite_attr_int(s, PADDING);
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (status) return status;
    if (!mite_is_real(grid->dtype) || mode < 0 || mode >= MODES || pad < 0 || pad >= PADDINGS)
        return mite_step_fail(s, MITE_ERR_FORMAT, "mode %d, padding %d, grid of %s", mode, pad,
                              mite_dtype_name(grid->dtype));
    if (x->rank < 3 || grid->rank != x->rank || grid->shape[0] != x->shape[0] ||
        grid->shape[x->rank - 1] != x->rank - 2)
        return mite_step_fail(s, MITE_ERR_FORMAT, "grid %T does not fit x %T", (size_t)grid->rank,
                              grid->shape, (size_t)x->rank, x->shape);
    memcpy(shape, x->shape, sizeof shape);
    for (int32_t i = 2; i < x->rank; i++) {
        shape[i] = grid->shape[i - 1];
        if (x->shape[i] < 1) return mite_step_fail(s, MITE_ERR_FORMAT, "x is empty");
    }
    return mite_step_set_shape(s, 0, (size_t)x->rank, shape);
}

static mite_status prepare(mite_step *s) {
    const mite_view *grid = s->inputs[GRID];
    size_t points = grid->elements / (size_t)grid->shape[grid->rank - 1];
    s->max_parts = mite_max_size(1, points / 16);
    return MITE_OK;
}

static double reflect(double x, double low, double high) {
    double range = high - low;
    if (range <= 0) return 0;
    x = fmod(fabs(x - low), 2 * range);
    return low + (x > range ? 2 * range - x : x);
}

// A whole position brought into the picture; false where it reads as 0.
static bool bring_in(const mite_step *s, double *at, double size) {
    int32_t padding = mite_attr_int(s, PADDING);
    bool align = mite_attr_int(s, ALIGN) != 0;
    if (padding == ZEROS) return *at >= 0 && *at < size;
    if (padding == REFLECTION)
        *at = align ? reflect(*at, 0, size - 1) : reflect(*at, -0.5, size - 0.5);
    *at = rint(fmin(fmax(*at, 0), size - 1)); // NaN becomes 0
    return true;
}

// Keys' kernel, a = -0.75.
static double cubic(double x) {
    const double a = -0.75;
    x = fabs(x);
    if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
}

// What one point of the grid reads: up to `taps` positions along each dimension.
typedef struct point {
    size_t taps;
    ptrdiff_t from[MITE_MAX_RANK][4]; // elements from the beginning of the plane; -1: zero
    double weight[MITE_MAX_RANK][4];
} point;

static void place(const mite_step *s, point *p, const double *grid) {
    const mite_view *x = s->inputs[X];
    int32_t mode = mite_attr_int(s, MODE);
    size_t rank = (size_t)x->rank - 2;
    ptrdiff_t step = 1;
    p->taps = mode == NEAREST ? 1 : mode == LINEAR ? 2 : 4;
    for (size_t i = rank; i-- > 0; step *= x->shape[i + 2]) {
        double size = x->shape[i + 2], g = grid[rank - 1 - i];
        double at = mite_attr_int(s, ALIGN) ? (g + 1) / 2 * (size - 1) : ((g + 1) * size - 1) / 2;
        // Linear samples of a padded picture move into it first, as in PyTorch.
        if (mode != CUBIC && mite_attr_int(s, PADDING) == REFLECTION)
            at = mite_attr_int(s, ALIGN) ? reflect(at, 0, size - 1) : reflect(at, -0.5, size - 0.5);
        if (mode != CUBIC && mite_attr_int(s, PADDING) != ZEROS) at = fmin(fmax(at, 0), size - 1);
        double first = mode == NEAREST ? rint(at) : floor(at) - (mode == CUBIC ? 1 : 0);
        for (size_t k = 0; k < p->taps; k++) {
            double position = first + (double)k, distance = at - position;
            p->weight[i][k] = mode == NEAREST ? 1
                              : mode == CUBIC ? cubic(distance)
                                              : 1 - fabs(distance);
            p->from[i][k] = bring_in(s, &position, size) ? (ptrdiff_t)position * step : -1;
        }
    }
}

static double sample(const mite_step *s, const point *p, size_t plane, size_t rank) {
    const mite_view *x = s->inputs[X];
    size_t count = 1;
    double sum = 0;
    for (size_t i = 0; i < rank; i++) count *= p->taps;
    for (size_t k = 0; k < count; k++) {
        double weight = 1, value;
        ptrdiff_t at = 0;
        for (size_t i = 0, rest = k; i < rank; i++, rest /= p->taps) {
            ptrdiff_t from = p->from[i][rest % p->taps];
            at = from < 0 || at < 0 ? -1 : at + from;
            weight *= p->weight[i][rest % p->taps];
        }
        if (at < 0) continue;
        mite_load_reals(&value,
                        (const char *)x->data + (plane + (size_t)at) * mite_dtype_bytes(x->dtype),
                        x->dtype, 1, 1);
        sum += value * weight;
    }
    return sum;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[X], *grid = s->inputs[GRID], *y = s->outputs[0];
    size_t rank = (size_t)x->rank - 2, begin, end;
    (void)scratch;
    if (!y->elements) return MITE_OK;
    size_t planes = (size_t)x->shape[0] * (size_t)x->shape[1], channels = (size_t)x->shape[1];
    size_t in_plane = x->elements / planes, out_plane = y->elements / planes;
    mite_part_range(grid->elements / rank, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        double at[MITE_MAX_RANK], value;
        point p;
        mite_load_reals(at, (const char *)grid->data + i * rank * mite_dtype_bytes(grid->dtype),
                        grid->dtype, 1, rank);
        place(s, &p, at);
        for (size_t c = 0; c < channels; c++) {
            size_t plane = i / out_plane * channels + c;
            value = sample(s, &p, plane * in_plane, rank);
            size_t to = plane * out_plane + i % out_plane;
            mite_store_reals((char *)y->data + to * mite_dtype_bytes(y->dtype), y->dtype, 1, &value,
                             1);
        }
    }
    return MITE_OK;
}

const mite_op mite_op_grid_sample = {
    .name = "grid_sample",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
};

// --- affine_grid ---------------------------------------------------------------------------------

static const mite_attr affine_attrs[] = {{"align_corners", 'i', 1, 0}};

static mite_status infer_affine(mite_step *s) {
    const mite_view *theta = s->inputs[0];
    int64_t size[MITE_MAX_RANK];
    int32_t shape[MITE_MAX_RANK];
    size_t rank;
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], theta->dtype);
    if (!status) status = mite_step_integers(s, 1, size, MITE_MAX_RANK, &rank);
    if (status) return status;
    if (!mite_is_real(theta->dtype) || rank < 3 || theta->rank != 3 || theta->shape[0] != size[0] ||
        theta->shape[1] != (int32_t)rank - 2 || theta->shape[2] != (int32_t)rank - 1)
        return mite_step_fail(s, MITE_ERR_FORMAT, "theta %T of %s does not fit %z sizes",
                              (size_t)theta->rank, theta->shape, mite_dtype_name(theta->dtype),
                              rank);
    for (size_t i = 1; i < rank; i++) {
        int64_t dim = i + 1 < rank ? size[i + 1] : (int64_t)rank - 2;
        shape[i] = dim < 0 || dim > INT32_MAX ? -1 : (int32_t)dim;
    }
    shape[0] = theta->shape[0];
    return mite_step_set_shape(s, 0, rank, shape);
}

static mite_status run_affine(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *theta = s->inputs[0], *y = s->outputs[0];
    size_t rank = (size_t)y->rank - 2, row = rank + 1;
    bool align = mite_attr_int(s, 0) != 0;
    (void)part, (void)part_count, (void)scratch;
    if (!y->elements) return MITE_OK;
    size_t points = y->elements / rank, plane = points / (size_t)y->shape[0];
    for (size_t i = 0; i < points; i++) {
        double at[MITE_MAX_RANK], matrix[MITE_MAX_RANK], out[MITE_MAX_RANK];
        for (size_t d = 0, rest = i % plane; d < rank; d++) { // the last dimension comes first
            size_t size = (size_t)y->shape[rank - d];
            double k = (double)(rest % size), count = (double)size;
            rest /= size;
            at[d] = align ? (size > 1 ? 2 * k / (count - 1) - 1 : -1) : (2 * k + 1) / count - 1;
        }
        for (size_t r = 0; r < rank; r++) {
            size_t from = (i / plane * rank + r) * row;
            mite_load_reals(matrix,
                            (const char *)theta->data + from * mite_dtype_bytes(theta->dtype),
                            theta->dtype, 1, row);
            out[r] = matrix[rank];
            for (size_t d = 0; d < rank; d++) out[r] += matrix[d] * at[d];
        }
        mite_store_reals((char *)y->data + i * rank * mite_dtype_bytes(y->dtype), y->dtype, 1, out,
                         rank);
    }
    return MITE_OK;
}

const mite_op mite_op_affine_grid = {
    .name = "affine_grid",
    .attrs = affine_attrs,
    .attr_count = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .infer = infer_affine,
    .run = run_affine,
};
