// SPDX-License-Identifier: Apache-2.0
// Random numbers: the same in every run, as the operator random has it. Without a seed of its own each
// node has one by its place in the model, so that two nodes do not give the same numbers.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <string.h>

static mite_ir_value *emit_random(onnx_import *c, mite_ir_value *shape, bool normal, float a,
                                  float b, mite_dtype dtype) {
    int32_t seed = onnx_attribute(c, "seed") ? mite_ir_bits(onnx_float(c, "seed", 0))
                                             : (int32_t)(c->imported & INT32_MAX);
    if (!shape) return NULL;
    return MITE_IR_EMIT(c->g, .op = "random", .name = onnx_name(c), .inputs = {shape},
                        .attrs = {{"normal", .word = normal},
                                  {"a", .word = mite_ir_bits(a)},
                                  {"b", .word = mite_ir_bits(b)},
                                  {"seed", .word = seed}},
                        .dtype = dtype);
}

// The type of the result: the attribute's, else `otherwise`; fails where it is not supported.
static mite_dtype type_of(onnx_import *c, mite_dtype otherwise) {
    int64_t type = onnx_int(c, "dtype", 0);
    mite_dtype dtype = !type ? otherwise : type > 0 && type < 64 ? onnx_dtype((int32_t)type) : 0;
    if (!dtype) mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its dtype %D is not supported", type);
    return dtype;
}

// RandomNormal and RandomUniform, and their forms with an input of the same shape.
void onnx_random(onnx_import *c) {
    bool normal = !strncmp(c->node->op_type, "RandomNormal", 12);
    bool like = strstr(c->node->op_type, "Like") != NULL;
    const mite_ir_value *x = like ? onnx_in(c, 0) : NULL;
    if (like && !x) return;
    mite_dtype dtype = type_of(c, x ? x->dtype : MITE_F32);
    mite_ir_value *shape =
        like ? onnx_shape_of(c, onnx_in(c, 0)) : onnx_list_in(c, "shape", SIZE_MAX);
    if (!shape) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its shape is missing");
    if (!mite_ir_ok(c->g)) return;
    float a = onnx_float(c, normal ? "mean" : "low", 0);
    float b = onnx_float(c, normal ? "scale" : "high", 1);
    onnx_set(c, 0, emit_random(c, shape, normal, a, b, dtype));
}

// One with the probability that the input has there, else zero.
void onnx_bernoulli(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    if (!x) return;
    mite_dtype dtype = type_of(c, x->dtype);
    mite_ir_value *u = emit_random(c, onnx_shape_of(c, x), false, 0, 1, x->dtype);
    onnx_set(c, 0, onnx_emit_cast(c, onnx_emit_general_binary(c, MITE_BINARY_LESS, u, x), dtype));
}
