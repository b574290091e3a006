// SPDX-License-Identifier: Apache-2.0
// Fields of ONNX messages: texts, lists, dimensions.
#include "import/onnx/onnx_model.h"

#include "base/sizes.h"

#include <string.h>

#define MAX_ITEMS 10000000u // nodes, tensors, list entries: far above any model

bool onnx_damage(mite_ir_graph *g, const char *where, const char *what) {
    mite_ir_fail(g, MITE_ERR_FORMAT, "not a sound ONNX file: in %s, %s", where, what);
    return false;
}

bool onnx_finished(mite_ir_graph *g, const mite_pb *r, const char *where) {
    if (r->bad) return onnx_damage(g, where, r->bad);
    return mite_ir_ok(g);
}

const char *onnx_text(mite_ir_graph *g, const mite_pb_field *f) {
    if (f->wire != MITE_PB_BYTES || (f->span.bytes && memchr(f->span.data, 0, f->span.bytes))) {
        mite_ir_fail(g, MITE_ERR_FORMAT,
                     "not a sound ONNX file: a name is no text or holds a NUL byte");
        return "";
    }
    return mite_ir_text(g, f->span.data ? (const char *)f->span.data : "", f->span.bytes);
}

mite_span onnx_nested(mite_ir_graph *g, const mite_pb_field *f) {
    if (f->wire != MITE_PB_BYTES) onnx_damage(g, "a message", "a field is of the wrong wire type");
    return f->span;
}

void *onnx_list_for(mite_ir_graph *g, mite_span message, uint32_t number, size_t item_bytes) {
    mite_pb r = mite_pb_open(message);
    mite_pb_field f;
    size_t count = 0;
    while (mite_pb_next(&r, &f)) count += f.number == number;
    if (!onnx_finished(g, &r, "a message")) return NULL;
    if (count > MAX_ITEMS) {
        onnx_damage(g, "a message", "there are too many fields");
        return NULL;
    }
    return mite_ir_alloc(g, count, item_bytes);
}

// Appends the numbers of one field of a repeated number, packed or single, to `out` (NULL: only
// counts). Returns false on damage.
static bool read_numbers(mite_ir_graph *g, const mite_pb_field *f, mite_pb_wire wire, uint64_t *out,
                         size_t *count) {
    if (f->wire == wire) {
        if (out) out[*count] = f->value;
        (*count)++;
        return true;
    }
    if (f->wire != MITE_PB_BYTES)
        return onnx_damage(g, "a list", "a number has the wrong wire type");
    mite_pb r = mite_pb_open(f->span);
    uint64_t value;
    if (wire == MITE_PB_FIXED32) {
        if (f->span.bytes % 4) return onnx_damage(g, "a list", "a number is cut off");
        for (; r.at < r.end; r.at += 4, (*count)++) {
            uint32_t word;
            memcpy(&word, r.at, 4);
            if (out) out[*count] = word;
        }
        return true;
    }
    while (mite_pb_varint(&r, &value)) {
        if (out) out[*count] = value;
        (*count)++;
    }
    return r.bad ? onnx_damage(g, "a list", r.bad) : true;
}

uint64_t *onnx_list_numbers(mite_ir_graph *g, mite_span message, uint32_t number, mite_pb_wire wire,
                            size_t *count) {
    mite_pb_field f;
    uint64_t *out = NULL;
    for (int pass = 0; pass < 2 && mite_ir_ok(g); pass++) {
        mite_pb r = mite_pb_open(message);
        if (pass && !(out = mite_ir_alloc(g, *count, sizeof *out))) return NULL;
        *count = 0;
        while (mite_pb_next(&r, &f)) {
            if (f.number == number && !read_numbers(g, &f, wire, out, count)) return NULL;
        }
    }
    return out;
}

bool onnx_read_dims(mite_ir_graph *g, const char *name, const uint64_t *from, size_t count,
                    size_t *rank, int32_t *dims) {
    size_t elements;
    if (!from || !mite_ir_ok(g)) return false;
    if (count > MITE_MAX_RANK) {
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED, "tensor %q has %z dimensions, at most 8 are read",
                     name, count);
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (from[i] > INT32_MAX) {
            mite_ir_fail(g, MITE_ERR_FORMAT, "tensor %q: dimension %z is %D", name, i,
                         (int64_t)from[i]);
            return false;
        }
        dims[i] = (int32_t)from[i];
    }
    *rank = count;
    if (mite_shape_elements(&elements, count, dims) && elements <= SIZE_MAX / 16) return true;
    mite_ir_fail(g, MITE_ERR_FORMAT, "tensor %q: shape %T is too large", name, count, dims);
    return false;
}
