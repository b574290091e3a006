// SPDX-License-Identifier: Apache-2.0
// What the picture tests share: files, expected pictures (PPM), comparison.
#ifndef MITE_TESTS_IMAGE_SUPPORT_H
#define MITE_TESTS_IMAGE_SUPPORT_H

#include "image/image.h"

#include <stdbool.h>

#define FIXTURES "tests/image/fixtures/"

typedef struct bytes {
    uint8_t *data; // NULL where the file could not be read
    size_t count;
} bytes;

bytes read_bytes(const char *path);                // the caller frees .data
mite_pixels read_ppm(const char *path);            // empty where it could not be read
int largest_difference(const mite_pixels *a, const mite_pixels *b); // 256: sizes differ

// Counts a failure and prints it where `ok` is false; returns `ok`.
bool check(bool ok, const char *format, ...) __attribute__((format(printf, 2, 3)));
int failures(void);

// Pseudo-random numbers that are the same everywhere; *state is any seed.
uint32_t next_random(uint32_t *state);

#endif
