// SPDX-License-Identifier: Apache-2.0
// conv_transpose: each input element adds its multiple of the kernel to the output, any number of
// spatial dimensions, channels first. x [N,C,D..], w [C,M/groups,K..], bias [M]; real types, sums
// in f64. Output sizes: (in-1)*stride + dilated kernel - pads + output_padding, or `sizes` where
// given (the padding then follows, as with auto_pad).
#include "elements.h"
#include "spatial.h"

enum {
    GROUPS = MITE_SPATIAL_WORDS,
    OUTPUT_PADDING,
    HAS_SIZES = OUTPUT_PADDING + MITE_SPATIAL_MAX,
    SIZES
}; // attribute words
enum { AUTO_PAD = MITE_SPATIAL_WORDS - 1 };
enum { X, W, BIAS, INPUTS };

static const mite_attr attrs[] = {
    MITE_SPATIAL_ATTRS,
    {"groups", 'i', 1, 1},
    {"output_padding", 'i', MITE_SPATIAL_MAX, 0},
    {"has_sizes", 'i', 1, 0},
    {"sizes", 'i', MITE_SPATIAL_MAX, 0},
};

static mite_status place(mite_step *s, mite_spatial *w) {
    int32_t mode = mite_attr_int(s, AUTO_PAD);
    w->out_plane = 1;
    for (size_t i = 0; i < w->rank; i++) {
        int64_t extra = mite_attr_int(s, OUTPUT_PADDING + i);
        int64_t whole = (w->in[i] - (int64_t)1) * w->stride[i] + extra +
                        (w->kernel[i] - (int64_t)1) * w->dilation[i] + 1;
        int64_t size = mite_attr_int(s, HAS_SIZES) ? mite_attr_int(s, SIZES + i)
                       : mode                      ? (int64_t)w->in[i] * w->stride[i]
                                                   : whole - w->begin[i] - w->end[i];
        if (mode || mite_attr_int(s, HAS_SIZES)) {
            // ONNX: the odd one at the end for SAME_UPPER alone, at the beginning otherwise.
            int64_t total = whole - size > 0 ? whole - size : 0;
            int64_t half = total / 2;
            w->begin[i] = (int32_t)(mode == MITE_PAD_SAME_UPPER ? half : total - half);
            w->end[i] = (int32_t)(total - w->begin[i]);
        }
        if (extra < 0 || size < 0 || size > INT32_MAX || w->in[i] < 1)
            return mite_step_fail(s, MITE_ERR_FORMAT,
                                  "%d inputs give %D outputs in spatial dimension %z", w->in[i],
                                  size, i);
        w->out[i] = (int32_t)size;
        if (!mite_size_mul(&w->out_plane, w->out_plane, (size_t)size))
            return mite_step_fail(s, MITE_ERR_FORMAT, "its output is too large");
    }
    return MITE_OK;
}

static mite_status set_up(mite_step *s, mite_spatial *spatial) {
    const mite_view *x = s->inputs[X], *w = s->inputs[W], *bias = mite_step_input(s, BIAS);
    int32_t groups = mite_attr_int(s, GROUPS), columns;
    if (w->rank != x->rank || x->rank < 3 || groups < 1 || x->shape[1] % groups ||
        w->shape[0] != x->shape[1] || __builtin_mul_overflow(w->shape[1], groups, &columns) ||
        (bias && bias->elements != (size_t)columns))
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "weights %T in %d groups, and the bias, do not fit the input %T",
                              (size_t)w->rank, w->shape, groups, (size_t)x->rank, x->shape);
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status) status = mite_step_need_type(s, "w", w, x->dtype);
    if (!status && bias) status = mite_step_need_type(s, "bias", bias, x->dtype);
    if (!status && !mite_is_real(x->dtype))
        status = mite_step_fail(s, MITE_ERR_UNSUPPORTED, "x is %s, supported are real types",
                                mite_dtype_name(x->dtype));
    if (!status) status = mite_spatial_read(s, spatial, x, w->shape + 2);
    if (!status) status = place(s, spatial);
    if (!status) status = mite_spatial_set_shape(s, 0, spatial, columns);
    return status;
}

static mite_status infer(mite_step *s) {
    mite_spatial w;
    mite_status status = set_up(s, &w);
    if (!status)
        s->macs = (uint64_t)s->inputs[X]->elements * (size_t)s->inputs[W]->shape[1] * w.taps;
    return status;
}

