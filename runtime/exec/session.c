// SPDX-License-Identifier: Apache-2.0
// Making a session, and giving its inputs other shapes.
#include "session_state.h"

#include "../base/sizes.h"

#include <stdlib.h>
#include <string.h>

// --- Tables --------------------------------------------------------------------------------------

// Hands out pieces of one block; the first pass (base NULL) only counts.
typedef struct carver {
    uint8_t *base;
    size_t used;
    bool overflow;
} carver;

static void *carve(carver *c, size_t count, size_t item_bytes) {
    size_t bytes;
    void *piece = c->base ? c->base + c->used : NULL;
    if (!mite_size_mul(&bytes, count, item_bytes) || !mite_size_align(&bytes, bytes, 16) ||
        !mite_size_add(&c->used, c->used, bytes))
        c->overflow = true;
    return piece;
}

static void lay_out_tables(mite_session *s, carver *c) {
    const mite_graph *g = s->graph;
    s->views = carve(c, g->value_count, sizeof(mite_view));
    s->steps = carve(c, g->node_count, sizeof(mite_step));
    s->scratch = carve(c, g->node_count, sizeof(void *));
    s->time_ns = carve(c, g->node_count, sizeof(uint64_t));
    s->ports = carve(c, g->input_count + g->output_count, sizeof(mite_tensor));
    s->segments = carve(c, g->node_count + 1, sizeof(mite_segment));
    for (size_t i = 0; i < g->node_count; i++) {
        const mite_node *node = &g->nodes[i];
        mite_view **edges = carve(c, (size_t)node->input_count + node->output_count, sizeof *edges);
        void *state = carve(c, node->op->state_bytes, 1);
        if (!c->base) continue;
        s->steps[i].inputs = edges;
        s->steps[i].outputs = edges + node->input_count;
        s->steps[i].state = state;
    }
}

static mite_status make_tables(mite_session *s) {
    carver c = {0};
    lay_out_tables(s, &c);
    s->tables = c.overflow ? NULL : calloc(c.used + 1, 1);
    if (!s->tables)
        return mite_fail(&s->error, MITE_ERR_MEMORY, "not enough memory for the model's tables");
    s->table_bytes = c.used;
    c = (carver){.base = s->tables};
    lay_out_tables(s, &c);
    return MITE_OK;
}

static mite_status fill_views(mite_session *s) {
    for (size_t i = 0; i < s->graph->value_count; i++) {
        const mite_value *value = &s->graph->values[i];
        mite_view *view = &s->views[i];
        view->value = value;
        view->dtype = value->dtype;
        view->rank = value->rank;
        memcpy(view->shape, value->shape, sizeof view->shape);
        view->scale = value->scale;
        view->zero_point = value->zero_point;
        // Constants are only read; the cast serves the one pointer type of views.
        view->data = (void *)(uintptr_t)value->data;
        if (value->layout == MITE_LAYOUT_DENSE) view->known = value->data;
        if (!value->data) continue;
        if (!mite_shape_elements(&view->elements, (size_t)value->rank, value->shape))
            return mite_fail(&s->error, MITE_ERR_FORMAT, "value %q has an impossible shape %T",
                             value->name, (size_t)value->rank, value->shape);
    }
    // Also steps that are not inferred before a run can be looked at.
    for (size_t i = 0; i < s->graph->node_count; i++) mite_session_link(s, i);
    return MITE_OK;
}

// --- Shapes of inputs ----------------------------------------------------------------------------

static bool is_open(const mite_session *s) {
    for (size_t i = 0; i < s->graph->input_count; i++) {
        const mite_value *v = &s->graph->values[s->graph->inputs[i]];
        if (v->rank < 0) return true;
        for (int32_t k = 0; k < v->rank; k++)
            if (v->shape[k] < 0) return true;
    }
    return false;
}

