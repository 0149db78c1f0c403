"""Products and rearrangements of torch.linalg that need no factorization."""

from math import prod

from ..ops.equations import inv, solve
from ..ops.linalg import cross as cross_over
from ..ops.matrix_checks import refuse_integers
from ..ops.spelling import numpy_names

__all__ = ["cross", "diagonal", "multi_dot", "tensorinv", "tensorsolve", "vander", "vecdot"]


def diagonal(A, *, offset=0, dim1=-2, dim2=-1):
    """The diagonals of the matrices in two dims, as a view.   torch: linalg.diagonal"""
    return A.diagonal(offset, dim1, dim2)


@numpy_names
def cross(input, other, *, dim=-1):
    """The vector product of vectors of three.   torch: linalg.cross"""
    if input.ndim != other.ndim:
        raise RuntimeError("linalg.cross: inputs must have the same number of dimensions.")
    return cross_over(input, other, dim)


@numpy_names
def vecdot(x, y, *, dim=-1):
    """Σ x̄ y over a dim.   torch: linalg.vecdot"""
    refuse_integers(x, "linalg.vecdot")
    if x.dtype is not y.dtype:
        raise RuntimeError(
            f"linalg.vecdot: Expected x and y to have the same dtype, but found x of type {x._type_name()} and y of type "
            f"{y._type_name()} instead"
        )
    return (x.conjugate() * y).sum(dim)


def vander(x, *, N=None):
    """The powers 0 to N - 1 of each element, in a new last dim.   torch: linalg.vander"""
    if x.dtype.itemsize == 2 and x.is_floating_point():
        raise RuntimeError(f"linalg.vander supports floating point, complex, and integer tensors, but got {x._type_name()}")
    x = x if x.ndim else x.unsqueeze(0)
    count = x.shape[-1] if N is None else N
    if count <= 1:
        raise RuntimeError("N must be greater than 1.")
    powers = x.unsqueeze(-1).expand(*x.shape, count - 1).cumprod(-1)
    return x._cat((powers.new_ones((*x.shape, 1)), powers), -1)


def multi_dot(tensors):
    """The product of several matrices, in the order that takes the fewest multiplications.   torch: linalg.multi_dot

    The first may be a vector, a row, and the last a vector, a column.
    """
    count = len(tensors)
    if count < 2:
        raise RuntimeError(f"multi_dot(): expected at least 2 tensors but got {count}")
    check_chain(tensors)
    first, last = tensors[0], tensors[-1]
    chain = [first.unsqueeze(0) if first.ndim == 1 else first, *tensors[1:-1], last.unsqueeze(1) if last.ndim == 1 else last]
    for i in range(count - 1):
        if chain[i].shape[1] != chain[i + 1].shape[0]:
            raise RuntimeError(
                f"multi_dot(): tensors {i} and {i + 1} with shapes {list(chain[i].shape)} and {list(chain[i + 1].shape)} cannot be "
                "multiplied"
            )
    product = multiplied(chain, splits([x.shape[0] for x in chain] + [chain[-1].shape[1]]), 0, count - 1)
    return product.reshape(first.shape[:-1] + last.shape[1:])


def check_chain(tensors):
    for i, x in enumerate(tensors):
        ends = {0: "first", len(tensors) - 1: "last"}
        if i in ends and x.ndim not in (1, 2):
            raise RuntimeError(f"multi_dot(): the {ends[i]} tensor must be 1D or 2D but got {x.ndim}D")
        if i not in ends and x.ndim != 2:
            raise RuntimeError(f"multi_dot(): tensor {i} must be 2D but got {x.ndim}D")
        if x.dtype is not tensors[0].dtype:
            raise RuntimeError(
                f"multi_dot(): all tensors must have be the same dtype but tensor 0 is {tensors[0]._type_name('c')} and tensor {i} "
                f"{x._type_name('c')}"
            )


def splits(sizes):
    """For each part [i, j] of a chain of matrices, sizes[i] x sizes[i + 1] the i-th, after which to split it first."""
    count = len(sizes) - 1
    cost, split = {(i, i): 0 for i in range(count)}, {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            costs = [cost[i, k] + cost[k + 1, j] + sizes[i] * sizes[k + 1] * sizes[j + 1] for k in range(i, j)]
            cost[i, j] = min(costs)
            split[i, j] = i + costs.index(cost[i, j])
    return split


def multiplied(chain, split, i, j):
    if i == j:
        return chain[i]
    k = split[i, j]
    return multiplied(chain, split, i, k).mm(multiplied(chain, split, k + 1, j))


def tensorinv(input, ind=2):
    """The inverse of x as a map from its last dims to its first ``ind``.   torch: linalg.tensorinv"""
    if ind <= 0:
        raise RuntimeError(f"Expected a strictly positive integer for 'ind', but got {ind}")
    if ind > input.ndim:
        raise RuntimeError(f"ArrayRef: invalid slice, N = {ind}; size = {input.ndim}")
    rows, columns = tuple(input.shape[:ind]), tuple(input.shape[ind:])
    if prod(rows) != prod(columns):
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[ind:]) == prod(self.shape[:ind]), but got "
            f"{prod(columns)} != {prod(rows)}"
        )
    return inv(input.reshape(prod(rows), prod(columns))).reshape(columns + rows)


def tensorsolve(A, B, dims=None):
    """X with tensordot(A, X) = B; the dims ``dims`` of A are moved to its end first.   torch: linalg.tensorsolve"""
    if dims is not None:
        A = A.movedim(dims, tuple(range(A.ndim - len(dims), A.ndim)))
    size = prod(A.shape[B.ndim :])
    if size != B.numel():
        raise RuntimeError(
            "Expected self to satisfy the requirement prod(self.shape[other.ndim:]) == prod(self.shape[:other.ndim]), but got "
            f"{size} != {B.numel()}"
        )
    return solve(A.reshape(size, size), B.flatten()).reshape(A.shape[B.ndim :])
