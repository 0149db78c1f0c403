"""float16 and bfloat16 in compiled programs: all of it native, and rounded where eager mode rounds."""

import pytest
from everything import outcome

import minitorch as torch
from minitorch import nn
from minitorch.nn import functional as F

FUNCTIONS = {
    "arithmetic": lambda x, y: (x * 2 + y / 3 - x * y) * 0.1,
    "chosen": lambda x, y: torch.where(x > y, x, y.abs()) + x.clamp(-0.5, 0.5) + (x == y).to(x.dtype),
    "functions": lambda x, y: x.exp() + y.tanh() + F.gelu(x) + y.sigmoid() * x.sin(),
    "sums": lambda x, y: (x * 60).sum() + y.mean(0) + (x * y).sum(1, keepdim=True),
    "extremes": lambda x, y: x.amax(0) + y.amin(1, keepdim=True) + x.var(0),
    "softmax": lambda x, y: x.softmax(1) * y.log_softmax(0),
    "layer norm": lambda x, y: F.layer_norm(x, (x.shape[-1],), y[0], y[1]),
    "moved": lambda x, y: torch.cat([x.t(), y.t()], 1)[1:, ::2].flip(0) + torch.stack([x[0], y[0]]).sum(0)[:1],
    "padded": lambda x, y: F.pad(x, (1, 2)) * F.pad(y, (2, 1)) + torch.full((1, 1), 0.3, dtype=x.dtype),
    "taken": lambda x, y: x[torch.tensor([2, 0, 0])] + y.gather(0, torch.zeros(3, 6, dtype=torch.int64)),
    "put": lambda x, y: x.index_add(0, torch.tensor([1, 1, 0]), y[:3]),
    "written": lambda x, y: x.clone().mul_(y).add_(1).index_fill_(0, torch.tensor([0]), 0.5),
    "wider": lambda x, y: (x.float() + y.double() * 2).to(x.dtype) + x.long().clamp(0, 3),
    "products": lambda x, y: x @ y.t() + F.linear(x, y, y[:, 0]),
    "convolved": lambda x, y: F.conv1d(x[None], y[:, :5, None].expand(5, 5, 3), y[:, 0], padding=1),
    "pooled": lambda x, y: F.max_pool1d(x[None], 2) + F.avg_pool1d(y[None], 2),
    "loss": lambda x, y: F.cross_entropy(x, torch.tensor([0, 1, 2, 3, 0])) + F.mse_loss(x, y),
}  # fmt: skip
"""Name → a function of two matrices, 5 x 6."""

DTYPES = [torch.bfloat16, torch.float16]
CASES = [*[(name, torch.bfloat16) for name in FUNCTIONS], *[(name, torch.float16) for name in ("arithmetic", "functions", "sums", "put", "products")]]


def with_gradients(function, x, y):
    out = function(x, y)
    return [out, *torch.autograd.grad(out.float().square().mean(), (x, y))]


@pytest.mark.parametrize(("name", "dtype"), CASES, ids=str)
def test_numbers_and_gradients_are_those_of_eager_mode(name, dtype):
    torch.manual_seed(0)
    x, y = torch.randn(5, 6).to(dtype).requires_grad_(), torch.randn(5, 6).to(dtype).requires_grad_()
    run = torch.compile(lambda x, y: with_gradients(FUNCTIONS[name], x, y), fullgraph=True)
    expected = with_gradients(FUNCTIONS[name], x, y)
    for _ in range(4):
        found = run(x, y)
    assert outcome(run) == "whole"
    for a, b in zip(found, expected):
        torch.testing.assert_close(a, b, rtol=2 * torch.finfo(dtype).eps, atol=1e-3)


class Transformer(nn.Module):
    """Two blocks, with attention, dropout and tied weights."""

    def __init__(self):
        super().__init__()
        self.symbols, self.places = nn.Embedding(11, 16), nn.Embedding(8, 16)
        self.blocks = nn.Sequential(*[nn.TransformerEncoderLayer(16, 2, 32, 0.1, "gelu", batch_first=True) for _ in range(2)])
        self.head = nn.Linear(16, 11)
        self.head.weight = self.symbols.weight

    def forward(self, x):
        return self.head(self.blocks(self.symbols(x) + self.places(torch.arange(8))))


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_a_transformer_under_autocast_compiles_whole(dtype):
    def course(wrap):
        torch.manual_seed(0)
        model, data = Transformer(), torch.randint(0, 11, (4, 9))
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)

        def step(data):
            with torch.autocast("cpu", dtype=dtype):
                loss = F.cross_entropy(model(data[:, :-1]).flatten(0, 1), data[:, 1:].flatten())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            return loss

        step = wrap(step)
        return [step(data).item() for _ in range(12)], step

    (expected, _), (found, run) = course(lambda step: step), course(lambda step: torch.compile(step, fullgraph=True))
    assert outcome(run) == "whole"
    assert found == pytest.approx(expected, rel=1e-2) and found[-1] < found[0] / 1.5
