// SPDX-License-Identifier: Apache-2.0
// Attention and its kin, of ONNX itself and of com.microsoft, on the operators attention,
// linear_attention and rotary.
#include "import/onnx/onnx_attention.h"
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"
#include "import/onnx/onnx_stand_ins.h"

#include <math.h>
#include <string.h>

static int32_t small(int64_t n) { return n > INT32_MAX || n < -1 ? -1 : (int32_t)n; }

// The heads of a past [B,H,P,D] are as long as those of new rows, [B,H,S,D] or [B,S,H*D].
static void expect_heads(onnx_import *c, const mite_ir_value *past, const mite_ir_value *x,
                         int64_t heads) {
    int32_t last = x->rank - 1;
    if (!past || past->rank != 4 || last < 2 || (x->open >> last & 1)) return;
    if (last == 3) onnx_expect_size(c, past, 3, x->shape[3]);
    else if (heads > 0) onnx_expect_size(c, past, 3, (int32_t)(x->shape[2] / heads));
}

mite_ir_value *onnx_emit_attention(onnx_import *c, const onnx_attention_request *r) {
    if (!r->q || !r->k || !r->v) return NULL;
    expect_heads(c, r->past_k, r->k, r->k_heads);
    expect_heads(c, r->past_v, r->v, r->k_heads);
    mite_dtype dtype = r->q->dtype, types[] = {dtype, dtype, dtype};
    mite_ir_value *mask = r->mask;
    return MITE_IR_EMIT(
        c->g, .op = "attention", .name = onnx_name(c),
        .inputs = {r->q, onnx_emit_cast(c, r->k, dtype), onnx_emit_cast(c, r->v, dtype), mask,
                   onnx_emit_cast(c, r->past_k, dtype), onnx_emit_cast(c, r->past_v, dtype),
                   r->lengths, onnx_emit_cast(c, r->sinks, dtype), r->starts, r->total, r->drops},
        .attrs = {{"q_heads", .word = small(r->q_heads)},
                  {"k_heads", .word = small(r->k_heads)},
                  {"causal", .word = r->causal != 0},
                  {"left", .word = small(r->left)},
                  {"right", .word = small(r->right)},
                  {"scores", .word = small(r->scores)},
                  {"scale", .word = mite_ir_bits(r->scale)},
                  {"softcap", .word = mite_ir_bits(r->softcap)}},
        .more_dtypes = types, .more_outputs = r->outputs - 1);
}

// As many outputs as the node wants of `most`.
size_t onnx_wanted(const onnx_import *c, size_t most) {
    while (most > 1 && !onnx_has_output(c, most - 1)) most--;
    return most;
}

void onnx_set_all(onnx_import *c, mite_ir_value *first, size_t count) {
    onnx_set(c, 0, first);
    for (size_t k = 1; first && k < count; k++) onnx_set(c, k, mite_ir_output_at(first, k));
}

void onnx_attention(onnx_import *c) {
    onnx_attention_request r = {
        .q = onnx_in(c, 0),
        .k = onnx_in(c, 1),
        .v = onnx_in(c, 2),
        .mask = onnx_optional(c, 3),
        .past_k = onnx_optional(c, 4),
        .past_v = onnx_optional(c, 5),
        .lengths = onnx_optional(c, 6),
        .q_heads = onnx_int(c, "q_num_heads", 0),
        .k_heads = onnx_int(c, "kv_num_heads", 0),
        .causal = onnx_int(c, "is_causal", 0),
        .left = onnx_int(c, "left_window_size", -1),
        .right = onnx_int(c, "right_window_size", -1),
        .scores = onnx_int(c, "qk_matmul_output_mode", 0),
        .scale = onnx_float(c, "scale", 0),
        .softcap = onnx_float(c, "softcap", 0),
        .outputs = onnx_wanted(c, 4),
    };
    onnx_set_all(c, onnx_emit_attention(c, &r), r.outputs);
}

