// SPDX-License-Identifier: Apache-2.0
// A pass on a small graph: the text before and after.
#ifndef MITE_TESTS_CONVERT_PASS_CHECK_H
#define MITE_TESTS_CONVERT_PASS_CHECK_H

#include "passes/passes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

// A constant of 0.5, 1, 1.5, …
static mite_ir_value *ramp(mite_ir_graph *g, size_t rank, const int32_t *shape) {
    mite_ir_value *v = mite_ir_constant(g, "c", MITE_F32, rank, shape);
    for (size_t i = 0; v && i < mite_ir_elements(v); i++)
        ((float *)v->data)[i] = 0.5f * (float)(i + 1);
    return v;
}
#define RAMP(g, ...) \
    ramp((g), sizeof((int32_t[]){__VA_ARGS__}) / sizeof(int32_t), (int32_t[]){__VA_ARGS__})

static void expect(const char *name, const char *when, const mite_ir_graph *g,
                   const char *expected) {
    mite_text text = {0};
    if (!mite_ir_ok(g)) {
        fprintf(stderr, "%s: %s\n", name, g->error.text);
        failures++;
        return;
    }
    mite_ir_print(&text, g);
    if (strcmp(text.data, expected)) {
        fprintf(stderr, "%s, %s:\n%sexpected:\n%s\n", name, when, text.data, expected);
        failures++;
    }
    mite_text_free(&text);
}

typedef mite_ir_value *build_fn(mite_ir_graph *g);

static void check(const char *name, build_fn *build, mite_pass_fn *pass, const char *before,
                  const char *after) {
    mite_ir_graph *g = mite_ir_new(0);
    if (!g) exit(1);
    mite_ir_output(g, "y", build(g));
    expect(name, "before", g, before);
    pass(g);
    mite_pass_dead_code(g);
    expect(name, "after", g, after);
    mite_ir_free(g);
}

#endif
