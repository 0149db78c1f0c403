"""Read idx files, the format of MNIST: a header of big-endian integers, then the bytes of one array.

    offset 0   2 bytes   zero
           2   1 byte    the type of a value; 8 is an unsigned byte, the only one that MNIST has
           3   1 byte    the number of dimensions
           4   4 bytes   the size of each dimension
           …             the values, the last dimension running fastest

Yann LeCun's format (http://yann.lecun.com/exdb/mnist/).
"""

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np

UNSIGNED_BYTE = 8
CHUNK = 1 << 20


def find(folder, name):
    """The path of an idx file in a folder, plain or gzipped."""
    candidates = [Path(folder) / name, Path(folder) / f"{name}.gz"]
    for path in candidates:
        if path.is_file():
            return path
    raise FileNotFoundError(
        f"neither {candidates[0]} nor {candidates[1].name} beside it exists\n"
        "put MNIST's four files there; they can be had from https://ossci-datasets.s3.amazonaws.com/mnist/"
    )


def read(path, ndim):
    """The array of unsigned bytes in an idx file (gzipped or not) that must have ``ndim`` dimensions.

    Nothing in the header is believed before the file has proved it: memory is used only for bytes that are there.
    """
    with open(path, "rb") as file:
        gzipped = file.read(2) == b"\x1f\x8b"
    with gzip.open(path, "rb") if gzipped else open(path, "rb") as file:
        header = read_bytes(path, file, 4 + 4 * ndim, "header")
        magic = header[:4]
        expected_magic = bytes([0, 0, UNSIGNED_BYTE, ndim])
        if magic != expected_magic:
            raise ValueError(
                f"{path}: not an idx file of unsigned bytes in {ndim} dimensions: "
                f"expected it to begin with {expected_magic.hex(' ')}, found {magic.hex(' ')}"
            )
        shape = struct.unpack(f">{ndim}I", header[4:])
        values = read_bytes(path, file, math.prod(shape), f"data of shape {shape}")
        if read_chunk(path, file, 1):
            raise ValueError(f"{path}: the header announces {len(values)} bytes of data, but more follow")
    return np.frombuffer(values, dtype=np.uint8).reshape(shape)


def read_bytes(path, file, expected, what):
    """Exactly ``expected`` bytes, read in pieces: a header that lies about its size must not reserve memory."""
    found = bytearray()
    while len(found) < expected:
        piece = read_chunk(path, file, min(CHUNK, expected - len(found)))
        if not piece:
            raise ValueError(
                f"{path}: the file is cut short or its header is wrong: "
                f"expected {expected} bytes of {what}, found {len(found)}"
            )
        found += piece
    return found


def read_chunk(path, file, size):
    """Up to ``size`` bytes; none at the end of the file, even if a gzip stream ends too early."""
    try:
        return file.read(size)
    except EOFError:
        return b""
    except (gzip.BadGzipFile, zlib.error) as error:
        raise ValueError(f"{path}: damaged gzip data: {error}") from error
