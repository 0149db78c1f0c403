"""The graph of one run, for who wants to see what the compiler's stages make of it."""

from ..compiler.trace import Tracer

__all__ = ["traced"]


def traced(function, *tensors):
    """The graph of one run of a function that gives a tensor, or a tuple of them.

    >>> print(traced(lambda x, y: (x + y).exp(), torch.ones(3), torch.ones(3)))
    %0: float32[3], %1: float32[3]
    %2: float32[3] = add %0 %1
    %3: float32[3] = exp %2
    return %3
    """
    tracer = Tracer()
    with tracer:
        made = function(*tensors)
        return tracer.graph([tracer.read(x) for x in (made if made.__class__ is tuple else (made,))])
