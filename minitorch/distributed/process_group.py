"""Who is in the world: one process, of rank 0.   torch: torch/distributed/distributed_c10d.py, rendezvous.py"""

import enum
import os
import warnings

from .constants import default_pg_timeout

__all__ = [
    "Backend", "GroupMember", "ProcessGroup", "ReduceOp", "destroy_process_group", "get_backend",
    "get_default_backend_for_device", "get_global_rank", "get_group_rank", "get_node_local_rank",
    "get_process_group_ranks", "get_rank", "get_world_size", "group", "group_of", "init_process_group", "is_available",
    "is_backend_available", "is_gloo_available", "is_initialized", "is_mpi_available", "is_nccl_available",
    "is_torchelastic_launched", "new_group",
]  # fmt: skip

ONE_PROCESS = "more than one process isn't here yet\nuse a world of one: world_size=1, rank=0"


class ReduceOp(enum.Enum):
    """How what several processes have is made one.   torch: distributed.ReduceOp"""

    SUM, AVG, PRODUCT, MIN, MAX, BAND, BOR, BXOR, PREMUL_SUM = range(9)

    def __repr__(self):
        return f"<RedOpType.{self.name}: {self.value}>"


class Backend(str):
    """The name of what carries the messages.   torch: distributed.Backend"""

    UNDEFINED, GLOO, NCCL, UCC, MPI, XCCL = "undefined", "gloo", "nccl", "ucc", "mpi", "xccl"

    def __new__(cls, name):
        if not isinstance(name, str):
            raise ValueError("Backend constructor parameter must be string-ish")
        return str.__new__(cls, name.lower())


class ProcessGroup:
    """Some of the world's processes: here the one.   torch: distributed.ProcessGroup"""

    def __init__(self, backend):
        self.backend = backend

    def rank(self):
        """This process's number in the group."""
        return 0

    def size(self):
        """How many are in it."""
        return 1

    def name(self):
        """The backend's name."""
        return self.backend


entered = [None]
"""The group of all processes, once there is one."""


class World(type):
    """The class of ``group``, whose WORLD is whatever group there is."""

    @property
    def WORLD(cls):  # noqa: N802
        return entered[0]


class group(metaclass=World):
    """``group.WORLD`` is the group of all processes, None before ``init_process_group``.   torch: distributed.group"""


class GroupMember(metaclass=World):
    """The same by another name.   torch: distributed.GroupMember"""

    NON_GROUP_MEMBER = -100


def is_available():
    """Yes: for a world of one process."""
    return True


def is_initialized():
    """Whether ``init_process_group`` was called."""
    return entered[0] is not None


def is_nccl_available():
    """No."""
    return False


def is_gloo_available():
    """Yes, by name: a world of one sends nothing."""
    return True


def is_mpi_available():
    """No."""
    return False


def is_backend_available(backend):
    """Whether it is "gloo"."""
    return backend.lower() == "gloo"


def is_torchelastic_launched():
    """Whether ``torchrun`` started this process."""
    return "TORCHELASTIC_RUN_ID" in os.environ


def get_default_backend_for_device(device):
    """ "gloo" for the CPU, "nccl" for NVIDIA's GPUs."""
    return "nccl" if str(device).startswith("cuda") else "gloo"


def init_process_group(
    backend=None, init_method=None, timeout=default_pg_timeout, world_size=-1, rank=-1, store=None, group_name="",
    pg_options=None, device_id=None,
):  # fmt: skip
    """Enter the world. ``rank`` and ``world_size`` come from the environment (RANK, WORLD_SIZE) unless they are given.

    Raises NotImplementedError for more than one process.   torch: distributed.init_process_group
    """
    if is_initialized():
        raise ValueError("trying to initialize the default process group twice!")
    known = checked_backend(backend)
    if store is None and (init_method is None or init_method.startswith("env://")):
        rank, world_size = from_environment(rank, world_size)
    elif rank == -1 or world_size == -1:
        scheme = (init_method or "store").partition(":")[0]
        raise ValueError(f"Error initializing torch.distributed using {scheme}:// rendezvous: rank parameter missing")
    if world_size != 1:
        raise NotImplementedError(ONE_PROCESS)
    if rank != 0:
        raise ValueError(f"invalid rank {rank} for a world of {world_size}\nranks count from 0")
    entered[0] = ProcessGroup(known)


