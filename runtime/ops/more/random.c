// SPDX-License-Identifier: Apache-2.0
// random: numbers of real types that look as if thrown, of the shape that the input lists (i64 or i32).
// They follow from the seed and the element's place alone: every run, on however many threads, gives
// the same ones, so that results can be checked. Element i is made of the bits of the (2i + 1)th and
// (2i + 2)th number of SplitMix64 (Steele, Lea and Flood 2014, "Fast splittable pseudorandom number
// generators") from the seed on: uniform in [a, b), or normal with mean a and deviation b, by Box and
// Muller's transformation.
#include "../common.h"
#include "elementary.h"
#include "elements.h"

#include <math.h>

enum { NORMAL, A, B, SEED }; // attribute words

static const mite_attr attrs[] = {
    [NORMAL] = {"normal", 'i', 1, 0},
    [A] = {"a", 'f', 1, 0},
    [B] = {"b", 'f', 1, 0x3f800000}, // 1
    [SEED] = {"seed", 'i', 1, 0},
};

static mite_status infer(mite_step *s) {
    int64_t sizes[MITE_MAX_RANK];
    int32_t shape[MITE_MAX_RANK];
    size_t count;
    mite_step_expect_rank(s, 0, s->inputs[0]->elements);
    mite_status status = mite_step_integers(s, 0, sizes, MITE_MAX_RANK, &count);
    if (status) return status;
    if (!mite_is_real(s->outputs[0]->dtype))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "it gives %s, wanted are reals",
                              mite_dtype_name(s->outputs[0]->dtype));
    for (size_t i = 0; i < count; i++) {
        if (sizes[i] < 0 || sizes[i] > INT32_MAX)
            return mite_step_fail(s, MITE_ERR_FORMAT, "a dimension of %D is impossible", sizes[i]);
        shape[i] = (int32_t)sizes[i];
    }
    return mite_step_set_shape(s, 0, count, shape);
}

// Uniform in [0, 1), number `index` from `seed` on.
static double uniform(uint64_t seed, uint64_t index) {
    uint64_t z = (seed << 32 | 0x6d697465) + index * UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((z ^ z >> 31) >> 11) * 0x1p-53;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *out = s->outputs[0];
    double a = (double)mite_attr_float(s, A), b = (double)mite_attr_float(s, B);
    uint64_t seed = (uint32_t)mite_attr_int(s, SEED);
    (void)part, (void)part_count, (void)scratch;
    for (size_t i = 0; i < out->elements; i++) {
        double x = uniform(seed, 2 * i + 1), y;
        if (mite_attr_int(s, NORMAL)) {
            const double turn = 6.283185307179586;
            y = sqrt(-2 * mite_f64_log(1 - x)) * mite_f64_cos(turn * uniform(seed, 2 * i + 2));
            y = a + b * y;
        } else {
            y = a + (b - a) * x;
        }
        mite_store_reals((char *)out->data + i * mite_dtype_bytes(out->dtype), out->dtype, 1, &y,
                         1);
    }
    return MITE_OK;
}

const mite_op mite_op_random = {
    .name = "random",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer,
    .run = run,
};
