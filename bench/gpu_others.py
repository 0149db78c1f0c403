"""Steps that the GPU's compiler wasn't made for, as people write them: ``python bench/gpu.py --others``. See gpu_worker.py.

Each is ``build(torch, device, real)``: it makes model and data on the CPU, the same in both libraries, and gives the step, a function of
one batch, and the batches, which are taken in turn. ``real`` chooses sizes for a GPU, else such that a test takes no time.
"""

import itertools
import math
from collections import deque

__all__ = ["OTHERS", "build"]

BATCHES = 3


def build(name, torch, device, real):
    """The step of a program, and a function that gives the next batch."""
    torch.manual_seed(0)
    step, batches = OTHERS[name](torch, device, real)
    turns = itertools.cycle(batches)
    return step, lambda: next(turns)


def batches(device, make):
    return [tuple([x.to(device) for x in make()]) for _ in range(BATCHES)]


def trained(optimizer, loss_of, clip=None):
    """One step of training."""

    def step(*batch):
        optimizer.zero_grad()
        loss = loss_of(*batch)
        loss.backward()
        if clip is not None:
            clip()
        optimizer.step()
        return loss

    return step


def classifying(torch, model, optimizer, device, *shape, classes=10):
    """The step of a classifier of what has this shape."""
    x_and_y = batches(device, lambda: (torch.randn(*shape), torch.randint(0, classes, (shape[0],))))
    return trained(optimizer, lambda x, y: torch.nn.functional.cross_entropy(model(x), y)), x_and_y


def letters(torch, device, count, *shape):
    return batches(device, lambda: (torch.randint(0, count, shape), torch.randint(0, count, shape)))


def adamw(torch, model, lr=1e-3, **more):
    return torch.optim.AdamW(model.parameters(), lr=lr, **more)


# ---------------------------------------------------------------------------------------------------------
# Images

def resnet(torch, device, real):
    """ResNet-18 with its stem of 7 x 7 and a pool that overlaps (He et al. 2015), and a rate that falls at each step."""
    nn, F = torch.nn, torch.nn.functional
    width, batch, size = (64, 32, 128) if real else (4, 4, 64)

    class Block(nn.Module):
        def __init__(self, before, after, stride):
            super().__init__()
            self.conv1, self.bn1 = nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after)
            self.conv2, self.bn2 = nn.Conv2d(after, after, 3, 1, 1, bias=False), nn.BatchNorm2d(after)
            self.shortcut = nn.Sequential()
            if before != after:
                self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

        def forward(self, x):
            y = F.relu(self.bn1(self.conv1(x)))
            return F.relu(self.bn2(self.conv2(y)) + self.shortcut(x))

    stages = [Block(width << max(k - 1, 0), width << k, 1 + (k > 0)) for k in range(4)]
    model = nn.Sequential(
        nn.Conv2d(3, width, 7, 2, 3, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1),
        *[x for k, stage in enumerate(stages) for x in (stage, Block(width << k, width << k, 1))],
        nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(8 * width, 100),
    ).to(device)  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 1000)
    inner, data = classifying(torch, model, optimizer, device, batch, 3, size, size, classes=100)

    def step(x, y):
        loss = inner(x, y)
        schedule.step()
        return loss

    return step, data


def mobilenet(torch, device, real):
    """Depthwise convolutions between those of 1 x 1 (MobileNetV2, Sandler et al. 2018)."""
    nn = torch.nn
    width, batch, size = (16, 64, 64) if real else (4, 4, 32)

    class Inverted(nn.Module):
        def __init__(self, before, after, stride):
            super().__init__()
            wide = before * 6
            self.layers = nn.Sequential(
                nn.Conv2d(before, wide, 1, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(),
                nn.Conv2d(wide, wide, 3, stride, 1, groups=wide, bias=False), nn.BatchNorm2d(wide), nn.ReLU6(),
                nn.Conv2d(wide, after, 1, bias=False), nn.BatchNorm2d(after),
            )  # fmt: skip
            self.same = before == after and stride == 1

        def forward(self, x):
            return x + self.layers(x) if self.same else self.layers(x)

    pairs = [(1, 1, 1), (1, 2, 2), (2, 2, 1), (2, 4, 2), (4, 4, 1), (4, 6, 2), (6, 6, 1)]
    model = nn.Sequential(
        nn.Conv2d(3, width, 3, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU6(),
        *[Inverted(width * before, width * after, stride) for before, after, stride in pairs],
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6 * width, 10),
    ).to(device)  # fmt: skip
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-4, momentum=0.9)
    return classifying(torch, model, optimizer, device, batch, 3, size, size)


