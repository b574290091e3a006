// SPDX-License-Identifier: Apache-2.0
// Reads a .mite file that arrives in pieces: says where the next bytes belong, checks every
// chunk before anything in it is believed, and builds the graph as soon as its part is there.
#ifndef MITE_FORMAT_READER_H
#define MITE_FORMAT_READER_H

#include "../graph/graph.h"
#include "mite_file.h"

typedef struct mite_reader {
    mite_file_header header; // the first bytes land here; then copied to the head of `file`
    uint8_t *file;           // owned: the whole file, 64-byte aligned inside `block`
    void *block;
    uint8_t *checked; // owned: one byte a body chunk, 1 once its digest was right
    size_t received;  // bytes of the file
    size_t checked_bytes; // length of the checked beginning of the file
    size_t max_file_bytes;
    bool external_digests;
    bool has_graph;
    mite_graph graph; // owned parts: see graph_memory
    void *graph_memory;
    void *wide; // owned: constants that are halves in the file, as f32
    mite_error error;
} mite_reader;

void mite_reader_begin(mite_reader *r, size_t max_file_bytes, bool external_digests);
size_t mite_reader_want(mite_reader *r, void **dst);
mite_status mite_reader_got(mite_reader *r, size_t bytes);
mite_status mite_reader_digest(mite_reader *r, size_t index, const uint8_t *digest);
const uint8_t *mite_reader_chunk(const mite_reader *r, size_t index, size_t *bytes);
mite_status mite_reader_status(const mite_reader *r);
void mite_reader_free(mite_reader *r);

// format/read_graph.c: builds *graph over `section` (checked, 64-byte aligned, stays alive) and
// `weights` (only its extent matters here; its bytes may still be on the way). The memory of the
// arrays is returned in *memory, one block, to be freed with free(); NULL on failure.
mite_status mite_read_graph(mite_graph *graph, void **memory, const uint8_t *section,
                            size_t section_bytes, const uint8_t *weights, size_t weights_bytes,
                            mite_error *error);

#endif
