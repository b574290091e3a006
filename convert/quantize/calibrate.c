// SPDX-License-Identifier: Apache-2.0
// Runs the f32 graph over the examples and looks at every value as it is computed.
#include "quantize/quantize.h"

#include "base/sizes.h"
#include "exec/session.h"
#include "lower.h"
#include "passes/passes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SAMPLE_VALUES 32768 // kept of each value, over all examples
#define MOMENT_ROWS 16384   // looked at for each node, over all examples
#define MAX_DEPTH 2560      // deeper products are rounded without second moments

// --- Rows ---------------------------------------------------------------------------------------

// Values as rows of their last dimension, whatever surrounds them.
static size_t row_count(const mite_view *v) {
    size_t length = v->rank ? (size_t)v->shape[v->rank - 1] : 1;
    return length ? v->elements / length : 0;
}

static const float *row_at(const mite_view *v, size_t row) {
    const float *data = v->data;
    if (v->rank != 4) return data + row * (v->rank ? (size_t)v->shape[v->rank - 1] : 1);
    size_t width = (size_t)v->shape[2], height = (size_t)v->shape[1];
    size_t x = row % width, y = row / width % height, n = row / width / height;
    return data + n * v->image_stride + y * v->row_stride + x * (size_t)v->shape[3];
}

// A step through rows that meets `wanted` of them or more, and is odd, so that it does not keep to
// one column of an even-sized picture.
static size_t stride_for(size_t rows, size_t wanted) {
    size_t stride = wanted && rows > wanted ? rows / wanted : 1;
    return stride | 1;
}

// --- Ranges -------------------------------------------------------------------------------------

static void see_row(mite_range *r, const float *row, size_t count, size_t keep_stride,
                    size_t *until_kept) {
    for (size_t i = 0; i < count; i++) {
        float v = row[i];
        if (!isfinite(v)) continue;
        r->lo = v < r->lo ? v : r->lo;
        r->hi = v > r->hi ? v : r->hi;
        if ((*until_kept)-- || r->count >= r->room) continue;
        *until_kept = keep_stride - 1;
        r->values[r->count++] = v;
    }
}

static void see_values(const mite_calibration *c, mite_range *r, const mite_view *v) {
    size_t wanted = SAMPLE_VALUES / c->options->sample_count + 1;
    size_t stride = stride_for(v->elements, wanted), until_kept = 0;
    size_t length = v->rank ? (size_t)v->shape[v->rank - 1] : 1;
    for (size_t i = 0; i < row_count(v); i++) see_row(r, row_at(v, i), length, stride, &until_kept);
}

typedef struct watch {
    mite_calibration *c;
    const mite_step *first;
    bool for_moments;
} watch;

// --- Moments ------------------------------------------------------------------------------------

// A window over the input of a node with weights; a dense layer is a window of one pixel.
typedef struct window {
    size_t out_h, out_w, images, kernel_h, kernel_w, channels;
    int64_t stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
} window;

static window window_of(const mite_ir_node *node, const mite_step *s) {
    const mite_view *x = s->inputs[0], *out = s->outputs[0];
    const mite_ir_value *w = node->inputs[MITE_IN_WEIGHTS];
    window win = {.kernel_h = 1,
                  .kernel_w = 1,
                  .stride_h = 1,
                  .stride_w = 1,
                  .dilation_h = 1,
                  .dilation_w = 1};
    win.channels = x->rank ? (size_t)x->shape[x->rank - 1] : 1;
    if (mite_ir_is(node, "dense")) {
        win.images = row_count(x);
        win.out_h = win.out_w = 1;
        return win;
    }
    win.images = (size_t)out->shape[0];
    win.out_h = (size_t)out->shape[1];
    win.out_w = (size_t)out->shape[2];
    win.kernel_h = (size_t)w->shape[1];
    win.kernel_w = (size_t)w->shape[2];
    win.stride_h = mite_ir_int(node, "stride_h");
    win.stride_w = mite_ir_int(node, "stride_w");
    win.dilation_h = mite_ir_int(node, "dilation_h");
    win.dilation_w = mite_ir_int(node, "dilation_w");
    win.pad_top = mite_ir_int(node, "pad_top");
    win.pad_left = mite_ir_int(node, "pad_left");
    return win;
}

