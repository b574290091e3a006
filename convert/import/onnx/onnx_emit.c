// SPDX-License-Identifier: Apache-2.0
#include "import/onnx/onnx_emit.h"

#include "ops/more/elements.h"

#include <string.h>

bool onnx_is_core(const mite_ir_value *v) {
    return v && (v->dtype == MITE_F32 || (v->dtype == MITE_U8 && v->scale > 0));
}

// --- Constants ------------------------------------------------------------------------------------

mite_ir_value *onnx_integers(onnx_import *c, const int64_t *list, size_t count) {
    int32_t dim = count > INT32_MAX ? -1 : (int32_t)count;
    mite_ir_value *v = mite_ir_constant(c->g, onnx_name(c), MITE_I64, 1, &dim);
    if (v && count) memcpy(v->data, list, count * sizeof *list);
    return v;
}

mite_ir_value *onnx_scalar(onnx_import *c, mite_dtype dtype, double number) {
    mite_ir_value *v = mite_ir_constant(c->g, onnx_name(c), dtype, 0, NULL);
    if (v) mite_store_reals(v->data, dtype, 1, &number, 1);
    return v;
}

mite_ir_value *onnx_list_in(onnx_import *c, const char *name, size_t k) {
    const onnx_attr *a = name ? onnx_attribute(c, name) : NULL;
    if (a) return onnx_integers(c, a->ints, a->int_count);
    return onnx_has_input(c, k) ? onnx_in(c, k) : NULL;
}

// --- General operators ----------------------------------------------------------------------------

mite_ir_value *onnx_emit_unary(onnx_import *c, mite_unary function, mite_ir_value *x, float alpha,
                               float beta) {
    bool to_bool = function == MITE_UNARY_IS_NAN || function == MITE_UNARY_IS_INF;
    return MITE_IR_EMIT(c->g, .op = "unary", .name = onnx_name(c), .inputs = {x},
                        .attrs = {{"function", .word = (int32_t)function},
                                  {"alpha", .word = mite_ir_bits(alpha)},
                                  {"beta", .word = mite_ir_bits(beta)}},
                        .dtype = to_bool ? MITE_BOOL : 0);
}

mite_ir_value *onnx_emit_general_binary(onnx_import *c, mite_binary function, mite_ir_value *a,
                                        mite_ir_value *b) {
    if (!a || !b) return NULL;
    return MITE_IR_EMIT(c->g, .op = "binary", .name = onnx_name(c), .inputs = {a, b},
                        .attrs = {{"function", .word = (int32_t)function}},
                        .dtype = function >= MITE_BINARY_EQUAL ? MITE_BOOL : 0);
}

mite_ir_value *onnx_emit_cast(onnx_import *c, mite_ir_value *x, mite_dtype to) {
    if (!x || (x->dtype == to && !(x->scale > 0))) return x;
    if (to == MITE_F32 && x->dtype == MITE_U8 && x->scale > 0)
        return MITE_IR_EMIT(c->g, .op = "dequantize", .name = onnx_name(c), .inputs = {x},
                            .dtype = to);
    return MITE_IR_EMIT(c->g, .op = "cast", .name = onnx_name(c), .inputs = {x}, .dtype = to);
}

mite_ir_value *onnx_emit_reduce(onnx_import *c, mite_reduce function, mite_ir_value *x,
                                mite_ir_value *axes, bool keep_dims, bool keep_all) {
    return MITE_IR_EMIT(c->g, .op = "reduce", .name = onnx_name(c), .inputs = {x, axes},
                        .attrs = {{"function", .word = (int32_t)function},
                                  {"keep_dims", .word = keep_dims},
                                  {"keep_all", .word = keep_all}});
}

mite_ir_value *onnx_emit_slice(onnx_import *c, mite_ir_value *v, mite_ir_value *from,
                               mite_ir_value *to, int64_t axis) {
    if (!v || !from || !to) return NULL;
    return MITE_IR_EMIT(c->g, .op = "slice", .name = onnx_name(c),
                        .inputs = {v, from, to, onnx_integers(c, &axis, 1)});
}

mite_ir_value *onnx_emit_gather(onnx_import *c, mite_ir_value *table, mite_ir_value *indices,
                                int64_t axis) {
    if (!table || !indices) return NULL;
    return MITE_IR_EMIT(c->g, .op = "gather", .name = onnx_name(c), .inputs = {table, indices},
                        .attrs = {{"axis", .word = (int32_t)axis}});
}

mite_ir_value *onnx_emit_where(onnx_import *c, mite_ir_value *condition, mite_ir_value *a,
                               mite_ir_value *b) {
    if (!condition || !a || !b) return NULL;
    return MITE_IR_EMIT(c->g, .op = "where", .name = onnx_name(c), .inputs = {condition, a, b},
                        .dtype = a->dtype);
}

mite_ir_value *onnx_emit_count(onnx_import *c, mite_ir_value *end) {
    end = onnx_reshape_to(c, end, onnx_integers(c, NULL, 0), false);
    if (!end) return NULL;
    return MITE_IR_EMIT(c->g, .op = "range", .name = onnx_name(c),
                        .inputs = {onnx_scalar(c, MITE_I64, 0), end, onnx_scalar(c, MITE_I64, 1)});
}

mite_ir_value *onnx_emit_add(onnx_import *c, mite_ir_value *a, mite_ir_value *b) {
    if (onnx_is_core(a) && onnx_is_core(b)) return onnx_emit_binary(c, "add", a, b);
    return onnx_emit_general_binary(c, MITE_BINARY_ADD, a, b);
}

