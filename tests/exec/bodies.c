// SPDX-License-Identifier: Apache-2.0
// Control flow from the converter's graph through a .mite file to results: bodies in bodies, values
// read across them, shapes that grow, loops without end.
#include "ir.h"
#include "lower.h"
#include "mite.h"
#include "write.h"

#include "passes/passes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

static void check(bool right, const char *what) {
    if (right) return;
    printf("wrong: %s\n", what);
    failures++;
}

// Writes the graph, reads the file, runs it on `input` ([2] f32) and `flag`.
static mite_session *run_graph(mite_ir_graph *g, mite_model **m, const char *what) {
    mite_error error = {MITE_OK, ""};
    mite_lowered lowered;
    mite_session *s = NULL;
    uint8_t *file = NULL;
    size_t bytes = 0;
    mite_passes_run(g, true);
    check(mite_ir_ok(g), g->error.text);
    if (!mite_ir_ok(g) || mite_lower(&lowered, g, &error)) {
        check(false, error.text);
        return NULL;
    }
    if (mite_write(&file, &bytes, &lowered.graph, "{}", 2, 0, NULL, &error))
        check(false, error.text);
    mite_lowered_free(&lowered);
    check(mite_model_new(m, NULL) == MITE_OK, what);
    size_t at = 0, n;
    void *to;
    while ((n = mite_model_want(*m, &to)) > 0 && at < bytes) {
        if (n > bytes - at) n = bytes - at;
        memcpy(to, file + at, n);
        at += n;
        mite_model_got(*m, n);
    }
    free(file);
    check(mite_model_status(*m) == MITE_OK, mite_model_error(*m));
    mite_session_options options = {.max_iterations = 1000};
    if (mite_session_new(&s, *m, &options)) check(false, mite_session_error(s));
    return s;
}

static bool holds(const mite_session *s, size_t index, const float *wanted, size_t count) {
    const mite_tensor *t = mite_session_output(s, index);
    if (!t || t->bytes != count * sizeof *wanted) return false;
    return !count || !memcmp(t->data, wanted, t->bytes);
}

static mite_ir_value *flag_input(mite_ir_graph *g, const char *name) {
    return mite_ir_input(g, name, MITE_BOOL, 0, NULL);
}

static const int32_t two[] = {2};

static mite_ir_value *add(mite_ir_graph *g, mite_ir_value *a, mite_ir_value *b) {
    return MITE_IR_EMIT(g, .op = "add", .name = "add", .inputs = {a, b});
}

// Multiply-adds of the last run of the node of this operator.
static uint64_t macs_of(const mite_session *s, const char *op) {
    for (size_t i = 0; i < mite_node_count(s); i++)
        if (!strcmp(mite_node_at(s, i).op, op)) return mite_node_at(s, i).macs;
    return 0;
}

