"""torch.linalg and its older names against PyTorch: shapes, empty matrices, names of results, and errors.

The numbers and derivatives of the factorizations themselves are in tables/test_linalg.py.
"""

import numpy
import pytest
import torch
from oracle import Raised, assert_same, expression, outcome
from samples import integers, reals

import minitorch

SQUARE, BATCH, TALL, VECTOR = reals((3, 3)), reals((2, 3, 3), -1.0, 1.0), reals((4, 3)), reals((3,))
SIDE, EMPTY, NONE, WHOLE = reals((2, 3, 2)), reals((0, 3)), reals((0, 0)), integers((3, 3), -5, 6)
PIVOTS = numpy.array([2, 3, 3], numpy.int32)

pytestmark = pytest.mark.filterwarnings("ignore:torch")



def agree(program, *tolerance):
    """As ``oracle.agree``, but for warnings: PyTorch's of old names come once in a process."""
    (expected, _), (got, _) = outcome(program, torch), outcome(program, minitorch)
    assert_same(expected, got, *tolerance)
    return expected


EXPRESSIONS = [
    "t.linalg.svdvals(e), t.linalg.svdvals(n), t.linalg.svd(e)[1], t.linalg.svd(e, full_matrices=False)[0].shape, t.linalg.svd(c[:0])[2].shape",
    "t.linalg.qr(e), t.linalg.qr(e.mT)[1], t.linalg.qr(e, 'complete')[0].shape, t.linalg.qr(c, 'r')[0].shape, t.linalg.qr(c[:0])[0].shape",
    "t.linalg.inv(n), t.det(n), t.slogdet(n), t.linalg.solve(n, n), t.linalg.cholesky(n), t.linalg.eigvalsh(n), t.linalg.lu(n), t.linalg.pinv(e), t.linalg.matrix_exp(n), t.matrix_power(n, 0), t.linalg.matrix_rank(e), t.linalg.cond(n)",
    "t.linalg.lu_factor(e), t.linalg.lu(e.mT), t.linalg.lu_factor_ex(a)[2], t.linalg.lu_factor_ex(a * 0)[1:], t.lu(a), t.lu(c, get_infos=True), t.lu_unpack(a, p), t.lu_unpack(a.detach(), p, unpack_data=False), t.lu_unpack(a, p, unpack_pivots=False)",
    "t.lu_solve(a, a, p), t.linalg.lu_solve(a, p, s), t.linalg.inv_ex(a * 0)[1], t.linalg.inv_ex(c)[1], t.linalg.solve_ex(a, a)[1], t.linalg.cholesky_ex(a @ a.mT), t.linalg.cholesky_ex(-a @ a.mT)[1], t.linalg.cholesky_ex(c)[1]",
    "t.linalg.solve(a, v), t.linalg.solve(c, v), t.linalg.solve(c, a[:2]), t.linalg.solve(a, s), t.linalg.solve(a, s.mT, left=False), t.inverse(a), a.inverse(), a.det(), a.slogdet(), (a @ a.mT).logdet(), a.matrix_power(-1), a.pinverse(), a.matrix_exp()",
    "t.logdet(-t.eye(3, dtype=a.dtype)), t.slogdet(a * 0)[0], t.slogdet(-t.eye(3)), t.logdet(t.zeros(2, 2)), t.det(c), t.linalg.det(a.mT)",
    "t.linalg.matrix_rank(t.ones(3, 3)), t.linalg.matrix_rank(a, 100.0), t.linalg.matrix_rank(a, atol=0.1), t.linalg.matrix_rank(c, rtol=t.tensor([0.1, 5.0])), t.linalg.matrix_rank(a, hermitian=True), t.linalg.matrix_rank(c, atol=t.tensor(0.5), rtol=0.1)",
    "t.linalg.pinv(b, 0.5), t.linalg.pinv(b, atol=0.5), t.linalg.pinv(c, rtol=t.tensor([0.1, 0.5])), t.linalg.pinv(c, atol=t.tensor(0.5)), t.pinverse(b), t.linalg.pinv(a + a.mT, hermitian=True)",
    "t.linalg.lstsq(b, b), t.linalg.lstsq(b, b, driver='gels'), t.linalg.lstsq(b, b[:, 0], driver='gelsd'), t.linalg.lstsq(b.mT, a, driver='gelss'), t.linalg.lstsq(c, a[:2])[0], t.linalg.lstsq(t.ones(3, 2), t.ones(3, 1), driver='gelsd')",
    "t.linalg.cond(a), t.linalg.cond(a.detach(), 1), t.linalg.cond(a.detach(), 'fro'), t.linalg.cond(b, -2), t.linalg.cond(a.detach(), float('inf')), t.linalg.cond(a.detach() * 0, 1), t.linalg.cond(c, 'nuc')",
    "t.linalg.norm(a), t.linalg.norm(a, 1), t.linalg.norm(a, 'nuc'), t.linalg.norm(v, 3), t.linalg.norm(c, dim=1), t.linalg.norm(c, 2, (0, 2)), t.linalg.norm(c, 1, 0, True), t.linalg.norm(v, float('-inf')), t.linalg.norm(c), t.linalg.norm(a, float('inf'), dtype=t.float64), t.linalg.norm(a, 'fro', (0, 1), True)",
    "t.linalg.matrix_norm(c), t.linalg.matrix_norm(c, 2), t.linalg.matrix_norm(c, -1, (0, 2), True), t.linalg.matrix_norm(c, 'nuc', (1, 0)), t.linalg.matrix_norm(e.detach(), 1), t.linalg.matrix_norm(e.detach(), 2), t.linalg.matrix_norm(e.detach(), float('inf')), t.linalg.matrix_norm(c, -2, keepdim=True)",
    "t.linalg.vector_norm(a, 0), t.linalg.vector_norm(a, 0.5), t.linalg.vector_norm(a, -1), t.linalg.vector_norm(c, 2.5, (0, 1)), t.linalg.vector_norm(c, float('inf'), 1), t.linalg.vector_norm(e), t.linalg.vector_norm(v * 0, 3), t.linalg.vector_norm(v * 0, 2), t.linalg.vector_norm(v.detach().float(), dtype=t.float64)",
    "t.norm(a), t.norm(a, 'nuc'), t.norm(c, 'nuc', (0, 1)), t.norm(c, 3, 1, True), t.norm(a, 'fro', 0), t.norm(a, None), a.norm(1), a.norm(dim=(0, 1)), t.norm(a, dtype=t.float64), t.dist(a, a * 2), t.dist(a.detach(), v.detach(), 0), t.dist(a, a)",
    "t.cdist(a, b), t.cdist(c, a, 1), t.cdist(b, b), t.cdist(b, b, 0.5), t.cdist(b, a, float('inf'), 'donot_use_mm_for_euclid_dist'), t.cdist(b, a, 0), t.cdist(e, a), t.cdist(a[:, :0], b[:, :0])",
    "t.linalg.multi_dot([a, b.mT, b, a]), t.linalg.multi_dot([v, a, v]), t.linalg.multi_dot([a, v]), t.linalg.multi_dot([v, a]), t.chain_matmul(b, a, a), t.chain_matmul(a)",
    "t.linalg.tensorinv(a.reshape(3, 1, 3), 1), t.linalg.tensorinv(s.reshape(2, 3, 2)[:, :, 0].reshape(2, 3, 1)[:, :2].reshape(2, 1, 2), ind=1), t.linalg.tensorsolve(a.reshape(3, 1, 3), v.reshape(3, 1)), t.linalg.tensorsolve(a.reshape(3, 3, 1), v, dims=(1,))",
    "t.linalg.vander(v), t.linalg.vander(v, N=5), t.linalg.vander(a, N=2), t.linalg.vander(w), t.linalg.vecdot(a, a), t.linalg.vecdot(a, v, dim=0), t.linalg.vecdot(c, a), t.linalg.cross(a[None], c), t.linalg.cross(a, a.mT, dim=0), t.linalg.diagonal(c), t.linalg.diagonal(c, offset=1)",
    "t.linalg.matrix_power(a, 0), t.linalg.matrix_power(a, 1), t.linalg.matrix_power(a, 5), t.linalg.matrix_power(c, -3), t.matrix_power(w, 3), t.linalg.matrix_exp(c), t.matrix_exp(a * 30), t.matrix_exp((a * 0.5).half()).shape",
    "t.cholesky(a @ a.mT), t.cholesky(a @ a.mT, upper=True), t.cholesky_solve(s, a), t.cholesky_solve(b.mT[:, :1], a, True), t.cholesky_inverse(a), t.triangular_solve(s, a), t.triangular_solve(a, c, False, True, True), t.linalg.solve_triangular(a, c, upper=False), t.linalg.solve_triangular(c, b, upper=True, left=False)",
    "t.geqrf(b.detach()), t.geqrf(c[:, :2].detach()), t.orgqr(*t.geqrf(b.detach())), t.linalg.householder_product(b, v), t.linalg.householder_product(b, v[:2]), t.ormqr(b, v, t.ones(4, 2, dtype=b.dtype)), t.ormqr(b, v, t.ones(2, 4, dtype=b.dtype), left=False, transpose=True)",
    "t.linalg.ldl_factor(a.detach()), t.linalg.ldl_factor_ex(a.detach() * 0)[1:], t.linalg.ldl_solve(*t.linalg.ldl_factor(a.detach()), s.detach())",
    "t.linalg.eigvals(a.detach() * 0), t.linalg.eigh(n), t.linalg.eig(n), t.svd(a, compute_uv=False), t.svd(b).S, t.qr(b).R, t.svd(b, some=False).V.shape",
    "t.cov(a), t.cov(v), t.cov(w), t.cov(a, correction=0), t.cov(a, fweights=p), t.cov(a, aweights=v.abs()), t.cov(a, fweights=p, aweights=v.abs(), correction=2), t.cov(a, correction=3), t.cov(v[0]), t.corrcoef(a), t.corrcoef(w), t.corrcoef(v)",
    "t.addr(a, v, v), t.addr(v, v, v, beta=2, alpha=0.5), t.addr(a > 0, v > 0, v > 0), t.addr(a > 0, v > 0, v > 0, beta=False), t.addr(w, w[0], w[1], alpha=3), w.clone().addr_(w[0], w[1]), t.addmv(w[0], w, w[1], beta=2.7, alpha=1.9), t.addbmm(w, w[None], w[None], beta=0.5), (v * 1).addmv_(a, v), (c * 1).baddbmm_(c, c), (a * 1).addbmm_(c, c)",
    "t.tensordot(a[:1], b, ([1, 0], [1, 0])), t.tensordot(c, c[:, :1], ([0, 1], [0, 1]))",
]  # fmt: skip


