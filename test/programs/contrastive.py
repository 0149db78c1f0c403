"""Twins under five losses: triplet margin, cosine, margin contrastive, NT-Xent (SimCLR), supervised by CosineSimilarity ranking."""

import argparse

import torch
import torch.nn as nn
import torch.nn.functional as F


class Encoder(nn.Module):
    def __init__(self, width=16):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.BatchNorm2d(8), nn.LeakyReLU(0.1, inplace=True), nn.AvgPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        )  # fmt: skip
        self.head = nn.Linear(16, width)

    def forward_once(self, x):
        return self.head(self.features(x))

    def forward(self, *pictures):
        return [self.forward_once(x) for x in pictures]


class ContrastiveLoss(nn.Module):
    """Hadsell, Chopra & LeCun (2006): near where the labels agree, a margin apart where not."""

    def __init__(self, margin=2.0):
        super().__init__()
        self.margin = margin

    def forward(self, output1, output2, different):
        distance = F.pairwise_distance(output1, output2, keepdim=True)
        return torch.mean(
            (1 - different) * torch.pow(distance, 2)
            + different * torch.pow(torch.clamp(self.margin - distance, min=0.0), 2)
        )


def nt_xent(z1, z2, temperature=0.5):
    """Chen et al. (2020), arXiv:2002.05709: each picture's other view against all others of the batch."""
    z = F.normalize(torch.cat([z1, z2], dim=0), dim=1)
    n = z1.shape[0]
    similarity = torch.mm(z, z.t()) / temperature
    similarity.fill_diagonal_(float("-inf"))
    targets = torch.cat([torch.arange(n) + n, torch.arange(n)])
    return F.cross_entropy(similarity, targets)


def info_nce_with_mask(z1, z2, temperature=0.5):
    """The same by boolean masks, as older code has it."""
    z = torch.cat([z1, z2])
    similarity = F.cosine_similarity(z.unsqueeze(1), z.unsqueeze(0), dim=2) / temperature
    n = len(z)
    eye = torch.eye(n, dtype=torch.bool)
    pairs = torch.roll(eye, n // 2, dims=1)
    positives = similarity[pairs].view(n, 1)
    negatives = similarity[~(eye | pairs)].view(n, -1)
    logits = torch.cat([positives, negatives], dim=1)
    return nn.CrossEntropyLoss(reduction="sum")(logits, torch.zeros(n, dtype=torch.long)) / n


def views(batch, classes=4):
    """Anchors, pictures of the same class, pictures of another, and the labels."""
    y = torch.randint(classes, (batch,))
    other = (y + torch.randint(1, classes, (batch,))) % classes
    patterns = torch.sin(torch.arange(64.0).view(8, 8) * torch.linspace(0.2, 1.5, classes).view(-1, 1, 1)).unsqueeze(1)
    noise = torch.randn(3, batch, 1, 8, 8) * 0.3
    return patterns[y] + noise[0], patterns[y] + noise[1], patterns[other] + noise[2], y


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=10)
    args = parser.parse_args()

    losses = {
        "triplet": lambda a, p, n: nn.TripletMarginLoss(margin=1.0, p=2, swap=True)(a, p, n),
        "triplet by cosine": lambda a, p, n: nn.TripletMarginWithDistanceLoss(
            distance_function=lambda x, y: 1.0 - F.cosine_similarity(x, y), margin=0.5
        )(a, p, n),
        "cosine": lambda a, p, n: (
            nn.CosineEmbeddingLoss(margin=0.2)(a, p, torch.ones(len(a))) + F.cosine_embedding_loss(a, n, -torch.ones(len(a)))
        ),
        "contrastive": lambda a, p, n: ContrastiveLoss()(
            torch.cat([a, a]), torch.cat([p, n]), torch.tensor([0.0, 1.0]).repeat_interleave(len(a))[:, None]
        ),
        "nt-xent": lambda a, p, n: nt_xent(a, p),
        "masked": lambda a, p, n: info_nce_with_mask(a, p),
        "ranking": lambda a, p, n: nn.MarginRankingLoss(0.3)(
            nn.CosineSimilarity(dim=1)(a, p), nn.CosineSimilarity(dim=1)(a, n), torch.ones(len(a))
        ),
    }
    step = 0
    for name, loss_fn in losses.items():
        torch.manual_seed(42)
        net = Encoder()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
        for _ in range(args.steps):
            anchor, positive, negative, _ = views(16)
            loss = loss_fn(*net(anchor, positive, negative))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            print(f"step {step} {name} loss {loss.item():.6f}")
            step += 1

    net.eval()
    with torch.no_grad():
        anchor, positive, _, y = views(32)
        distances = torch.cdist(net.forward_once(anchor), net.forward_once(positive))
        nearest = distances.argmin(dim=1)
        print(f"same class {(y[nearest] == y).float().mean():.4f} median distance {distances.median():.5f}")


if __name__ == "__main__":
    main()
