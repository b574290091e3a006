// SPDX-License-Identifier: Apache-2.0
// PNG: every colour type and bit depth, interlaced or not, with palette, colour key and alpha.
//
// Chunks are walked and checked here, including their CRC; stb_image inflates the joined IDAT
// chunks into a buffer of exactly the size that the header implies, and undoes the row filters
// and the interlacing.
//
//   signature 8 | length 4, type 4, payload, CRC 4 | ... IHDR first, IEND last
#define STBI_ONLY_PNG
#include "stb.h"

#include "decoder.h"

#include "../base/sizes.h"

#include <string.h>

#define SIGNATURE_BYTES 8
#define CHUNK_BYTES 12 // around the payload
#define TYPE(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (d))
#define LOWER_CASE 0x20000000u // in a type's first letter: readers may skip the chunk

typedef enum png_colour {
    GREY = 0,
    RGB = 2,
    PALETTE = 3,
    GREY_ALPHA = 4,
    RGB_ALPHA = 6,
} png_colour;

typedef struct png {
    mite_decoder *d;
    png_colour colour;
    int depth;          // bits per sample
    int channels;       // samples per stored pixel
    bool interlaced;
    bool has_palette;
    bool has_key;       // the colour that stands for "transparent"
    uint32_t key[3];
    uint8_t palette[256][4]; // RGBA
    size_t data_bytes;       // of all IDAT together
} png;

static mite_status damaged(png *p, const char *what) {
    return mite_decoder_damaged(p->d, "PNG", what);
}

// --- Chunks --------------------------------------------------------------------------------------

static mite_status read_header(png *p, const uint8_t *payload, size_t length) {
    if (length != 13) return damaged(p, "its header has a wrong length");
    static const uint8_t channels[] = {1, 0, 3, 1, 2, 0, 4}; // 0: no such colour type
    int depth = payload[8], colour = payload[9];
    bool small = depth == 1 || depth == 2 || depth == 4;
    if (colour > RGB_ALPHA || !channels[colour] || !(small || depth == 8 || depth == 16) ||
        (small && colour != GREY && colour != PALETTE) || (depth == 16 && colour == PALETTE))
        return damaged(p, "its header names a colour type or bit depth that does not exist");
    if (payload[10] || payload[11] || payload[12] > 1)
        return damaged(p, "its header names a compression, filter or interlace method unknown");
    p->depth = depth;
    p->colour = (png_colour)colour;
    p->channels = channels[colour];
    p->interlaced = payload[12];
    return mite_decoder_size(p->d, mite_be32(payload), mite_be32(payload + 4));
}

static mite_status read_palette(png *p, const uint8_t *payload, size_t length) {
    if (length % 3 || length > 3 * 256) return damaged(p, "its palette has a wrong length");
    for (size_t i = 0; i < length / 3; i++) memcpy(p->palette[i], payload + 3 * i, 3);
    p->has_palette = true;
    return MITE_OK;
}

static mite_status read_transparency(png *p, const uint8_t *payload, size_t length) {
    if (p->colour == PALETTE) {
        if (length > 256) return damaged(p, "its transparency has a wrong length");
        for (size_t i = 0; i < length; i++) p->palette[i][3] = payload[i];
    } else if (p->colour == GREY || p->colour == RGB) {
        if (length != 2 * (size_t)p->channels)
            return damaged(p, "its transparency has a wrong length");
        p->has_key = true;
        for (size_t i = 0; i < 3; i++)
            p->key[i] = mite_be16(payload + (p->channels == 3 ? 2 * i : 0));
    }
    return MITE_OK;
}

static mite_status read_chunk(png *p, uint32_t type, const uint8_t *payload, size_t length) {
    bool first = !p->depth;
    if (first != (type == TYPE('I', 'H', 'D', 'R')))
        return damaged(p, first ? "it does not begin with its header" : "it has two headers");
    switch (type) {
    case TYPE('I', 'H', 'D', 'R'): return read_header(p, payload, length);
    case TYPE('P', 'L', 'T', 'E'): return read_palette(p, payload, length);
    case TYPE('t', 'R', 'N', 'S'): return read_transparency(p, payload, length);
    case TYPE('e', 'X', 'I', 'f'):
        p->d->orientation = mite_exif_orientation(payload, length);
        return MITE_OK;
    case TYPE('I', 'D', 'A', 'T'): p->data_bytes += length; return MITE_OK;
    default: break;
    }
    if (type & LOWER_CASE || type == TYPE('I', 'E', 'N', 'D')) return MITE_OK;
    return mite_decoder_unsupported(p->d, "a PNG with a chunk that a reader must know");
}

