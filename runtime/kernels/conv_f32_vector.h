// SPDX-License-Identifier: Apache-2.0
// Convolution in f32 by tiles of TILE_ROWS output pixels x 8 columns. Included by the files that
// define, first:
//   MADD(x, y, sum)   sum + x * y
//   TILE_ROWS         6, or 4 where MADD is two instructions and wants a register of its own
//   CONV              the name of the kernel
//
// V8 has 15 usable vector registers. 6 x 2 sums, two vectors of weights and one of activations
// fill them, so nothing else may stay alive over the loop, sums are named scalars (arrays end up in
// memory), and the loop over depth is not unrolled.
#include "rounding.h"
#include "simd.h"

// Input is read again for every panel of 8 columns: where it does not fit the second cache, rows are
// taken in blocks, each of which reads all weights again.
#define WHOLE_BYTES 524288
#define BLOCK_BYTES 131072
#define MAX_BLOCK_ROWS 1024

// So few rows touch the next panel's weights (simd.h, TOUCH), but not fewer than three tiles: they come
// to the next panel too soon for that, and wait longer than without.
#define TOUCH_ROWS 256

// Where the pixels of a block lie, in elements from pixel (0,0).
typedef struct offsets {
    size_t input[MAX_BLOCK_ROWS], output[MAX_BLOCK_ROWS], residual[MAX_BLOCK_ROWS];
} offsets;

#define STEP_ROW(r)                 \
    x = splat_f32(a##r++);          \
    c##r##0 = MADD(x, w0, c##r##0); \
    c##r##1 = MADD(x, w1, c##r##1);

INLINE void finish_row(const mite_conv_args *a, size_t n, size_t width, size_t out, size_t residual,
                       vec low, vec high) {
    float *to = (float *)a->output + out + n;
    vec lo = splat_f32(&a->lo), hi = splat_f32(&a->hi);
    if (width == 8) {
        if (a->residual) {
            const float *from = (const float *)a->residual + residual + n;
            low = wasm_f32x4_add(low, load(from));
            high = wasm_f32x4_add(high, load(from + 4));
        }
        store(to, clamp_f32(low, lo, hi));
        store(to + 4, clamp_f32(high, lo, hi));
        return;
    }
    float values[8];
    store(values, low);
    store(values + 4, high);
    for (size_t c = 0; c < width; c++) {
        if (a->residual) values[c] += ((const float *)a->residual)[residual + n + c];
        to[c] = mite_clamp(values[c], a->lo, a->hi);
    }
}

#define FINISH_ROW(r) \
    if (rows > r) finish_row(a, n, width, at->output[m + r], at->residual[m + r], c##r##0, c##r##1);

// `rows` <= TILE_ROWS pixels from the m-th of the block on; columns n to n + width; with `touches`, a
// word a step from `next` on is touched.
INLINE void tile(const size_t rows, const mite_conv_args *a, const offsets *at, size_t m, size_t n,
                 size_t width, const bool touches, touched *next) {
    const float *bias = (const float *)a->bias + n;
    const float *w = (const float *)a->weights + n * a->segment_count * a->segment_length;
    vec c00 = load(bias), c01 = load(bias + 4), c10 = c00, c11 = c01, c20 = c00, c21 = c01;
    vec c30 = c00, c31 = c01, c40 = c00, c41 = c01, c50 = c00, c51 = c01;
    for (size_t s = 0; s < a->segment_count; s++) {
        const float *from = (const float *)a->input + a->segments[s];
        const float *a0 = from + at->input[m], *a1 = a0, *a2 = a0, *a3 = a0, *a4 = a0, *a5 = a0;
        if (rows > 1) a1 = from + at->input[m + 1];
        if (rows > 2) a2 = from + at->input[m + 2];
        if (rows > 3) a3 = from + at->input[m + 3];
        if (rows > 4) a4 = from + at->input[m + 4];
        if (rows > 5) a5 = from + at->input[m + 5];
        NO_UNROLL for (size_t k = a->segment_length; k; k--) {
            vec w0 = load(w), w1 = load(w + 4), x;
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
            w += 8;
            if (touches) TOUCH(next, sizeof(float));
            KEEP_ORDER();
        }
    }
    FINISH_ROW(0)
    FINISH_ROW(1)
    FINISH_ROW(2)
    FINISH_ROW(3)
    FINISH_ROW(4)
    FINISH_ROW(5)
}

#define TILE(rows)                                                                            \
    NOINLINE void tile_##rows(const mite_conv_args *a, const offsets *at, size_t m, size_t n, \
                              size_t width) {                                                 \
        tile(rows, a, at, m, n, width, false, NULL);                                          \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)
#if TILE_ROWS == 6
TILE(5)
TILE(6)
#endif

NOINLINE void run_tile(size_t rows, const mite_conv_args *a, const offsets *at, size_t m, size_t n,
                       size_t width) {
    switch (rows) {
#if TILE_ROWS == 6
    case 6: tile_6(a, at, m, n, width); break;
    case 5: tile_5(a, at, m, n, width); break;
#endif
    case 4: tile_4(a, at, m, n, width); break;
    case 3: tile_3(a, at, m, n, width); break;
    case 2: tile_2(a, at, m, n, width); break;
    default: tile_1(a, at, m, n, width); break;
    }
}

#define TOUCHING_TILE(rows)                                                                  \
    NOINLINE void touching_tile_##rows(const mite_conv_args *a, const offsets *at, size_t m, \
                                       size_t n, size_t width, touched *next) {              \
        tile(rows, a, at, m, n, width, true, next);                                          \
    }
