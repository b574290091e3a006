// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution of u8 activations and i8 weights, 16 channels at a time. Included by the
// files that define, first:
//   ROWS              kernel rows that one product sums: 2 or 4
//   DOT(sum, w, x)    sum + products of ROWS weights and ROWS activations of each of 4 channels;
//                     exact, wrapping
//   WIDE              1: DOT takes i16, 0: bytes
//   DEPTHWISE_U8      the name of the kernel
//   OTHER_WINDOWS     the kernel for windows that are neither 3x3 nor 5x5
//
// ROWS rows of the input are interleaved into a strip, [pixel][16 channels][ROWS], so that one
// vector holds the vertical neighbours of 4 channels. Each strip is made once and read by several
// output rows: those of a 3x3 window and 4 rows in pairs, by moving the weights down one row for
// the second; else the rows of the next groups, from a ring of strips. Tiles of 7 pixels x 4
// channels run over strips, not over the picture, so they need no edge code: what lies behind the
// last pixel is computed and left out.
#include "rounding.h"
#include "simd.h"

#define TILE 7
#define BLOCK 16         // channels
#define STRIP_PIXELS 33  // 4 tiles of stride 1, or 2 of stride 2, and the kernel's overhang
#define STRIPS 5         // that are alive at once, at most
#define MAX_GROUPS 3     // of ROWS kernel rows
#define MAX_KERNEL 5
#define BAND_BYTES 32768 // of cache lines of the input that 16 channels, or all of them, touch

#if WIDE
typedef int16_t tap;
#else
typedef uint8_t tap;
#endif

// Weights of 16 channels: [group][kernel column][16][ROWS].
typedef struct spread {
    tap taps[MAX_GROUPS * MAX_KERNEL * BLOCK * ROWS];
} spread;

typedef struct room {
    tap ring[STRIPS][STRIP_PIXELS * BLOCK * ROWS];
    spread weights, moved; // moved: one row down, for the second of two rows that share a strip
    int32_t sums[STRIP_PIXELS * BLOCK];
    int32_t bias[BLOCK];
    float scale[BLOCK];
} room;

typedef struct lane {
    const mite_depthwise_args *a;
    size_t c, width; // first channel, how many of 16
    size_t last_row; // of the input, that a window reaches
} lane;

INLINE vec load_channels(const uint8_t *from, size_t width) {
    uint8_t some[BLOCK] = {0};
    if (width == BLOCK) return load(from);
    if (width == 8) return wasm_v128_load64_zero(from);
    memcpy(some, from, width);
    return load(some);
}

