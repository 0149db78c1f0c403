"""A denoising diffusion model (Ho et al. 2020, arXiv:2006.11239): a small U-Net learns to tell the noise in 8x8 pictures.

Time embedding, residual blocks with GroupNorm and SiLU, attention at the bottom, an exponential average of the weights, and a few
sampling steps, by DDPM's rule and by DDIM's.
"""

import argparse
import copy
import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class SinusoidalPosEmb(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.dim = dim

    def forward(self, t):
        half = self.dim // 2
        freqs = torch.exp(torch.arange(half, device=t.device) * -(math.log(10000) / (half - 1)))
        args = t[:, None] * freqs[None, :]
        return torch.cat((args.sin(), args.cos()), dim=-1)


class ResnetBlock(nn.Module):
    def __init__(self, dim_in, dim_out, time_dim, groups=4):
        super().__init__()
        self.mlp = nn.Sequential(nn.SiLU(), nn.Linear(time_dim, dim_out * 2))
        self.norm1, self.norm2 = nn.GroupNorm(groups, dim_in), nn.GroupNorm(groups, dim_out)
        self.conv1, self.conv2 = nn.Conv2d(dim_in, dim_out, 3, padding=1), nn.Conv2d(dim_out, dim_out, 3, padding="same")
        self.dropout = nn.Dropout2d(0.05)
        self.skip = nn.Conv2d(dim_in, dim_out, 1) if dim_in != dim_out else nn.Identity()

    def forward(self, x, t):
        h = self.conv1(F.silu(self.norm1(x)))
        scale, shift = self.mlp(t)[:, :, None, None].chunk(2, dim=1)
        h = self.norm2(h) * (scale + 1) + shift
        h = self.conv2(self.dropout(F.silu(h, inplace=True)))
        return h + self.skip(x)


class Attention(nn.Module):
    def __init__(self, dim, heads=2):
        super().__init__()
        self.heads = heads
        self.norm = nn.GroupNorm(1, dim)
        self.to_qkv = nn.Conv2d(dim, dim * 3, 1, bias=False)
        self.to_out = nn.Conv2d(dim, dim, 1)

    def forward(self, x):
        b, c, h, w = x.shape
        q, k, v = (part.reshape(b, self.heads, c // self.heads, h * w) for part in self.to_qkv(self.norm(x)).chunk(3, dim=1))
        weights = torch.einsum("bhdi,bhdj->bhij", q * (c // self.heads) ** -0.5, k).softmax(dim=-1)
        out = torch.einsum("bhij,bhdj->bhid", weights, v)
        return x + self.to_out(out.permute(0, 1, 3, 2).reshape(b, c, h, w))


class UNet(nn.Module):
    def __init__(self, dim=16, channels=1):
        super().__init__()
        time_dim = dim * 2
        self.time = nn.Sequential(SinusoidalPosEmb(dim), nn.Linear(dim, time_dim), nn.GELU(), nn.Linear(time_dim, time_dim))
        self.first = nn.Conv2d(channels, dim, 3, padding=1)
        self.down1 = ResnetBlock(dim, dim, time_dim)
        self.shrink = nn.Conv2d(dim, dim * 2, 4, stride=2, padding=1)
        self.mid1 = ResnetBlock(dim * 2, dim * 2, time_dim)
        self.attention = Attention(dim * 2)
        self.mid2 = ResnetBlock(dim * 2, dim * 2, time_dim)
        self.grow = nn.ConvTranspose2d(dim * 2, dim, 4, stride=2, padding=1)
        self.up = nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(dim * 2, dim, 3, padding=1))
        self.up1 = ResnetBlock(dim * 2, dim, time_dim)
        self.last = nn.Conv2d(dim, channels, 1)
        nn.init.zeros_(self.last.weight)

    def forward(self, x, t):
        t = self.time(t)
        x = self.first(x)
        skip = self.down1(x, t)
        x = self.shrink(skip)
        x = self.mid2(self.attention(self.mid1(x, t)), t)
        x = self.up1(torch.cat((self.grow(x) + self.up(x), skip), dim=1), t)
        return self.last(x)


class EMA:
    def __init__(self, model, beta=0.95):
        self.model, self.beta = copy.deepcopy(model).eval().requires_grad_(False), beta

    @torch.no_grad()
    def update(self, model):
        for mean, new in zip(self.model.parameters(), model.parameters()):
            mean.lerp_(new, 1 - self.beta)


class Diffusion(nn.Module):
    def __init__(self, timesteps=50):
        super().__init__()
        s = torch.linspace(0, timesteps, timesteps + 1, dtype=torch.float64) / timesteps
        alphas_bar = torch.cos((s + 0.008) / 1.008 * math.pi * 0.5) ** 2  # the cosine schedule of arXiv:2102.09672
        alphas_bar = alphas_bar / alphas_bar[0]
        betas = torch.clip(1 - alphas_bar[1:] / alphas_bar[:-1], 0, 0.999)
        alphas_bar = torch.cumprod(1.0 - betas, dim=0)
        previous = F.pad(alphas_bar[:-1], (1, 0), value=1.0)
        self.timesteps = timesteps
        for name, values in {
            "betas": betas,
            "alphas_bar": alphas_bar,
            "sqrt_alphas_bar": alphas_bar.sqrt(),
            "sqrt_one_minus": (1 - alphas_bar).sqrt(),
            "posterior_variance": betas * (1 - previous) / (1 - alphas_bar),
        }.items():
            self.register_buffer(name, values.to(torch.float32))

    @staticmethod
    def extract(a, t, x):
        return a.gather(-1, t).reshape(t.shape[0], *((1,) * (x.ndim - 1)))

    def loss(self, model, x):
        t = torch.randint(0, self.timesteps, (x.shape[0],), device=x.device).long()
        noise = torch.randn_like(x)
        noisy = self.extract(self.sqrt_alphas_bar, t, x) * x + self.extract(self.sqrt_one_minus, t, x) * noise
        return F.mse_loss(model(noisy, t), noise, reduction="none").mean(dim=(1, 2, 3)).mean()

    @torch.inference_mode()
    def sample(self, model, shape, steps):
        x = torch.randn(shape)
        for i in reversed(range(steps)):
            t = torch.full((shape[0],), i, dtype=torch.long)
            beta, variance = self.extract(self.betas, t, x), self.extract(self.posterior_variance, t, x)
            mean = torch.rsqrt(1 - beta) * (x - beta * model(x, t) / self.extract(self.sqrt_one_minus, t, x))
            x = mean + variance.sqrt() * torch.randn_like(x) if i else mean
        return x.clamp(-1, 1)

    @torch.no_grad()
    def ddim(self, model, shape, steps=5):
        x, times = torch.randn(shape), torch.linspace(self.timesteps - 1, 0, steps).long().tolist()
        for now, following in zip(times, times[1:] + [None]):
            noise = model(x, torch.full(shape[:1], now))
            guess = ((x - self.sqrt_one_minus[now] * noise) / self.sqrt_alphas_bar[now]).clamp_(-1, 1)
            x = guess if following is None else self.sqrt_alphas_bar[following] * guess + self.sqrt_one_minus[following] * noise
        return x


def blobs(batch):
    """Pictures of one bright spot each, in [-1, 1]."""
    grid = torch.stack(torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij"))
    centre = 2 + 4 * torch.rand(batch, 2, 1, 1)
    return (2 * torch.exp(-((grid - centre) ** 2).sum(1, keepdim=True) / 3) - 1).float()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=25)
    parser.add_argument("--batch", type=int, default=8)
    args = parser.parse_args()

    torch.manual_seed(0)
    model, diffusion = UNet(), Diffusion()
    ema = EMA(model)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1e-4)
    print("parameters", sum(p.numel() for p in model.parameters() if p.requires_grad))
    for step in range(args.steps):
        optimizer.zero_grad()
        loss = diffusion.loss(model, blobs(args.batch))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        ema.update(model)
        print(f"step {step} loss {loss.item():.6f}")
    sample = diffusion.sample(ema.model, (2, 1, 8, 8), steps=10)
    print(f"sample mean {sample.mean():.5f} std {sample.std():.5f}")
    print(f"ddim mean {diffusion.ddim(ema.model, (2, 1, 8, 8)).mean():.5f}")


if __name__ == "__main__":
    main()
