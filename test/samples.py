"""For every row of the table: inputs to try it on, and what PyTorch says it is.

``SAMPLES[name]`` is a list of (arrays and numbers, params), the arrays NumPy's, in many layouts: 0-d, empty, broadcast,
transposed, with holes, repeated. ``REFERENCES[name]`` is the row as a function of PyTorch's tensors and the same params.
``PROGRAMS[name]``, for rows that draw, is a list of programs that both libraries run from the same seed.
"""

import math
import zlib
from functools import partial

import mpmath
import numpy
import torch
import torch.nn.functional as F

import minitorch
from minitorch import primitives, special
from minitorch.ops import draws
from minitorch.tables import resampling  # noqa: F401  its rows are tried too

__all__ = ["COMPLEX_TOO", "INTEGERS_TOO", "PROGRAMS", "REFERENCES", "SAMPLES", "UNDERIVED", "integers", "reals"]


def generator(*seed):
    return numpy.random.default_rng(zlib.crc32(repr(seed).encode()))


def reals(shape, low=-2.0, high=2.0, seed=0):
    return numpy.asarray(generator(shape, low, high, seed).uniform(low, high, shape))


def integers(shape, low, high, seed=0):
    """Integers with low <= n < high."""
    return numpy.asarray(generator(shape, low, high, seed).integers(low, high, shape))


def transposed(shape, *bounds):
    return reals(shape[::-1], *bounds).T


def with_holes(shape, *bounds):
    return reals((*shape[:-1], 2 * shape[-1] + 1), *bounds)[..., 1::2]


def repeated(shape, *bounds):
    return numpy.broadcast_to(reals((1, *shape[1:]), *bounds), shape)


def layouts(*bounds):
    """One real array of every kind."""
    return [
        reals((2, 3), *bounds), reals((), *bounds), reals((0, 3), *bounds), reals((1,), *bounds), transposed((2, 4), *bounds),
        with_holes((2, 3), *bounds), repeated((3, 2), *bounds),
    ]  # fmt: skip


def pairs(first=(-2.0, 2.0), second=(-2.0, 2.0)):
    """Two real arrays, or one and a number, broadcast in every way."""
    return [
        (reals((2, 3), *first), reals((2, 3), *second, 1)), (reals((2, 1, 3), *first), reals((4, 1), *second)),
        (reals((), *first), reals((), *second, 1)), (reals((), *first), reals((3,), *second)), (reals((2, 3), *first), reals((3,), *second)),
        (reals((0, 3), *first), reals((1, 3), *second)), (reals((1,), *first), reals((0,), *second)), (transposed((2, 4), *first), with_holes((2, 4), *second)),
        (repeated((3, 2), *first), transposed((3, 2), *second)), (reals((3,), *first), float(second[1]) / 2), (float(first[1]) / 2, reals((2, 2), *second)),
    ]  # fmt: skip


def complexes(low=-2.0, high=2.0):
    """One complex array of every kind."""
    return [numpy.asarray(x + 1j * numpy.cos(5 * x + 1)) for x in layouts(low, high)]


def each(inputs, *params):
    """A sample for each of ``inputs``, all with the same params."""
    return [(x if isinstance(x, tuple) else (x,), params) for x in inputs]


SAMPLES: dict = {}
REFERENCES: dict = {}
PROGRAMS: dict = {}
INTEGERS_TOO: dict = {}
"""Samples with integers, for rows whose real samples aren't fit for truncation to integers."""


def samples(name, found, reference=None):
    SAMPLES[name] = found
    REFERENCES[name] = reference or getattr(torch, name)


# --------------------------------------------------------------------------------------------------------- elementwise

for name in ("neg", "abs", "sign", "floor", "ceil", "trunc", "round", "exp", "exp2", "expm1", "sin", "cos", "atan", "sinh", "cosh",
             "asinh", "tanh", "sigmoid", "erf", "erfc", "relu", "square", "logical_not", "isnan", "isinf", "isfinite", "signbit"):  # fmt: skip
    samples(name, each(layouts()))
for name in ("log", "log2", "log10", "sqrt", "rsqrt", "reciprocal"):
    samples(name, each(layouts(0.2, 3.0)))
for name in ("asin", "acos", "atanh", "log1p"):
    samples(name, each(layouts(-0.8, 0.8)))
samples("tan", each(layouts(-1.2, 1.2)))
samples("acosh", each(layouts(1.2, 3.0)))
COMPLEX_TOO = {"acosh": each(complexes())}
"""More complex samples, where the real ones lie on one side of a cut."""
samples("copy", each(layouts()), torch.clone)
samples(
    "clamp", [s for bounds in ((-0.5, 1.0), (None, 0.25), (0.25, None), (1.0, -1.0)) for s in each(layouts(), *bounds)]
)
samples(
    "bitwise_not", each([integers((2, 3), -9, 9), integers((), 0, 9), integers((0,), 0, 9), integers((2, 3), 0, 2) > 0])
)
samples(
    "cast",
    [
        ((x,), (dtype,))
        for x in layouts()
        for dtype in (minitorch.float64, minitorch.float32, minitorch.int64, minitorch.bool)
    ],
    lambda x, dtype: x.to(getattr(torch, dtype.name), copy=True),
)


def wrapped(function):
    """``function`` for PyTorch, which takes no numbers here."""
    double = {float: torch.float64, complex: torch.complex128}
    number = lambda x: torch.tensor(x, dtype=double[type(x)]) if type(x) in double else x  # noqa: E731
    return lambda x, y: function(number(x), number(y))


for name in (
    "add",
    "sub",
    "mul",
    "maximum",
    "minimum",
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "logical_and",
    "logical_or",
    "logical_xor",
):
    samples(name, each(pairs()), wrapped(getattr(torch, name)))
samples("hypot", each(pairs((-5.0, 5.0), (0.5, 2.0))), wrapped(torch.hypot))
for name in ("div", "div_floor", "floor_divide", "remainder", "fmod"):
    samples(
        name,
        each(pairs((-5.0, 5.0), (0.5, 2.0))) + each(pairs((-5.0, 5.0), (-2.0, -0.5))),
        wrapped(partial(torch.div, rounding_mode="floor") if name == "div_floor" else getattr(torch, name)),
    )
    INTEGERS_TOO[name] = each(
        [
            (integers((2, 3), -9, 9), integers((3,), 1, 5)),
            (integers((2, 3), -9, 9), integers((2, 1), -4, 0)),
            (integers((3,), -9, 9), -2),
        ]
    )
