"""Writing tensors to a file, whole or not at all.

torch: torch/serialization.py, caffe2/serialize/inline_container.cc
"""

import io
import os
import pickle
import struct
import sys
import zipfile
from collections import OrderedDict
from contextlib import nullcontext
from types import FunctionType

from ..dtypes import WIDE_UNSIGNED
from ..dtypes import dtype as dtype_type
from ..engine import Tensor
from ..layout import layout as layout_type
from ..nn.parameter import Buffer, Parameter, is_lazy
from ..storage import TypedStorage, UntypedStorage, storage_of_dtype, untyped_storage
from .legacy import write_legacy
from .locations import location_tag
from .names import name_in_files
from .rebuilding import (
    layout_of_name,
    rebuild_from_type_v2,
    rebuild_parameter,
    rebuild_parameter_with_state,
    rebuild_tensor_v2,
    rebuild_tensor_v3,
)
from .replacing import replaced_when_complete

__all__ = ["save"]

DEFAULT_PROTOCOL = 2
ALIGNMENT = 64
"""Memories begin at multiples of this many bytes of the file, so that it can be mapped."""
HEADER = 30 + 4
"""The bytes before an entry's content: zip's own and the four that head the padding; the name comes to them."""


def save(obj, f, pickle_module=pickle, pickle_protocol=DEFAULT_PROTOCOL, _use_new_zipfile_serialization=True):
    """Write ``obj``, with all tensors in it, to the file ``f``: a path, or something with ``write``.

    PyTorch can read what is written. Tensors that share memory share it when read. A path's file is replaced at once,
    when the new one is complete. Without ``_use_new_zipfile_serialization`` the format is that from before PyTorch 1.6.
    torch: save

    >>> import io
    >>> file = io.BytesIO()
    >>> torch.save({"weight": torch.ones(2)}, file)
    >>> _ = file.seek(0)
    >>> torch.load(file)
    {'weight': tensor([1., 1.])}
    """
    only_standard_pickle(pickle_module)
    if not (isinstance(f, (str, os.PathLike)) or hasattr(f, "write")):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")
    if not _use_new_zipfile_serialization:
        with nullcontext(f) if hasattr(f, "write") else replaced_when_complete(f) as file:
            write_legacy(file, LegacyPickler, obj, pickle_protocol)
        return

    text = io.BytesIO()
    pickler = TensorPickler(text, pickle_protocol)
    pickler.dump(obj)
    if hasattr(f, "write"):
        write_archive(f if isinstance(f, SEEKABLE) else OnlyWritten(f), "archive", text.getbuffer(), pickler.storages)
        return
    refuse_folders(f)
    name = os.path.splitext(os.path.basename(os.path.realpath(os.fsdecode(f))))[0] or "archive"
    with replaced_when_complete(f) as file:
        write_archive(file, name, text.getbuffer(), pickler.storages)


SEEKABLE = (io.BytesIO, io.BufferedWriter, io.BufferedRandom, io.FileIO)
"""Files that let one go back and write again; others may say so and yet fail, as one that compresses."""


class OnlyWritten:
    """A file as one of which nothing is asked but to write."""

    def __init__(self, file):
        self.write, self.flush = file.write, getattr(file, "flush", lambda: None)


def only_standard_pickle(module):
    if module not in (None, pickle):
        raise NotImplementedError(f"pickle_module={module.__name__} isn't supported\nfiles are written by Python's own pickle")


def refuse_folders(path):
    """Raise what PyTorch raises where no file can be."""
    folder = os.path.dirname(os.path.realpath(path))
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {folder} does not exist.")
    if os.path.isdir(path):
        raise RuntimeError(f"open file failed with strerror: Is a directory\n{path}")


