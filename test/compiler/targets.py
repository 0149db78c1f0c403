"""Programs that are written for every machine: what a user would compile, and its arguments."""

from recorded import training

import minitorch as torch
from minitorch import nn
from minitorch.nn import functional as F

__all__ = ["PROGRAMS"]


def mlp():
    model = nn.Sequential(nn.Linear(20, 50), nn.ReLU(), nn.Linear(50, 7))
    return training(model, F.cross_entropy, torch.randn(33, 20), torch.randint(7, (33,)))


def chain():
    def normed(x, weight):
        return F.softmax(F.layer_norm(x, (37,), weight), -1).log1p().tanh() + x.erf().amax(0).sigmoid()

    return normed, (torch.randn(9, 5, 37), torch.randn(37))


def convolutions():
    model = nn.Sequential(nn.Conv2d(3, 10, 3, 2, 1), nn.BatchNorm2d(10), nn.ReLU(), nn.Conv2d(10, 6, 3), nn.MaxPool2d(2), nn.Flatten(), nn.LazyLinear(4))
    x = torch.randn(5, 3, 17, 15)
    model(x)
    return training(model, F.mse_loss, x, torch.randn(5, 4))


def taken_and_put():
    def moved(x, index, source):
        taken = x[index].gather(1, index[:, None])
        return taken, x.index_add(0, index, source), x.clone().index_put_((index,), source), x.int().double() * 3

    return moved, (torch.randn(11, 13), torch.tensor([3, 0, 10, 7, 3]), torch.randn(5, 13))


PROGRAMS = {"MLP": mlp, "chain": chain, "convolutions": convolutions, "take and put": taken_and_put}
