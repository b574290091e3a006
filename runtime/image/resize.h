// SPDX-License-Identifier: Apache-2.0
// Antialiased resizing of 8-bit RGB pictures, equal to Pillow's Image.crop().resize() to the bit.
#ifndef MITE_IMAGE_RESIZE_H
#define MITE_IMAGE_RESIZE_H

#include "image.h"

// One dimension of a resize: the source pixels [first, first + size), and nothing outside of
// them, become `full` pixels, of which only [skip, skip + count) are computed.
typedef struct mite_axis {
    size_t first, size;
    uint64_t full, skip;
    size_t count;
} mite_axis;

// Makes x.count x y.count pixels. The axes lie within `in` and no member but skip and first is 0.
mite_status mite_image_resize(mite_pixels *out, const mite_pixels *in, mite_axis x, mite_axis y,
                              mite_filter filter, mite_error *error);

#endif
