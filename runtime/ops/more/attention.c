// SPDX-License-Identifier: Apache-2.0
// attention: scaled dot product attention as ONNX defines it, of real types, computed in f32.
//   y = softmax(softcap(q k^T * scale) + mask) v
// q [B,HQ,S,D] or [B,S,HQ*D] (then with q_heads), k and v likewise with HK heads, of which each
// serves HQ/HK of q; y has q's form. Optional: mask (bool: whether to attend; real: added),
// broadcast to [B,HQ,S,T], its last dimension cut or filled up with "not"; past_k and past_v
// [B,HK,P,D], which come before k and v, so that T = P + length of k; lengths [B] i32 or i64, how
// many keys of each sequence count; sinks [HQ], for each head a score more in the softmax, that of a
// value of zeros ("Efficient Streaming Language Models with Attention Sinks", Xiao et al. 2024);
// starts [B] i64, how much of its past each sequence has: new rows come right behind that (the cache
// of com.microsoft.GroupQueryAttention). The present is then as long as the past or as `total`, one i32
// or i64, whichever is more, and has the keys that count but for the first drops [B] i64 of them.
// Query i stands at position p = i + offset, with offset P, or the start, or length - S where lengths
// are given and neither is there.
// causal: keys j <= p; left >= 0: j >= p - left; right >= 0: j <= p + right.
// Outputs: y; present_k and present_v, past and new ones together, then zeros; scores [B,HQ,S,T] as they are
// after the stage `scores`: 0 product, 1 softcap, 2 mask, 3 softmax.
// A query that may attend nothing gives zeros. Nothing of size S*T is kept.
#include "../attention.h"

#include "../real.h"
#include "floats.h"

#include <math.h>

enum { Q_HEADS, K_HEADS, CAUSAL, LEFT, RIGHT, SCORES, SCALE, SOFTCAP }; // attribute words
enum { Q, K, V, MASK, PAST_K, PAST_V, LENGTHS, SINKS, STARTS, TOTAL, DROPS, INPUTS };
enum { Y, PRESENT_K, PRESENT_V, ALL_SCORES, OUTPUTS };

#define ROWS 4 // queries that share the reading of a key

static const mite_attr attrs[] = {
    [Q_HEADS] = {"q_heads", 'i', 1, 0}, // needed for packed inputs
    [K_HEADS] = {"k_heads", 'i', 1, 0}, [CAUSAL] = {"causal", 'i', 1, 0},
    [LEFT] = {"left", 'i', 1, -1},      [RIGHT] = {"right", 'i', 1, -1},
    [SCORES] = {"scores", 'i', 1, 0},   [SCALE] = {"scale", 'f', 1, 0}, // 0: 1 / sqrt(D)
    [SOFTCAP] = {"softcap", 'f', 1, 0}, // 0: none
};

typedef mite_attention_rows rows;
typedef mite_attention_state state;

static bool read_past(const mite_step *s, size_t k, const rows *r, size_t batch, size_t *past) {
    const mite_view *v = mite_step_input(s, k);
    if (!v) return *past == 0;
    if (v->rank != 4 || (size_t)v->shape[0] != batch || (size_t)v->shape[1] != r->heads ||
        (size_t)v->shape[3] != r->length)
        return false;
    if (k == PAST_V && (size_t)v->shape[2] != *past) return false;
    *past = (size_t)v->shape[2];
    return true;
}

