"""Files of tensors: PyTorch's own zip format, written and read without PyTorch.

    archive/data.pkl      the object, pickled, with a note in the place of each tensor's memory
    archive/data/0, 1…    the memories themselves: one for all tensors that share it
    archive/version, byteorder, …

A pickle is a program, and one from a stranger may do anything. So ``load`` runs it in a machine of our own
(``restricted``), which knows tensors, containers and numbers and refuses all else, unless ``weights_only=False`` is asked
for. A file appears under its name only when all of it is on the disk: a crash leaves the old one, whole.

loading       a path or file becomes an object          saving        and the other way
archive       zip files, each entry's place checked     legacy        the format from before 1.6
unpickling    a pickle, its notes of memory and place   restricted    the machine that reads a pickle and does nothing else
rebuilding    what makes tensors again, by name         names         what our classes are called in files
locations     the devices where memory goes             replacing     a file that is there whole or not at all
options       what holds for all files                  safetensors   the format that has no pickle
describing    what is in a file, without loading it

torch: torch/serialization.py
"""

from ..absent import absent
from .loading import get_unsafe_globals_in_checkpoint, load, skip_data
from .locations import default_restore_location, location_tag, register_package
from .options import (
    LoadEndianness,
    get_crc32_options,
    get_default_load_endianness,
    get_default_mmap_options,
    set_crc32_options,
    set_default_load_endianness,
    set_default_mmap_options,
)
from .restricted import add_safe_globals, clear_safe_globals, get_safe_globals, safe_globals
from .saving import save

__all__ = [
    "LoadEndianness", "add_safe_globals", "clear_safe_globals", "default_restore_location", "get_crc32_options",
    "get_default_load_endianness", "get_default_mmap_options", "get_safe_globals", "get_unsafe_globals_in_checkpoint", "load",
    "location_tag", "register_package", "safe_globals", "save", "set_crc32_options", "set_default_load_endianness",
    "set_default_mmap_options", "skip_data",
]  # fmt: skip

__getattr__ = absent(__name__)
