// SPDX-License-Identifier: Apache-2.0
// Operators that give elements another shape or order, and constants.
#include "import/onnx/onnx_emit.h"
#include "import/onnx/onnx_handlers.h"

#include <string.h>

#define MAX_FILLED ((size_t)64 << 20) // bytes of a constant; above, it is computed in the run

void onnx_reshape_node(onnx_import *c) {
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted), *shape = onnx_list_in(c, "shape", 1);
    if (!shape) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its shape is missing");
    onnx_set_carried(c, 0, onnx_reshape_to(c, x, shape, onnx_int(c, "allowzero", 0) != 0), shifted);
}

static mite_ir_value *emit_view(onnx_import *c, const char *op, mite_ir_value *x,
                                mite_ir_value *axes) {
    if (!x) return NULL;
    return MITE_IR_EMIT(c->g, .op = op, .name = onnx_name(c), .inputs = {x, axes},
                        .scale = x->scale, .zero_point = x->zero_point);
}

// The same as a reshape, where the shape is the same in every run: passes know it better, and the
// core has it.
static mite_ir_value *settled(onnx_import *c, mite_ir_value *x, mite_ir_value *view) {
    if (!x || !view || !view->producer || !mite_ir_is_fixed(x) || !mite_ir_is_fixed(view))
        return view;
    mite_ir_take_back(c->g, view->producer);
    return onnx_reshape(c, x, (size_t)view->rank, view->shape);
}

void onnx_flatten(onnx_import *c) {
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted);
    int64_t axis = onnx_int(c, "axis", 1);
    if (!x) return;
    if (axis < -MITE_MAX_RANK || axis > MITE_MAX_RANK) axis = MITE_MAX_RANK + 1; // refused
    mite_ir_value *view = MITE_IR_EMIT(c->g, .op = "flatten", .name = onnx_name(c), .inputs = {x},
                                       .attrs = {{"axis", .word = (int32_t)axis}},
                                       .scale = x->scale, .zero_point = x->zero_point);
    onnx_set_carried(c, 0, settled(c, x, view), shifted);
}

void onnx_squeeze(onnx_import *c) {
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted);
    mite_ir_value *view = emit_view(c, "squeeze", x, onnx_list_in(c, "axes", 1));
    onnx_set_carried(c, 0, settled(c, x, view), shifted);
}

void onnx_unsqueeze(onnx_import *c) {
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted), *axes = onnx_list_in(c, "axes", 1);
    if (!axes) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its axes are missing");
    onnx_set_carried(c, 0, settled(c, x, emit_view(c, "unsqueeze", x, axes)), shifted);
}

void onnx_transpose(onnx_import *c) {
    int32_t perm[MITE_MAX_RANK];
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted);
    const onnx_attr *a = onnx_attribute(c, "perm");
    if (!x) return;
    if (!a && x->unknown) { // only a run tells how many dimensions are reversed
        onnx_set_carried(c, 0, onnx_transposed(c, x, 0, perm), shifted);
        return;
    }
    size_t rank = a ? a->int_count : (size_t)x->rank;
    uint32_t taken = 0;
    bool right = rank <= MITE_MAX_RANK && (x->unknown || rank == (size_t)x->rank);
    for (size_t i = 0; i < rank && right; i++) {
        int64_t from = a ? a->ints[i] : (int64_t)(rank - 1 - i);
        if (from < 0) from += (int64_t)rank;
        right = from >= 0 && from < (int64_t)rank && !(taken >> from & 1);
        perm[i] = (int32_t)from;
        if (right) taken |= 1u << from;
    }
    if (!right) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its perm does not name each of %d axes once", x->rank);
        return;
    }
    onnx_set_carried(c, 0, onnx_transposed(c, x, rank, perm), shifted);
}

// All inputs as they are carried, if that is the same way for all.
static bool take_carried(onnx_import *c, mite_ir_value **list, size_t count, bool *shifted) {
    for (size_t k = 0; k < count; k++) {
        bool this_one;
        list[k] = onnx_in_carried(c, k, &this_one);
        if (!k) *shifted = this_one;
        if (!list[k] || this_one != *shifted || list[k]->dtype != list[0]->dtype ||
            list[k]->scale != list[0]->scale || list[k]->zero_point != list[0]->zero_point)
            return false;
    }
    return true;
}

// Before opset 4 the axis might be left out.
void onnx_concat(onnx_import *c) {
    size_t count = c->node->input_count, axis;
    mite_ir_value **list = mite_ir_alloc(c->g, count, sizeof *list);
    int64_t given = onnx_int(c, "axis", 1);
    bool shifted = false, carried = list && count && take_carried(c, list, count, &shifted);
    for (size_t k = 0; list && !carried && k < count; k++) {
        list[k] = onnx_in(c, k);
        if (!list[k]) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %z is missing", k);
            return;
        }
    }
    if (!list || !count) return;
    // Where the first input's rank is not known, another's may be.
    const mite_ir_value *known = list[0];
    for (size_t k = 1; k < count && known->unknown; k++) known = list[k];
    if (known->unknown) axis = (size_t)given;
    else if (!onnx_axis(c, given, (size_t)known->rank, &axis)) return;
    onnx_set_carried(c, 0,
                     MITE_IR_EMIT(c->g, .op = "concat", .name = onnx_name(c), .input_list = list,
                                  .input_count = count, .attrs = {{"axis", .word = (int32_t)axis}},
                                  .scale = list[0]->scale, .zero_point = list[0]->zero_point),
                     carried && shifted);
}

