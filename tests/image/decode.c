// SPDX-License-Identifier: Apache-2.0
// Decoding: every pixel of every kind of picture equal to what make_fixtures.py expects (Pillow,
// where Pillow reads it), the names of what is not decoded, the limits on what headers promise.
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check_golden(const char *name, uint32_t background) {
    char path[160];
    snprintf(path, sizeof path, FIXTURES "decode/%s", name);
    bytes file = read_bytes(path);
    snprintf(path, sizeof path, FIXTURES "decode/%s.ppm", name);
    mite_pixels expected = read_ppm(path), out;
    mite_error error = {0};
    mite_status status = mite_image_decode(&out, file.data, file.count, 0, background, &error);
    check(!status, "%s: %s", name, error.text);
    int difference = largest_difference(&out, &expected);
    check(difference == 0, "%s: differs by up to %d levels", name, difference);
    mite_pixels_free(&out);
    mite_pixels_free(&expected);
    free(file.data);
}

static int check_goldens(void) {
    char name[80];
    uint32_t background;
    int count = 0;
    FILE *list = fopen(FIXTURES "decode/list.txt", "r");
    if (!check(list != NULL, "list.txt of the decode fixtures cannot be read")) return 0;
    for (; fscanf(list, "%x %79s", &background, name) == 2; count++) check_golden(name, background);
    fclose(list);
    return count;
}

static void check_refused(const char *what, const uint8_t *file, size_t count, size_t max_pixels,
                          mite_status expected, const char *word) {
    mite_pixels out;
    mite_error error = {0};
    mite_status status = mite_image_decode(&out, file, count, max_pixels, 0, &error);
    check(status == expected, "%s: status %d instead of %d (%s)", what, status, expected,
          error.text);
    check(!out.data, "%s: left a picture", what);
    check(strstr(error.text, word) != NULL, "%s: '%s' does not say '%s'", what, error.text, word);
    mite_pixels_free(&out);
}

