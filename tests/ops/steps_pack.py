# SPDX-License-Identifier: Apache-2.0
# Writes packs of cases for tests/ops/golden.c: one operator a case, with inputs, attributes and the
# result; and runs single operators in ONNX Runtime. tests/ops/steps.c reads the format.
import struct

import numpy as np
import onnxruntime as ort
from onnx import TensorProto as T, helper as h

DTYPES = {np.dtype(np.float32): 1, np.dtype(np.uint8): 3, np.dtype(np.int8): 4,
          np.dtype(np.int32): 5, np.dtype(np.int64): 6, np.dtype(np.float16): 2,
          np.dtype(np.bool_): 7, np.dtype(np.int16): 8, np.dtype(np.float64): 9,
          np.dtype(np.uint16): 10, np.dtype(np.uint32): 11, np.dtype(np.uint64): 12}
ROLES = {"value": 0, "constant": 1, "conv": 2, "depthwise": 3, "columns": 4}
ONNX = {1: T.FLOAT, 3: T.UINT8, 4: T.INT8, 5: T.INT32, 6: T.INT64}
cases = []


class Tensor:
    """An array as a value of the graph: its part in it, and its quantization."""

    def __init__(self, data, role="value", scale=0.0, zero=0):
        self.data, self.role, self.scale, self.zero = np.array(data, order="C"), role, scale, zero

    def pack(self):
        d = self.data
        head = struct.pack("<BBBx8ifiI", DTYPES[d.dtype], ROLES[self.role], d.ndim,
                           *d.shape, *[0] * (8 - d.ndim), self.scale, self.zero, d.nbytes)
        return head + d.tobytes() + bytes(-d.nbytes % 4)


def text(s):
    b = s.encode()
    return struct.pack("<B", len(b)) + b + bytes(-(len(b) + 1) % 4)


def case(name, op, inputs, output, **attrs):
    out = text(name) + text(op) + struct.pack("<II", len(inputs), len(attrs))
    for key, value in attrs.items():
        words = value if isinstance(value, (list, tuple)) else [value]
        out += text(key) + struct.pack("<I", len(words))
        out += b"".join(struct.pack("<f" if isinstance(w, float) else "<i", w) for w in words)
    for t in inputs:
        out += t.pack()
    cases.append(out + output.pack())


def write(path):
    with open(path, "wb") as out:
        out.write(b"STEPS\0\0\1" + struct.pack("<I", len(cases)) + b"".join(cases))
    print(len(cases), "cases,", sum(map(len, cases)), "bytes")


def run(op, inputs, domain="", opset=17, **attrs):
    """One operator on arrays (None: absent); scalars for quantization parameters are arrays too."""
    names = ["" if v is None else f"i{k}" for k, v in enumerate(inputs)]
    given = {n: np.asarray(v) for n, v in zip(names, inputs) if n}
    graph = h.make_graph(
        [h.make_node(op, names, ["y"], domain=domain, **attrs)], "g",
        [h.make_tensor_value_info(n, ONNX[DTYPES[v.dtype]], v.shape) for n, v in given.items()],
        [h.make_empty_tensor_value_info("y")])
    opsets = [h.make_opsetid("", opset)] + ([h.make_opsetid(domain, 1)] if domain else [])
    o = ort.SessionOptions()
    o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    o.log_severity_level = 3
    model = h.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    return ort.InferenceSession(model, o, ["CPUExecutionProvider"]).run(None, given)[0]
