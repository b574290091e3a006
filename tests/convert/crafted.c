// SPDX-License-Identifier: Apache-2.0
// ONNX files made by hand to do harm: what each of them must end in is a file or a sentence, within
// its memory limit and without a sanitizer's report; a model that converts is run, too.
#include "../files.h"
#include "convert.h"
#include "exec/session.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LIMIT ((size_t)256 << 20) // bytes that a conversion, and a session, may take
#define SECONDS 60 // a hang, seen by an alarm; sanitizers are slow

static int failures, refused, taken;

// --- Writing messages ---------------------------------------------------------------------------

typedef struct message {
    uint8_t *data;
    size_t bytes, room;
} message;

static void put(message *m, const void *data, size_t bytes) {
    if (m->bytes + bytes > m->room) {
        m->room = (m->bytes + bytes) * 2;
        m->data = realloc(m->data, m->room);
        if (!m->data) exit(1);
    }
    if (bytes) memcpy(m->data + m->bytes, data, bytes);
    m->bytes += bytes;
}

static void put_varint(message *m, uint64_t value) {
    for (; value > 127; value >>= 7) put(m, &(uint8_t){(uint8_t)(value | 128)}, 1);
    put(m, &(uint8_t){(uint8_t)value}, 1);
}

static void put_number(message *m, uint32_t field, uint64_t value) {
    put_varint(m, field << 3);
    put_varint(m, value);
}

static void put_bytes(message *m, uint32_t field, const void *data, size_t bytes) {
    put_varint(m, field << 3 | 2);
    put_varint(m, bytes);
    put(m, data, bytes);
}

static void put_text(message *m, uint32_t field, const char *text) {
    put_bytes(m, field, text, strlen(text));
}

// Takes the inner message over.
static void put_message(message *m, uint32_t field, message inner) {
    put_bytes(m, field, inner.data, inner.bytes);
    free(inner.data);
}

// Comma-separated names.
static void put_names(message *m, uint32_t field, const char *names) {
    while (*names) {
        size_t length = strcspn(names, ",");
        put_bytes(m, field, names, length);
        names += length + (names[length] == ',');
    }
}

static message attribute(const char *name) {
    message a = {0};
    put_text(&a, 1, name);
    return a;
}

static message node(const char *op, const char *inputs, const char *outputs) {
    message n = {0};
    put_names(&n, 1, inputs);
    put_names(&n, 2, outputs);
    put_text(&n, 4, op);
    return n;
}

static void add(message *graph, const char *op, const char *inputs, const char *outputs) {
    put_message(graph, 1, node(op, inputs, outputs));
}

static void set_int(message *n, const char *name, int64_t value) {
    message a = attribute(name);
    put_number(&a, 3, (uint64_t)value);
    put_message(n, 5, a);
}

static void set_ints(message *n, const char *name, size_t count, const int64_t *values) {
    message a = attribute(name);
    for (size_t i = 0; i < count; i++) put_number(&a, 8, (uint64_t)values[i]);
    put_message(n, 5, a);
}

static void set_text(message *n, const char *name, const char *text) {
    message a = attribute(name);
    put_text(&a, 4, text);
    put_message(n, 5, a);
}

static void set_graph(message *n, const char *name, message graph) {
    message a = attribute(name);
    put_message(&a, 6, graph);
    put_message(n, 5, a);
}

static message tensor(const char *name, int type, size_t rank, const uint64_t *dims,
                      const void *data, size_t bytes) {
    message t = {0};
    for (size_t i = 0; i < rank; i++) put_number(&t, 1, dims[i]);
    put_number(&t, 2, (uint64_t)type);
    put_text(&t, 8, name);
    if (data) put_bytes(&t, 9, data, bytes);
    return t;
}

enum { FLOAT = 1, UINT8 = 2, INT8 = 3, INT64 = 7, BOOL = 9 };

static void integers(message *graph, const char *name, size_t count, const int64_t *values) {
    uint64_t dim = count;
    put_message(graph, 5, tensor(name, INT64, 1, &dim, values, 8 * count));
}

static void integer(message *graph, const char *name, int64_t value) {
    put_message(graph, 5, tensor(name, INT64, 0, NULL, &value, 8));
}

static void real(message *graph, const char *name, float value) {
    put_message(graph, 5, tensor(name, FLOAT, 0, NULL, &value, 4));
}

