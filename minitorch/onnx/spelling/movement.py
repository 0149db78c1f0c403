"""Shapes, views, and what is written through views.

What has no operator of its own goes by *positions*: the places 0, 1, … of a tensor's elements, moved as the row moves the
elements, tell where each comes from, or where it is to be written.
"""

from math import prod

from ...creation import arange, eye
from ...dtypes import bool as boolean
from ...dtypes import int32, int64
from ...engine import apply
from ..errors import OnnxExporterError
from ..sizes import Size
from ..writer import Value

__all__ = ["MOVEMENT", "written"]

END = (1 << 63) - 1
"""As far as a dim goes."""


def expanded(o, x, shape):
    """Dims that are there already are given as 1: Expand goes both ways."""
    before = (1,) * (len(shape) - len(x.shape)) + x.shape
    wanted = [1 if n == m else n for n, m in zip(shape, before, strict=True)]
    return x if all([n == 1 for n in wanted]) and len(shape) == len(x.shape) else o.Expand(x, wanted)


# ---------------------------------------------------------------------------------------------------------------- slices


def from_end(index, size):
    """``index`` of a dim of ``size``, as one number for all sizes if there is one; else as it is."""
    if not isinstance(index, Size) or not isinstance(size, Size):
        return index
    behind = {i - n for i, n in zip(index.values, size.values, strict=True)}
    return END if behind == {0} else behind.pop() if len(behind) == 1 and max(behind) < 0 else index


def sliced(o, x, key):
    """x[key]: the ranges first, then the single places, then new dims."""
    starts, stops, axes, steps, taken, new = [], [], [], [], [], []
    d = 0  # the dim of x that is reached
    for entry in key:
        if entry is None:
            new.append(d + len(new) - len(taken))
            continue
        size = x.shape[d]
        if entry.__class__ is tuple:
            start, stop, step = entry
            if (start, step) != (0, 1) or stop != size:
                starts.append(from_end(start, size))
                stops.append(from_end(stop, size))
                axes.append(d)
                steps.append(step)
        else:
            taken.append((d, from_end(entry, size)))
        d += 1
    y = o.Slice(x, starts, stops, axes, steps) if axes else x
    for d, place in reversed(taken):
        y = o.Gather(y, o.number(place, int64), axis=d)
    return o.Unsqueeze(y, new) if new else y


def flipped(o, x, dims):
    return o.Slice(x, [-1] * len(dims), [-END] * len(dims), list(dims), [-1] * len(dims)) if dims else x


def rolled(o, x, shifts, dims):
    y = x
    for shift, d in zip(shifts, dims, strict=True):
        (shift,) = o.fixed(shift)
        n = x.shape[d]
        if isinstance(n, Size) and abs(shift) > min(n.values):
            o.fixed(n)
        shift = shift if isinstance(n, Size) or not n else shift % n
        if shift:
            y = o.Concat(o.Slice(y, [-shift], [END], [d]), o.Slice(y, [0], [-shift], [d]), axis=d)
    return y


def padded(o, x, widths, value):
    befores, afters = zip(*widths, strict=True) if widths else ((), ())
    small = o.dtype is boolean
    y = o.cast(x, int32) if small else x
    y = o.Pad(y, [*befores, *afters], o.number(int(value) if small else value, int32 if small else o.dtype))
    return o.cast(y, boolean) if small else y


def triangle(upper):
    """The part above or below a diagonal."""

    def cut(o, x, k):
        y = o.Trilu(o.cast(x, int32) if o.dtype is boolean else x, o.number(k, int64), upper=upper)
        return o.cast(y, boolean) if o.dtype is boolean else y

    return cut


# ------------------------------------------------------------------------------------------------- windows along one dim


def unfolded(o, x, dim, size, step):
    """Each window's places in x are its number times the step, and on from there."""
    rank, (size, step) = len(x.shape), o.fixed(size, step)
    firsts = o.Mul(o.range(o.out.shape[dim]), o.number(step, int64))
    places = o.Add(o.Unsqueeze(firsts, [1]), o.constant(list(range(size)), int64))  # (windows, size)
    return o.moved(o.Gather(x, places, axis=dim), rank + 1, dim + 1, rank)


