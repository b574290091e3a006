// SPDX-License-Identifier: Apache-2.0
// Dense layers over many rows, as transformers have them, and attention: their activations differ too
// much from row to row for one scale, so each row is quantized as it comes (dense_rows), and nothing has
// to be known of it before. Weights are i8, symmetric, with one scale a channel, as everywhere.
#include "quantize/quantize.h"

#include "passes/passes.h"

#include <stdlib.h>

bool mite_quantizes_rows(const mite_ir_node *node) {
    if (!mite_ir_is(node, "dense") || node->output->dtype != MITE_F32 ||
        mite_ir_input_of(node, MITE_IN_RESIDUAL) ||
        !mite_ir_is_constant(node->inputs[MITE_IN_WEIGHTS]) ||
        !mite_ir_is_constant(node->inputs[MITE_IN_BIAS]))
        return false;
    const mite_ir_value *x = node->inputs[MITE_IN_X];
    if (x->dtype != MITE_F32 || x->unknown) return false;
    for (int32_t i = 0; i + 1 < x->rank; i++)
        if ((x->open >> i & 1) || x->shape[i] > 1) return true;
    return false;
}

// dense with these weights, i8 [count][depth], and what they are multiplied by.
mite_ir_value *mite_rows_of(mite_ir_graph *g, const mite_ir_node *node, const int8_t *q,
                            const float *scales, mite_ir_value *bias) {
    const mite_ir_value *w = node->inputs[MITE_IN_WEIGHTS];
    int32_t columns = w->shape[0];
    size_t count = (size_t)columns, depth = mite_ir_elements(w) / count;
    mite_ir_value *whole = mite_ir_constant(g, w->name, MITE_I8, (size_t)w->rank, w->shape);
    mite_ir_value *sums = mite_ir_constant(g, w->name, MITE_I32, 1, &columns);
    mite_ir_value *multiplier = mite_ir_floats(g, w->name, scales, count);
    if (!whole || !sums || !multiplier || !bias) return NULL;
    for (size_t i = 0; i < count; i++) {
        int32_t sum = 0;
        for (size_t k = 0; k < depth; k++) {
            ((int8_t *)whole->data)[i * depth + k] = q[i * depth + k];
            sum += q[i * depth + k];
        }
        ((int32_t *)sums->data)[i] = sum;
    }
    float lo, hi;
    mite_clamp_of(node, &lo, &hi);
    return MITE_IR_EMIT(
        g, .op = "dense_rows", .name = node->name,
        .inputs = {node->inputs[MITE_IN_X], whole, sums, multiplier, bias}, .dtype = MITE_F32,
        .attrs = {{"clamp_lo", .word = mite_ir_bits(lo)}, {"clamp_hi", .word = mite_ir_bits(hi)}});
}

mite_ir_value *mite_attention_in_integers(mite_ir_graph *g, const mite_ir_node *node) {
    mite_ir_make make = {
        .op = "dense_attention_u8",
        .name = node->name,
        .dtype = MITE_F32,
        .attrs = {{"q_heads", .word = mite_ir_int(node, "q_heads")},
                  {"k_heads", .word = mite_ir_int(node, "k_heads")},
                  {"causal", .word = mite_ir_int(node, "causal")},
                  {"scale", .word = mite_ir_bits(mite_ir_float(node, "scale"))}},
    };
    for (size_t i = 0; i < node->input_count; i++) make.inputs[i] = node->inputs[i];
    return mite_ir_emit(g, &make);
}
