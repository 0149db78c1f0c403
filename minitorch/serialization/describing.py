"""What is in a file of tensors, read off its names and places alone: no tensor is made, and nothing of the file is run.

    >>> import io
    >>> file = io.BytesIO()
    >>> torch.save({"model": {"weight": torch.ones(2, 3)}, "epoch": 4}, file)
    >>> _ = file.seek(0)
    >>> found = describe(file)
    >>> found.tensors[0].name, found.tensors[0].shape, found.values
    ('model.weight', (2, 3), {'epoch': '4'})

A pickle may name any class, and objects of those are shown as what they hold. Of a file with a hundred gigabytes of
tensors only the pickle is read, or the header.
"""

import io
import math
import pickle
import zipfile
import zlib
from typing import NamedTuple

from ..backends.npz import npz_headers
from ..dtypes import dtype as dtype_type
from .archive import Archive
from .legacy import Bounded, no_storage, read_head, refuse_tar
from .loading import is_zip, opened
from .rebuilding import MAKING, REBUILDING, rebuild_from_type_v2, rebuild_tensor_v3
from .restricted import Operations, WeightsUnpickler
from .safetensors import TYPES, read_header
from .unpickling import check_note, dtype_of_note

__all__ = ["Description", "describe"]

DEEPEST = 60
"""How far objects may be nested to be looked into."""
LONGEST_TEXT = 60
MOST_DIMS = 64


class TensorEntry(NamedTuple):
    """A tensor in a file: its elements lie in the memory called ``memory``."""

    name: str
    dtype: str
    shape: tuple
    nbytes: int
    memory: str


class Description(NamedTuple):
    """What a file holds: ``memories`` are their names and bytes, ``values`` all that is no tensor, as short texts."""

    format: str
    tensors: list
    memories: dict
    values: dict
    metadata: dict


def describe(f):
    """The ``Description`` of a file that PyTorch, safetensors or NumPy (.npz) wrote, given as a path or an open file.

    Raises what ``load`` raises for a damaged file; what ``load`` would refuse to make is shown by its name.
    """
    with opened(f) as file:
        if is_zip(file):
            archive = Archive(file)
            if archive.entries and all(name.endswith(".npy") for name in archive.entries):
                return npz_described(file)
            text = archive.read("data.pkl")
            made, notes = sketched(lambda reading: reading.unpickled(io.BytesIO(text), len(text), no_storage))
            known = [name for name in ("version", "byteorder") if name in archive]
            metadata = {name: archive.read(name).decode(errors="replace").strip() for name in known}
            return described("PyTorch's zip format", made, notes, metadata)
        stream = Bounded(file)
        if is_safetensors(file):
            return safetensors_described(file, stream.size)
        refuse_tar(file, True)
        read_head(stream, Sketching())
        made, notes = sketched(lambda reading: reading.unpickled(stream, stream.size, no_storage))
        return described("PyTorch's format from before 1.6", made, notes, {})


def is_safetensors(file):
    start = file.tell()
    first = file.read(9)
    file.seek(start)
    return first[8:] == b"{"


