// SPDX-License-Identifier: Apache-2.0
// A bounded pull reader for protobuf messages in memory. A message is a span of bytes; a nested
// message is a span again, read by a reader of its own, so depth is that of the caller's code and
// never of the data. After damage every call fails and `bad` says what was wrong.
#ifndef MITE_CONVERT_WIRE_PROTOBUF_H
#define MITE_CONVERT_WIRE_PROTOBUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct mite_span {
    const uint8_t *data;
    size_t bytes;
} mite_span;

typedef enum mite_pb_wire {
    MITE_PB_VARINT = 0,
    MITE_PB_FIXED64 = 1,
    MITE_PB_BYTES = 2,
    MITE_PB_FIXED32 = 5,
} mite_pb_wire;

typedef struct mite_pb {
    const uint8_t *begin, *at, *end;
    const char *bad; // NULL, or what is wrong at `at`
} mite_pb;

typedef struct mite_pb_field {
    uint32_t number;
    mite_pb_wire wire;
    uint64_t value; // VARINT, FIXED64, FIXED32
    mite_span span; // BYTES
} mite_pb_field;

static inline mite_pb mite_pb_open(mite_span span) {
    const uint8_t *at = span.data ? span.data : (const uint8_t *)"";
    return (mite_pb){at, at, at + span.bytes, NULL};
}

// The next field of any number; false at the end of the message or on damage.
bool mite_pb_next(mite_pb *r, mite_pb_field *field);

// Reads one varint of a packed list; false at its end or on damage.
bool mite_pb_varint(mite_pb *r, uint64_t *value);

#endif
