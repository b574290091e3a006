// SPDX-License-Identifier: Apache-2.0
// Halos: a convolution that pads wants its input to lie in a larger picture whose border is
// already filled, so that its kernel needs no edge code and no copy is made.
#include "plan.h"

#include "../base/sizes.h"

#include <stdlib.h>
#include <string.h>

bool mite_view_bytes(size_t *out, const mite_view *view) {
    size_t count = view->elements;
    if (view->rank == 4 && !mite_size_mul(&count, (size_t)view->shape[0], view->image_stride))
        return false;
    return mite_size_mul(out, count, mite_dtype_bytes(view->dtype));
}

bool mite_view_set_strides(mite_view *v) {
    for (int32_t i = 0; i < v->rank; i++)
        if (v->shape[i] < 0) return true; // not known yet
    if (v->rank != 4) return true;
    size_t width, height, rows;
    return mite_size_add(&width, (size_t)v->shape[2],
                         (size_t)v->halo.left + (size_t)v->halo.right) &&
           mite_size_add(&height, (size_t)v->shape[1],
                         (size_t)v->halo.top + (size_t)v->halo.bottom) &&
           mite_size_mul(&v->row_stride, width, (size_t)v->shape[3]) &&
           mite_size_mul(&v->image_stride, height, v->row_stride) &&
           mite_size_mul(&rows, v->image_stride, (size_t)v->shape[0]);
}

static mite_status ask(mite_program *p) {
    for (size_t i = p->first; i < p->end; i++) {
        mite_step *s = &p->steps[i];
        if (s->settled) continue;
        s->wants_halo = (mite_halo){0, 0, 0, 0};
        s->scratch_bytes = 0;
        s->in_place = -1;
        s->alias = false;
        mite_status status = s->node->op->plan ? s->node->op->plan(s) : MITE_OK;
        if (status) return status;
    }
    return MITE_OK;
}

static int32_t larger(int32_t a, int32_t b) { return a > b ? a : b; }

static mite_halo join(mite_halo a, mite_halo b) {
    return (mite_halo){larger(a.top, b.top), larger(a.left, b.left), larger(a.bottom, b.bottom),
                       larger(a.right, b.right)};
}

// barred[v]: value v must stay dense; so must all that later steps, planned by themselves, read.
static void bar_values(const mite_program *p, uint8_t *barred) {
    const mite_graph *g = p->graph;
    memset(barred, 1, g->value_count);
    for (size_t i = p->first; i < p->end; i++) {
        const mite_step *s = &p->steps[i];
        if (s->settled) continue;
        for (size_t k = 0; k < s->node->output_count; k++)
            if (s->node->op->writes_halo && !s->alias && s->outputs[k]->rank == 4)
                barred[s->node->outputs[k]] = 0;
    }
    for (size_t i = p->first; i < g->node_count; i++) {
        const mite_step *s = &p->steps[i];
        const mite_node *node = &g->nodes[i];
        for (size_t k = 0; k < node->input_count; k++)
            if (node->inputs[k] != MITE_NO_VALUE &&
                (i >= p->end || !node->op->reads_halo || s->alias))
                barred[node->inputs[k]] = 1;
    }
    for (size_t i = 0; i < g->output_count; i++) barred[g->outputs[i]] = 1;
}

mite_status mite_plan_halos(mite_program *p, mite_error *error) {
    const mite_graph *g = p->graph;
    for (size_t i = 0; i < g->value_count; i++) mite_view_set_strides(&p->views[i]);
    if (ask(p)) return error->status;

    uint8_t *barred = malloc(g->value_count + 1);
    if (!barred) return mite_fail(error, MITE_ERR_MEMORY, "not enough memory to plan the model");
    bar_values(p, barred);
    for (size_t i = p->first; i < p->end; i++) {
        mite_step *s = &p->steps[i];
        if (!s->settled && s->node->input_count && s->inputs[0] && !barred[s->node->inputs[0]])
            s->inputs[0]->halo = join(s->inputs[0]->halo, s->wants_halo);
    }
    free(barred);
    for (size_t i = 0; i < g->value_count; i++)
        if (!mite_view_set_strides(&p->views[i]))
            return mite_fail(error, MITE_ERR_UNSUPPORTED,
                             "value %q is too large with the padding around it", g->values[i].name);
    return ask(p);
}
