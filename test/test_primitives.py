"""The law of the table: every row is what PyTorch says it is, to second order, on every kind of input.

``samples.py`` has the inputs and PyTorch's word for each row. A row without samples fails.
"""

import numpy
import pytest
import torch
from oracle import TOLERANCE, agree, assert_same, make, plain
from samples import COMPLEX_TOO, INTEGERS_TOO, PROGRAMS, REFERENCES, SAMPLES, UNDERIVED

import minitorch
from minitorch.mixed_precision import READY
from minitorch.primitives import TABLE
from minitorch.table import FLOATS, reads

ELSEWHERE = {"decomposition": "tables/test_linalg.py", "sequence": "nn/test_rnn.py", "composite": "autograd/test_composite.py"}
"""Kinds of rows that aren't compared element by element here, and where they are compared."""
ROWS = [row for row in TABLE.values() if row.kind != "random" and row.kind not in ELSEWHERE]
WITH_VJPS = [row for row in ROWS if row.wants]
DTYPES = ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int8", "uint8", "bool")



def derived(row):
    """The inputs that have a gradient, as a set of bits."""
    return row.wants & ~UNDERIVED.get(row.name, 0)


each_row = pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)


def test_every_row_has_samples():
    missing = {row.name for row in TABLE.values() if row.kind not in ELSEWHERE} - set(SAMPLES) - set(PROGRAMS)
    assert not missing, f"add samples for {sorted(missing)}"


@pytest.mark.parametrize("name", [row.name for row in TABLE.values() if row.kind == "random"])
def test_draws_are_pytorch_s(name):
    for program in PROGRAMS[name]:
        agree(lambda t, program=program: (t.manual_seed(7), program(t), program(t))[1:])


def ours(row, inputs, params):
    if row.kind == "creation":
        return minitorch.Tensor._create(row, params)
    return minitorch.Tensor._apply(row, inputs, params)


def tensors(lib, inputs, dtype=None, wants=0):
    """``inputs`` as tensors of ``lib``; reals of another dtype, if given; those in the bit set ``wants`` want a gradient."""
    made = []
    for i, x in enumerate(inputs):
        if not isinstance(x, numpy.ndarray):
            made.append(x)
            continue
        real = x.dtype.kind == "f"
        wanting = bool(x.dtype.kind in "fc" and wants >> i & 1)
        made.append(make(lib, x, dtype if real else None, requires_grad=wanting))
    return made


# --------------------------------------------------------------------------------------------------------------- values


@each_row
def test_values(row):
    for inputs, params in SAMPLES[row.name]:
        expected = plain(REFERENCES[row.name](*tensors(torch, inputs), *params).detach())
        got = plain(ours(row, tensors(minitorch, inputs), params))
        if row.name == "empty":  # anything may be in it
            expected, got = expected[:3], got[:3]
        assert_same(expected, got, where=f"{row.name} of {inputs}, {params}")


def whole(inputs, dtype):
    """Samples fit for ``dtype``, an integer type or bool: the reals rounded, and not negative if it has no sign."""
    made = []
    for x in inputs:
        if isinstance(x, numpy.ndarray) and x.dtype.kind in "fi":
            x = numpy.round(x * 3) if x.dtype.kind == "f" else x
            x = numpy.abs(x) if dtype in ("uint8", "bool") else x
            x = numpy.asarray(x).astype(dtype)
        made.append(x)
    return made


NOT_BOOL = ("square", "keep", "add_scaled", "clamp")
"""Rows to which the functions above them never give booleans."""
NOT_NARROW = ("complex", "fft", "irfft", "rfft", "view_as_complex", "ctc_loss", "ctc_loss_grad", "nll", "nll_grad")
"""Rows that make complex numbers, of which there are none so narrow; and those to which the functions above them give no narrow ones."""
NOT_WHOLE = ("avg_pool", "nll", "nll_grad", "resample")
"""Rows that are for reals only."""
ROUNDED_OFTEN = {"float16": (4e-3, 4e-3), "bfloat16": (3e-2, 3e-2)}
"""PyTorch's sums of products in narrow types are rounded on the way, ours once."""


