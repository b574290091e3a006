// SPDX-License-Identifier: Apache-2.0
// dense_rows: dense in integers between real numbers. Each row of x is rounded to u8 as it comes,
// with a scale and zero point of its own (kernels.h, mite_quantize_row_fn), so nothing has to be known
// of x before, and a row's numbers lose nothing to another's. x f32 [..,K], weights i8 [N,1,1,K] packed,
// sums i32 [N] of each row of them, multiplier f32 [N], bias f32 [N], residual f32 of y's shape or none:
//   acc = sum over k of (q[m,k] - zero[m]) * weight[n,k]
//   y   = clamp((float)acc * (scale[m] * multiplier[n]) + bias[n] + residual)
// gelu: 1: GELU of x, within 1.7e-4 and 4e-5 |x|, is rounded instead of x; 2: the form of it by tanh.
#include "../conv.h"

enum { X, WEIGHTS, SUMS, MULTIPLIER, BIAS, RESIDUAL }; // inputs
enum { CLAMP_LO, CLAMP_HI, GELU }; // attribute words

static const mite_attr attrs[] = {
    [CLAMP_LO] = {"clamp_lo", 'f', 1, MITE_BITS_NEG_INF},
    [CLAMP_HI] = {"clamp_hi", 'f', 1, MITE_BITS_INF},
    [GELU] = {"gelu", 'i', 1, 0},
};

static mite_status infer(mite_step *s) {
    const mite_view *x = s->inputs[X], *w = s->inputs[WEIGHTS];
    const mite_view *residual = mite_step_input(s, RESIDUAL);
    mite_status status = mite_step_need_type(s, "x", x, MITE_F32);
    if (!status) status = mite_step_need_type(s, "y", s->outputs[0], MITE_F32);
    if (!status && residual) status = mite_step_need_type(s, "residual", residual, MITE_F32);
    if (!status) status = mite_conv_check_matrix(s);
    if (!status) status = mite_conv_need_weights(s, MITE_LAYOUT_CONV_I8, 1);
    if (status) return status;
    size_t padded = mite_round_up((size_t)w->shape[0], 8);
    for (size_t k = SUMS; k <= BIAS && !status; k++)
        status = mite_step_need_constant(s, k, k == SUMS ? MITE_I32 : MITE_F32, MITE_LAYOUT_DENSE,
                                         padded);
    if (!status && !(mite_attr_float(s, CLAMP_LO) <= mite_attr_float(s, CLAMP_HI)))
        status = mite_step_fail(s, MITE_ERR_FORMAT, "clamp_lo must be a number below clamp_hi");
    if (status) return status;
    int32_t shape[MITE_MAX_RANK];
    memcpy(shape, x->shape, sizeof shape);
    shape[x->rank - 1] = w->shape[0];
    status = mite_step_set_shape(s, 0, (size_t)x->rank, shape);
    s->macs = (uint64_t)x->elements * (uint64_t)w->shape[0];
    if (!status && residual && !mite_same_shape(residual, s->outputs[0]))
        status = mite_step_fail(s, MITE_ERR_FORMAT, "residual has shape %T, the output %T",
                                (size_t)residual->rank, residual->shape, (size_t)x->rank, shape);
    return status;
}

#define BLOCK_BYTES 262144 // of rounded rows
#define ROW_UNIT 12 // a multiple of the tile heights

typedef struct state {
    mite_conv_state conv;
    mite_row_kernels kernels;
    // Bytes of scratch before: zero points, zeros for the bias, rounded rows, GELU of a row, the
    // kernel's. Scales of rows come first.
    size_t zeros, bias, rows, gelu, kernel;
    size_t block; // rows at a time
} state;

