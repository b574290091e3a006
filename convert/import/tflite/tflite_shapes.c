// SPDX-License-Identifier: Apache-2.0
// Operators that move numbers about, and those that make numbers of shapes.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_nodes.h"

#include <string.h>

// Input k as stored where output 0 has its quantization, else as real numbers.
static mite_ir_value *movable(tfl_import *c, size_t k) {
    return tfl_same_quantization(c, k) ? tfl_in(c, k) : tfl_plain(c, k);
}

static mite_ir_value *fixed(tfl_import *c, mite_ir_value *v) {
    return v && tfl_is_fixed(c, v) ? v : NULL;
}

static bool to_shape(tfl_import *c, const int64_t *from, size_t rank, int32_t *to) {
    for (size_t i = 0; i < rank; i++) {
        if (from[i] < -1 || from[i] > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its shape has a dimension %D", from[i]);
            return false;
        }
        to[i] = (int32_t)from[i];
    }
    return true;
}

// --- One after another under another shape ------------------------------------------------------

// The shape is an input, or an option of old files.
void tfl_reshape_node(tfl_import *c) {
    int64_t wanted[MITE_MAX_RANK];
    int32_t shape[MITE_MAX_RANK];
    size_t rank = 0, unknown = SIZE_MAX, known = 1;
    mite_flat_list option = mite_flat_items(&c->node->options, 0, 4);
    mite_ir_value *x = movable(c, 0);
    if (!x) return;
    if (tfl_has(c, 1) && !tfl_has_numbers(c, 1)) {
        tfl_set(c, 0, tfl_emit_moved(c, "reshape_to", x, tfl_in(c, 1), NULL, NULL, NULL));
        return;
    }
    if (!fixed(c, x)) return;
    if (tfl_has(c, 1)) {
        if (!tfl_numbers(c, 1, "shape", wanted, MITE_MAX_RANK, &rank)) return;
    } else {
        rank = option.count <= MITE_MAX_RANK ? option.count : 0;
        for (size_t i = 0; i < rank; i++) wanted[i] = mite_flat_i32_at(&option, i);
        if (rank == 1 && wanted[0] == 0) rank = 0; // how old files write a scalar
    }
    if (!to_shape(c, wanted, rank, shape)) return;
    for (size_t i = 0; i < rank; i++) {
        if (shape[i] == -1) unknown = i;
        else if (shape[i] && known <= INT32_MAX) known *= (size_t)shape[i];
    }
    if (unknown != SIZE_MAX && known <= INT32_MAX) {
        size_t rest = mite_ir_elements(x) / known;
        shape[unknown] = rest <= INT32_MAX ? (int32_t)rest : INT32_MAX;
    }
    tfl_set(c, 0, tfl_reshape(c, x, rank, shape));
}

void tfl_squeeze(tfl_import *c) {
    mite_ir_value *x = fixed(c, movable(c, 0));
    mite_flat_list axes = mite_flat_items(&c->node->options, 0, 4);
    bool gone[MITE_MAX_RANK] = {false};
    int32_t shape[MITE_MAX_RANK];
    size_t rank = 0, axis;
    for (size_t i = 0; x && i < axes.count; i++) {
        if (!tfl_axis(c, mite_flat_i32_at(&axes, i), (size_t)x->rank, &axis)) return;
        gone[axis] = true;
    }
    for (size_t i = 0; x && i < (size_t)x->rank; i++) {
        if (axes.count ? !gone[i] : x->shape[i] != 1) shape[rank++] = x->shape[i];
    }
    tfl_set(c, 0, tfl_reshape(c, x, rank, shape));
}

// The shape with `insert` at `axis` between its dimensions; false where there is no room.
static bool widened(tfl_import *c, const mite_ir_value *x, int64_t axis, int32_t insert,
                    int32_t *shape) {
    size_t at;
    if (x->rank >= MITE_MAX_RANK) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its output would have 9 dimensions");
        return false;
    }
    if (!tfl_axis(c, axis, (size_t)x->rank + 1, &at)) return false;
    for (size_t i = 0; i <= (size_t)x->rank; i++) {
        shape[i] = i < at ? x->shape[i] : i == at ? insert : x->shape[i - 1];
    }
    return true;
}

void tfl_expand_dims(tfl_import *c) {
    int32_t shape[MITE_MAX_RANK];
    mite_ir_value *x = fixed(c, movable(c, 0));
    int64_t axis = tfl_number(c, 1, "axis", 0);
    if (!x || !mite_ir_ok(c->g) || !widened(c, x, axis, 1, shape)) return;
    tfl_set(c, 0, tfl_reshape(c, x, (size_t)x->rank + 1, shape));
}

