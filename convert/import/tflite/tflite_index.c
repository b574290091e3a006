// SPDX-License-Identifier: Apache-2.0
// Operators that take indices, or give them.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_nodes.h"

#include "ops/more/index.h"

#include <math.h>
#include <string.h>

// Indices are i64 inside; the file says what they are outside.
static void set_indices(tfl_import *c, size_t k, mite_ir_value *v) {
    const tfl_tensor *t = tfl_output(c, k);
    if (!v || !t) return;
    mite_dtype dtype = tfl_stored_dtype(t);
    bool fits = dtype == MITE_I32 || dtype == MITE_I64;
    tfl_set(c, k, fits ? tfl_emit_cast(c, v, dtype) : v);
}

// --- Gathering ----------------------------------------------------------------------------------

// With batch dimensions every batch has indices of its own; the gathered dimension b must then
// come first behind them.
static mite_ir_value *gather_in_batches(tfl_import *c, mite_ir_value *x, mite_ir_value *indices,
                                        size_t axis, size_t batch) {
    int32_t perm[MITE_MAX_RANK] = {0}, shape[MITE_MAX_RANK];
    size_t rank = (size_t)x->rank, places = (size_t)indices->rank - batch, k = 0;
    if (indices->rank >= MITE_MAX_RANK || axis < batch || rank + places > MITE_MAX_RANK + 1) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "%z batch dimensions with axis %z and indices %T",
                     batch, axis, (size_t)indices->rank, indices->shape);
        return NULL;
    }
    for (size_t i = 0; i < rank; i++) perm[i] = (int32_t)(i < batch || i > axis ? i : i - 1);
    perm[batch] = (int32_t)axis;
    x = tfl_transpose(c, x, perm);
    for (size_t i = 0; i < (size_t)indices->rank; i++) shape[i] = tfl_dim(indices, i);
    shape[indices->rank] = 1;
    indices = tfl_reshape(c, indices, (size_t)indices->rank + 1, shape);
    if (!x || !indices) return NULL;
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "gather_nd", .name = tfl_name(c), .inputs = {x, indices},
                     .attrs = {{"batch_dims", .word = (int32_t)batch}}, .scale = x->scale,
                     .zero_point = x->zero_point);
    // [batches, places, before the axis, behind it] -> the places belong where the axis was.
    size_t before = axis - batch;
    if (!y || !before) return y;
    for (size_t i = 0; i < batch; i++) perm[k++] = (int32_t)i;
    for (size_t i = 0; i < before; i++) perm[k++] = (int32_t)(batch + places + i);
    for (size_t i = 0; i < places; i++) perm[k++] = (int32_t)(batch + i);
    for (size_t i = k; i < (size_t)y->rank; i++) perm[i] = (int32_t)i;
    return tfl_transpose(c, y, perm);
}

void tfl_gather(tfl_import *c) {
    enum { AXIS, BATCH };
    mite_ir_value *x = tfl_movable(c, 0), *indices = tfl_in(c, 1);
    size_t axis, batch = 0;
    if (!x || !indices || !tfl_has_rank(c, x) ||
        !tfl_axis(c, tfl_option(c, AXIS), (size_t)x->rank, &axis)) {
        return;
    }
    int32_t batches = tfl_option(c, BATCH);
    if (batches) {
        if (!tfl_has_rank(c, indices)) return;
        if (batches < 0) batches += indices->rank;
        if (batches < 0 || batches > indices->rank || batches > x->rank) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %d batch dimensions", batches);
            return;
        }
        batch = (size_t)batches;
    }
    if (batch) {
        tfl_set(c, 0, gather_in_batches(c, x, indices, axis, batch));
        return;
    }
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "gather", .name = tfl_name(c), .inputs = {x, indices},
                         .attrs = {{"axis", .word = (int32_t)axis}}, .scale = x->scale,
                         .zero_point = x->zero_point));
}

void tfl_gather_nd(tfl_import *c) {
    tfl_set(c, 0,
            tfl_emit_moved(c, "gather_nd", tfl_movable(c, 0), tfl_in(c, 1), NULL, NULL, NULL));
}

// Rows of a table: its inputs stand the other way round.
void tfl_embedding_lookup(tfl_import *c) {
    tfl_set(c, 0, tfl_emit_moved(c, "gather", tfl_movable(c, 1), tfl_in(c, 0), NULL, NULL, NULL));
}

