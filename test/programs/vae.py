"""A variational autoencoder of small pictures: bright discs on a dark ground. Kingma & Welling 2014."""

import argparse

import torch
import torch.utils.data
from torch import nn, optim
from torch.nn import functional as F


def discs(count, size, generator):
    """Pictures (count, 1, size, size) in [0, 1], each a disc of some place and radius."""
    grid = torch.linspace(-1, 1, size)
    y, x = torch.meshgrid(grid, grid, indexing="ij")
    place = torch.rand(count, 2, 1, 1, generator=generator) * 1.2 - 0.6
    radius = torch.rand(count, 1, 1, generator=generator) * 0.3 + 0.2
    distance = ((x - place[:, 0]) ** 2 + (y - place[:, 1]) ** 2).sqrt()
    return torch.sigmoid((radius - distance) * 12).unsqueeze(1)


class VAE(nn.Module):
    def __init__(self, pixels, hidden=64, latent=8):
        super(VAE, self).__init__()
        self.pixels = pixels
        self.fc1 = nn.Linear(pixels, hidden)
        self.mean = nn.Linear(hidden, latent)
        self.log_var = nn.Linear(hidden, latent)
        self.fc3 = nn.Linear(latent, hidden)
        self.fc4 = nn.Linear(hidden, pixels)

    def encode(self, x):
        h = F.relu(self.fc1(x))
        return self.mean(h), self.log_var(h)

    def reparameterize(self, mean, log_var):
        std = torch.exp(0.5 * log_var)
        return mean + torch.randn_like(std) * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mean, log_var = self.encode(x.view(-1, self.pixels))
        return self.decode(self.reparameterize(mean, log_var)), mean, log_var


def loss_function(reconstruction, x, mean, log_var):
    bce = F.binary_cross_entropy(reconstruction, x.view(x.size(0), -1), reduction="sum")
    kl = -0.5 * torch.sum(1 + log_var - mean.pow(2) - log_var.exp())
    return bce + kl


def train(model, device, loader, optimizer, epoch):
    model.train()
    total = 0.0
    for step, (data,) in enumerate(loader):
        data = data.to(device)
        optimizer.zero_grad()
        reconstruction, mean, log_var = model(data)
        loss = loss_function(reconstruction, data, mean, log_var)
        loss.backward()
        total += loss.item()
        optimizer.step()
        print(f"epoch {epoch} step {step} loss {loss.item() / len(data):.6f}")
    print("====> Epoch: {} Average loss: {:.4f}".format(epoch, total / len(loader.dataset)))


def test(model, device, loader):
    model.eval()
    total = 0
    with torch.no_grad():
        for (data,) in loader:
            data = data.to(device)
            reconstruction, mean, log_var = model(data)
            total += loss_function(reconstruction, data, mean, log_var).item()
    print(f"====> Test set loss: {total / len(loader.dataset):.4f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=32, metavar="N")
    parser.add_argument("--epochs", type=int, default=5, metavar="N")
    parser.add_argument("--no-cuda", action="store_true", default=False)
    parser.add_argument("--seed", type=int, default=1, metavar="S")
    args = parser.parse_args()
    use_cuda = not args.no_cuda and torch.cuda.is_available()
    torch.manual_seed(args.seed)
    device = torch.device("cuda" if use_cuda else "cpu")
    kwargs = {"num_workers": 1, "pin_memory": True} if use_cuda else {}

    generator = torch.Generator().manual_seed(args.seed)
    pictures = torch.utils.data.TensorDataset(discs(800, 16, generator))
    train_set, test_set = torch.utils.data.random_split(pictures, [640, 160], generator=generator)
    train_loader = torch.utils.data.DataLoader(train_set, batch_size=args.batch_size, shuffle=True, **kwargs)
    test_loader = torch.utils.data.DataLoader(test_set, batch_size=args.batch_size, **kwargs)

    model = VAE(16 * 16).to(device)
    optimizer = optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(1, args.epochs + 1):
        train(model, device, train_loader, optimizer, epoch)
        test(model, device, test_loader)
    with torch.no_grad():
        sample = model.decode(torch.randn(4, 8).to(device)).cpu()
    for picture in sample.view(4, 16, 16):
        print("sample with brightness", f"{picture.mean():.5f}")


if __name__ == "__main__":
    main()
