"""Fourier transforms: of one dim, of two, of any, of reals, of spectra of reals. Those of a signal's short windows are in ``stft.py``.

``n`` and ``s`` are sizes to which the input is cut or padded with zeros first. ``norm`` says which direction is divided:
"backward" (the default) the inverse by n, "forward" the other, "ortho" both by √n.

torch: torch.fft, aten/src/ATen/native/SpectralOps.cpp
"""

from ..dtypes import get_default_dtype
from ..errors import not_a_tensor
from ..making import named
from ..tables import spectral as rows
from .reduce import one_dim
from .spelling import numpy_names

__all__ = [
    "doubled", "fft", "fft2", "fftn", "fftshift", "hfft", "hfft2", "hfftn", "ifft", "ifft2", "ifftn", "ifftshift",
    "ihfft", "ihfft2", "ihfftn", "irfft", "irfft2", "irfftn", "lengthened", "rfft", "rfft2", "rfftn",
]  # fmt: skip

POWERS = {None: (0, 1), "backward": (0, 1), "ortho": (0.5, 0.5), "forward": (1, 0)}
"""By norm: p of the division by n^p, forward and back."""


def power_of(norm, inverse):
    if norm not in POWERS:
        raise RuntimeError(f'Invalid normalization mode: "{norm}"\nthere are "backward", "ortho" and "forward"')
    return POWERS[norm][inverse]


def spectral_input(input, complex=True):
    """The input as floating-point or complex numbers. Raises RuntimeError for narrow ones."""
    if input.dtype.is_floating_point or input.is_complex():
        if input.dtype.itemsize == 2:
            raise RuntimeError(f"Unsupported dtype {input._type_name()}\nconvert it first: x.float()")
    else:
        input = input.to(get_default_dtype())
    return input.to(input.dtype.to_complex()) if complex else input


def real_input(name, input):
    """The input as floating-point numbers. Raises RuntimeError for complex ones."""
    tensor_only(name, input)
    if input.is_complex():
        found = input._type_name()
        if name == "ihfftn":
            raise RuntimeError(f"Only supports floating-point dtypes, but found: {found}")
        raise RuntimeError(f"{name} expects a {'real-valued' if name == 'rfftn' else 'real'} input tensor, but got {found}")
    return spectral_input(input, complex=False)


def resized_along(input, dim, n):
    """The first ``n`` along a dim, zeros where there are fewer."""
    size = input._array.shape[dim]
    return input.narrow(dim, 0, n) if n < size else lengthened(input, dim, n)


def lengthened(input, dim, n):
    """The input, with zeros to the size ``n`` at the end of a dim."""
    missing = n - input._array.shape[dim]
    return input.pad_widths([(0, missing if d == dim else 0) for d in range(input._array.ndim)]) if missing else input


def doubled(input, dim, n):
    """Half of a spectrum of n, with the numbers doubled whose conjugates were left out."""
    half = input._array.shape[dim]
    first, middle = input.narrow(dim, 0, 1), input.narrow(dim, 1, n - half) * 2
    return input._cat([first, middle, input.narrow(dim, 1 + n - half, 2 * half - 1 - n)], dim)


# ------------------------------------------------------------------------------------------------------------- one dim


def place(name, input, n, dim, half=False):
    """The dim from the front, and the number of points: all, unless said; of ``half`` a spectrum as many as it stands for.

    Raises IndexError for a dim that isn't there, RuntimeError for no points.
    """
    tensor_only(name, input)
    if not input._array.ndim:
        raise IndexError(f"Dimension specified as {dim} but tensor has no dimensions")
    d = one_dim(dim, input._array.ndim)
    size = input._array.shape[d]
    n = n if n is not None else 2 * (size - 1) if half else size
    return d, checked_points(n)


def tensor_only(name, x):
    if not hasattr(x, "_array"):
        raise not_a_tensor(f"fft_{name}", "input", 1, x)


def checked_points(n):
    if n < 1:
        raise RuntimeError(f"Invalid number of data points ({n}) specified")
    return n


def transform(name, inverse):
    def function(input, n=None, dim=-1, norm=None):
        d, n = place(name, input, n, dim)
        x = resized_along(spectral_input(input), d, n)
        return x._apply(rows.fft, (x,), ((d,), inverse, power_of(norm, inverse)))

    doc = f"The {'inverse ' * inverse}Fourier transform over one dim, complex.   torch: fft.{name}"
    return numpy_names(named(function, name, doc))


fft, ifft = transform("fft", False), transform("ifft", True)


@numpy_names
def rfft(input, n=None, dim=-1, norm=None):
    """The first n // 2 + 1 numbers of the transform of reals; the others are their conjugates.   torch: fft.rfft"""
    d, n = place("rfft", input, n, dim)
    x = resized_along(real_input("rfft", input), d, n)
    return x._apply(rows.rfft, (x,), ((d,), power_of(norm, False)))


