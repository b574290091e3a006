# SPDX-License-Identifier: Apache-2.0
# Makes elements.pack: the general operators of runtime/ops/more that work element by element, along
# axes, or only move elements, in every type. Results come from numpy, else from ONNX's reference
# implementation. Reals are computed in f64 and rounded once.
#   python3 tests/ops/make_elements.py [tests/ops/elements.pack]
import math
import sys
import warnings

import numpy as np
from onnx import helper as h
from onnx.reference import ReferenceEvaluator

from steps_pack import Tensor, case, write

warnings.filterwarnings("ignore")
rng = np.random.default_rng(22)
f16, f32, f64 = np.float16, np.float32, np.float64
i8, u8, i16, u16 = np.int8, np.uint8, np.int16, np.uint16
i32, u32, i64, u64 = np.int32, np.uint32, np.int64, np.uint64
REALS, INTEGERS = (f16, f32, f64), (i8, u8, i16, u16, i32, u32, i64, u64)
BITS = {1: u8, 2: u16, 4: u32, 8: u64}
INF, NAN = float("inf"), float("nan")


def reference(op, inputs, opset=23, outputs=1, **attrs):
    names = ["" if v is None else f"i{k}" for k, v in enumerate(inputs)]
    results = [f"y{k}" for k in range(outputs)]
    graph = h.make_graph([h.make_node(op, names, results, **attrs)], "g",
                         [h.make_empty_tensor_value_info(n) for n in names if n],
                         [h.make_empty_tensor_value_info(n) for n in results])
    model = h.make_model(graph, opset_imports=[h.make_opsetid("", opset)])
    given = {n: np.asarray(v) for n, v in zip(names, inputs) if n}
    return ReferenceEvaluator(model).run(None, given)


def any_of(dtype, *shape):
    """Numbers over the whole range of an integer type, and small real ones."""
    if dtype is np.bool_:
        return rng.integers(0, 2, shape).astype(dtype)
    if dtype in REALS:
        return (rng.standard_normal(shape) * 2).astype(dtype)
    info = np.iinfo(dtype)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


def constant(data):
    return Tensor(np.array(data, i64), "constant")


absent = Tensor(np.zeros(0, f32), "constant")


def name_of(dtype):
    return np.dtype(dtype).name


# --- unary ----------------------------------------------------------------------------------------

EDGES = [0, -0.0, 1, -1, INF, -INF, NAN, 0.5, -0.5, 1.5, 2.5, -2.5, 1e-4, -1e-4, 30, -30]
sigmoid = lambda x: 1 / (1 + np.exp(-x))
softplus = lambda x: np.logaddexp(x, 0)
erf = np.vectorize(math.erf)
unit = lambda x: np.clip(x, 0, 1)
where = np.where
negative = lambda x, below: where(x < 0, below, x)
UNARY = [  # in the order of functions.h; None: for integers and bools, below
    ("abs", np.abs), ("neg", np.negative), ("sign", np.sign), None, None,
    ("relu", lambda x: negative(x, 0)), ("ceil", np.ceil), ("floor", np.floor), ("round", np.rint),
    ("sqrt", np.sqrt), ("reciprocal", lambda x: 1 / x), ("exp", np.exp), ("log", np.log),
    ("sin", np.sin), ("cos", np.cos), ("tan", np.tan), ("asin", np.arcsin), ("acos", np.arccos),
    ("atan", np.arctan), ("sinh", np.sinh), ("cosh", np.cosh), ("tanh", np.tanh),
    ("asinh", np.arcsinh), ("acosh", np.arccosh), ("atanh", np.arctanh), ("erf", erf),
    ("sigmoid", sigmoid), ("softplus", softplus), ("softsign", lambda x: x / (1 + np.abs(x))),
    ("mish", lambda x: x * np.tanh(softplus(x))), ("swish", lambda x: x * sigmoid(1.25 * x)),
    ("gelu", lambda x: x * (1 + erf(x / math.sqrt(2))) / 2),
    ("gelu by tanh", lambda x: x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2),
    ("leaky relu", lambda x: negative(x, 1.25 * x)),
    ("elu", lambda x: negative(x, 1.25 * np.expm1(x))),
    ("selu", lambda x: 0.5 * where(x > 0, x, 1.25 * np.expm1(x))),
    ("celu", lambda x: negative(x, 1.25 * np.expm1(x / 1.25))),
    ("shrink", lambda x: where(x < -1.25, x + 0.5, where(x > 1.25, x - 0.5, 0))),
    ("thresholded relu", lambda x: where(x > 1.25, x, 0)),
    ("hard sigmoid", lambda x: unit(1.25 * x + 0.5)),
    ("hard swish", lambda x: x * unit(x / 6 + 0.5)),
    ("is nan", np.isnan), ("is inf", np.isinf),
]
for function, row in enumerate(UNARY):
    for dtype in REALS if row else ():
        name, f = row
        # Without the infinities, where the formula makes NaN of them and the function does not.
        odd = name in ("mish", "swish", "gelu", "gelu by tanh", "hard swish", "softsign")
        x = [e for e in EDGES if not odd or abs(e) < 100 or e != e]
        x = np.concatenate([np.array(x, f64), rng.standard_normal(24) * 2]).astype(dtype)
        y = f(x.astype(f64))
        case(f"unary {name} {name_of(dtype)}", "unary", [Tensor(x)],
             Tensor(y if y.dtype == np.bool_ else y.astype(dtype)), function=function, alpha=1.25,
             beta=0.5)
