"""Trainers that are written in other ways: classes, closures, callbacks, dataclasses, hooks, generators, configurations."""

import copy
import io
from dataclasses import dataclass, field
from functools import partial

from course import STEPS, trainer


@trainer
def a_class_with_callbacks(c):
    torch, nn, model, batches = c.torch, c.nn, c.network(), c.batches()

    class Average:
        def __init__(self, model, rate):
            self.shadow, self.rate = {name: p.detach().clone() for name, p in model.named_parameters()}, rate

        @torch.no_grad()
        def after_step(self, trainer):
            for name, p in trainer.model.named_parameters():
                self.shadow[name].mul_(self.rate).add_(p, alpha=1 - self.rate)

    class Clip:
        def before_step(self, trainer):
            nn.utils.clip_grad_norm_(trainer.model.parameters(), 0.5)

    class Trainer:
        def __init__(self, model, callbacks):
            self.model, self.callbacks, self.loss = model, callbacks, c.nn.CrossEntropyLoss(label_smoothing=0.1)
            self.optimizer = c.optim.AdamW(model.parameters(), lr=1e-2)
            self.train_step = c.compile(self.train_step)

        def tell(self, event):
            for callback in self.callbacks:
                getattr(callback, event, lambda trainer: None)(self)

        def train_step(self, x, y):
            self.optimizer.zero_grad(set_to_none=True)
            loss = self.loss(self.model(x), y)
            loss.backward()
            self.tell("before_step")
            self.optimizer.step()
            self.tell("after_step")
            return loss.detach()

    average = Average(model, 0.9)
    fit = Trainer(model, [Clip(), average])
    for k in range(STEPS):
        c.note(fit.train_step(*batches[k % 5]))
    c.keep(model=model, average=list(average.shadow.values()))


