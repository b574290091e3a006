// SPDX-License-Identifier: Apache-2.0
// A mite_graph -> the bytes of a .mite file (docs/format.md).
#ifndef MITE_CONVERT_WRITE_H
#define MITE_CONVERT_WRITE_H

#include "graph/graph.h"

// *out is the caller's to free(). Constants are written in the order of their first use and
// those of equal bytes only once; `metadata` is taken as it is. arena_bytes: see mite_file.h.
mite_status mite_write(uint8_t **out, size_t *out_bytes, const mite_graph *graph,
                       const char *metadata, size_t metadata_bytes, uint64_t arena_bytes,
                       mite_error *error);

#endif