static mite_status set_up(mite_step *s, state *st) {
    const mite_view *q = s->inputs[Q], *lengths = mite_step_input(s, LENGTHS);
    const mite_view *mask = mite_step_input(s, MASK), *sinks = mite_step_input(s, SINKS);
    const mite_view *starts = mite_step_input(s, STARTS), *drops = mite_step_input(s, DROPS);
    int64_t total = 0;
    size_t count;
    mite_status status = starts ? mite_step_integers(s, TOTAL, &total, 1, &count) : MITE_OK;
    if (status) return status;
    *st = (state){.batch = q->rank ? (size_t)q->shape[0] : 0};
    int32_t k_heads = mite_attr_int(s, K_HEADS);
    bool fits = mite_attention_read_rows(q, mite_attr_int(s, Q_HEADS), &st->q) &&
                mite_attention_read_rows(s->inputs[K], k_heads, &st->k) &&
                mite_attention_read_rows(s->inputs[V], k_heads, &st->v) &&
                st->k.heads == st->v.heads && st->k.heads && st->q.heads % st->k.heads == 0 &&
                st->k.count == st->v.count && st->q.length == st->k.length &&
                (size_t)s->inputs[K]->shape[0] == st->batch &&
                (size_t)s->inputs[V]->shape[0] == st->batch &&
                read_past(s, PAST_K, &st->k, st->batch, &st->past) &&
                read_past(s, PAST_V, &st->v, st->batch, &st->past) &&
                mite_size_add(&st->keys, st->past, st->k.count) && st->keys <= INT32_MAX &&
                total >= 0 && total <= INT32_MAX && mite_attention_read_mask(s, st) &&
                (!mask || mask->dtype == MITE_BOOL || mite_is_real(mask->dtype)) &&
                (!lengths || lengths->elements == st->batch) &&
                (!starts || (starts->elements == st->batch && starts->dtype == MITE_I64)) &&
                (!drops || (starts && drops->elements == st->batch && drops->dtype == MITE_I64)) &&
                (!sinks || sinks->elements == st->q.heads);
    st->present = starts ? mite_max_size(st->past, (size_t)total) : st->keys;
    if (fits) return MITE_OK;
    const mite_view *k = s->inputs[K], *v = s->inputs[V];
    return mite_step_fail(s, MITE_ERR_FORMAT,
                          "q %T, k %T, v %T, or what goes with them, do not fit each other with "
                          "%d and %d heads",
                          (size_t)q->rank, q->shape, (size_t)k->rank, k->shape, (size_t)v->rank,
                          v->shape, mite_attr_int(s, Q_HEADS), mite_attr_int(s, K_HEADS));
}

static mite_status infer(mite_step *s) {
    state st;
    mite_dtype dtype = s->inputs[Q]->dtype;
    const mite_view *lengths = mite_step_input(s, LENGTHS);
    mite_status status = set_up(s, &st);
    for (size_t k = Q; k < STARTS && !status; k++)
        if (k != MASK && k != LENGTHS && mite_step_input(s, k))
            status = mite_step_need_type(s, "input", s->inputs[k], dtype);
    if (!status && (!mite_is_real(dtype) ||
                    (lengths && lengths->dtype != MITE_I32 && lengths->dtype != MITE_I64)))
        status = mite_step_fail(s, MITE_ERR_UNSUPPORTED,
                                "q is %s, lengths are of another type "
                                "than i32 and i64",
                                mite_dtype_name(dtype));
    if (status) return status;
    int32_t b = (int32_t)st.batch, h = (int32_t)st.k.heads, t = (int32_t)st.keys;
    int32_t kept = (int32_t)st.present;
    int32_t rows_of_q = (int32_t)st.q.count, q_heads = (int32_t)st.q.heads, width;
    int32_t d = (int32_t)st.k.length, e = (int32_t)st.v.length;
    if (__builtin_mul_overflow(q_heads, e, &width)) width = -1;
    const int32_t shapes[OUTPUTS][4] = {
        {b, q_heads, rows_of_q, e}, {b, h, kept, d}, {b, h, kept, e}, {b, q_heads, rows_of_q, t}};
    for (size_t i = 0; i < s->node->output_count && !status; i++) {
        status = mite_step_need_type(s, "output", s->outputs[i], dtype);
        if (!status && i == Y && s->inputs[Q]->rank == 3)
            status = mite_step_set_shape(s, i, 3, (int32_t[]){b, rows_of_q, width});
        else if (!status) status = mite_step_set_shape(s, i, 4, shapes[i]);
    }
    s->macs = (uint64_t)st.batch * st.q.heads * st.q.count * st.keys * (st.k.length + st.v.length);
    return status;
}

// Scores and results of some queries, the queries; for types other than f32 also the head's keys
// and values.
static bool is_dense(const mite_step *s) {
    const mite_view *mask = mite_step_input(s, MASK);
    bool alone = s->node->output_count == 1;
    for (size_t k = PAST_K; k < INPUTS; k++) alone = alone && !mite_step_input(s, k);
    return alone && s->inputs[Q]->dtype == MITE_F32 && mite_attr_float(s, SOFTCAP) == 0 &&
           mite_attr_int(s, LEFT) < 0 && mite_attr_int(s, RIGHT) < 0 &&
           (!mask || mask->dtype == MITE_F32 || mask->dtype == MITE_BOOL);
}

