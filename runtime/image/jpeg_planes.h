// SPDX-License-Identifier: Apache-2.0
// The arithmetic of JPEG decoding, from coefficients to RGB rows, equal to libjpeg-turbo's
// default settings to the bit: "islow" inverse DCT, "fancy" upsampling, 16-bit colour tables.
#ifndef MITE_IMAGE_JPEG_PLANES_H
#define MITE_IMAGE_JPEG_PLANES_H

#include <stddef.h>
#include <stdint.h>

typedef enum mite_jpeg_colour {
    MITE_JPEG_GREY,
    MITE_JPEG_RGB,
    MITE_JPEG_YCC,
    MITE_JPEG_CMYK, // inverted, as Adobe writes it: 255 is no ink
    MITE_JPEG_YCCK, // the same with C M Y as the complement of YCC
} mite_jpeg_colour;

// One component before upsampling. `width` x `height` samples are real; those up to `stride`
// are padding of the blocks.
typedef struct mite_jpeg_plane {
    const uint8_t *data;
    size_t stride, width, height;
    size_t across, down; // picture pixels per sample
} mite_jpeg_plane;

// Dequantized coefficients in natural order -> 8 x 8 samples. The type is stb_image's kernel's.
void mite_jpeg_idct(uint8_t *out, int out_stride, short coefficients[64]);

// Row `y` of the picture from one plane: lent from the plane, or made in `buffer`, which has
// room for plane->width * plane->across bytes.
const uint8_t *mite_jpeg_upsample(const mite_jpeg_plane *plane, size_t y, uint8_t *buffer);

// One row [width] of each component -> [width][3].
void mite_jpeg_to_rgb(uint8_t *out, const uint8_t *const rows[4], size_t width,
                      mite_jpeg_colour colour);

#endif
