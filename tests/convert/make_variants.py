# SPDX-License-Identifier: Apache-2.0
# Makes variants.pack for models.c: what models.pack does not have. Networks in half precision, those
# of which only the weights are quantized, nodes in any order, quantized numbers that are moved, and
# every operator with attributes and types drawn by chance. Expected are the numbers of ONNX Runtime,
# or, where it lacks the operator or the type, of ONNX's reference evaluator. Needs numpy, onnx and
# onnxruntime. A record is as in make_models.py.
import struct, sys
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh
from onnx.reference import ReferenceEvaluator

rng = np.random.default_rng(11)
records = []
f = lambda *s: (rng.standard_normal(s) * 0.5).astype(np.float32)
i64 = lambda *v: np.array(v, np.int64)
n = lambda op, i, o="y", **a: h.make_node(op, i, [o] if isinstance(o, str) else o, **a)
ms = lambda op, i, o="y", **a: n(op, i, o, domain="com.microsoft", **a)

def model(nodes, inputs, consts, opset, outputs):
    g = h.make_graph(nodes, "g", [h.make_tensor_value_info(k, h.np_dtype_to_tensor_dtype(v.dtype), v.shape) for k, v in inputs.items()],
                     [h.make_tensor_value_info(k, t, None) for k, t in outputs],
                     [nh.from_array(np.asarray(v), k) if not isinstance(v, onnx.TensorProto) else v for k, v in (consts or {}).items()])
    return h.make_model(g, opset_imports=[h.make_opsetid("", opset), h.make_opsetid("com.microsoft", 1)], ir_version=10)

def expected(m, xs, reference):
    if reference: return ReferenceEvaluator(m).run(None, xs)
    o = ort.SessionOptions(); o.log_severity_level = 3
    o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(m.SerializeToString(), o, ["CPUExecutionProvider"]).run(None, xs)

def case(name, nodes, xs, consts=None, opset=21, tolerance=2e-5, out=T.FLOAT, outputs=None, reference=False):
    xs = xs if isinstance(xs, dict) else {"x": xs}
    m = model(nodes, xs, consts, opset, outputs or [("y", out)])
    ys = expected(m, xs, reference)
    data = b"".join(np.ascontiguousarray(a).tobytes() for a in [*xs.values(), *ys])
    b = m.SerializeToString()
    records.append(name.encode() + b"\0\0" + struct.pack("<fII", tolerance, len(b), len(data)) + b + data)

# --- Half precision: one with weights is a network, whose sums are f32; others round at every node ----
H = lambda *s: f(*s).astype(np.float16)
case("network of halves", [n("Conv", ["x", "w", "b"], "c", pads=[1] * 4), n("Relu", ["c"], "r"), n("Conv", ["r", "d"], "e", group=24, pads=[1] * 4),
     n("Add", ["e", "r"], "a"), n("GlobalAveragePool", ["a"], "p"), n("Flatten", ["p"], "q"), n("Gemm", ["q", "g", "k"], "l", transB=1), n("Softmax", ["l"])],
     {"x": H(1, 5, 9, 8)}, {"w": H(24, 5, 3, 3), "b": H(24), "d": H(24, 1, 3, 3), "g": H(7, 24), "k": H(7)}, out=T.FLOAT16, tolerance=2e-3)
case("halves inside", [n("Cast", ["x"], "h", to=T.FLOAT16), n("MatMul", ["h", "w"], "m"), n("Constant", [], "c", value=nh.from_array(np.array([0.5], np.float16))),
     n("Mul", ["m", "c"], "s"), n("CastLike", ["s", "x"])], {"x": f(3, 40)}, {"w": H(40, 30)}, tolerance=4e-3)
case("halves rounded by each node", [n("Exp", ["x"], "e"), n("Add", ["e", "x"], "a"), n("Softmax", ["a"])], {"x": H(3, 5)}, out=T.FLOAT16, tolerance=1e-3)

# --- End -------------------------------------------------------------------------------------------------
with open(sys.argv[1] if len(sys.argv) > 1 else "tests/convert/variants.pack", "wb") as out: out.write(b"".join(records))
print(len(records), "models,", sum(map(len, records)), "bytes")
