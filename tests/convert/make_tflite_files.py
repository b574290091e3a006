# SPDX-License-Identifier: Apache-2.0
# Makes tflite_files.pack for models.c and hostile_tflite.c: what TFLite files may look like (numbers outside
# of the FlatBuffer, in fewer than 8 bits, in other files; tensors without names), and operators that
# ai-edge-litert does not run: StableHLO's and MediaPipe's, with what numpy makes of their definitions.
import struct, sys
from flatbuffers import flexbuffers
from tflite_build import *

f32 = np.float32
rng = np.random.default_rng(3)
real = lambda *s: rng.standard_normal(s).astype(f32)
NP_T = {np.dtype(v): k for k, v in NP.items()}


def told(name, op, feeds, results, change=None, custom=None, copts=None, version=1, constants=(), tolerance=2e-5):
    """One operator and what it gives. `constants`: inputs behind the fed ones; `change` has the operator and S."""
    xs = [T("x%d" % k, NP_T[a.dtype], a.shape) for k, a in enumerate(feeds)]
    ys = [T("y%d" % k, NP_T[a.dtype], a.shape) for k, a in enumerate(results)]
    ins = xs + [const("c%d" % k, a) for k, a in enumerate(constants)]

    def both(m):
        m.operatorCodes[0].version = version
        if change:
            change(m.subgraphs[0].operators[0])

    model = build(xs, ys, [Op(op, ins, ys, custom=custom, copts=copts)], both)
    exact = all(a.dtype != f32 for a in results)
    put(name, model, b"".join(np.ascontiguousarray(a).tobytes() for a in [*feeds, *results]), tolerance=0 if exact else tolerance)


def options(name, **fields):
    o = getattr(S, name + "OptionsT")()
    for k, v in fields.items():
        setattr(o, k, v)

    def change(op):
        op.builtinOptions2Type = getattr(S.BuiltinOptions2, name + "Options")
        op.builtinOptions2 = o

    return change


# --- StableHLO --------------------------------------------------------------------------------------

a, b, p = real(3, 4), real(3, 4), np.abs(real(3, 4)) + f32(0.1)
for op, y in [
    ("ADD", a + b), ("SUBTRACT", a - b), ("MULTIPLY", a * b), ("DIVIDE", a / b), ("MAXIMUM", np.maximum(a, b)),
    ("MINIMUM", np.minimum(a, b)), ("REMAINDER", np.fmod(a, b)),
]:
    told("stablehlo " + op.lower(), "STABLEHLO_" + op, [a, b], [y])
told("stablehlo power", "STABLEHLO_POWER", [p, b], [p**b])
for op, y in [
    ("LOGISTIC", 1 / (1 + np.exp(-a))), ("ABS", abs(a)), ("COSINE", np.cos(a)), ("EXPONENTIAL", np.exp(a)),
    ("FLOOR", np.floor(a)), ("NEGATE", -a), ("TANH", np.tanh(a)),
]:
    told("stablehlo " + op.lower(), "STABLEHLO_" + op, [a], [y.astype(f32)])
told("stablehlo log", "STABLEHLO_LOG", [p], [np.log(p)])
told("stablehlo rsqrt", "STABLEHLO_RSQRT", [p], [1 / np.sqrt(p)])
i, j = rng.integers(0, 99, (2, 3, 4)).astype(np.int32)
told("stablehlo and", "STABLEHLO_AND", [i > 50, j > 50], [(i > 50) & (j > 50)])
told("stablehlo or", "STABLEHLO_OR", [i > 50, j > 50], [(i > 50) | (j > 50)])
told("stablehlo shift", "STABLEHLO_SHIFT_LEFT", [i, j % 5], [i << (j % 5)])
told("stablehlo select", "STABLEHLO_SELECT", [a > 0, a, b], [np.where(a > 0, a, b)])
told("stablehlo convert", "STABLEHLO_CONVERT", [i], [i.astype(f32)])
told("stablehlo clamp", "STABLEHLO_CLAMP", [f32(-0.5), a, f32(0.7)], [np.clip(a, -0.5, 0.7)])
told("stablehlo reshape", "STABLEHLO_RESHAPE", [a], [a.reshape(2, 6)])
for k, y in enumerate([a == b, a != b, a >= b, a > b, a <= b, a < b]):
    told("stablehlo compare %d" % k, "STABLEHLO_COMPARE", [a, b], [y], options("StablehloCompare", comparisonDirection=k))
