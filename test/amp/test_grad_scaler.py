"""GradScaler against PyTorch's."""

import pytest
from oracle import agree, same_first_line


def training(t, scales, **options):
    t.manual_seed(0)
    net = t.nn.Linear(3, 2)
    optimizer = t.optim.Adam(net.parameters(), lr=0.1)
    scaler = t.amp.GradScaler("cpu", growth_interval=2, **options)
    seen = []
    for factor in scales:
        optimizer.zero_grad()
        loss = (net(t.ones(4, 3)) * factor).square().mean()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        t.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        seen.append((scaler.get_scale(), scaler.state_dict(), net.weight.detach().clone()))
    return seen


def test_scales_grow_and_shrink_as_in_pytorch():
    agree(lambda t: training(t, [1, 1, 1, float("inf"), 1, float("nan"), 1, 1, 1]))


def test_with_other_settings():
    agree(lambda t: training(t, [1, float("inf"), 1, 1, 1], init_scale=8.0, growth_factor=4.0, backoff_factor=0.25))


def test_a_disabled_one_changes_nothing():
    agree(lambda t: [s[2] for s in training(t, [1, 1, 1], enabled=False)])


def test_state_comes_back():
    def program(t):
        first = t.amp.GradScaler("cpu", init_scale=4.0)
        first.scale(t.ones(1))
        first.set_growth_interval(7)
        second = t.amp.GradScaler("cpu")
        second.load_state_dict(first.state_dict())
        return second.state_dict(), second.scale(t.ones(2)), second.scale([t.ones(1), t.ones(2)]), second.get_growth_factor(), second.get_backoff_factor()

    agree(program)


def used(t):
    scaler = t.amp.GradScaler("cpu")
    scaler.scale(t.ones(1))
    return scaler


def optimizer(t, dtype="float32"):
    x = t.ones(1, dtype=getattr(t, dtype), requires_grad=True)
    x.grad = t.ones(1, dtype=getattr(t, dtype))
    return t.optim.SGD([x], lr=0.1)


def twice(t, name):
    scaler, o = used(t), optimizer(t)
    getattr(scaler, name)(o)
    getattr(scaler, name)(o)


@pytest.mark.parametrize(
    "program",
    [
        lambda t: t.amp.GradScaler("cpu").update(),
        lambda t: t.amp.GradScaler("cpu").scale(3),
        lambda t: t.amp.GradScaler("cpu", growth_factor=1),
        lambda t: t.amp.GradScaler("cpu", backoff_factor=2),
        lambda t: t.amp.GradScaler("cpu").load_state_dict({}),
        lambda t: used(t).update(),
        lambda t: twice(t, "step"),
        lambda t: twice(t, "unscale_"),
        lambda t: used(t).unscale_(optimizer(t, "float16")),
        lambda t: used(t).step(optimizer(t), closure=print),
        lambda t: used(t).step(t.optim.SGD([t.ones(1)], lr=0.1)),
    ],
)
def test_errors(program):
    same_first_line(program)


@pytest.mark.parametrize("text", ["t.amp.GradScaler().is_enabled()", "t.cuda.amp.GradScaler().is_enabled()", "t.cuda.amp.GradScaler(enabled=False).state_dict()"])
def test_without_a_gpu(text):
    agree(lambda t: eval(text, {"t": t}))
