"""Train a small GPT on text kept in memory-mapped files. Radford et al. 2019; the manner of Karpathy's nanoGPT.

    python gpt.py prepare --out run
    python gpt.py train --out run --max_iters 60
    python gpt.py train --out run --max_iters 100 --init_from resume
    python gpt.py sample --out run
"""

import argparse
import inspect
import math
import os
import pickle
import random
import time
from contextlib import nullcontext
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn as nn
from torch.nn import functional as F


@dataclass
class GPTConfig:
    block_size: int = 32
    vocab_size: int = 64
    n_layer: int = 2
    n_head: int = 4
    n_embd: int = 32
    dropout: float = 0.0
    bias: bool = False


class LayerNorm(nn.Module):
    """LayerNorm, with a bias or without."""

    def __init__(self, ndim, bias):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(ndim))
        self.bias = nn.Parameter(torch.zeros(ndim)) if bias else None

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-5)


class CausalSelfAttention(nn.Module):
    def __init__(self, config, flash):
        super().__init__()
        assert config.n_embd % config.n_head == 0
        self.c_attn = nn.Linear(config.n_embd, 3 * config.n_embd, bias=config.bias)
        self.c_proj = nn.Linear(config.n_embd, config.n_embd, bias=config.bias)
        self.attn_dropout = nn.Dropout(config.dropout)
        self.resid_dropout = nn.Dropout(config.dropout)
        self.n_head, self.dropout = config.n_head, config.dropout
        self.flash = flash and hasattr(torch.nn.functional, "scaled_dot_product_attention")
        if not self.flash:
            mask = torch.tril(torch.ones(config.block_size, config.block_size))
            self.register_buffer("mask", mask.view(1, 1, config.block_size, config.block_size))

    def forward(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).split(C, dim=2)
        q, k, v = (t.view(B, T, self.n_head, C // self.n_head).transpose(1, 2) for t in (q, k, v))
        if self.flash:
            dropout = self.dropout if self.training else 0
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=None, dropout_p=dropout, is_causal=True)
        else:
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
            y = self.attn_dropout(F.softmax(att, dim=-1)) @ v
        return self.resid_dropout(self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C)))


class Block(nn.Module):
    def __init__(self, config, flash):
        super().__init__()
        self.ln_1 = LayerNorm(config.n_embd, bias=config.bias)
        self.attn = CausalSelfAttention(config, flash)
        self.ln_2 = LayerNorm(config.n_embd, bias=config.bias)
        self.mlp = nn.Sequential(
            nn.Linear(config.n_embd, 4 * config.n_embd, bias=config.bias),
            nn.GELU(approximate="tanh"),
            nn.Linear(4 * config.n_embd, config.n_embd, bias=config.bias),
            nn.Dropout(config.dropout),
        )

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class GPT(nn.Module):
    def __init__(self, config, flash=True):
        super().__init__()
        self.config = config
        self.transformer = nn.ModuleDict(
            dict(
                wte=nn.Embedding(config.vocab_size, config.n_embd),
                wpe=nn.Embedding(config.block_size, config.n_embd),
                drop=nn.Dropout(config.dropout),
                h=nn.ModuleList([Block(config, flash) for _ in range(config.n_layer)]),
                ln_f=LayerNorm(config.n_embd, bias=config.bias),
            )
        )
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.transformer.wte.weight = self.lm_head.weight  # the two share one matrix: Press & Wolf 2017
        self.apply(self._init_weights)
        for name, p in self.named_parameters():
            if name.endswith(("c_proj.weight", "mlp.2.weight")):
                torch.nn.init.normal_(p, mean=0.0, std=0.02 / math.sqrt(2 * config.n_layer))

    def _init_weights(self, module):
        if isinstance(module, nn.Linear):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)
            if module.bias is not None:
                torch.nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            torch.nn.init.normal_(module.weight, mean=0.0, std=0.02)

    def get_num_params(self):
        return sum(p.numel() for p in self.parameters()) - self.transformer.wpe.weight.numel()

    def forward(self, idx, targets=None):
        device = idx.device
        b, t = idx.size()
        assert t <= self.config.block_size, f"{t} tokens, but the block size is only {self.config.block_size}"
        pos = torch.arange(0, t, dtype=torch.long, device=device)
        x = self.transformer.drop(self.transformer.wte(idx) + self.transformer.wpe(pos))
        for block in self.transformer.h:
            x = block(x)
        x = self.transformer.ln_f(x)
        if targets is None:
            return self.lm_head(x[:, [-1], :]), None  # a list keeps the time dimension
        logits = self.lm_head(x)
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)

    def configure_optimizers(self, weight_decay, learning_rate, betas, device_type):
        params = {name: p for name, p in self.named_parameters() if p.requires_grad}
        decay = [p for p in params.values() if p.dim() >= 2]
        nodecay = [p for p in params.values() if p.dim() < 2]
        groups = [{"params": decay, "weight_decay": weight_decay}, {"params": nodecay, "weight_decay": 0.0}]
        print(f"decayed: {len(decay)} tensors with {sum(p.numel() for p in decay):,} parameters")
        print(f"not decayed: {len(nodecay)} tensors with {sum(p.numel() for p in nodecay):,} parameters")
        fused = "fused" in inspect.signature(torch.optim.AdamW).parameters and device_type == "cuda"
        return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, **(dict(fused=True) if fused else {}))

    @torch.no_grad()
    def generate(self, idx, max_new_tokens, temperature=1.0, top_k=None):
        for _ in range(max_new_tokens):
            logits, _ = self(idx[:, -self.config.block_size :])
            logits = logits[:, -1, :] / temperature
            if top_k is not None:
                v, _ = torch.topk(logits, min(top_k, logits.size(-1)))
                logits[logits < v[:, [-1]]] = -float("Inf")
            idx = torch.cat((idx, torch.multinomial(F.softmax(logits, dim=-1), num_samples=1)), dim=1)
        return idx


