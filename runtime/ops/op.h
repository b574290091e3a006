// SPDX-License-Identifier: Apache-2.0
// The operator record, and the step: one node in one session. An operator is one file that
// holds one constant record; ops.def and more/more.def list them all.
//
// Life of a step: infer (shapes, types) -> plan (memory it wants) -> the planner gives every
// value its place -> prepare (checks, chooses kernels, fills the state) -> run, any number of
// times. infer, plan and prepare check everything and say what is wrong in a sentence; run
// checks only what data decides, and allocates nothing.
//
// Shapes that depend on numbers: an infer that needs the elements of an input asks
// mite_step_known. They are there at once for constants and for whatever follows from constants
// and shapes alone (the session computes such small values while it infers). Where they are not,
// infer returns mite_step_wait: the session then runs everything before this step first, and
// infers it again with the numbers at hand.
#ifndef MITE_OPS_OP_H
#define MITE_OPS_OP_H

#include "../graph/graph.h"
#include "../kernels/kernels.h"

// Pixels around an NHWC value, so that kernels need no edge code. Filled with the value's zero
// (0.0f, or zero_point) before its producer runs.
typedef struct mite_halo {
    int32_t top, left, bottom, right;
} mite_halo;

// A value in a session: its type, and after planning where it lies. Dense unless it has a halo,
// which only rank-4 values have: element (n,y,x,c) is at
//   data + n*image_stride + y*row_stride + x*shape[3] + c       (strides in elements)
typedef struct mite_view {
    const mite_value *value; // name, constant data
    mite_dtype dtype;
    int32_t rank;
    int32_t shape[MITE_MAX_RANK];
    float scale; // quantization as in the file; 0 where not quantized
    int32_t zero_point;
    size_t elements; // product of shape
    mite_halo halo;
    size_t row_stride, image_stride; // rank 4 only
    void *data;                      // NULL before planning; constants: the file's bytes
    const void *known; // dense elements, where they are settled before the step is inferred
} mite_view;

struct mite_step;

// Running a body of the graph, for control flow; exec/ has it, a converter's trial of one node has
// not. A mite_body is one body with the memory it runs in, and belongs to the step.
typedef struct mite_body mite_body;
typedef struct mite_body_host {
    // Opens body `index` of the model's graph.
    mite_status (*open)(struct mite_step *s, size_t index, mite_body **out);
    // Runs it on these views, as many as it has inputs, whose data must stay where they are until
    // the outputs were read. Plans anew where shapes or places differ from the last run.
    mite_status (*run)(struct mite_step *s, mite_body *body, mite_view *const *inputs);
    const mite_view *(*output)(const mite_body *body, size_t index); // until the next run
    uint64_t (*macs)(const mite_body *body); // of its last run
    void (*close)(mite_body *body); // NULL is fine
} mite_body_host;

typedef struct mite_step {
    const mite_node *node;
    const mite_graph *bodies; // of the model: what the attributes of control flow number
    const mite_body_host *host; // NULL where bodies cannot be run
    void *host_context;
    const mite_kernels *kernels;
    mite_view **inputs; // NULL where absent
    mite_view **outputs;
    void *state; // op->state_bytes, zeroed, 16-byte aligned
    mite_error *error;

    bool settled; // run already, while shapes were inferred: its outputs are known

    // Set by infer:
    uint64_t macs;
    // Set by plan:
    mite_halo wants_halo; // for inputs[0]; granted or not, see mite_step_has_halo
    size_t scratch_bytes; // for each part that runs at a time, 64-byte aligned
    int32_t in_place; // index of an input whose memory outputs[0] may take, or -1 (default)
    bool alias; // outputs[0] is inputs[0] under another shape: run is not called
    size_t spare_bytes; // set before prepare: what the state may take beside the arena
    // Set by prepare:
    size_t owned_bytes; // what the state has taken; op->clear frees it
    const char *kernel; // for the profile; default: the operator's name
    size_t max_parts; // into how many parts the work can be split; default 1
} mite_step;

typedef struct mite_attr {
    const char *name;
    char kind; // 'i' int32_t, 'f' float
    uint8_t count; // words; above 1 for lists of fixed capacity
    int32_t def; // default of each word (float: its bits), for files that lack the attribute
} mite_attr;

