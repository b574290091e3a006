// SPDX-License-Identifier: Apache-2.0
// TensorProto -> numbers and constants. Its numbers lie in raw_data, little-endian, or in one of
// the typed lists, where small types share the list of 32-bit integers, or in another file.
#include "import/onnx/onnx_model.h"

#include "ops/more/elements.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *onnx_type_name(int32_t type) {
    static const char *const names[] = {
        "no type",        "float",    "uint8",        "int8",           "uint16",
        "int16",          "int32",    "int64",        "string",         "bool",
        "float16",        "double",   "uint32",       "uint64",         "complex64",
        "complex128",     "bfloat16", "float8e4m3fn", "float8e4m3fnuz", "float8e5m2",
        "float8e5m2fnuz", "uint4",    "int4",         "float4e2m1",     "float8e8m0",
        "uint2",          "int2"};
    return type >= 0 && type < (int32_t)(sizeof names / sizeof *names) ? names[type]
                                                                       : "an unknown type";
}

// Reals of a byte or less: how many bits exponent and fraction have, and what 1 has for its exponent.
typedef struct small_real {
    int32_t type;
    uint8_t exponent, fraction, bias;
} small_real;

static const small_real *small_real_of(int32_t type) {
    static const small_real known[] = {
        {ONNX_FLOAT8E4M3FN, 4, 3, 7}, {ONNX_FLOAT8E4M3FNUZ, 4, 3, 8},
        {ONNX_FLOAT8E5M2, 5, 2, 15},  {ONNX_FLOAT8E5M2FNUZ, 5, 2, 16},
        {ONNX_FLOAT4E2M1, 2, 1, 1},   {ONNX_FLOAT8E8M0, 8, 0, 127},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].type == type) return &known[i];
    return NULL;
}

bool onnx_type_is_real(int32_t type) {
    return type == ONNX_FLOAT || type == ONNX_FLOAT16 || type == ONNX_BFLOAT16 ||
           type == ONNX_DOUBLE || small_real_of(type);
}

size_t onnx_type_bits(int32_t type) {
    if (type == ONNX_UINT2 || type == ONNX_INT2) return 2;
    return type == ONNX_UINT4 || type == ONNX_INT4 || type == ONNX_FLOAT4E2M1 ? 4 : 8;
}

int32_t onnx_tensor_type(const onnx_tensor *t) {
    bool wider = t->widened || t->type == ONNX_BFLOAT16 || small_real_of(t->type);
    return wider ? ONNX_FLOAT : t->type;
}

mite_dtype onnx_dtype(int32_t type) {
    switch (type) {
    case ONNX_BFLOAT16:
    case ONNX_FLOAT: return MITE_F32;
    case ONNX_FLOAT16: return MITE_F16;
    case ONNX_DOUBLE: return MITE_F64;
    case ONNX_UINT2:
    case ONNX_UINT4:
    case ONNX_UINT8: return MITE_U8;
    case ONNX_INT2:
    case ONNX_INT4:
    case ONNX_INT8: return MITE_I8;
    case ONNX_UINT16: return MITE_U16;
    case ONNX_INT16: return MITE_I16;
    case ONNX_UINT32: return MITE_U32;
    case ONNX_INT32: return MITE_I32;
    case ONNX_UINT64: return MITE_U64;
    case ONNX_INT64: return MITE_I64;
    case ONNX_BOOL: return MITE_BOOL;
    default: return (mite_dtype)0;
    }
}

int32_t onnx_type_of(mite_dtype dtype) {
    for (int32_t type = ONNX_FLOAT; type <= ONNX_UINT64; type++)
        if (onnx_dtype(type) == dtype) return type;
    return 0;
}

// --- Reading the message ------------------------------------------------------------------------

static bool decimal(const char *text, uint64_t *out) {
    char *end;
    if (*text < '0' || *text > '9') return false;
    *out = strtoull(text, &end, 10);
    return !*end;
}

