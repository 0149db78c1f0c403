"""Reading tensors from a file.

torch: torch/serialization.py, caffe2/serialize/inline_container.cc
"""

import io
import os
import sys
import warnings
from contextlib import contextmanager

from ..backends import memory
from ..storage import UntypedStorage
from .archive import Archive
from .legacy import read_legacy, refuse_tar
from .locations import restorer
from .options import MAP_SHARED, OPTIONS, LoadEndianness
from .restricted import CHANGED, WeightsUnpickler
from .safetensors import load_file
from .unpickling import Reading, dtype_of_note

__all__ = ["get_unsafe_globals_in_checkpoint", "is_zip", "load", "opened", "skip_data"]


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **pickle_load_args):
    """What ``save`` wrote, here or in PyTorch, to the file ``f``: a path, or something to read and seek in.

    map_location: the device where the tensors go, as a device, its name, a dict from names to names, or a function of a
    storage and the name of its place.
    weights_only: only tensors, containers and numbers may be in the file, and what ``add_safe_globals`` allows; that is the
    default. With False a file may run any program: do so only with files of your own.
    mmap: the tensors' memory is the file at the path ``f``, which is read as they are used. What is written to them stays
    in memory.

    A path that ends in .safetensors is read by ``serialization.safetensors``. Raises pickle.UnpicklingError for what isn't
    allowed, RuntimeError or EOFError for a damaged file.   torch: load
    """
    weights_only = only_weights(weights_only, pickle_module)
    named = isinstance(f, (str, os.PathLike))
    if named and os.fspath(f).endswith(".safetensors"):
        return load_file(f, device=one_device(map_location))
    if not named:
        check_readable(f)
    with opened(f) as file:
        reading = Reading(restorer(map_location), weights_only, pickle_module, pickle_load_args)
        if not is_zip(file):
            if mmap:
                raise RuntimeError(
                    f"mmap can only be used with files saved with `torch.save({f'{f}, ' if isinstance(f, str) else ''}"
                    "_use_new_zipfile_serialization=True), please torch.save your checkpoint with this option in order to use mmap."
                )
            refuse_tar(file, weights_only)
            return read_legacy(file, reading)
        archive = Archive(file)
        refuse_script(archive, weights_only)
        if mmap and not named:
            raise ValueError("f must be a file path in order to use the mmap argument")
        return read_archive(archive, memory.mapped(f, OPTIONS["mmap"] == MAP_SHARED) if mmap else None, reading)


def one_device(map_location):
    """``map_location`` for a safetensors file, which doesn't say where its tensors were."""
    kind = "dict" if isinstance(map_location, dict) else "callable" if callable(map_location) else None
    if kind is not None:
        raise RuntimeError(
            f"Loading safetensors file with {kind} map_location is not supported. Use a device string or torch.device instead."
        )
    return "cpu" if map_location is None else map_location


def only_weights(asked, pickle_module):
    """Whether only weights are loaded: as asked for, or yes without a pickle module; the environment may say otherwise."""
    force, force_not = (
        os.getenv(name, "0").lower() in ("1", "y", "yes", "true")
        for name in ("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD")
    )
    if force and force_not:
        raise RuntimeError(
            "Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` should be set, but both were set."
        )
    if force_not and asked is None:
        warnings.warn(
            "Environment variable TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD detected, since the"
            "`weights_only` argument was not explicitly passed to `torch.load`, forcing weights_only=False.",
            stacklevel=3,
        )
        return False
    only = force or (pickle_module is None if asked is None else asked)
    if only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    return only


@contextmanager
def opened(f):
    """A path's file, or a file that the caller will close."""
    if isinstance(f, (str, os.PathLike)):
        with open(f, "rb") as file:
            yield file
    else:
        yield f


def check_readable(f):
    for needed in ("seek", "tell", "read"):
        if not hasattr(f, needed):
            raise AttributeError(
                f"{f.__class__.__name__!r} object has no attribute '{needed}'. You can only torch.load from a file that is seekable. "
                "Please pre-load the data into a buffer like io.BytesIO and try to load from it instead."
            )


def is_zip(file):
    """Whether a zip file begins here. Raises EOFError for an empty one."""
    start = file.tell()
    first = file.read(4)
    file.seek(start)
    if not first:
        raise EOFError("Ran out of input\nthe file is empty")
    return first == b"PK\x03\x04"


def refuse_script(archive, weights_only):
    if "constants.pkl" not in archive:
        return
    if weights_only:
        raise RuntimeError(f"Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``. {CHANGED}")
    raise NotImplementedError("this is a TorchScript archive, which isn't read here\nsave the model's state_dict() with PyTorch")


def read_archive(archive, mapping, reading):
    """The object in an archive; its memories are read from it, or are parts of the ``mapping``."""
    known = {}
    swapped = order_of_bytes(archive) != sys.byteorder

    def storage_of(note):
        _, _, number, location, count = note
        if number not in known:
            name, dtype = f"data/{number}", dtype_of_note(note)
            size = archive.size(name)
            if size != count * dtype.itemsize:
                raise RuntimeError(
                    f"PytorchStreamReader failed reading file {name}: it has {size} bytes, and {count} elements of {dtype}"
                )
            storage = read_storage(archive, mapping, name)
            if swapped:
                swap_bytes(storage, dtype)
            known[number] = reading.moved(storage, location)
        return known[number]

    text = archive.read("data.pkl")
    return reading.unpickled(io.BytesIO(text), len(text), storage_of)


def read_storage(archive, mapping, name):
    """An entry's content as memory."""
    start, count = archive.place(name)
    if mapping is not None:
        return UntypedStorage(owner=memory.of_mapping(mapping, start, count))
    storage = UntypedStorage(count)
    archive.read_into(name, storage.raw)
    return storage


def order_of_bytes(archive):
    """ "little" or "big"."""
    if "byteorder" in archive:
        order = archive.read("byteorder")
        if order not in (b"little", b"big"):
            raise ValueError(f"Unknown endianness type: {order.decode(errors='replace')}")
        return order.decode()
    return {LoadEndianness.NATIVE: sys.byteorder, LoadEndianness.BIG: "big"}.get(OPTIONS["endianness"], "little")


def swap_bytes(storage, dtype):
    """Turn each element's bytes around."""
    size = dtype.itemsize // (1 + dtype.is_complex)
    storage.raw[:] = storage.raw.reshape(-1, size)[:, ::-1].reshape(-1)


def get_unsafe_globals_in_checkpoint(f):
    """The names in a file that ``load`` would refuse.   torch: serialization.get_unsafe_globals_in_checkpoint"""
    with opened(f) as file:
        if not is_zip(file):
            raise ValueError("Expected input to be a checkpoint returned by torch.save")
        return WeightsUnpickler.refused(Archive(file).read("data.pkl"))


class skip_data:
    """Not here: files without their memories.   torch: serialization.skip_data"""

    def __init__(self, materialize_fake_tensors=False):
        raise NotImplementedError("skip_data isn't here\nsave the tensors with their memory")
