// SPDX-License-Identifier: Apache-2.0
// What the two ways of computing attention share: its words, its inputs and where their rows lie.
#ifndef MITE_OPS_MORE_ATTENTION_H
#define MITE_OPS_MORE_ATTENTION_H

#include "../common.h"

enum { Q_HEADS, K_HEADS, CAUSAL, LEFT, RIGHT, SCORES, SCALE, SOFTCAP }; // attribute words
enum { Q, K, V, MASK, PAST_K, PAST_V, LENGTHS, INPUTS };
enum { Y, PRESENT_K, PRESENT_V, ALL_SCORES, OUTPUTS };

// Where the rows of one input lie: [batch][head][row][length] under these strides.
typedef struct mite_attention_rows {
    size_t heads, count, length, batch_step, head_step, row_step;
} mite_attention_rows;

typedef struct mite_attention_state {
    mite_attention_rows q, k, v;
    size_t batch, past, keys;       // keys: T
    size_t mask_step[4], mask_keys; // 0 to repeat
    bool dense;                     // computed as in attention_dense.c
} mite_attention_state;

// f32 without past, lengths, window, softcap and outputs beside y: two matrix products and a softmax
// a head, by the kernels of the table.
bool mite_attention_is_dense(const mite_step *s);
mite_status mite_attention_plan_dense(mite_step *s);
void mite_attention_dense_head(const mite_step *s, size_t batch, size_t head, void *scratch);

#endif
