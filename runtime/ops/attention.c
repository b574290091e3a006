// SPDX-License-Identifier: Apache-2.0
// dense_attention: softmax(q k^T * scale + mask) v in f32, for each head: k and v are packed as
// convolution weights, and blocks of queries go through both products while their scores are in
// cache. q [B,HQ,S,D] or [B,S,HQ*D] (then with q_heads), k and v likewise with HK heads, of which
// each serves HQ/HK of q; y has q's form. mask f32 (added) or bool (whether to attend), broadcast to
// [B,HQ,S,T]; causal: query i attends to keys up to i. A query that may attend nothing gives zeros.
// (attention, of more/, has every other form and type.)
#include "attention.h"

#include <math.h>

enum { Q_HEADS, K_HEADS, CAUSAL, SCALE }; // attribute words
enum {
    Q = MITE_ATTENTION_Q,
    K = MITE_ATTENTION_K,
    V = MITE_ATTENTION_V,
    MASK = MITE_ATTENTION_MASK
};

#define BLOCK_BYTES 131072 // of scores
#define ROW_UNIT 12 // a multiple of the products' tile heights

static const mite_attr attrs[] = {MITE_ATTENTION_ATTRS};

// --- Shapes ---------------------------------------------------------------------------------------

bool mite_attention_read_rows(const mite_view *v, int32_t heads, mite_attention_rows *r) {
    if (v->rank == 4) {
        *r = (mite_attention_rows){.heads = (size_t)v->shape[1],
                                   .count = (size_t)v->shape[2],
                                   .length = (size_t)v->shape[3]};
        r->row_step = r->length;
        r->head_step = r->count * r->length;
        r->batch_step = r->heads * r->head_step;
        return true;
    }
    if (v->rank != 3 || heads < 1 || v->shape[2] % heads) return false;
    *r = (mite_attention_rows){.heads = (size_t)heads,
                               .count = (size_t)v->shape[1],
                               .length = (size_t)(v->shape[2] / heads)};
    r->head_step = r->length;
    r->row_step = (size_t)v->shape[2];
    r->batch_step = r->count * r->row_step;
    return true;
}

bool mite_attention_read_mask(const mite_step *s, mite_attention_state *st) {
    const mite_view *m = mite_step_input(s, MASK);
    size_t dims[4] = {st->batch, st->q.heads, st->q.count, 0}, step = 1;
    if (!m) return true;
    if (m->rank < 1 || m->rank > 4) return false;
    for (size_t i = (size_t)m->rank, d = 4; i-- > 0;) {
        size_t dim = (size_t)m->shape[i];
        d--;
        if (d == 3) st->mask_keys = dim;
        else if (dim != 1 && dim != dims[d]) return false;
        st->mask_step[d] = dim == 1 && d != 3 ? 0 : step;
        step *= dim;
    }
    return true;
}

mite_status mite_attention_set_up(mite_step *s, mite_attention_state *st) {
    const mite_view *q = s->inputs[Q], *k = s->inputs[K], *v = s->inputs[V];
    const mite_view *mask = mite_step_input(s, MASK);
    int32_t k_heads = mite_attr_int(s, K_HEADS);
    *st = (mite_attention_state){.batch = q->rank ? (size_t)q->shape[0] : 0,
                                 .causal = mite_attr_int(s, CAUSAL) != 0,
                                 .scale = mite_attr_float(s, SCALE)};
    bool fits = mite_attention_read_rows(q, mite_attr_int(s, Q_HEADS), &st->q) &&
                mite_attention_read_rows(k, k_heads, &st->k) &&
                mite_attention_read_rows(v, k_heads, &st->v) && st->k.heads == st->v.heads &&
                st->k.heads && st->q.heads % st->k.heads == 0 && st->k.count == st->v.count &&
                st->q.length == st->k.length && (size_t)k->shape[0] == st->batch &&
                (size_t)v->shape[0] == st->batch && mite_attention_read_mask(s, st) &&
                (!mask || st->mask_keys == st->k.count);
    st->keys = st->k.count;
    if (fits) return MITE_OK;
    return mite_step_fail(s, MITE_ERR_FORMAT,
                          "q %T, k %T, v %T, or their mask, do not fit each other with %d and %d "
                          "heads",
                          (size_t)q->rank, q->shape, (size_t)k->rank, k->shape, (size_t)v->rank,
                          v->shape, mite_attr_int(s, Q_HEADS), k_heads);
}

