// SPDX-License-Identifier: Apache-2.0
// Parts of values: SPLIT, UNPACK, SLICE, STRIDED_SLICE.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_nodes.h"

#include <string.h>

#define FAR ((int64_t)1 << 40) // beyond any dimension; slice cuts it

static mite_ir_value *fixed(tfl_import *c, mite_ir_value *v) {
    return v && tfl_has_rank(c, v) ? v : NULL;
}

// Elements [from, from + count) of a dimension.
static mite_ir_value *part_of(tfl_import *c, mite_ir_value *x, size_t axis, int64_t from,
                              int64_t count) {
    int64_t begin[MITE_MAX_RANK] = {0}, size[MITE_MAX_RANK];
    for (size_t i = 0; i < (size_t)x->rank; i++) size[i] = x->shape[i];
    begin[axis] = from;
    size[axis] = count;
    return tfl_emit_slice(c, x, begin, size);
}

void tfl_unpack(tfl_import *c) {
    enum { COUNT, AXIS };
    size_t axis;
    int32_t shape[MITE_MAX_RANK];
    mite_ir_value *x = fixed(c, tfl_movable(c, 0));
    if (!x || !tfl_axis(c, tfl_option(c, AXIS), (size_t)x->rank, &axis)) return;
    if (x->open >> axis & 1 && !tfl_is_fixed(c, x)) return;
    size_t rank = (size_t)x->rank - 1;
    for (size_t i = 0; i < rank; i++) shape[i] = tfl_dim(x, i < axis ? i : i + 1);
    for (size_t k = 0; mite_ir_ok(c->g) && k < c->node->output_count; k++) {
        tfl_set(c, k, tfl_reshape(c, part_of(c, x, axis, (int64_t)k, 1), rank, shape));
    }
}

static void split(tfl_import *c, mite_ir_value *x, int64_t axis_given, int64_t *sizes) {
    size_t axis, count = c->node->output_count;
    if (!x || !mite_ir_ok(c->g) || !tfl_axis(c, axis_given, (size_t)x->rank, &axis)) return;
    if (x->open >> axis & 1 && !tfl_is_fixed(c, x)) return;
    int64_t rest = x->shape[axis], at = 0;
    for (size_t k = 0; sizes && k < count; k++) rest -= sizes[k] >= 0 ? sizes[k] : 0;
    for (size_t k = 0; mite_ir_ok(c->g) && k < count; k++) {
        int64_t size = !sizes          ? x->shape[axis] / (int64_t)count
                       : sizes[k] >= 0 ? sizes[k]
                                       : rest; // -1: what is left
        tfl_set(c, k, part_of(c, x, axis, at, size));
        at += size;
    }
}

void tfl_split(tfl_import *c) {
    const tfl_tensor *x = tfl_input(c, 1), *y = tfl_output(c, 0);
    bool quantized = x && y && tfl_is_quantized(x);
    mite_ir_value *v = !quantized || tfl_same_quantization(c, 1) ? tfl_in(c, 1) : tfl_real(c, 1);
    split(c, fixed(c, v), tfl_number(c, 0, "axis", 0), NULL);
}

void tfl_split_v(tfl_import *c) {
    size_t count, outputs = c->node->output_count;
    int64_t *sizes = mite_ir_alloc(c->g, outputs + 1, sizeof *sizes);
    if (!sizes || !tfl_numbers(c, 1, "sizes", sizes, outputs, &count)) return;
    if (count == outputs) {
        split(c, fixed(c, tfl_movable(c, 0)), tfl_number(c, 2, "axis", 0), sizes);
    } else {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %z sizes and %z outputs", count, outputs);
    }
}

static mite_ir_value *choose(tfl_import *c, mite_binary test, mite_ir_value *v, int64_t than,
                             mite_ir_value *yes, mite_ir_value *no) {
    mite_ir_value *is = tfl_emit_general_binary(c, test, v, tfl_integers(c, &than, 1));
    return tfl_emit_where(c, is, yes, no);
}

// Begins and sizes that a run computes; a size of -1 is all the rest. Known sizes are the result's.
static void computed_slice(tfl_import *c, mite_ir_value *x) {
    int64_t known[MITE_MAX_RANK];
    int32_t shape[MITE_MAX_RANK];
    size_t count = 0;
    bool states = !x->unknown && tfl_has_numbers(c, 2) &&
                  tfl_numbers(c, 2, "size", known, MITE_MAX_RANK, &count) &&
                  count == (size_t)x->rank;
    for (size_t i = 0; i < count; i++) {
        states = states && known[i] >= 0 && known[i] <= INT32_MAX;
        shape[i] = states ? (int32_t)known[i] : 0;
    }
    mite_ir_value *begin = tfl_emit_cast(c, tfl_in(c, 1), MITE_I64),
                  *size = tfl_emit_cast(c, tfl_in(c, 2), MITE_I64);
    mite_ir_value *rest = tfl_integers(c, &(int64_t){FAR}, 1);
    mite_ir_value *end = choose(c, MITE_BINARY_LESS, size, 0, rest,
                                tfl_emit_general_binary(c, MITE_BINARY_ADD, begin, size));
    mite_ir_value *y = end ? tfl_emit_moved(c, "slice", x, begin, end, NULL, NULL) : NULL;
    if (y && states && !mite_ir_is_fixed(y)) y = tfl_stated_shape(c, y, count, shape);
    if (y) tfl_set(c, 0, y);
}

