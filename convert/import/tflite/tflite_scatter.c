// SPDX-License-Identifier: Apache-2.0
// Operators that put values at places: sums of segments, diagonals, windows that move.
#include "import/tflite/tflite_stablehlo.h"

#include "ops/more/index.h"

#include <float.h>
#include <string.h>

// --- Segments -----------------------------------------------------------------------------------

// The number that a segment without rows has.
static mite_ir_value *nothing_of(tfl_import *c, mite_dtype dtype, mite_combine combine) {
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), dtype, 0, NULL);
    if (!v || combine == MITE_COMBINE_ADD) return v;
    bool most = combine == MITE_COMBINE_MIN, one = combine == MITE_COMBINE_MUL;
    if (dtype == MITE_F32) *(float *)v->data = one ? 1.0f : most ? FLT_MAX : -FLT_MAX;
    else if (dtype == MITE_I32) *(int32_t *)v->data = one ? 1 : most ? INT32_MAX : INT32_MIN;
    else if (dtype == MITE_I64) *(int64_t *)v->data = one ? 1 : most ? INT64_MAX : INT64_MIN;
    else
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its numbers are of type %s",
                     mite_ir_dtype_name(dtype));
    return v;
}

// x [ids.., rest..] gathered into `rows` [1] rows of [rest..].
static mite_ir_value *segments(tfl_import *c, mite_ir_value *x, mite_ir_value *ids,
                               mite_ir_value *rows, mite_combine combine) {
    int64_t rest[MITE_MAX_RANK];
    int32_t shape[MITE_MAX_RANK];
    if (!x || !ids || !rows || !tfl_is_fixed(c, x) || !tfl_is_fixed(c, ids)) return NULL;
    size_t rank = (size_t)x->rank, of_ids = (size_t)ids->rank;
    if (of_ids < 1 || of_ids > rank || of_ids >= MITE_MAX_RANK ||
        memcmp(x->shape, ids->shape, of_ids * sizeof *ids->shape)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "segments %T do not fit the values %T", of_ids,
                     ids->shape, rank, x->shape);
        return NULL;
    }
    for (size_t i = of_ids; i < rank; i++) rest[i - of_ids] = x->shape[i];
    mite_ir_value *parts[2] = {rows, tfl_integers(c, rest, rank - of_ids)};
    mite_ir_value *size = tfl_concat(c, parts, 2, 0);
    mite_ir_value *base =
        tfl_emit_moved(c, "expand", nothing_of(c, x->dtype, combine), size, NULL, NULL, NULL);
    memcpy(shape, ids->shape, sizeof shape);
    shape[of_ids] = 1;
    ids = tfl_reshape(c, tfl_emit_cast(c, ids, MITE_I64), of_ids + 1, shape);
    if (!base || !ids) return NULL;
    return MITE_IR_EMIT(c->g, .op = "scatter_nd", .name = tfl_name(c), .inputs = {base, ids, x},
                        .attrs = {{"reduction", .word = (int32_t)combine}});
}

// As many rows as the last id says, plus one.
void tfl_segment_sum(tfl_import *c) {
    mite_ir_value *x = tfl_plain(c, 0), *ids = tfl_emit_cast(c, tfl_in(c, 1), MITE_I64);
    mite_ir_value *last = tfl_emit_reduce(c, MITE_REDUCE_MAX, ids, 0, true);
    mite_ir_value *rows =
        tfl_emit_general_binary(c, MITE_BINARY_ADD, last, tfl_integers(c, &(int64_t){1}, 1));
    tfl_set(c, 0, segments(c, x, ids, rows, MITE_COMBINE_ADD));
}

void tfl_unsorted_segments(tfl_import *c) {
    mite_ir_value *rows = tfl_emit_cast(c, tfl_in(c, 2), MITE_I64);
    rows = tfl_reshape(c, rows, 1, (const int32_t[]){1});
    tfl_set(c, 0,
            segments(c, tfl_plain(c, 0), tfl_in(c, 1), rows,
                     (mite_combine)tfl_op_of(c->node)->function));
}

// How many boundaries are not above each number.
void tfl_bucketize(tfl_import *c) {
    mite_flat_list boundaries = mite_flat_items(&c->node->options, 0, 4);
    const int32_t count = (int32_t)boundaries.count;
    mite_ir_value *x = tfl_emit_cast(c, tfl_plain(c, 0), MITE_F32);
    mite_ir_value *list = mite_ir_constant(c->g, tfl_name(c), MITE_F32, 1, &count);
    mite_ir_value *axis = tfl_integers(c, &(int64_t){-1}, 1);
    if (!x || !list || !axis) return;
    for (size_t i = 0; i < boundaries.count; i++)
        ((float *)list->data)[i] = mite_flat_f32_at(&boundaries, i);
    x = tfl_emit_moved(c, "unsqueeze", x, axis, NULL, NULL, NULL);
    mite_ir_value *above =
        tfl_emit_cast(c, tfl_emit_general_binary(c, MITE_BINARY_LESS_OR_EQUAL, list, x), MITE_I32);
    tfl_set(c, 0, tfl_emit_reduce(c, MITE_REDUCE_SUM, above, -1, false));
}