mite_status mite_session_set_input(mite_session *s, size_t index, size_t rank,
                                   const int32_t *shape) {
    mite_view *view = &s->views[s->graph->inputs[index]];
    const mite_value *value = view->value;
    size_t elements;
    bool fits = rank <= MITE_MAX_RANK && (value->rank < 0 || (size_t)value->rank == rank);
    for (size_t i = 0; fits && i < rank; i++)
        fits = value->rank < 0 || value->shape[i] < 0 || value->shape[i] == shape[i];
    if (!fits || !mite_shape_elements(&elements, rank, shape))
        return mite_fail(&s->error, MITE_ERR_ARGUMENT,
                         "the shape %T does not fit input %q, whose shape is %T in the model",
                         mite_min_size(rank, MITE_MAX_RANK), shape, value->name,
                         (size_t)(value->rank < 0 ? 0 : value->rank), value->shape);
    view->rank = (int32_t)rank;
    if (rank) memmove(view->shape, shape, rank * sizeof *shape);
    view->elements = elements;
    return MITE_OK;
}

static mite_status plan_inputs(mite_session *s) {
    s->next_step = 0;
    s->iterations = 0;
    mite_session_unarrange(s, 0);
    s->is_planned = mite_session_arrange(s, 0) == MITE_OK;
    if (!s->is_planned) mite_session_unarrange(s, 0);
    mite_session_fill_ports(s);
    return s->error.status;
}

// Fixed shapes are planned at once. Open dimensions are taken as 1 to begin with; if the model
// cannot be run like that, it waits for mite_session_resize.
static mite_status plan_first(mite_session *s) {
    for (size_t i = 0; i < s->graph->input_count; i++) {
        mite_view *view = &s->views[s->graph->inputs[i]];
        if (view->rank < 0) return MITE_OK;
        int32_t shape[MITE_MAX_RANK];
        for (size_t k = 0; k < (size_t)view->rank; k++)
            shape[k] = view->shape[k] < 0 ? 1 : view->shape[k];
        if (mite_session_set_input(s, i, (size_t)view->rank, shape)) return s->error.status;
    }
    mite_status status = plan_inputs(s);
    if (!is_open(s) || status == MITE_ERR_MEMORY) return status;
    s->error = (mite_error){0};
    return MITE_OK;
}

mite_status mite_session_resize(mite_session *s, size_t index, size_t rank, const int32_t *shape) {
    if (!s) return MITE_ERR_ARGUMENT;
    if (!s->is_ready) return s->error.status;
    s->error = (mite_error){0};
    if (index >= s->graph->input_count)
        return mite_fail(&s->error, MITE_ERR_ARGUMENT, "there is no input %z", index);
    const mite_view *view = &s->views[s->graph->inputs[index]];
    if (view->rank >= 0 && (size_t)view->rank == rank &&
        (!rank || !memcmp(view->shape, shape, rank * sizeof *shape)))
        return MITE_OK;
    if (mite_session_set_input(s, index, rank, shape)) return s->error.status;
    s->is_planned = false;
    return MITE_OK;
}

mite_status mite_session_plan(mite_session *s) {
    if (!s) return MITE_ERR_ARGUMENT;
    if (!s->is_ready) return s->error.status;
    s->error = (mite_error){0};
    if (s->is_planned) return MITE_OK;
    for (size_t i = 0; i < s->graph->input_count; i++)
        if (s->views[s->graph->inputs[i]].rank < 0)
            return mite_fail(&s->error, MITE_ERR_ARGUMENT,
                             "input %q has no shape in the model; give it one before the run",
                             s->graph->values[s->graph->inputs[i]].name);
    return plan_inputs(s);
}

// --- Ports ---------------------------------------------------------------------------------------

static void fill_port(mite_tensor *port, const mite_view *view) {
    *port = (mite_tensor){
        .name = view->value->name,
        .data = view->data,
        .bytes = view->data ? view->elements * mite_dtype_bytes(view->dtype) : 0,
        .dtype = view->dtype,
        .rank = view->rank,
        .scale = view->scale,
        .zero_point = view->zero_point,
    };
    memcpy(port->shape, view->shape, sizeof port->shape);
}

void mite_session_fill_ports(mite_session *s) {
    const mite_graph *g = s->graph;
    for (size_t i = 0; i < g->input_count; i++) fill_port(&s->ports[i], &s->views[g->inputs[i]]);
    for (size_t i = 0; i < g->output_count; i++)
        fill_port(&s->ports[g->input_count + i], &s->views[g->outputs[i]]);
}

