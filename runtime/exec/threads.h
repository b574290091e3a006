// SPDX-License-Identifier: Apache-2.0
// Fork and join over the parts of one step. Parts are claimed, one atomic each, and the caller
// works too and waits only for parts that somebody has claimed: a helper thread that the system
// does not schedule costs nothing (docs/architecture.md, threads). The algorithm is in threads.c;
// how helpers start and sleep differs between native builds and WebAssembly (threads_host.h).
#ifndef MITE_EXEC_THREADS_H
#define MITE_EXEC_THREADS_H

#include "../base/status.h"

#include <stdbool.h>

typedef struct mite_pool mite_pool;

// `slot` < mite_pool_slots tells the executing thread, and so which scratch is its own.
typedef void mite_pool_task(void *context, size_t part, size_t slot);

// thread_count includes the caller, at most MITE_MAX_THREADS. A pool that cannot start all threads
// runs with fewer.
#define MITE_MAX_THREADS 64
mite_status mite_pool_new(mite_pool **out, size_t thread_count);
// Ends the helpers and waits until they have left the pool. In WebAssembly the host must not have
// stopped one by force; it may drop the whole memory instead of calling this.
void mite_pool_free(mite_pool *pool);

// The most threads that may ever work at a time: scratch is needed for so many.
size_t mite_pool_slots(const mite_pool *pool);
// Threads there are at present, the caller included.
size_t mite_pool_threads(const mite_pool *pool);
// Into how many parts work is best split in this run; fewer than there are threads while some are
// left asleep, because they were of no use in the last runs.
size_t mite_pool_width(const mite_pool *pool);

// Brackets a run: helper threads stay awake (looking for work) in between, and sleep outside.
void mite_pool_wake(mite_pool *pool);
void mite_pool_rest(mite_pool *pool);

// Runs all parts and returns when they are done.
void mite_pool_run(mite_pool *pool, size_t part_count, mite_pool_task *task, void *context);

// What one thread did since the pool was made.
typedef struct mite_pool_counts {
    uint32_t parts;  // claimed and run
    uint32_t losses; // claims that another thread was faster with
    uint32_t naps; // times that it looked for work in vain for long, and slept
} mite_pool_counts;
mite_pool_counts mite_pool_counts_of(const mite_pool *pool, size_t slot);

#endif
