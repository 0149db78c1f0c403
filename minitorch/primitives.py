"""The table: everything that the library can compute, a row each, with its derivative.

A row has a forward on plain arrays, ``forward(xp, *arrays, *params)`` where ``xp`` is NumPy or CuPy, and one
vector-Jacobian product for each input, ``vjp(g, out, *inputs, *params)``, written in Tensor methods. Since a vjp is made
of rows, it can be differentiated again, and a compiler that can follow the rows can follow every gradient.

An argument that a vjp doesn't read begins with an underscore, and is not kept for it: ``add`` keeps nothing alive,
``exp`` its output, ``mul`` both inputs. Of an argument named ``like_x`` only the shape and dtype are kept.

The gradient of a real L by a complex x = a + bi is dL/da + i dL/db, the way uphill. For f that is complex differentiable
it comes back multiplied by the conjugate of f'(x): hence ``conjugate()``, which for real tensors is the tensor itself.

torch: native_functions.yaml and derivatives.yaml
"""

import builtins
import math

from .table import (
    ARITHMETIC,
    FLOATS,
    ORDERED,
    REAL_FLOATS,
    TABLE,
    Primitive,
    analytic,
    contraction,
    draw,
    elementwise,
    indexing,
    inverse,
    laid_out,
    movement,
    of_reals,
    ordered,
    reduction,
    walked,
)  # fmt: skip

__all__ = ["ARITHMETIC", "FLOATS", "Primitive", "TABLE"]

# ---------------------------------------------------------------------------------------------------- elementwise: one

neg = elementwise("neg", lambda xp, x, out=None: xp.negative(x, out), lambda g, _out, _x: -g)
# of a real x; complex numbers have ``magnitude``
abs = ordered("abs", lambda xp, x, out=None: xp.absolute(x, out), lambda g, _out, x: g * x.sign())
sign = ordered("sign", lambda xp, x, out=None: xp.sign(x, out), lambda g, _out, _x: g.zeros_like())
floor = ordered("floor", lambda xp, x, out=None: xp.floor(x, out), lambda g, _out, _x: g.zeros_like())
ceil = ordered("ceil", lambda xp, x, out=None: xp.ceil(x, out), lambda g, _out, _x: g.zeros_like())
trunc = ordered("trunc", lambda xp, x, out=None: xp.trunc(x, out), lambda g, _out, _x: g.zeros_like())
round = ordered("round", lambda xp, x, out=None: xp.rint(x, out), lambda g, _out, _x: g.zeros_like())
copy = elementwise("copy", lambda xp, x, out=None: xp.positive_copy(x, out), lambda g, _out, _x: g, ready=None, label="Clone")

# assign(x): whatever is written over x, nothing of x is left
assign = elementwise(
    "assign",
    lambda xp, x, y, out=None: xp.positive_copy(y, out),
    lambda g, _out, _x, _y=None: g.zeros_like(),
    lambda g, _out, _x, _y: g,
    ready=None,
    label="Copy",
)

exp = analytic("exp", lambda xp, x, out=None: xp.exp(x, out), lambda g, out, _x: g * out.conjugate())
exp2 = analytic("exp2", lambda xp, x, out=None: xp.exp2(x, out), lambda g, out, _x: g * (out * math.log(2)).conjugate())
expm1 = analytic("expm1", lambda xp, x, out=None: xp.expm1(x, out), lambda g, out, _x: g * (out + 1).conjugate())
log = analytic("log", lambda xp, x, out=None: xp.log(x, out), lambda g, _out, x: g / x.conjugate())
log2 = analytic("log2", lambda xp, x, out=None: xp.log2(x, out), lambda g, _out, x: g / (x * math.log(2)).conjugate())
log10 = analytic("log10", lambda xp, x, out=None: xp.log10(x, out), lambda g, _out, x: g / (x * math.log(10)).conjugate())
log1p = analytic("log1p", lambda xp, x, out=None: xp.log1p(x, out), lambda g, _out, x: g / (x + 1).conjugate())
sqrt = analytic("sqrt", lambda xp, x, out=None: xp.sqrt(x, out), lambda g, out, _x: g / (out * 2).conjugate())
rsqrt = analytic("rsqrt", lambda xp, x, out=None: xp.reciprocal(xp.sqrt(x), out), lambda g, out, _x: g * out.pow(3).conjugate() * -0.5)
reciprocal = analytic("reciprocal", lambda xp, x, out=None: xp.reciprocal(x, out), lambda g, out, _x: -g * (out * out).conjugate())
square = elementwise("square", lambda xp, x, out=None: xp.square(x, out), lambda g, _out, x: g * (x * 2).conjugate(), label="Pow")

