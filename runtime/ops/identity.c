// SPDX-License-Identifier: Apache-2.0
// identity: its input under another name, of any type; no work where both can share memory.
#include "common.h"

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0];
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    return status ? status : mite_step_same_shape(s);
}

static mite_status plan(mite_step *s) {
    s->alias = true;
    return MITE_OK;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    (void)part, (void)part_count, (void)scratch;
    const mite_view *x = s->inputs[0];
    if (x->elements) memcpy(s->outputs[0]->data, x->data, x->elements * mite_dtype_bytes(x->dtype));
    return MITE_OK;
}

const mite_op mite_op_identity = {
    .name = "identity",
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer,
    .plan = plan,
    .run = run,
};
