// SPDX-License-Identifier: Apache-2.0
#include "floats.h"

#include "../../base/sizes.h"

const float *mite_floats_of(const mite_view *v, size_t at, size_t count, float **room) {
    if (v->dtype == MITE_F32) return (const float *)v->data + at;
    float *out = *room;
    for (size_t i = 0; i < count; i += MITE_RUN) {
        double run[MITE_RUN];
        size_t length = mite_min_size(MITE_RUN, count - i);
        mite_load_reals(run, (const char *)v->data + (at + i) * mite_dtype_bytes(v->dtype),
                        v->dtype, 1, length);
        for (size_t k = 0; k < length; k++) out[i + k] = (float)run[k];
    }
    *room += count;
    return out;
}

void mite_store_floats(const mite_view *v, size_t at, const float *in, size_t count) {
    for (size_t i = 0; i < count; i += MITE_RUN) {
        double run[MITE_RUN];
        size_t length = mite_min_size(MITE_RUN, count - i);
        for (size_t k = 0; k < length; k++) run[k] = (double)in[i + k];
        mite_store_reals((char *)v->data + (at + i) * mite_dtype_bytes(v->dtype), v->dtype, 1, run,
                         length);
    }
}
