"""A convolution whose kernel is as large as the image: one place is left, and all three passes are products of matrices.

    forward    y[image, o] = Σ x[image, j] w[o, j]               j: a number of an image, channel by channel
    input      dx[image, j] = Σ dy[image, o] w[o, j]
    weight     dw[o, j] = Σ dy[image, o] x[image, j]

torch: ATen/native/Linear.cpp
"""

from math import prod

from .gemm import Ending, Gemm, gemm_text

__all__ = ["is_product", "product_text"]


def is_product(conv):
    """Whether a convolution is a product.

    >>> from minitorch.native.convolution_geometry import Conv
    >>> is_product(Conv(8, 16, 120, (5, 5), (5, 5))), is_product(Conv(8, 16, 120, (6, 5), (5, 5)))
    (True, False)
    """
    return conv.size == conv.kernel and conv.out == (1, 1, 1) and not any(conv.padding) and conv.groups == 1


def product_text(way, name, conv, target, preamble, bias=False):
    """The kernel ``@name`` of the "forward" pass, or of the gradient of the "input" or the "weight", as Code.

    ``preamble`` defines ``%A``, ``%B`` and ``%C`` as for the other kernels (convolution.py, convolution_weight.py); with ``bias``
    also ``%BIAS``, a number for each output.
    """
    batch, outputs, numbers = conv.batch, conv.outputs, conv.channels * prod(conv.kernel)
    if way == "forward":
        ending = Ending((0, 0, 1)) if bias else Ending()
        gemm = Gemm.of(batch, outputs, numbers, transpose_b=True, kind=conv.kind, ending=ending)
    elif way == "input":
        gemm = Gemm.of(batch, numbers, outputs, kind=conv.kind)
    else:
        gemm = Gemm.of(outputs, numbers, batch, transpose_a=True, kind=conv.kind).flipped()  # the input is the first array
    return gemm_text(name, gemm, target, preamble)
