// SPDX-License-Identifier: Apache-2.0
// attention in f32 where it is nothing but softmax(q k^T * scale + mask) v: for each head k and v are
// packed as convolution weights, and blocks of queries go through both products while their scores
// are in cache.
#include "attention.h"

#include <math.h>

#define BLOCK_BYTES 131072 // of scores
#define ROW_UNIT 12 // a multiple of the products' tile heights

bool mite_attention_is_dense(const mite_step *s) {
    const mite_view *mask = mite_step_input(s, MASK);
    bool alone = s->node->output_count == 1;
    for (size_t k = PAST_K; k < INPUTS; k++) alone = alone && !mite_step_input(s, k);
    return alone && s->inputs[Q]->dtype == MITE_F32 && mite_attr_float(s, SOFTCAP) == 0 &&
           mite_attr_int(s, LEFT) < 0 && mite_attr_int(s, RIGHT) < 0 &&
           (!mask || mask->dtype == MITE_F32 || mask->dtype == MITE_BOOL);
}

static size_t block_rows(const mite_attention_state *st) {
    size_t row_bytes = mite_round_up(st->keys, 8) * sizeof(float);
    size_t rows = row_bytes ? BLOCK_BYTES / row_bytes / ROW_UNIT * ROW_UNIT : ROW_UNIT;
    return mite_min_size(mite_max_size(rows, ROW_UNIT), mite_max_size(1, st->q.count));
}

// Floats of scratch: zeros for the bias, k, v, scores; then the kernel's.
typedef struct layout {
    size_t k, v, scores, kernel, bytes; // offsets in floats; bytes of all
} layout;

static bool lay_out(const mite_step *s, layout *l) {
    const mite_attention_state *st = s->state;
    size_t keys8, wide8, scores, kernel, depth = mite_max_size(st->q.length, st->keys);
    if (!mite_size_align(&keys8, st->keys, 8) || !mite_size_align(&wide8, st->v.length, 8))
        return false;
    l->k = mite_max_size(keys8, wide8);
    if (!mite_size_mul(&l->v, keys8, st->q.length) || !mite_size_add(&l->v, l->v, l->k) ||
        !mite_size_mul(&l->scores, st->keys, wide8) ||
        !mite_size_add(&l->scores, l->scores, l->v) ||
        !mite_size_mul(&scores, block_rows(st), keys8) ||
        !mite_size_add(&l->kernel, l->scores, scores) ||
        !mite_size_align(&l->kernel, l->kernel, MITE_ALIGN) ||
        !mite_size_mul(&l->bytes, l->kernel, sizeof(float)))
        return false;
    kernel = s->kernels->conv_f32.scratch_bytes(block_rows(st), 1, depth);
    return mite_size_add(&l->bytes, l->bytes, kernel);
}

mite_status mite_attention_plan_dense(mite_step *s) {
    layout l;
    if (!lay_out(s, &l)) return mite_step_fail(s, MITE_ERR_MEMORY, "its sequences are too long");
    s->scratch_bytes = l.bytes;
    return MITE_OK;
}

// Adds the mask to the scores of one query, and sets those to -infinity that it may not attend.
// False if it may attend nothing.
static bool mask_row(const mite_step *s, size_t batch, size_t head, size_t query, float *scores) {
    const mite_attention_state *st = s->state;
    const mite_view *m = mite_step_input(s, MASK);
    size_t count = st->keys, open = count;
    if (m) {
        size_t at = batch * st->mask_step[0] + head * st->mask_step[1] + query * st->mask_step[2];
        open = mite_min_size(open, st->mask_keys);
        if (m->dtype == MITE_F32) {
            const float *added = (const float *)m->data + at;
            for (size_t j = 0; j < open; j++)
                scores[j] = added[j] == -INFINITY ? -INFINITY : scores[j] + added[j];
        } else {
            const uint8_t *attends = (const uint8_t *)m->data + at;
            for (size_t j = 0; j < open; j++) scores[j] = attends[j] ? scores[j] : -INFINITY;
        }
    }
    if (mite_attr_int(s, CAUSAL)) open = mite_min_size(open, query + 1);
    for (size_t j = open; j < count; j++) scores[j] = -INFINITY;
    for (size_t j = 0; j < open; j++)
        if (scores[j] != -INFINITY) return true;
    return false;
}

void mite_attention_dense_head(const mite_step *s, size_t batch, size_t head, void *scratch) {
    static const int32_t one_segment[1] = {0};
    const mite_attention_state *st = s->state;
    const mite_kernels *kernels = s->kernels;
    layout l;
    if (!lay_out(s, &l)) return; // planned, so it does not fail
    float *room = scratch, scale = mite_attr_float(s, SCALE);
    size_t keys = st->keys, keys8 = mite_round_up(keys, 8), wide = st->v.length;
    size_t k_head = head / (st->q.heads / st->k.heads), rows = block_rows(st);
    const float *q =
        (const float *)s->inputs[Q]->data + batch * st->q.batch_step + head * st->q.head_step;
    const float *k =
        (const float *)s->inputs[K]->data + batch * st->k.batch_step + k_head * st->k.head_step;
    const float *v =
        (const float *)s->inputs[V]->data + batch * st->v.batch_step + k_head * st->v.head_step;
    // y has the form of q, with rows of v's length.
    bool packed = s->inputs[Q]->rank == 3;
    size_t y_step = packed ? st->q.heads * wide : wide;
    float *y = (float *)s->outputs[Y]->data + batch * st->q.heads * st->q.count * wide +
               head * (packed ? wide : st->q.count * wide);
    if (scale == 0) scale = 1 / sqrtf((float)st->q.length);
    memset(room, 0, l.k * sizeof *room);
    mite_pack_product_f32(room + l.k, k, keys, st->q.length, st->k.row_step, 1, scale);
    mite_pack_product_f32(room + l.v, v, wide, keys, 1, st->v.row_step, 1);
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
         .out_pixel = y_step},
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
    bool masks = mite_step_input(s, MASK) || mite_attr_int(s, CAUSAL);
    for (size_t first = 0; first < st->q.count && keys; first += rows) {
        size_t count = mite_min_size(rows, st->q.count - first);
        products[0].input = q + first * st->q.row_step;
        products[1].output = y + first * y_step;
        kernels->conv_f32.run(&products[0], 0, count, 0, keys);
        for (size_t i = 0; i < count; i++) {
            float *scores = room + l.scores + i * keys8;
            if (masks && !mask_row(s, batch, head, first + i, scores))
                memset(scores, 0, keys * sizeof *scores);
            else kernels->softmax_f32(scores, scores, keys);
        }
        kernels->conv_f32.run(&products[1], 0, count, 0, wide);
    }
}
