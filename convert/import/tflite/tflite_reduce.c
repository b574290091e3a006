// SPDX-License-Identifier: Apache-2.0
// Many numbers made one: means, sums, extremes, and what is built of them.
#include "import/tflite/tflite_handlers.h"
#include "import/tflite/tflite_nodes.h"

#include <string.h>

static mite_ir_value *reduce(tfl_import *c, mite_reduce which, mite_ir_value *x) {
    mite_ir_value *axes = tfl_in(c, 1);
    if (!x || !axes) return NULL;
    return MITE_IR_EMIT(c->g, .op = "reduce", .name = tfl_name(c), .inputs = {x, axes},
                        .attrs = {{"function", .word = (int32_t)which},
                                  {"keep_dims", .word = tfl_option_byte(c, 0) != 0},
                                  {"keep_all", .word = 1}});
}

void tfl_reduce(tfl_import *c) {
    if (tfl_set_fixed_reduction(c)) return;
    tfl_set(c, 0, reduce(c, (mite_reduce)tfl_op_of(c->node)->function, tfl_plain(c, 0)));
}

// REDUCE_ANY is the largest of zeros and ones, REDUCE_ALL the smallest.
void tfl_reduce_bool(tfl_import *c) {
    tfl_set(c, 0, reduce(c, (mite_reduce)tfl_op_of(c->node)->function, tfl_in(c, 0)));
}

void tfl_mean(tfl_import *c) {
    int64_t axes[MITE_MAX_RANK];
    int32_t words[MITE_MAX_RANK] = {0};
    bool seen[MITE_MAX_RANK] = {false};
    size_t count, distinct = 0, axis;
    if (tfl_set_fixed_reduction(c)) return;
    mite_ir_value *x = tfl_plain(c, 0);
    if (!x) return;
    if (x->dtype != MITE_F32 || x->unknown || !tfl_has_numbers(c, 1)) {
        tfl_set(c, 0, reduce(c, MITE_REDUCE_MEAN, x));
        return;
    }
    if (!tfl_numbers(c, 1, "axes", axes, MITE_MAX_RANK, &count)) return;
    for (size_t i = 0; i < count; i++) {
        if (!tfl_axis(c, axes[i], (size_t)x->rank, &axis)) return;
        if (!seen[axis]) words[distinct++] = (int32_t)axis;
        seen[axis] = true;
    }
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "mean", .name = tfl_name(c), .inputs = {x},
                         .attrs = {{"axis_count", .word = (int32_t)distinct},
                                   {"axes", .list = words, .list_count = MITE_MAX_RANK},
                                   {"keep_dims", .word = tfl_option_byte(c, 0) != 0}}));
}

void tfl_cumsum(tfl_import *c) {
    enum { EXCLUSIVE, REVERSE };
    mite_ir_value *x = tfl_plain(c, 0), *axis = tfl_in(c, 1);
    if (!x || !axis) return;
    tfl_set(c, 0,
            MITE_IR_EMIT(c->g, .op = "cumulate", .name = tfl_name(c), .inputs = {x, axis},
                         .attrs = {{"exclusive", .word = tfl_option_byte(c, EXCLUSIVE) != 0},
                                   {"reverse", .word = tfl_option_byte(c, REVERSE) != 0}}));
}

// x / max(sqrt(sum of x²), 1e-6) along the last dimension.
void tfl_l2_normalization(tfl_import *c) {
    mite_ir_value *x = tfl_real(c, 0);
    if (!x || !tfl_has_rank(c, x)) return;
    if (x->rank < 1) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input is a single number");
        return;
    }
    if (x->open >> (x->rank - 1) & 1 && !tfl_is_fixed(c, x)) return;
    float count = (float)x->shape[x->rank - 1];
    mite_ir_value *sum = tfl_emit_row_mean(c, tfl_emit_binary(c, "mul", x, x));
    sum = tfl_emit_binary(c, "mul", sum, tfl_scalar(c, count));
    mite_ir_value *norm = tfl_emit_unary(c, "sqrt", sum);
    norm = tfl_emit_binary(c, "max", norm, tfl_scalar(c, 1e-6f));
    mite_ir_value *y = tfl_emit_binary(c, "div", x, norm);
    tfl_set(c, 0, tfl_activate(c, y, tfl_option_byte(c, 0)));
}

// x / (bias + alpha * sum of the squares of the channels within `radius`) ^ beta. The sums are
// averages over pictures of one row, whose pixels are the channels.
void tfl_local_response(tfl_import *c) {
    enum { RADIUS, BIAS, ALPHA, BETA };
    int32_t radius = tfl_option(c, RADIUS);
    mite_ir_value *x = tfl_real(c, 0);
    if (!x || !tfl_is_fixed(c, x)) return;
    int32_t channels = x->rank ? x->shape[x->rank - 1] : 0;
    if (radius < 0 || channels < 1 || mite_ir_elements(x) / (size_t)channels > INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "radius %d and shape %T do not fit", radius,
                     (size_t)x->rank, x->shape);
        return;
    }
    if (radius >= channels) radius = channels - 1;
    int32_t rows = (int32_t)(mite_ir_elements(x) / (size_t)channels), width = 2 * radius + 1;
    mite_ir_value *square = tfl_emit_binary(c, "mul", x, x);
    square = tfl_reshape(c, square, 4, (const int32_t[]){rows, 1, channels, 1});
    if (!square) return;
    mite_ir_value *sum =
        MITE_IR_EMIT(c->g, .op = "average_pool2d", .name = tfl_name(c), .inputs = {square},
                     .attrs = {{"kernel_w", .word = width},
                               {"pad_left", .word = radius},
                               {"pad_right", .word = radius},
                               {"count_padding", .word = 1}});
    sum = tfl_reshape(c, sum, (size_t)x->rank, x->shape);
    float factor = tfl_option_float(c, ALPHA) * (float)width;
    sum = tfl_emit_binary(c, "mul", sum, tfl_scalar(c, factor));
    sum = tfl_emit_binary(c, "add", sum, tfl_scalar(c, tfl_option_float(c, BIAS)));
    sum =
        tfl_emit_general_binary(c, MITE_BINARY_POW, sum, tfl_scalar(c, tfl_option_float(c, BETA)));
    tfl_set(c, 0, tfl_emit_binary(c, "div", x, sum));
}
