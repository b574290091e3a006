// SPDX-License-Identifier: Apache-2.0
// Everything is measured first, then written once into one block: graph, metadata, weights, and
// last the chunk digests and the header, which vouch for the rest.
#include "write.h"

#include "base/half.h"
#include "base/sha256.h"
#include "base/sizes.h"
#include "format/mite_file.h"
#include "ops/op.h"

#include <stdlib.h>
#include <string.h>

typedef struct writer {
    const mite_graph *graph;
    const char *metadata;
    size_t metadata_bytes;
    uint64_t arena_bytes;
    mite_error *error;

    // Weights: where each constant lies, in order of first use; equal ones share a place.
    uint64_t *places; // by value; UINT64_MAX: not placed yet
    uint64_t *hashes; // of constants
    uint8_t *halves;  // by value: 1 where it is stored as halves
    mite_digest_fn *digest;
    uint32_t *slots; // hash of a digest -> value index + 1
    size_t slot_count; // a power of two
    size_t weights_bytes;

    // Graph section
    size_t node_count; // with those of bodies
    size_t words, string_bytes, values_offset, nodes_offset, words_offset, strings_offset;
    size_t graph_bytes;

    // The file
    size_t chunk_count, body_offset, graph_offset, metadata_offset, weights_offset, file_bytes;
    uint8_t *file;
} writer;

#define BODY_WORDS 4 // before the inputs and outputs of a body

// --- Measuring ----------------------------------------------------------------------------------

static bool is_constant(const mite_value *v) { return (v->flags & MITE_VALUE_CONSTANT) != 0; }

static bool same_bytes(const mite_value *a, const mite_value *b) {
    return a->bytes == b->bytes && !memcmp(a->data, b->data, a->bytes);
}

