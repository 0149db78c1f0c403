"""A Fourier neural operator (Li et al. 2020, arXiv:2010.08895): complex weights on the lowest modes, trained by Adam."""

import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class SpectralConv1d(nn.Module):
    def __init__(self, n_in, n_out, modes):
        super().__init__()
        self.n_out, self.modes = n_out, modes
        self.weights = nn.Parameter(torch.rand(n_in, n_out, modes, dtype=torch.cfloat) / (n_in * n_out))

    def forward(self, x):
        modes = torch.fft.rfft(x)
        out = torch.zeros(x.shape[0], self.n_out, x.size(-1) // 2 + 1, device=x.device, dtype=torch.cfloat)
        out[:, :, : self.modes] = torch.einsum("bix,iox->box", modes[:, :, : self.modes], self.weights)
        return torch.fft.irfft(out, n=x.size(-1))


class SpectralConv2d(nn.Module):
    """The same in two dimensions, the complex weights kept as pairs of real ones."""

    def __init__(self, n_in, n_out, modes):
        super().__init__()
        self.n_out, self.modes = n_out, modes
        self.low, self.high = (nn.Parameter(torch.randn(n_in, n_out, modes, modes, 2) * 0.1) for _ in range(2))

    def forward(self, x):
        m, modes = self.modes, torch.fft.rfft2(x, norm="ortho")
        out = torch.zeros(x.shape[0], self.n_out, x.size(-2), x.size(-1) // 2 + 1, dtype=torch.complex64)
        for rows, weights in ((slice(None, m), self.low), (slice(-m, None), self.high)):
            out[:, :, rows, :m] = torch.einsum("bixy,ioxy->boxy", modes[:, :, rows, :m], torch.view_as_complex(weights))
        return torch.fft.irfft2(out, s=x.shape[-2:], norm="ortho")


class FNO1d(nn.Module):
    def __init__(self, width=8, modes=6, layers=2):
        super().__init__()
        self.lift = nn.Linear(2, width)
        self.spectral = nn.ModuleList([SpectralConv1d(width, width, modes) for _ in range(layers)])
        self.pointwise = nn.ModuleList([nn.Conv1d(width, width, 1) for _ in range(layers)])
        self.project = nn.Sequential(nn.Linear(width, 16), nn.GELU(), nn.Linear(16, 1))

    def forward(self, u):
        grid = torch.linspace(0, 1, u.shape[1]).reshape(1, -1, 1).repeat([u.shape[0], 1, 1])
        x = F.pad(self.lift(torch.cat((u.unsqueeze(-1), grid), dim=-1)).permute(0, 2, 1), [0, 2])
        for spectral, pointwise in zip(self.spectral, self.pointwise):
            x = F.gelu(spectral(x) + pointwise(x))
        return self.project(x[..., :-2].permute(0, 2, 1)).squeeze(-1)


def relative_error(got, expected):
    n = got.shape[0]
    return (torch.norm(got.reshape(n, -1) - expected.reshape(n, -1), 2, 1) / torch.norm(expected.reshape(n, -1), 2, 1)).mean()


def waves(batch=8, points=32):
    """Sums of sines, and their integrals."""
    t, k = torch.linspace(0, 2 * math.pi, points), torch.arange(1, 5)[:, None]
    a = torch.randn(batch, 4)
    return a @ torch.sin(k * t), a @ ((1 - torch.cos(k * t)) / k)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=30)
    args = parser.parse_args()

    torch.manual_seed(0)
    model = FNO1d()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3, weight_decay=1e-4)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5)
    for step in range(args.steps):
        u, integral = waves()
        optimizer.zero_grad()
        loss = relative_error(model(u), integral)
        loss.backward()
        optimizer.step()
        scheduler.step()
        print(f"step {step} loss {loss.item():.6f}")

    layer = SpectralConv2d(2, 3, modes=3)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.5)
    for step in range(args.steps, args.steps + 10):
        x = torch.randn(4, 2, 8, 8)
        loss = F.mse_loss(layer(x), x.cumsum(-1).mean(1, keepdim=True).expand(-1, 3, -1, -1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        print(f"step {step} loss {loss.item():.6f}")


if __name__ == "__main__":
    main()