@each_row
def test_other_dtypes(row):
    if row.kind == "creation":
        return
    indexing = row.kind == "indexing"
    for dtype in DTYPES:
        floating = "float" in dtype
        if dtype == "bool" and row.name in NOT_BOOL or not floating and row.name in NOT_WHOLE:
            continue
        if dtype in ("float16", "bfloat16") and row.name in NOT_NARROW:
            continue
        for inputs, params in SAMPLES[row.name][:6] if floating else INTEGERS_TOO.get(row.name, SAMPLES[row.name][:6]):
            if indexing and not floating:
                inputs = [
                    whole([x], dtype)[0] if isinstance(x, numpy.ndarray) and x.dtype.kind == "f" else x for x in inputs
                ]
            elif not floating:
                inputs = whole(inputs, dtype)
            dtype_of_reals = dtype if floating else None
            try:
                expected = plain(REFERENCES[row.name](*tensors(torch, inputs, dtype_of_reals), *params).detach())
            except (RuntimeError, NotImplementedError):
                continue  # PyTorch has no such thing
            got = plain(ours(row, tensors(minitorch, inputs, dtype_of_reals), params))
            tolerance = (
                {**TOLERANCE, **ROUNDED_OFTEN}
                if row.kind == "contraction" or row.name in ("avg_pool_grad", "i0e")
                else TOLERANCE
            )
            assert_same(expected, got, tolerance, f"{row.name} of {inputs}, {params}, as {dtype}")


SPECIAL = numpy.array(
    [0.0, -0.0, numpy.inf, -numpy.inf, numpy.nan, 1.0, -1.0, 0.5, -0.5, 2.5, 3.0, 100.0, -100.0, 1e30, -1e30, 1e-30]
)


STRANGE = {
    "airy_ai": (-1e30,), "igamma": (1e30,), "igammac": (1e30,), "i1": (numpy.nan, -0.0), "i1e": (numpy.nan, -0.0), "log_ndtr": (-numpy.inf, -100.0, -1e30),
    "modified_bessel_i1": (-0.0,),
}  # fmt: skip
"""Where PyTorch's values or gradients are beside the truth: NaN for what is finite, finite for NaN, the other zero."""


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "row",
    [r for r in ROWS if r.kind == "elementwise" and "f" in (r.ready or ()) and r.name not in ("clamp", "complex")],
    ids=lambda row: row.name,
)
def test_special_numbers(row, dtype):
    """Zeros of both signs, infinities, NaN: values with the sign of zero, and the first gradients."""
    count = max(len(row.vjps), 1)
    if row.name in (
        "where",
        "lerp",
        "addcmul",
        "addcdiv",
        "left_shift",
        "right_shift",
        "bitwise_not",
        "gcd",
        "lcm",
    ) or row.name.startswith("bitwise"):
        return
    if row.name in (
        "keep",
        "eq",
        "ne",
        "lt",
        "le",
        "gt",
        "ge",
        "floor_divide",
        "logical_and",
        "logical_or",
        "logical_xor",
    ) or "polynomial" in row.name:
        count = 2
    special = SPECIAL[:-3] if row.name in ("remainder", "fmod") else SPECIAL  # PyTorch's quotient would overflow
    if "polynomial" in row.name:
        special = special[~numpy.isnan(special)]  # of which PyTorch's recurrence makes 1
    for x in STRANGE.get(row.name, ()):
        special = special[[repr(y) != repr(numpy.float64(x)) for y in special]]
    reference = getattr(torch.special, row.name) if row.name.startswith("bessel") else REFERENCES[row.name]
    grid = [special] if count == 1 else [numpy.repeat(special, len(special)), numpy.tile(special, len(special))]
    params = {"add_scaled": (0.5,), "polygamma": (2,)}.get(row.name, ())

    def run(lib, function):
        x = tensors(lib, grid, dtype, derived(row))
        out = function(*x)
        if not row.wants:
            return [out]
        return [out, *lib.autograd.grad(out.sum(), [v for v in x if v.requires_grad])]

    expected = plain(run(torch, lambda *x: reference(*x, *params)))
    got = plain(run(minitorch, lambda *x: ours(row, x, params)))
    inputs = list(zip(*[g.tolist() for g in grid], strict=True))
    for e, g in zip(expected, got, strict=True):
        close = numpy.isclose(g.numbers, e.numbers, *TOLERANCE.get(e.dtype, (0, 0)), equal_nan=True)
        different = numpy.flatnonzero(~close)
        assert not different.size, [(inputs[i], "expected", e.numbers[i], "got", g.numbers[i]) for i in different[:5]]
    e, g = expected[0].numbers, got[0].numbers
    if e.dtype.kind == "f" and row.name not in ("relu", "remainder"):  # where PyTorch's own depends on the place
        zero = e == 0
        different = numpy.flatnonzero(zero & (numpy.signbit(e) != numpy.signbit(g)))
        assert not different.size, [(inputs[i], "expected", e[i], "got", g[i]) for i in different[:5]]


