// SPDX-License-Identifier: Apache-2.0
// DFT, STFT, windows and MelWeightMatrix.
#include "import/onnx/onnx_handlers.h"
#include "import/onnx/onnx_layers.h"

#include <string.h>

// Opset 17 has the axis as an attribute (1 by default), 20 as an input (-2).
void onnx_dft(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *length = onnx_optional(c, 1);
    bool old = c->opset < 20;
    if (!x) return;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "dft", .name = onnx_name(c),
                          .inputs = {x, length, old ? NULL : onnx_optional(c, 2)},
                          .attrs = {{"inverse", .word = onnx_int(c, "inverse", 0) != 0},
                                    {"onesided", .word = onnx_int(c, "onesided", 0) != 0},
                                    {"axis", .word = old ? (int32_t)onnx_int(c, "axis", 1) : -2}}));
}

void onnx_stft(onnx_import *c) {
    mite_ir_value *x = onnx_in(c, 0), *step = onnx_in(c, 1);
    if (!x || !step) return;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "stft", .name = onnx_name(c),
                          .inputs = {x, step, onnx_optional(c, 2), onnx_optional(c, 3)},
                          .attrs = {{"onesided", .word = onnx_int(c, "onesided", 1) != 0}}));
}

static mite_dtype output_type(onnx_import *c) {
    int64_t type = onnx_int(c, "output_datatype", ONNX_FLOAT);
    mite_dtype dtype = type > 0 && type < 64 ? onnx_dtype((int32_t)type) : 0;
    if (!dtype) mite_ir_fail(c->g, MITE_ERR_UNSUPPORTED, "its output_datatype %D is unknown", type);
    return dtype;
}

static void window(onnx_import *c, float a, float b, float more) {
    mite_ir_value *size = onnx_in(c, 0);
    int32_t cosines[] = {mite_ir_bits(a), mite_ir_bits(b), mite_ir_bits(more)};
    mite_dtype dtype = output_type(c);
    if (!size || !mite_ir_ok(c->g)) return;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "cosine_window", .name = onnx_name(c), .inputs = {size},
                          .attrs = {{"periodic", .word = onnx_int(c, "periodic", 1) != 0},
                                    {"cosines", .list = cosines, .list_count = 3}},
                          .dtype = dtype));
}

void onnx_hann_window(onnx_import *c) { window(c, 0.5f, 0.5f, 0); }
void onnx_hamming_window(onnx_import *c) { window(c, 25.0f / 46, 1 - 25.0f / 46, 0); }
void onnx_blackman_window(onnx_import *c) { window(c, 0.42f, 0.5f, 0.08f); }

void onnx_mel_weight_matrix(onnx_import *c) {
    mite_ir_value *in[5];
    mite_dtype dtype = output_type(c);
    for (size_t k = 0; k < 5; k++) {
        in[k] = onnx_in(c, k);
        if (!in[k]) return;
    }
    if (!mite_ir_ok(c->g)) return;
    onnx_set(c, 0,
             MITE_IR_EMIT(c->g, .op = "mel_weights", .name = onnx_name(c),
                          .inputs = {in[0], in[1], in[2], in[3], in[4]}, .dtype = dtype));
}