ARRAYS = dict(a=SQUARE, b=TALL, c=BATCH, v=VECTOR, s=SIDE, e=EMPTY, n=NONE, w=WHOLE, p=PIVOTS)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_agrees_with_pytorch(text):
    expected = agree(expression(text, **ARRAYS))
    assert not isinstance(expected, Raised), expected


ERRORS = [
    *(f"t.linalg.{name}({x})" for name in (
        "cholesky", "cholesky_ex", "inv", "inv_ex", "det", "slogdet", "eigh", "eigvalsh", "eig", "eigvals", "svd", "svdvals", "qr", "lu_factor",
        "lu", "lu_factor_ex", "ldl_factor", "pinv", "matrix_exp", "matrix_rank", "cond", "matrix_norm",
    ) for x in ("w", "v")),
    *(f"t.linalg.{name}({x})" for name in ("cholesky", "inv", "det", "eigh", "eig", "ldl_factor", "matrix_exp", "slogdet", "inv_ex") for x in ("b", "a.half()") if (name, x) not in (("matrix_exp", "a.half()"), ("eig", "a.half()"))),
    *(f"t.linalg.{name}({x} * 0)" for name in ("cholesky", "inv", "lu_factor") for x in ("a", "c")),
    *(f"t.linalg.{name}({x} * float('nan'))" for name in ("svd", "svdvals", "eigh", "eig", "cholesky", "pinv", "matrix_rank") for x in ("a",)),
    "t.linalg.solve(a * 0, a)", "t.linalg.solve(c * 0, a)", "t.linalg.solve_ex(c * 0, a, check_errors=True)", "t.linalg.inv_ex(a * 0, check_errors=True)", "t.linalg.cholesky_ex(-a @ a.mT, check_errors=True)", "t.linalg.lu_factor_ex(a * 0, check_errors=True)", "t.cholesky(a * 0)",
    "t.linalg.lu_factor(a, pivot=False)", "t.linalg.lu(a, pivot=False)", "t.linalg.svd(a, driver='gesvd')", "t.linalg.eigh(a, UPLO='X')", "t.linalg.qr(a, 'x')",
    "t.linalg.lstsq(a, a, driver='x')", "t.linalg.lstsq(a, b)", "t.linalg.lstsq(a, a.float())", "t.linalg.lstsq(c, v)", "t.linalg.lstsq(v, a)", "t.linalg.lstsq(w, w)", "t.linalg.lstsq(a, v[0])", "t.linalg.lstsq(c, b[:3])",
    "t.linalg.solve(a, a.float())", "t.linalg.solve(a, b)", "t.linalg.solve(b, a)", "t.linalg.solve(v, a)", "t.linalg.solve(w, w)", "t.linalg.solve(a, v[0])", "t.linalg.solve(c, c[:, :2])", "t.linalg.solve(a, v, left=False)", "t.linalg.solve(a.half(), a.half())",
    "t.linalg.solve_triangular(a, b, upper=True)", "t.linalg.solve_triangular(a, v, upper=True)", "t.linalg.solve_triangular(b, a, upper=True)", "t.linalg.solve_triangular(w, w, upper=True)",
    "t.linalg.lu_solve(a, p.long(), a)", "t.linalg.lu_solve(a, p, b)", "t.linalg.lu_solve(a, p, a.float())", "t.linalg.lu_solve(a, p[:2], a)", "t.linalg.lu_solve(a, p, v)", "t.linalg.lu_solve(c, p, c)", "t.linalg.lu_solve(w, p, w)", "t.lu_unpack(a, p.long())", "t.lu_unpack(v.detach(), p)", "t.lu_unpack(a, p * 2)",
    "t.cholesky_solve(v, a)", "t.cholesky_solve(b, a)", "t.cholesky_solve(a.float(), a)", "t.cholesky_solve(a, b)", "t.cholesky_inverse(b)", "t.cholesky_inverse(v)", "t.cholesky_inverse(w)", "t.triangular_solve(v, a)", "t.triangular_solve(b, a)", "t.triangular_solve(a, b)",
    "t.linalg.householder_product(b.mT, v)", "t.linalg.householder_product(b, b[:, 0])", "t.linalg.householder_product(b, a)", "t.linalg.householder_product(b, v.float())", "t.linalg.householder_product(v, v)", "t.geqrf(v)", "t.geqrf(w)", "t.ormqr(v, v, a)", "t.ormqr(b, v, v)",
    "t.linalg.ldl_solve(a, p.float(), a)", "t.linalg.ldl_solve(a, p, b)", "t.linalg.ldl_solve(a, p[:2], a)", "t.linalg.ldl_solve(a, p, a.float())", "t.linalg.ldl_solve(a, p, v)",
    "t.logdet(w)", "t.logdet(b)", "t.linalg.matrix_power(b, 2)", "t.linalg.matrix_power(a, 1.5)", "t.linalg.matrix_power(a * 0, -1)",
    "t.linalg.matrix_norm(a, 'x')", "t.linalg.matrix_norm(a, 3)", "t.linalg.matrix_norm(a, 2, (0, 0))", "t.linalg.matrix_norm(a, 2, (0, 1, 1))", "t.linalg.matrix_norm(a, 2, (0, 5))", "t.linalg.norm(a, 'fro', 0)", "t.linalg.norm(a, 'x')", "t.linalg.norm(c, 'fro')", "t.linalg.norm(c, 2)", "t.linalg.norm(a, 2, (0, 1, 2))", "t.linalg.norm(w)",
    "t.linalg.vector_norm(a, 'x')", "t.linalg.vector_norm(a, dtype=t.int64)", "t.linalg.vector_norm(a, dtype=t.float32)", "t.linalg.vector_norm(a, dtype=t.complex64)", "t.linalg.vector_norm(n, float('inf'))", "t.linalg.vector_norm(e, -1, 0)", "t.linalg.vector_norm(w)", "t.linalg.vector_norm(a, 2, 5)",
    "t.norm(c, 'nuc')", "t.norm(a, 'x')", "t.norm(w)", "t.norm(a, 2, 5)", "t.norm(c, 'fro', (0, 1, 2))", "t.cdist(a, a, -1)", "t.cdist(a, b.mT)", "t.cdist(v, a)", "t.cdist(w, w)", "t.cdist(a, a.float())", "t.cdist(a, a, compute_mode='x')",
    "t.linalg.cond(b, 1)", "t.linalg.cond(a, 'x')", "t.linalg.multi_dot([a])", "t.linalg.multi_dot([])", "t.linalg.multi_dot([a, b])", "t.linalg.multi_dot([v[0], a])", "t.linalg.multi_dot([a, v, a])", "t.linalg.multi_dot([a, a.float()])",
    "t.linalg.vecdot(a, a.float())", "t.linalg.vecdot(w, w)", "t.linalg.vecdot(a, v[:2])", "t.linalg.vander(v, N=1)", "t.linalg.vander(v.half())", "t.linalg.tensorinv(a, ind=0)", "t.linalg.tensorinv(b, ind=1)", "t.linalg.tensorsolve(b, v)", "t.linalg.cross(a, a[:, :1])", "t.linalg.cross(a, v)", "t.linalg.cross(a, a, dim=2)",
    "t.cov(c)", "t.cov(a > 0)", "t.cov(a, fweights=w)", "t.cov(a, fweights=v)", "t.cov(a, aweights=a)", "t.cov(a, aweights=p)", "t.cov(a, fweights=p[:2])", "t.cov(a, fweights=-p)", "t.cov(a, aweights=-v.abs())", "t.corrcoef(c)", "t.addr(w, w[0], w[0], beta=0.5)", "t.addr(w, w[0], w[0], alpha=True)", "t.addr(a, a, v)", "t.addr(a, v, a)", "t.addr(b, v, v)",
    "t.pca_lowrank(a, q=5)", "t.pca_lowrank(a, niter=-1)",
]  # fmt: skip


