// SPDX-License-Identifier: Apache-2.0
// Operators that take elements from elsewhere, leave some out, repeat some or put some in.
#include "import/onnx/onnx_emit.h"
#include "import/onnx/onnx_handlers.h"

#include <string.h>

void onnx_expand(onnx_import *c) {
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted);
    onnx_set_carried(c, 0, onnx_expand_to(c, x, onnx_in(c, 1)), shifted);
}

// Opset 1 repeated along a single axis, input 2.
static mite_ir_value *repeats(onnx_import *c, const mite_ir_value *x) {
    mite_ir_value *parts[MITE_MAX_RANK], *times = onnx_in(c, 1);
    size_t axis;
    const int64_t one = 1;
    if (!times || c->opset >= 6) return times;
    const onnx_known *known = onnx_need_numbers(c, 2, "axis");
    if (!known || !known->count || !onnx_axis(c, known->at[0].i, (size_t)x->rank, &axis))
        return NULL;
    for (size_t i = 0; i < (size_t)x->rank; i++)
        parts[i] =
            i == axis ? onnx_reshape(c, onnx_emit_cast(c, times, MITE_I64), 1, (const int32_t[]){1})
                      : onnx_integers(c, &one, 1);
    return onnx_join(c, parts, (size_t)x->rank);
}

void onnx_tile(onnx_import *c) {
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted), *times = x ? repeats(c, x) : NULL;
    if (!x || !times) return;
    onnx_set_carried(c, 0,
                     MITE_IR_EMIT(c->g, .op = "tile", .name = onnx_name(c), .inputs = {x, times},
                                  .scale = x->scale, .zero_point = x->zero_point),
                     shifted);
}

// Attributes before opset 10, inputs since.
void onnx_slice(onnx_import *c) {
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted);
    mite_ir_value *starts = onnx_list_in(c, "starts", 1), *ends = onnx_list_in(c, "ends", 2);
    mite_ir_value *axes = onnx_list_in(c, "axes", 3), *steps = onnx_list_in(c, NULL, 4);
    if (!starts || !ends) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its starts or ends are missing");
    if (!x || !mite_ir_ok(c->g)) return;
    onnx_set_carried(c, 0,
                     MITE_IR_EMIT(c->g, .op = "slice", .name = onnx_name(c),
                                  .inputs = {x, starts, ends, axes, steps}, .scale = x->scale,
                                  .zero_point = x->zero_point),
                     shifted);
}

void onnx_split(onnx_import *c) {
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted), *sizes = onnx_list_in(c, "split", 1);
    size_t count = c->node->output_count;
    int64_t axis = onnx_int(c, "axis", 0), stated = onnx_int(c, "num_outputs", (int64_t)count);
    if (!x) return;
    if (!count || stated != (int64_t)count || axis < -MITE_MAX_RANK || axis >= MITE_MAX_RANK) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "it has %z outputs, states %D, and splits axis %D",
                     count, stated, axis);
        return;
    }
    mite_dtype *types = mite_ir_alloc(c->g, count, sizeof *types);
    if (!types) return;
    for (size_t k = 0; k < count; k++) types[k] = x->dtype;
    mite_ir_value *first =
        MITE_IR_EMIT(c->g, .op = "split", .name = onnx_name(c), .inputs = {x, sizes},
                     .attrs = {{"axis", .word = (int32_t)axis}}, .more_dtypes = types,
                     .more_outputs = count - 1, .scale = x->scale, .zero_point = x->zero_point);
    for (size_t k = 0; k < count; k++) onnx_set_carried(c, k, mite_ir_output_at(first, k), shifted);
}

// --- Pad ------------------------------------------------------------------------------------------

