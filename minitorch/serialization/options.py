"""What holds for all loading and saving, until it is changed.

torch: torch/serialization.py, torch/utils/serialization/config.py
"""

import mmap
from enum import Enum

__all__ = [
    "LoadEndianness", "MAP_SHARED", "OPTIONS", "get_crc32_options", "get_default_load_endianness", "get_default_mmap_options",
    "set_crc32_options", "set_default_load_endianness", "set_default_mmap_options",
]  # fmt: skip

MAP_PRIVATE, MAP_SHARED = getattr(mmap, "MAP_PRIVATE", 2), getattr(mmap, "MAP_SHARED", 1)


class LoadEndianness(Enum):
    """An order of bytes.   torch: serialization.LoadEndianness"""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


OPTIONS: dict = {"crc32": True, "endianness": None, "mmap": MAP_PRIVATE}


def get_crc32_options():
    """Whether ``load`` compares what it reads with the sums that were saved.   torch: serialization.get_crc32_options"""
    return OPTIONS["crc32"]


def set_crc32_options(compute_crc32):
    """Let ``load`` compare what it reads with the sums that were saved, or not: files that were changed while mapped have
    old sums. ``save`` always writes them. (In PyTorch it's ``save`` that asks this option, and ``load`` never compares.)

    torch: serialization.set_crc32_options
    """
    OPTIONS["crc32"] = compute_crc32


def get_default_load_endianness():
    """How files that don't say so are read: None is as LITTLE.   torch: serialization.get_default_load_endianness"""
    return OPTIONS["endianness"]


def set_default_load_endianness(endianness):
    """Read files that don't name their order of bytes so.   torch: serialization.set_default_load_endianness"""
    if not isinstance(endianness, LoadEndianness) and endianness is not None:
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    OPTIONS["endianness"] = endianness


def get_default_mmap_options():
    """How ``load(mmap=True)`` maps a file: ``mmap.MAP_PRIVATE``, that what is written to tensors doesn't go to the file,
    or MAP_SHARED.   torch: serialization.get_default_mmap_options"""
    return OPTIONS["mmap"]


class set_default_mmap_options:
    """Let ``load(mmap=True)`` map files so, from here on or in a ``with`` block.

    torch: serialization.set_default_mmap_options
    """

    def __init__(self, flags):
        if flags not in (MAP_PRIVATE, MAP_SHARED):
            raise ValueError(
                "Invalid argument in function set_default_mmap_options, "
                f"expected mmap.MAP_PRIVATE or mmap.MAP_SHARED, but got {flags}"
            )
        self.before, OPTIONS["mmap"] = OPTIONS["mmap"], flags

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        OPTIONS["mmap"] = self.before
