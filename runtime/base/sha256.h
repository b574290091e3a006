// SPDX-License-Identifier: Apache-2.0
// SHA-256 (FIPS 180-4).
#ifndef MITE_BASE_SHA256_H
#define MITE_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

typedef struct mite_sha256_state {
    uint32_t h[8];
    uint64_t bytes;
    uint8_t block[64];
} mite_sha256_state;

void mite_sha256_begin(mite_sha256_state *s);
void mite_sha256_add(mite_sha256_state *s, const void *data, size_t bytes);
void mite_sha256_end(mite_sha256_state *s, uint8_t digest[32]);

// All three in one call.
void mite_sha256(const void *data, size_t bytes, uint8_t digest[32]);

#endif
