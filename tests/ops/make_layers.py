# SPDX-License-Identifier: Apache-2.0
# Makes layers.pack: the general operators of runtime/ops/more that layers of networks are made of, in
# their forms and types. Results come from ONNX Runtime, else from numpy in f64.
#   python3 tests/ops/make_layers.py [tests/ops/layers.pack]
import struct
import sys

import numpy as np

import steps_pack
from steps_pack import Tensor, case, run, write

rng = np.random.default_rng(23)
f16, f32, f64 = np.float16, np.float32, np.float64
steps_pack.ONNX.update({2: 10, 7: 9, 8: 5, 9: 11, 10: 4})  # f16, bool, i16, f64, u16
real = lambda *s: rng.standard_normal(s).astype(f32)
i64 = lambda *n: np.array(n, np.int64)
byte = lambda *s: rng.integers(0, 256, s, dtype=np.uint8)
signed = lambda *s: rng.integers(-128, 128, s, dtype=np.int8)
absent = Tensor(np.zeros(0, f32), "constant")
bits = lambda x: struct.unpack("<i", struct.pack("<f", x))[0]


def put(name, op, arrays, output, constants=(), **attrs):
    """Inputs that shapes depend on must be constants here."""
    inputs = [absent if a is None else
              Tensor(a, "constant" if k in constants else "value") for k, a in enumerate(arrays)]
    while inputs and inputs[-1] is absent:
        inputs.pop()
    case(f"{op} {name}", op, inputs, Tensor(output), **attrs)


# --- Windows --------------------------------------------------------------------------------------

WINDOWS = [((9,), (3,), [2], [1], [1, 2]), ((6, 7), (3, 2), [2, 1], [1, 2], [1, 0, 1, 1]),
           ((3, 4, 5), (2, 3, 2), [1, 2, 1], [2, 1, 1], [0, 1, 0, 1, 1, 1])]
AUTO = {1: "SAME_UPPER", 2: "SAME_LOWER"}


def window(strides, dilations, pads):
    r = len(strides)
    ours = dict(strides=strides, dilations=dilations, pads_begin=pads[:r], pads_end=pads[r:])
    return ours, dict(strides=strides, dilations=dilations, pads=pads)


