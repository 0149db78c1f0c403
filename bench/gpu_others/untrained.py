"""Without training: a trained network answers, letters one by one, prices of options."""

import math
from collections import deque

from .parts import batches

__all__ = ["generated", "options", "told"]


def told(torch, device, real):
    """A trained network answers: BatchNorm as it is, no gradients."""
    nn = torch.nn
    width, batch, size = (64, 128, 56) if real else (4, 2, 8)
    layers = [x for k in range(4) for x in (nn.Conv2d(width if k else 3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)).to(device).eval()

    def step(x):
        with torch.no_grad():
            return model(x).softmax(-1).max(-1).values.mean()

    return step, batches(device, lambda: (torch.randn(batch, 3, size, size),))


def generated(torch, device, real):
    """Letters one after the other, with keys and values kept in a cache."""
    nn, F = torch.nn, torch.nn.functional
    count, width, heads, layers, batch, length = (65, 256, 4, 4, 4, 16) if real else (13, 8, 2, 2, 2, 5)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x, cache):
            B, T, C = x.shape
            q, k, v = [y.view(B, T, heads, C // heads).transpose(1, 2) for y in self.qkv(self.ln1(x)).chunk(3, dim=-1)]
            cache.append((k, v))
            k, v = [torch.cat(z, dim=2) for z in zip(*cache)]
            y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, T, C)
            x = x + self.out(y)
            return x + self.mlp(self.ln2(x))

    embedding, blocks = nn.Embedding(count, width).to(device), nn.ModuleList([Block() for _ in range(layers)]).to(device)
    places, head = nn.Embedding(length, width).to(device), nn.Linear(width, count).to(device)

    @torch.no_grad()
    def step(letter):
        caches, total = [deque() for _ in blocks], 0.0
        for k in range(length):
            x = embedding(letter) + places.weight[k]
            for block, cache in zip(blocks, caches):
                x = block(x, cache)
            out = head(x)
            letter = out.argmax(-1)
            total = total + out.max()
        return total

    return step, batches(device, lambda: (torch.randint(0, count, (batch, 1)),))


def options(torch, device, real):
    """Many prices at once by Black and Scholes, and how they change: elementwise alone."""
    number = 1 << 22 if real else 1001

    def step(spot, strike, years):
        spot = spot.detach().requires_grad_(True)
        d1 = (torch.log(spot / strike) + (0.02 + 0.5 * 0.3**2) * years) / (0.3 * torch.sqrt(years))
        d2 = d1 - 0.3 * torch.sqrt(years)
        share = lambda d: 0.5 * (1 + torch.erf(d / math.sqrt(2)))  # noqa: E731
        price = spot * share(d1) - strike * torch.exp(-0.02 * years) * share(d2)
        (slope,) = torch.autograd.grad(price.sum(), spot)
        return (price * slope).mean()

    return step, batches(device, lambda: (90 + 20 * torch.rand(number), 90 + 20 * torch.rand(number), 0.1 + torch.rand(number)))
