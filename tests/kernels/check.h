// SPDX-License-Identifier: Apache-2.0
// The kernel checker, in the manner of dav1d's checkasm: every version that a build has runs the
// same nasty cases as its plain C twin. Outputs lie between canaries; inputs are heap blocks of
// the exact size, so that AddressSanitizer sees a byte read too many. With --bench the layers of
// real networks are timed instead.
#ifndef MITE_TESTS_KERNELS_CHECK_H
#define MITE_TESTS_KERNELS_CHECK_H

#include "kernels/kernels.h"
#include "kernels/versions.h"
#include "mite.h"

#include <stdbool.h>
#include <stdint.h>

extern uint64_t check_seed; // of the case being run: printed when it fails

uint32_t check_bits(void);
size_t check_pick(size_t least, size_t most);
float check_float(void);      // about -2 to 2
void check_fill_f32(float *out, size_t count);
void check_fill_bytes(void *out, size_t bytes, unsigned manner); // random, all 0, all 255, ends

// A block of `bytes` with canaries around it, filled with a pattern that no kernel may leave.
typedef struct check_block {
    uint8_t *data;
    size_t bytes;
    uint8_t *memory;
} check_block;
check_block check_new_block(size_t bytes);
bool check_canaries(const check_block *b);
void check_free_block(check_block *b);
// Exactly `bytes` on the heap.
void *check_exact(size_t bytes);

// Counts a check, and prints a failure with the seed.
void check_that(bool holds, const char *what, const char *version);

// How far sums of `terms` products of numbers about 1 may differ by the order of additions.
bool check_close(const float *a, const float *b, size_t count, size_t terms);

// The tables to compare with the plain one; names for messages.
typedef struct check_version {
    const char *name;
    mite_kernels table;
} check_version;
extern check_version check_versions[4];
extern size_t check_version_count;
extern mite_kernels check_plain;

void check_conv(void);
void check_depthwise(void);
void check_functions(void);
void check_winograd(void);
void check_pool(void);
void check_rows(void);
void check_rows_u8(void);
// Only layers whose name contains `only`, if it is not NULL.
void check_bench(const char *only);

#endif
