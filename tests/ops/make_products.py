# SPDX-License-Identifier: Apache-2.0
# Makes products.pack: f32 convolutions that are computed by Winograd's algorithm, and what
# transformers are made of. Results come from ONNX Runtime, else from numpy in f64.
#   python3 tests/ops/make_products.py [tests/ops/products.pack]
import sys
from functools import reduce

import numpy as np

from steps_pack import Tensor, case, run, write

rng = np.random.default_rng(21)
f32 = np.float32
real = lambda *s: rng.standard_normal(s).astype(f32)
nchw = lambda a: np.ascontiguousarray(a.transpose(0, 3, 1, 2))
nhwc = lambda a: np.ascontiguousarray(a.transpose(0, 2, 3, 1))

# --- 3x3 convolutions, stride 1 -------------------------------------------------------------------

# Few tiles are split by columns, many by tiles; sizes that are no multiples of a tile's.
for n, height, width, c, columns, pads, residual, clamp in [
        (1, 13, 9, 32, 36, (1, 1, 1, 1), True, None),
        (1, 17, 21, 36, 32, (1, 1, 1, 1), False, (0.0, 0.5)),
        (2, 15, 13, 32, 32, (0, 1, 0, 0), False, None)]:
    x, w, b = real(n, height, width, c), real(columns, 3, 3, c) / 60, real(columns) / 4
    y = nhwc(run("Conv", [nchw(x), nchw(w), b], pads=pads))
    extra = [Tensor(np.zeros(0, f32), "constant"), Tensor(real(*y.shape))] if residual else []
    if residual:
        y = y + extra[1].data
    attrs = dict(zip(("pad_top", "pad_left", "pad_bottom", "pad_right"), pads))
    if clamp:
        y = y.clip(*clamp)
        attrs.update(clamp_lo=clamp[0], clamp_hi=clamp[1])
    case(f"3x3 {height}x{width} {c} to {columns}", "conv2d",
         [Tensor(x), Tensor(w, "conv"), Tensor(b, "columns")] + extra, Tensor(y), **attrs)

# --- Products of two activations ------------------------------------------------------------------

swap = lambda a: np.ascontiguousarray(np.swapaxes(a, -1, -2))
for a_dims, b_dims, m, k, n, turn_a, turn_b, scale in [
        ((2, 3), (2, 3), 13, 16, 21, 0, 1, 0.25), ((2, 1), (3,), 7, 9, 8, 1, 0, 1.0),
        ((), (), 1, 40, 33, 0, 0, 1.0),
        ((2,), (), 5, 300, 60, 1, 1, 0.125)]:
    a, b = real(*a_dims, m, k) / 4, real(*b_dims, k, n) / 4
    y = (a.astype(np.float64) @ b.astype(np.float64) * scale).astype(f32)
    case(f"matmul {a_dims}{b_dims} {m}x{k}x{n} {turn_a}{turn_b}", "matmul",
         [Tensor(swap(a) if turn_a else a), Tensor(swap(b) if turn_b else b)], Tensor(y),
         transpose_a=turn_a, transpose_b=turn_b, scale=scale)

# --- Rows ------------------------------------------------------------------------------------------

for shape, axis in [((3, 4, 37), -1), ((2, 5, 8), 1), ((6, 3), -1)]:
    x, gamma, beta = real(*shape) * 2 + 1, real(*shape[axis:]), real(*shape[axis:])
    case(f"layer_norm {shape}", "layer_norm", [Tensor(x), Tensor(gamma, "constant"), Tensor(beta)],
         Tensor(run("LayerNormalization", [x, gamma, beta], axis=axis, epsilon=1e-4)), axis=axis,
         epsilon=1e-4)
case("layer_norm alone", "layer_norm", [Tensor(x)],
     Tensor(run("LayerNormalization", [x, np.ones(3, f32)])))
x = np.concatenate([real(97) * 3, np.array([-30, 30, 0, np.nan, np.inf, 1e30, -1e30], f32)])
for by_tanh, name in enumerate(["none", "tanh"]):
    case(f"gelu {name}", "gelu", [Tensor(x)], Tensor(run("Gelu", [x], opset=20, approximate=name)),
         by_tanh=by_tanh)
for shape in [(5, 33), (2, 3, 128), (4, 1)]:
    x = real(*shape) * 5
    case(f"softmax {shape}", "softmax", [Tensor(x)], Tensor(run("Softmax", [x])))

x = real(3, 5)
case("identity", "identity", [Tensor(x)], Tensor(x))

# --- Attention ------------------------------------------------------------------------------------