for dtype in INTEGERS:
    x = any_of(dtype, 5, 7)
    signed = np.issubdtype(dtype, np.signedinteger)
    for function, y in [(0, np.abs(x)), (1, np.negative(x)), (2, np.sign(x)), (4, ~x),
                        (5, np.maximum(x, 0))]:
        case(f"unary {function} {name_of(dtype)}", "unary", [Tensor(x)], Tensor(y.astype(dtype)),
             function=function)
x = any_of(np.bool_, 3, 4)
case("not", "unary", [Tensor(x)], Tensor(~x), function=3)
x = np.array([INF, -INF, NAN, 1], f32)
case("is inf, positive", "unary", [Tensor(x)], Tensor(x == INF), function=42, alpha=0.0, beta=1.0)
case("is inf, negative", "unary", [Tensor(x)], Tensor(x == -INF), function=42, alpha=1.0, beta=0.0)
case("unary of a picture", "unary", [Tensor(any_of(f32, 2, 3, 4, 5) * 0 + 2)],
     Tensor(np.full((2, 3, 4, 5), math.log(2), f32)), function=12)
case("unary of nothing", "unary", [Tensor(np.zeros((3, 0), f32))], Tensor(np.zeros((3, 0), f32)),
     function=12)

# --- binary ---------------------------------------------------------------------------------------

BINARY = [np.add, np.subtract, np.multiply, np.divide, np.floor_divide, np.mod, np.fmod, np.power,
          np.minimum, np.maximum, lambda a, b: where(a < 0, a * b, a), np.bitwise_and,
          np.bitwise_or, np.bitwise_xor, np.left_shift, np.right_shift, np.equal, np.less,
          np.less_equal]
SHAPES = [((4, 1, 6), (5, 1)), ((3, 5), (3, 5)), ((2, 3, 4, 5), (4, 1)), ((), (7,)), ((1, 0), (3, 1))]


def truncated(a, b):
    """Integer division toward zero, without numpy's detour by f64."""
    q = [int(n) // int(d) if (int(n) < 0) == (int(d) < 0) else -(-int(n) // int(d))
         for n, d in zip(*(v.ravel() for v in np.broadcast_arrays(a, b)))]
    return np.array(q, object).reshape(np.broadcast_shapes(a.shape, b.shape))


