// SPDX-License-Identifier: Apache-2.0
// Sizes of values.
#include "graph.h"

#include "../base/sizes.h"

bool mite_shape_elements(size_t *out, size_t rank, const int32_t *shape) {
    size_t product = 1;
    bool empty = false;
    for (size_t i = 0; i < rank; i++) {
        if (shape[i] < 0) return false;
        // A zero must not hide a product that overflows on the other dimensions.
        if (shape[i] == 0) empty = true;
        else if (!mite_size_mul(&product, product, (size_t)shape[i])) return false;
    }
    *out = empty ? 0 : product;
    return true;
}

size_t mite_dtype_bytes(mite_dtype dtype) {
    switch (dtype) {
    case MITE_U8:
    case MITE_I8:
    case MITE_BOOL: return 1;
    case MITE_F16:
    case MITE_U16:
    case MITE_I16: return 2;
    case MITE_F32:
    case MITE_U32:
    case MITE_I32: return 4;
    case MITE_F64:
    case MITE_U64:
    case MITE_I64: return 8;
    }
    return 0;
}

// count rounded up to unit, times factor.
static bool padded(size_t *out, size_t count, size_t unit, size_t factor) {
    return mite_size_align(out, count, unit) && mite_size_mul(out, *out, factor);
}

static bool conv_bytes(size_t *out, mite_dtype dtype, const int32_t *shape, size_t groups) {
    size_t n = (size_t)shape[0], k, columns;
    if (!groups || n % groups || !mite_shape_elements(&k, 3, shape + 1)) return false;
    if (dtype == MITE_I8 && !mite_size_align(&k, k, 4)) return false;
    return padded(&columns, n / groups, 8, groups) && mite_size_mul(out, columns, k) &&
           mite_size_mul(out, *out, mite_dtype_bytes(dtype));
}

static bool depthwise_bytes(size_t *out, mite_dtype dtype, const int32_t *shape) {
    size_t kh = (size_t)shape[1], kw = (size_t)shape[2], c = (size_t)shape[3], taps;
    if (dtype == MITE_I8) {
        if (!mite_size_align(&kh, kh, 2)) return false;
        return mite_size_mul(&taps, kh, kw) && padded(out, c, 8, taps);
    }
    return mite_size_mul(&taps, kh, kw) && padded(out, c, 4, taps) && mite_size_mul(out, *out, 4);
}

bool mite_layout_bytes(size_t *out, mite_layout layout, mite_dtype dtype, size_t rank,
                       const int32_t *shape, size_t groups) {
    size_t elements;
    if (!mite_shape_elements(&elements, rank, shape)) return false;
    switch (layout) {
    case MITE_LAYOUT_DENSE: return mite_size_mul(out, elements, mite_dtype_bytes(dtype));
    case MITE_LAYOUT_CONV_F32:
        return rank == 4 && dtype == MITE_F32 && conv_bytes(out, dtype, shape, groups);
    case MITE_LAYOUT_CONV_I8:
        return rank == 4 && dtype == MITE_I8 && conv_bytes(out, dtype, shape, groups);
    case MITE_LAYOUT_DEPTHWISE_F32:
        return rank == 4 && dtype == MITE_F32 && depthwise_bytes(out, dtype, shape);
    case MITE_LAYOUT_DEPTHWISE_I8:
        return rank == 4 && dtype == MITE_I8 && depthwise_bytes(out, dtype, shape);
    }
    return false;
}
