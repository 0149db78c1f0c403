"""Marks for NVIDIA's profiler: without a GPU they raise RuntimeError.   torch: torch/cuda/nvtx.py"""

from .devices import driver, on_gpus

__all__ = ["mark", "range_pop", "range_push"]

TEXT = "NVTX functions not installed. Are you sure you have a CUDA build?"


@on_gpus(RuntimeError, TEXT)
def mark(msg):
    """A mark at this moment.   torch: cuda.nvtx.mark"""
    driver().mark(msg)


@on_gpus(RuntimeError, TEXT)
def range_push(msg):
    """The beginning of a stretch of time with a name.   torch: cuda.nvtx.range_push"""
    driver().range_push(msg)


@on_gpus(RuntimeError, TEXT)
def range_pop():
    """The end of the stretch that began last.   torch: cuda.nvtx.range_pop"""
    driver().range_pop()
