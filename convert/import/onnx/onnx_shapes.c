// SPDX-License-Identifier: Apache-2.0
// Operators that only arrange elements, and constants.
#include "import/onnx/onnx_fold.h"
#include "import/onnx/onnx_handlers.h"

#include <string.h>

void onnx_reshape_node(onnx_import *c) {
    int64_t wanted[MITE_MAX_RANK];
    int32_t dims[MITE_MAX_RANK];
    size_t count;
    mite_ir_value *x = onnx_in(c, 0);
    if (!x) return;
    if (!onnx_list(c, "shape", 1, wanted, MITE_MAX_RANK, &count)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its shape is missing");
        return;
    }
    if (onnx_reshape_dims(c, (size_t)x->rank, x->shape, mite_ir_elements(x), wanted, count, dims)) {
        onnx_set(c, 0, onnx_reshape(c, x, count, dims));
    }
}

void onnx_flatten(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    int32_t dims[2];
    if (x && onnx_flatten_dims(c, (size_t)x->rank, x->shape, dims)) {
        onnx_set(c, 0, onnx_reshape(c, x, 2, dims));
    }
}

typedef bool dims_fn(onnx_import *c, size_t rank, const int32_t *dims, const int64_t *axes,
                     size_t axis_count, size_t *out_rank, int32_t *out);

static void with_axes(onnx_import *c, dims_fn *change) {
    int64_t axes[MITE_MAX_RANK];
    int32_t dims[MITE_MAX_RANK];
    size_t count, rank;
    mite_ir_value *x = onnx_in(c, 0);
    if (!x) return;
    onnx_list(c, "axes", 1, axes, MITE_MAX_RANK, &count);
    if (mite_ir_ok(c->g) && change(c, (size_t)x->rank, x->shape, axes, count, &rank, dims)) {
        onnx_set(c, 0, onnx_reshape(c, x, rank, dims));
    }
}

void onnx_squeeze(onnx_import *c) { with_axes(c, onnx_squeeze_dims); }
void onnx_unsqueeze(onnx_import *c) { with_axes(c, onnx_unsqueeze_dims); }

void onnx_transpose(onnx_import *c) {
    int64_t list[MITE_MAX_RANK];
    int32_t perm[MITE_MAX_RANK];
    bool taken[MITE_MAX_RANK] = {false};
    size_t count, axis;
    mite_ir_value *x = onnx_in(c, 0);
    if (!x) return;
    size_t rank = (size_t)x->rank;
    if (!onnx_list(c, "perm", SIZE_MAX, list, MITE_MAX_RANK, &count)) {
        for (count = 0; count < rank; count++) list[count] = (int64_t)(rank - 1 - count);
    }
    if (!mite_ir_ok(c->g)) return;
    for (size_t i = 0; i < count; i++) {
        if (!onnx_axis(c, list[i], rank, &axis)) return;
        perm[i] = (int32_t)axis;
        count = taken[axis] ? 0 : count; // an axis named twice: refused below
        taken[axis] = true;
    }
    if (count != rank) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its perm does not name each of %z axes once", rank);
        return;
    }
    if (mite_ir_is_constant(x)) {
        onnx_set(c, 0, mite_ir_transposed(c->g, x, perm));
        return;
    }
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "transpose", .name = onnx_name(c), .inputs = {x},
                          .attrs = {{"perm", .list = perm, .list_count = rank}}, .scale = x->scale,
                          .zero_point = x->zero_point));
}

void onnx_concat(onnx_import *c) {
    size_t count = c->node->input_count, axis;
    mite_ir_value **list = mite_ir_alloc(c->g, count, sizeof *list);
    for (size_t k = 0; list && k < count; k++) {
        list[k] = onnx_in(c, k);
        if (!list[k]) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input %z is missing", k);
            return;
        }
    }
    if (!list || !count) return;
    if (!onnx_axis(c, onnx_int(c, "axis", 0), (size_t)list[0]->rank, &axis)) return;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "concat", .name = onnx_name(c), .input_list = list,
                          .input_count = count, .attrs = {{"axis", .word = (int32_t)axis}},
                          .scale = list[0]->scale, .zero_point = list[0]->zero_point));
}

// --- Constants ----------------------------------------------------------------------------------

void onnx_constant(onnx_import *c) {
    const onnx_attr *a = c->node->attr_count ? &c->node->attrs[0] : NULL;
    const onnx_attr *value = onnx_attribute(c, "value");
    if (value && value->t) {
        onnx_set_tensor(c, 0, value->t);
        return;
    }
    bool ints = a && !strcmp(a->name, "value_ints"), one_int = a && !strcmp(a->name, "value_int");
    bool floats = a && !strcmp(a->name, "value_floats");
    bool one_float = a && !strcmp(a->name, "value_float");
    if (!ints && !one_int && !floats && !one_float) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its value is neither a tensor nor numbers");
        return;
    }
    size_t count = ints ? a->int_count : floats ? a->float_count : 1;
    int32_t dim = count <= ONNX_MAX_KNOWN ? (int32_t)count : -1;
    onnx_known *known =
        onnx_new_known(c, ints || one_int ? ONNX_INT64 : ONNX_FLOAT, ints || floats ? 1 : 0, &dim);
    if (!known) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "a list of %z numbers is not supported", count);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        if (ints || one_int) known->at[i].i = ints ? a->ints[i] : a->i;
        else known->at[i].f = (double)(floats ? a->floats[i] : a->f);
    }
    onnx_set_known(c, 0, known);
}

// Small ones are worked out in onnx_fold.c.
void onnx_constant_of_shape(onnx_import *c) {
    int64_t list[MITE_MAX_RANK];
    int32_t dims[MITE_MAX_RANK], type = ONNX_FLOAT;
    size_t count;
    onnx_number fill = {.f = 0};
    const onnx_attr *a = onnx_attribute(c, "value");
    if (!onnx_list(c, NULL, 0, list, MITE_MAX_RANK, &count)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its shape is missing");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        dims[i] = list[i] < 0 || list[i] > INT32_MAX ? -1 : (int32_t)list[i];
    }
    if (a && a->t) {
        type = a->t->type;
        if (a->t->elements != 1 || !onnx_tensor_numbers(c->g, a->t, &fill)) type = 0;
    }
    if (type != ONNX_FLOAT) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its value must be one float");
        return;
    }
    mite_ir_value *v = mite_ir_constant(c->g, onnx_name(c), MITE_F32, count, dims);
    for (size_t i = 0; v && i < mite_ir_elements(v); i++) ((float *)v->data)[i] = (float)fill.f;
    onnx_set(c, 0, v);
}

// Operators of shape programs that work on numbers known at import only; onnx_fold.c has tried.
void onnx_only_numbers(onnx_import *c) {
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "%s is supported only where its result follows from shapes and constants (and "
                 "has at most %d elements), not on data",
                 c->node->op_type, ONNX_MAX_KNOWN);
}