def convnext(torch, device, real):
    """7 x 7 depthwise, LayerNorm over channels, a learned scale (Liu et al. 2022)."""
    nn = torch.nn
    widths, batch, size = ((48, 96, 192), 32, 64) if real else ((6, 8), 2, 16)

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.depthwise = nn.Conv2d(width, width, 7, padding=3, groups=width)
            self.norm, self.scale = nn.LayerNorm(width), nn.Parameter(1e-2 * torch.ones(width))
            self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

        def forward(self, x):
            y = self.norm(self.depthwise(x).permute(0, 2, 3, 1))
            return x + (self.scale * self.down(nn.functional.gelu(self.up(y)))).permute(0, 3, 1, 2)

    layers, before = [], 3
    for width in widths:
        layers += [nn.Conv2d(before, width, 4 if before == 3 else 2, 4 if before == 3 else 2), Block(width), Block(width)]
        before = width
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.LayerNorm(before), nn.Linear(before, 10)).to(device)
    return classifying(torch, model, adamw(torch, model), device, batch, 3, size, size)


def vit(torch, device, real):
    """Patches, a class token, learned places (Dosovitskiy et al. 2021), in bfloat16 by autocast."""
    nn, F = torch.nn, torch.nn.functional
    width, heads, layers, batch, size, patch = (192, 3, 6, 64, 32, 4) if real else (16, 2, 2, 2, 8, 4)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x):
            n, t, _ = x.shape
            q, k, v = self.qkv(self.ln1(x)).reshape(n, t, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
            x = x + self.proj(F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(n, t, width))
            return x + self.mlp(self.ln2(x))

    class ViT(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, width, patch, patch)
            self.token = nn.Parameter(torch.zeros(1, 1, width))
            self.places = nn.Parameter(torch.randn(1, (size // patch) ** 2 + 1, width) * 0.02)
            self.blocks, self.norm, self.head = nn.Sequential(*[Block() for _ in range(layers)]), nn.LayerNorm(width), nn.Linear(width, 10)

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), dim=1) + self.places
            return self.head(self.norm(self.blocks(x))[:, 0])

    model = ViT().to(device)

    def loss_of(x, y):
        with torch.autocast(device_type=device, dtype=torch.bfloat16):
            return F.cross_entropy(model(x), y, label_smoothing=0.1)

    data = batches(device, lambda: (torch.randn(batch, 3, size, size), torch.randint(0, 10, (batch,))))
    return trained(adamw(torch, model, weight_decay=0.05), loss_of), data


def unet(torch, device, real):
    """Skip connections and transposed convolutions (Ronneberger et al. 2015); Dice beside cross entropy."""
    nn, F = torch.nn, torch.nn.functional
    width, batch, size = (32, 16, 64) if real else (4, 2, 16)

    def twice(before, after):
        return nn.Sequential(
            nn.Conv2d(before, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True),
            nn.Conv2d(after, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(inplace=True),
        )  # fmt: skip

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            w = width
            self.down1, self.down2, self.down3 = twice(1, w), twice(w, 2 * w), twice(2 * w, 4 * w)
            self.up2, self.up1 = nn.ConvTranspose2d(4 * w, 2 * w, 2, 2), nn.ConvTranspose2d(2 * w, w, 2, 2)
            self.join2, self.join1, self.head = twice(4 * w, 2 * w), twice(2 * w, w), nn.Conv2d(w, 2, 1)

        def forward(self, x):
            a = self.down1(x)
            b = self.down2(F.max_pool2d(a, 2))
            c = self.down3(F.max_pool2d(b, 2))
            b = self.join2(torch.cat([self.up2(c), b], 1))
            return self.head(self.join1(torch.cat([self.up1(b), a], 1)))

    model = UNet().to(device)

    def loss_of(x, y):
        out = model(x)
        p = out.softmax(1)[:, 1]
        dice = 1 - (2 * (p * y).sum((1, 2)) + 1) / (p.sum((1, 2)) + y.sum((1, 2)) + 1)
        return F.cross_entropy(out, y) + dice.mean()

    data = batches(device, lambda: (torch.randn(batch, 1, size, size), torch.randint(0, 2, (batch, size, size))))
    return trained(torch.optim.Adam(model.parameters(), lr=1e-3), loss_of), data


def dcgan(torch, device, real):
    """Two networks and two optimizers (Radford et al. 2016)."""
    nn, F = torch.nn, torch.nn.functional
    width, batch, hidden = (64, 64, 100) if real else (4, 2, 7)

    def up(before, after):
        return nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(True)

    def down(before, after):
        return nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, inplace=True)

    painter = nn.Sequential(
        nn.ConvTranspose2d(hidden, 4 * width, 4, 1, 0, bias=False), nn.BatchNorm2d(4 * width), nn.ReLU(True), *up(4 * width, 2 * width),
        *up(2 * width, width), nn.ConvTranspose2d(width, 3, 4, 2, 1, bias=False), nn.Tanh(),
    ).to(device)  # fmt: skip
    critic = nn.Sequential(
        nn.Conv2d(3, width, 4, 2, 1), nn.LeakyReLU(0.2, True), *down(width, 2 * width), *down(2 * width, 4 * width),
        nn.Conv2d(4 * width, 1, 4, 1, 0, bias=False), nn.Flatten(0),
    ).to(device)  # fmt: skip
    painting, judging = [torch.optim.Adam(x.parameters(), lr=2e-4, betas=(0.5, 0.999)) for x in (painter, critic)]
    true, false = torch.ones(batch, device=device), torch.zeros(batch, device=device)

    def step(x, noise):
        fake = painter(noise)
        critic.zero_grad()
        judged = F.binary_cross_entropy_with_logits(critic(x), true) + F.binary_cross_entropy_with_logits(critic(fake.detach()), false)
        judged.backward()
        judging.step()
        painter.zero_grad()
        painted = F.binary_cross_entropy_with_logits(critic(fake), true)
        painted.backward()
        painting.step()
        return judged + painted

    return step, batches(device, lambda: (torch.randn(batch, 3, 32, 32), torch.randn(batch, hidden, 1, 1)))


def scaled_cnn(torch, device, real):
    """float16 by autocast, with a GradScaler."""
    nn, F = torch.nn, torch.nn.functional
    width, batch = (64, 256) if real else (8, 4)
    model = nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(128 * width, 256), nn.ReLU(), nn.Linear(256, 10),
    ).to(device)  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler(device)

    def step(x, y):
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device_type=device, dtype=torch.float16):
            loss = F.cross_entropy(model(x), y)
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        scaler.step(optimizer)
        scaler.update()
        return loss

    return step, batches(device, lambda: (torch.randn(batch, 3, 32, 32), torch.randint(0, 10, (batch,))))


