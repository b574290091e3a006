// SPDX-License-Identifier: Apache-2.0
// Any bytes as a picture: decoded within a small limit and, where that works, fitted.
#include "image/image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t count) {
    static const mite_image_spec spec = {
        .width = 8, .height = 8, .fit = MITE_FIT_CENTER_CROP, .filter = MITE_FILTER_BICUBIC};
    mite_pixels picture, seen;
    mite_error error = {0};
    if (mite_image_decode(&picture, data, count, 1 << 18, 0xffffff, &error)) return 0;
    mite_image_fit(&seen, &picture, &spec, &error);
    mite_pixels_free(&seen);
    mite_pixels_free(&picture);
    return 0;
}
