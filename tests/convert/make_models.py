# SPDX-License-Identifier: Apache-2.0
# Makes models.pack for models.c: small ONNX models, with inputs and what ONNX Runtime makes of them,
# or with the sentence that refuses them. tests/ops has the operators one by one; here are the forms
# that exporters give them from opset 9 to 21, whole networks in small, and hostile files.
# Needs numpy, onnx and onnxruntime. A record is: name, sentence (both NUL-terminated), tolerance
# (f32), sizes of model and data (u32), model, data: all inputs, then all outputs.
import struct, sys
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

rng = np.random.default_rng(3)
records = []
f = lambda *s: (rng.standard_normal(s) * 0.5).astype(np.float32)
i64 = lambda *v: np.array(v, np.int64)
n = lambda op, i, o="y", **a: h.make_node(op, i, [o] if isinstance(o, str) else o, **a)
types = {np.dtype(np.float32): T.FLOAT, np.dtype(np.uint8): T.UINT8, np.dtype(np.int8): T.INT8,
         np.dtype(np.int32): T.INT32, np.dtype(np.int64): T.INT64, np.dtype(np.bool_): T.BOOL}

def model(nodes, inputs, consts=None, opset=17, outputs=(("y", T.FLOAT),), domains=()):
    g = h.make_graph(nodes, "g", [h.make_tensor_value_info(k, t, s) for k, t, s in inputs],
                     [h.make_tensor_value_info(k, t, None) for k, t in outputs],
                     [nh.from_array(np.asarray(v), k) for k, v in (consts or {}).items()])
    return h.make_model(g, opset_imports=[h.make_opsetid("", opset)] + [h.make_opsetid(d, 1) for d in domains],
                        ir_version=8)

def put(name, proto, data=b"", sentence="", tolerance=0.0):
    m = proto if isinstance(proto, bytes) else proto.SerializeToString()
    records.append(name.encode() + b"\0" + sentence.encode() + b"\0" +
                   struct.pack("<fII", tolerance, len(m), len(data)) + m + data)

def case(name, nodes, xs, consts=None, opset=17, tolerance=2e-5, outputs=(("y", T.FLOAT),), shapes=None, fused=False, domains=()):
    xs = xs if isinstance(xs, dict) else {"x": xs}
    m = model(nodes, [(k, types[v.dtype], (shapes or {}).get(k, v.shape)) for k, v in xs.items()], consts, opset, outputs, domains)
    o = ort.SessionOptions(); o.log_severity_level = 3
    o.graph_optimization_level = getattr(ort.GraphOptimizationLevel, "ORT_ENABLE_ALL" if fused else "ORT_DISABLE_ALL")
    ys = ort.InferenceSession(m.SerializeToString(), o, ["CPUExecutionProvider"]).run(None, xs)
    put(name, m, b"".join(np.ascontiguousarray(a).tobytes() for a in [*xs.values(), *ys]), tolerance=tolerance)

def refuse(name, sentence, nodes, inputs=(("x", T.FLOAT, [1, 3, 8, 8]),), **a):
    put(name, model(nodes, inputs, **a), sentence=sentence)

# --- Forms of attributes over the opsets ------------------------------------------------------------
for o in (9, 11, 13, 17, 21):
    if o < 11: case(f"clip {o}", [n("Clip", ["x"], min=-0.3)], f(3, 5), opset=o)
    else: case(f"clip {o}", [n("Clip", ["x", "", "hi"])], f(3, 5), {"hi": np.float32(0.3)}, opset=o)
    if o < 13: case(f"squeeze {o}", [n("Unsqueeze", ["x"], "t", axes=[0, 4]), n("Squeeze", ["t"], axes=[0])], f(2, 3, 4), opset=o)
    else: case(f"squeeze {o}", [n("Unsqueeze", ["x", "a"], "t"), n("Squeeze", ["t", "b"])], f(2, 3, 4), {"a": i64(0, -1), "b": i64(0)}, opset=o)
    if o < 18: case(f"mean {o}", [n("ReduceMean", ["x"], axes=[-1, -2], keepdims=0)], f(2, 3, 4, 5), opset=o)
    else: case(f"mean {o}", [n("ReduceMean", ["x", "a"], keepdims=0)], f(2, 3, 4, 5), {"a": i64(-1, -2)}, opset=o)
    if o < 11: case(f"pad {o}", [n("Pad", ["x"], pads=[0, 0, 1, 0, 0, 0, 2, 1], value=0.25)], f(1, 2, 3, 4), opset=o)
    else: case(f"pad {o}", [n("Pad", ["x", "p"])], f(1, 2, 3, 4), {"p": i64(0, 0, 1, 0, 0, 0, 2, 1)}, opset=o)
    case(f"conv {o}", [n("Conv", ["x", "w", "b"], pads=[0, 1, 1, 0], strides=[2, 1]), ], f(1, 3, 6, 5), {"w": f(4, 3, 3, 3), "b": f(4)}, opset=o)
    case(f"batch norm {o}", [n("BatchNormalization", ["x", "s", "b", "m", "v"])], f(2, 4, 3, 2),
         {k: np.abs(f(4)) + 0.3 for k in "sbmv"}, opset=o)
    case(f"dropout {o}", [n("Dropout", ["x"], "t", **({"ratio": 0.4} if o < 12 else {})), n("Relu", ["t"])], f(3, 4), opset=o)
    if o < 13: case(f"slice of shape {o}", [n("Shape", ["x"], "s"), n("Slice", ["s", "b", "e", "a"] if o > 9 else ["s"], "t", **({} if o > 9 else dict(starts=[0], ends=[2]))),
                   n("Constant", [], "m", value=nh.from_array(i64(-1))), n("Concat", ["t", "m"], "c", axis=0), n("Reshape", ["x", "c"])],
         f(2, 3, 4, 5), {} if o == 9 else {"b": i64(0), "e": i64(2), "a": i64(0)}, opset=o)
