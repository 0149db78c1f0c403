"""What a name that isn't here is answered with: PyTorch's own error, and below it the line that asked and what there is instead.

    AttributeError: module 'torch' has no attribute 'zeroes'
    train.py:3: y = torch.zeroes(2)
    PyTorch has no such name either; nearest here: torch.zeros, torch.zeros_like

A module of PyTorch's gets it by a line of its own, ``__getattr__ = absent(__name__)``, which Python calls for what it doesn't
find. Programs ask for absent names in order to choose (``hasattr(torch, "npu")``), so all but the first line is worked out
only when the error is printed.
"""

import functools
import linecache
import os
import re
import sys
from importlib import import_module
from opcode import opmap
from pathlib import Path

__all__ = ["OURS", "absence", "absent", "advice", "in_pytorch", "lacking", "names_of", "remark"]

PACKAGE = Path(__file__).parent
OURS = {"torch": "minitorch", "torchvision": "minitorch.vision"}
"""Whose names we have, and where."""

LEFT_OUT = (
    ("sparse tensors aren't here", "torch.sparse", "Tensor.to_sparse_bsc", "Tensor.to_sparse_bsr", "Tensor.dense_dim",
     "Tensor.resize_as_sparse_", "Tensor.sparse_resize_and_clear_", "torch.cuda.sparse"),
    ("quantized tensors aren't here: NumPy has no integer kernels to make them worth having", "torch.ao",
     "torch.quantization", "torch.nn.quantized", "torch.nn.qat", "torch.nn.intrinsic", "torch.nn.quantizable",
     "torch.backends.quantized", "Tensor.int_repr", "Tensor.q_scale", "Tensor.q_zero_point", "Tensor.qscheme",
     "Tensor.q_per_channel_axis", "Tensor.q_per_channel_scales", "Tensor.q_per_channel_zero_points"),
    ("nested and masked tensors aren't here; torch.masked's functions are", "torch.nested", "torch.masked",
     "Tensor.to_padded_tensor"),
    ("named dims aren't here: PyTorch itself gives them up", "Tensor.names", "Tensor.refine_names", "Tensor.rename",
     "Tensor.rename_", "Tensor.align_to", "Tensor.align_as", "Tensor.has_names"),
    ("TorchScript isn't here: script and trace return what they are given, which runs as Python", "torch.jit"),
    ("it belongs to PyTorch's inner program representation, and is no way to write models", "torch.fx", "torch.export",
     "torch.package", "torch.library", "torch.ops"),
    ("there is no C++ here", "torch.utils.cpp_extension", "torch.classes"),
    ("PyTorch itself develops data pipes no further; Dataset and IterableDataset are here", "torch.utils.data.IterDataPipe",
     "torch.utils.data.MapDataPipe", "torch.utils.data.DFIterDataPipe", "torch.utils.data.datapipes",
     "torch.utils.data.functional_datapipe"),
    ("there is one process here: torch.distributed runs in a world of one, with DistributedDataParallel over it",
     "torch.distributed"),
    ("this installation computes on the CPU only: ask torch.cuda.is_available() first", "torch.cuda", "torch.xpu",
     "torch.mps", "torch.mtia", "torch.accelerator"),
    ("by two backward passes, func.jvp and autograd.functional.jvp give the same", "torch.autograd.forward_ad"),
)  # fmt: skip
"""(why, the names that begin so): the rows of docs/missing.md for which a name of PyTorch's can be asked."""
REASON_OF = {start: why for why, *starts in LEFT_OUT for start in starts}

NEIGHBOURS = ("torch", "torch.nn", "torch.nn.functional", "torch.optim", "torch.utils.data", "torch.linalg", "Tensor")
"""Where a name may stand that was looked for in the wrong place: ``torch.Linear`` is in ``torch.nn``."""


# ------------------------------------------------------------------------------------------------------------ the errors


def absent(module):
    """The ``__getattr__`` of ``module``, a file of ours by the name of one of PyTorch's.

    >>> torch.nn.Lineer
    Traceback (most recent call last):
        ...
    AttributeError: module 'torch.nn' has no attribute 'Lineer'
    <doctest minitorch.absent.absent[0]>:1: torch.nn.Lineer
    PyTorch has no such name either; nearest here: torch.nn.Linear
    """

    def __getattr__(name):
        raise absence(module, name)

    return __getattr__


def absence(module, name):
    """The error for the ``__getattr__`` of ``module`` to raise: AttributeError, or ImportError of ``from module import name``."""
    frame = sys._getframe(2)
    public = pytorch_name(module)
    if name.startswith("__"):  # Python's own questions
        return AttributeError(f"module '{public}' has no attribute '{name}'", name=name)
    importing = frame.f_code.co_code[frame.f_lasti] == opmap["IMPORT_FROM"]
    if importing and f"{module}.{name}" not in sys.modules:
        file = getattr(sys.modules[module], "__file__", None)
        text = f"cannot import name '{name}' from '{public}' ({file})"
        return ImportError(Message(text, f"{public}.{name}", frame), name=module, path=file)
    return AttributeError(Message(f"module '{public}' has no attribute '{name}'", f"{public}.{name}", frame), name=name)


