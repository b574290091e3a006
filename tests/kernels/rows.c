// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct rows {
    size_t count;
    float *x, *y;
    uint8_t *a, *b, table[256];
} rows;

enum { ADD_F32, CLAMP_F32, DEQUANTIZE, ADD_U8, QUANTIZE, RANGE, LOOKUP, FAMILIES };
static const char *const names[] = {"add_f32",  "clamp_f32", "dequantize", "add_u8",
                                    "quantize", "range_f32", "lookup_u8"};

static void run(const mite_kernels *k, int family, const rows *r, void *out) {
    mite_add_u8_args add = {0.8f, 1.9f, -33.5f, 3, 251};
    switch (family) {
    case ADD_F32: k->add_f32(out, r->x, r->y, r->count, -1.0f, 1.0f); break;
    case CLAMP_F32: k->clamp_f32(out, r->x, r->count, 0.0f, 1.0f); break;
    case DEQUANTIZE: k->dequantize(out, r->a, r->count, 0.37f, 91); break;
    case ADD_U8: k->add_u8(out, r->a, r->b, r->count, &add); break;
    case QUANTIZE: k->quantize(out, r->x, r->count, 0.0129f, 91); break;
    case RANGE: {
        float range[2] = {0.25f, 0.5f};
        k->range_f32(r->x, r->count, range);
        if (r->count >= sizeof range) memcpy(out, range, sizeof range);
        break;
    }
    default: k->lookup_u8(out, r->a, r->count, r->table); break;
    }
}

void check_rows(void) {
    rows r = {.count = check_pick(0, 67)};
    r.x = check_exact(r.count * 4);
    r.y = check_exact(r.count * 4);
    r.a = check_exact(r.count);
    r.b = check_exact(r.count);
    check_fill_f32(r.x, r.count);
    check_fill_f32(r.y, r.count);
    static const float odd[] = {NAN, INFINITY, -INFINITY, 1e30f, -1e30f, 1e-40f, -0.0f};
    for (size_t i = 0; i < r.count; i += 5) r.x[i] = odd[check_bits() % 7];
    check_fill_bytes(r.a, r.count, check_bits());
    check_fill_bytes(r.b, r.count, check_bits());
    check_fill_bytes(r.table, 256, 0);
    for (int family = 0; family < FAMILIES; family++) {
        size_t bytes = r.count * (family <= DEQUANTIZE ? 4 : 1);
        check_block expected = check_new_block(bytes);
        run(&check_plain, family, &r, expected.data);
        for (size_t v = 0; v < check_version_count; v++) {
            check_block out = check_new_block(bytes);
            run(&check_versions[v].table, family, &r, out.data);
            bool same = family <= DEQUANTIZE
                            ? check_close((float *)(void *)out.data, (float *)(void *)expected.data,
                                          r.count, 0)
                            : !memcmp(out.data, expected.data, bytes);
            // Infinities differ by nothing, but their difference is no number.
            if (!same && family <= DEQUANTIZE) same = !memcmp(out.data, expected.data, bytes);
            check_that(same, names[family], check_versions[v].name);
            check_that(check_canaries(&out), "row canaries", check_versions[v].name);
            check_free_block(&out);
        }
        check_free_block(&expected);
    }
    free(r.x);
    free(r.y);
    free(r.a);
    free(r.b);
}
