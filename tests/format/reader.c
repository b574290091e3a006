// SPDX-License-Identifier: Apache-2.0
// The .mite reader against pieces of every size, truncation at every byte, damage in every byte,
// and damage that a hostile writer has signed with right digests.
#include "exec/session.h"
#include "../files.h"
#include "sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(condition, ...)                               \
    do {                                                    \
        if (!(condition)) {                                 \
            fprintf(stderr, "%s:%d: ", __FILE__, __LINE__); \
            fprintf(stderr, __VA_ARGS__);                   \
            fprintf(stderr, "\n");                          \
            failures++;                                     \
        }                                                   \
    } while (0)

static uint64_t random_state = 1;

// Streams `bytes` in pieces of at most `piece` (0: random sizes). The caller frees the model.
static mite_model *stream(const uint8_t *data, size_t bytes, size_t piece, size_t limit) {
    mite_model *m;
    mite_model_options options = {.max_file_bytes = limit};
    if (mite_model_new(&m, &options)) exit(1);
    size_t at = 0, want;
    void *dst;
    while (at < bytes && (want = mite_model_want(m, &dst)) > 0) {
        size_t take = piece ? piece : 1 + random_bits(&random_state) % 5000;
        if (take > want) take = want;
        if (take > bytes - at) take = bytes - at;
        memcpy(dst, data + at, take);
        mite_model_got(m, take);
        at += take;
    }
    return m;
}

static void whole_file_in_pieces(const uint8_t *data, size_t bytes) {
    static const size_t pieces[] = {0, 1, 63, 64, 128, 4096, SIZE_MAX};
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        mite_model *m = stream(data, bytes, pieces[i], 0);
        CHECK(mite_model_status(m) == MITE_OK, "pieces of %zu: %s", pieces[i], mite_model_error(m));
        size_t metadata;
        CHECK(mite_model_metadata(m, &metadata) && metadata > 2, "no metadata");
        CHECK(mite_model_file_bytes(m) == bytes, "wrong length");
        mite_model_free(m);
    }
}

static void external_digests(const uint8_t *data, size_t bytes) {
    mite_model *m;
    mite_model_options options = {.external_digests = 1};
    if (mite_model_new(&m, &options)) exit(1);
    void *dst;
    size_t want, at = 0, chunk_bytes;
    uint8_t digest[32];
    CHECK(mite_model_digest(m, 0, digest) == MITE_ERR_ARGUMENT, "digest before the chunk");
    mite_model_free(m);
    if (mite_model_new(&m, &options)) exit(1);
    for (; (want = mite_model_want(m, &dst)) > 0; at += want) {
        memcpy(dst, data + at, want);
        CHECK(mite_model_got(m, want) == MITE_MORE, "ready without digests");
    }
    CHECK(at == bytes, "%zu bytes wanted of %zu", at, bytes);
    for (size_t i = 0; mite_model_chunk(m, i, &chunk_bytes); i++) {
        mite_sha256(mite_model_chunk(m, i, &chunk_bytes), chunk_bytes, digest);
        mite_model_digest(m, i, digest);
    }
    CHECK(mite_model_status(m) == MITE_OK, "external digests: %s", mite_model_error(m));
    mite_model_free(m);
    if (mite_model_new(&m, &options)) exit(1);
    for (at = 0; (want = mite_model_want(m, &dst)) > 0; at += want) {
        memcpy(dst, data + at, want);
        mite_model_got(m, want);
    }
    memset(digest, 0, sizeof digest);
    CHECK(mite_model_digest(m, 0, digest) == MITE_ERR_FORMAT, "a wrong digest was taken");
    mite_model_free(m);
}

static void truncations(const uint8_t *data, size_t bytes) {
    for (size_t length = 0; length < bytes; length++) {
        mite_model *m = stream(data, length, SIZE_MAX, 0);
        CHECK(mite_model_status(m) == MITE_MORE, "cut at %zu: status %d", length,
              mite_model_status(m));
        mite_session *s;
        CHECK(mite_session_new(&s, m, NULL) == MITE_ERR_ARGUMENT && !s, "cut at %zu runs", length);
        mite_model_free(m);
    }
}

