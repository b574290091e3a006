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
X_SCALE, W_SCALE, CELL_WEIGHT_SCALE, STATE_SCALE = f32(0.03), f32(0.02), f32(0.0001), f32(0.008)
X_ZERO, STATE_ZERO, HIDDEN_ZERO = -9, 5, 3


def fixed(factors):
    """Multipliers of 31 bits, then shifts."""
    parts = [math.frexp(f) for f in factors]
    return np.array([[round(m * 2**31) for m, _ in parts], [e for _, e in parts]], np.int32)


def weights(*shape):
    return np.clip(np.rint(rng.standard_normal(shape) * 50), -127, 127).astype(np.int8)


def lstm(name, steps, batch, inputs, hidden, outputs, layout, full, cell_shift=-11):
    shape = (batch, steps, inputs) if layout else (steps, batch, inputs)
    hidden_scale, hidden_zero = (f32(0.007), HIDDEN_ZERO) if full else (STATE_SCALE, STATE_ZERO)
    x = rng.integers(-128, 128, shape).astype(np.int8)
    w, r = weights(GATES, hidden, inputs), weights(GATES, hidden, outputs)
    bias = rng.integers(-3000, 3000, (GATES, hidden)).astype(np.int32)
    peepholes = rng.integers(-9000, 9000, (3, hidden)).astype(np.int16)
    projection = weights(outputs, hidden)
    projection_bias = rng.integers(-900, 900, outputs).astype(np.int32)

    tx = T("x", "i8", shape, scale=X_SCALE, zp=X_ZERO)
    ty = T("y", "i8", shape[:2] + (outputs,), scale=STATE_SCALE, zp=STATE_ZERO)
    ins = [tx] + [const(f"w{k}", w[k], scale=W_SCALE) for k in range(GATES)]
    ins += [const(f"r{k}", r[k], scale=W_SCALE) for k in range(GATES)]
    ins += [const(f"c{k}", peepholes[k], scale=CELL_WEIGHT_SCALE) if full else None for k in range(3)]
    ins += [const(f"b{k}", bias[k]) for k in range(GATES)]
    ins += [const("p", projection, scale=W_SCALE), const("pb", projection_bias)] if full else [None] * 2
    ins += [T("h", "i8", (batch, outputs), scale=STATE_SCALE, zp=STATE_ZERO, var=True)]
    ins += [T("c", "i16", (batch, hidden), scale=2.0**cell_shift, var=True)] + [None] * 4
    inner = [T(f"i{k}", "i16", (), scale=2.0**-12) for k in range(GATES)]
    inner += [T("hidden", "i8", (), scale=hidden_scale, zp=hidden_zero)]
    options = dict(fusedActivationFunction=TANH, cellClip=0.0, projClip=0.0, timeMajor=not layout)
    op = Op("UNIDIRECTIONAL_SEQUENCE_LSTM", ins, [ty], options, intermediates=inner)
    y = run(build([tx], [ty], [op]), [x], ref=False)[0]

    # The kernel works factors out in f32.
    of_x, of_h = f32(W_SCALE * X_SCALE) / f32(2**-12), f32(W_SCALE * STATE_SCALE) / f32(2**-12)
    of_cell = f32(2.0**cell_shift * float(CELL_WEIGHT_SCALE) / 2**-12)
    of_hidden = f32(2.0**-15 / float(hidden_scale) * 2.0**-15)
    of_projection = f32(W_SCALE * hidden_scale) / STATE_SCALE
    factors = fixed([float(f) for f in [of_x] * 4 + [of_h] * 4 + [of_cell] * 3 + [of_hidden, of_projection]])
    byte = lambda q: (q.astype(np.int32) + 128).astype(np.uint8)
    values = [Tensor(byte(x), scale=float(X_SCALE), zero=X_ZERO + 128)]
    values += [Tensor(v, "constant") for v in (w, r, bias, factors)]
    if full:
        values += [Tensor(v, "constant") for v in (peepholes, projection, projection_bias)]
    # What is projected is limited as if its zero point were on the other side of 0.
    zero = 128 - hidden_zero if full else 128 + hidden_zero
    case(name, "lstm_i8", values, Tensor(byte(y), scale=float(STATE_SCALE), zero=STATE_ZERO + 128),
         layout=layout, cell_shift=cell_shift, hidden_zero=zero)


lstm("lstm_i8", 6, 2, 5, 7, 7, layout=0, full=False)
lstm("lstm_i8 batch first, fine cell", 9, 3, 4, 5, 5, layout=1, full=False, cell_shift=-13)
lstm("lstm_i8 peepholes, projection", 6, 2, 5, 7, 4, layout=0, full=True)
lstm("lstm_i8 peepholes, projection, batch first", 4, 2, 3, 6, 4, layout=1, full=True)
write(sys.argv[1] if len(sys.argv) > 1 else "tests/ops/lstm_i8.pack")
