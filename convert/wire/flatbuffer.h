// SPDX-License-Identifier: Apache-2.0
// A bounded reader for FlatBuffers in memory (flatbuffers.dev/internals). Tables, lists and strings
// are small values that point into the buffer; every offset, field table and length is checked
// before it is followed, and nothing here recurses, so depth is that of the caller's code.
//
// After damage everything reads as absent: numbers give their defaults, lists are empty, and `bad`
// says what was wrong where. So a caller checks once, at the end of what it reads.
//
// Many offsets may lead to one place, by which a small file can describe a great many tables. Each
// step is paid for from a budget in proportion to the size of the buffer.
#ifndef MITE_CONVERT_WIRE_FLATBUFFER_H
#define MITE_CONVERT_WIRE_FLATBUFFER_H

#include "wire/protobuf.h" // mite_span

typedef struct mite_flat {
    mite_span span;
    size_t budget;
    const char *bad; // NULL, or what is wrong at byte `bad_at`
    size_t bad_at;
} mite_flat;

typedef struct mite_flat_table {
    mite_flat *flat; // NULL: absent, every field has its default
    size_t at;
    size_t fields, field_count; // the list of field offsets
    size_t bytes; // of the table itself
} mite_flat_table;

typedef struct mite_flat_list {
    mite_flat *flat;
    size_t at, count; // of items, which follow one another
    size_t item_bytes;
} mite_flat_list;

mite_flat mite_flat_open(mite_span span);
mite_flat_table mite_flat_root(mite_flat *flat);

// Fields are numbered as in the schema. Absent ones give `otherwise`, or an absent table, or an
// empty list.
bool mite_flat_has(const mite_flat_table *t, size_t field);
int32_t mite_flat_i8(const mite_flat_table *t, size_t field, int32_t otherwise);
int32_t mite_flat_u8(const mite_flat_table *t, size_t field, int32_t otherwise);
int32_t mite_flat_i32(const mite_flat_table *t, size_t field, int32_t otherwise);
uint32_t mite_flat_u32(const mite_flat_table *t, size_t field, uint32_t otherwise);
uint64_t mite_flat_u64(const mite_flat_table *t, size_t field, uint64_t otherwise);
float mite_flat_f32(const mite_flat_table *t, size_t field, float otherwise);
static inline bool mite_flat_bool(const mite_flat_table *t, size_t field) {
    return mite_flat_u8(t, field, 0) != 0;
}
mite_flat_table mite_flat_child(const mite_flat_table *t, size_t field);
mite_flat_list mite_flat_items(const mite_flat_table *t, size_t field, size_t item_bytes);
mite_span mite_flat_bytes(const mite_flat_table *t, size_t field); // also of strings

// Item `i` < count of a list of that kind.
int32_t mite_flat_i32_at(const mite_flat_list *list, size_t i);
int64_t mite_flat_i64_at(const mite_flat_list *list, size_t i);
float mite_flat_f32_at(const mite_flat_list *list, size_t i);
mite_flat_table mite_flat_table_at(const mite_flat_list *list, size_t i);

#endif