typedef struct mite_op {
    const char *name; // as in .mite files
    const mite_attr *attrs;
    uint8_t attr_count; // rows of attrs
    uint8_t min_inputs, max_inputs; // max_inputs 255: any number
    uint8_t output_count, max_outputs; // a node has output_count to max_outputs (0: the same)
    // Whether inputs[0] (and every other rank-4 activation) may have a halo / outputs[0] may.
    bool reads_halo, writes_halo;
    bool needs_only_shapes; // run reads no elements of its inputs (shape, size)
    uint8_t body_attrs; // so many of the attributes' first words number bodies
    size_t state_bytes;
    // Checks types and shapes of the inputs and sets shape and rank of the outputs, whose dtype
    // and quantization are already those of the file. Also sets macs.
    mite_status (*infer)(mite_step *s);
    mite_status (*plan)(mite_step *s); // may be NULL
    mite_status (*prepare)(mite_step *s); // may be NULL
    // Computes part `part` of `part_count` (<= max_parts); parts write disjoint memory, and the
    // result does not depend on part_count. `scratch` is this part's own.
    mite_status (*run)(const mite_step *s, size_t part, size_t part_count, void *scratch);
    // Frees what the state holds. An operator that has it finds its state as it left it when it is
    // inferred anew; all others find it zeroed.
    void (*clear)(mite_step *s); // may be NULL
} mite_op;

// NULL if this build has no such operator.
const mite_op *mite_op_find(const char *name);
// All operators, for tables and documentation: those of the core, and those of more/ where they are
// there.
const mite_op *const *mite_op_list(size_t *count);
const mite_op *const *mite_op_list_more(size_t *count);
bool mite_op_is_core(const mite_op *op);
// The most outputs of a node; 255: any number.
static inline uint32_t mite_op_max_outputs(const mite_op *op) {
    if (op->max_outputs == 255) return UINT16_MAX;
    return op->max_outputs > op->output_count ? op->max_outputs : op->output_count;
}
// Words of all attributes together.
size_t mite_op_attr_words(const mite_op *op);

// --- Helpers for operator files (ops/step.c) -----------------------------------------------------

// Fails the step with "conv2d 'name': " before the formatted text. From run only where it is not
// split into parts.
mite_status mite_step_fail(const mite_step *s, mite_status status, const char *format, ...);

// Sets rank and shape of output `index`; fails where a dimension is negative or the product
// overflows, or where the file's own record for the value has another shape.
mite_status mite_step_set_shape(mite_step *s, size_t index, size_t rank, const int32_t *shape);

// Fails unless input `index` is present, a constant of this type and layout, and large enough.
mite_status mite_step_need_constant(mite_step *s, size_t index, mite_dtype dtype,
                                    mite_layout layout, size_t elements);

// The elements of input `index`, dense, if they are settled before the step runs; NULL where not
// (or absent).
const void *mite_step_known(const mite_step *s, size_t index);

// What infer returns where mite_step_known was NULL: MITE_MORE.
mite_status mite_step_wait(mite_step *s, size_t index);
// An infer that will return MITE_MORE may say before how many dimensions output `index` will have.
void mite_step_expect_rank(mite_step *s, size_t index, size_t rank);

// Reads input `index`, a known i32 or i64 tensor of at most `room` elements (a shape, axes, pads).
// MITE_MORE where it is not known; fails where it is of another type or longer.
mite_status mite_step_integers(mite_step *s, size_t index, int64_t *out, size_t room,
                               size_t *count);

// After planning: does inputs[0] have at least the halo that the step wants?
bool mite_step_has_halo(const mite_step *s);

// The half-open range [*begin, *end) of `count` items that part `part` of `part_count` does,
// in multiples of `unit` but for the last.
void mite_part_range(size_t count, size_t unit, size_t part, size_t part_count, size_t *begin,
                     size_t *end);

// q = saturate(round_half_even(real / scale) + zero_point) for one value; used in prepare to
// turn clamps and tables into quanta.
uint8_t mite_quantize_u8(float real, float scale, int32_t zero_point);

#endif
