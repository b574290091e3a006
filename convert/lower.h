// SPDX-License-Identifier: Apache-2.0
// From the converter's graph to the runtime's: constants packed as the kernels read them, lists
// turned into indices.
#ifndef MITE_CONVERT_LOWER_H
#define MITE_CONVERT_LOWER_H

#include "ir.h"

// How input `index` of a node, a constant, lies in the lowered graph.
typedef struct mite_packing {
    mite_layout layout;
    size_t groups;      // each padded for itself
    size_t elements;    // DENSE: including padding, which only bias and multiplier have
    size_t bytes;
} mite_packing;

// False where the constant's shape does not fit its use.
bool mite_packing_of(mite_packing *out, const mite_ir_node *node, size_t index);

// The lowered graph with all it needs, apart from the constants that need no packing, whose data
// stay those of the converter's graph: it must outlive this.
typedef struct mite_lowered {
    mite_graph graph;
    struct mite_lowered_memory *memory;
} mite_lowered;

mite_status mite_lower(mite_lowered *out, mite_ir_graph *g, mite_error *error);
void mite_lowered_free(mite_lowered *lowered);

#endif