void tfl_slice_node(tfl_import *c) {
    int64_t begin[MITE_MAX_RANK], size[MITE_MAX_RANK];
    size_t count, size_count;
    mite_ir_value *x = tfl_movable(c, 0);
    if (!x) return;
    if (x->open || x->unknown || !tfl_has_numbers(c, 1) || !tfl_has_numbers(c, 2)) {
        computed_slice(c, x);
        return;
    }
    if (!tfl_numbers(c, 1, "begin", begin, MITE_MAX_RANK, &count) ||
        !tfl_numbers(c, 2, "size", size, MITE_MAX_RANK, &size_count)) {
        return;
    }
    if (count != (size_t)x->rank || size_count != count) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "%z begins and %z sizes for %d dimensions", count,
                     size_count, x->rank);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (size[i] == -1) size[i] = x->shape[i] - begin[i];
        if (begin[i] < 0 || begin[i] > INT32_MAX || size[i] > INT32_MAX) begin[i] = -1; // refused
    }
    tfl_set(c, 0, tfl_emit_slice(c, x, begin, size));
}

// What one place of a strided slice's lists asks for.
typedef struct strided {
    int64_t start[MITE_MAX_RANK], end[MITE_MAX_RANK], step[MITE_MAX_RANK]; // of x's dimensions
    int32_t shape[MITE_MAX_RANK]; // of the result: 0 for a dimension of x that stays
    size_t from[MITE_MAX_RANK];
    size_t rank, dimension; // of the result; next of x
} strided;

static void keep_dimension(strided *s, bool shrinks) {
    if (!shrinks) {
        s->shape[s->rank] = 0;
        s->from[s->rank++] = s->dimension;
    }
    s->dimension++;
}

enum { BEGIN_MASK, END_MASK, ELLIPSIS_MASK, NEW_AXIS_MASK, SHRINK_MASK, OFFSET };

static bool place_strided(tfl_import *c, const mite_ir_value *x, strided *s) {
    int64_t begin[MITE_MAX_RANK], end[MITE_MAX_RANK], step[MITE_MAX_RANK];
    size_t count, ends, steps, taken = 0;
    if (!tfl_numbers(c, 1, "begin", begin, MITE_MAX_RANK, &count) ||
        !tfl_numbers(c, 2, "end", end, MITE_MAX_RANK, &ends) ||
        !tfl_numbers(c, 3, "strides", step, MITE_MAX_RANK, &steps)) {
        return false;
    }
    uint32_t masks[5];
    for (size_t i = 0; i < 5; i++) masks[i] = (uint32_t)tfl_option(c, i);
    // Dimensions of x that the lists speak of; an ellipsis stands for all others.
    for (size_t i = 0; i < count; i++) {
        if (!((masks[NEW_AXIS_MASK] | masks[ELLIPSIS_MASK]) >> i & 1)) taken++;
    }
    bool good = ends == count && steps == count && taken <= (size_t)x->rank;
    size_t others = good ? (size_t)x->rank - taken : 0, ellipses = 0;
    for (size_t i = 0; good && i < (size_t)x->rank; i++) {
        s->start[i] = 0;
        s->end[i] = FAR;
        s->step[i] = 1;
    }
    for (size_t i = 0; good && i < count; i++) {
        bool shrinks = masks[SHRINK_MASK] >> i & 1;
        if (masks[ELLIPSIS_MASK] >> i & 1) {
            good = ellipses++ == 0;
            for (size_t k = 0; good && k < others; k++) keep_dimension(s, false);
            continue;
        }
        if (masks[NEW_AXIS_MASK] >> i & 1) {
            good = s->rank < MITE_MAX_RANK;
            if (good) s->shape[s->rank++] = 1;
            continue;
        }
        size_t d = s->dimension;
        good = step[i] != 0 && s->rank < MITE_MAX_RANK && begin[i] > -FAR && begin[i] < FAR &&
               end[i] > -FAR && end[i] < FAR;
        if (!good) break;
        s->step[d] = step[i];
        s->start[d] = masks[BEGIN_MASK] >> i & 1 ? (step[i] > 0 ? 0 : FAR) : begin[i];
        s->end[d] = masks[END_MASK] >> i & 1 ? (step[i] > 0 ? FAR : -FAR) : end[i];
        if (tfl_option_byte(c, OFFSET)) s->end[d] = s->start[d] + end[i];
        if (shrinks) {
            bool open = x->open >> d & 1; // then the slice itself counts from the end
            int64_t at = begin[i] < 0 && !open ? begin[i] + x->shape[d] : begin[i];
            good = open || (at >= 0 && at < x->shape[d]);
            s->start[d] = at;
            s->end[d] = at == -1 ? FAR : at + 1;
            s->step[d] = 1;
        }
        keep_dimension(s, shrinks);
    }
    while (good && s->dimension < (size_t)x->rank && s->rank < MITE_MAX_RANK) {
        keep_dimension(s, false);
    }
    if (good && s->dimension == (size_t)x->rank) return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT,
                 "its %z begins, %z ends and %z strides do not suit the shape %T", count, ends,
                 steps, (size_t)x->rank, x->shape);
    return false;
}

