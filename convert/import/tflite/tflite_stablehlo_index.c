// SPDX-License-Identifier: Apache-2.0
// StableHLO's gather, scatter and dynamic_slice, all of whose dimension numbers are expressible: the
// operand is laid out as a table whose rows are what every window holds as a whole, and a window is a
// list of rows. And sort.
#include "import/tflite/tflite_stablehlo.h"

#include "ops/more/index.h"

#include <string.h>

#define MAX_NUMBERS (1 << 24) // that say where a window's rows lie

// Windows of a tensor of `rank` dimensions.
typedef struct windows {
    size_t rank;
    const int32_t *shape;
    int64_t sizes[MITE_MAX_RANK]; // of each
    size_t map[MITE_MAX_RANK], mapped; // number k of an index counts along dimension map[k]
    bool dropped[MITE_MAX_RANK]; // dimensions that windows, one long there, do not show outside
    bool led[MITE_MAX_RANK]; // dimensions that lead to a row; the others lie within it

    // Worked out by lay_out.
    int32_t order[MITE_MAX_RANK]; // of dimensions in the table: those that lead to a row first
    int32_t place[MITE_MAX_RANK]; // of each in that order, without those that are dropped
    int64_t strides[MITE_MAX_RANK]; // of those that lead, in rows; else 0
    int64_t rows, row, window; // rows of the table, elements of each, rows of a window
    size_t kept;
} windows;

// Options that name dimensions of the operand: those that are dropped, those that indices count along.
static bool read_windows(tfl_import *c, size_t dropped, size_t map, windows *w) {
    int64_t list[MITE_MAX_RANK];
    size_t count;
    if (!tfl_stablehlo_dimensions(c, dropped, w->rank, list, &count)) return false;
    for (size_t i = 0; i < count; i++) w->dropped[list[i]] = true;
    if (!tfl_stablehlo_dimensions(c, map, w->rank, list, &w->mapped)) return false;
    for (size_t i = 0; i < w->mapped; i++) w->map[i] = (size_t)list[i];
    return true;
}

static bool lay_out(tfl_import *c, windows *w) {
    size_t at = 0;
    w->rows = w->row = w->window = 1;
    for (int leads = 1; leads >= 0; leads--) {
        for (size_t i = 0; i < w->rank; i++) {
            if (w->led[i] != leads) continue;
            w->order[at++] = (int32_t)i;
            if (!w->dropped[i]) w->place[i] = (int32_t)w->kept++;
        }
    }
    for (size_t k = w->rank; k-- > 0;) {
        size_t i = (size_t)w->order[k];
        if (w->sizes[i] < 0 || w->sizes[i] > w->shape[i] || (w->dropped[i] && w->sizes[i] != 1)) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "a window of %D does not fit dimension %z of %T",
                         w->sizes[i], i, w->rank, w->shape);
            return false;
        }
        w->strides[i] = w->led[i] ? w->rows : 0;
        *(w->led[i] ? &w->rows : &w->row) *= w->shape[i];
        if (w->led[i]) w->window *= w->sizes[i];
        if (w->rows < INT32_MAX && w->row <= INT32_MAX &&
            w->window * (int64_t)(w->mapped + 1) <= MAX_NUMBERS)
            continue;
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its windows are too large");
        return false;
    }
    return true;
}

// x as its table [rows, row].
static mite_ir_value *table_of(tfl_import *c, const windows *w, mite_ir_value *x) {
    const int32_t shape[2] = {(int32_t)w->rows, (int32_t)w->row};
    return tfl_reshape(c, tfl_transpose(c, x, w->order), 2, shape);
}

// Where row `row` of a window lies: its place along each dimension that leads to it.
static void place_in_window(const windows *w, size_t row, int64_t *out) {
    for (size_t k = w->rank; k-- > 0;) {
        size_t i = (size_t)w->order[k];
        out[i] = 0;
        if (!w->led[i]) continue;
        out[i] = (int64_t)(row % (size_t)w->sizes[i]);
        row /= (size_t)w->sizes[i];
    }
}

// The rows of a window, from its first one: [window].
static mite_ir_value *rows_of_window(tfl_import *c, const windows *w) {
    const int32_t count = (int32_t)w->window;
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 1, &count);
    for (size_t r = 0; v && r < (size_t)count; r++) {
        int64_t place[MITE_MAX_RANK], row = 0;
        place_in_window(w, r, place);
        for (size_t i = 0; i < w->rank; i++) row += place[i] * w->strides[i];
        ((int64_t *)v->data)[r] = row;
    }
    return v;
}

