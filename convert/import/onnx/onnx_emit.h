// SPDX-License-Identifier: Apache-2.0
// What handlers emit again and again. All of it takes NULL and gives NULL once the graph failed.
#ifndef MITE_IMPORT_ONNX_EMIT_H
#define MITE_IMPORT_ONNX_EMIT_H

#include "import/onnx/onnx.h"
#include "ops/more/functions.h"

// Do the core's real operators compute on this type: f32, or quantized u8?
bool onnx_is_core(const mite_ir_value *v);

// Constants: a vector of i64; one number of a type as a scalar.
mite_ir_value *onnx_integers(onnx_import *c, const int64_t *list, size_t count);
mite_ir_value *onnx_scalar(onnx_import *c, mite_dtype dtype, double number);

// A list of integers that older opsets give as attribute `name` (or NULL) and newer ones as input
// `k` (SIZE_MAX: never), as a vector of i64 or i32. NULL, and no failure, where neither is there.
mite_ir_value *onnx_list_in(onnx_import *c, const char *name, size_t k);

// The general operators.
mite_ir_value *onnx_emit_unary(onnx_import *c, mite_unary function, mite_ir_value *x, float alpha,
                               float beta);
mite_ir_value *onnx_emit_general_binary(onnx_import *c, mite_binary function, mite_ir_value *a,
                                        mite_ir_value *b);
mite_ir_value *onnx_emit_cast(onnx_import *c, mite_ir_value *x, mite_dtype to);
mite_ir_value *onnx_emit_reduce(onnx_import *c, mite_reduce function, mite_ir_value *x,
                                mite_ir_value *axes, bool keep_dims, bool keep_all);

// Elements [from, to) along `axis`, each a vector of one.
mite_ir_value *onnx_emit_slice(onnx_import *c, mite_ir_value *v, mite_ir_value *from,
                               mite_ir_value *to, int64_t axis);
mite_ir_value *onnx_emit_gather(onnx_import *c, mite_ir_value *table, mite_ir_value *indices,
                                int64_t axis);
// `a` where the condition holds, else `b`.
mite_ir_value *onnx_emit_where(onnx_import *c, mite_ir_value *condition, mite_ir_value *a,
                               mite_ir_value *b);
// 0, 1 .. up to but not including `end`, one i64.
mite_ir_value *onnx_emit_count(onnx_import *c, mite_ir_value *end);

// a op b, stretched to a common shape: the core's operator of that name where the types fit, else
// the general one.
mite_ir_value *onnx_emit_add(onnx_import *c, mite_ir_value *a, mite_ir_value *b);
mite_ir_value *onnx_emit_mul(onnx_import *c, mite_ir_value *a, mite_ir_value *b);

// Dimension `i` of v (from the front) times `factor`, divided by `divisor`, as a vector of one i64.
mite_ir_value *onnx_dimension(onnx_import *c, mite_ir_value *v, size_t i, int64_t factor,
                              int64_t divisor);
// The shape of v as a vector of i64.
mite_ir_value *onnx_shape_of(onnx_import *c, mite_ir_value *v);
// Vectors of i64, one after another.
mite_ir_value *onnx_join(onnx_import *c, mite_ir_value *const *list, size_t count);
// v under the shape of a vector of i64: a reshape without it where that is known.
mite_ir_value *onnx_reshape_to(onnx_import *c, mite_ir_value *v, mite_ir_value *shape,
                               bool allow_zero);
// v expanded to a shape.
mite_ir_value *onnx_expand_to(onnx_import *c, mite_ir_value *v, mite_ir_value *shape);
// v with ones put in at (or taken away from) the given axes of the result (of v).
mite_ir_value *onnx_emit_unsqueeze(onnx_import *c, mite_ir_value *v, mite_ir_value *axes);
mite_ir_value *onnx_transposed(onnx_import *c, mite_ir_value *v, size_t rank, const int32_t *perm);

#endif
