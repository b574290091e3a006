// SPDX-License-Identifier: Apache-2.0
// TensorProto -> numbers and constants. Its numbers lie either in raw_data, little-endian, or in
// one of the typed lists, where small types share the list of 32-bit integers.
#include "import/onnx/onnx_model.h"

#include <string.h>

const char *onnx_type_name(int32_t type) {
    static const char *const names[] = {"no type", "float",  "uint8",  "int8",   "uint16",
                                        "int16",   "int32",  "int64",  "string", "bool",
                                        "float16", "double", "uint32", "uint64"};
    return type >= 0 && type < (int32_t)(sizeof names / sizeof *names) ? names[type]
                                                                       : "an unknown type";
}

bool onnx_type_is_real(int32_t type) {
    return type == ONNX_FLOAT || type == ONNX_FLOAT16 || type == ONNX_DOUBLE;
}

mite_dtype onnx_dtype(int32_t type) {
    switch (type) {
    case ONNX_FLOAT:
    case ONNX_FLOAT16:
    case ONNX_DOUBLE: return MITE_F32;
    case ONNX_UINT8: return MITE_U8;
    case ONNX_INT8: return MITE_I8;
    case ONNX_INT16: return MITE_I16;
    case ONNX_INT32: return MITE_I32;
    case ONNX_INT64: return MITE_I64;
    case ONNX_BOOL: return MITE_BOOL;
    default: return (mite_dtype)0;
    }
}

static size_t file_bytes(int32_t type) {
    switch (type) {
    case ONNX_UINT8:
    case ONNX_INT8:
    case ONNX_BOOL: return 1;
    case ONNX_UINT16:
    case ONNX_INT16:
    case ONNX_FLOAT16: return 2;
    case ONNX_FLOAT:
    case ONNX_INT32:
    case ONNX_UINT32: return 4;
    case ONNX_INT64:
    case ONNX_UINT64:
    case ONNX_DOUBLE: return 8;
    default: return 0;
    }
}

// The field of TensorProto that holds numbers of this type.
static uint32_t list_field(int32_t type) {
    switch (type) {
    case ONNX_FLOAT: return 4;
    case ONNX_INT64: return 7;
    case ONNX_DOUBLE: return 10;
    case ONNX_UINT32:
    case ONNX_UINT64: return 11;
    default: return 5;
    }
}

static double half_to_double(uint16_t h) {
    uint32_t exponent = h >> 10 & 31, fraction = h & 1023, bits;
    float f;
    if (exponent == 0) {
        f = (float)fraction * 0x1p-24f;
    } else {
        bits =
            exponent == 31 ? 0x7f800000u | fraction << 13 : (exponent + 112) << 23 | fraction << 13;
        memcpy(&f, &bits, 4);
    }
    return h >> 15 ? -(double)f : (double)f;
}

// Little-endian bits of one element -> its number.
static onnx_number number_of(int32_t type, uint64_t bits) {
    onnx_number n = {0};
    uint32_t word = (uint32_t)bits;
    float f;
    switch (type) {
    case ONNX_FLOAT:
        memcpy(&f, &word, 4);
        n.f = (double)f;
        break;
    case ONNX_DOUBLE: memcpy(&n.f, &bits, 8); break;
    case ONNX_FLOAT16: n.f = half_to_double((uint16_t)bits); break;
    case ONNX_INT8: n.i = (int8_t)bits; break;
    case ONNX_UINT8: n.i = (uint8_t)bits; break;
    case ONNX_INT16: n.i = (int16_t)bits; break;
    case ONNX_UINT16: n.i = (uint16_t)bits; break;
    case ONNX_INT32: n.i = (int32_t)bits; break;
    case ONNX_UINT32: n.i = word; break;
    case ONNX_BOOL: n.i = bits != 0; break;
    default: n.i = (int64_t)bits; break;
    }
    return n;
}

// Walks the elements of a tensor, whichever way they lie in the file.
typedef struct cursor {
    const onnx_tensor *t;
    size_t item; // bytes in raw data
    mite_span raw;
    mite_pb message, list; // list: the packed field being read
    bool in_list;
} cursor;