static message port(const char *name, int type, size_t rank, const int64_t *dims) {
    message shape = {0}, t = {0}, value = {0}, p = {0};
    for (size_t i = 0; i < rank; i++) {
        message dim = {0};
        put_number(&dim, 1, (uint64_t)dims[i]);
        put_message(&shape, 1, dim);
    }
    put_number(&t, 1, (uint64_t)type);
    put_message(&t, 2, shape);
    put_message(&value, 1, t);
    put_text(&p, 1, name);
    put_message(&p, 2, value);
    return p;
}

// A graph with the picture x [1,3,8,8] for input and y for output.
static message graph(void) {
    message g = {0};
    put_message(&g, 11, port("x", FLOAT, 4, (const int64_t[]){1, 3, 8, 8}));
    put_message(&g, 12, port("y", FLOAT, 0, NULL));
    return g;
}

// A graph for If: no inputs, output y.
static message branch(const char *output) {
    message g = {0};
    put_message(&g, 12, port(output, FLOAT, 0, NULL));
    return g;
}

// --- Trying -------------------------------------------------------------------------------------

static void run(const char *what, const uint8_t *file, size_t bytes) {
    mite_model *m;
    mite_session *s = NULL;
    mite_session_options options = {.max_memory_bytes = LIMIT};
    void *at;
    size_t n, done = 0;
    if (mite_model_new(&m, NULL)) exit(1);
    while ((n = mite_model_want(m, &at)) > 0 && done + n <= bytes) {
        memcpy(at, file + done, n);
        done += n;
        mite_model_got(m, n);
    }
    mite_status status = mite_model_status(m);
    if (!status) status = mite_session_new(&s, m, &options);
    if (!status) status = mite_run(s);
    if (status && s && strlen(mite_session_error(s)) < 15) {
        fprintf(stderr, "%s: it does not run, and no sentence says why\n", what);
        failures++;
    }
    mite_session_free(s);
    mite_model_free(m);
}

static bool no_file(void *context, const char *name, uint64_t offset, void *to, size_t bytes) {
    (void)context, (void)offset, (void)to, (void)bytes;
    fprintf(stderr, "a file was asked for: %s\n", name);
    return false;
}

// `words`: what the sentence must hold; NULL where a file may come out as well.
static void try_model(const char *what, message model, const char *words) {
    uint8_t *out = NULL;
    size_t bytes;
    mite_convert_options options = {.max_bytes = LIMIT, .read_beside = no_file};
    mite_convert *c = mite_convert_new(&options);
    uint8_t *exact = malloc(model.bytes + 1); // a byte read too many is seen
    if (!c || !exact) exit(1);
    if (model.bytes) memcpy(exact, model.data, model.bytes);
    free(model.data);
    alarm(SECONDS);
    mite_status status = mite_convert_read(c, exact, model.bytes);
    free(exact);
    if (!status) status = mite_convert_write(c, "{}", 2, &out, &bytes);
    const char *sentence = mite_convert_error(c);
    if (status ? strlen(sentence) < 15 || (words && !strstr(sentence, words)) : words != NULL) {
        fprintf(stderr, "%s: %s\n", what, status ? sentence : "was not refused");
        failures++;
    }
    if (!status) run(what, out, bytes);
    alarm(0);
    if (status) refused++;
    else taken++;
    free(out);
    mite_convert_free(c);
}

static message model_of(message g) {
    message opset = {0}, m = {0};
    put_number(&m, 1, 10);
    put_message(&m, 7, g);
    put_text(&opset, 1, "");
    put_number(&opset, 2, 21);
    put_message(&m, 8, opset);
    return m;
}

static void try_graph(const char *what, message g, const char *words) {
    try_model(what, model_of(g), words);
}

// --- Graphs -------------------------------------------------------------------------------------

static void names(void) {
    message g = graph();
    add(&g, "Relu", "b", "a"), add(&g, "Relu", "a", "b"), add(&g, "Add", "a,x", "y");
    try_graph("cycle", g, "no earlier node");
    g = graph(), add(&g, "Relu", "y", "y");
    try_graph("node that reads itself", g, "no earlier node");
    g = graph(), add(&g, "Relu", "z", "y");
    try_graph("undefined name", g, "no earlier node");
    g = graph(), add(&g, "Relu", "x", "y"), add(&g, "Abs", "x", "y");
    try_graph("name written twice", g, "two values");
    g = graph(), add(&g, "Relu", "x", "x");
    try_graph("input written", g, "two values");
    g = graph(), add(&g, "Relu", "x", "z");
    try_graph("output that nothing computes", g, "computed by no node");
    g = graph(), add(&g, "Relu", "", "y");
    try_graph("no input", g, NULL);
    g = graph(), add(&g, "NoSuchThing", "x", "y");
    try_graph("unknown operator", g, "NoSuchThing");
}

