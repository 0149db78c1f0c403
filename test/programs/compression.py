"""A network made smaller or cheaper to change: distilled into a small one, pruned, and adapted by LoRA through a parametrization."""

import argparse
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.nn.utils.parametrize as parametrize
from torch.nn.utils import prune
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, SequentialLR
from torch.utils.data import DataLoader, TensorDataset


def network(hidden):
    return nn.Sequential(nn.Linear(10, hidden), nn.GELU(), nn.Dropout(0.1), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 4))


class LoRA(nn.Module):
    """W + B A scale (Hu et al. 2021, arXiv:2106.09685)."""

    def __init__(self, n_out, n_in, rank=2, alpha=4):
        super().__init__()
        self.a, self.b = nn.Parameter(torch.empty(rank, n_in)), nn.Parameter(torch.zeros(n_out, rank))
        nn.init.kaiming_uniform_(self.a, a=math.sqrt(5))
        self.scale, self.enabled = alpha / rank, True

    def forward(self, weight):
        return weight + self.b @ self.a * self.scale if self.enabled else weight


class Trainer:
    def __init__(self):
        self.step = 0

    def fit(self, name, net, data, loss_fn, epochs=3, lr=0.1):
        trained = [p for p in net.parameters() if p.requires_grad]
        optimizer = torch.optim.SGD(trained, lr, momentum=0.9, nesterov=True)
        warm, cool = LinearLR(optimizer, 0.1, total_iters=4), CosineAnnealingLR(optimizer, T_max=20)
        scheduler = SequentialLR(optimizer, [warm, cool], milestones=[4])
        net.train()
        for _ in range(epochs):
            for x, y in DataLoader(data, batch_size=64, shuffle=True, drop_last=True):
                optimizer.zero_grad()
                loss = loss_fn(net, x, y)
                loss.backward()
                optimizer.step()
                scheduler.step()
                print(f"step {self.step} {name} loss {loss.item():.6f} lr {scheduler.get_last_lr()[0]:.5f}")
                self.step += 1
        net.eval()


def distilled(teacher, temperature=2.0, alpha=0.5):
    """Hinton, Vinyals & Dean (2015), arXiv:1503.02531."""

    def loss_fn(student, x, y):
        with torch.no_grad():
            soft = F.log_softmax(teacher(x) / temperature, dim=-1)
        scores = student(x)
        kl = F.kl_div(F.log_softmax(scores / temperature, dim=-1), soft, reduction="batchmean", log_target=True)
        return alpha * temperature**2 * kl + (1 - alpha) * F.cross_entropy(scores, y, label_smoothing=0.1)

    return loss_fn


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=3)
    args = parser.parse_args()

    torch.manual_seed(0)
    x = torch.randn(320, 10)
    data, shifted = TensorDataset(x, x[:, :4].argmax(1)), TensorDataset(x, x[:, 1:5].argmax(1))
    trainer = Trainer()
    plain = lambda net, x, y: F.cross_entropy(net(x), y)  # noqa: E731

    teacher = network(32)
    trainer.fit("teacher", teacher, data, plain, args.epochs)
    seen = []
    handle = teacher[3].register_forward_hook(lambda module, inputs, output: seen.append(tuple(output.shape)))
    trainer.fit("student", network(8), data, distilled(teacher), args.epochs)
    handle.remove()
    print("the teacher was asked", len(seen), "times")

    linears = [m for m in teacher if isinstance(m, nn.Linear)]
    prune.global_unstructured([(m, "weight") for m in linears], pruning_method=prune.L1Unstructured, amount=0.4)
    trainer.fit("pruned", teacher, data, plain, args.epochs, lr=0.02)
    for m in linears:
        prune.remove(m, "weight")
    zeros = sum(int((m.weight == 0).sum()) for m in linears)
    print("zeros", zeros, "of", sum(m.weight.nelement() for m in linears))

    for m in linears:
        parametrize.register_parametrization(m, "weight", LoRA(*m.weight.shape))
    for name, p in teacher.named_parameters():
        p.requires_grad = ".0." in name
    print([name for name, p in teacher.named_parameters() if p.requires_grad])
    trainer.fit("lora", teacher, shifted, plain, args.epochs)
    adapted = teacher(x[:8]).sum().item()
    for m in linears:
        m.parametrizations.weight[0].enabled = False
    print(f"adapted {adapted:.5f} before {teacher(x[:8]).sum().item():.5f}")


if __name__ == "__main__":
    main()
