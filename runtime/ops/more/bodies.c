// SPDX-License-Identifier: Apache-2.0
#include "bodies.h"

#include <stdlib.h>

mite_status mite_bodies_ready(mite_step *s) {
    if (!s->host) return mite_step_wait(s, 0);
    for (size_t i = 0; i < s->node->input_count; i++)
        if (s->inputs[i] && !s->inputs[i]->known) return mite_step_wait(s, i);
    return MITE_OK;
}

mite_status mite_bodies_open(mite_step *s, size_t index, mite_body **body) {
    return *body ? MITE_OK : s->host->open(s, index, body);
}

static size_t bytes_of(const mite_view *v) { return v->elements * mite_dtype_bytes(v->dtype); }

static mite_status reserve(mite_step *s, mite_carried *c, size_t bytes) {
    if (c->view.data && bytes <= c->room) return MITE_OK;
    size_t room;
    if (!mite_size_add(&room, bytes, bytes / 2) || !mite_size_align(&room, room + 1, MITE_ALIGN))
        room = SIZE_MAX;
    void *data = room == SIZE_MAX ? NULL : realloc(c->view.data, room);
    if (!data)
        return mite_step_fail(s, MITE_ERR_MEMORY, "not enough memory for %z bytes that it carries",
                              bytes);
    c->view.data = data;
    c->room = room;
    return MITE_OK;
}

// Everything but the elements and their place.
static void take_type(mite_carried *c, const mite_view *from) {
    void *data = c->view.data;
    c->value = (mite_value){
        .name = from->value->name,
        .dtype = from->dtype,
        .rank = -1,
        .scale = from->scale,
        .zero_point = from->zero_point,
    };
    c->view = *from;
    c->view.value = &c->value;
    c->view.data = data;
    c->view.known = NULL;
}

mite_status mite_carry(mite_step *s, mite_carried *to, const mite_view *from) {
    size_t bytes = bytes_of(from);
    if (reserve(s, to, bytes)) return s->error->status;
    if (bytes) memcpy(to->view.data, from->data, bytes);
    take_type(to, from);
    return MITE_OK;
}

mite_status mite_collect(mite_step *s, mite_carried *to, const mite_view *from) {
    size_t old = bytes_of(&to->view), bytes, rank = (size_t)from->rank;
    int32_t rows = to->view.rank ? to->view.shape[0] : 0;
    if (rank == MITE_MAX_RANK || rows == INT32_MAX)
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "what it collects has too many dimensions");
    if (rows && (to->view.rank != from->rank + 1 ||
                 (rank && memcmp(to->view.shape + 1, from->shape, rank * sizeof *from->shape))))
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "it collects values of different shapes, %T after %T", rank,
                              from->shape, (size_t)to->view.rank - 1, to->view.shape + 1);
    if (!rows) old = 0;
    if (!mite_size_add(&bytes, old, bytes_of(from))) bytes = SIZE_MAX;
    if (reserve(s, to, bytes)) return s->error->status;
    if (bytes > old) memcpy((char *)to->view.data + old, from->data, bytes - old);
    take_type(to, from);
    to->view.rank = from->rank + 1;
    to->view.shape[0] = rows + 1;
    for (size_t i = 0; i < rank; i++) to->view.shape[i + 1] = from->shape[i];
    to->view.elements = bytes / mite_dtype_bytes(from->dtype);
    return MITE_OK;
}

void mite_carried_free(mite_carried *c) {
    free(c->view.data);
    *c = (mite_carried){.room = 0};
}

mite_status mite_bodies_set_output(mite_step *s, size_t index, const mite_view *from) {
    const mite_view *out = s->outputs[index];
    if (out->dtype != from->dtype || out->scale != from->scale ||
        out->zero_point != from->zero_point)
        return mite_step_fail(s, MITE_ERR_FORMAT, "output %z has another type than its body gives",
                              index);
    return mite_step_set_shape(s, index, (size_t)from->rank, from->shape);
}

void mite_bodies_put_output(const mite_step *s, size_t index, const mite_view *from) {
    size_t bytes = bytes_of(from);
    if (bytes) memcpy(s->outputs[index]->data, from->data, bytes);
}
