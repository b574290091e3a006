// SPDX-License-Identifier: Apache-2.0
// Random numbers: the same in every run, as the operator `random` has them. Nodes without seeds have one each by
// their places in the model.
#include "import/tflite/tflite_handlers.h"

static mite_ir_value *random_numbers(tfl_import *c, mite_ir_value *shape, bool normal) {
    enum { SEED, SEED_2 };
    const mite_flat_table *o = &c->node->options;
    uint64_t seed = mite_flat_u64(o, SEED, 0), other = mite_flat_u64(o, SEED_2, 0);
    if (!seed && !other) seed = c->node_budget; // which goes down from node to node
    if (!shape) return NULL;
    return MITE_IR_EMIT(c->g, .op = "random", .name = tfl_name(c), .inputs = {shape},
                        .attrs = {{"normal", .word = normal},
                                  {"seed", .word = (int32_t)((31 * seed + other) & INT32_MAX)}},
                        .dtype = MITE_F32);
}

// RANDOM_UNIFORM in [0, 1), RANDOM_STANDARD_NORMAL.
void tfl_random(tfl_import *c) {
    tfl_set(c, 0, random_numbers(c, tfl_in(c, 0), tfl_op_of(c->node)->function != 0));
}

// Of logits [batch, classes], how many to draw: as many classes are left behind as sums of probabilities up to
// theirs are below a random number.
void tfl_multinomial(tfl_import *c) {
    const tfl_tensor *out = tfl_output(c, 0);
    mite_ir_value *x = tfl_real(c, 0), *axis = tfl_integers(c, &(int64_t){1}, 1);
    int64_t count = tfl_number(c, 1, "number of draws", 0);
    if (!x || !axis || !out || !tfl_is_fixed(c, x)) return;
    if (x->rank != 2 || x->shape[1] < 1 || count < 0 || count > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "%D draws from logits %T are impossible", count,
                     (size_t)x->rank, x->shape);
        return;
    }
    const int64_t shape[3] = {x->shape[0], count, 1}, last = x->shape[1] - 1;
    const int32_t row[3] = {x->shape[0], 1, x->shape[1]};
    x = MITE_IR_EMIT(c->g, .op = "distribution", .name = tfl_name(c), .inputs = {x});
    if (!x) return;
    x = MITE_IR_EMIT(c->g, .op = "cumulate", .name = tfl_name(c), .inputs = {x, axis});
    mite_ir_value *drawn = random_numbers(c, tfl_integers(c, shape, 3), false);
    mite_ir_value *behind =
        tfl_emit_general_binary(c, MITE_BINARY_LESS_OR_EQUAL, tfl_reshape(c, x, 3, row), drawn);
    behind = tfl_emit_reduce(c, MITE_REDUCE_SUM, tfl_emit_cast(c, behind, MITE_I64), 2, false);
    behind = tfl_emit_general_binary(c, MITE_BINARY_MIN, behind, tfl_integers(c, &last, 1));
    tfl_set(c, 0, tfl_emit_cast(c, behind, tfl_stored_dtype(out)));
}
