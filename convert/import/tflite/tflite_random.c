// SPDX-License-Identifier: Apache-2.0
// Random numbers: the same in every run, as the operator `random` has them. Nodes without seeds have one each by
// their places in the model. And random bits, which follow from a state by Threefry or Philox (Salmon et
// al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
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

// --- Bits ---------------------------------------------------------------------------------------

static mite_ir_value *number(tfl_import *c, mite_dtype dtype, uint64_t value) {
    mite_ir_value *v = mite_ir_constant(c->g, tfl_name(c), dtype, 0, NULL);
    if (v && dtype == MITE_U64) *(uint64_t *)v->data = value;
    else if (v) *(uint32_t *)v->data = (uint32_t)value;
    return v;
}

// x op value, a number of its type.
static mite_ir_value *with(tfl_import *c, mite_binary which, mite_ir_value *x, uint64_t value) {
    return x ? tfl_emit_general_binary(c, which, x, number(c, x->dtype, value)) : NULL;
}

static mite_ir_value *low(tfl_import *c, mite_ir_value *x) {
    return tfl_emit_cast(c, with(c, MITE_BINARY_AND, x, UINT32_MAX), MITE_U32);
}

static mite_ir_value *high(tfl_import *c, mite_ir_value *x) {
    return low(c, with(c, MITE_BINARY_SHIFT_RIGHT, x, 32));
}

static mite_ir_value *sum(tfl_import *c, mite_ir_value *a, mite_ir_value *b) {
    return tfl_emit_general_binary(c, MITE_BINARY_ADD, a, b);
}

static mite_ir_value *differing(tfl_import *c, mite_ir_value *a, mite_ir_value *b) {
    return tfl_emit_general_binary(c, MITE_BINARY_XOR, a, b);
}

// Threefry-2x32 of 20 rounds: w[0] and w[1] of every block, by a key of 64 bits.
static void threefry(tfl_import *c, mite_ir_value *key, mite_ir_value **w) {
    static const uint8_t turns[2][4] = {{13, 15, 26, 6}, {17, 29, 16, 24}};
    mite_ir_value *keys[3] = {low(c, key), high(c, key)};
    keys[2] = with(c, MITE_BINARY_XOR, differing(c, keys[0], keys[1]), 0x1bd11bda);
    for (size_t i = 0; i < 2; i++) w[i] = sum(c, w[i], keys[i]);
    for (size_t round = 0; round < 5; round++) {
        for (size_t i = 0; i < 4; i++) {
            uint8_t turn = turns[round % 2][i];
            w[0] = sum(c, w[0], w[1]);
            mite_ir_value *left = with(c, MITE_BINARY_SHIFT_LEFT, w[1], turn);
            mite_ir_value *right = with(c, MITE_BINARY_SHIFT_RIGHT, w[1], 32u - turn);
            w[1] = differing(c, tfl_emit_general_binary(c, MITE_BINARY_OR, left, right), w[0]);
        }
        w[0] = sum(c, w[0], keys[(round + 1) % 3]);
        w[1] = with(c, MITE_BINARY_ADD, sum(c, w[1], keys[(round + 2) % 3]), round + 1);
    }
}

// Philox-4x32 of 10 rounds: w[0] to w[3].
static void philox(tfl_import *c, mite_ir_value *key, mite_ir_value **w) {
    mite_ir_value *keys[2] = {low(c, key), high(c, key)};
    for (size_t round = 0; round < 10; round++) {
        mite_ir_value *a = with(c, MITE_BINARY_MUL, tfl_emit_cast(c, w[0], MITE_U64), 0xd2511f53);
        mite_ir_value *b = with(c, MITE_BINARY_MUL, tfl_emit_cast(c, w[2], MITE_U64), 0xcd9e8d57);
        w[0] = differing(c, differing(c, high(c, b), w[1]), keys[0]);
        w[2] = differing(c, differing(c, high(c, a), w[3]), keys[1]);
        w[1] = low(c, b);
        w[3] = low(c, a);
        keys[0] = with(c, MITE_BINARY_ADD, keys[0], 0x9e3779b9);
        keys[1] = with(c, MITE_BINARY_ADD, keys[1], 0xbb67ae85);
    }
}

