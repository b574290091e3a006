// SPDX-License-Identifier: Apache-2.0
// The converter on the models of models.pack (make_models.py), variants.pack
// (make_variants.py), fused.pack (make_fused.py), tflite.pack (make_tflite.py), tflite_recurrent.pack
// (make_tflite_recurrent.py), tflite_files.pack (make_tflite_files.py), tflite_stablehlo.pack
// (make_tflite_stablehlo.py) and tflite_networks.pack (make_tflite_networks.py): what
// converts gives the numbers of ONNX Runtime or TensorFlow Lite, read back from the .mite file and also
// with no pass run; what does not is refused with the sentence that was expected.
#include "../files.h"
#include "convert.h"
#include "mite.h"
#include "ops/more/elements.h"

#include <math.h>
#include <string.h>

static int failures, count;

typedef struct record {
    const char *name, *sentence;
    float tolerance;
    uint32_t model_bytes, data_bytes;
    const uint8_t *model, *data;
} record;

static const uint8_t *next_record(const uint8_t *at, record *r) {
    r->name = (const char *)at;
    at += strlen(r->name) + 1;
    r->sentence = (const char *)at;
    at += strlen(r->sentence) + 1;
    memcpy(&r->tolerance, at, 4);
    memcpy(&r->model_bytes, at + 4, 4);
    memcpy(&r->data_bytes, at + 8, 4);
    r->model = at + 12;
    r->data = r->model + r->model_bytes;
    return r->data + r->data_bytes;
}

static void failed(const record *r, const char *how, const char *what) {
    fprintf(stderr, "%s (%s): %s\n", r->name, how, what);
    failures++;
}

static double number_at(mite_dtype dtype, const void *data, size_t i) {
    double number;
    const uint8_t *at = (const uint8_t *)data + i * mite_dtype_bytes(dtype);
    uint8_t aligned[8];
    memcpy(aligned, at, mite_dtype_bytes(dtype));
    mite_load_reals(&number, aligned, dtype, 1, 1);
    return number;
}

static void compare(const record *r, const char *how, const mite_tensor *t, const uint8_t *data) {
    char text[160];
    size_t items = t->bytes / mite_dtype_bytes(t->dtype);
    for (size_t i = 0; i < items; i++) {
        double got = number_at(t->dtype, t->data, i), wanted = number_at(t->dtype, data, i);
        double scale = mite_is_real(t->dtype) ? fmax(1, fabs(wanted)) : 1;
        if (got == wanted || (isnan(got) && isnan(wanted))) continue;
        if (fabs(got - wanted) <= (double)r->tolerance * scale) continue;
        snprintf(text, sizeof text, "element %zu of %s is %g, expected %g", i, t->name, got,
                 wanted);
        failed(r, how, text);
        return;
    }
}

// Inputs lie before the outputs in the record's data, each as it is in memory.
static void run(const record *r, const char *how, const mite_model *m) {
    mite_session *s;
    const uint8_t *data = r->data, *end = r->data + r->data_bytes;
    if (mite_session_new(&s, m, NULL)) {
        failed(r, how, mite_session_error(s));
        mite_session_free(s);
        return;
    }
    for (size_t i = 0; i < mite_model_input_count(m); i++) {
        mite_tensor *t = mite_session_input(s, i);
        if (t->bytes > (size_t)(end - data)) break;
        memcpy(t->data, data, t->bytes);
        data += t->bytes;
    }
    if (mite_run(s)) failed(r, how, mite_session_error(s));
    for (size_t i = 0; i < mite_model_output_count(m); i++) {
        const mite_tensor *t = mite_session_output(s, i);
        if (t->bytes > (size_t)(end - data)) break;
        compare(r, how, t, data);
        data += t->bytes;
    }
    if (data != end) failed(r, how, "inputs and outputs have other sizes than in ONNX");
    mite_session_free(s);
}

static void load_and_run(const record *r, const char *how, const uint8_t *file, size_t bytes) {
    mite_model *m;
    void *to;
    size_t n;
    if (mite_model_new(&m, NULL)) exit(1);
    for (const uint8_t *at = file; (n = mite_model_want(m, &to)) > 0; at += n) {
        if (n > bytes - (size_t)(at - file)) break;
        memcpy(to, at, n);
        mite_model_got(m, n);
    }
    if (mite_model_status(m)) failed(r, how, mite_model_error(m));
    else run(r, how, m);
    mite_model_free(m);
}

// What names promise. "known: …" has open dimensions from which the shapes of all values follow, and
// "compact: …" a layer that keeps its weights as they were quantized.
static void check_form(const record *r, const mite_ir_graph *g) {
    bool known = !strncmp(r->name, "known: ", 7), compact = !strncmp(r->name, "compact: ", 9);
    bool is_compact = false;
    for (size_t i = 0; i < g->node_count; i++) {
        const mite_ir_node *node = g->nodes[i];
        if (known && node->output->unknown) failed(r, node->op->name, "has no known shape");
        if (mite_ir_is(node, "dense_compact")) is_compact = true;
    }
    if (compact && !is_compact) failed(r, "optimised", "has no dense_compact");
}

static bool is_refusal(const record *r) { return *r->sentence || !r->data_bytes; }

static void convert(const record *r, bool optimise) {
    mite_convert_options options = {.max_bytes = 32u << 20, .keep_unoptimised = !optimise};
    const char *how = optimise ? "optimised" : "as it is";
    uint8_t *file = NULL, *exact = malloc(r->model_bytes + 1u);
    size_t bytes;
    mite_convert *c = mite_convert_new(&options);
    if (!c || !exact) exit(1);
    memcpy(exact, r->model, r->model_bytes);
    mite_status status = mite_convert_read(c, exact, r->model_bytes);
    if (!status && optimise) check_form(r, mite_convert_graph(c));
    if (!status) status = mite_convert_write(c, "{}", 2, &file, &bytes);
    if (is_refusal(r)) {
        // Without an expected sentence, any outcome is fine that is none of a sanitizer's.
        if (*r->sentence && !status) failed(r, how, "was not refused");
        else if (*r->sentence && !strstr(mite_convert_error(c), r->sentence))
            failed(r, how, mite_convert_error(c));
    } else if (status) {
        failed(r, how, mite_convert_error(c));
    } else {
        load_and_run(r, how, file, bytes);
    }
    free(file);
    free(exact);
    mite_convert_free(c);
}

static void run_pack(const char *path) {
    size_t bytes;
    uint8_t *pack = read_whole(path, &bytes);
    for (const uint8_t *at = pack; at < pack + bytes; count++) {
        record r;
        at = next_record(at, &r);
        convert(&r, true);
        // Fused integer kernels are exact; taken apart they round once more.
        if (is_refusal(&r) || r.tolerance > 0) convert(&r, false);
    }
    free(pack);
}

// Other packs than the kept ones may be named: make_variants.py can draw thousands.
int main(int argc, char **argv) {
    for (int i = 1; i < argc; i++) run_pack(argv[i]);
    if (argc > 1) {
        printf("%d models, %d failures\n", count, failures);
        return failures != 0;
    }
    run_pack("tests/convert/models.pack");
    run_pack("tests/convert/variants.pack");
    run_pack("tests/convert/fused.pack");
    run_pack("tests/convert/tflite.pack");
    run_pack("tests/convert/tflite_recurrent.pack");
    run_pack("tests/convert/tflite_files.pack");
    run_pack("tests/convert/tflite_stablehlo.pack");
    run_pack("tests/convert/tflite_networks.pack");
    printf("%d models, %d failures\n", count, failures);
    return failures != 0;
}