void onnx_linear_attention(onnx_import *c) {
    mite_ir_value *q = onnx_in(c, 0), *k = onnx_in(c, 1), *v = onnx_in(c, 2);
    mite_ir_value *past = onnx_optional(c, 3);
    if (!q || !k || !v) return;
    if (onnx_int(c, "state_window", 0)) { // com.microsoft
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "several states (state_window) are not supported");
        return;
    }
    const char *rule = onnx_string(c, "update_rule", "gated_delta");
    bool gated = !strncmp(rule, "gated", 5);
    bool delta = !strcmp(rule, "delta") || !strcmp(rule, "gated_delta");
    if ((!gated && !delta && strcmp(rule, "linear")) || gated != onnx_has_input(c, 4) ||
        delta != onnx_has_input(c, 5)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "its update_rule %q is unknown, or decay and beta do not go with it", rule);
        return;
    }
    mite_dtype state = past ? past->dtype : q->dtype;
    mite_ir_value *y =
        MITE_IR_EMIT(c->g, .op = "linear_attention", .name = onnx_name(c),
                     .inputs = {q, k, v, past, onnx_optional(c, 4), onnx_optional(c, 5)},
                     .attrs = {{"q_heads", .word = small(onnx_int(c, "q_num_heads", 0))},
                               {"k_heads", .word = small(onnx_int(c, "kv_num_heads", 0))},
                               {"scale", .word = mite_ir_bits(onnx_float(c, "scale", 0))}},
                     .more_dtypes = &state, .more_outputs = 1);
    onnx_set_all(c, y, 2);
}

// --- RotaryEmbedding ----------------------------------------------------------------------------

mite_ir_value *onnx_emit_rotary(onnx_import *c, mite_ir_value *x, mite_ir_value *cos,
                                mite_ir_value *sin, mite_ir_value *ids, int64_t heads,
                                const char *interleaved) {
    if (!x || !cos || !sin) return NULL;
    return MITE_IR_EMIT(
        c->g, .op = "rotary", .name = onnx_name(c),
        .inputs = {x, onnx_emit_cast(c, cos, x->dtype), onnx_emit_cast(c, sin, x->dtype),
                   onnx_emit_cast(c, ids, MITE_I64)},
        .attrs = {{"heads", .word = small(heads)},
                  {"rotated", .word = small(onnx_int(c, "rotary_embedding_dim", 0))},
                  {"interleaved", .word = onnx_int(c, interleaved, 0) != 0}});
}

void onnx_rotary_embedding(onnx_import *c) {
    onnx_set(c, 0,
             onnx_emit_rotary(c, onnx_in(c, 0), onnx_in(c, 1), onnx_in(c, 2), onnx_optional(c, 3),
                              onnx_int(c, "num_heads", 0), "interleaved"));
}

// com.microsoft has a scale that its own exporters leave at 1.
static bool is_plain(onnx_import *c) {
    if (onnx_float(c, "scale", 1) == 1 && !onnx_int(c, "is_packed_batching", 0)) return true;
    mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                 "a scale other than 1 and is_packed_batching are not supported; export the "
                 "model without them");
    return false;
}

// com.microsoft has the positions second.
void onnx_ms_rotary_embedding(onnx_import *c) {
    if (!is_plain(c)) return;
    onnx_set(c, 0,
             onnx_emit_rotary(c, onnx_in(c, 0), onnx_in(c, 2), onnx_in(c, 3), onnx_in(c, 1),
                              onnx_int(c, "num_heads", 0), "interleaved"));
}

// v[index]
static mite_ir_value *part(onnx_import *c, mite_ir_value *v, int64_t index) {
    return onnx_emit_gather(c, v, onnx_scalar(c, MITE_I64, (double)index), 0);
}

// Rows of a table [positions,half] for the three positions of each token, `ids` [3,B,S]: column i is
// that of position streams[i].
static mite_ir_value *by_stream(onnx_import *c, mite_ir_value *table, mite_ir_value *ids,
                                const uint8_t *streams, int32_t half) {
    mite_ir_value *all = onnx_emit_gather(c, table, ids, 0), *rows = part(c, all, 0);
    for (uint8_t k = 1; k < 3; k++) {
        mite_ir_value *is_his = mite_ir_constant(c->g, onnx_name(c), MITE_BOOL, 1, &half);
        for (int32_t i = 0; is_his && i < half; i++) ((uint8_t *)is_his->data)[i] = streams[i] == k;
        rows = onnx_emit_where(c, is_his, part(c, all, k), rows);
    }
    return rows;
}

