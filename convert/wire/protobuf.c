// SPDX-License-Identifier: Apache-2.0
#include "wire/protobuf.h"

static bool damaged(mite_pb *r, const char *what) {
    r->bad = what;
    return false;
}

bool mite_pb_varint(mite_pb *r, uint64_t *value) {
    uint64_t v = 0;
    if (r->bad || r->at == r->end) return false;
    for (unsigned shift = 0; shift < 70; shift += 7) {
        if (r->at == r->end) return damaged(r, "a number is cut off");
        uint8_t byte = *r->at++;
        // The tenth byte has room for one bit.
        if (shift == 63 && byte > 1) return damaged(r, "a number has more than 64 bits");
        v |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *value = v;
            return true;
        }
    }
    return damaged(r, "a number has more than 10 bytes");
}

static bool fixed(mite_pb *r, size_t bytes, uint64_t *value) {
    uint64_t v = 0;
    if ((size_t)(r->end - r->at) < bytes) return damaged(r, "a number is cut off");
    for (size_t i = 0; i < bytes; i++) v |= (uint64_t)r->at[i] << (8 * i);
    r->at += bytes;
    *value = v;
    return true;
}

static bool length_delimited(mite_pb *r, mite_span *span) {
    uint64_t length;
    if (!mite_pb_varint(r, &length)) return damaged(r, r->bad ? r->bad : "a length is missing");
    if (length > (uint64_t)(r->end - r->at)) return damaged(r, "a field reaches past the end");
    *span = (mite_span){r->at, (size_t)length};
    r->at += length;
    return true;
}

bool mite_pb_next(mite_pb *r, mite_pb_field *field) {
    uint64_t tag;
    if (!mite_pb_varint(r, &tag)) return false;
    if (tag >> 3 == 0 || tag >> 32) return damaged(r, "a field has an impossible number");
    *field = (mite_pb_field){.number = (uint32_t)(tag >> 3), .wire = (mite_pb_wire)(tag & 7)};
    switch (tag & 7) {
    case MITE_PB_VARINT:
        return mite_pb_varint(r, &field->value) ||
               damaged(r, r->bad ? r->bad : "a number is missing");
    case MITE_PB_FIXED64: return fixed(r, 8, &field->value);
    case MITE_PB_BYTES: return length_delimited(r, &field->span);
    case MITE_PB_FIXED32: return fixed(r, 4, &field->value);
    default: return damaged(r, "a field is of an unknown wire type");
    }
}
