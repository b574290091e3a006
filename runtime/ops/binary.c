// SPDX-License-Identifier: Apache-2.0
// add, sub, mul, div, min, max, prelu of two values, broadcast as in numpy, then clamped. f32; u8 by the
// residual formula of the kernels (add), by exact integer products (mul) or by way of f32.
#include "common.h"
#include "walk.h"

enum { CLAMP_LO, CLAMP_HI }; // attribute words

static const mite_attr attrs[] = {
    [CLAMP_LO] = {"clamp_lo", 'f', 1, MITE_BITS_NEG_INF},
    [CLAMP_HI] = {"clamp_hi", 'f', 1, MITE_BITS_INF},
};

#define CHUNK 256 // elements that an operand with another stride than 1 is gathered into

typedef void pair_fn(float *out, const float *a, const float *b, size_t count);

#define PAIR(NAME, expression)                                                          \
    static void pair_##NAME(float *out, const float *a, const float *b, size_t count) { \
        for (size_t i = 0; i < count; i++) out[i] = expression;                         \
    }
PAIR(add, a[i] + b[i])
PAIR(sub, a[i] - b[i])
PAIR(mul, a[i] * b[i])
PAIR(div, a[i] / b[i])
// NaN in either comes out.
PAIR(min, b[i] < a[i] || b[i] != b[i] ? b[i] : a[i])
PAIR(max, a[i] < b[i] || b[i] != b[i] ? b[i] : a[i])
PAIR(prelu, a[i] < 0.0f ? a[i] * b[i] : a[i])

typedef struct state {
    mite_walk walk; // operands: output, a, b
    pair_fn *pair;
    float lo, hi;
    mite_add_u8_args add_u8;
    float ratio; // of a u8 product
    size_t together; // runs that are done at a time
} state;

// --- Shapes --------------------------------------------------------------------------------------

static mite_status infer(mite_step *s) {
    const mite_view *a = s->inputs[0], *b = s->inputs[1];
    size_t rank = 0;
    int32_t shape[MITE_MAX_RANK];
    if (!a || !b) return mite_step_fail(s, MITE_ERR_FORMAT, "an input is missing");
    mite_status status = mite_step_need_real(s);
    if (status) return status;
    if (!(mite_attr_float(s, CLAMP_LO) <= mite_attr_float(s, CLAMP_HI)))
        return mite_step_fail(s, MITE_ERR_FORMAT, "its limits clamp_lo and clamp_hi are crossed");
    if (!mite_broadcast_shape(&rank, shape, a) || !mite_broadcast_shape(&rank, shape, b)) {
        return mite_step_fail(s, MITE_ERR_FORMAT, "shapes %T and %T do not broadcast",
                              (size_t)a->rank, a->shape, (size_t)b->rank, b->shape);
    }
    return mite_step_set_shape(s, 0, rank, shape);
}

static mite_status plan(mite_step *s) {
    bool first = mite_same_shape(s->inputs[0], s->outputs[0]) && !s->inputs[0]->value->data;
    s->in_place = first ? 0 : 1;
    return MITE_OK;
}

// --- Preparing -----------------------------------------------------------------------------------

// As for a residual in conv.c: the zero points of all three go into one offset, by the operations
// of ONNX Runtime's QLinearAdd.
static mite_add_u8_args add_u8_args(const mite_step *s) {
    const mite_view *a = s->inputs[0], *b = s->inputs[1], *out = s->outputs[0];
    mite_add_u8_args args = {
        .a_scale = a->scale / out->scale,
        .b_scale = b->scale / out->scale,
        .lo = mite_quantize_u8(mite_attr_float(s, CLAMP_LO), out->scale, out->zero_point),
        .hi = mite_quantize_u8(mite_attr_float(s, CLAMP_HI), out->scale, out->zero_point),
    };
    args.offset = (float)out->zero_point -
                  (args.a_scale * (float)a->zero_point + args.b_scale * (float)b->zero_point);
    return args;
}

// A number for each channel goes with pixels of few channels: their runs are short. As many as fit a
// chunk are done at once, for which the operand that repeats is copied out.
static size_t runs_together(const mite_walk *w) {
    if (w->rank < 2 || !w->length || w->length > CHUNK / 2) return 1;
    for (size_t k = 0; k < 3; k++) {
        ptrdiff_t outer = w->strides[k][w->rank - 2], inner = w->strides[k][w->rank - 1];
        bool follows = outer == (ptrdiff_t)w->length, repeats = k && outer == 0;
        if (inner != 1 || (!follows && !repeats)) return 1;
    }
    return CHUNK / w->length;
}

static mite_status prepare(mite_step *s, pair_fn *pair) {
    const mite_view *out = s->outputs[0];
    state *st = s->state;
    mite_view_strides(st->walk.strides[0], out);
    for (size_t k = 0; k < 2; k++)
        mite_broadcast_strides(st->walk.strides[k + 1], s->inputs[k], (size_t)out->rank,
                               out->shape);
    mite_walk_merge(&st->walk, 3, (size_t)out->rank, out->shape);
    mite_walk_contiguous(&st->walk, 1); // operands are gathered where they are not
    s->max_parts = mite_walk_parts(&st->walk);
    st->together = runs_together(&st->walk);
    st->pair = pair;
    st->lo = mite_attr_float(s, CLAMP_LO);
    st->hi = mite_attr_float(s, CLAMP_HI);
    if (out->dtype != MITE_U8) return MITE_OK;
    st->add_u8 = add_u8_args(s);
    st->ratio = s->inputs[0]->scale * s->inputs[1]->scale / out->scale;
    return MITE_OK;
}

// --- Running -------------------------------------------------------------------------------------

