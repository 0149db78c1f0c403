"""What runs compiled programs on a GPU, by CuPy: memory, kernels, cuBLAS, CUDA graphs. The methods are those of a driver, see
``compiler/device.py``.

Nothing here waits for the GPU but ``download``, and a look at a flag before a step that CuPy runs: work is handed over, and done in order.

torch: c10/cuda, torch/cuda/graphs.py
"""

from collections import deque
from importlib import import_module

import cupy
import numpy
from cupy.cuda import runtime

from .cupy_draws import machine
from .cupy_products import Workspace, multiply_often

__all__ = ["Driver"]


class Memory:
    """A block of the GPU's memory."""

    def __init__(self, size):
        self.block = cupy.cuda.alloc(size)
        self.address = self.block.ptr


CALLS = 64
"""So many calls the CPU may be ahead of the GPU, for which each number that a check found has a place of its own."""
COMING = -1
"""What stands at a place until the number is there: checks find no number below 0."""


class Flag:
    """A number on the GPU, call for call: its copies are on their way while other work goes on, and none is lost."""

    def __init__(self, array):
        self.array, self.memory = array, cupy.cuda.alloc_pinned_memory(CALLS * array.nbytes)
        self.seen = numpy.frombuffer(self.memory, array.dtype, CALLS)
        self.free, self.coming, self.number = deque(range(CALLS)), deque(), 0

    def fetch(self):
        stream = cupy.cuda.get_current_stream()
        if not self.free:
            stream.synchronize()
            self.arrived()
        place = self.free.popleft()
        self.coming.append(place)
        self.seen[place] = COMING
        target = self.seen.ctypes.data + place * self.array.nbytes
        runtime.memcpyAsync(target, self.array.data.ptr, self.array.nbytes, runtime.memcpyDeviceToHost, stream.ptr)

    def arrived(self):
        """Look at the copies that are there, which come in the order of the calls."""
        while self.coming and self.seen[self.coming[0]] != COMING:
            place = self.coming.popleft()
            self.free.append(place)
            self.number = self.number or int(self.seen[place])

    def heard(self):
        """The number of this call, or of one before it if the GPU hasn't come so far yet; it is said once."""
        self.arrived()
        number, self.number = self.number, 0
        return number

    def now(self):
        """The number as it is: waits for it."""
        return int(self.array.get())


class Streams:
    """The current stream, number 0, and one beside it, while launches are captured. Both begin and end together."""

    def __init__(self, second):
        self.both = cupy.cuda.get_current_stream(), second

    def __enter__(self):
        self.wait(1, self.mark(0))
        return self

    def __exit__(self, *exception):
        self.wait(0, self.mark(1))

    def on(self, number):
        return self.both[number]

    def mark(self, number):
        event = cupy.cuda.Event(disable_timing=True)
        event.record(self.both[number])
        return event

    def wait(self, number, mark):
        self.both[number].wait_event(mark)


class Driver:
    """Programs on the current GPU."""

    def __init__(self):
        self.xp = import_module(".cupy", __package__)
        self.workspace, self.second = Workspace(), None

    def allocate(self, size):
        return Memory(size)

    def array(self, memory, offset, shape, strides, dtype):
        kind = self.xp.array_dtype(dtype)
        return cupy.ndarray(shape, kind, memory.block + offset, tuple([s * kind.itemsize for s in strides]))

    def address(self, array):
        """None for an array that lies on the CPU."""
        return array.data.ptr if array.__class__ is cupy.ndarray else None

    def copy(self, target, source):
        if target.flags.c_contiguous and source.flags.c_contiguous and target.dtype == source.dtype and target.size == source.size:
            target.data.copy_from_device_async(source.data, target.nbytes)
        else:
            cupy.copyto(target, source)

    def upload(self, memory, array):
        """The bytes are taken before this returns, but don't wait for work that was begun."""
        stream = cupy.cuda.get_current_stream().ptr
        runtime.memcpyAsync(memory.address, array.ctypes.data, array.nbytes, runtime.memcpyHostToDevice, stream)

    def download(self, array, memory):
        stream = cupy.cuda.get_current_stream()
        runtime.memcpyAsync(array.ctypes.data, memory.address, array.nbytes, runtime.memcpyDeviceToHost, stream.ptr)
        stream.synchronize()

    def load(self, text, names):
        module = cupy.RawModule(code=text, options=("-std=c++17",))
        return {name: module.get_function(name) for name in names}

    def launch(self, function, grid, block, addresses, shared=0):
        if shared > function.max_dynamic_shared_size_bytes:
            function.max_dynamic_shared_size_bytes = shared
        function(grid, (block,), tuple(addresses), shared_mem=shared)

    def multiply(self, product, addresses):
        multiply_often(product, addresses, self.workspace, self.capture)

    def capture(self, work):
        """What ``work()`` launches, as a CUDA graph. Captured on a stream of its own, it is replayed on the current one."""
        stream = cupy.cuda.Stream(non_blocking=True)
        with stream:
            stream.begin_capture()
            try:
                work()
            finally:
                graph = stream.end_capture()
        return graph.launch

    def beside(self):
        self.second = self.second or cupy.cuda.Stream(non_blocking=True)  # it must last until the capture ends
        return Streams(self.second)

    def machine(self):
        return machine(runtime.getDevice())

    def flag(self, array):
        return Flag(array)
