"""Training programs in other people's styles, each run eagerly and compiled.

    python test/compiling/strangers.py                  # how each goes: by how many programs, and what NumPy runs
    python test/compiling/strangers.py gan dqn

A program is a function of ``compile``, which is ``torch.compile`` or leaves functions as they are; it returns numbers, and the
compiled function to be looked at.
"""

import copy
import sys
import warnings
from pathlib import Path

import minitorch as torch
from minitorch import nn, optim
from minitorch.nn import functional as F
from minitorch.utils.checkpoint import checkpoint
from minitorch.utils.data import DataLoader, TensorDataset

sys.path.append(str(Path(__file__).parent))
from everything import outcome  # noqa: E402

__all__ = ["PROGRAMS", "compared"]

PROGRAMS = {}


def program(function):
    PROGRAMS[function.__name__] = function
    return function


def network(outputs=3):
    return nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, outputs))


def data(count=4):
    return [(torch.randn(8, 4), torch.randn(8, 3)) for _ in range(count)]


# ------------------------------------------------------------------------------------------- scaling, clipping, averaging


@program
def grad_scaler(compile):
    model = network()
    optimizer, scaler = optim.SGD(model.parameters(), lr=0.1), torch.amp.GradScaler("cpu", init_scale=1024.0, growth_interval=4)
    batches = data()

    @compile
    def step(x, y):
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = F.mse_loss(model(x), y)
        scaler.scale(loss).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss

    return [step(*batches[k % 4]).item() for k in range(20)] + [scaler.get_scale()], step


@program
def grad_scaler_that_overflows(compile):
    model = network()
    optimizer, scaler = optim.Adam(model.parameters(), lr=0.01), torch.amp.GradScaler("cpu", init_scale=2.0**15, growth_interval=3)
    batches = data()

    @compile
    def step(x, y, size):
        loss = F.mse_loss(model(x) * size, y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        norm = nn.utils.clip_grad_norm_(model.parameters(), 0.5)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        return loss.detach(), norm

    found = []
    for k in range(20):
        loss, norm = step(*batches[k % 4], torch.tensor(1e30 if k in (0, 5, 9, 10) else 1.0))
        found += [float(loss.isinf()), float(norm.isfinite()), 0.0 if loss.isinf() else loss.item(), scaler.get_scale()]
    return found + [p.sum().item() for p in model.parameters()], step


@program
def clipped_by_value(compile):
    model = network()
    optimizer, batches = optim.SGD(model.parameters(), lr=0.1), data()

    @compile
    def step(x, y):
        for p in model.parameters():
            p.grad = None
        loss = F.mse_loss(model(x), y)
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), 0.01)
        optimizer.step()
        return loss

    return [step(*batches[k % 4]).item() for k in range(20)], step


