// SPDX-License-Identifier: Apache-2.0
// Each pass on the smallest graph that shows it: the text before and after. `emit` is one node of
// the graph under construction; attributes are given by name.
#include "pass_check.h"

#include <math.h>

static mite_ir_value *picture(mite_ir_graph *g, int32_t h, int32_t w, int32_t c) {
    return mite_ir_input(g, "x", MITE_F32, 4, (int32_t[]){1, h, w, c});
}

static mite_ir_value *conv(mite_ir_graph *g, mite_ir_value *x, int32_t columns, int32_t k) {
    return MITE_IR_EMIT(g, .op = "conv2d",
                        .inputs = {x, RAMP(g, columns, k, k, x->shape[3]), RAMP(g, columns)});
}

static mite_ir_value *transpose(mite_ir_graph *g, mite_ir_value *x, const int32_t perm[4]) {
    return MITE_IR_EMIT(g, .op = "transpose", .inputs = {x},
                        .attrs = {{"perm", .list = perm, .list_count = 4}});
}
static const int32_t to_nhwc[] = {0, 2, 3, 1}, to_nchw[] = {0, 3, 1, 2};

static mite_ir_value *clamp(mite_ir_graph *g, mite_ir_value *x, float lo, float hi) {
    return MITE_IR_EMIT(
        g, .op = "clamp", .inputs = {x},
        .attrs = {{"lo", .word = mite_ir_bits(lo)}, {"hi", .word = mite_ir_bits(hi)}});
}

static mite_ir_value *quantize(mite_ir_graph *g, mite_ir_value *x, float scale, int32_t zero) {
    return MITE_IR_EMIT(g, .op = "quantize", .inputs = {x}, .dtype = MITE_U8, .scale = scale,
                        .zero_point = zero);
}

static mite_ir_value *dequantize(mite_ir_graph *g, mite_ir_value *x) {
    return MITE_IR_EMIT(g, .op = "dequantize", .inputs = {x}, .dtype = MITE_F32);
}

// --- The graphs -----------------------------------------------------------------------------------

static mite_ir_value *relu6_after_conv(mite_ir_graph *g) {
    return clamp(g, clamp(g, conv(g, picture(g, 4, 4, 3), 2, 1), 0, INFINITY), -1, 6);
}

static mite_ir_value *cast(mite_ir_graph *g, mite_ir_value *x, mite_dtype dtype) {
    return MITE_IR_EMIT(g, .op = "cast", .inputs = {x}, .dtype = dtype);
}

// The cast to i32 loses what is behind the point, and stays.
static mite_ir_value *nothing_done(mite_ir_graph *g) {
    const float one = 1;
    mite_ir_value *x = mite_ir_input(g, "x", MITE_F32, 2, (int32_t[]){2, 3});
    x = MITE_IR_EMIT(g, .op = "identity", .inputs = {x});
    x = cast(g, cast(g, x, MITE_F64), MITE_F32);
    x = MITE_IR_EMIT(g, .op = "concat", .inputs = {x}, .attrs = {{"axis", .word = 1}});
    x = MITE_IR_EMIT(g, .op = "mul", .inputs = {x, mite_ir_floats(g, "one", &one, 1)});
    return cast(g, cast(g, x, MITE_I32), MITE_F32);
}

static mite_ir_value *unary(mite_ir_graph *g, const char *op, mite_ir_value *x) {
    return MITE_IR_EMIT(g, .op = op, .inputs = {x});
}

static mite_ir_value *twice_the_same(mite_ir_graph *g) {
    mite_ir_value *x = picture(g, 1, 1, 2);
    mite_ir_value *a = MITE_IR_EMIT(g, .op = "mul", .inputs = {x, RAMP(g, 2)});
    mite_ir_value *b = MITE_IR_EMIT(g, .op = "mul", .inputs = {x, RAMP(g, 2)});
    mite_ir_value *c = unary(g, "sigmoid", a), *d = unary(g, "sigmoid", b),
                  *e = unary(g, "tanh", b);
    mite_ir_value *sum = MITE_IR_EMIT(g, .op = "add", .inputs = {c, d});
    return MITE_IR_EMIT(g, .op = "add", .inputs = {sum, e});
}

