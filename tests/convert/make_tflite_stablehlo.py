# SPDX-License-Identifier: Apache-2.0
# Makes tflite_stablehlo.pack for models.c and hostile_tflite.c: StableHLO's operators with dimension numbers
# or bodies, and what TensorFlow Lite has like them. Expected is what StableHLO's specification says, written
# here in numpy; where ai-edge-litert runs an operator, it must give the same.
import itertools, sys
from tflite_build import *

f32 = np.float32
for kind, code, dtype in [("u32", S.TensorType.UINT32, np.uint32), ("u64", S.TensorType.UINT64, np.uint64)]:
    TT[kind], NP[kind] = code, dtype
rng = np.random.default_rng(11)
NP_T = {np.dtype(v): k for k, v in NP.items()}
# What ai-edge-litert runs; but not gather and scatter of indices without a dimension for their numbers, where it
# reads beyond their shape.
RUNS = {"STABLEHLO_GATHER", "STABLEHLO_SCATTER", "STABLEHLO_REDUCE_WINDOW", "STABLEHLO_PAD", "DILATE",
        "REDUCE_WINDOW", "EMBEDDING_LOOKUP_SPARSE", "HASHTABLE_LOOKUP", "MULTINOMIAL"}


def numbers(dtype, *shape):
    if np.dtype(dtype) == np.bool_:
        return rng.integers(0, 2, shape).astype(bool)
    if np.dtype(dtype) == f32:
        return rng.standard_normal(shape).astype(f32)
    return rng.integers(-9, 10, shape).astype(dtype)


def options(name, second=True, **fields):
    o = getattr(S, name + "OptionsT")()
    for k, v in fields.items():
        assert hasattr(o, k), (name, k)
        setattr(o, k, v)

    def change(m):
        op = m.subgraphs[0].operators[0]
        if second:
            op.builtinOptions2Type, op.builtinOptions2 = getattr(S.BuiltinOptions2, name + "Options"), o
        else:
            op.builtinOptionsType, op.builtinOptions = getattr(S.BuiltinOptions, name + "Options"), o

    return change


def add_graph(m, dtype, inputs, nodes, shape=(), outputs=None):
    """Inputs: how many of this type and shape, or a pair of both for each. Nodes: (operator, inputs, type of its
    output or a pair, options..), each adding a tensor."""
    g = S.SubGraphT()
    g.tensors, g.operators = [], []

    def add(kind):
        kind, dims = kind if isinstance(kind, tuple) else (kind, shape)
        t = S.TensorT()
        t.name, t.shape, t.type = b"t%d" % len(g.tensors), list(dims), TT[NP_T[np.dtype(kind)]]
        g.tensors.append(t)
        return len(g.tensors) - 1

    g.inputs = [add(kind) for kind in ([dtype] * inputs if isinstance(inputs, int) else inputs)]
    for name, ins, kind, *more in nodes:
        c, o = S.OperatorCodeT(), S.OperatorT()
        c.builtinCode = getattr(S.BuiltinOperator, name)
        c.deprecatedBuiltinCode, c.version = min(c.builtinCode, 127), 1
        m.operatorCodes.append(c)
        o.opcodeIndex, o.inputs, o.outputs = len(m.operatorCodes) - 1, list(ins), [add(kind)]
        for name, value in more:
            o.builtinOptions2Type, o.builtinOptions2 = getattr(S.BuiltinOptions2, name), value
        g.operators.append(o)
    g.outputs = outputs or [len(g.tensors) - 1]
    m.subgraphs.append(g)


def pair(op, dtype):
    """A body of one operator of two numbers; of none: the second."""
    return lambda m: add_graph(m, dtype, 2, [(op, [0, 1], dtype)] if op else [], outputs=None if op else [1])


def make(op, feeds, results, changes=(), constants=(), quantized=None, order=None):
    xs = [T("x%d" % k, NP_T[a.dtype], a.shape, **(quantized or {})) for k, a in enumerate(feeds)]
    ys = [T("y%d" % k, NP_T[a.dtype], a.shape, **(quantized or {})) for k, a in enumerate(results)]
    ins = xs + [const("c%d" % k, a, **(quantized or {} if a.dtype == np.int8 else {})) for k, a in enumerate(constants)]
    if order:
        ins = [ins[k] for k in order]

    def change(m):
        for f in changes:
            f(m)

    return build(xs, ys, [Op(op, ins, ys)], change)


def told(name, op, feeds, results, *changes, constants=(), tolerance=2e-5, runs=True, **more):
    feeds, results = [np.asarray(a) for a in feeds], [np.asarray(a) for a in results]
    model = make(op, feeds, results, changes, [np.asarray(a) for a in constants], **more)
    if op in RUNS and runs:
        for a, b in zip(run(model, feeds), results):
            assert a.shape == b.shape and a.dtype == b.dtype, (name, a.shape, b.shape, a.dtype, b.dtype)
            assert np.allclose(a, b, atol=1e-5, equal_nan=True), (name, a, b)
    exact = all(a.dtype != f32 for a in results)
    put(name, model, b"".join(np.ascontiguousarray(a).tobytes() for a in [*feeds, *results]), tolerance=0 if exact else tolerance)


def refused(name, sentence, op, feeds, results, *changes, constants=(), **more):
    put(name, make(op, [np.asarray(a) for a in feeds], [np.asarray(a) for a in results], changes, [np.asarray(a) for a in constants], **more), sentence=sentence)


COMBINE = {"ADD": np.add, "MULTIPLY": np.multiply, "MAXIMUM": np.maximum, "MINIMUM": np.minimum, "AND": np.logical_and, "OR": np.logical_or}

