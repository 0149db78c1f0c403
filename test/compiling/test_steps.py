"""Whole training steps, eager and compiled: the same losses, weights, states and draws over 20 steps."""

import copy

import pytest

import minitorch as torch
from minitorch import nn, optim
from minitorch.nn import functional as F

pytestmark = pytest.mark.usefixtures("answers")

MODELS = {
    "mlp": lambda: (nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3)), F.mse_loss, (8, 4), (8, 3)),
    "tanh, gelu": lambda: (nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 8), nn.GELU(), nn.Linear(8, 3)), F.l1_loss, (5, 4), (5, 3)),
    "dropout": lambda: (nn.Sequential(nn.Linear(4, 16), nn.Dropout(0.3), nn.Linear(16, 3)), F.mse_loss, (8, 4), (8, 3)),
    "layer norm": lambda: (nn.Sequential(nn.Linear(4, 16), nn.LayerNorm(16), nn.SiLU(), nn.Linear(16, 3)), F.smooth_l1_loss, (8, 4), (8, 3)),
    "batch norm": lambda: (nn.Sequential(nn.Linear(4, 16, bias=False), nn.BatchNorm1d(16), nn.Sigmoid(), nn.Linear(16, 3)), F.mse_loss, (8, 4), (8, 3)),
    "convolution": lambda: (nn.Sequential(nn.Conv2d(2, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3)), F.mse_loss, (4, 2, 6, 6), (4, 3)),
    "classifier": lambda: (nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 3)), lambda out, y: F.cross_entropy(out, y.argmax(1)), (8, 4), (8, 3)),
}  # fmt: skip

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.1),
    "momentum": lambda p: optim.SGD(p, lr=0.1, momentum=0.9, weight_decay=1e-3, nesterov=True),
    "adam": lambda p: optim.Adam(p, lr=0.01),
    "adamw": lambda p: optim.AdamW(p, lr=0.01),
    "rmsprop": lambda p: optim.RMSprop(p, lr=0.01),
}


def trained(model, optimizer, wrap):
    """Losses, weights, buffers, states and the generator's after 20 steps under a schedule."""
    torch.manual_seed(1)
    net, criterion, inputs, targets = MODELS[model]()
    opt = OPTIMIZERS[optimizer](net.parameters())
    schedule = optim.lr_scheduler.StepLR(opt, 5, 0.5)
    data = [(torch.randn(inputs), torch.randn(targets)) for _ in range(4)]

    def step(x, y):
        opt.zero_grad()
        loss = criterion(net(x), y)
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        return loss

    step, losses = wrap(step), []
    for k in range(20):
        losses.append(step(*data[k % 4]).item())
        schedule.step()
    states = [x for state in opt.state.values() for x in state.values() if isinstance(x, torch.Tensor)]
    return losses, [*net.state_dict().values(), *states, *[p.grad for p in net.parameters()]], torch.get_rng_state()


PAIRS = [*[(model, "adam") for model in MODELS], *[(m, o) for m in ("mlp", "batch norm") for o in OPTIMIZERS if o != "adam"]]
"""Each model with one optimizer, each optimizer with two models."""


@pytest.mark.parametrize(("model", "optimizer"), PAIRS)
def test_a_compiled_step_trains_as_the_eager_one(model, optimizer):
    expected = trained(model, optimizer, lambda step: step)
    found = trained(model, optimizer, lambda step: torch.compile(step, fullgraph=True))
    torch.testing.assert_close(torch.tensor(found[0]), torch.tensor(expected[0]), rtol=2e-5, atol=2e-6)
    for a, b in zip(found[1], expected[1], strict=True):
        torch.testing.assert_close(a, b, rtol=2e-4, atol=2e-5)
    assert (found[2] == expected[2]).all()


@pytest.mark.parametrize("search", [None, "strong_wolfe"])
def test_a_closure_is_compiled_whatever_its_optimizer_remembers(search):
    """LBFGS decides by numbers how often it asks, and keeps what it was told; what it asks is the same each time."""

    def losses(compiled):
        torch.manual_seed(0)
        model, x, y = nn.Sequential(nn.Linear(5, 8), nn.Tanh(), nn.Linear(8, 1)), torch.randn(16, 5), torch.randn(16, 1)
        optimizer = torch.optim.LBFGS(model.parameters(), lr=0.5, max_iter=4, line_search_fn=search)

        def closure():
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(x), y)
            loss.backward()
            return loss

        closure = torch.compile(closure, fullgraph=True) if compiled else closure
        found = [optimizer.step(closure).item() for _ in range(5)]
        return found, closure

    (expected, _), (found, closure) = losses(False), losses(True)
    assert found == pytest.approx(expected, rel=1e-3)
    assert [len(signature.programs) for signature in closure.signatures.values()] == [1]


def test_what_an_optimizer_remembers_matters_to_whoever_steps():
    """Even if that is nobody but the optimizer's own method."""

    def weights(wrap):
        torch.manual_seed(0)
        p = nn.Parameter(torch.randn(4))
        optimizer = torch.optim.Adam([p], lr=0.1)
        step, found, saved = wrap(optimizer.step), [], None
        p.grad = torch.ones(4)
        for k in range(12):
            if k == 6:
                optimizer.load_state_dict(saved)
            step()
            saved = copy.deepcopy(optimizer.state_dict()) if k == 2 else saved
            found.append(p.detach().clone())
        return torch.stack(found)

    torch.testing.assert_close(weights(torch.compile), weights(lambda step: step))
