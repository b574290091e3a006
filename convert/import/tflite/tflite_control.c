// SPDX-License-Identifier: Apache-2.0
// Graphs that nodes run (IF, WHILE, CALL, composites), and variables.
//
// A run of mite leaves nothing behind: variables begin every run with what CALL_ONCE assigned, or with
// zeros. What the main graph assigns is what it reads afterwards.
#include "import/tflite/tflite_handlers.h"

#include <string.h>

void tfl_warn_of_state(tfl_import *c) {
    if (c->keeps_state) return;
    c->keeps_state = true;
    mite_text_format(c->warnings,
                     "%s %q: its state begins anew in every run; TensorFlow Lite keeps it between "
                     "runs\n",
                     tfl_op_of(c->node)->name, tfl_name(c));
}

// The node's inputs from `first` on, as values; NULL where failed.
static tfl_value *values_in(tfl_import *c, size_t first, size_t *count) {
    *count = c->node->input_count > first ? c->node->input_count - first : 0;
    tfl_value *list = mite_ir_alloc(c->g, *count + 1, sizeof *list);
    for (size_t k = 0; list && k < *count; k++) {
        tfl_value *v = tfl_value_of(c, first + k);
        if (!v) return NULL;
        if (!v->variable) tfl_in(c, first + k);
        list[k] = *v;
    }
    return mite_ir_ok(c->g) ? list : NULL;
}

static void set_all(tfl_import *c, const tfl_value *list) {
    for (size_t k = 0; k < c->node->output_count; k++) {
        if (list[k].variable) c->values[c->node->outputs[k]] = list[k];
        else tfl_set(c, k, list[k].stored);
    }
}

// --- Run here -----------------------------------------------------------------------------------

// The node's inputs from `first` on through graph `index` to its outputs.
// NOLINTNEXTLINE(misc-no-recursion): as deep as tfl_run_graph allows
static void run_here(tfl_import *c, int32_t index, size_t first) {
    size_t count, outputs = c->node->output_count;
    tfl_value *in = values_in(c, first, &count);
    tfl_value *out = mite_ir_alloc(c->g, outputs + 1, sizeof *out);
    if (!in || !out) return;
    if (tfl_run_graph(c, index < 0 ? SIZE_MAX : (size_t)index, in, c->node->inputs + first, count,
                      out, outputs)) {
        set_all(c, out);
    }
}

// CALL, and a composite operator by what it is made of. NOLINTNEXTLINE(misc-no-recursion)
void tfl_call(tfl_import *c) { run_here(c, tfl_graph_of(c->node, 0), 0); }

// --- IF, STABLEHLO_CASE -------------------------------------------------------------------------

static const mite_ir_value *given_by(const tfl_import *c, int32_t body, size_t k) {
    return mite_ir_resolve(c->g->bodies[body].outputs[k].value);
}

// Emits the node that runs bodies and gives what `body` does behind `skipped` outputs.
static mite_ir_value *emit(tfl_import *c, mite_ir_make make, int32_t body, size_t skipped) {
    size_t count = c->g->bodies[body].output_count - skipped;
    mite_dtype *types = mite_ir_alloc(c->g, count, sizeof *types);
    if (!types) return NULL;
    for (size_t k = 0; k < count; k++) types[k] = given_by(c, body, skipped + k)->dtype;
    make.name = tfl_name(c);
    make.dtype = types[0];
    make.more_dtypes = types + 1;
    make.more_outputs = count - 1;
    mite_ir_value *first = mite_ir_emit(c->g, &make);
    for (size_t k = 0; first && k < count; k++) {
        mite_ir_value *v = mite_ir_output_at(first, k);
        v->scale = given_by(c, body, skipped + k)->scale;
        v->zero_point = given_by(c, body, skipped + k)->zero_point;
    }
    return first;
}

static bool choose(tfl_import *c, mite_ir_value *by, size_t first, size_t count, tfl_value *out);

// A body of that choice; -1 where failed.
// NOLINTNEXTLINE(misc-no-recursion): halves what there is to choose from
static int32_t branch(tfl_import *c, mite_ir_value *by, size_t first, size_t count) {
    size_t outputs = c->node->output_count;
    tfl_value *out = mite_ir_alloc(c->g, outputs + 1, sizeof *out);
    if (!out) return -1;
    mite_ir_begin_body(c->g);
    c->body_depth++;
    choose(c, by, first, count, out);
    c->body_depth--;
    for (size_t k = 0; k < outputs && mite_ir_ok(c->g); k++) {
        if (out[k].variable)
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its branches choose a variable");
        else mite_ir_output(c->g, tfl_name(c), out[k].stored);
    }
    return mite_ir_end_body(c->g);
}

