# SPDX-License-Identifier: Apache-2.0
# Models of a few ONNX nodes with what ONNX Runtime, or where it lacks the operator or the type ONNX's reference
# evaluator, makes of them: for make_variants.py and make_fused.py. A record is as in make_models.py.
import struct, sys
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh
from onnx.reference import ReferenceEvaluator

records = []
i64 = lambda *v: np.array(v, np.int64)
n = lambda op, i, o="y", **a: h.make_node(op, i, [o] if isinstance(o, str) else o, **a)
ms = lambda op, i, o="y", **a: n(op, i, o, domain="com.microsoft", **a)

def model(nodes, inputs, consts, opset, outputs, shapes=None):
    g = h.make_graph(nodes, "g", [h.make_tensor_value_info(k, h.np_dtype_to_tensor_dtype(v.dtype), (shapes or {}).get(k, v.shape)) for k, v in inputs.items()],
                     [h.make_tensor_value_info(k, t, None) for k, t in outputs],
                     [nh.from_array(np.asarray(v), k) if not isinstance(v, onnx.TensorProto) else v for k, v in (consts or {}).items()])
    more = [h.make_opsetid(d, 1) for d in sorted({k.domain for k in nodes} - {"", "com.microsoft"})]
    return h.make_model(g, opset_imports=[h.make_opsetid("", opset), h.make_opsetid("com.microsoft", 1), *more], ir_version=10)

# onnxruntime and the reference want what the standard wants: nodes in the order of their computation.
def in_order(m):
    reads = lambda node: {*node.input}.union(*[reads(k) for a in node.attribute if a.HasField("g") for k in a.g.node])
    def sort(g):
        nodes, have = list(g.node), set()
        made = {o for node in nodes for o in node.output}
        del g.node[:]
        while nodes:
            at = next(k for k in nodes if not (reads(k) & made) - have)
            g.node.append(at); have |= {*at.output}; nodes.remove(at)
        for node in g.node:
            for a in node.attribute:
                if a.HasField("g"): sort(a.g)
    m = onnx.ModelProto.FromString(m.SerializeToString())
    sort(m.graph)
    return m

def expected(m, xs, reference):
    m = in_order(m)
    if reference: return ReferenceEvaluator(m).run(None, xs)
    o = ort.SessionOptions(); o.log_severity_level = 3
    o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    return ort.InferenceSession(m.SerializeToString(), o, ["CPUExecutionProvider"]).run(None, xs)

def case(name, nodes, xs, consts=None, opset=21, tolerance=2e-5, out=T.FLOAT, outputs=None, reference=False, like=None, shapes=None):
    xs = xs if isinstance(xs, dict) else {"x": xs}
    m = model(nodes, xs, consts, opset, outputs or [("y", out)], shapes)
    # `like`: nodes that compute the same, where neither has the form.
    ys = expected(model(like[0], xs, like[1], opset, outputs or [("y", out)]) if like else m, xs, reference)
    data = b"".join(np.ascontiguousarray(a).tobytes() for a in [*xs.values(), *ys])
    b = m.SerializeToString()
    records.append(name.encode() + b"\0\0" + struct.pack("<fII", tolerance, len(b), len(data)) + b + data)

def refuse(name, sentence, nodes, xs, consts=None, opset=21):
    b = model(nodes, xs, consts, opset, [("y", T.FLOAT)]).SerializeToString()
    records.append(name.encode() + b"\0" + sentence.encode() + b"\0" + struct.pack("<fII", 0, len(b), 0) + b)

def write(path):
    with open(sys.argv[1] if len(sys.argv) > 1 else path, "wb") as out: out.write(b"".join(records))
    print(len(records), "models,", sum(map(len, records)), "bytes")
