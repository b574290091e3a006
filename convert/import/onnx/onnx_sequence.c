// SPDX-License-Identifier: Apache-2.0
// Sequences of tensors, where the model alone tells how many there are: then they are lists of the
// import, of which nothing is left in the graph. Likewise optional values, where the model tells
// whether they are there.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"
#include "import/onnx/onnx_values.h"

#include <string.h>

#define MAX_ITEMS 4096u

// A list of so many items, all to be set; NULL where failed.
static onnx_sequence *new_list(onnx_import *c, size_t count) {
    if (count > MAX_ITEMS)
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its sequence has %z items, at most %u are read",
                     count, MAX_ITEMS);
    onnx_sequence *s = mite_ir_ok(c->g) ? mite_ir_alloc(c->g, 1, sizeof *s) : NULL;
    if (!s) return NULL;
    s->count = count;
    s->at = mite_ir_alloc(c->g, count, sizeof(mite_ir_value *));
    return s->at ? s : NULL;
}

// The place that input `k` names in a sequence of `count` items, from the end where negative; `otherwise`
// where it is not given. False (and the graph failed) where it is not known, or beyond the `last`.
static bool place(onnx_import *c, size_t k, size_t count, size_t last, size_t otherwise,
                  size_t *out) {
    *out = otherwise;
    if (!onnx_has_input(c, k)) return mite_ir_ok(c->g);
    const onnx_known *known = onnx_need_numbers(c, k, "place in the sequence");
    if (!known) return false;
    int64_t at = known->count == 1 ? known->at[0].i : INT64_MAX;
    if (at < 0) at += (int64_t)count;
    if (at >= 0 && (uint64_t)at <= last) {
        *out = (size_t)at;
        return true;
    }
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "its place %D is none of %z",
                 known->at ? known->at[0].i : 0, last + 1);
    return false;
}

void onnx_optional_has_element(onnx_import *c) {
    onnx_set(c, 0, onnx_scalar(c, MITE_BOOL, onnx_has_input(c, 0)));
}

void onnx_sequence_empty(onnx_import *c) { onnx_set_sequence(c, 0, new_list(c, 0)); }

void onnx_sequence_construct(onnx_import *c) {
    onnx_sequence *s = new_list(c, c->node->input_count);
    for (size_t k = 0; s && k < s->count; k++)
        if (!(s->at[k] = onnx_in(c, k))) return;
    onnx_set_sequence(c, 0, s);
}

void onnx_sequence_at(onnx_import *c) {
    const onnx_sequence *s = onnx_sequence_in(c, 0);
    size_t at;
    if (s && !s->count) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its sequence is empty");
    if (s && mite_ir_ok(c->g) && place(c, 1, s->count, s->count - 1, 0, &at))
        onnx_set(c, 0, s->at[at]);
}

void onnx_sequence_length(onnx_import *c) {
    const onnx_sequence *s = onnx_sequence_in(c, 0);
    if (s) onnx_set(c, 0, onnx_scalar(c, MITE_I64, (double)s->count));
}

void onnx_sequence_insert(onnx_import *c) {
    const onnx_sequence *s = onnx_sequence_in(c, 0);
    mite_ir_value *item = onnx_in(c, 1);
    size_t at;
    if (!s || !item || !place(c, 2, s->count, s->count, s->count, &at)) return;
    onnx_sequence *more = new_list(c, s->count + 1);
    for (size_t i = 0; more && i < more->count; i++)
        more->at[i] = i == at ? item : s->at[i < at ? i : i - 1];
    onnx_set_sequence(c, 0, more);
}

void onnx_sequence_erase(onnx_import *c) {
    const onnx_sequence *s = onnx_sequence_in(c, 0);
    size_t at;
    if (s && !s->count) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its sequence is empty already");
    if (!s || !mite_ir_ok(c->g) || !place(c, 1, s->count, s->count - 1, s->count - 1, &at)) return;
    onnx_sequence *rest = new_list(c, s->count - 1);
    for (size_t i = 0; rest && i < rest->count; i++) rest->at[i] = s->at[i < at ? i : i + 1];
    onnx_set_sequence(c, 0, rest);
}

