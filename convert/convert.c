// SPDX-License-Identifier: Apache-2.0
#include "convert.h"

#include "check.h"
#include "exec/session.h"
#include "lower.h"
#include "passes/passes.h"
#include "quantize/quantize.h"
#include "write.h"

#include <stdlib.h>
#include <string.h>

struct mite_convert {
    mite_convert_options options;
    mite_import_shape *shapes; // owned
    mite_ir_graph *graph;      // owned; NULL before reading
    const char *format;
    bool fix_open; // of inputs, at import
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

// One import: NULL where there is no memory even for a graph.
static mite_ir_graph *import_once(mite_convert *c, const uint8_t *bytes, size_t byte_count,
                                  mite_import_stand_ins *stand_ins, mite_text *warnings) {
    mite_ir_graph *g = mite_ir_new(c->options.max_bytes);
    if (!g) return NULL;
    const format *f = format_of(bytes, byte_count);
    mite_import_options options = {
        .shapes = c->options.shapes,
        .shape_count = c->options.shape_count,
        .fix_open = c->fix_open,
        .read_beside = c->options.read_beside,
        .context = c->options.context,
        .stand_ins = stand_ins,
    };
    c->format = f ? f->name : "";
    if (!f) {
        mite_ir_fail(
            g, MITE_ERR_FORMAT,
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

#define MAX_IMPORTS 6 // of one source, each with better stand-ins for what is open

// Parses a source into a graph of its own.
static mite_ir_graph *import(mite_convert *c, const uint8_t *bytes, size_t byte_count,
                             mite_text *warnings) {
    mite_import_stand_ins stand_ins = {.changed = false};
    mite_ir_graph *g = NULL;
    for (size_t i = 0; i < MAX_IMPORTS; i++) {
        mite_text_free(warnings);
        mite_ir_free(g);
        stand_ins.changed = false;
        g = import_once(c, bytes, byte_count, &stand_ins, warnings);
        // What was learned holds of the stand-ins that there were.
        if (g && !stand_ins.changed && g->has_unsuited && !stand_ins.even)
            stand_ins = (mite_import_stand_ins){.even = true, .changed = true};
        if (!g || !stand_ins.changed || (!mite_ir_ok(g) && g->error.status == MITE_ERR_MEMORY))
            break;
    }
    return g;
}

// Imports and simplifies; what the graph says of it is the result.
static mite_ir_graph *read(mite_convert *c, const uint8_t *bytes, size_t byte_count) {
    mite_text_free(&c->warnings);
    mite_ir_graph *g = import(c, bytes, byte_count, &c->warnings);
    if (g && c->options.keep_unoptimised) mite_passes_finish(g);
    else if (g && mite_ir_ok(g)) mite_passes_run(g, !c->options.will_quantize);
    return g;
}

static bool has_open_inputs(const mite_ir_graph *g) {
    for (size_t i = 0; i < g->input_count; i++)
        if (g->inputs[i].value->open) return true;
    return false;
}

// Open dimensions stay open where that can be: what is quantized is calibrated for one shape, and
// some operators need to know their shapes.
mite_status mite_convert_read(mite_convert *c, const uint8_t *bytes, size_t byte_count) {
    mite_ir_free(c->graph);
    c->error = (mite_ir_error){MITE_OK, ""};
    c->fix_open = c->options.will_quantize != 0;
    c->graph = read(c, bytes, byte_count);
    if (c->graph && c->graph->error.status == MITE_ERR_UNSUPPORTED && has_open_inputs(c->graph)) {
        mite_ir_free(c->graph);
        c->fix_open = true;
        c->graph = read(c, bytes, byte_count);
    }
    if (!c->graph) return fail(c, MITE_ERR_MEMORY, "no memory to begin the conversion");
    if (mite_ir_ok(c->graph) && c->options.class_map && !mite_has_class_map(c->graph))
        mite_ir_fail(
            c->graph, MITE_ERR_UNSUPPORTED,
            "there is no class map: the network does not end in global average pooling and one "
            "linear layer of floats; convert it without, and explain it by occlusion");
    // Quantization would give it weights of its own; it is added after that.
    if (mite_ir_ok(c->graph) && c->options.class_map && !c->options.will_quantize)
        mite_add_class_map(c->graph, MITE_CLASS_MAP);
    if (mite_ir_ok(c->graph)) return MITE_OK;
    return fail(c, c->graph->error.status, c->graph->error.text);
}

mite_status mite_convert_quantize(mite_convert *c, const mite_quantize_options *options) {
    if (!c->graph || !c->options.will_quantize)
        return fail(c, MITE_ERR_ARGUMENT, "the source was not read for quantization");
    mite_quantize(c->graph, options);
    if (mite_ir_ok(c->graph) && c->options.class_map) mite_add_class_map(c->graph, MITE_CLASS_MAP);
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
    mite_session_options options = {.max_memory_bytes = c->graph->max_bytes / 2};
    mite_status status = mite_session_new_graph(&s, graph, &options);
    if (status) {
        status = fail(c, status, s ? mite_session_error(s) : "no memory to try the model");
    } else {
        size_t work_bytes = mite_session_arena_bytes(s) + mite_session_owned_bytes(s);
        status = mite_write(out, out_bytes, graph, metadata, metadata_bytes, work_bytes,
                            c->options.digest, &error);
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

mite_status mite_convert_check(mite_convert *c, const uint8_t *bytes, size_t byte_count,
                               const float *const *samples, size_t sample_count,
                               mite_convert_difference *out) {
    mite_text warnings = {0};
    mite_error error = {MITE_OK, ""};
    *out = (mite_convert_difference){0, 0};
    if (!c->graph) return fail(c, MITE_ERR_ARGUMENT, "no source was read yet");
    mite_ir_graph *g = import(c, bytes, byte_count, &warnings);
    if (!g) return fail(c, MITE_ERR_MEMORY, "no memory for the check");
    mite_passes_finish(g);
    if (mite_check(c->graph, g, samples, sample_count, out, &error))
        fail(c, error.status, error.text);
    mite_ir_free(g);
    mite_text_free(&warnings);
    return c->error.status;
}
