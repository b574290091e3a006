// SPDX-License-Identifier: Apache-2.0
// The helpers that operator files share.
#include "common.h"

#include <math.h>
#include <stdarg.h>

// --- Errors and checks ---------------------------------------------------------------------------

mite_status mite_step_fail(const mite_step *s, mite_status status, const char *format, ...) {
    char text[sizeof s->error->text];
    va_list args;
    va_start(args, format);
    mite_format_list(text, sizeof text, format, &args);
    va_end(args);
    return mite_fail(s->error, status, "%s %q: %s", s->node->op->name, s->node->name, text);
}

mite_status mite_step_set_shape(mite_step *s, size_t index, size_t rank, const int32_t *shape) {
    mite_view *out = s->outputs[index];
    if (rank > MITE_MAX_RANK) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "rank %z is above the %d supported", rank,
                              MITE_MAX_RANK);
    }
    size_t elements;
    if (!mite_shape_elements(&elements, rank, shape)) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "output shape %T is impossible", rank, shape);
    }
    const mite_value *value = out->value;
    // A negative rank stands for a shape not known yet, a negative dimension for an open one.
    bool agrees = value->rank < 0 || (size_t)value->rank == rank;
    for (size_t i = 0; agrees && value->rank >= 0 && i < rank; i++)
        agrees = value->shape[i] < 0 || value->shape[i] == shape[i];
    if (!agrees) {
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "output %q has shape %T in the file, but %T follows from the inputs",
                              value->name, (size_t)value->rank, value->shape, rank, shape);
    }
    out->rank = (int32_t)rank;
    if (rank) memcpy(out->shape, shape, rank * sizeof shape[0]);
    out->elements = elements;
    return MITE_OK;
}

mite_status mite_step_need_constant(mite_step *s, size_t index, mite_dtype dtype,
                                    mite_layout layout, size_t elements) {
    const mite_view *v = mite_step_input(s, index);
    if (!v) return mite_step_fail(s, MITE_ERR_FORMAT, "input %z is missing", index);
    const mite_value *value = v->value;
    if (!value->data) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "input %z (%q) must be a constant", index,
                              value->name);
    }
    if (value->dtype != dtype || value->layout != layout) {
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "constant %q is %s in layout %d, wanted is %s in layout %d",
                              value->name, mite_dtype_name(value->dtype), (int32_t)value->layout,
                              mite_dtype_name(dtype), (int32_t)layout);
    }
    if (value->bytes / mite_dtype_bytes(dtype) < elements) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "constant %q has %z elements, %z are needed",
                              value->name, value->bytes / mite_dtype_bytes(dtype), elements);
    }
    return MITE_OK;
}

const void *mite_step_known(const mite_step *s, size_t index) {
    const mite_view *v = mite_step_input(s, index);
    return v ? v->known : NULL;
}

mite_status mite_step_wait(mite_step *s, size_t index) {
    mite_step_fail(s, MITE_MORE, "its shape depends on the numbers in %q",
                   mite_step_input(s, index) ? s->inputs[index]->value->name : "an absent input");
    return MITE_MORE;
}

void mite_step_expect_rank(mite_step *s, size_t index, size_t rank) {
    mite_view *out = s->outputs[index];
    if (rank > MITE_MAX_RANK || out->data) return; // rules are also followed when all is settled
    out->rank = (int32_t)rank;
    for (size_t i = 0; i < rank; i++) out->shape[i] = -1;
}

mite_status mite_step_integers(mite_step *s, size_t index, int64_t *out, size_t room,
                               size_t *count) {
    const mite_view *v = mite_step_input(s, index);
    if (!v) return mite_step_fail(s, MITE_ERR_FORMAT, "input %z is missing", index);
    if (v->dtype != MITE_I32 && v->dtype != MITE_I64) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "input %z (%q) is %s, wanted are i32 or i64",
                              index, v->value->name, mite_dtype_name(v->dtype));
    }
    if (v->elements > room) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "input %z (%q) has %z numbers, at most %z fit",
                              index, v->value->name, v->elements, room);
    }
    *count = v->elements;
    if (!v->elements) return MITE_OK;
    if (!v->known) return mite_step_wait(s, index);
    for (size_t i = 0; i < v->elements; i++) {
        if (v->dtype == MITE_I64) memcpy(&out[i], (const int64_t *)v->known + i, sizeof *out);
        else out[i] = ((const int32_t *)v->known)[i];
    }
    return MITE_OK;
}

