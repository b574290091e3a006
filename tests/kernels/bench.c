// SPDX-License-Identifier: Apache-2.0
// Times the kernels on every layer shape of three networks, one thread, beside the peak of the
// registers. Kernel and peak run in turn, some milliseconds each, so that what else the machine does
// slows both alike; a percentage is the median of these rounds.
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 15
#define ROUND_SECONDS 0.002
#define WARM_SECONDS 0.03 // the engine compiles what runs hot once more
#define PEAK_STEPS 20000

double bench_seconds(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int by_size(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(double *values, size_t count) {
    qsort(values, count, sizeof *values, by_size);
    return values[count / 2];
}

// --- Peaks ---------------------------------------------------------------------------------------

// Operations a second.
static double rate_peak(bench_peak_fn *fn) {
    double begin = bench_seconds(), operations = fn(PEAK_STEPS);
    return operations / (bench_seconds() - begin);
}

// The fastest of several ways, after a warm-up.
static bench_peak_fn *choose_peak(bench_peak_fn *const *ways, size_t count, double *rate) {
    bench_peak_fn *best = NULL;
    *rate = 0;
    for (size_t i = 0; i < count && ways[i]; i++) {
        double rates[ROUNDS], end = bench_seconds() + 2 * WARM_SECONDS;
        while (bench_seconds() < end) rate_peak(ways[i]);
        for (size_t r = 0; r < ROUNDS; r++) rates[r] = rate_peak(ways[i]);
        double middle = median(rates, ROUNDS);
        if (middle > *rate) *rate = middle, best = ways[i];
    }
    return best;
}

typedef struct peaks {
    bench_peak_fn *f32, *int8;
} peaks;

static peaks choose_peaks(int32_t isa, const char *version) {
    bench_peaks ways = bench_peaks_of(isa);
    double f32, int8;
    peaks p;
    p.f32 = choose_peak(ways.f32, sizeof ways.f32 / sizeof *ways.f32, &f32);
    p.int8 = choose_peak(ways.int8, sizeof ways.int8 / sizeof *ways.int8, &int8);
    printf("%s: registers give %.1f GFLOP/s in f32, %.1f GOP/s in int8\n", version, f32 * 1e-9,
           int8 * 1e-9);
    return p;
}

// --- Layers --------------------------------------------------------------------------------------

typedef struct result {
    double rate, share; // operations a second; of the peak
} result;

static result measure(const bench_layer *l, bench_kind kind, const mite_kernels *k,
                      bench_peak_fn *peak) {
    bench_case *c = bench_case_new(l, kind);
    double begin = bench_seconds(), rates[ROUNDS], shares[ROUNDS];
    size_t warm = 0, runs;
    do {
        bench_case_run(c, k);
        warm++;
    } while (bench_seconds() - begin < WARM_SECONDS);
    runs = (size_t)((double)warm * ROUND_SECONDS / (bench_seconds() - begin)) + 1;
    for (size_t r = 0; r < ROUNDS; r++) {
        double at_peak = rate_peak(peak);
        double start = bench_seconds();
        for (size_t i = 0; i < runs; i++) bench_case_run(c, k);
        rates[r] = bench_case_operations(c) * (double)runs / (bench_seconds() - start);
        shares[r] = rates[r] / at_peak;
    }
    bench_case_free(c);
    return (result){median(rates, ROUNDS), median(shares, ROUNDS)};
}

// Operations, and the seconds they take, at the measured rate and at the peak.
typedef struct sum {
    double operations, seconds, at_peak;
} sum;

static void count_in(sum *s, const bench_layer *l, result r) {
    bench_layer one = *l;
    double taps = (double)one.kernel * one.kernel * (one.depthwise ? 1 : one.in);
    double operations = 2.0 * one.count * one.size * one.size * one.out * taps;
    s->operations += operations;
    s->seconds += operations / r.rate;
    s->at_peak += operations / (r.rate / r.share);
}

static void print_result(const char *name, result f32, result int8) {
    printf("  %-34s %7.1f %5.1f %% %9.1f %5.1f %% %7.2f\n", name, f32.rate * 1e-9, f32.share * 100,
           int8.rate * 1e-9, int8.share * 100, int8.rate / f32.rate);
}

static void print_sum(const char *name, const sum s[2]) {
    result r[2];
    for (size_t i = 0; i < 2; i++)
        r[i] = (result){s[i].operations / s[i].seconds, s[i].at_peak / s[i].seconds};
    char text[64];
    snprintf(text, sizeof text, "%s, %.2f and %.2f ms", name, s[0].seconds * 1e3,
             s[1].seconds * 1e3);
    print_result(text, r[0], r[1]);
}

static void name_layer(char *text, size_t room, const bench_layer *l) {
    if (l->depthwise)
        snprintf(text, room, "%ux depthwise %ux%u /%u  %u x %u", l->count, l->kernel, l->kernel,
                 l->stride, l->size * l->size, l->in);
    else
        snprintf(text, room, "%ux %ux%u /%u  %u x %u x %u", l->count, l->kernel, l->kernel,
                 l->stride, l->size * l->size, l->in, l->out);
}

static bool is_for_winograd(const bench_layer *l) {
    return !l->depthwise && l->kernel == 3 && l->stride == 1;
}

// The rate counts the direct convolution's operations.
static void print_winograd(result winograd, result direct) {
    printf("    by Winograd's F(4x4)             %7.1f  %.2f times as fast\n", winograd.rate * 1e-9,
           winograd.rate / direct.rate);
}

static void bench_network_on(const bench_network *n, const mite_kernels *k, peaks p,
                             const char *only) {
    enum { POINT, DEPTHWISE, OTHER, KINDS };
    static const char *const kinds[KINDS] = {"1x1", "depthwise", "k x k"};
    sum sums[KINDS + 1][2] = {0};
    size_t shown = 0;
    for (size_t i = 0; i < n->layer_count; i++) {
        const bench_layer *l = &n->layers[i];
        char name[64];
        name_layer(name, sizeof name, l);
        if (only && !strstr(name, only)) continue;
        if (!shown++)
            printf("%s; count, kernel, stride, pixels x channels; f32, int8, int8 / f32\n",
                   n->name);
        result f32 = measure(l, BENCH_F32, k, p.f32), int8 = measure(l, BENCH_INT8, k, p.int8);
        print_result(name, f32, int8);
        if (is_for_winograd(l)) print_winograd(measure(l, BENCH_WINOGRAD, k, p.f32), f32);
        sum *of[2] = {sums[l->depthwise ? DEPTHWISE : l->kernel == 1 ? POINT : OTHER], sums[KINDS]};
        for (size_t s = 0; s < 2; s++) {
            count_in(&of[s][0], l, f32);
            count_in(&of[s][1], l, int8);
        }
    }
    for (size_t i = 0; i < KINDS && shown; i++)
        if (sums[i][0].seconds > 0) print_sum(kinds[i], sums[i]);
    if (shown) print_sum("all these", sums[KINDS]);
}

void check_bench(const char *only) {
    const check_version *v = &check_versions[check_version_count - 1];
    peaks p = choose_peaks(v->table.isa, v->name);
    printf("in G operations a second, and as part of what registers give\n");
    for (size_t i = 0; i < bench_network_count; i++)
        bench_network_on(&bench_networks[i], &v->table, p, only);
}
