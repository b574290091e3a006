# SPDX-License-Identifier: Apache-2.0
# Makes tflite_recurrent.pack for models.c and hostile_tflite.c: LSTM, RNN and their kin in every form that
# TensorFlow Lite's kernels take (projections, peepholes, coupled gates, layer normalization, clips, rows
# quantized as they come, integers), with what those make of random inputs.
import sys
from tflite_build import *

TANH = 4
rng = np.random.default_rng(11)


def F(name, *shape, k=0.5):
    return const(name, (rng.standard_normal(shape) * k).astype(np.float32))


def Q(name, *shape, scale=0.01, lo=-127, hi=127, dtype=np.int8):
    q = np.clip(np.round(rng.standard_normal(shape) * 50), lo, hi).astype(dtype)
    return const(name, q, scale=scale)


def state(name, *shape, dtype="f32", scale=None, zp=0):
    return T(name, dtype, shape, scale=scale, zp=zp, var=True)


def gates(make, name, coupled, *shape, **k):
    return [None if coupled and i == 0 else make(name + str(i), *shape, **k) for i in range(4)]


def lstm_inputs(x, batch, i, h, o, coupled=False, peepholes=False, projects=False, norms=False, make=F, full=True):
    ins = [x] + gates(make, "w", coupled, h, i) + gates(make, "r", coupled, h, o)
    cell = [make("c%d" % k, h) if peepholes and not (coupled and k == 0) else None for k in range(3)]
    bias = gates(F, "b", coupled, h)
    bias[1].data += 1
    ins += cell + bias + [make("p", o, h) if projects else None, F("pb", o) if projects else None]
    if full:
        ins += [state("h", batch, o), state("c", batch, h)]
        if norms:
            ins += [None if coupled and k == 0 else F("n%d" % k, h) for k in range(4)]
    return ins


def sequence(name, time=5, batch=2, i=3, h=4, o=None, time_major=True, options=None, step=False, **how):
    o = o or h
    shape = (batch, i) if step else (time, batch, i) if time_major else (batch, time, i)
    x, y = T("x", "f32", shape), T("y", "f32", shape[:-1] + (o,))
    opts = dict(fusedActivationFunction=TANH, cellClip=0.0, projClip=0.0) | (options or {})
    ins = lstm_inputs(x, batch, i, h, o, **how)
    if step:
        case(name, [x], [y], [Op("LSTM", ins, [y], opts | dict(kernelType=0))], atol=2e-5, ref=False)
    else:
        op = Op("UNIDIRECTIONAL_SEQUENCE_LSTM", ins, [y], opts | dict(timeMajor=time_major))
        case(name, [x], [y], [op], atol=2e-5, ref=False)


sequence("lstm")
sequence("lstm batch first", time_major=False)
sequence("lstm coupled peepholes", coupled=True, peepholes=True)
sequence("lstm projection", o=3, projects=True)
sequence("lstm projection clips", o=3, projects=True, peepholes=True, time_major=False, options=dict(cellClip=0.4, projClip=0.3))
sequence("lstm norms", norms=True)
sequence("lstm norms all", norms=True, coupled=True, peepholes=True, projects=True, o=3, time_major=False)
for symmetric in (False, True):
    o = dict(asymmetricQuantizeInputs=not symmetric)
    s = " symmetric" if symmetric else ""
    sequence("lstm hybrid" + s, make=Q, options=o)
    sequence("lstm hybrid one" + s, make=Q, options=o, batch=1)
    sequence("lstm hybrid all" + s, make=Q, options=o, projects=True, o=3, norms=True, time_major=False)
sequence("lstm step", step=True, peepholes=True)
sequence("lstm step projection", step=True, projects=True, o=3)

x, y = T("x", "f32", (1 << 30, 4, 1)), T("y", "f32", (1 << 30, 4, 4))
ins = lstm_inputs(x, 4, 1, 4, 4, make=Q)
op = Op("UNIDIRECTIONAL_SEQUENCE_LSTM", ins, [y], dict(fusedActivationFunction=TANH, timeMajor=True))
put("lstm of too many rows", build([x], [y], [op]), sentence="rows, which are too many")