def upsampled(torch, device, real):
    """An autoencoder: GroupNorm, SiLU, bilinear and nearest resizing, average pools, an L1 loss."""
    nn, F = torch.nn, torch.nn.functional
    width, batch, size = (32, 16, 64) if real else (8, 2, 16)
    model = nn.Sequential(
        nn.Conv2d(3, width, 5, padding=2), nn.GroupNorm(4, width), nn.SiLU(), nn.AvgPool2d(2), nn.Conv2d(width, 2 * width, 3, padding=1),
        nn.GroupNorm(8, 2 * width), nn.SiLU(), nn.AvgPool2d(2), nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(2 * width, width, 3, padding=1), nn.SiLU(), nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
        nn.ReflectionPad2d(1), nn.Conv2d(width, 3, 3),
    ).to(device)  # fmt: skip
    data = batches(device, lambda: (torch.rand(batch, 3, size, size),))
    return trained(adamw(torch, model), lambda x: F.l1_loss(model(x), x)), data


def waves(torch, device, real):
    """Dilated causal convolutions of a signal with gates (WaveNet, van den Oord et al. 2016)."""
    nn, F = torch.nn, torch.nn.functional
    width, layers, batch, length = (32, 8, 16, 1000) if real else (4, 3, 2, 33)

    class Wave(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Conv1d(1, width, 1), nn.Conv1d(width, 64, 1)
            self.gated = nn.ModuleList([nn.Conv1d(width, 2 * width, 2, dilation=2**k) for k in range(layers)])
            self.mixed = nn.ModuleList([nn.Conv1d(width, width, 1) for _ in range(layers)])

        def forward(self, x):
            x, skipped = self.first(x), 0
            for k, (gated, mixed) in enumerate(zip(self.gated, self.mixed)):
                a, b = gated(F.pad(x, (2**k, 0))).chunk(2, 1)
                y = mixed(torch.tanh(a) * torch.sigmoid(b))
                x, skipped = x + y, skipped + y
            return self.last(F.relu(skipped))

    model = Wave().to(device)
    data = batches(device, lambda: (torch.randn(batch, 1, length), torch.randint(0, 64, (batch, length))))
    return trained(torch.optim.Adam(model.parameters(), lr=1e-3), lambda x, y: F.cross_entropy(model(x), y)), data


# ---------------------------------------------------------------------------------------------------------
# Sequences

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


# ---------------------------------------------------------------------------------------------------------
# Plain networks, and what isn't one

def vae(torch, device, real):
    """Noise in the middle (Kingma & Welling 2014), which is given, so that all agree."""
    nn, F = torch.nn, torch.nn.functional
    batch, width = (128, 400) if real else (5, 9)
    encoder = nn.Sequential(nn.Linear(784, width), nn.ReLU())
    decoder = nn.Sequential(nn.Linear(20, width), nn.ReLU(), nn.Linear(width, 784))
    model = nn.ModuleList([encoder, decoder, nn.Linear(width, 20), nn.Linear(width, 20)]).to(device)

    def loss_of(x, noise):
        h = encoder(x)
        mu, log_var = model[2](h), model[3](h)
        y = torch.sigmoid(decoder(mu + noise * torch.exp(0.5 * log_var)))
        found = F.binary_cross_entropy(y, x, reduction="sum")
        return (found - 0.5 * torch.sum(1 + log_var - mu.pow(2) - log_var.exp())) / len(x)

    data = batches(device, lambda: (torch.rand(batch, 784), torch.randn(batch, 20)))
    return trained(torch.optim.Adam(model.parameters(), lr=1e-3), loss_of), data


def recommender(torch, device, real):
    """Large embeddings, their sums over bags, crossed features (Naumov et al. 2019)."""
    nn, F = torch.nn, torch.nn.functional
    users, items, width, batch = (50000, 20000, 64, 4096) if real else (30, 20, 4, 9)

    class Recommender(nn.Module):
        def __init__(self):
            super().__init__()
            self.user, self.item = nn.Embedding(users, width), nn.Embedding(items, width)
            self.history, self.bias = nn.EmbeddingBag(items, width, mode="mean"), nn.Embedding(items, 1)
            self.mlp = nn.Sequential(nn.Linear(3 * width + 3, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 1))

        def forward(self, user, item, history):
            u, i, h = self.user(user), self.item(item), self.history(history)
            stacked = torch.stack([u, i, h], dim=1)
            crossed = torch.bmm(stacked, stacked.transpose(1, 2))
            a, b = torch.triu_indices(3, 3, offset=1, device=user.device)
            features = torch.cat([u, i, h, crossed[:, a, b]], dim=1)
            return self.mlp(features).squeeze(-1) + self.bias(item).squeeze(-1)

    model = Recommender().to(device)

    def make():
        user, item, history = [torch.randint(0, n, shape) for n, shape in ((users, (batch,)), (items, (batch,)), (items, (batch, 10)))]
        return user, item, history, torch.rand(batch)

    loss_of = lambda *batch: F.binary_cross_entropy_with_logits(model(*batch[:3]), batch[3])  # noqa: E731
    return trained(torch.optim.Adagrad(model.parameters(), lr=0.02), loss_of), batches(device, make)


def graph_network(torch, device, real):
    """Neighbours are added up by index_add (Kipf & Welling 2017)."""
    nn, F = torch.nn, torch.nn.functional
    nodes, edges, width = (2708, 10556, 64) if real else (12, 30, 5)

    class Layer(nn.Module):
        def __init__(self, before, after):
            super().__init__()
            self.linear = nn.Linear(before, after)

        def forward(self, x, source, target):
            degree = torch.zeros(len(x), device=x.device).index_add(0, target, torch.ones(len(target), device=x.device)).clamp(min=1)
            norm = (degree[source] * degree[target]).rsqrt()
            y = self.linear(x)
            return torch.zeros_like(y).index_add_(0, target, y[source] * norm[:, None])

    first, second = Layer(100, width).to(device), Layer(width, 7).to(device)
    trains = (torch.rand(nodes) < 0.4).to(device)

    def loss_of(x, y, source, target):
        out = second(F.relu(first(x, source, target)), source, target)
        return F.nll_loss(F.log_softmax(out, dim=1)[trains], y[trains])

    optimizer = torch.optim.Adam([*first.parameters(), *second.parameters()], lr=0.01, weight_decay=5e-4)

    def make():
        source, target = torch.randint(0, nodes, (edges,)), torch.randint(0, nodes, (edges,))
        return torch.randn(nodes, 100), torch.randint(0, 7, (nodes,)), source, target

    return trained(optimizer, loss_of), batches(device, make)


def policy(torch, device, real):
    """Proximal policy optimisation: ratios, clipped, with entropy (Schulman et al. 2017)."""
    nn, F = torch.nn, torch.nn.functional
    width, batch = (64, 512) if real else (5, 7)

    class Agent(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Linear(8, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh())
            self.actor, self.critic = nn.Linear(width, 4), nn.Linear(width, 1)

        def forward(self, x):
            h = self.body(x)
            return torch.distributions.Categorical(logits=self.actor(h)), self.critic(h).squeeze(-1)

    model = Agent().to(device)
    for layer in model.modules():
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.bias)

    def loss_of(x, action, before, gain, returns):
        chosen, value = model(x)
        ratio = (chosen.log_prob(action) - before).exp()
        gain = (gain - gain.mean()) / (gain.std() + 1e-8)
        lost = -torch.min(ratio * gain, torch.clamp(ratio, 0.8, 1.2) * gain).mean()
        return lost + 0.5 * F.mse_loss(value, returns) - 0.01 * chosen.entropy().mean()

    def make():
        return torch.randn(batch, 8), torch.randint(0, 4, (batch,)), -torch.rand(batch) - 1, torch.randn(batch), torch.randn(batch)

    clip = lambda: nn.utils.clip_grad_norm_(model.parameters(), 0.5)  # noqa: E731
    return trained(torch.optim.Adam(model.parameters(), lr=3e-4, eps=1e-5), loss_of, clip), batches(device, make)


def q_learning(torch, device, real):
    """A second network that follows the first (Mnih et al. 2015)."""
    nn, F = torch.nn, torch.nn.functional
    width, batch = (128, 256) if real else (5, 7)

    def network():
        return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 3)).to(device)

    online, target = network(), network()
    target.load_state_dict(online.state_dict())
    optimizer = adamw(torch, online, 1e-3, amsgrad=True)

    def step(x, action, reward, after, ended):
        chosen = online(x).gather(1, action.unsqueeze(1)).squeeze(1)
        with torch.no_grad():
            best = target(after).max(1).values
        loss = F.smooth_l1_loss(chosen, reward + 0.99 * best * (1 - ended))
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_value_(online.parameters(), 100)
        optimizer.step()
        with torch.no_grad():
            for p, q in zip(target.parameters(), online.parameters()):
                p.mul_(0.995).add_(q, alpha=0.005)
        return loss

    def make():
        ended = (torch.rand(batch) < 0.1).float()
        return torch.randn(batch, 4), torch.randint(0, 3, (batch,)), torch.randn(batch), torch.randn(batch, 4), ended

    return step, batches(device, make)


