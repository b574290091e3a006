// SPDX-License-Identifier: Apache-2.0
// The push parser of the .mite format: header -> chunk table -> body.
#include "reader.h"

#include "../base/half.h"
#include "../base/sha256.h"
#include "../base/sizes.h"

#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES sizeof(mite_file_header)

void mite_reader_begin(mite_reader *r, size_t max_file_bytes, bool external_digests) {
    memset(r, 0, sizeof *r);
    r->max_file_bytes = max_file_bytes ? max_file_bytes : (size_t)1 << 31;
    r->external_digests = external_digests;
}

void mite_reader_free(mite_reader *r) {
    free(r->block);
    free(r->checked);
    free(r->graph_memory);
    free(r->wide);
    memset(r, 0, sizeof *r);
}

static mite_status refuse(mite_reader *r, const char *what) {
    return mite_fail(&r->error, MITE_ERR_FORMAT,
                     "this .mite file is damaged: %s; download or convert it again", what);
}

// --- Header --------------------------------------------------------------------------------------

static bool section_fits(const mite_reader *r, uint64_t offset, uint64_t bytes, uint64_t after) {
    return offset % MITE_ALIGN == 0 && offset >= after && offset <= r->header.file_bytes &&
           bytes <= r->header.file_bytes - offset;
}

static mite_status check_geometry(mite_reader *r) {
    const mite_file_header *h = &r->header;
    if (h->header_bytes != HEADER_BYTES || h->chunk_bytes != MITE_FILE_CHUNK_BYTES)
        return refuse(r, "its header gives sizes that version 1 does not have");
    if (h->file_bytes > r->max_file_bytes)
        return mite_fail(&r->error, MITE_ERR_MEMORY,
                         "this .mite file says it is %U bytes long, above the limit of %z bytes; "
                         "raise the limit if you trust it",
                         h->file_bytes, r->max_file_bytes);
    uint64_t table_end = HEADER_BYTES + (uint64_t)MITE_DIGEST_BYTES * h->chunk_count;
    uint64_t body = (table_end + MITE_ALIGN - 1) / MITE_ALIGN * MITE_ALIGN;
    if (h->body_offset != body || h->file_bytes <= body ||
        (h->file_bytes - body + h->chunk_bytes - 1) / h->chunk_bytes != h->chunk_count)
        return refuse(r, "its chunk table does not match its length");
    if (!section_fits(r, h->graph_offset, h->graph_bytes, body) ||
        !section_fits(r, h->metadata_offset, h->metadata_bytes, h->graph_offset + h->graph_bytes) ||
        !section_fits(r, h->weights_offset, h->weights_bytes,
                      h->metadata_offset + h->metadata_bytes))
        return refuse(r, "its sections overlap or leave the file");
    return MITE_OK;
}

static mite_status accept_header(mite_reader *r) {
    const mite_file_header *h = &r->header;
    if (memcmp(h->magic, MITE_FILE_MAGIC, sizeof h->magic))
        return mite_fail(&r->error, MITE_ERR_FORMAT,
                         "this is not a .mite file (it does not begin with the mite signature); "
                         "convert other models with `mite convert`");
    if (h->major != MITE_FILE_MAJOR)
        return mite_fail(&r->error, MITE_ERR_VERSION,
                         "this .mite file has format version %u.%u, this runtime reads version "
                         "%u; update mite or convert the model again",
                         (uint32_t)h->major, (uint32_t)h->minor, (uint32_t)MITE_FILE_MAJOR);
    if (check_geometry(r)) return r->error.status;

    r->block = malloc((size_t)h->file_bytes + MITE_ALIGN);
    r->checked = calloc(h->chunk_count, 1);
    if (!r->block || !r->checked)
        return mite_fail(&r->error, MITE_ERR_MEMORY,
                         "not enough memory for this model: its file needs %U bytes",
                         h->file_bytes);
    uintptr_t at = ((uintptr_t)r->block + MITE_ALIGN - 1) / MITE_ALIGN * MITE_ALIGN;
    r->file = (uint8_t *)at;
    memcpy(r->file, h, HEADER_BYTES);
    return MITE_OK;
}

