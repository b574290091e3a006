// SPDX-License-Identifier: Apache-2.0
// A mite_graph -> the bytes of a .mite file (docs/format.md).
#ifndef MITE_CONVERT_WRITE_H
#define MITE_CONVERT_WRITE_H

#include "graph/graph.h"

// SHA-256 of some bytes: hosts compute it many times faster than C does.
typedef void mite_digest_fn(const void *data, size_t bytes, uint8_t digest[32]);

// *out is the caller's to free(). Constants are written in the order of their first use and
// those of equal bytes only once; `metadata` is taken as it is. arena_bytes: see mite_file.h.
// digest computes SHA-256; NULL: the library's own.
mite_status mite_write(uint8_t **out, size_t *out_bytes, const mite_graph *graph,
                       const char *metadata, size_t metadata_bytes, uint64_t arena_bytes,
                       mite_digest_fn *digest, mite_error *error);

#endif
