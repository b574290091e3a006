// SPDX-License-Identifier: Apache-2.0
// The module's flat exports: numbers and addresses only, so that a binding needs no glue code.
// bindings/js/src/wasm.js is their one user. Addresses of objects are handles; a "record" is an
// array of 32-bit words in the caller's memory, laid out as the comment above its function says.
#ifdef __wasm__

#include "base/sha256.h"
#include "exec/session.h"
#include "exec/threads_host.h"
#include "image/image.h"
#include "ops/op.h"

#include <stdlib.h>
#include <string.h>

#define EXPORT(name) __attribute__((export_name(#name)))
#define IMPORT(name) __attribute__((import_module("mite"), import_name(#name)))

IMPORT(now_ms) double host_now_ms(void); // milliseconds, monotonic

static uint64_t clock_ns(void *context) {
    (void)context;
    return (uint64_t)(host_now_ms() * 1e6);
}

// Operators of a side module (docs/architecture.md, "Modules"), asked of whoever loaded it; sets
// nothing where there is none.
IMPORT(more_operators) const mite_op *const *host_more_operators(size_t *count);

const mite_op *const *mite_op_list_more(size_t *count) {
    *count = 0;
    return host_more_operators(count);
}

void *sbrk(intptr_t bytes); // of the C library, whose header has it for POSIX only

// Keeps the memory up to address `end` out of the heap, for a side module that is linked to lie from
// `begin` on; before the first alloc. 0: it is not free, or there is no memory.
EXPORT(reserve) int32_t wasm_reserve(size_t begin, size_t end) {
    size_t used = (size_t)sbrk(0);
    return used <= begin && begin < end && sbrk((intptr_t)(end - used)) != (void *)-1;
}

EXPORT(alloc) void *wasm_alloc(size_t bytes) { return malloc(bytes); }
EXPORT(release) void wasm_release(void *block) { free(block); }

// For pages without WebCrypto (insecure origins): SHA-256 of a whole file. `digest`: 32 bytes.
EXPORT(sha256) void wasm_sha256(const uint8_t *data, size_t bytes, uint8_t *digest) {
    mite_sha256(data, bytes, digest);
}

// --- Model ---------------------------------------------------------------------------------------

EXPORT(model_new) mite_model *wasm_model_new(size_t max_file_bytes, int32_t external_digests) {
    mite_model *m;
    mite_model_options options = {max_file_bytes, external_digests};
    return mite_model_new(&m, &options) ? NULL : m;
}

EXPORT(model_want) size_t wasm_model_want(mite_model *m) {
    void *at;
    return mite_model_want(m, &at);
}

EXPORT(model_want_at) void *wasm_model_want_at(mite_model *m) {
    void *at;
    mite_model_want(m, &at);
    return at;
}

EXPORT(model_got) int32_t wasm_model_got(mite_model *m, size_t bytes) {
    return mite_model_got(m, bytes);
}

EXPORT(model_digest)
int32_t wasm_model_digest(mite_model *m, size_t index, const uint8_t *digest) {
    return mite_model_digest(m, index, digest);
}

EXPORT(model_chunk) const void *wasm_model_chunk(const mite_model *m, size_t index) {
    size_t bytes;
    return mite_model_chunk(m, index, &bytes);
}

EXPORT(model_chunk_bytes) size_t wasm_model_chunk_bytes(const mite_model *m, size_t index) {
    size_t bytes;
    return mite_model_chunk(m, index, &bytes) ? bytes : 0;
}

EXPORT(model_status) int32_t wasm_model_status(const mite_model *m) { return mite_model_status(m); }

EXPORT(model_error) const char *wasm_model_error(const mite_model *m) {
    return mite_model_error(m);
}

EXPORT(model_file_bytes) double wasm_model_file_bytes(const mite_model *m) {
    return (double)mite_model_file_bytes(m);
}

