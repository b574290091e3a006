// SPDX-License-Identifier: Apache-2.0
// 3x3 convolutions of conv2d by Winograd's F(4x4): where it pays, its weights, its parts.
#ifndef MITE_OPS_WINOGRAD_H
#define MITE_OPS_WINOGRAD_H

#include "conv.h"

// Four times the weights of the file, made when the session is: `weights` is owned, kept when the
// shapes of a session change, and freed by mite_winograd_clear.
typedef struct mite_winograd_state {
    float *weights;
    size_t weight_bytes;
    size_t tiles, out_height; // of one image; 0 tiles: this step is computed directly
} mite_winograd_state;

// Whether this step is faster so, for as much error as docs/kernels.md states: f32, stride 1, no
// groups, and enough channels and tiles to pay for the transforms and the larger weights.
bool mite_winograd_suits(const mite_step *s, const mite_window *w, size_t groups);

// Kernel scratch of a part.
size_t mite_winograd_step_scratch(const mite_step *s, const mite_window *w);

// Transforms the weights, if the session has room for them; without them the step is computed
// directly. The weights in the file must be there, as they are for every session.
void mite_winograd_prepare(mite_step *s, mite_winograd_state *state, const mite_window *w);
void mite_winograd_clear(mite_winograd_state *state);

// How many parts there can be, and part `part`'s tiles [row0, row1) and blocks of 8 columns.
size_t mite_winograd_parts(const mite_winograd_state *state, size_t columns);
mite_conv_share mite_winograd_share_of(const mite_winograd_state *state, size_t columns,
                                       size_t part, size_t part_count);
// The rows of the output that a share writes: [*y0, *y1), somewhat more.
void mite_winograd_rows_of(const mite_winograd_state *state, mite_conv_share share, size_t *y0,
                           size_t *y1);

// Runs a share of one image, whose pointers are in `a`, as for the direct convolution.
void mite_winograd_run_share(const mite_step *s, const mite_winograd_state *state, mite_conv_args a,
                             mite_conv_share share);

#endif
