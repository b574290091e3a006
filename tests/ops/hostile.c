// SPDX-License-Identifier: Apache-2.0
// Every case of steps.pack, damaged in every place by values a hostile file could hold: each is
// refused with a sentence that names the operator, or runs; the sanitizers watch for the rest.
// Then sentences that must be said word by word.
#include "steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CASES_PER_OPERATOR 12
#define MAX_MEMORY ((size_t)1 << 22) // what a damaged size may ask for

typedef struct tally {
    size_t refused, ran, failures;
} tally;

static const int32_t nasty[] = {
    -1,
    0,
    1,
    2,
    3,
    7,
    255,
    256,
    -129,
    INT32_MIN,
    INT32_MAX,
    70000,
    0x7f800000,
    0x7fc00000,
    0x3f800000,
    0x00000001, // inf NaN 1 0+
    (int32_t)0xff800000,
    (int32_t)0xbf800000,
    0x7f7fffff,                            // -inf -1 max
};
#define NASTY_COUNT (sizeof nasty / sizeof *nasty)

// Makes a session of the graph; if it is made, runs it. Both ends are right.
static void try_graph(const graph *g, const step_case *c, tally *t) {
    mite_session *s;
    mite_session_options options = {.max_memory_bytes = MAX_MEMORY};
    mite_status status = mite_session_new_graph(&s, &g->graph, &options);
    if (status) {
        t->refused++;
        if (!strchr(mite_session_error(s), '\'') && status != MITE_ERR_MEMORY) {
            fprintf(stderr, "%s: refused without a name: \"%s\"\n", c->name, mite_session_error(s));
            t->failures++;
        }
    } else {
        t->ran++;
        graph_fill(g, c, s);
        if (mite_run(s) && !*mite_session_error(s)) {
            fprintf(stderr, "%s: failed without a sentence\n", c->name);
            t->failures++;
        }
    }
    mite_session_free(s);
}

// The result may have any shape; what follows it would insist on one.
static void make(graph *g, const step_case *c, bool before) {
    graph_make(g, c, (around){.before = before});
    g->values[g->result].rank = -1;
}

static void damage_attrs(const step_case *c, tally *t) {
    step_case damaged = *c;
    for (size_t word = 0; word < mite_op_attr_words(c->op); word++) {
        for (size_t i = 0; i < NASTY_COUNT; i++) {
            graph g;
            damaged.attrs[word] = nasty[i];
            make(&g, &damaged, true);
            try_graph(&g, &damaged, t);
            graph_free(&g);
        }
        damaged.attrs[word] = c->attrs[word];
    }
}

// Each field of a value that a file states.
static void damage_value(const step_case *c, uint32_t index, tally *t) {
    graph g;
    make(&g, c, false);
    mite_value *v = &g.values[index], whole = *v;
    // A reader sees to it that plain constants have exactly the bytes of their shape.
    bool exact = index < c->input_count && c->inputs[index].role == CONSTANT;
    for (size_t i = 0; i < NASTY_COUNT; i++, *v = whole) {
        memcpy(&v->scale, &nasty[i], sizeof v->scale);
        try_graph(&g, c, t);
        *v = whole;
        v->zero_point = nasty[i];
        try_graph(&g, c, t);
        for (int32_t k = 0; k < whole.rank && !exact; k++) {
            *v = whole;
            v->shape[k] = nasty[i];
            try_graph(&g, c, t);
        }
    }
    for (int dtype = MITE_F32; dtype <= MITE_U64; dtype++) {
        v->dtype = (mite_dtype)dtype;
        // A reader sees to it that a constant has as many bytes as its own type and shape ask for.
        if (!v->data || dtype == (int)whole.dtype) try_graph(&g, c, t);
    }
    *v = whole;
    for (v->rank = 0; v->rank <= MITE_MAX_RANK && !v->data; v->rank++) try_graph(&g, c, t);
    *v = whole;
    if (v->data && !exact) {
        v->bytes -= v->bytes > 4 ? 4 : v->bytes;
        try_graph(&g, c, t);
        *v = whole;
        v->layout = v->layout ? MITE_LAYOUT_DENSE : MITE_LAYOUT_CONV_I8;
        try_graph(&g, c, t);
    }
    *v = whole;
    graph_free(&g);
}

static void damage_edges(const step_case *c, tally *t) {
    graph g;
    make(&g, c, false);
    for (size_t i = 0; i < c->input_count; i++) {
        for (size_t k = 0; k <= c->input_count; k++) {
            uint32_t whole = g.edges[i];
            g.edges[i] =
                k < c->input_count && g.edges[k] != MITE_NO_VALUE ? (uint32_t)k : MITE_NO_VALUE;
            try_graph(&g, c, t);
            g.edges[i] = whole;
        }
    }
    graph_free(&g);
}

// --- Sentences -----------------------------------------------------------------------------------

typedef struct sentence {
    const char *name; // of the case
    const char *attr; // to change, or NULL
    int32_t word;
    const char *says;
} sentence;

