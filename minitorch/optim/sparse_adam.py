"""SparseAdam, which we can't have.   torch: torch/optim/sparse_adam.py"""

from .optimizer import Optimizer

__all__ = ["SparseAdam"]


class SparseAdam(Optimizer):
    """Adam for sparse gradients. There are none here: it refuses to be made.   torch: optim.SparseAdam"""

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, maximize=False):
        raise NotImplementedError(
            "SparseAdam needs sparse gradients, which minitorch does not have\n"
            "an embedding's gradient is dense here: train it with Adam"
        )