@trainer
def dataclasses_all_over(c):
    torch = c.torch

    @dataclass
    class Batch:
        x: torch.Tensor
        y: torch.Tensor

    @dataclass
    class Settings:
        lr: float = 0.05
        momentum: float = 0.9
        sizes: list = field(default_factory=lambda: [6, 16, 3])
        smoothing: float = 0.05

    @dataclass
    class Report:
        loss: torch.Tensor
        right: torch.Tensor

    settings = Settings()
    pairs = zip(settings.sizes, settings.sizes[1:])
    model = c.nn.Sequential(*[layer for a, b in pairs for layer in (c.nn.Linear(a, b), c.nn.GELU())][:-1])
    optimizer = c.optim.SGD(model.parameters(), lr=settings.lr, momentum=settings.momentum, nesterov=True)
    batches = [Batch(x, y) for x, y in c.batches()]

    @c.compile
    def step(batch):
        out = model(batch.x)
        loss = c.F.cross_entropy(out, batch.y, label_smoothing=settings.smoothing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return Report(loss.detach(), (out.argmax(-1) == batch.y).float().mean())

    for k in range(STEPS):
        if k == 12:
            settings.smoothing = 0.2
        report = step(batches[k % 5])
        c.note(report.loss, report.right)
    c.keep(model=model)


@trainer
def closures_with_counters(c):
    """The step counts for itself, outside of what is compiled, and remembers the best."""
    batches = c.batches()

    def made():
        model, count, best = c.network(), 0, float("inf")
        optimizer = c.optim.RMSprop(model.parameters(), lr=0.01, momentum=0.5)

        def computed(x, y):
            optimizer.zero_grad()
            loss = c.F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        run = c.compile(computed)

        def step(x, y):
            nonlocal count, best
            count += 1
            loss = run(x, y).item()
            best = min(best, loss)
            return loss if count % 2 else best

        return step, model

    step, model = made()
    for k in range(STEPS):
        c.note(step(*batches[k % 5]))
    c.keep(model=model)


@trainer
def stopped_early(c):
    """The best weights are kept, and loaded again when it hasn't become better for a while."""
    torch, model, batches = c.torch, c.network(), c.batches(6)
    optimizer, best, bad, kept = c.optim.SGD(model.parameters(), lr=1.5), float("inf"), 0, None
    *train, held_out = batches

    @c.compile
    def step(x, y):
        optimizer.zero_grad()
        loss = c.F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    @c.compile
    @torch.no_grad()
    def evaluated(x, y):
        return c.F.cross_entropy(model(x), y)

    for k in range(STEPS):
        model.train()
        c.note(step(*train[k % 5]))
        model.eval()
        now = evaluated(*held_out).item()
        c.note(now)
        if now < best - 1e-3:
            best, bad, kept = now, 0, copy.deepcopy(model.state_dict())
        else:
            bad += 1
        if bad == 3:
            model.load_state_dict(kept)
            for group in optimizer.param_groups:
                group["lr"] *= 0.5
            bad = 0
    c.keep(model=model)


@trainer
def resumed_from_a_file(c):
    torch, batches = c.torch, c.batches()

    def fresh():
        model = c.nn.Sequential(c.nn.Linear(6, 16, bias=False), c.nn.BatchNorm1d(16), c.nn.Tanh(), c.nn.Dropout(0.2), c.nn.Linear(16, 3))
        optimizer = c.optim.Adam(model.parameters(), lr=0.01, amsgrad=True)
        scheduler = c.optim.lr_scheduler.StepLR(optimizer, 4, 0.5)

        @c.compile
        def step(x, y):
            optimizer.zero_grad()
            loss = c.F.cross_entropy(model(x), y)
            loss.backward()
            optimizer.step()
            return loss

        return model, optimizer, scheduler, step

    model, optimizer, scheduler, step = fresh()
    for k in range(STEPS // 2):
        c.note(step(*batches[k % 5]))
        scheduler.step()
    file = io.BytesIO()
    parts = {"model": model, "optimizer": optimizer, "scheduler": scheduler}
    torch.save({"rng": torch.get_rng_state(), **{name: x.state_dict() for name, x in parts.items()}}, file)
    file.seek(0)
    stored = torch.load(file, weights_only=True)
    model, optimizer, scheduler, step = fresh()
    for name, x in {"model": model, "optimizer": optimizer, "scheduler": scheduler}.items():
        x.load_state_dict(stored[name])
    torch.set_rng_state(stored["rng"])
    for k in range(STEPS // 2, STEPS):
        c.note(step(*batches[k % 5]), scheduler.get_last_lr()[0])
        scheduler.step()
    c.keep(model=model)


@trainer
def hooks_that_measure(c):
    """Forward hooks collect what layers give, and the loss punishes it; one is taken away half way."""
    model, batches, seen = c.network(), c.batches(), {}
    optimizer = c.optim.Adam(model.parameters(), lr=0.01)
    handles = [layer.register_forward_hook(partial(lambda name, layer, given, out: seen.update({name: out}), k)) for k, layer in enumerate(model)]

    @c.compile
    def step(x, y):
        loss = c.F.cross_entropy(model(x), y) + 0.01 * sum(out.square().mean() for out in seen.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seen.clear()
        return loss

    for k in range(STEPS):
        if k == STEPS // 2:
            handles.pop().remove()
        c.note(step(*batches[k % 5]))
    c.keep(model=model)


@trainer
def hooks_on_gradients(c):
    """Parameters' own hooks, which halve what arrives."""
    model, batches = c.network(), c.batches()
    optimizer = c.optim.SGD(model.parameters(), lr=0.1)
    model[0].weight.register_hook(lambda g: g * 0.5)

    @c.compile
    def loss_of(x, y):
        return c.F.cross_entropy(model(x), y)

    for k in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(*batches[k % 5])
        loss.backward()
        optimizer.step()
        c.note(loss)
    c.keep(model=model)


@trainer
def a_generator_of_batches(c):
    torch = c.torch
    x, y = torch.randn(50, 6), torch.randint(0, 3, (50,))
    model = c.network()
    optimizer = c.optim.NAdam(model.parameters(), lr=0.01)

    def shuffled(size):
        while True:
            order = torch.randperm(len(x))
            for places in order.split(size):
                yield x[places], y[places]

    @c.compile
    def step(x, y):
        loss = c.F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    source = shuffled(16)
    for _ in range(STEPS):
        c.note(step(*next(source)))
    c.keep(model=model)


@trainer
def a_loader_with_its_own_generator(c):
    torch, data = c.torch, c.torch.utils.data

    class Waves(data.Dataset):
        def __len__(self):
            return 37

        def __getitem__(self, k):
            return {"x": torch.linspace(0, 1, 6) * k, "y": torch.tensor(k % 3), "weight": 1.0 + k % 2}

    loader = data.DataLoader(Waves(), batch_size=10, shuffle=True, generator=torch.Generator().manual_seed(3))
    model = c.network()
    optimizer = c.optim.Adagrad(model.parameters(), lr=0.05)

    @c.compile
    def step(batch):
        each = c.F.cross_entropy(model(batch["x"] / 37), batch["y"], reduction="none")
        loss = (each * batch["weight"].float()).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    for _ in range(STEPS // 4):
        for batch in loader:
            c.note(step(batch))
    c.keep(model=model)


@trainer
def a_step_that_is_a_module(c):
    """Loss, model and metric in one module, as some frameworks want it."""
    torch, nn = c.torch, c.nn

    class Learner(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.ModuleDict({"first": nn.Linear(6, 16), "second": nn.Linear(16, 16), "head": nn.Linear(16, 3)})
            self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
            self.register_buffer("confusion", torch.zeros(3, 3))

        def forward(self, x, y):
            h = x
            for name, layer in self.body.items():
                h = layer(h) if name == "head" else c.F.silu(layer(h))
            if self.training:
                self.seen += len(x)
                with torch.no_grad():
                    self.confusion.index_put_((y, h.argmax(1)), torch.ones(len(y)), accumulate=True)
            return c.F.cross_entropy(h, y)

    learner, batches = Learner(), c.batches()
    optimizer, run = c.optim.Adamax(learner.parameters(), lr=0.01), c.compile(learner)
    for k in range(STEPS):
        learner.train(k % 4 != 3)
        if learner.training:
            optimizer.zero_grad()
            loss = run(*batches[k % 5])
            loss.backward()
            optimizer.step()
        else:
            with torch.inference_mode():
                loss = run(*batches[k % 5])
        c.note(loss)
    c.keep(learner=learner)


@trainer
def the_rate_is_an_argument(c):
    """No optimizer: weights are moved by hand, at a rate that is another number at each call."""
    torch, model, batches = c.torch, c.network(), c.batches()
    speeds = [torch.zeros_like(p) for p in model.parameters()]

    @c.compile
    def step(x, y, lr, decay=0.0):
        loss = c.F.cross_entropy(model(x), y)
        slopes = torch.autograd.grad(loss, list(model.parameters()))
        with torch.no_grad():
            for p, v, g in zip(model.parameters(), speeds, slopes):
                v.mul_(0.9).add_(g + decay * p)
                p.sub_(lr * v)
        return loss

    for k in range(STEPS):
        c.note(step(*batches[k % 5], 0.1 / (1 + k), decay=1e-3 * k))
    c.keep(model=model, speeds=speeds)


@trainer
def adam_written_out(c):
    """With a Python step count, as many write it."""
    torch, model, batches = c.torch, c.network(), c.batches()
    first, second = ([torch.zeros_like(p) for p in model.parameters()] for _ in range(2))

    @c.compile
    def step(x, y, t, b1=0.9, b2=0.999, lr=1e-2):
        loss = c.F.cross_entropy(model(x), y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for p, m, v in zip(model.parameters(), first, second):
                m.mul_(b1).add_(p.grad, alpha=1 - b1)
                v.mul_(b2).addcmul_(p.grad, p.grad, value=1 - b2)
                p.addcdiv_(m / (1 - b1**t), (v / (1 - b2**t)).sqrt() + 1e-8, value=-lr)
        return loss.detach()

    for k in range(STEPS):
        c.note(step(*batches[k % 5], k + 1))
    c.keep(model=model, first=first, second=second)
