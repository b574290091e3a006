// SPDX-License-Identifier: Apache-2.0
// Folds that move elements or make shapes, and the shape rules that the importer's Reshape,
// Squeeze, Slice … share with them.
#include "import/onnx/onnx_fold.h"

#include <math.h>
#include <string.h>

// --- Shape rules --------------------------------------------------------------------------------

bool onnx_reshape_dims(onnx_import *c, size_t rank, const int32_t *dims, size_t elements,
                       const int64_t *wanted, size_t wanted_count, int32_t *out) {
    bool zero_means_zero = onnx_int(c, "allowzero", 0) != 0;
    size_t rest = SIZE_MAX, product;
    if (wanted_count > MITE_MAX_RANK) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it wants more than 8 dimensions");
        return false;
    }
    for (size_t i = 0; i < wanted_count; i++) {
        int64_t dim = wanted[i];
        if (dim == 0 && !zero_means_zero && i < rank) dim = dims[i];
        if (dim == -1 && rest == SIZE_MAX) {
            rest = i;
            dim = 1;
        }
        if (dim < 0 || dim > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "dimension %z of the new shape is %D", i,
                         wanted[i]);
            return false;
        }
        out[i] = (int32_t)dim;
    }
    bool whole = mite_shape_elements(&product, wanted_count, out);
    if (whole && rest != SIZE_MAX && product && elements % product == 0 &&
        elements / product <= INT32_MAX) {
        out[rest] = (int32_t)(elements / product);
        return true;
    }
    if (whole && rest == SIZE_MAX && product == elements) return true;
    mite_ir_fail(c->g, MITE_ERR_FORMAT, "shape %T does not become %T: the counts differ", rank,
                 dims, wanted_count, out);
    return false;
}

// Marks the axes in a list of flags; fails on doubles and on what lies outside.
static bool mark_axes(onnx_import *c, const int64_t *axes, size_t count, size_t rank,
                      bool *marked) {
    for (size_t i = 0; i < count; i++) {
        size_t axis;
        if (!onnx_axis(c, axes[i], rank, &axis)) return false;
        if (marked[axis]) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "axis %z is named twice", axis);
            return false;
        }
        marked[axis] = true;
    }
    return true;
}

bool onnx_squeeze_dims(onnx_import *c, size_t rank, const int32_t *dims, const int64_t *axes,
                       size_t axis_count, size_t *out_rank, int32_t *out) {
    bool gone[MITE_MAX_RANK] = {false};
    if (!mark_axes(c, axes, axis_count, rank, gone)) return false;
    *out_rank = 0;
    for (size_t i = 0; i < rank; i++) {
        if (axis_count ? gone[i] : dims[i] == 1) {
            if (dims[i] == 1) continue;
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "axis %z of %T is not 1", i, rank, dims);
            return false;
        }
        out[(*out_rank)++] = dims[i];
    }
    return true;
}

bool onnx_unsqueeze_dims(onnx_import *c, size_t rank, const int32_t *dims, const int64_t *axes,
                         size_t axis_count, size_t *out_rank, int32_t *out) {
    bool fresh[MITE_MAX_RANK] = {false};
    if (rank + axis_count > MITE_MAX_RANK) {
        mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "it makes more than 8 dimensions");
        return false;
    }
    *out_rank = rank + axis_count;
    if (!mark_axes(c, axes, axis_count, *out_rank, fresh)) return false;
    for (size_t i = 0, from = 0; i < *out_rank; i++) out[i] = fresh[i] ? 1 : dims[from++];
    return true;
}

bool onnx_flatten_dims(onnx_import *c, size_t rank, const int32_t *dims, int32_t *out) {
    int64_t axis = onnx_int(c, "axis", 1), product[2] = {1, 1};
    if (axis < 0) axis += (int64_t)rank;
    if (axis < 0 || axis > (int64_t)rank) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "axis %D does not exist in %z dimensions", axis, rank);
        return false;
    }
    for (size_t i = 0; i < rank; i++) {
        int64_t *p = &product[(int64_t)i >= axis];
        if (__builtin_mul_overflow(*p, (int64_t)dims[i], p) || *p > INT32_MAX) {
            mite_ir_fail(c->g, MITE_ERR_FORMAT, "shape %T is too large to flatten", rank, dims);
            return false;
        }
    }
    out[0] = (int32_t)product[0];
    out[1] = (int32_t)product[1];
    return true;
}

