// SPDX-License-Identifier: Apache-2.0
// mite.h: run a neural network from a .mite file, in WebAssembly or natively.
//
//   mite_model *m; mite_session *s;
//   mite_model_new(&m, NULL);                        // an empty model
//   while ((n = mite_model_want(m, &dst)) > 0)       // where the next bytes go
//       mite_model_got(m, read(fd, dst, n));         // stream the file in, no second copy
//   mite_session_new(&s, m, NULL);                   // plans and allocates everything
//   memcpy(mite_session_input(s, 0)->data, pixels, mite_session_input(s, 0)->bytes);
//   mite_run(s);                                     // allocates nothing
//   use(mite_session_output(s, 0)->data);
//   mite_session_free(s); mite_model_free(m);
//
// Ownership: what a *_new makes, the matching *_free takes (NULL is fine). A model outlives its
//   sessions. A mite_tensor is lent by its session or model and lives as long as it.
// Threads: a model may serve many sessions; one session, one caller at a time.
// Errors: calls that can fail return a mite_status, 0 is success; mite_model_error and
//   mite_session_error give the sentence: which node, which tensor, which numbers, what to do.
// Units: sizes are bytes (*_bytes), counts are *_count, times are nanoseconds (*_ns); shapes are
//   outermost first. A quantized value q stands for scale * (q - zero_point).
#ifndef MITE_H
#define MITE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#ifdef __EMSCRIPTEN__
#define MITE_API __attribute__((used, visibility("default")))
#else
#define MITE_API __attribute__((visibility("default")))
#endif

#define MITE_VERSION_MAJOR 0
#define MITE_VERSION_MINOR 1
#define MITE_MAX_RANK 8

typedef struct mite_model mite_model;
typedef struct mite_session mite_session;

typedef enum mite_status {
    MITE_OK = 0,
    MITE_MORE = 1,             // not an error: call again (mite_run_step)
    MITE_ERR_ARGUMENT = -1,    // the caller broke the contract of this header
    MITE_ERR_MEMORY = -2,      // an allocation failed; nothing leaked, the object is usable
    MITE_ERR_FORMAT = -3,      // damaged, truncated or not of the format it should have
    MITE_ERR_VERSION = -4,     // a .mite file written for a newer runtime
    MITE_ERR_UNSUPPORTED = -5, // an operator, type or shape that this build lacks
} mite_status;

// The numbers are those stored in .mite files.
typedef enum mite_dtype {
    MITE_F32 = 1,
    MITE_F16 = 2, // storage only
    MITE_U8 = 3,
    MITE_I8 = 4,
    MITE_I32 = 5,
    MITE_I64 = 6,
    MITE_BOOL = 7, // one byte, 0 or 1
    MITE_I16 = 8,
    MITE_F64 = 9,
    MITE_U16 = 10,
    MITE_U32 = 11,
    MITE_U64 = 12,
} mite_dtype;

// A lent view of a graph input or output: dense, outermost dimension first. Of a model, dimensions
// may be open (-1), or the whole shape (rank -1): a session takes them from its inputs.
typedef struct mite_tensor {
    const char *name;
    void *data; // 64-byte aligned; NULL of a model, and of an output whose shape is not known yet
    size_t bytes;
    mite_dtype dtype;
    int32_t rank;
    int32_t shape[MITE_MAX_RANK];
    float scale; // 0 where not quantized
    int32_t zero_point;
} mite_tensor;

// --- Model: constant after loading, may be shared ------------------------------------------------

// Zero is the default everywhere, so `mite_model_options o = {0};` is always right.
typedef struct mite_model_options {
    size_t max_file_bytes; // 0: 2 GiB; a larger file is refused before memory is taken
    int32_t external_digests; // 1: the caller hashes the chunks, see mite_model_digest
} mite_model_options;

MITE_API mite_status mite_model_new(mite_model **out, const mite_model_options *options);

// Sets *dst to where the next bytes of the file belong and returns how many fit there; 0 once
// the file is complete or has failed (mite_model_status tells which).
MITE_API size_t mite_model_want(mite_model *m, void **dst);

// Says that `bytes` bytes, at most as many as wanted, now lie at the last wanted place. Each
// finished chunk is checked at once against its SHA-256; after an error all calls fail alike.
MITE_API mite_status mite_model_got(mite_model *m, size_t bytes);

// With options.external_digests: hands in the SHA-256 (32 bytes) that the caller computed of
// body chunk `index` (WebCrypto is many times faster than C). Chunk extents: mite_model_chunk.
MITE_API mite_status mite_model_digest(mite_model *m, size_t index, const uint8_t *digest);
// Where body chunk `index` lies in memory, once all its bytes have arrived; NULL before.
MITE_API const uint8_t *mite_model_chunk(const mite_model *m, size_t index, size_t *bytes);

