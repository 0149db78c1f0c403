"""PyTorch's paths to the layers: ``nn.modules.batchnorm.BatchNorm2d`` is ``nn.BatchNorm2d``.

Programs import from these paths by habit. Each is a module that finds a name in those files of ours that share
PyTorch's file, or else among the names of ``nn``.   torch: torch.nn.modules
"""

import sys
from types import ModuleType

from ...absent import absence
from .. import (
    activation,
    adaptive,
    attention,
    container,
    conv,
    distance,
    dropout,
    flatten,
    hooks,
    lazy,
    linear,
    loss,
    module,
    norm,
    padding,
    pooling,
    rnn,
    rnncell,
    sparse,
    state,
    transformer,
)
from . import utils

__all__ = ["utils"]

FILES = {
    "activation": (activation, attention), "adaptive": (adaptive,), "batchnorm": (norm,), "channelshuffle": (),
    "container": (container,), "conv": (conv,), "distance": (distance,), "dropout": (dropout,), "flatten": (flatten,), "fold": (),
    "instancenorm": (norm,), "lazy": (lazy,), "linear": (linear,), "linear_cross_entropy": (loss,),
    "linear_cross_entropy_options": (), "loss": (loss,), "module": (module, hooks, state), "normalization": (norm,),
    "padding": (padding,), "pixelshuffle": (), "pooling": (pooling,), "rnn": (rnn, rnncell), "sparse": (sparse,),
    "transformer": (transformer,), "upsampling": (),
}  # fmt: skip
"""PyTorch's files, and those of ours that have more than public names in common with them."""

NN = sys.modules[__name__.rpartition(".")[0]]


class Path(ModuleType):
    """One of PyTorch's files: its names are those of ``files``, then those of ``nn``."""

    def __init__(self, name, files):
        super().__init__(f"{__name__}.{name}", f"nn.modules.{name}, by another path.")
        self.files = files

    def __getattr__(self, name):
        for place in (*self.files, NN):
            if name in vars(place):
                return vars(place)[name]
        raise absence(self.__name__, name)


for _name, _files in FILES.items():
    globals()[_name] = sys.modules[f"{__name__}.{_name}"] = Path(_name, _files)


def __getattr__(name):
    if not name.startswith("_") and name in vars(NN):
        return vars(NN)[name]
    raise absence(__name__, name)