static mite_status accept_table(mite_reader *r) {
    uint8_t digest[MITE_DIGEST_BYTES];
    mite_sha256_state sha;
    mite_sha256_begin(&sha);
    mite_sha256_add(&sha, r->file, offsetof(mite_file_header, head_digest));
    mite_sha256_add(&sha, r->file + HEADER_BYTES, (size_t)r->header.body_offset - HEADER_BYTES);
    mite_sha256_end(&sha, digest);
    if (memcmp(digest, r->header.head_digest, sizeof digest))
        return refuse(r, "the SHA-256 of its header is wrong");
    r->checked_bytes = (size_t)r->header.body_offset;
    return MITE_OK;
}

// --- Body ----------------------------------------------------------------------------------------

static void chunk_extent(const mite_reader *r, size_t index, size_t *begin, size_t *end) {
    size_t body = (size_t)r->header.body_offset;
    *begin = body + index * MITE_FILE_CHUNK_BYTES;
    *end = mite_min_size(*begin + MITE_FILE_CHUNK_BYTES, (size_t)r->header.file_bytes);
}

static mite_status read_graph_if_there(mite_reader *r) {
    const mite_file_header *h = &r->header;
    if (r->has_graph || r->checked_bytes < h->graph_offset + h->graph_bytes) return MITE_OK;
    mite_status status = mite_read_graph(&r->graph, &r->graph_memory, r->file + h->graph_offset,
                                         (size_t)h->graph_bytes, r->file + h->weights_offset,
                                         (size_t)h->weights_bytes, &r->error);
    r->has_graph = status == MITE_OK;
    return status;
}

// Constants stored as halves are used as f32. What lies between the first and the last of them is
// widened as a whole, once: they may share places, which a hostile file could make do many times over.
static mite_status widen_halves(mite_reader *r) {
    const uint8_t *first = NULL, *last = NULL;
    size_t bytes;
    for (size_t i = 0; i < r->graph.value_count; i++) {
        const mite_value *v = &r->graph.values[i];
        const uint8_t *at = v->data;
        if (!(v->flags & MITE_VALUE_HALVES)) continue;
        if (!first || at < first) first = at;
        if (!last || at + v->bytes > last) last = at + v->bytes;
    }
    if (!first) return MITE_OK;
    size_t count = (size_t)(last - first) / sizeof(uint16_t);
    r->wide = mite_size_mul(&bytes, count, sizeof(float)) ? malloc(bytes + MITE_ALIGN) : NULL;
    if (!r->wide)
        return mite_fail(&r->error, MITE_ERR_MEMORY,
                         "not enough memory to widen this model's %z half-precision weights",
                         count);
    uintptr_t at = ((uintptr_t)r->wide + MITE_ALIGN - 1) / MITE_ALIGN * MITE_ALIGN;
    float *wide = (float *)at;
    for (size_t i = 0; i < count; i++)
        wide[i] = mite_f32_of_f16(((const uint16_t *)(const void *)first)[i]);
    for (size_t i = 0; i < r->graph.value_count; i++) {
        mite_value *v = &r->graph.values[i];
        if (!(v->flags & MITE_VALUE_HALVES)) continue;
        v->data = wide + ((const uint8_t *)v->data - first) / (ptrdiff_t)sizeof(uint16_t);
        v->bytes *= 2;
        v->flags &= ~(uint32_t)MITE_VALUE_HALVES;
    }
    return MITE_OK;
}

