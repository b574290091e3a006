// SPDX-License-Identifier: Apache-2.0
// cases FOLDER [SUBSTRING]: converts and runs unpacked cases of the ONNX backend suite (model.onnx,
// case.json, test_data_set_*/{input,output}_*.pb), those whose path holds SUBSTRING. Prints one line for
// each that fails and totals by operator. Without arguments there is nothing to do: `make conformance`
// and the tests of the kept subset say which folder.
#define _DEFAULT_SOURCE // strdup, d_type
#include "../files.h"
#include "convert.h"
#include "exec/session.h"
#include "import/onnx/onnx_model.h"
#include "ops/more/elements.h"

#include <dirent.h>
#include <math.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_PORTS 64
#define SECONDS 120 // for one case
#define FAILED 99 // exit code of a case that was not right

typedef struct tally {
    char name[64];
    size_t passed, total;
} tally;

static tally tallies[512];
static size_t tally_count, passed, total;

// --- Files --------------------------------------------------------------------------------------

static bool exists(const char *path) {
    FILE *f = fopen(path, "rb");
    if (f) fclose(f);
    return f != NULL;
}

// The strings of list "key" in case.json; names there need no escapes. Returns their number.
static size_t list_of(char *json, const char *key, char **out, size_t room) {
    char pattern[64];
    size_t count = 0;
    snprintf(pattern, sizeof pattern, "\"%s\": [", key);
    char *at = strstr(json, pattern);
    if (!at) return 0;
    for (at += strlen(pattern); *at == '"' && count < room;) {
        char *end = strchr(at + 1, '"');
        if (!end) break;
        size_t length = (size_t)(end - at - 1);
        char *name = malloc(length + 1);
        if (!name) exit(1);
        memcpy(name, at + 1, length);
        name[length] = 0;
        out[count++] = name;
        at = end + 1;
        while (*at == ',' || *at == ' ') at++;
    }
    return count;
}

// --- One case -----------------------------------------------------------------------------------

typedef struct one_case {
    const char *folder;
    char *inputs[MAX_PORTS], *outputs[MAX_PORTS], *ops[MAX_PORTS];
    size_t input_count, output_count, op_count;
    mite_ir_graph *tensors; // owns what was read of the data set
    mite_ir_value *in[MAX_PORTS], *out[MAX_PORTS];
} one_case;

static mite_ir_value *read_tensor(mite_ir_graph *g, const char *folder, size_t set,
                                  const char *which, size_t index) {
    char path[1024];
    onnx_tensor t;
    size_t bytes;
    snprintf(path, sizeof path, "%s/test_data_set_%zu/%s_%zu.pb", folder, set, which, index);
    uint8_t *data = read_whole(path, &bytes);
    mite_ir_value *v =
        onnx_read_tensor(g, (mite_span){data, bytes}, &t) ? onnx_tensor_constant(g, &t) : NULL;
    free(data);
    return v;
}

static bool say(const one_case *c, const char *what) {
    printf("FAIL %s: %s\n", c->folder, what);
    return false;
}

static double real_at(mite_dtype dtype, const void *data, size_t i) {
    switch (dtype) {
    case MITE_F32: return (double)((const float *)data)[i];
    case MITE_F64: return ((const double *)data)[i];
    case MITE_F16: return (double)mite_f32_of_f16(((const uint16_t *)data)[i]);
    case MITE_U8:
    case MITE_BOOL: return ((const uint8_t *)data)[i];
    case MITE_I8: return ((const int8_t *)data)[i];
    case MITE_U16: return ((const uint16_t *)data)[i];
    case MITE_I16: return ((const int16_t *)data)[i];
    case MITE_U32: return ((const uint32_t *)data)[i];
    case MITE_I32: return ((const int32_t *)data)[i];
    case MITE_U64: return (double)((const uint64_t *)data)[i];
    case MITE_I64: return (double)((const int64_t *)data)[i];
    }
    return NAN;
}