def diffusion(torch, device, real):
    """Noise is told from a point at a time, which is embedded (Ho et al. 2020); a mean of the weights is kept."""
    nn, F = torch.nn, torch.nn.functional
    width, batch, times = (256, 1024, 1000) if real else (6, 7, 10)

    class Denoiser(nn.Module):
        def __init__(self):
            super().__init__()
            self.time = nn.Sequential(nn.Linear(64, width), nn.SiLU(), nn.Linear(width, width))
            self.first, self.last = nn.Linear(2, width), nn.Linear(width, 2)
            self.layers = nn.ModuleList([nn.Linear(width, width) for _ in range(3)])

        def forward(self, x, t):
            rates = torch.exp(-math.log(10000) * torch.arange(32, dtype=torch.float32, device=x.device) / 32)
            angles = t[:, None].float() * rates[None]
            h, time = self.first(x), self.time(torch.cat([angles.sin(), angles.cos()], dim=-1))
            for layer in self.layers:
                h = h + F.silu(layer(h + time))
            return self.last(h)

    model = Denoiser().to(device)
    kept = torch.cumprod(1 - torch.linspace(1e-4, 0.02, times), dim=0).to(device)
    mean = [p.detach().clone() for p in model.parameters()]
    inner = trained(adamw(torch, model), lambda x, t, noise: F.mse_loss(model(noised(x, t, noise), t), noise))

    def noised(x, t, noise):
        share = kept[t].unsqueeze(1)
        return share.sqrt() * x + (1 - share).sqrt() * noise

    def step(x, t, noise):
        loss = inner(x, t, noise)
        with torch.no_grad():
            for m, p in zip(mean, model.parameters()):
                m.lerp_(p, 0.01)
        return loss

    return step, batches(device, lambda: (torch.randn(batch, 2), torch.randint(0, times, (batch,)), torch.randn(batch, 2)))