samples("atan2", each(pairs((0.2, 2.0), (-2.0, -0.2))) + each(pairs((-2.0, -0.3), (0.2, 2.0))), wrapped(torch.atan2))
samples(
    "pow",
    each(pairs((0.3, 2.0), (-2.0, 3.0))) + each([(x, n) for n in (2, 3, 0, 1, -1, 0.5, -2.5) for x in layouts(0.3, 2.0)])
    + each([(reals((2, 3)), n) for n in (2, 3, 0, 1, -2)] + [(n, reals((2, 3))) for n in (2, 0.5, 1)] + [(numpy.array([0.0, 0.0, 2.0]), numpy.array([3.0, 2.0, 0.0]))]),
)  # fmt: skip
INTEGERS_TOO["pow"] = each(
    [
        (integers((2, 3), -4, 5), integers((3,), 0, 5)),
        (integers((2, 3), -4, 5), 3),
        (2, integers((3,), 0, 6)),
        (integers((4,), -3, 4), 0),
    ]
)
samples(
    "add_scaled",
    [s for alpha in (3, -0.5) for s in each(pairs(), alpha)],
    lambda x, y, alpha: torch.add(x, y, alpha=alpha),
)
samples("assign", each([(x, numpy.asarray(x * 2 + 1)) for x in layouts()]), lambda x, y: torch.zeros_like(x).copy_(y))
samples(
    "keep",
    each([p for p in pairs() if not isinstance(p[0], float) and not isinstance(p[1], float)]),
    lambda x, y: torch.where(y <= 0, 0, x),
)
INTEGERS_TOO["clamp"] = [((integers((2, 3), -9, 9),), bounds) for bounds in ((1, 3), (None, 1), (2, None))]
INTEGERS_TOO["addcmul"] = each([tuple(integers((2, 3), 0, 5, i) for i in range(3))], 2)
WHOLE = [(integers((2, 3), 0, 9), integers((2, 3), 0, 4, 1)), (integers((2, 1), 0, 9), integers((3,), 0, 4)), (integers((), 0, 9), integers((3,), 0, 4)),
         (integers((3,), 0, 9), 2), (3, integers((3,), 0, 4))]  # fmt: skip
LOGIC = [(integers((2, 3), 0, 2) > 0, integers((2, 3), 0, 2, 1) > 0)]
for name in ("bitwise_and", "bitwise_or", "bitwise_xor"):
    samples(name, each(WHOLE + LOGIC))
samples("left_shift", each(WHOLE), torch.bitwise_left_shift)
samples("right_shift", each(WHOLE), torch.bitwise_right_shift)

MASKS = [(x, numpy.asarray(integers(numpy.shape(x), 0, 2) > 0), y) for x, y in pairs() if isinstance(x, numpy.ndarray)]
samples(
    "where",
    each([*MASKS, (1.0, numpy.array([[True], [False]]), reals((3,))), (reals((3,)), numpy.array(True), 2.0)]),
    lambda x, c, y: torch.where(c, x, y),
)
samples("lerp", each([(x, y, w) for x, y in pairs() if isinstance(x, numpy.ndarray) and isinstance(y, numpy.ndarray) for w in (0.3, 0.8)]
                     + [(reals((2, 3)), reals((3,)), reals((2, 1), 0.1, 0.9)), (reals((2, 3)), reals((2, 3), -1.0, 1.0), reals((), 0.6, 0.9))]))  # fmt: skip
TRIPLES = [(reals((2, 3)), reals((2, 3), -1.0, 1.0), reals((2, 3), 0.5, 2.0)), (reals((2, 1)), reals((3,)), reals((), 0.5, 2.0)),
           (reals((0, 3)), reals((3,)), reals((1, 3), 0.5, 2.0)), (transposed((2, 3)), repeated((2, 3)), with_holes((2, 3), 0.5, 2.0))]  # fmt: skip
for name in ("addcmul", "addcdiv"):
    function = getattr(torch, name)
    samples(
        name,
        [s for value in (1, -0.5, 3) for s in each(TRIPLES, value)],
        lambda x, y, z, value, f=function: f(x, y, z, value=value),
    )


# -------------------------------------------------------------------------------------------------- Fourier transforms


def norm_of(inverse, power):
    return "ortho" if power == 0.5 else ("backward", "forward")[power ^ inverse]


TRANSFORMED = [((0,), 0), ((1,), 1), ((1, 0), 0.5), ((0, 2), 0), ((2, 0, 1), 1), ((2,), 0.5)]
samples("fft", [((x + 1j * numpy.cos(5 * x),), (dims, inverse, power)) for x in (reals((2, 3, 4)), transposed((2, 5, 3)), with_holes((2, 3, 1)))
                for dims, power in TRANSFORMED for inverse in (False, True)],
        lambda x, dims, inverse, power: (torch.fft.ifftn if inverse else torch.fft.fftn)(x, dim=dims, norm=norm_of(inverse, power)))  # fmt: skip
samples("rfft", [((x,), (dims, power)) for x in (reals((2, 3, 4)), transposed((3, 5, 2)), with_holes((2, 1, 3))) for dims, power in TRANSFORMED],
        lambda x, dims, power: torch.fft.rfftn(x, dim=dims, norm=norm_of(False, power)))  # fmt: skip
samples("irfft", [((x + 1j * numpy.cos(5 * x),), (dims, 2 * x.shape[dims[-1]] - odd, power)) for x in (reals((2, 3, 4)), transposed((3, 2, 5)))
                  for dims, power in TRANSFORMED for odd in (1, 2)],
        lambda x, dims, n, power: torch.fft.irfftn(x, s=[*(x.shape[d] for d in dims[:-1]), n], dim=dims, norm=norm_of(True, power)))  # fmt: skip


# ----------------------------------------------------------------------------------------------------- complex numbers

samples("conj", each([*complexes(), *layouts()]), torch.conj_physical)
samples("magnitude", each(complexes()), torch.abs)
samples("sgn", each(complexes()))
samples("angle", each(complexes()))
samples("half_turn", each(layouts()), torch.angle)
samples("complex", each([pair for pair in pairs() if all(isinstance(x, numpy.ndarray) for x in pair)]))
samples("view_as_real", each(complexes()), lambda x: torch.stack([x.real, x.imag], -1))
samples("view_as_complex", each([reals((3, 2)), reals((2,)), reals((0, 2)), transposed((2, 3, 4))[..., :2], with_holes((3, 4))[:, :2]]),
        lambda x: torch.complex(x[..., 0], x[..., 1]))  # fmt: skip

# ---------------------------------------------------------------------------------------------------------- reductions

