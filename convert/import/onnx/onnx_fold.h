// SPDX-License-Identifier: Apache-2.0
// What onnx_fold.c takes from onnx_fold_shape.c. A fold returns the node's result, or NULL where
// it cannot work it out (the node is then imported like any other) or has failed.
#ifndef MITE_IMPORT_ONNX_FOLD_H
#define MITE_IMPORT_ONNX_FOLD_H

#include "import/onnx/onnx.h"

typedef const onnx_known *onnx_fold_fn(onnx_import *c, const onnx_known *const *in, size_t count);

onnx_fold_fn onnx_fold_cast_node, onnx_fold_concat, onnx_fold_constant_of_shape, onnx_fold_expand,
    onnx_fold_flatten, onnx_fold_gather, onnx_fold_range, onnx_fold_reduce_prod, onnx_fold_reshape,
    onnx_fold_slice, onnx_fold_squeeze, onnx_fold_unsqueeze;

// Shape and Size need no numbers of their input, only its shape.
void onnx_fold_shape(onnx_import *c);
const onnx_known *onnx_fold_cast(onnx_import *c, const onnx_known *in, int32_t type);
// Is there a fold for this operator? (It may still need numbers that are not known.)
bool onnx_fold_knows(const char *op);

// The shape that Reshape makes of `count` elements: 0 copies a dimension, -1 takes what is left.
bool onnx_reshape_dims(onnx_import *c, size_t rank, const int32_t *dims, size_t elements,
                       const int64_t *wanted, size_t wanted_count, int32_t *out);
// The shape after Squeeze / Unsqueeze of the given axes (Squeeze: none given means all ones).
bool onnx_squeeze_dims(onnx_import *c, size_t rank, const int32_t *dims, const int64_t *axes,
                       size_t axis_count, size_t *out_rank, int32_t *out);
bool onnx_unsqueeze_dims(onnx_import *c, size_t rank, const int32_t *dims, const int64_t *axes,
                         size_t axis_count, size_t *out_rank, int32_t *out);
// The shape [product before axis, product after].
bool onnx_flatten_dims(onnx_import *c, size_t rank, const int32_t *dims, int32_t *out);

// One dimension of a Slice: `count` elements from `start`, `step` apart.
typedef struct onnx_range {
    int64_t start, step;
    int32_t count;
} onnx_range;
// What Slice takes of every dimension, from its attributes or inputs.
bool onnx_slice_ranges(onnx_import *c, size_t rank, const int32_t *dims, onnx_range *out);

#endif