// Of the node's graphs `first` and on, `count` of them, runs the one that `by` tells: the first of two
// where it is true or, a number, the one of that number. Sets `out`; false where failed.
// NOLINTNEXTLINE(misc-no-recursion): halves what there is to choose from
static bool choose(tfl_import *c, mite_ir_value *by, size_t first, size_t count, tfl_value *out) {
    size_t half = count / 2, outputs = c->node->output_count, inputs;
    if (count == 1) {
        int32_t index = tfl_graph_of(c->node, first);
        tfl_value *in = values_in(c, 1, &inputs);
        return in && tfl_run_graph(c, index < 0 ? SIZE_MAX : (size_t)index, in, c->node->inputs + 1,
                                   inputs, out, outputs);
    }
    const int64_t middle = (int64_t)(first + half);
    mite_ir_value *condition = by;
    if (by && by->dtype != MITE_BOOL)
        condition = tfl_emit_general_binary(c, MITE_BINARY_LESS, by,
                                            tfl_reshape(c, tfl_integers(c, &middle, 1), 0, NULL));
    if (!condition) return false;
    const uint8_t *known = condition->data;
    if (known && mite_ir_elements(condition) == 1)
        return *known ? choose(c, by, first, half, out)
                      : choose(c, by, first + half, count - half, out);
    int32_t yes = branch(c, by, first, half);
    int32_t no = yes < 0 ? -1 : branch(c, by, first + half, count - half);
    if (no < 0) return false;
    for (size_t k = 0; k < outputs; k++) {
        const mite_ir_value *a = given_by(c, yes, k), *b = given_by(c, no, k);
        if (a->dtype == b->dtype && a->scale == b->scale && a->zero_point == b->zero_point)
            continue;
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "its branches give output %z in different types or quantizations", k);
        return false;
    }
    if (!outputs) return true;
    mite_ir_make make = {
        .op = "if",
        .inputs = {condition},
        .attrs = {{.name = "then_body", .word = yes}, {.name = "else_body", .word = no}}};
    mite_ir_value *chosen = emit(c, make, yes, 0);
    for (size_t k = 0; chosen && k < outputs; k++)
        out[k] = (tfl_value){.stored = mite_ir_output_at(chosen, k)};
    return chosen != NULL;
}

static void set_chosen(tfl_import *c, mite_ir_value *by, size_t count) {
    tfl_value *out = mite_ir_alloc(c->g, c->node->output_count + 1, sizeof *out);
    if (out && choose(c, by, 0, count, out)) set_all(c, out);
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as tfl_run_graph allows
void tfl_if(tfl_import *c) {
    mite_ir_value *condition = tfl_in(c, 0);
    if (!condition) return;
    if (condition->dtype == MITE_BOOL) set_chosen(c, condition, 2);
    else
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its condition is of type %s",
                     mite_ir_dtype_name(condition->dtype));
}

// A number that is none of a branch means the last one.
// NOLINTNEXTLINE(misc-no-recursion): as deep as tfl_run_graph allows
void tfl_stablehlo_case(tfl_import *c) {
    mite_ir_value *index = tfl_emit_cast(c, tfl_in(c, 0), MITE_I64);
    size_t count = 0;
    while (tfl_graph_of(c->node, count) >= 0) count++;
    if (!index) return;
    if (!count || mite_ir_elements(index) != 1) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %z branches and an index of shape %T", count,
                     (size_t)index->rank, index->shape);
        return;
    }
    index = tfl_reshape(c, index, 0, NULL);
    mite_ir_value *zero = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 0, NULL);
    mite_ir_value *last = mite_ir_constant(c->g, tfl_name(c), MITE_I64, 0, NULL);
    if (last) *(int64_t *)last->data = (int64_t)count - 1;
    index =
        tfl_emit_where(c, tfl_emit_general_binary(c, MITE_BINARY_LESS, index, zero), last, index);
    if (index) set_chosen(c, index, count);
}

