"""Optimizers that people write themselves: SAM around another, Lookahead with slow weights, Lion; and a schedule of one's own."""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import LRScheduler


class SAM(torch.optim.Optimizer):
    """A step to where the loss is worst nearby, and from there the gradient (Foret et al. 2020, arXiv:2010.01412)."""

    def __init__(self, params, base_optimizer, rho=0.05, adaptive=False, **kwargs):
        assert rho >= 0.0, f"rho must not be negative: {rho}"
        super().__init__(params, dict(rho=rho, adaptive=adaptive, **kwargs))
        self.base_optimizer = base_optimizer(self.param_groups, **kwargs)
        self.param_groups = self.base_optimizer.param_groups
        self.defaults.update(self.base_optimizer.defaults)

    @torch.no_grad()
    def first_step(self):
        norm = self._grad_norm()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                self.state[p]["old_p"] = p.data.clone()
                p.add_((torch.pow(p, 2) if group["adaptive"] else 1.0) * p.grad * (group["rho"] / (norm + 1e-12)).to(p))
        self.zero_grad()

    @torch.no_grad()
    def second_step(self):
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    p.data = self.state[p]["old_p"]
        self.base_optimizer.step()
        self.zero_grad()

    @torch.no_grad()
    def step(self, closure=None):
        closure = torch.enable_grad()(closure)
        loss = closure()
        self.first_step()
        closure()
        self.second_step()
        return loss

    def _grad_norm(self):
        norms = [
            ((torch.abs(p) if group["adaptive"] else 1.0) * p.grad).norm(p=2)
            for group in self.param_groups
            for p in group["params"]
            if p.grad is not None
        ]
        return torch.norm(torch.stack(norms), p=2)


class Lion(torch.optim.Optimizer):
    """The sign of an interpolated momentum (Chen et al. 2023, arXiv:2302.06675)."""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.99), weight_decay=0.0):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            (b1, b2), lr = group["betas"], group["lr"]
            for p in filter(lambda p: p.grad is not None, group["params"]):
                state = self.state[p]
                if len(state) == 0:
                    state["exp_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                average = state["exp_avg"]
                p.data.mul_(1 - lr * group["weight_decay"])
                update = average.clone().mul_(b1).add_(p.grad, alpha=1 - b1)
                p.add_(update.tanh_(), alpha=-lr)  # a smooth sign: two libraries agree on it
                average.mul_(b2).add_(p.grad, alpha=1 - b2)
        return loss


class Lookahead:
    """Every k steps the weights go half-way back to the slow ones (Zhang et al. 2019, arXiv:1907.08610)."""

    def __init__(self, optimizer, k=5, alpha=0.5):
        self.optimizer, self.k, self.alpha, self.count = optimizer, k, alpha, 0
        self.param_groups = optimizer.param_groups
        self.slow = [[p.detach().clone() for p in group["params"]] for group in self.param_groups]

    def zero_grad(self):
        self.optimizer.zero_grad()

    def step(self, closure=None):
        loss = self.optimizer.step(closure)
        self.count += 1
        if self.count % self.k == 0:
            for group, slow in zip(self.param_groups, self.slow):
                torch._foreach_lerp_(slow, [p.detach() for p in group["params"]], self.alpha)
                for p, s in zip(group["params"], slow):
                    p.data.copy_(s)
        return loss


class Warmup(LRScheduler):
    def __init__(self, optimizer, steps, last_epoch=-1):
        self.steps = steps
        super().__init__(optimizer, last_epoch)

    def get_lr(self):
        return [base * min(1.0, (self.last_epoch + 1) / self.steps) for base in self.base_lrs]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()

    makers = {
        "sam": lambda params: SAM(params, torch.optim.SGD, rho=0.1, adaptive=True, lr=0.1, momentum=0.9),
        "lion": lambda params: Lion(params, lr=1e-2, weight_decay=0.1),
        "lookahead": lambda params: Lookahead(torch.optim.RAdam(params, lr=2e-2)),
    }
    for name, make in makers.items():
        torch.manual_seed(0)
        net = nn.Sequential(nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, 3))
        optimizer = make(net.parameters())
        scheduler = Warmup(getattr(optimizer, "optimizer", optimizer), 5)
        for step in range(args.steps):
            x = torch.randn(32, 6)
            y = x[:, :3].argmax(1)

            def closure(net=net, optimizer=optimizer, x=x, y=y):
                optimizer.zero_grad()
                loss = F.cross_entropy(net(x), y)
                loss.backward()
                return loss

            loss = optimizer.step(closure)
            scheduler.step()
            print(f"step {step} {name} loss {loss.item():.6f} lr {scheduler.get_last_lr()[0]:.4f}")
    print(optimizer.optimizer)


if __name__ == "__main__":
    main()
