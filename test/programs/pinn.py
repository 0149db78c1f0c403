"""A physics-informed network (Raissi et al. 2019): u'' + π² sin(πx) = 0, then Burgers' equation; Adam first, LBFGS after.

Second derivatives of the network come from autograd.grad with create_graph=True.
"""

import argparse
import math

import torch
import torch.nn as nn
from torch.autograd import grad


class MLP(nn.Module):
    def __init__(self, layers):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(a, b) for a, b in zip(layers[:-1], layers[1:])])
        self.apply(self.init)

    @staticmethod
    def init(m):
        if type(m) is nn.Linear:
            nn.init.xavier_normal_(m.weight, gain=5 / 3)
            m.bias.data.zero_()

    def forward(self, *inputs):
        x = torch.cat(inputs, dim=-1)
        for layer in self.layers[:-1]:
            x = torch.tanh(layer(x))
        return self.layers[-1](x)


def d(y, x):
    return grad(y, x, grad_outputs=torch.ones_like(y), create_graph=True, retain_graph=True)[0]


def poisson_loss(net):
    x = (2 * torch.linspace(0, 1, 33) ** 1.5 - 1).view(-1, 1).requires_grad_(True)  # symmetric points: gradients of nothing but rounding
    u = net(x)
    residual = d(d(u, x), x) + math.pi**2 * torch.sin(math.pi * x)
    boundary = net(torch.tensor([[-1.0], [1.0]]))
    return residual.pow(2).mean() + 10 * boundary.pow(2).mean()


class Burgers:
    """u_t + u u_x = ν u_xx on [0, 1] x [-1, 1], u(0, x) = -sin πx, u = 0 at the ends."""

    def __init__(self, points=64, nu=0.01 / math.pi * 10):
        self.nu = nu
        self.t = torch.rand(points, 1, requires_grad=True)
        self.x = (2 * torch.rand(points, 1) - 1).requires_grad_()
        self.x0 = torch.linspace(-1, 1, 17)[:, None]
        self.ends = torch.tensor([-1.0, 1.0]).repeat(8)[:, None], torch.rand(16, 1)

    def __call__(self, net):
        u = net(self.t, self.x)
        u_t, u_x = torch.autograd.grad(u.sum(), (self.t, self.x), create_graph=True)
        u_xx = torch.autograd.grad(u_x.sum(), self.x, create_graph=True)[0]
        inside = torch.mean((u_t + u * u_x - self.nu * u_xx) ** 2)
        start = torch.mean((net(torch.zeros_like(self.x0), self.x0) + torch.sin(math.pi * self.x0)) ** 2)
        return inside + start + net(self.ends[1], self.ends[0]).square().mean()


def train(name, net, loss_fn, adam_steps, lbfgs_steps):
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.99)
    for step in range(adam_steps):
        optimizer.zero_grad()
        loss = loss_fn(net)
        loss.backward()
        optimizer.step()
        scheduler.step()
        print(f"step {step} {name} loss {loss.item():.6f}")

    optimizer = torch.optim.LBFGS(net.parameters(), max_iter=4, history_size=20, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = loss_fn(net)
        loss.backward()
        return loss

    for step in range(adam_steps, adam_steps + lbfgs_steps):
        loss = optimizer.step(closure)
        print(f"step {step} {name} loss {loss.item():.6f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--adam", type=int, default=30)
    parser.add_argument("--lbfgs", type=int, default=5)
    args = parser.parse_args()

    torch.manual_seed(1234)
    torch.set_default_dtype(torch.float64)
    net = MLP([1, 16, 16, 1])
    train("poisson", net, poisson_loss, args.adam, args.lbfgs)
    x = torch.tensor([[0.5]], requires_grad=True)
    print(f"u(0.5) {net(x).item():.5f} slope {d(net(x), x).item():.4f}")
    train("burgers", MLP([2, 16, 16, 1]), Burgers(), args.adam, args.lbfgs)


if __name__ == "__main__":
    main()
