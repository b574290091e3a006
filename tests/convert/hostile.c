// SPDX-License-Identifier: Apache-2.0
// The converter against damaged and hostile ONNX files: every truncation, and seeded mutants of
// small models. Each ends in a file or in a sentence, never in a sanitizer's report, within its
// memory limit.
#include "convert.h"
#include "../files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;
static uint64_t state = 1;

// Converts, and writes what was read; true if a file came out.
static bool try_file(const uint8_t *data, size_t bytes, const char *what, size_t number) {
    // The exact size on the heap, so that a byte read too many is seen.
    uint8_t *exact = malloc(bytes ? bytes : 1), *out = NULL;
    size_t out_bytes;
    mite_convert_options options = {.max_bytes = 64u << 20};
    mite_convert *c = mite_convert_new(&options);
    if (!exact || !c) exit(1);
    memcpy(exact, data, bytes);
    mite_status status = mite_convert_read(c, exact, bytes);
    free(exact);
    if (!status) status = mite_convert_write(c, "{}", 2, &out, &out_bytes);
    if (status && strlen(mite_convert_error(c)) < 15) {
        fprintf(stderr, "%s %zu: no sentence, but '%s'\n", what, number, mite_convert_error(c));
        failures++;
    }
    free(out);
    mite_convert_free(c);
    return !status;
}

static void check_model(const char *path, size_t mutants) {
    size_t bytes, taken = 0;
    uint8_t *data = read_whole(path, &bytes), *copy = malloc(bytes + 1);
    if (!copy) exit(1);
    if (!try_file(data, bytes, "whole", 0)) {
        fprintf(stderr, "%s does not convert\n", path);
        failures++;
    }
    for (size_t length = 0; length < bytes; length += 1 + length / 64)
        try_file(data, length, "truncated to", length);
    for (size_t n = 0; n < mutants; n++) {
        memcpy(copy, data, bytes);
        for (size_t edits = 1 + random_bits(&state) % 4; edits; edits--) {
            static const uint8_t nasty[] = {0, 1, 2, 0x7f, 0x80, 0xff};
            size_t at = random_bits(&state) % bytes;
            // Most of a model is weights; the structure lies in the rest.
            if (random_bits(&state) % 2) at = random_bits(&state) % 1500 % bytes;
            copy[at] = random_bits(&state) % 2 ? nasty[random_bits(&state) % 6]
                                               : (uint8_t)random_bits(&state);
        }
        taken += try_file(copy, bytes, "mutant", n);
    }
    printf("%s: %zu mutants, %zu of them converted\n", path, mutants, taken);
    free(copy);
    free(data);
}

int main(void) {
    check_model("tests/models/digits_cnn.onnx", 3000);
    check_model("tests/models/digits_cnn_int8.onnx", 3000);
    printf("%d failures\n", failures);
    return failures != 0;
}
