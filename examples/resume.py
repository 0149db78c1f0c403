"""Training that may be killed at any moment, and ends with the same bits as if it never was.

    python examples/resume.py --out runs/resume          again after it was stopped: it goes on from its last checkpoint

Two spirals are told apart by a small network with batch normalization and dropout. All that decides what comes next goes
into the checkpoint:

    the model, the optimizer, the scheduler       by their state_dict(): running statistics, moments and the rate are in them
    the order of the samples                      the state that the loader's generator had when the epoch began, and how
                                                  many batches were taken since: the epoch's order is drawn again, and
                                                  those batches are passed over
    the dropout masks                             the state of the default generator

``torch.save`` of this library replaces a file when the new one is complete, so a kill in the middle of a save costs a few
steps and nothing more. PyTorch's writes into the file: there save beside it and rename, as ``keep`` does for both.

This is an ordinary PyTorch program: write ``torch`` for ``minitorch`` in the imports and it prints the same numbers.
"""

import argparse
import os
from itertools import islice
from pathlib import Path

import minitorch as torch
import minitorch.nn as nn
import minitorch.nn.functional as F
from minitorch.utils.data import DataLoader, TensorDataset

# ---- data and model --------------------------------------------------------------------------------------------------


def spirals(count):
    """``count`` points on two noisy spirals: x (count, 2), and which of the two each lies on."""
    angle = torch.rand(count) * 9 + 1
    side = torch.randint(0, 2, (count,))
    turned = angle + torch.pi * side
    points = torch.stack([turned.cos(), turned.sin()], 1) * angle[:, None] / 5
    return TensorDataset(points + 0.05 * torch.randn(count, 2), side)


def network():
    return nn.Sequential(
        nn.Linear(2, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Dropout(0.1),
        nn.Linear(32, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 2),
    )  # fmt: skip


# ---- a run, and its checkpoint ---------------------------------------------------------------------------------------


class Run:
    """A training run: everything that changes while it goes on."""

    def __init__(self, seed, samples, batch_size):
        torch.manual_seed(seed)
        self.order = torch.Generator().manual_seed(seed)
        self.loader = DataLoader(spirals(samples), batch_size, shuffle=True, generator=self.order)
        self.model = network()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=0.01)
        self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=10 * len(self.loader))
        self.epoch_start = self.order.get_state()
        self.batch = self.step = 0

    def state_dict(self):
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "epoch_start": self.epoch_start,
            "batch": self.batch,
            "step": self.step,
            "dropout": torch.get_rng_state(),
        }

    def load_state_dict(self, state):
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        self.epoch_start, self.batch, self.step = state["epoch_start"], state["batch"], state["step"]
        self.order.set_state(self.epoch_start)
        torch.set_rng_state(state["dropout"])

    def batches(self):
        """The batches to come: the rest of this epoch, then epoch after epoch."""
        while True:
            for batch in islice(self.loader, self.batch, None):
                self.batch += 1
                yield batch
            self.epoch_start, self.batch = self.order.get_state(), 0

    def learn(self, points, side):
        loss = F.cross_entropy(self.model(points), side)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.scheduler.step()
        self.step += 1
        return loss.item()


def keep(state, path):
    """Save ``state`` so that the file at ``path`` is whole at any moment."""
    torch.save(state, f"{path}.new")
    os.replace(f"{path}.new", path)


# ---- command line ----------------------------------------------------------------------------------------------------


def main(argv=None):
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("runs/resume"), help="folder of the checkpoint")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--every", type=int, default=10, help="steps from one checkpoint to the next")
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--samples", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args(argv)

    args.out.mkdir(parents=True, exist_ok=True)
    checkpoint = args.out / "checkpoint.pt"
    run = Run(args.seed, args.samples, args.batch_size)
    if checkpoint.exists():
        run.load_state_dict(torch.load(checkpoint))
        print(f"going on from step {run.step}")

    losses, batches = [], run.batches()
    while run.step < args.steps:
        losses.append(run.learn(*next(batches)))
        if run.step % args.every == 0 or run.step == args.steps:
            keep(run.state_dict(), checkpoint)
    if losses:
        print(f"step {run.step}: loss {losses[-1]:.4f}")
    return losses


if __name__ == "__main__":
    main()