mite_status mite_attention_infer(mite_step *s) {
    mite_attention_state st;
    const mite_view *mask = mite_step_input(s, MASK);
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], MITE_F32);
    for (size_t k = Q; k <= V && !status; k++)
        status = mite_step_need_type(s, "input", s->inputs[k], MITE_F32);
    if (!status && mask && mask->dtype != MITE_BOOL)
        status = mite_step_need_type(s, "mask", mask, MITE_F32);
    if (!status) status = mite_attention_set_up(s, &st);
    if (status) return status;
    int32_t heads = (int32_t)st.q.heads, length = (int32_t)st.v.length, width;
    if (__builtin_mul_overflow(heads, length, &width)) width = -1;
    const int32_t *q = s->inputs[Q]->shape;
    s->macs = (uint64_t)s->inputs[Q]->elements * st.keys +
              (uint64_t)st.batch * st.q.heads * st.q.count * st.keys * st.v.length;
    if (s->inputs[Q]->rank == 3)
        return mite_step_set_shape(s, 0, 3, (int32_t[]){q[0], q[1], width});
    return mite_step_set_shape(s, 0, 4, (int32_t[]){q[0], q[1], q[2], length});
}

// --- One head -------------------------------------------------------------------------------------

size_t mite_attention_block_rows(const mite_attention_state *st) {
    size_t row_bytes = mite_round_up(st->keys, 8) * sizeof(float);
    size_t rows = row_bytes ? BLOCK_BYTES / row_bytes / ROW_UNIT * ROW_UNIT : ROW_UNIT;
    return mite_min_size(mite_max_size(rows, ROW_UNIT), mite_max_size(1, st->q.count));
}

// Floats of scratch: zeros for the bias, k, v, scores; then the kernel's.
typedef struct layout {
    size_t k, v, scores, kernel, bytes; // offsets in floats; bytes of all
} layout;

static bool lay_out(const mite_step *s, const mite_attention_state *st, layout *l) {
    size_t keys8, wide8, scores, kernel, depth = mite_max_size(st->q.length, st->keys);
    if (!mite_size_align(&keys8, st->keys, 8) || !mite_size_align(&wide8, st->v.length, 8))
        return false;
    l->k = mite_max_size(keys8, wide8);
    if (!mite_size_mul(&l->v, keys8, st->q.length) || !mite_size_add(&l->v, l->v, l->k) ||
        !mite_size_mul(&l->scores, st->keys, wide8) ||
        !mite_size_add(&l->scores, l->scores, l->v) ||
        !mite_size_mul(&scores, mite_attention_block_rows(st), keys8) ||
        !mite_size_add(&l->kernel, l->scores, scores) ||
        !mite_size_align(&l->kernel, l->kernel, MITE_ALIGN) ||
        !mite_size_mul(&l->bytes, l->kernel, sizeof(float)))
        return false;
    kernel = s->kernels->conv_f32.scratch_bytes(mite_attention_block_rows(st), 1, depth);
    return mite_size_add(&l->bytes, l->bytes, kernel);
}

mite_status mite_attention_plan_dense(mite_step *s, const mite_attention_state *st) {
    layout l;
    if (!lay_out(s, st, &l))
        return mite_step_fail(s, MITE_ERR_MEMORY, "its sequences are too long");
    s->scratch_bytes = l.bytes;
    return MITE_OK;
}

bool mite_attention_mask_row(const mite_step *s, const mite_attention_state *st, size_t batch,
                             size_t head, size_t query, float unit, float *scores) {
    const mite_view *m = mite_step_input(s, MASK);
    size_t count = st->keys, open = count;
    if (m) {
        size_t at = batch * st->mask_step[0] + head * st->mask_step[1] + query * st->mask_step[2];
        open = mite_min_size(open, st->mask_keys);
        if (m->dtype == MITE_F32) {
            const float *added = (const float *)m->data + at;
            for (size_t j = 0; j < open; j++)
                scores[j] = added[j] == -INFINITY ? -INFINITY : scores[j] + added[j] * unit;
        } else {
            const uint8_t *attends = (const uint8_t *)m->data + at;
            for (size_t j = 0; j < open; j++) scores[j] = attends[j] ? scores[j] : -INFINITY;
        }
    }
    if (st->causal) open = mite_min_size(open, query + 1);
    for (size_t j = open; j < count; j++) scores[j] = -INFINITY;
    for (size_t j = 0; j < open; j++)
        if (scores[j] != -INFINITY) return true;
    return false;
}

