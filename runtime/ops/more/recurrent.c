// SPDX-License-Identifier: Apache-2.0
// recurrent: RNN, GRU and LSTM as ONNX defines them, of real types, computed in f32.
// x [T,B,I] (layout 0) or [B,T,I] (1); for each of D directions w [D,G*H,I], r [D,G*H,H], bias
// [D,2*G*H] (of w, then of r), lengths [B] i32, h0 and c0 [D,B,H] (layout 1: [B,D,H]), peepholes
// [D,3*H]. G = 1; 3 (z, r, h); 4 (i, o, f, c). Outputs: y [T,D,B,H] ([B,T,D,H]), y_h and, for
// LSTM, y_c like h0.
#include "floats.h"

#include "../common.h"
#include "../real.h"

#include <math.h>

enum {
    MODE,
    HIDDEN,
    DIRECTION,
    LAYOUT,
    BEFORE_RESET,
    INPUT_FORGET,
    CLIP,
    ACTIVATIONS,
    ALPHA = ACTIVATIONS + 6,
    BETA = ALPHA + 6
}; // attribute words
enum { RNN, GRU, LSTM, MODES };
enum { FORWARD, REVERSE, BIDIRECTIONAL };
enum {
    RELU,
    TANH,
    SIGMOID,
    AFFINE,
    LEAKY_RELU,
    THRESHOLDED_RELU,
    SCALED_TANH,
    HARD_SIGMOID,
    ELU,
    SOFTSIGN,
    SOFTPLUS
};
enum { X, W, R, BIAS, LENGTHS, H0, C0, PEEPHOLES, INPUTS };

static const mite_attr attrs[] = {
    {"mode", 'i', 1, LSTM},
    {"hidden", 'i', 1, 1},
    {"direction", 'i', 1, FORWARD},
    {"layout", 'i', 1, 0},
    {"linear_before_reset", 'i', 1, 0},
    {"input_forget", 'i', 1, 0},
    {"clip", 'f', 1, MITE_BITS_INF},
    {"activations", 'i', 6, TANH}, // up to three for each direction
    {"alpha", 'f', 6, 0},
    {"beta", 'f', 6, 0},
};

typedef struct sizes {
    size_t steps, batch, inputs, hidden, gates, directions;
} sizes;

static mite_status need(mite_step *s, size_t k, const char *what, size_t elements) {
    const mite_view *v = mite_step_input(s, k);
    if (!v) return MITE_OK;
    if (v->elements != elements)
        return mite_step_fail(s, MITE_ERR_FORMAT, "%s has shape %T, wanted are %z elements", what,
                              (size_t)v->rank, v->shape, elements);
    return mite_step_need_type(s, what, v, k == LENGTHS ? MITE_I32 : s->inputs[X]->dtype);
}

static mite_status set_up(mite_step *s, sizes *z) {
    const mite_view *x = s->inputs[X], *w = s->inputs[W];
    int32_t mode = mite_attr_int(s, MODE), hidden = mite_attr_int(s, HIDDEN);
    int32_t direction = mite_attr_int(s, DIRECTION);
    bool batch_first = mite_attr_int(s, LAYOUT) != 0;
    if (mode < 0 || mode >= MODES || hidden < 1 || direction < 0 || direction > BIDIRECTIONAL ||
        s->node->output_count > (mode == LSTM ? 3u : 2u) || !mite_is_real(x->dtype))
        return mite_step_fail(s, MITE_ERR_FORMAT, "mode %d of %s, %d hidden, direction %d", mode,
                              mite_dtype_name(x->dtype), hidden, direction);
    if (x->rank != 3 || w->rank != 3)
        return mite_step_fail(s, MITE_ERR_FORMAT, "x has shape %T, w %T; wanted are three each",
                              (size_t)x->rank, x->shape, (size_t)w->rank, w->shape);
    *z = (sizes){
        .steps = (size_t)x->shape[batch_first ? 1 : 0],
        .batch = (size_t)x->shape[batch_first ? 0 : 1],
        .inputs = (size_t)x->shape[2],
        .hidden = (size_t)hidden,
        .gates = mode == RNN   ? 1
                 : mode == GRU ? 3
                               : 4,
        .directions = direction == BIDIRECTIONAL ? 2 : 1,
    };
    size_t d = z->directions, rows = d * z->gates, of_w, of_r, state;
    if (!mite_size_mul(&rows, rows, z->hidden) || !mite_size_mul(&of_w, rows, z->inputs) ||
        !mite_size_mul(&of_r, rows, z->hidden) || !mite_size_mul(&state, d * z->hidden, z->batch) ||
        rows > SIZE_MAX / 64)
        return mite_step_fail(s, MITE_ERR_FORMAT, "%d hidden are too many", hidden);
    mite_status status = need(s, W, "w", of_w);
    if (!status) status = need(s, R, "r", of_r);
    if (!status) status = need(s, BIAS, "bias", 2 * rows);
    if (!status) status = need(s, LENGTHS, "lengths", z->batch);
    if (!status) status = need(s, H0, "the initial h", state);
    if (!status) status = need(s, C0, "the initial c", state);
    if (!status) status = need(s, PEEPHOLES, "peepholes", 3 * d * z->hidden);
    return status;
}

