// SPDX-License-Identifier: Apache-2.0
// ai.onnx.preview.FlexAttention: attention whose scores and probabilities graphs of the node may
// change. Taken apart; passes/fuse_attention.c puts together what nothing changes.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <math.h>

// Keys or values [B,H,T,D] with each head `times` over.
static mite_ir_value *repeated(onnx_import *c, mite_ir_value *v, int32_t times) {
    int64_t heads = (int64_t)v->shape[1] * times;
    if (times == 1) return v;
    v = onnx_emit_unsqueeze(c, v, onnx_integers(c, (int64_t[]){2}, 1));
    v = onnx_expand_to(c, v, onnx_integers(c, (int64_t[]){1, 1, times, 1, 1}, 5));
    if (!v) return NULL;
    return onnx_reshape_to(c, v, onnx_integers(c, (int64_t[]){0, heads, -1, v->shape[4]}, 4),
                           false);
}

// Those of the node's graph `name`, if it has one.
static mite_ir_value *modified(onnx_import *c, const char *name, mite_ir_value *x) {
    const onnx_attr *a = onnx_attribute(c, name);
    return x && a && a->graph ? onnx_import_applied(c, a->graph, x) : x;
}

static mite_ir_value *softmax(onnx_import *c, mite_ir_value *x) {
    if (!x) return NULL;
    return MITE_IR_EMIT(c->g, .op = x->dtype == MITE_F32 ? "softmax" : "distribution",
                        .name = onnx_name(c), .inputs = {x}, .attrs = {{"axis", .word = -1}});
}

static bool is_heads(const mite_ir_value *v) {
    return v && !v->unknown && v->rank == 4 && !(v->open & (2 | 8)) && v->shape[1] > 0 &&
           v->shape[3] > 0;
}

void onnx_flex_attention(onnx_import *c) {
    mite_ir_value *q = onnx_in(c, 0), *k = onnx_in(c, 1), *v = onnx_in(c, 2);
    if (!is_heads(q) || !is_heads(k) || !is_heads(v) || q->shape[1] % k->shape[1] ||
        v->shape[1] != k->shape[1]) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its inputs have no known heads, or keys other than queries and values");
        return;
    }
    mite_dtype dtype = q->dtype;
    int64_t type = onnx_int(c, "softmax_precision", dtype == MITE_F64 ? ONNX_DOUBLE : ONNX_FLOAT);
    mite_dtype inner = type == ONNX_DOUBLE ? MITE_F64 : MITE_F32;
    int32_t times = q->shape[1] / k->shape[1];
    float scale = onnx_float(c, "scale", 1 / sqrtf((float)q->shape[3]));
    k = repeated(c, onnx_emit_cast(c, k, inner), times);
    v = repeated(c, onnx_emit_cast(c, v, inner), times);
    mite_ir_value *x = onnx_emit_product(c, onnx_emit_cast(c, q, inner), k, false, true, scale);
    x = modified(c, "prob_mod", softmax(c, modified(c, "score_mod", x)));
    onnx_set(c, 0, onnx_emit_cast(c, onnx_emit_mat_mul(c, x, v), dtype));
}