sin = analytic("sin", lambda xp, x, out=None: xp.sin(x, out), lambda g, _out, x: g * x.cos().conjugate())
cos = analytic("cos", lambda xp, x, out=None: xp.cos(x, out), lambda g, _out, x: -g * x.sin().conjugate())
tan = analytic("tan", lambda xp, x, out=None: xp.tan(x, out), lambda g, out, _x: g * (out * out + 1).conjugate())
asin = analytic("asin", lambda xp, x, out=None: xp.arcsin(x, out), lambda g, _out, x: g * (1 - x * x).rsqrt().conjugate())
acos = analytic("acos", lambda xp, x, out=None: xp.arccos(x, out), lambda g, _out, x: -g * (1 - x * x).rsqrt().conjugate())
atan = analytic("atan", lambda xp, x, out=None: xp.arctan(x, out), lambda g, _out, x: g / (x * x + 1).conjugate())
sinh = analytic("sinh", lambda xp, x, out=None: xp.sinh(x, out), lambda g, _out, x: g * x.cosh().conjugate())
cosh = analytic("cosh", lambda xp, x, out=None: xp.cosh(x, out), lambda g, _out, x: g * x.sinh().conjugate())
asinh = analytic("asinh", lambda xp, x, out=None: xp.arcsinh(x, out), lambda g, _out, x: g * (x * x + 1).rsqrt().conjugate())
acosh = analytic("acosh", lambda xp, x, out=None: xp.arccosh(x, out), lambda g, _out, x: g * x.acosh_slope().conjugate())
atanh = analytic("atanh", lambda xp, x, out=None: xp.arctanh(x, out), lambda g, _out, x: g / (1 - x * x).conjugate())
tanh = analytic("tanh", lambda xp, x, out=None: xp.tanh(x, out), lambda g, out, _x: g * (1 - out * out).conjugate())
sigmoid = analytic("sigmoid", lambda xp, x, out=None: xp.sigmoid(x, out), lambda g, out, _x: g * (out * (1 - out)).conjugate())
erf = of_reals(
    "erf", lambda xp, x, out=None: xp.erf(x, out), lambda g, _out, x: g * ((x * x).neg().exp() * (2 / math.sqrt(math.pi)))
)
erfc = of_reals(
    "erfc", lambda xp, x, out=None: xp.erfc(x, out), lambda g, _out, x: g * ((x * x).neg().exp() * (-2 / math.sqrt(math.pi)))
)

# A row of its own, for speed: where(x > 0, x, 0) is three passes. At 0 the gradient is 0, as in PyTorch.
relu = ordered("relu", lambda xp, x, out=None: xp.relu(x, out), lambda g, out, _x: g.keep(out))
# keep(x, y): 0 where y <= 0, else x; the derivative of relu, and its own
keep = ordered("keep", lambda xp, x, y, out=None: xp.keep(x, y, out), lambda g, _out, _x, y: g.keep(y), label="ThresholdBackward")
# clamp to numbers: where x equals a bound the gradient passes, as in PyTorch
clamp = ordered(
    "clamp",
    lambda xp, x, low, high, out=None: xp.clip(x, low, high, out),
    lambda g, _out, x, low, high: g.where(x.between(low, high), 0),
)

logical_not = elementwise("logical_not", lambda xp, x, out=None: xp.logical_not(x, out))
bitwise_not = ordered("bitwise_not", lambda xp, x, out=None: xp.invert(x, out))
isnan = elementwise("isnan", lambda xp, x, out=None: xp.isnan(x, out))
isinf = elementwise("isinf", lambda xp, x, out=None: xp.isinf(x, out))
isfinite = elementwise("isfinite", lambda xp, x, out=None: xp.isfinite(x, out))
signbit = ordered("signbit", lambda xp, x, out=None: xp.signbit(x, out))

