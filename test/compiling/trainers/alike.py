"""Trainers as strangers write them, by PyTorch, eagerly and compiled: losses, weights, buffers and the generator agree.

    python test/compiling/trainers/alike.py                # all: the differences, what became of each step, and by how many programs
    python test/compiling/trainers/alike.py a_vae a_policy

Each is one function (idioms.py, changes.py, kinds.py, papers.py), which runs for 20 steps.
"""

import sys
import warnings
from pathlib import Path

import numpy

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
import changes  # noqa: E402
import idioms  # noqa: E402
import kinds  # noqa: E402
import papers  # noqa: E402
from course import TRAINERS, Course  # noqa: E402
from everything import outcome  # noqa: E402

__all__ = ["TRAINERS", "assert_alike", "became", "ran"]

FILES = changes, idioms, kinds, papers


def ran(name, torch, compiles=False):
    """The Course of a trainer."""
    course = Course(torch, compiles)
    TRAINERS[name](course)
    return course


def assert_alike(found, expected, rtol, atol):
    """Whether two courses went alike. Gives the largest difference of losses, relative to them."""
    assert len(found.losses) == len(expected.losses)
    numpy.testing.assert_allclose(found.losses, expected.losses, rtol, atol, err_msg="losses")
    a, b = found.end(), expected.end()
    assert a.keys() == b.keys()
    for name in a:
        loose = (0, 0) if name == "generator" else (rtol, atol)
        numpy.testing.assert_allclose(a[name], b[name], *loose, err_msg=name)
    return max([abs(x - y) / (abs(y) + 1e-3) for x, y in zip(found.losses, expected.losses)])


def became(course):
    """What became of what was compiled: "whole", or why not; and how many programs there are."""
    found = {outcome(run) for run in course.compiled}
    count = sum([len(s.programs) for run in course.compiled for s in getattr(run, "_compiled", run).signatures.values()])
    return ", ".join(sorted(found)), count


def main(names):
    import torch

    import minitorch

    wrong = 0
    for name in names or TRAINERS:
        try:
            expected, eager, compiled = ran(name, torch), ran(name, minitorch), ran(name, minitorch, True)
            far, near = assert_alike(eager, expected, 2e-3, 2e-4), assert_alike(compiled, eager, 5e-4, 5e-5)
            found = f"{far:.0e} {near:.0e}  {became(compiled)[1]} programs, {became(compiled)[0]}"
        except Exception as error:
            wrong += 1
            found = f"WRONG: {type(error).__name__}: {' '.join(str(error).split())[:400]}"
        print(f"{name:40} {found}", flush=True)
    print(f"{len(names or TRAINERS)} trainers, {wrong} wrong")
    return bool(wrong)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