static mite_ir_value *residual(mite_ir_graph *g) {
    mite_ir_value *x = picture(g, 4, 4, 2);
    mite_ir_value *a = conv(g, x, 2, 1), *b = clamp(g, x, 0, INFINITY);
    return MITE_IR_EMIT(g, .op = "add", .inputs = {a, b}, .attrs = {{"clamp_lo", .word = 0}});
}

static mite_ir_value *batch_norm(mite_ir_graph *g) {
    mite_ir_value *y = conv(g, picture(g, 2, 2, 1), 2, 1);
    y = MITE_IR_EMIT(g, .op = "mul", .inputs = {y, RAMP(g, 2)});
    return MITE_IR_EMIT(g, .op = "add", .inputs = {y, RAMP(g, 1, 1, 1, 2)});
}

static mite_ir_value *pad_conv(mite_ir_graph *g) {
    static const int32_t before[] = {0, 0, 1, 0}, after[] = {0, 1, 1, 0};
    mite_ir_value *y = MITE_IR_EMIT(g, .op = "pad", .inputs = {picture(g, 4, 4, 3)},
                                    .attrs = {{"before", .list = before, .list_count = 4},
                                              {"after", .list = after, .list_count = 4}});
    return conv(g, y, 2, 3);
}

// Two convolutions as an importer leaves them, with an addition per channel between, in NCHW.
static mite_ir_value *between_convs(mite_ir_graph *g) {
    mite_ir_value *x = mite_ir_input(g, "x", MITE_F32, 4, (int32_t[]){1, 3, 4, 4});
    mite_ir_value *y = transpose(g, conv(g, transpose(g, x, to_nhwc), 2, 1), to_nchw);
    y = clamp(g, MITE_IR_EMIT(g, .op = "add", .inputs = {y, RAMP(g, 2, 1, 1)}), 0, INFINITY);
    y = conv(g, transpose(g, y, to_nhwc), 2, 1);
    static const int32_t axes[] = {2, 3};
    return MITE_IR_EMIT(g, .op = "mean", .inputs = {transpose(g, y, to_nchw)},
                        .attrs = {{"axis_count", .word = 2},
                                  {"axes", .list = axes, .list_count = 2},
                                  {"keep_dims", .word = 0}});
}

static mite_ir_value *two_reshapes(mite_ir_graph *g) {
    mite_ir_value *y = picture(g, 2, 3, 4);
    for (int32_t i = 0; i < 2; i++) {
        int32_t shape[] = {i ? 24 : 6, i ? 1 : 4};
        y = MITE_IR_EMIT(g, .op = "reshape", .inputs = {y},
                         .attrs = {{"rank", .word = 2}, {"shape", .list = shape, .list_count = 2}});
    }
    return y;
}

static mite_ir_value *known_view(mite_ir_graph *g) {
    return MITE_IR_EMIT(g, .op = "flatten", .inputs = {picture(g, 2, 3, 4)},
                        .attrs = {{"axis", .word = 2}});
}

static mite_ir_value *constant_sum(mite_ir_graph *g) {
    mite_ir_value *x = picture(g, 1, 1, 2);
    mite_ir_value *c = MITE_IR_EMIT(g, .op = "add", .inputs = {RAMP(g, 2), RAMP(g, 2)});
    return MITE_IR_EMIT(g, .op = "mul", .inputs = {x, c});
}

// quantize -> dequantize -> conv2d with integer weights -> quantize -> dequantize -> reshape
static mite_ir_value *quantized_conv(mite_ir_graph *g) {
    mite_ir_value *x = dequantize(g, quantize(g, picture(g, 2, 2, 1), 0.5f, 10));
    mite_ir_value *y = conv(g, x, 2, 1), *w = y->producer->inputs[1];
    mite_ir_value *q = mite_ir_constant(g, "q", MITE_I8, 4, w->shape);
    ((int8_t *)q->data)[0] = 2;
    ((int8_t *)q->data)[1] = 4;
    mite_ir_set_quant(g, q, 1, 0, (float[]){0.25f}, (int32_t[]){0});
    w->origin = q;
    y = dequantize(g, quantize(g, y, 2, 5));
    return MITE_IR_EMIT(
        g, .op = "reshape", .inputs = {y},
        .attrs = {{"rank", .word = 1}, {"shape", .list = (int32_t[]){8}, .list_count = 1}});
}