// Sizes of the parts along a dimension of `size` elements (negative: not known), as a vector of i64:
// listed, all of one size but for the last, or one each. NULL where failed.
static mite_ir_value *part_sizes(onnx_import *c, int64_t size, size_t *count) {
    mite_ir_value *split = onnx_optional(c, 1);
    if (split && !split->unknown && split->rank == 1 && mite_ir_is_fixed(split)) {
        *count = (size_t)split->shape[0];
        return onnx_emit_cast(c, split, MITE_I64);
    }
    const onnx_known *known = NULL;
    if (split && !(known = onnx_need_numbers(c, 1, "split"))) return NULL;
    int64_t each = known && known->count ? known->at[0].i : 1;
    if (size < 0 || each < 1) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "into how many parts of %D it splits is known in the run alone; export the "
                     "model with fixed shapes",
                     each);
        return NULL;
    }
    *count = (size_t)((size + each - 1) / each);
    int64_t *sizes = *count <= MAX_ITEMS ? mite_ir_alloc(c->g, *count, sizeof *sizes) : NULL;
    if (!sizes) {
        new_list(c, *count); // says why
        return NULL;
    }
    for (size_t i = 0; i < *count; i++) {
        int64_t left = size - (int64_t)i * each;
        sizes[i] = left < each ? left : each;
    }
    return onnx_integers(c, sizes, *count);
}

void onnx_split_to_sequence(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    size_t axis, count = 0;
    if (!x) return;
    if (x->unknown) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it splits a value of unknown shape");
        return;
    }
    if (!onnx_axis(c, onnx_int(c, "axis", 0), (size_t)x->rank, &axis)) return;
    int64_t at = (int64_t)axis;
    mite_ir_value *sizes = part_sizes(c, x->open >> axis & 1 ? -1 : x->shape[axis], &count);
    onnx_sequence *parts = sizes ? new_list(c, count) : NULL;
    mite_dtype *types = parts ? mite_ir_alloc(c->g, count + 1, sizeof *types) : NULL;
    if (!types) return;
    for (size_t i = 0; i < count; i++) types[i] = x->dtype;
    mite_ir_value *first =
        count ? MITE_IR_EMIT(c->g, .op = "split", .name = onnx_name(c), .inputs = {x, sizes},
                             .attrs = {{"axis", .word = (int32_t)axis}}, .more_dtypes = types,
                             .more_outputs = count - 1, .scale = x->scale,
                             .zero_point = x->zero_point)
              : NULL;
    bool drops = !onnx_has_input(c, 1) && !onnx_int(c, "keepdims", 1);
    for (size_t i = 0; i < count && first; i++) {
        mite_ir_value *part = mite_ir_output_at(first, i);
        parts->at[i] = drops ? MITE_IR_EMIT(c->g, .op = "squeeze", .name = onnx_name(c),
                                            .inputs = {part, onnx_integers(c, &at, 1)},
                                            .scale = x->scale, .zero_point = x->zero_point)
                             : part;
    }
    if (mite_ir_ok(c->g)) onnx_set_sequence(c, 0, parts);
}

void onnx_concat_from_sequence(onnx_import *c) {
    const onnx_sequence *s = onnx_sequence_in(c, 0);
    bool stacks = onnx_int(c, "new_axis", 0) != 0;
    size_t axis;
    if (!s) return;
    if (!s->count || s->at[0]->unknown) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED,
                     "it joins a sequence that is empty, or of unknown shapes");
        return;
    }
    if (!onnx_axis(c, onnx_int(c, "axis", 0), (size_t)s->at[0]->rank + stacks, &axis)) return;
    int64_t at = (int64_t)axis;
    mite_ir_value **list = mite_ir_alloc(c->g, s->count, sizeof *list);
    for (size_t i = 0; list && i < s->count; i++) {
        list[i] = stacks ? onnx_emit_unsqueeze(c, s->at[i], onnx_integers(c, &at, 1)) : s->at[i];
        if (!list[i]) return;
    }
    if (!list) return;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "concat", .name = onnx_name(c), .input_list = list,
                          .input_count = s->count, .attrs = {{"axis", .word = (int32_t)axis}},
                          .scale = list[0]->scale, .zero_point = list[0]->zero_point));
}
