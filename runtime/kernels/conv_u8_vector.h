// SPDX-License-Identifier: Apache-2.0
// Convolution of u8 activations and i8 weights by tiles of TILE_ROWS output pixels x 8 columns.
// Included by the files that define, first:
//   STEP              taps of one step: STEP activations and STEP x 8 weights
//   DOT(sum, w, x)    sum + products of a vector of weights (4 columns x STEP taps) and one of
//                     activations (the same STEP taps, four times); exact, wrapping
//   TILE_ROWS         4 to 6: as many as the registers allow beside what DOT wants
//   ONE_INSTRUCTION   where DOT is one and needs no register but its operands'; with TILE_ROWS 6
//   WIDE              1: the tile reads i16, panels and rows are widened into scratch first;
//                     0: it reads the weights in place, and the rows where it can
//   CONV_U8, CONV_U8_F32   the names of the kernels
//
// What is said in conv_f32_vector.h about registers holds here too. Tiles leave their sums in
// memory, and a loop over many pixels of the panel makes the results of them (conv_u8_finish.h):
// its constants are loaded once, and its instructions need other units than the products of the
// tiles that follow.
#include "conv_u8_finish.h"

#if WIDE
typedef int16_t tap; // activations and weights in the tile
#else
typedef uint8_t tap;
#endif
#define BLOCK_BYTES 262144 // of rows
#define MAX_BLOCK_ROWS \
    240 // the lines of their outputs that a panel writes to stay in the first cache
// So few rows touch the next panel's weights (simd.h, TOUCH).
#define TOUCH_ROWS 256

typedef struct block {
    size_t count; // pixels
    const tap *row[MAX_BLOCK_ROWS]; // first tap of each: in the input, or gathered
    size_t output[MAX_BLOCK_ROWS], residual[MAX_BLOCK_ROWS]; // elements from pixel (0,0)
    const int32_t *segments; // steps from row[] to each segment
    size_t segment_count, segment_length; // in taps, as the tile reads them
    int32_t sums[MITE_FINISH_ROWS * 8];
} block;

// --- Tiles --------------------------------------------------------------------------------------

