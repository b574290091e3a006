// SPDX-License-Identifier: Apache-2.0
// Mixtures of experts: com.microsoft.MoE, and QMoE with weights of 4 or 8 bits. Every expert computes
// every token, in one product for all of them, and those that were not chosen count for nothing.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <math.h>
#include <string.h>

// One projection of all experts: weights [E,N,K], bias [E,N] or NULL.
typedef struct projection {
    mite_ir_value *weights, *bias;
} projection;

// x [1,T,K] or [E,T,K] -> [E,T,N]
static mite_ir_value *project(onnx_import *c, mite_ir_value *x, const projection *p) {
    mite_ir_value *y = onnx_emit_product(c, x, p->weights, false, true, 1);
    if (!p->bias) return y;
    return onnx_emit_add(c, y,
                         onnx_emit_unsqueeze(c, p->bias, onnx_integers(c, (int64_t[]){1}, 1)));
}

// Elements from, from + step, .. before `to` along the last dimension.
static mite_ir_value *elements(onnx_import *c, mite_ir_value *v, int64_t from, int64_t to,
                               int64_t step) {
    if (!v) return NULL;
    return MITE_IR_EMIT(c->g, .op = "slice", .name = onnx_name(c),
                        .inputs = {v, onnx_integers(c, &from, 1), onnx_integers(c, &to, 1),
                                   onnx_integers(c, (int64_t[]){-1}, 1),
                                   onnx_integers(c, &step, 1)});
}

static mite_ir_value *bounded(onnx_import *c, mite_ir_value *x, float lo, float hi) {
    if (!x) return NULL;
    return MITE_IR_EMIT(
        c->g, .op = "clamp", .name = onnx_name(c), .inputs = {x},
        .attrs = {{"lo", .word = mite_ir_bits(lo)}, {"hi", .word = mite_ir_bits(hi)}});
}

static mite_ir_value *swiglu(onnx_import *c, mite_ir_value *gate, mite_ir_value *value) {
    float alpha = onnx_float(c, "activation_alpha", 1);
    if (onnx_attribute(c, "swiglu_limit")) {
        float limit = onnx_float(c, "swiglu_limit", 0);
        gate = bounded(c, gate, -INFINITY, limit);
        value = bounded(c, value, -limit, limit);
    }
    if (!gate) return NULL;
    gate = onnx_emit_unary(c, MITE_UNARY_SWISH, gate, alpha, 0);
    value = onnx_shifted(c, value, (double)onnx_float(c, "activation_beta", 0));
    return onnx_emit_mul(c, gate, value);
}

// What lies between the projections: of x, or of x and `other`, the third projection.
static mite_ir_value *activate(onnx_import *c, mite_ir_value *x, mite_ir_value *other,
                               int64_t width) {
    static const struct {
        const char *name;
        mite_unary function;
    } known[] = {
        {"relu", MITE_UNARY_RELU}, {"gelu", MITE_UNARY_GELU_TANH}, {"silu", MITE_UNARY_SWISH}};
    const char *name = onnx_string(c, "activation_type", "relu");
    int64_t fusion = onnx_int(c, "swiglu_fusion", 0);
    if (!x) return NULL;
    if (!strcmp(name, "swiglu") && fusion == 1)
        return swiglu(c, elements(c, x, 0, INT64_MAX, 2), elements(c, x, 1, INT64_MAX, 2));
    if (!strcmp(name, "swiglu") && fusion == 2)
        return swiglu(c, elements(c, x, 0, width / 2, 1), elements(c, x, width / 2, width, 1));
    if (!strcmp(name, "swiglu") && other) return swiglu(c, x, other);
    bool found = !strcmp(name, "identity");
    for (size_t i = 0; i < sizeof known / sizeof *known && !found; i++) {
        if (strcmp(known[i].name, name) != 0) continue;
        x = onnx_emit_unary(c, known[i].function, x, 1, 0);
        found = true;
    }
    if (!found)
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its activation_type %q, fused by %D, is not supported", name, fusion);
    return other ? onnx_emit_mul(c, x, other) : x;
}

// The share [T,E] that each expert has in each token, from scores [T,E]; `weights` [T,E] or NULL are
// what counts instead of the scores' softmax. Where `normalized`, those of a token add up to 1.
static mite_ir_value *shares(onnx_import *c, mite_ir_value *scores, mite_ir_value *weights,
                             bool normalized) {
    if (!scores) return NULL;
    mite_ir_value *all = MITE_IR_EMIT(c->g, .op = "softmax", .name = onnx_name(c),
                                      .inputs = {scores}, .attrs = {{"axis", .word = -1}});
    mite_ir_value *k = onnx_scalar(c, MITE_I64, (double)onnx_int(c, "k", 1));
    if (!all || !k) return NULL;
    mite_ir_value *top =
        MITE_IR_EMIT(c->g, .op = "top_k", .name = onnx_name(c), .inputs = {all, k},
                     .more_dtypes = (const mite_dtype[]){MITE_I64}, .more_outputs = 1);
    mite_ir_value *chosen = mite_ir_output_at(top, 1), *axis = onnx_integers(c, (int64_t[]){-1}, 1);
    if (weights && chosen)
        top = MITE_IR_EMIT(c->g, .op = "gather_elements", .name = onnx_name(c),
                           .inputs = {weights, chosen}, .attrs = {{"axis", .word = -1}});
    if (normalized && top)
        top = onnx_emit_div(c, top, onnx_emit_reduce(c, MITE_REDUCE_SUM, top, axis, true, true));
    mite_ir_value *none =
        onnx_expand_to(c, onnx_scalar(c, scores->dtype, 0), onnx_shape_of(c, scores));
    if (!none || !chosen || !top) return NULL;
    return MITE_IR_EMIT(c->g, .op = "scatter_elements", .name = onnx_name(c),
                        .inputs = {none, chosen, top}, .attrs = {{"axis", .word = -1}});
}