static bool same(const one_case *c, const char *name, const mite_tensor *got,
                 const mite_ir_value *want) {
    char text[400];
    if (got->dtype != want->dtype || got->rank != want->rank ||
        memcmp(got->shape, want->shape, (size_t)want->rank * sizeof *want->shape)) {
        mite_format(text, sizeof text, "%s is %s %T, expected %s %T", name,
                    mite_ir_dtype_name(got->dtype), (size_t)got->rank, got->shape,
                    mite_ir_dtype_name(want->dtype), (size_t)want->rank, want->shape);
        return say(c, text);
    }
    for (size_t i = 0; i < mite_ir_elements(want); i++) {
        double a = real_at(want->dtype, got->data, i), d = real_at(want->dtype, want->data, i);
        if ((isnan(a) && isnan(d)) || a == d || fabs(a - d) <= 1e-7 + 1e-3 * fabs(d)) continue;
        snprintf(text, sizeof text, "element %zu of %s is %.9g, expected %.9g", i, name, a, d);
        return say(c, text);
    }
    return true;
}

static bool run(const one_case *c, mite_model *m) {
    mite_session *s;
    if (mite_session_new(&s, m, NULL)) {
        say(c, mite_session_error(s));
        mite_session_free(s);
        return false;
    }
    bool good = true;
    for (size_t i = 0; i < mite_model_input_count(m) && good; i++) {
        mite_tensor *t = mite_session_input(s, i);
        size_t k = 0;
        while (k < c->input_count && strcmp(c->inputs[k], t->name)) k++;
        good = k < c->input_count && t->dtype == c->in[k]->dtype && t->bytes == c->in[k]->bytes;
        if (!good) say(c, "an input has another type or size than the case's");
        else if (t->bytes) memcpy(t->data, c->in[k]->data, t->bytes);
    }
    if (good && mite_run(s)) good = say(c, mite_session_error(s));
    if (good && mite_model_output_count(m) != c->output_count) good = say(c, "other outputs");
    for (size_t i = 0; i < c->output_count && good; i++)
        good = same(c, c->outputs[i], mite_session_output(s, i), c->out[i]);
    mite_session_free(s);
    return good;
}

static bool load_and_run(const one_case *c, const uint8_t *file, size_t bytes) {
    mite_model *m;
    void *at;
    size_t n, done = 0;
    if (mite_model_new(&m, NULL)) exit(1);
    while ((n = mite_model_want(m, &at)) > 0 && done + n <= bytes) {
        memcpy(at, file + done, n);
        done += n;
        mite_model_got(m, n);
    }
    bool good = mite_model_status(m) ? say(c, mite_model_error(m)) : run(c, m);
    mite_model_free(m);
    return good;
}

// Files beside the model, for tensors outside of it.
static bool read_beside(void *context, const char *name, uint64_t offset, void *to, size_t bytes) {
    const one_case *c = context;
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", c->folder, name);
    FILE *f = fopen(path, "rb");
    bool done = f && offset <= INT32_MAX && !fseek(f, (long)offset, SEEK_SET) &&
                fread(to, 1, bytes, f) == bytes;
    if (f) fclose(f);
    return done;
}

static bool convert_and_run(one_case *c) {
    char path[1024];
    size_t bytes, out_bytes;
    uint8_t *out;
    mite_import_shape shapes[MAX_PORTS];
    for (size_t i = 0; i < c->input_count; i++) {
        shapes[i] = (mite_import_shape){.name = c->inputs[i], .rank = (size_t)c->in[i]->rank};
        memcpy(shapes[i].dims, c->in[i]->shape, sizeof shapes[i].dims);
    }
    mite_convert_options options = {
        .shapes = shapes, .shape_count = c->input_count, .read_beside = read_beside, .context = c};
    mite_convert *conversion = mite_convert_new(&options);
    if (!conversion) exit(1);
    snprintf(path, sizeof path, "%s/model.onnx", c->folder);
    uint8_t *model = read_whole(path, &bytes);
    mite_status status = mite_convert_read(conversion, model, bytes);
    free(model);
    if (!status) status = mite_convert_write(conversion, "{}", 2, &out, &out_bytes);
    bool good = status ? say(c, mite_convert_error(conversion)) : load_and_run(c, out, out_bytes);
    if (!status) free(out);
    mite_convert_free(conversion);
    return good;
}