// The pixel under tap (i, j) of output pixel `at`, or NULL in the padding.
static const float *tap_at(const window *win, const mite_view *x, size_t at, size_t i, size_t j) {
    if (x->rank != 4 ||
        (win->out_h == 1 && win->out_w == 1 && win->kernel_h == 1 && win->images == row_count(x)))
        return row_at(x, at);
    size_t ox = at % win->out_w, oy = at / win->out_w % win->out_h;
    size_t n = at / win->out_w / win->out_h;
    int64_t y = (int64_t)oy * win->stride_h - win->pad_top + (int64_t)i * win->dilation_h;
    int64_t c = (int64_t)ox * win->stride_w - win->pad_left + (int64_t)j * win->dilation_w;
    if (y < 0 || c < 0 || y >= x->shape[1] || c >= x->shape[2]) return NULL;
    return row_at(x, (n * (size_t)x->shape[1] + (size_t)y) * (size_t)x->shape[2] + (size_t)c);
}

static float rounded(float v, const mite_range *r) {
    float q = rintf(v / r->scale) + (float)r->zero_point;
    q = q < 0.0f ? 0.0f : q > 255.0f ? 255.0f : q;
    return (q - (float)r->zero_point) * r->scale;
}

// Adds one row of inputs to set `set`; `q` is room for it rounded.
static void add_row(mite_moments *m, size_t set, const float *row, float *q, const mite_range *r) {
    double *mean_f = m->mean_f + set * m->depth, *mean_q = m->mean_q + set * m->depth;
    for (size_t k = 0; k < m->depth; k++) {
        q[k] = rounded(row[k], r);
        mean_f[k] += (double)row[k];
        mean_q[k] += (double)q[k];
    }
    if (!m->second) return;
    float *second = m->second + set * m->depth * m->depth;
    for (size_t i = 0; i < m->depth; i++, second += m->depth) {
        float x = q[i];
        if (x == 0.0f) continue; // half of what follows a ReLU
        for (size_t j = i; j < m->depth; j++) second[j] += x * q[j];
    }
}

static void see_inputs(const mite_calibration *c, mite_moments *m, const mite_ir_node *node,
                       const mite_step *s) {
    const mite_view *x = s->inputs[0];
    const mite_range *r = &c->ranges[node->inputs[0]->mark];
    window win = window_of(node, s);
    bool depthwise = m->sets > 1 || mite_ir_is(node, "depthwise_conv2d");
    size_t pixels = win.images * win.out_h * win.out_w, taps = win.kernel_h * win.kernel_w;
    size_t stride = stride_for(pixels, MOMENT_ROWS / c->options->sample_count + 1);
    float *window_values = malloc((taps * win.channels + 2 * m->depth + 1) * sizeof(float));
    if (!window_values) {
        mite_ir_fail(c->g, MITE_ERR_MEMORY, "not enough memory to calibrate the model");
        return;
    }
    float *row = window_values + taps * win.channels, *q = row + m->depth;
    for (size_t at = 0; at < pixels; at += stride, m->rows++) {
        for (size_t t = 0; t < taps; t++) {
            const float *from = tap_at(&win, x, at, t / win.kernel_w, t % win.kernel_w);
            float *to = window_values + t * win.channels;
            if (from) memcpy(to, from, win.channels * sizeof *to);
            else memset(to, 0, win.channels * sizeof *to);
        }
        if (!depthwise) add_row(m, 0, window_values, q, r);
        for (size_t set = 0; depthwise && set < m->sets; set++) {
            for (size_t t = 0; t < taps; t++) row[t] = window_values[t * win.channels + set];
            add_row(m, set, row, q, r);
        }
    }
    free(window_values);
}

static bool wants_moments(const mite_ir_node *node) {
    if (!mite_has_weights(node) || !mite_ir_is_constant(node->inputs[MITE_IN_WEIGHTS]))
        return false;
    return !mite_ir_is(node, "conv2d") || mite_ir_int(node, "groups") == 1;
}

static bool make_moments(mite_moments *m, const mite_ir_node *node) {
    const int32_t *w = node->inputs[MITE_IN_WEIGHTS]->shape; // OHWI, depthwise [1,KH,KW,C]
    bool depthwise = mite_ir_is(node, "depthwise_conv2d");
    size_t total, square;
    m->sets = depthwise ? (size_t)w[3] : 1;
    m->depth = (size_t)w[1] * (size_t)w[2] * (depthwise ? 1 : (size_t)w[3]);
    if (!mite_size_mul(&total, m->sets, m->depth)) return false;
    m->mean_f = calloc(total + 1, sizeof(double));
    m->mean_q = calloc(total + 1, sizeof(double));
    if (m->depth <= MAX_DEPTH && mite_size_mul(&square, total, m->depth))
        m->second = calloc(square + 1, sizeof(float));
    return m->mean_f && m->mean_q;
}

static void finish_moments(mite_moments *m) {
    double rows = m->rows ? (double)m->rows : 1.0;
    for (size_t i = 0; i < m->sets * m->depth; i++) {
        m->mean_f[i] /= rows;
        m->mean_q[i] /= rows;
    }
}