// One dimension as ONNX cuts it: negative ends count from the back, all are limited to the size.
static bool slice_one(int64_t start, int64_t end, int64_t step, int64_t size, onnx_range *out) {
    if (step == 0) return false;
    if (step < -INT32_MAX) step = -INT32_MAX;
    if (step > INT32_MAX) step = INT32_MAX;
    // Going backwards, the place before the first element is a legal end.
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    if (start < 0) start = start < -size ? low : start + size;
    if (end < 0) end = end < -size ? low : end + size;
    start = start > high ? high : start;
    end = end > size ? size : end;
    int64_t span = step > 0 ? end - start : start - end, stride = step > 0 ? step : -step;
    *out = (onnx_range){start, step, span > 0 ? (int32_t)((span + stride - 1) / stride) : 0};
    return true;
}

bool onnx_slice_ranges(onnx_import *c, size_t rank, const int32_t *dims, onnx_range *out) {
    int64_t starts[MITE_MAX_RANK], ends[MITE_MAX_RANK], axes[MITE_MAX_RANK], steps[MITE_MAX_RANK];
    size_t n, ends_n, axes_n, steps_n;
    bool marked[MITE_MAX_RANK] = {false};
    if (!onnx_list(c, "starts", 1, starts, MITE_MAX_RANK, &n) ||
        !onnx_list(c, "ends", 2, ends, MITE_MAX_RANK, &ends_n)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its starts or ends are missing");
        return false;
    }
    if (!onnx_list(c, "axes", 3, axes, MITE_MAX_RANK, &axes_n)) {
        for (axes_n = 0; axes_n < n; axes_n++) axes[axes_n] = (int64_t)axes_n;
    }
    if (!onnx_list(c, NULL, 4, steps, MITE_MAX_RANK, &steps_n)) {
        for (steps_n = 0; steps_n < n; steps_n++) steps[steps_n] = 1;
    }
    if (!mite_ir_ok(c->g)) return false;
    if (n != ends_n || n != axes_n || n != steps_n) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its starts, ends, axes and steps differ in number");
        return false;
    }
    for (size_t i = 0; i < rank; i++) out[i] = (onnx_range){0, 1, dims[i]};
    if (!mark_axes(c, axes, n, rank, marked)) return false;
    for (size_t i = 0; i < n; i++) {
        size_t axis = (size_t)(axes[i] < 0 ? axes[i] + (int64_t)rank : axes[i]);
        if (slice_one(starts[i], ends[i], steps[i], dims[axis], &out[axis])) continue;
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "a step of 0 makes no sense");
        return false;
    }
    return true;
}

// --- Folds --------------------------------------------------------------------------------------

void onnx_fold_shape(onnx_import *c) {
    int32_t type, dims[MITE_MAX_RANK];
    size_t rank, elements;
    if (!onnx_shape(c, 0, &type, &rank, dims)) {
        mite_ir_fail(c->g, MITE_ERR_FORMAT, "its input is missing");
        return;
    }
    if (!strcmp(c->node->op_type, "Size")) {
        onnx_known *size = onnx_new_known(c, ONNX_INT64, 0, NULL);
        if (!size || !mite_shape_elements(&elements, rank, dims)) return;
        size->at[0].i = (int64_t)elements;
        onnx_set_known(c, 0, size);
        return;
    }
    int64_t r = (int64_t)rank, start = onnx_int(c, "start", 0), end = onnx_int(c, "end", r);
    start = start < -r ? 0 : start < 0 ? start + r : start > r ? r : start;
    end = end < -r ? 0 : end < 0 ? end + r : end > r ? r : end;
    int32_t count = end > start ? (int32_t)(end - start) : 0;
    onnx_known *shape = onnx_new_known(c, ONNX_INT64, 1, &count);
    for (int32_t i = 0; shape && i < count; i++) shape->at[i].i = dims[start + i];
    onnx_set_known(c, 0, shape);
}

const onnx_known *onnx_fold_cast_node(onnx_import *c, const onnx_known *const *in, size_t count) {
    int64_t to = onnx_int(c, "to", 0);
    (void)count;
    if (to < ONNX_FLOAT || to > ONNX_UINT64 || to == ONNX_STRING) return NULL;
    return onnx_fold_cast(c, in[0], (int32_t)to);
}

// The same numbers under another shape.
static const onnx_known *with_shape(onnx_import *c, const onnx_known *in, size_t rank,
                                    const int32_t *dims) {
    onnx_known *out = onnx_new_known(c, in->type, rank, dims);
    if (!out || out->count != in->count) return NULL;
    if (in->count) memcpy(out->at, in->at, in->count * sizeof *in->at);
    return out;
}

const onnx_known *onnx_fold_reshape(onnx_import *c, const onnx_known *const *in, size_t count) {
    int64_t wanted[MITE_MAX_RANK];
    int32_t dims[MITE_MAX_RANK];
    size_t n;
    (void)count;
    if (!onnx_list(c, "shape", 1, wanted, MITE_MAX_RANK, &n) ||
        !onnx_reshape_dims(c, in[0]->rank, in[0]->dims, in[0]->count, wanted, n, dims)) {
        return NULL;
    }
    return with_shape(c, in[0], n, dims);
}