def neural_ode(torch, device, real):
    """A field whose flow is followed by Runge and Kutta's steps (Chen et al. 2018)."""
    nn = torch.nn
    width, batch, steps = (64, 256, 10) if real else (5, 7, 3)
    field = nn.Sequential(nn.Linear(3, width), nn.Tanh(), nn.Linear(width, width), nn.Tanh(), nn.Linear(width, 2)).to(device)

    def slope(t, y):
        return field(torch.cat([y, torch.full_like(y[:, :1], t)], 1))

    def loss_of(y, target):
        h = 1.0 / steps
        for k in range(steps):
            t = k * h
            k1 = slope(t, y)
            k2 = slope(t + h / 2, y + h / 2 * k1)
            k3 = slope(t + h / 2, y + h / 2 * k2)
            y = y + h / 6 * (k1 + 2 * k2 + 2 * k3 + slope(t + h, y + h * k3))
        return ((y - target) ** 2).mean()

    data = batches(device, lambda: (torch.randn(batch, 2), torch.randn(batch, 2)))
    return trained(torch.optim.Adam(field.parameters(), lr=1e-3), loss_of), data


def physics(torch, device, real):
    """A wave's equation in float64: second derivatives within the loss (Raissi et al. 2019)."""
    nn, slopes = torch.nn, torch.autograd.grad
    width, points = (50, 2000) if real else (5, 9)
    layers = [x for _ in range(3) for x in (nn.Linear(width, width), nn.Tanh())]
    model = nn.Sequential(nn.Linear(2, width), nn.Tanh(), *layers, nn.Linear(width, 1)).double().to(device)

    def loss_of(inside, start):
        inside = inside.clone().requires_grad_(True)
        u = model(inside)
        first = slopes(u.sum(), inside, create_graph=True)[0]
        u_xx = slopes(first[:, 0].sum(), inside, create_graph=True)[0][:, 0]
        u_tt = slopes(first[:, 1].sum(), inside, create_graph=True)[0][:, 1]
        begun = model(start).squeeze(1) - torch.sin(math.pi * start[:, 0])
        return (u_tt - 4 * u_xx).pow(2).mean() + 10 * begun.pow(2).mean()

    def make():
        start = torch.rand(points // 4, 2, dtype=torch.float64)
        start[:, 1] = 0
        return torch.rand(points, 2, dtype=torch.float64), start

    return trained(torch.optim.Adam(model.parameters(), lr=1e-3), loss_of), batches(device, make)


def accumulated(torch, device, real):
    """Four small batches to a step, dropout off, odd widths, batch 13."""
    nn, F = torch.nn, torch.nn.functional
    model = nn.Sequential(nn.Linear(33, 100), nn.ELU(), nn.LayerNorm(100), nn.Linear(100, 7)).to(device)
    optimizer = torch.optim.NAdam(model.parameters(), lr=1e-3)

    def step(x, y):
        optimizer.zero_grad()
        total = 0.0
        for x_part, y_part in zip(x.chunk(4), y.chunk(4)):
            loss = F.cross_entropy(model(x_part), y_part) / 4
            loss.backward()
            total = total + loss.detach()
        optimizer.step()
        return total

    return step, batches(device, lambda: (torch.randn(52, 33), torch.randint(0, 7, (52,))))


def alone(torch, device, real):
    """One image at a time."""
    nn = torch.nn
    model = nn.Sequential(
        nn.Conv2d(1, 6, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(256, 120),
        nn.Tanh(), nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10),
    ).to(device)  # fmt: skip
    return classifying(torch, model, torch.optim.SGD(model.parameters(), lr=0.01), device, 1, 1, 28, 28)


def pairs(torch, device, real):
    """Two views of a picture are told from all others (SimCLR, Chen et al. 2020)."""
    nn, F = torch.nn, torch.nn.functional
    width, batch = (256, 512) if real else (5, 6)
    model = nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, 64)).to(device)

    def loss_of(a, b):
        z = F.normalize(torch.cat([model(a), model(b)]), dim=1)
        near = z @ z.T / 0.5
        near = near.masked_fill(torch.eye(2 * batch, dtype=torch.bool, device=z.device), -1e9)
        return F.cross_entropy(near, torch.arange(2 * batch, device=z.device).roll(batch))

    return trained(adamw(torch, model), loss_of), batches(device, lambda: (torch.randn(batch, width), torch.randn(batch, width)))


