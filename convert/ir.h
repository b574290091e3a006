// SPDX-License-Identifier: Apache-2.0
// The converter's own graph: what importers build, passes rewrite and lower.c turns into a
// mite_graph.
//
// Every node always means exactly what the runtime's operator of that name means (NHWC pictures,
// OHWI weights), and every value's shape comes from that operator's own shape rule. So the graph
// can be lowered and run at any stage, and a pass is right if the outputs stay the same. Two
// things differ from a mite_graph: constants are dense, never packed, and a constant may remember
// the quantized numbers that it was made from.
//
// Nodes lie in an order that computes every value before its use. A pass walks them once with
// mite_ir_rewrite and may only look backwards (value->producer), which is enough for all of them
// and keeps each pass linear in the size of the graph.
//
// Errors are sticky: the first one stays in graph->error, everything after it returns NULL and
// takes NULL, so that building code needs no checks in between. Nodes, values and names live in
// the graph until it is freed; the data of constants can be let go earlier.
#ifndef MITE_CONVERT_IR_H
#define MITE_CONVERT_IR_H

#include "ops/op.h"

typedef struct mite_ir_node mite_ir_node;
typedef struct mite_ir_value mite_ir_value;

struct mite_ir_value {
    const char *name; // never NULL; need not be unique
    mite_dtype dtype;
    int32_t rank;
    int32_t shape[MITE_MAX_RANK];
    float scale; // u8 activations: quantization; 0 where not quantized
    int32_t zero_point;

    // Shapes that only a run settles. A dimension that follows from an open dimension of an input
    // has its bit set here and a stand-in in `shape`, by which rules can be tried but on which
    // nothing may be built that a run relies on. `other` has another stand-in for each: what comes
    // out the same with both does not depend on the run. Where an open dimension has the same
    // stand-in twice, nothing is known of it, nor of what follows from it. Where not even stand-ins can
    // be worked out, since the shape depends on computed numbers, the value is unknown: its rank
    // reads 0.
    uint8_t open; // bit i: dimension i
    bool unknown;
    int32_t other[MITE_MAX_RANK];
    // Elements that follow from shapes and constants alone; NULL where there are none or they are
    // many. With guess_open they follow from open dimensions and are stand-ins, too, and
    // other_guess (which may be NULL) is what follows from the other ones.
    const void *guess, *other_guess;
    bool guess_open;

    mite_ir_node *producer; // NULL for graph inputs and constants
    mite_ir_value *forward; // replaced by this value; mite_ir_resolve follows
    uint32_t uses; // node inputs and graph outputs that name this value

    // Constants only. `data` is dense and owned; NULL for all other values.
    void *data;
    size_t bytes;
    // An f32 constant that stands for quantized numbers points to them; they in turn have a scale
    // and a zero point for every index along `axis` (or a single one: quant_count is 1).
    mite_ir_value *origin;
    float *scales;
    int32_t *zero_points;
    size_t quant_count;
    int32_t axis;
    // Instead, of quantized numbers in blocks: constants with a number for each block, of the same rank; a
    // dimension has `block` numbers to a block where theirs is shorter. No zero points: NULL.
    mite_ir_value *block_scales, *block_zeros;
    int32_t block;

    uint32_t mark; // free for one pass at a time (visited, index while lowering)
};

struct mite_ir_node {
    const mite_op *op;
    const char *name; // never NULL
    mite_ir_value **inputs; // NULL where absent
    uint32_t input_count;
    mite_ir_value *output; // outputs[0]
    mite_ir_value **outputs; // never NULL each, whether used or not
    uint32_t output_count;
    int32_t *attrs; // mite_op_attr_words(op) words
    uint64_t macs;
    bool dead; // taken out by a pass; dropped when the pass ends
};

typedef struct mite_ir_port {
    const char *name; // as in the source
    mite_ir_value *value;
} mite_ir_port;

