// SPDX-License-Identifier: Apache-2.0
// det: determinants of matrices [..,M,M] of real types, by elimination in f64.
#include "elements.h"

#include "../common.h"

#include <math.h>

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[0];
    if (!mite_is_real(x->dtype) || x->rank < 2 || x->shape[x->rank - 1] != x->shape[x->rank - 2])
        return mite_step_fail(s, MITE_ERR_FORMAT, "x is %T of %s, wanted are square real matrices",
                              (size_t)x->rank, x->shape, mite_dtype_name(x->dtype));
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    return status ? status : mite_step_set_shape(s, 0, (size_t)x->rank - 2, x->shape);
}

static mite_status plan(mite_step *s) {
    const mite_view *x = s->inputs[0];
    size_t m = (size_t)x->shape[x->rank - 1];
    if (!mite_size_mul(&s->scratch_bytes, m, m * sizeof(double)))
        return mite_step_fail(s, MITE_ERR_MEMORY, "its matrices are too large");
    return MITE_OK;
}

static double determinant(double *a, size_t m) {
    double out = 1;
    for (size_t k = 0; k < m; k++) {
        size_t best = k;
        for (size_t i = k + 1; i < m; i++)
            if (fabs(a[i * m + k]) > fabs(a[best * m + k])) best = i;
        out *= best == k ? a[best * m + k] : -a[best * m + k];
        if (out == 0) return 0;
        for (size_t j = k; j < m && best != k; j++) {
            double swap = a[k * m + j];
            a[k * m + j] = a[best * m + j], a[best * m + j] = swap;
        }
        for (size_t i = k + 1; i < m; i++) {
            double factor = a[i * m + k] / a[k * m + k];
            for (size_t j = k; j < m; j++) a[i * m + j] -= factor * a[k * m + j];
        }
    }
    return out;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *y = s->outputs[0];
    size_t m = (size_t)x->shape[x->rank - 1];
    (void)part, (void)part_count;
    for (size_t i = 0; i < y->elements; i++) {
        mite_load_reals(scratch, (const char *)x->data + i * m * m * mite_dtype_bytes(x->dtype),
                        x->dtype, 1, m * m);
        double out = determinant(scratch, m);
        mite_store_reals((char *)y->data + i * mite_dtype_bytes(y->dtype), y->dtype, 1, &out, 1);
    }
    return MITE_OK;
}

const mite_op mite_op_det = {
    .name = "det",
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer,
    .plan = plan,
    .run = run,
};