# cast(x, dtype). Its gradient comes back in x's own type: of a complex one, a real x gets the real part.
cast = Primitive(
    "cast",
    "elementwise",
    lambda xp, x, dtype, out=None: xp.cast(x, dtype),
    [lambda g, _out, like_x, _dtype: (g if like_x.dtype.is_complex else g.real).to(like_x.dtype)],
    label="ToCopy",
)

# ---------------------------------------------------------------------------------------------------- elementwise: two

add = elementwise("add", lambda xp, x, y, out=None: xp.add(x, y, out), lambda g, _out, _x, _y: g, lambda g, _out, _x, _y: g)
# x + alpha y. A row for speed: it is the step of gradient descent
add_scaled = elementwise(
    "add_scaled",
    lambda xp, x, y, alpha, out=None: xp.add(x, xp.multiply(y, alpha), out),
    lambda g, _out, _x, _y, _alpha: g,
    lambda g, _out, _x, _y, alpha: g * alpha.conjugate(),
    label="Add",
)
sub = elementwise("sub", lambda xp, x, y, out=None: xp.subtract(x, y, out), lambda g, _out, _x, _y: g, lambda g, _out, _x, _y: -g)
mul = elementwise(
    "mul",
    lambda xp, x, y, out=None: xp.multiply(x, y, out),
    lambda g, _out, _x, y: g * y.conjugate(),
    lambda g, _out, x, _y: g * x.conjugate(),
)
div = analytic(
    "div",
    lambda xp, x, y, out=None: xp.true_divide(x, y, out),
    lambda g, _out, _x, y: g / y.conjugate(),
    lambda g, _out, x, y: -g * (x / y / y).conjugate(),
)
# d(x^y)/dx is 0 where y is 0, and d(x^y)/dy is 0 where x is 0 and y >= 0: the limits, where the formulas give NaN
pow = elementwise(
    "pow",
    lambda xp, x, y, out=None: xp.power(x, y, out),
    lambda g, _out, x, y: x.power_slope(y).conjugate() * g,
    lambda g, out, x, y: g * out.times_log(x, y).conjugate(),
)
floor_divide = ordered("floor_divide", lambda xp, x, y, out=None: xp.floor_divide(x, y, out))
# The same division, as ``div(rounding_mode="floor")``: flat wherever it has a slope, so its gradients are 0
div_floor = ordered(
    "div_floor",
    lambda xp, x, y, out=None: xp.floor_divide(x, y, out),
    lambda g, _out, _x, _y: g.zeros_like(),
    lambda g, _out, _x, _y: g.zeros_like(),
    label="Div",
)
remainder = ordered(
    "remainder",
    lambda xp, x, y, out=None: xp.remainder(x, y, out),
    lambda g, _out, _x, _y: g,
    lambda g, _out, x, y: -g * (x // y),
)
fmod = ordered(
    "fmod", lambda xp, x, y, out=None: xp.fmod(x, y, out), lambda g, _out, _x, _y: g, lambda g, _out, x, y: -g * (x / y).trunc()
)
# where the two are equal each gets half
maximum = ordered(
    "maximum",
    lambda xp, x, y, out=None: xp.maximum(x, y, out),
    lambda g, _out, x, y: g.share(x, y),
    lambda g, _out, x, y: g.share(y, x),
)
minimum = ordered(
    "minimum",
    lambda xp, x, y, out=None: xp.minimum(x, y, out),
    lambda g, _out, x, y: g.share(y, x),
    lambda g, _out, x, y: g.share(x, y),
)
atan2 = of_reals(
    "atan2",
    lambda xp, x, y, out=None: xp.arctan2(x, y, out),
    lambda g, _out, x, y: g * y * inverse_square(x, y),
    lambda g, _out, x, y: g * -x * inverse_square(x, y),
)


# A row for its numbers: x² + y² may overflow where its root doesn't
hypot = of_reals(
    "hypot", lambda xp, x, y, out=None: xp.hypot(x, y, out), lambda g, out, x, _y: g * (x / out), lambda g, out, _x, y: g * (y / out)
)


def inverse_square(x, y):
    """1 / (x² + y²), and 0 where both are 0."""
    total = x * x + y * y
    return total.reciprocal().masked_fill(total == 0, 0)


eq = elementwise("eq", lambda xp, x, y, out=None: xp.equal(x, y, out))
ne = elementwise("ne", lambda xp, x, y, out=None: xp.not_equal(x, y, out))
lt = ordered("lt", lambda xp, x, y, out=None: xp.less(x, y, out))
le = ordered("le", lambda xp, x, y, out=None: xp.less_equal(x, y, out))
gt = ordered("gt", lambda xp, x, y, out=None: xp.greater(x, y, out))
ge = ordered("ge", lambda xp, x, y, out=None: xp.greater_equal(x, y, out))
logical_and = elementwise("logical_and", lambda xp, x, y, out=None: xp.logical_and(x, y, out))
logical_or = elementwise("logical_or", lambda xp, x, y, out=None: xp.logical_or(x, y, out))
logical_xor = elementwise("logical_xor", lambda xp, x, y, out=None: xp.logical_xor(x, y, out))
bitwise_and = ordered("bitwise_and", lambda xp, x, y, out=None: xp.bitwise_and(x, y, out))
bitwise_or = ordered("bitwise_or", lambda xp, x, y, out=None: xp.bitwise_or(x, y, out))
bitwise_xor = ordered("bitwise_xor", lambda xp, x, y, out=None: xp.bitwise_xor(x, y, out))
left_shift = ordered("left_shift", lambda xp, x, y, out=None: xp.left_shift(x, y, out))
right_shift = ordered("right_shift", lambda xp, x, y, out=None: xp.right_shift(x, y, out))

# -------------------------------------------------------------------------------------------------- elementwise: three

# where(x, condition, y): x first, so that the gradient reads g.where(condition, 0)
where = elementwise(
    "where",
    lambda xp, x, condition, y, out=None: xp.where(condition, x, y),
    lambda g, _out, _x, condition, _y: g.where(condition, 0),
    None,
    lambda g, _out, _x, condition, _y: g.where(condition.logical_not(), 0),
    mixes=(0, 2),
)
# The updates that optimizers are made of: a row each, for speed.
# lerp: x + weight (y - x), from the nearer end
lerp = analytic(
    "lerp",
    lambda xp, x, y, weight, out=None: xp.lerp(x, y, weight, out),
    lambda g, _out, _x, _y, weight: g * (1 - weight).conjugate(),
    lambda g, _out, _x, _y, weight: g * weight.conjugate(),
    lambda g, _out, x, y, _weight: g * (y - x).conjugate(),
)
# addcmul: x + value y z;  addcdiv: x + value y / z
addcmul = elementwise(
    "addcmul",
    lambda xp, x, y, z, value, out=None: xp.addcmul(x, y, z, value, out),
    lambda g, _out, _x, _y, _z, _value: g,
    lambda g, _out, _x, _y, z, value: g * (z * value).conjugate(),
    lambda g, _out, _x, y, _z, value: g * (y * value).conjugate(),
)
addcdiv = analytic(
    "addcdiv",
    lambda xp, x, y, z, value, out=None: xp.addcdiv(x, y, z, value, out),
    lambda g, _out, _x, _y, _z, _value: g,
    lambda g, _out, _x, _y, z, value: g * (value / z).conjugate(),
    lambda g, _out, _x, y, z, value: -g * (y * value / (z * z)).conjugate(),
)

# ---------------------------------------------------------------------------------------------------------- reductions


sum = reduction(
    "sum",
    lambda xp, x, dims, keepdim: xp.sum(x, dims, keepdim),
    lambda g, _out, like_x, dims, keepdim: g.undrop(dims, keepdim).expand(like_x.shape),
    ready=ARITHMETIC,
)
# a row for speed: half the losses end in it
mean = reduction(
    "mean",
    lambda xp, x, dims, keepdim: xp.mean(x, dims, keepdim),
    lambda g, _out, like_x, dims, keepdim: (g * mean_weight(like_x.shape, dims)).undrop(dims, keepdim).expand(like_x.shape),
    ready=FLOATS,
)
# the mean of (x - y)², for equal shapes. A row for speed: it is the loss of every small regression
squared_error_mean = reduction(
    "squared_error_mean",
    lambda xp, x, y: xp.squared_error_mean(x, y),
    lambda g, _out, x, y: g * ((x - y) * (2 / max(x.numel(), 1))),
    lambda g, _out, x, y: g * ((y - x) * (2 / max(x.numel(), 1))),
    ready=FLOATS,
    label="MseLoss",
)
prod = reduction(
    "prod",
    lambda xp, x, dim, keepdim: xp.prod(x, dim, keepdim),
    lambda g, _out, x, dim, keepdim: g.undrop((dim,), keepdim) * x.product_of_others(dim).conjugate(),
    ready=ARITHMETIC,
)
# equal maxima share the gradient
amax = reduction(
    "amax",
    lambda xp, x, dims, keepdim: xp.amax(x, dims, keepdim),
    lambda g, out, x, dims, keepdim: g.undrop(dims, keepdim).share_extremes(x, out.undrop(dims, keepdim), dims),
    ready=ORDERED,
)
amin = reduction(
    "amin",
    lambda xp, x, dims, keepdim: xp.amin(x, dims, keepdim),
    lambda g, out, x, dims, keepdim: g.undrop(dims, keepdim).share_extremes(x, out.undrop(dims, keepdim), dims),
    ready=ORDERED,
)
# Rows for speed, and one exponential less: what every classifier and every attention computes
softmax = reduction(
    "softmax",
    lambda xp, x, dim: xp.softmax(x, dim),
    lambda g, out, _x, dim: g.softmax_grad(out, dim),
    ready=REAL_FLOATS,
)
log_softmax = reduction(
    "log_softmax",
    lambda xp, x, dim: xp.log_softmax(x, dim),
    lambda g, out, _x, dim: g.log_softmax_grad(out, dim),
    ready=REAL_FLOATS,
)
argmax = reduction("argmax", lambda xp, x, dim, keepdim: xp.argmax(x, dim, keepdim), ready=ORDERED)
argmin = reduction("argmin", lambda xp, x, dim, keepdim: xp.argmin(x, dim, keepdim), ready=ORDERED)
any = reduction("any", lambda xp, x, dims, keepdim: xp.any(x, dims, keepdim))
all = reduction("all", lambda xp, x, dims, keepdim: xp.all(x, dims, keepdim))
cumsum = reduction(
    "cumsum",
    lambda xp, x, dim: xp.cumsum(x, dim),
    lambda g, _out, _x, dim: g.flip(dim).cumsum(dim).flip(dim),
    ready=ARITHMETIC,
)
# A row for its numbers: exponentials of differences only
logcumsumexp = reduction(
    "logcumsumexp",
    lambda xp, x, dim: xp.logcumsumexp(x, dim),
    lambda g, out, x, dim: x.logcumsumexp_slope(out, g, dim),
    ready=REAL_FLOATS,
)
cumprod = reduction(
    "cumprod",
    lambda xp, x, dim: xp.cumprod(x, dim),
    lambda g, _out, x, dim: x.conjugate().cumprod_slope(g, dim),
    ready=ARITHMETIC,
)


def mean_weight(shape, dims):
    """1 / the number of elements that a mean over ``dims`` takes together."""
    count = math.prod(shape[d] for d in dims)
    return 1 / max(count, 1)


# ------------------------------------------------------------------------------------------------------------ movement


reshape = movement(
    "reshape", lambda xp, x, shape: x.reshape(shape), lambda g, _out, like_x, _shape: g.reshape(like_x.shape), view=True, label="View"
)
permute = movement(
    "permute", lambda xp, x, dims: x.transpose(dims), lambda g, _out, _x, dims: g.permute(inverse(dims)), view=True
)
expand = movement(
    "expand", lambda xp, x, shape: xp.expand(x, shape), lambda g, _out, like_x, _shape: g.sum_to(like_x.shape), view=True
)
# slice(x, key): basic indexing. A key has an entry a dim: an integer, a (start, stop, step), or None for a new dim
slice = movement(
    "slice",
    lambda xp, x, key: x[basic_key(key)],
    lambda g, _out, like_x, key: g.embed(like_x.shape, ((slice, (key,)),)),
    view=True,
)
diagonal = movement(
    "diagonal",
    lambda xp, x, offset, dim1, dim2: xp.diagonal(x, offset, dim1, dim2),
    lambda g, _out, like_x, *params: g.embed(like_x.shape, ((diagonal, params),)),
    view=True,
)
# unfold(x, dim, size, step): the windows along a dim, in a new last dim; fold_windows is its adjoint
unfold = movement(
    "unfold",
    lambda xp, x, dim, size, step: xp.unfold(x, dim, size, step),
    lambda g, _out, like_x, dim, size, step: g.fold_windows(like_x.shape, dim, size, step),
    view=True,
)
fold_windows = movement(
    "fold_windows",
    lambda xp, x, shape, dim, size, step: xp.fold_windows(x, shape, dim, size, step),
    lambda g, _out, _x, _shape, dim, size, step: g.unfold(dim, size, step),
)
# A path is a tuple of (view row, params), the way from a base to a view of it.
# embed(x, shape, path): zeros of that shape, with x at the path;  write(x, y, path): x, with y at the path
embed = movement(
    "embed", lambda xp, x, shape, path: put(xp, xp.zeros(shape, x.dtype), x, path), lambda g, _out, _x, _shape, path: g.follow(path)
)
write = movement(
    "write",
    lambda xp, x, y, path: put(xp, x.copy(), y, path),
    lambda g, _out, _x, _y, path: g.written(0, path),
    lambda g, _out, _x, _y, path: g.follow(path),
    label="CopySlices",
)
# move(x, device, before): a copy on another device; ``before`` is where x is, and its gradient goes back to
move = movement(
    "move", lambda xp, x, device, before: xp.moved(x, device), lambda g, _out, _x, device, before: g._apply(move, (g,), (before, device)),
    label="ToCopy",
)
detach = movement("detach", lambda xp, x: x.view(), view=True)
contiguous = movement("contiguous", lambda xp, x: x.copy(), lambda g, _out, _x: g, label="Clone")
flip = movement("flip", lambda xp, x, dims: xp.flip(x, dims).copy(), lambda g, _out, _x, dims: g.flip(dims))
roll = movement(
    "roll", lambda xp, x, shifts, dims: xp.roll(x, shifts, dims), lambda g, _out, _x, shifts, dims: g.roll(tuple(-s for s in shifts), dims)
)
# pad(x, widths, value): widths has a (before, after) a dim
pad = movement(
    "pad",
    lambda xp, x, widths, value: xp.pad(x, widths, value),
    lambda g, _out, like_x, widths, _value: g.multi_slice(middle(widths, like_x.shape)),
    label="ConstantPadNd",
)
tril = movement("tril", lambda xp, x, k: xp.tril(x, k), lambda g, _out, _x, k: g.tril(k))
triu = movement("triu", lambda xp, x, k: xp.triu(x, k), lambda g, _out, _x, k: g.triu(k))


def put(xp, x, y, path):
    """``x``, after ``y`` was written at the path.

    What is a view of the base may be one of a copy here, if this array's dims lie in another order.
    """
    place = x
    for k, (row, params) in enumerate(path):
        inside = row.forward(xp, place, *params)
        if row is reshape and not xp.may_share_memory(inside, place):
            place[...] = put(xp, inside, y, path[k + 1 :]).reshape(place.shape)
            return x
        if row.name == "as_strided" and not xp.same_memory(inside, place):
            place[...] = put(xp, xp.spread(place, params[-1]), y, path[k:])
            return x
        place = inside
    place[...] = y
    return x


def middle(widths, shape):
    """The key of what was there before padding."""
    return tuple([(before, before + n, 1) for (before, _), n in zip(widths, shape, strict=True)])


def basic_key(key):
    """A hashable key as NumPy takes it: (start, stop, step) becomes a slice. The Ellipsis keeps 0-d results arrays."""
    return (*[builtins.slice(*entry) if entry.__class__ is tuple else entry for entry in key], ...)


# ------------------------------------------------------------------------------------------------------------ indexing


# index(x, *indices, dims): x[..., i, j, ...], with one integer tensor for each dim in the tuple ``dims``
index = Primitive(
    "index",
    "indexing",
    lambda xp, x, *rest: xp.index(x, rest[:-1], rest[-1]),
    each=lambda g, i, inputs, dims: g.new_zeros(inputs[0].shape).index_add_at_(g, inputs[1:], dims),
)
# index_put(x, y, *indices, dims, accumulate): x with y written to, or added at, those places
index_put = Primitive(
    "index_put",
    "indexing",
    lambda xp, x, y, *rest, out=None: xp.index_put(x, y, rest[:-2], rest[-2], rest[-1], out),
    each=lambda g, i, inputs, dims, accumulate: index_put_vjp(g, i, inputs, dims, accumulate),
    writes=True,
)
# gather(x, index, dim): out[i][j] = x[index[i][j]][j], for dim 0
gather = indexing(
    "gather",
    lambda xp, x, index, dim: xp.gather(x, index, dim),
    lambda g, _out, like_x, index, dim: g.new_zeros(like_x.shape).scatter_add_(dim, index, g),
)
scatter = indexing(
    "scatter",
    lambda xp, x, index, y, dim, out=None: xp.scatter(x, index, y, dim, out),
    lambda g, _out, _x, index, _y, dim: g.scatter(dim, index, 0),
    None,
    lambda g, _out, _x, index, like_y, dim: in_corner(g.gather(dim, index), like_y.shape),
    writes=True,
)
scatter_add = indexing(
    "scatter_add",
    lambda xp, x, index, y, dim, out=None: xp.scatter_add(x, index, y, dim, out),
    lambda g, _out, _x, _index, _y, _dim: g,
    None,
    lambda g, _out, _x, index, like_y, dim: in_corner(g.gather(dim, index), like_y.shape),
    writes=True,
)
# scatter_reduce(x, index, y, dim, reduce), by "prod", "amax" or "amin"
scatter_reduce = indexing(
    "scatter_reduce",
    lambda xp, x, index, y, dim, reduce, out=None: xp.scatter_reduce(x, index, y, dim, reduce, out),
    lambda g, out, x, index, y, dim, reduce: x.scatter_slope(y, out, g, index, dim, reduce),
    None,
    lambda g, out, x, index, y, dim, reduce: y.scattered_slope(x, out, g, index, dim, reduce),
    writes=True,
)
# nll(x, index, dim, ignored, average): minus the element of each row of ``dim`` at its index, 0 where that is ``ignored``; or
# their average over the others. And its adjoint. Rows for speed: every classifier's loss ends in it
nll = indexing(
    "nll",
    lambda xp, x, index, dim, ignored, average: xp.nll(x, index, dim, ignored, average),
    lambda g, _out, like_x, index, dim, ignored, average: g.nll_grad(index, like_x.shape, dim, ignored, average),
    label="NllLoss",
)
nll_grad = indexing(
    "nll_grad",
    lambda xp, g, index, shape, dim, ignored, average: xp.nll_grad(g, index, shape, dim, ignored, average),
    lambda g, _out, _y, index, _shape, dim, ignored, average: g.nll(index, dim, ignored, average),
    label="NllLossBackward",
)
argsort = indexing("argsort", lambda xp, x, dim, descending: xp.argsort(x, dim, descending), ready=ORDERED)
# topk_places(x, k, dim, largest, in_order): where the k largest are, or the smallest. A row for speed: to sort all takes longer
topk_places = indexing(
    "topk_places", lambda xp, x, k, dim, largest, in_order: xp.topk_places(x, k, dim, largest, in_order), ready=ORDERED
)
nonzero = indexing("nonzero", lambda xp, x: xp.nonzero_rows(x))
searchsorted = indexing("searchsorted", lambda xp, x, values, right: xp.searchsorted_rows(x, values, right), ready=ORDERED)
bincount = indexing("bincount", lambda xp, x, size: xp.bincount_ints(x, size))


def in_corner(g, shape):
    """``g``, with zeros for the elements of a source that weren't read, since it is larger than its index."""
    if tuple(g.shape) == tuple(shape) or not shape:
        return g.reshape(shape)
    return g.pad_widths([(0, n - m) for n, m in zip(shape, g.shape, strict=True)])


def index_put_vjp(g, i, inputs, dims, accumulate):
    """For x: g, without the places that were overwritten. For y: g at the places."""
    if i == 1:
        return g.index_at(inputs[2:], dims).sum_to(inputs[1].shape)
    return g if accumulate else g.index_put_at(g.new_zeros(()), inputs[2:], dims, False)


# --------------------------------------------------------------------------------------------------------- contraction


# two operands with at least two dims each; the dims before the last two are broadcast
matmul = contraction(
    "matmul",
    lambda xp, x, y: xp.matmul(x, y),
    lambda g, _out, like_x, y: g.matmul(y.mH).sum_to(like_x.shape),
    lambda g, _out, x, like_y: x.mH.matmul(g).sum_to(like_y.shape),
    label="Mm",
)
# x Wᵀ + b, for x: (*, in), W: (out, in), b: (out). A row for speed: it is most of an MLP
linear = contraction(
    "linear",
    lambda xp, x, weight, bias=None: xp.linear(x, weight, bias),
    lambda g, _out, _x, weight, _bias=None: g.matmul(weight.conjugate()),
    lambda g, _out, x, _weight, _bias=None: g.rows().mT.matmul(x.rows().conjugate()),
    lambda g, _out, _x, _weight, _bias: g.rows().sum(0),
    label="Addmm",
)

# ------------------------------------------------------------------------------------------------------------- joining

cat = Primitive(
    "cat",
    "joining",
    lambda xp, *rest: xp.concatenate(rest[:-1], rest[-1]),
    each=lambda g, i, inputs, dim: g.narrow(dim, builtins.sum(x.shape[dim] for x in inputs[:i]), inputs[i].shape[dim]),
    ready=ARITHMETIC,
)
stack = Primitive(
    "stack",
    "joining",
    lambda xp, *rest: xp.stack(rest[:-1], rest[-1]),
    each=lambda g, i, inputs, dim: g.select(dim, i),
    ready=ARITHMETIC,
)

# ------------------------------------------------------------------------------------------------------------ creation

full = Primitive("full", "creation", lambda xp, shape, value, dtype: xp.full(shape, value, dtype))
arange = Primitive("arange", "creation", lambda xp, start, step, count, dtype: xp.arange(start, step, count, dtype))
empty = Primitive("empty", "creation", lambda xp, shape, dtype: xp.empty(shape, dtype))

# -------------------------------------------------------------------------------------------------------------- random


uniform = draw("uniform", lambda stream, n, dtype, low, high: stream.uniform(n, dtype, low, high))
normal = draw("normal", lambda stream, n, dtype, mean, std, scattered: stream.normal(n, dtype, mean, std, scattered))
log_normal = draw("log_normal", lambda stream, n, dtype, mean, std: stream.log_normal(n, dtype, mean, std))
exponential = draw("exponential", lambda stream, n, dtype, rate: stream.exponential(n, dtype, rate))
cauchy = draw("cauchy", lambda stream, n, dtype, median, sigma: stream.cauchy(n, dtype, median, sigma))
# lanes: how many elements that lie side by side a thread of a GPU draws, for dropout
bernoulli = draw("bernoulli", lambda stream, n, dtype, p, *lanes: stream.bernoulli(n, dtype, p, *lanes))
geometric = draw("geometric", lambda stream, n, dtype, p: stream.geometric(n, dtype, p))
random = draw("random", lambda stream, n, dtype, low, span, wide: stream.integers(n, dtype, low, span, wide))
permutation = draw("permutation", lambda stream, n, dtype: stream.permutation(n, dtype))

# bernoulli_each(p, stream, order, dtype): 1 with probability p[i]. What is drawn doesn't change with p by a little: gradient 0
bernoulli_each = Primitive(
    "bernoulli_each",
    "random",
    lambda xp, p, stream, order, dtype: laid_out(
        stream.bernoulli_each(walked(p, order), xp.array_dtype(dtype)), p.shape, order
    ),
    (lambda g, _out, _p, _stream, _order, _dtype: g.zeros_like(),),
    label="Bernoulli",
)
# unmoved(x, mean, std): x, that was drawn with these; its gradients by them are 0 for the same reason
unmoved = Primitive(
    "unmoved",
    "random",
    lambda xp, x, mean, std: xp.positive_copy(x),
    (None, lambda g, _out, _x, mean, _std: mean.zeros_like(), lambda g, _out, _x, _mean, std: std.zeros_like()),
    label="Normal",
)
# the exponential times of the race between the categories lie in memory as the weights do
multinomial = Primitive(
    "multinomial",
    "random",
    lambda xp, p, stream, order, samples: stream.multinomial(
        p, lambda: laid_out(stream.exponential(p.size, p.dtype, 1.0), p.shape, order), samples
    ),
)
multinomial_with_replacement = Primitive(
    "multinomial_with_replacement",
    "random",
    lambda xp, p, stream, order, samples: stream.multinomial_with_replacement(p, samples),
)
