// SPDX-License-Identifier: Apache-2.0
// The passes that recognise what transformers are made of, each on the smallest graph that shows it.
#include "pass_check.h"

#include "ops/more/functions.h"
#include "quantize/quantize.h"

static mite_ir_value *number(mite_ir_graph *g, float x) { return mite_ir_floats(g, "n", &x, 1); }

static mite_ir_value *binary(mite_ir_graph *g, const char *op, mite_ir_value *a, mite_ir_value *b) {
    return MITE_IR_EMIT(g, .op = op, .inputs = {a, b});
}

static mite_ir_value *turn(mite_ir_graph *g, mite_ir_value *x, const int32_t perm[4]) {
    return MITE_IR_EMIT(g, .op = "transpose", .inputs = {x},
                        .attrs = {{"perm", .list = perm, .list_count = 4}});
}

static mite_ir_value *reshape(mite_ir_graph *g, mite_ir_value *x, size_t rank,
                              const int32_t *shape) {
    return MITE_IR_EMIT(
        g, .op = "reshape", .inputs = {x},
        .attrs = {{"rank", .word = (int32_t)rank}, {"shape", .list = shape, .list_count = rank}});
}

static mite_ir_value *rows(mite_ir_graph *g) {
    return mite_ir_input(g, "x", MITE_F32, 2, (int32_t[]){3, 4});
}

// div(matmul_nd(a, transpose(b)), 4) with a and b of [1,2,3,5]
static mite_ir_value *scores(mite_ir_graph *g) {
    mite_ir_value *a = mite_ir_input(g, "a", MITE_F32, 4, (int32_t[]){1, 2, 3, 5});
    mite_ir_value *b = mite_ir_input(g, "b", MITE_F32, 4, (int32_t[]){1, 3, 2, 5});
    b = turn(g, turn(g, b, (int32_t[]){0, 2, 1, 3}), (int32_t[]){0, 1, 3, 2});
    return binary(g, "div", binary(g, "matmul_nd", a, b), number(g, 4));
}

static mite_ir_value *gelu_by_erf(mite_ir_graph *g) {
    mite_ir_value *x = rows(g), *y = binary(g, "div", x, number(g, 1.41421356f));
    y = MITE_IR_EMIT(g, .op = "unary", .inputs = {y},
                     .attrs = {{"function", .word = MITE_UNARY_ERF}});
    y = binary(g, "mul", x, binary(g, "add", y, number(g, 1)));
    return binary(g, "mul", y, number(g, 0.5f));
}

// 0.5 x (1 + tanh(x 0.798 (1 + 0.0447 x x)))
static mite_ir_value *gelu_by_tanh(mite_ir_graph *g) {
    mite_ir_value *x = rows(g), *y = binary(g, "mul", binary(g, "mul", x, x), number(g, 0.044715f));
    y = binary(g, "mul", x, binary(g, "add", number(g, 1), y));
    y = MITE_IR_EMIT(g, .op = "tanh", .inputs = {binary(g, "mul", y, number(g, 0.7978845608f))});
    return binary(g, "mul", binary(g, "mul", number(g, 0.5f), x),
                  binary(g, "add", number(g, 1), y));
}

// The same with another factor is no GELU.
static mite_ir_value *no_gelu(mite_ir_graph *g) {
    mite_ir_value *x = rows(g), *y = MITE_IR_EMIT(g, .op = "tanh", .inputs = {x});
    y = binary(g, "mul", x, binary(g, "add", y, number(g, 1)));
    return binary(g, "mul", y, number(g, 0.5f));
}

static mite_ir_value *mean(mite_ir_graph *g, mite_ir_value *x) {
    return MITE_IR_EMIT(
        g, .op = "mean", .inputs = {x},
        .attrs = {{"axis_count", .word = 1}, {"axes", .list = (int32_t[]){-1}, .list_count = 1}});
}