// A body of control flow, as if, loop and scan run it. Its nodes read values of the graphs around it
// as if they were their own; lower.c makes inputs of them.
typedef struct mite_ir_body {
    mite_ir_node **nodes; // owned, as are the lists of ports
    mite_ir_port *inputs, *outputs;
    size_t node_count, node_room, input_count, output_count;
} mite_ir_body;

typedef struct mite_ir_error {
    mite_status status;
    char text[2048];
} mite_ir_error;

typedef struct mite_ir_graph {
    mite_ir_node **nodes;
    size_t node_count, node_room;
    mite_ir_value **values;
    size_t value_count, value_room;
    mite_ir_port *inputs, *outputs;
    size_t input_count, output_count;

    mite_ir_body *bodies; // by the number that nodes name
    size_t body_count;
    struct mite_ir_outside *outside; // while a body is being built: the graph around it

    mite_ir_error error;
    size_t used_bytes, max_bytes; // everything the graph holds; what it may hold
    struct mite_ir_block *blocks; // nodes, values, names: freed with the graph
    uint32_t fresh; // for names of values that have none
    bool trial; // made to run one node: no guesses
    // Told of nodes whose rule refuses stand-ins, which are then unknown; may be NULL.
    void (*refused)(void *context, const mite_ir_node *node);
    void *refused_context;
    bool has_unsuited; // a rule took the stand-ins of its inputs' shapes but not the other ones
    bool folds; // emitted nodes of one output whose numbers are settled become constants at once
} mite_ir_graph;

// max_bytes 0: 4 GiB or the address space. NULL without memory.
mite_ir_graph *mite_ir_new(size_t max_bytes);
void mite_ir_free(mite_ir_graph *g);

// Fails the graph; the first sentence stays. The formats are those of mite_fail.
#define mite_ir_fail(g, code, ...)                                                \
    (mite_ir_first_failure((g), (code))                                           \
         ? (void)mite_format((g)->error.text, sizeof(g)->error.text, __VA_ARGS__) \
         : (void)0)
bool mite_ir_first_failure(mite_ir_graph *g, mite_status status);
static inline bool mite_ir_ok(const mite_ir_graph *g) { return g->error.status == MITE_OK; }

// Memory that lives as long as the graph, zeroed; and a NUL-terminated copy of a text.
void *mite_ir_alloc(mite_ir_graph *g, size_t count, size_t item_bytes);
const char *mite_ir_text(mite_ir_graph *g, const char *text, size_t length);

// --- Values ---------------------------------------------------------------------------------

mite_ir_value *mite_ir_input(mite_ir_graph *g, const char *name, mite_dtype dtype, size_t rank,
                             const int32_t *shape);
// Opens dimension `index` of an input, with two different stand-ins.
void mite_ir_open(mite_ir_value *v, size_t index, int32_t stand_in, int32_t other);
// Opens all dimensions of an input, of which nothing is known but that they are there.
void mite_ir_open_all(mite_ir_value *v);
// Its shape is the same in every run, whatever the inputs.
static inline bool mite_ir_is_fixed(const mite_ir_value *v) { return !v->open && !v->unknown; }
// Room for a constant's data comes zeroed; the caller fills value->data.
mite_ir_value *mite_ir_constant(mite_ir_graph *g, const char *name, mite_dtype dtype, size_t rank,
                                const int32_t *shape);
// A constant vector of `count` f32.
mite_ir_value *mite_ir_floats(mite_ir_graph *g, const char *name, const float *data, size_t count);
// Scales and zero points of a quantized constant, `count` of them (1, or the size of `axis`).
void mite_ir_set_quant(mite_ir_graph *g, mite_ir_value *v, size_t count, int32_t axis,
                       const float *scales, const int32_t *zero_points);
