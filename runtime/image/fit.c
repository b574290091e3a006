// SPDX-License-Identifier: Apache-2.0
// The preprocessing of vision models: crop and resize to the model's rectangle, then normalise.
#include "resize.h"

#include "../base/sizes.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SIDE 65536 // of a model's input and of resize_to; keeps the products below in 64 bits

// --- Where to crop -------------------------------------------------------------------------------

// What of the picture becomes what part of the model's rectangle; around it is padding.
typedef struct placement {
    mite_axis x, y;
    size_t left, top;
} placement;

static mite_axis whole(size_t size, size_t full) {
    return (mite_axis){.size = size, .full = full, .count = full};
}

static size_t at_least_one(size_t a) { return a ? a : 1; }

// floor(fraction * size), where 0.95f, which is 0.94999999, must still give 95 of 100.
static size_t take_fraction(float fraction, size_t size) {
    double exact = (double)fraction * (double)size;
    return at_least_one((size_t)(exact * (1 + 1e-7)));
}

static mite_axis cut_centre(size_t size, size_t part, size_t full) {
    mite_axis axis = whole(part, full);
    axis.first = (size - part + 1) / 2;
    return axis;
}

// The side that limits gives its fraction; the other follows from the model's aspect.
static placement crop_then_resize(size_t w, size_t h, const mite_image_spec *spec) {
    size_t width = (size_t)spec->width, height = (size_t)spec->height, part_w = w, part_h = h;
    float fraction = spec->crop_fraction > 0 ? spec->crop_fraction : 1;
    uint64_t by_width = (uint64_t)w * height, by_height = (uint64_t)h * width;
    if (by_width < by_height) part_h = (size_t)(by_width / width);
    else part_w = (size_t)(by_height / height);
    return (placement){.x = cut_centre(w, take_fraction(fraction, part_w), width),
                       .y = cut_centre(h, take_fraction(fraction, part_h), height)};
}

// torchvision rounds half of an odd margin to the even number.
static mite_axis keep_centre(size_t size, uint64_t full, size_t count) {
    uint64_t margin = full - count;
    return (mite_axis){
        .size = size, .full = full, .skip = margin / 2 + (margin % 4 == 3), .count = count};
}

static placement resize_then_crop(size_t w, size_t h, const mite_image_spec *spec) {
    uint64_t shorter = w < h ? w : h, side = (uint64_t)spec->resize_to;
    return (placement){.x = keep_centre(w, side * w / shorter, (size_t)spec->width),
                       .y = keep_centre(h, side * h / shorter, (size_t)spec->height)};
}

static size_t rounded_quotient(uint64_t a, uint64_t b) {
    return at_least_one((size_t)((2 * a + b) / (2 * b)));
}

// The side that limits is filled, the other one centred.
static placement resize_then_pad(size_t w, size_t h, const mite_image_spec *spec) {
    size_t width = (size_t)spec->width, height = (size_t)spec->height, inner_w = width,
           inner_h = height;
    uint64_t by_width = (uint64_t)w * height, by_height = (uint64_t)h * width;
    if (by_width > by_height) inner_h = rounded_quotient(by_height, w);
    else inner_w = rounded_quotient(by_width, h);
    return (placement){.x = whole(w, inner_w),
                       .y = whole(h, inner_h),
                       .left = (width - inner_w) / 2,
                       .top = (height - inner_h) / 2};
}

static placement place(size_t w, size_t h, const mite_image_spec *spec) {
    switch (spec->fit) {
    case MITE_FIT_CENTER_CROP: return crop_then_resize(w, h, spec);
    case MITE_FIT_RESIZE_CROP: return resize_then_crop(w, h, spec);
    case MITE_FIT_CONTAIN: return resize_then_pad(w, h, spec);
    default:
        return (placement){.x = whole(w, (size_t)spec->width), .y = whole(h, (size_t)spec->height)};
    }
}

// --- Checks --------------------------------------------------------------------------------------

static bool side_fits(int32_t side) { return side > 0 && side <= MAX_SIDE; }

