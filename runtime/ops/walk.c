// SPDX-License-Identifier: Apache-2.0
#include "walk.h"

#include "../base/sizes.h"

#include <string.h>

void mite_view_strides(ptrdiff_t strides[MITE_MAX_RANK], const mite_view *v) {
    size_t stride = 1;
    for (size_t i = (size_t)v->rank; i-- > 0;) {
        strides[i] = (ptrdiff_t)stride;
        stride *= (size_t)v->shape[i];
    }
    if (v->rank != 4) return;
    strides[0] = (ptrdiff_t)v->image_stride;
    strides[1] = (ptrdiff_t)v->row_stride;
}

void mite_broadcast_strides(ptrdiff_t strides[MITE_MAX_RANK], const mite_view *v, size_t rank,
                            const int32_t *shape) {
    ptrdiff_t own[MITE_MAX_RANK];
    size_t missing = rank - (size_t)v->rank;
    mite_view_strides(own, v);
    for (size_t i = 0; i < rank; i++) {
        bool repeats = i < missing || v->shape[i - missing] != shape[i];
        strides[i] = repeats ? 0 : own[i - missing];
    }
}

bool mite_broadcast_shape(size_t *rank, int32_t shape[MITE_MAX_RANK], const mite_view *v) {
    size_t own = (size_t)v->rank;
    if (own > *rank) {
        memmove(shape + (own - *rank), shape, *rank * sizeof *shape);
        for (size_t i = 0; i < own - *rank; i++) shape[i] = 1;
        *rank = own;
    }
    for (size_t i = 0; i < own; i++) {
        int32_t *dim = &shape[*rank - own + i];
        if (*dim != v->shape[i] && *dim != 1 && v->shape[i] != 1) return false;
        if (*dim == 1) *dim = v->shape[i];
    }
    return true;
}

void mite_walk_merge(mite_walk *w, size_t operands, size_t rank, const int32_t *shape) {
    size_t kept = 0;
    for (size_t i = 0; i < rank; i++) {
        size_t dim = (size_t)shape[i];
        if (dim == 1) continue;
        bool joins = kept > 0;
        for (size_t k = 0; k < operands; k++) {
            ptrdiff_t inner = w->strides[k][i];
            joins = joins && w->strides[k][kept - 1] == inner * (ptrdiff_t)dim;
        }
        if (!joins) w->dims[kept++] = 1;
        w->dims[kept - 1] *= dim;
        for (size_t k = 0; k < operands; k++) w->strides[k][kept - 1] = w->strides[k][i];
    }
    if (!kept) { // a single element
        w->dims[kept++] = 1;
        for (size_t k = 0; k < operands; k++) w->strides[k][0] = 1;
    }
    w->rank = kept;
    w->length = w->dims[kept - 1];
    w->runs = 1;
    for (size_t i = 0; i + 1 < kept; i++) w->runs *= w->dims[i];
}

void mite_walk_contiguous(mite_walk *w, size_t operands) {
    bool contiguous = true;
    for (size_t k = 0; k < operands; k++) {
        ptrdiff_t step = w->strides[k][w->rank - 1];
        contiguous = contiguous && (step == 0 || step == 1);
    }
    // There is room: such a step stands before a dimension of 1 that merging left out.
    if (contiguous || w->rank == MITE_MAX_RANK) return;
    for (size_t k = 0; k < operands; k++) w->strides[k][w->rank] = 1;
    w->runs *= w->length;
    w->dims[w->rank++] = w->length = 1;
}

void mite_walk_pair(mite_walk *w, const mite_view *out, const mite_view *in) {
    mite_view_strides(w->strides[0], out);
    mite_view_strides(w->strides[1], in);
    mite_walk_merge(w, 2, (size_t)out->rank, out->shape);
    mite_walk_contiguous(w, 2);
}

// Elements worth a part of their own; a multiple of every kernel's vector.
#define PART_UNIT 1024

size_t mite_walk_parts(const mite_walk *w) {
    size_t parts = mite_max_size(1, w->runs * w->length / PART_UNIT);
    return w->runs == 1 ? parts : mite_min_size(parts, mite_max_size(1, w->runs));
}

mite_walk_share mite_walk_share_of(const mite_walk *w, size_t part, size_t part_count) {
    mite_walk_share share = {0, w->runs, 0, w->length};
    if (w->runs == 1) {
        mite_part_range(w->length, PART_UNIT, part, part_count, &share.begin, &share.end);
    } else {
        mite_part_range(w->runs, 1, part, part_count, &share.first, &share.last);
    }
    return share;
}

