// SPDX-License-Identifier: Apache-2.0
#include "wire/flexbuffer.h"

#include <string.h>

// Values are written before what points to them, so that the root stands at the end; offsets go
// backwards. A packed type is a type and, in its two low bits, the logarithm of a width.
enum { INT = 1, UINT, FLOAT, INDIRECT_INT = 6, INDIRECT_UINT, INDIRECT_FLOAT, MAP, BOOL = 26 };
enum { VECTOR = 10, VECTOR_INT, VECTOR_UINT };

static bool unsigned_at(mite_span s, size_t at, size_t width, uint64_t *out) {
    if (at > s.bytes || width > s.bytes - at) return false;
    *out = 0;
    for (size_t i = width; i-- > 0;) *out = *out << 8 | s.data[at + i];
    return true;
}

// Follows the offset at `at`.
static bool follow(mite_span s, size_t at, size_t width, size_t *to) {
    uint64_t offset;
    if (!unsigned_at(s, at, width, &offset) || offset > at) return false;
    *to = at - (size_t)offset;
    return true;
}

static bool real_at(mite_span s, size_t at, size_t width, double *out) {
    uint64_t bits;
    if (!unsigned_at(s, at, width, &bits)) return false;
    if (width == 4) {
        uint32_t low = (uint32_t)bits;
        float f;
        memcpy(&f, &low, sizeof f);
        *out = (double)f;
    } else if (width == 8) {
        memcpy(out, &bits, sizeof *out);
    }
    return width >= 4;
}

static bool number_at(mite_span s, size_t at, size_t width, uint32_t packed, double *out) {
    uint32_t type = packed >> 2;
    uint64_t bits;
    if (type == INDIRECT_INT || type == INDIRECT_UINT || type == INDIRECT_FLOAT) {
        if (!follow(s, at, width, &at)) return false;
        width = (size_t)1 << (packed & 3);
        type -= INDIRECT_INT - INT;
    }
    if (type == FLOAT) return real_at(s, at, width, out);
    if ((type != INT && type != UINT && type != BOOL) || !unsigned_at(s, at, width, &bits))
        return false;
    bool negative = type == INT && bits >> (8 * width - 1) & 1;
    *out = negative ? -(double)((width < 8 ? (uint64_t)1 << 8 * width : 0) - bits) : (double)bits;
    return true;
}

static bool is_key(mite_span s, size_t at, const char *key) {
    size_t length = strlen(key) + 1;
    return at <= s.bytes && length <= s.bytes - at && !memcmp(s.data + at, key, length);
}

typedef struct place { // of a value
    size_t at, width;
    uint32_t packed;
} place;

static bool find(mite_span s, const char *key, place *out) {
    if (s.bytes < 3) return false;
    size_t root_width = s.data[s.bytes - 1], map, keys;
    uint32_t packed = s.data[s.bytes - 2];
    if ((root_width != 1 && root_width != 2 && root_width != 4 && root_width != 8) ||
        packed >> 2 != MAP || root_width > s.bytes - 2 ||
        !follow(s, s.bytes - 2 - root_width, root_width, &map))
        return false;
    // Before a map's values: the offset and the width of its keys, and how many there are.
    size_t width = (size_t)1 << (packed & 3);
    uint64_t count, key_width;
    if (map < 3 * width || !follow(s, map - 3 * width, width, &keys) ||
        !unsigned_at(s, map - 2 * width, width, &key_width) ||
        !unsigned_at(s, map - width, width, &count) || count > s.bytes / width ||
        (key_width != 1 && key_width != 2 && key_width != 4 && key_width != 8))
        return false;
    for (size_t i = 0; i < (size_t)count; i++) {
        size_t at, type = map + (size_t)count * width + i;
        if (!follow(s, keys + i * (size_t)key_width, (size_t)key_width, &at) || type >= s.bytes)
            return false;
        if (!is_key(s, at, key)) continue;
        *out = (place){map + i * width, width, s.data[type]};
        return true;
    }
    return false;
}

bool mite_flex_number(mite_span s, const char *key, double *out) {
    place p;
    return find(s, key, &p) && number_at(s, p.at, p.width, p.packed, out);
}

bool mite_flex_numbers(mite_span s, const char *key, double *out, size_t room, size_t *count) {
    place p;
    size_t first;
    uint64_t length;
    if (!find(s, key, &p) || !follow(s, p.at, p.width, &first)) return false;
    size_t width = (size_t)1 << (p.packed & 3);
    uint32_t type = p.packed >> 2;
    if (type < VECTOR || type > VECTOR_UINT || first < width ||
        !unsigned_at(s, first - width, width, &length) || length > room ||
        length * width > s.bytes - first)
        return false;
    *count = (size_t)length;
    for (size_t i = 0; i < *count; i++) {
        size_t types = first + *count * width + i; // of a vector of any
        uint32_t packed = (type == VECTOR_INT ? (uint32_t)INT : (uint32_t)UINT) << 2;
        if (type == VECTOR && types >= s.bytes) return false;
        if (type == VECTOR) packed = s.data[types];
        if (!number_at(s, first + i * width, width, packed, out + i)) return false;
    }
    return true;
}
