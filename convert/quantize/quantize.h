// SPDX-License-Identifier: Apache-2.0
// Quantization after training: f32 graph + example inputs -> a graph that computes in u8 and i8.
// docs/quantization.md tells the recipe, why each step is there, and what it gains.
#ifndef MITE_QUANTIZE_QUANTIZE_H
#define MITE_QUANTIZE_QUANTIZE_H

#include "ir.h"

typedef struct mite_quantize_options {
    // samples[i * g->input_count + k]: example i of graph input k, f32, dense, in its shape; lent.
    const float *const *samples;
    size_t sample_count;
    // (sample_count 0: only what needs no examples is quantized, dense layers of many rows and
    // attention.)
    bool full_range_weights; // do not keep weights pair-safe (MITE_VALUE_PAIR_SAFE)
} mite_quantize_options;

// Rewrites the graph; inputs and outputs keep their names, shapes and types. Wants the graph
// optimised but for fused residuals, since the range of a convolution before its residual must be
// seen too. Failures stay in g->error.
void mite_quantize(mite_ir_graph *g, const mite_quantize_options *options);

// --- Inside the room ----------------------------------------------------------------------------

// What calibration learns about one value (all values of a graph in one array, by value->mark).
typedef struct mite_range {
    float lo, hi; // extremes over all examples; lo > hi: never seen
    float *values; // owned: a sample of them, the extremes included when ranges are chosen
    size_t count, room;
    float scale; // chosen u8 quantization
    int32_t zero_point;
} mite_range;

// What calibration learns about the input of a node with weights: moments of the rows that each
// output is a product of. A depthwise convolution has one set for every channel.
typedef struct mite_moments {
    size_t depth, sets; // products of one output; sets of moments
    double *mean_f, *mean_q; // [sets][depth]: of the rows, and of the rows rounded to u8
    float *second; // [sets][depth][depth], upper triangle: sum of q*q'; NULL: too deep
    size_t rows; // seen of each set
} mite_moments;

typedef struct mite_calibration {
    mite_ir_graph *g;
    const mite_quantize_options *options;
    mite_range *ranges; // [value_count], index value->mark
    mite_moments *moments; // [node_count], in the order of g->nodes
    size_t value_count, node_count;
} mite_calibration;

// calibrate.c: runs the f32 graph over the examples, twice: for ranges, then for moments.
bool mite_calibrate(mite_calibration *c);
void mite_calibration_free(mite_calibration *c);

// ranges.c: scale and zero point of least squared error over the sample; real zero is exact.
void mite_choose_range(mite_range *r, bool keep_extremes);
void mite_set_range(mite_range *r, float lo, float hi);

// weights.c: i8 weights of one set of rows [n][depth] and their scales; the rounding error of each
// weight is made up for by those after it, as the second moments say (null: plain rounding).
// `scales` holds the least allowed scale of each row and is overwritten. False without memory.
bool mite_round_weights(int8_t *out, float *scales, const float *w, size_t n, size_t depth,
                        const mite_moments *m, size_t set, bool pair_safe);

// rows.c: whether the rows of this node's input are quantized as they come; and the node that does so
// in its place, with weights i8 [N][K] and their scales.
bool mite_quantizes_rows(const mite_ir_node *node);
mite_ir_value *mite_rows_of(mite_ir_graph *g, const mite_ir_node *node, const int8_t *q,
                            const float *scales, mite_ir_value *bias);
// dense_attention_u8 for dense_attention.
mite_ir_value *mite_attention_in_integers(mite_ir_graph *g, const mite_ir_node *node);

#endif