static mite_status accept_digest(mite_reader *r, size_t index, const uint8_t *digest) {
    const uint8_t *expected = r->file + HEADER_BYTES + MITE_DIGEST_BYTES * index;
    if (memcmp(digest, expected, MITE_DIGEST_BYTES)) {
        size_t begin, end;
        chunk_extent(r, index, &begin, &end);
        return mite_fail(&r->error, MITE_ERR_FORMAT,
                         "this .mite file is damaged: bytes %z to %z do not have the SHA-256 "
                         "that its header promises; download it again",
                         begin, end - 1);
    }
    r->checked[index] = 1;
    while (r->checked_bytes < r->header.file_bytes) {
        size_t next = (r->checked_bytes - (size_t)r->header.body_offset) / MITE_FILE_CHUNK_BYTES;
        if (!r->checked[next]) break;
        size_t begin;
        chunk_extent(r, next, &begin, &r->checked_bytes);
    }
    if (read_graph_if_there(r)) return r->error.status;
    return r->has_graph && r->checked_bytes == r->header.file_bytes ? widen_halves(r) : MITE_OK;
}

static mite_status check_finished_chunks(mite_reader *r, size_t before) {
    size_t body = (size_t)r->header.body_offset;
    for (size_t i = (before - body) / MITE_FILE_CHUNK_BYTES; i < r->header.chunk_count; i++) {
        uint8_t digest[MITE_DIGEST_BYTES];
        size_t begin, end;
        chunk_extent(r, i, &begin, &end);
        if (end > r->received) break;
        mite_sha256(r->file + begin, end - begin, digest);
        if (accept_digest(r, i, digest)) return r->error.status;
    }
    return MITE_OK;
}

size_t mite_reader_want(mite_reader *r, void **dst) {
    *dst = NULL;
    if (r->error.status) return 0;
    if (r->received < HEADER_BYTES) {
        *dst = (uint8_t *)&r->header + r->received;
        return HEADER_BYTES - r->received;
    }
    size_t end = (size_t)(r->received < r->header.body_offset ? r->header.body_offset
                                                              : r->header.file_bytes);
    if (r->received < end) *dst = r->file + r->received;
    return end - r->received;
}

mite_status mite_reader_got(mite_reader *r, size_t bytes) {
    void *dst;
    if (r->error.status) return r->error.status;
    if (bytes > mite_reader_want(r, &dst))
        return mite_fail(&r->error, MITE_ERR_ARGUMENT,
                         "mite_model_got was told of %z bytes, more than were wanted", bytes);
    size_t before = r->received;
    r->received += bytes;
    if (r->received < HEADER_BYTES) return MITE_MORE;
    if (before < HEADER_BYTES && accept_header(r)) return r->error.status;
    if (r->received < r->header.body_offset) return MITE_MORE;
    if (before < r->header.body_offset) {
        if (accept_table(r)) return r->error.status;
        before = r->received;
    }
    if (!r->external_digests && check_finished_chunks(r, before)) return r->error.status;
    return mite_reader_status(r);
}

mite_status mite_reader_digest(mite_reader *r, size_t index, const uint8_t *digest) {
    size_t bytes;
    if (r->error.status) return r->error.status;
    if (!mite_reader_chunk(r, index, &bytes))
        return mite_fail(&r->error, MITE_ERR_ARGUMENT,
                         "mite_model_digest was given chunk %z, which has not arrived", index);
    if (accept_digest(r, index, digest)) return r->error.status;
    return mite_reader_status(r);
}

const uint8_t *mite_reader_chunk(const mite_reader *r, size_t index, size_t *bytes) {
    *bytes = 0;
    if (!r->file || index >= r->header.chunk_count) return NULL;
    size_t begin, end;
    chunk_extent(r, index, &begin, &end);
    if (end > r->received) return NULL;
    *bytes = end - begin;
    return r->file + begin;
}

mite_status mite_reader_status(const mite_reader *r) {
    if (r->error.status) return r->error.status;
    return r->has_graph && r->checked_bytes == r->header.file_bytes ? MITE_OK : MITE_MORE;
}