// com.microsoft: time, height and width of a token each turn some pairs, in three sections or, with
// layout 1, every third pair.
void onnx_m_rotary_embedding(onnx_import *c) {
    mite_ir_value *ids = onnx_in(c, 1), *cos = onnx_in(c, 2), *sin = onnx_in(c, 3);
    int64_t sections[3], layout = onnx_int(c, "mrope_layout", 0);
    size_t count;
    if (!ids || !cos || !sin || !is_plain(c)) return;
    if (!onnx_list(c, "mrope_section", SIZE_MAX, sections, 3, &count) || count != 3 ||
        cos->unknown || cos->rank != 2 || cos->open & 2) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its mrope_section or its tables are no such thing");
        return;
    }
    int32_t half = cos->shape[1];
    uint8_t *streams = mite_ir_alloc(c->g, (size_t)half, 1);
    for (int32_t i = 0; streams && i < half; i++) {
        int32_t k = i % 3;
        if (!layout) streams[i] = (uint8_t)((i >= sections[0]) + (i >= sections[0] + sections[1]));
        else streams[i] = (uint8_t)(i / 3 < sections[k] ? k : 0);
    }
    if (!streams) return;
    ids = onnx_emit_cast(c, ids, MITE_I64);
    cos = by_stream(c, cos, ids, streams, half);
    sin = by_stream(c, sin, ids, streams, half);
    onnx_set(c, 0,
             onnx_emit_rotary(c, onnx_in(c, 0), cos, sin, NULL, onnx_int(c, "num_heads", 0),
                              "interleaved"));
}

// --- com.microsoft: masks -----------------------------------------------------------------------

static mite_ir_value *unsqueezed(onnx_import *c, mite_ir_value *v, const int64_t *axes,
                                 size_t count) {
    return onnx_emit_unsqueeze(c, v, onnx_integers(c, axes, count));
}

// Elements [from, to) along the last dimension.
mite_ir_value *onnx_cut(onnx_import *c, mite_ir_value *v, int64_t from, int64_t to) {
    return onnx_emit_slice(c, v, onnx_integers(c, &from, 1), onnx_integers(c, &to, 1), -1);
}

// The keys of the past, and all of them, each as a vector of one.
static mite_ir_value *past_count(onnx_import *c, const onnx_attention_request *r) {
    if (r->past_k) return onnx_dimension(c, r->past_k, 2, 1, 1);
    return onnx_integers(c, (int64_t[]){0}, 1);
}

static mite_ir_value *key_count(onnx_import *c, const onnx_attention_request *r) {
    size_t axis = !r->k->unknown && r->k->rank == 4 ? 2 : 1;
    return onnx_emit_general_binary(c, MITE_BINARY_ADD, past_count(c, r),
                                    onnx_dimension(c, r->k, axis, 1, 1));
}

// [B,T] of a vector: [B] says where the keys to attend end, [2B] then where they begin; [3B+2] counts
// them first.
static mite_ir_value *between(onnx_import *c, const onnx_attention_request *r,
                              mite_ir_value *mask) {
    static const int64_t last[] = {1};
    bool begins = mask->shape[0] == 2 * (int64_t)r->q->shape[0];
    mite_ir_value *none = onnx_integers(c, (int64_t[]){0}, 1);
    mite_ir_value *batch = onnx_dimension(c, r->q, 0, 1, 1),
                  *both = onnx_dimension(c, r->q, 0, 2, 1);
    mite_ir_value *keys = onnx_emit_count(c, key_count(c, r));
    mask = onnx_emit_cast(c, mask, MITE_I64);
    mite_ir_value *end = unsqueezed(c, onnx_emit_slice(c, mask, none, batch, 0), last, 1);
    mite_ir_value *inside = onnx_emit_general_binary(c, MITE_BINARY_LESS, keys, end);
    if (!begins) return inside;
    mite_ir_value *begin = unsqueezed(c, onnx_emit_slice(c, mask, batch, both, 0), last, 1);
    mite_ir_value *after = onnx_emit_general_binary(c, MITE_BINARY_LESS_OR_EQUAL, begin, keys);
    return onnx_emit_general_binary(c, MITE_BINARY_AND, inside, after);
}

// The part of [B,1,M,M] that belongs to the queries and keys.
static mite_ir_value *window_of(onnx_import *c, const onnx_attention_request *r,
                                mite_ir_value *mask) {
    mite_ir_value *past = past_count(c, r), *queries = onnx_dimension(c, r->q, 1, 1, 1);
    mite_ir_value *end = onnx_emit_general_binary(c, MITE_BINARY_ADD, past, queries);
    mite_ir_value *none = onnx_integers(c, (int64_t[]){0}, 1);
    return onnx_emit_slice(c, onnx_emit_slice(c, mask, past, end, 2), none, key_count(c, r), 3);
}

