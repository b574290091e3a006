// SPDX-License-Identifier: Apache-2.0
// The front of the picture readers: recognises the format, holds the limits, and places rows
// upright and opaque into the result.
#include "decoder.h"

#include "../base/sizes.h"

#include <stdlib.h>
#include <string.h>

// No format here packs more pixels into one byte: 8 one-bit pixels of a PNG at deflate's limit
// of 1032 to 1. A header that claims more cannot be followed by its pixels.
#define MAX_PIXELS_PER_BYTE (8 * 1032)

// --- The picture being made ----------------------------------------------------------------------

mite_status mite_decoder_size(mite_decoder *d, size_t width, size_t height) {
    size_t pixels, possible;
    if (!width || !height)
        return mite_fail(d->error, MITE_ERR_FORMAT,
                         "this picture says that it is %zx%z pixels large; use another file", width,
                         height);
    if (!mite_size_mul(&pixels, width, height) || pixels > d->max_pixels)
        return mite_fail(d->error, MITE_ERR_MEMORY,
                         "this picture has %zx%z pixels, above the limit of %z pixels; scale it "
                         "down or raise the limit",
                         width, height, d->max_pixels);
    if (mite_size_mul(&possible, d->byte_count, MAX_PIXELS_PER_BYTE) && pixels > possible)
        return mite_fail(d->error, MITE_ERR_FORMAT,
                         "this picture says that it has %zx%z pixels, but its %z bytes cannot hold "
                         "them; download or save it again",
                         width, height, d->byte_count);
    d->width = width;
    d->height = height;
    return MITE_OK;
}

mite_status mite_decoder_begin(mite_decoder *d) {
    // EXIF orientations by what must be done to the stored picture:
    // 1 nothing, 2 mirror left-right, 3 turn by 180, 4 mirror top-bottom, 5 swap the axes,
    // 6 turn right, 7 swap the axes and turn by 180, 8 turn left.
    int32_t o = d->orientation;
    bool swap = o >= 5, from_right = o == 2 || o == 3 || o == 7 || o == 8;
    bool from_bottom = o == 3 || o == 4 || o == 6 || o == 7;
    size_t bytes, w = d->width, h = d->height;
    if (mite_size_mul(&bytes, w, h) && mite_size_mul(&bytes, bytes, 3)) d->out.data = malloc(bytes);
    if (!d->out.data) return mite_decoder_no_memory(d);
    d->out.width = swap ? h : w;
    d->out.height = swap ? w : h;
    // Along a stored row x grows; in the upright picture that is a column where axes are swapped.
    ptrdiff_t x_step = swap ? (ptrdiff_t)(3 * h) : 3, y_step = swap ? 3 : (ptrdiff_t)(3 * w);
    d->pixel_step = from_right ? -x_step : x_step;
    d->row_step = from_bottom ? -y_step : y_step;
    d->origin = (from_right ? x_step * (ptrdiff_t)(w - 1) : 0) +
                (from_bottom ? y_step * (ptrdiff_t)(h - 1) : 0);
    return MITE_OK;
}

// value over background, rounded to nearest.
static uint8_t blend(uint32_t value, uint32_t background, uint32_t alpha) {
    return (uint8_t)((value * alpha + background * (255 - alpha) + 127) / 255);
}

void mite_decoder_row(mite_decoder *d, size_t y, const uint8_t *row, size_t channels) {
    uint8_t *to = d->out.data + d->origin + d->row_step * (ptrdiff_t)y;
    if (channels == 3 && d->pixel_step == 3) {
        memcpy(to, row, 3 * d->width);
        return;
    }
    for (size_t x = 0; x < d->width; x++, row += channels) {
        for (size_t c = 0; c < 3; c++)
            to[c] = channels == 4 ? blend(row[c], d->background[c], row[3]) : row[c];
        if (x + 1 < d->width) to += d->pixel_step;
    }
}

// --- Sentences -----------------------------------------------------------------------------------

mite_status mite_decoder_cut_short(mite_decoder *d, const char *format) {
    return mite_fail(
        d->error, MITE_ERR_FORMAT,
        "this is %s picture that ends early, after %z bytes; download or copy it again", format,
        d->byte_count);
}

mite_status mite_decoder_damaged(mite_decoder *d, const char *format, const char *what) {
    return mite_fail(d->error, MITE_ERR_FORMAT,
                     "this is a damaged %s picture: %s; download or save it again", format, what);
}

mite_status mite_decoder_unsupported(mite_decoder *d, const char *what) {
    return mite_fail(d->error, MITE_ERR_UNSUPPORTED,
                     "this is %s, which this build does not decode; save it as a baseline JPEG or "
                     "as PNG",
                     what);
}

mite_status mite_decoder_no_memory(mite_decoder *d) {
    return mite_fail(d->error, MITE_ERR_MEMORY,
                     "there is no memory to decode a picture of %zx%z pixels; use a smaller one",
                     d->width, d->height);
}

// --- Formats -------------------------------------------------------------------------------------

typedef mite_status reader(mite_decoder *d);

static reader *find_reader(const uint8_t *bytes, size_t byte_count) {
    static const struct {
        const char *magic;
        size_t length;
        reader *read;
    } readers[] = {
        {"\xff\xd8\xff", 3, mite_jpeg_decode},
        {"\x89PNG\r\n\x1a\n", 8, mite_png_decode},
        {"GIF87a", 6, mite_gif_decode},
        {"GIF89a", 6, mite_gif_decode},
        {"BM", 2, mite_bmp_decode},
    };
    for (size_t i = 0; i < sizeof readers / sizeof *readers; i++)
        if (byte_count >= readers[i].length && !memcmp(bytes, readers[i].magic, readers[i].length))
            return readers[i].read;
    return NULL;
}

static mite_status refuse_unknown(mite_decoder *d) {
    if (!d->byte_count)
        return mite_fail(d->error, MITE_ERR_FORMAT,
                         "this file is empty; choose a JPEG, PNG, GIF or BMP picture");
    const char *kind = mite_image_kind(d->bytes, d->byte_count);
    if (kind) return mite_decoder_unsupported(d, kind);
    return mite_fail(d->error, MITE_ERR_FORMAT,
                     "these %z bytes are no picture of a kind known here; choose a JPEG, PNG, GIF "
                     "or BMP picture",
                     d->byte_count);
}

mite_status mite_image_decode(mite_pixels *out, const uint8_t *bytes, size_t byte_count,
                              size_t max_pixels, uint32_t background_rgb, mite_error *error) {
    mite_decoder d = {
        .bytes = bytes,
        .byte_count = byte_count,
        .max_pixels = max_pixels ? max_pixels : MITE_IMAGE_MAX_PIXELS,
        .background = {(uint8_t)(background_rgb >> 16), (uint8_t)(background_rgb >> 8),
                       (uint8_t)background_rgb},
        .orientation = 1,
        .error = error,
    };
    reader *read = find_reader(bytes, byte_count);
    mite_status status = read ? read(&d) : refuse_unknown(&d);
    if (status) mite_pixels_free(&d.out);
    *out = d.out;
    return status;
}
