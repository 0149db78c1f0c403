"""Collaborative filtering: matrix factorisation with biases, and a bag of tags for each item; ratings come by worker processes."""

import argparse

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, WeightedRandomSampler, random_split


class Ratings(Dataset):
    """Made-up ratings: users and items have tastes in two dimensions, items have a few tags each."""

    def __init__(self, count=320, users=30, items=20, tags=15):
        draw = torch.Generator().manual_seed(1)
        self.users = torch.randint(users, (count,), generator=draw)
        self.items = torch.randint(items, (count,), generator=draw)
        tastes = torch.randn(users, 2, generator=draw), torch.randn(items, 2, generator=draw)
        self.ratings = (3 + (tastes[0][self.users] * tastes[1][self.items]).sum(1)).clamp(1, 5)
        lengths = torch.randint(1, 5, (items,), generator=draw)
        self.tags = [torch.randint(tags, (int(n),), generator=draw) for n in lengths]

    def __len__(self):
        return len(self.ratings)

    def __getitem__(self, i):
        return {"user": self.users[i], "item": self.items[i], "rating": self.ratings[i], "tags": self.tags[self.items[i]]}


def collate(rows):
    batch = {key: torch.stack([row[key] for row in rows]) for key in ("user", "item", "rating")}
    batch["tags"] = torch.cat([row["tags"] for row in rows])
    batch["offsets"] = torch.tensor([0] + [len(row["tags"]) for row in rows][:-1]).cumsum(0)
    return batch


class Factors(nn.Module):
    def __init__(self, users, items, tags, width=8):
        super().__init__()
        self.user, self.item = nn.Embedding(users, width), nn.Embedding(items, width, max_norm=1.5)
        self.user_bias, self.item_bias = nn.Embedding(users, 1), nn.Embedding(items, 1)
        self.tags = nn.EmbeddingBag(tags, width, mode="mean")
        self.mlp = nn.Sequential(nn.Linear(3 * width, 16), nn.PReLU(), nn.LayerNorm(16), nn.Linear(16, 1))
        self.register_buffer("mean", torch.tensor(3.0))
        for table in (self.user, self.item):
            nn.init.normal_(table.weight, std=0.1)
        for table in (self.user_bias, self.item_bias):
            nn.init.zeros_(table.weight)

    def forward(self, batch):
        p, q, t = self.user(batch["user"]), self.item(batch["item"]), self.tags(batch["tags"], batch["offsets"])
        bias = (self.user_bias(batch["user"]) + self.item_bias(batch["item"])).squeeze(-1)
        return self.mean + bias + (p * q).sum(1) + self.mlp(torch.cat([p, q, t], 1)).squeeze(-1)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()

    torch.manual_seed(0)
    data = Ratings()
    train, test = random_split(data, [0.8, 0.2], generator=torch.Generator().manual_seed(42))
    weights = torch.where(data.ratings[train.indices] < 2, 3.0, 1.0)  # low ratings are rare
    sampler = WeightedRandomSampler(weights, len(train))
    loader = DataLoader(
        train, 32, sampler=sampler, collate_fn=collate, num_workers=args.workers, persistent_workers=args.workers > 0
    )
    model = Factors(30, 20, 15)
    tables = [p for name, p in model.named_parameters() if not name.startswith("mlp")]
    groups = [{"params": tables, "weight_decay": 1e-4}, {"params": model.mlp.parameters()}]
    optimizer = torch.optim.Adagrad(groups, lr=0.05)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0, threshold=0.05)

    step = 0
    for epoch in range(args.epochs):
        model.train()
        for batch in loader:
            optimizer.zero_grad()
            loss = nn.functional.mse_loss(model(batch), batch["rating"])
            loss.backward()
            optimizer.step()
            print(f"step {step} loss {loss.item():.6f}")
            step += 1
        model.eval()
        with torch.no_grad():
            squares = sum(((model(b) - b["rating"]) ** 2).sum() for b in DataLoader(test, 16, collate_fn=collate))
        rmse = (squares / len(test)).sqrt().item()
        scheduler.step(rmse)
        print(f"epoch {epoch} rmse {rmse:.5f} lr {optimizer.param_groups[0]['lr']:g}")
    best = torch.topk(model.item.weight @ model.user.weight[0], 3)
    print("recommended", best.indices.tolist())


if __name__ == "__main__":
    main()
