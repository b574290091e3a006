// SPDX-License-Identifier: Apache-2.0
// The kernel benchmark: layers of real networks, beside the most that the machine's registers give.
#ifndef MITE_TESTS_KERNELS_BENCH_H
#define MITE_TESTS_KERNELS_BENCH_H

#include "check.h"

// One shape of a network at batch 1, 224x224: convolution (or, depthwise, one filter a channel).
typedef struct bench_layer {
    uint8_t count; // how often the network has it
    bool depthwise;
    uint8_t kernel, stride;
    uint16_t size; // output width and height
    uint16_t in, out; // channels; depthwise: the same
} bench_layer;

typedef struct bench_network {
    const char *name;
    const bench_layer *layers;
    size_t layer_count;
} bench_network;

extern const bench_network bench_networks[];
extern const size_t bench_network_count;

// Loops over registers alone, in the instructions that a version's kernels are made of. Each does
// `steps` steps and returns how many operations that were; a multiply-add is two.
typedef double bench_peak_fn(size_t steps);
typedef struct bench_peaks {
    bench_peak_fn *f32[2], *int8[3]; // ways to the same; the fastest is the peak. NULL: no more
} bench_peaks;
bench_peaks bench_peaks_of(int32_t isa);
extern float bench_sink; // where the loops' results go, so that they are not dropped

double bench_seconds(void);

// One kernel on one shape, with memory of its own.
typedef struct bench_case bench_case;
typedef enum bench_kind { BENCH_F32, BENCH_INT8, BENCH_WINOGRAD } bench_kind;
bench_case *bench_case_new(const bench_layer *l, bench_kind kind);
void bench_case_run(bench_case *c, const mite_kernels *k);
double bench_case_operations(const bench_case *c);
void bench_case_free(bench_case *c);

#endif
