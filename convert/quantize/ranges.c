// SPDX-License-Identifier: Apache-2.0
// The u8 range of a value: not its extremes, but the ends between which the squared error of a
// sample is least. Few large values are worth clipping if all others become finer.
#include "quantize/quantize.h"

#include <math.h>

#define STEPS 40          // ends tried, from SMALLEST of an extreme to all of it
#define SMALLEST 0.4f

void mite_set_range(mite_range *r, float lo, float hi) {
    lo = lo < 0.0f ? lo : 0.0f;
    hi = hi > 0.0f ? hi : 0.0f;
    float extent = hi - lo;
    if (!(extent > 1e-8f)) extent = 1e-8f;
    r->scale = extent / 255.0f;
    float zero = rintf(-lo / r->scale);
    r->zero_point = zero < 0.0f ? 0 : zero > 255.0f ? 255 : (int32_t)zero;
}

static double error_of(const mite_range *from, float lo, float hi) {
    mite_range r = {0};
    double sum = 0.0;
    mite_set_range(&r, lo, hi);
    float inverse = 1.0f / r.scale, least = (float)-r.zero_point,
          most = (float)(255 - r.zero_point);
    for (size_t i = 0; i < from->count; i++) {
        float q = rintf(from->values[i] * inverse);
        q = q < least ? least : q > most ? most : q;
        float d = q * r.scale - from->values[i];
        sum += (double)(d * d);
    }
    return sum;
}

typedef struct best {
    double error;
    float lo, hi;
} best;

static void try_ends(const mite_range *r, best *b, float lo, float hi) {
    double error = error_of(r, lo, hi);
    if (error < b->error) *b = (best){error, lo, hi};
}

// Both ends together first, then one after the other, twice.
void mite_choose_range(mite_range *r, bool keep_extremes) {
    float lo = r->lo < 0.0f ? r->lo : 0.0f, hi = r->hi > 0.0f ? r->hi : 0.0f;
    if (r->lo > r->hi) lo = hi = 0.0f; // never seen: no example
    best b = {error_of(r, lo, hi), lo, hi};
    for (int round = 0; round < (keep_extremes ? 0 : 3); round++) {
        for (int i = 0; i < STEPS; i++) {
            float part = SMALLEST + (1.0f - SMALLEST) * (float)i / (float)(STEPS - 1);
            if (round == 0) {
                try_ends(r, &b, lo * part, hi * part);
                continue;
            }
            if (lo < 0.0f) try_ends(r, &b, lo * part, b.hi);
            try_ends(r, &b, b.lo, hi * part);
        }
    }
    mite_set_range(r, b.lo, b.hi);
}