told("stablehlo concatenate", "STABLEHLO_CONCATENATE", [a, b], [np.concatenate([a, b], 1)], options("StablehloConcatenate", dimension=1))
told("stablehlo transpose", "STABLEHLO_TRANSPOSE", [a], [a.T], options("StablehloTranspose", permutation=[1, 0]))
told("stablehlo slice", "STABLEHLO_SLICE", [a], [a[1:3, 0:4:2]], options("StablehloSlice", startIndices=[1, 0], limitIndices=[3, 4], strides=[1, 2]))
told("stablehlo broadcast", "STABLEHLO_BROADCAST_IN_DIM", [a[:, :1]], [np.broadcast_to(a[:, None, :1], (3, 2, 5))], options("StablehloBroadcastInDim", broadcastDimensions=[0, 2]))
told("stablehlo pad", "STABLEHLO_PAD", [a, f32(7)], [np.pad(a, ((1, 0), (0, 2)), constant_values=7)[:, 1:]], options("StablehloPad", edgePaddingLow=[1, -1], edgePaddingHigh=[0, 2], interiorPadding=[0, 0]))
y = np.broadcast_to(np.arange(3, dtype=np.int32)[:, None], (3, 2))
x = T("x", "i32", (3, 2))
iota = T("iota", "i32", (3, 2))
out = T("y", "i32", (3, 2))
o = options("StablehloIota", iotaDimension=0)
put("stablehlo iota", build([x], [out], [Op("STABLEHLO_IOTA", [], [iota]), Op("ADD", [x, iota], [out])], lambda m: o(m.subgraphs[0].operators[0])), y.tobytes() + (y + y).tobytes())

# --- MediaPipe --------------------------------------------------------------------------------------


def pooled(x, k, s, same):
    n, h, w, c = x.shape
    oh, ow = [(v + q - 1) // q if same else (v - z) // q + 1 for v, z, q in zip((h, w), k, s)]
    pad = [max(0, (o - 1) * q + z - v) // 2 for o, q, z, v in zip((oh, ow), s, k, (h, w))]
    y, at = np.zeros((2, n, oh, ow, c), f32)
    for i in range(oh):
        for j in range(ow):
            best = np.full((n, c), -np.inf, f32)
            where = np.zeros((n, c), f32)
            for u in range(k[0]):
                for v in range(k[1]):
                    r, q = i * s[0] - pad[0] + u, j * s[1] - pad[1] + v
                    if 0 <= r < h and 0 <= q < w:
                        now = x[:, r, q]
                        where = np.where(now > best, u * k[1] + v, where)
                        best = np.maximum(best, now)
            y[:, i, j], at[:, i, j] = best, where + 0.1
    return y, at.astype(f32)


def unpooled(x, at, k):
    n, h, w, c = x.shape
    y = np.zeros((n, h * k[0], w * k[1], c), f32)
    for b, i, j, m in np.ndindex(*x.shape):
        u, v = divmod(int(at[b, i, j, m]), k[1])
        y[b, i * k[0] + u, j * k[1] + v, m] = x[b, i, j, m]
    return y


pool_options = lambda k, s, same, act=0: struct.pack("<6i", 1 if same else 2, s[1], s[0], k[1], k[0], act) + b"\0" * 16
for k, s, same in [((2, 2), (2, 2), True), ((3, 2), (2, 1), True), ((2, 3), (1, 2), False)]:
    x = real(2, 5, 6, 3)
    told("max pooling with places %s %s %d" % (k, s, same), "CUSTOM", [x], pooled(x, k, s, same), custom="MaxPoolingWithArgmax2D", copts=pool_options(k, s, same))
x, at = pooled(real(2, 6, 4, 3), (2, 2), (2, 2), True)
told("max unpooling", "CUSTOM", [x, at], [unpooled(x, at, (2, 2))], custom="MaxUnpooling2D", copts=pool_options((2, 2), (2, 2), True))

marks = (rng.uniform(10, 60, (1, 12, 3))).astype(f32)
box = dict(left_rotation_idx=2, right_rotation_idx=9, output_width=6, output_height=5, scale_x=1.5, scale_y=1.25, target_rotation_radians=0.0, subset_idxs=[2, 3, 5, 7, 9, 10])


def matrix(x):
    p, r = x[0, box["subset_idxs"], :2], x[0, 9] - x[0, 2]
    t = box["target_rotation_radians"] - np.arctan2(r[1], r[0])
    turn = np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])
    q = p @ turn.T
    size, middle = q.max(0) - q.min(0), turn.T @ ((q.max(0) + q.min(0)) / 2)
    inner = turn.T @ np.diag(size * [box["scale_x"], box["scale_y"]] / [box["output_width"], box["output_height"]])
    m = np.eye(4)
    m[:2, :2] = inner
    m[:2, 3] = middle - inner @ [box["output_width"] / 2, box["output_height"] / 2]
    return m.astype(f32)[None]