CUBES = [reals((2, 3, 4)), transposed((2, 3, 4)), with_holes((2, 3, 4)), repeated((2, 3, 4))]
OVER = [
    ((x,), (dims, keepdim)) for x in CUBES for dims in ((0,), (1, 2), (0, 2), (0, 1, 2)) for keepdim in (False, True)
]
OVER += [((reals(()),), ((), False)), ((reals(()),), ((), True)), ((reals((1,)),), ((0,), False))]
NOTHING = [((reals((0, 3)),), ((0,), False)), ((reals((2, 0)),), ((0, 1), False)), ((reals((0,)),), ((0,), True))]
KEPT = [((reals((0, 3)),), ((1,), False)), ((reals((2, 0)),), ((0,), True))]
ALONG = [((x,), (dim, keepdim)) for x in CUBES for dim in (0, 1, 2) for keepdim in (False, True)]


def over(function):
    """A reduction over a tuple of dims, where PyTorch takes the empty one as all."""
    return lambda x, dims, keepdim: function(x, dims, keepdim) if dims else function(x, (), keepdim)


for name in ("sum", "mean"):
    samples(name, OVER + NOTHING + KEPT, over(getattr(torch, name)))
for name in ("amax", "amin"):
    ties = [((numpy.array([[1.0, 3.0, 3.0], [3.0, 0.0, -1.0]]),), (dims, False)) for dims in ((0,), (1,), (0, 1))]
    samples(name, OVER + KEPT + ties, over(getattr(torch, name)))
for name in ("any", "all"):
    flags = [((numpy.asarray(numpy.round(x[0])),), params) for x, params in OVER + NOTHING + KEPT]
    function = getattr(torch, name)
    samples(name, flags, lambda x, dims, keepdim, f=function: (f(x, dims, keepdim) if dims else f(x)).bool())
zeros = [
    ((numpy.array(x),), (1, False))
    for x in ([[2.0, 0.0, 3.0]], [[0.0, 0.0, 3.0]], [[0.0, 0.0, 0.0]], [[1.0, 2.0, 3.0]])
]
samples("prod", ALONG + zeros + [((reals((2, 0)),), (1, False)), ((reals((0, 2)),), (1, True))])
WHOLLY = [
    ((x,), (None, False))
    for x in (*CUBES, reals(()), numpy.array([1.0, 2.0, 2.0]), numpy.array([1.0, numpy.nan, 2.0, numpy.nan]))
]
for name in ("argmax", "argmin"):
    samples(name, ALONG + WHOLLY)
SCANS = [((x,), (dim,)) for x in CUBES for dim in (0, 1, 2)] + [
    ((reals((0, 2)),), (0,)),
    ((reals((2, 0)),), (0,)),
    ((reals((1,)),), (0,)),
]
samples("cumsum", SCANS)
samples("softmax", [((x,), (dim,)) for x in CUBES for dim in (0, 1, 2)] + [((reals((1,)),), (0,))])
samples("log_softmax", [((x,), (dim,)) for x in CUBES for dim in (0, 1, 2)] + [((reals((1,)),), (0,))])
BACK_ALONG = [((reals(x.shape), x), (dim,)) for x in CUBES for dim in (0, 1, 2)] + [((reals((1,)), reals((1,))), (0,))]
samples("softmax_grad", BACK_ALONG, lambda x, y, dim: torch.ops.aten._softmax_backward_data(x, y, dim, x.dtype))
samples("log_softmax_grad", BACK_ALONG, lambda x, y, dim: torch.ops.aten._log_softmax_backward_data(x, y, dim, x.dtype))
samples("cumprod", SCANS + [((x,), (1,)) for (x,), _ in zeros])
samples("logcumsumexp", SCANS + [((reals((4,), -400.0, 400.0),), (0,))])
samples("squared_error_mean", each([(x, y) for x, y in pairs() if numpy.shape(x) == numpy.shape(y)]), F.mse_loss)


# ------------------------------------------------------------------------------------------------------------ movement

samples(
    "reshape",
    [((x,), (shape,)) for x in CUBES for shape in ((24,), (4, 6), (2, 1, 3, 4), (1, 24, 1))]
    + [((reals(()),), ((1, 1),)), ((reals((1,)),), ((),)), ((reals((0, 3)),), ((3, 0),))],
    torch.reshape,
)
samples(
    "permute",
    [((x,), (dims,)) for x in CUBES for dims in ((2, 0, 1), (1, 0, 2), (0, 1, 2))]
    + [((reals(()),), ((),)), ((reals((0, 3)),), ((1, 0),))],
)
samples("move", each(layouts(), minitorch.device("cpu"), minitorch.device("cpu")), lambda x, device, before: x.to(device.type, copy=True))
samples("expand", [((reals((3, 1)),), ((3, 4),)), ((reals((3, 1)),), ((2, 3, 1),)), ((reals(()),), ((2, 3),)), ((reals((1, 0)),), ((5, 0),)), ((reals((1, 3)).T,), ((3, 2),)),
                   ((reals((2, 3)),), ((2, 3),)), ((reals((1,)),), ((0,),)), ((with_holes((2, 1, 3)),), ((2, 2, 2, 3),))], lambda x, shape: x.expand(shape))  # fmt: skip
KEYS = [
    (1,),
    ((0, 2, 1), 2),
    ((0, 2, 2), (1, 3, 1), 0),
    (None, 1, None),
    ((0, 0, 1),),
    ((1, 2, 3), None, (0, 3, 2), (3, 4, 1)),
    (1, 2, 3),
    (),
]
samples("slice", [((x,), (key,)) for x in CUBES for key in KEYS] + [((reals(()),), ((None,),)), ((reals(()),), ((),))],
        lambda x, key: x[tuple(slice(*entry) if isinstance(entry, tuple) else entry for entry in key)])  # fmt: skip
samples(
    "diagonal",
    [((x,), (offset, *dims)) for x in CUBES for offset in (0, 1, -1) for dims in ((0, 1), (2, 0), (1, 2))]
    + [((reals((2, 2)),), (5, 0, 1)), ((reals((0, 2)),), (0, 0, 1))],
)
samples(
    "unfold",
    [
        ((x,), (dim, size, step))
        for x in CUBES
        for dim, size, step in ((0, 2, 1), (1, 2, 1), (2, 2, 2), (2, 3, 1), (2, 4, 5), (1, 1, 2))
    ],
    lambda x, dim, size, step: x.unfold(dim, size, step),
)