case("pad 18 with axes", [n("Pad", ["x", "p", "", "a"])], f(1, 2, 3, 4), {"p": i64(1, 2), "a": i64(-2)}, opset=18)
case("upsample 9", [n("Upsample", ["x", "s"], mode="nearest")], f(1, 2, 3, 4), {"s": np.array([1, 1, 2, 2], np.float32)}, opset=9)
case("upsample 9 linear", [n("Upsample", ["x", "s"], mode="linear")], f(1, 2, 3, 4), {"s": np.array([1, 1, 2, 2], np.float32)}, opset=9)
case("resize 10", [n("Resize", ["x", "s"], mode="nearest")], f(1, 2, 3, 4), {"s": np.array([1, 1, 2, 3], np.float32)}, opset=10)
case("resize 18 with axes", [n("Resize", ["x", "", "", "s"], mode="linear", axes=[2, 3])], f(1, 2, 3, 4), {"s": i64(6, 5)}, opset=18)
case("resize to a computed size", [n("Shape", ["x"], "s"), n("Slice", ["s", "b", "e"], "t"), n("Constant", [], "k", value_ints=[7, 9]),
     n("Concat", ["t", "k"], "z", axis=0), n("Resize", ["x", "", "", "z"], mode="linear", coordinate_transformation_mode="pytorch_half_pixel")],
     f(1, 2, 4, 5), {"b": i64(0), "e": i64(2)}, opset=13)
