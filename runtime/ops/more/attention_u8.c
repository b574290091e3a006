// SPDX-License-Identifier: Apache-2.0
// dense_attention_u8: dense_attention with both products in integers. Each query is rounded to u8 and each key to i8 with a
// scale of its own; scores are real numbers; their softmax is rounded to u8 in 254 steps of its
// largest, v to i8 with a scale for each of its columns. Nothing but single additions and products
// of f32 beside, so the bits are the same in every build.
#include "../attention.h"

#include <math.h>

enum {
    Q = MITE_ATTENTION_Q,
    K = MITE_ATTENTION_K,
    V = MITE_ATTENTION_V,
    MASK = MITE_ATTENTION_MASK
};

#define LOG2_E 1.44269504f
#define MOST_TERMS 65536 // of a sum: no more of 255 * 128 fit i32

// Where things lie in scratch, in bytes.
typedef struct layout {
    size_t q_scale, q_zero, weight_scale, k_scale, k_sums, v_scale, zeros; // by row or column
    size_t q, k, v, row, scores, weights, kernel, bytes;
    size_t rows, keys8, wide8, length4, keys4;
} layout;

static bool put(size_t *end, size_t *at, size_t count, size_t each) {
    size_t bytes;
    *at = *end;
    return mite_size_mul(&bytes, count, each) && mite_size_align(&bytes, bytes, MITE_ALIGN) &&
           mite_size_add(end, *end, bytes);
}

static bool lay_out(const mite_step *s, const mite_attention_state *st, layout *l) {
    size_t end = 0, widest, length = st->q.length;
    if (st->keys > MOST_TERMS || length > MOST_TERMS || st->v.length > MOST_TERMS) return false;
    *l = (layout){.rows = mite_attention_block_rows(st),
                  .keys8 = mite_round_up(st->keys, 8),
                  .wide8 = mite_round_up(st->v.length, 8),
                  .length4 = mite_round_up(length, 4),
                  .keys4 = mite_round_up(st->keys, 4)};
    widest = mite_max_size(l->rows, mite_max_size(l->keys8, l->wide8));
    if (!put(&end, &l->q_scale, l->rows, 4) || !put(&end, &l->q_zero, l->rows, 4) ||
        !put(&end, &l->weight_scale, l->rows, 4) || !put(&end, &l->k_scale, l->keys8, 4) ||
        !put(&end, &l->k_sums, l->keys8, 4) || !put(&end, &l->v_scale, l->wide8, 4) ||
        !put(&end, &l->zeros, widest, 4) || !put(&end, &l->q, l->rows, length) ||
        !put(&end, &l->k, l->keys8, l->length4) || !put(&end, &l->v, l->wide8, l->keys4) ||
        !put(&end, &l->row, 1, l->length4) || !put(&end, &l->scores, l->rows, l->keys8 * 4) ||
        !put(&end, &l->weights, l->rows, l->keys8))
        return false;
    l->kernel = end;
    return mite_size_add(
        &l->bytes, end,
        s->kernels->conv_u8_f32.scratch_bytes(l->rows, 1, mite_max_size(length, st->keys)));
}

typedef struct state {
    mite_attention_state attention;
    mite_row_kernels kernels;
} state;

static mite_status plan(mite_step *s) {
    mite_attention_state *st = &((state *)s->state)->attention;
    layout l;
    mite_status status = mite_attention_set_up(s, st);
    if (status) return status;
    if (!lay_out(s, st, &l))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED,
                              "its sequences are too long for sums in 32 bits");
    s->scratch_bytes = l.bytes;
    return MITE_OK;
}

// Keys as weights: [keys/8][length/4][8][4].
static void pack_keys(const mite_row_kernels *kernels, const mite_attention_state *st,
                      const layout *l, const float *from, char *room) {
    uint8_t *row = (uint8_t *)room + l->row;
    float *scale = (float *)(void *)(room + l->k_scale);
    int32_t *sums = (int32_t *)(void *)(room + l->k_sums);
    memset(row, 128, l->length4);
    for (size_t n = 0; n < l->keys8; n++, from += st->k.row_step) {
        uint32_t sum = 0, four;
        scale[n] = 0;
        if (n < st->keys) scale[n] = kernels->quantize_row(row, from, st->q.length, 1).scale;
        else memset(row, 128, l->length4);
        char *to = room + l->k + (n / 8 * l->length4 * 8 + n % 8 * 4);
        for (size_t k = 0; k < l->length4; k += 4, to += 32) {
            memcpy(&four, row + k, 4);
            // Two bytes at a time: four of up to 255 fit 16 bits.
            sum += (four & 0x00ff00ff) + (four >> 8 & 0x00ff00ff);
            if (k % 256 == 252 || k + 4 == l->length4) {
                sums[n] =
                    (int32_t)((k < 256 ? 0 : (uint32_t)sums[n]) + (sum & 0xffff) + (sum >> 16));
                sum = 0;
            }
            four ^= 0x80808080;
            memcpy(to, &four, 4);
        }
        sums[n] -= (int32_t)(128 * l->length4);
    }
}