// --- Diagonals ----------------------------------------------------------------------------------

// True on the diagonal of [rows, columns].
static mite_ir_value *diagonal(tfl_import *c, int32_t rows, int32_t columns) {
    mite_ir_value *v =
        mite_ir_constant(c->g, tfl_name(c), MITE_BOOL, 2, (const int32_t[]){rows, columns});
    for (size_t i = 0; v && i < (size_t)rows && i < (size_t)columns; i++)
        ((uint8_t *)v->data)[i * (size_t)columns + i] = 1;
    return v;
}

static mite_ir_value *as_row(tfl_import *c, mite_ir_value *v) {
    return tfl_emit_moved(c, "unsqueeze", v, tfl_integers(c, &(int64_t){-2}, 1), NULL, NULL, NULL);
}

void tfl_matrix_diag(tfl_import *c) {
    mite_ir_value *x = tfl_plain(c, 0);
    if (!x || !tfl_is_fixed(c, x)) return;
    if (x->rank < 1 || x->rank >= MITE_MAX_RANK) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input has %d dimensions", x->rank);
        return;
    }
    int32_t n = x->shape[x->rank - 1];
    mite_ir_value *zero = mite_ir_constant(c->g, tfl_name(c), x->dtype, 0, NULL);
    tfl_set(c, 0, tfl_emit_where(c, diagonal(c, n, n), as_row(c, x), zero));
}

void tfl_matrix_set_diag(tfl_import *c) {
    mite_ir_value *x = tfl_plain(c, 0), *d = tfl_plain(c, 1);
    if (!x || !d || !tfl_is_fixed(c, x) || !tfl_is_fixed(c, d)) return;
    size_t rank = (size_t)x->rank;
    int32_t rows = rank >= 2 ? x->shape[rank - 2] : 0, columns = rank >= 2 ? x->shape[rank - 1] : 0;
    int32_t after[MITE_MAX_RANK] = {0}, before[MITE_MAX_RANK] = {0};
    if (rank < 2 || d->rank != x->rank - 1 ||
        d->shape[rank - 2] != (rows < columns ? rows : columns)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "the diagonal %T does not fit the matrix %T",
                     (size_t)d->rank, d->shape, rank, x->shape);
        return;
    }
    after[rank - 2] = columns - d->shape[rank - 2];
    if (after[rank - 2]) d = tfl_emit_pad_integers(c, d, before, after, NULL);
    tfl_set(c, 0, tfl_emit_where(c, diagonal(c, rows, columns), as_row(c, d), x));
}

// --- Windows ------------------------------------------------------------------------------------

// Where each element (or row) of an update goes, from [0, 0 ..]: [update.., rank] i64.
static mite_ir_value *places_of(tfl_import *c, const int32_t *shape, size_t rank) {
    int32_t dims[MITE_MAX_RANK];
    memcpy(dims, shape, rank * sizeof *dims);
    dims[rank] = (int32_t)rank;
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), MITE_I64, rank + 1, dims);
    size_t stride = 1, count = v ? mite_ir_elements(v) / rank : 0;
    for (size_t k = rank; k-- > 0;) {
        for (size_t i = 0; i < count; i++)
            ((int64_t *)v->data)[i * rank + k] = (int64_t)(i / stride % (size_t)shape[k]);
        stride *= (size_t)shape[k];
    }
    return v;
}

// Inputs: x, what takes the place of a window of it, and where the window begins (moved so far that it
// fits): a list or, in StableHLO, a number for each dimension.
void tfl_dynamic_update_slice(tfl_import *c) {
    const tfl_tensor *list = tfl_input(c, 2);
    mite_ir_value *x = tfl_plain(c, 0), *update = tfl_plain(c, 1);
    bool separate = !list || list->rank == 0;
    mite_ir_value *begin =
        separate ? tfl_place_of_numbers(c, 2) : tfl_emit_cast(c, tfl_in(c, 2), MITE_I64);
    int64_t room[MITE_MAX_RANK];
    if (!x || !update || !begin || !tfl_is_fixed(c, x) || !tfl_is_fixed(c, update)) return;
    size_t rank = (size_t)x->rank, led = 0;
    bool good = update->rank == x->rank && rank >= 1 && rank < MITE_MAX_RANK &&
                mite_ir_elements(begin) == rank;
    for (size_t i = 0; i < rank && good; i++) {
        room[i] = (int64_t)x->shape[i] - update->shape[i];
        good = room[i] >= 0;
        if (room[i]) led = i + 1;
    }
    if (!good) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "the update %T does not fit into %T",
                     (size_t)update->rank, update->shape, rank, x->shape);
        return;
    }
    if (!led || !mite_ir_elements(update)) {
        tfl_set(c, 0, led ? x : update);
        return;
    }
    // Dimensions behind the last one that differs are moved as a whole.
    begin = tfl_emit_moved(c, "slice", begin, tfl_integers(c, &(int64_t){0}, 1),
                           tfl_integers(c, &(int64_t){(int64_t)led}, 1), NULL, NULL);
    begin = tfl_emit_general_binary(c, MITE_BINARY_MIN, begin, tfl_integers(c, room, led));
    begin = tfl_emit_general_binary(c, MITE_BINARY_MAX, begin, tfl_integers(c, &(int64_t){0}, 1));
    mite_ir_value *places =
        tfl_emit_general_binary(c, MITE_BINARY_ADD, places_of(c, update->shape, led), begin);
    if (!places) return;
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "scatter_nd", .name = tfl_name(c),
                         .inputs = {x, places, update},
                         .attrs = {{"reduction", .word = MITE_COMBINE_REPLACE}}));
}

