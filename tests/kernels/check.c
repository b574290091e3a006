// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "kernels/versions.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CANARY_BYTES 64
#define CANARY 0xa5

uint64_t check_seed;
static uint64_t state;
static size_t checks, failures;
check_version check_versions[4];
size_t check_version_count;
mite_kernels check_plain;

uint32_t check_bits(void) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33);
}

size_t check_pick(size_t least, size_t most) { return least + check_bits() % (most - least + 1); }

float check_float(void) { return (float)check_bits() * 0x1p-30f - 1.0f; }

void check_fill_f32(float *out, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = check_float();
}

void check_fill_bytes(void *out, size_t bytes, unsigned manner) {
    uint8_t *to = out;
    static const uint8_t ends[4] = {0, 255, 127, 128};
    for (size_t i = 0; i < bytes; i++) {
        switch (manner % 4) {
        case 0: to[i] = (uint8_t)check_bits(); break;
        case 1: to[i] = 0; break;
        case 2: to[i] = 255; break;
        default: to[i] = ends[check_bits() % 4]; break;
        }
    }
}

check_block check_new_block(size_t bytes) {
    check_block b = {.bytes = bytes, .memory = malloc(bytes + 2 * CANARY_BYTES)};
    if (!b.memory) exit(1);
    memset(b.memory, CANARY, bytes + 2 * CANARY_BYTES);
    b.data = b.memory + CANARY_BYTES;
    return b;
}

bool check_canaries(const check_block *b) {
    for (size_t i = 0; i < CANARY_BYTES; i++)
        if (b->memory[i] != CANARY || b->data[b->bytes + i] != CANARY) return false;
    return true;
}

void check_free_block(check_block *b) { free(b->memory); }

void *check_exact(size_t bytes) {
    void *block = malloc(bytes ? bytes : 1);
    if (!block) exit(1);
    return block;
}

void check_that(bool holds, const char *what, const char *version) {
    checks++;
    if (holds) return;
    failures++;
    fprintf(stderr, "%s, %s: failed; repeat with --seed %llu\n", what, version,
            (unsigned long long)check_seed);
}

bool check_close(const float *a, const float *b, size_t count, size_t terms) {
    float allowed = 1e-6f * (float)(terms + 4);
    for (size_t i = 0; i < count; i++) {
        if (isnan(a[i]) && isnan(b[i])) continue;
        if (!(fabsf(a[i] - b[i]) <= allowed * (1.0f + fabsf(b[i])))) return false;
    }
    return true;
}

static void add_version(int32_t isa, const char *name) {
    check_version *v = &check_versions[check_version_count];
    mite_kernels_fill(&v->table, isa);
    // A build that lacks this level gives a lower one, which is there already.
    if (v->table.isa != isa) return;
    v->name = name;
    check_version_count++;
}

int main(int argc, char **argv) {
    uint64_t first = 1, cases = 400;
    bool bench = false;
    const char *only = NULL;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--bench")) {
            bench = true;
            if (i + 1 < argc && *argv[i + 1]) only = argv[++i];
        } else if (!strcmp(argv[i], "--seed") && i + 1 < argc) {
            first = strtoull(argv[++i], NULL, 10);
            cases = 1;
        }
    }
    mite_kernels_fill(&check_plain, MITE_ISA_PLAIN);
    if (check_plain.isa != MITE_ISA_PLAIN) {
        fprintf(stderr, "this build has no plain kernels to compare with\n");
        return 1;
    }
    add_version(MITE_ISA_PLAIN, "plain");
    add_version(MITE_ISA_SIMD128, "simd128");
#if MITE_HAVE_RELAXED
    if (mite_probe_dot() == MITE_DOT_UNSIGNED) { // pairs are exact there, too
        check_version *v = &check_versions[check_version_count++];
        mite_kernels_fill(&v->table, MITE_ISA_SIMD128);
        mite_kernels_use_dot(&v->table, MITE_DOT_SATURATES);
        v->name = "relaxed, in pairs";
    }
#endif
    add_version(MITE_ISA_RELAXED, "relaxed");
    if (bench) {
        check_bench(only);
        return 0;
    }
    for (uint64_t i = 0; i < cases; i++) {
        check_seed = first + i;
        state = check_seed * 0x9e3779b97f4a7c15u;
        check_conv();
        check_depthwise();
        check_functions();
        check_winograd();
        check_pool();
        check_rows();
        check_rows_u8();
    }
    printf("kernels: %zu checks of %zu versions, %zu failures\n", checks, check_version_count,
           failures);
    return failures != 0;
}
