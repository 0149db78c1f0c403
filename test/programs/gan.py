"""A generative adversarial network that learns a ring of eight Gaussians. Goodfellow et al. 2014."""

import argparse

import numpy as np
import torch
import torch.nn as nn
from torch.autograd import Variable

parser = argparse.ArgumentParser()
parser.add_argument("--n_steps", type=int, default=100, help="number of steps of training")
parser.add_argument("--batch_size", type=int, default=64, help="size of the batches")
parser.add_argument("--lr", type=float, default=1e-3, help="adam: learning rate")
parser.add_argument("--b1", type=float, default=0.5, help="adam: decay of first order momentum of gradient")
parser.add_argument("--b2", type=float, default=0.999, help="adam: decay of second order momentum of gradient")
parser.add_argument("--latent_dim", type=int, default=8, help="dimensionality of the latent space")
parser.add_argument("--sample_interval", type=int, default=25, help="interval between samples")
opt = parser.parse_args()
print(opt)

cuda = torch.cuda.is_available()
Tensor = torch.cuda.FloatTensor if cuda else torch.Tensor
torch.manual_seed(0)
np.random.seed(0)


class Generator(nn.Module):
    def __init__(self):
        super(Generator, self).__init__()

        def block(in_feat, out_feat, normalize=True):
            layers = [nn.Linear(in_feat, out_feat)]
            if normalize:
                layers.append(nn.BatchNorm1d(out_feat, 0.8))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        self.model = nn.Sequential(
            *block(opt.latent_dim, 32, normalize=False), *block(32, 64), *block(64, 64), nn.Linear(64, 2)
        )

    def forward(self, z):
        return self.model(z)


class Discriminator(nn.Module):
    def __init__(self):
        super(Discriminator, self).__init__()
        self.model = nn.Sequential(
            nn.utils.spectral_norm(nn.Linear(2, 64)),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(64, 64),
            nn.Dropout(0.2),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(64, 1),
        )

    def forward(self, x):
        return self.model(x).squeeze(1)


def weights_init_normal(m):
    classname = m.__class__.__name__
    if classname.find("Linear") != -1 and hasattr(m, "weight_orig") is False:
        torch.nn.init.normal_(m.weight.data, 0.0, 0.1)
        torch.nn.init.constant_(m.bias.data, 0.0)
    elif classname.find("BatchNorm") != -1:
        m.weight.data.normal_(1.0, 0.02)
        m.bias.data.fill_(0)


def real_points(n):
    """Eight clouds on a circle, with NumPy."""
    angle = np.random.randint(0, 8, n) * (2 * np.pi / 8)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1) * 2 + np.random.normal(0, 0.05, (n, 2))


bce = torch.nn.BCEWithLogitsLoss()
generator = Generator()
discriminator = Discriminator()
if cuda:
    generator.cuda()
    discriminator.cuda()
    bce.cuda()
generator.apply(weights_init_normal)
discriminator.apply(weights_init_normal)

optimizer_G = torch.optim.Adam(generator.parameters(), lr=opt.lr, betas=(opt.b1, opt.b2))
optimizer_D = torch.optim.Adam(discriminator.parameters(), lr=opt.lr, betas=(opt.b1, opt.b2))

for i in range(opt.n_steps):
    valid = Variable(Tensor(opt.batch_size).fill_(1.0), requires_grad=False)
    fake = Variable(Tensor(opt.batch_size).fill_(0.0), requires_grad=False)
    real = Variable(torch.from_numpy(real_points(opt.batch_size)).type(Tensor))

    # the generator
    optimizer_G.zero_grad()
    z = Variable(Tensor(np.random.normal(0, 1, (opt.batch_size, opt.latent_dim))))
    made = generator(z)
    g_loss = bce(discriminator(made), valid)
    g_loss.backward()
    optimizer_G.step()

    # the discriminator
    optimizer_D.zero_grad()
    on_real, on_fake = discriminator(real), discriminator(made.detach())
    d_loss = (bce(on_real, valid) + bce(on_fake, fake)) / 2
    d_loss.backward()
    optimizer_D.step()

    print("[step %d/%d] [D loss: %f] [G loss: %f]" % (i, opt.n_steps, d_loss.item(), g_loss.item()))
    if i % opt.sample_interval == 0:
        radius = made.data.norm(dim=1)
        print("radius %.4f +- %.4f, %.2f real" % (radius.mean(), radius.std(), (on_real > 0).float().mean()))
