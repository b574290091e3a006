// SPDX-License-Identifier: Apache-2.0
// The thread pool: every part runs exactly once for 1 to 8 threads, also across thousands of
// small jobs, sleeps and wakes.
#include "exec/threads.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define MAX_PARTS 64

typedef struct tally {
    atomic_int runs[MAX_PARTS];
    atomic_int busy[8]; // two parts at a time in one slot would share scratch
    atomic_int errors;
    size_t slots;
} tally;

static void count(void *context, size_t part, size_t slot) {
    tally *t = context;
    if (slot >= t->slots || atomic_fetch_add(&t->busy[slot], 1)) atomic_fetch_add(&t->errors, 1);
    atomic_fetch_add(&t->runs[part], 1);
    atomic_fetch_sub(&t->busy[slot], 1);
}

int main(void) {
    for (size_t threads = 1; threads <= 8; threads++) {
        mite_pool *pool;
        if (mite_pool_new(&pool, threads)) return 1;
        for (int job = 0; job < 400; job++) {
            tally t;
            memset(&t, 0, sizeof t);
            t.slots = mite_pool_slots(pool);
            size_t parts = (size_t)job % MAX_PARTS;
            if (job % 16 == 0) mite_pool_wake(pool);
            mite_pool_run(pool, parts, count, &t);
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
        mite_pool_free(pool);
    }
    return 0;
}
