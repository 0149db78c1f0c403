"""Elements picked and written by integer tensors; joining and sorting."""

from ...dtypes import bool as boolean
from ...dtypes import int32, int64
from ..sizes import Size
from ..writer import Value

__all__ = ["PLACES"]


def long(o, x):
    return x if x.dtype is int64 else o.cast(x, int64)


# ------------------------------------------------------------------------------------------------------------- x[i, j]


def places_of(o, indices):
    """Index tensors, one for each of the first dims, as ONNX wants them: (*positions, dims). And the shape of positions."""
    shape = common_shape([i.shape for i in indices])
    found = [long(o, i) if i.shape == shape else o.Expand(long(o, i), list(shape)) for i in indices]
    return o.Concat(*[o.Unsqueeze(i, [-1]) for i in found], axis=-1), shape


def common_shape(shapes):
    """What shapes are broadcast to."""
    rank = max([len(shape) for shape in shapes])
    aligned = [(1,) * (rank - len(shape)) + tuple(shape) for shape in shapes]
    return tuple([next((n for n in sizes if n != 1), 1) for sizes in zip(*aligned, strict=True)])


def layout(rank, dims, positions):
    """How x[…, i, j, …] lies: the dims of x with the indexed ones in front; and from (positions, other dims) to the result.

    The positions come to stand where the indexed dims were if these are neighbours, else in front.
    """
    others = [d for d in range(rank) if d not in dims]
    neighbours = list(dims) == list(range(dims[0], dims[0] + len(dims)))
    before = dims[0] if neighbours else 0
    back = [
        *range(positions, positions + before),
        *range(positions),
        *range(positions + before, positions + len(others)),
    ]
    return [*dims, *others], back


def index(o, x, *rest):
    *indices, dims = rest
    if len(indices) == 1:
        return o.Gather(x, long(o, indices[0]), axis=dims[0])
    places, shape = places_of(o, indices)
    front, back = layout(len(x.shape), dims, len(shape))
    return o.transpose(o.GatherND(o.transpose(x, front), places), back)


def index_put(o, x, y, *rest):
    *indices, dims, accumulate = rest
    places, shape = places_of(o, indices)
    front, back = layout(len(x.shape), dims, len(shape))
    found = [*shape, *[x.shape[d] for d in front[len(dims) :]]]
    wanted = tuple([found[d] for d in back])
    y = y if getattr(y, "shape", None) == wanted else o.Expand(y, list(wanted))
    y = o.transpose(y, inverse(back))
    out = o.ScatterND(o.transpose(x, front), places, y, reduction="add" if accumulate else "none")
    return o.transpose(out, inverse(front))


def inverse(dims):
    return [dims.index(d) for d in range(len(dims))]


# ---------------------------------------------------------------------------------------------------------- along one dim


def gather(o, x, places, dim):
    if not x.shape:
        return o.Gather(o.Reshape(x, [1]), long(o, places))
    return o.GatherElements(x, long(o, places), axis=dim)


def scattered(reduction):
    """Numbers written at places, or brought together with what is there."""

    def scatter(o, x, places, y, dim, reduce=None):
        if not x.shape:
            x, places = (Value(o.Reshape(v, [1]), v.dtype, (1,)) for v in (x, places))
            y = Value(o.Reshape(y, [1]), x.dtype, (1,)) if isinstance(y, Value) else y
        shape = list(places.shape)
        if not isinstance(y, Value) or not y.shape:
            y = o.Expand(y, shape)
        elif y.shape != places.shape:  # of a larger source the corner is taken
            y = o.Slice(y, [0] * len(shape), shape, list(range(len(shape))))
        out = o.ScatterElements(x, long(o, places), y, axis=dim, reduction=reduction or REDUCING[reduce])
        return out if o.out.shape else o.Reshape(out, [])

    return scatter


REDUCING = {"prod": "mul", "amax": "max", "amin": "min"}


def nll(o, x, places, dim, ignored, average):
    """Minus the element of each row at its place, 0 where that is ``ignored``; or their average over the others."""
    valid = o.Not(o.Equal(places, o.number(ignored, places.dtype)))
    safe = o.Where(valid, places, o.number(0, places.dtype))
    picked = o.Squeeze(o.GatherElements(x, o.Unsqueeze(safe, [dim]), axis=dim), [dim])
    found = o.Where(valid, o.Neg(picked), 0)
    if not average:
        return found
    return o.Div(o.ReduceSum(found, keepdims=0), o.ReduceSum(o.cast(valid, o.dtype), keepdims=0))


# ------------------------------------------------------------------------------------------------------ joining, sorting


def stack(o, *rest):
    *parts, dim = rest
    return o.Concat(*[o.Unsqueeze(x, [dim]) for x in parts], axis=dim)


def argsort(o, x, dim, descending):
    if not x.shape:
        return o.constant(0, int64)
    return topk_places(o, x, x.shape[dim], dim, descending, True)


def topk_places(o, x, k, dim, largest, in_order):
    count = o.size(k) if isinstance(k, Size) else [k]
    x = o.cast(x, int32) if o.dtype is boolean else x
    return o.TopK(x, count, outputs=2, axis=dim, largest=int(largest), sorted=int(in_order))[1]


def searchsorted(o, x, values, right):
    """How many elements of the sorted dim are less than each value, or not more."""
    edges = x if len(x.shape) == 1 else o.Unsqueeze(x, [-2])
    below = o.node("LessOrEqual" if right else "Less", edges, o.Unsqueeze(values, [-1]))
    return o.ReduceSum(o.cast(below, int64), [-1], keepdims=0)


PLACES = {
    "index": index,
    "index_put": index_put,
    "gather": gather,
    "scatter": scattered("none"),
    "scatter_add": scattered("add"),
    "scatter_reduce": scattered(None),
    "nll": nll,
    "cat": lambda o, *rest: o.Concat(*rest[:-1], axis=rest[-1]),
    "stack": stack,
    "argsort": argsort,
    "topk_places": topk_places,
    "searchsorted": searchsorted,
}
