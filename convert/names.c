// SPDX-License-Identifier: Apache-2.0
// Open addressing; doubled before it is three quarters full.
#include "names.h"

#include <string.h>

// FNV-1a. A hostile file can make names collide; it then pays with its own time only.
static uint32_t hash(const char *key) {
    uint32_t h = 2166136261u;
    for (; *key; key++) h = (h ^ (uint8_t)*key) * 16777619u;
    return h ^ h >> 15;
}

static size_t slot_of(const mite_names *names, const char *key) {
    size_t at = hash(key) & (names->room - 1);
    while (names->keys[at] && strcmp(names->keys[at], key)) at = (at + 1) & (names->room - 1);
    return at;
}

static bool grow(mite_ir_graph *g, mite_names *names) {
    mite_names more = {.count = names->count, .room = names->room ? names->room * 2 : 64};
    more.keys = mite_ir_alloc(g, more.room, sizeof *more.keys);
    more.numbers = mite_ir_alloc(g, more.room, sizeof *more.numbers);
    if (!more.keys || !more.numbers) return false;
    for (size_t i = 0; i < names->room; i++) {
        if (!names->keys[i]) continue;
        size_t at = slot_of(&more, names->keys[i]);
        more.keys[at] = names->keys[i];
        more.numbers[at] = names->numbers[i];
    }
    *names = more;
    return true;
}

bool mite_names_add(mite_ir_graph *g, mite_names *names, const char *key, uint32_t number) {
    if (names->count + 1 > names->room / 4 * 3 && !grow(g, names)) return false;
    size_t at = slot_of(names, key);
    if (names->keys[at]) return false;
    names->keys[at] = key;
    names->numbers[at] = number;
    names->count++;
    return true;
}

bool mite_names_find(const mite_names *names, const char *key, uint32_t *number) {
    if (!names->room) return false;
    size_t at = slot_of(names, key);
    if (!names->keys[at]) return false;
    *number = names->numbers[at];
    return true;
}
