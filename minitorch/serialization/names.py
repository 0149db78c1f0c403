"""What our classes and functions are called in files: as PyTorch calls its own, so that it finds them.

The other way no table is needed: PyTorch's public paths all lead somewhere here.
"""

import sys
from types import FunctionType

from ..dtypes import dtype
from ..nn import functional
from ..random import Generator
from .rebuilding import OURS

__all__ = ["TRUSTED", "name_in_files"]

PACKAGE = __package__.split(".")[0]
ROOT = sys.modules[PACKAGE]
TRUSTED = {("torch._C", "Generator"): Generator, ("torch._C", "_VariableFunctionsClass"): ROOT}
"""What the names stand for that only trusted files may use."""
NAMES = {ours: name for name, ours in {**OURS, **TRUSTED}.items() if ours.__class__ is not dtype}

FILES = {
    "nn.attention": "nn.modules.activation", "nn.rnncell": "nn.modules.rnn", "nn.state": "nn.modules.module",
    "nn.hooks": "utils.hooks", "nn.functional.linear_cross_entropy": "nn.modules.linear_cross_entropy_options",
    "optim._adafactor": "optim", "optim._muon": "optim",
    **{f"nn.{file}": f"nn.modules.{file}" for file in (
        "activation", "adaptive", "container", "conv", "distance", "dropout", "flatten", "linear", "loss", "module",
        "padding", "pooling", "rnn", "sparse", "transformer", "upsampling",
    )},
    **{f"optim.lr_scheduler.{file}": "optim.lr_scheduler" for file in (
        "base", "composite", "cosine", "cycle", "decay", "plateau",
    )},
}  # fmt: skip
"""Our files whose classes PyTorch has in another."""

BEGINNINGS = {
    "BatchNorm": "batchnorm", "ChannelShuffle": "channelshuffle", "Conv": "conv", "Fold": "fold", "GroupNorm": "normalization",
    "InstanceNorm": "instancenorm", "LayerNorm": "normalization", "Linear": "linear", "LocalResponseNorm": "normalization",
    "Pixel": "pixelshuffle", "RMSNorm": "normalization", "SyncBatchNorm": "batchnorm", "Unfold": "fold",
}  # fmt: skip
"""And those of the files of ours that hold classes of several of PyTorch's files, by how their names begin."""


def name_in_files(obj):
    """PyTorch's module and name for a class or function of ours; None for what isn't ours."""
    if obj in NAMES:
        return NAMES[obj]
    package, _, file = (getattr(obj, "__module__", None) or "").partition(".")
    if package != PACKAGE:
        return None
    name = obj.__qualname__
    if isinstance(obj, FunctionType):
        public = ((functional, "nn.functional"), (ROOT, ""))
        home = next((home for place, home in public if getattr(place, name, None) is obj), file)
    elif file in ("nn.lazy", "nn.norm", "nn.shuffling"):
        beginning = next((start for start in BEGINNINGS if name.removeprefix("Lazy").startswith(start)), None)
        home = f"nn.modules.{BEGINNINGS[beginning]}" if beginning else file
    else:
        home = FILES.get(file, file)
    return f"torch.{home}".rstrip("."), name
