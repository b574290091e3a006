// SPDX-License-Identifier: Apache-2.0
// resize_fixed: bilinear resize of quanta (u8, i16) over NHWC as TensorFlow Lite's integer kernels do
// it: positions and shares in units of 2^-10, the result rounded half away from the number that
// `offset` stands for (128 where u8 quanta are i8 ones with the sign bit flipped). resize is the one
// for f32, and for exact positions.
#include "../common.h"

enum { HEIGHT, WIDTH, COORDINATES, OFFSET }; // attribute words
enum { HALF_PIXEL, ASYMMETRIC, ALIGN_CORNERS, MODES }; // as of resize

static const mite_attr attrs[] = {
    [HEIGHT] = {"height", 'i', 1, 1},
    [WIDTH] = {"width", 'i', 1, 1},
    [COORDINATES] = {"coordinates", 'i', 1, ASYMMETRIC},
    [OFFSET] = {"offset", 'i', 1, 0},
};

#define ONE 1024
#define MAX_SIZE (1 << 20) // of either picture, so that positions fit 32 bits

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    int32_t height = mite_attr_int(s, HEIGHT), width = mite_attr_int(s, WIDTH);
    int32_t mode = mite_attr_int(s, COORDINATES), offset = mite_attr_int(s, OFFSET);
    if (x->dtype != MITE_U8 && x->dtype != MITE_I16)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "x is %s, supported are u8 and i16",
                              mite_dtype_name(x->dtype));
    mite_status status = mite_step_need_type(s, "output", out, x->dtype);
    if (status) return status;
    if (!mite_same_quantization(x, out) || mode < 0 || mode >= MODES || offset < 0 || offset > 255)
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "coordinates %d or offset %d is unknown, or scales differ", mode,
                              offset);
    if (x->rank != 4 || x->shape[1] < 1 || x->shape[2] < 1 || height < 1 || width < 1 ||
        x->shape[1] > MAX_SIZE || x->shape[2] > MAX_SIZE || height > MAX_SIZE || width > MAX_SIZE)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "cannot resize %T to %dx%d", (size_t)x->rank,
                              x->shape, height, width);
    int32_t shape[4] = {x->shape[0], height, width, x->shape[3]};
    return mite_step_set_shape(s, 0, 4, shape);
}

static mite_status prepare(mite_step *s) {
    s->max_parts = mite_max_size(1, (size_t)s->outputs[0]->shape[1]);
    return MITE_OK;
}

// The two neighbours of an output position, and the share of the second, in units of 1/ONE.
typedef struct place {
    size_t low, high;
    int64_t share;
} place;

static place place_of(const mite_step *s, size_t at, int64_t in, int64_t out) {
    int32_t mode = mite_attr_int(s, COORDINATES);
    bool align = mode == ALIGN_CORNERS && out > 1;
    int64_t over = align ? out - 1 : out;
    int64_t scale = (ONE * (align ? in - 1 : in) + over / 2) / over;
    int64_t position = (int64_t)at * scale;
    if (mode == HALF_PIXEL) position += scale / 2 - ONE / 2;
    int64_t low = position < 0 ? 0 : position / ONE;
    int64_t high = position < 0 ? 0 : (position + ONE - 1) / ONE;
    if (low > in - 1) low = in - 1; // scales are rounded
    if (high > in - 1) high = in - 1;
    return (place){(size_t)low, (size_t)high, position - ONE * low};
}

static int64_t quantum(const mite_view *v, size_t at) {
    return v->dtype == MITE_U8 ? ((const uint8_t *)v->data)[at] : ((const int16_t *)v->data)[at];
}

static void store(const mite_view *v, size_t at, int64_t q) {
    if (v->dtype == MITE_U8) ((uint8_t *)v->data)[at] = (uint8_t)q;
    else ((int16_t *)v->data)[at] = (int16_t)q;
}

static void run_pixel(const mite_step *s, size_t image, place row, place column, size_t to) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    size_t channels = (size_t)x->shape[3], width = (size_t)x->shape[2];
    size_t top = (image * (size_t)x->shape[1] + row.low) * width;
    size_t bottom = (image * (size_t)x->shape[1] + row.high) * width;
    int64_t offset = mite_attr_int(s, OFFSET);
    for (size_t c = 0; c < channels; c++) {
        int64_t ll = quantum(x, (top + column.low) * channels + c) - offset;
        int64_t lh = quantum(x, (top + column.high) * channels + c) - offset;
        int64_t hl = quantum(x, (bottom + column.low) * channels + c) - offset;
        int64_t hh = quantum(x, (bottom + column.high) * channels + c) - offset;
        int64_t upper = ll * (ONE - column.share) + lh * column.share;
        int64_t lower = hl * (ONE - column.share) + hh * column.share;
        int64_t sum = upper * (ONE - row.share) + lower * row.share;
        sum = (sum + (sum > 0 ? ONE * ONE / 2 : -ONE * ONE / 2)) / (ONE * ONE);
        store(out, to + c, sum + offset);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    size_t height = (size_t)out->shape[1], width = (size_t)out->shape[2], y0, y1;
    (void)scratch;
    mite_part_range(height, 1, part, part_count, &y0, &y1);
    for (size_t n = 0; n < (size_t)x->shape[0]; n++) {
        for (size_t y = y0; y < y1; y++) {
            place row = place_of(s, y, x->shape[1], out->shape[1]);
            for (size_t i = 0; i < width; i++) {
                size_t to = ((n * height + y) * width + i) * (size_t)x->shape[3];
                run_pixel(s, n, row, place_of(s, i, x->shape[2], out->shape[2]), to);
            }
        }
    }
    return MITE_OK;
}

const mite_op mite_op_resize_fixed = {
    .name = "resize_fixed",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof *attrs,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
