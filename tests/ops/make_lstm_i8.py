# SPDX-License-Identifier: Apache-2.0
# Makes lstm_i8.pack: the operator's cases, whose results are those of TensorFlow Lite
# for the same numbers. Needs numpy, ai-edge-litert (2.3 was used) and what steps_pack.py needs.
#   python3 tests/ops/make_lstm_i8.py [tests/ops/lstm_i8.pack]
import math
import os
import sys

import numpy as np

sys.path.append(os.path.join(os.path.dirname(__file__), "../convert"))
from steps_pack import Tensor, case, write
from tflite_build import Op, T, build, const, run

rng = np.random.default_rng(23)
f32, GATES, TANH = np.float32, 4, 4
X_SCALE, W_SCALE, STATE_SCALE = f32(0.03), f32(0.02), f32(0.008)
X_ZERO, STATE_ZERO = -9, 5


def fixed(factors):
    """Multipliers of 31 bits, then shifts."""
    parts = [math.frexp(f) for f in factors]
    return np.array([[round(m * 2**31) for m, _ in parts], [e for _, e in parts]], np.int32)


def weights(*shape):
    return np.clip(np.rint(rng.standard_normal(shape) * 50), -127, 127).astype(np.int8)


def lstm(name, steps, batch, inputs, hidden, layout, cell_shift=-11):
    shape = (batch, steps, inputs) if layout else (steps, batch, inputs)
    x = rng.integers(-128, 128, shape).astype(np.int8)
    w, r = weights(GATES, hidden, inputs), weights(GATES, hidden, hidden)
    bias = rng.integers(-3000, 3000, (GATES, hidden)).astype(np.int32)

    tx = T("x", "i8", shape, scale=X_SCALE, zp=X_ZERO)
    ty = T("y", "i8", shape[:2] + (hidden,), scale=STATE_SCALE, zp=STATE_ZERO)
    ins = [tx] + [const(f"w{k}", w[k], scale=W_SCALE) for k in range(GATES)]
    ins += [const(f"r{k}", r[k], scale=W_SCALE) for k in range(GATES)]
    ins += [None] * 3 + [const(f"b{k}", bias[k]) for k in range(GATES)] + [None] * 2
    ins += [T("h", "i8", (batch, hidden), scale=STATE_SCALE, zp=STATE_ZERO, var=True)]
    ins += [T("c", "i16", (batch, hidden), scale=2.0**cell_shift, var=True)] + [None] * 4
    inner = [T(f"i{k}", "i16", (), scale=2.0**-12) for k in range(GATES)]
    inner += [T("hidden", "i8", (), scale=STATE_SCALE, zp=STATE_ZERO)]
    options = dict(fusedActivationFunction=TANH, cellClip=0.0, projClip=0.0, timeMajor=not layout)
    op = Op("UNIDIRECTIONAL_SEQUENCE_LSTM", ins, [ty], options, intermediates=inner)
    y = run(build([tx], [ty], [op]), [x], ref=False)[0]

    # The kernel works factors out in f32.
    of_x, of_h = f32(W_SCALE * X_SCALE) / f32(2**-12), f32(W_SCALE * STATE_SCALE) / f32(2**-12)
    of_hidden = f32(2.0**-15 / float(STATE_SCALE) * 2.0**-15)
    unused = 0.5
    factors = fixed([float(f) for f in [of_x] * 4 + [of_h] * 4 + [unused] * 3 + [of_hidden, unused]])
    byte = lambda q: (q.astype(np.int32) + 128).astype(np.uint8)
    values = [Tensor(byte(x), scale=float(X_SCALE), zero=X_ZERO + 128)]
    values += [Tensor(v, "constant") for v in (w, r, bias, factors)]
    case(name, "lstm_i8", values, Tensor(byte(y), scale=float(STATE_SCALE), zero=STATE_ZERO + 128),
         layout=layout, cell_shift=cell_shift, hidden_zero=128 + STATE_ZERO)


lstm("lstm_i8", 6, 2, 5, 7, layout=0)
lstm("lstm_i8 batch first, fine cell", 9, 3, 4, 5, layout=1, cell_shift=-13)
write(sys.argv[1] if len(sys.argv) > 1 else "tests/ops/lstm_i8.pack")