EXPORT(model_id) const uint8_t *wasm_model_id(const mite_model *m) { return mite_model_id(m); }

EXPORT(model_metadata) const char *wasm_model_metadata(const mite_model *m) {
    size_t bytes;
    return mite_model_metadata(m, &bytes);
}

EXPORT(model_metadata_bytes) size_t wasm_model_metadata_bytes(const mite_model *m) {
    size_t bytes;
    return mite_model_metadata(m, &bytes) ? bytes : 0;
}

EXPORT(model_free) void wasm_model_free(mite_model *m) { mite_model_free(m); }

// --- Ports: inputs and outputs -------------------------------------------------------------------

EXPORT(model_input_count) size_t wasm_model_input_count(const mite_model *m) {
    return mite_model_input_count(m);
}

EXPORT(model_output_count) size_t wasm_model_output_count(const mite_model *m) {
    return mite_model_output_count(m);
}

// Record of 15 words: name, data, bytes, dtype, rank, shape[8], scale (f32 bits), zero point.
static void put_port(uint32_t *record, const mite_tensor *t) {
    record[0] = (uint32_t)(uintptr_t)t->name;
    record[1] = (uint32_t)(uintptr_t)t->data;
    record[2] = (uint32_t)t->bytes;
    record[3] = (uint32_t)t->dtype;
    record[4] = (uint32_t)t->rank;
    memcpy(record + 5, t->shape, sizeof t->shape);
    memcpy(record + 13, &t->scale, sizeof t->scale);
    record[14] = (uint32_t)t->zero_point;
}

EXPORT(model_port)
void wasm_model_port(const mite_model *m, int32_t is_output, size_t index, uint32_t *record) {
    mite_tensor t = is_output ? mite_model_output(m, index) : mite_model_input(m, index);
    put_port(record, &t);
}

EXPORT(session_port)
void wasm_session_port(mite_session *s, int32_t is_output, size_t index, uint32_t *record) {
    put_port(record, is_output ? mite_session_output(s, index) : mite_session_input(s, index));
}

// --- Session -------------------------------------------------------------------------------------

// 0 where there is no memory at all; otherwise session_error is "" or says why it cannot run.
EXPORT(session_new)
mite_session *wasm_session_new(const mite_model *m, int32_t threads, int32_t profile, int32_t isa,
                               size_t max_memory_bytes) {
    mite_session *s = NULL;
    mite_session_options options = {
        .thread_count = threads,
        .profile = profile,
        .max_memory_bytes = max_memory_bytes,
        .isa = isa,
        .clock_ns = clock_ns,
    };
    mite_session_new(&s, m, &options);
    return s;
}

// Shapes for inputs with open dimensions; what session_port said before is gone after session_plan.
EXPORT(session_resize)
int32_t wasm_session_resize(mite_session *s, size_t index, size_t rank, const int32_t *shape) {
    return mite_session_resize(s, index, rank, shape);
}

EXPORT(session_plan) int32_t wasm_session_plan(mite_session *s) { return mite_session_plan(s); }

EXPORT(session_error) const char *wasm_session_error(const mite_session *s) {
    return mite_session_error(s);
}

EXPORT(session_want)
int32_t wasm_session_want(mite_session *s, size_t index, int32_t wanted) {
    return mite_session_want(s, index, wanted);
}

EXPORT(session_run) int32_t wasm_session_run(mite_session *s) { return mite_run(s); }

EXPORT(session_run_step) int32_t wasm_session_run_step(mite_session *s, double budget_ms) {
    return mite_run_step(s, (uint64_t)(budget_ms * 1e6));
}

EXPORT(session_cancel) void wasm_session_cancel(mite_session *s) { mite_run_cancel(s); }

EXPORT(session_node_count) size_t wasm_session_node_count(const mite_session *s) {
    return mite_node_count(s);
}

