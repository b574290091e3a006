// SPDX-License-Identifier: Apache-2.0
// The edge of the public API: handles and argument checks.
#include "mite.h"

#include "exec/session.h"
#include "format/reader.h"

#include <stdlib.h>
#include <string.h>

struct mite_model {
    mite_reader reader;
};

mite_status mite_model_new(mite_model **out, const mite_model_options *options) {
    mite_model *m = *out = calloc(1, sizeof *m);
    if (!m) return MITE_ERR_MEMORY;
    mite_reader_begin(&m->reader, options ? options->max_file_bytes : 0,
                      options && options->external_digests);
    return MITE_OK;
}

size_t mite_model_want(mite_model *m, void **dst) { return mite_reader_want(&m->reader, dst); }

mite_status mite_model_got(mite_model *m, size_t bytes) {
    return mite_reader_got(&m->reader, bytes);
}

mite_status mite_model_digest(mite_model *m, size_t index, const uint8_t *digest) {
    return mite_reader_digest(&m->reader, index, digest);
}

const uint8_t *mite_model_chunk(const mite_model *m, size_t index, size_t *bytes) {
    return mite_reader_chunk(&m->reader, index, bytes);
}

mite_status mite_model_status(const mite_model *m) { return mite_reader_status(&m->reader); }
const char *mite_model_error(const mite_model *m) { return m->reader.error.text; }

uint64_t mite_model_file_bytes(const mite_model *m) {
    return m->reader.file ? m->reader.header.file_bytes : 0;
}

const uint8_t *mite_model_id(const mite_model *m) { return m->reader.header.head_digest; }

// The metadata lies in the body, so it may be read once its bytes were checked.
const char *mite_model_metadata(const mite_model *m, size_t *bytes) {
    const mite_reader *r = &m->reader;
    uint64_t end = r->header.metadata_offset + r->header.metadata_bytes;
    *bytes = 0;
    if (!r->file || r->checked_bytes < end) return NULL;
    *bytes = (size_t)r->header.metadata_bytes;
    return (const char *)r->file + r->header.metadata_offset;
}

static mite_tensor describe(const mite_value *value) {
    size_t elements;
    if (value->rank < 0 || !mite_shape_elements(&elements, (size_t)value->rank, value->shape))
        elements = 0; // open
    mite_tensor t = {
        .name = value->name,
        .bytes = elements * mite_dtype_bytes(value->dtype),
        .dtype = value->dtype,
        .rank = value->rank,
        .scale = value->scale,
        .zero_point = value->zero_point,
    };
    memcpy(t.shape, value->shape, sizeof t.shape);
    return t;
}

size_t mite_model_input_count(const mite_model *m) { return m->reader.graph.input_count; }
size_t mite_model_output_count(const mite_model *m) { return m->reader.graph.output_count; }

mite_tensor mite_model_input(const mite_model *m, size_t index) {
    const mite_graph *g = &m->reader.graph;
    if (index >= g->input_count) return (mite_tensor){0};
    return describe(&g->values[g->inputs[index]]);
}

mite_tensor mite_model_output(const mite_model *m, size_t index) {
    const mite_graph *g = &m->reader.graph;
    if (index >= g->output_count) return (mite_tensor){0};
    return describe(&g->values[g->outputs[index]]);
}

void mite_model_free(mite_model *m) {
    if (!m) return;
    mite_reader_free(&m->reader);
    free(m);
}

const mite_graph *mite_model_graph(const mite_model *m) {
    return mite_model_status(m) == MITE_OK ? &m->reader.graph : NULL;
}

mite_status mite_session_new(mite_session **out, const mite_model *m,
                             const mite_session_options *options) {
    *out = NULL;
    const mite_graph *graph = m ? mite_model_graph(m) : NULL;
    return graph ? mite_session_new_graph(out, graph, options) : MITE_ERR_ARGUMENT;
}

const char *mite_status_name(mite_status status) {
    switch (status) {
    case MITE_OK: return "MITE_OK";
    case MITE_MORE: return "MITE_MORE";
    case MITE_ERR_ARGUMENT: return "MITE_ERR_ARGUMENT";
    case MITE_ERR_MEMORY: return "MITE_ERR_MEMORY";
    case MITE_ERR_FORMAT: return "MITE_ERR_FORMAT";
    case MITE_ERR_VERSION: return "MITE_ERR_VERSION";
    case MITE_ERR_UNSUPPORTED: return "MITE_ERR_UNSUPPORTED";
    }
    return "unknown status";
}