static void lengths(void) {
    char name[2][16] = {"x", ""};
    message g = graph();
    for (int i = 0; i < 100000; i++) {
        snprintf(name[1], sizeof name[1], i == 99999 ? "y" : "n%d", i);
        add(&g, i % 2 ? "Relu" : "Neg", name[0], name[1]);
        memcpy(name[0], name[1], sizeof name[0]);
    }
    try_graph("chain of 100,000 nodes", g, NULL);
    g = graph(), real(&g, "c0", 1);
    for (int i = 0; i < 5000; i++) {
        char in[32], out[16];
        snprintf(in, sizeof in, "c%d,c0", i), snprintf(out, sizeof out, "c%d", i + 1);
        add(&g, "Add", in, out);
    }
    add(&g, "Add", "c5000,x", "y");
    try_graph("chain of 5,000 constants", g, NULL);
}

static void nesting(void) {
    message inner = branch("r0");
    add(&inner, "Relu", "x", "r0");
    for (int i = 1; i <= 3000; i++) {
        char out[16], below[16];
        snprintf(out, sizeof out, "r%d", i), snprintf(below, sizeof below, "r%d", i - 1);
        message n = node("If", "c", i == 3000 ? "y" : out), other = branch(out);
        set_graph(&n, "then_branch", inner);
        add(&other, "Relu", "x", out);
        set_graph(&n, "else_branch", other);
        inner = i == 3000 ? graph() : branch(out);
        put_message(&inner, 1, n);
    }
    put_message(&inner, 11, port("c", BOOL, 0, NULL));
    try_graph("3,000 nested branches", inner, "deep");
    message field = {0};
    for (int i = 0; i < 20000; i++) {
        message outer = {0};
        put_message(&outer, 14, field);
        field = outer;
    }
    message g = graph(), n = node("Relu", "x", "y");
    put_message(&n, 5, field);
    put_message(&g, 1, n);
    try_graph("20,000 nested fields", g, NULL);
}

// Model with functions f0 … of which each calls the next `times` times; the last calls `last`.
static message calls(int functions, int times, const char *last) {
    message g = graph(), n = node("f0", "x", "y");
    put_text(&n, 7, "own");
    put_message(&g, 1, n);
    message m = model_of(g);
    for (int i = 0; i < functions; i++) {
        char name[16], next[16], out[16];
        snprintf(name, sizeof name, "f%d", i), snprintf(next, sizeof next, "f%d", i + 1);
        message f = {0}, opset = {0};
        put_text(&f, 1, name), put_text(&f, 4, "a"), put_text(&f, 10, "own");
        for (int k = 0; k < times; k++) {
            snprintf(out, sizeof out, "b%d", k);
            n = node(i + 1 == functions ? last : next, "a", out);
            if (i + 1 < functions || *last == 'f') put_text(&n, 7, "own");
            put_message(&f, 7, n);
        }
        put_text(&f, 5, out);
        put_number(&opset, 2, 21);
        put_message(&f, 9, opset);
        put_message(&m, 25, f);
    }
    return m;
}

static void functions(void) {
    try_model("function", calls(3, 1, "Relu"), NULL);
    try_model("function that calls itself", calls(1, 1, "f0"), "themselves");
    try_model("functions in a circle", calls(5, 1, "f0"), "themselves");
    try_model("functions that double 30 times", calls(30, 2, "Relu"), "more than");
    try_model("functions 1,000 deep", calls(1000, 1, "Relu"), "deep");
}

// --- Sizes --------------------------------------------------------------------------------------

static void one(const char *what, const char *op, size_t count, const int64_t *list,
                const char *words) {
    message g = graph();
    integers(&g, "list", count, list);
    real(&g, "r", 1);
    bool alone = !strcmp(op, "ConstantOfShape");
    add(&g, op, alone ? "list" : "x,list", "y");
    try_graph(what, g, words);
}

#define LIST(...) \
    sizeof((int64_t[]){__VA_ARGS__}) / 8, (const int64_t[]) { __VA_ARGS__ }

