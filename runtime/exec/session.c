// SPDX-License-Identifier: Apache-2.0
// Making a session: infer -> plan -> allocate -> prepare. After this nothing is allocated.
#include "session_state.h"

#include "../base/sizes.h"
#include "../plan/plan.h"

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
        view->known = value->data;
        // A negative rank, which only graphs in memory have, stands for "infer it".
        if (value->rank < 0) continue;
        if (!mite_shape_elements(&view->elements, (size_t)value->rank, value->shape))
            return mite_fail(&s->error, MITE_ERR_FORMAT, "value %q has an impossible shape %T",
                             value->name, (size_t)value->rank, value->shape);
    }
    return MITE_OK;
}

static mite_status infer(mite_session *s) {
    for (size_t i = 0; i < s->graph->node_count; i++) {
        const mite_node *node = &s->graph->nodes[i];
        mite_step *step = &s->steps[i];
        step->node = node;
        step->kernels = &s->kernels;
        step->error = &s->error;
        step->kernel = node->op->name;
        step->max_parts = 1;
        for (uint32_t k = 0; k < node->input_count; k++)
            step->inputs[k] = node->inputs[k] == MITE_NO_VALUE ? NULL : &s->views[node->inputs[k]];
        for (uint32_t k = 0; k < node->output_count; k++)
            step->outputs[k] = &s->views[node->outputs[k]];
        for (uint32_t k = 0; k < node->op->min_inputs; k++)
            if (k >= node->input_count || !step->inputs[k])
                return mite_step_fail(step, MITE_ERR_FORMAT, "input %u is missing", k);
        if (node->op->infer(step)) return s->error.status;
    }
    return MITE_OK;
}

// --- Memory --------------------------------------------------------------------------------------

static void bind_memory(mite_session *s, const mite_places *places) {
    const mite_graph *g = s->graph;
    for (size_t v = 0; v < g->value_count; v++) {
        mite_view *view = &s->views[v];
        if (g->values[v].flags & MITE_VALUE_CONSTANT) continue;
        size_t halo = 0;
        if (view->rank == 4)
            halo = (size_t)view->halo.top * view->row_stride +
                   (size_t)view->halo.left * (size_t)view->shape[3];
        view->data = s->arena + places->values[v] + halo * mite_dtype_bytes(view->dtype);
    }
    for (size_t i = 0; i < g->node_count; i++) s->scratch[i] = s->arena + places->scratch[i];
}

static mite_status allocate(mite_session *s, const mite_places *places) {
    size_t bytes;
    s->arena_bytes = places->arena_bytes;
    s->least_bytes = places->least_bytes;
    if (s->options.max_memory_bytes && places->arena_bytes > s->options.max_memory_bytes)
        return mite_fail(&s->error, MITE_ERR_MEMORY,
                         "this model needs %z bytes for its activations, above the limit of %z; "
                         "raise the limit or use a smaller model",
                         places->arena_bytes, s->options.max_memory_bytes);
    s->arena_block = mite_size_add(&bytes, places->arena_bytes, MITE_ALIGN) ? malloc(bytes) : NULL;
    if (!s->arena_block)
        return mite_fail(&s->error, MITE_ERR_MEMORY,
                         "not enough memory for this model's activations: %z bytes are needed",
                         places->arena_bytes);
    uintptr_t at = ((uintptr_t)s->arena_block + MITE_ALIGN - 1) / MITE_ALIGN * MITE_ALIGN;
    s->arena = (uint8_t *)at;
    // Also what no step writes (ends of rows, unused inputs) is defined.
    memset(s->arena, 0, places->arena_bytes);
    bind_memory(s, places);
    return MITE_OK;
}

static mite_status plan(mite_session *s) {
    const mite_graph *g = s->graph;
    mite_program program = {g, s->views, s->steps};
    if (mite_plan_halos(&program, &s->error)) return s->error.status;
    mite_places places = {
        .values = calloc(g->value_count + 1, sizeof(size_t)),
        .scratch = calloc(g->node_count + 1, sizeof(size_t)),
    };
    if (!places.values || !places.scratch)
        mite_fail(&s->error, MITE_ERR_MEMORY, "not enough memory to plan the model");
    else if (!mite_plan_memory(&program, mite_pool_slots(s->pool), &places, &s->error))
        allocate(s, &places);
    free(places.values);
    free(places.scratch);
    return s->error.status;
}

static mite_status prepare(mite_session *s) {
    for (size_t i = 0; i < s->graph->node_count; i++) {
        mite_step *step = &s->steps[i];
        if (step->node->op->prepare && step->node->op->prepare(step)) return s->error.status;
    }
    return MITE_OK;
}

// --- Ports ---------------------------------------------------------------------------------------

static void fill_port(mite_tensor *port, const mite_view *view) {
    *port = (mite_tensor){
        .name = view->value->name,
        .data = view->data,
        .bytes = view->elements * mite_dtype_bytes(view->dtype),
        .dtype = view->dtype,
        .rank = view->rank,
        .scale = view->scale,
        .zero_point = view->zero_point,
    };
    memcpy(port->shape, view->shape, sizeof port->shape);
}

static void fill_ports(mite_session *s) {
    const mite_graph *g = s->graph;
    for (size_t i = 0; i < g->input_count; i++) fill_port(&s->ports[i], &s->views[g->inputs[i]]);
    for (size_t i = 0; i < g->output_count; i++)
        fill_port(&s->ports[g->input_count + i], &s->views[g->outputs[i]]);
}

mite_status mite_session_new_graph(mite_session **out, const mite_graph *graph,
                                   const mite_session_options *options) {
    mite_session *s = *out = calloc(1, sizeof *s);
    if (!s) return MITE_ERR_MEMORY;
    s->graph = graph;
    if (options) s->options = *options;
    mite_kernels_fill(&s->kernels, s->options.isa);
    size_t threads = s->options.thread_count > 1 ? (size_t)s->options.thread_count : 1;
    if (mite_pool_new(&s->pool, threads))
        return mite_fail(&s->error, MITE_ERR_MEMORY, "not enough memory for a session");
    if (make_tables(s) || fill_views(s) || infer(s) || plan(s) || prepare(s))
        return s->error.status;
    fill_ports(s);
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

size_t mite_session_arena_bytes(const mite_session *s) { return s ? s->arena_bytes : 0; }
size_t mite_session_least_bytes(const mite_session *s) { return s ? s->least_bytes : 0; }

size_t mite_session_bytes(const mite_session *s) {
    return s ? sizeof *s + s->table_bytes + s->arena_bytes : 0;
}

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
    mite_pool_free(s->pool);
    free(s->arena_block);
    free(s->tables);
    free(s);
}
