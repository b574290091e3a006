// SPDX-License-Identifier: Apache-2.0
// Weights that the source has quantized stay so where activations are f32: constants that were 4 or 8
// bits wide and would be 32 (value->origin). Tables that rows are looked up in are read as integers,
// and what was looked up becomes real.
//
//   y = dense(x, w, b)   ->   y = dense_compact(x, q, scales, zeros, b)
//   y = gather(w, i)     ->   y = mul(cast(gather(q, i)), gather(scales, i))
//
// Last of all, when no pass wants the numbers any more.
#include "passes/passes.h"

#include "compact.h"

#include <stdlib.h>
#include <string.h>

#define LEAST 4096 // numbers; less are not worth the work

static mite_ir_value *quantized(const mite_ir_value *v) {
    mite_ir_value *q = v && v->data && v->dtype == MITE_F32 ? v->origin : NULL;
    if (!q || !q->data || !(q->quant_count || q->block_scales) || mite_ir_elements(q) < LEAST ||
        (q->dtype != MITE_I8 && q->dtype != MITE_U8))
        return NULL;
    return q;
}

// --- Products -----------------------------------------------------------------------------------

// Numbers and zero points in as few bits as hold all of them.
static void narrow(mite_compact *w, uint8_t *q, size_t count, uint8_t *zeros, size_t zero_count) {
    uint8_t low = 255, high = 0;
    for (size_t i = 0; i < count + zero_count; i++) {
        uint8_t n = i < count ? q[i] : zeros[i - count];
        low = n < low ? n : low;
        high = n > high ? n : high;
    }
    w->bits = high - low < 16 ? 4 : 8;
    if (w->bits == 8) return;
    for (size_t i = 0; i < count; i++) q[i] = (uint8_t)(q[i] - low);
    for (size_t i = 0; i < zero_count; i++) zeros[i] = (uint8_t)(zeros[i] - low);
}

// Bytes as unsigned ones, whose zero points are higher by 128 where they were signed.
static void unsign(uint8_t *out, const mite_ir_value *from) {
    for (size_t i = 0; i < from->bytes; i++)
        out[i] = (uint8_t)(((const uint8_t *)from->data)[i] ^ (from->dtype == MITE_I8 ? 0x80 : 0));
}

// Scales and zero points [columns, groups]; false where a zero point is no byte.
static bool lay_out(const mite_compact *w, float *scales, uint8_t *zeros, const mite_ir_value *q) {
    int32_t offset = q->dtype == MITE_I8 ? 128 : 0;
    if (q->block_scales) {
        memcpy(scales, q->block_scales->data, q->block_scales->bytes);
        memset(zeros, offset, q->block_scales->bytes / sizeof *scales);
        if (q->block_zeros) unsign(zeros, q->block_zeros);
        return true;
    }
    for (size_t n = 0; n < w->columns; n++) {
        int32_t zero = q->zero_points[q->quant_count > 1 ? n : 0] + offset;
        if (zero < 0 || zero > 255) return false;
        zeros[n] = (uint8_t)zero;
        scales[n] = q->scales[q->quant_count > 1 ? n : 0];
    }
    return true;
}

// [N,1,1,K] whose scales are those of rows, or of blocks along them.
static bool suits_columns(const mite_ir_value *q) {
    if (!q->block_scales) return q->quant_count == 1 || q->axis == 0;
    const mite_ir_value *s = q->block_scales, *z = q->block_zeros;
    int32_t groups = (q->shape[3] + q->block - 1) / q->block;
    return s->data && s->shape[0] == q->shape[0] && s->shape[3] == groups &&
           (q->block % 2 == 0 || groups == 1) &&
           (!z || (z->data && z->dtype == q->dtype && mite_ir_elements(z) == mite_ir_elements(s)));
}

