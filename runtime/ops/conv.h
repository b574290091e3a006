// SPDX-License-Identifier: Apache-2.0
// What conv2d, depthwise_conv2d and dense share: their inputs, types, constants per output
// channel, and, for conv2d and dense, the way one call is cut into parts.
//
// Types: f32 -> f32, u8 -> u8, u8 -> f32 (not depthwise). Weights are f32 or i8, in a packed
// layout (graph.h). Of u8 input, the file holds for every output channel the bias as i32 with
// the input's zero point folded in, and the multiplier that takes the i32 sum to output quanta
// (u8 output) or to real numbers (f32 output).
#ifndef MITE_OPS_CONV_H
#define MITE_OPS_CONV_H

#include "common.h"

enum { // inputs
    MITE_CONV_X,
    MITE_CONV_WEIGHTS,
    MITE_CONV_BIAS,
    MITE_CONV_MULTIPLIER, // f32; u8 input only
    MITE_CONV_RESIDUAL,   // conv2d and dense only; shape and type of the output
};

// The attributes that conv2d and depthwise_conv2d begin with, and their words.
enum {
    MITE_CONV_STRIDE_H,
    MITE_CONV_STRIDE_W,
    MITE_CONV_DILATION_H,
    MITE_CONV_DILATION_W,
    MITE_CONV_PAD_TOP,
    MITE_CONV_PAD_LEFT,
    MITE_CONV_PAD_BOTTOM,
    MITE_CONV_PAD_RIGHT,
    MITE_CONV_WINDOW_WORDS,
};
// clang-format off
#define MITE_CONV_WINDOW_ATTRS \
    [MITE_CONV_STRIDE_H] = {"stride_h", 'i', 1, 1}, \
    [MITE_CONV_STRIDE_W] = {"stride_w", 'i', 1, 1}, \
    [MITE_CONV_DILATION_H] = {"dilation_h", 'i', 1, 1}, \
    [MITE_CONV_DILATION_W] = {"dilation_w", 'i', 1, 1}, \
    [MITE_CONV_PAD_TOP] = {"pad_top", 'i', 1, 0}, \
    [MITE_CONV_PAD_LEFT] = {"pad_left", 'i', 1, 0}, \
    [MITE_CONV_PAD_BOTTOM] = {"pad_bottom", 'i', 1, 0}, \
    [MITE_CONV_PAD_RIGHT] = {"pad_right", 'i', 1, 0}
// clang-format on

// Reads them, with the kernel size from the weights' logical shape, and lays the window over x.
mite_status mite_conv_window(mite_step *s, mite_window *w);

// Where x has no halo, a part copies the rows it reads to scratch, with zeros around them. An
// image in scratch has rows of `row_elements` elements; `bytes` is the whole of it.
bool mite_padded_size(const mite_view *x, const mite_window *w, size_t *row_elements,
                      size_t *bytes);
// Copies what output rows [y0, y1) of image `n` read, to its place in `padded`.
void mite_padded_copy(const mite_view *x, const mite_window *w, size_t n, char *padded, size_t y0,
                      size_t y1);

// Types of x, the output and the residual, and their quantization; the clamp at attribute words
// [clamp, clamp+1], and with a u8 residual the inner quantization at [clamp+2, clamp+3].
mite_status mite_conv_check_types(mite_step *s, size_t clamp);

// Bias and multiplier hold `columns` elements (padding included); multipliers are finite and not
// negative.
mite_status mite_conv_check_columns(mite_step *s, size_t columns);

// The weights are a constant of this layout, with room for their logical shape.
mite_status mite_conv_need_weights(mite_step *s, mite_layout layout, size_t groups);

// The weights are [N,1,1,K], as many K as x has values along its last dimension.
mite_status mite_conv_check_matrix(mite_step *s);

// A residual, where there is one, has the shape of the output.
mite_status mite_conv_check_residual(mite_step *s);

typedef struct mite_conv_state {
    mite_conv_args args; // of the first group and image; segments and scratch are set by run
    mite_conv_fn *run;
    size_t rows, images, groups; // rows: output pixels of one image
    size_t out_image, residual_image; // bytes to the next image
    size_t in_group, out_group, weights_group; // bytes to the next group
    size_t column_group;                       // elements of bias and multiplier to it
} mite_conv_state;

// Chooses the kernel and fills what does not depend on geometry: constants, residual, clamps.
// `columns` are those of one group.
void mite_conv_fill(mite_step *s, mite_conv_state *c, size_t clamp, size_t columns);

// Kernel scratch for all output pixels of an image at once.
size_t mite_conv_scratch(const mite_step *s, size_t rows, size_t segments, size_t length);

// The share of one part: output pixels [row0, row1) of every image, and of the blocks of 8
// columns, counted through all groups, [block0, block1). Large pictures are split by pixels,
// small ones by columns.
typedef struct mite_conv_share {
    size_t row0, row1, block0, block1;
} mite_conv_share;

size_t mite_conv_parts(const mite_conv_state *c);
mite_conv_share mite_conv_share_of(const mite_conv_state *c, size_t part, size_t part_count);

// Runs a share of one image, whose pointers are in `a`.
void mite_conv_run_share(const mite_conv_state *c, mite_conv_args a, mite_conv_share share);

#endif
