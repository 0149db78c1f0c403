"""A vision transformer, its tensors moved by einops. Dosovitskiy et al. 2021, arXiv:2010.11929."""

import argparse
import copy
import math

import torch
import torch.nn.functional as F
from einops import pack, rearrange, reduce, repeat, unpack
from einops.layers.torch import Rearrange, Reduce
from torch import einsum, nn
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader, TensorDataset


def pair(t):
    return t if isinstance(t, tuple) else (t, t)


class FeedForward(nn.Module):
    def __init__(self, dim, hidden_dim, dropout=0.0):
        super().__init__()
        self.net = nn.Sequential(
            nn.LayerNorm(dim),
            nn.Linear(dim, hidden_dim),
            nn.GELU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_dim, dim),
            nn.Dropout(dropout),
        )

    def forward(self, x):
        return self.net(x)


class Attention(nn.Module):
    def __init__(self, dim, heads=4, dim_head=8, dropout=0.0):
        super().__init__()
        inner_dim = dim_head * heads
        self.heads, self.scale = heads, dim_head**-0.5
        self.norm = nn.LayerNorm(dim)
        self.attend = nn.Softmax(dim=-1)
        self.dropout = nn.Dropout(dropout)
        self.to_qkv = nn.Linear(dim, inner_dim * 3, bias=False)
        project_out = not (heads == 1 and dim_head == dim)
        self.to_out = nn.Sequential(nn.Linear(inner_dim, dim), nn.Dropout(dropout)) if project_out else nn.Identity()

    def forward(self, x):
        qkv = self.to_qkv(self.norm(x)).chunk(3, dim=-1)
        q, k, v = map(lambda t: rearrange(t, "b n (h d) -> b h n d", h=self.heads), qkv)
        dots = einsum("b h i d, b h j d -> b h i j", q, k) * self.scale
        attn = self.dropout(self.attend(dots))
        out = torch.einsum("b h i j, b h j d -> b h i d", attn, v)
        return self.to_out(rearrange(out, "b h n d -> b n (h d)"))


class Transformer(nn.Module):
    def __init__(self, dim, depth, heads, dim_head, mlp_dim, dropout=0.0):
        super().__init__()
        self.norm = nn.LayerNorm(dim)
        self.layers = nn.ModuleList([])
        for _ in range(depth):
            pieces = [Attention(dim, heads, dim_head, dropout), FeedForward(dim, mlp_dim, dropout)]
            self.layers.append(nn.ModuleList(pieces))

    def forward(self, x):
        for attn, ff in self.layers:
            x = attn(x) + x
            x = ff(x) + x
        return self.norm(x)