static bool open_cursor(mite_ir_graph *g, cursor *at, const onnx_tensor *t) {
    size_t item = file_bytes(t->type);
    if (t->external) {
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED,
                     "tensor %q lies in a file of its own; save the model as one .onnx file "
                     "without external data",
                     t->name);
        return false;
    }
    if (!item) {
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED, "tensor %q is of a type that is not read (%s)",
                     t->name, onnx_type_name(t->type));
        return false;
    }
    if (t->has_raw && t->raw.bytes != t->elements * item) {
        mite_ir_fail(g, MITE_ERR_FORMAT, "tensor %q has %z bytes of data, its shape %T wants %z",
                     t->name, t->raw.bytes, t->rank, t->dims, t->elements * item);
        return false;
    }
    *at = (cursor){.t = t, .item = item, .raw = t->raw, .message = mite_pb_open(t->message)};
    return true;
}

static bool next_listed(cursor *at, uint64_t *bits) {
    uint32_t wanted = list_field(at->t->type);
    mite_pb_field f;
    for (;;) {
        if (at->in_list && at->list.at < at->list.end) {
            size_t left = (size_t)(at->list.end - at->list.at), step = wanted == 4 ? 4 : 8;
            if (wanted != 4 && wanted != 10) return mite_pb_varint(&at->list, bits);
            if (left < step) return false;
            *bits = 0;
            memcpy(bits, at->list.at, step);
            at->list.at += step;
            return true;
        }
        at->in_list = false;
        if (!mite_pb_next(&at->message, &f)) return false;
        if (f.number != wanted) continue;
        if (f.wire != MITE_PB_BYTES) {
            *bits = f.value;
            return true;
        }
        at->list = mite_pb_open(f.span);
        at->in_list = true;
    }
}

static bool next_bits(cursor *at, uint64_t *bits) {
    if (!at->t->has_raw) return next_listed(at, bits);
    *bits = 0;
    memcpy(bits, at->raw.data, at->item); // the length was checked
    at->raw.data += at->item;
    return true;
}

static bool too_short(mite_ir_graph *g, const onnx_tensor *t) {
    mite_ir_fail(g, MITE_ERR_FORMAT, "tensor %q has less data than its shape %T wants", t->name,
                 t->rank, t->dims);
    return false;
}

bool onnx_tensor_numbers(mite_ir_graph *g, const onnx_tensor *t, onnx_number *out) {
    cursor at;
    uint64_t bits;
    if (!open_cursor(g, &at, t)) return false;
    for (size_t i = 0; i < t->elements; i++) {
        if (!next_bits(&at, &bits)) return too_short(g, t);
        out[i] = number_of(t->type, bits);
    }
    return true;
}

// Enough bytes in the message for as many elements, before memory is taken for them.
static bool has_data(mite_ir_graph *g, const onnx_tensor *t) {
    return t->has_raw || t->elements <= t->message.bytes || too_short(g, t);
}

static void store(mite_ir_value *v, size_t i, onnx_number n, bool real) {
    switch (v->dtype) {
    case MITE_F32: ((float *)v->data)[i] = real ? (float)n.f : (float)n.i; break;
    case MITE_I32: ((int32_t *)v->data)[i] = (int32_t)n.i; break;
    case MITE_I64: ((int64_t *)v->data)[i] = n.i; break;
    case MITE_I16: ((int16_t *)v->data)[i] = (int16_t)n.i; break;
    default: ((uint8_t *)v->data)[i] = (uint8_t)n.i; break;
    }
}

mite_ir_value *onnx_tensor_constant(mite_ir_graph *g, const onnx_tensor *t) {
    mite_dtype dtype = onnx_dtype(t->type);
    cursor at;
    uint64_t bits;
    if (!open_cursor(g, &at, t) || !has_data(g, t)) return NULL;
    if (!dtype) {
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED, "tensor %q is %s, which is not supported", t->name,
                     onnx_type_name(t->type));
        return NULL;
    }
    mite_ir_value *v = mite_ir_constant(g, t->name, dtype, t->rank, t->dims);
    if (!v) return NULL;
    if (t->has_raw && at.item == mite_dtype_bytes(dtype)) { // as it is
        if (v->bytes) memcpy(v->data, t->raw.data, v->bytes);
        return v;
    }
    for (size_t i = 0; i < t->elements; i++) {
        if (!next_bits(&at, &bits)) {
            too_short(g, t);
            return NULL;
        }
        store(v, i, number_of(t->type, bits), onnx_type_is_real(t->type));
    }
    return v;
}