for dims, kernel, strides, dilations, pads in WINDOWS:
    r = len(dims)
    ours, theirs = window(strides, dilations, pads)
    for groups in (1, 2):
        x, w, b = real(2 if r < 3 else 1, 4, *dims), real(6, 4 // groups, *kernel), real(6)
        put(f"{dims} groups {groups}", "conv_nd", [x, w, b],
            run("Conv", [x, w, b], group=groups, **theirs), groups=groups, **ours)
        # Sums of integers less their zero points.
        q, v, xz, wz = byte(1, 4, *dims), signed(6, 4 // groups, *kernel), np.uint8(7), signed(6)
        lifted = v.astype(f32) - wz.reshape(-1, *[1] * (r + 1))
        y = run("Conv", [q.astype(f32) - f32(7), lifted.astype(f32)], group=groups, **theirs)
        put(f"{dims} integers, groups {groups}", "conv_nd", [q, v, None, xz, wz],
            np.rint(y).astype(np.int32), groups=groups, **ours)
        w, b = real(4, 3, *kernel), real(3 * groups)
        more = [s - 1 for s in strides]
        put(f"{dims} groups {groups}", "conv_transpose", [x, w, b],
            run("ConvTranspose", [x, w, b], group=groups, output_padding=more, **theirs),
            groups=groups, output_padding=more, **ours)
    for auto, word in AUTO.items():
        x, w = real(1, 2, *dims), real(3, 2, *kernel)
        put(f"{dims} {word}", "conv_nd", [x, w], run("Conv", [x, w], strides=strides, auto_pad=word),
            strides=strides, auto_pad=auto)
        put(f"{dims} {word}", "conv_transpose", [x, w.swapaxes(0, 1)],
            run("ConvTranspose", [x, w.swapaxes(0, 1)], strides=strides, auto_pad=word),
            strides=strides, auto_pad=auto)
    for ceil in (0, 1):
        k = dict(kernel_shape=kernel, ceil_mode=ceil, **theirs)
        mine = dict(kernel=list(kernel), ceil=ceil, **ours)
        x = real(1, 2, *dims)
        put(f"max {dims} ceil {ceil}", "pool_nd", [x], run("MaxPool", [x], **k), **mine)
        q = signed(1, 2, *dims)
        put(f"max {dims} ceil {ceil} i8", "pool_nd", [q], run("MaxPool", [q], **k), **mine)
        for count in (0, 1):
            put(f"average {dims} ceil {ceil} count {count}", "pool_nd", [x],
                run("AveragePool", [x], opset=19, count_include_pad=count, **k), mode=1,
                count_padding=count, **mine)
        put(f"lp {dims} ceil {ceil}", "pool_nd", [x], run("LpPool", [x], opset=18, p=3, **k), mode=2,
            p=3, **mine)

x, w = real(1, 3, 5, 4), real(3, 2, 3, 3)
put("output sizes", "conv_transpose", [x, w],
    run("ConvTranspose", [x, w], strides=[2, 2], output_shape=[10, 9]), strides=[2, 2], has_sizes=1,
    sizes=[10, 9])
for dtype in (f16, f64):
    x, w = rng.integers(-4, 5, (1, 2, 5, 5)).astype(dtype), rng.integers(-2, 3, (2, 2, 3, 3)).astype(dtype)
    y = run("Conv", [x.astype(f32), w.astype(f32)]).astype(dtype)
    put(np.dtype(dtype).name, "conv_nd", [x, w], y)
    y = run("ConvTranspose", [x.astype(f32), w.astype(f32)]).astype(dtype)
    put(np.dtype(dtype).name, "conv_transpose", [x, w], y)

x, w = real(2, 4, 5, 6), real(6, 2, 3, 3)
offset, b, mask = real(2, 2 * 2 * 9, 3, 4), real(6), real(2, 2 * 9, 3, 4)
put("mask, bias, groups", "deform_conv", [x, w, offset, b, mask],
    run("DeformConv", [x, w, offset, b, mask], opset=19, group=2, offset_group=2), groups=2,
    offset_groups=2)

# col2im is the sum of the columns of each pixel: the transpose of cutting windows out.
columns = real(1, 2 * 6, 16)
image = np.zeros((1, 2, 5, 6))
for tap in range(6):
    for at in range(16):
        y0, x0 = at // 4 + tap // 3, at % 4 + tap % 3
        image[0, :, y0, x0] += columns[0, [tap, 6 + tap], at]
put("2-D", "col2im", [columns, i64(5, 6), i64(2, 3)], image.astype(f32), constants=(1, 2))
columns = real(2, 3 * 2, 3)
line = np.zeros((2, 3, 7))
for tap in range(2):
    for at in range(3):  # stride 2, dilation 3, one padded at both ends
        k = at * 2 + tap * 3 - 1
        if 0 <= k < 7:
            line[:, :, k] += columns[:, tap::2, at]
put("1-D", "col2im", [columns, i64(7), i64(2)], line.astype(f32), constants=(1, 2), strides=[2],
    dilations=[3], pads_begin=[1], pads_end=[1])
x, at = real(1, 1, 2, 2), np.array([[[[0, 3], [9, 14]]]], np.int64)
y = np.zeros(16, f32)
y[at.ravel()] = x.ravel()
y = y.reshape(1, 1, 4, 4)
put("2x2", "max_unpool", [x, at], y, strides=[2, 2], kernel=[2, 2])
put("wider", "max_unpool", [x, at, i64(1, 1, 5, 6)], np.pad(y, ((0, 0), (0, 0), (0, 1), (0, 2))),
    constants=(2,), strides=[2, 2], kernel=[2, 2])

# --- Quanta ---------------------------------------------------------------------------------------

for dtype in (np.uint8, np.int8, np.uint16, np.int16):
    zero = {np.uint8: 100, np.int8: -7, np.uint16: 900, np.int16: -300}[dtype]
    x = (real(3, 4, 10) * 30).astype(f32)
    q = rng.integers(0, 120, (3, 4, 10)).astype(dtype)
    for name, shape, axis, block in [("one", (), 1, 0), ("axis 1", (4,), 1, 0), ("last", (10,), -1, 0),
                                     ("blocks", (3, 2, 10), 1, 2), ("last blocks", (3, 4, 4), 2, 3)]:
        scale, zeros = np.abs(real(*shape)).astype(f32) + f32(0.1), np.full(shape, zero, dtype)
        how = dict(opset=21, axis=axis, **({"block_size": block} if block else {}))
        name = f"{np.dtype(dtype).name} {name}"
        put(name, "quantize_linear", [x, scale, zeros], run("QuantizeLinear", [x, scale, zeros], **how),
            axis=axis, block_size=block)
        put(name, "dequantize_linear", [q, scale, zeros],
            run("DequantizeLinear", [q, scale, zeros], **how), axis=axis, block_size=block)
q = rng.integers(-2**20, 2**20, (3, 4)).astype(np.int32)
put("i32", "dequantize_linear", [q, f32(0.02)], run("DequantizeLinear", [q, f32(0.02)]))
halves = np.array([0.5, 1.5, 2.5, -0.5, -1.5, 1e9, -1e9, np.nan], f32)
put("ties", "quantize_linear", [halves, f32(1)], np.array([0, 2, 2, 0, 0, 255, 0, 0], np.uint8))

# --- Products -------------------------------------------------------------------------------------

for a, b in [((5,), (5,)), ((3, 5), (5,)), ((5,), (5, 4)), ((2, 1, 3, 5), (3, 5, 4)), ((2, 3), (3, 300)),
             ((2, 0), (0, 3)), ((0, 2), (2, 3))]:
    for dtype in (f32, f64, f16, np.int32, np.uint64)[:2 if b[-1] == 300 else 5]:
        x, y = (rng.integers(0, 9, s).astype(dtype) for s in (a, b))
        put(f"{a} {b} {np.dtype(dtype).name}", "matmul_nd", [x, y], np.asarray(np.matmul(x, y), dtype))
x, y, xz, yz = byte(2, 3, 70), signed(70, 4), byte(3), signed(4)
exact = np.matmul(x.astype(np.int32) - xz.reshape(3, 1).astype(np.int32),
                  y.astype(np.int32) - yz.astype(np.int32))
put("zero points", "matmul_nd", [x, y, xz, yz], exact.astype(np.int32))

LETTERS = {c: i for i, c in enumerate("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")}


def terms(equation):
    words = []
    for term in equation.replace("->", ",").split(","):
        labels = [-1 if c == "." else LETTERS[c] for c in term.replace("...", ".")]
        words += [len(labels), *labels]
    return words


for equation, shapes in [("ij,jk->ik", [(2, 3), (3, 4)]), ("bhid,bhjd->bhij", [(2, 2, 3, 4), (2, 2, 5, 4)]),
                         ("...ij,...jk->...ik", [(2, 2, 3), (1, 3, 4)]), ("ii->i", [(3, 3)]), ("ii->", [(3, 3)]),
                         ("bn,anm,bm->ba", [(2, 3), (4, 3, 5), (2, 5)]), ("abc->", [(2, 3, 4)]),
                         ("i,j->ij", [(2,), (300,)]), ("ij,jk->ik", [(2, 0), (0, 3)])]:
    for dtype in (f32, f64, np.int64):
        xs = [(real(*s) * 4).astype(dtype) for s in shapes]
        y = np.einsum(equation, *[x.astype(f64 if dtype is not np.int64 else dtype) for x in xs])
        put(f"{equation} {np.dtype(dtype).name}", "einsum", xs, np.asarray(y, dtype),
            terms=terms(equation))
for dtype in (f32, f64):
    x = real(3, 2, 4, 4).astype(dtype)
    put(np.dtype(dtype).name, "det", [x], np.linalg.det(x.astype(f64)).astype(dtype))

# --- Recurrent layers -----------------------------------------------------------------------------

FUNCTIONS = ["Relu", "Tanh", "Sigmoid", "Affine", "LeakyRelu", "ThresholdedRelu", "ScaledTanh",
             "HardSigmoid", "Elu", "Softsign", "Softplus"]
DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
T, B, I, H = 5, 2, 9, 3
for mode, (op, gates) in enumerate([("RNN", 1), ("GRU", 3), ("LSTM", 4)]):
    for way, direction in enumerate(["forward", "reverse", "bidirectional"]):
        D = 2 if way == 2 else 1
        x, w, r = real(T, B, I), real(D, gates * H, I) / 2, real(D, gates * H, H) / 2
        ours = dict(mode=mode, hidden=H, direction=way)
        theirs = dict(hidden_size=H, direction=direction, opset=14)
        words = [FUNCTIONS.index(f) for f in DEFAULTS[op] * D]
        put(f"{op} {direction}", "recurrent", [x, w, r], run(op, [x, w, r], **theirs),
            activations=words, **ours)
        more = [real(D, 2 * gates * H), np.array([5, 3], np.int32), real(D, B, H)]
        if op == "LSTM":
            more += [real(D, B, H), real(D, 3 * H)]
        for variant in range(2):
            extra = {"GRU": ("linear_before_reset", variant), "LSTM": ("input_forget", variant)}.get(op)
            both = {extra[0]: extra[1]} if extra else {}
            clip = 0.7 if variant else float("inf")
            y = run(op, [x, w, r] + more, **both, **theirs, **({"clip": clip} if variant else {}))
            put(f"{op} {direction} whole {variant}", "recurrent", [x, w, r] + more, y,
                activations=words, clip=clip, **both, **ours)
    names = {"RNN": ["LeakyRelu"], "GRU": ["HardSigmoid", "Softsign"],
             "LSTM": ["HardSigmoid", "Elu", "ScaledTanh"]}[op]
    alpha, beta = {"RNN": ([0.1], []), "GRU": ([0.3], [0.4]),
                   "LSTM": ([0.3, 0.5, 0.7], [0.4, 0.6])}[op]
    theirs = dict(activations=names, activation_alpha=alpha, hidden_size=H, opset=14)
    if beta:
        theirs["activation_beta"] = beta
    x, w, r = real(T, B, I), real(1, gates * H, I) / 2, real(1, gates * H, H) / 2
    ours = {"RNN": ([0.1], [0.0]), "GRU": ([0.3, 0.0], [0.4, 0.0]),
            "LSTM": ([0.3, 0.5, 0.7], [0.4, 0.0, 0.6])}[op]
    y = run(op, [x, w, r], **theirs)
    put(f"{op} functions", "recurrent", [x, w, r], y, mode=mode, hidden=H,
        activations=[FUNCTIONS.index(f) for f in names], alpha=ours[0], beta=ours[1])
    # Batch first: the same numbers, other dimensions.
    put(f"{op} batch first", "recurrent", [x.swapaxes(0, 1), w, r], y.transpose(2, 0, 1, 3), mode=mode,
        hidden=H, layout=1, activations=[FUNCTIONS.index(f) for f in names], alpha=ours[0],
        beta=ours[1])

# --- Attention ------------------------------------------------------------------------------------


def attend(q, k, v, scale=None, causal=0, left=-1, right=-1, softcap=0.0, mask=None, past=0,
           lengths=None):
    """In f64, with the sums written out."""
    q, k, v = (np.asarray(a, f64) for a in (q, k, v))
    k, v = (np.repeat(a, q.shape[1] // a.shape[1], 1) for a in (k, v))
    s = q @ k.swapaxes(-1, -2) * (scale or q.shape[-1] ** -0.5)
    if softcap:
        s = softcap * np.tanh(s / softcap)
    batch, _, rows, keys = s.shape
    offset = np.full(batch, past) if lengths is None else np.asarray(lengths) - rows
    p = (np.arange(rows) + offset.reshape(-1, 1))[:, None, :, None]
    j = np.arange(keys)
    allowed = np.ones(s.shape, bool)
    if causal:
        allowed &= j <= p
    if left >= 0:
        allowed &= j >= p - left
    if right >= 0:
        allowed &= j <= p + right
    if lengths is not None:
        allowed &= j < np.asarray(lengths).reshape(-1, 1, 1, 1)
    if mask is not None:
        short = keys - mask.shape[-1]
        if mask.dtype == bool:
            allowed &= np.pad(mask, [(0, 0)] * (mask.ndim - 1) + [(0, short)])
        else:
            s = s + np.pad(mask.astype(f64), [(0, 0)] * (mask.ndim - 1) + [(0, short)],
                           constant_values=-np.inf)
    s = np.where(allowed, s, -np.inf)
    most = s.max(-1, keepdims=True)
    e = np.exp(s - np.where(np.isinf(most), 0, most))
    total = e.sum(-1, keepdims=True)
    return (e / np.where(total == 0, 1, total)) @ v


pack = lambda a: a.transpose(0, 2, 1, 3).reshape(a.shape[0], a.shape[2], -1)
for heads in (1, 2):
    q, k, v = real(2, 2, 5, 9), real(2, heads, 4, 9), real(2, heads, 4, 3)
    for name, how in [("plain", {}), ("causal", dict(causal=1)), ("window", dict(left=1, right=2)),
                      ("softcap", dict(softcap=1.5, scale=0.3)), ("bool mask", dict(mask=rng.random((5, 4)) > 0.4)),
                      ("mask", dict(mask=real(2, 1, 5, 3))), ("head mask", dict(mask=real(2, 1, 4), causal=1)),
                      ("lengths", dict(lengths=[2, 4], causal=1)), ("nothing", dict(mask=np.zeros((1, 4), bool)))]:
        mask, lengths = how.get("mask"), how.get("lengths")
        attrs = {a: b for a, b in how.items() if a not in ("mask", "lengths")}
        y = attend(q, k, v, **how).astype(f32)
        rest = [mask, None, None, None if lengths is None else i64(*lengths)]
        put(f"{heads} heads {name}", "attention", [q, k, v] + rest, y, **attrs)
        if name not in ("plain", "mask", "lengths"):
            continue
        put(f"{heads} heads {name}, packed", "attention", [pack(q), pack(k), pack(v)] + rest, pack(y),
            q_heads=2, k_heads=heads, **attrs)
    pk, pv = real(2, heads, 3, 9), real(2, heads, 3, 3)
    y = attend(q, np.concatenate((pk, k), 2), np.concatenate((pv, v), 2), causal=1, past=3)
    put(f"{heads} heads past", "attention", [q, k, v, None, pk, pv], y.astype(f32), causal=1)
q, k, v = (real(1, 2, 3, 4).astype(f16) for _ in range(3))
put("f16", "attention", [q, k, v], attend(q, k, v).astype(f16))


def linear(q, k, v, past, decay, beta, hq, hk):
    batch, steps, _ = q.shape
    dk, dv = q.shape[2] // hq, v.shape[2] // hk
    state = np.zeros((batch, hk, dk, dv)) if past is None else past.astype(f64)
    out = np.zeros((batch, steps, hq, dv))
    for t in range(steps):
        kt, vt = k[:, t].reshape(batch, hk, dk).astype(f64), v[:, t].reshape(batch, hk, dv).astype(f64)
        if decay is not None:
            state = state * np.exp(decay[:, t].astype(f64).reshape(batch, hk, -1))[..., None]
        if beta is not None:
            vt = beta[:, t].astype(f64).reshape(batch, -1, 1) * (vt - np.einsum("bhkv,bhk->bhv", state, kt))
        state = state + kt[..., None] * vt[:, :, None]
        qt = q[:, t].reshape(batch, hq, dk).astype(f64) * dk ** -0.5
        out[:, t] = np.einsum("bhk,bhkv->bhv", qt, np.repeat(state, hq // hk, 1))
    return out.reshape(batch, steps, -1).astype(f32)


for hq, hk, has_past, decays, betas in [(2, 2, 0, 0, 0), (4, 2, 1, 2, 0), (4, 2, 1, 10, 2), (2, 2, 0, 10, 1)]:
    q, k, v = real(2, 4, hq * 5), real(2, 4, hk * 5) / 2, real(2, 4, hk * 3)
    past = real(2, hk, 5, 3) if has_past else None
    decay = -np.abs(real(2, 4, decays)) if decays else None
    beta = rng.random((2, 4, betas)).astype(f32) if betas else None
    put(f"{hq} and {hk} heads, {decays} decays, {betas} betas", "linear_attention",
        [q, k, v, past, decay, beta], linear(q, k, v, past, decay, beta, hq, hk), q_heads=hq, k_heads=hk)

for interleaved in (0, 1):
    x, c, s, ids = real(2, 4, 3, 8), real(10, 3), real(10, 3), rng.integers(0, 10, (2, 3))
    y = run("RotaryEmbedding", [x, c, s, ids], opset=23, interleaved=interleaved, rotary_embedding_dim=6)
    put(f"ids, interleaved {interleaved}", "rotary", [x, c, s, ids], y, interleaved=interleaved, rotated=6)
    packed, c, s = pack(x), real(2, 3, 4), real(2, 3, 4)
    y = run("RotaryEmbedding", [packed, c, s], opset=23, interleaved=interleaved, num_heads=4)
    put(f"packed, interleaved {interleaved}", "rotary", [packed, c, s], y, interleaved=interleaved, heads=4)

# --- Resizing and sampling ------------------------------------------------------------------------

MODES = ["nearest", "linear", "cubic"]
COORDINATES = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"]
ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
POLICIES = ["stretch", "not_larger", "not_smaller"]
x = real(1, 2, 5, 6)
for m, mode in enumerate(MODES):
    for c, coordinates in enumerate(COORDINATES):
        for scales, sizes in [([1, 1, 2, 1.5], None), ([1, 1, 0.4, 0.5], None), (None, [1, 2, 7, 4])]:
            given = [None if scales is None else np.array(scales, f32), None if sizes is None else i64(*sizes)]
            y = run("Resize", [x, None] + given, opset=19, mode=mode, coordinate_transformation_mode=coordinates)
            put(f"{mode} {coordinates} {scales or sizes}", "resize_nd", [x, None] + given, y,
                constants=(2, 3), mode=m, coordinates=c)
    for size in ([1, 2, 3, 4], [1, 2, 2, 9]):
        if mode != "nearest":
            y = run("Resize", [x, None, None, i64(*size)], opset=19, mode=mode, antialias=1)
            put(f"{mode} antialias {size}", "resize_nd", [x, None, None, i64(*size)], y, constants=(3,),
                mode=m, antialias=1)
for r, rounding in enumerate(ROUNDINGS):
    scales = np.array([1.7, 0.6], f32)
    y = run("Resize", [x, None, scales], opset=19, mode="nearest", nearest_mode=rounding, axes=[2, 3])
    put(rounding, "resize_nd", [x, None, scales], y, constants=(2,), rounding=r, axis_count=2, axes=[2, 3])
for p, policy in enumerate(POLICIES[1:]):
    y = run("Resize", [x, None, None, i64(8, 7)], opset=19, mode="linear", axes=[2, 3],
            keep_aspect_ratio_policy=policy)
    put(policy, "resize_nd", [x, None, None, i64(8, 7)], y, constants=(3,), mode=1, policy=p + 1,
        axis_count=2, axes=[-2, -1])
roi = np.array([0, 0, 0.1, 0.2, 1, 1, 0.8, 1.2], f32)
y = run("Resize", [x, roi, None, i64(1, 2, 4, 7)], opset=19, mode="linear", extrapolation_value=9.0,
        coordinate_transformation_mode="tf_crop_and_resize")
put("crop", "resize_nd", [x, roi, None, i64(1, 2, 4, 7)], y, constants=(1, 3), mode=1, coordinates=6,
    extrapolation=9.0)
scales = np.array([1, 1, 1.5, 0.5], f32)
y = run("Resize", [x, None, scales], opset=19, mode="cubic", exclude_outside=1, cubic_coeff_a=-0.5)
put("cubic, outside excluded", "resize_nd", [x, None, scales], y, constants=(2,), mode=2,
    exclude_outside=1, cubic_a=-0.5)
q = rng.integers(-2**60, 2**60, (2, 3), dtype=np.int64)
put("nearest i64", "resize_nd", [q, None, np.array([2, 1], f32)], q.repeat(2, 0), constants=(2,),
    coordinates=1, rounding=2)

for m, mode in enumerate(["linear", "nearest", "cubic"]):
    for p, padding in enumerate(["zeros", "border", "reflection"]):
        for align in (0, 1):
            grid = (rng.random((2, 3, 4, 2)) * 3 - 1.5).astype(f32)
            x = real(2, 2, 5, 6)
            how = dict(opset=20, mode=mode, padding_mode=padding, align_corners=align)
            put(f"{mode} {padding} {align}", "grid_sample", [x, grid], run("GridSample", [x, grid], **how),
                mode=m, padding=p, align_corners=align)
            if mode != "cubic":
                x, grid = real(1, 2, 3, 4, 5), (rng.random((1, 2, 3, 2, 3)) * 3 - 1.5).astype(f32)
                put(f"3-D {mode} {padding} {align}", "grid_sample", [x, grid],
                    run("GridSample", [x, grid], **how), mode=m, padding=p, align_corners=align)
for align in (0, 1):
    for theta, size in [(real(2, 2, 3), i64(2, 3, 4, 5)), (real(2, 3, 4), i64(2, 3, 2, 4, 5))]:
        put(f"{size[2:]} {align}", "affine_grid", [theta, size],
            run("AffineGrid", [theta, size], opset=20, align_corners=align), constants=(1,),
            align_corners=align)

# --- Signals --------------------------------------------------------------------------------------

split = lambda z: np.stack([z.real, z.imag], -1)
join = lambda a: a[..., 0] + (1j * a[..., 1] if a.shape[-1] > 1 else 0)
for n in (1, 2, 7, 8, 12, 31):
    for dtype in (f32, f64):
        x, z = real(2, n, 1).astype(dtype), real(2, n, 3, 2).astype(dtype)
        name = f"{n} {np.dtype(dtype).name}"
        put(f"{name} real", "dft", [x], split(np.fft.rfft(join(x.astype(f64)), axis=1)).astype(dtype), onesided=1)
        put(f"{name}", "dft", [z], split(np.fft.fft(join(z.astype(f64)), axis=1)).astype(dtype), axis=1)
        put(f"{name} inverse", "dft", [z], split(np.fft.ifft(join(z.astype(f64)), axis=1)).astype(dtype),
            axis=-3, inverse=1)
z = real(2, 5, 2)
put("back to real", "dft", [z], np.fft.irfft(join(z.astype(f64)), 8, axis=1)[..., None].astype(f32),
    onesided=1, inverse=1)
put("length and axis", "dft", [z, i64(9), i64(0)],
    split(np.fft.fft(join(z.astype(f64)), 9, axis=0)).astype(f32), constants=(1, 2))
x, w = real(2, 50), np.abs(real(12))
frames = np.stack([x[:, k * 7:k * 7 + 12] for k in range(6)], 1).astype(f64)
put("window", "stft", [x[..., None], i64(7), w], split(np.fft.rfft(frames * w)).astype(f32), constants=(1,))
put("length", "stft", [x, i64(7), None, i64(12)], split(np.fft.fft(frames)).astype(f32), constants=(1, 3),
    onesided=0)
for periodic in (0, 1):
    put(f"blackman {periodic}", "cosine_window", [i64(9)],
        run("BlackmanWindow", [i64(9).reshape(())], periodic=periodic), constants=(0,), periodic=periodic,
        cosines=[0.42, 0.5, 0.08])
inputs = [np.int64(8), np.int64(64), np.int64(8000), f32(20), f32(4000)]
put("8 bands", "mel_weights", inputs, run("MelWeightMatrix", inputs), constants=(0, 1))

# --- Attention sinks, numbers by chance -------------------------------------------------------------
q, k, v, sinks = real(2, 4, 3, 5), real(2, 2, 6, 5), real(2, 2, 6, 4), real(4)
scores = np.einsum("bhsd,bhtd->bhst", q.astype(f64), np.repeat(k, 2, 1)) / np.sqrt(5)
scores = np.concatenate([scores, np.broadcast_to(sinks.reshape(1, 4, 1, 1), (2, 4, 3, 1))], -1)
scores = np.exp(scores - scores.max(-1, keepdims=True))
scores = (scores / scores.sum(-1, keepdims=True))[..., :-1]
put("sinks", "attention", [q, k, v, None, None, None, None, sinks],
    (scores @ np.repeat(v, 2, 1)).astype(f32))


def split_mix(seed, index):
    """SplitMix64's number `index` from a seed on, in [0, 1)."""
    wrap = (1 << 64) - 1
    z = (seed << 32 | 0x6D697465) + index * 0x9E3779B97F4A7C15 & wrap
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & wrap
    z = (z ^ z >> 27) * 0x94D049BB133111EB & wrap
    return ((z ^ z >> 31) >> 11) * 2.0 ** -53


u = np.array([[split_mix(7, 2 * i + 1), split_mix(7, 2 * i + 2)] for i in range(24)])
put("uniform", "random", [i64(2, 3, 4)], (u[:, 0] * 5 - 2).reshape(2, 3, 4).astype(f32),
    constants=(0,), a=-2.0, b=3.0, seed=7)
normal = np.sqrt(-2 * np.log(1 - u[:, 0])) * np.cos(2 * np.pi * u[:, 1])
put("normal", "random", [i64(24)], (1 + 0.5 * normal).astype(f16), constants=(0,), normal=1, a=1.0,
    b=0.5, seed=7)

# --- Attention behind pasts of different lengths -----------------------------------------------------
q, k, v, pk, pv = real(2, 4, 2, 5), real(2, 2, 2, 5), real(2, 2, 2, 4), real(2, 2, 5, 5), real(2, 2, 5, 4)
starts, y = [3, 0], []
for b, start in enumerate(starts):
    rows = [np.concatenate((old[b:b + 1, :, :start], new[b:b + 1]), 2) for old, new in ((pk, k), (pv, v))]
    y.append(attend(q[b:b + 1], *rows, causal=1, past=start))
put("starts", "attention", [q, k, v, None, pk, pv, None, None, i64(*starts), i64(6)],
    np.concatenate(y).astype(f32), constants=(8, 9), causal=1)

write(sys.argv[1] if len(sys.argv) > 1 else "tests/ops/layers.pack")