const char *mite_dtype_name(mite_dtype dtype) {
    switch (dtype) {
    case MITE_F32: return "f32";
    case MITE_F16: return "f16";
    case MITE_U8: return "u8";
    case MITE_I8: return "i8";
    case MITE_I32: return "i32";
    case MITE_I64: return "i64";
    case MITE_BOOL: return "bool";
    case MITE_I16: return "i16";
    case MITE_F64: return "f64";
    case MITE_U16: return "u16";
    case MITE_U32: return "u32";
    case MITE_U64: return "u64";
    }
    return "an unknown type";
}

mite_status mite_step_need_type(mite_step *s, const char *what, const mite_view *v,
                                mite_dtype dtype) {
    if (!v) return mite_step_fail(s, MITE_ERR_FORMAT, "%s is missing", what);
    if (v->dtype == dtype) return MITE_OK;
    return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "%s (%q) is %s, supported here is %s", what,
                          v->value->name, mite_dtype_name(v->dtype), mite_dtype_name(dtype));
}

mite_status mite_step_need_quantized(mite_step *s, const char *what, const mite_view *v) {
    int32_t low = v->dtype == MITE_I8 ? -128 : 0;
    if (!(v->scale > 0) || !isfinite(v->scale)) {
        return mite_step_fail(
            s, MITE_ERR_FORMAT,
            "%s (%q) is %s without a usable scale; it must be positive and finite", what,
            v->value->name, mite_dtype_name(v->dtype));
    }
    if (v->zero_point < low || v->zero_point > low + 255) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "%s (%q) has zero point %d, outside [%d,%d]",
                              what, v->value->name, v->zero_point, low, low + 255);
    }
    return MITE_OK;
}

mite_status mite_step_need_real(mite_step *s) {
    const mite_view *out = s->outputs[0];
    if (out->dtype != MITE_F32 && out->dtype != MITE_U8) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "output is %s, supported are f32 and u8",
                              mite_dtype_name(out->dtype));
    }
    mite_status status = MITE_OK;
    if (out->dtype == MITE_U8) status = mite_step_need_quantized(s, "output", out);
    for (size_t i = 0; i < s->node->input_count && !status; i++) {
        if (!s->inputs[i]) continue;
        status = mite_step_need_type(s, "input", s->inputs[i], out->dtype);
        if (!status && out->dtype == MITE_U8) {
            status = mite_step_need_quantized(s, "input", s->inputs[i]);
        }
    }
    return status;
}

mite_status mite_step_axis(mite_step *s, size_t word, int32_t rank, size_t *axis) {
    int32_t value = mite_attr_int(s, word);
    if (value < -rank || value >= rank) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "axis %d is outside the rank %d of its input",
                              value, rank);
    }
    *axis = (size_t)(value < 0 ? value + rank : value);
    return MITE_OK;
}

mite_status mite_step_same_shape(mite_step *s) {
    const mite_view *x = s->inputs[0];
    return mite_step_set_shape(s, 0, (size_t)x->rank, x->shape);
}

mite_status mite_step_plan_in_place(mite_step *s) {
    s->in_place = 0;
    return MITE_OK;
}

bool mite_step_has_halo(const mite_step *s) {
    const mite_halo *has = &s->inputs[0]->halo, *wants = &s->wants_halo;
    return has->top >= wants->top && has->left >= wants->left && has->bottom >= wants->bottom &&
           has->right >= wants->right;
}

// --- Windows -------------------------------------------------------------------------------------

