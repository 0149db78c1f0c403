"""The graph that operations leave behind. The walk back through it is in ``backward.py``.

A Node is one step that backward will undo. Nodes point to the Nodes that their inputs came from, never to tensors: a
tensor that is written to gets another Node, and what others remember of it stays. Tensors are known here by their methods
only; they are defined in ``engine.py``.

torch: torch/csrc/autograd/node.h, saved_variable.cpp, and view tracking in variable.cpp
"""

from functools import partial
from itertools import count
from sys import getrefcount
from weakref import ref

from . import errors, primitives
from .backends import ARRAY_TYPES, backend_of
from .labels import node_name
from .modes import MODE, enable_grad
from .recompute import Remade, made_again
from .symbolic import hold
from .tables.strides import as_strided
from .tape import LARGE, TAPED, recorded

__all__ = [
    "AccumulateGrad", "CHANGES", "GRAD", "HookHandle", "InferenceStorage", "Node", "Storage", "Stub", "View", "edge_of", "edges_of",
    "fresh", "producer", "refused_view", "remembered", "stale", "viewed",
]  # fmt: skip


class Storage:
    """What a tensor and its views share: how often that memory was written to. Who makes one sets ``version`` to 0."""

    __slots__ = ("__weakref__", "version")
    version: int
    inference = False
    counted = True  # nobody writes to it without a count

    def open(self):
        """Somebody may write to this memory without a count from now on, as one can by ``.data`` or a NumPy array."""
        if self.__class__ is Storage:
            self.__class__ = OpenStorage


class OpenStorage(Storage):
    """That of memory which holds what was last written there, by whatever way."""

    __slots__ = ()
    counted = False


class InferenceStorage(Storage):
    """That of tensors made in inference mode: no writes are counted, so nothing of it can be kept for backward."""

    __slots__ = ()
    inference = True

    @property
    def version(self):
        if MODE.inference:
            return 0
        raise RuntimeError(errors.INFERENCE_SAVED)

    @version.setter
    def version(self, number):
        """Not counted."""


class View:
    """How a tensor is seen in another's memory: ``path``, view rows with their params, leads from ``base`` to it.

    ``made`` says how: in "grad", "no_grad" or "inference" mode, or as one of "several" by a function such as unbind.
    ``seen`` is the base's Node when the tensor's own Node was made. If the base was written to since, through whichever
    view, its Node is another, and this tensor's history is to be followed anew (``edge_of``). Only those made in "grad"
    mode can be; of the others ``version`` tells if there was a write, and ``output`` what to call them.
    """

    __slots__ = ("base", "made", "output", "path", "seen", "version")

    def __init__(self, base, path, made):
        self.base, self.path, self.made, self.seen = base, path, made, base._node
        if made is not GRAD:
            self.output, self.version = None, None if base._storage.inference else base._storage.version

    def unfit(self, made, output=None):
        """Mark a view, just made, as one that can't follow writes."""
        storage = self.base._storage
        self.made, self.output, self.version = made, output, None if storage.inference else storage.version


CHANGES = [0]
"""How often something changed that compiled programs take for granted: the memory of a tensor, whether a leaf wants its
gradient, what is registered in a module, its ``training``, an optimizer's groups. One number to compare, in place of a walk."""

GRAD = "grad"
CREATED = count(1)
MISSING = object()
TAPES_A_ROW = 256


class Stub:
    """What is kept of an input of which the vjps ask only the shape and dtype.   source: where it is as a whole, as in ``saved``,
    for a vjp that runs a function once more; else None."""

    __slots__ = ("dtype", "shape", "source")

    def __init__(self, tensor, whole=False):
        self.shape, self.dtype = tensor._array.shape, tensor.dtype
        storage = tensor._storage
        self.source = (tensor._array, storage, None if storage.inference else storage.version) if whole else None

    @property
    def ndim(self):
        return len(self.shape)


