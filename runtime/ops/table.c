// SPDX-License-Identifier: Apache-2.0
// The table of operators: those of the core (ops.def), and those of more/ where they are there.
#include "op.h"

#include <string.h>

#define MITE_OP(name) extern const mite_op mite_op_##name;
#include "ops.def"
#undef MITE_OP

static const mite_op *const operators[] = {
#define MITE_OP(name) &mite_op_##name,
#include "ops.def"
#undef MITE_OP
};

// Replaced by the one in more/table.c where that is linked, and by one that asks in wasm.c.
__attribute__((weak)) const mite_op *const *mite_op_list_more(size_t *count) {
    *count = 0;
    return NULL;
}

const mite_op *const *mite_op_list(size_t *count) {
    *count = sizeof operators / sizeof operators[0];
    return operators;
}

static const mite_op *find(const mite_op *const *list, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++) {
        if (strcmp(list[i]->name, name) == 0) return list[i];
    }
    return NULL;
}

const mite_op *mite_op_find(const char *name) {
    size_t count;
    const mite_op *const *list = mite_op_list(&count);
    const mite_op *op = find(list, count, name);
    if (op) return op;
    list = mite_op_list_more(&count);
    return find(list, count, name);
}

bool mite_op_is_core(const mite_op *op) {
    size_t count;
    const mite_op *const *list = mite_op_list(&count);
    return find(list, count, op->name) != NULL;
}

size_t mite_op_attr_words(const mite_op *op) {
    size_t words = 0;
    for (size_t i = 0; i < op->attr_count; i++) words += op->attrs[i].count;
    return words;
}