// Inputs: rows wanted, keys in order, the row that each has. A row of zeros where there is no such key; output
// 1 says where there is.
void tfl_hashtable_lookup(tfl_import *c) {
    mite_ir_value *wanted = tfl_in(c, 0), *keys = tfl_in(c, 1), *rows = tfl_plain(c, 2);
    int32_t shape[MITE_MAX_RANK];
    if (!wanted || !keys || !rows || !tfl_is_fixed(c, wanted) || !tfl_is_fixed(c, keys) ||
        !tfl_is_fixed(c, rows))
        return;
    if (wanted->rank != 1 || keys->rank != 1 || rows->rank < 1 || keys->shape[0] < 1 ||
        rows->shape[0] != keys->shape[0]) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "%T of %T keys with rows %T do not fit",
                     (size_t)wanted->rank, wanted->shape, (size_t)keys->rank, keys->shape,
                     (size_t)rows->rank, rows->shape);
        return;
    }
    size_t rank = (size_t)rows->rank;
    for (size_t i = 0; i < rank; i++) shape[i] = i ? 1 : wanted->shape[0];
    mite_ir_value *column = tfl_reshape(c, wanted, 2, (const int32_t[]){wanted->shape[0], 1});
    mite_ir_value *equal = tfl_emit_general_binary(c, MITE_BINARY_EQUAL, column, keys);
    mite_ir_value *found = tfl_emit_reduce(c, MITE_REDUCE_MAX, equal, 1, false);
    mite_ir_value *zero = mite_ir_constant(c->g, tfl_name(c), rows->dtype, 0, NULL);
    if (!found || !zero) return;
    mite_ir_value *at =
        MITE_IR_EMIT(c->g, .op = "arg_extreme", .name = tfl_name(c), .inputs = {equal},
                     .dtype = MITE_I64, .attrs = {{"axis", .word = 1}, {"keep_dims", .word = 0}});
    rows = tfl_emit_moved(c, "gather", rows, at, NULL, NULL, NULL);
    tfl_set(c, 0, tfl_emit_where(c, tfl_reshape(c, found, rank, shape), rows, zero));
    tfl_set(c, 1, tfl_emit_cast(c, found, MITE_U8));
}

// Rows `at` [n, depth] of a new tensor of this shape become the sums of `updates`.
static mite_ir_value *sums_at(tfl_import *c, mite_ir_value *at, mite_ir_value *updates,
                              const int64_t *shape, size_t rank) {
    mite_ir_value *base = tfl_emit_moved(c, "expand", tfl_scalar(c, 0),
                                         tfl_integers(c, shape, rank), NULL, NULL, NULL);
    if (!base || !at || !updates) return NULL;
    return MITE_IR_EMIT(c->g, .op = "scatter_nd", .name = tfl_name(c),
                        .inputs = {base, at, updates},
                        .attrs = {{"reduction", .word = MITE_COMBINE_ADD}});
}

