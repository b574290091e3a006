// SPDX-License-Identifier: Apache-2.0
// linear_attention: attention by a recurrent state S [d_k,d_v] a head, as ONNX defines it, of real
// types, computed in f32. For each token:
//   S *= exp(decay)                       where decay is given
//   v  = beta * (v - S^T k)               where beta is given
//   S += k (x) v;   y = scale * S^T q
// q [B,T,HQ*d_k], k [B,T,HK*d_k], v [B,T,HK*d_v], past [B,HK,d_k,d_v], decay [B,T,HK or HK*d_k],
// beta [B,T,HK or 1]. Outputs: y [B,T,HQ*d_v], the last S.
#include "floats.h"

#include "../common.h"
#include "../real.h"

#include <math.h>

enum { Q_HEADS, K_HEADS, SCALE }; // attribute words
enum { Q, K, V, PAST, DECAY, BETA, INPUTS };

static const mite_attr attrs[] = {
    [Q_HEADS] = {"q_heads", 'i', 1, 1},
    [K_HEADS] = {"k_heads", 'i', 1, 1},
    [SCALE] = {"scale", 'f', 1, 0}, // 0: 1 / sqrt(d_k)
};

typedef struct sizes {
    size_t batch, steps, q_heads, k_heads, wide, high; // d_v, d_k
    size_t decays, betas; // of one token
} sizes;

static bool read_sizes(const mite_step *s, sizes *z) {
    int32_t hq = mite_attr_int(s, Q_HEADS), hk = mite_attr_int(s, K_HEADS);
    const mite_view *q = s->inputs[Q], *past = mite_step_input(s, PAST);
    if (hq < 1 || hk < 1 || hq % hk || q->rank != 3 || q->shape[2] % hq) return false;
    for (size_t k = K; k < INPUTS; k++) {
        const mite_view *v = mite_step_input(s, k);
        if (v && k != PAST &&
            (v->rank != 3 || v->shape[0] != q->shape[0] || v->shape[1] != q->shape[1]))
            return false;
    }
    int32_t dk = q->shape[2] / hq, dv = s->inputs[V]->shape[2] / hk;
    const mite_view *decay = mite_step_input(s, DECAY), *beta = mite_step_input(s, BETA);
    *z = (sizes){.batch = (size_t)q->shape[0],
                 .steps = (size_t)q->shape[1],
                 .q_heads = (size_t)hq,
                 .k_heads = (size_t)hk,
                 .wide = (size_t)dv,
                 .high = (size_t)dk,
                 .decays = decay ? (size_t)decay->shape[2] : 0,
                 .betas = beta ? (size_t)beta->shape[2] : 0};
    return (int64_t)s->inputs[K]->shape[2] == (int64_t)dk * hk &&
           s->inputs[V]->shape[2] == dv * hk &&
           (!decay || z->decays == z->k_heads || z->decays == z->k_heads * z->high) &&
           (!beta || z->betas == z->k_heads || z->betas == 1) &&
           (!past || (past->rank == 4 && past->shape[0] == q->shape[0] && past->shape[1] == hk &&
                      past->shape[2] == dk && past->shape[3] == dv));
}

static mite_status infer(mite_step *s) {
    sizes z;
    const mite_view *past = mite_step_input(s, PAST);
    int32_t width;
    if (!read_sizes(s, &z) || !mite_is_real(s->inputs[Q]->dtype))
        return mite_step_fail(s, MITE_ERR_FORMAT, "its inputs do not fit each other");
    mite_status status = mite_step_need_type(s, "y", s->outputs[0], s->inputs[Q]->dtype);
    if (__builtin_mul_overflow((int32_t)z.q_heads, (int32_t)z.wide, &width)) width = -1;
    if (!status)
        status =
            mite_step_set_shape(s, 0, 3, (int32_t[]){(int32_t)z.batch, (int32_t)z.steps, width});
    if (!status && s->node->output_count > 1) {
        status = mite_step_need_type(s, "state", s->outputs[1],
                                     past ? past->dtype : s->inputs[Q]->dtype);
        if (!status)
            status = mite_step_set_shape(s, 1, 4,
                                         (int32_t[]){(int32_t)z.batch, (int32_t)z.k_heads,
                                                     (int32_t)z.high, (int32_t)z.wide});
    }
    s->macs = (uint64_t)z.batch * z.steps * (z.q_heads + z.k_heads) * z.high * z.wide;
    return status;
}

