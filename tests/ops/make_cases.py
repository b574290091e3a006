# SPDX-License-Identifier: Apache-2.0
# Makes cases.json: one small ONNX model a case, with inputs and what ONNX Runtime makes of them.
# Needs numpy, onnx and onnxruntime. The test converts each with mite and compares.
import base64, json, sys
import numpy as np, onnx, onnxruntime as ort
from onnx import TensorProto as T, helper as h, numpy_helper as nh

rng = np.random.default_rng(7)
cases = []
b64 = lambda a: base64.b64encode(np.ascontiguousarray(a).tobytes()).decode()
f = lambda *s: (rng.standard_normal(s) * 0.7).astype(np.float32)

def case(name, nodes, x, consts=None, opset=17, exact=False, tolerance=2e-5):
    consts = consts or {}
    g = h.make_graph(nodes, name, [h.make_tensor_value_info("x", T.FLOAT, x.shape)],
                     [h.make_tensor_value_info("y", T.FLOAT, None)],
                     [nh.from_array(np.asarray(v), k) for k, v in consts.items()])
    m = h.make_model(g, opset_imports=[h.make_opsetid("", opset)], ir_version=8)
    # Unoptimised: its fused integer kernels saturate on processors without VNNI.
    o = ort.SessionOptions(); o.log_severity_level = 3
    o.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
    y = ort.InferenceSession(m.SerializeToString(), o, ["CPUExecutionProvider"]).run(None, {"x": x})[0]
    cases.append({"name": name, "model": base64.b64encode(m.SerializeToString()).decode(), "x": b64(x),
                  "y": b64(y.astype(np.float32)), "shape": list(y.shape), "tolerance": tolerance})

n = lambda op, i, o="y", **a: h.make_node(op, i, [o], **a)

