// SPDX-License-Identifier: Apache-2.0
// A session from inside exec/.
#ifndef MITE_EXEC_SESSION_STATE_H
#define MITE_EXEC_SESSION_STATE_H

#include "session.h"
#include "threads.h"

struct mite_session {
    const mite_graph *graph;
    mite_session_options options;
    mite_kernels kernels;
    mite_pool *pool;
    mite_error error;
    bool is_ready; // made whole; a session that is not can only be asked why, and freed

    // One block (`tables`), filled once: views (a value each), steps (a node each), the steps'
    // edge lists and states, and the lent ports.
    void *tables;
    size_t table_bytes;
    mite_view *views;
    mite_step *steps;
    void **scratch;    // of each step, for slot 0; slots lie scratch_bytes apart
    uint64_t *time_ns; // of each step, last run
    mite_tensor *ports; // inputs, then outputs

    void *arena_block; // owned; `arena` is its 64-byte aligned beginning
    uint8_t *arena;
    size_t arena_bytes, least_bytes;

    size_t next_step; // where mite_run_step continues
    mite_observer *observer;
    void *observer_context;
};

#endif