// --- WHILE --------------------------------------------------------------------------------------

// WHILE's values: those that the body hands on as they are belong to the graph around it.
typedef struct loop {
    tfl_value *in, *out; // before the loop or, in the body, before and behind an iteration
    bool *stays; // of each: the body does not change it
    uint8_t *open; // the dimensions (bits) that the body may change
    bool *assumed; // that there are none, which the body has yet to prove
    size_t count, carried;
    int32_t condition, body; // graphs
} loop;

// What the loop gives as value k, of the shape that it has in every iteration. One dimension may be any.
static mite_ir_value *as_carried(tfl_import *c, mite_ir_value *v, const loop *l, size_t k) {
    const mite_ir_value *as = l->in[k].stored;
    int32_t shape[MITE_MAX_RANK];
    size_t open = 0;
    if (mite_ir_is_fixed(v)) return v;
    for (size_t i = 0; i < (size_t)as->rank; i++) {
        bool may_change = l->open[k] >> i & 1;
        shape[i] = may_change ? -1 : as->shape[i];
        open += may_change;
    }
    return as->unknown || open > 1 ? v : tfl_stated_shape(c, v, (size_t)as->rank, shape);
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as tfl_run_graph allows
static mite_ir_value *condition_of(tfl_import *c, const loop *l, const tfl_value *values) {
    tfl_value out = {.stored = NULL};
    if (!tfl_run_graph(c, (size_t)l->condition, values, NULL, l->count, &out, 1)) return NULL;
    if (out.stored && out.stored->dtype == MITE_BOOL && !out.variable) return out.stored;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its condition is no bool");
    return NULL;
}

static bool read_loop(tfl_import *c, loop *l) {
    const int32_t index[2] = {tfl_graph_of(c->node, 0), tfl_graph_of(c->node, 1)};
    size_t outputs = c->node->output_count;
    *l = (loop){.condition = index[0], .body = index[1]};
    l->in = values_in(c, 0, &l->count);
    l->out = mite_ir_alloc(c->g, l->count + 1, sizeof *l->out);
    l->stays = mite_ir_alloc(c->g, l->count + 1, sizeof *l->stays);
    l->open = mite_ir_alloc(c->g, l->count + 1, sizeof *l->open);
    l->assumed = mite_ir_alloc(c->g, l->count + 1, sizeof *l->assumed);
    bool exist = index[0] > 0 && index[1] > 0 && (size_t)index[0] < c->model.graph_count &&
                 (size_t)index[1] < c->model.graph_count && outputs == l->count;
    if (!l->in || !l->out || !l->stays || !l->open || !l->assumed) return false;
    const tfl_graph *body = exist ? &c->model.graphs[index[1]] : NULL;
    if (!body || body->input_count != l->count || body->output_count != l->count) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "its graphs %d and %d do not take and give its %z values", index[0], index[1],
                     l->count);
        return false;
    }
    for (size_t k = 0; k < l->count; k++) {
        l->stays[k] = body->inputs[k] == body->outputs[k];
        l->carried += !l->stays[k];
        if (l->stays[k] || !l->in[k].variable) continue;
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it changes which variable its value %z is", k);
        return false;
    }
    return true;
}

// The dimensions of value k that the body may change: those of which the file does not say that it begins and
// ends every iteration as it is before the loop.
static uint8_t open_by_file(const tfl_import *c, const loop *l, size_t k) {
    const tfl_graph *body = &c->model.graphs[l->body];
    const tfl_tensor *from = &body->tensors[body->inputs[k]];
    const tfl_tensor *to = &body->tensors[body->outputs[k]];
    const mite_ir_value *first = l->in[k].stored;
    size_t rank = (size_t)first->rank;
    uint8_t open = 0;
    if (first->unknown || from->rank != rank || to->rank != rank) return 0xff;
    for (size_t i = 0; i < rank; i++) {
        bool said = !((from->open | to->open | first->open) >> i & 1) &&
                    from->dims[i] == first->shape[i] && to->dims[i] == first->shape[i];
        if (!said) open |= (uint8_t)(1u << i);
    }
    return open;
}

