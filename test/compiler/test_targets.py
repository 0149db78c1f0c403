"""Whole programs for other machines: emitted for all of them, and run where this one can, with the same results."""

from functools import cache

import numpy
import pytest
from machine import RUNNABLE
from on_aarch64 import GIVEN, MORE, asked, compared, missing, written
from recorded import Recorded
from targets import PROGRAMS

from minitorch.compiler import build
from minitorch.compiler.graph import run
from minitorch.native.link import assembly, host
from minitorch.native.target import Target

TARGETS = {"avx512": Target.avx512(), "avx2": Target.avx2(), "generic": Target.generic(), "aarch64": Target.aarch64()}

OLDER = [target for target in RUNNABLE if target.width < host().width]

REGISTERS = {"avx512": ("zmm", None), "avx2": ("ymm", "zmm"), "generic": ("xmm", "ymm"), "aarch64": (".4s", "xmm")}
"""What the text of a program's instructions has to mention, and what it must not."""


def ran(recorded, target):
    """What the program for a machine leaves, run twice on the same arrays."""
    program = build(recorded.graph, recorded.strides, recorded.places, target)
    for _ in range(2):
        arrays, fresh = [x.copy() for x in recorded.arrays], recorded.fresh()
        program.call(arrays, fresh)
    return recorded.results(arrays, fresh)


RECORDED = cache(lambda name: Recorded(PROGRAMS[name]))


# ---------------------------------------------------------------------------------------------------------
# Tests


@pytest.mark.parametrize("target", OLDER, ids=lambda target: f"{target.width} bytes")
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_for_an_older_machine_gives_the_same(program, target):
    recorded = RECORDED(program)
    expected = run(recorded.graph, [x.copy() for x in recorded.arrays])
    for a, b in zip(expected, ran(recorded, target), strict=True):
        numpy.testing.assert_allclose(b, a, rtol=1e-4, atol=1e-5)


class Nowhere:
    """A library of no code: what is emitted for another machine can't be called."""

    def address(self, name):
        return 0


EMITTED = [(program, name) for program in PROGRAMS for name in TARGETS if program == "MLP" or TARGETS[name] not in OLDER]
"""What runs has been emitted as well; for one of the programs we look at what that came to."""


@pytest.mark.parametrize(("program", "name"), EMITTED)
def test_a_program_is_emitted_for_every_machine(program, name):
    emitted = []

    def emit(texts, symbols):
        emitted.extend([assembly(text, TARGETS[name], level) for text, level in texts])
        return Nowhere()

    recorded = RECORDED(program)
    program = build(recorded.graph, recorded.strides, recorded.places, TARGETS[name], emit)
    instructions = "\n".join(emitted)
    assert not program.foreign
    there, never = REGISTERS[name]
    assert there in instructions and (never is None or never not in instructions)
    assert all([f"main{k}:" in instructions for k in range(len(program.segments))])


def test_the_machine_we_run_on_is_what_a_program_is_written_for():
    texts, mlp = [], RECORDED("MLP")
    for target in (None, host()):
        build(mlp.graph, mlp.strides, mlp.places, target, lambda found, _: texts.append(found) or Nowhere())
    assert texts[0] == texts[1]


@pytest.mark.parametrize("name", ["convolutions", "masked attention", "bfloat16"])
def test_what_is_emitted_for_arm_calls_nobody_that_is_not_there(name):
    _, objects = written(Recorded((PROGRAMS | MORE)[name]))
    made = {word for data in objects for word in asked(data) if word.startswith(("product_", "kernel", "minitorch_turn_"))}
    assert set().union(*[asked(data) for data in objects]) - made <= GIVEN


@pytest.mark.skipif(missing() != "", reason=f"no {missing()} here")
@pytest.mark.parametrize("name", ["MLP", "take and put", "masked attention"])
def test_an_emulated_arm_machine_gives_the_same(name):
    """More of them: python test/compiler/on_aarch64.py."""
    assert compared((PROGRAMS | MORE)[name])