#if TILE_ROWS == 6
TOUCHING_TILE(4)
TOUCHING_TILE(5)
TOUCHING_TILE(6)
#else
TOUCHING_TILE(3)
TOUCHING_TILE(4)
#endif

// Three full tiles' rows or more are split into no smaller ones than these.
NOINLINE void run_touching_tile(size_t rows, const mite_conv_args *a, const offsets *at, size_t m,
                                size_t n, size_t width, touched *next) {
    switch (rows) {
#if TILE_ROWS == 6
    case 6: touching_tile_6(a, at, m, n, width, next); break;
    case 5: touching_tile_5(a, at, m, n, width, next); break;
    default: touching_tile_4(a, at, m, n, width, next); break;
#else
    case 4: touching_tile_4(a, at, m, n, width, next); break;
    default: touching_tile_3(a, at, m, n, width, next); break;
#endif
    }
}

// One output pixel of a matrix product: the weights are read once, so four panels go abreast.
#define STEP_PANEL(p)                           \
    c##p##0 = MADD(x, load(w##p), c##p##0);     \
    c##p##1 = MADD(x, load(w##p + 4), c##p##1); \
    w##p += 8;

NOINLINE void four_panels(const mite_conv_args *a, const offsets *at, size_t n) {
    size_t depth = a->segment_length;
    const float *x_at = (const float *)a->input + a->segments[0] + at->input[0];
    const float *w0 = (const float *)a->weights + n * depth, *w1 = w0 + 8 * depth;
    const float *w2 = w1 + 8 * depth, *w3 = w2 + 8 * depth, *bias = (const float *)a->bias + n;
    vec c00 = load(bias), c01 = load(bias + 4), c10 = load(bias + 8), c11 = load(bias + 12);
    vec c20 = load(bias + 16), c21 = load(bias + 20), c30 = load(bias + 24), c31 = load(bias + 28);
    NO_UNROLL for (size_t k = 0; k < depth; k++) {
        vec x = splat_f32(x_at + k);
        STEP_PANEL(0)
        STEP_PANEL(1)
        STEP_PANEL(2)
        STEP_PANEL(3)
        KEEP_ORDER();
    }
    finish_row(a, n, 8, at->output[0], at->residual[0], c00, c01);
    finish_row(a, n + 8, 8, at->output[0], at->residual[0], c10, c11);
    finish_row(a, n + 16, 8, at->output[0], at->residual[0], c20, c21);
    finish_row(a, n + 24, 8, at->output[0], at->residual[0], c30, c31);
}

