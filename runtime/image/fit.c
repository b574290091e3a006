// SPDX-License-Identifier: Apache-2.0
// The preprocessing of vision models: crop and resize to the model's rectangle, then normalise.
#include "resize.h"

#include "../base/sizes.h"

#include <stdlib.h>

#define MAX_SIDE 65536 // of a model's input and of resize_to; keeps the products below in 64 bits

// --- Where to crop -------------------------------------------------------------------------------

typedef struct centre_crop {
    mite_axis x, y;
} centre_crop;

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
static centre_crop crop_then_resize(const mite_pixels *in, const mite_image_spec *spec) {
    size_t width = (size_t)spec->width, height = (size_t)spec->height;
    float fraction = spec->crop_fraction > 0 ? spec->crop_fraction : 1;
    uint64_t by_width = (uint64_t)in->width * height, by_height = (uint64_t)in->height * width;
    size_t w = in->width, h = in->height;
    if (by_width < by_height) h = (size_t)(by_width / width);
    else w = (size_t)(by_height / height);
    return (centre_crop){cut_centre(in->width, take_fraction(fraction, w), width),
                         cut_centre(in->height, take_fraction(fraction, h), height)};
}

// torchvision rounds half of an odd margin to the even number.
static mite_axis keep_centre(size_t size, uint64_t full, size_t count) {
    uint64_t margin = full - count;
    return (mite_axis){
        .size = size, .full = full, .skip = margin / 2 + (margin % 4 == 3), .count = count};
}

static centre_crop resize_then_crop(const mite_pixels *in, const mite_image_spec *spec) {
    uint64_t w = in->width, h = in->height, shorter = w < h ? w : h;
    uint64_t side = (uint64_t)spec->resize_to;
    return (centre_crop){keep_centre(in->width, side * w / shorter, (size_t)spec->width),
                         keep_centre(in->height, side * h / shorter, (size_t)spec->height)};
}

// --- Checks --------------------------------------------------------------------------------------

static bool side_fits(int32_t side) { return side > 0 && side <= MAX_SIDE; }

static mite_status check_spec(const mite_image_spec *spec, mite_error *error) {
    if (!side_fits(spec->width) || !side_fits(spec->height))
        return mite_fail(error, MITE_ERR_ARGUMENT,
                         "the preprocessing asks for %dx%d pixels; each side must be 1 to %d",
                         spec->width, spec->height, (int32_t)MAX_SIDE);
    if (spec->fit < MITE_FIT_CENTER_CROP || spec->fit > MITE_FIT_RESIZE_CROP)
        return mite_fail(error, MITE_ERR_ARGUMENT,
                         "the preprocessing names fit %d, which this build does not know; 1 to 3 "
                         "are centre crop, stretch, resize and crop",
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

// --- The room's public functions -----------------------------------------------------------------

mite_status mite_image_fit(mite_pixels *out, const mite_pixels *in, const mite_image_spec *spec,
                           mite_error *error) {
    *out = (mite_pixels){0};
    if (!in->data || !in->width || !in->height)
        return mite_fail(error, MITE_ERR_ARGUMENT, "there is no picture to resize; decode one");
    mite_status status = check_spec(spec, error);
    if (status) return status;
    centre_crop crop = {whole(in->width, (size_t)spec->width),
                        whole(in->height, (size_t)spec->height)};
    if (spec->fit == MITE_FIT_CENTER_CROP) crop = crop_then_resize(in, spec);
    if (spec->fit == MITE_FIT_RESIZE_CROP) crop = resize_then_crop(in, spec);
    return mite_image_resize(out, in, crop.x, crop.y, (mite_filter)spec->filter, error);
}

void mite_image_normalise(float *out, const mite_pixels *in, const mite_image_spec *spec) {
    size_t count = in->width * in->height;
    size_t pixel_step = spec->channels_first ? 1 : 3,
           channel_step = spec->channels_first ? count : 1;
    for (size_t c = 0; c < 3; c++) {
        const uint8_t *from = in->data + c;
        float *to = out + channel_step * (spec->bgr ? 2 - c : c);
        float mean = spec->mean[c], scale = spec->scale[c];
        for (size_t i = 0; i < count; i++) to[i * pixel_step] = ((float)from[3 * i] - mean) * scale;
    }
}

void mite_pixels_free(mite_pixels *pixels) {
    free(pixels->data);
    *pixels = (mite_pixels){0};
}
