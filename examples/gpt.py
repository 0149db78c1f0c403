"""Train a small GPT on any text, one character at a time, and let it write.

    python examples/gpt.py                                   reads the library's own source, and writes more of it
    python examples/gpt.py --data book.txt                   your own text
    python examples/gpt.py --data book.txt --steps 3000 --layers 4 --width 128 --block 128

The model is GPT-2's in small: token and position embeddings, blocks of causal self-attention and an MLP with
normalisation before each, and a linear layer that scores the next character (Vaswani et al. 2017, arXiv:1706.03762;
Radford et al. 2019, "Language models are unsupervised multitask learners").

This is an ordinary PyTorch program: write ``torch`` for ``minitorch`` in the imports and it runs there.
"""

import argparse
import math
from pathlib import Path

from tqdm import tqdm

import minitorch as torch
import minitorch.nn as nn
import minitorch.nn.functional as F

# ---- data ------------------------------------------------------------------------------------------------------------


def own_source(limit=1_000_000):
    """The library's Python files one after another, those at the top first, up to ``limit`` characters."""
    text = ""
    for path in sorted(Path(torch.__file__).parent.rglob("*.py"), key=lambda path: (len(path.parts), path)):
        text += path.read_text(encoding="utf-8") + "\n"
        if len(text) > limit:
            break
    return text[:limit]


def read_text(path, block):
    """The text to learn from; it must hold a few blocks in its last tenth, which is kept apart."""
    try:
        text = own_source() if path is None else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SystemExit(f"gpt.py: cannot read {path} as UTF-8 text: {error}") from error
    if len(text) < 20 * block:
        raise SystemExit(f"gpt.py: the text has {len(text)} characters: blocks of {block} need at least {20 * block}.")
    return text


def batch(tokens, batch_size, block):
    """Random pieces of the text, and the same pieces one character later: both (batch_size, block)."""
    starts = torch.randint(len(tokens) - block, (batch_size,)).tolist()
    inputs = torch.stack([tokens[start : start + block] for start in starts])
    targets = torch.stack([tokens[start + 1 : start + 1 + block] for start in starts])
    return inputs, targets


# ---- model -----------------------------------------------------------------------------------------------------------


class Attention(nn.Module):
    """Each place gathers from itself and the places before it: (B, T, width) to the same."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x):
        B, T, width = x.shape
        query, key, value = self.query_key_value(x).view(B, T, 3, self.heads, width // self.heads).unbind(2)
        query, key, value = query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2)  # (B, heads, T, head)
        x = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        return self.output(x.transpose(1, 2).reshape(B, T, width))


class Block(nn.Module):
    """x + attention(norm(x)), then x + mlp(norm(x)): (B, T, width) to the same."""

    def __init__(self, width, heads):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(width), Attention(width, heads)
        self.norm2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class GPT(nn.Module):
    """Tokens (B, T), T at most ``block``, to scores of the next token at each place (B, T, vocabulary)."""

    def __init__(self, vocabulary, block, layers, heads, width):
        super().__init__()
        self.block = block
        self.token = nn.Embedding(vocabulary, width)
        self.position = nn.Embedding(block, width)
        self.blocks = nn.Sequential(*[Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.scores = nn.Linear(width, vocabulary, bias=False)
        self.apply(self.initialize)

    @staticmethod
    def initialize(module):
        """GPT-2's start: small normal weights, no bias."""
        if isinstance(module, (nn.Linear, nn.Embedding)):
            nn.init.normal_(module.weight, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)

    def forward(self, tokens):
        positions = torch.arange(tokens.shape[1])
        x = self.token(tokens) + self.position(positions)
        return self.scores(self.norm(self.blocks(x)))


# ---- training --------------------------------------------------------------------------------------------------------


def loss_of(model, inputs, targets):
    """The mean of -log p(right character)."""
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