// `count` <= CHUNK elements of an operand, contiguous: as they lie, or gathered into `room`.
static const void *contiguous(const mite_walk *w, size_t operand, const mite_view *v, size_t run,
                              size_t at, size_t count, void *room) {
    ptrdiff_t stride = w->strides[operand][w->rank - 1];
    ptrdiff_t offset = mite_walk_offset(w, operand, run, at);
    if (v->dtype == MITE_U8) {
        const uint8_t *from = (const uint8_t *)v->data + offset;
        if (stride == 1) return from;
        for (size_t i = 0; i < count; i++, from += stride) ((uint8_t *)room)[i] = *from;
    } else {
        const float *from = (const float *)v->data + offset;
        if (stride == 1) return from;
        for (size_t i = 0; i < count; i++, from += stride) ((float *)room)[i] = *from;
    }
    return room;
}

static void chunk_f32(const mite_step *s, float *out, const float *a, const float *b,
                      size_t count) {
    const state *st = s->state;
    if (st->pair == pair_add) {
        s->kernels->add_f32(out, a, b, count, st->lo, st->hi);
        return;
    }
    st->pair(out, a, b, count);
    s->kernels->clamp_f32(out, out, count, st->lo, st->hi);
}

// r = (a - za) * (b - zb) * ratio, rounded as every u8 result: ONNX Runtime's QLinearMul.
static void mul_u8(const mite_step *s, uint8_t *out, const uint8_t *a, const uint8_t *b,
                   size_t count) {
    const state *st = s->state;
    int32_t a_zero = s->inputs[0]->zero_point, b_zero = s->inputs[1]->zero_point;
    int32_t zero = s->outputs[0]->zero_point;
    for (size_t i = 0; i < count; i++) {
        float product = (float)((a[i] - a_zero) * (b[i] - b_zero));
        uint8_t q = mite_quantize_u8(product * st->ratio, 1.0f, zero);
        q = q < st->add_u8.lo ? st->add_u8.lo : q;
        out[i] = q > st->add_u8.hi ? st->add_u8.hi : q;
    }
}

static void chunk_u8(const mite_step *s, uint8_t *out, const uint8_t *a, const uint8_t *b,
                     size_t count) {
    const state *st = s->state;
    const mite_view *to = s->outputs[0];
    if (st->pair == pair_add) {
        s->kernels->add_u8(out, a, b, count, &st->add_u8);
        return;
    }
    if (st->pair == pair_mul) {
        mul_u8(s, out, a, b, count);
        return;
    }
    float x[CHUNK], y[CHUNK];
    s->kernels->dequantize(x, a, count, s->inputs[0]->scale, s->inputs[0]->zero_point);
    s->kernels->dequantize(y, b, count, s->inputs[1]->scale, s->inputs[1]->zero_point);
    chunk_f32(s, x, x, y, count);
    s->kernels->quantize(out, x, count, to->scale, to->zero_point);
}

// `runs` whole runs of an operand from run `run` on, one after another.
static const void *several(const mite_walk *w, size_t operand, const mite_view *v, size_t run,
                           size_t runs, void *room) {
    size_t bytes = w->length * mite_dtype_bytes(v->dtype);
    const void *from = contiguous(w, operand, v, run, 0, w->length, room);
    if (w->strides[operand][w->rank - 2]) return from;
    for (size_t i = 0; i < runs; i++) memcpy((char *)room + i * bytes, from, bytes);
    return room;
}

static void chunk(const mite_step *s, ptrdiff_t to, const void *a, const void *b, size_t count) {
    const mite_view *out = s->outputs[0];
    if (out->dtype == MITE_U8) chunk_u8(s, (uint8_t *)out->data + to, a, b, count);
    else chunk_f32(s, (float *)out->data + to, a, b, count);
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_walk *w = &st->walk;
    mite_walk_share share = mite_walk_share_of(w, part, part_count);
    bool whole = st->together > 1 && share.begin == 0 && share.end == w->length;
    float room[2][CHUNK];
    (void)scratch;
    for (size_t i = share.first, runs = 1; i < share.last; i += runs) {
        if (whole) { // up to where the outer dimension ends
            size_t rest = w->dims[w->rank - 2] - i % w->dims[w->rank - 2];
            runs = mite_min_size(mite_min_size(st->together, rest), share.last - i);
            const void *a = several(w, 1, s->inputs[0], i, runs, room[0]);
            const void *b = several(w, 2, s->inputs[1], i, runs, room[1]);
            chunk(s, mite_walk_offset(w, 0, i, 0), a, b, runs * w->length);
            continue;
        }
        for (size_t at = share.begin; at < share.end; at += CHUNK) {
            size_t count = mite_min_size(CHUNK, share.end - at);
            const void *a = contiguous(w, 1, s->inputs[0], i, at, count, room[0]);
            const void *b = contiguous(w, 2, s->inputs[1], i, at, count, room[1]);
            chunk(s, mite_walk_offset(w, 0, i, at), a, b, count);
        }
    }
    return MITE_OK;
}

// clang-format off
#define BINARY(NAME) \
    static mite_status prepare_##NAME(mite_step *s) { return prepare(s, pair_##NAME); } \
    const mite_op mite_op_##NAME = { \
        .name = #NAME, \
        .attrs = attrs, \
        .attr_count = 2, \
        .min_inputs = 2, \
        .max_inputs = 2, \
        .output_count = 1, \
        .reads_halo = true, \
        .writes_halo = true, \
        .state_bytes = sizeof(state), \
        .infer = infer, \
        .plan = plan, \
        .prepare = prepare_##NAME, \
        .run = run, \
    }
// clang-format on

BINARY(add);
BINARY(sub);
BINARY(mul);
BINARY(div);
BINARY(min);
BINARY(max);
BINARY(prelu);
