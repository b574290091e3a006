// SPDX-License-Identifier: Apache-2.0
// com.microsoft.GroupQueryAttention, whose past and present are a cache: how much of it each sequence
// has is a matter of the run. Source: its schema in ONNX Runtime 1.32.
#include "import/onnx/onnx_attention.h"
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <string.h>

enum { QUERY, KEY, VALUE, PAST_KEY, PAST_VALUE, LAST, TOTAL, COS, SIN, IDS, BIAS, SINK };
enum { Q_NORM = 14, K_NORM, QUERY_LENGTHS };

// Of each sequence, [B]: keys with this run's, queries of this run, keys before.
typedef struct cache {
    mite_ir_value *keys, *queries, *before;
} cache;

static mite_ir_value *number(onnx_import *c, int64_t n) { return onnx_integers(c, &n, 1); }

// Input `k` as a vector of i64.
static mite_ir_value *numbers_in(onnx_import *c, size_t k) {
    return onnx_reshape_to(c, onnx_emit_cast(c, onnx_in(c, k), MITE_I64), number(c, -1), false);
}

// Without lengths of their own, queries are padded where a prompt's sequence is shorter than they are.
static cache read_cache(onnx_import *c, mite_ir_value *steps) {
    cache z = {.keys = onnx_emit_add(c, numbers_in(c, LAST), number(c, 1))};
    z.queries = onnx_has_input(c, QUERY_LENGTHS)
                    ? numbers_in(c, QUERY_LENGTHS)
                    : onnx_emit_general_binary(c, MITE_BINARY_MIN, steps, z.keys);
    z.before = onnx_emit_sub(c, z.keys, z.queries);
    return z;
}

// How many of its `keys` a sequence finds in a cache of `capacity` rows that holds a window: all while
// they fit, else capacity - window + 1 go at a time (one in a cache that is too short for it).
static mite_ir_value *resident(onnx_import *c, mite_ir_value *keys, mite_ir_value *capacity,
                               int64_t window) {
    mite_ir_value *group = onnx_emit_sub(c, capacity, number(c, window - 1));
    group = onnx_emit_general_binary(c, MITE_BINARY_MAX, group, number(c, 1));
    mite_ir_value *over = onnx_emit_sub(c, keys, capacity);
    over = onnx_emit_general_binary(c, MITE_BINARY_MAX, over, number(c, 0));
    over = onnx_emit_add(c, over, onnx_shifted(c, group, -1));
    over = onnx_emit_div(c, over, group);
    return onnx_emit_sub(c, keys, onnx_emit_mul(c, over, group));
}

// Where new rows come, how many keys count then, and what is kept of them.
static void lay_out(onnx_import *c, onnx_attention_request *r, const cache *z, int64_t window) {
    r->starts = z->before;
    r->lengths = z->keys;
    r->total = numbers_in(c, TOTAL);
    if (!onnx_int(c, "sliding_window_cache", 0)) return;
    r->total = onnx_dimension(c, r->past_k, 2, 1, 1);
    r->starts = resident(c, z->before, r->total, window);
    r->lengths = onnx_emit_add(c, r->starts, z->queries);
    r->drops = onnx_emit_sub(c, r->lengths, resident(c, z->keys, r->total, window));
}

// All heads of q, then those of k, then those of v; D is a head's part of the whole, or the past's.
static bool unpack(onnx_import *c, onnx_attention_request *r) {
    mite_ir_value *all = r->q;
    const mite_ir_value *past = r->past_k;
    int64_t heads = r->q_heads + 2 * r->k_heads, length = 0;
    if (!all->unknown && all->rank == 3 && !(all->open >> 2 & 1)) length = all->shape[2] / heads;
    else if (past && !past->unknown && past->rank == 4 && !(past->open >> 3 & 1))
        length = past->shape[3];
    if (!length) {
        mite_ir_fail(
            c->g, MITE_ERR_UNSUPPORTED,
            "how long the heads of its packed query are is not known before the model runs; "
            "export the model with that dimension fixed");
        return false;
    }
    r->q = onnx_cut(c, all, 0, r->q_heads * length);
    r->k = onnx_cut(c, all, r->q_heads * length, (r->q_heads + r->k_heads) * length);
    r->v = onnx_cut(c, all, (r->q_heads + r->k_heads) * length, INT64_MAX);
    return true;
}

// The positions [B,S] of the new rows; those of padding may be beyond the tables, and are the last one's.
static mite_ir_value *new_positions(onnx_import *c, const cache *z, mite_ir_value *steps) {
    mite_ir_value *at = onnx_emit_count(c, steps);
    mite_ir_value *before = onnx_emit_unsqueeze(c, z->before, number(c, 1));
    mite_ir_value *queries = onnx_emit_unsqueeze(c, z->queries, number(c, 1));
    if (onnx_has_input(c, QUERY_LENGTHS))
        at = onnx_emit_general_binary(c, MITE_BINARY_MIN, at, onnx_shifted(c, queries, -1));
    return onnx_emit_general_binary(c, MITE_BINARY_MAX, onnx_emit_add(c, before, at), number(c, 0));
}

