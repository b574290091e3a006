// SPDX-License-Identifier: Apache-2.0
// Pooling, resizing, padding, and pixels that become channels or images and back.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_nodes.h"
#include "import/tflite/tflite_window.h"

#include <math.h>
#include <string.h>

// --- Pools --------------------------------------------------------------------------------------

enum { POOL_PADDING, POOL_STRIDE_W, POOL_STRIDE_H, POOL_WIDTH, POOL_HEIGHT, POOL_ACTIVATION };

static bool place_pool(tfl_import *c, tfl_window *w, const mite_ir_value *x) {
    *w = (tfl_window){
        .kernel = {tfl_option(c, POOL_HEIGHT), tfl_option(c, POOL_WIDTH)},
        .stride = {tfl_option(c, POOL_STRIDE_H), tfl_option(c, POOL_STRIDE_W)},
        .dilation = {1, 1},
    };
    return x && tfl_place_window(c, w, x, tfl_option_byte(c, POOL_PADDING));
}

static mite_ir_value *emit_pool(tfl_import *c, const char *op, mite_ir_value *x) {
    tfl_window w;
    if (!place_pool(c, &w, x)) return NULL;
    return MITE_IR_EMIT(c->g, .op = op, .name = tfl_name(c), .inputs = {x},
                        .attrs = {{"kernel_h", .word = w.kernel[0]},
                                  {"kernel_w", .word = w.kernel[1]},
                                  TFL_WINDOW_ATTRS(&w)});
}

// An odd number of quanta, in every window, has an average that lies halfway between no two.
static bool may_tie(const tfl_window *w) {
    bool pads = w->pad[0] || w->pad[1] || w->pad[2] || w->pad[3];
    return pads || w->kernel[0] % 2 == 0 || w->kernel[1] % 2 == 0;
}

// Of quanta, which are not rescaled. False (nothing done) where average_pool2d rounds them as well.
static bool set_average(tfl_import *c) {
    tfl_window w;
    int32_t lo, hi;
    mite_ir_value *q = tfl_picture(c, 0) ? tfl_in(c, 0) : NULL;
    if (!place_pool(c, &w, q)) return true;
    if (q->dtype == MITE_U8 && !may_tie(&w)) return false;
    if (!tfl_activation_quanta(c, tfl_option_byte(c, POOL_ACTIVATION), &lo, &hi)) return true;
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "average_pool_fixed", .name = tfl_name(c), .inputs = {q},
                         .scale = q->scale, .zero_point = q->zero_point,
                         .attrs = {{"kernel_h", .word = w.kernel[0]},
                                   {"kernel_w", .word = w.kernel[1]},
                                   TFL_WINDOW_ATTRS(&w),
                                   {"offset", .word = tfl_input(c, 0)->type == TFL_INT8 ? 128 : 0},
                                   {"lo", .word = lo},
                                   {"hi", .word = hi}}));
    return true;
}

void tfl_pool(tfl_import *c) {
    bool average = !strcmp(tfl_op_of(c->node)->op, "average_pool2d");
    if (average && tfl_input(c, 0) && tfl_is_quantized(tfl_input(c, 0)) &&
        tfl_same_quantization(c, 0) && set_average(c))
        return;
    mite_ir_value *y = emit_pool(c, tfl_op_of(c->node)->op, tfl_picture(c, 0));
    tfl_set(c, 0, tfl_activate(c, y, tfl_option_byte(c, POOL_ACTIVATION)));
}

// The root of the mean square.
void tfl_l2_pool(tfl_import *c) {
    mite_ir_value *x = tfl_picture(c, 0);
    mite_ir_value *y = emit_pool(c, "average_pool2d", tfl_emit_binary(c, "mul", x, x));
    y = tfl_emit_unary(c, "sqrt", y);
    tfl_set(c, 0, tfl_activate(c, y, tfl_option_byte(c, POOL_ACTIVATION)));
}

// --- Resize -------------------------------------------------------------------------------------

