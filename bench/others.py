"""Steps that the compiler wasn't made for: ``compiled.py --others``. Vision, generative and plain networks as people write them,
in batches of a laptop's size, and for each what it asks for that those of models.py don't. See workloads.py.
"""

import math

from models import residual
from workloads import BATCHES, Training, Workload, training

__all__ = ["OTHERS"]


def images(torch, batch, *shape):
    return torch.randn(BATCHES * batch, *shape)


def classes(torch, number, batch, *shape):
    return torch.randint(0, number, (BATCHES * batch, *shape))


def classifier(model_of, batch, channels, size, optimizer_of):
    """A step that sorts images into ten classes."""

    def build(torch):
        torch.manual_seed(0)
        model = model_of(torch)
        optimizer = optimizer_of(torch.optim, model.parameters())
        inputs, targets = images(torch, batch, channels, size, size), classes(torch, 10, batch)
        return training(torch, model, optimizer, torch.nn.CrossEntropyLoss(), inputs, targets)

    return build


def adamw(optim, parameters):
    return optim.AdamW(parameters, lr=1e-3)


def sgd(optim, parameters):
    return optim.SGD(parameters, lr=0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)


def stepping(torch, model, optimizer, loss_of, inputs, targets=None):
    """A step of ``loss_of(x, y)``, which calls the model itself; y is x where there are no targets."""
    return training(torch, lambda x: x, optimizer, loss_of, inputs, inputs if targets is None else targets)


# ---------------------------------------------------------------------------------------------------------
# Plain networks

def regularized_mlp(torch):
    """BatchNorm1d, dropout and three activations, batch 256."""
    torch.manual_seed(0)
    nn = torch.nn
    model = nn.Sequential(
        nn.Linear(128, 256), nn.BatchNorm1d(256), nn.SiLU(), nn.Dropout(0.2), nn.Linear(256, 256), nn.BatchNorm1d(256), nn.GELU(),
        nn.Dropout(0.2), nn.Linear(256, 128), nn.LeakyReLU(), nn.Linear(128, 10),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    return training(torch, model, optimizer, nn.CrossEntropyLoss(), images(torch, 256, 128), classes(torch, 10, 256))


def vae(torch):
    """784-400-20 and back, with noise in the middle (Kingma & Welling 2014), batch 128."""
    torch.manual_seed(0)
    nn, F = torch.nn, torch.nn.functional
    encoder, decoder = nn.Sequential(nn.Linear(784, 400), nn.ReLU()), nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))
    mean, spread = nn.Linear(400, 20), nn.Linear(400, 20)
    model = nn.ModuleList([encoder, decoder, mean, spread])

    def loss_of(x, _):
        h = encoder(x)
        mu, log_var = mean(h), spread(h)
        z = mu + torch.randn_like(mu) * (log_var / 2).exp()
        found = F.binary_cross_entropy(decoder(z).sigmoid(), x, reduction="sum")
        return (found - 0.5 * (1 + log_var - mu * mu - log_var.exp()).sum()) / len(x)

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return stepping(torch, model, optimizer, loss_of, torch.rand(BATCHES * 128, 784))


