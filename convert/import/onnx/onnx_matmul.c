// SPDX-License-Identifier: Apache-2.0
// Products of matrices: Gemm, MatMul, Einsum, Det, and com.microsoft's FusedMatMul and MatMulNBits.
#include "compact.h"
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// --- Building blocks ----------------------------------------------------------------------------

static bool is_dense_matrix(const mite_ir_value *w) {
    return mite_ir_is_constant(w) && w->dtype == MITE_F32 && w->rank == 2 && mite_ir_elements(w);
}

mite_ir_value *onnx_emit_dense(onnx_import *c, mite_ir_value *x, mite_ir_value *w,
                               bool rows_are_outputs, mite_ir_value *bias) {
    if (!x || !w) return NULL;
    if (!is_dense_matrix(w) || (x->rank < 1 && !x->unknown)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its matrix %q has shape %T of %s; supported are constant float matrices",
                     w->name, (size_t)w->rank, w->shape, mite_ir_dtype_name(w->dtype));
        return NULL;
    }
    if (!rows_are_outputs) w = mite_ir_transposed(c->g, w, (const int32_t[]){1, 0});
    if (!w) return NULL;
    if (!bias) bias = onnx_zeros(c, w->shape[0]);
    w = mite_ir_reshaped(c->g, w, 4, (const int32_t[]){w->shape[0], 1, 1, w->shape[1]});
    if (!w || !bias) return NULL;
    return MITE_IR_EMIT(c->g, .op = "dense", .name = onnx_name(c), .inputs = {x, w, bias});
}

mite_ir_value *onnx_matrix_transposed(onnx_import *c, mite_ir_value *v) {
    int32_t perm[MITE_MAX_RANK];
    if (!v) return NULL;
    if (v->unknown || v->rank < 2) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it transposes %q, whose rank is not known",
                     v->name);
        return NULL;
    }
    for (int32_t i = 0; i < v->rank; i++) perm[i] = i;
    perm[v->rank - 1] = v->rank - 2;
    perm[v->rank - 2] = v->rank - 1;
    return onnx_transposed(c, v, (size_t)v->rank, perm);
}

// f32 with both dimensions of a matrix, none of them without elements.
static bool is_matrix(const mite_ir_value *v) {
    return v->dtype == MITE_F32 && !v->unknown && v->rank >= 2 && (v->open || mite_ir_elements(v));
}

mite_ir_value *onnx_emit_product(onnx_import *c, mite_ir_value *a, mite_ir_value *b, bool turn_a,
                                 bool turn_b, float scale) {
    if (!a || !b) return NULL;
    if (a->dtype == MITE_F32 && is_dense_matrix(b) && !turn_a)
        return onnx_scaled(c, onnx_emit_dense(c, a, b, turn_b, NULL), (double)scale);
    if (is_matrix(a) && is_matrix(b))
        return MITE_IR_EMIT(c->g, .op = "matmul", .name = onnx_name(c), .inputs = {a, b},
                            .attrs = {{"transpose_a", .word = turn_a},
                                      {"transpose_b", .word = turn_b},
                                      {"scale", .word = mite_ir_bits(scale)}});
    if (turn_a) a = onnx_matrix_transposed(c, a);
    if (turn_b) b = onnx_matrix_transposed(c, b);
    if (!a || !b) return NULL;
    return onnx_scaled(
        c, MITE_IR_EMIT(c->g, .op = "matmul_nd", .name = onnx_name(c), .inputs = {a, b}),
        (double)scale);
}

mite_ir_value *onnx_emit_mat_mul(onnx_import *c, mite_ir_value *a, mite_ir_value *b) {
    return onnx_emit_product(c, a, b, false, false, 1);
}

mite_ir_value *onnx_emit_mat_mul_integer(onnx_import *c, mite_ir_value *a, mite_ir_value *b,
                                         mite_ir_value *a_zero, mite_ir_value *b_zero) {
    if (!a || !b) return NULL;
    return MITE_IR_EMIT(c->g, .op = "matmul_nd", .name = onnx_name(c),
                        .inputs = {a, b, a_zero, b_zero}, .dtype = MITE_I32);
}

// --- MatMul and Gemm ----------------------------------------------------------------------------

void onnx_mat_mul(onnx_import *c) {
    onnx_set(c, 0, onnx_emit_mat_mul(c, onnx_in(c, 0), onnx_in(c, 1)));
    onnx_let_go(c, 1);
}

void onnx_mat_mul_integer(onnx_import *c) {
    onnx_set(c, 0,
             onnx_emit_mat_mul_integer(c, onnx_in(c, 0), onnx_in(c, 1), onnx_optional(c, 2),
                                       onnx_optional(c, 3)));
}

// Gemm's third operand as bias [N]; NULL where it is none of that form.
static mite_ir_value *gemm_bias(onnx_import *c, mite_ir_value *b, int32_t columns, float beta) {
    size_t elements = mite_ir_elements(b);
    if (!mite_ir_is_constant(b) || b->dtype != MITE_F32 || b->rank > 2) return NULL;
    bool row = b->rank >= 1 && b->shape[b->rank - 1] == columns && elements == (size_t)columns;
    if (!row && elements != 1) return NULL;
    if (row && beta == 1.0f) return b->rank == 2 ? mite_ir_reshaped(c->g, b, 1, &columns) : b;
    mite_ir_value *spread = onnx_zeros(c, columns);
    for (int32_t i = 0; spread && i < columns; i++)
        ((float *)spread->data)[i] = ((const float *)b->data)[row ? i : 0] * beta;
    return spread;
}

