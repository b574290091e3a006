// SPDX-License-Identifier: Apache-2.0
// infer -> settle -> plan -> allocate -> prepare, for as many steps as the numbers known allow.
#include "session_state.h"

#include "../base/sizes.h"
#include "../plan/plan.h"

#include <stdlib.h>
#include <string.h>

// Results of more elements than this are computed in the run like all others: what shapes are made
// of is smaller.
#define MAX_SETTLED 4096

// --- Forgetting ----------------------------------------------------------------------------------

typedef struct mite_settled {
    struct mite_settled *next;
    size_t step, bytes; // with those before `data`, which lies at the next multiple of MITE_ALIGN
    uint8_t data[];
} mite_settled;

static void forget_view(mite_view *v) {
    v->rank = v->value->rank;
    memcpy(v->shape, v->value->shape, sizeof v->shape);
    v->elements = 0;
    v->halo = (mite_halo){0, 0, 0, 0};
    v->data = NULL;
    v->known = NULL;
}

void mite_session_unarrange(mite_session *s, size_t segment) {
    if (segment >= s->segment_count) return;
    size_t first = s->segments[segment].first;
    while (s->segment_count > segment) free(s->segments[--s->segment_count].block);
    while (s->settled && s->settled->step >= first) { // the last one settled comes first
        mite_settled *next = s->settled->next;
        s->settled_bytes -= s->settled->bytes;
        free(s->settled);
        s->settled = next;
    }
    for (size_t i = first; i < s->graph->node_count; i++) {
        const mite_node *node = &s->graph->nodes[i];
        mite_step *step = &s->steps[i];
        step->settled = false;
        s->owned_bytes -= step->owned_bytes;
        step->owned_bytes = 0;
        if (!node->op->clear) memset(step->state, 0, node->op->state_bytes);
        for (uint32_t k = 0; k < node->output_count; k++) forget_view(&s->views[node->outputs[k]]);
    }
    for (size_t i = 0; segment == 0 && i < s->graph->input_count; i++) {
        mite_view *v = &s->views[s->graph->inputs[i]];
        if (!s->around) v->data = NULL;
        v->known = NULL;
    }
}

void mite_session_know(mite_session *s) {
    const mite_graph *g = s->graph;
    size_t end = s->segments[s->segment_count - 1].end;
    for (size_t i = 0; i < g->input_count; i++)
        s->views[g->inputs[i]].known = s->views[g->inputs[i]].data;
    // Some of these are gone, but only such as no later step reads.
    for (size_t i = 0; i < end; i++)
        for (uint32_t k = 0; k < g->nodes[i].output_count; k++)
            s->views[g->nodes[i].outputs[k]].known = s->views[g->nodes[i].outputs[k]].data;
}

// --- Inferring -----------------------------------------------------------------------------------

void mite_session_link(mite_session *s, size_t index) {
    const mite_node *node = &s->graph->nodes[index];
    mite_step *step = &s->steps[index];
    step->node = node;
    for (uint32_t k = 0; k < node->input_count; k++)
        step->inputs[k] = node->inputs[k] == MITE_NO_VALUE ? NULL : &s->views[node->inputs[k]];
    for (uint32_t k = 0; k < node->output_count; k++)
        step->outputs[k] = &s->views[node->outputs[k]];
}

static mite_status set_up(mite_session *s, size_t index) {
    const mite_node *node = &s->graph->nodes[index];
    mite_step *step = &s->steps[index];
    *step = (mite_step){
        .node = node,
        .bodies = s->model->bodies,
        .host = &mite_session_body_host,
        .host_context = s,
        .kernels = &s->kernels,
        .inputs = step->inputs,
        .outputs = step->outputs,
        .state = step->state,
        .error = &s->error,
        .kernel = node->op->name,
        .max_parts = 1,
        .in_place = -1,
    };
    mite_session_link(s, index);
    for (uint32_t k = 0; k < node->op->min_inputs; k++)
        if (k >= node->input_count || !step->inputs[k])
            return mite_step_fail(step, MITE_ERR_FORMAT, "input %u is missing", k);
    return MITE_OK;
}

static bool can_settle(const mite_step *step) {
    size_t elements = 0;
    for (uint32_t k = 0; k < step->node->input_count; k++)
        if (step->inputs[k] && !step->inputs[k]->known && !step->node->op->needs_only_shapes)
            return false;
    for (uint32_t k = 0; k < step->node->output_count; k++)
        if (!mite_size_add(&elements, elements, step->outputs[k]->elements)) return false;
    return elements <= MAX_SETTLED;
}

static mite_status no_room(mite_session *s) {
    return mite_fail(&s->error, MITE_ERR_MEMORY, "not enough memory to work out shapes");
}

static mite_status run_now(mite_session *s, mite_step *step) {
    const mite_op *op = step->node->op;
    if (op->plan && op->plan(step)) return s->error.status;
    size_t bytes;
    if (!mite_size_add(&bytes, step->scratch_bytes, MITE_ALIGN)) return no_room(s);
    void *scratch = malloc(bytes);
    if (!scratch) return no_room(s);
    uintptr_t aligned = ((uintptr_t)scratch + MITE_ALIGN - 1) / MITE_ALIGN * MITE_ALIGN;
    if (!op->prepare || op->prepare(step) == MITE_OK) op->run(step, 0, 1, (void *)aligned);
    free(scratch);
    return s->error.status;
}

