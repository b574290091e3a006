# SPDX-License-Identifier: Apache-2.0
# Builds TFLite models of a few tensors and operators, runs them by TensorFlow Lite, and keeps what
# comes out as records of models.c. Needs numpy and ai-edge-litert (2.3 was used), whose copy of the
# schema builds the models.
import struct, zlib
import numpy as np, flatbuffers
import ai_edge_litert.schema_py_generated as S
from ai_edge_litert.interpreter import Interpreter, OpResolverType

TT = {
    "f32": S.TensorType.FLOAT32,
    "f16": S.TensorType.FLOAT16,
    "i32": S.TensorType.INT32,
    "u8": S.TensorType.UINT8,
    "i64": S.TensorType.INT64,
    "bool": S.TensorType.BOOL,
    "i16": S.TensorType.INT16,
    "i8": S.TensorType.INT8,
}
NP = {
    "f32": np.float32,
    "f16": np.float16,
    "i32": np.int32,
    "u8": np.uint8,
    "i64": np.int64,
    "bool": np.bool_,
    "i16": np.int16,
    "i8": np.int8,
}


class T:
    def __init__(s, name, dtype, shape, data=None, scale=None, zp=0, axis=0, var=False):
        s.name, s.dtype, s.shape, s.data, s.scale, s.zp, s.axis, s.var = (
            name,
            dtype,
            list(shape),
            data,
            scale,
            zp,
            axis,
            var,
        )


def const(name, arr, dtype=None, scale=None, zp=0, axis=0):
    arr = np.asarray(arr)
    dtype = dtype or {v: k for k, v in NP.items()}[arr.dtype.type]
    return T(name, dtype, arr.shape, arr.astype(NP[dtype]), scale, zp, axis)


class Op:
    def __init__(s, code, ins, outs, opts=None, custom=None, copts=None, intermediates=None):
        s.code, s.ins, s.outs, s.opts, s.custom, s.copts = code, ins, outs, opts or {}, custom, copts
        s.intermediates = intermediates


OPT = {}


def options(code, kw):
    names = {
        "ADD": "AddOptions",
        "SUB": "SubOptions",
        "MUL": "MulOptions",
        "DIV": "DivOptions",
        "CONV_2D": "Conv2DOptions",
        "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
        "AVERAGE_POOL_2D": "Pool2DOptions",
        "MAX_POOL_2D": "Pool2DOptions",
        "L2_POOL_2D": "Pool2DOptions",
        "FULLY_CONNECTED": "FullyConnectedOptions",
        "SOFTMAX": "SoftmaxOptions",
        "CONCATENATION": "ConcatenationOptions",
        "L2_NORMALIZATION": "L2NormOptions",
        "LOCAL_RESPONSE_NORMALIZATION": "LocalResponseNormalizationOptions",
        "RESHAPE": "ReshapeOptions",
        "RESIZE_BILINEAR": "ResizeBilinearOptions",
        "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
        "SPACE_TO_DEPTH": "SpaceToDepthOptions",
        "DEPTH_TO_SPACE": "DepthToSpaceOptions",
        "GATHER": "GatherOptions",
        "MEAN": "ReducerOptions",
        "SUM": "ReducerOptions",
        "REDUCE_MAX": "ReducerOptions",
        "REDUCE_MIN": "ReducerOptions",
        "REDUCE_PROD": "ReducerOptions",
        "REDUCE_ANY": "ReducerOptions",
        "REDUCE_ALL": "ReducerOptions",
        "SQUEEZE": "SqueezeOptions",
        "SPLIT": "SplitOptions",
        "SPLIT_V": "SplitVOptions",
        "STRIDED_SLICE": "StridedSliceOptions",
        "CAST": "CastOptions",
        "ARG_MAX": "ArgMaxOptions",
        "ARG_MIN": "ArgMinOptions",
        "TRANSPOSE_CONV": "TransposeConvOptions",
        "SHAPE": "ShapeOptions",
        "PACK": "PackOptions",
        "UNPACK": "UnpackOptions",
        "ONE_HOT": "OneHotOptions",
        "LEAKY_RELU": "LeakyReluOptions",
        "MIRROR_PAD": "MirrorPadOptions",
        "REVERSE_SEQUENCE": "ReverseSequenceOptions",
        "BATCH_MATMUL": "BatchMatMulOptions",
        "CUMSUM": "CumsumOptions",
        "GELU": "GeluOptions",
        "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
        "BIDIRECTIONAL_SEQUENCE_LSTM": "BidirectionalSequenceLSTMOptions",
        "BIDIRECTIONAL_SEQUENCE_RNN": "BidirectionalSequenceRNNOptions",
        "SVDF": "SVDFOptions",
        "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
        "UNIQUE": "UniqueOptions",
        "SPARSE_TO_DENSE": "SparseToDenseOptions",
        "RNN": "RNNOptions",
        "LSTM": "LSTMOptions",
    }
    n = names.get(code)
    if not n:
        return 0, None
    o = getattr(S, n + "T")()
    for k, v in kw.items():
        assert hasattr(o, k), (n, k)
        setattr(o, k, v)
    return getattr(S.BuiltinOptions, n), o


