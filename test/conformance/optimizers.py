"""Every optimizer of PyTorch's own test database, run on both libraries through the options that the database lists.

    python test/conformance/optimizers.py                   # all, one table
    python test/conformance/optimizers.py Adam SGD --debug

For each optimizer: each set of options, and each again with foreach, fused, differentiable and capturable, in float32 and
float64, with one group of parameters, with several, and with named ones. After each of ten steps the parameters and the
whole ``state_dict`` must agree; halfway each library's state_dict is loaded into the other, and training goes on the same.
The representation is the same text; error inputs raise the same type of exception. An optimizer passes if all of that does.
"""

import argparse
import copy
import sys
import traceback
import warnings
from pathlib import Path

import numpy
import torch
from torch.testing._internal.common_optimizers import OptimizerErrorEnum, optim_db

import minitorch

sys.path[:0] = [str(Path(__file__).parent)]
from bridge import Crossing, arrays_of, missing  # noqa: E402

DTYPES = (torch.float32, torch.float64)
STEPS = 10
TOLERANCE = {torch.float32: (1e-4, 1e-5), torch.float64: (1e-9, 1e-11)}
"""By dtype, the relative and absolute difference that another order of summation may make, in ten steps."""

LOOSER = {
    ("LBFGS", torch.float32): (1e-2, 1e-2), ("LBFGS", torch.float64): (1e-6, 1e-6),
    ("Muon", torch.float32): (1e-2, 1e-4), ("Muon", torch.float64): (1e-2, 1e-4),
}  # fmt: skip
"""L-BFGS decides by comparing rounded losses how often it iterates, and Muon's steps are computed in bfloat16."""

DIFFERENTIATED = (1e-6, 1e-6)
"""There, and in ASGD's foreach, PyTorch computes with the count of steps as a float32 tensor, and rounds to that."""

FLAGS = ({"foreach": True}, {"fused": True}, {"capturable": True}, {"foreach": False})
NOT_ON_THIS = {"SparseAdam"}
"""It takes sparse gradients only, which we don't have."""

ENTRIES = [info for info in optim_db if info.optim_cls.__name__ not in NOT_ON_THIS]


class Failure(Exception):
    """Something that differs, in words."""


# ---------------------------------------------------------------------------------------------------------- comparing


def compare(a, b, where, tolerance):
    """Raise Failure unless PyTorch's value ``a`` and ours agree."""
    if isinstance(a, torch.Tensor):
        compare_tensors(a, b, where, tolerance)
    elif isinstance(a, dict):
        if set(a) != set(b):
            raise Failure(f"{where}: keys {list(a)} expected, got {list(b)}")
        for key in a:
            compare(a[key], b[key], f"{where}[{key!r}]", tolerance)
    elif isinstance(a, (list, tuple)):
        if type(a) is not type(b) or len(a) != len(b):
            raise Failure(f"{where}: {type(a).__name__} of {len(a)} expected, got {b!r}")
        for i, (x, y) in enumerate(zip(a, b, strict=True)):
            compare(x, y, f"{where}[{i}]", tolerance)
    elif isinstance(a, float):
        if type(b) is not float or not numpy.isclose(a, b, *tolerance, equal_nan=True):
            raise Failure(f"{where}: {a!r} expected, got {b!r}")
    elif type(a) is not type(b) or a != b:
        raise Failure(f"{where}: {a!r} expected, got {b!r}")


def compare_tensors(a, b, where, tolerance):
    if not isinstance(b, minitorch.Tensor):
        raise Failure(f"{where}: a tensor expected, got {b!r}")
    if (str(a.dtype), tuple(a.shape), a.requires_grad) != (str(b.dtype), tuple(b.shape), b.requires_grad):
        raise Failure(f"{where}: {a.dtype} {tuple(a.shape)} expected, got {b.dtype} {tuple(b.shape)}")
    x, y = arrays_of(a), arrays_of(b)
    if a.dtype is torch.float32:
        tolerance = max(tolerance, TOLERANCE[torch.float32])
    if not numpy.allclose(y, x, *tolerance, equal_nan=True):
        raise Failure(f"{where}: at most {numpy.abs(x - y).max():.3g} apart: {x.ravel()[:3]} expected, got {y.ravel()[:3]}")