def attention(name, q_heads, k_heads, s, t, d, e, packed, causal=0, mask=None, scale=0.0):
    q, k, v = real(2, q_heads, s, d), real(2, k_heads, t, d), real(2, k_heads, t, e)
    wide = lambda x: np.repeat(x.astype(np.float64), q_heads // k_heads, 1)
    scores = wide(k).swapaxes(-1, -2)
    scores = q.astype(np.float64) @ scores * (scale or d**-0.5)
    if mask is not None:
        scores = scores + (np.where(mask, 0, -np.inf) if mask.dtype == bool else mask)
    if causal:
        scores = np.where(np.arange(t) <= np.arange(s)[:, None], scores, -np.inf)
    most = scores.max(-1, keepdims=True)
    p = np.exp(scores - np.where(np.isinf(most), 0, most))
    total = p.sum(-1, keepdims=True)
    y = (p / np.where(total == 0, 1, total) @ wide(v)).astype(f32)
    form = lambda x: x.transpose(0, 2, 1, 3).reshape(2, x.shape[2], -1) if packed else x
    heads = dict(q_heads=q_heads, k_heads=k_heads) if packed else {}
    inputs = [Tensor(form(x)) for x in (q, k, v)] + ([Tensor(mask)] if mask is not None else [])
    for op in ["attention", "dense_attention"]:
        case(f"{op} {name}", op, inputs, Tensor(form(y)), causal=causal, scale=scale, **heads)


attention("plain", 3, 3, 13, 17, 8, 12, False)
attention("packed", 4, 2, 9, 9, 16, 8, True, causal=1)
attention("mask", 2, 2, 7, 11, 12, 12, True, mask=real(2, 1, 7, 11))
shut = np.zeros((2, 1, 1, 10), f32)
shut[:, ..., 6:] = -np.inf
shut[1] = -np.inf
attention("shut", 2, 1, 6, 10, 5, 9, False, mask=shut, scale=0.5)

# --- Products of activations that were quantized in the run -----------------------------------------

for rows, depth, columns, zero, biased, lo in [(1, 37, 9, 3, True, None), (70, 16, 24, 255, True, 0.0),
                                               (6, 64, 8, None, False, None)]:
    x = rng.integers(0, 256, (2, rows, depth), dtype=np.uint8)
    w = rng.integers(-128, 128, (columns, depth), dtype=np.int8)
    m, scale, b = (np.abs(real(columns)) / 1000).astype(f32), f32(0.37), real(columns)
    at = [] if zero is None else [np.array(zero, np.uint8)]
    acc = run("MatMulInteger", [x, np.ascontiguousarray(w.T)] + at)
    y = acc.astype(f32) * (scale * m)
    y = y + b if biased else y
    attrs = {} if lo is None else dict(clamp_lo=lo)
    none = Tensor(np.zeros(0, f32), "constant")
    case(f"dense_integer {rows}x{depth}x{columns}", "dense_integer",
         [Tensor(x), Tensor(w.reshape(columns, 1, 1, depth), "conv"),
          Tensor(w.astype(np.int32).sum(1, dtype=np.int32), "columns"), Tensor(m, "columns"),
          Tensor(np.array(scale)), Tensor(at[0]) if at else none,
          Tensor(b, "constant") if biased else none],
         Tensor(y if lo is None else np.maximum(y, f32(lo))), **attrs)

# --- Products with weights of 4 and 8 bits in groups ------------------------------------------------

for rows, depth, columns, bits, group, lo, rest in [(1, 37, 9, 8, 0, None, False), (70, 40, 24, 4, 16, 0.0, True),
                                                    (3, 33, 8, 4, 0, None, False), (0, 6, 5, 8, 2, None, False)]:
    groups = -(-depth // group) if group else 1
    panels, most = -(-columns // 8), 1 << bits
    q, z = (rng.integers(0, most, s, dtype=np.uint8) for s in ((columns, depth), (columns, groups)))
    scale, b, x = (np.abs(real(columns, groups)) / 10).astype(f32), real(columns), real(2, rows, depth)
    each = group or depth
    w = ((q.astype(f32) - np.repeat(z, each, 1)[:, :depth]) * np.repeat(scale, each, 1)[:, :depth]).astype(f32)
    y = x.astype(np.float64) @ w.astype(np.float64).T + b

    def panel(v):
        full = np.zeros((panels * 8, v.shape[1]), v.dtype)
        full[:columns] = v
        return Tensor(full.reshape(panels, 8, -1).transpose(0, 2, 1), "constant")

    packed = q if bits == 8 else np.pad(q, ((0, 0), (0, depth % 2)))
    if bits == 4:
        packed = packed[:, ::2] | packed[:, 1::2] << 4
    bias = np.zeros(panels * 8, f32)
    bias[:columns] = b
    residual = real(2, rows, columns)
    y = y + residual if rest else y
    attrs = {} if lo is None else dict(clamp_lo=lo)
    case(f"dense_compact {rows}x{depth}x{columns} of {bits} bits", "dense_compact",
         [Tensor(x), panel(packed), panel(scale), panel(z), Tensor(bias, "constant")] + [Tensor(residual)] * rest,
         Tensor((y if lo is None else np.maximum(y, lo)).astype(f32)), columns=columns, bits=bits, group=group, **attrs)

# --- Rows that are quantized as they come: the arithmetic of kernels.h in numpy's f32 ---------------

def quanta(x, symmetric, axis=-1):
    """Whole numbers beside their zero point, which is taken off, and scales."""
    lo, hi = np.minimum(x.min(axis, keepdims=True), 0), np.maximum(x.max(axis, keepdims=True), 0)
    if symmetric:
        span = np.maximum(-lo, hi)
        q = np.rint(x * np.where(span > 0, f32(127) / span, f32(0)))
        return q, span * (f32(1) / f32(127))
    inverse = f32(255) / (hi - lo)
    zero = np.rint(-lo * inverse)
    return np.clip(np.rint(x * inverse) + zero, 0, 255) - zero, (hi - lo) * (f32(1) / f32(255))


def rough_gelu(x):
    """x times a rational function, to the last bit as the kernels have it."""
    p = [0.00294179143, 0.0432576798, 0.398533493]
    q = [0.000443498342, 0.0295680407, 0.27278918, 1]
    horner = lambda c, t: reduce(lambda sum_, k: sum_ * t + f32(k), c[1:], f32(c[0]))
    inside = np.clip(x, f32(-4.3), f32(4.3))
    share = inside * horner(p, inside * inside) / horner(q, inside * inside) + f32(0.5)
    return np.maximum(x, f32(-4.3)) * share


for rows, depth, columns, gelu, added, clamp in [(5, 37, 9, 0, False, None), (70, 16, 24, 0, True, None),
                                                 (3, 64, 13, 1, True, (0.0, 0.5))]:
    x, b = real(2, rows, depth) * 2, real(columns)
    w = rng.integers(-127, 128, (columns, depth), dtype=np.int8)
    m = (np.abs(real(columns)) / 1000).astype(f32)
    q, scale = quanta(rough_gelu(x) if gelu else x, False)
    acc = (q.astype(np.int64) @ w.T.astype(np.int64)).astype(f32)
    y = acc * (scale * m) + b
    extra = [Tensor(real(2, rows, columns))] if added else []
    if added:
        y = y + extra[0].data
    attrs = dict(clamp_lo=clamp[0], clamp_hi=clamp[1]) if clamp else {}
    case(f"dense_rows {rows}x{depth}x{columns}", "dense_rows",
         [Tensor(x), Tensor(w.reshape(columns, 1, 1, depth), "conv"),
          Tensor(w.astype(np.int32).sum(1, dtype=np.int32), "columns"), Tensor(m, "columns"),
          Tensor(b, "columns")] + extra, Tensor(y.clip(*clamp) if clamp else y), gelu=gelu, **attrs)


def softmax_quanta(scores):
    """254 * 2^(score - largest), where each eighth neighbour gets what rounding one left over."""
    x = np.maximum(scores - scores.max(-1, keepdims=True), f32(-40))
    n = np.rint(x)
    f = (x - n).astype(f32)
    c = [f32(f32(k) * f32(254)) for k in (0.0551716425, 0.242611125, 0.693260968, 0.999928057)]
    y = np.ldexp(((c[0] * f + c[1]) * f + c[2]) * f + c[3], n.astype(np.int32)).astype(f32)
    left, out = np.zeros(y.shape[:-1] + (8,), f32), np.zeros_like(y)
    for i in range(y.shape[-1]):
        sum_ = y[..., i] + left[..., i % 8]
        out[..., i] = np.rint(sum_)
        left[..., i % 8] = sum_ - out[..., i]
    return out


def attention_u8(name, heads, s, t, d, e, packed, mask=None):
    q, k, v = real(2, heads, s, d), real(2, heads, t, d), real(2, heads, t, e)
    (qq, qs), (kq, ks), (vq, vs) = quanta(q, False), quanta(k, True), quanta(v, True, axis=-2)
    unit = f32(1) / np.sqrt(f32(d)) * f32(1.44269504)
    scores = (qq @ kq.swapaxes(-1, -2)).astype(f32) * (qs * unit * ks.swapaxes(-1, -2))
    if mask is not None:
        scores = scores + mask * f32(1.44269504)
    p = softmax_quanta(scores)
    y = (p.astype(np.int64) @ vq.astype(np.int64)).astype(f32) * (f32(1) / p.sum(-1, keepdims=True) * vs)
    form = lambda x: x.transpose(0, 2, 1, 3).reshape(2, x.shape[2], -1) if packed else x
    attrs = dict(q_heads=heads, k_heads=heads) if packed else {}
    case(f"dense_attention_u8 {name}", "dense_attention_u8",
         [Tensor(form(x)) for x in (q, k, v)] + ([Tensor(mask)] if mask is not None else []),
         Tensor(form(y).astype(f32)), **attrs)


attention_u8("plain", 3, 13, 17, 8, 12, False)
attention_u8("packed", 2, 9, 40, 18, 8, True)
mask = real(2, 1, 1, 11)
mask[..., 9:] = -np.inf
attention_u8("mask", 2, 7, 11, 12, 5, True, mask=mask)

write(sys.argv[1] if len(sys.argv) > 1 else "tests/ops/products.pack")