// The core's operator: a constant border of known width around real numbers, or quantized ones where
// the border is their zero.
static mite_ir_value *core_pad(onnx_import *c, mite_ir_value *x, const mite_ir_value *pads,
                               const mite_ir_value *value) {
    int32_t before[MITE_MAX_RANK], after[MITE_MAX_RANK];
    size_t rank = (size_t)x->rank;
    bool fits = onnx_is_core(x) && !x->unknown && pads->data && pads->dtype == MITE_I64 &&
                mite_ir_elements(pads) == 2 * rank && (!value || value->data);
    if (fits && x->dtype == MITE_U8)
        fits = x->zero_point == (value ? *(const uint8_t *)value->data : 0);
    for (size_t i = 0; i < rank && fits; i++) {
        const int64_t *list = pads->data;
        fits = list[i] >= 0 && list[i] <= INT32_MAX && list[rank + i] >= 0 &&
               list[rank + i] <= INT32_MAX;
        before[i] = (int32_t)list[i];
        after[i] = (int32_t)list[rank + i];
    }
    if (!fits) return NULL;
    float fill = value && x->dtype == MITE_F32 ? *(const float *)value->data : 0.0f;
    return MITE_IR_EMIT(c->g, .op = "pad", .name = onnx_name(c), .inputs = {x},
                        .attrs = {{"before", .list = before, .list_count = rank},
                                  {"after", .list = after, .list_count = rank},
                                  {"value", .word = mite_ir_bits(fill)}},
                        .scale = x->scale, .zero_point = x->zero_point);
}

// What pads i8 that is carried as u8, which `value` (NULL: 0) says in i8; NULL where only a run tells.
static mite_ir_value *carried_value(onnx_import *c, const mite_ir_value *value) {
    if (value && (!value->data || value->dtype != MITE_I8 || mite_ir_elements(value) != 1))
        return NULL;
    return onnx_scalar(c, MITE_U8, (value ? *(const int8_t *)value->data : 0) + 128);
}

// Attributes pads (opset 1: paddings) and value before opset 11, inputs since.
void onnx_pad(onnx_import *c) {
    static const char *const modes[] = {"constant", "edge", "reflect", "wrap"};
    const char *mode = onnx_string(c, "mode", "constant");
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted);
    mite_ir_value *value = onnx_has_input(c, 2) ? onnx_in(c, 2) : NULL;
    mite_ir_value *pads = onnx_list_in(c, c->opset < 2 ? "paddings" : "pads", 1);
    mite_ir_value *axes = onnx_list_in(c, NULL, 3);
    int32_t beyond = 0;
    while (beyond < 4 && strcmp(mode, modes[beyond])) beyond++;
    if (beyond == 4) mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "there is no mode %q", mode);
    if (!pads) mite_ir_fail(c->g, MITE_ERR_FORMAT, "its pads are missing");
    if (!x || !mite_ir_ok(c->g)) return;
    if (c->opset < 11) value = onnx_scalar(c, x->dtype, (double)onnx_float(c, "value", 0));
    if (shifted && !beyond) {
        mite_ir_value *carried = carried_value(c, value);
        if (carried) value = carried;
        else x = onnx_in(c, 0), shifted = false;
    }
    mite_ir_value *y = beyond || axes || !x ? NULL : core_pad(c, x, pads, value);
    if (!y && x)
        y = MITE_IR_EMIT(c->g, .op = "pad_by", .name = onnx_name(c),
                         .inputs = {x, pads, value, axes}, .attrs = {{"beyond", .word = beyond}},
                         .scale = x->scale, .zero_point = x->zero_point);
    onnx_set_carried(c, 0, y, shifted);
}

void onnx_center_crop_pad(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *sizes = onnx_in(c, 1),
                  *axes = onnx_list_in(c, "axes", SIZE_MAX);
    if (!x || !sizes) return;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "center_crop_pad", .name = onnx_name(c),
                          .inputs = {x, sizes, axes}, .scale = x->scale,
                          .zero_point = x->zero_point));
}

// --- Pixels and channels --------------------------------------------------------------------------

// v [N, C, H, W] under 6 dimensions, its own in this order (a letter each) with b for the block, put
// into another order, and back under 4.
static mite_ir_value *regroup(onnx_import *c, mite_ir_value *v, mite_ir_value *const *from,
                              const int32_t *perm, mite_ir_value *const *to) {
    mite_ir_value *six = onnx_reshape_to(c, v, onnx_join(c, from, 6), true);
    return onnx_reshape_to(c, onnx_transposed(c, six, 6, perm), onnx_join(c, to, 4), true);
}

