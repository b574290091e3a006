# SPDX-License-Identifier: Apache-2.0
# Makes variants.pack for models.c: what models.pack does not have. Networks in half precision, those
# of which only the weights are quantized, nodes in any order, quantized numbers that are moved, and
# every operator with attributes and types drawn by chance. Expected are the numbers of ONNX Runtime,
# or, where it lacks the operator or the type, of ONNX's reference evaluator. Needs numpy, onnx and
# onnxruntime. A record is as in make_models.py.
from onnx_build import *

rng = np.random.default_rng(11)
f = lambda *s: (rng.standard_normal(s) * 0.5).astype(np.float32)

# --- Half precision: one with weights is a network, whose sums are f32; others round at every node ----
H = lambda *s: f(*s).astype(np.float16)
case("network of halves", [n("Conv", ["x", "w", "b"], "c", pads=[1] * 4), n("Relu", ["c"], "r"), n("Conv", ["r", "d"], "e", group=24, pads=[1] * 4),
     n("Add", ["e", "r"], "a"), n("GlobalAveragePool", ["a"], "p"), n("Flatten", ["p"], "q"), n("Gemm", ["q", "g", "k"], "l", transB=1), n("Softmax", ["l"])],
     {"x": H(1, 5, 9, 8)}, {"w": H(24, 5, 3, 3), "b": H(24), "d": H(24, 1, 3, 3), "g": H(7, 24), "k": H(7)}, out=T.FLOAT16, tolerance=2e-3)
case("halves inside", [n("Cast", ["x"], "h", to=T.FLOAT16), n("MatMul", ["h", "w"], "m"), n("Constant", [], "c", value=nh.from_array(np.array([0.5], np.float16))),
     n("Mul", ["m", "c"], "s"), n("CastLike", ["s", "x"])], {"x": f(3, 40)}, {"w": H(40, 30)}, tolerance=4e-3)
case("halves rounded by each node", [n("Exp", ["x"], "e"), n("Add", ["e", "x"], "a"), n("Softmax", ["a"])], {"x": H(3, 5)}, out=T.FLOAT16, tolerance=1e-3)

# --- Weights alone quantized: their integers stay, beside f32 activations ------------------------------
q8 = lambda *s: rng.integers(-127, 128, s, dtype=np.int8)
u8 = lambda *s: rng.integers(0, 256, s, dtype=np.uint8)
some = lambda *s: (np.abs(f(*s)) * 0.02 + 0.001).astype(np.float32)
for name, w, s, z in (("one scale", q8(70, 60), np.float32(0.01), None), ("scales of columns", q8(70, 60), some(60), np.zeros(60, np.int8)),
                      ("bytes with a zero point", u8(70, 60), np.float32(0.01), np.uint8(117)), ("zero points of columns", q8(70, 60), some(60), q8(60)),
                      ("bytes of one sign", u8(70, 60), some(60), u8(60))):
    case(f"weights of 8 bits, {name}", [n("DequantizeLinear", ["w", "s"] + (["z"] if z is not None else []), "v", axis=1), n("MatMul", ["x", "v"], "m"), n("Add", ["m", "b"], "a"), n("Relu", ["a"])],
         f(3, 70), {"w": w, "s": s, "b": f(60), **({"z": z} if z is not None else {})}, tolerance=1e-4)
case("weights of 8 bits, Gemm with a residual", [n("DequantizeLinear", ["w", "s"], "v", axis=0), n("Gemm", ["x", "v", "b"], "g", transB=1), n("Add", ["g", "x"])], f(5, 65), {"w": q8(65, 65), "s": some(65), "b": f(65)}, tolerance=1e-4)
case("weights cast, shifted and scaled", [n("Cast", ["w"], "v", to=T.FLOAT), n("Sub", ["v", "z"], "u"), n("Mul", ["u", "s"], "t"), n("MatMul", ["x", "t"])], f(2, 3, 80), {"w": u8(80, 70), "z": np.float32(128), "s": some(1, 70)}, tolerance=1e-4)
case("weights of 4 bits", [n("DequantizeLinear", ["w", "s", "z"], "v", axis=1), n("MatMul", ["x", "v"])], f(3, 71),
     {"w": h.make_tensor("w", T.INT4, [71, 61], rng.integers(-8, 8, 71 * 61)),
      "s": some(61), "z": h.make_tensor("z", T.INT4, [61], rng.integers(-8, 8, 61))}, tolerance=1e-4)
