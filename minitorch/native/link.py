"""From LLVM text to code that can be called. Beside emit.py the only file that knows llvmlite's binding.

    library = link(text)                     text → object → memory
    library.address("double")                an integer, for ctypes.CFUNCTYPE(...)(address)

    object_of(text, target)                  machine code, from the cache on disk if it was ever compiled here
    objects_of([(text, level), ...], target) that of several texts, shared with another process where that helps (worklist.py)
    load([object, ...], symbols)             several objects become one library; ``symbols`` are addresses they may call
    assembly(text, target)                   what the machine will read, for any machine

LLVM is loaded when something must be compiled, never by ``import minitorch``; what is on disk is put into memory without it
where that is possible (elf.py). No flag lets LLVM assume that there is no NaN or infinity; what may be reordered, the text
itself says, instruction by instruction.

torch: torch/_inductor/codecache.py calls a C++ compiler at this point
"""

import os
import threading
from functools import lru_cache, partial
from itertools import count

from . import cache
from .elf import placed
from .emit import emitted, llvm, machine, optimised, versions
from .target import Target
from .worklist import ENOUGH, WORK, Job

__all__ = [
    "Library", "SHARED", "WRITERS", "Written", "ahead", "assembly", "called", "host", "job_of", "key_of", "link", "load", "object_of",
    "objects_of", "shared",
]  # fmt: skip

WRITERS = "native", "backends"
"""Folders of the library: in them are all that write texts of eager mode's kernels."""

LOCK = threading.RLock()  # LLVM does one thing at a time, and never in the middle of a fork
NUMBER = count()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=LOCK.acquire, after_in_parent=LOCK.release, after_in_child=LOCK.release)
    os.register_at_fork(before=WORK.before_fork, after_in_parent=WORK.after_fork, after_in_child=WORK.__init__)  # comes before the lock


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
    WORK.start(ENOUGH)  # something isn't on disk: while our LLVM is loaded, so is the other's
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
def linker():
    """LLVM's linker in memory: one for the process.

    It has two. The newer one lays the sections of an object side by side: on 64-bit ARM code reaches 4 GB far, and the older one
    puts them where there is room.
    """
    binding = llvm()
    found = binding.Target.from_triple(host().triple)
    target = found.create_target_machine(cpu=host().cpu, features=host().features, jit=True)
    return binding.create_lljit_compiler(target, use_jit_link=host().is_arm)


def words_of(target):
    return target.triple, target.cpu, target.features


def foreign(target):
    """Whether it is another machine than ours. LLVM is asked to know its family."""
    if target.triple.split("-")[0] != host().triple.split("-")[0]:
        with LOCK:
            llvm().initialize_all_targets()
            llvm().initialize_all_asmprinters()
    return target != host()


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
    return objects_of([(text, level)], target)[0]


def objects_of(texts, target):
    """The same of several texts: (text, level) each. Another process may take its share of them (worklist.py)."""
    keys = [key_of(text, target, level) for text, level in texts]
    found = {key: cache.fetch(key) for key in dict.fromkeys(keys)}
    missing = {key: pair for key, pair in zip(keys, texts) if found[key] is None}
    jobs = [job_of(text, target, level) for text, level in missing.values()]
    if not jobs:
        pass
    elif foreign(target):
        found.update({job.key: compiled(job, here=False) for job in jobs})
    else:
        found.update(zip(missing, made(jobs)))
    return [found[key] for key in keys]


def job_of(text, target, level="loops"):
    """A text, as worklist.py has it."""
    return Job(key_of(text, target, level), text if text.__class__ is str else text.write(), words_of(target), level)


def ahead(target, text, level):
    """Let the other process compile a text already, if it is there: ``objects_of`` will be asked for it."""
    if WORK.thread is not None and not foreign(target):
        job = job_of(text, target, level)
        WORK.add([job] if cache.read(job.key) is None else [])


def made(jobs):
    """The objects of Jobs, by whoever claims them."""
    WORK.start(sum([job.size for job in jobs]))
    jobs = WORK.add(jobs)
    try:
        while (job := WORK.claim(jobs)) is not None:
            compiled(job)
    finally:
        WORK.withdraw(jobs)
    return [WORK.wait(job) or compiled(job) for job in jobs]


def compiled(job, here=True):
    """The object of a Job: compiled by us, and on disk from now on."""
    found = None
    try:
        with LOCK:
            found = emitted(job.text, job.words, job.level, here)
        cache.keep(job.key, found)
    finally:
        WORK.finish(job, found)
    return found


def assembly(text, target, level="loops"):
    """The machine's instructions, to read.

    >>> "ret" in assembly("define void @nothing() { ret void }", Target.avx2())
    True
    """
    with LOCK:
        found = machine(*words_of(target), not foreign(target))
        return found.emit_assembly(optimised(text, found, level))


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
