"""Switches that PyTorch programs set at their start. Some decide nothing here, and remember what they were set to.

torch: torch/__init__.py, aten/src/ATen/Context.h
"""

import os
import warnings

__all__ = [
    "SETTINGS", "are_deterministic_algorithms_enabled", "get_deterministic_debug_mode", "get_float32_matmul_precision",
    "get_num_interop_threads", "is_deterministic_algorithms_warn_only_enabled", "is_vulkan_available", "is_warn_always_enabled",
    "set_deterministic_debug_mode", "set_float32_matmul_precision", "set_flush_denormal", "set_num_interop_threads",
    "set_warn_always", "use_deterministic_algorithms",
]  # fmt: skip


class Settings:
    """What they are set to."""

    def __init__(self):
        self.precision = "highest"
        self.deterministic = self.warn_only = self.warn_always = False
        self.interop_threads = os.cpu_count() or 1
        self.number_is_size = False  # whether Tensor(4) has four elements, as in PyTorch, or is a number that wants its gradient


SETTINGS = Settings()
PRECISIONS = ("highest", "high", "medium")
DEBUG_MODES = ("default", "warn", "error")


def set_float32_matmul_precision(precision):
    """How exact products of float32 matrices are: "highest", "high" or "medium". On the CPU they are exact whatever it is; on
    a GPU the last two round their factors to TF32.

    torch: set_float32_matmul_precision
    """
    if precision not in PRECISIONS:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the currentsetFloat32MatmulPrecision call has no effect.",
            UserWarning,
            stacklevel=2,
        )
        return
    SETTINGS.precision = precision


def get_float32_matmul_precision():
    """What it was set to.   torch: get_float32_matmul_precision"""
    return SETTINGS.precision


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Only algorithms that give the same result each time. On the CPU all do; on a GPU numbers are then added at places in one order.

    torch: use_deterministic_algorithms
    """
    if not isinstance(mode, bool):
        raise TypeError(f"_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, not {type(mode).__name__}")
    SETTINGS.deterministic, SETTINGS.warn_only = mode, warn_only


def are_deterministic_algorithms_enabled():
    """What it was set to.   torch: are_deterministic_algorithms_enabled"""
    return SETTINGS.deterministic


def is_deterministic_algorithms_warn_only_enabled():
    """What it was set to.   torch: is_deterministic_algorithms_warn_only_enabled"""
    return SETTINGS.warn_only


def set_deterministic_debug_mode(debug_mode):
    """The same by a word or its number: "default", "warn" or "error".   torch: set_deterministic_debug_mode"""
    if debug_mode not in (*DEBUG_MODES, 0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected one of `default`, `warn`, `error`, but got {debug_mode}"
            if isinstance(debug_mode, str)
            else f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}"
        )
    number = DEBUG_MODES.index(debug_mode) if isinstance(debug_mode, str) else debug_mode
    use_deterministic_algorithms(number > 0, warn_only=number == 1)


def get_deterministic_debug_mode():
    """0 for "default", 1 for "warn", 2 for "error".   torch: get_deterministic_debug_mode"""
    return 0 if not SETTINGS.deterministic else 1 if SETTINGS.warn_only else 2


def set_flush_denormal(mode):
    """Whether the smallest numbers count as 0: can't be chosen here, so False is returned.   torch: set_flush_denormal"""
    return False


def set_warn_always(b):
    """Whether PyTorch warns each time. Python decides that here.   torch: set_warn_always"""
    SETTINGS.warn_always = bool(b)


def is_warn_always_enabled():
    """What it was set to.   torch: is_warn_always_enabled"""
    return SETTINGS.warn_always


def set_num_interop_threads(int):
    """The threads of TorchScript's interpreter, which isn't here.   torch: set_num_interop_threads"""
    SETTINGS.interop_threads = int


def get_num_interop_threads():
    """What it was set to.   torch: get_num_interop_threads"""
    return SETTINGS.interop_threads


def is_vulkan_available():
    """No.   torch: is_vulkan_available"""
    return False