def fold_windows(x, shape, dim, size, step):
    places = torch.arange(shape[dim]).unfold(0, size, step).reshape(-1)
    return torch.zeros(shape, dtype=x.dtype).index_add(dim, places, x.movedim(-1, dim + 1).flatten(dim, dim + 1))


samples(
    "fold_windows",
    [
        ((reals((2, 3, 2)),), ((2, 4), 1, 2, 1)),
        ((reals((2, 4, 3)),), ((5, 4), 0, 3, 2)),
        ((transposed((2, 2, 2)),), ((2, 5), 1, 2, 3)),
    ],
    fold_windows,
)

TABLE = primitives.TABLE
PATHS = [((TABLE["slice"], ((1,),)),), ((TABLE["permute"], ((1, 0),)), (TABLE["slice"], (((0, 4, 2), 0),))), ((TABLE["reshape"], ((12,),)), (TABLE["unfold"], (0, 3, 3))),
         ((TABLE["diagonal"], (1, 0, 1)),), ((TABLE["slice"], (((0, 0, 1),),)),)]  # fmt: skip


def follow(x, path):
    for row, params in path:
        x = REFERENCES[row.name](x, *params)
    return x


def replaced(x, y, path):
    x = x.contiguous().clone()
    follow(x, path).copy_(y)
    return x


def shape_at(path):
    return tuple(follow(torch.zeros(3, 4), path).shape)


samples(
    "embed",
    [((reals(shape_at(path)),), ((3, 4), path)) for path in PATHS],
    lambda x, shape, path: replaced(torch.zeros(shape, dtype=x.dtype), x, path),
)
samples(
    "write",
    [((x, reals(shape_at(path), 5.0, 6.0)), (path,)) for path in PATHS for x in (reals((3, 4)), transposed((3, 4)))],
    replaced,
)
samples("detach", each(layouts()))
samples("contiguous", each(layouts()), lambda x: x.contiguous())
samples(
    "flip",
    [((x,), (dims,)) for x in CUBES for dims in ((0,), (1, 2), (0, 1, 2), ())]
    + [((reals(()),), ((),)), ((reals((0, 2)),), ((0, 1),))],
)
samples(
    "roll",
    [((x,), (shifts, dims)) for x in CUBES for shifts, dims in (((1,), (0,)), ((-2, 5), (1, 2)), ((1, 1), (0, 0)))]
    + [((reals((0, 2)),), ((1,), (0,)))],
)
WIDTHS = [((1, 2), (0, 0)), ((0, 1), (3, 0)), ((0, 0), (0, 0))]
samples("pad", [((x,), (widths, value)) for x in (reals((2, 3)), transposed((2, 3)), reals((0, 3))) for widths in WIDTHS for value in (0, 1.5)],
        lambda x, widths, value: F.pad(x, [n for pair in reversed(widths) for n in pair], value=value))  # fmt: skip
for name in ("tril", "triu"):
    samples(name, [((x,), (k,)) for x in (*CUBES, reals((0, 3)), reals((3, 3))) for k in (0, 1, -1, 5)])


# ------------------------------------------------------------------------------------------------------------ indexing


def key_of(indices, dims):
    key = [slice(None)] * (max(dims) + 1)
    for d, i in zip(dims, indices, strict=True):
        key[d] = i
    return tuple(key)


def put(x, y, *rest):
    *indices, dims, accumulate = rest
    x = x.clone()
    if accumulate:
        places = torch.arange(x.numel()).reshape(x.shape)[key_of(indices, dims)]
        return x.reshape(-1).index_add(0, places.reshape(-1), y.expand(places.shape).reshape(-1)).reshape(x.shape)
    x[key_of(indices, dims)] = y
    return x


I2, I3, I22 = numpy.array([1, 0]), numpy.array([2, 0, 2]), numpy.array([[0, 1], [2, -1]])
PLACES = [
    ((I2,), (0,)),
    ((I22,), (1,)),
    ((I3,), (2,)),
    ((I2, numpy.array([0, -2])), (0, 1)),
    ((I2, I3[:2]), (0, 2)),
    ((I2[:, None], I3), (1, 2)),
    ((numpy.array([], numpy.int64),), (1,)),
]
samples(
    "index",
    [((x, *indices), (dims,)) for x in CUBES for indices, dims in PLACES],
    lambda x, *rest: x[key_of(rest[:-1], rest[-1])],
)
WRITTEN = [
    ((x, reals(numpy.shape(x[key_of(i, d)])), *i), (d, a))
    for x in CUBES[:2]
    for i, d in PLACES
    if i is not PLACES[1][0]
    for a in (False, True)
    if a or d != (2,)
]
WRITTEN += [((reals((2, 3, 4)), reals(()), I2), ((0,), a)) for a in (False, True)] + [
    ((reals((2, 3, 4)), reals((4,)), I22), ((1,), True)),
    ((reals((4,)), reals((3,)), I3), ((0,), True)),
]
samples("index_put", WRITTEN, put)
GATHERED = [(0, (1, 3, 4), 2), (1, (2, 2, 4), 3), (2, (2, 3, 6), 4), (2, (1, 2, 3), 4), (1, (2, 0, 4), 3)]
samples("gather", [((x, integers(shape, 0, n)), (dim,)) for x in CUBES for dim, shape, n in GATHERED] + [((reals(()), numpy.array(0)), (0,)), ((reals((3,)), numpy.array([2, 2, 0, 1])), (0,))],
        lambda x, index, dim: torch.gather(x, dim, index))  # fmt: skip
ONCE = [
    (0, numpy.array([[[1, 0, 1, 0]] * 3])),
    (2, numpy.array([[[3, 0], [1, 2]]])),
    (1, numpy.array([[[2, 1, 0, 2], [0, 2, 1, 1]]])),
]
samples("scatter", [((x, index, reals(index.shape, 5.0, 6.0)), (dim,)) for x in CUBES for dim, index in ONCE] + [((reals((3,)), numpy.array([2, 0]), reals((4,))), (0,))],
        lambda x, index, y, dim: torch.scatter(x, dim, index, y))  # fmt: skip
samples("scatter_add", [((x, integers(shape, 0, n), reals(shape, 5.0, 6.0)), (dim,)) for x in CUBES for dim, shape, n in GATHERED] + [((reals((3,)), numpy.array([2, 0, 2]), reals((4,))), (0,))],
        lambda x, index, y, dim: torch.scatter_add(x, dim, index, y))  # fmt: skip
