"""Wasserstein GAN with gradient penalty (Gulrajani et al. 2017, arXiv:1704.00028): a second derivative through convolutions."""

import argparse

import numpy as np
import torch
import torch.autograd as autograd
import torch.nn as nn
from torch.autograd import Variable

Tensor = torch.cuda.FloatTensor if torch.cuda.is_available() else torch.FloatTensor


class Generator(nn.Module):
    def __init__(self, latent=8):
        super().__init__()

        def block(n_in, n_out, normalize=True):
            layers = [nn.Linear(n_in, n_out)]
            if normalize:
                layers.append(nn.LayerNorm(n_out, 0.8))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        self.model = nn.Sequential(
            *block(latent, 16, normalize=False), *block(16, 64), nn.Unflatten(1, (4, 4, 4)),
            nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False),
            nn.utils.spectral_norm(nn.Conv2d(4, 1, 3, padding=1)), nn.Tanh(),
        )  # fmt: skip

    def forward(self, z):
        return self.model(z)


class Critic(nn.Module):
    def __init__(self):
        super().__init__()
        self.model = nn.Sequential(
            nn.Conv2d(1, 8, 3, 2, 1), nn.InstanceNorm2d(8, affine=True), nn.LeakyReLU(0.2, inplace=True),
            nn.Conv2d(8, 16, 3, 2, 1), nn.ELU(), nn.Flatten(), nn.Linear(64, 1),
        )  # fmt: skip

    def forward(self, x):
        return self.model(x)


def gradient_penalty(critic, real, fake):
    alpha = Tensor(np.random.random((real.size(0), 1, 1, 1)))
    between = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
    scores = critic(between)
    ones = Variable(Tensor(real.shape[0], 1).fill_(1.0), requires_grad=False)
    gradients = autograd.grad(
        outputs=scores, inputs=between, grad_outputs=ones, create_graph=True, retain_graph=True, only_inputs=True
    )[0]
    gradients = gradients.view(gradients.size(0), -1)
    return ((gradients.norm(2, dim=1) - 1) ** 2).mean()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=30)
    parser.add_argument("--n-critic", type=int, default=3)
    args = parser.parse_args()

    torch.manual_seed(0)
    np.random.seed(0)
    generator, critic = Generator(), Critic()
    optimizers = [torch.optim.Adam(net.parameters(), lr=2e-3, betas=(0.5, 0.9)) for net in (generator, critic)]
    for step in range(args.steps):
        real = Variable(torch.rand(8, 1, 8, 8).type(Tensor).cumsum(-1) / 4 - 1)
        z = Variable(Tensor(np.random.normal(0, 1, (8, 8))))
        optimizers[1].zero_grad()
        fake = generator(z)
        d_loss = critic(fake.detach()).mean() - critic(real).mean() + 10 * gradient_penalty(critic, real.data, fake.data)
        d_loss.backward()
        optimizers[1].step()
        line = f"step {step} loss {d_loss.item():.6f}"
        if step % args.n_critic == 0:
            optimizers[0].zero_grad()
            g_loss = -torch.mean(critic(generator(z)))
            g_loss.backward()
            optimizers[0].step()
            line += f" generator {g_loss.item():.6f}"
        print(line)


if __name__ == "__main__":
    main()
