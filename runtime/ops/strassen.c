// SPDX-License-Identifier: Apache-2.0
// With A and B in quarters (Winograd 1971; Golub & Van Loan, Matrix Computations, 1.3.11):
//   S1 = A21 + A22   S2 = S1 - A11    S3 = A11 - A21   S4 = A12 - S2
//   T1 = B12 - B11   T2 = B22 - T1    T3 = B22 - B12   T4 = T2 - B21
//   P1 = A11 B11   P2 = A12 B21   P3 = S4 B22   P4 = A22 T4   P5 = S1 T1   P6 = S2 T2   P7 = S3 T3
//   C11 = P1 + P2              C12 = P1 + P6 + P5 + P3
//   C21 = P1 + P6 + P7 - P4    C22 = P1 + P6 + P7 + P5
// S is made once a part. B goes by pairs of panels, one of each half of the columns, so that T and P
// stay in the nearest cache and the weights of the file are read as they are.
#include "strassen.h"

#include <math.h>

#define PANEL 8 // columns

bool mite_strassen_suits(size_t rows, size_t depth, size_t columns) {
    return rows >= 96 && depth >= 256 && depth % 8 == 0 && columns >= 128 &&
           columns % (2 * PANEL) == 0;
}

// Floats of scratch before: T, P, zeros for the bias, the kernel's.
typedef struct layout {
    size_t half, t, p, zeros, kernel;
} layout;

static layout lay_out(size_t rows, size_t depth) {
    layout l = {.half = rows / 2, .t = 4 * (rows / 2) * (depth / 2)};
    l.p = l.t + 4 * PANEL * (depth / 2);
    l.zeros = l.p + 7 * PANEL * l.half;
    l.kernel = mite_round_up(l.zeros + PANEL, MITE_ALIGN / sizeof(float));
    return l;
}

bool mite_strassen_scratch(const mite_step *s, size_t rows, size_t depth, size_t *bytes) {
    size_t whole; // so that nothing below overflows
    if (!mite_size_mul(&whole, rows, depth) || !mite_size_mul(&whole, whole, 64)) return false;
    *bytes = lay_out(rows, depth).kernel * sizeof(float) +
             s->kernels->conv_f32.scratch_bytes(rows / 2, 1, depth);
    return true;
}

size_t mite_strassen_parts(const mite_conv_state *c) { return c->args.columns / (2 * PANEL); }

// Four floats; the compilers' own vectors, since sums of elements need no kernels of their own.
typedef float four __attribute__((vector_size(16)));

static inline __attribute__((always_inline)) four load(const float *p) {
    four x;
    memcpy(&x, p, sizeof x);
    return x;
}

static inline __attribute__((always_inline)) void store(float *p, four x) {
    memcpy(p, &x, sizeof x);
}

// S of two rows of A, half its height apart, to rows of four matrices. `length` is a multiple of 4.
static void sum_rows(float *s, size_t step, const float *upper, const float *lower, size_t length) {
    for (size_t k = 0; k < length; k += 4) {
        four a11 = load(upper + k), a21 = load(lower + k), s1 = a21 + load(lower + length + k);
        four s2 = s1 - a11;
        store(s + k, s1);
        store(s + step + k, s2);
        store(s + 2 * step + k, a11 - a21);
        store(s + 3 * step + k, load(upper + length + k) - s2);
    }
}

// T of two panels, whose halves lie one after the other.
static void sum_panels(float *t, const float *left, const float *right, size_t length) {
    for (size_t k = 0; k < length; k += 4) {
        four b12 = load(right + k), b22 = load(right + length + k), t1 = b12 - load(left + k);
        four t2 = b22 - t1;
        store(t + k, t1);
        store(t + length + k, t2);
        store(t + 2 * length + k, b22 - b12);
        store(t + 3 * length + k, t2 - load(left + length + k));
    }
}

// Bias, residual (or NULL) and clamp, as in a direct product. NaN passes.
static __attribute__((noinline)) void finish(const mite_conv_args *a, four x, four bias, float *out,
                                             const float *residual) {
    x += bias;
    if (residual) x += load(residual);
    for (size_t i = 0; i < 4 && (a->lo > -INFINITY || a->hi < INFINITY); i++) {
        x[i] = x[i] < a->lo ? a->lo : x[i];
        x[i] = a->hi < x[i] ? a->hi : x[i];
    }
    store(out, x);
}

