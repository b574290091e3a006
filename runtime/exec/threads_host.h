// SPDX-License-Identifier: Apache-2.0
// What the pool needs of its host. Natively threads are started and slept by pthreads
// (threads_native.c); in WebAssembly JavaScript starts a worker on the same memory, which enters
// mite_pool_help on a stack of its own, and sleep is the atomic wait instruction (threads_wasm.c).
#ifndef MITE_EXEC_THREADS_HOST_H
#define MITE_EXEC_THREADS_HOST_H

#include "threads.h"

#include <stdatomic.h>

typedef struct mite_helper {
    mite_pool *pool;
    size_t slot;
    void *host; // what mite_host_start made
} mite_helper;

// Makes a thread that joins and calls mite_pool_help(h), or whatever it takes for JavaScript to start one
// later. False if there can be none.
bool mite_host_start(mite_helper *h);
// Once the thread has left mite_pool_help: frees what mite_host_start made.
void mite_host_end(mite_helper *h);
// Called by the helper: sleeps while *word is `value`, at most `ns` nanoseconds (-1: without limit);
// may return early.
void mite_host_sleep(mite_helper *h, _Atomic uint32_t *word, uint32_t value, int64_t ns);
// Called for every helper after *word was changed: it wakes if it sleeps.
void mite_host_wake(mite_helper *h, _Atomic uint32_t *word);

// Counts the helper as one of the pool's threads from now on; it calls mite_pool_help soon.
void mite_pool_join(mite_helper *h);
// The life of a helper that joined; returns when the pool ends.
void mite_pool_help(mite_helper *h);
// Says that the helper trapped, as WebAssembly may, in a part it had claimed: the caller traps too.
void mite_pool_crash(mite_helper *h);
// The record of helper `index`, or NULL.
mite_helper *mite_pool_helper(mite_pool *pool, size_t index);

#ifdef __wasm__
// The end of a helper's stack: where its worker must set the stack pointer.
void *mite_host_stack(const mite_helper *h);
#endif

#endif