static mite_status plan(mite_step *s) {
    state *st = s->state;
    mite_status status = set_up(s, st);
    size_t each, all = 0, floats;
    if (status) return status;
    st->dense = is_dense(s);
    st->causal = mite_attr_int(s, CAUSAL) != 0;
    st->scale = mite_attr_float(s, SCALE);
    if (st->dense) return mite_attention_plan_dense(s, st);
    bool fits = mite_size_add(&each, st->keys, 2 * st->q.length + st->v.length + 4) &&
                mite_size_mul(&floats, each, ROWS);
    if (s->inputs[Q]->dtype != MITE_F32)
        fits = fits && mite_size_mul(&all, st->keys, st->k.length + st->v.length);
    if (!fits || !mite_size_add(&floats, floats, all) ||
        !mite_size_mul(&s->scratch_bytes, floats, sizeof(float)))
        return mite_step_fail(s, MITE_ERR_MEMORY, "its sequences are too long");
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    const state *st = s->state;
    s->max_parts = mite_max_size(1, st->batch * st->q.heads);
    return MITE_OK;
}

// Element `batch` of an optional input of i32 or i64.
static int64_t number_at(const mite_step *s, size_t k, size_t batch, int64_t otherwise) {
    const mite_view *v = mite_step_input(s, k);
    if (v)
        mite_load_integers(&otherwise, (const char *)v->data + batch * mite_dtype_bytes(v->dtype),
                           v->dtype, 1, 1);
    return otherwise;
}

// How many keys of a sequence count, of those that it has.
static size_t valid_keys(const mite_step *s, size_t batch, size_t have) {
    int64_t given = number_at(s, LENGTHS, batch, (int64_t)have);
    return given < 0 ? 0 : mite_min_size((size_t)given, have);
}

// One head of q in one sequence.
typedef struct head {
    const mite_step *s;
    size_t batch, head;
    size_t past; // how much of it this sequence has; new rows come behind that
    int64_t offset;
    size_t valid; // keys from here on count for none
    const float *old_k, *old_v, *new_k, *new_v; // of the past; of this run
    size_t k_step, v_step; // between new rows
    float *scores, *q, *sums; // ROWS of each
} head;

static bool may_attend(const head *h, size_t query, size_t key) {
    int64_t at = (int64_t)query + h->offset, j = (int64_t)key;
    int32_t left = mite_attr_int(h->s, LEFT), right = mite_attr_int(h->s, RIGHT);
    return key < h->valid && !(mite_attr_int(h->s, CAUSAL) && j > at) &&
           !(left >= 0 && j < at - left) && !(right >= 0 && j > at + right);
}

// What the mask adds to a score; -infinity where the query may not attend.
static float bias(const head *h, size_t query, size_t key) {
    const state *st = h->s->state;
    const mite_view *m = mite_step_input(h->s, MASK);
    double added;
    if (!may_attend(h, query, key)) return -INFINITY;
    if (!m) return 0;
    if (key >= st->mask_keys) return -INFINITY;
    size_t at =
        h->batch * st->mask_step[0] + h->head * st->mask_step[1] + query * st->mask_step[2] + key;
    mite_load_reals(&added, (const char *)m->data + at * mite_dtype_bytes(m->dtype), m->dtype, 1,
                    1);
    if (m->dtype == MITE_BOOL) return added != 0 ? 0 : -INFINITY;
    return (float)added;
}

static void keep_scores(const head *h, size_t query, int32_t stage, const float *scores) {
    const state *st = h->s->state;
    if (h->s->node->output_count <= ALL_SCORES || mite_attr_int(h->s, SCORES) != stage) return;
    size_t row = (h->batch * st->q.heads + h->head) * st->q.count + query;
    mite_store_floats(h->s->outputs[ALL_SCORES], row * st->keys, scores, st->keys);
}