static void mix(onnx_import *c, const projection p[3], mite_ir_value *weights, bool normalized) {
    mite_ir_value *given = onnx_in(c, 0), *first = p[0].weights;
    if (!given || !first || first->unknown || first->rank != 3 ||
        onnx_int(c, "use_sparse_mixer", 0) || onnx_int(c, "swiglu_limit_after_activation", 0)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "weights other than [experts,N,K], use_sparse_mixer and "
                     "swiglu_limit_after_activation are not supported");
        return;
    }
    mite_ir_value *depth = onnx_dimension(c, first, 2, 1, 1),
                  *rows = onnx_integers(c, (int64_t[]){-1}, 1);
    mite_ir_value *tokens[] = {onnx_integers(c, (int64_t[]){1}, 1), rows, depth};
    mite_ir_value *x = onnx_reshape_to(c, given, onnx_join(c, tokens, 3), false);
    mite_ir_value *other = p[2].weights ? project(c, x, &p[2]) : NULL;
    x = project(c, activate(c, project(c, x, &p[0]), other, first->shape[1]), &p[1]);
    mite_ir_value *share = shares(c, onnx_in(c, 1), weights, normalized);
    share = onnx_transposed(c, share, 2, (const int32_t[]){1, 0});
    x = onnx_emit_mul(c, x, onnx_emit_unsqueeze(c, share, onnx_integers(c, (int64_t[]){2}, 1)));
    if (!x) return;
    x = onnx_emit_reduce(c, MITE_REDUCE_SUM, x, onnx_integers(c, (int64_t[]){0}, 1), false, false);
    onnx_set(c, 0, onnx_reshape_to(c, x, onnx_shape_of(c, given), false));
}

void onnx_moe(onnx_import *c) {
    // input, scores, weights and bias of the three projections
    projection p[3];
    for (size_t i = 0; i < 3; i++)
        p[i] = (projection){onnx_optional(c, 2 + 2 * i), onnx_optional(c, 3 + 2 * i)};
    mix(c, p, NULL, onnx_int(c, "normalize_routing_weights", 0) != 0);
}

// The weights [E,N,K] in input `k`, with scales [E,N] or, in blocks along K, [E,N,K/block] and zero
// points like them.
static mite_ir_value *dequantized(onnx_import *c, size_t k, mite_ir_value *scale,
                                  mite_ir_value *zero) {
    int64_t bits = onnx_int(c, "expert_weight_bits", 4), block = onnx_int(c, "block_size", 0);
    mite_ir_value *q = onnx_in(c, k);
    bool fits = q && scale && !q->unknown && q->rank == 3 && mite_ir_is_fixed(q) &&
                (bits == 4 || bits == 8) && !strcmp(onnx_string(c, "quant_type", "int"), "int") &&
                !onnx_attribute(c, "fc1_expert_weight_bits") &&
                !onnx_attribute(c, "fc2_expert_weight_bits") && mite_ir_is_fixed(scale) &&
                scale->rank == (block > 0 ? 3 : 2);
    if (!fits) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "experts' weights of input %z, of %D bits in blocks of %D, are not supported",
                     k, bits, block);
        return NULL;
    }
    int64_t depth = q->shape[2] * 8 / bits, last = scale->shape[scale->rank - 1];
    if (bits == 4) q = onnx_halves(c, q, depth);
    if (bits == 4 && zero) zero = onnx_halves(c, zero, last);
    if (!zero)
        zero = onnx_expand_to(c, onnx_scalar(c, MITE_U8, (double)(1 << (bits - 1))),
                              onnx_shape_of(c, scale));
    if (scale->rank == 2) {
        mite_ir_value *axis = onnx_integers(c, (int64_t[]){2}, 1);
        scale = onnx_emit_unsqueeze(c, scale, axis);
        zero = onnx_emit_unsqueeze(c, zero, axis);
        block = depth;
    }
    return scale ? onnx_emit_dequantize(c, q, scale, zero, scale->dtype, 2, block) : NULL;
}

void onnx_q_moe(onnx_import *c) {
    // input, scores, weights, scales and bias of the three projections, their zero points, weights of
    // the experts
    projection p[3] = {{NULL, NULL}};
    for (size_t i = 0; i < 3 && mite_ir_ok(c->g); i++) {
        if (!onnx_has_input(c, 2 + 3 * i)) continue;
        p[i].weights =
            dequantized(c, 2 + 3 * i, onnx_optional(c, 3 + 3 * i), onnx_optional(c, 11 + i));
        p[i].bias = onnx_optional(c, 4 + 3 * i);
    }
    // The softmax of this one is over the chosen experts, whatever the attribute says.
    mite_ir_value *weights = onnx_optional(c, 14);
    mix(c, p, weights, !weights || onnx_int(c, "normalize_routing_weights", 0) != 0);
}
