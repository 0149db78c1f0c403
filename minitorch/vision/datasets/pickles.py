"""Read CIFAR's pickles, and run nothing: a dict of bytes, lists, integers and arrays of unsigned bytes.

Python's own reader would call any function that the file names. This one knows the three names by which NumPy's arrays
are pickled, and reads them with a class of its own that checks what it is told.
"""

import math
import pickle

from ...creation import frombuffer, zeros
from ...dtypes import uint8

__all__ = ["read_batch"]


class Bytes:
    """Stands for ``numpy.dtype('u1')`` while a pickle is read."""

    def __init__(self, name, *flags):
        if name not in ("u1", b"u1"):
            raise pickle.UnpicklingError(f"expected unsigned bytes (u1), found an array of {name!r}")

    def __setstate__(self, state):
        pass  # the byte order: of single bytes there is none


class Array:
    """Stands for ``numpy.ndarray`` while a pickle is read."""

    def __setstate__(self, state):
        _, shape, dtype, column_major, content = state
        if not isinstance(dtype, Bytes) or column_major or math.prod(shape) != len(content):
            raise pickle.UnpicklingError(f"an array of shape {shape} is said to have {len(content)} bytes")
        self.values = frombuffer(bytearray(content), dtype=uint8).view(shape) if content else zeros(shape, dtype=uint8)


def new_array(kind, shape, name):
    """Stands for ``numpy.core.multiarray._reconstruct``: an array to be filled by its state."""
    if kind is not Array:
        raise pickle.UnpicklingError("expected a plain array")
    return Array()


def encoded(text, encoding):
    """Stands for ``_codecs.encode``, how protocol 2 spells bytes."""
    if as_text(encoding) != "latin1":
        raise pickle.UnpicklingError(f"expected latin1, found {encoding!r}")
    return text.encode("latin1")


NAMES = {
    ("numpy.core.multiarray", "_reconstruct"): new_array,
    ("numpy._core.multiarray", "_reconstruct"): new_array,
    ("numpy", "ndarray"): Array,
    ("numpy", "dtype"): Bytes,
    ("_codecs", "encode"): encoded,
}


class Reader(pickle.Unpickler):
    """Python's machine, with these names and no others."""

    def find_class(self, module, name):
        if (module, name) not in NAMES:
            raise pickle.UnpicklingError(f"the file asks for {module}.{name}, which no dataset needs: it was not loaded")
        return NAMES[module, name]


def read_batch(path):
    """The dict in a pickle: text keys, arrays as uint8 tensors, lists as they are. Raises ValueError.

    Python 2 wrote these files, so what they call text is read as bytes, and made text where it is a key or a name.
    """
    try:
        with open(path, "rb") as file:
            content = Reader(file, encoding="bytes").load()
        if not isinstance(content, dict):
            raise pickle.UnpicklingError(f"expected a dict, found {type(content).__name__}")
        return {as_text(key): as_value(value) for key, value in content.items()}
    except OSError:
        raise
    except Exception as error:  # a damaged pickle may raise anything
        raise ValueError(f"{path}: not a batch of images: {error}") from error


def as_text(value):
    return value.decode("ascii") if isinstance(value, bytes) else value


def as_value(value):
    if isinstance(value, Array):
        return value.values
    return [as_text(item) for item in value] if isinstance(value, list) else as_text(value)
