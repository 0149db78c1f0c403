"""The larger workloads of bench/compiled.py, as ordinary PyTorch programs: see workloads.py, which has the smaller ones."""

from typing import NamedTuple

from workloads import BATCHES, Training, Workload, mnist_cnn, mnist_mlp, tiny_mlp, training

__all__ = ["STEPS", "Sizes", "gpt", "residual", "residual_model"]

LETTERS, WIDTH, HEADS, LAYERS, BLOCK = 65, 128, 4, 4, 64
"""The small GPT, see ``Sizes``."""


# ---------------------------------------------------------------------------------------------------------
# A residual network with BatchNorm: 7 convolutions of 3 x 3, two of 1 x 1

def residual(torch, before, after, stride):
    nn = torch.nn

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(after)
            self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
            self.bn2 = nn.BatchNorm2d(after)
            self.way = None if before == after else nn.Conv2d(before, after, 1, stride, bias=False)

        def forward(self, x):
            y = nn.functional.relu(self.bn1(self.conv1(x)))
            return nn.functional.relu(self.bn2(self.conv2(y)) + (x if self.way is None else self.way(x)))

    return Residual()


def residual_model(torch):
    """7 convolutions of 3 x 3 and two of 1 x 1, for images of 3x32x32."""
    nn = torch.nn
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        residual(torch, 16, 16, 1),
        residual(torch, 16, 32, 2),
        residual(torch, 32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )


def residual_net(torch):
    """3x32x32 on batches of 32, SGD with momentum."""
    torch.manual_seed(0)
    nn, model = torch.nn, residual_model(torch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    inputs, targets = torch.randn(BATCHES * 32, 3, 32, 32), torch.randint(0, 10, (BATCHES * 32,))
    return training(torch, model, optimizer, nn.CrossEntropyLoss(), inputs, targets)


# ---------------------------------------------------------------------------------------------------------
# A small GPT

class Sizes(NamedTuple):
    """How many letters there are, numbers for each, heads, layers, and letters that it sees at once."""

    letters: int
    width: int
    heads: int
    layers: int
    block: int


def block(torch, sizes):
    nn, F = torch.nn, torch.nn.functional
    width = sizes.width

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def heads(self, x):
            """Three times (batch, heads, letters, width of a head)."""
            parts = self.qkv(self.ln1(x)).split(width, dim=2)
            return [p.view(len(x), -1, sizes.heads, width // sizes.heads).transpose(1, 2) for p in parts]

        def after(self, x, y):
            x = x + self.proj(y.transpose(1, 2).reshape(x.shape))
            return x + self.down(F.gelu(self.up(self.ln2(x))))

        def forward(self, x):
            return self.after(x, F.scaled_dot_product_attention(*self.heads(x), is_causal=True))

        def step(self, x, position, seen, keys, values):
            """One letter more: its key and value are written into the cache."""
            q, k, v = self.heads(x)
            keys.index_copy_(2, position, k)
            values.index_copy_(2, position, v)
            return self.after(x, F.scaled_dot_product_attention(q, keys, values, attn_mask=seen))

    return Block()


SMALL = Sizes(LETTERS, WIDTH, HEADS, LAYERS, BLOCK)


def gpt(torch, sizes=SMALL):
    nn = torch.nn

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.letters, self.places = nn.Embedding(sizes.letters, sizes.width), nn.Embedding(sizes.block, sizes.width)
            self.blocks = nn.ModuleList([block(torch, sizes) for _ in range(sizes.layers)])
            self.ln, self.head = nn.LayerNorm(sizes.width), nn.Linear(sizes.width, sizes.letters, bias=False)

        def forward(self, x):
            x = self.letters(x) + self.places.weight
            for layer in self.blocks:
                x = layer(x)
            return self.head(self.ln(x)).view(-1, sizes.letters)

    return GPT()


def text(torch):
    return [torch.randint(0, LETTERS, (BATCHES * 12, BLOCK)) for _ in range(2)]


def gpt_step(torch):
    """4 layers, 4 heads, 128 wide, 64 letters, batches of 12, AdamW."""
    torch.manual_seed(0)
    model = gpt(torch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loss_of = torch.nn.functional.cross_entropy
    return training(torch, model, optimizer, lambda x, y: loss_of(x, y.view(-1)), *text(torch))


def gpt_forward(torch):
    """The same, forward only."""
    torch.manual_seed(0)
    model = gpt(torch)

    def loss(x, y):
        with torch.no_grad():
            return torch.nn.functional.cross_entropy(model(x), y.view(-1))

    return Training(model, loss, *text(torch))


class Generation:
    """64 letters, one after the other, each the likeliest; keys and values of those before are kept."""

    def __init__(self, torch):
        torch.manual_seed(0)
        self.model = model = gpt(torch)
        self.places = [torch.tensor([i]) for i in range(BLOCK)]
        self.first = torch.tensor([[1]])
        caches = [[torch.zeros(1, HEADS, BLOCK, WIDTH // HEADS) for _ in range(2)] for _ in range(LAYERS)]
        counted = torch.arange(BLOCK)

        def letter(x, position):
            with torch.no_grad():
                x = model.letters(x) + model.places(position)
                seen = (counted <= position).view(1, BLOCK)
                for layer, (keys, values) in zip(model.blocks, caches, strict=True):
                    x = layer.step(x, position, seen, keys, values)
                x = model.head(model.ln(x)).view(1, LETTERS)
                return x.argmax(1, keepdim=True), x.logsumexp(1)

        self.function = letter

    def __call__(self):
        """Gives what the last letter's scores come to."""
        x = self.first
        for position in self.places:
            x, scores = self.function(x, position)
        return scores


# ---------------------------------------------------------------------------------------------------------
# An LSTM

def letters_lstm(torch):
    """Characters: hidden 128, 64 steps, batches of 32, Adam."""
    torch.manual_seed(0)
    nn = torch.nn

    class Characters(nn.Module):
        def __init__(self):
            super().__init__()
            self.letters, self.lstm = nn.Embedding(LETTERS, WIDTH), nn.LSTM(WIDTH, WIDTH, batch_first=True)
            self.head = nn.Linear(WIDTH, LETTERS)

        def forward(self, x):
            return self.head(self.lstm(self.letters(x))[0]).view(-1, LETTERS)

    model = Characters()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    inputs, targets = [torch.randint(0, LETTERS, (BATCHES * 32, 64)) for _ in range(2)]
    loss_of = nn.functional.cross_entropy
    return training(torch, model, optimizer, lambda x, y: loss_of(x, y.view(-1)), inputs, targets)


def square_mlp(width):
    """Three square layers, batch 64, SGD: where does overhead end and arithmetic begin?"""

    def build(torch):
        torch.manual_seed(0)
        nn = torch.nn
        model = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, width))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        inputs, targets = [torch.rand(BATCHES * 64, width) for _ in range(2)]
        return training(torch, model, optimizer, nn.MSELoss(), inputs, targets)

    return build


STEPS = {
    "MLP 2-16-16-1 b32 SGD": Workload(tiny_mlp("SGD", lr=0.05), goal=60),
    "MLP 2-16-16-1 b32 Adam": Workload(tiny_mlp("Adam", lr=0.01), goal=60),
    "MLP 2-16-16-1 b100 SGD": Workload(tiny_mlp("SGD", lr=0.05, batch=100), goal=60),
    "MLP 2-16-16-1 b100 Adam": Workload(tiny_mlp("Adam", lr=0.01, batch=100), goal=60),
    "MLP 784-256-10 b128 Adam": Workload(mnist_mlp, goal=1.8),
    "MNIST CNN b64 Adam": Workload(mnist_cnn, goal=1.7),
    "residual net b32 SGD": Workload(residual_net, goal=1.6),
    "GPT 4/4/128/64 b12 AdamW": Workload(gpt_step, goal=1.5),
    "GPT forward": Workload(gpt_forward, goal=1.7),
    "GPT 64 letters": Workload(Generation, goal=8),
    "LSTM 128 64 steps b32 Adam": Workload(letters_lstm, goal=1.3),
    **{f"width {width} b64 SGD": Workload(square_mlp(width)) for width in (64, 128, 256, 512, 1024, 2048)},
}
"""What bench/compiled.py times; goal: the speed over PyTorch's eager mode."""