@program
def average_by_hand(compile):
    model = network()
    average, optimizer, batches = copy.deepcopy(model).requires_grad_(False), optim.Adam(model.parameters(), lr=0.01), data()

    @compile
    def step(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for old, new in zip(average.parameters(), model.parameters()):
                old.mul_(0.9).add_(new, alpha=0.1)
        return loss

    return [step(*batches[k % 4]).item() for k in range(20)] + [average(batches[0][0]).sum().item()], step


def averaged(compile, **options):
    model = network()
    average, optimizer, batches = optim.swa_utils.AveragedModel(model, **options), optim.SGD(model.parameters(), lr=0.1), data()

    @compile
    def step(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        average.update_parameters(model)
        return loss

    found = [step(*batches[k % 4]).item() for k in range(20)]
    return [*found, average(batches[0][0]).sum().item(), average.n_averaged.item()], step


@program
def stochastic_weight_averaging(compile):
    return averaged(compile)


@program
def exponential_average(compile):
    return averaged(compile, multi_avg_fn=optim.swa_utils.get_ema_multi_avg_fn(0.9), use_buffers=True)


@program
def accumulated_by_a_flag(compile):
    model = network()
    optimizer, batches = optim.Adam(model.parameters(), lr=0.01), data()

    @compile
    def step(x, y, last):
        loss = F.mse_loss(model(x), y) / 4
        loss.backward()
        if last:
            optimizer.step()
            optimizer.zero_grad()
        return loss

    return [step(*batches[k % 4], k % 4 == 3).item() for k in range(24)], step


@program
def accumulated_in_pieces(compile):
    model = network()
    optimizer, (x, y) = optim.AdamW(model.parameters(), lr=0.01), (torch.randn(16, 4), torch.randn(16, 3))

    @compile
    def step(x, y):
        optimizer.zero_grad()
        total = 0.0
        for some, wanted in zip(x.chunk(4), y.chunk(4)):
            loss = F.mse_loss(model(some), wanted) / 4
            loss.backward()
            total += loss.item()
        optimizer.step()
        return total

    return [step(x, y) for _ in range(20)], step


@program
def recomputed(compile):
    model = nn.ModuleList([nn.Sequential(nn.Linear(4, 4), nn.Dropout(0.2), nn.Tanh()) for _ in range(3)])
    optimizer, batches = optim.SGD(model.parameters(), lr=0.1), data()

    @compile
    def step(x):
        h = x
        for layer in model:
            h = checkpoint(layer, h, use_reentrant=False)
        loss = F.mse_loss(h, x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return [step(batches[k % 4][0]).item() for k in range(12)], step


# --------------------------------------------------------------------------------------------------- several of everything


@program
def several_losses(compile):
    body, head, tail = nn.Linear(4, 16), nn.Linear(16, 3), nn.Linear(16, 4)
    groups = [{"params": body.parameters(), "lr": 1e-2}, {"params": [*head.parameters(), *tail.parameters()], "weight_decay": 0.0}]
    optimizer, x, y = optim.AdamW(groups, lr=3e-3), torch.randn(8, 4), torch.randint(0, 3, (8,))

    @compile
    def step(x, y):
        h = body(x).relu()
        classes, again = F.cross_entropy(head(h), y, label_smoothing=0.1), F.mse_loss(tail(h), x)
        loss = classes + 0.5 * again
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return {"loss": loss.detach(), "classes": classes.item(), "again": again.item()}

    found = [step(x, y) for _ in range(10)]
    return [float(v) for d in found for v in d.values()], step


@program
def gan(compile):
    maker = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 4))
    judge = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Dropout(0.2), nn.Linear(16, 1))
    of_maker, of_judge = (optim.Adam(net.parameters(), lr=2e-3, betas=(0.5, 0.999)) for net in (maker, judge))
    loss_of = F.binary_cross_entropy_with_logits

    @compile
    def step(real):
        ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
        made = maker(torch.randn(len(real), 2))
        of_judge.zero_grad()
        judged = loss_of(judge(real), ones) + loss_of(judge(made.detach()), zeros)
        judged.backward()
        of_judge.step()
        of_maker.zero_grad()
        fooled = loss_of(judge(made), ones)
        fooled.backward()
        of_maker.step()
        return judged.detach(), fooled.detach()

    real = torch.randn(8, 4)
    return [x.item() for _ in range(10) for x in step(real)], step


@program
def gan_by_two_functions(compile):
    maker = nn.Sequential(nn.Linear(2, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 4))
    judge = nn.Sequential(nn.Linear(4, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1), nn.Sigmoid())
    of_maker, of_judge = optim.Adam(maker.parameters(), lr=2e-3), optim.Adam(judge.parameters(), lr=2e-3)
    ones, zeros = torch.ones(8, 1), torch.zeros(8, 1)

    def judging(real, noise):
        of_judge.zero_grad()
        loss = F.binary_cross_entropy(judge(real), ones) + F.binary_cross_entropy(judge(maker(noise).detach()), zeros)
        loss.backward()
        of_judge.step()
        return loss

    def making(noise):
        of_maker.zero_grad()
        loss = F.binary_cross_entropy(judge(maker(noise)), ones)
        loss.backward()
        of_maker.step()
        return loss

    judging, making, found = compile(judging), compile(making), []
    for _ in range(10):
        noise = torch.randn(8, 2)
        found += [judging(noise.repeat(1, 2), noise).item(), making(noise).item()]
    return found, making