// Multiplies a constant by a factor; the quantized numbers behind it are lost.
static mite_ir_value *scaled_constant(onnx_import *c, mite_ir_value *v, float factor) {
    if (!v || factor == 1.0f) return v;
    mite_ir_value *out = mite_ir_constant(c->g, v->name, MITE_F32, (size_t)v->rank, v->shape);
    for (size_t i = 0; out && i < mite_ir_elements(v); i++)
        ((float *)out->data)[i] = ((const float *)v->data)[i] * factor;
    return out;
}

static mite_ir_value *gemm(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *w = onnx_in(c, 1), *addend = onnx_optional(c, 2), *y;
    bool rows_are_outputs = onnx_int(c, "transB", 0) != 0;
    float alpha = onnx_float(c, "alpha", 1.0f), beta = onnx_float(c, "beta", 1.0f);
    if (!x || !w) return NULL;
    if ((x->rank != 2 && !x->unknown) || (w->rank != 2 && !w->unknown)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it wants two matrices, not %T and %T", (size_t)x->rank,
                     x->shape, (size_t)w->rank, w->shape);
        return NULL;
    }
    bool turned = onnx_int(c, "transA", 0) != 0;
    if (x->dtype == MITE_F32 && is_dense_matrix(w)) {
        if (turned) x = onnx_transposed(c, x, 2, (const int32_t[]){1, 0});
        int32_t columns = w->shape[rows_are_outputs ? 0 : 1];
        mite_ir_value *bias = addend ? gemm_bias(c, addend, columns, beta) : NULL;
        y = onnx_emit_dense(c, x, scaled_constant(c, w, alpha), rows_are_outputs, bias);
        if (bias) addend = NULL;
    } else {
        y = onnx_emit_product(c, x, w, turned, rows_are_outputs, alpha);
    }
    return addend ? onnx_emit_add(c, y, onnx_scaled(c, addend, (double)beta)) : y;
}

void onnx_gemm(onnx_import *c) {
    onnx_set(c, 0, gemm(c));
    onnx_let_go(c, 1);
}

// com.microsoft: with an activation behind.
void onnx_fused_gemm(onnx_import *c) {
    onnx_set(c, 0, onnx_emit_activation(c, gemm(c), onnx_string(c, "activation", "")));
    onnx_let_go(c, 1);
}

// [D,batch..,E] as [batch..,D,E], if the attribute says so.
static mite_ir_value *batch_first(onnx_import *c, mite_ir_value *v, const char *attribute) {
    int32_t perm[MITE_MAX_RANK];
    if (!v || !onnx_int(c, attribute, 0)) return v;
    if (v->unknown || v->rank < 3) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its %s wants three dimensions or more", attribute);
        return NULL;
    }
    for (int32_t i = 0; i < v->rank; i++) perm[i] = i < v->rank - 2 ? i + 1 : i;
    perm[v->rank - 2] = 0;
    return onnx_transposed(c, v, (size_t)v->rank, perm);
}

void onnx_fused_mat_mul(onnx_import *c) {
    mite_ir_value *a = batch_first(c, onnx_in(c, 0), "transBatchA");
    mite_ir_value *b = batch_first(c, onnx_in(c, 1), "transBatchB");
    onnx_set(c, 0,
             onnx_emit_product(c, a, b, onnx_int(c, "transA", 0) != 0,
                               onnx_int(c, "transB", 0) != 0, onnx_float(c, "alpha", 1.0f)));
}

void onnx_det(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    if (x) onnx_set(c, 0, MITE_IR_EMIT(c->g, .op = "det", .name = onnx_name(c), .inputs = {x}));
}

// --- MatMulNBits --------------------------------------------------------------------------------

// Element `i` of numbers of `bits` bits, packed from the lowest on.
static uint8_t unpacked(const uint8_t *data, size_t i, size_t bits) {
    return (uint8_t)(data[i * bits / 8] >> (i * bits % 8) & ((1u << bits) - 1));
}

// Weights [N,K] in blocks along K, each with a scale and a zero point.
typedef struct blocked {
    size_t n, k, bits, block, blocks;
    const mite_ir_value *q, *scale, *zero, *order; // order: g_idx; zero and order may be NULL
} blocked;

// Whether input `k` holds `count` numbers of a type, or is none.
static bool holds(const mite_ir_value *v, mite_dtype dtype, size_t count) {
    return !v || (mite_ir_is_constant(v) && v->dtype == dtype && mite_ir_elements(v) == count);
}