static void check_numbers(void) {
    mite_ir_graph *g = mite_ir_new(0);
    if (!g) exit(1);
    mite_ir_output(g, "y", quantized_conv(g));
    mite_pass_fuse_qdq(g);
    mite_pass_dead_code(g);
    const mite_ir_node *node = g->nodes[1];
    const int32_t *bias = node->inputs[2]->data;
    const float *multiplier = node->inputs[3]->data;
    // b/(sx*sw) - zx*sum(w): 0.5/0.125 - 10*2 and 1/0.125 - 10*4; sx*sw/sy: 0.125/2
    if (bias[0] != -16 || bias[1] != -32 || multiplier[0] != 0.0625f) {
        fprintf(stderr, "quantized conv: bias %d %d, multiplier %g\n", bias[0], bias[1],
                (double)multiplier[0]);
        failures++;
    }
    mite_ir_free(g);
    g = mite_ir_new(0);
    if (!g) exit(1);
    mite_ir_output(g, "y", batch_norm(g));
    mite_pass_fold_batch_norm(g);
    node = g->nodes[0];
    const float *w = node->inputs[1]->data, *b = node->inputs[2]->data;
    // w * s and b * s + t with w = b = s = t = 0.5, 1
    if (w[0] != 0.25f || w[1] != 1 || b[0] != 0.75f || b[1] != 2) {
        fprintf(stderr, "batch norm: %g %g, %g %g\n", (double)w[0], (double)w[1], (double)b[0],
                (double)b[1]);
        failures++;
    }
    mite_ir_free(g);
}

static mite_ir_value *conv_of_volume(mite_ir_graph *g) {
    mite_ir_value *x = mite_ir_input(g, "x", MITE_F32, 5, (const int32_t[]){2, 1, 3, 4, 4});
    const int32_t strides[] = {2, 1, 1}, before[] = {1, 1, 1}, after[] = {0, 1, 1};
    return MITE_IR_EMIT(g, .op = "conv_nd", .inputs = {x, RAMP(g, 5, 1, 2, 3, 3)},
                        .attrs = {{"strides", .list = strides, .list_count = 3},
                                  {"pads_begin", .list = before, .list_count = 3},
                                  {"pads_end", .list = after, .list_count = 3}});
}

// A classifier's end: pooling, a linear layer, softmax.
static mite_ir_value *classifier(mite_ir_graph *g) {
    mite_ir_value *y = clamp(g, picture(g, 2, 3, 4), 0, INFINITY);
    y = MITE_IR_EMIT(g, .op = "mean", .inputs = {y},
                     .attrs = {{"axis_count", .word = 2},
                               {"axes", .list = (int32_t[]){1, 2}, .list_count = 2},
                               {"keep_dims", .word = 0}});
    y = MITE_IR_EMIT(g, .op = "dense", .inputs = {y, RAMP(g, 5, 1, 1, 4), RAMP(g, 5)});
    return MITE_IR_EMIT(g, .op = "softmax", .inputs = {y});
}

static bool add_class_map(mite_ir_graph *g) {
    bool has = mite_has_class_map(g);
    mite_add_class_map(g, "map");
    return has;
}

