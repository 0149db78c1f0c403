"""Each stage of the compiler keeps what a graph means, and so does the whole program: random graphs, against ``run``."""

import sys
from contextlib import contextmanager, nullcontext
from functools import partial
from unittest.mock import patch

import numpy
import pytest
from gpu_programs import PROGRAMS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.lib.stride_tricks import as_strided
from random_graphs import Sample, assert_close, grown
from recorded import Recorded

from minitorch.compiler import ON_CPU, ON_GPU, Place, build, stored, writable
from minitorch.compiler.access import accesses, in_order
from minitorch.compiler.convolution_text import SLIDING
from minitorch.compiler.cuda_layouts import within_reach
from minitorch.compiler.cuda_scatter import rows_gathered
from minitorch.compiler.cuda_writable import writable_on_gpu
from minitorch.compiler.epilogues import finished
from minitorch.compiler.fuse import fuse
from minitorch.compiler.graph import check, evaluate, run
from minitorch.compiler.recompute import recompute
from minitorch.compiler.schedule import schedule
from minitorch.compiler.simplify import dead, decomposed, shared, simplify
from minitorch.compiler.sorting_text import RANKING

quick = settings(deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))


@contextmanager
def lean():
    """Within it everything is computed again that can be, attention is one step, and products do more, however small."""
    again, attention, ends = (sys.modules[f"minitorch.compiler.{name}"] for name in ("recompute", "attention", "epilogues"))
    with patch.multiple(again, SMALL=1, LATER=1), patch.object(attention, "FEWEST", 1), patch.object(ends, "SMALL", 0):
        yield


@st.composite
def samples(draw):
    return grown(lambda options: draw(st.sampled_from(options)))


def agrees(sample, target=None):
    """Raise AssertionError where a stage, or the program for a machine, makes something else of the graph than ``run`` does."""
    expected = run(check(sample.graph), sample.copies())
    stages_agree(sample, expected)
    assert_close(sample, expected, ran(sample, target), "program")


def stages_agree(sample, expected):
    """Every stage of a graph, after those before it; and what is made of the graph in the end, as kernels."""
    in_line, ends = partial(in_order, strides=sample.strides, wants_order=(*SLIDING, *RANKING)), partial(ended, sample)
    one_by_one(sample, expected, [dead, shared, decomposed, simplify])
    on_cpu = one_by_one(sample, expected, [*ON_CPU, in_line, partial(ends, on_gpu=False), dead])
    far = partial(rows_gathered, strides=sample.strides), in_line, partial(within_reach, strides=sample.strides)
    on_gpu = one_by_one(sample, expected, [*ON_GPU, dead, *far, partial(ends, on_gpu=True), dead])
    kernels_agree(sample, expected, on_cpu, partial(fuse, writable=writable), False)
    kernels_agree(sample, expected, on_gpu, partial(fuse, writable=writable_on_gpu, siblings=True), True)


def ended(sample, graph, on_gpu):
    return finished(graph, sample.strides, stored(graph, sample.destinations), on_gpu)


def one_by_one(sample, expected, stages):
    """What the stages make of the sample's graph. Each keeps what it means, and leaves alone what it was given."""
    graph = sample.graph
    for stage in stages:
        text, name = str(graph), str(getattr(stage, "__name__", None) or stage.func)
        with lean():
            made = check(stage(graph))
        assert str(graph) == text, f"{name} changed the graph that it was given"
        assert_close(sample, expected, run(made, sample.copies()), name)
        graph = made
    return graph


def kernels_agree(sample, expected, graph, fuse, on_gpu):
    """The stages whose results are kernels: each is run step by step, and leaves alone what it was given."""
    found = accesses(graph, sample.strides)
    with lean():
        fused = fuse(graph, found)
        told = str(graph), dict(found), list(map(repr, fused)), [list(kernel.outputs) for kernel in fused]
        again, seen = recompute(fused, found, graph, on_gpu)
    assert told == (str(graph), found, list(map(repr, fused)), [list(kernel.outputs) for kernel in fused])
    assert_close(sample, expected, interpreted(fused, found, graph, sample.copies()), "fuse")
    ordered = schedule(again, seen, graph, sample.destinations, late=on_gpu)
    assert_close(sample, expected, interpreted(ordered, seen, graph, sample.copies()), "recompute, schedule")


def interpreted(kernels, found, graph, arrays):
    """The outputs of a graph by its kernels: each step by the interpreter, in memory laid out as is said; of a kernel its outputs remain."""
    memory, constants = dict(zip(graph.inputs, arrays, strict=True)), {step.out: step for step in graph.steps if not step.inputs}

    def seen(x):
        access = found[x]
        if access.base not in memory:  # loops count and repeat by themselves
            store(constants[access.base], access.base)
        array = memory[access.base]
        start = as_strided(array, [access.offset + 1], [array.itemsize])[access.offset:]  # an input may lie in memory with gaps
        return as_strided(start, access.shape, [s * array.itemsize for s in access.strides])

    def store(step, x):
        made = evaluate(step, [seen(y) for y in step.reads])
        memory[x] = numpy.empty(made.size, made.dtype)
        as_strided(memory[x], found[x].shape, [s * made.itemsize for s in found[x].strides])[...] = made

    for kernel in kernels:
        for step in kernel.steps:
            store(step, step.out)
        for step in kernel.steps:
            if step.out not in kernel.outputs:
                del memory[step.out]
    return [seen(x).copy() for x in graph.outputs]


def ran(sample, target=None):
    """What the program leaves in the places of its outputs; it is run twice, as programs are. Of some, the outputs lie in the arena."""
    lends = len(sample.graph.steps) % 2 == 0
    places = [Place("lent", d.at) if lends and d.kind == "output" else d for d in sample.destinations]
    with lean() if sample.lean else nullcontext():
        program = build(sample.graph, sample.strides, places, target)
    made = [v for v, d in zip(sample.graph.outputs, sample.destinations) if d.kind == "output"]
    for _ in range(2):
        arrays = sample.copies()
        fresh = program.lent([(v.shape, v.dtype) for v in made]) if lends else [numpy.empty(v.shape, v.dtype.name) for v in made]
        for array in fresh:
            array.fill(77)
        program.call(arrays, fresh)
    written = {d.at for d in sample.destinations if d.kind == "input"}
    for k, (before, after) in enumerate(zip(sample.arrays, arrays)):
        assert k in written or numpy.array_equal(before, after, equal_nan=before.dtype.kind == "f"), f"input {k} was written to{sample!r}"
    return [(fresh if d.kind == "output" else arrays)[d.at] for d in sample.destinations]


@settings(quick, max_examples=200)
@given(samples())
def test_stages_keep_what_a_graph_means(sample):
    stages_agree(sample, run(check(sample.graph), sample.copies()))


@settings(quick, max_examples=100)
@given(samples())
def test_programs_make_what_the_graph_says(sample):
    agrees(sample)


@pytest.mark.parametrize("name", PROGRAMS)
def test_stages_keep_what_a_training_step_means(name):
    recorded = Recorded(PROGRAMS[name])
    sample = Sample(recorded.graph, recorded.arrays, recorded.strides, recorded.places, [False] * len(recorded.graph.outputs), False)
    stages_agree(sample, run(check(sample.graph), sample.copies()))
