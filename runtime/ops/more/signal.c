// SPDX-License-Identifier: Apache-2.0
// dft, stft, cosine_window and mel_weights, as ONNX defines DFT, STFT, its windows and
// MelWeightMatrix. Real types, in f64. Lengths that are powers of two are transformed by
// Cooley and Tukey's algorithm, others by Bluestein's on top of it.
#include "elements.h"

#include "../common.h"

#include <math.h>

#define PI 3.14159265358979323846
#define MAX_LENGTH (1 << 28) // of a transform

// --- Transforms ----------------------------------------------------------------------------------

static size_t power_of_two(size_t at_least) {
    size_t n = 1;
    while (n < at_least) n *= 2;
    return n;
}

// Doubles that transform() needs behind its data for n numbers.
static size_t work_for(size_t n) {
    return power_of_two(n) == n ? 0 : 2 * n + 4 * power_of_two(2 * n - 1);
}

// z: n complex numbers, n a power of two; sign -1 forward, 1 backward, not scaled.
static void transform_power(double *z, size_t n, double sign) {
    for (size_t i = 1, j = 0; i < n; i++) {
        size_t bit = n / 2;
        for (; j & bit; bit /= 2) j ^= bit;
        j ^= bit;
        if (i >= j) continue;
        double re = z[2 * i], im = z[2 * i + 1];
        z[2 * i] = z[2 * j], z[2 * i + 1] = z[2 * j + 1];
        z[2 * j] = re, z[2 * j + 1] = im;
    }
    for (size_t half = 1; half < n; half *= 2) {
        for (size_t k = 0; k < half; k++) {
            double c = cos(PI * (double)k / (double)half);
            double s = sign * sin(PI * (double)k / (double)half);
            for (size_t i = k; i < n; i += 2 * half) {
                double *a = z + 2 * i, *b = z + 2 * (i + half);
                double re = b[0] * c - b[1] * s, im = b[0] * s + b[1] * c;
                b[0] = a[0] - re, b[1] = a[1] - im;
                a[0] += re, a[1] += im;
            }
        }
    }
}

static void multiply(double *a, const double *b) {
    double re = a[0] * b[0] - a[1] * b[1];
    a[1] = a[0] * b[1] + a[1] * b[0];
    a[0] = re;
}

// Any n. Bluestein: kn = (k^2 + n^2 - (k-n)^2) / 2 makes of it a convolution with a chirp.
static void transform(double *z, size_t n, double sign, double *work) {
    size_t m = power_of_two(2 * n - 1);
    double *chirp = work, *a = chirp + 2 * n, *b = a + 2 * m;
    if (power_of_two(n) == n) {
        transform_power(z, n, sign);
        return;
    }
    memset(a, 0, 4 * m * sizeof *a);
    for (size_t i = 0; i < n; i++) {
        double angle = PI * (double)((uint64_t)i * i % (2 * n)) / (double)n;
        double *w = chirp + 2 * i;
        w[0] = cos(angle), w[1] = sign * sin(angle);
        a[2 * i] = z[2 * i], a[2 * i + 1] = z[2 * i + 1];
        multiply(a + 2 * i, w);
        b[2 * i] = w[0], b[2 * i + 1] = -w[1];
        if (i) b[2 * (m - i)] = w[0], b[2 * (m - i) + 1] = -w[1];
    }
    transform_power(a, m, -1);
    transform_power(b, m, -1);
    for (size_t i = 0; i < m; i++) multiply(a + 2 * i, b + 2 * i);
    transform_power(a, m, 1);
    for (size_t i = 0; i < n; i++) {
        z[2 * i] = a[2 * i] / (double)m, z[2 * i + 1] = a[2 * i + 1] / (double)m;
        multiply(z + 2 * i, chirp + 2 * i);
    }
}

// --- Numbers from inputs -------------------------------------------------------------------------

// The one integer in input k, `otherwise` where it is not given; MITE_MORE where not known yet.
static mite_status whole(mite_step *s, size_t k, int64_t otherwise, int64_t *out) {
    size_t count;
    *out = otherwise;
    if (!mite_step_input(s, k)) return MITE_OK;
    mite_status status = mite_step_integers(s, k, out, 1, &count);
    if (!status && count != 1)
        return mite_step_fail(s, MITE_ERR_FORMAT, "input %z is not one number", k);
    return status;
}

static double real(const mite_view *v, size_t at) {
    double x;
    mite_load_reals(&x, (const char *)v->data + at * mite_dtype_bytes(v->dtype), v->dtype, 1, 1);
    return x;
}

static void set(const mite_view *v, size_t at, double x) {
    mite_store_reals((char *)v->data + at * mite_dtype_bytes(v->dtype), v->dtype, 1, &x, 1);
}

