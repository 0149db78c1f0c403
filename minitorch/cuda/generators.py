"""The random numbers of GPUs: a generator for all of them.   torch: torch/cuda/random.py"""

import os

from ..backends import ACCELERATORS, gpu_backend, gpu_count
from ..engine import wrap
from ..modes import steer
from ..random import Generator
from .devices import on_gpus

__all__ = [
    "DefaultGenerators", "get_rng_state", "get_rng_state_all", "initial_seed", "manual_seed", "manual_seed_all",
    "seed", "seed_all", "set_rng_state", "set_rng_state_all",
]  # fmt: skip


def manual_seed(seed):
    """Start the GPU's generator from ``seed``; without a GPU, nothing.   torch: cuda.manual_seed"""
    if is_there():
        steer(gpu_backend().default_stream).manual_seed(int(seed) % 2**64)


def manual_seed_all(seed):
    """The same for all GPUs.   torch: cuda.manual_seed_all"""
    manual_seed(seed)


def seed():
    """Start the GPU's generator from a seed that nobody can know.   torch: cuda.seed"""
    manual_seed(int.from_bytes(os.urandom(8), "little"))


def seed_all():
    """The same for all GPUs.   torch: cuda.seed_all"""
    seed()


def is_there():
    return bool(ACCELERATORS) or gpu_count() > 0


@on_gpus()
def initial_seed():
    """The seed that the GPU's generator started from.   torch: cuda.initial_seed"""
    return gpu_backend().default_stream.initial_seed


@on_gpus()
def get_rng_state(device="cuda"):
    """The state of the GPU's generator, a tensor of bytes in the CPU's memory.   torch: cuda.get_rng_state"""
    return wrap(steer(gpu_backend().default_stream).get_state())


def get_rng_state_all():
    """The states of all generators.   torch: cuda.get_rng_state_all"""
    return [get_rng_state()] if is_there() else []


def set_rng_state(new_state, device="cuda"):
    """Let the GPU's generator go on from a state; without a GPU, nothing.   torch: cuda.set_rng_state"""
    if is_there():
        steer(gpu_backend().default_stream).set_state(new_state.numpy())


def set_rng_state_all(new_states):
    """The same, from ``get_rng_state_all``.   torch: cuda.set_rng_state_all"""
    for state in new_states:
        set_rng_state(state)


class DefaultGenerators(tuple):
    """What draws without ``generator=`` come from, as a Generator for each GPU; none without one."""

    __slots__ = ()

    def __len__(self):
        return 1 if is_there() else 0

    def __iter__(self):
        return iter([self[0]] if is_there() else [])

    def __getitem__(self, index):
        if not is_there():
            return ()[index]
        found = Generator("cuda")
        found.stream = gpu_backend().default_stream
        return [found][index]