static const sentence sentences[] = {
    {"1x1 f32", "stride_w", 0, "kernel 1x1, stride 1x0, dilation 1x1: all must be at least 1"},
    {"1x1 f32", "groups", 3, "20 output channels do not split into 3 groups"},
    {"1x1 f32", "groups", 4, "filter wants 12 input channels in each of 4 groups, x has 12"},
    {"3x3 same f32", "pad_left", -2, "padding 1,-2,1,1 (top, left, bottom, right) is negative"},
    {"dilation u8", "dilation_h", 9,
     "window 3x2, dilation 9x3, does not fit the padded 11x10 pict"},
    {"3x3 same u8", "clamp_lo", 0x7fc00000, "clamp_lo must be a number"},
    {"residual u8", "inner_scale", 0, "a u8 residual needs a positive inner_scale"},
    {"max pool 2x2 f32", "pad_top", 2, "lies wholly in the padding"},
    {"mean f32 (3, 4, 5) [-1]", "axes", 3, "axis 3 is outside the rank 3 of its input"},
    {"softmax f32 (4, 11) -1", "axis", -3, "axis -3 is outside the rank 2 of its input"},
    {"transpose float32 (4, 5)", "perm", 5, "[5,0] is no permutation of 2 dimensions"},
    {"reshape -1", "shape", 5, "x of shape [2,3,4] does not fill the shape [5,-1]"},
    {"clamp f32", "hi", (int32_t)0xff800000, "limits lo and hi are crossed"},
};

static void set_attr(step_case *c, const char *name, int32_t word) {
    size_t at = 0;
    for (size_t i = 0; i < c->op->attr_count; at += c->op->attrs[i++].count)
        if (strcmp(c->op->attrs[i].name, name) == 0) c->attrs[at] = word;
}

static void check_sentences(const step_case *c, size_t *said, tally *t) {
    for (size_t i = 0; i < sizeof sentences / sizeof *sentences; i++) {
        const sentence *wanted = &sentences[i];
        if (strcmp(wanted->name, c->name) != 0) continue;
        step_case damaged = *c;
        graph g;
        mite_session *s;
        set_attr(&damaged, wanted->attr, wanted->word);
        make(&g, &damaged, false);
        mite_session_new_graph(&s, &g.graph, NULL);
        if (!strstr(mite_session_error(s), wanted->says)) {
            fprintf(stderr, "%s: said \"%s\", expected \"%s\"\n", c->name, mite_session_error(s),
                    wanted->says);
            t->failures++;
        }
        ++*said;
        mite_session_free(s);
        graph_free(&g);
    }
}

// Damages the first cases of each operator; counts them in `done`, by the operator's place in ops.
static void damage_pack(const char *path, const mite_op *const *ops, size_t *done, size_t *said,
                        tally *t) {
    pack p = pack_open(path);
    step_case c;
    while (pack_next(&p, &c)) {
        size_t k = 0;
        check_sentences(&c, said, t);
        while (ops[k] != c.op) k++;
        if (done[k]++ >= CASES_PER_OPERATOR) continue;
        damage_attrs(&c, t);
        damage_edges(&c, t);
        // The case's values come first, then its result.
        for (uint32_t i = 0; i <= c.input_count; i++)
            if (i == c.input_count || c.inputs[i].bytes) damage_value(&c, i, t);
    }
    pack_close(&p);
}

int main(int argc, char **argv) {
    static const char *const packs[] = {"tests/ops/steps.pack", "tests/ops/products.pack",
                                        "tests/ops/elements.pack", "tests/ops/layers.pack",
                                        "tests/ops/lstm_i8.pack"};
    tally t = {0};
    size_t said = 0, core_count, more_count;
    const mite_op *const *core = mite_op_list(&core_count);
    const mite_op *const *more = mite_op_list_more(&more_count);
    const mite_op **ops = calloc(core_count + more_count, sizeof *ops);
    size_t *done = calloc(core_count + more_count, sizeof *done);
    if (!ops || !done) abort();
    memcpy(ops, core, core_count * sizeof *ops);
    memcpy(ops + core_count, more, more_count * sizeof *ops);
    for (size_t i = 0; argc == 1 && i < sizeof packs / sizeof *packs; i++)
        damage_pack(packs[i], ops, done, &said, &t);
    for (int i = 1; i < argc; i++) damage_pack(argv[i], ops, done, &said, &t);
    for (size_t k = 0; k < core_count && argc == 1; k++) {
        if (done[k]) continue;
        fprintf(stderr, "%s has no case\n", ops[k]->name);
        t.failures++;
    }
    free(done);
    free(ops);
    if (argc == 1 && said != sizeof sentences / sizeof *sentences) {
        fprintf(stderr, "%zu sentences were looked for; a case is missing\n", said);
        t.failures++;
    }
    printf("%zu damaged cases refused, %zu ran\n", t.refused, t.ran);
    return t.failures != 0;
}
