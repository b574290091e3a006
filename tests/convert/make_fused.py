# SPDX-License-Identifier: Apache-2.0
# Makes fused.pack for models.c: operators of com.microsoft, which ONNX Runtime's tools put in the place of
# several others, in the forms that its documentation has; and those of ONNX itself that few models have.
from onnx_build import *

rng = np.random.default_rng(12)
f = lambda *s: (rng.standard_normal(s) * 0.5).astype(np.float32)

# --- Masks of attention: 2 sequences of 4, the second padded at its end or its beginning ----------------------
i32 = lambda *v: np.array(v, np.int32)
masks = {"lengths": i32(4, 2), "ends and beginnings": i32(4, 4, 0, 2), "keys": i32([1, 1, 1, 1], [1, 0, 1, 1]), "keys by query": np.tril(np.ones((2, 4, 4), np.int32)) * i32(1, 0, 1, 1)}
for name, mask in masks.items():
    for one_way in (0, 1):
        case(f"mask of {name}, {one_way}", [ms("Attention", ["x", "w", "b", "m"], num_heads=2, unidirectional=one_way, mask_filter_value=-50.0)],
             {"x": f(2, 4, 8), "m": mask}, {"w": f(8, 24), "b": f(24)}, tolerance=1e-4)
longer = np.concatenate([np.ones((2, 3), np.int32), masks["keys"]], 1)
case("mask of past and present keys", [ms("Attention", ["x", "w", "b", "m", "p"], ["y", "q"], num_heads=2, unidirectional=1)], {"x": f(2, 4, 8), "m": longer, "p": f(2, 2, 2, 3, 4)}, {"w": f(8, 24), "b": f(24)},
     outputs=[("y", T.FLOAT), ("q", T.FLOAT)], tolerance=1e-4)
heads = {"x": f(2, 4, 8), "k": f(2, 4, 8), "v": f(2, 4, 8)}
attend = lambda mask, **a: ms("MultiHeadAttention", ["x", "k", "v", "", mask, "", "p", "q"], ["y", "pk", "pv"], num_heads=2, **a)
past = {"p": f(2, 2, 3, 4), "q": f(2, 2, 3, 4)}
kept = [(k, T.FLOAT) for k in ("y", "pk", "pv")]
case("mask of lengths that begins with them", [attend("m")], {**heads, "m": i32(7, 5, 0, 4, 8, 0, 7, 14)}, past, outputs=kept, tolerance=1e-4,
     like=([attend("keys")], {**past, "keys": i32([1] * 7, [1] * 5 + [0] * 2)}))
case("mask of all positions", [attend("m")], {**heads, "m": np.tril(np.ones((2, 1, 9, 9), np.int32))}, past, outputs=kept, tolerance=1e-4,
     like=([attend("", unidirectional=1)], past))

grouped = lambda q, k, **a: ms("GroupQueryAttention", [q, k, "v", "p", "o", "l", "t", "c", "s"], ["y", "z", "u"], num_heads=4, kv_num_heads=2, do_rotary=1, **a)
one = {"x": f(2, 1, 64), "k": f(2, 1, 32), "v": f(2, 1, 32), "p": f(2, 2, 3, 16), "o": f(2, 2, 3, 16), "l": i32(3, 3), "t": np.array(4, np.int32)}
scales = {"c": f(9, 8), "s": f(9, 8), "g": f(16), "h": f(16)}
heads = lambda x, scale, y, e: [n("Reshape", [x, "r"], x + "a"), n("SimplifiedLayerNormalization", [x + "a", scale], x + "b", axis=-1, epsilon=e), n("Reshape", [x + "b", "w"], y)]
node = grouped("x", "k", q_norm_epsilon=0.1, qk_norm_epsilon=0.01); node.input.extend([""] * 5 + ["g", "h"])
case("grouped attention with norms of heads", [node], one, scales, outputs=[(k, T.FLOAT) for k in "yzu"], tolerance=1e-4,
     like=([*heads("x", "g", "q", 0.1), *heads("k", "h", "m", 0.01), grouped("q", "m")], {**scales, "r": i64(2, 1, -1, 16), "w": i64(2, 1, -1)}))
