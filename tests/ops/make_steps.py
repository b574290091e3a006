# SPDX-License-Identifier: Apache-2.0
# Makes steps.pack: one operator a case, with inputs, attributes and the result. f32 results come
# from ONNX Runtime or numpy; u8 results from ONNX Runtime's integer operators where it has one,
# else from the formulas of docs/operators.md in numpy's f32. Needs numpy, onnx and onnxruntime.
#   python3 tests/ops/make_steps.py [tests/ops/steps.pack]
import sys

import numpy as np

from steps_pack import Tensor, case, run, write

rng = np.random.default_rng(20)
f32 = np.float32
INF = float("inf")
MS = "com.microsoft"
nchw = lambda a: np.ascontiguousarray(a.transpose(0, 3, 1, 2))
nhwc = lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1))
real = lambda *s: (rng.standard_normal(s) * 1.5).astype(f32)
byte = lambda *s: rng.integers(0, 256, s, dtype=np.uint8)
weight = lambda *s: rng.integers(-127, 128, s, dtype=np.int8)


def quantize(r, scale, zero):
    return np.clip(np.rint(np.asarray(r, f32) / f32(scale)) + zero, 0, 255).astype(np.uint8)


def dequantize(q, scale, zero):
    return (q.astype(np.int32) - zero).astype(f32) * f32(scale)


def u8(shape_or_data, scale, zero):
    d = byte(*shape_or_data) if isinstance(shape_or_data, tuple) else shape_or_data
    return Tensor(d, scale=scale, zero=zero)


# --- Convolutions ---------------------------------------------------------------------------------

def window(stride=(1, 1), dilation=(1, 1), pad=(0, 0, 0, 0)):
    ours = dict(stride_h=stride[0], stride_w=stride[1], dilation_h=dilation[0],
                dilation_w=dilation[1], pad_top=pad[0], pad_left=pad[1], pad_bottom=pad[2],
                pad_right=pad[3])
    return ours, dict(strides=stride, dilations=dilation, pads=pad)


def requantize(x, w, b, multiplier, groups, theirs, out):
    """The formula of docs/operators.md. Sums stay below 2^24, so f32 holds them exactly."""
    sums = run("Conv", [nchw(x.data.astype(f32) - x.zero), nchw(w.astype(f32)), b.astype(f32)],
               group=groups, **theirs)
    r = sums * multiplier.reshape(-1, 1, 1)
    return nhwc(np.clip(np.rint(r) + out[1], 0, 255).astype(np.uint8))


