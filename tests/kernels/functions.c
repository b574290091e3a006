// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SOFTMAX, LAYER_NORM, GELU, FAMILIES = GELU + MITE_GELU_KINDS };
static const char *const names[] = {"softmax_f32",      "layer_norm_f32", "gelu_f32",
                                    "gelu_f32 by tanh", "rough gelu_f32", "rough gelu_f32 by tanh"};

typedef struct row {
    size_t count;
    float *x, *scale, *shift; // scale and shift may be NULL
} row;

static void run(const mite_kernels *k, int family, const row *r, float *out, const float *in) {
    switch (family) {
    case SOFTMAX: k->softmax_f32(out, in, r->count); break;
    case LAYER_NORM:
        mite_layer_norm_f32_for(k->isa)(out, in, r->count, 1e-5f, r->scale, r->shift);
        break;
    default: mite_gelu_f32_for(k->isa)(out, in, r->count, (mite_gelu_kind)(family - GELU));
    }
}

// The plain versions take the same steps, in the same order; that these are the right ones, the
// operators' tests show.
static bool is_same(const float *a, const float *b, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!(isnan(a[i]) && isnan(b[i])) && a[i] != b[i]) return false;
    return true;
}

// Against the C library's functions.
static bool is_right(int family, const float *x, const float *y, size_t count) {
    int kind = family - GELU;
    double bound = kind < MITE_GELU_ROUGH ? 1e-6 : 1.7e-4,
           share_bound = kind < MITE_GELU_ROUGH ? 1e-6 : 4e-5;
    for (size_t i = 0; i < count; i++) {
        double v = (double)x[i], z = 0.79788456080286535588 * (v + 0.044715 * v * v * v);
        if (!(fabs(v) < 1e30)) continue;
        double share = kind % 2 == 0 ? erf(v * 0.70710678118654752440) : tanh(z);
        if (!(fabs((double)y[i] - 0.5 * v * (1 + share)) <= bound + share_bound * fabs(v)))
            return false;
    }
    return true;
}

static void check_family(int family, const row *r) {
    size_t bytes = r->count * sizeof(float);
    check_block expected = check_new_block(bytes);
    run(&check_plain, family, r, (float *)(void *)expected.data, r->x);
    if (family >= GELU)
        check_that(is_right(family, r->x, (float *)(void *)expected.data, r->count), names[family],
                   "plain");
    for (size_t v = 0; v < check_version_count; v++) {
        check_block out = check_new_block(bytes), in_place = check_new_block(bytes);
        run(&check_versions[v].table, family, r, (float *)(void *)out.data, r->x);
        if (bytes) memcpy(in_place.data, r->x, bytes);
        run(&check_versions[v].table, family, r, (float *)(void *)in_place.data,
            (float *)(void *)in_place.data);
        check_that(is_same((float *)(void *)out.data, (float *)(void *)expected.data, r->count),
                   names[family], check_versions[v].name);
        check_that(is_same((float *)(void *)in_place.data, (float *)(void *)out.data, r->count),
                   "function in place", check_versions[v].name);
        check_that(check_canaries(&out) && check_canaries(&in_place), "function canaries",
                   check_versions[v].name);
        check_free_block(&out);
        check_free_block(&in_place);
    }
    check_free_block(&expected);
}

static float *row_of(size_t count, float size) {
    float *x = check_exact(count * sizeof *x);
    for (size_t i = 0; i < count; i++) x[i] = size * check_float();
    return x;
}

static void check_pack(void) {
    size_t n = check_pick(1, 21), k = check_pick(1, 9), n8 = (n + 7) / 8 * 8;
    bool across = check_bits() % 2;
    size_t n_step = across ? k + 1 : 1, k_step = across ? 1 : n + 2;
    float *b = row_of((n - 1) * n_step + (k - 1) * k_step + 1, 1);
    check_block out = check_new_block(n8 * k * sizeof(float));
    float *packed = (float *)(void *)out.data;
    mite_pack_product_f32(packed, b, n, k, n_step, k_step, 0.5f);
    bool right = true;
    for (size_t column = 0; column < n8; column++)
        for (size_t i = 0; i < k; i++) {
            float is = packed[(column / 8 * k + i) * 8 + column % 8];
            right = right && is == (column < n ? b[column * n_step + i * k_step] * 0.5f : 0);
        }
    check_that(right && check_canaries(&out), "pack_product_f32", "plain");
    check_free_block(&out);
    free(b);
}

static void check_expand(void) {
    size_t depth = check_pick(1, 37);
    int32_t bits = check_bits() % 2 ? 4 : 8;
    size_t bytes = (bits == 8 ? depth : (depth + 1) / 2) * 8;
    uint8_t *q = check_exact(bytes), *zero = check_exact(8);
    float *scale = row_of(8, 1);
    check_fill_bytes(q, bytes, check_bits());
    check_fill_bytes(zero, 8, check_bits());
    check_block expected = check_new_block(depth * 8 * sizeof(float));
    mite_expand_f32_for(MITE_ISA_PLAIN)((float *)(void *)expected.data, q, depth, bits, scale,
                                        zero);
    const float *first = (float *)(void *)expected.data;
    check_that(first[0] == (float)((bits == 4 ? q[0] & 15 : q[0]) - zero[0]) * scale[0],
               "expand_f32", "plain");
    for (size_t v = 0; v < check_version_count; v++) {
        check_block out = check_new_block(depth * 8 * sizeof(float));
        mite_expand_f32_for(check_versions[v].table.isa)((float *)(void *)out.data, q, depth, bits,
                                                         scale, zero);
        check_that(!memcmp(out.data, expected.data, out.bytes) && check_canaries(&out),
                   "expand_f32", check_versions[v].name);
        check_free_block(&out);
    }
    check_free_block(&expected);
    free(q);
    free(zero);
    free(scale);
}

void check_functions(void) {
    static const float sizes[] = {1, 6, 30, 0.01f};
    static const float odd[] = {NAN, INFINITY, 1e30f, -1e30f, 1e-40f, -0.0f};
    float size = sizes[check_bits() % 4];
    row r = {.count = check_pick(1, 70)};
    r.x = row_of(r.count, size);
    r.scale = check_bits() % 2 ? row_of(r.count, 1) : NULL;
    r.shift = check_bits() % 2 ? row_of(r.count, 1) : NULL;
    check_family(SOFTMAX, &r);
    check_family(LAYER_NORM, &r);
    if (check_bits() % 2) r.x[check_bits() % r.count] = odd[check_bits() % 6];
    for (int family = GELU; family < FAMILIES; family++) check_family(family, &r);
    free(r.x);
    free(r.scale);
    free(r.shift);
    check_pack();
    check_expand();
}
