// SPDX-License-Identifier: Apache-2.0
// A bounded reader for a FlexBuffer (flatbuffers.dev/flexbuffers) that is one map from names to
// numbers and lists of numbers, as options of custom operators are.
#ifndef MITE_CONVERT_WIRE_FLEXBUFFER_H
#define MITE_CONVERT_WIRE_FLEXBUFFER_H

#include "wire/protobuf.h" // mite_span

#include <stdbool.h>

// The number (integer, real or bool) under `key`; false where there is none, or the map is damaged.
bool mite_flex_number(mite_span map, const char *key, double *out);
// The list of numbers under `key`, at most `room` of them.
bool mite_flex_numbers(mite_span map, const char *key, double *out, size_t room, size_t *count);

#endif
