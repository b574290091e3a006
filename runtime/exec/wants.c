// SPDX-License-Identifier: Apache-2.0
// Which outputs a run is for, and so which steps it can leave out. The plan stays: memory is that of all.
#include "session_state.h"

#include <stdlib.h>

// One byte a step, then one an output: 1 where it is left out. Behind them, one a value, 1 where it is needed.
static bool has_room(mite_session *s) {
    const mite_graph *g = s->graph;
    if (!s->idle) s->idle = calloc(g->node_count + g->output_count + g->value_count, 1);
    return s->idle != NULL;
}

static uint8_t *idle_outputs(const mite_session *s) { return s->idle + s->graph->node_count; }

static void need_inputs(const mite_node *node, uint8_t *needed) {
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] != MITE_NO_VALUE) needed[node->inputs[i]] = 1;
}

static void mark_steps(mite_session *s) {
    const mite_graph *g = s->graph;
    uint8_t *needed = idle_outputs(s) + g->output_count;
    for (size_t i = 0; i < g->value_count; i++) needed[i] = 0;
    for (size_t i = 0; i < g->output_count; i++)
        if (!idle_outputs(s)[i]) needed[g->outputs[i]] = 1;
    for (size_t i = g->node_count; i-- > 0;) {
        const mite_node *node = &g->nodes[i];
        bool used = false;
        for (size_t k = 0; k < node->output_count; k++) used |= needed[node->outputs[k]];
        s->idle[i] = !used;
        if (used) need_inputs(node, needed);
    }
}

mite_status mite_session_want(mite_session *s, size_t index, int32_t wanted) {
    if (!s || !s->is_ready) return MITE_ERR_ARGUMENT;
    if (index >= s->graph->output_count)
        return mite_fail(&s->error, MITE_ERR_ARGUMENT, "there is no output %z; the model has %z",
                         index, s->graph->output_count);
    if (wanted && !s->idle) return MITE_OK;
    if (!has_room(s)) return mite_fail(&s->error, MITE_ERR_MEMORY, "no memory to note the outputs");
    idle_outputs(s)[index] = !wanted;
    mark_steps(s);
    return MITE_OK;
}

// Later segments are planned by numbers that steps have computed, whoever wants them.
bool mite_session_is_idle(const mite_session *s, size_t step) {
    return s->idle && s->idle[step] && s->segment_count == 1 &&
           s->segments[0].end == s->graph->node_count;
}
