"""NumPy's own files of several arrays."""

import numpy

__all__ = ["read_npz", "write_npz"]


def read_npz(path):
    """The arrays of a file, by name. Raises ValueError for one that holds Python objects, which would be pickles."""
    with numpy.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in file.files}


def write_npz(file, arrays):
    """Write arrays, by name, to an open file."""
    numpy.savez(file, **arrays)
