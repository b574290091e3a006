// SPDX-License-Identifier: Apache-2.0
#include "convert.h"

#include "exec/session.h"
#include "lower.h"
#include "passes/passes.h"
#include "quantize/quantize.h"
#include "write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct mite_convert {
    mite_convert_options options;
    mite_import_shape *shapes; // owned
    mite_ir_graph *graph;      // owned; NULL before reading
    const char *format;
    mite_text warnings;
    mite_ir_error error;
};

static mite_status fail(mite_convert *c, mite_status status, const char *sentence) {
    if (!c->error.status) {
        c->error.status = status;
        mite_format(c->error.text, sizeof c->error.text, "%s", sentence);
    }
    return c->error.status;
}

mite_convert *mite_convert_new(const mite_convert_options *options) {
    mite_convert *c = calloc(1, sizeof *c);
    if (!c || !options) return c;
    c->options = *options;
    c->shapes = calloc(options->shape_count + 1, sizeof *c->shapes);
    if (!c->shapes) {
        free(c);
        return NULL;
    }
    if (options->shape_count) {
        memcpy(c->shapes, options->shapes, options->shape_count * sizeof *c->shapes);
    }
    c->options.shapes = c->shapes;
    return c;
}

void mite_convert_free(mite_convert *c) {
    if (!c) return;
    mite_ir_free(c->graph);
    mite_text_free(&c->warnings);
    free(c->shapes);
    free(c);
}

const char *mite_convert_error(const mite_convert *c) { return c->error.text; }
const char *mite_convert_warnings(const mite_convert *c) {
    return c->warnings.data ? c->warnings.data : "";
}
const char *mite_convert_format(const mite_convert *c) { return c->format ? c->format : ""; }
mite_ir_graph *mite_convert_graph(mite_convert *c) { return c->graph; }

// --- Reading ------------------------------------------------------------------------------------

// Formats by how their files begin. ONNX has no signature: its first field is the IR version, a
// small number, by every exporter there is.
typedef struct format {
    const char *name;
    mite_import_fn *import; // NULL: known, not read yet
    size_t offset;
    const char *signature;
    size_t signature_bytes;
} format;

static const format formats[] = {
    {"mite", NULL, 0, "MITE\r\n\x1a\n", 8},
    {"tflite", mite_import_tflite, 4, "TFL3", 4},
    {"zip", NULL, 0, "PK\x03\x04", 4},
    {"onnx", mite_import_onnx, 0, "\x08", 1},
};

static const format *format_of(const uint8_t *bytes, size_t byte_count) {
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        const format *f = &formats[i];
        if (byte_count >= f->offset + f->signature_bytes &&
            !memcmp(bytes + f->offset, f->signature, f->signature_bytes)) {
            return f;
        }
    }
    return NULL;
}

// Parses a source into a graph of its own; NULL where there is no memory even for that.
static mite_ir_graph *import(mite_convert *c, const uint8_t *bytes, size_t byte_count,
                             mite_text *warnings) {
    mite_ir_graph *g = mite_ir_new(c->options.max_bytes);
    if (!g) return NULL;
    const format *f = format_of(bytes, byte_count);
    mite_import_options options = {
        .shapes = c->options.shapes,
        .shape_count = c->options.shape_count,
        .read_beside = c->options.read_beside,
        .context = c->options.context,
    };
    c->format = f ? f->name : "";
    if (!f) {
        mite_ir_fail(g, MITE_ERR_FORMAT,
                     "this is no model file that can be read; ONNX (.onnx) and TFLite (.tflite) files can");
    } else if (!f->import && !strcmp(f->name, "mite")) {
        mite_ir_fail(g, MITE_ERR_FORMAT, "this is a .mite file already; use it as it is");
    } else if (!f->import) {
        mite_ir_fail(g, MITE_ERR_UNSUPPORTED,
                     "%s files cannot be read yet; export the model as ONNX", f->name);
    } else {
        f->import(g, bytes, byte_count, &options, warnings);
    }
    return g;
}

mite_status mite_convert_read(mite_convert *c, const uint8_t *bytes, size_t byte_count) {
    mite_ir_free(c->graph);
    mite_text_free(&c->warnings);
    c->error = (mite_ir_error){MITE_OK, ""};
    c->graph = import(c, bytes, byte_count, &c->warnings);
    if (!c->graph) return fail(c, MITE_ERR_MEMORY, "no memory to begin the conversion");
    if (c->options.keep_unoptimised) mite_passes_finish(c->graph);
    else if (mite_ir_ok(c->graph)) mite_passes_run(c->graph, !c->options.will_quantize);
    if (mite_ir_ok(c->graph)) return MITE_OK;
    return fail(c, c->graph->error.status, c->graph->error.text);
}

mite_status mite_convert_quantize(mite_convert *c, const mite_quantize_options *options) {
    if (!c->graph || !c->options.will_quantize)
        return fail(c, MITE_ERR_ARGUMENT, "the source was not read for quantization");
    mite_quantize(c->graph, options);
    if (mite_ir_ok(c->graph)) mite_passes_run(c->graph, true);
    if (mite_ir_ok(c->graph)) return MITE_OK;
    return fail(c, c->graph->error.status, c->graph->error.text);
}

// --- Writing ------------------------------------------------------------------------------------