case("grouped attention in both directions", [ms("GroupQueryAttention", ["x", "k", "v", "", "", "l", "t"], num_heads=4, kv_num_heads=2, causal=0)], {"x": f(1, 3, 64), "k": f(1, 3, 32), "v": f(1, 3, 32), "l": i32(2), "t": np.array(3, np.int32)}, tolerance=1e-4)

# --- Positions in the scores of attention ----------------------------------------------------------------------------
def buckets(queries, keys, count, most, both):
    ahead = np.arange(keys) - np.arange(queries)[:, None]
    count //= 1 + both
    far = np.abs(ahead) if both else np.maximum(-ahead, 0)
    exact = count // 2
    large = exact + (np.log(np.maximum(far, 1) / np.float32(exact)) / np.log(most / exact) * (count - exact)).astype(int)
    return np.where(far < exact, far, np.minimum(large, count - 1)) + (count * (ahead > 0) if both else 0)
for both in (0, 1):
    table = {"t": f(8, 2)}
    case(f"distances in buckets, {both}", [n("Size", ["x"], "s"), ms("RelativePositionBias", ["t", "s", "s"], "r", max_distance=7, is_bidirectional=both), n("Add", ["r", "x"])], f(12), table,
         like=([n("Reshape", ["t", "h"], "u"), n("Gather", ["u", "k"], "g", axis=1), n("Unsqueeze", ["g", "z"], "r"), n("Add", ["r", "x"])], {**table, "h": i64(2, 8), "k": buckets(12, 12, 8, 7, both), "z": i64(0)}))
gated = {"b": f(8), "w": f(4, 6), "c": f(6), "e": f(1, 2, 1, 1)}
case("distances behind a gate", [ms("GatedRelativePositionBias", ["x", "b", "p", "w", "c", "e"], num_heads=2)], {"x": f(2, 3, 8), "p": f(1, 2, 3, 3)}, gated,
     like=([n("Add", ["x", "b"], "q"), n("Reshape", ["q", "h"], "r"), n("Transpose", ["r"], "t", perm=[0, 2, 1, 3]), n("MatMul", ["t", "w"], "m"), n("Add", ["m", "c"], "n"), n("Reshape", ["n", "g"], "o"), n("ReduceSum", ["o", "l"], "s", keepdims=0),
            n("Sigmoid", ["s"], "v"), n("Split", ["v"], ["u", "i"], axis=3, num_outputs=2), n("Mul", ["i", "e"], "j"), n("Sub", ["j", "one"], "k"), n("Mul", ["u", "k"], "a"), n("Add", ["a", "two"], "d"), n("Mul", ["d", "p"])],
           {**gated, "h": i64(2, 3, 2, 4), "g": i64(2, 2, 3, 2, 3), "l": i64(4), "one": np.float32(1), "two": np.float32(2)}))

# --- Pictures with channels last, and what diffusion models are made of; no CPU kernel has most of these --------
last, first = (lambda x, y: n("Transpose", [x], y, perm=[0, 2, 3, 1])), (lambda x, y: n("Transpose", [x], y, perm=[0, 3, 1, 2]))
c = {"w": f(6, 3, 3, 3), "b": f(6)}
case("convolution, channels last", [ms("NhwcConv", ["x", "w", "b"], pads=[1] * 4)], f(1, 4, 5, 3), c, like=([first("x", "u"), n("Conv", ["u", "w", "b"], "v", pads=[1] * 4), last("v", "y")], c))
case("convolution with an addend, channels last", [ms("NhwcFusedConv", ["x", "w", "b", "z"], pads=[1] * 4, activation="Relu")], {"x": f(1, 4, 5, 3), "z": f(1, 4, 5, 6)}, c,
     like=([first("x", "u"), n("Conv", ["u", "w", "b"], "v", pads=[1] * 4), last("v", "t"), n("Add", ["t", "z"], "s"), n("Relu", ["s"])], c))