static mite_status infer(mite_step *s) {
    sizes z;
    mite_status status = set_up(s, &z);
    if (status) return status;
    int32_t t = (int32_t)z.steps, b = (int32_t)z.batch, d = (int32_t)z.directions;
    int32_t h = (int32_t)z.hidden;
    bool batch_first = mite_attr_int(s, LAYOUT) != 0;
    status = batch_first ? mite_step_set_shape(s, 0, 4, (int32_t[]){b, t, d, h})
                         : mite_step_set_shape(s, 0, 4, (int32_t[]){t, d, b, h});
    for (size_t i = 0; i < s->node->output_count && !status; i++) {
        status = mite_step_need_type(s, "output", s->outputs[i], s->inputs[X]->dtype);
        if (i && !status)
            status = mite_step_set_shape(s, i, 3,
                                         (int32_t[]){batch_first ? b : d, batch_first ? d : b, h});
    }
    s->macs =
        (uint64_t)z.steps * z.batch * z.directions * z.gates * z.hidden * (z.inputs + z.hidden);
    return status;
}

// Gates twice (of x, of h), h, c and r.h; for types other than f32 also what is converted.
static mite_status plan(mite_step *s) {
    sizes *z = s->state;
    mite_status status = set_up(s, z);
    size_t rows = z->gates * z->hidden, floats, converted = 0;
    bool fits = mite_size_mul(&converted, rows, z->inputs + z->hidden + 6) &&
                mite_size_add(&converted, converted, z->inputs);
    if (s->inputs[X]->dtype == MITE_F32) converted = 0;
    fits = fits && mite_size_add(&floats, converted, 2 * rows + 3 * z->hidden) &&
           mite_size_mul(&s->scratch_bytes, floats, sizeof(float));
    if (!status && !fits) status = mite_step_fail(s, MITE_ERR_MEMORY, "its weights are too large");
    return status;
}

static mite_status prepare(mite_step *s) {
    const sizes *z = s->state;
    s->max_parts = mite_max_size(1, z->directions * z->batch);
    return MITE_OK;
}

static float activate(int32_t kind, float x, float alpha, float beta) {
    switch (kind) {
    case RELU: return x > 0 ? x : 0;
    case TANH: return mite_tanh(x);
    case SIGMOID: return mite_sigmoid(x);
    case AFFINE: return alpha * x + beta;
    case LEAKY_RELU: return x >= 0 ? x : alpha * x;
    case THRESHOLDED_RELU: return x >= alpha ? x : 0;
    case SCALED_TANH: return alpha * mite_tanh(beta * x);
    case HARD_SIGMOID: return fminf(fmaxf(alpha * x + beta, 0), 1);
    case ELU: return x >= 0 ? x : alpha * expm1f(x);
    case SOFTSIGN: return x / (1 + fabsf(x));
    default: return x > 20 ? x : log1pf(mite_exp(x)); // softplus
    }
}