static void run_head(const mite_step *s, size_t batch, size_t head, void *scratch) {
    static const int32_t one_segment[1] = {0};
    const mite_attention_state *st = &((const state *)s->state)->attention;
    const mite_row_kernels *kernels = &((const state *)s->state)->kernels;
    layout l;
    if (!lay_out(s, st, &l)) return; // planned, so it does not fail
    char *room = scratch;
    mite_attention_head h = mite_attention_head_of(s, st, batch, head);
    float *scores = (float *)(void *)(room + l.scores);
    float *q_scale = (float *)(void *)(room + l.q_scale);
    float *weight_scale = (float *)(void *)(room + l.weight_scale);
    int32_t *q_zero = (int32_t *)(void *)(room + l.q_zero);
    uint8_t *q = (uint8_t *)room + l.q, *weights = (uint8_t *)room + l.weights;
    size_t keys = st->keys, length = st->q.length;
    memset(room + l.zeros, 0, l.q - l.zeros);
    pack_keys(kernels, st, &l, h.k, room);
    kernels->quantize_columns((int8_t *)room + l.v, (float *)(void *)(room + l.v_scale), h.v, keys,
                              st->v.length, st->v.row_step);
    mite_conv_args products[2] = {
        {.input = q,
         .output = scores,
         .weights = room + l.k,
         .scale = (float *)(void *)(room + l.k_scale),
         .sums = (int32_t *)(void *)(room + l.k_sums),
         .row_scale = q_scale,
         .row_zero = q_zero,
         .segment_length = length,
         .columns = keys,
         .in_pixel = length,
         .out_pixel = l.keys8},
        {.input = weights,
         .weights = room + l.v,
         .scale = (float *)(void *)(room + l.v_scale),
         .sums = (int32_t *)(void *)(room + l.zeros),
         .row_scale = weight_scale,
         .row_zero = (int32_t *)(void *)(room + l.zeros),
         .segment_length = keys,
         .columns = st->v.length,
         .in_pixel = l.keys8,
         .out_pixel = h.y_step},
    };
    for (size_t i = 0; i < 2; i++) {
        products[i].bias = room + l.zeros;
        products[i].segments = one_segment;
        products[i].segment_count = 1;
        products[i].out_width = l.rows;
        products[i].scratch = room + l.kernel;
        products[i].lo = -INFINITY;
        products[i].hi = INFINITY;
    }
    float unit = h.scale * LOG2_E;
    for (size_t first = 0; first < st->q.count && keys; first += l.rows) {
        size_t count = mite_min_size(l.rows, st->q.count - first);
        for (size_t i = 0; i < count; i++) {
            mite_row_quanta r = kernels->quantize_row(
                q + i * length, h.q + (first + i) * st->q.row_step, length, 0);
            q_scale[i] = r.scale * unit;
            q_zero[i] = r.zero_point;
        }
        s->kernels->conv_u8_f32.run(&products[0], 0, count, 0, keys);
        for (size_t i = 0; i < count; i++) {
            float *row = scores + i * l.keys8;
            int32_t sum = 0;
            if (!h.masks || mite_attention_mask_row(s, st, batch, head, first + i, LOG2_E, row))
                sum = kernels->softmax_u8(weights + i * l.keys8, row, keys);
            else memset(weights + i * l.keys8, 0, keys);
            weight_scale[i] = sum ? 1 / (float)sum : 0;
        }
        products[1].output = h.y + first * h.y_step;
        s->kernels->conv_u8_f32.run(&products[1], 0, count, 0, st->v.length);
    }
}

static mite_status prepare(mite_step *s) {
    state *st = s->state;
    mite_status status = mite_attention_set_up(s, &st->attention);
    mite_row_kernels_fill(&st->kernels, s->kernels->isa);
    s->max_parts = mite_max_size(1, st->attention.batch * st->attention.q.heads);
    s->kernel = s->kernels->conv_u8_f32.name;
    return status;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_attention_state *st = &((const state *)s->state)->attention;
    size_t begin, end;
    if (!s->outputs[0]->elements) return MITE_OK;
    if (!st->keys && part == 0)
        memset(s->outputs[0]->data, 0, s->outputs[0]->elements * sizeof(float));
    mite_part_range(st->batch * st->q.heads, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) run_head(s, i / st->q.heads, i % st->q.heads, scratch);
    return MITE_OK;
}

static const mite_attr attrs[] = {MITE_ATTENTION_ATTRS};

const mite_op mite_op_dense_attention_u8 = {
    .name = "dense_attention_u8",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 3,
    .max_inputs = 4,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = mite_attention_infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
