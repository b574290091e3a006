// SPDX-License-Identifier: Apache-2.0
// A session from inside exec/.
#ifndef MITE_EXEC_SESSION_STATE_H
#define MITE_EXEC_SESSION_STATE_H

#include "session.h"
#include "threads.h"

// Steps [first, end) whose shapes were known together: planned at once, in one arena. A model whose
// shapes follow from those of its inputs has one segment.
typedef struct mite_segment {
    size_t first, end;
    void *block; // owned
    uint8_t *arena; // its first 64-byte aligned byte
    size_t arena_bytes, least_bytes;
} mite_segment;

struct mite_session {
    const mite_graph *graph;
    mite_session_options options;
    mite_kernels kernels;
    mite_pool *pool;
    mite_error error;
    bool is_ready; // made whole; a session that is not can only be asked why, and freed
    bool is_planned; // for the inputs' shapes as they are

    // One block (`tables`), filled once: views (a value each), steps (a node each), the steps'
    // edge lists and states, and the lent ports.
    void *tables;
    size_t table_bytes;
    mite_view *views;
    mite_step *steps;
    void **scratch; // of each step, for slot 0; slots lie scratch_bytes apart
    uint64_t *time_ns; // of each step, last run
    uint8_t *idle; // owned: see mite_session_want; NULL while all outputs are wanted (wants.c)
    mite_tensor *ports; // inputs, then outputs
    mite_segment *segments; // room for one a step, and one
    size_t segment_count;
    struct mite_settled *settled; // owned: the results of steps that ran while being inferred
    size_t settled_bytes;
    size_t owned_bytes; // of all steps' states, beside the arena

    const mite_graph *model; // the whole model's graph: `graph` itself, or what has it as a body
    // Of a body's session: the one around it. Its inputs lie where the node that runs it has them.
    mite_session *around;
    mite_body *bodies; // all that steps of this session have open (body.c)
    uint32_t iterations; // bodies run in this run; of the outermost session

    size_t next_step; // where mite_run_step continues
    mite_observer *observer;
    void *observer_context;
};

// Points a step to its node and the views of its edges.
void mite_session_link(mite_session *s, size_t index);
// Infers the steps from `first` on as far as their numbers are known, plans and prepares them: one
// more segment, which is empty if step `first` itself has to wait (arrange.c).
mite_status mite_session_arrange(mite_session *s, size_t first);
// Drops the segments from number `segment` on, with all that was inferred in them or after them.
void mite_session_unarrange(mite_session *s, size_t segment);
// From now on the results of all steps that ran are known to later ones.
void mite_session_know(mite_session *s);
// A session of a body in the session of the graph around it; planned when it is first run.
mite_status mite_session_new_body(mite_session **out, mite_session *around, const mite_graph *body);
// Gives an input of a graph whose shapes are planned another shape, if the model's own allows it.
mite_status mite_session_set_input(mite_session *s, size_t index, size_t rank,
                                   const int32_t *shape);
// What steps run bodies by; and what the open ones of a session hold.
extern const mite_body_host mite_session_body_host;
size_t mite_session_bodies_bytes(const mite_session *s);

// Whether nobody wants what the step computes.
bool mite_session_is_idle(const mite_session *s, size_t step);

// Sets the lent ports by the views.
void mite_session_fill_ports(mite_session *s);

#endif
