"""Every optimizer under every schedule, eager and compiled, for 30 steps: losses, weights and states agree, by one program.

    python test/compiling/schedules.py                      # all of them, with the scheduler outside of the step and inside
    python test/compiling/schedules.py Adam OneCycleLR      # those that are named so
"""

import sys
import warnings
from pathlib import Path

import minitorch as torch
from minitorch import nn, optim
from minitorch.optim import lr_scheduler as schedulers

sys.path.append(str(Path(__file__).parent))
from everything import outcome  # noqa: E402

__all__ = ["OPTIMIZERS", "SCHEDULES", "compared"]

STEPS = 30


def cycles(optimizer):
    return "momentum" in optimizer.defaults or "betas" in optimizer.defaults


SCHEDULES = {
    "StepLR": lambda o: schedulers.StepLR(o, 5, 0.5),
    "MultiStepLR": lambda o: schedulers.MultiStepLR(o, [4, 9], 0.3),
    "ConstantLR": lambda o: schedulers.ConstantLR(o, 0.5, 6),
    "LinearLR": lambda o: schedulers.LinearLR(o, 0.3, 1.0, 8),
    "ExponentialLR": lambda o: schedulers.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: schedulers.PolynomialLR(o, 20, 2.0),
    "CosineAnnealingLR": lambda o: schedulers.CosineAnnealingLR(o, 10),
    "CosineAnnealingWarmRestarts": lambda o: schedulers.CosineAnnealingWarmRestarts(o, 5, 2),
    "LambdaLR": lambda o: schedulers.LambdaLR(o, lambda k: 1 / (1 + k)),
    "MultiplicativeLR": lambda o: schedulers.MultiplicativeLR(o, lambda k: 0.95),
    "CyclicLR": lambda o: schedulers.CyclicLR(o, 0.001, 0.05, step_size_up=4, cycle_momentum=cycles(o)),
    "OneCycleLR": lambda o: schedulers.OneCycleLR(o, 0.05, STEPS, cycle_momentum=cycles(o)),
    "SequentialLR": lambda o: schedulers.SequentialLR(o, [schedulers.LinearLR(o, 0.1, 1.0, 4), schedulers.CosineAnnealingLR(o, 10)], [4]),
    "ChainedScheduler": lambda o: schedulers.ChainedScheduler([schedulers.LinearLR(o, 0.5, 1.0, 4), schedulers.ExponentialLR(o, 0.95)]),
    "ReduceLROnPlateau": lambda o: schedulers.ReduceLROnPlateau(o, factor=0.5, patience=1),
}  # fmt: skip

OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.05),
    "SGD, momentum": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, weight_decay=1e-2),
    "SGD, nesterov": lambda p: optim.SGD(p, lr=0.05, momentum=0.9, nesterov=True),
    "SGD, lr a tensor": lambda p: optim.SGD(p, lr=torch.tensor(0.05), momentum=0.9),
    "Adam": lambda p: optim.Adam(p, lr=0.01, weight_decay=1e-2),
    "Adam, amsgrad": lambda p: optim.Adam(p, lr=0.01, amsgrad=True),
    "Adam, lr a tensor": lambda p: optim.Adam(p, lr=torch.tensor(0.05)),
    "AdamW": lambda p: optim.AdamW(p, lr=0.01),
    "Adagrad": lambda p: optim.Adagrad(p, lr=0.05, lr_decay=0.01),
    "Adadelta": lambda p: optim.Adadelta(p, lr=1.0),
    "Adafactor": lambda p: optim.Adafactor(p, lr=0.05),
    "Adamax": lambda p: optim.Adamax(p, lr=0.01),
    "ASGD": lambda p: optim.ASGD(p, lr=0.05, t0=6),
    "Muon": lambda p: optim.Muon([x for x in p if x.ndim == 2], lr=0.05),
    "NAdam": lambda p: optim.NAdam(p, lr=0.01),
    "RAdam": lambda p: optim.RAdam(p, lr=0.01),
    "RMSprop": lambda p: optim.RMSprop(p, lr=0.01),
    "RMSprop, momentum": lambda p: optim.RMSprop(p, lr=0.01, momentum=0.9, centered=True),
    "Rprop": lambda p: optim.Rprop(p, lr=0.01),
}  # fmt: skip


def course(name, schedule, inside, wrap):
    """(losses, rates, weights and states) of a training run, and the function that was called."""
    torch.manual_seed(1)
    net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))
    optimizer = OPTIMIZERS[name](list(net.parameters()))
    scheduler = SCHEDULES[schedule](optimizer)
    data = [(torch.randn(8, 4), torch.randn(8, 3)) for _ in range(4)]

    def step(x, y):
        optimizer.zero_grad()
        loss = (net(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        if inside:
            scheduler.step()
        return loss

    run, losses, rates = wrap(step), [], []
    for k in range(STEPS):
        losses.append(run(*data[k % 4]).item())
        if not inside:
            scheduler.step(*[losses[-1]] if schedule == "ReduceLROnPlateau" else [])
        rates.append(float(optimizer.param_groups[0]["lr"]))
    states = [x for state in optimizer.state.values() for x in state.values() if isinstance(x, torch.Tensor)]
    return losses, rates, [x.detach() for x in [*net.parameters(), *states]], run


def compared(name, schedule, inside):
    """How the compiled run went ("whole" is well), and by how many programs. Raises AssertionError where an eager one differs."""
    losses, rates, tensors, _ = course(name, schedule, inside, lambda f: f)
    *found, run = course(name, schedule, inside, torch.compile)
    torch.testing.assert_close(torch.tensor(found[0]), torch.tensor(losses), rtol=1e-4, atol=1e-5)
    assert found[1] == rates
    for a, b in zip(found[2], tensors, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-4)
    return outcome(run), sum([len(signature.programs) for signature in run.signatures.values()])


def main(words):
    wrong = 0
    for name in OPTIMIZERS:
        for schedule in SCHEDULES:
            if words and name not in words and schedule not in words:
                continue
            for inside in (False, True)[: 1 if schedule == "ReduceLROnPlateau" else 2]:
                try:
                    found = compared(name, schedule, inside)
                except AssertionError as error:
                    found = f"DIFFERS: {error}"
                wrong += found != ("whole", 1)
                if found != ("whole", 1) or not inside:
                    print(f"{name:20} {schedule:28} {'inside' if inside else '':8} {found}", flush=True)
    print(f"{wrong} are not whole, one program, and as eager mode has it")
    return bool(wrong)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    sys.exit(main(sys.argv[1:]))
