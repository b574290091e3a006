// SPDX-License-Identifier: Apache-2.0
#include "threads_host.h"

#ifdef __wasm__

#include <stdlib.h>

#define STACK_BYTES 65536 // of a helper: it runs kernels only, whose frames are below 8 KiB

void mite_host_sleep(mite_helper *h, _Atomic uint32_t *word, uint32_t value, int64_t ns) {
    (void)h;
    __builtin_wasm_memory_atomic_wait32((int *)word, (int)value, ns);
}

void mite_host_wake(mite_helper *h, _Atomic uint32_t *word) {
    (void)h; // one call for each helper wakes as many
    __builtin_wasm_memory_atomic_notify((int *)word, 1);
}

// The thread itself is JavaScript's to start, at any time or never.
bool mite_host_start(mite_helper *h) { return (h->host = malloc(STACK_BYTES)) != NULL; }
void mite_host_end(mite_helper *h) { free(h->host); }
void *mite_host_stack(const mite_helper *h) { return (char *)h->host + STACK_BYTES; }

#endif