mite_ir_value *onnx_emit_mul(onnx_import *c, mite_ir_value *a, mite_ir_value *b) {
    if (onnx_is_core(a) && onnx_is_core(b)) return onnx_emit_binary(c, "mul", a, b);
    return onnx_emit_general_binary(c, MITE_BINARY_MUL, a, b);
}

// --- Shapes ---------------------------------------------------------------------------------------

mite_ir_value *onnx_shape_of(onnx_import *c, mite_ir_value *v) {
    int64_t dims[MITE_MAX_RANK];
    if (!v) return NULL;
    if (mite_ir_is_fixed(v)) {
        for (size_t i = 0; i < (size_t)v->rank; i++) dims[i] = v->shape[i];
        return onnx_integers(c, dims, (size_t)v->rank);
    }
    return MITE_IR_EMIT(c->g, .op = "shape", .name = onnx_name(c), .inputs = {v},
                        .dtype = MITE_I64);
}

mite_ir_value *onnx_dimension(onnx_import *c, mite_ir_value *v, size_t i, int64_t factor,
                              int64_t divisor) {
    if (!v) return NULL;
    if (!v->unknown && !(v->open >> i & 1)) {
        int64_t size = v->shape[i] * factor / divisor;
        return onnx_integers(c, &size, 1);
    }
    mite_ir_value *size =
        MITE_IR_EMIT(c->g, .op = "shape", .name = onnx_name(c), .inputs = {v}, .dtype = MITE_I64,
                     .attrs = {{"start", .word = (int32_t)i}, {"end", .word = (int32_t)i + 1}});
    if (factor != 1)
        size = onnx_emit_general_binary(c, MITE_BINARY_MUL, size, onnx_integers(c, &factor, 1));
    if (divisor != 1)
        size = onnx_emit_general_binary(c, MITE_BINARY_DIV, size, onnx_integers(c, &divisor, 1));
    return size;
}

static mite_ir_value *join_constants(onnx_import *c, mite_ir_value *const *list, size_t count) {
    int64_t all[2 * MITE_MAX_RANK];
    size_t have = 0;
    for (size_t i = 0; i < count; i++) {
        size_t more = mite_ir_elements(list[i]);
        if (!list[i]->data || more > sizeof all / sizeof *all - have) return NULL;
        memcpy(all + have, list[i]->data, more * sizeof *all);
        have += more;
    }
    return onnx_integers(c, all, have);
}

mite_ir_value *onnx_join(onnx_import *c, mite_ir_value *const *list, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!list[i]) return NULL;
    }
    mite_ir_value *all = join_constants(c, list, count);
    mite_ir_value **own = all ? NULL : mite_ir_alloc(c->g, count, sizeof *own);
    if (!own) return all;
    memcpy(own, list, count * sizeof *own);
    return MITE_IR_EMIT(c->g, .op = "concat", .name = onnx_name(c), .input_list = own,
                        .input_count = count);
}

// A constant i64 vector's numbers as dimensions, where they say everything by themselves.
static bool plain_dims(const mite_ir_value *shape, int32_t *dims) {
    if (!shape->data || shape->dtype != MITE_I64 || shape->rank != 1 ||
        shape->shape[0] > MITE_MAX_RANK)
        return false;
    for (size_t i = 0; i < (size_t)shape->shape[0]; i++) {
        int64_t dim = ((const int64_t *)shape->data)[i];
        if (dim < 1 || dim > INT32_MAX) return false;
        dims[i] = (int32_t)dim;
    }
    return true;
}

mite_ir_value *onnx_reshape_to(onnx_import *c, mite_ir_value *v, mite_ir_value *shape,
                               bool allow_zero) {
    int32_t dims[MITE_MAX_RANK];
    if (!v || !shape) return NULL;
    if (plain_dims(shape, dims)) return onnx_reshape(c, v, (size_t)shape->shape[0], dims);
    return MITE_IR_EMIT(c->g, .op = "reshape_to", .name = onnx_name(c), .inputs = {v, shape},
                        .attrs = {{"allow_zero", .word = allow_zero}}, .scale = v->scale,
                        .zero_point = v->zero_point);
}

mite_ir_value *onnx_expand_to(onnx_import *c, mite_ir_value *v, mite_ir_value *shape) {
    if (!v || !shape) return NULL;
    return MITE_IR_EMIT(c->g, .op = "expand", .name = onnx_name(c), .inputs = {v, shape},
                        .scale = v->scale, .zero_point = v->zero_point);
}

mite_ir_value *onnx_emit_unsqueeze(onnx_import *c, mite_ir_value *v, mite_ir_value *axes) {
    if (!v || !axes) return NULL;
    return MITE_IR_EMIT(c->g, .op = "unsqueeze", .name = onnx_name(c), .inputs = {v, axes},
                        .scale = v->scale, .zero_point = v->zero_point);
}

mite_ir_value *onnx_transposed(onnx_import *c, mite_ir_value *v, size_t rank, const int32_t *perm) {
    if (!v) return NULL;
    if (mite_ir_is_constant(v)) return mite_ir_transposed(c->g, v, perm);
    return MITE_IR_EMIT(c->g, .op = "transpose", .name = onnx_name(c), .inputs = {v},
                        .attrs = {{"perm", .list = perm, .list_count = rank}}, .scale = v->scale,
                        .zero_point = v->zero_point);
}
