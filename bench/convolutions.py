"""Convolutions on a GPU, ours beside PyTorch's: ``python bench/convolutions.py``. Needs CuPy, and PyTorch for the comparison.

    forward 117 | 67     TFLOP/s of ours, and of PyTorch's by cuDNN; likewise of the gradients of the input and the weight

The layers are those of the steps in bench/gpu.py, and one of larger images. Factors are rounded to TF32, as both do by default.
"""

import argparse
import math

import cupy
import torch

from minitorch.backends import cupy as xp

LAYERS = {
    "MNIST CNN, second": ((512, 32, 26, 26), (64, 32, 3, 3), 1, 0), "MNIST CNN, first": ((512, 1, 28, 28), (32, 1, 3, 3), 1, 0),
    "residual net, 16": ((512, 16, 32, 32), (16, 16, 3, 3), 1, 1), "residual net, 16 to 32": ((512, 16, 32, 32), (32, 16, 3, 3), 2, 1),
    "residual net, 32": ((512, 32, 16, 16), (32, 32, 3, 3), 1, 1), "residual net, 64": ((512, 64, 8, 8), (64, 64, 3, 3), 1, 1),
    "larger images": ((64, 64, 56, 56), (64, 64, 3, 3), 1, 1),
}  # fmt: skip
"""Shapes of x and of the weight, stride, padding."""


def seconds(run, repeats):
    """The median time of a run, while the GPU doesn't wait for Python."""
    run()
    found = []
    for _ in range(repeats):
        start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        torch.cuda._sleep(1 << 20)
        start.record()
        for _ in range(4):
            run()
        end.record()
        end.synchronize()
        found.append(start.elapsed_time(end) / 4e3)
    return sorted(found)[repeats // 2]


def ways(x, weight, g, stride, padding):
    """(name, our way, PyTorch's) of the three products."""
    geometry = (stride,) * 2, ((padding,) * 2,) * 2, (1, 1), 1
    ours = [cupy.from_dlpack(t) for t in (x, weight, g)]
    told = [0], [stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1

    def back(*wanted):
        return torch.ops.aten.convolution_backward(g, x, weight, *told, list(wanted))

    def forth():
        return torch.nn.functional.conv2d(x, weight, None, stride, padding)

    return [
        ("forward", lambda: xp.conv(ours[0], ours[1], None, geometry), forth),
        ("input", lambda: xp.conv_input_grad(ours[2], ours[1], tuple(x.shape), geometry), lambda: back(True, False, False)),
        ("weight", lambda: xp.conv_weight_grad(ours[0], ours[2], tuple(weight.shape), geometry), lambda: back(False, True, False)),
    ]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--repeats", type=int, default=7)
    repeats = options.parse_args().repeats
    torch.backends.cudnn.allow_tf32 = True
    for name, (shape, window, stride, padding) in LAYERS.items():
        x, weight = torch.randn(shape, device="cuda"), torch.randn(window, device="cuda")
        g = torch.randn_like(torch.nn.functional.conv2d(x, weight, None, stride, padding))
        operations = 2 * g.numel() * math.prod(window[1:]) / 1e12
        rates = [
            f"{what} {operations / seconds(ours, repeats):4.0f} | {operations / seconds(theirs, repeats):3.0f}"
            for what, ours, theirs in ways(x, weight, g, stride, padding)
        ]
        print(f"{name:24}", "   ".join(rates), flush=True)


if __name__ == "__main__":
    main()