// The same as numbers that add to those of an index: [window, mapped].
static mite_ir_value *places_of_window(tfl_import *c, const windows *w) {
    const int32_t shape[2] = {(int32_t)w->window, (int32_t)w->mapped};
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 2, shape);
    for (size_t r = 0; v && r < (size_t)w->window; r++) {
        int64_t place[MITE_MAX_RANK];
        place_in_window(w, r, place);
        for (size_t k = 0; k < w->mapped; k++)
            ((int64_t *)v->data)[r * w->mapped + k] = place[w->map[k]];
    }
    return v;
}

// A number of each dimension that indices count along: its size less `less`.
static mite_ir_value *limits(tfl_import *c, const windows *w, const int64_t *less) {
    int64_t list[MITE_MAX_RANK];
    for (size_t k = 0; k < w->mapped; k++)
        list[k] = w->shape[w->map[k]] - (less ? less[w->map[k]] : 0);
    return tfl_integers(c, list, w->mapped);
}

// The rows that windows beginning at `starts` [n, mapped] consist of: [n, window].
static mite_ir_value *rows_of(tfl_import *c, const windows *w, mite_ir_value *starts) {
    int64_t strides[MITE_MAX_RANK];
    for (size_t k = 0; k < w->mapped; k++) strides[k] = w->strides[w->map[k]];
    mite_ir_value *first =
        tfl_emit_general_binary(c, MITE_BINARY_MUL, starts, tfl_integers(c, strides, w->mapped));
    first = tfl_emit_reduce(c, MITE_REDUCE_SUM, first, 1, true);
    return tfl_emit_general_binary(c, MITE_BINARY_ADD, first, rows_of_window(c, w));
}

// What the windows of `starts` hold, [n, window * row]; they are moved so far that they fit.
static mite_ir_value *windows_at(tfl_import *c, const windows *w, mite_ir_value *x,
                                 mite_ir_value *starts) {
    starts = tfl_emit_general_binary(c, MITE_BINARY_MIN, starts, limits(c, w, w->sizes));
    starts = tfl_emit_general_binary(c, MITE_BINARY_MAX, starts, tfl_integers(c, &(int64_t){0}, 1));
    return tfl_emit_moved(c, "gather", table_of(c, w, x), rows_of(c, w, starts), NULL, NULL, NULL);
}

// --- What is outside of the operand -----------------------------------------------------------------

typedef struct outside {
    // Dimensions of indices, but for that along which their numbers lie.
    int32_t batch[MITE_MAX_RANK];
    size_t batch_rank, rank;
    // Dimension i is perm[i] of [batch.., kept ones in the table's order].
    int32_t perm[MITE_MAX_RANK];
} outside;

// Input k as [n, mapped] i64.
static mite_ir_value *read_indices(tfl_import *c, size_t k, int64_t along, const windows *w,
                                   outside *o) {
    mite_ir_value *v = tfl_emit_cast(c, tfl_in(c, k), MITE_I64);
    int32_t perm[MITE_MAX_RANK], count = 1;
    int64_t all = 1;
    if (!v || !tfl_is_fixed(c, v)) return NULL;
    bool good = along >= 0 && along <= v->rank;
    if (good && along < v->rank) count = v->shape[along];
    if (!good || (size_t)count != w->mapped) {
        tfl_stablehlo_misfit(c, "indices have other numbers than are mapped");
        return NULL;
    }
    for (int32_t i = 0; i < v->rank; i++) {
        if (i == along) continue;
        perm[o->batch_rank] = i;
        o->batch[o->batch_rank++] = v->shape[i];
        all *= v->shape[i];
        if (all > INT32_MAX) all = INT32_MAX; // refused by the reshape
    }
    if (along < v->rank) perm[v->rank - 1] = (int32_t)along;
    v = tfl_transpose(c, v, perm);
    return tfl_reshape(c, v, 2, (const int32_t[]){(int32_t)all, count});
}