q = {"s": np.float32(0.02), "z": np.uint8(120), "w": rng.integers(-60, 60, (6, 2, 3, 3), dtype=np.int8), "ws": np.abs(f(6)) * 0.02 + 0.001, "wz": np.zeros(6, np.int8), "b": rng.integers(-900, 900, 6, dtype=np.int32), "t": np.float32(0.05)}
case("quantized convolution, channels last", [n("QuantizeLinear", ["x", "s", "z"], "q"), ms("QLinearConv", ["q", "s", "z", "w", "ws", "wz", "t", "z", "b"], "r", channels_last=1, group=2), n("DequantizeLinear", ["r", "t", "z"])], f(1, 4, 5, 4), q, tolerance=0.051)
case("quantized convolution by computed weights, channels last", [ms("QLinearConv", ["x", "s", "z", "w", "ws", "wz", "t", "z", "b"], channels_last=1, group=2)], {"x": rng.integers(0, 255, (1, 4, 5, 4), dtype=np.uint8), "w": q.pop("w")}, q, out=T.UINT8, tolerance=1)
norm = {"g": f(6), "b": f(6), "i": f(6)}
for name, end, silu in (("", "y", []), (" with SiLU", "k", [n("Sigmoid", ["k"], "e"), n("Mul", ["k", "e"])])):
    case("group norm" + name, [ms("GroupNorm", ["x", "g", "b"], groups=3, activation=len(silu) // 2)], f(2, 3, 4, 6), norm, tolerance=1e-4,
         like=([first("x", "u"), n("GroupNormalization", ["u", "g", "b"], "v", num_groups=3), last("v", end), *silu], norm))
case("group norm of a sum", [ms("SkipGroupNorm", ["x", "g", "b", "s", "i"], ["y", "t"], groups=2, activation=0)], {"x": f(2, 3, 4, 6), "s": f(2, 6)}, norm, tolerance=1e-4, outputs=[("y", T.FLOAT), ("t", T.FLOAT)],
     like=([n("Unsqueeze", ["s", "a"], "r"), n("Add", ["x", "r"], "p"), n("Add", ["p", "i"], "t"), first("t", "u"), n("GroupNormalization", ["u", "g", "b"], "v", num_groups=2), last("v", "y")], {**norm, "a": i64(1, 2)}))
b = {"b": f(8)}
case("bias and addend", [ms("BiasAdd", ["x", "b", "s"])], {"x": f(2, 3, 8), "s": f(2, 3, 8)}, b, like=([n("Sum", ["x", "b", "s"])], b))
case("half of it gates the other", [ms("BiasSplitGelu", ["x", "b"])], f(2, 3, 8), b, like=([n("Add", ["x", "b"], "u"), n("Split", ["u"], ["v", "w"], axis=2, num_outputs=2), n("Gelu", ["w"], "g"), n("Mul", ["v", "g"])], b))

# --- Language models with linear attention, and with positions in pictures ----------------------------------------
case("norm with a gate", [ms("GatedRMSNorm", ["x", "s", "g"], activation="sigmoid", epsilon=1e-3)], {"x": f(2, 3, 12), "g": f(2, 3, 12)}, {"s": f(4)})
case("gates of linear attention", [ms("LinearAttentionGate", ["x", "d", "s", "b"], ["y", "z"])], {"x": f(2, 3, 4), "b": f(2, 3, 4)}, {"d": f(4), "s": f(4)}, outputs=[("y", T.FLOAT), ("z", T.FLOAT)])
case("linear attention", [ms("LinearAttention", ["x", "k", "v", "p", "d", "b"], ["y", "z"], q_num_heads=2, kv_num_heads=2)], {"x": f(2, 3, 8), "k": f(2, 3, 8), "v": f(2, 3, 6), "p": f(2, 2, 4, 3), "d": -np.abs(f(2, 3, 2)), "b": np.abs(f(2, 3, 2))}, outputs=[("y", T.FLOAT), ("z", T.FLOAT)])
case("convolution of every second token", [ms("CausalConvWithState", ["x", "w", "b", "p"], ["y", "z"], activation="silu", dilation=2)], {"x": f(2, 3, 5), "p": f(2, 3, 6)}, {"w": f(3, 1, 4), "b": f(3)}, outputs=[("y", T.FLOAT), ("z", T.FLOAT)])
for layout, sections, shape in ((0, [1, 2, 1], (2, 2, 3, 8)), (1, [2, 1, 1], (2, 3, 16))):
    case(f"three positions a token, {layout}", [ms("MRotaryEmbedding", ["x", "p", "c", "s"], mrope_section=sections, mrope_layout=layout, num_heads=2)], {"x": f(*shape), "p": rng.integers(0, 9, (3, 2, 3))}, {"c": f(9, 4), "s": f(9, 4)})

# --- Weights of four bits that stand for a table's numbers ---------------------------------------------------------
for kind in (0, 1):
    case(f"weights of table {kind}", [ms("MatMulBnb4", ["x", "w", "s"], N=5, K=7, block_size=16, quant_type=kind)], f(2, 7), {"w": rng.integers(0, 256, 18, dtype=np.uint8), "s": np.abs(f(3))}, tolerance=1e-4)

# --- Mixtures of experts --------------------------------------------------------------------------------------------
tokens = {"x": f(2, 2, 4), "r": f(4, 4)}
for name, wide, a in (("chosen by their scores", 1, dict(k=2, activation_type="gelu")), ("gated", 2, dict(k=2, activation_type="swiglu", swiglu_fusion=1, normalize_routing_weights=1, activation_alpha=1.702, activation_beta=1.0, swiglu_limit=0.5))):
    case(f"experts {name}", [ms("MoE", ["x", "r", "w", "b", "v", "c"], **a)], tokens, {"w": f(4, 4 * wide, 4), "b": f(4, 4 * wide), "v": f(4, 4, 4), "c": f(4, 4)}, tolerance=1e-4)
u8 = lambda *s: rng.integers(0, 256, s, dtype=np.uint8)
some = lambda *s: (np.abs(f(*s)) * 0.02 + 0.001).astype(np.float32)
case("experts of four bits", [ms("QMoE", ["x", "r", "w", "s", "", "v", "t", "", "", "", "", "z"], k=2, activation_type="silu")], tokens, {"w": u8(4, 4, 2), "s": some(4, 4), "v": u8(4, 4, 2), "t": some(4, 4), "z": u8(4, 2)}, tolerance=1e-3)
case("experts of four bits in blocks", [ms("QMoE", ["x", "r", "w", "s", "", "v", "t", "", "", "", "", "", "z", "", "k"], k=1, activation_type="relu", block_size=16)], {"x": f(3, 16), "r": f(3, 2), "k": np.abs(f(3, 2))},
     {"w": u8(2, 32, 8), "s": some(2, 32, 1), "v": u8(2, 16, 16), "t": some(2, 16, 2), "z": u8(2, 16, 1)}, tolerance=1e-3)

# --- Names that exporters have for standard operators -----------------------------------------------------------
case("standard operators under other names", [ms("TransposeMatMul", ["x", "k"], "m", transA=1), ms("Trilu", ["m", "u"], "t", upper=0), ms("GatherND", ["t", "i"])], {"x": f(3, 4), "k": f(3, 5)}, {"u": np.int64(1), "i": i64([0, 1], [3, 2])})
case("samples by a grid", [ms("GridSample", ["x", "g"], mode="bicubic", padding_mode="border")], {"x": f(1, 2, 4, 5), "g": f(1, 3, 2, 2)}, tolerance=1e-4)

# --- Attention with graphs of its own -------------------------------------------------------------------------------
scores = lambda name, nodes: h.make_graph(nodes, name, [h.make_tensor_value_info("i", T.FLOAT, [2, 4, 3, 5])], [h.make_tensor_value_info("o", T.FLOAT, [2, 4, 3, 5])])
flex = lambda **a: n("FlexAttention", ["x", "k", "v"], domain="ai.onnx.preview", **a)
groups = {"x": f(2, 4, 3, 8), "k": f(2, 2, 5, 8), "v": f(2, 2, 5, 6)}
case("flexible attention, changed nowhere", [flex()], groups, opset=26, reference=True)
case("flexible attention, changed twice", [flex(scale=0.3, score_mod=scores("scores", [n("Mul", ["i", "c"], "t"), n("Tanh", ["t"], "o")]), prob_mod=scores("chances", [n("Sqrt", ["i"], "o")]))], groups, {"c": np.float32(2)}, opset=26,
     like=([n("Concat", ["k", "k"], "kk", axis=2), n("Reshape", ["kk", "ks"], "kr"), n("Concat", ["v", "v"], "vv", axis=2), n("Reshape", ["vv", "vs"], "vr"), n("Transpose", ["kr"], "kt", perm=[0, 1, 3, 2]), n("MatMul", ["x", "kt"], "q"),
            n("Mul", ["q", "c"], "r"), n("Tanh", ["r"], "s"), n("Softmax", ["s"], "p"), n("Sqrt", ["p"], "z"), n("MatMul", ["z", "vr"])], {"c": np.float32(0.6), "ks": i64(2, 4, 5, 8), "vs": i64(2, 4, 5, 6)}))

# --- Losses -----------------------------------------------------------------------------------------------------
labels = {"x": f(2, 5, 3), "t": i64([0, 4, 2], [1, -1, 3])}
for weighted in (0, 1):
    for reduction in ("none", "sum", "mean"):
        case(f"cross entropy, {reduction}, {weighted}", [n("SoftmaxCrossEntropyLoss", ["x", "t", *["w"][:weighted]], ["y", "l"], reduction=reduction, ignore_index=-1)], labels, {"w": np.abs(f(5))} if weighted else {},
             outputs=[("y", T.FLOAT), ("l", T.FLOAT)], reference=True)
case("likelihood of every label", [n("NegativeLogLikelihoodLoss", ["x", "t"])], {"x": f(3, 5), "t": np.array([4, 0, 1], np.int32)}, reference=True)

# --- Types of a byte or less ------------------------------------------------------------------------------------------
for kind, bits in ((T.INT4, 4), (T.UINT4, 4), (T.INT2, 2), (T.UINT2, 2)):
    least = -(1 << bits - 1) if kind in (T.INT4, T.INT2) else 0
    numbers = lambda name, *shape: h.make_tensor(name, kind, shape, rng.integers(least, least + (1 << bits), shape).ravel())
    case(f"numbers of {bits} bits from {least}", [n("QuantizeLinear", ["x", "s", "z"], "q"), n("DequantizeLinear", ["q", "s", "z"], "d"), n("DequantizeLinear", ["w", "t", "u"], "v", axis=1), n("MatMul", ["d", "v"])],
         f(3, 7) * 4, {"s": np.float32(0.3), "z": h.make_tensor("z", kind, [], [1]), "w": numbers("w", 7, 5), "t": np.abs(f(5)), "u": numbers("u", 5)}, opset=25, tolerance=1e-4)
case("bits that are cut off", [n("Cast", ["x"], "a", to=T.INT4), n("Cast", ["a"], "b", to=T.FLOAT), n("Cast", ["x"], "c", to=T.UINT4), n("Cast", ["c"], "d", to=T.FLOAT), n("Sub", ["b", "d"])], np.array([-9, -8, -1, 0, 7, 8, 17], np.float32), opset=23,
     like=([n("Identity", ["k"], "y")], {"k": np.array([7 - 7, -8 - 8, -1 - 15, 0, 7 - 7, -8 - 8, 1 - 1], np.float32)}))
for kind in (T.FLOAT8E4M3FN, T.FLOAT8E4M3FNUZ, T.FLOAT8E5M2, T.FLOAT8E5M2FNUZ, T.FLOAT4E2M1):
    of = h.tensor_dtype_to_np_dtype(kind)
    w = rng.standard_normal(12 * 4).astype(np.float32).astype(of)
    packed = w.view(np.uint8) if kind != T.FLOAT4E2M1 else (w.view(np.uint8)[::2] | w.view(np.uint8)[1::2] << 4)
    consts = {"s": np.abs(f(2, 4))}
    nodes = lambda op: [n("DequantizeLinear", ["w", "s"], "v", axis=0, block_size=6), n("MatMul", ["x", "v"])] if op else [n("Mul", ["w", "s"], "v"), n("MatMul", ["x", "v"])]
    case(f"weights of {T.DataType.Name(kind)}", nodes(1), f(2, 12), {**consts, "w": h.make_tensor("w", kind, [12, 4], packed.tobytes(), raw=True)}, opset=25, tolerance=1e-4,
         like=(nodes(0), {"w": w.astype(np.float32).reshape(12, 4), "s": np.repeat(consts["s"], 6, 0)}))

# --- The first ONNX -----------------------------------------------------------------------------------------------
pair = dict(alpha=0.5, beta=2.0)
case("elementwise operators of old", [n("Affine", ["x"], "a", **pair), n("ScaledTanh", ["a"], "b", **pair), n("ParametricSoftplus", ["b"], "c", **pair), n("Scale", ["c"], scale=0.3)], f(2, 3), opset=7)
case("pictures of old", [n("ImageScaler", ["x"], "i", scale=0.5, bias=[1.0, 2.0, 3.0]), n("Crop", ["i"], "c", border=[1, 0, 0, 2]), n("Crop", ["c"], "d", border=[1, 1, 0, 0], scale=[2, 3]), n("DynamicSlice", ["d", "s", "e", "s"])],
     f(2, 3, 6, 7), {"s": i64(1), "e": i64(-1)}, opset=7)
case("regions of whole pixels", [n("MaxRoiPool", ["x", "r"], pooled_shape=[2, 3], spatial_scale=0.5)], {"x": f(2, 3, 5, 6), "r": np.array([[0, 0, 0, 9, 8], [1, 2.6, 3, 3, 4], [1, -4, 6, 30, 9], [0, 20, 20, 30, 30]], np.float32)}, opset=9)

# --- Refused with what to do -----------------------------------------------------------------------------------------
refuse("fitted to a processor", "save it at level ORT_ENABLE_EXTENDED", [n("ReorderInput", ["x"], domain="com.microsoft.nchwc")], {"x": f(1, 4, 2, 2)})
refuse("a cache of past and present", "past_present_share_buffer are not supported", [ms("Attention", ["x", "w"], num_heads=2, past_present_share_buffer=1)], {"x": f(1, 2, 4)}, {"w": f(4, 12)})
refuse("beams of a cache", "cache_indirection) is not supported", [ms("MultiHeadAttention", ["x", "x", "x", "", "", "", "", "", "n"], num_heads=2)], {"x": f(1, 2, 4), "n": i32(0)})
refuse("activations of 8-bit floats", "float8e4m3fn is not supported", [n("Cast", ["x"], "q", to=T.FLOAT8E4M3FN), n("Cast", ["q"], to=T.FLOAT)], {"x": f(3)})
refuse("experts of two bits", "of 2 bits", [ms("QMoE", ["x", "r", "w", "s", "", "w", "s"], expert_weight_bits=2)], {"x": f(2, 8), "r": f(2, 2)}, {"w": rng.integers(0, 256, (2, 8, 2), dtype=np.uint8), "s": f(2, 8)})

# --- End -------------------------------------------------------------------------------------------------
write("tests/convert/fused.pack")