static bool run_set(one_case *c, size_t set) {
    c->tensors = mite_ir_new(0);
    if (!c->tensors) exit(1);
    bool good = true;
    for (size_t i = 0; i < c->input_count && good; i++)
        good = (c->in[i] = read_tensor(c->tensors, c->folder, set, "input", i)) != NULL;
    for (size_t i = 0; i < c->output_count && good; i++)
        good = (c->out[i] = read_tensor(c->tensors, c->folder, set, "output", i)) != NULL;
    good = good ? convert_and_run(c) : say(c, c->tensors->error.text);
    mite_ir_free(c->tensors);
    return good;
}

// In a process of its own, whose end by a sanitizer is a failure of this case only.
static bool run_set_alone(one_case *c, size_t set) {
    int status;
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
        alarm(SECONDS);
        bool good = run_set(c, set);
        fflush(stdout);
        _exit(good ? 0 : FAILED);
    }
    if (child < 0 || waitpid(child, &status, 0) != child) exit(1);
    if (WIFSIGNALED(status)) return say(c, "took too long, or crashed");
    if (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != FAILED) say(c, "ended by a sanitizer");
    return !WEXITSTATUS(status);
}

// --- All cases ----------------------------------------------------------------------------------

static void count(const one_case *c, bool good) {
    total++;
    passed += good;
    for (size_t i = 0; i < c->op_count; i++) {
        size_t k = 0;
        while (k < tally_count && strcmp(tallies[k].name, c->ops[i])) k++;
        if (k == sizeof tallies / sizeof *tallies) continue;
        if (k == tally_count) snprintf(tallies[tally_count++].name, 64, "%s", c->ops[i]);
        tallies[k].total++;
        tallies[k].passed += good;
    }
}

static void free_list(char **list, size_t n) {
    while (n) free(list[--n]);
}

static void run_case(const char *folder) {
    char path[1024];
    size_t bytes;
    bool good = true;
    snprintf(path, sizeof path, "%s/case.json", folder);
    char *json = (char *)read_whole(path, &bytes);
    one_case c = {.folder = folder};
    c.input_count = list_of(json, "inputs", c.inputs, MAX_PORTS);
    c.output_count = list_of(json, "outputs", c.outputs, MAX_PORTS);
    c.op_count = list_of(json, "ops", c.ops, MAX_PORTS);
    for (size_t set = 0; good; set++) {
        snprintf(path, sizeof path, "%s/test_data_set_%zu/output_0.pb", folder, set);
        if (!exists(path)) break;
        good = run_set_alone(&c, set);
    }
    count(&c, good);
    free_list(c.inputs, c.input_count);
    free_list(c.outputs, c.output_count);
    free_list(c.ops, c.op_count);
    free(json);
}

static int by_text(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// NOLINTNEXTLINE(misc-no-recursion): folders of the test material, three deep
static void walk(const char *folder, const char *substring) {
    char path[1024], *names[4096];
    size_t n = 0;
    snprintf(path, sizeof path, "%s/case.json", folder);
    if (exists(path)) {
        if (strstr(folder, substring)) run_case(folder);
        return;
    }
    DIR *d = opendir(folder);
    for (struct dirent *e; d && n < 4096 && (e = readdir(d));)
        if (*e->d_name != '.' && e->d_type == DT_DIR) names[n++] = strdup(e->d_name);
    if (d) closedir(d);
    qsort(names, n, sizeof *names, by_text);
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        walk(path, substring);
        free(names[i]);
    }
}

static int by_name(const void *a, const void *b) {
    return strcmp(((const tally *)a)->name, ((const tally *)b)->name);
}

int main(int argc, char **argv) {
    if (argc < 2) {
        printf("no folder of cases given: nothing was run\n");
        return 0;
    }
    walk(argv[1], argc > 2 ? argv[2] : "");
    qsort(tallies, tally_count, sizeof *tallies, by_name);
    for (size_t i = 0; i < tally_count; i++)
        printf("%-28s %zu/%zu\n", tallies[i].name, tallies[i].passed, tallies[i].total);
    printf("%zu of %zu cases pass\n", passed, total);
    return passed != total;
}
