"""What processes say to each other, where there is one: it hears what it says.

Each writes into the tensors or lists that it is given, as in PyTorch, and returns None, or with ``async_op`` a Work that is
done already.   torch: torch/distributed/distributed_c10d.py
"""

import warnings
from copy import deepcopy

from ..engine import Tensor, no_grad
from .process_group import ReduceOp, get_group_rank, group_of

__all__ = [
    "Work", "all_gather", "all_gather_into_tensor", "all_gather_object", "all_reduce", "all_to_all",
    "all_to_all_single", "barrier", "broadcast", "broadcast_object_list", "gather", "gather_object", "irecv", "isend",
    "monitored_barrier", "recv", "reduce", "reduce_scatter", "reduce_scatter_tensor", "scatter", "scatter_object_list",
    "send",
]  # fmt: skip

SUM = ReduceOp.SUM


class Work:
    """Something that was asked for with ``async_op=True``, and is done.   torch: distributed.Work"""

    def wait(self, timeout=None):
        """True."""
        return True

    def is_completed(self):
        """True."""
        return True

    def is_success(self):
        """True."""
        return True


def done(async_op):
    return Work() if async_op else None


def check_tensor(value, name):
    if not isinstance(value, Tensor):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of type torch.Tensor\n             but got {type(value)} instead."
        )


def check_list(values, name):
    if not isinstance(values, list) or not all(isinstance(value, Tensor) for value in values):
        raise TypeError(
            f"Invalid function argument. Expected parameter `{name}` of type List[torch.Tensor]\n             but got {type(values)} "
            "instead."
        )
    if len(values) != 1:
        raise ValueError(f"{name} has {len(values)} tensors for a group of one process\ngive one for each process")


def fill(place, value):
    with no_grad():
        place.copy_(value.reshape(place.shape))


def all_reduce(tensor, op=SUM, group=None, async_op=False):
    """``tensor`` becomes the sum (or product, …) of everyone's.   torch: distributed.all_reduce

    >>> torch.distributed.init_process_group("gloo", "tcp://localhost:29500", rank=0, world_size=1)
    >>> x = torch.ones(2)
    >>> torch.distributed.all_reduce(x)
    >>> x
    tensor([1., 1.])
    >>> torch.distributed.destroy_process_group()
    """
    check_tensor(tensor, "tensor")
    group_of(group)
    return done(async_op)


def reduce(tensor, dst=None, op=SUM, group=None, async_op=False, group_dst=None):
    """The same, in the process ``dst`` only.   torch: distributed.reduce"""
    check_tensor(tensor, "tensor")
    get_group_rank(group_of(group), dst or group_dst or 0)
    return done(async_op)


def broadcast(tensor, src=None, group=None, async_op=False, group_src=None):
    """``tensor`` becomes what the process ``src`` has.   torch: distributed.broadcast"""
    check_tensor(tensor, "tensor")
    get_group_rank(group_of(group), src or group_src or 0)
    return done(async_op)


def all_gather(tensor_list, tensor, group=None, async_op=False):
    """``tensor_list`` gets everyone's ``tensor``.   torch: distributed.all_gather"""
    check_list(tensor_list, "tensor_list")
    check_tensor(tensor, "tensor")
    group_of(group)
    fill(tensor_list[0], tensor)
    return done(async_op)


def single(name, new):
    message = f"`torch.distributed.{name}` is deprecated. Please use `torch.distributed.{new}` instead."
    warnings.warn(message, FutureWarning, stacklevel=3)


def all_gather_into_tensor(output_tensor, input_tensor, group=None, async_op=False):
    """The same, one behind the other in one tensor.   torch: distributed.all_gather_into_tensor"""
    single("all_gather_into_tensor", "all_gather_single")
    group_of(group)
    fill(output_tensor, input_tensor)
    return done(async_op)


def gather(tensor, gather_list=None, dst=None, group=None, async_op=False, group_dst=None):
    """``gather_list`` gets everyone's ``tensor``, in the process ``dst``.   torch: distributed.gather"""
    check_tensor(tensor, "tensor")
    if gather_list is None:
        group_of(group)
        raise ValueError("Argument ``gather_list`` must be specified on destination rank.")
    return all_gather(gather_list, tensor, group, async_op)