static mite_ir_value *layer_norm(mite_ir_graph *g) {
    mite_ir_value *x = rows(g), *d = binary(g, "sub", x, mean(g, x));
    mite_ir_value *v = binary(g, "add", mean(g, binary(g, "mul", d, d)), number(g, 0.25f));
    v = MITE_IR_EMIT(g, .op = "sqrt", .inputs = {v});
    return binary(g, "add", binary(g, "mul", binary(g, "div", d, v), RAMP(g, 4)), RAMP(g, 4));
}

// Rows [1,3,8] as two heads, with a mask; all three operands are the same.
static mite_ir_value *attention(mite_ir_graph *g) {
    mite_ir_value *x = mite_ir_input(g, "x", MITE_F32, 3, (int32_t[]){1, 3, 8});
    mite_ir_value *mask = mite_ir_input(g, "mask", MITE_F32, 4, (int32_t[]){1, 1, 1, 3});
    x = turn(g, reshape(g, x, 4, (int32_t[]){1, 3, 2, 4}), (int32_t[]){0, 2, 1, 3});
    mite_ir_value *y =
        MITE_IR_EMIT(g, .op = "matmul", .inputs = {x, x},
                     .attrs = {{"transpose_b", .word = 1}, {"scale", .word = mite_ir_bits(0.5f)}});
    y = MITE_IR_EMIT(g, .op = "softmax", .inputs = {binary(g, "add", y, mask)});
    y = turn(g, binary(g, "matmul", y, x), (int32_t[]){0, 2, 1, 3});
    return reshape(g, y, 3, (int32_t[]){1, 3, 8});
}

// The same of one head, where rows of NaN become zeros.
static mite_ir_value *attention_without_nan(mite_ir_graph *g) {
    mite_ir_value *x = mite_ir_input(g, "x", MITE_F32, 4, (int32_t[]){1, 1, 3, 4});
    mite_ir_value *mask = mite_ir_input(g, "mask", MITE_F32, 4, (int32_t[]){1, 1, 1, 3});
    mite_ir_value *y =
        MITE_IR_EMIT(g, .op = "matmul", .inputs = {x, x}, .attrs = {{"transpose_b", .word = 1}});
    y = MITE_IR_EMIT(g, .op = "softmax", .inputs = {binary(g, "add", y, mask)});
    mite_ir_value *nan = MITE_IR_EMIT(g, .op = "unary", .inputs = {y}, .dtype = MITE_BOOL,
                                      .attrs = {{"function", .word = MITE_UNARY_IS_NAN}});
    y = MITE_IR_EMIT(g, .op = "where", .inputs = {nan, number(g, 0), y}, .dtype = MITE_F32);
    return binary(g, "matmul", y, x);
}

// A constant of 0.5, 1, … that stands for integers, with a scale for each index of dimension 0.
static mite_ir_value *byte_weights(mite_ir_graph *g, size_t rank, const int32_t *shape,
                                   int32_t modulus) {
    mite_ir_value *w = ramp(g, rank, shape), *q = mite_ir_constant(g, "q", MITE_I8, rank, shape);
    float *scales = mite_ir_alloc(g, (size_t)shape[0], sizeof *scales);
    int32_t *zeros = mite_ir_alloc(g, (size_t)shape[0], sizeof *zeros);
    for (int32_t i = 0; scales && i < shape[0]; i++) scales[i] = 1;
    for (size_t i = 0; q && i < q->bytes; i++)
        ((int8_t *)q->data)[i] = (int8_t)((int32_t)i % modulus);
    mite_ir_set_quant(g, q, (size_t)shape[0], 0, scales, zeros);
    if (w) w->origin = q;
    return w;
}

static mite_ir_value *quarter_weights(mite_ir_graph *g) {
    mite_ir_value *x = mite_ir_input(g, "x", MITE_F32, 2, (int32_t[]){2, 64});
    mite_ir_value *w = byte_weights(g, 4, (int32_t[]){72, 1, 1, 64}, 8);
    return MITE_IR_EMIT(g, .op = "dense", .inputs = {x, w, RAMP(g, 72)},
                        .attrs = {{"clamp_lo", .word = 0}});
}

