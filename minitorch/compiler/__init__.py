"""The compiler: a recorded step becomes one native program. Each stage is a file, and a pure function over what it is given.

    trace              a run of the step             → Graph: rows of the table, one value a name
                       what it knows by name: traced_memory; rows that come again: repeated_rows
                       of numbers that Python sees: traced_numbers, escape_analysis, deferred, settled, symbolic_operands

    max_pooling        Graph                         → Graph whose pools know what is largest
    scans              Graph                         → Graph whose running sums are loops
    simplify           Graph                         → Graph of fewer, plainer rows
                       what rows come to: decompositions, composed, gather_scatter, pools, resampling, rolls;
                       then concatenations, merged_products
    attention          Graph                         → Graph whose attention is single steps
    merged_scatters    Graph                         → Graph whose sums of scattered values are scattered to one memory
    narrow             Graph                         → Graph whose products read numbers of 16 bits as they are
    split_k            Graph                         → Graph whose long sums are cut, for threads to share
    access             Graph                         → Graph whose movements are strides; and how each value is read
    epilogues          Graph                         → Graph whose products do what follows them

    fuse               Graph                         → kernels: loops, products …, and what NumPy keeps (see writable, pieces)
    recompute          kernels                       → kernels that keep fewer values for each other
    schedule           kernels                       → kernels in the order in which they run
    plan               kernels, where results end up → Plan: where each value lies

    lower              a kernel                      → nests of loops (pseudocode: as people write them)
    llvm               a nest of loops               → LLVM text
                       of other kernels: product_text, convolution_text, attention_text, sorting_text
    image              texts, Plan                   → what a program needs to run, as plain numbers (costs: how much it does)
    program            image, texts                  → a program: code in memory by native/link, a table, an arena

For a GPU the same stages work, and these:

    host_numbers       Graph                         → two graphs: what follows from numbers that live on the CPU is left there
    cuda_sorting, cuda_attention, cuda_linear_sums, cuda_convolution, draws, cuda_scatter, cuda_layouts        Graph → Graph
    cuda               a nest of loops               → launches in CUDA's language (cuda_writable, cuda_pointwise)
                       of other kernels: cuda_products, cuda_convolution, cuda_attention, cuda_scatter, cuda_draws
    horizontal_fusion  launches                      → fewer launches
    device             launches, Plan                → a program for a GPU (streams: on two at a time)

What stages speak of is in graph, kernels (and their dependencies), nest and launches. program_cache has the programs that were
compiled before, by any process; timing tells how long stages and kernels take; zero_inputs cuts what a backward pass isn't asked for
out of its graph; facade is ``torch.compiler``.

torch: torch/_inductor
"""

from functools import partial

from ..backends import for_device
from ..device import CPU
from ..native.link import ahead, host, key_of, load, objects_of
from ..native.worklist import WORK
from . import cuda, cuda_writable
from .access import accesses, in_order
from .attention import attended
from .attention_text import attending
from .convolution_text import SLIDING, sliding
from .cuda_attention import attended_on_gpu, attending_launches
from .cuda_convolution import ended, slid
from .cuda_draws import drawing, stands_alone
from .cuda_layouts import within_reach
from .cuda_linear_sums import taken_apart
from .cuda_products import multiplied
from .cuda_scatter import ADDED_ROWS, added_here, adding, rows_gathered
from .cuda_sorting import ranked
from .device import DeviceProgram
from .draws import Generators, as_arithmetic
from .epilogues import finished
from .facade import (
    allow_in_graph,
    assume_constant_result,
    cudagraph_mark_step_begin,
    disable,
    is_compiling,
    is_dynamo_compiling,
    is_exporting,
    list_backends,
    reset,
    set_stance,
)  # fmt: skip
from .fuse import fuse
from .graph import check
from .horizontal_fusion import together
from .host_numbers import parted
from .image import Parts, laid
from .kernels import Attending, Convolution, Foreign, Loops, Ordering, Pieces, Place, Product
from .llvm import native
from .lower import lower
from .max_pooling import pooled
from .merged_scatters import scattered
from .narrow import narrow_products
from .plan import plan
from .product_text import product
from .program import Modules, Program, modules_of, texts_of
from .program_cache import fetch, keep, name_of
from .recompute import recompute
from .scans import running
from .schedule import schedule
from .simplify import dead, simplify
from .sorting_text import RANKING, ordering
from .split_k import split
from .timing import Built, Timed
from .writable import writable

