// SPDX-License-Identifier: Apache-2.0
// The operators beside those of the core. In WebAssembly, what the core asks its loader for.
#include "../op.h"

#define MITE_OP(name) extern const mite_op mite_op_##name;
#include "more.def"
#undef MITE_OP

static const mite_op *const operators[] = {
#define MITE_OP(name) &mite_op_##name,
#include "more.def"
#undef MITE_OP
};

const mite_op *const *mite_op_list_more(size_t *count) {
    *count = sizeof operators / sizeof operators[0];
    return operators;
}