// Bytes of two rows, [8][2]; pairs of bytes, [4][4].
#define ZIP_LOW(x, y) \
    wasm_i8x16_shuffle(x, y, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(x, y) \
    wasm_i8x16_shuffle(x, y, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)
#define ZIP_PAIRS_LOW(x, y) wasm_i16x8_shuffle(x, y, 0, 8, 1, 9, 2, 10, 3, 11)
#define ZIP_PAIRS_HIGH(x, y) wasm_i16x8_shuffle(x, y, 4, 12, 5, 13, 6, 14, 7, 15)

// Where a pixel of each of ROWS rows lies.
typedef struct rows {
    const uint8_t *row[ROWS];
    size_t step; // from pixel to pixel
} rows;

INLINE void interleave(tap *to, const rows *from, size_t at, size_t width) {
    vec x = load_channels(from->row[0] + at, width), y = load_channels(from->row[1] + at, width);
    vec low = ZIP_LOW(x, y), high = ZIP_HIGH(x, y);
#if WIDE
    store(to, wasm_u16x8_extend_low_u8x16(low));
    store(to + 8, wasm_u16x8_extend_high_u8x16(low));
    store(to + 16, wasm_u16x8_extend_low_u8x16(high));
    store(to + 24, wasm_u16x8_extend_high_u8x16(high));
#else
    x = load_channels(from->row[2] + at, width), y = load_channels(from->row[3] + at, width);
    vec next_low = ZIP_LOW(x, y), next_high = ZIP_HIGH(x, y);
    store(to, ZIP_PAIRS_LOW(low, next_low));
    store(to + 16, ZIP_PAIRS_HIGH(low, next_low));
    store(to + 32, ZIP_PAIRS_LOW(high, next_high));
    store(to + 48, ZIP_PAIRS_HIGH(high, next_high));
#endif
}

// Apart, since the calls of the one would cost the other its registers.
NOINLINE void fill_whole(tap *to, const rows *in_memory, size_t pixels) {
    rows from = *in_memory;
    for (size_t at = 0; pixels; pixels--, at += from.step, to += BLOCK * ROWS)
        interleave(to, &from, at, BLOCK);
}

NOINLINE void fill_some(tap *to, const rows *from, size_t pixels, size_t width) {
    for (size_t at = 0; pixels; pixels--, at += from->step, to += BLOCK * ROWS)
        interleave(to, from, at, width);
}

// The strip of ROWS rows from `y` on, from pixel `x` on. Rows behind the last, whose weights are
// zero, are the last.
static void make_strip(tap *to, const lane *l, size_t y, size_t x, size_t pixels) {
    rows from = {.step = l->a->tap_pixel};
    for (size_t i = 0; i < ROWS; i++) {
        size_t at = y + i < l->last_row ? y + i : l->last_row;
        from.row[i] = (const uint8_t *)l->a->input + at * l->a->tap_row + x * from.step + l->c;
    }
    if (l->width == BLOCK) fill_whole(to, &from, pixels);
    else fill_some(to, &from, pixels, l->width);
}

// [KH/2][KW][8][2], of channels [0, 8), to [group][KW][16][ROWS].
static void spread_weights(tap *to, const int8_t *from, size_t kernel) {
#if WIDE
    for (size_t i = 0; i < (kernel + 1) / 2 * kernel; i++, from += 16, to += BLOCK * ROWS) {
        vec w = load(from);
        store(to, wasm_i16x8_extend_low_i8x16(w));
        store(to + 8, wasm_i16x8_extend_high_i8x16(w));
    }
#else
    for (size_t i = 0; i < kernel; i += 4, from += kernel * 16) {
        for (size_t j = 0; j < kernel; j++, from += 16, to += BLOCK * ROWS) {
            vec w = load(from), next = wasm_i32x4_splat(0);
            if (i + 2 < kernel) next = load(from + kernel * 16);
            store(to, ZIP_PAIRS_LOW(w, next));
            store(to + 16, ZIP_PAIRS_HIGH(w, next));
        }
    }
#endif
}

#define LOAD_WEIGHTS(from) \
    UNROLL for (size_t j = 0; j < kernel; j++) w[j] = load((from) + j * BLOCK * ROWS);

// `count` pixels x `width` channels of one row; strips[g]: first tap in the strip of group g. The
// weights of a single group stay in registers.
INLINE void tiles(const size_t kernel, const size_t stride, const tap *const strips[MAX_GROUPS],
                  const tap *weights, room *r, size_t width, size_t count) {
    const size_t groups = (kernel + ROWS - 1) / ROWS;
    for (size_t c = 0; c < width; c += 4, weights += 4 * ROWS) {
        const int32_t *bias = r->bias + c;
        int32_t *sums = r->sums + c;
        size_t at = c * ROWS, end = count * stride * BLOCK * ROWS;
        vec sum[TILE], w[MAX_KERNEL], first = load(bias);
        if (groups == 1) {
            LOAD_WEIGHTS(weights)
        }
        NO_UNROLL for (; at < end; at += TILE * stride * BLOCK * ROWS) {
            const tap *next = weights;
            if (groups > 1) first = load(bias);
            UNROLL for (size_t t = 0; t < TILE; t++) sum[t] = first;
            NO_UNROLL for (size_t g = 0; g < groups; g++) {
                const tap *x = strips[g] + at;
                if (groups > 1) {
                    LOAD_WEIGHTS(next)
                }
                UNROLL for (size_t column = 0; column < (TILE - 1) * stride + kernel; column++) {
                    vec q = load(x + column * BLOCK * ROWS);
                    UNROLL for (size_t t = 0; t < TILE; t++) {
                        if (column >= t * stride && column - t * stride < kernel)
                            sum[t] = DOT(sum[t], w[column - t * stride], q);
                    }
                    KEEP_ORDER();
                }
                next += kernel * BLOCK * ROWS;
            }
            UNROLL for (size_t t = 0; t < TILE; t++) store(sums + t * BLOCK, sum[t]);
            sums += TILE * BLOCK;
        }
    }
}

typedef void tiles_fn(const tap *const strips[MAX_GROUPS], const tap *weights, room *r,
                      size_t width, size_t count);

#define TILES_OF(kernel, stride)                                                                   \
    NOINLINE void tiles_##kernel##x##kernel##_s##stride(const tap *const strips[MAX_GROUPS],       \
                                                        const tap *weights, room *r, size_t width, \
                                                        size_t count) {                            \
        tiles(kernel, stride, strips, weights, r, width, count);                                   \
    }