class ViT(nn.Module):
    def __init__(
        self, *, image_size, patch_size, num_classes, dim, depth, heads, mlp_dim,
        pool="cls", channels=3, dim_head=8, dropout=0.0, emb_dropout=0.0,
    ):  # fmt: skip
        super().__init__()
        (image_height, image_width), (patch_height, patch_width) = pair(image_size), pair(patch_size)
        assert image_height % patch_height == 0 and image_width % patch_width == 0, "the patches must tile the image"
        num_patches = (image_height // patch_height) * (image_width // patch_width)
        patch_dim = channels * patch_height * patch_width
        assert pool in {"cls", "mean"}, "pool type must be either cls (cls token) or mean (mean pooling)"

        self.to_patch_embedding = nn.Sequential(
            Rearrange("b c (h p1) (w p2) -> b (h w) (p1 p2 c)", p1=patch_height, p2=patch_width),
            nn.LayerNorm(patch_dim),
            nn.Linear(patch_dim, dim),
            nn.LayerNorm(dim),
        )
        self.pos_embedding = nn.Parameter(torch.randn(1, num_patches + 1, dim))
        self.cls_token = nn.Parameter(torch.randn(dim))
        self.dropout = nn.Dropout(emb_dropout)
        self.transformer = Transformer(dim, depth, heads, dim_head, mlp_dim, dropout)
        self.pool = pool
        self.mean = Reduce("b n d -> b d", "mean")
        self.mlp_head = nn.Linear(dim, num_classes)

    def forward(self, img):
        x = self.to_patch_embedding(img)
        b, n, _ = x.shape
        cls_tokens = repeat(self.cls_token, "d -> b d", b=b)
        x, ps = pack([cls_tokens, x], "b * d")
        x += self.pos_embedding[:, : (n + 1)]
        x = self.transformer(self.dropout(x))
        if self.pool == "mean":
            return self.mlp_head(self.mean(x))
        cls_tokens, _ = unpack(x, ps, "b * d")
        return self.mlp_head(cls_tokens)


class EMA:
    """A copy of the model whose weights follow slowly."""

    def __init__(self, model, decay):
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = decay

    @torch.no_grad()
    def update(self, model):
        for ours, theirs in zip(self.model.state_dict().values(), model.state_dict().values()):
            ours.lerp_(theirs, 1 - self.decay)


def checkered(count, generator):
    """Pictures (3, 16, 16) of checks; the class tells how wide they are and which colour is strongest."""
    labels = torch.randint(6, (count,), generator=generator)
    y, x = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    width = repeat(labels % 2 + 2, "n -> n 1 1")
    checks = ((x // width + y // width) % 2).float()
    colour = F.one_hot(labels // 2, 3) * 0.5 + 0.25
    pictures = einsum("nhw,nc->nchw", checks, colour)
    return pictures + 0.3 * torch.randn(pictures.shape, generator=generator), labels


def mixup(images, labels, alpha, classes):
    """Each picture mixed with another, and its label likewise. Zhang et al. 2018."""
    share = torch.distributions.Beta(alpha, alpha).sample((len(images),))
    other = torch.randperm(len(images))
    soft = F.one_hot(labels, classes).float()
    images = torch.lerp(images[other], images, rearrange(share, "b -> b 1 1 1"))
    return images, torch.lerp(soft[other], soft, rearrange(share, "b -> b 1"))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--pool", default="cls")
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--mixup", type=float, default=0.0)
    args = parser.parse_args()
    torch.manual_seed(42)
    generator = torch.Generator().manual_seed(0)
    train, valid = [TensorDataset(*checkered(n, generator)) for n in (320, 96)]
    model = ViT(
        image_size=16, patch_size=4, num_classes=6, dim=32, depth=2, heads=4, mlp_dim=48,
        pool=args.pool, dropout=args.dropout, emb_dropout=args.dropout,
    )  # fmt: skip
    ema = EMA(model, decay=0.95)
    print(sum(p.numel() for p in model.parameters() if p.requires_grad), "parameters")
    loader = DataLoader(train, args.batch, shuffle=True, generator=generator)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05)
    total, warmup = args.epochs * len(loader), 10

    def rate(step):
        return (step + 1) / warmup if step < warmup else 0.5 * (1 + math.cos(math.pi * (step - warmup) / (total - warmup)))

    scheduler = LambdaLR(optimizer, rate)
    step = 0
    for _ in range(args.epochs):
        model.train()
        for images, labels in loader:
            if args.mixup > 0:
                images, labels = mixup(images, labels, args.mixup, 6)
            loss = F.cross_entropy(model(images), labels, label_smoothing=0.1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            ema.update(model)
            print(f"step {step} loss {loss.item():.6f} lr {scheduler.get_last_lr()[0]:.3e}")
            step += 1
        ema.model.eval()
        with torch.no_grad():
            parts = [(ema.model(x), y) for x, y in DataLoader(valid, 32)]
        logits, labels = (torch.cat(p) for p in zip(*parts))
        hits = reduce((logits.argmax(-1) == labels).float(), "n -> ", "mean")
        print(f"valid loss {F.cross_entropy(logits, labels):.5f} accuracy {hits.item():.4f}")


if __name__ == "__main__":
    main()