@program
def learning_from_a_target(compile):
    model = network(2)
    target, optimizer = copy.deepcopy(model), optim.Adam(model.parameters(), lr=0.01)
    now, then, action, reward = torch.randn(8, 4), torch.randn(8, 4), torch.randint(0, 2, (8,)), torch.randn(8)
    done = torch.rand(8) < 0.3

    @compile
    def step(now, action, reward, then, done):
        value = model(now).gather(1, action[:, None]).squeeze(1)
        with torch.no_grad():
            wanted = reward + 0.9 * target(then).max(1).values * (~done)
        loss = F.smooth_l1_loss(value, wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        with torch.no_grad():
            for old, new in zip(target.parameters(), model.parameters()):
                old.lerp_(new, 0.05)
        return loss

    return [step(now, action, reward, then, done).item() for _ in range(10)], step


@program
def contrasts(compile):
    model = network(8)
    optimizer, x = optim.AdamW(model.parameters(), lr=0.01), torch.randn(8, 4)

    @compile
    def step(x):
        one, other = (F.normalize(model(x + 0.1 * torch.randn_like(x)), dim=1) for _ in range(2))
        alike, own = one @ other.t() / 0.1, torch.arange(len(x))
        loss = (F.cross_entropy(alike, own) + F.cross_entropy(alike.t(), own)) / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return [step(x).item() for _ in range(10)], step


@program
def slope_penalty(compile):
    model = network(1)
    optimizer, x = optim.Adam(model.parameters(), lr=0.01), torch.randn(8, 4)

    @compile
    def step(x):
        x = x.detach().requires_grad_(True)
        out = model(x)
        (slope,) = torch.autograd.grad(out.sum(), x, create_graph=True)
        loss = out.mean() + 10 * (slope.norm(dim=1) - 1).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return [step(x).item() for _ in range(10)], step


# ------------------------------------------------------------------------------------------------------ things that change


@program
def frozen_half_way(compile):
    model = network()
    optimizer, ((x, y),) = optim.Adam(model.parameters(), lr=0.01), data(1)

    @compile
    def step(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    found = []
    for k in range(16):
        if k in (6, 11):
            model[0].requires_grad_(k == 11)
        found.append(step(x, y).item())
    return found, step


@program
def groups_added_and_changed(compile):
    model = network()
    optimizer, ((x, y),) = optim.SGD(model[2].parameters(), lr=0.1, momentum=0.9), data(1)

    @compile
    def step(x, y):
        model.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    found = []
    for k in range(16):
        if k == 6:
            optimizer.add_param_group({"params": model[0].parameters(), "lr": 0.01})
        if k == 11:
            optimizer.param_groups[0]["lr"], optimizer.param_groups[1]["momentum"] = 0.02, 0.5
        found.append(step(x, y).item())
    return found, step


@program
def a_smaller_last_batch(compile):
    model = network()
    optimizer = optim.Adam(model.parameters(), lr=0.01)
    batches = DataLoader(TensorDataset(torch.randn(22, 4), torch.randn(22, 3)), batch_size=8, shuffle=True)

    @compile
    def step(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return [step(x, y).item() for _ in range(6) for x, y in batches], step


@program
def evaluated_between(compile):
    model = nn.Sequential(nn.Linear(4, 16, bias=False), nn.BatchNorm1d(16), nn.Dropout(0.3), nn.ReLU(), nn.Linear(16, 3))
    run, optimizer, ((x, y),) = compile(model), optim.Adam(model.parameters(), lr=0.01), data(1)
    found = []
    for k in range(12):
        run.train()
        loss = F.mse_loss(run(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
        if k % 3 == 2:
            run.eval()
            with torch.no_grad():
                found.append(F.mse_loss(run(x), y).item())
    return found, run


@program
def stored_and_loaded(compile):
    model = network()
    optimizer, ((x, y),) = optim.Adam(model.parameters(), lr=0.01), data(1)

    @compile
    def step(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    found = []
    for k in range(16):
        if k == 5:
            stored = copy.deepcopy((model.state_dict(), optimizer.state_dict()))
        if k == 10:
            model.load_state_dict(stored[0])
            optimizer.load_state_dict(stored[1])
        found.append(step(x, y).item())
    return found, step


@program
def layers_left_out(compile):
    layers, x = nn.ModuleList([nn.Linear(4, 4) for _ in range(3)]), torch.randn(8, 4)
    optimizer = optim.SGD(layers.parameters(), lr=0.1)

    @compile
    def step(x, kept):
        h = x
        for layer, is_kept in zip(layers, kept):
            h = h + layer(h).relu() if is_kept else h
        loss = h.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    ways = [(True, True, False), (True, False, True), (True, True, True)]
    return [step(x, ways[k % 3]).item() for k in range(15)], step


# ---------------------------------------------------------------------------------------------------------- ways to compile


@program
def a_copy_of_a_compiled_model(compile):
    run, x = compile(network()), torch.randn(8, 4)
    found = [run(x).sum().item() for _ in range(4)]
    twin = copy.deepcopy(run)
    with torch.no_grad():
        for p in twin.parameters():
            p.mul_(2)
    return [*found, *[twin(x).sum().item() for _ in range(4)], run(x).sum().item()], twin


@program
def compiled_parts(compile):
    class Model(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = compile(nn.Linear(4, 16))
            self.rest = nn.Sequential(compile(nn.Linear(16, 16)), nn.ReLU(), nn.Linear(16, 3))

        def forward(self, x):
            return self.rest(self.first(x).tanh())

    model, ((x, y),) = Model(), data(1)
    optimizer, found = optim.SGD(model.parameters(), lr=0.1), []
    for _ in range(10):
        loss = F.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found, model.first


@program
def a_trainer(compile):
    class Trainer:
        def __init__(self):
            self.model, self.steps, self.best = network(), 0, 1e9
            self.optimizer = optim.AdamW(self.model.parameters(), lr=0.01)
            self.scheduler = optim.lr_scheduler.CosineAnnealingLR(self.optimizer, 20)
            self.step = compile(self._step)

        def _step(self, batch):
            loss = F.mse_loss(self.model(batch["x"]), batch["y"])
            self.optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            self.optimizer.step()
            self.scheduler.step()
            return {"loss": loss.item()}

        def fit(self, batch):
            self.steps += 1
            loss = self.step(batch)["loss"]
            self.best = min(self.best, loss)
            return loss

    trainer, ((x, y),) = Trainer(), data(1)
    return [trainer.fit({"x": x, "y": y}) for _ in range(16)] + [trainer.best, trainer.steps], trainer.step


@program
def a_decorated_method(compile):
    class Trainer:
        def __init__(self):
            self.model, self.seen = network(), []
            self.optimizer = optim.AdamW(self.model.parameters(), lr=0.01)

        @compile
        def loss(self, x, y):
            return F.mse_loss(self.model(x), y)

        def fit(self, x, y):
            loss = self.loss(x, y)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            self.seen.append(loss.item())

    trainer, ((x, y),) = Trainer(), data(1)
    for _ in range(12):
        trainer.fit(x, y)
    return trainer.seen, Trainer.loss


@program
def weights_as_arguments(compile):
    model, ((x, y),) = network(), data(1)
    weights = {name: p.detach().clone().requires_grad_() for name, p in model.named_parameters()}

    @compile
    def step(weights, x, y):
        loss = F.mse_loss(torch.func.functional_call(model, weights, (x,)), y)
        slopes = torch.autograd.grad(loss, list(weights.values()))
        moved = {name: (p - 0.1 * g).detach().requires_grad_() for (name, p), g in zip(weights.items(), slopes)}
        return moved, loss.detach()

    found = []
    for _ in range(10):
        weights, loss = step(weights, x, y)
        found.append(loss.item())
    return found, step


@program
def a_plateau(compile):
    model, ((x, y),) = network(), data(1)
    optimizer, found = optim.SGD(model.parameters(), lr=0.3), []
    scheduler = optim.lr_scheduler.ReduceLROnPlateau(optimizer, patience=1, factor=0.5)

    @compile
    def step(x, y):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.item()

    @compile
    @torch.no_grad()
    def evaluated(x, y):
        return F.mse_loss(model(x), y).item()

    for _ in range(14):
        found += [step(x, y), evaluated(x, y)]
        scheduler.step(found[-1])
    return [*found, optimizer.param_groups[0]["lr"]], step


@program
def a_carried_state(compile):
    model, head, x = nn.LSTM(4, 8, batch_first=True), nn.Linear(8, 4), torch.randn(3, 5, 4)
    optimizer, state, found = optim.RMSprop([*model.parameters(), *head.parameters()], lr=0.01), (torch.zeros(1, 3, 8), torch.zeros(1, 3, 8)), []

    @compile
    def step(x, state):
        out, state = model(x, state)
        loss = F.mse_loss(head(out), x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, tuple(s.detach() for s in state)

    for _ in range(10):
        loss, state = step(x, state)
        found.append(loss.item())
    return found, step


# -------------------------------------------------------------------------------------------------- models of other kinds


@program
def a_hidden_markov_model(compile):
    start, moves, says = (nn.Parameter(torch.randn(shape)) for shape in ((3,), (3, 3), (3, 5)))
    optimizer, seen, lengths = optim.Adam([start, moves, says], lr=0.05), torch.randint(0, 5, (6, 7)), torch.tensor([7, 7, 5, 4, 7, 2])

    @compile
    def step(seen, lengths):
        log_moves, log_says = moves.log_softmax(1), says.log_softmax(1).t()
        alphas = torch.zeros(6, 7, 3)
        alphas[:, 0] = log_says[seen[:, 0]] + start.log_softmax(0)
        for t in range(1, 7):
            alphas[:, t] = log_says[seen[:, t]] + torch.logsumexp(alphas[:, t - 1].clone().unsqueeze(2) + log_moves, 1)
        loss = -alphas.logsumexp(2).gather(1, lengths.view(-1, 1) - 1).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return [step(seen, lengths).item() for _ in range(10)], step


@program
def a_kalman_filter(compile):
    log_q, log_r = torch.tensor(-2.0, requires_grad=True), torch.tensor(0.0, requires_grad=True)
    moves, sees, unit, track = torch.tensor([[1.0, 1.0], [0.0, 1.0]]), torch.tensor([[1.0, 0.0]]), torch.eye(2), torch.randn(12).cumsum(0)
    optimizer = optim.RMSprop([log_q, log_r], lr=0.05, centered=True, momentum=0.5)

    @compile
    def step(track):
        mean, spread, loss = torch.zeros(2, 1), unit, 0.0
        for y in track:
            mean, spread = moves @ mean, moves @ spread @ moves.mT + log_q.exp() * unit
            doubt = sees @ spread @ sees.mT + log_r.exp()
            gain, off = spread @ sees.mT / doubt, y - sees @ mean
            mean, spread = mean + gain @ off, (unit - gain @ sees) @ spread
            loss = loss + (off.square() / doubt + doubt.log()).squeeze() / 2
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss, mean.detach()

    return [x for _ in range(10) for loss, mean in [step(track)] for x in (loss.item(), mean.sum().item())], step


@program
def a_normalizing_flow(compile):
    masks = torch.tensor([[0.0, 1.0], [1.0, 0.0]] * 2)
    shifts, scales = (nn.ModuleList([nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(), nn.Linear(16, 2)) for _ in masks]) for _ in range(2))
    optimizer, angle = optim.Adam([*shifts.parameters(), *scales.parameters()], lr=0.01), torch.rand(32) * 3
    prior = torch.distributions.Independent(torch.distributions.Normal(torch.zeros(2), torch.ones(2)), 1)

    @compile
    def step(x):
        volume = x.new_zeros(len(x))
        for mask, shift, scale in zip(masks, shifts, scales):
            kept = x * mask
            s, t = scale(kept).tanh() * (1 - mask), shift(kept) * (1 - mask)
            x, volume = kept + (1 - mask) * (x - t) * (-s).exp(), volume - s.sum(1)
        loss = -(prior.log_prob(x) + volume).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    x = torch.stack([angle.cos(), angle.sin()], 1) + 0.1 * torch.randn(32, 2)
    return [step(x).item() for _ in range(12)], step


@program
def a_soft_critic(compile):
    actor, critic = nn.Linear(3, 2), nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 1))
    late, optimizer = copy.deepcopy(critic), optim.Adam(critic.parameters(), lr=0.01)
    now, then, did, reward, done = torch.randn(8, 3), torch.randn(8, 3), torch.randn(8, 1), torch.randn(8), torch.rand(8) < 0.2

    @compile
    def step(now, did, reward, then, done):
        with torch.no_grad():
            mean, spread = actor(then).chunk(2, 1)
            normal = torch.distributions.Normal(mean, spread.tanh().exp())
            raw = normal.rsample()
            likely = (normal.log_prob(raw) - torch.log(1 - raw.tanh().square() + 1e-6)).sum(1)
            wanted = reward + 0.99 * (1 - done.float()) * (late(torch.cat([then, raw.tanh()], 1)).view(-1) - 0.2 * likely)
        loss = F.mse_loss(critic(torch.cat([now, did], 1)).view(-1), wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        for old, new in zip(late.parameters(), critic.parameters()):
            old.data.copy_(0.05 * new.data + 0.95 * old.data)
        return loss

    return [step(now, did, reward, then, done).item() for _ in range(12)], step


@program
def parametrized_and_rounded(compile):
    """Weights by formulas, fake rounding with a gradient that goes straight through, and statistics that it watches."""
    model = nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(4, 8)), nn.Tanh(), nn.utils.parametrizations.weight_norm(nn.Linear(8, 3)))
    optimizer, largest, batches = optim.Adagrad(model.parameters(), lr=0.05), torch.zeros(()), data()

    class Rounded(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x, step):
            ctx.save_for_backward(x, step)
            return (x / step).round().clamp(-8, 7) * step

        @staticmethod
        def backward(ctx, g):
            x, step = ctx.saved_tensors
            return g * (x.abs() <= 8 * step), None

    @compile
    def step(x, y):
        largest.copy_(torch.maximum(largest, x.abs().max()))
        loss = F.mse_loss(model(Rounded.apply(x, largest / 8)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return [step(*batches[k % 4]).item() for k in range(12)] + [largest.item()], step


@program
def sharpness_aware(compile):
    """Each step goes uphill first, and takes its gradient there."""
    model = network()
    optimizer, ((x, y),) = optim.SGD(model.parameters(), lr=0.05, momentum=0.9), data(1)

    @compile
    def step(x, y):
        F.mse_loss(model(x), y).backward()
        with torch.no_grad():
            norm = torch.stack([(p.abs() * p.grad).norm() for p in model.parameters()]).norm()
            moved = [p.square() * p.grad * (0.5 / (norm + 1e-12)) for p in model.parameters()]
            for p, e in zip(model.parameters(), moved):
                p.add_(e)
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        with torch.no_grad():
            for p, e in zip(model.parameters(), moved):
                p.sub_(e)
        optimizer.step()
        optimizer.zero_grad()
        return loss

    return [step(x, y).item() for _ in range(12)], step


# ------------------------------------------------------------------------------------------------------------- how they go


def ran(name, compile):
    torch.manual_seed(0)
    return PROGRAMS[name](compile)


def compared(name):
    """(the largest relative difference between an eager and a compiled run, what became of it, and by how many programs)."""
    expected, _ = ran(name, lambda f: f)
    found, run = ran(name, torch.compile)
    assert len(found) == len(expected)
    difference = max([abs(a - b) / (abs(a) + 1e-3) for a, b in zip(expected, found)])
    signatures = getattr(run, "_compiled", run).signatures.values()
    return difference, outcome(run), sum([len(signature.programs) for signature in signatures])


def main(names):
    for name in names or PROGRAMS:
        difference, became, count = compared(name)
        print(f"{name:28} {difference:.1e}  {count} programs, {became}", flush=True)


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main(sys.argv[1:])
