"""Gradients whose memory isn't theirs alone: a program finds each by its leaf, and takes it for memory of its own.

    a.grad = b.grad = zeros(3)               one gradient of two leaves
    a.grad = a.data                          a leaf's own memory
    a.grad, b.grad = flat[:3], flat[3:]      parts of one array

PyTorch allows all of it, and so does eager mode. A run that touches such a gradient stays eager.
"""

from collections import Counter

from ..compiler.traced_memory import owner_of
from .tree import flattened

__all__ = ["entangled", "unfindable"]


def entangled(leaves, arguments):
    """({ids of memory that such gradients lie in}, {leaves whose gradient is the memory of an argument})."""
    found = [(x, x._grad._array, owner_of(x._grad._array)) for x in leaves if x._grad is not None]
    times = Counter([id(owner) for *_, owner in found])
    own = {id(owner_of(x._array)) for x in leaves if not hasattr(x, "materialize")}
    given = {id(owner_of(x._array)) for x in arguments}
    shared = {id(owner) for _, array, owner in found if times[id(owner)] > 1 or id(owner) in own or owner.nbytes != array.nbytes}
    return shared, {x for x, _, owner in found if id(owner) in given}


def unfindable(recording, watch, args, kwargs):
    """Words for something that a replay would look for where it needn't be next time; or None."""
    named = {id(x) for names in (*watch.often, *watch.seldom) for x in names.values}
    if any([kind == "grad" and which._grad is not None and id(which._grad) in named for kind, which in recording.externals]):
        return "it knows a gradient by another name than grad"
    asked = [name for x in flattened((args, kwargs))[0] for name in vars(x) if name in watch.said]
    return f"it may ask its argument for {asked[0]!r}, which somebody gave to it" if asked else None
