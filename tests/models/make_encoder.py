# SPDX-License-Identifier: Apache-2.0
"""Writes an encoder as in BERT, of random weights and tiny, in ONNX: make_encoder.py OUT.onnx

    mite convert OUT.onnx -o tests/models/encoder.int8.mite --int8
"""
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

WIDTH, HEADS, LAYERS, TOKENS = 32, 4, 2, 21
rng = np.random.default_rng(5)
nodes, constants = [], []


def constant(array):
    name = f"c{len(constants)}"
    constants.append(numpy_helper.from_array(np.asarray(array), name))
    return name


def op(kind, *inputs, **attributes):
    nodes.append(helper.make_node(kind, inputs, [f"v{len(nodes)}"], **attributes))
    return nodes[-1].output[0]


def real(*shape, size=0.1, mean=0.0):
    return constant((mean + size * rng.standard_normal(shape)).astype(np.float32))


def dense(x, depth, columns, gain=1.0):
    return op("Add", op("MatMul", x, real(depth, columns, size=gain * depth**-0.5)), real(columns))


def heads(x):
    shape = constant(np.array([1, TOKENS, HEADS, WIDTH // HEADS]))
    return op("Transpose", op("Reshape", x, shape), perm=[0, 2, 1, 3])


def norm(x):
    return op("LayerNormalization", x, real(WIDTH, mean=1.0), real(WIDTH))


def gelu(x):
    erf = op("Erf", op("Div", x, constant(np.float32(2**0.5))))
    return op("Mul", op("Mul", x, op("Add", erf, constant(np.float32(1)))), constant(np.float32(0.5)))


x = "x"
for _ in range(LAYERS):
    q, k, v = (heads(dense(x, WIDTH, WIDTH)) for _ in range(3))
    scores = op("MatMul", q, op("Transpose", k, perm=[0, 1, 3, 2]))
    weights = op("Softmax", op("Mul", scores, constant(np.float32((WIDTH // HEADS) ** -0.5))), axis=-1)
    y = op("Transpose", op("MatMul", weights, v), perm=[0, 2, 1, 3])
    y = op("Reshape", y, constant(np.array([1, TOKENS, WIDTH])))
    x = norm(op("Add", x, dense(y, WIDTH, WIDTH)))
    y = dense(gelu(dense(x, WIDTH, 4 * WIDTH)), 4 * WIDTH, WIDTH, 2)
    x = norm(op("Add", x, y))
nodes.append(helper.make_node("Identity", [x], ["y"]))
port = lambda name: helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, TOKENS, WIDTH])
graph = helper.make_graph(nodes, "encoder", [port("x")], [port("y")], constants)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 8
onnx.save(model, sys.argv[1])
