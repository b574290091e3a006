// SPDX-License-Identifier: Apache-2.0
// if: one of two bodies. Inputs: the condition (one bool), then what the first body reads of the
// graph around it, then what the second one reads. Outputs: those of the body that ran.
#include "bodies.h"

enum { THEN_BODY, ELSE_BODY }; // attribute words

static const mite_attr attrs[] = {
    [THEN_BODY] = {"then_body", 'i', 1, -1},
    [ELSE_BODY] = {"else_body", 'i', 1, -1},
};

typedef struct state {
    mite_body *bodies[2], *ran;
} state;

static mite_status infer(mite_step *s) {
    state *st = s->state;
    mite_status status = mite_step_need_type(s, "condition", s->inputs[0], MITE_BOOL);
    if (!status) status = mite_bodies_ready(s);
    if (status) return status;
    if (s->inputs[0]->elements != 1)
        return mite_step_fail(s, MITE_ERR_FORMAT, "the condition has %z elements, wanted is one",
                              s->inputs[0]->elements);
    const mite_graph *bodies[2] = {&s->bodies[mite_attr_int(s, THEN_BODY)],
                                   &s->bodies[mite_attr_int(s, ELSE_BODY)]};
    if (s->node->input_count != 1 + bodies[0]->input_count + bodies[1]->input_count ||
        s->node->output_count != bodies[0]->output_count ||
        s->node->output_count != bodies[1]->output_count)
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "its bodies have other inputs or outputs than itself");
    size_t which = *(const uint8_t *)s->inputs[0]->known ? 0 : 1;
    mite_view **inputs = s->inputs + 1 + (which ? bodies[0]->input_count : 0);
    status = mite_bodies_open(s, (size_t)s->node->attrs[which], &st->bodies[which]);
    st->ran = st->bodies[which];
    if (!status) status = s->host->run(s, st->ran, inputs);
    s->macs = status ? 0 : s->host->macs(st->ran);
    for (size_t i = 0; i < s->node->output_count && !status; i++)
        status = mite_bodies_set_output(s, i, s->host->output(st->ran, i));
    return status;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    (void)part, (void)part_count, (void)scratch;
    for (size_t i = 0; i < s->node->output_count; i++)
        mite_bodies_put_output(s, i, s->host->output(st->ran, i));
    return MITE_OK;
}

static void clear(mite_step *s) {
    state *st = s->state;
    for (size_t i = 0; i < 2; i++)
        if (st->bodies[i]) s->host->close(st->bodies[i]);
    *st = (state){.ran = NULL};
}

const mite_op mite_op_if = {
    .name = "if",
    .attrs = attrs,
    .attr_count = 2,
    .body_attrs = 2,
    .min_inputs = 1,
    .max_inputs = 255,
    .output_count = 1,
    .max_outputs = 255,
    .state_bytes = sizeof(state),
    .infer = infer,
    .run = run,
    .clear = clear,
};
