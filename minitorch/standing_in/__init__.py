"""How ``import torch`` comes to mean minitorch, for programs that know nothing of it.

``FOLDER`` holds a package ``torch`` and a package ``torchvision``. Where it stands on ``sys.path`` before the installed
packages, Python finds these by its ordinary rules, and importing one puts minitorch's module in its place: the same module
object, so that a class has one identity by both names. Submodules are answered by a finder, in the same way. An installed
PyTorch isn't touched, nor imported; processes without the folder on their path get it as before.

Worker processes need nothing more: multiprocessing gives its children the path of their parent, before they import
the program. A program that someone starts as a new process gets it by ``PYTHONPATH``.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from pathlib import Path

from ..absent import OURS
from ..settings import SETTINGS

__all__ = ["FOLDER", "stand_in"]

FOLDER = str(Path(__file__).parent)

BY_OTHER_PATHS = {
    "torch.autograd.grad_mode": "minitorch.autograd",
    "torch.autograd.variable": "minitorch.autograd",
    "torch.distributed.distributed_c10d": "minitorch.distributed",
    "torch.torch_version": "minitorch.version",
}
"""Files of PyTorch's whose names programs import from there, and that we keep elsewhere."""


def stand_in(name):
    """From now on ``import name``, "torch" or "torchvision", gives minitorch's module, and so do its submodules."""
    if not any(isinstance(finder, Finder) for finder in sys.meta_path):
        sys.meta_path.insert(0, Finder())
    sys.modules[name] = import_module(OURS[name])
    SETTINGS.number_is_size = True


def our_name(name):
    """ "minitorch.nn.functional" of "torch.nn.functional"; None of what isn't PyTorch's."""
    top, _, rest = name.partition(".")
    if name in BY_OTHER_PATHS or top not in OURS:
        return BY_OTHER_PATHS.get(name)
    return f"{OURS[top]}.{rest}".rstrip(".")


def is_there(module):
    return module in sys.modules or find_spec(module) is not None


class Finder:
    """Answers for the submodules: Python asks it before its own finders."""

    def find_spec(self, name, path=None, target=None):
        """The spec of one of our modules under PyTorch's name; None of what we lack, and of what isn't PyTorch's."""
        ours = our_name(name)
        if ours is None or name in OURS or not is_there(ours):
            return None
        return ModuleSpec(name, Loader(ours))


class Loader:
    """Loads ``module`` under its own name, and gives that very object, as it was, to whoever imports it by another."""

    def __init__(self, module):
        self.module = module

    def create_module(self, spec):
        found = import_module(self.module)
        self.spec = found.__spec__  # Python is about to set it to the alias's
        return found

    def exec_module(self, module):
        module.__spec__ = self.spec