const onnx_known *onnx_fold_flatten(onnx_import *c, const onnx_known *const *in, size_t count) {
    int32_t dims[2];
    (void)count;
    if (!onnx_flatten_dims(c, in[0]->rank, in[0]->dims, dims)) return NULL;
    return with_shape(c, in[0], 2, dims);
}

const onnx_known *onnx_fold_squeeze(onnx_import *c, const onnx_known *const *in, size_t count) {
    int64_t axes[MITE_MAX_RANK];
    int32_t dims[MITE_MAX_RANK];
    size_t n, rank;
    (void)count;
    onnx_list(c, "axes", 1, axes, MITE_MAX_RANK, &n);
    if (!mite_ir_ok(c->g) ||
        !onnx_squeeze_dims(c, in[0]->rank, in[0]->dims, axes, n, &rank, dims)) {
        return NULL;
    }
    return with_shape(c, in[0], rank, dims);
}

const onnx_known *onnx_fold_unsqueeze(onnx_import *c, const onnx_known *const *in, size_t count) {
    int64_t axes[MITE_MAX_RANK];
    int32_t dims[MITE_MAX_RANK];
    size_t n, rank;
    (void)count;
    if (!onnx_list(c, "axes", 1, axes, MITE_MAX_RANK, &n) ||
        !onnx_unsqueeze_dims(c, in[0]->rank, in[0]->dims, axes, n, &rank, dims)) {
        return NULL;
    }
    return with_shape(c, in[0], rank, dims);
}

const onnx_known *onnx_fold_gather(onnx_import *c, const onnx_known *const *in, size_t count) {
    const onnx_known *from = in[0], *index = count > 1 ? in[1] : NULL;
    int32_t dims[2 * MITE_MAX_RANK];
    size_t axis, rank = 0, inner = 1, outer = 1;
    if (!index || !onnx_axis(c, onnx_int(c, "axis", 0), from->rank, &axis)) return NULL;
    for (size_t i = 0; i < axis; i++) outer *= (size_t)(dims[rank++] = from->dims[i]);
    for (size_t i = 0; i < index->rank; i++) dims[rank++] = index->dims[i];
    for (size_t i = axis + 1; i < from->rank; i++) {
        inner *= (size_t)(dims[rank++] = from->dims[i]);
    }
    onnx_known *out = onnx_new_known(c, from->type, rank, dims);
    if (!out) return NULL;
    int64_t size = from->dims[axis];
    onnx_number *to = out->at;
    for (size_t o = 0; o < outer; o++) {
        for (size_t k = 0; k < index->count; k++) {
            int64_t at = index->at[k].i + (index->at[k].i < 0 ? size : 0);
            if (at < 0 || at >= size) {
                mite_ir_fail(c->g, MITE_ERR_FORMAT, "index %D is outside of %D elements",
                             index->at[k].i, size);
                return NULL;
            }
            memcpy(to, from->at + (o * (size_t)size + (size_t)at) * inner, inner * sizeof *to);
            to += inner;
        }
    }
    return out;
}

const onnx_known *onnx_fold_concat(onnx_import *c, const onnx_known *const *in, size_t count) {
    int32_t dims[MITE_MAX_RANK];
    size_t axis, inner = 1, outer = 1;
    int64_t total = 0;
    if (!onnx_axis(c, onnx_int(c, "axis", 0), in[0]->rank, &axis)) return NULL;
    memcpy(dims, in[0]->dims, sizeof dims);
    for (size_t k = 0; k < count; k++) {
        if (!in[k] || in[k]->rank != in[0]->rank) return NULL;
        for (size_t i = 0; i < in[k]->rank; i++) {
            if (i != axis && in[k]->dims[i] != dims[i]) return NULL;
        }
        total += in[k]->dims[axis];
    }
    if (total > ONNX_MAX_KNOWN) return NULL;
    dims[axis] = (int32_t)total;
    for (size_t i = 0; i < axis; i++) outer *= (size_t)dims[i];
    for (size_t i = axis + 1; i < in[0]->rank; i++) inner *= (size_t)dims[i];
    onnx_known *out = onnx_new_known(c, in[0]->type, in[0]->rank, dims);
    if (!out) return NULL;
    onnx_number *to = out->at;
    for (size_t o = 0; o < outer; o++) {
        for (size_t k = 0; k < count; k++) {
            size_t run = (size_t)in[k]->dims[axis] * inner;
            if (run) memcpy(to, in[k]->at + o * run, run * sizeof *to);
            to += run;
        }
    }
    return out;
}

