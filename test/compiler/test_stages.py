"""Each stage of the compiler keeps what a graph means, and so does the whole program: random graphs, against ``run``."""

import sys
from contextlib import contextmanager, nullcontext
from unittest.mock import patch

import numpy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import assert_close, grown

from minitorch.compiler import Place, build
from minitorch.compiler.access import in_order
from minitorch.compiler.attention import attended
from minitorch.compiler.graph import check, run
from minitorch.compiler.simplify import dead, shared, simplify

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


def agrees(sample):
    """Raise AssertionError where a stage, or the program, makes something else of the graph than ``run`` does."""
    expected = run(check(sample.graph), sample.copies())
    stages_agree(sample, expected)
    assert_close(sample, expected, ran(sample), "program")


def stages_agree(sample, expected):
    text = str(sample.graph)
    stages = {
        "dead": dead, "shared": shared, "simplify": simplify, "attended": lambda g: dead(attended(simplify(g))),
        "in order": lambda g: in_order(simplify(g), sample.strides),
    }  # fmt: skip
    for name, stage in stages.items():
        with lean():
            made = check(stage(sample.graph))
        assert str(sample.graph) == text, f"{name} changed the graph that it was given"
        assert_close(sample, expected, run(made, sample.copies()), name)


def ran(sample):
    """What the program leaves in the places of its outputs; it is run twice, as programs are. Of some, the outputs lie in the arena."""
    lends = len(sample.graph.steps) % 2 == 0
    places = [Place("lent", d.at) if lends and d.kind == "output" else d for d in sample.destinations]
    with lean() if sample.lean else nullcontext():
        program = build(sample.graph, sample.strides, places)
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
