"""Train a small convolutional network on real handwritten digits, and look at what it learned.

    python examples/digits.py              train, print the accuracy on held-out digits, fill runs/digits
    python examples/digits.py --resume     go on with a run that was stopped (Ctrl-C, power cut)
    python examples/digits.py --predict    no training: what does the saved network say?

The data are scikit-learn's digits: 1,797 real images of 8x8 grey pixels, installed with it, nothing to download.
The folder ``--out`` receives ``checkpoint.npz`` (weights, optimizer, schedule, losses) and ``digits.png``
(the loss curve and some predictions, mistakes first).

This is an ordinary PyTorch program: write ``torch`` for ``minitorch`` in the imports and it prints the same numbers.
"""

import argparse
import json
import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from sklearn.datasets import load_digits
from tqdm import tqdm

import minitorch as torch
import minitorch.nn as nn
import minitorch.nn.functional as F
from minitorch.utils.data import DataLoader, TensorDataset

HELD_OUT = 360  # a fifth of the digits, never trained on


# ---- data ------------------------------------------------------------------------------------------------------------


def load_data(seed):
    """(training set, held-out set): the digits in an order that depends on the seed alone, cut in two."""
    digits = load_digits()
    images = torch.tensor(digits.images / 16, dtype=torch.float32).unsqueeze(1)  # (1797, 1, 8, 8), values 0 to 1
    labels = torch.tensor(digits.target)

    order = torch.randperm(len(images), generator=torch.Generator().manual_seed(seed))
    held_out, training = order[:HELD_OUT], order[HELD_OUT:]
    return TensorDataset(images[training], labels[training]), TensorDataset(images[held_out], labels[held_out])


# ---- model -----------------------------------------------------------------------------------------------------------


class DigitNet(nn.Module):
    """Three convolutions, then one linear layer: images (N, 1, 8, 8) to scores (N, 10).

    GELU and average pooling instead of the usual ReLU and max pooling, because they have no kinks. At a kink the last
    bit of a number decides which way the gradient goes, so two libraries that round differently would drift apart
    within a hundred steps; a smooth network keeps them together to six digits. (GELU by tanh, as GPT-2 has it: cheaper
    than by the error function, and as good.)

    The convolutions have no bias: the normalisation after each subtracts the mean, and any bias with it. Its gradient
    would be nothing but rounding, which Adam scales up to full steps.
    """

    def __init__(self, width=16):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.GELU(approximate="tanh"),
            nn.Conv2d(width, 2 * width, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.GELU(approximate="tanh"),
            nn.AvgPool2d(2),  # (N, 2 * width, 4, 4)
            nn.Conv2d(2 * width, 2 * width, 3, padding=1, bias=False),
            nn.BatchNorm2d(2 * width),
            nn.GELU(approximate="tanh"),
        )
        self.scores = nn.Sequential(nn.Dropout(0.25), nn.Flatten(), nn.Linear(2 * width * 4 * 4, 10))

    def forward(self, images):
        return self.scores(self.features(images))


# ---- training --------------------------------------------------------------------------------------------------------


def train_epoch(model, loader, optimizer, scheduler):
    """One pass over the training set; returns the loss of every step."""
    model.train()
    losses = []
    for images, labels in loader:
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    return losses


@torch.no_grad()
def predict(model, images):
    """The digit that the model sees in each image: (N, 1, 8, 8) to (N,)."""
    model.eval()
    return model(images).argmax(dim=1)


def accuracy(model, dataset):
    """The share of a dataset's images whose digit the model names rightly, in percent."""
    images, labels = dataset.tensors
    return 100 * (predict(model, images) == labels).float().mean().item()


def train(args, model, training, held_out):
    """Train, keeping a checkpoint after each epoch; returns the losses of all steps."""
    loader = DataLoader(training, batch_size=args.batch_size, shuffle=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=args.lr, weight_decay=0.05)
    scheduler = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=args.lr, total_steps=args.epochs * len(loader))
    losses = load_checkpoint(args, model, optimizer, scheduler) if args.resume else []

    done = len(losses) // len(loader)
    progress = tqdm(range(done, args.epochs), initial=done, total=args.epochs, unit="epoch", disable=None)
    for epoch in progress:
        # Each epoch's shuffling and dropout follow from its number, so that a resumed run repeats the unbroken one.
        torch.manual_seed(1000 * args.seed + epoch)
        losses += train_epoch(model, loader, optimizer, scheduler)
        save_checkpoint(args, model, optimizer, scheduler, losses)

        mean = sum(losses[-len(loader) :]) / len(loader)
        tqdm.write(f"epoch {epoch + 1:2}: loss {mean:.4f}, held-out accuracy {accuracy(model, held_out):.2f} %")
    return losses


# ---- checkpoint ------------------------------------------------------------------------------------------------------
# A NumPy archive: arrays under "model.…" and "optimizer.…", and one JSON text for the plain numbers. np.load opens it.


def checkpoint_path(args):
    return Path(args.out) / "checkpoint.npz"


