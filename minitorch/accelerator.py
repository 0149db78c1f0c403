"""Whatever computes beside the CPU: nothing here.   torch: torch/accelerator"""

__all__ = [
    "current_accelerator", "current_device_idx", "current_device_index", "current_stream", "device_count",
    "device_index", "empty_cache", "is_available", "set_device_idx", "set_device_index", "set_stream", "synchronize",
]  # fmt: skip


def is_available():
    """No."""
    return False


def device_count():
    """0."""
    return 0


def current_accelerator(check_available=False):
    """None."""
    return None


def lacking(name):
    def function(*args, **kwargs):
        raise RuntimeError("Cannot access accelerator device when none is available.\nask is_available() first")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Raises RuntimeError.   torch: accelerator.{name}"
    return function


current_device_index, current_device_idx, current_stream, device_index, empty_cache, set_device_idx, set_device_index = map(
    lacking,
    ("current_device_index", "current_device_idx", "current_stream", "device_index", "empty_cache", "set_device_idx", "set_device_index"),
)
set_stream, synchronize = map(lacking, ("set_stream", "synchronize"))
