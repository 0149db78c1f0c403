"""From LLVM text to code that can be called: the only file that knows llvmlite's binding.

    library = link(text)                     text → object → memory
    library.address("double")                an integer, for ctypes.CFUNCTYPE(...)(address)

    object_of(text, target)                  machine code, from the cache on disk if it was ever compiled here
    load([object, ...], symbols)             several objects become one library; ``symbols`` are addresses they may call
    assembly(text, target)                   what the machine will read, for any machine

LLVM is loaded when something must be compiled, never by ``import minitorch``; what is on disk is put into memory without it
where that is possible (elf.py). No flag here lets LLVM assume that there is no NaN or
infinity; what may be reordered, the text itself says, instruction by instruction.

torch: torch/_inductor/codecache.py calls a C++ compiler at this point
"""

import os
import threading
from functools import lru_cache, partial
from itertools import count

from . import cache
from .elf import placed
from .target import Target

__all__ = [
    "Library", "SHARED", "WRITERS", "Written", "assembly", "called", "host", "key_of", "link", "load", "object_of", "shared", "versions",
]  # fmt: skip

WRITERS = "native", "backends"
"""Folders of the library: in them are all that write texts of eager mode's kernels."""

VERSION = "1"
"""Of what this file makes of a text: a change makes the objects on disk strangers."""

LOCK = threading.RLock()  # LLVM does one thing at a time, and never in the middle of a fork
NUMBER = count()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)


@lru_cache(None)
def llvm():
    """llvmlite's binding, ready for this machine."""
    import llvmlite.binding as binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@lru_cache(None)
def versions():
    """All that made the objects on disk what they are, but for the text and the machine."""
    import llvmlite

    return f"{VERSION} {llvmlite.__version__}"


@lru_cache(None)
def host():
    """The machine we run on: LLVM says what it is, once for each processor that this user's programs ran on.

    >>> host().width in (16, 32, 64)
    True
    """
    model = processor()
    name = model and cache.key_of("host", versions(), model)
    kept = name and cache.read(name)
    if kept:
        return Target.of(*kept.decode().split("\n"))
    with LOCK:
        binding = llvm()
        features = binding.get_host_cpu_features().flatten()
        words = binding.get_process_triple(), binding.get_host_cpu_name(), features
    if name:
        cache.keep(name, "\n".join(words).encode())
    return Target.of(*words)


def processor():
    """What Linux says of the first processor: model, and all that it can do. None if there is nothing to be read."""
    try:
        with open("/proc/cpuinfo") as file:
            first = file.read(16384).split("\n\n")[0]
    except OSError:
        return None
    words = ("vendor_id", "cpu family", "model", "stepping", "flags", "CPU ", "Features")
    return "\n".join([line for line in first.splitlines() if line.startswith(words)]) or None


@lru_cache(None)
def machine(target):
    binding = llvm()
    if target.triple.split("-")[0] != host().triple.split("-")[0]:
        binding.initialize_all_targets()
        binding.initialize_all_asmprinters()
    found = binding.Target.from_triple(target.triple)
    return found.create_target_machine(cpu=target.cpu, features=target.features, opt=2, jit=target == host())


@lru_cache(None)
def linker():
    """LLVM's linker in memory: one for the process.

    It has two. The newer one lays the sections of an object side by side: on 64-bit ARM code reaches 4 GB far, and the older one
    puts them where there is room.
    """
    binding = llvm()
    found = binding.Target.from_triple(host().triple)
    target = found.create_target_machine(cpu=host().cpu, features=host().features, jit=True)
    return binding.create_lljit_compiler(target, use_jit_link=host().is_arm)


def optimised(text, target, level):
    """The LLVM module of a text. LLVM's passes run over "loops"; text in "vectors" is as it shall be.

    Several vectors in flight (interleaving) pay; unrolling gave no speed and cost a third of the compile time.
    """
    binding = llvm()
    context = binding.create_context()
    module = binding.parse_assembly(text, context)
    module.triple, module.data_layout = target.triple, str(machine(target).target_data)
    module.verify()

    if level == "loops":
        options = binding.create_pipeline_tuning_options(speed_level=2)
        options.loop_vectorization = options.loop_interleaving = True
        options.slp_vectorization = options.loop_unrolling = False
        builder = binding.create_pass_builder(machine(target), options)
        builder.getModulePassManager().run(module, builder)
    return module


