"""Whole programs for other machines: emitted for all of them, and run where this one can, with the same results."""

from functools import cache

import numpy
import pytest
from machine import RUNNABLE
from recorded import Recorded, training

import minitorch as torch
from minitorch import nn
from minitorch.compiler import build
from minitorch.compiler.graph import run
from minitorch.native.link import assembly, host
from minitorch.native.target import Target
from minitorch.nn import functional as F

TARGETS = {"avx512": Target.avx512(), "avx2": Target.avx2(), "generic": Target.generic(), "aarch64": Target.aarch64()}

OLDER = [target for target in RUNNABLE if target.width < host().width]

REGISTERS = {"avx512": ("zmm", None), "avx2": ("ymm", "zmm"), "generic": ("xmm", "ymm"), "aarch64": (".4s", "xmm")}
"""What the text of a program's instructions has to mention, and what it must not."""


# ---------------------------------------------------------------------------------------------------------
# Programs: what a user would compile, and its arguments


def mlp():
    model = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Linear(50, 7))
    return training(model, F.cross_entropy, torch.randn(33, 20), torch.randint(7, (33,)))


def chain():
    def normed(x, weight):
        return F.softmax(F.layer_norm(x, (37,), weight), -1).log1p().tanh() + x.erf().amax(0).sigmoid()

    return normed, (torch.randn(9, 5, 37), torch.randn(37))


def convolutions():
    model = nn.Sequential(nn.Conv2d(3, 10, 3, 2, 1), nn.BatchNorm2d(10), nn.ReLU(), nn.Conv2d(10, 6, 3), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(4))
    x = torch.randn(5, 3, 17, 15)
    model(x)
    return training(model, F.mse_loss, x, torch.randn(5, 4))


def taken_and_put():
    def moved(x, index, source):
        taken = x[index].gather(1, index[:, None])
        return taken, x.index_add(0, index, source), x.clone().index_put_((index,), source), x.int().double() * 3

    return moved, (torch.randn(11, 13), torch.tensor([3, 0, 10, 7, 3]), torch.randn(5, 13))


PROGRAMS = {"MLP": mlp, "chain": chain, "convolutions": convolutions, "take and put": taken_and_put}


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
