"""How attention may be computed: there is one way here, and the choice is remembered.   torch: torch/nn/attention"""

import enum
from contextlib import contextmanager

from ..backends import cuda

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.Enum):
    """PyTorch's ways to compute attention.   torch: nn.attention.SDPBackend"""

    ERROR, MATH, FLASH_ATTENTION, EFFICIENT_ATTENTION, CUDNN_ATTENTION, OVERRIDEABLE = range(-1, 5)

    def __repr__(self):
        return f"<SDPBackend.{self.name}: {self.value}>"


KEYS = {"math": "MATH", "flash": "FLASH_ATTENTION", "mem_efficient": "EFFICIENT_ATTENTION", "cudnn": "CUDNN_ATTENTION"}


@contextmanager
def sdpa_kernel(backends, set_priority=False):
    """A block in which attention may be computed in these ways only. Here the numbers are the same in all.

    torch: nn.attention.sdpa_kernel
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError("Backend must be an instance of SDPBackend or a list of SDPBackend instances")
    names = {backend.name for backend in (backends if isinstance(backends, list) else [backends])}
    before = dict(cuda.ATTENTION)
    cuda.ATTENTION.update({key: name in names for key, name in KEYS.items()})
    try:
        yield {}
    finally:
        cuda.ATTENTION.update(before)
