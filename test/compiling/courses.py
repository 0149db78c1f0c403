"""Courses: what a function and whoever calls it see step by step, with PyTorch, with this library, and compiled.

    def a_number_that_changes(torch, compiled):
        scale = [2.0]
        f = compiled(lambda x: x * scale[0])
        for k in range(8):
            if k == 4:
                scale[0] = 3.0
            yield f(torch.ones(2))
"""

import warnings
from functools import partial

import pytest
import torch

import minitorch

__all__ = ["agrees", "attempt", "is_a_program"]


def attempt(function):
    """What a function gives; of an error its type and first line."""
    try:
        return function()
    except Exception as error:
        return type(error).__name__, str(error).split("\n")[0]


def agrees(course, checked=False):
    """Assert that a course sees the same numbers with this library as with PyTorch, eager and compiled.   checked: by ``check=True`` too."""
    expected = seen(course, torch, lambda f: f)
    ways = {"eager": lambda f: f, "compiled": minitorch.compile} | ({"checked": partial(minitorch.compile, check=True)} if checked else {})
    for way, compiled in ways.items():
        found = seen(course, minitorch, compiled)
        for k, (a, b) in enumerate(zip(expected, found, strict=True)):
            assert close(a, b), f"{way}, at step {k}: {b}, PyTorch {a}"


def is_a_program(course, but="^$"):
    """Assert that what a course compiles is answered by programs, without a warning.   but: what warnings may say."""
    made = []

    def compiled(function):
        made.append(minitorch.compile(function))
        return made[-1]

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", message=but)
        for _ in course(minitorch, compiled):
            pass
    assert made and all(each.explain(measure=False).answers for each in made)


def plain(x):
    """Numbers, dtypes and whether a gradient is wanted, of whatever a course sees."""
    if isinstance(x, (torch.Tensor, minitorch.Tensor)):
        return [str(x.dtype).split(".")[-1], x.requires_grad, x.detach().tolist()]
    if isinstance(x, dict):
        return {key: plain(v) for key, v in x.items()}
    return [plain(v) for v in x] if isinstance(x, (list, tuple)) else x


def seen(course, library, compiled):
    library.manual_seed(0)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*runs eagerly")
        return [plain(step) for step in course(library, compiled)]


def close(a, b):
    if isinstance(a, (list, dict)):
        return type(a) is type(b) and len(a) == len(b) and all(close(a[k], b[k]) for k in (a if isinstance(a, dict) else range(len(a))))
    return b == pytest.approx(a, rel=2e-5, abs=2e-6, nan_ok=True) if isinstance(a, float) else a == b
