"""The profiler by its older name.   torch: torch/autograd/profiler.py"""

from ..profiler import EventList, FunctionEvent, record_function
from ..profiler import profile as newer

__all__ = ["EventList", "FunctionEvent", "profile", "record_function"]


class profile(newer):
    """Measure what runs in the block.   torch: autograd.profiler.profile"""

    def __init__(self, enabled=True, *, use_cuda=False, use_device=None, record_shapes=False, with_flops=False,
                 profile_memory=False, with_stack=False, with_modules=False, use_kineto=False, use_cpu=True, **more):  # fmt: skip
        super().__init__()
        self.enabled = enabled

    def begin(self):
        if self.enabled:
            super().begin()

    def table(self, sort_by=None, row_limit=100, **options):
        """What was measured, to print."""
        return self.recorded.table(sort_by, row_limit)

    def total_average(self):
        """All as one event."""
        return self.recorded.total_average()
