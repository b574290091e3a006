// SPDX-License-Identifier: Apache-2.0
// JPEG: baseline and progressive, grey, YCC, RGB, CMYK and YCCK.
//
// The markers are walked here and every segment is checked before stb_image sees it, one at a
// time and with its end as the end of all input. stb_image parses tables and entropy-coded data;
// samples are made by jpeg_planes.c.
//
//   FF D8 | FF xx length payload | ... | FF DA length scan header, entropy-coded data | ... | FF D9
#define STBI_ONLY_JPEG
#include "stb.h"

#include "decoder.h"
#include "jpeg_planes.h"

#include <string.h>

// Real progressive files have about ten; a file of many empty scans costs minutes.
#define MAX_SCANS 100

enum marker {
    SOF0 = 0xc0,
    SOF2 = 0xc2, // progressive
    DHT = 0xc4,
    SOF15 = 0xcf,
    JPG = 0xc8,
    DAC = 0xcc,
    RST0 = 0xd0,
    SOI = 0xd8,
    EOI = 0xd9,
    SOS = 0xda,
    DQT = 0xdb,
    DRI = 0xdd,
    APP0 = 0xe0,
    APP1 = 0xe1,
    APP14 = 0xee,
};

typedef struct jpeg {
    mite_decoder *d;
    size_t at; // in the file
    size_t scan_count; // so far
    bool scanned[4]; // by component
    stbi__context input;
    stbi__jpeg stb;
} jpeg;

static mite_status damaged(jpeg *j, const char *what) {
    return mite_decoder_damaged(j->d, "JPEG", what);
}

static void give(jpeg *j, size_t from, size_t to) {
    j->input.img_buffer = (stbi_uc *)j->d->bytes + from;
    j->input.img_buffer_end = (stbi_uc *)j->d->bytes + to;
}

// --- Segments ------------------------------------------------------------------------------------

// Payloads start after the two bytes of length, which stb_image wants to read itself.

static bool huffman_tables_fit(const uint8_t *payload, size_t length) {
    for (size_t at = 0; at < length;) {
        size_t symbols = 0;
        if (length - at < 17) return false;
        for (size_t i = 1; i <= 16; i++) symbols += payload[at + i];
        if (symbols > 256 || symbols > length - at - 17) return false;
        at += 17 + symbols;
    }
    return true;
}

static mite_status read_tables(jpeg *j, int marker, size_t length) {
    if (marker == DHT && !huffman_tables_fit(j->d->bytes + j->at + 2, length - 2))
        return damaged(j, "a Huffman table is longer than its segment");
    give(j, j->at, j->at + length);
    if (!stbi__process_marker(&j->stb, marker)) return damaged(j, "a table is not valid");
    return MITE_OK;
}

static void read_exif(jpeg *j, size_t length) {
    const uint8_t *payload = j->d->bytes + j->at + 2;
    if (length >= 2 + 6 && !memcmp(payload, "Exif\0\0", 6))
        j->d->orientation = mite_exif_orientation(payload + 6, length - 2 - 6);
}

static bool sampling_fits(const uint8_t *components, size_t count) {
    uint8_t most_across = 1, most_down = 1;
    for (size_t i = 0; i < count; i++) {
        uint8_t across = components[3 * i + 1] >> 4, down = components[3 * i + 1] & 15;
        if (!across || !down || across > 4 || down > 4) return false;
        if (across > most_across) most_across = across;
        if (down > most_down) most_down = down;
    }
    for (size_t i = 0; i < count; i++)
        if (most_across % (components[3 * i + 1] >> 4) || most_down % (components[3 * i + 1] & 15))
            return false;
    return true;
}

// Checks all that stb_image checks, so that what is left to fail there is memory.
static mite_status read_frame(jpeg *j, int marker, size_t length) {
    const uint8_t *payload = j->d->bytes + j->at + 2; // bits, height 2, width 2, count, components
    if (marker > SOF2)
        return mite_decoder_unsupported(j->d, "a lossless, hierarchical or arithmetic JPEG");
    if (j->input.img_n) return damaged(j, "it has two frames");
    size_t count = length >= 2 + 6 ? payload[5] : 0;
    if (length != 2 + 6 + 3 * count) return damaged(j, "its frame header has a wrong length");
    if (payload[0] != 8) return mite_decoder_unsupported(j->d, "a JPEG of more than 8 bits");
    if (count != 1 && count != 3 && count != 4)
        return damaged(j, "it has neither 1 nor 3 nor 4 components");
    if (!sampling_fits(payload + 6, count))
        return mite_decoder_unsupported(j->d, "a JPEG whose components have fractional sizes");
    mite_status status = mite_decoder_size(j->d, mite_be16(payload + 3), mite_be16(payload + 1));
    if (status) return status;
    for (size_t i = 0; i < count; i++)
        if (payload[6 + 3 * i + 2] > 3) return damaged(j, "a component names table 4 or above");
    give(j, j->at, j->at + length);
    j->stb.progressive = marker == SOF2;
    if (!stbi__process_frame_header(&j->stb, STBI__SCAN_load)) return mite_decoder_no_memory(j->d);
    return MITE_OK;
}