@torch.no_grad()
def evaluate(model, tokens, args, batches=10):
    """The mean loss over a few random batches."""
    model.eval()
    losses = [loss_of(model, *batch(tokens, args.batch_size, args.block)).item() for _ in range(batches)]
    return sum(losses) / batches


def make_optimizer(model, lr):
    """AdamW that pulls matrices towards zero, but neither biases nor the norms' gains."""
    matrices = [p for p in model.parameters() if p.dim() >= 2]
    vectors = [p for p in model.parameters() if p.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr, betas=(0.9, 0.95))


def train(args, model, training, validation):
    """AdamW, a short warm-up, then a cosine down to a tenth; returns the losses of all steps."""
    warmup = max(1, args.steps // 20)

    def rate(step):
        decay = 0.5 * (1 + math.cos(math.pi * step / args.steps))
        return min(1.0, (step + 1) / warmup) * (0.1 + 0.9 * decay)

    optimizer = make_optimizer(model, args.lr)
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, rate)
    losses = []
    for step in tqdm(range(1, args.steps + 1), unit="step", disable=None):
        model.train()
        loss = loss_of(model, *batch(training, args.batch_size, args.block))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        if step % args.report == 0 or step == args.steps:
            check = evaluate(model, validation, args)
            tqdm.write(f"step {step:5}: loss {losses[-1]:.4f}, on text kept apart {check:.4f}")
    return losses


@torch.no_grad()
def sample(model, tokens, length, seed, temperature=0.8):
    """Write on: (1, T) tokens become (1, T + length), each drawn from what the model expects next."""
    model.eval()
    generator = torch.Generator().manual_seed(seed)
    for _ in range(length):
        scores = model(tokens[:, -model.block :])[:, -1] / temperature
        drawn = torch.multinomial(F.softmax(scores, dim=1), 1, generator=generator)
        tokens = torch.cat([tokens, drawn], dim=1)
    return tokens


# ---- command line ----------------------------------------------------------------------------------------------------


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description="Train a small GPT on any text and let it write.")
    parser.add_argument("--data", metavar="FILE", help="a UTF-8 text (default: the library's own source)")
    parser.add_argument("--steps", type=int, default=500, help="training steps (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=16, help="pieces of text a step (default: %(default)s)")
    parser.add_argument("--block", type=int, default=64, help="characters that it sees at once (default: %(default)s)")
    parser.add_argument("--layers", type=int, default=2, help="(default: %(default)s)")
    parser.add_argument("--heads", type=int, default=4, help="of attention in a layer (default: %(default)s)")
    parser.add_argument("--width", type=int, default=64, help="numbers a character becomes (default: %(default)s)")
    parser.add_argument("--lr", type=float, default=0.003, help="highest learning rate (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, batches, sample (default: %(default)s)")
    parser.add_argument("--sample", type=int, default=300, help="characters to write (default: %(default)s)")
    parser.add_argument("--report", type=int, default=100, help="steps between two reports (default: %(default)s)")
    args = parser.parse_args(argv)
    if args.width % args.heads:
        parser.error(f"--width {args.width} must be a multiple of --heads {args.heads}")
    return args


def main(argv=None):
    """Run the command line; returns the losses of the training steps."""
    args = parse_arguments(argv)
    text = read_text(args.data, args.block)
    characters = sorted(set(text))
    index = {character: i for i, character in enumerate(characters)}
    tokens = torch.tensor([index[character] for character in text])
    training, validation = tokens[: len(tokens) * 9 // 10], tokens[len(tokens) * 9 // 10 :]

    torch.manual_seed(args.seed)
    model = GPT(len(characters), args.block, args.layers, args.heads, args.width)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{len(text)} characters, {len(characters)} different; a model of {parameters} parameters")
    losses = train(args, model, training, validation)

    written = sample(model, validation[:1].unsqueeze(0), args.sample, args.seed)[0].tolist()
    print("-" * 60, "".join(characters[token] for token in written), "-" * 60, sep="\n")
    return losses


if __name__ == "__main__":
    main()