// The constant under another order of dimensions: out.shape[i] = v.shape[perm[i]]. Its origin
// and scales go along. A constant of the same data under another shape of as many elements.
mite_ir_value *mite_ir_transposed(mite_ir_graph *g, mite_ir_value *v, const int32_t *perm);
mite_ir_value *mite_ir_reshaped(mite_ir_graph *g, mite_ir_value *v, size_t rank,
                                const int32_t *shape);
// Lets the data of a constant go that nothing uses.
void mite_ir_release(mite_ir_graph *g, mite_ir_value *v);

mite_ir_value *mite_ir_resolve(mite_ir_value *v); // what `v` was replaced by, or itself
// From now on every use of `from` means `to`, which is computed earlier.
void mite_ir_replace(mite_ir_value *from, mite_ir_value *to);
void mite_ir_output(mite_ir_graph *g, const char *name, mite_ir_value *v);

static inline bool mite_ir_is_constant(const mite_ir_value *v) { return v && v->data; }
size_t mite_ir_elements(const mite_ir_value *v);
// In every run, as far as stand-ins tell.
bool mite_ir_same_shape(const mite_ir_value *a, const mite_ir_value *b);

// --- Nodes ------------------------------------------------------------------------------------

// One attribute by its name in the runtime's operator: a word, or a list of words.
typedef struct mite_ir_attr {
    const char *name;
    int32_t word;
    const int32_t *list; // used where not NULL
    size_t list_count;
} mite_ir_attr;

static inline int32_t mite_ir_bits(float f) {
    union {
        float f;
        int32_t i;
    } u = {.f = f};
    return u.i;
}

// What a node is made of; everything may be left out that its operator does not need.
typedef struct mite_ir_make {
    const char *op;
    const char *name;
    mite_ir_value *inputs[11]; // trailing NULLs are cut off
    mite_ir_value **input_list; // instead of `inputs`, with input_count
    size_t input_count;
    const mite_ir_node *copy_attrs; // of a node of the same operator; else the defaults
    mite_ir_attr attrs[16]; // up to the first without a name; set on top
    mite_dtype dtype; // of the output; 0: that of inputs[0]
    const mite_dtype *more_dtypes; // of outputs 1 to more_outputs
    size_t more_outputs;
    float scale; // quantization of a u8 output
    int32_t zero_point;
} mite_ir_make;

// Output `index` of the node that computes `first`, its output 0.
mite_ir_value *mite_ir_output_at(mite_ir_value *first, size_t index);

// Adds a node at the end and returns its first output, with the shape that the operator's own rule
// gives; NULL (and the graph failed) where the rule refuses. Where the graph folds, this may be a
// constant, and there is no node.
mite_ir_value *mite_ir_emit(mite_ir_graph *g, const mite_ir_make *make);
#define MITE_IR_EMIT(g, ...) mite_ir_emit((g), &(mite_ir_make){__VA_ARGS__})

// Runs the operator's shape rule on a node as it stands and sets its output's shape and its
// MACs. With `quiet` a refusal is only returned, so that a pass can try.
mite_status mite_ir_infer(mite_ir_graph *g, mite_ir_node *node, bool quiet);

// Runs one node, all of whose inputs are constant or guessed, by the runtime itself, and writes its
// outputs' elements to `out`; with `other`, those that follow from the other stand-ins. False (the
// graph does not fail) where it cannot be run.
bool mite_ir_run_node(const mite_ir_graph *g, const mite_ir_node *node, bool other,
                      void *const *out);

// `result` is what the node computes of constants: it remembers quantized numbers behind them
// (value->origin), where they are weights (ir_origin.c).
void mite_ir_keep_origin(mite_ir_graph *g, const mite_ir_node *node, mite_ir_value *result);

// Words of attribute `name`; NULL if the operator has no such attribute.
int32_t *mite_ir_attr_words(const mite_ir_node *node, const char *name, size_t *count);
int32_t mite_ir_int(const mite_ir_node *node, const char *name); // 0 if there is none
float mite_ir_float(const mite_ir_node *node, const char *name);
void mite_ir_set_int(mite_ir_node *node, const char *name, int32_t word);
void mite_ir_set_float(mite_ir_node *node, const char *name, float value);

