// SPDX-License-Identifier: Apache-2.0
// The thread pool: every part runs exactly once for 1 to 8 threads, also across thousands of
// small jobs, sleeps and wakes; the counts that it keeps add up, and claims do not fight.
#include "exec/threads.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MAX_PARTS 64
#define MEETINGS 10

typedef struct tally {
    atomic_int runs[MAX_PARTS];
    atomic_int busy[8]; // two parts at a time in one slot would share scratch
    atomic_int errors, work;
    size_t slots;
} tally;

static void count(void *context, size_t part, size_t slot) {
    tally *t = context;
    if (slot >= t->slots || atomic_fetch_add(&t->busy[slot], 1)) atomic_fetch_add(&t->errors, 1);
    for (int i = 0; i < 300; i++) atomic_fetch_add_explicit(&t->work, 1, memory_order_relaxed);
    atomic_fetch_add(&t->runs[part], 1);
    atomic_fetch_sub(&t->busy[slot], 1);
}

typedef struct meeting {
    atomic_size_t here; // parts under way
    size_t threads;
    atomic_int late;
} meeting;

// Ends only when every thread of the pool is in a part of its own, which shows that each one works.
static void meet(void *context, size_t part, size_t slot) {
    meeting *m = context;
    (void)part, (void)slot;
    atomic_fetch_add(&m->here, 1);
    for (long looks = 0; atomic_load(&m->here) < m->threads; looks++) {
        if (looks > 1000000) { // with a yield each: many seconds
            atomic_store(&m->late, 1);
            return;
        }
        sched_yield();
    }
}

static int check_meetings(mite_pool *pool, size_t threads) {
    mite_pool_wake(pool);
    for (int i = 0; i < MEETINGS; i++) {
        meeting m = {.threads = threads};
        mite_pool_run(pool, threads, meet, &m);
        if (m.late) {
            fprintf(stderr, "%zu threads: they did not all work at a time\n", threads);
            return 1;
        }
    }
    mite_pool_rest(pool);
    for (size_t slot = 0; threads > 1 && slot < threads; slot++)
        if (mite_pool_counts_of(pool, slot).parts != MEETINGS) return 1;
    return 0;
}

// All parts were claimed by somebody, and a claim was lost only to one that was won.
static int check_counts(const mite_pool *pool, size_t shared_parts) {
    size_t parts = 0, losses = 0, slots = mite_pool_slots(pool);
    for (size_t slot = 0; slot < slots; slot++) {
        mite_pool_counts counts = mite_pool_counts_of(pool, slot);
        parts += counts.parts;
        losses += counts.losses;
        printf("%s%zu: %u parts, %u lost, %u naps", slot ? "; " : "  ", slot, counts.parts,
               counts.losses, counts.naps);
    }
    printf("\n");
    if (parts == shared_parts && losses <= parts * (slots - 1)) return 0;
    fprintf(stderr, "%zu slots: %zu parts counted of %zu, %zu claims lost\n", slots, parts,
            shared_parts, losses);
    return 1;
}

int main(void) {
    for (size_t threads = 1; threads <= 8; threads++) {
        mite_pool *pool;
        if (mite_pool_new(&pool, threads)) return 1;
        if (check_meetings(pool, threads)) return 1;
        size_t shared_parts = threads > 1 ? MEETINGS * threads : 0;
        for (int job = 0; job < 400; job++) {
            tally t;
            memset(&t, 0, sizeof t);
            t.slots = mite_pool_slots(pool);
            size_t parts = (size_t)job % MAX_PARTS;
            if (job % 16 == 0) mite_pool_wake(pool);
            mite_pool_run(pool, parts, count, &t);
            if (threads > 1 && parts > 1) shared_parts += parts;
            if (job % 16 == 15) mite_pool_rest(pool);
            for (size_t i = 0; i < MAX_PARTS; i++) {
                if (t.runs[i] != (i < parts)) {
                    fprintf(stderr, "%zu threads, job %d: part %zu ran %d times\n", threads, job, i,
                            t.runs[i]);
                    return 1;
                }
            }
            if (t.errors) {
                fprintf(stderr, "%zu threads, job %d: a slot was shared\n", threads, job);
                return 1;
            }
        }
        printf("%zu threads asked for, %zu had\n", threads, mite_pool_slots(pool));
        if (check_counts(pool, shared_parts)) return 1;
        mite_pool_free(pool);
    }
    return 0;
}