def raised(run):
    """What ``run()`` returns, and what it raises, one of them None; a warning counts where nothing was raised."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            value = run()
        except Exception as error:
            return None, error
    told = [w.message for w in caught if issubclass(w.category, UserWarning)]
    return value, told[0] if told else None


def agree_on_errors(error, ours, where):
    """Whether both raised; Failure unless they raised the same type, with the same first line."""
    if error is None and ours is None:
        return False
    if type(error).__name__ != type(ours).__name__:
        raise Failure(f"{where}: {type(error).__name__} expected ({error}), got {type(ours).__name__} ({ours})") from ours
    first = [str(e).partition("\n")[0] for e in (error, ours)]
    if not isinstance(error, UserWarning) and first[0] != first[1]:
        raise Failure(f"{where}: {first[0]!r} expected, got {first[1]!r}") from ours
    return True


# ------------------------------------------------------------------------------------------------------------- training


class Side:
    """A small network and its optimizer in one of the libraries."""

    def __init__(self, lib, optimizer, options, arrays, groups):
        self.lib, self.arrays = lib, arrays
        self.params = [lib.nn.Parameter(lib.from_numpy(array.copy())) for array in arrays]
        self.x = lib.from_numpy(numpy.cos(numpy.arange(20.0)).reshape(5, 4).astype(arrays[0].dtype))
        self.options, self.make = options, getattr(lib.optim, optimizer)
        self.optimizer = self.make(self.grouped(groups), **options)

    def grouped(self, groups):
        named = [(f"w{i}", p) for i, p in enumerate(self.params)]
        if groups == "named":
            return named
        if groups == "several":
            return [{"params": self.params[:1], "lr": 0.02}, {"params": self.params[1:2], "weight_decay": 0.03}, {"params": self.params[2:]}]
        return self.params

    def loss(self):
        """One hidden layer, and biases if there are any: its outputs are pulled towards 1."""
        first, second, *biases = self.params
        hidden = self.x @ first.t()
        if biases:
            hidden = hidden + biases[0]
        out = hidden.tanh() @ second.t()
        if biases:
            out = out * biases[1]
        return ((out - 1) ** 2).mean()

    def step(self, closed):
        """One step; ``closed`` optimizers compute the loss themselves, as often as they like."""

        def closure():
            self.optimizer.zero_grad()
            loss = self.loss()
            loss.backward()
            return loss

        if closed:
            return self.optimizer.step(closure)
        closure()
        return self.optimizer.step()

    def learnt(self, steps):
        """Steps that are themselves differentiated: the gradients of what became of the parameters by what they were."""
        lib = self.lib
        leaves = [lib.from_numpy(array.copy()).requires_grad_() for array in self.arrays]
        weights = [leaf.clone() for leaf in leaves]
        optimizer = self.make(weights, **self.options)
        for t in range(steps):
            for w, leaf in zip(weights, leaves, strict=True):
                w.grad = (leaf * (t + 1) + leaf * leaf).clone()
            optimizer.step()
        sum((w * w).sum() for w in weights).backward()
        return [leaf.grad for leaf in leaves]


def starts(name, dtype):
    """The parameters' first values: matrices only for Muon, else with a bias and a single number too."""
    shapes = [(3, 4), (2, 3)] if name == "Muon" else [(3, 4), (2, 3), (3,), ()]
    made = numpy.random.default_rng(0)
    return [numpy.asarray(made.standard_normal(shape), str(dtype)[6:]) for shape in shapes]


class Trial:
    """One optimizer with one set of options and one dtype."""

    def __init__(self, info, options, dtype, groups, label):
        self.name, self.options, self.dtype, self.groups = info.optim_cls.__name__, options, dtype, groups
        self.closed, self.label = info.step_requires_closure, label
        self.tolerance = TOLERANCE[dtype]
        if (self.name, dtype) in LOOSER:
            self.tolerance = LOOSER[self.name, dtype]
        elif dtype is torch.float64 and (options.get("differentiable") or self.name == "ASGD"):
            self.tolerance = DIFFERENTIATED

    def sides(self):
        """The training in both libraries, or None if both refuse it."""
        arrays = starts(self.name, self.dtype)
        theirs, error = raised(lambda: Side(torch, self.name, self.again(self.options), arrays, self.groups))
        ours, our_error = raised(lambda: Side(minitorch, self.name, Crossing()(self.options), arrays, self.groups))
        refused = agree_on_errors(error, our_error, self.label)
        return None if refused and theirs is None else (theirs, ours)

    def again(self, options):
        """The options with tensors of their own: optimizers may write into a rate."""
        return {key: value.clone() if isinstance(value, torch.Tensor) else value for key, value in options.items()}

    def run(self):
        """Raise Failure at the first thing that differs."""
        sides = self.sides()
        if sides is None:
            return
        theirs, ours = sides
        self.same_text(theirs, ours)
        if self.options.get("differentiable"):
            self.differentiated(theirs, ours)
            return
        steps = STEPS if not self.closed else STEPS // 2  # of some twenty iterations each, and each magnifies rounding
        for t in range(steps):
            if t == steps // 2:
                self.exchange(theirs, ours)
            if not self.steps(theirs, ours, t):
                return

    def differentiated(self, theirs, ours):
        """Gradients through three steps; through one if PyTorch can't do more."""
        steps = 3
        expected, error = raised(lambda: theirs.learnt(steps))
        if error is not None:
            steps = 1
            expected = theirs.learnt(steps)
        self.compare(expected, ours.learnt(steps), f"gradients through {steps} steps")

    def steps(self, theirs, ours, t):
        """A step of both; whether they went on."""
        loss, error = raised(lambda: theirs.step(self.closed))
        our_loss, our_error = raised(lambda: ours.step(self.closed))
        if agree_on_errors(error, our_error, f"{self.label}, step {t}") and not isinstance(error, Warning):
            return False
        self.compare(loss, our_loss, f"step {t}, loss")
        self.compare(theirs.params, ours.params, f"step {t}, parameters")
        if not (self.closed and self.dtype is torch.float32):  # an iteration more or less is rounding's decision
            self.compare(theirs.optimizer.state_dict(), ours.optimizer.state_dict(), f"step {t}, state")
        return True

    def compare(self, expected, got, what):
        compare(expected, got, f"{self.label}: {what}", self.tolerance)

    def same_text(self, theirs, ours):
        a, b = repr(theirs.optimizer), repr(ours.optimizer)
        if a != b:
            raise Failure(f"{self.label}: repr {a!r} expected, got {b!r}")

    def exchange(self, theirs, ours):
        """Each takes over the state of the other."""
        state, our_state = (copy.deepcopy(side.optimizer.state_dict()) for side in (theirs, ours))
        theirs.optimizer.load_state_dict(back(our_state))
        ours.optimizer.load_state_dict(Crossing()(state))