def sines(torch):
    """SIREN (Sitzmann et al. 2020): a picture as a function of its places, 3 layers of 256, 1024 places."""
    torch.manual_seed(0)
    nn = torch.nn

    class Sine(nn.Module):
        def __init__(self, before, after):
            super().__init__()
            self.linear = nn.Linear(before, after)

        def forward(self, x):
            return torch.sin(30 * self.linear(x))

    model = nn.Sequential(Sine(2, 256), Sine(256, 256), Sine(256, 256), nn.Linear(256, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-4)
    places, colors = torch.rand(BATCHES * 1024, 2), torch.rand(BATCHES * 1024, 3)
    return training(torch, model, optimizer, nn.MSELoss(), places, colors)


def heat(torch):
    """A network that obeys the heat equation: derivatives by both inputs, to second order, in the loss (Raissi et al. 2019)."""
    torch.manual_seed(0)
    nn, slopes = torch.nn, torch.autograd.grad
    layers = [layer for _ in range(4) for layer in (nn.Linear(64, 64), nn.Tanh())]
    model = nn.Sequential(nn.Linear(2, 64), nn.Tanh(), *layers, nn.Linear(64, 1))

    def loss_of(places, _):
        x, t = [places[:, i : i + 1].clone().requires_grad_(True) for i in (0, 1)]
        u = model(torch.cat([x, t], 1))
        by_x, by_t = slopes(u, (x, t), torch.ones_like(u), create_graph=True)
        (twice,) = slopes(by_x, x, torch.ones_like(by_x), create_graph=True)
        return ((by_t - 0.1 * twice) ** 2).mean() + ((u - torch.sin(math.pi * x)) ** 2 * (t < 0.1)).mean()

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return stepping(torch, model, optimizer, loss_of, torch.rand(BATCHES * 1024, 2))


def gaussian_process(torch):
    """The likelihood of 128 points: a Cholesky factor, and equations with its triangle."""
    torch.manual_seed(0)
    length, noise, scale = [torch.nn.Parameter(torch.tensor(x)) for x in (0.0, -1.0, 0.0)]

    def loss_of(x, y):
        covariance = scale.exp() * torch.exp(-0.5 * torch.cdist(x, x) ** 2 / length.exp() ** 2) + noise.exp() * torch.eye(128)
        factor = torch.linalg.cholesky(covariance)
        return 0.5 * (y * torch.cholesky_solve(y, factor)).sum() + factor.diagonal().log().sum()

    optimizer = torch.optim.Adam([length, noise, scale], lr=0.01)
    return stepping(torch, None, optimizer, loss_of, images(torch, 128, 2), images(torch, 128, 1))


def words(torch):
    """Skip-grams with five words that are none (Mikolov et al. 2013): a table that is read twice in a step, batch 1024."""
    torch.manual_seed(0)
    F, near, far = torch.nn.functional, torch.nn.Embedding(5000, 100), torch.nn.Embedding(5000, 100)
    model, often = torch.nn.ModuleList([near, far]), torch.rand(5000) ** 0.75

    def loss_of(center, context):
        others = far(torch.multinomial(often, 5 * len(center), replacement=True).view(-1, 5))
        x = near(center)
        return -(F.logsigmoid((x * far(context)).sum(1)) + F.logsigmoid(-(others @ x[..., None])).sum((1, 2))).mean()

    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    return stepping(torch, model, optimizer, loss_of, classes(torch, 5000, 1024), classes(torch, 5000, 1024))


def bootstrap(torch):
    """Two views, and a network that follows the trained one by ``q.data = …`` (BYOL, Grill et al. 2020), batch 256."""
    torch.manual_seed(0)
    nn, F = torch.nn, torch.nn.functional

    def mlp(before, after):
        return nn.Sequential(nn.Linear(before, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Linear(256, after))

    online, target, predictor = mlp(64, 32), mlp(64, 32).requires_grad_(False), mlp(32, 32)
    model = nn.ModuleList([online, predictor])

    def loss_of(x, y):
        for p, q in zip(online.parameters(), target.parameters(), strict=True):
            q.data = 0.99 * q.data + 0.01 * p.data
        pairs = (predictor(online(x)), target(y)), (predictor(online(y)), target(x))
        return 2 - sum([F.cosine_similarity(*pair).mean() for pair in pairs])

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    seen = torch.randn(BATCHES * 256, 64)
    return stepping(torch, model, optimizer, loss_of, seen, seen + 0.1 * torch.randn_like(seen))


# ---------------------------------------------------------------------------------------------------------
# Images made

def dcgan(torch):
    """Two networks and two optimizers in one step: 64x64, batch 16 (Radford et al. 2016)."""
    torch.manual_seed(0)
    nn = torch.nn

    def up(before, after):
        return nn.ConvTranspose2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU(True)

    def down(before, after):
        return nn.Conv2d(before, after, 4, 2, 1, bias=False), nn.BatchNorm2d(after), nn.LeakyReLU(0.2, True)

    painter = nn.Sequential(
        nn.ConvTranspose2d(64, 256, 4, bias=False), nn.BatchNorm2d(256), nn.ReLU(True), *up(256, 128), *up(128, 64), *up(64, 32),
        nn.ConvTranspose2d(32, 3, 4, 2, 1, bias=False), nn.Tanh(),
    )  # fmt: skip
    critic = nn.Sequential(*down(3, 32), *down(32, 64), *down(64, 128), *down(128, 256), nn.Conv2d(256, 1, 4, bias=False))
    painting, judging = [torch.optim.Adam(x.parameters(), lr=2e-4, betas=(0.5, 0.999)) for x in (painter, critic)]
    loss_of = nn.BCEWithLogitsLoss()

    def step(real, noise):
        critic.zero_grad()
        fake, true, false = painter(noise), torch.ones(len(real)), torch.zeros(len(real))
        judged = loss_of(critic(real).view(-1), true) + loss_of(critic(fake.detach()).view(-1), false)
        judged.backward()
        judging.step()
        painter.zero_grad()
        painted = loss_of(critic(fake).view(-1), true)
        painted.backward()
        painting.step()
        return judged + painted

    return Training(painter, step, images(torch, 16, 3, 64, 64), images(torch, 16, 64, 1, 1))


def twice_convolved(torch, before, after):
    nn = torch.nn
    parts = [(nn.Conv2d(n, after, 3, padding=1), nn.BatchNorm2d(after), nn.ReLU(True)) for n in (before, after)]
    return nn.Sequential(*parts[0], *parts[1])


def unet(torch):
    """Three levels, 64x64, batch 8 (Ronneberger et al. 2015)."""
    torch.manual_seed(0)
    nn = torch.nn

    class UNet(nn.Module):
        def __init__(self):
            super().__init__()
            self.down = nn.ModuleList([twice_convolved(torch, *n) for n in ((1, 16), (16, 32), (32, 64))])
            self.up = nn.ModuleList([nn.ConvTranspose2d(n, n // 2, 2, 2) for n in (64, 32)])
            self.joined = nn.ModuleList([twice_convolved(torch, n, n // 2) for n in (64, 32)])
            self.pool, self.head = nn.MaxPool2d(2), nn.Conv2d(16, 1, 1)

        def forward(self, x):
            first = self.down[0](x)
            second = self.down[1](self.pool(first))
            x = self.down[2](self.pool(second))
            for up, joined, beside in zip(self.up, self.joined, (second, first), strict=True):
                x = joined(torch.cat([beside, up(x)], 1))
            return self.head(x)

    model = UNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    masks = classes(torch, 2, 8, 1, 64, 64).float()
    return training(torch, model, optimizer, nn.BCEWithLogitsLoss(), images(torch, 8, 1, 64, 64), masks)


def repainted(torch):
    """Instance norms and reflected borders, 64x64, batch 4, as in networks that change a picture's style (Johnson et al. 2016)."""
    torch.manual_seed(0)
    nn = torch.nn

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            part = nn.ReflectionPad2d(1), nn.Conv2d(32, 32, 3), nn.InstanceNorm2d(32, affine=True)
            self.inner = nn.Sequential(*part, nn.ReLU(), nn.ReflectionPad2d(1), nn.Conv2d(32, 32, 3), nn.InstanceNorm2d(32, affine=True))

        def forward(self, x):
            return x + self.inner(x)

    model = nn.Sequential(
        nn.ReflectionPad2d(3), nn.Conv2d(3, 16, 7), nn.InstanceNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.InstanceNorm2d(32),
        nn.ReLU(), Residual(), Residual(), nn.Upsample(scale_factor=2), nn.Conv2d(32, 16, 3, 1, 1), nn.InstanceNorm2d(16), nn.ReLU(),
        nn.ReflectionPad2d(3), nn.Conv2d(16, 3, 7), nn.Tanh(),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(torch, model, optimizer, nn.L1Loss(), images(torch, 4, 3, 64, 64), images(torch, 4, 3, 64, 64))


# ---------------------------------------------------------------------------------------------------------
# Images sorted

def wide_residual(torch):
    """Four stages of 64 to 512 channels: ResNet-18 for 32x32 (He et al. 2015)."""
    nn = torch.nn
    pairs = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(), *[residual(torch, *pair) for pair in pairs],
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip


def mobile(torch):
    """Depthwise convolutions between those of 1 x 1, gates over channels (MobileNetV3, Howard et al. 2019)."""
    nn = torch.nn

    class Gated(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.gate = nn.Sequential(
                nn.AdaptiveAvgPool2d(1), nn.Conv2d(width, width // 4, 1), nn.ReLU(), nn.Conv2d(width // 4, width, 1), nn.Hardsigmoid()
            )

        def forward(self, x):
            return x * self.gate(x)

    def inverted(before, width, after, kernel, stride):
        return nn.Sequential(
            nn.Conv2d(before, width, 1, bias=False), nn.BatchNorm2d(width), nn.Hardswish(),
            nn.Conv2d(width, width, kernel, stride, kernel // 2, groups=width, bias=False), nn.BatchNorm2d(width), nn.Hardswish(),
            Gated(width), nn.Conv2d(width, after, 1, bias=False), nn.BatchNorm2d(after),
        )  # fmt: skip

    return nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.Hardswish(), inverted(16, 64, 24, 3, 2), inverted(24, 96, 40, 5, 2),
        inverted(40, 160, 64, 3, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 128), nn.Hardswish(), nn.Dropout(0.2),
        nn.Linear(128, 10),
    )  # fmt: skip


def grouped(torch):
    """GroupNorm and SiLU, as in networks of diffusion."""
    nn = torch.nn
    layers = [
        (nn.Conv2d(before, after, 3, stride, 1), nn.GroupNorm(8, after), nn.SiLU())
        for before, after, stride in ((3, 32, 1), (32, 64, 2), (64, 64, 1))
    ]
    return nn.Sequential(*[x for layer in layers for x in layer], nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10))


def convnext(torch):
    """7 x 7 depthwise convolutions, LayerNorm over channels that lie last (Liu et al. 2022)."""
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.near = nn.Conv2d(width, width, 7, padding=3, groups=width)
            self.wide = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

        def forward(self, x):
            return x + self.wide(self.near(x).permute(0, 2, 3, 1)).permute(0, 3, 1, 2)

    return nn.Sequential(
        nn.Conv2d(3, 48, 2, 2), Block(48), Block(48), nn.Conv2d(48, 96, 2, 2), Block(96), Block(96), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(96, 10),
    )  # fmt: skip


def vit(torch):
    """Patches of 4 x 4, a class token, learned places, 4 layers 128 wide (Dosovitskiy et al. 2021)."""
    nn = torch.nn

    class ViT(nn.Module):
        def __init__(self):
            super().__init__()
            self.patches = nn.Conv2d(3, 128, 4, 4)
            self.token, self.places = nn.Parameter(torch.zeros(1, 1, 128)), nn.Parameter(torch.randn(1, 65, 128) * 0.02)
            layer = nn.TransformerEncoderLayer(128, 4, 512, 0.1, "gelu", batch_first=True, norm_first=True)
            self.layers = nn.TransformerEncoder(layer, 4, enable_nested_tensor=False)
            self.norm, self.head = nn.LayerNorm(128), nn.Linear(128, 10)

        def forward(self, x):
            x = self.patches(x).flatten(2).transpose(1, 2)
            x = self.layers(torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.places)
            return self.head(self.norm(x)[:, 0])

    return ViT()


OTHERS = {
    "MLP with BatchNorm b256": Workload(regularized_mlp),
    "VAE b128 Adam": Workload(vae),
    "sines b1024 Adam": Workload(sines),
    "heat equation b1024 Adam": Workload(heat),
    "Gaussian process b128": Workload(gaussian_process),
    "skip-grams b1024 SGD": Workload(words),
    "BYOL b256 Adam": Workload(bootstrap),
    "DCGAN b16 Adam": Workload(dcgan),
    "UNet b8 Adam": Workload(unet),
    "style network b4 Adam": Workload(repainted),
    "ResNet-18 b16 SGD": Workload(classifier(wide_residual, 16, 3, 32, sgd)),
    "mobile network b32 SGD": Workload(classifier(mobile, 32, 3, 32, sgd)),
    "GroupNorm network b32": Workload(classifier(grouped, 32, 3, 32, adamw)),
    "ConvNeXt b16 AdamW": Workload(classifier(convnext, 16, 3, 32, adamw)),
    "ViT b16 AdamW": Workload(classifier(vit, 16, 3, 32, adamw)),
}
"""What ``compiled.py --others`` times; nothing is promised of them."""
