"""PyTorch's public names that aren't here, as the library tells them from names that nobody has.

    python test/conformance/absent.py > minitorch/absent.txt

A module of which nothing is here stands for all that is in it. What PyTorch's module has under a name with an underscore,
and what it only imports from elsewhere, isn't public.
"""

import contextlib
import importlib
import io
import pkgutil
import warnings
from types import ModuleType

import torch

from minitorch.cli.names import NOT_THERE, found

__all__ = ["absent_names"]


def absent_names():
    """{module, or "Tensor": the public names that minitorch lacks}, {"*"} for a module that it lacks as a whole."""
    warnings.simplefilter("ignore")
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        absent = {}
        visit("torch", absent)
    public = [name for name in dir(torch.Tensor) if not name.startswith("_")]
    absent["Tensor"] = {name for name in public if lacks(f"Tensor.{name}")}
    return {module: names for module, names in absent.items() if names}


def lacks(path):
    return found(path) is NOT_THERE


def visit(name, absent):
    """Enter the absent names of a module and of all that are in it."""
    if lacks(name):
        absent[name] = {"*"}
        return
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError:  # PyTorch's needs a package that isn't installed
        return
    absent[name] = {n for n in public_names(module) if lacks(f"{name}.{n}")}
    for info in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if not info.name.startswith("_"):
            visit(f"{name}.{info.name}", absent)


def public_names(module):
    if hasattr(module, "__all__"):
        return set(module.__all__)
    return {name for name, value in vars(module).items() if not name.startswith("_") and is_own(value)}


def is_own(value):
    return not isinstance(value, ModuleType) and str(getattr(value, "__module__", "torch")).startswith("torch")


def main():
    version = torch.__version__.partition("+")[0]
    print(f"# Public names of PyTorch {version} that minitorch lacks: the module, then its names; *: all that it has.")
    print("# Written by python test/conformance/absent.py")
    for module, names in sorted(absent_names().items()):
        print(module, *sorted(names))


if __name__ == "__main__":
    main()