static uint32_t crc32_of(const uint8_t *bytes, size_t count) {
    static const uint32_t table[16] = {
        // of the 16 values of half a byte
        0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
        0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
        0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
    };
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

static mite_status read_chunks(png *p) {
    const mite_decoder *d = p->d;
    for (size_t at = SIGNATURE_BYTES;;) {
        size_t room = d->byte_count - at;
        if (room < CHUNK_BYTES) return mite_decoder_cut_short(p->d, "a PNG");
        const uint8_t *chunk = d->bytes + at;
        size_t length = mite_be32(chunk);
        if (length > room - CHUNK_BYTES) return mite_decoder_cut_short(p->d, "a PNG");
        if (crc32_of(chunk + 4, 4 + length) != mite_be32(chunk + 8 + length))
            return damaged(p, "a chunk does not match its checksum");
        uint32_t type = mite_be32(chunk + 4);
        mite_status status = read_chunk(p, type, chunk + 8, length);
        if (status || type == TYPE('I', 'E', 'N', 'D')) return status;
        at += CHUNK_BYTES + length;
    }
}

// --- Pixels --------------------------------------------------------------------------------------

// Rows of (filter, packed samples); where interlaced, those of the seven passes one after another.
static bool filtered_bytes(const png *p, size_t *bytes) {
    static const uint8_t first_x[] = {0, 4, 0, 2, 0, 1, 0}, step_x[] = {8, 8, 4, 4, 2, 2, 1};
    static const uint8_t first_y[] = {0, 0, 4, 0, 2, 0, 1}, step_y[] = {8, 8, 8, 4, 4, 2, 2};
    *bytes = 0;
    for (size_t i = 0; i < (p->interlaced ? 7 : 1); i++) {
        size_t w = p->d->width, h = p->d->height, bits, pass;
        if (p->interlaced) {
            w = (w + step_x[i] - 1 - first_x[i]) / step_x[i];
            h = (h + step_y[i] - 1 - first_y[i]) / step_y[i];
        }
        if (!w || !h) continue;
        if (!mite_size_mul(&bits, w, (size_t)p->channels * (size_t)p->depth) ||
            !mite_size_mul(&pass, bits / 8 + (bits % 8 != 0) + 1, h) ||
            !mite_size_add(bytes, *bytes, pass))
            return false;
    }
    return *bytes < INT32_MAX - 1024;
}

static uint8_t *join_data(const png *p) {
    uint8_t *data = malloc(p->data_bytes);
    const uint8_t *chunk = p->d->bytes + SIGNATURE_BYTES;
    for (size_t at = 0; data && at < p->data_bytes;) {
        size_t length = mite_be32(chunk);
        if (mite_be32(chunk + 4) == TYPE('I', 'D', 'A', 'T')) {
            memcpy(data + at, chunk + 8, length);
            at += length;
        }
        chunk += CHUNK_BYTES + length;
    }
    return data;
}

// Into *filtered, which is the caller's to free even on failure. What the data holds beyond the
// last row is ignored, as libpng does; a run of deflate may overshoot it by up to 257 bytes.
static mite_status inflate_data(png *p, uint8_t **filtered, size_t bytes) {
    enum { OVERSHOOT = 258 };
    uint8_t *data = p->data_bytes <= INT32_MAX ? join_data(p) : NULL;
    stbi__zbuf *z = calloc(1, sizeof *z);
    *filtered = calloc(1, bytes + OVERSHOOT);
    mite_status status = MITE_OK;
    if (!data || !z || !*filtered) {
        status = mite_decoder_no_memory(p->d);
    } else {
        z->zbuffer = data;
        z->zbuffer_end = data + p->data_bytes;
        stbi__do_zlib(z, (char *)*filtered, (int)(bytes + OVERSHOOT), 0, 1);
        if ((size_t)(z->zout - z->zout_start) < bytes)
            status = damaged(p, "its compressed data is garbled or too short");
    }
    free(data);
    free(z);
    return status;
}

// One stored row of stb_image's output (8 or native 16 bits a sample) -> RGBA. The top byte
// stands for a 16-bit sample, as in Pillow and in the browsers.
static void row_to_rgba(const png *p, uint8_t *out, const uint8_t *row) {
    bool grey = p->colour == GREY || p->colour == GREY_ALPHA, wide = p->depth == 16;
    uint32_t scale = p->colour == GREY && p->depth < 8 ? 255u / ((1u << p->depth) - 1) : 1;
    size_t channels = (size_t)p->channels;
    for (size_t x = 0; x < p->d->width; x++, out += 4) {
        uint32_t sample[4] = {0}; // in the file's own range, but small greys in 0..255
        for (size_t c = 0; c < channels; c++) {
            size_t i = x * channels + c;
            uint16_t both = 0;
            if (wide) memcpy(&both, row + 2 * i, 2);
            sample[c] = wide ? both : row[i];
        }
        if (p->colour == PALETTE) {
            memcpy(out, p->palette[sample[0]], 4);
            continue;
        }
        bool keyed = p->has_key;
        for (size_t c = 0; c < 3; c++) {
            uint32_t value = sample[grey ? 0 : c];
            keyed = keyed && value == p->key[c] * scale;
            out[c] = (uint8_t)(wide ? value >> 8 : value);
        }
        uint32_t alpha = channels % 2 ? 255 : sample[channels - 1] >> (wide ? 8 : 0);
        out[3] = keyed ? 0 : (uint8_t)alpha;
    }
}

static mite_status write_rows(png *p, const uint8_t *pixels) {
    mite_decoder *d = p->d;
    mite_status status = mite_decoder_begin(d);
    if (status) return status;
    uint8_t *rgba = malloc(4 * d->width); // no overflow: the RGB picture was allocated
    if (!rgba) return mite_decoder_no_memory(d);
    size_t row_bytes = d->width * (size_t)p->channels * (p->depth == 16 ? 2 : 1);
    bool plain = p->depth == 8 && p->channels >= 3 && !p->has_key; // RGB or RGBA as it is
    for (size_t y = 0; y < d->height; y++) {
        const uint8_t *row = pixels + y * row_bytes;
        if (!plain) row_to_rgba(p, rgba, row);
        mite_decoder_row(d, y, plain ? row : rgba, plain ? (size_t)p->channels : 4);
    }
    free(rgba);
    return MITE_OK;
}

static mite_status decode_pixels(png *p) {
    size_t bytes;
    if (!filtered_bytes(p, &bytes)) return mite_decoder_no_memory(p->d);
    uint8_t *filtered = NULL;
    stbi__context shape = {.img_x = (stbi__uint32)p->d->width,
                           .img_y = (stbi__uint32)p->d->height,
                           .img_n = p->channels};
    stbi__png stb = {.s = &shape, .depth = p->depth};
    mite_status status = inflate_data(p, &filtered, bytes);
    if (!status && !stbi__create_png_image(&stb, filtered, (stbi__uint32)bytes, p->channels,
                                           p->depth, (int)p->colour, p->interlaced))
        status = stb.out ? damaged(p, "a row names a filter that does not exist")
                         : mite_decoder_no_memory(p->d);
    free(filtered);
    if (!status) status = write_rows(p, stb.out);
    free(stb.out);
    return status;
}

mite_status mite_png_decode(mite_decoder *d) {
    png p = {.d = d};
    for (size_t i = 0; i < 256; i++) p.palette[i][3] = 255;
    mite_status status = read_chunks(&p);
    if (status) return status;
    if (!p.data_bytes) return damaged(&p, "it has no pixel data");
    if (p.colour == PALETTE && !p.has_palette) return damaged(&p, "its palette is missing");
    return decode_pixels(&p);
}
