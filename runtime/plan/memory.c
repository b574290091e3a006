// SPDX-License-Identifier: Apache-2.0
// One arena for all activations and scratch. A block is what lies in one place: the memory of a
// value, or of several that share it (aliases, in-place results). Blocks are placed largest
// first, each into the smallest gap between the blocks alive at the same time ("greedy by size",
// Pisarchyk and Lee 2020, arXiv:2001.03288).
#include "plan.h"

#include "../base/sizes.h"

#include <stdlib.h>
#include <string.h>

#define NO_BLOCK UINT32_MAX

typedef struct block {
    size_t bytes, first, last; // alive in steps first..last, both included
    size_t offset;
} block;

typedef struct planner {
    mite_program *p;
    block *blocks; // first the scratch of each step (bytes 0: none), then those of values
    size_t block_count;
    uint32_t *block_of; // of each value
    size_t *last_use;   // step that reads the value last; node_count: lives on after these steps
} planner;

static bool is_activation(const planner *pl, uint32_t v) {
    return v != MITE_NO_VALUE && !pl->p->views[v].data;
}

static void find_last_uses(planner *pl) {
    const mite_graph *g = pl->p->graph;
    for (size_t i = pl->p->first; i < g->node_count; i++) {
        const mite_node *node = &g->nodes[i];
        // What steps planned later read lives on; of a settled step nothing is left to run.
        size_t use = i < pl->p->end ? i : g->node_count;
        if (pl->p->steps[i].settled) continue;
        for (size_t k = 0; k < node->output_count; k++) pl->last_use[node->outputs[k]] = use;
        for (size_t k = 0; k < node->input_count; k++)
            if (node->inputs[k] != MITE_NO_VALUE) pl->last_use[node->inputs[k]] = use;
    }
    for (size_t i = 0; i < g->output_count; i++) {
        pl->last_use[g->outputs[i]] = g->node_count;
    }
}

static mite_status new_block(planner *pl, uint32_t v, size_t first) {
    block *b = &pl->blocks[pl->block_count];
    if (!mite_view_bytes(&b->bytes, &pl->p->views[v]) ||
        !mite_size_align(&b->bytes, b->bytes, MITE_ALIGN))
        return MITE_ERR_MEMORY;
    b->first = first;
    b->last = pl->last_use[v];
    pl->block_of[v] = (uint32_t)pl->block_count++;
    return MITE_OK;
}

static void join_block(planner *pl, uint32_t v, uint32_t shared) {
    pl->block_of[v] = pl->block_of[shared];
    block *b = &pl->blocks[pl->block_of[v]];
    b->last = mite_max_size(b->last, pl->last_use[v]);
}

static bool same_geometry(const mite_view *a, const mite_view *b) {
    size_t a_bytes, b_bytes;
    return mite_view_bytes(&a_bytes, a) && mite_view_bytes(&b_bytes, b) && a_bytes == b_bytes &&
           memcmp(&a->halo, &b->halo, sizeof a->halo) == 0 &&
           (a->rank != 4 || b->rank != 4 || a->row_stride == b->row_stride);
}

// May outputs[0] of step i overwrite input k?
static bool may_overwrite(const planner *pl, size_t i, size_t k) {
    const mite_step *s = &pl->p->steps[i];
    uint32_t v = s->node->inputs[k];
    if (!is_activation(pl, v) || !same_geometry(s->inputs[k], s->outputs[0])) return false;
    uint32_t shared = pl->block_of[v];
    if (pl->blocks[shared].last > i) return false;
    for (size_t j = 0; j < s->node->input_count; j++) {
        uint32_t other = s->node->inputs[j];
        if (j != k && is_activation(pl, other) && pl->block_of[other] == shared) return false;
    }
    return true;
}

static mite_status assign_step(planner *pl, size_t i, size_t scratch_parts) {
    mite_step *s = &pl->p->steps[i];
    if (s->settled) return MITE_OK;
    block *scratch = &pl->blocks[i];
    if (!mite_size_align(&scratch->bytes, s->scratch_bytes, MITE_ALIGN) ||
        !mite_size_mul(&scratch->bytes, scratch->bytes, scratch_parts))
        return MITE_ERR_MEMORY;
    scratch->first = scratch->last = i;

    s->alias = s->alias && is_activation(pl, s->node->inputs[0]);
    for (size_t k = 0; k < s->node->output_count; k++) {
        uint32_t v = s->node->outputs[k];
        if (k == 0 && s->alias) join_block(pl, v, s->node->inputs[0]);
        else if (k == 0 && s->in_place >= 0 && may_overwrite(pl, i, (size_t)s->in_place))
            join_block(pl, v, s->node->inputs[s->in_place]);
        else if (new_block(pl, v, i)) return MITE_ERR_MEMORY;
    }
    return MITE_OK;
}