def through(x, m, h, w):
    y = np.zeros((1, h, w, x.shape[3]), f32)
    for i, j in np.ndindex(h, w):
        px, py = m[0, :2, :2] @ [j + 0.5, i + 0.5] + m[0, :2, 3] - 0.5
        if 0 <= px <= x.shape[2] - 1 and 0 <= py <= x.shape[1] - 1:
            u, v = int(px), int(py)
            u1, v1 = min(u + 1, x.shape[2] - 1), min(v + 1, x.shape[1] - 1)
            s, t = px - u, py - v
            y[0, i, j] = (x[0, v, u] * (1 - s) + x[0, v, u1] * s) * (1 - t) + (x[0, v1, u] * (1 - s) + x[0, v1, u1] * s) * t
    return y


m = matrix(marks)
dump = lambda o: bytes(flexbuffers.Dumps(o))
told("landmarks to matrix", "CUSTOM", [marks], [m], custom="Landmarks2TransformMatrix", copts=dump(box), version=2)
told("landmarks of version 1", "CUSTOM", [marks], [m], custom="Landmarks2TransformMatrix", copts=dump(box))
records[-1] = records[-1].replace(b"\0\0", b"\0version 1 is not supported\0", 1)
carried = marks.copy()
carried[..., :2] = marks[..., :2] @ m[0, :2, :2].T + m[0, :2, 3]
told("landmarks by matrix", "CUSTOM", [marks, m], [carried], custom="TransformLandmarks", copts=dump(dict(dimensions=3)), version=2)
told("landmarks in a plane", "CUSTOM", [marks[..., :2].copy(), m], [carried[..., :2].copy()], custom="TransformLandmarks", copts=dump(dict(dimensions=2)), version=2)
x = real(1, 48, 40, 2)
told("picture by matrix", "CUSTOM", [x, m], [through(x, m, 5, 6)], custom="TransformTensorBilinear", copts=dump(dict(output_height=5, output_width=6)), version=2, tolerance=1e-4)

# --- Non-maximum suppression: overlaps that are just reached, scores that decay -------------------------

one = lambda name, n, dt=f32: const(name, np.array(n, dt))
for name, n, sigma, overlap, least in [("soft", 40, 0.5, 0.6, 0.05), ("soft, some", 40, 0.1, 0.9, 0.3), ("reached", 2, 0, 0.5, 0.2)]:
    c, e = rng.uniform(0, 1, (n, 2)), rng.uniform(0.1, 0.5, (n, 2))
    v = np.concatenate([c - e / 2, c + e / 2], 1).astype(f32)
    if n == 2:
        v = np.array([[0, 0, 1, 2], [0, 0, 1, 1]], f32)
    w = rng.uniform(0, 1, n).astype(f32)
    b, s = T("b", "f32", (n, 4)), T("s", "f32", (n,))
    outs = [T("chosen", "i32", (9,)), T("scores", "f32", (9,)), T("count", "i32", ())]
    ins = [b, s, one("most", 9, np.int32), one("overlap", overlap), one("least", least), one("sigma", sigma)]
    model = build([b, s], outs, [Op("NON_MAX_SUPPRESSION_V5", ins, outs)])
    put("suppression " + name, model, b"".join(a.tobytes() for a in [v, w, *run(model, [v, w], False)]), tolerance=1e-6)

# --- Files ------------------------------------------------------------------------------------------

x, y = T("x", "f32", (4, 5)), T("y", "f32", (4, 5))
for lo, hi, bits, narrow in [(-1.1, 2.3, 8, False), (0.0, 6.0, 8, False), (-3.0, 0.5, 4, False)]:
    o = S.FakeQuantOptionsT()
    o.min, o.max, o.numBits, o.narrowRange = lo, hi, bits, narrow

    def change(m):
        m.subgraphs[0].operators[0].builtinOptionsType = S.BuiltinOptions.FakeQuantOptions
        m.subgraphs[0].operators[0].builtinOptions = o

    model = build([x], [y], [Op("FAKE_QUANT", [x], [y])], change)
    v = real(4, 5) * 2
    put("fake quant %g %g" % (lo, hi), model, v.tobytes() + run(model, [v], False)[0].tobytes(), tolerance=2e-5)