static void check_kinds(void) {
    static const struct {
        const char *start, *word;
        size_t length;
        mite_status status;
    } kinds[] = {
        {"RIFF\x10\0\0\0WEBPVP8 ", "a WebP picture", 16, MITE_ERR_UNSUPPORTED},
        {"\0\0\0\x1c"
         "ftypavif\0\0\0\0",
         "an AVIF picture", 16, MITE_ERR_UNSUPPORTED},
        {"\0\0\0\x18"
         "ftypheic\0\0\0\0",
         "a HEIC picture", 16, MITE_ERR_UNSUPPORTED},
        {"\0\0\0\x20"
         "ftypisom\0\0\0\0",
         "an MP4 film", 16, MITE_ERR_UNSUPPORTED},
        {"II*\0\x08\0\0\0", "a TIFF picture", 8, MITE_ERR_UNSUPPORTED},
        {"MM\0*\0\0\0\x08", "a TIFF picture", 8, MITE_ERR_UNSUPPORTED},
        {"\xff\x0a\xfa\x1f", "a JPEG XL picture", 4, MITE_ERR_UNSUPPORTED},
        {"%PDF-1.7\n", "a PDF document", 9, MITE_ERR_UNSUPPORTED},
        {"<?xml version='1.0'?>\n<svg ", "an SVG drawing", 27, MITE_ERR_UNSUPPORTED},
        {"<!DOCTYPE html><title>404", "a web page", 25, MITE_ERR_UNSUPPORTED},
        {"just words", "text", 10, MITE_ERR_UNSUPPORTED},
        {"\1\2\3\4\5\6\7\x08", "no picture of a kind known here", 8, MITE_ERR_FORMAT},
        {"", "empty", 0, MITE_ERR_FORMAT},
        {"\xff\xd8\xff", "ends early", 3, MITE_ERR_FORMAT},
        {"\xff\xd8\xff\xc9\0\x0b\x08\0\1\0\1\1\1\x11\0", "arithmetic", 15, MITE_ERR_UNSUPPORTED},
        {"\xff\xd8\xff\xc1\0\x0b\x0c\0\1\0\1\1\1\x11\0", "more than 8 bits", 15,
         MITE_ERR_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        check_refused(kinds[i].word, (const uint8_t *)kinds[i].start, kinds[i].length, 0,
                      kinds[i].status, kinds[i].word);
}

// --- What headers promise ------------------------------------------------------------------------

static uint32_t crc32_of(const uint8_t *data, size_t count) {
    uint32_t crc = 0xffffffff;
    for (size_t i = 0; i < count; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
    }
    return ~crc;
}

static void put_number(uint8_t *at, size_t count, uint64_t value, bool big) {
    for (size_t i = 0; i < count; i++) at[i] = (uint8_t)(value >> 8 * (big ? count - 1 - i : i));
}

// The fixture `name` with another size written into its header.
static bytes resized_header(const char *name, size_t at, size_t number_bytes, bool big,
                            uint64_t first, uint64_t second) {
    char path[160];
    snprintf(path, sizeof path, FIXTURES "decode/%s", name);
    bytes file = read_bytes(path);
    if (!check(file.count > at + 32, "%s cannot be read", name)) return file;
    put_number(file.data + at, number_bytes, first, big);
    put_number(file.data + at + number_bytes, number_bytes, second, big);
    if (strstr(name, ".png")) put_number(file.data + 29, 4, crc32_of(file.data + 12, 17), true);
    return file;
}

static size_t frame_of(const char *name) {
    char path[160];
    snprintf(path, sizeof path, FIXTURES "decode/%s", name);
    bytes file = read_bytes(path);
    size_t at = 2;
    while (at + 4 < file.count && (file.data[at + 1] & 0xfc) != 0xc0)
        at += 2u + ((size_t)file.data[at + 2] << 8 | file.data[at + 3]);
    free(file.data);
    return at + 5;
}

static void check_limits(void) {
    static const struct {
        uint64_t first, second;
        size_t max_pixels;
        mite_status status;
        const char *word;
    } sizes[] = {
        {65535, 65535, 0, MITE_ERR_MEMORY, "above the limit of 100000000"},
        {65535, 32767, (size_t)1 << 31, MITE_ERR_FORMAT, "cannot hold"},
        {9000, 9000, 0, MITE_ERR_FORMAT, "cannot hold"},
        {0, 5, 0, MITE_ERR_FORMAT, "0"},
        {19, 13, 19 * 13 - 1, MITE_ERR_MEMORY, "above the limit of 246"},
    };
    const struct {
        const char *name;
        size_t at, number_bytes;
        bool big;
    } files[] = {
        {"baseline_420.jpg", frame_of("baseline_420.jpg"), 2, true},
        {"progressive_420.jpg", frame_of("progressive_420.jpg"), 2, true},
        {"rgb8.png", 16, 4, true},
        {"palette1_interlaced.png", 16, 4, true},
        {"plain.gif", 6, 2, false},
        {"rgb24.bmp", 18, 4, false},
        {"palette8_core.bmp", 18, 2, false},
    };
    for (size_t f = 0; f < sizeof files / sizeof *files; f++)
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            bytes file = resized_header(files[f].name, files[f].at, files[f].number_bytes,
                                        files[f].big, sizes[s].first, sizes[s].second);
            check_refused(files[f].name, file.data, file.count, sizes[s].max_pixels,
                          sizes[s].status, sizes[s].word);
            free(file.data);
        }
    bytes huge = resized_header("rgb8.png", 16, 4, true, 0xffffffff, 0xffffffff);
    check_refused("2^32 x 2^32", huge.data, huge.count, SIZE_MAX, MITE_ERR_FORMAT, "");
    free(huge.data);
    bytes minus = resized_header("rgb24.bmp", 18, 4, false, 0x80000000, 0x80000000);
    check_refused("negative", minus.data, minus.count, 0, MITE_ERR_FORMAT, "negative");
    free(minus.data);
}

int main(void) {
    int goldens = check_goldens();
    check(goldens > 100, "only %d goldens were found", goldens);
    check_kinds();
    check_limits();
    printf("decode: %d pictures exact to the level, %d failures\n", goldens, failures());
    return failures() != 0;
}