// Option `field` says where the dimensions of windows stand outside; the others are those of indices.
static bool read_outside(tfl_import *c, size_t field, const windows *w, outside *o) {
    int64_t list[MITE_MAX_RANK];
    size_t count, next = 0;
    int32_t batch = 0, at = 0;
    o->rank = o->batch_rank + w->kept;
    if (o->rank > MITE_MAX_RANK) return tfl_stablehlo_misfit(c, "there are more than 8");
    if (!tfl_stablehlo_dimensions(c, field, o->rank, list, &count)) return false;
    if (count != w->kept) return tfl_stablehlo_misfit(c, "windows have other ones");
    for (size_t i = 0; i < w->rank; i++) {
        if (w->dropped[i]) continue;
        if (next && list[next] < list[next - 1])
            return tfl_stablehlo_misfit(c, "they are not in order");
        while (at < list[next]) o->perm[at++] = batch++;
        o->perm[at++] = (int32_t)o->batch_rank + w->place[i];
        next++;
    }
    while (at < (int32_t)o->rank) o->perm[at++] = batch++;
    return true;
}

// The dimensions of windows in the table's order, behind `shape`'s first ones.
static void add_window_shape(const windows *w, int32_t *shape) {
    for (size_t i = 0; i < w->rank; i++)
        if (!w->dropped[i]) shape[w->place[i]] = (int32_t)w->sizes[i];
}

void tfl_stablehlo_gather(tfl_import *c) {
    enum { OFFSET_DIMS, COLLAPSED, START_MAP, VECTOR_DIM, SLICE_SIZES };
    mite_ir_value *x = tfl_movable(c, 0);
    if (!x || !tfl_is_fixed(c, x)) return;
    windows w = {.rank = (size_t)x->rank, .shape = x->shape};
    outside o = {.rank = 0};
    size_t count;
    if (!tfl_stablehlo_list(c, SLICE_SIZES, MITE_MAX_RANK, w.sizes, &count) ||
        !read_windows(c, COLLAPSED, START_MAP, &w))
        return;
    if (count != w.rank) {
        tfl_stablehlo_misfit(c, "its slices have other ones");
        return;
    }
    for (size_t i = 0; i < w.rank; i++) w.led[i] = w.sizes[i] != x->shape[i];
    int64_t along = tfl_stablehlo_number(c, VECTOR_DIM);
    mite_ir_value *starts = lay_out(c, &w) ? read_indices(c, 1, along, &w, &o) : NULL;
    if (!starts || !read_outside(c, OFFSET_DIMS, &w, &o)) return;
    int32_t shape[MITE_MAX_RANK];
    memcpy(shape, o.batch, sizeof shape);
    add_window_shape(&w, shape + o.batch_rank);
    mite_ir_value *y = tfl_reshape(c, windows_at(c, &w, x, starts), o.rank, shape);
    tfl_set(c, 0, tfl_transpose(c, y, o.perm));
}

mite_ir_value *tfl_place_of_numbers(tfl_import *c, size_t first) {
    mite_ir_value *list[MITE_MAX_RANK];
    size_t count = c->node->input_count > first ? c->node->input_count - first : 0;
    if (!count || count > MITE_MAX_RANK) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its place has %z numbers", count);
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        list[i] = tfl_reshape(c, tfl_emit_cast(c, tfl_in(c, first + i), MITE_I64), 1,
                              &(const int32_t){1});
    return tfl_concat(c, list, count, 0);
}

void tfl_stablehlo_dynamic_slice(tfl_import *c) {
    mite_ir_value *x = tfl_movable(c, 0);
    int32_t perm[MITE_MAX_RANK], shape[MITE_MAX_RANK];
    size_t count;
    if (!x || !tfl_is_fixed(c, x)) return;
    windows w = {.rank = (size_t)x->rank, .shape = x->shape, .mapped = (size_t)x->rank};
    if (!tfl_stablehlo_list(c, 0, MITE_MAX_RANK, w.sizes, &count)) return;
    if (count != w.rank || c->node->input_count != 1 + w.rank) {
        tfl_stablehlo_misfit(c, "a size and a place for each are needed");
        return;
    }
    for (size_t i = 0; i < w.rank; i++) {
        w.map[i] = i;
        w.led[i] = w.sizes[i] != x->shape[i];
    }
    if (!lay_out(c, &w)) return;
    if (w.rank) {
        mite_ir_value *start = tfl_place_of_numbers(c, 1);
        start = tfl_reshape(c, start, 2, (const int32_t[]){1, x->rank});
        add_window_shape(&w, shape);
        memcpy(perm, w.place, sizeof perm);
        x = tfl_transpose(c, tfl_reshape(c, windows_at(c, &w, x, start), w.rank, shape), perm);
    }
    tfl_set(c, 0, x);
}

