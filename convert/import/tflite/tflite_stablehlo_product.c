// SPDX-License-Identifier: Apache-2.0
// StableHLO's dot_general and convolution: their dimensions are brought into the order that mite's
// products have them in, and those of the result back.
#include "import/tflite/tflite_stablehlo.h"
#include "import/tflite/tflite_window.h"

#include <string.h>

// --- dot_general ------------------------------------------------------------------------------------

// One side: its dimensions in the order batches, those summed over, others; and how many elements each of
// the three has.
typedef struct side {
    int32_t order[MITE_MAX_RANK], shape[MITE_MAX_RANK]; // shape: in that order
    size_t batches, summed, rank;
    int64_t sizes[3];
} side;

static bool read_side(tfl_import *c, const mite_ir_value *x, size_t batches, size_t summed,
                      side *s) {
    int64_t list[2 * MITE_MAX_RANK];
    *s = (side){.rank = (size_t)x->rank, .sizes = {1, 1, 1}};
    if (!tfl_stablehlo_list(c, batches, s->rank, list, &s->batches) ||
        !tfl_stablehlo_list(c, summed, s->rank, list + s->batches, &s->summed) ||
        !tfl_stablehlo_order(c, list, s->batches + s->summed, s->rank, s->order))
        return false;
    for (size_t i = 0; i < s->rank; i++) {
        s->shape[i] = x->shape[s->order[i]];
        s->sizes[i < s->batches ? 0 : i < s->batches + s->summed ? 1 : 2] *= s->shape[i];
    }
    return true;
}

// [batches, others, summed] of the left side, [batches, summed, others] of the right one; where there are no
// batches, without the first.
static mite_ir_value *matrices(tfl_import *c, mite_ir_value *x, const side *s, bool left) {
    size_t others = s->rank - s->batches - s->summed, less = s->batches ? 0 : 1;
    int32_t order[MITE_MAX_RANK];
    const int32_t shape[3] = {(int32_t)s->sizes[0], (int32_t)s->sizes[left ? 2 : 1],
                              (int32_t)s->sizes[left ? 1 : 2]};
    for (size_t i = 0; i < s->rank; i++) {
        bool stays = !left || i < s->batches;
        order[i] = s->order[stays ? i : i < s->batches + others ? i + s->summed : i - others];
    }
    return tfl_reshape(c, tfl_transpose(c, x, order), 3 - less, shape + less);
}

void tfl_stablehlo_dot_general(tfl_import *c) {
    enum { LEFT_BATCHES, RIGHT_BATCHES, LEFT_SUMMED, RIGHT_SUMMED };
    const tfl_tensor *out = tfl_output(c, 0);
    mite_ir_value *a = tfl_plain(c, 0), *b = tfl_plain(c, 1);
    mite_dtype dtype = out && !tfl_is_quantized(out) ? tfl_stored_dtype(out) : MITE_F32;
    int32_t shape[2 * MITE_MAX_RANK];
    side l, r;
    if (!a || !b || !tfl_is_fixed(c, a) || !tfl_is_fixed(c, b) || !dtype ||
        !read_side(c, a, LEFT_BATCHES, LEFT_SUMMED, &l) ||
        !read_side(c, b, RIGHT_BATCHES, RIGHT_SUMMED, &r))
        return;
    bool fits = l.batches == r.batches && l.summed == r.summed;
    size_t shared = l.batches + l.summed, rank = 0;
    for (size_t i = 0; fits && i < shared; i++) fits = l.shape[i] == r.shape[i];
    for (size_t i = 0; i < l.rank; i++)
        if (i < l.batches || i >= shared) shape[rank++] = l.shape[i];
    for (size_t i = shared; fits && i < r.rank; i++) shape[rank++] = r.shape[i];
    if (!fits || rank > MITE_MAX_RANK) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "the dimensions of %T and %T that it goes over do not fit one another", l.rank,
                     a->shape, r.rank, b->shape);
        return;
    }
    a = matrices(c, tfl_emit_cast(c, a, dtype), &l, true);
    b = matrices(c, tfl_emit_cast(c, b, dtype), &r, false);
    tfl_set(c, 0, tfl_reshape(c, tfl_emit_binary(c, "matmul_nd", a, b), rank, shape));
}

// --- convolution ------------------------------------------------------------------------------------

#define MAX_SPATIAL (MITE_MAX_RANK - 2)

typedef struct convolution {
    mite_ir_value *x, *w; // [N,D..,C] and [M,K..,C/groups], two dimensions D at least
    size_t spatial, added; // dimensions; how many of them are ones put in front
    int64_t stride[MAX_SPATIAL], gaps[MAX_SPATIAL], dilation[MAX_SPATIAL];
    int64_t pads[2 * MAX_SPATIAL]; // all before, then all behind
    bool reversed[MAX_SPATIAL];
    int64_t groups;
} convolution;

