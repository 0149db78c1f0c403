"""Rows of convolution and pooling: what slides a window over the last dims.

A convolution of any rank has three linear forms, and each is the derivative of the other two. ``geometry`` is
(stride, padding, dilation, groups), the first three with an entry for each dim; padding's is (before, after).
"""

from ..table import ARITHMETIC, ORDERED, contraction, indexing, reduction

__all__ = [
    "avg_pool", "avg_pool_grad", "conv", "conv_input_grad", "conv_weight_grad", "max_pool_index", "pool_gather",
    "pool_scatter",
]  # fmt: skip

# -------------------------------------------------------------------------------------------------------- convolution

# conv(x, weight[, bias], geometry): (N, C, *sizes), (O, C / groups, *kernel), (O) → (N, O, *positions)
conv = contraction(
    "conv",
    lambda xp, x, weight, *rest: xp.conv(x, weight, rest[0] if len(rest) == 2 else None, rest[-1]),
    lambda g, _out, like_x, weight, *rest: g._apply(conv_input_grad, (g, weight.conjugate()), (tuple(like_x.shape), rest[-1])),
    lambda g, _out, x, like_weight, *rest: g._apply(conv_weight_grad, (x.conjugate(), g), (tuple(like_weight.shape), rest[-1])),
    lambda g, _out, _x, _weight, _bias, _geometry: g.sum((0, *range(2, g.ndim))),
    label="Convolution",
)
# conv_input_grad(g, weight, shape, geometry): the gradient of conv's input, of that shape; the transposed convolution too
conv_input_grad = contraction(
    "conv_input_grad",
    lambda xp, g, weight, shape, geometry: xp.conv_input_grad(g, weight, shape, geometry),
    lambda g, _out, _y, weight, _shape, geometry: g._apply(conv, (g, weight.conjugate()), (geometry,)),
    lambda g, _out, y, like_weight, _shape, geometry: g._apply(conv_weight_grad, (g, y.conjugate()), (tuple(like_weight.shape), geometry)),
    label="Convolution",
)
# conv_weight_grad(x, g, shape, geometry): the gradient of conv's weight, of that shape
conv_weight_grad = contraction(
    "conv_weight_grad",
    lambda xp, x, g, shape, geometry: xp.conv_weight_grad(x, g, shape, geometry),
    lambda g, _out, like_x, y, _shape, geometry: g._apply(conv_input_grad, (y.conjugate(), g), (tuple(like_x.shape), geometry)),
    lambda g, _out, x, _y, _shape, geometry: g._apply(conv, (x.conjugate(), g), (geometry,)),
    label="ConvolutionBackward",
)

# ------------------------------------------------------------------------------------------------------------- pooling
# Here a geometry is (kernel, stride, padding, dilation, positions), with an entry for each dim.
# max_pool_index(x, geometry): where each window's maximum is, counted flat within its map
max_pool_index = reduction("max_pool_index", lambda xp, x, geometry: xp.max_pool_index(x, geometry), ready=ORDERED)
# pool_gather(x, index, dims, windows): the elements there, of maps of that many dims.   windows: the geometry of those that
# the index is of, if it is known; else whether two places of it may be the same
pool_gather = indexing(
    "pool_gather",
    lambda xp, x, index, dims, _windows: xp.pool_gather(x, index, dims),
    lambda g, _out, like_x, index, dims, windows: g._apply(pool_scatter, (g, index), (tuple(like_x.shape), dims, windows)),
    label="MaxPool",
)
pool_scatter = indexing(
    "pool_scatter",
    lambda xp, g, index, shape, dims, windows: xp.pool_scatter(g, index, shape, dims, windows),
    lambda g, _out, _y, index, _shape, dims, windows: g._apply(pool_gather, (g, index), (dims, windows)),
    label="MaxPoolBackward",
)
# avg_pool(x, geometry, counts): sums divided by a number, or by one for each position of each dim; and its adjoint
avg_pool = reduction(
    "avg_pool",
    lambda xp, x, geometry, counts: xp.avg_pool(x, geometry, counts),
    lambda g, _out, like_x, geometry, counts: g._apply(avg_pool_grad, (g,), (tuple(like_x.shape), geometry, counts)),
    ready=ARITHMETIC,
)
avg_pool_grad = reduction(
    "avg_pool_grad",
    lambda xp, g, shape, geometry, counts: xp.avg_pool_grad(g, shape, geometry, counts),
    lambda g, _out, _y, _shape, geometry, counts: g._apply(avg_pool, (g,), (geometry, counts)),
    ready=ARITHMETIC,
    label="AvgPoolBackward",
)