class Node:
    """One step that backward will undo: the row, what its vjps read, and the Nodes that its inputs came from.

    ``saved`` has a place for the output and one for each input: an (array, storage, version), a number, a Stub, a Remade or None.
    ``shapes`` is None unless inputs were broadcast; ``number`` tells the order of creation.
    """

    __slots__ = ("__dict__", "__weakref__", "edges", "number", "params", "row", "saved", "shapes", "wanted")
    shown = None  # PyTorch's name, where the row doesn't tell it
    tensor_hooks = ()  # called with the gradient of the output, may replace it
    prehooks = ()  # called with the gradients of the outputs
    posthooks = ()  # called with the gradients of the inputs and of the output
    hooked = False  # whether there was ever any of these

    def __init__(self, row, params, edges, saved, wanted=0):
        self.row, self.params, self.edges, self.saved, self.wanted = row, params, edges, saved, wanted
        self.shapes, self.number = None, next(CREATED)

    def pull(self, g, useful=None):
        """The gradients of the inputs, given ``g``, that of the output; only of those that came from ``useful`` Nodes.

        Raises RuntimeError if a value that is needed was freed, or written to since it was saved.
        """
        wanted = self.wanted if useful is None else self.useful_inputs(useful)
        mode, array = MODE, g._array
        if mode.grad or mode.listeners or array.dtype.char not in TAPED:
            return self.vector_jacobian_products(wanted, g, self.unpack(g))
        arrays, key = self.arrays_and_key(array, wanted)
        tape = self.row.tapes.get(key, MISSING)
        if tape is MISSING:
            return self.taped(key, wanted, g)
        if tape is None:
            return self.vector_jacobian_products(wanted, g, self.unpack(g))
        wrap = g._wrap
        return [
            None if d is None else g if d is array else wrap(d)
            for d in tape(ARRAY_TYPES[array.__class__], array, *arrays)
        ]

    def useful_inputs(self, useful):
        """The wanted inputs that came from ``useful`` Nodes, as a set of bits."""
        return sum([1 << i for i, edge in enumerate(self.edges) if edge is not None and edge in useful])

    def taped(self, key, wanted, g):
        """The gradients of the inputs; what the vjps did is kept for next time."""
        results, tape, shapeless = recorded(partial(self.vector_jacobian_products, wanted), g, self.unpack(g))
        row = self.row
        if len(row.tapes) >= TAPES_A_ROW:
            row.tapes.clear()
        if any([number.__class__ is float and number == 0 for number in (*self.params, *(self.saved or ()))]):
            return results  # 0.0 and -0.0 would be one key
        if shapeless or row.asks_shapes or self.shapes is not None:
            row.tapes[key] = tape
        else:
            row.asks_shapes = True  # this key was without shapes
        return results

    def vector_jacobian_products(self, wanted, g, values):
        """The row's vjps, run with tensors; None for inputs that aren't in the bit set ``wanted``."""
        row, params, shapes = self.row, self.params, self.shapes
        if row.jointly is not None:
            return [d if wanted >> i & 1 else None for i, d in enumerate(row.jointly(g, *values, *params))]
        gradients = []
        for i in range(len(self.edges)):
            if not wanted >> i & 1:
                gradients.append(None)
                continue
            if row.each is None:
                gradient = row.vjps[i](g, *values, *params)
            else:
                gradient = row.each(g, i, values[1:], *params)
            gradients.append(gradient if shapes is None else gradient.sum_to(shapes[i]))
        return gradients

    def arrays_and_key(self, g, wanted):
        """The saved arrays, and what the rows that the vjps run depend on: never on the numbers in the arrays."""
        if self.saved is None:
            raise RuntimeError(errors.FREED)
        arrays, key = [], [wanted, self.wanted, len(self.edges), self.params, g.dtype, g.__class__]  # self.wanted tells what was saved
        by_shape = self.row.asks_shapes or self.shapes is not None
        for i, value in enumerate(self.saved):
            if value.__class__ is tuple:
                array, storage, version = value
                if storage.version != version:
                    raise self.overwritten(i)
                arrays.append(array)
                if by_shape:
                    key += (array.shape, array.dtype)  # a real g may be that of a complex matrix's singular values
            elif value.__class__ is Remade:
                arrays.append(self.unwritten(i).array())
                key += (value.shape, value.dtype)
            elif value is not None:
                key += (value.shape, value.dtype) if value.__class__ is Stub else (value,)
        if by_shape:
            key += [g.shape, self.shapes]
        else:
            key += [g.ndim == 0, g.size >= LARGE]
        return arrays, tuple(key)

    def unpack(self, like):
        """The saved values, as tensors ``like`` another."""
        if self.saved is None:
            raise RuntimeError(errors.FREED)
        values = []
        for i, value in enumerate(self.saved):
            if value.__class__ is Stub and value.source is not None:
                value = value.source
            if value.__class__ is tuple:
                array, storage, version = value
                if version is not None and storage.version != version:
                    raise self.overwritten(i)
                value = like._wrap(array, storage)
                value._node = self.edges[i - 1] if i else self
            elif value.__class__ is Remade:
                value = self.unwritten(i).tensor(like)
                value._node = self.edges[i - 1]
            values.append(value)
        return values

    def unwritten(self, i):
        """The Remade at that place, if the value wasn't written to."""
        value = self.saved[i]
        if value.storage.version != value.version:
            raise self.overwritten(i)
        return value

    def overwritten(self, i, saved=None):
        """The exception for a saved value that was written to since; ``saved``: the list of them, if they were let go of."""
        value = (saved or self.saved)[i]
        value = value.source if value.__class__ is Stub else value
        array, storage, version = value if value.__class__ is tuple else (value, value.storage, value.version)
        dtype = backend_of((array,)).dtype_of(array).name
        return errors.overwritten_error(dtype, array.shape, producer(self.edges[i - 1] if i else self), storage.version, version)

    def free(self):
        """Let go of the saved values. A node that saved none can go backward again."""
        for value in self.saved or ():
            if value.__class__ is tuple or value.__class__ is Remade:
                self.saved = None
                break

    def name(self):
        """PyTorch's name for it, such as ``MulBackward0``."""
        return self.shown or node_name(self.row, self.params, self.saved)

    @property
    def next_functions(self):
        return tuple((edge, 0) for edge in self.edges if edge is not None)

    def register_hook(self, hook):
        """Call ``hook(gradients of inputs, gradients of outputs)`` when backward passes; it may return new ones."""
        return HookHandle(self, "posthooks", hook)

    def register_prehook(self, hook):
        """Call ``hook(gradients of outputs)`` before backward passes; it may return new ones."""
        return HookHandle(self, "prehooks", hook)

    def __repr__(self):
        return f"<{self.name()} object at {id(self):#x}>"


