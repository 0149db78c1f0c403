"""Room around a tensor, filled with a number or with the tensor's own elements.   torch: F.pad"""

from ...creation import tensor
from ...ops.joining import cat
from ...ops.movement import pad_widths

__all__ = ["pad", "pad_constant"]


def pad(input, pad, mode="constant", value=None):
    """Widen the last dims: ``pad`` is (before, after) of the last, then of the one before it, and so on.

    mode: 'constant' (``value``, or 0), 'reflect' (c b | a b c | b a), 'replicate' (a a | a b c | c c) or
    'circular' (b c | a b c | a b). A negative width cuts off.   torch: F.pad

    >>> F.pad(tensor([1, 2, 3]), (1, 2))
    tensor([0, 1, 2, 3, 0, 0])
    >>> F.pad(tensor([[1, 2, 3]]), (2, 1), mode="reflect")
    tensor([[3, 2, 1, 2, 3, 2]])
    """
    if len(pad) % 2:
        raise RuntimeError("Padding length must be divisible by 2\nit is a (before, after) for each dimension")
    if len(pad) > 2 * input.ndim:
        raise RuntimeError(
            "Padding length should be less than or equal to two times the input dimension but got padding length "
            f"{len(pad)} and input of dimension {input.ndim}\nthe first pair is the last dimension's"
        )
    if mode == "constant":
        return pad_constant(input, pad, 0 if value is None else value)
    if value is not None and value != 0:
        raise RuntimeError(f'Padding mode "{mode}" doesn\'t take in value argument\nonly mode="constant" has a value')
    if mode not in MODES:
        raise NotImplementedError(
            f"Unrecognised padding mode {mode}\nuse 'constant', 'reflect', 'replicate' or 'circular'"
        )
    _check_rank(input, pad)

    widths = [(input.ndim - 1 - i, pad[2 * i], pad[2 * i + 1]) for i in range(len(pad) // 2)]
    for dim, before, after in widths:
        _check_width(input, dim, before, after, mode)
    for dim, before, after in widths:
        if before or after:
            input = _pad_dim(input, dim, before, after, mode)
    return input


def pad_constant(input, pad, value):
    widths = [(0, 0)] * (input.ndim - len(pad) // 2)
    for i in reversed(range(len(pad) // 2)):
        before, after = pad[2 * i], pad[2 * i + 1]
        size = input.shape[input.ndim - 1 - i]
        if min(before, 0) + min(after, 0) < -size:
            raise RuntimeError("narrow(): length must be non-negative.\n"
                               f"cutting {-before} and {-after} off a dimension of size {size}")  # fmt: skip
        widths.append((before, after))
    return pad_widths(input, tuple(widths), value)


# ------------------------------------------------------------------------------- one dimension, with its own elements


def _pad_dim(input, dim, before, after, mode):
    if min(before, after) < 0:
        return _padded_and_cut(input, dim, before, after, mode)
    n = input.shape[dim]
    if mode == "circular":
        sides = input.narrow(dim, n - before, before), input.narrow(dim, 0, after)
    elif mode == "reflect":
        sides = input.narrow(dim, 1, before).flip(dim), input.narrow(dim, n - 1 - after, after).flip(dim)
    else:
        widened = [[width if d == dim % input.ndim else -1 for d in range(input.ndim)] for width in (before, after)]
        sides = input.narrow(dim, 0, 1).expand(widened[0]), input.narrow(dim, n - 1, 1).expand(widened[1])
    return cat([x for x in (sides[0], input, sides[1]) if x.shape[dim]], dim)


def _padded_and_cut(input, dim, before, after, mode):
    """Element by element: where something is cut off, the other side may see less of the input, or none."""
    if mode == "circular":  # what is wrapped around is what is left after cutting
        start, stop = max(-before, 0), input.shape[dim] - max(-after, 0)
        input, before, after = input.narrow(dim, start, stop - start), max(before, 0), max(after, 0)
    n, source = input.shape[dim], MODES[mode]
    index = tensor([source(j, n) for j in range(-before, n + after)], device=input.device).long()
    return input.index_select(dim, index)


def _reflected(j, n):
    return n - 1 - abs(n - 1 - abs(j))


def _replicated(j, n):
    return min(max(j, 0), n - 1)


def _wrapped(j, n):
    return j % n


MODES = {"reflect": _reflected, "replicate": _replicated, "circular": _wrapped}
"""Which element of n stands at place j, where 0 ≤ j < n are the elements themselves."""


def _check_rank(input, pad):
    if (input.ndim, len(pad)) not in {(2, 2), (3, 2), (3, 4), (4, 4), (4, 6), (5, 6)}:
        raise NotImplementedError(
            f"Padding size {len(pad)} is not supported for {input.ndim}D input tensor.\n"
            "pad the last 1, 2 or 3 dimensions of an input that has one or two dimensions more (channels, and samples)"
        )


def _check_width(input, dim, before, after, mode):
    n = input.shape[dim]
    i = input.ndim - 1 - dim
    shape = list(input.shape)
    if mode == "reflect" and (before >= n or after >= n):
        raise RuntimeError(
            f"Argument #{4 + 2 * i}: Padding size should be less than the corresponding input dimension, but got: "
            f"padding ({before}, {after}) at dimension {dim} of input {shape}\na reflection doesn't repeat the edge"
        )
    if mode == "circular" and (before > n or after > n):
        raise RuntimeError("Padding value causes wrapping around more than once.\n"
                           f"padding ({before}, {after}) at dimension {dim} of input {shape}")  # fmt: skip
    if n + before + after <= 0 and mode != "circular":
        raise RuntimeError(
            f"input ({'WHD'[i]}: {n}) is too small. Calculated output {'WHD'[i]}: {n + before + after}\n"
            f"padding ({before}, {after}) cuts off all of dimension {dim}"
        )