// x with dimension `first` in front, `last` at the end, the spatial ones that option `field` lists in between
// and, to make two of them, ones.
static mite_ir_value *arranged(tfl_import *c, mite_ir_value *x, size_t first, size_t field,
                               size_t last, size_t spatial, int32_t *order) {
    int64_t list[MITE_MAX_RANK] = {tfl_stablehlo_number(c, first)};
    int32_t shape[MITE_MAX_RANK] = {0};
    size_t count, rank = spatial + 2, added = spatial < 2 ? 2 - spatial : 0;
    if (!tfl_stablehlo_list(c, field, spatial, list + 1, &count)) return NULL;
    for (; count < spatial; count++) list[1 + count] = -1;
    list[rank - 1] = tfl_stablehlo_number(c, last);
    if (!tfl_stablehlo_order(c, list, rank, rank, order)) return NULL;
    if (!x) return NULL; // of the result, only the order is wanted
    x = tfl_transpose(c, x, order);
    if (!x) return NULL;
    shape[0] = x->shape[0];
    for (size_t i = 0; i < added; i++) shape[1 + i] = 1;
    for (size_t i = 0; i <= spatial; i++) shape[1 + added + i] = x->shape[1 + i];
    return tfl_reshape(c, x, rank + added, shape);
}

// Option `field`, a number for each spatial dimension; `otherwise` where it is absent.
static bool numbers(tfl_import *c, const convolution *v, size_t field, int64_t otherwise,
                    int64_t *out) {
    size_t count, own = v->spatial - v->added;
    for (size_t i = 0; i < v->spatial; i++) out[i] = otherwise;
    if (!tfl_stablehlo_list(c, field, own, out + v->added, &count)) return false;
    return !count || count == own ||
           tfl_stablehlo_misfit(c, "strides, dilations or pads are too few");
}

static bool read_convolution(tfl_import *c, convolution *v) {
    enum {
        STRIDES,
        PADDING,
        X_DILATION,
        W_DILATION,
        REVERSAL,
        X_BATCH,
        X_FEATURE,
        X_SPATIAL,
        W_IN,
        W_OUT,
        W_SPATIAL,
        GROUPS = 14,
        BATCH_GROUPS
    };
    int64_t pads[2 * MITE_MAX_RANK] = {0};
    int32_t order[MITE_MAX_RANK];
    size_t count;
    mite_ir_value *x = tfl_real(c, 0), *w = tfl_real(c, 1);
    if (!x || !w || !tfl_is_fixed(c, x) || !tfl_is_fixed(c, w)) return false;
    if (x->rank < 2 || x->rank != w->rank)
        return tfl_stablehlo_misfit(c, "x and weights have other ones");
    size_t own = (size_t)x->rank - 2;
    v->added = own < 2 ? 2 - own : 0;
    v->spatial = own + v->added;
    v->groups = tfl_stablehlo_number(c, GROUPS);
    if (tfl_stablehlo_number(c, BATCH_GROUPS) != 1) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "groups of batches are those of training");
        return false;
    }
    v->x = arranged(c, x, X_BATCH, X_SPATIAL, X_FEATURE, own, order);
    v->w = arranged(c, w, W_OUT, W_SPATIAL, W_IN, own, order);
    if (!v->x || !v->w || !numbers(c, v, STRIDES, 1, v->stride) ||
        !numbers(c, v, X_DILATION, 1, v->gaps) || !numbers(c, v, W_DILATION, 1, v->dilation) ||
        !tfl_stablehlo_list(c, PADDING, 2 * own, pads, &count))
        return false;
    if (count && count != 2 * own) return tfl_stablehlo_misfit(c, "pads are too few");
    mite_span reversal = mite_flat_bytes(&c->node->options, REVERSAL);
    for (size_t i = 0; i < v->spatial; i++) {
        size_t k = i - v->added; // own dimension
        v->gaps[i]--;
        v->pads[i] = i < v->added ? 0 : pads[2 * k];
        v->pads[v->spatial + i] = i < v->added ? 0 : pads[2 * k + 1];
        v->reversed[i] = i >= v->added && k < reversal.bytes && reversal.data[k];
        if (v->stride[i] < 1 || v->dilation[i] < 1)
            return tfl_stablehlo_misfit(c, "strides and dilations must be at least 1");
    }
    int64_t in = v->w->shape[v->spatial + 1], channels = v->x->shape[v->spatial + 1];
    if (v->groups >= 1 && v->groups <= INT32_MAX && in >= 1 && in * v->groups == channels &&
        mite_ir_elements(v->w) && v->w->shape[0] % v->groups == 0)
        return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "weights %T do not fit the %D channels of its input",
                 v->spatial + 2, v->w->shape, channels);
    return false;
}