@pytest.mark.parametrize("text", ERRORS)
def test_errors_are_pytorch_s(text):
    assert isinstance(agree(expression(text, **ARRAYS)), Raised)


def test_a_singular_matrix_is_a_linalg_error():
    with pytest.raises(minitorch.linalg.LinAlgError, match="singular"):
        minitorch.linalg.inv(minitorch.zeros(2, 2))
    assert issubclass(minitorch.linalg.LinAlgError, RuntimeError)


@pytest.mark.parametrize("text", ["t.svd_lowrank(x, q=3)", "t.pca_lowrank(x)", "t.pca_lowrank(x.mT, q=2, center=False, niter=1)", "t.svd_lowrank(x, 2, M=x * 0.5)"])
def test_random_directions_are_pytorch_s(text):
    """The singular values, and the product of the factors: their signs are free."""

    def program(t):
        t.manual_seed(3)
        x = t.from_numpy(reals((2, 7, 5))).requires_grad_()
        u, s, v = eval(text, {"t": t, "x": x})
        product = (u * s.unsqueeze(-2)) @ v.mT
        (s.sum() + (product * product).sum()).backward()
        return s, product, x.grad

    assert not isinstance(agree(program, {"float64": (1e-7, 1e-8)}), Raised)


@pytest.mark.parametrize("n", [5, 40, 150])
@pytest.mark.parametrize("upper", [False, True])
@pytest.mark.parametrize("ones", [False, True])
def test_triangular_systems_of_any_size(n, upper, ones):
    """What stands in the other triangle isn't read, whatever it is."""
    numbers = numpy.random.default_rng(0)
    a = numbers.standard_normal((n, n)) / n + 2 * numpy.eye(n)
    a[numpy.tril_indices(n, -1) if upper else numpy.triu_indices(n, 1)] = numpy.nan
    if ones:
        a[numpy.diag_indices(n)] = 0
    agree(expression(f"t.linalg.solve_triangular(a, b, upper={upper}, unitriangular={ones})", a=a, b=numbers.standard_normal((n, 3))))


@pytest.mark.parametrize("upper", [False, True])
def test_a_triangular_system_without_a_solution_is_divided_by_zero(upper):
    a, b = numpy.diag([2.0, 0.0, 4.0]), numpy.array([[2.0], [1.0], [4.0]])
    agree(expression(f"t.linalg.solve_triangular(a, b, upper={upper})", a=a, b=b))


@pytest.mark.parametrize("name", ["qr", "svd", "eigh", "eig", "lu_factor_ex", "slogdet"])
def test_results_are_the_same_whether_or_not_somebody_watches(name):
    """Unwatched they aren't packed; they are contiguous, have memory of their own, and the same bits."""
    for x in (reals((4, 4)), reals((2, 3, 3)).astype("float32"), reals((3, 3)) * 1j, reals((0, 0))):
        factor, alone = getattr(minitorch.linalg, name), minitorch.tensor(x)
        watched = factor(alone.clone().requires_grad_())
        for y, wanted in zip(factor(alone), watched, strict=True):
            assert (y.dtype, y.shape, y.stride()) == (wanted.dtype, wanted.shape, wanted.stride())
            assert y._array.tobytes() == wanted.detach()._array.tobytes()
            assert y._storage is not alone._storage and y.requires_grad is False
