"""Every layer of PyTorch's module database, every optimizer and every example, eager and compiled, over 20 calls.

    python test/compiling/everything.py                      # a table: whole, which rows NumPy runs, or why it runs eagerly
    python test/compiling/everything.py nn.Conv2d Adam "mnist cnn"

inference: the layer alone, without gradients, training and then evaluating.   outside: a compiled layer whose backward is
called outside, and an optimizer.   step: a whole training step. In each the results, gradients, weights, buffers, the
optimizer's state and the generator must agree, while the inputs change.
"""

import argparse
import copy
import sys
import warnings
from collections import Counter
from pathlib import Path

import numpy
import torch

import minitorch
from minitorch.compiling.calls import Compiled

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "conformance")]
import example_steps  # noqa: E402
from bridge import named  # noqa: E402
from modules import ENTRIES as LAYERS  # noqa: E402
from modules import Carrying, Sample  # noqa: E402
from optimizers import ENTRIES as OPTIMIZERS  # noqa: E402

__all__ = ["LAYERS", "OPTIMIZERS", "USES", "example_cases", "layer_case", "layer_samples", "optimizer_cases", "outcome"]

CALLS = 20
RTOL, ATOL = 2e-3, 2e-4
"""Twenty steps of float32, in which sums may be taken in another order."""


class Difference(AssertionError):
    """Eager and compiled don't agree."""


# ----------------------------------------------------------------------------------------------------------- three uses


def wanting(args, kwargs):
    return [x for x in ours_in((args, kwargs)) if x.requires_grad]


