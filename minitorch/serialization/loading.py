"""Reading tensors from a file.

torch: torch/serialization.py, caffe2/serialize/inline_container.cc
"""

import io
import os
import pickle
import sys
import zipfile
from contextlib import contextmanager

from ..device import device as device_type
from ..dtypes import uint8
from ..storage import TypedStorage, UntypedStorage
from .rebuilding import OURS
from .restricted import WeightsUnpickler, advice
from .saving import only_standard_pickle

__all__ = ["default_restore_location", "get_unsafe_globals_in_checkpoint", "load", "location_tag", "register_package", "skip_data"]


def load(f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **pickle_load_args):
    """What ``save`` wrote, here or in PyTorch, to the file ``f``: a path, or something to read and seek in.

    map_location: the device where the tensors go, as a device, its name, a dict from names to names, or a function of a
    storage and the name of its place.
    weights_only: only tensors, containers and numbers may be in the file, and what ``add_safe_globals`` allows; that is the
    default. With False a file may run any program: do so only with files of your own.
    mmap: accepted for a path; the file is read whole.

    Raises pickle.UnpicklingError for what isn't allowed, RuntimeError for a damaged file.   torch: load
    """
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    weights_only = pickle_module is None if weights_only is None else weights_only
    only_standard_pickle(pickle_module)
    named = isinstance(f, (str, os.PathLike))
    if mmap and not named:
        raise ValueError("f must be a file path in order to use the mmap argument")
    if not named:
        check_readable(f)
    with open(f, "rb") if named else borrowed(f) as file:
        archive = opened(file, weights_only)
        restore = restorer(map_location)
        with archive:
            return unpickled(Records(archive), restore, weights_only, pickle_load_args)


@contextmanager
def borrowed(file):
    """A file that the caller will close."""
    yield file


def check_readable(f):
    for needed in ("seek", "tell", "read"):
        if not hasattr(f, needed):
            raise AttributeError(
                f"{f.__class__.__name__!r} object has no attribute '{needed}'. You can only torch.load from a file that is seekable. "
                "Please pre-load the data into a buffer like io.BytesIO and try to load from it instead."
            )


DAMAGED = (
    "This is an internal miniz error. If you are seeing this error, there is a high likelihood that your checkpoint file is "
    "corrupted. This can happen if the checkpoint was not saved properly, was transferred incorrectly, or the file was modified "
    "after saving."
)
PACKAGE = __package__.split(".")[0]
LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."


def opened(file, weights_only):
    """The zip archive in ``file``. Raises the exceptions that PyTorch raises for what is none."""
    start = file.tell()
    first = file.read(len(LEGACY_START))
    file.seek(start)
    if first.startswith(b"PK\x03\x04"):
        try:
            return zipfile.ZipFile(file)
        except zipfile.BadZipFile:
            raise RuntimeError(
                f"PytorchStreamReader failed reading zip archive: failed finding central directory. {DAMAGED}"
            ) from None
    if not first:
        raise EOFError("Ran out of input\nthe file is empty")
    if first == LEGACY_START or b"ustar" in file.read(512):
        raise NotImplementedError("PyTorch's format from before 1.6 isn't read here\nload and save it once with PyTorch")
    if weights_only:
        raise pickle.UnpicklingError(advice(f"Unsupported operand {first[0]}"))
    raise pickle.UnpicklingError("pickle data was truncated\nthis isn't a file that torch.save wrote")


class Records:
    """The entries of an archive, by their names without the archive's own."""

    def __init__(self, archive):
        self.archive = archive
        self.prefix = archive.namelist()[0].split("/")[0] if archive.namelist() else ""
        if f"{self.prefix}/constants.pkl" in archive.NameToInfo:
            raise NotImplementedError("this is a TorchScript archive, which isn't read here\nsave the model's state_dict() with PyTorch")

    def __contains__(self, name):
        return f"{self.prefix}/{name}" in self.archive.NameToInfo

    def read(self, name):
        if name not in self:
            raise RuntimeError(f"PytorchStreamReader failed locating file {name}: file not found. {DAMAGED}")
        try:
            return self.archive.read(f"{self.prefix}/{name}")
        except (zipfile.BadZipFile, EOFError) as error:
            raise RuntimeError(f"PytorchStreamReader failed reading file {name}: {error}. {DAMAGED}") from None

    def storage(self, number, dtype):
        """The memory of that number, in this machine's order of bytes."""
        content = self.read(f"data/{number}")
        storage = UntypedStorage(len(content))
        storage.raw[:] = bytearray(content)
        order = self.read("byteorder").decode() if "byteorder" in self else "little"
        if order != sys.byteorder:
            size = dtype.itemsize // (1 + dtype.is_complex)
            storage.raw[:] = storage.raw.reshape(-1, size)[:, ::-1].reshape(-1)
        return storage