// if flag: x + |x| else -|x|, by a dense layer that changes nothing, then 1 added.
static void test_if(void) {
    mite_ir_graph *g = mite_ir_new(0);
    mite_ir_value *x = mite_ir_input(g, "x", MITE_F32, 1, two), *flag = flag_input(g, "flag");
    mite_ir_value *y = MITE_IR_EMIT(g, .op = "abs", .name = "abs", .inputs = {x});
    mite_ir_begin_body(g);
    mite_ir_output(g, "sum", add(g, x, y));
    int32_t then_body = mite_ir_end_body(g);
    mite_ir_begin_body(g);
    mite_ir_value *w = mite_ir_constant(g, "w", MITE_F32, 4, (int32_t[]){2, 1, 1, 2});
    ((float *)w->data)[0] = ((float *)w->data)[3] = 1;
    mite_ir_value *same =
        MITE_IR_EMIT(g, .op = "dense", .name = "same",
                     .inputs = {y, w, mite_ir_constant(g, "bias", MITE_F32, 1, two)});
    mite_ir_output(g, "neg", MITE_IR_EMIT(g, .op = "neg", .name = "neg", .inputs = {same}));
    int32_t else_body = mite_ir_end_body(g);
    mite_ir_value *r =
        MITE_IR_EMIT(g, .op = "if", .name = "if", .inputs = {flag}, .dtype = MITE_F32,
                     .attrs = {{"then_body", .word = then_body}, {"else_body", .word = else_body}});
    float one = 1;
    mite_ir_output(g, "r", add(g, r, mite_ir_floats(g, "one", &one, 1)));
    mite_model *m = NULL;
    mite_session *s = run_graph(g, &m, "if");
    for (int round = 0; s && round < 4; round++) {
        ((float *)mite_session_input(s, 0)->data)[0] = (float)round;
        ((float *)mite_session_input(s, 0)->data)[1] = -3;
        *(uint8_t *)mite_session_input(s, 1)->data = round & 1;
        check(mite_run(s) == MITE_OK, mite_session_error(s));
        float yes[] = {(float)(2 * round) + 1, 1}, no[] = {1 - (float)round, -2};
        check(holds(s, 0, round & 1 ? yes : no, 2), "result of if");
        check(macs_of(s, "if") == (round & 1 ? 0 : 4), "multiply-adds of the branch that ran");
    }
    mite_session_free(s);
    mite_model_free(m);
    mite_ir_free(g);
}

// Doubles what it carries and concatenates it to a growing list; in the body an if that reads both
// the loop's value and one from outside.
static void test_loop(bool endless) {
    mite_ir_graph *g = mite_ir_new(0);
    mite_ir_value *x = mite_ir_input(g, "x", MITE_F32, 1, two), *flag = flag_input(g, "flag");
    mite_ir_value *most = mite_ir_constant(g, "most", MITE_I64, 0, NULL);
    mite_ir_value *yes = mite_ir_constant(g, "yes", MITE_BOOL, 0, NULL);
    *(int64_t *)most->data = endless ? INT64_C(1) << 62 : 3;
    *(uint8_t *)yes->data = 1;
    mite_ir_value *y = MITE_IR_EMIT(g, .op = "abs", .name = "abs", .inputs = {x});
    mite_ir_begin_body(g);
    mite_ir_input(g, "i", MITE_I64, 0, NULL);
    mite_ir_value *go = flag_input(g, "go");
    mite_ir_value *carried = mite_ir_input(g, "carried", MITE_F32, 1, two);
    mite_ir_value *list = mite_ir_input(g, "list", MITE_F32, 1, two);
    if (list) list->unknown = true;
    mite_ir_begin_body(g);
    mite_ir_output(g, "sum", add(g, carried, y));
    int32_t then_body = mite_ir_end_body(g);
    mite_ir_begin_body(g);
    mite_ir_output(g, "same", carried);
    int32_t else_body = mite_ir_end_body(g);
    mite_ir_value *next =
        MITE_IR_EMIT(g, .op = "if", .name = "if", .inputs = {flag}, .dtype = MITE_F32,
                     .attrs = {{"then_body", .word = then_body}, {"else_body", .word = else_body}});
    mite_ir_output(g, "go", go);
    mite_ir_output(g, "next", next);
    mite_ir_output(g, "longer",
                   MITE_IR_EMIT(g, .op = "concat", .name = "concat", .inputs = {list, next},
                                .attrs = {{"axis", .word = 0}}));
    mite_ir_output(g, "row", carried);
    int32_t body = mite_ir_end_body(g);
    mite_dtype types[] = {MITE_F32, MITE_F32};
    mite_ir_value *last = MITE_IR_EMIT(g, .op = "loop", .name = "loop", .inputs = {most, yes, x, y},
                                       .dtype = MITE_F32, .more_dtypes = types, .more_outputs = 2,
                                       .attrs = {{"body", .word = body}, {"carried", .word = 2}});
    for (size_t i = 0; i < 3; i++) mite_ir_output(g, "out", mite_ir_output_at(last, i));
    mite_model *m = NULL;
    mite_session *s = run_graph(g, &m, "loop");
    for (int round = 0; s && round < 3; round++) {
        ((float *)mite_session_input(s, 0)->data)[0] = 1;
        ((float *)mite_session_input(s, 0)->data)[1] = -2;
        *(uint8_t *)mite_session_input(s, 1)->data = round < 2;
        mite_status status = mite_run(s);
        if (endless) {
            check(status == MITE_ERR_UNSUPPORTED, "an endless loop is refused");
            check(strstr(mite_session_error(s), "max_iterations") != NULL, mite_session_error(s));
            continue;
        }
        check(status == MITE_OK, mite_session_error(s));
        float a[] = {4, 4}, b[] = {1, 2, 2, 0, 3, 2, 4, 4}, c[] = {1, -2, 2, 0, 3, 2};
        float d[] = {1, -2}, e[] = {1, 2, 1, -2, 1, -2, 1, -2}, f[] = {1, -2, 1, -2, 1, -2};
        check(holds(s, 0, round < 2 ? a : d, 2), "carried");
        check(holds(s, 1, round < 2 ? b : e, 8), "list");
        check(holds(s, 2, round < 2 ? c : f, 6), "collected");
        const mite_tensor *t = mite_session_output(s, 2);
        check(t && t->rank == 2 && t->shape[0] == 3 && t->shape[1] == 2, "shape of collected");
    }
    mite_session_free(s);
    mite_model_free(m);
    mite_ir_free(g);
}