class AccumulateGrad(Node):
    """The end of the graph at a leaf: what arrives here is added to ``leaf.grad``.

    The leaf holds this node and not the other way round, so neither keeps the other alive in a circle. Numbers are
    negative: leaves come last.
    """

    __slots__ = ("leaf",)
    after_hooks = ()  # called with the leaf when its gradient has arrived

    def __init__(self, leaf):
        Node.__init__(self, None, (), (), [], 0)
        self.leaf, self.number = ref(leaf), -self.number

    @property
    def variable(self):
        return self.leaf()

    def name(self):
        return "AccumulateGrad"

    def takes(self, d, g, started):
        """Add ``d`` to the leaf's gradient at once and return True, if this backward started that gradient.

        No hook may want the sum first; and a gradient from an earlier backward gets this one's sum, as in PyTorch.
        """
        leaf = self.leaf()
        if leaf is None or self.tensor_hooks or self.after_hooks:
            return False
        if leaf._grad is None:
            leaf._grad = d if fresh(d, g) and d._array.flags.c_contiguous else d.clone().contiguous()
            started.add(self)
            return True
        if self in started:
            leaf._grad._write(primitives.add, (leaf._grad, d))
            return True
        return False

    def accumulate(self, g, owned):
        """``leaf.grad += g``. Memory that nobody else holds (``owned``) becomes the gradient itself."""
        leaf = self.leaf()
        if leaf is None:
            return
        old = leaf._grad
        if old is None:
            if not MODE.grad and (not owned or not g._array.flags.c_contiguous):
                g = g.clone() if g._array.flags.c_contiguous else g.contiguous()
            leaf._grad = g
        elif MODE.grad:
            leaf._grad = old + g
        else:
            old._write(primitives.add, (old, g))
        if self.after_hooks:
            for hook in self.after_hooks:
                if hook(leaf) is not None:
                    raise RuntimeError("Tensor post accumulate grad hooks should return None.\nset .grad in the hook instead")


class HookHandle:
    """Takes a hook away again.   torch: torch.utils.hooks.RemovableHandle"""

    __slots__ = ("hook", "kind", "owner")

    def __init__(self, owner, kind, hook):
        self.owner, self.kind, self.hook = owner, kind, hook
        setattr(owner, kind, (*getattr(owner, kind), hook))
        owner.hooked = True
        self.tell()

    def tell(self):
        """A program that computes a leaf's gradient takes it for granted that there is no hook."""
        if self.owner.__class__ is AccumulateGrad:
            CHANGES[0] += 1

    def remove(self):
        left = tuple(hook for hook in getattr(self.owner, self.kind) if hook is not self.hook)
        setattr(self.owner, self.kind, left)
        self.tell()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.remove()


def producer(node):
    """What an error calls the step that a value came of; None for a leaf, or where there was none."""
    if node is None or node.__class__ is AccumulateGrad:
        return None
    return node.row.label if node.__class__ is Node else node.name()


