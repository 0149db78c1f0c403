"""One side of bench/gpu.py: ``python bench/gpu_worker.py minitorch cuda real``, commanded by lines of JSON.

The words are the side (minitorch, torch, "minitorch compiled", "torch compiled"), the device, and real or tiny sizes.

{"build": name}    builds a step afresh; answers null
{"losses": n}      the losses of its next n steps; "device" says where, if it is another than the process's
{"seconds": s}     runs it for about s seconds; answers the time of one step
{"memory": n}      n more steps; answers the most bytes that tensors had together, as the library counts
{"kernels": n}     a compiled step's kernels, each run n times: [name, seconds, bytes, operations, kind of number]
{"peaks": n}       bytes that a copy moves in a second, and operations in a second of products of each kind of number

A command that fails is answered by {"error": …}: the others go on.
"""

import contextlib
import importlib
import json
import sys
import time
import traceback
from functools import partial

from gpu_others import OTHERS, build
from models import Sizes, gpt, residual_model
from workloads import classic_cnn

GPT = {"real": Sizes(256, 384, 6, 6, 256), "tiny": Sizes(16, 8, 2, 1, 8)}
BATCH = {
    "real": {"MLP": 128, "MNIST CNN": 512, "residual net": 512, "GPT": 64},
    "tiny": {"MLP": 2, "MNIST CNN": 2, "residual net": 2, "GPT": 2},
}
LARGEST = {"real": 8192, "tiny": 64}
"""Rows of the matrices that are multiplied to see what the machine can do."""


class Steps:
    """``function()`` is one step, which gives the loss: ``step`` of the next ``batch()``."""

    def __init__(self, step, batch=tuple):
        self.step, self.batch = step, batch

    def function(self):
        return self.step(*self.batch())


def training(model, optimizer, loss_of):
    """Training on one batch."""

    def step():
        optimizer.zero_grad()
        loss = loss_of(model)
        loss.backward()
        optimizer.step()
        return loss

    return Steps(step)


def mlp(torch, device, batch, size):
    nn = torch.nn
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)).to(device)
    return classifier(torch, model, torch.optim.Adam, torch.rand(batch, 784).to(device))


def cnn(torch, device, batch, size):
    return classifier(torch, classic_cnn(torch).to(device), torch.optim.Adam, torch.rand(batch, 1, 28, 28).to(device))


def residual(torch, device, batch, size):
    model, momentum = residual_model(torch).to(device), partial(torch.optim.SGD, lr=0.01, momentum=0.9)
    return classifier(torch, model, momentum, torch.randn(batch, 3, 32, 32).to(device))


def classifier(torch, model, optimizer, x):
    y = torch.randint(0, 10, (len(x),)).to(x.device)
    return training(model, optimizer(model.parameters()), lambda model: torch.nn.functional.cross_entropy(model(x), y))


def language(torch, device, batch, size):
    """In bfloat16 by autocast."""
    sizes = GPT[size]
    model = gpt(torch, sizes).to(device)
    x, y = [torch.randint(0, sizes.letters, (batch, sizes.block)).to(device) for _ in range(2)]

    def loss_of(model):
        with torch.autocast(device, dtype=torch.bfloat16):
            return torch.nn.functional.cross_entropy(model(x), y.view(-1))

    return training(model, torch.optim.AdamW(model.parameters(), lr=1e-3), loss_of)


STEPS = {"MLP": mlp, "MNIST CNN": cnn, "residual net": residual, "GPT": language}


