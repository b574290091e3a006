// SPDX-License-Identifier: Apache-2.0
// StableHLO's operators that move numbers or compare them, as converters leave them in a file. Those
// that compute element by element are handled as TensorFlow Lite's own. Their attributes are lists of i64.
#include "import/tflite/tflite_handlers.h"

#include "ops/more/functions.h"

// Option `field`: as many numbers as input 0 has dimensions, each fit for a dimension.
static bool list_of(tfl_import *c, size_t field, size_t count, int64_t *out) {
    mite_flat_list list = mite_flat_items(&c->node->options, field, 8);
    bool good = list.count == count && count <= MITE_MAX_RANK;
    for (size_t i = 0; good && i < count; i++) {
        out[i] = mite_flat_i64_at(&list, i);
        good = out[i] >= -INT32_MAX && out[i] <= INT32_MAX;
    }
    if (!good)
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its option %z must be %z numbers of 32 bits", field,
                     count);
    return good;
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
    int64_t wide[MITE_MAX_RANK];
    int32_t perm[MITE_MAX_RANK];
    uint32_t seen = 0;
    if (!x || !list_of(c, 0, (size_t)x->rank, wide)) return;
    for (int32_t i = 0; i < x->rank; i++) {
        perm[i] = (int32_t)wide[i];
        if (perm[i] >= 0 && perm[i] < x->rank) seen |= 1u << perm[i];
    }
    if (seen != (1u << x->rank) - 1) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its order of dimensions is none");
        return;
    }
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
    int64_t pads[2 * MITE_MAX_RANK], interior[MITE_MAX_RANK];
    if (!x || !value) return;
    size_t rank = (size_t)x->rank;
    if (!list_of(c, LOW, rank, pads) || !list_of(c, HIGH, rank, pads + rank) ||
        !list_of(c, INTERIOR, rank, interior))
        return;
    for (size_t i = 0; i < rank; i++) {
        if (!interior[i]) continue;
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "padding between elements is not supported");
        return;
    }
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
    y = MITE_IR_EMIT(c->g, .op = "binary", .name = tfl_name(c),
                     .inputs = {turned ? b : a, turned ? a : b},
                     .attrs = {{"function", .word = (int32_t)which}}, .dtype = MITE_BOOL);
    if (y && direction == NE)
        y = MITE_IR_EMIT(c->g, .op = "unary", .name = tfl_name(c), .inputs = {y},
                         .attrs = {{"function", .word = MITE_UNARY_NOT}});
    tfl_set(c, 0, y);
}

// Of the least, x and the most.
void tfl_stablehlo_clamp(tfl_import *c) {
    mite_ir_value *least = tfl_plain(c, 0), *x = tfl_plain(c, 1), *most = tfl_plain(c, 2);
    if (!least || !x || !most) return;
    x = MITE_IR_EMIT(c->g, .op = "binary", .name = tfl_name(c), .inputs = {x, least},
                     .attrs = {{"function", .word = MITE_BINARY_MAX}}, .dtype = x->dtype);
    if (!x) return;
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "binary", .name = tfl_name(c), .inputs = {x, most},
                         .attrs = {{"function", .word = MITE_BINARY_MIN}}, .dtype = x->dtype));
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
    if (v && dtype != MITE_I64)
        v = MITE_IR_EMIT(c->g, .op = "cast", .name = tfl_name(c), .inputs = {v}, .dtype = dtype);
    tfl_set(c, 0,
            tfl_emit_moved(c, "expand", v, tfl_integers(c, shape, y->rank), NULL, NULL, NULL));
}
