// SPDX-License-Identifier: Apache-2.0
// Convolution of u8 activations and i8 weights by tiles of 4 output pixels x 8 columns. Included by
// the files that define, first:
//   STEP              taps of one step: STEP activations and STEP x 8 weights
//   DOT(sum, w, x)    sum + products of a vector of weights (4 columns x STEP taps) and one of
//                     activations (the same STEP taps, four times); exact, wrapping
//   WIDE              1: the tile reads i16, panels and rows are widened into scratch first;
//                     0: it reads the weights in place, and the rows where it can
//   CONV_U8, CONV_U8_F32   the names of the kernels
//
// What is said in conv_f32_vector.h about registers holds here too; the limits of the machine are
// the multiplications, so a taller tile gains nothing.
#include "rounding.h"
#include "simd.h"

#if WIDE
typedef int16_t tap; // activations and weights in the tile
#define BLOCK_BYTES 65536 // of widened rows
#else
typedef uint8_t tap;
#define BLOCK_BYTES 65536
#endif
#define TILE_ROWS 4
#define MAX_BLOCK_ROWS 1024

typedef struct block {
    size_t count; // pixels
    const tap *row[MAX_BLOCK_ROWS]; // first tap of each: in the input, or gathered
    size_t output[MAX_BLOCK_ROWS], residual[MAX_BLOCK_ROWS]; // elements from pixel (0,0)
    const int32_t *segments; // steps from row[] to each segment
    size_t segment_count, segment_length; // in taps, as the tile reads them
} block;

typedef struct panel {
    const mite_conv_args *a;
    const tap *weights; // of 8 columns
    size_t n, width; // first column, how many of the 8 exist
} panel;

// --- Epilogues ----------------------------------------------------------------------------------

INLINE vec add_residual(const mite_conv_args *a, vec inner, const uint8_t *residual) {
    vec other = wasm_v128_load64_zero(residual), inner_scale = splat_f32(&a->inner_scale);
    vec scale = splat_f32(&a->residual_scale), offset = splat_f32(&a->offset);
    rounding to = rounding_to(NULL);
    vec low = wasm_f32x4_add(wasm_f32x4_mul(floats_low(other), scale), offset);
    vec high = wasm_f32x4_add(wasm_f32x4_mul(floats_high(other), scale), offset);
    low = wasm_f32x4_add(wasm_f32x4_mul(floats_low(inner), inner_scale), low);
    high = wasm_f32x4_add(wasm_f32x4_mul(floats_high(inner), inner_scale), high);
    return narrow_u8(round_f32(low, &to), round_f32(high, &to));
}

INLINE void finish_u8(const panel *p, const block *b, size_t m, vec low, vec high) {
    const mite_conv_args *a = p->a;
    const float *scale = a->scale + p->n;
    rounding to = rounding_to(&a->zero_point);
    vec q =
        narrow_u8(round_scaled(low, load(scale), &to), round_scaled(high, load(scale + 4), &to));
    uint8_t *out = (uint8_t *)a->output + b->output[m] + p->n;
    if (a->residual) {
        const uint8_t *residual = (const uint8_t *)a->residual + b->residual[m] + p->n;
        uint8_t some[8] = {0};
        if (p->width < 8) memcpy(some, residual, p->width);
        q = add_residual(a, q, p->width < 8 ? some : residual);
    }
    q = wasm_u8x16_min(wasm_u8x16_max(q, wasm_v128_load8_splat(&a->q_lo)),
                       wasm_v128_load8_splat(&a->q_hi));
    if (p->width == 8) wasm_v128_store64_lane(out, q, 0);
    else store_some(out, q, p->width);
}

INLINE void finish_f32(const panel *p, const block *b, size_t m, vec low, vec high) {
    const mite_conv_args *a = p->a;
    const float *scale = a->scale + p->n;
    float *out = (float *)a->output + b->output[m] + p->n;
    float values[8];
    store(values, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(low), load(scale)));
    store(values + 4, wasm_f32x4_mul(wasm_f32x4_convert_i32x4(high), load(scale + 4)));
    for (size_t c = 0; c < p->width; c++) {
        if (a->residual) values[c] += ((const float *)a->residual)[b->residual[m] + p->n + c];
        out[c] = mite_clamp(values[c], a->lo, a->hi);
    }
}

// --- Tiles --------------------------------------------------------------------------------------

