"""The programs of examples/ as what one compiles: their models, losses, optimizers, schedules and batches.

    example = EXAMPLES["gpt"]()
    losses, optimizer, run = USES["step"](example, example.model, torch.compile, 20)
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib.util import module_from_spec, spec_from_file_location
from itertools import islice
from pathlib import Path

import minitorch as torch
from minitorch import nn
from minitorch.nn import functional as F
from minitorch.optim import lr_scheduler as schedulers
from minitorch.utils.data import DataLoader, TensorDataset

__all__ = ["EXAMPLES", "USES"]

FOLDER = Path(__file__).parents[2] / "examples"
sys.path.append(str(FOLDER))  # mnist.py imports its neighbour idx.py


@dataclass
class Example:
    """What an example trains, and how.

    loss: of the model and a batch; optimizer: of the model; schedule: of the optimizer; batches: gives them without end.
    """

    model: nn.Module
    loss: Callable
    optimizer: Callable
    schedule: Callable
    batches: Callable
    clips: bool = False


# -------------------------------------------------------------------------------------------------------- the examples


def loaded(name):
    """An example's file as a module."""
    spec = spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def forever(dataset, batch_size):
    loader = DataLoader(dataset, batch_size, shuffle=True)
    while True:
        yield from loader


def by(kind, **options):
    """An optimizer of a model."""
    return lambda model: kind(model.parameters(), **options)


def one_cycle(rate):
    return partial(schedulers.OneCycleLR, max_lr=rate, total_steps=100)


def cosine(optimizer):
    return schedulers.CosineAnnealingLR(optimizer, T_max=100)


def digits():
    example = loaded("digits")

    def loss(model, images, labels):
        return F.cross_entropy(model(images), labels)

    training, _ = example.load_data(0)
    optimizer = by(torch.optim.AdamW, lr=0.01, weight_decay=0.05)
    return Example(example.DigitNet(), loss, optimizer, one_cycle(0.01), lambda: forever(training, 64))


def mnist(model):
    """The images are made up."""
    example = loaded("mnist")
    images = TensorDataset(torch.randint(0, 256, (128, 1, 28, 28), dtype=torch.uint8), torch.randint(0, 10, (128,)))

    def loss(model, images, labels):
        return F.nll_loss(model(example.normalize(images)), labels)

    def batches():
        return ((example.shift(x), y) for x, y in forever(images, 16))

    return Example(example.MODELS[model](), loss, by(torch.optim.Adam, lr=0.002), one_cycle(0.002), batches)


def names(model):
    example = loaded("names")
    known = example.read_names(FOLDER / "first_names.txt")
    letters = sorted(set("".join(known)))
    training, _ = example.split(example.encode(known, letters), 0)
    made = example.MODELS[model](tokens=len(letters) + 1)
    return Example(made, example.loss_of, by(torch.optim.AdamW, lr=0.005), cosine, lambda: forever(training, 32), clips=True)


def gpt():
    example = loaded("gpt")
    text = example.own_source(20_000)
    characters = sorted(set(text))
    tokens = torch.tensor([characters.index(c) for c in text])

    def batches():
        while True:
            yield example.batch(tokens, 8, 32)

    def schedule(optimizer):
        return schedulers.LambdaLR(optimizer, lambda step: min(1.0, (step + 1) / 5))

    model = example.GPT(len(characters), 32, layers=2, heads=4, width=32)
    return Example(model, example.loss_of, partial(example.make_optimizer, lr=0.003), schedule, batches, clips=True)


def resume():
    """In float64: biases before a normalisation have gradients of rounding alone, of which Adam makes whole steps in float32."""
    example = loaded("resume")

    def loss(model, points, side):
        return F.cross_entropy(model(points.double()), side)

    spirals = example.spirals(100)
    return Example(example.network().double(), loss, by(torch.optim.Adam, lr=0.01), cosine, lambda: forever(spirals, 32))


EXAMPLES = {
    "digits": digits, "mnist cnn": partial(mnist, "cnn"), "mnist mlp": partial(mnist, "mlp"), "names mlp": partial(names, "mlp"),
    "names rnn": partial(names, "rnn"), "gpt": gpt, "resume": resume,
}  # fmt: skip


# ---------------------------------------------------------------------------------------------------- two ways to compile


def outside(example, model, wrap, steps):
    """The model is compiled, and called in an ordinary loop: (losses, the optimizer, what was compiled)."""
    compiled = wrap(model)
    step, optimizer = step_of(example, model, compiled)
    return [step(*batch) for batch in islice(example.batches(), steps)], optimizer, compiled


def whole(example, model, wrap, steps):
    """The whole step is compiled, its scheduler too."""
    step, optimizer = step_of(example, model, model)
    compiled = wrap(step)
    return [compiled(*batch) for batch in islice(example.batches(), steps)], optimizer, compiled


def step_of(example, model, called):
    """(a step of training, its optimizer); in it the model is asked as ``called``."""
    optimizer = example.optimizer(model)
    scheduler = example.schedule(optimizer)

    def step(*batch):
        loss = example.loss(called, *batch)
        optimizer.zero_grad()
        loss.backward()
        if example.clips:
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        return loss

    return step, optimizer


USES = {"outside": outside, "step": whole}
