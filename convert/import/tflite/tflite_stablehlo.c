// SPDX-License-Identifier: Apache-2.0
// StableHLO's operators that move numbers or compare them, as converters leave them in a file. Those
// that compute element by element are handled as TensorFlow Lite's own. Their attributes are lists of i64.
#include "import/tflite/tflite_stablehlo.h"

bool tfl_stablehlo_list(tfl_import *c, size_t field, size_t room, int64_t *out, size_t *count) {
    mite_flat_list list = mite_flat_items(&c->node->options, field, 8);
    bool good = list.count <= room;
    *count = list.count;
    for (size_t i = 0; good && i < list.count; i++) {
        out[i] = mite_flat_i64_at(&list, i);
        good = out[i] >= -INT32_MAX && out[i] <= INT32_MAX;
    }
    if (!good)
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its option %z must be up to %z numbers of 32 bits",
                     field, room);
    return good;
}

bool tfl_stablehlo_misfit(tfl_import *c, const char *what) {
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its dimension numbers do not fit: %s", what);
    return false;
}

bool tfl_stablehlo_order(tfl_import *c, const int64_t *list, size_t count, size_t rank,
                         int32_t *order) {
    uint32_t seen = 0;
    for (size_t i = 0; i < count; i++) {
        if (list[i] < 0 || list[i] >= (int64_t)rank || seen >> list[i] & 1)
            return tfl_stablehlo_misfit(c, "one does not exist, or is named twice");
        seen |= 1u << list[i];
        order[i] = (int32_t)list[i];
    }
    for (size_t i = 0; i < rank; i++)
        if (!(seen >> i & 1)) order[count++] = (int32_t)i;
    return true;
}

bool tfl_stablehlo_dimensions(tfl_import *c, size_t field, size_t rank, int64_t *out,
                              size_t *count) {
    int32_t order[MITE_MAX_RANK];
    return tfl_stablehlo_list(c, field, rank, out, count) &&
           tfl_stablehlo_order(c, out, *count, rank, order);
}

int64_t tfl_stablehlo_number(const tfl_import *c, size_t field) {
    return (int64_t)mite_flat_u64(&c->node->options, field, 0);
}

// Option `field`: exactly so many numbers.
static bool list_of(tfl_import *c, size_t field, size_t count, int64_t *out) {
    size_t there;
    if (!tfl_stablehlo_list(c, field, count, out, &there)) return false;
    if (there == count) return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its option %z has %z numbers, wanted are %z", field, there,
                 count);
    return false;
}

static mite_ir_value *ranked(tfl_import *c) {
    mite_ir_value *x = tfl_plain(c, 0);
    return x && tfl_has_rank(c, x) ? x : NULL;
}

// Shapes of results are known: they stand at the output.
static const tfl_tensor *shaped_output(tfl_import *c) {
    const tfl_tensor *y = tfl_output(c, 0);
    if (y && !y->bad && !y->open) return y;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "the shape of its output must be known");
    return NULL;
}

void tfl_stablehlo_reshape(tfl_import *c) {
    mite_ir_value *x = ranked(c);
    const tfl_tensor *y = shaped_output(c);
    if (x && y) tfl_set(c, 0, tfl_reshape(c, x, y->rank, y->dims));
}

void tfl_stablehlo_transpose(tfl_import *c) {
    mite_ir_value *x = ranked(c);
    int64_t list[MITE_MAX_RANK];
    int32_t perm[MITE_MAX_RANK];
    if (!x || !list_of(c, 0, (size_t)x->rank, list) ||
        !tfl_stablehlo_order(c, list, (size_t)x->rank, (size_t)x->rank, perm))
        return;
    tfl_set(c, 0, tfl_transpose(c, x, perm));
}

// Dimension i of x is dimension dimensions[i] of the result, which repeats it where it is 1.
void tfl_stablehlo_broadcast(tfl_import *c) {
    mite_ir_value *x = ranked(c);
    const tfl_tensor *y = shaped_output(c);
    int64_t dimensions[MITE_MAX_RANK], shape[MITE_MAX_RANK];
    int32_t wide[MITE_MAX_RANK], last = -1;
    if (!x || !y || !tfl_is_fixed(c, x) || !list_of(c, 0, (size_t)x->rank, dimensions)) return;
    for (size_t i = 0; i < y->rank; i++) {
        wide[i] = 1;
        shape[i] = y->dims[i];
    }
    for (int32_t i = 0; i < x->rank; i++) {
        int64_t to = dimensions[i];
        if (to <= last || to >= (int64_t)y->rank) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its dimensions are not in ascending order");
            return;
        }
        last = (int32_t)to;
        wide[to] = x->shape[i];
    }
    x = tfl_reshape(c, x, y->rank, wide);
    tfl_set(c, 0,
            tfl_emit_moved(c, "expand", x, tfl_integers(c, shape, y->rank), NULL, NULL, NULL));
}

