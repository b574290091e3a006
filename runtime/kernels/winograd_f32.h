// SPDX-License-Identifier: Apache-2.0
// What both versions of Winograd's convolution share: where tiles and scratch lie.
#ifndef MITE_KERNELS_WINOGRAD_F32_H
#define MITE_KERNELS_WINOGRAD_F32_H

#include "versions.h"

#define WINOGRAD_TAPS 36 // of a transformed tile, 6x6
// Floats between two planes of the same tap, whose sizes are often powers of two: without, the 36 values
// of a channel would meet in the same few lines of the nearest cache.
#define WINOGRAD_APART 16

// The points A = 2/3 and B = 3/2, whose product is 1, and what the transforms make of them.
#define WINOGRAD_A (2.0f / 3)
#define WINOGRAD_B (3.0f / 2)
#define WINOGRAD_AA (4.0f / 9)
#define WINOGRAD_BB (9.0f / 4)
#define WINOGRAD_SUM (97.0f / 36) // AA + BB
#define WINOGRAD_FOR_A (-81.0f / 130) // 1 / (2 AA (AA - BB))
#define WINOGRAD_FOR_B (8.0f / 65) // 1 / (2 BB (BB - AA))

// A tile's place: its first pixel, and how many of its rows and columns the one before has done.
typedef struct winograd_tile {
    size_t y, x, skip_y, skip_x;
} winograd_tile;

static inline winograd_tile winograd_tile_at(const mite_winograd_args *a, size_t index) {
    size_t width = a->conv.out_width, across = (width + 3) / 4;
    winograd_tile t = {.y = index / across * 4, .x = index % across * 4};
    if (t.y + 4 > a->out_height) t.skip_y = t.y + 4 - a->out_height;
    if (t.x + 4 > width) t.skip_x = t.x + 4 - width;
    t.y -= t.skip_y;
    t.x -= t.skip_x;
    return t;
}

// Tiles that are transformed at a time, of so many: blocks of equal size.
size_t mite_winograd_block(size_t tiles, size_t channels, size_t columns);

#endif
