"""A decoder as large models have it: RMSNorm, rotary positions as complex numbers, grouped keys, SwiGLU, a cache, nucleus sampling."""

import argparse
import math
from dataclasses import dataclass
from typing import Optional

import torch
import torch.nn as nn
import torch.nn.functional as F


@dataclass
class ModelArgs:
    dim: int = 32
    n_layers: int = 2
    n_heads: int = 4
    n_kv_heads: Optional[int] = 2
    vocab_size: int = 20
    norm_eps: float = 1e-5
    max_seq_len: int = 32


class RMSNorm(nn.Module):
    """x / √mean x² (Zhang & Sennrich 2019, arXiv:1910.07467)."""

    def __init__(self, dim, eps):
        super().__init__()
        self.eps, self.weight = eps, nn.Parameter(torch.ones(dim))

    def forward(self, x):
        scaled = x.float() * torch.rsqrt(x.float().pow(2).mean(-1, keepdim=True) + self.eps)
        return scaled.type_as(x) * self.weight


def rotations(dim, end, theta=10000.0):
    """Su et al. 2021, arXiv:2104.09864."""
    frequencies = 1.0 / (theta ** (torch.arange(0, dim, 2)[: dim // 2].float() / dim))
    angles = torch.outer(torch.arange(end, dtype=torch.float32), frequencies)
    return torch.polar(torch.ones_like(angles), angles)


def rotate(x, turns):
    pairs = torch.view_as_complex(x.float().reshape(*x.shape[:-1], -1, 2))
    return torch.view_as_real(pairs * turns.view(1, x.shape[1], 1, -1)).flatten(3).type_as(x)


class Attention(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.heads, self.kv_heads, self.head_dim = args.n_heads, args.n_kv_heads or args.n_heads, args.dim // args.n_heads
        self.wq = nn.Linear(args.dim, self.heads * self.head_dim, bias=False)
        self.wk = nn.Linear(args.dim, self.kv_heads * self.head_dim, bias=False)
        self.wv = nn.Linear(args.dim, self.kv_heads * self.head_dim, bias=False)
        self.wo = nn.Linear(args.dim, args.dim, bias=False)
        shape = 4, args.max_seq_len, self.kv_heads, self.head_dim
        self.register_buffer("cache_k", torch.zeros(shape), persistent=False)
        self.register_buffer("cache_v", torch.zeros(shape), persistent=False)

    def forward(self, x, start, turns, mask, cached):
        batch, length, _ = x.shape
        q = rotate(self.wq(x).view(batch, length, self.heads, self.head_dim), turns)
        k = rotate(self.wk(x).view(batch, length, self.kv_heads, self.head_dim), turns)
        v = self.wv(x).view(batch, length, self.kv_heads, self.head_dim)
        if cached:
            self.cache_k[:batch, start : start + length], self.cache_v[:batch, start : start + length] = k, v
            k, v = self.cache_k[:batch, : start + length], self.cache_v[:batch, : start + length]
        k, v = (t.repeat_interleave(self.heads // self.kv_heads, dim=2).transpose(1, 2) for t in (k, v))
        scores = torch.matmul(q.transpose(1, 2), k.transpose(2, 3)) / math.sqrt(self.head_dim)
        if mask is not None:
            scores = scores + mask
        out = torch.matmul(F.softmax(scores.float(), dim=-1).type_as(q), v)
        return self.wo(out.transpose(1, 2).contiguous().view(batch, length, -1))


class FeedForward(nn.Module):
    """SwiGLU (Shazeer 2020, arXiv:2002.05202)."""

    def __init__(self, dim, multiple_of=8):
        super().__init__()
        hidden = multiple_of * ((int(8 * dim / 3) + multiple_of - 1) // multiple_of)
        self.w1, self.w3 = nn.Linear(dim, hidden, bias=False), nn.Linear(dim, hidden, bias=False)
        self.w2 = nn.Linear(hidden, dim, bias=False)

    def forward(self, x):
        return self.w2(F.silu(self.w1(x)) * self.w3(x))


class Block(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.attention, self.feed_forward = Attention(args), FeedForward(args.dim)
        self.attention_norm, self.ffn_norm = RMSNorm(args.dim, args.norm_eps), nn.RMSNorm(args.dim, eps=args.norm_eps)

    def forward(self, x, *rest):
        h = x + self.attention(self.attention_norm(x), *rest)
        return h + self.feed_forward(self.ffn_norm(h))


class Transformer(nn.Module):
    def __init__(self, args):
        super().__init__()
        self.tok_embeddings = nn.Embedding(args.vocab_size, args.dim)
        self.layers = nn.ModuleList([Block(args) for _ in range(args.n_layers)])
        self.norm, self.output = RMSNorm(args.dim, args.norm_eps), nn.Linear(args.dim, args.vocab_size, bias=False)
        self.register_buffer("turns", rotations(args.dim // args.n_heads, args.max_seq_len), persistent=False)

    def forward(self, tokens, start=0, cached=False):
        length, mask = tokens.shape[1], None
        if length > 1:
            mask = torch.triu(torch.full((length, length), float("-inf")), diagonal=1)
            mask = torch.hstack([torch.zeros((length, start)), mask])
        h = self.tok_embeddings(tokens)
        for layer in self.layers:
            h = layer(h, start, self.turns[start : start + length], mask, cached)
        return self.output(self.norm(h)).float()


def sample_top_p(probabilities, p):
    """Nucleus sampling (Holtzman et al. 2019, arXiv:1904.09751)."""
    ordered, index = torch.sort(probabilities, dim=-1, descending=True)
    ordered[torch.cumsum(ordered, dim=-1) - ordered > p] = 0.0
    ordered.div_(ordered.sum(dim=-1, keepdim=True))
    return torch.gather(index, -1, torch.multinomial(ordered, num_samples=1))


@torch.inference_mode()
def generate(model, tokens, count):
    position = 0
    for _ in range(count):
        logits = model(tokens[:, position:], position, cached=True)[:, -1]
        position = tokens.shape[1]
        tokens = torch.cat([tokens, sample_top_p(torch.softmax(logits / 0.6, dim=-1), 0.9)], dim=1)
    return tokens


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=25)
    args = parser.parse_args()

    torch.manual_seed(0)
    model = Transformer(ModelArgs())
    decay = [p for p in model.parameters() if p.dim() >= 2]
    plain = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": decay, "weight_decay": 0.1}, {"params": plain, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=5e-3, betas=(0.9, 0.95), fused=False)
    for step in range(args.steps):
        tokens = (torch.arange(17) * torch.randint(1, 3, (8, 1)) + torch.randint(20, (8, 1))) % 20
        logits = model(tokens[:, :-1])
        loss = F.cross_entropy(logits.view(-1, 20), tokens[:, 1:].reshape(-1))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        print(f"step {step} loss {loss.item():.6f}")

    model.eval()
    prompt = torch.tensor([[1, 2, 3], [7, 9, 11]])
    with torch.no_grad():
        whole = model(prompt)[:, -1]
        model(prompt[:, :2], 0, cached=True)
        print("the cache agrees:", torch.allclose(whole, model(prompt[:, 2:], 2, cached=True)[:, -1], atol=1e-5))
    print("generated", generate(model, prompt, 8).tolist())


if __name__ == "__main__":
    main()