def edge_of(x):
    """The Node that ``x`` came from, None if it wants no gradient. After a write to its base, a view's is made anew.

    Raises RuntimeError for a view that can't follow a write, where gradients are recorded.
    """
    view = x._view
    if view is not None and (view.made is not GRAD or view.base._node is not view.seen):
        base = view.base
        if view.made is not GRAD:
            if MODE.grad and stale(x, view):
                raise refused_view(x, True)
            return x._node
        follower = x._wrap(base._array, base._storage)
        follower._node = base._node
        with enable_grad():
            for row, params in view.path:
                follower = follower._apply(row, (follower,), params)
        x._node, view.seen = follower._node, base._node
    return x._node


def stale(x, view):
    """Whether the memory of a view that can't follow writes was written to, and there is a history to lose."""
    lost = view.base._node is not None or (x._node is not None and x._node.__class__ is not AccumulateGrad)
    return lost and x._storage.version != view.version


def refused_view(x, indirect):
    """The exception for a view that can't follow a write, to another view of its memory or (not ``indirect``) to itself."""
    view, node = x._view, x._node
    named = None if node is None else view.output or f"0 of {node.name().removesuffix('Backward0')}"
    return errors.view_error(view.made, named, indirect)


# ------------------------------------------------------------------------------------------------------ what is remembered


def viewed(source, step, grad_mode):
    """The View of what comes of a view row on ``source``."""
    view = source._view
    made = GRAD if grad_mode else "inference" if MODE.inference else "no_grad"
    if view is None or edge_of(source).__class__ is AccumulateGrad:  # a view that was made a leaf is a base of its own
        return View(source, (step,), made)
    if view.made is not GRAD and grad_mode:
        made = view.made
    if step[0] is as_strided:  # it speaks of the memory, whatever view of it the source is
        base, (shape, strides, offset, _) = view.base, step[1]
        return View(base, ((step[0], (shape, strides, offset, (base.stride(), base.storage_offset()))),), made)
    return View(view.base, (*view.path, step), made)


def edges_of(inputs):
    """Which inputs have a history, as a set of bits; and for each its Node or None."""
    wanted, edges = 0, []
    for i, x in enumerate(inputs):
        edge = edge_of(x) if hasattr(x, "_array") else None
        edges.append(edge)
        if edge is not None:
            wanted |= 1 << i
    return wanted, edges


def remembered(row, inputs, params, out, wanted, edges):
    """The Node of ``out``, with what the vjps of the ``wanted`` inputs read."""
    count = len(inputs)
    if wanted & row.wants != wanted:
        wanted &= row.wants
        edges = [edge if wanted >> i & 1 else None for i, edge in enumerate(edges)]
    node = object.__new__(Node)
    node.row, node.params, node.edges = row, params, edges
    node.wanted, node.shapes, node.number = wanted, None, next(CREATED)
    node.saved = saved = [None] * (count + 1)
    if row.shapes_of or row.each:
        for position in row.shapes_of or range(1, count + 1):
            saved[position] = Stub(inputs[position - 1])
    positions, product = row.saves.get((wanted, count)), row.kind == "contraction"
    for position in row.saved_for(wanted, count, inputs) if positions is None else positions:
        x = inputs[position - 1] if position else out
        source = edges[position - 1] if product and position else None
        if source.__class__ is Node and (x._view or source.row.kind == "composite") and (again := made_again(x)) is not None:
            saved[position] = again
        else:
            saved[position] = (x._array, x._storage, x._storage.version) if hasattr(x, "_array") else x
    if count > 1 and row.kind == "elementwise":
        shape = out._array.shape
        for x in inputs:
            if hasattr(x, "_array") and x._array.shape != shape:
                node.shapes = tuple([x._array.shape if hasattr(x, "_array") else None for x in inputs])
                break
    if MODE.listeners:
        hold(node)
    return node


# ------------------------------------------------------------------------------------------------- who holds the memory


def fresh(d, g):
    """Whether a vjp made the memory of ``d`` just now: it isn't ``g`` passed on, nor a view, nor held by a second name."""
    return d is not g and d._array.base is None and holders(d) == ONE_HOLDER


def holders(tensor):
    """How many hold the tensor's array, in a measure of its own: compare with ``ONE_HOLDER``."""
    array = tensor._array
    return getrefcount(array)


class Alone:
    """Something with an array that nobody else holds."""

    __slots__ = ("_array",)

    def __init__(self):
        self._array = object()


ONE_HOLDER = holders(Alone())
"""What ``holders`` says of an array that one tensor holds. Measured, since Python's versions count differently."""
