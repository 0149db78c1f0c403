"""The machine that reads a pickle and does nothing else: containers, numbers, strings, and tensors by name.

Python's own would call any function that the file names. This one knows a list of names (``rebuilding.OURS`` and a few
of Python's types), calls only those among them that make values, and stops at anything else. Nor can a short file keep
it busy: what is copied and looked through may come to a few times the file's length, and no more (``spend``).

torch: torch/_weights_only_unpickler.py
"""

import pickle
import pickletools
import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections import Counter, OrderedDict

from ..device import device as device_type
from ..engine import Tensor
from ..nn.parameter import Buffer, Parameter
from ..size import Size
from ..storage import TypedStorage
from .rebuilding import OURS, REBUILDING

__all__ = [
    "CHANGED", "Operations", "WeightsUnpickler", "add_safe_globals", "advice", "clear_safe_globals", "get_safe_globals",
    "safe_globals",
]  # fmt: skip


def encode(text, encoding="utf-8"):
    """How protocol 2 spells bytes. Only the encodings that it uses: Python's ``codecs.encode`` does more than text."""
    if encoding not in ("latin1", "latin-1", "utf-8", "ascii"):
        raise LookupError(f"unknown encoding: {encoding}")
    return text.encode(encoding)


def bytes_in_array(content=b"", encoding="latin-1"):
    """How pickles spell a bytearray. Python's own would make one of any length that it is told."""
    return bytearray(encode(content, encoding) if isinstance(content, str) else bytes(memoryview(content)))


ALLOWED = {
    **{f"{module}.{name}": ours for (module, name), ours in OURS.items()},
    "_codecs.encode": encode, "builtins.bytearray": bytes_in_array, "builtins.complex": complex, "builtins.set": set,
}  # fmt: skip
BLOCKED_MODULES = ("nt", "os", "posix", "sys")
"""Nothing of these is allowed, whatever the user allows."""
CALLABLES = {
    *REBUILDING, Buffer, Counter, OrderedDict, Parameter, Size, bytes_in_array, complex, device_type, encode, set,
    OURS["torch.serialization", "_get_layout"],
}  # fmt: skip
"""What a pickle may call. Storages and dtypes are only named."""
DEEPEST = 100
"""How far tuples and lists may be nested in an argument or a key."""
MALFORMED = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError, struct.error)
"""What Python raises where a pickle makes no sense."""

marked: list = []
"""What users allowed: functions and classes, or pairs of one and its name."""


def add_safe_globals(safe_globals):
    """Allow ``load`` to use these functions and classes, each given alone or with its name in files.

    torch: serialization.add_safe_globals
    """
    marked.extend(item for item in safe_globals if item not in marked)


def clear_safe_globals():
    """Allow no more than at the start.   torch: serialization.clear_safe_globals"""
    marked.clear()


def get_safe_globals():
    """What ``add_safe_globals`` allowed.   torch: serialization.get_safe_globals"""
    return list(marked)


class safe_globals:
    """A block in which ``load`` may use these functions and classes.   torch: serialization.safe_globals"""

    def __init__(self, safe_globals):
        self.added = safe_globals

    def __enter__(self):
        add_safe_globals(self.added)

    def __exit__(self, *exception):
        marked[:] = [item for item in marked if item not in self.added]


def allowed_by_users():
    pairs = [item if isinstance(item, tuple) else (item, f"{item.__module__}.{item.__qualname__}") for item in marked]
    return {name: value for value, name in pairs}


class Operations(dict):
    """The operations of the machine, by their codes."""

    def __missing__(self, code):
        raise pickle.UnpicklingError(f"Unsupported operand {code}")


OPERATIONS = (
    "PROTO", "STOP", "MARK", "NONE", "NEWTRUE", "NEWFALSE", "BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE",
    "SHORT_BINSTRING", "EMPTY_TUPLE", "EMPTY_LIST", "EMPTY_DICT", "EMPTY_SET", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "BINGET",
    "LONG_BINGET", "BINPUT", "LONG_BINPUT", "APPEND", "APPENDS", "SETITEM", "SETITEMS", "GLOBAL", "NEWOBJ", "REDUCE", "BUILD",
    "BINPERSID",
)  # fmt: skip