// One dimension: how often the window fits, and how far it reaches past the end.
static bool place(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t before,
                  int64_t after, int32_t *out, int32_t *reach_after) {
    int64_t extent = (kernel - 1) * dilation + 1;
    int64_t room = size + before + after - extent;
    if (room < 0) return false;
    int64_t last = room / stride; // < 2^33, checked below
    if (last >= INT32_MAX) return false;
    int64_t past = last * stride + extent - before - size;
    *out = (int32_t)last + 1;
    *reach_after = past > 0 ? (int32_t)past : 0;
    return true;
}

mite_status mite_window_place(mite_step *s, mite_window *w, const mite_view *x) {
    if (x->rank != 4) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "x has shape %T, wanted is [N,H,W,C]",
                              (size_t)x->rank, x->shape);
    }
    for (size_t i = 0; i < 4; i++) {
        if (x->shape[i] < 1) {
            return mite_step_fail(s, MITE_ERR_UNSUPPORTED, "x has shape %T, which is empty",
                                  (size_t)4, x->shape);
        }
    }
    if (w->kernel_h < 1 || w->kernel_w < 1 || w->stride_h < 1 || w->stride_w < 1 ||
        w->dilation_h < 1 || w->dilation_w < 1) {
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "kernel %dx%d, stride %dx%d, dilation %dx%d: all must be at least 1",
                              w->kernel_h, w->kernel_w, w->stride_h, w->stride_w, w->dilation_h,
                              w->dilation_w);
    }
    if (w->pad.top < 0 || w->pad.left < 0 || w->pad.bottom < 0 || w->pad.right < 0) {
        return mite_step_fail(s, MITE_ERR_UNSUPPORTED,
                              "padding %d,%d,%d,%d (top, left, bottom, right) is negative",
                              w->pad.top, w->pad.left, w->pad.bottom, w->pad.right);
    }
    w->reach.top = w->pad.top;
    w->reach.left = w->pad.left;
    if (!place(x->shape[1], w->kernel_h, w->stride_h, w->dilation_h, w->pad.top, w->pad.bottom,
               &w->out_h, &w->reach.bottom) ||
        !place(x->shape[2], w->kernel_w, w->stride_w, w->dilation_w, w->pad.left, w->pad.right,
               &w->out_w, &w->reach.right)) {
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "window %dx%d, dilation %dx%d, does not fit the padded %dx%d picture",
                              w->kernel_h, w->kernel_w, w->dilation_h, w->dilation_w, x->shape[1],
                              x->shape[2]);
    }
    return MITE_OK;
}

void mite_part_range(size_t count, size_t unit, size_t part, size_t part_count, size_t *begin,
                     size_t *end) {
    uint64_t units = (uint64_t)count / unit + (count % unit != 0);
    uint64_t from = units * part / part_count * unit;
    uint64_t to = units * (part + 1) / part_count * unit;
    *begin = from < count ? (size_t)from : count;
    *end = to < count ? (size_t)to : count;
}

// --- Quanta --------------------------------------------------------------------------------------

uint8_t mite_quantize_u8(float real, float scale, int32_t zero_point) {
    float r = real / scale;
    // Written so that NaN takes the lower limit. Within the limits the sum below is exact.
    r = r > -1048576.0f ? r : -1048576.0f;
    r = r < 1048576.0f ? r : 1048576.0f;
    float shifted = r + 12582912.0f; // 1.5 * 2^23: the sum rounds r to an integer, half to even
    int32_t bits;
    memcpy(&bits, &shifted, sizeof bits);
    int32_t q = bits - 0x4B400000 + zero_point;
    return (uint8_t)(q < 0 ? 0 : q > 255 ? 255 : q);
}

void mite_table_fill(uint8_t table[256], const mite_step *s, const mite_view *in,
                     const mite_view *out, mite_row_fn *f) {
    float row[256];
    for (int32_t q = 0; q < 256; q++) row[q] = (float)(q - in->zero_point) * in->scale;
    if (f) f(s, row, row, 256);
    for (size_t q = 0; q < 256; q++) {
        table[q] = mite_quantize_u8(row[q], out->scale, out->zero_point);
    }
}
