// SPDX-License-Identifier: Apache-2.0
// Passes over the converter's graph. Each leaves a graph that computes the same numbers (to
// rounding, where constants are multiplied out) and returns whether it changed anything.
#ifndef MITE_PASSES_PASSES_H
#define MITE_PASSES_PASSES_H

#include "ir.h"

typedef bool mite_pass_fn(mite_ir_graph *g);

// One file each, in the order they run; see there.
mite_pass_fn mite_pass_fold_constants, mite_pass_identities, mite_pass_common_nodes,
    mite_pass_volumes, mite_pass_transposes, mite_pass_reshapes, mite_pass_fold_batch_norm,
    mite_pass_fuse_activation, mite_pass_fuse_products, mite_pass_fuse_layer_norm,
    mite_pass_fuse_gelu, mite_pass_fuse_attention, mite_pass_fold_pad, mite_pass_fuse_qdq,
    mite_pass_fuse_integer, mite_pass_fuse_rows, mite_pass_fuse_residual, mite_pass_dead_code,
    mite_pass_real_results, mite_pass_keep_quantized, mite_pass_ports;

// All of them, repeated until nothing changes (a few rounds), in the graph and in its bodies. Without residuals fused, for
// quantization, which must see the range of a convolution before its residual.
void mite_passes_run(mite_ir_graph *g, bool fuse_residuals);
// Whether the network ends as it must for a class-activation map (class_map.c); and adds that as an
// output `name`, if it does.
bool mite_has_class_map(const mite_ir_graph *g);
void mite_add_class_map(mite_ir_graph *g, const char *name);
// What any graph needs before it can be lowered, optimised or not.
void mite_passes_finish(mite_ir_graph *g);

// --- Shared by passes (passes.c) ------------------------------------------------------------------

// The clamp that a node applies last, by whichever names its operator has; false if it has none.
bool mite_clamp_of(const mite_ir_node *node, float *lo, float *hi);
void mite_set_clamp(mite_ir_node *node, float lo, float hi);
bool mite_is_unclamped(const mite_ir_node *node);

// conv2d, depthwise_conv2d or dense, and where in their inputs things are.
bool mite_has_weights(const mite_ir_node *node);
enum { MITE_IN_X, MITE_IN_WEIGHTS, MITE_IN_BIAS, MITE_IN_MULTIPLIER, MITE_IN_RESIDUAL };
mite_ir_value *mite_ir_input_of(const mite_ir_node *node, size_t index); // NULL if absent
// Output channels, and the output channel of element `i` of the weights.
int32_t mite_columns(const mite_ir_node *node);
size_t mite_column_of(const mite_ir_node *node, size_t element);

// Operators that treat every element alike: one input, or two stretched to one shape.
bool mite_is_unary(const mite_ir_node *node);
bool mite_is_binary(const mite_ir_node *node);

#endif