def build(inputs, outputs, ops, change=None):
    m = S.ModelT()
    m.version = 3
    m.description = "t"
    m.buffers = [S.BufferT()]
    m.operatorCodes = []
    g = S.SubGraphT()
    g.tensors = []
    g.operators = []
    idx = {}

    def add(t):
        if t is None:
            return -1
        if id(t) in idx:
            return idx[id(t)]
        x = S.TensorT()
        x.name = t.name.encode()
        x.shape = [int(v) for v in t.shape]
        x.type = TT[t.dtype]
        x.isVariable = t.var
        if t.data is not None:
            b = S.BufferT()
            b.data = np.frombuffer(np.ascontiguousarray(t.data).tobytes(), np.uint8)
            m.buffers.append(b)
            x.buffer = len(m.buffers) - 1
        else:
            x.buffer = 0
        if t.scale is not None:
            q = S.QuantizationParametersT()
            sc = np.atleast_1d(np.asarray(t.scale, np.float32))
            q.scale = sc
            q.zeroPoint = np.full(len(sc), t.zp, np.int64)
            q.quantizedDimension = t.axis
            x.quantization = q
        g.tensors.append(x)
        idx[id(t)] = len(g.tensors) - 1
        return idx[id(t)]

    g.inputs = [add(t) for t in inputs]
    for o in ops:
        c = S.OperatorCodeT()
        bc = getattr(S.BuiltinOperator, o.code)
        c.builtinCode = bc
        c.deprecatedBuiltinCode = min(bc, 127)
        c.version = o.opts.pop("version", 1) if o.opts else 1
        if o.custom:
            c.customCode = o.custom.encode()
        m.operatorCodes.append(c)
        y = S.OperatorT()
        y.opcodeIndex = len(m.operatorCodes) - 1
        y.inputs = [add(t) for t in o.ins]
        y.outputs = [add(t) for t in o.outs]
        y.builtinOptionsType, y.builtinOptions = options(o.code, o.opts)
        if o.intermediates:
            y.intermediates = [add(t) for t in o.intermediates]
        if o.copts is not None:
            y.customOptions = np.frombuffer(o.copts, np.uint8)
        g.operators.append(y)
    g.outputs = [add(t) for t in outputs]
    m.subgraphs = [g]
    if change:
        change(m)
    b = flatbuffers.Builder(1024)
    b.Finish(m.Pack(b), b"TFL3")
    return bytes(b.Output())


def run(model, feeds, ref=True):
    it = Interpreter(
        model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF if ref else OpResolverType.AUTO
    )
    it.allocate_tensors()
    d = it.get_input_details()
    for k, v in zip(d, feeds):
        it.set_tensor(k["index"], v)
    it.invoke()
    return [it.get_tensor(k["index"]) for k in it.get_output_details()]


def rnd(rng, t):
    if t.dtype in ("i8", "u8", "i16"):
        lo, hi = {"i8": (-128, 127), "u8": (0, 255), "i16": (-32768, 32767)}[t.dtype]
        return rng.integers(lo, hi + 1, t.shape).astype(NP[t.dtype])
    if t.dtype == "bool":
        return rng.integers(0, 2, t.shape).astype(bool)
    if t.dtype in ("i32", "i64"):
        return rng.integers(-5, 6, t.shape).astype(NP[t.dtype])
    return (rng.standard_normal(t.shape) * 2).astype(np.float32)


records = []


def put(name, model, data=b"", sentence="", tolerance=0.0):
    records.append(
        name.encode()
        + b"\0"
        + sentence.encode()
        + b"\0"
        + struct.pack("<fII", tolerance, len(model), len(data))
        + model
        + data
    )


def case(name, inputs, outputs, ops, feeds=None, lsb=1, atol=2e-5, ref=True):
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    model = build(inputs, outputs, ops)
    f = [feeds[i](rng) if feeds and feeds[i] is not None else rnd(rng, t) for i, t in enumerate(inputs)]
    try:
        out = run(model, f, ref)
    except (RuntimeError, ValueError):
        out = run(model, f, False)
    real = all(t.dtype == "f32" for t in outputs)
    exact = not any(t.dtype in ("i8", "u8", "i16", "f32") for t in outputs)
    put(
        name,
        model,
        b"".join(np.ascontiguousarray(a).tobytes() for a in [*f, *out]),
        tolerance=0.0 if exact else atol if real else float(lsb),
    )