class Message(str):
    """An error's first line, which is all that is compared and searched. Printed, it has the other two as well."""

    def __new__(cls, text, path, frame):
        while frame is not None and frame.f_code.co_filename.startswith((f"{PACKAGE}{os.sep}", "<frozen")):
            frame = frame.f_back
        message = super().__new__(cls, text)
        message.path = path
        message.file, message.line = (None, 0) if frame is None else (frame.f_code.co_filename, frame.f_lineno)
        return message

    def __str__(self):
        source = linecache.getline(self.file or "", self.line).strip()
        where = f"{self.file}:{self.line}: {source}" if source else ""
        return "\n".join(filter(None, (self[:], where, advice(self.path))))

    def __reduce__(self):
        return str, (str(self),)


def remark(error):
    """What there is to say of an uncaught error beyond its own words, or None. It is for the errors that Python words, of
    tensors' attributes and of modules that can't be found."""
    if isinstance(error, ModuleNotFoundError) and (error.name or "").startswith(tuple(f"{name}." for name in OURS)):
        return advice(error.name)
    of_tensor = isinstance(error, AttributeError) and any(c.__name__ == "Tensor" for c in type(error.obj).__mro__)
    return advice(f"Tensor.{error.name}") if of_tensor and in_pytorch(f"Tensor.{error.name}") else None


# ------------------------------------------------------------------------------------------------------------ the advice


def advice(path):
    """What to say of "torch.fx.Graph" or "Tensor.foo", which isn't here: why, or whether PyTorch has it, and what is near.

    >>> advice("torch.fx.symbolic_trace")
    "left out: it belongs to PyTorch's inner program representation, and is no way to write models"
    >>> advice("torch.Linear")
    'PyTorch has no such name either; nearest here: torch.nn.Linear, torch.bilinear'
    """
    if path.startswith("torchvision"):
        return "minitorch.vision has the part of torchvision that training programs import"
    if re.search(r"\._(?!_)", path):
        return "it isn't public in PyTorch: there it may change or go at any time"
    known = in_pytorch(path)
    reason = next((REASON_OF[start] for start in prefixes(path) if start in REASON_OF), None)
    if known and reason:
        return f"left out: {reason}"
    near = nearest(path)
    says = "PyTorch has it, minitorch doesn't yet" if known else "PyTorch has no such name either"
    return f"{says}; nearest here: {', '.join(near)}" if near else says


def prefixes(path):
    """ "torch.nn.Linear", "torch.nn", "torch"."""
    while path:
        yield path
        path = path.rpartition(".")[0]


def pytorch_name(module):
    """ "torch.nn" of "minitorch.nn"."""
    for theirs, ours in sorted(OURS.items(), reverse=True):
        if module == ours or module.startswith(f"{ours}."):
            return theirs + module[len(ours) :]
    return module


@functools.cache
def lacking():
    """{module of PyTorch's, or "Tensor": its public names that aren't here}; ``{"*"}`` of a module of which nothing is."""
    text = (PACKAGE / "absent.txt").read_text(encoding="utf-8")
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {module: frozenset(names) for module, *names in rows}


def in_pytorch(path):
    """Whether PyTorch has what isn't here."""
    names = lacking()
    module, _, name = path.rpartition(".")
    return name in names.get(module, ()) or any("*" in names.get(start, ()) for start in prefixes(path))


def nearest(path):
    """Up to three names that are here: the same in other places, and those of its own place that are spelled most like it."""
    import difflib

    place, _, name = path.rpartition(".")
    here = names_of(place)
    by_lower = {n.lower(): n for n in reversed(here)}
    close = difflib.get_close_matches(name.lower(), by_lower, n=3, cutoff=0.75)
    same = [f"{other}.{name}" for other in NEIGHBOURS if other != place and name in names_of(other)]
    return [*same[:2], *(f"{place}.{by_lower[n]}" for n in close)][:3]


def names_of(place):
    """The public names of a module of PyTorch's, or of Tensor."""
    top, _, rest = place.partition(".")
    if top == "Tensor":
        return sorted(name for name in dir(import_module("minitorch").Tensor) if not name.startswith("_"))
    try:
        module = import_module(f"{OURS[top]}.{rest}".rstrip("."))
    except (KeyError, ModuleNotFoundError):
        return []
    return list(getattr(module, "__all__", None) or [name for name in dir(module) if not name.startswith("_")])
