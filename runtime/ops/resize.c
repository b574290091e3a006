// SPDX-License-Identifier: Apache-2.0
// resize over NHWC: nearest and bilinear (not antialiased), with the coordinate and rounding modes
// of ONNX Resize. f32 and u8; bilinear u8 interpolates the quanta in f32 and rounds half to even.
#include "common.h"

#include <math.h>

enum { HEIGHT, WIDTH, SCALE_H, SCALE_W, MODE, COORDINATES, ROUNDING }; // attribute words
enum { NEAREST, LINEAR };
enum { HALF_PIXEL, ASYMMETRIC, ALIGN_CORNERS, PYTORCH_HALF_PIXEL, COORDINATE_MODES };
enum { PREFER_FLOOR, PREFER_CEIL, FLOOR, CEIL, ROUNDING_MODES };

static const mite_attr attrs[] = {
    [HEIGHT] = {"height", 'i', 1, 1}, // of the output
    [WIDTH] = {"width", 'i', 1, 1},
    [SCALE_H] = {"scale_h", 'f', 1, 0}, // output / input as the source says; 0: from the sizes
    [SCALE_W] = {"scale_w", 'f', 1, 0},
    [MODE] = {"mode", 'i', 1, NEAREST}, // 0 nearest, 1 linear
    [COORDINATES] = {"coordinates", 'i', 1, HALF_PIXEL},
    [ROUNDING] = {"rounding", 'i', 1, PREFER_FLOOR},
};

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0];
    mite_status status = mite_step_need_real(s);
    if (status) return status;
    int32_t height = mite_attr_int(s, HEIGHT), width = mite_attr_int(s, WIDTH);
    if (x->rank != 4 || x->shape[1] < 1 || x->shape[2] < 1 || height < 1 || width < 1)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "cannot resize %T to %dx%d", (size_t)x->rank,
                              x->shape, height, width);
    float scale_h = mite_attr_float(s, SCALE_H), scale_w = mite_attr_float(s, SCALE_W);
    int32_t mode = mite_attr_int(s, MODE), coordinates = mite_attr_int(s, COORDINATES);
    int32_t rounding = mite_attr_int(s, ROUNDING);
    if (!(scale_h >= 0) || !(scale_w >= 0) || !isfinite(scale_h) || !isfinite(scale_w) ||
        mode < NEAREST || mode > LINEAR || coordinates < 0 || coordinates >= COORDINATE_MODES ||
        rounding < 0 || rounding >= ROUNDING_MODES)
        return mite_step_fail(s, MITE_ERR_FORMAT, "mode %d, coordinates %d or rounding %d unknown",
                              mode, coordinates, rounding);
    if (x->dtype == MITE_U8 && !mite_same_quantization(x, s->outputs[0]))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "x and the output differ in scale");
    int32_t shape[4] = {x->shape[0], height, width, x->shape[3]};
    return mite_step_set_shape(s, 0, 4, shape);
}

// Where output position `at` lies in the input.
static float source(const mite_step *s, size_t at, int32_t in, int32_t out, float scale) {
    float position = (float)at;
    if (!(scale > 0.0f)) scale = (float)out / (float)in;
    switch (mite_attr_int(s, COORDINATES)) {
    case ASYMMETRIC: return position / scale;
    case ALIGN_CORNERS: return out > 1 ? position * (float)(in - 1) / (float)(out - 1) : 0.0f;
    case PYTORCH_HALF_PIXEL:
        if (out == 1) return 0.0f;
        return (position + 0.5f) / scale - 0.5f;
    default: return (position + 0.5f) / scale - 0.5f;
    }
}

static size_t limited(float position, int32_t in) {
    if (!(position > 0.0f)) return 0;
    return position >= (float)(in - 1) ? (size_t)(in - 1) : (size_t)position;
}

