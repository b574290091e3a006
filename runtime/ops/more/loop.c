// SPDX-License-Identifier: Apache-2.0
// loop: a body again and again (ONNX Loop). Inputs: the most iterations (i64, may be absent), the
// first condition (bool, may be absent), the first values of what is carried, then what the body
// reads of the graph around it. The body's inputs: the iteration's number (i64), the condition,
// what is carried, what it reads; its outputs: the next condition, what is carried, what is collected.
// Outputs: what was carried last, then what was collected, along a new first dimension.
//
// scan: the same over the rows of some inputs (ONNX Scan along the first dimension). Inputs: the first
// values of what is carried, the `scanned` inputs, what the body reads. The body's inputs: what is
// carried, one row of each scanned input, what it reads; its outputs: what is carried, what is collected.
#include "bodies.h"

#include <stdlib.h>

enum { BODY, CARRIED, SCANNED, REVERSED_IN, REVERSED_OUT }; // attribute words; loop has two of them

static const mite_attr attrs[] = {
    [BODY] = {"body", 'i', 1, -1},
    [CARRIED] = {"carried", 'i', 1, 0},
    [SCANNED] = {"scanned", 'i', 1, 0},
    // Bit i: scanned input i is read from its last row on; collected output i is in reverse order.
    [REVERSED_IN] = {"reversed_in", 'i', 1, 0},
    [REVERSED_OUT] = {"reversed_out", 'i', 1, 0},
};

typedef struct state {
    mite_body *body;
    // Carried, collected, and of loop the number of the iteration and the condition; of scan the
    // rows. All are owned, `inputs` is the list of what the body gets.
    mite_carried *kept;
    size_t kept_count;
    mite_view **inputs;
} state;

// How the lists of the node and the body are laid out; the same code serves both operators.
typedef struct layout {
    const mite_graph *body;
    bool loops;
    size_t carried, collected, scanned;
    size_t first_carried; // among the node's inputs and the body's alike (outputs: `loops` fewer)
} layout;

static void clear(mite_step *s) {
    state *st = s->state;
    if (st->body) s->host->close(st->body);
    for (size_t i = 0; i < st->kept_count; i++) mite_carried_free(&st->kept[i]);
    free(st->kept);
    free(st->inputs);
    *st = (state){.body = NULL};
}

static mite_status lay_out(mite_step *s, layout *l, bool loops) {
    *l = (layout){.body = &s->bodies[mite_attr_int(s, BODY)], .loops = loops};
    int32_t carried = mite_attr_int(s, CARRIED), scanned = loops ? 0 : mite_attr_int(s, SCANNED);
    size_t inputs = s->node->input_count, outputs = s->node->output_count;
    l->first_carried = loops ? 2 : 0;
    l->carried = carried < 0 ? SIZE_MAX / 4 : (size_t)carried;
    l->scanned = scanned < 0 ? SIZE_MAX / 4 : (size_t)scanned;
    if (l->first_carried + l->carried + l->scanned > inputs || l->body->input_count != inputs ||
        l->carried > outputs || l->body->output_count != outputs + loops ||
        (!loops && (!l->scanned || l->scanned > 31)))
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "its body has other inputs or outputs than itself");
    l->collected = outputs - l->carried;
    return MITE_OK;
}

static mite_status make_room(mite_step *s, const layout *l) {
    state *st = s->state;
    if (st->kept) return MITE_OK;
    size_t extra = l->loops ? 2 : l->scanned;
    st->kept = calloc(l->carried + l->collected + extra, sizeof *st->kept);
    st->inputs = calloc(l->body->input_count + 1, sizeof *st->inputs);
    if (!st->kept || !st->inputs)
        return mite_step_fail(s, MITE_ERR_MEMORY, "not enough memory for what it carries");
    st->kept_count = l->carried + l->collected + extra;
    return MITE_OK;
}

// --- Around an iteration -------------------------------------------------------------------------