static mite_status check_spec(const mite_image_spec *spec, mite_error *error) {
    if (!side_fits(spec->width) || !side_fits(spec->height))
        return mite_fail(error, MITE_ERR_ARGUMENT,
                         "the preprocessing asks for %dx%d pixels; each side must be 1 to %d",
                         spec->width, spec->height, (int32_t)MAX_SIDE);
    if (spec->fit < MITE_FIT_CENTER_CROP || spec->fit > MITE_FIT_CONTAIN)
        return mite_fail(error, MITE_ERR_ARGUMENT,
                         "the preprocessing names fit %d, which this build does not know; 1 to 4 "
                         "are centre crop, stretch, resize and crop, contain",
                         spec->fit);
    if (spec->filter != MITE_FILTER_BILINEAR && spec->filter != MITE_FILTER_BICUBIC)
        return mite_fail(error, MITE_ERR_ARGUMENT,
                         "the preprocessing names filter %d, which this build does not know; 1 is "
                         "bilinear, 2 is bicubic",
                         spec->filter);
    if (!(spec->crop_fraction >= 0 && spec->crop_fraction <= 1))
        return mite_fail(error, MITE_ERR_ARGUMENT,
                         "the preprocessing has a crop fraction outside of 0 to 1; correct the "
                         "model's metadata");
    bool whole_crop = spec->resize_to >= spec->width && spec->resize_to >= spec->height;
    if (spec->fit == MITE_FIT_RESIZE_CROP && !(whole_crop && side_fits(spec->resize_to)))
        return mite_fail(error, MITE_ERR_ARGUMENT,
                         "the preprocessing crops %dx%d pixels from a picture whose shorter side "
                         "has %d; resize_to must be at least as large, and at most %d",
                         spec->width, spec->height, spec->resize_to, (int32_t)MAX_SIDE);
    return MITE_OK;
}

// --- Padding -------------------------------------------------------------------------------------

// Replaces `inner` by a picture of the size that the spec asks for, with inner in it.
static mite_status pad(mite_pixels *inner, placement at, const mite_image_spec *spec,
                       mite_error *error) {
    mite_pixels out = {.width = (size_t)spec->width, .height = (size_t)spec->height};
    size_t count = out.width * out.height;
    out.data = malloc(3 * count);
    if (!out.data) {
        mite_pixels_free(inner);
        return mite_fail(error, MITE_ERR_MEMORY, "no memory for a picture of %zux%zu pixels",
                         out.width, out.height);
    }
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < 3; c++)
            out.data[3 * i + c] = (uint8_t)(spec->pad_rgb >> (8 * (2 - c)));
    for (size_t y = 0; y < inner->height; y++)
        memcpy(out.data + 3 * ((at.top + y) * out.width + at.left),
               inner->data + 3 * y * inner->width, 3 * inner->width);
    mite_pixels_free(inner);
    *inner = out;
    return MITE_OK;
}

// --- The room's public functions -----------------------------------------------------------------

mite_status mite_image_fit(mite_pixels *out, const mite_pixels *in, const mite_image_spec *spec,
                           mite_error *error) {
    *out = (mite_pixels){0};
    if (!in->data || !in->width || !in->height)
        return mite_fail(error, MITE_ERR_ARGUMENT, "there is no picture to resize; decode one");
    mite_status status = check_spec(spec, error);
    if (status) return status;
    placement at = place(in->width, in->height, spec);
    status = mite_image_resize(out, in, at.x, at.y, (mite_filter)spec->filter, error);
    if (status || spec->fit != MITE_FIT_CONTAIN) return status;
    return pad(out, at, spec, error);
}

mite_image_region mite_image_seen(size_t width, size_t height, const mite_image_spec *spec) {
    placement at = place(width, height, spec);
    double x_step = (double)at.x.size / (double)at.x.full,
           y_step = (double)at.y.size / (double)at.y.full;
    return (mite_image_region){
        .x = (double)at.x.first + ((double)at.x.skip - (double)at.left) * x_step,
        .y = (double)at.y.first + ((double)at.y.skip - (double)at.top) * y_step,
        .width = spec->width * x_step,
        .height = spec->height * y_step,
    };
}

static float luma(const uint8_t *rgb) {
    return (float)((rgb[0] * 19595u + rgb[1] * 38470u + rgb[2] * 7471u + 0x8000u) >> 16);
}

void mite_image_normalise(float *out, const mite_pixels *in, const mite_image_spec *spec) {
    size_t count = in->width * in->height;
    if (spec->channels == MITE_CHANNELS_GRAY) {
        for (size_t i = 0; i < count; i++)
            out[i] = (luma(in->data + 3 * i) - spec->mean[0]) * spec->scale[0];
        return;
    }
    size_t pixel_step = spec->channels_first ? 1 : 3,
           channel_step = spec->channels_first ? count : 1;
    for (size_t c = 0; c < 3; c++) {
        const uint8_t *from = in->data + c;
        float *to = out + channel_step * (spec->channels == MITE_CHANNELS_BGR ? 2 - c : c);
        float mean = spec->mean[c], scale = spec->scale[c];
        for (size_t i = 0; i < count; i++) to[i * pixel_step] = ((float)from[3 * i] - mean) * scale;
    }
}

void mite_pixels_free(mite_pixels *pixels) {
    free(pixels->data);
    *pixels = (mite_pixels){0};
}
