"""beta x + alpha (a product): sums of a tensor and of products.

In float16 and bfloat16 they are PyTorch's to the last bit, if the order of summation is: each is rounded where it is there.
"""

import math

from ..dtypes import bfloat16, float16, float64
from .linalg import addmv_dtype_error, check_batches, in_given_dtypes

__all__ = ["addbmm", "addmm", "addmm_", "addmv", "addr", "baddbmm"]

NARROW = (float16, bfloat16)


def scaled(beta, input, alpha, product):
    """beta x + alpha times the product."""
    if product._array.dtype.kind in "iu":
        beta, alpha = int(beta), int(alpha)
    product = product if alpha == 1 else product * alpha
    if beta == 0:
        return product
    if input._array.shape not in (product._array.shape, product._array.shape[-1:]):
        input = input.expand(product._array.shape)
    return product + (input if beta == 1 else input * beta)


def plain(*tensors):
    """Whether all have one dtype, not of 16 bits, and autocast is off: there is nothing to refuse, nor to round."""
    dtype = tensors[0]._array.dtype
    return dtype.itemsize != 2 and tensors[0]._mode.autocast is None and all([x._array.dtype is dtype for x in tensors])


def narrow_dtype(input, *others):
    """The dtype to round to, if that is narrower than what the sum is computed in: autocast's, or what all of them have."""
    lower = input._mode.autocast
    if lower is not None:
        return lower if all([x.is_floating_point() and x.dtype is not float64 for x in (input, *others)]) else None
    dtype = input.dtype
    return dtype if dtype in NARROW and all([x.dtype is dtype for x in others]) else None


def rounded_once(function, dtype, *tensors, **scales):
    """``function`` of tensors as they are in a narrow dtype, computed in float32."""
    wide = [x.to(dtype).float() for x in tensors]
    return in_given_dtypes(function, *wide, **scales).to(dtype)


def refuse_mixture(input, mat1, mat2):
    """Raise RuntimeError if the matrices of a sum have several dtypes."""
    for name, x in (("self", input), ("mat1", mat1)):
        if x.dtype is not mat2.dtype and input._mode.autocast is None:
            raise RuntimeError(
                f"{name} and mat2 must have the same dtype, but got {x._type_name()} and {mat2._type_name()}\n"
                "convert one of them with .to(dtype)"
            )


def refuse_batches(input, batch1, batch2):
    """``refuse_mixture`` in the words for batches."""
    if input._mode.autocast is not None:
        return
    if input.dtype is batch1.dtype:
        raise RuntimeError(f"expected scalar type {input._type_name()} but found {batch2._type_name()}")
    names = [x._type_name("c") for x in (input, batch1, batch2)]
    raise RuntimeError(f"Input dtypes must be the same, got: input {names[0]}, batch1: {names[1]}, batch2: {names[2]}")


def rounded(number, dtype):
    """A number as it is in a narrow dtype, or as it is where ``dtype`` is None."""
    if dtype is None or not math.isfinite(number):
        return number
    part, exponent = math.frexp(number)
    whole = dtype.mantissa_bits + 1
    return math.ldexp(round(math.ldexp(part, whole)), exponent - whole)


def addmm(input, mat1, mat2, *, beta=1, alpha=1):
    """beta x + alpha A B.   torch: addmm"""
    if plain(input, mat1, mat2):
        return scaled(beta, input, alpha, mat1.mm(mat2))
    narrow = narrow_dtype(input, mat1, mat2)
    if narrow is not None:
        return rounded_once(addmm, narrow, input, mat1, mat2, beta=beta, alpha=alpha)
    refuse_mixture(input, mat1, mat2)
    return scaled(beta, input, alpha, mat1.mm(mat2))


def addmm_(input, mat1, mat2, *, beta=1, alpha=1):
    """``addmm`` in place."""
    return input.copy_(input.addmm(mat1, mat2, beta=beta, alpha=alpha))