// MITE_MORE: bytes (or digests) are missing; MITE_OK: ready.
MITE_API mite_status mite_model_status(const mite_model *m);
MITE_API const char *mite_model_error(const mite_model *m); // "" when none
MITE_API uint64_t mite_model_file_bytes(const mite_model *m); // 0 until the header is in
MITE_API const uint8_t *mite_model_id(const mite_model *m); // SHA-256 of header and chunk table
MITE_API const char *mite_model_metadata(const mite_model *m, size_t *bytes); // JSON, UTF-8
MITE_API size_t mite_model_input_count(const mite_model *m);
MITE_API size_t mite_model_output_count(const mite_model *m);
MITE_API mite_tensor mite_model_input(const mite_model *m, size_t index);
MITE_API mite_tensor mite_model_output(const mite_model *m, size_t index);
MITE_API void mite_model_free(mite_model *m);

// --- Session: planned memory, inputs, outputs ----------------------------------------------------

typedef enum mite_isa { // which kernels may be used; what the build lacks is ignored
    MITE_ISA_BEST = 0,
    MITE_ISA_PLAIN = 1,
    MITE_ISA_SIMD128 = 2,
    MITE_ISA_RELAXED = 3,
} mite_isa;

typedef struct mite_session_options {
    int32_t thread_count; // 0: one
    int32_t profile; // 1: keep a time for every node (mite_node_at)
    size_t max_memory_bytes; // 0: no limit but the address space
    int32_t isa; // mite_isa, for tests and comparisons
    // Of all loops together in one run, so that none goes on for ever; 0: 262,144.
    uint32_t max_iterations;
    uint64_t (*clock_ns)(void *context); // needed by profile and by mite_run_step
    void *clock_context;
} mite_session_options;

// Infers shapes, plans one arena and allocates it. Open dimensions are taken as 1 to begin with.
// Where a shape depends on computed numbers (NonZero, loops), mite_run itself plans the rest anew;
// the runs of all other models allocate nothing.
MITE_API mite_status mite_session_new(mite_session **out, const mite_model *m,
                                      const mite_session_options *options);
// Also tells why mite_session_new failed: it then leaves a session that can only be asked
// and freed (or NULL if there was no memory even for that).
MITE_API const char *mite_session_error(const mite_session *s);
MITE_API mite_tensor *mite_session_input(mite_session *s, size_t index); // write here
MITE_API const mite_tensor *mite_session_output(const mite_session *s,
                                                size_t index); // until the next run

// Gives input `index` another shape, which must agree with the model's but for open dimensions.
// When all have theirs, mite_session_plan plans anew; what was lent by the session before is gone.
MITE_API mite_status mite_session_resize(mite_session *s, size_t index, size_t rank,
                                         const int32_t *shape);
MITE_API mite_status mite_session_plan(mite_session *s);

// Says whether runs shall compute output `index` (they do to begin with). What only unwanted outputs need is
// not run, and these hold no meaning then. Where shapes depend on computed numbers, all is run.
MITE_API mite_status mite_session_want(mite_session *s, size_t index, int32_t wanted);

MITE_API mite_status mite_run(mite_session *s);

// Runs whole nodes until about budget_ns have passed (0: one node). MITE_MORE: call again;
// MITE_OK: the outputs are ready. mite_run_cancel makes the next call start from the beginning.
MITE_API mite_status mite_run_step(mite_session *s, uint64_t budget_ns);
MITE_API void mite_run_cancel(mite_session *s);

typedef struct mite_node_info {
    const char *name, *op, *kernel; // "features.3", "conv2d", "conv_f32_relaxed"
    uint64_t time_ns; // of the last run; 0 without options.profile
    uint64_t macs; // multiply-adds of one run
} mite_node_info;

MITE_API size_t mite_node_count(const mite_session *s);
MITE_API mite_node_info mite_node_at(const mite_session *s, size_t index); // in running order

MITE_API size_t mite_session_arena_bytes(const mite_session *s); // activations and scratch
MITE_API size_t mite_session_bytes(const mite_session *s); // all that the session holds
MITE_API void mite_session_free(mite_session *s);

MITE_API const char *mite_status_name(mite_status status); // "MITE_ERR_FORMAT"
MITE_API size_t mite_dtype_bytes(mite_dtype dtype);

#ifdef __cplusplus
}
#endif
#endif // MITE_H
