// SPDX-License-Identifier: Apache-2.0
// Weights that stay quantized beside f32 activations: from numbers in rows to dense_compact's columns
// of eight (runtime/ops/more/dense_compact.c).
#ifndef MITE_CONVERT_COMPACT_H
#define MITE_CONVERT_COMPACT_H

#include "ir.h"

// w(n,k) = (q(n,k) - zero(n,g)) * scale(n,g), g = k / group. All lists are row-major.
typedef struct mite_compact {
    size_t columns, depth; // N, K
    size_t group; // even, or K
    int32_t bits; // 4: q and zero are below 16; or 8
    const uint8_t *q; // [N][K], a byte each
    const float *scales; // [N][K/group, rounded up]
    const uint8_t *zeros;
} mite_compact;

// The output of a dense_compact of x; bias f32 [N] or NULL, residual of the output's shape or NULL.
// NULL where failed.
mite_ir_value *mite_ir_emit_compact(mite_ir_graph *g, const char *name, mite_ir_value *x,
                                    const mite_compact *w, const mite_ir_value *bias,
                                    mite_ir_value *residual, float lo, float hi);

#endif