// --- Running ------------------------------------------------------------------------------------

static void observe(void *context, const mite_step *step) {
    const watch *w = context;
    mite_calibration *c = w->c;
    size_t index = (size_t)(step - w->first);
    const mite_ir_node *node = c->g->nodes[index];
    if (!w->for_moments) {
        if (step->outputs[0]->dtype == MITE_F32)
            see_values(c, &c->ranges[node->output->mark], step->outputs[0]);
        return;
    }
    // Inputs are looked at when their reader has run: they still lie there, unless it computed in
    // place, which operators with weights do only over a residual.
    if (c->moments[index].mean_f) see_inputs(c, &c->moments[index], node, step);
}

static bool run_examples(mite_calibration *c, mite_session *s, bool for_moments) {
    watch w = {.c = c, .first = mite_session_step(s, 0), .for_moments = for_moments};
    mite_session_observe(s, observe, &w);
    for (size_t i = 0; i < c->options->sample_count; i++) {
        for (size_t k = 0; k < c->g->input_count; k++) {
            const float *from = c->options->samples[i * c->g->input_count + k];
            mite_tensor *to = mite_session_input(s, k);
            memcpy(to->data, from, to->bytes);
            if (for_moments) continue;
            mite_view view = {.rank = 1,
                              .shape = {(int32_t)(to->bytes / 4)},
                              .data = to->data,
                              .elements = to->bytes / 4,
                              .dtype = MITE_F32};
            see_values(c, &c->ranges[c->g->inputs[k].value->mark], &view);
        }
        if (mite_run(s)) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "calibration failed: %s", mite_session_error(s));
            return false;
        }
    }
    return mite_ir_ok(c->g);
}

static void choose_ranges(mite_calibration *c) {
    for (size_t i = 0; i < c->value_count; i++) {
        mite_range *r = &c->ranges[i];
        if (!r->values) continue;
        // Pictures come in bytes: their range is exact, and so is its rounding.
        bool is_input = !c->g->values[i]->producer;
        mite_choose_range(r, is_input);
    }
}

static bool prepare(mite_calibration *c) {
    mite_ir_graph *g = c->g;
    c->value_count = g->value_count;
    c->node_count = g->node_count;
    c->ranges = calloc(c->value_count + 1, sizeof *c->ranges);
    c->moments = calloc(c->node_count + 1, sizeof *c->moments);
    bool ok = c->ranges && c->moments;
    for (size_t i = 0; ok && i < c->value_count; i++) {
        mite_range *r = &c->ranges[i];
        r->lo = INFINITY;
        r->hi = -INFINITY;
        if (g->values[i]->dtype != MITE_F32 || mite_ir_is_constant(g->values[i])) continue;
        r->room = SAMPLE_VALUES + 2 * c->options->sample_count;
        ok = (r->values = malloc(r->room * sizeof(float))) != NULL;
    }
    for (size_t i = 0; ok && i < c->node_count; i++)
        if (wants_moments(g->nodes[i])) ok = make_moments(&c->moments[i], g->nodes[i]);
    if (!ok) mite_ir_fail(g, MITE_ERR_MEMORY, "not enough memory to calibrate the model");
    return ok;
}

bool mite_calibrate(mite_calibration *c) {
    mite_error error = {0};
    mite_lowered lowered;
    mite_session *s = NULL;
    if (!prepare(c)) return false;
    if (mite_lower(&lowered, c->g, &error)) {
        mite_ir_fail(c->g, error.status, "%s", error.text);
        return false;
    }
    for (size_t i = 0; i < c->value_count; i++) c->g->values[i]->mark = (uint32_t)i;
    bool ok = mite_session_new_graph(&s, &lowered.graph, NULL) == MITE_OK;
    if (!ok) mite_ir_fail(c->g, MITE_ERR_FORMAT, "%s", mite_session_error(s));
    if (ok) ok = run_examples(c, s, false);
    if (ok) {
        choose_ranges(c);
        ok = run_examples(c, s, true);
        for (size_t i = 0; i < c->node_count; i++)
            if (c->moments[i].mean_f) finish_moments(&c->moments[i]);
    }
    mite_session_free(s);
    mite_lowered_free(&lowered);
    return ok;
}

void mite_calibration_free(mite_calibration *c) {
    for (size_t i = 0; c->ranges && i < c->value_count; i++) free(c->ranges[i].values);
    for (size_t i = 0; c->moments && i < c->node_count; i++) {
        free(c->moments[i].mean_f);
        free(c->moments[i].mean_q);
        free(c->moments[i].second);
    }
    free(c->ranges);
    free(c->moments);
}
