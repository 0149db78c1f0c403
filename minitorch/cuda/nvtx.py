"""Marks for NVIDIA's profiler: raise RuntimeError here.   torch: torch/cuda/nvtx.py"""

__all__ = ["mark", "range_pop", "range_push"]


def lacking(name):
    def function(*args, **kwargs):
        raise RuntimeError("NVTX functions not installed. Are you sure you have a CUDA build?\nthis installation computes on the CPU only")

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Raises RuntimeError.   torch: cuda.nvtx.{name}"
    return function


mark, range_pop, range_push = map(lacking, ("mark", "range_pop", "range_push"))