def scatter(tensor, scatter_list=None, src=None, group=None, async_op=False, group_src=None):
    """``tensor`` gets this process's share of the list that ``src`` has.   torch: distributed.scatter"""
    check_tensor(tensor, "tensor")
    group_of(group)
    if scatter_list is None:
        raise ValueError("Argument ``scatter_list`` must be specified on source rank.")
    check_list(scatter_list, "scatter_list")
    fill(tensor, scatter_list[0])
    return done(async_op)


def reduce_scatter(output, input_list, op=SUM, group=None, async_op=False):
    """``output`` gets this process's share of the sum of everyone's lists.   torch: distributed.reduce_scatter"""
    check_tensor(output, "output")
    return scatter(output, input_list, 0, group, async_op)


def reduce_scatter_tensor(output, input, op=SUM, group=None, async_op=False):
    """The same, the lists being parts of one tensor.   torch: distributed.reduce_scatter_tensor"""
    single("reduce_scatter_tensor", "reduce_scatter_single")
    group_of(group)
    fill(output, input)
    return done(async_op)


def all_to_all(output_tensor_list, input_tensor_list, group=None, async_op=False):
    """Everyone's list for everyone, turned round.   torch: distributed.all_to_all"""
    check_list(output_tensor_list, "output_tensor_list")
    check_list(input_tensor_list, "input_tensor_list")
    group_of(group)
    fill(output_tensor_list[0], input_tensor_list[0])
    return done(async_op)


def all_to_all_single(output, input, output_split_sizes=None, input_split_sizes=None, group=None, async_op=False):
    """The same, the lists being parts of one tensor.   torch: distributed.all_to_all_single"""
    group_of(group)
    fill(output, input)
    return done(async_op)


def barrier(group=None, async_op=False, device_ids=None):
    """Wait for everyone.   torch: distributed.barrier"""
    group_of(group)
    return done(async_op)


def monitored_barrier(group=None, timeout=None, wait_all_ranks=False):
    """Wait for everyone, and tell who doesn't come.   torch: distributed.monitored_barrier"""
    group_of(group)


# ----------------------------------------------------------------------------------------------------- any Python objects


def all_gather_object(object_list, obj, group=None):
    """``object_list`` gets copies of everyone's ``obj``.   torch: distributed.all_gather_object"""
    group_of(group)
    object_list[0] = deepcopy(obj)


def gather_object(obj, object_gather_list=None, dst=None, group=None, group_dst=None):
    """The same, in the process ``dst``.   torch: distributed.gather_object"""
    all_gather_object(object_gather_list, obj, group)


def broadcast_object_list(object_list, src=None, group=None, device=None, group_src=None, use_batch=False):
    """The objects in the list become those that ``src`` has.   torch: distributed.broadcast_object_list"""
    get_group_rank(group_of(group), src or group_src or 0)


def scatter_object_list(scatter_object_output_list, scatter_object_input_list=None, src=None, group=None, group_src=None):
    """The first list gets this process's share of what ``src`` has.   torch: distributed.scatter_object_list"""
    group_of(group)
    scatter_object_output_list[0] = deepcopy(scatter_object_input_list[0])


# ------------------------------------------------------------------------------------------------------ one to another


def refuse(other, what):
    if other == 0:
        role = "destination" if what == "send" else "source"
        raise ValueError(f"Invalid {role} rank: {role} rank should not be the same as the rank of the current process.")
    raise ValueError(f"Global rank {other} is not part of group: there is one process\n{what} needs two")


def send(tensor, dst=None, group=None, tag=0, group_dst=None):
    """There is nobody to send to: raises ValueError.   torch: distributed.send"""
    check_tensor(tensor, "tensor")
    group_of(group)
    refuse(dst or group_dst or 0, "send")


def recv(tensor, src=None, group=None, tag=0, group_src=None):
    """There is nobody to receive from: raises ValueError.   torch: distributed.recv"""
    check_tensor(tensor, "tensor")
    group_of(group)
    refuse(src or group_src or 0, "recv")


isend, irecv = send, recv