// Masks of integers: like `added` something that is added to the scores. Where they say 0 it is no
// -infinity: who may attend nothing but masked keys attends those.
static bool take_mask(onnx_import *c, onnx_attention_request *r, mite_ir_value *mask,
                      mite_ir_value *added) {
    r->mask = added;
    if (!mask) return true;
    if (!r->q || !r->k || r->q->unknown || mask->unknown || mask->rank < 1 || mask->rank > 4) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its mask of shape %T is not supported",
                     (size_t)mask->rank, mask->shape);
        return false;
    }
    size_t rank = (size_t)mask->rank;
    if (rank == 1) mask = between(c, r, mask);
    else if (rank == 4) mask = window_of(c, r, mask);
    mask = onnx_emit_cast(c, mask, MITE_BOOL);
    if (!mask) return false;
    double masked = (double)onnx_float(c, "mask_filter_value", -10000.0f);
    mite_dtype dtype = r->q->dtype;
    mask = onnx_emit_where(c, mask, onnx_scalar(c, dtype, 0), onnx_scalar(c, dtype, masked));
    if (rank < 3) mask = unsqueezed(c, mask, (const int64_t[]){1, 2}, 2);
    else if (rank == 3) mask = unsqueezed(c, mask, (const int64_t[]){1}, 1);
    r->mask = added ? onnx_emit_add(c, mask, added) : mask;
    return r->mask != NULL;
}

// --- com.microsoft.MultiHeadAttention ------------------------------------------------------------

// The bias of q, k and v lies in one vector, in that order.
static bool add_bias(onnx_import *c, onnx_attention_request *r, mite_ir_value *bias) {
    mite_ir_value **parts[] = {&r->q, &r->k, &r->v};
    int64_t from = 0;
    for (size_t i = 0; i < 3 && bias; i++) {
        mite_ir_value *x = *parts[i];
        if (!x || x->unknown || x->rank != 3) {
            mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "a bias on inputs in heads is not supported");
            return false;
        }
        // All are as wide where the width of one is not known.
        int64_t width = x->shape[2];
        if (!mite_ir_is_fixed(x) && mite_ir_is_fixed(bias)) {
            int64_t all = (int64_t)mite_ir_elements(bias);
            if (width * 3 != all && all % 3 == 0) width = all / 3;
        }
        *parts[i] = onnx_emit_add(c, x, onnx_cut(c, bias, from, from + width));
        from += width;
    }
    return mite_ir_ok(c->g);
}

// q, k or v of [B,S,H,3,D] (or k or v of [B,T,H,2,D]) as [B,S,H*D].
static mite_ir_value *unpacked(onnx_import *c, mite_ir_value *packed, int64_t index) {
    packed = onnx_emit_gather(c, packed, onnx_scalar(c, MITE_I64, (double)index), 3);
    return onnx_reshape_to(c, packed, onnx_integers(c, (int64_t[]){0, 0, -1}, 3), false);
}

static bool is_packed(const mite_ir_value *v, int32_t parts) {
    return v && !v->unknown && v->rank == 5 && v->shape[3] == parts;
}

void onnx_multi_head_attention(onnx_import *c) {
    // query, key, value, bias, key_padding_mask, attention_bias, past_key, past_value
    onnx_attention_request r = {
        .q = onnx_in(c, 0),
        .k = onnx_optional(c, 1),
        .v = onnx_optional(c, 2),
        .past_k = onnx_optional(c, 6),
        .past_v = onnx_optional(c, 7),
        .q_heads = onnx_int(c, "num_heads", 0),
        .k_heads = onnx_int(c, "num_heads", 0),
        .causal = onnx_int(c, "unidirectional", 0),
        .left = -1,
        .right = -1,
        .scale = onnx_float(c, "scale", 0),
        .outputs = onnx_wanted(c, 3),
    };
    if (r.q && !r.k && is_packed(r.q, 3)) {
        mite_ir_value *all = r.q;
        r.q = unpacked(c, all, 0), r.k = unpacked(c, all, 1), r.v = unpacked(c, all, 2);
    } else if (r.q && !r.v && is_packed(r.k, 2)) {
        mite_ir_value *both = r.k;
        r.k = unpacked(c, both, 0), r.v = unpacked(c, both, 1);
    } else if (r.q && (!r.k || !r.v)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "its query of shape %T without key and value is none of [B,S,H,3,D]",
                     (size_t)r.q->rank, r.q->shape);
        return;
    }
    if (onnx_has_input(c, 8) || onnx_has_input(c, 9)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "a cache that is shared by past and present (past_sequence_length, "
                     "cache_indirection) is not supported; optimize the model without it");
        return;
    }
    if (!r.q || !add_bias(c, &r, onnx_optional(c, 3)) ||
        !take_mask(c, &r, onnx_optional(c, 4), onnx_optional(c, 5)))
        return;
    onnx_set_all(c, onnx_emit_attention(c, &r), r.outputs);
}