void tfl_stablehlo_slice(tfl_import *c) {
    enum { STARTS, LIMITS, STRIDES };
    mite_ir_value *x = ranked(c);
    int64_t starts[MITE_MAX_RANK], limits[MITE_MAX_RANK], strides[MITE_MAX_RANK];
    int64_t axes[MITE_MAX_RANK];
    if (!x) return;
    size_t rank = (size_t)x->rank;
    if (!list_of(c, STARTS, rank, starts) || !list_of(c, LIMITS, rank, limits) ||
        !list_of(c, STRIDES, rank, strides))
        return;
    for (size_t i = 0; i < rank; i++) {
        axes[i] = (int64_t)i;
        if (starts[i] >= 0 && limits[i] >= starts[i] && strides[i] >= 1) continue;
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "elements %D to %D by %D are no slice", starts[i],
                     limits[i], strides[i]);
        return;
    }
    tfl_set(c, 0,
            tfl_emit_moved(c, "slice", x, tfl_integers(c, starts, rank),
                           tfl_integers(c, limits, rank), tfl_integers(c, axes, rank),
                           tfl_integers(c, strides, rank)));
}

// Negative pads cut.
void tfl_stablehlo_pad(tfl_import *c) {
    enum { LOW, HIGH, INTERIOR };
    mite_ir_value *x = ranked(c), *value = tfl_plain(c, 1);
    int64_t pads[2 * MITE_MAX_RANK], gaps[MITE_MAX_RANK];
    bool between = false;
    if (!x || !value) return;
    size_t rank = (size_t)x->rank;
    if (!list_of(c, LOW, rank, pads) || !list_of(c, HIGH, rank, pads + rank) ||
        !list_of(c, INTERIOR, rank, gaps))
        return;
    for (size_t i = 0; i < rank; i++) between = between || gaps[i];
    if (between) x = tfl_emit_gaps(c, x, gaps, value);
    tfl_set(c, 0,
            tfl_emit_moved(c, "pad_by", x, tfl_integers(c, pads, 2 * rank), value, NULL, NULL));
}

void tfl_stablehlo_compare(tfl_import *c) {
    enum { EQ, NE, GE, GT, LE, LT };
    int32_t direction = tfl_option(c, 0);
    bool turned = direction == GE || direction == GT;
    mite_ir_value *a = tfl_plain(c, 0), *b = tfl_plain(c, 1), *y;
    if (!a || !b) return;
    if (direction < EQ || direction > LT) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its direction %d is unknown", direction);
        return;
    }
    mite_binary which = direction <= NE                      ? MITE_BINARY_EQUAL
                        : direction == GE || direction == LE ? MITE_BINARY_LESS_OR_EQUAL
                                                             : MITE_BINARY_LESS;
    y = tfl_emit_general_binary(c, which, turned ? b : a, turned ? a : b);
    if (direction == NE) y = tfl_emit_general_unary(c, MITE_UNARY_NOT, y);
    tfl_set(c, 0, y);
}

// Of the least, x and the most.
void tfl_stablehlo_clamp(tfl_import *c) {
    mite_ir_value *least = tfl_plain(c, 0), *x = tfl_plain(c, 1), *most = tfl_plain(c, 2);
    x = tfl_emit_general_binary(c, MITE_BINARY_MAX, x, least);
    tfl_set(c, 0, tfl_emit_general_binary(c, MITE_BINARY_MIN, x, most));
}

// The places along one dimension.
void tfl_stablehlo_iota(tfl_import *c) {
    const tfl_tensor *y = shaped_output(c);
    mite_dtype dtype = y ? tfl_stored_dtype(y) : (mite_dtype)0;
    int64_t shape[MITE_MAX_RANK], most = y ? (int64_t)y->rank : 0;
    int32_t axis = tfl_option(c, 0), along[MITE_MAX_RANK];
    if (!y) return;
    if (!dtype || axis < 0 || axis >= most || y->dims[axis] < 1 || y->dims[axis] > 1 << 24) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it has no dimension %d to count along", axis);
        return;
    }
    for (size_t i = 0; i < y->rank; i++) {
        shape[i] = y->dims[i];
        along[i] = (int32_t)i == axis ? y->dims[i] : 1;
    }
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), MITE_I64, y->rank, along);
    for (int32_t i = 0; v && i < y->dims[axis]; i++) ((int64_t *)v->data)[i] = i;
    v = tfl_emit_cast(c, v, dtype);
    tfl_set(c, 0,
            tfl_emit_moved(c, "expand", v, tfl_integers(c, shape, y->rank), NULL, NULL, NULL));
}

// The root of |x| with x's sign.
void tfl_stablehlo_cbrt(tfl_import *c) {
    mite_ir_value *x = tfl_real(c, 0);
    if (!x) return;
    mite_ir_value *sign = tfl_emit_general_unary(c, MITE_UNARY_SIGN, x);
    mite_ir_value *root = tfl_emit_general_binary(c, MITE_BINARY_POW, tfl_emit_unary(c, "abs", x),
                                                  tfl_scalar(c, 1.0f / 3));
    tfl_set(c, 0, tfl_emit_binary(c, "mul", sign, root));
}