static void blow_ups(void) {
    int64_t huge = INT64_C(1) << 62, large = INT32_MAX;
    one("ConstantOfShape of 2^62", "ConstantOfShape", LIST(large, large), NULL);
    one("ConstantOfShape of 2^28", "ConstantOfShape", LIST(1 << 28), NULL);
    one("ConstantOfShape of a negative size", "ConstantOfShape", LIST(-1, 4), NULL);
    one("ConstantOfShape of 2^62 x 0", "ConstantOfShape", LIST(huge, 0), NULL);
    one("Expand to 2^40", "Expand", LIST(1 << 20, 1 << 20, 3, 8, 8), NULL);
    one("Expand to a negative size", "Expand", LIST(-3, 3, 8, 8), NULL);
    one("Tile 2^62 times", "Tile", LIST(huge, 4, 1, 1), NULL);
    one("Tile a negative number of times", "Tile", LIST(1, 1, -1, 1), NULL);
    one("Reshape to -2", "Reshape", LIST(-2, 3), NULL);
    one("Reshape to two open sizes", "Reshape", LIST(-1, -1), NULL);
    one("Reshape to 2^62", "Reshape", LIST(huge, 4, 0), NULL);
    one("Pad by 2^62", "Pad", LIST(0, 0, huge, huge, 0, 0, huge, huge), NULL);
    one("Pad by -2^62", "Pad", LIST(0, 0, -huge, 0, 0, 0, 0, 0), NULL);
    one("Squeeze of axis 2^62", "Squeeze", LIST(huge), NULL);
    one("Unsqueeze to 9 dimensions", "Unsqueeze", LIST(0, 1, 2, 3, 4), NULL);
    one("TopK of 2^62", "TopK", LIST(huge), NULL);
    one("Split into sizes that do not fit", "Split", LIST(1, huge), NULL);
    one("Gather far out", "Gather", LIST(huge, -huge), NULL);
    message g = graph();
    integer(&g, "a", 0), integer(&g, "b", huge), integer(&g, "c", 1);
    add(&g, "Range", "a,b,c", "y");
    try_graph("Range to 2^62", g, NULL);
    g = graph(), integer(&g, "a", 0), integer(&g, "b", 9), integer(&g, "c", 0);
    add(&g, "Range", "a,b,c", "y");
    try_graph("Range by steps of 0", g, NULL);
    g = graph(), integer(&g, "a", INT64_MIN), integer(&g, "b", -1);
    add(&g, "Div", "a,b", "c"), add(&g, "Mod", "a,b", "d"), add(&g, "Add", "c,d", "y");
    try_graph("INT64_MIN by -1", g, NULL);
    g = graph(), integer(&g, "a", 7), integer(&g, "b", 0), add(&g, "Div", "a,b", "y");
    try_graph("division by 0", g, NULL);
    g = graph(), integers(&g, "i", LIST(0, 1)), integer(&g, "d", huge);
    put_message(&g, 5, tensor("v", INT64, 1, &(uint64_t){2}, (const int64_t[]){0, 1}, 16));
    add(&g, "OneHot", "i,d,v", "y");
    try_graph("OneHot of 2^62", g, NULL);
    g = graph();
    put_message(&g, 5,
                tensor("s", FLOAT, 1, &(uint64_t){4}, (const float[]){1, 1, 1e9f, 1e9f}, 16));
    message n = node("Resize", "x,,s", "y");
    put_message(&g, 1, n);
    try_graph("Resize by 10^9", g, NULL);
}

// Half a gigabyte whose shape alone is read: that takes no memory, so what the shape says is known.
static void shapes(void) {
    message g = {0};
    put_message(&g, 11, port("x", FLOAT, 2, (const int64_t[]){8192, 16384}));
    put_message(&g, 12, port("y", FLOAT, 0, NULL));
    put_message(&g, 11, port("small", FLOAT, 1, (const int64_t[]){6}));
    add(&g, "Shape", "x", "shape"), add(&g, "Reshape", "small,shape", "y");
    try_graph("shape of a large input", g, "8192");
}