// --- dft: x [.., n, .., 1 or 2], length, axis ------------------------------------------------------

enum { INVERSE, ONE_SIDED, AXIS }; // attribute words

static const mite_attr dft_attrs[] = {
    [INVERSE] = {"inverse", 'i', 1, 0},
    [ONE_SIDED] = {"onesided", 'i', 1, 0},
    [AXIS] = {"axis", 'i', 1, -2}, // where input 2 is not given
};

typedef struct dft {
    size_t axis, in, length, out; // numbers along the axis: given, transformed, wanted
    size_t parts, out_parts; // 1 real, 2 complex
    size_t outer, inner; // before the axis; between it and the last dimension
} dft;

static mite_status set_up_dft(mite_step *s, dft *d) {
    const mite_view *x = s->inputs[0];
    int64_t axis, length;
    bool one_sided = mite_attr_int(s, ONE_SIDED) != 0, inverse = mite_attr_int(s, INVERSE) != 0;
    mite_status status = whole(s, 2, mite_attr_int(s, AXIS), &axis);
    if (status) return status;
    if (axis < 0) axis += x->rank;
    if (!mite_is_real(x->dtype) || x->rank < 2 || axis < 0 || axis > x->rank - 2 ||
        x->shape[x->rank - 1] < 1 || x->shape[x->rank - 1] > 2)
        return mite_step_fail(s, MITE_ERR_FORMAT, "axis %D of x %T of %s cannot be transformed",
                              axis, (size_t)x->rank, x->shape, mite_dtype_name(x->dtype));
    int64_t in = x->shape[axis];
    bool back_to_real = one_sided && inverse;
    status = whole(s, 1, back_to_real ? 2 * (in - 1) : in, &length);
    if (status) return status;
    if (length < 1 || length > MAX_LENGTH)
        return mite_step_fail(s, MITE_ERR_FORMAT, "its length is %D", length);
    *d = (dft){.axis = (size_t)axis,
               .in = (size_t)in,
               .length = (size_t)length,
               .outer = 1,
               .inner = 1,
               .parts = (size_t)x->shape[x->rank - 1],
               .out_parts = back_to_real ? 1 : 2,
               .out = (size_t)(one_sided && !inverse ? length / 2 + 1 : length)};
    int32_t shape[MITE_MAX_RANK];
    memcpy(shape, x->shape, sizeof shape);
    for (size_t i = 0; i < d->axis; i++) d->outer *= (size_t)shape[i];
    for (size_t i = d->axis + 1; i + 1 < (size_t)x->rank; i++) d->inner *= (size_t)shape[i];
    shape[d->axis] = (int32_t)d->out;
    shape[x->rank - 1] = (int32_t)d->out_parts;
    return mite_step_set_shape(s, 0, (size_t)x->rank, shape);
}

static mite_status infer_dft(mite_step *s) {
    dft d;
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], s->inputs[0]->dtype);
    return status ? status : set_up_dft(s, &d);
}

static mite_status plan_dft(mite_step *s) {
    dft *d = s->state;
    mite_status status = set_up_dft(s, d);
    if (!status) s->scratch_bytes = (2 * d->length + work_for(d->length)) * sizeof(double);
    return status;
}

static mite_status prepare_dft(mite_step *s) {
    const dft *d = s->state;
    s->max_parts = mite_max_size(1, d->outer * d->inner);
    return MITE_OK;
}

static mite_status run_dft(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const dft *d = s->state;
    double *z = scratch, sign = mite_attr_int(s, INVERSE) ? 1 : -1;
    double scale = sign > 0 ? 1 / (double)d->length : 1;
    size_t begin, end;
    if (!s->outputs[0]->elements) return MITE_OK;
    mite_part_range(d->outer * d->inner, 1, part, part_count, &begin, &end);
    for (size_t row = begin; row < end; row++) {
        size_t from = row / d->inner * d->in * d->inner + row % d->inner;
        size_t to = row / d->inner * d->out * d->inner + row % d->inner;
        memset(z, 0, 2 * d->length * sizeof *z);
        for (size_t i = 0; i < mite_min_size(d->in, d->length); i++)
            for (size_t k = 0; k < d->parts; k++)
                z[2 * i + k] = real(s->inputs[0], (from + i * d->inner) * d->parts + k);
        if (d->out_parts == 1) // the other side is the conjugate of this one
            for (size_t i = d->length / 2 + 1; i < d->length; i++) {
                z[2 * i] = z[2 * (d->length - i)];
                z[2 * i + 1] = -z[2 * (d->length - i) + 1];
            }
        transform(z, d->length, sign, z + 2 * d->length);
        for (size_t i = 0; i < d->out; i++)
            for (size_t k = 0; k < d->out_parts; k++)
                set(s->outputs[0], (to + i * d->inner) * d->out_parts + k, z[2 * i + k] * scale);
    }
    return MITE_OK;
}