def npz_described(file):
    try:
        headers = npz_headers(file)
    except (ValueError, OSError, zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise RuntimeError(f"NumPy can't read it: {error}") from None
    tensors = [TensorEntry(name, dtype, tuple(shape), nbytes, name) for name, (dtype, shape, nbytes) in headers.items()]
    return Description("NumPy's npz", tensors, {entry.name: entry.nbytes for entry in tensors}, {}, {})


def safetensors_described(file, size):
    header, metadata = read_header(file, size)
    tensors = [
        TensorEntry(name, kind if kind not in TYPES else TYPES[kind].name, tuple(shape), last - first, name)
        for name, (kind, shape, first, last) in header.items()
    ]
    return Description("safetensors", tensors, {entry.name: entry.nbytes for entry in tensors}, {}, metadata or {})


# -------------------------------------------------------------------------------------------- a pickle's tensors as sketches


class Sketch(NamedTuple):
    """What is known of a tensor without its numbers."""

    dtype: str
    shape: tuple
    nbytes: int
    memory: str


class Memory(NamedTuple):
    """What stands for a storage."""

    name: str
    dtype: dtype_type


class Named(NamedTuple):
    """A class or function that a file names."""

    name: str


class Made:
    """An object of a class that a file names: what it was made of, given as state, appended or set."""

    def __init__(self, maker, arguments):
        self.maker = maker
        self.parts = dict(enumerate(arguments)) if isinstance(arguments, tuple) else {}

    def append(self, item):
        self.parts[len(self.parts)] = item

    def __setitem__(self, key, value):
        self.parts[key] = value


class Sketching:
    """As ``unpickling.Reading``, but that tensors become sketches; ``notes`` are those of their memories."""

    def __init__(self):
        self.notes = {}

    def unpickled(self, file, size, storage_of):
        machine = Describer(file, size)

        def persistent_load(note):
            if note[0] in ("module", b"module"):
                return note[1]
            check_note(note)
            self.notes[note[2]] = note[4] * dtype_of_note(note).itemsize
            return Memory(note[2], dtype_of_note(note))

        machine.persistent_load = persistent_load
        return machine.load()


def sketched(read):
    reading = Sketching()
    return read(reading), reading.notes


class Describer(WeightsUnpickler):
    """The machine that reads any pickle and makes nothing of it but containers, numbers, sketches and names."""

    def find_class(self, module, name):
        try:
            return super().find_class(module, name)
        except pickle.UnpicklingError:
            return Named(f"{module}.{name}")

    def load_reduce(self):
        function, arguments = self.stack[-2:]
        self.look_through((function, arguments))
        if any(function is known for known in REBUILDING):
            self.stack[-2:] = [sketch_of(function, arguments)]
        elif isinstance(function, Named):
            self.stack[-2:] = [Made(function.name, arguments)]
        else:
            super().load_reduce()

    def load_newobj(self):
        if isinstance(self.stack[-2], Named):
            self.stack[-2:] = [Made(self.stack[-2].name, self.stack[-1])]
        else:
            super().load_newobj()

    def load_newobj_ex(self):
        self.stack.pop()
        self.load_newobj()

    def load_build(self):
        made, state = self.stack[-2:]
        if isinstance(made, Made):
            self.spend(len(state) if isinstance(state, dict) else 1)
            made.parts.update(state if isinstance(state, dict) else {"state": state})
            self.stack.pop()
        elif isinstance(made, dict):
            super().load_build()
        else:
            self.stack.pop()

    def load_additems(self):
        items, made = self.pop_mark(), self.stack[-1]
        for item in items:
            self.look_through(item)
        made.update(items)

    def load_frozenset(self):
        items = self.pop_mark()
        for item in items:
            self.look_through(item)
        self.append(frozenset(items))

    def load_binpersid(self):
        self.look_through(self.stack[-1])
        pickle._Unpickler.load_binpersid(self)

    def check_list(self, container):
        if not isinstance(container, Made):
            super().check_list(container)

    def check_items(self, container, keys):
        super().check_items({} if isinstance(container, Made) else container, keys)

    own: dict = {
        "REDUCE": load_reduce, "NEWOBJ": load_newobj, "NEWOBJ_EX": load_newobj_ex, "BUILD": load_build,
        "ADDITEMS": load_additems, "FROZENSET": load_frozenset, "BINPERSID": load_binpersid,
    }  # fmt: skip
    more = (
        "BINUNICODE8", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "MEMOIZE", "FRAME", "STACK_GLOBAL", "LONG4",
        "BINSTRING", "UNICODE", "DICT", "LIST", "INT", "LONG", "FLOAT", "GET", "PUT", "POP", "POP_MARK", "DUP",
    )  # fmt: skip
    dispatch = Operations(WeightsUnpickler.dispatch)
    for operation in more:
        dispatch[getattr(pickle, operation)[0]] = pickle._Unpickler.dispatch[getattr(pickle, operation)[0]]
    for operation, method in own.items():
        dispatch[getattr(pickle, operation)[0]] = method


def sketch_of(function, arguments):
    """The sketch of the tensor that ``function`` would rebuild of these arguments."""
    if function is rebuild_from_type_v2:
        function, _, arguments, _ = arguments
    if function not in MAKING:  # a Parameter is sketched as the tensor that it is made of
        if not isinstance(arguments[0], Sketch):
            raise TypeError(f"a Parameter is made of {type(arguments[0])}")
        return arguments[0]
    memory, shape = arguments[0], arguments[2]
    if not isinstance(memory, Memory):
        raise TypeError(f"a tensor is made of {type(memory)}")
    dtype = arguments[6] if function is rebuild_tensor_v3 else memory.dtype
    if not isinstance(dtype, dtype_type) or not all(type(n) is int and 0 <= n < 2**63 for n in shape) or len(shape) > MOST_DIMS:
        raise TypeError(f"a tensor has the shape {shape} and the type {dtype}")
    return Sketch(dtype.name, tuple(shape), math.prod(shape) * dtype.itemsize, memory.name)


# ----------------------------------------------------------------------------------------------------------- from an object


def described(kind, made, notes, metadata):
    """The description of a sketched object: each container is looked into once, wherever it is named again."""
    tensors, values, seen = [], {}, set()
    numbers = {name: str(number) for number, name in enumerate(notes)}
    todo = [("", made, 0)]
    while todo:
        name, value, depth = todo.pop()
        if isinstance(value, Sketch):
            tensors.append(TensorEntry(name, *value[:3], numbers[value.memory]))
        elif depth > DEEPEST or is_plain(value):
            values[name] = short(value)
        elif id(value) not in seen:
            seen.add(id(value))
            parts = parts_of(value)
            todo += [(f"{name}.{label(key)}" if name else label(key), item, depth + 1) for key, item in reversed(parts)]
    return Description(kind, tensors, dict(zip(numbers.values(), notes.values())), values, metadata)


def is_plain(value):
    """Whether it is one value to show: a number, a text, or a list of such."""
    if isinstance(value, (list, tuple, set, frozenset)):
        return not any(isinstance(item, (list, tuple, set, frozenset, dict, Made)) for item in value)
    return not isinstance(value, (dict, Made))


def parts_of(value):
    if isinstance(value, Made):
        return [*value.parts.items()]
    return [*value.items()] if isinstance(value, dict) else [*enumerate(value)]


def label(key):
    return short(key) if not isinstance(key, str) else key[:LONGEST_TEXT]


def short(value):
    """A value in a few characters."""
    if isinstance(value, Made):
        return f"{value.maker}(…)"
    if isinstance(value, Named):
        return value.name
    if isinstance(value, int) and value.bit_length() > 128:
        return f"an integer of {value.bit_length()} bits"
    if isinstance(value, (str, bytes, bytearray)):
        text = repr(value[:LONGEST_TEXT])
        return text if len(value) <= LONGEST_TEXT else f"{text}… ({len(value)} long)"
    if isinstance(value, (list, tuple, set, frozenset)):
        inner = ", ".join(short(item) if not isinstance(item, (list, tuple)) else "…" for item in [*value][:4])
        return f"[{inner}]" if len(value) <= 4 else f"[{inner}, … ({len(value)} in all)]"
    return "{…}" if isinstance(value, dict) else repr(value)[:LONGEST_TEXT]