static void flips(uint8_t *data, size_t bytes) {
    for (size_t i = 0; i < bytes; i++) {
        uint8_t bit = (uint8_t)(1u << (random_bits(&random_state) % 8));
        data[i] ^= bit;
        mite_model *m = stream(data, bytes, SIZE_MAX, 0);
        CHECK(mite_model_status(m) < 0, "a flip in byte %zu went unnoticed", i);
        CHECK(strlen(mite_model_error(m)) > 20, "no sentence for a flip in byte %zu", i);
        mite_model_free(m);
        data[i] ^= bit;
    }
}

// Everything that lies behind right digests is taken or refused with a sentence, and what is
// taken runs without a sanitizer's word.
static void signed_mutants(const uint8_t *data, size_t bytes, int count) {
    uint8_t *copy = malloc(bytes);
    if (!copy) exit(1);
    const mite_file_header *h = (const mite_file_header *)(const void *)data;
    int taken = 0, ran = 0;
    for (int n = 0; n < count; n++) {
        memcpy(copy, data, bytes);
        size_t edits = 1 + random_bits(&random_state) % 3;
        for (size_t e = 0; e < edits; e++) {
            size_t begin = n % 8 == 0 ? 8 : (size_t)h->graph_offset;
            size_t extent = n % 8 == 0 ? 88 : (size_t)h->graph_bytes;
            size_t at = begin + random_bits(&random_state) % extent;
            static const uint8_t nasty[] = {0, 1, 2, 0x7f, 0x80, 0xff};
            copy[at] = random_bits(&random_state) % 2 ? nasty[random_bits(&random_state) % 6]
                                                      : (uint8_t)random_bits(&random_state);
        }
        if (n % 16) sign(copy, bytes); // every other damaged header, too
        mite_model *m = stream(copy, bytes, SIZE_MAX, 1u << 24);
        if (mite_model_status(m) < 0)
            CHECK(strlen(mite_model_error(m)) > 20, "no sentence for mutant %d", n);
        mite_session *s = NULL;
        mite_session_options options = {.max_memory_bytes = 1u << 26};
        if (mite_model_status(m) == MITE_OK) {
            taken++;
            if (mite_session_new(&s, m, &options) == MITE_OK) {
                mite_run(s);
                ran++;
            } else {
                CHECK(strlen(mite_session_error(s)) > 20, "no sentence for session %d", n);
            }
        }
        mite_session_free(s);
        mite_model_free(m);
    }
    printf("%d signed mutants: %d read, %d ran\n", count, taken, ran);
    free(copy);
}

static void refusals(uint8_t *data, size_t bytes) {
    mite_file_header *h = (mite_file_header *)(void *)data, kept = *h;
    uint8_t picture[128] = "\x89PNG\r\n\x1a\n";
    mite_model *m = stream(picture, sizeof picture, SIZE_MAX, 0);
    CHECK(strstr(mite_model_error(m), "not a .mite file"), "%s", mite_model_error(m));
    mite_model_free(m);

    h->major = 2;
    m = stream(data, bytes, SIZE_MAX, 0);
    CHECK(mite_model_status(m) == MITE_ERR_VERSION, "version 2: %s", mite_model_error(m));
    mite_model_free(m);
    *h = kept;

    h->minor = 9; // a newer minor version adds nothing that an older reader must understand
    sign(data, bytes);
    m = stream(data, bytes, SIZE_MAX, 0);
    CHECK(mite_model_status(m) == MITE_OK, "minor version: %s", mite_model_error(m));
    mite_model_free(m);
    *h = kept;
    sign(data, bytes);

    m = stream(data, bytes, SIZE_MAX, bytes - 1);
    CHECK(mite_model_status(m) == MITE_ERR_MEMORY, "limit: %s", mite_model_error(m));
    mite_model_free(m);
}

int main(void) {
    size_t bytes;
    uint8_t *data = read_whole("tests/models/digits_cnn.int8.mite", &bytes);
    whole_file_in_pieces(data, bytes);
    external_digests(data, bytes);
    truncations(data, bytes);
    flips(data, bytes);
    signed_mutants(data, bytes, 20000);
    refusals(data, bytes);
    free(data);
    data = read_whole("tests/models/digits_cnn.f32.mite", &bytes);
    whole_file_in_pieces(data, bytes);
    signed_mutants(data, bytes, 20000);
    free(data);
    data = read_whole("tests/models/digits_mlp.f16.mite", &bytes); // weights stored as halves
    whole_file_in_pieces(data, bytes);
    signed_mutants(data, bytes, 20000);
    free(data);
    printf("%d failures\n", failures);
    return failures != 0;
}