w = rng.integers(-2, 2, (3, 5)).astype(np.int8)
xs = rng.integers(-128, 128, (2, 5)).astype(np.int8)
x, y = T("x", "i8", (2, 5), scale=0.05, zp=3), T("y", "i8", (2, 3), scale=0.1, zp=-4)


def packed(bits, kind):
    def change(m):
        t = [t for t in m.subgraphs[0].tensors if t.name == b"w"][0]
        t.type = kind
        each, q = 8 // bits, np.append(w.ravel(), [0] * 3).astype(np.int64) & ((1 << bits) - 1)
        m.buffers[t.buffer].data = [sum(int(q[i + k]) << (k * bits) for k in range(each)) for i in range(0, w.size, each)]

    return change


ops = lambda: [Op("FULLY_CONNECTED", [x, const("w", w, scale=0.2)], [y], dict(fusedActivationFunction=0))]
wanted = run(build([x], [y], ops()), [xs])[0]
for bits, kind in ((4, 17), (2, 19)):
    put("weights of %d bits" % bits, build([x], [y], ops(), packed(bits, kind)), xs.tobytes() + wanted.tobytes(), tolerance=1)


x0, y0 = T("x", "f32", (2, 5)), T("y", "f32", (2, 0))
none = Op("FULLY_CONNECTED", [x0, const("w", np.zeros((0, 5), np.int8), scale=0.1)], [y0], dict(fusedActivationFunction=0))
put("no weights", build([x0], [y0], [none]), sentence="its weights are empty")


def outside(m):  # numbers behind the FlatBuffer: their place is known once it is written
    t = [t for t in m.subgraphs[0].tensors if t.name == b"w"][0]
    outside.at = t.buffer
    m.buffers[t.buffer].data = None
    m.buffers[t.buffer].offset, m.buffers[t.buffer].size = 1 << 40, w.size


def placed(at):
    model = bytearray(build([x], [y], ops(), outside))
    where = bytes(model).index(struct.pack("<Q", 1 << 40))
    model[where : where + 8] = struct.pack("<Q", len(model) if at is None else at)
    return bytes(model) + w.tobytes()


put("numbers behind the FlatBuffer", placed(None), xs.tobytes() + wanted.tobytes(), tolerance=1)
put("numbers out of the file", placed(1 << 33), sentence="a buffer reaches out of the file")


def change_w(**fields):
    def change(m):
        t = [t for t in m.subgraphs[0].tensors if t.name == b"w"][0]
        for k, v in fields.items():
            setattr(t, k, v)

    return change


put("numbers in another file", build([x], [y], ops(), change_w(externalBuffer=1)), sentence="its numbers lie in another file")


def blockwise(m):
    q = [t for t in m.subgraphs[0].tensors if t.name == b"w"][0].quantization
    q.detailsType, q.details = S.QuantizationDetails.BlockwiseQuantization, S.BlockwiseQuantizationT()


put("scales of blocks", build([x], [y], ops(), blockwise), sentence="it has scales for blocks")
half = real(5)
brain = (half.view(np.uint32) >> 16).astype(np.uint16)
x, h, d, y = T("x", "f32", (2, 5)), const("h", half.astype(np.float16)), T("d", "f32", (5,)), T("y", "f32", (2, 5))


def as_brain(m):
    t = [t for t in m.subgraphs[0].tensors if t.name == b"h"][0]
    t.type = S.TensorType.BFLOAT16
    m.buffers[t.buffer].data = np.frombuffer(brain.tobytes(), np.uint8)


v = real(2, 5)
put("bfloat16", build([x], [y], [Op("DEQUANTIZE", [h], [d]), Op("ADD", [x, d], [y], dict(fusedActivationFunction=0))], as_brain), v.tobytes() + (v + (brain.astype(np.uint32) << 16).view(f32)).astype(f32).tobytes(), tolerance=1e-6)


def unnamed(m):
    for t in m.subgraphs[0].tensors:
        t.name = b"same" if t.name == b"b" else None
    m.subgraphs[0].tensors[0].name = b"same"