// Record of 8 words, 8-byte aligned: name, operator, kernel, 0, time in ms (f64), MACs (f64).
EXPORT(session_node)
void wasm_session_node(const mite_session *s, size_t index, uint32_t *record) {
    mite_node_info node = mite_node_at(s, index);
    double numbers[2] = {(double)node.time_ns / 1e6, (double)node.macs};
    record[0] = (uint32_t)(uintptr_t)node.name;
    record[1] = (uint32_t)(uintptr_t)node.op;
    record[2] = (uint32_t)(uintptr_t)node.kernel;
    record[3] = 0;
    memcpy(record + 4, numbers, sizeof numbers);
}

EXPORT(session_arena_bytes) size_t wasm_session_arena_bytes(const mite_session *s) {
    return mite_session_arena_bytes(s);
}

EXPORT(session_bytes) size_t wasm_session_bytes(const mite_session *s) {
    return mite_session_bytes(s);
}

EXPORT(session_isa) int32_t wasm_session_isa(const mite_session *s) { return mite_session_isa(s); }

EXPORT(session_free) void wasm_session_free(mite_session *s) { mite_session_free(s); }

// --- Threads -------------------------------------------------------------------------------------
//
// A session made for n threads takes up to n - 1 helpers, each a worker with an instance of the
// same module on the same memory. The worker sets its stack pointer to what session_helper_stack
// gave for it, calls `join` with what session_helper gave and then `help`, where it stays until the
// session is freed. Either is 0 where the session takes no helper of that number.

EXPORT(session_helper) mite_helper *wasm_session_helper(mite_session *s, size_t index) {
    return mite_pool_helper(mite_session_pool(s), index);
}

EXPORT(session_helper_stack) void *wasm_session_helper_stack(mite_session *s, size_t index) {
    const mite_helper *h = mite_pool_helper(mite_session_pool(s), index);
    return h ? mite_host_stack(h) : NULL;
}

EXPORT(join) void wasm_join(mite_helper *helper) { mite_pool_join(helper); }
EXPORT(help) void wasm_help(mite_helper *helper) { mite_pool_help(helper); }

EXPORT(help_crashed) void wasm_help_crashed(mite_helper *helper) { mite_pool_crash(helper); }

// Threads that are there, the caller included.
EXPORT(session_threads) size_t wasm_session_threads(const mite_session *s) {
    return mite_pool_threads(mite_session_pool(s));
}

// Record of 3 words: parts, losses, naps (mite_pool_counts).
EXPORT(session_thread_counts)
void wasm_session_thread_counts(const mite_session *s, size_t slot, mite_pool_counts *record) {
    *record = mite_pool_counts_of(mite_session_pool(s), slot);
}

// --- Pictures ------------------------------------------------------------------------------------
//
// A picture is a mite_pixels (3 words: RGB bytes, width, height), a spec is a mite_image_spec,
// an error is a mite_error (status, then the sentence); all in the caller's memory.

EXPORT(image_decode)
int32_t wasm_image_decode(mite_pixels *out, const uint8_t *bytes, size_t byte_count,
                          size_t max_pixels, uint32_t background_rgb, mite_error *error) {
    return mite_image_decode(out, bytes, byte_count, max_pixels, background_rgb, error);
}

EXPORT(image_fit)
int32_t wasm_image_fit(mite_pixels *out, const mite_pixels *in, const mite_image_spec *spec,
                       mite_error *error) {
    return mite_image_fit(out, in, spec, error);
}

// The part of a picture that the model sees: x, y, width, height.
EXPORT(image_seen)
void wasm_image_seen(mite_image_region *out, size_t width, size_t height,
                     const mite_image_spec *spec) {
    *out = mite_image_seen(width, height, spec);
}

EXPORT(image_normalise)
void wasm_image_normalise(float *out, const mite_pixels *in, const mite_image_spec *spec) {
    mite_image_normalise(out, in, spec);
}

EXPORT(image_release) void wasm_image_release(mite_pixels *pixels) { mite_pixels_free(pixels); }

#endif