static mite_status begin(mite_step *s, const layout *l) {
    state *st = s->state;
    s->macs = 0;
    if (make_room(s, l) || mite_bodies_open(s, (size_t)mite_attr_int(s, BODY), &st->body))
        return s->error->status;
    for (size_t i = 0; i < l->body->input_count; i++) st->inputs[i] = s->inputs[i];
    for (size_t i = 0; i < l->carried; i++) {
        const mite_view *first = s->inputs[l->first_carried + i];
        if (!first)
            return mite_step_fail(s, MITE_ERR_FORMAT, "input %z is missing", l->first_carried + i);
        if (mite_carry(s, &st->kept[i], first)) return s->error->status;
        st->inputs[l->first_carried + i] = &st->kept[i].view;
    }
    for (size_t i = l->carried; i < l->carried + l->collected; i++) {
        st->kept[i].view.rank = 0;
        st->kept[i].view.elements = 0;
    }
    return MITE_OK;
}

// Carries and collects what the body has given; all outputs are copied before any input changes.
static mite_status end_iteration(mite_step *s, const layout *l) {
    state *st = s->state;
    s->macs += s->host->macs(st->body);
    for (size_t i = 0; i < l->carried + l->collected; i++) {
        const mite_view *from = s->host->output(st->body, i + l->loops);
        mite_status status = i < l->carried ? mite_carry(s, &st->kept[i], from)
                                            : mite_collect(s, &st->kept[i], from);
        if (status) return status;
    }
    return MITE_OK;
}

// What was never collected has no rows, of the shape that the body's output has as far as it is
// known without a run.
static void collect_nothing(mite_step *s, const layout *l, size_t k) {
    state *st = s->state;
    mite_view *v = &st->kept[k].view;
    const mite_value *of = &l->body->values[l->body->outputs[k + l->loops]];
    const mite_view *out = s->outputs[k];
    if (v->rank) return;
    v->dtype = out->dtype;
    v->scale = out->scale;
    v->zero_point = out->zero_point;
    v->rank = of->rank < 0 || of->rank == MITE_MAX_RANK ? 1 : of->rank + 1;
    v->shape[0] = 0;
    for (int32_t i = 1; i < v->rank; i++) v->shape[i] = of->shape[i - 1] < 0 ? 0 : of->shape[i - 1];
    v->elements = 0;
}

static mite_status finish(mite_step *s, const layout *l) {
    state *st = s->state;
    for (size_t i = 0; i < s->node->output_count; i++) {
        if (i >= l->carried) collect_nothing(s, l, i);
        if (mite_bodies_set_output(s, i, &st->kept[i].view)) return s->error->status;
    }
    return MITE_OK;
}

// --- loop ----------------------------------------------------------------------------------------

// A scalar of the loop's own as an input of the body, under the shape ([] or [1]) that it wants.
static mite_view *scalar_input(mite_step *s, const layout *l, size_t index, mite_carried *c,
                               const void *element) {
    const mite_value *wanted = &l->body->values[l->body->inputs[index]];
    mite_dtype dtype = index ? MITE_BOOL : MITE_I64;
    mite_value value = {.name = wanted->name, .dtype = dtype};
    mite_view v = {.value = &value, .dtype = dtype, .elements = 1, .shape = {1}};
    v.rank = wanted->rank == 1 ? 1 : 0;
    v.data = (void *)(uintptr_t)element;
    return mite_carry(s, c, &v) ? NULL : &c->view;
}

static bool condition_of(const mite_view *v) {
    return v->elements > 0 && *(const uint8_t *)v->data != 0;
}

static mite_status loop(mite_step *s, const layout *l, int64_t most, bool goes_on) {
    state *st = s->state;
    mite_carried *number = &st->kept[l->carried + l->collected], *condition = number + 1;
    for (int64_t i = 0; goes_on && i < most; i++) {
        uint8_t flag = goes_on;
        st->inputs[0] = scalar_input(s, l, 0, number, &i);
        st->inputs[1] = scalar_input(s, l, 1, condition, &flag);
        if (s->error->status || s->host->run(s, st->body, st->inputs)) return s->error->status;
        goes_on = condition_of(s->host->output(st->body, 0));
        if (end_iteration(s, l)) return s->error->status;
    }
    return MITE_OK;
}

