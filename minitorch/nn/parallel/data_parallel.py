"""One model on several GPUs of one process.   torch: nn/parallel/data_parallel.py"""

from ..module import Module

__all__ = ["DataParallel", "data_parallel"]


class DataParallel(Module):
    """``module`` itself, called on one device: the names in ``state_dict`` begin with "module.", as PyTorch's do.

    To train on several devices use one process for each.   torch: nn.DataParallel

    >>> nn.DataParallel(nn.Linear(2, 1))
    DataParallel(
      (module): Linear(in_features=2, out_features=1, bias=True)
    )
    """

    def __init__(self, module, device_ids=None, output_device=None, dim=0):
        super().__init__()
        self.module, self.device_ids = module, []

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)


def data_parallel(module, inputs, device_ids=None, output_device=None, dim=0, module_kwargs=None):
    """``module(*inputs)``.   torch: nn.parallel.data_parallel"""
    inputs = inputs if isinstance(inputs, tuple) else () if inputs is None else (inputs,)
    return module(*inputs, **(module_kwargs or {}))