// Number `at` of the state.
static mite_ir_value *part_of_state(tfl_import *c, mite_ir_value *state, int64_t at) {
    return tfl_emit_slice(c, state, &at, &(int64_t){1});
}

// Input: the state, a key and a counter of 64 bits each and, of Philox, perhaps what counters begin with.
// Outputs: the state afterwards, bits.
void tfl_rng_bit_generator(tfl_import *c) {
    enum { DEFAULT, PHILOX, THREEFRY };
    const tfl_tensor *out = tfl_output(c, 1);
    mite_ir_value *state = tfl_in(c, 0), *w[4];
    int32_t algorithm = tfl_option_byte(c, 0);
    mite_dtype dtype = out ? tfl_stored_dtype(out) : (mite_dtype)0;
    bool integer = dtype == MITE_I32 || dtype == MITE_U32 || dtype == MITE_I64 || dtype == MITE_U64;
    size_t elements, item = integer ? mite_dtype_bytes(dtype) : 0;
    if (!state || !out || !tfl_is_fixed(c, state)) return;
    int32_t parts = state->rank == 1 && state->dtype == MITE_U64 ? state->shape[0] : 0;
    if (algorithm < DEFAULT || algorithm > THREEFRY || out->bad || out->open || !integer ||
        parts < 2 || parts > (algorithm == THREEFRY ? 2 : 3) ||
        !mite_shape_elements(&elements, out->rank, out->dims) || elements > 1 << 24) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "algorithm %d with a state %T cannot give %s of shape %T", algorithm,
                     (size_t)state->rank, state->shape, out ? tfl_type_name(out->type) : "nothing",
                     out->rank, out->dims);
        return;
    }
    size_t words = elements * item / 4, each = algorithm == THREEFRY ? 2 : 4;
    const int32_t blocks = (int32_t)((words + each - 1) / each);
    mite_ir_value *count = mite_ir_constant(c->g, tfl_name(c), MITE_U64, 1, &blocks);
    for (int32_t i = 0; count && i < blocks; i++) ((uint64_t *)count->data)[i] = (uint64_t)i;
    mite_ir_value *key = part_of_state(c, state, 0), *counter = part_of_state(c, state, 1);
    mite_ir_value *other = part_of_state(c, state, parts == 3 ? 2 : 0);
    mite_ir_value *after[3] = {key, with(c, MITE_BINARY_ADD, counter, (uint64_t)blocks), other};
    count = sum(c, count, counter);
    w[0] = low(c, count);
    w[1] = high(c, count);
    w[2] = low(c, other);
    w[3] = high(c, other);
    if (algorithm == THREEFRY) threefry(c, key, w);
    else philox(c, key, w);
    for (size_t i = 0; i < each; i++) w[i] = tfl_reshape(c, w[i], 2, (const int32_t[]){blocks, 1});
    mite_ir_value *y = mite_ir_ok(c->g) ? tfl_concat(c, w, each, 1) : NULL;
    y = tfl_reshape(c, y, 1, &(const int32_t){blocks * (int32_t)each});
    y = tfl_emit_slice(c, y, &(int64_t){0}, &(int64_t){(int64_t)words});
    if (item == 8) {
        y = tfl_emit_cast(c, tfl_reshape(c, y, 2, (const int32_t[]){(int32_t)elements, 2}),
                          MITE_U64);
        mite_ir_value *upper = tfl_emit_gather(c, y, 1, &(int64_t){1}, 1);
        y = sum(c, tfl_emit_gather(c, y, 1, &(int64_t){0}, 1),
                with(c, MITE_BINARY_SHIFT_LEFT, upper, 32));
    }
    if (y && y->dtype != dtype)
        y = MITE_IR_EMIT(c->g, .op = "bit_cast", .name = tfl_name(c), .inputs = {y},
                         .dtype = dtype);
    tfl_set(c, 0, mite_ir_ok(c->g) ? tfl_concat(c, after, (size_t)parts, 0) : NULL);
    tfl_set(c, 1, tfl_reshape(c, y, out->rank, out->dims));
}
