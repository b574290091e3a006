// SPDX-License-Identifier: Apache-2.0
// matmul: a b * scale in f32, over leading dimensions that broadcast, as numpy.matmul; of either the
// last two dimensions may be meant the other way round. Columns of b are packed as convolution
// weights, and the product is that of conv_f32. (dense has constant weights, which are packed
// already; matmul_nd has every type.)
#include "common.h"

#include <math.h>

enum { TRANSPOSE_A, TRANSPOSE_B, SCALE }; // attribute words
enum { A, B };

#define PANEL_BYTES 65536 // of packed columns

static const mite_attr attrs[] = {
    [TRANSPOSE_A] = {"transpose_a", 'i', 1, 0},
    [TRANSPOSE_B] = {"transpose_b", 'i', 1, 0},
    [SCALE] = {"scale", 'f', 1, MITE_BITS_ONE},
};

typedef struct state {
    size_t batch, m, k, n;
    size_t rank; // of the leading dimensions
    size_t dims[MITE_MAX_RANK], a_step[MITE_MAX_RANK], b_step[MITE_MAX_RANK]; // in matrices
    size_t panel; // columns packed at a time, a multiple of 8
    size_t turned, weights, kernel; // floats of scratch before: a turned round, b, the kernel's
} state;

// Dimension i of `rank` leading ones; 1 where the view has none.
static int32_t leading(const mite_view *v, size_t i, size_t rank) {
    size_t own = (size_t)v->rank - 2;
    return i + own < rank ? 1 : v->shape[i + own - rank];
}

static mite_status set_up(mite_step *s, state *st) {
    const mite_view *a = s->inputs[A], *b = s->inputs[B];
    int32_t shape[MITE_MAX_RANK];
    bool fits = a->rank >= 2 && b->rank >= 2;
    size_t rank = fits ? (size_t)(a->rank > b->rank ? a->rank : b->rank) - 2 : 0;
    *st = (state){.batch = 1, .rank = rank};
    if (fits) {
        const int32_t *last_a = a->shape + a->rank - 2, *last_b = b->shape + b->rank - 2;
        bool turn_a = mite_attr_int(s, TRANSPOSE_A), turn_b = mite_attr_int(s, TRANSPOSE_B);
        st->m = (size_t)last_a[turn_a ? 1 : 0];
        st->k = (size_t)last_a[turn_a ? 0 : 1];
        st->n = (size_t)last_b[turn_b ? 0 : 1];
        fits = (size_t)last_b[turn_b ? 1 : 0] == st->k;
    }
    size_t a_step = 1, b_step = 1;
    for (size_t i = rank; i-- > 0 && fits;) {
        int32_t da = leading(a, i, rank), db = leading(b, i, rank);
        fits = da == db || da == 1 || db == 1;
        shape[i] = da == 1 ? db : da;
        st->dims[i] = (size_t)shape[i];
        st->a_step[i] = da == 1 ? 0 : a_step;
        st->b_step[i] = db == 1 ? 0 : b_step;
        a_step *= (size_t)da;
        b_step *= (size_t)db;
    }
    if (!fits)
        return mite_step_fail(s, MITE_ERR_FORMAT, "%T times %T is not possible", (size_t)a->rank,
                              a->shape, (size_t)b->rank, b->shape);
    shape[rank] = (int32_t)st->m;
    shape[rank + 1] = (int32_t)st->n;
    mite_status status = mite_step_set_shape(s, 0, rank + 2, shape);
    for (size_t i = 0; i < rank && !status; i++) st->batch *= st->dims[i];
    return status;
}

static mite_status infer(mite_step *s) {
    state st;
    mite_status status = mite_step_need_type(s, "a", s->inputs[A], MITE_F32);
    if (!status) status = mite_step_need_type(s, "b", s->inputs[B], MITE_F32);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_F32);
    if (!status) status = set_up(s, &st);
    if (!status) s->macs = (uint64_t)s->outputs[0]->elements * st.k;
    return status;
}

