"""minitorch: PyTorch, small enough to read. The same API, the same numbers.

    import minitorch as torch

The tour starts in ``engine.py``. The names here are those of ``torch``.
"""

import math
from importlib import import_module
from importlib.util import find_spec

from .absent import absence
from .backends.threads import get_num_threads, set_num_threads
from .mixed_precision import autocast_doors
from .mixed_precision import TORCH as HAVE_DOORS
from .creation import (
    arange, as_tensor, asarray, empty, empty_like, empty_permuted, empty_strided, eye, from_dlpack, from_numpy, frombuffer, full,
    full_like, is_tensor, linspace, logspace, ones, ones_like, result_type, scalar_tensor, tensor, tril_indices,
    triu_indices, vander, zeros, zeros_like,
)  # fmt: skip
from .creation import inclusive_range as range
from .device import device, get_default_device, set_default_device
from .dtypes import (
    bfloat16, bool, can_cast, cdouble, cfloat, complex64, complex128, double, dtype, finfo, float, float16, float32, float64,
    get_default_dtype, half, iinfo, int, int8, int16, int32, int64, long, promote_types, set_default_dtype, short,
    uint8, uint16, uint32, uint64,
)  # fmt: skip
from .engine import (
    Tensor, enable_grad, inference_mode, is_grad_enabled, is_inference_mode_enabled, no_grad, set_grad_enabled,
)  # fmt: skip
from .formatting import set_printoptions
from .layout import (
    channels_last, channels_last_3d, contiguous_format, jagged, layout, memory_format, preserve_format, sparse_bsc,
    sparse_bsr, sparse_coo, sparse_csc, sparse_csr, strided,
)  # fmt: skip
from .ops.aliases import (
    absolute, arccos, arccos_, arccosh, arccosh_, arcsin, arcsin_, arcsinh, arcsinh_, arctan, arctan2, arctan_,
    arctanh, arctanh_, clip, clip_, concat, concatenate, divide, fix, fix_, ger, greater, greater_equal, less,
    less_equal, moveaxis, multiply, negative, negative_, not_equal, row_stack, subtract, swapdims, true_divide,
)  # fmt: skip
from .ops.arithmetic import (
    copysign, deg2rad, float_power, fmax, fmin, frac, frexp, gcd, gcd_, heaviside, isneginf, isposinf, lcm, lcm_,
    ldexp, logaddexp, logaddexp2, nextafter, rad2deg,
)  # fmt: skip
from .ops.attributes import (
    get_device, is_complex, is_distributed, is_floating_point, is_inference, is_nonzero, is_signed, numel,
)  # fmt: skip
from .ops.calculus import cumulative_trapezoid, diff, gradient, trapezoid
from .ops.calculus import trapezoid as trapz
from .ops.complex import (
    angle, complex, conj, conj_physical, conj_physical_, imag, is_conj, is_neg, isreal, polar, real, resolve_conj,
    resolve_neg, sgn, view_as_complex, view_as_real,
)  # fmt: skip
from .ops.copies import (
    alias_copy, as_strided_copy, detach_copy, diagonal_copy, expand_copy, narrow_copy, permute_copy, select_copy,
    slice_copy, split_copy, split_with_sizes_copy, squeeze_copy, t_copy, transpose_copy, unbind_copy, unfold_copy,
    unsqueeze_copy, view_copy,
)  # fmt: skip
from .ops.elementwise import (
    abs, abs_, acos, acos_, acosh, acosh_, add, add_, addcdiv, addcdiv_, addcmul, addcmul_, asin, asin_, asinh,
    asinh_, atan, atan2, atan_, atanh, atanh_, bitwise_and, bitwise_and_, bitwise_left_shift, bitwise_not, bitwise_or,
    bitwise_or_, bitwise_right_shift, bitwise_xor, bitwise_xor_, ceil, ceil_, clamp, clamp_, clamp_max, clamp_max_,
    clamp_min, clamp_min_, cos, cos_, cosh, cosh_, div, div_, eq, erf, erf_, erfc, erfc_, exp, exp2, exp2_, exp_,
    expm1, expm1_, fill, fill_, floor, floor_, floor_divide, floor_divide_, fmod, ge, gt, hypot, isclose, isfinite, isinf,
    isnan, le, lerp, lerp_, log, log10, log10_, log1p, log1p_, log2, log2_, log_, logical_and, logical_not,
    logical_or, logical_xor, lt, masked_fill, masked_fill_, maximum, minimum, mul, mul_, nan_to_num, ne, neg, neg_,
    positive, pow, pow_, reciprocal, reciprocal_, relu, relu_, remainder, remainder_, round, round_, rsqrt, rsqrt_,
    rsub, sigmoid, sigmoid_, sign, signbit, sin, sin_, sinh, sinh_, sqrt, sqrt_, square, square_, sub, sub_, tan,
    tan_, tanh, tanh_, trunc, trunc_, zero_,
)  # fmt: skip
from .ops.elementwise import choose as where
from .ops.equations import det, inv as inverse, logdet, matrix_exp, matrix_power, slogdet
from .ops.factors import geqrf, householder_product as orgqr, lu_unpack, ormqr
from .ops.indexing import (
    gather, index_add, index_add_, index_copy, index_copy_, index_fill, index_fill_, index_put, index_put_,
    index_select, masked_scatter, masked_scatter_, masked_select, narrow, scatter, scatter_, scatter_add,
    scatter_add_, select, take, take_along_dim, unbind,
)  # fmt: skip
from .ops.inplace import addmv_, deg2rad_, frac_, ldexp_, logit_, nan_to_num_, rad2deg_, sinc_, xlogy_
from .ops.joining import (
    atleast_1d, atleast_2d, atleast_3d, block_diag, broadcast_tensors, cartesian_prod, cat, chunk, column_stack,
    combinations, dsplit, dstack, hsplit, hstack, meshgrid, split, split_with_sizes, stack, tensor_split, unsafe_chunk,
    unsafe_split, unsafe_split_with_sizes, vsplit, vstack,
)  # fmt: skip
from .ops.einsum import einsum
from .ops.linalg import (
    bmm, chain_matmul, cross, dot, inner, kron, matmul, mm, mv, outer, tensordot, trace, vdot,
)  # fmt: skip
from .ops.memory_format import clone
from .ops.movement import (
    adjoint, broadcast_to, detach, diag, diag_embed, diagflat, diagonal, flatten, flip, fliplr, flipud, movedim, permute,
    ravel, repeat_interleave, reshape, roll, rot90, squeeze, swapaxes, t, tile, transpose, tril, tril_, triu, triu_,
    unflatten, unfold, unsqueeze,
)  # fmt: skip
from .ops.norms import cdist, dist, norm, renorm
from .ops.older_linalg import (
    cholesky, cholesky_inverse, cholesky_solve, lu, lu_solve, pinverse, qr, svd, triangular_solve,
)  # fmt: skip
from .ops.random import bernoulli, multinomial
from .ops.reduce import (
    all, allclose, amax, amin, aminmax, any, argmax, argmin, count_nonzero, cummax, cummin, cumprod, cumsum,
    equal, is_same_size, log_softmax, logcumsumexp, logsumexp, max, mean, median, min, nanmean, nansum, prod,
    softmax, std, std_mean, sum, var, var_mean,
)  # fmt: skip
from .ops.scatter import diagonal_scatter, index_reduce, put, scatter_reduce, select_scatter, slice_scatter
from .ops.sorting import (
    argsort, argwhere, bincount, bucketize, isin, kthvalue, msort, nonzero, nonzero_static, searchsorted, sort, topk,
    unique, unique_consecutive, unravel_index,
)  # fmt: skip
from .ops.special import digamma, erfinv, i0, i0_, igamma, igammac, lgamma, logit, mvlgamma, sinc, xlogy
from .ops.special import nth_polygamma as polygamma
from .ops.statistics import corrcoef, cov, histc, histogram, histogramdd, mode, nanmedian, nanquantile, quantile
from .ops.stft import istft, stft
from .ops.strides import as_strided, as_strided_, as_strided_scatter, resize_as_
from .ops.sums import addbmm, addmm, addmm_, addmv, addr, baddbmm
from .out import accepting_out
from .out import TORCH as TAKE_OUT
from .replay_forward import METHODS as REPLAYED
from .replay_forward import replay_doors
from .size import Size, broadcast_shapes
from .version import __version__

