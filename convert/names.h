// SPDX-License-Identifier: Apache-2.0
// A map from names to numbers, for importers: files name tensors by text.
#ifndef MITE_CONVERT_NAMES_H
#define MITE_CONVERT_NAMES_H

#include "ir.h"

typedef struct mite_names {
    const char **keys; // lent; NULL where a slot is free
    uint32_t *numbers;
    size_t count, room; // room: a power of two
} mite_names;

// Adds a name that is not there yet; false if it is, or if the graph failed for want of memory.
// `key` must live as long as the map, which lives in the graph's memory.
bool mite_names_add(mite_ir_graph *g, mite_names *names, const char *key, uint32_t number);
bool mite_names_find(const mite_names *names, const char *key, uint32_t *number);

#endif
