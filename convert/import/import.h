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

// What earlier imports of the same source found out about stand-ins for open dimensions. `at`: better ones,
// by the symbol's number in the order of the inputs, the one and the other; 0 where nothing is said.
#define MITE_IMPORT_SYMBOLS 64
typedef struct mite_import_stand_ins {
    int32_t at[MITE_IMPORT_SYMBOLS][2];
    bool even; // the model takes no other sizes than such as can be halved five times
    bool loops_vary; // not everything that loops carry keeps the shape that it begins with
    bool changed; // in this import, which is then worth another
} mite_import_stand_ins;

// The first of two stand-ins is a multiple of 32, which any model takes. The other is one more than that,
// if the model takes such, so that remainders and halves tell what depends on it.
static inline int32_t mite_import_other(const mite_import_stand_ins *s, int32_t multiple) {
    return s && !s->even ? multiple + 1 : multiple;
}

typedef struct mite_import_options {
    const mite_import_shape *shapes;
    size_t shape_count;
    bool fix_open; // dimensions that are open after that are 1, with a warning
    // Reads `bytes` bytes at `offset` of the file `name` in the source's folder (or below it: parts
    // of the name are parted by /, none is ..); false where it cannot. NULL: there are no such files.
    bool (*read_beside)(void *context, const char *name, uint64_t offset, void *to, size_t bytes);
    void *context;
    mite_import_stand_ins *stand_ins; // goes in and comes out; NULL: none are kept
} mite_import_options;

// One line for each thing that the user should know; the graph's error tells why it failed.
typedef bool mite_import_fn(mite_ir_graph *g, const uint8_t *bytes, size_t byte_count,
                            const mite_import_options *options, mite_text *warnings);

mite_import_fn mite_import_onnx, mite_import_tflite;

#endif
