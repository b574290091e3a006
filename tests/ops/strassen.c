// SPDX-License-Identifier: Apache-2.0
// Strassen's products against sums in f64: odd heights, residuals, clamps; and the same bits however
// many parts there are.
#include "ops/strassen.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint32_t state = 1;

static float next(void) { // -1 to 1
    state = state * 1664525 + 1013904223;
    return (float)(state >> 8) / 8388608.0f - 1;
}

static float *numbers(size_t count) {
    float *x = malloc(count * sizeof *x);
    if (!x) exit(1);
    for (size_t i = 0; i < count; i++) x[i] = next();
    return x;
}

typedef struct shape {
    size_t rows, depth, columns;
    bool residual, clamp;
} shape;

static void run(const mite_step *s, mite_conv_state *c, float *out, size_t parts) {
    size_t bytes;
    if (!mite_strassen_scratch(s, c->rows, c->args.segment_length, &bytes)) exit(1);
    void *scratch = aligned_alloc(64, mite_round_up(bytes, 64));
    if (!scratch) exit(1);
    c->args.output = out;
    for (size_t p = 0; p < parts; p++) mite_strassen_run(c, p, parts, scratch);
    free(scratch);
}

// The largest error, in units of the size of a sum of so many products of numbers up to 1.
static double error_of(const shape *t, int32_t isa) {
    static const int32_t one_segment[1] = {0};
    mite_kernels kernels;
    mite_kernels_fill(&kernels, isa);
    mite_step step = {.kernels = &kernels};
    size_t count = t->rows * t->columns;
    float *x = numbers(t->rows * t->depth), *w = numbers(t->columns * t->depth);
    float *packed = numbers(t->columns * t->depth), *bias = numbers(t->columns);
    float *residual = numbers(count), *y = numbers(count), *again = numbers(count);
    mite_pack_conv_f32(packed, w, t->columns, t->depth);
    mite_conv_state c = {.run = kernels.conv_f32.run,
                         .rows = t->rows,
                         .args = {.input = x,
                                  .weights = packed,
                                  .bias = bias,
                                  .residual = t->residual ? residual : NULL,
                                  .segments = one_segment,
                                  .segment_count = 1,
                                  .segment_length = t->depth,
                                  .columns = t->columns,
                                  .out_width = t->rows,
                                  .in_pixel = t->depth,
                                  .out_pixel = t->columns,
                                  .residual_pixel = t->residual ? t->columns : 0,
                                  .lo = t->clamp ? -1.5f : -INFINITY,
                                  .hi = t->clamp ? 4.0f : INFINITY}};
    run(&step, &c, y, 1);
    run(&step, &c, again, 3);
    double worst = memcmp(y, again, count * sizeof *y) ? INFINITY : 0;
    for (size_t m = 0; m < t->rows; m++) {
        for (size_t n = 0; n < t->columns; n++) {
            double sum = (double)bias[n];
            for (size_t k = 0; k < t->depth; k++)
                sum += (double)x[m * t->depth + k] * (double)w[n * t->depth + k];
            if (t->residual) sum += (double)residual[m * t->columns + n];
            if (t->clamp) sum = fmin(fmax(sum, -1.5), 4);
            double error = fabs(sum - (double)y[m * t->columns + n]);
            if (!(error <= worst)) worst = error;
        }
    }
    free(x), free(w), free(packed), free(bias), free(residual), free(y), free(again);
    return worst / (sqrt((double)t->depth) / 3);
}

int main(void) {
    static const shape shapes[] = {
        {96, 256, 128, false, false}, {97, 264, 144, true, false}, {129, 512, 128, true, true}};
    static const int32_t isas[] = {MITE_ISA_PLAIN, MITE_ISA_BEST};
    size_t failures = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const shape *t = &shapes[i];
        for (size_t k = 0; k < 2; k++) {
            double error = error_of(t, isas[k]);
            bool right = error <= 5e-6 && mite_strassen_suits(t->rows, t->depth, t->columns);
            if (!right)
                printf("%zux%zux%zu, isa %d: off by %g\n", t->rows, t->depth, t->columns, isas[k],
                       error);
            failures += !right;
        }
    }
    failures += mite_strassen_suits(95, 256, 128) || mite_strassen_suits(96, 257, 128) ||
                mite_strassen_suits(96, 256, 136);
    printf("strassen: %zu failures\n", failures);
    return failures != 0;
}