def quantized_conv(x, w, groups, theirs, out):
    """The result, and the bias (zero point folded in) and multipliers that the runtime gets."""
    ws = rng.uniform(0.002, 0.008, len(w)).astype(f32)
    b = rng.integers(-3000, 3000, len(w), dtype=np.int32)
    multiplier = f32(x.scale) * ws / f32(out[0])
    # ONNX Runtime must agree; with half the weights, as it saturates on some processors.
    half = (w // 2).astype(np.int8)
    y = run("QLinearConv", [nchw(x.data), f32(x.scale), np.uint8(x.zero), nchw(half), ws,
                            np.zeros(len(w), np.int8), f32(out[0]), np.uint8(out[1]), b],
            group=groups, **theirs)
    assert (nhwc(y) == requantize(x, half, b, multiplier, groups, theirs, out)).all()
    folded = (b - x.zero * w.reshape(len(w), -1).sum(1, dtype=np.int64)).astype(np.int32)
    return requantize(x, w, b, multiplier, groups, theirs, out), folded, multiplier


def conv(name, n, hw, c, columns, k, groups=1, residual=False, clamp=None, **geometry):
    ours, theirs = window(**geometry)
    depthwise = groups == c == columns
    op, role = ("depthwise_conv2d", "depthwise") if depthwise else ("conv2d", "conv")
    if not depthwise:
        ours["groups"] = groups
    stored = lambda w: w.transpose(3, 1, 2, 0) if depthwise else w
    lo, hi = clamp or (-INF, INF)
    if clamp:
        ours.update(clamp_lo=lo, clamp_hi=hi)

    x, w, b = real(n, *hw, c), real(columns, *k, c // groups) / 5, real(columns)
    y = nhwc(run("Conv", [nchw(x), nchw(w), b], group=groups, **theirs))
    extra = [Tensor(real(*y.shape))] if residual else []
    absent = [Tensor(np.zeros(0, f32), "constant")] if residual else []  # no multiplier
    if residual:
        y = y + extra[0].data
    case(f"{name} f32", op, [Tensor(x), Tensor(stored(w), role), Tensor(b, "columns")] + absent
         + extra, Tensor(np.clip(y, lo, hi)), **ours)

    x, w = u8((n, *hw, c), 0.03, 131), weight(columns, *k, c // groups)
    inner = out = (0.21, 117)
    y, folded, multiplier = quantized_conv(x, w, groups, theirs, inner)
    if residual:
        out, extra = (0.33, 96), [u8(y.shape, 0.11, 140)]
        y = run("QLinearAdd", [y, f32(inner[0]), np.uint8(inner[1]), extra[0].data,
                               f32(extra[0].scale), np.uint8(extra[0].zero), f32(out[0]),
                               np.uint8(out[1])], domain=MS)
        ours.update(inner_scale=inner[0], inner_zero_point=inner[1])
    y = np.clip(y, quantize(lo, *out), quantize(hi, *out))
    case(f"{name} u8", op, [x, Tensor(stored(w), role), Tensor(folded, "columns"),
                            Tensor(multiplier, "columns")] + extra, u8(y, *out), **ours)


conv("1x1", 1, (5, 7), 12, 20, (1, 1))
conv("1x1 batch, stride", 2, (6, 5), 3, 9, (1, 1), stride=(2, 1))
conv("3x3 same", 1, (9, 8), 5, 7, (3, 3), pad=(1, 1, 1, 1), clamp=(0.0, 6.0))
conv("3x3 stride 2, uneven padding, batch", 2, (8, 7), 3, 16, (3, 3), stride=(2, 2),
     pad=(0, 1, 1, 0))
conv("dilation", 1, (11, 10), 4, 5, (3, 2), dilation=(2, 3), pad=(2, 3, 2, 0))
conv("padding wider than the window", 1, (2, 3), 3, 4, (2, 2), pad=(3, 2, 4, 3))
conv("stride wider than the window", 1, (11, 12), 3, 4, (2, 1), stride=(4, 5))
conv("groups", 2, (5, 6), 6, 10, (3, 3), groups=2, pad=(1, 1, 1, 1), clamp=(-1.0, 3.0))
conv("groups, one pixel", 1, (3, 3), 8, 24, (3, 3), groups=2)
conv("residual", 1, (4, 5), 6, 11, (1, 1), residual=True, clamp=(0.0, INF))
conv("residual 3x3, batch, groups", 2, (3, 4), 4, 6, (3, 3), groups=2, residual=True,
     pad=(1, 1, 1, 1), clamp=(-2.0, 4.0))
conv("row", 1, (1, 40), 2, 3, (1, 5), pad=(0, 2, 0, 2), stride=(1, 2))
conv("depthwise 3x3", 2, (5, 8), 11, 11, (3, 3), groups=11, pad=(1, 1, 1, 1), clamp=(0.0, 4.0))
conv("depthwise 5x5 stride 2", 1, (7, 8), 9, 9, (5, 5), groups=9, stride=(2, 2),
     pad=(1, 2, 2, 1))
conv("depthwise dilation", 1, (7, 8), 3, 3, (2, 3), groups=3, dilation=(3, 2), pad=(1, 0, 2, 2))
conv("depthwise 7x1", 1, (9, 3), 9, 9, (7, 1), groups=9, pad=(3, 0, 3, 0))


def u8_to_f32(x, w):
    scale = f32(x.scale) * rng.uniform(0.002, 0.008, len(w)).astype(f32)
    folded = rng.integers(-900000, 900000, len(w), dtype=np.int32)
    sums = run("Conv", [nchw(x.data.astype(f32)), nchw(w.astype(f32)), folded.astype(f32)])
    return nhwc(sums) * scale, [x, Tensor(w, "conv"), Tensor(folded, "columns"),
                                Tensor(scale, "columns")]


y, ins = u8_to_f32(u8((1, 5, 5, 6), 0.02, 12), weight(10, 3, 3, 6))
case("conv2d u8 to f32", "conv2d", ins, Tensor(np.clip(y, -3.0, 3.0)), clamp_lo=-3.0, clamp_hi=3.0)

for shape in [(24,), (3, 24), (2, 35, 5), (1, 1, 1, 9)]:
    k, columns = shape[-1], 13
    m = int(np.prod(shape[:-1]))
    x, w, b = real(*shape), real(columns, 1, 1, k), real(columns)
    y = np.maximum(x @ w.reshape(columns, k).T + b, 0)
    case(f"dense f32 {shape}", "dense", [Tensor(x), Tensor(w, "conv"), Tensor(b, "columns")],
         Tensor(y.astype(f32)), clamp_lo=0.0)
    x, w = u8((1, 1, m, k), 0.04, 7), weight(columns, 1, 1, k)
    y, folded, multiplier = quantized_conv(x, w, 1, {}, (0.5, 128))
    ins = [u8(x.data.reshape(shape), 0.04, 7), Tensor(w, "conv"), Tensor(folded, "columns"),
           Tensor(multiplier, "columns")]
    case(f"dense u8 {shape}", "dense", ins, u8(y.reshape(*shape[:-1], columns), 0.5, 128))
    y, ins = u8_to_f32(x, w)
    ins[0] = u8(x.data.reshape(shape), 0.04, 7)
    case(f"dense u8 to f32 {shape}", "dense", ins, Tensor(y.reshape(*shape[:-1], columns)))
x, w, b, r = real(5, 6), real(4, 1, 1, 6), real(4), real(5, 4)
case("dense residual", "dense",
     [Tensor(x), Tensor(w, "conv"), Tensor(b, "columns"), Tensor(np.zeros(0, f32), "constant"),
      Tensor(r)], Tensor(np.minimum(x @ w.reshape(4, 6).T + b + r, 1)), clamp_hi=1.0)

# --- Pools and means ------------------------------------------------------------------------------

for name, n, hw, c, k, stride, pad in [
        ("2x2", 1, (6, 7), 5, (2, 2), (2, 2), (0, 0, 0, 0)),
        ("3x3 padded", 2, (5, 6), 5, (3, 3), (2, 1), (1, 1, 1, 1)),
        ("3x2 uneven", 1, (5, 7), 9, (3, 2), (1, 3), (2, 0, 1, 1)),
        ("whole", 1, (4, 5), 17, (4, 5), (1, 1), (0, 0, 0, 0))]:
    ours = dict(kernel_h=k[0], kernel_w=k[1], stride_h=stride[0], stride_w=stride[1],
                pad_top=pad[0], pad_left=pad[1], pad_bottom=pad[2], pad_right=pad[3])
    theirs = dict(kernel_shape=k, strides=stride, pads=pad)
    x, q = real(n, *hw, c), u8((n, *hw, c), 0.05, 100)
    case(f"max pool {name} f32", "max_pool2d", [Tensor(x)],
         Tensor(nhwc(run("MaxPool", [nchw(x)], **theirs))), **ours)
    case(f"max pool {name} u8", "max_pool2d", [q],
         u8(nhwc(run("MaxPool", [nchw(q.data)], **theirs)), 0.05, 100), **ours)
    for counts in (0, 1):
        case(f"average pool {name} {counts} f32", "average_pool2d", [Tensor(x)],
             Tensor(nhwc(run("AveragePool", [nchw(x)], count_include_pad=counts, **theirs))),
             count_padding=counts, **ours)
        ones = np.ones((1, 1, *hw), f32)
        area = k[0] * k[1]
        inside = np.rint(run("AveragePool", [ones], count_include_pad=1, **theirs) * area)
        sums = np.rint(run("AveragePool", [nchw(q.data).astype(f32)], count_include_pad=1,
                           **theirs).astype(np.float64) * area).astype(f32)
        ratio = f32(0.05) / f32(0.04)
        r = (sums - inside * f32(100)) * (ratio / (f32(area) if counts else inside))
        case(f"average pool {name} {counts} u8", "average_pool2d", [q],
             u8(nhwc(quantize(r.astype(f32), 1, 90)), 0.04, 90), count_padding=counts, **ours)


def mean(shape, axes, keep):
    attrs = dict(axis_count=len(axes), axes=axes, keep_dims=keep)
    x = real(*shape)
    y = x.astype(np.float64).mean(tuple(axes), keepdims=bool(keep)).astype(f32)
    case(f"mean f32 {shape} {axes}", "mean", [Tensor(x)], Tensor(y), **attrs)
    q = u8(shape, 0.03, 55)
    count = int(np.prod([shape[a] for a in axes]))
    sums = q.data.sum(tuple(axes), keepdims=bool(keep), dtype=np.int64).astype(f32)
    r = (sums - f32(count * 55)) * (f32(0.03) / f32(0.02) / f32(count))
    case(f"mean u8 {shape} {axes}", "mean", [q], u8(quantize(r, 1, 77), 0.02, 77), **attrs)


mean((2, 5, 6, 19), [1, 2], 1)
mean((3, 4, 5), [-1], 0)
mean((3, 4, 5), [0], 1)
mean((2, 3, 4, 5), [0, 2], 0)
mean((2, 3, 4, 5), [3, 1], 1)
mean((6, 7), [0, 1], 0)
mean((1, 4, 1), [0, 2], 0)
x = u8((1, 7, 7, 40), 0.07, 3)
y = run("QLinearGlobalAveragePool", [x.data, f32(0.07), np.uint8(3), f32(0.04), np.uint8(128)],
        domain=MS, channels_last=1)
case("mean u8, QLinearGlobalAveragePool", "mean", [x], u8(y, 0.04, 128), axis_count=2,
     axes=[1, 2], keep_dims=1)

# --- Two values -----------------------------------------------------------------------------------

FUNCTIONS = {"add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide,
             "min": np.minimum, "max": np.maximum}
SHAPES = [((3, 5, 7), (3, 5, 7)), ((2, 3, 2, 5), (5,)), ((2, 3, 2, 5), (2, 1, 1, 5)),
          ((4, 1), (1, 6)), ((), (3, 2)), ((1, 4, 4, 3), (1, 4, 4, 1))]
LONG = [((2, 2, 300), (2, 1))]  # longer than the pieces that operands are spread into
for k, (op, fn) in enumerate(FUNCTIONS.items()):
    for a_shape, b_shape in SHAPES[k % 2:] + LONG[k:]:
        a, b = real(*a_shape), real(*b_shape)
        b += np.copysign(f32(0.3), b)
        case(f"{op} f32 {a_shape} {b_shape}", op, [Tensor(a), Tensor(b)],
             Tensor(np.clip(fn(a, b), -2, 2)), clamp_lo=-2.0, clamp_hi=2.0)
    for a_shape, b_shape in SHAPES[k % 2::2] + LONG:
        a, b, out = u8(a_shape, 0.05, 128), u8(b_shape, 0.02, 3), (0.07, 60)
        params = [a.data, f32(0.05), np.uint8(128), b.data, f32(0.02), np.uint8(3), f32(out[0]),
                  np.uint8(out[1])]
        if op in ("add", "mul"):
            y = run("QLinear" + op.capitalize(), params, domain=MS)
        else:
            with np.errstate(divide="ignore", invalid="ignore"):
                r = fn(dequantize(a.data, 0.05, 128), dequantize(b.data, 0.02, 3)).astype(f32)
            inverse = f32(1) / f32(out[0])
            r = np.clip(r, -3, 4) * inverse
            y = np.clip(np.rint(np.where(np.isnan(r), -999, r)) + out[1], 0, 255).astype(np.uint8)
        limits = quantize(-3, *out), quantize(4, *out)
        case(f"{op} u8 {a_shape} {b_shape}", op, [a, b], u8(np.clip(y, *limits), *out),
             clamp_lo=-3.0, clamp_hi=4.0)

# --- One value ------------------------------------------------------------------------------------

sigmoid = lambda x: 1 / (1 + np.exp(-x))
UNARY = {
    "clamp": (lambda x: np.clip(x, -1, 2), dict(lo=-1.0, hi=2.0)),
    "sigmoid": (sigmoid, {}),
    "hard_sigmoid": (lambda x: np.clip(f32(0.25) * x + f32(0.4), 0, 1), dict(alpha=0.25, beta=0.4)),
    "hard_swish": (lambda x: x * np.clip(x / 6 + 0.5, 0, 1), {}),
    "silu": (lambda x: x * sigmoid(x), {}),
    "leaky_relu": (lambda x: np.where(x < 0, f32(0.2) * x, x), dict(alpha=0.2)),
    "tanh": (np.tanh, {}),
    "exp": (np.exp, {}),
    "neg": (lambda x: -x, {}),
    "abs": (np.abs, {}),
    "sqrt": (np.sqrt, {}),
    "reciprocal": (lambda x: 1 / x, {}),
}
edges = np.array([0.0, -0.0, 1e-6, -1e-6, 1e-3, -0.63, 0.64, 5, -20, 87, -87, 88.6, -100, 104.5,
                  INF, -INF, np.nan, 3e38, 1e-40], f32)
for op, (fn, attrs) in UNARY.items():
    with np.errstate(all="ignore"):
        x = np.concatenate([edges, real(1100 if op == "sigmoid" else 40) * 3]) if op not in ("sqrt",) else np.abs(edges[:-3])
        case(f"{op} f32", op, [Tensor(x)], Tensor(fn(x.astype(np.float64)).astype(f32)), **attrs)
        q = u8(np.arange(256, dtype=np.uint8).reshape(2, 8, 16), 0.05, 128 if op != "sqrt" else 0)
        if op == "reciprocal":
            q.zero = 0
        r = fn(dequantize(q.data, q.scale, q.zero).astype(np.float64))
        case(f"{op} u8", op, [q], u8(quantize(r, 0.02, 100), 0.02, 100), **attrs)

for shape, axis in [((4, 11), -1), ((2, 5, 3), 1), ((3, 2, 2), 0), ((1, 700), 1), ((7,), 0)]:
    x = real(*shape) * 4
    case(f"softmax f32 {shape} {axis}", "softmax", [Tensor(x)],
         Tensor(run("Softmax", [x], axis=axis)), axis=axis)
    q = u8(shape, 0.1, 50)
    e = np.exp((q.data.astype(np.float64) - q.data.max(axis, keepdims=True)) * f32(0.1))
    case(f"softmax u8 {shape} {axis}", "softmax", [q],
         u8(quantize(e / e.sum(axis, keepdims=True), 1 / 256, 0), 1 / 256, 0), axis=axis)

# A picture of one column and one channel: with a halo, its elements lie a row apart.
x, q = real(2, 5, 1, 1), u8((2, 5, 1, 1), 0.05, 128)
case("column, neg f32", "neg", [Tensor(x)], Tensor(-x))
case("column, neg u8", "neg", [q], u8(quantize(-dequantize(q.data, 0.05, 128), 0.04, 120), 0.04,
                                      120))
case("column, sub f32", "sub", [Tensor(x), Tensor(x[:, ::-1])], Tensor(x - x[:, ::-1]))
case("column, quantize", "quantize", [Tensor(x)], u8(quantize(x, 0.25, 99), 0.25, 99))
case("column, dequantize", "dequantize", [q], Tensor(dequantize(q.data, 0.05, 128)))

# --- Movers ---------------------------------------------------------------------------------------

PERMS = [((2, 3, 5, 7), (0, 3, 1, 2)), ((1, 3, 9, 11), (0, 2, 3, 1)), ((4, 5), (1, 0)),
         ((2, 3, 4), (2, 1, 0)), ((2, 1, 3, 2, 4), (4, 2, 0, 1, 3)), ((6,), (0,)), ((), ())]
for shape, perm in PERMS:
    for make in (real, byte, lambda *s: rng.integers(-2**60, 2**60, s, dtype=np.int64)):
        x = np.asarray(make(*shape))
        quanta = dict(scale=0.5, zero=9) if x.dtype == np.uint8 else {}
        case(f"transpose {x.dtype} {shape}", "transpose", [Tensor(x, **quanta)],
             Tensor(x.transpose(perm), **quanta), perm=list(perm))
for shape, to in [((2, 3, 4), (4, 6)), ((6,), (1, 2, 1, 3)), ((1,), ()), ((2, 0, 3), (0, 5))]:
    x = real(*shape)
    case(f"reshape {shape} {to}", "reshape", [Tensor(x)], Tensor(x.reshape(to)), rank=len(to),
         shape=list(to))
x = byte(2, 3, 4)
case("reshape -1", "reshape", [u8(x, 0.5, 7)], u8(x.reshape(3, 8), 0.5, 7), rank=2, shape=[3, -1])

for shape, before, after in [((2, 3), (1, 0), (0, 2)), ((1, 3, 4, 5), (0, 1, 2, 0), (1, 0, 3, 0)),
                             ((4,), (0,), (0,))]:
    x, q = real(*shape), byte(*shape)
    widths = list(zip(before, after))
    attrs = dict(before=list(before), after=list(after), value=-0.75)
    case(f"pad f32 {shape}", "pad", [Tensor(x)],
         Tensor(np.pad(x, widths, constant_values=-0.75)), **attrs)
    case(f"pad u8 {shape}", "pad", [u8(q, 0.03, 70)],
         u8(np.pad(q, widths, constant_values=quantize(-0.75, 0.03, 70)), 0.03, 70), **attrs)

for shapes, axis in [([(2, 3), (2, 1), (2, 4)], 1), ([(1, 2, 3, 4), (1, 2, 3, 9)], -1),
                     ([(1, 2, 2), (3, 2, 2)], 0), ([(2, 1, 3), (2, 0, 3), (2, 5, 3)], 1)]:
    xs = [real(*s) for s in shapes]
    case(f"concat f32 {shapes}", "concat", [Tensor(x) for x in xs],
         Tensor(np.concatenate(xs, axis)), axis=axis)
    qs = [u8(s, 0.05 - 0.01 * k, 90 + 20 * k) for k, s in enumerate(shapes)]
    out = (0.05, 90)
    parts = [q.data if (q.scale, q.zero) == out else
             quantize(dequantize(q.data, q.scale, q.zero), *out) for q in qs]
    case(f"concat u8 {shapes}", "concat", qs, u8(np.concatenate(parts, axis), *out), axis=axis)

COORDINATES = ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]


def positions(size, into, scale, coordinates):
    at, scale = np.arange(into, dtype=f32), f32(scale or f32(into) / f32(size))
    if coordinates == "asymmetric":
        p = at / scale
    elif coordinates == "align_corners":
        p = at * f32(size - 1) / f32(max(into - 1, 1))
    elif coordinates == "pytorch_half_pixel" and into == 1:
        p = at * 0
    else:
        p = (at + f32(0.5)) / scale - f32(0.5)
    p = np.clip(p, 0, size - 1)
    first = np.floor(p).astype(int)
    return first, np.minimum(first + 1, size - 1), p - first.astype(f32)


def bilinear(q, size, scales, coordinates):
    """Interpolates quanta along rows, then columns, each operation rounded to f32."""
    top, bottom, v = positions(q.shape[1], size[0], scales and scales[0], coordinates)
    left, right, u = positions(q.shape[2], size[1], scales and scales[1], coordinates)
    q, u, v = q.astype(f32), u.reshape(1, -1, 1), v.reshape(-1, 1, 1)
    rows = [q[:, i][:, :, left] + (q[:, i][:, :, right] - q[:, i][:, :, left]) * u
            for i in (top, bottom)]
    return np.rint(rows[0] + (rows[1] - rows[0]) * v).astype(np.uint8)


ROUNDINGS = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]
for size, scales in [((5, 7), None), ((2, 2), None), ((6, 8), (2.0, 2.0)), ((2, 3), (0.7, 0.8)),
                     ((1, 1), None)]:
    x, q = real(1, 3, 4, 2), u8((1, 3, 4, 2), 0.1, 33)
    for c, coordinates in enumerate(COORDINATES):
        common = dict(height=size[0], width=size[1], coordinates=c,
                      **(dict(scale_h=scales[0], scale_w=scales[1]) if scales else {}))
        theirs = [None, np.array([1, 1, *scales], f32) if scales else None,
                  None if scales else np.array([1, 2, *size], np.int64)]
        resized = lambda a, **k: nhwc(run("Resize", [nchw(a)] + theirs, opset=19,
                                          coordinate_transformation_mode=coordinates, **k))
        for r, rounding in enumerate(ROUNDINGS):
            if (c + r) % 2 == 0 or c == 0:
                case(f"resize nearest {size} {coordinates} {rounding}", "resize", [q],
                     u8(resized(q.data, mode="nearest", nearest_mode=rounding), 0.1, 33), mode=0,
                     rounding=r, **common)
        case(f"resize linear f32 {size} {coordinates}", "resize", [Tensor(x)],
             Tensor(resized(x, mode="linear")), mode=1, **common)
        exact = bilinear(q.data, size, scales, coordinates)
        # Apart from ties, which its order of operations rounds the other way.
        assert np.abs(resized(q.data.astype(f32), mode="linear") - exact).max() < 0.501
        case(f"resize linear u8 {size} {coordinates}", "resize", [q],
             u8(exact, 0.1, 33), mode=1, **common)

# --- Quantization ---------------------------------------------------------------------------------

x = np.concatenate([real(99) * 5, edges, (np.arange(-150, 150) * f32(0.125)).astype(f32)])
for dtype, zero in [(np.uint8, 10), (np.uint8, 255), (np.int8, -128), (np.int8, 5)]:
    low = np.iinfo(dtype).min
    r = np.clip(np.where(np.isnan(x), -INF, x), -2**19, 2**19) / f32(0.25)
    y = np.clip(np.rint(r) + zero, low, low + 255).astype(dtype)
    case(f"quantize {np.dtype(dtype)} {zero}", "quantize", [Tensor(x)],
         Tensor(y, scale=0.25, zero=zero))
    every = np.arange(256, dtype=np.uint8).view(dtype)
    values = (every.astype(np.int32) - zero).astype(f32) * f32(0.3)
    case(f"dequantize {np.dtype(dtype)} {zero}", "dequantize", [Tensor(every, scale=0.3, zero=zero)],
         Tensor(values))
    for other, to in [(np.uint8, 128), (np.int8, 0)]:
        low = np.iinfo(other).min
        y = np.clip(np.rint(values / f32(0.37)) + to, low, low + 255).astype(other)
        case(f"quantize {np.dtype(dtype)} {zero} to {np.dtype(other)}", "quantize",
             [Tensor(every, scale=0.3, zero=zero)], Tensor(y, scale=0.37, zero=to))

write(sys.argv[1] if len(sys.argv) > 1 else "tests/ops/steps.pack")
