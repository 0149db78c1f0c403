"""Run a script with ``import torch`` answered by minitorch:   python standing_in.py script.py [args…]"""

import importlib
import importlib.abc
import importlib.util
import runpy
import sys

import minitorch


class Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """``torch.a.b`` is the module ``minitorch.a.b``."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname.split(".")[0] == "torch":
            return importlib.util.spec_from_loader(fullname, self)

    def create_module(self, spec):
        module = importlib.import_module("minitorch" + spec.name.removeprefix("torch"))
        self.spec = module.__spec__
        return module

    def exec_module(self, module):
        module.__spec__ = self.spec


if __name__ == "__main__":
    sys.modules["torch"] = minitorch
    sys.meta_path.insert(0, Finder())
    del sys.argv[0]
    sys.path[0] = sys.argv[0].rpartition("/")[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
