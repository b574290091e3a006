// SPDX-License-Identifier: Apache-2.0
// Running a session: its steps in order, each split into parts.
#include "session_state.h"

#include "../base/sizes.h"

#include <stdatomic.h>
#include <string.h>

// --- Halos ---------------------------------------------------------------------------------------

static void fill(void *at, size_t elements, const mite_view *v) {
    // 0.0f is all zero bits; a quantized zero is its zero point. Only f32 and one-byte types
    // are written by operators that write halos.
    int byte = mite_dtype_bytes(v->dtype) == 1 ? v->zero_point : 0;
    memset(at, byte, elements * mite_dtype_bytes(v->dtype));
}

// The border must be filled in every run: the memory had other tenants meanwhile.
static void fill_halo(const mite_view *v) {
    size_t item = mite_dtype_bytes(v->dtype), channels = (size_t)v->shape[3];
    size_t left = (size_t)v->halo.left * channels, right = (size_t)v->halo.right * channels;
    size_t inside = (size_t)v->shape[2] * channels;
    for (int32_t n = 0; n < v->shape[0]; n++) {
        uint8_t *image = (uint8_t *)v->data + (size_t)n * v->image_stride * item;
        uint8_t *row = image - ((size_t)v->halo.top * v->row_stride + left) * item;
        // Above; each row's left border and, together, its right one with the next row's left;
        // below. `row` is where the outer rectangle begins.
        fill(row, (size_t)v->halo.top * v->row_stride + left, v);
        for (int32_t y = 0; y < v->shape[1]; y++) {
            uint8_t *end = image + ((size_t)y * v->row_stride + inside) * item;
            fill(end, right + (y + 1 < v->shape[1] ? left : 0), v);
        }
        if (v->halo.bottom && v->shape[1])
            fill(image + ((size_t)(v->shape[1] - 1) * v->row_stride + inside + right) * item,
                 (size_t)v->halo.bottom * v->row_stride, v);
    }
}

static bool has_halo(const mite_view *v) {
    return v->rank == 4 && (v->halo.top | v->halo.left | v->halo.bottom | v->halo.right);
}

// --- Steps ---------------------------------------------------------------------------------------

typedef struct job {
    const mite_step *step;
    uint8_t *scratch;
    size_t scratch_bytes; // of one slot
    size_t part_count;
    atomic_int failed; // a mite_status
} job;

static void run_part(void *context, size_t part, size_t slot) {
    job *j = context;
    mite_status status =
        j->step->node->op->run(j->step, part, j->part_count, j->scratch + slot * j->scratch_bytes);
    if (status) atomic_store_explicit(&j->failed, (int)status, memory_order_relaxed);
}

static mite_status run_step(mite_session *s, size_t index) {
    const mite_step *step = &s->steps[index];
    if (step->alias || step->settled || mite_session_is_idle(s, index)) return MITE_OK;
    for (uint32_t k = 0; k < step->node->output_count; k++)
        if (has_halo(step->outputs[k])) fill_halo(step->outputs[k]);
    size_t width = mite_pool_width(s->pool);
    job j = {
        .step = step,
        .scratch = s->scratch[index],
        .scratch_bytes = mite_round_up(step->scratch_bytes, MITE_ALIGN),
        .part_count = mite_max_size(1, mite_min_size(step->max_parts, width)),
    };
    mite_pool_run(s->pool, j.part_count, run_part, &j);
    int failed = atomic_load_explicit(&j.failed, memory_order_relaxed);
    if (!failed) return MITE_OK;
    return mite_fail(&s->error, (mite_status)failed, "%s %q failed on the data it was given",
                     step->node->op->name, step->node->name);
}

static uint64_t now(const mite_session *s) {
    return s->options.clock_ns ? s->options.clock_ns(s->options.clock_context) : 0;
}

// Makes sure that the next step has its memory: beyond the last segment shapes depend on the numbers
// computed so far.
static mite_status arrange_next(mite_session *s) {
    if (s->next_step < s->segments[s->segment_count - 1].end) return MITE_OK;
    mite_session_know(s);
    return mite_session_arrange(s, s->next_step);
}

// Runs steps from next_step on, until all are done or the deadline has passed (0: none).
static mite_status run_until(mite_session *s, uint64_t deadline_ns) {
    mite_status status = MITE_OK;
    if (s->next_step == 0) {
        mite_session_unarrange(s, 1);
        s->iterations = 0;
    }
    mite_pool_wake(s->pool);
    while (s->next_step < s->graph->node_count) {
        size_t index = s->next_step;
        uint64_t begin = s->options.profile ? now(s) : 0; // bodies are run while arranging
        status = arrange_next(s);
        if (status) break;
        status = run_step(s, index);
        if (s->options.profile)
            s->time_ns[index] = mite_session_is_idle(s, index) ? 0 : now(s) - begin;
        if (status) break;
        if (s->observer) s->observer(s->observer_context, &s->steps[index]);
        s->next_step++;
        if (deadline_ns && s->next_step < s->graph->node_count && now(s) >= deadline_ns) {
            status = MITE_MORE;
            break;
        }
    }
    mite_pool_rest(s->pool);
    if (!status && s->segment_count > 1) mite_session_fill_ports(s);
    if (status != MITE_MORE) s->next_step = 0;
    return status;
}

// A run that failed on its data leaves the session usable; one that failed to be made does not.
static mite_status may_run(mite_session *s) {
    if (!s) return MITE_ERR_ARGUMENT;
    if (!s->is_ready) return s->error.status;
    s->error = (mite_error){0};
    if (!s->is_planned && mite_session_plan(s) == MITE_OK)
        return mite_fail(&s->error, MITE_ERR_ARGUMENT,
                         "the inputs have new shapes; call mite_session_plan and write them");
    return s->error.status;
}

mite_status mite_run(mite_session *s) {
    mite_status status = may_run(s);
    if (status) return status;
    s->next_step = 0;
    return run_until(s, 0);
}

mite_status mite_run_step(mite_session *s, uint64_t budget_ns) {
    mite_status status = may_run(s);
    if (status) return status;
    if (!s->options.clock_ns && budget_ns)
        return mite_fail(&s->error, MITE_ERR_ARGUMENT,
                         "mite_run_step needs options.clock_ns to keep to a budget");
    uint64_t begin = now(s);
    return run_until(s, begin + budget_ns ? begin + budget_ns : 1);
}

void mite_run_cancel(mite_session *s) {
    if (s) s->next_step = 0;
}

size_t mite_node_count(const mite_session *s) {
    return s && s->is_ready ? s->graph->node_count : 0;
}

mite_node_info mite_node_at(const mite_session *s, size_t index) {
    if (index >= mite_node_count(s)) return (mite_node_info){"", "", "", 0, 0};
    const mite_step *step = &s->steps[index];
    return (mite_node_info){
        .name = step->node->name,
        .op = step->node->op->name,
        .kernel = step->kernel,
        .time_ns = s->time_ns[index],
        .macs = step->macs,
    };
}