# ------------------------------------------------------------------------------------------------------------ gradients

EXACT = {"float64": (1e-9, 1e-10), "complex128": (1e-9, 1e-10)}


def derivatives(lib, function, inputs, wants, order=2):
    """The value, the gradients by a random vector v, and by another random vector the gradients of those."""
    x = tensors(lib, inputs, wants=wants)
    out = function(*x)
    sources = [v for v in x if getattr(v, "requires_grad", False)]
    if not out.requires_grad:
        return [out]
    v = make(lib, direction(out.shape, 0, out.is_complex()), requires_grad=True)
    first = lib.autograd.grad(out, sources, v, create_graph=True, materialize_grads=True)
    found = [out, *first]
    if order > 1:
        slopes = [(g * make(lib, direction(g.shape, i, g.is_complex()))).sum().real for i, g in enumerate(first, 1)]
        slopes = [s for s in slopes if s.requires_grad]
        if slopes:
            found += lib.autograd.grad(sum(slopes[1:], slopes[0]), [*sources, v], materialize_grads=True)
        else:
            found += [lib.zeros_like(x) for x in (*sources, v)]
    return found


def direction(shape, seed, complex=False):
    draw = numpy.random.default_rng(seed)
    real = draw.normal(size=tuple(shape))
    return numpy.asarray(real + 1j * draw.normal(size=tuple(shape))) if complex else real


@pytest.mark.parametrize("row", WITH_VJPS, ids=lambda row: row.name)
def test_gradients_to_second_order(row):
    for inputs, params in SAMPLES[row.name]:
        try:
            expected = derivatives(torch, lambda *x, params=params: REFERENCES[row.name](*x, *params), inputs, derived(row))
        except RuntimeError as error:
            assert "returned an invalid gradient" in str(error)  # scatter of a part of its source: only we can
            continue
        got = derivatives(minitorch, lambda *x, params=params: ours(row, x, params), inputs, derived(row))
        without_flags = [[d._replace(requires_grad=None) for d in plain(found)] for found in (expected, got)]
        assert_same(*without_flags, EXACT, f"{row.name} of {inputs}, {params}")


@pytest.mark.parametrize("row", WITH_VJPS, ids=lambda row: row.name)
@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_gradients_have_their_input_s_dtype(row, dtype):
    for inputs, params in SAMPLES[row.name][:4] if dtype == "float32" or row.name not in NOT_NARROW else ():
        x = tensors(minitorch, inputs, dtype, derived(row))
        out = ours(row, x, params)
        sources = [v for v in x if getattr(v, "requires_grad", False)]
        if not out.requires_grad:
            continue
        for v, g in zip(
            sources,
            minitorch.autograd.grad(out, sources, out.detach().ones_like(), materialize_grads=True),
            strict=True,
        ):
            assert (g.dtype, g.shape) == (v.dtype, v.shape), f"{row.name} of {inputs}, {params}"


