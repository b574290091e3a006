// SPDX-License-Identifier: Apache-2.0
#include "wire/flatbuffer.h"

#include <string.h>

#define NOWHERE SIZE_MAX

mite_flat mite_flat_open(mite_span span) {
    // Whoever reads a table or an item four times has read it often enough.
    size_t budget = span.bytes < SIZE_MAX / 8 ? 4 * span.bytes + 4096 : SIZE_MAX / 2;
    return (mite_flat){.span = span, .budget = budget};
}

static size_t damaged(mite_flat *f, size_t at, const char *what) {
    if (!f->bad) {
        f->bad = what;
        f->bad_at = at;
    }
    return NOWHERE;
}

static bool holds(const mite_flat *f, size_t at, size_t bytes) {
    return at <= f->span.bytes && bytes <= f->span.bytes - at;
}

static bool pay(mite_flat *f, size_t at, size_t price) {
    if (f->bad) return false;
    if (price > f->budget) {
        damaged(f, at, "the same bytes are used over and over again");
        return false;
    }
    f->budget -= price;
    return true;
}

// `bytes` (1 to 8) little-endian bytes that are known to be there.
static uint64_t number(const mite_flat *f, size_t at, size_t bytes) {
    uint64_t n = 0;
    for (size_t i = bytes; i-- > 0;) n = n << 8 | f->span.data[at + i];
    return n;
}

// Where the offset at `at` leads, which is always forward.
static size_t follow(mite_flat *f, size_t at) {
    if (!holds(f, at, 4)) return damaged(f, at, "an offset lies outside of the file");
    size_t offset = (size_t)number(f, at, 4);
    if (offset < 4 || offset > f->span.bytes - at) {
        return damaged(f, at, "an offset leads out of the file");
    }
    return at + offset;
}

static mite_flat_table table_at(mite_flat *f, size_t at) {
    mite_flat_table none = {0};
    if (at == NOWHERE || !pay(f, at, 1)) return none;
    if (!holds(f, at, 4)) {
        damaged(f, at, "a table lies outside of the file");
        return none;
    }
    // The list of fields lies before or after the table: offset = table - list, signed.
    int64_t fields = (int64_t)at - (int32_t)(uint32_t)number(f, at, 4);
    if (fields < 0 || !holds(f, (size_t)fields, 4)) {
        damaged(f, at, "the field list of a table lies outside of the file");
        return none;
    }
    size_t list_bytes = (size_t)number(f, (size_t)fields, 2);
    size_t bytes = (size_t)number(f, (size_t)fields + 2, 2);
    if (list_bytes < 4 || list_bytes % 2 || !holds(f, (size_t)fields, list_bytes)) {
        damaged(f, (size_t)fields, "the field list of a table has a length that cannot be");
        return none;
    }
    if (bytes < 4 || !holds(f, at, bytes)) {
        damaged(f, at, "a table reaches out of the file");
        return none;
    }
    return (mite_flat_table){
        .flat = f,
        .at = at,
        .fields = (size_t)fields + 4,
        .field_count = (list_bytes - 4) / 2,
        .bytes = bytes,
    };
}

mite_flat_table mite_flat_root(mite_flat *f) { return table_at(f, follow(f, 0)); }

// Where field `field` of `bytes` bytes lies; NOWHERE if it is absent.
static size_t field_at(const mite_flat_table *t, size_t field, size_t bytes) {
    if (!t->flat || t->flat->bad || field >= t->field_count) return NOWHERE;
    size_t offset = (size_t)number(t->flat, t->fields + 2 * field, 2);
    if (!offset) return NOWHERE;
    if (offset < 4 || offset > t->bytes || bytes > t->bytes - offset) {
        return damaged(t->flat, t->fields + 2 * field, "a field lies outside of its table");
    }
    return t->at + offset;
}

bool mite_flat_has(const mite_flat_table *t, size_t field) {
    return field_at(t, field, 1) != NOWHERE;
}

static uint64_t scalar(const mite_flat_table *t, size_t field, size_t bytes, uint64_t otherwise) {
    size_t at = field_at(t, field, bytes);
    return at == NOWHERE ? otherwise : number(t->flat, at, bytes);
}

int32_t mite_flat_i8(const mite_flat_table *t, size_t field, int32_t otherwise) {
    return (int8_t)(uint8_t)scalar(t, field, 1, (uint8_t)otherwise);
}

int32_t mite_flat_u8(const mite_flat_table *t, size_t field, int32_t otherwise) {
    return (uint8_t)scalar(t, field, 1, (uint8_t)otherwise);
}

uint32_t mite_flat_u32(const mite_flat_table *t, size_t field, uint32_t otherwise) {
    return (uint32_t)scalar(t, field, 4, otherwise);
}

int32_t mite_flat_i32(const mite_flat_table *t, size_t field, int32_t otherwise) {
    return (int32_t)mite_flat_u32(t, field, (uint32_t)otherwise);
}

uint64_t mite_flat_u64(const mite_flat_table *t, size_t field, uint64_t otherwise) {
    return scalar(t, field, 8, otherwise);
}

static float float_of(uint32_t bits) {
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

float mite_flat_f32(const mite_flat_table *t, size_t field, float otherwise) {
    uint32_t bits;
    memcpy(&bits, &otherwise, sizeof bits);
    return float_of(mite_flat_u32(t, field, bits));
}

mite_flat_table mite_flat_child(const mite_flat_table *t, size_t field) {
    size_t at = field_at(t, field, 4);
    if (at == NOWHERE) return (mite_flat_table){0};
    return table_at(t->flat, follow(t->flat, at));
}

static mite_flat_list list_at(const mite_flat_table *t, size_t field, size_t item_bytes) {
    mite_flat_list none = {.item_bytes = item_bytes};
    size_t at = field_at(t, field, 4);
    if (at == NOWHERE) return none;
    mite_flat *f = t->flat;
    at = follow(f, at);
    if (at == NOWHERE) return none;
    if (!holds(f, at, 4)) {
        damaged(f, at, "a list lies outside of the file");
        return none;
    }
    size_t count = (size_t)number(f, at, 4);
    if (count > (f->span.bytes - at - 4) / item_bytes) {
        damaged(f, at, "a list reaches out of the file");
        return none;
    }
    return (mite_flat_list){f, at + 4, count, item_bytes};
}

mite_flat_list mite_flat_items(const mite_flat_table *t, size_t field, size_t item_bytes) {
    mite_flat_list list = list_at(t, field, item_bytes);
    if (list.flat && !pay(list.flat, list.at, list.count)) list.count = 0;
    return list;
}

mite_span mite_flat_bytes(const mite_flat_table *t, size_t field) {
    mite_flat_list list = list_at(t, field, 1);
    if (!list.flat || !pay(list.flat, list.at, 1)) return (mite_span){(const uint8_t *)"", 0};
    return (mite_span){list.flat->span.data + list.at, list.count};
}

int32_t mite_flat_i32_at(const mite_flat_list *list, size_t i) {
    return (int32_t)(uint32_t)number(list->flat, list->at + 4 * i, 4);
}

int64_t mite_flat_i64_at(const mite_flat_list *list, size_t i) {
    return (int64_t)number(list->flat, list->at + 8 * i, 8);
}

float mite_flat_f32_at(const mite_flat_list *list, size_t i) {
    return float_of((uint32_t)number(list->flat, list->at + 4 * i, 4));
}

mite_flat_table mite_flat_table_at(const mite_flat_list *list, size_t i) {
    return table_at(list->flat, follow(list->flat, list->at + 4 * i));
}
