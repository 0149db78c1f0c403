"""The graph as users see it, and hooks on what it keeps.   torch: torch.autograd.graph

The hooks are a listener: while a block is open, each step that was recorded gives what it saved to ``pack``, and its Node
becomes one that asks ``unpack`` for it when backward comes. Without a block nothing of this is asked.
"""

from ..absent import absent
from ..engine import no_grad
from ..graph import Node
from ..modes import MODE

__all__ = ["Node", "save_on_cpu", "saved_tensors_hooks"]

__getattr__ = absent(__name__)


class _Packed:
    """What ``pack`` made of a saved tensor, and how to get it back."""

    __slots__ = ("content", "unpack")

    def __init__(self, content, unpack):
        self.content, self.unpack = content, unpack


class _PackedNode(Node):
    """A Node that saved what ``pack`` returned."""

    __slots__ = ()

    def pull(self, g, useful=None):
        wanted = self.wanted if useful is None else self.useful_inputs(useful)
        return self.vector_jacobian_products(wanted, g, self.unpack(g))

    def unpack(self, like):
        values = Node.unpack(self, like)
        for i, value in enumerate(values):
            if value.__class__ is _Packed:
                found = value.unpack(value.content)
                values[i] = like._wrap(found._array, found._storage)
                values[i]._node = self.edges[i - 1] if i else self
        return values

    def free(self):
        if any([value.__class__ is _Packed for value in self.saved or ()]):
            self.saved = None
        Node.free(self)


class saved_tensors_hooks:  # noqa: N801
    """A block in which what is kept for backward goes through ``pack_hook``, and comes back through ``unpack_hook``.

    What operations in place and Functions of one's own keep is left as it is.   torch: autograd.graph.saved_tensors_hooks

    >>> x = tensor([1., 2.], requires_grad=True)
    >>> with torch.autograd.graph.saved_tensors_hooks(lambda x: x.tolist(), torch.tensor):
    ...     y = x * x
    >>> y.sum().backward()
    >>> x.grad
    tensor([2., 4.])
    """

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __call__(self, row, inputs, params, output, written):
        node = output._node
        if written or node.__class__ is not Node or node.row is not row or node.saved is None:
            return
        values = Node.unpack(node, output)
        for i, value in enumerate(node.saved):
            if value.__class__ is tuple:
                before, MODE.listeners = MODE.listeners, ()
                try:
                    with no_grad():
                        node.saved[i] = _Packed(self.pack_hook(values[i]), self.unpack_hook)
                finally:
                    MODE.listeners = before
                node.__class__ = _PackedNode

    def __enter__(self):
        self.before = MODE.listeners
        others = [listener for listener in self.before if not isinstance(listener, saved_tensors_hooks)]
        MODE.listeners = (*others, self)  # the innermost block's hooks are the ones

    def __exit__(self, *exception):
        MODE.listeners = self.before


class save_on_cpu(saved_tensors_hooks):  # noqa: N801
    """A block in which what is kept for backward is kept on the CPU: a copy.   torch: autograd.graph.save_on_cpu"""

    def __init__(self, pin_memory=False, device_type="cuda"):
        saved_tensors_hooks.__init__(self, lambda x: x.detach().clone(), lambda x: x)
