"""Every layer of PyTorch's own test database, built and run on both libraries over its samples.

    python test/conformance/modules.py                    # all, one table
    python test/conformance/modules.py nn.Conv2d Linear --debug

For each layer: every sample in float32 and float64, in training and in evaluation: the state after construction at the
same seed, its text, the result, the gradients of inputs and parameters (in float64 the second ones too), the state
after the call, and the same of a deep copy and of a pickled one; and that each error input raises the same type of
exception. A layer passes if all of that does.
"""

import argparse
import copy
import dataclasses
import functools
import pickle
import sys
import traceback
import warnings
from pathlib import Path

import torch
from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

import minitorch

sys.path[:0] = [str(Path(__file__).parent)]
from bridge import Crossing, missing, named, tensors_in  # noqa: E402
from operators import Failure, Trial, agree_on_errors, compare, raised  # noqa: E402

DTYPES = (torch.float32, torch.float64)
ENTRIES = [entry for entry in module_db if not entry.name.removeprefix("nn.").startswith("_")]



class Carrying(Crossing):
    """Carries over the arguments of a constructor: layers and option objects too."""

    def __call__(self, value):
        if isinstance(value, torch.nn.Module):
            args, kwargs = value._made_with
            made = self.type(type(value))(*self(args), **self(kwargs))
            made.load_state_dict(self(dict(value.state_dict())))
            return made
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return self.type(type(value))(**{f.name: self(getattr(value, f.name)) for f in dataclasses.fields(value)})
        return super().__call__(value)

    def type(self, theirs):
        ours = named(f"nn.{theirs.__name__}")
        if ours is None:
            raise missing(f"nn.{theirs.__name__}")
        return ours


def remember_arguments(cls):
    """Make each instance of ``cls`` keep what it is made with: one that is an argument must be made anew on our side."""
    initialise = cls.__init__

    @functools.wraps(initialise)
    def __init__(self, *args, **kwargs):
        initialise(self, *args, **kwargs)
        self.__dict__["_made_with"] = args, kwargs

    cls.__init__ = __init__


remember_arguments(torch.nn.TransformerEncoderLayer)
remember_arguments(torch.nn.TransformerDecoderLayer)


# ------------------------------------------------------------------------------------------------------ one sample


class Sample:
    """One sample of one layer: made, called, differentiated on both sides."""

    def __init__(self, entry, input, dtype, training, label):
        self.entry, self.input, self.dtype, self.training, self.label = entry, input, dtype, training, label

    def made(self):
        """The layer on both sides, each made at the same seed; None if the constructor raises on both."""
        given = self.input.constructor_input
        torch.manual_seed(5)
        theirs, error = raised(lambda: self.entry.module_cls(*given.args, **given.kwargs))
        args, kwargs = Carrying()((given.args, given.kwargs))
        ours = named(self.entry.name)
        minitorch.manual_seed(5)
        ours, our_error = raised(lambda: ours(*args, **kwargs))
        agree_on_errors(error, our_error, f"{self.label}, constructor")
        if error is not None:
            return None
        self.compare_texts(theirs, ours)
        return self.prepared(theirs, self.dtype), self.prepared(ours, Crossing()(self.dtype))

    def prepared(self, module, dtype):
        return module.to(dtype).train(self.training)

    def compare_texts(self, theirs, ours):
        if repr(theirs) != repr(ours):
            raise Failure(f"{self.label}: text {repr(theirs)!r} expected, got {repr(ours)!r}")

    def arguments(self):
        """Those of forward for both, made afresh; what wants its gradient is a leaf."""
        def again(x):
            if isinstance(x, (list, tuple)) and not isinstance(x, torch.Size) and not hasattr(x, "_fields"):
                return type(x)(again(item) for item in x)
            if isinstance(x, torch.Tensor):
                return x.detach().clone().requires_grad_(x.requires_grad)
            return x

        given = self.input.forward_input
        theirs = again(given.args), {name: again(value) for name, value in given.kwargs.items()}
        return theirs, Carrying()(theirs)

    def run(self):
        """Raise Failure at the first thing that differs."""
        made = self.made()
        if made is None:
            return
        self.compare_states(*made, "after construction")
        if not self.entry.is_lazy:
            made[1].load_state_dict(Crossing()(dict(made[0].state_dict())))
        copied = copy.deepcopy(made)
        if self.step(*made, ""):
            self.step(*copied, ", deep copy")
            self.step(made[0], pickle.loads(pickle.dumps(made[1])), ", pickled")

    def step(self, theirs, ours, label):
        """One forward and backward on both; whether there was a result."""
        label = self.label + label
        (args, kwargs), (our_args, our_kwargs) = self.arguments()
        torch.manual_seed(7)
        expected, error = raised(lambda: theirs(*args, **kwargs))
        minitorch.manual_seed(7)
        got, our_error = raised(lambda: ours(*our_args, **our_kwargs))
        agree_on_errors(error, our_error, label)
        if error is not None:
            return False
        if self.entry.is_lazy:
            self.compare_texts(theirs, ours)
        compare(results(expected), results(got), label)
        self.compare_states(theirs, ours, "after the call")
        wanting = [*(x for x in tensors_in((args, kwargs)) if x.requires_grad), *theirs.parameters()]
        our_wanting = [*(x for x in tensors_in((our_args, our_kwargs)) if x.requires_grad), *ours.parameters()]
        if len(wanting) != len(our_wanting):
            raise Failure(f"{label}: {len(wanting)} tensors with a gradient expected, got {len(our_wanting)}")
        if wanting:
            trial = Differentiated(self.entry, self.dtype, label, theirs, (args, kwargs))
            second = self.dtype is torch.float64 and not label.endswith(("copy", "pickled")) and not self.chunked()
            trial.gradients(results(expected), results(got), wanting, our_wanting, second)
        return True

    def chunked(self):
        """PyTorch's LinearCrossEntropyLoss by chunks has no second derivatives, and says zero."""
        return self.input.constructor_input.kwargs.get("options") is not None

    def compare_states(self, theirs, ours, when):
        theirs, ours = theirs.state_dict(), ours.state_dict()
        if list(theirs) != list(ours):
            raise Failure(f"{self.label}, {when}: state_dict has {list(theirs)}, ours {list(ours)}")
        for name, value in theirs.items():
            if torch.nn.parameter.is_lazy(value):
                if not minitorch.nn.parameter.is_lazy(ours[name]):
                    raise Failure(f"{self.label}, {when}: {name} should be uninitialized")
            else:
                compare(value, ours[name], f"{self.label}, {when}: {name}")

    def fail(self, wrong, number):
        """An error input raises the same type of exception."""
        self.label = f"{self.label}, error input {number}"
        if wrong.error_on == ModuleErrorEnum.CONSTRUCTION_ERROR:
            if self.made() is not None:
                raise Failure(f"{self.label}: PyTorch didn't raise")
            return
        made = self.made()
        (args, kwargs), (our_args, our_kwargs) = self.arguments()
        _, error = raised(lambda: made[0](*args, **kwargs))
        _, our_error = raised(lambda: made[1](*our_args, **our_kwargs))
        agree_on_errors(error, our_error, f"{self.label} ({str(error)[:80]})")