def wrapped(values, dtype):
    bits = 8 * np.dtype(dtype).itemsize
    low = np.vectorize(lambda v: int(v) & (1 << bits) - 1, otypes=[u64])(values)
    return low.astype(BITS[bits // 8]).view(dtype)


for function, f in enumerate(BINARY):
    for k, dtype in enumerate(REALS + INTEGERS):
        bits, real = 11 <= function <= 15, dtype in REALS
        if bits and real:
            continue
        a_shape, b_shape = SHAPES[(function + k) % (len(SHAPES) - 1)]
        a, b = any_of(dtype, *a_shape), any_of(dtype, *b_shape)
        if function in (14, 15):
            b = (b % (8 * np.dtype(dtype).itemsize)).astype(dtype)
        if function == 7:
            b = (np.abs(b) % 5).astype(dtype) if not real else b
            a = np.abs(a) if real else a
        if 3 <= function <= 6 and not real:
            b[b == 0] = 3
        if function >= 16:
            a = np.array(np.broadcast_to(a, np.broadcast_shapes(a_shape, b_shape)))
            a[..., ::2] = np.broadcast_to(b, a.shape)[..., ::2]
        if function == 3 and not real:
            y = wrapped(truncated(a, b), dtype)
        elif real and function < 16:
            y = f(a.astype(f64), b.astype(f64)).astype(dtype)
        else:
            y = f(a, b)
        y = y if function >= 16 else y.astype(dtype)
        case(f"binary {function} {name_of(dtype)}", "binary", [Tensor(a), Tensor(b)], Tensor(y),
             function=function)
for function in (11, 12, 13, 16):
    a, b = any_of(np.bool_, 3, 4), any_of(np.bool_, 4)
    case(f"binary {function} bool", "binary", [Tensor(a), Tensor(b)], Tensor(BINARY[function](a, b)),
         function=function)
a, b = np.array([NAN, 1, NAN, 2, INF], f32), np.array([1, NAN, NAN, 3, -INF], f32)
for function in (8, 9, 16, 17, 18):
    case(f"binary {function} of NaN", "binary", [Tensor(a), Tensor(b)],
         Tensor(BINARY[function](a, b)), function=function)
# As many bytes in an operand as in the result, whose memory it must not become.
a, b = any_of(f32, 2, 1, 1, 3), any_of(f32, 1, 4, 1, 1)
case("less, of as many bytes", "binary", [Tensor(b, "constant"), Tensor(a)], Tensor(b < a), function=17)
for base, exponent in [(f32, i64), (i32, f32), (i64, i32), (f64, f32), (i32, i64)]:
    a, b = np.array([1, 2, 3, 4, 5], base), np.array([3, 10, 2, 1, 0], exponent)
    case(f"power of {name_of(base)} and {name_of(exponent)}", "binary", [Tensor(a), Tensor(b)],
         Tensor(np.power(a.astype(f64), b.astype(f64)).astype(base)), function=7)
extremes = np.array([-2**63, -2**63, 2**63 - 1, 7, -7, 7, -7], i64)
divisors = np.array([-1, 1, -1, 0, 2, -2, -2], i64)
for function, y in [(3, [-2**63, -2**63, 1 - 2**63, 0, -3, -3, 3]), (5, [0, 0, 0, 0, 1, -1, -1]),
                    (6, [0, 0, 0, 0, -1, 1, -1])]:
    case(f"binary {function} at the ends of i64", "binary", [Tensor(extremes), Tensor(divisors)],
         Tensor(np.array(y, i64)), function=function)
case("binary of nothing", "binary", [Tensor(np.zeros((1, 0), i32)), Tensor(np.zeros((3, 1), i32))],
     Tensor(np.zeros((3, 0), i32)), function=0)

for slope in [(5,), (4, 1), (1,), (2, 3, 4, 5)]:
    x, a = any_of(f32, 2, 3, 4, 5), any_of(f32, *slope)
    case(f"prelu {slope}", "prelu", [Tensor(x), Tensor(a)], Tensor(where(x < 0, x * a, x)))
for dtype in (f16, f32, f64, i8, i64, np.bool_):
    c, x, y = any_of(np.bool_, 2, 1, 4), any_of(dtype, 3, 1), any_of(dtype, 1)
    case(f"where {name_of(dtype)}", "where", [Tensor(c), Tensor(x), Tensor(y)],
         Tensor(np.where(c, x, y)))

# --- cast -----------------------------------------------------------------------------------------

ALL = REALS + INTEGERS + (np.bool_,)
for source in ALL:
    for target in ALL:
        if source in REALS and target in INTEGERS:
            info = np.iinfo(target)
            x = np.array([0, 0.5, -0.5, 1.9, -1.9, 100.7, NAN, INF, -INF, 60000, -60000], source)
            cut = [0 if v != v else info.max if v >= 2.0**64 or v > info.max else
                   info.min if v < info.min else int(v) for v in x.tolist()]
            y = np.array(cut, target)
        else:
            x = any_of(source, 11)
            y = x.astype(target)
        case(f"cast {name_of(source)} to {name_of(target)}", "cast", [Tensor(x)], Tensor(y))
x = np.array([65504, 65519.99, 65520, 1e-8, 5.97e-8, 6.1e-5, 1 + 2**-11, 1 + 3 * 2**-11], f32)
case("cast to f16 at its ends", "cast", [Tensor(x)], Tensor(x.astype(f16)))
for source, target in [(f32, i32), (u64, f64), (f16, u16), (i8, u8), (np.bool_, u8)]:
    x = any_of(source, 2, 3)
    case(f"bit cast {name_of(source)} to {name_of(target)}", "bit_cast", [Tensor(x)],
         Tensor(x.view(target)))

# --- reduce ---------------------------------------------------------------------------------------

def log_sum_exp(x, **k):
    top = np.max(x, axis=k["axis"], keepdims=True, initial=-INF)
    top = where(np.isfinite(top), top, 0)
    sums = np.log(np.sum(np.exp(x - top), **k))
    return sums + np.max(top, initial=-INF, **k) if x.size else sums


REDUCE = [np.sum, np.mean, np.max, np.min, np.prod, lambda x, **k: np.sum(np.abs(x), **k),
          lambda x, **k: np.sum(x * x, **k), lambda x, **k: np.sqrt(np.sum(x * x, **k)),
          lambda x, **k: np.log(np.sum(x, **k)), log_sum_exp]
AXES = [[], [0], [-1], [1, 2], [2, 0]]
for function, f in enumerate(REDUCE):
    for k, dtype in enumerate((f16, f32, f64, i32, i64, u8, i8, u64)):
        if dtype not in REALS and function > 6:
            continue
        axes, keep = AXES[(function + k) % len(AXES)], k % 2
        x = any_of(dtype, 3, 4, 5)
        if function == 8:
            x = np.abs(x)
        if dtype in (i32, i64, i8) or (dtype is u64 and function != 1):
            x = (x % 11 - (5 if dtype is not u64 else 0)).astype(dtype)
        wide = x.astype(f64) if dtype in REALS else x.astype(u64 if dtype is u64 else i64)
        if dtype is u64 and function == 1:
            x = x // 64
            wide = x
        y = f(wide, axis=tuple(axes) if axes else None, keepdims=bool(keep))
        if function == 1 and dtype not in REALS:  # in whole numbers, toward zero
            count = x.size // y.size if y.shape else x.size
            y = truncated(np.sum(wide, axis=tuple(axes) if axes else None, keepdims=bool(keep)),
                          np.array(count))
        case(f"reduce {function} {name_of(dtype)} {axes}", "reduce",
             [Tensor(x)] + ([Tensor(np.array(axes, i64))] if axes else []),
             Tensor(np.array(y).astype(dtype)), function=function, keep_dims=keep)
    empty = {0: 0, 1: NAN, 2: -INF, 3: INF, 4: 1, 8: -INF, 9: -INF}.get(function, 0)
    case(f"reduce {function} of nothing", "reduce", [Tensor(np.zeros((2, 0, 4), f32)), constant([1])],
         Tensor(np.full((2, 1, 4), empty, f32)), function=function)
    x = np.abs(any_of(f32, 3, 2)) + 1
    y = f(x[None].astype(f64), axis=(0,), keepdims=False).astype(f32)
    case(f"reduce {function} along no axis", "reduce", [Tensor(x), constant([])], Tensor(y),
         function=function, keep_all=1)
x = np.array([[-INF, -INF], [1, INF], [NAN, 1]], f32)
case("reduce 9 of infinities", "reduce", [Tensor(x), constant([1])],
     Tensor(np.array([-INF, INF, NAN], f32)), function=9, keep_dims=0)
case("reduce max of bools", "reduce", [Tensor(np.array([[0, 1], [0, 0]], np.bool_)), constant([1])],
     Tensor(np.array([1, 0], np.bool_)), function=2, keep_dims=0)
case("reduce max of no i32", "reduce", [Tensor(np.zeros((2, 0), i32)), constant([1])],
     Tensor(np.full(2, -2**31, i32)), function=2, keep_dims=0)

# --- along one axis -------------------------------------------------------------------------------

def softmax(x, axis):
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def hardmax(x, axis):
    y = np.zeros_like(x)
    np.put_along_axis(y, np.expand_dims(np.argmax(x, axis), axis), 1, axis)
    return y


for function, f in enumerate([softmax, lambda x, axis: np.log(softmax(x, axis)), hardmax]):
    for dtype in REALS:
        for shape, axis in [((3, 4, 5), 1), ((1, 300), -1), ((3, 1), 0), ((4,), 0)]:
            x = np.round(any_of(dtype, *shape) * 2) / 2
            case(f"distribution {function} {name_of(dtype)} {axis}", "distribution", [Tensor(x)],
                 Tensor(f(x.astype(f64), axis).astype(dtype)), function=function, axis=axis)

for dtype in (f16, f32, f64, i64, u8):
    x = (any_of(dtype, 2, 3, 4) if dtype in REALS else rng.integers(0, 4, (2, 3, 4))).astype(dtype)
    for product, exclusive, reverse, axis in [(0, 0, 0, 0), (0, 1, 0, -1), (0, 0, 1, 1),
                                              (0, 1, 1, 2), (1, 0, 0, 2), (1, 1, 1, 1)]:
        v = np.flip(x, axis) if reverse else x
        f, first = (np.cumprod, 1) if product else (np.cumsum, 0)
        wide = f64 if dtype in REALS else i64
        y = f(v.astype(wide), axis=axis)
        if exclusive:
            y = np.roll(y, 1, axis)
            y[tuple(slice(0, 1) if i == axis % 3 else slice(None) for i in range(3))] = first
        y = (np.flip(y, axis) if reverse else y).astype(dtype)
        case(f"cumulate {name_of(dtype)} {product}{exclusive}{reverse}", "cumulate",
             [Tensor(x), Tensor(np.array(axis, i64))], Tensor(y), product=product,
             exclusive=exclusive, reverse=reverse)

# --- Movement: numbers known at once (constants) and only in the run (values) -----------------------

for dtype in (f32, u8, f16, i64):
    x = any_of(dtype, 4, 5, 6)
    every = dtype in (u8, f16)  # the others differ in the width of an element alone
    kind = lambda data: [constant(data), Tensor(np.array(data, i64))][dtype in (u8, i64)]
    for starts, ends, axes, steps, y in [
            ([1, 2], [3, 2**63 - 1], [0, 1], [1, 1], x[1:3, 2:]),
            ([-1], [-2**63], [2], [-1], x[:, :, ::-1]),
            ([4, -1], [0, -7], [1, -1], [-2, -3], x[:, 4:0:-2, ::-3]),
            ([0, 1, 0], [4, 5, 6], [0, 1, 2], [1, 3, 2], x[:, 1::3, ::2]),
            ([3], [1], [0], [1], x[3:1]), ([0], [4], [0], [2**62], x[:1])][:6 if every else 4]:
        case(f"slice {name_of(dtype)} {starts}", "slice",
             [Tensor(x), kind(starts), kind(ends), kind(axes), kind(steps)], Tensor(y))
    case(f"slice {name_of(dtype)} without axes", "slice", [Tensor(x), kind([1, 0]), kind([2, 3])],
         Tensor(x[1:2, 0:3]))
    for mode, beyond in enumerate(["constant", "edge", "reflect", "wrap"]):
        for pads in [[1, 0, 2, 0, 2, 3], [0, 4, 0, 3, 0, 5], [-1, 2, 0, 0, -2, 1]][:3 if every else 1]:
            inner = x[tuple(slice(max(0, -b), x.shape[i] - max(0, -a))
                            for i, (b, a) in enumerate(zip(pads[:3], pads[3:])))]
            widths = [(max(0, b), max(0, a)) for b, a in zip(pads[:3], pads[3:])]
            more = dict(constant_values=x.flat[0]) if mode == 0 else {}
            if mode == 3 and min(pads) < 0:
                continue  # around what is cut off, numpy and ONNX differ
            case(f"pad {name_of(dtype)} {beyond} {pads}", "pad_by",
                 [Tensor(x), kind(pads), Tensor(np.array(x.flat[0]))],
                 Tensor(np.pad(inner, widths, beyond, **more)), beyond=mode)
    case(f"pad {name_of(dtype)} along an axis", "pad_by",
         [Tensor(x), kind([2, 1]), absent, kind([-2])],
         Tensor(np.pad(x, ((0, 0), (2, 1), (0, 0)))))
    for shape, y in [([4, 5, 6], x), ([2, 1, 1, 6], np.broadcast_to(x, (2, 4, 5, 6)))]:
        case(f"expand {name_of(dtype)} {shape}", "expand", [Tensor(x), kind(shape)], Tensor(y))
    case(f"expand a column {name_of(dtype)}", "expand", [Tensor(x[:, :1, :1]), kind([5, 3])],
         Tensor(np.broadcast_to(x[:, :1, :1], (4, 5, 3))))
    case(f"expand to nothing {name_of(dtype)}", "expand", [Tensor(x[:1]), kind([0, 5, 6])],
         Tensor(x[:0]))
    for times in [[1, 2, 3], [2, 1, 1], [3, 0, 1]][:3 if every else 1]:
        case(f"tile {name_of(dtype)} {times}", "tile", [Tensor(x), kind(times)],
             Tensor(np.tile(x, times)))
    for sizes, axes in [([2, 9, 6], None), ([6, 4], [1, -1])]:
        y, = reference("CenterCropPad", [x.astype(f32), np.array(sizes, i64)],
                       **(dict(axes=axes) if axes else {}))
        case(f"center crop or pad {name_of(dtype)} {sizes}", "center_crop_pad",
             [Tensor(x), kind(sizes)] + ([kind(axes)] if axes else []), Tensor(y.astype(dtype))
             ) if dtype is not i64 else None
    for wanted, allow, shape in [([6, -1, 4], 0, (6, 5, 4)), ([0, 0, -1], 0, (4, 5, 6)),
                                 ([120], 0, (120,)), ([2, 2, 5, 1, 6, 1], 0, (2, 2, 5, 1, 6, 1))][:4 if every else 1]:
        case(f"reshape to {name_of(dtype)} {wanted}", "reshape_to", [Tensor(x), kind(wanted)],
             Tensor(x.reshape(shape)), allow_zero=allow)
    case(f"reshape nothing {name_of(dtype)}", "reshape_to", [Tensor(x[:0]), kind([7, 0])],
         Tensor(x[:0].reshape(7, 0)), allow_zero=1)
    case(f"squeeze {name_of(dtype)}", "squeeze", [Tensor(x[:, None, :, None]), kind([-2, 1])],
         Tensor(x))
    case(f"squeeze all {name_of(dtype)}", "squeeze", [Tensor(x[:, None, :1])], Tensor(x[:, 0]))
    case(f"unsqueeze {name_of(dtype)}", "unsqueeze", [Tensor(x), kind([-1, 0])],
         Tensor(x[None, ..., None]))
    for axis in (0, 1, 2, 3, -1) if every else (1,):
        rows = math.prod(x.shape[:axis])
        case(f"flatten {name_of(dtype)} {axis}", "flatten", [Tensor(x)],
             Tensor(x.reshape(rows, -1)), axis=axis)
    for upper, k in [(1, 0), (0, 0), (1, 2), (0, -1), (1, -9), (0, 9), (1, 2**62)][:7 if every else 2]:
        y = (np.triu if upper else np.tril)(x, min(k, 100))
        case(f"trilu {name_of(dtype)} {upper} {k}", "trilu", [Tensor(x), kind(k)], Tensor(y),
             upper=upper)
    case(f"eye like {name_of(dtype)}", "eye_like", [Tensor(np.zeros((3, 5), f32))],
         Tensor(np.eye(3, 5, 1, dtype)), k=1)

for dtype in (f32, u64):
    x = any_of(dtype, 2, 1, 3)
    case(f"identity {name_of(dtype)}", "identity", [Tensor(x)], Tensor(x))
case("split into one", "split", [Tensor(np.arange(12, dtype=i32).reshape(3, 4))],
     Tensor(np.arange(12, dtype=i32).reshape(3, 4)), axis=1)
for dtype in (f32, f64, i16, i32, i64):
    for start, limit, delta in [(1, 10, 3), (10, -5, -4), (3, 3, 1), (5, 1, 1), (0, 7, 7)]:
        y = np.arange(start, limit, delta).astype(dtype)
        for role in ("constant", "value"):
            inputs = [Tensor(np.array(v, dtype), role) for v in (start, limit, delta)]
            case(f"range {name_of(dtype)} {start} {limit} {delta} {role}", "range", inputs, Tensor(y))
case("range over all of i64", "range",
     [Tensor(np.array(v, i64), "constant") for v in (-2**63, 2**63 - 1, 2**62)],
     Tensor(np.array([-2**63, -2**62, 0, 2**62], i64)))

write(sys.argv[1] if len(sys.argv) > 1 else "tests/ops/elements.pack")