// --- Order and parts ----------------------------------------------------------------------------

void tfl_transpose_node(tfl_import *c) {
    int64_t perm[MITE_MAX_RANK];
    int32_t words[MITE_MAX_RANK];
    bool seen[MITE_MAX_RANK] = {false};
    size_t count, axis;
    mite_ir_value *x = fixed(c, movable(c, 0));
    if (!x || !tfl_numbers(c, 1, "permutation", perm, MITE_MAX_RANK, &count)) return;
    bool good = count == (size_t)x->rank;
    for (size_t i = 0; good && i < count; i++) {
        if (!tfl_axis(c, perm[i], count, &axis)) return;
        good = !seen[axis];
        seen[axis] = true;
        words[i] = (int32_t)axis;
    }
    if (good) tfl_set(c, 0, tfl_transpose(c, x, words));
    else mite_ir_fail(c->g, MITE_ERR_FORMAT, "its permutation is none of %d dimensions", x->rank);
}

// Inputs 0 to count - 1, each as stored if all have the output's quantization.
static mite_ir_value **all_inputs(tfl_import *c) {
    size_t count = c->node->input_count;
    mite_ir_value **list = mite_ir_alloc(c->g, count + 1, sizeof(mite_ir_value *));
    bool same = true;
    for (size_t k = 0; k < count; k++) same = same && tfl_same_quantization(c, k);
    for (size_t k = 0; list && k < count; k++) {
        list[k] = fixed(c, same ? tfl_in(c, k) : tfl_plain(c, k));
        if (!list[k]) return NULL;
    }
    if (!count) mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has no inputs");
    return count ? list : NULL;
}

void tfl_concatenation(tfl_import *c) {
    enum { AXIS, ACTIVATION };
    size_t axis;
    mite_ir_value **list = all_inputs(c);
    if (!list || !tfl_axis(c, tfl_option(c, AXIS), (size_t)list[0]->rank, &axis)) return;
    mite_ir_value *y = tfl_concat(c, list, c->node->input_count, axis);
    tfl_set(c, 0, tfl_activate(c, y, tfl_option_byte(c, ACTIVATION)));
}

void tfl_pack(tfl_import *c) {
    enum { COUNT, AXIS };
    int32_t shape[MITE_MAX_RANK];
    size_t axis;
    mite_ir_value **list = all_inputs(c);
    for (size_t k = 0; list && k < c->node->input_count; k++) {
        if (!widened(c, list[k], tfl_option(c, AXIS), 1, shape)) return;
        list[k] = tfl_reshape(c, list[k], (size_t)list[k]->rank + 1, shape);
        if (!list[k]) return;
    }
    if (!list || !tfl_axis(c, tfl_option(c, AXIS), (size_t)list[0]->rank, &axis)) return;
    tfl_set(c, 0, tfl_concat(c, list, c->node->input_count, axis));
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
    mite_ir_value *x = fixed(c, movable(c, 0));
    if (!x || !tfl_axis(c, tfl_option(c, AXIS), (size_t)x->rank, &axis)) return;
    size_t rank = (size_t)x->rank - 1;
    for (size_t i = 0; i < rank; i++) shape[i] = x->shape[i < axis ? i : i + 1];
    for (size_t k = 0; mite_ir_ok(c->g) && k < c->node->output_count; k++) {
        tfl_set(c, k, tfl_reshape(c, part_of(c, x, axis, (int64_t)k, 1), rank, shape));
    }
}

static void split(tfl_import *c, mite_ir_value *x, int64_t axis_given, int64_t *sizes) {
    size_t axis, count = c->node->output_count;
    if (!x || !mite_ir_ok(c->g) || !tfl_axis(c, axis_given, (size_t)x->rank, &axis)) return;
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
        split(c, fixed(c, movable(c, 0)), tfl_number(c, 2, "axis", 0), sizes);
    } else {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %z sizes and %z outputs", count, outputs);
    }
}