samples("scatter_reduce", [((x, integers(shape, 0, n), reals(shape, 0.5, 2.0)), (dim, reduce)) for x in CUBES for dim, shape, n in GATHERED for reduce in ("prod", "amax", "amin")]
        + [((numpy.array([0.0, 1.0, 2.0]), numpy.array([2, 0, 2, 1, 1, 0]), numpy.array([0.0, 3.0, 2.0, 0.0, 4.0, 3.0])), (0, reduce)) for reduce in ("prod", "amax", "amin")],
        lambda x, index, y, dim, reduce: torch.scatter_reduce(x, dim, index, y, reduce))  # fmt: skip


def picked(x, index, dim, ignored, average):
    kept = index != ignored
    found = -x.gather(dim, torch.where(kept, index, 0).unsqueeze(dim)).squeeze(dim)
    found = torch.where(kept, found, 0)
    return found.sum() / kept.sum() if average else found


def unpicked(x, index, shape, dim, ignored, average):
    kept = index != ignored
    x = -x / kept.sum() if average else -x
    places, found = torch.where(kept, index, 0).unsqueeze(dim), torch.where(kept, x, 0).unsqueeze(dim)
    return torch.zeros(shape, dtype=x.dtype).scatter(dim, places, found)


CLASSES = [
    ((4, 3), (4,), 1, -100),
    ((4, 3), (4,), 1, 0),
    ((3,), (), 0, -100),
    ((2, 3, 4, 2), (2, 4, 2), 1, 1),
    ((0, 3), (0,), 1, -100),
]
samples(
    "nll",
    [((reals(x), integers(i, 0, x[dim])), (dim, ignored, average)) for x, i, dim, ignored in CLASSES for average in (False, True)]
    + [((reals((3, 2)), numpy.array([1, -100, 0])), (1, -100, average)) for average in (False, True)],
    picked,
)
samples(
    "nll_grad",
    [((reals(() if average else i), integers(i, 0, x[dim])), (x, dim, ignored, average)) for x, i, dim, ignored in CLASSES for average in (False, True)],
    unpicked,
)
TIED = [
    numpy.array([3.0, 1.0, 3.0, 1.0]),
    numpy.array([numpy.nan, 1.0, -numpy.inf, numpy.nan, 0.0]),
    reals(()),
    reals((0,)),
    reals((1,)),
]
samples("argsort", [((x,), (dim, d)) for x in CUBES for dim in (0, 2) for d in (False, True)] + [((x,), (0, d)) for x in TIED for d in (False, True)],
        lambda x, dim, descending: torch.sort(x, dim=dim, descending=descending, stable=True).indices)  # fmt: skip
