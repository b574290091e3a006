// SPDX-License-Identifier: Apache-2.0
// The flat exports that mite-convert.wasm has beside those of runtime/wasm.c, in the same manner.
// bindings/js/src/convert.js is their one user.
#ifdef __wasm__

#include "base/sha256.h"
#include "convert.h"
#include "exec/session.h"

#include <string.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("mite"), import_name(#name)))

// 1 where the file beside the source was there and had as many bytes.
IMPORT(read_beside)
int32_t host_read_beside(const char *name, double offset, void *to, size_t bytes);

// 1 where the host has computed the SHA-256.
IMPORT(sha256) int32_t host_sha256(const void *data, size_t bytes, uint8_t *digest);

static void digest(const void *data, size_t bytes, uint8_t out[32]) {
    if (host_sha256(data, bytes, out) != 1) mite_sha256(data, bytes, out);
}

static bool read_beside(void *context, const char *name, uint64_t offset, void *to, size_t bytes) {
    (void)context;
    return host_read_beside(name, (double)offset, to, bytes) == 1;
}

// `shapes`: `shape_count` records of 10 words: name, rank, dims[8] (mite_import_shape).
EXPORT(convert_new)
mite_convert *wasm_convert_new(size_t max_bytes, int32_t will_quantize,
                               const mite_import_shape *shapes, size_t shape_count,
                               int32_t keep_unoptimised, int32_t class_map) {
    mite_convert_options options = {
        .class_map = class_map,
        .max_bytes = max_bytes,
        .keep_unoptimised = keep_unoptimised,
        .will_quantize = will_quantize,
        .shapes = shapes,
        .shape_count = shape_count,
        .read_beside = read_beside,
        .digest = digest,
    };
    return mite_convert_new(&options);
}

EXPORT(convert_free) void wasm_convert_free(mite_convert *c) { mite_convert_free(c); }

EXPORT(convert_read)
int32_t wasm_convert_read(mite_convert *c, const uint8_t *bytes, size_t byte_count) {
    return mite_convert_read(c, bytes, byte_count);
}

EXPORT(convert_error) const char *wasm_convert_error(const mite_convert *c) {
    return mite_convert_error(c);
}

EXPORT(convert_warnings) const char *wasm_convert_warnings(const mite_convert *c) {
    return mite_convert_warnings(c);
}

EXPORT(convert_format) const char *wasm_convert_format(const mite_convert *c) {
    return mite_convert_format(c);
}

EXPORT(convert_port_count)
size_t wasm_convert_port_count(mite_convert *c, int32_t is_output) {
    const mite_ir_graph *g = mite_convert_graph(c);
    return is_output ? g->output_count : g->input_count;
}

// Record of 11 words: name, dtype, rank, shape[8] (-1: open).
EXPORT(convert_port)
void wasm_convert_port(mite_convert *c, int32_t is_output, size_t index, uint32_t *record) {
    const mite_ir_graph *g = mite_convert_graph(c);
    const mite_ir_port *port = is_output ? &g->outputs[index] : &g->inputs[index];
    record[0] = (uint32_t)(uintptr_t)port->name;
    record[1] = (uint32_t)port->value->dtype;
    record[2] = (uint32_t)port->value->rank;
    for (size_t i = 0; i < MITE_MAX_RANK; i++)
        record[3 + i] = port->value->open >> i & 1 ? UINT32_MAX : (uint32_t)port->value->shape[i];
}

// `samples`: addresses of the examples' values, as in mite_quantize_options.
EXPORT(convert_quantize)
int32_t wasm_convert_quantize(mite_convert *c, const float *const *samples, size_t sample_count,
                              int32_t full_range_weights) {
    mite_quantize_options options = {samples, sample_count, full_range_weights != 0};
    return mite_convert_quantize(c, &options);
}

// Record of 2 words: the file's address, to be given to release(), and its length.
EXPORT(convert_write)
int32_t wasm_convert_write(mite_convert *c, const char *metadata, size_t metadata_bytes,
                           uint32_t *record) {
    uint8_t *out;
    size_t out_bytes;
    mite_status status = mite_convert_write(c, metadata, metadata_bytes, &out, &out_bytes);
    record[0] = (uint32_t)(uintptr_t)out;
    record[1] = (uint32_t)out_bytes;
    return status;
}

// `samples` as in convert_quantize; `difference`: two f64, largest difference and largest value.
EXPORT(convert_check)
int32_t wasm_convert_check(mite_convert *c, const uint8_t *bytes, size_t byte_count,
                           const float *const *samples, size_t sample_count, double *difference) {
    mite_convert_difference d;
    mite_status status = mite_convert_check(c, bytes, byte_count, samples, sample_count, &d);
    difference[0] = d.largest_difference;
    difference[1] = d.largest_value;
    return status;
}