static void tensors(void) {
    static const struct {
        const char *what, *words;
        size_t rank;
        uint64_t dims[4];
    } cases[] = {
        {"dimension of 2^40", "dimension", 2, {UINT64_C(1) << 40, 2}},
        {"dimension of -1", "dimension", 1, {UINT64_MAX}},
        {"product that wraps at 2^64", "", 4, {1u << 31 >> 1, 1u << 30, 16, 16}},
        {"0 times huge", "", 4, {0, INT32_MAX, INT32_MAX, INT32_MAX}},
        {"more than its bytes", "bytes of data", 2, {100, 100}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        message g = graph();
        put_message(&g, 5, tensor("w", FLOAT, cases[i].rank, cases[i].dims, "abcdefgh", 8));
        add(&g, "Add", "x,w", "y");
        try_graph(cases[i].what, g, cases[i].words);
    }
    uint64_t *many = calloc(1000, sizeof *many);
    if (!many) exit(1);
    message g = graph();
    put_message(&g, 5, tensor("w", FLOAT, 1000, many, "", 0));
    add(&g, "Add", "x,w", "y");
    try_graph("rank 1000", g, "1000 dimensions");
    free(many);
}

static void outside(const char *location, const char *offset, const char *words) {
    message t = tensor("w", FLOAT, 1, &(uint64_t){8}, NULL, 0), g = graph();
    const char *pairs[][2] = {{"location", location}, {"offset", offset}};
    for (size_t i = 0; i < 2; i++) {
        message entry = {0};
        put_text(&entry, 1, pairs[i][0]), put_text(&entry, 2, pairs[i][1]);
        put_message(&t, 13, entry);
    }
    put_number(&t, 14, 1);
    put_message(&g, 5, t);
    add(&g, "Add", "x,w", "y");
    try_graph(location, g, words);
}

static void outside_data(void) {
    static const char *const away[] = {"/etc/passwd", "../w",     "a/../../w", "..",
                                       "C:\\w",       "a\\..\\w", "http://w",  ""};
    for (size_t i = 0; i < sizeof away / sizeof *away; i++)
        outside(away[i], "0", "no file in the model's own folder");
    outside("..w", "0", "cannot be read");
    outside("sub/w", "0", "cannot be read");
    outside("w", "18446744073709551615", "its shape wants");
    outside("w", "-4", "no number");
}

// --- Attributes ---------------------------------------------------------------------------------

static void conv(const char *attr, size_t count, const int64_t *values) {
    static const uint64_t dims[] = {3, 3, 3, 3};
    static const float weights[81];
    message g = graph(), n = node("Conv", "x,w", "y");
    put_message(&g, 5, tensor("w", FLOAT, 4, dims, weights, sizeof weights));
    set_ints(&n, attr, count, values);
    if (!strcmp(attr, "group")) set_int(&n, attr, *values);
    put_message(&g, 1, n);
    try_graph(attr, g, NULL);
    g = graph(), n = node("MaxPool", "x", "y");
    set_ints(&n, "kernel_shape", LIST(2, 2));
    set_ints(&n, attr, count, values);
    put_message(&g, 1, n);
    try_graph(attr, g, NULL);
}

static void windows(void) {
    static const int64_t nasty[] = {0, -1, INT32_MAX, INT32_MIN, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof nasty / sizeof *nasty; i++) {
        int64_t v = nasty[i];
        conv("strides", LIST(v, 1));
        conv("dilations", LIST(1, v));
        conv("pads", LIST(v, 0, 0, v));
        conv("kernel_shape", LIST(v, v));
        conv("group", LIST(v));
    }
    conv("strides", LIST(1, 1, 1, 1, 1));
}

static void scales(void) {
    const float bad[] = {0, -1, NAN, INFINITY, -INFINITY, 1e-45f, 3e38f};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        message g = graph();
        real(&g, "s", bad[i]);
        put_message(&g, 5, tensor("z", UINT8, 0, NULL, "\3", 1));
        add(&g, "QuantizeLinear", "x,s,z", "q"), add(&g, "DequantizeLinear", "q,s,z", "y");
        try_graph("scale", g, NULL);
    }
}

static void texts(void) {
    static const char *const equations[] = {"",
                                            "->",
                                            "ij,jk",
                                            "...ij...->",
                                            "i->ijklmnopqrstuvwxyz",
                                            "ijkl->lkji,",
                                            "aaaaaaaaaaaaaaaaaaaaaaaa->a",
                                            "i\xff->i"};
    for (size_t i = 0; i < sizeof equations / sizeof *equations; i++) {
        message g = graph(), n = node("Einsum", "x", "y");
        set_text(&n, "equation", equations[i]);
        put_message(&g, 1, n);
        try_graph(equations[i], g, NULL);
    }
    message g = graph(), n = node("Transpose", "x", "y");
    set_ints(&n, "perm", LIST(0, 1, 2, 99));
    put_message(&g, 1, n);
    try_graph("perm", g, "perm");
}