class Side:
    """One library on one device."""

    def __init__(self, side, device, size):
        library, *compiled = side.split()
        self.torch, self.device, self.size, self.compiled = importlib.import_module(library), device, size, bool(compiled)
        self.options = {"mode": "reduce-overhead"} if side == "torch compiled" and device == "cuda" else {}
        self.steps = None

    def build(self, name, device=None):
        """A step, the same on each device and in each library: all is drawn on the CPU.

        The first one isn't compiled: what an optimizer makes in it would lie in memory that torch.compile uses again.
        """
        device = device or self.device
        self.torch.manual_seed(0)
        if name in OTHERS:
            self.steps = Steps(*build(name, self.torch, device, self.size == "real"))
        else:
            self.steps = STEPS[name](self.torch, device, BATCH[self.size][name], self.size)
        self.steps.function()
        if self.compiled:
            self.steps.step = self.torch.compile(self.steps.step, **self.options)

    def wait(self):
        if self.device == "cuda":
            self.torch.cuda.synchronize()

    def losses(self, n, device=None, name=None):
        if device is not None:
            self.build(name, device)
        return [self.steps.function().item() for _ in range(n)]

    def seconds(self, wanted):
        """A tenth of the time goes before, to warm up and to count."""
        taken, count = self.took(3), 3
        while taken < wanted / 10:
            count *= 2
            taken = self.took(count)
        steps = max(1, int(count * wanted / taken))
        return self.took(steps) / steps

    def took(self, steps):
        self.wait()
        start = time.perf_counter()
        for _ in range(steps):
            self.steps.function()
        self.wait()
        return time.perf_counter() - start

    def memory(self, steps):
        if self.device != "cuda":
            return None
        self.torch.cuda.reset_peak_memory_stats()
        self.took(steps)
        return self.torch.cuda.max_memory_allocated()

    def natives(self):
        """A compiled step's programs for a GPU."""
        signatures = getattr(self.steps.step, "signatures", {}).values()
        return [x.programs[0].native for x in signatures if x.programs and hasattr(x.programs[0].native, "launch")]

    def kernels(self, repeats):
        """What a program for a GPU launches. They write to the step's own tensors: ask for nothing after it."""
        return [self.kernel(native, kernel, repeats) for native in self.natives() for kernel in native.kernels]

    def kernel(self, native, kernel, repeats):
        costs = importlib.import_module("minitorch.compiler.costs")
        of = getattr(kernel, "kernel", kernel)
        if kernel is of:  # a step that the backend runs
            run, count = partial(native.run_foreign, kernel.steps[0]), 1
        else:
            native.launch([kernel])
            run, count = native.driver.capture(partial(native.launch, [kernel] * repeats)), repeats
        run()
        self.wait()
        start = time.perf_counter()
        for _ in range(repeats):
            run()
        self.wait()
        seconds = (time.perf_counter() - start) / repeats / count
        moved = sum(costs.traffic(of, native.found, native.plan.constants))
        most = max(of.steps, key=costs.flops)
        return " ".join([step.row.name for step in of.steps]), seconds, moved, sum([costs.flops(step) for step in of.steps]), kind_of(most)

    def peaks(self, repeats):
        torch, n = self.torch, LARGEST[self.size]

        def rate(work, run):
            run()
            self.wait()
            start = time.perf_counter()
            for _ in range(repeats):
                run()
            self.wait()
            return work * repeats / (time.perf_counter() - start)

        x = torch.randn(n, n, device=self.device)
        y, half = torch.empty_like(x), x.to(torch.bfloat16)
        found = {"copy": rate(2 * 4 * n * n, lambda: y.copy_(x)), "float32": rate(2 * n**3, lambda: x @ x)}
        found["bfloat16"] = rate(2 * n**3, lambda: half @ half)
        torch.backends.cuda.matmul.allow_tf32 = True
        found["tf32"] = rate(2 * n**3, lambda: x @ x)
        torch.backends.cuda.matmul.allow_tf32 = False
        return found


def kind_of(step):
    """Which of the rates bounds a step: convolutions of float32 are computed in TF32, unless that is switched off."""
    (dtype, *_) = [x.dtype.name for x in step.inputs if hasattr(x, "dtype")] or [step.out.dtype.name]
    if dtype in ("float16", "bfloat16"):
        return "bfloat16"
    return "tf32" if step.row.name.startswith("conv") else "float32"


def main(side, device, size):
    try:
        worker = Side(side, device, size)
    except Exception as error:
        worker, failure = None, str(error)
    for line in sys.stdin:
        (command, value), *more = json.loads(line).items()
        try:
            if worker is None:
                raise RuntimeError(failure)
            with contextlib.redirect_stdout(sys.stderr):
                answer = getattr(worker, command)(value, **dict(more))
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
