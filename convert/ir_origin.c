// SPDX-License-Identifier: Apache-2.0
// Constants that are worked out from quantized ones remember them (value->origin), as exporters spell
// it that quantize weights alone: w = mul(sub(cast(q), zero points), scales).
#include "ir_private.h"

#include <math.h>

#define LEAST 1024 // numbers: less are no weights

static bool is_byte(const mite_ir_value *v) { return v->dtype == MITE_I8 || v->dtype == MITE_U8; }

// A copy of the quantized numbers, with one scale 1 and zero point 0.
static void take_cast(mite_ir_graph *g, mite_ir_value *result, mite_ir_value *q) {
    static const int32_t same[MITE_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    if (q->scales) q = mite_ir_transposed(g, q, same); // another use's scales stay its own
    mite_ir_set_quant(g, q, 1, 0, (const float[]){1}, (const int32_t[]){0});
    result->origin = q;
}

// How many numbers `by` has along one dimension of v, to which it is stretched, and which one it is; 0
// where it has more dimensions than that.
static size_t along_axis(const mite_ir_value *v, const mite_ir_value *by, int32_t *axis) {
    *axis = 0;
    if (by->rank > v->rank || by->dtype != MITE_F32) return 0;
    size_t count = 1;
    for (int32_t i = 0; i < by->rank; i++) {
        int32_t to = v->rank - by->rank + i;
        if (by->shape[i] == 1) continue;
        if (count > 1 || by->shape[i] != v->shape[to]) return 0;
        count = (size_t)by->shape[i];
        *axis = to;
    }
    return count;
}

static bool is_whole(const mite_ir_value *v, size_t count) {
    const float *at = v->data;
    for (size_t i = 0; i < count; i++)
        if (!(fabsf(at[i]) <= 255) || at[i] != nearbyintf(at[i])) return false;
    return true;
}

// `from` less zero points, or times scales; each once, in this order: then the numbers keep their bits.
static void take_step(mite_ir_graph *g, mite_ir_value *result, const mite_ir_value *from,
                      const mite_ir_value *by, bool scales) {
    const mite_ir_value *q = from->origin;
    int32_t axis;
    size_t count = along_axis(from, by, &axis);
    bool unscaled = q->quant_count == 1 && q->scales[0] == 1;
    for (size_t i = 0; q->quant_count > 1 && i < q->quant_count; i++)
        if (q->scales[i] != 1) return;
    if (!count || !(unscaled || q->quant_count > 1) ||
        (q->quant_count > 1 && count > 1 && (axis != q->axis || count != q->quant_count)))
        return;
    if (!scales && (!is_whole(by, count) || q->quant_count > 1 || q->zero_points[0])) return;
    size_t all = count > q->quant_count ? count : q->quant_count;
    if (all == q->quant_count) axis = q->axis;
    float *s = mite_ir_alloc(g, all, sizeof *s);
    int32_t *z = mite_ir_alloc(g, all, sizeof *z);
    static const int32_t same[MITE_MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    mite_ir_value *copy = s && z ? mite_ir_transposed(g, from->origin, same) : NULL;
    if (!copy) return;
    for (size_t i = 0; i < all; i++) {
        float number = ((const float *)by->data)[count > 1 ? i : 0];
        s[i] = scales ? number : 1;
        z[i] = scales ? q->zero_points[q->quant_count > 1 ? i : 0] : (int32_t)number;
        if (!(s[i] > 0) || !isfinite(s[i])) return;
    }
    mite_ir_set_quant(g, copy, all, axis, s, z);
    result->origin = copy;
}

void mite_ir_keep_origin(mite_ir_graph *g, const mite_ir_node *node, mite_ir_value *result) {
    if (result->dtype != MITE_F32 || !node->input_count || mite_ir_elements(result) < LEAST) return;
    mite_ir_value *a = node->inputs[0];
    if (mite_ir_is(node, "cast") && is_byte(a) && !(a->scale > 0)) take_cast(g, result, a);
    bool mul = mite_ir_is(node, "mul"), sub = mite_ir_is(node, "sub");
    if (!(mul || sub) || mite_ir_float(node, "clamp_lo") > -INFINITY ||
        mite_ir_float(node, "clamp_hi") < INFINITY)
        return;
    for (size_t i = 0; i < (mul ? 2 : 1) && !result->origin; i++) {
        const mite_ir_value *from = node->inputs[i], *by = node->inputs[1 - i];
        if (from->origin && from->origin->data && from->origin->quant_count &&
            is_byte(from->origin) && mite_ir_same_shape(from, result))
            take_step(g, result, from, by, mul);
    }
}