static mite_status plan(mite_step *s) {
    state *st = s->state;
    mite_status status = set_up(s, st);
    if (status) return status;
    size_t fit = st->k ? PANEL_BYTES / sizeof(float) / st->k / 8 * 8 : st->n, bytes, floats = 0;
    st->panel = mite_min_size(mite_max_size(fit, 8), mite_round_up(mite_max_size(st->n, 1), 8));
    st->turned = st->panel; // zeros for the bias
    if ((mite_attr_int(s, TRANSPOSE_A) && !mite_size_mul(&floats, st->m, st->k)) ||
        !mite_size_add(&st->weights, st->turned, floats) ||
        !mite_size_mul(&floats, st->panel, st->k) ||
        !mite_size_add(&st->kernel, st->weights, floats) ||
        !mite_size_align(&st->kernel, st->kernel, MITE_ALIGN) ||
        !mite_size_mul(&bytes, st->kernel, sizeof(float)) ||
        !mite_size_add(&s->scratch_bytes, bytes,
                       s->kernels->conv_f32.scratch_bytes(st->m, 1, st->k)))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "its matrices are too large");
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    state *st = s->state;
    mite_status status = plan(s);
    s->max_parts = mite_max_size(1, st->batch * (mite_round_up(st->n, 8) / 8));
    return status;
}

// Columns [column0, column1) of product `index`.
static void product(const mite_step *s, size_t index, size_t column0, size_t column1,
                    float *scratch) {
    static const int32_t one_segment[1] = {0};
    const state *st = s->state;
    const float *a = s->inputs[A]->data, *b = s->inputs[B]->data;
    float *y = (float *)s->outputs[0]->data + index * st->m * st->n;
    for (size_t d = st->rank, rest = index; d-- > 0; rest /= st->dims[d]) {
        a += rest % st->dims[d] * st->a_step[d] * st->m * st->k;
        b += rest % st->dims[d] * st->b_step[d] * st->k * st->n;
    }
    mite_conv_args args = {
        .input = a,
        .weights = scratch + st->weights,
        .bias = scratch,
        .segments = one_segment,
        .segment_count = 1,
        .segment_length = st->k,
        .out_width = st->m,
        .in_pixel = st->k,
        .out_pixel = st->n,
        .scratch = scratch + st->kernel,
        .lo = -INFINITY,
        .hi = INFINITY,
    };
    memset(scratch, 0, st->panel * sizeof *scratch);
    if (mite_attr_int(s, TRANSPOSE_A)) {
        float *to = scratch + st->turned;
        for (size_t i = 0; i < st->m; i++)
            for (size_t k = 0; k < st->k; k++) to[i * st->k + k] = a[k * st->m + i];
        args.input = to;
    }
    bool turned = mite_attr_int(s, TRANSPOSE_B);
    for (size_t n = column0; n < column1; n += st->panel) {
        args.columns = mite_min_size(st->panel, column1 - n);
        args.output = y + n;
        mite_pack_product_f32(scratch + st->weights, b + (turned ? n * st->k : n), args.columns,
                              st->k, turned ? st->k : 1, turned ? 1 : st->n,
                              mite_attr_float(s, SCALE));
        s->kernels->conv_f32.run(&args, 0, st->m, 0, args.columns);
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    size_t blocks = mite_round_up(st->n, 8) / 8, begin, end;
    if (!s->outputs[0]->elements) return MITE_OK;
    mite_part_range(st->batch * blocks, 1, part, part_count, &begin, &end);
    while (begin < end) {
        size_t index = begin / blocks, block0 = begin % blocks;
        size_t block1 = mite_min_size(blocks, block0 + end - begin);
        product(s, index, block0 * 8, mite_min_size(block1 * 8, st->n), scratch);
        begin += block1 - block0;
    }
    return MITE_OK;
}

const mite_op mite_op_matmul = {
    .name = "matmul",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 2,
    .max_inputs = 2,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
