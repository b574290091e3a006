// SPDX-License-Identifier: Apache-2.0
// Any bytes as an ONNX model: converted within a small limit and, where that works, written.
#include "convert.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    mite_convert_options options = {.max_bytes = 16u << 20};
    uint8_t *out = NULL;
    size_t out_bytes;
    // Other formats have targets of their own.
    if (!count || *data != 8 || (count >= 8 && !memcmp(data + 4, "TFL3", 4))) return 0;
    mite_convert *c = mite_convert_new(&options);
    if (c && !mite_convert_read(c, data, count)) {
        mite_convert_write(c, "{}", 2, &out, &out_bytes);
        free(out);
    }
    mite_convert_free(c);
    return 0;
}