def words(torch, device, real):
    """A softmax over many words, embeddings that are its weights, dropout with the GPU's own numbers."""
    nn, F = torch.nn, torch.nn.functional
    count, width, batch = (32000, 256, 1024) if real else (50, 6, 9)
    embedding, hidden = nn.Embedding(count, width).to(device), nn.Linear(4 * width, width).to(device)
    optimizer = torch.optim.SGD([*embedding.parameters(), *hidden.parameters()], lr=0.1)

    def loss_of(x, y):
        h = torch.tanh(hidden(embedding(x).flatten(1)))
        return F.cross_entropy(F.dropout(h, 0.1) @ embedding.weight.t(), y)

    return trained(optimizer, loss_of), batches(device, lambda: (torch.randint(0, count, (batch, 4)), torch.randint(0, count, (batch,))))


def flow(torch, device, real):
    """Halves that are shifted and scaled by each other (RealNVP, Dinh et al. 2017)."""
    nn = torch.nn
    width, batch = (128, 1024) if real else (5, 7)
    nets = nn.ModuleList([nn.Sequential(nn.Linear(3, width), nn.ReLU(), nn.Linear(width, 6)) for _ in range(6)]).to(device)

    def loss_of(x):
        total = torch.zeros(len(x), device=x.device)
        for net in nets:
            a, b = x[:, :3], x[:, 3:]
            scale, shift = net(a).chunk(2, dim=1)
            scale = torch.tanh(scale)
            x = torch.cat([b * scale.exp() + shift, a], dim=1)
            total = total + scale.sum(1)
        return (0.5 * (x * x).sum(1) + 3 * math.log(2 * math.pi) - total).mean()

    return trained(torch.optim.Adam(nets.parameters(), lr=1e-3), loss_of), batches(device, lambda: (torch.randn(batch, 6),))