# --- What the specification says ----------------------------------------------------------------------


def index_vector(indices, batch, along, count):
    if along == indices.ndim:
        return [indices[tuple(batch)]]
    return [indices[tuple(batch[:along]) + (k,) + tuple(batch[along:])] for k in range(count)]


def gather(x, indices, offset_dims, collapsed, start_map, along, sizes):
    batch_shape = [n for i, n in enumerate(indices.shape) if i != along]
    kept = [d for d in range(x.ndim) if d not in collapsed]
    rank = len(batch_shape) + len(kept)
    batch_dims = [r for r in range(rank) if r not in offset_dims]
    shape = [0] * rank
    for r, n in zip(batch_dims, batch_shape):
        shape[r] = n
    for r, d in zip(offset_dims, kept):
        shape[r] = sizes[d]
    y = np.zeros(shape, x.dtype)
    for at in np.ndindex(*shape):
        start = [0] * x.ndim
        for k, v in enumerate(index_vector(indices, [at[r] for r in batch_dims], along, len(start_map))):
            d = start_map[k]
            start[d] = min(max(int(v), 0), x.shape[d] - sizes[d])
        for r, d in zip(offset_dims, kept):
            start[d] += at[r]
        y[at] = x[tuple(start)]
    return y


def scatter(x, indices, updates, window_dims, inserted, map_, along, combine):
    y = x.copy()
    kept = [d for d in range(x.ndim) if d not in inserted]
    batch_dims = [r for r in range(updates.ndim) if r not in window_dims]
    for at in np.ndindex(*updates.shape):
        place = [0] * x.ndim
        for k, v in enumerate(index_vector(indices, [at[r] for r in batch_dims], along, len(map_))):
            place[map_[k]] = int(v)
        for r, d in zip(window_dims, kept):
            place[d] += at[r]
        if all(0 <= p < n for p, n in zip(place, x.shape)):
            y[tuple(place)] = combine(y[tuple(place)], updates[at])
    return y


def spread(x, gaps, value):
    shape = [max(0, (n - 1) * (g + 1) + 1) for n, g in zip(x.shape, gaps)]
    y = np.full(shape, value, x.dtype)
    y[tuple(slice(None, None, g + 1) for g in gaps)] = x
    return y


def pad(x, low, high, gaps, value):
    x = spread(x, gaps, value)
    x = np.pad(x, [(max(0, a), max(0, b)) for a, b in zip(low, high)], constant_values=value)
    return x[tuple(slice(max(0, -a), n - max(0, -b)) for a, b, n in zip(low, high, x.shape))]