ptrdiff_t mite_walk_offset(const mite_walk *w, size_t operand, size_t run, size_t at) {
    const ptrdiff_t *strides = w->strides[operand];
    ptrdiff_t offset = (ptrdiff_t)at * strides[w->rank - 1];
    for (size_t i = w->rank - 1; i-- > 0 && run;) {
        offset += (ptrdiff_t)(run % w->dims[i]) * strides[i];
        run /= w->dims[i];
    }
    return offset;
}

// --- Copying -------------------------------------------------------------------------------------

// A rectangle of `rows` x `columns` elements; strides in elements.
typedef struct plane {
    ptrdiff_t rows, columns, out_row, out_column, in_row, in_column;
} plane;

// clang-format off
#define COPY_PLANE(TYPE) \
    static void copy_##TYPE(const plane *p, TYPE *out, const TYPE *in) { \
        for (ptrdiff_t i = 0; i < p->rows; i++) { \
            TYPE *to = out + i * p->out_row; \
            const TYPE *from = in + i * p->in_row; \
            for (ptrdiff_t j = 0; j < p->columns; j++) { \
                to[j * p->out_column] = from[j * p->in_column]; \
            } \
        } \
    }
// clang-format on

COPY_PLANE(uint8_t)
COPY_PLANE(uint16_t)
COPY_PLANE(uint32_t)
COPY_PLANE(uint64_t)

// Three planes to pixels, as the pictures that go into a network: one pass instead of three.
// clang-format off
#define COPY_PIXELS(TYPE) \
    static void pixels_##TYPE(const plane *p, TYPE *out, const TYPE *in) { \
        const TYPE *second = in + p->in_column, *third = second + p->in_column; \
        for (ptrdiff_t i = 0; i < p->rows; i++, out += p->out_row) { \
            TYPE x = in[i], y = second[i], z = third[i]; \
            out[0] = x; \
            out[1] = y; \
            out[2] = z; \
        } \
    }
// clang-format on

COPY_PIXELS(uint8_t)
COPY_PIXELS(uint32_t)

static void copy_rows(const plane *p, char *out, const char *in, size_t item) {
    ptrdiff_t step = (ptrdiff_t)item;
    for (ptrdiff_t i = 0; i < p->rows; i++) {
        memcpy(out + i * p->out_row * step, in + i * p->in_row * step, (size_t)p->columns * item);
    }
}

static void copy_plane(const plane *p, void *out, const void *in, size_t item) {
    if (p->out_column == 1 && p->in_column == 1 && p->columns > 4) {
        copy_rows(p, out, in, item);
        return;
    }
    if (p->columns == 3 && p->out_column == 1 && p->in_row == 1 && (item == 1 || item == 4)) {
        if (item == 1) pixels_uint8_t(p, out, in);
        else pixels_uint32_t(p, out, in);
        return;
    }
    plane turned = *p;
    // Short inner loops cost more than stepping through memory.
    if (p->columns < 8 && p->columns < p->rows) {
        turned = (plane){p->columns, p->rows, p->out_column, p->out_row, p->in_column, p->in_row};
    }
    switch (item) {
    case 1: copy_uint8_t(&turned, out, in); break;
    case 2: copy_uint16_t(&turned, out, in); break;
    case 4: copy_uint32_t(&turned, out, in); break;
    default: copy_uint64_t(&turned, out, in); break;
    }
}

void mite_walk_copy(const mite_walk *w, void *out, const void *in, size_t item, size_t first,
                    size_t last) {
    size_t inner = w->rank - 1, rows = w->rank > 1 ? w->dims[inner - 1] : 1;
    plane p = {
        .columns = (ptrdiff_t)w->length,
        .out_column = w->strides[0][inner],
        .in_column = w->strides[1][inner],
        .out_row = w->rank > 1 ? w->strides[0][inner - 1] : 0,
        .in_row = w->rank > 1 ? w->strides[1][inner - 1] : 0,
    };
    for (size_t run = first; run < last; run += (size_t)p.rows) {
        ptrdiff_t to = mite_walk_offset(w, 0, run, 0), from = mite_walk_offset(w, 1, run, 0);
        p.rows = (ptrdiff_t)mite_min_size(rows - run % rows, last - run);
        copy_plane(&p, (char *)out + to * (ptrdiff_t)item,
                   (const char *)in + from * (ptrdiff_t)item, item);
    }
}