static mite_status plan(mite_step *s) {
    mite_spatial *w = s->state;
    if (set_up(s, w)) return s->error->status;
    size_t length;
    if (!mite_size_add(&length, (size_t)w->out[w->rank - 1], (size_t)w->in[w->rank - 1]) ||
        !mite_size_mul(&s->scratch_bytes, length, sizeof(double)))
        return mite_step_fail(s, MITE_ERR_MEMORY, "its rows are too long");
    return MITE_OK;
}

static mite_status prepare(mite_step *s) {
    const mite_spatial *w = s->state;
    size_t length = (size_t)w->out[w->rank - 1];
    s->max_parts = length ? mite_max_size(1, s->outputs[0]->elements / length) : 1;
    return MITE_OK;
}

static double number(const mite_view *v, size_t at) {
    double x;
    mite_load_reals(&x, (const char *)v->data + at * mite_dtype_bytes(v->dtype), v->dtype, 1, 1);
    return x;
}

// Which row of inputs reaches output row `row` by kernel row `tap` (both over all but the last
// dimension); false where none does.
static bool source(const mite_spatial *w, size_t row, size_t tap, size_t *from) {
    size_t step = (size_t)w->in[w->rank - 1];
    *from = 0;
    for (size_t i = w->rank - 1; i-- > 0;) {
        int64_t at = (int64_t)(row % (size_t)w->out[i]) + w->begin[i] -
                     (int64_t)(tap % (size_t)w->kernel[i]) * w->dilation[i];
        row /= (size_t)w->out[i];
        tap /= (size_t)w->kernel[i];
        if (at < 0 || at % w->stride[i] || at / w->stride[i] >= w->in[i]) return false;
        *from += (size_t)(at / w->stride[i]) * step;
        step *= (size_t)w->in[i];
    }
    return true;
}

// Adds one row of inputs, spread by the kernel's last dimension.
static void spread(const mite_spatial *w, double *out, const double *in, const mite_view *weights,
                   size_t first) {
    size_t last = w->rank - 1;
    for (int32_t k = 0; k < w->kernel[last]; k++) {
        double weight = number(weights, first + (size_t)k);
        int64_t to = (int64_t)k * w->dilation[last] - w->begin[last];
        for (int32_t i = 0; i < w->in[last]; i++, to += w->stride[last])
            if (to >= 0 && to < w->out[last]) out[to] += in[i] * weight;
    }
}

static void one_row(const mite_step *s, size_t image, size_t column, size_t row, double *sum) {
    const mite_spatial *w = s->state;
    const mite_view *x = s->inputs[X], *weights = s->inputs[W], *bias = mite_step_input(s, BIAS);
    size_t length = (size_t)w->out[w->rank - 1], width = (size_t)w->in[w->rank - 1];
    size_t last = (size_t)w->kernel[w->rank - 1], columns = (size_t)weights->shape[1];
    size_t channels = (size_t)(x->shape[1] / mite_attr_int(s, GROUPS));
    double start = bias ? number(bias, column) : 0, *in = sum + length;
    for (size_t i = 0; i < length; i++) sum[i] = start;
    for (size_t tap = 0; tap < w->taps / last; tap++) {
        size_t from;
        if (!source(w, row, tap, &from)) continue;
        for (size_t c = 0; c < channels; c++) {
            size_t channel = column / columns * channels + c;
            size_t at = (image * (size_t)x->shape[1] + channel) * w->in_plane + from;
            mite_load_reals(in, (const char *)x->data + at * mite_dtype_bytes(x->dtype), x->dtype,
                            1, width);
            spread(w, sum, in, weights,
                   (channel * columns + column % columns) * w->taps + tap * last);
        }
    }
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_spatial *w = s->state;
    const mite_view *y = s->outputs[0];
    size_t length = (size_t)w->out[w->rank - 1], begin, end;
    if (!y->elements) return MITE_OK;
    size_t rows = w->out_plane / length, columns = (size_t)y->shape[1];
    mite_part_range(y->elements / length, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        one_row(s, i / rows / columns, i / rows % columns, i % rows, scratch);
        mite_store_reals((char *)y->data + i * length * mite_dtype_bytes(y->dtype), y->dtype, 1,
                         scratch, length);
    }
    return MITE_OK;
}

const mite_op mite_op_conv_transpose = {
    .name = "conv_transpose",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 2,
    .max_inputs = INPUTS,
    .output_count = 1,
    .state_bytes = sizeof(mite_spatial),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
