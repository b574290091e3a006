// SPDX-License-Identifier: Apache-2.0
// Values by name, between onnx_values.c and onnx_import.c.
#ifndef MITE_IMPORT_ONNX_VALUES_H
#define MITE_IMPORT_ONNX_VALUES_H

#include "import/onnx/onnx.h"

// A value of the graph being imported; NULL where failed, as for a name that is there already.
onnx_value *onnx_new_value(onnx_import *c, const char *name);
// That of this graph or of those around it; NULL if there is none.
onnx_value *onnx_find_value(const onnx_import *c, const char *name);

// As a value of the graph: as it is carried, and as the file means it. NULL where absent or failed.
mite_ir_value *onnx_carried(onnx_import *c, onnx_value *v);
mite_ir_value *onnx_meant(onnx_import *c, onnx_value *v);

#endif
