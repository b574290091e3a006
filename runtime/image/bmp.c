// SPDX-License-Identifier: Apache-2.0
// BMP: 1, 4 and 8 bits with palette, 16, 24 and 32 bits with or without masks. Not by stb_image,
// whose reader shows colours of whatever lay in memory where an index is beyond the palette.
//
//   "BM", file size 4, 0, pixel offset 4 | header 12 or 40 to 124 | [masks] | [palette] | rows,
//   each padded to 4 bytes, bottom row first unless the height is negative
#include "decoder.h"

#include <stdlib.h>
#include <string.h>

#define FILE_HEADER_BYTES 14

enum compression { BMP_RGB = 0, BMP_RLE8 = 1, BMP_RLE4 = 2, BMP_MASKS = 3, BMP_ALPHA_MASKS = 6 };

typedef struct bmp {
    mite_decoder *d;
    size_t rows_at, row_bytes;
    uint32_t bits; // per pixel
    bool top_down;
    uint32_t masks[4]; // R G B A, of pixels with 16 and 32 bits; 0: no such channel
    uint8_t palette[256][4]; // RGBA; beyond the file's entries opaque black
} bmp;

static mite_status damaged(bmp *b, const char *what) {
    return mite_decoder_damaged(b->d, "BMP", what);
}

// --- Header --------------------------------------------------------------------------------------

static void read_masks(bmp *b, const uint8_t *masks, size_t count) {
    for (size_t i = 0; i < count; i++) b->masks[i] = mite_le32(masks + 4 * i);
}

// What the pixels look like. `header_bytes` are known to be there.
static mite_status read_layout(bmp *b, const uint8_t *header, size_t header_bytes) {
    static const uint32_t masks_16[] = {0x7c00, 0x3e0, 0x1f}, masks_32[] = {0xff0000, 0xff00, 0xff};
    uint32_t compression = header_bytes >= 40 ? mite_le32(header + 16) : BMP_RGB;
    b->bits = mite_le16(header + (header_bytes >= 40 ? 14 : 10));
    if (compression == BMP_RLE8 || compression == BMP_RLE4)
        return mite_decoder_unsupported(b->d, "a run-length coded BMP");
    bool masked = compression == BMP_MASKS || compression == BMP_ALPHA_MASKS;
    if (compression != BMP_RGB && !masked)
        return mite_decoder_unsupported(b->d, "a BMP with other data inside");
    bool paletted = b->bits == 1 || b->bits == 4 || b->bits == 8;
    bool wide = b->bits == 16 || b->bits == 32;
    if (!(paletted || wide || b->bits == 24) || (masked && !wide))
        return damaged(b, "its header names a pixel format that does not exist");
    memcpy(b->masks, b->bits == 16 ? masks_16 : masks_32, sizeof masks_32);
    if (!masked) return MITE_OK;
    // The masks follow a header of 40 bytes and are part of the longer ones.
    size_t count = compression == BMP_ALPHA_MASKS || header_bytes >= 56 ? 4 : 3;
    if (b->d->byte_count - FILE_HEADER_BYTES < 40 + 4 * count)
        return mite_decoder_cut_short(b->d, "a BMP");
    read_masks(b, header + 40, count);
    return MITE_OK;
}

static void read_palette(bmp *b, const uint8_t *entries, size_t room, size_t entry_bytes) {
    for (size_t i = 0; i < 256; i++) b->palette[i][3] = 255;
    for (size_t i = 0; i < (size_t)1 << b->bits && room >= entry_bytes; i++) {
        for (size_t c = 0; c < 3; c++) b->palette[i][c] = entries[2 - c];
        entries += entry_bytes;
        room -= entry_bytes;
    }
}