// Input k of the body. Its shape is that of the first value: in every iteration, if the file says so, or if
// the body then gives the same; else the import begins anew and takes nothing for granted.
static mite_ir_value *carried_input(tfl_import *c, const loop *l, size_t k) {
    const mite_ir_value *first = l->in[k].stored;
    const mite_import_stand_ins *learned = c->options->stand_ins;
    mite_ir_value *v =
        mite_ir_input(c->g, first->name, first->dtype, (size_t)first->rank, first->shape);
    if (!v) return NULL;
    v->scale = first->scale;
    v->zero_point = first->zero_point;
    v->unknown = first->unknown;
    l->open[k] = open_by_file(c, l, k);
    l->assumed[k] = l->open[k] && mite_ir_is_fixed(first) && learned && !learned->loops_vary;
    if (l->assumed[k]) l->open[k] = 0;
    if (v->rank) {
        mite_ir_open_all(v);
        v->open = l->open[k];
    }
    return v;
}

static bool check_carried(tfl_import *c, size_t k, const mite_ir_value *from,
                          const mite_ir_value *to) {
    if (!from || !to) return false;
    bool type =
        from->dtype == to->dtype && from->scale == to->scale && from->zero_point == to->zero_point;
    bool shape = !mite_ir_is_fixed(from) || !mite_ir_is_fixed(to) ||
                 (from->rank == to->rank && mite_ir_same_shape(from, to));
    if (type && shape) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "its value %z changes its %s from one iteration to the next", k,
                 type ? "shape" : "type or quantization");
    return false;
}

// Whether the body failed, or gives other shapes, since they were assumed to stay.
static bool assumed_too_much(tfl_import *c, const loop *l, const tfl_value *in) {
    bool wrong = false;
    for (size_t k = 0; k < l->count; k++) {
        if (!l->assumed[k]) continue;
        const mite_ir_value *to = mite_ir_ok(c->g) ? l->out[k].stored : NULL;
        wrong |= !to || !mite_ir_is_fixed(to) || !mite_ir_same_shape(in[k].stored, to);
    }
    if (wrong) c->options->stand_ins->loops_vary = c->options->stand_ins->changed = true;
    return wrong;
}

// The body: what is carried from one iteration to the next, then whether there is a next one.
// NOLINTNEXTLINE(misc-no-recursion): as deep as tfl_run_graph allows
static int32_t loop_body(tfl_import *c, const loop *l) {
    tfl_value *in = mite_ir_alloc(c->g, l->count + 1, sizeof *in);
    int32_t *constants = mite_ir_alloc(c->g, l->count + 1, sizeof *constants);
    if (!in || !constants) return -1;
    mite_ir_begin_body(c->g);
    c->body_depth++;
    mite_ir_input(c->g, "iteration", MITE_I64, 0, NULL);
    mite_ir_input(c->g, "condition", MITE_BOOL, 0, NULL);
    for (size_t k = 0; k < l->count && mite_ir_ok(c->g); k++) {
        constants[k] = l->stays[k] ? c->node->inputs[k] : -1;
        if (l->stays[k]) in[k] = l->in[k];
        else in[k].stored = carried_input(c, l, k);
    }
    bool done = mite_ir_ok(c->g) &&
                tfl_run_graph(c, (size_t)l->body, in, constants, l->count, l->out, l->count);
    if (assumed_too_much(c, l, in)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "what it carries changes its shape");
    } else if (done) {
        for (size_t k = 0; k < l->count; k++) {
            if (l->stays[k]) l->out[k] = l->in[k];
            else check_carried(c, k, in[k].stored, l->out[k].stored);
        }
        mite_ir_output(c->g, "condition", condition_of(c, l, l->out));
        for (size_t k = 0; k < l->count; k++)
            if (!l->stays[k]) mite_ir_output(c->g, tfl_name(c), l->out[k].stored);
    }
    c->body_depth--;
    return mite_ir_end_body(c->g);
}

