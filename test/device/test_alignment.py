"""ctc_loss on a GPU is that of the CPU, and so are its gradients: labels that come twice, targets that can't be spelled, no frames."""

import pytest

import minitorch as t
from minitorch.nn import functional as F

SIZES = {  # frames, sequences, classes, labels
    "labels that come twice": (12, 3, 3, 5), "too long": (6, 4, 5, 4), "no labels": (5, 2, 4, 0), "many classes": (3, 2, 300, 2),
    "more states than threads": (200, 2, 30, 140), "one frame": (1, 3, 4, 1),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [t.float32, t.float64], ids=str)
@pytest.mark.parametrize("zero_infinity", [False, True])
@pytest.mark.parametrize("name", SIZES)
def test_a_loss_and_its_gradient(name, zero_infinity, dtype, device):
    frames, batch, classes, labels = SIZES[name]

    def outcome(place):
        t.manual_seed(0)
        x, targets = t.randn(frames, batch, classes, dtype=dtype), t.randint(0, classes, (batch, labels))
        lengths = [t.randint(0, n + 1, (batch,)) for n in (frames, labels)]
        x = x.to(place).requires_grad_()
        found = F.ctc_loss(x.log_softmax(-1), targets.to(place), *lengths, reduction="none", zero_infinity=zero_infinity)
        (found * t.arange(1, batch + 1, device=place)).sum().backward()
        return found.detach().cpu(), x.grad.cpu()

    for expected, got in zip(outcome("cpu"), outcome(device), strict=True):
        assert expected.dtype is got.dtype
        assert expected.allclose(got, rtol=1e-5 if dtype is t.float32 else 1e-10, atol=1e-6, equal_nan=True)
