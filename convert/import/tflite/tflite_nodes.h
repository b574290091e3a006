// SPDX-License-Identifier: Apache-2.0
// Nodes that several handlers emit. All take values as they are (real numbers, integers or quanta)
// and give the same.
#ifndef MITE_IMPORT_TFLITE_NODES_H
#define MITE_IMPORT_TFLITE_NODES_H

#include "import/tflite/tflite.h"

#include "ops/more/functions.h"

enum { TFL_NONE, TFL_RELU, TFL_RELU_N1_TO_1, TFL_RELU6, TFL_TANH }; // ActivationFunctionType
// v limited as `activation` says.
mite_ir_value *tfl_activate(tfl_import *c, mite_ir_value *v, int32_t activation);
// The same as limits; false (failed) where it is none of those.
bool tfl_activation_limits(tfl_import *c, int32_t activation, float *lo, float *hi);
// The same as quanta of output 0, as stored.
bool tfl_activation_quanta(tfl_import *c, int32_t activation, int32_t *lo, int32_t *hi);
// One node of one or two inputs without attributes; the quantization of x goes on where the type
// does.
mite_ir_value *tfl_emit_unary(tfl_import *c, const char *op, mite_ir_value *x);
mite_ir_value *tfl_emit_binary(tfl_import *c, const char *op, mite_ir_value *a, mite_ir_value *b);
// The operators for all types: of one, of two that broadcast (bool where it compares), of all along an
// axis, as another type (v itself where it is of that), of two by a condition.
mite_ir_value *tfl_emit_general_unary(tfl_import *c, mite_unary which, mite_ir_value *x);
mite_ir_value *tfl_emit_general_binary(tfl_import *c, mite_binary which, mite_ir_value *a,
                                       mite_ir_value *b);
mite_ir_value *tfl_emit_reduce(tfl_import *c, mite_reduce which, mite_ir_value *x, int64_t axis,
                               bool keep_dims);
mite_ir_value *tfl_emit_cast(tfl_import *c, mite_ir_value *v, mite_dtype dtype);
mite_ir_value *tfl_emit_where(tfl_import *c, mite_ir_value *condition, mite_ir_value *yes,
                              mite_ir_value *no);
// The same elements under another shape, or with dimension i of the result being perm[i] of v.
mite_ir_value *tfl_reshape(tfl_import *c, mite_ir_value *v, size_t rank, const int32_t *shape);
// The same where the shape of v depends on computed numbers but is known to be this one.
mite_ir_value *tfl_stated_shape(tfl_import *c, mite_ir_value *v, size_t rank, const int32_t *shape);
mite_ir_value *tfl_transpose(tfl_import *c, mite_ir_value *v, const int32_t *perm);
mite_ir_value *tfl_concat(tfl_import *c, mite_ir_value **list, size_t count, size_t axis);
// A constant of one number, for arithmetic with real numbers.
mite_ir_value *tfl_scalar(tfl_import *c, float value);
// A constant vector of i64, for inputs such as shapes and axes.
mite_ir_value *tfl_integers(tfl_import *c, const int64_t *data, size_t count);

// A node of the operator that moves numbers of inputs[0] about: type and quantization go on. The
// other inputs may be NULL.
mite_ir_value *tfl_emit_moved(tfl_import *c, const char *op, mite_ir_value *x, mite_ir_value *a,
                              mite_ir_value *b, mite_ir_value *d, mite_ir_value *e);
// Elements [begin, begin + size) of each dimension; v itself where that is all.
mite_ir_value *tfl_emit_slice(tfl_import *c, mite_ir_value *v, const int64_t *begin,
                              const int64_t *size);
// [N,H,W,bh*bw*channels] -> [N,H*bh,W*bw,channels], and back.
mite_ir_value *tfl_channels_to_pixels(tfl_import *c, mite_ir_value *v, int32_t bh, int32_t bw,
                                      int32_t channels);
mite_ir_value *tfl_pixels_to_channels(tfl_import *c, mite_ir_value *v, int32_t bh, int32_t bw);
// Elements `indices` of dimension `axis`, in that order.
mite_ir_value *tfl_emit_gather(tfl_import *c, mite_ir_value *v, size_t axis, const int64_t *indices,
                               size_t count);
// The mean over the last dimension, which stays as 1.
mite_ir_value *tfl_emit_row_mean(tfl_import *c, mite_ir_value *v);
// The angle of (x, y): atan(y / |x|), mirrored where x < 0, and 0 or pi where y is 0.
mite_ir_value *tfl_angle(tfl_import *c, mite_ir_value *y, mite_ir_value *x);
// `value` around x: before and after each dimension; zeros where NULL. For what is not real.
mite_ir_value *tfl_emit_pad_integers(tfl_import *c, mite_ir_value *x, const int32_t *before,
                                     const int32_t *after, mite_ir_value *value);

// QuantizeMultiplier of TensorFlow Lite: factor = multiplier * 2^(shift - bits), multiplier of 31 bits, or
// of 15, rounded from those; 0 where the factor is less than 2^-32 or negative.
void tfl_fixed_factor(double factor, int32_t bits, int32_t *multiplier, int32_t *shift);

#endif
