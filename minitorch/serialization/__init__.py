"""Files of tensors: PyTorch's own zip format, written and read without PyTorch.

    archive/data.pkl      the object, pickled, with a note in the place of each tensor's memory
    archive/data/0, 1…    the memories themselves: one for all tensors that share it
    archive/version, byteorder, …

A pickle is a program, and one from a stranger may do anything. So ``load`` runs it in a machine of our own
(``restricted``), which knows tensors, containers and numbers and refuses all else, unless ``weights_only=False`` is asked
for. A file appears under its name only when all of it is on the disk: a crash leaves the old one, whole.

saving        an object becomes an archive
loading       and comes back
rebuilding    the functions that a file names to make its tensors, and the names of our types in files
restricted    the machine that reads a pickle and does nothing else

torch: torch/serialization.py
"""

from .loading import (
    default_restore_location,
    get_unsafe_globals_in_checkpoint,
    load,
    location_tag,
    register_package,
    skip_data,
)
from .restricted import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .saving import save

__all__ = [
    "add_safe_globals", "clear_safe_globals", "default_restore_location", "get_safe_globals",
    "get_unsafe_globals_in_checkpoint", "load", "location_tag", "register_package", "safe_globals", "save", "skip_data",
]  # fmt: skip
