"""Saved values that aren't kept: what one kernel makes again, of values that are kept anyway.

    h = gelu(x)        its Node keeps x
    y = linear(h, w)   the gradient of w reads h: its Node keeps the way there, and h is freed with its last name

Only a product's Node does so, and only for what a composite (autograd/composite.py) made: beside the product that kernel takes
no time worth speaking of. Of a GPT's step that is a third of the memory.

torch: nothing of its own; torch/utils/checkpoint.py asks for it by name.   Chen et al. 2016, arXiv:1604.06174
"""

from weakref import ref

from .backends import ARRAY_TYPES
from .modes import MODE, all_compile, no_grad

__all__ = ["Remade", "made_again"]


class Remade:
    """In a Node's ``saved``: the value of a composite's ``node``, seen by the view rows of ``path``.

    Whoever still has the memory keeps the value too, and it is taken from there.
    """

    __slots__ = ("dtype", "kept", "memory", "node", "path", "shape", "storage", "version")

    def __init__(self, x, whole, node, path):
        self.shape, self.dtype, self.storage, self.version = x._array.shape, x._array.dtype, x._storage, x._storage.version
        self.memory, self.node, self.kept, self.path = ref(whole._array), node, node.saved, path

    def inputs(self):
        """What the composite reads, (array, storage) each. RuntimeError for one that was written to since."""
        for i, (array, storage, version) in enumerate(self.kept[1:], 1):
            if storage.version != version:
                raise self.node.overwritten(i, self.kept)
            yield array, storage

    def array(self):
        array, row = self.memory(), self.node.row
        if array is None:
            arrays = [x for x, _ in self.inputs()]
            array = row.forward(ARRAY_TYPES[arrays[0].__class__], *arrays, *self.node.params)
            self.memory = ref(array)
        for row, params in self.path:
            array = row.forward(ARRAY_TYPES[array.__class__], array, *params)
        return array

    def tensor(self, like):
        """The same as a tensor ``like`` another, for those who listen."""
        array = self.memory()
        with no_grad():
            if array is not None:
                x = like._wrap(array, self.storage)
            else:
                x = like._apply(self.node.row, [like._wrap(*kept) for kept in self.inputs()], self.node.params)
                self.memory = ref(x._array)
            for row, params in self.path:
                x = x._apply(row, (x,), params)
        return x


def made_again(x):
    """A Remade of the tensor ``x``; None if it must be kept itself."""
    view = x._view
    whole = x if view is None else view.base
    node = whole._node
    if node is None or node.row is None or node.row.kind != "composite" or node.row.jointly or node.saved is None or not x._storage.counted:
        return None
    if (view is not None and (view.seen is not node or view.made != "grad")) or (MODE.listeners and not all_compile()):
        return None
    if not all([value.__class__ is tuple for value in node.saved[1:]]) or not ARRAY_TYPES[x._array.__class__].SYNCHRONOUS:
        return None
    return Remade(x, whole, node, () if view is None else view.path)
