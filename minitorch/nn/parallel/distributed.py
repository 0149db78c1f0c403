"""The same model in every process, its gradients averaged. With one process there is nothing to average.

torch: torch/nn/parallel/distributed.py
"""

from contextlib import contextmanager

from ...distributed import get_world_size, group
from ..module import Module

__all__ = ["DistributedDataParallel"]


class DistributedDataParallel(Module):
    """``module``, the names in whose ``state_dict`` begin with "module.", as in PyTorch.

    ``torch.distributed.init_process_group`` comes first.   torch: nn.parallel.DistributedDataParallel

    >>> torch.distributed.init_process_group("gloo", "tcp://localhost:29500", rank=0, world_size=1)
    >>> model = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))
    >>> list(model.state_dict())
    ['module.weight', 'module.bias']
    >>> torch.distributed.destroy_process_group()
    """

    def __init__(
        self, module, device_ids=None, output_device=None, dim=0, broadcast_buffers=True, init_sync=True, process_group=None,
        bucket_cap_mb=None, find_unused_parameters=False, check_reduction=False, gradient_as_bucket_view=False,
        static_graph=False, delay_all_reduce_named_params=None, param_to_hook_all_reduce=None, mixed_precision=None,
        device_mesh=None, skip_all_reduce_unused_params=False,
    ):  # fmt: skip
        super().__init__()
        get_world_size(process_group)  # raises before init_process_group
        if not any(p.requires_grad for p in module.parameters()):
            raise RuntimeError(
                "DistributedDataParallel is not needed when a module doesn't have any parameter that requires a gradient."
            )
        if device_ids or output_device is not None:
            devices = {p.device for p in module.parameters()}
            raise ValueError(
                "DistributedDataParallel device_ids and output_device arguments only work with single-device/multiple-device GPU modules "
                f"or CPU modules, but got device_ids {device_ids}, output_device {output_device}, and module parameters {devices}.\n"
                "leave them out on the CPU"
            )
        self.module, self.device_ids, self.output_device, self.dim = module, None, None, dim
        self.process_group = group.WORLD if process_group is None else process_group
        self.require_backward_grad_sync = True
        self.find_unused_parameters, self.broadcast_buffers = find_unused_parameters, broadcast_buffers

    def forward(self, *inputs, **kwargs):
        return self.module(*inputs, **kwargs)

    @contextmanager
    def no_sync(self):
        """A block in which gradients are added up here, and not averaged.   torch: DistributedDataParallel.no_sync"""
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    @contextmanager
    def join(self, divide_by_initial_world_size=True, enable=True, throw_on_early_termination=False):
        """A block for processes with unequal numbers of batches.   torch: DistributedDataParallel.join"""
        yield

    def register_comm_hook(self, state, hook):
        """Not here: nothing is communicated.   torch: DistributedDataParallel.register_comm_hook"""
        raise NotImplementedError("communication hooks aren't here\nwith one process no gradient is communicated")
