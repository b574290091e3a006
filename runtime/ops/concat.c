// SPDX-License-Identifier: Apache-2.0
// concat: its inputs one after another along one axis. Quantized inputs with another scale than
// the output's are brought to it by a table.
#include "common.h"
#include "walk.h"

static const mite_attr attrs[] = {{"axis", 'i', 1, 0}};

static mite_status infer(mite_step *s) {
    const mite_view *first = s->inputs[0], *out = s->outputs[0];
    size_t axis;
    mite_status status = first ? mite_step_axis(s, 0, first->rank, &axis) : MITE_OK;
    if (status) return status;
    int64_t sum = 0;
    for (uint32_t k = 0; k < s->node->input_count; k++) {
        const mite_view *x = s->inputs[k];
        if (!x || x->rank != first->rank)
            return mite_step_fail(s, MITE_ERR_FORMAT, "input %u is missing or of another rank", k);
        if (x->dtype != out->dtype)
            return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "input %u is %s, the output %s", k,
                                  mite_dtype_name(x->dtype), mite_dtype_name(out->dtype));
        if (!mite_same_quantization(x, out)) {
            if (x->dtype != MITE_U8)
                return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "input %u has another scale", k);
            status = mite_step_need_real(s);
            if (status) return status;
        }
        for (size_t i = 0; i < (size_t)x->rank; i++) {
            if (i != axis && x->shape[i] != first->shape[i])
                return mite_step_fail(s, MITE_ERR_FORMAT, "shapes %T and %T differ outside axis %z",
                                      (size_t)x->rank, x->shape, (size_t)x->rank, first->shape,
                                      axis);
        }
        sum += x->shape[axis];
    }
    if (sum > INT32_MAX) return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "the result is too large");
    int32_t shape[MITE_MAX_RANK];
    memcpy(shape, first->shape, sizeof shape);
    shape[axis] = (int32_t)sum;
    return mite_step_set_shape(s, 0, (size_t)first->rank, shape);
}

static mite_status prepare(mite_step *s) {
    s->max_parts = s->node->input_count;
    return MITE_OK;
}

static void requantize(const mite_step *s, mite_walk w, const mite_view *x, uint8_t *to) {
    uint8_t table[256];
    mite_table_fill(table, s, x, s->outputs[0], NULL);
    mite_walk_contiguous(&w, 2);
    for (size_t i = 0; i < w.runs; i++) {
        uint8_t *out = to + mite_walk_offset(&w, 0, i, 0);
        const uint8_t *in = (const uint8_t *)x->data + mite_walk_offset(&w, 1, i, 0);
        s->kernels->lookup_u8(out, in, w.length, table);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *out = s->outputs[0];
    size_t axis, first, last, item = mite_dtype_bytes(out->dtype);
    ptrdiff_t strides[MITE_MAX_RANK], at = 0;
    (void)scratch;
    int32_t value = mite_attr_int(s, 0); // checked by infer
    axis = (size_t)(value < 0 ? value + out->rank : value);
    mite_view_strides(strides, out);
    mite_part_range(s->node->input_count, 1, part, part_count, &first, &last);
    for (size_t k = 0; k < last; k++) {
        const mite_view *x = s->inputs[k];
        char *to = (char *)out->data + at * (ptrdiff_t)item;
        at += x->shape[axis] * strides[axis];
        if (k < first || !x->elements) continue;
        mite_walk w;
        mite_view_strides(w.strides[1], x);
        memcpy(w.strides[0], strides, sizeof strides);
        mite_walk_merge(&w, 2, (size_t)x->rank, x->shape);
        if (mite_same_quantization(x, out)) mite_walk_copy(&w, to, x->data, item, 0, w.runs);
        else requantize(s, w, x, (uint8_t *)to);
    }
    return MITE_OK;
}

const mite_op mite_op_concat = {
    .name = "concat",
    .attrs = attrs,
    .attr_count = 1,
    .min_inputs = 1,
    .max_inputs = 255,
    .output_count = 1,
    .reads_halo = true,
    .writes_halo = true,
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