def prepare(args):
    """Write train.bin, val.bin and meta.pkl: sentences of a little grammar, letter by letter."""
    rng = random.Random(args.seed)
    who, does = ["the cat", "a dog", "Anna", "our old king", "nobody"], ["sees", "likes", "follows", "forgets"]
    sentences = [f"{rng.choice(who)} {rng.choice(does)} {rng.choice(who)}" for _ in range(600)]
    data = "".join(s[0].upper() + s[1:] + rng.choice([".\n", "!\n", ", and "]) for s in sentences)
    chars = sorted(set(data))
    stoi = {ch: i for i, ch in enumerate(chars)}
    ids = np.array([stoi[c] for c in data], dtype=np.uint16)
    n = int(0.9 * len(ids))
    os.makedirs(args.out, exist_ok=True)
    ids[:n].tofile(os.path.join(args.out, "train.bin"))
    ids[n:].tofile(os.path.join(args.out, "val.bin"))
    with open(os.path.join(args.out, "meta.pkl"), "wb") as f:
        pickle.dump({"vocab_size": len(chars), "itos": dict(enumerate(chars)), "stoi": stoi}, f)
    print(f"{len(ids):,} tokens, {len(chars)} different")


def get_batch(args, split, device):
    data = np.memmap(os.path.join(args.out, f"{split}.bin"), dtype=np.uint16, mode="r")
    ix = torch.randint(len(data) - args.block_size, (args.batch_size,))
    x = torch.stack([torch.from_numpy((data[i : i + args.block_size]).astype(np.int64)) for i in ix])
    y = torch.stack([torch.from_numpy((data[i + 1 : i + 1 + args.block_size]).astype(np.int64)) for i in ix])
    if device == "cuda":
        return x.pin_memory().to(device, non_blocking=True), y.pin_memory().to(device, non_blocking=True)
    return x.to(device), y.to(device)


@torch.no_grad()
def estimate_loss(args, model, ctx, device):
    out = {}
    model.eval()
    for split in ["train", "val"]:
        losses = torch.zeros(args.eval_iters)
        for k in range(args.eval_iters):
            X, Y = get_batch(args, split, device)
            with ctx:
                _, loss = model(X, Y)
            losses[k] = loss.item()
        out[split] = losses.mean()
    model.train()
    return out


def get_lr(args, it):
    """Linear warm-up, then a cosine down to a tenth."""
    if it < args.warmup_iters:
        return args.learning_rate * (it + 1) / (args.warmup_iters + 1)
    if it > args.lr_decay_iters:
        return args.learning_rate / 10
    ratio = (it - args.warmup_iters) / (args.lr_decay_iters - args.warmup_iters)
    return args.learning_rate * (0.1 + 0.45 * (1.0 + math.cos(math.pi * ratio)))