__all__ = [
    "Place", "allow_in_graph", "assume_constant_result", "build", "build_on", "cudagraph_mark_step_begin", "disable", "is_compiling",
    "is_dynamo_compiling", "is_exporting", "list_backends", "native_of", "reset", "set_stance", "timed", "writable",
]  # fmt: skip

ON_CPU = partial(pooled, overlaps=False), running, simplify, attended, dead, scattered, partial(narrow_products, on_gpu=False), dead, split
ON_GPU = pooled, ranked, simplify, attended_on_gpu, dead, taken_apart, narrow_products, ended
"""The stages that rewrite a graph whatever its strides, in order."""

STEP = 800
"""What LLVM has to do for a recorded step, about, in the measure of the list of texts (native/worklist.py)."""


def build(graph, strides, destinations, target=None, link=None):
    """The Program of a graph: the one that is kept on disk, or a new one.

    strides: of the inputs that don't lie in order, in elements.   destinations: for each output the Place it goes to.
    target: the machine it is written for; left out, the one we run on.   link: in place of ``link_all``; such a program isn't kept.
    """
    built, target = Built(), target or host()
    name = name_of(graph, strides, destinations, target) if link is None else None
    kept, again = fetch(name), partial(stages, graph, strides, destinations, target, Built())
    built.over("look up")
    if kept is not None:
        image, objects = kept
        program = Program(image, partial(load, objects), again)
    else:
        modules = Modules(partial(ahead, target) if link is None else None)
        WORK.start(STEP * len(graph.steps))
        parts = stages(graph, strides, destinations, target, built, modules.add)
        texts = texts_of(parts.kernels, parts.laid, modules)
        built.over("llvm")
        program = Program(parts.laid.image, partial(link or partial(link_all, target), texts), parts)
        keep(name, program.image, [key_of(text, target, level) for text, level in texts])
    built.over("link")
    program.built = built
    if link is None and not program.foreign:
        program.forget(again, partial(linked_again, target, again))
    return program


def linked_again(target, again, symbols):
    """The Library of a program that has forgotten its texts."""
    parts = again()
    return link_all(target, texts_of(parts.kernels, parts.laid, modules_of(parts.kernels)), symbols)


def rewritten(graph, stages):
    """What the stages make of a graph, one after the other."""
    for stage in stages:
        graph = stage(graph)
    return check(graph)


def stored(graph, destinations):
    """The outputs that end up in the memory of an input."""
    return [x for x, place in zip(graph.outputs, destinations, strict=True) if place.kind == "input"]


def stages(graph, strides, destinations, target, built, ready=None):
    """The Parts of a graph: every stage up to the text of its kernels.

    built: is told what is over.   ready: is told of each kernel as soon as it is text.
    """
    plain = in_order(rewritten(graph, ON_CPU), strides, (*SLIDING, *RANKING))
    plain = check(dead(finished(plain, strides, stored(plain, destinations), on_gpu=False)))
    found = accesses(plain, strides)
    built.over("simplify")
    kernels = fuse(plain, found, writable)
    built.over("fuse")
    kernels, found = recompute(kernels, found, plain)
    built.over("recompute")
    kernels = schedule(kernels, found, plain, destinations)
    built.over("schedule")
    planned = plan(kernels, found, plain, destinations)
    built.over("plan")
    found, texts = planned.found, []
    for kernel in planned.kernels:
        nests = lower(kernel, found, planned) if kernel.__class__ in (Loops, Pieces) else None
        built.over("lower")
        more = written(kernel, nests, found, planned, target)
        texts += more
        for text in more if ready else ():
            ready(text)
        built.over("llvm")
    parts = Parts(plain, found, texts, planned, laid(texts, planned, found, plain))
    built.over("llvm")
    return parts


