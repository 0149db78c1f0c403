"""The largest of windows that are placed at random, so that sizes shrink by a fraction.

torch: aten/src/ATen/native/FractionalMaxPool2d.cpp, FractionalMaxPool3d.cpp.   Graham 2014, arXiv:1412.6071
"""

from ...random import rand
from ...tables import windows as rows
from .convolution import ntuple

__all__ = [
    "fractional_max_pool2d", "fractional_max_pool2d_with_indices", "fractional_max_pool3d",
    "fractional_max_pool3d_with_indices",
]  # fmt: skip

NAMES = ("time", "height", "width")


def fractional_max_pool2d(
    input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None
):
    """The largest of each window of (N, C, H, W) or (C, H, W); windows begin about (in - kernel) / (out - 1) apart.

    output_size, or output_ratio: of the output, a number or one for each dim. Where the windows begin is drawn for each
    channel: _random_samples (N, C, 2), from 0 to 1. return_indices: also where the largest are.
    torch: F.fractional_max_pool2d
    """
    out, index = _fractional(input, kernel_size, output_size, output_ratio, _random_samples, 2)
    return (out, index) if return_indices else out


def fractional_max_pool2d_with_indices(
    input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None
):
    """``fractional_max_pool2d``, and where the largest are.   torch: F.fractional_max_pool2d_with_indices"""
    return _fractional(input, kernel_size, output_size, output_ratio, _random_samples, 2)


def fractional_max_pool3d(
    input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None
):
    """``fractional_max_pool2d`` of (N, C, T, H, W) or (C, T, H, W).   torch: F.fractional_max_pool3d"""
    out, index = _fractional(input, kernel_size, output_size, output_ratio, _random_samples, 3)
    return (out, index) if return_indices else out


def fractional_max_pool3d_with_indices(
    input, kernel_size, output_size=None, output_ratio=None, return_indices=False, _random_samples=None
):
    """``fractional_max_pool3d``, and where the largest are.   torch: F.fractional_max_pool3d_with_indices"""
    return _fractional(input, kernel_size, output_size, output_ratio, _random_samples, 3)


def _fractional(input, kernel_size, output_size, output_ratio, samples, n):
    name = f"fractional_max_pool{n}d"
    if output_size is None and output_ratio is None:
        raise ValueError(f"{name} requires specifying either an output_size or an output_ratio\ngive one of them")
    if output_size is None:
        if n == 2 and isinstance(output_ratio, (tuple, list)) and len(output_ratio) > 2:
            raise ValueError(f"{name} requires output_ratio to either be a single Int or tuple of Ints.\n"
                             f"got output_ratio={output_ratio}")  # fmt: skip
        output_size = [int(input.size(i - n) * ratio) for i, ratio in enumerate(ntuple(output_ratio, n))]
    channels = input.size(-n - 1)
    if samples is None:
        batch = 1 if input.ndim == n + 1 else input.shape[0]
        samples = rand(batch, channels, n, dtype=input.dtype, device=input.device)
    kernel, wanted = _sizes(kernel_size, n, name, "kernel_size"), _sizes(output_size, n, name, "output_size")
    _check(input, kernel, wanted, samples, n)

    x = input if input.ndim == n + 2 else input.unsqueeze(0)
    lead = x.shape[:2]
    index = _largest_places(x.detach(), kernel, wanted, samples[: lead[0]].detach()).reshape(*lead, *wanted)
    index = index if x is input else index.squeeze(0)
    return input._apply(rows.pool_gather, (input, index), (n, True)), index


def _largest_places(x, kernel, wanted, samples):
    """Where, counted flat within its map, the largest element of each window is: (maps, windows)."""
    sizes, n = x.shape[2:], len(kernel)
    maps = x.reshape(x.shape[0] * x.shape[1], -1) if x.numel() else x.new_zeros(x.shape[0] * x.shape[1], 0)
    samples = samples.reshape(maps.shape[0], n)
    places = maps.new_zeros(maps.shape[0]).long()
    for i, (size, k, count) in enumerate(zip(sizes, kernel, wanted, strict=True)):
        starts = _starts(samples[:, n - 1 - i if n == 2 else i], size, k, count)
        along = starts.unsqueeze(-1) + starts._arange(k)  # (maps, count, k)
        along = along.reshape(maps.shape[0], *[1] * (2 * i), count, k)
        places = places.unsqueeze(-1).unsqueeze(-1) * size + along
    places = places.permute(0, *range(1, 2 * n, 2), *range(2, 2 * n + 1, 2)).flatten(n + 1).flatten(1, n)
    if not places.numel():
        return places[..., 0]
    seen = maps.gather(1, places.flatten(1)).reshape(places.shape)
    return places.gather(-1, seen.argmax(-1, keepdim=True))


def _starts(sample, size, kernel, count):
    """Where ``count`` windows begin, for each sample: the last one ends with the input.   (maps) → (maps, count)"""
    last = sample.new_full((sample.shape[0], 1), size - kernel).long()
    if count == 1:
        return last
    alpha = (size - kernel) / (count - 1)
    i = sample._arange(count - 1).to(sample.dtype)
    moved = ((sample.unsqueeze(1) + i) * alpha).long() - (sample.unsqueeze(1) * alpha).long()
    return moved._cat([moved, last], 1) if count else moved[:, :0]


def _sizes(value, n, name, what):
    value = ntuple(value, n)
    value = value * n if len(value) == 1 else value
    if len(value) != n:
        many = "three Ints" if n == 3 else "Ints"
        raise RuntimeError(f"{name}: {what} must either be a single Int or tuple of {many}\ngot {what}={value}")
    return value


def _check(input, kernel, wanted, samples, n):
    where = f"fractional_max_pool{n}d" + ("_out()" if n == 3 else "()")
    shape = input.shape
    for dim in range(len(shape) - n - 1, len(shape)):
        if shape[dim] == 0:
            raise RuntimeError(
                f"{where}: Expected input to have non-zero size for non-batch dimensions, but got{list(shape)} with dimension {dim} "
                "being empty."
            )
    if len(shape) not in (n + 1, n + 2):
        raise RuntimeError(f"{where}: Expected {n + 1}D or {n + 2}D tensor, but got: {list(shape)}")
    for word, size, k, count in zip(NAMES[-n:], shape[-n:], kernel, wanted, strict=True):
        if count + k - 1 > size:
            raise RuntimeError(
                f"{where}: pool {word} {k} too large relative to input {word} {size}\n"
                f"{count} windows of {k} that begin at different elements need {count + k - 1}"
            )
    if samples.dtype != input.dtype:
        raise RuntimeError("Expect _random_samples to have the same dtype as input\nuse _random_samples.to(input.dtype)")
    batch, channels = (shape[0] if len(shape) == n + 2 else 1), shape[-n - 1]
    if samples.shape[0] < batch:
        raise RuntimeError("Expect _random_samples.size(0) no less then input batch size.\nthey are (N, C, dims)")
    if samples.shape[1] != channels:
        raise RuntimeError("Expect _random_samples.size(1) equals to input channel size.\nthey are (N, C, dims)")
    if samples.shape[2] != n:
        raise RuntimeError(f"Expect _random_samples.size(2) equals to {n}; got {samples.shape[2]}.")