mite_attention_head mite_attention_head_of(const mite_step *s, const mite_attention_state *st,
                                           size_t batch, size_t head) {
    const mite_attention_rows *rows[] = {&st->q, &st->k, &st->v};
    const float *at[3];
    for (size_t i = Q; i <= V; i++) {
        size_t own = i == Q ? head : head / (st->q.heads / st->k.heads);
        at[i] = (const float *)s->inputs[i]->data + batch * rows[i]->batch_step +
                own * rows[i]->head_step;
    }
    // y has the form of q, with rows of v's length.
    bool packed = s->inputs[Q]->rank == 3;
    size_t wide = st->v.length;
    return (mite_attention_head){
        .q = at[Q],
        .k = at[K],
        .v = at[V],
        .y = (float *)s->outputs[0]->data + batch * st->q.heads * st->q.count * wide +
             head * (packed ? wide : st->q.count * wide),
        .y_step = packed ? st->q.heads * wide : wide,
        .scale = st->scale == 0 ? 1 / sqrtf((float)st->q.length) : st->scale,
        .masks = mite_step_input(s, MASK) || st->causal,
    };
}

void mite_attention_dense_head(const mite_step *s, const mite_attention_state *st, size_t batch,
                               size_t head, void *scratch) {
    static const int32_t one_segment[1] = {0};
    const mite_kernels *kernels = s->kernels;
    layout l;
    if (!lay_out(s, st, &l)) return; // planned, so it does not fail
    float *room = scratch;
    mite_attention_head h = mite_attention_head_of(s, st, batch, head);
    size_t keys = st->keys, keys8 = mite_round_up(keys, 8), wide = st->v.length;
    size_t rows = mite_attention_block_rows(st);
    memset(room, 0, l.k * sizeof *room);
    mite_pack_product_f32(room + l.k, h.k, keys, st->q.length, st->k.row_step, 1, h.scale);
    mite_pack_product_f32(room + l.v, h.v, wide, keys, 1, st->v.row_step, 1);
    mite_conv_args products[2] = {
        {.weights = room + l.k,
         .output = room + l.scores,
         .segment_length = st->q.length,
         .columns = keys,
         .in_pixel = st->q.row_step,
         .out_pixel = keys8},
        {.input = room + l.scores,
         .weights = room + l.v,
         .segment_length = keys,
         .columns = wide,
         .in_pixel = keys8,
         .out_pixel = h.y_step},
    };
    for (size_t i = 0; i < 2; i++) {
        products[i].bias = room;
        products[i].segments = one_segment;
        products[i].segment_count = 1;
        products[i].out_width = rows;
        products[i].scratch = room + l.kernel;
        products[i].lo = -INFINITY;
        products[i].hi = INFINITY;
    }
    for (size_t first = 0; first < st->q.count && keys; first += rows) {
        size_t count = mite_min_size(rows, st->q.count - first);
        products[0].input = h.q + first * st->q.row_step;
        products[1].output = h.y + first * h.y_step;
        kernels->conv_f32.run(&products[0], 0, count, 0, keys);
        for (size_t i = 0; i < count; i++) {
            float *scores = room + l.scores + i * keys8;
            if (h.masks && !mite_attention_mask_row(s, st, batch, head, first + i, 1, scores))
                memset(scores, 0, keys * sizeof *scores);
            else kernels->softmax_f32(scores, scores, keys);
        }
        kernels->conv_f32.run(&products[1], 0, count, 0, wide);
    }
}

// --- The operator ---------------------------------------------------------------------------------

static mite_status plan(mite_step *s) {
    mite_attention_state *st = s->state;
    mite_status status = mite_attention_set_up(s, st);
    return status ? status : mite_attention_plan_dense(s, st);
}

static mite_status prepare(mite_step *s) {
    mite_attention_state *st = s->state;
    mite_status status = mite_attention_set_up(s, st);
    s->max_parts = mite_max_size(1, st->batch * st->q.heads);
    return status;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_attention_state *st = s->state;
    size_t begin, end;
    if (!s->outputs[0]->elements) return MITE_OK;
    if (!st->keys && part == 0)
        memset(s->outputs[0]->data, 0, s->outputs[0]->elements * sizeof(float));
    mite_part_range(st->batch * st->q.heads, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++)
        mite_attention_dense_head(s, st, i / st->q.heads, i % st->q.heads, scratch);
    return MITE_OK;
}

const mite_op mite_op_dense_attention = {
    .name = "dense_attention",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 3,
    .max_inputs = 4,
    .output_count = 1,
    .state_bytes = sizeof(mite_attention_state),
    .infer = mite_attention_infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
