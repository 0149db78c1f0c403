"""Equations with triangles on a GPU are those of the CPU: sizes around a kernel's, batches that are broadcast, either side."""

import pytest

import minitorch as t

SIZES = {  # rows, columns of the other side, the batch of the triangle, that of the other side
    "small": (5, 3, (), ()), "one number": (1, 1, (), ()), "a whole block": (64, 40, (), ()), "more than a block": (65, 1, (), ()),
    "by halves": (200, 33, (), ()), "a batch": (7, 2, (2, 3), (2, 3)), "one triangle for all": (7, 2, (), (4,)),
    "one right side for all": (7, 2, (3,), (2, 3)), "each by each": (70, 2, (2, 1), (1, 3)),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [t.float32, t.float64, t.complex64], ids=str)
@pytest.mark.parametrize("name", SIZES)
def test_a_triangle(name, dtype, device):
    n, m, batch, others = SIZES[name]
    t.manual_seed(0)
    a = t.randn(*batch, n, n, dtype=dtype) / n + 2 * t.eye(n, dtype=dtype)
    b = t.randn(*others, n, m, dtype=dtype)
    for upper, left, ones in [(True, True, False), (False, True, True), (True, False, True), (False, False, False)]:
        given = b if left else b.mT.contiguous()
        found = [t.linalg.solve_triangular(a.to(x), given.to(x), upper=upper, left=left, unitriangular=ones).cpu() for x in ("cpu", device)]
        tolerance = 1e-10 if dtype is t.float64 else 1e-5
        assert found[0].shape == found[1].shape and found[0].allclose(found[1], rtol=tolerance, atol=tolerance)
