"""The copy task: an encoder and a decoder from scratch learn to repeat their input (Vaswani et al. 2017, arXiv:1706.03762).

Label smoothing by KLDivLoss, the paper's learning rate by LambdaLR, greedy decoding at the end.
"""

import argparse
import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.optim.lr_scheduler import LambdaLR

PAD, START = 0, 1


def clones(module, n):
    return nn.ModuleList([copy.deepcopy(module) for _ in range(n)])


def causal_mask(size):
    return torch.triu(torch.ones(1, size, size), diagonal=1).type(torch.uint8) == 0


def attention(query, key, value, mask=None, dropout=None):
    scores = torch.matmul(query, key.transpose(-2, -1)) / math.sqrt(query.size(-1))
    if mask is not None:
        scores = scores.masked_fill(mask == 0, -1e9)
    weights = scores.softmax(dim=-1)
    if dropout is not None:
        weights = dropout(weights)
    return torch.matmul(weights, value), weights


class MultiHeadedAttention(nn.Module):
    def __init__(self, heads, width, dropout=0.1):
        super().__init__()
        assert width % heads == 0
        self.per_head, self.heads = width // heads, heads
        self.linears = clones(nn.Linear(width, width), 4)
        self.attn = None
        self.dropout = nn.Dropout(p=dropout)

    def forward(self, query, key, value, mask=None):
        if mask is not None:
            mask = mask.unsqueeze(1)
        batch = query.size(0)
        query, key, value = [
            linear(x).view(batch, -1, self.heads, self.per_head).transpose(1, 2)
            for linear, x in zip(self.linears, (query, key, value))
        ]
        x, self.attn = attention(query, key, value, mask, self.dropout)
        x = x.transpose(1, 2).contiguous().view(batch, -1, self.heads * self.per_head)
        return self.linears[-1](x)


class LayerNorm(nn.Module):
    def __init__(self, features, eps=1e-6):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(features))
        self.shift = nn.Parameter(torch.zeros(features))
        self.eps = eps

    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        std = x.std(-1, keepdim=True)
        return self.scale * (x - mean) / (std + self.eps) + self.shift


class Sublayer(nn.Module):
    """x + dropout(layer(norm(x)))"""

    def __init__(self, width, dropout):
        super().__init__()
        self.norm = LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x, layer):
        return x + self.dropout(layer(self.norm(x)))


class EncoderLayer(nn.Module):
    def __init__(self, width, heads, hidden, dropout):
        super().__init__()
        self.self_attn = MultiHeadedAttention(heads, width, dropout)
        self.feed_forward = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, width))
        self.sublayers = clones(Sublayer(width, dropout), 2)

    def forward(self, x, mask):
        x = self.sublayers[0](x, lambda x: self.self_attn(x, x, x, mask))
        return self.sublayers[1](x, self.feed_forward)


class DecoderLayer(nn.Module):
    def __init__(self, width, heads, hidden, dropout):
        super().__init__()
        self.self_attn = MultiHeadedAttention(heads, width, dropout)
        self.src_attn = MultiHeadedAttention(heads, width, dropout)
        self.feed_forward = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden, width))
        self.sublayers = clones(Sublayer(width, dropout), 3)

    def forward(self, x, memory, src_mask, tgt_mask):
        x = self.sublayers[0](x, lambda x: self.self_attn(x, x, x, tgt_mask))
        x = self.sublayers[1](x, lambda x: self.src_attn(x, memory, memory, src_mask))
        return self.sublayers[2](x, self.feed_forward)


class Embeddings(nn.Module):
    """Tokens and sines of their places."""

    def __init__(self, vocabulary, width, dropout, longest=64):
        super().__init__()
        self.lut, self.width = nn.Embedding(vocabulary, width), width
        self.dropout = nn.Dropout(p=dropout)
        table = torch.zeros(longest, width)
        position = torch.arange(0, longest).unsqueeze(1)
        frequency = torch.exp(torch.arange(0, width, 2) * -(math.log(10000.0) / width))
        table[:, 0::2] = torch.sin(position * frequency)
        table[:, 1::2] = torch.cos(position * frequency)
        self.register_buffer("table", table.unsqueeze(0))

    def forward(self, tokens):
        x = self.lut(tokens) * math.sqrt(self.width)
        return self.dropout(x + self.table[:, : x.size(1)].requires_grad_(False))