# ------------------------------------------------------------------------------------------------------ complex numbers


def complexed(inputs):
    """Samples with the reals among them made complex; of numbers, those beside a tensor of several dims."""
    made = []
    for x in inputs:
        if isinstance(x, numpy.ndarray) and x.dtype.kind == "f":
            x = numpy.asarray(x + 1j * numpy.cos(5 * x + 1))
        elif isinstance(x, float) and any(numpy.ndim(other) > 1 for other in inputs):
            x = complex(x, 0.5)
        made.append(x)
    return made


def complex_samples(row):
    """What the row is tried on: its own samples made complex, each beside its reference's outcome to second order."""
    own = [s for s in SAMPLES[row.name] if any(isinstance(x, numpy.ndarray) and x.dtype.kind in "fc" for x in s[0])]
    for inputs, params in [*own, *COMPLEX_TOO.get(row.name, ())]:
        inputs = complexed(inputs)
        yield inputs, params, lambda *x, params=params: REFERENCES[row.name](*x, *params)


REALS_ONLY = ("abs", "half_turn", "pool_gather", "pool_scatter", "squared_error_mean")
"""Rows to which the functions above them never give complex numbers."""


@each_row
@pytest.mark.filterwarnings("ignore:Casting complex values to real")
def test_complex_numbers(row):
    """Values, gradients and second derivatives of complex numbers; or PyTorch's refusal."""
    if row.name in REALS_ONLY:
        return
    for inputs, params, reference in complex_samples(row):
        where = f"{row.name} of {inputs}, {params}"
        ready = READY.get(row, row.ready)  # where autocast was switched on, by another test, rows say that they are ready for nothing
        if ready is not None and not ready >= {"F"}:
            with pytest.raises(RuntimeError, match="complex|Complex"):
                ours(row, tensors(minitorch, inputs), params)
            continue
        try:
            expected = derivatives(torch, reference, inputs, row.wants, order=1)
        except (RuntimeError, TypeError):
            continue  # of rows that would do it the functions above them refuse
        run = lambda *x, params=params: ours(row, x, params)  # noqa: E731
        for order in (1, 2):
            if order == 2:
                try:
                    expected = derivatives(torch, reference, inputs, row.wants)
                except RuntimeError:
                    continue
            got = derivatives(minitorch, run, inputs, row.wants, order=order)
            pair = [[d._replace(requires_grad=None) for d in plain(found)] for found in (expected, got)]
            assert_same(*pair, EXACT, where)


# ------------------------------------------------------------------------------------------------- what is kept for a vjp


class Untouchable:
    """Stands where a vjp reads nothing: any use raises."""

    def __getattribute__(self, name):
        raise AssertionError(f"a vjp reads {name} of an argument that its name says it doesn't")

    __bool__ = __len__ = __iter__ = __mul__ = __rmul__ = __add__ = __radd__ = __sub__ = __rsub__ = __eq__ = __lt__ = (
        lambda *_: pytest.fail("a vjp uses an argument that its name says it doesn't")
    )
    __hash__ = None


class ShapeOnly:
    """Stands where a vjp asks the shape and the dtype only."""

    def __init__(self, x):
        self.shape, self.ndim, self.dtype = x.shape, x.ndim, x.dtype


def arguments(vjp, out, inputs):
    """What the names of the vjp's arguments promise that it reads, and stand-ins for the rest."""
    names = vjp.__code__.co_varnames[1 : vjp.__code__.co_argcount]
    given = []
    for name, x in zip(names, (out, *inputs), strict=False):
        if name.startswith("like_"):
            given.append(ShapeOnly(x))
        else:
            given.append(Untouchable() if name.startswith("_") else x)
    return [*given, *(out, *inputs)[len(given) :]]


