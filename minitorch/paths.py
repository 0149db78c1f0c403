"""Paths that PyTorch has to names which are elsewhere here: ``nn.modules.batchnorm.BatchNorm2d`` is ``nn.BatchNorm2d``.

Programs import from such paths by habit, and one that isn't there would end them in their first lines.
"""

import sys
from types import ModuleType

from .absent import absence

__all__ = ["path"]


class Path(ModuleType):
    """A module whose names are those of other modules, the first of ``places`` that has one."""

    def __init__(self, name, places):
        super().__init__(name, "By another path: " + ", ".join(place.__name__ for place in places))
        self.places = places

    def __getattr__(self, name):
        for place in self.places:
            if name in vars(place):
                return vars(place)[name]
        raise absence(self.__name__, name)


def path(name, *places):
    """The module ``name``, which can be imported from now on, with the names of the modules ``places``."""
    sys.modules[name] = Path(name, places)
    return sys.modules[name]