// x with zeros between its elements, and padded (or cut) here where pads are negative.
static void pad_input(tfl_import *c, convolution *v) {
    size_t rank = v->spatial + 2;
    int64_t gaps[MITE_MAX_RANK] = {0}, pads[2 * MITE_MAX_RANK] = {0};
    bool cuts = false;
    for (size_t i = 0; i < v->spatial; i++) {
        gaps[1 + i] = v->gaps[i];
        pads[1 + i] = v->pads[i];
        pads[rank + 1 + i] = v->pads[v->spatial + i];
        cuts = cuts || v->pads[i] < 0 || v->pads[v->spatial + i] < 0;
    }
    v->x = tfl_emit_gaps(c, v->x, gaps, NULL);
    if (!cuts) return;
    v->x = tfl_emit_moved(c, "pad_by", v->x, tfl_integers(c, pads, 2 * rank), NULL, NULL, NULL);
    memset(v->pads, 0, sizeof v->pads);
}

static void reverse_weights(tfl_import *c, convolution *v) {
    for (size_t i = 0; i < v->spatial && v->w; i++) {
        int32_t size = v->w->shape[1 + i];
        int64_t *list = v->reversed[i] ? mite_ir_alloc(c->g, (size_t)size, sizeof *list) : NULL;
        for (int32_t k = 0; list && k < size; k++) list[k] = size - 1 - k;
        if (list) v->w = tfl_emit_gather(c, v->w, 1 + i, list, (size_t)size);
    }
}

// Pictures by constant weights.
static mite_ir_value *convolve_pictures(tfl_import *c, const convolution *v) {
    tfl_window w = {.pad = {(int32_t)v->pads[0], (int32_t)v->pads[1], (int32_t)v->pads[2],
                            (int32_t)v->pads[3]}};
    for (size_t i = 0; i < 2; i++) {
        w.kernel[i] = v->w->shape[1 + i];
        w.stride[i] = (int32_t)v->stride[i];
        w.dilation[i] = (int32_t)v->dilation[i];
    }
    mite_ir_value *bias = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 1, v->w->shape);
    return tfl_emit_conv(c, v->x, v->w, bias, &w);
}

// Any number of dimensions, any weights, channels first.
static mite_ir_value *convolve(tfl_import *c, const convolution *v) {
    int32_t first[MITE_MAX_RANK] = {0}, back[MITE_MAX_RANK] = {0}, words[4][MAX_SPATIAL];
    size_t n = v->spatial;
    first[1] = (int32_t)n + 1;
    back[n + 1] = 1;
    for (size_t i = 0; i < n; i++) {
        first[2 + i] = (int32_t)i + 1;
        back[1 + i] = (int32_t)i + 2;
        words[0][i] = (int32_t)v->stride[i];
        words[1][i] = (int32_t)v->dilation[i];
        words[2][i] = (int32_t)v->pads[i];
        words[3][i] = (int32_t)v->pads[n + i];
    }
    mite_ir_value *x = tfl_transpose(c, v->x, first), *w = tfl_transpose(c, v->w, first);
    if (!x || !w) return NULL;
    x = MITE_IR_EMIT(c->g, .op = "conv_nd", .name = tfl_name(c), .inputs = {x, w},
                     .attrs = {{"strides", .list = words[0], .list_count = n},
                               {"dilations", .list = words[1], .list_count = n},
                               {"pads_begin", .list = words[2], .list_count = n},
                               {"pads_end", .list = words[3], .list_count = n},
                               {"groups", .word = (int32_t)v->groups}});
    return tfl_transpose(c, x, back);
}

void tfl_stablehlo_convolution(tfl_import *c) {
    enum { Y_BATCH = 11, Y_FEATURE, Y_SPATIAL };
    int32_t order[MITE_MAX_RANK], back[MITE_MAX_RANK], shape[MITE_MAX_RANK];
    convolution v = {.groups = 1};
    if (!read_convolution(c, &v)) return;
    size_t own = v.spatial - v.added;
    arranged(c, NULL, Y_BATCH, Y_SPATIAL, Y_FEATURE, own, order);
    pad_input(c, &v);
    reverse_weights(c, &v);
    if (!v.x || !v.w || !mite_ir_ok(c->g)) return;
    bool pictures = v.spatial == 2 && mite_ir_is_constant(v.w);
    mite_ir_value *y = pictures ? convolve_pictures(c, &v) : convolve(c, &v);
    if (!y) return;
    shape[0] = y->shape[0];
    for (size_t i = 0; i <= own; i++) shape[1 + i] = y->shape[1 + v.added + i];
    for (size_t i = 0; i < own + 2; i++) back[order[i]] = (int32_t)i;
    tfl_set(c, 0, tfl_transpose(c, tfl_reshape(c, y, own + 2, shape), back));
}
