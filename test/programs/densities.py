"""Three ways to learn a density: a normalizing flow (RealNVP), a mixture density network, an energy with Langevin samples."""

import argparse
import math
import random

import torch
from torch import distributions as D
from torch import nn


class Coupling(nn.Module):
    """Half of the numbers scale and shift the other half (Dinh et al. 2016, arXiv:1605.08803)."""

    def __init__(self, mask, hidden=24):
        super().__init__()
        self.register_buffer("mask", mask)
        self.scale = nn.Sequential(nn.Linear(2, hidden), nn.LeakyReLU(), nn.Linear(hidden, 2), nn.Tanh())
        self.shift = nn.Sequential(nn.Linear(2, hidden), nn.LeakyReLU(), nn.Linear(hidden, 2))

    def forward(self, x):
        kept = x * self.mask
        scale = self.scale(kept) * (1 - self.mask)
        return kept + (1 - self.mask) * (x * scale.exp() + self.shift(kept)), scale.sum(1)

    def inverse(self, z):
        kept = z * self.mask
        scale = self.scale(kept) * (1 - self.mask)
        return kept + (1 - self.mask) * ((z - self.shift(kept)) * torch.exp(-scale))


class Flow(nn.Module):
    def __init__(self, layers=4):
        super().__init__()
        self.layers = nn.ModuleList(Coupling(torch.tensor([float(i % 2), float(1 - i % 2)])) for i in range(layers))

    @property
    def base(self):
        return D.MultivariateNormal(torch.zeros(2), torch.eye(2))

    def log_prob(self, x):
        log_det = x.new_zeros(len(x))
        for layer in self.layers:
            x, change = layer(x)
            log_det = log_det + change
        return self.base.log_prob(x) + log_det

    @torch.no_grad()
    def sample(self, count):
        z = self.base.sample((count,))
        for layer in reversed(self.layers):
            z = layer.inverse(z)
        return z


class MixtureDensity(nn.Module):
    """y given x as a mixture of Gaussians (Bishop 1994)."""

    def __init__(self, hidden=20, components=5):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(1, hidden), nn.Tanh())
        self.pi, self.mu, self.log_sigma = (nn.Linear(hidden, components) for _ in range(3))

    def forward(self, x):
        h = self.body(x)
        parts = D.Normal(self.mu(h), self.log_sigma(h).exp())
        return D.MixtureSameFamily(D.Categorical(logits=self.pi(h)), parts)


class Sampler:
    """Langevin steps from kept or new starts (Du & Mordatch 2019, arXiv:1903.08689)."""

    def __init__(self, energy, size):
        self.energy, self.size = energy, size
        self.kept = [torch.rand(1, 2) * 4 - 2 for _ in range(size)]

    def sample(self, steps=8, rate=0.1):
        fresh = torch.rand(2, 2) * 4 - 2
        x = torch.cat([fresh, *random.choices(self.kept, k=self.size - 2)], dim=0).detach().requires_grad_(True)
        for p in self.energy.parameters():
            p.requires_grad = False
        noise = torch.empty_like(x)
        for _ in range(steps):
            noise.normal_(0, 0.05)
            x.data.add_(noise.data)
            self.energy(x).sum().backward()
            x.data.add_(-rate * x.grad.data.clamp_(-1, 1))
            x.grad.detach_()
            x.grad.zero_()
        for p in self.energy.parameters():
            p.requires_grad = True
        self.kept = (list(x.detach().chunk(self.size, dim=0)) + self.kept)[:64]
        return x.detach()


def moons(count):
    angle, which = torch.rand(count) * math.pi, torch.randint(0, 2, (count,))
    points = torch.stack([torch.cos(angle) * (1 - 2 * which) + which, torch.sin(angle) * (1 - 2 * which) + 0.5 * which], -1)
    return points + 0.1 * torch.randn(count, 2)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=25)
    args = parser.parse_args()

    torch.manual_seed(0)
    random.seed(0)
    flow = Flow()
    optimizer = torch.optim.Adamax(flow.parameters(), lr=1e-2)
    for step in range(args.steps):
        loss = -flow.log_prob(moons(64)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"step {step} flow loss {loss.item():.6f}")
    print(f"spread {flow.sample(100).std(0).norm():.5f}")

    mixture = MixtureDensity()
    optimizer = torch.optim.NAdam(mixture.parameters(), lr=1e-2)
    for step in range(args.steps):
        y = torch.rand(64, 1) * 20 - 10
        x = 7 * torch.sin(0.75 * y) + 0.5 * y + torch.randn_like(y)
        loss = -mixture(x).log_prob(y.squeeze(-1)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"step {step} mixture loss {loss.item():.6f}")
    print(f"sample {mixture(x[:4]).sample().sum().item():.5f}")

    energy = nn.Sequential(nn.Linear(2, 32), nn.SiLU(), nn.Linear(32, 32), nn.SiLU(), nn.Linear(32, 1))
    sampler = Sampler(energy, 32)
    optimizer = torch.optim.Adam(energy.parameters(), lr=1e-3, betas=(0.0, 0.999))
    for step in range(args.steps):
        real, fake = energy(torch.cat([moons(32), sampler.sample()])).chunk(2, dim=0)
        loss = real.mean() - fake.mean() + 0.1 * (real**2 + fake**2).mean()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(energy.parameters(), 0.1)
        optimizer.step()
        print(f"step {step} energy loss {loss.item():.7f}")


if __name__ == "__main__":
    main()
