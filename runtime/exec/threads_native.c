// SPDX-License-Identifier: Apache-2.0
#include "threads_host.h"

#ifndef __wasm__

#ifdef MITE_THREADS

#include <pthread.h> // and sched_yield, POSIX says
#include <stdlib.h>

typedef struct host {
    pthread_t thread;
    pthread_mutex_t mutex; // held between looking at the word and waiting
    pthread_cond_t changed;
} host;

void mite_host_sleep(mite_helper *h, _Atomic uint32_t *word, uint32_t value, int64_t ns) {
    host *at = h->host;
    if (ns >= 0) { // short, and it may return early
        sched_yield();
        return;
    }
    pthread_mutex_lock(&at->mutex);
    if (atomic_load(word) == value) pthread_cond_wait(&at->changed, &at->mutex);
    pthread_mutex_unlock(&at->mutex);
}

void mite_host_wake(mite_helper *h, _Atomic uint32_t *word) {
    host *at = h->host;
    (void)word;
    pthread_mutex_lock(&at->mutex);
    pthread_cond_signal(&at->changed);
    pthread_mutex_unlock(&at->mutex);
}

static void *enter(void *helper) {
    mite_pool_help(helper);
    return NULL;
}

bool mite_host_start(mite_helper *h) {
    host *at = h->host = malloc(sizeof *at);
    if (!at) return false;
    if (pthread_mutex_init(&at->mutex, NULL) == 0) {
        if (pthread_cond_init(&at->changed, NULL) == 0) {
            if (pthread_create(&at->thread, NULL, enter, h) == 0) {
                mite_pool_join(h);
                return true;
            }
            pthread_cond_destroy(&at->changed);
        }
        pthread_mutex_destroy(&at->mutex);
    }
    free(at);
    return false;
}

void mite_host_end(mite_helper *h) {
    host *at = h->host;
    pthread_join(at->thread, NULL);
    pthread_cond_destroy(&at->changed);
    pthread_mutex_destroy(&at->mutex);
    free(at);
}

#else // one thread: no pool ever has a helper

bool mite_host_start(mite_helper *h) { return (void)h, false; }
void mite_host_end(mite_helper *h) { (void)h; }
void mite_host_sleep(mite_helper *h, _Atomic uint32_t *word, uint32_t value, int64_t ns) {
    (void)h, (void)word, (void)value, (void)ns;
}
void mite_host_wake(mite_helper *h, _Atomic uint32_t *word) { (void)h, (void)word; }

#endif
#endif
