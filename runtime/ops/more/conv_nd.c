// SPDX-License-Identifier: Apache-2.0
// conv_nd: convolution over any number of spatial dimensions, channels first, of any type, with
// weights that may be computed. x [N,C,D..], w [M,C/groups,K..], bias [M], and zero points of
// integers: of x one, of w one or M. Real types give their own type, sums in f32 for f32 and in
// f64 for the others; integers give i32. conv2d is the fast one for pictures.
#include "floats.h"
#include "spatial.h"

enum { GROUPS = MITE_SPATIAL_WORDS }; // attribute words
enum { X, W, BIAS, X_ZERO, W_ZERO, INPUTS };

static const mite_attr attrs[] = {
    MITE_SPATIAL_ATTRS,
    {"groups", 'i', 1, 1},
};

typedef struct state {
    mite_spatial w;
    size_t group_in, group_out; // channels of a group
} state;

static mite_status check_vector(mite_step *s, size_t k, const char *what, mite_dtype dtype,
                                int32_t columns, bool may_be_one) {
    const mite_view *v = mite_step_input(s, k);
    if (!v) return MITE_OK;
    if (v->elements != (size_t)columns && !(may_be_one && v->elements == 1))
        return mite_step_fail(s, MITE_ERR_FORMAT, "%s has shape %T, wanted is [%d]", what,
                              (size_t)v->rank, v->shape, columns);
    return mite_step_need_type(s, what, v, dtype);
}

static mite_status set_up(mite_step *s, state *st) {
    const mite_view *x = s->inputs[X], *w = s->inputs[W];
    int32_t groups = mite_attr_int(s, GROUPS);
    bool real = mite_is_real(x->dtype);
    if (w->rank != x->rank || x->rank < 2 || groups < 1 || x->shape[1] % groups ||
        w->shape[0] % groups || w->shape[1] != x->shape[1] / groups)
        return mite_step_fail(s, MITE_ERR_FORMAT, "weights %T in %d groups do not fit the input %T",
                              (size_t)w->rank, w->shape, groups, (size_t)x->rank, x->shape);
    if (real != mite_is_real(w->dtype) || (real && w->dtype != x->dtype))
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "x is %s, w is %s",
                              mite_dtype_name(x->dtype), mite_dtype_name(w->dtype));
    mite_dtype out = real ? x->dtype : MITE_I32;
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], out);
    if (!status) status = check_vector(s, BIAS, "bias", out, w->shape[0], false);
    if (!status) status = check_vector(s, X_ZERO, "x's zero point", x->dtype, 1, true);
    if (!status) status = check_vector(s, W_ZERO, "w's zero point", w->dtype, w->shape[0], true);
    if (!status) status = mite_spatial_read(s, &st->w, x, w->shape + 2);
    if (!status) status = mite_spatial_place(s, &st->w, false);
    if (status) return status;
    st->group_in = (size_t)w->shape[1];
    st->group_out = (size_t)(w->shape[0] / groups);
    return mite_spatial_set_shape(s, 0, &st->w, w->shape[0]);
}

static mite_status infer(mite_step *s) {
    state st;
    mite_status status = set_up(s, &st);
    if (!status) s->macs = (uint64_t)s->outputs[0]->elements * st.group_in * st.w.taps;
    return status;
}

// Without spatial dimensions a row is one output.
static size_t row_length(const mite_spatial *w) {
    return w->rank ? (size_t)w->out[w->rank - 1] : 1;
}

static mite_status plan(mite_step *s) {
    state *st = s->state;
    if (set_up(s, st)) return s->error->status;
    if (!mite_size_mul(&s->scratch_bytes, row_length(&st->w), 2 * sizeof(double)))
        return mite_step_fail(s, MITE_ERR_MEMORY, "its rows are too long");
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    const state *st = s->state;
    s->max_parts = mite_max_size(1, s->outputs[0]->elements / row_length(&st->w));
    return MITE_OK;
}