// One direction of one sequence of the batch.
typedef struct lane {
    const mite_step *s;
    const sizes *z;
    size_t direction, batch;
    const float *w, *r, *bias, *peepholes; // NULL where absent
    float *x_gates, *h_gates, *h, *c, *reset; // of this step; state
} lane;

// Activation `k` of the direction on the clipped sum.
static float act(const lane *l, size_t k, float x) {
    const mite_step *s = l->s;
    size_t word = k + l->direction * (mite_attr_int(s, MODE) == LSTM  ? 3
                                      : mite_attr_int(s, MODE) == GRU ? 2
                                                                      : 1);
    float clip = mite_attr_float(s, CLIP);
    x = fminf(fmaxf(x, -clip), clip);
    return activate(mite_attr_int(s, ACTIVATIONS + word), x, mite_attr_float(s, ALPHA + word),
                    mite_attr_float(s, BETA + word));
}

static void products(const float *rows, const float *bias, const float *in, size_t length,
                     float *out, size_t count) {
    for (size_t i = 0; i < count; i++)
        out[i] = mite_dot(rows + i * length, in, length) + (bias ? bias[i] : 0);
}

static void step_lstm(const lane *l) {
    size_t n = l->z->hidden;
    const float *p = l->peepholes;
    for (size_t i = 0; i < n; i++) {
        float g[4];
        for (size_t k = 0; k < 4; k++) g[k] = l->x_gates[k * n + i] + l->h_gates[k * n + i];
        float in = act(l, 0, g[0] + (p ? p[i] * l->c[i] : 0));
        float forget = mite_attr_int(l->s, INPUT_FORGET)
                           ? 1 - in
                           : act(l, 0, g[2] + (p ? p[2 * n + i] * l->c[i] : 0));
        l->c[i] = forget * l->c[i] + in * act(l, 1, g[3]);
        float out = act(l, 0, g[1] + (p ? p[n + i] * l->c[i] : 0));
        // The clip is for the sums alone: act() would limit the cell, too.
        size_t word = 2 + l->direction * 3;
        l->h[i] =
            out * activate(mite_attr_int(l->s, ACTIVATIONS + word), l->c[i],
                           mite_attr_float(l->s, ALPHA + word), mite_attr_float(l->s, BETA + word));
    }
}

static void step_gru(const lane *l) {
    size_t n = l->z->hidden;
    const float *r_bias = l->bias ? l->bias + 3 * n : NULL;
    bool before = mite_attr_int(l->s, BEFORE_RESET) != 0;
    for (size_t i = 0; i < n; i++)
        l->reset[i] = act(l, 0, l->x_gates[n + i] + l->h_gates[n + i]) * (before ? 1 : l->h[i]);
    if (!before)
        products(l->r + 2 * n * n, r_bias ? r_bias + 2 * n : NULL, l->reset, n, l->h_gates + 2 * n,
                 n);
    for (size_t i = 0; i < n; i++) {
        float z = act(l, 0, l->x_gates[i] + l->h_gates[i]);
        float recurrent = l->h_gates[2 * n + i] * (before ? l->reset[i] : 1);
        l->h[i] = (1 - z) * act(l, 1, l->x_gates[2 * n + i] + recurrent) + z * l->h[i];
    }
}

static void one_step(const lane *l, const float *x) {
    const sizes *z = l->z;
    size_t rows = z->gates * z->hidden;
    int32_t mode = mite_attr_int(l->s, MODE);
    // GRU's last gate takes r.h unless linear before reset.
    size_t now = mode == GRU && !mite_attr_int(l->s, BEFORE_RESET) ? rows - z->hidden : rows;
    products(l->w, l->bias, x, z->inputs, l->x_gates, rows);
    products(l->r, l->bias ? l->bias + rows : NULL, l->h, z->hidden, l->h_gates, now);
    if (mode == LSTM) step_lstm(l);
    if (mode == GRU) step_gru(l);
    for (size_t i = 0; i < rows && mode == RNN; i++)
        l->h[i] = act(l, 0, l->x_gates[i] + l->h_gates[i]);
}