static bool block_size(onnx_import *c, const mite_ir_value *x, int64_t *block) {
    *block = onnx_int(c, "blocksize", 0);
    bool right = *block > 0 && *block <= INT16_MAX && (x->unknown || x->rank == 4);
    if (!right)
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its block size is %D and its input has %d dimensions",
                     *block, x->rank);
    return right;
}

void onnx_depth_to_space(onnx_import *c) {
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted);
    int64_t block;
    if (!x || !block_size(c, x, &block)) return;
    bool columns_first = !strcmp(onnx_string(c, "mode", "DCR"), "CRD");
    mite_ir_value *n = onnx_dimension(c, x, 0, 1, 1), *h = onnx_dimension(c, x, 2, 1, 1);
    mite_ir_value *w = onnx_dimension(c, x, 3, 1, 1), *b = onnx_integers(c, &block, 1);
    mite_ir_value *depth = onnx_dimension(c, x, 1, 1, block * block);
    mite_ir_value *dcr[] = {n, b, b, depth, h, w}, *crd[] = {n, depth, b, b, h, w};
    mite_ir_value *to[] = {n, depth, onnx_dimension(c, x, 2, block, 1),
                           onnx_dimension(c, x, 3, block, 1)};
    static const int32_t perms[][6] = {{0, 3, 4, 1, 5, 2}, {0, 1, 4, 2, 5, 3}};
    x = regroup(c, x, columns_first ? crd : dcr, perms[columns_first], to);
    onnx_set_carried(c, 0, x, shifted);
}

void onnx_space_to_depth(onnx_import *c) {
    bool shifted;
    mite_ir_value *x = onnx_in_carried(c, 0, &shifted);
    int64_t block;
    if (!x || !block_size(c, x, &block)) return;
    mite_ir_value *n = onnx_dimension(c, x, 0, 1, 1), *depth = onnx_dimension(c, x, 1, 1, 1);
    mite_ir_value *h = onnx_dimension(c, x, 2, 1, block), *w = onnx_dimension(c, x, 3, 1, block);
    mite_ir_value *b = onnx_integers(c, &block, 1);
    mite_ir_value *from[] = {n, depth, h, b, w, b};
    mite_ir_value *to[] = {n, onnx_dimension(c, x, 1, block * block, 1), h, w};
    bool by_columns = !strcmp(onnx_string(c, "mode", "DCR"), "CRD");
    static const int32_t perms[][6] = {{0, 3, 5, 1, 2, 4}, {0, 1, 3, 5, 2, 4}};
    onnx_set_carried(c, 0, regroup(c, x, from, perms[by_columns], to), shifted);
}

// --- Numbers in order -----------------------------------------------------------------------------

void onnx_range(onnx_import *c) {
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "range", .name = onnx_name(c),
                          .inputs = {onnx_in(c, 0), onnx_in(c, 1), onnx_in(c, 2)}));
}

void onnx_eye_like(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0);
    int64_t type = onnx_int(c, "dtype", 0), k = onnx_int(c, "k", 0);
    if (!x) return;
    mite_dtype dtype = type == 0 ? x->dtype : type > 0 && type < 64 ? onnx_dtype((int32_t)type) : 0;
    if (!dtype || k > INT32_MAX || k < -INT32_MAX) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "no matrix of type %D with the diagonal %D", type,
                     k);
        return;
    }
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "eye_like", .name = onnx_name(c), .inputs = {x},
                          .attrs = {{"k", .word = (int32_t)k}}, .dtype = dtype));
}

void onnx_trilu(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *k = onnx_has_input(c, 1) ? onnx_in(c, 1) : NULL;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "trilu", .name = onnx_name(c), .inputs = {x, k},
                          .attrs = {{"upper", .word = onnx_int(c, "upper", 1) != 0}}));
}
