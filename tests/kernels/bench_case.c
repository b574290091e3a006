// SPDX-License-Identifier: Apache-2.0
// The memory and arguments of one benchmark case.
#include "bench.h"

#include <stdlib.h>
#include <string.h>

struct bench_case {
    bool u8, depthwise, winograd;
    size_t rows, columns;
    double operations;
    mite_conv_args conv;
    mite_depthwise_args filter;
    int32_t segments[8];
    void *input, *output, *weights, *bias, *scratch;
    float *scale;
    size_t scratch_bytes;
};

static size_t round_up(size_t a, size_t unit) { return (a + unit - 1) / unit * unit; }

static void *filled(size_t count, bool u8) {
    void *block = check_exact(count * (u8 ? 1 : 4));
    if (u8) check_fill_bytes(block, count, 0);
    else check_fill_f32(block, count);
    return block;
}

static void fill_conv(bench_case *c, const bench_layer *l, size_t in_width) {
    mite_conv_args *a = &c->conv;
    a->input = c->input;
    a->output = c->output;
    a->weights = c->weights;
    a->bias = c->bias;
    a->scale = c->scale;
    a->segments = c->segments;
    a->segment_count = l->kernel;
    a->segment_length = (size_t)l->kernel * l->in;
    for (size_t i = 0; i < l->kernel; i++) c->segments[i] = (int32_t)(i * in_width * l->in);
    a->in_row = l->stride * in_width * l->in;
    a->in_pixel = (size_t)l->stride * l->in;
    a->out_width = l->size;
    a->out_pixel = a->columns = l->out;
    a->out_row = (size_t)l->size * l->out;
    if (l->kernel == 1 && l->stride == 1) a->out_width = c->rows; // one long row, as conv2d does
    a->hi = 6;
    a->pair_safe = 1;
    a->q_hi = 255;
}

static void fill_depthwise(bench_case *c, const bench_layer *l, size_t in_width) {
    c->filter = (mite_depthwise_args){.input = c->input,
                                      .output = c->output,
                                      .weights = c->weights,
                                      .bias = c->bias,
                                      .scale = c->scale,
                                      .channels = l->in,
                                      .out_width = l->size,
                                      .kernel_h = l->kernel,
                                      .kernel_w = l->kernel,
                                      .stride_w = l->stride,
                                      .in_row = l->stride * in_width * l->in,
                                      .in_pixel = (size_t)l->stride * l->in,
                                      .tap_row = in_width * l->in,
                                      .tap_pixel = l->in,
                                      .out_row = (size_t)l->size * l->in,
                                      .out_pixel = l->in,
                                      .hi = 6,
                                      .q_hi = 255};
}

bench_case *bench_case_new(const bench_layer *l, bench_kind kind) {
    bool u8 = kind == BENCH_INT8;
    bench_case *c = check_exact(sizeof *c);
    *c = (bench_case){.u8 = u8, .depthwise = l->depthwise, .columns = l->out};
    c->winograd = kind == BENCH_WINOGRAD;
    size_t in_width = (size_t)(l->size - 1) * l->stride + l->kernel, n8 = round_up(l->out, 8);
    size_t taps = (size_t)l->kernel * l->kernel * (l->depthwise ? 1 : l->in);
    // i8 rows of kernels are padded: depthwise to pairs, others to fours of taps.
    size_t padded = l->depthwise ? round_up(l->kernel, 2) * l->kernel : round_up(taps, 4);
    c->rows = (size_t)l->size * l->size;
    c->operations = 2.0 * (double)(c->rows * l->out) * (double)taps;
    c->input = filled(in_width * in_width * l->in, u8);
    c->output = filled(c->rows * l->out, u8);
    c->weights = filled(n8 * (c->winograd ? (size_t)36 * l->in : padded), u8);
    c->bias = filled(n8, false);
    if (u8) memset(c->bias, 0, n8 * 4);
    c->scale = filled(n8, false);
    if (l->depthwise) fill_depthwise(c, l, in_width);
    else fill_conv(c, l, in_width);
    return c;
}

// Versions differ in what they want.
static void make_scratch(bench_case *c, const mite_kernels *k) {
    mite_conv_scratch_fn *bytes = c->u8 ? k->conv_u8.scratch_bytes : k->conv_f32.scratch_bytes;
    size_t want = bytes(c->rows, c->conv.segment_count, c->conv.segment_length);
    if (c->scratch && want <= c->scratch_bytes) return;
    free(c->scratch);
    c->conv.scratch = c->scratch = check_exact(want);
    c->scratch_bytes = want;
}

static void run_winograd(bench_case *c, const mite_kernels *k) {
    mite_winograd_args a = {.conv = c->conv, .multiply = k->conv_f32.run};
    size_t across = (a.conv.out_width + 3) / 4, tiles = across * across;
    a.out_height = a.conv.out_width;
    a.conv.segment_length /= 3;
    size_t want = k->winograd_f32.scratch_bytes(tiles, a.conv.segment_length, c->columns,
                                                k->conv_f32.scratch_bytes);
    if (!c->scratch) c->scratch = check_exact(want);
    a.conv.scratch = c->scratch;
    k->winograd_f32.run(&a, 0, tiles, 0, c->columns);
}

void bench_case_run(bench_case *c, const mite_kernels *k) {
    if (c->winograd) {
        run_winograd(c, k);
        return;
    }
    if (c->depthwise) {
        (c->u8 ? k->depthwise_u8.run : k->depthwise_f32.run)(&c->filter, 0, c->filter.out_width);
        return;
    }
    make_scratch(c, k);
    (c->u8 ? k->conv_u8.run : k->conv_f32.run)(&c->conv, 0, c->rows, 0, c->columns);
}

double bench_case_operations(const bench_case *c) { return c->operations; }

void bench_case_free(bench_case *c) {
    free(c->input);
    free(c->output);
    free(c->weights);
    free(c->bias);
    free(c->scale);
    free(c->scratch);
    free(c);
}
