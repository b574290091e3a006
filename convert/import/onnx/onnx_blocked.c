// SPDX-License-Identifier: Apache-2.0
// com.microsoft.GatherBlockQuantized and MatMulBnb4.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

mite_ir_value *onnx_halves(onnx_import *c, mite_ir_value *packed, int64_t count) {
    mite_ir_value *low =
        onnx_emit_general_binary(c, MITE_BINARY_AND, packed, onnx_scalar(c, MITE_U8, 15));
    mite_ir_value *high =
        onnx_emit_general_binary(c, MITE_BINARY_SHIFT_RIGHT, packed, onnx_scalar(c, MITE_U8, 4));
    if (!low || !high) return NULL;
    int64_t last = low->rank, zero = 0, to[MITE_MAX_RANK];
    mite_ir_value *axis = onnx_integers(c, &last, 1);
    mite_ir_value *both[] = {onnx_emit_unsqueeze(c, low, axis), onnx_emit_unsqueeze(c, high, axis)};
    if (!both[0] || !both[1]) return NULL;
    mite_ir_value *pairs =
        MITE_IR_EMIT(c->g, .op = "concat", .name = onnx_name(c), .inputs = {both[0], both[1]},
                     .attrs = {{"axis", .word = (int32_t)last}});
    for (int64_t i = 0; i < last; i++) to[i] = i + 1 < last ? 0 : -1;
    mite_ir_value *row = onnx_reshape_to(c, pairs, onnx_integers(c, to, (size_t)last), false);
    return onnx_emit_slice(c, row, onnx_integers(c, &zero, 1), onnx_integers(c, &count, 1), -1);
}

// What was looked up becomes real; the table stays as it is.
void onnx_gather_block_quantized(onnx_import *c) {
    // data, indices, scales, zero points
    int32_t type, dims[MITE_MAX_RANK];
    size_t rank, axis, along;
    mite_ir_value *table = onnx_in(c, 0), *indices = onnx_in(c, 1), *scales = onnx_in(c, 2);
    mite_ir_value *zeros = onnx_optional(c, 3);
    int64_t bits = onnx_int(c, "bits", 4), block = onnx_int(c, "block_size", 128);
    if (!table || !indices || !scales || !onnx_shape(c, 0, &type, &rank, dims)) return;
    bool packed = type == ONNX_UINT8 && bits == 4;
    if (table->unknown || scales->unknown || indices->unknown || !mite_ir_is_fixed(scales) ||
        rank < 2 || (size_t)scales->rank != rank || (bits != 4 && bits != 8) || block < 1 ||
        block > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "a table of shape %T with scales of %T, %D bits in blocks of %D is not "
                     "supported",
                     rank, dims, (size_t)scales->rank, scales->shape, bits, block);
        return;
    }
    if (!onnx_axis(c, onnx_int(c, "gather_axis", 0), rank, &axis) ||
        !onnx_axis(c, onnx_int(c, "quantize_axis", 1), rank, &along))
        return;
    if (along == axis || (packed && along + 1 != rank)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it looks up along %z what is quantized along %z", axis,
                     along);
        return;
    }
    int64_t wide = 2 * (int64_t)dims[rank - 1], blocks = scales->shape[rank - 1];
    double middle = type == ONNX_UINT8 ? (double)(1 << (bits - 1)) : 0;
    size_t at = along > axis ? along + (size_t)indices->rank - 1 : along;
    mite_ir_value *q = onnx_emit_gather(c, table, indices, (int64_t)axis);
    mite_ir_value *scale = onnx_emit_gather(c, scales, indices, (int64_t)axis);
    mite_ir_value *zero = zeros ? onnx_emit_gather(c, zeros, indices, (int64_t)axis) : NULL;
    if (packed) q = onnx_halves(c, q, wide);
    if (packed && zero) zero = onnx_halves(c, zero, blocks);
    if (!zero && scale && middle > 0)
        zero = onnx_expand_to(c, onnx_scalar(c, MITE_U8, middle), onnx_shape_of(c, scale));
    if (scale)
        onnx_set(c, 0, onnx_emit_dequantize(c, q, scale, zero, scale->dtype, (int64_t)at, block));
}

// --- MatMulBnb4 -----------------------------------------------------------------------------------

// What four bits stand for, times the largest number of a block: floats, or quantiles of the normal
// distribution (Dettmers et al., QLoRA, 2023).
static const float fours[2][16] = {
    {0, 0.005208333F, 0.6666667F, 1, 0.3333333F, 0.5F, 0.1666667F, 0.25F, -0.0F, -0.005208333F,
     -0.6666667F, -1, -0.3333333F, -0.5F, -0.1666667F, -0.25F},
    {-1, -0.6961928F, -0.52507305F, -0.3949175F, -0.28444138F, -0.18477343F, -0.091050036F, 0,
     0.0795803F, 0.1609302F, 0.2461123F, 0.33791524F, 0.44070983F, 0.562617F, 0.72295684F, 1},
};

// Products with weights [N,K], packed in the order of their rows, the first of two in the high bits.
void onnx_mat_mul_bnb4(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *q = onnx_in(c, 1), *most = onnx_in(c, 2);
    int64_t n = onnx_int(c, "N", 0), k = onnx_int(c, "K", 0), block = onnx_int(c, "block_size", 0);
    int64_t kind = onnx_int(c, "quant_type", 0);
    if (!x || !q || !most) return;
    bool fits = n > 0 && k > 0 && n <= INT32_MAX && k <= INT32_MAX && n * k <= INT32_MAX &&
                block > 0 && (kind == 0 || kind == 1) && mite_ir_is_constant(q) &&
                q->dtype == MITE_U8 && mite_ir_is_constant(most) && most->dtype == MITE_F32 &&
                mite_ir_elements(q) == (size_t)(n * k + 1) / 2 &&
                mite_ir_elements(most) == (size_t)((n * k - 1) / block + 1);
    if (!fits) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "weights [%D,%D] in blocks of %D, of type %D, do not fit or are no constants",
                     n, k, block, kind);
        return;
    }
    mite_ir_value *w =
        mite_ir_constant(c->g, q->name, MITE_F32, 2, (const int32_t[]){(int32_t)n, (int32_t)k});
    for (size_t i = 0; w && i < mite_ir_elements(w); i++) {
        uint8_t pair = ((const uint8_t *)q->data)[i / 2];
        ((float *)w->data)[i] = fours[kind][i % 2 ? pair & 15 : pair >> 4] *
                                ((const float *)most->data)[i / (size_t)block];
    }
    onnx_set(c, 0, onnx_emit_dense(c, x, w, onnx_int(c, "transB", 1) != 0, NULL));
    onnx_let_go(c, 1);
}
