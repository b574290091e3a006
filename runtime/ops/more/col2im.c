// SPDX-License-Identifier: Apache-2.0
// col2im: sums columns [N,C*taps,L] of windows back into images [N,C,D..]; the image's sizes and the
// window's are inputs. max_unpool: puts x [N,C,D..] back to where max pooling took it from, by the
// indices [N,C,D..] i64 that it gave; zeros elsewhere.
#include "elements.h"
#include "spatial.h"

static const mite_attr attrs[] = {MITE_SPATIAL_ATTRS};

static mite_status set_up(mite_step *s, mite_spatial *w) {
    const mite_view *x = s->inputs[0];
    int64_t sizes[2][MITE_SPATIAL_MAX];
    int32_t kernel[MITE_SPATIAL_MAX], shape[MITE_MAX_RANK];
    size_t rank, kernel_rank;
    mite_status status = mite_step_integers(s, 1, sizes[0], MITE_SPATIAL_MAX, &rank);
    if (!status) status = mite_step_integers(s, 2, sizes[1], MITE_SPATIAL_MAX, &kernel_rank);
    if (status) return status;
    mite_view image = {.rank = (int32_t)rank + 2};
    bool fits = rank == kernel_rank && x->rank == 3;
    for (size_t i = 0; i < rank && fits; i++) {
        fits = sizes[0][i] >= 0 && sizes[0][i] <= INT32_MAX && sizes[1][i] > 0 &&
               sizes[1][i] <= INT32_MAX;
        image.shape[i + 2] = shape[i + 2] = fits ? (int32_t)sizes[0][i] : 0;
        kernel[i] = fits ? (int32_t)sizes[1][i] : 0;
    }
    if (fits) status = mite_spatial_read(s, w, &image, kernel);
    if (fits && !status) status = mite_spatial_place(s, w, false);
    if (status) return status;
    if (!fits || (size_t)x->shape[2] != w->out_plane || (size_t)x->shape[1] % w->taps)
        return mite_step_fail(s, MITE_ERR_FORMAT, "columns %T do not fit the image and the window",
                              (size_t)x->rank, x->shape);
    shape[0] = x->shape[0];
    shape[1] = (int32_t)((size_t)x->shape[1] / w->taps);
    return mite_step_set_shape(s, 0, rank + 2, shape);
}

static mite_status infer(mite_step *s) {
    mite_spatial w;
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], s->inputs[0]->dtype);
    return status ? status : set_up(s, &w);
}

static mite_status plan(mite_step *s) {
    mite_spatial *w = s->state;
    mite_status status = set_up(s, w);
    size_t count;
    if (!status && (!mite_size_add(&count, w->in_plane, w->out_plane) ||
                    !mite_size_mul(&s->scratch_bytes, count, sizeof(double))))
        status = mite_step_fail(s, MITE_ERR_MEMORY, "its images are too large");
    return status;
}

static mite_status prepare(mite_step *s) {
    const mite_view *y = s->outputs[0];
    s->max_parts = mite_max_size(1, (size_t)y->shape[0] * (size_t)y->shape[1]);
    return MITE_OK;
}

// One tap's column of every window, added to the image; f32 in place, all else in f64.
static void add_f32(const mite_spatial *w, float *image, const float *columns, size_t from,
                    const mite_tap *tap) {
    size_t stride = w->rank ? (size_t)w->stride[w->rank - 1] : 1;
    image += tap->from;
    for (size_t i = tap->lo; i < tap->hi; i++, image += stride) *image += columns[from + i];
}

static void add_f64(const mite_spatial *w, double *image, const double *columns, size_t from,
                    const mite_tap *tap) {
    size_t stride = w->rank ? (size_t)w->stride[w->rank - 1] : 1;
    image += tap->from;
    for (size_t i = tap->lo; i < tap->hi; i++, image += stride) *image += columns[from + i];
}

static void one_plane(const mite_step *s, size_t plane, double *image) {
    const mite_spatial *w = s->state;
    const mite_view *x = s->inputs[0], *y = s->outputs[0];
    double *columns = image + w->in_plane;
    size_t item = mite_dtype_bytes(x->dtype), length = w->rank ? (size_t)w->out[w->rank - 1] : 1;
    char *to = (char *)y->data + plane * w->in_plane * item;
    bool in_place = x->dtype == MITE_F32;
    if (in_place) memset(to, 0, w->in_plane * sizeof(float));
    else memset(image, 0, w->in_plane * sizeof *image);
    for (size_t k = 0; k < w->taps; k++) {
        const char *from = (const char *)x->data + (plane * w->taps + k) * w->out_plane * item;
        if (!in_place) mite_load_reals(columns, from, x->dtype, 1, w->out_plane);
        for (size_t row = 0; row < w->out_plane / length; row++) {
            mite_tap tap;
            if (!mite_spatial_tap(w, row, k, &tap)) continue;
            if (in_place) add_f32(w, (float *)to, (const float *)from, row * length, &tap);
            else add_f64(w, image, columns, row * length, &tap);
        }
    }
    if (!in_place) mite_store_reals(to, y->dtype, 1, image, w->in_plane);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *y = s->outputs[0];
    size_t begin, end;
    if (!y->elements) return MITE_OK;
    mite_part_range((size_t)y->shape[0] * (size_t)y->shape[1], 1, part, part_count, &begin, &end);
    for (size_t plane = begin; plane < end; plane++) one_plane(s, plane, scratch);
    return MITE_OK;
}

