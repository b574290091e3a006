// SPDX-License-Identifier: Apache-2.0
// What the readers of the picture formats share: the file, the limits and the upright, opaque
// picture that they write row by row. A reader checks the structure of the whole file first:
// bytes that end early or contradict themselves are an error, never a half picture.
#ifndef MITE_IMAGE_DECODER_H
#define MITE_IMAGE_DECODER_H

#include "image.h"

#include <stdbool.h>

typedef struct mite_decoder {
    const uint8_t *bytes; // the file, lent by the caller
    size_t byte_count;
    size_t max_pixels;
    uint8_t background[3];
    int32_t orientation;  // 1..8 as in EXIF; a reader sets it before mite_decoder_begin
    size_t width, height; // as stored, before orientation
    mite_pixels out;      // upright
    ptrdiff_t origin, pixel_step, row_step; // bytes: where stored (0, 0) lies in out, and how to
        // walk from there along stored rows and columns
    mite_error *error;
} mite_decoder;

// Notes the size that the header states; refuses 0, more than max_pixels, and more than so few
// bytes can hold.
mite_status mite_decoder_size(mite_decoder *d, size_t width, size_t height);

// Takes the memory for the picture; after mite_decoder_size.
mite_status mite_decoder_begin(mite_decoder *d);

// Row `y` of the stored picture: d->width pixels of `channels` bytes, 3 (RGB) or 4 (RGBA).
void mite_decoder_row(mite_decoder *d, size_t y, const uint8_t *row, size_t channels);

// The sentences that the readers have in common. `format`: "a JPEG"; they return the status.
mite_status mite_decoder_cut_short(mite_decoder *d, const char *format);
mite_status mite_decoder_damaged(mite_decoder *d, const char *format, const char *what);
mite_status mite_decoder_unsupported(mite_decoder *d, const char *what);
mite_status mite_decoder_no_memory(mite_decoder *d);

// The readers. They fill d->out; on failure what they left there is freed by the caller.
mite_status mite_jpeg_decode(mite_decoder *d);
mite_status mite_png_decode(mite_decoder *d);
mite_status mite_gif_decode(mite_decoder *d);
mite_status mite_bmp_decode(mite_decoder *d);

// The orientation, 1..8, that a TIFF structure (the body of an EXIF block) states; 1 where it
// states none or is damaged.
int32_t mite_exif_orientation(const uint8_t *tiff, size_t byte_count);

// What kind of file this is, of those that are not decoded: "a WebP picture"; NULL if unknown.
const char *mite_image_kind(const uint8_t *bytes, size_t byte_count);

static inline uint32_t mite_le16(const uint8_t *p) { return (uint32_t)(p[0] | p[1] << 8); }
static inline uint32_t mite_be16(const uint8_t *p) { return (uint32_t)(p[0] << 8 | p[1]); }
static inline uint32_t mite_le32(const uint8_t *p) { return mite_le16(p) | mite_le16(p + 2) << 16; }
static inline uint32_t mite_be32(const uint8_t *p) { return mite_be16(p) << 16 | mite_be16(p + 2); }

#endif
