// SPDX-License-Identifier: Apache-2.0
#include "picks.h"

#include "../../base/sizes.h"

#include <string.h>

#define OUTSIDE PTRDIFF_MIN // in tables of offsets

void mite_picks_start(mite_picks *p, const mite_view *x, const mite_view *out) {
    size_t missing = (size_t)(out->rank - x->rank);
    *p = (mite_picks){.rank = (size_t)out->rank, .beyond = MITE_BEYOND_WRAP};
    for (size_t i = 0; i < p->rank; i++) {
        p->in[i] = i < missing ? 1 : x->shape[i - missing];
        p->out[i] = out->shape[i];
        p->step[i] = 1;
    }
}

static bool is_whole(const mite_picks *p, size_t i) {
    return p->in[i] == p->out[i] && p->begin[i] == 0 && p->step[i] == 1;
}

// Dimensions up to the last that does not come whole; elements of those after it move together.
static size_t inner_rank(const mite_picks *p, size_t *together) {
    size_t rank = p->rank;
    for (*together = 1; rank > 0 && is_whole(p, rank - 1); rank--)
        *together *= (size_t)p->out[rank - 1];
    return rank;
}

size_t mite_picks_scratch(const mite_view *out) {
    size_t bytes = 0, dim;
    if (!out->elements) return 0; // however long its other dimensions are
    for (size_t i = 0; i < (size_t)out->rank; i++)
        if (!mite_size_mul(&dim, (size_t)out->shape[i], sizeof(ptrdiff_t)) ||
            !mite_size_add(&bytes, bytes, dim))
            return SIZE_MAX; // more than the planner can give
    return bytes;
}

size_t mite_picks_rows(const mite_picks *p) {
    size_t together, rank = inner_rank(p, &together), rows = 1;
    for (size_t i = 0; i + 1 < rank; i++) rows *= (size_t)p->out[i];
    return rows;
}

// The index that a position outside of [0, size) stands for, or -1.
static int64_t index_beyond(mite_beyond beyond, int64_t at, int64_t size) {
    if (size == 0) return -1;
    int64_t period = beyond == MITE_BEYOND_REFLECT ? 2 * (size - 1) : size;
    switch (beyond) {
    case MITE_BEYOND_EDGE: return at < 0 ? 0 : size - 1;
    case MITE_BEYOND_REFLECT:
    case MITE_BEYOND_WRAP:
        if (!period) return 0;
        at %= period;
        at += at < 0 ? period : 0;
        return at < size ? at : period - at;
    default: return -1;
    }
}

// Offsets of dimension i's elements, in elements of the input.
static void fill_table(const mite_picks *p, size_t i, ptrdiff_t stride, ptrdiff_t *table) {
    for (int32_t k = 0; k < p->out[i]; k++) {
        int64_t at = p->begin[i] + k * p->step[i];
        if (at < 0 || at >= p->in[i]) at = index_beyond(p->beyond, at, p->in[i]);
        table[k] = at < 0 ? OUTSIDE : (ptrdiff_t)at * stride;
    }
}

static void fill_elements(char *to, uint64_t bits, size_t item, size_t count) {
    for (size_t i = 0; i < count; i++) memcpy(to + i * item, &bits, item); // little-endian
}

// A row: elements of `bytes` each (`together` of `item`), from offsets in a table.
static void copy_row(const mite_picks *p, char *to, const char *from, const ptrdiff_t *table,
                     size_t count, size_t item, size_t together) {
    size_t bytes = item * together;
    for (size_t i = 0; i < count;) {
        size_t run = 1;
        if (table[i] == OUTSIDE) {
            fill_elements(to + i++ * bytes, p->fill, item, together);
            continue;
        }
        while (i + run < count && table[i + run] == table[i] + (ptrdiff_t)(run * together)) run++;
        memcpy(to + i * bytes, from + table[i] * (ptrdiff_t)item, run * bytes);
        i += run;
    }
}

void mite_picks_copy(const mite_picks *p, void *out, const void *in, size_t item, size_t first,
                     size_t last, void *scratch) {
    size_t together, rank = inner_rank(p, &together);
    ptrdiff_t *tables[MITE_MAX_RANK], *table = scratch, stride = (ptrdiff_t)together;
    size_t count = rank ? (size_t)p->out[rank - 1] : 1, bytes = count * together * item;
    if (first >= last || !bytes) return;
    for (size_t i = rank; i-- > 0;) {
        tables[i] = table;
        fill_table(p, i, stride, table);
        table += p->out[i];
        stride *= p->in[i];
    }
    static const ptrdiff_t whole[] = {0};
    for (size_t row = first; row < last; row++) {
        ptrdiff_t offset = 0;
        size_t rest = row;
        for (size_t i = rank ? rank - 1 : 0; i-- > 0 && offset != OUTSIDE;) {
            ptrdiff_t part = tables[i][rest % (size_t)p->out[i]];
            offset = part == OUTSIDE ? OUTSIDE : offset + part;
            rest /= (size_t)p->out[i];
        }
        char *to = (char *)out + row * bytes;
        if (offset == OUTSIDE) fill_elements(to, p->fill, item, count * together);
        else
            copy_row(p, to, (const char *)in + offset * (ptrdiff_t)item,
                     rank ? tables[rank - 1] : whole, count, item, together);
    }
}