globals().update(replay_doors(globals(), REPLAYED))
globals().update(autocast_doors(globals(), HAVE_DOORS))
globals().update(accepting_out(globals(), TAKE_OUT))

SUBMODULES = (
    "_dynamo", "_inductor", "_tensor", "_utils", "accelerator", "amp", "autograd", "compiler", "cpu", "cuda",
    "distributed", "distributions", "fft", "func", "functional", "futures", "hub", "jit", "linalg", "masked",
    "mps", "multiprocessing", "nn", "onnx", "optim", "profiler", "random", "serialization", "signal", "sparse",
    "special", "storage", "testing", "types", "utils", "vision", "xpu",
)  # fmt: skip
"""Loaded when first used: a program that needs only tensors starts sooner."""
ELSEWHERE = {
    "_utils": ("_assert",),
    "amp": ("autocast",),
    "amp.autocast_mode": (
        "clear_autocast_cache", "get_autocast_cpu_dtype", "get_autocast_dtype", "get_autocast_gpu_dtype",
        "is_autocast_cache_enabled", "is_autocast_cpu_enabled", "is_autocast_enabled", "set_autocast_cache_enabled",
        "set_autocast_cpu_dtype", "set_autocast_cpu_enabled", "set_autocast_dtype", "set_autocast_enabled",
    ),
    "autograd.anomaly_mode": ("is_anomaly_check_nan_enabled", "is_anomaly_enabled"),
    "compiling": ("compile",),
    "errors": ("OutOfMemoryError",),
    "func": ("vmap",),
    "jit": ("ScriptModule",),
    "linalg.lowrank": ("pca_lowrank", "svd_lowrank"),
    "ops.draws": ("binomial", "poisson"),
    "nn.functional": (
        "adaptive_avg_pool1d", "avg_pool1d", "bilinear", "celu", "celu_", "channel_shuffle", "conv1d", "conv2d",
        "conv3d", "conv_tbc", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "cosine_similarity",
        "hardshrink", "max_pool1d", "max_pool1d_with_indices", "max_pool2d", "max_pool3d", "native_channel_shuffle",
        "pairwise_distance", "pdist", "pixel_shuffle", "pixel_unshuffle", "prelu", "rms_norm", "selu", "selu_",
        "threshold", "threshold_",
    ),
    "nn.native": (
        "adaptive_max_pool1d", "affine_grid_generator", "alpha_dropout", "alpha_dropout_", "batch_norm",
        "binary_cross_entropy_with_logits", "constant_pad_nd", "convolution", "cosine_embedding_loss", "ctc_loss",
        "dropout", "dropout_", "embedding", "embedding_bag", "embedding_renorm_", "feature_alpha_dropout",
        "feature_alpha_dropout_", "feature_dropout", "feature_dropout_", "grid_sampler", "grid_sampler_2d",
        "grid_sampler_3d", "group_norm", "hinge_embedding_loss", "instance_norm", "kl_div", "layer_norm",
        "margin_ranking_loss", "native_batch_norm", "native_dropout", "native_group_norm", "native_layer_norm",
        "norm_except_dim", "poisson_nll_loss", "rrelu", "rrelu_", "triplet_margin_loss",
    ),
    "random": (
        "Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "normal", "rand",
        "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed", "set_rng_state",
    ),
    "serialization": ("load", "save"),
    "signal.periodic": ("bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"),
    "settings": (
        "are_deterministic_algorithms_enabled", "get_deterministic_debug_mode", "get_float32_matmul_precision",
        "get_num_interop_threads", "is_deterministic_algorithms_warn_only_enabled", "is_vulkan_available",
        "is_warn_always_enabled", "set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal",
        "set_num_interop_threads", "set_warn_always", "use_deterministic_algorithms",
    ),
    "sparse": (
        "dequantize", "fake_quantize_per_channel_affine", "fake_quantize_per_tensor_affine", "quantize_per_channel",
        "quantize_per_tensor", "sparse_bsc_tensor", "sparse_bsr_tensor", "sparse_compressed_tensor",
        "sparse_coo_tensor", "sparse_csc_tensor", "sparse_csr_tensor", "spmm",
    ),
    "storage": (
        "BFloat16Storage", "BoolStorage", "ByteStorage", "CharStorage", "ComplexDoubleStorage", "ComplexFloatStorage",
        "DoubleStorage", "FloatStorage", "HalfStorage", "IntStorage", "LongStorage", "ShortStorage", "TypedStorage",
        "UntypedStorage", "is_storage",
    ),
    "summarizing": ("summary",),
    "tensortypes": (
        "BFloat16Tensor", "BoolTensor", "ByteTensor", "CharTensor", "DoubleTensor", "FloatTensor", "HalfTensor",
        "IntTensor", "LongTensor", "ShortTensor", "set_default_tensor_type", "tensortype", "typename",
    ),
}  # fmt: skip
"""Names that are loaded with their module, when first used."""
MODULE_OF = {name: module for module, names in ELSEWHERE.items() for name in names}

inf, nan, pi, e = math.inf, math.nan, math.pi, math.e
newaxis = None

OURS = {"absence", "accepting_out", "autocast_doors", "find_spec", "import_module", "math", "replay_doors"}
__all__ = sorted(
    {name for name in (*globals(), *SUBMODULES, *MODULE_OF) if not name.startswith("_") and not name.isupper()} - OURS
)


def __getattr__(name):
    if name in SUBMODULES:
        return import_module(f".{name}", __name__)
    if name in MODULE_OF:
        found = getattr(import_module(f".{MODULE_OF[name]}", __name__), name)
        if name in TAKE_OUT:
            found = accepting_out({"__name__": __name__, name: found}, (name,))[name]
        globals()[name] = found
        return found
    if name.startswith("_foreach_"):
        found = import_module(".ops.foreach", __name__).foreach(name.removeprefix("_foreach_"))
        if found:
            return found
    raise absence(__name__, name)


if find_spec("einops") is not None:
    import_module(".einops", __name__)  # einops takes our tensors from now on