// Inputs: rows wanted of the table that is input 4, where each stands in a sparse tensor, the shape of that,
// their weights. Its last dimension is summed over; where the sum of weights is 0, it is not divided by.
void tfl_embedding_lookup_sparse(tfl_import *c) {
    enum { SUM, MEAN, SQRTN };
    mite_ir_value *ids = tfl_in(c, 0), *at = tfl_emit_cast(c, tfl_in(c, 1), MITE_I64);
    mite_ir_value *weights = tfl_real(c, 3), *table = tfl_real(c, 4);
    int64_t shape[2 * MITE_MAX_RANK];
    int32_t combiner = tfl_option_byte(c, 0), column[MITE_MAX_RANK];
    size_t rank;
    if (!ids || !at || !weights || !table || !tfl_is_fixed(c, ids) || !tfl_is_fixed(c, at) ||
        !tfl_is_fixed(c, weights) || !tfl_is_fixed(c, table) ||
        !tfl_numbers(c, 2, "shape", shape, MITE_MAX_RANK, &rank))
        return;
    int64_t count = ids->rank == 1 ? ids->shape[0] : -1;
    size_t leading = rank - 1, whole = leading + (size_t)table->rank - 1;
    if (!rank || at->rank != 2 || at->shape[0] != count || (size_t)at->shape[1] != rank ||
        weights->rank != 1 || weights->shape[0] != count || table->rank < 2 ||
        whole > MITE_MAX_RANK || combiner < SUM || combiner > SQRTN) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "rows %T at %T with weights %T of a table %T, combined by %d, do not fit",
                     (size_t)ids->rank, ids->shape, (size_t)at->rank, at->shape,
                     (size_t)weights->rank, weights->shape, (size_t)table->rank, table->shape,
                     combiner);
        return;
    }
    for (int32_t i = 0; i < table->rank; i++) column[i] = i ? 1 : (int32_t)count;
    for (size_t i = leading; i < whole; i++) shape[i] = table->shape[1 + i - leading];
    at = tfl_emit_slice(c, at, (const int64_t[]){0, 0}, (const int64_t[]){count, (int64_t)leading});
    mite_ir_value *rows = tfl_emit_moved(c, "gather", table, ids, NULL, NULL, NULL);
    rows = tfl_emit_binary(c, "mul", rows, tfl_reshape(c, weights, (size_t)table->rank, column));
    mite_ir_value *y = sums_at(c, at, rows, shape, whole);
    if (combiner != SUM) {
        int32_t wide[MITE_MAX_RANK];
        for (size_t i = 0; i < whole; i++) wide[i] = i < leading ? (int32_t)shape[i] : 1;
        if (combiner == SQRTN) weights = tfl_emit_binary(c, "mul", weights, weights);
        mite_ir_value *sum = sums_at(c, at, weights, shape, leading);
        if (combiner == SQRTN) sum = tfl_emit_unary(c, "sqrt", sum);
        mite_ir_value *none = tfl_emit_general_binary(c, MITE_BINARY_EQUAL, sum, tfl_scalar(c, 0));
        sum = tfl_emit_where(c, none, tfl_scalar(c, 1), sum);
        y = tfl_emit_binary(c, "div", y, tfl_reshape(c, sum, whole, wide));
    }
    tfl_set(c, 0, y);
}

// --- Scattering ---------------------------------------------------------------------------------

static mite_ir_value *scatter(tfl_import *c, mite_ir_value *base, mite_ir_value *indices,
                              mite_ir_value *updates, mite_combine combine) {
    if (!base || !indices || !updates) return NULL;
    return MITE_IR_EMIT(c->g, .op = "scatter_nd", .name = tfl_name(c),
                        .inputs = {base, indices, updates},
                        .attrs = {{"reduction", .word = (int32_t)combine}});
}

// Updates that meet are added.
void tfl_scatter_nd(tfl_import *c) {
    mite_ir_value *updates = tfl_plain(c, 1), *zero;
    if (!updates) return;
    zero = mite_ir_constant(c->g, tfl_name(c), updates->dtype, 0, NULL);
    mite_ir_value *base = tfl_emit_moved(c, "expand", zero, tfl_in(c, 2), NULL, NULL, NULL);
    tfl_set(c, 0, scatter(c, base, tfl_in(c, 0), updates, MITE_COMBINE_ADD));
}

// Inputs: places [n, rank] (or [n], or one), the shape, values (one or n), what stands elsewhere.
void tfl_sparse_to_dense(tfl_import *c) {
    int64_t count;
    int32_t shape[2];
    mite_ir_value *places = tfl_in(c, 0), *values = tfl_plain(c, 2), *base;
    if (!places || !values || !tfl_is_fixed(c, places) || !tfl_is_fixed(c, values)) return;
    base = tfl_emit_moved(c, "expand", tfl_plain(c, 3), tfl_in(c, 1), NULL, NULL, NULL);
    count = places->rank ? places->shape[0] : 1;
    if (places->rank > 2 || values->rank > 1 || !base) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its indices have shape %T", (size_t)places->rank,
                     places->shape);
        return;
    }
    if (places->rank < 2) {
        shape[0] = (int32_t)count;
        shape[1] = 1;
        places = tfl_reshape(c, places, 2, shape);
    }
    if (values->rank == 0) {
        values = tfl_emit_moved(c, "expand", values, tfl_integers(c, &count, 1), NULL, NULL, NULL);
    }
    tfl_set(c, 0, scatter(c, base, places, values, MITE_COMBINE_REPLACE));
}