static double number(const mite_view *v, size_t at) {
    double x = 0;
    if (v)
        mite_load_reals(&x, (const char *)v->data + at * mite_dtype_bytes(v->dtype), v->dtype, 1,
                        1);
    return x;
}

// Where a row begins: its image and output channel, and its number within the plane.
typedef struct place {
    size_t image, column, row;
} place;

static void row_f32(const mite_step *s, const place *at, float *sum) {
    const state *st = s->state;
    const float *x = s->inputs[X]->data, *w = s->inputs[W]->data;
    size_t length = row_length(&st->w);
    size_t stride = st->w.rank ? (size_t)st->w.stride[st->w.rank - 1] : 1;
    x += (at->image * (size_t)s->inputs[X]->shape[1] + at->column / st->group_out * st->group_in) *
         st->w.in_plane;
    w += at->column * st->group_in * st->w.taps;
    float bias = (float)number(mite_step_input(s, BIAS), at->column);
    for (size_t i = 0; i < length; i++) sum[i] = bias;
    for (size_t k = 0; k < st->w.taps; k++) {
        mite_tap tap;
        if (!mite_spatial_tap(&st->w, at->row, k, &tap)) continue;
        for (size_t c = 0; c < st->group_in; c++) {
            const float *in = x + c * st->w.in_plane + tap.from;
            float weight = w[c * st->w.taps + k];
            if (stride == 1) mite_add_scaled(sum + tap.lo, in, weight, tap.hi - tap.lo);
            else
                for (size_t i = tap.lo; i < tap.hi; i++, in += stride) sum[i] += *in * weight;
        }
    }
}

static void row_any(const mite_step *s, const place *at, double *sum) {
    const state *st = s->state;
    const mite_view *x = s->inputs[X], *w = s->inputs[W];
    const mite_view *bias = mite_step_input(s, BIAS), *w_zero = mite_step_input(s, W_ZERO);
    size_t length = row_length(&st->w);
    double *in = sum + length;
    ptrdiff_t stride = st->w.rank ? st->w.stride[st->w.rank - 1] : 1;
    size_t first = (at->image * (size_t)x->shape[1] + at->column / st->group_out * st->group_in) *
                   st->w.in_plane;
    double x_zero = number(mite_step_input(s, X_ZERO), 0);
    double zero = number(w_zero, w_zero && w_zero->elements > 1 ? at->column : 0);
    double start = number(bias, at->column);
    for (size_t i = 0; i < length; i++) sum[i] = start;
    for (size_t k = 0; k < st->w.taps; k++) {
        mite_tap tap;
        if (!mite_spatial_tap(&st->w, at->row, k, &tap)) continue;
        for (size_t c = 0; c < st->group_in; c++) {
            double weight = number(w, (at->column * st->group_in + c) * st->w.taps + k) - zero;
            size_t from = first + c * st->w.in_plane + tap.from;
            mite_load_reals(in, (const char *)x->data + from * mite_dtype_bytes(x->dtype), x->dtype,
                            stride, tap.hi - tap.lo);
            for (size_t i = tap.lo; i < tap.hi; i++) sum[i] += (in[i - tap.lo] - x_zero) * weight;
        }
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *y = s->outputs[0];
    size_t length = row_length(&st->w), begin, end;
    if (!y->elements) return MITE_OK;
    size_t rows = st->w.out_plane / length, columns = (size_t)y->shape[1];
    mite_part_range(y->elements / length, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        place at = {i / rows / columns, i / rows % columns, i % rows};
        if (y->dtype == MITE_F32) {
            row_f32(s, &at, (float *)y->data + i * length);
        } else {
            row_any(s, &at, scratch);
            mite_store_reals((char *)y->data + i * length * mite_dtype_bytes(y->dtype), y->dtype, 1,
                             scratch, length);
        }
    }
    return MITE_OK;
}

const mite_op mite_op_conv_nd = {
    .name = "conv_nd",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 2,
    .max_inputs = INPUTS,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