class Differentiated(Trial):
    """The gradients of one call of PyTorch's ``module``, and what they are in float64."""

    def __init__(self, entry, dtype, label, module, arguments):
        super().__init__(entry, None, None, dtype, label)
        self.module, self.arguments = module, arguments

    def exact_gradients(self, seeds):
        module = copy.deepcopy(self.module).double()
        args, kwargs = wide(self.arguments)
        torch.manual_seed(7)
        outs = [x for x in tensors_in(results(module(*args, **kwargs))) if x.requires_grad]
        wanting = [*(x for x in tensors_in((args, kwargs)) if x.requires_grad), *module.parameters()]
        return torch.autograd.grad(outs, wanting, [s.double() for s in seeds], allow_unused=True)


def wide(value):
    """``value`` with its floating-point tensors in float64."""
    if isinstance(value, (list, tuple)) and type(value) in (list, tuple):
        return type(value)(wide(item) for item in value)
    if isinstance(value, dict):
        return {key: wide(item) for key, item in value.items()}
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.detach().double().requires_grad_(value.requires_grad)
    return value


def results(value):
    """The result of a call as lists: named and packed tuples differ in type only."""
    if isinstance(value, tuple):
        return [results(item) for item in value]
    return value


# ------------------------------------------------------------------------------------------------------- one layer


def samples(entry, dtype, training, limit):
    """The samples of a layer: those that work, then those that raise."""
    torch.manual_seed(11)
    label = f"{str(dtype)[6:]}, {'training' if training else 'evaluation'}"
    found = entry.module_inputs_func(entry, device="cpu", dtype=dtype, requires_grad=True, training=training)
    for i, input in enumerate(found[:limit]):
        sample = Sample(entry, input, dtype, training, f"{label}, sample {i}" + (f" ({input.desc})" if input.desc else ""))
        yield sample.run
    if entry.module_error_inputs_func is not None:
        wrong = entry.module_error_inputs_func(entry, device="cpu", dtype=dtype, requires_grad=False, training=training)
        for i, error in enumerate(wrong):
            sample = Sample(entry, error.module_error_input, dtype, training, label)
            yield functools.partial(sample.fail, error, i)


def failures(entry, limit=None, most=3, debug=False):
    """What differs from PyTorch, in words: at most ``most`` things in each dtype and mode."""
    if named(entry.name) is None:
        return ["it isn't there"]
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for dtype in DTYPES:
            for training in (True, False):
                texts: list = []
                for run in samples(entry, dtype, training, limit):
                    if len(texts) < most:
                        texts += difference(run, debug)
                found += texts
    return found


def difference(run, debug):
    """In a list of none or one, what ``run`` finds to differ."""
    try:
        run()
    except Failure as failure:
        if debug and failure.__cause__:
            traceback.print_exception(failure.__cause__)
        return [str(failure).splitlines()[0]]
    except missing as what:
        return [f"we have no {what}"]
    except Exception as error:
        if debug:
            traceback.print_exc()
        return [f"{type(error).__name__}: {str(error).splitlines()[0][:200] if str(error) else ''}"]
    return []


# ------------------------------------------------------------------------------------------------------- the table


def chosen(names):
    if not names:
        return ENTRIES
    plain = [name.removeprefix("nn.") for name in names]

    def wanted(name):
        return name in plain or any(p.endswith("*") and name.startswith(p[:-1]) for p in plain)

    return [entry for entry in ENTRIES if wanted(entry.name.removeprefix("nn."))]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", help="entries, such as nn.Linear or LazyConv*; all if none is given")
    options.add_argument("--limit", type=int, default=None, help="samples of each dtype and mode")
    options.add_argument("--debug", action="store_true", help="print where our exceptions come from")
    options.add_argument("--part", default="1/1", help="2/3: the second third of the entries")
    asked = options.parse_args()
    part, parts = map(int, asked.part.split("/"))
    there = passed = 0
    entries = chosen(asked.names)[part - 1 :: parts]
    for entry in entries:
        texts = failures(entry, asked.limit, debug=asked.debug)
        there += texts != ["it isn't there"]
        passed += not texts
        for text in texts:
            print(f"{entry.name:30} {text}", flush=True)
    print(f"\n{len(entries)} entries, {there} there, {passed} pass")


if __name__ == "__main__":
    main()