static size_t nearest(const mite_step *s, float position, int32_t in) {
    switch (mite_attr_int(s, ROUNDING)) {
    case PREFER_FLOOR: return limited(ceilf(position - 0.5f), in);
    case PREFER_CEIL: return limited(floorf(position + 0.5f), in);
    case FLOOR: return limited(floorf(position), in);
    default: return limited(ceilf(position), in);
    }
}

// The two input positions that an output position lies between, and the share of the second.
typedef struct between {
    size_t first, second;
    float share;
} between;

static between between_at(const mite_step *s, size_t at, int32_t in, int32_t out, float scale) {
    float position = source(s, at, in, out, scale);
    if (mite_attr_int(s, MODE) == NEAREST) {
        size_t index = nearest(s, position, in);
        return (between){index, index, 0.0f};
    }
    position = position < 0.0f ? 0.0f : position;
    position = position > (float)(in - 1) ? (float)(in - 1) : position;
    size_t first = limited(floorf(position), in);
    size_t second = first + 1 < (size_t)in ? first + 1 : first;
    return (between){first, second, position - (float)first};
}

typedef struct corners {
    const void *at[2][2]; // [row][column], all channels of a pixel
    float y, x;           // shares of the second row and column
} corners;

static float mix(float a, float b, float c, float d, const corners *k) {
    float top = a + (b - a) * k->x, bottom = c + (d - c) * k->x;
    return top + (bottom - top) * k->y;
}

static void pixel_f32(float *out, const corners *k, size_t channels) {
    const float *a = k->at[0][0], *b = k->at[0][1], *c = k->at[1][0], *d = k->at[1][1];
    for (size_t i = 0; i < channels; i++) out[i] = mix(a[i], b[i], c[i], d[i], k);
}

static void pixel_u8(uint8_t *out, const corners *k, size_t channels) {
    const uint8_t *a = k->at[0][0], *b = k->at[0][1], *c = k->at[1][0], *d = k->at[1][1];
    for (size_t i = 0; i < channels; i++)
        out[i] =
            mite_quantize_u8(mix((float)a[i], (float)b[i], (float)c[i], (float)d[i], k), 1.0f, 0);
}

static mite_status prepare(mite_step *s) {
    s->max_parts = (size_t)s->outputs[0]->shape[1];
    return MITE_OK;
}

static void resize_pixel(const mite_step *s, size_t n, size_t y, size_t x) {
    const mite_view *in = s->inputs[0], *out = s->outputs[0];
    size_t channels = (size_t)in->shape[3], item = mite_dtype_bytes(in->dtype);
    between rows = between_at(s, y, in->shape[1], out->shape[1], mite_attr_float(s, SCALE_H));
    between columns = between_at(s, x, in->shape[2], out->shape[2], mite_attr_float(s, SCALE_W));
    const char *image = (const char *)in->data + n * in->image_stride * item;
    const char *first = image + rows.first * in->row_stride * item;
    const char *second = image + rows.second * in->row_stride * item;
    size_t left = columns.first * channels * item, right = columns.second * channels * item;
    corners k = {{{first + left, first + right}, {second + left, second + right}},
                 rows.share,
                 columns.share};
    char *to =
        (char *)out->data + (n * out->image_stride + y * out->row_stride + x * channels) * item;
    if (mite_attr_int(s, MODE) == NEAREST) memcpy(to, k.at[0][0], channels * item);
    else if (in->dtype == MITE_U8) pixel_u8((uint8_t *)to, &k, channels);
    else pixel_f32((float *)(void *)to, &k, channels);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *out = s->outputs[0];
    size_t y0, y1;
    (void)scratch;
    mite_part_range((size_t)out->shape[1], 1, part, part_count, &y0, &y1);
    for (size_t n = 0; n < (size_t)out->shape[0]; n++)
        for (size_t y = y0; y < y1; y++)
            for (size_t x = 0; x < (size_t)out->shape[2]; x++) resize_pixel(s, n, y, x);
    return MITE_OK;
}

const mite_op mite_op_resize = {
    .name = "resize",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