static uint32_t bits_of(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

// Each half's bits, or how far that gets: false where a number is no half.
static bool to_halves(uint16_t *out, const float *from, size_t count) {
    for (size_t i = 0; i < count; i++) {
        uint16_t half = mite_f16_of_f32(from[i]);
        // By their bits: of zeros the sign, of NaNs all counts.
        if (bits_of(mite_f32_of_f16(half)) != bits_of(from[i])) return false;
        if (out) out[i] = half;
    }
    return true;
}

#define LEAST_HALVES 1024 // numbers of a constant

// Weights that were halves before they came here lose nothing by it. Few of them are not worth the
// memory that a reader takes to widen them.
static void choose_halves(writer *w) {
    uint64_t halved = 0, all = 0;
    for (size_t i = 0; i < w->graph->value_count; i++) {
        const mite_value *v = &w->graph->values[i];
        if (!is_constant(v)) continue;
        all += v->bytes;
        if (v->dtype != MITE_F32 || v->bytes < LEAST_HALVES * sizeof(float)) continue;
        w->halves[i] = to_halves(NULL, v->data, v->bytes / sizeof(float));
        if (w->halves[i]) halved += v->bytes;
    }
    if (halved < all / 2) memset(w->halves, 0, w->graph->value_count);
    else w->arena_bytes += halved; // widened, they lie beside the file
}

static size_t stored_bytes(const writer *w, size_t index) {
    return w->graph->values[index].bytes >> w->halves[index];
}

// Tells constants apart; what looks alike is compared.
static uint64_t hash_of(const mite_value *v) {
    const uint8_t *at = v->data;
    uint64_t h = v->bytes, word;
    for (size_t left = v->bytes; left;) {
        size_t step = left < sizeof word ? left : sizeof word;
        word = 0;
        memcpy(&word, at, step);
        h = (h ^ word) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29;
        at += step;
        left -= step;
    }
    return h;
}

static bool place_constant(writer *w, uint32_t index) {
    const mite_value *v = &w->graph->values[index];
    if (!is_constant(v) || w->places[index] != UINT64_MAX) return true;
    uint64_t hash = w->hashes[index] = hash_of(v);
    size_t at = (size_t)hash & (w->slot_count - 1);
    for (; w->slots[at]; at = (at + 1) & (w->slot_count - 1)) {
        uint32_t other = w->slots[at] - 1;
        if (w->hashes[other] == hash && w->halves[other] == w->halves[index] &&
            same_bytes(&w->graph->values[other], v)) {
            w->places[index] = w->places[other];
            return true;
        }
    }
    w->slots[at] = index + 1;
    w->places[index] = w->weights_bytes;
    return mite_size_add(&w->weights_bytes, w->weights_bytes, stored_bytes(w, index)) &&
           mite_size_align(&w->weights_bytes, w->weights_bytes, MITE_ALIGN);
}

static bool place_constants(writer *w) {
    const mite_graph *g = w->graph;
    w->slot_count = 16;
    while (w->slot_count < 2 * g->value_count) w->slot_count *= 2;
    w->places = malloc((g->value_count + 1) * sizeof *w->places);
    w->hashes = malloc((g->value_count + 1) * sizeof *w->hashes);
    w->halves = calloc(g->value_count + 1, 1);
    w->slots = calloc(w->slot_count, sizeof *w->slots);
    if (!w->places || !w->hashes || !w->halves || !w->slots) return false;
    choose_halves(w);
    memset(w->places, 0xff, g->value_count * sizeof *w->places);
    for (size_t i = 0; i < w->node_count; i++) {
        for (size_t k = 0; k < g->nodes[i].input_count; k++) {
            uint32_t v = g->nodes[i].inputs[k];
            if (v != MITE_NO_VALUE && !place_constant(w, v)) return false;
        }
    }
    for (size_t i = 0; i < g->output_count; i++) {
        if (!place_constant(w, g->outputs[i])) return false;
    }
    for (size_t i = 0; i < g->body_count; i++) {
        for (size_t k = 0; k < g->bodies[i].output_count; k++) {
            if (!place_constant(w, g->bodies[i].outputs[k])) return false;
        }
    }
    return true;
}

// The empty string is there already.
static bool add_string(size_t *bytes, const char *s) {
    return !*s || mite_size_add(bytes, *bytes, strlen(s) + 1);
}

// An operator's name is written once, before its first node's.
static bool first_of_op(const mite_graph *g, size_t i) {
    for (size_t k = 0; k < i; k++) {
        if (g->nodes[k].op == g->nodes[i].op) return false;
    }
    return true;
}

static bool measure_graph(writer *w) {
    const mite_graph *g = w->graph;
    w->words = g->input_count + g->output_count;
    for (size_t i = 0; i < g->body_count; i++)
        w->words += BODY_WORDS + g->bodies[i].input_count + g->bodies[i].output_count;
    w->string_bytes = 1; // the empty string
    for (size_t i = 0; i < g->value_count; i++) {
        if (!add_string(&w->string_bytes, g->values[i].name)) return false;
    }
    for (size_t i = 0; i < w->node_count; i++) {
        const mite_node *n = &g->nodes[i];
        w->words += (size_t)n->input_count + n->output_count + mite_op_attr_words(n->op);
        if (!add_string(&w->string_bytes, n->name)) return false;
        if (first_of_op(g, i) && !add_string(&w->string_bytes, n->op->name)) return false;
    }
    size_t end = sizeof(mite_file_graph), bytes;
    w->values_offset = end;
    if (!mite_size_mul(&bytes, g->value_count, sizeof(mite_file_value))) return false;
    w->nodes_offset = end + bytes;
    if (!mite_size_mul(&bytes, w->node_count, sizeof(mite_file_node))) return false;
    w->words_offset = w->nodes_offset + bytes;
    w->strings_offset = mite_round_up(w->words_offset + w->words * 4, 8);
    w->graph_bytes = w->strings_offset + w->string_bytes;
    return w->graph_bytes < UINT32_MAX;
}

static bool lay_out_file(writer *w) {
    size_t body, metadata_end;
    if (!mite_size_align(&body, w->graph_bytes, MITE_ALIGN)) return false;
    size_t metadata_at = body;
    if (!mite_size_add(&metadata_end, metadata_at, w->metadata_bytes) ||
        !mite_size_align(&metadata_end, metadata_end, MITE_ALIGN) ||
        !mite_size_add(&body, metadata_end, w->weights_bytes)) {
        return false;
    }
    w->chunk_count = (body + MITE_FILE_CHUNK_BYTES - 1) / MITE_FILE_CHUNK_BYTES;
    w->body_offset =
        mite_round_up(sizeof(mite_file_header) + MITE_DIGEST_BYTES * w->chunk_count, MITE_ALIGN);
    w->graph_offset = w->body_offset;
    w->metadata_offset = w->body_offset + metadata_at;
    w->weights_offset = w->body_offset + metadata_end;
    return mite_size_add(&w->file_bytes, w->body_offset, body) && w->chunk_count <= UINT32_MAX;
}

// --- Writing ------------------------------------------------------------------------------------

// Appends to the strings and returns the offset.
static uint32_t put_string(const writer *w, uint32_t *used, const char *s) {
    uint32_t at = *used;
    size_t bytes = strlen(s) + 1;
    if (bytes == 1) return 0;
    memcpy(w->file + w->graph_offset + w->strings_offset + at, s, bytes);
    *used += (uint32_t)bytes;
    return at;
}

static void put_value(const writer *w, size_t i, uint32_t name) {
    const mite_value *v = &w->graph->values[i];
    mite_file_value out = {
        .name = name,
        .dtype = (uint8_t)v->dtype,
        .layout = (uint8_t)v->layout,
        .rank = (uint8_t)v->rank,
        .flags = (uint8_t)v->flags,
        .scale = v->scale,
        .zero_point = v->zero_point,
    };
    if (v->rank > 0) memcpy(out.shape, v->shape, (size_t)v->rank * sizeof *v->shape);
    if (is_constant(v)) {
        out.data_offset = w->places[i];
        uint8_t *to = w->file + w->weights_offset + w->places[i];
        out.data_bytes = stored_bytes(w, i);
        if (w->halves[i]) {
            out.flags |= MITE_VALUE_HALVES;
            to_halves((uint16_t *)(void *)to, v->data, v->bytes / sizeof(float));
        } else if (v->bytes) {
            memcpy(to, v->data, v->bytes);
        }
    }
    memcpy(w->file + w->graph_offset + w->values_offset + i * sizeof out, &out, sizeof out);
}

static uint32_t put_words(const writer *w, uint32_t *used, const void *words, size_t count) {
    uint32_t at = *used;
    if (count) memcpy(w->file + w->graph_offset + w->words_offset + 4 * at, words, 4 * count);
    *used += (uint32_t)count;
    return at;
}

static void put_node(const writer *w, size_t i, uint32_t name, uint32_t op, uint32_t *used) {
    const mite_node *n = &w->graph->nodes[i];
    mite_file_node out = {
        .name = name,
        .op = op,
        .first_word = put_words(w, used, n->inputs, n->input_count),
        .input_count = (uint16_t)n->input_count,
        .output_count = (uint16_t)n->output_count,
        .attr_words = (uint16_t)mite_op_attr_words(n->op),
    };
    put_words(w, used, n->outputs, n->output_count);
    put_words(w, used, n->attrs, out.attr_words);
    memcpy(w->file + w->graph_offset + w->nodes_offset + i * sizeof out, &out, sizeof out);
}

static void put_body(const writer *w, const mite_graph *body, uint32_t *used) {
    uint32_t head[BODY_WORDS] = {(uint32_t)(body->nodes - w->graph->nodes),
                                 (uint32_t)body->node_count, (uint32_t)body->input_count,
                                 (uint32_t)body->output_count};
    put_words(w, used, head, BODY_WORDS);
    put_words(w, used, body->inputs, body->input_count);
    put_words(w, used, body->outputs, body->output_count);
}

static uint32_t op_string(const writer *w, size_t i, uint32_t *used) {
    for (size_t k = 0; k < i; k++) {
        if (w->graph->nodes[k].op != w->graph->nodes[i].op) continue;
        mite_file_node earlier;
        memcpy(&earlier, w->file + w->graph_offset + w->nodes_offset + k * sizeof earlier,
               sizeof earlier);
        return earlier.op;
    }
    return put_string(w, used, w->graph->nodes[i].op->name);
}

static void put_graph(const writer *w) {
    const mite_graph *g = w->graph;
    uint32_t strings = 1, words = 0;
    mite_file_graph head = {
        .value_count = (uint32_t)g->value_count,
        .node_count = (uint32_t)w->node_count,
        .word_count = (uint32_t)w->words,
        .values_offset = (uint32_t)w->values_offset,
        .nodes_offset = (uint32_t)w->nodes_offset,
        .words_offset = (uint32_t)w->words_offset,
        .strings_offset = (uint32_t)w->strings_offset,
        .input_count = (uint32_t)g->input_count,
        .output_count = (uint32_t)g->output_count,
    };
    head.first_word = put_words(w, &words, g->inputs, g->input_count);
    put_words(w, &words, g->outputs, g->output_count);
    head.body_count = (uint32_t)g->body_count;
    head.first_body_word = words;
    for (size_t i = 0; i < g->body_count; i++) put_body(w, &g->bodies[i], &words);
    for (size_t i = 0; i < g->value_count; i++) {
        put_value(w, i, put_string(w, &strings, g->values[i].name));
    }
    for (size_t i = 0; i < w->node_count; i++) {
        uint32_t name = put_string(w, &strings, g->nodes[i].name);
        uint32_t op = op_string(w, i, &strings);
        put_node(w, i, name, op, &words);
    }
    head.string_bytes = (uint32_t)w->string_bytes;
    memcpy(w->file + w->graph_offset, &head, sizeof head);
}

static void put_digests(const writer *w) {
    uint8_t *table = w->file + sizeof(mite_file_header);
    size_t at = w->body_offset;
    for (size_t i = 0; i < w->chunk_count; i++) {
        size_t bytes = mite_min_size(MITE_FILE_CHUNK_BYTES, w->file_bytes - at);
        w->digest(w->file + at, bytes, table + i * MITE_DIGEST_BYTES);
        at += bytes;
    }
}

static bool is_core(const writer *w) {
    for (size_t i = 0; i < w->node_count; i++)
        if (!mite_op_is_core(w->graph->nodes[i].op)) return false;
    return true;
}

static void put_header(const writer *w) {
    mite_file_header h = {
        .major = MITE_FILE_MAJOR,
        .minor = is_core(w) ? MITE_FILE_MINOR : MITE_FILE_MINOR_WHOLE,
        .header_bytes = sizeof h,
        .file_bytes = w->file_bytes,
        .chunk_bytes = MITE_FILE_CHUNK_BYTES,
        .chunk_count = (uint32_t)w->chunk_count,
        .body_offset = w->body_offset,
        .graph_offset = w->graph_offset,
        .graph_bytes = w->graph_bytes,
        .metadata_offset = w->metadata_offset,
        .metadata_bytes = w->metadata_bytes,
        .weights_offset = w->weights_offset,
        .weights_bytes = w->weights_bytes,
        .arena_bytes = w->arena_bytes,
    };
    memcpy(h.magic, MITE_FILE_MAGIC, sizeof h.magic);
    memcpy(w->file, &h, sizeof h);
    mite_sha256_state s;
    mite_sha256_begin(&s);
    mite_sha256_add(&s, w->file, offsetof(mite_file_header, head_digest));
    mite_sha256_add(&s, w->file + sizeof h, w->body_offset - sizeof h);
    mite_sha256_end(&s, w->file + offsetof(mite_file_header, head_digest));
}

static mite_status write_all(writer *w) {
    const mite_graph *g = w->graph;
    if (w->node_count > 32768 || g->value_count > 65536) {
        return mite_fail(w->error, MITE_ERR_UNSUPPORTED,
                         "the model has %z operators and %z values, at most 32768 and 65536 fit "
                         "into a .mite file",
                         w->node_count, g->value_count);
    }
    for (size_t i = 0; i < w->node_count; i++) {
        if (g->nodes[i].input_count > UINT16_MAX || g->nodes[i].output_count > UINT16_MAX) {
            return mite_fail(w->error, MITE_ERR_UNSUPPORTED, "%s %q has too many inputs or outputs",
                             g->nodes[i].op->name, g->nodes[i].name);
        }
    }
    if (!place_constants(w)) {
        return mite_fail(w->error, MITE_ERR_MEMORY, "no memory to arrange the weights");
    }
    if (!measure_graph(w) || !lay_out_file(w)) {
        return mite_fail(w->error, MITE_ERR_UNSUPPORTED, "the model is too large for one file");
    }
    w->file = calloc(w->file_bytes, 1);
    if (!w->file) {
        return mite_fail(w->error, MITE_ERR_MEMORY, "no memory for a file of %z bytes",
                         w->file_bytes);
    }
    put_graph(w);
    if (w->metadata_bytes) memcpy(w->file + w->metadata_offset, w->metadata, w->metadata_bytes);
    put_digests(w);
    put_header(w);
    return MITE_OK;
}

mite_status mite_write(uint8_t **out, size_t *out_bytes, const mite_graph *graph,
                       const char *metadata, size_t metadata_bytes, uint64_t arena_bytes,
                       mite_digest_fn *digest, mite_error *error) {
    writer w = {
        .digest = digest ? digest : mite_sha256,
        .graph = graph,
        .node_count = mite_graph_all_nodes(graph),
        .metadata = metadata,
        .metadata_bytes = metadata_bytes,
        .arena_bytes = arena_bytes,
        .error = error,
    };
    mite_status status = write_all(&w);
    free(w.places);
    free(w.hashes);
    free(w.halves);
    free(w.slots);
    *out = w.file;
    *out_bytes = status ? 0 : w.file_bytes;
    return status;
}
