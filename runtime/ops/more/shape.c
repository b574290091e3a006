// SPDX-License-Identifier: Apache-2.0
// shape: the dimensions of its input from `start` up to `end` as a vector of i64. It needs no
// elements, so that the session knows its result as soon as the input's shape is known.
#include "../common.h"

enum { START, END }; // attribute words

static const mite_attr attrs[] = {
    [START] = {"start", 'i', 1, 0}, // both count from the end where negative
    [END] = {"end", 'i', 1, INT32_MAX},
};

// ONNX clamps both to the rank.
static int32_t clamp_to(int32_t at, int32_t rank) {
    if (at < 0) at += at < -rank ? -at : rank;
    return at > rank ? rank : at;
}

static mite_status infer(mite_step *s) {
    int32_t rank = s->inputs[0]->rank;
    int32_t start = clamp_to(mite_attr_int(s, START), rank);
    int32_t end = clamp_to(mite_attr_int(s, END), rank);
    int32_t count = end > start ? end - start : 0;
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], MITE_I64);
    return status ? status : mite_step_set_shape(s, 0, 1, &count);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    (void)part, (void)part_count, (void)scratch;
    const mite_view *x = s->inputs[0];
    int32_t start = clamp_to(mite_attr_int(s, START), x->rank);
    int64_t *out = s->outputs[0]->data;
    for (size_t i = 0; i < s->outputs[0]->elements; i++) out[i] = x->shape[(size_t)start + i];
    return MITE_OK;
}

const mite_op mite_op_shape = {
    .name = "shape",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .needs_only_shapes = true,
    .reads_halo = true,
    .infer = infer,
    .run = run,
};