// The results of a pair of panels from their products, `step` floats apart.
static void sum_products(const mite_conv_args *a, const float *p, size_t step, size_t half,
                         size_t column, size_t other) {
    const float *bias = a->bias;
    for (size_t m = 0; m < half; m++) {
        for (size_t n = 0; n < PANEL; n += 4, p += 4) {
            four p1 = load(p), p5 = load(p + 4 * step), u2 = p1 + load(p + 5 * step);
            four u3 = u2 + load(p + 6 * step), left = load(bias + column + n),
                 right = load(bias + other + n);
            float *out = (float *)a->output + m * a->out_pixel + n;
            const float *more = a->residual;
            size_t lower = half * a->out_pixel, more_lower = half * a->residual_pixel;
            if (more) more += m * a->residual_pixel + n;
            finish(a, p1 + load(p + step), left, out + column, more ? more + column : NULL);
            finish(a, u2 + p5 + load(p + 2 * step), right, out + other, more ? more + other : NULL);
            finish(a, u3 - load(p + 3 * step), left, out + lower + column,
                   more ? more + more_lower + column : NULL);
            finish(a, u3 + p5, right, out + lower + other, more ? more + more_lower + other : NULL);
        }
    }
}

void mite_strassen_run(const mite_conv_state *c, size_t part, size_t part_count, void *scratch) {
    const mite_conv_args *a = &c->args;
    size_t depth = a->segment_length, quarter = depth / 2, pairs = mite_strassen_parts(c);
    layout l = lay_out(c->rows, depth);
    float *s = scratch, *t = s + l.t, *p = s + l.p;
    size_t s_step = l.half * quarter, t_step = quarter * PANEL, p_step = l.half * PANEL;
    size_t begin, end;
    mite_part_range(pairs, 1, part, part_count, &begin, &end);
    if (begin == end) return;
    const float *upper = a->input, *lower = upper + l.half * a->in_pixel;
    for (size_t m = 0; m < l.half; m++)
        sum_rows(s + m * quarter, s_step, upper + m * a->in_pixel, lower + m * a->in_pixel,
                 quarter);
    memset(s + l.zeros, 0, PANEL * sizeof *s);
    mite_conv_args product = {
        .bias = s + l.zeros,
        .segments = a->segments,
        .segment_count = 1,
        .segment_length = quarter,
        .out_width = l.half,
        .columns = PANEL,
        .out_pixel = PANEL,
        .scratch = s + l.kernel,
        .lo = -INFINITY,
        .hi = INFINITY,
    };
    for (size_t pair = begin; pair < end; pair++) {
        const float *left = (const float *)a->weights + pair * PANEL * depth;
        const float *right = left + pairs * PANEL * depth;
        sum_panels(t, left, right, t_step);
        const struct {
            const float *rows, *weights;
            size_t step;
        } factors[7] = {
            {upper, left, a->in_pixel},
            {upper + quarter, left + t_step, a->in_pixel},
            {s + 3 * s_step, right + t_step, quarter},
            {lower + quarter, t + 3 * t_step, a->in_pixel},
            {s, t, quarter},
            {s + s_step, t + t_step, quarter},
            {s + 2 * s_step, t + 2 * t_step, quarter},
        };
        for (size_t i = 0; i < 7; i++) {
            product.input = factors[i].rows;
            product.weights = factors[i].weights;
            product.in_pixel = factors[i].step;
            product.output = p + i * p_step;
            c->run(&product, 0, l.half, 0, PANEL);
        }
        size_t column = pair * PANEL, other = column + pairs * PANEL;
        sum_products(a, p, p_step, l.half, column, other);
    }
    if (c->rows % 2) { // the last row, directly
        product = *a;
        product.scratch = s + l.kernel;
        c->run(&product, c->rows - 1, c->rows, begin * PANEL, end * PANEL);
        c->run(&product, c->rows - 1, c->rows, (begin + pairs) * PANEL, (end + pairs) * PANEL);
    }
}
