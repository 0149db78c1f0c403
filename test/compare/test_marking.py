"""The script that is recorded is rewritten: whatever Python it is, it must come to what it came to before."""

import ast
import builtins
import textwrap

import pytest

from minitorch.compare import recording

STATEMENTS = {
    "expressions": "a = [1, 2][0] + -3 * 2; b = a < 4 < 9; c = not a; d = 'x%d' % a; e = a if b else c; f = (a, *[b, c])",
    "calls": "def f(*args, k=1, **kw): return args, k, kw\nr = f(*[1, 2], k=abs(-3), **{'z': max(4, 5)})",
    "writing": "x = [1, 2, 3]; x[0] = 5; x[1] += 2; x[0], y = 7, x[2]; y += 1; x[0:2] = [0]; del x[0]",
    "loops": "r = []\nfor i, (a, *b) in enumerate([(1, 2, 3), (4, 5)]):\n    r.append((i, a, b))\n    if i: break\nelse:\n    r = None",
    "comprehensions": "r = [abs(x) + y for x in range(-3, 3) if x % 2 for y in (x, -x)]; s = {k: v for k, v in zip('ab', r)}; t = sum(x for x in r)",
    "functions": "def f(n: 'int' = abs(-2), *, k: list[int] = None) -> dict[str, int]:\n    'says'\n    return {str(n): k or n}\nr = f(), f.__doc__, f.__annotations__",
    "nested": "def f():\n    n = 1\n    def g():\n        nonlocal n\n        n += 1\n        return n\n    return g() + g()\nr = f()",
    "classes": "class A:\n    __slots__ = ('x',)\n    def __init__(self): self.x = 1\nclass B(A):\n    k: int = abs(-1)\n    def __init__(self):\n        super().__init__()\n        self.x += self.__private()\n    def __private(self): return 5\nr = B().x, B.k",
    "decorators": "import functools\n@functools.lru_cache(maxsize=None)\ndef f(x): return x * 2\nclass C:\n    @property\n    def p(self): return f(3)\n    @staticmethod\n    def s(): return f(4)\nr = C().p, C.s(), f.cache_info().hits",
    "generators": "def g():\n    got = yield abs(-1)\n    yield from [got * 2]\n    return 3\nit = g(); r = [next(it), it.send(5)]",
    "lambdas": "f = lambda x, y=abs(-1): x * y; r = sorted([3, 1, 2], key=lambda v: -v), f(2)",
    "walrus": "r = [y := abs(-2), y ** 2]\nif (n := len(r)) > 1: r.append(n)",
    "texts": "a = 3.14159; r = f'{a:.2f} {abs(-a)!r:>{len(str(a))}} {a + 1=}'",
    "errors": "r = []\ntry:\n    {}['k']\nexcept KeyError as error:\n    r.append(str(error))\nelse:\n    r.append(1)\nfinally:\n    r.append(abs(-2))",
    "contexts": "import contextlib\nwith contextlib.suppress(ZeroDivisionError) as a, contextlib.nullcontext(abs(-3)) as b:\n    r = b\n    1 / 0",
    "matching": "import math\ndef f(x):\n    match x:\n        case [a, *rest] if abs(a) > 1: return rest\n        case {'k': v, **kw}: v += 1; return v, kw\n        case int(real=n) | float(real=n): return n\n        case math.pi | None: return 0\nr = f([2, 3]), f({'k': 1, 'l': 2}), f(7), f(None)",
    "coroutines": "import asyncio\nasync def f(x):\n    await asyncio.sleep(0)\n    return [y async for y in g(x)]\nasync def g(n):\n    for i in range(n):\n        yield i * 2\nr = asyncio.run(f(3))",
    "globals": "n = 1\ndef f():\n    global n\n    n += 1\n    for n in range(4, 6): pass\nf(); r = n, sorted(k for k in globals() if k == 'n')",
    "future": "'a docstring'\nfrom __future__ import annotations\nx: Unknown[3] = abs(-1)\ny: Unknown\nr = __annotations__",
    "names": "T = list[int] | None; r = T.__args__; x = [[1, 2], [3, 4]]; x[0][1:] = x[1]; x[abs(-1)][0] *= 2",
}  # fmt: skip


def outcome(source, marked):
    tree, sites = ast.parse(source), []
    if marked:
        tree = ast.fix_missing_locations(recording.Marker("script.py", sites).visit(tree))
    scope = {}
    exec(compile(tree, "script.py", "exec", dont_inherit=True), scope)
    kept = {name: value for name, value in scope.items() if name[:2] != "__" and isinstance(value, (int, str, list, tuple, dict))}
    return {**kept, "__annotations__": scope.get("__annotations__"), "__doc__": scope.get("__doc__")}, sites


@pytest.fixture
def seen(monkeypatch):
    """What ``see`` is called with, in order."""
    calls = []

    def see(site, value, *others):
        calls.append((site, value, *others))
        return value

    monkeypatch.setattr(builtins, recording.SEE, see, raising=False)
    return calls


@pytest.mark.parametrize("source", STATEMENTS.values(), ids=STATEMENTS)
def test_a_marked_script_does_what_it_did(source, seen):
    expected, _ = outcome(source, marked=False)
    got, sites = outcome(source, marked=True)
    assert expected == got
    assert sites and seen


# the source, and what is seen of it in order: (line, text, value)
SEEN = [
    ("x = [1, 2]\ny = abs(x[1] - 5)", [(2, "x[1]", 2), (2, "x[1] - 5", -3), (2, "abs(x[1] - 5)", 3)]),
    ("x = [1, 2]\nx[0] = 7", [(2, "x[0] = 7", [7, 2])]),
    ("x = 1\nx += 2", [(2, "x += 2", 3)]),
    ("for i, n in [(1, 2)]:\n    pass", [(1, "for i, n in [(1, 2)]", (1, 2))]),
    ("print(len('ab'), isinstance(1, int))", []),
]  # fmt: skip


@pytest.mark.parametrize("source, expected", SEEN, ids=[row[0] for row in SEEN])
def test_what_is_seen(source, expected, seen):
    _, sites = outcome(source, marked=True)
    assert expected == [(sites[site][1], sites[site][4], value) for site, value, *_ in seen]


def test_a_marked_script_fails_at_the_line_where_it_failed(seen):
    with pytest.raises(ZeroDivisionError) as caught:
        outcome("def f(x):\n    return abs(\n        x / 0)\n\nf(\n  1)", marked=True)
    assert [entry.lineno for entry in caught.traceback[-2:]] == [4, 2]  # counted from 0


def test_a_script_for_minitorch_imports_torch():
    source = """
        import os, minitorch as torch
        import minitorch.nn as nn
        import minitorch.optim
        import minitorchlike
        from minitorch.nn import functional as F
        from . import minitorch
    """
    expected = """
        import os, torch as torch
        import torch.nn as nn
        import torch.optim, torch as minitorch
        import minitorchlike
        from torch.nn import functional as F
        from . import minitorch
    """
    got = recording.Imports().visit(ast.parse(textwrap.dedent(source)))
    assert textwrap.dedent(expected).strip() == ast.unparse(got)
