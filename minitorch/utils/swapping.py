"""Two tensors that change places.   torch: torch/utils/__init__.py (swap_tensors)"""

from weakref import getweakrefs

from ..graph import CHANGES, AccumulateGrad

__all__ = ["swap_tensors"]

SLOTS = "__class__", "__dict__", "_array", "_grad", "_node", "_storage", "_view"


def swap_tensors(t1, t2):
    """Make of each what the other is, class and attributes included; whoever holds one of them sees the other.

    Raises RuntimeError for a tensor that others remember weakly, as backward does of a leaf that a graph was made of.
    torch: utils.swap_tensors

    >>> x, y = torch.zeros(1), nn.Parameter(torch.ones(2))
    >>> torch.utils.swap_tensors(x, y)
    >>> x, y
    (Parameter containing:
    tensor([1., 1.], requires_grad=True), tensor([0.]))
    """
    for name, tensor in (("t1", t1), ("t2", t2)):
        own = [] if tensor._node.__class__ is not AccumulateGrad else [tensor._node.leaf]
        if [r for r in getweakrefs(tensor) if r not in own]:
            raise RuntimeError(f"Cannot swap {name} because it has weakref associated with it")
    CHANGES[0] += 1
    for slot in SLOTS:
        one, other = getattr(t1, slot), getattr(t2, slot)
        setattr(t1, slot, other)
        setattr(t2, slot, one)
    for tensor in (t1, t2):
        if tensor._node.__class__ is AccumulateGrad:
            tensor._node = AccumulateGrad(tensor)
