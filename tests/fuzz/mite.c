// SPDX-License-Identifier: Apache-2.0
// Any bytes as a .mite file, with right digests where there is room for them: read within a small limit
// and, where that works, planned and run for as long as a loop of few rounds may take.
#include "mite.h"
#include "../format/sign.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

static void feed(mite_model *m, const uint8_t *data, size_t count) {
    size_t at = 0, want;
    void *to;
    while (at < count && (want = mite_model_want(m, &to)) > 0) {
        if (want > count - at) want = count - at;
        memcpy(to, data + at, want);
        mite_model_got(m, want);
        at += want;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    mite_model_options model_options = {.max_file_bytes = 1u << 22};
    mite_session_options options = {.max_memory_bytes = 1u << 22, .max_iterations = 16};
    mite_model *m = NULL;
    mite_session *s = NULL;
    // Aligned like the file in memory, as the header is written in place.
    uint8_t *file = malloc(count + 1);
    if (!file || mite_model_new(&m, &model_options)) abort();
    memcpy(file, data, count);
    sign(file, count);
    feed(m, file, count);
    if (mite_model_status(m) == MITE_OK && !mite_session_new(&s, m, &options)) mite_run(s);
    mite_session_free(s);
    mite_model_free(m);
    free(file);
    return 0;
}
