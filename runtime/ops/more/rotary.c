// SPDX-License-Identifier: Apache-2.0
// rotary: rotary position embedding. x [B,H,S,D] or [B,S,H*D] (with `heads`), of real types; cos
// and sin [B,S,R/2], or [positions,R/2] with the position of each token in `ids` [B,S] (or [1]:
// that of the first token). Pairs (a, b) of the first R = `rotated` numbers of a head (0: as cos has it)
// become (a cos - b sin, b cos + a sin); pairs are neighbours (interleaved) or R/2 apart.
#include "elements.h"

#include "../common.h"

enum { HEADS, ROTATED, INTERLEAVED }; // attribute words
enum { X, COS, SIN, IDS, INPUTS };

static const mite_attr attrs[] = {
    [HEADS] = {"heads", 'i', 1, 0},
    [ROTATED] = {"rotated", 'i', 1, 0},
    [INTERLEAVED] = {"interleaved", 'i', 1, 0},
};

typedef struct sizes {
    size_t batch, heads, steps, length, half;
    size_t batch_step, head_step, step; // of x, in elements
} sizes;

static bool read_sizes(const mite_step *s, sizes *z) {
    const mite_view *x = s->inputs[X], *cos = s->inputs[COS], *sin = s->inputs[SIN];
    const mite_view *ids = mite_step_input(s, IDS);
    int32_t heads = mite_attr_int(s, HEADS), rotated = mite_attr_int(s, ROTATED);
    if (x->rank == 4) {
        *z = (sizes){.heads = (size_t)x->shape[1],
                     .steps = (size_t)x->shape[2],
                     .length = (size_t)x->shape[3]};
        z->step = z->length;
        z->head_step = z->steps * z->length;
    } else {
        if (x->rank != 3) return false;
        if (heads < 1) { // as com.microsoft has it: one for each R, where that is given
            if (!rotated && cos->rank) rotated = cos->shape[cos->rank - 1] * 2;
            heads = rotated > 0 ? x->shape[2] / rotated : 0;
        }
        if (heads < 1 || x->shape[2] % heads) return false;
        *z = (sizes){.heads = (size_t)heads,
                     .steps = (size_t)x->shape[1],
                     .length = (size_t)(x->shape[2] / heads)};
        z->step = (size_t)x->shape[2];
        z->head_step = z->length;
    }
    z->batch = (size_t)x->shape[0];
    z->batch_step = z->heads * z->steps * z->length;
    if (!mite_same_shape(cos, sin) || cos->rank < 2) return false;
    rotated = mite_attr_int(s, ROTATED);
    z->half = (size_t)cos->shape[cos->rank - 1];
    if (z->half > z->length / 2 || (rotated > 0 && z->half != (size_t)rotated / 2)) return false;
    if (ids)
        return cos->rank == 2 && (ids->elements == z->batch * z->steps || ids->elements == 1) &&
               ids->dtype == MITE_I64;
    return cos->rank == 3 && cos->elements == z->batch * z->steps * z->half;
}

static mite_status infer(mite_step *s) {
    sizes z;
    const mite_view *x = s->inputs[X];
    mite_status status = mite_step_need_type(s, "output", s->outputs[0], x->dtype);
    if (!status) status = mite_step_need_type(s, "cos", s->inputs[COS], x->dtype);
    if (!status) status = mite_step_need_type(s, "sin", s->inputs[SIN], x->dtype);
    if (!status && (!mite_is_real(x->dtype) || !read_sizes(s, &z)))
        status = mite_step_fail(s, MITE_ERR_FORMAT, "cos %T, sin and positions do not fit x %T",
                                (size_t)s->inputs[COS]->rank, s->inputs[COS]->shape,
                                (size_t)x->rank, x->shape);
    return status ? status : mite_step_same_shape(s);
}

static double number(const mite_view *v, size_t at) {
    double x;
    mite_load_reals(&x, (const char *)v->data + at * mite_dtype_bytes(v->dtype), v->dtype, 1, 1);
    return x;
}

static void set(const mite_view *v, size_t at, double x) {
    mite_store_reals((char *)v->data + at * mite_dtype_bytes(v->dtype), v->dtype, 1, &x, 1);
}

// One head of one token, whose cosines begin at `angle`.
static void turn(const mite_step *s, const sizes *z, size_t at, size_t angle) {
    const mite_view *x = s->inputs[X], *y = s->outputs[0];
    bool pairs = mite_attr_int(s, INTERLEAVED) != 0;
    for (size_t i = 0; i < z->half; i++) {
        size_t a = at + (pairs ? 2 * i : i), b = pairs ? a + 1 : a + z->half;
        double first = number(x, a), second = number(x, b);
        double cos = number(s->inputs[COS], angle + i), sin = number(s->inputs[SIN], angle + i);
        set(y, a, first * cos - second * sin);
        set(y, b, first * sin + second * cos);
    }
    for (size_t i = 2 * z->half; i < z->length; i++) set(y, at + i, number(x, at + i));
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    sizes z;
    const mite_view *ids = mite_step_input(s, IDS);
    (void)part, (void)part_count, (void)scratch;
    read_sizes(s, &z);
    for (size_t i = 0; i < z.batch * z.steps; i++) {
        size_t angle = i;
        if (ids) {
            const int64_t *given = ids->data;
            int64_t id = ids->elements == 1 ? given[0] + (int64_t)(i % z.steps) : given[i];
            if (id < 0 || id >= s->inputs[COS]->shape[0]) return MITE_ERR_ARGUMENT;
            angle = (size_t)id;
        }
        for (size_t h = 0; h < z.heads; h++)
            turn(s, &z, i / z.steps * z.batch_step + h * z.head_step + i % z.steps * z.step,
                 angle * z.half);
    }
    return MITE_OK;
}

const mite_op mite_op_rotary = {
    .name = "rotary",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 3,
    .max_inputs = INPUTS,
    .output_count = 1,
    .infer = infer,
    .run = run,
};