static mite_ir_value *table_of_bytes(mite_ir_graph *g) {
    mite_ir_value *i = mite_ir_input(g, "i", MITE_I64, 1, (int32_t[]){3});
    mite_ir_value *w = byte_weights(g, 2, (int32_t[]){128, 32}, 100);
    return MITE_IR_EMIT(g, .op = "gather", .inputs = {w, i}, .dtype = MITE_F32);
}

static mite_ir_value *dense(mite_ir_graph *g, mite_ir_value *x, int32_t columns) {
    return MITE_IR_EMIT(
        g, .op = "dense",
        .inputs = {x, RAMP(g, columns, 1, 1, x->shape[x->rank - 1]), RAMP(g, columns)});
}

// Two layers over three rows with a residual, attention among the rows, and a layer over one row.
static mite_ir_value *layers(mite_ir_graph *g) {
    mite_ir_value *x = mite_ir_input(g, "x", MITE_F32, 3, (int32_t[]){1, 3, 4});
    mite_ir_value *y = MITE_IR_EMIT(g, .op = "gelu", .inputs = {dense(g, x, 8)});
    y = binary(g, "add", dense(g, y, 4), x);
    y = MITE_IR_EMIT(g, .op = "dense_attention", .inputs = {y, y, y},
                     .attrs = {{"q_heads", .word = 2}, {"k_heads", .word = 2}});
    return dense(g, reshape(g, y, 2, (int32_t[]){1, 12}), 2);
}

// As the converter does it, with nothing to calibrate by.
static bool quantize(mite_ir_graph *g) {
    mite_quantize(g, &(mite_quantize_options){0});
    mite_passes_run(g, true);
    return true;
}

