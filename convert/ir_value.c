// SPDX-License-Identifier: Apache-2.0
// Values of the converter's graph: inputs, constants and what they remember.
#include "ir_private.h"

#include "base/sizes.h"

#include <stdlib.h>
#include <string.h>

static mite_ir_value *new_value(mite_ir_graph *g, const char *name, mite_dtype dtype, size_t rank,
                                const int32_t *shape) {
    size_t elements;
    if (!mite_ir_ok(g)) return NULL;
    if (rank > MITE_MAX_RANK || !mite_shape_elements(&elements, rank, shape)) {
        mite_ir_fail(g, MITE_ERR_FORMAT,
                     "%q: a shape of rank %z is negative, too large or of more than 8 dimensions",
                     name, rank);
        return NULL;
    }
    mite_ir_value *v = mite_ir_alloc(g, 1, sizeof *v);
    if (!v || !mite_ir_list_value(g, v)) return NULL;
    v->name = name ? name : "";
    v->dtype = dtype;
    v->rank = (int32_t)rank;
    for (size_t i = 0; i < rank; i++) v->shape[i] = v->other[i] = shape[i];
    return v;
}

mite_ir_value *mite_ir_input(mite_ir_graph *g, const char *name, mite_dtype dtype, size_t rank,
                             const int32_t *shape) {
    mite_ir_value *v = new_value(g, name, dtype, rank, shape);
    return mite_ir_list_port(g, &g->inputs, &g->input_count, name, v) ? v : NULL;
}

void mite_ir_open(mite_ir_value *v, size_t index, int32_t stand_in, int32_t other) {
    if (!v) return;
    v->open |= (uint8_t)(1u << index);
    v->shape[index] = stand_in;
    v->other[index] = other;
}

void mite_ir_open_all(mite_ir_value *v) {
    if (!v) return;
    v->open = 0xff;
    memcpy(v->other, v->shape, sizeof v->other);
}

void mite_ir_output(mite_ir_graph *g, const char *name, mite_ir_value *v) {
    if (v) v = mite_ir_resolve(v);
    if (mite_ir_list_port(g, &g->outputs, &g->output_count, name, v)) v->uses++;
}

mite_ir_value *mite_ir_constant(mite_ir_graph *g, const char *name, mite_dtype dtype, size_t rank,
                                const int32_t *shape) {
    mite_ir_value *v = new_value(g, name, dtype, rank, shape);
    size_t bytes;
    if (!v) return NULL;
    if (!mite_layout_bytes(&bytes, MITE_LAYOUT_DENSE, dtype, rank, shape, 1)) bytes = SIZE_MAX / 2;
    if (!mite_ir_take_bytes(g, bytes)) return NULL;
    v->data = calloc(bytes ? bytes : 1, 1);
    if (!v->data) {
        g->used_bytes -= bytes;
        mite_ir_fail(g, MITE_ERR_MEMORY, "%q: no memory for a constant of %z bytes", v->name,
                     bytes);
        return NULL;
    }
    v->bytes = bytes;
    return v;
}

mite_ir_value *mite_ir_floats(mite_ir_graph *g, const char *name, const float *data, size_t count) {
    int32_t shape = count <= INT32_MAX ? (int32_t)count : -1;
    mite_ir_value *v = mite_ir_constant(g, name, MITE_F32, 1, &shape);
    if (v) memcpy(v->data, data, v->bytes);
    return v;
}

void mite_ir_set_quant(mite_ir_graph *g, mite_ir_value *v, size_t count, int32_t axis,
                       const float *scales, const int32_t *zero_points) {
    if (!v) return;
    float *s = mite_ir_alloc(g, count, sizeof *s);
    int32_t *z = mite_ir_alloc(g, count, sizeof *z);
    if (!s || !z) return;
    memcpy(s, scales, count * sizeof *s);
    memcpy(z, zero_points, count * sizeof *z);
    v->scales = s;
    v->zero_points = z;
    v->quant_count = count;
    v->axis = axis;
}

// out[i0,i1,…] = in[…] with out dimension i being in dimension perm[i]; an odometer over the
// output keeps it free of divisions.
static void permute(uint8_t *out, const uint8_t *in, size_t item, size_t rank, const int32_t *shape,
                    const int32_t *perm, size_t elements) {
    size_t strides[MITE_MAX_RANK], step[MITE_MAX_RANK], index[MITE_MAX_RANK] = {0};
    size_t stride = item, from = 0;
    for (size_t i = rank; i-- > 0;) {
        strides[i] = stride;
        stride *= (size_t)shape[i];
    }
    for (size_t i = 0; i < rank; i++) step[i] = strides[perm[i]];
    for (size_t n = 0; n < elements; n++) {
        memcpy(out + n * item, in + from, item);
        for (size_t i = rank; i-- > 0;) {
            from += step[i];
            if (++index[i] < (size_t)shape[perm[i]]) break;
            from -= step[i] * index[i];
            index[i] = 0;
        }
    }
}

static mite_ir_value *transpose_one(mite_ir_graph *g, const mite_ir_value *v, const int32_t *perm) {
    int32_t shape[MITE_MAX_RANK] = {0};
    for (int32_t i = 0; i < v->rank; i++) shape[i] = v->shape[perm[i]];
    mite_ir_value *t = mite_ir_constant(g, v->name, v->dtype, (size_t)v->rank, shape);
    if (!t) return NULL;
    permute(t->data, v->data, mite_dtype_bytes(v->dtype), (size_t)v->rank, v->shape, perm,
            mite_ir_elements(v));
    t->scales = v->scales;
    t->zero_points = v->zero_points;
    t->quant_count = v->quant_count;
    for (int32_t i = 0; i < v->rank; i++) {
        if (perm[i] == v->axis) t->axis = i;
    }
    return t;
}