def changed(x, scale):
    """``x`` with other numbers: other places for integers, True and False swapped."""
    if not isinstance(x, minitorch.Tensor):
        return x + 1
    if x.is_floating_point() or x.is_complex():
        return x * scale + (1 - scale) * (1.5 if x.is_floating_point() else 1.5 - 0.5j)
    return x.logical_not() if x.dtype is minitorch.bool else x.flip(tuple(range(x.ndim))) if x.ndim else x


@pytest.mark.parametrize("row", [row for row in WITH_VJPS if row.vjps], ids=lambda row: row.name)
def test_a_vjp_reads_what_its_names_say(row):
    """No more: the rest isn't there. No less: what is kept for it makes a difference in some sample."""
    mattered, claimed = set(), set()
    for inputs, params in SAMPLES[row.name]:
        x = tensors(minitorch, inputs)
        out = ours(row, x, params)
        g = make(minitorch, direction(out.shape, 1, out.is_complex())) if out.dtype.category > 1 else None
        for i, vjp in enumerate(row.vjps[: len(x)]):
            if vjp is None or g is None or not (isinstance(x[i], minitorch.Tensor) and derived(row) >> i & 1):
                continue
            with minitorch.no_grad():
                got = vjp(g, *arguments(vjp, out, x), *params)
                for position in row.reads[i]:
                    if position > len(x):
                        continue
                    claimed.add((i, position))
                    for scale in (0.5, -3.0):
                        values = [out, *x]
                        values[position] = changed(values[position], scale)
                        other = vjp(g, *arguments(vjp, values[0], values[1:]), *params)
                        if not minitorch.allclose(got, other, equal_nan=True):
                            mattered.add((i, position))
    assert mattered == claimed, f"{row.name}: kept for nothing: {sorted(claimed - mattered)} as (vjp, position)"


def test_the_law_catches_a_vjp_that_reads_too_much():
    x = minitorch.ones(2)
    with pytest.raises(AssertionError):
        greedy = lambda g, _out, _x: g * _x.cos()  # noqa: E731
        greedy(x, *arguments(greedy, x, [x]))


# ----------------------------------------------------------------------------------------------------------- in place


@pytest.mark.parametrize("row", [r for r in ROWS if r.kind == "elementwise"], ids=lambda row: row.name)
def test_written_in_place_is_the_same(row):
    """Where the result has the first input's shape and dtype, writing it there gives that result and those gradients."""
    for inputs, params in SAMPLES[row.name]:
        if not isinstance(inputs[0], numpy.ndarray) or 0 in inputs[0].strides:
            continue
        x = tensors(minitorch, inputs, wants=derived(row))
        out = ours(row, x, params)
        if out.shape != x[0].shape or out.dtype is not x[0].dtype:
            continue
        start = x[0] * 1 if x[0].is_floating_point() else x[0].clone()
        written = minitorch.Tensor._write(start, row, [start, *x[1:]], params)
        sources = [v for v in x if getattr(v, "requires_grad", False)]
        assert_same(plain(out.detach()), plain(written.detach()), where=f"{row.name} of {inputs}, {params}")
        if out.requires_grad:
            g = make(minitorch, direction(out.shape, 2, out.is_complex()))
            expected, got = [minitorch.autograd.grad(y, sources, g, materialize_grads=True) for y in (out, written)]
            assert_same(plain(expected), plain(got), where=f"{row.name} of {inputs}, {params}")


def test_rows_are_what_they_say():
    for row in ROWS:
        assert row.each is None or not row.vjps
        assert repr(row) == f"<primitive {row.name}>" and TABLE[row.name] is row
        if row.ready is FLOATS:
            assert (
                plain(
                    ours(row, [minitorch.tensor([1]) for _ in SAMPLES[row.name][0][0]], SAMPLES[row.name][0][1])
                ).dtype
                == "float32"
                or row.kind != "elementwise"
            )
    assert reads(lambda g, out, _x, y, like_z: g) == (0, 2)