static mite_status infer_loop(mite_step *s) {
    layout l;
    mite_status status = mite_bodies_ready(s);
    if (!status) status = lay_out(s, &l, true);
    const mite_view *limit = mite_step_input(s, 0), *first = mite_step_input(s, 1);
    if (!status && limit) status = mite_step_need_type(s, "the iterations", limit, MITE_I64);
    if (!status && first) status = mite_step_need_type(s, "the condition", first, MITE_BOOL);
    if (!status && ((limit && limit->elements != 1) || (first && first->elements != 1)))
        status = mite_step_fail(s, MITE_ERR_FORMAT,
                                "its iterations or its condition are not one number");
    const mite_value *next = status ? NULL : &l.body->values[l.body->outputs[0]];
    if (next && next->dtype != MITE_BOOL)
        status = mite_step_fail(s, MITE_ERR_FORMAT, "its body's condition is no bool");
    if (!status) status = begin(s, &l);
    if (status) return status;
    int64_t most = limit ? *(const int64_t *)limit->known : INT64_MAX;
    status = loop(s, &l, most, first ? *(const uint8_t *)first->known != 0 : true);
    return status ? status : finish(s, &l);
}

// --- scan ----------------------------------------------------------------------------------------

// Row `row` of a scanned input; `row` counts from the end where it is read in reverse.
static mite_status take_row(mite_step *s, const layout *l, size_t k, int32_t row) {
    state *st = s->state;
    const mite_view *from = s->inputs[l->carried + k];
    bool reversed = (uint32_t)mite_attr_int(s, REVERSED_IN) >> k & 1;
    size_t at = (size_t)(reversed ? from->shape[0] - 1 - row : row);
    mite_view v = *from;
    v.rank = from->rank - 1;
    v.elements = from->elements / (size_t)from->shape[0];
    memmove(v.shape, from->shape + 1, (size_t)v.rank * sizeof *v.shape);
    v.data = (char *)from->data + at * v.elements * mite_dtype_bytes(v.dtype);
    mite_carried *c = &st->kept[l->carried + l->collected + k];
    st->inputs[l->carried + k] = &c->view;
    return mite_carry(s, c, &v);
}

static void reverse_rows(mite_view *v) {
    size_t rows = v->rank ? (size_t)v->shape[0] : 0;
    size_t bytes = rows ? v->elements / rows * mite_dtype_bytes(v->dtype) : 0;
    char *data = v->data;
    for (size_t i = 0; bytes && i < rows / 2; i++) {
        char *a = data + i * bytes, *b = data + (rows - 1 - i) * bytes;
        for (size_t k = 0; k < bytes; k++) {
            char c = a[k];
            a[k] = b[k];
            b[k] = c;
        }
    }
}

static mite_status infer_scan(mite_step *s) {
    layout l;
    state *st = s->state;
    mite_status status = mite_bodies_ready(s);
    if (!status) status = lay_out(s, &l, false);
    if (!status) status = begin(s, &l);
    for (size_t k = 0; !status && k < l.scanned; k++) {
        const mite_view *x = s->inputs[l.carried + k];
        if (!x || x->rank < 1 || x->shape[0] != s->inputs[l.carried]->shape[0])
            status = mite_step_fail(s, MITE_ERR_FORMAT,
                                    "the inputs it scans are missing or of different lengths");
    }
    if (status) return status;
    for (int32_t row = 0; row < s->inputs[l.carried]->shape[0]; row++) {
        for (size_t k = 0; k < l.scanned; k++)
            if (take_row(s, &l, k, row)) return s->error->status;
        if (s->host->run(s, st->body, st->inputs) || end_iteration(s, &l)) return s->error->status;
    }
    for (size_t k = 0; k < l.collected && k < 32; k++)
        if ((uint32_t)mite_attr_int(s, REVERSED_OUT) >> k & 1)
            reverse_rows(&st->kept[l.carried + k].view);
    return finish(s, &l);
}

// -------------------------------------------------------------------------------------------------

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    (void)part, (void)part_count, (void)scratch;
    for (size_t i = 0; i < s->node->output_count; i++)
        mite_bodies_put_output(s, i, &st->kept[i].view);
    return MITE_OK;
}

const mite_op mite_op_loop = {
    .name = "loop",
    .attrs = attrs,
    .attr_count = 2,
    .body_attrs = 1,
    .min_inputs = 0,
    .max_inputs = 255,
    .output_count = 1,
    .max_outputs = 255,
    .state_bytes = sizeof(state),
    .infer = infer_loop,
    .run = run,
    .clear = clear,
};

const mite_op mite_op_scan = {
    .name = "scan",
    .attrs = attrs,
    .attr_count = 5,
    .body_attrs = 1,
    .min_inputs = 1,
    .max_inputs = 255,
    .output_count = 1,
    .max_outputs = 255,
    .state_bytes = sizeof(state),
    .infer = infer_scan,
    .run = run,
    .clear = clear,
};