// Running sums of the rows of x, from the last one on, listed from the first.
static void test_scan(int32_t rows) {
    mite_ir_graph *g = mite_ir_new(0);
    int32_t shape[] = {rows, 2};
    mite_ir_value *x = mite_ir_input(g, "x", MITE_F32, 2, shape);
    mite_ir_value *first = mite_ir_constant(g, "first", MITE_F32, 1, two);
    mite_ir_begin_body(g);
    mite_ir_value *sum = mite_ir_input(g, "sum", MITE_F32, 1, two);
    mite_ir_value *row = mite_ir_input(g, "row", MITE_F32, 1, two);
    mite_ir_value *next = add(g, sum, row);
    mite_ir_output(g, "next", next);
    mite_ir_output(g, "each", next);
    int32_t body = mite_ir_end_body(g);
    mite_dtype types[] = {MITE_F32};
    mite_ir_value *last = MITE_IR_EMIT(g, .op = "scan", .name = "scan", .inputs = {first, x},
                                       .dtype = MITE_F32, .more_dtypes = types, .more_outputs = 1,
                                       .attrs = {{"body", .word = body},
                                                 {"carried", .word = 1},
                                                 {"scanned", .word = 1},
                                                 {"reversed_in", .word = 1},
                                                 {"reversed_out", .word = 1}});
    mite_ir_output(g, "last", last);
    mite_ir_output(g, "all", mite_ir_output_at(last, 1));
    mite_model *m = NULL;
    mite_session *s = run_graph(g, &m, "scan");
    float in[] = {1, 2, 3, 4, 5, 6}, out[] = {9, 12, 8, 10, 5, 6}, none[] = {0, 0};
    if (s && rows) memcpy(mite_session_input(s, 0)->data, in, sizeof in);
    check(s && mite_run(s) == MITE_OK, s ? mite_session_error(s) : "no session");
    check(holds(s, 0, rows ? out : none, 2), "last sum");
    check(holds(s, 1, out, 2 * (size_t)rows), "all sums");
    const mite_tensor *t = mite_session_output(s, 1);
    check(t && t->rank == 2 && t->shape[0] == rows && t->shape[1] == 2, "shape of all sums");
    mite_session_free(s);
    mite_model_free(m);
    mite_ir_free(g);
}

int main(void) {
    test_if();
    test_loop(false);
    test_loop(true);
    test_scan(3);
    test_scan(0);
    printf("%d failures\n", failures);
    return failures != 0;
}
