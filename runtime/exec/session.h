// SPDX-License-Identifier: Apache-2.0
// Inside of a session, for the rooms above the public API: the converter folds constants and
// calibrates through these.
#ifndef MITE_EXEC_SESSION_H
#define MITE_EXEC_SESSION_H

#include "../ops/op.h"

// Like mite_session_new for a graph in memory, which must outlive the session. Constants need
// no alignment beyond their type's here, and values that nodes compute may leave their shape to
// be inferred (rank -1).
mite_status mite_session_new_graph(mite_session **out, const mite_graph *graph,
                                   const mite_session_options *options);
// The same with a table of the caller's in place of the kernels that options->isa chooses; copied.
mite_status mite_session_new_kernels(mite_session **out, const mite_graph *graph,
                                     const mite_session_options *options,
                                     const mite_kernels *kernels);

// Called after every node, before a later one may overwrite its outputs.
typedef void mite_observer(void *context, const mite_step *step);
void mite_session_observe(mite_session *s, mite_observer *observer, void *context);

// Step `index` in running order; lent.
const mite_step *mite_session_step(const mite_session *s, size_t index);

// The lower bound of arena_bytes: the largest sum of memory alive at one step.
size_t mite_session_least_bytes(const mite_session *s);

// What its steps keep beside the arena, such as weights in another form.
size_t mite_session_owned_bytes(const mite_session *s);

// The graph of a model that is ready, or NULL; lent.
const mite_graph *mite_model_graph(const mite_model *m);

// The threads of the session (exec/threads.h); lent.
struct mite_pool;
struct mite_pool *mite_session_pool(const mite_session *s);

// The mite_isa whose kernels the session runs.
int32_t mite_session_isa(const mite_session *s);

#endif
