// SPDX-License-Identifier: Apache-2.0
// Separable resampling in integers: every output pixel is a weighted sum of the source pixels
// under the filter, whose width grows with the reduction, so that no source pixel is skipped.
// Between the two passes the picture is rounded to 8 bits, as Pillow does.
//
//   in [h][w][3]  --rows-->  between [rows that the columns need][x.count][3]  --columns-->  out
//
// (or, for tall pictures, columns first, with the columns that the rows need).
// Weights are computed in double, without libm, and rounded to 22 fractional bits: 8 bits of
// pixel and 2 bits for the overshoot of bicubic weights fill the 32-bit sum.
#include "resize.h"

#include "../base/sizes.h"

#include <stdlib.h>
#include <string.h>

#define WEIGHT_BITS 22
#define HALF (1 << (WEIGHT_BITS - 1))
#define CHANNELS 3

// What one axis needs: for each output pixel the window of source pixels and their weights.
typedef struct taps {
    size_t *first;    // [count] start of the window, from the start of the picture
    size_t *length;   // [count]
    int32_t *weights; // [count][stride]
    size_t count, stride;
    bool identity; // the axis keeps its size: every window is one pixel of weight 1
} taps;

static double bilinear(double x) {
    if (x < 0) x = -x;
    return x < 1 ? 1 - x : 0;
}

