// SPDX-License-Identifier: Apache-2.0
#include "index.h"

mite_status mite_need_indices(mite_step *s, const char *what, const mite_view *v) {
    if (v && (v->dtype == MITE_I32 || v->dtype == MITE_I64)) return MITE_OK;
    return v ? mite_step_fail(s, MITE_ERR_UNSUPPORTED, "%s (%q) is %s, wanted are i32 or i64", what,
                              v->value->name, mite_dtype_name(v->dtype))
             : mite_step_fail(s, MITE_ERR_FORMAT, "%s is missing", what);
}

mite_status mite_index_at(const mite_step *s, const mite_view *indices, size_t at, int32_t size,
                          size_t *out) {
    int64_t index = indices->dtype == MITE_I64 ? ((const int64_t *)indices->data)[at]
                                               : ((const int32_t *)indices->data)[at];
    int64_t from_start = index < 0 ? index + size : index;
    if (index < -(int64_t)size || from_start >= size)
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "index %D (number %z of %q) is outside a dimension of %d", index, at,
                              indices->value->name, size);
    *out = (size_t)from_start;
    return MITE_OK;
}

size_t mite_axis_of(const mite_step *s, size_t word) {
    int32_t axis = mite_attr_int(s, word);
    if (axis < 0) axis += s->inputs[0]->rank;
    return (size_t)axis;
}

void mite_next_place(int32_t *place, const mite_view *v) {
    for (size_t i = (size_t)v->rank; i-- > 0;) {
        place[i]++;
        if (place[i] < v->shape[i]) return;
        place[i] = 0;
    }
}

size_t mite_extent(const mite_view *v, size_t begin, size_t end) {
    size_t product = 1;
    for (size_t i = begin; i < end; i++) product *= (size_t)v->shape[i];
    return product;
}

static double combined_reals(double a, double b, mite_combine op) {
    switch (op) {
    case MITE_COMBINE_ADD: return a + b;
    case MITE_COMBINE_MUL: return a * b;
    case MITE_COMBINE_MAX: return a < b || b != b ? b : a;
    case MITE_COMBINE_MIN: return b < a || b != b ? b : a;
    case MITE_COMBINE_REPLACE: break;
    }
    return b;
}

static int64_t combined_integers(int64_t a, int64_t b, mite_combine op, bool is_unsigned) {
    uint64_t x = (uint64_t)a, y = (uint64_t)b;
    bool less = is_unsigned ? x < y : a < b;
    switch (op) {
    case MITE_COMBINE_ADD: return (int64_t)(x + y);
    case MITE_COMBINE_MUL: return (int64_t)(x * y);
    case MITE_COMBINE_MAX: return less ? b : a;
    case MITE_COMBINE_MIN: return less ? a : b;
    case MITE_COMBINE_REPLACE: break;
    }
    return b;
}

void mite_combine_elements(void *to, const void *from, mite_dtype dtype, size_t count,
                           mite_combine op) {
    size_t item = mite_dtype_bytes(dtype);
    if (op == MITE_COMBINE_REPLACE) {
        if (count) memcpy(to, from, count * item);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        void *at = (char *)to + i * item;
        const void *other = (const char *)from + i * item;
        if (mite_is_real(dtype)) {
            double a, b;
            mite_load_reals(&a, at, dtype, 1, 1);
            mite_load_reals(&b, other, dtype, 1, 1);
            a = combined_reals(a, b, op);
            mite_store_reals(at, dtype, 1, &a, 1);
        } else {
            int64_t a, b;
            mite_load_integers(&a, at, dtype, 1, 1);
            mite_load_integers(&b, other, dtype, 1, 1);
            a = combined_integers(a, b, op, mite_is_unsigned(dtype));
            mite_store_integers(at, dtype, 1, &a, 1);
        }
    }
}