def checked_backend(backend):
    if backend is None:
        return Backend.UNDEFINED
    name = Backend(backend)
    if "gloo" in name:
        return str(name) if name == "gloo" else "gloo"
    if name in ("nccl", "mpi", "ucc", "xccl"):
        raise RuntimeError(f"Distributed package doesn't have {name.upper()} built in\nuse backend='gloo'")
    warnings.warn(
        f"Device capability of {name} unknown, assuming `cpu` and `cuda`. You can specify it in `device:backend` format in "
        "`init_process_group` call.",
        UserWarning,
        stacklevel=3,
    )
    raise AssertionError(f"Unknown backend type {name}")


def from_environment(rank, world_size):
    """Rank and size, each as given or as the environment says."""
    for given, name in ((rank, "RANK"), (world_size, "WORLD_SIZE"), (-1, "MASTER_ADDR"), (-1, "MASTER_PORT")):
        if given == -1 and name not in os.environ:
            raise ValueError(
                f"Error initializing torch.distributed using env:// rendezvous: environment variable {name} expected, but not set"
            )
    rank = int(os.environ["RANK"]) if rank == -1 else rank
    return rank, int(os.environ["WORLD_SIZE"]) if world_size == -1 else world_size


def destroy_process_group(group=None):
    """Leave the world, or a group of it.   torch: distributed.destroy_process_group"""
    if not is_initialized():
        raise AssertionError("Process group cannot be None")
    if group is None or group is entered[0]:
        entered[0] = None


def group_of(group):
    """``group``, or the world. Raises ValueError before ``init_process_group``."""
    if group is not None:
        return group
    if not is_initialized():
        raise ValueError("Default process group has not been initialized, please make sure to call init_process_group.")
    return entered[0]


def new_group(
    ranks=None, timeout=None, backend=None, pg_options=None, use_local_synchronization=False, group_desc=None, device_id=None
):
    """A group of some of the world's processes.   torch: distributed.new_group"""
    world = group_of(None)
    if ranks is not None and any(rank != 0 for rank in ranks):
        raise ValueError("the new group's rank should be within the world_size set by `init_process_group`")
    return ProcessGroup(world.backend if backend is None else checked_backend(backend))


def get_rank(group=None):
    """This process's number: 0.   torch: distributed.get_rank"""
    return group_of(group).rank()


def get_world_size(group=None):
    """How many processes there are: 1.   torch: distributed.get_world_size"""
    return group_of(group).size()


def get_backend(group=None):
    """What carries the messages.   torch: distributed.get_backend"""
    return group_of(group).backend


def get_process_group_ranks(group):
    """The ranks in a group.   torch: distributed.get_process_group_ranks"""
    group_of(group)
    return [0]


def get_global_rank(group, group_rank):
    """The rank in the world of one in a group.   torch: distributed.get_global_rank"""
    if group_rank != 0:
        raise ValueError(f"Group rank {group_rank} is not part of group {group}")
    return 0


def get_group_rank(group, global_rank):
    """The rank in a group of one in the world.   torch: distributed.get_group_rank"""
    if global_rank != 0:
        raise ValueError(f"Global rank {global_rank} is not part of group {group}")
    return 0


def get_node_local_rank(fallback_rank=None):
    """This process's number on its machine, from the environment.   torch: distributed.get_node_local_rank"""
    if "LOCAL_RANK" in os.environ:
        return int(os.environ["LOCAL_RANK"])
    if fallback_rank is not None:
        return int(fallback_rank)
    raise RuntimeError(
        "LOCAL_RANK is not in the environment. Consider passing fallback_rank to allow `get_node_local_rank` to work, assuming you are "
        "not running in a multi-device context and want the code to run locally instead."
    )
