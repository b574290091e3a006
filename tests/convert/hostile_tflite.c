// SPDX-License-Identifier: Apache-2.0
// The converter against damaged TFLite files: small models (tflite.pack, tflite_recurrent.pack, tflite_files.pack and, with graphs that
// nodes run, tflite_networks.pack and tflite_stablehlo.pack) cut off at every byte, and ten thousand seeded mutants of them and of a whole
// network. Each ends in a file or in a sentence, within
// its memory limit, never in a sanitizer's report.
#include "../files.h"
#include "convert.h"

#include <string.h>

#define MUTANTS 10000

static int failures;
static size_t tried, taken;
static uint64_t state = 1;

typedef struct model {
    const uint8_t *data;
    size_t bytes;
} model;

// Converts, and writes what was read.
static void try_file(const uint8_t *data, size_t bytes, const char *what, size_t number) {
    // The exact size on the heap, so that a byte read too many is seen.
    uint8_t *exact = malloc(bytes ? bytes : 1), *out = NULL;
    size_t out_bytes;
    mite_convert_options options = {.max_bytes = 64u << 20};
    mite_convert *c = mite_convert_new(&options);
    if (!exact || !c) exit(1);
    if (bytes) memcpy(exact, data, bytes);
    mite_status status = mite_convert_read(c, exact, bytes);
    free(exact);
    if (!status) status = mite_convert_write(c, "{}", 2, &out, &out_bytes);
    if (status && strlen(mite_convert_error(c)) < 15) {
        fprintf(stderr, "%s %zu: no sentence, but '%s'\n", what, number, mite_convert_error(c));
        failures++;
    }
    tried++;
    taken += !status;
    free(out);
    mite_convert_free(c);
}

// The models of a pack, as models.c reads it.
static size_t read_pack(const uint8_t *pack, size_t bytes, model *out, size_t room) {
    size_t count = 0;
    for (const uint8_t *at = pack; at < pack + bytes && count < room;) {
        uint32_t sizes[2];
        at += strlen((const char *)at) + 1;
        at += strlen((const char *)at) + 1;
        memcpy(sizes, at + 4, sizeof sizes);
        at += 12;
        if (sizes[0]) out[count++] = (model){at, sizes[0]};
        at += sizes[0] + sizes[1];
    }
    return count;
}

static void mutate(const model *m, size_t number) {
    static const uint8_t nasty[] = {0, 1, 2, 0x7f, 0x80, 0xff};
    uint8_t *copy = malloc(m->bytes);
    if (!copy) exit(1);
    memcpy(copy, m->data, m->bytes);
    for (size_t edits = 1 + random_bits(&state) % 4; edits; edits--) {
        size_t at = random_bits(&state) % m->bytes;
        copy[at] =
            random_bits(&state) % 2 ? nasty[random_bits(&state) % 6] : (uint8_t)random_bits(&state);
    }
    try_file(copy, m->bytes, "mutant", number);
    free(copy);
}

int main(void) {
    static model models[2000];
    size_t pack_bytes, graphs_bytes, recurrent_bytes, files_bytes, network_bytes, stablehlo_bytes;
    uint8_t *pack = read_whole("tests/convert/tflite.pack", &pack_bytes);
    uint8_t *graphs = read_whole("tests/convert/tflite_networks.pack", &graphs_bytes);
    uint8_t *recurrent = read_whole("tests/convert/tflite_recurrent.pack", &recurrent_bytes);
    uint8_t *files = read_whole("tests/convert/tflite_files.pack", &files_bytes);
    uint8_t *stablehlo = read_whole("tests/convert/tflite_stablehlo.pack", &stablehlo_bytes);
    uint8_t *network = read_whole("tests/models/digits_cnn_int8.tflite", &network_bytes);
    size_t count = read_pack(pack, pack_bytes, models, 1000);
    count += read_pack(recurrent, recurrent_bytes, models + count, 100);
    count += read_pack(files, files_bytes, models + count, 100);
    count += read_pack(stablehlo, stablehlo_bytes, models + count, 200);
    count += read_pack(graphs, graphs_bytes, models + count, 1000);
    // Every tenth is enough: they differ in one operator.
    for (size_t i = 0; i < count; i += 10)
        for (size_t length = 0; length < models[i].bytes && length < 4000; length++)
            try_file(models[i].data, length, "truncated to", length);
    for (size_t length = 0; length < network_bytes; length += 1 + length / 64)
        try_file(network, length, "network truncated to", length);
    for (size_t n = 0; n < MUTANTS; n++) {
        model whole = {network, network_bytes};
        mutate(n % 8 ? &models[random_bits(&state) % count] : &whole, n);
    }
    printf("%zu damaged files, %zu of them converted, %d failures\n", tried, taken, failures);
    free(network);
    free(graphs);
    free(recurrent);
    free(files);
    free(stablehlo);
    free(pack);
    return failures != 0;
}
