"""``out=``: the functions of a namespace, made to write their result where they are told.

    torch.add(x, y, out=z)

Only functions of ``torch`` take it; methods and operators don't, and never ask for it. So it is no business of the
functions in ``ops/``: they return a tensor, and what stands under their name in ``torch`` is that function with this
door before it. The result is written through the gate, like every other write.

torch: aten/src/ATen/native/Resize.cpp (resize_output), torch/csrc/autograd/VariableTypeUtils.h (throw_error_out_requires_grad)
"""

import warnings
from functools import wraps

from . import errors
from . import primitives as rows
from .backends import ARRAY_TYPES
from .engine import MODE, Tensor, no_grad

__all__ = ["FFT", "FUNCTIONAL", "LINALG", "SPECIAL", "TORCH", "accepting_out", "written_to"]

TORCH = """
    abs absolute acos acosh add addbmm addcdiv addcmul addmm addmv addr alias_copy all amax amin aminmax angle any arccos
    arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort as_strided_copy asin asinh atan atan2 atanh baddbmm
    bernoulli bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor bmm bucketize cat ceil
    cholesky cholesky_inverse cholesky_solve clamp clamp_max clamp_min clip column_stack complex concat concatenate
    conj_physical copysign cos cosh cross cummax cummin cumprod cumsum deg2rad det diag diagonal_copy diff digamma div
    divide dot dstack eq erf erfc erfinv exp exp2 expand_copy expm1 fix float_power floor floor_divide fmax fmin fmod frac
    frexp gather gcd ge geqrf ger greater greater_equal gt heaviside histc histogram hstack hypot i0 igamma igammac
    index_add index_copy index_reduce index_select inner inverse isin isneginf isposinf kron kthvalue lcm ldexp le lerp
    less less_equal lgamma log log10 log1p log2 log_softmax logaddexp logaddexp2 logcumsumexp logical_and logical_not
    logical_or logical_xor logit logsumexp lt lu lu_solve lu_unpack masked_select matmul matrix_power max maximum mean
    median min minimum mm mode moveaxis msort mul multinomial multiply mv mvlgamma nan_to_num nanmean nanmedian nanquantile
    nansum narrow_copy native_batch_norm ne neg negative nextafter nonzero norm not_equal orgqr ormqr outer permute_copy
    polar polygamma pow prod qr quantile rad2deg reciprocal remainder renorm round row_stack rsqrt scatter scatter_add
    scatter_reduce searchsorted sgn sigmoid sign signbit sin sinc sinh slice_scatter softmax sort split_with_sizes_copy
    sqrt square squeeze_copy stack std std_mean sub subtract sum svd t_copy take take_along_dim tan tanh tensordot topk
    transpose_copy triangular_solve tril triu true_divide trunc unbind_copy unfold_copy unsqueeze_copy var vdot view_copy
    vstack where xlogy
""".split()
SPECIAL = """
    airy_ai bessel_j0 bessel_j1 bessel_y0 bessel_y1 chebyshev_polynomial_t chebyshev_polynomial_u chebyshev_polynomial_v
    chebyshev_polynomial_w digamma entr erf erfc erfcx erfinv exp2 expit expm1 gammainc gammaincc gammaln
    hermite_polynomial_h hermite_polynomial_he i0 i0e i1 i1e laguerre_polynomial_l legendre_polynomial_p log1p log_ndtr
    log_softmax logit logsumexp modified_bessel_i0 modified_bessel_i1 modified_bessel_k0 modified_bessel_k1 multigammaln
    ndtr ndtri polygamma psi round scaled_modified_bessel_k0 scaled_modified_bessel_k1 shifted_chebyshev_polynomial_t
    shifted_chebyshev_polynomial_u shifted_chebyshev_polynomial_v shifted_chebyshev_polynomial_w sinc softmax
    spherical_bessel_j0 xlog1py xlogy zeta
""".split()
LINALG = """
    cholesky cholesky_ex cond cross det diagonal eig eigh eigvals eigvalsh householder_product inv inv_ex ldl_factor
    ldl_factor_ex ldl_solve lstsq lu lu_factor lu_factor_ex lu_solve matmul matrix_norm matrix_power matrix_rank multi_dot
    norm pinv qr slogdet solve solve_ex solve_triangular svd svdvals tensorinv tensorsolve vecdot vector_norm
""".split()
FFT = "fft fft2 fftn hfft hfft2 hfftn ifft ifft2 ifftn ihfft ihfft2 ihfftn irfft irfft2 irfftn rfft rfft2 rfftn".split()
FUNCTIONAL = """
    adaptive_max_pool2d adaptive_max_pool3d avg_pool2d avg_pool3d elu gelu hardshrink linear log_softmax logsigmoid
    normalize sigmoid softmax softplus softshrink tanh
""".split()
"""The names that take ``out=``, by namespace."""
SAME_DTYPE = ("complex", "polar")
"""Those whose ``out`` must have the result's dtype."""

MISFIT = "Expected out tensor to have dtype {expected}, but got {found} instead"
EXACT = dict.fromkeys(("aminmax", "cummax", "cummin", "gather", "kthvalue", "mode", "sort", "topk"), MISFIT) | {
    "masked_select": "masked_select(): self and result must have the same scalar type",
    "multinomial": "multinomial expects Long tensor out, got: {name}",
}
"""Functions that don't cast, and what they say of an ``out`` that hasn't the dtype of the result."""
APART = {"cat", "gather", "index_select", "kthvalue", "masked_select", "take"}
"""Functions that read after they begin to write: ``out`` may not share memory with an input."""