void tfl_slice_node(tfl_import *c) {
    int64_t begin[MITE_MAX_RANK], size[MITE_MAX_RANK];
    size_t count, size_count;
    mite_ir_value *x = fixed(c, movable(c, 0));
    if (!x || !tfl_numbers(c, 1, "begin", begin, MITE_MAX_RANK, &count) ||
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

#define FAR ((int64_t)1 << 40) // beyond any dimension; slice cuts it

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
            int64_t at = begin[i] < 0 ? begin[i] + x->shape[d] : begin[i];
            good = at >= 0 && at < x->shape[d];
            s->start[d] = at;
            s->end[d] = at + 1;
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

void tfl_strided_slice(tfl_import *c) {
    strided s = {.rank = 0};
    mite_ir_value *x = fixed(c, movable(c, 0));
    if (!x || !place_strided(c, x, &s)) return;
    size_t rank = (size_t)x->rank;
    int64_t axes[MITE_MAX_RANK];
    bool all = true;
    for (size_t i = 0; i < rank; i++) {
        axes[i] = (int64_t)i;
        all = all && s.start[i] == 0 && s.step[i] == 1 && s.end[i] >= x->shape[i];
    }
    mite_ir_value *y = x;
    if (!all) {
        y = tfl_emit_moved(c, "slice", x, tfl_integers(c, s.start, rank),
                           tfl_integers(c, s.end, rank), tfl_integers(c, axes, rank),
                           tfl_integers(c, s.step, rank));
    }
    for (size_t i = 0; y && i < s.rank; i++) {
        if (!s.shape[i]) s.shape[i] = y->shape[s.from[i]];
    }
    tfl_set(c, 0, tfl_reshape(c, y, s.rank, s.shape));
}

// --- Repetition ---------------------------------------------------------------------------------

void tfl_tile(tfl_import *c) {
    tfl_set(c, 0, tfl_emit_moved(c, "tile", movable(c, 0), tfl_in(c, 1), NULL, NULL, NULL));
}

void tfl_broadcast_to(tfl_import *c) {
    tfl_set(c, 0, tfl_emit_moved(c, "expand", movable(c, 0), tfl_in(c, 1), NULL, NULL, NULL));
}

void tfl_fill(tfl_import *c) {
    mite_ir_value *value = tfl_same_quantization(c, 1) ? tfl_in(c, 1) : tfl_plain(c, 1);
    tfl_set(c, 0, tfl_emit_moved(c, "expand", value, tfl_in(c, 0), NULL, NULL, NULL));
}

void tfl_reverse(tfl_import *c) {
    int64_t axes[MITE_MAX_RANK], start[MITE_MAX_RANK], end[MITE_MAX_RANK], step[MITE_MAX_RANK];
    size_t count, axis;
    mite_ir_value *x = fixed(c, movable(c, 0));
    if (!x || !tfl_numbers(c, 1, "axes", axes, MITE_MAX_RANK, &count)) return;
    for (size_t i = 0; i < count; i++) {
        if (!tfl_axis(c, axes[i], (size_t)x->rank, &axis)) return;
        axes[i] = (int64_t)axis;
        start[i] = FAR;
        end[i] = -FAR;
        step[i] = -1;
    }
    tfl_set(c, 0,
            tfl_emit_moved(c, "slice", x, tfl_integers(c, start, count),
                           tfl_integers(c, end, count), tfl_integers(c, axes, count),
                           tfl_integers(c, step, count)));
}

// --- Numbers ------------------------------------------------------------------------------------

// A constant of the output's type, i32 or i64.
static mite_ir_value *integers_out(tfl_import *c, const int64_t *data, size_t rank,
                                   const int32_t *shape) {
    const tfl_tensor *t = tfl_output(c, 0);
    mite_dtype dtype = t ? tfl_stored_dtype(t) : MITE_I32;
    if (dtype != MITE_I32 && dtype != MITE_I64) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its output must be of type int32 or int64");
        return NULL;
    }
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), dtype, rank, shape);
    for (size_t i = 0; v && i < mite_ir_elements(v); i++) {
        if (dtype == MITE_I32) ((int32_t *)v->data)[i] = (int32_t)data[i];
        else ((int64_t *)v->data)[i] = data[i];
    }
    return v;
}

void tfl_shape(tfl_import *c) {
    int64_t dims[MITE_MAX_RANK];
    mite_ir_value *x = fixed(c, tfl_in(c, 0));
    if (!x) return;
    for (size_t i = 0; i < (size_t)x->rank; i++) dims[i] = x->shape[i];
    tfl_set(c, 0, integers_out(c, dims, 1, &x->rank));
}

void tfl_rank(tfl_import *c) {
    mite_ir_value *x = fixed(c, tfl_in(c, 0));
    if (x) tfl_set(c, 0, integers_out(c, &(int64_t){x->rank}, 0, NULL));
}

void tfl_zeros_like(tfl_import *c) {
    const tfl_tensor *t = tfl_output(c, 0);
    mite_ir_value *x = fixed(c, tfl_plain(c, 0));
    if (!x || !t) return;
    tfl_set(c, 0, mite_ir_constant(c->g, tfl_name(c), x->dtype, (size_t)x->rank, x->shape));
}

void tfl_range(tfl_import *c) {
    tfl_set(
        c, 0,
        tfl_emit_moved(c, "range", tfl_plain(c, 0), tfl_plain(c, 1), tfl_plain(c, 2), NULL, NULL));
}
