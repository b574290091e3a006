// SPDX-License-Identifier: Apache-2.0
// Stand-ins of the open dimensions of a model's inputs, and what its operators say of them.
#ifndef MITE_IMPORT_ONNX_STAND_INS_H
#define MITE_IMPORT_ONNX_STAND_INS_H

#include "import/onnx/onnx.h"

int32_t onnx_stand_in(const onnx_import *c, uint32_t symbol, bool other);

// Dimension `d` of v can be `size` alone: where it is a symbol of an input, the next import has it fixed.
void onnx_expect_size(onnx_import *c, const mite_ir_value *v, int32_t d, int32_t size);

// For mite_ir_graph.refused: an operator has refused values that follow from stand-ins. What that says
// of symbols goes into the options' stand_ins.
void onnx_learn_from_refusal(void *context, const mite_ir_node *node);

#endif
