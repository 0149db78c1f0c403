"""``step.explain()``: what became of a compiled function.

    Explanation        of the function: an Answer for each program, and what runs eagerly and why
    Answer             a program: what it was called with, how long it took to make, and its Parts
    Part               native code: that of the function, and that of its backward where that is called from outside
    Kernel             one loop nest, product or convolution, or a row that NumPy runs

``print(step.explain())`` is for reading (reporting.py), ``.svg()`` draws the memory plan (drawing.py), ``.to_dict()`` has all
of it as plain numbers and strings.

torch: torch/_dynamo/eval_frame.py (explain), TORCH_LOGS
"""

import linecache
import math
import os
from dataclasses import asdict, dataclass, field

from ..backends.threads import get_num_threads
from ..compiler.costs import flops, traffic
from ..compiler.kernels import Foreign, Pieces
from ..compiler.nest import Load
from ..compiler.pseudocode import readable
from ..compiler.timing import steps_of
from ..native.link import host
from ..native.mathematics import KINDS
from .drawing import drawing
from .measuring import bandwidth, measured, peak
from .naming import names_of_backward, names_of_forward
from .reporting import report
from .wording import named

__all__ = ["Explanation"]


@dataclass
class Kernel:
    """One kernel.   rows: what it computes.   loop: how, as text.   lines: (place, source) in the user's program.

    The place of what computes a gradient is that of the step that it is the gradient of, and ends in ", backward".
    read, written: bytes.   seconds: the median of several runs.   share: of what the machine was seen to do at best, 1 if it
    is quicker, where ``bound`` by "arithmetic" or "memory".   numpy: why NumPy runs it, or "".
    """

    number: int
    rows: list
    lines: list
    loop: list
    flops: int
    read: int
    written: int
    threads: int
    numpy: str = ""
    seconds: float | None = None
    share: float | None = None
    bound: str = ""


@dataclass
class Region:
    """A value in the arena: bytes ``start`` to ``start + size``, from the kernel that makes it to the last that reads it."""

    name: str
    start: int
    size: int
    first: int
    last: int


@dataclass
class Part:
    """Native code.   arena: bytes of it; values: bytes that all values in it would take side by side.

    stages: seconds of each stage of the compiler.   cached, compiled: objects that were on disk, and that LLVM made.
    """

    title: str
    kernels: list
    regions: list
    arena: int
    values: int
    stages: dict
    cached: int
    compiled: int
    graph: str
    seconds: float | None = None


@dataclass
class Answer:
    """A program.   signature: what it answers.   outside: bytes that it returns, or keeps for backward, at each call.

    slower: why Python looks at the call, where native code can't; else "".
    """

    signature: str
    steps: int
    outside: int
    tracing: float
    slower: str
    parts: list = field(default_factory=list)


class Explanation:
    """What became of a compiled function.

    answers: its programs.   eager: (signature, why) of what runs eagerly.   threads: how many were used when it was measured.
    """

    def __init__(self, compiled, measure=True):
        self.name, self.threads = named(compiled.function), get_num_threads()
        self.answers, self.eager, self.peaks = [], [], (peak(), bandwidth(math.inf)) if measure else None
        for key, signature in compiled.signatures.items():
            for program in signature.programs:
                self.answers.append(answer_of(program, measure))
            if signature.eager or not signature.programs:
                self.eager.append((called_as(key), signature.why or "it is recorded at the next call"))

    @property
    def kernels(self):
        """All kernels, in the order in which they run."""
        return [kernel for answer in self.answers for part in answer.parts for kernel in part.kernels]

    def svg(self, answer=0, part=0):
        """The memory plan as a picture: kernels from left to right, the arena's bytes from top to bottom.

        answer, part: which program, and which part of it. Raises RuntimeError where there is no program.
        """
        if not self.answers:
            raise RuntimeError(f"{self.name} has no program to draw\nprint this explanation: it says why")
        return drawing(self.answers[answer].parts[part])

    def to_dict(self):
        """All of it as dicts, lists, numbers and strings."""
        answers = [asdict(answer) for answer in self.answers]
        return {"name": self.name, "threads": self.threads, "answers": answers, "eager": self.eager, "peaks": self.peaks}

    def __str__(self):
        return report(self)


# ----------------------------------------------------------------------------------------------------------- a program


def called_as(key):
    """A signature as text."""
    _, grad, inference, autocast, _, described, _ = key
    words = [f"{dtype}[{', '.join(map(str, shape))}]" for shape, dtype, *_ in described]
    modes = ["inference" if inference else "grad" if grad else "no grad", *([f"autocast {autocast}"] if autocast else [])]
    return f"({', '.join(words)}), {', '.join(modes)}"


def answer_of(program, measure):
    """A program, explained."""
    recording = program.recording
    steps = len(recording.graph.steps) + (0 if recording.backward is None else len(recording.backward.steps))
    outside = sum([math.prod(shape) * dtype.itemsize for shape, dtype in program.fresh])
    found = Answer(called_as(program.key), steps, outside, recording.seconds, program.slower)
    names, measure = names_of_forward(program), measure and recording.xp.SYNCHRONOUS  # a GPU's kernels are timed by its own tools
    found.parts.append(part_of("forward" if recording.backward else "", program.native, names))
    if measure:
        add_times(found.parts[0], program.native, inputs_of(recording), recording.strides)
    if program.backward is not None:
        native = program.backward.native
        found.parts.append(part_of("backward", native, names_of_backward(program, names)))
        if measure:
            add_times(found.parts[1], native, [None] * len(native.graph.inputs), recording.strides)
    return found