#define STEP_ROW(r)                \
    x = splat_i32(a##r);           \
    a##r += STEP;                  \
    c##r##0 = DOT(c##r##0, w0, x); \
    c##r##1 = DOT(c##r##1, w1, x);

#define FINISH_ROW(r)                                          \
    if (rows > r) {                                            \
        if (to_f32) finish_f32(p, b, m + r, c##r##0, c##r##1); \
        else finish_u8(p, b, m + r, c##r##0, c##r##1);         \
    }

INLINE void tile(const size_t rows, const int to_f32, const panel *p, const block *b, size_t m) {
    const int32_t *bias = (const int32_t *)p->a->bias + p->n;
    const tap *w = p->weights;
    vec c00 = load(bias), c01 = load(bias + 4), c10 = c00, c11 = c01;
    vec c20 = c00, c21 = c01, c30 = c00, c31 = c01;
    for (size_t s = 0; s < b->segment_count; s++) {
        const tap *a0 = b->row[m] + b->segments[s], *a1 = a0, *a2 = a0, *a3 = a0;
        if (rows > 1) a1 = b->row[m + 1] + b->segments[s];
        if (rows > 2) a2 = b->row[m + 2] + b->segments[s];
        if (rows > 3) a3 = b->row[m + 3] + b->segments[s];
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
            w += 8 * STEP;
            KEEP_ORDER();
        }
    }
    FINISH_ROW(0)
    FINISH_ROW(1)
    FINISH_ROW(2)
    FINISH_ROW(3)
}

#define TILE(rows)                                                            \
    NOINLINE void tile_##rows(const panel *p, const block *b, size_t m) {     \
        tile(rows, 0, p, b, m);                                               \
    }                                                                         \
    NOINLINE void tile_f32_##rows(const panel *p, const block *b, size_t m) { \
        tile(rows, 1, p, b, m);                                               \
    }
TILE(1)
TILE(2)
TILE(3)
TILE(4)

static void run_panel(const panel *p, const block *b, int to_f32) {
    for (size_t m = 0; m < b->count;) {
        size_t left = b->count - m;
        switch (left < 4 ? left : 4) {
        case 4: to_f32 ? tile_f32_4(p, b, m) : tile_4(p, b, m); break;
        case 3: to_f32 ? tile_f32_3(p, b, m) : tile_3(p, b, m); break;
        case 2: to_f32 ? tile_f32_2(p, b, m) : tile_2(p, b, m); break;
        default: to_f32 ? tile_f32_1(p, b, m) : tile_1(p, b, m); break;
        }
        m += left < 4 ? left : 4;
    }
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
INLINE void copy_taps(tap *to, const uint8_t *from, size_t count) { memcpy(to, from, count); }
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
    b->count = count;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *from = (const uint8_t *)a->input + y * a->in_row + x * a->in_pixel;
        b->output[i] = y * a->out_row + x * a->out_pixel;
        b->residual[i] = y * a->residual_row + x * a->residual_pixel;
        if (gathered) {
            b->row[i] = gathered + i * depth;
            gather_row(gathered + i * depth, a, from, depth);
        } else {
            b->row[i] = (const tap *)(const void *)from;
        }
        if (++x == a->out_width) x = 0, y++;
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
                 int to_f32) {
    size_t depth = round_up(a->segment_count * a->segment_length, 4);
    size_t height = block_rows(row1 - row0, depth * sizeof(tap));
    block *b = a->scratch;
    tap *room = (tap *)(void *)((uint8_t *)a->scratch + round_up(sizeof *b, 16));
    panel p = {.a = a};
#if WIDE
    tap *gathered = room + depth * 8;
#else
    tap *gathered = a->segment_length % 4 ? room : NULL;
#endif
    for (size_t first = row0; first < row1; first += height) {
        fill_block(b, a, first, row1 - first < height ? row1 - first : height, depth, gathered);
        for (p.n = column0; p.n < column1; p.n += 8) {
            const int8_t *weights = (const int8_t *)a->weights + p.n * depth;
#if WIDE
            widen_panel(room, weights, depth);
            p.weights = room;
#else
            p.weights = (const tap *)(const void *)weights;
#endif
            p.width = column1 - p.n < 8 ? column1 - p.n : 8;
            run_panel(&p, b, to_f32);
        }
    }
}

void CONV_U8(const mite_conv_args *a, size_t row0, size_t row1, size_t column0, size_t column1) {
    conv(a, row0, row1, column0, column1, 0);
}

void CONV_U8_F32(const mite_conv_args *a, size_t row0, size_t row1, size_t column0,
                 size_t column1) {
    conv(a, row0, row1, column0, column1, 1);
}