// Each head of x [B,S,H*D] normalized, `epsilon` being called so for this one, or for both.
static mite_ir_value *normed(onnx_import *c, mite_ir_value *x, mite_ir_value *scale, int64_t heads,
                             const char *epsilon) {
    float both = onnx_float(c, "qk_norm_epsilon", 1e-6f);
    mite_ir_value *shape = onnx_shape_of(c, x);
    x = onnx_reshape_to(c, x, onnx_integers(c, (int64_t[]){0, 0, heads, -1}, 4), false);
    x = onnx_emit_rms_norm(c, x, scale, (double)onnx_float(c, epsilon, both));
    return onnx_reshape_to(c, x, shape, false);
}

static bool is_supported(onnx_import *c, const onnx_attention_request *r, int64_t window) {
    bool slides = onnx_int(c, "sliding_window_cache", 0) != 0;
    const char *what = NULL;
    if (strcmp(onnx_string(c, "k_quant_type", "NONE"), "NONE") != 0 ||
        strcmp(onnx_string(c, "v_quant_type", "NONE"), "NONE") != 0)
        what = "a quantized cache (k_quant_type)";
    else if (onnx_has_output(c, 3)) what = "the scores as output 3";
    else if (slides && r->mask) what = "attention_bias beside sliding_window_cache";
    if (what)
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "%s is not supported; export the model without it",
                     what);
    else if (r->q_heads < 1 || r->q_heads > INT32_MAX || r->k_heads < 1 || r->k_heads > r->q_heads)
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %D heads, and %D of keys", r->q_heads,
                     r->k_heads);
    else if (slides && (window < 1 || !r->past_k))
        mite_ir_fail(c->g, MITE_ERR_FORMAT,
                     "sliding_window_cache wants a local_window_size above 0 and a past");
    return mite_ir_ok(c->g);
}

void onnx_group_query_attention(onnx_import *c) {
    int64_t window = onnx_int(c, "local_window_size", -1);
    onnx_attention_request r = {
        .q = onnx_in(c, QUERY),
        .k = onnx_optional(c, KEY),
        .v = onnx_optional(c, VALUE),
        .mask = onnx_optional(c, BIAS),
        .past_k = onnx_optional(c, PAST_KEY),
        .past_v = onnx_optional(c, PAST_VALUE),
        .q_heads = onnx_int(c, "num_heads", 0),
        .k_heads = onnx_int(c, "kv_num_heads", 0),
        .causal = onnx_int(c, "causal", 1),
        .left = window > 0 ? window - 1 : -1,
        .right = -1,
        .scale = onnx_float(c, "scale", 0),
        .softcap = onnx_float(c, "softcap", 0),
        .outputs = onnx_wanted(c, 3),
    };
    if (!r.q || !is_supported(c, &r, window)) return;
    mite_ir_value *steps = onnx_dimension(c, r.q, 1, 1, 1);
    cache z = read_cache(c, steps);
    if (onnx_has_input(c, SINK)) {
        r.sinks = onnx_in(c, SINK);
    } else if (onnx_int(c, "smooth_softmax", 0) == 1) { // as if of a score of 0
        r.sinks =
            mite_ir_constant(c->g, onnx_name(c), r.q->dtype, 1, (int32_t[]){(int32_t)r.q_heads});
    }
    lay_out(c, &r, &z, window);
    if (!r.k && !unpack(c, &r)) return;
    if (onnx_has_input(c, Q_NORM)) {
        r.q = normed(c, r.q, onnx_in(c, Q_NORM), r.q_heads, "q_norm_epsilon");
        r.k = normed(c, r.k, onnx_in(c, K_NORM), r.k_heads, "k_norm_epsilon");
    }
    if (onnx_int(c, "do_rotary", 0)) {
        mite_ir_value *cos = onnx_in(c, COS), *sin = onnx_in(c, SIN);
        mite_ir_value *ids = onnx_has_input(c, IDS) ? onnx_in(c, IDS) : new_positions(c, &z, steps);
        r.q = onnx_emit_rotary(c, r.q, cos, sin, ids, r.q_heads, "rotary_interleaved");
        r.k = onnx_emit_rotary(c, r.k, cos, sin, ids, r.k_heads, "rotary_interleaved");
    }
    if (mite_ir_ok(c->g)) onnx_set_all(c, onnx_emit_attention(c, &r), r.outputs);
}