// --- Scans ---------------------------------------------------------------------------------------

// Entropy-coded data ends before the first marker that is no restart; 0 where the file ends
// first. Counts the restart markers.
static size_t find_scan_end(const mite_decoder *d, size_t at, size_t *restarts) {
    while (at + 1 < d->byte_count) {
        const uint8_t *ff = memchr(d->bytes + at, 0xff, d->byte_count - 1 - at);
        if (!ff) return 0;
        at = (size_t)(ff - d->bytes);
        uint8_t next = ff[1];
        if (next >= RST0 && next < SOI) ++*restarts;
        else if (next != 0 && next != 0xff) return at;
        at += next == 0xff ? 1 : 2;
    }
    return 0;
}

static size_t units_in_scan(const stbi__jpeg *stb) {
    if (stb->scan_n > 1) return (size_t)stb->img_mcu_x * (size_t)stb->img_mcu_y;
    int n = stb->order[0];
    return (size_t)((stb->img_comp[n].x + 7) >> 3) * (size_t)((stb->img_comp[n].y + 7) >> 3);
}

static bool tables_are_there(const stbi__jpeg *stb) {
    bool dc = stb->spec_start == 0 && stb->succ_high == 0, ac = stb->spec_end > 0;
    for (int i = 0; i < stb->scan_n; i++) {
        int n = stb->order[i];
        if (!stb->dequant[stb->img_comp[n].tq][0]) return false;
        if (dc && !stb->huff_dc[stb->img_comp[n].hd].maxcode[17]) return false;
        if (ac && !stb->huff_ac[stb->img_comp[n].ha].maxcode[17]) return false;
    }
    return true;
}

static mite_status read_scan(jpeg *j, size_t length) {
    if (!j->input.img_n) return damaged(j, "a scan comes before the frame header");
    if (++j->scan_count > MAX_SCANS) return damaged(j, "it has more than 100 scans");
    give(j, j->at, j->at + length);
    if (!stbi__process_scan_header(&j->stb)) return damaged(j, "a scan header is not valid");
    if (!tables_are_there(&j->stb)) return damaged(j, "a scan needs a table that is missing");
    size_t restarts = 0, unread = 0, interval = (size_t)j->stb.restart_interval;
    size_t start = j->at + length, end = find_scan_end(j->d, start, &restarts);
    if (!end) return mite_decoder_cut_short(j->d, "a JPEG");
    size_t expected = interval ? (units_in_scan(&j->stb) - 1) / interval : 0;
    if (restarts < expected) return damaged(j, "a part of a scan is missing");
    give(j, start, end);
    if (!stbi__parse_entropy_coded_data(&j->stb))
        return damaged(j, "its compressed data is garbled");
    // stb_image leaves a scan silently where it finds no restart marker at its place.
    find_scan_end(j->d, (size_t)(j->input.img_buffer - j->d->bytes), &unread);
    if (interval && unread > restarts - expected)
        return damaged(j, "a restart marker is misplaced");
    for (int i = 0; i < j->stb.scan_n; i++) j->scanned[j->stb.order[i]] = true;
    j->at = end;
    return MITE_OK;
}

// --- The file ------------------------------------------------------------------------------------

// Steps to the next marker, over filling bytes; 0 at the end of the file.
static int next_marker(jpeg *j) {
    const uint8_t *bytes = j->d->bytes;
    size_t count = j->d->byte_count;
    while (j->at < count && bytes[j->at] != 0xff) j->at++;
    while (j->at < count && bytes[j->at] == 0xff) j->at++;
    return j->at < count ? bytes[j->at++] : 0;
}

