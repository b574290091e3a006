// SPDX-License-Identifier: Apache-2.0
#include "steps.h"

#include "../files.h"
#include "base/sizes.h"
#include "kernels/kernels.h"

#include <string.h>

// --- Reading a pack ------------------------------------------------------------------------------

static _Noreturn void fail(const char *what) {
    fprintf(stderr, "steps.pack: %s\n", what);
    exit(1);
}

static const uint8_t *take(pack *p, size_t bytes) {
    if ((size_t)(p->end - p->at) < bytes) fail("it ends early");
    uint8_t *at = p->at;
    p->at += bytes;
    return at;
}

static uint32_t take_word(pack *p) {
    uint32_t word;
    memcpy(&word, take(p, sizeof word), sizeof word);
    return word;
}

// A length, so many bytes, and padding to whole words.
static void take_text(pack *p, char text[256]) {
    size_t length = *take(p, 1);
    memcpy(text, take(p, length), length);
    text[length] = 0;
    take(p, (4 - (length + 1) % 4) % 4);
}

static void take_tensor(pack *p, tensor *t) {
    const uint8_t *head = take(p, 4);
    t->dtype = head[0];
    t->role = head[1];
    t->rank = head[2];
    for (size_t i = 0; i < MITE_MAX_RANK; i++) t->shape[i] = (int32_t)take_word(p);
    uint32_t scale = take_word(p);
    memcpy(&t->scale, &scale, sizeof scale);
    t->zero_point = (int32_t)take_word(p);
    t->bytes = take_word(p);
    t->data = take(p, mite_round_up(t->bytes, 4));
}

static void take_attr(pack *p, step_case *c) {
    char name[256];
    take_text(p, name);
    uint32_t count = take_word(p);
    size_t word = 0, row = 0;
    while (row < c->op->attr_count && strcmp(c->op->attrs[row].name, name) != 0)
        word += c->op->attrs[row++].count;
    if (row == c->op->attr_count || count > c->op->attrs[row].count) fail(name);
    for (size_t i = 0; i < count; i++) c->attrs[word + i] = (int32_t)take_word(p);
}

pack pack_open(const char *path) {
    size_t bytes;
    uint8_t *data = read_whole(path, &bytes);
    if (bytes < 12 || memcmp(data, "STEPS\0\0\1", 8) != 0) fail("it is no pack of version 1");
    return (pack){data, data + 12, data + bytes};
}

bool pack_next(pack *p, step_case *c) {
    char op[256];
    if (p->at == p->end) return false;
    memset(c, 0, sizeof *c);
    take_text(p, c->name);
    take_text(p, op);
    c->op = mite_op_find(op);
    c->input_count = take_word(p);
    size_t attr_count = take_word(p), word = 0;
    if (!c->op || c->input_count > MAX_INPUTS || mite_op_attr_words(c->op) > MAX_ATTR_WORDS)
        fail(op);
    for (size_t i = 0; i < c->op->attr_count; i++)
        for (size_t k = 0; k < c->op->attrs[i].count; k++) c->attrs[word++] = c->op->attrs[i].def;
    for (size_t i = 0; i < attr_count; i++) take_attr(p, c);
    for (size_t i = 0; i < c->input_count; i++) take_tensor(p, &c->inputs[i]);
    take_tensor(p, &c->output);
    return true;
}

void pack_close(pack *p) { free(p->data); }

// --- Making a graph ------------------------------------------------------------------------------

static size_t groups_of(const step_case *c) {
    size_t word = 0;
    for (size_t i = 0; i < c->op->attr_count; i++) {
        if (strcmp(c->op->attrs[i].name, "groups") == 0) {
            int32_t groups = c->attrs[word];
            // Hostile values are for the operator to refuse; here they only must not hurt.
            return groups > 0 && c->inputs[1].shape[0] % groups == 0 ? (size_t)groups : 1;
        }
        word += c->op->attrs[i].count;
    }
    return 1;
}

static void pack_conv(void *out, const tensor *t, size_t groups) {
    size_t n = (size_t)t->shape[0] / groups, k = t->bytes / mite_dtype_bytes(t->dtype);
    k /= (size_t)t->shape[0];
    for (size_t i = 0; i < groups; i++) {
        if (t->dtype == MITE_I8) {
            mite_pack_conv_i8((int8_t *)out + i * mite_round_up(n, 8) * mite_round_up(k, 4),
                              (const int8_t *)t->data + i * n * k, n, k);
        } else {
            mite_pack_conv_f32((float *)out + i * mite_round_up(n, 8) * k,
                               (const float *)(const void *)t->data + i * n * k, n, k);
        }
    }
}

