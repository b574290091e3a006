// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct conv_case {
    mite_conv_args args;
    size_t out_h, k, in_elements, out_elements;
    int32_t segments[16];
    void *input, *residual, *weights, *bias;
    float *scale, *row_scale, *shift;
    int32_t *row_zero, *sums;
} conv_case;

static size_t round_up(size_t a, size_t unit) { return (a + unit - 1) / unit * unit; }

// A convolution of random geometry; `u8`: quantized input; `f32_out`: the output is f32; `rows`: a
// matrix whose rows are quantized each on its own.
static conv_case make(bool u8, bool f32_out, bool rows, unsigned manner) {
    conv_case c = {0};
    mite_conv_args *a = &c.args;
    size_t channels = check_pick(1, 24), kernel = check_bits() % 3 ? 1 : check_pick(1, 3);
    size_t stride = check_pick(1, 2), rows_of_taps = kernel;
    c.out_h = check_pick(1, 7);
    a->out_width = check_pick(1, 9);
    a->columns = check_pick(1, 33);
    if (check_bits() % 16 == 0) { // more rows than one block takes
        c.out_h = check_pick(1, 3);
        a->out_width = check_pick(300, 700);
        a->columns = check_pick(1, 9);
    }
    if (check_bits() % 8 == 0) c.out_h = a->out_width = 1; // one row: panels abreast
    if (rows) c.out_h = 1;
    size_t in_w = (a->out_width - 1) * stride + kernel, in_h = (c.out_h - 1) * stride + kernel;
    a->segment_length = kernel * channels;
    a->segment_count = rows_of_taps;
    for (size_t i = 0; i < rows_of_taps; i++) c.segments[i] = (int32_t)(i * in_w * channels);
    a->segments = c.segments;
    a->in_row = stride * in_w * channels;
    a->in_pixel = stride * channels;
    // Between pixels and between rows of the output.
    size_t pixel_gap = check_bits() % 2 ? 0 : check_pick(1, 3);
    size_t gap = check_bits() % 2 ? 0 : check_pick(1, 5);
    a->out_pixel = a->columns + pixel_gap;
    a->out_row = a->out_width * a->out_pixel + gap;
    a->residual_row = a->out_row;
    a->residual_pixel = a->out_pixel;
    c.k = a->segment_count * a->segment_length;
    c.in_elements = in_w * in_h * channels;
    c.out_elements = c.out_h * a->out_row;
    size_t item = u8 ? 1 : 4, out_item = f32_out ? 4 : 1, n8 = round_up(a->columns, 8);
    c.input = check_exact(c.in_elements * item);
    c.weights = check_exact(n8 * (u8 ? round_up(c.k, 4) : c.k * 4));
    c.bias = check_exact(n8 * 4);
    c.scale = check_exact(n8 * sizeof(float));
    if (u8) {
        int8_t *w = check_exact(a->columns * c.k);
        check_fill_bytes(c.input, c.in_elements, manner);
        check_fill_bytes(w, a->columns * c.k, manner / 4);
        a->pair_safe = (int32_t)(check_bits() % 2);
        for (size_t i = 0; a->pair_safe && i < a->columns * c.k; i++) w[i] /= 2;
        mite_pack_conv_i8(c.weights, w, a->columns, c.k);
        free(w);
        // Extreme accumulators too.
        for (size_t i = 0; i < n8; i++)
            ((int32_t *)c.bias)[i] =
                manner % 5 ? (int32_t)(check_bits() % 20000) - 10000 : (int32_t)(check_bits() << 1);
    } else {
        float *w = check_exact(a->columns * c.k * sizeof *w);
        check_fill_f32(c.input, c.in_elements);
        check_fill_f32(w, a->columns * c.k);
        mite_pack_conv_f32(c.weights, w, a->columns, c.k);
        free(w);
        check_fill_f32(c.bias, n8);
    }
    static const float scales[4] = {0.002f, 1e-30f, 3e20f, 0.0625f};
    for (size_t i = 0; i < n8; i++) c.scale[i] = manner % 7 ? 0.003f : scales[check_bits() % 4];
    if (check_bits() % 2) {
        c.residual = check_exact(c.out_elements * out_item);
        if (f32_out) check_fill_f32(c.residual, c.out_elements);
        else check_fill_bytes(c.residual, c.out_elements, manner);
    }
    if (rows) {
        c.row_scale = check_exact(a->out_width * sizeof(float));
        c.row_zero = check_exact(a->out_width * sizeof(int32_t));
        c.sums = check_exact(n8 * sizeof(int32_t));
        check_fill_f32(c.row_scale, a->out_width);
        for (size_t i = 0; i < a->out_width; i++) c.row_zero[i] = (int32_t)(check_bits() % 256);
        for (size_t i = 0; i < n8; i++)
            c.sums[i] = manner % 5 ? (int32_t)(check_bits() % 2000) - 1000 : (int32_t)check_bits();
        if (check_bits() % 2) {
            c.shift = check_exact(n8 * sizeof(float));
            check_fill_f32(c.shift, n8);
        }
    }
    a->row_scale = c.row_scale;
    a->row_zero = c.row_zero;
    a->sums = c.sums;
    a->shift = c.shift;
    a->input = c.input;
    a->weights = c.weights;
    a->bias = c.bias;
    a->scale = c.scale;
    a->residual = c.residual;
    a->lo = check_bits() % 2 ? 0.0f : -1e30f;
    a->hi = check_bits() % 2 ? 1.5f : 1e30f;
    if (rows && check_bits() % 2) a->lo = -INFINITY, a->hi = INFINITY;
    a->zero_point = (int32_t)(check_bits() % 256);
    a->q_lo = (uint8_t)(check_bits() % 100);
    a->q_hi = (uint8_t)(200 + check_bits() % 56);
    a->inner_scale = 0.7f;
    a->residual_scale = 1.3f;
    a->offset = -20.25f;
    return c;
}