for bits, block in ((4, 32), (8, 16), (4, 128)):
    k, w = 90, 61
    blocks = -(-k // block)
    case(f"MatMulNBits of {bits} bits in {block}", [ms("MatMulNBits", ["x", "w", "s", "z", "", "b"], K=k, N=w, bits=bits, block_size=block)], f(2, 3, k),
         {"w": u8(w, blocks, block * bits // 8), "s": some(w * blocks), "z": u8(w * (-(-blocks * bits // 8))), "b": f(w)}, tolerance=2e-4)
case("MatMulNBits without zero points", [ms("MatMulNBits", ["x", "w", "s"], K=64, N=70, bits=4, block_size=32)], f(1, 64), {"w": u8(70, 2, 16), "s": some(140)}, tolerance=2e-4)
case("MatMulNBits with real zero points", [ms("MatMulNBits", ["x", "w", "s", "z"], K=64, N=9, bits=4, block_size=32)], f(1, 64), {"w": u8(9, 2, 16), "s": some(18), "z": (f(18) + 8).astype(np.float32)}, tolerance=2e-4)
at = np.array([[3, 0, -1], [199, 7, 7]], np.int64)
case("table of bytes by row", [n("Cast", ["w"], "v", to=T.FLOAT), n("Mul", ["v", "s"], "t"), n("Gather", ["t", "x"])], at, {"w": q8(200, 30), "s": some(200, 1)})
case("table of bytes by column", [n("DequantizeLinear", ["w", "s", "z"], "t", axis=1), n("Gather", ["t", "x"])], at, {"w": q8(200, 30), "s": some(30), "z": q8(30)})
case("table of bytes, one scale", [n("DequantizeLinear", ["w", "s", "z"], "t"), n("Gather", ["t", "x"])], at, {"w": u8(200, 30), "s": np.float32(0.02), "z": np.uint8(120)})
case("table of bytes along the columns", [n("DequantizeLinear", ["w", "s"], "t", axis=0), n("Gather", ["t", "x"], axis=1)], at[:1], {"w": q8(30, 200), "s": some(30)})

# --- Nodes in another order than that of their computation ---------------------------------------------
case("nodes backwards", [n("Add", ["b", "a"]), n("Relu", ["a"], "b"), n("Mul", ["x", "x"], "a")], f(2, 3))
inner = h.make_graph([n("Add", ["p", "late"], "o"), n("Neg", ["x"], "p")], "then", [], [h.make_tensor_value_info("o", T.FLOAT, None)])
other = h.make_graph([n("Sub", ["late", "x"], "o2")], "else", [], [h.make_tensor_value_info("o2", T.FLOAT, None)])
case("bodies before what they read", [n("If", ["c"], then_branch=inner, else_branch=other), n("Greater", ["s", "zero"], "c"), n("ReduceSum", ["late"], "s", keepdims=0), n("Exp", ["x"], "late")],
     f(2, 3), {"zero": np.float32(0)})

# --- Operators with attributes that the suites leave out -----------------------------------------------
norm = {"s": np.abs(f(3)) + 0.5, "b": f(3), "m": f(3), "v": np.abs(f(3)) + 0.5}
for o in (14, 15):
    a = dict(training_mode=1)
    case(f"batch norm that trains {o}", [n("BatchNormalization", ["x", "s", "b", "m", "v"], ["y", "rm", "rv"], momentum=0.7, epsilon=1e-3, **a)],
         {"x": f(2, 3, 4, 5)}, norm, opset=o, outputs=[(k, T.FLOAT) for k in ["y", "rm", "rv"]], reference=True)

# --- Quantized numbers that are moved, and taken as integers --------------------------------------------
for q, z in ((np.uint8(117), "uint8"), (np.int8(-9), "int8")):
    c = {"s": np.float32(0.02), "z": q}
    for to, kind in ((T.FLOAT, "float"), (T.INT32, "int32"), (T.INT64, "int64")):
        case(f"{z} quanta cast to {kind}", [n("QuantizeLinear", ["x", "s", "z"], "q"), n("Cast", ["q"], to=to)], f(3, 4), c, out=to)
    case(f"moves between {z} products", [n("QuantizeLinear", ["x", "s", "z"], "q"), n("Transpose", ["q"], "t", perm=[0, 2, 1, 3]), n("Slice", ["t", "b", "e"], "u"), n("Gather", ["u", "i"], "g", axis=2),
         n("Concat", ["g", "g"], "k", axis=1), n("Reshape", ["k", "r"], "m"), n("Split", ["m", "h"], ["n", "o"], axis=1), n("DequantizeLinear", ["o", "s", "z"])],
         f(2, 3, 4, 5), {**c, "b": i64(1), "e": i64(2), "i": i64(2, 0), "r": i64(4, -1), "h": i64(6, 14)})

p = {"s": np.float32(0.02), "z": np.int8(-9), "w": rng.integers(-127, 128, (6, 3, 1, 1), dtype=np.int8), "t": np.float32(0.01), "u": np.int8(0), "v": np.float32(0.05), "k": np.int8(4), "r": i64(1, 6, -1)}
case("views between int8 operators", [n("QuantizeLinear", ["x", "s", "z"], "q"), n("QLinearConv", ["q", "s", "z", "w", "t", "u", "v", "k"], "c"), n("Reshape", ["c", "r"], "m"), n("Transpose", ["m"], "n", perm=[0, 2, 1]),
     n("Unsqueeze", ["n", "a"], "o"), n("DequantizeLinear", ["o", "v", "k"])], f(1, 3, 4, 5), {**p, "a": i64(0)}, tolerance=0.051)
case("statistics of f64", [n("LayerNormalization", ["x", "g"], ["y", "m", "i"])], {"x": f(3, 8).astype(np.float64)}, {"g": f(8).astype(np.float64)}, outputs=[("y", T.DOUBLE), ("m", T.FLOAT), ("i", T.FLOAT)])

picks = lambda x, names: [k for i, name in enumerate(names) for k in (n("Gather", [x, f"i{i}"], f"g{i}", axis=3), n("Reshape", [f"g{i}", "r"], name))]
at = {"i0": np.int64(0), "i1": np.int64(1), "i2": np.int64(2), "r": i64(0, 0, -1)}
case("attention of packed heads", [ms("MultiHeadAttention", ["x"], num_heads=2)], f(2, 3, 2, 3, 8), tolerance=1e-4,
     like=([*picks("x", "abc"), ms("MultiHeadAttention", ["a", "b", "c"], num_heads=2)], at))
case("attention of packed keys and values", [ms("MultiHeadAttention", ["x", "k"], num_heads=2)], {"x": f(2, 3, 16), "k": f(2, 5, 2, 2, 8)}, tolerance=1e-4,
     like=([*picks("k", "bc"), ms("MultiHeadAttention", ["x", "b", "c"], num_heads=2)], at))
case("softmax of one number", [n("Softmax", ["x"])], {"x": f()}, reference=True)

# --- Initializers under two names, tables and caches of com.microsoft, bodies ----------------------------
case("weights handed on", [n("Identity", ["w"], "v"), n("MatMul", ["x", "w"], "m"), n("MatMul", ["m", "v"], "o"), n("Reshape", ["w", "r"], "u"), n("MatMul", ["o", "u"])],
     f(3, 8), {"w": f(8, 8), "r": i64(8, 8)})
for sink, smooth, rotary, window in ((1, 0, 0, -1), (0, 1, 1, -1), (1, 0, 1, 3)):
    case(f"grouped attention, {'sinks' if sink else 'smooth softmax'}", [ms("GroupQueryAttention", ["x", "", "", "p", "q", "l", "t", *(["c", "s"] if rotary else ["", ""]), "", "", *(["k"] if sink else [])],
         ["y", "z", "u"], num_heads=4, kv_num_heads=2, do_rotary=rotary, smooth_softmax=smooth, local_window_size=window)],
         {"x": f(2, 1, 128), "p": f(2, 2, 3, 16), "q": f(2, 2, 3, 16), "l": np.array([3, 3], np.int32), "t": np.array(4, np.int32)},
         {**({"c": f(9, 8), "s": f(9, 8)} if rotary else {}), **({"k": f(4)} if sink else {})}, outputs=[(k, T.FLOAT) for k in "yzu"])
for bits, zero in ((4, 0), (4, 1), (8, 1)):
    case(f"rows of {bits} bits, {zero} zero points", [ms("GatherBlockQuantized", ["w", "x", "s", *(["z"] if zero else [])], bits=bits, block_size=16, gather_axis=0, quantize_axis=1)],
         {"x": i64(5, 0, 2).reshape(1, 3)}, {"w": u8(6, 48 * bits // 8), "s": f(6, 3), **({"z": u8(6, (3 * bits + 7) // 8)} if zero else {})})
case("where of bytes", [n("QuantizeLinear", ["x", "s", "z"], "q"), ms("QLinearWhere", ["c", "q", "s", "z", "v", "t", "u", "s", "z"], "r"), n("DequantizeLinear", ["r", "s", "z"])],
     f(2, 3), {"s": np.float32(0.02), "z": np.uint8(120), "c": np.array([True, False, True]), "v": u8(3), "t": np.float32(0.01), "u": np.uint8(9)}, tolerance=0.021)
for a in (0, 1):
    case(f"batches within, {a}", [ms("FusedMatMul", ["x", "w"], transBatchA=1, transBatchB=a, transA=a, alpha=0.5)], {"x": f(3, 2, 5), "w": f(3, 2, 4) if a else f(2, 5, 4)} if not a else {"x": f(5, 2, 3), "w": f(5, 2, 4)})
case("embeddings of bytes", [ms("QEmbedLayerNormalization", ["x", "", "w", "p", "", "g", "b", "", "ws", "ps", "", "gs", "bs", "wz", "pz", "", "gz", "bz"], ["y", "m"])],
     {"x": np.array([[3, 0, 1], [2, 2, 8]], np.int32)}, {"w": u8(9, 8), "p": u8(5, 8), "g": u8(8), "b": u8(8), **{k + "s": np.float32(0.01 * i) for i, k in enumerate("wpgb", 1)}, **{k + "z": np.uint8(120) for k in "wpgb"}},
     outputs=[("y", T.FLOAT), ("m", T.INT32)])
border = {"s": np.float32(0.02), "z": np.int8(-9), "p": i64(0, 0, 1, 1, 0, 0, 2, 0), "o": np.int8(7), "i": i64(1, 0), "c": np.array([True, False, True, True, False]), "e": i64(2, 2, 4, 5), "t": i64(1, 1, 1, 2)}
case("int8 that is padded, chosen and repeated", [n("QuantizeLinear", ["x", "s", "z"], "q"), n("Pad", ["q", "p", "z"], "a"), n("Pad", ["a", "p", "o"], "b"), n("Gather", ["b", "i"], "d", axis=1), n("Where", ["c", "q", "q"], "w"),
     n("Expand", ["w", "e"], "v"), n("Tile", ["v", "t"], "u"), n("DequantizeLinear", ["u", "s", "z"], "y"), n("DequantizeLinear", ["d", "s", "z"], "k")], f(1, 2, 4, 5), border, outputs=[("y", T.FLOAT), ("k", T.FLOAT)])
dq = lambda x, y: n("DequantizeLinear", [x, "s", "z"], y)
q = lambda x, y: n("QuantizeLinear", [x, "s", "z"], y)
case("real moves between quantized products", [q("x", "a"), dq("a", "b"), n("Conv", ["b", "w"], "c"), q("c", "d"), dq("d", "e"), n("Split", ["e"], ["g", "h"], axis=1, num_outputs=2), q("g", "i"), dq("i", "j"), n("Slice", ["h", "k", "l"], "m"),
     q("m", "o"), dq("o", "p"), n("Sigmoid", ["j"], "r"), n("Mul", ["p", "p"], "t")], f(1, 2, 4, 5), {"s": np.float32(0.02), "z": np.uint8(120), "w": f(6, 2, 1, 1), "k": i64(0), "l": i64(1)}, outputs=[("r", T.FLOAT), ("t", T.FLOAT)], tolerance=0.021)
out = lambda *names: [h.make_tensor_value_info(k, T.FLOAT, None) for k in names]
branch = lambda w: h.make_graph([n("Conv", ["x", w], "c", pads=[1] * 4), n("Relu", ["c"], "r"), n("MatMul", ["r", "d"], "o")], "branch", [], out("o"))
for taken in (False, True):
    case(f"layers in a branch, {taken}", [n("If", ["taken"], then_branch=branch("v"), else_branch=branch("w"))], {"x": f(1, 2, 4, 5), "taken": np.array(taken)}, {"v": f(3, 2, 3, 3), "w": f(4, 2, 3, 3), "d": f(5, 6)})

# --- Open dimensions of which the model says more: every shape of "known:" must follow from the inputs' ---
case("known: a table of 20 positions", [n("Shape", ["x"], "a"), n("Gather", ["a", "o"], "b"), n("Unsqueeze", ["b", "z"], "c"), n("Slice", ["r", "z", "c", "o1"], "d"), n("Gather", ["t", "d"], "e"),
     n("Gather", ["w", "x"], "g"), n("Add", ["g", "e"], "i"), n("MatMul", ["i", "k"])], i64(3).reshape(1, 1),
     {"o": np.int64(1), "z": i64(0), "o1": i64(1), "r": np.arange(20, dtype=np.int64).reshape(1, 20), "t": f(20, 8), "w": f(9, 8), "k": f(8, 4)}, shapes={"x": ["batch", "length"]})
case("known: a mask over past and new", [n("Concat", ["p", "x"], "k", axis=1), n("Transpose", ["k"], "t", perm=[0, 2, 1]), n("MatMul", ["x", "t"], "s"), n("Unsqueeze", ["m", "o"], "u"), n("Add", ["s", "u"], "a"),
     n("Softmax", ["a"], "b"), n("MatMul", ["b", "k"])], {"x": f(1, 1, 8), "p": f(1, 1, 8), "m": f(1, 1)}, {"o": i64(1)},
     shapes={"x": ["batch", "length", 8], "p": ["batch", "past", 8], "m": ["batch", "total"]})

# --- Weights in blocks by DequantizeLinear: "compact:" keeps them in their bits -------------------------------
for kind, low, high, axis, zero in ((T.INT4, -8, 8, 0, 1), (T.UINT4, 0, 16, 1, 0), (T.INT8, -128, 128, 1, 1)):
    sizes, blocks = [[72, 64], [64, 72]][axis], [[3, 64], [64, 3]][axis]
    quanta = lambda *s: h.make_tensor("", kind, s, rng.integers(low, high, s).ravel().tolist())
    named = lambda t, k: (setattr(t, "name", k), t)[1]
    case(f"compact: blocks of {T.DataType.Name(kind)}", [n("DequantizeLinear", ["w", "s", *(["z"] if zero else [])], "v", axis=axis, block_size=24), *([n("MatMul", ["x", "v"])] if not axis else [n("Gemm", ["x", "v"], transB=1)])],
         f(2, 72), {"w": named(quanta(*sizes), "w"), "s": some(*blocks), **({"z": named(quanta(*blocks), "z")} if zero else {})}, tolerance=1e-4)

# --- Sequences whose length the model tells -------------------------------------------------------------------
case("parts in a sequence", [n("SplitToSequence", ["x", "k"], "s", axis=1), n("SequenceAt", ["s", "l"], "a"), n("SequenceLength", ["s"], "m"), n("Cast", ["m"], "c", to=T.FLOAT), n("SequenceErase", ["s", "z"], "e"), n("Identity", ["e"], "i"),
     n("SequenceInsert", ["i", "a", "z"], "j"), n("ConcatFromSequence", ["j"], "t", axis=1), n("Mul", ["t", "c"])], f(2, 7), {"k": np.int64(3), "l": np.int64(-1), "z": np.int64(0)})
case("parts of stated sizes", [n("SplitToSequence", ["x", "k"], "s", axis=0), n("SequenceAt", ["s", "o"])], f(5, 2), {"k": i64(2, 3), "o": np.int64(1)})
case("a sequence of rows", [n("SplitToSequence", ["x"], "s", axis=0, keepdims=0), n("ConcatFromSequence", ["s"], axis=-1, new_axis=1)], f(3, 4))
case("a sequence from nothing", [n("SequenceEmpty", [], "e"), n("Relu", ["x"], "r"), n("SequenceInsert", ["e", "x"], "f"), n("SequenceInsert", ["f", "r"], "g"), n("SequenceConstruct", ["r", "x"], "h"), n("SequenceAt", ["h", "z"], "i"),
     n("ConcatFromSequence", ["g"], "t", axis=0), n("Concat", ["t", "i"], axis=0)], f(2, 3), {"z": np.int64(0)})
case("a table too short for any stand-in", [n("Shape", ["x"], "a"), n("Gather", ["a", "o"], "b"), n("Unsqueeze", ["b", "z"], "c"), n("Slice", ["t", "z", "c", "z"], "e"),
     n("Gather", ["w", "x"], "g"), n("Add", ["g", "e"], "i"), n("MatMul", ["i", "k"])], i64(3).reshape(1, 1),
     {"o": np.int64(1), "z": i64(0), "t": f(12, 8), "w": f(9, 8), "k": f(8, 4)}, shapes={"x": ["batch", "length"]})
# What holds for both stand-ins of a length need not hold for a run's.
decide = lambda op: h.make_graph([n(op, ["x", "one"], "z")], op, [], [h.make_tensor_value_info("z", T.FLOAT, None)])
length = [n("Shape", ["x"], "a"), n("Gather", ["a", "o"], "b")]
for name, nodes in (("a branch by the length", [n("Greater", ["b", "k"], "c"), n("If", ["c"], then_branch=decide("Add"), else_branch=decide("Sub"))]),
                    ("the lesser of a length and a number", [n("Min", ["b", "k"], "c"), n("Cast", ["c"], "d", to=T.FLOAT), n("Mul", ["x", "d"])])):
    case(name, length + nodes, f(1, 1), {"o": np.int64(1), "k": np.int64(50), "one": np.float32(1)}, shapes={"x": ["batch", "length"]})
by = lambda op, *i, o="c", **a: [n(op, ["b", *i], o, **a)]
scaled = [n("Cast", ["c"], "d", to=T.FLOAT), n("Mul", ["x", "d"])]
quotient = [n("Cast", ["b"], "e", to=T.FLOAT), n("Div", ["e", "real"], "q")]
padding = [*by("Mod", "eight", o="r"), n("Sub", ["eight", "r"], "s"), n("Mod", ["s", "eight"], "p"), n("Unsqueeze", ["p", "z"], "u"), n("Concat", ["z", "z", "z", "u"], "pads", axis=0), n("Pad", ["x", "pads"], "v")]
for name, nodes in (("remainder", by("Mod", "eight") + scaled), ("quotient", by("Div", "k") + scaled), ("divisor", [n("Div", ["k", "b"], "c"), *scaled]),
                    ("bits", by("BitwiseAnd", "ones") + scaled), ("equality", by("Equal", "o") + scaled), ("floor", quotient + [n("Floor", ["q"], "c"), *scaled]),
                    ("whole numbers", quotient + [n("Cast", ["q"], "c", to=T.INT64), *scaled]), ("sign", [n("Sub", ["b", "k"], "e"), n("Sign", ["e"], "c"), *scaled]),
                    ("least of two", [n("Unsqueeze", ["b", "z"], "e"), n("Concat", ["e", "fifty"], "g", axis=0), n("ReduceMin", ["g"], "c", keepdims=0), *scaled]),
                    ("padding to eight", padding + [n("Relu", ["v"])]), ("windows of eight", padding + [n("Reshape", ["v", "windows"])])):
    case("a length's " + name, length + nodes, f(1, 1), {"o": np.int64(1), "k": np.int64(50), "ones": np.int64(31), "eight": np.int64(8), "real": np.float32(50), "z": i64(0), "fifty": i64(50), "windows": i64(1, -1, 8)},
         shapes={"x": ["batch", "length"]})

# --- Shapes and types found wanting in comparison with onnxruntime ---------------------------------------------
case("layer normalization, one scale for several", [n("LayerNormalization", ["x", "s", "b"], axis=1)], f(2, 3, 4), {"s": f(3, 1), "b": f(1, 4)}, opset=17)
wide = lambda v: (v.astype(np.float32).view(np.uint32) & 0xffff0000).view(np.float32)
half = lambda k, v: h.make_tensor(k, T.BFLOAT16, v.shape, (wide(v).view(np.uint32) >> 16).astype(np.uint16).tobytes(), raw=True)
listed = lambda k, v: h.make_tensor(k, T.BFLOAT16, v.shape, v.ravel().tolist())
w, b = wide(f(5, 4)), wide(f(4))
case("weights in bfloat16", [n("Cast", ["x"], "c", to=T.BFLOAT16), n("MatMul", ["c", "w"], "m"), n("Add", ["m", "b"], "a"), n("Relu", ["a"], "r"), n("Cast", ["r"], to=T.FLOAT)], f(3, 5),
     {"w": half("w", w), "b": listed("b", b)}, like=([n("Gemm", ["x", "w", "b"], "a"), n("Relu", ["a"])], {"w": w, "b": b}))
case("an item before the last", [n("Relu", ["x"], "r"), n("SequenceConstruct", ["x", "r"], "s"), n("Neg", ["x"], "m"), n("SequenceInsert", ["s", "m", "l"], "t"), n("ConcatFromSequence", ["t"], axis=0)],
     f(2, 3), {"l": np.int64(-1)}, reference=True)
case("an optional value that is there", [n("Optional", ["x"], "o"), n("OptionalGetElement", ["o"], "g"), n("OptionalHasElement", ["o"], "h"), n("OptionalHasElement", [], "i"), n("Cast", ["h"], "k", to=T.FLOAT), n("Cast", ["i"], "l", to=T.FLOAT),
     n("Add", ["g", "k"], "s"), n("Mul", ["s", "l"], "t"), n("Concat", ["s", "t"], axis=0)], f(2, 3), like=([n("Constant", [], "k", value_float=1.0), n("Add", ["x", "k"], "s"), n("Sub", ["s", "s"], "t"), n("Concat", ["s", "t"], axis=0)], {}))

# --- Caches whose sequences differ in length, and those that are as long as they will ever be ---------------------
for name, steps, past, last, total in (("sequences padded on the right", 1, 3, (3, 1), 4), ("a cache with room", 1, 6, (4, 2), 5), ("a prompt in a cache with room", 3, 5, (2, 2), 3)):
    case("grouped attention, " + name, [ms("GroupQueryAttention", ["x", "", "", "p", "q", "l", "t", "c", "s"], ["y", "z", "u"], num_heads=4, kv_num_heads=2, do_rotary=1)],
         {"x": f(2, steps, 128), "p": f(2, 2, past, 16), "q": f(2, 2, past, 16), "l": np.array(last, np.int32), "t": np.array(total, np.int32)},
         {"c": f(9, 8), "s": f(9, 8)}, outputs=[(k, T.FLOAT) for k in "yzu"])

case("grouped attention, a cache of the window", [ms("GroupQueryAttention", ["x", "", "", "p", "q", "l", "t", "c", "s", *[""] * 7, "n"], ["y", "z", "u"], num_heads=4, kv_num_heads=2, do_rotary=1, local_window_size=3, sliding_window_cache=1)],
     {"x": f(2, 2, 128), "p": f(2, 2, 5, 16), "q": f(2, 2, 5, 16), "l": np.array([8, 3], np.int32), "t": np.array(9, np.int32), "n": np.array([2, 2], np.int32)},
     {"c": f(12, 8), "s": f(12, 8)}, outputs=[("y", T.FLOAT)])
case("grouped attention, symbols for every length", [n("MatMul", ["x", "w"], "a"), ms("GroupQueryAttention", ["a", "", "", "p", "q", "l", "t", "c", "s"], ["y", "z", "u"], num_heads=2, kv_num_heads=1, do_rotary=1)],
     {"x": f(1, 1, 8), "p": f(1, 1, 1, 32), "q": f(1, 1, 1, 32), "l": np.array([1], np.int32), "t": np.array(2, np.int32)}, {"w": f(8, 128), "c": f(9, 8), "s": f(9, 8)},
     outputs=[(k, T.FLOAT) for k in "yzu"], shapes={"x": ["b", "n", 8], "p": ["b", 1, "past", "d"], "q": ["b", 1, "past", "d"], "l": ["b"]})
case("parts listed in the run", [n("SplitToSequence", ["x", "p"], "s", axis=1), n("SequenceAt", ["s", "l"], "a"), n("SequenceAt", ["s", "z"], "b"), n("Concat", ["a", "b"], axis=1)],
     {"x": f(2, 6), "p": i64(1, 3, 2)}, {"l": np.int64(-1), "z": np.int64(0)})

# --- End -------------------------------------------------------------------------------------------------
write("tests/convert/variants.pack")
