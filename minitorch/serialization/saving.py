"""Writing tensors to a file, whole or not at all.

torch: torch/serialization.py, caffe2/serialize/inline_container.cc
"""

import io
import os
import pickle
import struct
import sys
import threading
import zipfile
from collections import OrderedDict
from contextlib import contextmanager

from ..dtypes import dtype as dtype_type
from ..engine import Tensor
from ..nn.parameter import Buffer, Parameter
from ..storage import TypedStorage, UntypedStorage, storage_of_dtype, untyped_storage
from .rebuilding import (
    NAMES,
    rebuild_from_type_v2,
    rebuild_parameter,
    rebuild_parameter_with_state,
    rebuild_tensor_v2,
)

__all__ = ["only_standard_pickle", "save"]

DEFAULT_PROTOCOL = 2
ALIGNMENT = 64
"""Memories begin at multiples of this many bytes of the file, so that it can be mapped."""
HEADER = 30 + 4
"""The bytes before an entry's content: zip's own and the four that head the padding; the name comes to them."""


def save(obj, f, pickle_module=pickle, pickle_protocol=DEFAULT_PROTOCOL, _use_new_zipfile_serialization=True):
    """Write ``obj``, with all tensors in it, to the file ``f``: a path, or something with ``write``.

    PyTorch can read what is written. Tensors that share memory share it when read. A path's file is replaced at once,
    when the new one is complete.   torch: save

    >>> import io
    >>> file = io.BytesIO()
    >>> torch.save({"weight": torch.ones(2)}, file)
    >>> _ = file.seek(0)
    >>> torch.load(file)
    {'weight': tensor([1., 1.])}
    """
    if not _use_new_zipfile_serialization:
        raise NotImplementedError("PyTorch's format from before 1.6 isn't written here\nleave out _use_new_zipfile_serialization")
    only_standard_pickle(pickle_module)
    if not (isinstance(f, (str, os.PathLike)) or hasattr(f, "write")):
        raise AttributeError("expected 'f' to be string, path, or a file-like object with a 'write' attribute")

    text = io.BytesIO()
    pickler = TensorPickler(text, pickle_protocol)
    pickler.dump(obj)
    if hasattr(f, "write"):
        write_archive(f, "archive", text.getbuffer(), pickler.storages)
        return
    path = os.path.realpath(os.fsdecode(f))
    name = os.path.splitext(os.path.basename(path))[0] or "archive"
    with replaced_when_complete(path) as file:
        write_archive(file, name, text.getbuffer(), pickler.storages)


def only_standard_pickle(module):
    if module not in (None, pickle):
        raise NotImplementedError(f"pickle_module={module.__name__} isn't supported\nthis library uses Python's own pickle")


@contextmanager
def replaced_when_complete(path):
    """A file to write, that takes the place of the one at ``path`` if the block ends well."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        raise RuntimeError(f"Parent directory {folder} does not exist.")
    if os.path.exists(path) and not os.path.isfile(path):
        if os.path.isdir(path):
            raise RuntimeError(f"open file failed with strerror: Is a directory\n{path}")
        with open(path, "wb") as file:  # a device or a pipe
            yield file
        return

    unfinished = f"{path}.{os.getpid()}.{threading.get_ident()}.unfinished"
    try:
        with open(unfinished, "xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if os.path.exists(path):
            os.chmod(unfinished, os.stat(path).st_mode & 0o7777)
        os.replace(unfinished, path)
    finally:
        if os.path.exists(unfinished):
            os.unlink(unfinished)
    if os.name == "posix":  # the folder's entry, too
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_archive(file, name, text, storages):
    """The zip file: the pickle's ``text``, and each storage under its number."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        write_record(archive, f"{name}/data.pkl", text)
        write_record(archive, f"{name}/.format_version", b"1")
        write_record(archive, f"{name}/.storage_alignment", str(ALIGNMENT).encode())
        write_record(archive, f"{name}/byteorder", sys.byteorder.encode())
        for number, storage in enumerate(storages):
            write_record(archive, f"{name}/data/{number}", storage.raw)
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
    """Python's pickler, but that our types get PyTorch's names, and memories are written elsewhere (``storages``).

    It is Python's pickler written in Python: the one in C insists on finding a name's object under that name.
    """

    def __init__(self, file, protocol):
        super().__init__(file, protocol)
        self.storages = []
        self.known = {}  # by the owner of the memory: (number, class of the storage, elements)

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
            self.storages.append(storage)
        number, first_kind = self.known[key]
        if kind is not first_kind:
            raise RuntimeError("Cannot save multiple tensors or storages that view the same data as different types")
        return "storage", kind, str(number), "cpu", storage.nbytes() // itemsize

    def reducer_override(self, obj):
        return reduced(obj) if isinstance(obj, Tensor) else NotImplemented

    def save_global(self, obj, name=None):
        """A class or function by its name: PyTorch's for what both libraries have."""
        known = ("torch", obj.name) if isinstance(obj, dtype_type) else NAMES.get(obj)
        if known is None:
            return super().save_global(obj, name)
        self.write(pickle.GLOBAL + "{}\n{}\n".format(*known).encode())
        self.memoize(obj)

    dispatch: dict = {**pickle._Pickler.dispatch, type(lambda: 0): save_global}


def reduced(tensor):
    """How a tensor is pickled: the function that makes it again, and its arguments."""
    storage = TypedStorage(wrap_storage=untyped_storage(tensor), dtype=tensor.dtype)
    offset = (tensor.data_ptr() - storage.data_ptr()) // tensor.element_size() if tensor.numel() else 0
    place = (storage, offset, tuple(tensor.shape), tensor.stride())
    kind, state = type(tensor), {key: value for key, value in tensor.__dict__.items() if key != "_retained"}
    if kind is Parameter:
        data = tensor.detach()
        if state:
            return rebuild_parameter_with_state, (data, tensor.requires_grad, OrderedDict(), state)
        return rebuild_parameter, (data, tensor.requires_grad, OrderedDict())
    arguments = (*place, tensor.requires_grad, OrderedDict())
    if kind is Buffer:
        kind, state = Tensor, {**state, "_is_buffer": True}
    if kind is Tensor and not state:
        return rebuild_tensor_v2, arguments
    return rebuild_from_type_v2, (rebuild_tensor_v2, kind, arguments, state)