// Nearest: half_pixel takes floor((y + 1/2) scale), align_corners rounds, otherwise floor(y scale).
void tfl_resize(tfl_import *c) {
    enum { HALF_PIXEL, ASYMMETRIC, ALIGN_CORNERS };
    enum { PREFER_CEIL = 1, FLOOR = 2 };
    bool linear = !strcmp(tfl_op_of(c->node)->name, "RESIZE_BILINEAR");
    bool align = tfl_option_byte(c, linear ? 2 : 0) != 0, half = tfl_option_byte(c, linear ? 3 : 1);
    int64_t size[2];
    size_t count;
    mite_ir_value *x = tfl_picture(c, 0);
    if (!x || !tfl_numbers(c, 1, "size", size, 2, &count)) return;
    if (count != 2 || size[0] < 1 || size[1] < 1 || size[0] > INT32_MAX || size[1] > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its size is no height and width");
        return;
    }
    int32_t coordinates = half ? HALF_PIXEL : align ? ALIGN_CORNERS : ASYMMETRIC;
    const tfl_tensor *t = tfl_input(c, 0);
    if (linear && tfl_is_quantized(t) && tfl_same_quantization(c, 0)) {
        mite_ir_value *q = tfl_in(c, 0);
        if (!q) return;
        tfl_set(c, 0,
                MITE_IR_EMIT(c->g, .op = "resize_fixed", .name = tfl_name(c), .inputs = {q},
                             .attrs = {{"height", .word = (int32_t)size[0]},
                                       {"width", .word = (int32_t)size[1]},
                                       {"coordinates", .word = coordinates},
                                       {"offset", .word = t->type == TFL_INT8 ? 128 : 0}},
                             .scale = q->scale, .zero_point = q->zero_point));
        return;
    }
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "resize", .name = tfl_name(c), .inputs = {x},
                         .attrs = {{"height", .word = (int32_t)size[0]},
                                   {"width", .word = (int32_t)size[1]},
                                   {"mode", .word = linear},
                                   {"coordinates", .word = coordinates},
                                   {"rounding", .word = half || align ? PREFER_CEIL : FLOOR}}));
}

// --- Padding ------------------------------------------------------------------------------------

// Input 1: [rank, 2], before and after each dimension.
static bool read_pads(tfl_import *c, const mite_ir_value *x, int32_t *before, int32_t *after) {
    int64_t pads[2 * MITE_MAX_RANK];
    size_t count;
    if (!tfl_has_rank(c, x) || !tfl_numbers(c, 1, "paddings", pads, 2 * MITE_MAX_RANK, &count)) {
        return false;
    }
    bool good = count == 2 * (size_t)x->rank;
    for (size_t i = 0; good && i < (size_t)x->rank; i++) {
        good = pads[2 * i] >= 0 && pads[2 * i] <= INT32_MAX && pads[2 * i + 1] >= 0 &&
               pads[2 * i + 1] <= INT32_MAX;
        before[i] = good ? (int32_t)pads[2 * i] : 0;
        after[i] = good ? (int32_t)pads[2 * i + 1] : 0;
    }
    if (!good) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "its %z paddings must be two for each of %d dimensions, none negative", count,
                     x->rank);
    }
    return good;
}

static bool scalar_of(tfl_import *c, size_t k, float *out) {
    const mite_ir_value *v = tfl_real(c, k);
    *out = 0;
    if (v && v->data && mite_ir_elements(v) == 1) *out = *(const float *)v->data;
    else mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its value must be one constant number");
    return mite_ir_ok(c->g);
}

void tfl_pad(tfl_import *c) {
    int32_t before[MITE_MAX_RANK], after[MITE_MAX_RANK];
    float value = 0;
    mite_ir_value *x = tfl_plain(c, 0);
    if (!x || !read_pads(c, x, before, after)) return;
    size_t rank = (size_t)x->rank;
    bool real = x->dtype == MITE_F32;
    if (real && tfl_has(c, 2) && !scalar_of(c, 2, &value)) return;
    if (real) {
        tfl_set(c, 0,
                MITE_IR_EMIT(c->g, .op = "pad", .name = tfl_name(c), .inputs = {x},
                             .attrs = {{"before", .list = before, .list_count = rank},
                                       {"after", .list = after, .list_count = rank},
                                       {"value", .word = mite_ir_bits(value)}}));
        return;
    }
    tfl_set(c, 0, tfl_emit_pad_integers(c, x, before, after, tfl_has(c, 2) ? tfl_in(c, 2) : NULL));
}