# --- Convolution: kernels, strides, dilations, groups, padding
for k, s, d, p, g, ci, co in [(1,1,1,0,1,5,7), (3,1,1,1,1,3,8), (3,2,1,1,1,4,9), (5,1,1,2,1,3,4), (3,1,2,2,1,4,5),
                              (3,1,1,1,2,6,8), (3,1,1,1,8,8,8), (5,2,1,2,9,9,9), (3,2,1,0,5,5,5), (3,1,1,1,4,4,8), (7,2,1,3,1,3,6)]:
    case(f"conv k{k} s{s} d{d} p{p} g{g}", [n("Conv", ["x","w","b"], kernel_shape=[k,k], strides=[s,s], dilations=[d,d], pads=[p]*4, group=g)],
         f(1,ci,11,9), {"w": f(co,ci//g,k,k), "b": f(co)})
case("conv same upper stride 2", [n("Conv", ["x","w"], auto_pad="SAME_UPPER", strides=[2,2])], f(1,3,8,7), {"w": f(5,3,3,3)})
case("conv same lower", [n("Conv", ["x","w"], auto_pad="SAME_LOWER", strides=[2,1])], f(1,3,8,7), {"w": f(5,3,4,3)})
case("conv batch 3", [n("Conv", ["x","w"], pads=[1,1,1,1])], f(3,3,6,6), {"w": f(4,3,3,3)})
case("conv asymmetric pads", [n("Conv", ["x","w"], pads=[0,1,2,3], strides=[1,2])], f(1,2,6,5), {"w": f(3,2,3,3)})
case("conv relu6 as clip", [n("Conv",["x","w"],"t"), n("Clip",["t","lo","hi"])], f(1,3,5,5), {"w": f(8,3,1,1), "lo": np.float32(0), "hi": np.float32(0.5)})
case("clip 9 attributes", [n("Clip",["x"],min=-0.2,max=0.4)], f(2,3,4), opset=9)
case("conv bn relu", [n("Conv",["x","w"],"t",pads=[1,1,1,1]), n("BatchNormalization",["t","s","b","m","v"],"u",epsilon=1e-3), n("Relu",["u"])],
     f(1,3,6,6), {"w": f(8,3,3,3), "s": f(8), "b": f(8), "m": f(8), "v": np.abs(f(8))+0.5})
case("bn alone", [n("BatchNormalization",["x","s","b","m","v"])], f(1,4,3,3), {"s": f(4), "b": f(4), "m": f(4), "v": np.abs(f(4))+0.5})
case("residual", [n("Conv",["x","w"],"t"), n("Add",["t","x"],"u"), n("Relu",["u"])], f(1,8,5,5), {"w": f(8,8,1,1)})
case("residual bottleneck", [n("Conv",["x","w"],"a"), n("Relu",["a"],"b"), n("Conv",["b","w2"],"c",pads=[1,1,1,1],group=16), n("Conv",["c","w3"],"d"), n("Add",["x","d"])],
     f(1,8,7,7), {"w": f(16,8,1,1), "w2": f(16,1,3,3), "w3": f(8,16,1,1)})
# --- Pools
case("max pool", [n("MaxPool",["x"],kernel_shape=[3,3],strides=[2,2],pads=[1,1,1,1])], f(1,5,9,8))
case("max pool ceil", [n("MaxPool",["x"],kernel_shape=[2,2],strides=[2,2],ceil_mode=1)], f(1,3,7,7))
case("average pool", [n("AveragePool",["x"],kernel_shape=[3,2],strides=[1,2],pads=[1,0,1,1])], f(1,3,6,7))
case("average pool counts padding", [n("AveragePool",["x"],kernel_shape=[3,3],pads=[1,1,1,1],count_include_pad=1)], f(1,3,6,6))
case("global average pool, flatten, gemm", [n("GlobalAveragePool",["x"],"t"), n("Flatten",["t"],"u"), n("Gemm",["u","w","b"],transB=1)], f(2,6,5,4), {"w": f(10,6), "b": f(10)})
case("reduce mean, matmul", [n("ReduceMean",["x"],"t",axes=[2,3],keepdims=0), n("MatMul",["t","w"])], f(1,6,5,4), {"w": f(6,3)})
case("reduce mean of input axes", [n("ReduceMean",["x","a"],keepdims=1)], f(2,3,4), {"a": np.array([-1],np.int64)}, opset=18)
case("gemm alpha beta", [n("Gemm",["x","w","b"],alpha=0.5,beta=2.0,transA=1)], f(4,3), {"w": f(4,5), "b": f(5)})
# --- Elementwise and broadcasting
for op in ["Relu","Sigmoid","Tanh","HardSwish","Exp","Neg","Abs","Reciprocal"]:
    case(op.lower(), [n(op,["x"])], f(2,3,5,4))
case("sqrt", [n("Sqrt",["x"])], np.abs(f(3,7)))
case("hard sigmoid", [n("HardSigmoid",["x"],alpha=0.3,beta=0.4)], f(2,9))
case("leaky relu", [n("LeakyRelu",["x"],alpha=0.1)], f(2,9))
for op in ["Add","Sub","Mul","Div"]:
    case(op.lower()+" scalar", [n(op,["x","c"])], f(2,3,4), {"c": np.float32(1.7)})
    case(op.lower()+" channels", [n(op,["x","c"])], f(1,3,4,5), {"c": np.abs(f(1,3,1,1))+0.5})
    case(op.lower()+" two ways", [n("Transpose",["x"],"t",perm=[1,0]), n("Reshape",["t","s"],"u"), n(op,["x","u"])], np.abs(f(4,4))+1, {"s": np.array([4,4],np.int64)})
case("min max", [n("Max",["x","a"],"t"), n("Min",["t","b"])], f(3,4), {"a": f(4), "b": f(3,1)})
case("hard swish by hand", [n("Add",["x","c3"],"a"), n("Clip",["a","z","c6"],"b"), n("Mul",["x","b"],"c"), n("Div",["c","c6"])], f(1,4,3,3), {"c3": np.float32(3),"z": np.float32(0),"c6": np.float32(6)})
# --- Softmax, shapes, movers
case("softmax last", [n("Softmax",["x"],axis=-1)], f(3,10))
case("softmax channels", [n("Softmax",["x"],axis=1)], f(1,5,3,2))
case("softmax 11 flattens", [n("Softmax",["x"],axis=1)], f(2,3,4), opset=11)
case("reshape 0 and -1", [n("Reshape",["x","s"])], f(2,3,4,5), {"s": np.array([0,-1,5],np.int64)})
case("transpose", [n("Transpose",["x"],perm=[2,0,3,1])], f(2,3,4,5))
case("flatten axis 2", [n("Flatten",["x"],axis=2)], f(2,3,4,5))
case("squeeze unsqueeze", [n("Unsqueeze",["x","a"],"t"), n("Squeeze",["t","b"])], f(1,3,4), {"a": np.array([3],np.int64), "b": np.array([0],np.int64)})
case("shape gather concat reshape", [n("Shape",["x"],"s"), n("Gather",["s","i"],"g"), n("Unsqueeze",["g","a"],"u"), n("Concat",["u","m"],"c",axis=0), n("Reshape",["x","c"])],
     f(2,3,4), {"i": np.array(0,np.int64), "a": np.array([0],np.int64), "m": np.array([-1],np.int64)})
case("concat channels", [n("Relu",["x"],"t"), n("Concat",["x","t"],axis=1)], f(1,3,4,4))
case("concat after convs", [n("Conv",["x","w"],"a"), n("Conv",["x","v"],"b",pads=[1,1,1,1]), n("Concat",["a","b"],"c",axis=1), n("Relu",["c"])], f(1,3,5,5), {"w": f(4,3,1,1), "v": f(5,3,3,3)})
case("pad", [n("Pad",["x","p","c"])], f(1,2,3,4), {"p": np.array([0,0,1,2,0,0,3,0],np.int64), "c": np.float32(0.5)})
case("pad conv", [n("Pad",["x","p"],"t"), n("Conv",["t","w"],strides=[2,2])], f(1,3,7,7), {"p": np.array([0,0,0,0,0,0,1,1],np.int64), "w": f(4,3,3,3)})
case("identity dropout", [n("Identity",["x"],"t"), n("Dropout",["t"],"u"), n("Relu",["u"])], f(3,4))
for mode, ct in [("nearest","asymmetric"),("nearest","half_pixel"),("linear","half_pixel"),("linear","align_corners"),("linear","asymmetric"),("linear","pytorch_half_pixel")]:
    case(f"resize {mode} {ct}", [n("Resize",["x","","","s"],mode=mode,coordinate_transformation_mode=ct,nearest_mode="floor" if ct=="asymmetric" else "round_prefer_floor")],
         f(1,3,4,5), {"s": np.array([1,3,8,7],np.int64)})
case("resize scales down", [n("Resize",["x","","k"],mode="linear")], f(1,2,8,6), {"k": np.array([1,1,0.5,0.5],np.float32)})

# --- QDQ: integer operators; within one quantum of the real numbers, rounded.
def qdq(name, x, body, out=(0.05, 120), tol=None):
    nodes = [n("QuantizeLinear",["x","xs","xz"],"xq"), n("DequantizeLinear",["xq","xs","xz"],"xd")]
    consts = {"xs": np.float32(0.03), "xz": np.uint8(130), "ys": np.float32(out[0]), "yz": np.uint8(out[1])}
    nodes += body(consts)
    nodes += [n("QuantizeLinear",["r","ys","yz"],"rq"), n("DequantizeLinear",["rq","ys","yz"])]
    case("qdq "+name, nodes, x, consts, tolerance=tol or out[0]*1.01)
def qw(c, name, w, axis=0):
    s = (np.abs(w).reshape(w.shape[0],-1).max(1)/127).astype(np.float32)
    c[name+"q"] = np.clip(np.rint(w/s.reshape(-1,*[1]*(w.ndim-1))),-127,127).astype(np.int8); c[name+"s"] = s; c[name+"z"] = np.zeros(len(s),np.int8)
    return n("DequantizeLinear",[name+"q",name+"s",name+"z"],name,axis=axis)
def qb(c, name, b, ws):
    s = (c["xs"]*c[ws]).astype(np.float32); c[name+"q"] = np.rint(b/s).astype(np.int32); c[name+"s"] = s; c[name+"z"] = np.zeros(len(s),np.int32)
    return n("DequantizeLinear",[name+"q",name+"s",name+"z"],name,axis=0)
def conv_body(w, g=1, p=0, s=1):
    def body(c):
        return [qw(c,"w",w), qb(c,"b",f(len(w)),"ws"), n("Conv",["xd","w","b"],"r",group=g,pads=[p]*4,strides=[s,s])]
    return body
qdq("conv 1x1", f(1,8,5,6), conv_body(f(12,8,1,1)))
qdq("conv 3x3", f(1,5,6,6), conv_body(f(7,5,3,3),p=1))
qdq("conv 3x3 stride 2", f(1,3,9,9), conv_body(f(16,3,3,3),p=1,s=2))
qdq("depthwise 3x3", f(1,11,7,7), conv_body(f(11,1,3,3),g=11,p=1), out=(0.03,128))
qdq("depthwise 5x5 stride 2", f(1,16,9,9), conv_body(f(16,1,5,5),g=16,p=2,s=2))
qdq("grouped", f(1,8,5,5), conv_body(f(6,4,3,3),g=2,p=1))
qdq("max pool", f(1,5,6,6), lambda c: [n("MaxPool",["xd"],"r",kernel_shape=[2,2],strides=[2,2])], out=(0.03,130))
qdq("average pool", f(1,5,6,6), lambda c: [n("AveragePool",["xd"],"r",kernel_shape=[2,2],strides=[2,2])], out=(0.02,128))
qdq("global pool", f(1,9,6,6), lambda c: [n("GlobalAveragePool",["xd"],"r")], out=(0.01,128))
qdq("add", f(1,4,3,3), lambda c: [n("Sigmoid",["xd"],"t"), n("QuantizeLinear",["t","ts","tz"],"tq"), n("DequantizeLinear",["tq","ts","tz"],"td"), n("Add",["xd","td"],"r")]
    if c.update(ts=np.float32(1/255), tz=np.uint8(0)) is None else None, out=(0.04,110))
qdq("relu reshape", f(1,4,3,3), lambda c: [n("Relu",["xd"],"t"), n("Flatten",["t"],"r")], out=(0.02,0))
qdq("concat", f(1,4,3,3), lambda c: [n("Concat",["xd","xd"],"r",axis=1)], out=(0.05,100))
qdq("sigmoid", f(1,40), lambda c: [n("Sigmoid",["xd"],"r")], out=(1/255,0))
qdq("gemm", f(2,16), lambda c: [qw(c,"w",f(9,16)), n("Gemm",["xd","w"],"r",transB=1)], out=(0.06,127))

# --- Dynamically quantized products, as onnxruntime's quantize_dynamic writes them.
def dynamic(name, x, w, wz=None, bias=None, relu=False, turned=False):
    columns = w.shape[1]
    scale = (0.001 + np.abs(f(columns)) * 0.01).astype(np.float32) if np.ndim(wz) else np.array([0.0123], np.float32)
    consts = {"w": w, "ws": scale}
    inputs = ["xq", "w", "xz"]
    if wz is not None: consts["wz"] = np.asarray(wz, w.dtype); inputs.append("wz")
    nodes = [h.make_node("DynamicQuantizeLinear", ["x"], ["xq", "xs", "xz"]), n("MatMulInteger", inputs, "i"), n("Cast", ["i"], "r", to=T.FLOAT),
             n("Mul", ["ws", "xs"] if turned else ["xs", "ws"], "s"), n("Mul", ["s", "r"] if turned else ["r", "s"], "m")]
    last = "m"
    if bias is not None: consts["b"] = bias; nodes.append(n("Add", ["b", "m"] if turned else ["m", "b"], "a")); last = "a"
    nodes.append(n("Relu" if relu else "Identity", [last]))
    case("dynamic " + name, nodes, x, consts, tolerance=1e-6)
i8 = lambda *s: rng.integers(-128, 128, s).astype(np.int8)
dynamic("one row", f(1,33), i8(33,9))
dynamic("bias", f(2,7,40), i8(40,24), np.int8(0), f(24))
dynamic("each column, turned", f(13,65), i8(65,17) // 2, rng.integers(-9, 9, 17), f(17), turned=True)
dynamic("u8 weights around 128", f(5,12), rng.integers(0, 256, (12,8)).astype(np.uint8), np.uint8(128), f(8), relu=True)
dynamic("u8 weights that do not fit", f(5,12), rng.integers(0, 256, (12,8)).astype(np.uint8), np.uint8(40), f(8))
dynamic("positive input", np.abs(f(70,16)) + 3, i8(16,16), np.int8(0), f(16))
dynamic("nothing but zero", np.zeros((3,8), np.float32), i8(8,5), np.int8(0), f(5))
dynamic("bias of one number", f(4,8), i8(8,5), np.int8(0), f(1))

json.dump(cases, open(sys.argv[1] if len(sys.argv) > 1 else "tests/ops/cases.json", "w"), indent=0)
print(len(cases), "cases")
