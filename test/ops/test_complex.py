"""Complex numbers: made, taken apart, computed with and printed as PyTorch does."""

import numpy
import pytest
import torch
from oracle import Raised, agree, expression
from samples import complexes, integers, reals

import minitorch
from minitorch.ops import complex as functions

Z, W, R, S, I = complexes()[0], complexes()[4][:, :3], reals((2, 3)), reals((2, 3), 0.5, 2.0), integers((2, 3), -3, 4)  # noqa: E741
SQUARE = numpy.asarray(reals((3, 3)) + 1j * reals((3, 3), seed=1))
SINGLE = Z.astype(numpy.complex64)

EXPRESSIONS = [
    "t.complex(r, s), t.polar(s, r), t.view_as_real(z), t.view_as_complex(t.stack([r, s], -1)), t.real(z), t.imag(z), t.real(r), z.real, z.imag, r.real",
    "z.conj(), t.conj(r), t.conj_physical(z), z.resolve_conj(), z.resolve_neg(), t.angle(z), t.angle(r), t.angle(i), t.sgn(z), t.sgn(r), t.sgn(i), t.isreal(z), t.isreal(z.real), t.isreal(i), z.abs(), (z * 0).sgn(), (z * 0).abs(), (z * 0).angle()",
    "z.mH, q.H, t.adjoint(q), q.mT, z.is_complex(), z.is_conj(), z.is_neg(), z.dtype.to_real(), r.dtype.to_complex(), i.cfloat(), r.cdouble(), t.vdot(z[0], z[1]), t.dot(z[0], z[1])",
    "z * w, z / w, z + w, z - w, z ** 2, z ** 0.5, z ** 1j, 2 ** z, (1 + 2j) ** z, z ** w, z * r, r * z, r * 2j, r / (1 + 1j), (1 + 1j) / z, 1j - z, z == w, z != z, z.square(), r ** 2j, t.add(z, w, alpha=2j), t.sub(r, z, alpha=0.5)",
    "z.exp(), z.log(), z.log2(), z.log10(), z.log1p(), z.expm1(), z.exp2(), z.sqrt(), z.rsqrt(), z.reciprocal(), z.sin(), z.cos(), z.tan(), z.sinh(), z.cosh(), z.tanh(), z.sigmoid(), z.asin(), z.acos(), z.atan(), z.asinh(), z.acosh(), z.atanh(), -z",
    "z.sum(), z.sum(0), z.mean(), z.mean(1), z.prod(), z.prod(1), z.cumsum(0), z.cumprod(1), z.var(), z.std(1), t.var_mean(z, 0), z.norm(), z.norm(1), z.norm(3, 1), z.norm(float('inf')), z.logsumexp(1), t.logaddexp(z, w), z.logcumsumexp(1), t.cov(q), t.corrcoef(q), z.any(), z.all(), z.count_nonzero()",
    "z @ q, z @ z.mT, q @ z[0], t.einsum('ij,kj->ik', z, w), t.outer(z[0], w[0]), t.kron(z, w), t.nn.functional.linear(z, q, q[0]), t.addmm(z, z, q, beta=2j, alpha=0.5), q.matrix_power(3), t.tensordot(z, w, 2), q.trace(), t.nn.functional.conv1d(z[None], q[:, :2, None].contiguous())",
    "z.reshape(3, 2), z.t(), z[0], z[:, ::2], z.flip(0), z.roll(1, 1), z.gather(1, (i % 3)), t.cat([z, w]), t.cat([z, r]), t.stack([z, w]), t.where(r > 0, z, w), t.where(r > 0, z, r.detach()), z.masked_fill(r > 0, 2j), z.index_select(0, (i[0] % 2)), z.tril(), q.diagonal(), t.nn.functional.pad(z, (1, 2)), z.take_along_dim(i % 3, 1)",
    "(y := z * 1, y.mul_(w), y)[-1], (y := z * 1, y.real.mul_(r), y)[-1], (y := z * 1, y.imag.copy_(r), y)[-1], (y := z * 1, t.view_as_real(y).select(-1, 0).add_(r), y)[-1], (y := z * 1, y.conj_physical_(), y)[-1], (y := z * 1, y.sgn_(), y)[-1], (y := t.stack([r, s], -1), t.view_as_complex(y).mul_(1j), y)[-1], (y := r * 1, y.sgn_(), y)[-1]",
    "z.to(t.complex64), z.real.to(t.complex128), r.to(t.complex64), i.to(t.complex64), z.bool(), t.lerp(z, w, 0.3), t.lerp(z, w, 0.5 + 1j), t.lerp(z, w, z), t.addcmul(z, w, z, value=2j), t.addcdiv(z, w, z), t.float_power(z, 2), t.float_power(r, 2j), z.isnan(), z.isfinite(), t.isclose(z, z + 1e-9), z.dist(w)",
    "c.abs(), c * 2, c * 2.5, c * 2j, c + i, c.real, c.angle(), c.sgn(), c.exp(), t.view_as_real(c), c.sum(), c.mean(), c.to(t.complex128) * c, c * t.tensor(2.0, dtype=t.float64)",
    "t.zeros(2, dtype=t.complex64), t.full((2,), 1j), t.tensor([1, 2j]), t.tensor(1j).item(), complex(z.detach()[0, 0]), float(t.tensor(2 + 0j)), t.ones(2, dtype=t.bfloat16) * 1j, t.promote_types(t.float16, t.complex64), t.result_type(r, 1j), t.randn(2, 3, dtype=t.complex64).shape",
]  # fmt: skip


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text.replace("t.randn", "t.zeros"), z=Z, w=W, r=R, s=S, i=I, q=SQUARE, c=SINGLE))
    assert not isinstance(expected, Raised), expected