def unpickled(records, restore, weights_only, options):
    """The object in an archive."""
    known = {}

    def persistent_load(note):
        if not isinstance(note, tuple) or note[0] != "storage" or len(note) != 5:
            raise pickle.UnpicklingError(f"Unknown typename for persistent_load, expected 'storage' but got '{note[0]}'")
        _, kind, number, location, count = note
        dtype = getattr(kind, "element_type", uint8)  # an untyped storage is one of bytes
        if number not in known:
            storage = records.storage(number, dtype)
            if storage.nbytes() != count * dtype.itemsize:
                raise RuntimeError(f"PytorchStreamReader failed reading file data/{number}: it has {storage.nbytes()} bytes. {DAMAGED}")
            known[number] = restore(storage, location)
        return TypedStorage(wrap_storage=known[number].untyped(), dtype=dtype)

    text = io.BytesIO(records.read("data.pkl"))
    if not weights_only:
        return anything(text, persistent_load, options)
    machine = WeightsUnpickler(text, encoding=options.get("encoding", "utf-8"))
    machine.persistent_load = persistent_load
    try:
        return machine.load()
    except pickle.UnpicklingError as error:
        raise pickle.UnpicklingError(advice(str(error))) from None


def anything(text, persistent_load, options):
    """The object of a pickle that is trusted."""

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            if (module, name) in OURS:
                return OURS[module, name]
            if module.split(".")[0] == "torch":
                module = f"{PACKAGE}{module.removeprefix('torch')}"
            return super().find_class(module, name)

    machine = Unpickler(text, **options)
    machine.persistent_load = persistent_load
    return machine.load()


# ------------------------------------------------------------------------------------------------------------ locations


def location_tag(storage):
    """The name of the place where a storage is.   torch: serialization.location_tag"""
    return str(storage.device)


def default_restore_location(storage, location):
    """A storage that was read, moved to where it was when saved.   torch: serialization.default_restore_location"""
    for _, _, move in REGISTERED:
        found = move(storage, location)
        if found is not None:
            return found
    if location == "cpu":
        return storage
    if location.startswith("cuda"):
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False. If you are running on a CPU-only "
            "machine, please use torch.load with map_location=torch.device('cpu') to map your storages to the CPU."
        )
    raise RuntimeError(f"don't know how to restore data location of torch.storage.UntypedStorage (tagged with {location})")


REGISTERED = []


def register_package(priority, tagger, deserializer):
    """Let ``deserializer(storage, location)`` restore places of its own.   torch: serialization.register_package"""
    REGISTERED.append((priority, tagger, deserializer))
    REGISTERED.sort(key=lambda entry: entry[0])


def restorer(map_location):
    """``map_location`` as a function of a storage and its location."""
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):
        return lambda storage, location: default_restore_location(storage, map_location.get(location, location))
    if isinstance(map_location, (str, device_type)):
        where = str(map_location)
        return lambda storage, location: default_restore_location(storage, where)

    def restore(storage, location):
        found = map_location(storage, location)
        return default_restore_location(storage, location) if found is None else found

    return restore


def get_unsafe_globals_in_checkpoint(f):
    """The names in a file that ``load`` would refuse.   torch: serialization.get_unsafe_globals_in_checkpoint"""
    with open(f, "rb") if isinstance(f, (str, os.PathLike)) else borrowed(f) as file, opened(file, True) as archive:
        return WeightsUnpickler.refused(Records(archive).read("data.pkl"))


class skip_data:
    """Not here: files without their memories.   torch: serialization.skip_data"""

    def __init__(self, materialize_fake_tensors=False):
        raise NotImplementedError("skip_data isn't here\nsave the tensors with their memory")