static mite_status read_segment(jpeg *j, int marker, size_t length) {
    switch (marker) {
    case DHT:
    case DQT:
    case DRI:
    case APP0:
    case APP14: return read_tables(j, marker, length);
    case APP1: read_exif(j, length); return MITE_OK;
    case JPG:
    case DAC: return mite_decoder_unsupported(j->d, "an arithmetic-coded JPEG");
    default: break;
    }
    return marker >= SOF0 && marker <= SOF15 ? read_frame(j, marker, length) : MITE_OK;
}

static mite_status read_file(jpeg *j) {
    const mite_decoder *d = j->d;
    j->at = 2; // after SOI
    for (;;) {
        int marker = next_marker(j);
        if (marker == EOI) return MITE_OK;
        if (d->byte_count - j->at < 2) return mite_decoder_cut_short(j->d, "a JPEG");
        if (marker < SOF0 || (marker >= RST0 && marker <= SOI)) continue; // without payload
        size_t length = mite_be16(d->bytes + j->at);
        if (length < 2) return damaged(j, "a segment has no length");
        if (length > d->byte_count - j->at) return mite_decoder_cut_short(j->d, "a JPEG");
        mite_status status = marker == SOS ? read_scan(j, length) : read_segment(j, marker, length);
        if (status) return status;
        if (marker != SOS) j->at += length;
    }
}

// --- The picture ---------------------------------------------------------------------------------

// As libjpeg decides: JFIF means YCC, then Adobe's segment counts, then the components' names.
static mite_jpeg_colour colour_of(const jpeg *j) {
    int adobe = j->stb.app14_color_transform; // -1: no such segment
    if (j->input.img_n == 1) return MITE_JPEG_GREY;
    if (j->input.img_n == 4) return adobe == 2 ? MITE_JPEG_YCCK : MITE_JPEG_CMYK;
    if (j->stb.jfif) return MITE_JPEG_YCC;
    bool rgb = adobe >= 0 ? adobe == 0 : j->stb.rgb == 3;
    return rgb ? MITE_JPEG_RGB : MITE_JPEG_YCC;
}

static mite_status write_rows(jpeg *j, uint8_t *memory, size_t line) {
    mite_decoder *d = j->d;
    mite_jpeg_plane planes[4] = {0};
    const uint8_t *rows[4] = {0};
    mite_jpeg_colour colour = colour_of(j);
    size_t count = (size_t)j->input.img_n;
    for (size_t i = 0; i < count; i++)
        planes[i] = (mite_jpeg_plane){
            .data = j->stb.img_comp[i].data,
            .stride = (size_t)j->stb.img_comp[i].w2,
            .width = (size_t)j->stb.img_comp[i].x,
            .height = (size_t)j->stb.img_comp[i].y,
            .across = (size_t)(j->stb.img_h_max / j->stb.img_comp[i].h),
            .down = (size_t)(j->stb.img_v_max / j->stb.img_comp[i].v),
        };
    for (size_t y = 0; y < d->height; y++) {
        for (size_t i = 0; i < count; i++)
            rows[i] = mite_jpeg_upsample(&planes[i], y, memory + i * line);
        mite_jpeg_to_rgb(memory + 4 * line, rows, d->width, colour);
        mite_decoder_row(d, y, memory + 4 * line, 3);
    }
    return MITE_OK;
}

static mite_status finish(jpeg *j) {
    for (int i = 0; i < j->input.img_n; i++)
        if (!j->scanned[i]) return damaged(j, "a colour component has no data");
    if (!j->input.img_n) return damaged(j, "it has no frame header");
    stbi__jpeg_finish(&j->stb);
    mite_status status = mite_decoder_begin(j->d);
    if (status) return status;
    size_t line = j->d->width + 3; // upsampling fills whole samples of up to 4 pixels
    uint8_t *memory = malloc(line * (4 + 3)); // a line of each component, then one of RGB
    status = memory ? write_rows(j, memory, line) : mite_decoder_no_memory(j->d);
    free(memory);
    return status;
}

mite_status mite_jpeg_decode(mite_decoder *d) {
    jpeg *j = calloc(1, sizeof *j); // zeroed: tables that the file leaves out are read as empty
    if (!j) return mite_decoder_no_memory(d);
    j->d = d;
    j->stb.s = &j->input;
    j->stb.app14_color_transform = -1;
    j->stb.marker = STBI__MARKER_none;
    j->stb.idct_block_kernel = mite_jpeg_idct;
    mite_status status = read_file(j);
    if (!status) status = finish(j);
    stbi__cleanup_jpeg(&j->stb);
    free(j);
    return status;
}