ERRORS = [
    "z < w", "z.amax()", "z.argmax()", "z.maximum(w)", "z.floor()", "z.ceil()", "z.trunc()", "z.round()", "z.sign()", "t.relu(z)", "z.clamp(0, 1)",
    "z.signbit()", "z.sort()", "z.argsort()", "z.erf()", "z // w", "z % w", "z.fmod(w)", "z.atan2(w)", "z.softmax(1)", "z.log_softmax(1)", "z & w",
    "z.detach().abs_()", "r.imag", "t.view_as_real(r)", "t.view_as_complex(r)", "t.view_as_complex(i)", "t.view_as_complex(t.ones(()))",
    "t.view_as_complex(t.ones(2, 2).t())", "t.view_as_complex(t.ones(3, 3)[:, 1:])", "t.complex(r, s.float())", "t.complex(i, i)", "t.polar(r, s.float())",
    "t.complex(r, 1)", "t.polar(r, 1)", "z[0].H", "t.ones(2, 2, 2).H", "z[0].mH", "z[0].mT", "z[0].adjoint()", "float(t.tensor(1j))", "int(t.tensor(1j))",
    "t.ones(2).add_(t.ones(2) * 1j)", "t.ones(2).fill_(1j)", "t.ones(2).masked_fill(t.ones(2) > 0, 1j)", "z.sum().backward()", "z.backward(r)",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(lambda t: expression(text, z=Z, w=W, r=R, s=S, i=I)(t)), Raised)


def test_what_is_discarded_is_said():
    with pytest.warns(UserWarning, match="Casting complex values to real discards the imaginary part"):
        minitorch.tensor([1j]).float()


def test_there_is_no_complex32():
    with pytest.raises(NotImplementedError, match="complex32"):
        minitorch.ones(2, dtype=minitorch.float16) * 1j
    with pytest.raises(NotImplementedError, match="complex32"):
        minitorch.complex(minitorch.ones(2).half(), minitorch.ones(2).half())


PRINTED = ["1 + 2j", "[1.5 + 2j, 1e10 + 1j]", "[1 + 2j, -3.25 - 1e-5j]", "[complex('nan'), complex('inf'), 1j]", "[[1j, 2], [3, 4]]", "[0.1 + 100000j]"]


@pytest.mark.parametrize("text", PRINTED)
def test_printed(text):
    agree(lambda t: (repr(t.tensor(eval(text))), repr(t.tensor(eval(text), dtype=t.complex128)), str(t.tensor(eval(text)).real)))
    agree(lambda t: repr(t.tensor(eval(text), requires_grad=True)))


def test_parts_can_be_set():
    def program(t):
        z = t.zeros(2, dtype=t.complex64)
        z.real, z.imag = t.tensor([1.0, 2.0]), t.tensor([3.0, 4.0])
        return z

    agree(program)


def test_every_function_is_pytorch_s():
    ours_alone = {"across", "angle_slope", "conjugate", "paired", "set_imag", "set_real"}
    for name in set(functions.__all__) - ours_alone:
        assert hasattr(torch, name) or hasattr(torch.Tensor, name), name


@pytest.mark.parametrize(
    "text", ["x.abs()", "x.angle()", "t.linalg.svdvals(x)", "t.linalg.eigvalsh(x)", "t.linalg.norm(x)", "t.linalg.slogdet(x)[1]"]
)
def test_reals_and_complex_numbers_share_no_tape(text):
    """The gradients of both are real: a tape that one left must not be found by the other."""
    for x in (SQUARE.real, SQUARE, SQUARE, SQUARE.real):
        assert not isinstance(agree(expression(text, x=numpy.asarray(x).copy())), Raised)