// --- Loops --------------------------------------------------------------------------------------

static message loop_body(bool collects) {
    message b = {0};
    put_message(&b, 11, port("i", INT64, 0, NULL));
    put_message(&b, 11, port("c", BOOL, 0, NULL));
    put_message(&b, 11, port("v", FLOAT, 0, NULL));
    add(&b, "Identity", "c", "c_out");
    add(&b, "Neg", "v", "v_out");
    put_message(&b, 12, port("c_out", BOOL, 0, NULL));
    put_message(&b, 12, port("v_out", FLOAT, 0, NULL));
    if (collects) put_message(&b, 12, port("v_out", FLOAT, 0, NULL));
    return b;
}

static void loops(void) {
    for (int collects = 0; collects < 2; collects++) {
        message g = graph(), n = node("Loop", "m,t,x", collects ? "y,z" : "y");
        integer(&g, "m", INT64_C(1) << 62);
        put_message(&g, 5, tensor("t", BOOL, 0, NULL, "\1", 1));
        set_graph(&n, "body", loop_body(collects));
        put_message(&g, 1, n);
        try_graph(collects ? "Loop of 2^62 that collects" : "Loop of 2^62", g, NULL);
    }
    message g = graph(), n = node("Loop", ",,x", "y");
    set_graph(&n, "body", loop_body(false));
    put_message(&g, 1, n);
    try_graph("Loop without an end", g, NULL);
    g = graph(), n = node("Scan", "x", "y"), set_int(&n, "num_scan_inputs", INT64_MAX);
    set_graph(&n, "body", loop_body(false));
    put_message(&g, 1, n);
    try_graph("Scan of 2^63 inputs", g, NULL);
    g = graph(), n = node("If", "x", "y");
    put_message(&g, 1, n);
    try_graph("If without branches", g, NULL);
}

// --- Damage -------------------------------------------------------------------------------------

// Every truncation, and seeded mutants.
static void damage(const char *what, message whole, size_t mutants) {
    static const uint8_t nasty[] = {0, 1, 2, 0x7f, 0x80, 0xff};
    uint64_t state = 1;
    for (size_t length = 0; length < whole.bytes; length++) {
        message cut = {0};
        put(&cut, whole.data, length);
        try_model(what, cut, NULL);
    }
    for (size_t n = 0; n < mutants; n++) {
        message copy = {0};
        put(&copy, whole.data, whole.bytes);
        for (size_t edits = 1 + random_bits(&state) % 4; edits; edits--) {
            size_t at = random_bits(&state) % copy.bytes;
            copy.data[at] = random_bits(&state) % 2 ? nasty[random_bits(&state) % 6]
                                                    : (uint8_t)random_bits(&state);
        }
        try_model(what, copy, NULL);
    }
    free(whole.data);
}

static void damaged(void) {
    message g = graph(), n = node("Loop", "m,,x", "v"), sparse = {0}, s = graph();
    integer(&g, "m", 3);
    set_graph(&n, "body", loop_body(true));
    put_message(&g, 1, n);
    n = node("If", "c", "y");
    message yes = branch("a"), no = branch("b");
    add(&yes, "Relu", "v", "a"), add(&no, "Identity", "v", "b");
    set_graph(&n, "then_branch", yes), set_graph(&n, "else_branch", no);
    put_message(&g, 1, n);
    put_message(&g, 11, port("c", BOOL, 0, NULL));
    damage("mutant of control flow", model_of(g), 1500);
    damage("mutant of functions", calls(4, 2, "Sigmoid"), 1500);
    put_message(&sparse, 1, tensor("w", FLOAT, 1, &(uint64_t){2}, (const float[]){1, 2}, 8));
    put_message(&sparse, 2, tensor("", INT64, 1, &(uint64_t){2}, (const int64_t[]){0, 7}, 16));
    put_number(&sparse, 3, 8);
    put_message(&s, 15, sparse);
    integers(&s, "shape", LIST(0, 3, -1));
    add(&s, "Add", "x,w", "a"), add(&s, "Reshape", "a,shape", "y");
    damage("mutant of a sparse tensor", model_of(s), 1500);
}

int main(void) {
    damaged();
    names();
    lengths();
    nesting();
    functions();
    blow_ups();
    shapes();
    tensors();
    outside_data();
    windows();
    scales();
    texts();
    loops();
    printf("%d refused, %d taken, %d failures\n", refused, taken, failures);
    return failures != 0;
}