// --- Bodies -----------------------------------------------------------------------------------

// From here to mite_ir_end_body, nodes, inputs and outputs that are added are those of a new body.
// Bodies may lie in one another (MITE_MAX_BODY_DEPTH). Where the graph fails on the way, it stays
// fit to be freed.
void mite_ir_begin_body(mite_ir_graph *g);
// The body's number for the attribute of the node that runs it. Each of its outputs is then computed
// by a node of its own.
int32_t mite_ir_end_body(mite_ir_graph *g);
// Calls `visit` with the graph as it is, then with each body, at any depth, in the graph's place: nodes,
// inputs and outputs are the body's, and values of the graphs around it have no producer there, as
// inputs have none. So what a visit does stays within the body, while uses count everywhere. Afterwards
// each of the body's outputs is computed by a node of its own again.
typedef void mite_ir_scope_visit(mite_ir_graph *g, void *context);
void mite_ir_each_scope(mite_ir_graph *g, mite_ir_scope_visit *visit, void *context);
// Kills the nodes of bodies that no living node names. Returns whether there were any.
bool mite_ir_sweep_bodies(mite_ir_graph *g);

void mite_ir_set_input(mite_ir_graph *g, mite_ir_node *node, size_t index, mite_ir_value *v);
// Takes back a node that was emitted last.
void mite_ir_take_back(mite_ir_graph *g, mite_ir_node *node);
void mite_ir_kill(mite_ir_node *node); // gives its inputs back; gone when the pass ends
// `node` now computes what `after`, which read node's output, computed; `after` is killed.
void mite_ir_absorb(mite_ir_node *node, mite_ir_node *after);
static inline bool mite_ir_is(const mite_ir_node *node, const char *op) {
    return node && !__builtin_strcmp(node->op->name, op);
}
bool mite_ir_is_one_of(const mite_ir_node *node, const char *const *ops, size_t count);
#define MITE_IR_IS_ONE_OF(node, ops) mite_ir_is_one_of(node, ops, sizeof(ops) / sizeof *(ops))
// The node that computes `v` if nothing else reads v (not even a graph output); else NULL.
mite_ir_node *mite_ir_sole_producer(const mite_ir_value *v);

// Calls `visit` for every node in order whose values all have a shape; its inputs are resolved. It may change or kill
// the node, or emit new ones, which take their place before it. Returns whether anything changed
// according to the visits.
typedef bool mite_ir_visit(mite_ir_graph *g, mite_ir_node *node, void *context);
bool mite_ir_rewrite(mite_ir_graph *g, mite_ir_visit *visit, void *context);

// --- Text (ir_print.c) ------------------------------------------------------------------------

// A growing text. After a failed allocation it stays as it was and `failed` is set.
typedef struct mite_text {
    char *data; // NUL-terminated once anything was added
    size_t length, room;
    bool failed;
} mite_text;

void mite_text_add(mite_text *t, const char *s, size_t length);
void mite_text_free(mite_text *t);
void mite_text_number(mite_text *t, double value); // as short as six digits behind the point allow
#define mite_text_format(t, ...)                                                     \
    do {                                                                             \
        char piece_[600];                                                            \
        mite_text_add((t), piece_, mite_format(piece_, sizeof piece_, __VA_ARGS__)); \
    } while (0)

const char *mite_ir_dtype_name(mite_dtype dtype); // "f32"

// First the graph, then its bodies, each under "body NUMBER:". One line a value: "%4 f32[1,8,8,16] = conv2d(%1, %2, %3) stride_h=2 stride_w=2", with the
// attributes that differ from their defaults.
void mite_ir_print(mite_text *out, const mite_ir_graph *g);

#endif
