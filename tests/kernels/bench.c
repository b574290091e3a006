// SPDX-License-Identifier: Apache-2.0
// Times the kernels of each version on layers of EfficientNet-Lite0, MobileNetV2 and ResNet-50,
// one thread, and prints rates; a multiply-add counts as two operations.
#include "check.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ENOUGH_SECONDS 0.15

static double seconds(void) {
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

typedef struct layer {
    size_t pixels, k, n; // 1x1 convolution: rows, input and output channels
} layer;

static const layer layers[] = {
    {12544, 32, 16}, {12544, 16, 96}, {3136, 24, 144},  {784, 144, 40},  {784, 40, 240},
    {196, 480, 80},  {196, 672, 112}, {49, 1152, 192},  {49, 192, 1152}, {49, 320, 1280},
    {3136, 64, 256}, {784, 512, 128}, {196, 1024, 256}, {49, 512, 2048}, {1, 1280, 1000},
};

typedef struct window {
    size_t size, channels, kernel, stride; // output size
} window;

static const window windows[] = {{112, 32, 3, 1}, {56, 96, 3, 2},  {56, 144, 3, 1},
                                 {28, 240, 5, 1}, {14, 480, 3, 1}, {14, 672, 5, 1},
                                 {7, 1152, 5, 1}, {7, 1152, 3, 1}};

static double rate_conv(const mite_kernels *k, const layer *l, bool u8) {
    static const int32_t one[1] = {0};
    size_t n8 = (l->n + 7) / 8 * 8, item = u8 ? 1 : 4;
    mite_conv_fn *fn = u8 ? k->conv_u8.run : k->conv_f32.run;
    mite_conv_args a = {.segments = one,
                        .segment_count = 1,
                        .segment_length = l->k,
                        .out_width = l->pixels,
                        .columns = l->n,
                        .in_pixel = l->k,
                        .out_pixel = l->n,
                        .lo = 0,
                        .hi = 6,
                        .pair_safe = 1,
                        .q_hi = 255};
    size_t scratch = u8 ? k->conv_u8.scratch_bytes(l->pixels, 1, l->k)
                        : k->conv_f32.scratch_bytes(l->pixels, 1, l->k);
    a.input = calloc(l->pixels * l->k, item);
    a.output = calloc(l->pixels * l->n, item);
    a.weights = calloc(n8 * l->k, item);
    a.bias = calloc(n8, 4);
    a.scale = calloc(n8, 4);
    a.scratch = malloc(scratch + 1);
    size_t runs = 0;
    double begin = seconds(), now;
    do {
        fn(&a, 0, l->pixels, 0, l->n);
        runs++;
        now = seconds();
    } while (now - begin < ENOUGH_SECONDS || runs < 8);
    free((void *)(uintptr_t)a.input);
    free(a.output);
    free((void *)(uintptr_t)a.weights);
    free((void *)(uintptr_t)a.bias);
    free((void *)(uintptr_t)a.scale);
    free(a.scratch);
    return 2e-9 * (double)(runs * l->pixels * l->k * l->n) / (now - begin);
}

static double rate_depthwise(const mite_kernels *k, const window *w, bool u8) {
    size_t in = (w->size - 1) * w->stride + w->kernel, c = w->channels, item = u8 ? 1 : 4;
    mite_depthwise_fn *fn = u8 ? k->depthwise_u8.run : k->depthwise_f32.run;
    mite_depthwise_args a = {.channels = c,
                             .out_width = w->size,
                             .kernel_h = w->kernel,
                             .kernel_w = w->kernel,
                             .stride_w = w->stride,
                             .in_row = w->stride * in * c,
                             .in_pixel = w->stride * c,
                             .tap_row = in * c,
                             .tap_pixel = c,
                             .out_row = w->size * c,
                             .out_pixel = c,
                             .hi = 6,
                             .q_hi = 255};
    a.input = calloc(in * in * c, item);
    a.output = calloc(w->size * w->size * c, item);
    a.weights = calloc((w->kernel + 1) * w->kernel * (c + 8), item);
    a.bias = calloc(c + 8, 4);
    a.scale = calloc(c + 8, 4);
    size_t runs = 0;
    double begin = seconds(), now;
    do {
        fn(&a, 0, w->size);
        runs++;
        now = seconds();
    } while (now - begin < ENOUGH_SECONDS || runs < 8);
    free((void *)(uintptr_t)a.input);
    free(a.output);
    free((void *)(uintptr_t)a.weights);
    free((void *)(uintptr_t)a.bias);
    free((void *)(uintptr_t)a.scale);
    return 2e-9 * (double)(runs * w->size * w->size * c * w->kernel * w->kernel) / (now - begin);
}

void check_bench(void) {
    for (size_t v = 1; v < check_version_count; v++) {
        const mite_kernels *k = &check_versions[v].table;
        printf("%s: GFLOP/s in f32 (%s), GOP/s in int8 (%s)\n", check_versions[v].name,
               k->conv_f32.name, k->conv_u8.name);
        for (size_t i = 0; i < sizeof layers / sizeof *layers; i++) {
            const layer *l = &layers[i];
            printf("  1x1 %5zu x %4zu x %4zu   %6.1f %6.1f\n", l->pixels, l->k, l->n,
                   rate_conv(k, l, false), rate_conv(k, l, true));
        }
        for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
            const window *w = &windows[i];
            printf("  depthwise %zux%zu stride %zu, %3zu x %4zu   %6.1f %6.1f\n", w->kernel,
                   w->kernel, w->stride, w->size, w->channels, rate_depthwise(k, w, false),
                   rate_depthwise(k, w, true));
        }
    }
}
