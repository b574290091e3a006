// SPDX-License-Identifier: Apache-2.0
// GIF: the first frame. Not by stb_image, whose reader recurses once per link of a code chain
// and keeps nine bytes a pixel.
//
//   "GIF89a", screen 7, [global colours] | blocks ... | 3B
//   block: 21 label sub-blocks   or   2C frame 9, [local colours], code size 1, sub-blocks
//   sub-blocks: (length 1, bytes) ... 0
#include "decoder.h"

#include <stdlib.h>
#include <string.h>

#define MAX_CODES 4096
#define NO_COLOUR 256

typedef struct gif {
    mite_decoder *d;
    size_t at; // in the file
    size_t colours_at, colour_count; // [colour_count][3] in the file, global or local
    uint32_t transparent; // an index, or NO_COLOUR
    size_t left, top, width, height; // of the frame
    bool interlaced;
    size_t pixel_count, pixels_done;
    uint8_t *indices; // [height][width] as stored: interlaced rows are not yet sorted
    // The code table. A code stands for `length` pixels: those of `prefix`, then `last`.
    uint16_t prefix[MAX_CODES], length[MAX_CODES];
    uint8_t first[MAX_CODES], last[MAX_CODES];
} gif;

static mite_status damaged(gif *g, const char *what) {
    return mite_decoder_damaged(g->d, "GIF", what);
}

static mite_status cut_short(gif *g) { return mite_decoder_cut_short(g->d, "a GIF"); }

static bool has(const gif *g, size_t count) { return count <= g->d->byte_count - g->at; }

// --- Structure -----------------------------------------------------------------------------------

// A colour table as announced by a flags byte, where there is one.
static bool read_colours(gif *g, uint8_t flags) {
    if (!(flags & 0x80)) return true;
    size_t count = (size_t)2 << (flags & 7);
    if (!has(g, 3 * count)) return false;
    g->colours_at = g->at;
    g->colour_count = count;
    g->at += 3 * count;
    return true;
}

static bool skip_sub_blocks(gif *g) {
    while (has(g, 1)) {
        size_t length = g->d->bytes[g->at];
        if (!has(g, 1 + length)) return false;
        g->at += 1 + length;
        if (!length) return true;
    }
    return false;
}

// After 21: only the graphic control, which names the transparent colour, matters here.
static bool read_extension(gif *g) {
    if (!has(g, 1)) return false;
    const uint8_t *block = g->d->bytes + g->at++;
    if (block[0] == 0xf9 && has(g, 6) && block[1] >= 4)
        g->transparent = block[2] & 1 ? block[5] : NO_COLOUR;
    return skip_sub_blocks(g);
}

static mite_status read_screen(gif *g) {
    const uint8_t *bytes = g->d->bytes;
    if (g->d->byte_count < 13) return cut_short(g);
    mite_status status = mite_decoder_size(g->d, mite_le16(bytes + 6), mite_le16(bytes + 8));
    if (status) return status;
    g->at = 13;
    return read_colours(g, bytes[10]) ? MITE_OK : cut_short(g);
}

// After 2C.
static mite_status read_frame_header(gif *g) {
    if (!has(g, 9)) return cut_short(g);
    const uint8_t *frame = g->d->bytes + g->at;
    g->at += 9;
    g->left = mite_le16(frame);
    g->top = mite_le16(frame + 2);
    g->width = mite_le16(frame + 4);
    g->height = mite_le16(frame + 6);
    g->interlaced = frame[8] & 0x40;
    if (!g->width || !g->height || g->left + g->width > g->d->width ||
        g->top + g->height > g->d->height)
        return damaged(g, "its first frame does not lie within it");
    if (!read_colours(g, frame[8])) return cut_short(g);
    return g->colour_count ? MITE_OK : damaged(g, "it has no colours");
}

// --- LZW -----------------------------------------------------------------------------------------

// Bits of the sub-blocks' bytes, lowest first.
typedef struct bit_reader {
    gif *g;
    size_t left_in_block;
    uint32_t bits, bit_count;
} bit_reader;

// False where the sub-blocks end.
static bool next_code(bit_reader *r, uint32_t size, uint32_t *code) {
    gif *g = r->g;
    for (; r->bit_count < size; r->bit_count += 8) {
        if (!r->left_in_block) {
            if (!has(g, 1) || !g->d->bytes[g->at]) return false;
            r->left_in_block = g->d->bytes[g->at++];
        }
        if (!has(g, 1)) return false;
        r->left_in_block--;
        r->bits |= (uint32_t)g->d->bytes[g->at++] << r->bit_count;
    }
    *code = r->bits & ((1u << size) - 1);
    r->bits >>= size;
    r->bit_count -= size;
    return true;
}

// The pixels of a code, from the last to the first; those beyond the frame are dropped.
static void put_code(gif *g, uint32_t code) {
    size_t start = g->pixels_done, end = start + g->length[code];
    for (; end > g->pixel_count; end--) code = g->prefix[code];
    g->pixels_done = end;
    while (end > start) {
        g->indices[--end] = g->last[code];
        code = g->prefix[code];
    }
}

