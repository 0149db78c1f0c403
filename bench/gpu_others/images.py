"""Images: classifiers, and networks that make images."""

from .parts import adamw, batches, classifying, trained

__all__ = ["convnext", "dcgan", "mobilenet", "resnet", "scaled_cnn", "unet", "upsampled", "vit", "waves"]


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
