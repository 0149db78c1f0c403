"""FractionalMaxPool2d and 3d: windows drawn at the same seed, gradients, refused arguments, against PyTorch."""

import pytest
from oracle import agree

LAYERS = {
    "nn.FractionalMaxPool2d(3, output_size=4)": (2, 3, 9, 8),
    "nn.FractionalMaxPool2d((2, 3), output_ratio=(0.5, 0.6))": (3, 9, 10),
    "nn.FractionalMaxPool2d(2, (3, 4), return_indices=True)": (1, 2, 9, 8),
    "nn.FractionalMaxPool2d(2, 3, _random_samples=t.linspace(0, 0.9, 12).reshape(2, 3, 2))": (2, 3, 9, 8),
    "nn.FractionalMaxPool3d(2, output_ratio=0.5)": (2, 2, 6, 7, 8),
    "nn.FractionalMaxPool3d((2, 3, 2), (2, 3, 4), return_indices=True)": (2, 6, 7, 8),
}
REFUSED = [
    "nn.FractionalMaxPool2d(2)", "nn.FractionalMaxPool2d(2, 3, 0.5)", "nn.FractionalMaxPool2d(2, output_ratio=1.5)",
    "nn.FractionalMaxPool2d(2, output_ratio=(0.5, 0))", "nn.FractionalMaxPool3d(0, 3)", "nn.FractionalMaxPool3d(2)",
    "nn.FractionalMaxPool3d((2, -1, 2), 3)", "nn.FractionalMaxPool3d(2, 3, 0.5)", "nn.FractionalMaxPool3d(2, None, 1)",
]  # fmt: skip


@pytest.mark.parametrize(("layer", "shape"), LAYERS.items())
def test_pooled(layer, shape):
    def program(t):
        module = eval(f"t.{layer}", {"t": t})
        x = t.linspace(0, 40, t.zeros(shape).numel()).reshape(shape).sin().requires_grad_()
        t.manual_seed(3)
        out = module(x)
        (out[0] if isinstance(out, tuple) else out).square().sum().backward()
        return repr(module), out, x.grad, dict(module.state_dict()), t.rand(2)

    agree(program)


@pytest.mark.parametrize("layer", REFUSED)
def test_refused(layer):
    agree(lambda t: eval(f"t.{layer}", {"t": t}))
