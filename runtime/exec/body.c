// SPDX-License-Identifier: Apache-2.0
// Bodies of control flow: each runs in a session of its own, on its caller's thread, with its inputs
// where the step that runs it has them.
#include "session_state.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ITERATIONS 262144u // where the options say nothing

struct mite_body {
    mite_session *session;
    mite_session *owner; // whose step opened it
    mite_body *next; // of the owner
};

static void close_body(mite_body *body) {
    if (!body) return;
    mite_body **at = &body->owner->bodies;
    while (*at != body) at = &(*at)->next;
    *at = body->next;
    mite_session_free(body->session);
    free(body);
}

static mite_status open_body(mite_step *s, size_t index, mite_body **out) {
    mite_session *owner = s->host_context;
    mite_body *body = *out = calloc(1, sizeof *body);
    if (!body) return mite_step_fail(s, MITE_ERR_MEMORY, "not enough memory for its body");
    body->owner = owner;
    body->next = owner->bodies;
    owner->bodies = body;
    mite_status status = mite_session_new_body(&body->session, owner, &s->bodies[index]);
    if (!status) return MITE_OK;
    mite_step_fail(s, status, "%s", mite_session_error(body->session));
    close_body(body);
    *out = NULL;
    return status;
}

// Counts one more run of a body in the run of the whole model.
static mite_status spend(mite_step *s, mite_session *outermost) {
    while (outermost->around) outermost = outermost->around;
    uint32_t most = outermost->options.max_iterations;
    if (!most) most = MAX_ITERATIONS;
    if (outermost->iterations++ < most) return MITE_OK;
    return mite_step_fail(s, MITE_ERR_UNSUPPORTED,
                          "the loops of this model went round %u times in one run, which is the "
                          "limit; raise max_iterations if they should",
                          most);
}

// Takes over place and shape of an input; *same becomes false where they have changed.
static mite_status bind(mite_step *s, mite_session *inner, size_t index, const mite_view *from,
                        bool *same) {
    mite_view *view = &inner->views[inner->graph->inputs[index]];
    if (!from) return mite_step_fail(s, MITE_ERR_FORMAT, "input %z of its body is missing", index);
    if (from->dtype != view->dtype || from->scale != view->scale ||
        from->zero_point != view->zero_point)
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "input %z of its body, %q, has another type than the value for it",
                              index, view->value->name);
    if (view->data == from->data && view->rank == from->rank &&
        (!view->rank ||
         !memcmp(view->shape, from->shape, (size_t)view->rank * sizeof *view->shape)))
        return MITE_OK;
    *same = false;
    if (mite_session_set_input(inner, index, (size_t)from->rank, from->shape))
        return mite_step_fail(s, MITE_ERR_FORMAT, "%s", mite_session_error(inner));
    view->data = from->data;
    return MITE_OK;
}

static mite_status run_body(mite_step *s, mite_body *body, mite_view *const *inputs) {
    mite_session *inner = body->session;
    bool same = inner->is_planned;
    inner->error = (mite_error){0};
    if (spend(s, body->owner)) return s->error->status;
    for (size_t i = 0; i < inner->graph->input_count; i++)
        if (bind(s, inner, i, inputs[i], &same)) return s->error->status;
    mite_status status = MITE_OK;
    if (!same) {
        mite_session_unarrange(inner, 0);
        status = mite_session_arrange(inner, 0);
        inner->is_planned = status == MITE_OK;
    }
    if (!status) status = mite_run(inner);
    if (!status) return MITE_OK;
    return mite_step_fail(s, status, "%s", mite_session_error(inner));
}

static const mite_view *body_output(const mite_body *body, size_t index) {
    const mite_session *inner = body->session;
    return &inner->views[inner->graph->outputs[index]];
}

static uint64_t body_macs(const mite_body *body) {
    uint64_t macs = 0;
    for (size_t i = 0; i < body->session->graph->node_count; i++)
        macs += body->session->steps[i].macs;
    return macs;
}

const mite_body_host mite_session_body_host = {open_body, run_body, body_output, body_macs,
                                               close_body};

size_t mite_session_bodies_bytes(const mite_session *s) {
    size_t bytes = 0;
    for (const mite_body *body = s->bodies; body; body = body->next)
        bytes += sizeof *body + mite_session_bytes(body->session);
    return bytes;
}
