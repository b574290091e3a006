// SPDX-License-Identifier: Apache-2.0
#include "check.h"

#include "exec/session.h"
#include "lower.h"
#include "ops/more/elements.h"

#include <math.h>
#include <string.h>

#define MAX_SEEDS 4

// A graph ready to run.
typedef struct runner {
    mite_ir_graph *ir;
    mite_lowered lowered;
    mite_session *session;
} runner;

static mite_status fail(mite_error *error, mite_status status, const mite_session *s) {
    return mite_fail(error, status, "the check could not run the model: %s",
                     s ? mite_session_error(s) : "no memory");
}

// With the plain kernels, or the best there are.
static mite_status start(runner *r, mite_ir_graph *g, bool plain, mite_error *error) {
    *r = (runner){.ir = g};
    if (!mite_ir_ok(g)) return mite_fail(error, g->error.status, "%s", g->error.text);
    if (mite_lower(&r->lowered, g, error)) return error->status;
    mite_session_options options = {.max_memory_bytes = g->max_bytes};
    mite_status status;
    if (plain) {
        mite_kernels kernels = {0};
        mite_kernels_fill_plain(&kernels);
        status = mite_session_new_kernels(&r->session, &r->lowered.graph, &options, &kernels);
    } else {
        status = mite_session_new_graph(&r->session, &r->lowered.graph, &options);
    }
    return status ? fail(error, status, r->session) : MITE_OK;
}

static void stop(runner *r) {
    mite_session_free(r->session);
    mite_lowered_free(&r->lowered);
}

// Reals in [-1, 1), quantized numbers over their range, other integers 0 or 1, which most often are
// legal indices. The same for the same seed.
static void fill_input(mite_tensor *t, uint32_t *state) {
    size_t item = mite_dtype_bytes(t->dtype), count = t->bytes / item;
    bool real = mite_is_real(t->dtype);
    bool byte = t->scale > 0 || t->dtype == MITE_U8;
    for (size_t i = 0; i < count; i++) {
        *state = *state * 1664525u + 1013904223u;
        double x = real   ? (double)(*state >> 8) * 0x1p-23 - 1.0
                   : byte ? (double)(*state >> 24) - (t->dtype == MITE_I8 ? 128 : 0)
                          : (double)(*state >> 31);
        mite_store_reals((char *)t->data + i * item, t->dtype, 1, &x, 1);
    }
}

static bool run_on_random(runner *r, uint32_t seed) {
    uint32_t state = 1 + (seed - 1) * 747796405u; // the first bits differ, too
    for (size_t i = 0; i < r->lowered.graph.input_count; i++)
        fill_input(mite_session_input(r->session, i), &state);
    return mite_run(r->session) == MITE_OK;
}

static bool run_on_stand_ins(runner *r, uint32_t seed) {
    for (size_t i = 0; i < r->ir->input_count; i++) {
        const mite_ir_value *v = r->ir->inputs[i].value;
        if (mite_session_resize(r->session, i, (size_t)v->rank, v->shape)) return false;
    }
    return mite_session_plan(r->session) == MITE_OK && run_on_random(r, seed);
}

// `sample`: the values of each input; a graph that was quantized by samples has only f32 inputs.
static bool run_on_sample(runner *r, const float *const *sample) {
    for (size_t i = 0; i < r->lowered.graph.input_count; i++) {
        mite_tensor *t = mite_session_input(r->session, i);
        memcpy(t->data, sample[i], t->bytes);
    }
    return mite_run(r->session) == MITE_OK;
}

static bool is_open(const mite_ir_graph *g) {
    for (size_t i = 0; i < g->input_count; i++)
        if (g->inputs[i].value->open) return true;
    return false;
}

static void compare(const mite_tensor *a, const mite_tensor *b, mite_convert_difference *out) {
    size_t item = mite_dtype_bytes(a->dtype), count = a->bytes / item;
    bool alike = a->dtype == b->dtype && a->rank == b->rank && a->bytes == b->bytes &&
                 memcmp(a->shape, b->shape, (size_t)a->rank * sizeof *a->shape) == 0;
    if (!alike) out->largest_difference = INFINITY;
    for (size_t i = 0; alike && i < count; i++) {
        double x, y;
        mite_load_reals(&x, (const char *)a->data + i * item, a->dtype, 1, 1);
        mite_load_reals(&y, (const char *)b->data + i * item, b->dtype, 1, 1);
        double difference = fabs(x - y);
        if (isnan(x) != isnan(y)) difference = INFINITY;
        else if (isnan(x) || x == y) difference = 0;
        out->largest_difference = fmax(out->largest_difference, difference);
        if (isfinite(y)) out->largest_value = fmax(out->largest_value, fabs(y));
    }
}

// One that was added (a class map) comes last and has nothing to be compared with.
static void compare_outputs(const runner *now, const runner *plain, mite_convert_difference *out) {
    for (size_t i = 0; i < plain->lowered.graph.output_count; i++)
        compare(mite_session_output(now->session, i), mite_session_output(plain->session, i), out);
}

// Again where all results are 0, which tells nothing: of the padding's embedding, say.
static bool check_on_random(runner *now, runner *plain, mite_convert_difference *out) {
    for (uint32_t seed = 1; seed <= MAX_SEEDS && out->largest_value == 0; seed++) {
        bool ran =
            (run_on_random(now, seed) && run_on_random(plain, seed)) ||
            (is_open(now->ir) && run_on_stand_ins(now, seed) && run_on_stand_ins(plain, seed));
        if (!ran) return false;
        compare_outputs(now, plain, out);
    }
    return true;
}

static bool check_on_samples(runner *now, runner *plain, const float *const *samples,
                             size_t sample_count, mite_convert_difference *out) {
    for (size_t i = 0; i < sample_count; i++) {
        const float *const *sample = samples + i * now->ir->input_count;
        if (!run_on_sample(now, sample) || !run_on_sample(plain, sample)) return false;
        compare_outputs(now, plain, out);
    }
    return true;
}

mite_status mite_check(mite_ir_graph *changed, mite_ir_graph *source, const float *const *samples,
                       size_t sample_count, mite_convert_difference *out, mite_error *error) {
    runner now = {.ir = NULL}, plain = {.ir = NULL};
    *out = (mite_convert_difference){0, 0};
    mite_status status = start(&now, changed, false, error);
    if (!status) status = start(&plain, source, true, error);
    if (!status && !(sample_count ? check_on_samples(&now, &plain, samples, sample_count, out)
                                  : check_on_random(&now, &plain, out)))
        status = fail(error, MITE_ERR_UNSUPPORTED,
                      *mite_session_error(now.session) ? now.session : plain.session);
    stop(&now);
    stop(&plain);
    return status;
}
