// SPDX-License-Identifier: Apache-2.0
// pad: the input with `before` and `after` elements of one value around it in each dimension.
#include "common.h"
#include "walk.h"

enum { BEFORE, AFTER = BEFORE + MITE_MAX_RANK, VALUE = AFTER + MITE_MAX_RANK }; // words

static const mite_attr attrs[] = {
    {"before", 'i', MITE_MAX_RANK, 0},
    {"after", 'i', MITE_MAX_RANK, 0},
    {"value", 'f', 1, 0}, // a real number, also where the values are quantized
};

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0];
    int32_t shape[MITE_MAX_RANK] = {0};
    mite_status status = mite_step_need_real(s);
    if (status) return status;
    if (x->dtype == MITE_U8 && !mite_same_quantization(x, s->outputs[0]))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "x and the output differ in scale");
    for (size_t i = 0; i < (size_t)x->rank; i++) {
        int32_t before = mite_attr_int(s, BEFORE + i), after = mite_attr_int(s, AFTER + i);
        int64_t dim = (int64_t)x->shape[i] + before + after;
        if (before < 0 || after < 0 || dim > INT32_MAX)
            return mite_step_fail(s, MITE_ERR_UNSUPPORTED,
                                  "dimension %z cannot be padded by %d before and %d after", i,
                                  before, after);
        shape[i] = (int32_t)dim;
    }
    return mite_step_set_shape(s, 0, (size_t)x->rank, shape);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    float value = mite_attr_float(s, VALUE);
    (void)part, (void)part_count, (void)scratch;
    if (out->dtype == MITE_U8)
        memset(out->data, mite_quantize_u8(value, out->scale, out->zero_point), out->elements);
    else
        for (size_t i = 0; i < out->elements; i++) ((float *)out->data)[i] = value;
    mite_walk w;
    ptrdiff_t inside = 0;
    mite_view_strides(w.strides[0], out);
    mite_view_strides(w.strides[1], x);
    for (size_t i = 0; i < (size_t)x->rank; i++)
        inside += mite_attr_int(s, BEFORE + i) * w.strides[0][i];
    mite_walk_merge(&w, 2, (size_t)x->rank, x->shape);
    if (!x->elements) return MITE_OK;
    size_t item = mite_dtype_bytes(out->dtype);
    mite_walk_copy(&w, (char *)out->data + inside * (ptrdiff_t)item, x->data, item, 0, w.runs);
    return MITE_OK;
}

const mite_op mite_op_pad = {
    .name = "pad",
    .attrs = attrs,
    .attr_count = 3,
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer,
    .run = run,
};