static bool visit_dense(mite_ir_graph *g, mite_ir_node *node) {
    const mite_ir_value *q = quantized(node->inputs[MITE_IN_WEIGHTS]);
    const mite_ir_value *bias = mite_ir_input_of(node, MITE_IN_BIAS);
    if (!q || node->inputs[MITE_IN_X]->dtype != MITE_F32 || node->output->dtype != MITE_F32 ||
        !mite_ir_is_constant(bias) || !suits_columns(q))
        return false;
    mite_compact w = {.columns = (size_t)q->shape[0], .depth = q->bytes / (size_t)q->shape[0]};
    w.group = q->block_scales && (size_t)q->block < w.depth ? (size_t)q->block : w.depth;
    size_t count = w.columns * ((w.depth + w.group - 1) / w.group);
    if (mite_ir_elements(bias) != w.columns) return false;
    uint8_t *numbers = malloc(q->bytes), *zeros = malloc(count);
    float *scales = malloc(count * sizeof *scales);
    mite_ir_value *y = NULL;
    if (!numbers || !zeros || !scales) {
        mite_ir_fail(g, MITE_ERR_MEMORY, "no memory for the weights of %q", node->name);
    } else if (lay_out(&w, scales, zeros, q)) {
        unsign(numbers, q);
        narrow(&w, numbers, q->bytes, zeros, count);
        w.q = numbers;
        w.scales = scales;
        w.zeros = zeros;
        y = mite_ir_emit_compact(g, node->name, node->inputs[MITE_IN_X], &w, bias,
                                 mite_ir_input_of(node, MITE_IN_RESIDUAL),
                                 mite_ir_float(node, "clamp_lo"), mite_ir_float(node, "clamp_hi"));
    }
    free(numbers);
    free(zeros);
    free(scales);
    if (!y) return false;
    mite_ir_absorb(y->producer, node);
    return true;
}

// --- Tables -------------------------------------------------------------------------------------

static mite_ir_value *gather(mite_ir_graph *g, const mite_ir_node *like, mite_ir_value *table) {
    return MITE_IR_EMIT(g, .op = "gather", .name = like->name, .inputs = {table, like->inputs[1]},
                        .copy_attrs = like, .dtype = table ? table->dtype : MITE_F32);
}

// Scales, or zero points as f32, as a table of the rank of q.
static mite_ir_value *table_of(mite_ir_graph *g, const mite_ir_value *q, bool zeros) {
    int32_t shape[MITE_MAX_RANK];
    for (int32_t i = 0; i < q->rank; i++)
        shape[i] = q->quant_count > 1 && i == q->axis ? q->shape[i] : 1;
    mite_ir_value *v = mite_ir_constant(g, q->name, MITE_F32, (size_t)q->rank, shape);
    for (size_t i = 0; v && i < q->quant_count; i++)
        ((float *)v->data)[i] = zeros ? (float)q->zero_points[i] : q->scales[i];
    return v;
}

// What belongs to the rows looked up: looked up as well where it differs from row to row; else under
// the shape that stretches over the result.
static mite_ir_value *beside(mite_ir_graph *g, const mite_ir_node *node, const mite_ir_value *q,
                             int32_t axis, bool zeros) {
    mite_ir_value *table = table_of(g, q, zeros);
    int32_t shape[MITE_MAX_RANK];
    size_t rank = 0;
    if (!table || (q->quant_count > 1 && q->axis == axis)) return gather(g, node, table);
    for (int32_t i = axis + 1; i < q->rank; i++) // behind the indices
        shape[rank++] = table->shape[i];
    return mite_ir_reshaped(g, table, rank, shape);
}

static bool visit_gather(mite_ir_graph *g, mite_ir_node *node) {
    mite_ir_value *q = quantized(node->inputs[0]);
    int32_t axis = mite_ir_int(node, "axis");
    bool shifted = false;
    if (!q || q->block_scales ||
        (q->quant_count > 1 && q->axis < (axis < 0 ? axis + q->rank : axis)))
        return false;
    if (axis < 0) axis += q->rank;
    for (size_t i = 0; i < q->quant_count; i++) shifted = shifted || q->zero_points[i];
    mite_ir_value *y = gather(g, node, q);
    y = y ? MITE_IR_EMIT(g, .op = "cast", .name = node->name, .inputs = {y}, .dtype = MITE_F32)
          : NULL;
    if (y && shifted)
        y = MITE_IR_EMIT(g, .op = "sub", .name = node->name,
                         .inputs = {y, beside(g, node, q, axis, true)});
    mite_ir_value *scales = y ? beside(g, node, q, axis, false) : NULL;
    if (!scales) return false;
    y = MITE_IR_EMIT(g, .op = "mul", .name = node->name, .inputs = {y, scales});
    if (!y) return false;
    mite_ir_absorb(y->producer, node);
    return true;
}

static bool visit(mite_ir_graph *g, mite_ir_node *node, void *context) {
    (void)context;
    if (mite_ir_is(node, "dense")) return visit_dense(g, node);
    return mite_ir_is(node, "gather") && visit_gather(g, node);
}

bool mite_pass_keep_quantized(mite_ir_graph *g) { return mite_ir_rewrite(g, visit, NULL); }
