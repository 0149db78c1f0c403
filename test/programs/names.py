"""Make more names: letter by letter, by one of several models. In the manner of Karpathy's makemore.

    python names.py --model transformer --max-steps 100

mlp: Bengio et al. 2003; rnn: Mikolov et al. 2010; gru: Cho et al. 2014; transformer: Vaswani et al. 2017.
"""

import argparse
import math
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import List

import torch
import torch.nn as nn
from torch.nn import functional as F
from torch.utils.data import Dataset
from torch.utils.data.dataloader import DataLoader


@dataclass
class ModelConfig:
    block_size: int = None
    vocab_size: int = None
    n_layer: int = 2
    n_head: int = 2
    n_embd: int = 24
    n_embd2: int = 32


# -----------------------------------------------------------------------------------------------------------------
# Models: forward(idx, targets=None) -> (logits, loss)


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.block_size, self.vocab_size = config.block_size, config.vocab_size

    def get_block_size(self):
        return self.block_size

    def forward(self, idx, targets=None):
        logits = self.logits(idx)
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
        return logits, loss


class MLP(Model):
    """Reads the last block_size letters; letters before the first are a token of their own."""

    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size + 1, config.n_embd)
        self.mlp = nn.Sequential(
            nn.Linear(self.block_size * config.n_embd, config.n_embd2),
            nn.Tanh(),
            nn.Linear(config.n_embd2, self.vocab_size),
        )

    def logits(self, idx):
        embs = []
        for _ in range(self.block_size):
            embs.append(self.wte(idx))
            idx = torch.roll(idx, 1, 1)
            idx[:, 0] = self.vocab_size
        return self.mlp(torch.cat(embs, -1))


