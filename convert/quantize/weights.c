// SPDX-License-Identifier: Apache-2.0
// Weights to i8 with one scale a row. Weights are rounded one after another, and what rounding one
// adds to the output is taken off the weights still to come, as far as their inputs move together
// (optimal brain compression: Frantar, Singh, Alistarh 2022, arXiv:2208.11580; in the ordered form
// of GPTQ, arXiv:2210.17323). That also makes up for what pair-safety costs.
#include "quantize/quantize.h"

#include "base/sizes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DAMPING 0.1 // of the mean variance, added to each: few examples are no full picture

static double dot(const double *a, const double *b, size_t count) {
    double sum[4] = {0};
    size_t i = 0;
    for (; i + 4 <= count; i += 4)
        for (size_t k = 0; k < 4; k++) sum[k] += a[i + k] * b[i + k];
    for (; i < count; i++) sum[0] += a[i] * b[i];
    return sum[0] + sum[1] + sum[2] + sum[3];
}

static void subtract(double *a, const double *b, double factor, size_t count) {
    for (size_t i = 0; i < count; i++) a[i] -= factor * b[i];
}

// Covariance of the rounded inputs, damped, upper triangle.
static void covariance(double *h, const mite_moments *m, size_t set) {
    size_t depth = m->depth;
    const float *second = m->second + set * depth * depth;
    const double *mean = m->mean_q + set * depth;
    double trace = 0.0, rows = m->rows ? (double)m->rows : 1.0;
    for (size_t i = 0; i < depth; i++)
        for (size_t j = i; j < depth; j++)
            h[i * depth + j] = (double)second[i * depth + j] / rows - mean[i] * mean[j];
    for (size_t i = 0; i < depth; i++) trace += h[i * depth + i];
    for (size_t i = 0; i < depth; i++) h[i * depth + i] += DAMPING * trace / (double)depth + 1e-9;
}

// h = r * transpose(r) with r upper triangular, in place.
static void factor(double *h, size_t depth) {
    for (size_t j = depth; j-- > 0;) {
        double *row_j = h + j * depth;
        size_t right = depth - j - 1;
        double pivot = row_j[j] - dot(row_j + j + 1, row_j + j + 1, right);
        row_j[j] = sqrt(pivot > 1e-12 ? pivot : 1e-12);
        for (size_t i = 0; i < j; i++) {
            double *row_i = h + i * depth;
            row_i[j] = (row_i[j] - dot(row_i + j + 1, row_j + j + 1, right)) / row_j[j];
        }
    }
}

// u = inverse of the upper triangular r. Then transpose(u) * u is the inverse of h, which is what
// the compensation needs: row k of u over u[k][k] says how later weights take up an error in k.
static void invert(double *u, const double *r, size_t depth) {
    memset(u, 0, depth * depth * sizeof *u);
    for (size_t i = depth; i-- > 0;) {
        double *row = u + i * depth;
        row[i] = 1.0;
        for (size_t k = i + 1; k < depth; k++)
            subtract(row + k, u + k * depth + k, r[i * depth + k], depth - k);
        for (size_t j = i; j < depth; j++) row[j] /= r[i * depth + i];
    }
}

// The least scale that clips nothing: of single weights, and of pairs of one sign.
static float least_scale(const float *w, size_t depth, bool pair_safe) {
    float most = 0.0f, most_pair = 0.0f;
    for (size_t k = 0; k < depth; k++) {
        float size = fabsf(w[k]);
        most = size > most ? size : most;
        if (k % 2 && w[k] * w[k - 1] > 0.0f && size + fabsf(w[k - 1]) > most_pair)
            most_pair = size + fabsf(w[k - 1]);
    }
    float scale = most / 127.0f;
    if (pair_safe && most_pair / 128.0f > scale) scale = most_pair / 128.0f;
    return scale;
}

// Rounds `value` so that with its even neighbour it stays pair-safe.
static int8_t round_one(double value, const int8_t *out, size_t k, bool pair_safe) {
    double q = rint(value), lo = -127.0, hi = 127.0;
    if (pair_safe && k % 2) {
        int before = out[k - 1];
        if (before < 0 && -128 - before > lo) lo = -128 - before;
        if (before > 0 && 128 - before < hi) hi = 128 - before;
    }
    return (int8_t)(q < lo ? lo : q > hi ? hi : q);
}

static void round_row(int8_t *out, double *rest, const double *u, size_t depth, float scale,
                      bool pair_safe) {
    for (size_t k = 0; k < depth; k++) {
        out[k] = round_one(rest[k] / (double)scale, out, k, pair_safe);
        if (!u) continue;
        const double *row = u + k * depth;
        double error = (rest[k] - (double)out[k] * (double)scale) / row[k];
        subtract(rest + k + 1, row + k + 1, error, depth - k - 1);
    }
}

bool mite_round_weights(int8_t *out, float *scales, const float *w, size_t n, size_t depth,
                        const mite_moments *m, size_t set, bool pair_safe) {
    size_t square = 0;
    bool compensate = m && m->second && m->rows;
    if (compensate && !mite_size_mul(&square, depth, depth)) return false;
    double *rest = calloc(depth + 1, sizeof *rest), *h = NULL, *u = NULL;
    if (compensate) {
        h = calloc(square + 1, sizeof *h);
        u = calloc(square + 1, sizeof *u);
    }
    bool ok = rest && (!compensate || (h && u));
    if (ok && compensate) {
        covariance(h, m, set);
        factor(h, depth);
        invert(u, h, depth);
    }
    for (size_t i = 0; ok && i < n; i++) {
        const float *row = w + i * depth;
        float scale = least_scale(row, depth, pair_safe);
        scales[i] = scale > scales[i] ? scale : scales[i];
        for (size_t k = 0; k < depth; k++) rest[k] = (double)row[k];
        round_row(out + i * depth, rest, compensate ? u : NULL, depth, scales[i], pair_safe);
    }
    free(rest);
    free(h);
    free(u);
    return ok;
}