static void pack_depthwise(void *out, const tensor *t) {
    size_t kh = (size_t)t->shape[1], kw = (size_t)t->shape[2], channels = (size_t)t->shape[3];
    if (t->dtype == MITE_I8) {
        mite_pack_depthwise_i8(out, (const int8_t *)t->data, kh, kw, channels);
    } else {
        mite_pack_depthwise_f32(out, (const float *)(const void *)t->data, kh, kw, channels);
    }
}

// Each group of four-byte columns, padded to eight.
static void pack_columns(uint8_t *out, const tensor *t, size_t groups) {
    size_t bytes = t->bytes / groups;
    memset(out, 0, groups * mite_round_up(bytes, 32));
    for (size_t i = 0; i < groups; i++)
        memcpy(out + i * mite_round_up(bytes, 32), t->data + i * bytes, bytes);
}

static void make_constant(graph *g, const step_case *c, size_t index) {
    const tensor *t = &c->inputs[index];
    mite_value *v = &g->values[index];
    size_t groups = groups_of(c);
    bool i8 = t->dtype == MITE_I8;
    v->flags = MITE_VALUE_CONSTANT;
    v->bytes = t->bytes;
    if (t->role == CONV) v->layout = i8 ? MITE_LAYOUT_CONV_I8 : MITE_LAYOUT_CONV_F32;
    if (t->role == DEPTHWISE) v->layout = i8 ? MITE_LAYOUT_DEPTHWISE_I8 : MITE_LAYOUT_DEPTHWISE_F32;
    if (t->role == COLUMNS) v->bytes = groups * mite_round_up(t->bytes / groups, 32);
    if (t->role == COLUMNS) v->shape[0] = (int32_t)(v->bytes / 4);
    if (v->layout != MITE_LAYOUT_DENSE &&
        !mite_layout_bytes(&v->bytes, v->layout, t->dtype, (size_t)t->rank, t->shape, groups))
        fail(c->name);
    g->constants[index] = malloc(v->bytes);
    if (!g->constants[index]) fail("no memory");
    if (t->role == CONV) pack_conv(g->constants[index], t, groups);
    else if (t->role == DEPTHWISE) pack_depthwise(g->constants[index], t);
    else if (t->role == COLUMNS) pack_columns(g->constants[index], t, groups);
    else memcpy(g->constants[index], t->data, t->bytes);
    v->data = g->constants[index];
}

static mite_value value_of(const tensor *t, const char *name) {
    mite_value v = {.name = name,
                    .dtype = t->dtype,
                    .rank = t->rank,
                    .scale = t->scale,
                    .zero_point = t->zero_point};
    memcpy(v.shape, t->shape, sizeof v.shape);
    return v;
}

static bool is_picture(const tensor *t) {
    bool filled = t->bytes > 0 && (t->dtype == MITE_F32 || t->dtype == MITE_U8);
    return filled && t->rank == 4 && (t->dtype == MITE_F32 || t->scale > 0);
}

static void add_node(graph *g, mite_node node) { g->nodes[g->graph.node_count++] = node; }

static uint32_t add_value(graph *g, mite_value v) {
    g->values[g->graph.value_count] = v;
    return (uint32_t)g->graph.value_count++;
}

static uint32_t add_constant(graph *g, size_t slot, mite_dtype dtype, mite_layout layout,
                             int32_t rank, const int32_t *shape, size_t bytes) {
    mite_value v = {.name = "identity",
                    .dtype = dtype,
                    .layout = layout,
                    .rank = rank,
                    .flags = MITE_VALUE_CONSTANT,
                    .bytes = bytes};
    memcpy(v.shape, shape, (size_t)rank * sizeof *shape);
    g->constants[slot] = calloc(1, bytes);
    if (!g->constants[slot]) fail("no memory");
    v.data = g->constants[slot];
    return add_value(g, v);
}