def reduce_window(x, first, combine, sizes, strides, base, dilations, padding):
    x = pad(x, [p for p, _ in padding], [p for _, p in padding], [b - 1 for b in base], first)
    shape = [max(0, (n - (k - 1) * d - 1) // s + 1) for n, k, s, d in zip(x.shape, sizes, strides, dilations)]
    y = np.full(shape, first, x.dtype)
    for at in np.ndindex(*shape):
        for tap in np.ndindex(*sizes):
            y[at] = combine(y[at], x[tuple(a * s + t * d for a, s, t, d in zip(at, strides, tap, dilations))])
    return y


def dot_general(a, b, a_batch, b_batch, a_sum, b_sum):
    la, lb, letters = [""] * a.ndim, [""] * b.ndim, iter("abcdefghijklmnopqrstuvwxyz")
    both = list(zip(a_batch, b_batch)) + list(zip(a_sum, b_sum))
    for i, j in both:
        la[i] = lb[j] = next(letters)
    la, lb = [v or next(letters) for v in la], [v or next(letters) for v in lb]
    out = [la[i] for i in a_batch]
    out += [v for i, v in enumerate(la) if i not in a_batch + a_sum] + [v for i, v in enumerate(lb) if i not in b_batch + b_sum]
    y = np.einsum("%s,%s->%s" % ("".join(la), "".join(lb), "".join(out)), a.astype(np.float64), b.astype(np.float64))
    return y.astype(a.dtype)


def convolution(x, w, strides, padding, x_dilation, w_dilation, reverse, numbers, groups):
    """numbers: those of x (batch, feature, *spatial), of w (in, out, *spatial), of the result."""
    xn, wn, yn = numbers
    n = len(strides)
    x = np.transpose(x, [xn[0], xn[1], *xn[2:]])
    w = np.transpose(w, [wn[1], wn[0], *wn[2:]])
    w = w[(slice(None), slice(None)) + tuple(slice(None, None, -1 if r else 1) for r in reverse)]
    x = pad(x, [0, 0, *(p for p, _ in padding)], [0, 0, *(p for _, p in padding)], [0, 0, *(d - 1 for d in x_dilation)], 0)
    out = [(x.shape[2 + i] - (w.shape[2 + i] - 1) * w_dilation[i] - 1) // strides[i] + 1 for i in range(n)]
    y = np.zeros((x.shape[0], w.shape[0], *out), np.float64)
    each = w.shape[0] // groups
    for at in np.ndindex(*out):
        for tap in np.ndindex(*w.shape[2:]):
            p = tuple(a * s + t * d for a, s, t, d in zip(at, strides, tap, w_dilation))
            for g in range(groups):
                part = x[(slice(None), slice(g * w.shape[1], (g + 1) * w.shape[1])) + p]
                y[(slice(None), slice(g * each, (g + 1) * each)) + at] += part @ w[(slice(g * each, (g + 1) * each), slice(None)) + tap].T.astype(np.float64)
    back = [0] * (n + 2)
    for i, d in enumerate(yn):
        back[d] = i
    return np.transpose(y, back).astype(f32)


# --- gather, scatter, slices --------------------------------------------------------------------------


def gathered(name, x, indices, offset_dims, collapsed, start_map, along, sizes):
    o = options("StablehloGather", offsetDims=offset_dims, collapsedSliceDims=collapsed, startIndexMap=start_map, indexVectorDim=along, sliceSizes=sizes)
    told(name, "STABLEHLO_GATHER", [x, indices], [gather(x, indices, offset_dims, collapsed, start_map, along, sizes)], o, runs=along < indices.ndim)


def scattered(name, x, indices, updates, window_dims, inserted, map_, along, op=None):
    o = options("StablehloScatter", updateWindowDims=window_dims, insertedWindowDims=inserted, scatterDimsToOperandDims=map_, indexVectorDim=along, updateComputationSubgraphIndex=1)
    combine = COMBINE[op] if op else lambda a, b: b
    y = scatter(x, indices, updates, window_dims, inserted, map_, along, combine)
    told(name, "STABLEHLO_SCATTER", [x, indices, updates], [y], o, pair("STABLEHLO_" + op if op else None, x.dtype), runs=along < indices.ndim)


def sliced(name, x, start, sizes):
    o = options("StablehloDynamicSlice", sliceSizes=sizes)
    at = [min(max(s, 0), n - k) for s, n, k in zip(start, x.shape, sizes)]
    y = x[tuple(slice(a, a + k) for a, k in zip(at, sizes))]
    told(name, "STABLEHLO_DYNAMIC_SLICE", [x, *(np.int32(s) for s in start)], [y], o)


def updated(name, x, part, start):
    y, at = x.copy(), [min(max(s, 0), n - k) for s, n, k in zip(start, x.shape, part.shape)]
    y[tuple(slice(a, a + k) for a, k in zip(at, part.shape))] = part
    told(name, "STABLEHLO_DYNAMIC_UPDATE_SLICE", [x, part, *(np.int32(s) for s in start)], [y])


def any_indices(shape, sizes):
    return rng.integers(-1, max(2, max(sizes, default=2)), shape).astype([np.int32, np.int64][rng.integers(2)])


def random_gather(k):
    """Dimension numbers thrown at random, all of them legal."""
    x = numbers([f32, np.int32, np.int8][rng.integers(3)], *rng.integers(1, 5, rng.integers(1, 5)))
    sizes = [int(rng.integers(1, n + 1)) for n in x.shape]
    collapsed = [d for d in range(x.ndim) if rng.integers(2)]
    for d in collapsed:
        sizes[d] = 1
    start_map = [int(d) for d in rng.permutation(x.ndim)[: rng.integers(0, x.ndim + 1)]]
    batch = list(rng.integers(1, 4, rng.integers(0, 3)))
    along = int(rng.integers(0, len(batch) + 1))
    shape = batch[:along] + [len(start_map)] + batch[along:]
    if len(start_map) == 1 and along == len(batch) and rng.integers(2):
        shape = batch
    kept = x.ndim - len(collapsed)
    offset_dims = sorted(int(d) for d in rng.permutation(len(batch) + kept)[:kept])
    return x, any_indices(shape, x.shape), offset_dims, collapsed, start_map, along, sizes


def gathers(count):
    table = numbers(f32, 5, 3)
    gathered("gather of rows", table, np.array([4, 0, 7, -1], np.int32), [1], [0], [0], 1, [1, 3])
    gathered("gather of windows", numbers(f32, 2, 5, 6), np.array([[0, 2], [3, 9], [-2, 1]], np.int64), [1, 2, 3], [], [2, 1], 1, [2, 2, 3])
    gathered("gather, all dimensions moved", numbers(np.int32, 4, 3, 2), np.array([[[1, 0], [2, 3]]], np.int32), [0, 2], [1], [1, 0], 1, [2, 1, 2])
    gathered("gather of int8", numbers(np.int8, 4, 3), np.array([2, 1], np.int32), [1], [0], [0], 1, [1, 3])
    for k in range(count):
        gathered("gather %d" % k, *random_gather(k))


def scatters(count):
    for k, op in enumerate([None, "ADD", "MULTIPLY", "MAXIMUM", "MINIMUM"]):
        scattered("scatter of rows by %s" % op, numbers(f32, 5, 3), np.array([[4], [0], [4], [9]], np.int32), numbers(f32, 4, 3), [1], [0], [0], 1, op)
    scattered("scatter of windows", numbers(np.int32, 2, 5, 6), np.array([[0, 2], [3, 4], [1, 1]], np.int64), numbers(np.int32, 2, 3, 2, 3), [0, 2, 3], [], [1, 2], 1, "ADD")
    for k in range(count):
        x, indices, window_dims, inserted, map_, along, sizes = random_gather(k)
        kept = [d for d in range(x.ndim) if d not in inserted]
        batch = [n for i, n in enumerate(indices.shape) if i != along]
        shape, rest = [0] * (len(batch) + len(kept)), iter(batch)
        for r, d in zip(window_dims, kept):
            shape[r] = sizes[d]
        shape = [n if r in window_dims else next(rest) for r, n in enumerate(shape)]
        # Which of two updates of an element is the last one, the specification leaves open; ai-edge-litert does
        # not check negative indices.
        ordered = window_dims == [len(batch) + i for i in range(len(kept))]
        op = [None, "ADD", "MAXIMUM"][rng.integers(0 if ordered else 1, 3)]
        scattered("scatter %d" % k, x, abs(indices), numbers(x.dtype, *shape), window_dims, inserted, map_, along, op)


def slices():
    sliced("dynamic slice", numbers(f32, 4, 5, 2), [2, 9, -1], [3, 2, 2])
    sliced("dynamic slice of all", numbers(np.int32, 2, 3), [1, 1], [2, 3])
    updated("dynamic update slice", numbers(f32, 4, 5, 2), numbers(f32, 3, 2, 2), [2, 1, 1])


def sorts():
    x, y = numbers(f32, 3, 5), numbers(np.int32, 3, 5)
    before = lambda operands, a, b, direction: lambda m: add_graph(
        m, f32, 2 * operands, [("STABLEHLO_COMPARE", [a, b], np.bool_, ("StablehloCompareOptions", direction))])

    def way(d):
        o = S.StablehloCompareOptionsT()
        o.comparisonDirection = d
        return o

    axis = lambda d: options("StablehloSort", dimension=d, isStable=True, comparatorSubgraphIndex=1)
    told("sort", "STABLEHLO_SORT", [x], [np.sort(x, 1)], axis(1), before(1, 0, 1, way(5)))
    told("sort downwards", "STABLEHLO_SORT", [x], [-np.sort(-x, 0)], axis(0), before(1, 0, 1, way(3)))
    order = np.argsort(y, 1, kind="stable")
    told("sort by the second", "STABLEHLO_SORT", [x, y], [np.take_along_axis(x, order, 1), np.take_along_axis(y, order, 1)], axis(1), before(2, 3, 2, way(3)))
    refused("sort by more", "its comparator, graph 1, must be one operator that tells which of two elements is less", "STABLEHLO_SORT", [x], [x], axis(1), before(1, 0, 0, way(5)))


# --- Reductions ---------------------------------------------------------------------------------------


def reduced(name, x, first, axes, op):
    y = COMBINE[op].reduce(x, tuple(axes), keepdims=False, dtype=x.dtype) if axes else x
    o = options("StablehloReduce", dimensions=axes, bodySubgraphIndex=1)
    told(name, "STABLEHLO_REDUCE", [x], [COMBINE[op](y, first).astype(x.dtype)], o, pair("STABLEHLO_" + op, x.dtype), constants=[first])


def reduces():
    x = numbers(f32, 3, 4, 5)
    for op, first in [("ADD", 0), ("MULTIPLY", 1), ("MAXIMUM", -np.inf), ("MINIMUM", 0.5), ("ADD", 2)]:
        reduced("reduce %s %s" % (op, first), x, f32(first), [2, 0], op)
    reduced("reduce or", numbers(bool, 3, 4), np.bool_(False), [1], "OR")
    reduced("reduce and", numbers(bool, 3, 4) | True, np.bool_(True), [0], "AND")
    reduced("reduce add of i32", numbers(np.int32, 3, 4), np.int32(7), [0, 1], "ADD")
    reduced("reduce nothing", x, f32(1), [], "ADD")
    o = options("StablehloReduce", dimensions=[1], bodySubgraphIndex=1)
    y = f32(x.sum(1))
    say = "its body, graph 1, must add, multiply, or take the larger or smaller of two f32"
    refused("reduce by division", say, "STABLEHLO_REDUCE", [x], [y], o, pair("STABLEHLO_DIVIDE", f32), constants=[f32(0)])
    refused("reduce by its first alone", say, "STABLEHLO_REDUCE", [x], [y], o, lambda m: add_graph(m, f32, 2, [("STABLEHLO_ADD", [0, 0], f32)]), constants=[f32(0)])
    refused("reduce by and of numbers", say, "STABLEHLO_REDUCE", [x], [y], o, pair("STABLEHLO_AND", f32), constants=[f32(0)])
    refused("reduce without a body", "its body, graph 1 of 1, does not make one number of 2", "STABLEHLO_REDUCE", [x], [y], o, constants=[f32(0)])
    itself = options("StablehloReduce", dimensions=[1], bodySubgraphIndex=0)
    refused("reduce by itself", "its body, graph 0 of 1, does not make one number of 2", "STABLEHLO_REDUCE", [x], [y], itself, constants=[f32(0)])
    far = options("StablehloReduce", dimensions=[3], bodySubgraphIndex=1)
    refused("reduce along no axis", "axis 3 does not exist in 3 dimensions", "STABLEHLO_REDUCE", [x], [y], far, pair("STABLEHLO_ADD", f32), constants=[f32(0)])


def windowed(name, x, first, op, sizes, strides, base, dilations, padding):
    runs = pad(x, *zip(*padding), [b - 1 for b in base], 0).size > 0  # nothing, ai-edge-litert refuses
    y = reduce_window(x, first, COMBINE[op], sizes, strides, base, dilations, padding)
    o = options("StablehloReduceWindow", windowDimensions=sizes, windowStrides=strides, baseDilations=base, windowDilations=dilations, padding=[p for both in padding for p in both], bodySubgraphIndex=1)
    told(name, "STABLEHLO_REDUCE_WINDOW", [x], [y], o, pair("LOGICAL_OR" if op == "OR" else "STABLEHLO_" + op, x.dtype), constants=[np.asarray(first, x.dtype)], runs=runs)
    if all(p == (0, 0) for p in padding) and all(b == 1 for b in base):
        function = {"ADD": 1, "MULTIPLY": 2, "MINIMUM": 3, "MAXIMUM": 4, "AND": 5, "OR": 6}[op]
        told(name + ", its own", "REDUCE_WINDOW", [x], [y], options("ReduceWindow", reduceFunction=function), constants=[np.asarray(first, x.dtype), *(np.array(v, np.int64) for v in (sizes, strides, dilations))])


def windows(count):
    plain = lambda n: ([1] * n, [1] * n, [(0, 0)] * n)
    windowed("window of sums", numbers(f32, 1, 6, 7, 2), f32(0), "ADD", [1, 3, 2, 1], [1, 2, 2, 1], [1] * 4, [1] * 4, [(0, 0), (1, 1), (0, 1), (0, 0)])
    windowed("window of extremes", numbers(f32, 5, 6), f32(-np.inf), "MAXIMUM", [2, 3], [1, 1], *plain(2))
    windowed("window of running sums", numbers(np.int32, 2, 7), np.int32(0), "ADD", [1, 7], [1, 1], [1, 1], [1, 1], [(0, 0), (6, 0)])
    windowed("window with all", numbers(np.int32, 4, 5), np.int32(3), "MULTIPLY", [2, 2], [2, 1], [2, 3], [1, 2], [(-1, 2), (1, 0)])
    windowed("window of bools", numbers(bool, 4, 5), False, "OR", [2, 2], [1, 2], *plain(2))
    windowed("window too large", numbers(f32, 2, 3), f32(0), "ADD", [3, 1], [1, 1], *plain(2))
    for k in range(count):
        x = numbers([f32, np.int32, np.int8][rng.integers(3)], *rng.integers(2, 6, rng.integers(1, 4)))
        op = ["ADD", "MAXIMUM", "MINIMUM", "MULTIPLY"][rng.integers(4)]
        n = lambda low, high: [int(v) for v in rng.integers(low, high, x.ndim)]
        windowed("window %d" % k, x, np.asarray(rng.integers(-2, 3), x.dtype), op, n(1, 5), n(1, 3), n(1, 3), n(1, 3), list(zip(n(-1, 3), n(-1, 3))))
    x = numbers(f32, 4, 5)
    o = options("StablehloReduceWindow", windowDimensions=[0, 1], bodySubgraphIndex=1)
    refused("window of nothing", "a window of 0 with dilation 1 and stride 1 is impossible", "STABLEHLO_REDUCE_WINDOW", [x], [x], o, pair("STABLEHLO_ADD", f32), constants=[f32(0)])
    o = options("StablehloReduceWindow", windowDimensions=[1, 1, 1], bodySubgraphIndex=1)
    refused("window of more dimensions", "its option 0 must be up to 2 numbers of 32 bits", "STABLEHLO_REDUCE_WINDOW", [x], [x], o, pair("STABLEHLO_ADD", f32), constants=[f32(0)])


def dilations():
    for name, x, gaps in [("rows", numbers(f32, 3, 2), [2, 1]), ("all", numbers(np.int32, 2, 3, 4), [1, 3, 2]), ("int8", numbers(np.int8, 4), [3])]:
        told("dilate " + name, "DILATE", [x], [spread(x, [g - 1 for g in gaps], 5)], constants=[np.array(gaps, np.int32), np.asarray(5, x.dtype)])
    q = numbers(np.int8, 2, 3)
    told("dilate quantized", "DILATE", [q], [spread(q, [1, 2], -7)], constants=[np.array([2, 3], np.int32), np.int8(-7)], quantized=dict(scale=0.5, zp=3))
    x = numbers(f32, 3, 2)
    o = options("StablehloPad", edgePaddingLow=[1, -1], edgePaddingHigh=[-2, 3], interiorPadding=[2, 1])
    told("pad between elements", "STABLEHLO_PAD", [x], [pad(x, [1, -1], [-2, 3], [2, 1], 7)], o, constants=[f32(7)])
    refused("dilate by nothing", "-1 between elements of [3,2] is impossible", "DILATE", [x], [x], constants=[np.array([0, 1], np.int32), f32(0)])


# --- Products -----------------------------------------------------------------------------------------


def dotted(name, a, b, a_batch, b_batch, a_sum, b_sum, constant=False):
    o = options("StablehloDotGeneral", lhsBatchingDimensions=a_batch, rhsBatchingDimensions=b_batch, lhsContractingDimensions=a_sum, rhsContractingDimensions=b_sum)
    y = dot_general(a, b, a_batch, b_batch, a_sum, b_sum)
    told(name, "STABLEHLO_DOT_GENERAL", [a] if constant else [a, b], [y], o, constants=[b] if constant else [])


def products():
    dotted("dot", numbers(f32, 3, 4), numbers(f32, 4, 5), [], [], [1], [0])
    dotted("dot with constant weights", numbers(f32, 3, 4), numbers(f32, 5, 4), [], [], [1], [1], True)
    dotted("dot of vectors", numbers(f32, 4), numbers(f32, 4), [], [], [0], [0])
    dotted("dot over batches", numbers(f32, 3, 2, 4, 5), numbers(f32, 5, 3, 6, 2), [1, 0], [3, 1], [3], [0])
    dotted("dot over two", numbers(f32, 2, 3, 4), numbers(f32, 4, 5, 2), [], [], [0, 2], [2, 0])
    dotted("dot of all pairs", numbers(f32, 2, 3), numbers(f32, 4), [], [], [], [])
    dotted("dot of i32", numbers(np.int32, 3, 4), numbers(np.int32, 4, 2), [], [], [1], [0])
    a, b = numbers(f32, 3, 4), numbers(f32, 4, 5)
    o = options("StablehloDotGeneral", lhsContractingDimensions=[1], rhsContractingDimensions=[1])
    refused("dot of other sizes", "the dimensions of [3,4] and [4,5] that it goes over do not fit one another", "STABLEHLO_DOT_GENERAL", [a, b], [a], o)
    for dims in [[2], [1, 1]]:
        o = options("StablehloDotGeneral", lhsContractingDimensions=dims, rhsContractingDimensions=[0])
        refused("dot over dimension %s" % dims, "its dimension numbers do not fit: one does not exist, or is named twice", "STABLEHLO_DOT_GENERAL", [a, b], [a], o)


def convolved(name, x, w, numbers, strides=None, padding=None, x_dilation=None, w_dilation=None, reverse=None, groups=1, constant=True):
    n = x.ndim - 2
    strides, x_dilation, w_dilation, reverse = strides or [1] * n, x_dilation or [1] * n, w_dilation or [1] * n, reverse or [False] * n
    padding = padding or [(0, 0)] * n
    xn, wn, yn = numbers
    y = convolution(x, w, strides, padding, x_dilation, w_dilation, reverse, numbers, groups)
    o = options("StablehloConvolution", windowStrides=strides, padding=[p for both in padding for p in both], lhsDilation=x_dilation,
                rhsDilation=w_dilation, windowReversal=reverse, inputBatchDimension=xn[0], inputFeatureDimension=xn[1],
                inputSpatialDimensions=xn[2:], kernelInputFeatureDimension=wn[0], kernelOutputFeatureDimension=wn[1],
                kernelSpatialDimensions=wn[2:], outputBatchDimension=yn[0], outputFeatureDimension=yn[1], outputSpatialDimensions=yn[2:],
                featureGroupCount=groups, batchGroupCount=1)
    told(name, "STABLEHLO_CONVOLUTION", [x] if constant else [x, w], [y], o, constants=[w] if constant else [])


NHWC = ([0, 3, 1, 2], [2, 3, 0, 1], [0, 3, 1, 2])


def convolutions():
    for constant in (True, False):
        how = "" if constant else ", computed weights"
        convolved("convolution" + how, numbers(f32, 1, 6, 7, 3), numbers(f32, 3, 2, 3, 4), NHWC, [2, 1], [(1, 0), (0, 2)], constant=constant)
        convolved("convolution of groups" + how, numbers(f32, 2, 5, 5, 4), numbers(f32, 3, 3, 2, 6), NHWC, w_dilation=[2, 1], groups=2, constant=constant)
    convolved("convolution by channels", numbers(f32, 1, 5, 5, 4), numbers(f32, 3, 3, 1, 4), NHWC, groups=4)
    convolved("convolution, dimensions in another order", numbers(f32, 3, 6, 2, 5), numbers(f32, 4, 2, 3, 3), ([2, 0, 1, 3], [3, 0, 2, 1], [3, 1, 2, 0]))
    convolved("convolution, transposed", numbers(f32, 1, 3, 4, 2), numbers(f32, 3, 2, 2, 3), NHWC, padding=[(2, 2), (1, 2)], x_dilation=[2, 3], reverse=[True, False])
    convolved("convolution of a part", numbers(f32, 1, 6, 6, 2), numbers(f32, 2, 2, 2, 3), NHWC, padding=[(-1, 0), (1, -2)])
    convolved("convolution of lines", numbers(f32, 2, 9, 3), numbers(f32, 3, 3, 4), ([0, 2, 1], [1, 2, 0], [0, 2, 1]), [2], [(1, 1)])
    convolved("convolution of points", numbers(f32, 2, 3), numbers(f32, 3, 4), ([0, 1], [0, 1], [0, 1]))
    convolved("convolution of volumes", numbers(f32, 1, 3, 4, 4, 2), numbers(f32, 2, 2, 3, 2, 3), ([0, 4, 1, 2, 3], [3, 4, 0, 1, 2], [0, 4, 1, 2, 3]))
    x, w = numbers(f32, 1, 4, 4, 2), numbers(f32, 2, 2, 2, 3)
    whole = dict(inputBatchDimension=0, inputFeatureDimension=3, inputSpatialDimensions=[1, 2], kernelInputFeatureDimension=2, kernelOutputFeatureDimension=3,
                 kernelSpatialDimensions=[0, 1], outputBatchDimension=0, outputFeatureDimension=3, outputSpatialDimensions=[1, 2], featureGroupCount=1, batchGroupCount=1)
    for name, sentence, change in [
        ("groups of batches", "groups of batches are those of training", dict(batchGroupCount=2)),
        ("groups that do not fit", "weights [3,2,2,2] do not fit the 2 channels of its input", dict(featureGroupCount=2)),
        ("a dimension that is none", "its dimension numbers do not fit: one does not exist, or is named twice", dict(outputSpatialDimensions=[1, 9])),
        ("no stride", "its dimension numbers do not fit: strides and dilations must be at least 1", dict(windowStrides=[0, 1])),
        ("half of its pads", "its dimension numbers do not fit: pads are too few", dict(padding=[1, 1])),
    ]:
        refused("convolution with " + name, sentence, "STABLEHLO_CONVOLUTION", [x], [x], options("StablehloConvolution", **{**whole, **change}), constants=[w])


# --- Others -------------------------------------------------------------------------------------------


def cases():
    x = numbers(f32, 2, 3)
    branches = [lambda m, op=op: add_graph(m, f32, 1, [("STABLEHLO_" + op, [0, 0] if op in ("ADD", "MULTIPLY") else [0], f32)], x.shape) for op in ("ADD", "MULTIPLY", "NEGATE")]
    o = options("StablehloCase", branchSubgraphIndices=[1, 2, 3])
    for k in (0, 1, 2, 5, -1):
        y = [x + x, x * x, -x][k if 0 <= k < 3 else 2]
        told("case %d" % k, "STABLEHLO_CASE", [np.int32(k), x], [y], o, *branches)
    told("case of a constant", "STABLEHLO_CASE", [x], [x * x], o, *branches, constants=[np.int32(1)], order=[1, 0])
    refused("case without branches", "it has 0 branches and an index of shape []", "STABLEHLO_CASE", [np.int32(0), x], [x], options("StablehloCase"))
    refused("case of itself", "it runs graph 0 of 1", "STABLEHLO_CASE", [np.int32(0), x], [x], options("StablehloCase", branchSubgraphIndices=[0]))

    o = S.StablehloCaseOptionsT()
    o.branchSubgraphIndices = [1, 1]
    within = lambda m: add_graph(m, np.int32, 1, [("STABLEHLO_CASE", [0, 0], np.int32, ("StablehloCaseOptions", o))])
    refused("case that runs itself", "graphs run one another 16 deep", "STABLEHLO_CASE", [np.int32(0), np.int32(0)], [np.int32(0)], options("StablehloCase", branchSubgraphIndices=[1]), within)
    nothing = np.zeros((2**31 - 1, 0), f32)
    told("broadcast to nothing", "STABLEHLO_BROADCAST_IN_DIM", [f32([1])], [nothing], options("StablehloBroadcastInDim", broadcastDimensions=[0]))
    told("cube root", "STABLEHLO_CBRT", [f32([[-8, 0, 27], [1e-6, -1, 1e9]])], [np.cbrt(f32([[-8, 0, 27], [1e-6, -1, 1e9]]))])


def scans():
    """A loop as JAX writes it: it reads row i of x, adds it to a sum, and writes that into row i of y."""
    x = numbers(f32, 5, 3)
    less, slice_ = S.StablehloCompareOptionsT(), S.StablehloDynamicSliceOptionsT()
    less.comparisonDirection, slice_.sliceSizes = 5, [1, 3]
    number, rows, row = (np.int32, ()), (f32, (5, 3)), (f32, (1, 3))
    values = [number, number, number, number, rows, rows, row]  # i, 5, 1, 0, x, y, sum
    condition = lambda m: add_graph(m, f32, values, [("STABLEHLO_COMPARE", [0, 1], (bool, ()), ("StablehloCompareOptions", less))])
    nodes = [
        ("STABLEHLO_DYNAMIC_SLICE", [4, 0, 3], row, ("StablehloDynamicSliceOptions", slice_)),
        ("STABLEHLO_ADD", [6, 7], row),
        ("STABLEHLO_DYNAMIC_UPDATE_SLICE", [5, 8, 0, 3], rows),
        ("STABLEHLO_ADD", [0, 2], number),
    ]
    body = lambda m: add_graph(m, f32, values, nodes, outputs=[10, 1, 2, 3, 4, 9, 8])
    given = [T("x", "f32", (5, 3))]
    ins = [const("c%d" % v, np.int32(v)) for v in (0, 5, 1, 0)] + given + [const("y0", np.zeros((5, 3), f32)), const("sum0", np.zeros((1, 3), f32))]
    outs = [T("o%d" % k, NP_T[np.dtype(kind)], shape) for k, (kind, shape) in enumerate(values)]
    loop = options("StablehloWhile", condSubgraphIndex=1, bodySubgraphIndex=2)
    model = build(given, [outs[5], outs[6]], [Op("STABLEHLO_WHILE", ins, outs)], lambda m: [f(m) for f in (loop, condition, body)])
    y = np.cumsum(x, 0, dtype=f32)
    put("scan", model, x.tobytes() + y.tobytes() + y[-1:].tobytes(), tolerance=2e-5)


def lookups():
    table, weights = numbers(f32, 6, 2, 3), np.abs(numbers(f32, 5)) + f32(0.1)
    ids, at = np.array([1, 5, 0, 2, 2], np.int32), np.array([[0, 0, 0], [0, 0, 1], [0, 1, 0], [1, 1, 0], [1, 1, 3]], np.int32)
    for k, name in enumerate(["sums", "means", "roots"]):
        y = np.zeros((2, 2, 2, 3), f32)
        total = np.zeros((2, 2), f32)
        for i, p, w in zip(ids, at, weights):
            y[p[0], p[1]] += table[i] * w
            total[p[0], p[1]] += w * w if k == 2 else w
        total = np.where(total == 0, 1, np.sqrt(total) if k == 2 else total)[:, :, None, None]
        told("sparse lookup of " + name, "EMBEDDING_LOOKUP_SPARSE", [ids, at, weights], [y if k == 0 else y / total],
             options("EmbeddingLookupSparse", False, combiner=k), constants=[np.array([2, 2, 4], np.int32), table], order=[0, 1, 3, 2, 4])
    refused("sparse lookup of other places", "do not fit", "EMBEDDING_LOOKUP_SPARSE", [ids, at[:, :2], weights], [np.zeros((2, 2, 2, 3), f32)],
            options("EmbeddingLookupSparse", False, combiner=0), constants=[np.array([2, 2, 4], np.int32), table], order=[0, 1, 3, 2, 4])
    keys, wanted = np.array([-3, 2, 7, 90], np.int32), np.array([7, 8, -3, 90, 0], np.int32)
    rows = numbers(f32, 4, 2)
    hits = np.isin(wanted, keys)
    y = np.where(hits[:, None], rows[np.minimum(np.searchsorted(keys, wanted), 3)], 0).astype(f32)
    told("hashtable lookup", "HASHTABLE_LOOKUP", [wanted], [y, hits.astype(np.uint8)], constants=[keys, rows])


def chances():
    """Whatever the numbers are: uniform ones are 0 rounded down, normal ones no further than 9 from 0."""
    x = T("x", "i32", (2,))
    for name, after, dtype, want in [("UNIFORM", "FLOOR", "f32", 0), ("STANDARD_NORMAL", "LESS", "bool", True)]:
        u, y = T("u", "f32", (3, 40)), T("y", dtype, (3, 40))
        ops = [Op("RANDOM_" + name, [x], [u]), Op(after, [u] + ([const("c", f32(9))] if after == "LESS" else []), [y])]
        model, shape, want = build([x], [y], ops, options("Random", False, seed=3, seed2=5)), np.int32([3, 40]), np.full((3, 40), want, NP[dtype])
        assert (run(model, [shape])[0] == want).all()
        put("random " + name.lower(), model, shape.tobytes() + want.tobytes(), tolerance=0)
    logits = f32([[0, 99, 0], [50, 0, -50]])
    told("multinomial", "MULTINOMIAL", [logits], [np.int64([[1] * 5, [0] * 5])], options("Random", False), constants=[np.int32(5)])
    for algorithm, parts in [(2, 2), (1, 2), (0, 3)]:
        for dtype, shape in [("i32", (3, 3)), ("i64", (5,)), ("u32", (7,))]:
            state = np.uint64([0x0123456789ABCDEF, 0xFFFFFFFE, 77][:parts])
            s, after, bits = T("s", "u64", (parts,)), T("after", "u64", (parts,)), T("bits", dtype, shape)
            model = build([s], [after, bits], [Op("STABLEHLO_RNG_BIT_GENERATOR", [s], [after, bits])], options("StablehloRngBitGenerator", algorithm=algorithm))
            put("random bits %d %s" % (algorithm, dtype), model, b"".join(a.tobytes() for a in [state, *run(model, [state])]))
    x = numbers(f32, 2)
    refused("random bits of no state", "algorithm 0 with a state [2] cannot give float32 of shape [2]", "STABLEHLO_RNG_BIT_GENERATOR", [x], [x, x])


def bad_numbers():
    x, i = numbers(f32, 4, 3), np.array([0, 1], np.int32)
    base = dict(offsetDims=[1], collapsedSliceDims=[0], startIndexMap=[0], indexVectorDim=1, sliceSizes=[1, 3])
    say = "its dimension numbers do not fit: "
    for name, sentence, change in [
        ("a negative dimension", say + "one does not exist, or is named twice", dict(startIndexMap=[-1])),
        ("a dimension twice", say + "one does not exist, or is named twice", dict(startIndexMap=[0, 0])),
        ("more numbers", say + "indices have other numbers than are mapped", dict(startIndexMap=[0, 1])),
        ("no numbers", say + "indices have other numbers than are mapped", dict(indexVectorDim=9)),
        ("a window too large", "a window of 4 does not fit dimension 1 of [4,3]", dict(sliceSizes=[1, 4])),
        ("a window that is dropped", "a window of 2 does not fit dimension 0 of [4,3]", dict(sliceSizes=[2, 3])),
        ("too few sizes", say + "its slices have other ones", dict(sliceSizes=[1])),
        ("other windows outside", say + "windows have other ones", dict(offsetDims=[0, 1])),
        ("no order outside", say + "they are not in order", dict(offsetDims=[1, 0], collapsedSliceDims=[])),
    ]:
        refused("gather with " + name, sentence, "STABLEHLO_GATHER", [x, i], [x[:2]], options("StablehloGather", **{**base, **change}))
    scatter = dict(updateWindowDims=[1], insertedWindowDims=[0], scatterDimsToOperandDims=[0], indexVectorDim=1, updateComputationSubgraphIndex=1)
    body = "its body, graph 1, must add, multiply, or take the larger or smaller of two f32"
    refused("scatter by subtraction", body, "STABLEHLO_SCATTER", [x, i, x[:2]], [x], options("StablehloScatter", **scatter), pair("STABLEHLO_SUBTRACT", f32))
    refused("scatter without a body", "its body, graph 1 of 1, does not make one number of 2", "STABLEHLO_SCATTER", [x, i, x[:2]], [x], options("StablehloScatter", **scatter))
    refused("scatter of other windows", "a window of 4 does not fit dimension 1 of [4,3]", "STABLEHLO_SCATTER", [x, i, numbers(f32, 2, 4)], [x], options("StablehloScatter", **scatter), pair("STABLEHLO_ADD", f32))
    refused("slice of other sizes", say + "a size and a place for each are needed", "STABLEHLO_DYNAMIC_SLICE", [x, np.int32(0)], [x], options("StablehloDynamicSlice", sliceSizes=[1, 1]))
    refused("call of what is not there", "what it calls is no part of the file", "STABLEHLO_CUSTOM_CALL", [x], [x], options("StablehloCustomCall", callTargetName="f"))


def main():
    more = int(sys.argv[2]) if len(sys.argv) > 2 else 2  # of random dimension numbers
    gathers(more), scatters(more), slices(), sorts(), reduces(), windows(more), dilations()
    products(), convolutions(), cases(), scans(), lookups(), chances(), bad_numbers()
    with open(sys.argv[1] if len(sys.argv) > 1 else "tests/convert/tflite_stablehlo.pack", "wb") as out:
        out.write(b"".join(records))
    print(len(records), "models,", sum(map(len, records)), "bytes")


main()