class Written:
    """A text that is written only if its machine code isn't on disk, by ``write()``.

    words: what it is of, all that ``write`` knows. They name it there, with the source of what writes texts (``WRITERS``).
    """

    def __init__(self, write, *words):
        self.write, self.words = write, words


def key_of(text, target, level):
    """The name of a text's machine code in the cache on disk."""
    words = [text] if text.__class__ is str else ["written", cache.source(*WRITERS), repr(target), repr(text.words)]
    return cache.key_of(versions(), target.triple, target.cpu, target.features, level, *words)


def object_of(text, target, level="loops"):
    """Machine code of a text, or of a Written, as bytes. ``level``: "loops" if LLVM shall make vectors of it, "vectors" if it is."""
    key = key_of(text, target, level)
    found = cache.fetch(key)
    if found is None:
        text = text if text.__class__ is str else text.write()
        with LOCK:
            found = machine(target).emit_object(optimised(text, target, level))
        cache.keep(key, found)
    return found


def assembly(text, target, level="loops"):
    """The machine's instructions, to read.

    >>> "ret" in assembly("define void @nothing() { ret void }", Target.avx2())
    True
    """
    with LOCK:
        return machine(target).emit_assembly(optimised(text, target, level))


class Library:
    """Code in memory. It stays there for as long as this object lives: whoever calls it must hold it.

    addresses: of its functions, as far as they are known.   held: what keeps the code in memory.
    """

    def __init__(self, addresses, held):
        self.addresses, self.held = addresses, held

    def address(self, name):
        """Where the function ``name`` begins. RuntimeError if there is none."""
        found = self.addresses.get(name)
        if found is None:
            raise RuntimeError(f"Symbol not found: {name}\nthe library has {', '.join(self.addresses)}")
        return found


class Linked(Library):
    """A library that LLVM linked. It tells its addresses one by one."""

    def __init__(self, objects, symbols):
        super().__init__({}, [])
        self.name = f"minitorch.{next(NUMBER)}"
        with LOCK:
            builder = llvm().JITLibraryBuilder().add_current_process()
            for item in objects:
                builder.add_object_img(item)
            for name, address in symbols.items():
                builder.import_symbol(name, address)
            self.held.append(builder.link(linker(), self.name))

    def address(self, name):
        found = self.addresses.get(name)
        if found is None:
            with LOCK:
                tracker = linker().lookup(self.name, name)
            self.held.append(tracker)
            found = self.addresses[name] = tracker[name]
        return found


SHARED: dict = {}
"""Functions that several libraries call and a process has once: name → (who writes the text, what of)."""


def called(objects):
    """{name: its text, to be written} of the functions that are ``SHARED`` and that these objects call."""
    names = [name for name in SHARED if any([name.encode() in item for item in objects])]
    return {name: Written(partial(*SHARED[name]), name) for name in names}


@lru_cache(None)
def shared(name):
    """The library of such a function. It stays."""
    return linked([object_of(Written(partial(*SHARED[name]), name), host(), "vectors")], {})


def load(objects, symbols=()):
    """One library of several objects. They may call each other, the C library, what is ``SHARED``, and ``symbols``: {name: address}."""
    return linked(objects, {**dict(symbols), **{name: shared(name).address(name) for name in called(objects)}})


def linked(objects, symbols):
    """The same of objects whose symbols are all known."""
    memory = placed(objects, symbols)
    return Linked(objects, symbols) if memory is None else Library(memory.addresses, memory)


def link(text, target=None, level="loops", symbols=()):
    """The library of one text, compiled for this machine.

    >>> library = link("define i64 @twice(i64 %x) { %y = add i64 %x, %x ret i64 %y }")
    >>> import ctypes
    >>> ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(library.address("twice"))(21)
    42
    """
    return load([object_of(text, target or host(), level)], symbols)