def taught(torch, device, real):
    """A small network learns a large one's answers (Hinton et al. 2015)."""
    nn, F = torch.nn, torch.nn.functional
    width, batch = (1024, 256) if real else (9, 5)
    teacher = nn.Sequential(nn.Linear(100, width), nn.ReLU(), nn.Linear(width, 10)).to(device).eval()
    student = nn.Sequential(nn.Linear(100, 50), nn.PReLU(), nn.Linear(50, 10)).to(device)

    def loss_of(x, y):
        with torch.no_grad():
            known = F.softmax(teacher(x) / 4, dim=-1)
        out = student(x)
        return 16 * F.kl_div(F.log_softmax(out / 4, dim=-1), known, reduction="batchmean") + F.cross_entropy(out, y)

    data = batches(device, lambda: (torch.randn(batch, 100), torch.randint(0, 10, (batch,))))
    return trained(adamw(torch, student), loss_of), data


def gaussian_process(torch, device, real):
    """A likelihood by a Cholesky factor."""
    points = 256 if real else 9
    length, noise, scale = [torch.nn.Parameter(torch.tensor(x, device=device)) for x in (0.0, -1.0, 0.0)]

    def loss_of(x, y):
        apart = ((x[:, None] - x[None]) ** 2).sum(-1)
        covariance = scale.exp() * torch.exp(-0.5 * apart / length.exp() ** 2) + noise.exp() * torch.eye(points, device=x.device)
        factor = torch.linalg.cholesky(covariance)
        return 0.5 * (y.T @ torch.cholesky_solve(y, factor)).squeeze() + torch.log(torch.diagonal(factor)).sum()

    optimizer = torch.optim.Adam([length, noise, scale], lr=0.01)
    return trained(optimizer, loss_of), batches(device, lambda: (torch.randn(points, 2), torch.randn(points, 1)))


