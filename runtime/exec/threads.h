// SPDX-License-Identifier: Apache-2.0
// Fork and join over the parts of one step. Parts are claimed, one atomic each, and the caller
// works too and waits only for parts that somebody has claimed: a helper thread that the system
// does not schedule costs nothing (docs/kernels.md, threads). Builds without MITE_THREADS have
// one thread behind the same interface.
#ifndef MITE_EXEC_THREADS_H
#define MITE_EXEC_THREADS_H

#include "../base/status.h"

typedef struct mite_pool mite_pool;

// `slot` < mite_pool_slots tells the executing thread, and so which scratch is its own.
typedef void mite_pool_task(void *context, size_t part, size_t slot);

// thread_count includes the caller. A pool that cannot start all threads runs with fewer.
mite_status mite_pool_new(mite_pool **out, size_t thread_count);
size_t mite_pool_slots(const mite_pool *pool);
void mite_pool_free(mite_pool *pool);

// Brackets a run: helper threads stay awake (spinning) in between, and sleep outside.
void mite_pool_wake(mite_pool *pool);
void mite_pool_rest(mite_pool *pool);

// Runs all parts and returns when they are done.
void mite_pool_run(mite_pool *pool, size_t part_count, mite_pool_task *task, void *context);

#endif
