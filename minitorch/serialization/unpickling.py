"""From a pickle to its object, whichever format the tensors' memory is in.

torch: torch/serialization.py
"""

import pickle

from ..dtypes import uint8
from ..storage import TypedStorage, UntypedStorage
from .names import TRUSTED
from .rebuilding import OURS
from .restricted import WeightsUnpickler, advice

__all__ = ["Reading", "check_note", "dtype_of_note"]

PACKAGE = __package__.split(".")[0]
KNOWN = {**OURS, **TRUSTED}
MOVED = {"torch._C._nn": "torch.nn.functional", "torch.tensor": "torch._tensor"}


class Reading:
    """How a file is to be read: only weights or anything, by which pickle module, and to which device."""

    def __init__(self, restore, weights_only, pickle_module, options):
        self.restore, self.weights_only, self.module, self.options = restore, weights_only, pickle_module or pickle, options

    def unpickled(self, file, size, storage_of):
        """The next object in ``file``, which has ``size`` bytes. ``storage_of(note)`` makes the memory that a note stands
        for, as bytes, and is asked again for each tensor in it."""
        if self.weights_only:
            machine = WeightsUnpickler(file, size, self.options.get("encoding", "utf-8"))
        else:
            machine = unpickler_of(self.module)(file, **self.options)
        self.machine = machine

        def persistent_load(note):
            if not isinstance(note, tuple) or not note or note[0] not in ("storage", b"storage", "module"):
                what = note[0] if isinstance(note, tuple) and note else note
                raise pickle.UnpicklingError(f"Unknown typename for persistent_load, expected 'storage' but got '{what}'")
            if note[0] == "module":  # files from before 1.6 say so where a layer's class is named, with its source
                return note[1]
            check_note(note)
            return TypedStorage(wrap_storage=storage_of(note).untyped(), dtype=dtype_of_note(note))

        machine.persistent_load = persistent_load
        try:
            return machine.load()
        except pickle.UnpicklingError as error:
            raise pickle.UnpicklingError(advice(str(error)) if self.weights_only else str(error)) from None

    def moved(self, storage, location):
        """The memory, where the user wants it: their function may raise what it likes."""
        if self.weights_only:
            self.machine.budget += storage.nbytes()
            self.machine.calling = True
        found = self.restore(storage, location.decode() if isinstance(location, bytes) else location)
        if self.weights_only:
            self.machine.calling = False
        return found


def check_note(note):
    """Raise UnpicklingError unless ``note`` can stand for a memory: its class, name, place and number of elements, and in
    the older format what part of it is meant."""
    _, kind, key, location, count, *view = note
    if not (isinstance(kind, type) and issubclass(kind, (TypedStorage, UntypedStorage))):
        raise pickle.UnpicklingError(f"a storage is noted as one of {kind!r}")
    if type(key) is not str or type(location) not in (str, bytes):
        raise pickle.UnpicklingError(f"a storage is noted by the name {key!r} at {location!r}")
    if type(count) is not int or count < 0:
        raise pickle.UnpicklingError(f"a storage is noted to have {count!r} elements")
    if view not in ([], [None]) and not (len(view) == 1 and [*map(type, view[0])] == [str, int, int]):
        raise pickle.UnpicklingError(f"a storage is noted to be the part {view} of another")


def dtype_of_note(note):
    """The type of the elements in the memory for which a note stands; an untyped storage is one of bytes."""
    return getattr(note[1], "element_type", None) or uint8


def unpickler_of(module):
    """The unpickler of a pickle module, that finds PyTorch's names here."""

    class Unpickler(module.Unpickler):
        def find_class(self, module, name):
            if (module, name) in KNOWN:
                return KNOWN[module, name]
            module = MOVED.get(module, module)
            if module.split(".")[0] == "torch":
                module = f"{PACKAGE}{module.removeprefix('torch')}"
            return super().find_class(module, name)

    return Unpickler