// One branch clamps what is computed outside, the other has its own convolution to clamp, and hands a
// value of the graph around it through.
static mite_ir_value *two_branches(mite_ir_graph *g) {
    mite_ir_value *x = picture(g, 2, 2, 1), *both[2];
    mite_ir_value *which = mite_ir_input(g, "c", MITE_BOOL, 0, NULL);
    mite_ir_value *outside = conv(g, x, 2, 1), *y;
    int32_t bodies[2];
    for (int32_t i = 0; i < 2; i++) {
        mite_ir_begin_body(g);
        both[0] = clamp(g, i ? conv(g, x, 2, 1) : outside, 0, INFINITY);
        both[1] = i ? unary(g, "identity", x) : unary(g, "sigmoid", x);
        mite_ir_output(g, "a", both[0]);
        mite_ir_output(g, "b", both[1]);
        bodies[i] = mite_ir_end_body(g);
    }
    y = MITE_IR_EMIT(g, .op = "if", .inputs = {which}, .dtype = MITE_F32,
                     .attrs = {{"then_body", .word = bodies[0]}, {"else_body", .word = bodies[1]}},
                     .more_dtypes = (mite_dtype[]){MITE_F32}, .more_outputs = 1);
    mite_ir_output(g, "z", mite_ir_output_at(y, 1));
    return y;
}

static bool all_passes(mite_ir_graph *g) {
    mite_passes_run(g, true);
    return true;
}

