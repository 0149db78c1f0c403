"""ResNets have torchvision's parameters, drawn in its order, and compute what its do."""

import hashlib
import json

import pytest

import minitorch as torch
from minitorch.vision import models

GOLDEN = {
    # of torchvision 0.28: a hash of the parameters' names and shapes, the number drawn after them, outputs for a ramp
    ("resnet18", (("num_classes", 4),)): (
        "7e8f3701ecf33667", 0.7802378535270691,
        [-0.19289837777614594, 0.07713495939970016, -0.15411752462387085, -0.02851581946015358],
    ),
    ("resnet50", (("num_classes", 4), ("zero_init_residual", True))): (
        "6b6fd46b850e8cd3", 0.14343619346618652,
        [0.0057588377967476845, -0.011019133031368256, -0.002207512967288494, -0.005789751652628183],
    ),
    ("resnet34", ()): ("ea3c41f6d89ab8bc", 0.7167012095451355, None),
}  # fmt: skip


@pytest.mark.parametrize("name, options", GOLDEN, ids=lambda value: value if isinstance(value, str) else "")
def test_resnet_is_torchvisions(name, options):
    names, after, outputs = GOLDEN[name, options]
    torch.manual_seed(0)
    model = getattr(models, name)(**dict(options)).eval()
    assert after == torch.rand(1).item()

    found = [(key, list(value.shape)) for key, value in model.state_dict().items()]
    assert names == hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]
    if outputs is not None:
        with torch.no_grad():
            found = model(torch.linspace(-1, 1, 3 * 32 * 32).view(1, 3, 32, 32))
        assert torch.allclose(torch.tensor([outputs]), found, rtol=1e-4, atol=1e-6)


def test_trained_weights_are_not_downloaded():
    for options in ({"weights": "DEFAULT"}, {"pretrained": True}):
        with pytest.raises(NotImplementedError, match="resnet18: trained weights aren't downloaded here\ndownload the .pth"):
            models.resnet18(**options)