def write_archive(file, name, text, storages):
    """The zip file: the pickle's ``text``, and each storage under its number."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        write_record(archive, f"{name}/data.pkl", text)
        write_record(archive, f"{name}/.format_version", b"1")
        write_record(archive, f"{name}/.storage_alignment", str(ALIGNMENT).encode())
        write_record(archive, f"{name}/byteorder", sys.byteorder.encode())
        for number, (storage, _) in enumerate(storages):
            write_record(archive, f"{name}/data/{number}", storage.cpu().raw)
        write_record(archive, f"{name}/version", b"3\n")


def write_record(archive, name, content):
    """One entry, its content beginning at a multiple of ``ALIGNMENT``, and always of the same date."""
    view = memoryview(content).cast("B") if memoryview(content).nbytes else memoryview(b"")
    info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
    info.file_size = view.nbytes
    large = view.nbytes * 1.05 > zipfile.ZIP64_LIMIT
    before = archive.fp.tell() + HEADER + len(name.encode()) + 20 * large
    room = -before % ALIGNMENT
    info.extra = struct.pack("<2sH", b"FB", room) + b"Z" * room
    with archive.open(info, "w", force_zip64=large) as entry:
        entry.write(view)


class TensorPickler(pickle._Pickler):
    """Python's pickler, but that our types get PyTorch's names, and memories are written elsewhere.

    ``storages`` lists them, each with the bytes of its elements. It is Python's pickler written in Python: the one in C
    insists on finding a name's object under that name.
    """

    def __init__(self, file, protocol):
        super().__init__(file, protocol)
        self.storages = []
        self.known = {}  # by the owner of the memory: (number, class of the storage)

    def persistent_id(self, obj):
        if isinstance(obj, TypedStorage):
            return self.note(obj.untyped(), storage_of_dtype(obj.dtype), obj.dtype.itemsize)
        if isinstance(obj, UntypedStorage):
            return self.note(obj, UntypedStorage, 1)
        return None

    def note(self, storage, kind, itemsize):
        """What stands in the pickle for a storage."""
        key = id(storage.owner)
        if key not in self.known:
            self.known[key] = len(self.storages), kind
            self.storages.append((storage, itemsize))
        number, first_kind = self.known[key]
        if kind is not first_kind:
            raise RuntimeError("Cannot save multiple tensors or storages that view the same data as different types")
        return "storage", kind, str(number), location_tag(storage), storage.nbytes() // itemsize

    def reducer_override(self, obj):
        if isinstance(obj, Tensor) and not is_lazy(obj):
            return reduced(obj)
        return (layout_of_name, (repr(obj),)) if isinstance(obj, layout_type) else NotImplemented

    def save_global(self, obj, name=None):
        """A class or function by its name: PyTorch's for what both libraries have."""
        known = ("torch", obj.name) if isinstance(obj, dtype_type) else name_in_files(obj)
        if known is None:
            if "<locals>" in getattr(obj, "__qualname__", ""):
                raise AttributeError(f"Can't pickle local object '{obj.__qualname__}'")
            return super().save_global(obj, name)
        self.write(pickle.GLOBAL + "{}\n{}\n".format(*known).encode())
        self.memoize(obj)

    def save_type(self, obj):
        return super().save_type(obj) if obj in SPELLED_BY_PICKLE else self.save_global(obj)

    dispatch: dict = {**pickle._Pickler.dispatch, type: save_type, FunctionType: save_global}


SPELLED_BY_PICKLE = (type(None), type(...), type(NotImplemented))


class LegacyPickler(TensorPickler):
    """The same for the older format, whose notes have a sixth part, for a storage that is part of another."""

    def note(self, storage, kind, itemsize):
        return *super().note(storage, kind, itemsize), None


def reduced(tensor):
    """How a tensor is pickled: the function that makes it again, and its arguments."""
    bytewise = tensor.dtype in WIDE_UNSIGNED  # these have no storages of their own
    storage = untyped_storage(tensor)
    if not bytewise:
        storage = TypedStorage(wrap_storage=storage, dtype=tensor.dtype)
    offset = (tensor.data_ptr() - storage.data_ptr()) // tensor.element_size() if tensor.numel() else 0
    place = (storage, offset, tuple(tensor.shape), tensor.stride())
    kind, state = type(tensor), {key: value for key, value in tensor.__dict__.items() if key != "_retained"}
    if kind is Parameter:
        data = tensor.detach()
        if state:
            return rebuild_parameter_with_state, (data, tensor.requires_grad, OrderedDict(), state)
        return rebuild_parameter, (data, tensor.requires_grad, OrderedDict())
    rebuild, arguments = rebuild_tensor_v2, (*place, tensor.requires_grad, OrderedDict())
    if bytewise:
        rebuild, arguments = rebuild_tensor_v3, (*arguments, tensor.dtype)
    if kind is Buffer:
        kind, state = Tensor, {**state, "_is_buffer": True}
    if kind is Tensor and not state:
        return rebuild, arguments
    return rebuild_from_type_v2, (rebuild, kind, arguments, state)
