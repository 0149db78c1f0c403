"""Steps of training that a GPU is used for, small enough to be run by a CPU that plays one."""

from recorded import training

import minitorch as torch
from minitorch import nn
from minitorch.nn import functional as F

__all__ = ["PROGRAMS"]


def tour(device="cpu"):
    model = nn.Sequential(nn.Linear(2, 16), nn.Tanh(), nn.Linear(16, 1))
    return training(model, F.mse_loss, torch.randn(8, 2), torch.randn(8, 1), device=device)


def mnist_cnn(device="cpu"):
    features = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(4, 6, 3), nn.ReLU(), nn.AvgPool2d(2))
    model = nn.Sequential(features, nn.Flatten(), nn.Linear(6 * 6 * 6, 10))
    return training(model, F.cross_entropy, torch.randn(3, 1, 28, 28), torch.randint(10, (3,)), device=device)


class Residual(nn.Module):
    """Two convolutions beside a shortcut.   He et al. 2016, arXiv:1512.03385"""

    def __init__(self, channels, features, stride):
        super().__init__()
        self.first, self.norm = nn.Conv2d(channels, features, 3, stride, 1, bias=False), nn.BatchNorm2d(features)
        self.second, self.other = nn.Conv2d(features, features, 3, 1, 1, bias=False), nn.BatchNorm2d(features)
        self.shortcut = nn.Conv2d(channels, features, 1, stride, bias=False) if stride > 1 else nn.Identity()

    def forward(self, x):
        return F.relu(self.other(self.second(F.relu(self.norm(self.first(x))))) + self.shortcut(x))


def residual_net(device="cpu"):
    model = nn.Sequential(Residual(4, 4, 1), Residual(4, 6, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 10))
    return training(model, F.cross_entropy, torch.randn(2, 4, 8, 8), torch.randint(10, (2,)), device=device)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads, self.split, self.out = heads, nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = [part.view(batch, length, self.heads, -1).transpose(1, 2) for part in self.split(x).split(width, 2)]
        out = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.out(out.transpose(1, 2).reshape(batch, length, width))


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.before, self.attention, self.between = nn.LayerNorm(width), Attention(width, heads), nn.LayerNorm(width)
        self.rest = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width), nn.Dropout(0.1))

    def forward(self, x):
        x = x + self.attention(self.before(x))
        return x + self.rest(self.between(x))


class GPT(nn.Module):
    """Words and places, layers, words again by the same table."""

    def __init__(self, words=37, length=16, width=32, heads=4, layers=1):
        super().__init__()
        self.words, self.places = nn.Embedding(words, width), nn.Embedding(length, width)
        self.layers = nn.Sequential(*[Layer(width, heads) for _ in range(layers)])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, words, bias=False)
        self.head.weight = self.words.weight

    def forward(self, x):
        return self.head(self.norm(self.layers(self.words(x) + self.places(torch.arange(x.shape[1], device=x.device)))))


def gpt(device="cpu", narrow=False):
    """AdamW, clipped gradients, dropout; perhaps in bfloat16."""
    model = GPT().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, eps=1e-3)

    def step(x, y):
        optimizer.zero_grad()
        with torch.autocast(device, dtype=torch.bfloat16, enabled=narrow):
            loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten())
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return step, [torch.randint(37, (2, 16)).to(device) for _ in range(2)]


PROGRAMS = {
    "the tour's network": tour, "MNIST CNN": mnist_cnn, "residual net": residual_net, "GPT": gpt, "GPT in bfloat16": lambda device="cpu": gpt(device, True),
}