// The state; value, result; what is converted.
static mite_status plan(mite_step *s) {
    sizes *z = s->state;
    size_t state;
    if (!read_sizes(s, z) || !mite_size_mul(&state, z->high, 2 * z->wide) ||
        !mite_size_add(&state, state, 4 * z->wide + 4 * z->high + 2) ||
        !mite_size_mul(&s->scratch_bytes, state, sizeof(float)))
        return mite_step_fail(s, MITE_ERR_MEMORY, "its state is too large");
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    const sizes *z = s->state;
    s->max_parts = mite_max_size(1, z->batch * z->k_heads);
    return MITE_OK;
}

// Row `token` of input k, from its element `from` on.
static const float *part_of(const mite_step *s, size_t k, size_t token, size_t from, size_t count,
                            float **room) {
    const mite_view *v = s->inputs[k];
    return mite_floats_of(v, token * (size_t)v->shape[2] + from, count, room);
}

static void one_token(const mite_step *s, size_t token, size_t head, float *state, float *room) {
    const sizes *z = s->state;
    size_t wide = z->wide, high = z->high, group = z->q_heads / z->k_heads;
    float scale = mite_attr_float(s, SCALE), *value = room, *result = room + wide;
    if (scale == 0) scale = 1 / sqrtf((float)high);
    room += 2 * wide;
    const float *k = part_of(s, K, token, head * high, high, &room);
    memcpy(value, part_of(s, V, token, head * wide, wide, &room), wide * sizeof *value);
    if (z->decays) {
        bool each = z->decays != z->k_heads || high == 1;
        const float *g =
            part_of(s, DECAY, token, each ? head * high : head, each ? high : 1, &room);
        for (size_t i = 0; i < high; i++) {
            float keep = mite_exp(g[each ? i : 0]);
            for (size_t j = 0; j < wide; j++) state[i * wide + j] *= keep;
        }
    }
    if (z->betas) {
        float beta = *part_of(s, BETA, token, z->betas > 1 ? head : 0, 1, &room);
        for (size_t i = 0; i < high; i++) mite_add_scaled(value, state + i * wide, -k[i], wide);
        for (size_t j = 0; j < wide; j++) value[j] *= beta;
    }
    for (size_t i = 0; i < high; i++) mite_add_scaled(state + i * wide, value, k[i], wide);
    for (size_t h = head * group; h < (head + 1) * group; h++) {
        float *again = room;
        const float *q = part_of(s, Q, token, h * high, high, &again);
        memset(result, 0, wide * sizeof *result);
        for (size_t i = 0; i < high; i++)
            mite_add_scaled(result, state + i * wide, q[i] * scale, wide);
        mite_store_floats(s->outputs[0], (token * z->q_heads + h) * wide, result, wide);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const sizes *z = s->state;
    const mite_view *past = mite_step_input(s, PAST);
    size_t count = z->high * z->wide, begin, end;
    mite_part_range(z->batch * z->k_heads, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        float *state = scratch, *room = state + count;
        if (past)
            memcpy(state, mite_floats_of(past, i * count, count, &room), count * sizeof *state);
        else memset(state, 0, count * sizeof *state);
        room = state + count;
        for (size_t t = 0; t < z->steps; t++)
            one_token(s, i / z->k_heads * z->steps + t, i % z->k_heads, state, room);
        if (s->node->output_count > 1) mite_store_floats(s->outputs[1], i * count, state, count);
    }
    return MITE_OK;
}

const mite_op mite_op_linear_attention = {
    .name = "linear_attention",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 3,
    .max_inputs = INPUTS,
    .output_count = 1,
    .max_outputs = 2,
    .state_bytes = sizeof(sizes),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
