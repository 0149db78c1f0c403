"""Products of matrices, and convolutions."""

from ..errors import OnnxExporterError

__all__ = ["PRODUCTS"]


def linear(o, x, weight, bias=None):
    """x Wᵀ + b: of matrices one node."""
    if len(x.shape) == 2:
        return o.Gemm(x, weight, bias, transB=1) if bias is not None else o.Gemm(x, weight, transB=1)
    product = o.MatMul(x, o.Transpose(weight, perm=[1, 0]))
    return product if bias is None else o.Add(product, bias)


def settings(weight, geometry):
    """What Conv and ConvTranspose are told alike; padding is a (before, after) for each dim."""
    stride, padding, dilation, groups = geometry
    befores, afters = zip(*padding, strict=True)
    return {
        "kernel_shape": list(weight.shape[2:]), "strides": list(stride), "dilations": list(dilation), "group": groups,
        "pads": [*befores, *afters],
    }  # fmt: skip


def conv(o, x, weight, *rest):
    *bias, geometry = rest
    return o.Conv(x, weight, *bias, **settings(weight, geometry))


def transposed(o, x, weight, shape, geometry):
    """The gradient of a convolution's input, which is what a transposed convolution is."""
    known = settings(weight, geometry)
    stride, padding, dilation, _ = geometry
    more = []
    for d, (n, size) in enumerate(zip(x.shape[2:], shape[2:], strict=True)):
        reach = dilation[d] * (weight.shape[2 + d] - 1) + 1 - sum(padding[d])
        missing = {m - (k - 1) * stride[d] - reach for k, m in zip(o.each(n), o.each(size), strict=True)}
        if len(missing) > 1:
            raise OnnxExporterError(
                f"a dynamic axis can't be kept: the output's size does not follow the input's\n{o.place}: leave it fixed"
            )
        more.append(missing.pop())
    return o.ConvTranspose(x, weight, output_padding=more, **known)


PRODUCTS = {
    "matmul": "MatMul",
    "linear": linear,
    "conv": conv,
    "conv_input_grad": transposed,
}
