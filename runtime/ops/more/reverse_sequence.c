// SPDX-License-Identifier: Apache-2.0
// reverse_sequence: in each batch the first `length` steps of time run backwards (ONNX
// ReverseSequence, TFLite REVERSE_SEQUENCE). Inputs: x of any type, a length for each batch.
#include "index.h"

enum { BATCH_AXIS, TIME_AXIS }; // attribute words

static const mite_attr attrs[] = {
    [BATCH_AXIS] = {"batch_axis", 'i', 1, 1},
    [TIME_AXIS] = {"time_axis", 'i', 1, 0},
};

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0], *lengths = s->inputs[1];
    size_t batch = 0, time = 0;
    mite_status status = mite_need_indices(s, "lengths", lengths);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status) status = mite_step_axis(s, BATCH_AXIS, x->rank, &batch);
    if (!status) status = mite_step_axis(s, TIME_AXIS, x->rank, &time);
    if (status) return status;
    if (batch == time || lengths->rank != 1 || lengths->shape[0] != x->shape[batch])
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "lengths of shape %T do not fit x of shape %T with batch axis %z and "
                              "time axis %z",
                              (size_t)lengths->rank, lengths->shape, (size_t)x->rank, x->shape,
                              batch, time);
    return mite_step_same_shape(s);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *lengths = s->inputs[1];
    (void)part, (void)part_count, (void)scratch;
    size_t rank = (size_t)x->rank, item = mite_dtype_bytes(x->dtype), strides[MITE_MAX_RANK];
    int32_t batch = mite_attr_int(s, BATCH_AXIS), time = mite_attr_int(s, TIME_AXIS);
    size_t b = (size_t)(batch < 0 ? batch + x->rank : batch);
    size_t t = (size_t)(time < 0 ? time + x->rank : time);
    int32_t place[MITE_MAX_RANK] = {0};
    for (size_t i = 0; i < rank; i++) strides[i] = mite_extent(x, i + 1, rank);
    for (size_t k = 0; k < x->elements; k++) {
        int64_t length;
        mite_load_integers(&length,
                           (const char *)lengths->data +
                               (size_t)place[b] * mite_dtype_bytes(lengths->dtype),
                           lengths->dtype, 1, 1);
        if (length < 0 || length > x->shape[t])
            return mite_step_fail(s, MITE_ERR_FORMAT, "length %D is outside 0 to %d", length,
                                  x->shape[t]);
        size_t from = k;
        if (place[t] < length)
            from = k - (size_t)place[t] * strides[t] + (size_t)(length - 1 - place[t]) * strides[t];
        memcpy((char *)s->outputs[0]->data + k * item, (const char *)x->data + from * item, item);
        mite_next_place(place, x);
    }
    return MITE_OK;
}

const mite_op mite_op_reverse_sequence = {
    .name = "reverse_sequence",
    .attrs = attrs,
    .attr_count = 2,
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .infer = infer,
    .run = run,
};
