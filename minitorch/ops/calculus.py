"""Integrals, derivatives and differences of functions that are given by samples."""

from ..dtypes import bool as bool_dtype
from .reduce import dims_of, one_dim
from .spelling import numpy_names

__all__ = ["cumulative_trapezoid", "diff", "gradient", "trapezoid"]


@numpy_names
def trapezoid(y, x=None, *, dx=None, dim=-1):
    """∫ y along ``dim`` by straight lines between the samples, at places ``x`` or ``dx`` apart.   torch: trapezoid

    x: the places, a vector or of y's shape.

    >>> torch.trapezoid(torch.tensor([1.0, 5.0, 10.0]))
    tensor(10.5000)
    """
    if y.ndim and y.shape[one_dim(dim, y.ndim)] == 0:
        return y.detach().sum(dim).to(y._common_dtype((y, 1.0)))
    return areas("trapezoid", y, x, dx, dim).sum(dim) / 2


@numpy_names
def cumulative_trapezoid(y, x=None, *, dx=None, dim=-1):
    """``trapezoid`` up to each sample but the first.   torch: cumulative_trapezoid"""
    return areas("cumulative_trapezoid", y, x, dx, dim).cumsum(dim) / 2


def areas(name, y, x, dx, dim):
    """Twice the area between neighbouring samples."""
    d = one_dim(dim, y.ndim)
    for given in (y, x):
        if getattr(given, "dtype", None) is bool_dtype:
            raise RuntimeError(f"{name}: received a bool input for `{'y' if x is None else 'x` or `y'}`, but bool is not supported")
    if x is not None and dx is not None:
        kinds = f"({type(y).__name__}, {type(x).__name__}, dx={type(dx).__name__})"
        raise TypeError(
            f"{name}() received an invalid combination of arguments - got {kinds}, but expected one of:\n"
            "the places x, or their distance dx"
        )
    n = y.shape[d]
    earlier, later = neighbours(y, d)
    both = later + earlier
    if x is None:
        return both * (1 if dx is None else dx)
    if x.ndim == 1:
        if x.shape[0] != n:
            raise RuntimeError(f"{name}: There must be one `x` value for each sample point")
        x = x.reshape([n if i == d else 1 for i in range(y.ndim)])
    elif x.ndim < y.ndim:
        x = x.reshape([1] * (y.ndim - x.ndim) + list(x.shape))
    earlier, later = neighbours(x, d)
    return both * (later - earlier)


def neighbours(x, d):
    """All elements along a dim but the last, and all but the first."""
    n = x.shape[d]
    return x.narrow(d, 0, max(n - 1, 0)), x.narrow(d, min(1, n), max(n - 1, 0))


# ---------------------------------------------------------------------------------------------------------- derivatives


@numpy_names
def gradient(input, *, spacing=1, dim=None, edge_order=1):
    """The derivative along each of ``dim``, by the parabola through a sample and its neighbours.   torch: gradient

    spacing: the distance of the samples, or one for each dim; or for each a vector of places. At the edges the derivative
    is that of a straight line, or for ``edge_order=2`` of a parabola.

    >>> torch.gradient(torch.tensor([1.0, 2.0, 4.0, 8.0]))
    (tensor([1.0000, 1.5000, 3.0000, 4.0000]),)
    """
    several = isinstance(spacing, (list, tuple))
    check_gradient(input, spacing, several, dim, edge_order)
    dims = dims_of(dim, input.ndim)
    spacings = list(spacing) if several else [1 if spacing is None else spacing] * len(dims)
    return tuple([slope(input, h, d, edge_order) for h, d in zip(spacings, dims, strict=True)])


