"""Launches on two streams: whatever touches the same memory stays in order, and results are the same whichever stream is ahead."""

import itertools
from functools import cache

import numpy
import pytest
from cuda_shim import COMPILER, Shim
from fuzz_graphs import sample_of
from gpu_programs import PROGRAMS
from recorded import Recorded

from minitorch.compiler import build_on
from minitorch.compiler.horizontal_fusion import touches
from minitorch.compiler.kernels import Foreign
from minitorch.compiler.streams import on_streams


@cache
def recorded(name):
    return Recorded(PROGRAMS[name])


def program_of(name):
    """The program of a step of training, or of a random graph; nothing is compiled yet."""
    if isinstance(name, str):
        step = recorded(name)
        return build_on(Shim(), step.graph, step.strides, step.places)
    sample = sample_of(name)
    return build_on(Shim(), sample.graph, sample.strides, sample.destinations)


def stretches(program):
    return [segment for segment in program.segments() if segment[0].__class__ is not Foreign]


def bytes_of(program, launch):
    """(where a launch reads, where it writes), each place as its bytes; None where that isn't told."""
    found = ([], [])
    for part in getattr(launch, "parts", ()) or (launch,):
        if part.kernel is None:
            return None
        for all_of_them, some in zip(found, touches(part, program.found, program.plan, program.guards), strict=True):
            all_of_them.extend(some)
    if launch.__class__.__name__ == "Call":
        found[1].append(("workspace", 0, 1))
    return found


def meet(one, other):
    """Whether one writes where the other reads or writes."""
    if one is None or other is None:
        return True
    pairs = [*itertools.product(one[1], [*other[0], *other[1]]), *itertools.product(one[0], other[1])]
    return any([a[0] == b[0] and max(a[1], b[1]) < min(a[2], b[2]) for a, b in pairs])


def before(placed):
    """For each launch the numbers of those that are over when it begins."""
    found, last = [], {}
    for k, (stream, waits) in enumerate(placed):
        direct = [*waits, *([last[stream]] if stream in last else [])]
        found.append(set(direct).union(*[found[j] for j in direct]))
        last[stream] = k
    return found


@pytest.mark.parametrize("name", [*PROGRAMS, *range(40)], ids=str)
def test_who_touches_the_same_memory_stays_in_order(name):
    program = program_of(name)
    for launches in stretches(program):
        placed = on_streams(launches, program.found, program.plan, program.guards)
        touched, over = [bytes_of(program, launch) for launch in launches], before(placed)
        for j, k in itertools.combinations(range(len(launches)), 2):
            assert j in over[k] or not meet(touched[j], touched[k])


def test_some_of_a_step_goes_beside_the_rest():
    for name in ("MNIST CNN", "GPT"):
        program = program_of(name)
        placed = [on_streams(x, program.found, program.plan, program.guards) for x in stretches(program)]
        assert any([stream for x in placed for stream, _ in x])


def ahead(placed, first):
    """The launches in an order in which they may come to run: of stream ``first`` as many as can be before each of the other."""
    queues = [[k for k, (stream, _) in enumerate(placed) if stream == s] for s in (0, 1)]
    found: list = []
    while len(found) < len(placed):
        for s in (first, 1 - first):
            if queues[s] and not set(placed[queues[s][0]][1]).difference(found):
                found.append(queues[s].pop(0))
                break
    return found


@pytest.mark.skipif(COMPILER is None, reason="g++ compiles the kernels for the CPU, and isn't installed")
@pytest.mark.parametrize("name", ["MNIST CNN", "GPT"])
def test_it_is_the_same_whichever_stream_is_ahead(name):
    program, step, results = program_of(name), recorded(name), []
    plain = program.launch

    def in_order(order_of):
        def launch(kernels):
            placed = on_streams(kernels, program.found, program.plan, program.guards)
            plain([kernels[k] for k in order_of(placed)])

        return launch

    for order_of in (lambda placed: range(len(placed)), lambda placed: ahead(placed, 0), lambda placed: ahead(placed, 1)):
        arrays, fresh = [a.copy() for a in step.arrays], step.fresh()
        program.launch = in_order(order_of)
        program.call(arrays, fresh)
        results.append(step.results(arrays, fresh))
    for other in results[1:]:
        for a, b in zip(results[0], other, strict=True):
            numpy.testing.assert_array_equal(a, b)


def test_captured_on_two_streams():
    """A captured program does what one does that is launched anew each time."""
    program, step = program_of("the tour's network"), recorded("the tour's network")
    arrays = [a.copy() for a in step.arrays]
    for _ in range(3):
        program.call(arrays, step.fresh())
    expected = [a.copy() for a in step.arrays]
    other = program_of("the tour's network")
    for _ in range(3):
        other.settled = lambda arrays, settled=other.settled: settled(arrays) and False
        other.call(expected, step.fresh())
    assert program.driver.captured and all([numpy.array_equal(a, b) for a, b in zip(arrays, expected, strict=True)])