// NOLINTNEXTLINE(misc-no-recursion): as deep as tfl_run_graph allows
void tfl_while(tfl_import *c) {
    loop l;
    if (!read_loop(c, &l)) return;
    mite_ir_value **inputs = mite_ir_alloc(c->g, l.carried + 2, sizeof(mite_ir_value *));
    mite_ir_value *first = condition_of(c, &l, l.in);
    mite_ir_value *most = mite_ir_constant(c->g, "iterations", MITE_I64, 0, NULL);
    if (!inputs || !first || !most) return;
    *(int64_t *)most->data = INT64_MAX;
    inputs[0] = most;
    inputs[1] = first;
    for (size_t k = 0, at = 2; k < l.count; k++)
        if (!l.stays[k]) inputs[at++] = l.in[k].stored;
    int32_t body = loop_body(c, &l);
    if (body < 0) return;
    for (size_t k = 0; k < l.count; k++) {
        if (!l.stays[k]) continue;
        if (l.in[k].variable) c->values[c->node->outputs[k]] = l.in[k];
        else tfl_set(c, k, l.in[k].stored);
    }
    if (!l.carried) return;
    mite_ir_make make = {
        .op = "loop",
        .input_list = inputs,
        .input_count = l.carried + 2,
        .attrs = {{.name = "body", .word = body}, {.name = "carried", .word = (int32_t)l.carried}}};
    mite_ir_value *first_output = emit(c, make, body, 1);
    for (size_t k = 0, at = 0; first_output && k < l.count; k++) {
        if (l.stays[k]) continue;
        tfl_set(c, k, as_carried(c, mite_ir_output_at(first_output, at++), &l, k));
    }
}

// --- Variables ----------------------------------------------------------------------------------

// Initializes variables, before everything else. NOLINTNEXTLINE(misc-no-recursion)
void tfl_call_once(tfl_import *c) {
    int32_t index = tfl_graph_of(c->node, 0);
    tfl_run_graph(c, index < 0 ? SIZE_MAX : (size_t)index, NULL, NULL, 0, NULL, 0);
}

static const char *name_of(tfl_import *c, size_t field) {
    mite_span span = mite_flat_bytes(&c->node->options, field);
    return mite_ir_text(c->g, (const char *)span.data, span.bytes < 1000 ? span.bytes : 1000);
}

static size_t variable_of(tfl_import *c, const char *container, const char *name) {
    for (size_t i = 0; i < c->variable_count; i++) {
        const tfl_variable *v = &c->variables[i];
        if (!strcmp(v->container, container) && !strcmp(v->name, name)) return i + 1;
    }
    if (c->variable_count == c->variable_room) {
        size_t room = c->variable_room ? 2 * c->variable_room : 16;
        tfl_variable *more = mite_ir_alloc(c->g, room, sizeof *more);
        if (!more) return 0;
        if (c->variable_count) memcpy(more, c->variables, c->variable_count * sizeof *more);
        c->variables = more;
        c->variable_room = room;
    }
    c->variables[c->variable_count] = (tfl_variable){.container = container, .name = name};
    return ++c->variable_count;
}

void tfl_var_handle(tfl_import *c) {
    enum { CONTAINER, SHARED_NAME };
    const char *container = name_of(c, CONTAINER), *name = name_of(c, SHARED_NAME);
    if (!container || !name || !c->node->output_count) return;
    tfl_value *out = &c->values[c->node->outputs[0]];
    out->variable = variable_of(c, container, name);
    out->computed = true;
}

static tfl_variable *variable(tfl_import *c) {
    const tfl_value *v = tfl_value_of(c, 0);
    if (v && v->variable) return &c->variables[v->variable - 1];
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input 0 is no variable");
    return NULL;
}

void tfl_read_variable(tfl_import *c) {
    tfl_variable *v = variable(c);
    const tfl_tensor *t = tfl_output(c, 0);
    if (!v || !t) return;
    if (!v->value) {
        mite_dtype dtype = tfl_stored_dtype(t);
        if (t->bad || !dtype) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its variable is of type %s",
                         tfl_type_name(t->type));
            return;
        }
        v->value = mite_ir_constant(c->g, t->name, dtype, t->rank, t->dims);
        if (!v->value || !tfl_is_quantized(t)) {
            tfl_set(c, 0, v->value);
            return;
        }
        if (!tfl_stored_quantization(c, t, &v->value->scale, &v->value->zero_point)) return;
        if (dtype == MITE_U8) memset(v->value->data, v->value->zero_point, v->value->bytes);
    }
    tfl_set(c, 0, v->value);
}

void tfl_assign_variable(tfl_import *c) {
    tfl_variable *v = variable(c);
    mite_ir_value *x = tfl_in(c, 1);
    if (!v || !x) return;
    if (c->body_depth) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "a variable is assigned in a loop or a branch, which is not supported");
        return;
    }
    if (c->depth == 0) tfl_warn_of_state(c);
    v->value = x;
}