def folded(o, x, shape, dim, size, step):
    """A product with zeros and ones: one where a window's element falls on a place."""
    rank, (n, size, step) = len(shape), o.fixed(shape[dim], size, step)
    (count,) = o.fixed(x.shape[dim])
    ones = eye(n, dtype=o.dtype).unfold(1, size, step).reshape(n, count * size).t().contiguous()
    y = o.moved(x, rank + 1, dim, rank - 1)  # (…, windows, size)
    lead = [m for d, m in enumerate(shape) if d != dim]
    y = o.MatMul(o.reshape(y, [*lead, count * size]), o.constant(ones))
    return o.moved(y, rank, rank - 1, dim)


# -------------------------------------------------------------------------------------------------------- by positions


def positions(o, shape, path):
    """The places, in a flat tensor of ``shape``, of what is at the end of a path in it: (row, params, shape after it) …"""
    if not sizes_in([shape, [params for _, params, _ in path]]):
        places = arange(prod(shape)).reshape(shape)
        for row, params, _ in path:
            places = apply(row, (places,), params)
        return o.constant(places.contiguous())
    count = o.ReduceProd(o.ints(list(shape)), keepdims=0)
    places = Value(o.Reshape(o.Range(o.number(0, int64), count, o.number(1, int64)), list(shape)), int64, shape)
    for row, params, after in path:
        places = o.say(row, (places,), params, int64, after)
    return places


def sizes_in(tree):
    """The Sizes in nested lists and tuples."""
    if isinstance(tree, (list, tuple)):
        return [n for part in tree for n in sizes_in(part)]
    return [tree] if isinstance(tree, Size) else []


def written(o, x, y, path):
    """``x`` with ``y`` at the end of a path in it."""
    places = positions(o, x.shape, path)
    values = o.Reshape(o.Expand(y, o.Shape(places)), [-1])
    flat = o.ScatterElements(o.Reshape(x, [-1]), o.Reshape(places, [-1]), values, axis=0)
    return o.reshape(flat, x.shape)


def steps_of(o, path, after):
    """A path as ``positions`` wants it. What lies between isn't known, so with dynamic axes only short ones can be said."""
    if len(path) > 1:
        o.fixed(*sizes_in([params for _, params in path]), *sizes_in(after))
    return [(row, params, after) for row, params in path]


def embedded(o, x, shape, path):
    zeros = Value(o.Expand(o.number(0, o.dtype), list(shape)), o.dtype, shape)
    return written(o, zeros, x, steps_of(o, path, x.shape))


def diagonal(o, x, offset, dim1, dim2):
    rank, (n, m) = len(x.shape), o.fixed(x.shape[dim1], x.shape[dim2])
    lead = [d for d in range(rank) if d not in (dim1, dim2)]
    flat = o.reshape(o.transpose(x, [*lead, dim1, dim2]), [*[x.shape[d] for d in lead], n * m])
    return o.Gather(flat, o.constant(arange(n * m).reshape(n, m).diagonal(offset).contiguous()), axis=-1)


def strided(o, x, shape, strides, offset, own):
    """What lies there in the memory of a tensor that is laid out in the usual order."""
    places = arange(prod(o.fixed(*x.shape))).reshape(x.shape)
    if own != (places.stride(), 0):
        raise OnnxExporterError(
            f"as_strided of a view can't be said in ONNX\n{o.place}: copy it first, with contiguous()"
        )
    return o.Gather(o.Reshape(x, [-1]), o.constant(places.as_strided(shape, strides, offset).contiguous()))


MOVEMENT = {
    "reshape": lambda o, x, shape: o.reshape(x, shape),
    "permute": lambda o, x, dims: o.transpose(x, dims),
    "expand": expanded,
    "slice": sliced,
    "diagonal": diagonal,
    "unfold": unfolded,
    "fold_windows": folded,
    "embed": embedded,
    "write": lambda o, x, y, path: written(o, x, y, steps_of(o, path, y.shape)),
    "detach": lambda o, x: x,
    "alias": lambda o, x: x,
    "contiguous": lambda o, x: x,
    "flip": flipped,
    "roll": rolled,
    "pad": padded,
    "tril": triangle(0),
    "triu": triangle(1),
    "as_strided": strided,
}
