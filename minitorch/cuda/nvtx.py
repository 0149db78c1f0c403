"""Marks for NVIDIA's profiler: raise RuntimeError here.   torch: torch/cuda/nvtx.py"""

from ..making import lacking

__all__ = ["mark", "range_pop", "range_push"]


TEXT = "NVTX functions not installed. Are you sure you have a CUDA build?\nthis installation computes on the CPU only"
mark, range_pop, range_push = [lacking(f"cuda.nvtx.{name}", RuntimeError, TEXT) for name in ("mark", "range_pop", "range_push")]