static mite_status assign_blocks(planner *pl, size_t scratch_parts) {
    const mite_graph *g = pl->p->graph;
    find_last_uses(pl);
    pl->block_count = g->node_count;
    for (size_t i = 0; i < g->input_count; i++)
        if (is_activation(pl, g->inputs[i]) && new_block(pl, g->inputs[i], pl->p->first))
            return MITE_ERR_MEMORY;
    for (size_t i = pl->p->first; i < pl->p->end; i++)
        if (assign_step(pl, i, scratch_parts)) return MITE_ERR_MEMORY;
    return MITE_OK;
}

// --- Placing -------------------------------------------------------------------------------------

static int larger_first(const void *a, const void *b) {
    const block *x = *(block *const *)a, *y = *(block *const *)b;
    if (x->bytes != y->bytes) return x->bytes > y->bytes ? -1 : 1;
    return x < y ? -1 : x > y; // qsort is not stable; the file's order decides
}

// The start of the smallest sufficient gap for `b` among `placed`, which is sorted by offset.
static size_t best_gap(const block *b, block *const *placed, size_t count) {
    size_t end = 0, best = SIZE_MAX, best_bytes = SIZE_MAX;
    for (size_t i = 0; i < count; i++) {
        const block *other = placed[i];
        if (other->last < b->first || other->first > b->last) continue;
        if (other->offset > end) {
            size_t gap = other->offset - end;
            if (gap >= b->bytes && gap < best_bytes) best = end, best_bytes = gap;
        }
        end = mite_max_size(end, other->offset + other->bytes);
    }
    return best == SIZE_MAX ? end : best;
}

// `order` has room for two lists: the blocks by size, and those placed by offset.
static mite_status place_blocks(planner *pl, block **order, size_t *arena_bytes) {
    size_t count = 0, placed_count = 0;
    for (size_t i = 0; i < pl->block_count; i++)
        if (pl->blocks[i].bytes) order[count++] = &pl->blocks[i];
    qsort(order, count, sizeof *order, larger_first);
    block **placed = order + count;
    *arena_bytes = 0;
    for (size_t i = 0; i < count; i++) {
        block *b = order[i];
        size_t end, at = placed_count++;
        b->offset = best_gap(b, placed, at);
        if (!mite_size_add(&end, b->offset, b->bytes)) return MITE_ERR_MEMORY;
        *arena_bytes = mite_max_size(*arena_bytes, end);
        for (; at && placed[at - 1]->offset > b->offset; at--) placed[at] = placed[at - 1];
        placed[at] = b;
    }
    return MITE_OK;
}

static size_t least_bytes(const planner *pl, size_t *alive) {
    size_t most = 0, sum = 0, steps = pl->p->graph->node_count;
    memset(alive, 0, (steps + 2) * sizeof *alive);
    for (size_t i = 0; i < pl->block_count; i++) {
        alive[pl->blocks[i].first] += pl->blocks[i].bytes;
        alive[pl->blocks[i].last + 1] -= pl->blocks[i].bytes; // wraps; the running sum does not
    }
    for (size_t i = 0; i <= steps; i++) {
        sum += alive[i];
        most = mite_max_size(most, sum);
    }
    return most;
}

mite_status mite_plan_memory(mite_program *p, size_t scratch_parts, mite_places *places,
                             mite_error *error) {
    const mite_graph *g = p->graph;
    size_t blocks = g->node_count + g->value_count + 1;
    planner pl = {
        .p = p,
        .blocks = calloc(blocks, sizeof(block)),
        .block_of = malloc((g->value_count + 1) * sizeof(uint32_t)),
        .last_use = calloc(g->value_count + g->node_count + 2, sizeof(size_t)),
    };
    block **order = calloc(2 * blocks, sizeof *order);
    mite_status status = MITE_ERR_MEMORY;
    if (pl.blocks && pl.block_of && pl.last_use && order) {
        memset(pl.block_of, 0xff, g->value_count * sizeof *pl.block_of);
        status = assign_blocks(&pl, scratch_parts);
        if (!status) status = place_blocks(&pl, order, &places->arena_bytes);
    }
    if (status) {
        mite_fail(error, status, "not enough memory for the model's activations");
    } else {
        for (size_t i = p->first; i < p->end; i++) places->scratch[i] = pl.blocks[i].offset;
        for (size_t v = 0; v < g->value_count; v++)
            places->values[v] =
                pl.block_of[v] == NO_BLOCK ? MITE_NO_PLACE : pl.blocks[pl.block_of[v]].offset;
        places->least_bytes = least_bytes(&pl, pl.last_use);
    }
    free(pl.blocks);
    free(pl.block_of);
    free(pl.last_use);
    free(order);
    return status;
}