TILES_OF(3, 1)
TILES_OF(3, 2)
TILES_OF(5, 1)
TILES_OF(5, 2)

// The tiles for this window, or NULL where it has none.
static tiles_fn *tiles_for(const mite_depthwise_args *a) {
    if (a->kernel_h != a->kernel_w || a->in_pixel != a->stride_w * a->tap_pixel ||
        a->in_row != a->stride_w * a->tap_row)
        return NULL;
    switch (a->kernel_h * 10 + a->stride_w) {
    case 31: return tiles_3x3_s1;
    case 32: return tiles_3x3_s2;
    case 51: return tiles_5x5_s1;
    case 52: return tiles_5x5_s2;
    default: return NULL;
    }
}

// The loop has no branch: a call behind one would cost it its registers.
INLINE void finish_all(const mite_depthwise_args *a, const room *r, uint8_t *output, size_t step,
                       size_t count, const bool clamps) {
    const int32_t *sums = r->sums;
    const float *scale = r->scale;
    rounding to = rounding_to(&a->zero_point);
    vec s0 = load(scale), s1 = load(scale + 4), s2 = load(scale + 8), s3 = load(scale + 12);
    vec lo = wasm_v128_load8_splat(&a->q_lo), hi = wasm_v128_load8_splat(&a->q_hi);
    for (; count; count--, sums += BLOCK, output += step) {
        vec low = wasm_i16x8_narrow_i32x4(round_scaled(load(sums), s0, &to),
                                          round_scaled(load(sums + 4), s1, &to));
        vec high = wasm_i16x8_narrow_i32x4(round_scaled(load(sums + 8), s2, &to),
                                           round_scaled(load(sums + 12), s3, &to));
        vec q = wasm_u8x16_narrow_i16x8(low, high);
        if (clamps) q = wasm_u8x16_min(wasm_u8x16_max(q, lo), hi);
        store(output, q);
    }
}

NOINLINE void finish_clamping(const mite_depthwise_args *a, const room *r, uint8_t *output,
                              size_t step, size_t count) {
    finish_all(a, r, output, step, count, true);
}

NOINLINE void finish_any(const mite_depthwise_args *a, const room *r, uint8_t *output, size_t step,
                         size_t count) {
    finish_all(a, r, output, step, count, false);
}

static void finish_pixels(const mite_depthwise_args *a, const room *r, uint8_t *output, size_t step,
                          size_t count) {
    if (a->q_lo > 0 || a->q_hi < 255) finish_clamping(a, r, output, step, count);
    else finish_any(a, r, output, step, count);
}

static void finish_row(const lane *l, const room *r, uint8_t *output, size_t count) {
    uint8_t whole[STRIP_PIXELS * BLOCK];
    if (l->width == BLOCK) {
        finish_pixels(l->a, r, output, l->a->out_pixel, count);
        return;
    }
    finish_pixels(l->a, r, whole, BLOCK, count);
    for (size_t x = 0; x < count; x++)
        memcpy(output + x * l->a->out_pixel, whole + x * BLOCK, l->width);
}