// Negative indices mean none; the operator counts them from the end. `none` takes their place.
static mite_ir_value *not_negative(tfl_import *c, mite_ir_value *indices, mite_ir_value *none) {
    mite_ir_value *zero = mite_ir_constant(c->g, tfl_name(c), indices->dtype, 0, NULL);
    mite_ir_value *negative = tfl_emit_general_binary(c, MITE_BINARY_LESS, indices, zero);
    return tfl_emit_where(c, negative, tfl_emit_cast(c, none, indices->dtype), indices);
}

void tfl_one_hot(tfl_import *c) {
    const int32_t one = 1;
    mite_ir_value *indices = tfl_in(c, 0), *depth = tfl_in(c, 1);
    mite_ir_value *on = tfl_plain(c, 2), *off = tfl_plain(c, 3);
    if (!indices || !depth || !on || !off) return;
    mite_ir_value *both[2] = {tfl_reshape(c, off, 1, &one), tfl_reshape(c, on, 1, &one)};
    if (!both[0] || !both[1]) return;
    mite_ir_value *values = tfl_concat(c, both, 2, 0);
    indices = not_negative(c, indices, depth);
    if (!values || !indices) return;
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "one_hot", .name = tfl_name(c),
                         .inputs = {indices, depth, values},
                         .attrs = {{"axis", .word = tfl_option(c, 0)}}, .dtype = values->dtype));
}

// --- Order --------------------------------------------------------------------------------------

void tfl_top_k(tfl_import *c) {
    mite_ir_value *x = tfl_movable(c, 0), *k = tfl_in(c, 1);
    const int32_t one = 1;
    k = tfl_emit_cast(c, tfl_reshape(c, k, 1, &one), MITE_I64);
    if (!x || !k) return;
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "top_k", .name = tfl_name(c), .inputs = {x, k},
                     .more_dtypes = (const mite_dtype[]){MITE_I64}, .more_outputs = 1,
                     .scale = x->scale, .zero_point = x->zero_point);
    tfl_set(c, 0, y);
    set_indices(c, 1, mite_ir_output_at(y, 1));
}

void tfl_arg(tfl_import *c) {
    size_t axis;
    mite_ir_value *x = tfl_in(c, 0); // the order of quanta is that of numbers
    if (!x || !tfl_has_rank(c, x) ||
        !tfl_axis(c, tfl_number(c, 1, "axis", 0), (size_t)x->rank, &axis)) {
        return;
    }
    bool largest = !strcmp(tfl_op_of(c->node)->name, "ARG_MAX");
    set_indices(c, 0,
                MITE_IR_EMIT(c->g, .op = "arg_extreme", .name = tfl_name(c), .inputs = {x},
                             .dtype = MITE_I64,
                             .attrs = {{"axis", .word = (int32_t)axis},
                                       {"largest", .word = largest},
                                       {"keep_dims", .word = 0}}));
}

void tfl_reverse_sequence(tfl_import *c) {
    enum { TIME, BATCH };
    mite_ir_value *x = tfl_movable(c, 0), *lengths = tfl_in(c, 1);
    if (!x || !lengths) return;
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "reverse_sequence", .name = tfl_name(c),
                         .inputs = {x, lengths},
                         .attrs = {{"batch_axis", .word = tfl_option(c, BATCH)},
                                   {"time_axis", .word = tfl_option(c, TIME)}},
                         .scale = x->scale, .zero_point = x->zero_point));
}

// --- How many there are, a run decides ----------------------------------------------------------

// The places of what is true, a row each.
void tfl_where(tfl_import *c) {
    mite_ir_value *x = tfl_plain(c, 0);
    if (!x) return;
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "non_zero", .name = tfl_name(c), .inputs = {x}, .dtype = MITE_I64);
    if (!y) return;
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "transpose", .name = tfl_name(c), .inputs = {y},
                         .attrs = {{"perm", .list = (const int32_t[]){1, 0}, .list_count = 2}}));
}

void tfl_unique(tfl_import *c) {
    const mite_dtype indices[2] = {MITE_I64, MITE_I64};
    mite_ir_value *x = tfl_plain(c, 0);
    if (!x) return;
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "unique", .name = tfl_name(c), .inputs = {x},
                     .attrs = {{"sorted", .word = 0}}, .more_dtypes = indices, .more_outputs = 2);
    tfl_set(c, 0, y);
    set_indices(c, 1, mite_ir_output_at(y, 2));
}