static void add_code(gif *g, uint32_t code, uint32_t prefix, uint8_t last) {
    g->prefix[code] = (uint16_t)prefix;
    g->length[code] = (uint16_t)(g->length[prefix] + 1);
    g->first[code] = g->first[prefix];
    g->last[code] = last;
}

static mite_status read_pixels(gif *g) {
    if (!has(g, 1)) return cut_short(g);
    uint32_t root = g->d->bytes[g->at++];
    if (root < 1 || root > 8) return damaged(g, "its code size is not 1 to 8");
    uint32_t clear = 1u << root, end = clear + 1, next = clear + 2, size = root + 1, code;
    uint32_t before = end; // the previous code; `end` after a clear
    for (uint32_t i = 0; i < clear; i++) {
        g->length[i] = 1;
        g->first[i] = g->last[i] = (uint8_t)i;
    }
    bit_reader reader = {.g = g};
    while (g->pixels_done < g->pixel_count && next_code(&reader, size, &code) && code != end) {
        if (code == clear) {
            next = clear + 2;
            size = root + 1;
            before = end;
            continue;
        }
        if (code > (before == end ? end : next)) return damaged(g, "a code stands for nothing");
        if (before != end && next < MAX_CODES) {
            // The code may be the one being made: its last pixel is then its first.
            add_code(g, next, before, g->first[code == next ? before : code]);
            next++;
            if (next == 1u << size && size < 12) size++;
        }
        put_code(g, code);
        before = code;
    }
    g->at += reader.left_in_block;
    if (g->at > g->d->byte_count || !skip_sub_blocks(g)) return cut_short(g);
    return g->pixels_done < g->pixel_count ? damaged(g, "its first frame lacks pixels") : MITE_OK;
}

// --- The picture ---------------------------------------------------------------------------------

// Which stored row shows at row `y`: interlaced frames store every 8th row, then those between.
static size_t stored_row(const gif *g, size_t y) {
    if (!g->interlaced) return y;
    size_t eighths = (g->height + 7) / 8, quarters = (g->height + 3) / 4,
           halves = (g->height + 1) / 2;
    if (y % 8 == 0) return y / 8;
    if (y % 4 == 0) return eighths + y / 8;
    if (y % 2 == 0) return quarters + y / 4;
    return halves + y / 2;
}

static void row_to_rgba(const gif *g, uint8_t *out, const uint8_t *indices) {
    const uint8_t *colours = g->d->bytes + g->colours_at;
    for (size_t x = 0; x < g->width; x++, out += 4) {
        if (indices[x] == g->transparent) continue;
        if (indices[x] < g->colour_count) memcpy(out, colours + 3 * indices[x], 3);
        out[3] = 255;
    }
}

static mite_status write_rows(gif *g) {
    mite_decoder *d = g->d;
    mite_status status = mite_decoder_begin(d);
    if (status) return status;
    uint8_t *rgba = malloc(4 * d->width);
    if (!rgba) return mite_decoder_no_memory(d);
    for (size_t y = 0; y < d->height; y++) {
        memset(rgba, 0, 4 * d->width); // what no frame covers is transparent
        if (y >= g->top && y - g->top < g->height)
            row_to_rgba(g, rgba + 4 * g->left, g->indices + g->width * stored_row(g, y - g->top));
        mite_decoder_row(d, y, rgba, 4);
    }
    free(rgba);
    return MITE_OK;
}

static mite_status read_first_frame(gif *g) {
    mite_status status = read_frame_header(g);
    if (status) return status;
    g->pixel_count = g->width * g->height;
    g->indices = calloc(g->pixel_count, 1);
    if (!g->indices) return mite_decoder_no_memory(g->d);
    status = read_pixels(g);
    return status ? status : write_rows(g);
}

// Later frames are only walked, to notice a file that ends early. A missing end mark is forgiven.
static bool skip_frame(gif *g) {
    if (!has(g, 9)) return false;
    uint8_t flags = g->d->bytes[g->at + 8];
    g->at += 9;
    if (!read_colours(g, flags) || !has(g, 1)) return false;
    g->at++;
    return skip_sub_blocks(g);
}

static mite_status read_file(gif *g) {
    mite_status status = read_screen(g);
    bool shown = false;
    while (!status && has(g, 1)) {
        uint8_t block = g->d->bytes[g->at++];
        if (block == 0x3b) break;
        if (block == 0x21) status = read_extension(g) ? MITE_OK : cut_short(g);
        else if (block != 0x2c) return shown ? MITE_OK : damaged(g, "it has an unknown block");
        else if (shown) status = skip_frame(g) ? MITE_OK : cut_short(g);
        else status = read_first_frame(g);
        shown = shown || block == 0x2c;
    }
    if (!status && !shown) status = cut_short(g);
    return status;
}

mite_status mite_gif_decode(mite_decoder *d) {
    gif *g = calloc(1, sizeof *g);
    if (!g) return mite_decoder_no_memory(d);
    g->d = d;
    g->transparent = NO_COLOUR;
    mite_status status = read_file(g);
    free(g->indices);
    free(g);
    return status;
}