static bool read_blocked(onnx_import *c, blocked *w) {
    int64_t k = onnx_int(c, "K", 0), n = onnx_int(c, "N", 0), bits = onnx_int(c, "bits", 4);
    int64_t block = onnx_int(c, "block_size", 32);
    bool fits = k > 0 && n > 0 && k <= INT32_MAX && n <= INT32_MAX && block > 0 && block <= 65536 &&
                block % 8 == 0 && (bits == 2 || bits == 4 || bits == 8);
    *w = (blocked){.q = onnx_in(c, 1),
                   .scale = onnx_in(c, 2),
                   .zero = onnx_optional(c, 3),
                   .order = onnx_optional(c, 4)};
    if (!w->q || !w->scale) return false;
    if (fits) {
        w->n = (size_t)n, w->k = (size_t)k, w->bits = (size_t)bits, w->block = (size_t)block;
        w->blocks = (w->k + w->block - 1) / w->block;
        bool packed = w->zero && w->zero->dtype == MITE_U8;
        size_t zeros = packed ? w->n * ((w->blocks * w->bits + 7) / 8) : w->n * w->blocks;
        fits = holds(w->q, MITE_U8, w->n * w->blocks * w->block * w->bits / 8) &&
               holds(w->scale, MITE_F32, w->n * w->blocks) &&
               holds(w->zero, packed ? MITE_U8 : MITE_F32, zeros) &&
               (holds(w->order, MITE_I32, w->k) || holds(w->order, MITE_I32, w->blocks * w->block));
    }
    if (!fits)
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "weights of %D bits, [%D,%D] in blocks of %D, with their scales, do not fit "
                     "or are no constants",
                     bits, n, k, block);
    return fits;
}

static uint8_t number_at(const blocked *w, size_t row, size_t column) {
    return unpacked(w->q->data, row * w->blocks * w->block + column, w->bits);
}

static uint8_t zero_at(const blocked *w, size_t row, size_t block) {
    size_t bytes = (w->blocks * w->bits + 7) / 8; // of a row
    if (!w->zero) return (uint8_t)(1u << (w->bits - 1));
    return unpacked((const uint8_t *)w->zero->data + row * bytes, block, w->bits);
}

// As f32: where zero points are real, or columns belong to blocks in an order of their own.
static mite_ir_value *real_weights(onnx_import *c, const blocked *w) {
    bool real = w->zero && w->zero->dtype == MITE_F32;
    const int32_t *order = w->order ? w->order->data : NULL;
    mite_ir_value *v = mite_ir_constant(c->g, w->q->name, MITE_F32, 2,
                                        (const int32_t[]){(int32_t)w->n, (int32_t)w->k});
    for (size_t i = 0; v && i < mite_ir_elements(v); i++) {
        size_t row = i / w->k, column = i % w->k;
        size_t block = order ? (size_t)(uint32_t)order[column] : column / w->block;
        if (block >= w->blocks) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "g_idx names block %z of %z", block, w->blocks);
            return NULL;
        }
        size_t at = row * w->blocks + block;
        float zero = real ? ((const float *)w->zero->data)[at] : (float)zero_at(w, row, block);
        ((float *)v->data)[i] =
            ((float)number_at(w, row, column) - zero) * ((const float *)w->scale->data)[at];
    }
    return v;
}

// The product with weights that stay as they are.
static mite_ir_value *compact_product(onnx_import *c, mite_ir_value *x, const blocked *w,
                                      const mite_ir_value *bias) {
    uint8_t *q = malloc(w->n * w->k), *zeros = malloc(w->n * w->blocks);
    mite_ir_value *y = NULL;
    if (!q || !zeros) {
        mite_ir_fail(c->g, MITE_ERR_MEMORY, "no memory for its weights");
    } else {
        for (size_t i = 0; i < w->n * w->k; i++) q[i] = number_at(w, i / w->k, i % w->k);
        for (size_t i = 0; i < w->n * w->blocks; i++)
            zeros[i] = zero_at(w, i / w->blocks, i % w->blocks);
        mite_compact compact = {.columns = w->n,
                                .depth = w->k,
                                .bits = w->bits == 8 ? 8 : 4,
                                .group = w->block < w->k ? w->block : w->k,
                                .q = q,
                                .scales = w->scale->data,
                                .zeros = zeros};
        y = mite_ir_emit_compact(c->g, onnx_name(c), x, &compact, bias, NULL, -INFINITY, INFINITY);
    }
    free(q);
    free(zeros);
    return y;
}

void onnx_mat_mul_n_bits(onnx_import *c) {
    blocked w;
    mite_ir_value *x = onnx_in(c, 0), *bias = onnx_optional(c, 5), *y;
    if (!x || !read_blocked(c, &w)) return;
    bool whole = x->dtype == MITE_F32 && !w.order && !(w.zero && w.zero->dtype == MITE_F32);
    bool row = bias && mite_ir_is_constant(bias) && bias->dtype == MITE_F32 &&
               mite_ir_elements(bias) == w.n;
    if (whole) {
        y = compact_product(c, x, &w, row ? bias : NULL);
        if (row) bias = NULL;
    } else {
        y = onnx_emit_dense(c, x, real_weights(c, &w), true, NULL);
    }
    onnx_set(c, 0, bias ? onnx_emit_add(c, y, bias) : y);
    onnx_let_go(c, 1);
}
