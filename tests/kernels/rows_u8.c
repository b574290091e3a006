// SPDX-License-Identifier: Apache-2.0
// Rows that are quantized as they come.
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

// Numbers of one size, with odd ones among them.
static float *row_of(size_t count, bool finite) {
    static const float sizes[] = {0, 1e-3f, 1, 40, 1e30f};
    static const float odd[] = {NAN, INFINITY, -INFINITY, 1e-40f, -0.0f};
    float size = sizes[check_bits() % 5], *x = check_exact(count * sizeof *x);
    bool positive = check_bits() % 3 == 0;
    for (size_t i = 0; i < count; i++) {
        x[i] = size * check_float();
        if (positive) x[i] = fabsf(x[i]);
    }
    if (!finite && check_bits() % 4 == 0) x[check_bits() % count] = odd[check_bits() % 5];
    return x;
}

static mite_row_kernels plain;

static mite_row_kernels version(size_t v) {
    mite_row_kernels k;
    mite_row_kernels_fill(&k, check_versions[v].table.isa);
    return k;
}

static void check_row(void) {
    size_t count = check_pick(1, 80);
    float *x = row_of(count, false);
    int32_t symmetric = (int32_t)(check_bits() % 2);
    check_block expected = check_new_block(count);
    mite_row_quanta q = plain.quantize_row(expected.data, x, count, symmetric);
    // What the quanta stand for lies within half a step of the numbers.
    bool near = true;
    for (size_t i = 0; i < count; i++) {
        float back = (float)(expected.data[i] - q.zero_point) * q.scale;
        if (isfinite(x[i]) && isfinite(q.scale))
            near = near && fabsf(back - x[i]) <= 0.501f * q.scale + 1e-38f;
    }
    check_that(near, "quantize_row's quanta", "plain");
    for (size_t v = 0; v < check_version_count; v++) {
        check_block out = check_new_block(count);
        mite_row_quanta r = version(v).quantize_row(out.data, x, count, symmetric);
        check_that(!memcmp(out.data, expected.data, count) && r.zero_point == q.zero_point &&
                       !memcmp(&r.scale, &q.scale, sizeof q.scale),
                   "quantize_row", check_versions[v].name);
        check_that(check_canaries(&out), "quantize_row canaries", check_versions[v].name);
        check_free_block(&out);
    }
    check_free_block(&expected);
    free(x);
}

static void check_columns(void) {
    size_t rows = check_pick(1, 21), columns = check_pick(1, 21), step = columns + check_pick(0, 3);
    size_t columns8 = (columns + 7) / 8 * 8, bytes = columns8 * ((rows + 3) / 4 * 4);
    float *x = row_of((rows - 1) * step + columns, false);
    check_block expected = check_new_block(bytes), scale = check_new_block(columns8 * 4);
    plain.quantize_columns((int8_t *)expected.data, (float *)(void *)scale.data, x, rows, columns,
                           step);
    for (size_t v = 0; v < check_version_count; v++) {
        check_block out = check_new_block(bytes), scales = check_new_block(columns8 * 4);
        version(v).quantize_columns((int8_t *)out.data, (float *)(void *)scales.data, x, rows,
                                    columns, step);
        check_that(!memcmp(out.data, expected.data, bytes) &&
                       !memcmp(scales.data, scale.data, columns8 * 4),
                   "quantize_columns", check_versions[v].name);
        check_that(check_canaries(&out) && check_canaries(&scales), "quantize_columns canaries",
                   check_versions[v].name);
        check_free_block(&out);
        check_free_block(&scales);
    }
    check_free_block(&expected);
    check_free_block(&scale);
    free(x);
}

static void check_softmax(void) {
    size_t count = check_pick(1, 70);
    float *x = row_of(count, true), most = -INFINITY;
    if (check_bits() % 3 == 0) x[check_bits() % count] = -INFINITY;
    check_block expected = check_new_block(count);
    int32_t sum = plain.softmax_u8(expected.data, x, count), all = 0;
    bool near = true;
    for (size_t i = 0; i < count; i++) most = x[i] > most ? x[i] : most;
    for (size_t i = 0; i < count && most > -INFINITY; i++) {
        all += expected.data[i];
        near = near && fabsf((float)expected.data[i] - 254 * exp2f(x[i] - most)) <= 1.1f;
    }
    check_that(most == -INFINITY || (near && all == sum), "softmax_u8's quanta", "plain");
    for (size_t v = 0; v < check_version_count; v++) {
        check_block out = check_new_block(count);
        int32_t own = version(v).softmax_u8(out.data, x, count);
        check_that(!memcmp(out.data, expected.data, count) && own == sum, "softmax_u8",
                   check_versions[v].name);
        check_that(check_canaries(&out), "softmax_u8 canaries", check_versions[v].name);
        check_free_block(&out);
    }
    check_free_block(&expected);
    free(x);
}

void check_rows_u8(void) {
    mite_row_kernels_fill(&plain, MITE_ISA_PLAIN);
    check_row();
    check_columns();
    check_softmax();
}