int main(void) {
    check("attention without NaN", attention_without_nan, mite_pass_fuse_attention,
          "%1 f32[1,1,3,4] x\n"
          "%2 f32[1,1,1,3] mask\n"
          "%3 f32[1,1,3,3] = matmul(%1, %1) transpose_b=1\n"
          "%4 f32[1,1,3,3] = add(%3, %2)\n"
          "%5 f32[1,1,3,3] = softmax(%4)\n"
          "%6 bool[1,1,3,3] = unary(%5) function=41\n"
          "%7 f32[1] constant\n"
          "%8 f32[1,1,3,3] = where(%6, %7, %5)\n"
          "%9 f32[1,1,3,4] = matmul(%8, %1)\n"
          "y = %9\n",
          // ->
          "%1 f32[1,1,3,4] x\n"
          "%2 f32[1,1,1,3] mask\n"
          "%3 f32[1,1,3,4] = dense_attention(%1, %1, %1, %2) scale=1\n"
          "y = %3\n");
    check("rows in integers", layers, quantize,
          "%1 f32[1,3,4] x\n"
          "%2 f32[8,1,1,4] constant\n"
          "%3 f32[8] constant\n"
          "%4 f32[1,3,8] = dense(%1, %2, %3)\n"
          "%5 f32[1,3,8] = gelu(%4)\n"
          "%6 f32[4,1,1,8] constant\n"
          "%7 f32[4] constant\n"
          "%8 f32[1,3,4] = dense(%5, %6, %7)\n"
          "%9 f32[1,3,4] = add(%8, %1)\n"
          "%10 f32[1,3,4] = dense_attention(%9, %9, %9) q_heads=2 k_heads=2\n"
          "%11 f32[1,12] = reshape(%10) rank=2 shape=1,12\n"
          "%12 f32[2,1,1,12] constant\n"
          "%13 f32[2] constant\n"
          "%14 f32[1,2] = dense(%11, %12, %13)\n"
          "y = %14\n",
          // ->
          "%1 f32[1,3,4] x\n"
          "%2 i8[8,1,1,4] constant\n"
          "%3 i32[8] constant\n"
          "%4 f32[8] constant\n"
          "%5 f32[8] constant\n"
          "%6 f32[1,3,8] = dense_rows(%1, %2, %3, %4, %5)\n"
          "%7 i8[4,1,1,8] constant\n"
          "%8 i32[4] constant\n"
          "%9 f32[4] constant\n"
          "%10 f32[4] constant\n"
          "%11 f32[1,3,4] = dense_rows(%6, %7, %8, %9, %10, %1) gelu=1\n"
          "%12 f32[1,3,4] = dense_attention_u8(%11, %11, %11) q_heads=2 k_heads=2\n"
          "%13 f32[1,12] = reshape(%12) rank=2 shape=1,12\n"
          "%14 f32[2,1,1,12] constant\n"
          "%15 f32[2] constant\n"
          "%16 f32[1,2] = dense(%13, %14, %15)\n"
          "y = %16\n");
    check("products", scores, mite_pass_fuse_products,
          "%1 f32[1,2,3,5] a\n"
          "%2 f32[1,3,2,5] b\n"
          "%3 f32[1,2,3,5] = transpose(%2) perm=0,2,1,3\n"
          "%4 f32[1,2,5,3] = transpose(%3) perm=0,1,3,2\n"
          "%5 f32[1,2,3,3] = matmul_nd(%1, %4)\n"
          "%6 f32[1] constant\n"
          "%7 f32[1,2,3,3] = div(%5, %6)\n"
          "y = %7\n",
          // ->
          "%1 f32[1,2,3,5] a\n"
          "%2 f32[1,3,2,5] b\n"
          "%3 f32[1,2,3,5] = transpose(%2) perm=0,2,1,3\n"
          "%4 f32[1,2,3,3] = matmul(%1, %3) transpose_b=1 scale=0.25\n"
          "y = %4\n");
    check("GELU by erf", gelu_by_erf, mite_pass_fuse_gelu,
          "%1 f32[3,4] x\n"
          "%2 f32[1] constant\n"
          "%3 f32[3,4] = div(%1, %2)\n"
          "%4 f32[3,4] = unary(%3) function=25\n"
          "%5 f32[1] constant\n"
          "%6 f32[3,4] = add(%4, %5)\n"
          "%7 f32[3,4] = mul(%1, %6)\n"
          "%8 f32[1] constant\n"
          "%9 f32[3,4] = mul(%7, %8)\n"
          "y = %9\n",
          // ->
          "%1 f32[3,4] x\n"
          "%2 f32[3,4] = gelu(%1)\n"
          "y = %2\n");
    check("GELU by tanh", gelu_by_tanh, mite_pass_fuse_gelu,
          "%1 f32[3,4] x\n"
          "%2 f32[3,4] = mul(%1, %1)\n"
          "%3 f32[1] constant\n"
          "%4 f32[3,4] = mul(%2, %3)\n"
          "%5 f32[1] constant\n"
          "%6 f32[3,4] = add(%5, %4)\n"
          "%7 f32[3,4] = mul(%1, %6)\n"
          "%8 f32[1] constant\n"
          "%9 f32[3,4] = mul(%7, %8)\n"
          "%10 f32[3,4] = tanh(%9)\n"
          "%11 f32[1] constant\n"
          "%12 f32[3,4] = mul(%11, %1)\n"
          "%13 f32[1] constant\n"
          "%14 f32[3,4] = add(%13, %10)\n"
          "%15 f32[3,4] = mul(%12, %14)\n"
          "y = %15\n",
          // ->
          "%1 f32[3,4] x\n"
          "%2 f32[3,4] = gelu(%1) by_tanh=1\n"
          "y = %2\n");
    check("no GELU", no_gelu, mite_pass_fuse_gelu,
          "%1 f32[3,4] x\n"
          "%2 f32[3,4] = tanh(%1)\n"
          "%3 f32[1] constant\n"
          "%4 f32[3,4] = add(%2, %3)\n"
          "%5 f32[3,4] = mul(%1, %4)\n"
          "%6 f32[1] constant\n"
          "%7 f32[3,4] = mul(%5, %6)\n"
          "y = %7\n",
          // ->
          "%1 f32[3,4] x\n"
          "%2 f32[3,4] = tanh(%1)\n"
          "%3 f32[1] constant\n"
          "%4 f32[3,4] = add(%2, %3)\n"
          "%5 f32[3,4] = mul(%1, %4)\n"
          "%6 f32[1] constant\n"
          "%7 f32[3,4] = mul(%5, %6)\n"
          "y = %7\n");
    check("layer normalization", layer_norm, mite_pass_fuse_layer_norm,
          "%1 f32[3,4] x\n"
          "%2 f32[3,1] = mean(%1) axis_count=1 axes=-1\n"
          "%3 f32[3,4] = sub(%1, %2)\n"
          "%4 f32[3,4] = mul(%3, %3)\n"
          "%5 f32[3,1] = mean(%4) axis_count=1 axes=-1\n"
          "%6 f32[1] constant\n"
          "%7 f32[3,1] = add(%5, %6)\n"
          "%8 f32[3,1] = sqrt(%7)\n"
          "%9 f32[3,4] = div(%3, %8)\n"
          "%10 f32[4] constant\n"
          "%11 f32[3,4] = mul(%9, %10)\n"
          "%12 f32[4] constant\n"
          "%13 f32[3,4] = add(%11, %12)\n"
          "y = %13\n",
          // ->
          "%1 f32[3,4] x\n"
          "%2 f32[4] constant\n"
          "%3 f32[4] constant\n"
          "%4 f32[3,4] = layer_norm(%1, %2, %3) epsilon=0.25\n"
          "y = %4\n");
    check("attention", attention, mite_pass_fuse_attention,
          "%1 f32[1,3,8] x\n"
          "%2 f32[1,1,1,3] mask\n"
          "%3 f32[1,3,2,4] = reshape(%1) rank=4 shape=1,3,2,4\n"
          "%4 f32[1,2,3,4] = transpose(%3) perm=0,2,1,3\n"
          "%5 f32[1,2,3,3] = matmul(%4, %4) transpose_b=1 scale=0.5\n"
          "%6 f32[1,2,3,3] = add(%5, %2)\n"
          "%7 f32[1,2,3,3] = softmax(%6)\n"
          "%8 f32[1,2,3,4] = matmul(%7, %4)\n"
          "%9 f32[1,3,2,4] = transpose(%8) perm=0,2,1,3\n"
          "%10 f32[1,3,8] = reshape(%9) rank=3 shape=1,3,8\n"
          "y = %10\n",
          // ->
          "%1 f32[1,3,8] x\n"
          "%2 f32[1,1,1,3] mask\n"
          "%3 f32[1,3,8] = dense_attention(%1, %1, %1, %2) q_heads=2 k_heads=2 scale=0.5\n"
          "y = %3\n");
    check("weights of four bits", quarter_weights, mite_pass_keep_quantized,
          "%1 f32[2,64] x\n"
          "%2 f32[72,1,1,64] constant of i8\n"
          "%3 f32[72] constant\n"
          "%4 f32[2,72] = dense(%1, %2, %3) clamp_lo=0\n"
          "y = %4\n",
          // ->
          "%1 f32[2,64] x\n"
          "%2 u8[9,32,8] constant\n"
          "%3 f32[9,1,8] constant\n"
          "%4 u8[9,1,8] constant\n"
          "%5 f32[72] constant\n"
          "%6 f32[2,72] = dense_compact(%1, %2, %3, %4, %5) columns=72 bits=4 clamp_lo=0\n"
          "y = %6\n");
    check("table of bytes", table_of_bytes, mite_pass_keep_quantized,
          "%1 i64[3] i\n"
          "%2 f32[128,32] constant of i8\n"
          "%3 f32[3,32] = gather(%2, %1)\n"
          "y = %3\n",
          // ->
          "%1 i64[3] i\n"
          "%2 i8[128,32] constant\n"
          "%3 i8[3,32] = gather(%2, %1)\n"
          "%4 f32[3,32] = cast(%3)\n"
          "%5 f32[128,1] constant\n"
          "%6 f32[3,1] = gather(%5, %1)\n"
          "%7 f32[3,32] = mul(%4, %6)\n"
          "y = %7\n");
    printf("%d failures\n", failures);
    return failures != 0;
}