// --- scatter ----------------------------------------------------------------------------------------

// The rows of windows at `starts`, but the one behind the table for all that lie outside of it.
static mite_ir_value *rows_inside(tfl_import *c, const windows *w, mite_ir_value *starts) {
    mite_ir_value *rows = rows_of(c, w, starts), *behind = tfl_integers(c, &w->rows, 1);
    if (!rows) return NULL;
    const int32_t shape[3] = {starts->shape[0], 1, (int32_t)w->mapped};
    mite_ir_value *place = tfl_emit_general_binary(
        c, MITE_BINARY_ADD, tfl_reshape(c, starts, 3, shape), places_of_window(c, w));
    mite_ir_value *low = tfl_emit_general_binary(c, MITE_BINARY_LESS_OR_EQUAL,
                                                 tfl_integers(c, &(int64_t){0}, 1), place);
    mite_ir_value *high = tfl_emit_general_binary(c, MITE_BINARY_LESS, place, limits(c, w, NULL));
    mite_ir_value *inside = tfl_emit_general_binary(c, MITE_BINARY_AND, low, high);
    return tfl_emit_where(c, tfl_emit_reduce(c, MITE_REDUCE_MIN, inside, 2, false), rows, behind);
}

// How updates meet what is there; false where failed.
static bool read_meeting(tfl_import *c, int32_t index, mite_dtype dtype, mite_combine *out) {
    static const mite_combine as[] = {[MITE_REDUCE_SUM] = MITE_COMBINE_ADD,
                                      [MITE_REDUCE_PROD] = MITE_COMBINE_MUL,
                                      [MITE_REDUCE_MAX] = MITE_COMBINE_MAX,
                                      [MITE_REDUCE_MIN] = MITE_COMBINE_MIN};
    mite_reduce which;
    const tfl_graph *body = tfl_body_of(c, index, 2);
    *out = MITE_COMBINE_REPLACE;
    if (!body || (!body->node_count && body->outputs[0] == body->inputs[1])) return body != NULL;
    if (!tfl_meeting_of(c, index, dtype, &which)) return false;
    *out = as[which];
    return true;
}

void tfl_stablehlo_scatter(tfl_import *c) {
    enum { WINDOW_DIMS = 1, INSERTED, MAP, VECTOR_DIM, BODY = 6 };
    mite_ir_value *x = tfl_plain(c, 0), *updates = tfl_plain(c, 2);
    int32_t inverse[MITE_MAX_RANK];
    mite_combine combine;
    if (!x || !updates || !tfl_is_fixed(c, x) || !tfl_is_fixed(c, updates)) return;
    if (c->node->input_count != 3) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it scatters into several tensors at once");
        return;
    }
    windows w = {.rank = (size_t)x->rank, .shape = x->shape};
    outside o = {.rank = 0};
    if (!read_meeting(c, tfl_option(c, BODY), x->dtype, &combine) ||
        !read_windows(c, INSERTED, MAP, &w))
        return;
    // The sizes of windows are those of the updates.
    int64_t list[MITE_MAX_RANK];
    size_t count, next = 0;
    if (!tfl_stablehlo_dimensions(c, WINDOW_DIMS, (size_t)updates->rank, list, &count)) return;
    for (size_t i = 0; i < w.rank; i++) {
        bool there = !w.dropped[i] && next < count;
        w.sizes[i] = w.dropped[i] ? 1 : there ? updates->shape[list[next++]] : -1;
        w.led[i] = w.sizes[i] != x->shape[i];
    }
    for (size_t k = 0; k < w.mapped; k++) w.led[w.map[k]] = true;
    int64_t along = tfl_stablehlo_number(c, VECTOR_DIM);
    mite_ir_value *starts = lay_out(c, &w) ? read_indices(c, 1, along, &w, &o) : NULL;
    if (!starts || !read_outside(c, WINDOW_DIMS, &w, &o)) return;
    if ((size_t)updates->rank != o.rank) {
        tfl_stablehlo_misfit(c, "updates have other ones");
        return;
    }
    for (size_t i = 0; i < o.rank; i++) inverse[o.perm[i]] = (int32_t)i;
    int64_t all = starts->shape[0] * w.window;
    if (all > INT32_MAX) all = INT32_MAX; // refused by the reshape
    const int32_t after[2] = {1, 0}, none[2] = {0, 0}, rows = (int32_t)all;
    updates = tfl_reshape(c, tfl_transpose(c, updates, inverse), 2,
                          (const int32_t[]){rows, (int32_t)w.row});
    mite_ir_value *places =
        tfl_reshape(c, rows_inside(c, &w, starts), 2, (const int32_t[]){rows, 1});
    mite_ir_value *y = tfl_emit_pad_integers(c, table_of(c, &w, x), none, after, NULL);
    if (!y || !places || !updates) return;
    y = MITE_IR_EMIT(c->g, .op = "scatter_nd", .name = tfl_name(c), .inputs = {y, places, updates},
                     .attrs = {{"reduction", .word = (int32_t)combine}});
    y = tfl_emit_slice(c, y, (const int64_t[]){0, 0}, (const int64_t[]){w.rows, w.row});
    int32_t shape[MITE_MAX_RANK], back[MITE_MAX_RANK];
    for (size_t i = 0; i < w.rank; i++) {
        shape[i] = x->shape[w.order[i]];
        back[w.order[i]] = (int32_t)i;
    }
    tfl_set(c, 0, tfl_transpose(c, tfl_reshape(c, y, w.rank, shape), back));
}

