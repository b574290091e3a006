// SPDX-License-Identifier: Apache-2.0
#include "winograd.h"

#include <stdlib.h>

#define LEAST_CHANNELS 32
#define LEAST_TILES 12  // fewer do not pay for four times the weights
#define SPLIT_TILES 24  // fewer than this are split by columns
#define TILE_UNIT 6     // a multiple of the product's tile height
#define TAPS 36

static size_t tile_count(const mite_window *w) {
    return (((size_t)w->out_h + 3) / 4) * (((size_t)w->out_w + 3) / 4);
}

bool mite_winograd_suits(const mite_step *s, const mite_window *w, size_t groups) {
    int32_t channels = s->inputs[MITE_CONV_WEIGHTS]->shape[3];
    int32_t columns = s->inputs[MITE_CONV_WEIGHTS]->shape[0];
    return s->inputs[MITE_CONV_X]->dtype == MITE_F32 && groups == 1 && w->kernel_h == 3 &&
           w->kernel_w == 3 && w->stride_h == 1 && w->stride_w == 1 && w->dilation_h == 1 &&
           w->dilation_w == 1 && w->out_h >= 4 && w->out_w >= 4 && channels >= LEAST_CHANNELS &&
           columns >= LEAST_CHANNELS && channels % 4 == 0 && columns % 4 == 0 &&
           tile_count(w) >= LEAST_TILES;
}

size_t mite_winograd_step_scratch(const mite_step *s, const mite_window *w) {
    const int32_t *weights = s->inputs[MITE_CONV_WEIGHTS]->shape;
    return s->kernels->winograd_f32.scratch_bytes(
        tile_count(w), (size_t)weights[3], (size_t)weights[0], s->kernels->conv_f32.scratch_bytes);
}

void mite_winograd_prepare(mite_step *s, mite_winograd_state *state, const mite_window *w) {
    const mite_view *weights = s->inputs[MITE_CONV_WEIGHTS];
    size_t channels = (size_t)weights->shape[3];
    size_t columns = mite_round_up((size_t)weights->shape[0], 8), bytes;
    if (!state->weights && mite_size_mul(&bytes, channels, columns) &&
        mite_size_mul(&bytes, bytes, TAPS * sizeof(float)) && bytes <= s->spare_bytes) {
        state->weights = malloc(bytes);
        state->weight_bytes = bytes;
        if (state->weights)
            s->kernels->winograd_f32.weights(state->weights, weights->data, channels, columns);
    }
    if (!state->weights) return;
    state->tiles = tile_count(w);
    state->out_height = (size_t)w->out_h;
    s->kernel = s->kernels->winograd_f32.name;
}

void mite_winograd_clear(mite_winograd_state *state) {
    free(state->weights);
    *state = (mite_winograd_state){0};
}

size_t mite_winograd_parts(const mite_winograd_state *state, size_t columns) {
    if (state->tiles >= SPLIT_TILES) return state->tiles / TILE_UNIT;
    return mite_round_up(columns, 8) / 8;
}

mite_conv_share mite_winograd_share_of(const mite_winograd_state *state, size_t columns,
                                       size_t part, size_t part_count) {
    mite_conv_share share = {0, state->tiles, 0, mite_round_up(columns, 8) / 8};
    if (state->tiles >= SPLIT_TILES)
        mite_part_range(state->tiles, TILE_UNIT, part, part_count, &share.row0, &share.row1);
    else mite_part_range(share.block1, 1, part, part_count, &share.block0, &share.block1);
    return share;
}

void mite_winograd_rows_of(const mite_winograd_state *state, mite_conv_share share, size_t *y0,
                           size_t *y1) {
    size_t across = state->tiles / ((state->out_height + 3) / 4);
    // The last tiles of a column begin where they still fit.
    *y0 = mite_min_size(share.row0 / across * 4, state->out_height - 4);
    *y1 = mite_min_size((share.row1 - 1) / across * 4 + 4, state->out_height);
}

void mite_winograd_run_share(const mite_step *s, const mite_winograd_state *state, mite_conv_args a,
                             mite_conv_share share) {
    mite_winograd_args w = {a, state->out_height, s->kernels->conv_f32.run};
    w.conv.weights = state->weights;
    w.conv.segment_length = (size_t)s->inputs[MITE_CONV_WEIGHTS]->shape[3];
    s->kernels->winograd_f32.run(&w, share.row0, share.row1, share.block0 * 8,
                                 mite_min_size(share.block1 * 8, a.columns));
}