RESIZED = (
    "An output with one or more elements was resized since it had shape {}, which does not match the required output shape {}. "
    "This behavior is deprecated, and in a future PyTorch release outputs will not be resized unless they have zero elements. "
    "You can explicitly reuse an out tensor t by resizing it, inplace, to zero elements with t.resize_(0)."
)


def accepting_out(namespace, names):
    """Those functions of a ``namespace``, a dict, that have one of the ``names``; each takes ``out=`` too.

    >>> z = torch.empty(2)
    >>> torch.add(torch.tensor([1.0, 2.0]), 1, out=z) is z
    True
    >>> z
    tensor([2., 3.])
    """
    home = namespace["__name__"]  # where pickle looks for it
    found = {name: namespace[name] for name in names if name in namespace}
    for function in found.values():
        if function not in DOORS:
            DOORS[function] = with_out_argument(function, home)
    return {name: DOORS[function] for name, function in found.items()}


DOORS: dict = {}
"""Each function's door, of which there is one: torch.lgamma and torch.special.gammaln are one object."""


def with_out_argument(function, home):
    @wraps(function)
    def with_out(*args, **kwargs):
        try:
            if not kwargs:
                return function(*args)
            out = kwargs.pop("out", None)
            return function(*args, **kwargs) if out is None else written_to(out, function, args, kwargs)
        except AttributeError:
            refuse_foreign(function.__name__, args)
            raise

    with_out.__module__ = home
    return with_out


def refuse_foreign(name, args):
    """Raise TypeError if the first argument, a tensor or a list of them, is something else."""
    first = args[0] if args else None
    if not isinstance(first, (Tensor, list, tuple)):
        raise errors.not_a_tensor(name, "input", 1, first) from None


def written_to(out, function, args, kwargs):
    """The result of a function, written over ``out``: a tensor, or as many as there are results."""
    places = out if isinstance(out, (list, tuple)) else [out]
    name = function.__name__
    for place in places:
        if not isinstance(place, Tensor):
            raise TypeError(f"{name}(): argument 'out' must be Tensor, not {type(place).__name__}")
    if MODE.grad and any([wants_gradient(x) for x in (*places, *args, *kwargs.values())]):
        raise RuntimeError(
            f"{name}(): functions with out=... arguments don't support automatic differentiation, but one of the arguments "
            "requires grad.\nleave out= away, or call it under no_grad"
        )
    if name in APART:
        refuse_overlap(places, [x for given in (*args, *kwargs.values()) for x in several(given)])
    with no_grad():
        result = function(*args, **kwargs)
        results = [result] if isinstance(result, Tensor) else list(result)
        if len(results) != len(places):
            raise TypeError(f"{name}(): argument 'out' must be a tuple of {len(results)} Tensors, but got {len(places)}")
        if name in SAME_DTYPE and places[0].dtype is not result.dtype:
            expected, found = [errors.TYPE_NAMES[x.dtype.name] for x in (result, places[0])]
            raise RuntimeError(f"Expected object of scalar type {expected} but got scalar type {found} for argument 'out'")
        for place, value in zip(places, results):
            if name in EXACT and place.dtype is not value.dtype:
                expected, found = [errors.C_NAMES[x.dtype.name] for x in (value, place)]
                raise RuntimeError(
                    EXACT[name].format(expected=expected, found=found, name=errors.TYPE_NAMES[place.dtype.name])
                )
            fill(place, value)
    return out if isinstance(result, Tensor) else result._make(places) if hasattr(result, "_make") else out


def refuse_overlap(places, inputs):
    """Raise RuntimeError if what is written to shares memory with what is read, or with itself."""
    for place in places:
        if place.numel() and any([n > 1 and s == 0 for n, s in zip(place.shape, place.stride())]):
            raise RuntimeError(errors.SHARED_ELEMENTS)
        array = place._array
        xp = ARRAY_TYPES[array.__class__]
        if any([isinstance(x, Tensor) and (place is x or xp.may_share_memory(array, x._array)) for x in inputs]):
            raise RuntimeError(
                "unsupported operation: some elements of the input tensor and the written-to tensor refer to a single memory "
                "location. Please clone() the tensor before performing the operation."
            )


def several(x):
    """What is in a list, or the one thing that is given."""
    return x if isinstance(x, (list, tuple)) else (x,)


def wants_gradient(x):
    return any([isinstance(item, Tensor) and item.requires_grad for item in several(x)])


def fill(place, value):
    """Write ``value`` over ``place``, which gets its shape. Raises RuntimeError if its dtype is of a lower category."""
    if value.dtype.category > place.dtype.category:
        raise RuntimeError(
            f"result type {errors.TYPE_NAMES[value.dtype.name]} can't be cast to the desired output type "
            f"{errors.TYPE_NAMES[place.dtype.name]}"
        )
    if place.shape != value.shape:
        if place.numel():
            warnings.warn(RESIZED.format(list(place.shape), list(value.shape)), stacklevel=4)
        place.data = value.to(place.dtype, copy=True)
    else:
        place._write(rows.assign, (place, value.to(place.dtype)))