// One dimension after another, by the indices that a mirror shows.
void tfl_mirror_pad(tfl_import *c) {
    enum { REFLECT, SYMMETRIC }; // without and with the outermost element
    int32_t before[MITE_MAX_RANK], after[MITE_MAX_RANK];
    int32_t edge = tfl_option_byte(c, 0) == REFLECT;
    bool quanta = tfl_same_quantization(c, 0);
    mite_ir_value *x = quanta ? tfl_in(c, 0) : tfl_plain(c, 0);
    if (!x || !read_pads(c, x, before, after)) return;
    for (size_t i = 0; x && i < (size_t)x->rank; i++) {
        int64_t in = x->shape[i], count = in + before[i] + after[i];
        if (!before[i] && !after[i]) continue;
        if (x->open >> i & 1 && !tfl_is_fixed(c, x)) return;
        if (before[i] > in - edge || after[i] > in - edge || count > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT,
                         "%d and %d elements cannot mirror the %D of "
                         "dimension %z",
                         before[i], after[i], in, i);
            return;
        }
        int64_t *indices = mite_ir_alloc(c->g, (size_t)count, sizeof *indices);
        for (int64_t k = 0; indices && k < count; k++) {
            int64_t at = k - before[i];
            if (at < 0) at = -at - 1 + edge;
            if (at >= in) at = 2 * in - 1 - at - edge;
            indices[k] = at;
        }
        x = indices ? tfl_emit_gather(c, x, i, indices, (size_t)count) : NULL;
    }
    tfl_set(c, 0, x);
}

// --- Pixels, channels, images -------------------------------------------------------------------

static bool read_block(tfl_import *c, int32_t *block) {
    *block = tfl_option(c, 0);
    if (*block >= 1 && *block <= 1 << 15) return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its block size is %d", *block);
    return false;
}

// Input 0, whatever its type, as a picture. Of real numbers where it is quantized: the passes find
// the quanta again.
static mite_ir_value *any_picture(tfl_import *c) {
    mite_ir_value *x = tfl_plain(c, 0);
    if (!x || x->dtype == MITE_F32) return tfl_picture(c, 0);
    if (tfl_is_fixed(c, x) && x->rank == 4) return x;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its input is no picture [N,H,W,C]");
    return NULL;
}

void tfl_depth_to_space(tfl_import *c) {
    int32_t block;
    mite_ir_value *x = any_picture(c);
    if (!x || !read_block(c, &block)) return;
    int32_t channels = x->shape[3] / (block * block);
    if (x->shape[3] % (block * block)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "%d channels are no multiple of its block %dx%d",
                     x->shape[3], block, block);
        return;
    }
    tfl_set(c, 0, tfl_channels_to_pixels(c, x, block, block, channels));
}

void tfl_space_to_depth(tfl_import *c) {
    int32_t block;
    mite_ir_value *x = any_picture(c);
    if (!x || !read_block(c, &block)) return;
    if (x->open & 6 && !tfl_is_fixed(c, x)) return;
    if (x->shape[1] % block || x->shape[2] % block) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "%dx%d pixels are no multiple of its block %d",
                     x->shape[1], x->shape[2], block);
        return;
    }
    tfl_set(c, 0, tfl_pixels_to_channels(c, x, block, block));
}

// Blocks (input 1) of the spatial dimensions, one or two; sequences are taken as pictures of width
// 1. Pads or crops are input 2. Gives x as a picture.
typedef struct blocks {
    mite_ir_value *x;
    int32_t size[2];
    int64_t edges[4]; // top, bottom, left, right
    size_t spatial;
} blocks;

