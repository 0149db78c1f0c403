"""Random programs in PyTorch's public API under PyTorch, eagerly and compiled, for as long as one likes.

    python test/compiling/fuzz_programs.py --examples 3000      # prints the smallest program of each that goes wrong
    python test/compiling/fuzz_programs.py --seed 2304          # that one alone
    python test/compiling/fuzz_programs.py --eager              # against PyTorch only: many more in the time

Each program is called four times with new numbers, three times with another shape, and once more with the first. Results,
arguments, gradients, weights, what shares memory and the generator must agree, and refusals in type and first line.

How far rounding may lead is measured: PyTorch runs the program again with every result moved by a little, and where that
moves a number, ours may be as far away.
"""

import argparse
import contextlib
import linecache
import os
import re
import sys
import time
import warnings
from pathlib import Path

os.environ.setdefault("MINITORCH_CACHE", "0")  # or it would fill up with what nobody meets again
sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1])]

import numpy  # noqa: E402
import torch  # noqa: E402
from oracle import Described, Raised, first_line, plain  # noqa: E402
from random_programs import grown, source, tensor_of  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402

import minitorch  # noqa: E402

__all__ = ["difference", "told_of"]

CALLS = [(0, 2, False), (1, 2, False), (2, 2, False), (3, 2, False), (4, 3, True), (5, 3, True), (6, 3, True), (7, 2, False)]
"""For each call the numbers it gets, ``n``, and whether a size is another."""

