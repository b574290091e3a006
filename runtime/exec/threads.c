// SPDX-License-Identifier: Apache-2.0
#include "threads.h"

#include <stdlib.h>

#ifndef MITE_THREADS

struct mite_pool {
    int unused; // C has no empty structs
};

mite_status mite_pool_new(mite_pool **out, size_t thread_count) {
    (void)thread_count;
    *out = calloc(1, sizeof **out);
    return *out ? MITE_OK : MITE_ERR_MEMORY;
}

size_t mite_pool_slots(const mite_pool *pool) {
    (void)pool;
    return 1;
}

void mite_pool_free(mite_pool *pool) { free(pool); }
void mite_pool_wake(mite_pool *pool) { (void)pool; }
void mite_pool_rest(mite_pool *pool) { (void)pool; }

void mite_pool_run(mite_pool *pool, size_t part_count, mite_pool_task *task, void *context) {
    (void)pool;
    for (size_t part = 0; part < part_count; part++) task(context, part, 0);
}

#else

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#define MAX_PARTS 0xffff // of a job that is shared out; more parts run on the caller alone

typedef struct helper {
    mite_pool *pool;
    pthread_t thread;
    size_t slot;
} helper;

struct mite_pool {
    // Bits 63..32: number of the current job; 31..16: its part count; 15..0: the next unclaimed
    // part. A claim is one compare-and-swap of the whole. While a part is unclaimed the caller is
    // still in that job, so a claim that succeeds has read that job's task and context.
    _Atomic uint64_t ticket;
    _Atomic(mite_pool_task *) task;
    _Atomic(void *) context;
    _Atomic uint32_t done;
    atomic_bool awake, ended;
    pthread_mutex_t mutex; // guards sleeping only
    pthread_cond_t wake;
    size_t helper_count;
    helper helpers[];
};

// Claims and runs one part; false if none is left.
static bool work(mite_pool *pool, size_t slot) {
    uint64_t ticket = atomic_load_explicit(&pool->ticket, memory_order_acquire);
    size_t part = ticket & MAX_PARTS, part_count = ticket >> 16 & MAX_PARTS;
    if (part >= part_count) return false;
    mite_pool_task *task = atomic_load_explicit(&pool->task, memory_order_relaxed);
    void *context = atomic_load_explicit(&pool->context, memory_order_relaxed);
    if (atomic_compare_exchange_strong_explicit(&pool->ticket, &ticket, ticket + 1,
                                                memory_order_acq_rel, memory_order_relaxed)) {
        task(context, part, slot);
        atomic_fetch_add_explicit(&pool->done, 1, memory_order_release);
    }
    return true;
}

static void *help(void *argument) {
    helper *self = argument;
    mite_pool *pool = self->pool;
    while (!atomic_load_explicit(&pool->ended, memory_order_acquire)) {
        if (atomic_load_explicit(&pool->awake, memory_order_acquire)) {
            work(pool, self->slot);
            continue;
        }
        pthread_mutex_lock(&pool->mutex);
        while (!atomic_load(&pool->awake) && !atomic_load(&pool->ended))
            pthread_cond_wait(&pool->wake, &pool->mutex);
        pthread_mutex_unlock(&pool->mutex);
    }
    return NULL;
}

mite_status mite_pool_new(mite_pool **out, size_t thread_count) {
    size_t helpers = thread_count ? thread_count - 1 : 0;
    if (helpers > 255) helpers = 255;
    mite_pool *pool = *out = calloc(1, sizeof *pool + helpers * sizeof(helper));
    if (!pool) return MITE_ERR_MEMORY;
    if (pthread_mutex_init(&pool->mutex, NULL)) {
        free(pool);
        *out = NULL;
        return MITE_ERR_MEMORY;
    }
    if (pthread_cond_init(&pool->wake, NULL)) {
        pthread_mutex_destroy(&pool->mutex);
        free(pool);
        *out = NULL;
        return MITE_ERR_MEMORY;
    }
    for (size_t i = 0; i < helpers; i++) {
        helper *h = &pool->helpers[i];
        h->pool = pool;
        h->slot = i + 1;
        if (pthread_create(&h->thread, NULL, help, h)) break;
        pool->helper_count++;
    }
    return MITE_OK;
}

size_t mite_pool_slots(const mite_pool *pool) { return pool->helper_count + 1; }

static void signal_all(mite_pool *pool, atomic_bool *flag) {
    pthread_mutex_lock(&pool->mutex);
    atomic_store(flag, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->mutex);
}

void mite_pool_free(mite_pool *pool) {
    if (!pool) return;
    signal_all(pool, &pool->ended);
    for (size_t i = 0; i < pool->helper_count; i++) pthread_join(pool->helpers[i].thread, NULL);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->mutex);
    free(pool);
}

void mite_pool_wake(mite_pool *pool) {
    if (pool->helper_count) signal_all(pool, &pool->awake);
}

void mite_pool_rest(mite_pool *pool) { atomic_store(&pool->awake, false); }

void mite_pool_run(mite_pool *pool, size_t part_count, mite_pool_task *task, void *context) {
    if (part_count < 2 || part_count > MAX_PARTS || !pool->helper_count) {
        for (size_t part = 0; part < part_count; part++) task(context, part, 0);
        return;
    }
    uint64_t job = (atomic_load_explicit(&pool->ticket, memory_order_relaxed) >> 32) + 1;
    atomic_store_explicit(&pool->done, 0, memory_order_relaxed);
    atomic_store_explicit(&pool->task, task, memory_order_relaxed);
    atomic_store_explicit(&pool->context, context, memory_order_relaxed);
    atomic_store_explicit(&pool->ticket, job << 32 | part_count << 16, memory_order_release);
    while (work(pool, 0)) {
    }
    while (atomic_load_explicit(&pool->done, memory_order_acquire) < part_count) {
    }
}

#endif