class WeightsUnpickler(pickle._Unpickler):
    """Python's machine, written in Python, with fewer operations and more questions. ``size`` is the file's length."""

    calling = False
    """Whether a function is at work that the user gave: its errors are left as they are."""

    def __init__(self, file, size, encoding="utf-8"):
        super().__init__(file, encoding=encoding)
        self.budget = 1_000_000 + 16 * size

    def load(self):
        try:
            return super().load()
        except MALFORMED as error:
            if self.calling:
                raise
            raise pickle.UnpicklingError(f"the pickle is damaged: {type(error).__name__}: {error}") from None

    def spend(self, amount):
        """Count what is copied or looked through."""
        self.budget -= amount
        if self.budget < 0:
            raise pickle.UnpicklingError("the pickle makes many times as much as it holds")

    def look_through(self, value):
        """Spend what it costs to hash, copy or print ``value``: tuples that hold one another may be endless work."""
        todo = [(value, 0)]
        while todo:
            value, depth = todo.pop()
            if isinstance(value, (tuple, list)):
                if depth > DEEPEST:
                    raise pickle.UnpicklingError("tuples or lists are nested too deeply")
                self.spend(len(value))
                todo += [(item, depth + 1) for item in value]
            elif isinstance(value, (str, bytes, bytearray, dict, set)):
                self.spend(len(value))

    def find_class(self, module, name):
        if self.proto <= 2:  # which spells some of Python's names as Python 2 did
            module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        full = f"{module}.{name}"
        if module in BLOCKED_MODULES:
            raise pickle.UnpicklingError(f"Trying to load unsupported GLOBAL {full} whose module {module} is blocked.")
        if full in ALLOWED:
            return ALLOWED[full]
        if full in (users := allowed_by_users()):
            return users[full]
        full = full.removeprefix("builtins.")
        raise pickle.UnpicklingError(
            f"Unsupported global: GLOBAL {full} was not an allowed global by default. Please use "
            f"`torch.serialization.add_safe_globals([{full}])` or the `torch.serialization.safe_globals([{full}])` context manager "
            "to allowlist this global if you trust this class/function."
        )

    @staticmethod
    def refused(text):
        """The names in the pickle ``text`` that aren't allowed."""
        names = {argument.replace(" ", ".") for code, argument, _ in pickletools.genops(text) if code.name == "GLOBAL"}
        return sorted(names - {*ALLOWED, *allowed_by_users(), "__builtin__.set", "__builtin__.bytearray", "__builtin__.complex"})

    def check_callable(self, what):
        function, arguments = self.stack[-2:]
        if function in allowed_by_users().values():
            self.calling = True
            return
        self.look_through((function, arguments))
        if not any(function is known for known in CALLABLES):
            raise pickle.UnpicklingError(f"Trying to call {what} for unrecognized function {function}")
        if function in (Parameter, Buffer) and not (arguments and isinstance(arguments[0], Tensor)):
            raise pickle.UnpicklingError(f"a {function.__name__} is made of a tensor, but got {type(arguments)}")
        if function in REBUILDING and len(arguments) > 6:  # with metadata: the memory may be copied
            self.spend(sum(item.nbytes() for item in arguments if isinstance(item, TypedStorage)))

    def load_reduce(self):
        self.check_callable("reduce")
        super().load_reduce()
        self.calling = False

    def load_newobj(self):
        self.check_callable("newobj")
        super().load_newobj()
        self.calling = False

    def load_build(self):
        """Attributes, for OrderedDict and what users allowed."""
        made, state = self.stack[-2], self.stack[-1]
        if type(made) is OrderedDict:
            self.spend(len(state))
            self.stack.pop()
            made.__dict__.update(state)
        elif type(made) in allowed_by_users().values():
            self.calling = True
            super().load_build()
            self.calling = False
        else:
            raise pickle.UnpicklingError(
                "Can only build Tensor, Parameter, OrderedDict or types allowlisted via `add_safe_globals`, but got "
                f"{type(made)}"
            )

    def check_list(self, container):
        if type(container) is not list and type(container) not in allowed_by_users().values():
            raise pickle.UnpicklingError(f"Can only append to lists, but got {type(container)}")

    def check_items(self, container, keys):
        if type(container) not in (dict, OrderedDict, Counter) and type(container) not in allowed_by_users().values():
            raise pickle.UnpicklingError(f"Can only set items of dicts, but got {type(container)}")
        for key in keys:
            if isinstance(key, tuple):
                self.look_through(key)

    def load_append(self):
        self.check_list(self.stack[-2])
        super().load_append()

    def load_appends(self):
        self.check_list(self.metastack[-1][-1])
        super().load_appends()

    def load_setitem(self):
        self.check_items(self.stack[-3], self.stack[-2:-1])
        super().load_setitem()

    def load_setitems(self):
        self.check_items(self.metastack[-1][-1], self.stack[::2])
        super().load_setitems()

    def load_binpersid(self):
        note = self.stack[-1]
        self.look_through(note)
        if type(note) is not tuple and type(note) is not int:
            raise pickle.UnpicklingError(f"persistent_load id must be tuple or int, but got {type(note)}")
        if type(note) is tuple and note and note[0] not in ("storage", b"storage"):
            raise pickle.UnpicklingError(f"Only persistent_load of storage is allowed, but got {type(note[0])}")
        super().load_binpersid()

    own: dict = {
        "REDUCE": load_reduce, "NEWOBJ": load_newobj, "BUILD": load_build, "APPEND": load_append, "APPENDS": load_appends,
        "SETITEM": load_setitem, "SETITEMS": load_setitems, "BINPERSID": load_binpersid,
    }  # fmt: skip
    dispatch = Operations()
    for operation in OPERATIONS:
        code = getattr(pickle, operation)[0]
        dispatch[code] = own.get(operation, pickle._Unpickler.dispatch[code])


CHANGED = (
    "In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` from `False` to `True`. Re-running "
    "`torch.load` with `weights_only` set to `False` will likely succeed, but it can result in arbitrary code execution. Do it only if "
    "you got the file from a trusted source."
)
READ_MORE = (
    "\n\nCheck the documentation of torch.load to learn more about types accepted by default with weights_only "
    "https://pytorch.org/docs/stable/generated/torch.load.html."
)


def advice(text):
    """What to tell who tried to load a file in which ``text`` went wrong."""
    if "was not an allowed global" in text:
        return (
            "Weights only load failed. This file can still be loaded, to do so you have two options, \033[1mdo those steps only if "
            f"you trust the source of the checkpoint\033[0m. \n\t(1) {CHANGED}\n\t(2) Alternatively, to load with `weights_only=True` "
            f"please check the recommended steps in the following error message.\n\tWeightsUnpickler error: {text}{READ_MORE}"
        )
    blocked = text.endswith("is blocked.")
    return f"Weights only load failed. {CHANGED}\n{'' if blocked else 'WeightsUnpickler error: '}\n\n{text}{READ_MORE}"