// Scores to probabilities, in place.
static void attend(const head *h, size_t query, float *scores) {
    size_t count = ((const state *)h->s->state)->keys;
    const mite_view *sinks = mite_step_input(h->s, SINKS);
    float cap = mite_attr_float(h->s, SOFTCAP), most = -INFINITY, sum = 0, sink, *room = &sink;
    if (sinks) most = *mite_floats_of(sinks, h->head, 1, &room);
    sink = most;
    keep_scores(h, query, 0, scores);
    for (size_t j = 0; j < count && cap > 0; j++) scores[j] = cap * mite_tanh(scores[j] / cap);
    keep_scores(h, query, 1, scores);
    for (size_t j = 0; j < count; j++) {
        float added = bias(h, query, j);
        // Not a sum where it is masked: what is there may be NaN or infinite.
        scores[j] = added > -INFINITY ? scores[j] + added : -INFINITY;
        most = scores[j] > most || scores[j] != scores[j] ? scores[j] : most;
    }
    keep_scores(h, query, 2, scores);
    if (sinks) sum = mite_exp(sink - most);
    for (size_t j = 0; j < count; j++) {
        scores[j] = scores[j] == -INFINITY ? 0 : mite_exp(scores[j] - most);
        sum += scores[j];
    }
    float scale = sum == 0 ? 0 : 1 / sum;
    for (size_t j = 0; j < count; j++) scores[j] *= scale;
    keep_scores(h, query, 3, scores);
}

static const float *key_row(const head *h, size_t j) {
    const state *st = h->s->state;
    return j < h->past ? h->old_k + j * st->k.length : h->new_k + (j - h->past) * h->k_step;
}

static const float *value_row(const head *h, size_t j) {
    const state *st = h->s->state;
    return j < h->past ? h->old_v + j * st->v.length : h->new_v + (j - h->past) * h->v_step;
}

// Queries [first, first + count), count <= ROWS.
static void some_rows(const head *h, size_t first, size_t count) {
    const mite_step *s = h->s;
    const state *st = s->state;
    size_t length = st->q.length, wide = st->v.length;
    float scale = mite_attr_float(s, SCALE);
    if (scale == 0) scale = 1 / sqrtf((float)length);
    const rows *q = &st->q;
    for (size_t r = 0; r < count; r++) {
        float *room = h->q + (ROWS + r) * length;
        const float *in = mite_floats_of(s->inputs[Q],
                                         h->batch * q->batch_step + h->head * q->head_step +
                                             (first + r) * q->row_step,
                                         length, &room);
        for (size_t i = 0; i < length; i++) h->q[r * length + i] = in[i] * scale;
    }
    for (size_t j = 0; j < st->keys; j++)
        for (size_t r = 0; r < count; r++)
            h->scores[r * st->keys + j] =
                j < h->past + st->k.count ? mite_dot(h->q + r * length, key_row(h, j), length) : 0;
    for (size_t r = 0; r < count; r++) attend(h, first + r, h->scores + r * st->keys);
    memset(h->sums, 0, count * wide * sizeof(float));
    for (size_t j = 0; j < st->keys; j++)
        for (size_t r = 0; r < count; r++) {
            float p = h->scores[r * st->keys + j];
            if (p != 0) mite_add_scaled(h->sums + r * wide, value_row(h, j), p, wide);
        }
    bool packed = s->inputs[Q]->rank == 3;
    for (size_t r = 0; r < count; r++) {
        size_t row = packed ? (h->batch * q->count + first + r) * q->heads + h->head
                            : (h->batch * q->heads + h->head) * q->count + first + r;
        mite_store_floats(s->outputs[Y], row * wide, h->sums + r * wide, wide);
    }
}

// What is kept of head `k_head`: rows of the past and new ones, and zeros.
static void keep_rows(const head *h, size_t output, const rows *r, size_t k_head) {
    const mite_step *s = h->s;
    const state *st = s->state;
    const mite_view *old = mite_step_input(s, output == PRESENT_K ? PAST_K : PAST_V);
    const mite_view *in = s->inputs[output == PRESENT_K ? K : V], *out = s->outputs[output];
    size_t item = mite_dtype_bytes(in->dtype), plane = h->batch * r->heads + k_head;
    size_t row_bytes = r->length * item, drop = (size_t)number_at(s, DROPS, h->batch, 0);
    // Where starts are given, what is beyond the length is padding.
    size_t end = mite_step_input(s, STARTS) ? h->valid : st->keys;
    char *to = (char *)out->data + plane * st->present * row_bytes;
    if (!row_bytes) return;
    for (size_t j = drop; j < end; j++, to += row_bytes) {
        const mite_view *from = j < h->past ? old : in;
        size_t at = j < h->past ? (plane * st->past + j) * r->length
                                : h->batch * r->batch_step + k_head * r->head_step +
                                      (j - h->past) * r->row_step;
        memcpy(to, (const char *)from->data + at * item, row_bytes);
    }
    memset(to, 0, (st->present - (end - drop)) * row_bytes);
}