#define STEP_ROW(r)                \
    x = splat_i32(a##r);           \
    a##r += STEP;                  \
    c##r##0 = DOT(c##r##0, w0, x); \
    c##r##1 = DOT(c##r##1, w1, x);

#define STORE_ROW(r)                      \
    if (rows > r) {                       \
        store(sums + r * 8, c##r##0);     \
        store(sums + r * 8 + 4, c##r##1); \
    }

// touches: whether STEP bytes a step from `next` on are touched.
INLINE void tile(const size_t rows, const block *b, size_t m, const tap *w, const int32_t *bias,
                 int32_t *sums, const bool touches, touched *next) {
    vec c00 = load(bias), c01 = load(bias + 4), c10 = c00, c11 = c01, c20 = c00, c21 = c01;
    vec c30 = c00, c31 = c01, c40 = c00, c41 = c01, c50 = c00, c51 = c01;
    for (size_t s = 0; s < b->segment_count; s++) {
        const tap *a0 = b->row[m] + b->segments[s], *a1 = a0, *a2 = a0, *a3 = a0, *a4 = a0,
                  *a5 = a0;
        if (rows > 1) a1 = b->row[m + 1] + b->segments[s];
        if (rows > 2) a2 = b->row[m + 2] + b->segments[s];
        if (rows > 3) a3 = b->row[m + 3] + b->segments[s];
        if (rows > 4) a4 = b->row[m + 4] + b->segments[s];
        if (rows > 5) a5 = b->row[m + 5] + b->segments[s];
        NO_UNROLL for (size_t k = b->segment_length; k; k -= STEP) {
            vec w0 = load(w), w1 = load(w + 4 * STEP), x;
            STEP_ROW(0)
            if (rows > 1) {
                STEP_ROW(1)
            }
            if (rows > 2) {
                STEP_ROW(2)
            }
            if (rows > 3) {
                STEP_ROW(3)
            }
            if (rows > 4) {
                STEP_ROW(4)
            }
            if (rows > 5) {
                STEP_ROW(5)
            }
            w += 8 * STEP;
            if (touches) TOUCH(next, STEP);
            KEEP_ORDER();
        }
    }
    STORE_ROW(0)
    STORE_ROW(1)
    STORE_ROW(2)
    STORE_ROW(3)
    STORE_ROW(4)
    STORE_ROW(5)
}

#define TILE(rows)                                                                         \
    NOINLINE void tile_##rows(const block *b, size_t m, const tap *w, const int32_t *bias, \
                              int32_t *sums) {                                             \
        tile(rows, b, m, w, bias, sums, false, NULL);                                      \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
#if TILE_ROWS > 4
TILE(5)
#endif
#if TILE_ROWS > 5
TILE(6)
#endif

// Sums of 8 columns at `count` <= MITE_FINISH_ROWS pixels from the m-th on, in tiles of nearly equal
// height.
static void run_tiles(block *b, size_t m, size_t count, const tap *w, const int32_t *bias) {
    int32_t *sums = b->sums;
    for (size_t tiles = (count + TILE_ROWS - 1) / TILE_ROWS; tiles; tiles--) {
        size_t rows = (count + tiles - 1) / tiles;
        switch (rows) {
#if TILE_ROWS > 5
        case 6: tile_6(b, m, w, bias, sums); break;
#endif
#if TILE_ROWS > 4
        case 5: tile_5(b, m, w, bias, sums); break;
#endif
        case 4: tile_4(b, m, w, bias, sums); break;
        case 3: tile_3(b, m, w, bias, sums); break;
        case 2: tile_2(b, m, w, bias, sums); break;
        default: tile_1(b, m, w, bias, sums); break;
        }
        m += rows;
        count -= rows;
        sums += rows * 8;
    }
}

#ifdef ONE_INSTRUCTION
#define TOUCHING_TILE(rows)                                                                 \
    NOINLINE void touching_tile_##rows(const block *b, size_t m, const tap *w,              \
                                       const int32_t *bias, int32_t *sums, touched *next) { \
        tile(rows, b, m, w, bias, sums, true, next);                                        \
    }
TOUCHING_TILE(4)
TOUCHING_TILE(5)
TOUCHING_TILE(6)

// The same for three full tiles' rows or more, which are split into no smaller ones than these, while
// the first eight touch an eighth each of the next panel, of `depth` taps.
static void run_tiles_touching(block *b, size_t m, size_t count, const tap *w, const int32_t *bias,
                               const int8_t *next, size_t depth) {
    int32_t *sums = b->sums;
    for (size_t tiles = (count + TILE_ROWS - 1) / TILE_ROWS, t = 0; tiles; tiles--, t++) {
        size_t rows = (count + tiles - 1) / tiles;
        touched *at = (touched *)next + t % 8 * depth;
        switch (rows) {
        case 6: touching_tile_6(b, m, w, bias, sums, at); break;
        case 5: touching_tile_5(b, m, w, bias, sums, at); break;
        default: touching_tile_4(b, m, w, bias, sums, at); break;
        }
        m += rows;
        count -= rows;
        sums += rows * 8;
    }
}

// Of 4 or 6 steps: the panel's weights stay in registers, and there is no tile to set up.
#define WEIGHTS_OF(k) \
    w##k##0 = load(w + (k) * 8 * STEP), w##k##1 = load(w + (k) * 8 * STEP + 4 * STEP)
#define STEP_OF(k)                         \
    if (steps > k) {                       \
        vec x = splat_i32(a + (k) * STEP); \
        low = DOT(low, w##k##0, x);        \
        high = DOT(high, w##k##1, x);      \
    }

INLINE void few_taps(const size_t steps, block *b, size_t m, size_t count, const tap *w,
                     const int32_t *bias) {
    vec WEIGHTS_OF(0), WEIGHTS_OF(1), WEIGHTS_OF(2), WEIGHTS_OF(3);
    vec w40 = w00, w41 = w00, w50 = w00, w51 = w00;
    if (steps > 4) WEIGHTS_OF(4), WEIGHTS_OF(5);
    int32_t *sums = b->sums;
    const tap *const *row = b->row + m;
    NO_UNROLL for (; count; count--, sums += 8) {
        const tap *a = *row++;
        vec low = load(bias), high = load(bias + 4);
        STEP_OF(0)
        STEP_OF(1)
        STEP_OF(2)
        STEP_OF(3)
        STEP_OF(4)
        STEP_OF(5)
        store(sums, low);
        store(sums + 4, high);
        KEEP_ORDER();
    }
}

NOINLINE void four_steps(block *b, size_t m, size_t count, const tap *w, const int32_t *bias) {
    few_taps(4, b, m, count, w, bias);
}

NOINLINE void six_steps(block *b, size_t m, size_t count, const tap *w, const int32_t *bias) {
    few_taps(6, b, m, count, w, bias);
}
#endif

// Sums as run_tiles does, by whatever way is fastest; `next`: a panel to touch, or NULL.
INLINE void run_rows(block *b, size_t m, size_t count, const tap *w, const int32_t *bias,
                     const int8_t *next) {
#ifdef ONE_INSTRUCTION
    size_t depth = b->segment_count * b->segment_length;
    if (b->segment_count == 1 && depth == 4 * STEP) four_steps(b, m, count, w, bias);
    else if (b->segment_count == 1 && depth == 6 * STEP) six_steps(b, m, count, w, bias);
    else if (next) run_tiles_touching(b, m, count, w, bias, next, depth);
    else run_tiles(b, m, count, w, bias);
#else
    (void)next;
    run_tiles(b, m, count, w, bias);
#endif
}

// --- Rows and panels in scratch -----------------------------------------------------------------

static const int32_t one_segment[1] = {0};

static size_t round_up(size_t a, size_t unit) { return (a + unit - 1) / unit * unit; }

#if WIDE
INLINE void copy_taps(tap *to, const uint8_t *from, size_t count) {
    size_t k = 0;
    for (; k + 8 <= count; k += 8) store(to + k, wasm_u16x8_load8x8(from + k));
    for (; k < count; k++) to[k] = from[k];
}

// [K/4][8][4] i8 -> [K/2][8][2] i16
static void widen_panel(tap *to, const int8_t *from, size_t depth) {
    for (size_t k = 0; k < depth; k += 4, from += 32, to += 32) {
        vec low = load(from), high = load(from + 16); // columns 0..3 and 4..7, four taps each
        low = wasm_i8x16_shuffle(low, low, 0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
        high = wasm_i8x16_shuffle(high, high, 0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
        store(to, wasm_i16x8_extend_low_i8x16(low));
        store(to + 8, wasm_i16x8_extend_low_i8x16(high));
        store(to + 16, wasm_i16x8_extend_high_i8x16(low));
        store(to + 24, wasm_i16x8_extend_high_i8x16(high));
    }
}
#else
// The last eight may overlap those before: a copy of unknown length would be a call.
INLINE void copy_taps(tap *to, const uint8_t *from, size_t count) {
    size_t k = 0;
    for (; k + 8 <= count; k += 8) memcpy(to + k, from + k, 8);
    if (k == count) return;
    if (count >= 8) memcpy(to + count - 8, from + count - 8, 8);
    else
        for (; k < count; k++) to[k] = from[k];
}
#endif

// One pixel's taps, all segments in a row, and zeros up to `depth`.
static void gather_row(tap *to, const mite_conv_args *a, const uint8_t *from, size_t depth) {
    size_t at = 0;
    for (size_t s = 0; s < a->segment_count; s++, at += a->segment_length)
        copy_taps(to + at, from + a->segments[s], a->segment_length);
    for (; at < depth; at++) to[at] = 0;
}

// `gathered`: room for the block's rows, or NULL to read them in place.
static void fill_block(block *b, const mite_conv_args *a, size_t row0, size_t count, size_t depth,
                       tap *gathered) {
    size_t y = row0 / a->out_width, x = row0 % a->out_width;
    size_t input = y * a->in_row + x * a->in_pixel, output = y * a->out_row + x * a->out_pixel;
    size_t residual = y * a->residual_row + x * a->residual_pixel;
    b->count = count;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = (const uint8_t *)a->input + input;
        b->output[i] = output;
        b->residual[i] = residual;
        if (gathered) {
            b->row[i] = gathered + i * depth;
            gather_row(gathered + i * depth, a, from, depth);
        } else {
            b->row[i] = (const tap *)(const void *)from;
        }
        input += a->in_pixel, output += a->out_pixel, residual += a->residual_pixel;
        if (++x < a->out_width) continue;
        x = 0; // the next row
        input += a->in_row - a->out_width * a->in_pixel;
        output += a->out_row - a->out_width * a->out_pixel;
        residual += a->residual_row - a->out_width * a->residual_pixel;
    }
    b->segments = gathered ? one_segment : a->segments;
    b->segment_count = gathered ? 1 : a->segment_count;
    b->segment_length = gathered ? depth : a->segment_length;
}

// Most rows of a block.
static size_t most_rows(size_t row_bytes) {
    size_t fit = row_bytes ? BLOCK_BYTES / row_bytes : MAX_BLOCK_ROWS;
    return fit < TILE_ROWS ? TILE_ROWS : fit > MAX_BLOCK_ROWS ? MAX_BLOCK_ROWS : fit;
}

static size_t block_rows(size_t rows, size_t row_bytes) {
    size_t most = most_rows(row_bytes);
    if (rows <= most) return rows;
    size_t blocks = (rows + most - 1) / most; // of equal height
    size_t height = round_up((rows + blocks - 1) / blocks, TILE_ROWS);
    return height < most ? height : most;
}

static void conv(const mite_conv_args *a, size_t row0, size_t row1, size_t column0, size_t column1,
                 mite_finish_fn *finish) {
    size_t depth = round_up(a->segment_count * a->segment_length, 4);
    size_t height = block_rows(row1 - row0, depth * sizeof(tap));
    block *b = a->scratch;
    tap *room = (tap *)(void *)((uint8_t *)a->scratch + round_up(sizeof *b, 16));
#if WIDE
    tap *gathered = room + depth * 8;
#else
    tap *gathered = a->segment_length % 4 ? room : NULL;
#endif
    for (size_t first = row0; first < row1; first += height) {
        fill_block(b, a, first, row1 - first < height ? row1 - first : height, depth, gathered);
        bool touches = b->count >= 3 * TILE_ROWS && row1 - row0 <= TOUCH_ROWS;
        for (size_t n = column0; n < column1; n += 8) {
            const int8_t *weights = (const int8_t *)a->weights + n * depth;
            const int8_t *next = n + 8 < column1 ? weights + 8 * depth : NULL;
#if WIDE
            const tap *w = room;
            widen_panel(room, weights, depth);
#else
            const tap *w = (const tap *)(const void *)weights;
#endif
            for (size_t m = 0; m < b->count; m += MITE_FINISH_ROWS) {
                mite_finished f = {.a = a,
                                   .sums = b->sums,
                                   .output = b->output + m,
                                   .residual = b->residual + m,
                                   .row = first + m,
                                   .count = b->count - m < MITE_FINISH_ROWS ? b->count - m
                                                                            : MITE_FINISH_ROWS,
                                   .n = n,
                                   .width = column1 - n < 8 ? column1 - n : 8};
                run_rows(b, m, f.count, w, (const int32_t *)a->bias + n,
                         touches && !m ? next : NULL);
                finish(&f);
            }
        }
    }
}

void CONV_U8(const mite_conv_args *a, size_t row0, size_t row1, size_t column0, size_t column1) {
    conv(a, row0, row1, column0, column1, mite_finish_u8);
}

void CONV_U8_F32(const mite_conv_args *a, size_t row0, size_t row1, size_t column0,
                 size_t column1) {
    conv(a, row0, row1, column0, column1, a->row_scale ? mite_finish_rows : mite_finish_f32);
}
