"""Learning rates that change while training: each schedule's ``step()`` sets ``lr`` in the optimizer's groups.

base       what they share
decay      LambdaLR MultiplicativeLR StepLR MultiStepLR ConstantLR LinearLR ExponentialLR PolynomialLR
cosine     CosineAnnealingLR CosineAnnealingWarmRestarts
cycle      CyclicLR OneCycleLR
plateau    ReduceLROnPlateau
composite  SequentialLR ChainedScheduler

torch: torch/optim/lr_scheduler.py
"""

from ...absent import absent
from .base import LRScheduler
from .composite import ChainedScheduler, SequentialLR
from .cosine import CosineAnnealingLR, CosineAnnealingWarmRestarts
from .cycle import CyclicLR, OneCycleLR
from .decay import (
    ConstantLR,
    ExponentialLR,
    LambdaLR,
    LinearLR,
    MultiplicativeLR,
    MultiStepLR,
    PolynomialLR,
    StepLR,
)
from .plateau import ReduceLROnPlateau

__all__ = [
    "ChainedScheduler", "ConstantLR", "CosineAnnealingLR", "CosineAnnealingWarmRestarts", "CyclicLR", "ExponentialLR",
    "LRScheduler", "LambdaLR", "LinearLR", "MultiStepLR", "MultiplicativeLR", "OneCycleLR", "PolynomialLR",
    "ReduceLROnPlateau", "SequentialLR", "StepLR",
]  # fmt: skip

__getattr__ = absent(__name__)

_LRScheduler = LRScheduler  # its name before PyTorch 2.0
