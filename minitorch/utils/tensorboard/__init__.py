"""Curves, histograms and pictures of a training run, for TensorBoard to show.   torch: utils.tensorboard

    from minitorch.utils.tensorboard import SummaryWriter

    with SummaryWriter("runs/first") as writer:
        for step in range(100):
            writer.add_scalar("loss/train", loss, step)

The files are written by the package tensorboardX: ``pip install pytorch-mini[tensorboard]``.
"""

try:
    from .writer import SummaryWriter
except ModuleNotFoundError as error:
    raise ImportError(
        f"torch.utils.tensorboard needs the package tensorboardX\npip install pytorch-mini[tensorboard]   ({error})"
    ) from error

__all__ = ["SummaryWriter"]