// Begins and ends that a run computes, without masks but those of dimensions that go. Of those the end
// is one behind the begin, all the rest where that is -1.
static void computed_strided_slice(tfl_import *c, mite_ir_value *x) {
    mite_ir_value *begin = tfl_emit_cast(c, tfl_in(c, 1), MITE_I64),
                  *end = tfl_emit_cast(c, tfl_in(c, 2), MITE_I64);
    int64_t step[MITE_MAX_RANK], shrinks[MITE_MAX_RANK] = {0}, gone[MITE_MAX_RANK],
                                 axes[MITE_MAX_RANK];
    int64_t from_start[MITE_MAX_RANK] = {0}, to_end[MITE_MAX_RANK] = {0};
    size_t count, gone_count = 0;
    uint32_t mask = (uint32_t)tfl_option(c, SHRINK_MASK);
    uint32_t begin_mask = (uint32_t)tfl_option(c, BEGIN_MASK),
             end_mask = (uint32_t)tfl_option(c, END_MASK);
    if (!begin || !end || !tfl_numbers(c, 3, "strides", step, MITE_MAX_RANK, &count)) return;
    for (size_t i = 0; i < count; i++) {
        axes[i] = (int64_t)i;
        shrinks[i] = mask >> i & 1;
        if (shrinks[i]) gone[gone_count++] = (int64_t)i;
        from_start[i] = begin_mask >> i & 1;
        to_end[i] = end_mask >> i & 1 && !shrinks[i];
        if (step[i] == 1) continue;
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its strides must be 1 where begins are computed");
        return;
    }
    if (tfl_option(c, ELLIPSIS_MASK) || tfl_option(c, NEW_AXIS_MASK) ||
        tfl_option_byte(c, OFFSET)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "ellipses, new axes and offsets are not supported where begins are computed");
        return;
    }
    mite_ir_value *one = tfl_integers(c, &(int64_t){1}, 1),
                  *far = tfl_integers(c, &(int64_t){FAR}, 1);
    mite_ir_value *zero = tfl_integers(c, &(int64_t){0}, 1);
    mite_ir_value *next = tfl_emit_general_binary(c, MITE_BINARY_ADD, begin, one);
    next = choose(c, MITE_BINARY_EQUAL, next, 0, far, next);
    end = choose(c, MITE_BINARY_EQUAL, tfl_integers(c, shrinks, count), 1, next, end);
    end = choose(c, MITE_BINARY_EQUAL, tfl_integers(c, to_end, count), 1, far, end);
    begin = choose(c, MITE_BINARY_EQUAL, tfl_integers(c, from_start, count), 1, zero, begin);
    mite_ir_value *y =
        begin && end ? tfl_emit_moved(c, "slice", x, begin, end, tfl_integers(c, axes, count), NULL)
                     : NULL;
    if (gone_count)
        y = tfl_emit_moved(c, "squeeze", y, tfl_integers(c, gone, gone_count), NULL, NULL, NULL);
    tfl_set(c, 0, y);
}

void tfl_strided_slice(tfl_import *c) {
    strided s = {.rank = 0};
    mite_ir_value *x = tfl_movable(c, 0);
    if (!x) return;
    if (x->unknown || !tfl_has_numbers(c, 1) || !tfl_has_numbers(c, 2)) {
        computed_strided_slice(c, x);
        return;
    }
    if (!place_strided(c, x, &s)) return;
    size_t rank = (size_t)x->rank;
    int64_t axes[MITE_MAX_RANK];
    bool all = true;
    for (size_t i = 0; i < rank; i++) {
        axes[i] = (int64_t)i;
        all = all && s.start[i] == 0 && s.step[i] == 1 &&
              s.end[i] >= (x->open >> i & 1 ? FAR : x->shape[i]);
    }
    mite_ir_value *y = x;
    if (!all) {
        y = tfl_emit_moved(c, "slice", x, tfl_integers(c, s.start, rank),
                           tfl_integers(c, s.end, rank), tfl_integers(c, axes, rank),
                           tfl_integers(c, s.step, rank));
    }
    for (size_t i = 0; y && i < s.rank; i++) {
        if (!s.shape[i]) s.shape[i] = tfl_dim(y, s.from[i]);
    }
    tfl_set(c, 0, tfl_reshape(c, y, s.rank, s.shape));
}