class EncoderDecoder(nn.Module):
    def __init__(self, vocabulary, layers, width, heads, hidden, dropout):
        super().__init__()
        self.src_embed = Embeddings(vocabulary, width, dropout)
        self.tgt_embed = Embeddings(vocabulary, width, dropout)
        self.encoder = clones(EncoderLayer(width, heads, hidden, dropout), layers)
        self.decoder = clones(DecoderLayer(width, heads, hidden, dropout), layers)
        self.encoder_norm, self.decoder_norm = LayerNorm(width), LayerNorm(width)
        self.project = nn.Linear(width, vocabulary)
        for p in self.parameters():
            if p.dim() > 1:
                nn.init.xavier_uniform_(p)

    def encode(self, src, src_mask):
        x = self.src_embed(src)
        for layer in self.encoder:
            x = layer(x, src_mask)
        return self.encoder_norm(x)

    def decode(self, memory, src_mask, tgt, tgt_mask):
        x = self.tgt_embed(tgt)
        for layer in self.decoder:
            x = layer(x, memory, src_mask, tgt_mask)
        return self.decoder_norm(x)

    def forward(self, src, tgt, src_mask, tgt_mask):
        return F.log_softmax(self.project(self.decode(self.encode(src, src_mask), src_mask, tgt, tgt_mask)), dim=-1)


class LabelSmoothing(nn.Module):
    def __init__(self, size, padding, smoothing=0.0):
        super().__init__()
        self.criterion = nn.KLDivLoss(reduction="sum")
        self.size, self.padding, self.smoothing = size, padding, smoothing

    def forward(self, x, target):
        truth = x.data.clone()
        truth.fill_(self.smoothing / (self.size - 2))
        truth.scatter_(1, target.data.unsqueeze(1), 1.0 - self.smoothing)
        truth[:, self.padding] = 0
        mask = torch.nonzero(target.data == self.padding)
        if mask.dim() > 0:
            truth.index_fill_(0, mask.squeeze(), 0.0)
        return self.criterion(x, truth.clone().detach())


class Batch:
    """Sentences, shifted targets, and what may see what."""

    def __init__(self, src, tgt):
        self.src, self.src_mask = src, (src != PAD).unsqueeze(-2)
        self.tgt, self.tgt_y = tgt[:, :-1], tgt[:, 1:]
        self.tgt_mask = (self.tgt != PAD).unsqueeze(-2) & causal_mask(self.tgt.size(-1)).type_as(self.src_mask.data)
        self.ntokens = (self.tgt_y != PAD).data.sum()


def batches(vocabulary, batch_size, count, length):
    for _ in range(count):
        data = torch.randint(START + 1, vocabulary, size=(batch_size, length))
        data[:, 0] = START
        data[::4, -2:] = PAD  # some are shorter
        yield Batch(data.clone().detach(), data.clone().detach())


def rate(step, width, factor, warmup):
    step = max(step, 1)
    return factor * (width ** (-0.5) * min(step ** (-0.5), step * warmup ** (-1.5)))


@torch.no_grad()
def greedy_decode(model, src, src_mask, length):
    memory = model.encode(src, src_mask)
    ys = torch.zeros(1, 1).fill_(START).type_as(src.data)
    for _ in range(length - 1):
        out = model.decode(memory, src_mask, ys, causal_mask(ys.size(1)).type_as(src.data))
        _, word = torch.max(model.project(out[:, -1]), dim=1)
        ys = torch.cat([ys, torch.zeros(1, 1).type_as(src.data).fill_(word.data[0])], dim=1)
    return ys


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--vocabulary", type=int, default=11)
    parser.add_argument("--dropout", type=float, default=0.1)
    args = parser.parse_args()

    torch.manual_seed(7)
    model = EncoderDecoder(args.vocabulary, 2, args.width, heads=4, hidden=64, dropout=args.dropout)
    criterion = LabelSmoothing(args.vocabulary, PAD, 0.1)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.5, betas=(0.9, 0.98), eps=1e-9)
    scheduler = LambdaLR(optimizer, lr_lambda=lambda step: rate(step, args.width, factor=1.0, warmup=40))

    model.train()
    for step, batch in enumerate(batches(args.vocabulary, 16, args.steps, length=8)):
        out = model(batch.src, batch.tgt, batch.src_mask, batch.tgt_mask)
        loss = criterion(out.contiguous().view(-1, out.size(-1)), batch.tgt_y.contiguous().view(-1)) / batch.ntokens
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        scheduler.step()
        print(f"step {step} loss {loss.item():.6f} lr {optimizer.param_groups[0]['lr']:.2e}")

    model.eval()
    src = torch.LongTensor([[1, 2, 3, 4, 5, 6, 7, 8]])
    print("greedy", greedy_decode(model, src, torch.ones(1, 1, 8), length=8).tolist())


if __name__ == "__main__":
    main()