x, h, c = T("x", "f32", (2, 3)), T("h", "f32", (2, 4)), T("c", "f32", (2, 4))
outs = [T(n, "f32", s) for n, s in (("y", (2, 4)), ("cell", (2, 4)), ("both", (2, 7)), ("gates", (2, 16)))]
op = Op("LSTM", [x, h, F("w", 16, 7), F("b", 16), c], outs, dict(kernelType=1, fusedActivationFunction=TANH))
case("lstm basic", [x, h, c], outs[:2], [op], ref=False)

# Time is not first where rows are quantized: TensorFlow Lite's RNN then takes all steps as often as there are
# steps.
for name, merges, time_major, make in [("", True, True, F), (" apart", False, False, F), (" hybrid", False, False, Q)]:
    x = T("x", "f32", (5, 2, 3) if time_major else (2, 5, 3))
    ins = lstm_inputs(x, 2, 3, 4, 4, full=False, make=make, peepholes=make is F)
    ins += lstm_inputs(x, 2, 3, 4, 4, full=False, make=make, peepholes=make is F)[1:]
    ins += [state("fh", 2, 4), state("fc", 2, 4), state("bh", 2, 4), state("bc", 2, 4)] + [None] * 9
    both = [T("y%d" % k, "f32", tuple(x.shape[:2]) + (n,)) for k, n in enumerate((8,) if merges else (4, 4))]
    o = dict(fusedActivationFunction=TANH, mergeOutputs=merges, timeMajor=time_major, asymmetricQuantizeInputs=True)
    case("bidirectional lstm" + name, [x], both, [Op("BIDIRECTIONAL_SEQUENCE_LSTM", ins, both, o)], ref=False)
    cells = [[make("w%d" % k, n, 3), make("r%d" % k, n, n), F("b%d" % k, n), state("s%d" % k, 2, n)] for k, n in enumerate((4, 4))]
    both = [T(t.name, "f32", t.shape) for t in both]
    o = dict(fusedActivationFunction=TANH, mergeOutputs=merges, timeMajor=time_major, asymmetricQuantizeInputs=True)
    op = Op("BIDIRECTIONAL_SEQUENCE_RNN", [x, *cells[0], *cells[1], None, None, None], both, o)
    case("bidirectional rnn" + name, [x], both, [op], ref=False)
x, z, y0, y1 = T("x", "f32", (5, 2, 3)), T("z", "f32", (5, 2, 3)), T("y0", "f32", (5, 2, 4)), T("y1", "f32", (5, 2, 4))
o = dict(fusedActivationFunction=TANH, mergeOutputs=False, timeMajor=True)
cells = [[F("w", 4, 3), F("r", 4, 4), F("b", 4), state("s", 2, 4)] for _ in range(2)]
op = Op("BIDIRECTIONAL_SEQUENCE_RNN", [x, *cells[0], *cells[1], z, None, None], [y0, y1], o)
case("bidirectional rnn of two", [x, z], [y0, y1], [op], ref=False)
for name, make, activation, batch in [("", F, TANH, 2), (" relu6", F, 3, 2), (" hybrid", Q, TANH, 2), (" hybrid one", Q, 1, 1)]:
    x, y = T("x", "f32", (5, batch, 3)), T("y", "f32", (5, batch, 4))
    ins = [x, make("w", 4, 3), make("r", 4, 4), F("b", 4), state("h", batch, 4)]
    o = dict(fusedActivationFunction=activation, timeMajor=True, asymmetricQuantizeInputs=True)
    case("rnn" + name, [x], [y], [Op("UNIDIRECTIONAL_SEQUENCE_RNN", ins, [y], o)], ref=False)
    x, y = T("x", "f32", (batch, 3)), T("y", "f32", (batch, 4))
    o = dict(fusedActivationFunction=activation, asymmetricQuantizeInputs=True)
    case("rnn step" + name, [x], [y], [Op("RNN", [x, *ins[1:]], [y], o)], ref=False)