def back(value):
    """One of our values as PyTorch's."""
    if isinstance(value, minitorch.Tensor):
        return torch.from_numpy(value.detach().numpy().copy()).requires_grad_(value.requires_grad)
    if isinstance(value, dict):
        return {key: back(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(back(item) for item in value)
    return value


# ----------------------------------------------------------------------------------------------------------- the table


def trials(info, dtype):
    """All trials of an optimizer for a dtype."""
    inputs = info.optim_inputs_func(device="cpu")
    name = str(dtype)[6:]
    flags = [{}, *FLAGS, *([{"differentiable": True}] if "differentiable" in info.supported_impls else [])]
    for given in inputs:
        for flag in flags:
            options = {**given.kwargs, **flag}
            said = f"{name}, {given.desc}{''.join(f', {key}={value}' for key, value in flag.items())}"
            if given.params is None:
                yield Trial(info, options, dtype, "one", said)
        for groups in ("several", "named") if info.supports_param_groups else ():
            yield Trial(info, given.kwargs, dtype, groups, f"{name}, {given.desc}, {groups}")


def failures(info, limit=None, debug=False):
    """What differs from PyTorch, in words; and how many trials there were."""
    if not hasattr(minitorch.optim, info.optim_cls.__name__):
        return ["it isn't there"], 0
    found, count = [], 0

    def check(run):
        nonlocal count
        count += 1
        try:
            run()
        except Failure as failure:
            found.append(str(failure))
            if debug and failure.__cause__:
                traceback.print_exception(failure.__cause__)
        except missing as what:
            found.append(f"we have no {what}")
        except Exception as error:
            found.append(f"{type(error).__name__}: {str(error)[:200]}")
            if debug:
                traceback.print_exc()

    for dtype in DTYPES:
        for i, trial in enumerate(trials(info, dtype)):
            if limit is None or i < limit:
                check(trial.run)
        for wrong in info.optim_error_inputs_func("cpu", dtype) if info.optim_error_inputs_func else ():
            check(lambda wrong=wrong, dtype=dtype: check_error(info, wrong, dtype))
    return found, count


def check_error(info, wrong, dtype):
    """An error input raises the same type of exception, with the same first line, when made or when stepped."""
    given = wrong.optimizer_error_input
    arrays = starts(info.optim_cls.__name__, dtype)

    def refused(lib, params, options):
        if params is None:
            params = [lib.nn.Parameter(lib.from_numpy(a.copy())) for a in arrays]
        optimizer = getattr(lib.optim, info.optim_cls.__name__)(params, **options)
        if wrong.error_on is OptimizerErrorEnum.STEP_ERROR:
            optimizer.step()

    _, error = raised(lambda: refused(torch, given.params, given.kwargs))
    crossing = Crossing()
    params, options = crossing(given.params), crossing(given.kwargs)
    for p in tensors_of(given.params):
        if p.grad is not None:
            crossing.tensor(p).grad = crossing(p.grad)
    _, ours = raised(lambda: refused(minitorch, params, options))
    if not agree_on_errors(error, ours, f"error input {given.desc!r}"):
        raise Failure(f"error input {given.desc!r}: PyTorch raises nothing")


def tensors_of(params):
    return [p for p in params if isinstance(p, torch.Tensor)] if isinstance(params, list) else []


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", help="optimizers, such as Adam; all if none is given")
    options.add_argument("--limit", type=int, default=None, help="trials of each dtype")
    options.add_argument("--debug", action="store_true", help="print where our exceptions come from")
    asked = options.parse_args()
    entries = [info for info in ENTRIES if not asked.names or info.optim_cls.__name__ in asked.names]
    there = passed = 0
    for info in entries:
        texts, count = failures(info, asked.limit, asked.debug)
        there += texts != ["it isn't there"]
        passed += not texts
        for text in texts:
            print(f"{info.optim_cls.__name__:12} {text}", flush=True)
        print(f"{info.optim_cls.__name__:12} {count} trials, {len(texts)} differ", flush=True)
    print(f"\n{len(entries)} entries, {there} there, {passed} pass")


if __name__ == "__main__":
    main()