def build_on(driver, graph, strides, destinations, hosts=()):
    """The DeviceProgram of a graph, for a GPU behind a driver (compiler/device.py). Strides and destinations: see ``build``.

    hosts: the numbers of the inputs that lie on the CPU: what ends up in one of them is computed there.
    """
    (graph, destinations), (other, places), back = parted(graph, destinations, hosts)
    built, native = Built(), build(other, {}, places) if places else None
    left = [x for x, place in zip(other.outputs, places, strict=True) if place.kind == "output"]
    ahead = [for_device(CPU).full(x.shape, 0, x.dtype) for x in left]
    beside = None if native is None else lambda inputs: native.call([inputs[k] for k in hosts], ahead)
    graph, going = as_arithmetic(rewritten(graph, ON_GPU), driver.machine())
    graph = rows_gathered(check(dead(graph)), strides)
    plain = within_reach(in_order(dead(graph), strides, (*cuda_writable.SLIDING, ADDED_ROWS)), strides)
    plain = check(dead(finished(plain, strides, stored(plain, destinations))))
    found = accesses(plain, strides)
    built.over("simplify")
    kernels, found = recompute(fuse(plain, found, cuda_writable.writable_on_gpu, siblings=True), found, plain, on_gpu=True)
    kernels = schedule(kernels, found, plain, destinations, late=True)
    built.over("fuse")
    laid = plan(kernels, found, plain, destinations)
    found = laid.found
    built.over("plan")
    launches = [one for kernel in laid.kernels for one in launched(kernel, found, laid)]
    launches = together(launches, found, laid, [laid.places[found[x].base] for x, *_ in plain.checks])
    built.over("lower")
    program = DeviceProgram(launches, laid, found, plain, driver, beside, ahead, Generators(driver, going), back)
    built.over("link")
    program.built = built
    return program


def native_of(graph, strides, destinations, xp, hosts=()):
    """The program of a graph for where the arrays of a backend are.   hosts: see ``build_on``."""
    if xp.SYNCHRONOUS:
        return build(graph, strides, destinations)
    return build_on(xp.driver(), graph, strides, destinations, hosts)


def launched(kernel, found, laid):
    """A kernel as launches, if the compiler can write it."""
    if kernel.__class__ in (Loops, Pieces):
        return [launch for nest in lower(kernel, found, laid) for launch in cuda.launches(nest, kernel)]
    if kernel.__class__ is Convolution:
        return slid(kernel, found, laid)
    if kernel.__class__ is Foreign and stands_alone(kernel.steps[0]):
        return drawing(kernel, found, laid)
    if kernel.__class__ is Foreign and added_here(kernel.steps[0]):
        return adding(kernel, found, laid)
    if kernel.__class__ is Attending:
        return attending_launches(kernel, found, laid)
    return multiplied(kernel, found, laid) if kernel.__class__ is Product else [kernel]


def timed(program):
    """The same program with memory of its own, which notes when each kernel begins and ends."""
    return Timed(program)


def nest_again(k, kernel, found, laid):
    return lower(kernel, found, laid)[k]


def written(kernel, nests, found, laid, target):
    """A kernel as texts, if the compiler can write it."""
    if nests is not None:
        return [native(nest, kernel, partial(nest_again, k, kernel, found, laid)) for k, nest in enumerate(nests)]
    if kernel.__class__ is Convolution:
        return [sliding(kernel, found, laid, target)]
    if kernel.__class__ is Product:
        return [product(kernel, found, laid, target)]
    if kernel.__class__ is Attending:
        return [attending(kernel, found, laid, target)]
    if kernel.__class__ is Ordering:
        return [ordering(kernel, found, laid)]
    return [kernel]


def link_all(target, texts, symbols):
    """The Library of several texts, each with the level that it is to be compiled at."""
    return load(objects_of(texts, target), symbols)