NEAR = [(reals((40, 33)), reals((50, 33))), (reals((2, 5, 3)), reals((2, 4, 3))), (reals((1, 2)), reals((3, 2)))]
samples("distances", each(NEAR), lambda x, y: torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist"))
samples("distances_pull", [((reals((*x.shape[:-1], y.shape[-2])), x, y), ()) for x, y in NEAR],
        lambda w, x, y: (w[..., None] * (x[..., :, None, :] - y[..., None, :, :])).sum(-2))  # fmt: skip
samples("topk_places", [((x,), (k, dim, largest, in_order)) for x in (*CUBES, *TIED[:2]) for k, dim in ((1, 0), (2, -1)) for largest in (False, True)
        for in_order in (False, True)], lambda x, k, dim, largest, in_order: torch.topk(x, k, dim, largest, in_order).indices)  # fmt: skip
samples(
    "nonzero",
    each([numpy.asarray(numpy.round(x)) for x in (*CUBES, reals((4,)), reals(()), numpy.array(0.0), reals((0, 2)))]),
)
ORDERED = numpy.array([1.0, 2.0, 2.0, 4.0])
samples("searchsorted", [((ORDERED, x), (right,)) for x in (numpy.array([0.0, 2.0, 5.0, 4.0, numpy.nan]), numpy.array(2.0), reals((2, 2), 0.0, 5.0)) for right in (False, True)]
        + [((numpy.sort(reals((2, 4))), reals((2, 3))), (False,))], lambda x, values, right: torch.searchsorted(x, values, right=right))  # fmt: skip
samples(
    "bincount",
    [((x,), (size,)) for x in (integers((9,), 0, 5), integers((0,), 0, 5)) for size in (0, 7)],
    lambda x, size: torch.bincount(x, minlength=size),
)
samples(
    "bag_numbers",
    [((x,), (count, 6)) for x, count in ((numpy.array([0, 2, 2, 5]), 4), (numpy.array([0, 6]), 1), (numpy.array([0]), 1))],
    lambda x, count, n: (x[:count, None] <= torch.arange(n)).sum(0) - 1,
)


# ------------------------------------------------------------------------------------------------- convolution, pooling


def convolution(x, weight, *rest):
    *bias, (stride, padding, dilation, groups) = rest
    x = F.pad(x, [n for pair in reversed(padding) for n in pair])
    function = (F.conv1d, F.conv2d, F.conv3d)[weight.ndim - 3]
    return function(x, weight, bias[0] if bias else None, stride, 0, dilation, groups)


def convolution_input_grad(g, weight, shape, geometry):
    x = torch.zeros(shape, dtype=g.dtype, requires_grad=True)
    with torch.enable_grad():
        return torch.autograd.grad(convolution(x, weight.conj(), geometry), x, g, create_graph=True)[0]


def convolution_weight_grad(x, g, shape, geometry):
    weight = torch.zeros(shape, dtype=g.dtype, requires_grad=True)
    with torch.enable_grad():
        return torch.autograd.grad(convolution(x.conj(), weight, geometry), weight, g, create_graph=True)[0]


CONVOLUTIONS = [
    ((2, 3, 5), (4, 3, 2), ((1,), ((0, 0),), (1,), 1)), ((1, 4, 7), (6, 2, 3), ((2,), ((1, 2),), (2,), 2)),
    ((2, 3, 5, 6), (4, 3, 3, 2), ((1, 1), ((1, 1), (0, 0)), (1, 1), 1)), ((2, 4, 6, 5), (4, 1, 3, 3), ((2, 1), ((1, 1), (2, 0)), (1, 2), 4)),
    ((1, 2, 3, 4, 3), (2, 1, 2, 2, 1), ((1, 2, 1), ((0, 1), (1, 1), (0, 0)), (1, 1, 1), 2)), ((2, 2, 1, 1), (3, 2, 1, 1), ((1, 1), ((0, 0), (0, 0)), (1, 1), 1)),
]  # fmt: skip


def image(shape, seed=0):
    return reals(shape, -1.0, 1.0, seed)


def convolved(x, weight, geometry):
    return tuple(convolution(torch.zeros(x), torch.zeros(weight), geometry).shape)


samples("conv", [((image(x), image(w), *bias), (geometry,)) for x, w, geometry in CONVOLUTIONS for bias in ((), (image(w[:1]),))]
        + [((transposed((2, 3, 5)), transposed((4, 3, 2)), with_holes((4,))), (CONVOLUTIONS[0][2],))], convolution)  # fmt: skip
samples(
    "conv_input_grad",
    [((image(convolved(x, w, g), 1), image(w)), (x, g)) for x, w, g in CONVOLUTIONS],
    convolution_input_grad,
)
samples(
    "conv_weight_grad",
    [((image(x), image(convolved(x, w, g), 1)), (w, g)) for x, w, g in CONVOLUTIONS],
    convolution_weight_grad,
)

# (shape, (kernel, stride, padding, dilation, positions))
WINDOWS = [((2, 3, 7), ((2,), (2,), (0,), (1,), (3,))), ((2, 6, 5), ((3, 2), (2, 1), (1, 0), (1, 1), (3, 4))), ((1, 2, 4, 4), ((2, 2), (2, 2), (0, 0), (1, 1), (2, 2))),
           ((2, 3, 4, 4), ((2, 2, 2), (1, 2, 1), (0, 1, 0), (1, 1, 1), (2, 3, 3)))]  # fmt: skip
POOLS = (F.max_pool1d, F.max_pool2d, F.max_pool3d)


def mean_of_windows(x, geometry, counts):
    kernel, stride, padding, _, _ = geometry
    function = (F.avg_pool1d, F.avg_pool2d, F.avg_pool3d)[len(kernel) - 1]
    lead = x.shape[: x.ndim - len(kernel)]
    out = function(x.reshape(1, -1, *x.shape[x.ndim - len(kernel) :]), kernel, stride, padding)
    return out.reshape(*lead, *out.shape[2:]) * (numpy.prod(kernel) / counts)


def mean_of_windows_grad(g, shape, geometry, counts):
    x = torch.zeros(shape, dtype=g.dtype, requires_grad=True)
    with torch.enable_grad():
        return torch.autograd.grad(mean_of_windows(x, geometry, counts), x, g, create_graph=True)[0]


def largest_places(x, geometry):
    kernel, stride, padding, dilation, _ = geometry
    n = len(kernel)
    flat = x.reshape(1, -1, *x.shape[x.ndim - n :])
    index = POOLS[n - 1](flat, kernel, stride, padding, dilation, return_indices=True)[1]
    return index.reshape(*x.shape[: x.ndim - n], *index.shape[2:])


def taken(x, index, dims, _overlap):
    return x.flatten(-dims).gather(-1, index.flatten(-dims)).reshape(index.shape)


def returned(g, index, shape, dims, _overlap):
    return (
        torch.zeros(shape, dtype=g.dtype)
        .flatten(-dims)
        .scatter_add(-1, index.flatten(-dims), g.flatten(-dims))
        .reshape(shape)
    )


samples("max_pool_index", [((image(shape),), (geometry,)) for shape, geometry in WINDOWS], largest_places)
SPOTS = [((2, 3, 5), (2, 3, 4), 1), ((2, 4, 3), (2, 2, 2), 2), ((3, 2, 2, 2), (3, 1, 2, 1), 3)]
samples("pool_gather", [((image(s), integers(i, 0, int(numpy.prod(s[-n:])))), (n, True)) for s, i, n in SPOTS], taken)
samples(
    "pool_scatter", [((image(i), integers(i, 0, int(numpy.prod(s[-n:])))), (s, n, True)) for s, i, n in SPOTS], returned
)
samples(
    "avg_pool",
    [
        ((image(shape),), (geometry, counts))
        for shape, geometry in WINDOWS
        for counts in (1, 3, int(numpy.prod(geometry[0])))
    ],
    mean_of_windows,
)
samples(
    "avg_pool_grad",
    [((image((*s[: len(s) - len(g[0])], *g[-1]), 1),), (s, g, c)) for s, g in WINDOWS for c in (1, 4)],
    mean_of_windows_grad,
)


# ------------------------------------------------------------------------------------------- contraction, joining, creation

PRODUCTS = [
    ((2, 3), (3, 4)),
    ((2, 3, 4), (2, 4, 2)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((2, 3), (5, 3, 2)),
    ((0, 3), (3, 2)),
    ((2, 0), (0, 3)),
    ((1, 1), (1, 1)),
    ((3, 0, 2), (3, 2, 2)),
]
samples(
    "matmul",
    each(
        [(reals(a), reals(b, -1.0, 1.0)) for a, b in PRODUCTS]
        + [
            (transposed((2, 3)), transposed((3, 4))),
            (with_holes((2, 3)), repeated((3, 4))),
            (repeated((2, 3, 4)), transposed((2, 4, 2))),
        ]
    ),
)
LINEAR = [
    ((2, 3), (4, 3), (4,)),
    ((5, 2, 3), (4, 3), (4,)),
    ((0, 3), (4, 3), (4,)),
    ((3,), (4, 3), (4,)),
    ((2, 0), (4, 0), (4,)),
    ((1, 1), (1, 1), (1,)),
]
LAYERS = [tuple(reals(shape, -1.0, 1.0) for shape in shapes) for shapes in LINEAR] + [
    (transposed((2, 3)), transposed((4, 3)), with_holes((4,))),
    (transposed((5, 2, 3)), repeated((4, 3)), reals((4,))),
]
samples("linear", each(LAYERS) + each([(x, w) for x, w, _ in LAYERS]), F.linear)
JOINED = [
    ((reals((2, 3)), reals((1, 3)), transposed((4, 3))), 0),
    ((with_holes((2, 3)), reals((2, 1)), reals((2, 0))), 1),
    ((reals((2, 3, 1)),), 2),
    ((reals((0, 2)), reals((0, 3))), 1),
]
samples("cat", [(tensors, (dim,)) for tensors, dim in JOINED], lambda *rest: torch.cat(rest[:-1], rest[-1]))
samples(
    "stack",
    [((reals((2, 3)), transposed((2, 3)), repeated((2, 3))), (dim,)) for dim in (0, 1, 2)]
    + [((reals(()), reals((), 3.0, 4.0)), (0,)), ((reals((0, 2)),), (1,))],
    lambda *rest: torch.stack(rest[:-1], rest[-1]),
)

DTYPES = (
    minitorch.float32,
    minitorch.float64,
    minitorch.float16,
    minitorch.bfloat16,
    minitorch.int64,
    minitorch.int8,
    minitorch.uint8,
    minitorch.bool,
)
samples("full", [((), (shape, value, dtype)) for shape in ((2, 3), (), (0,)) for value in (0, 1, 3) for dtype in DTYPES] + [((), ((2,), value, minitorch.float32)) for value in (-0.0, 2.5, float("inf"))],
        lambda shape, value, dtype: torch.full(shape, value, dtype=getattr(torch, dtype.name)))  # fmt: skip
samples("arange", [((), (start, step, count, dtype)) for start, step, count in ((0, 1, 5), (3, -2, 4), (0, 1, 0), (2, 7, 1)) for dtype in DTYPES[:7] if start == 0 or dtype.is_signed]
        + [((), (0.5, 0.1, 7, dtype)) for dtype in DTYPES[:2]],
        lambda start, step, count, dtype: torch.arange(start, start + step * (count if dtype.category == 1 or step.__class__ is int else count - 0.5), step, dtype=getattr(torch, dtype.name)))  # fmt: skip
samples(
    "empty",
    [((), (shape, dtype)) for shape in ((2, 3), (), (0,)) for dtype in DTYPES],
    lambda shape, dtype: torch.empty(shape, dtype=getattr(torch, dtype.name)),
)


# -------------------------------------------------------------------------------------------------- special functions

for name in ("digamma", "lgamma", "erfcx", "i0", "i0e", "i1", "i1e", "log_ndtr"):
    samples(name, each(layouts(0.3, 3.0) + layouts(-2.7, -2.3)), getattr(torch.special, name.replace("lgamma", "gammaln")))
samples("erfinv", each(layouts(-0.9, 0.9)))
samples("ndtri", each(layouts(0.1, 0.9)), torch.special.ndtri)
samples("entr", each(layouts(0.2, 3.0)), torch.special.entr)
samples("polygamma", [s for n in range(4) for s in each(layouts(0.3, 3.0), n)], lambda x, n: torch.polygamma(n, x))
SHARES = [pair for pair in pairs((0.3, 3.0), (0.3, 3.0)) if all(isinstance(x, numpy.ndarray) for x in pair)]
for name in ("xlogy", "xlog1py"):
    at_zero = numpy.array([0.0, 0.0, 1.0]), numpy.array([-1.5, 0.5, 0.7])
    samples(name, each([*SHARES, at_zero]), getattr(torch.special, name))
for name in ("igamma", "igammac"):
    samples(name, each(SHARES))
samples("zeta", each(pairs((1.2, 5.0), (0.3, 3.0))), torch.special.zeta)
UNDERIVED = {"igamma": 1, "igammac": 1, "zeta": 1}
"""The inputs, as a set of bits, whose derivative neither library has: asking for it raises."""
for name in ("airy_ai", "modified_bessel_i0", "modified_bessel_i1", "spherical_bessel_j0"):
    samples(name, each(layouts(-12.0, 12.0)), getattr(torch.special, name))


def exactly(function):
    """A function of mpmath's, of tensors."""
    each_one = numpy.vectorize(lambda x: float(function(float(x))), otypes=[float])

    def exact(x):
        if x.is_complex():
            raise NotImplementedError("of real numbers only")
        values = numpy.asarray(each_one(x.float() if x.itemsize < 4 else x))
        return torch.from_numpy(values).to(x.dtype if x.is_floating_point() else torch.float32)

    return exact


# of these PyTorch's float64 is right to six digits only
samples("bessel_j0", each(layouts(-12.0, 12.0)), exactly(lambda x: mpmath.besselj(0, x)))
samples("bessel_j1", each(layouts(-12.0, 12.0)), exactly(lambda x: mpmath.besselj(1, x)))
samples("bessel_y0", each(layouts(0.1, 12.0)), exactly(lambda x: mpmath.bessely(0, x) if x > 0 else -math.inf if x == 0 else math.nan))
samples("bessel_y1", each(layouts(0.1, 12.0)), exactly(lambda x: mpmath.bessely(1, x) if x > 0 else -math.inf if x == 0 else math.nan))
for name in ("modified_bessel_k0", "modified_bessel_k1", "scaled_modified_bessel_k0", "scaled_modified_bessel_k1"):
    samples(name, each(layouts(0.1, 12.0)), getattr(torch.special, name))
DEGREES = [(x, numpy.asarray(integers(x.shape, -1, 12) * 1.0)) for x in layouts(-1.5, 1.5)]
for name in special.__all__:
    if "polynomial" in name:
        samples(name, each([*DEGREES, (reals((3,)), 4.0), (0.5, reals((3,), 0.0, 9.0))]), getattr(torch.special, name))


# ------------------------------------------------------------------------------------------------- memory and numbers

OWN = [(reals((3, 4)), ((4, 1), 0)), (reals((12,)), ((1,), 0))]
SEEN = [((2, 2), (1, 5), 3), ((12,), (1,), 0), ((3, 3, 2), (2, 1, 3), 1), ((), (), 7), ((4, 3), (0, 2), 2), ((0, 3), (1, 1), 0)]
samples("alias", each(layouts()), torch.Tensor)
samples("as_strided", [((x,), (*seen, own)) for x, own in OWN for seen in SEEN], lambda x, shape, strides, offset, _own: x.as_strided(shape, strides, offset))
for name in ("gcd", "lcm"):
    samples(name, each(WHOLE[:3]))
samples("mantissa", each([*layouts(0.2, 9.0), *layouts(-9.0, -0.2)]), lambda x: torch.frexp(x)[0])
samples("exponent", each([*layouts(0.2, 9.0), *layouts(-9.0, -0.2)]), lambda x: torch.frexp(x)[1])
samples("nextafter", each([pair for pair in pairs() if all(isinstance(x, numpy.ndarray) for x in pair)] + [(reals((3,)), reals((3,)))]))
# ---------------------------------------------------------------------------------------------- other sizes, alignments

RESIZED = {"nearest": "nearest", "nearest-exact": "nearest-exact", "cubic": "bicubic", "smooth linear": "bilinear", "smooth cubic": "bicubic"}


def resized(x, plans, back):
    """The last dims of x at another size; the way back is the gradient of that."""
    shape = (*x.shape[: x.ndim - len(plans)], *[plan[1] for plan in plans])
    if back:
        start = torch.zeros(shape, dtype=x.dtype, requires_grad=True)
        with torch.enable_grad():
            return torch.autograd.grad(resized(start, plans, False), start, x, create_graph=True)[0]
    kind, _, _, scale, align = plans[0]
    mode = ("linear", "bilinear", "trilinear")[len(plans) - 1] if kind == "linear" else RESIZED[kind]
    scales = None if scale is None else [plan[3] for plan in plans]
    how = {} if "nearest" in kind else {"align_corners": align, "antialias": "smooth" in kind}
    wanted = [plan[2] for plan in plans]
    return F.interpolate(x, None if scales else wanted, scales, mode, **how)


PLANS = [
    [("nearest", 3, 6, None, False)], [("nearest", 5, 3, None, False), ("nearest", 4, 7, None, False)], [("nearest-exact", 4, 3, None, False)], [("linear", 4, 7, None, True)],
    [("linear", 3, 5, 1.7, False), ("linear", 4, 2, 0.6, False)], [("linear", 2, 3, None, False)] * 3, [("cubic", 4, 7, None, False), ("cubic", 5, 3, None, False)],
    [("smooth linear", 5, 2, None, False), ("smooth linear", 4, 6, None, False)], [("smooth cubic", 7, 3, None, False), ("smooth cubic", 4, 4, None, False)],
]  # fmt: skip
samples("resample", [((layout((2, 3, *[plan[2 if back else 1] for plan in plans])),), (tuple(plans), back))
                     for plans in PLANS for back in (False, True) for layout in (reals, transposed, with_holes)], resized)  # fmt: skip

FRAMES = [(1, (3, 2, 4), 2), (2, (6, 3, 5), 3), (3, (4, 1, 3), 1), (4, (5, 2, 3), 0)]
SPELLED = [
    (numpy.log(softmax), 1 + integers((n, longest), 0, classes - 1, seed), integers((n,), 0, frames + 1, seed), integers((n,), 0, longest + 1, seed))
    for seed, (frames, n, classes), longest in FRAMES
    for softmax in [numpy.exp(x) / numpy.exp(x).sum(-1, keepdims=True) for x in [reals((frames, n, classes))]]
]  # fmt: skip
samples("ctc_loss", [(x, (0, zero_infinity)) for x in SPELLED for zero_infinity in (False, True)],
        lambda x, t, m, n, blank, zero_infinity: torch.ctc_loss(x, t, m, n, blank, 0, zero_infinity))  # fmt: skip


def spelled_grad(g, x, targets, m, n, blank, zero_infinity):
    x = x.detach().requires_grad_()
    with torch.enable_grad():
        return torch.autograd.grad(torch.ctc_loss(x, targets, m, n, blank, 0, zero_infinity), x, g)[0]


samples("ctc_loss_grad", [((reals((len(x[2]),)), *x), (0, zero_infinity)) for x in SPELLED for zero_infinity in (False, True)], spelled_grad)
UNDERIVED["ctc_loss"], UNDERIVED["ctc_loss_grad"] = 1, 3  # test_alignment.py tests the first gradient; there is no second


# -------------------------------------------------------------------------------------------------------------- random

DRAWS = [(3,), (2, 40), (0,), ()]
PROGRAMS["uniform"] = [lambda t, s=s: (t.rand(s), t.empty(s, dtype=t.float64).uniform_(-1, 2)) for s in DRAWS]
PROGRAMS["normal"] = [lambda t, s=s: (t.randn(s), t.empty(s).normal_(2, 3)) for s in DRAWS]
PROGRAMS["log_normal"] = [lambda t, s=s: t.empty(s).log_normal_(0.5, 0.25) for s in DRAWS]
PROGRAMS["exponential"] = [lambda t, s=s: t.empty(s).exponential_(2.0) for s in DRAWS]
PROGRAMS["cauchy"] = [lambda t, s=s: t.empty(s, dtype=t.float64).cauchy_(1.0, 2.0) for s in DRAWS]
PROGRAMS["bernoulli"] = [lambda t, s=s: t.empty(s).bernoulli_(0.3) for s in DRAWS]
PROGRAMS["geometric"] = [lambda t, s=s: t.empty(s).geometric_(0.3) for s in DRAWS]
PROGRAMS["random"] = [lambda t, s=s: (t.randint(2, 9, s), t.empty(s, dtype=t.int64).random_(0, 100)) for s in DRAWS]
PROGRAMS["permutation"] = [lambda t, n=n: t.randperm(n) for n in (0, 1, 7)]
PROGRAMS["bernoulli_each"] = [lambda t: t.bernoulli(t.arange(12.0).reshape(3, 4).t() / 12)]
PROGRAMS["unmoved"] = [lambda t: (m := t.ones(2, 3, requires_grad=True), s := t.ones(3, requires_grad=True), x := t.normal(m, s), x.sum().backward(), m.grad, s.grad)]
PROGRAMS["multinomial"] = [lambda t: t.multinomial(t.arange(12.0).reshape(3, 4) + 1, 3)]
PROGRAMS["multinomial_with_replacement"] = [lambda t: t.multinomial(t.arange(12.0).reshape(3, 4), 7, replacement=True)]


# ----------------------------------------------------------------------------------------------- draws, and their slopes

for name in ("gamma_slope", "beta_slope"):
    UNDERIVED[name] = 7


def alike(*inputs):
    return [x.contiguous() for x in torch.broadcast_tensors(*inputs)]


samples("gamma_slope", each(SHARES), lambda *inputs: torch._standard_gamma_grad(*alike(*inputs)))
samples(
    "beta_slope",
    each([(a, numpy.asarray(0.3 * x), numpy.asarray(a + 1.0 + x)) for a, x in SHARES]),
    lambda a, x, total: torch._dirichlet_grad(*alike(x, a, total)),
)
RATES = [0.0, 0.3, 4.0, 25.0, 1e5]
PROGRAMS["poisson"] = [lambda t: t.poisson(t.tensor(RATES, requires_grad=True)), lambda t: t.poisson(t.tensor([[3.0], [40.0]]).half().t())]
PROGRAMS["binomial"] = [
    lambda t: t.binomial(t.tensor([3.0, 9.0, 100.0, 1e6, 4.0]), t.tensor([0.2, 0.9, 0.4, 0.7, 1.0])),
    lambda t: t.binomial(t.full((4, 30), 60.0, dtype=t.float64), t.full((4, 30), 0.5, dtype=t.float64)),
]
PROGRAMS["standard_gamma"] = [
    lambda t: (torch._standard_gamma if t is torch else draws.standard_gamma)(t.tensor([0.01, 0.7, 3.0, 500.0]).expand(40, 4)),
]
PROGRAMS["dirichlet"] = [
    lambda t: (torch._sample_dirichlet if t is torch else draws.sample_dirichlet)(t.tensor([[0.01, 0.7], [3.0, 500.0]]).expand(9, 2, 2)),
]