static mite_status plan(mite_step *s) {
    const mite_view *x = s->inputs[X];
    state *st = s->state;
    size_t depth = (size_t)x->shape[x->rank - 1], rows = x->elements / depth;
    size_t columns = mite_round_up((size_t)s->inputs[WEIGHTS]->shape[0], 8);
    st->block = mite_max_size(BLOCK_BYTES / depth / ROW_UNIT, 1) * ROW_UNIT;
    st->block = mite_min_size(mite_min_size(st->block, 1020), mite_max_size(rows, 1));
    // The file holds as much for the columns, and x is as large as a row.
    st->zeros = mite_round_up(st->block * sizeof(float), MITE_ALIGN);
    st->bias = st->zeros + mite_round_up(st->block * sizeof(int32_t), MITE_ALIGN);
    st->rows = st->bias + mite_round_up(columns * sizeof(int32_t), MITE_ALIGN);
    st->gelu = st->rows + mite_round_up(st->block * depth, MITE_ALIGN);
    st->kernel = st->gelu;
    if (mite_attr_int(s, GELU)) st->kernel += mite_round_up(depth * sizeof(float), MITE_ALIGN);
    s->scratch_bytes = st->kernel + s->kernels->conv_u8_f32.scratch_bytes(st->block, 1, depth);
    if (mite_step_input(s, RESIDUAL)) s->in_place = RESIDUAL;
    return MITE_OK;
}

static const int32_t one_segment[1] = {0};

static mite_status prepare(mite_step *s) {
    const mite_view *x = s->inputs[X], *w = s->inputs[WEIGHTS];
    const mite_view *residual = mite_step_input(s, RESIDUAL);
    mite_status status = plan(s);
    state *st = s->state;
    mite_row_kernels_fill(&st->kernels, s->kernels->isa);
    mite_conv_state *c = &st->conv;
    mite_conv_args *a = &c->args;
    size_t depth = (size_t)x->shape[x->rank - 1];
    c->rows = x->elements / depth;
    c->images = c->groups = 1;
    a->weights = w->data;
    a->columns = (size_t)w->shape[0];
    a->sums = s->inputs[SUMS]->data;
    a->scale = s->inputs[MULTIPLIER]->data;
    a->shift = s->inputs[BIAS]->data;
    a->lo = mite_attr_float(s, CLAMP_LO);
    a->hi = mite_attr_float(s, CLAMP_HI);
    a->pair_safe = (w->value->flags & MITE_VALUE_PAIR_SAFE) != 0;
    a->segments = one_segment;
    a->segment_count = 1;
    a->segment_length = a->in_pixel = depth;
    a->out_width = mite_max_size(1, st->block);
    a->out_pixel = a->columns;
    if (residual) a->residual_pixel = a->columns;
    c->run = s->kernels->conv_u8_f32.run;
    s->kernel = s->kernels->conv_u8_f32.name;
    s->max_parts = mite_max_size(1, mite_conv_parts(c));
    return status;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    const mite_view *residual = mite_step_input(s, RESIDUAL);
    mite_conv_args a = st->conv.args;
    mite_conv_share share = mite_conv_share_of(&st->conv, part, part_count);
    int32_t gelu = mite_attr_int(s, GELU);
    float *scale = scratch, *activated = (float *)(void *)((char *)scratch + st->gelu);
    int32_t *zero = (int32_t *)(void *)((char *)scratch + st->zeros);
    uint8_t *rows = (uint8_t *)scratch + st->rows;
    a.bias = memset((char *)scratch + st->bias, 0, st->rows - st->bias);
    a.scratch = (char *)scratch + st->kernel;
    a.input = rows;
    a.row_scale = scale;
    a.row_zero = zero;
    for (size_t first = share.row0; first < share.row1; first += st->block) {
        size_t count = mite_min_size(st->block, share.row1 - first), depth = a.in_pixel;
        const float *x = (const float *)s->inputs[X]->data + first * depth;
        for (size_t i = 0; i < count; i++, x += depth) {
            const float *row = x;
            if (gelu) {
                mite_gelu_f32_for(s->kernels->isa)(
                    activated, x, depth, gelu == 2 ? MITE_GELU_ROUGH_BY_TANH : MITE_GELU_ROUGH);
                row = activated;
            }
            mite_row_quanta q = st->kernels.quantize_row(rows + i * depth, row, depth, 0);
            scale[i] = q.scale;
            zero[i] = q.zero_point;
        }
        a.output = (float *)s->outputs[0]->data + first * a.columns;
        if (residual) a.residual = (const float *)residual->data + first * a.columns;
        st->conv.run(&a, 0, count, share.block0 * 8, mite_min_size(share.block1 * 8, a.columns));
    }
    return MITE_OK;
}

const mite_op mite_op_dense_rows = {
    .name = "dense_rows",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 5,
    .max_inputs = 6,
    .output_count = 1,
    .state_bytes = sizeof(state),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
