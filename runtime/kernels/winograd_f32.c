// SPDX-License-Identifier: Apache-2.0
// Winograd's convolution: the plain twin, by the matrices; and the scratch of both versions.
#include "winograd_f32.h"

#include "rounding.h"

// Of transformed tiles: many, since each block reads all weights again. Within a product only one of 36
// planes is alive.
#define BLOCK_BYTES 2097152
#define LEAST_BLOCK 24 // tiles
#define A WINOGRAD_A
#define B WINOGRAD_B
#define AA WINOGRAD_AA
#define BB WINOGRAD_BB
#define FOR_A WINOGRAD_FOR_A
#define FOR_B WINOGRAD_FOR_B

// Input d, weights g: Y = OUT [ (WEIGHTS g WEIGHTS') . (IN d IN') ] OUT'
static const float in_matrix[6][6] = {
    {1, 0, -WINOGRAD_SUM, 0, 1, 0}, {0, -A *BB, -BB, A, 1, 0}, {0, A *BB, -BB, -A, 1, 0},
    {0, -B *AA, -AA, B, 1, 0},      {0, B *AA, -AA, -B, 1, 0}, {0, 1, 0, -WINOGRAD_SUM, 0, 1},
};
static const float weights_matrix[6][3] = {
    {1, 0, 0},
    {FOR_A, A *FOR_A, AA *FOR_A},
    {FOR_A, -A *FOR_A, AA *FOR_A},
    {FOR_B, B *FOR_B, BB *FOR_B},
    {FOR_B, -B *FOR_B, BB *FOR_B},
    {0, 0, 1},
};
static const float out_matrix[4][6] = {
    {1, 1, 1, 1, 1, 0},
    {0, A, -A, B, -B, 0},
    {0, AA, AA, BB, BB, 0},
    {0, A *AA, -A *AA, B *BB, -B *BB, 1},
};

// out[rows][rows] = m in m', with m[rows][columns] and in[columns][columns].
static void transform(float *out, const float *m, size_t rows, size_t columns, const float *in) {
    float half[36]; // m in
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < columns; j++) {
            float sum = 0;
            for (size_t k = 0; k < columns; k++) sum += m[i * columns + k] * in[k * columns + j];
            half[i * columns + j] = sum;
        }
    }
    for (size_t i = 0; i < rows; i++) {
        for (size_t j = 0; j < rows; j++) {
            float sum = 0;
            for (size_t k = 0; k < columns; k++) sum += half[i * columns + k] * m[j * columns + k];
            out[i * rows + j] = sum;
        }
    }
}

void mite_winograd_weights_plain(float *out, const float *packed, size_t channels, size_t columns) {
    for (size_t at = 0; at < channels * columns; at++) { // [columns/8][channels][8]
        size_t panel = at / (channels * 8) * channels * 8, inside = at % (channels * 8);
        float in[9], taps[WINOGRAD_TAPS];
        for (size_t k = 0; k < 9; k++) in[k] = packed[panel * 9 + k * channels * 8 + inside];
        transform(taps, weights_matrix[0], 6, 3, in);
        for (size_t e = 0; e < WINOGRAD_TAPS; e++) out[e * channels * columns + at] = taps[e];
    }
}

static void put_tile(const mite_conv_args *a, winograd_tile t, size_t n, const float out[16]) {
    for (size_t i = t.skip_y; i < 4; i++) {
        for (size_t j = t.skip_x; j < 4; j++) {
            size_t y = t.y + i, x = t.x + j;
            float value = out[i * 4 + j] + ((const float *)a->bias)[n];
            if (a->residual)
                value +=
                    ((const float *)a->residual)[y * a->residual_row + x * a->residual_pixel + n];
            ((float *)a->output)[y * a->out_row + x * a->out_pixel + n] =
                mite_clamp(value, a->lo, a->hi);
        }
    }
}

void mite_winograd_f32_plain(const mite_winograd_args *w, size_t tile0, size_t tile1,
                             size_t column0, size_t column1) {
    const mite_conv_args *a = &w->conv;
    size_t channels = a->segment_length, columns = (a->columns + 7) / 8 * 8;
    float *taps = a->scratch; // [channels][36]
    for (size_t i = tile0; i < tile1; i++) {
        winograd_tile t = winograd_tile_at(w, i);
        const float *from = (const float *)a->input + t.y * a->in_row + t.x * a->in_pixel;
        for (size_t c = 0; c < channels; c++) {
            float in[36];
            for (size_t k = 0; k < 36; k++)
                in[k] = from[k / 6 * a->in_row + k % 6 * a->in_pixel + c];
            transform(taps + c * WINOGRAD_TAPS, in_matrix[0], 6, 6, in);
        }
        for (size_t n = column0; n < column1; n++) {
            float sums[WINOGRAD_TAPS] = {0}, out[16];
            const float *weights = (const float *)a->weights + n / 8 * channels * 8 + n % 8;
            for (size_t c = 0; c < channels; c++)
                for (size_t e = 0; e < WINOGRAD_TAPS; e++)
                    sums[e] +=
                        taps[c * WINOGRAD_TAPS + e] * weights[e * channels * columns + c * 8];
            transform(out, out_matrix[0], 4, 6, sums);
            put_tile(a, t, n, out);
        }
    }
}

static size_t most_tiles(size_t channels, size_t columns) {
    size_t fit = BLOCK_BYTES / (WINOGRAD_TAPS * (channels + columns) * sizeof(float));
    return fit < LEAST_BLOCK ? LEAST_BLOCK : fit;
}

size_t mite_winograd_block(size_t tiles, size_t channels, size_t columns) {
    size_t most = most_tiles(channels, columns), blocks = (tiles + most - 1) / most;
    return blocks ? (tiles + blocks - 1) / blocks : 0;
}

// Bias of zeros, inputs, outputs, what the product wants. A share of the tiles may be cut into larger
// blocks than all of them.
size_t mite_winograd_scratch(size_t tiles, size_t channels, size_t columns,
                             mite_conv_scratch_fn *multiply) {
    size_t columns8 = (columns + 7) / 8 * 8, most = most_tiles(channels, columns8);
    if (tiles > most) tiles = most;
    size_t planes = tiles * (channels + columns8) + 2 * WINOGRAD_APART;
    return (columns8 + WINOGRAD_TAPS * planes) * sizeof(float) + multiply(tiles, 1, channels);
}