// A StringStringEntryProto that says where data in another file lies.
static void read_external(mite_ir_graph *g, mite_span message, onnx_tensor *t) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    const char *key = "", *value = "";
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        if (f.number == 1) key = onnx_text(g, &f);
        if (f.number == 2) value = onnx_text(g, &f);
    }
    if (!onnx_finished(g, &r, "a tensor's place")) return;
    bool sound = true;
    if (!strcmp(key, "location")) t->location = value;
    if (!strcmp(key, "offset")) sound = decimal(value, &t->offset);
    if (!strcmp(key, "length")) sound = t->has_length = decimal(value, &t->length);
    if (!sound)
        mite_ir_fail(g, MITE_ERR_FORMAT, "tensor %q: the %s of its data is %q, which is no number",
                     t->name, key, value);
}

bool onnx_read_tensor(mite_ir_graph *g, mite_span message, onnx_tensor *t) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    size_t count;
    *t = (onnx_tensor){.name = "", .location = "", .message = message};
    while (mite_ir_ok(g) && mite_pb_next(&r, &f)) {
        switch (f.number) {
        case 2: t->type = f.value > 64 ? 64 : (int32_t)f.value; break;
        case 8: t->name = onnx_text(g, &f); break;
        case 9:
            t->raw = onnx_nested(g, &f);
            t->has_raw = true;
            break;
        case 13: read_external(g, onnx_nested(g, &f), t); break;
        case 14: t->external = f.value == 1; break;
        default: break;
        }
    }
    if (!onnx_finished(g, &r, "a tensor")) return false;
    const uint64_t *dims = onnx_list_numbers(g, message, 1, MITE_PB_VARINT, &count);
    if (!onnx_read_dims(g, t->name, dims, count, &t->rank, t->dims)) return false;
    return mite_shape_elements(&t->elements, t->rank, t->dims);
}

// --- Numbers ------------------------------------------------------------------------------------

