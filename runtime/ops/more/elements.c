// SPDX-License-Identifier: Apache-2.0
#include "elements.h"

#include <string.h>

bool mite_is_real(mite_dtype dtype) {
    return dtype == MITE_F16 || dtype == MITE_F32 || dtype == MITE_F64;
}

bool mite_is_unsigned(mite_dtype dtype) {
    return dtype == MITE_U8 || dtype == MITE_U16 || dtype == MITE_U32 || dtype == MITE_U64 ||
           dtype == MITE_BOOL;
}

mite_dtype mite_bits_of_width(size_t bytes) {
    return bytes == 1 ? MITE_U8 : bytes == 2 ? MITE_U16 : bytes == 4 ? MITE_U32 : MITE_U64;
}

// --- Loading and storing -------------------------------------------------------------------------

// clang-format off
#define EACH_INTEGER(DO) \
    case MITE_U8: DO(uint8_t) break; \
    case MITE_I8: DO(int8_t) break; \
    case MITE_I16: DO(int16_t) break; \
    case MITE_U16: DO(uint16_t) break; \
    case MITE_I32: DO(int32_t) break; \
    case MITE_U32: DO(uint32_t) break; \
    case MITE_I64: DO(int64_t) break; \
    case MITE_U64: DO(uint64_t) break;
// clang-format on

void mite_load_reals(double *out, const void *in, mite_dtype dtype, ptrdiff_t stride,
                     size_t count) {
#define LOAD(TYPE) \
    for (size_t i = 0; i < count; i++) out[i] = (double)((const TYPE *)in)[(ptrdiff_t)i * stride];
    switch (dtype) {
        EACH_INTEGER(LOAD)
    case MITE_F32: LOAD(float) break;
    case MITE_F64: LOAD(double) break;
    case MITE_F16:
        for (size_t i = 0; i < count; i++)
            out[i] = (double)mite_f32_of_f16(((const uint16_t *)in)[(ptrdiff_t)i * stride]);
        break;
    case MITE_BOOL:
        for (size_t i = 0; i < count; i++)
            out[i] = ((const uint8_t *)in)[(ptrdiff_t)i * stride] != 0;
        break;
    }
#undef LOAD
}

// 2^63 and -2^63 are exact in f64; the largest i64 is not.
static int64_t integer_of(double x) {
    if (!(x > -0x1p63)) return x != x ? 0 : INT64_MIN;
    return x < 0x1p63 ? (int64_t)x : INT64_MAX;
}

static uint64_t natural_of(double x) {
    if (!(x > 0)) return 0;
    return x < 0x1p64 ? (uint64_t)x : UINT64_MAX;
}

void mite_integer_range(mite_dtype dtype, int64_t *low, int64_t *high) {
    size_t bits = dtype == MITE_BOOL ? 1 : 8 * mite_dtype_bytes(dtype);
    bool is_unsigned = mite_is_unsigned(dtype);
    *high = INT64_MAX >> (bits == 64 ? 0 : is_unsigned ? 63 - bits : 64 - bits);
    *low = is_unsigned ? 0 : -*high - 1;
}

static int64_t saturated(double x, mite_dtype dtype) {
    if (dtype == MITE_U64) return (int64_t)natural_of(x);
    int64_t low, high, q = integer_of(x);
    mite_integer_range(dtype, &low, &high);
    return q < low ? low : q > high ? high : q;
}

void mite_store_reals(void *out, mite_dtype dtype, ptrdiff_t stride, const double *in,
                      size_t count) {
    if (dtype == MITE_BOOL) {
        for (size_t i = 0; i < count; i++) ((uint8_t *)out)[(ptrdiff_t)i * stride] = in[i] != 0;
        return;
    }
    for (size_t i = 0; i < count; i++) {
        ptrdiff_t at = (ptrdiff_t)i * stride;
        if (dtype == MITE_F32) {
            ((float *)out)[at] = (float)in[i];
        } else if (dtype == MITE_F64) {
            ((double *)out)[at] = in[i];
        } else if (dtype == MITE_F16) {
            ((uint16_t *)out)[at] = mite_f16_of_f32((float)in[i]);
        } else {
            int64_t q = saturated(in[i], dtype);
            mite_store_integers((char *)out + at * (ptrdiff_t)mite_dtype_bytes(dtype), dtype, 1, &q,
                                1);
        }
    }
}

void mite_load_integers(int64_t *out, const void *in, mite_dtype dtype, ptrdiff_t stride,
                        size_t count) {
#define LOAD(TYPE) \
    for (size_t i = 0; i < count; i++) out[i] = (int64_t)((const TYPE *)in)[(ptrdiff_t)i * stride];
    switch (dtype) {
        EACH_INTEGER(LOAD)
    case MITE_BOOL:
        for (size_t i = 0; i < count; i++)
            out[i] = ((const uint8_t *)in)[(ptrdiff_t)i * stride] != 0;
        break;
    case MITE_F32:
        for (size_t i = 0; i < count; i++)
            out[i] = integer_of((double)((const float *)in)[(ptrdiff_t)i * stride]);
        break;
    default:
        for (size_t i = 0; i < count; i++) {
            double x;
            ptrdiff_t at = (ptrdiff_t)i * stride * (ptrdiff_t)mite_dtype_bytes(dtype);
            mite_load_reals(&x, (const char *)in + at, dtype, 1, 1);
            out[i] = integer_of(x);
        }
    }
#undef LOAD
}

void mite_store_integers(void *out, mite_dtype dtype, ptrdiff_t stride, const int64_t *in,
                         size_t count) {
#define STORE(TYPE) \
    for (size_t i = 0; i < count; i++) ((TYPE *)out)[(ptrdiff_t)i * stride] = (TYPE)in[i];
    switch (dtype) {
        EACH_INTEGER(STORE)
    case MITE_F32: STORE(float) break;
    case MITE_F64: STORE(double) break;
    case MITE_F16:
        for (size_t i = 0; i < count; i++)
            ((uint16_t *)out)[(ptrdiff_t)i * stride] = mite_f16_of_f32((float)in[i]);
        break;
    case MITE_BOOL:
        for (size_t i = 0; i < count; i++) ((uint8_t *)out)[(ptrdiff_t)i * stride] = in[i] != 0;
        break;
    }
#undef STORE
}