def run_settings(args):
    """What must be the same for a stopped run to go on."""
    return {"seed": args.seed, "epochs": args.epochs, "batch_size": args.batch_size, "lr": args.lr}


def save_checkpoint(args, model, optimizer, scheduler, losses):
    """Write everything that the next step depends on. A kill at any moment leaves the old file or the new one."""
    state = optimizer.state_dict()
    plain = {"settings": run_settings(args), "groups": state["param_groups"], "scheduler": scheduler.state_dict()}
    arrays = {f"model.{name}": value.numpy() for name, value in model.state_dict().items()}
    for index, values in state["state"].items():
        arrays.update({f"optimizer.{index}.{name}": value.numpy() for name, value in values.items()})

    path = checkpoint_path(args)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    with open(temporary, "wb") as file:
        np.savez(file, losses=np.array(losses), plain=json.dumps(plain), **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def load_model(args, model):
    """Put the saved weights into the model."""
    with np.load(checkpoint_path(args)) as saved:
        names = [name for name in saved.files if name.startswith("model.")]
        model.load_state_dict({name.removeprefix("model."): torch.from_numpy(saved[name]) for name in names})


def load_checkpoint(args, model, optimizer, scheduler):
    """Put back all that was saved; returns the losses so far."""
    load_model(args, model)
    with np.load(checkpoint_path(args)) as saved:
        plain = json.loads(str(saved["plain"]))
        if plain["settings"] != run_settings(args):
            raise SystemExit(f"{checkpoint_path(args)} is of a run with {plain['settings']}: resume it with the same.")
        state = {}
        for name in saved.files:
            if name.startswith("optimizer."):
                _, index, key = name.split(".")
                state.setdefault(int(index), {})[key] = torch.from_numpy(saved[name])
        optimizer.load_state_dict({"state": state, "param_groups": plain["groups"]})
        scheduler.load_state_dict(plain["scheduler"])
        return saved["losses"].tolist()


# ---- picture ---------------------------------------------------------------------------------------------------------


def draw(path, losses, model, held_out, rows=5, columns=8):
    """Save a picture: the loss of every step, and held-out digits with what the model says, mistakes first."""
    images, labels = held_out.tensors
    predicted = predict(model, images)
    shown = torch.argsort((predicted == labels).long(), stable=True)[: rows * columns].tolist()

    figure = Figure(figsize=(12, 4))
    left, right = figure.subplots(1, 2, width_ratios=[2, 3])
    left.semilogy(losses, linewidth=0.8)
    left.set(title="training loss", xlabel="step", ylabel="cross entropy")

    right.set(title="held-out digits: predicted (true, where they differ)", xlim=(0, 12 * columns), ylim=(12 * rows, 0))
    right.set_axis_off()
    for place, index in enumerate(shown):
        y, x = 12 * (place // columns), 12 * (place % columns)
        guess, truth = predicted[index].item(), labels[index].item()
        right.imshow(images[index, 0].numpy(), cmap="gray_r", extent=(x + 2, x + 10, y + 11, y + 3))
        if guess == truth:
            right.text(x + 6, y + 2, guess, ha="center")
        else:
            right.text(x + 6, y + 2, f"{guess} ({truth})", ha="center", color="red")
    figure.savefig(path, dpi=120, bbox_inches="tight")


# ---- command line ----------------------------------------------------------------------------------------------------


def parse_arguments(argv):
    parser = argparse.ArgumentParser(description="Train a small convolutional network on scikit-learn's digits.")
    parser.add_argument("--epochs", type=int, default=10, help="passes over the training set (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="images a step (default: %(default)s)")
    parser.add_argument("--lr", type=float, default=0.01, help="highest learning rate (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the split, weights, order (default: %(default)s)")
    parser.add_argument("--out", default="runs/digits", help="folder for the results (default: %(default)s)")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--resume", action="store_true", help="go on from the checkpoint in --out")
    what.add_argument("--predict", action="store_true", help="only load the checkpoint in --out and predict")
    return parser.parse_args(argv)


def main(argv=None):
    """Run the command line; returns the losses of the training steps."""
    args = parse_arguments(argv)
    if (args.resume or args.predict) and not checkpoint_path(args).exists():
        raise SystemExit(f"{checkpoint_path(args)} does not exist: train first, without --resume or --predict.")
    torch.manual_seed(args.seed)
    training, held_out = load_data(args.seed)
    model = DigitNet()

    losses = []
    if args.predict:
        load_model(args, model)
        print("predicted:", predict(model, held_out.tensors[0])[:20].tolist())
        print("true:     ", held_out.tensors[1][:20].tolist())
    else:
        losses = train(args, model, training, held_out)
        draw(Path(args.out) / "digits.png", losses, model, held_out)
        print(f"saved {checkpoint_path(args)} and {Path(args.out) / 'digits.png'}")

    print(f"accuracy on {HELD_OUT} held-out digits: {accuracy(model, held_out):.2f} %")
    return losses


if __name__ == "__main__":
    main()
