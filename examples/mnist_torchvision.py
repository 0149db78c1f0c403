"""MNIST in the usual way: torchvision's dataset, transforms and loaders, a checkpoint, and a picture of the mistakes.

    minitorch run examples/mnist_torchvision.py --download           fetches MNIST into ./data first
    minitorch run examples/mnist_torchvision.py --data DIR           DIR/MNIST/raw holds the four files, plain or .gz
    minitorch run examples/mnist_torchvision.py --limit 2000 --epochs 1 --log runs/mnist

Not a line of it is about minitorch: ``python examples/mnist_torchvision.py`` runs it under PyTorch and torchvision.
"""

import argparse
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader, Subset
from torchvision import datasets, transforms
from torchvision.utils import save_image
from tqdm import tqdm

MEAN, DEVIATION = 0.1307, 0.3081


class Net(nn.Module):
    """(N, 1, 28, 28) → scores (N, 10)"""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Flatten(), nn.Dropout(0.25), nn.Linear(32 * 7 * 7, 10))

    def forward(self, x):
        return self.classifier(self.features(x))


def loaders(args):
    """(training, testing); only the training images are moved and turned a little."""
    whole = [transforms.ToTensor(), transforms.Normalize((MEAN,), (DEVIATION,))]
    moved = transforms.Compose([transforms.RandomRotation(10), transforms.RandomCrop(28, padding=2), *whole])
    train = datasets.MNIST(args.data, train=True, download=args.download, transform=moved)
    test = datasets.MNIST(args.data, train=False, download=args.download, transform=transforms.Compose(whole))
    if args.limit:
        train, test = (Subset(part, range(min(args.limit, len(part)))) for part in (train, test))
    workers = {"num_workers": args.workers}
    return DataLoader(train, args.batch_size, shuffle=True, **workers), DataLoader(test, 250, **workers)


def train_epoch(model, loader, optimizer, scheduler, device, epoch):
    """The loss of every step."""
    model.train()
    losses = []
    for images, labels in tqdm(loader, desc=f"epoch {epoch}", disable=None, leave=False):
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def evaluate(model, loader, device):
    """(mean loss, accuracy, the images that it gets wrong)"""
    model.eval()
    total, right, wrong = 0.0, 0, []
    for images, labels in loader:
        images, labels = images.to(device), labels.to(device)
        scores = model(images)
        total += F.cross_entropy(scores, labels, reduction="sum").item()
        hits = scores.argmax(1) == labels
        right += hits.sum().item()
        wrong.append(images[~hits].cpu())
    count = len(loader.dataset)
    return total / count, right / count, torch.cat(wrong)


def main():
    parser = argparse.ArgumentParser(description="Train a small convolutional network on MNIST.")
    parser.add_argument("--data", default="data", help="where MNIST/raw is, or is to be (default: %(default)s)")
    parser.add_argument("--download", action="store_true", help="fetch MNIST where it isn't there")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--batch-size", type=int, default=64)
    parser.add_argument("--lr", type=float, default=0.003)
    parser.add_argument("--limit", type=int, help="use only the first so many images of each part")
    parser.add_argument("--workers", type=int, default=0, help="processes that load images (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/mnist"), help="checkpoint and picture (default: %(default)s)")
    parser.add_argument("--log", help="a folder for TensorBoard's files")
    args = parser.parse_args()

    torch.manual_seed(args.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    train, test = loaders(args)
    model = Net().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, epochs=args.epochs, steps_per_epoch=len(train))
    writer = None
    if args.log:
        from torch.utils.tensorboard import SummaryWriter

        writer = SummaryWriter(args.log)

    args.out.mkdir(parents=True, exist_ok=True)
    for epoch in range(1, args.epochs + 1):
        losses = train_epoch(model, train, optimizer, scheduler, device, epoch)
        loss, accuracy, wrong = evaluate(model, test, device)
        print(f"epoch {epoch}: first loss {losses[0]:.5f}, last loss {losses[-1]:.5f}")
        print(f"epoch {epoch}: test loss {loss:.5f}, test accuracy {accuracy:.2%}", flush=True)
        torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict(), "epoch": epoch}, args.out / "mnist.pt")
        if writer:
            writer.add_scalars("loss", {"train": sum(losses) / len(losses), "test": loss}, epoch)
            writer.add_scalar("accuracy", accuracy, epoch)
    if len(wrong):
        save_image(wrong[:64] * DEVIATION + MEAN, args.out / "wrong.png", nrow=8)
    if writer:
        writer.close()


if __name__ == "__main__":
    main()