// --- Shapes as numbers ----------------------------------------------------------------------------

static int32_t end_of(int64_t at) {
    return at < -MITE_MAX_RANK ? -MITE_MAX_RANK : at > MITE_MAX_RANK ? MITE_MAX_RANK : (int32_t)at;
}

void onnx_shape_node(onnx_import *c) {
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "shape", .name = onnx_name(c), .inputs = {onnx_in(c, 0)},
                          .attrs = {{"start", .word = end_of(onnx_int(c, "start", 0))},
                                    {"end", .word = end_of(onnx_int(c, "end", INT32_MAX))}},
                          .dtype = MITE_I64));
}

void onnx_size(onnx_import *c) {
    onnx_set(
        c, 0,
        onnx_emit_reduce(c, MITE_REDUCE_PROD, onnx_shape_of(c, onnx_in(c, 0)), NULL, false, false));
}

// --- Constants ----------------------------------------------------------------------------------

// A constant of numbers listed in an attribute.
static mite_ir_value *listed(onnx_import *c, mite_dtype dtype, bool scalar, const void *from,
                             size_t count) {
    int32_t dim = count > INT32_MAX ? -1 : (int32_t)count;
    mite_ir_value *v = mite_ir_constant(c->g, onnx_name(c), dtype, scalar ? 0 : 1, &dim);
    if (v && count) memcpy(v->data, from, v->bytes);
    return v;
}

void onnx_constant(onnx_import *c) {
    const onnx_attr *a;
    if ((a = onnx_attribute(c, "value")) && a->t) {
        onnx_set_tensor(c, 0, a->t);
    } else if ((a = onnx_attribute(c, "sparse_value")) && a->sparse) {
        onnx_set(c, 0, onnx_sparse_constant(c->g, a->sparse));
    } else if ((a = onnx_attribute(c, "value_ints"))) {
        onnx_set(c, 0, listed(c, MITE_I64, false, a->ints, a->int_count));
    } else if ((a = onnx_attribute(c, "value_int"))) {
        onnx_set(c, 0, listed(c, MITE_I64, true, &a->i, 1));
    } else if ((a = onnx_attribute(c, "value_floats"))) {
        onnx_set(c, 0, listed(c, MITE_F32, false, a->floats, a->float_count));
    } else if ((a = onnx_attribute(c, "value_float"))) {
        onnx_set(c, 0, listed(c, MITE_F32, true, &a->f, 1));
    } else {
        mite_ir_fail(
            c->g, MITE_ERR_UNSUPPORTED, "its value is neither a tensor nor numbers, but %s",
            onnx_attribute(c, "value_string") || onnx_attribute(c, "value_strings") ? "text"
                                                                                    : "missing");
    }
}

// A constant all of whose elements are `value`; NULL where its shape is not known or makes no sense.
static mite_ir_value *filled(onnx_import *c, const mite_ir_value *value) {
    int32_t dims[MITE_MAX_RANK];
    const onnx_known *shape = onnx_numbers(c, 0);
    size_t elements, item = mite_dtype_bytes(value->dtype);
    if (!shape || shape->count > MITE_MAX_RANK || shape->rank != 1) return NULL;
    for (size_t i = 0; i < shape->count; i++) {
        if (shape->at[i].i < 0 || shape->at[i].i > INT32_MAX) return NULL;
        dims[i] = (int32_t)shape->at[i].i;
    }
    if (!mite_shape_elements(&elements, shape->count, dims) || elements > MAX_FILLED / item)
        return NULL;
    mite_ir_value *v = mite_ir_constant(c->g, onnx_name(c), value->dtype, shape->count, dims);
    for (size_t i = 0; v && i < elements; i++)
        memcpy((uint8_t *)v->data + i * item, value->data, item);
    return v;
}

void onnx_constant_of_shape(onnx_import *c) {
    const onnx_attr *a = onnx_attribute(c, "value");
    mite_ir_value *shape = onnx_list_in(c, NULL, 0), *value;
    if (!shape) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its shape is missing");
    value = a && a->t ? onnx_tensor_constant(c->g, a->t) : onnx_scalar(c, MITE_F32, 0);
    if (!value) return;
    if (mite_ir_elements(value) != 1) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its value has %z elements, wanted is one",
                     mite_ir_elements(value));
        return;
    }
    mite_ir_value *v = filled(c, value);
    onnx_set(c, 0, v ? v : onnx_expand_to(c, onnx_reshape(c, value, 0, value->shape), shape));
}