case("resize by a float program", [n("Shape", ["x"], "s"), n("Cast", ["s"], "r", to=T.FLOAT), n("Mul", ["r", "k"], "m"), n("Floor", ["m"], "fl"),
     n("Cast", ["fl"], "z", to=T.INT64), n("Resize", ["x", "", "", "z"], mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric")],
     f(1, 2, 4, 5), {"k": np.array([1, 1, 1.5, 2], np.float32)}, opset=13)
case("constants of every kind", [n("Constant", [], "a", value_float=0.5), n("Constant", [], "b", value_floats=[1.0, 2.0, 3.0]), n("Constant", [], "c", value_ints=[1, 3]),
     n("Reshape", ["b", "c"], "d"), n("Add", ["x", "a"], "e"), n("Mul", ["e", "d"], "f"), n("Constant", [], "g", value=nh.from_array(f(2, 3))), n("Sub", ["f", "g"])], f(2, 3))
case("constant of shape", [n("ConstantOfShape", ["s"], "c", value=nh.from_array(np.array([2.5], np.float32))), n("Mul", ["x", "c"])], f(2, 3), {"s": i64(2, 3)})
case("sum of three", [n("Sum", ["x", "a", "b"])], f(2, 3), {"a": f(3), "b": f(2, 1)})
case("softmax 12 at axis 2", [n("Softmax", ["x"], axis=2)], f(2, 3, 4, 5), opset=12)
case("conv of sequences", [n("Conv", ["x", "w"], pads=[2, 1], strides=[2], dilations=[2])], f(2, 3, 11), {"w": f(4, 3, 3)})
case("pool of sequences", [n("MaxPool", ["x"], "t", kernel_shape=[3], strides=[2], pads=[1, 1]), n("AveragePool", ["t"], kernel_shape=[2])], f(2, 3, 11))
case("depth multiplier 2", [n("Conv", ["x", "w"], group=4, pads=[1] * 4)], f(1, 4, 5, 5), {"w": f(8, 1, 3, 3)})
case("valid pool", [n("AveragePool", ["x"], auto_pad="VALID", kernel_shape=[2, 3], strides=[2, 2])], f(1, 2, 7, 8))
case("same pool", [n("MaxPool", ["x"], auto_pad="SAME_UPPER", kernel_shape=[3, 3], strides=[2, 2])], f(1, 2, 7, 8))
case("ceil pool with pads", [n("AveragePool", ["x"], kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)], f(1, 2, 8, 8))
case("gemm with a matrix to add", [n("Gemm", ["x", "w", "c"], beta=0.5)], f(3, 4), {"w": f(4, 5), "c": f(3, 5)})
case("gemm with a scalar to add", [n("Gemm", ["x", "w", "c"], transB=1)], f(3, 4), {"w": f(5, 4), "c": np.float32(0.5)})
case("matmul of rank 3", [n("MatMul", ["x", "w"], "t"), n("Add", ["t", "b"])], f(2, 3, 4), {"w": f(4, 5), "b": f(5)})
case("powers", [n("Pow", ["x", "p"], "t"), n("Pow", ["t", "q"])], f(2, 3), {"p": np.float32(2), "q": np.float32(0.5)})
case("squeeze and excite", [n("Conv", ["x", "w"], "a", pads=[1] * 4), n("GlobalAveragePool", ["a"], "p"), n("Conv", ["p", "v"], "q"), n("Relu", ["q"], "r"),
     n("Conv", ["r", "u"], "s"), n("HardSigmoid", ["s"], "t"), n("Mul", ["a", "t"], "m"), n("HardSwish", ["m"])], f(1, 3, 6, 6), {"w": f(8, 3, 3, 3), "v": f(4, 8, 1, 1), "u": f(8, 4, 1, 1)})
case("two inputs, two outputs", [n("Add", ["a", "b"], "s"), n("Relu", ["s"], "p"), n("Sub", ["a", "b"], "q")], {"a": f(1, 2, 3, 3), "b": f(1, 2, 3, 3)}, outputs=(("p", T.FLOAT), ("q", T.FLOAT)))
case("one value as two outputs", [n("Relu", ["x"], "p"), n("Identity", ["p"], "q")], f(2, 3), outputs=(("p", T.FLOAT), ("q", T.FLOAT)))
case("input handed through", [n("Identity", ["x"], "p"), n("Relu", ["x"], "q")], f(2, 3), outputs=(("p", T.FLOAT), ("q", T.FLOAT)))
case("picture as output and further", [n("Conv", ["x", "w"], "p"), n("Relu", ["p"], "q")], f(1, 3, 4, 4), {"w": f(4, 3, 1, 1)}, outputs=(("p", T.FLOAT), ("q", T.FLOAT)))
case("open batch", [n("Conv", ["x", "w"], "t"), n("Shape", ["t"], "s"), n("Gather", ["s", "i"], "g"), n("Unsqueeze", ["g", "a"], "u"), n("Concat", ["u", "m"], "c", axis=0), n("Reshape", ["t", "c"])],
     f(1, 3, 4, 4), {"w": f(4, 3, 3, 3), "i": np.array(0, np.int64), "a": i64(0), "m": i64(-1)}, shapes={"x": ["N", 3, 4, 4]})
case("u8 picture", [n("Cast", ["x"], "t", to=T.FLOAT), n("Sub", ["t", "m"], "u"), n("Div", ["u", "s"], "v"), n("Conv", ["v", "w"])],
     rng.integers(0, 256, (1, 3, 5, 5), np.uint8), {"m": np.full((1, 3, 1, 1), 127, np.float32), "s": np.float32(128), "w": f(4, 3, 3, 3)})

# --- Quantized: what ONNX Runtime's fused kernels give, to the bit -----------------------------------
def quantized(name, body, x, zero=np.uint8, tolerance=0.0, fused=True, out_scale=0.04):
    z = lambda v: zero(v) if zero is np.uint8 else zero(v - 128)
    c = {"xs": np.float32(0.0157), "xz": z(129), "ys": np.float32(out_scale), "yz": z(110)}
    nodes = [n("QuantizeLinear", ["x", "xs", "xz"], "xq"), n("DequantizeLinear", ["xq", "xs", "xz"], "xd")] + body(c)
    nodes += [n("QuantizeLinear", ["r", "ys", "yz"], "rq"), n("DequantizeLinear", ["rq", "ys", "yz"])]
    case(name, nodes, x, c, tolerance=tolerance, fused=fused)

def weights(c, w, axis=0, per_tensor=False, u8=False):
    # Small weights, so that no processor's integer kernel saturates.
    s = np.abs(w).max() / 60 if per_tensor else np.abs(w).reshape(len(w), -1).max(1) / 60
    s = np.asarray(s, np.float32)
    q = np.clip(np.rint(w / s.reshape(-1, *[1] * (w.ndim - 1))), -127, 127).astype(np.int8) if not per_tensor else np.rint(w / s).astype(np.int8)
    c["wq"], c["ws"], c["wz"] = q, s, np.zeros(s.shape, np.int8)
    if u8: c["wq"], c["wz"] = (q.astype(np.int32) + 128).astype(np.uint8), np.full(s.shape, 128, np.uint8)
    c["bs"] = (c["xs"] * s).astype(np.float32); c["bz"] = np.zeros(s.shape, np.int32)
    c["bq"] = rng.integers(-2000, 2000, len(w)).astype(np.int32)
    return [n("DequantizeLinear", ["wq", "ws", "wz"], "w", axis=axis), n("DequantizeLinear", ["bq", "bs", "bz"], "b", axis=0)]

def conv(shape, **a):
    per, u8 = a.pop("per_tensor", False), a.pop("u8", False)
    return lambda c: weights(c, f(*shape), per_tensor=per, u8=u8) + [n("Conv", ["xd", "w", "b"], "r", **a)]
q = lambda *s: f(*s) * 1.5
quantized("u8 conv", conv((10, 6, 3, 3), pads=[1] * 4), q(1, 6, 7, 5))
quantized("u8 conv per tensor", conv((8, 4, 1, 1), per_tensor=True), q(1, 4, 7, 5))
quantized("u8 conv with u8 weights", conv((8, 4, 1, 1), per_tensor=True, u8=True), q(1, 4, 7, 5))
quantized("u8 depthwise", conv((9, 1, 5, 5), group=9, pads=[1, 1, 2, 2], strides=[2, 2]), q(1, 9, 8, 8))
quantized("i8 conv", conv((10, 6, 3, 3), pads=[1] * 4), q(1, 6, 7, 5), np.int8, fused=False, tolerance=0.0405)
quantized("i8 pool", lambda c: [n("MaxPool", ["xd"], "r", kernel_shape=[2, 2])], q(1, 3, 5, 5), np.int8, fused=False, tolerance=1e-6)
quantized("u8 transpose between", lambda c: [n("Transpose", ["xd"], "t", perm=[0, 2, 3, 1]), n("Reshape", ["t", "s"], "r")] if not c.update(s=i64(1, -1)) else 0, q(1, 3, 4, 4), fused=False, tolerance=1e-6)
def residual(c):
    c.update(ts=np.float32(0.021), tz=np.uint8(117))
    return conv((6, 6, 1, 1))(c)[:-1] + [n("Conv", ["xd", "w", "b"], "t"), n("QuantizeLinear", ["t", "ts", "tz"], "tq"),
        n("DequantizeLinear", ["tq", "ts", "tz"], "td"), n("Add", ["td", "xd"], "r")]
quantized("u8 residual", residual, q(1, 6, 7, 7))
def logits(c):
    return weights(c, f(12, 16)) + [n("Gemm", ["xd", "w", "b"], "r", transB=1)]
quantized("u8 gemm", logits, q(1, 16))
c = {"xs": np.float32(0.0157), "xz": np.uint8(129), "ys": np.float32(0.03), "yz": np.uint8(100)}
weights(c, f(8, 4, 3, 3))
case("QLinearConv", [n("QuantizeLinear", ["x", "xs", "xz"], "xq"), n("QLinearConv", ["xq", "xs", "xz", "wq", "ws", "wz", "ys", "yz", "bq"], "yq", pads=[1] * 4),
     n("DequantizeLinear", ["yq", "ys", "yz"])], q(1, 4, 6, 6), {k: v for k, v in c.items() if k not in ("bs", "bz")}, tolerance=0.0)
case("quantized output stays u8", [n("QuantizeLinear", ["x", "s", "z"])], f(2, 9), {"s": np.float32(0.01), "z": np.uint8(120)}, outputs=(("y", T.UINT8),), tolerance=0.0)
case("quantized output stays i8", [n("QuantizeLinear", ["x", "s", "z"])], f(2, 9), {"s": np.float32(0.01), "z": np.int8(-3)}, outputs=(("y", T.INT8),), tolerance=0.0)

# --- Networks in small ------------------------------------------------------------------------------
class Net:
    def __init__(self, x): self.nodes, self.consts, self.at, self.count = [], {}, x, 0
    def const(self, v): self.count += 1; k = f"c{self.count}"; self.consts[k] = np.asarray(v); return k
    def op(self, op, *ins, **a): self.count += 1; k = f"v{self.count}"; self.nodes.append(n(op, list(ins), k, **a)); return k
    def conv(self, x, cin, cout, k=1, s=1, g=1, act=None, bn=True, clip11=True):
        w = self.const((f(cout, cin // g, k, k) * 2 / np.sqrt(cin // g * k * k)).astype(np.float32))
        y = self.op("Conv", x, w, kernel_shape=[k, k], strides=[s, s], pads=[k // 2] * 4, group=g, dilations=[1, 1])
        if bn: y = self.op("BatchNormalization", y, *[self.const(np.abs(f(cout)) + 0.5) for _ in range(4)], epsilon=1e-5)
        if act == "relu": y = self.op("Relu", y)
        if act == "relu6": y = self.op("Clip", y, self.const(np.float32(0)), self.const(np.float32(6)))
        return y
def finish(name, net, last, x, opset=13):
    net.nodes.append(n("Identity", [last], "y"))
    case(name, net.nodes, x, net.consts, opset=opset, tolerance=1e-4)

net = Net("x"); v = net.conv("x", 3, 8, 3, 2, act="relu6"); c_in = 8
for expand, out, stride in [(1, 4, 1), (6, 6, 2), (6, 6, 1), (6, 8, 2), (6, 8, 1), (6, 16, 1)]:
    t, mid = v, c_in * expand
    if expand > 1: t = net.conv(t, c_in, mid, act="relu6")
    t = net.conv(t, mid, mid, 3, stride, mid, act="relu6"); t = net.conv(t, mid, out)
    v = net.op("Add", v, t) if stride == 1 and c_in == out else t
    c_in = out
v = net.conv(v, c_in, 32, act="relu6"); v = net.op("GlobalAveragePool", v); v = net.op("Flatten", v, axis=1)
finish("MobileNetV2", net, net.op("Gemm", v, net.const(f(10, 32)), net.const(f(10)), transB=1), f(1, 3, 32, 32))

net = Net("x"); v = net.conv("x", 3, 8, 7, 2, act="relu"); c_in = 8
v = net.op("MaxPool", v, kernel_shape=[3, 3], strides=[2, 2], pads=[1] * 4)
for width, stride in [(4, 1), (4, 1), (8, 2), (8, 1)]:
    t = net.conv(v, c_in, width, act="relu"); t = net.conv(t, width, width, 3, stride, act="relu"); t = net.conv(t, width, 4 * width)
    if stride > 1 or c_in != 4 * width: v = net.conv(v, c_in, 4 * width, 1, stride)
    v = net.op("Relu", net.op("Add", t, v)); c_in = 4 * width
v = net.op("ReduceMean", v, axes=[2, 3], keepdims=1); v = net.op("Reshape", v, net.const(i64(-1, 32)))
v = net.op("Softmax", net.op("Gemm", v, net.const(f(10, 32)), net.const(f(10)), transB=1), axis=1)
finish("ResNet-50", net, v, f(1, 3, 32, 32))

net = Net("x"); v = net.op("Transpose", "x", perm=[0, 3, 1, 2]) # as tf2onnx: NHWC outside, pads of their own
v = net.op("Pad", v, net.const(i64(0, 0, 0, 0, 0, 0, 1, 1)))
w = net.const(f(8, 3, 3, 3)); v = net.op("Conv", v, w, strides=[2, 2], auto_pad="VALID")
v = net.op("Add", net.op("Mul", v, net.const(np.abs(f(1, 8, 1, 1)) + 0.5)), net.const(f(1, 8, 1, 1)))
v = net.op("Clip", v, net.const(np.float32(0)), net.const(np.float32(6)))
v = net.op("Conv", v, net.const(f(8, 1, 3, 3)), group=8, auto_pad="SAME_UPPER", strides=[2, 2])
v = net.op("Relu", v); v = net.op("Pad", v, net.const(i64(0, 0, 1, 1, 0, 0, 1, 1))); v = net.op("MaxPool", v, kernel_shape=[3, 3], strides=[2, 2])
v = net.op("ReduceMean", net.op("Transpose", v, perm=[0, 2, 3, 1]), axes=[1, 2], keepdims=0)
finish("as TensorFlow exports", net, net.op("Add", net.op("MatMul", v, net.const(f(8, 5))), net.const(f(5))), f(1, 17, 17, 3))

# --- Layers in forms that the core does not have, and com.microsoft's -----------------------------------
MS = "com.microsoft"
ms = lambda op, i, o="y", **a: n(op, i, o, domain=MS, **a)
def contrib(name, nodes, xs, consts=None, **a): case(name, nodes, xs, consts, domains=[MS], **a)
FS = (("y", T.FLOAT), ("z", T.FLOAT))
case("conv of volumes, same", [n("Conv", ["x", "w", "b"], auto_pad="SAME_LOWER", strides=[2, 1, 2])], f(1, 2, 5, 4, 6), {"w": f(3, 2, 3, 2, 3), "b": f(3)})
case("conv by weights that are an input", [n("Conv", ["x", "w"], pads=[1, 0, 0, 1], group=2)], {"x": f(1, 4, 6, 5), "w": f(2, 2, 3, 3)})
case("transposed conv", [n("ConvTranspose", ["x", "w", "b"], strides=[2, 2], pads=[1, 0, 0, 1], output_padding=[1, 0])], f(1, 3, 4, 5), {"w": f(3, 4, 3, 2), "b": f(4)})
case("transposed conv in groups", [n("ConvTranspose", ["x", "w"], strides=[2, 1], group=2, auto_pad="SAME_UPPER")], f(1, 4, 4, 5), {"w": f(4, 3, 3, 3)})
case("transposed conv to a size", [n("ConvTranspose", ["x", "w"], strides=[3], output_shape=[14])], f(2, 3, 5), {"w": f(3, 2, 4)})
case("conv of integers", [n("ConvInteger", ["x", "w", "a", "b"], pads=[1, 1, 1, 1])], rng.integers(0, 256, (1, 3, 4, 5), dtype=np.uint8),
     {"w": rng.integers(0, 256, (2, 3, 3, 3), dtype=np.uint8), "a": np.uint8(9), "b": np.uint8(130)}, outputs=(("y", T.INT32),))
case("pool with indices", [n("MaxPool", ["x"], ["y", "z"], kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 1])], f(2, 2, 5, 6), outputs=(("y", T.FLOAT), ("z", T.INT64)))
case("pool, ceil and padding counted", [n("AveragePool", ["x"], kernel_shape=[3, 3], strides=[2, 3], pads=[1, 1, 1, 1], ceil_mode=1, count_include_pad=1)], f(1, 2, 6, 7), opset=19)
case("pools of volumes", [n("MaxPool", ["x"], "t", kernel_shape=[2, 2, 2], dilations=[1, 2, 1]), n("LpPool", ["t"], kernel_shape=[2, 1, 2], p=1)], f(1, 2, 4, 5, 6))
case("global pools", [n("GlobalMaxPool", ["x"], "a"), n("GlobalLpPool", ["x"], "b", p=3), n("Add", ["a", "b"])], f(2, 3, 4, 5))
case("instance norm", [n("InstanceNormalization", ["x", "s", "b"])], f(2, 3, 4, 5), {"s": f(3), "b": f(3)})
case("group norm 21", [n("GroupNormalization", ["x", "s", "b"], num_groups=2)], f(2, 6, 3, 4), {"s": f(6), "b": f(6)}, opset=21)
case("layer norm and its mean", [n("LayerNormalization", ["x", "s", "b"], ["y", "z"], axis=1)], f(2, 3, 4), {"s": f(3, 4), "b": f(3, 4)}, outputs=FS)
case("layer norm of pictures", [n("LayerNormalization", ["x", "s"], axis=-2)], f(2, 3, 4), {"s": f(3, 4)})
case("LRN", [n("LRN", ["x"], size=3, alpha=0.1, beta=0.5, bias=2.0)], f(1, 5, 3, 2))
case("norms", [n("LpNormalization", ["x"], "t", p=1, axis=1), n("MeanVarianceNormalization", ["t"])], f(2, 3, 4, 5))
case("batch norm by inputs", [n("BatchNormalization", ["x", "s", "s", "s", "v"])], {"x": f(2, 3, 4), "s": f(3), "v": np.abs(f(3)) + 0.5})
for equation, shapes in [("bhid,bhjd->bhij", [(1, 2, 3, 4), (1, 2, 5, 4)]), ("bn,anm,bm->ba", [(2, 3), (4, 3, 5), (2, 5)]), ("...ij,jk", [(2, 2, 3), (3, 4)])]:
    case(f"einsum {equation}", [n("Einsum", [f"x{k}" for k in range(len(shapes))], equation=equation)], {f"x{k}": f(*a) for k, a in enumerate(shapes)})
case("gemm of inputs", [n("Gemm", ["x", "w", "c"], transA=1, transB=1, alpha=0.5, beta=2.0)], {"x": f(5, 3), "w": f(4, 5), "c": f(3, 1)})
for op, gates in [("RNN", 1), ("GRU", 3), ("LSTM", 4)]:
    case(f"{op}, both ways", [n(op, ["x", "w", "r", "b", "l"], ["y", "z"], hidden_size=3, direction="bidirectional")], f(4, 2, 5),
         {"w": f(2, gates * 3, 5), "r": f(2, gates * 3, 3), "b": f(2, gates * 6), "l": np.array([4, 2], np.int32)}, opset=14, outputs=FS)
case("resize, cubic and antialiased", [n("Resize", ["x", "", "", "s"], "t", mode="cubic", antialias=1), n("Resize", ["t", "", "k"], mode="cubic", exclude_outside=1)],
     f(1, 2, 9, 8), {"s": i64(1, 2, 4, 5), "k": np.array([1, 1, 1.5, 2], np.float32)}, opset=19)
case("resize 10, down", [n("Resize", ["x", "s"], mode="nearest")], f(1, 1, 5, 8), {"s": np.array([1, 1, 0.6, 0.6], np.float32)}, opset=10)
case("grid sample", [n("GridSample", ["x", "g"], padding_mode="border")], {"x": f(1, 2, 4, 5), "g": f(1, 3, 3, 2) * 3}, opset=16)
case("attention 23", [n("Attention", ["x", "k", "v", "m", "p", "q"], ["y", "z", "t"], is_causal=1)], {"x": f(1, 4, 3, 8), "k": f(1, 2, 3, 8), "v": f(1, 2, 3, 6),
     "m": f(3, 5), "p": f(1, 2, 2, 8), "q": f(1, 2, 2, 6)}, opset=23, outputs=(*FS, ("t", T.FLOAT)))
case("STFT", [n("STFT", ["x", "s", "w"])], f(1, 40, 1), {"s": np.int64(7), "w": np.abs(f(12))}, tolerance=1e-4)
case("quantized in the run", [n("DynamicQuantizeLinear", ["x"], ["q", "s", "z"]), n("MatMulInteger", ["q", "w", "z"], "i"), n("Cast", ["i"], "c", to=T.FLOAT), n("Mul", ["c", "s"])],
     f(3, 6), {"w": rng.integers(-128, 128, (6, 4), dtype=np.int8)}, tolerance=1e-3)
case("scales by block", [n("QuantizeLinear", ["x", "s"], "q", axis=1, block_size=2, output_dtype=T.INT8), n("DequantizeLinear", ["q", "s"], axis=1, block_size=2)],
     f(3, 4) * 9, {"s": np.abs(f(3, 2)) + 0.05}, opset=21)
contrib("fused conv", [ms("FusedConv", ["x", "w", "b", "a"], activation="Relu", pads=[1] * 4)], {"x": f(1, 3, 4, 5), "a": f(1, 4, 4, 5)}, {"w": f(4, 3, 3, 3), "b": f(4)})
contrib("fused products", [ms("FusedMatMul", ["x", "k"], "t", transB=1, alpha=0.3), ms("FusedGemm", ["t", "w", "b"], activation="Relu")], {"x": f(3, 5), "k": f(4, 5)}, {"w": f(4, 2), "b": f(2)})
contrib("gelus", [ms("Gelu", ["x"], "a"), ms("FastGelu", ["a", "b"], "c"), ms("BiasGelu", ["c", "b"], "d"), ms("QuickGelu", ["d"])], f(3, 4) * 3, {"b": f(4)})
contrib("skip norms", [ms("SkipLayerNormalization", ["x", "k", "g", "b", "c"], ["a", "", "", "s"], epsilon=1e-5), ms("SkipSimplifiedLayerNormalization", ["a", "s", "g"], epsilon=1e-5)],
        {"x": f(2, 3, 8), "k": f(2, 3, 8)}, {k: f(8) for k in "gbc"})
contrib("embeddings", [ms("EmbedLayerNormalization", ["x", "t", "w", "p", "s", "g", "b"], ["y", "m"])], {"x": rng.integers(0, 9, (2, 4)).astype(np.int32), "t": rng.integers(0, 2, (2, 4)).astype(np.int32)},
        {"w": f(9, 8), "p": f(6, 8), "s": f(2, 8), "g": f(8), "b": f(8)})
contrib("attention with its projection", [ms("Attention", ["x", "w", "b", "m"], num_heads=2)], {"x": f(2, 4, 8), "m": np.array([[1, 1, 1, 0], [1, 1, 0, 0]], np.int32)}, {"w": f(8, 24), "b": f(24)})
contrib("multi-head attention", [ms("MultiHeadAttention", ["x", "k", "v", "b", "m", "a"], num_heads=2)], {"x": f(2, 4, 8), "k": f(2, 5, 8), "v": f(2, 5, 8),
        "m": np.array([[1, 1, 1, 1, 0], [1, 1, 0, 0, 0]], np.int32), "a": f(1, 2, 4, 5)}, {"b": f(24)})
contrib("grouped attention", [ms("GroupQueryAttention", ["x", "k", "v", "p", "q", "l", "t", "c", "s"], ["y", "z", "u"], num_heads=4, kv_num_heads=2, do_rotary=1)],
        {"x": f(1, 1, 64), "k": f(1, 1, 32), "v": f(1, 1, 32), "p": f(1, 2, 5, 16), "q": f(1, 2, 5, 16), "l": np.array([5], np.int32)},
        {"t": np.int32(6), "c": f(8, 8), "s": f(8, 8)}, outputs=(*FS, ("u", T.FLOAT)))
contrib("weights of four bits", [ms("MatMulNBits", ["x", "w", "s", "z"], K=70, N=5, bits=4, block_size=32)], f(2, 70),
        {"w": rng.integers(0, 256, (5, 3, 16), dtype=np.uint8), "s": np.abs(f(15)), "z": rng.integers(0, 256, 10, dtype=np.uint8)}, tolerance=1e-4)
contrib("quantized attention", [ms("QAttention", ["x", "w", "b", "s", "t", "", "z", "o"], num_heads=2, unidirectional=1)], rng.integers(0, 256, (2, 4, 8), dtype=np.uint8),
        {"w": rng.integers(-128, 128, (8, 24), dtype=np.int8), "b": f(24), "s": np.float32(0.02), "t": np.float32(0.01), "z": np.uint8(100), "o": np.int8(3)})

# --- What is refused, and how -------------------------------------------------------------------------
refuse("missing operators", "lacks 2 operators of this model, ONNX opset 17: StringNormalizer (first at node 'one'), com.example.Odd (first at node 'two')",
       [h.make_node("StringNormalizer", ["x"], ["a"], name="one"), h.make_node("Odd", ["a"], ["y"], name="two", domain="com.example")], domains=["com.example"])
refuse("weights of other channels", "[4,5,3,3] in 1 groups do not fit the 3 channels", [n("Conv", ["x", "w"])], consts={"w": f(4, 5, 3, 3)})
refuse("unknown input", "'q' is computed by no earlier node", [n("Relu", ["q"])])
refuse("cycle", "computed by no earlier node", [n("Add", ["x", "b"], "a"), n("Relu", ["a"], "b"), n("Identity", ["b"])])
refuse("doubled name", "the name 'y' is given to two values", [n("Relu", ["x"]), n("Neg", ["x"])])
refuse("no such output", "output 'y' is computed by no node", [n("Relu", ["x"], "z")])
refuse("group 0", "groups do not fit", [n("Conv", ["x", "w"], group=0)], consts={"w": f(4, 3, 3, 3)})
refuse("stride 0", "at least 1", [n("Conv", ["x", "w"], strides=[0, 1])], consts={"w": f(4, 3, 3, 3)})
refuse("negative padding", "is negative", [n("Conv", ["x", "w"], pads=[-1, 0, 0, 0])], consts={"w": f(4, 3, 3, 3)})
refuse("huge padding", "", [n("Conv", ["x", "w"], pads=[2**31 - 1] * 4)], consts={"w": f(4, 3, 3, 3)})
refuse("huge stride", "strides holds", [n("Conv", ["x", "w"], strides=[2**40, 1])], consts={"w": f(4, 3, 3, 3)})
refuse("dilation that leaves the picture", "does not fit", [n("Conv", ["x", "w"], dilations=[2**30, 1])], consts={"w": f(4, 3, 3, 3)})
refuse("reshape to another count", "does not fill the wanted shape", [n("Reshape", ["x", "s"])], consts={"s": i64(7, -1)})
refuse("reshape that wraps", "", [n("Reshape", ["x", "s"])], consts={"s": i64(2**31 - 1, 2**31 - 1, 2**31 - 1, 2)})
refuse("constant of a huge shape", "", [n("ConstantOfShape", ["s"], "c"), n("Add", ["x", "c"])], consts={"s": i64(2**20, 2**20, 2**20)})
refuse("pad blow-up", "", [n("Pad", ["x", "p"])], consts={"p": i64(0, 0, 2**31 - 1, 2**31 - 1, 0, 0, 2**31 - 1, 2**31 - 1)})
refuse("range blow-up", "make no finite list", [n("Range", ["a", "b", "c"], "r"), n("Reshape", ["x", "r"])], consts={"a": np.int64(0), "b": np.int64(2**62), "c": np.int64(1)})
refuse("INT64_MIN / -1", "does not fill the wanted shape", [n("Div", ["a", "b"], "c"), n("Reshape", ["x", "c"])], consts={"a": i64(-2**63), "b": i64(-1)})
refuse("index out of range", "index 9 (number 0 of 'i') is outside", [n("Shape", ["x"], "s"), n("Gather", ["s", "i"], "g"), n("Reshape", ["x", "g"])], consts={"i": i64(9)})
refuse("axis out of range", "axis 7 does not exist", [n("Concat", ["x", "x"], axis=7)])
for what, s in (("0", 0), ("negative", -1), ("infinite", np.inf), ("NaN", np.nan)):
    refuse(f"scale {what}", "is not a positive number", [n("QuantizeLinear", ["x", "s", "z"], "q"), n("DequantizeLinear", ["q", "s", "z"])], consts={"s": np.float32(s), "z": np.uint8(3)})
refuse("loop", "its body 'b' has 0 inputs", [h.make_node("Loop", ["m", "", "x"], ["y"], body=h.make_graph([], "b", [], []))], consts={"m": i64(2**62)})
refuse("opset of the future", "opset 99", [n("Relu", ["x"])], opset=99)
refuse("string input", "type string", [n("Identity", ["x"])], inputs=(("x", T.STRING, [2]),))
refuse("dimension of 2^40", "dimension 0 is", [n("Relu", ["x"])], inputs=(("x", T.FLOAT, [2**40, 2]),))
refuse("dimensions that wrap", "", [n("Relu", ["x"])], inputs=(("x", T.FLOAT, [2**31 - 1] * 4),))
def broken(name, sentence, change):
    m = model([n("Conv", ["x", "w"])], [("x", T.FLOAT, [1, 3, 8, 8])], {"w": f(4, 3, 3, 3)})
    change(m.graph.initializer[0]); put(name, m, sentence=sentence)
broken("short raw data", "bytes of data", lambda t: setattr(t, "raw_data", t.raw_data[:-3]))
broken("negative dimension", "dimension 0 is", lambda t: t.dims.__setitem__(0, -4))
broken("huge dimension", "dimension 0 is", lambda t: t.dims.__setitem__(0, 2**40))
broken("zero times huge", "", lambda t: (t.dims.__setitem__(0, 0), t.dims.__setitem__(1, 2**31 - 1), t.dims.__setitem__(2, 2**31 - 1), t.dims.__setitem__(3, 2**31 - 1)))
broken("rank 1000", "1004 dimensions", lambda t: t.dims.extend([1] * 1000))
broken("unknown type", "not read", lambda t: setattr(t, "data_type", 40))
broken("external data", "save the model as one .onnx file", lambda t: (setattr(t, "data_location", T.EXTERNAL), t.external_data.add(key="location", value="../../secret")))
broken("float weights said to be bytes", "", lambda t: setattr(t, "data_type", T.INT8))
plain = model([n("Relu", ["x"])], [("x", T.FLOAT, [2])]).SerializeToString()
put("nothing", b"", sentence="no model file")
put("text", b"hello, this is not a model at all", sentence="no model file")
put("length past the end", plain[:-1] + b"\x3a\xff\xff\xff\xff\x0f", sentence="not a sound ONNX file")
put("length of 2^63", b"\x08\x08\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", sentence="past the end")
put("varint of 11 bytes", b"\x08" + b"\x80" * 10 + b"\x01", sentence="64 bits")
put("group wire type", b"\x08\x08\x3b\x3c", sentence="unknown wire type")
put("nested fields", b"\x08\x08" + (lambda d: [d := b"\x3a" + bytes([len(d) & 127 | 128, len(d) >> 7 & 127 | 128, len(d) >> 14]) + d for _ in range(20)][-1])(b"\x0a\x00"), sentence="")

sys.stdout.flush()
with open(sys.argv[1] if len(sys.argv) > 1 else "tests/convert/models.pack", "wb") as out: out.write(b"".join(records))
print(len(records), "models,", sum(map(len, records)), "bytes")