// The head's new rows as f32: in place, or converted one behind the other.
static const float *rows_of(const mite_view *v, const rows *r, size_t batch, size_t k_head,
                            float **room, size_t *step) {
    size_t from = batch * r->batch_step + k_head * r->head_step;
    *step = r->row_step;
    if (v->dtype == MITE_F32) return (const float *)v->data + from;
    const float *first = *room;
    *step = r->length;
    for (size_t i = 0; i < r->count; i++)
        mite_floats_of(v, from + i * r->row_step, r->length, room);
    return first;
}

static const float *past_of(const mite_step *s, size_t k, const rows *r, size_t plane, size_t past,
                            float **room) {
    const mite_view *v = mite_step_input(s, k);
    return v ? mite_floats_of(v, plane * past * r->length, past * r->length, room) : NULL;
}

static void one_head(head *h, float *room) {
    const mite_step *s = h->s;
    const state *st = s->state;
    size_t group = st->q.heads / st->k.heads, k_head = h->head / group;
    size_t plane = h->batch * st->k.heads + k_head;
    h->past = (size_t)number_at(s, STARTS, h->batch, (int64_t)st->past);
    h->offset = (int64_t)h->past;
    h->valid = valid_keys(s, h->batch, h->past + st->k.count);
    if (mite_step_input(s, LENGTHS) && !st->past && !mite_step_input(s, STARTS))
        h->offset = (int64_t)h->valid - (int64_t)st->q.count;
    h->scores = room;
    h->q = h->scores + ROWS * st->keys;
    h->sums = h->q + 2 * ROWS * st->q.length;
    room = h->sums + ROWS * st->v.length;
    h->old_k = past_of(s, PAST_K, &st->k, plane, st->past, &room);
    h->old_v = past_of(s, PAST_V, &st->v, plane, st->past, &room);
    h->new_k = rows_of(s->inputs[K], &st->k, h->batch, k_head, &room, &h->k_step);
    h->new_v = rows_of(s->inputs[V], &st->v, h->batch, k_head, &room, &h->v_step);
    for (size_t i = 0; i < st->q.count; i += ROWS)
        some_rows(h, i, mite_min_size(ROWS, st->q.count - i));
    if (h->head % group) return; // another head has kept them
    if (s->node->output_count > PRESENT_K) keep_rows(h, PRESENT_K, &st->k, k_head);
    if (s->node->output_count > PRESENT_V) keep_rows(h, PRESENT_V, &st->v, k_head);
}

// Whether each start lies in the past, and what is kept fits.
static bool starts_fit(const mite_step *s) {
    const state *st = s->state;
    for (size_t i = 0; mite_step_input(s, STARTS) && i < st->batch; i++) {
        int64_t start = number_at(s, STARTS, i, 0), drop = number_at(s, DROPS, i, 0);
        if (start < 0 || (uint64_t)start > st->past || drop < 0) return false;
        size_t valid = valid_keys(s, i, (size_t)start + st->k.count);
        if ((uint64_t)drop > valid || valid - (size_t)drop > st->present) return false;
    }
    return true;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    size_t begin, end;
    if (!starts_fit(s)) return MITE_ERR_ARGUMENT;
    mite_part_range(st->batch * st->q.heads, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        if (st->dense) {
            mite_attention_dense_head(s, st, i / st->q.heads, i % st->q.heads, scratch);
            continue;
        }
        head h = {.s = s, .batch = i / st->q.heads, .head = i % st->q.heads};
        one_head(&h, scratch);
    }
    return MITE_OK;
}

const mite_op mite_op_attention = {
    .name = "attention",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 3,
    .max_inputs = INPUTS,
    .output_count = 1,
    .max_outputs = OUTPUTS,
    .state_bytes = sizeof(state),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
