# SPDX-License-Identifier: Apache-2.0
# Makes tflite_networks.pack for models.c: layers and small networks as TensorFlow's converter writes
# them (real, half-precision weights, dynamic range, int8, int16 activations), with what TensorFlow Lite
# makes of random inputs. Needs tensorflow-cpu and ai-edge-litert (2.21 and 2.3 were used).
#
#   make_tflite_networks.py [PACK [NAME…]]   those of KEPT (or whose names begin with NAME), as a pack
#   make_tflite_networks.py --all FOLDER     all of them, some 900: NAME.tflite with NAME.npz beside it
import json, os, sys, zlib

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
import numpy as np, tensorflow as tf
from ai_edge_litert.interpreter import OpResolverType
from tflite_build import Interpreter, put, records

tf.get_logger().setLevel("ERROR")
R = np.random.default_rng(7)


def W(*s, k=0.4):
    return tf.constant((R.standard_normal(s) * k).astype(np.float32))


def spec(*s, dt=tf.float32):
    return tf.TensorSpec(s, dt)


CASES = []


def add(name, fn, specs, modes="f h d q i", gen=None):
    CASES.append((name, fn, specs, modes.split(), gen))


nn = tf.nn
acts = {
    "none": lambda x: x,
    "relu": nn.relu,
    "relu6": nn.relu6,
    "rn1": lambda x: tf.clip_by_value(x, -1.0, 1.0),
    "tanh": tf.tanh,
    "sig": tf.sigmoid,
    "swish": nn.silu,
    "hswish": lambda x: x * nn.relu6(x + 3) * (1 / 6.0),
    "lrelu": lambda x: nn.leaky_relu(x, 0.1),
    "elu": nn.elu,
    "gelu": lambda x: nn.gelu(x, approximate=False),
    "geluT": lambda x: nn.gelu(x, approximate=True),
    "softplus": nn.softplus,
    "selu": nn.selu,
    "mish": lambda x: x * tf.tanh(nn.softplus(x)),
    "softsign": nn.softsign,
    "relu01": lambda x: tf.clip_by_value(x, 0.0, 1.0),
}


