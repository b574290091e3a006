// SPDX-License-Identifier: Apache-2.0
// The .mite file, version 1, as C structs. docs/format.md says the same in words, with the
// rules a reader enforces. Little-endian; every section begins at a multiple of 64 and is read
// in place.
//
//   0            header (128 bytes)
//   128          chunk table: SHA-256 of each body chunk, 32 bytes a chunk
//   body_offset  graph section      values, nodes, words, strings
//                metadata section   JSON, opaque to the runtime
//                weights section    constants, in execution order, each at a multiple of 64
//   file_bytes   end
//
// The body is everything from body_offset on, cut into chunks of chunk_bytes (the last one
// shorter). Bytes between sections are zero. head_digest covers bytes [0, 96) and
// [128, body_offset), so that the header vouches for the table and the table for every other
// byte; it also names the model.
#ifndef MITE_FORMAT_MITE_FILE_H
#define MITE_FORMAT_MITE_FILE_H

#include <stdint.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "mite reads its files in place and needs a little-endian machine"
#endif

#define MITE_FILE_MAGIC "MITE\r\n\x1a\n" // the line ends show transfers in text mode
#define MITE_FILE_MAJOR 1
#define MITE_FILE_MINOR 0
// A model of minor 0 needs only the operators of the core (ops.def); one of minor 1 also those of
// more.def. Readers of minor 0 refuse it by naming what they lack.
#define MITE_FILE_MINOR_WHOLE 1
#define MITE_FILE_ANY_RANK 255 // a rank that follows from the inputs of a run
#define MITE_FILE_CHUNK_BYTES 262144u
#define MITE_DIGEST_BYTES 32

typedef struct mite_file_header {
    uint8_t magic[8];
    uint16_t major, minor; // a reader takes every minor of its major
    uint32_t header_bytes; // 128
    uint64_t file_bytes;
    uint32_t chunk_bytes; // 262144
    uint32_t chunk_count;
    uint64_t body_offset; // 128 + 32 * chunk_count, rounded up to 64
    uint64_t graph_offset, graph_bytes;
    uint64_t metadata_offset, metadata_bytes;
    uint64_t weights_offset, weights_bytes;
    // A hint: what a one-thread session of the writer's runtime needed beside the file, for activations,
    // scratch, and weights that it keeps in another form.
    uint64_t arena_bytes;
    uint8_t head_digest[MITE_DIGEST_BYTES];
} mite_file_header;

// The graph section begins with this. Offsets count from the start of the section.
typedef struct mite_file_graph {
    uint32_t value_count, node_count, word_count, string_bytes;
    uint32_t values_offset, nodes_offset, words_offset, strings_offset;
    uint32_t input_count, output_count; // of the graph
    uint32_t first_word; // words: input values, then output values
    // Bodies of control flow: their nodes stand behind the graph's own. For each one, words: first
    // node, node count, input count, output count, input values, output values.
    uint32_t body_count, first_body_word;
    uint32_t reserved[3]; // zero
} mite_file_graph;

typedef struct mite_file_value {
    uint32_t name; // offset of a NUL-terminated UTF-8 string in the strings
    uint8_t dtype, layout, rank, flags;
    int32_t shape[8]; // zero from rank on; -1: open, follows from the inputs of a run
    float scale;
    int32_t zero_point;
    uint64_t data_offset; // constants: in the weights section, multiple of 64
    uint64_t data_bytes;
} mite_file_value;

typedef struct mite_file_node {
    uint32_t name, op; // offsets of strings
    uint32_t first_word; // words: input values, output values, attribute words
    uint16_t input_count, output_count, attr_words, reserved;
    uint32_t reserved2;
} mite_file_node;

_Static_assert(sizeof(mite_file_header) == 128, "header layout");
_Static_assert(sizeof(mite_file_graph) == 64, "graph header layout");
_Static_assert(sizeof(mite_file_value) == 64, "value layout");
_Static_assert(sizeof(mite_file_node) == 24, "node layout");

#endif
