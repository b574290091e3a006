// SPDX-License-Identifier: Apache-2.0
// From the bytes of a JPEG, PNG, GIF or BMP file to the tensor that a vision model wants:
//
//   mite_image_decode     file bytes -> RGB picture, upright (EXIF), opaque
//   mite_image_fit        RGB picture -> the cropped and resized RGB picture
//   mite_image_normalise  RGB picture -> f32 tensor
//
// Every step is defined to the bit and free of floating-point differences between builds, so
// that one picture gives one answer everywhere. The results are those of Pillow (libjpeg-turbo's
// decoding, Image.resize), with which models are trained and measured.
#ifndef MITE_IMAGE_IMAGE_H
#define MITE_IMAGE_IMAGE_H

#include "../base/status.h"

#define MITE_IMAGE_MAX_PIXELS 100000000 // where mite_image_decode is given 0

// The numbers of these two enums are those of the JavaScript binding.
typedef enum mite_filter { // both antialiased: their support grows with the reduction
    MITE_FILTER_BILINEAR = 1,
    MITE_FILTER_BICUBIC = 2, // a = -0.5
} mite_filter;

typedef enum mite_fit { // how a picture becomes the rectangle that the model wants
    // Crops the centre, crop_fraction of the largest centred rectangle of the wanted aspect,
    // and resizes the crop. Square: s = floor(crop_fraction * min(w, h)), at (w - s + 1) / 2.
    MITE_FIT_CENTER_CROP = 1,
    // Resizes the whole picture, whatever its aspect.
    MITE_FIT_STRETCH = 2,
    // Resizes the shorter side to resize_to, then crops the centre (torchvision's manner).
    MITE_FIT_RESIZE_CROP = 3,
    // Resizes the whole picture, aspect kept, so that it just fits, and fills the rest, left and
    // right or above and below, with pad_rgb («letterbox»). Sides and scale are rounded half up.
    MITE_FIT_CONTAIN = 4,
} mite_fit;

typedef enum mite_channels { // of the tensor
    MITE_CHANNELS_RGB = 0,
    MITE_CHANNELS_BGR = 1,
    MITE_CHANNELS_GRAY = 2, // one: ITU-R 601-2 luma in 16-bit fixed point, as Pillow's mode L
} mite_channels;

typedef struct mite_pixels {
    uint8_t *data; // [height][width][3], R G B; owned, see mite_pixels_free
    size_t width, height;
} mite_pixels;

typedef struct mite_image_spec {
    int32_t width, height; // of the model's input
    int32_t fit; // mite_fit
    int32_t filter; // mite_filter
    int32_t resize_to; // MITE_FIT_RESIZE_CROP only
    float crop_fraction; // MITE_FIT_CENTER_CROP only; 0 means 1
    float mean[3]; // x = (v - mean) * scale with v in 0..255, in the order R G B
    float scale[3];
    int32_t channels_first; // 1: [3][height][width], 0: [height][width][3]
    int32_t channels; // mite_channels; the gray one has the first mean and scale
    uint32_t pad_rgb; // MITE_FIT_CONTAIN only: 0xRRGGBB
} mite_image_spec;

// A rectangle in pixels of a picture, which it may exceed.
typedef struct mite_image_region {
    double x, y, width, height;
} mite_image_region;

// Decodes the first frame. A header that promises more than `max_pixels` (0: the default) is
// refused before memory is taken; transparent pixels show `background_rgb` (0xRRGGBB).
// MITE_ERR_UNSUPPORTED: a whole file of a kind that another decoder may know (a WebP, say);
// MITE_ERR_FORMAT: damaged, cut short or no picture. On failure *out is empty.
mite_status mite_image_decode(mite_pixels *out, const uint8_t *bytes, size_t byte_count,
                              size_t max_pixels, uint32_t background_rgb, mite_error *error);

// The picture that the model sees, spec->width x spec->height. On failure *out is empty.
mite_status mite_image_fit(mite_pixels *out, const mite_pixels *in, const mite_image_spec *spec,
                           mite_error *error);

// The part of a picture of width x height pixels (1 or more each) that mite_image_fit shows: what a
// place in the model's rectangle means in the picture. `spec` is one that mite_image_fit accepts.
mite_image_region mite_image_seen(size_t width, size_t height, const mite_image_spec *spec);

// `out` takes 3 (gray: 1) * width * height floats; `in` has the size that the spec asks for.
void mite_image_normalise(float *out, const mite_pixels *in, const mite_image_spec *spec);

void mite_pixels_free(mite_pixels *pixels); // empties it too; may be called twice

#endif