def conv(k, ci, co, s=1, p="SAME", d=1, act="relu", g=1, kh=None):
    w = W(kh or k, k, ci // g, co, k=1 / np.sqrt(k * k * ci / g))
    b = W(co)

    def f(x):
        return acts[act](nn.conv2d(x, w, s, p, dilations=d) + b)

    return f


def dw(k, c, m=1, s=1, p="SAME", d=1, act="relu6"):
    w = W(k, k, c, m)
    b = W(c * m)

    def f(x):
        return acts[act](nn.depthwise_conv2d(x, w, [1, s, s, 1], p, dilations=[d, d]) + b)

    return f


i = 0
# convolutions
for k, ci, co, s, p, d, a, g, shape in [
    (3, 3, 8, 2, "SAME", 1, "relu6", 1, (1, 17, 19, 3)),
    (1, 16, 40, 1, "SAME", 1, "none", 1, (1, 7, 9, 16)),
    (5, 4, 9, 2, "VALID", 1, "relu", 1, (2, 13, 12, 4)),
    (3, 8, 12, 1, "SAME", 2, "rn1", 1, (1, 11, 10, 8)),
    (3, 8, 16, 1, "VALID", 3, "relu", 1, (1, 12, 12, 8)),
    (7, 3, 20, 3, "SAME", 1, "tanh", 1, (1, 23, 20, 3)),
    (3, 16, 24, 1, "SAME", 1, "hswish", 1, (3, 6, 6, 16)),
    (2, 5, 6, 2, "SAME", 1, "swish", 1, (1, 9, 9, 5)),
    (3, 12, 16, 1, "SAME", 1, "relu", 4, (1, 8, 8, 12)),
    (3, 32, 33, 2, "SAME", 1, "lrelu", 1, (1, 9, 7, 32)),
    (1, 130, 70, 1, "SAME", 1, "relu6", 1, (1, 3, 3, 130)),
    (4, 6, 6, 4, "VALID", 1, "gelu", 1, (1, 16, 16, 6)),
]:
    i += 1
    add(f"conv{i}_k{k}s{s}d{d}{p[0]}g{g}_{a}", conv(k, ci, co, s, p, d, a, g), [spec(*shape)])
add("conv_asym", conv(3, 4, 5, 1, "SAME", 1, "relu", 1, kh=1), [spec(1, 6, 9, 4)])
add("conv_asym2", conv(1, 4, 5, [2, 1], "VALID", 1, "relu", 1, kh=5), [spec(1, 11, 9, 4)])
add("conv_explpad", lambda x, w=W(3, 3, 3, 8): nn.relu6(nn.conv2d(tf.pad(x, [[0, 0], [0, 1], [0, 1], [0, 0]]), w, 2, "VALID")), [spec(1, 16, 16, 3)])
add("conv_nobias", lambda x, w=W(3, 3, 4, 8): nn.conv2d(x, w, 1, "SAME"), [spec(1, 6, 7, 4)])
add("conv_b4", conv(3, 6, 70, 1, "SAME"), [spec(4, 5, 5, 6)])
i = 0
for k, c, m, s, p, d, a, shape in [
    (3, 16, 1, 1, "SAME", 1, "relu6", (1, 9, 9, 16)),
    (3, 7, 1, 2, "SAME", 1, "relu", (1, 10, 11, 7)),
    (5, 24, 1, 2, "VALID", 1, "hswish", (1, 13, 13, 24)),
    (3, 4, 3, 1, "SAME", 1, "none", (1, 6, 7, 4)),
    (3, 1, 8, 2, "SAME", 1, "relu6", (1, 9, 8, 1)),
    (3, 8, 1, 1, "SAME", 2, "relu", (1, 12, 12, 8)),
    (7, 5, 1, 1, "SAME", 1, "swish", (2, 9, 9, 5)),
    (2, 3, 2, 1, "VALID", 1, "none", (2, 5, 5, 3)),
    (3, 40, 1, 1, "SAME", 3, "rn1", (1, 8, 8, 40)),
]:
    i += 1
    add(f"dw{i}_k{k}m{m}s{s}d{d}{p[0]}_{a}", dw(k, c, m, s, p, d, a), [spec(*shape)])
i = 0
for k, ci, co, s, p, a, hw, out_ in [(2, 4, 6, 2, "VALID", "relu", (5, 6), None), (3, 5, 4, 2, "SAME", "none", (5, 4), None), (4, 3, 7, 2, "SAME", "relu6", (6, 5), None), (3, 4, 4, 1, "SAME", "none", (5, 5), None), (5, 2, 3, 3, "VALID", "none", (4, 4), None), (1, 4, 3, 2, "VALID", "none", (4, 4), None)]:
    i += 1
    o = [(hw[j] * s if p == "SAME" else (hw[j] - 1) * s + k) for j in (0, 1)]
    add(f"tconv{i}_k{k}s{s}{p[0]}_{a}", lambda x, w=W(k, k, co, ci), o=o, s=s, p=p, a=a, co=co, b=W(co): acts[a](nn.conv2d_transpose(x, w, [1, *o, co], s, p) + b), [spec(1, *hw, ci)])
add("tconv_b2", lambda x, w=W(3, 3, 4, 5): nn.conv2d_transpose(x, w, [2, 8, 8, 4], 2, "SAME"), [spec(2, 4, 4, 5)])
# dense
for a in ("none", "relu", "relu6", "tanh", "sig"):
    add(f"fc_{a}", lambda x, w=W(64, 33), b=W(33), a=a: acts[a](x @ w + b), [spec(2, 64)])
add("fc_big", lambda x, w=W(300, 257, k=0.05): x @ w, [spec(1, 300)])
add("fc_3d", lambda x, w=W(40, 50, k=0.1), b=W(50): nn.relu(tf.tensordot(x, w, 1) + b), [spec(2, 5, 40)])
add("fc_flatten", lambda x, w=W(72, 10, k=0.1): nn.softmax(tf.reshape(x, [2, -1]) @ w), [spec(2, 3, 4, 6)])
add("bmm", lambda a, b: tf.matmul(a, b), [spec(2, 3, 4, 5), spec(2, 3, 5, 6)], "f h i")
add("bmm_adj", lambda a, b: tf.matmul(a, b, transpose_b=True), [spec(4, 5), spec(7, 5)], "f q i")
add("bmm_bcast", lambda a, b: tf.matmul(a, b, transpose_a=True), [spec(3, 1, 5, 4), spec(2, 5, 3)], "f q")
add("bmm_const", lambda a, w=W(4, 16, 20): tf.matmul(a, w), [spec(4, 5, 16)], "f d q")
add("bmm_const2", lambda a, w=W(1, 64, 40): tf.matmul(a, w), [spec(3, 5, 64)], "f d q")
add("mm2", lambda a, b: tf.matmul(a, b), [spec(5, 6), spec(6, 7)], "f d q i")
# activations
for a in acts:
    if a != "none":
        add(f"act_{a}", acts[a], [spec(2, 5, 6, 3)], "f q i")
add("prelu", lambda x, al=W(1, 1, 6): nn.relu(x) - al * nn.relu(-x), [spec(1, 5, 5, 6)], "f q i")
add("prelu_full", lambda x, al=W(5, 5, 6): tf.maximum(x, 0) + al * tf.minimum(x, 0), [spec(1, 5, 5, 6)], "f q")
for n, f in [
    ("exp", tf.exp),
    ("abs", tf.abs),
    ("neg", tf.negative),
    ("floor", tf.floor),
    ("ceil", tf.math.ceil),
    ("round", tf.round),
    ("sin", tf.sin),
    ("cos", tf.cos),
    ("square", tf.square),
    ("sign", tf.sign),
    ("erf", tf.math.erf),
    ("tan", tf.tan),
    ("log1p", lambda x: tf.math.log1p(tf.abs(x))),
    ("expm1", tf.math.expm1),
    ("sinh", tf.sinh),
    ("cosh", tf.cosh),
    ("asinh", tf.asinh),
    ("atan", tf.atan),
    ("atan2", lambda x: tf.atan2(x, x * x + 0.5)),
    ("recip", lambda x: 1 / (x * x + 1)),
    ("inv_sqrt", lambda x: tf.math.rsqrt(x * x + 0.1)),
    ("sqrt", lambda x: tf.sqrt(x * x + 0.1)),
    ("log", lambda x: tf.math.log(x * x + 0.1)),
    ("logsoftmax", nn.log_softmax),
    ("softmax", nn.softmax),
    ("softmax_ax1", lambda x: nn.softmax(x, axis=1)),
    ("l2n", lambda x: tf.math.l2_normalize(x, -1)),
    ("l2n_ax1", lambda x: tf.math.l2_normalize(x, 1)),
    ("lrn", lambda x: nn.lrn(x, 2, 1.0, 0.5, 0.7)),
    ("cumsum", lambda x: tf.cumsum(x, 1)),
    ("cumsumR", lambda x: tf.cumsum(x, -1, exclusive=True, reverse=True)),
    ("cumprod", lambda x: tf.math.cumprod(x, 1)),
    ("isnan", lambda x: tf.cast(tf.math.is_nan(x), tf.float32)),
    ("hardsig", lambda x: nn.relu6(x + 3) / 6),
    ("logistic_mul", lambda x: x * tf.sigmoid(1.702 * x)),
    ("softmax_t", lambda x: nn.softmax(x * 3)),
    ("trunc", lambda x: tf.cast(tf.cast(x * 3, tf.int32), tf.float32)),
]:
    add(f"u_{n}", f, [spec(2, 4, 5, 6)], "f q i")
# binary with broadcasting
B = [
    ("add", tf.add),
    ("sub", tf.subtract),
    ("mul", tf.multiply),
    ("div", lambda a, b: a / (tf.abs(b) + 1)),
    ("max", tf.maximum),
    ("min", tf.minimum),
    ("sqd", tf.math.squared_difference),
    ("pow", lambda a, b: tf.pow(tf.abs(a) + 0.1, b)),
    ("floordiv", lambda a, b: tf.math.floordiv(a, tf.abs(b) + 1)),
    ("floormod", lambda a, b: tf.math.floormod(a, tf.abs(b) + 1)),
    ("less", lambda a, b: tf.cast(a < b, tf.float32)),
    ("eqsel", lambda a, b: tf.where(a >= b, a, b * 2)),
]
S = [((2, 3, 4, 5), (2, 3, 4, 5)), ((2, 3, 4, 5), (5,)), ((2, 1, 4, 1), (1, 3, 1, 5)), ((6,), (2, 3, 6)), ((1, 2, 3, 2, 4), (3, 1, 4)), ((2, 3, 4, 5), (1,))]
for n, f in B:
    for j, (a, b) in enumerate(S):
        add(f"b_{n}_{j}", f, [spec(*a), spec(*b)], "f q i" if j < 4 else "f q")
add("b_add_relu", lambda a, b: nn.relu(a + b), [spec(1, 4, 4, 8), spec(1, 4, 4, 8)], "f q i")
add("b_mul_relu6", lambda a, b: nn.relu6(a * b), [spec(1, 4, 4, 8), spec(8)], "f q i")
add("b_sub_rn1", lambda a, b: acts["rn1"](a - b), [spec(1, 4, 4, 8), spec(1, 4, 4, 8)], "f q")
add("add_const", lambda a, c=W(3, 1, 5): a + c, [spec(2, 3, 4, 5)], "f q i")
add("rsub_const", lambda a: 1 - a, [spec(2, 3, 4, 5)], "f q i")
add("mul_const", lambda a, c=W(4, 1): a * c, [spec(2, 3, 4, 5)], "f q i")
add("addn", lambda a, b, c: tf.add_n([a, b, c]), [spec(2, 5)] * 3, "f q")
add("add_self", lambda a: a + a, [spec(2, 5)], "f q i")
add("rdiv", lambda a: 2 / (tf.abs(a) + 1), [spec(2, 5)], "f q i")
# reductions
for n, f in [("mean", tf.reduce_mean), ("sum", tf.reduce_sum), ("max", tf.reduce_max), ("min", tf.reduce_min), ("prod", tf.reduce_prod)]:
    for j, (ax, k) in enumerate([([1, 2], False), ([1, 2], True), ([-1], False), ([0], True), (None, False), ([3, 1], False)]):
        add(f"r_{n}_{j}", lambda x, f=f, ax=ax, k=k: f(x, axis=ax, keepdims=k), [spec(2, 5, 6, 7)], "f q i" if j in (0, 2, 5) else "f q")
add("r_var", lambda x: tf.math.reduce_variance(x, axis=[1, 2]), [spec(2, 5, 6, 7)], "f q")
add("r_lse", lambda x: tf.reduce_logsumexp(x, axis=-1), [spec(2, 5, 6)], "f q")
add("r_l2", lambda x: tf.norm(x, axis=1), [spec(2, 5, 6)], "f q")
add("r_any", lambda x: tf.cast(tf.reduce_any(x > 1, axis=1), tf.float32), [spec(2, 5, 6)], "f")
add("r_all", lambda x: tf.cast(tf.reduce_all(x > -1, axis=[0, 2]), tf.float32), [spec(2, 5, 6)], "f")
add("argmax", lambda x: tf.argmax(x, -1), [spec(2, 5, 6)], "f q")
add("argmin32", lambda x: tf.argmin(x, 1, output_type=tf.int32), [spec(2, 5, 6)], "f q")
add("r_mean3d", lambda x: tf.reduce_mean(x, 1), [spec(3, 7, 8)], "f q i")
# pools
i = 0
for k, s, p, sh in [(2, 2, "VALID", (1, 8, 8, 5)), (3, 2, "SAME", (1, 9, 10, 4)), (3, 1, "SAME", (2, 5, 5, 3)), (5, 3, "VALID", (1, 13, 14, 7)), ([2, 3], [1, 2], "SAME", (1, 7, 9, 16)), (7, 7, "VALID", (1, 7, 7, 20))]:
    i += 1
    add(f"maxp{i}", lambda x, k=k, s=s, p=p: nn.max_pool2d(x, k, s, p), [spec(*sh)], "f q i")
    add(f"avgp{i}", lambda x, k=k, s=s, p=p: nn.avg_pool2d(x, k, s, p), [spec(*sh)], "f q i")
add("maxp1d", lambda x: nn.max_pool1d(x, 2, 2, "VALID"), [spec(2, 9, 4)], "f q")
add("avgp_relu", lambda x: nn.relu(nn.avg_pool2d(x, 2, 2, "VALID")), [spec(1, 6, 6, 3)], "f q")
add("maxp3d", lambda x: nn.max_pool3d(x, 2, 2, "VALID"), [spec(1, 4, 6, 6, 3)], "f")
add("avgp3d", lambda x: nn.avg_pool3d(x, 2, 2, "SAME"), [spec(1, 4, 5, 6, 3)], "f")
# 3d conv, 1d conv
add("conv3d", lambda x, w=W(3, 3, 3, 4, 6, k=0.1), b=W(6): nn.relu(nn.conv3d(x, w, [1, 1, 1, 1, 1], "SAME") + b), [spec(1, 5, 6, 7, 4)], "f h d q")
add("conv3d_s2", lambda x, w=W(2, 3, 3, 3, 8, k=0.1): nn.conv3d(x, w, [1, 1, 2, 2, 1], "VALID"), [spec(2, 5, 8, 7, 3)], "f d")
add("conv3d_d2", lambda x, w=W(2, 2, 3, 3, 4, k=0.1): nn.conv3d(x, w, [1, 1, 1, 1, 1], "SAME", dilations=[1, 2, 2, 1, 1]), [spec(1, 5, 8, 7, 3)], "f")
add("conv3dT", lambda x, w=W(2, 2, 2, 3, 4, k=0.1), b=W(3): nn.conv3d_transpose(x, w, [1, 6, 8, 8, 3], [1, 2, 2, 2, 1], "SAME") + b, [spec(1, 3, 4, 4, 4)], "f")
add("conv3dT_v", lambda x, w=W(3, 3, 3, 2, 4, k=0.1): nn.conv3d_transpose(x, w, [1, 5, 9, 9, 2], [1, 1, 2, 2, 1], "VALID"), [spec(1, 3, 4, 4, 4)], "f")
add("conv1d", lambda x, w=W(3, 8, 16, k=0.2), b=W(16): nn.relu(nn.conv1d(x, w, 1, "SAME") + b), [spec(2, 20, 8)])
add("conv1d_s2d", lambda x, w=W(5, 8, 16, k=0.2): nn.conv1d(x, w, 2, "VALID"), [spec(1, 33, 8)])
add("conv1d_dil", lambda x, w=W(3, 8, 16, k=0.2): nn.conv1d(x, w, 1, "SAME", dilations=4), [spec(1, 33, 8)])
add("conv1d_causal", lambda x, w=W(3, 8, 16, k=0.2): nn.conv1d(tf.pad(x, [[0, 0], [4, 0], [0, 0]]), w, 1, "VALID", dilations=2), [spec(1, 20, 8)])
# shapes
mv = "f q i"
add("s_tr1", lambda x: tf.transpose(x, [0, 3, 1, 2]), [spec(2, 3, 4, 5)], mv)
add("s_tr5", lambda x: tf.transpose(x, [4, 0, 2, 1, 3]), [spec(2, 3, 4, 2, 3)], mv)
add("s_resh", lambda x: tf.reshape(x, [6, -1]), [spec(2, 3, 4)], mv)
add("s_concat", lambda a, b, c: tf.concat([a, b, c], -1), [spec(2, 3, 4), spec(2, 3, 1), spec(2, 3, 5)], mv)
add("s_concat0", lambda a, b: tf.concat([a, b * 2], 0), [spec(2, 3, 4), spec(3, 3, 4)], mv)
add("s_concatq", lambda a, b: tf.concat([nn.sigmoid(a), nn.relu(b)], 1), [spec(2, 3, 4), spec(2, 2, 4)], mv)
add("s_split", lambda x: tf.split(x, 3, axis=2), [spec(2, 3, 6)], mv)
add("s_splitv", lambda x: tf.split(x, [1, 4, 1], axis=-1), [spec(2, 3, 6)], mv)
add("s_stack", lambda a, b: tf.stack([a, b], axis=1), [spec(2, 3), spec(2, 3)], mv)
add("s_unstack", lambda x: tf.unstack(x, axis=1), [spec(2, 3, 4)], mv)
add("s_slice", lambda x: tf.slice(x, [0, 1, 2], [2, -1, 3]), [spec(2, 4, 6)], mv)
add("s_sslice", lambda x: x[:, 1:-1, ::2, ..., -1], [spec(2, 5, 6, 3)], mv)
add("s_sslice2", lambda x: x[::-1, tf.newaxis, 2], [spec(3, 5, 4)], mv)
add("s_ss5", lambda x: x[:, 1:3, :, ::2, 1:], [spec(2, 4, 3, 5, 4)], mv)
add("s_pad", lambda x: tf.pad(x, [[0, 0], [1, 2], [3, 0], [0, 1]]), [spec(1, 4, 5, 3)], mv)
add("s_padv", lambda x: tf.pad(x, [[0, 0], [1, 2], [0, 1]], constant_values=-0.5), [spec(1, 4, 5)], mv)
add("s_mirror", lambda x: tf.pad(x, [[0, 0], [1, 2], [2, 1], [0, 0]], "REFLECT"), [spec(1, 4, 5, 3)], mv)
add("s_mirrorS", lambda x: tf.pad(x, [[0, 0], [2, 2], [2, 1]], "SYMMETRIC"), [spec(1, 4, 5)], mv)
add("s_tile", lambda x: tf.tile(x, [1, 2, 3]), [spec(2, 3, 2)], mv)
add("s_repeat", lambda x: tf.repeat(x, 2, axis=1), [spec(2, 3, 2)], mv)
add("s_exp", lambda x: tf.expand_dims(x, 2), [spec(2, 3, 2)], mv)
add("s_sq", lambda x: tf.squeeze(x, [0, 2]), [spec(1, 3, 1, 2)], mv)
add("s_bcast", lambda x: tf.broadcast_to(x, [4, 3, 5]), [spec(3, 1)], mv)
add("s_rev", lambda x: tf.reverse(x, [1, 2]), [spec(2, 3, 4)], mv)
add("s_roll", lambda x: tf.roll(x, [1, 2], [1, 2]), [spec(2, 3, 5)], mv)
add("s_gather", lambda x: tf.gather(x, [2, 0, 1, 1], axis=1), [spec(2, 3, 4)], mv)
add("s_gathernd", lambda x: tf.gather_nd(x, [[0, 1], [1, 2]]), [spec(2, 3, 4)], mv)
add("s_gatherB", lambda x: tf.gather(x, [[0, 1], [2, 2]], axis=1, batch_dims=1), [spec(2, 3, 4)], mv)
add("s_d2s", lambda x: nn.depth_to_space(x, 2), [spec(1, 3, 4, 12)], mv)
add("s_s2d", lambda x: nn.space_to_depth(x, 2), [spec(1, 4, 6, 3)], mv)
add("s_s2b", lambda x: tf.space_to_batch(x, [2, 2], [[0, 1], [1, 0]]), [spec(1, 5, 5, 3)], mv)
add("s_b2s", lambda x: tf.batch_to_space(x, [2, 2], [[0, 1], [1, 0]]), [spec(4, 3, 3, 3)], mv)
add("s_onehot", lambda x: tf.one_hot(x, 6, on_value=2.0, off_value=-1.0), [spec(2, 3, dt=tf.int32)], "f")
add("s_topk", lambda x: tf.math.top_k(x, 3), [spec(2, 9)], "f q")
add("s_where", lambda x: tf.where(x > 0, x, -x * 0.5), [spec(2, 9)], mv)
add("s_where1", lambda x: tf.where(x > 0.3), [spec(4, 5)], "f")
add("s_unique", lambda x: tf.unique(x), [spec(9, dt=tf.int32)], "f")
add("s_shape", lambda x: tf.shape(x), [spec(4, 5)], "f")
add("s_scatter", lambda x: tf.scatter_nd([[1], [4], [1]], x, [6, 3]), [spec(3, 3)], "f")
add("s_tsu", lambda x: tf.tensor_scatter_nd_update(x, [[1], [2]], tf.ones([2, 3])), [spec(4, 3)], "f")
add("s_segsum", lambda x: tf.math.segment_sum(x, [0, 0, 1, 3, 3]), [spec(5, 4)], "f")
add("s_useg", lambda x: [f(x, tf.constant([2, 0, 1, 0, 2]), 4) for f in (tf.math.unsorted_segment_sum, tf.math.unsorted_segment_max, tf.math.unsorted_segment_min, tf.math.unsorted_segment_prod)], [spec(5, 4)], "f")
add("s_diag", lambda x: tf.linalg.diag(x), [spec(3, 4)], "f")
add("s_setdiag", lambda x, d: tf.linalg.set_diag(x, d), [spec(2, 4, 5), spec(2, 4)], "f")
add("s_diagpart", lambda x: tf.linalg.diag_part(x), [spec(2, 4, 4)], "f")
add("s_band", lambda x: tf.linalg.band_part(x, 1, -1), [spec(2, 4, 4)], "f")
add("s_seqrev", lambda x: tf.reverse_sequence(x, [2, 3], seq_axis=1, batch_axis=0), [spec(2, 4, 3)], mv)
add("s_bucket", lambda x: tf.raw_ops.Bucketize(input=x, boundaries=[-1.0, 0.0, 0.5, 2.0]), [spec(2, 7)], "f")
add("s_bcargs", lambda a, b: tf.broadcast_dynamic_shape(tf.shape(a), tf.shape(b)), [spec(2, 1, 3), spec(4, 1)], "f")
add("s_bargs", lambda s, t: tf.raw_ops.BroadcastArgs(s0=s, s1=t), [spec(3, dt=tf.int32), spec(2, dt=tf.int32)], "f", gen=lambda r: [np.array([2, 1, 3], np.int32), np.array([4, 1], np.int32)])
add("s_range", lambda x: tf.range(10, tf.cast(x, tf.int32) * 0 + 20, 3), [spec(dt=tf.int32)], "f")
add("s_fill", lambda x: tf.fill([2, 3], x), [spec()], "f")
add("s_dus", lambda x, u: tf.raw_ops.XlaDynamicUpdateSlice(input=x, update=u, indices=tf.constant([1, 2])), [spec(4, 6), spec(2, 3)], "f")
add("s_cast", lambda x: [tf.cast(x, t) for t in (tf.int32, tf.bool, tf.int64, tf.int8, tf.uint8, tf.int16)], [spec(2, 9)], "f")
add("s_bitcast", lambda x: tf.bitcast(x, tf.int32), [spec(2, 9)], "f")
add("s_i32", lambda x, y: [x + y, x * y, x - y, tf.math.floordiv(x, tf.abs(y) + 1), tf.math.floormod(x, tf.abs(y) + 1), tf.maximum(x, y), x // (tf.abs(y) + 1), tf.pow(x, 2), tf.abs(x), -x, tf.bitwise.bitwise_xor(x, y), tf.bitwise.right_shift(x, 1), tf.sign(x), tf.cumsum(x), tf.reduce_sum(x, 1), tf.reduce_max(x), tf.square(x)], [spec(2, 9, dt=tf.int32)] * 2, "f")
add("s_i64", lambda x, y: [x + y, x * y, x - y, tf.maximum(x, y), tf.abs(x), -x, tf.reduce_sum(x, 1), x > y, tf.where(x > y, x, y), tf.reduce_prod(x, 0)], [spec(2, 9, dt=tf.int64)] * 2, "f")
add("s_bool", lambda x, y: [tf.logical_and(x > 0, y > 0), tf.logical_or(x > 0, y > 0), tf.logical_not(x > y), tf.math.logical_xor(x > 0, y > 0), x != y], [spec(2, 9)] * 2, "f")
add("s_emb", lambda x, w=W(50, 8): nn.embedding_lookup(w, x), [spec(2, 7, dt=tf.int32)], "f h d q", gen=lambda r: [r.integers(0, 50, (2, 7)).astype(np.int32)])
add("s_nms", lambda b, s: tf.raw_ops.NonMaxSuppressionV4(boxes=b, scores=s, max_output_size=5, iou_threshold=0.5, score_threshold=0.1, pad_to_max_output_size=True), [spec(12, 4), spec(12)], "f", gen=lambda r: [np.concatenate([r.random((12, 2)), 1 + r.random((12, 2))], 1).astype(np.float32), r.random(12).astype(np.float32)])
add("s_nms5", lambda b, s: tf.image.non_max_suppression_padded(b, s, 5, 0.5, 0.1, pad_to_max_output_size=True), [spec(12, 4), spec(12)], "f", gen=lambda r: [np.concatenate([r.random((12, 2)), 1 + r.random((12, 2))], 1).astype(np.float32), r.random(12).astype(np.float32)])
add("s_nmssoft", lambda b, s: tf.raw_ops.NonMaxSuppressionV5(boxes=b, scores=s, max_output_size=5, iou_threshold=0.5, score_threshold=0.1, soft_nms_sigma=0.5, pad_to_max_output_size=True), [spec(12, 4), spec(12)], "f", gen=lambda r: [np.concatenate([r.random((12, 2)), 1 + r.random((12, 2))], 1).astype(np.float32), r.random(12).astype(np.float32)])
add("s_einsum", lambda a, b: tf.einsum("bqhd,bkhd->bhqk", a, b), [spec(2, 3, 2, 4), spec(2, 5, 2, 4)], "f q")
add("s_einsum2", lambda a, w=W(6, 2, 4): tf.einsum("bsd,dhk->bshk", a, w), [spec(2, 3, 6)], "f d q")
# resize
for n, f in [("bl", lambda x, s, a, h: tf.raw_ops.ResizeBilinear(images=x, size=s, align_corners=a, half_pixel_centers=h)), ("nn", lambda x, s, a, h: tf.raw_ops.ResizeNearestNeighbor(images=x, size=s, align_corners=a, half_pixel_centers=h))]:
    for j, (sz, a, h) in enumerate([((8, 10), False, False), ((9, 7), True, False), ((12, 15), False, True), ((2, 3), False, True), ((3, 2), False, False), ((4, 5), True, False)]):
        add(f"rs_{n}{j}", lambda x, f=f, sz=sz, a=a, h=h: f(x, sz, a, h), [spec(2, 4, 5, 3)], "f q i")


# control
def whl(x):
    i = tf.constant(0)
    return tf.while_loop(lambda i, x: i < 4, lambda i, x: (i + 1, tf.tanh(x * 1.2) + 0.1), [i, x])[1]


add("c_while", whl, [spec(2, 5)], "f d")
add("c_whiled", lambda x, n: tf.while_loop(lambda i, x: i < n, lambda i, x: (i + 1, x * 0.5 + 1.0), [tf.constant(0), x])[1], [spec(2, 5), spec(dt=tf.int32)], "f", gen=lambda r: [r.standard_normal((2, 5)).astype(np.float32), np.array(3, np.int32)])
add("c_if", lambda x: tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: tf.exp(x)), [spec(2, 5)], "f")
add("c_if2", lambda x, c: tf.cond(c, lambda: (x + 1, x), lambda: (x - 1, x * x)), [spec(2, 5), spec(dt=tf.bool)], "f", gen=lambda r: [r.standard_normal((2, 5)).astype(np.float32), np.array(r.random() > 0.5)])
add("c_while_grow", lambda x, w=W(5, 5): tf.while_loop(lambda i, h, a: i < 3, lambda i, h, a: (i + 1, tf.tanh(h @ w), a + h), [tf.constant(0), x, tf.zeros_like(x)])[1:], [spec(2, 5)], "f d")


def ta(x):
    y = tf.TensorArray(tf.float32, 4)
    for t in tf.range(4):
        y = y.write(t, x[:, t] * tf.cast(t, tf.float32))
    return y.stack()


add("c_ta", ta, [spec(2, 4, 3)], "f")
add("c_case", lambda x, k: tf.switch_case(k, [lambda: x + 1, lambda: x * 2, lambda: -x]), [spec(2, 3), spec(dt=tf.int32)], "f", gen=lambda r: [r.standard_normal((2, 3)).astype(np.float32), np.array(int(r.integers(0, 3)), np.int32)])
# complex
add("x_rfft", lambda x: tf.abs(tf.signal.rfft(x)), [spec(2, 16)], "f")
add("x_rfft2", lambda x: [tf.math.real(tf.signal.rfft2d(x)), tf.math.imag(tf.signal.rfft2d(x))], [spec(2, 8, 16)], "f")
add("x_stft", lambda x: tf.abs(tf.signal.stft(x, 16, 8, 16)), [spec(2, 64)], "f")


# networks
def sep(ci, co, s):
    d = dw(3, ci, 1, s)
    c = conv(1, ci, co, 1, act="none")
    return lambda x: c(d(x))


def ir(ci, co, e, s):
    a = conv(1, ci, ci * e, act="relu6")
    d = dw(3, ci * e, 1, s)
    c = conv(1, ci * e, co, act="none")
    return lambda x: (lambda y: x + y if s == 1 and ci == co else y)(c(d(a(x))))


def se(c):
    a = conv(1, c, 4, act="relu")
    b = conv(1, 4, c, act="none")
    return lambda x: x * (nn.relu6(b(a(tf.reduce_mean(x, [1, 2], keepdims=True))) + 3) / 6)


def chain(*fs):
    def g(x):
        for f in fs:
            x = f(x)
        return x

    return g


head = lambda c, n: (lambda x, w=W(c, n, k=0.2), b=W(n): nn.softmax(tf.reduce_mean(x, [1, 2]) @ w + b))
add("net_mnv2", chain(conv(3, 3, 8, 2, act="relu6"), ir(8, 8, 4, 1), ir(8, 12, 4, 2), ir(12, 12, 4, 1), conv(1, 12, 32, act="relu6"), head(32, 10)), [spec(1, 32, 32, 3)])
add("net_mnv3", chain(conv(3, 3, 8, 2, act="hswish"), dw(3, 8, act="hswish"), se(8), conv(1, 8, 8, act="none"), ir(8, 12, 3, 2), head(12, 7)), [spec(2, 24, 24, 3)])
add("net_res", chain(conv(3, 3, 8, 1), lambda x, a=conv(3, 8, 8), b=conv(3, 8, 8, act="none"): nn.relu(x + b(a(x))), lambda x, a=conv(3, 8, 16, 2), b=conv(3, 16, 16, act="none"), c=conv(1, 8, 16, 2, act="none"): nn.relu(c(x) + b(a(x))), head(16, 5)), [spec(1, 16, 16, 3)])
add("net_unet", lambda x, a=conv(3, 3, 8), b=conv(3, 8, 16), c=conv(3, 24, 8), d=conv(1, 8, 2, act="sig"): (lambda e: d(c(tf.concat([tf.image.resize(b(nn.max_pool2d(e, 2, 2, "VALID")), [16, 16]), e], -1))))(a(x)), [spec(1, 16, 16, 3)])
add("net_dense", lambda x, a=conv(3, 3, 6), b=conv(3, 9, 6), c=conv(3, 15, 6): (lambda y: (lambda z: c(tf.concat([y, z], -1)))(b(y)))(tf.concat([x, a(x)], -1)), [spec(1, 10, 10, 3)])


def attn(x, wq=W(16, 16, k=0.3), wk=W(16, 16, k=0.3), wv=W(16, 16, k=0.3), g=W(16), be=W(16)):
    def ln(x):
        m = tf.reduce_mean(x, -1, keepdims=True)
        v = tf.reduce_mean(tf.math.squared_difference(x, m), -1, keepdims=True)
        return (x - m) * tf.math.rsqrt(v + 1e-5) * g + be

    def sp(y):
        return tf.transpose(tf.reshape(y, [2, 6, 4, 4]), [0, 2, 1, 3])

    y = ln(x)
    q, k, v = sp(y @ wq), sp(y @ wk), sp(y @ wv)
    o = tf.matmul(nn.softmax(tf.matmul(q, k, transpose_b=True) / 2.0), v)
    return x + tf.reshape(tf.transpose(o, [0, 2, 1, 3]), [2, 6, 16])


add("net_attn", lambda x: attn(x), [spec(2, 6, 16)], "f h d q")
add("net_shuffle", lambda x, a=conv(1, 8, 8), b=dw(3, 8, 1): (lambda y: tf.reshape(tf.transpose(tf.reshape(tf.concat([y[0], b(a(y[1]))], -1), [1, 8, 8, 2, 8]), [0, 1, 2, 4, 3]), [1, 8, 8, 16]))(tf.split(x, 2, axis=-1)), [spec(1, 8, 8, 16)])
add("net_deeplab", chain(conv(3, 3, 8, 2), lambda x, a=conv(3, 8, 8, d=2), b=conv(3, 8, 8, d=4), c=conv(1, 8, 8): tf.concat([a(x), b(x), c(x), tf.image.resize(tf.reduce_mean(x, [1, 2], keepdims=True), [12, 12])], -1), conv(1, 32, 4, act="none"), lambda x: tf.image.resize(x, [24, 24])), [spec(1, 24, 24, 3)])
add("net_siren", chain(lambda x, w=W(2, 16): tf.sin(x @ w * 3), lambda x, w=W(16, 16): tf.sin(x @ w), lambda x, w=W(16, 3): x @ w), [spec(10, 2)])
add("net_posemb", lambda x, w=W(30, 16), p=W(1, 7, 16): tf.reduce_mean(tf.gather(w, x) * 4.0 + p, 1), [spec(2, 7, dt=tf.int32)], "f h d q", gen=lambda r: [r.integers(0, 30, (2, 7)).astype(np.int32)])


# keras
def keras(name, build, modes="f h d q i", gen=None):
    CASES.append((name, build, None, modes.split(), gen))


K = tf.keras
L = K.layers


def seq(shape, *ls, batch=1):
    return lambda: K.Sequential([K.Input(shape, batch_size=batch), *[l() for l in ls]])


keras("k_lstm", seq((7, 5), lambda: L.LSTM(6, return_sequences=True)), "f d q i")
keras("k_lstm_last", seq((7, 5), lambda: L.LSTM(6)), "f d q")
keras("k_gru", seq((7, 5), lambda: L.GRU(6)), "f d q")
keras("k_rnn", seq((7, 5), lambda: L.SimpleRNN(6, return_sequences=True)), "f d q")
keras("k_bilstm", seq((7, 5), lambda: L.Bidirectional(L.LSTM(6, return_sequences=True))), "f d q")
keras("k_lstm_unroll", seq((4, 5), lambda: L.LSTM(6, unroll=True)), "f q i")
keras("k_gru_unroll", seq((4, 5), lambda: L.GRU(6, unroll=True)), "f q")
keras("k_lstm2", seq((7, 5), lambda: L.LSTM(8, return_sequences=True), lambda: L.LSTM(6), lambda: L.Dense(3, activation="softmax")), "f d q")
keras("k_convlstm", seq((3, 6, 6, 2), lambda: L.ConvLSTM2D(3, 3, padding="same")), "f")
keras("k_sep", seq((9, 9, 4), lambda: L.SeparableConv2D(8, 3, activation="relu"), lambda: L.BatchNormalization(), lambda: L.GlobalAveragePooling2D()))
keras("k_up", seq((5, 5, 4), lambda: L.UpSampling2D(2, interpolation="bilinear"), lambda: L.Conv2D(3, 3), lambda: L.UpSampling2D(2)))
keras("k_ct", seq((5, 5, 4), lambda: L.Conv2DTranspose(6, 3, 2, padding="same", activation="relu")))
keras("k_ln", seq((6, 8), lambda: L.LayerNormalization()), "f q")
keras("k_gn", seq((6, 6, 8), lambda: L.GroupNormalization(4)), "f q")
keras("k_dense", seq((6, 8), lambda: L.Dense(16, activation="gelu"), lambda: L.Dense(5)))
keras("k_c3d", seq((4, 6, 6, 2), lambda: L.Conv3D(4, 3, activation="relu"), lambda: L.GlobalAveragePooling3D()), "f d q")
keras("k_c1d", seq((20, 4), lambda: L.Conv1D(8, 3, padding="causal", activation="relu"), lambda: L.MaxPooling1D(2), lambda: L.GlobalMaxPooling1D(), lambda: L.Dense(4)))
keras("k_lc", seq((6, 6, 3), lambda: L.ZeroPadding2D(1), lambda: L.Cropping2D(2), lambda: L.Flatten(), lambda: L.Dense(7, activation="sigmoid")))
keras("k_act", seq((6, 6, 3), lambda: L.Conv2D(4, 3, activation="swish"), lambda: L.Conv2D(4, 3, activation="elu"), lambda: L.PReLU(shared_axes=[1, 2])))
keras("k_emb", lambda: K.Sequential([K.Input((9,), batch_size=2, dtype="int32"), L.Embedding(40, 8), L.GlobalAveragePooling1D(), L.Dense(3)]), "f h d q", gen=lambda r: [r.integers(0, 40, (2, 9)).astype(np.int32)])


def mha():
    x = K.Input((6, 16), batch_size=1)
    y = L.MultiHeadAttention(2, 8)(x, x)
    return K.Model(x, L.LayerNormalization()(L.Add()([x, y])))


keras("k_mha", mha, "f h d q")
# weights and biases that a run computes
add("conv_weights", lambda x, w: nn.conv2d(x, w, 1, "SAME", dilations=2), [spec(1, 6, 7, 4), spec(3, 3, 4, 8)], "f")
add("conv_weights_s2", lambda x, w, b: nn.relu6(nn.conv2d(x, w, 2, "SAME") + b), [spec(2, 7, 7, 4), spec(3, 3, 2, 6), spec(6)], "f")
add("dw_weights", lambda x, w: nn.depthwise_conv2d(x, w, [1, 2, 2, 1], "SAME"), [spec(1, 6, 7, 4), spec(3, 3, 4, 2)], "f")
add("conv_bias", lambda x, b, w=W(3, 3, 4, 8): nn.relu(nn.conv2d(x, w, 1, "SAME") + b), [spec(1, 6, 7, 4), spec(8)], "f")
# open dimensions
add("o_flat", lambda x, w=W(48, 10, k=0.1): tf.reshape(x, [-1, 48]) @ w, [spec(None, 4, 4, 3)], "f q")
add("o_tconv", lambda x, w=W(3, 3, 4, 5): nn.conv2d_transpose(x, w, [tf.shape(x)[0], 8, 8, 4], 2, "SAME"), [spec(None, 4, 4, 5)], "f q")
add("o_shuffle", lambda x: tf.reshape(tf.transpose(tf.reshape(x, [-1, 4, 4, 2, 8]), [0, 1, 2, 4, 3]), [-1, 4, 4, 16]), [spec(None, 4, 4, 16)], "f")
add("o_attn", lambda x, w=W(8, 8): tf.matmul(nn.softmax(tf.matmul(tf.tensordot(x, w, 1), x, transpose_b=True)), x), [spec(None, 6, 8)], "f")
add("o_slice", lambda x: x[:, 0] + x[:, -1], [spec(None, 6, 16)], "f")
add("o_two", lambda a, b: tf.concat([a * b, tf.nn.softmax(b)], -1), [spec(None, 6), spec(None, 6)], "f")
# shapes that follow from what branches and loops keep
def tile(i, x):
    n = tf.shape(x)[0] // 3
    a, b = tf.split(tf.slice(x, [i * n, 0], [n, 4]), 2, 0)
    return i + 1, x * 0.5 + tf.tile(a - b, [tf.shape(x)[0], 1])


add("c_if_shape", lambda x, w=W(8, 6): nn.softmax(tf.cond(x[0, 0] > 0, lambda: nn.relu(x @ w), lambda: tf.reverse(x @ w, [1]))), [spec(2, 8)], "f d")
add("c_while_tiles", lambda x: tf.while_loop(lambda i, x: i < 3, tile, [tf.constant(0), x], [tf.TensorShape([]), tf.TensorShape([None, 4])])[1], [spec(6, 4)], "f")
add("c_while_longer", lambda x: tf.while_loop(lambda i, x: i < 3, lambda i, x: (i + 1, tf.concat([x, x[:1] * 2.0], 0)), [tf.constant(0), x], [tf.TensorShape([]), tf.TensorShape([None, 4])])[1], [spec(2, 4)], "f")
add("s_strip", lambda x, i: tf.split(x[i : i + 2], 2, 1)[1], [spec(6, 4), spec(dt=tf.int32)], "f", gen=lambda r: [r.standard_normal((6, 4)).astype(np.float32), np.array(3, np.int32)])
keras("k_gru_open", lambda: K.Sequential([K.Input((None, 5), batch_size=1), L.GRU(6, return_sequences=True), L.Dense(3)]), "f")
MODE = {"f": "f32", "h": "f16", "d": "dyn", "q": "int8", "i": "i16x8"}


def rand(r, s, k):
    if s.dtype == np.bool_:
        return r.random(s.shape) > 0.5
    if np.issubdtype(s.dtype, np.integer):
        return r.integers(0, 6, s.shape).astype(s.dtype) if s.dtype in (np.int32, np.int64) else r.integers(-90, 90, s.shape).astype(s.dtype)
    return (r.standard_normal(s.shape) * (1 if k else 1.5)).astype(np.float32)


class Spec:
    def __init__(s, shape, dtype):
        s.shape = tuple(shape)
        s.dtype = np.dtype(dtype).type


def convert(fn, specs, mode, gen, seed):
    r = np.random.default_rng(seed)
    if specs is None:
        K.utils.set_random_seed(seed % 1000)
        m = fn()
        c = tf.lite.TFLiteConverter.from_keras_model(m)
        ss = [Spec(t.shape, t.dtype) for t in m.inputs]
        for w in m.weights:
            if "bias" in w.path or "gamma" in w.path or "beta" in w.path or "moving_mean" in w.path or "alpha" in w.path:
                w.assign(r.standard_normal(w.shape) * 0.3)
    else:
        mod = tf.Module()
        mod.f = tf.function(lambda *a: fn(*a), input_signature=[tf.TensorSpec(s.shape, s.dtype, name=f"in{j}") for j, s in enumerate(specs)])
        cf = mod.f.get_concrete_function()
        c = tf.lite.TFLiteConverter.from_concrete_functions([cf], mod)
        ss = [Spec([n or 1 for n in s.shape], s.dtype.as_numpy_dtype) for s in specs]

    def rep():
        for _ in range(12):
            yield gen(r) if gen else [rand(r, s, 0) for s in ss]

    if mode != "f":
        c.optimizations = [tf.lite.Optimize.DEFAULT]
    if mode == "h":
        c.target_spec.supported_types = [tf.float16]
    if mode == "q":
        c.representative_dataset = rep
        c.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        fl = all(s.dtype == np.float32 for s in ss)
        if fl:
            c.inference_input_type = tf.int8
            c.inference_output_type = tf.int8
    if mode == "i":
        c.representative_dataset = rep
        c.target_spec.supported_ops = [tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8]
        c.inference_input_type = tf.int16
        c.inference_output_type = tf.int16
    return c.convert()


# --- What TensorFlow Lite makes of them ----------------------------------------------------------

KEPT = """act_geluT.i16x8 act_mish.i16x8 bmm_const.dyn bmm.f32 c_case.f32 c_if.f32 c_if2.f32 c_if_shape.f32 c_ta.f32 c_while.dyn c_while.f32 c_while_longer.f32 c_while_tiles.f32
c_whiled.f32 c_while_grow.f32 conv1d_causal.f32 conv1d_s2d.int8 conv3d.f32 conv3dT.f32 conv3dT_v.f32
conv9_k3s1d1Sg4_relu.int8 conv_asym.dyn conv_weights.f32 conv_weights_s2.f32 dw_weights.f32 conv_bias.f32
dw5_k3m8s2d1S_relu6.int8 dw4_k3m3s1d1S_none.dyn fc_3d.dyn k_gru_open.f32 k_lstm.f32 net_shuffle.int8 o_attn.f32 o_flat.f32
o_flat.int8 o_shuffle.f32 o_slice.f32 o_tconv.f32 o_tconv.int8 o_two.f32 r_lse.int8 rs_bl2.int8 s_bargs.f32
s_bitcast.f32 s_bool.f32 s_bucket.f32 s_cast.f32 s_dus.f32 s_diag.f32 s_diagpart.f32 s_einsum2.dyn s_gatherB.int8
s_i32.f32 s_i64.f32 s_mirrorS.i16x8 s_nms.f32 s_segsum.f32 s_strip.f32 s_setdiag.f32 s_scatter.f32 s_topk.f32 s_tsu.f32
s_unique.f32 s_useg.f32 s_where1.f32 tconv2_k3s2S_none.int8 u_atan2.f32 u_inv_sqrt.i16x8 u_log.i16x8 u_lrn.f32
x_rfft.f32 x_rfft2.f32""".split()


def feed(r, details, gen):
    if gen and all(d["dtype"] != np.int8 for d in details):
        values = gen(r)
        # The converter sorts the inputs by their names: serving_default_in1:0.
        place = [int(d["name"].split("in")[-1].split(":")[0]) if len(values) > 1 else 0 for d in details]
        return [np.asarray(values[k], d["dtype"]).reshape(d["shape"]) for k, d in zip(place, details)]
    spread = {np.int8: (45, -128, 127), np.int16: (9000, -32768, 32767)}
    out = []
    for d in details:
        if d["dtype"] in spread:
            s, lo, hi = spread[d["dtype"]]
            out.append(np.clip(np.round(r.standard_normal(d["shape"]) * s), lo, hi).astype(d["dtype"]))
        else:
            out.append(rand(r, Spec(tuple(d["shape"]), d["dtype"]), 1))
    return out


def results(model, feeds, resolver):
    it = Interpreter(model_content=model, experimental_op_resolver_type=resolver, num_threads=1)
    it.allocate_tensors()
    for d, x in zip(it.get_input_details(), feeds):
        it.set_tensor(d["index"], x)
    it.invoke()
    return [it.get_tensor(d["index"]) for d in it.get_output_details()]


def make(name, fn, specs, mode, gen):
    """The model, its inputs, and the results of the default and of the reference kernels (None: none)."""
    seed = zlib.crc32(name.encode())
    model = convert(fn, specs, mode, gen, seed)
    it = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    feeds = feed(np.random.default_rng(seed + 1), it.get_input_details(), gen)
    both = []
    for resolver in (OpResolverType.BUILTIN, OpResolverType.BUILTIN_REF):
        try:
            both.append(results(model, feeds, resolver))
        except (RuntimeError, ValueError):
            both.append(None)
    return model, feeds, *both


def keep(name, model, feeds, default, reference):
    out = default or reference
    data = b"".join(np.ascontiguousarray(a).tobytes() for a in [*feeds, *out])
    integers = all(a.dtype in (np.int8, np.int16) for a in out)
    exact = not integers and all(a.dtype != np.float32 for a in out)
    put(name, model, data, tolerance=0 if exact else 1 if integers else 3e-4)


folder = sys.argv[2] if sys.argv[1:2] == ["--all"] else None
pack = sys.argv[1] if len(sys.argv) > 1 else "tests/convert/tflite_networks.pack"
chosen = sys.argv[2:]
for name, fn, specs, modes, gen in CASES:
    for mode in modes:
        full = f"{name}.{MODE[mode]}"
        if not folder and not (any(full.startswith(c) for c in chosen) if chosen else full in KEPT):
            continue
        try:
            model, feeds, default, reference = make(full, fn, specs, mode, gen)
        except Exception as e:  # what the converter or all kernels lack
            print(full, str(e)[:100].replace("\n", " "))
            continue
        if not folder:
            keep(full, model, feeds, default, reference)
            continue
        with open(f"{folder}/{full}.tflite", "wb") as f:
            f.write(model)
        arrays = {f"in{k}": a for k, a in enumerate(feeds)}
        arrays.update({f"default{k}": a for k, a in enumerate(default or [])})
        arrays.update({f"reference{k}": a for k, a in enumerate(reference or [])})
        np.savez(f"{folder}/{full}.npz", **arrays)
if not folder:
    with open(pack, "wb") as f:
        f.write(b"".join(records))
print(len(records), "models,", sum(map(len, records)), "bytes")