@numpy_names
def irfft(input, n=None, dim=-1, norm=None):
    """The inverse of ``rfft``: n reals, by default an even number.   torch: fft.irfft"""
    d, n = place("irfft", input, n, dim, half=True)
    x = resized_along(spectral_input(input), d, n // 2 + 1)
    return x._apply(rows.irfft, (x,), ((d,), n, power_of(norm, True)))


@numpy_names
def hfft(input, n=None, dim=-1, norm=None):
    """The transform of half of a signal that is its own mirrored conjugate: n reals.   torch: fft.hfft"""
    d, n = place("hfft", input, n, dim, half=True)
    x = resized_along(spectral_input(input), d, n // 2 + 1).conjugate()
    return x._apply(rows.irfft, (x,), ((d,), n, power_of(norm, False)))


@numpy_names
def ihfft(input, n=None, dim=-1, norm=None):
    """The inverse of ``hfft``: the first n // 2 + 1 numbers.   torch: fft.ihfft"""
    d, n = place("ihfft", input, n, dim)
    x = resized_along(real_input("ihfft", input), d, n)
    return x._apply(rows.rfft, (x,), ((d,), power_of(norm, True))).conjugate()


# ----------------------------------------------------------------------------------------------------------- many dims


def places(name, input, s, dim, half=False):
    """The dims from the front, and the points along each: all, unless said; -1 in ``s`` says all, too."""
    tensor_only(name, input)
    shape = input._array.shape
    s, dim = [(v,) if isinstance(v, int) else v for v in (s, dim)]
    if dim is not None:
        dims = tuple([one_dim(d, len(shape)) for d in dim])
        if len(set(dims)) < len(dims):
            raise RuntimeError("FFT dims must be unique")
        if s is not None and len(s) != len(dims):
            raise RuntimeError("When given, dim and shape arguments must have the same length")
    elif s is not None and len(s) > len(shape):
        raise RuntimeError(f"Got shape with {len(s)} values but input tensor only has {len(shape)} dimensions.")
    else:
        dims = tuple(range(len(shape) - (len(shape) if s is None else len(s)), len(shape)))
    points = [shape[d] if n == -1 else n for d, n in zip(dims, [-1] * len(dims) if s is None else s, strict=True)]
    if half and dims and (s is None or s[-1] == -1):
        points[-1] = 2 * (shape[dims[-1]] - 1)
    return dims, [checked_points(n) for n in points]


def resized(x, dims, points):
    for d, n in zip(dims, points, strict=True):
        x = resized_along(x, d, n)
    return x


def some_dims(name, dims):
    """``dims``. Raises RuntimeError if there are none, where a last one is needed."""
    if not dims:
        raise RuntimeError(f"{name} must transform at least one axis")
    return dims


def transform_n(name, inverse):
    def function(input, s=None, dim=None, norm=None):
        dims, points = places(name, input, s, dim)
        x = resized(spectral_input(input), dims, points)
        return x._apply(rows.fft, (x,), (dims, inverse, power_of(norm, inverse))) if dims else x.clone()

    doc = f"The {'inverse ' * inverse}Fourier transform over several dims, all unless said.   torch: fft.{name}"
    return numpy_names(named(function, name, doc))


fftn, ifftn = transform_n("fftn", False), transform_n("ifftn", True)


@numpy_names
def rfftn(input, s=None, dim=None, norm=None):
    """``rfft`` over the last of several dims, ``fft`` over the others.   torch: fft.rfftn"""
    x = real_input("rfftn", input)
    dims, points = places("rfftn", input, s, dim)
    x = resized(x, some_dims("rfftn", dims), points)
    return x._apply(rows.rfft, (x,), (dims, power_of(norm, False)))


@numpy_names
def irfftn(input, s=None, dim=None, norm=None):
    """The inverse of ``rfftn``.   torch: fft.irfftn"""
    dims, points = places("irfftn", input, s, dim, half=True)
    x = resized(spectral_input(input), some_dims("irfftn", dims), [*points[:-1], points[-1] // 2 + 1])
    return x._apply(rows.irfft, (x,), (dims, points[-1], power_of(norm, True)))


@numpy_names
def hfftn(input, s=None, dim=None, norm=None):
    """``hfft`` over the last of several dims, ``fft`` over the others.   torch: fft.hfftn"""
    dims, points = places("hfftn", input, s, dim, half=True)
    x = resized(spectral_input(input), some_dims("hfftn", dims), [*points[:-1], points[-1] // 2 + 1]).conjugate()
    return x._apply(rows.irfft, (x,), (dims, points[-1], power_of(norm, False)))


@numpy_names
def ihfftn(input, s=None, dim=None, norm=None):
    """The inverse of ``hfftn``.   torch: fft.ihfftn"""
    x = real_input("ihfftn", input)
    dims, points = places("ihfftn", input, s, dim)
    x = resized(x, some_dims("ihfftn", dims), points)
    return x._apply(rows.rfft, (x,), (dims, power_of(norm, True))).conjugate()


def of_two(name, over_many):
    def function(input, s=None, dim=(-2, -1), norm=None):
        return over_many(input, s, dim, norm)

    doc = f"``{over_many.__name__}`` over two dims, the last unless said.   torch: fft.{name}"
    return numpy_names(named(function, name, doc))


fft2, ifft2, rfft2, irfft2 = of_two("fft2", fftn), of_two("ifft2", ifftn), of_two("rfft2", rfftn), of_two("irfft2", irfftn)
hfft2, ihfft2 = of_two("hfft2", hfftn), of_two("ihfft2", ihfftn)


# -------------------------------------------------------------------------------------------------------------- shifts


@numpy_names
def fftshift(input, dim=None):
    """Frequency 0 in the middle, over ``dim``, all unless said.   torch: fft.fftshift

    >>> torch.fft.fftshift(torch.fft.fftfreq(4))
    tensor([-0.5000, -0.2500,  0.0000,  0.2500])
    """
    return shifted(input, dim, lambda n: n // 2)


@numpy_names
def ifftshift(input, dim=None):
    """The inverse of ``fftshift``.   torch: fft.ifftshift"""
    return shifted(input, dim, lambda n: (n + 1) // 2)


def shifted(input, dim, half):
    ndim = input._array.ndim
    dims = tuple(range(ndim)) if dim is None else (dim,) if isinstance(dim, int) else tuple(dim)
    if not dims:
        raise RuntimeError("`shifts` required")
    dims = tuple([one_dim(d, ndim) for d in dims])
    return input.roll(tuple([half(input._array.shape[d]) for d in dims]), dims)
