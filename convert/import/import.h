// SPDX-License-Identifier: Apache-2.0
// What every importer gives and takes: bytes in, a converter's graph out.
#ifndef MITE_IMPORT_IMPORT_H
#define MITE_IMPORT_IMPORT_H

#include "ir.h"

// A shape that the user states for a graph input whose own is open (or another).
typedef struct mite_import_shape {
    const char *name;
    size_t rank;
    int32_t dims[MITE_MAX_RANK];
} mite_import_shape;

typedef struct mite_import_options {
    const mite_import_shape *shapes;
    size_t shape_count;
    bool fix_open; // dimensions that are open after that are 1, with a warning
    // Reads `bytes` bytes at `offset` of the file `name` in the source's folder (or below it: parts
    // of the name are parted by /, none is ..); false where it cannot. NULL: there are no such files.
    bool (*read_beside)(void *context, const char *name, uint64_t offset, void *to, size_t bytes);
    void *context;
} mite_import_options;

// One line for each thing that the user should know; the graph's error tells why it failed.
typedef bool mite_import_fn(mite_ir_graph *g, const uint8_t *bytes, size_t byte_count,
                            const mite_import_options *options, mite_text *warnings);

mite_import_fn mite_import_onnx, mite_import_tflite;

#endif
