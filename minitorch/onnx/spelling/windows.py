"""Pooling, and resampling to another size."""

from math import prod

from ...creation import eye, tensor
from ...dtypes import float32
from ...engine import apply
from ...tables.resampling import resample as RESAMPLE
from ..errors import OnnxExporterError, UnsupportedOperatorError

__all__ = ["WINDOWS"]


def frame(o, x, geometry):
    """The attributes of a pooling; geometry is (kernel, stride, padding, dilation, positions)."""
    kernel, stride, padding, dilation, positions = geometry
    o.fixed(*kernel, *stride, *padding, *dilation)
    afters = []
    sizes = x.shape[len(x.shape) - len(kernel) :]
    for n, k, s, p, d, count in zip(sizes, kernel, stride, padding, dilation, positions, strict=True):
        reach = d * (k - 1) + 1
        ends = [(c - 1) * s + reach - m - p for m, c in zip(o.each(n), o.each(count), strict=True)]
        floor = [(m + 2 * p - reach) // s + 1 for m in o.each(n)]
        if len(set(ends)) == 1:
            afters.append(max(ends[0], 0))
        elif floor == list(o.each(count)):
            afters.append(p)
        else:
            raise OnnxExporterError(
                f"a dynamic axis can't be kept: with ceil_mode the last window depends on its size\n{o.place}: leave it fixed"
            )
    return {
        "kernel_shape": list(kernel),
        "strides": list(stride),
        "dilations": list(dilation),
        "pads": [*padding, *afters],
    }


def batched(o, x, dims):
    """(N, C, *sizes), as ONNX's windows want their maps."""
    return o.Unsqueeze(x, [0]) if len(x.shape) == dims + 1 else x


def unbatched(o, y, x, dims):
    return o.Squeeze(y, [0]) if len(x.shape) == dims + 1 else y


def max_pool_index(o, x, geometry):
    """ONNX counts places through the whole tensor, we within each map."""
    dims = len(geometry[0])
    maxima, places = o.MaxPool(batched(o, x, dims), outputs=2, **frame(o, x, geometry))
    count = o.ReduceProd(o.ints(list(x.shape[len(x.shape) - dims :])), keepdims=0)
    places = unbatched(o, o.Mod(places, count), x, dims)
    o.maxima[x.name, places] = unbatched(o, maxima, x, dims)
    return places


def pool_gather(o, x, places, dims, overlap):
    if (x.name, places.name) in o.maxima:
        return o.maxima[x.name, places.name]
    lead = len(x.shape) - dims
    flat = o.Reshape(x, [0] * lead + [-1])
    found = o.GatherElements(flat, o.Reshape(places, [0] * lead + [-1]), axis=lead)
    return o.Reshape(found, o.Shape(places))


def avg_pool(o, x, geometry, counts):
    """ONNX divides by the kernel's size; ``counts`` may be another number, or one for each position of each dim."""
    if not o.dtype.is_floating_point:
        raise UnsupportedOperatorError(
            "aten::avg_pool", o.opset, None, f"{o.place}: it averages floating point numbers only"
        )
    kernel, dims = geometry[0], len(geometry[0])
    whole = x.shape[len(x.shape) - dims :]
    if kernel == whole and geometry[-1] == (1,) * dims and o.each(counts) == products(o, kernel):
        return o.ReduceMean(x, list(range(-dims, 0)), keepdims=1)
    attributes = frame(o, x, geometry)
    attributes.pop("dilations")  # they are 1
    y = unbatched(o, o.AveragePool(batched(o, x, dims), count_include_pad=1, **attributes), x, dims)
    if isinstance(counts, tuple):
        factors = tensor(1.0, dtype=o.dtype)
        for of_dim in counts:
            factors = factors.unsqueeze(-1) * tensor(of_dim, dtype=o.dtype)
        return o.Mul(y, o.constant(prod(kernel) / factors))
    return y if counts == prod(kernel) else o.Mul(y, prod(kernel) / counts)


CORNERS = {True: "align_corners", False: "half_pixel"}
"""How a place in the new grid is brought to the old one."""

RESIZE = {
    "nearest": lambda corners: {
        "mode": "nearest",
        "coordinate_transformation_mode": "asymmetric",
        "nearest_mode": "floor",
    },
    "nearest-exact": lambda corners: {"mode": "nearest", "nearest_mode": "round_prefer_ceil"},
    "linear": lambda corners: {"mode": "linear", "coordinate_transformation_mode": CORNERS[corners]},
    "cubic": lambda corners: {
        "mode": "cubic",
        "coordinate_transformation_mode": CORNERS[corners],
        "cubic_coeff_a": -0.75,
    },
}


def products(o, kernel):
    """The elements of a window, in each run."""
    return tuple([prod(sizes) for sizes in zip(*[o.each(k) for k in kernel], strict=True)])


def resampled(o, x, plans, back):
    """Resize, where ONNX knows the kind; else by matrices."""
    kind, _, _, scale, corners = plans[0]
    if back or kind not in RESIZE or not o.dtype.is_floating_point:
        return mixed(o, x, plans, back)
    settings, lead = RESIZE[kind](corners), len(x.shape) - len(plans)
    o.fixed(*[plan[3] for plan in plans])
    if scale is None:
        return o.Resize(x, None, None, [*x.shape[:lead], *[plan[2] for plan in plans]], **settings)
    scales = o.constant([1.0] * lead + [plan[3] for plan in plans], float32)
    return o.Resize(x, None, scales, **settings)


def mixed(o, x, plans, back):
    """One product with a matrix for each dim: its rows are what the resampling makes of single ones."""
    rank, y = len(x.shape), x
    for at, plan in enumerate(plans):
        kind, before, after, scale, corners = plan
        o.fixed(before, after)
        d = rank - len(plans) + at
        weights = apply(RESAMPLE, (eye(after if back else before, dtype=o.dtype),), ((plan,), back))
        if bool(((weights == 0) | (weights == 1)).all()) and bool((weights.sum(0) == 1).all()):
            y = o.Gather(y, o.constant(weights.argmax(0)), axis=d)  # each of one element: nearest
        else:
            last = o.MatMul(o.moved(y, rank, d, rank - 1), o.constant(weights))
            y = o.moved(last, rank, rank - 1, d)
    return y


WINDOWS = {
    "max_pool_index": max_pool_index,
    "pool_gather": pool_gather,
    "avg_pool": avg_pool,
    "resample": resampled,
}
