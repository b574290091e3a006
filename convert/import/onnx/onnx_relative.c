// SPDX-License-Identifier: Apache-2.0
// What com.microsoft adds to the scores of attention for the distance of query and key.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <math.h>

// --- RelativePositionBias: T5's ---------------------------------------------------------------------

static mite_ir_value *whole(onnx_import *c, int64_t number) {
    return onnx_scalar(c, MITE_I64, (double)number);
}

// Positions up to the number in input `k`, with ones put in at `axis`.
static mite_ir_value *positions(onnx_import *c, size_t k, int64_t axis) {
    mite_ir_value *all = onnx_emit_count(c, onnx_emit_cast(c, onnx_in(c, k), MITE_I64));
    return onnx_emit_unsqueeze(c, all, onnx_integers(c, &axis, 1));
}

// Buckets of distances: half of them one each, the others by logarithm up to `most`.
static mite_ir_value *bucket_of(onnx_import *c, mite_ir_value *distance, int64_t buckets,
                                int64_t most) {
    int64_t exact = buckets / 2;
    mite_ir_value *far = onnx_emit_general_binary(c, MITE_BINARY_MAX, distance, whole(c, exact));
    far = onnx_scaled(c, onnx_emit_cast(c, far, MITE_F32), 1 / (double)exact);
    far = far ? onnx_emit_unary(c, MITE_UNARY_LOG, far, 0, 0) : NULL;
    far = onnx_emit_div(c, far, onnx_scalar(c, MITE_F32, log((double)most / (double)exact)));
    far = onnx_emit_cast(c, onnx_scaled(c, far, (double)(buckets - exact)), MITE_I64);
    far = onnx_emit_general_binary(c, MITE_BINARY_ADD, far, whole(c, exact));
    far = onnx_emit_general_binary(c, MITE_BINARY_MIN, far, whole(c, buckets - 1));
    mite_ir_value *near = onnx_emit_general_binary(c, MITE_BINARY_LESS, distance, whole(c, exact));
    return onnx_emit_where(c, near, distance, far);
}

void onnx_relative_position_bias(onnx_import *c) {
    // table, query length, key length
    mite_ir_value *table = onnx_in(c, 0);
    int64_t most = onnx_int(c, "max_distance", 128);
    bool both = onnx_int(c, "is_bidirectional", 0) != 0;
    if (!table || table->unknown || table->open || table->rank != 2 || table->shape[0] < 4 ||
        most <= table->shape[0] / 2) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its table has no known shape, or its max_distance is %D", most);
        return;
    }
    int64_t buckets = both ? table->shape[0] / 2 : table->shape[0];
    mite_ir_value *queries = positions(c, 1, 1), *keys = positions(c, 2, 0);
    mite_ir_value *ahead = onnx_emit_general_binary(c, MITE_BINARY_SUB, keys, queries);
    mite_ir_value *distance = ahead ? onnx_emit_unary(c, MITE_UNARY_NEG, ahead, 0, 0) : NULL;
    if (distance && both) distance = onnx_emit_unary(c, MITE_UNARY_ABS, ahead, 0, 0);
    else distance = onnx_emit_general_binary(c, MITE_BINARY_MAX, distance, whole(c, 0));
    mite_ir_value *bucket = bucket_of(c, distance, buckets, most);
    if (both) { // those of keys behind the query follow
        ahead = onnx_emit_general_binary(c, MITE_BINARY_LESS, whole(c, 0), ahead);
        ahead = onnx_scaled(c, onnx_emit_cast(c, ahead, MITE_I64), (double)buckets);
        bucket = onnx_emit_general_binary(c, MITE_BINARY_ADD, bucket, ahead);
    }
    // It lies head by head, whatever its shape says.
    int64_t shape[] = {table->shape[1], table->shape[0]};
    table = onnx_reshape_to(c, table, onnx_integers(c, shape, 2), false);
    mite_ir_value *y = onnx_emit_gather(c, table, bucket, 1);
    onnx_set(c, 0, onnx_emit_unsqueeze(c, y, onnx_integers(c, (int64_t[]){0}, 1)));
}

// --- GatedRelativePositionBias: WavLM's ----------------------------------------------------------------

// Number `i` of the last dimension, which stays.
static mite_ir_value *gate(onnx_import *c, mite_ir_value *v, int64_t i) {
    int64_t end = i + 1;
    return onnx_emit_slice(c, v, onnx_integers(c, &i, 1), onnx_integers(c, &end, 1), -1);
}

void onnx_gated_relative_position_bias(onnx_import *c) {
    // query, its bias, the positions' scores, weights and bias of the gates, a factor for each head
    mite_ir_value *x = onnx_emit_add(c, onnx_in(c, 0), onnx_in(c, 1)), *w = onnx_in(c, 3);
    int64_t heads = onnx_int(c, "num_heads", 0);
    if (!x || !w || w->unknown || w->rank != 2 || w->shape[1] % 2 || onnx_has_input(c, 6)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "weights of its gates that are no matrix, and token_offset are not supported");
        return;
    }
    x = onnx_reshape_to(c, x, onnx_integers(c, (int64_t[]){0, 0, heads, w->shape[0]}, 4), false);
    x = onnx_transposed(c, x, 4, (const int32_t[]){0, 2, 1, 3});
    x = onnx_emit_add(c, onnx_emit_mat_mul(c, x, w), onnx_in(c, 4));
    x = onnx_reshape_to(c, x, onnx_integers(c, (int64_t[]){0, 0, -1, 2, w->shape[1] / 2}, 5),
                        false);
    if (!x) return;
    x = onnx_emit_reduce(c, MITE_REDUCE_SUM, x, onnx_integers(c, (int64_t[]){-1}, 1), false, false);
    x = x ? onnx_emit_unary(c, MITE_UNARY_SIGMOID, x, 0, 0) : NULL;
    mite_ir_value *inner = onnx_shifted(c, onnx_emit_mul(c, gate(c, x, 1), onnx_in(c, 5)), -1);
    mite_ir_value *share = onnx_shifted(c, onnx_emit_mul(c, gate(c, x, 0), inner), 2);
    onnx_set(c, 0, onnx_emit_mul(c, share, onnx_in(c, 2)));
}
