// SPDX-License-Identifier: Apache-2.0
// non_max_suppression: of boxes that overlap, the one of the highest score (ONNX NonMaxSuppression).
// Inputs: boxes f32 [batches, boxes, 4], scores f32 [batches, classes, boxes], then numbers that may be
// absent: the most boxes of a class (0), the overlap above which a box is dropped (0), the score that
// it must exceed (none). Output: i64 [selected, 3], batch, class and box of each. Output 1, where wanted: their
// scores, f32 [selected].
//
// With `soft` below 0 a box that overlaps chosen ones less than that is not dropped: its score is multiplied by
// e^(soft * overlap^2) for each of them (Bodla et al. 2017, soft * sigma = -1/2), and it waits for its turn.
#include "index.h"

#include "../real.h"

#include <stdlib.h>

static const mite_attr attrs[] = {
    {"center_point_box", 'i', 1, 0}, // 0: y1, x1, y2, x2, any two corners; 1: x, y, width, height
    {"soft", 'f', 1, 0},
};

enum { BY_CENTER, SOFT }; // attribute words

typedef struct box {
    float top, left, bottom, right, score;
    size_t index;
    size_t weighed; // against so many of the chosen ones
} box;

typedef struct state {
    int64_t *selected; // owned, as are
    float *scores;
    size_t count, room;
} state;

static void clear(mite_step *s) {
    state *st = s->state;
    free(st->selected);
    free(st->scores);
    *st = (state){.selected = NULL};
}

static box box_at(const float *from, bool by_center) {
    if (by_center) {
        float w = from[2] / 2, h = from[3] / 2;
        return (box){
            .top = from[1] - h, .left = from[0] - w, .bottom = from[1] + h, .right = from[0] + w};
    }
    bool y = from[0] <= from[2], x = from[1] <= from[3];
    return (box){.top = from[y ? 0 : 2],
                 .left = from[x ? 1 : 3],
                 .bottom = from[y ? 2 : 0],
                 .right = from[x ? 3 : 1]};
}

static float overlap(const box *a, const box *b) {
    float top = a->top > b->top ? a->top : b->top, left = a->left > b->left ? a->left : b->left;
    float bottom = a->bottom < b->bottom ? a->bottom : b->bottom;
    float right = a->right < b->right ? a->right : b->right;
    if (!(bottom > top && right > left)) return 0;
    float both = (bottom - top) * (right - left);
    float sum =
        (a->bottom - a->top) * (a->right - a->left) + (b->bottom - b->top) * (b->right - b->left);
    return sum - both > 0 ? both / (sum - both) : 0;
}