def addmv(input, mat, vec, *, beta=1, alpha=1):
    """beta x + alpha A v.   torch: addmv"""
    if input._mode.autocast is not None:
        return in_given_dtypes(addmv, input, mat, vec, beta=beta, alpha=alpha)
    if input.ndim > 1 or mat.ndim != 2 or vec.ndim != 1:
        raise RuntimeError(f"vector + matrix @ vector expected, got {input.ndim}, {mat.ndim}, {vec.ndim}\nfor other ranks there is matmul")
    rows, k = mat._array.shape
    if k != vec._array.shape[0] or input._array.size not in (1, rows):
        sizes = f"got input ({input.numel()}), mat ({mat.shape[0]}x{mat.shape[1]}), vec ({vec.shape[0]})"
        raise RuntimeError(f"size mismatch, {sizes}\nthe vector to add has a number for each row of the matrix, or one for all")
    if plain(input, mat, vec):
        return scaled(beta, input, alpha, mat.matmul(vec))
    if input.dtype is not mat.dtype or mat.dtype is not vec.dtype:
        raise addmv_dtype_error(input, mat, vec)
    narrow = narrow_dtype(input, mat, vec)
    if narrow is not None:
        beta, alpha = rounded(beta, narrow), rounded(alpha, narrow)
        if beta not in (0, 1):
            input, beta = input * beta, 1
        return rounded_once(addmv, narrow, input, mat, vec, beta=beta, alpha=alpha)
    return scaled(beta, input, alpha, mat.mv(vec))


def addr(input, vec1, vec2, *, beta=1, alpha=1):
    """beta x + alpha v wᵀ; for booleans `or` and `and`.   torch: addr"""
    for name, v in (("vec1", vec1), ("vec2", vec2)):
        if v.ndim != 1:
            raise RuntimeError(f"addr: Expected 1-D argument {name}, but got {v.ndim}-D")
    kind = input._common_dtype([input, vec1, vec2]).category
    for name, factor in (("beta", beta), ("alpha", alpha)):
        if isinstance(factor, float) and kind < 2:
            raise RuntimeError(f"For integral input tensors, argument {name} must not be a floating point number.")
        if isinstance(factor, bool) and kind > 0:
            raise RuntimeError(f"Boolean {name} only supported for Boolean results.")
    if kind:
        narrow = None if input._mode.autocast is not None else narrow_dtype(input, vec1, vec2)
        beta, alpha = rounded(beta, narrow), rounded(alpha, narrow)
        vec1 = vec1 if alpha == 1 else vec1 * alpha
    product = vec1.outer(vec2)
    input = input if input._array.shape == product._array.shape else input.expand(product._array.shape)
    if kind == 0:
        product = product if alpha else product.zeros_like()
        return product.logical_or(input) if beta else product
    return scaled(beta, input, 1, product)


def baddbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta x + alpha A B for batches of matrices.   torch: baddbmm"""
    if plain(input, batch1, batch2):
        return scaled(beta, input, alpha, batch1.bmm(batch2))
    narrow = narrow_dtype(input, batch1, batch2)
    if narrow is not None:
        return rounded_once(baddbmm, narrow, input, batch1, batch2, beta=beta, alpha=alpha)
    if input.dtype is not batch1.dtype or input.dtype is not batch2.dtype:
        refuse_batches(input, batch1, batch2)
    return scaled(beta, input, alpha, batch1.bmm(batch2))


def addbmm(input, batch1, batch2, *, beta=1, alpha=1):
    """beta x + alpha Σ A B over a batch.   torch: addbmm"""
    if batch1.ndim == batch2.ndim == 3 and len(batch1) != len(batch2):
        raise RuntimeError(f"batch1 and batch2 must have same number of batches, got {len(batch1)} and {len(batch2)}")
    if batch1.ndim == batch2.ndim == 3 and batch1.shape[2] != batch2.shape[1]:
        sizes = ["x".join(map(str, batch.shape[1:])) for batch in (batch1, batch2)]
        raise RuntimeError(f"Incompatible matrix sizes for bmm ({sizes[0]} and {sizes[1]})")
    narrow = narrow_dtype(input, batch1, batch2)
    if narrow is None:
        refuse_mixture(input, batch1, batch2)
        return scaled(beta, input, alpha, batch1.bmm(batch2).sum(0))
    check_batches(batch1, batch2)
    if not len(batch1):
        return addbmm(input.float(), batch1.float(), batch2.float(), beta=beta, alpha=alpha).to(narrow)
    for a, b in zip(batch1, batch2, strict=True):  # each sum is rounded
        input, beta = addmm(input, a, b, beta=beta, alpha=alpha), 1
    return input
