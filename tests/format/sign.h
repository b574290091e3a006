// SPDX-License-Identifier: Apache-2.0
// Right digests for a .mite file that was changed: damage that a hostile but diligent writer would make.
#ifndef MITE_TESTS_FORMAT_SIGN_H
#define MITE_TESTS_FORMAT_SIGN_H

#include "base/sha256.h"
#include "format/mite_file.h"

#include <stdbool.h>
#include <stddef.h>

// False, and the file as it was, where the header leaves no room for digests.
static inline bool sign(uint8_t *file, size_t bytes) {
    mite_file_header *h = (mite_file_header *)(void *)file;
    if (bytes < sizeof *h || h->body_offset > bytes || h->body_offset < sizeof *h ||
        h->chunk_count > (h->body_offset - sizeof *h) / MITE_DIGEST_BYTES)
        return false;
    size_t at = (size_t)h->body_offset;
    for (uint32_t i = 0; i < h->chunk_count && at < bytes; i++, at += MITE_FILE_CHUNK_BYTES) {
        size_t rest = bytes - at;
        size_t chunk = rest < MITE_FILE_CHUNK_BYTES ? rest : MITE_FILE_CHUNK_BYTES;
        mite_sha256(file + at, chunk, file + sizeof *h + MITE_DIGEST_BYTES * i);
    }
    mite_sha256_state s;
    mite_sha256_begin(&s);
    mite_sha256_add(&s, file, offsetof(mite_file_header, head_digest));
    mite_sha256_add(&s, file + sizeof *h, (size_t)h->body_offset - sizeof *h);
    mite_sha256_end(&s, h->head_digest);
    return true;
}

#endif
