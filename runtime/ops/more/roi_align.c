// SPDX-License-Identifier: Apache-2.0
// roi_align: pools regions of a picture, whose corners lie between pixels, to one size (ONNX RoiAlign;
// He et al., Mask R-CNN, 2017). Inputs: x [batches, channels, height, width], regions [count, 4] (x1,
// y1, x2, y2), the batch of each. Output [count, channels, out_height, out_width]. f16, f32, f64. With `whole`
// the corners are pixels that belong to the region, and cells take the largest of all they touch (ONNX
// MaxRoiPool; Girshick, Fast R-CNN, 2015).
#include "index.h"

#include <math.h>

enum { HEIGHT, WIDTH, SAMPLES, SCALE, MAXIMUM, HALF_PIXEL, WHOLE }; // attribute words

static const mite_attr attrs[] = {
    [HEIGHT] = {"out_height", 'i', 1, 1},
    [WIDTH] = {"out_width", 'i', 1, 1},
    [SAMPLES] = {"samples", 'i', 1, 0}, // along each side of a cell; 0: as many as it has pixels
    [SCALE] = {"scale", 'f', 1, MITE_BITS_ONE},
    [MAXIMUM] = {"maximum", 'i', 1, 0}, // 1: the largest sample, else their mean
    [HALF_PIXEL] = {"half_pixel", 'i', 1, 1},
    [WHOLE] = {"whole", 'i', 1, 0},
};

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0], *regions = s->inputs[1], *batches = s->inputs[2];
    mite_status status = mite_need_indices(s, "batch indices", batches);
    if (!status) status = mite_step_need_type(s, "regions", regions, x->dtype);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (status) return status;
    if (!mite_is_real(x->dtype) || x->rank != 4 || regions->rank != 2 || regions->shape[1] != 4 ||
        batches->rank != 1 || batches->shape[0] != regions->shape[0])
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "x of shape %T, regions of shape %T and batches of shape %T do not "
                              "go together",
                              (size_t)x->rank, x->shape, (size_t)regions->rank, regions->shape,
                              (size_t)batches->rank, batches->shape);
    if (mite_attr_int(s, HEIGHT) < 1 || mite_attr_int(s, WIDTH) < 1 ||
        mite_attr_int(s, SAMPLES) < 0)
        return mite_step_fail(s, MITE_ERR_FORMAT, "its output is %d x %d with %d samples",
                              mite_attr_int(s, HEIGHT), mite_attr_int(s, WIDTH),
                              mite_attr_int(s, SAMPLES));
    return mite_step_set_shape(s, 0, 4,
                               (const int32_t[]){regions->shape[0], x->shape[1],
                                                 mite_attr_int(s, HEIGHT),
                                                 mite_attr_int(s, WIDTH)});
}

static double pixel(const mite_view *x, size_t plane, int32_t row, int32_t column) {
    double value;
    size_t at = (plane * (size_t)x->shape[2] + (size_t)row) * (size_t)x->shape[3] + (size_t)column;
    mite_load_reals(&value, (const char *)x->data + at * mite_dtype_bytes(x->dtype), x->dtype, 1,
                    1);
    return value;
}

// A coordinate as two neighbours and the share of the second; false outside the picture.
static bool neighbours(double at, int32_t size, int32_t *low, int32_t *high, double *share) {
    if (!(at >= -1 && at <= size) || !size) return false;
    if (at < 0) at = 0;
    *low = (int32_t)at;
    if (*low >= size - 1) {
        *low = *high = size - 1;
        at = *low;
    } else {
        *high = *low + 1;
    }
    *share = at - *low;
    return true;
}

// A region on the grid of pixels: its corner, the size of a cell, samples along a cell's sides.
typedef struct region {
    double top, left, cell_h, cell_w;
    int32_t rows, columns;
} region;

#define MAX_SAMPLES 4096 // along a side; regions beyond any picture would take for ever

static int32_t samples(double cell) {
    double count = ceil(cell);
    return count >= 1 && count < MAX_SAMPLES ? (int32_t)count : count >= 1 ? MAX_SAMPLES : 1;
}