static bool read_blocks(tfl_import *c, blocks *b) {
    int64_t size[2] = {1, 1}, edges[4] = {0};
    size_t count, edge_count;
    *b = (blocks){.x = tfl_real(c, 0)};
    if (!b->x || !tfl_has_rank(c, b->x) || !tfl_numbers(c, 1, "block", size, 2, &count) ||
        !tfl_numbers(c, 2, "edges", edges, 4, &edge_count)) {
        return false;
    }
    bool good = count >= 1 && edge_count == 2 * count && b->x->rank == (int32_t)count + 2;
    for (size_t i = 0; i < 4; i++) good = good && edges[i] >= 0 && edges[i] <= INT32_MAX;
    for (size_t i = 0; i < 2; i++) good = good && size[i] >= 1 && size[i] <= 1 << 15;
    if (!good) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its input has shape %T, its block %z dimensions; supported are [N,H,W,C] "
                     "with two and [N,H,C] with one, at least 1, and edges that are not negative",
                     (size_t)b->x->rank, b->x->shape, count);
        return false;
    }
    b->spatial = count;
    if (b->x->open & ~1 && !tfl_is_fixed(c, b->x)) return false;
    for (size_t i = 0; i < 2; i++) b->size[i] = (int32_t)size[i];
    memcpy(b->edges, edges, sizeof edges);
    const int32_t *d = b->x->shape;
    if (count == 1)
        b->x = tfl_reshape(c, b->x, 4, (const int32_t[]){tfl_dim(b->x, 0), d[1], 1, d[2]});
    return b->x != NULL;
}

static void set_blocks(tfl_import *c, const blocks *b, mite_ir_value *y) {
    if (y && b->spatial == 1) {
        y = tfl_reshape(c, y, 3, (const int32_t[]){tfl_dim(y, 0), y->shape[1], y->shape[3]});
    }
    tfl_set(c, 0, y);
}

// [N,H,W,C] -> [bh*bw*N, H/bh, W/bw, C]; image (i, j, n) has the pixels i, j of every block.
void tfl_space_to_batch(tfl_import *c) {
    blocks b;
    if (!read_blocks(c, &b)) return;
    const int32_t before[4] = {0, (int32_t)b.edges[0], (int32_t)b.edges[2], 0};
    const int32_t after[4] = {0, (int32_t)b.edges[1], (int32_t)b.edges[3], 0};
    mite_ir_value *x = MITE_IR_EMIT(c->g, .op = "pad", .name = tfl_name(c), .inputs = {b.x},
                                    .attrs = {{"before", .list = before, .list_count = 4},
                                              {"after", .list = after, .list_count = 4}});
    if (!x) return;
    const int32_t *d = x->shape;
    int32_t bh = b.size[0], bw = b.size[1], images = tfl_dim(x, 0);
    int64_t all = images < 0 ? -1 : (int64_t)images * bh * bw;
    if (d[1] % bh || d[2] % bw || all > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "%dx%d padded pixels are no multiple of its block %dx%d", d[1], d[2], bh, bw);
        return;
    }
    int32_t h = d[1] / bh, w = d[2] / bw, channels = d[3];
    x = tfl_reshape(c, x, 6, (const int32_t[]){images, h, bh, w, bw, channels});
    x = tfl_transpose(c, x, (const int32_t[]){2, 4, 0, 1, 3, 5});
    set_blocks(c, &b, tfl_reshape(c, x, 4, (const int32_t[]){(int32_t)all, h, w, channels}));
}

void tfl_batch_to_space(tfl_import *c) {
    blocks b;
    if (!read_blocks(c, &b)) return;
    const int32_t *d = b.x->shape;
    int32_t bh = b.size[0], bw = b.size[1], h = d[1], w = d[2], channels = d[3];
    int64_t tall = (int64_t)h * bh, wide = (int64_t)w * bw;
    if ((!b.x->open && d[0] % (bh * bw)) || tall > INT32_MAX || wide > INT32_MAX ||
        b.edges[0] + b.edges[1] > tall || b.edges[2] + b.edges[3] > wide) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "%d images are no multiple of its block %dx%d, or its "
                     "crops leave nothing",
                     d[0], bh, bw);
        return;
    }
    int32_t images = b.x->open ? -1 : d[0] / (bh * bw);
    mite_ir_value *x = tfl_reshape(c, b.x, 6, (const int32_t[]){bh, bw, images, h, w, channels});
    x = tfl_transpose(c, x, (const int32_t[]){2, 3, 0, 4, 1, 5});
    x = tfl_reshape(c, x, 4, (const int32_t[]){images, (int32_t)tall, (int32_t)wide, channels});
    int64_t begin[4] = {0, b.edges[0], b.edges[2], 0};
    if (!x) return;
    int64_t size[4] = {x->shape[0], tall - b.edges[0] - b.edges[1], wide - b.edges[2] - b.edges[3],
                       channels};
    set_blocks(c, &b, tfl_emit_slice(c, x, begin, size));
}