# Integers: x, weights and state of 8 bits, a cell of 16.
def integer(name, time=6, batch=2, i=5, h=7, o=None, time_major=True, coupled=False, peepholes=False, projects=False, cell=-11, clips=(0.0, 0.0), x_scale=0.03, w_scale=0.01):
    o = o or h
    shape = (time, batch, i) if time_major else (batch, time, i)
    x, y = T("x", "i8", shape, scale=x_scale, zp=-9), T("y", "i8", shape[:2] + (o,), scale=0.008, zp=5)
    b = [None if coupled and k == 0 else const("b%d" % k, rng.integers(-3000, 3000, h).astype(np.int32)) for k in range(4)]
    ins = [x] + gates(Q, "w", coupled, h, i, scale=w_scale) + gates(Q, "r", coupled, h, o, scale=w_scale)
    ins += [
        Q("c%d" % k, h, scale=0.0001, lo=-32768, hi=32767, dtype=np.int16) if peepholes and not (coupled and k == 0) else None
        for k in range(3)
    ]
    ins += b + [Q("p", o, h) if projects else None]
    ins += [const("pb", rng.integers(-900, 900, o).astype(np.int32)) if projects else None]
    ins += [state("h", batch, o, dtype="i8", scale=0.008, zp=5), state("c", batch, h, dtype="i16", scale=2.0**cell)] + [None] * 4
    inner = [T("i%d" % k, "i16", (), scale=2.0**-12) for k in range(4)]
    inner += [T("hidden", "i8", (), scale=0.007 if projects else 0.008, zp=3 if projects else 5)]
    opts = dict(fusedActivationFunction=TANH, cellClip=clips[0], projClip=clips[1], timeMajor=time_major)
    op = Op("UNIDIRECTIONAL_SEQUENCE_LSTM", ins, [y], opts, intermediates=inner)
    case("lstm int8" + name, [x], [y], [op], ref=False, lsb=0)


integer("")
integer(" batch first", time_major=False, time=12, batch=1)
integer(" coupled", coupled=True)
integer(" peepholes", peepholes=True)
integer(" coupled peepholes", peepholes=True, coupled=True)
integer(" projection", projects=True, o=4)
integer(" clips", projects=True, o=4, clips=(1.5, 0.4), cell=-12)
integer(" large", h=24, i=16, time=20, w_scale=0.03)
integer(" fine cell", cell=-15)
integer(" coarse cell", cell=-9, w_scale=0.05)

for name, rank, activation, make in [("", 1, 1, F), (" rank 2", 2, 0, F)]:
    x, y = T("x", "f32", (2, 5)), T("y", "f32", (2, 4))
    ins = [x, make("wf", 4 * rank, 5), make("wt", 4 * rank, 3), F("b", 4), state("s", 2, 3 * 4 * rank)]
    case("svdf" + name, [x], [y], [Op("SVDF", ins, [y], dict(rank=rank, fusedActivationFunction=activation))], ref=False)
x, y = T("x", "i8", (2, 5), scale=0.03, zp=4), T("y", "i8", (2, 4), scale=0.05, zp=-20)
wt = Q("wt", 8, 3, dtype=np.int16, lo=-30000, hi=30000, scale=0.005)
b = const("b", rng.integers(-2000, 2000, 4).astype(np.int32), scale=0.002 * 0.005)
ins = [x, Q("wf", 8, 5), wt, b, state("s", 2, 24, dtype="i16", scale=0.002)]
case("svdf int8", [x], [y], [Op("SVDF", ins, [y], dict(rank=2, fusedActivationFunction=1))], ref=False)
with open(sys.argv[1] if len(sys.argv) > 1 else "tests/convert/tflite_recurrent.pack", "wb") as out:
    out.write(b"".join(records))
print(len(records), "models,", sum(map(len, records)), "bytes")