a, b, y, z = [T(n, "f32", (2, 3)) for n in "abyz"]
u, v = real(2, 3), real(2, 3)
two = lambda: [Op("SUB", [a, b], [y], dict(fusedActivationFunction=0)), Op("ADD", [a, y], [z], dict(fusedActivationFunction=0))]
put("without names", build([a, b], [y, z], two(), unnamed), b"".join(t.tobytes() for t in (u, v, u - v, u + (u - v))), tolerance=1e-6)


def old_codes(m):
    for c in m.operatorCodes:
        c.builtinCode = 0
    m.version = 2


put("old operator codes", build([a, b], [y, z], two(), old_codes), b"".join(t.tobytes() for t in (u, v, u - v, u + (u - v))), tolerance=1e-6)
put("an input given back", build([a, b], [a, z], two()), b"".join(t.tobytes() for t in (u, v, u, u + (u - v))), tolerance=1e-6)
put("one output twice", build([a, b], [z, z], two()), b"".join(t.tobytes() for t in (u, v, u + (u - v), u + (u - v))), tolerance=1e-6)


def detections(classes_each, rows):
    r, f = np.random.default_rng(11), lambda n, *s: T(n, "f32", s)
    anchors = np.concatenate([r.random((9, 2)), 0.1 + 0.3 * r.random((9, 2))], 1).astype(f32)
    boxes, scores = r.standard_normal((1, 9, 4)).astype(f32), r.random((1, 9, 3)).astype(f32)
    outs = [f("boxes", 1, rows, 4), f("classes", 1, rows), f("scores", 1, rows), f("number", 1)]
    o = dict(max_detections=4, max_classes_per_detection=classes_each, detections_per_class=4, use_regular_nms=True, num_classes=3, nms_score_threshold=0.05, nms_iou_threshold=0.5)
    o.update(y_scale=10.0, x_scale=10.0, h_scale=5.0, w_scale=5.0)
    b, s = f("b", 1, 9, 4), f("s", 1, 9, 3)
    op = Op("CUSTOM", [b, s, const("a", anchors)], outs, custom="TFLite_Detection_PostProcess", copts=bytes(flexbuffers.Dumps(o)))
    return build([b, s], outs, [op]), [boxes, scores]


# Suppression by class fills `max_detections` places; TensorFlow Lite leaves the others as they are, which are zeros here.
model, feeds = detections(1, 4)
found = run(model, feeds, False)
wider = [np.concatenate([a, np.zeros_like(a)], 1) for a in found[:3]] + found[3:]
put("places of detections by class", detections(2, 8)[0], b"".join(np.ascontiguousarray(t).tobytes() for t in feeds + wider), tolerance=2e-5)

# Where a mask says so stands the lowest f32, beside which scores are nothing.
x, y, z, p = [T(n, "i8", (2, 6), scale=s, zp=z) for n, s, z in (("x", 0.05, 3), ("y", 9.3e35, 127), ("z", 9.3e35, 127), ("p", 1 / 256, -128))]
m = T("m", "bool", (2, 6))
root, low = const("root", np.array([127], np.int8), scale=0.003, zp=-128), const("low", np.array([-128], np.int8), scale=9.3e35, zp=127)
feeds = [rng.integers(-128, 128, (2, 6)).astype(np.int8), rng.random((2, 6)) < 0.6]
model = build([x, m], [p], [Op("MUL", [x, root], [y], dict(fusedActivationFunction=0)), Op("SELECT_V2", [m, y, low], [z]), Op("SOFTMAX", [z], [p], dict(beta=1.0))])
put("mask of the lowest number", model, b"".join(t.tobytes() for t in [*feeds, *run(model, feeds, False)]), tolerance=1)
# One step of the input is beyond the table. (From 5000 steps on TensorFlow Lite's products overflow.)
for code in ("LOGISTIC", "TANH"):
    x, y = T("x", "i16", (9,), scale=35.2), T("y", "i16", (9,), scale=1 / 32768)
    model, feeds = build([x], [y], [Op(code, [x], [y])]), [np.array([0, 1, -1, 2, -3, 500, -700, 4000, -4000], np.int16)]
    put("steep " + code, model, b"".join(t.tobytes() for t in [*feeds, *run(model, feeds, True)]))
with open(sys.argv[1] if len(sys.argv) > 1 else "tests/convert/tflite_files.pack", "wb") as out:
    out.write(b"".join(records))
print(len(records), "models,", sum(map(len, records)), "bytes")
