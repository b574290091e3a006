// SPDX-License-Identifier: Apache-2.0
// Reading the tests' own files, and numbers that are random but the same every time.
#ifndef MITE_TESTS_FILES_H
#define MITE_TESTS_FILES_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

// A whole file with a NUL behind it; the caller frees it. Tests run from the repository's root.
static inline uint8_t *read_whole(const char *path, size_t *bytes) {
    FILE *f = fopen(path, "rb");
    if (!f) {
        fprintf(stderr, "cannot open %s; run the tests from the repository's root\n", path);
        exit(1);
    }
    long size = fseek(f, 0, SEEK_END) ? -1 : ftell(f);
    if (size < 0 || fseek(f, 0, SEEK_SET)) exit(1);
    *bytes = (size_t)size;
    uint8_t *data = malloc(*bytes + 1);
    if (!data || fread(data, 1, *bytes, f) != *bytes) exit(1);
    data[*bytes] = 0;
    fclose(f);
    return data;
}

// Knuth's linear congruential generator; its upper 31 bits.
static inline uint32_t random_bits(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33);
}

#endif
