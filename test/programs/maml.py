"""MAML (Finn et al. 2017, arXiv:1703.03400) on sine waves, in two spellings that must agree.

``loop``: fast weights by autograd.grad(create_graph=True), task after task. ``func``: the inner step by torch.func.grad through
functional_call, all tasks at once by vmap.
"""

import argparse
import math
from collections import OrderedDict

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.func import functional_call, grad, vmap


class Net(nn.Module):
    def __init__(self, hidden=24):
        super().__init__()
        self.net = nn.Sequential(
            OrderedDict(
                l1=nn.Linear(1, hidden), a1=nn.Tanh(), l2=nn.Linear(hidden, hidden), a2=nn.Tanh(), l3=nn.Linear(hidden, 1)
            )
        )

    def forward(self, x):
        return self.net(x)

    def argforward(self, x, weights):
        x = F.linear(x, weights[0], weights[1]).tanh()
        x = F.linear(x, weights[2], weights[3]).tanh()
        return F.linear(x, weights[4], weights[5])


def tasks(count, shots):
    """Support and query sets of ``count`` sine waves: (count, shots, 1) each."""
    amplitude = torch.empty(count, 1, 1).uniform_(0.1, 5.0)
    phase = torch.empty(count, 1, 1).uniform_(0, math.pi)
    x = torch.rand(count, 2 * shots, 1) * 10 - 5
    y = amplitude * torch.sin(x - phase)
    return x[:, :shots], y[:, :shots], x[:, shots:], y[:, shots:]


def loop_loss(net, batch, inner_lr, inner_steps, first_order=False):
    outer = torch.tensor(0.0)
    for x, y, x_query, y_query in zip(*batch):
        weights = [w.clone() for w in net.parameters()]
        for _ in range(inner_steps):
            loss = F.mse_loss(net.argforward(x, weights), y)
            gradients = torch.autograd.grad(loss, weights, create_graph=not first_order)
            weights = [w - inner_lr * g for w, g in zip(weights, gradients)]
        outer = outer + F.mse_loss(net.argforward(x_query, weights), y_query)
    return outer / len(batch[0])


def func_loss(net, batch, inner_lr, inner_steps):
    params = dict(net.named_parameters())

    def compute_loss(params, x, y):
        return F.mse_loss(functional_call(net, params, (x,)), y)

    def adapted(x, y, x_query, y_query):
        fast = params
        for _ in range(inner_steps):
            grads = grad(compute_loss)(fast, x, y)
            fast = {k: fast[k] - inner_lr * g for k, g in grads.items()}
        return compute_loss(fast, x_query, y_query)

    return vmap(adapted)(*batch).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--inner-lr", type=float, default=0.01)
    args = parser.parse_args()

    torch.manual_seed(0)
    net = Net()
    optimizer = torch.optim.Adam(net.parameters(), lr=1e-2)
    for step in range(args.steps):
        batch = tasks(count=4, shots=5)
        loss = loop_loss(net, batch, args.inner_lr, inner_steps=2)
        vectorised = func_loss(net, batch, args.inner_lr, inner_steps=2)
        assert torch.allclose(loss, vectorised, rtol=1e-4), (loss, vectorised)
        optimizer.zero_grad()
        (loss if step % 2 else vectorised).backward()
        optimizer.step()
        print(f"step {step} loss {loss.item():.6f}")
    gradients = torch.autograd.grad(loop_loss(net, batch, args.inner_lr, 1, first_order=True), list(net.parameters()))
    print(f"first order norm {torch.cat([g.flatten() for g in gradients]).norm():.5f}")


if __name__ == "__main__":
    main()