static void fill_offsets(offsets *at, const mite_conv_args *a, size_t row0, size_t rows) {
    size_t y = row0 / a->out_width, x = row0 % a->out_width;
    for (size_t i = 0; i < rows; i++) {
        at->input[i] = y * a->in_row + x * a->in_pixel;
        at->output[i] = y * a->out_row + x * a->out_pixel;
        at->residual[i] = y * a->residual_row + x * a->residual_pixel;
        if (++x == a->out_width) x = 0, y++;
    }
}

// Rows of the next tile: as few tiles as possible, and no small one left at the end where the
// last few can share it (13 = 5 + 4 + 4, not 6 + 6 + 1).
static size_t next_rows(size_t left) {
    size_t tiles = (left + TILE_ROWS - 1) / TILE_ROWS;
    return (left + tiles - 1) / tiles;
}

// All pixels of a block, one panel.
static void run_panel(const mite_conv_args *a, const offsets *at, size_t count, size_t n,
                      size_t width) {
    for (size_t m = 0; m < count;) {
        size_t rows = next_rows(count - m);
        run_tile(rows, a, at, m, n, width);
        m += rows;
    }
}

// The same, while the first eight tiles touch an eighth of the next panel each.
static void run_panel_touching(const mite_conv_args *a, const offsets *at, size_t count, size_t n,
                               size_t width) {
    size_t depth = a->segment_count * a->segment_length;
    const float *next = (const float *)a->weights + (n + 8) * depth;
    for (size_t m = 0, t = 0; m < count; t++) {
        size_t rows = next_rows(count - m);
        run_touching_tile(rows, a, at, m, n, width, (touched *)(next + t % 8 * depth));
        m += rows;
    }
}

static size_t input_at(const mite_conv_args *a, size_t row) {
    return row / a->out_width * a->in_row + row % a->out_width * a->in_pixel;
}

// Bytes of the input that rows [row0, row1) read: their windows may overlap.
static size_t bytes_read(const mite_conv_args *a, size_t row0, size_t row1) {
    size_t depth = a->segment_count * a->segment_length, rows = row1 - row0;
    size_t reach = (size_t)a->segments[a->segment_count - 1] + a->segment_length;
    size_t span = input_at(a, row1 - 1) - input_at(a, row0) + reach;
    return (depth && rows > span / depth ? span : rows * depth) * sizeof(float);
}

void CONV(const mite_conv_args *a, size_t row0, size_t row1, size_t column0, size_t column1) {
    offsets *at = a->scratch;
    if (row0 >= row1) return;
    size_t rows = row1 - row0, block = rows, bytes = bytes_read(a, row0, row1);
    if (bytes > WHOLE_BYTES) {
        size_t blocks = (bytes + BLOCK_BYTES - 1) / BLOCK_BYTES;
        block = (rows + blocks - 1) / blocks;
        block = (block + TILE_ROWS - 1) / TILE_ROWS * TILE_ROWS;
    }
    if (block > MAX_BLOCK_ROWS) block = MAX_BLOCK_ROWS / TILE_ROWS * TILE_ROWS;
    for (size_t first = row0; first < row1; first += block) {
        size_t count = row1 - first < block ? row1 - first : block, n = column0;
        fill_offsets(at, a, first, count);
        if (count == 1 && a->segment_count == 1) {
            for (; column1 - n >= 32; n += 32) four_panels(a, at, n);
        }
        for (; n < column1; n += 8) {
            size_t width = column1 - n < 8 ? column1 - n : 8;
            if (n + 8 < column1 && count >= 3 * TILE_ROWS && rows <= TOUCH_ROWS)
                run_panel_touching(a, at, count, n, width);
            else run_panel(a, at, count, n, width);
        }
    }
}