// Output rows [y0, y1), pixels [x0, x0 + count).
static void run_block(const lane *l, room *r, tiles_fn *run_tiles, size_t y0, size_t y1, size_t x0,
                      size_t count) {
    const mite_depthwise_args *a = l->a;
    size_t stride = a->stride_w, kernel = a->kernel_h;
    size_t groups = (kernel + ROWS - 1) / ROWS, ahead = ROWS / stride;
    size_t pixels = (count - 1) * stride + kernel, made = y0;
    bool shared = kernel + stride <= ROWS; // by two output rows
    for (size_t y = y0; y < y1; y++) {
        bool second = shared && (y - y0) % 2;
        size_t first = second ? y - 1 : y;
        const tap *weights = second ? r->moved.taps : r->weights.taps;
        for (; made <= first + (groups - 1) * ahead; made += 1 + shared)
            make_strip(r->ring[made % STRIPS], l, made * stride, x0 * stride, pixels);
        const tap *strips[MAX_GROUPS];
        for (size_t g = 0; g < groups; g++) strips[g] = r->ring[(first + g * ahead) % STRIPS];
        run_tiles(strips, weights, r, l->width, count);
        finish_row(l, r, (uint8_t *)a->output + y * a->out_row + x0 * a->out_pixel + l->c, count);
    }
}

// Rows of a band: what 8 channels, or all of them, touch of its input stays in the nearest cache.
static size_t band_rows(const mite_depthwise_args *a) {
    size_t line = a->tap_pixel < 64 ? a->tap_pixel : 64;
    size_t bytes = a->out_width * a->stride_w * line * a->stride_w;
    return bytes < BAND_BYTES ? BAND_BYTES / (bytes + 1) : 1;
}

static void prepare_channels(const lane *l, room *r) {
    const mite_depthwise_args *a = l->a;
    size_t taps = (a->kernel_h + 1) / 2 * a->kernel_w * 2;
    for (size_t c = 0; c < l->width; c += 8) {
        spread_weights(r->weights.taps + c * ROWS, (const int8_t *)a->weights + (l->c + c) * taps,
                       a->kernel_h);
        memcpy(r->bias + c, (const int32_t *)a->bias + l->c + c, 8 * sizeof *r->bias);
        memcpy(r->scale + c, a->scale + l->c + c, 8 * sizeof *r->scale);
    }
    if (a->kernel_h + a->stride_w <= ROWS) { // the highest byte of a group of four is zero
        for (size_t i = 0; i < a->kernel_w * BLOCK; i += 4)
            store(r->moved.taps + i * ROWS, wasm_i32x4_shl(load(r->weights.taps + i * ROWS), 8));
    }
}

static void run_channels(const mite_depthwise_args *a, tiles_fn *run_tiles, size_t y0, size_t y1) {
    room r;
    size_t most = (STRIP_PIXELS - MAX_KERNEL) / a->stride_w, band = band_rows(a);
    lane l = {.a = a, .last_row = (y1 - 1) * a->stride_w + a->kernel_h - 1};
    memset(&r, 0, sizeof r); // tiles read on behind the last pixel
    for (size_t y = y0; y < y1; y += band) {
        size_t end = y1 - y < band ? y1 : y + band;
        for (l.c = 0; l.c < a->channels; l.c += BLOCK) {
            l.width = a->channels - l.c < BLOCK ? a->channels - l.c : BLOCK;
            prepare_channels(&l, &r);
            for (size_t x = 0; x < a->out_width; x += most)
                run_block(&l, &r, run_tiles, y, end, x,
                          a->out_width - x < most ? a->out_width - x : most);
        }
    }
}

void DEPTHWISE_U8(const mite_depthwise_args *a, size_t y0, size_t y1) {
    tiles_fn *run_tiles = tiles_for(a);
    if (y0 >= y1) return;
    if (run_tiles) run_channels(a, run_tiles, y0, y1);
    else OTHER_WINDOWS(a, y0, y1);
}