def ours_in(value):
    """The tensors in a result or in arguments."""
    if isinstance(value, minitorch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [x for v in value.values() for x in ours_in(v)]
    if isinstance(value, (list, tuple)):
        return [x for v in value for x in ours_in(v)]
    return []


def objective(result):
    """A loss of whatever a layer returns: something whose gradient is another at each element."""
    found = [x for x in ours_in(result) if x.requires_grad]
    return sum([(x * minitorch.arange(1, x.numel() + 1, dtype=x.dtype).reshape(x.shape)).sum() / max(x.numel(), 1) for x in found])


def plain_optimizer(layer):
    parameters = list(layer.parameters())
    return minitorch.optim.SGD(parameters, lr=0.001, momentum=0.9) if parameters else None


def fade(args, kwargs):
    """Make other inputs of a layer's inputs, in place: what a program took for a constant would show."""
    with minitorch.no_grad():
        for x in wanting(args, kwargs):
            x.mul_(0.98)


def forget_gradients(layer, args, kwargs):
    for x in (*wanting(args, kwargs), *layer.parameters()):
        x.grad = None


def gradients(layer, args, kwargs):
    return [x.grad for x in (*wanting(args, kwargs), *layer.parameters())]


def inference(layer, args, kwargs, wrap):
    run, found = wrap(layer), []
    with minitorch.no_grad():
        for k in range(CALLS):
            layer.train(k < CALLS // 2)
            found += flat(run(*args, **kwargs))
            fade(args, kwargs)
    return found, run


def outside(layer, args, kwargs, wrap):
    run, optimizer, found = wrap(layer), plain_optimizer(layer), []
    for _ in range(CALLS):
        result = run(*args, **kwargs)
        loss = objective(result)
        forget_gradients(layer, args, kwargs)
        if isinstance(loss, minitorch.Tensor):
            loss.backward()
        found += flat([result, gradients(layer, args, kwargs)])
        if optimizer is not None:
            optimizer.step()
        fade(args, kwargs)
    return found + states_of(optimizer), run


def step(layer, args, kwargs, wrap):
    optimizer = plain_optimizer(layer)

    def whole(args, kwargs):
        forget_gradients(layer, args, kwargs)
        result = layer(*args, **kwargs)
        loss = objective(result)
        if isinstance(loss, minitorch.Tensor):
            loss.backward()
        if optimizer is not None:
            optimizer.step()
        return loss

    run, found = wrap(whole), []
    for _ in range(CALLS):
        found += flat([run(args, kwargs), gradients(layer, args, kwargs)])
        fade(args, kwargs)
    return found + states_of(optimizer), run


USES = {"inference": inference, "outside": outside, "step": step}


def flat(found):
    return [x.detach().to(minitorch.float64).numpy().copy() for x in ours_in(found)]


def states_of(optimizer):
    return [] if optimizer is None else flat([*optimizer.state.values()])


def compared(course, layer):
    """How a compiled course went, in words. ``course(layer, wrap)`` gives arrays that were found, and the function that was run.

    Raises Difference where an eager one finds something else.
    """
    both, runs = [], []
    for wrap in (lambda f: f, minitorch.compile):
        twin = copy.deepcopy(layer)
        minitorch.manual_seed(9)
        found, run = course(twin, wrap)
        both.append([*found, *flat([twin.state_dict(), minitorch.get_rng_state()])])
        runs.append(run)
    if len(both[0]) != len(both[1]):
        raise Difference(f"{len(both[0])} tensors eagerly, {len(both[1])} compiled")
    for k, (a, b) in enumerate(zip(*both)):
        if a.shape != b.shape or not numpy.allclose(b, a, RTOL, ATOL, equal_nan=True):
            raise Difference(f"tensor {k} of {len(both[0])}: {a.ravel()[:4]} expected, got {b.ravel()[:4]}")
    return outcome(runs[1])


def outcome(run):
    """What became of a compiled function: "whole", the rows that NumPy runs, or why it runs eagerly."""
    compiled = getattr(run, "_compiled", run)
    assert isinstance(compiled, Compiled)
    known = [s for s in compiled.signatures.values() if s.calls > 1 or s.eager] or list(compiled.signatures.values())
    for signature in known:
        if signature.eager or not signature.programs:
            return "eager: " + (signature.why.splitlines()[0] if signature.why else "no program")
    foreign: Counter = Counter()
    for program in [p for s in known for p in s.programs]:
        for native in [program.native, *([] if program.backward is None else [program.backward.native])]:
            foreign.update([k.steps[0].row.name for k in native.kernels if type(k).__name__ == "Foreign"])
    return "NumPy: " + ", ".join(sorted(foreign)) if foreign else "whole"


# --------------------------------------------------------------------------------------------------- layers and optimizers


def layer_samples(entry, limit=None):
    """(label, layer, args, kwargs) for the samples of a layer; for ``limit`` of them, from the first to the last."""
    torch.manual_seed(11)
    found = entry.module_inputs_func(entry, device="cpu", dtype=torch.float32, requires_grad=True, training=True)
    for k in range(0, len(found), 1 if limit is None else -(-len(found) // limit)):
        given = found[k]
        sample = Sample(entry, given, torch.float32, True, entry.name)
        args, kwargs = Carrying()((given.constructor_input.args, given.constructor_input.kwargs))
        minitorch.manual_seed(5)
        try:
            layer = sample.prepared(named(entry.name)(*args, **kwargs), minitorch.float32)
            _, (args, kwargs) = sample.arguments()
            with minitorch.no_grad():
                copy.deepcopy(layer)(*args, **kwargs)  # some samples are of what isn't supported
        except Exception:  # the conformance suite holds these to PyTorch's error
            continue
        yield f"sample {k}", layer, args, kwargs


def layer_case(use, layer, args, kwargs):
    """How a layer goes in one of the uses; its arguments are leaves made anew."""

    def course(twin, wrap):
        def again(x):
            if isinstance(x, minitorch.Tensor):
                return x.detach().clone().requires_grad_(x.requires_grad)
            return type(x)(map(again, x)) if type(x) in (tuple, list) else x

        return USES[use](twin, [again(x) for x in args], {name: again(x) for name, x in kwargs.items()}, wrap)

    return compared(course, layer)


def optimizer_cases(entry):
    """(label, a function that says how it goes) for the options of an optimizer."""
    name = entry.optim_cls.__name__
    for k, given in enumerate(entry.optim_inputs_func(device="cpu")):
        options = {key: float(x) if isinstance(x, torch.Tensor) else x for key, x in given.kwargs.items()}
        yield f"options {k} {options}", lambda options=options: optimizer_case(name, options)


def optimizer_case(name, options):
    minitorch.manual_seed(2)
    net = minitorch.nn.Sequential(minitorch.nn.Linear(4, 6), minitorch.nn.Tanh(), minitorch.nn.Linear(6, 3))
    x = minitorch.randn(5, 4)

    def course(net, wrap):
        parameters = list(net.parameters()) if name != "Muon" else [p for p in net.parameters() if p.ndim == 2]
        optimizer = getattr(minitorch.optim, name)(parameters, **options)

        def closure():
            optimizer.zero_grad()
            loss = (net(x) - 1).square().mean()
            loss.backward()
            return loss

        def whole():
            if name == "LBFGS":
                return optimizer.step(closure)
            loss = closure()
            optimizer.step()
            return loss

        run = wrap(whole)
        found = flat([run() for _ in range(CALLS)])
        return found + states_of(optimizer), run

    return compared(course, net)


def example_cases(name):
    """(label, a function that says how it goes) for the ways to compile an example."""
    for label in example_steps.USES:
        yield label, lambda label=label: example_case(name, label)


def example_case(name, use):
    example = example_steps.EXAMPLES[name]()

    def course(model, wrap):
        found, optimizer, run = example_steps.USES[use](example, model, wrap, CALLS)
        return flat(found) + states_of(optimizer), run

    return compared(course, example.model)


# ------------------------------------------------------------------------------------------------------------- the table


def cases(names, limit):
    """(entry's name, case, a function that says how it goes)."""
    for entry in LAYERS:
        if named(entry.name) is not None and (not names or entry.name in names or entry.name.removeprefix("nn.") in names):
            for label, layer, args, kwargs in layer_samples(entry, limit):
                for use in USES:
                    yield entry.name, f"{use}, {label}", lambda *a, use=use, of=(layer, args, kwargs): layer_case(use, *of)
    for entry in OPTIMIZERS:
        name = entry.optim_cls.__name__
        if not names or name in names:
            for label, case in optimizer_cases(entry):
                yield name, label, case
    for name in example_steps.EXAMPLES:
        if not names or name in names:
            for label, case in example_cases(name):
                yield name, label, case


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("names", nargs="*", help="layers, optimizers and examples; all if none is given")
    options.add_argument("--limit", type=int, default=3, help="samples of each layer")
    asked = options.parse_args()
    table: dict = {}
    totals: Counter = Counter()
    for name, case, run in cases(asked.names, asked.limit):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = run()
            except Exception as error:
                found = f"WRONG ({type(error).__name__}): {str(error).splitlines()[0][:160] if str(error) else ''}"
        totals[found.split(":")[0].split(" (")[0]] += 1
        table.setdefault((name, found), []).append(case)
        if len(table[name, found]) == 1:
            print(f"{name:32} {case[:40]:40} {found}", flush=True)
    print(f"\n{sum(totals.values())} cases: " + ", ".join([f"{n} {what}" for what, n in totals.most_common()]))
    return "WRONG" in totals


if __name__ == "__main__":
    sys.exit(main())