def train(args):
    torch.manual_seed(args.seed)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    device = "cuda" if torch.cuda.is_available() else "cpu"
    ptdtype = {"float32": torch.float32, "bfloat16": torch.bfloat16}[args.dtype]
    ctx = nullcontext() if args.dtype == "float32" else torch.amp.autocast(device_type=device, dtype=ptdtype)

    with open(os.path.join(args.out, "meta.pkl"), "rb") as f:
        vocab_size = pickle.load(f)["vocab_size"]
    path = os.path.join(args.out, "ckpt.pt")
    iter_num, best_val_loss, checkpoint = 0, 1e9, None
    config = GPTConfig(block_size=args.block_size, vocab_size=vocab_size, dropout=args.dropout, bias=args.bias)
    if args.init_from == "resume":
        checkpoint = torch.load(path, map_location=device)
        config = GPTConfig(**checkpoint["model_args"])
    model = GPT(config, flash=not args.slow_attention)
    if checkpoint is not None:
        state = checkpoint["model"]
        prefix = "_orig_mod."  # what torch.compile puts before each name
        for k in list(state):
            if k.startswith(prefix):
                state[k[len(prefix) :]] = state.pop(k)
        model.load_state_dict(state)
        iter_num, best_val_loss = checkpoint["iter_num"], checkpoint["best_val_loss"]
        torch.set_rng_state(checkpoint["rng"])
    model.to(device)
    print(f"number of parameters: {model.get_num_params() / 1e3:.2f}K")
    scaler = torch.amp.GradScaler(device, enabled=args.dtype == "float16")
    optimizer = model.configure_optimizers(args.weight_decay, args.learning_rate, (0.9, 0.95), device)
    if checkpoint is not None:
        optimizer.load_state_dict(checkpoint["optimizer"])
    checkpoint = None
    raw_model = model
    if args.compile:
        model = torch.compile(model)

    t0 = time.time()
    while iter_num <= args.max_iters:
        lr = get_lr(args, iter_num)
        for param_group in optimizer.param_groups:
            param_group["lr"] = lr
        if iter_num % args.eval_interval == 0:
            rng = torch.get_rng_state()  # a resumed run estimates again
            losses = estimate_loss(args, model, ctx, device)
            print(f"step {iter_num}: train loss {losses['train']:.6f}, val loss {losses['val']:.6f}")
            best_val_loss = min(best_val_loss, losses["val"])
            checkpoint = {
                "model": raw_model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "model_args": asdict(config),
                "iter_num": iter_num,
                "best_val_loss": best_val_loss,
                "rng": rng,
                "config": vars(args),
            }
            torch.save(checkpoint, path)
        for _ in range(args.gradient_accumulation_steps):
            X, Y = get_batch(args, "train", device)
            with ctx:
                _, loss = model(X, Y)
                loss = loss / args.gradient_accumulation_steps
            scaler.scale(loss).backward()
        if args.grad_clip != 0.0:
            scaler.unscale_(optimizer)
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), args.grad_clip)
        scaler.step(optimizer)
        scaler.update()
        optimizer.zero_grad(set_to_none=True)
        lossf = loss.item() * args.gradient_accumulation_steps
        print(f"iter {iter_num}: loss {lossf:.6f}, lr {lr:.6e}, norm {norm:.5f}")
        iter_num += 1
    assert time.time() > t0


def sample(args):
    torch.manual_seed(args.seed)
    checkpoint = torch.load(os.path.join(args.out, "ckpt.pt"), map_location="cpu", weights_only=True)
    model = GPT(GPTConfig(**checkpoint["model_args"]), flash=not args.slow_attention)
    model.load_state_dict(checkpoint["model"])
    model.eval()
    with open(os.path.join(args.out, "meta.pkl"), "rb") as f:
        meta = pickle.load(f)
    x = torch.tensor([meta["stoi"][c] for c in "The cat"], dtype=torch.long)[None, ...]
    for _ in range(2):
        y = model.generate(x, 60, temperature=0.8, top_k=5)
        print("".join(meta["itos"][i] for i in y[0].tolist()))
        print("---------------")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=["prepare", "train", "sample"])
    defaults = dict(
        out="out", seed=1337, dtype="float32", init_from="scratch", block_size=32, batch_size=8, dropout=0.0,
        gradient_accumulation_steps=2, max_iters=60, lr_decay_iters=100, warmup_iters=10, learning_rate=1e-2,
        weight_decay=0.1, grad_clip=1.0, eval_interval=20, eval_iters=4,
    )  # fmt: skip
    for name, value in defaults.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    for name in ["compile", "bias", "slow_attention"]:
        parser.add_argument(f"--{name}", action="store_true")
    args = parser.parse_args()
    globals()[args.command](args)


if __name__ == "__main__":
    main()
