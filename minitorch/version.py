"""Which PyTorch this is, for programs that ask: the release whose behaviour it has, and behind the + its own version.

torch: torch/version.py, torch/torch_version.py
"""

import re

__all__ = ["TorchVersion", "__version__", "cuda", "debug", "git_version", "hip", "xpu"]


class TorchVersion(str):
    """A version that compares by its numbers: "2.13" comes after "2.2".   torch: torch_version.TorchVersion

    >>> torch.__version__ >= "2.2", torch.__version__ < (2, 13, 1)
    (True, True)
    """

    __slots__ = ()
    __hash__ = str.__hash__

    def __lt__(self, other):
        return key(self) < key(other)

    def __le__(self, other):
        return key(self) <= key(other)

    def __gt__(self, other):
        return key(self) > key(other)

    def __ge__(self, other):
        return key(self) >= key(other)


def key(version):
    """([2, 13], True) of "2.13.0+cpu": its numbers without zeros at the end, and whether it is one of someone's own."""
    own = isinstance(version, str) and "+" in version
    found = re.match(r"\d+(\.\d+)*", version)[0].split(".") if isinstance(version, str) else list(version)
    found = [int(n) for n in found]
    while found and not found[-1]:
        found.pop()
    return found, own


__version__ = TorchVersion("2.13.0+minitorch.0.1.0")
cuda = hip = xpu = None
debug = False
git_version = "Unknown"