static int best_first(const void *a, const void *b) {
    const box *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

static mite_status add(mite_step *s, size_t batch, size_t class, const box *b) {
    state *st = s->state;
    if (st->count == st->room) {
        size_t room = st->room ? 2 * st->room : 64, bytes;
        int64_t *more =
            mite_size_mul(&bytes, room, 3 * sizeof *more) ? realloc(st->selected, bytes) : NULL;
        if (more) st->selected = more;
        float *scores = more ? realloc(st->scores, room * sizeof *scores) : NULL;
        if (!scores) return mite_step_fail(s, MITE_ERR_MEMORY, "not enough memory for its boxes");
        st->scores = scores;
        st->room = room;
    }
    st->scores[st->count] = b->score;
    int64_t *to = st->selected + 3 * st->count++;
    to[0] = (int64_t)batch;
    to[1] = (int64_t)class;
    to[2] = (int64_t)b->index;
    return MITE_OK;
}

typedef struct limits {
    size_t most;
    float iou, score, soft;
} limits;

// The chosen ones stand in front, the others behind them in any order.
static mite_status select_softly(mite_step *s, const limits *l, size_t batch, size_t class,
                                 box *kept, size_t candidates) {
    for (size_t chosen = 0; chosen < candidates && chosen < l->most;) {
        size_t best = chosen;
        for (size_t i = chosen + 1; i < candidates; i++)
            if (best_first(&kept[i], &kept[best]) < 0) best = i;
        box b = kept[best];
        bool stays = true;
        for (size_t k = chosen; k > b.weighed && stays; k--) {
            float o = overlap(&b, &kept[k - 1]);
            if (o > l->iou) stays = false;
            else b.score *= mite_exp(l->soft * o * o);
            stays = stays && b.score > l->score;
        }
        b.weighed = chosen;
        if (!stays) {
            kept[best] = kept[--candidates];
        } else if (b.score != kept[best].score) {
            kept[best] = b; // others may be better now
        } else {
            kept[best] = kept[chosen];
            kept[chosen++] = b;
            if (add(s, batch, class, &b)) return s->error->status;
        }
    }
    return MITE_OK;
}

// One class of one batch; `kept` has room for all boxes.
static mite_status select(mite_step *s, const limits *l, size_t batch, size_t class, box *kept) {
    const mite_view *boxes = s->inputs[0], *scores = s->inputs[1];
    size_t count = (size_t)boxes->shape[1], classes = (size_t)scores->shape[1];
    const float *score = (const float *)scores->known + (batch * classes + class) * count;
    const float *from = (const float *)boxes->known + batch * count * 4;
    size_t candidates = 0, chosen = 0;
    for (size_t i = 0; i < count; i++) {
        if (!(score[i] > l->score)) continue;
        kept[candidates] = box_at(from + 4 * i, mite_attr_int(s, BY_CENTER) != 0);
        kept[candidates].score = score[i];
        kept[candidates].weighed = 0;
        kept[candidates++].index = i;
    }
    if (l->soft < 0) return select_softly(s, l, batch, class, kept, candidates);
    qsort(kept, candidates, sizeof *kept, best_first);
    for (size_t i = 0; i < candidates && chosen < l->most; i++) {
        bool free_of_others = true;
        for (size_t k = 0; k < chosen && free_of_others; k++)
            free_of_others = !(overlap(&kept[i], &kept[k]) > l->iou);
        if (!free_of_others) continue;
        if (add(s, batch, class, &kept[i])) return s->error->status;
        kept[chosen++] = kept[i];
    }
    return MITE_OK;
}

static bool number(const mite_step *s, size_t index, double *out) {
    const mite_view *v = mite_step_input(s, index);
    if (!v || !v->elements) return false;
    mite_load_reals(out, v->known, v->dtype, 1, 1);
    return true;
}

static mite_status check(mite_step *s) {
    const mite_view *boxes = s->inputs[0], *scores = s->inputs[1];
    mite_status status = mite_step_need_type(s, "boxes", boxes, MITE_F32);
    if (!status) status = mite_step_need_type(s, "scores", scores, MITE_F32);
    if (!status) status = mite_step_need_type(s, "output", s->outputs[0], MITE_I64);
    if (!status && s->node->output_count > 1)
        status = mite_step_need_type(s, "output 1", s->outputs[1], MITE_F32);
    if (status) return status;
    if (boxes->rank != 3 || scores->rank != 3 || boxes->shape[2] != 4 ||
        boxes->shape[0] != scores->shape[0] || boxes->shape[1] != scores->shape[2])
        return mite_step_fail(s, MITE_ERR_FORMAT,
                              "boxes of shape %T and scores of shape %T do not "
                              "go together",
                              (size_t)boxes->rank, boxes->shape, (size_t)scores->rank,
                              scores->shape);
    mite_step_expect_rank(s, 0, 2);
    for (size_t i = 0; i < s->node->input_count; i++)
        if (s->inputs[i] && !s->inputs[i]->known) return mite_step_wait(s, i);
    return MITE_OK;
}

static mite_status infer(mite_step *s) {
    state *st = s->state;
    double most = 0, iou = 0, score = 0;
    mite_status status = check(s);
    if (status) return status;
    number(s, 2, &most);
    number(s, 3, &iou);
    bool has_score = number(s, 4, &score);
    size_t boxes = (size_t)s->inputs[0]->shape[1];
    limits l = {.most = most > 0 ? (most < (double)boxes ? (size_t)most : boxes) : 0,
                .iou = (float)iou,
                .soft = mite_attr_float(s, SOFT),
                .score = has_score ? (float)score : -__builtin_inff()};
    box *kept = malloc((boxes + 1) * sizeof *kept);
    if (!kept) return mite_step_fail(s, MITE_ERR_MEMORY, "not enough memory for %z boxes", boxes);
    st->count = 0;
    for (size_t i = 0; i < (size_t)s->inputs[1]->shape[0] && !status; i++)
        for (size_t k = 0; k < (size_t)s->inputs[1]->shape[1] && !status && l.most; k++)
            status = select(s, &l, i, k, kept);
    free(kept);
    int32_t shape[2] = {st->count > INT32_MAX ? -1 : (int32_t)st->count, 3};
    if (!status) status = mite_step_set_shape(s, 0, 2, shape);
    if (!status && s->node->output_count > 1) status = mite_step_set_shape(s, 1, 1, shape);
    return status;
}

static mite_status run(const mite_step *s, size_t part, size_t part_count, void *scratch) {
    const state *st = s->state;
    (void)part, (void)part_count, (void)scratch;
    if (st->count) memcpy(s->outputs[0]->data, st->selected, 3 * st->count * sizeof(int64_t));
    if (st->count && s->node->output_count > 1)
        memcpy(s->outputs[1]->data, st->scores, st->count * sizeof(float));
    return MITE_OK;
}

const mite_op mite_op_non_max_suppression = {
    .name = "non_max_suppression",
    .attrs = attrs,
    .attr_count = sizeof attrs / sizeof *attrs,
    .min_inputs = 2,
    .max_inputs = 5,
    .output_count = 1,
    .max_outputs = 2,
    .state_bytes = sizeof(state),
    .infer = infer,
    .run = run,
    .clear = clear,
};
