"""In-place variants of what is said in several rows: ``x.sinc_()`` is ``sinc(x)`` written over ``x``."""

from .. import primitives as rows
from ..making import named
from . import arithmetic, elementwise, norms, reduce, scatter, special, sums

__all__ = [
    "addbmm_", "addmv_", "addr_", "baddbmm_", "bitwise_left_shift_", "bitwise_right_shift_", "copysign_", "cumprod_",
    "cumsum_", "deg2rad_", "eq_", "float_power_", "frac_", "ge_", "gt_", "heaviside_", "hypot_", "index_reduce_",
    "ldexp_", "le_", "logit_", "lt_", "mvlgamma_", "nan_to_num_", "ne_", "rad2deg_", "renorm_", "scatter_reduce_",
    "sinc_", "xlogy_",
]  # fmt: skip


def written_over(function):
    """The function that writes the result of another over its first argument, and returns that.

    Raises RuntimeError if the result has another shape, or a dtype of a higher category.
    """

    def in_place(input, *args, **kwargs):
        source = input.clone() if input.requires_grad else input  # what is written over can't be remembered
        return input._write(rows.assign, (input, function(source, *args, **kwargs)))

    return named(in_place, f"{function.__name__}_", f"``{function.__name__}`` in place.")


eq_, ne_ = written_over(elementwise.eq), written_over(elementwise.ne)
lt_, le_ = written_over(elementwise.lt), written_over(elementwise.le)
gt_, ge_ = written_over(elementwise.gt), written_over(elementwise.ge)
bitwise_left_shift_ = written_over(elementwise.bitwise_left_shift)
bitwise_right_shift_ = written_over(elementwise.bitwise_right_shift)
hypot_, nan_to_num_ = written_over(elementwise.hypot), written_over(elementwise.nan_to_num)
cumsum_, cumprod_ = written_over(reduce.cumsum), written_over(reduce.cumprod)
copysign_, heaviside_ = written_over(arithmetic.copysign), written_over(arithmetic.heaviside)
deg2rad_, rad2deg_ = written_over(arithmetic.deg2rad), written_over(arithmetic.rad2deg)
frac_, ldexp_ = written_over(arithmetic.frac), written_over(arithmetic.ldexp)
sinc_, logit_ = written_over(special.sinc), written_over(special.logit)
xlogy_, mvlgamma_ = written_over(special.xlogy), written_over(special.mvlgamma)
addmv_, addr_, baddbmm_ = written_over(sums.addmv), written_over(sums.addr), written_over(sums.baddbmm)
index_reduce_, scatter_reduce_ = written_over(scatter.index_reduce), written_over(scatter.scatter_reduce)
renorm_ = written_over(norms.renorm)


def addbmm_(input, batch1, batch2, *, beta=1, alpha=1):
    """``addbmm`` in place; a tensor that is broadcast gets the result's shape, as in PyTorch.   torch: Tensor.addbmm_"""
    result = input.addbmm(batch1, batch2, beta=beta, alpha=alpha)
    return input.copy_(result) if input.shape == result.shape else input._become(result)


def float_power_(input, exponent):
    """``float_power`` in place. Raises RuntimeError unless the tensor is float64 already.   torch: Tensor.float_power_"""
    result = input.float_power(exponent)
    if result.dtype is not input.dtype:
        raise RuntimeError(
            f"the base given to float_power_ has dtype {input._type_name()} but the operation's result requires dtype "
            f"{result._type_name()}\nuse x.float_power(y), or x.pow_(y)"
        )
    return input.copy_(result)