static void free_case(conv_case *c) {
    free(c->input);
    free(c->residual);
    free(c->weights);
    free(c->bias);
    free(c->scale);
    free(c->row_scale);
    free(c->row_zero);
    free(c->sums);
    free(c->shift);
}

// Runs in `parts` shares of the rows, or of the columns.
static void run(conv_case *c, mite_conv_fn *fn, mite_conv_scratch_fn *scratch_bytes, void *out,
                size_t parts, bool by_columns) {
    mite_conv_args a = c->args;
    size_t rows = c->out_h * a.out_width, blocks = round_up(a.columns, 8) / 8;
    a.output = out;
    a.scratch = check_exact(scratch_bytes(rows, a.segment_count, a.segment_length));
    for (size_t p = 0; p < parts; p++) {
        size_t row0 = by_columns ? 0 : rows * p / parts,
               row1 = by_columns ? rows : rows * (p + 1) / parts;
        size_t n0 = by_columns ? blocks * p / parts * 8 : 0;
        size_t n1 = by_columns ? blocks * (p + 1) / parts * 8 : a.columns;
        if (n1 > a.columns) n1 = a.columns;
        if (row0 < row1 && n0 < n1) fn(&a, row0, row1, n0, n1);
    }
    free(a.scratch);
}

typedef struct family {
    const char *name;
    bool u8, f32_out, rows;
} family;

static void pick(const mite_kernels *k, const family *f, mite_conv_fn **fn,
                 mite_conv_scratch_fn **scratch) {
    *fn = !f->u8 ? k->conv_f32.run : f->f32_out ? k->conv_u8_f32.run : k->conv_u8.run;
    *scratch = !f->u8       ? k->conv_f32.scratch_bytes
               : f->f32_out ? k->conv_u8_f32.scratch_bytes
                            : k->conv_u8.scratch_bytes;
}

static void check_family(const family *f) {
    conv_case c = make(f->u8, f->f32_out, f->rows, check_bits() % 64);
    size_t bytes = c.out_elements * (f->f32_out ? 4 : 1);
    check_block expected = check_new_block(bytes);
    mite_conv_fn *fn;
    mite_conv_scratch_fn *scratch;
    pick(&check_plain, f, &fn, &scratch);
    run(&c, fn, scratch, expected.data, 1, false);
    for (size_t v = 0; v < check_version_count; v++) {
        check_block whole = check_new_block(bytes), shares = check_new_block(bytes);
        pick(&check_versions[v].table, f, &fn, &scratch);
        run(&c, fn, scratch, whole.data, 1, false);
        run(&c, fn, scratch, shares.data, check_pick(1, 8), check_bits() % 2);
        bool same = memcmp(expected.data, whole.data, bytes) == 0;
        if (!f->u8)
            same = check_close((float *)(void *)whole.data, (float *)(void *)expected.data,
                               c.out_elements, c.k);
        check_that(same, f->name, check_versions[v].name);
        check_that(!memcmp(whole.data, shares.data, bytes), "conv in shares",
                   check_versions[v].name);
        check_that(check_canaries(&whole) && check_canaries(&shares), "conv canaries",
                   check_versions[v].name);
        check_free_block(&whole);
        check_free_block(&shares);
    }
    check_free_block(&expected);
    free_case(&c);
}

void check_conv(void) {
    static const family families[] = {{"conv_f32", false, true, false},
                                      {"conv_u8", true, false, false},
                                      {"conv_u8_f32", true, true, false},
                                      {"conv_u8_f32 of rows", true, true, true}};
    for (size_t i = 0; i < sizeof families / sizeof *families; i++) check_family(&families[i]);
}
