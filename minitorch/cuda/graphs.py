"""Work of a GPU's that is written down once and then done again and again, at the cost of one launch.

    static = torch.empty(32, 784, device="cuda")
    for _ in range(3): step(static)                                   warm up: kernels are compiled, memory is found
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph): loss = step(static)                 written down, not done
    for x in data: static.copy_(x); graph.replay()                    done, with the numbers that are in ``static`` then

All tensors stay where they were; what only Python does, happens once. A step that waits for a number can't be captured.

torch: torch/cuda/graphs.py
"""

import gc

from .counting import empty_cache
from .devices import driver, on_gpus, synchronize
from .streams import DUMMY, Stream, StreamContext

__all__ = ["CUDAGraph", "graph", "graph_pool_handle"]


class CUDAGraph:
    """Work that was captured, for replay.   torch: cuda.CUDAGraph"""

    @on_gpus(RuntimeError, DUMMY.format("CUDAGraph"))
    def __init__(self, keep_graph=False):
        self.capture = None

    def capture_begin(self, pool=None, capture_error_mode="global"):
        """Write down what the current stream, which must not be the first one, is given from now on. pool: another graph's."""
        self.capture = driver().Capture(pool)

    def capture_end(self):
        """The end of it."""
        self.capture.end()

    def replay(self):
        """Do it. Raises RuntimeError if nothing was captured."""
        if self.capture is None or self.capture.graph is None:
            raise RuntimeError(
                "Called CUDAGraph::replay without a preceding successful capture.\nfirst: with torch.cuda.graph(this): ..."
            )
        self.capture.graph.launch()

    def reset(self):
        """Forget it, and the memory of its tensors."""
        self.capture = None

    def pool(self):
        """Where its memory comes from: for ``capture_begin`` of another."""
        return None if self.capture is None else self.capture.pool


@on_gpus(RuntimeError, DUMMY.format("_graph_pool_handle"))
def graph_pool_handle():
    """None: each graph has a pool of its own until it is given another's.   torch: cuda.graph_pool_handle"""


class graph:
    """A block whose work on a GPU is captured by ``cuda_graph``, on ``stream`` or on one for the purpose.   torch: cuda.graph"""

    default_capture_stream = None

    def __init__(self, cuda_graph, pool=None, stream=None, capture_error_mode="global"):
        if stream is None:
            if graph.default_capture_stream is None:
                graph.default_capture_stream = Stream()
            stream = graph.default_capture_stream
        self.cuda_graph, self.pool, self.stream = cuda_graph, pool, StreamContext(stream)

    def __enter__(self):
        synchronize()
        gc.collect()
        empty_cache()
        self.stream.__enter__()
        self.cuda_graph.capture_begin(self.pool)

    def __exit__(self, *exception):
        self.cuda_graph.capture_end()
        self.stream.__exit__(*exception)