EPSILON = {"float64": 2.0**-52, "float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7, "complex64": 2.0**-23, "complex128": 2.0**-52}


# ------------------------------------------------------------------------------------------------------- how far rounding goes


class Shaken(TorchDispatchMode):
    """Moves every number that an operation makes by up to an epsilon; equals of a tensor alike, and small integers not at all."""

    def __init__(self, salt):
        super().__init__()
        self.salt, self.count = salt, 0

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if any(r.alias_info is not None and not r.alias_info.is_write for r in function._schema.returns):
            return result
        self.count += 1
        for x in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(x, torch.Tensor) and (x.is_floating_point() or x.is_complex()) and x.numel():
                self.shake(x)
        return result

    def shake(self, x):
        if x.is_complex():
            x = torch.view_as_real(x.resolve_conj())
        if x._is_zerotensor() or any(stride == 0 and size > 1 for stride, size in zip(x.stride(), x.shape)):
            return  # such zeros of PyTorch's have no memory at all
        wide = x.double()
        noise = torch.sin(wide * 12345.6789 + self.salt * self.count)
        exact = (wide * 16 == (wide * 16).round()) & (wide.abs() < 512)
        moved = torch.where(exact, wide, wide * (1 + torch.finfo(x.dtype).eps * noise))
        x.copy_(moved)


# ---------------------------------------------------------------------------------------------------------------- playing


def objective(found):
    """A sum in which each number of each result has its own weight."""
    total = 0
    for x in found:
        if not isinstance(x, int) and x.requires_grad:
            x = x.real + x.imag if x.is_complex() else x
            weights = x.detach().new_ones(x.shape).flatten().cumsum(0).reshape(x.shape) / max(x.numel(), 1)
            total = total + (x * weights).sum().to(x.dtype)
    return total


def played(program, t, wrap=lambda f: f):
    """What each call of a program comes to, and the warnings."""
    text = source(program)
    name = f"<program {program.seed}>"
    linecache.cache[name] = (len(text), None, text.splitlines(True), name)
    kept = {given.name: tensor_of(t, given, 0, program.seed) for given in program.inputs if given.kept}
    scope = {"t": t, "F": t.nn.functional, "objective": objective, **kept}
    if program.use == "step":
        held = [x for x in kept.values() if x.requires_grad]
        if held:
            scope["optimizer"] = eval(f"t.optim.{program.optimizer}", {"t": t, "held": held})
    exec(compile(text, name, "exec"), scope)
    run, seen = wrap(scope["program"]), []
    t.manual_seed(program.seed)
    for k, n, other in CALLS if program.resized else CALLS[:4]:
        args = {x.name: tensor_of(t, x, k, program.seed, program.resized if other else ()) for x in program.inputs if not x.kept}
        try:
            with t.set_grad_enabled(program.use != "inference"):
                found = run(*args.values(), n)
            if program.use == "outside":
                loss = objective(found)
                if not isinstance(loss, int):
                    loss.backward()
        except Exception as error:
            found = Raised(type(error).__name__, first_line(error))
        tensors = {**args, **kept}
        seen.append({
            "results": found if isinstance(found, Raised) else described(found, program.use), "values": plain(tensors), "gradients": {k: plain(x.grad) for k, x in tensors.items()},
            "shared": shared(found, args) if isinstance(found, list) else None,
        })  # fmt: skip
        if program.use == "outside":
            for x in kept.values():
                x.grad = None
    return seen, plain(t.rand(2))


def described(found, use):
    """The results; whether a view made without recording says that it wants a gradient, we leave open."""
    return [x._replace(requires_grad=None) if use == "inference" and isinstance(x, Described) else x for x in plain(found)]


def shared(found, args):
    """Which results share memory with each other or with an argument."""
    places = [x.untyped_storage().data_ptr() if x.numel() else None for x in (*found, *args.values()) if not isinstance(x, int)]
    return [[p is not None and p == q for q in places] for p in places]


def shaken_by(program, salt):
    with Shaken(salt):
        return played(program, torch)[0]


# ------------------------------------------------------------------------------------------------------------- comparing


def unlike(expected, shaken, got, where):
    """Why two results differ, or None."""
    if expected is None and isinstance(got, Described) and not got.numbers.any():
        return None
    if isinstance(expected, Described):
        if got is None and "gradients" in where and not expected.numbers.any():
            return None
        if not isinstance(got, Described) or expected[:3] != got[:3]:
            return f"{where}: expected {str(expected)[:200]}, got {str(got)[:200]}"
        return far(expected, [x.numbers for x in shaken if isinstance(x, Described) and x.shape == expected.shape], got, where)
    if isinstance(expected, dict):
        found = (unlike(x, [s[k] for s in shaken if isinstance(s, dict)], got[k], f"{where} {k}") for k, x in expected.items())
        return next((x for x in found if x), None)
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        shaken = [s for s in shaken if isinstance(s, list) and len(s) == len(expected)]
        found = (unlike(x, [s[k] for s in shaken], got[k], f"{where}[{k}]") for k, x in enumerate(expected))
        return next((x for x in found if x), None)
    return None if expected == got else f"{where}: expected {str(expected)[:300]}, got {str(got)[:300]}"


def far(expected, shaken, got, where):
    x, y = expected.numbers, got.numbers
    if not x.size:
        return None
    if not shaken:
        return None  # rounding decides a shape
    with numpy.errstate(all="ignore"):
        if x.dtype.kind in "biu":
            stable = numpy.all([s == x for s in shaken], 0)
            wrong = stable & (x != y)
        else:
            size = numpy.where(numpy.isfinite(x), abs(x), 0)
            spread = numpy.max([abs(s - x) for s in shaken], 0)
            spread = numpy.where(numpy.isnan(spread) & ~numpy.isnan(x), numpy.inf, spread)
            spread = numpy.where(numpy.isnan(spread), 0, spread)
            epsilon = EPSILON[expected.dtype]
            allowed = 8 * epsilon * size + 4 * epsilon * size.max() + epsilon**2 + 16 * spread + 2 * spread.max()
            wrong = ~((abs(x - y) <= allowed) | (x == y) | (numpy.isnan(x) & numpy.isnan(y)) | numpy.isinf(allowed))
    if not wrong.any():
        return None
    at = tuple(int(i) for i in numpy.argwhere(wrong)[0])
    return f"{where}: {int(wrong.sum())} of {x.size} are wrong, {expected.dtype} {expected.shape} at {at}: expected {x[at]}, got {y[at]}"


def difference(program, eager_only=False):
    """How ours differs from PyTorch's, or compiled from eager: ``(which, what)``, or None; and why it ran eagerly."""
    reasons = []
    expected = played(program, torch)
    shaken = []  # seldom asked for, and three runs more
    for how, wrap in {"eager": lambda f: f, "compiled": minitorch.compile}.items():
        if how == "compiled" and eager_only:
            break
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            got = played(program, minitorch, wrap)
        reasons += [str(w.message) for w in caught if "eagerly" in str(w.message)]
        if first_difference(expected, [expected[0]], got):
            shaken = shaken or [shaken_by(program, salt) for salt in (0.3, 1.7, 3.9)]
            why = first_difference(expected, shaken, got)
        else:
            why = None
        if why:
            return (how, why), reasons
        expected = got
    return None, reasons


def first_difference(expected, shaken, got):
    (expected, after), (got, then) = expected, got
    for call, one in enumerate(expected):
        result, ours = one["results"], got[call]["results"]
        if isinstance(result, Raised) and LENIENT.search(result.line) and not isinstance(ours, Raised):
            return None
        if isinstance(result, Raised) or isinstance(ours, Raised):
            if result != ours and not all([isinstance(x, Raised) and OVERWRITTEN in x.line for x in (result, ours)]):
                return f"call {call}: expected {str(result)[:400]}, got {str(ours)[:400]}"
            continue
        for part in one:
            why = unlike(one[part], [s[call][part] for s in shaken], got[call][part], f"call {call}, {part}")
            if why:
                return why
    return None if (after.numbers == then.numbers).all() else "the generator is elsewhere"


OVERWRITTEN = "needed for gradient computation has been modified"
LENIENT = re.compile(f"{OVERWRITTEN}|^derivative for|not implemented for|^Function .* returned an invalid gradient")
"""What PyTorch refuses and we can do. Which of several overwritten tensors is met first is left open."""


# -------------------------------------------------------------------------------------------------------------- smallest


def smallest(program, how):
    """The program with what isn't needed for this difference left out."""
    def still(other):
        with contextlib.suppress(Exception):
            found = difference(other, how == "eager")[0]
            return found is not None and found[0] == how
        return False

    for use in ("plain", "inference", "outside"):
        if program.use not in (use, "plain") and still(other := program._replace(use=use)):
            program = other
            break
    i = len(program.lines) - 1
    while i >= 0:
        other = program._replace(lines=program.lines[:i] + program.lines[i + 1 :])
        program, i = (other if still(other) else program), i - 1
    if still(other := program._replace(resized=())):
        program = other
    for i, given in enumerate(program.inputs):
        for changed in (given._replace(layout="plain"), given._replace(wants_gradient=False), given._replace(values="normal")):
            changed = changed._replace(**{k: v for k, v in program.inputs[i]._asdict().items() if getattr(changed, k) == getattr(given, k)})
            if changed != program.inputs[i] and changed.values != "normal" or changed.dtype[0] in "fbc":
                other = program._replace(inputs=[*program.inputs[:i], changed, *program.inputs[i + 1 :]])
                program = other if other != program and still(other) else program
    used = [g for g in program.inputs if not g.kept or any(g.name in line for line in program.lines)]
    return other if still(other := program._replace(inputs=used)) else program


def told_of(program, found):
    inputs = "".join(f"    # {x.name}: {x.dtype} {x.shape} {x.layout} {x.values}{' kept' * x.kept}{' gradient' * x.wants_gradient}\n" for x in program.inputs)
    return f"\n===== seed {program.seed}, {found[0]}, {program.use}, resized {program.resized}\n{inputs}{source(program)}    # {found[1]}\n"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--examples", type=int, default=1000)
    options.add_argument("--first", type=int, default=0, help="the first seed")
    options.add_argument("--seed", type=int, help="one program")
    options.add_argument("--eager", action="store_true", help="against PyTorch only")
    options.add_argument("--whole", action="store_true", help="print programs as they are")
    asked = options.parse_args()
    warnings.simplefilter("ignore")
    seeds = range(asked.first, asked.first + asked.examples) if asked.seed is None else [asked.seed]
    wrong = lines = eagerly = 0
    started = time.time()
    for count, seed in enumerate(seeds, 1):
        program = grown(seed)
        lines += len(program.lines)
        found, reasons = difference(program, asked.eager)
        eagerly += bool(reasons)
        if asked.seed is not None:
            print(source(program), *reasons)
        if found:
            wrong += 1
            if not asked.whole:
                program = smallest(program, found[0])
                found = difference(program, found[0] == "eager")[0] or found
            print(told_of(program, found), flush=True)
        if count % 100 == 0:
            print(f"{count} programs, {lines} lines, {wrong} wrong, {eagerly} ran eagerly, {time.time() - started:.0f} s", file=sys.stderr, flush=True)
    print(f"{len(seeds)} programs, {lines} lines: {wrong} differ; {eagerly} ran eagerly")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
