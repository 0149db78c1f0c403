"""PyTorch's format from before 1.6: pickles one after another, and the memories behind them.

    a magic number · the version, 1001 · what the machine was like      three pickles
    the object, with a note in the place of each tensor's memory        a pickle
    the names of the memories, sorted                                   a pickle
    for each its number of elements, 8 bytes, and its bytes

``save(..., _use_new_zipfile_serialization=False)`` writes it. Before 0.1.10 there was another, a tar file, which is refused.

torch: torch/serialization.py
"""

import pickle
import struct
import sys

from ..storage import UntypedStorage
from .restricted import CHANGED
from .unpickling import dtype_of_note

__all__ = ["Bounded", "no_storage", "read_head", "read_legacy", "refuse_tar", "write_legacy"]

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
PROTOCOL_VERSION = 1001
MACHINE = {
    "protocol_version": PROTOCOL_VERSION,
    "little_endian": sys.byteorder == "little",
    "type_sizes": {"short": 2, "int": 4, "long": 4},
}
LONGEST_LINE = 1000
"""The bytes of a line in a pickle: it has a module's name, or a class's."""
PIECE = 1 << 20
"""The bytes read at once."""


def refuse_tar(file, weights_only):
    start = file.tell()
    first = file.read(512)
    file.seek(start)
    if first[257:262] != b"ustar":
        return
    if weights_only:
        raise RuntimeError(f"Cannot use ``weights_only=True`` with files saved in the legacy .tar format. {CHANGED}")
    raise NotImplementedError("this is a file from before PyTorch 0.1.10, which isn't read here\nload and save it once with PyTorch")


class Bounded:
    """A file from here on, that is never asked for more than it has: Python would make room for all that is asked for."""

    def __init__(self, file):
        self.file, start = file, file.tell()
        self.size = self.left = file.seek(0, 2) - start
        self.promised = 0  # bytes of memories that are to come
        file.seek(start)

    def read(self, count):
        if count > self.left:
            raise EOFError("Ran out of input\nthe file ends too soon")
        self.left -= count
        return self.file.read(count)

    def readline(self):
        line = self.file.readline(LONGEST_LINE)
        self.left -= len(line)
        return line

    def readinto(self, room):
        room[:] = self.read(len(room))
        return len(room)

    def fill(self, memory):
        """Read as many bytes as there are in ``memory``."""
        for start in range(0, len(memory), PIECE):
            room = memory[start : start + PIECE]
            self.readinto(room)


class Awaited(UntypedStorage):
    """Memory that is read when the object is there already; what is to be done then is in ``afterwards``."""

    __slots__ = ("afterwards",)

    def __init__(self, size):
        super().__init__(size)
        self.afterwards = []


def read_legacy(file, reading):
    """The object in a file of this format. Its memories come after it, so they are filled when all tensors are made."""
    stream, storages = Bounded(file), {}

    def storage_of(note):
        _, _, key, location, count, view = note
        itemsize = dtype_of_note(note).itemsize
        if key not in storages:
            stream.promised += count * itemsize
            if stream.promised > stream.left:
                raise RuntimeError(f"storage {key} is said to have {count * itemsize} bytes\nthe file is too short for it")
            storages[key] = reading.moved(Awaited(count * itemsize), location).untyped(), itemsize
        whole = storages[key][0]
        return whole if view is None else part_of(whole, *(number * itemsize for number in view[1:]))

    read_head(stream, reading)
    made = reading.unpickled(stream, stream.size, storage_of)
    keys = reading.unpickled(stream, stream.size, no_storage)
    if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys) or {*keys} != {*storages}:
        raise RuntimeError("the file names other memories than its tensors do\nit is damaged")
    for key in keys:
        fill(*storages[key], stream)
    return made


def fill(storage, itemsize, stream):
    """Read a memory, and do what waited for it."""
    (count,) = struct.unpack("<q", stream.read(8))
    if count * itemsize != storage.nbytes():
        raise RuntimeError(f"storage has wrong byte size: expected {storage.nbytes()} got {count * itemsize}")
    raw = storage.cpu().raw
    stream.fill(memoryview(raw))
    if sys.byteorder != "little":
        raw[:] = raw.reshape(-1, itemsize)[:, ::-1].reshape(-1)
    if storage.is_cuda:
        storage.raw[:] = UntypedStorage(owner=raw).cuda().raw
    for step in getattr(storage, "afterwards", ()):
        step()


def read_head(stream, reading):
    """Read what stands before the object, and check it."""
    if reading.unpickled(stream, stream.size, no_storage) != MAGIC_NUMBER:
        raise RuntimeError("Invalid magic number; corrupt file?")
    version = reading.unpickled(stream, stream.size, no_storage)
    if version != PROTOCOL_VERSION:
        raise RuntimeError(f"Invalid protocol version: {version if type(version) is int else type(version)}")
    reading.unpickled(stream, stream.size, no_storage)


def no_storage(note):
    raise pickle.UnpicklingError("a tensor is where none can be")


def part_of(storage, start, count):
    """Some bytes of a memory as one of its own. Files from before 0.4 have such."""
    if not 0 <= start <= start + count <= storage.nbytes():
        raise RuntimeError(f"bytes {start} to {start + count} are asked for of a storage of {storage.nbytes()}")
    part = UntypedStorage(0)
    part.raw, part.owner, part.version = storage.raw[start : start + count], storage.owner, storage.version
    return part


def write_legacy(file, pickler_of, obj, protocol):
    """Write ``obj`` in this format. ``pickler_of(file, protocol)`` collects the memories it meets in ``storages``."""
    for head in (MAGIC_NUMBER, PROTOCOL_VERSION, MACHINE):
        pickle.dump(head, file, protocol)
    pickler = pickler_of(file, protocol)
    pickler.dump(obj)
    names = sorted(str(number) for number in range(len(pickler.storages)))
    pickle.dump(names, file, protocol)
    for name in names:
        storage, itemsize = pickler.storages[int(name)]
        raw = storage.cpu().raw
        raw = raw if sys.byteorder == "little" else raw.reshape(-1, itemsize)[:, ::-1].copy()
        file.write(struct.pack("<q", storage.nbytes() // itemsize))
        file.write(memoryview(raw).cast("B") if raw.size else b"")