// --- Small ones ---------------------------------------------------------------------------------

// Ones in front of a shape.
static mite_ir_value *widened(tfl_import *c, mite_ir_value *v, int32_t count) {
    int32_t more = count - v->shape[0];
    mite_ir_value *ones = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 1, &more);
    for (int32_t i = 0; ones && i < more; i++) ((int64_t *)ones->data)[i] = 1;
    mite_ir_value *both[2] = {ones, v};
    return ones && more ? tfl_concat(c, both, 2, 0) : v;
}

// The shape that two broadcast to.
void tfl_broadcast_args(tfl_import *c) {
    const tfl_tensor *out = tfl_output(c, 0);
    mite_ir_value *a = tfl_emit_cast(c, tfl_in(c, 0), MITE_I64),
                  *b = tfl_emit_cast(c, tfl_in(c, 1), MITE_I64);
    if (!a || !b || !out || !tfl_is_fixed(c, a) || !tfl_is_fixed(c, b)) return;
    if (a->rank != 1 || b->rank != 1 || a->shape[0] > MITE_MAX_RANK ||
        b->shape[0] > MITE_MAX_RANK) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its inputs %T and %T are no shapes", (size_t)a->rank,
                     a->shape, (size_t)b->rank, b->shape);
        return;
    }
    int32_t count = a->shape[0] > b->shape[0] ? a->shape[0] : b->shape[0];
    a = widened(c, a, count);
    b = widened(c, b, count);
    mite_ir_value *one = tfl_integers(c, &(int64_t){1}, 1);
    mite_ir_value *y =
        tfl_emit_where(c, tfl_emit_general_binary(c, MITE_BINARY_EQUAL, a, one), b, a);
    tfl_set(c, 0, tfl_emit_cast(c, y, tfl_stored_dtype(out)));
}

void tfl_bitcast(tfl_import *c) {
    const tfl_tensor *out = tfl_output(c, 0);
    mite_ir_value *x = tfl_in(c, 0);
    mite_dtype dtype = out ? tfl_stored_dtype(out) : (mite_dtype)0;
    if (!x) return;
    if (!dtype || mite_dtype_bytes(dtype) != mite_dtype_bytes(x->dtype)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "bits of %s as %s are not supported",
                     mite_ir_dtype_name(x->dtype), out ? tfl_type_name(out->type) : "nothing");
        return;
    }
    tfl_set(c, 0,
            dtype == x->dtype ? x
                              : MITE_IR_EMIT(c->g, .op = "bit_cast", .name = tfl_name(c),
                                             .inputs = {x}, .dtype = dtype));
}

mite_ir_value *tfl_angle(tfl_import *c, mite_ir_value *y, mite_ir_value *x) {
    mite_ir_value *zero = tfl_scalar(c, 0);
    mite_ir_value *pi = tfl_scalar(c, 0x1.921fb6p1f), *minus_pi = tfl_scalar(c, -0x1.921fb6p1f);
    mite_ir_value *half = tfl_emit_general_unary(
        c, MITE_UNARY_ATAN, tfl_emit_binary(c, "div", y, tfl_emit_unary(c, "abs", x)));
    mite_ir_value *left = tfl_emit_general_binary(c, MITE_BINARY_LESS, x, zero);
    mite_ir_value *turn =
        tfl_emit_where(c, tfl_emit_general_binary(c, MITE_BINARY_LESS, y, zero), minus_pi, pi);
    mite_ir_value *angle = tfl_emit_where(c, left, tfl_emit_binary(c, "sub", turn, half), half);
    return tfl_emit_where(c, tfl_emit_general_binary(c, MITE_BINARY_EQUAL, y, zero),
                          tfl_emit_where(c, left, pi, zero), angle);
}

void tfl_atan2(tfl_import *c) { tfl_set(c, 0, tfl_angle(c, tfl_real(c, 0), tfl_real(c, 1))); }
