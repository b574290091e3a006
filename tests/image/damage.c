// SPDX-License-Identifier: Apache-2.0
// Damaged pictures: every length that a file can be cut to, and thousands of changed bytes. Each
// gives a sentence or a whole picture; the sanitizers watch the rest.
#include "support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUTATIONS 2000

// `spare`: the last bytes without which a file may still be read: the padding of the last row, the
// end mark, frames after the first.
typedef struct sample {
    const char *name;
    size_t spare;
} sample;

static const sample samples[] = {
    {"baseline_420.jpg", 0},     {"progressive_444.jpg", 0},
    {"restarts.jpg", 0},         {"cmyk_progressive.jpg", 0},
    {"orientation_6.jpg", 0},    {"rgba8.png", 0},
    {"palette4_alpha.png", 0},   {"grey1_interlaced.png", 0},
    {"rgb16_interlaced.png", 0}, {"plain.gif", 1},
    {"animated.gif", 66},        {"part_local.gif", 1},
    {"interlaced_13.gif", 1},    {"rgb24.bmp", 3},
    {"palette4.bmp", 3},         {"rgba32_masks.bmp", 0},
};

// Decodes from memory of exactly that length, so that a byte read beyond it is noticed.
static mite_status decode(const char *name, const uint8_t *file, size_t count) {
    uint8_t *exact = malloc(count ? count : 1);
    if (!exact) abort();
    memcpy(exact, file, count);
    mite_pixels out;
    mite_error error = {0};
    mite_status status = mite_image_decode(&out, exact, count, 1 << 20, 0, &error);
    free(exact);
    if (status) {
        check(!out.data && !out.width && !out.height, "%s: an error left a picture", name);
        check(error.status == status && strlen(error.text) > 20, "%s: '%s' is no sentence", name,
              error.text);
    } else {
        uint32_t sum = 0; // touches every byte
        for (size_t i = 0; i < 3 * out.width * out.height; i++) sum += out.data[i];
        check(out.width * out.height <= 1 << 20 && sum <= 255u * 3 << 20, "%s: too large", name);
    }
    mite_pixels_free(&out);
    return status;
}

static void check_cuts(const sample *s, bytes file) {
    for (size_t length = 0; length < file.count; length++) {
        mite_status status = decode(s->name, file.data, length);
        if (length < file.count - s->spare)
            check(status < 0, "%s: %zu of %zu bytes are taken for a picture", s->name, length,
                  file.count);
    }
    check(decode(s->name, file.data, file.count) == MITE_OK, "%s: is refused whole", s->name);
}

// PNG chunks carry a checksum; most mutations are given the right one, to get past it.
static void mend_checksums(uint8_t *data, size_t count) {
    for (size_t at = 8; count - at >= 12;) {
        size_t length = (size_t)data[at] << 24 | (size_t)data[at + 1] << 16 |
                        (size_t)data[at + 2] << 8 | data[at + 3];
        if (length > count - at - 12) return;
        uint32_t crc = 0xffffffff;
        for (size_t i = at + 4; i < at + 8 + length; i++) {
            crc ^= data[i];
            for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? crc >> 1 ^ 0xedb88320 : crc >> 1;
        }
        for (size_t i = 0; i < 4; i++) data[at + 8 + length + i] = (uint8_t)(~crc >> (24 - 8 * i));
        at += 12 + length;
    }
}

static size_t check_mutations(const sample *s, bytes file, uint32_t seed) {
    static const uint8_t nasty[] = {0, 1, 0x7f, 0x80, 0xfe, 0xff};
    uint8_t *data = malloc(file.count);
    size_t refused = 0;
    if (!data) abort();
    for (size_t i = 0; i < MUTATIONS; i++) {
        memcpy(data, file.data, file.count);
        size_t changes = 1 + next_random(&seed) % 4;
        for (size_t k = 0; k < changes; k++) {
            uint8_t *byte = data + next_random(&seed) % file.count;
            switch (next_random(&seed) % 3) {
            case 0: *byte ^= (uint8_t)(1u << next_random(&seed) % 8); break;
            case 1: *byte = nasty[next_random(&seed) % sizeof nasty]; break;
            default: *byte = (uint8_t)next_random(&seed); break;
            }
        }
        if (strstr(s->name, ".png") && i % 8) mend_checksums(data, file.count);
        if (decode(s->name, data, file.count) < 0) refused++;
    }
    free(data);
    return refused;
}

int main(void) {
    size_t refused = 0, count = sizeof samples / sizeof *samples;
    for (size_t i = 0; i < count; i++) {
        char path[160];
        snprintf(path, sizeof path, FIXTURES "decode/%s", samples[i].name);
        bytes file = read_bytes(path);
        if (check(file.count > 0, "%s cannot be read", path)) {
            check_cuts(&samples[i], file);
            refused += check_mutations(&samples[i], file, (uint32_t)i);
        }
        free(file.data);
    }
    printf("damage: %zu files cut at every length; of %zu changed ones %zu refused, none crashed; "
           "%d failures\n",
           count, count * MUTATIONS, refused, failures());
    return failures() != 0;
}
