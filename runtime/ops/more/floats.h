// SPDX-License-Identifier: Apache-2.0
// Rows of f32 for operators of more/ that compute in f32 whatever real type they are given, and the
// two loops most of their time goes into. Four lanes at a time, in the order that is written here,
// so that every build gives the same numbers.
#ifndef MITE_OPS_MORE_FLOATS_H
#define MITE_OPS_MORE_FLOATS_H

#include "elements.h"

#include <string.h>

typedef float mite_lanes __attribute__((vector_size(16)));

static inline mite_lanes mite_lanes_at(const float *p) {
    mite_lanes v;
    memcpy(&v, p, sizeof v);
    return v;
}

static inline float mite_dot(const float *a, const float *b, size_t count) {
    mite_lanes low = {0}, high = {0};
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        low += mite_lanes_at(a + i) * mite_lanes_at(b + i);
        high += mite_lanes_at(a + i + 4) * mite_lanes_at(b + i + 4);
    }
    low += high;
    float sum = (low[0] + low[1]) + (low[2] + low[3]);
    for (; i < count; i++) sum += a[i] * b[i];
    return sum;
}

// out += factor * in
static inline void mite_add_scaled(float *out, const float *in, float factor, size_t count) {
    size_t i = 0;
    for (; i + 4 <= count; i += 4) {
        mite_lanes v = mite_lanes_at(out + i) + mite_lanes_at(in + i) * factor;
        memcpy(out + i, &v, sizeof v);
    }
    for (; i < count; i++) out[i] += in[i] * factor;
}

// Elements [at, at + count) of a dense value as f32: in place where it is f32, else converted into
// *room, which moves on.
const float *mite_floats_of(const mite_view *v, size_t at, size_t count, float **room);
// Writes them; real types round to nearest even.
void mite_store_floats(const mite_view *v, size_t at, const float *in, size_t count);

#endif
