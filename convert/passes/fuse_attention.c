// SPDX-License-Identifier: Apache-2.0
// Attention written out, after fuse_products:
//
//   y = matmul(softmax(add(matmul(q, k) transpose_b=1 scale=s, mask)), v)
//       ->   y = dense_attention(q, k, v, mask) scale=s
//
// and where heads are cut from rows and put together again, the transposes go:
//
//   reshape(transpose(dense_attention(transpose(reshape(q)), …)))   ->   dense_attention(q, …) q_heads=…
#include "ops/more/functions.h"
#include "passes/match.h"

enum { Q, K, V, MASK };

static const int32_t heads_first[] = {0, 2, 1, 3};

static bool has_perm(const mite_ir_node *transpose) {
    size_t count;
    const int32_t *perm = mite_ir_attr_words(transpose, "perm", &count);
    for (size_t i = 0; i < 4; i++)
        if (perm[i] != heads_first[i]) return false;
    return transpose->output->rank == 4;
}

// [1 or B, 1 or H, 1 or S, T]
static bool fits_as_mask(const mite_ir_value *mask, const mite_ir_value *scores) {
    if (mask->dtype != MITE_F32 || mask->rank < 1 || mask->rank > 4) return false;
    for (int32_t i = 1; i <= mask->rank; i++) {
        int32_t dim = mask->shape[mask->rank - i], wanted = scores->shape[4 - i];
        if (dim != wanted && (dim != 1 || i == 1)) return false;
    }
    return true;
}

// The product of q and k whose sum with a mask, or nothing, `v` is.
static mite_ir_node *scores_of(mite_ir_value *v, mite_ir_value **mask) {
    mite_ir_node *add = mite_made_by(v, "add"), *product = mite_made_by(v, "matmul");
    *mask = NULL;
    if (product || !add || !mite_is_unclamped(add)) return product;
    for (size_t k = 0; k < 2; k++) {
        product = mite_made_by(add->inputs[k], "matmul");
        *mask = mite_operand(add, 1 - k);
        if (product && mite_ir_sole_producer(product->output) &&
            mite_ir_same_shape(product->output, add->output) &&
            fits_as_mask(*mask, product->output))
            return product;
    }
    return NULL;
}

static bool is_plain_product(const mite_ir_node *node, bool turns_b) {
    return node->output->rank == 4 && node->inputs[0]->rank == 4 && node->inputs[1]->rank == 4 &&
           !mite_ir_int(node, "transpose_a") && !!mite_ir_int(node, "transpose_b") == turns_b &&
           node->inputs[0]->shape[0] == node->inputs[1]->shape[0] &&
           node->inputs[0]->shape[1] == node->inputs[1]->shape[1];
}

// The softmax that `v` is, whose other uses say only that rows of NaN, where nothing may be attended, are
// zeros, as they are in dense_attention: where(is_nan(softmax), 0, softmax).
static mite_ir_node *probabilities(mite_ir_value *v) {
    mite_ir_node *softmax = mite_made_by(v, "softmax"), *where = mite_made_by(v, "where");
    double zero = 1;
    if (softmax) return mite_ir_sole_producer(softmax->output);
    if (!where || !mite_ir_sole_producer(where->output)) return NULL;
    const mite_ir_node *test = mite_operand(where, 0)->producer;
    softmax = mite_made_by(where->inputs[2], "softmax");
    bool fits = softmax && test && mite_ir_is(test, "unary") &&
                mite_ir_int(test, "function") == MITE_UNARY_IS_NAN &&
                mite_operand(test, 0) == softmax->output && test->output->uses == 1 &&
                softmax->output->uses == 2 && mite_number(mite_operand(where, 1), &zero) &&
                zero == 0;
    return fits ? softmax : NULL;
}

static mite_ir_value *attention(mite_ir_graph *g, const mite_ir_node *node) {
    mite_ir_value *mask;
    mite_ir_node *softmax = probabilities(node->inputs[0]);
    if (!softmax || !is_plain_product(node, false) || mite_ir_float(node, "scale") != 1)
        return NULL;
    int32_t axis = mite_ir_int(softmax, "axis");
    mite_ir_node *product = scores_of(softmax->inputs[0], &mask);
    if ((axis != -1 && axis != 3) || !product || !is_plain_product(product, true) ||
        mite_operand(softmax, 0)->uses != 1 || mite_ir_float(product, "scale") == 0)
        return NULL;
    mite_ir_value *q = mite_operand(product, 0), *k = mite_operand(product, 1);
    mite_ir_value *v = mite_operand(node, 1);
    return MITE_IR_EMIT(
        g, .op = "dense_attention", .name = node->name, .inputs = {q, k, v, mask},
        .attrs = {{"scale", .word = mite_ir_bits(mite_ir_float(product, "scale"))}});
}

// [B,S,H*D], where v = transpose(reshape(it) to [B,S,H,D]) is [B,H,S,D].
static mite_ir_value *rows_of(mite_ir_value *v) {
    mite_ir_node *transpose = mite_made_by(v, "transpose");
    if (!transpose || !has_perm(transpose)) return NULL;
    mite_ir_node *reshape = mite_made_by(transpose->inputs[0], "reshape");
    mite_ir_value *x = reshape ? mite_operand(reshape, 0) : NULL;
    v = mite_ir_resolve(v);
    bool fits = x && x->rank == 3 && x->shape[0] == v->shape[0] && x->shape[1] == v->shape[2] &&
                (int64_t)x->shape[2] == (int64_t)v->shape[1] * v->shape[3];
    return fits ? x : NULL;
}

static mite_ir_value *packed(mite_ir_graph *g, const mite_ir_node *reshape) {
    mite_ir_node *transpose = mite_made_by(reshape->inputs[0], "transpose");
    mite_ir_node *heads = transpose && has_perm(transpose)
                              ? mite_made_by(transpose->inputs[0], "dense_attention")
                              : NULL;
    const mite_ir_value *y = reshape->output;
    if (!heads || heads->output_count != 1 || !mite_ir_sole_producer(heads->output) ||
        !mite_ir_sole_producer(transpose->output) || heads->output->rank != 4 || y->rank != 3)
        return NULL;
    const int32_t *shape = heads->output->shape; // [B,H,S,E]
    mite_ir_value *in[] = {rows_of(heads->inputs[Q]), rows_of(heads->inputs[K]),
                           rows_of(heads->inputs[V])};
    if (!in[Q] || !in[K] || !in[V] || y->shape[0] != shape[0] || y->shape[1] != shape[2] ||
        (int64_t)y->shape[2] != (int64_t)shape[1] * shape[3])
        return NULL;
    return MITE_IR_EMIT(g, .op = "dense_attention", .name = heads->name,
                        .inputs = {in[Q], in[K], in[V], mite_ir_input_of(heads, MASK)},
                        .copy_attrs = heads,
                        .attrs = {{"q_heads", .word = heads->inputs[Q]->shape[1]},
                                  {"k_heads", .word = heads->inputs[K]->shape[1]}});
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    mite_ir_value *y = NULL;
    if (mite_ir_is(node, "matmul")) y = attention(g, node);
    else if (mite_ir_is(node, "reshape") && node->output->dtype == MITE_F32) y = packed(g, node);
    if (!y) return false;
    mite_ir_absorb(y->producer, node);
    return true;
}

bool mite_pass_fuse_attention(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