const onnx_known *onnx_fold_slice(onnx_import *c, const onnx_known *const *in, size_t count) {
    const onnx_known *from = in[0];
    onnx_range ranges[MITE_MAX_RANK];
    int32_t dims[MITE_MAX_RANK];
    (void)count;
    if (!onnx_slice_ranges(c, from->rank, from->dims, ranges)) return NULL;
    for (size_t i = 0; i < from->rank; i++) dims[i] = ranges[i].count;
    onnx_known *out = onnx_new_known(c, from->type, from->rank, dims);
    for (size_t n = 0; out && n < out->count; n++) {
        size_t rest = n, at = 0, step = 1;
        for (size_t i = from->rank; i-- > 0;) {
            int64_t k = (int64_t)(rest % (size_t)dims[i]);
            rest /= (size_t)dims[i];
            at += (size_t)(ranges[i].start + k * ranges[i].step) * step;
            step *= (size_t)from->dims[i];
        }
        out->at[n] = from->at[at];
    }
    return out;
}

const onnx_known *onnx_fold_constant_of_shape(onnx_import *c, const onnx_known *const *in,
                                              size_t count) {
    int32_t dims[MITE_MAX_RANK], type = ONNX_FLOAT;
    onnx_number fill = {.f = 0};
    const onnx_attr *a = onnx_attribute(c, "value");
    (void)count;
    if (in[0]->count > MITE_MAX_RANK) return NULL;
    for (size_t i = 0; i < in[0]->count; i++) {
        if (in[0]->at[i].i < 0 || in[0]->at[i].i > INT32_MAX) return NULL;
        dims[i] = (int32_t)in[0]->at[i].i;
    }
    if (a && a->t) {
        if (a->t->elements != 1 || !onnx_tensor_numbers(c->g, a->t, &fill)) return NULL;
        type = a->t->type;
    }
    onnx_known *out = onnx_new_known(c, type, in[0]->count, dims);
    for (size_t i = 0; out && i < out->count; i++) out->at[i] = fill;
    return out;
}

const onnx_known *onnx_fold_range(onnx_import *c, const onnx_known *const *in, size_t count) {
    if (count != 3 || !in[1] || !in[2] || onnx_type_is_real(in[0]->type)) return NULL;
    if (in[0]->count != 1 || in[1]->count != 1 || in[2]->count != 1) return NULL;
    int64_t start = in[0]->at[0].i, end = in[1]->at[0].i, step = in[2]->at[0].i, span;
    if (!step || __builtin_sub_overflow(end, start, &span) || step == INT64_MIN) return NULL;
    if (step < 0) {
        if (span == INT64_MIN) return NULL;
        span = -span;
    }
    int64_t stride = step < 0 ? -step : step;
    int64_t n = span > 0 ? (span - 1) / stride + 1 : 0;
    if (n > ONNX_MAX_KNOWN) return NULL;
    int32_t dim = (int32_t)n;
    onnx_known *out = onnx_new_known(c, in[0]->type, 1, &dim);
    for (int64_t i = 0; out && i < n; i++) out->at[i].i = start + i * step;
    return out;
}

const onnx_known *onnx_fold_reduce_prod(onnx_import *c, const onnx_known *const *in, size_t count) {
    int32_t dim = 1;
    int64_t product = 1;
    // Of vectors only, which is what shape programs reduce.
    if (count > 1 || in[0]->rank != 1 || onnx_type_is_real(in[0]->type)) return NULL;
    for (size_t i = 0; i < in[0]->count; i++) {
        if (__builtin_mul_overflow(product, in[0]->at[i].i, &product)) return NULL;
    }
    onnx_known *out = onnx_new_known(c, in[0]->type, onnx_int(c, "keepdims", 1) ? 1 : 0, &dim);
    if (out) out->at[0].i = product;
    return out;
}

const onnx_known *onnx_fold_expand(onnx_import *c, const onnx_known *const *in, size_t count) {
    int32_t dims[MITE_MAX_RANK];
    // Of a single number only.
    if (count != 2 || in[0]->count != 1 || in[1]->count > MITE_MAX_RANK ||
        in[1]->count < in[0]->rank) {
        return NULL;
    }
    for (size_t i = 0; i < in[1]->count; i++) {
        if (in[1]->at[i].i < 1 || in[1]->at[i].i > INT32_MAX) return NULL;
        dims[i] = (int32_t)in[1]->at[i].i;
    }
    onnx_known *out = onnx_new_known(c, in[0]->type, in[1]->count, dims);
    for (size_t i = 0; out && i < out->count; i++) out->at[i] = in[0]->at[0];
    return out;
}