# ---------------------------------------------------------------------------------------------------------
# Without training

def told(torch, device, real):
    """A trained network answers: BatchNorm as it is, no gradients."""
    nn = torch.nn
    width, batch, size = (64, 128, 56) if real else (4, 2, 8)
    layers = [x for k in range(4) for x in (nn.Conv2d(width if k else 3, width, 3, padding=1), nn.BatchNorm2d(width), nn.ReLU())]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)).to(device).eval()

    def step(x):
        with torch.no_grad():
            return model(x).softmax(-1).max(-1).values.mean()

    return step, batches(device, lambda: (torch.randn(batch, 3, size, size),))


def generated(torch, device, real):
    """Letters one after the other, with keys and values kept in a cache."""
    nn, F = torch.nn, torch.nn.functional
    count, width, heads, layers, batch, length = (65, 256, 4, 4, 4, 16) if real else (13, 8, 2, 2, 2, 5)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
            self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x, cache):
            B, T, C = x.shape
            q, k, v = [y.view(B, T, heads, C // heads).transpose(1, 2) for y in self.qkv(self.ln1(x)).chunk(3, dim=-1)]
            cache.append((k, v))
            k, v = [torch.cat(z, dim=2) for z in zip(*cache)]
            y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(B, T, C)
            x = x + self.out(y)
            return x + self.mlp(self.ln2(x))

    embedding, blocks = nn.Embedding(count, width).to(device), nn.ModuleList([Block() for _ in range(layers)]).to(device)
    places, head = nn.Embedding(length, width).to(device), nn.Linear(width, count).to(device)

    @torch.no_grad()
    def step(letter):
        caches, total = [deque() for _ in blocks], 0.0
        for k in range(length):
            x = embedding(letter) + places.weight[k]
            for block, cache in zip(blocks, caches):
                x = block(x, cache)
            out = head(x)
            letter = out.argmax(-1)
            total = total + out.max()
        return total

    return step, batches(device, lambda: (torch.randint(0, count, (batch, 1)),))


def options(torch, device, real):
    """Many prices at once by Black and Scholes, and how they change: elementwise alone."""
    number = 1 << 22 if real else 1001

    def step(spot, strike, years):
        spot = spot.detach().requires_grad_(True)
        d1 = (torch.log(spot / strike) + (0.02 + 0.5 * 0.3**2) * years) / (0.3 * torch.sqrt(years))
        d2 = d1 - 0.3 * torch.sqrt(years)
        share = lambda d: 0.5 * (1 + torch.erf(d / math.sqrt(2)))  # noqa: E731
        price = spot * share(d1) - strike * torch.exp(-0.02 * years) * share(d2)
        (slope,) = torch.autograd.grad(price.sum(), spot)
        return (price * slope).mean()

    return step, batches(device, lambda: (90 + 20 * torch.rand(number), 90 + 20 * torch.rand(number), 0.1 + torch.rand(number)))


OTHERS = {
    "ResNet-18": resnet, "MobileNet": mobilenet, "ConvNeXt": convnext, "ViT, bfloat16": vit, "UNet": unet, "DCGAN": dcgan,
    "CNN, float16 scaled": scaled_cnn, "autoencoder, resized": upsampled, "WaveNet": waves, "LSTM": lstm, "GRU both ways": gru,
    "encoder, padding": encoder, "translator": translator, "nanoGPT": nanogpt, "Llama, bfloat16": llama, "experts": experts, "CTC": speech,
    "VAE": vae, "recommender": recommender, "graph network": graph_network, "PPO": policy, "Q-learning": q_learning,
    "diffusion": diffusion, "neural ODE": neural_ode, "waves, float64": physics, "accumulated": accumulated, "LeNet, batch 1": alone,
    "SimCLR": pairs, "many words, dropout": words, "RealNVP": flow, "distillation": taught, "Gaussian process": gaussian_process,
    "CNN inference": told, "generation, cached": generated, "options": options,
}  # fmt: skip