const mite_op mite_op_dft = {
    .name = "dft",
    .attrs = dft_attrs,
    .attr_count = sizeof dft_attrs / sizeof dft_attrs[0],
    .min_inputs = 1,
    .max_inputs = 3,
    .output_count = 1,
    .state_bytes = sizeof(dft),
    .infer = infer_dft,
    .plan = plan_dft,
    .prepare = prepare_dft,
    .run = run_dft,
};

// --- stft: signal [B,L] or [B,L,1 or 2], step, window [n], n ---------------------------------------

enum { SIGNAL, STEP, WINDOW, LENGTH, STFT_INPUTS };

static const mite_attr stft_attrs[] = {{"onesided", 'i', 1, 1}};

typedef struct stft {
    size_t batch, samples, parts, step, length, frames, out;
} stft;

static mite_status set_up_stft(mite_step *s, stft *f) {
    const mite_view *x = s->inputs[SIGNAL], *window = mite_step_input(s, WINDOW);
    int64_t step, length;
    mite_status status = whole(s, STEP, 0, &step);
    if (!status)
        status = whole(s, LENGTH,
                       window        ? (int64_t)window->elements
                       : x->rank > 1 ? x->shape[1]
                                     : 0,
                       &length);
    if (status) return status;
    if ((x->rank != 2 && x->rank != 3) || (x->rank == 3 && x->shape[2] != 1 && x->shape[2] != 2) ||
        step < 1 || step > INT32_MAX || length < 1 || length > x->shape[1] || length > MAX_LENGTH ||
        (window && window->elements != (size_t)length))
        return mite_step_fail(s, MITE_ERR_FORMAT, "frames of %D, %D apart, do not fit x %T", length,
                              step, (size_t)x->rank, x->shape);
    *f = (stft){.batch = (size_t)x->shape[0],
                .samples = (size_t)x->shape[1],
                .parts = x->rank == 3 ? (size_t)x->shape[2] : 1,
                .step = (size_t)step,
                .length = (size_t)length};
    f->frames = (f->samples - f->length) / f->step + 1;
    f->out = mite_attr_int(s, 0) ? f->length / 2 + 1 : f->length;
    return mite_step_set_shape(s, 0, 4,
                               (int32_t[]){x->shape[0], (int32_t)f->frames, (int32_t)f->out, 2});
}

static mite_status infer_stft(mite_step *s) {
    stft f;
    const mite_view *x = s->inputs[SIGNAL], *window = mite_step_input(s, WINDOW);
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status && window) status = mite_step_need_type(s, "window", window, x->dtype);
    if (!status && !mite_is_real(x->dtype))
        status = mite_step_fail(s, MITE_ERR_UNSUPPORTED, "x is %s", mite_dtype_name(x->dtype));
    return status ? status : set_up_stft(s, &f);
}

static mite_status plan_stft(mite_step *s) {
    stft *f = s->state;
    mite_status status = set_up_stft(s, f);
    if (!status) s->scratch_bytes = (2 * f->length + work_for(f->length)) * sizeof(double);
    return status;
}

static mite_status prepare_stft(mite_step *s) {
    const stft *f = s->state;
    s->max_parts = mite_max_size(1, f->batch * f->frames);
    return MITE_OK;
}

static mite_status run_stft(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const stft *f = s->state;
    const mite_view *window = mite_step_input(s, WINDOW);
    double *z = scratch;
    size_t begin, end;
    mite_part_range(f->batch * f->frames, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        size_t from = i / f->frames * f->samples + i % f->frames * f->step;
        for (size_t k = 0; k < f->length; k++) {
            double w = window ? real(window, k) : 1;
            z[2 * k] = w * real(s->inputs[SIGNAL], (from + k) * f->parts);
            z[2 * k + 1] = f->parts > 1 ? w * real(s->inputs[SIGNAL], (from + k) * 2 + 1) : 0;
        }
        transform(z, f->length, -1, z + 2 * f->length);
        for (size_t k = 0; k < 2 * f->out; k++) set(s->outputs[0], i * f->out * 2 + k, z[k]);
    }
    return MITE_OK;
}

const mite_op mite_op_stft = {
    .name = "stft",
    .attrs = stft_attrs,
    .attr_count = 1,
    .min_inputs = 2,
    .max_inputs = STFT_INPUTS,
    .output_count = 1,
    .state_bytes = sizeof(stft),
    .infer = infer_stft,
    .plan = plan_stft,
    .prepare = prepare_stft,
    .run = run_stft,
};