// --- com.microsoft.Attention: with the projection to q, k and v --------------------------------------

// The rest of Attention, from the projected q, k and v side by side.
static void attend_all(onnx_import *c, mite_ir_value *all, int32_t width, size_t mask,
                       size_t past_k, size_t added) {
    mite_ir_value *past = onnx_optional(c, past_k);
    int64_t sizes[3], heads = onnx_int(c, "num_heads", 0);
    size_t count;
    if (onnx_int(c, "do_rotary", 0) || onnx_int(c, "past_present_share_buffer", 0)) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "do_rotary and past_present_share_buffer are not supported; optimize the "
                     "model without them");
        return;
    }
    if (!onnx_list(c, "qkv_hidden_sizes", SIZE_MAX, sizes, 3, &count) || count != 3)
        sizes[0] = sizes[1] = sizes[2] = width / 3;
    onnx_attention_request r = {
        .q = onnx_cut(c, all, 0, sizes[0]),
        .k = onnx_cut(c, all, sizes[0], sizes[0] + sizes[1]),
        .v = onnx_cut(c, all, sizes[0] + sizes[1], sizes[0] + sizes[1] + sizes[2]),
        .past_k = part(c, past, 0),
        .past_v = part(c, past, 1),
        .q_heads = heads,
        .k_heads = heads,
        .causal = onnx_int(c, "unidirectional", 0),
        .left = -1,
        .right = -1,
        .scale = onnx_float(c, "scale", 0),
        .outputs = onnx_has_output(c, 1) ? 3 : 1,
    };
    if (!r.q || !take_mask(c, &r, onnx_optional(c, mask), onnx_optional(c, added))) return;
    mite_ir_value *y = onnx_emit_attention(c, &r);
    onnx_set(c, 0, y);
    if (!y || r.outputs == 1) return;
    const int64_t first[] = {0};
    mite_ir_value *present[] = {unsqueezed(c, mite_ir_output_at(y, 1), first, 1),
                                unsqueezed(c, mite_ir_output_at(y, 2), first, 1)};
    onnx_set(c, 1, onnx_join(c, present, 2));
}

static bool is_projection(onnx_import *c, const mite_ir_value *w) {
    if (w && !w->unknown && w->rank == 2) return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its weights are missing or no matrix");
    return false;
}

void onnx_ms_attention(onnx_import *c) {
    // input, weights, bias, mask_index, past, attention_bias
    mite_ir_value *x = onnx_in(c, 0), *w = onnx_in(c, 1);
    if (!x || !is_projection(c, w)) return;
    mite_ir_value *all = onnx_emit_mat_mul(c, x, w);
    if (onnx_has_input(c, 2)) all = onnx_emit_add(c, all, onnx_in(c, 2));
    attend_all(c, all, w->shape[1], 3, 4, 5);
}

// The same of quantized input and weights.
void onnx_q_attention(onnx_import *c) {
    // input, weights, bias, their scales, mask_index, their zero points, past
    mite_ir_value *x = onnx_in(c, 0), *w = onnx_in(c, 1);
    if (!x || !is_projection(c, w)) return;
    mite_ir_value *all =
        onnx_emit_mat_mul_integer(c, x, w, onnx_optional(c, 6), onnx_optional(c, 7));
    mite_ir_value *scale = onnx_emit_mul(c, onnx_in(c, 3), onnx_in(c, 4));
    all = onnx_emit_mul(c, onnx_emit_cast(c, all, MITE_F32), scale);
    attend_all(c, onnx_emit_add(c, all, onnx_in(c, 2)), w->shape[1], 5, 8, SIZE_MAX);
}
