// SPDX-License-Identifier: Apache-2.0
// What the handlers of attention share.
#ifndef MITE_IMPORT_ONNX_ATTENTION_H
#define MITE_IMPORT_ONNX_ATTENTION_H

#include "import/onnx/onnx.h"

// What the operator attention takes; NULL where not given.
typedef struct onnx_attention_request {
    mite_ir_value *q, *k, *v, *mask, *past_k, *past_v, *lengths, *sinks, *starts, *total, *drops;
    int64_t q_heads, k_heads, causal, left, right, scores;
    float scale, softcap;
    size_t outputs; // how many the operator computes
} onnx_attention_request;

mite_ir_value *onnx_emit_attention(onnx_import *c, const onnx_attention_request *r);
// x turned by the angles of cos and sin at the positions `ids`, whose attribute `interleaved` tells
// which numbers are pairs.
mite_ir_value *onnx_emit_rotary(onnx_import *c, mite_ir_value *x, mite_ir_value *cos,
                                mite_ir_value *sin, mite_ir_value *ids, int64_t heads,
                                const char *interleaved);

// Elements [from, to) along the last dimension.
mite_ir_value *onnx_cut(onnx_import *c, mite_ir_value *v, int64_t from, int64_t to);

// As many outputs as the node wants of `most`; the first `count` outputs of a node, as this one's.
size_t onnx_wanted(const onnx_import *c, size_t most);
void onnx_set_all(onnx_import *c, mite_ir_value *first, size_t count);

#endif