static mite_status read_header(bmp *b) {
    mite_decoder *d = b->d;
    if (d->byte_count < FILE_HEADER_BYTES + 12) return mite_decoder_cut_short(d, "a BMP");
    const uint8_t *header = d->bytes + FILE_HEADER_BYTES;
    size_t header_bytes = mite_le32(header), offset = mite_le32(d->bytes + 10);
    if (header_bytes != 12 && (header_bytes < 40 || header_bytes > 124))
        return damaged(b, "its header has a wrong length");
    if (d->byte_count - FILE_HEADER_BYTES < header_bytes) return mite_decoder_cut_short(d, "a BMP");
    bool core = header_bytes == 12;
    int64_t width = core ? (int64_t)mite_le16(header + 4) : (int32_t)mite_le32(header + 4);
    int64_t height = core ? (int64_t)mite_le16(header + 6) : (int32_t)mite_le32(header + 8);
    b->top_down = height < 0;
    if (width < 0) return damaged(b, "its width is negative");
    mite_status status =
        mite_decoder_size(d, (size_t)width, (size_t)(height < 0 ? -height : height));
    if (!status) status = read_layout(b, header, header_bytes);
    if (status) return status;
    uint64_t row_bits = (uint64_t)d->width * b->bits, row_bytes = (row_bits + 31) / 32 * 4;
    uint64_t end = offset + row_bytes * (d->height - 1) + (row_bits + 7) / 8;
    if (end > d->byte_count) return mite_decoder_cut_short(d, "a BMP");
    size_t start = FILE_HEADER_BYTES + header_bytes;
    if (offset < start) return damaged(b, "its pixels overlap its header");
    b->rows_at = offset;
    b->row_bytes = (size_t)row_bytes;
    if (b->bits <= 8) read_palette(b, d->bytes + start, offset - start, core ? 3 : 4);
    return MITE_OK;
}

// --- Pixels --------------------------------------------------------------------------------------

// The bits under a mask, stretched to 0..255 and cut, as Pillow does.
static uint8_t take_channel(uint32_t pixel, uint32_t mask) {
    if (!mask) return 0;
    uint32_t shift = (uint32_t)__builtin_ctz(mask);
    return (uint8_t)((uint64_t)((pixel & mask) >> shift) * 255 / (mask >> shift));
}

static const uint8_t *stored_row(const bmp *b, size_t y) {
    return b->d->bytes + b->rows_at + y * b->row_bytes;
}

static uint32_t pixel_at(const bmp *b, const uint8_t *row, size_t x) {
    switch (b->bits) {
    case 1: return row[x / 8] >> (7 - x % 8) & 1;
    case 4: return row[x / 2] >> (x % 2 ? 0 : 4) & 15;
    case 8: return row[x];
    case 16: return mite_le16(row + 2 * x);
    case 24: return mite_le16(row + 3 * x) | (uint32_t)row[3 * x + 2] << 16;
    default: return mite_le32(row + 4 * x);
    }
}

static void row_to_rgba(const bmp *b, uint8_t *out, const uint8_t *row) {
    for (size_t x = 0; x < b->d->width; x++, out += 4) {
        uint32_t pixel = pixel_at(b, row, x);
        if (b->bits <= 8) {
            memcpy(out, b->palette[pixel], 4);
            continue;
        }
        for (size_t c = 0; c < 3; c++) out[c] = take_channel(pixel, b->masks[c]);
        out[3] = b->masks[3] ? take_channel(pixel, b->masks[3]) : 255;
    }
}

// Some writers name an alpha channel and leave it 0 everywhere.
static bool alpha_is_used(const bmp *b) {
    for (size_t y = 0; b->masks[3] && y < b->d->height; y++)
        for (size_t x = 0; x < b->d->width; x++)
            if (pixel_at(b, stored_row(b, y), x) & b->masks[3]) return true;
    return false;
}

mite_status mite_bmp_decode(mite_decoder *d) {
    bmp b = {.d = d};
    mite_status status = read_header(&b);
    if (!status) status = mite_decoder_begin(d);
    if (status) return status;
    uint8_t *rgba = malloc(4 * d->width);
    if (!rgba) return mite_decoder_no_memory(d);
    if (!alpha_is_used(&b)) b.masks[3] = 0;
    for (size_t y = 0; y < d->height; y++) {
        row_to_rgba(&b, rgba, stored_row(&b, y));
        mite_decoder_row(d, b.top_down ? y : d->height - 1 - y, rgba, 4);
    }
    free(rgba);
    return MITE_OK;
}