// Where the lane's h lies in [D,B,H] or [B,D,H].
static size_t state_at(const lane *l) {
    const sizes *z = l->z;
    return (mite_attr_int(l->s, LAYOUT) ? l->batch * z->directions + l->direction
                                        : l->direction * z->batch + l->batch) *
           z->hidden;
}

static void initial(const lane *l, size_t k, float *out, float *room) {
    const mite_view *v = mite_step_input(l->s, k);
    size_t bytes = l->z->hidden * sizeof *out;
    if (v) memcpy(out, mite_floats_of(v, state_at(l), l->z->hidden, &room), bytes);
    else memset(out, 0, bytes);
}

static void sequence(const lane *l, float *room) {
    const sizes *z = l->z;
    const mite_step *s = l->s;
    const mite_view *lengths = mite_step_input(s, LENGTHS), *y = s->outputs[0];
    bool batch_first = mite_attr_int(s, LAYOUT) != 0;
    bool backwards = mite_attr_int(s, DIRECTION) == REVERSE || l->direction == 1;
    size_t length = z->steps;
    if (lengths) {
        int32_t given = ((const int32_t *)lengths->data)[l->batch];
        length = given < 0 ? 0 : mite_min_size((size_t)given, length);
    }
    initial(l, H0, l->h, room);
    initial(l, C0, l->c, room);
    for (size_t i = 0; i < z->steps; i++) {
        size_t t = backwards && i < length ? length - 1 - i : i;
        size_t from = batch_first ? l->batch * z->steps + t : t * z->batch + l->batch;
        size_t to = batch_first ? from * z->directions + l->direction
                                : (t * z->directions + l->direction) * z->batch + l->batch;
        float *x_room = room;
        if (i < length) {
            one_step(l, mite_floats_of(s->inputs[X], from * z->inputs, z->inputs, &x_room));
            mite_store_floats(y, to * z->hidden, l->h, z->hidden);
        } else {
            memset((char *)y->data + to * z->hidden * mite_dtype_bytes(y->dtype), 0,
                   z->hidden * mite_dtype_bytes(y->dtype));
        }
    }
    if (s->node->output_count > 1) mite_store_floats(s->outputs[1], state_at(l), l->h, z->hidden);
    if (s->node->output_count > 2) mite_store_floats(s->outputs[2], state_at(l), l->c, z->hidden);
}

static const float *weights(const lane *l, size_t k, size_t count, float **room) {
    const mite_view *v = mite_step_input(l->s, k);
    return v ? mite_floats_of(v, l->direction * count, count, room) : NULL;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const sizes *z = s->state;
    size_t n = z->hidden, rows = z->gates * n, begin, end;
    mite_part_range(z->directions * z->batch, 1, part, part_count, &begin, &end);
    for (size_t i = begin; i < end; i++) {
        float *room = (float *)scratch + 2 * rows + 3 * n;
        lane l = {.s = s, .z = z, .direction = i / z->batch, .batch = i % z->batch};
        l.x_gates = scratch;
        l.h_gates = l.x_gates + rows;
        l.h = l.h_gates + rows;
        l.c = l.h + n;
        l.reset = l.c + n;
        l.w = weights(&l, W, rows * z->inputs, &room);
        l.r = weights(&l, R, rows * n, &room);
        l.bias = weights(&l, BIAS, 2 * rows, &room);
        l.peepholes = weights(&l, PEEPHOLES, 3 * n, &room);
        sequence(&l, room);
    }
    return MITE_OK;
}

const mite_op mite_op_recurrent = {
    .name = "recurrent",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof attrs[0],
    .min_inputs = 3,
    .max_inputs = INPUTS,
    .output_count = 1,
    .max_outputs = 3,
    .state_bytes = sizeof(sizes),
    .infer = infer,
    .plan = plan,
    .prepare = prepare,
    .run = run,
};