def check_gradient(input, spacing, several, dim, edge_order):
    """Raise RuntimeError for what ``gradient`` doesn't take."""
    if edge_order not in (1, 2):
        raise RuntimeError("torch.gradient only supports edge_order=1 and edge_order=2.")
    count = input.ndim if dim is None else 1 if isinstance(dim, int) else len(dim)
    if several and len(spacing) != count:
        raise RuntimeError(
            f"torch.gradient expected spacing to be unspecified, a scalar, or a list of length equal to 'self.dim() = {count}', "
            f"since dim argument was not given, but got a list of length {len(spacing)}"
            if dim is None
            else "torch.gradient expected spacing to be unspecified, a scalar or it's spacing and dim arguments to have the same "
            f"length, but got a spacing argument of length {len(spacing)} and a dim argument of length {count}."
        )
    tensors = [h for h in spacing if hasattr(h, "_apply")] if several else []
    dims = dims_of(dim, input.ndim)
    for d in dims:
        if input.ndim and input.shape[d] < edge_order + 1:
            raise RuntimeError("torch.gradient expected each dimension size to be at least edge_order+1")
    for h, d in zip(tensors, dims, strict=False):
        if h.ndim != 1:
            raise RuntimeError(
                f"torch.gradient expected each element of spacing to have one dimension, but got an element with {h.ndim} dimensions!"
            )
        if h.shape[0] != input.shape[d]:
            raise RuntimeError(
                "torch.gradient expected each spacing vector to have as many places as the dim has samples, but got "
                f"{h.shape[0]} and {input.shape[d]}"
            )


def slope(x, h, d, edge_order):
    """The derivative along one dim."""
    if hasattr(h, "_apply"):
        return slope_at_places(x, h.diff(), d, edge_order)
    n = x.shape[d]
    at = lambda start, count: x.narrow(d, start, count)  # noqa: E731
    middle = (at(2, n - 2) - at(0, n - 2)) / (2 * h)
    if edge_order == 1:
        first, last = (at(1, 1) - at(0, 1)) / h, (at(n - 1, 1) - at(n - 2, 1)) / h
    else:
        first = (at(0, 1) * -1.5 + at(1, 1) * 2 - at(2, 1) * 0.5) / h
        last = (at(n - 1, 1) * 1.5 - at(n - 2, 1) * 2 + at(n - 3, 1) * 0.5) / h
    return x._cat((first, middle, last), d)


def slope_at_places(x, steps, d, edge_order):
    """``slope`` for samples that lie ``steps`` apart."""
    n = x.shape[d]
    steps = steps.to(x._common_dtype((x, 1.0)) if not x.is_floating_point() else x.dtype)
    steps = steps.reshape([n - 1 if i == d else 1 for i in range(x.ndim)])
    at = lambda start, count: x.narrow(d, start, count)  # noqa: E731
    step = lambda start, count: steps.narrow(d, start, count)  # noqa: E731
    before, after = step(0, n - 2), step(1, n - 2)
    middle = (
        at(0, n - 2) * (-after / (before * (before + after)))
        + at(1, n - 2) * ((after - before) / (before * after))
        + at(2, n - 2) * (before / (after * (before + after)))
    )
    if edge_order == 1:
        first, last = (at(1, 1) - at(0, 1)) / step(0, 1), (at(n - 1, 1) - at(n - 2, 1)) / step(n - 2, 1)
    else:
        first = parabola(at(0, 1), at(1, 1), at(2, 1), step(0, 1), step(1, 1))
        last = -parabola(at(n - 1, 1), at(n - 2, 1), at(n - 3, 1), step(n - 2, 1), step(n - 3, 1))
    return x._cat((first, middle, last), d)


def parabola(x0, x1, x2, near, far):
    """The slope at the first of three samples, of which the others lie ``near`` and then ``far`` on."""
    return x1 * ((near + far) / (near * far)) - x0 * ((2 * near + far) / (near * (near + far))) - x2 * (near / (far * (near + far)))


# ---------------------------------------------------------------------------------------------------------- differences


@numpy_names
def diff(input, n=1, dim=-1, prepend=None, append=None):
    """x[i + 1] - x[i] along ``dim``, n times.   torch: diff"""
    d = one_dim(dim, input.ndim)
    if input.ndim == 0:
        raise RuntimeError("diff expects input to be at least one-dimensional")
    if n < 0:
        raise RuntimeError(f"order must be non-negative but got {n}")
    parts = [part for part in (prepend, input, append) if part is not None] if n else [input]
    if len(parts) > 1:
        input = input._cat(parts, d)
    for _ in range(n):
        earlier, later = neighbours(input, d)
        input = later ^ earlier if input.dtype is bool_dtype else later - earlier
    return input if n else input.clone()