mite_ir_value *mite_ir_transposed(mite_ir_graph *g, mite_ir_value *v, const int32_t *perm) {
    if (!v || !v->data || !mite_ir_ok(g)) return NULL;
    mite_ir_value *t = transpose_one(g, v, perm), *q = v->origin;
    if (!t || !q || !q->data) return t;
    t->origin = transpose_one(g, q, perm);
    if (t->origin && q->block_scales) {
        t->origin->block = q->block;
        t->origin->block_scales = transpose_one(g, q->block_scales, perm);
        t->origin->block_zeros = q->block_zeros ? transpose_one(g, q->block_zeros, perm) : NULL;
    }
    return t;
}

// Where the axis of the scales lies after a reshape: at the dimension with as many elements
// before it and of the same size, or -1.
static int32_t moved_axis(const mite_ir_value *v, size_t rank, const int32_t *shape) {
    size_t before = 1, at = 1;
    for (int32_t i = 0; i < v->axis; i++) before *= (size_t)v->shape[i];
    for (size_t i = 0; i < rank; i++) {
        if (at == before && shape[i] == v->shape[v->axis]) return (int32_t)i;
        at *= (size_t)shape[i];
    }
    return -1;
}

static mite_ir_value *reshape_one(mite_ir_graph *g, const mite_ir_value *v, size_t rank,
                                  const int32_t *shape) {
    mite_ir_value *r = mite_ir_constant(g, v->name, v->dtype, rank, shape);
    if (!r) return NULL;
    if (r->bytes != v->bytes) {
        mite_ir_fail(g, MITE_ERR_FORMAT, "%q: shape %T does not hold what %T holds", v->name, rank,
                     shape, (size_t)v->rank, v->shape);
        return NULL;
    }
    memcpy(r->data, v->data, v->bytes);
    int32_t axis = v->quant_count > 1 ? moved_axis(v, rank, shape) : 0;
    if (v->quant_count && axis >= 0) {
        r->scales = v->scales;
        r->zero_points = v->zero_points;
        r->quant_count = v->quant_count;
        r->axis = axis;
    }
    return r;
}

// Numbers in blocks keep them where a matrix becomes [N,1,1,K].
static mite_ir_value *reshape_blocks(mite_ir_graph *g, const mite_ir_value *q, size_t rank,
                                     const int32_t *shape) {
    const mite_ir_value *scales = q->block_scales, *zeros = q->block_zeros;
    if (q->rank != 2 || rank != 4 || shape[0] != q->shape[0] || shape[1] != 1 || shape[2] != 1)
        return NULL;
    const int32_t blocks[] = {scales->shape[0], 1, 1, scales->shape[1]};
    mite_ir_value *r = reshape_one(g, q, rank, shape);
    if (!r) return NULL;
    r->block = q->block;
    r->block_scales = reshape_one(g, scales, 4, blocks);
    r->block_zeros = zeros ? reshape_one(g, zeros, 4, blocks) : NULL;
    return r;
}

mite_ir_value *mite_ir_reshaped(mite_ir_graph *g, mite_ir_value *v, size_t rank,
                                const int32_t *shape) {
    if (!v || !v->data || !mite_ir_ok(g)) return NULL;
    mite_ir_value *r = reshape_one(g, v, rank, shape);
    if (r && v->origin && v->origin->data && v->origin->block_scales) {
        r->origin = reshape_blocks(g, v->origin, rank, shape);
    } else if (r && v->origin && v->origin->data) {
        mite_ir_value *origin = reshape_one(g, v->origin, rank, shape);
        // Without a place for the scales the quantized numbers mean nothing.
        if (origin && origin->quant_count) r->origin = origin;
    }
    return r;
}

void mite_ir_release(mite_ir_graph *g, mite_ir_value *v) {
    if (!v->data) return;
    g->used_bytes -= v->bytes;
    free(v->data);
    v->data = NULL;
    v->bytes = 0;
}

mite_ir_value *mite_ir_resolve(mite_ir_value *v) {
    mite_ir_value *end = v;
    while (end->forward) end = end->forward;
    while (v->forward && v->forward != end) { // the next look-up takes one step
        mite_ir_value *next = v->forward;
        v->forward = end;
        v = next;
    }
    return end;
}

void mite_ir_replace(mite_ir_value *from, mite_ir_value *to) {
    from = mite_ir_resolve(from);
    to = mite_ir_resolve(to);
    if (from == to) return;
    // Uses are counted at the end of the chain, see mite_ir_set_input and mite_ir_kill.
    to->uses += from->uses;
    from->uses = 0;
    from->forward = to;
}

size_t mite_ir_elements_of(const mite_ir_value *v, bool other) {
    size_t elements;
    const int32_t *shape = other ? v->other : v->shape;
    return mite_shape_elements(&elements, (size_t)v->rank, shape) ? elements : 0;
}

size_t mite_ir_elements(const mite_ir_value *v) { return mite_ir_elements_of(v, false); }

bool mite_ir_is_vague(const mite_ir_value *v) {
    for (size_t i = 0; i < (size_t)v->rank; i++)
        if ((v->open >> i & 1) && v->shape[i] == v->other[i]) return true;
    return false;
}

bool mite_ir_same_shape(const mite_ir_value *a, const mite_ir_value *b) {
    size_t bytes = (size_t)a->rank * sizeof a->shape[0];
    if (a == b) return !a->unknown;
    if (a->unknown || b->unknown || a->rank != b->rank || mite_ir_is_vague(a) ||
        mite_ir_is_vague(b))
        return false;
    return !bytes ||
           (memcmp(a->shape, b->shape, bytes) == 0 && memcmp(a->other, b->other, bytes) == 0);
}