// --- sort -------------------------------------------------------------------------------------------

// By which operand the comparator orders: its only node compares two elements of that.
static bool read_order(tfl_import *c, int32_t index, size_t operands, size_t *key, bool *largest) {
    enum { GT = 3, LT = 5 }; // ComparisonDirection of the schema
    const tfl_graph *body = tfl_body_of(c, index, 2 * operands);
    if (!body) return false;
    const tfl_node *n = body->node_count == 1 ? body->nodes : NULL;
    const tfl_op *op =
        n && n->input_count == 2 && n->output_count == 1 && n->outputs[0] == body->outputs[0]
            ? tfl_op_of(n)
            : NULL;
    bool compares = op && !strcmp(op->name, "STABLEHLO_COMPARE");
    int32_t direction = compares ? mite_flat_i32(&n->options, 0, 0) : -1;
    bool less = op && (direction == LT || !strcmp(op->name, "LESS"));
    bool greater = op && (direction == GT || !strcmp(op->name, "GREATER"));
    for (size_t k = 0; (less || greater) && k < operands; k++) {
        int32_t a = body->inputs[2 * k], b = body->inputs[2 * k + 1];
        bool turned = n->inputs[0] == b && n->inputs[1] == a;
        if (!turned && (n->inputs[0] != a || n->inputs[1] != b)) continue;
        *key = k;
        *largest = greater != turned;
        return true;
    }
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "its comparator, graph %d, must be one operator that tells which of two elements "
                 "is less",
                 index);
    return false;
}

void tfl_stablehlo_sort(tfl_import *c) {
    enum { DIMENSION, STABLE, COMPARATOR };
    size_t operands = c->node->input_count, key, axis;
    bool largest;
    int64_t dimension = tfl_stablehlo_number(c, DIMENSION);
    if (!operands || operands > TFL_MAX_CARRIED / 2 || c->node->output_count != operands) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %z inputs and %z outputs", operands,
                     c->node->output_count);
        return;
    }
    if (!read_order(c, tfl_option(c, COMPARATOR), operands, &key, &largest)) return;
    mite_ir_value *x = tfl_plain(c, key);
    if (!x || !tfl_is_fixed(c, x) || !tfl_axis(c, dimension, (size_t)x->rank, &axis)) return;
    const int64_t count = x->shape[axis];
    mite_ir_value *k = tfl_integers(c, &count, 1);
    if (!k) return;
    mite_ir_value *sorted =
        MITE_IR_EMIT(c->g, .op = "top_k", .name = tfl_name(c), .inputs = {x, k},
                     .attrs = {{"axis", .word = (int32_t)axis}, {"largest", .word = largest}},
                     .more_dtypes = (const mite_dtype[]){MITE_I64}, .more_outputs = 1);
    mite_ir_value *order = mite_ir_output_at(sorted, 1);
    for (size_t i = 0; i < operands && order; i++) {
        mite_ir_value *v = tfl_plain(c, i);
        if (i == key) v = sorted;
        else if (v && (v->rank != x->rank || !mite_ir_same_shape(v, x)))
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its inputs are of different shapes");
        else if (v)
            v = MITE_IR_EMIT(c->g, .op = "gather_elements", .name = tfl_name(c),
                             .inputs = {v, order}, .attrs = {{"axis", .word = (int32_t)axis}});
        tfl_set(c, i, v);
    }
}