const mite_op mite_op_col2im = {
    .name = "col2im",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 3,
    .max_inputs = 3,
    .output_count = 1,
    .state_bytes = sizeof(mite_spatial),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};

// --- max_unpool: x, indices, and the output's whole shape where given ------------------------------

enum { KERNEL = MITE_SPATIAL_WORDS };

static const mite_attr unpool_attrs[] = {MITE_SPATIAL_ATTRS, {"kernel", 'i', MITE_SPATIAL_MAX, 1}};

// The shape that pooling had before it, to which the indices refer.
static mite_status pooled_from(mite_step *s, int32_t *shape) {
    const mite_view *x = s->inputs[0];
    int32_t kernel[MITE_SPATIAL_MAX];
    mite_spatial w;
    for (size_t i = 0; i < MITE_SPATIAL_MAX; i++) kernel[i] = mite_attr_int(s, KERNEL + i);
    mite_status status = mite_spatial_read(s, &w, x, kernel);
    if (status) return status;
    memcpy(shape, x->shape, 2 * sizeof shape[0]);
    for (size_t i = 0; i < w.rank; i++) {
        int64_t size = ((int64_t)w.in[i] - 1) * w.stride[i] + w.kernel[i] - w.begin[i] - w.end[i];
        shape[i + 2] = size < 0 || size > INT32_MAX ? -1 : (int32_t)size;
    }
    return MITE_OK;
}

static mite_status infer_unpool(mite_step *s) {
    const mite_view *x = s->inputs[0], *indices = s->inputs[1];
    int32_t shape[MITE_MAX_RANK];
    int64_t wanted[MITE_MAX_RANK];
    size_t count;
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status) status = mite_step_need_type(s, "indices", indices, MITE_I64);
    if (!status && !mite_same_shape(x, indices))
        status = mite_step_fail(s, MITE_ERR_FORMAT, "indices %T do not fit x %T",
                                (size_t)indices->rank, indices->shape, (size_t)x->rank, x->shape);
    if (!status) status = pooled_from(s, shape);
    if (status || !mite_step_input(s, 2))
        return status ? status : mite_step_set_shape(s, 0, (size_t)x->rank, shape);
    status = mite_step_integers(s, 2, wanted, MITE_MAX_RANK, &count);
    if (status) return status;
    bool fits = count == (size_t)x->rank;
    for (size_t i = 0; i < count && fits; i++) {
        fits = wanted[i] >= shape[i] && wanted[i] <= INT32_MAX && shape[i] >= 0;
        if (fits) shape[i] = (int32_t)wanted[i];
    }
    if (!fits) return mite_step_fail(s, MITE_ERR_FORMAT, "its output shape does not fit x");
    return mite_step_set_shape(s, 0, count, shape);
}

static mite_status run_unpool(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *x = s->inputs[0], *y = s->outputs[0];
    const int64_t *indices = s->inputs[1]->data;
    int32_t shape[MITE_MAX_RANK];
    mite_step copy = *s;
    size_t item = mite_dtype_bytes(x->dtype), elements = 1;
    (void)part, (void)part_count, (void)scratch;
    if (y->elements) memset(y->data, 0, y->elements * item);
    if (pooled_from(&copy, shape)) return MITE_ERR_FORMAT;
    for (int32_t i = 0; i < x->rank; i++) elements *= (size_t)shape[i]; // <= y->elements
    for (size_t i = 0; i < x->elements; i++) {
        size_t rest = (size_t)indices[i], at = 0, step = 1;
        if (indices[i] < 0 || (uint64_t)indices[i] >= elements) return MITE_ERR_ARGUMENT;
        for (size_t d = (size_t)x->rank; d-- > 0; rest /= (size_t)shape[d]) {
            at += rest % (size_t)shape[d] * step;
            step *= (size_t)y->shape[d];
        }
        memcpy((char *)y->data + at * item, (const char *)x->data + i * item, item);
    }
    return MITE_OK;
}

const mite_op mite_op_max_unpool = {
    .name = "max_unpool",
    .attrs = unpool_attrs,
    .attr_count = sizeof unpool_attrs / sizeof unpool_attrs[0],
    .min_inputs = 2,
    .max_inputs = 3,
    .output_count = 1,
    .infer = infer_unpool,
    .run = run_unpool,
};
