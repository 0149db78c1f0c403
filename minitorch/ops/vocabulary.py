"""Tensor's methods, by family: PyTorch's vocabulary as one class.

The function ``torch.exp`` and the method ``Tensor.exp`` are one; in ``torch`` it stands behind the door that takes ``out=``
(``out.py``). What a tensor *is*, its memory and its history,
is in ``engine.py``; what can be said of it is here.
"""

from .. import storage as memory
from ..layout import strided
from . import attributes, complex, joining, protocol

__all__ = ["Vocabulary"]


class Vocabulary:
    """All that can be said of a Tensor: each name is a function of the other files here."""

    __slots__ = ()

    from .activation import hardshrink, prelu
    from .aliases import (
        absolute, absolute_, arccos, arccos_, arccosh, arccosh_, arcsin, arcsin_, arcsinh, arcsinh_, arctan, arctan2,
        arctan2_, arctan_, arctanh, arctanh_, clip, clip_, divide, divide_, fix, fix_, ger, greater, greater_,
        greater_equal, greater_equal_, less, less_, less_equal, less_equal_, moveaxis, multiply, multiply_, negative,
        negative_, not_equal, not_equal_, subtract, subtract_, swapdims, true_divide, true_divide_,
    )  # fmt: skip
    from .arithmetic import (
        copysign, deg2rad, float_power, fmax, fmin, frac, frexp, gcd, gcd_, heaviside, isneginf, isposinf, lcm, lcm_, ldexp,
        logaddexp, logaddexp2, nextafter, nextafter_, rad2deg,
    )  # fmt: skip
    from .attributes import (
        data_ptr, dim, element_size, get_device, is_complex, is_distributed, is_floating_point, is_inference, is_nonzero,
        is_pinned, is_signed, numel, pin_memory, size, stride,
    )  # fmt: skip

    shape, ndim, dtype = property(attributes.shape), property(attributes.ndim), property(attributes.array_dtype)
    device, is_cuda, nbytes = property(attributes.device), property(attributes.is_cuda), property(attributes.nbytes)
    T, H = property(attributes.transposed), property(attributes.H)
    mT, mH, itemsize = property(attributes.mT), property(attributes.mH), property(element_size)
    ndimension, nelement = dim, numel
    is_sparse = is_sparse_csr = is_quantized = is_mkldnn = is_meta = is_nested = False
    is_ipu = is_maia = is_mps = is_mtia = is_vulkan = is_xla = is_xpu = False
    is_cpu, name = property(attributes.is_cpu), None
    layout = strided

    __len__, __iter__, __contains__, __hash__ = protocol.length, protocol.iterator, protocol.contains, object.__hash__
    __bool__, __float__, __int__ = protocol.as_bool, protocol.as_float, protocol.as_int
    __complex__, __index__ = protocol.as_complex, protocol.as_index
    __array__, __array_wrap__ = protocol.as_array, protocol.from_ufunc
    __dlpack__, __dlpack_device__ = protocol.as_dlpack, protocol.dlpack_device

    from .complex import (
        across, angle, angle_slope, conj, conj_physical, conj_physical_, conjugate, is_conj, is_neg, isreal, paired,
        resolve_conj, resolve_neg, sgn, sgn_, view_as_real,
    )  # fmt: skip
    real, imag = property(complex.real, complex.set_real), property(complex.imag, complex.set_imag)
    from .calculus import diff
    from .conversion import (
        bfloat16, bool, byte, cdouble, cfloat, char, copy_, cpu, cuda, double, empty_like, float, full_like, half, int, item, long, new,
        new_empty, new_full, new_ones, new_tensor, new_zeros, numpy, ones_like, short, to, tolist, type, type_as,
        zeros_like,
    )  # fmt: skip
    from .copies import narrow_copy
    from .elementwise import (
        abs, abs_, acos, acos_, acosh, acosh_, acosh_slope, add, add_, addcdiv, addcdiv_, addcmul, addcmul_, asin, asin_, asinh,
        asinh_, atan, atan2, atan2_, atan_, atanh, atanh_, between, bitwise_and, bitwise_and_, bitwise_left_shift,
        bitwise_not, bitwise_not_, bitwise_or, bitwise_or_, bitwise_right_shift, bitwise_xor, bitwise_xor_, ceil,
        ceil_, clamp, clamp_, clamp_max, clamp_max_, clamp_min, clamp_min_, cos, cos_, cosh, cosh_, div, div_, eq,
        erf, erf_, erfc, erfc_, exp, exp2, exp2_, exp_, expm1, expm1_, fill_, floor, floor_, floor_divide,
        floor_divide_, fmod, fmod_, ge, gt, hypot, isclose, isfinite, isinf, isnan, keep, le, lerp, lerp_, log, log10,
        log10_, log1p, log1p_, log2, log2_, log_, logical_and, logical_and_, logical_not, logical_not_, logical_or,
        logical_or_, logical_xor, logical_xor_, lt, masked_fill, masked_fill_, maximum, minimum, mul, mul_,
        nan_to_num, ne, neg, neg_, positive, pow, pow_, power_slope, reciprocal, reciprocal_, relu, relu_, remainder,
        remainder_, round, round_, rsqrt, rsqrt_, rsub, share, sigmoid, sigmoid_,
        sign, sign_, signbit, sin, sin_, sinh, sinh_, sqrt, sqrt_, square, square_, sub, sub_, tan, tan_, tanh, tanh_,
        times_log, trunc, trunc_, where, zero_,
    )  # fmt: skip
    from .equations import det, inv as inverse, logdet, matrix_exp, matrix_power, slogdet
    from .factors import geqrf, householder_product as orgqr, ormqr
    from .indexing import (
        gather, getitem, index_add, index_add_, index_add_at_, index_at, index_copy, index_copy_, index_fill,
        index_fill_, index_put, index_put_, index_put_at, index_select, masked_scatter, masked_scatter_,
        masked_select, multi_slice, narrow, nll, nll_grad, scatter, scatter_, scatter_add, scatter_add_, select, setitem, take,
        take_along_dim, unbind,
    )  # fmt: skip
    from .inplace import (
        addbmm_, addmv_, addr_, baddbmm_, bitwise_left_shift_, bitwise_right_shift_, copysign_, cumprod_, cumsum_,
        deg2rad_, eq_, float_power_, frac_, ge_, gt_, heaviside_, hypot_, index_reduce_, ldexp_, le_, logit_, lt_,
        mvlgamma_, nan_to_num_, ne_, rad2deg_, renorm_, scatter_reduce_, sinc_, xlogy_,
    )  # fmt: skip
    from .joining import (
        chunk, dsplit, hsplit, split_with_sizes, tensor_split, unsafe_chunk, unsafe_split, unsafe_split_with_sizes, vsplit,
    )  # fmt: skip
    from .legacy import apply_, index, is_shared, map_, record_stream, reinforce, resize, share_memory_
    from .linalg import (
        bmm, cross, dot, inner, kron, linear, matmul, mm, mv, outer, tensordot, trace, vdot,
    )  # fmt: skip
    from .memory_format import clone, contiguous, is_contiguous
    from .movement import (
        adjoint, broadcast_to, detach, diag, diag_embed, diagflat, diagonal, embed, expand, expand_as,
        flatten, flip, fliplr, flipud, fold_windows, follow, movedim, pad_widths, permute, ravel, repeat,
        repeat_interleave, reshape, reshape_as, roll, rot90, squeeze, sum_to, sum_to_size, swapaxes, t, tile, transpose, tril,
        tril_, triu, triu_, unflatten, unfold, unsqueeze, view, view_as, written,
    )  # fmt: skip
    from .norms import dist, norm, renorm
    from .older_linalg import (
        cholesky, cholesky_inverse, cholesky_solve, lu, lu_solve, pinverse, qr, svd, triangular_solve,
    )  # fmt: skip
    from .random import (
        bernoulli, bernoulli_, cauchy_, exponential_, geometric_, log_normal_, multinomial, normal_, random_, uniform_,
    )  # fmt: skip
    from .reduce import (
        all, allclose, amax, amin, aminmax, any, argmax, argmin, count_nonzero, cummax, cummin, cumprod, cumprod_slope,
        cumsum, equal, is_same_size, log_softmax, log_softmax_grad, logcumsumexp, logcumsumexp_slope, logsumexp, max, mean, median,
        min, nanmean, nansum, prod, product_of_others, share_extremes, softmax, softmax_grad, squared_error_mean, std, std_mean,
        sum, undrop, var, var_mean,
    )  # fmt: skip
    from .scatter import (
        diagonal_scatter, fill_diagonal_, index_reduce, put, put_, scatter_reduce, scatter_slope, scattered_slope,
        select_scatter, slice_scatter,
    )  # fmt: skip
    from .sorting import (
        argsort, argwhere, bincount, kthvalue, msort, nonzero, nonzero_static, searchsorted, sort, topk, unique,
        unique_consecutive,
    )  # fmt: skip
    from .sparse import (
        ccol_indices, coalesce, col_indices, crow_indices, indices, is_coalesced, row_indices, smm, sparse_dim,
        sparse_mask, sparse_resize_, sspaddmm, to_dense, to_sparse, to_sparse_coo, to_sparse_csc, to_sparse_csr, values,
    )  # fmt: skip
    from .special import (
        digamma, digamma_, erfinv, erfinv_, i0, i0_, igamma, igamma_, igammac, igammac_, lgamma, lgamma_, logit,
        mvlgamma, polygamma, polygamma_, sinc, xlogy,
    )  # fmt: skip
    from .spectral import doubled, lengthened
    from .statistics import corrcoef, cov, histc, histogram, mode, nanmedian, nanquantile, quantile
    from .stft import istft, stft
    from .strides import (
        as_strided, as_strided_, as_strided_scatter, gathered_in, new_empty_strided, resize_, resize_as_, set_,
        squeeze_, storage_offset, swapaxes_, swapdims_, t_, transpose_, unsqueeze_,
    )  # fmt: skip
    from .sums import addbmm, addmm, addmm_, addmv, addr, baddbmm

    storage, untyped_storage = memory.storage, memory.untyped_storage
    _cat, _stack, split = staticmethod(joining.cat), staticmethod(joining.stack), joining.split_by_method
    __getitem__, __setitem__ = getitem, setitem
    from .operators import (
        __add__, __and__, __eq__, __floordiv__, __ge__, __gt__, __iadd__, __iand__, __ifloordiv__, __imod__, __imul__, __ior__,
        __ipow__, __isub__, __itruediv__, __ixor__, __le__, __lshift__, __lt__, __matmul__, __mod__, __mul__, __ne__,
        __or__, __pow__, __rfloordiv__, __rlshift__, __rmatmul__, __rmod__, __rpow__, __rrshift__, __rshift__,
        __rsub__, __rtruediv__, __sub__, __truediv__, __xor__,
    )  # fmt: skip
    __radd__, __rmul__, __rand__, __ror__, __rxor__ = __add__, __mul__, __and__, __or__, __xor__
    __neg__, __pos__, __abs__, __invert__ = neg, positive, abs, bitwise_not