static mite_status write_lowered(mite_convert *c, const mite_graph *graph, const char *metadata,
                                 size_t metadata_bytes, uint8_t **out, size_t *out_bytes) {
    mite_error error = {MITE_OK, ""};
    mite_session *s = NULL;
    // Also the last proof that the runtime can run what is written.
    mite_session_options options = {.max_memory_bytes = c->graph->max_bytes};
    mite_status status = mite_session_new_graph(&s, graph, &options);
    if (status) {
        status = fail(c, status, s ? mite_session_error(s) : "no memory to try the model");
    } else {
        status = mite_write(out, out_bytes, graph, metadata, metadata_bytes,
                            mite_session_arena_bytes(s), &error);
        if (status) fail(c, status, error.text);
    }
    mite_session_free(s);
    return status;
}

mite_status mite_convert_write(mite_convert *c, const char *metadata, size_t metadata_bytes,
                               uint8_t **out, size_t *out_bytes) {
    mite_error error = {MITE_OK, ""};
    mite_lowered lowered;
    *out = NULL;
    *out_bytes = 0;
    if (!c->graph) return fail(c, MITE_ERR_ARGUMENT, "no source was read yet");
    if (!mite_ir_ok(c->graph)) return fail(c, c->graph->error.status, c->graph->error.text);
    if (mite_lower(&lowered, c->graph, &error)) return fail(c, error.status, error.text);
    mite_status status = write_lowered(c, &lowered.graph, metadata, metadata_bytes, out, out_bytes);
    mite_lowered_free(&lowered);
    return status;
}

// --- Checking -----------------------------------------------------------------------------------

// A graph ready to run.
typedef struct runner {
    mite_lowered lowered;
    mite_session *session;
} runner;

static mite_status start(mite_convert *c, runner *r, mite_ir_graph *g) {
    mite_error error = {MITE_OK, ""};
    *r = (runner){.session = NULL};
    if (!mite_ir_ok(g)) return fail(c, g->error.status, g->error.text);
    if (mite_lower(&r->lowered, g, &error)) return fail(c, error.status, error.text);
    mite_session_options options = {.max_memory_bytes = g->max_bytes};
    if (!mite_session_new_graph(&r->session, &r->lowered.graph, &options)) return MITE_OK;
    return fail(c, MITE_ERR_MEMORY,
                r->session ? mite_session_error(r->session) : "no memory to run the model");
}

static void stop(runner *r) {
    mite_session_free(r->session);
    mite_lowered_free(&r->lowered);
}

// Numbers in [-1, 1) or bytes, the same for the same seed.
static void fill_input(mite_tensor *t, uint32_t *state) {
    size_t count = t->bytes / mite_dtype_bytes(t->dtype);
    for (size_t i = 0; i < count; i++) {
        *state = *state * 1664525u + 1013904223u;
        if (t->dtype == MITE_F32) ((float *)t->data)[i] = (float)(*state >> 8) * 0x1p-23f - 1.0f;
        else ((uint8_t *)t->data)[i] = (uint8_t)(*state >> 24);
    }
}

static double number_at(const mite_tensor *t, size_t i) {
    if (t->dtype == MITE_F32) return (double)((const float *)t->data)[i];
    if (t->dtype == MITE_I8) return ((const int8_t *)t->data)[i];
    return ((const uint8_t *)t->data)[i];
}

static void compare(const mite_tensor *a, const mite_tensor *b, mite_convert_difference *out) {
    size_t count = a->bytes / mite_dtype_bytes(a->dtype);
    for (size_t i = 0; i < count; i++) {
        double x = number_at(a, i), y = number_at(b, i), difference = fabs(x - y);
        if (isnan(x) != isnan(y)) difference = INFINITY;
        else if (isnan(x) || x == y) difference = 0;
        if (difference > out->largest_difference) out->largest_difference = difference;
        if (fabs(x) > out->largest_value) out->largest_value = fabs(x);
    }
}

static mite_status run_both(mite_convert *c, const runner *a, const runner *b, uint32_t seed,
                            mite_convert_difference *out) {
    const mite_graph *g = &a->lowered.graph;
    uint32_t state_a = seed, state_b = seed;
    for (size_t i = 0; i < g->input_count; i++) {
        fill_input(mite_session_input(a->session, i), &state_a);
        fill_input(mite_session_input(b->session, i), &state_b);
    }
    if (mite_run(a->session) || mite_run(b->session)) {
        return fail(c, MITE_ERR_UNSUPPORTED, "the check could not run the model");
    }
    for (size_t i = 0; i < g->output_count; i++) {
        compare(mite_session_output(a->session, i), mite_session_output(b->session, i), out);
    }
    return MITE_OK;
}

mite_status mite_convert_check(mite_convert *c, const uint8_t *bytes, size_t byte_count,
                               uint32_t seed, mite_convert_difference *out) {
    runner now = {.session = NULL}, plain = {.session = NULL};
    mite_text warnings = {0};
    *out = (mite_convert_difference){0, 0};
    if (!c->graph) return fail(c, MITE_ERR_ARGUMENT, "no source was read yet");
    mite_ir_graph *g = import(c, bytes, byte_count, &warnings);
    if (!g) return fail(c, MITE_ERR_MEMORY, "no memory for the check");
    mite_passes_finish(g);
    mite_status status = start(c, &now, c->graph);
    if (!status) status = start(c, &plain, g);
    if (!status) status = run_both(c, &now, &plain, seed, out);
    stop(&now);
    stop(&plain);
    mite_ir_free(g);
    mite_text_free(&warnings);
    return status;
}