int main(void) {
    check("class map", classifier, add_class_map,
          "%1 f32[1,2,3,4] x\n"
          "%2 f32[1,2,3,4] = clamp(%1) lo=0\n"
          "%3 f32[1,4] = mean(%2) axis_count=2 axes=1,2 keep_dims=0\n"
          "%4 f32[5,1,1,4] constant\n"
          "%5 f32[5] constant\n"
          "%6 f32[1,5] = dense(%3, %4, %5)\n"
          "%7 f32[1,5] = softmax(%6)\n"
          "y = %7\n",
          // ->
          "%1 f32[1,2,3,4] x\n"
          "%2 f32[1,2,3,4] = clamp(%1) lo=0\n"
          "%3 f32[1,4] = mean(%2) axis_count=2 axes=1,2 keep_dims=0\n"
          "%4 f32[5,1,1,4] constant\n"
          "%5 f32[5] constant\n"
          "%6 f32[1,5] = dense(%3, %4, %5)\n"
          "%7 f32[1,5] = softmax(%6)\n"
          "%8 f32[1,2,3,5] = dense(%2, %4, %5)\n"
          "y = %7\n"
          "map = %8\n");
    check("bodies", two_branches, all_passes,
          "%1 f32[1,2,2,1] x\n"
          "%2 bool[] c\n"
          "%3 f32[2,1,1,1] constant\n"
          "%4 f32[2] constant\n"
          "%5 f32[1,2,2,2] = conv2d(%1, %3, %4)\n"
          "%6 f32[1,2,2,2], %7 f32[1,2,2,1] = if(%2) then_body=0 else_body=1\n"
          "z = %7\n"
          "y = %6\n"
          "body 1:\n"
          "%8 f32[2,1,1,1] constant\n"
          "%9 f32[2] constant\n"
          "%10 f32[1,2,2,2] = conv2d(%1, %8, %9)\n"
          "%11 f32[1,2,2,2] = clamp(%10) lo=0\n"
          "%12 f32[1,2,2,1] = identity(%1)\n"
          "a = %11\n"
          "b = %12\n"
          "body 0:\n"
          "%13 f32[1,2,2,2] = clamp(%5) lo=0\n"
          "%14 f32[1,2,2,1] = sigmoid(%1)\n"
          "a = %13\n"
          "b = %14\n",
          // ->
          "%1 f32[1,2,2,1] x\n"
          "%2 bool[] c\n"
          "%3 f32[2,1,1,1] constant\n"
          "%4 f32[2] constant\n"
          "%5 f32[1,2,2,2] = conv2d(%1, %3, %4)\n"
          "%6 f32[1,2,2,2], %7 f32[1,2,2,1] = if(%2) then_body=0 else_body=1\n"
          "z = %7\n"
          "y = %6\n"
          "body 1:\n"
          "%8 f32[2,1,1,1] constant\n"
          "%9 f32[2] constant\n"
          "%10 f32[1,2,2,2] = conv2d(%1, %8, %9) clamp_lo=0\n"
          "%11 f32[1,2,2,1] = identity(%1)\n"
          "a = %10\n"
          "b = %11\n"
          "body 0:\n"
          "%12 f32[1,2,2,2] = clamp(%5) lo=0\n"
          "%13 f32[1,2,2,1] = sigmoid(%1)\n"
          "a = %12\n"
          "b = %13\n");
    check("volume", conv_of_volume, mite_pass_volumes,
          "%1 f32[2,1,3,4,4] x\n"
          "%2 f32[5,1,2,3,3] constant\n"
          "%3 f32[2,5,2,4,4] = conv_nd(%1, %2) strides=2 pads_begin=1,1,1 pads_end=0,1,1\n"
          "y = %3\n",
          // ->
          "%1 f32[2,1,3,4,4] x\n"
          "%2 f32[2,3,4,4,1] = transpose(%1) perm=0,2,3,4,1\n"
          "%3 f32[2,4,4,4,1] = pad(%2) before=0,1\n"
          "%4 i64[1] constant\n"
          "%5 i64[1] constant\n"
          "%6 i64[1] constant\n"
          "%7 i64[1] constant\n"
          "%8 f32[2,2,4,4,1] = slice(%3, %4, %5, %6, %7)\n"
          "%9 i64[1] constant\n"
          "%10 i64[1] constant\n"
          "%11 i64[1] constant\n"
          "%12 i64[1] constant\n"
          "%13 f32[2,2,4,4,1] = slice(%3, %9, %10, %11, %12)\n"
          "%14 f32[2,2,4,4,2] = concat(%8, %13) axis=4\n"
          "%15 f32[4,4,4,2] = reshape(%14) rank=4 shape=4,4,4,2\n"
          "%16 f32[5,3,3,2] constant\n"
          "%17 f32[5] constant\n"
          "%18 f32[4,4,4,5] = conv2d(%15, %16, %17) pad_top=1 pad_left=1 pad_bottom=1 pad_right=1\n"
          "%19 f32[2,2,4,4,5] = reshape(%18) rank=5 shape=2,2,4,4,5\n"
          "%20 f32[2,5,2,4,4] = transpose(%19) perm=0,4,1,2,3\n"
          "y = %20\n");
    check("activation", relu6_after_conv, mite_pass_fuse_activation,
          "%1 f32[1,4,4,3] x\n"
          "%2 f32[2,1,1,3] constant\n"
          "%3 f32[2] constant\n"
          "%4 f32[1,4,4,2] = conv2d(%1, %2, %3)\n"
          "%5 f32[1,4,4,2] = clamp(%4) lo=0\n"
          "%6 f32[1,4,4,2] = clamp(%5) lo=-1 hi=6\n"
          "y = %6\n",
          // ->
          "%1 f32[1,4,4,3] x\n"
          "%2 f32[2,1,1,3] constant\n"
          "%3 f32[2] constant\n"
          "%4 f32[1,4,4,2] = conv2d(%1, %2, %3) clamp_lo=0 clamp_hi=6\n"
          "y = %4\n");
    check("residual", residual, mite_pass_fuse_residual,
          "%1 f32[1,4,4,2] x\n"
          "%2 f32[2,1,1,2] constant\n"
          "%3 f32[2] constant\n"
          "%4 f32[1,4,4,2] = conv2d(%1, %2, %3)\n"
          "%5 f32[1,4,4,2] = clamp(%1) lo=0\n"
          "%6 f32[1,4,4,2] = add(%4, %5) clamp_lo=0\n"
          "y = %6\n",
          // ->
          "%1 f32[1,4,4,2] x\n"
          "%2 f32[1,4,4,2] = clamp(%1) lo=0\n"
          "%3 f32[2,1,1,2] constant\n"
          "%4 f32[2] constant\n"
          "%5 f32[1,4,4,2] = conv2d(%1, %3, %4, -, %2) clamp_lo=0\n"
          "y = %5\n");
    check("batch norm", batch_norm, mite_pass_fold_batch_norm,
          "%1 f32[1,2,2,1] x\n"
          "%2 f32[2,1,1,1] constant\n"
          "%3 f32[2] constant\n"
          "%4 f32[1,2,2,2] = conv2d(%1, %2, %3)\n"
          "%5 f32[2] constant\n"
          "%6 f32[1,2,2,2] = mul(%4, %5)\n"
          "%7 f32[1,1,1,2] constant\n"
          "%8 f32[1,2,2,2] = add(%6, %7)\n"
          "y = %8\n",
          // ->
          "%1 f32[1,2,2,1] x\n"
          "%2 f32[2,1,1,1] constant\n"
          "%3 f32[2] constant\n"
          "%4 f32[1,2,2,2] = conv2d(%1, %2, %3)\n"
          "y = %4\n");
    check("pad", pad_conv, mite_pass_fold_pad,
          "%1 f32[1,4,4,3] x\n"
          "%2 f32[1,5,6,3] = pad(%1) before=0,0,1 after=0,1,1\n"
          "%3 f32[2,3,3,3] constant\n"
          "%4 f32[2] constant\n"
          "%5 f32[1,3,4,2] = conv2d(%2, %3, %4)\n"
          "y = %5\n",
          // ->
          "%1 f32[1,4,4,3] x\n"
          "%2 f32[2,3,3,3] constant\n"
          "%3 f32[2] constant\n"
          "%4 f32[1,3,4,2] = conv2d(%1, %2, %3) pad_left=1 pad_bottom=1 pad_right=1\n"
          "y = %4\n");
    check("transposes", between_convs, mite_pass_transposes,
          "%1 f32[1,3,4,4] x\n"
          "%2 f32[1,4,4,3] = transpose(%1) perm=0,2,3,1\n"
          "%3 f32[2,1,1,3] constant\n"
          "%4 f32[2] constant\n"
          "%5 f32[1,4,4,2] = conv2d(%2, %3, %4)\n"
          "%6 f32[1,2,4,4] = transpose(%5) perm=0,3,1,2\n"
          "%7 f32[2,1,1] constant\n"
          "%8 f32[1,2,4,4] = add(%6, %7)\n"
          "%9 f32[1,2,4,4] = clamp(%8) lo=0\n"
          "%10 f32[1,4,4,2] = transpose(%9) perm=0,2,3,1\n"
          "%11 f32[2,1,1,2] constant\n"
          "%12 f32[2] constant\n"
          "%13 f32[1,4,4,2] = conv2d(%10, %11, %12)\n"
          "%14 f32[1,2,4,4] = transpose(%13) perm=0,3,1,2\n"
          "%15 f32[1,2] = mean(%14) axis_count=2 axes=2,3 keep_dims=0\n"
          "y = %15\n",
          // ->
          "%1 f32[1,3,4,4] x\n"
          "%2 f32[1,4,4,3] = transpose(%1) perm=0,2,3,1\n"
          "%3 f32[2,1,1,3] constant\n"
          "%4 f32[2] constant\n"
          "%5 f32[1,4,4,2] = conv2d(%2, %3, %4)\n"
          "%6 f32[1,1,1,2] constant\n"
          "%7 f32[1,4,4,2] = add(%5, %6)\n"
          "%8 f32[1,4,4,2] = clamp(%7) lo=0\n"
          "%9 f32[2,1,1,2] constant\n"
          "%10 f32[2] constant\n"
          "%11 f32[1,4,4,2] = conv2d(%8, %9, %10)\n"
          "%12 f32[1,2] = mean(%11) axis_count=2 axes=1,2 keep_dims=0\n"
          "y = %12\n");
    check("reshapes", two_reshapes, mite_pass_reshapes,
          "%1 f32[1,2,3,4] x\n"
          "%2 f32[6,4] = reshape(%1) rank=2 shape=6,4\n"
          "%3 f32[24,1] = reshape(%2) rank=2 shape=24\n"
          "y = %3\n",
          // ->
          "%1 f32[1,2,3,4] x\n"
          "%2 f32[24,1] = reshape(%1) rank=2 shape=24\n"
          "y = %2\n");
    check("a view whose shape is known", known_view, mite_pass_reshapes,
          "%1 f32[1,2,3,4] x\n"
          "%2 f32[2,12] = flatten(%1) axis=2\n"
          "y = %2\n",
          // ->
          "%1 f32[1,2,3,4] x\n"
          "%2 f32[2,12] = reshape(%1) rank=2 shape=2,12\n"
          "y = %2\n");
    check("identities", nothing_done, mite_pass_identities,
          "%1 f32[2,3] x\n"
          "%2 f32[2,3] = identity(%1)\n"
          "%3 f64[2,3] = cast(%2)\n"
          "%4 f32[2,3] = cast(%3)\n"
          "%5 f32[2,3] = concat(%4) axis=1\n"
          "%6 f32[1] constant\n"
          "%7 f32[2,3] = mul(%5, %6)\n"
          "%8 i32[2,3] = cast(%7)\n"
          "%9 f32[2,3] = cast(%8)\n"
          "y = %9\n",
          // ->
          "%1 f32[2,3] x\n"
          "%2 i32[2,3] = cast(%1)\n"
          "%3 f32[2,3] = cast(%2)\n"
          "y = %3\n");
    check("common nodes", twice_the_same, mite_pass_common_nodes,
          "%1 f32[1,1,1,2] x\n"
          "%2 f32[2] constant\n"
          "%3 f32[1,1,1,2] = mul(%1, %2)\n"
          "%4 f32[2] constant\n"
          "%5 f32[1,1,1,2] = mul(%1, %4)\n"
          "%6 f32[1,1,1,2] = sigmoid(%3)\n"
          "%7 f32[1,1,1,2] = sigmoid(%5)\n"
          "%8 f32[1,1,1,2] = tanh(%5)\n"
          "%9 f32[1,1,1,2] = add(%6, %7)\n"
          "%10 f32[1,1,1,2] = add(%9, %8)\n"
          "y = %10\n",
          // ->
          "%1 f32[1,1,1,2] x\n"
          "%2 f32[2] constant\n"
          "%3 f32[1,1,1,2] = mul(%1, %2)\n"
          "%4 f32[1,1,1,2] = sigmoid(%3)\n"
          "%5 f32[1,1,1,2] = tanh(%3)\n"
          "%6 f32[1,1,1,2] = add(%4, %4)\n"
          "%7 f32[1,1,1,2] = add(%6, %5)\n"
          "y = %7\n");
    check("constants", constant_sum, mite_pass_fold_constants,
          "%1 f32[1,1,1,2] x\n"
          "%2 f32[2] constant\n"
          "%3 f32[2] constant\n"
          "%4 f32[2] = add(%2, %3)\n"
          "%5 f32[1,1,1,2] = mul(%1, %4)\n"
          "y = %5\n",
          // ->
          "%1 f32[1,1,1,2] x\n"
          "%2 f32[2] constant\n"
          "%3 f32[1,1,1,2] = mul(%1, %2)\n"
          "y = %3\n");
    check("integers", quantized_conv, mite_pass_fuse_qdq,
          "%1 f32[1,2,2,1] x\n"
          "%2 u8[1,2,2,1] (0.5, 10) = quantize(%1)\n"
          "%3 f32[1,2,2,1] = dequantize(%2)\n"
          "%4 f32[2,1,1,1] constant of i8\n"
          "%5 f32[2] constant\n"
          "%6 f32[1,2,2,2] = conv2d(%3, %4, %5)\n"
          "%7 u8[1,2,2,2] (2, 5) = quantize(%6)\n"
          "%8 f32[1,2,2,2] = dequantize(%7)\n"
          "%9 f32[8] = reshape(%8) rank=1 shape=8\n"
          "y = %9\n",
          // ->
          "%1 f32[1,2,2,1] x\n"
          "%2 u8[1,2,2,1] (0.5, 10) = quantize(%1)\n"
          "%3 i8[2,1,1,1] constant\n"
          "%4 i32[2] constant\n"
          "%5 f32[2] constant\n"
          "%6 u8[1,2,2,2] (2, 5) = conv2d(%2, %3, %4, %5)\n"
          "%7 u8[8] (2, 5) = reshape(%6) rank=1 shape=8\n"
          "%8 f32[8] = dequantize(%7)\n"
          "y = %8\n");
    check_numbers();
    printf("%d failures\n", failures);
    return failures != 0;
}
