"""Sequences: recurrent layers, attention, language models, speech."""

import math

from .parts import adamw, batches, letters, trained

__all__ = ["encoder", "experts", "gru", "llama", "lstm", "nanogpt", "speech", "translator"]


def lstm(torch, device, real):
    """Two layers of nn.LSTM over letters, gradients clipped."""
    nn, F = torch.nn, torch.nn.functional
    count, width, batch, length = (80, 256, 32, 64) if real else (9, 7, 3, 5)

    class Letters(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.head = nn.Embedding(count, width), nn.Linear(width, count)
            self.lstm = nn.LSTM(width, width, num_layers=2, batch_first=True)

        def forward(self, x):
            return self.head(self.lstm(self.embedding(x))[0])

    model = Letters().to(device)
    loss_of = lambda x, y: F.cross_entropy(model(x).reshape(-1, count), y.reshape(-1))  # noqa: E731
    clip = lambda: nn.utils.clip_grad_norm_(model.parameters(), 0.5)  # noqa: E731
    return trained(torch.optim.Adam(model.parameters(), lr=2e-3), loss_of, clip), letters(torch, device, count, batch, length)


def gru(torch, device, real):
    """A classifier of texts: a GRU both ways, the mean of what isn't padding."""
    nn, F = torch.nn, torch.nn.functional
    count, width, batch, length = (5000, 128, 64, 50) if real else (11, 5, 3, 6)

    class Texts(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding = nn.Embedding(count, width, padding_idx=0)
            self.gru, self.head = nn.GRU(width, width, bidirectional=True, batch_first=True), nn.Linear(2 * width, 2)

        def forward(self, x):
            mask = (x != 0).unsqueeze(-1)
            y, _ = self.gru(self.embedding(x))
            return self.head((y * mask).sum(1) / mask.sum(1).clamp(min=1))

    model = Texts().to(device)

    def make():
        places, ends = torch.arange(length), torch.randint(1, length, (batch, 1))
        return torch.randint(1, count, (batch, length)) * (places < ends), torch.randint(0, 2, (batch,))

    return trained(torch.optim.Adam(model.parameters(), lr=1e-3), lambda x, y: F.cross_entropy(model(x), y)), batches(device, make)


def encoder(torch, device, real):
    """nn.TransformerEncoder with a mask of padding, as for tagging words."""
    nn, F = torch.nn, torch.nn.functional
    count, width, heads, layers, batch, length = (1000, 128, 4, 3, 32, 64) if real else (11, 8, 2, 2, 3, 6)

    class Tagger(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.places = nn.Embedding(count, width), nn.Embedding(length, width)
            layer = nn.TransformerEncoderLayer(width, heads, 4 * width, dropout=0.0, batch_first=True)
            self.layers, self.head = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False), nn.Linear(width, 17)

        def forward(self, x):
            places = torch.arange(x.size(1), device=x.device)
            y = self.layers(self.embedding(x) + self.places(places), src_key_padding_mask=x == 0)
            return self.head(y)

    model = Tagger().to(device)

    def make():
        places, ends = torch.arange(length), torch.randint(1, length, (batch, 1))
        x = torch.randint(1, count, (batch, length)) * (places < ends)
        return x, torch.where(x == 0, -100, torch.randint(0, 17, (batch, length)))

    loss_of = lambda x, y: F.cross_entropy(model(x).transpose(1, 2), y, ignore_index=-100)  # noqa: E731
    return trained(adamw(torch, model), loss_of), batches(device, make)


def translator(torch, device, real):
    """nn.Transformer, both halves, with a causal mask."""
    nn, F = torch.nn, torch.nn.functional
    count, width, heads, batch, length = (500, 128, 4, 32, 33) if real else (11, 8, 2, 3, 5)

    class Translator(nn.Module):
        def __init__(self):
            super().__init__()
            self.source, self.target = nn.Embedding(count, width), nn.Embedding(count, width)
            self.transformer = nn.Transformer(width, heads, 2, 2, 2 * width, dropout=0.0, batch_first=True)
            self.head = nn.Linear(width, count)
            angles = torch.arange(length)[:, None] / 10000 ** (torch.arange(0, width, 2) / width)
            self.register_buffer("places", torch.stack([angles.sin(), angles.cos()], -1).flatten(1))

        def forward(self, x, y):
            mask = nn.Transformer.generate_square_subsequent_mask(y.size(1), device=y.device)
            scale = math.sqrt(width)
            out = self.transformer(self.source(x) * scale + self.places, self.target(y) * scale + self.places, tgt_mask=mask)
            return self.head(out)

    model = Translator().to(device)
    loss_of = lambda x, y: F.cross_entropy(model(x, y).flatten(0, 1), y.roll(-1, 1).flatten())  # noqa: E731
    return trained(torch.optim.Adam(model.parameters(), lr=1e-3), loss_of), letters(torch, device, count, batch, length)


def nanogpt(torch, device, real):
    """Attention by hand with a buffer of the triangle, tied weights, a decay for matrices alone, in float32."""
    nn, F = torch.nn, torch.nn.functional
    count, width, heads, layers, batch, length = (65, 256, 4, 4, 32, 128) if real else (13, 8, 2, 2, 2, 7)

    class Attention(nn.Module):
        def __init__(self):
            super().__init__()
            self.c_attn, self.c_proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.register_buffer("bias", torch.tril(torch.ones(length, length)).view(1, 1, length, length))

        def forward(self, x):
            B, T, C = x.size()
            q, k, v = self.c_attn(x).split(width, dim=2)
            q, k, v = [y.view(B, T, heads, C // heads).transpose(1, 2) for y in (q, k, v)]
            scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            scores = scores.masked_fill(self.bias[:, :, :T, :T] == 0, float("-inf"))
            y = F.softmax(scores, dim=-1) @ v
            return self.c_proj(y.transpose(1, 2).contiguous().view(B, T, C))

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln_1, self.ln_2, self.attn = nn.LayerNorm(width), nn.LayerNorm(width), Attention()
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))

        def forward(self, x):
            x = x + self.attn(self.ln_1(x))
            return x + self.mlp(self.ln_2(x))

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.wte, self.wpe = nn.Embedding(count, width), nn.Embedding(length, width)
            self.blocks, self.ln_f = nn.ModuleList([Block() for _ in range(layers)]), nn.LayerNorm(width)
            self.head = nn.Linear(width, count, bias=False)
            self.head.weight = self.wte.weight

        def forward(self, x, y):
            places = torch.arange(0, x.size(1), dtype=torch.long, device=x.device)
            x = self.wte(x) + self.wpe(places)
            for block in self.blocks:
                x = block(x)
            out = self.head(self.ln_f(x))
            return F.cross_entropy(out.view(-1, out.size(-1)), y.view(-1))

    model = GPT().to(device)
    groups = [
        {"params": [p for p in model.parameters() if p.dim() >= 2], "weight_decay": 0.1},
        {"params": [p for p in model.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    clip = lambda: nn.utils.clip_grad_norm_(model.parameters(), 1.0)  # noqa: E731
    optimizer = torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.95))
    return trained(optimizer, model, clip), letters(torch, device, count, batch, length)


def llama(torch, device, real):
    """RMSNorm, rotary places, SwiGLU and shared keys (Touvron et al. 2023), in bfloat16 by autocast."""
    nn, F = torch.nn, torch.nn.functional
    count, width, heads, shared, layers, batch, length = (512, 256, 8, 2, 4, 16, 256) if real else (13, 16, 4, 2, 2, 2, 7)
    head = width // heads

    class RMSNorm(nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = nn.Parameter(torch.ones(width))

        def forward(self, x):
            x32 = x.float()
            return (x32 * torch.rsqrt(x32.pow(2).mean(-1, keepdim=True) + 1e-6)).type_as(x) * self.weight

    def turned(x, cos, sin):
        a, b = x.chunk(2, dim=-1)
        return x * cos + torch.cat((-b, a), dim=-1) * sin

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = RMSNorm(), RMSNorm()
            self.q, self.o = nn.Linear(width, width, bias=False), nn.Linear(width, width, bias=False)
            self.k, self.v = nn.Linear(width, shared * head, bias=False), nn.Linear(width, shared * head, bias=False)
            self.gate, self.up = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, 3 * width, bias=False)
            self.down = nn.Linear(3 * width, width, bias=False)

        def forward(self, x, cos, sin):
            B, T, C = x.shape
            y = self.norm1(x)
            q = turned(self.q(y).view(B, T, heads, head).transpose(1, 2), cos, sin)
            k = turned(self.k(y).view(B, T, shared, head).transpose(1, 2), cos, sin)
            v = self.v(y).view(B, T, shared, head).transpose(1, 2)
            k, v = [z.repeat_interleave(heads // shared, dim=1) for z in (k, v)]
            y = F.scaled_dot_product_attention(q, k, v.to(q.dtype), is_causal=True)
            x = x + self.o(y.transpose(1, 2).reshape(B, T, C))
            y = self.norm2(x)
            return x + self.down(F.silu(self.gate(y)) * self.up(y))

    class Llama(nn.Module):
        def __init__(self):
            super().__init__()
            self.embedding, self.norm, self.head = nn.Embedding(count, width), RMSNorm(), nn.Linear(width, count, bias=False)
            self.blocks = nn.ModuleList([Block() for _ in range(layers)])
            angles = torch.outer(torch.arange(length).float(), 10000.0 ** -(torch.arange(0, head, 2).float() / head)).repeat(1, 2)
            self.register_buffer("cos", angles.cos())
            self.register_buffer("sin", angles.sin())

        def forward(self, x):
            x = self.embedding(x)
            for block in self.blocks:
                x = block(x, self.cos, self.sin)
            return self.head(self.norm(x))

    model = Llama().to(device)

    def loss_of(x, y):
        with torch.autocast(device, dtype=torch.bfloat16):
            return F.cross_entropy(model(x).flatten(0, 1), y.flatten())

    return trained(adamw(torch, model), loss_of), letters(torch, device, count, batch, length)


def experts(torch, device, real):
    """Each word goes to its two best experts (Shazeer et al. 2017), which all run; a loss keeps them busy."""
    nn, F = torch.nn, torch.nn.functional
    width, number, words = (128, 8, 2048) if real else (6, 4, 10)

    class Experts(nn.Module):
        def __init__(self):
            super().__init__()
            self.router = nn.Linear(width, number)
            self.w1 = nn.Parameter(torch.randn(number, width, 2 * width) / math.sqrt(width))
            self.w2 = nn.Parameter(torch.randn(number, 2 * width, width) / math.sqrt(2 * width))

        def forward(self, x):
            weights = self.router(x).softmax(-1)
            best, chosen = torch.topk(weights, 2, dim=-1)
            best = best / best.sum(-1, keepdim=True)
            gates = torch.zeros_like(weights).scatter(1, chosen, best)
            every = torch.einsum("nd,edh->enh", x, self.w1)
            every = torch.einsum("enh,ehd->end", F.gelu(every), self.w2)
            share = F.one_hot(chosen[:, 0], number).float().mean(0)
            return torch.einsum("ne,end->nd", gates, every), number * (share * weights.mean(0)).sum()

    model = Experts().to(device)

    def loss_of(x, y):
        out, balance = model(x)
        return F.mse_loss(out, y) + 0.01 * balance

    data = batches(device, lambda: (torch.randn(words, width), torch.randn(words, width)))
    return trained(torch.optim.Adam(model.parameters(), lr=1e-3), loss_of), data


def speech(torch, device, real):
    """Connectionist temporal classification of a convolution's features (Graves et al. 2006)."""
    nn, F = torch.nn, torch.nn.functional
    width, classes, batch, length, said = (128, 29, 16, 200, 20) if real else (6, 5, 2, 12, 3)
    model = nn.Sequential(
        nn.Conv1d(40, width, 5, 2, 2), nn.BatchNorm1d(width), nn.ReLU(), nn.Conv1d(width, width, 5, 1, 2), nn.BatchNorm1d(width), nn.ReLU(),
        nn.Conv1d(width, classes, 1),
    ).to(device)  # fmt: skip
    lengths, ends = torch.full((batch,), length // 2), torch.randint(2, said, (batch,))

    def loss_of(x, y):
        return F.ctc_loss(model(x).permute(2, 0, 1).log_softmax(-1), y, lengths, ends, zero_infinity=True)

    data = batches(device, lambda: (torch.randn(batch, 40, length), torch.randint(1, classes, (batch, said))))
    return trained(torch.optim.SGD(model.parameters(), lr=0.05), loss_of), data
