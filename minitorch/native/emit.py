"""From LLVM text to an object of machine code. Two processes do this: ours, and one that helps it (process.py).

    emitted(text, (triple, cpu, features), level)       the bytes of an object; RuntimeError if LLVM takes no such text

That other process runs this very file as a program, so it imports nothing of the library, and needs nothing but llvmlite:

    python emit.py FOLDER-OF-LLVMLITE       a greeting, then an object for each text that comes by standard input

Both ways go frames: 8 bytes that say how long the rest is, and the rest. A text that LLVM refuses is answered by nothing,
0 bytes: ours asks its own LLVM then, which says why. It ends when its input does, or when nobody has asked for a while.
"""

import os
import select
import sys
from functools import lru_cache

__all__ = ["emitted", "llvm", "machine", "optimised", "received", "send", "split", "versions"]

VERSION = "1"
"""Of what this file makes of a text: a change makes the objects on disk strangers."""

IDLE = 20
"""Seconds without a question after which the other process ends by itself: somebody may hold its input open without knowing."""

MOST = 1 << 30
"""Bytes in a frame at most: what says more isn't one of ours."""


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
def machine(triple, cpu, features, here=True):
    """LLVM's idea of a machine.   here: it is the one that we run on, and its code will lie in our memory."""
    found = llvm().Target.from_triple(triple)
    return found.create_target_machine(cpu=cpu, features=features, opt=2, jit=here)


def optimised(text, target, level):
    """The LLVM module of a text. LLVM's passes run over "loops"; text in "vectors" is as it shall be.

    Several vectors in flight (interleaving) pay; unrolling gave no speed and cost a third of the compile time.
    """
    binding = llvm()
    module = binding.parse_assembly(text, binding.create_context())
    module.triple, module.data_layout = target.triple, str(target.target_data)
    module.verify()

    if level == "loops":
        options = binding.create_pipeline_tuning_options(speed_level=2)
        options.loop_vectorization = options.loop_interleaving = True
        options.slp_vectorization = options.loop_unrolling = False
        builder = binding.create_pass_builder(target, options)
        builder.getModulePassManager().run(module, builder)
    return module


def emitted(text, words, level, here=True):
    """The object of a text, for the machine that LLVM calls by these words: triple, cpu, features."""
    target = machine(*words, here)
    return target.emit_object(optimised(text, target, level))


# ------------------------------------------------------------------------------------------------------ between processes


def send(pipe, data):
    """Write a frame. OSError if nobody reads."""
    left = memoryview(len(data).to_bytes(8, "little") + data)
    while left:
        left = left[os.write(pipe, left) :]


def received(pipe):
    """The next frame, or None where there are no more. EOFError if one breaks off, or is none of ours."""
    head = taken(pipe, 8)
    if not head:
        return None
    size = int.from_bytes(head, "little")
    if len(head) < 8 or size > MOST:
        raise EOFError("no frame")
    data = taken(pipe, size)
    if len(data) < size:
        raise EOFError("half a frame")
    return data


def taken(pipe, size):
    """So many bytes; fewer if there are no more."""
    parts = []
    while size and (part := os.read(pipe, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def split(question):
    """(text, words, level) of a question's bytes."""
    level, *words, text = question.decode().split("\0")
    return text, words, level


def serve(folder):
    """Answer questions until there are no more. What was open elsewhere is closed: nothing of ours shall stay open for our sake."""
    answers = os.dup(1)
    os.dup2(2, 1)  # whatever prints, doesn't answer
    for name in os.listdir("/dev/fd"):
        if int(name) > 2 and int(name) != answers:
            try:
                os.close(int(name))
            except OSError:
                pass  # that of the list itself
    sys.path.append(folder)
    llvm()
    send(answers, versions().encode())
    while select.select([0], [], [], IDLE)[0] and (question := received(0)) is not None:
        try:
            answer = emitted(*split(question))
        except RuntimeError:
            answer = b""
        send(answers, answer)


if __name__ == "__main__":
    try:
        serve(sys.argv[1])
    finally:
        os._exit(0)  # at once: there is nothing to tidy up, and nobody to tell