mite_status mite_session_new_graph(mite_session **out, const mite_graph *graph,
                                   const mite_session_options *options) {
    mite_kernels kernels = {0};
    mite_kernels_fill(&kernels, options ? options->isa : MITE_ISA_BEST);
    return mite_session_new_kernels(out, graph, options, &kernels);
}

mite_status mite_session_new_kernels(mite_session **out, const mite_graph *graph,
                                     const mite_session_options *options,
                                     const mite_kernels *kernels) {
    mite_session *s = *out = calloc(1, sizeof *s);
    if (!s) return MITE_ERR_MEMORY;
    s->graph = s->model = graph;
    if (options) s->options = *options;
    s->kernels = *kernels;
    size_t threads = s->options.thread_count > 1 ? (size_t)s->options.thread_count : 1;
    if (mite_pool_new(&s->pool, threads))
        return mite_fail(&s->error, MITE_ERR_MEMORY, "not enough memory for a session");
    if (make_tables(s) || fill_views(s) || plan_first(s)) return s->error.status;
    mite_session_fill_ports(s);
    s->is_ready = true;
    return MITE_OK;
}

mite_status mite_session_new_body(mite_session **out, mite_session *around,
                                  const mite_graph *body) {
    mite_session *s = *out = calloc(1, sizeof *s);
    if (!s) return MITE_ERR_MEMORY;
    s->graph = body;
    s->model = around->model;
    s->around = around;
    s->kernels = around->kernels;
    s->options = (mite_session_options){.max_memory_bytes = around->options.max_memory_bytes};
    if (mite_pool_new(&s->pool, 1))
        return mite_fail(&s->error, MITE_ERR_MEMORY, "not enough memory for a body");
    if (make_tables(s) || fill_views(s)) return s->error.status;
    s->is_ready = true;
    return MITE_OK;
}

mite_tensor *mite_session_input(mite_session *s, size_t index) {
    return s && s->is_ready && index < s->graph->input_count ? &s->ports[index] : NULL;
}

const mite_tensor *mite_session_output(const mite_session *s, size_t index) {
    if (!s || !s->is_ready || index >= s->graph->output_count) return NULL;
    return &s->ports[s->graph->input_count + index];
}

const char *mite_session_error(const mite_session *s) {
    return s ? s->error.text : "not enough memory for a session";
}

size_t mite_session_arena_bytes(const mite_session *s) {
    size_t bytes = 0;
    for (size_t i = 0; s && i < s->segment_count; i++) bytes += s->segments[i].arena_bytes;
    return bytes;
}

size_t mite_session_least_bytes(const mite_session *s) {
    size_t bytes = 0;
    for (size_t i = 0; s && i < s->segment_count; i++) bytes += s->segments[i].least_bytes;
    return bytes;
}

size_t mite_session_bytes(const mite_session *s) {
    if (!s) return 0;
    return sizeof *s + s->table_bytes + s->settled_bytes + s->owned_bytes +
           mite_session_arena_bytes(s) + mite_session_bodies_bytes(s);
}

size_t mite_session_owned_bytes(const mite_session *s) { return s ? s->owned_bytes : 0; }

mite_pool *mite_session_pool(const mite_session *s) { return s->pool; }

int32_t mite_session_isa(const mite_session *s) { return s ? s->kernels.isa : 0; }

const mite_step *mite_session_step(const mite_session *s, size_t index) {
    return s && s->is_ready && index < s->graph->node_count ? &s->steps[index] : NULL;
}

void mite_session_observe(mite_session *s, mite_observer *observer, void *context) {
    s->observer = observer;
    s->observer_context = context;
}

void mite_session_free(mite_session *s) {
    if (!s) return;
    mite_session_unarrange(s, 0);
    for (size_t i = 0; s->tables && i < s->graph->node_count; i++) {
        const mite_op *op = s->graph->nodes[i].op;
        if (op->clear) op->clear(&s->steps[i]);
    }
    mite_pool_free(s->pool);
    free(s->idle);
    free(s->tables);
    free(s);
}
