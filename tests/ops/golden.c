// SPDX-License-Identifier: Apache-2.0
// Every case of the packs gives its result: integers to the bit, f32 within 1e-5 of the value
// and 2e-6, f64 within 1e-11 of it and 1e-14, f16 to its last bit. Each runs with and without halos around the pictures it reads and writes, on plain C
// and on SIMD, with one thread and with three.
#include "steps.h"

#include "ops/more/elements.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool close_enough(double a, double b, mite_dtype dtype) {
    double relative = dtype == MITE_F32 ? 1e-5 : dtype == MITE_F16 ? 0x1p-10 : 1e-11;
    double absolute = dtype == MITE_F32 ? 2e-6 : dtype == MITE_F16 ? 0x1p-24 : 1e-14;
    if (isnan(a) || isnan(b)) return isnan(a) && isnan(b);
    if (isinf(b)) return a == b;
    return fabs(a - b) <= relative * fabs(b) + absolute;
}

// The first element that differs, or SIZE_MAX.
static size_t first_difference(const tensor *expected, const void *data) {
    mite_dtype dtype = expected->dtype;
    size_t item = mite_dtype_bytes(dtype), count = expected->bytes / item;
    for (size_t i = 0; i < count; i++) {
        const uint8_t *a = (const uint8_t *)data + i * item, *b = expected->data + i * item;
        uint64_t bits[2] = {0};
        double x, y;
        if (memcmp(a, b, item) == 0) continue;
        if (!mite_is_real(dtype)) return i;
        memcpy(&bits[0], a, item);
        memcpy(&bits[1], b, item);
        mite_load_reals(&x, &bits[0], dtype, 1, 1);
        mite_load_reals(&y, &bits[1], dtype, 1, 1);
        if (!close_enough(x, y, dtype)) return i;
    }
    return SIZE_MAX;
}

static void print_element(const tensor *t, const void *data, size_t i) {
    uint64_t bits = 0;
    double real;
    int64_t integer;
    memcpy(&bits, (const uint8_t *)data + i * mite_dtype_bytes(t->dtype),
           mite_dtype_bytes(t->dtype));
    mite_load_reals(&real, &bits, t->dtype, 1, 1);
    mite_load_integers(&integer, &bits, t->dtype, 1, 1);
    if (mite_is_real(t->dtype)) fprintf(stderr, "%.17g", real);
    else fprintf(stderr, "%lld", (long long)integer);
}

// Runs twice: the second run must not see what the first left in memory.
static bool passes(const step_case *c, around a, int32_t isa, int32_t threads) {
    graph g;
    mite_session *s;
    mite_session_options options = {.isa = isa, .thread_count = threads};
    graph_make(&g, c, a);
    mite_status status = mite_session_new_graph(&s, &g.graph, &options);
    size_t wrong = SIZE_MAX;
    for (int run = 0; run < 2 && !status && wrong == SIZE_MAX; run++) {
        graph_fill(&g, c, s);
        status = mite_run(s);
        if (!status) wrong = first_difference(&c->output, mite_session_output(s, 0)->data);
    }
    if (status || wrong != SIZE_MAX) {
        fprintf(stderr, "%s (halo before %d, after %d, isa %d, %d threads): ", c->name, a.before,
                a.after, isa, threads);
        if (status) {
            fprintf(stderr, "%s\n", mite_session_error(s));
        } else {
            fprintf(stderr, "element %zu is ", wrong);
            print_element(&c->output, mite_session_output(s, 0)->data, wrong);
            fprintf(stderr, ", expected ");
            print_element(&c->output, c->output.data, wrong);
            fprintf(stderr, "\n");
        }
    }
    mite_session_free(s);
    graph_free(&g);
    return !status && wrong == SIZE_MAX;
}

static void check_pack(const char *path, size_t *count, size_t *failures) {
    pack p = pack_open(path);
    step_case c;
    while (pack_next(&p, &c)) {
        bool good = true;
        for (int way = 0; way < 16; way++) {
            around a = {way & 1, way & 2};
            int32_t isa = way & 4 ? MITE_ISA_PLAIN : MITE_ISA_BEST;
            good = passes(&c, a, isa, way & 8 ? 3 : 1) && good;
        }
        *failures += !good;
        ++*count;
    }
    pack_close(&p);
}

int main(int argc, char **argv) {
    static const char *const packs[] = {"tests/ops/steps.pack", "tests/ops/products.pack",
                                        "tests/ops/elements.pack", "tests/ops/layers.pack",
                                        "tests/ops/lstm_i8.pack"};
    size_t count = 0, failures = 0;
    for (size_t i = 0; argc == 1 && i < sizeof packs / sizeof *packs; i++)
        check_pack(packs[i], &count, &failures);
    for (int i = 1; i < argc; i++) check_pack(argv[i], &count, &failures);
    printf("%zu of %zu cases right\n", count - failures, count);
    return failures != 0;
}
