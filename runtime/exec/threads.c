// SPDX-License-Identifier: Apache-2.0
#include "threads_host.h"

#include "../base/sizes.h"

#include <stdlib.h>

#define LINE 64 // bytes of a cache line; what different threads write lies in different ones
#define MAX_PARTS 0xffff // of a job that is shared out; more parts run on the caller alone

// How long a helper looks for work in vain before it sleeps, in looks of about a nanosecond. After a
// run it lingers, so that runs that follow one another find it awake. Within a run it gives up its
// processor only when the caller must have lost its own, or runs something long that does not
// split; and looks again after NAP_NS, since nobody wakes it then.
#define LINGER 1000000
#define PATIENCE 2000000
#define NAP_NS 500000

// A caller that looks so often for the end of one part waits for a helper that does not run.
#define STALL 1000000

// A run is bad if the helpers took less than 1/TOO_FEW of what was offered to them, or stalled the
// caller. After BAD_RUNS of them in a row half of the threads are left asleep, at least for MIN_HOLD
// runs; then twice as many are tried again. Each time that this was no use, or not for LONG_GOOD
// runs, the next try is put off for twice as long, up to MAX_HOLD runs.
#define TOO_FEW 8
#define BAD_RUNS 2
#define MIN_HOLD 2
#define MAX_HOLD 16
#define LONG_GOOD 32

enum { ASLEEP, AWAKE, ENDED };

typedef struct worker {
    _Alignas(LINE) _Atomic uint32_t state;
    _Atomic uint32_t parts, losses, naps; // written by their own thread alone
    mite_helper helper; // of slot 0, the caller's: unused, like its state
} worker;

struct mite_pool {
    void *block; // what holds this, unaligned
    size_t slots;
    size_t started; // helpers that the host has or will have

    // The caller's: how many threads work in this run and the next ones (`limit`, of which `awake`
    // are), how this run goes (parts that helpers could have taken, parts that they took, stalls),
    // and how the last ones went.
    size_t limit, awake;
    size_t offered, taken, stalls;
    uint32_t bad_runs, good_runs, hold, next_hold;

    // Bits 63..32: number of the current job; 31..16: its part count; 15..0: the next unclaimed
    // part. A claim is one compare-and-swap of the whole. While a part is unclaimed the caller is
    // still in that job, so a claim that succeeds has read that job's task and context.
    _Alignas(LINE) _Atomic uint64_t ticket;
    _Atomic(mite_pool_task *) task;
    _Atomic(void *) context;

    _Alignas(LINE) _Atomic uint32_t done; // parts of the current job
    _Alignas(LINE) _Atomic uint32_t joined, left; // helpers that joined, and left mite_pool_help
    _Atomic uint32_t crashed;

    worker workers[]; // one a slot
};

static void count(_Atomic uint32_t *counter) {
    uint32_t so_far = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, so_far + 1, memory_order_relaxed);
}

// --- Working -------------------------------------------------------------------------------------

// Claims and runs one part; false if none is left.
static bool work(mite_pool *pool, size_t slot) {
    worker *self = &pool->workers[slot];
    uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    size_t part = ticket & MAX_PARTS, part_count = ticket >> 16 & MAX_PARTS;
    if (part >= part_count) return false;
    mite_pool_task *task = atomic_load_explicit(&pool->task, memory_order_relaxed);
    void *context = atomic_load_explicit(&pool->context, memory_order_relaxed);
    if (atomic_compare_exchange_strong_explicit(&pool->ticket, &ticket, ticket + 1,
                                                memory_order_acq_rel, memory_order_relaxed)) {
        count(&self->parts);
        task(context, part, slot);
        atomic_fetch_add_explicit(&pool->done, 1, memory_order_release);
    } else {
        count(&self->losses);
    }
    return true;
}

void mite_pool_join(mite_helper *h) { atomic_fetch_add(&h->pool->joined, 1); }

void mite_pool_help(mite_helper *h) {
    mite_pool *pool = h->pool;
    worker *self = &pool->workers[h->slot];
    uint32_t looks = 0, state;
    while ((state = atomic_load_explicit(&self->state, memory_order_acquire)) != ENDED) {
        if (state == AWAKE && work(pool, h->slot)) {
            looks = 0;
        } else if (++looks > (state == AWAKE ? PATIENCE : LINGER)) {
            looks = 0;
            count(&self->naps);
            mite_host_sleep(h, &self->state, state, state == AWAKE ? NAP_NS : -1);
        }
    }
    atomic_fetch_add(&pool->left, 1);
}

void mite_pool_crash(mite_helper *h) { atomic_store(&h->pool->crashed, 1); }

static uint32_t parts_of(const mite_pool *pool, size_t slot) {
    return atomic_load_explicit(&pool->workers[slot].parts, memory_order_relaxed);
}

