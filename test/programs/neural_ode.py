"""A neural ODE (Chen et al. 2018, arXiv:1806.07366) by our own Runge-Kutta steps, and by an autograd.Function that integrates again."""

import argparse

import numpy as np
import torch
import torch.nn as nn


def rk4(func, y0, times):
    states = [y0]
    for start, end in zip(times[:-1], times[1:]):
        h, y = end - start, states[-1]
        k1 = func(start, y)
        k2 = func(start + h / 2, y + h / 2 * k1)
        k3 = func(start + h / 2, y + h / 2 * k2)
        k4 = func(end, y + h * k3)
        states.append(y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
    return torch.stack(states)


class Recomputed(torch.autograd.Function):
    """The solution without its graph; going back, the states are computed once more."""

    @staticmethod
    def forward(ctx, func, y0, times, *weights):
        with torch.no_grad():
            solution = rk4(func, y0, times)
        ctx.func = func
        ctx.save_for_backward(y0, times, *weights)
        return solution

    @staticmethod
    def backward(ctx, grad_output):
        y0, times, *weights = ctx.saved_tensors
        with torch.enable_grad():
            y0 = y0.detach().requires_grad_(True)
            solution = rk4(ctx.func, y0, times)
        return (None, *_with_none(torch.autograd.grad(solution, (y0, *weights), grad_output)))


def _with_none(gradients):
    """The times have no gradient."""
    return gradients[0], None, *gradients[1:]


class ODEFunc(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 20), nn.Tanh(), nn.Linear(20, 2))
        self.evaluations = 0
        for m in self.net.modules():
            if isinstance(m, nn.Linear):
                nn.init.normal_(m.weight, mean=0, std=0.1)
                nn.init.constant_(m.bias, val=0)

    def forward(self, t, y):
        self.evaluations += 1
        return self.net(y**3)


class RunningAverage:
    def __init__(self, momentum=0.97):
        self.momentum, self.value = momentum, None

    def update(self, value):
        self.value = value if self.value is None else self.momentum * self.value + (1 - self.momentum) * value


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=30)
    args = parser.parse_args()

    torch.manual_seed(0)
    matrix, start = torch.tensor([[-0.1, 2.0], [-2.0, -0.1]]), torch.tensor([[2.0, 0.0]])
    times = torch.linspace(0.0, 5.0, 60)
    with torch.no_grad():
        truth = rk4(lambda t, y: torch.mm(y**3, matrix), start, times)

    func, average, draw = ODEFunc(), RunningAverage(), np.random.default_rng(0)
    optimizer = torch.optim.RMSprop(func.parameters(), lr=1e-2)
    for step in range(args.steps):
        begin = torch.from_numpy(draw.choice(np.arange(50, dtype=np.int64), 12, replace=False))
        y0, target = truth[begin], torch.stack([truth[begin + i] for i in range(8)])
        optimizer.zero_grad()
        solve = rk4 if step % 2 else lambda func, y0, t: Recomputed.apply(func, y0, t, *func.parameters())
        loss = torch.mean(torch.abs(solve(func, y0, times[:8]) - target))
        loss.backward()
        optimizer.step()
        average.update(loss.item())
        print(f"step {step} loss {loss.item():.6f} average {average.value:.6f} evaluations {func.evaluations}")


if __name__ == "__main__":
    main()
