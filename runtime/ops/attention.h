// SPDX-License-Identifier: Apache-2.0
// What the two operators of attention share: where the rows of their inputs lie, and the way it is
// computed in f32 where there is nothing to it but softmax(q k^T * scale + mask) v.
#ifndef MITE_OPS_ATTENTION_H
#define MITE_OPS_ATTENTION_H

#include "common.h"

enum { MITE_ATTENTION_Q, MITE_ATTENTION_K, MITE_ATTENTION_V, MITE_ATTENTION_MASK }; // inputs

// Where the rows of one input lie: [batch][head][row][length] under these strides.
typedef struct mite_attention_rows {
    size_t heads, count, length, batch_step, head_step, row_step;
} mite_attention_rows;

typedef struct mite_attention_state {
    mite_attention_rows q, k, v;
    size_t batch, past, keys;       // keys: those of the past, and k.count
    size_t present;                 // rows of what is kept for the next run
    size_t mask_step[4], mask_keys; // in elements, 0 to repeat
    float scale;                    // 0: 1 / sqrt(length of q)
    bool causal;
    bool dense; // the way below
} mite_attention_state;

// Where one head of q in one sequence begins, its keys and values and its results, and what becomes
// of scores: they are masked, and multiplied by `scale`.
typedef struct mite_attention_head {
    const float *q, *k, *v;
    float *y, scale;
    size_t y_step; // elements from row to row of y
    bool masks;
} mite_attention_head;
mite_attention_head mite_attention_head_of(const mite_step *s, const mite_attention_state *st,
                                           size_t batch, size_t head);

// Of [B,H,S,D], or of [B,S,H*D] with `heads` heads. False where it is neither.
bool mite_attention_read_rows(const mite_view *v, int32_t heads, mite_attention_rows *r);
// Of a mask that broadcasts to [B,H,S,T] (or none); its last dimension may differ from T.
bool mite_attention_read_mask(const mite_step *s, mite_attention_state *st);

// Queries at a time.
size_t mite_attention_block_rows(const mite_attention_state *st);
// Adds the mask, times `unit`, to the scores of one query, and sets those to -infinity that it may not
// attend. False if it may attend nothing.
bool mite_attention_mask_row(const mite_step *s, const mite_attention_state *st, size_t batch,
                             size_t head, size_t query, float unit, float *scores);

// For a state without a past: scratch of a part, and one head of q in one sequence.
mite_status mite_attention_plan_dense(mite_step *s, const mite_attention_state *st);
void mite_attention_dense_head(const mite_step *s, const mite_attention_state *st, size_t batch,
                               size_t head, void *scratch);

// The attributes of both operators; by value, since they are in different modules.
// clang-format off
#define MITE_ATTENTION_ATTRS \
    {"q_heads", 'i', 1, 0}, /* needed for packed inputs */ \
    {"k_heads", 'i', 1, 0}, \
    {"causal", 'i', 1, 0}, \
    {"scale", 'f', 1, 0} /* 0: 1 / sqrt(D) */
// clang-format on
// Of dense_attention, for the operator that computes the same in integers.
mite_status mite_attention_set_up(mite_step *s, mite_attention_state *st);
mite_status mite_attention_infer(mite_step *s);

#endif
