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
    size_t mask_step[4], mask_keys; // in elements, 0 to repeat
    float scale;                    // 0: 1 / sqrt(length of q)
    bool causal;
    bool dense; // the way below
} mite_attention_state;

// Of [B,H,S,D], or of [B,S,H*D] with `heads` heads. False where it is neither.
bool mite_attention_read_rows(const mite_view *v, int32_t heads, mite_attention_rows *r);
// Of a mask that broadcasts to [B,H,S,T] (or none); its last dimension may differ from T.
bool mite_attention_read_mask(const mite_step *s, mite_attention_state *st);

// For a state without a past: scratch of a part, and one head of q in one sequence.
mite_status mite_attention_plan_dense(mite_step *s, const mite_attention_state *st);
void mite_attention_dense_head(const mite_step *s, const mite_attention_state *st, size_t batch,
                               size_t head, void *scratch);

#endif