// A small result of known numbers is computed at once, so that the shapes which depend on it are
// known too.
static mite_status settle(mite_session *s, size_t index) {
    mite_step *step = &s->steps[index];
    for (uint32_t k = 0; k < step->node->input_count; k++)
        if (step->inputs[k]) mite_view_set_strides(step->inputs[k]);
    for (uint32_t k = 0; k < step->node->output_count; k++) {
        mite_view *v = step->outputs[k];
        size_t bytes = v->elements * mite_dtype_bytes(v->dtype); // <= 8 * MAX_SETTLED
        size_t with_place = sizeof(mite_settled) + MITE_ALIGN + mite_round_up(bytes, MITE_ALIGN);
        mite_settled *place = calloc(1, with_place);
        if (!place || !mite_view_set_strides(v)) {
            free(place);
            return no_room(s);
        }
        place->next = s->settled;
        place->step = index;
        place->bytes = with_place;
        s->settled = place;
        s->settled_bytes += place->bytes;
        uintptr_t at = (uintptr_t)place->data;
        v->data = place->data + (MITE_ALIGN - at % MITE_ALIGN) % MITE_ALIGN;
    }
    if (run_now(s, step)) return s->error.status;
    for (uint32_t k = 0; k < step->node->output_count; k++)
        step->outputs[k]->known = step->outputs[k]->data;
    step->settled = true;
    return MITE_OK;
}

static mite_status infer(mite_session *s, size_t first, size_t *end) {
    for (*end = first; *end < s->graph->node_count; ++*end) {
        mite_step *step = &s->steps[*end];
        if (set_up(s, *end)) return s->error.status;
        mite_status status = step->node->op->infer(step);
        if (status == MITE_MORE) { // what it expects is of no use here
            for (uint32_t k = 0; k < step->node->output_count; k++) forget_view(step->outputs[k]);
            return MITE_OK;
        }
        if (status) return s->error.status;
        if (can_settle(step) && settle(s, *end)) return s->error.status;
    }
    return MITE_OK;
}

// --- Memory --------------------------------------------------------------------------------------

static void bind_memory(mite_session *s, const mite_segment *at, const mite_places *places) {
    for (size_t v = 0; v < s->graph->value_count; v++) {
        mite_view *view = &s->views[v];
        if (places->values[v] == MITE_NO_PLACE) continue;
        size_t halo = 0;
        if (view->rank == 4)
            halo = (size_t)view->halo.top * view->row_stride +
                   (size_t)view->halo.left * (size_t)view->shape[3];
        view->data = at->arena + places->values[v] + halo * mite_dtype_bytes(view->dtype);
    }
    for (size_t i = at->first; i < at->end; i++) s->scratch[i] = at->arena + places->scratch[i];
}

static mite_status allocate(mite_session *s, mite_segment *at, const mite_places *places) {
    size_t bytes, total = mite_session_arena_bytes(s);
    at->arena_bytes = places->arena_bytes;
    at->least_bytes = places->least_bytes;
    if (!mite_size_add(&total, total, places->arena_bytes)) total = SIZE_MAX;
    if (s->options.max_memory_bytes && total > s->options.max_memory_bytes)
        return mite_fail(&s->error, MITE_ERR_MEMORY,
                         "this model needs %z bytes for its activations, above the limit of %z; "
                         "raise the limit or use a smaller model",
                         total, s->options.max_memory_bytes);
    at->block = mite_size_add(&bytes, places->arena_bytes, MITE_ALIGN) ? malloc(bytes) : NULL;
    if (!at->block)
        return mite_fail(&s->error, MITE_ERR_MEMORY,
                         "not enough memory for this model's activations: %z bytes are needed",
                         places->arena_bytes);
    uintptr_t aligned = ((uintptr_t)at->block + MITE_ALIGN - 1) / MITE_ALIGN * MITE_ALIGN;
    at->arena = (uint8_t *)aligned;
    // Also what no step writes (ends of rows, unused inputs) is defined.
    memset(at->arena, 0, places->arena_bytes);
    bind_memory(s, at, places);
    return MITE_OK;
}

static mite_status plan(mite_session *s, mite_segment *at) {
    const mite_graph *g = s->graph;
    mite_program program = {g, s->views, s->steps, at->first, at->end};
    if (mite_plan_halos(&program, &s->error)) return s->error.status;
    mite_places places = {
        .values = calloc(g->value_count + 1, sizeof(size_t)),
        .scratch = calloc(g->node_count + 1, sizeof(size_t)),
    };
    if (!places.values || !places.scratch)
        mite_fail(&s->error, MITE_ERR_MEMORY, "not enough memory to plan the model");
    else if (!mite_plan_memory(&program, mite_pool_slots(s->pool), &places, &s->error))
        allocate(s, at, &places);
    free(places.values);
    free(places.scratch);
    return s->error.status;
}

static size_t spare_bytes(const mite_session *s) {
    size_t used = mite_session_arena_bytes(s) + s->owned_bytes, limit = s->options.max_memory_bytes;
    if (!limit) return SIZE_MAX;
    return used < limit ? limit - used : 0;
}

mite_status mite_session_arrange(mite_session *s, size_t first) {
    mite_segment *at = &s->segments[s->segment_count];
    *at = (mite_segment){.first = first};
    s->segment_count++; // also where it fails: unarranging lets go of what is there
    if (infer(s, first, &at->end)) return s->error.status;
    mite_error waiting = s->error; // MITE_MORE and its sentence, or none
    s->error = (mite_error){0};
    mite_status status = plan(s, at);
    for (size_t i = first; i < at->end && !status; i++) {
        mite_step *step = &s->steps[i];
        step->spare_bytes = spare_bytes(s);
        if (step->node->op->prepare && !step->settled) status = step->node->op->prepare(step);
        s->owned_bytes += step->owned_bytes;
    }
    // Everything before it has run and its numbers are still not there.
    if (!status && at->end == first && first < s->graph->node_count && s->segment_count > 1)
        return mite_fail(&s->error, MITE_ERR_UNSUPPORTED, "%s", waiting.text);
    return s->error.status;
}
