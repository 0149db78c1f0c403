"""Apple's GPUs: none here.   torch: torch/mps"""

__all__ = [
    "current_allocated_memory", "device_count", "driver_allocated_memory", "empty_cache", "is_available",
    "manual_seed", "seed", "synchronize",
]  # fmt: skip


def is_available():
    """No."""
    return False


def device_count():
    """0."""
    return 0


def manual_seed(seed):
    """Nothing: the CPU's generator is ``torch.manual_seed``'s."""


def seed():
    """Nothing."""


def lacking(name, what):
    def function(*args, **kwargs):
        raise RuntimeError(f"Cannot execute {what}() without MPS backend.\nthis installation computes on the CPU only")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Raises RuntimeError.   torch: mps.{name}"
    return function


synchronize, empty_cache = lacking("synchronize", "deviceSynchronize"), lacking("empty_cache", "emptyCache")
current_allocated_memory = lacking("current_allocated_memory", "currentAllocatedMemory")
driver_allocated_memory = lacking("driver_allocated_memory", "driverAllocatedMemory")