void mite_pool_run(mite_pool *pool, size_t part_count, mite_pool_task *task, void *context) {
    if (part_count < 2 || part_count > MAX_PARTS || !pool->started) {
        for (size_t part = 0; part < part_count; part++) task(context, part, 0);
        return;
    }
    uint32_t before = parts_of(pool, 0);
    uint64_t job = (atomic_load_explicit(&pool->ticket, memory_order_relaxed) >> 32) + 1;
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->task, task, memory_order_relaxed);
    atomic_store_explicit(&pool->context, context, memory_order_relaxed);
    atomic_store_explicit(&pool->ticket, job << 32 | part_count << 16, memory_order_release);
    while (work(pool, 0)) {
    }
    uint32_t looks = 0;
    while (atomic_load_explicit(&pool->done, memory_order_acquire) < part_count) {
        if (++looks % STALL) continue;
        if (atomic_load(&pool->crashed)) __builtin_trap(); // its part will never be done
        pool->stalls++;
    }
    pool->offered += part_count - 1;
    pool->taken += part_count - (parts_of(pool, 0) - before);
}

// --- Waking and resting --------------------------------------------------------------------------

mite_helper *mite_pool_helper(mite_pool *pool, size_t index) {
    return index < pool->started ? &pool->workers[index + 1].helper : NULL;
}

static void set_state(mite_pool *pool, size_t threads, uint32_t state) {
    for (size_t slot = 1; slot < threads; slot++) {
        worker *w = &pool->workers[slot];
        atomic_store(&w->state, state);
        if (state != ASLEEP) mite_host_wake(&w->helper, &w->state);
    }
}

void mite_pool_wake(mite_pool *pool) {
    size_t threads = mite_pool_threads(pool);
    pool->offered = pool->taken = pool->stalls = 0;
    pool->awake = mite_min_size(pool->limit, threads);
    set_state(pool, pool->awake, AWAKE);
}

static void use_fewer(mite_pool *pool) {
    pool->limit = (pool->awake + 1) / 2;
    pool->hold = pool->next_hold;
    pool->next_hold = pool->hold < MAX_HOLD ? 2 * pool->hold : MAX_HOLD;
    pool->bad_runs = BAD_RUNS - 1; // one more is enough
    pool->good_runs = 0;
}

static void judge_run(mite_pool *pool) {
    bool is_bad = pool->stalls || pool->taken < pool->offered / TOO_FEW;
    pool->bad_runs = is_bad ? pool->bad_runs + 1 : 0;
    if (!is_bad && ++pool->good_runs >= LONG_GOOD) pool->next_hold = MIN_HOLD;
    if (pool->bad_runs >= BAD_RUNS) {
        use_fewer(pool);
    } else if (pool->limit < pool->slots) {
        if (pool->hold) pool->hold--;
        else pool->limit = mite_min_size(2 * pool->limit, pool->slots);
    }
}

void mite_pool_rest(mite_pool *pool) {
    set_state(pool, pool->awake, ASLEEP);
    judge_run(pool);
    pool->awake = 1;
}

size_t mite_pool_slots(const mite_pool *pool) { return pool->slots; }

size_t mite_pool_threads(const mite_pool *pool) {
    return 1 + atomic_load_explicit(&pool->joined, memory_order_relaxed);
}

size_t mite_pool_width(const mite_pool *pool) { return pool->awake; }

mite_pool_counts mite_pool_counts_of(const mite_pool *pool, size_t slot) {
    if (slot >= pool->slots) return (mite_pool_counts){0, 0, 0};
    const worker *w = &pool->workers[slot];
    return (mite_pool_counts){
        .parts = parts_of(pool, slot),
        .losses = atomic_load_explicit(&w->losses, memory_order_relaxed),
        .naps = atomic_load_explicit(&w->naps, memory_order_relaxed),
    };
}

// --- Making and ending ---------------------------------------------------------------------------

mite_status mite_pool_new(mite_pool **out, size_t thread_count) {
    size_t slots = mite_max_size(1, mite_min_size(thread_count, MITE_MAX_THREADS));
    void *block = calloc(1, sizeof(mite_pool) + slots * sizeof(worker) + LINE);
    *out = NULL;
    if (!block) return MITE_ERR_MEMORY;
    mite_pool *pool = (void *)(((uintptr_t)block + LINE - 1) / LINE * LINE);
    pool->block = block;
    pool->next_hold = MIN_HOLD;
    pool->slots = pool->awake = 1;
    for (size_t slot = 1; slot < slots; slot++) {
        mite_helper *h = &pool->workers[slot].helper;
        *h = (mite_helper){.pool = pool, .slot = slot};
        if (!mite_host_start(h)) break;
        pool->started++;
        pool->slots++;
    }
    pool->limit = pool->slots;
    *out = pool;
    return MITE_OK;
}

void mite_pool_free(mite_pool *pool) {
    if (!pool) return;
    set_state(pool, pool->slots, ENDED);
    while (atomic_load(&pool->left) < atomic_load(&pool->joined)) {
    }
    for (size_t i = 0; i < pool->started; i++) mite_host_end(mite_pool_helper(pool, i));
    free(pool->block);
}