// A depthwise convolution whose only weight is the 1 in the middle.
static void add_identity(graph *g, const tensor *t) {
    const mite_op *op = mite_op_find("depthwise_conv2d");
    size_t channels = (size_t)t->shape[3], padded = mite_round_up(channels, 8), word = 0, bytes;
    bool u8 = t->dtype == MITE_U8;
    mite_dtype dtype = u8 ? MITE_I8 : MITE_F32;
    mite_layout layout = u8 ? MITE_LAYOUT_DEPTHWISE_I8 : MITE_LAYOUT_DEPTHWISE_F32;
    int32_t shape[] = {1, 3, 3, t->shape[3]}, columns[] = {(int32_t)padded};
    void *w = calloc(9 * channels, mite_dtype_bytes(dtype));
    if (!w || !mite_layout_bytes(&bytes, layout, dtype, 4, shape, 1)) fail("no memory");
    g->identity_edges[0] = g->result;
    g->identity_edges[1] = add_constant(g, MAX_INPUTS, dtype, layout, 4, shape, bytes);
    g->identity_edges[2] = add_constant(g, MAX_INPUTS + 1, u8 ? MITE_I32 : MITE_F32,
                                        MITE_LAYOUT_DENSE, 1, columns, 4 * padded);
    g->identity_edges[3] =
        add_constant(g, MAX_INPUTS + 2, MITE_F32, MITE_LAYOUT_DENSE, 1, columns, 4 * padded);
    for (size_t i = 0; i < channels; i++) {
        if (u8) ((int8_t *)w)[4 * channels + i] = 1;
        else ((float *)w)[4 * channels + i] = 1.0f;
        if (u8) ((int32_t *)g->constants[MAX_INPUTS + 1])[i] = -t->zero_point;
        ((float *)g->constants[MAX_INPUTS + 2])[i] = 1.0f;
    }
    if (u8) mite_pack_depthwise_i8(g->constants[MAX_INPUTS], w, 3, 3, channels);
    else mite_pack_depthwise_f32(g->constants[MAX_INPUTS], w, 3, 3, channels);
    free(w);
    for (size_t i = 0; i < op->attr_count; word += op->attrs[i++].count)
        g->identity_attrs[word] = strncmp(op->attrs[i].name, "pad_", 4) == 0 ? 1 : op->attrs[i].def;
    g->identity_result = add_value(g, g->values[g->result]);
    add_node(g, (mite_node){op, "identity", g->identity_edges, &g->identity_result, u8 ? 4 : 3, 1,
                            g->identity_attrs});
}

void graph_make(graph *g, const step_case *c, around a) {
    static const char *const names[MAX_INPUTS] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"};
    const uint32_t infinities[] = {0xff800000, 0x7f800000};
    memset(g, 0, sizeof *g);
    memcpy(g->no_limits, infinities, sizeof infinities);
    mite_graph *to = &g->graph;
    *to = (mite_graph){.values = g->values,
                       .nodes = g->nodes,
                       .inputs = g->inputs,
                       .outputs = &g->result,
                       .output_count = 1};
    for (size_t i = 0; i < c->input_count; i++) {
        g->edges[i] = add_value(g, value_of(&c->inputs[i], names[i]));
        if (c->inputs[i].role == VALUE) g->inputs[to->input_count++] = g->edges[i];
        else if (c->inputs[i].bytes) make_constant(g, c, i);
        // A constant without elements stands for an input that is absent.
        else g->values[i].flags = MITE_VALUE_CONSTANT, g->edges[i] = MITE_NO_VALUE;
    }
    for (size_t i = 0; i < to->input_count && a.before; i++) {
        uint32_t k = g->inputs[i]; // values come in the order of the case's inputs
        if (!is_picture(&c->inputs[k])) continue;
        g->edges[k] = g->between[k] = add_value(g, g->values[k]);
        add_node(g, (mite_node){mite_op_find("clamp"), names[k], &g->inputs[i], &g->between[k], 1,
                                1, g->no_limits});
    }
    g->result = add_value(g, value_of(&c->output, "y"));
    add_node(g, (mite_node){c->op, c->name, g->edges, &g->result, (uint32_t)c->input_count, 1,
                            c->attrs});
    if (!a.after || !is_picture(&c->output)) return;
    add_identity(g, &c->output);
    to->outputs = &g->identity_result;
}

void graph_free(graph *g) {
    for (size_t i = 0; i < MAX_INPUTS + 3; i++) free(g->constants[i]);
}

void graph_fill(const graph *g, const step_case *c, mite_session *s) {
    for (size_t i = 0; i < g->graph.input_count; i++) {
        mite_tensor *to = mite_session_input(s, i);
        const tensor *from = &c->inputs[g->inputs[i]];
        size_t bytes = mite_min_size(to->bytes, from->bytes);
        if (bytes) memcpy(to->data, from->data, bytes); // none where shapes are open
    }
}
