// SPDX-License-Identifier: Apache-2.0
// What a model is: values (tensors) and nodes (operators applied to them), as read from a .mite
// file. Constant after loading; everything that depends on a run lives in exec/ and ops/op.h.
#ifndef MITE_GRAPH_GRAPH_H
#define MITE_GRAPH_GRAPH_H

#include "../base/status.h"

#include <stdbool.h>

struct mite_op; // ops/op.h

#define MITE_NO_VALUE UINT32_MAX // an optional input that is absent

// How a constant lies in memory. The numbers are those stored in .mite files.
// N = output channels, C = channels, K = KH*KW*(input channels of a group), in that order.
// Groups lie one after another, each padded for itself. Padding is zero.
typedef enum mite_layout {
    MITE_LAYOUT_DENSE = 0,         // row-major
    MITE_LAYOUT_CONV_F32 = 1,      // [N/8][K][8]                    f32, N padded to 8
    MITE_LAYOUT_CONV_I8 = 2,       // [N/8][K/4][8][4]               i8, N to 8, K to 4
    MITE_LAYOUT_DEPTHWISE_F32 = 3, // [C/4][KH*KW][4]                f32, C padded to 4
    MITE_LAYOUT_DEPTHWISE_I8 = 4,  // [C/8][ceil(KH/2)][KW][8][2]    i8, C to 8, last = row parity
} mite_layout;

typedef enum mite_value_flag {
    // Neighbouring weights (k, k+1), k even, of the same sign satisfy |w0| + |w1| <= 128, so that
    // a saturating 16-bit pair sum of u8 * i8 is exact (docs/format.md, "pair-safe").
    MITE_VALUE_PAIR_SAFE = 1,
    MITE_VALUE_CONSTANT = 2,
    // In the file: f32 numbers stored as halves. The reader widens them; no graph in memory has it.
    MITE_VALUE_HALVES = 4,
} mite_value_flag;

typedef struct mite_value {
    const char *name; // never NULL
    mite_dtype dtype;
    mite_layout layout; // DENSE for all but packed constants
    uint32_t flags;
    // What nodes compute and inputs may leave dimensions open (-1), or all of the shape (rank -1):
    // those follow from the inputs of a run.
    int32_t rank;
    int32_t shape[MITE_MAX_RANK]; // logical: OHWI for convolution weights, whatever the layout
    float scale; // per tensor; 0 where not quantized
    int32_t zero_point;
    const void *data; // constants only: in the model's file buffer, 64-byte aligned
    size_t bytes; // constants only: including the layout's padding
} mite_value;

typedef struct mite_node {
    const struct mite_op *op;
    const char *name; // never NULL
    const uint32_t *inputs; // value indices, or MITE_NO_VALUE
    const uint32_t *outputs;
    uint32_t input_count, output_count;
    const int32_t *attrs; // op->attrs in their order, one word each (floats as bits), all present
} mite_node;

typedef struct mite_graph mite_graph;
struct mite_graph {
    mite_value *values;
    mite_node *nodes; // in an order that computes every value before its use
    const uint32_t *inputs, *outputs;
    size_t value_count, node_count, input_count, output_count;
    // Of the whole model's graph only: what `if`, `loop` and `scan` run. Bodies share `values` with
    // it, and their nodes lie behind its own. The inputs of a body are its own, then values of the
    // graph around it that it reads; its nodes name only bodies before it.
    const mite_graph *bodies;
    size_t body_count;
};

// Bodies lie in bodies at most so deep.
#define MITE_MAX_BODY_DEPTH 16

// Elements of a shape; false if a dimension is negative or the product overflows size_t.
bool mite_shape_elements(size_t *out, size_t rank, const int32_t *shape);

// Bytes of a constant of logical shape [N,KH,KW,Cg] (CONV), [1,KH,KW,C] (DEPTHWISE) or any
// (DENSE); `groups` matters for CONV only. False on overflow or a rank that does not fit.
bool mite_layout_bytes(size_t *out, mite_layout layout, mite_dtype dtype, size_t rank,
                       const int32_t *shape, size_t groups);

// Nodes of the graph and of all its bodies.
static inline size_t mite_graph_all_nodes(const mite_graph *g) {
    size_t count = g->node_count;
    for (size_t i = 0; i < g->body_count; i++) count += g->bodies[i].node_count;
    return count;
}

#endif
