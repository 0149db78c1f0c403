"""The profiler by its older name.   torch: torch/autograd/profiler.py"""

from ..profiler import EventList, FunctionEvent, record_function
from ..profiler import profile as newer

__all__ = ["EventList", "FunctionEvent", "profile", "record_function"]


class profile(newer):
    """Measure what runs in the block.   torch: autograd.profiler.profile"""

    def __init__(self, enabled=True, *, use_cuda=False, use_device=None, record_shapes=False, with_flops=False,
                 profile_memory=False, with_stack=False, with_modules=False, use_kineto=False, use_cpu=True, **more):  # fmt: skip
        super().__init__(record_shapes=record_shapes, profile_memory=profile_memory, with_stack=with_stack)
        self.enabled, self.recorded = enabled, EventList()

    @property
    def function_events(self):
        """What was measured, one by one."""
        return self.events()

    @property
    def self_cpu_time_total(self):
        """What all of it took, in microseconds."""
        return self.recorded.self_cpu_time_total

    def begin(self):
        if self.enabled:
            super().begin()

    def table(self, sort_by=None, row_limit=100, **options):
        """What was measured, to print."""
        return self.recorded.table(sort_by, row_limit)

    def total_average(self):
        """All as one event."""
        return self.recorded.total_average()
