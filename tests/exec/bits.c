// SPDX-License-Identifier: Apache-2.0
// int8 results are the same bits in every build: here plain C and SIMD (by way of SIMDe), one
// thread and many, in sessions of the real network. tests/models/bits.txt keeps the SHA-256 of the
// logits; the JavaScript and browser tests compare with the same file.
#include "base/sha256.h"
#include "mite.h"
#include "../files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static mite_model *load(const char *path) {
    size_t bytes, at = 0, want;
    uint8_t *data = read_whole(path, &bytes);
    mite_model *m;
    void *dst;
    if (mite_model_new(&m, NULL)) exit(1);
    while ((want = mite_model_want(m, &dst)) > 0 && at + want <= bytes) {
        memcpy(dst, data + at, want);
        mite_model_got(m, want);
        at += want;
    }
    free(data);
    if (mite_model_status(m)) {
        fprintf(stderr, "%s: %s\n", path, mite_model_error(m));
        exit(1);
    }
    return m;
}

// The generator of docs/metadata.md, spread over -1 to 1.
static void fill(float *out, size_t count) {
    uint32_t x = 1;
    for (size_t i = 0; i < count; i++) {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
        out[i] = (float)(-1.0 + 2.0 * ((double)x / 4294967296.0));
    }
}

static void hash_of_run(const mite_model *m, int32_t isa, int32_t threads, char hex[65]) {
    mite_session *s;
    mite_session_options options = {.isa = isa, .thread_count = threads};
    if (mite_session_new(&s, m, &options)) {
        fprintf(stderr, "%s\n", mite_session_error(s));
        exit(1);
    }
    mite_tensor *x = mite_session_input(s, 0);
    fill(x->data, x->bytes / sizeof(float));
    if (mite_run(s)) exit(1);
    const mite_tensor *y = mite_session_output(s, 0);
    uint8_t digest[32];
    mite_sha256(y->data, y->bytes, digest);
    for (int i = 0; i < 32; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    mite_session_free(s);
}

int main(void) {
    size_t bytes;
    char *expected = (char *)read_whole("tests/models/bits.txt", &bytes);
    static const char *const models[] = {"models/efficientnet-lite0/efficientnet-lite0.int8.mite",
                                         "tests/models/digits_cnn.int8.mite",
                                         "tests/models/digits_cnn.qdq.mite",
                                         "tests/models/encoder.int8.mite"};
    int failures = 0;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        mite_model *m = load(models[i]);
        for (int32_t run = 0; run < 5; run++) {
            static const int32_t isas[] = {MITE_ISA_PLAIN, MITE_ISA_SIMD128, MITE_ISA_SIMD128,
                                           MITE_ISA_SIMD128, MITE_ISA_SIMD128};
            static const int32_t threads[] = {1, 1, 2, 3, 8};
            char hex[65];
            hash_of_run(m, isas[run], threads[run], hex);
            if (strstr(expected, hex)) continue;
            fprintf(stderr, "%s: isa %d, %d threads give %s, which bits.txt does not have\n",
                    models[i], (int)isas[run], (int)threads[run], hex);
            failures++;
        }
        mite_model_free(m);
    }
    free(expected);
    printf("%zu models in 5 ways each, %d failures\n", sizeof models / sizeof *models, failures);
    return failures != 0;
}