def inputs_of(recording):
    """The arrays that a program reads, as far as they are known between calls."""
    found = []
    for kind, which in recording.externals:
        x = which if kind == "tensor" else which._grad if kind == "grad" else None
        found.append(None if x is None else x._array)
    return found + [None for _, made in recording.sources if made]


def part_of(title, native, names):
    written = [one for kernel in native.kernels for one in getattr(kernel, "parts", ()) or (kernel,)]
    kernels = [explained(k, kernel, native, names) for k, kernel in enumerate(written)]
    numbers: dict = {}  # of the kernels that each one of the plan has become
    for k, kernel in enumerate(written):
        numbers.setdefault(getattr(kernel, "kernel", kernel), []).append(k)
    order = native.plan.kernels
    regions = []
    for x, (first, last) in native.plan.lives.items():
        end = numbers[order[last]][-1] if last < len(order) else len(kernels) - 1
        at = native.plan.lent.get(x, native.plan.places[x].at)
        regions.append(Region(names.of(x), at, x.size * x.dtype.itemsize, numbers[order[first]][0], end))
    built, values = native.built, sum([r.size for r in regions])
    return Part(
        title, kernels, regions, native.plan.size, values, built.stages, built.cached, built.compiled, str(native.graph)
    )


def add_times(part, native, inputs, strides):
    """Run it, and tell each kernel how long it took."""
    times, part.seconds = measured(native, inputs, strides)
    for kernel, own, seconds in zip(part.kernels, native.kernels, times):
        kernel.seconds = seconds
        memory = (kernel.read + kernel.written) / bandwidth(max(kernel.read, kernel.written))  # half of it, if it writes over what it reads
        arithmetic = kernel.flops / peak(size_of_operations(steps_of(own)))
        kernel.bound = "memory" if memory >= arithmetic else "arithmetic"
        kernel.share = min(max(memory, arithmetic) / max(seconds, 1e-9), 1.0)


def size_of_operations(steps):
    """Bytes of the floats that a kernel computes with. Products of bfloat16 take one instruction for two of them, where there is such."""
    if host().dots and any([s.row.kind == "contraction" and {x.dtype.name for x in s.reads} == {"bfloat16"} for s in steps]):
        return 2
    return max([4, *[s.out.dtype.itemsize for s in steps if s.out.dtype.is_floating_point]])


# ------------------------------------------------------------------------------------------------------------ a kernel


def explained(number, kernel, native, names):
    """One kernel of a program."""
    of = getattr(kernel, "kernel", kernel)
    lines = [(place(line), source(line)) for line in dict.fromkeys([s.line for s in of.steps]) if line]
    if of.__class__ is Pieces:
        work = math.prod(kernel.nest.shape) if kernel.nest.stores[0].adds else 0
        read, written = traffic_of(kernel.nest)
    else:
        work = sum([flops(step) for step in of.steps])
        read, written = traffic(of, native.found, native.plan.constants)
    threads = get_num_threads() if getattr(kernel, "shared", False) else 1
    found = Kernel(number, [s.row.name for s in of.steps], lines, loop_of(kernel, of, native, names), work, read, written, threads)
    if of.__class__ is Foreign:
        found.numpy = why_not(of.steps[0])
    return found


def loop_of(kernel, of, native, names):
    """How a kernel computes, as lines of text."""
    values = [x for step in of.steps for x in (step.out, *step.reads)]
    nest = getattr(kernel, "nest", None)
    if nest is not None:
        return readable(nest, [names.at(place, values) for place in nest.buffers])
    lines = []
    for step in of.steps:
        words = [operand(x, native, names) for x in step.reads]
        text = f"{step.row.name}({', '.join(words)})"
        if step.row.name.startswith("matmul"):
            text = " + ".join([" @ ".join(words[:2]), *words[2:]])
            text = f"relu({text})" if step.row.name.endswith("relu") else text
        lines.append(f"{operand(step.out, native, names)} = {text}")
    return lines


def operand(x, native, names):
    """A Value with its shape; "ᵀ" if its last two dims lie in memory the other way round."""
    access = native.found[x]
    turned = "ᵀ" if x.ndim > 1 and access.strides[-1] > access.strides[-2] == 1 else ""
    return f"{names.of(access.base)}{turned} ({', '.join(map(str, x.shape))})"


def traffic_of(nest):
    """(bytes read, bytes written) by one of the nests that lay a value together."""
    points = math.prod(nest.shape)
    itemsizes = [SIZES[x.dtype] for op in nest.ops for x in op.args if x.__class__ is Load]
    return points * sum(itemsizes), points * SIZES[nest.stores[0].op.dtype]


SIZES = {"float32": 4, "float64": 8, "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "bool": 1, "float16": 2, "bfloat16": 2}


def why_not(step):
    """Why the compiler leaves a step to NumPy."""
    dtypes = [x.dtype.name for x in (*step.reads, step.out)]
    unknown = [name for name in dtypes if name not in KINDS]
    if unknown:
        return f"no native code computes in {unknown[0]}"
    if any([x.size == 0 for x in (*step.reads, step.out)]):
        return "there are no elements"
    return f"no native code for {step.row.name} of {', '.join(dict.fromkeys(dtypes[:-1]))} in this form"


def place(line):
    """A line's place, its file as it is called from here if that is below; ", backward" stays."""
    file, number = line.rsplit(":", 1)
    near = os.path.relpath(file)
    return f"{os.path.basename(file) if near.startswith('..') else near}:{number}"


def source(line):
    file, number = line.rsplit(":", 1)
    return linecache.getline(file, int(number.partition(",")[0])).strip()
