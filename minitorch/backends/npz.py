"""NumPy's own files of several arrays."""

import zipfile

import numpy
from numpy.lib import format as npy

__all__ = ["npz_headers", "read_npz", "write_npz"]


def read_npz(path):
    """The arrays of a file, by name. Raises ValueError for one that holds Python objects, which would be pickles."""
    with numpy.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def write_npz(file, arrays):
    """Write arrays, by name, to an open file."""
    numpy.savez(file, **arrays)


def npz_headers(file):
    """{name: (dtype's name, shape, bytes)} of the arrays in a file, whose numbers aren't read. Raises ValueError."""
    found = {}
    with zipfile.ZipFile(file) as archive:
        for name in archive.namelist():
            with archive.open(name) as entry:
                version = npy.read_magic(entry)
                read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
                shape, _, dtype = read(entry)
            found[name.removesuffix(".npy")] = dtype.name, shape, int(numpy.prod(shape, dtype=object)) * dtype.itemsize
    return found