// A list of up to `most` elements, zeros behind them.
static mite_ir_value *filled_up(tfl_import *c, mite_ir_value *list, int32_t most) {
    if (!list) return NULL;
    mite_ir_value *zeros = mite_ir_constant(c->g, tfl_name(c), list->dtype, 1, &most);
    if (!zeros) return NULL;
    mite_ir_value *both[2] = {list, zeros};
    mite_ir_value *all = tfl_concat(c, both, 2, 0);
    return tfl_emit_moved(c, "slice", all, tfl_integers(c, &(int64_t){0}, 1),
                          tfl_integers(c, &(int64_t){most}, 1), NULL, NULL);
}

// An overlap that drops a box where it is reached; the operator's must be exceeded.
static mite_ir_value *reached(tfl_import *c, mite_ir_value *overlap) {
    if (!overlap || !overlap->data || !mite_ir_elements(overlap)) return overlap;
    float below = nextafterf(*(const float *)overlap->data, -INFINITY);
    return mite_ir_floats(c->g, tfl_name(c), &below, 1);
}

// NON_MAX_SUPPRESSION_V4 and V5 (which also gives the scores of what it chose). Boxes [N,4], scores
// [N], the most to choose, overlap, least score, [sigma of a soft decay].
void tfl_non_max_suppression(tfl_import *c) {
    bool scored = !strcmp(tfl_op_of(c->node)->name, "NON_MAX_SUPPRESSION_V5");
    mite_ir_value *boxes = tfl_real(c, 0), *scores = tfl_real(c, 1);
    int64_t most = tfl_number(c, 2, "most boxes", 0);
    if (!boxes || !scores || !tfl_is_fixed(c, boxes) || !tfl_is_fixed(c, scores)) return;
    mite_ir_value *sigma = scored && tfl_has(c, 5) ? tfl_real(c, 5) : NULL;
    mite_ir_value *overlap = reached(c, tfl_real(c, 3));
    if (!overlap) return;
    float soft = sigma && sigma->data && mite_ir_elements(sigma) ? *(const float *)sigma->data : 0;
    if (sigma && (!sigma->data || !(soft >= 0))) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its sigma must be a constant, not below 0");
        return;
    }
    if (boxes->rank != 2 || boxes->shape[1] != 4 || scores->rank != 1 ||
        scores->shape[0] != boxes->shape[0] || most < 0 || most > 1 << 24) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "boxes %T, scores %T and %D to choose do not fit",
                     (size_t)boxes->rank, boxes->shape, (size_t)scores->rank, scores->shape, most);
        return;
    }
    int32_t count = boxes->shape[0], one = 1;
    mite_ir_value *chosen =
        MITE_IR_EMIT(c->g, .op = "non_max_suppression", .name = tfl_name(c),
                     .inputs = {tfl_reshape(c, boxes, 3, (const int32_t[]){1, count, 4}),
                                tfl_reshape(c, scores, 3, (const int32_t[]){1, 1, count}),
                                tfl_integers(c, &most, 1), tfl_reshape(c, overlap, 1, &one),
                                tfl_reshape(c, tfl_real(c, 4), 1, &one)},
                     .attrs = {{"soft", .word = mite_ir_bits(soft > 0 ? -0.5f / soft : 0)}},
                     .dtype = MITE_I64, .more_dtypes = &scores->dtype, .more_outputs = scored);
    if (!chosen) return;
    mite_ir_value *number =
        MITE_IR_EMIT(c->g, .op = "shape", .name = tfl_name(c), .inputs = {chosen},
                     .dtype = MITE_I64, .attrs = {{"end", .word = 1}});
    mite_ir_value *column = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 0, NULL);
    if (!number || !column) return;
    *(int64_t *)column->data = 2; // of batch, class, box
    mite_ir_value *which = MITE_IR_EMIT(c->g, .op = "gather", .name = tfl_name(c),
                                        .inputs = {chosen, column}, .attrs = {{"axis", .word = 1}});
    set_indices(c, 0, filled_up(c, which, (int32_t)most));
    if (scored) {
        tfl_set(c, 1, filled_up(c, mite_ir_output_at(chosen, 1), (int32_t)most));
    }
    number = tfl_emit_moved(c, "squeeze", number, NULL, NULL, NULL, NULL);
    set_indices(c, scored ? 2 : 1, number);
}
