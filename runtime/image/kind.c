// SPDX-License-Identifier: Apache-2.0
// Names for the files that people hand in and that are not decoded here, so that the sentence
// can say what they have instead of "unknown".
#include "decoder.h"

#include <string.h>

// `?` in a pattern stands for any byte.
typedef struct kind {
    const char *pattern;
    size_t length;
    const char *name;
} kind;

static const kind kinds[] = {
    {"RIFF????WEBP", 12, "a WebP picture"},
    {"????ftypavi", 11, "an AVIF picture"}, // avif, avis
    {"????ftyphe", 10, "a HEIC picture"},   // heic, heix, heim, hevc
    {"????ftypmif1", 12, "a HEIC picture"},
    {"????ftypmsf1", 12, "a HEIC picture"},
    {"????ftyp", 8, "an MP4 film"},
    {"\xff\x0a", 2, "a JPEG XL picture"},
    {"\0\0\0\x0cJXL ", 8, "a JPEG XL picture"},
    {"\0\0\0\x0cjP  ", 8, "a JPEG 2000 picture"},
    {"\xff\x4f\xff\x51", 4, "a JPEG 2000 picture"},
    {"II*\0", 4, "a TIFF picture"},
    {"MM\0*", 4, "a TIFF picture"},
    {"II+\0", 4, "a TIFF picture"},
    {"MM\0+", 4, "a TIFF picture"},
    {"8BPS", 4, "a Photoshop document"},
    {"\0\0\1\0", 4, "a Windows icon"},
    {"qoif", 4, "a QOI picture"},
    {"%PDF", 4, "a PDF document"},
    {"%!PS", 4, "a PostScript document"},
    {"PK\3\4", 4, "a ZIP archive"},
    {"\x1f\x8b", 2, "a gzip archive"},
    {"\x1a\x45\xdf\xa3", 4, "a Matroska or WebM film"},
    {"MITE", 4, "a .mite model"},
};

static bool matches(const kind *k, const uint8_t *bytes, size_t byte_count) {
    if (byte_count < k->length) return false;
    for (size_t i = 0; i < k->length; i++)
        if (k->pattern[i] != '?' && (uint8_t)k->pattern[i] != bytes[i]) return false;
    return true;
}

static bool contains(const uint8_t *bytes, size_t byte_count, const char *word) {
    size_t length = strlen(word);
    for (size_t i = 0; i + length <= byte_count; i++)
        if (!memcmp(bytes + i, word, length)) return true;
    return false;
}

// Text: no control bytes but blanks and line ends near the start.
static const char *kind_of_text(const uint8_t *bytes, size_t byte_count) {
    size_t length = byte_count < 1024 ? byte_count : 1024;
    for (size_t i = 0; i < length; i++)
        if ((bytes[i] < ' ' && (bytes[i] < '\t' || bytes[i] > '\r')) || bytes[i] == 0x7f)
            return NULL;
    if (contains(bytes, length, "<svg")) return "an SVG drawing";
    if (contains(bytes, length, "<html") || contains(bytes, length, "<!DOCTYPE html"))
        return "a web page";
    return "text";
}

const char *mite_image_kind(const uint8_t *bytes, size_t byte_count) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (matches(&kinds[i], bytes, byte_count)) return kinds[i].name;
    return byte_count ? kind_of_text(bytes, byte_count) : NULL;
}
