// SPDX-License-Identifier: Apache-2.0
// Operators that move numbers about, and those that make numbers of shapes.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_nodes.h"

#include <string.h>

#define FAR ((int64_t)1 << 40) // beyond any dimension; slice cuts it

static mite_ir_value *fixed(tfl_import *c, mite_ir_value *v) {
    return v && tfl_has_rank(c, v) ? v : NULL;
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

// All elements, but for one that follows from open dimensions.
static bool has_some_numbers(tfl_import *c, size_t k) {
    const mite_ir_value *v = tfl_in(c, k);
    if (!v || tfl_has_numbers(c, k)) return v != NULL;
    int64_t numbers[MITE_MAX_RANK];
    size_t count, open = 0;
    if (!v->guess || !v->guess_open || !v->other_guess || !mite_ir_is_fixed(v) ||
        mite_ir_elements(v) > MITE_MAX_RANK ||
        !tfl_some_numbers(c, k, "shape", numbers, MITE_MAX_RANK, &count))
        return false;
    for (size_t i = 0; i < count; i++) open += numbers[i] < 0;
    return open <= 1;
}

// The shape is an input, or an option of old files.
void tfl_reshape_node(tfl_import *c) {
    if (tfl_reshape_complex(c)) return;
    int64_t wanted[MITE_MAX_RANK];
    int32_t shape[MITE_MAX_RANK];
    size_t rank = 0, unknown = SIZE_MAX, known = 1;
    mite_flat_list option = mite_flat_items(&c->node->options, 0, 4);
    mite_ir_value *x = tfl_movable(c, 0);
    if (!x) return;
    if (tfl_has(c, 1) && !has_some_numbers(c, 1)) {
        tfl_set(c, 0, tfl_emit_moved(c, "reshape_to", x, tfl_in(c, 1), NULL, NULL, NULL));
        return;
    }
    if (tfl_has(c, 1)) {
        if (!tfl_some_numbers(c, 1, "shape", wanted, MITE_MAX_RANK, &rank)) return;
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
    if (!mite_ir_is_fixed(x)) {
        tfl_set(c, 0, tfl_stated_shape(c, x, rank, shape));
        return;
    }
    if (unknown != SIZE_MAX && known <= INT32_MAX) {
        size_t rest = mite_ir_elements(x) / known;
        shape[unknown] = rest <= INT32_MAX ? (int32_t)rest : INT32_MAX;
    }
    tfl_set(c, 0, tfl_reshape(c, x, rank, shape));
}

void tfl_squeeze(tfl_import *c) {
    mite_ir_value *x = fixed(c, tfl_movable(c, 0));
    mite_flat_list axes = mite_flat_items(&c->node->options, 0, 4);
    bool gone[MITE_MAX_RANK] = {false};
    int32_t shape[MITE_MAX_RANK];
    size_t rank = 0, axis;
    for (size_t i = 0; x && i < axes.count; i++) {
        if (!tfl_axis(c, mite_flat_i32_at(&axes, i), (size_t)x->rank, &axis)) return;
        gone[axis] = true;
    }
    if (x && !axes.count && !tfl_is_fixed(c, x)) return;
    for (size_t i = 0; x && i < (size_t)x->rank; i++) {
        if (axes.count ? !gone[i] : x->shape[i] != 1) shape[rank++] = tfl_dim(x, i);
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
        shape[i] = i == at ? insert : tfl_dim(x, i < at ? i : i - 1);
    }
    return true;
}

void tfl_expand_dims(tfl_import *c) {
    int32_t shape[MITE_MAX_RANK];
    mite_ir_value *x = fixed(c, tfl_movable(c, 0));
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
    mite_ir_value *x = fixed(c, tfl_movable(c, 0));
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
        list[k] = same ? tfl_in(c, k) : tfl_plain(c, k);
        if (!list[k]) return NULL;
    }
    if (!count) mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has no inputs");
    return count ? list : NULL;
}

void tfl_concatenation(tfl_import *c) {
    enum { AXIS, ACTIVATION };
    size_t axis;
    mite_ir_value **list = all_inputs(c);
    const tfl_tensor *first = tfl_input(c, 0);
    if (!list || !first) return;
    size_t rank = list[0]->unknown ? first->rank : (size_t)list[0]->rank;
    if (!tfl_axis(c, tfl_option(c, AXIS), rank, &axis)) return;
    mite_ir_value *y = tfl_concat(c, list, c->node->input_count, axis);
    tfl_set(c, 0, tfl_activate(c, y, tfl_option_byte(c, ACTIVATION)));
}

void tfl_pack(tfl_import *c) {
    enum { COUNT, AXIS };
    int32_t shape[MITE_MAX_RANK];
    size_t axis;
    mite_ir_value **list = all_inputs(c);
    for (size_t k = 0; list && k < c->node->input_count; k++) {
        if (!fixed(c, list[k]) || !widened(c, list[k], tfl_option(c, AXIS), 1, shape)) return;
        list[k] = tfl_reshape(c, list[k], (size_t)list[k]->rank + 1, shape);
        if (!list[k]) return;
    }
    if (!list || !tfl_axis(c, tfl_option(c, AXIS), (size_t)list[0]->rank, &axis)) return;
    tfl_set(c, 0, tfl_concat(c, list, c->node->input_count, axis));
}

// --- Repetition ---------------------------------------------------------------------------------

void tfl_tile(tfl_import *c) {
    tfl_set(c, 0, tfl_emit_moved(c, "tile", tfl_movable(c, 0), tfl_in(c, 1), NULL, NULL, NULL));
}

void tfl_broadcast_to(tfl_import *c) {
    tfl_set(c, 0, tfl_emit_moved(c, "expand", tfl_movable(c, 0), tfl_in(c, 1), NULL, NULL, NULL));
}

void tfl_fill(tfl_import *c) {
    mite_ir_value *value = tfl_movable(c, 1);
    tfl_set(c, 0, tfl_emit_moved(c, "expand", value, tfl_in(c, 0), NULL, NULL, NULL));
}

void tfl_reverse(tfl_import *c) {
    int64_t axes[MITE_MAX_RANK], start[MITE_MAX_RANK], end[MITE_MAX_RANK], step[MITE_MAX_RANK];
    size_t count, axis;
    mite_ir_value *x = fixed(c, tfl_movable(c, 0));
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
    const tfl_tensor *t = tfl_output(c, 0);
    mite_ir_value *x = tfl_in(c, 0);
    if (!x || !t) return;
    if (!mite_ir_is_fixed(x)) {
        mite_ir_value *y = MITE_IR_EMIT(c->g, .op = "shape", .name = tfl_name(c), .inputs = {x},
                                        .dtype = MITE_I64);
        tfl_set(c, 0, tfl_emit_cast(c, y, tfl_stored_dtype(t)));
        return;
    }
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
    if (!x || !t || !tfl_is_fixed(c, x)) return;
    tfl_set(c, 0, mite_ir_constant(c->g, tfl_name(c), x->dtype, (size_t)x->rank, x->shape));
}

void tfl_range(tfl_import *c) {
    tfl_set(
        c, 0,
        tfl_emit_moved(c, "range", tfl_plain(c, 0), tfl_plain(c, 1), tfl_plain(c, 2), NULL, NULL));
}