// Keys' cubic convolution with a = -1/2.
static double bicubic(double x) {
    const double a = -0.5;
    if (x < 0) x = -x;
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static void taps_free(taps *t) {
    free(t->first);
    free(t->length);
    free(t->weights);
    memset(t, 0, sizeof *t);
}

static size_t clamp_to_size(double position, size_t size) {
    if (position <= 0) return 0;
    return mite_min_size((size_t)position, size);
}

// Where the last window ends.
static size_t taps_end(const taps *t) { return t->first[t->count - 1] + t->length[t->count - 1]; }

static void copy_tap(taps *t, size_t index, const mite_axis *axis) {
    t->first[index] = axis->first + (size_t)axis->skip + index;
    t->length[index] = 1;
    t->weights[index * t->stride] = 1 << WEIGHT_BITS;
}

// One output pixel's weights, scaled to a sum of 1 and rounded. `scratch` holds t->stride.
static void fill_taps(taps *t, size_t index, double center, double support, double shrink,
                      const mite_axis *axis, double (*kernel)(double), double *scratch) {
    size_t from = clamp_to_size(center - support + 0.5, axis->size);
    size_t to = clamp_to_size(center + support + 0.5, axis->size);
    double sum = 0, inverse = 1.0 / shrink;
    for (size_t i = from; i < to; i++) {
        double weight = kernel(((double)i - center + 0.5) * inverse);
        scratch[i - from] = weight;
        sum += weight;
    }
    int32_t *weights = t->weights + index * t->stride;
    for (size_t i = 0; i < to - from; i++) {
        double weight = (sum != 0 ? scratch[i] / sum : scratch[i]) * (1 << WEIGHT_BITS);
        weights[i] = (int32_t)(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    t->first[index] = axis->first + from;
    t->length[index] = to - from;
}

// False where memory is short; *t is then empty.
static bool taps_new(taps *t, const mite_axis *axis, mite_filter filter) {
    memset(t, 0, sizeof *t);
    double step = (double)axis->size / (double)axis->full; // source pixels per output pixel
    double shrink = step < 1 ? 1 : step;
    double support = (filter == MITE_FILTER_BICUBIC ? 2 : 1) * shrink;
    t->identity = axis->size == axis->full;
    t->count = axis->count;
    t->stride = 2 * (size_t)support + 3; // at least the pixels that the window can touch
    size_t weight_count, bytes;
    double *scratch = NULL;
    if (mite_size_mul(&weight_count, axis->count, t->stride) &&
        mite_size_mul(&bytes, weight_count, sizeof *t->weights)) {
        t->first = calloc(axis->count, sizeof *t->first);
        t->length = calloc(axis->count, sizeof *t->length);
        t->weights = malloc(bytes);
        scratch = calloc(t->stride, sizeof *scratch);
    }
    bool ok = t->first && t->length && t->weights && scratch;
    for (size_t i = 0; ok && i < axis->count; i++) {
        double center = ((double)(axis->skip + i) + 0.5) * step;
        if (t->identity) copy_tap(t, i, axis);
        else
            fill_taps(t, i, center, support, shrink, axis,
                      filter == MITE_FILTER_BICUBIC ? bicubic : bilinear, scratch);
    }
    free(scratch);
    if (!ok) taps_free(t);
    return ok;
}

static uint8_t round_sum(int32_t sum) {
    sum >>= WEIGHT_BITS;
    return (uint8_t)(sum < 0 ? 0 : sum > 255 ? 255 : sum);
}

// One row: in [..][3], whose first pixel is column `left` of the source -> out [x->count][3].
static void resize_row(uint8_t *out, const uint8_t *in, const taps *x, size_t left) {
    for (size_t i = 0; i < x->count; i++, out += CHANNELS) {
        const uint8_t *pixel = in + CHANNELS * (x->first[i] - left);
        const int32_t *weights = x->weights + i * x->stride;
        int32_t red = HALF, green = HALF, blue = HALF;
        for (size_t k = 0; k < x->length[i]; k++, pixel += CHANNELS) {
            red += pixel[0] * weights[k];
            green += pixel[1] * weights[k];
            blue += pixel[2] * weights[k];
        }
        out[0] = round_sum(red);
        out[1] = round_sum(green);
        out[2] = round_sum(blue);
    }
}

// One output row from `length` rows that lie `stride` apart. In strips, so that the sums stay in
// registers or the nearest cache while the source rows stream by.
static void resize_column(uint8_t *out, size_t bytes, const uint8_t *in, size_t stride,
                          const int32_t *weights, size_t length) {
    enum { STRIP = 64 };
    int32_t sums[STRIP];
    for (size_t at = 0; at < bytes; at += STRIP) {
        size_t width = mite_min_size(STRIP, bytes - at);
        for (size_t i = 0; i < STRIP; i++) sums[i] = HALF;
        for (size_t k = 0; k < length; k++) {
            const uint8_t *row = in + k * stride + at;
            for (size_t i = 0; i < width; i++) sums[i] += row[i] * weights[k];
        }
        for (size_t i = 0; i < width; i++) out[at + i] = round_sum(sums[i]);
    }
}

static bool pixels_new(mite_pixels *out, size_t width, size_t height) {
    size_t bytes;
    bool fits = mite_size_mul(&bytes, width, height) && mite_size_mul(&bytes, bytes, CHANNELS);
    *out = (mite_pixels){fits ? malloc(bytes) : NULL, width, height};
    if (!out->data) *out = (mite_pixels){0};
    return out->data != NULL;
}

// A part of a picture, and where it lies in the coordinates of the source.
typedef struct region {
    const uint8_t *data; // its first pixel
    size_t stride;       // bytes from row to row
    size_t left, top, width, height;
} region;

static region part(const mite_pixels *in, const taps *x, const taps *y) {
    size_t stride = CHANNELS * in->width, left = x->first[0], top = y->first[0];
    return (region){in->data + stride * top + CHANNELS * left,
                    stride,
                    left,
                    top,
                    taps_end(x) - left,
                    taps_end(y) - top};
}

static bool resize_rows(mite_pixels *out, region in, const taps *x) {
    if (!pixels_new(out, x->count, in.height)) return false;
    size_t bytes = CHANNELS * x->count;
    for (size_t row = 0; row < in.height; row++) {
        const uint8_t *from = in.data + in.stride * row;
        if (x->identity) memcpy(out->data + bytes * row, from, bytes);
        else resize_row(out->data + bytes * row, from, x, in.left);
    }
    return true;
}

static bool resize_columns(mite_pixels *out, region in, const taps *y) {
    if (!pixels_new(out, in.width, y->count)) return false;
    size_t bytes = CHANNELS * in.width;
    for (size_t row = 0; row < y->count; row++)
        resize_column(out->data + bytes * row, bytes,
                      in.data + in.stride * (y->first[row] - in.top), in.stride,
                      y->weights + row * y->stride, y->length[row]);
    return true;
}

static bool resize(mite_pixels *out, const mite_pixels *in, const taps *x, const taps *y,
                   bool columns_first) {
    region from = part(in, x, y);
    if (y->identity) return resize_rows(out, from, x);
    mite_pixels between = {0};
    bool ok = columns_first ? resize_columns(&between, from, y) : resize_rows(&between, from, x);
    if (ok) {
        from.data = between.data;
        from.stride = CHANNELS * between.width;
        from.width = between.width;
        from.height = between.height;
        ok = columns_first ? resize_rows(out, from, x) : resize_columns(out, from, y);
    }
    free(between.data);
    return ok;
}

// The order changes the rounding in between, so it is part of the result: this is the rule of
// Pillow 13. Up to version 12 Pillow took the rows first whatever the shape.
static bool columns_come_first(const mite_axis *x, const mite_axis *y) {
    int64_t lost_columns = (int64_t)x->size - (int64_t)x->full;
    int64_t lost_rows = (int64_t)y->size - (int64_t)y->full;
    return lost_rows > 0 && lost_rows > 2 * lost_columns;
}

mite_status mite_image_resize(mite_pixels *out, const mite_pixels *in, mite_axis x, mite_axis y,
                              mite_filter filter, mite_error *error) {
    taps across = {0}, down = {0};
    *out = (mite_pixels){0};
    bool ok = taps_new(&across, &x, filter) && taps_new(&down, &y, filter) &&
              resize(out, in, &across, &down, columns_come_first(&x, &y));
    taps_free(&across);
    taps_free(&down);
    if (ok) return MITE_OK;
    return mite_fail(error, MITE_ERR_MEMORY,
                     "there is no memory to resize a picture of %zx%z pixels to %zx%z; use a "
                     "smaller picture",
                     x.size, y.size, x.count, y.count);
}