static region region_at(const mite_step *s, size_t index) {
    const mite_view *regions = s->inputs[1];
    double corner[4], scale = (double)mite_attr_float(s, SCALE);
    bool half = mite_attr_int(s, HALF_PIXEL) != 0;
    mite_load_reals(corner,
                    (const char *)regions->data + 4 * index * mite_dtype_bytes(regions->dtype),
                    regions->dtype, 1, 4);
    for (size_t i = 0; i < 4; i++) {
        corner[i] = corner[i] * scale - (half ? 0.5 : 0);
        // The last pixel belongs to the region.
        if (mite_attr_int(s, WHOLE)) corner[i] = round(corner[i]) + (i > 1);
    }
    double h = corner[3] - corner[1], w = corner[2] - corner[0];
    if (!half) { // as older models were trained: no region is smaller than a pixel
        h = h > 1 ? h : 1;
        w = w > 1 ? w : 1;
    }
    region r = {corner[1], corner[0], h / mite_attr_int(s, HEIGHT), w / mite_attr_int(s, WIDTH),
                0,         0};
    r.rows = mite_attr_int(s, SAMPLES) ? mite_attr_int(s, SAMPLES) : samples(r.cell_h);
    r.columns = mite_attr_int(s, SAMPLES) ? mite_attr_int(s, SAMPLES) : samples(r.cell_w);
    return r;
}

// The pixels that part `i`, of such size, of what begins at `first` touches; in f32 as elsewhere.
static void touched(double first, double size, int32_t i, int32_t limit, int32_t *from,
                    int32_t *to) {
    double low = first + (double)floorf((float)i * (float)size);
    double high = first + (double)ceilf((float)(i + 1) * (float)size);
    *from = (int32_t)(low > 0 ? low < limit ? low : limit : 0);
    *to = (int32_t)(high > 0 ? high < limit ? high : limit : 0);
}

static double largest(const mite_step *s, const region *r, size_t plane, int32_t y, int32_t x) {
    const mite_view *in = s->inputs[0];
    int32_t top, bottom, left, right;
    touched(r->top, r->cell_h, y, in->shape[2], &top, &bottom);
    touched(r->left, r->cell_w, x, in->shape[3], &left, &right);
    if (top >= bottom || left >= right) return 0;
    double most = -INFINITY;
    for (int32_t i = top; i < bottom; i++) {
        for (int32_t k = left; k < right; k++) {
            double value = pixel(in, plane, i, k);
            most = value > most ? value : most;
        }
    }
    return most;
}

static double cell(const mite_step *s, const region *r, size_t plane, int32_t y, int32_t x) {
    const mite_view *in = s->inputs[0];
    bool maximum = mite_attr_int(s, MAXIMUM) != 0, any = false;
    double result = 0;
    for (int32_t i = 0; i < r->rows; i++) {
        for (int32_t k = 0; k < r->columns; k++) {
            int32_t top, bottom, left, right;
            double down, along, most = 0;
            double parts[4] = {0};
            if (neighbours(r->top + (y + (i + 0.5) / r->rows) * r->cell_h, in->shape[2], &top,
                           &bottom, &down) &&
                neighbours(r->left + (x + (k + 0.5) / r->columns) * r->cell_w, in->shape[3], &left,
                           &right, &along)) {
                parts[0] = pixel(in, plane, top, left) * (1 - down) * (1 - along);
                parts[1] = pixel(in, plane, top, right) * (1 - down) * along;
                parts[2] = pixel(in, plane, bottom, left) * down * (1 - along);
                parts[3] = pixel(in, plane, bottom, right) * down * along;
            }
            most = parts[0];
            for (size_t p = 1; p < 4; p++) most = parts[p] > most ? parts[p] : most;
            // The maximum is that of the weighted neighbours, as ONNX Runtime computes it.
            if (!maximum) result += parts[0] + parts[1] + parts[2] + parts[3];
            else if (!any || most > result) result = most;
            any = true;
        }
    }
    return maximum ? result : result / ((double)r->rows * r->columns);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *in = s->inputs[0], *out = s->outputs[0];
    double (*pool)(const mite_step *, const region *, size_t, int32_t, int32_t) =
        mite_attr_int(s, WHOLE) ? largest : cell;
    (void)part, (void)part_count, (void)scratch;
    size_t at = 0, channels = (size_t)in->shape[1], item = mite_dtype_bytes(out->dtype);
    for (size_t i = 0; i < (size_t)out->shape[0]; i++) {
        size_t batch;
        if (mite_index_at(s, s->inputs[2], i, in->shape[0], &batch)) return s->error->status;
        region r = region_at(s, i);
        for (size_t c = 0; c < channels; c++) {
            for (int32_t y = 0; y < out->shape[2]; y++) {
                for (int32_t x = 0; x < out->shape[3]; x++, at++) {
                    double value = pool(s, &r, batch * channels + c, y, x);
                    mite_store_reals((char *)out->data + at * item, out->dtype, 1, &value, 1);
                }
            }
        }
    }
    return MITE_OK;
}

const mite_op mite_op_roi_align = {
    .name = "roi_align",
    .attrs = attrs,
    .attr_count = 7,
    .min_inputs = 3,
    .max_inputs = 3,
    .output_count = 1,
    .infer = infer,
    .run = run,
};
