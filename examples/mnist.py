"""Train PyTorch's classic MNIST network on MNIST's own files.

    python examples/mnist.py --data DIR                   the convolutional network, test accuracy above 98.5 %
    python examples/mnist.py --data DIR --model mlp       784-256-10, much faster, about 97 %
    python examples/mnist.py --data DIR --limit 2000 --epochs 1      a quick look

DIR holds the four idx files of MNIST, plain or as ``.gz``: train-images-idx3-ubyte, train-labels-idx1-ubyte,
t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte.

This is an ordinary PyTorch program: write ``torch`` for ``minitorch`` in the imports and it runs there.
"""

import argparse
import time

import idx
from tqdm import tqdm

import minitorch as torch
import minitorch.nn as nn
import minitorch.nn.functional as F
from minitorch.utils.data import DataLoader, TensorDataset

MEAN, DEVIATION = 0.1307, 0.3081  # of the training set's pixels, on a scale of 0 to 1


# ---- data ------------------------------------------------------------------------------------------------------------


def load_data(folder, part, limit=None):
    """One part of MNIST ("train" or "t10k") as a dataset of (image (1, 28, 28) of bytes, label)."""
    image_path = idx.find(folder, f"{part}-images-idx3-ubyte")
    label_path = idx.find(folder, f"{part}-labels-idx1-ubyte")
    images, labels = idx.read(image_path, ndim=3), idx.read(label_path, ndim=1)
    if images.shape[1:] != (28, 28):
        raise ValueError(f"{image_path}: expected images of 28x28 pixels, found {images.shape[1]}x{images.shape[2]}")
    if len(images) != len(labels):
        raise ValueError(f"{label_path}: expected {len(images)} labels, one for each image, found {len(labels)}")
    if len(labels) == 0 or labels.max() > 9:
        raise ValueError(f"{label_path}: expected labels from 0 to 9, found {labels.max(initial=0)} in {len(labels)}")
    return TensorDataset(torch.from_numpy(images[:limit]).unsqueeze(1), torch.from_numpy(labels[:limit]).long())


def normalize(images):
    """Bytes 0 to 255 as floats of mean 0 and deviation 1."""
    return (images.float() / 255 - MEAN) / DEVIATION


def shift(images, most=2):
    """All images of a batch moved by the same few pixels, at random: a digit is the same digit a little further on."""
    down, right = torch.randint(-most, most + 1, (2,)).tolist()
    return torch.roll(images, (down, right), (2, 3))


# ---- models ----------------------------------------------------------------------------------------------------------


class ConvNet(nn.Module):
    """Two convolutions, two linear layers: (N, 1, 28, 28) to log-probabilities (N, 10).   PyTorch's examples/mnist"""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, 3)
        self.conv2 = nn.Conv2d(32, 64, 3)
        self.dropout1 = nn.Dropout(0.25)
        self.dropout2 = nn.Dropout(0.5)
        self.fc1 = nn.Linear(64 * 12 * 12, 128)
        self.fc2 = nn.Linear(128, 10)

    def forward(self, x):
        x = F.relu(self.conv1(x))  # (N, 32, 26, 26)
        x = F.relu(self.conv2(x))  # (N, 64, 24, 24)
        x = F.max_pool2d(x, 2)  # (N, 64, 12, 12)
        x = self.dropout1(x)
        x = torch.flatten(x, 1)
        x = F.relu(self.fc1(x))
        x = self.dropout2(x)
        return F.log_softmax(self.fc2(x), dim=1)


class MLP(nn.Module):
    """One hidden layer: (N, 1, 28, 28) to log-probabilities (N, 10)."""

    def __init__(self, hidden=256):
        super().__init__()
        self.fc1 = nn.Linear(28 * 28, hidden)
        self.fc2 = nn.Linear(hidden, 10)

    def forward(self, x):
        x = F.relu(self.fc1(torch.flatten(x, 1)))
        return F.log_softmax(self.fc2(x), dim=1)


MODELS = {"cnn": ConvNet, "mlp": MLP}


# ---- training --------------------------------------------------------------------------------------------------------


def train_epoch(model, loader, optimizer, scheduler, epoch):
    """One pass over the training set; returns the loss of every step."""
    model.train()
    losses = []
    progress = tqdm(loader, desc=f"epoch {epoch + 1}", unit="step", disable=None, leave=False)
    for images, labels in progress:
        loss = F.nll_loss(model(normalize(shift(images))), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        progress.set_postfix(loss=f"{losses[-1]:.3f}", refresh=False)
    return losses


@torch.no_grad()
def test(model, dataset):
    """(mean loss, share of right answers in percent) over a dataset."""
    model.eval()
    total = right = 0
    for images, labels in DataLoader(dataset, batch_size=250):
        log_probabilities = model(normalize(images))
        total += F.nll_loss(log_probabilities, labels, reduction="sum").item()
        right += (log_probabilities.argmax(dim=1) == labels).sum().item()
    return total / len(dataset), 100 * right / len(dataset)


def train(args, model, training, testing):
    """Adam under a one-cycle schedule; returns the losses of all steps."""
    loader = DataLoader(training, batch_size=args.batch_size, shuffle=True)
    optimizer = torch.optim.Adam(model.parameters(), lr=args.lr)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=args.lr, total_steps=args.epochs * len(loader))

    losses = []
    for epoch in range(args.epochs):
        start = time.perf_counter()
        losses += train_epoch(model, loader, optimizer, scheduler, epoch)
        seconds = time.perf_counter() - start
        loss, accuracy = test(model, testing)
        print(f"epoch {epoch + 1}: {seconds:.1f} s, test loss {loss:.4f}, test accuracy {accuracy:.2f} %", flush=True)
    return losses


# ---- command line ----------------------------------------------------------------------------------------------------


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description="Train PyTorch's classic network on MNIST.")
    parser.add_argument("--data", required=True, metavar="DIR", help="folder with MNIST's four idx files, plain or .gz")
    parser.add_argument("--model", choices=sorted(MODELS), default="cnn", help="(default: %(default)s)")
    parser.add_argument("--epochs", type=int, default=5, help="passes over the training set (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="images a step (default: %(default)s)")
    parser.add_argument("--lr", type=float, default=0.002, help="highest learning rate (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of weights, order, dropout (default: %(default)s)")
    parser.add_argument("--limit", type=int, metavar="N", help="use only the first N images of each part")
    return parser.parse_args(argv)


def main(argv=None):
    """Run the command line; returns the losses of the training steps."""
    args = parse_arguments(argv)
    try:
        training, testing = load_data(args.data, "train", args.limit), load_data(args.data, "t10k", args.limit)
    except (OSError, ValueError) as error:
        raise SystemExit(f"mnist.py: {error}") from error

    print(f"{len(training)} training images, {len(testing)} test images")
    torch.manual_seed(args.seed)
    return train(args, MODELS[args.model](), training, testing)


if __name__ == "__main__":
    main()
