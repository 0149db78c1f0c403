"""Read idx files, the format of MNIST: a header of big-endian integers, then the bytes of one array.

    offset 0   2 bytes   zero
           2   1 byte    the type of a value; 8 is an unsigned byte, the only one that MNIST has
           3   1 byte    the number of dimensions
           4   4 bytes   the size of each dimension
           …             the values, the last dimension running fastest

Yann LeCun's format. Nothing in the header is believed before the file has proved it: memory is used only for bytes that
are there.
"""

import gzip
import math
import os
import struct
import zlib

from ...creation import frombuffer, zeros
from ...dtypes import uint8

__all__ = ["find_idx", "read_idx"]

UNSIGNED_BYTE = 8
CHUNK = 1 << 20


def find_idx(folder, name):
    """The path of a file, or of ``name.gz``, in a folder; None if neither is there."""
    for path in (os.path.join(folder, name), os.path.join(folder, f"{name}.gz")):
        if os.path.isfile(path):
            return path
    return None


def read_idx(path, ndim):
    """A uint8 tensor of ``ndim`` dimensions, from a file of an idx array, gzipped or not. Raises ValueError."""
    with open(path, "rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if gzipped else open(path, "rb") as file:
        header = exactly(path, file, 4 + 4 * ndim, "header")
        magic, expected = bytes(header[:4]), bytes([0, 0, UNSIGNED_BYTE, ndim])
        if magic != expected:
            raise ValueError(
                f"{path}: not an idx file of unsigned bytes in {ndim} dimensions: "
                f"expected it to begin with {expected.hex(' ')}, found {magic.hex(' ')}"
            )
        shape = struct.unpack(f">{ndim}I", header[4:])
        values = exactly(path, file, math.prod(shape), f"data of shape {shape}")
        if piece(path, file, 1):
            raise ValueError(f"{path}: the header announces {len(values)} bytes of data, but more follow")
    return frombuffer(values, dtype=uint8).view(shape) if values else zeros(shape, dtype=uint8)


def exactly(path, file, expected, what):
    """So many bytes, read piece by piece: a header that lies about the size must not reserve memory."""
    found = bytearray()
    while len(found) < expected:
        more = piece(path, file, min(CHUNK, expected - len(found)))
        if not more:
            raise ValueError(
                f"{path}: the file is cut short or its header is wrong: "
                f"expected {expected} bytes of {what}, found {len(found)}"
            )
        found += more
    return found


def piece(path, file, size):
    """Up to ``size`` bytes; none at the end of the file, even if a gzip stream ends too early."""
    try:
        return file.read(size)
    except EOFError:
        return b""
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path}: damaged gzip data: {error}") from error