// --- cosine_window: a - b cos(2 pi i / N) + c cos(4 pi i / N), N the size or, not periodic, less 1 --

enum { PERIODIC, COSINES };

static const mite_attr window_attrs[] = {
    [PERIODIC] = {"periodic", 'i', 1, 1},
    [COSINES] = {"cosines", 'f', 3, 0},
};

static mite_status infer_window(mite_step *s) {
    int64_t size;
    mite_status status = whole(s, 0, 0, &size);
    if (status) return status;
    if (size < 0 || size > INT32_MAX)
        return mite_step_fail(s, MITE_ERR_FORMAT, "its size is %D", size);
    return mite_step_set_shape(s, 0, 1, &(int32_t){(int32_t)size});
}

static mite_status run_window(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    size_t count = s->outputs[0]->elements;
    double whole_turn = (double)count - (mite_attr_int(s, PERIODIC) ? 0 : 1);
    (void)part, (void)part_count, (void)scratch;
    for (size_t i = 0; i < count; i++) {
        double angle = whole_turn > 0 ? 2 * PI * (double)i / whole_turn : 0;
        set(s->outputs[0], i,
            (double)mite_attr_float(s, COSINES) -
                (double)mite_attr_float(s, COSINES + 1) * cos(angle) +
                (double)mite_attr_float(s, COSINES + 2) * cos(2 * angle));
    }
    return MITE_OK;
}

const mite_op mite_op_cosine_window = {
    .name = "cosine_window",
    .attrs = window_attrs,
    .attr_count = sizeof window_attrs / sizeof window_attrs[0],
    .min_inputs = 1,
    .max_inputs = 1,
    .output_count = 1,
    .infer = infer_window,
    .run = run_window,
};

// --- mel_weights: bins, transform length, sample rate, lowest and highest hertz --------------------

enum { BINS, DFT_LENGTH, RATE, LOW, HIGH, MEL_INPUTS };

static mite_status infer_mel(mite_step *s) {
    int64_t bins, length;
    mite_status status = whole(s, BINS, 0, &bins);
    if (!status) status = whole(s, DFT_LENGTH, 0, &length);
    if (status) return status;
    for (size_t k = RATE; k < MEL_INPUTS; k++)
        if (s->inputs[k]->elements != 1)
            return mite_step_fail(s, MITE_ERR_FORMAT, "input %z is not one number", k);
    if (bins < 0 || bins > INT32_MAX - 2 || length < 0 || length > INT32_MAX)
        return mite_step_fail(s, MITE_ERR_FORMAT, "%D bins of length %D", bins, length);
    return mite_step_set_shape(s, 0, 2, (int32_t[]){(int32_t)(length / 2) + 1, (int32_t)bins});
}

// The spectrum bin of band edge i.
static int64_t edge(const mite_step *s, size_t i) {
    int64_t length;
    mite_load_integers(&length, s->inputs[DFT_LENGTH]->data, s->inputs[DFT_LENGTH]->dtype, 1, 1);
    double low = 2595 * log10(1 + real(s->inputs[LOW], 0) / 700);
    double high = 2595 * log10(1 + real(s->inputs[HIGH], 0) / 700);
    double mel = low + (double)i * (high - low) / (double)(s->outputs[0]->shape[1] + 2);
    double hertz = 700 * (pow(10, mel / 2595) - 1);
    double bin = floor((double)(length + 1) * hertz / real(s->inputs[RATE], 0));
    return bin >= 0 && bin < 0x1p31 ? (int64_t)bin : -1;
}

static mite_status run_mel(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const mite_view *y = s->outputs[0];
    int64_t rows = y->shape[0];
    (void)part, (void)part_count, (void)scratch;
    if (y->elements) memset(y->data, 0, y->elements * mite_dtype_bytes(y->dtype));
    for (size_t i = 0; i < (size_t)y->shape[1]; i++) {
        int64_t low = edge(s, i), center = edge(s, i + 1), high = edge(s, i + 2);
        if (low < 0 || center < low || high < center) return MITE_ERR_ARGUMENT;
        for (int64_t row = low; row < rows && row <= center; row++)
            set(y, (size_t)row * (size_t)y->shape[1] + i,
                center > low ? (double)(row - low) / (double)(center - low) : 1);
        for (int64_t row = center; row < rows && row < high; row++)
            set(y, (size_t)row * (size_t)y->shape[1] + i,
                (double)(high - row) / (double)(high - center));
    }
    return MITE_OK;
}

const mite_op mite_op_mel_weights = {
    .name = "mel_weights",
    .min_inputs = MEL_INPUTS,
    .max_inputs = MEL_INPUTS,
    .output_count = 1,
    .infer = infer_mel,
    .run = run_mel,
};
