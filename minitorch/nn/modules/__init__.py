"""PyTorch's paths to the layers: ``nn.modules.batchnorm.BatchNorm2d`` is ``nn.BatchNorm2d``.

Programs import from these paths by habit. Each is a module that finds a name in those files of ours that share
PyTorch's file, or else among the names of ``nn``.   torch: torch.nn.modules
"""

import sys

from ...absent import absence
from ...paths import path
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


for _name, _files in FILES.items():
    globals()[_name] = path(f"{__name__}.{_name}", *_files, NN)


def __getattr__(name):
    if not name.startswith("_") and name in vars(NN):
        return vars(NN)[name]
    raise absence(__name__, name)