class RNNCell(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.xh_to_h = nn.Linear(config.n_embd + config.n_embd2, config.n_embd2)

    def forward(self, xt, hprev):
        return torch.tanh(self.xh_to_h(torch.cat([xt, hprev], dim=1)))


class GRUCell(nn.Module):
    def __init__(self, config):
        super().__init__()
        size = config.n_embd + config.n_embd2
        self.xh_to_z, self.xh_to_r, self.xh_to_hbar = (nn.Linear(size, config.n_embd2) for _ in range(3))

    def forward(self, xt, hprev):
        xh = torch.cat([xt, hprev], dim=1)
        r = F.sigmoid(self.xh_to_r(xh))
        hbar = torch.tanh(self.xh_to_hbar(torch.cat([xt, r * hprev], dim=1)))
        z = torch.sigmoid(self.xh_to_z(xh))
        return (1 - z) * hprev + z * hbar


class RNN(Model):
    def __init__(self, config, cell):
        super().__init__(config)
        self.start = nn.Parameter(torch.zeros(1, config.n_embd2))
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.cell = cell(config)
        self.lm_head = nn.Linear(config.n_embd2, self.vocab_size)

    def logits(self, idx):
        b, t = idx.size()
        emb = self.wte(idx)
        hprev = self.start.expand((b, -1))
        hiddens = []
        for i in range(t):
            hprev = self.cell(emb[:, i, :], hprev)
            hiddens.append(hprev)
        return self.lm_head(torch.stack(hiddens, 1))


class CausalBoW(nn.Module):
    """The mean of what came before: attention that likes all places equally."""

    def __init__(self, config):
        super().__init__()
        T = config.block_size
        self.register_buffer("bias", torch.tril(torch.ones(T, T)).view(1, T, T))

    def forward(self, x):
        B, T, C = x.size()
        att = torch.zeros((B, T, T), device=x.device)
        att = att.masked_fill(self.bias[:, :T, :T] == 0, float("-inf"))
        return F.softmax(att, dim=-1) @ x


class BoW(Model):
    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.cbow = CausalBoW(config)
        self.mlp = nn.ModuleDict(
            {"c_fc": nn.Linear(config.n_embd, config.n_embd2), "c_proj": nn.Linear(config.n_embd2, config.n_embd)}
        )
        self.lm_head = nn.Linear(config.n_embd, self.vocab_size)

    def logits(self, idx):
        pos = torch.arange(0, idx.size(1), dtype=torch.long, device=idx.device).unsqueeze(0)
        x = self.wte(idx) + self.wpe(pos)
        x = x + self.cbow(x)
        x = x + self.mlp.c_proj(F.tanh(self.mlp["c_fc"](x)))
        return self.lm_head(x)


class NewGELU(nn.Module):
    def forward(self, x):
        return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        C, T = config.n_embd, config.block_size
        self.ln_1, self.ln_2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.c_attn, self.c_proj = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.mlp = nn.Sequential(nn.Linear(C, 4 * C), NewGELU(), nn.Linear(4 * C, C))
        self.n_head = config.n_head
        self.register_buffer("bias", torch.tril(torch.ones(T, T)).view(1, 1, T, T))

    def attend(self, x):
        B, T, C = x.size()
        q, k, v = self.c_attn(x).view(B, T, 3, self.n_head, C // self.n_head).permute(2, 0, 3, 1, 4)
        att = (q @ k.transpose(-2, -1)) * (k.size(-1) ** -0.5)
        att = F.softmax(att.masked_fill(self.bias[:, :, :T, :T] == 0, float("-inf")), dim=-1)
        return self.c_proj((att @ v).transpose(1, 2).contiguous().view(B, T, C))

    def forward(self, x):
        x = x + self.attend(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Transformer(Model):
    def __init__(self, config):
        super().__init__(config)
        self.wte = nn.Embedding(config.vocab_size, config.n_embd)
        self.wpe = nn.Embedding(config.block_size, config.n_embd)
        self.h = nn.ModuleList([Block(config) for _ in range(config.n_layer)])
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.lm_head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        print("number of parameters: %d" % sum(p.numel() for p in self.h.parameters()))

    def logits(self, idx):
        pos = torch.arange(idx.size(1), device=idx.device).unsqueeze(0)
        x = self.wte(idx) + self.wpe(pos)
        for block in self.h:
            x = block(x)
        return self.lm_head(self.ln_f(x))


# -----------------------------------------------------------------------------------------------------------------
# Data


class CharDataset(Dataset):
    def __init__(self, words: List[str], chars, max_word_length):
        self.words = words
        self.max_word_length = max_word_length
        self.stoi = {ch: i + 1 for i, ch in enumerate(chars)}
        self.itos = {i: s for s, i in self.stoi.items()}

    def __len__(self):
        return len(self.words)

    def get_vocab_size(self):
        return len(self.stoi) + 1  # 0 begins and ends a word

    def get_output_length(self):
        return self.max_word_length + 1

    def encode(self, word):
        return torch.tensor([self.stoi[w] for w in word], dtype=torch.long)

    def decode(self, ix):
        return "".join(self.itos[i] for i in ix)

    def __getitem__(self, idx):
        ix = self.encode(self.words[idx])
        x = torch.zeros(self.max_word_length + 1, dtype=torch.long)
        y = torch.zeros(self.max_word_length + 1, dtype=torch.long)
        x[1 : 1 + len(ix)] = ix
        y[: len(ix)] = ix
        y[len(ix) + 1 :] = -1  # ignored
        return x, y


def create_datasets(path):
    words = [w.strip().lower() for w in path.read_text(encoding="utf-8").splitlines() if w.strip()]
    chars = sorted(list(set("".join(words))))
    longest = max(len(w) for w in words)
    test_size = min(1000, int(len(words) * 0.1))
    order = torch.randperm(len(words)).tolist()
    train, test = [words[i] for i in order[:-test_size]], [words[i] for i in order[-test_size:]]
    print(f"{len(train)} words to learn from, {len(test)} kept apart, {len(chars)} letters")
    return CharDataset(train, chars, longest), CharDataset(test, chars, longest)


class InfiniteDataLoader:
    """Batches without end, each example drawn anew."""

    def __init__(self, dataset, **kwargs):
        sampler = torch.utils.data.RandomSampler(dataset, replacement=True, num_samples=int(1e10))
        self.train_loader = DataLoader(dataset, sampler=sampler, **kwargs)
        self.data_iter = iter(self.train_loader)

    def next(self):
        try:
            return next(self.data_iter)
        except StopIteration:
            self.data_iter = iter(self.train_loader)
            return next(self.data_iter)


@torch.no_grad()
def generate(model, idx, max_new_tokens, temperature=1.0, do_sample=False, top_k=None):
    for _ in range(max_new_tokens):
        idx_cond = idx if idx.size(1) <= model.get_block_size() else idx[:, -model.get_block_size() :]
        logits, _ = model(idx_cond)
        logits = logits[:, -1, :] / temperature
        if top_k is not None:
            v, _ = torch.topk(logits, top_k)
            logits[logits < v[:, [-1]]] = -float("Inf")
        probs = F.softmax(logits, dim=-1)
        idx_next = torch.multinomial(probs, num_samples=1) if do_sample else torch.topk(probs, k=1, dim=-1)[1]
        idx = torch.cat((idx, idx_next), dim=1)
    return idx


@torch.inference_mode()
def evaluate(model, dataset, device, batch_size=50, max_batches=None):
    model.eval()
    loader = DataLoader(dataset, shuffle=True, batch_size=batch_size, num_workers=0)
    losses = []
    for i, batch in enumerate(loader):
        X, Y = [t.to(device) for t in batch]
        losses.append(model(X, Y)[1].item())
        if max_batches is not None and i >= max_batches:
            break
    model.train()
    return torch.tensor(losses).mean().item()


def main():
    parser = argparse.ArgumentParser(description="Make More")
    default = Path(__file__).resolve().parents[2] / "examples" / "first_names.txt"
    parser.add_argument("--input-file", "-i", type=Path, default=default)
    parser.add_argument("--model", choices=["mlp", "rnn", "gru", "bow", "transformer"], default="transformer")
    parser.add_argument("--max-steps", type=int, default=100)
    parser.add_argument("--batch-size", "-b", type=int, default=16)
    parser.add_argument("--learning-rate", "-l", type=float, default=5e-3)
    parser.add_argument("--weight-decay", "-w", type=float, default=0.01)
    parser.add_argument("--top-k", type=int, default=-1)
    parser.add_argument("--seed", type=int, default=3407)
    parser.add_argument("--device", type=str, default="cpu")
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.cuda.manual_seed_all(args.seed)

    train_dataset, test_dataset = create_datasets(args.input_file)
    vocab_size, block_size = train_dataset.get_vocab_size(), train_dataset.get_output_length()
    config = ModelConfig(vocab_size=vocab_size, block_size=block_size)
    if args.model == "rnn":
        model = RNN(config, cell=RNNCell)
    elif args.model == "gru":
        model = RNN(config, cell=GRUCell)
    else:
        model = {"mlp": MLP, "bow": BoW, "transformer": Transformer}[args.model](config)
    model.to(args.device)
    print(f"model #params: {sum(p.numel() for p in model.parameters())}")
    optimizer = torch.optim.AdamW(
        model.parameters(), lr=args.learning_rate, weight_decay=args.weight_decay, betas=(0.9, 0.99), eps=1e-8
    )
    loader = InfiniteDataLoader(train_dataset, batch_size=args.batch_size, pin_memory=False, num_workers=0)

    best_loss = None
    for step in range(args.max_steps):
        t0 = time.time()
        X, Y = [t.to(args.device) for t in loader.next()]
        _, loss = model(X, Y)
        model.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        print(f"step {step} | loss {loss.item():.6f}")
        if step > 0 and step % 50 == 0:
            train_loss = evaluate(model, train_dataset, args.device, batch_size=100, max_batches=10)
            test_loss = evaluate(model, test_dataset, args.device, batch_size=100, max_batches=10)
            print(f"step {step} train loss: {train_loss:.6f} test loss: {test_loss:.6f}")
            if best_loss is None or test_loss < best_loss:
                torch.save(model.state_dict(), "model.pt")
                best_loss = test_loss
        sys.stderr.write(f"{1000 * (time.time() - t0):.2f}ms\n")

    model.load_state_dict(torch.load("model.pt"))
    start = torch.zeros(10, 1, dtype=torch.long).to(args.device)
    top_k = args.top_k if args.top_k != -1 else None
    samples = generate(model, start, train_dataset.get_output_length() - 1, top_k=top_k, do_sample=True)
    for row in samples[:, 1:].tolist():
        row = row[: row.index(0)] if 0 in row else row
        print(train_dataset.decode(row))


if __name__ == "__main__":
    main()
