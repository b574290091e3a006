// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct winograd_case {
    mite_winograd_args args;
    size_t tiles, elements; // of the output
    float *input, *weights, *transformed, *bias, *residual;
    int32_t segments[3];
} winograd_case;

static float *filled(size_t count) {
    float *block = check_exact(count * sizeof *block);
    check_fill_f32(block, count);
    return block;
}

static winograd_case make(void) {
    winograd_case c = {0};
    mite_conv_args *a = &c.args.conv;
    size_t channels = check_pick(1, 10) * 4, height = check_pick(4, 13), width = check_pick(4, 17);
    a->columns = check_pick(1, 10) * 4;
    size_t columns8 = (a->columns + 7) / 8 * 8, in_width = width + 2;
    c.args.out_height = height;
    c.tiles = ((height + 3) / 4) * ((width + 3) / 4);
    a->segment_length = channels;
    a->out_width = width;
    a->in_pixel = channels;
    a->in_row = in_width * channels;
    a->out_pixel = a->columns + (check_bits() % 2 ? check_pick(1, 3) : 0);
    a->out_row = width * a->out_pixel + check_bits() % 4;
    a->residual_row = a->out_row;
    a->residual_pixel = a->out_pixel;
    c.elements = height * a->out_row;
    a->input = c.input = filled((height + 2) * a->in_row);
    a->bias = c.bias = filled(columns8);
    if (check_bits() % 2) a->residual = c.residual = filled(c.elements);
    float *dense = filled(a->columns * channels * 9);
    c.weights = check_exact(columns8 * channels * 9 * sizeof *c.weights);
    mite_pack_conv_f32(c.weights, dense, a->columns, channels * 9);
    free(dense);
    c.transformed = check_exact(columns8 * channels * 36 * sizeof *c.transformed);
    a->weights = c.transformed;
    a->lo = check_bits() % 2 ? 0.0f : -1e30f;
    a->hi = check_bits() % 2 ? 1.5f : 1e30f;
    return c;
}

// What the transforms stand for.
static void run_direct(winograd_case *c, void *out) {
    mite_conv_args a = c->args.conv;
    for (size_t i = 0; i < 3; i++) c->segments[i] = (int32_t)(i * a.in_row);
    a.segments = c->segments;
    a.segment_count = 3;
    a.segment_length *= 3;
    a.weights = c->weights;
    a.output = out;
    check_plain.conv_f32.run(&a, 0, c->args.out_height * a.out_width, 0, a.columns);
}

static void run(winograd_case *c, const mite_kernels *k, void *out, size_t parts, bool by_columns) {
    mite_winograd_args a = c->args;
    size_t columns8 = (a.conv.columns + 7) / 8 * 8, blocks = columns8 / 8;
    k->winograd_f32.weights(c->transformed, c->weights, a.conv.segment_length, columns8);
    a.multiply = k->conv_f32.run;
    a.conv.output = out;
    a.conv.scratch = check_exact(k->winograd_f32.scratch_bytes(
        c->tiles, a.conv.segment_length, a.conv.columns, k->conv_f32.scratch_bytes));
    for (size_t p = 0; p < parts; p++) {
        size_t t0 = by_columns ? 0 : c->tiles * p / parts;
        size_t t1 = by_columns ? c->tiles : c->tiles * (p + 1) / parts;
        size_t n0 = by_columns ? blocks * p / parts * 8 : 0;
        size_t n1 = by_columns ? blocks * (p + 1) / parts * 8 : a.conv.columns;
        if (n1 > a.conv.columns) n1 = a.conv.columns;
        if (t0 < t1 && n0 < n1) k->winograd_f32.run(&a, t0, t1, n0, n1);
    }
    free(a.conv.scratch);
}

void check_winograd(void) {
    winograd_case c = make();
    size_t bytes = c.elements * sizeof(float);
    check_block expected = check_new_block(bytes);
    run_direct(&c, expected.data);
    // Errors grow with the root of the number of products; docs/kernels.md has their measure.
    size_t terms = (size_t)(4 * sqrt(9 * (double)c.args.conv.segment_length));
    for (size_t v = 0; v < check_version_count; v++) {
        const char *name = check_versions[v].name;
        check_block whole = check_new_block(bytes), shares = check_new_block(bytes);
        run(&c, &check_versions[v].table, whole.data, 1, false);
        run(&c, &check_versions[v].table, shares.data, check_pick(1, 8), check_bits() % 2);
        check_that(check_close((float *)(void *)whole.data, (float *)(void *)expected.data,
                               c.elements, terms),
                   "winograd_f32", name);
        check_that(!memcmp(whole.data, shares.data, bytes), "winograd in shares", name);
        check_that(check_canaries(&whole) && check_canaries(&shares), "winograd canaries", name);
        check_free_block(&whole);
        check_free_block(&shares);
    }
    check_free_block(&expected);
    free(c.input);
    free(c.residual);
    free(c.bias);
    free(c.weights);
    free(c.transformed);
}
