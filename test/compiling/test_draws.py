"""Draws in compiled programs: those that read tensors, several in one step, in the order in which they were drawn."""

import pytest
from everything import outcome

import minitorch as torch
from minitorch import distributions, nn
from minitorch.nn import functional as F

DRAWS = {
    "one that reads": lambda p: torch.bernoulli(p),
    "two that read": lambda p: torch.bernoulli(p) + torch.bernoulli(p * p),
    "before and after": lambda p: torch.rand(4) + torch.bernoulli(p) * torch.randn(4) + torch.rand(4),
    "one reads the other": lambda p: torch.bernoulli(torch.bernoulli(p) * 0.5 + torch.rand(4) / 4),
    "multinomial": lambda p: torch.multinomial(p, 2).sum() + torch.randperm(3)[0] + torch.multinomial(p, 6, True),
    "in place": lambda p: torch.empty(4).bernoulli_(p) + torch.empty(4).uniform_() + torch.zeros(4).normal_(),
    "normal": lambda p: torch.normal(p, 1.0) + torch.normal(p, p) + torch.normal(0.0, p) + torch.randn(4),
    "poisson": lambda p: torch.poisson(p * 5) + torch.rand(4) + torch.binomial(p * 0 + 9, p) + torch.bernoulli(p),
    "dropout": lambda p: F.dropout(torch.bernoulli(p) + 1, 0.3) + F.dropout(p, 0.5),
    "an index": lambda p: torch.rand(1) + torch.arange(8.0)[torch.multinomial(p, 1)] + torch.rand(1),
    "an embedding": lambda p: torch.rand(1) + F.embedding(torch.multinomial(p, 2), torch.eye(4)) + F.dropout(p, 0.5),
    "distributions": lambda p: distributions.Gamma(p + 1, 1.0).sample() + distributions.Categorical(p).sample((4,)) + torch.rand(4),
    "reparametrised": lambda p: distributions.Beta(p + 1, p + 2).rsample() + distributions.Normal(p, p).rsample(),
    "gumbel": lambda p: F.gumbel_softmax(p, hard=True) + torch.bernoulli(p),
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWS)
def test_draws_are_those_of_eager_mode(name):
    def course(wrap):
        torch.manual_seed(3)
        run, found = wrap(DRAWS[name]), []
        for k in range(6):
            found += [run(torch.tensor([0.1, 0.5, 0.3, 0.9]) * (1 - k / 10)), torch.rand(1)]
        return found, torch.get_rng_state(), run

    expected, state, _ = course(lambda f: f)
    found, left, run = course(lambda f: torch.compile(f, fullgraph=True))
    for a, b in zip(found, expected):
        torch.testing.assert_close(a, b)
    assert torch.equal(state, left) and not outcome(run).startswith("eager")


def test_a_step_that_draws_from_what_it_computed():
    """A policy gradient: actions are drawn from the model's output, between two dropouts."""

    def course(wrap):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(3, 16), nn.Dropout(0.2), nn.Linear(16, 4))
        optimizer, rewards = torch.optim.Adam(model.parameters(), lr=0.01), torch.randn(4)

        def step(x):
            policy = distributions.Categorical(logits=model(x))
            action = policy.sample()
            again = model(x)[:, 0].mean()
            loss = -(policy.log_prob(action) * rewards[action]).mean() + again.square()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss, action

        step, found = wrap(step), []
        for _ in range(10):
            found += [x.detach() for x in step(torch.randn(5, 3))]
        return found, torch.get_rng_state(), step

    expected, state, _ = course(lambda f: f)
    found, left, run = course(lambda f: torch.compile(f, fullgraph=True))
    for a, b in zip(found, expected):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)
    assert torch.equal(state, left)
    assert outcome(run).startswith("NumPy: ") and "normal" not in outcome(run)


REFUSED = {
    "a parameter": (lambda p: distributions.Bernoulli(p).sample(), ValueError, "Expected parameter probs"),
    "a value": (lambda p: distributions.Bernoulli(p.clamp(0, 1)).log_prob(p), ValueError, "Expected value argument"),
    "a deviation": (lambda p: torch.normal(0.0, p), RuntimeError, "normal expects all elements of std >= 0.0"),
    "a row": (lambda p: F.dropout(p, 0.3) + torch.rand(700).mean() + F.embedding(p.long(), torch.eye(2)), IndexError, "index out of range"),
    "a probability": (lambda p: torch.rand(1) + torch.bernoulli(p), RuntimeError, "Expected p_in >= 0 && p_in <= 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_eager_mode_refuses_a_program_refuses(name):
    function, error, message = REFUSED[name]
    run = torch.compile(function, fullgraph=True)
    for _ in range(4):
        run(torch.tensor([0.0, 1.0]))
    wrong, left = torch.tensor([0.0, -1.0]), []
    for f in (function, run):
        torch.manual_seed(3)
        with pytest.raises(error, match=message):
            f(wrong)
        left.append(torch.get_rng_state())
    assert torch.equal(*left)
    assert run(torch.tensor([0.0, 1.0])).shape[-1] == 2