// Bytes of all constants that nodes of a body read, and those of the bodies in it.
// NOLINTNEXTLINE(misc-no-recursion): bodies lie in one another at most MITE_MAX_BODY_DEPTH deep
static size_t body_constant_bytes(const mite_graph *bodies, int32_t index) {
    const mite_graph *body = &bodies[index];
    size_t bytes = 0;
    for (size_t i = 0; i < body->node_count; i++) {
        const mite_node *node = &body->nodes[i];
        for (size_t k = 0; k < node->input_count; k++) {
            if (node->inputs[k] == MITE_NO_VALUE) continue;
            const mite_value *v = &body->values[node->inputs[k]];
            if (v->flags & MITE_VALUE_CONSTANT) bytes += v->bytes;
        }
        for (size_t k = 0; k < node->op->body_attrs; k++)
            bytes += body_constant_bytes(bodies, node->attrs[k]);
    }
    return bytes;
}

// Bytes of all constants that a step reads, and those of the bodies that it runs.
static size_t constant_bytes(const mite_step *step) {
    size_t bytes = 0;
    for (size_t i = 0; i < step->node->input_count; i++) {
        const mite_view *v = step->inputs[i];
        if (v && v->value->flags & MITE_VALUE_CONSTANT) bytes += v->value->bytes;
    }
    for (size_t i = 0; i < step->node->op->body_attrs; i++)
        bytes += body_constant_bytes(step->bodies, step->node->attrs[i]);
    return bytes;
}

static size_t dense_bytes(const mite_view *v) {
    return v ? v->elements * mite_dtype_bytes(v->dtype) : 0;
}

// Bytes of all that a step reads and writes, each once.
static size_t moved_bytes(const mite_step *step) {
    size_t bytes = constant_bytes(step);
    for (size_t i = 0; i < step->node->input_count; i++) {
        const mite_view *v = step->inputs[i];
        if (v && !(v->value->flags & MITE_VALUE_CONSTANT)) bytes += dense_bytes(v);
    }
    for (size_t i = 0; i < step->node->output_count; i++) bytes += dense_bytes(step->outputs[i]);
    return bytes;
}

// Runs bodies so often while a model is inspected; what counts beyond stays unknown.
#define INSPECTED_ITERATIONS 4096

// A session as session_new makes it, to look at a model; its loops end soon.
EXPORT(inspect_new)
mite_session *wasm_inspect_new(const mite_model *m) {
    mite_session *s = NULL;
    mite_session_options options = {.thread_count = 1, .max_iterations = INSPECTED_ITERATIONS};
    mite_session_new(&s, m, &options);
    return s;
}

// Record of 13 words about the result of a step: dtype, rank, shape[8], scale (f32 bits), bytes of
// the step's constants, bytes that it reads and writes.
EXPORT(inspect_step)
void wasm_inspect_step(const mite_session *s, size_t index, uint32_t *record) {
    const mite_step *step = mite_session_step(s, index);
    const mite_view *out = step->outputs[0];
    record[0] = (uint32_t)out->dtype;
    record[1] = (uint32_t)out->rank;
    memcpy(record + 2, out->shape, sizeof out->shape);
    memcpy(record + 10, &out->scale, sizeof out->scale);
    record[11] = (uint32_t)constant_bytes(step);
    record[12] = (uint32_t)moved_bytes(step);
}

// How many results step `index` has.
EXPORT(inspect_output_count)
size_t wasm_inspect_output_count(const mite_session *s, size_t index) {
    return mite_session_step(s, index)->node->output_count;
}

// Record of 16 words about result `output` of a step that has just run: name, data, dtype, rank,
// shape[8], scale (f32 bits), zero point, and of pictures (rank 4) the elements from one row and from
// one image to the next; 0 where it is dense.
EXPORT(inspect_value)
void wasm_inspect_value(const mite_session *s, size_t index, size_t output, uint32_t *record) {
    const mite_view *v = mite_session_step(s, index)->outputs[output];
    record[0] = (uint32_t)(uintptr_t)v->value->name;
    record[1] = (uint32_t)(uintptr_t)v->data;
    record[2] = (uint32_t)v->dtype;
    record[3] = (uint32_t)v->rank;
    memcpy(record + 4, v->shape, sizeof v->shape);
    memcpy(record + 12, &v->scale, sizeof v->scale);
    record[13] = (uint32_t)v->zero_point;
    record[14] = v->rank == 4 ? (uint32_t)v->row_stride : 0;
    record[15] = v->rank == 4 ? (uint32_t)v->image_stride : 0;
}

#endif