// Bytes of an element in raw data; less than one counts as 1, see raw_bytes.
static size_t file_bytes(int32_t type) {
    switch (type) {
    case ONNX_UINT2:
    case ONNX_INT2:
    case ONNX_UINT4:
    case ONNX_INT4:
    case ONNX_UINT8:
    case ONNX_INT8:
    case ONNX_BOOL: return 1;
    case ONNX_UINT16:
    case ONNX_INT16:
    case ONNX_BFLOAT16:
    case ONNX_FLOAT16: return 2;
    case ONNX_FLOAT:
    case ONNX_INT32:
    case ONNX_UINT32: return 4;
    case ONNX_INT64:
    case ONNX_UINT64:
    case ONNX_DOUBLE: return 8;
    default: return small_real_of(type) ? 1 : 0;
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

static double small_number(const small_real *r, uint32_t bits) {
    uint32_t exponent = bits >> r->fraction & ((1u << r->exponent) - 1);
    uint32_t fraction = bits & ((1u << r->fraction) - 1), all = exponent << r->fraction | fraction;
    bool negative = r->type != ONNX_FLOAT8E8M0 && bits >> (r->exponent + r->fraction) & 1;
    bool unsigned_zero = r->type == ONNX_FLOAT8E4M3FNUZ || r->type == ONNX_FLOAT8E5M2FNUZ;
    if (unsigned_zero && negative && !all) return NAN;
    if (r->type == ONNX_FLOAT8E4M3FN && all == 0x7f) return NAN;
    if (r->type == ONNX_FLOAT8E8M0 && all == 0xff) return NAN;
    if (r->type == ONNX_FLOAT8E5M2 && exponent == 31)
        return fraction ? NAN : negative ? -INFINITY : INFINITY;
    bool normal = exponent || !r->fraction;
    double n = ldexp((normal ? 1 : 0) + ldexp(fraction, -r->fraction),
                     (normal ? (int)exponent : 1) - r->bias);
    return negative ? -n : n;
}

// Little-endian bits of one element -> its number.
static onnx_number number_of(int32_t type, uint64_t bits) {
    onnx_number n = {0};
    uint32_t word = (uint32_t)bits;
    float f;
    if (type == ONNX_BFLOAT16) word <<= 16;
    switch (type) {
    case ONNX_BFLOAT16:
    case ONNX_FLOAT:
        memcpy(&f, &word, 4);
        n.f = (double)f;
        break;
    case ONNX_DOUBLE: memcpy(&n.f, &bits, 8); break;
    case ONNX_FLOAT16: n.f = (double)mite_f32_of_f16((uint16_t)bits); break;
    case ONNX_INT2:
    case ONNX_INT4:
    case ONNX_INT8: n.i = (int8_t)bits; break;
    case ONNX_UINT2:
    case ONNX_UINT4:
    case ONNX_UINT8: n.i = (uint8_t)bits; break;
    case ONNX_INT16: n.i = (int16_t)bits; break;
    case ONNX_UINT16: n.i = (uint16_t)bits; break;
    case ONNX_INT32: n.i = (int32_t)bits; break;
    case ONNX_UINT32: n.i = word; break;
    case ONNX_BOOL: n.i = bits != 0; break;
    default:
        if (small_real_of(type)) n.f = small_number(small_real_of(type), word);
        else n.i = (int64_t)bits;
    }
    return n;
}

// How many elements share a byte.
static size_t in_a_byte(int32_t type) { return 8 / onnx_type_bits(type); }

static size_t raw_bytes(const onnx_tensor *t) {
    size_t shared = in_a_byte(t->type);
    if (shared > 1) return t->elements / shared + (t->elements % shared != 0);
    return t->elements * file_bytes(t->type); // <= SIZE_MAX / 2
}

// Element `i` of those that share a byte, as the bits of a whole one.
static uint64_t share_of(int32_t type, uint64_t byte, size_t i) {
    size_t bits = onnx_type_bits(type);
    uint64_t share = byte >> i * bits & ((1u << bits) - 1);
    bool negative = (type == ONNX_INT4 || type == ONNX_INT2) && share >> (bits - 1);
    return negative ? share | (0xffu << bits & 0xff) : share;
}

// Walks the elements of a tensor, whichever way they lie in the file.
typedef struct cursor {
    const onnx_tensor *t;
    size_t item; // bytes in raw data
    mite_span raw; // data is NULL where elements lie in lists
    mite_pb message, list; // list: the packed field being read
    bool in_list;
    uint64_t shared; // the byte that several elements share
    size_t index;
} cursor;

static bool is_readable(mite_ir_graph *g, const onnx_tensor *t) {
    if (file_bytes(t->type)) return true;
    mite_ir_fail(g, MITE_ERR_UNSUPPORTED, "tensor %q is of a type that is not read (%s)", t->name,
                 onnx_type_name(t->type));
    return false;
}

static bool open_cursor(mite_ir_graph *g, cursor *at, const onnx_tensor *t) {
    if (!is_readable(g, t)) return false;
    if (t->has_raw && t->raw.bytes != raw_bytes(t)) {
        mite_ir_fail(g, MITE_ERR_FORMAT, "tensor %q has %z bytes of data, its shape %T wants %z",
                     t->name, t->raw.bytes, t->rank, t->dims, raw_bytes(t));
        return false;
    }
    *at = (cursor){.t = t, .item = file_bytes(t->type), .message = mite_pb_open(t->message)};
    if (t->has_raw)
        at->raw = (mite_span){t->raw.data ? t->raw.data : t->message.data, t->raw.bytes};
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
    size_t i = at->index++;
    size_t shared = in_a_byte(at->t->type);
    if (!at->raw.data) {
        if (shared == 1) return next_listed(at, bits);
        if (i % shared == 0 && !next_listed(at, &at->shared)) return false;
    } else if (shared > 1) {
        at->shared = at->raw.data[i / shared]; // the length was checked
    } else {
        *bits = 0;
        memcpy(bits, at->raw.data + i * at->item, at->item);
        return true;
    }
    *bits = share_of(at->t->type, at->shared, i % shared);
    return true;
}

static bool too_short(mite_ir_graph *g, const onnx_tensor *t) {
    mite_ir_fail(g, MITE_ERR_FORMAT, "tensor %q has less data than its shape %T wants", t->name,
                 t->rank, t->dims);
    return false;
}

// --- Other files --------------------------------------------------------------------------------

// The name of a file in the model's folder or below it, and nothing else.
static bool stays_inside(const char *name) {
    if (!*name || *name == '/' || strpbrk(name, "\\:")) return false;
    for (const char *at = name; at; at = strchr(at, '/')) {
        at += *at == '/';
        if (!strncmp(at, "..", 2) && (!at[2] || at[2] == '/')) return false;
    }
    return true;
}

static bool check_external(mite_ir_graph *g, const onnx_tensor *t) {
    uint64_t end, wanted = raw_bytes(t);
    if (!is_readable(g, t)) return false;
    if (!stays_inside(t->location)) {
        mite_ir_fail(g, MITE_ERR_FORMAT,
                     "tensor %q lies in %q, which is no file in the model's own folder; save the "
                     "model as one .onnx file without external data",
                     t->name, t->location);
    } else if ((t->has_length && t->length != wanted) ||
               __builtin_add_overflow(t->offset, wanted, &end)) {
        mite_ir_fail(g, MITE_ERR_FORMAT, "tensor %q: %D bytes at %D of %q, but its shape wants %D",
                     t->name, t->has_length ? (int64_t)t->length : (int64_t)wanted,
                     (int64_t)t->offset, t->location, (int64_t)wanted);
    } else if (!t->options || !t->options->read_beside) {
        mite_ir_fail(
            g, MITE_ERR_UNSUPPORTED,
            "tensor %q lies in the file %q beside the model, which was not given; give it, "
            "or save the model as one .onnx file without external data",
            t->name, t->location);
    }
    return mite_ir_ok(g);
}

// Reads the bytes of a tensor in another file to `to`, which has room for raw_bytes.
static bool read_other_file(mite_ir_graph *g, const onnx_tensor *t, void *to) {
    size_t bytes = raw_bytes(t);
    if (!bytes || t->options->read_beside(t->options->context, t->location, t->offset, to, bytes))
        return true;
    mite_ir_fail(g, MITE_ERR_FORMAT,
                 "tensor %q: %z bytes at %D of the file %q beside the model cannot be read",
                 t->name, bytes, (int64_t)t->offset, t->location);
    return false;
}

// The tensor with its bytes in memory of the graph. `bytes` is checked against the graph's limit.
static bool bring_in(mite_ir_graph *g, const onnx_tensor *t, onnx_tensor *here) {
    *here = *t;
    if (!t->external) return true;
    if (!check_external(g, t)) return false;
    void *data = mite_ir_alloc(g, raw_bytes(t) + 1, 1);
    if (!data || !read_other_file(g, t, data)) return false;
    here->raw = (mite_span){data, raw_bytes(t)};
    here->has_raw = true;
    return true;
}

// --- Results ------------------------------------------------------------------------------------

bool onnx_tensor_numbers(mite_ir_graph *g, const onnx_tensor *given, onnx_number *out) {
    onnx_tensor t;
    cursor at;
    uint64_t bits;
    if (!bring_in(g, given, &t) || !open_cursor(g, &at, &t)) return false;
    for (size_t i = 0; i < t.elements; i++) {
        if (!next_bits(&at, &bits)) return too_short(g, &t);
        out[i] = number_of(t.type, bits);
    }
    return true;
}

// Enough bytes in the message for as many elements, before memory is taken for them.
static bool has_data(mite_ir_graph *g, const onnx_tensor *t) {
    return t->has_raw || t->elements / 4 <= t->message.bytes || too_short(g, t);
}

static bool is_as_in_memory(const onnx_tensor *t) {
    return t->type != ONNX_BOOL && in_a_byte(t->type) == 1 && onnx_tensor_type(t) == t->type;
}

mite_ir_value *onnx_tensor_constant(mite_ir_graph *g, const onnx_tensor *given) {
    onnx_tensor t = *given;
    cursor at;
    uint64_t bits;
    bool whole = given->external && is_as_in_memory(given); // straight to its place
    if (whole ? !check_external(g, given)
              : !bring_in(g, given, &t) || !open_cursor(g, &at, &t) || !has_data(g, &t)) {
        return NULL;
    }
    mite_ir_value *v =
        mite_ir_constant(g, t.name, onnx_dtype(onnx_tensor_type(&t)), t.rank, t.dims);
    if (!v) return NULL;
    if (whole) return read_other_file(g, &t, v->data) ? v : NULL;
    if (t.has_raw && is_as_in_memory(&t)) {
        if (v->bytes) memcpy(v->data, t.raw.data, v->bytes);
        return v;
    }
    for (size_t i = 0; i < t.elements; i++) {
        if (!next_bits(&at, &bits)) {
            too_short(g, &t);
            return NULL;
        }
        if (t.type == ONNX_BOOL) bits = bits != 0;
        if (onnx_tensor_type(&t) != t.type) {
            ((float *)v->data)[i] = (float)number_of(t.type, bits).f;
            continue;
        }
        memcpy((uint8_t *)v->data + i * at.item, &bits, at.item); // the low bytes
    }
    return v;
}

// --- Sparse tensors -----------------------------------------------------------------------------

// The element that entry `i` of the indices means; false where there is none.
static bool place_of(const onnx_sparse *s, const onnx_number *indices, size_t i, size_t elements,
                     size_t *out) {
    *out = 0;
    if (s->indices.rank == 1) {
        *out = (size_t)indices[i].i;
        return indices[i].i >= 0 && (uint64_t)indices[i].i < elements;
    }
    for (size_t d = 0; d < s->rank; d++) {
        int64_t at = indices[i * s->rank + d].i;
        if (at < 0 || at >= s->dims[d]) return false;
        *out = *out * (size_t)s->dims[d] + (size_t)at;
    }
    return true;
}

mite_ir_value *onnx_sparse_constant(mite_ir_graph *g, const onnx_sparse *s) {
    size_t count = s->values.elements, each = s->indices.rank == 1 ? 1 : s->rank, place;
    bool fits =
        s->values.rank == 1 && s->indices.type == ONNX_INT64 &&
        (s->indices.rank == 1 || (s->indices.rank == 2 && (size_t)s->indices.dims[1] == s->rank)) &&
        s->indices.elements == count * each && s->indices.elements / 8 <= SIZE_MAX / 64;
    if (!fits) {
        mite_ir_fail(g, MITE_ERR_FORMAT, "sparse tensor %q: its indices do not fit its values",
                     s->values.name);
        return NULL;
    }
    const mite_ir_value *values = onnx_tensor_constant(g, &s->values);
    if (!values || !has_data(g, &s->indices)) return NULL;
    onnx_number *indices = mite_ir_alloc(g, s->indices.elements, sizeof *indices);
    mite_ir_value *v = mite_ir_constant(g, s->values.name, values->dtype, s->rank, s->dims);
    if (!indices || !v || !onnx_tensor_numbers(g, &s->indices, indices)) return NULL;
    size_t item = mite_dtype_bytes(v->dtype);
    for (size_t i = 0; i < count; i++) {
        if (!place_of(s, indices, i, mite_ir_elements(v), &place)) {
            mite_ir_fail(g, MITE_ERR_FORMAT, "sparse tensor %q: index %z lies outside of %T",
                         s->values.name, i, s->rank, s->dims);
            return NULL;
        }
        memcpy((uint8_t *)v->data + place * item, (const uint8_t *)values->data + i * item, item);
    }
    return v;
}
